"""What comes out: day plans, what they cost, and what is proven about them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from optimizer.domain.faults import Fault, raise_if_any


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit on a route, with its times in day seconds: arrival <= start <= end <= leave.

    `leave_s` is when the executive sets out for the next place; later than `end_s` only for a break.
    """

    visit_id: str
    arrival_s: int
    start_s: int
    end_s: int
    leave_s: int


@dataclass(frozen=True, slots=True)
class PlannedBreak:
    """The break as planned, [start_s, end_s], after `after_stops` stops of the route, and where.

    `place_id` tells on which side of the travel it lies: at the place of the last stop (or the start
    place) before leaving, or at the place of the next stop (or the end place) after arriving.
    """

    start_s: int
    end_s: int
    after_stops: int
    place_id: str


@dataclass(frozen=True, slots=True)
class Route:
    """The stops of one executive, in order, at least one, with departure and return."""

    executive_id: str
    depart_s: int
    stops: tuple[Stop, ...]
    return_s: int
    pause: PlannedBreak | None = None

    @property
    def visit_ids(self) -> tuple[str, ...]:
        """The visits in the order they are made."""
        return tuple(stop.visit_id for stop in self.stops)

    @property
    def end_s(self) -> int:
        """When the working day ends: the return, or the break where it is taken after it."""
        return self.return_s if self.pause is None else max(self.return_s, self.pause.end_s)


@dataclass(frozen=True, slots=True)
class DayPlan:
    """All routes of a day (only those with stops, by executive id) and the visits on none, by id."""

    routes: tuple[Route, ...]
    unassigned: tuple[str, ...]

    def stops(self) -> Iterator[tuple[Route, Stop]]:
        """Each stop with its route."""
        for route in self.routes:
            for stop in route.stops:
                yield route, stop


class Status(StrEnum):
    """What is proven about a plan."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


class Proof(StrEnum):
    """How far a reason reaches.

    *Proved* reasons of a visit on no route hold for every plan that breaks no rule but promises. What is claimed then:
    no such plan serves the visit; for `slot_full`, no such plan serves all the visits the reason names; for
    `cheaper_later`, no such plan that keeps all promises and serves the visit costs less. Proved reasons of one visit
    hold together: each names the executives it rules out, and between them they name all. A proved reason why a slot
    is not offered says that no plan keeps all promises of the day and the new one. *Heuristic* is true of the plan
    that is there and proves nothing about others.
    """

    PROVED = "proved"
    HEURISTIC = "heuristic"


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What a plan costs: two levels, compared in order. The first is never traded for the second.

    `broken_promises` is the weighted count of appointments not served. The terms of the second level
    are cost seconds.
    """

    broken_promises: int
    second_level_s: int = field(init=False)
    travel_s: int = field(compare=False)
    overtime_s: int = field(compare=False)
    waiting_deliveries_s: int = field(compare=False)
    fairness_s: int = field(compare=False)
    continuity_s: int = field(compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "second_level_s", sum(self.terms().values()))

    def terms(self) -> dict[str, int]:
        """The terms of the second level by name, in cost seconds."""
        return {
            "travel": self.travel_s,
            "overtime": self.overtime_s,
            "waiting_deliveries": self.waiting_deliveries_s,
            "fairness": self.fairness_s,
            "continuity": self.continuity_s,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a search may go on, and what makes it repeatable. None means no such limit; one must be set."""

    time_limit_s: float | None = 30.0
    iterations: int | None = None
    seed: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        faults = []
        if self.time_limit_s is None and self.iterations is None:
            faults.append(Fault(("time_limit_s",), "no_limit", None, "a time limit or a number of iterations"))
        if self.time_limit_s is not None and not (math.isfinite(self.time_limit_s) and self.time_limit_s >= 0):
            faults.append(Fault(("time_limit_s",), "bad_limit", self.time_limit_s, "a finite number of seconds >= 0"))
        if self.iterations is not None and self.iterations < 0:
            faults.append(Fault(("iterations",), "bad_limit", self.iterations, "not negative"))
        if self.threads < 1:
            faults.append(Fault(("threads",), "bad_limit", self.threads, "at least one thread"))
        if self.seed < 0:
            faults.append(Fault(("seed",), "bad_seed", self.seed, "not negative"))
        raise_if_any(faults)


@dataclass(frozen=True, slots=True)
class Progress:
    """One message of a running search. Costs as in `Cost`; `lower_bound_s` and `gap` None while there is none.

    `broken_promises_bound` is the proven least weighted count of broken promises so far; while the best plan breaks
    more, bound and gap are None, too. `columns`: routes the exact engine knows, None from other engines.
    """

    phase: str
    elapsed_s: float
    best: Cost | None
    lower_bound_s: int | None
    gap: float | None
    columns: int | None = None
    broken_promises_bound: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of the planner, with everything needed to judge it and to get it again.

    `broken_promises_bound` is the proven least weighted count of the first level. `lower_bound_s` bounds the
    second level from below for every plan that breaks no more than that; None where nothing is proven.
    `gap` = (cost - bound) / cost of the second level, a fraction: None while the first level is open (the plan
    breaks more than the proven least) or no bound exists, 0 when both are 0.
    """

    status: Status
    plan: DayPlan
    cost: Cost
    lower_bound_s: int | None
    broken_promises_bound: int
    gap: float | None
    broken_promises: tuple[str, ...]
    engine: str
    seed: int
    threads: int
    runtime_s: float
    travel_origin: str
    input_sha256: str | None
