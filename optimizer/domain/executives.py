"""Who drives and serves: shift, break, skills, what is preferred and what is fixed."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.domain.faults import Fault, InvalidProblem, id_faults, raise_if_any
from optimizer.domain.service import Place, TimeWindow
from optimizer.units import DAY_S


@dataclass(frozen=True, slots=True)
class Break:
    """A pause of `duration_s` that begins in the window, both ends included, once on every route with stops."""

    duration_s: int
    window: TimeWindow

    def __post_init__(self) -> None:
        if not 0 < self.duration_s <= DAY_S:
            raise InvalidProblem([Fault(("duration_s",), "bad_break", self.duration_s, "a break takes 1 s to 24 h")])


@dataclass(frozen=True, slots=True)
class Shift:
    """One executive's working time on a day, from departure to return, both ends included.

    The route may end up to `overtime_s` after `close_s`, at the overtime price.
    """

    open_s: int
    close_s: int
    overtime_s: int = 0

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.open_s <= self.close_s <= DAY_S:
            faults.append(
                Fault(("close_s",), "bad_shift", str(self), "a shift opens before it closes, within 0 to 24 h")
            )
        if self.overtime_s < 0 or self.close_s + self.overtime_s > DAY_S:
            faults.append(
                Fault(("overtime_s",), "bad_overtime", self.overtime_s, "not negative, and the day ends at 24 h")
            )
        raise_if_any(faults)

    @property
    def latest_end_s(self) -> int:
        """The last day second at which the route may end, overtime used up."""
        return self.close_s + self.overtime_s


@dataclass(frozen=True, slots=True)
class Executive:
    """Who drives and serves, on this day.

    `preferred_visits` are those this executive should serve (continuity). `fixed_prefix` are visits the
    route begins with, in this order: what has been done or announced already.
    """

    executive_id: str
    start: Place
    end: Place
    shift: Shift
    skills: frozenset[str] = frozenset()
    pause: Break | None = None
    preferred_visits: frozenset[str] = frozenset()
    fixed_prefix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faults = list(id_faults("executive_id", self.executive_id))
        for skill in sorted(self.skills):
            faults.extend(id_faults("skills", skill))
        if len(set(self.fixed_prefix)) < len(self.fixed_prefix):
            faults.append(
                Fault(("fixed_prefix",), "repeated_visit", list(self.fixed_prefix), "a visit stands in it once")
            )
        raise_if_any(faults)
