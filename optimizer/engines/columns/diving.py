"""Diving: from the relaxation to a plan, by fixing routes and pricing again for what is left.

Each step fixes the routes that the master drives whole, or else the few it drives most, strikes out what they cover,
and lets pricing find routes for the rest of the day (Sadykov, Vanderbeck, Pessoa, Tahiri, Uchoa, "Primal heuristics
for branch and price: the assets of diving methods", INFORMS Journal on Computing 31(2), 2019).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizer.arrays import BoolArray, Int64Array
from optimizer.engines.columns.generation import SWEEPS, FloatArray, Relaxation, cover, restricted
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.master import solve_master
from optimizer.engines.columns.pool import Column, Pool, order_cost_s
from optimizer.engines.columns.pricing import Duals, Level, Pricer, no_cuts, reduced_costs

WHOLE = 0.97
STEP_SHARE = 0.08
"""Share of the remaining executives fixed in a step when no route is driven whole."""

NEAR_S = 300
"""Columns with a higher reduced cost take no part in the dive."""

ROUNDS = 8
LEAST_GAIN = 1e-4
"""A step goes on to the next when a round of pricing has brought less than this share, and no promise is left out."""

LEFT_OUT = 0.01
PROMISE_CAP = 20
"""Leaving a promise out costs this many times what the relaxation was ready to pay: in a dive it is not wanted."""

TOLERANCE = 1e-5


def dive(
    pricer: Pricer, relaxation: Relaxation, stop: Callable[[], bool], share: float = STEP_SHARE
) -> list[Column] | None:
    """Columns of a plan, disjoint; deliveries and, where it failed, promises may be left out. None when stopped.

    `share` of the remaining executives is fixed in a step when no route is driven whole.
    """
    if relaxation.duals is None:
        return None
    day = pricer.day
    table = relaxation.pool.table()
    near = reduced_costs(table, relaxation.duals) <= NEAR_S * GRID
    pool = Pool(c for c, is_near in zip(relaxation.pool, near, strict=True) if is_near)
    active = np.ones(len(day.place), dtype=np.bool_)
    left = pricer.fleet.size.copy()
    drop = np.where(pricer.must, PROMISE_CAP * relaxation.cap, relaxation.cap)
    level = max(pricer.easiest, Level.LOOSE)
    chosen: list[Column] = []
    while active.any() and left.any():
        before = np.inf
        for _ in range(ROUNDS):
            if stop():
                return None
            value, x, duals, out = _solve(pool, active, left, drop)
            if value > (1 - LEAST_GAIN) * before and not (out[pricer.must] > LEFT_OUT).any():
                break
            before = value
            if not _sweeps(pricer, pool, duals, level, active, left):
                break
        _, x, _, _ = _solve(pool, active, left, drop)
        fixed = _fix(pool, x, left, max(1, int(share * left.sum())))
        if not fixed:
            break
        for column in fixed:
            chosen.append(column)
            active[list(column.visits)] = False
            left[column.kind] -= 1
        pool.keep(np.array([left[c.kind] > 0 and _lies_in(c, active) for c in pool], dtype=np.bool_))
    return chosen


def _sweeps(pricer: Pricer, pool: Pool, duals: Duals, level: Level, active: BoolArray, left: Int64Array) -> int:
    """New columns for the visits that are active: after each sweep those covered are left out, and it goes on."""
    kinds = [int(kind) for kind in np.flatnonzero(left)]
    new, waiting, room = 0, active & pricer.free, left.copy()
    for _ in range(SWEEPS):
        priced = pricer.price(duals, level, waiting, kinds)
        found = (_without_repeats(pricer, column) for answer in priced for _, column in answer.columns)
        added = sum(pool.add(column) for column in found if column is not None)
        new += added
        if not added or not cover(pricer, priced, waiting, room):
            break
    return new


def _without_repeats(pricer: Pricer, column: Column) -> Column | None:
    """The column with each visit made the first time only; None when it cannot be run so."""
    once = tuple(dict.fromkeys(column.visits))
    if len(once) == len(column.visits):
        return column
    cost_s = order_cost_s(pricer.day, pricer.outsets[column.kind].e, once)
    return None if cost_s is None else Column(column.kind, once, cost_s)


def _lies_in(column: Column, active: BoolArray) -> bool:
    """The column makes active visits only, each once."""
    return bool(active[list(column.visits)].all()) and len(set(column.visits)) == len(column.visits)


def _fix(pool: Pool, x: FloatArray, left: Int64Array, most: int) -> list[Column]:
    """Disjoint columns to fix: all that are driven whole, else at most so many of those driven most."""
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
    active: BoolArray,
    left: Int64Array,
    drop: Int64Array,
) -> tuple[float, FloatArray, Duals, FloatArray]:
    """The master over the active visits and the executives left: (value, x of the pool, duals and left out of all)."""
    visits = np.flatnonzero(active)
    row = np.cumsum(active) - 1
    table = pool.table()
    if not len(pool):
        duals = Duals(np.where(active, drop, 0) * GRID, np.zeros(len(left), dtype=np.int64), no_cuts(len(active)))
        return np.inf, np.zeros(0), duals, active.astype(np.float64)
    solution = solve_master(restricted(table._replace(visits=row[table.visits]), drop[visits], left, ()), TOLERANCE)
    pi = np.zeros(len(active), dtype=np.int64)
    pi[visits] = np.floor(np.clip(solution.pi, 0, drop[visits]) * GRID)
    mu = np.floor(np.maximum(solution.mu, 0) * GRID).astype(np.int64)
    out = np.zeros(len(active))
    out[visits] = solution.left_out
    return solution.value, solution.x, Duals(pi, mu, no_cuts(len(active))), out
