"""Whether a slot can be had at all, found by trying every way to deal the promises of a tiny day to executives.

Slow, plain and sure: used to judge offers and refusals, so nothing here is shared with `optimizer.slots` but the
nouns. Routes are judged by `timing`, which has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations, permutations

import numpy as np

from optimizer.arrays import day_arrays
from optimizer.domain import Appointment, AskedService, Executive, Problem
from optimizer.slots import Approach, PromisedDay
from optimizer.timing import earliest_end_s, timed_route

MOST_PROMISES = 7


def named(service: int, slot: int) -> str:
    """The id of what is asked for, in a slot."""
    return f"new-{service}-{slot}"


def asked_day(seen: Approach, services: Sequence[AskedService]) -> Problem:
    """The problem of a day with every service asked for in every slot that is long enough, as visits `named` so."""
    problem = seen.day.problem
    more = [
        Appointment(named(i, number), seen.place, slot, service.service_s, service.service_id, service.skills)
        for i, service in enumerate(services)
        for number, slot in enumerate(problem.grid.slots())
        if service.service_s <= problem.grid.slot_s
    ]
    travel = problem.travel.grown(seen.place, seen.to_s, seen.from_s, seen.to_m, seen.from_m)
    return replace(problem, visits=(*problem.visits, *more), travel=travel, input_sha256=None)


def without_breaks(problem: Problem) -> Problem:
    """The same day, were no break due."""
    return replace(problem, executives=tuple(replace(e, pause=None) for e in problem.executives))


class Exact:
    """Plans of some visits of a day, by trial. Who has empty stops of their own may make any of them on the way."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._arrays = day_arrays(problem)
        self._known: dict[tuple[str, frozenset[str]], bool] = {}

    def plan_exists(self, visit_ids: Iterable[str]) -> bool:
        """Some plan serves all these visits."""
        ids = sorted(visit_ids)
        if len(ids) > MOST_PROMISES:
            raise ValueError(f"{len(ids)} visits are too many to try")
        dealt = {frozenset[str]()}
        for executive in self.problem.executives:
            own = [frozenset(c) for size in range(len(ids) + 1) for c in combinations(ids, size)]
            own = [chosen for chosen in own if self.can_run(executive, chosen)]
            dealt = {served | chosen for served in dealt for chosen in own if not served & chosen}
        return frozenset(ids) in dealt

    def most_served(self, visit_ids: Iterable[str]) -> int:
        """The largest number of these visits that some plan serves."""
        ids = sorted(visit_ids)
        return max(n for n in range(len(ids) + 1) if any(self.plan_exists(c) for c in combinations(ids, n)))

    def can_run(self, executive: Executive, visit_ids: frozenset[str]) -> bool:
        """This executive can make exactly these visits, in some order."""
        key = (executive.executive_id, visit_ids)
        if key not in self._known:
            own = [d.visit_id for d in self.problem.deliveries if d.pinned_to == executive.executive_id]
            self._known[key] = self._lawful(executive, visit_ids) and any(
                self._runs(executive, over)
                for order in self._orders(visit_ids)
                for over in with_any_of(tuple(order), own)
            )
        return self._known[key]

    def _lawful(self, executive: Executive, visit_ids: frozenset[str]) -> bool:
        visits = [self._appointments[v] for v in visit_ids]
        return len({v.slot for v in visits}) == len(visits) and all(
            self.problem.obstacle(executive, v) is None for v in visits
        )

    def _orders(self, visit_ids: frozenset[str]) -> Iterable[Sequence[str]]:
        """By slot; all of them where two visits take no time, which could be made against the order of slots."""
        if sum(self._appointments[v].service_s == 0 for v in visit_ids) > 1:
            return permutations(sorted(visit_ids))
        return (sorted(visit_ids, key=lambda v: self._appointments[v].slot),)

    def _runs(self, executive: Executive, order: Sequence[str]) -> bool:
        if not order:
            return True
        rows = np.array([self.problem.visit_row[v] for v in order], dtype=np.int64)
        e = self.problem.executive_row[executive.executive_id]
        return int(earliest_end_s(self._arrays, e, rows)) <= executive.shift.latest_end_s

    @cached_property
    def _appointments(self) -> dict[str, Appointment]:
        return {a.visit_id: a for a in self.problem.appointments}


def with_any_of(order: tuple[str, ...], more: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The order as it is, and with any of these visits at any places of it."""
    yield order
    for k, visit_id in enumerate(more):
        for p in range(len(order) + 1):
            yield from with_any_of((*order[:p], visit_id, *order[p:]), more[k + 1 :])


def on_shift(executive: Executive, visit: Appointment) -> bool:
    """Skills, pins and the shift let the executive make this visit, were everybody everywhere at once."""
    begin_s = max(executive.shift.open_s, visit.slot.open_s)
    return (
        visit.skills <= executive.skills
        and visit.pinned_to in (None, executive.executive_id)
        and begin_s <= visit.slot.close_s - visit.service_s
        and begin_s + visit.service_s <= executive.shift.latest_end_s
    )


def matching_exists(problem: Problem, visit_ids: Iterable[str]) -> bool:
    """These visits of one slot can be dealt to executives, one each, by skills, pins and shifts alone."""
    visits = [v for v in problem.appointments if v.visit_id in set(visit_ids)]
    return any(
        all(on_shift(e, v) for e, v in zip(staff, visits, strict=True))
        for staff in permutations(problem.executives, len(visits))
    )


def runs(problem: Problem, executive_id: str, order: Sequence[str]) -> bool:
    """The route can be run; one without stops always can."""
    return not order or timed_route(problem, executive_id, tuple(order)) is not None


def in_slot(day: PromisedDay, slot: int) -> tuple[str, ...]:
    """The promises of a slot, by id."""
    return tuple(a.visit_id for a in day.promises if a.slot == day.slots[slot])
