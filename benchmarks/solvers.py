"""`python -m benchmarks.solvers`: which solver for the restricted master, and which for the final partition.

Masters: column generation of one day from the routes of a start plan to its end, the same but for who solves the
master: our interior point that stops early, GLOP through MathOpt with what it knows from round to round
(`IncrementalSolver`), HiGHS and PDLP through MathOpt, anew each time. All begin with the same columns; the figure that
counts is the time to the same bound. Partitions: the cheapest plan made of the columns of least reduced cost that
generation leaves behind, by SCIP, HiGHS and CP-SAT without a start solution. A line for each run goes to
records/solvers.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt
from threadpoolctl import threadpool_limits

from benchmarks.record import RECORDS, load_average, surroundings
from benchmarks.suites import day_files, read_problems
from optimizer.arrays import DayArrays, Int64Array, day_arrays
from optimizer.domain import Problem
from optimizer.engines.columns.generation import Relaxation, first_caps, generate
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.master import Master, MasterSolution, Restricted, solve_master
from optimizer.engines.columns.pool import Pool, Table
from optimizer.engines.columns.pricing import Pricer, reduced_costs
from optimizer.engines.insertion import insertion
from optimizer.engines.routes import routes_of, rows_of
from optimizer.stop import StopAt

FloatArray = npt.NDArray[np.float64]

SOLVERS_FILE = RECORDS / "solvers.jsonl"
DAYS = "bench-100-18,bench-200-36,bench-600-105,bench-110-90-22,durg"
GAP = 0.01
"""Columns with a reduced cost up to this share of the bound take part in the partition, MOST at most."""
MOST = 2_000


def _threads(solver: mathopt.SolverType) -> int | None:
    """One thread; HiGHS takes no such parameter and uses one for linear programs and few for others."""
    return None if solver is mathopt.SolverType.HIGHS else 1


class _MathOpt:
    """A restricted master in MathOpt; with `keep` one model grows from round to round, solved on from where it was."""

    def __init__(self, solver: mathopt.SolverType, keep: bool) -> None:
        self._solver, self._keep = solver, keep
        self._begun = False

    def __call__(self, problem: Restricted, _tolerance: float) -> MasterSolution:
        """As `solve_master`, to the solver's own tolerance."""
        at, rows, cost, drop, capacity = problem
        if not (self._begun and self._keep):
            self._begin(len(drop), capacity)
        for price_s, variable in zip(drop, self._left_out, strict=True):
            self._objective.set_linear_coefficient(variable, float(price_s))
        for r in range(len(self._x), len(cost)):
            x = self._new(float(cost[r]))
            for row, times in zip(*np.unique(rows[at[r] : at[r + 1]], return_counts=True), strict=True):
                self._rows[int(row)].set_coefficient(x, float(times))
            self._x.append(x)
        answer = self._solve()
        if not (answer.has_primal_feasible_solution() and answer.has_dual_feasible_solution()):
            raise RuntimeError(f"{self._solver.name}: {answer.termination}")
        duals = np.array(answer.dual_values(self._rows))
        x = np.array(answer.variable_values(self._x))
        value, left_out = answer.objective_value(), np.array(answer.variable_values(self._left_out))
        return MasterSolution(value, value, duals[: len(drop)], -duals[len(drop) :], x, left_out, 1)

    def _begin(self, visits: int, capacity: FloatArray) -> None:
        self._begun, self._model = True, mathopt.Model()
        model = self._model
        self._objective = model.objective
        self._objective.is_maximize = False
        self._rows = [model.add_linear_constraint(lb=1.0) for _ in range(visits)]
        self._rows += [model.add_linear_constraint(ub=float(each)) for each in capacity]
        self._x: list[mathopt.Variable] = []
        self._left_out: list[mathopt.Variable] = []
        for row in self._rows[:visits]:
            self._left_out.append(self._new(0.0))
            row.set_coefficient(self._left_out[-1], 1.0)
        parameters = mathopt.SolveParameters(threads=_threads(self._solver))
        if self._keep:
            solver = mathopt.IncrementalSolver(model, self._solver)
            self._solve: Callable[[], mathopt.SolveResult] = lambda: solver.solve(params=parameters)
        else:
            self._solve = lambda: mathopt.solve(model, self._solver, params=parameters)

    def _new(self, cost: float) -> mathopt.Variable:
        variable = self._model.add_variable(lb=0.0)
        self._objective.set_linear_coefficient(variable, cost)
        return variable


MASTERS: Mapping[str, Callable[[], Master]] = {
    "interior point, stopped early": lambda: solve_master,
    "GLOP, warm": lambda: _MathOpt(mathopt.SolverType.GLOP, keep=True),
    "HiGHS, cold": lambda: _MathOpt(mathopt.SolverType.HIGHS, keep=False),
    "PDLP, cold": lambda: _MathOpt(mathopt.SolverType.PDLP, keep=False),
}
MIPS: Mapping[str, mathopt.SolverType] = {
    "SCIP": mathopt.SolverType.GSCIP,
    "HiGHS": mathopt.SolverType.HIGHS,
    "CP-SAT": mathopt.SolverType.CP_SAT,
}


def generated(problem: Problem, master: Master, limit_s: float) -> tuple[dict[str, object], Relaxation, Pricer]:
    """Column generation of a day with this master: figures, and what it left behind."""
    day = day_arrays(problem)
    start = insertion(problem, StopAt(iterations=30))
    if start is None:
        raise RuntimeError("no plan to start from")
    pricer = Pricer(day)
    routes = routes_of(problem, start.orders)
    incumbent = Incumbent(day, pricer.fleet, rows_of(routes))
    spent_s = 0.0

    def timed(restricted: Restricted, tolerance: float) -> MasterSolution:
        nonlocal spent_s
        begin_s = time.perf_counter()
        solution = master(restricted, tolerance)
        spent_s += time.perf_counter() - begin_s
        return solution

    relaxation = Relaxation(Pool(incumbent.columns()), first_caps(pricer, incumbent.average_s()), master=timed)
    begin_s = time.perf_counter()
    generate(pricer, relaxation, StopAt(None, limit_s))
    figures: dict[str, object] = {
        "wall_s": round(time.perf_counter() - begin_s, 3),
        "master_s": round(spent_s, 3),
        "rounds": relaxation.rounds,
        "columns": len(relaxation.pool),
        "bound": relaxation.bound_s,
        "converged": relaxation.converged,
    }
    return figures, relaxation, pricer


def near_columns(relaxation: Relaxation) -> Table:
    """Columns without repetitions that lie near the bound, the nearest first where there are too many."""
    table = Pool(relaxation.pool.elementary()).table()
    if relaxation.duals is None or relaxation.bound_s is None:
        raise RuntimeError("no bound, so nothing is near it")
    reduced = reduced_costs(table, relaxation.duals)
    nearest = np.argsort(reduced, kind="stable")[:MOST]
    chosen: Int64Array = np.sort(nearest[reduced[nearest] <= int(GAP * relaxation.bound_s) << 16])
    return table.rows(chosen)


def partitioned(
    table: Table, day: DayArrays, pricer: Pricer, solver: mathopt.SolverType, limit_s: float
) -> dict[str, object]:
    """The cheapest plan made of these columns by one solver; a promise may be left out at a price beyond any plan."""
    price_s = np.where(pricer.must, int(table.cost_s.sum()), day.unserved_price)
    model = mathopt.Model()
    x = [model.add_binary_variable() for _ in table.kind]
    y = [model.add_binary_variable() for _ in price_s]
    made: list[list[mathopt.Variable]] = [[variable] for variable in y]
    by_kind: list[list[mathopt.Variable]] = [[] for _ in pricer.fleet.size]
    for r, variable in enumerate(x):
        by_kind[int(table.kind[r])].append(variable)
        for v in table.made(r):
            made[v].append(variable)
    for variables in made:
        model.add_linear_constraint(mathopt.fast_sum(variables) == 1)
    for kind, variables in enumerate(by_kind):
        model.add_linear_constraint(mathopt.fast_sum(variables) <= int(pricer.fleet.size[kind]))
    terms = [int(c) * variable for c, variable in zip((*table.cost_s, *price_s), (*x, *y), strict=True)]
    model.minimize(mathopt.fast_sum(terms))
    parameters = mathopt.SolveParameters(
        time_limit=dt.timedelta(seconds=limit_s),
        relative_gap_tolerance=0.0,
        absolute_gap_tolerance=0.0,
        threads=_threads(solver),
    )
    begin_s = time.perf_counter()
    answer = mathopt.solve(model, solver, params=parameters)
    spent_s = time.perf_counter() - begin_s
    cost: int | None = None
    if answer.has_primal_feasible_solution():
        values = answer.variable_values([*x, *y])
        cost = sum(int(c) for c, value in zip((*table.cost_s, *price_s), values, strict=True) if value > 0.5)
    return {
        "wall_s": round(spent_s, 3),
        "columns": len(table.kind),
        "cost": cost,
        "optimal": answer.termination.reason is mathopt.TerminationReason.OPTIMAL,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, tell and append."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solvers", description="Compare masters and partitions.")
    parser.add_argument("--days", default=DAYS, help="names of committed days by comma")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds of a run, at most")
    parser.add_argument("--out", type=Path, default=SOLVERS_FILE, help="the file to append to")
    given = parser.parse_args(arguments)
    where = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "load": load_average(),
        **asdict(surroundings()),
    }

    def tell(day: str, task: str, solver: str, figures: Mapping[str, object]) -> None:
        entry = {"day": day, "task": task, "solver": solver, "time_limit_s": given.time_limit, **figures, **where}
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print(
            f"{day}, {task}, {solver}: " + ", ".join(f"{name} {value}" for name, value in figures.items()), flush=True
        )

    with threadpool_limits(limits=1, user_api="blas"):
        for day, problem in read_problems(day_files(given.days.split(","))).items():
            generated(problem, solve_master, 2.0)  # loads what is compiled
            left: tuple[Relaxation, Pricer] | None = None
            for name, made in MASTERS.items():
                figures, relaxation, pricer = generated(problem, made(), given.time_limit)
                left = left or (relaxation, pricer)
                tell(day, "master", name, figures)
            if left is not None and left[0].bound_s is not None:
                table = near_columns(left[0])
                for name, solver in MIPS.items():
                    tell(
                        day,
                        "partition",
                        name,
                        partitioned(table, day_arrays(problem), left[1], solver, given.time_limit),
                    )


if __name__ == "__main__":
    main()
