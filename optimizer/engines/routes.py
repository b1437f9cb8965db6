"""Routes under construction, as arrays: what one more visit costs, putting it in and taking it out.

Every route keeps, for each of its positions, the two earliest times to leave it (break still to come, break
taken) and the two latest times to arrive at it, so whether a visit fits between two stops is known in
constant time however long the route is. Position p of a route lies before stop p; position 0 follows the
start place, position `length` precedes the end place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.arrays import NEVER, NO_SLOT, DayArrays, Int64Array, day_arrays, inner_kernel, lean_kernel
from optimizer.bundles import bundle
from optimizer.domain import Problem
from optimizer.engines import Orders
from optimizer.objective import fairness_price_s, overtime_price_s
from optimizer.timing import (
    arrive_s,
    latest_arrival,
    latest_home,
    ready_after,
    ready_at_start,
    route_end_s,
)

NOBODY = -1
UNRUNNABLE = 1 << 30


@bundle
class Routes(NamedTuple):
    """Routes of all executives; arrays are changed in place by `put` and `take`.

    `order[e, :length[e]]` are the visits of executive e, `owner[v]` is who serves v (-1 nobody).
    `pending_s`, `taken_s`[e, p]: earliest time to leave position p with the break still to come, and with
    it taken. `late_pending_s`, `late_taken_s`[e, p]: latest arrival at stop p (at the end place for the
    last) for a route without overtime; `last_pending_s`, `last_taken_s` the same with all overtime.
    `in_slot[e, s]` counts appointments of e in slot s. `busy_s`, `overtime_s`, `fairness_s` are, per
    executive, service plus reference travel and the prices of overtime (NEVER for a route that cannot be run) and
    of fairness.
    """

    order: Int64Array
    length: Int64Array
    owner: Int64Array
    pending_s: Int64Array
    taken_s: Int64Array
    late_pending_s: Int64Array
    late_taken_s: Int64Array
    last_pending_s: Int64Array
    last_taken_s: Int64Array
    in_slot: Int64Array
    busy_s: Int64Array
    overtime_s: Int64Array
    fairness_s: Int64Array


@lean_kernel
def refresh(day: DayArrays, routes: Routes, e: int) -> None:
    """Recompute all that is kept about the route of e from its order of visits."""
    size = routes.length[e]
    place = day.start_place[e]
    pending, taken = ready_at_start(day, e)
    routes.pending_s[e, 0] = pending
    routes.taken_s[e, 0] = taken
    busy = 0
    for slot in range(routes.in_slot.shape[1]):
        routes.in_slot[e, slot] = 0
    for p in range(size):
        visit = routes.order[e, p]
        busy += day.reference_s[place, day.place[visit]] + day.service_s[visit]
        pending, taken = ready_after(day, e, place, pending, taken, visit)
        routes.pending_s[e, p + 1] = pending
        routes.taken_s[e, p + 1] = taken
        place = day.place[visit]
        if day.slot[visit] != NO_SLOT:
            routes.in_slot[e, day.slot[visit]] += 1
    if size > 0:
        busy += day.reference_s[place, day.end_place[e]]
    routes.busy_s[e] = busy
    end = route_end_s(day, e, place, pending, taken)
    routes.overtime_s[e] = 0
    if size > 0 and end > day.latest_end_s[e]:
        routes.overtime_s[e] = NEVER
    elif size > 0:
        routes.overtime_s[e] = overtime_price_s(end - day.shift_close_s[e], day.overtime_permille)
    routes.fairness_s[e] = fairness_price_s(busy, day.fairness_above_s, day.fairness_permille)
    _refresh_latest(day, routes, e, day.shift_close_s[e], routes.late_pending_s, routes.late_taken_s)
    _refresh_latest(day, routes, e, day.latest_end_s[e], routes.last_pending_s, routes.last_taken_s)


@lean_kernel
def _refresh_latest(
    day: DayArrays, routes: Routes, e: int, end_by_s: int, latest_pending_s: Int64Array, latest_taken_s: Int64Array
) -> None:
    size = routes.length[e]
    pending, taken = latest_home(day, e, end_by_s)
    destination = day.end_place[e]
    latest_pending_s[e, size] = pending
    latest_taken_s[e, size] = taken
    for p in range(size - 1, -1, -1):
        visit = routes.order[e, p]
        pending, taken = latest_arrival(day, e, visit, destination, pending, taken)
        latest_pending_s[e, p] = pending
        latest_taken_s[e, p] = taken
        destination = day.place[visit]


@inner_kernel
def place_at(day: DayArrays, routes: Routes, e: int, p: int) -> int:
    """The place position p of the route of e is left from: the start place, or that of the stop before."""
    if p == 0:
        return int(day.start_place[e])
    return int(day.place[routes.order[e, p - 1]])


@inner_kernel
def next_place(day: DayArrays, routes: Routes, e: int, p: int) -> int:
    """The place after position p of the route of e: that of stop p, or the end place."""
    if p == routes.length[e]:
        return int(day.end_place[e])
    return int(day.place[routes.order[e, p]])


@lean_kernel
def end_from_s(day: DayArrays, routes: Routes, e: int, p: int, place: int, pending_s: int, taken_s: int) -> int:
    """Earliest end of the route of e that leaves `place` at these times and goes on with stops p, p + 1, ..."""
    pending, taken = pending_s, taken_s
    here = place
    for q in range(p, routes.length[e]):
        visit = routes.order[e, q]
        pending, taken = ready_after(day, e, here, pending, taken, visit)
        here = day.place[visit]
    return route_end_s(day, e, here, pending, taken)


@inner_kernel
def cost_at(day: DayArrays, routes: Routes, e: int, p: int, v: int) -> int:
    """Cost seconds that visit v at position p adds to the route of e; NEVER when it does not fit there.

    Skills, pins, envelopes and the slot rule are not looked at (see `fits_slot`); times and the break are.
    """
    origin = place_at(day, routes, e, p)
    pending, taken = ready_after(day, e, origin, routes.pending_s[e, p], routes.taken_s[e, p], v)
    if pending >= NEVER and taken >= NEVER:
        return NEVER
    here = day.place[v]
    onward = next_place(day, routes, e, p)
    at_taken = arrive_s(day, here, onward, taken)
    at_pending = arrive_s(day, here, onward, pending)
    overtime = 0
    if not (at_taken <= routes.late_taken_s[e, p] or at_pending <= routes.late_pending_s[e, p]):
        if not (at_taken <= routes.last_taken_s[e, p] or at_pending <= routes.last_pending_s[e, p]):
            return NEVER
        end = end_from_s(day, routes, e, p, here, pending, taken)
        overtime = overtime_price_s(end - day.shift_close_s[e], day.overtime_permille)
    skipped = day.reference_s[origin, onward] if routes.length[e] > 0 else 0
    travel = day.reference_s[origin, here] + day.reference_s[here, onward] - skipped
    busy = routes.busy_s[e] + day.service_s[v] + travel
    fairness = fairness_price_s(busy, day.fairness_above_s, day.fairness_permille)
    return int(travel + overtime - routes.overtime_s[e] + fairness - routes.fairness_s[e] + day.continuity[e, v])


@inner_kernel
def fits_slot(day: DayArrays, routes: Routes, e: int, v: int) -> bool:
    """The rule of one service per slot: e has no appointment in the slot of v yet; deliveries have no slot."""
    return bool(day.slot[v] == NO_SLOT or routes.in_slot[e, day.slot[v]] == 0)


@lean_kernel
def cheapest(day: DayArrays, routes: Routes, e: int, v: int) -> tuple[int, int]:
    """(cost seconds added, position) of the cheapest place for v in the route of e; (NEVER, -1) when there is none."""
    best, where = NEVER, -1
    if not day.may_serve[e, v] or not fits_slot(day, routes, e, v):
        return best, where
    last_window_s = day.window_close_s[day.window_at[v + 1] - 1]
    for p in range(day.prefix_at[e + 1] - day.prefix_at[e], routes.length[e] + 1):
        if routes.taken_s[e, p] > last_window_s and routes.pending_s[e, p] > last_window_s:
            break
        extra = cost_at(day, routes, e, p, v)
        if extra < best:
            best, where = extra, p
    return best, where


@lean_kernel
def put(day: DayArrays, routes: Routes, e: int, p: int, v: int) -> None:
    """Insert visit v at position p of the route of e."""
    for q in range(routes.length[e], p, -1):
        routes.order[e, q] = routes.order[e, q - 1]
    routes.order[e, p] = v
    routes.length[e] += 1
    routes.owner[v] = e
    refresh(day, routes, e)


@lean_kernel
def take(day: DayArrays, routes: Routes, v: int) -> int:
    """Take visit v out of its route; returns the position it had. It must be on a route."""
    e = routes.owner[v]
    p = 0
    while routes.order[e, p] != v:
        p += 1
    for q in range(p, routes.length[e] - 1):
        routes.order[e, q] = routes.order[e, q + 1]
    routes.length[e] -= 1
    routes.owner[v] = NOBODY
    refresh(day, routes, e)
    return p


@lean_kernel
def route_cost_s(day: DayArrays, routes: Routes, e: int) -> int:
    """Cost seconds of the route of e: travel, overtime, fairness and continuity."""
    total = routes.overtime_s[e] + routes.fairness_s[e] + routes.busy_s[e]
    for p in range(routes.length[e]):
        v = routes.order[e, p]
        total += day.continuity[e, v] - day.service_s[v]
    return int(total)


@lean_kernel
def total_cost(day: DayArrays, routes: Routes) -> tuple[int, int]:
    """Both levels of the routes: (weight of broken promises, cost seconds).

    A route that cannot be run counts as `UNRUNNABLE` on the first level. One can come about for a moment, when
    a visit is taken out and travel does not keep the triangle inequality.
    """
    broken, cost = 0, 0
    for e in range(len(routes.length)):
        if routes.overtime_s[e] >= NEVER:
            broken += UNRUNNABLE
        else:
            cost += route_cost_s(day, routes, e)
    for v in range(len(routes.owner)):
        if routes.owner[v] == NOBODY:
            broken += day.weight[v]
            cost += day.unserved_price[v]
    return broken, cost


@lean_kernel
def refresh_all(day: DayArrays, routes: Routes) -> None:
    """Recompute everything from the orders of all executives."""
    for v in range(len(routes.owner)):
        routes.owner[v] = NOBODY
    for e in range(len(routes.length)):
        for p in range(routes.length[e]):
            routes.owner[routes.order[e, p]] = e
        refresh(day, routes, e)


def routes_of(problem: Problem, orders: Orders | None = None) -> Routes:
    """Routes holding the given orders, or only the fixed prefixes when none are given."""
    day = day_arrays(problem)
    executives, visits = len(problem.executives), len(problem.visits)
    shape = (executives, visits + 1)
    routes = Routes(
        order=np.zeros(shape, dtype=np.int64),
        length=np.zeros(executives, dtype=np.int64),
        owner=np.full(visits, NOBODY, dtype=np.int64),
        pending_s=np.zeros(shape, dtype=np.int64),
        taken_s=np.zeros(shape, dtype=np.int64),
        late_pending_s=np.zeros(shape, dtype=np.int64),
        late_taken_s=np.zeros(shape, dtype=np.int64),
        last_pending_s=np.zeros(shape, dtype=np.int64),
        last_taken_s=np.zeros(shape, dtype=np.int64),
        in_slot=np.zeros((executives, len(problem.grid)), dtype=np.int64),
        busy_s=np.zeros(executives, dtype=np.int64),
        overtime_s=np.zeros(executives, dtype=np.int64),
        fairness_s=np.zeros(executives, dtype=np.int64),
    )
    if orders is None:
        orders = {e.executive_id: e.fixed_prefix for e in problem.executives}
    for executive_id, visit_ids in orders.items():
        row = problem.executive_row[executive_id]
        routes.length[row] = len(visit_ids)
        routes.order[row, : len(visit_ids)] = [problem.visit_row[visit_id] for visit_id in visit_ids]
    refresh_all(day, routes)
    return routes


def rows_of(routes: Routes) -> list[list[int]]:
    """The visits in order, as rows of visits, by row of the executive."""
    return [routes.order[e, : routes.length[e]].tolist() for e in range(len(routes.length))]


def orders_of(problem: Problem, routes: Routes) -> Orders:
    """The visits in order by executive id; executives without visits are left out."""
    return {
        executive.executive_id: tuple(problem.visits[v].visit_id for v in routes.order[row, : routes.length[row]])
        for row, executive in enumerate(problem.executives)
        if routes.length[row] > 0
    }
