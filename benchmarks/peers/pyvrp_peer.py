"""PyVRP (Wouda, Lan, Kool, "PyVRP: a high-performance VRP solver package", INFORMS Journal on Computing 36(4), 2024).

Models all of the common form: time windows for the begin of service, one vehicle type for each shift, one load
dimension for each slot with a capacity of one, appointments as required clients, deliveries as optional ones whose
prize is their waiting price (its cost, distance plus prizes not collected, is our second level). It cannot weigh
promises: where not all can be kept, it knows no feasible solution, and its answer may be one that cannot be run. Of
what the form leaves out it has homes, overtime, skills (as travel profiles) and several windows (as client groups);
not breaks, fairness, or travel that depends on the hour.

Appointments as optional clients with a prize above everything else did neither better nor worse on the bench days
(within 1.2 % either way in 8 s, two seeds), and once ended without a feasible solution as well.

Settings: `pyvrp.solve` with all its defaults, as its tutorials use it. Statistics are off, as it advises for long
runs; each new best solution is heard of by its callback.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyvrp
from pyvrp.IteratedLocalSearch import IteratedLocalSearchParams

from benchmarks.incumbents import Incumbents
from benchmarks.peers import CommonDay, common_day
from optimizer.domain import Limits, Problem
from optimizer.engines import Orders
from optimizer.stop import StopAt


def plan(problem: Problem, limits: Limits, stop: StopAt, incumbents: Incumbents) -> Orders | None:
    """Plan a day of the common form; an iteration is one of its local search."""
    day = common_day(problem, "PyVRP")
    if not problem.visits or not problem.executives:
        return {}
    crews = _crews(day)
    result = pyvrp.solve(
        _data(day, crews),
        lambda _best_cost: stop(),
        seed=limits.seed,
        collect_stats=False,
        params=pyvrp.SolveParams(ils=IteratedLocalSearchParams(callbacks=_Listener(incumbents))),
    )
    free = {shift: list(rows) for shift, rows in crews.items()}
    shifts = list(crews)
    orders = {}
    for route in result.best.routes():
        executive = problem.executives[free[shifts[route.vehicle_type()]].pop(0)]
        rows = [activity.idx for activity in route if activity.is_client()]
        orders[executive.executive_id] = tuple(problem.visits[row].visit_id for row in rows)
    return orders


def _crews(day: CommonDay) -> dict[tuple[int, int], list[int]]:
    """Rows of the executives by their shift: they are alike in everything else."""
    crews: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, shift in enumerate(day.shifts):
        crews[shift].append(row)
    return dict(crews)


def _data(day: CommonDay, crews: dict[tuple[int, int], list[int]]) -> Any:
    """The model; client number v is visit row v."""
    clients = [
        pyvrp.Client(
            day.place[row],
            delivery=day.amounts(row),
            service_duration=day.service_s[row],
            tw_early=day.open_s[row],
            tw_late=day.close_s[row],
            prize=day.price_s[row],
            required=day.weight[row] > 0,
        )
        for row in range(len(day.place))
    ]
    vehicles = [
        pyvrp.VehicleType(len(rows), capacity=[1] * day.slots, tw_early=open_s, tw_late=close_s)
        for (open_s, close_s), rows in crews.items()
    ]
    locations = [pyvrp.Location(0, 0) for _ in range(len(day.travel_s))]  # only the matrix says where they are
    return pyvrp.ProblemData(locations, clients, [pyvrp.Depot(day.office)], vehicles, [day.travel_s], [day.travel_s])


class _Listener:
    """The callbacks of PyVRP's search: hears of solutions, and does nothing else."""

    def __init__(self, incumbents: Incumbents) -> None:
        self._incumbents = incumbents

    def _hear(self, solution: Any) -> None:
        if solution.is_feasible():
            self._incumbents.costs(0, int(solution.distance_cost() + solution.uncollected_prizes()))

    def on_start(self, search: Any) -> None:
        """The search has its first solution."""
        self._hear(search.initial_solution)

    def on_best(self, best: Any) -> None:
        """There is a new best solution."""
        self._hear(best)

    def on_iteration(self, *_: Any) -> None:
        """Nothing."""

    def on_restart(self, _best: Any) -> None:
        """Nothing."""

    def on_end(self, _result: Any) -> None:
        """Nothing."""
