"""Prices of the second cost level: named data of the scenario, in cost seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimizer.domain.faults import Fault, raise_if_any
from optimizer.units import HOUR_S


@dataclass(frozen=True, slots=True, order=True)
class FairnessPiece:
    """Above `above_s` of busy time each further 1,000 s cost `price_permille` cost seconds more than below."""

    above_s: int
    price_permille: int


@dataclass(frozen=True, slots=True)
class WaitingCurve:
    """What leaving a delivery for later costs, in cost seconds, by calendar days left to its due date.

    `far_s` at `horizon_days` or more, rising in a straight line to `due_s` on the due date; each day
    overdue adds `overdue_s_per_day` up to `cap_s`. High but finite: a delivery never breaks a promise.
    """

    far_s: int = 1_200
    due_s: int = 7_200
    horizon_days: int = 10
    overdue_s_per_day: int = 3_600
    cap_s: int = 21_600

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.far_s <= self.due_s <= self.cap_s:
            faults.append(Fault(("due_s",), "bad_curve", self.due_s, "0 <= far_s <= due_s <= cap_s"))
        if self.horizon_days < 1:
            faults.append(Fault(("horizon_days",), "too_small", self.horizon_days, "at least 1 day"))
        if self.overdue_s_per_day < 0:
            faults.append(Fault(("overdue_s_per_day",), "negative", self.overdue_s_per_day, "not negative"))
        raise_if_any(faults)

    def price_s(self, days_left: int) -> int:
        """Cost seconds of leaving a delivery for later with `days_left` days to its due date (negative: overdue)."""
        if days_left < 0:
            return min(self.cap_s, self.due_s - days_left * self.overdue_s_per_day)
        near = max(0, self.horizon_days - days_left)
        return self.far_s + (self.due_s - self.far_s) * near // self.horizon_days


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of the second cost level, in cost seconds.

    `overtime_permille`: cost seconds per 1,000 s of overtime. `fairness`: increments of a convex price of
    each executive's busy time (service + reference travel); together they are zero up to the first
    `above_s`, the target, and rise ever more steeply after it. `continuity_s`: for each served visit that
    some executive prefers, served by one who does not.
    """

    overtime_permille: int = 2_000
    fairness: tuple[FairnessPiece, ...] = (FairnessPiece(5 * HOUR_S, 500),)
    continuity_s: int = 600
    waiting: WaitingCurve = field(default_factory=WaitingCurve)

    def __post_init__(self) -> None:
        faults = [
            Fault((name,), "negative", getattr(self, name), "a price is not negative")
            for name in ("overtime_permille", "continuity_s")
            if getattr(self, name) < 0
        ]
        faults.extend(
            Fault(("fairness", position), "negative", str(piece), "a target and a price are not negative")
            for position, piece in enumerate(self.fairness)
            if piece.above_s < 0 or piece.price_permille < 0
        )
        raise_if_any(faults)
