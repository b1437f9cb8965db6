"""Ordered visits -> arrival, start, end, break, departure and return: the only place that computes times.

A route is run as early as it can be: leave, arrive, wait for the window, serve, leave. The break is taken
once, wherever the executive is: at a place before leaving it or after arriving there, never inside travel
or service. Each position of the break is possible in principle; the one with the earliest end of the
route is taken, the first of those. Because travel is first-in-first-out and windows only make later
arrivals later, being early never hurts, and two earliest times say all there is to know at any point of a
route: with the break still to come and with the break taken. The compiled functions here carry those two
(`Ready`) forward and the two latest times backward, so engines test an insertion in constant time; the
published times of a plan come from `timed`. Departure is then moved as late as the first stop allows, so
that nobody waits at a door who could wait at the office.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from optimizer.arrays import NEVER, DayArrays, Int64Array, day_arrays, inner_kernel, lean_kernel
from optimizer.domain import DayPlan, PlannedBreak, Problem, Route, Stop
from optimizer.units import HOUR_S

LAST_HOUR = 23
NO_BREAK = -1

# -------------------------------------------------------------------------- travel on the clock


@inner_kernel
def arrive_s(day: DayArrays, origin: int, destination: int, depart_s: int) -> int:
    """Arrival at place `destination` when leaving `origin` at `depart_s`; NEVER stays NEVER."""
    if depart_s >= NEVER:
        return NEVER
    work = day.reference_s[origin, destination] * day.work_per_s
    hour = min(depart_s // HOUR_S, LAST_HOUR)
    goal = day.cumulative_pace[hour] + day.pace[hour] * (depart_s - hour * HOUR_S) + work
    while hour < LAST_HOUR and day.cumulative_pace[hour + 1] < goal:
        hour += 1
    return int(hour * HOUR_S - (day.cumulative_pace[hour] - goal) // day.pace[hour])


@inner_kernel
def latest_departure_s(day: DayArrays, origin: int, destination: int, arrive_by_s: int) -> int:
    """Latest second to leave `origin` so as to be at `destination` by `arrive_by_s`; -NEVER when there is none."""
    if arrive_by_s < 0:
        return -NEVER
    hour = min(arrive_by_s // HOUR_S, LAST_HOUR)
    goal = day.cumulative_pace[hour] + day.pace[hour] * (arrive_by_s - hour * HOUR_S)
    goal -= day.reference_s[origin, destination] * day.work_per_s
    if goal < 0:
        return -NEVER
    while hour > 0 and day.cumulative_pace[hour] > goal:
        hour -= 1
    return int(hour * HOUR_S + (goal - day.cumulative_pace[hour]) // day.pace[hour])


# --------------------------------------------------------------------------- windows and breaks


@inner_kernel
def earliest_begin_s(day: DayArrays, visit: int, from_s: int) -> int:
    """First second at or after `from_s` at which the visit may begin; NEVER when no window is left."""
    for w in range(day.window_at[visit], day.window_at[visit + 1]):
        if from_s <= day.window_close_s[w]:
            return int(max(from_s, day.window_open_s[w]))
    return NEVER


@inner_kernel
def latest_begin_s(day: DayArrays, visit: int, by_s: int) -> int:
    """Last second at or before `by_s` at which the visit may begin; -NEVER when no window has opened by then."""
    for w in range(day.window_at[visit + 1] - 1, day.window_at[visit] - 1, -1):
        if by_s >= day.window_open_s[w]:
            return int(min(by_s, day.window_close_s[w]))
    return -NEVER


@inner_kernel
def after_break_s(day: DayArrays, executive: int, from_s: int) -> int:
    """End of a break taken as soon as possible from `from_s` on; NEVER when its window is over."""
    if from_s > day.break_close_s[executive]:
        return NEVER
    return int(max(from_s, day.break_open_s[executive]) + day.break_s[executive])


@inner_kernel
def latest_before_break_s(day: DayArrays, executive: int, done_by_s: int) -> int:
    """Last second to be free for a break that must be over by `done_by_s`; -NEVER when it cannot be."""
    if day.break_open_s[executive] + day.break_s[executive] > done_by_s:
        return -NEVER
    return int(min(day.break_close_s[executive], done_by_s - day.break_s[executive]))


# ------------------------------------------------------------------- labels forward and backward


@inner_kernel
def ready_at_start(day: DayArrays, executive: int) -> tuple[int, int]:
    """Earliest times to leave the start place: (break still to come, break taken or none due)."""
    if day.break_s[executive] == 0:
        return NEVER, day.shift_open_s[executive]
    return day.shift_open_s[executive], after_break_s(day, executive, day.shift_open_s[executive])


@inner_kernel
def ready_after(
    day: DayArrays, executive: int, origin: int, pending_s: int, taken_s: int, visit: int
) -> tuple[int, int]:
    """Earliest times to leave `visit` after it, coming from place `origin`: (break still to come, break taken)."""
    place = day.place[visit]
    service = day.service_s[visit]
    begin_taken = earliest_begin_s(day, visit, arrive_s(day, origin, place, taken_s))
    if pending_s >= NEVER:
        return NEVER, begin_taken + service if begin_taken < NEVER else NEVER
    here = arrive_s(day, origin, place, pending_s)
    begin_pending = earliest_begin_s(day, visit, here)
    begin_taken = min(begin_taken, earliest_begin_s(day, visit, after_break_s(day, executive, here)))
    pending = begin_pending + service if begin_pending < NEVER else NEVER
    taken = begin_taken + service if begin_taken < NEVER else NEVER
    if pending < NEVER:
        taken = min(taken, after_break_s(day, executive, pending))
        if pending > day.break_close_s[executive]:
            pending = NEVER
    return pending, taken


@inner_kernel
def route_end_s(day: DayArrays, executive: int, origin: int, pending_s: int, taken_s: int) -> int:
    """Earliest end of the route when going home from place `origin`: return, or the break after it."""
    end = arrive_s(day, origin, day.end_place[executive], taken_s)
    if pending_s < NEVER:
        home = arrive_s(day, origin, day.end_place[executive], pending_s)
        end = min(end, after_break_s(day, executive, home))
    return end


@inner_kernel
def latest_home(day: DayArrays, executive: int, end_by_s: int) -> tuple[int, int]:
    """Latest arrivals at the end place for a route that ends by `end_by_s`: (break still to come, break taken)."""
    if day.break_s[executive] == 0:
        return -NEVER, end_by_s
    return latest_before_break_s(day, executive, end_by_s), end_by_s


@inner_kernel
def latest_arrival(
    day: DayArrays, executive: int, visit: int, destination: int, next_pending_s: int, next_taken_s: int
) -> tuple[int, int]:
    """Latest arrivals at `visit` given those at the next place: (break still to come, break taken)."""
    place = day.place[visit]
    service = day.service_s[visit]
    leave_taken = latest_departure_s(day, place, destination, next_taken_s)
    begin_taken = latest_begin_s(day, visit, leave_taken - service)
    if day.break_s[executive] == 0:
        return -NEVER, begin_taken
    leave_pending = latest_departure_s(day, place, destination, next_pending_s)
    leave_pending = max(leave_pending, latest_before_break_s(day, executive, leave_taken))
    begin_pending = latest_begin_s(day, visit, leave_pending - service)
    return max(begin_pending, latest_before_break_s(day, executive, begin_taken)), begin_taken


@lean_kernel
def earliest_end_s(day: DayArrays, executive: int, order: Int64Array) -> int:
    """Earliest end of the route that makes these visits in this order; NEVER when a window or the break is missed."""
    place = day.start_place[executive]
    pending, taken = ready_at_start(day, executive)
    for k in range(len(order)):
        visit = order[k]
        pending, taken = ready_after(day, executive, place, pending, taken, visit)
        place = day.place[visit]
    return route_end_s(day, executive, place, pending, taken)


# ------------------------------------------------------------------------------ published times


@lean_kernel
def _run(
    day: DayArrays, executive: int, order: Int64Array, position: int, stops: Int64Array
) -> tuple[int, int, int, int]:
    """Run a route with the break at `position`: 2k before leaving place k, 2k + 1 after arriving at place k + 1.

    Place 0 is the start, place k the k-th stop, the last place the end. Fills arrival, start, end and
    leave of each stop; returns departure, break start, return and end of the route, NEVER in the last
    when the order cannot be run so.
    """
    now = day.shift_open_s[executive]
    pause = NO_BREAK
    if position == 0:
        now = after_break_s(day, executive, now)
        pause = now - day.break_s[executive]
    depart = now
    place = day.start_place[executive]
    for k in range(len(order)):
        visit = order[k]
        now = arrive_s(day, place, day.place[visit], now)
        stops[k, 0] = now
        if position == 2 * k + 1:
            now = after_break_s(day, executive, now)
            pause = now - day.break_s[executive]
        now = earliest_begin_s(day, visit, now)
        if now >= NEVER:
            return depart, pause, NEVER, NEVER
        stops[k, 1] = now
        now += day.service_s[visit]
        stops[k, 2] = now
        if position == 2 * k + 2:
            now = after_break_s(day, executive, now)
            pause = now - day.break_s[executive]
        stops[k, 3] = now
        place = day.place[visit]
    home = arrive_s(day, place, day.end_place[executive], now)
    end = home
    if position == 2 * len(order) + 1:
        end = after_break_s(day, executive, home)
        pause = end - day.break_s[executive]
    return depart, pause, home, end


def timed_route(problem: Problem, executive_id: str, visit_ids: Sequence[str]) -> Route | None:
    """The route of an executive who makes these visits in this order, with its times.

    None when the order cannot be run: a window or the break is missed, or the route would end after the
    shift and its overtime. Skills, slots and pins are not looked at. `visit_ids` is not empty.
    """
    day = day_arrays(problem)
    executive = problem.executive_by_id[executive_id]
    row = problem.executive_row[executive_id]
    order = np.array([problem.visit_row[visit_id] for visit_id in visit_ids], dtype=np.int64)
    times = np.zeros((len(order), 4), dtype=np.int64)
    positions = [NO_BREAK] if executive.pause is None else range(2 * len(order) + 2)
    end, position = min((_run(day, row, order, p, times)[3], p) for p in positions)
    if end > executive.shift.latest_end_s:
        return None
    depart, pause_start, home, _ = _run(day, row, order, position, times)
    first_place = day.place[order[0]]
    needed_s = pause_start if position == 1 else times[0, 1]
    depart = max(depart, latest_departure_s(day, day.start_place[row], first_place, needed_s))
    times[0, 0] = arrive_s(day, day.start_place[row], first_place, depart)
    pause = None
    if executive.pause is not None:
        visited = (problem.visit_by_id[visit_id].place for visit_id in visit_ids)
        places = (executive.start, *visited, executive.end)
        pause = PlannedBreak(
            int(pause_start),
            int(pause_start) + executive.pause.duration_s,
            position // 2,
            places[(position + 1) // 2].place_id,
        )
    stops = tuple(
        Stop(visit_id, int(row[0]), int(row[1]), int(row[2]), int(row[3]))
        for visit_id, row in zip(visit_ids, times, strict=True)
    )
    return Route(executive_id, int(depart), stops, int(home), pause)


def timed(problem: Problem, orders: Mapping[str, Sequence[str]]) -> DayPlan:
    """The day plan of visits in order by executive id; visits on no route are unassigned, empty orders dropped.

    Raises ValueError when an order cannot be run: an engine that returns one is wrong.
    """
    routes = []
    for executive_id in sorted(orders):
        if not orders[executive_id]:
            continue
        route = timed_route(problem, executive_id, orders[executive_id])
        if route is None:
            raise ValueError(f"{executive_id}: {list(orders[executive_id])} cannot be run in this order")
        routes.append(route)
    assigned = {visit_id for order in orders.values() for visit_id in order}
    unassigned = tuple(v.visit_id for v in problem.visits if v.visit_id not in assigned)
    return DayPlan(tuple(routes), unassigned)


def runnable_prefixes(problem: Problem) -> dict[str, bool]:
    """For every executive with a fixed prefix: can a route that makes just these visits be run?"""
    return {
        e.executive_id: timed_route(problem, e.executive_id, e.fixed_prefix) is not None
        for e in problem.executives
        if e.fixed_prefix
    }
