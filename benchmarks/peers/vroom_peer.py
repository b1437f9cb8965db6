"""VROOM (github.com/VROOM-Project/vroom) by its Python package pyvroom.

Models of the common form: time windows for the begin of service, shifts as vehicle windows, one component of amounts
and capacities for each slot, travel seconds as the cost. It cannot price what is left out: it serves the highest sum
of priorities first, then the most jobs, and only then the cheapest routes. So an appointment has a priority, in
proportion to its weight, and a delivery none: promises come first, as with us, but no delivery waits to save travel.
Of what the form leaves out it has breaks, skills, homes and several windows; not overtime, fairness, continuity, or
travel that depends on the hour.

Settings: exploration level 5, the default and the highest. It has no seed. It stops by itself, and its time-out
bounds only the local search: routes are built by its heuristics however long that takes (issue 594 of its
repository), so on large days it overruns a short limit. It tells nothing before it ends: no incumbents.
"""

from __future__ import annotations

import datetime as dt

import vroom

from benchmarks.incumbents import Incumbents
from benchmarks.peers import common_day
from optimizer.domain import Limits, Problem
from optimizer.engines import Orders
from optimizer.stop import StopAt

EXPLORATION = 5
HIGHEST_PRIORITY = 100


def plan(problem: Problem, limits: Limits, stop: StopAt, _incumbents: Incumbents) -> Orders | None:
    """Plan a day of the common form, its time-out being what is left of the limit; it counts no iterations."""
    return _plan(problem, limits, stop)


def plan_in_its_own_time(problem: Problem, limits: Limits, _stop: StopAt, _incumbents: Incumbents) -> Orders | None:
    """Plan a day of the common form until VROOM stops by itself, whatever the limit."""
    return _plan(problem, limits, None)


def _plan(problem: Problem, limits: Limits, stop: StopAt | None) -> Orders:
    day = common_day(problem, "VROOM")
    if not problem.visits or not problem.executives:
        return {}
    model = vroom.Input()
    model.set_durations_matrix("car", day.travel_s)
    model.add_vehicle(
        [
            vroom.Vehicle(row, start=day.office, end=day.office, capacity=[1] * day.slots, time_window=shift)
            for row, shift in enumerate(day.shifts)
        ]
    )
    heaviest = max(day.weight)
    model.add_job(
        [
            vroom.Job(
                row,
                location=day.place[row],
                default_service=day.service_s[row],
                delivery=day.amounts(row),
                priority=-(-HIGHEST_PRIORITY * day.weight[row] // heaviest) if heaviest else 0,
                time_windows=[(day.open_s[row], day.close_s[row])],
            )
            for row in range(len(day.place))
        ]
    )
    left_s = None if stop is None else stop.left_s()
    solution = model.solve(
        exploration_level=EXPLORATION,
        nb_threads=limits.threads,
        timeout=None if left_s is None else dt.timedelta(seconds=left_s),
    )
    steps = solution.routes
    jobs = steps[steps["type"] == "job"]
    return {
        problem.executives[int(row)].executive_id: tuple(problem.visits[int(job)].visit_id for job in order)
        for row, order in jobs.groupby("vehicle_id", sort=True)["id"]
    }
