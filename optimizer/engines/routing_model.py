"""A day as a model of the OR-Tools routing library; nothing of the library leaves this file.

How the rules of a day are said to the library:

- *One service per slot* is a dimension of its own, not a side effect of time windows. It counts slots: an
  appointment of slot s is reached at exactly s and left at s + 1 or later, a delivery changes nothing. So
  no route holds two appointments of one slot, however short they are.
- *Travel on the clock* depends on the departure; a duration of the library does not (transits that depend on
  the time exist in its C++, but their functions cannot be made in Python). Each arc gets an upper bound of
  its travel over all departures that matter on it: not those after which the executive arrives in good time
  anyway, nor those too late in any case. Appointments stand in one slot, so their arcs meet one or two hours
  and little is lost; between deliveries with wide windows the slowest hour counts. So every route the library
  makes can be run, but some tight ones it does not see. What it leaves out is therefore offered to the routes
  once more on the exact clock.
- *Breaks* are the library's break intervals: never in service, but the library lets them interrupt travel.
  Nearly always such a break can be moved out of the travel: behind it, or, when that is after the window of
  the break, before it, for then the window was open when the executive left. Only where an executive may
  leave before the window opens and arrive after it closes neither holds. If a model has such arcs, its
  interval is longer by the longest of them and may begin that much earlier, so that the travel fits in with
  the break. Whose window is too close to the beginning of the shift for that, gets only what fits on the
  exact clock.
- *Skills, pins and envelopes* are the vehicles a visit may have. *Overtime* and *fairness* are soft bounds on
  the end and on busy time, *continuity* is part of the arc costs of an executive. Deliveries may stay out at
  their waiting price. A broken promise costs more than the whole second level of the model could, so no
  saving is worth one; only weights too large for the library's 64 bits are cut, all to the same price.
- *Fixed prefixes* are fixed successors. An executive whose prefix cannot be run on the bounds above, but on
  the exact clock, keeps it and gets only what fits on the exact clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ortools.constraint_solver import pywrapcp
from ortools.constraint_solver.routing_enums_pb2 import FirstSolutionStrategy, LocalSearchMetaheuristic

from optimizer.arrays import NEVER, NO_SLOT, Int64Array
from optimizer.engines.arcs import TOO_LATE_S, Nodes, longest_over_break
from optimizer.stop import Stop
from optimizer.units import DAY_S

MILLI = 1_000
"""Library costs are thousandths of a cost second, so that prices per 1,000 s stay whole."""

MOST_PENALTY = 1 << 58
"""Sum of all penalties of a model at most: leaves room in the library's 64 bits for everything else."""

CHECK_EVERY = 20
"""Solutions the library takes on its filters' word before one is checked by propagation: three times as
fast at 600 visits. A wrong one would cost time, not correctness."""

LOOK_EVERY = 64
"""Checks of the library between two looks at the stop, in the search on the whole day."""

TELL_EVERY_S = 0.25

SLOW_OPERATORS = (
    "use_lin_kernighan",
    "use_relocate_expensive_chain",
    "use_global_cheapest_insertion_path_lns",
    "use_local_cheapest_insertion_path_lns",
    "use_relocate_path_global_cheapest_insertion_insert_unperformed",
)
"""Default moves of the library left out: they gained nothing here, and the last three run over a time limit."""


def parameters_of(left_s: float | None) -> Any:
    """Search parameters: local cheapest insertion and a descent, within so many seconds."""
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = FirstSolutionStrategy.LOCAL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = LocalSearchMetaheuristic.GREEDY_DESCENT
    # Linear programmes for times and soft bounds: eight times slower with breaks, and times are not read from here.
    parameters.disable_scheduling_beware_this_may_degrade_performance = True
    for operator in SLOW_OPERATORS:
        setattr(parameters.local_search_operators, operator, 2)  # BOOL_FALSE of the library
    parameters.time_limit.FromMilliseconds(DAY_S * MILLI if left_s is None else max(1, int(left_s * MILLI)))
    return parameters


class Model:
    """A routing model of some visits and some executives of a day, given as rows, in the order of the library.

    Its nodes are the visits, then the starts, then the ends they need; its vehicles are the executives.
    """

    def __init__(self, nodes: Nodes, visits: Int64Array, executives: Int64Array) -> None:
        self._nodes, self._visits, self._executives = nodes, visits, executives
        count = len(visits)
        starts, start_of = np.unique(nodes.start_of[executives], return_inverse=True)
        ends, end_of = np.unique(nodes.end_of[executives], return_inverse=True)
        self._rows = np.concatenate((visits, starts, ends))
        self._manager = pywrapcp.RoutingIndexManager(
            len(self._rows),
            len(executives),
            (count + np.ravel(start_of)).tolist(),
            (count + len(starts) + np.ravel(end_of)).tolist(),
        )
        settings = pywrapcp.DefaultRoutingModelParameters()
        settings.solver_parameters.check_solution_period = CHECK_EVERY
        self._model = pywrapcp.RoutingModel(self._manager, settings)
        self._index = [int(self._manager.NodeToIndex(k)) for k in range(count)]
        self._at = {int(v): self._index[k] for k, v in enumerate(visits)}
        self._cut = np.ix_(self._rows, self._rows)
        self._price_arcs()
        self._keep_time()
        self._keep_slots()
        self._price_busy_time()
        self._price_unserved()
        self._fix_prefixes()
        self._model.CloseModelWithParameters(self._parameters(None))

    def _parameters(self, left_s: float | None) -> Any:
        """How to search; a model that searches otherwise has its own."""
        return parameters_of(left_s)

    def _matrix(self, values: Int64Array) -> int:
        return int(self._model.RegisterTransitMatrix(values.tolist()))

    def _price_arcs(self) -> None:
        """Reference travel, and continuity on the arc into a visit; one matrix per set of preferences."""
        reference = self._nodes.reference_s[self._cut] * MILLI
        wishes = self._nodes.day.continuity[np.ix_(self._executives, self._visits)]
        kinds, kind_of = np.unique(wishes, axis=0, return_inverse=True)
        evaluators = []
        for kind in kinds:
            price = reference.copy()
            price[:, : len(kind)] += kind * MILLI
            evaluators.append(self._matrix(price))
        for vehicle, kind in enumerate(np.ravel(kind_of)):
            self._model.SetArcCostEvaluatorOfVehicle(evaluators[kind], vehicle)

    def _keep_time(self) -> None:
        """Time windows, shifts, overtime and breaks."""
        day, visits = self._nodes.day, self._visits
        service, travel = self._nodes.service_s[self._rows], self._nodes.travel_s[self._cut]
        through = self._matrix(travel + service[:, None])
        self._model.AddDimension(through, TOO_LATE_S, 2 * TOO_LATE_S, False, "time")
        time = self._model.GetDimensionOrDie("time")
        for k, v in enumerate(visits):
            first, last = int(day.window_at[v]), int(day.window_at[v + 1]) - 1
            begin = time.CumulVar(self._index[k])
            begin.SetRange(int(day.window_open_s[first]), int(day.window_close_s[last]))
            for w in range(first, last):
                begin.RemoveInterval(int(day.window_close_s[w]) + 1, int(day.window_open_s[w + 1]) - 1)
        visiting = [int(service[self._manager.IndexToNode(index)]) for index in range(self._model.Size())]
        for vehicle, e in enumerate(self._executives):
            leave, home = self._model.Start(vehicle), self._model.End(vehicle)
            time.CumulVar(leave).SetValue(int(day.shift_open_s[e]))
            time.CumulVar(home).SetRange(int(day.shift_open_s[e]), int(day.latest_end_s[e]))
            if day.latest_end_s[e] > day.shift_close_s[e] and day.overtime_permille:
                time.SetCumulVarSoftUpperBound(home, int(day.shift_close_s[e]), int(day.overtime_permille))
            if day.break_s[e]:
                self._keep_break(time, vehicle, int(e), visiting)

    def _keep_break(self, time: Any, vehicle: int, e: int, visiting: list[int]) -> None:
        """The break interval of one vehicle. See the head of the file for breaks inside travel."""
        day = self._nodes.day
        longer = longest_over_break(self._nodes, self._rows, e)
        first = max(int(day.break_open_s[e]) - longer, int(day.shift_open_s[e]))
        last = min(int(day.break_close_s[e]), int(day.latest_end_s[e] - day.break_s[e])) - longer
        length = int(day.break_s[e]) + longer
        solver = self._model.solver()
        rest = solver.FixedDurationIntervalVar(first, last, length, False, f"break {vehicle}")
        time.SetBreakIntervalsOfVehicle([rest], vehicle, visiting)
        if last + length > day.shift_close_s[e]:
            # The library allows a break after the end of the route; ours is part of the route and its overtime.
            solver.Add(rest.EndExpr() <= time.CumulVar(self._model.End(vehicle)))

    def _keep_slots(self) -> None:
        """One appointment per executive and slot: slots are counted along the route."""
        slots, slot = self._nodes.slots, self._nodes.day.slot[self._visits]
        steps = [int(k < len(slot) and slot[k] != NO_SLOT) for k in range(len(self._rows))]
        self._model.AddDimension(self._model.RegisterUnaryTransitVector(steps), slots, slots, False, "slot")
        dimension = self._model.GetDimensionOrDie("slot")
        for k in np.flatnonzero(slot != NO_SLOT):
            dimension.CumulVar(self._index[k]).SetValue(int(slot[k]))

    def _price_busy_time(self) -> None:
        """Busy time above each target, by a soft bound on a dimension of service and reference travel."""
        day = self._nodes.day
        pieces = zip(day.fairness_above_s.tolist(), day.fairness_permille.tolist(), strict=True)
        priced = [(above, permille) for above, permille in pieces if permille]
        if not priced:
            return
        busy = self._matrix(self._nodes.reference_s[self._cut] + self._nodes.service_s[self._rows][:, None])
        for number, (above, permille) in enumerate(priced):
            self._model.AddDimension(busy, 0, NEVER, True, f"busy {number}")
            dimension = self._model.GetDimensionOrDie(f"busy {number}")
            for vehicle in range(len(self._executives)):
                dimension.SetCumulVarSoftUpperBound(self._model.End(vehicle), above, permille)

    def _price_unserved(self) -> None:
        """Who may serve what, and what leaving it out costs."""
        day = self._nodes.day
        promise = self._most_second_level()
        able = self._nodes.able[np.ix_(self._executives, self._visits)]
        most = MOST_PENALTY // (len(self._visits) + 1)
        for k, v in enumerate(self._visits):
            allowed = np.flatnonzero(able[:, k])
            if len(allowed) < len(able):
                # SetAllowedVehiclesForIndex takes no list in Python since 9.12; this is what it does.
                self._model.VehicleVar(self._index[k]).SetValues([-1, *allowed.tolist()])
            weight = int(day.weight[v])
            price = weight * promise if weight else int(day.unserved_price[v]) * MILLI
            self._model.AddDisjunction([self._index[k]], min(price, most))

    def _most_second_level(self) -> int:
        """More than the second level of any plan of these visits and executives, in library costs.

        Nobody gains more reference seconds in a shift than its pace allows, and who travels is busy.
        """
        day = self._nodes.day
        pace = int(day.pace.max())
        total = MILLI + (int(day.unserved_price[self._visits].sum())) * MILLI
        total += int(day.continuity[np.ix_(self._executives, self._visits)].max(axis=0).sum()) * MILLI
        service = int(day.service_s[self._visits].sum())
        for e in self._executives:
            travel = int(day.latest_end_s[e] - day.shift_open_s[e]) * pace // MILLI
            overtime = int(day.latest_end_s[e] - day.shift_close_s[e]) * int(day.overtime_permille)
            total += travel * MILLI + overtime
            for above, permille in zip(day.fairness_above_s, day.fairness_permille, strict=True):
                total += max(0, travel + service - int(above)) * int(permille)
        return total

    def _fix_prefixes(self) -> None:
        """Routes begin with their fixed prefixes, in order."""
        for vehicle, e in enumerate(self._executives):
            here = self._model.Start(vehicle)
            for v in self._nodes.day.prefix[self._nodes.day.prefix_at[e] : self._nodes.day.prefix_at[e + 1]]:
                self._model.NextVar(here).SetValue(self._at[int(v)])
                here = self._at[int(v)]

    # ------------------------------------------------------------------------------ solving

    def solve(self, routes: Sequence[Sequence[int]] | None, left_s: float | None) -> list[list[int]] | None:
        """Visit rows in order, vehicle by vehicle: `routes` with the rest put in, and improved to a local optimum.

        From scratch without routes. None when there was no time. Visits at the end of a route that break a bound
        of the model are taken out before.
        """
        parameters = self._parameters(left_s)
        if routes is None:
            return self._read(self._model.SolveWithParameters(parameters))
        begin = self._begin(routes)
        if begin is None:
            begin = self._begin(self._allowed(routes))
        return None if begin is None else self._read(self._model.SolveFromAssignmentWithParameters(begin, parameters))

    def _begin(self, routes: Sequence[Sequence[int]]) -> Any:
        """These routes as an assignment of the library, None where they break a bound of the model."""
        return self._model.ReadAssignmentFromRoutes([[self._at[v] for v in route] for route in routes], True)

    def _allowed(self, routes: Sequence[Sequence[int]]) -> list[Sequence[int]]:
        """Every route cut off at the end until the model allows it by itself; prefixes stay."""
        fixed = np.diff(self._nodes.day.prefix_at)[self._executives]
        allowed = [route[: fixed[vehicle]] for vehicle, route in enumerate(routes)]
        for vehicle, route in enumerate(routes):
            for length in range(len(route), fixed[vehicle], -1):
                alone = [other[: fixed[k]] for k, other in enumerate(routes)]
                alone[vehicle] = route[:length]
                if self._begin(alone) is not None:
                    allowed[vehicle] = route[:length]
                    break
        return allowed

    def solve_watched(self, left_s: float | None, watch: Watch) -> list[list[int]] | None:
        """As `solve` from scratch, but the watch may end it, and hears of every solution."""
        parameters = self._parameters(left_s)
        self._model.AddSearchMonitor(self._model.solver().CustomLimit(watch.must_stop))
        self._model.AddAtSolutionCallback(lambda: watch.found(self._read_now))
        found = self._read(self._model.SolveWithParameters(parameters))
        watch.raise_again()
        return found

    def _read(self, solution: Any) -> list[list[int]] | None:
        return None if solution is None else self._follow(solution.Value)

    def _read_now(self) -> list[list[int]]:
        return self._follow(lambda variable: int(variable.Value()))

    def _follow(self, value: Callable[[Any], int]) -> list[list[int]]:
        routes = []
        for vehicle in range(len(self._executives)):
            route = []
            index = value(self._model.NextVar(self._model.Start(vehicle)))
            while not self._model.IsEnd(index):
                route.append(int(self._visits[self._manager.IndexToNode(index)]))
                index = value(self._model.NextVar(index))
            routes.append(route)
        return routes


class Watch:
    """Called back by the library while it searches the whole day. What is raised here is raised again after it:
    no exception may pass through the library.
    """

    def __init__(self, stop: Stop, descent_until_s: float | None, hear: Callable[[list[list[int]]], None]) -> None:
        self._stop, self._until_s, self._hear = stop, descent_until_s, hear
        self._calls = 0
        self._heard_s: float | None = None
        self._raised: BaseException | None = None

    def must_stop(self) -> bool:
        """True when the search must end; looked at now and then, and no iteration is used up."""
        self._calls += 1
        if self._raised is not None:
            return True
        if self._calls % LOOK_EVERY:
            return False
        try:
            late = self._until_s is not None and self._stop.elapsed_s() >= self._until_s
            return self._stop.requested or (late and self._heard_s is not None)
        except BaseException as error:  # noqa: BLE001  (an interrupt may come here; it is raised again)
            self._raised = error
            return True

    def found(self, read: Callable[[], list[list[int]]]) -> None:
        """Tell of a solution, a few times a second."""
        try:
            now = self._stop.elapsed_s()
            if self._heard_s is None or now - self._heard_s >= TELL_EVERY_S:
                self._heard_s = now
                self._hear(read())
        except BaseException as error:  # noqa: BLE001  (see above)
            self._raised = error

    def raise_again(self) -> None:
        """Raise what was raised inside the search, if anything was."""
        if self._raised is not None:
            raise self._raised
