"""The model of capacity: the quotas that are expected to accept most promises, with a proven bound (CP-SAT).

Whole numbers q[slot, need] of places. With Poisson demand N of a slot and need, q places accept min(N, q), and

    E[min(N, q)] = sum of P(N >= k) over k = 1..q,

a concave function of q: each further place is worth less. So a place is a Boolean worth P(N >= k), and the sum is
maximal where the dearest are open. Rows: for each slot and union of needs the places of those needs, at most alpha
times the executives who can serve one of them (Hall's theorem: within these rows the promises of a slot can be given to
different executives who are able); for the day and each union their seconds, at most the working seconds of those who
can serve them, less what is reserved for deliveries; and the day's share of all slots of all executives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from ortools.sat.python import cp_model

from optimizer.arrays import Int64Array
from optimizer.capacity.cover import limits, working_s
from optimizer.capacity.nouns import CapacityProblem, CapacityResult, Row
from optimizer.domain import Fault
from optimizer.domain.faults import raise_if_any
from optimizer.quotas import Quotas, Union, is_rare, union_name
from optimizer.units import hhmm, whole_up

SCALE = 1_000_000
"""Of a promise: worths are rounded up to this part, so the bound holds for the real numbers, too."""

WORK_LIMIT = 60.0
"""Deterministic seconds of CP-SAT, far more than a day needs: the answer never depends on the machine."""


def at_least(mean: float, most: int) -> list[float]:
    """P(N >= k) for k = 1..most, N Poisson with this mean."""
    term = math.exp(-mean)
    below, found = 0.0, []
    for k in range(1, most + 1):
        below += term
        found.append(max(0.0, 1.0 - below))
        term *= mean / k
    return found


def expected_accepted(mean: float, places: int) -> float:
    """E[min(N, places)], N Poisson with this mean."""
    return math.fsum(at_least(mean, places))


def accepted_nested(means: Sequence[float], most: Mapping[Union, int]) -> float:
    """Promises expected to be accepted in a slot where no union of needs gets more than `most`, whatever their order.

    Of n[i] wishes for each need i those accepted are the least of most[A] + the wishes of needs outside of A, over all
    unions A and none (the rank formula of a polymatroid; Edmonds, "Submodular functions, matroids, and certain
    polyhedra", 1970). A union that has no row is one without a limit of its own.
    """
    needs = range(len(means))
    top = most[tuple(needs)]
    axes, chance = [], np.ones(())
    for need, mean in enumerate(means):
        tails = [1.0, *at_least(mean, top)]
        exactly = np.array([a - b for a, b in zip(tails, [*tails[1:], 0.0], strict=True)])  # the last: `top` or more
        shape = [1] * len(means)
        shape[need] = top + 1
        axes.append(np.arange(top + 1).reshape(shape))
        chance = chance * exactly.reshape(shape)
    accepted = sum(axes)
    for union, limit in most.items():
        accepted = np.minimum(accepted, limit + sum(axes[n] for n in needs if n not in union))
    return float((accepted * chance).sum())


def quotas_of(problem: CapacityProblem, seed: int = 1) -> CapacityResult:
    """The best quotas within the rows.

    Raises InvalidProblem with every fault `quota_below_promised` where more is promised already than a row lets
    through, naming slot and numbers.
    """
    most = limits(problem.executives, problem.grid, problem.needs, problem.unions, problem.alphas)
    day = _Day(problem, most)
    raise_if_any(day.faults())
    places = _solve(problem, most, day, seed)
    return _result(problem, most, day, *places)


class _Day:
    """Right-hand sides of the rows of the whole day."""

    def __init__(self, problem: CapacityProblem, most: Int64Array) -> None:
        self.problem = problem
        self.most = most
        self.visit_s = [whole_up(seconds) for seconds in problem.visit_s]
        everything = problem.unions[-1]
        self.seconds = [
            working_s(problem.executives, union, problem.needs) - (problem.reserved_s if union == everything else 0)
            for union in problem.unions
        ]
        full = limits(problem.executives, problem.grid, problem.needs, problem.unions[-1:], ((1.0,) * len(most),) * 2)
        self.visits = math.floor(problem.day_share * int(full.sum()) + 1e-9)

    def faults(self) -> list[Fault]:
        """Promises that are there already and more than a row allows."""
        problem, taken = self.problem, self.problem.taken
        found = []
        for column, union in enumerate(problem.unions):
            name = union_name(union, problem.needs)
            used = taken[:, union].sum(axis=1)
            for slot in np.flatnonzero(used > self.most[:, column]).tolist():
                at = ("promised", hhmm(problem.grid.slot(slot).open_s), name)
                rule = f"at most {self.most[slot, column]} promises; {used[slot]} are made already"
                found.append(Fault(at, "quota_below_promised", int(used[slot]), rule))
            if problem.kit_apart and is_rare(union, problem.needs):
                both, most = used[:-1] + used[1:], np.maximum(self.most[:-1, column], self.most[1:, column])
                for slot in np.flatnonzero(both > most).tolist():
                    at = ("promised", hhmm(problem.grid.slot(slot).open_s), f"{name}, with the next slot")
                    rule = f"at most {most[slot]} promises in both slots; {both[slot]} are made already"
                    found.append(Fault(at, "quota_below_promised", int(both[slot]), rule))
            seconds = sum(int(taken[:, n].sum()) * self.visit_s[n] for n in union)
            if used.sum() and seconds > self.seconds[column]:
                rule = f"at most {self.seconds[column]} s of work; what is promised already takes {seconds} s"
                found.append(Fault(("promised", "day", name), "quota_below_promised", int(used.sum()), rule))
        if taken.sum() > self.visits:
            rule = f"at most {self.visits} promises on the day; {taken.sum()} are made already"
            found.append(Fault(("promised", "day"), "quota_below_promised", int(taken.sum()), rule))
        return found


def _solve(problem: CapacityProblem, most: Int64Array, day: _Day, seed: int) -> tuple[Int64Array, float]:
    """Places by slot and need, and the proven bound of their worth."""
    taken, needs = problem.taken, range(len(problem.needs))
    worth = problem.worth or (1.0,) * len(problem.needs)
    model = cp_model.CpModel()
    places: dict[tuple[int, int], cp_model.LinearExpr] = {}
    gains: list[tuple[cp_model.IntVar, int]] = []
    constant = 0
    for slot in range(len(problem.grid)):
        for need in needs:
            highest = int(most[slot, [c for c, union in enumerate(problem.unions) if need in union]].min())
            chances = at_least(float(problem.expected[slot, need]), highest)
            worths = [math.ceil(worth[need] * chance * SCALE) for chance in chances]
            held = int(taken[slot, need])
            opened = [model.new_bool_var(f"{slot},{need},{k + 1}") for k in range(held, highest)]
            for first, second in pairwise(opened):
                model.add_implication(second, first)
            constant += sum(worths[:held])
            gains.extend(zip(opened, worths[held:], strict=True))
            places[slot, need] = held + cp_model.LinearExpr.sum(opened)
    for column, union in enumerate(problem.unions):
        for slot in range(len(problem.grid)):
            model.add(sum(places[slot, n] for n in union) <= int(most[slot, column]))
        if problem.kit_apart and is_rare(union, problem.needs):
            for slot in range(len(problem.grid) - 1):
                both = sum(places[s, n] for s in (slot, slot + 1) for n in union)
                model.add(both <= int(most[slot : slot + 2, column].max()))
        seconds = sum(places[slot, n] * day.visit_s[n] for slot in range(len(problem.grid)) for n in union)
        model.add(seconds <= max(0, day.seconds[column]))
    model.add(sum(places.values()) <= day.visits)
    model.maximize(constant + sum(variable * gain for variable, gain in gains))
    solver = cp_model.CpSolver()
    solver.parameters.catch_sigint_signal = False  # Ctrl-C is ours: it would end the process later
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = WORK_LIMIT
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise RuntimeError(f"capacity of a day ended with status {solver.status_name(status)}")
    found = np.zeros((len(problem.grid), len(problem.needs)), dtype=np.int64)
    for (slot, need), expression in places.items():
        found[slot, need] = solver.value(expression)
    return found, solver.best_objective_bound / SCALE


def _result(problem: CapacityProblem, most: Int64Array, day: _Day, places: Int64Array, bound: float) -> CapacityResult:
    worth = problem.worth or (1.0,) * len(problem.needs)
    value = math.fsum(
        worth[need] * expected_accepted(float(problem.expected[slot, need]), int(places[slot, need]))
        for slot, need in np.ndindex(*places.shape)
    )
    quotas = Quotas(
        problem.grid,
        problem.needs,
        tuple(tuple(row) for row in places.tolist()),
        {union: tuple(most[:, column].tolist()) for column, union in enumerate(problem.unions)},
        problem.kit_apart,
        day.visits if problem.day_share < 1 else None,
        problem.worth,
    )
    accepted, ceiling = [], []
    for slot, means in enumerate(problem.expected.tolist()):
        accepted.append(accepted_nested(means, {union: quotas.most_of(slot, union) for union in problem.unions}))
        limits_here = zip(problem.unions, most[slot].tolist(), strict=True)
        ceiling.append(accepted_nested(means, dict(limits_here)))
    return CapacityResult(
        quotas=quotas,
        accepted=math.fsum(accepted),
        accepted_by_slot=tuple(accepted),
        ceiling=math.fsum(ceiling),
        value=value,
        bound=max(bound, value),
        gap=0.0 if bound <= 0 else max(0.0, (bound - value) / bound),
        rows=_rows(problem, most, day, places),
    )


def _rows(problem: CapacityProblem, most: Int64Array, day: _Day, places: Int64Array) -> tuple[Row, ...]:
    rows = []
    for column, union in enumerate(problem.unions):
        name = union_name(union, problem.needs)
        used = places[:, union].sum(axis=1)
        rows += [
            Row(f"executives for {name}", slot, union, int(used[slot]), int(most[slot, column]), "promises")
            for slot in range(len(problem.grid))
        ]
        seconds = sum(int(places[:, n].sum()) * day.visit_s[n] for n in union)
        rows.append(Row(f"working time for {name}", None, union, seconds, day.seconds[column], "seconds"))
    rows.append(Row("promises of the day", None, problem.unions[-1], int(places.sum()), day.visits, "promises"))
    return tuple(rows)
