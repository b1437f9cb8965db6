"""An address that is not on the day yet: insertion, who could ever come, augmenting paths, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.arrays import NEVER, NO_SLOT
from optimizer.domain import Appointment, Problem
from optimizer.objective import cost, route_travel_s
from optimizer.slots import Approach, PromisedDay
from optimizer.slots.newcomer import REST, TAKEN, TOO_FAR, UNABLE, Newcomer, augment, could_swap
from optimizer.timing import timed
from tests.builders import appointment as visit
from tests.builders import approach, asked, problem, promised
from tests.builders import executive as worker
from tests.exact_slots import Exact, asked_day, named, on_shift, runs, without_breaks
from tests.strategies import Asked, askings, promised_days, tight_asking

MIXED = promised_days(deliveries=True, max_visits=6, slot_minutes=(60, 120))
SMALL = st.one_of(
    askings(MIXED), askings(max_visits=6, slot_minutes=(60, 120)), st.integers(0, 2**32 - 1).map(tight_asking)
)


def slot_of(day: Problem, visit_id: str) -> int:
    found = day.visit_by_id[visit_id]
    return (day.grid.index_of(found.slot) or 0) if isinstance(found, Appointment) else NO_SLOT


def in_slot_order(day: Problem, order: tuple[str, ...]) -> bool:
    slots = [s for s in (slot_of(day, v) for v in order) if s != NO_SLOT]
    return slots == sorted(set(slots))


def orders_with(day: Problem, order: tuple[str, ...], new: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The visit at every position of a route that keeps slots in order, and one appointment a slot."""
    for p in range(len(order) + 1):
        made = (*order[:p], new, *order[p:])
        if in_slot_order(day, made):
            yield p, made


def route_cost_s(day: Problem, executive_id: str, order: tuple[str, ...]) -> int:
    spent = cost(day, timed(day, {executive_id: order}))
    return spent.second_level_s - spent.waiting_deliveries_s


def drawn(case: Asked) -> tuple[PromisedDay, Approach, Problem, Newcomer]:
    seen, service = case
    day = seen.day
    assume(service.service_s <= day.problem.grid.slot_s)
    assume(all(in_slot_order(day.problem, order) for order in day.witness.values()))
    return day, seen, asked_day(seen, [service]), Newcomer(seen, [service])


@settings(max_examples=80)
@given(SMALL)
def test_the_room_found_is_that_of_every_insertion_tried(case: Asked) -> None:
    day, _, whole, newcomer = drawn(case)
    room = newcomer.room
    for slot in range(len(day.slots)):
        new = named(0, slot)
        least: dict[int, int] = {}
        for e, who in enumerate(day.problem.executives):
            order = day.witness.get(who.executive_id, ())
            before = route_cost_s(whole, who.executive_id, order)
            costs = [
                route_cost_s(whole, who.executive_id, made) - before
                for _, made in orders_with(whole, order, new)
                if whole.obstacle(who, whole.visit_by_id[new]) is None and runs(whole, who.executive_id, made)
            ]
            assert room.cost_s[slot, e] == min(costs, default=NEVER)
            if costs:
                least[e] = min(costs)
        assert room.executives[slot] == len(least)
        if not least:
            assert room.best[slot] == -1
            continue
        e = room.best[slot]
        assert least[e] == min(least.values())
        who = day.problem.executives[e]
        order = day.witness.get(who.executive_id, ())
        made = (*order[: room.position[slot]], new, *order[room.position[slot] :])
        assert route_cost_s(whole, who.executive_id, made) - route_cost_s(whole, who.executive_id, order) == least[e]
        travel = [
            sum(route_travel_s(whole, r) for r in timed(whole, {who.executive_id: o}).routes) for o in (order, made)
        ]
        assert room.travel_s[slot] == travel[1] - travel[0]


@given(SMALL)
def test_adjacent_is_the_longest_run_of_slots_in_each_of_which_one_executive_has_room(case: Asked) -> None:
    day, _, _, newcomer = drawn(case)
    fits = newcomer.room.cost_s < NEVER
    for slot in range(len(day.slots)):
        longest = 0
        for e in range(fits.shape[1]):
            low = high = slot
            while low >= 0 and fits[low, e]:
                low -= 1
            while high < len(fits) and fits[high, e]:
                high += 1
            longest = max(longest, high - low - 1) if fits[slot, e] else longest
        assert newcomer.room.adjacent[slot] == longest


@given(st.one_of(askings(max_visits=5), st.integers(0, 2**32 - 1).map(tight_asking)))
def test_who_is_not_able_has_no_route_whatever_with_the_visit(case: Asked) -> None:
    day, _, whole, newcomer = drawn(case)
    exact = Exact(whole)
    others = [a.visit_id for a in day.promises]
    chosen = [frozenset(v for k, v in enumerate(others) if bits >> k & 1) for bits in range(1 << len(others))]
    for slot in range(len(day.slots)):
        for e, who in enumerate(day.problem.executives):
            if not newcomer.able[e, newcomer.row(0, slot)]:
                assert not any(exact.can_run(who, c | {named(0, slot)}) for c in chosen)
    for e, who in enumerate(day.problem.executives):
        for a in day.promises:
            assert newcomer.able[e, day.problem.visit_row[a.visit_id]] == on_shift(who, a)


def made_with(whole: Problem, executive_id: str, order: tuple[str, ...], slot: int, new: str) -> bool:
    """The executive can make `new` instead of what they have in the slot."""
    rest = tuple(v for v in order if slot_of(whole, v) != slot)
    obstacle = whole.obstacle(whole.executive_by_id[executive_id], whole.visit_by_id[new])
    return obstacle is None and any(runs(whole, executive_id, made) for _, made in orders_with(whole, rest, new))


def reassigned(day: PromisedDay, whole: Problem, slot: int, new: str) -> bool:
    """Brute force: the visits of the slot and the new one dealt anew, all other slots as they are."""
    witness = day.witness
    staff = [e.executive_id for e in whole.executives]
    own = {e: next((v for v in witness.get(e, ()) if slot_of(whole, v) == slot), None) for e in staff}
    visits = [*(v for v in own.values() if v is not None), new]
    able = {(e, v): own[e] == v or made_with(whole, e, witness.get(e, ()), slot, v) for e in staff for v in visits}
    without = {e: runs(whole, e, tuple(v for v in witness.get(e, ()) if slot_of(whole, v) != slot)) for e in staff}
    return any(
        all(able[e, v] for e, v in zip(hands, visits, strict=True)) and all(without[e] for e in staff if e not in hands)
        for hands in permutations(staff, len(visits))
    )


@given(st.one_of(askings(MIXED), askings(max_visits=7, max_executives=4), st.integers(0, 2**32 - 1).map(tight_asking)))
def test_a_path_in_time_is_found_exactly_where_some_reassignment_of_the_slot_works(case: Asked) -> None:
    day, _, whole, newcomer = drawn(case)
    takes = np.empty(len(day.problem.executives), dtype=np.int64)
    for slot in range(len(day.slots)):
        row = newcomer.row(0, slot)
        found = augment(newcomer.day, newcomer.routes, newcomer.able, row, True, takes)
        assert found == reassigned(day, whole, slot, named(0, slot))
        if not found:
            continue
        # What is on the path is dealt once each, and everybody can run the route with it.
        path = np.flatnonzero(takes >= 0).tolist()
        before = {v for e in path for v in newcomer.routes.order[e, : newcomer.routes.length[e]].tolist()}
        assert {v for v in before if newcomer.day.slot[v] == slot} | {row} == set(takes[path].tolist())
        assert all(could_swap(newcomer.day, newcomer.routes, e, int(takes[e])) >= 0 for e in path)


@settings(max_examples=120)
@given(st.one_of(askings(max_visits=8, max_executives=4), st.integers(0, 2**32 - 1).map(tight_asking)))
def test_a_path_without_time_is_missing_exactly_where_no_matching_exists(case: Asked) -> None:
    day, _, _, newcomer = drawn(case)
    takes = np.empty(len(day.problem.executives), dtype=np.int64)
    for slot in range(len(day.slots)):
        row = newcomer.row(0, slot)
        visits = [*(v for v in range(newcomer.first) if newcomer.day.slot[v] == slot), row]
        matching = any(
            all(newcomer.able[e, v] for e, v in zip(hands, visits, strict=True))
            for hands in permutations(range(len(day.problem.executives)), len(visits))
        )
        assert augment(newcomer.day, newcomer.routes, newcomer.able, row, False, takes) == matching


@settings(max_examples=80)
@given(SMALL)
def test_the_rules_in_the_way_are_those_of_a_plain_recount(case: Asked) -> None:
    day, _, whole, newcomer = drawn(case)
    rested = without_breaks(whole)
    for slot in range(len(day.slots)):
        new = whole.visit_by_id[named(0, slot)]
        assert isinstance(new, Appointment)
        for e, who in enumerate(whole.executives):
            order = day.witness.get(who.executive_id, ())
            bits = 0 if on_shift(who, new) else UNABLE
            if any(slot_of(whole, v) == slot for v in order):
                bits |= TAKEN
            if not bits & UNABLE:
                if not made_with(rested, who.executive_id, order, slot, new.visit_id):
                    bits |= TOO_FAR
                elif not made_with(whole, who.executive_id, order, slot, new.visit_id):
                    bits |= REST
            assert newcomer.in_the_way[slot, e] == bits


def test_a_newcomer_joins_routes_as_long_as_the_day() -> None:
    # The longest route of the witness has one visit; annealing may put all of the day on one route.
    visits = [visit(f"A{n:02d}", f"{8 + n:02d}:00", service_s=300) for n in range(12)]
    staff = [worker(f"E{n:02d}", "07:00", "21:00") for n in range(12)]
    day = promised(problem(visits, staff), {f"E{n:02d}": (f"A{n:02d}",) for n in range(12)})
    newcomer = Newcomer(approach(day), [asked(300)])
    joined = newcomer.joined({0: list(range(12)), **dict.fromkeys(range(1, 12), ())})
    assert joined.routes.length.tolist() == [12] + [0] * 11
    assert joined.room.executives == [11] * 12
