"""Column generation: from some routes to the bound of all routes.

Each round solves the restricted master to a tolerance that follows the gap, prices with its duals, and adds the
columns found. Pricing goes from sparse to exact as it finds less; only an exact round over all visits and classes
makes a bound. After the first sweep of a round the visits covered by the routes found are left out and the rest is
priced again, until nothing useful is left: each round then adds a near-partition of the day, which the master
can use at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from optimizer.arrays import BoolArray, Int64Array
from optimizer.engines.columns.cuts import MOST_PRICED, Cut, cut_bits, pairs_made, separate
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.master import Master, MasterSolution, Restricted, solve_master
from optimizer.engines.columns.pool import Pool, Table
from optimizer.engines.columns.pricing import Duals, Level, Priced, Pricer, reduced_costs

FloatArray = npt.NDArray[np.float64]

LOOSEST, TIGHTEST = 2e-2, 1e-6
GAP_SHARE = 0.15
SWEEPS = 5
FEW = 4
"""A level of pricing that finds fewer new columns than this gives way to the next."""

CYCLE_SHARE = 0.02
"""Columns with a smaller share in the master solution are not looked at for cycles."""

CYCLE_NEAR_S = 10
"""Cycles of columns with at most this reduced cost are forbidden with those of the master solution: they come next."""

BINDING = 0.01
"""Cost seconds above which the dual of a cut says that the cut binds."""

FAR, FAR_SHARE = 5e-3, 0.01
"""While the best plan is further than FAR above the bound, this share of the distance is near enough to the master."""

FIRST_CAP = 5
"""The master may leave a promise out at this many times the cost of an average visit, doubled while it does."""


@dataclass
class Relaxation:
    """What column generation knows: columns, the best bound and its duals, the last master solution.

    `bound` is in GRIDths of a cost second and holds for every plan that keeps all promises; None before the
    first exact round. `final_caps`: the caps are true prices and are not raised. `converged` when no column with a
    negative reduced cost is left. `master` solves the restricted master.
    """

    pool: Pool
    cap: Int64Array
    bound: int | None = None
    duals: Duals | None = None
    solution: MasterSolution | None = None
    rounds: int = 0
    labels: int = 0
    converged: bool = False
    level: Level = Level.SPARSE
    final_caps: bool = False
    cuts: list[Cut] = field(default_factory=list)
    master: Master = solve_master

    @property
    def bound_s(self) -> int | None:
        """The bound in whole cost seconds: every cost is whole, so it is rounded up."""
        return None if self.bound is None else -(-self.bound // GRID)

    @property
    def gap(self) -> float:
        """(master value - bound) / master value; 1 while there is no bound."""
        if self.solution is None or self.bound is None:
            return 1.0
        return max(0.0, 1 - self.bound / GRID / max(1.0, self.solution.value))


MOST_CAP = 4_000_000
"""Cost seconds at which a promise that is still left out counts as one that cannot be kept with the others."""


def first_caps(pricer: Pricer, average_s: float) -> Int64Array:
    """What leaving a visit out costs in the master to begin with: the waiting price, or a multiple of the average."""
    promise = max(600, int(FIRST_CAP * average_s))
    return np.where(pricer.must, promise, pricer.day.unserved_price).astype(np.int64)


def solve_restricted(pricer: Pricer, relaxation: Relaxation, tolerance: float) -> tuple[MasterSolution, Duals]:
    """The restricted master over the pool, and its duals on the grid."""
    table = relaxation.pool.table()
    visits, kinds = len(relaxation.cap), len(pricer.fleet.size)
    problem = restricted(table, relaxation.cap, pricer.fleet.size, relaxation.cuts)
    solution = relaxation.master(problem, tolerance)
    pi = np.floor(np.clip(solution.pi, 0, relaxation.cap) * GRID).astype(np.int64)
    mu = np.floor(np.maximum(solution.mu, 0) * GRID).astype(np.int64)
    return solution, Duals(pi, mu[:kinds], cut_bits(relaxation.cuts, mu[kinds:], visits))


def restricted(table: Table, drop_s: Int64Array, sizes: Int64Array, cuts: Sequence[Cut]) -> Restricted:
    """The master over these columns; each stands at its visits, its class, and at a cut as often as it makes a pair."""
    visits, kinds = len(drop_s), len(sizes)
    columns = np.arange(len(table.kind))
    owner, rows = [np.repeat(columns, np.diff(table.at)), columns], [table.visits, visits + table.kind]
    for k, cut in enumerate(cuts):
        pairs = pairs_made(table, cut, visits)
        owner.append(np.repeat(columns, pairs))
        rows.append(np.full(int(pairs.sum()), visits + kinds + k))
    owners = np.concatenate(owner)
    at = np.concatenate(([0], np.cumsum(np.bincount(owners, minlength=len(columns))))).astype(np.int64)
    return Restricted(
        at,
        np.concatenate(rows)[np.argsort(owners, kind="stable")].astype(np.int64),
        table.cost_s.astype(np.float64),
        drop_s.astype(np.float64),
        np.concatenate((sizes, np.ones(len(cuts)))).astype(np.float64),
    )


def forbid_cycles(pricer: Pricer, relaxation: Relaxation) -> int:
    """Have the cycles of the last master solution remembered; columns that are no routes any more go. How many went."""
    if relaxation.solution is None:
        return 0
    cycles: list[tuple[int, Sequence[int]]] = []
    looked_at = np.zeros(len(relaxation.pool), dtype=np.bool_)
    if relaxation.duals is not None:
        looked_at |= reduced_costs(relaxation.pool.table(), relaxation.duals) <= CYCLE_NEAR_S * GRID
    looked_at[: len(relaxation.solution.x)] |= relaxation.solution.x > CYCLE_SHARE
    for row in np.flatnonzero(looked_at):
        visits = relaxation.pool[int(row)].visits
        for j, v in enumerate(visits):
            for i in range(j - 1, -1, -1):
                if visits[i] == v:
                    cycles.append((v, visits[i : j + 1]))
                    break
    if not cycles or not pricer.remember(cycles):
        return 0
    stays = np.array([not pricer.forbidden_cycle(c.visits) for c in relaxation.pool], dtype=np.bool_)
    relaxation.pool.keep(stays)
    relaxation.solution = None
    relaxation.converged = False
    return int((~stays).sum())


def add_cuts(pricer: Pricer, relaxation: Relaxation, most: int) -> int:
    """Cut off the last master solution; cuts that bind no more make room. How many were added.

    None when there is no solution with the present cuts: generation was stopped before the master saw them.
    """
    kinds, before = len(pricer.fleet.size), relaxation.cuts
    if relaxation.solution is None or len(relaxation.solution.mu) != kinds + len(before):
        return 0
    binding = relaxation.solution.mu[kinds:] > BINDING
    relaxation.cuts = [cut for cut, binds in zip(relaxation.cuts, binding, strict=True) if binds]
    known = {cut.visits: k for k, cut in enumerate(relaxation.cuts)}
    room = min(most, MOST_PRICED - len(relaxation.cuts))
    found = separate(relaxation.pool.table(), relaxation.solution.x, len(relaxation.cap), 2 * most, everywhere=False)
    added = 0
    for cut in found:
        if not pricer.free[list(cut.visits)].all():
            continue
        if cut.visits in known:  # violated in spite of itself: it has to be remembered in more places
            k = known[cut.visits]
            if not cut.memory <= relaxation.cuts[k].memory:
                relaxation.cuts[k] = Cut(cut.visits, relaxation.cuts[k].memory | cut.memory)
                added += 1
        elif room > 0:
            relaxation.cuts.append(cut)
            room -= 1
            added += 1
    if not added:
        relaxation.cuts = before  # those of the last master solution
    relaxation.converged = relaxation.converged and not added
    return added


def generate(
    pricer: Pricer,
    relaxation: Relaxation,
    stop: Callable[[], bool],
    *,
    enough: float = 1e-6,
    far_share: float = FAR_SHARE,
    upper_s: int | None = None,
    tell: Callable[[Relaxation], None] | None = None,
) -> Relaxation:
    """Add columns until the bound is within `enough` of the master, nothing is left to add, or told to stop.

    A bound of `upper_s` is enough as well: there is no cheaper plan. Far below it the last of the bound is not waited
    for, longer memories and cuts bring more.
    """
    relaxation.level = max(relaxation.level, pricer.easiest)
    sharper = 1.0
    while not stop():
        relaxation.rounds += 1
        tolerance = min(LOOSEST, max(TIGHTEST, GAP_SHARE * relaxation.gap * sharper))
        solution, duals = solve_restricted(pricer, relaxation, tolerance)
        relaxation.solution = solution
        added = _round(pricer, relaxation, duals)
        sharper = 1.0 if added else 0.1 * sharper  # nothing new at these duals: look at better ones
        left = pricer.must & (solution.left_out > 0.01) & (relaxation.cap < MOST_CAP) & (not relaxation.final_caps)
        if tell is not None:
            tell(relaxation)
        if upper_s is not None and relaxation.bound_s is not None and relaxation.bound_s >= upper_s:
            relaxation.converged = True
            break
        if left.any() and (added < FEW or relaxation.gap < 0.03):
            relaxation.cap[left] = np.minimum(2 * relaxation.cap[left], MOST_CAP)
            continue
        if added < max(FEW, len(relaxation.cap) // 12) and relaxation.level < Level.EXACT:
            relaxation.level = Level(relaxation.level + 1)
            continue
        far = 0.0 if upper_s is None or relaxation.bound_s is None else 1 - relaxation.bound_s / max(1, upper_s)
        near = max(enough, far_share * far) if far > FAR else enough
        if relaxation.level is Level.EXACT and (relaxation.gap <= near or (not added and tolerance <= TIGHTEST)):
            relaxation.converged = True
            break
    return relaxation


def _round(pricer: Pricer, relaxation: Relaxation, duals: Duals) -> int:
    """One round of sweeps; how many columns were new."""
    new = 0
    active = pricer.free.copy()
    for sweep in range(SWEEPS):
        first = sweep == 0
        level = relaxation.level
        if level is Level.EXACT and not first and pricer.easiest is not Level.EXACT:
            level = Level.LOOSE
        priced = pricer.price(duals, level, active)
        if first and level is Level.EXACT:
            bound = pricer.bound(duals, priced)
            if bound is not None and (relaxation.bound is None or bound > relaxation.bound):
                relaxation.bound, relaxation.duals = bound, duals
        relaxation.labels = sum(answer.labels for answer in priced)
        got = sum(relaxation.pool.add(column) for answer in priced for _, column in answer.columns)
        new += got
        if not got or not cover(pricer, priced, active, pricer.fleet.size):
            break
    return new


def cover(pricer: Pricer, priced: Sequence[Priced], active: BoolArray, left: Int64Array) -> bool:
    """Leave out the visits of a disjoint choice of the columns found, cheapest first. True when visits are left.

    `left` is how many of each class may still be used.
    """
    left = left.copy()
    for _, column in sorted(entry for answer in priced for entry in answer.columns):
        own = [v for v in column.visits if pricer.free[v]]
        if left[column.kind] > 0 and active[own].all():
            active[own] = False
            left[column.kind] -= 1
    return bool(active.any())
