"""The insertion engine: a day plan in a fraction of a second.

Four steps, each compiled:

1. Appointments, slot by slot, scarcest slot first (appointments against executives who could take one
   there). All appointments of a slot are placed at once by a least-cost assignment to executives, cost =
   cheapest insertion + look-ahead, leaving one out = its weight times `PROMISE_S`. The look-ahead charges
   what an insertion takes away from the neighbouring slots that are still to be filled: the share of
   their visits the executive could have served and no longer can.
2. Deliveries by regret: the one whose best place is most ahead of its third best goes first; leaving it
   for another day at its waiting price counts as one of the places (Potvin, Rousseau, "A parallel route
   building algorithm for the vehicle routing and scheduling problem with time windows", EJOR 66, 1993).
3. Sweeps until none helps: (a) take all appointments of a slot out and assign them again; (b) cut all
   routes at a clock time and match heads to tails again by a least-cost assignment; (c) take each
   delivery out and put it where it is cheapest, or leave it.
4. When promises are still broken: the same again from other orders of the slots, the best kept.

What a sweep does is kept only when both cost levels together get better, so the result never gets worse.
"""

from __future__ import annotations

import numpy as np

from optimizer.arrays import NEVER, NO_SLOT, DayArrays, Int64Array, day_arrays, kernel, lean_kernel
from optimizer.domain import Problem, Visit
from optimizer.engines import EngineResult, OnProgress, Orders
from optimizer.engines.assignment import assign
from optimizer.engines.routes import (
    NOBODY,
    Routes,
    cheapest,
    fits_slot,
    next_place,
    orders_of,
    place_at,
    put,
    refresh_all,
    routes_of,
    take,
    total_cost,
)
from optimizer.objective import fairness_price_s, overtime_price_s
from optimizer.stop import Stop
from optimizer.timing import arrive_s, ready_after, ready_at_start, route_end_s
from optimizer.units import MINUTE_S

PROMISE_S = 10_000_000
"""Inside this engine: cost seconds of a broken promise per unit of weight, above any second level of a day.
A day of 3,000 visits costs less: two hours of travel for each are 21,600,000 s in all, so one promise is
worth more than serving half of them. The public cost never mixes the levels."""

LOOK_AHEAD_S = 1_800
"""Cost seconds for taking from a neighbouring slot all its chances with this executive."""

LOOK_AHEAD_VISITS = 12
CUT_EVERY_S = 60 * MINUTE_S
REGRET_DEPTH = 3
RESTARTS = 12
SWEEP_ROUNDS = 40


# -------------------------------------------------------------------------- appointments by slot


@lean_kernel
def _options(day: DayArrays, routes: Routes, e: int, near: Int64Array) -> int:
    """How many of these waiting visits e could still serve."""
    count = 0
    for k in range(len(near)):
        if cheapest(day, routes, e, near[k])[1] >= 0:
            count += 1
    return count


@lean_kernel
def _options_beside(day: DayArrays, routes: Routes, e: int, p: int, v: int, near: Int64Array) -> int:
    """How many of these waiting visits still fit directly before or after v, were v at position p of e."""
    origin, onward = place_at(day, routes, e, p), next_place(day, routes, e, p)
    count = 0
    for k in range(len(near)):
        w = near[k]
        if not day.may_serve[e, w] or not fits_slot(day, routes, e, w):
            continue
        first, second = (w, v) if day.slot[w] < day.slot[v] else (v, w)
        pending, taken = ready_after(day, e, origin, routes.pending_s[e, p], routes.taken_s[e, p], first)
        pending, taken = ready_after(day, e, day.place[first], pending, taken, second)
        at_taken = arrive_s(day, day.place[second], onward, taken)
        at_pending = arrive_s(day, day.place[second], onward, pending)
        if at_taken <= routes.last_taken_s[e, p] or at_pending <= routes.last_pending_s[e, p]:
            count += 1
    return count


@lean_kernel
def _remember(routes: Routes, order: Int64Array, length: Int64Array) -> None:
    """Copy the orders of all routes; loops are compiled in a fraction of the time of an array copy."""
    for e in range(len(length)):
        length[e] = routes.length[e]
        for p in range(length[e]):
            order[e, p] = routes.order[e, p]


@lean_kernel
def _undo(day: DayArrays, routes: Routes, order: Int64Array, length: Int64Array) -> None:
    for e in range(len(length)):
        routes.length[e] = length[e]
        for p in range(length[e]):
            routes.order[e, p] = order[e, p]
    refresh_all(day, routes)


@lean_kernel
def _better(now: tuple[int, int], before: tuple[int, int]) -> bool:
    return now[0] < before[0] or (now[0] == before[0] and now[1] < before[1])


@kernel
def _assign_slot(day: DayArrays, routes: Routes, members: Int64Array, near: Int64Array) -> bool:
    """Put these visits of one slot where they cost least together; some may stay out. True when that is better.

    Those on a route are taken out first; when nothing gets better, all is as it was.
    """
    executives = len(routes.length)
    size = len(members)
    before_all = total_cost(day, routes)
    order, length = np.empty(routes.order.shape, dtype=np.int64), np.empty(executives, dtype=np.int64)
    _remember(routes, order, length)
    for v in members:
        if routes.owner[v] != NOBODY:
            take(day, routes, v)
    cost = np.empty((size, executives + size), dtype=np.int64)
    where = np.empty((size, executives), dtype=np.int64)
    for e in range(executives):
        before = _options(day, routes, e, near)
        for row in range(size):
            extra, p = cheapest(day, routes, e, members[row])
            cost[row, e], where[row, e] = NEVER, p
            if p >= 0:
                lost = max(0, before - _options_beside(day, routes, e, p, members[row], near))
                cost[row, e] = extra + (LOOK_AHEAD_S * lost // before if before > 0 else 0)
    for row in range(size):
        for other in range(size):
            cost[row, executives + other] = NEVER
        cost[row, executives + row] = day.weight[members[row]] * PROMISE_S
    chosen = assign(cost)
    for row in range(size):
        e = chosen[row]
        if e < executives and where[row, e] >= 0:
            put(day, routes, e, where[row, e], members[row])
    if _better(total_cost(day, routes), before_all):
        return True
    _undo(day, routes, order, length)
    return False


def _waiting_near(day: DayArrays, routes: Routes, slot: int, movable: Int64Array) -> Int64Array:
    """Visits of the slots just before and after that are on no route yet: some if they are many."""
    beside = (day.slot[movable] == slot - 1) | (day.slot[movable] == slot + 1)
    near = movable[beside & (routes.owner[movable] == NOBODY)]
    step = max(1, -(-len(near) // LOOK_AHEAD_VISITS))
    return np.ascontiguousarray(near[::step])


def fill_slots(day: DayArrays, routes: Routes, slot_order: Int64Array, movable: Int64Array) -> None:
    """Step 1: the appointments among `movable`, slot by slot in this order."""
    for slot in slot_order:
        members = movable[day.slot[movable] == slot]
        if len(members) > 0:
            _assign_slot(day, routes, members, _waiting_near(day, routes, slot, movable))


# -------------------------------------------------------------------------------- deliveries


@kernel
def insert_deliveries(day: DayArrays, routes: Routes, deliveries: Int64Array) -> None:
    """Step 2: deliveries on no route by regret; one stays out when waiting is no dearer than any place."""
    executives = len(routes.length)
    size = len(deliveries)
    cost = np.empty((size, executives), dtype=np.int64)
    where = np.empty((size, executives), dtype=np.int64)
    open_rows = np.empty(size, dtype=np.bool_)
    for row in range(size):
        open_rows[row] = routes.owner[deliveries[row]] == NOBODY
        if open_rows[row]:
            for e in range(executives):
                cost[row, e], where[row, e] = cheapest(day, routes, e, deliveries[row])
    while True:
        best_row, best_e, best_regret, best_cost = -1, -1, -NEVER, NEVER
        for row in range(size):
            if not open_rows[row]:
                continue
            price = day.unserved_price[deliveries[row]]
            first, second, third, e_first = NEVER, price, price, -1
            for e in range(executives):
                extra = cost[row, e]
                if extra < first:
                    if first < second:
                        second, third = first, min(second, third)
                    elif first < third:
                        third = first
                    first, e_first = extra, e
                elif extra < second:
                    second, third = extra, second
                elif extra < third:
                    third = extra
            if e_first < 0 or first >= price:
                continue
            regret = (second - first) + (third - first)
            if regret > best_regret or (regret == best_regret and first < best_cost):
                best_row, best_e, best_regret, best_cost = row, e_first, regret, first
        if best_row < 0:
            return
        put(day, routes, best_e, where[best_row, best_e], deliveries[best_row])
        open_rows[best_row] = False
        for row in range(size):
            if open_rows[row]:
                cost[row, best_e], where[row, best_e] = cheapest(day, routes, best_e, deliveries[row])


# ------------------------------------------------------------------------------------ sweeps


def sweep_slots(day: DayArrays, routes: Routes, slots: int, movable: Int64Array) -> bool:
    """Step 3a: every slot once taken out and assigned again. True when something got better."""
    improved = False
    for slot in range(slots):
        members = movable[day.slot[movable] == slot]
        if len(members) > 0:
            improved |= bool(_assign_slot(day, routes, members, movable[:0]))
    return improved


@lean_kernel
def _cut_at(day: DayArrays, routes: Routes, e: int, clock_s: int) -> int:
    """First position of the route of e, at or after its prefix, that is left at or after this clock time."""
    p = day.prefix_at[e + 1] - day.prefix_at[e]
    while p < routes.length[e] and min(routes.pending_s[e, p + 1], routes.taken_s[e, p + 1]) < clock_s:
        p += 1
    return int(p)


@lean_kernel
def _joined_cost_s(day: DayArrays, routes: Routes, e: int, cut: int, other: int, other_cut: int) -> int:
    """Cost seconds of the head of e followed by the tail of `other`; NEVER when it cannot be run by e."""
    size = cut + routes.length[other] - other_cut
    if size == 0:
        return 0
    last_slot = NO_SLOT  # appointments of a route are ordered by slot, so two of one slot would be neighbours
    pending, taken = ready_at_start(day, e)
    place = day.start_place[e]
    busy, continuity = 0, 0
    for k in range(size):
        v = routes.order[e, k] if k < cut else routes.order[other, other_cut + k - cut]
        if day.slot[v] != NO_SLOT:
            if day.slot[v] == last_slot:
                return NEVER
            last_slot = day.slot[v]
        if k >= cut and not day.may_serve[e, v]:
            return NEVER
        if k < cut:
            pending, taken = routes.pending_s[e, k + 1], routes.taken_s[e, k + 1]
        else:
            pending, taken = ready_after(day, e, place, pending, taken, v)
            if pending >= NEVER and taken >= NEVER:
                return NEVER
        busy += day.reference_s[place, day.place[v]] + day.service_s[v]
        continuity += day.continuity[e, v] - day.service_s[v]
        place = day.place[v]
    busy += day.reference_s[place, day.end_place[e]]
    end = route_end_s(day, e, place, pending, taken)
    if end > day.latest_end_s[e]:
        return NEVER
    overtime = overtime_price_s(end - day.shift_close_s[e], day.overtime_permille)
    fairness = fairness_price_s(busy, day.fairness_above_s, day.fairness_permille)
    return int(busy + continuity + overtime + fairness)


@kernel
def rematch_tails(day: DayArrays, routes: Routes, clock_s: int) -> bool:
    """Step 3b at one clock time: heads and tails of all routes matched again. True when something got better."""
    executives = len(routes.length)
    if executives < 2:
        return False
    cuts = np.empty(executives, dtype=np.int64)
    for e in range(executives):
        cuts[e] = _cut_at(day, routes, e, clock_s)
    cost = np.empty((executives, executives), dtype=np.int64)
    for e in range(executives):
        for other in range(executives):
            cost[e, other] = _joined_cost_s(day, routes, e, cuts[e], other, cuts[other])
    chosen = assign(cost)
    new, old = 0, 0
    for e in range(executives):
        new += cost[e, chosen[e]]
        old += cost[e, e]
    if new >= old:
        return False
    order, length = np.empty(routes.order.shape, dtype=np.int64), np.empty(executives, dtype=np.int64)
    _remember(routes, order, length)
    for e in range(executives):
        other = chosen[e]
        size = length[other] - cuts[other]
        for p in range(size):
            routes.order[e, cuts[e] + p] = order[other, cuts[other] + p]
        routes.length[e] = cuts[e] + size
    refresh_all(day, routes)
    return True


@kernel
def sweep_deliveries(day: DayArrays, routes: Routes, deliveries: Int64Array) -> bool:
    """Step 3c: each delivery taken out and put where it is cheapest, or left. True when something got better."""
    improved = False
    for v in deliveries:
        before = total_cost(day, routes)
        e = routes.owner[v]
        p = -1
        if e != NOBODY:
            p = take(day, routes, v)
        best, best_e, best_p = day.unserved_price[v], -1, -1
        for other in range(len(routes.length)):
            extra, where = cheapest(day, routes, other, v)
            if extra < best:
                best, best_e, best_p = extra, other, where
        if best_e >= 0:
            put(day, routes, best_e, best_p, v)
        if _better(total_cost(day, routes), before):
            improved = True
            continue
        if best_e >= 0:
            take(day, routes, v)
        if e != NOBODY:
            put(day, routes, e, p, v)
    return improved


# ------------------------------------------------------------------------------------ engine


def _slot_orders(problem: Problem, day: DayArrays, seed: int) -> list[Int64Array]:
    """Orders of the slots to try: by scarcity, by the clock, backwards, then scarcity disturbed by the seed."""
    slots = len(problem.grid)
    wanted = np.bincount(day.slot[day.slot != NO_SLOT], minlength=slots)
    opens = np.array([slot.open_s for slot in problem.grid.slots()])
    on_shift = ((day.shift_open_s[:, None] <= opens) & (day.latest_end_s[:, None] >= opens + problem.grid.slot_s)).sum(
        0
    )
    scarcity = wanted / np.maximum(on_shift, 0.5)
    rng = np.random.default_rng(seed)
    keys = [-scarcity, np.arange(slots), -np.arange(slots)]
    keys.extend(-scarcity * rng.uniform(0.5, 1.5, slots) for _ in range(RESTARTS - len(keys)))
    return [np.argsort(key, kind="stable").astype(np.int64) for key in keys]


def _improve(
    day: DayArrays, routes: Routes, slots: int, movable: Int64Array, deliveries: Int64Array, stop: Stop
) -> bool:
    """Sweeps until none helps. False when stopped before that."""
    opens, ends = int(day.shift_open_s.min()), int(day.latest_end_s.max())
    idle = 0
    for sweep in range(SWEEP_ROUNDS):
        if stop():
            return False
        better = sweep_slots(day, routes, slots, movable)
        for clock_s in range(opens + sweep % 2 * CUT_EVERY_S // 2, ends, CUT_EVERY_S):
            better |= bool(rematch_tails(day, routes, clock_s))
        if len(deliveries):
            insert_deliveries(day, routes, deliveries)
            better |= bool(sweep_deliveries(day, routes, deliveries))
        idle = 0 if better else idle + 1
        if idle == 2:  # both sets of cuts have found nothing
            break
    return True


def insertion(
    problem: Problem,
    stop: Stop,
    *,
    seed: int = 1,
    threads: int = 1,  # noqa: ARG001  (runs on one)
    start: Orders | None = None,
    on_progress: OnProgress | None = None,
) -> EngineResult | None:
    """Build a plan by insertion and sweeps; a given start is only improved. See the head of the file.

    The first iteration of the stop builds the routes, each further one is a round of sweeps. None when
    stopped before the first and no start was given.
    """
    day = day_arrays(problem)
    fixed = {visit_id for e in problem.executives for visit_id in e.fixed_prefix}
    movable_rows = [row for row, v in enumerate(problem.visits) if v.visit_id not in fixed]
    movable = np.array(movable_rows, dtype=np.int64)
    deliveries = movable[day.slot[movable] == NO_SLOT]
    if not problem.executives or not movable_rows:
        return EngineResult(orders_of(problem, routes_of(problem, start)))
    if stop():
        return None if start is None else EngineResult(start, finished=False)
    best = routes_of(problem, start)
    best_cost = total_cost(day, best)
    finished = True
    slot_orders = _slot_orders(problem, day, seed)
    if start is not None:
        slot_orders = slot_orders[:1]
    for slot_order in slot_orders:
        routes = routes_of(problem, start)
        if start is None:
            fill_slots(day, routes, slot_order, movable)
        insert_deliveries(day, routes, deliveries)
        finished = _improve(day, routes, len(problem.grid), movable, deliveries, stop)
        now = total_cost(day, routes)
        if now < best_cost:
            best, best_cost = routes, now
            if on_progress is not None:
                on_progress("insertion", orders_of(problem, routes), None)
        if best_cost[0] == 0 or not finished:
            break
    return EngineResult(orders_of(problem, best), finished=finished)


def insertion_cost(problem: Problem, routes: Routes, visit: Visit) -> dict[str, int]:
    """Cost seconds that serving `visit` would add, by id of each executive whose route has room for it.

    The visit is one of the problem and on no route. Compiled: microseconds for a whole city.
    """
    day = day_arrays(problem)
    row = problem.visit_row[visit.visit_id]
    costs = {}
    for e, executive in enumerate(problem.executives):
        extra, _ = cheapest(day, routes, e, row)
        if extra < NEVER:
            costs[executive.executive_id] = int(extra)
    return costs
