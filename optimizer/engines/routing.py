"""The OR-Tools routing library as an engine: every rule of the model, local search until told to stop.

How the rules of a day are said to the library:

- *One service per slot* is a dimension of its own, not a side effect of time windows. It counts slots: an
  appointment of slot s is reached at exactly s and left at s + 1 or later, a delivery changes nothing. So
  no route holds two appointments of one slot, however short they are.
- *Travel on the clock* depends on the departure; the library's durations do not (its cumul-dependent
  transits are for its linear-programming schedulers, local search does not keep them). Each arc therefore
  gets an upper bound of its travel over all departures that matter on it: those after which the executive
  arrives neither in good time anyway nor too late in any case. Appointments stand in one slot, so their
  arcs touch one or two hours and little is lost; between deliveries with wide windows the slowest hour
  counts. A plan the library finds can be run; some tight plans it does not see.
- *Breaks* are the library's break intervals, which it keeps out of service but allows inside travel; ours
  are never there. Let m be the longest bound of an arc. A break that begins m before its window closes or
  earlier can be moved behind the travel it falls into; where a window is shorter than that, the interval
  is made m longer and may begin m earlier, which leaves room for both. Either way the route can be run
  with a break at a place. A break after the return is allowed within overtime.
- *Skills, pins and envelopes* are the vehicles allowed for a visit. Overtime, fairness and continuity are
  soft bounds on the end, soft bounds on busy time and arc costs by executive. Deliveries may stay out at
  their waiting price, appointments at a penalty above the second level of any plan.

The search is the library's iterated local search: strings of visits are ruined and put back (Christiaens,
Vanden Berghe, "Slack induction by string removals", Transportation Science 54(2), 2020), improved by local
search and accepted by annealing. On the committed days of 100 + 0 / 18 and 110 + 90 / 22 it was 1-2 % below
guided local search after 5 s. The seed shuffles visits and executives, which is all that tells one search of
the library from another.
Routes are judged by our own timing and cost; a start is returned where the search found nothing better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.constraint_solver import pywrapcp
from ortools.constraint_solver.routing_enums_pb2 import FirstSolutionStrategy, LocalSearchMetaheuristic

from optimizer.arrays import NEVER, NO_SLOT, BoolArray, DayArrays, Int64Array, day_arrays, kernel
from optimizer.domain import Cost, Problem
from optimizer.engines import EngineResult, OnProgress, Orders
from optimizer.objective import cost
from optimizer.stop import Stop
from optimizer.timing import LAST_HOUR, arrive_s, latest_departure_s, timed, timed_route
from optimizer.units import DAY_S, HOUR_S

MILLI = 1_000
"""Library costs are thousandths of a cost second, so that prices per 1,000 s stay whole."""

TOO_LATE_S = 2 * DAY_S
"""Duration of an arc nobody can drive in time."""

FEW_VISITS = 12
DESCENTS = 8
SANE_ITERATIONS = 1_000_000

LOOK_EVERY = 64
"""Checks of the library between two looks at the stop: often enough for a stop within a tenth of a second."""

TELL_EVERY_S = 0.25

RUIN_VISITS, RUIN_STRING_VISITS = 20, 10
OPERATOR_FALSE = 2  # the library's three-valued BOOL_FALSE
OPERATORS_OFF = (
    "use_relocate_pair",
    "use_lin_kernighan",
    "use_relocate_expensive_chain",
    "use_exchange_pair",
    "use_light_relocate_pair",
    "use_relocate_subtrip",
    "use_exchange_subtrip",
    "use_global_cheapest_insertion_path_lns",
    "use_local_cheapest_insertion_path_lns",
    "use_relocate_path_global_cheapest_insertion_insert_unperformed",
    "use_global_cheapest_insertion_expensive_chain_lns",
    "use_local_cheapest_insertion_expensive_chain_lns",
    "use_global_cheapest_insertion_close_nodes_lns",
    "use_local_cheapest_insertion_close_nodes_lns",
)
"""Neighbourhoods switched off: those for pickups with deliveries, which do not occur here, and those that
rebuild whole routes, which the ruining does already."""

CLOSING_SHARE, CLOSING_S = 0.02, 0.25
"""Share of the time limit, and at most how many seconds, kept for reading and judging the routes."""


def routing(
    problem: Problem,
    stop: Stop,
    *,
    seed: int = 1,
    start: Orders | None = None,
    on_progress: OnProgress | None = None,
) -> EngineResult | None:
    """Search with OR-Tools routing. See the head of the file.

    With a time limit: iterated local search until the time is over. With a number of iterations, and on days
    of fewer than `FEW_VISITS` visits, where the library's iterated search has nothing to ruin: one descent to
    a local optimum per iteration, each from another shuffle of the day, at most `DESCENTS` without a number.
    None when stopped before the first solution and no start was given.
    """
    if stop():
        return None if start is None else EngineResult(start, finished=False)
    search = _Search(problem, stop, seed, start, on_progress)
    if stop.left_iterations() is None and len(problem.visits) >= FEW_VISITS:
        search.until_stopped()
    else:
        search.descend()
    return None if search.best is None else EngineResult(search.best, finished=search.finished)


class _Search:
    """The best orders over one or several runs of the library, judged by our own times and costs."""

    def __init__(
        self, problem: Problem, stop: Stop, seed: int, start: Orders | None, on_progress: OnProgress | None
    ) -> None:
        self._problem, self._stop, self._seed, self._tell = problem, stop, seed, on_progress
        self._start = start
        self.best = start
        self.finished = False

    def until_stopped(self) -> None:
        """One iterated local search."""
        model = _Model(self._problem, (self._seed,))
        self._take(model.search(self._stop, self.best, self._tell, _iterated()))

    def descend(self) -> None:
        """A descent per iteration, the first from the start, the others from scratch."""
        for number in range(DESCENTS if self._stop.left_iterations() is None else SANE_ITERATIONS):
            model = _Model(self._problem, (self._seed, number))
            begin = self._start if number == 0 else None
            self._take(model.search(self._stop, begin, self._tell, _descent()))
            if self._stop():
                return
        self.finished = True

    def _take(self, found: Orders | None) -> None:
        if found is None:
            return
        orders = runnable(self._problem, found)
        if self.best is None or self._cost(orders) < self._cost(self.best):
            self.best = orders

    def _cost(self, orders: Orders) -> Cost:
        return cost(self._problem, timed(self._problem, orders))


def runnable(problem: Problem, orders: Orders) -> Orders:
    """The orders with every visit taken out that keeps its route from being run; as they are when all can be.

    The last visit of a route goes first, its fixed prefix never. By construction nothing has to go; this
    stands between a mistake of the model and a plan that cannot be driven.
    """
    kept: dict[str, tuple[str, ...]] = {}
    for executive_id, order in orders.items():
        fixed = len(problem.executive_by_id[executive_id].fixed_prefix)
        left = order
        while len(left) > fixed and timed_route(problem, executive_id, left) is None:
            left = left[:-1]
        if left:
            kept[executive_id] = left
    return kept


# -------------------------------------------------------------------------- durations of arcs


@kernel
def _longest_s(day: DayArrays, work: int, first_s: int, last_s: int) -> int:
    """Clock seconds of this much work at most, when it is done between two day seconds: at the slowest pace there."""
    slow, fast = NEVER, 0
    for hour in range(max(0, first_s) // HOUR_S, min(last_s // HOUR_S, LAST_HOUR) + 1):
        slow, fast = min(slow, day.pace[hour]), max(fast, day.pace[hour])
    return int(-(-work // slow) + (slow < fast))  # where paces differ, hour marks may round once more


@kernel
def arc_bounds_s(
    day: DayArrays,
    places: Int64Array,
    leave_first_s: Int64Array,
    leave_last_s: Int64Array,
    calm_s: Int64Array,
    by_s: Int64Array,
) -> Int64Array:
    """[a, b]: travel from a to b at most, in clock seconds, or TOO_LATE_S where nobody arrives in time.

    Departures from a lie between `leave_first_s[a]` and `leave_last_s[a]`. Who arrives at b up to
    `calm_s[b]` waits there whatever the bound says, who arrives after `by_s[b]` is too late.
    """
    size = len(places)
    bound = np.zeros((size, size), dtype=np.int64)
    for a in range(size):
        for b in range(size):
            if a == b:
                continue
            if arrive_s(day, places[a], places[b], leave_first_s[a]) > by_s[b]:
                bound[a, b] = TOO_LATE_S
                continue
            work = day.reference_s[places[a], places[b]] * day.work_per_s
            last = min(leave_last_s[a], latest_departure_s(day, places[a], places[b], by_s[b]))
            first = min(last, max(leave_first_s[a], latest_departure_s(day, places[a], places[b], calm_s[b])))
            home = arrive_s(day, places[a], places[b], last)
            if work > 0:
                bound[a, b] = _longest_s(day, work, first, max(home, first))
    return bound


# ---------------------------------------------------------------------------------- the model


@dataclass(frozen=True, slots=True)
class _Ends:
    """Distinct nodes where routes start and end, and which of them each vehicle has."""

    starts: Int64Array
    ends: Int64Array
    start_of: list[int]
    end_of: list[int]


def _distinct(keys: Sequence[tuple[int, ...]], vehicles: Int64Array) -> tuple[Int64Array, list[int]]:
    """One vehicle of each distinct key, and for every vehicle the number of its key."""
    numbers: dict[tuple[int, ...], int] = {}
    first: list[int] = []
    for vehicle, key in zip(vehicles, keys, strict=True):
        if key not in numbers:
            numbers[key] = len(numbers)
            first.append(int(vehicle))
    return np.array(first, dtype=np.int64), [numbers[key] for key in keys]


def _can_ever_serve(day: DayArrays) -> BoolArray:
    """[e, v]: e may serve v, a window meets the shift, and the break of e has a place in the shift."""
    if not day.may_serve.size:
        return day.may_serve
    opens = day.window_open_s[day.window_at[:-1]]
    closes = day.window_close_s[day.window_at[1:] - 1]
    meets = (closes >= day.shift_open_s[:, None]) & (opens + day.service_s <= day.latest_end_s[:, None])
    begins = np.maximum(day.break_open_s, day.shift_open_s)
    rests = (day.break_s == 0) | ((begins <= day.break_close_s) & (begins + day.break_s <= day.latest_end_s))
    able: BoolArray = day.may_serve & meets & rests[:, None]
    return able


class _Model:
    """A routing model of a day. Nodes are visits, then starts, then ends; vehicles are executives."""

    def __init__(self, problem: Problem, seed: tuple[int, ...]) -> None:
        self._problem = problem
        self._day = day_arrays(problem)
        able = _can_ever_serve(self._day)
        rng = np.random.default_rng(seed)
        self.visits: Int64Array = rng.permutation(np.flatnonzero(able.any(axis=0)))
        self.vehicles: Int64Array = rng.permutation(np.flatnonzero(able.any(axis=1)))
        if self.visits.size and self.vehicles.size:
            self._able = able[np.ix_(self.vehicles, self.visits)]
            self._ends = self._make_ends()
            self._build()

    def _make_ends(self) -> _Ends:
        day, vehicles = self._day, self.vehicles
        starts, start_of = _distinct([(int(day.start_place[e]), int(day.shift_open_s[e])) for e in vehicles], vehicles)
        ends, end_of = _distinct([(int(day.end_place[e]), int(day.latest_end_s[e])) for e in vehicles], vehicles)
        return _Ends(starts, ends, start_of, end_of)

    def _build(self) -> None:
        day, ends = self._day, self._ends
        count, starts = len(self.visits), len(ends.starts)
        self._size = count + starts + len(ends.ends)
        self._manager = pywrapcp.RoutingIndexManager(
            self._size,
            len(self.vehicles),
            [count + number for number in ends.start_of],
            [count + starts + number for number in ends.end_of],
        )
        self._model = pywrapcp.RoutingModel(self._manager)
        self._node = [int(self._manager.NodeToIndex(k)) for k in range(count)]
        places = np.concatenate((day.place[self.visits], day.start_place[ends.starts], day.end_place[ends.ends]))
        self._reference = day.reference_s[np.ix_(places, places)].astype(np.int64)
        self._service = np.zeros(self._size, dtype=np.int64)
        self._service[:count] = day.service_s[self.visits]
        self._price_arcs()
        self._keep_time(places)
        self._keep_slots()
        self._price_fairness()
        self._price_unserved()
        self._fix_prefixes()

    def _matrix(self, values: Int64Array) -> int:
        return int(self._model.RegisterTransitMatrix(values.tolist()))

    def _price_arcs(self) -> None:
        """Reference travel, and continuity on the arc into a visit; one matrix per set of preferences."""
        rows, kind = np.unique(self._day.continuity[np.ix_(self.vehicles, self.visits)], axis=0, return_inverse=True)
        evaluators = []
        for row in rows:
            price = self._reference * MILLI
            price[:, : len(row)] += row * MILLI
            evaluators.append(self._matrix(price))
        for vehicle, number in enumerate(np.ravel(kind)):
            self._model.SetArcCostEvaluatorOfVehicle(evaluators[number], vehicle)

    def _keep_time(self, places: Int64Array) -> None:
        """Time windows, shifts, overtime and breaks."""
        day, ends, visits = self._day, self._ends, self.visits
        opens, closes = day.window_open_s[day.window_at[visits]], day.window_close_s[day.window_at[visits + 1] - 1]
        pauses = day.break_s[self.vehicles]
        pause = int(pauses.max())
        rest_by = int(day.break_close_s[self.vehicles][pauses > 0].min()) if pause else NEVER
        start_open = day.shift_open_s[ends.starts]
        end_by = day.latest_end_s[ends.ends]
        nowhere = np.full(len(end_by), DAY_S, dtype=np.int64)
        travel = arc_bounds_s(
            day,
            places,
            np.concatenate((opens + day.service_s[visits], start_open, nowhere)),
            np.concatenate((closes + day.service_s[visits], start_open, nowhere)) + pause,
            np.minimum(np.concatenate((opens, start_open, np.zeros_like(end_by))) - pause, rest_by),
            np.concatenate((closes, np.full(len(start_open), -1), end_by)),
        )
        self._model.AddDimension(
            self._matrix(travel + self._service[:, None]), TOO_LATE_S, 2 * TOO_LATE_S, False, "time"
        )
        time = self._model.GetDimensionOrDie("time")
        for k, v in enumerate(visits):
            first, last = int(day.window_at[v]), int(day.window_at[v + 1])
            begin = time.CumulVar(self._node[k])
            begin.SetRange(int(opens[k]), int(closes[k]))
            for w in range(first, last - 1):
                begin.RemoveInterval(int(day.window_close_s[w]) + 1, int(day.window_open_s[w + 1]) - 1)
        drivable = travel[travel < TOO_LATE_S]
        longest = int(drivable.max()) if drivable.size else 0
        for vehicle, e in enumerate(self.vehicles):
            leave, home = self._model.Start(vehicle), self._model.End(vehicle)
            time.CumulVar(leave).SetValue(int(day.shift_open_s[e]))
            time.CumulVar(home).SetRange(int(day.shift_open_s[e]), int(day.latest_end_s[e]))
            if day.latest_end_s[e] > day.shift_close_s[e] and day.overtime_permille:
                time.SetCumulVarSoftUpperBound(home, int(day.shift_close_s[e]), day.overtime_permille)
            if day.break_s[e]:
                self._keep_break(time, vehicle, int(e), longest)

    def _keep_break(self, time: Any, vehicle: int, e: int, longest_s: int) -> None:
        """The break interval of one vehicle; see the head of the file for why it can always be moved to a place."""
        day = self._day
        length = int(day.break_s[e])
        first = max(int(day.break_open_s[e]), int(day.shift_open_s[e]))
        last = min(int(day.break_close_s[e]), int(day.latest_end_s[e]) - length)
        if last - longest_s >= first:
            last -= longest_s
        else:
            first, last, length = max(first - longest_s, int(day.shift_open_s[e])), last - longest_s, length + longest_s
            last = max(last, first)
        interval = self._model.solver().FixedDurationIntervalVar(first, last, length, False, f"break {vehicle}")
        time.SetBreakIntervalsOfVehicle([interval], vehicle, self._service_by_index())

    def _service_by_index(self) -> list[int]:
        """Service seconds by index of the library, which numbers starts and ends in its own way."""
        total = self._model.Size() + self._model.vehicles()
        return [int(self._service[self._manager.IndexToNode(index)]) for index in range(total)]

    def _keep_slots(self) -> None:
        """One appointment per executive and slot: slots are counted along the route."""
        slots, slot = len(self._problem.grid), self._day.slot[self.visits]
        step = [int(k < len(slot) and slot[k] != NO_SLOT) for k in range(self._size)]
        self._model.AddDimension(self._model.RegisterUnaryTransitVector(step), slots, slots, False, "slot")
        dimension = self._model.GetDimensionOrDie("slot")
        for k in np.flatnonzero(slot != NO_SLOT):
            dimension.CumulVar(self._node[k]).SetValue(int(slot[k]))

    def _price_fairness(self) -> None:
        """Busy time above each target, by a soft bound on a dimension of service and reference travel."""
        day = self._day
        pieces = [
            (int(above), int(permille))
            for above, permille in zip(day.fairness_above_s, day.fairness_permille, strict=True)
            if permille
        ]
        busy = self._matrix(self._reference + self._service[:, None]) if pieces else -1
        for number, (above, permille) in enumerate(pieces):
            self._model.AddDimension(busy, 0, 1 << 40, True, f"busy {number}")
            dimension = self._model.GetDimensionOrDie(f"busy {number}")
            for vehicle in range(len(self.vehicles)):
                dimension.SetCumulVarSoftUpperBound(self._model.End(vehicle), above, permille)

    def _price_unserved(self) -> None:
        """Who may serve what, and what leaving it out costs.

        A promise costs more than twice the driving any one insertion can add, and all waiting prices of the
        day: enough that no saving is worth a promise, small enough for the library's sums.
        """
        day = self._day
        promise = (4 * DAY_S + int(day.unserved_price.sum())) * MILLI
        for k, v in enumerate(self.visits):
            allowed = np.flatnonzero(self._able[:, k])
            if len(allowed) < len(self.vehicles):
                self._model.VehicleVar(self._node[k]).SetValues([-1, *allowed.tolist()])
            weight = int(day.weight[v])
            self._model.AddDisjunction(
                [self._node[k]], weight * promise if weight else int(day.unserved_price[v]) * MILLI
            )

    def _fix_prefixes(self) -> None:
        """Routes begin with their fixed prefixes, in order."""
        at = {int(v): k for k, v in enumerate(self.visits)}
        for vehicle, e in enumerate(self.vehicles):
            before = self._model.Start(vehicle)
            for v in self._day.prefix[self._day.prefix_at[e] : self._day.prefix_at[e + 1]]:
                here = self._node[at[int(v)]]
                self._model.NextVar(before).SetValue(here)
                before = here

    # ------------------------------------------------------------------------------ the search

    def search(
        self, stop: Stop, start: Orders | None, on_progress: OnProgress | None, parameters: Any
    ) -> Orders | None:
        """Best orders found with these parameters until done or told to stop; None when there was no time for any."""
        if not self.visits.size or not self.vehicles.size:
            return {e.executive_id: e.fixed_prefix for e in self._problem.executives if e.fixed_prefix}
        self._model.CloseModelWithParameters(parameters)
        hint = self._hint(start)
        watch = _Watch(stop, self._read_now, on_progress, self._model)
        self._model.AddSearchMonitor(self._model.solver().CustomLimit(watch.should_stop))
        self._model.AddAtSolutionCallback(watch.at_solution)
        left = stop.left_s()
        if left is not None:
            left -= min(CLOSING_S, CLOSING_SHARE * left)
            parameters.time_limit.FromMilliseconds(max(1, int(left * 1_000)))
        if parameters.use_iterated_local_search:
            if hint is not None:
                self._model.SetFirstSolutionHint(hint)
            solution = self._model.SolveWithIteratedLocalSearch(parameters)
        elif hint is not None:
            solution = self._model.SolveFromAssignmentWithParameters(hint, parameters)
        else:
            solution = self._model.SolveWithParameters(parameters)
        return watch.best if solution is None else self._read(solution.Value)

    def _hint(self, start: Orders | None) -> Any:
        """The start as an assignment of the library, None without one or where its durations do not allow it."""
        if start is None:
            return None
        at = {self._problem.visits[v].visit_id: self._node[k] for k, v in enumerate(self.visits)}
        names = [self._problem.executives[e].executive_id for e in self.vehicles]
        return self._model.ReadAssignmentFromRoutes([[at[v] for v in start.get(name, ())] for name in names], True)

    def _read(self, value: Callable[[Any], int]) -> Orders:
        orders = {}
        for vehicle, e in enumerate(self.vehicles):
            order = []
            index = value(self._model.NextVar(self._model.Start(vehicle)))
            while not self._model.IsEnd(index):
                order.append(self._problem.visits[self.visits[self._manager.IndexToNode(index)]].visit_id)
                index = value(self._model.NextVar(index))
            if order:
                orders[self._problem.executives[e].executive_id] = tuple(order)
        return orders

    def _read_now(self) -> Orders:
        return self._read(lambda variable: int(variable.Value()))


def _descent() -> Any:
    """Search parameters of one descent: a first solution and local search to the nearest optimum."""
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = FirstSolutionStrategy.LOCAL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = LocalSearchMetaheuristic.GREEDY_DESCENT
    parameters.time_limit.FromSeconds(DAY_S)
    for name in OPERATORS_OFF:
        setattr(parameters.local_search_operators, name, OPERATOR_FALSE)
    return parameters


def _iterated() -> Any:
    """Search parameters of iterated local search: ruin strings, put back, descend, accept by annealing."""
    parameters = _descent()
    parameters.use_iterated_local_search = True
    iterated = parameters.iterated_local_search_parameters
    iterated.improve_perturbed_solution = True
    ruin = iterated.ruin_recreate_parameters.ruin_strategies.add().sisr
    ruin.max_removed_sequence_size = RUIN_STRING_VISITS
    ruin.avg_num_removed_visits = RUIN_VISITS
    ruin.bypass_factor = 0.01
    annealing = iterated.reference_solution_acceptance_strategy.simulated_annealing
    annealing.initial_temperature = 100.0 * MILLI
    annealing.final_temperature = 1.0 * MILLI
    return parameters


class _Watch:
    """What the library calls back during the search: looks at the stop, and tells of better solutions."""

    def __init__(self, stop: Stop, read: Callable[[], Orders], on_progress: OnProgress | None, model: Any) -> None:
        self._stop, self._read, self._tell, self._model = stop, read, on_progress, model
        self._calls = 0
        self._best_cost: int | None = None
        self._told_s = -TELL_EVERY_S
        self.best: Orders | None = None

    def should_stop(self) -> bool:
        """True once somebody asked for the end, which is looked at now and then."""
        self._calls += 1
        if self._calls % LOOK_EVERY == 0 and self._stop.requested:
            self._model.CancelSearch()
            return True
        return False

    def at_solution(self) -> None:
        """Keep a solution that is better than all before, and tell of it a few times a second."""
        now = int(self._model.CostVar().Min())  # not always bound here, and reading its value would then abort
        if self._best_cost is not None and now >= self._best_cost:
            return
        self._best_cost = now
        self.best = self._read()
        if self._tell is not None and self._stop.elapsed_s() - self._told_s >= TELL_EVERY_S:
            self._told_s = self._stop.elapsed_s()
            self._tell("routing", self.best, None)
