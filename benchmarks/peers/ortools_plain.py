"""OR-Tools routing as its guide shows it: one model of the whole day, guided local search until the time is over.

Models all of the common form: a time dimension with windows, one capacity dimension for each slot, and a
disjunction for each visit, priced as our objective prices leaving it out (a promise dearer than everything else
together). What the form leaves out it could say in part: breaks, skills and pins as allowed vehicles, overtime and
fairness as soft bounds (`ortools_full` does); not travel that depends on the departure.

Settings: guided local search, which the guide's page on routing options calls generally the most efficient for
vehicle routing; PARALLEL_CHEAPEST_INSERTION for the first solution; everything else at its default. The guide's
examples begin with PATH_CHEAPEST_ARC, whose first plan was here that of AUTOMATIC as well: from it 75 of 330
appointments of `bench-330-270-60` were still unserved after 10 seconds, from the insertion none.

The library's random seed is not reachable from Python: runs with different seeds differ only by the clock.
"""

from __future__ import annotations

from typing import Any

from ortools.constraint_solver import pywrapcp
from ortools.constraint_solver.routing_enums_pb2 import FirstSolutionStrategy, LocalSearchMetaheuristic

from benchmarks.incumbents import Incumbents
from benchmarks.peers import CommonDay, common_day
from optimizer.domain import Limits, Problem
from optimizer.engines import Orders
from optimizer.stop import StopAt
from optimizer.units import DAY_S


def plan(problem: Problem, limits: Limits, stop: StopAt, incumbents: Incumbents) -> Orders | None:
    """Plan a day of the common form."""
    day = common_day(problem, "OR-Tools")
    if not problem.visits or not problem.executives:
        return {}
    count = len(day.place)
    manager = pywrapcp.RoutingIndexManager(count + 1, len(day.shifts), count)
    model = pywrapcp.RoutingModel(manager)
    index = [int(manager.NodeToIndex(row)) for row in range(count)]
    _price_travel(model, day)
    _keep_time(model, day, index)
    _keep_slots(model, day)
    promise = day.promise_price_s
    for row in range(count):
        model.AddDisjunction([index[row]], day.weight[row] * promise + day.price_s[row])
    best: list[int] = []

    def tell() -> None:
        found = int(model.CostVar().Max())
        if not best or found < best[0]:
            best[:] = [found]
            incumbents.costs(*divmod(found, promise))

    model.AddAtSolutionCallback(tell)
    solution = model.SolveWithParameters(guided(limits, stop))
    return None if solution is None else _orders(problem, manager, model, solution)


def guided(limits: Limits, stop: StopAt) -> Any:
    """The search parameters, within what is left of the limits; an iteration is a solution found."""
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    left_s = stop.left_s()
    parameters.time_limit.FromMilliseconds(DAY_S * 1_000 if left_s is None else max(1, int(left_s * 1_000)))
    if limits.iterations is not None:
        parameters.solution_limit = max(1, limits.iterations)
    return parameters


def _price_travel(model: Any, day: CommonDay) -> None:
    places = [*day.place, day.office]
    travel = day.travel_s[places][:, places]
    model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(travel.tolist()))


def _keep_time(model: Any, day: CommonDay, index: list[int]) -> None:
    """Time windows and shifts; waiting is free."""
    places = [*day.place, day.office]
    passing = day.travel_s[places][:, places] + [[service_s] for service_s in (*day.service_s, 0)]
    model.AddDimension(model.RegisterTransitMatrix(passing.tolist()), DAY_S, DAY_S, False, "time")
    time = model.GetDimensionOrDie("time")
    for row, at in enumerate(index):
        time.CumulVar(at).SetRange(day.open_s[row], day.close_s[row])
    for vehicle, (open_s, close_s) in enumerate(day.shifts):
        time.CumulVar(model.Start(vehicle)).SetRange(open_s, close_s)
        time.CumulVar(model.End(vehicle)).SetRange(open_s, close_s)


def _keep_slots(model: Any, day: CommonDay) -> None:
    """One appointment per executive and slot: one capacity for each slot."""
    for slot in range(day.slots):
        taken = [int(day.slot[row] == slot) for row in range(len(day.slot))]
        if sum(taken) > 1:
            model.AddDimension(model.RegisterUnaryTransitVector([*taken, 0]), 0, 1, True, f"slot {slot}")


def _orders(problem: Problem, manager: Any, model: Any, solution: Any) -> Orders:
    orders = {}
    for vehicle, executive in enumerate(problem.executives):
        order = []
        at = solution.Value(model.NextVar(model.Start(vehicle)))
        while not model.IsEnd(at):
            order.append(problem.visits[manager.IndexToNode(at)].visit_id)
            at = solution.Value(model.NextVar(at))
        orders[executive.executive_id] = tuple(order)
    return orders
