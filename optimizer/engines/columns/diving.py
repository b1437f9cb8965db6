"""Diving: from the relaxation to a plan, by fixing routes and pricing again for what is left.

Each step fixes the routes that the master drives whole, or else the few it drives most, strikes out what they cover,
and lets pricing find routes for the rest of the day (Sadykov, Vanderbeck, Pessoa, Tahiri, Uchoa, "Primal heuristics
for branch and price: the assets of diving methods", INFORMS Journal on Computing 31(2), 2019).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizer.arrays import Int64Array
from optimizer.engines.columns.generation import Relaxation, master_rows
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.master import solve_master
from optimizer.engines.columns.pool import Column, Pool, sums_over
from optimizer.engines.columns.pricing import Duals, Level, Pricer, no_cuts

WHOLE = 0.97
STEP_SHARE = 0.08
"""Share of the remaining executives fixed in a step when no route is driven whole."""

NEAR_S = 300
"""Columns with a higher reduced cost take no part in the dive."""

ROUNDS = 2
PROMISE_CAP = 20
"""Leaving a promise out costs this many times what the relaxation was ready to pay: in a dive it is not wanted."""

TOLERANCE = 1e-5


def dive(pricer: Pricer, relaxation: Relaxation, stop: Callable[[], bool]) -> list[Column] | None:
    """Columns of a plan, disjoint; deliveries and, where it failed, promises may be left out. None when stopped."""
    if relaxation.duals is None:
        return None
    day = pricer.day
    table = relaxation.pool.table()
    reduced = table.cost_s * GRID - sums_over(table, relaxation.duals.pi)
    near = reduced + relaxation.duals.mu[table.kind] <= NEAR_S * GRID
    pool = Pool(c for c, is_near in zip(relaxation.pool, near, strict=True) if is_near)
    active = np.ones(len(day.place), dtype=np.bool_)
    left = pricer.fleet.size.copy()
    drop = np.where(pricer.must, PROMISE_CAP * relaxation.cap, relaxation.cap)
    level = max(pricer.easiest, Level.LOOSE)
    chosen: list[Column] = []
    while active.any() and left.any():
        for _ in range(ROUNDS):
            if stop():
                return None
            x, duals = _solve(pool, active, left, drop)
            kinds = [int(kind) for kind in np.flatnonzero(left)]
            priced = pricer.price(duals, level, active & pricer.free, kinds)
            if not sum(pool.add(c) for answer in priced for _, c in answer.columns if _lies_in(c, active)):
                break
        x, _ = _solve(pool, active, left, drop)
        fixed = _fix(pool, x, left)
        if not fixed:
            break
        for column in fixed:
            chosen.append(column)
            active[list(column.visits)] = False
            left[column.kind] -= 1
        pool.keep(np.array([left[c.kind] > 0 and _lies_in(c, active) for c in pool], dtype=np.bool_))
        if not len(pool):
            break
    return chosen


def _lies_in(column: Column, active: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> bool:
    """The column makes active visits only, each once."""
    return bool(active[list(column.visits)].all()) and len(set(column.visits)) == len(column.visits)


def _fix(pool: Pool, x: np.ndarray[tuple[int], np.dtype[np.float64]], left: Int64Array) -> list[Column]:
    """Disjoint columns to fix: all that are driven whole, else those driven most."""
    most = max(1, int(STEP_SHARE * left.sum()))
    taken: set[int] = set()
    room = left.copy()
    fixed: list[Column] = []
    for row in np.argsort(-x, kind="stable"):
        if x[row] < 0.01 or (x[row] < WHOLE and len(fixed) >= most):
            break
        column = pool[int(row)]
        if room[column.kind] > 0 and taken.isdisjoint(column.visits):
            room[column.kind] -= 1
            taken.update(column.visits)
            fixed.append(column)
    return fixed


def _solve(
    pool: Pool,
    active: np.ndarray[tuple[int], np.dtype[np.bool_]],
    left: Int64Array,
    drop: Int64Array,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], Duals]:
    """The master over the active visits and the executives left: x of the pool, and duals of the whole day."""
    visits = np.flatnonzero(active)
    row = np.cumsum(active) - 1
    table = pool.table()
    if not len(pool):
        return np.zeros(0), Duals(
            np.where(active, drop, 0) * GRID, np.zeros(len(left), dtype=np.int64), no_cuts(len(active))
        )
    at, rows = master_rows(table._replace(visits=row[table.visits]), len(visits), len(left), ())
    solution = solve_master(
        at, rows, table.cost_s.astype(np.float64), drop[visits].astype(np.float64), left.astype(np.float64), TOLERANCE
    )
    pi = np.zeros(len(active), dtype=np.int64)
    pi[visits] = np.floor(np.clip(solution.pi, 0, drop[visits]) * GRID)
    mu = np.floor(np.maximum(solution.mu, 0) * GRID).astype(np.int64)
    return solution.x, Duals(pi, mu, no_cuts(len(active)))
