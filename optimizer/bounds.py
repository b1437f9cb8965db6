"""What can be proven without search, from relaxations that leave rules out.

Level 1: in each slot an executive serves at most one appointment, so appointments beyond the best
matching of a slot to executives are broken in every plan. Level 2, on days of appointments only: the
graph "visit after visit" has no cycles, and covering it by at most as many paths as there are executives
is a minimum-cost flow. Both are exact whole numbers, so they are bounds to the last second.

Nothing here assumes the triangle inequality: where a rule asks how soon a place can be reached, the
answer is a shortest path over the reference seconds, which no detour over other visits can beat.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ortools.graph.python import linear_sum_assignment, min_cost_flow

from optimizer.arrays import NEVER, NO_SLOT, DayArrays, Int64Array, day_arrays, kernel
from optimizer.domain import Problem
from optimizer.units import HOUR_S

BoolArray = npt.NDArray[np.bool_]


# -------------------------------------------------------------------- who can serve whom at best


@kernel
def shortest_s(reference_s: npt.NDArray[np.int32], source: int, backwards: bool) -> Int64Array:
    """Shortest reference seconds from `source` to every place, or from every place to it (Dijkstra, dense)."""
    size = reference_s.shape[0]
    best = np.full(size, NEVER, dtype=np.int64)
    done = np.zeros(size, dtype=np.bool_)
    best[source] = 0
    for _ in range(size):
        near, here = NEVER, -1
        for place in range(size):
            if not done[place] and best[place] < near:
                near, here = best[place], place
        if here < 0:
            break
        done[here] = True
        for place in range(size):
            step = reference_s[place, here] if backwards else reference_s[here, place]
            best[place] = min(best[place], near + step)
    return best


def clock_arrival_s(day: DayArrays, depart_s: Int64Array, reference_s: Int64Array) -> Int64Array:
    """`timing.arrive_s` for arrays of departures and reference seconds."""
    hour = np.minimum(depart_s // HOUR_S, len(day.pace) - 1)
    goal = day.cumulative_pace[hour] + day.pace[hour] * (depart_s - hour * HOUR_S) + reference_s * day.work_per_s
    hour = np.clip(np.searchsorted(day.cumulative_pace, goal, side="left") - 1, 0, len(day.pace) - 1)
    arrival: Int64Array = hour * HOUR_S - (day.cumulative_pace[hour] - goal) // day.pace[hour]
    return arrival


def _earliest_begins_s(day: DayArrays, from_s: Int64Array) -> Int64Array:
    """`timing.earliest_begin_s` for every visit v from `from_s[v]` on."""
    begin = np.full(len(from_s), NEVER, dtype=np.int64)
    counts = day.window_at[1:] - day.window_at[:-1]
    for number in range(int(counts.max(initial=0)) - 1, -1, -1):  # later windows first, earlier ones overrule
        visits = np.flatnonzero(counts > number)
        windows = day.window_at[visits] + number
        open_in_time = from_s[visits] <= day.window_close_s[windows]
        visits, windows = visits[open_in_time], windows[open_in_time]
        begin[visits] = np.maximum(from_s[visits], day.window_open_s[windows])
    return begin


def can_reach(problem: Problem) -> BoolArray:
    """`[e, v]`: no rule of skills, pins, envelopes, shift, windows and travel forbids e to serve v on its own.

    False is a proof: no route of e whatever contains v. True is not: of the break only whether it has a place
    in the shift is looked at, and other visits are not. Travel is the shortest path over any places, at the
    paces of the day and with the margin.
    """
    day = day_arrays(problem)
    result = day.may_serve.copy()
    if not result.size:
        return result
    begins = np.maximum(day.break_open_s, day.shift_open_s)
    rests = (day.break_s == 0) | ((begins <= day.break_close_s) & (begins + day.break_s <= day.latest_end_s))
    result &= rests[:, None]  # whose break has no place in the shift can have no route
    outward = {int(p): shortest_s(day.reference_s, int(p), False) for p in np.unique(day.start_place)}
    homeward = {int(p): shortest_s(day.reference_s, int(p), True) for p in np.unique(day.end_place)}
    for e in range(len(problem.executives)):
        there = outward[int(day.start_place[e])][day.place]
        back = homeward[int(day.end_place[e])][day.place]
        arrival = clock_arrival_s(day, np.full(len(there), day.shift_open_s[e]), np.minimum(there, NEVER // 10_000))
        begin = _earliest_begins_s(day, arrival)
        leave = np.minimum(begin, NEVER // 2) + day.service_s
        home = clock_arrival_s(day, np.minimum(leave, NEVER // HOUR_S), np.minimum(back, NEVER // 10_000))
        result[e] &= (begin < NEVER) & (home <= day.latest_end_s[e])
    return result


# ----------------------------------------------------------------------------------- level 1


def broken_promises_bound(problem: Problem, reach: BoolArray | None = None) -> int:
    """Proven least weight of promises that every plan breaks: per slot, what the best matching leaves out."""
    day = day_arrays(problem)
    reach = can_reach(problem) if reach is None else reach
    return sum(_left_out_weight(day, reach, slot) for slot in range(len(problem.grid)))


def _left_out_weight(day: DayArrays, reach: BoolArray, slot: int) -> int:
    """Least total weight of appointments of a slot that stay out when each executive takes at most one."""
    members = np.flatnonzero(day.slot == slot)
    executives = reach.shape[0]
    if not len(members):
        return 0
    # Square: rows are appointments and then idle executives, columns executives and then "left out".
    size = len(members) + executives
    dear = int(day.weight[members].sum()) + 1
    cost = np.full((size, size), 0, dtype=np.int64)
    cost[: len(members), :executives] = np.where(reach[:, members].T, 0, dear)
    cost[: len(members), executives:] = day.weight[members][:, None]
    rows, columns = np.indices((size, size))
    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    solver.add_arcs_with_cost(rows.ravel(), columns.ravel(), cost.ravel())
    if solver.solve() != solver.OPTIMAL:
        raise RuntimeError(f"matching of slot {slot} was not solved")
    return int(solver.optimal_cost())


# ----------------------------------------------------------------------------------- level 2


def flow_bound_s(problem: Problem, reach: BoolArray | None = None) -> tuple[int | None, bool]:
    """Lower bound in cost seconds on the second level of every plan that keeps all promises, and "can be kept".

    The bound is None on days with deliveries, where slots are not in order (`slots_in_order`), and where no plan keeps
    all promises; then the second value is False, a proof. As many paths begin and end as a class of executives
    has members; relaxed are time inside slots, breaks, and that a path which begins as one class ends as the same.
    """
    if problem.deliveries:
        return None, True
    if not problem.appointments:
        return 0, True
    day = day_arrays(problem)
    reach = can_reach(problem) if reach is None else reach
    if not reach.any(axis=0).all():
        return None, False
    if not slots_in_order(day):
        return None, True
    tails, heads = _successions(day, reach)
    classes, size = _classes(day, reach)
    visits, kinds = len(day.slot), len(size)
    # Nodes: v as one who goes on, visits + v as one who is reached, then where each class starts, and where it ends.
    starts, ends = 2 * visits + np.arange(kinds), 2 * visits + kinds + np.arange(kinds)
    kind, visit = np.nonzero(reach[classes])
    first = day.reference_s[day.start_place[classes[kind]], day.place[visit]]
    last = day.reference_s[day.place[visit], day.end_place[classes[kind]]]
    between = day.reference_s[day.place[tails], day.place[heads]]
    flow = min_cost_flow.SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate((tails, starts[kind], visit, starts)).astype(np.int32),
        np.concatenate((visits + heads, visits + visit, ends[kind], ends)).astype(np.int32),
        np.concatenate((np.ones(len(tails) + 2 * len(visit)), size)).astype(np.int64),
        np.concatenate((between, first, last, np.zeros(kinds))).astype(np.int64),
    )
    supplies = np.concatenate((np.ones(visits), -np.ones(visits), size, -size)).astype(np.int64)
    flow.set_nodes_supplies(np.arange(len(supplies), dtype=np.int32), supplies)
    status = flow.solve()
    if status == flow.INFEASIBLE:
        return None, False
    if status != flow.OPTIMAL:
        raise RuntimeError(f"minimum-cost flow ended with status {status}")
    continuity = np.where(reach, day.continuity, NEVER).min(axis=0)
    return int(flow.optimal_cost()) + int(continuity.sum()), True


def slots_in_order(day: DayArrays) -> bool:
    """No appointment can be made after one of a later slot: what bounds by routes and by flows rest on.

    It can where one slot ends in the second in which the next begins: both take no time at all, and no time is lost
    between them, on the way over other such visits neither.
    """
    if not len(day.place):
        return True
    appointment = day.slot != NO_SLOT
    begin_s, last_s = day.window_open_s[day.window_at[:-1]], day.window_close_s[day.window_at[1:] - 1]
    backwards = appointment[:, None] & appointment[None, :] & (day.slot[:, None] > day.slot[None, :])
    backwards &= (begin_s + day.service_s)[:, None] <= last_s[None, :]
    if not backwards.any():
        return True
    no_way = day.reference_s[np.ix_(day.place, day.place)] == 0
    while True:
        farther = no_way.astype(np.float32) @ no_way.astype(np.float32) > 0
        if (farther == no_way).all():
            return not (backwards & no_way).any()
        no_way = farther


def _classes(day: DayArrays, reach: BoolArray) -> tuple[Int64Array, Int64Array]:
    """One executive of each class, and how many are in it: same start, same end, same visits within reach."""
    keys = np.column_stack((day.start_place, day.end_place, reach))
    _, rows, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
    return rows.astype(np.int64), counts.astype(np.int64)


def _successions(day: DayArrays, reach: BoolArray) -> tuple[Int64Array, Int64Array]:
    """Pairs (u, v): some executive may serve v directly after u. Slots in order, and the trip fits between them."""
    together = reach.T.astype(np.float32) @ reach.astype(np.float32) > 0
    first_begin, last_begin = day.window_open_s, day.window_close_s
    ordered = (day.slot[:, None] < day.slot[None, :]) & (day.slot[:, None] != NO_SLOT)
    tails, heads = np.nonzero(together & ordered)
    arrival = clock_arrival_s(
        day, (first_begin + day.service_s)[tails], day.reference_s[day.place[tails], day.place[heads]].astype(np.int64)
    )
    on_time = arrival <= last_begin[heads]
    return tails[on_time], heads[on_time]
