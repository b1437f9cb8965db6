"""Arcs between the places of a day for models whose durations cannot depend on the clock: safe upper bounds.

A duration of such a model must be at least the travel on the clock at every departure that matters, or its
routes could not be run. Departures that do not matter: those after which the executive arrives in good time
anyway, and those too late in any case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.arrays import NEVER, BoolArray, DayArrays, Int64Array, day_arrays, kernel
from optimizer.domain import Problem
from optimizer.timing import arrive_s, latest_departure_s
from optimizer.units import DAY_S, HOUR_S

TOO_LATE_S = 2 * DAY_S
"""Duration of an arc nobody can drive in time."""


@kernel
def arc_bounds_s(
    day: DayArrays,
    places: Int64Array,
    leave_first_s: Int64Array,
    leave_last_s: Int64Array,
    calm_s: Int64Array,
    by_s: Int64Array,
    rest_by_s: Int64Array,
    rest_end_s: Int64Array,
) -> Int64Array:
    """[a, b]: most clock seconds from a to b, TOO_LATE_S where nobody arrives in time.

    Departures from a lie between `leave_first_s[a]` and `leave_last_s[a]`, or after a break taken at a
    because the arrival at b would be after its window `rest_by_s`: up to `rest_end_s`. Who arrives
    at b up to `calm_s[b]` waits there in any case; who arrives after `by_s[b]` is too late, by the clock and
    by the bound. Travel is piecewise linear in the departure, so its most is at an end of the range or where
    departure or arrival meets a full hour.
    """
    size = len(places)
    flat = True
    for hour in range(1, len(day.pace)):
        flat &= day.pace[hour] == day.pace[0]
    bound = np.zeros((size, size), dtype=np.int64)
    for a in range(size):
        for b in range(size):
            origin, target, first = places[a], places[b], leave_first_s[a]
            early = arrive_s(day, origin, target, first)
            if a == b or early > by_s[b]:
                bound[a, b] = TOO_LATE_S
                continue
            if flat:
                bound[a, b] = early - first
                continue
            last = leave_last_s[a]
            for rest in range(len(rest_by_s)):
                rest_by = rest_by_s[rest]
                if first <= rest_by < arrive_s(day, origin, target, min(leave_last_s[a], rest_by)):
                    last = max(last, rest_end_s[rest])
            high = max(first, min(last, latest_departure_s(day, origin, target, by_s[b])))
            low = min(high, max(first, latest_departure_s(day, origin, target, calm_s[b])))
            most = max(arrive_s(day, origin, target, low) - low, arrive_s(day, origin, target, high) - high)
            if high < last:
                most = max(most, by_s[b] - high)
            for hour in range(low // HOUR_S + 1, 25):
                second = hour * HOUR_S
                if second < high:
                    most = max(most, arrive_s(day, origin, target, second) - second)
                leave = latest_departure_s(day, origin, target, second)
                if leave > high:
                    break
                if leave >= low - 1:
                    most = max(most, second - leave)
            bound[a, b] = most
    return bound


def _can_ever_serve(day: DayArrays) -> BoolArray:
    """[e, v]: e may serve v, a window meets the shift, the break of e has a place in it, v is in no other prefix."""
    able: BoolArray = day.may_serve.copy()
    if not able.size:
        return able
    opens = day.window_open_s[day.window_at[:-1]]
    closes = day.window_close_s[day.window_at[1:] - 1]
    able &= (closes >= day.shift_open_s[:, None]) & (opens + day.service_s <= day.latest_end_s[:, None])
    begins = np.maximum(day.break_open_s, day.shift_open_s)
    rests = (day.break_s == 0) | ((begins <= day.break_close_s) & (begins + day.break_s <= day.latest_end_s))
    able &= rests[:, None]
    for e in range(len(able)):
        prefix = day.prefix[day.prefix_at[e] : day.prefix_at[e + 1]]
        kept = able[e, prefix].copy()
        able[:, prefix] = False
        able[e, prefix] = kept
    return able


@dataclass(frozen=True, slots=True)
class Nodes:
    """What models are cut out of. Nodes: every visit, then every distinct start, then every distinct end.

    `start_of[e]` and `end_of[e]` are the nodes of an executive, `able[e, v]` says who could ever serve what,
    `travel_s` holds the bounds of `arc_bounds_s`. Who leaves a node, leaves it between `leave_first_s` and
    `leave_last_s`, but for breaks. From a start to an end all is 0: who has no visits goes nowhere.
    """

    day: DayArrays
    able: BoolArray
    slots: int
    start_of: Int64Array
    end_of: Int64Array
    service_s: Int64Array
    leave_first_s: Int64Array
    leave_last_s: Int64Array
    reference_s: Int64Array
    travel_s: Int64Array


def nodes_of(problem: Problem) -> Nodes:
    """The nodes of a day that has visits and executives."""
    day = day_arrays(problem)
    count = len(problem.visits)
    starts, start_of = np.unique(np.stack((day.start_place, day.shift_open_s), axis=1), axis=0, return_inverse=True)
    ends, end_of = np.unique(
        np.stack((day.end_place, day.shift_close_s, day.latest_end_s), axis=1), axis=0, return_inverse=True
    )
    places = np.concatenate((day.place, starts[:, 0], ends[:, 0]))
    service = np.concatenate((day.service_s, np.zeros(len(starts) + len(ends), dtype=np.int64)))
    opens, closes = day.window_open_s[day.window_at[:-1]], day.window_close_s[day.window_at[1:] - 1]
    nowhere = np.full(len(ends), DAY_S, dtype=np.int64)
    first = np.concatenate((opens + day.service_s, starts[:, 1], nowhere))
    last = np.concatenate((closes + day.service_s, starts[:, 1], nowhere))
    resting = day.break_s > 0
    longest = int(day.break_s.max(initial=0))
    rest_by = int(day.break_close_s[resting].min(initial=NEVER))
    rests = np.unique(np.stack((day.break_close_s, day.break_close_s + day.break_s), axis=1)[resting], axis=0)
    travel = arc_bounds_s(
        day,
        places,
        first,
        last,
        np.minimum(np.concatenate((opens, np.zeros(len(starts), dtype=np.int64), ends[:, 1])) - longest, rest_by),
        np.concatenate((closes, np.full(len(starts), -1), ends[:, 2])),
        np.ascontiguousarray(rests[:, 0]),
        np.ascontiguousarray(rests[:, 1]),
    )
    reference = day.reference_s[np.ix_(places, places)].astype(np.int64)
    idle = np.ix_(range(count, count + len(starts)), range(count + len(starts), len(places)))
    travel[idle] = reference[idle] = 0
    return Nodes(
        day=day,
        able=_can_ever_serve(day),
        slots=len(problem.grid),
        start_of=count + np.ravel(start_of),
        end_of=count + len(starts) + np.ravel(end_of),
        service_s=service,
        leave_first_s=first,
        reference_s=reference,
        travel_s=travel,
        leave_last_s=last,
    )


def longest_over_break(nodes: Nodes, rows: Int64Array, e: int) -> int:
    """Longest travel between these nodes on which e may leave before the window of the break and arrive after it."""
    opens, closes = nodes.day.break_open_s[e], nodes.day.break_close_s[e]
    leave = np.minimum(nodes.leave_last_s[rows], opens - 1)
    travel = nodes.travel_s[np.ix_(rows, rows)]
    over = (leave[:, None] + travel > closes) & (travel < TOO_LATE_S)
    over &= (nodes.leave_first_s[rows] < opens)[:, None]
    return int(travel[over].max(initial=0))
