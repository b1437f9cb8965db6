"""Expected demand: how many appointments are wanted on each date, in each slot, by what they need.

Made by a forecast, read by rostering and capacity. Numbers are expectations and need not be whole.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from optimizer.domain import Fault, SlotGrid
from optimizer.domain.faults import id_faults, raise_if_any

FloatArray = npt.NDArray[np.float64]
Need = frozenset[str]
"""What an executive must hold to give a service: skills and kits, none for most services."""

ANYBODY: Need = frozenset()
MOST_DAYS = 366


def need_name(need: Need) -> str:
    """A need as tables call it: its skills, or `any` for none."""
    return "+".join(sorted(need)) or "any"


@dataclass(frozen=True, eq=False)
class Demand:
    """Appointments expected by date, slot of the grid and need.

    `expected[day, slot, need]`, counted from `first` and in the order of `needs`: non-negative finite numbers of
    appointments, shape (days, len(grid), len(needs)). Needs are different from each other and sorted by their names;
    what needs nothing is `ANYBODY`. A closed day expects nothing. `basis` says where the numbers come from.
    """

    first: dt.date
    grid: SlotGrid
    needs: tuple[Need, ...]
    expected: FloatArray
    basis: str = ""

    def __post_init__(self) -> None:
        faults = list(_need_faults(self.needs))
        wanted = (len(self.grid), len(self.needs))
        if self.expected.ndim != 3 or self.expected.shape[1:] != wanted:
            rule = f"days x {wanted[0]} slots x {wanted[1]} needs"
            raise_if_any([*faults, Fault(("expected",), "bad_shape", list(self.expected.shape), rule)])
        if not 1 <= len(self.expected) <= MOST_DAYS:
            faults.append(Fault(("expected",), "bad_range", len(self.expected), f"1 to {MOST_DAYS} days"))
        bad = ~(np.isfinite(self.expected) & (self.expected >= 0))
        for day, slot, need in zip(*(axis.tolist() for axis in np.nonzero(bad)), strict=True):
            value = float(self.expected[day, slot, need])
            shown = value if math.isfinite(value) else str(value)
            at = ("expected", (self.first + dt.timedelta(days=day)).isoformat(), slot, need_name(self.needs[need]))
            faults.append(Fault(at, "bad_demand", shown, "a finite number of appointments, not negative"))
        raise_if_any(faults)
        frozen = np.ascontiguousarray(self.expected, dtype=np.float64)
        if frozen is self.expected:
            frozen = frozen.copy()
        frozen.setflags(write=False)
        object.__setattr__(self, "expected", frozen)

    def __len__(self) -> int:
        return len(self.expected)

    @cached_property
    def dates(self) -> tuple[dt.date, ...]:
        """The dates, in order and without a gap."""
        return tuple(self.first + dt.timedelta(days=day) for day in range(len(self)))

    def on(self, date: dt.date) -> FloatArray:
        """Expected appointments of a date by slot and need; KeyError for a date it does not cover."""
        day = (date - self.first).days
        if not 0 <= day < len(self):
            raise KeyError(date)
        numbers: FloatArray = self.expected[day]
        return numbers

    def between(self, first: dt.date, last: dt.date) -> Demand:
        """The part from `first` to `last`, both included; KeyError where it is not covered."""
        self.on(first), self.on(last)
        part = self.expected[(first - self.first).days : (last - self.first).days + 1]
        return Demand(first, self.grid, self.needs, part, self.basis)


def sorted_needs(needs: Iterable[Need]) -> tuple[Need, ...]:
    """Different needs in the order in which `Demand` wants them: what needs nothing first."""
    return tuple(sorted(set(needs), key=lambda need: (bool(need), need_name(need))))


def _need_faults(needs: tuple[Need, ...]) -> Iterable[Fault]:
    if needs != sorted_needs(needs) or not needs:
        yield Fault(("needs",), "bad_order", [need_name(n) for n in needs], "at least one need, each once, sorted")
    for need in needs:
        for skill in sorted(need):
            yield from id_faults("needs", skill)
