"""Solving a linear model with the solvers of OR-Tools: which one is an argument, what comes back is plain."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt

from optimizer.roster.rows import FREE, IntArray, Linear
from optimizer.stop import Stop, unless_requested

FloatArray = npt.NDArray[np.float64]
TOLERANCE = 1e-6
LEAST_S = 0.01


class Solver(StrEnum):
    """Solvers for whole numbers that can be measured against each other; relaxations are solved by GLOP."""

    HIGHS = "highs"
    SCIP = "scip"
    CP_SAT = "cp_sat"


_TYPES = {
    Solver.HIGHS: mathopt.SolverType.HIGHS,
    Solver.SCIP: mathopt.SolverType.GSCIP,
    Solver.CP_SAT: mathopt.SolverType.CP_SAT,
}


@dataclass(frozen=True, eq=False)
class Solved:
    """What a solver found: a value for each column, None when it found nothing; a lower bound; what is proven.

    `bound` is a whole number, as all costs are. `infeasible`: proven that no values keep the rows.
    """

    values: FloatArray | None
    bound: int
    infeasible: bool = False


def solve(
    linear: Linear,
    cost: IntArray,
    stop: Stop | None = None,
    *,
    solver: Solver = Solver.HIGHS,
    time_limit_s: float | None = None,
    node_limit: int | None = None,
    gap: float = 0.0,
    seed: int = 1,
) -> Solved:
    """The least cost of a model, until it is proven to within `gap` (a fraction) or a limit is met. One thread.

    Nothing is found when `stop` is requested meanwhile; its time is not looked at.
    """
    model, variables = _model(linear, cost, relaxed=False)
    parameters = mathopt.SolveParameters(
        time_limit=_limit(time_limit_s),
        node_limit=node_limit if solver is not Solver.CP_SAT else None,
        relative_gap_tolerance=gap,
        absolute_gap_tolerance=0.9,
        random_seed=seed,
        threads=None if solver is Solver.HIGHS else 1,
    )
    return _read(_asked(lambda: mathopt.solve(model, _TYPES[solver], params=parameters), stop), variables)


def relaxed(linear: Linear, cost: IntArray, stop: Stop | None = None, *, time_limit_s: float | None = None) -> Solved:
    """The least cost of the relaxation of a model: a lower bound of it, rounded up. As `solve` when it is to end."""
    model, variables = _model(linear, cost, relaxed=True)
    parameters = mathopt.SolveParameters(time_limit=_limit(time_limit_s), threads=1)
    return _read(_asked(lambda: mathopt.solve(model, mathopt.SolverType.GLOP, params=parameters), stop), variables)


def _limit(time_limit_s: float | None) -> dt.timedelta | None:
    return None if time_limit_s is None else dt.timedelta(seconds=max(LEAST_S, time_limit_s))


def _model(linear: Linear, cost: IntArray, *, relaxed: bool) -> tuple[mathopt.Model, list[mathopt.Variable]]:
    columns, matrix = linear.columns, linear.matrix
    model = mathopt.Model(name="roster")
    variables = [
        model.add_variable(lb=float(lower), ub=float(upper), is_integer=bool(whole) and not relaxed)
        for lower, upper, whole in zip(columns.lower, columns.upper, columns.whole, strict=True)
    ]
    fixed = columns.lower == columns.upper
    for row in range(len(matrix)):
        entries = slice(int(matrix.at[row]), int(matrix.at[row + 1]))
        inside, value = matrix.column[entries], matrix.value[entries]
        known = fixed[inside]
        if known.all():
            continue
        settled = float((value[known] * columns.lower[inside[known]]).sum())
        lower, upper = int(matrix.lower[row]), int(matrix.upper[row])
        constraint = model.add_linear_constraint(
            lb=-math.inf if lower <= -FREE else lower - settled, ub=math.inf if upper >= FREE else upper - settled
        )
        for column, factor in zip(inside[~known], value[~known], strict=True):
            constraint.set_coefficient(variables[column], float(factor))
    model.objective.is_maximize = False
    model.objective.offset = float((cost[fixed] * columns.lower[fixed]).sum())
    for column in np.flatnonzero((cost != 0) & ~fixed):
        model.objective.set_linear_coefficient(variables[column], float(cost[column]))
    return model, variables


def _asked(act: Callable[[], mathopt.SolveResult], stop: Stop | None) -> mathopt.SolveResult | None:
    return act() if stop is None else unless_requested(act, stop)


def _read(answer: mathopt.SolveResult | None, variables: list[mathopt.Variable]) -> Solved:
    if answer is None:
        return Solved(None, 0)
    reason = answer.termination.reason
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return Solved(None, 0, infeasible=True)
    bound = answer.termination.objective_bounds.dual_bound
    whole = 0 if not math.isfinite(bound) else math.ceil(bound - TOLERANCE * max(1.0, abs(bound)))
    if not answer.has_primal_feasible_solution():
        return Solved(None, whole)
    return Solved(np.array(answer.variable_values(variables), dtype=np.float64), whole)
