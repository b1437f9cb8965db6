"""What comes out: rosters, what they cost term by term, what is proven, and how far the making of one is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from optimizer.domain import Executive
from optimizer.roster.nouns import DayRequest, RosterProblem


@dataclass(frozen=True)
class Roster:
    """Who works what on which day: by executive a pattern or None, a day off, for each date from `first` on."""

    first: dt.date
    rows: Mapping[str, tuple[str | None, ...]]

    def on(self, executive_id: str, date: dt.date) -> str | None:
        """The pattern of an executive on a date, None on a day off and outside the roster."""
        row, day = self.rows.get(executive_id, ()), (date - self.first).days
        return row[day] if 0 <= day < len(row) else None

    def shifts(self) -> Iterator[tuple[str, int, str]]:
        """Executive, day counted from 0, pattern: of every shift, by executive and day."""
        for executive_id in sorted(self.rows):
            for day, pattern_id in enumerate(self.rows[executive_id]):
                if pattern_id is not None:
                    yield executive_id, day, pattern_id


def executives_on(problem: RosterProblem, roster: Roster, date: dt.date) -> tuple[Executive, ...]:
    """Who works on a date by a roster, as the day plan wants them, by id."""
    found = []
    for contract in problem.staff:
        pattern_id = roster.on(contract.executive_id, date)
        if pattern_id is not None:
            found.append(contract.on(problem.pattern_by_id[pattern_id]))
    return tuple(found)


def requests_of(problem: RosterProblem) -> tuple[tuple[str, DayRequest], ...]:
    """What executives would like on dates of the roster, by id and date."""
    inside = ((c.executive_id, r) for c in problem.staff for r in c.requests if problem.first <= r.date <= problem.last)
    return tuple(sorted(inside, key=lambda each: (each[0], each[1].date)))


def refused_requests(problem: RosterProblem, roster: Roster) -> tuple[tuple[str, DayRequest], ...]:
    """Those that a roster does not grant, by id and date."""
    asked = requests_of(problem)
    return tuple((key, request) for key, request in asked if roster.on(key, request.date) != request.pattern_id)


@dataclass(frozen=True, slots=True)
class RosterCost:
    """The cost of a roster term by term, in points. Level 1 is `missing` and `uncovered`, level 2 the others."""

    missing: int = 0
    uncovered: int = 0
    fair_closing: int = 0
    fair_sundays: int = 0
    fair_hours: int = 0
    requests: int = 0
    stability: int = 0
    shifts: int = 0

    @property
    def level_1(self) -> int:
        """What is not covered."""
        return self.missing + self.uncovered

    @property
    def level_2(self) -> int:
        """All the rest."""
        return self.fair_closing + self.fair_sundays + self.fair_hours + self.requests + self.stability + self.shifts

    @property
    def total(self) -> int:
        """Both levels."""
        return self.level_1 + self.level_2


class RosterStatus(StrEnum):
    """How a roster ended; as of a day plan."""

    OPTIMAL = "optimal"  # both levels proven
    FEASIBLE = "feasible"  # all hard rules kept
    INFEASIBLE = "infeasible"  # proven: no roster keeps the hard rules
    UNKNOWN = "unknown"  # stopped before there was a roster, and nothing proven


@dataclass(frozen=True, slots=True)
class RosterResult:
    """A roster and what is proven about it.

    `bound_1`: no roster leaves less uncovered, in points. `bound`: none with as little uncovered costs less, both
    levels together. `engine`: what found the roster. `roster` and `cost` are None when none was found.
    """

    status: RosterStatus
    roster: Roster | None
    cost: RosterCost | None
    bound_1: int
    bound: int
    engine: str
    seed: int
    runtime_s: float

    @property
    def gap(self) -> float | None:
        """(cost - bound) / cost of both levels together, a fraction; None without a roster."""
        if self.cost is None:
            return None
        return (self.cost.total - self.bound) / self.cost.total if self.cost.total else 0.0

    @property
    def uncovered_proven(self) -> bool:
        """No roster leaves less uncovered than this one."""
        return self.cost is not None and self.cost.level_1 == self.bound_1


@dataclass(frozen=True, slots=True)
class RosterProgress:
    """Where the making of a roster stands: what is being done, the best so far, what is proven."""

    step: str
    done: int
    of: int
    elapsed_s: float
    cost: RosterCost | None = None
    bound: int | None = None
