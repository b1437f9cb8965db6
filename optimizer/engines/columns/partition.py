"""The best plan that can be made of listed routes: bound, three-row cuts, reduced cost, and a MIP for what is left.

The list holds every route a plan cheaper than the upper bound can use, so the best partition of the day into listed
routes, or the absence of one, settles the day. The linear relaxation over the list is solved over a part of
it, priced by looking at all; cuts are added; routes whose reduced cost shows that they cannot help are struck off.
What is left goes to a mixed integer solver, without a start solution: one solver release pruned wrongly when given one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt

from optimizer.arrays import Int64Array
from optimizer.engines.columns.cuts import Cut, pairs_made, separate
from optimizer.engines.columns.generation import restricted
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.master import MasterSolution, solve_master
from optimizer.engines.columns.pool import Table, sums_over
from optimizer.stop import Stop

FloatArray = npt.NDArray[np.float64]

FIRST_ROUTES = 2_000
ROUTES_A_ROUND = 1_000
CUTS_A_ROUND = 40
CUT_ROUNDS = 12
FEW_ROUTES = 4_000
LEAST_PROGRESS = 0.1
"""Share of the gap a round of cuts has to close, or the MIP takes over."""
TOLERANCE = 1e-7
MOST_NODES = 20_000
"""Nodes the MIP may open: a limit that is the same on every machine."""


@dataclass(frozen=True, slots=True)
class Partition:
    """`chosen` are rows of the table that make the plan, None when no plan below the upper bound was found.

    `bound_s`: no plan made of the table costs less; equal to the upper bound when none below it exists. `settled`:
    the plan chosen is the best there is below the upper bound, or there is none.
    """

    chosen: tuple[int, ...] | None
    bound_s: int
    settled: bool


class _ListMaster:
    """The linear relaxation over the listed routes, with cuts; duals on the grid, bounds exact."""

    def __init__(self, table: Table, price_s: Int64Array, capacity: Int64Array) -> None:
        self.table = table
        self.price_s = price_s
        self.capacity = capacity
        self.cuts: list[Cut] = []
        self.pairs = np.zeros((0, len(table.kind)), dtype=np.int64)
        self.alive = np.ones(len(table.kind), dtype=np.bool_)
        self.inside = np.zeros(len(table.kind), dtype=np.bool_)
        self.reduced = np.zeros(len(table.kind), dtype=np.int64)
        self.spare = np.zeros(len(price_s), dtype=np.int64)
        self.bound = -(1 << 60)

    def add(self, cuts: list[Cut]) -> None:
        visits = len(self.price_s)
        self.cuts.extend(cuts)
        self.pairs = np.vstack([self.pairs, *(pairs_made(self.table, cut, visits)[None, :] for cut in cuts)])

    def solve(self, stop: Callable[[], bool]) -> tuple[FloatArray, Int64Array] | None:
        """x of the routes inside and their rows, at the optimum over all alive; None when stopped."""
        while not stop():
            rows = np.flatnonzero(self.inside)
            solution = self._restricted(rows)
            kinds = len(self.capacity)
            pi = np.floor(np.minimum(solution.pi, self.price_s) * GRID).astype(np.int64)
            sigma = np.floor(np.maximum(solution.mu[kinds:], 0) * GRID).astype(np.int64)
            self.reduced = self.table.cost_s * GRID - sums_over(self.table, pi) + sigma @ self.pairs
            least = np.zeros(kinds, dtype=np.int64)
            np.minimum.at(least, self.table.kind[self.alive], self.reduced[self.alive])
            bound = int(pi.sum()) - int(sigma.sum()) + int((least * self.capacity).sum())
            useful = self.reduced - least[self.table.kind]
            if bound > self.bound:
                self.bound = bound
                self.useful = useful
                self.spare = self.price_s * GRID - pi
            mu = np.floor(np.maximum(solution.mu[:kinds], 0) * GRID).astype(np.int64)
            wanted = self.alive & ~self.inside & (self.reduced + mu[self.table.kind] < -GRID // 100)
            if not wanted.any():
                return solution.x, rows
            candidates = np.flatnonzero(wanted)
            best = candidates[np.argsort(self.reduced[candidates], kind="stable")[:ROUTES_A_ROUND]]
            self.inside[best] = True
        return None

    def _restricted(self, rows: Int64Array) -> MasterSolution:
        part = self.table.rows(rows)
        return solve_master(restricted(part, self.price_s, self.capacity, self.cuts), TOLERANCE)


def best_partition(
    table: Table,
    price_s: Int64Array,
    capacity: Int64Array,
    upper_s: int,
    stop: Stop,
    nodes: int = MOST_NODES,
) -> Partition:
    """The cheapest plan below `upper_s` made of the routes of the table, each visit once or left out at its price.

    `price_s` of a promise is more than any plan may cost.
    """
    if not len(table.kind):
        return Partition(None, upper_s, settled=True)
    master = _ListMaster(table, price_s, capacity)
    master.inside[np.argsort(table.cost_s, kind="stable")[:FIRST_ROUTES]] = True
    before = master.bound
    for _ in range(CUT_ROUNDS):
        solved = master.solve(stop)
        if solved is None:
            return Partition(None, min(upper_s, max(0, -(-master.bound // GRID))), settled=False)
        if master.bound > (upper_s - 1) * GRID:
            return Partition(None, upper_s, settled=True)
        gap = upper_s * GRID - GRID - master.bound
        master.alive &= master.useful <= gap
        master.inside &= master.alive
        progress = master.bound - before
        before = master.bound
        if master.alive.sum() <= FEW_ROUTES // 10 or (
            progress < LEAST_PROGRESS * gap and master.alive.sum() <= FEW_ROUTES
        ):
            break
        x, rows = solved
        shares = np.zeros(len(table.kind))
        shares[rows] = x
        cuts = separate(table, shares, len(price_s), CUTS_A_ROUND, everywhere=True)
        known = {cut.visits for cut in master.cuts}
        cuts = [cut for cut in cuts if cut.visits not in known]
        if not cuts:
            break
        master.add(cuts)
    return _whole(master, upper_s, stop, nodes)


def _whole(master: _ListMaster, upper_s: int, stop: Stop, nodes: int) -> Partition:
    """The MIP over the routes alive."""
    table, price_s = master.table, master.price_s
    rows = np.flatnonzero(master.alive)
    lower_s = max(0, -(-master.bound // GRID))
    may_wait = master.spare <= upper_s * GRID - GRID - master.bound
    model = mathopt.Model(name="partition")
    x = [model.add_binary_variable() for _ in rows]
    y: dict[int, mathopt.Variable] = {int(v): model.add_binary_variable() for v in np.flatnonzero(may_wait)}
    made: list[list[mathopt.Variable]] = [[] for _ in price_s]
    by_kind: list[list[mathopt.Variable]] = [[] for _ in master.capacity]
    for variable, r in zip(x, rows, strict=True):
        by_kind[int(table.kind[r])].append(variable)
        for v in table.visits[table.at[r] : table.at[r + 1]]:
            made[int(v)].append(variable)
    for v, variables in enumerate(made):
        terms = [*variables, y[v]] if v in y else variables
        if not terms:
            return Partition(None, upper_s, settled=True)
        model.add_linear_constraint(mathopt.fast_sum(terms) == 1)
    for kind, variables in enumerate(by_kind):
        if variables:
            model.add_linear_constraint(mathopt.fast_sum(variables) <= int(master.capacity[kind]))
    costs = [int(table.cost_s[r]) * variable for r, variable in zip(rows, x, strict=True)]
    total = mathopt.fast_sum([*costs, *(int(price_s[v]) * variable for v, variable in y.items())])
    model.add_linear_constraint(total <= upper_s - 1)
    model.minimize(total)
    limit = stop.left_s()
    parameters = mathopt.SolveParameters(
        time_limit=None if limit is None else dt.timedelta(seconds=max(0.01, limit)),
        relative_gap_tolerance=0.0,
        absolute_gap_tolerance=0.0,
        threads=1,
        node_limit=nodes,
    )
    answer = mathopt.solve(model, mathopt.SolverType.GSCIP, params=parameters)
    reason = answer.termination.reason
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return Partition(None, upper_s, settled=True)
    if not answer.has_primal_feasible_solution():
        return Partition(None, lower_s, settled=False)
    values = answer.variable_values(x)
    chosen = tuple(int(r) for r, value in zip(rows, values, strict=True) if value > 0.5)
    if reason is not mathopt.TerminationReason.OPTIMAL:
        return Partition(chosen, lower_s, settled=False)
    waiting = answer.variable_values(y.values())
    cost_s = sum(int(table.cost_s[r]) for r in chosen)
    cost_s += sum(int(price_s[v]) for v, value in zip(y, waiting, strict=True) if value > 0.5)
    return Partition(chosen, cost_s, settled=True)
