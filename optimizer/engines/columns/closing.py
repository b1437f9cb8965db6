"""From the bound of all routes to a proven optimum: cycles, cuts, listing, partition.

After column generation has converged, what keeps the bound below the best plan is taken away step by step: cycles of
deliveries by longer memories, fractions by three-row cuts, both inside pricing. Whenever the gap is small enough all
routes below it are listed, and the best partition of the day into them settles it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from optimizer.engines.columns.generation import Relaxation, add_cuts, forbid_cycles, generate
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.listing import Listed, list_routes
from optimizer.engines.columns.partition import MOST_NODES, best_partition
from optimizer.engines.columns.pool import Column, Pool, Table, order_costs_s
from optimizer.engines.columns.pricing import Pricer, reduced_costs
from optimizer.stop import Stop

WORTH_LISTING = 2.5e-3
"""Gap from which listing is tried while the bound still gets better."""

QUICK_ROUTES, QUICK_NODES = 20_000, 30_000_000
LONG_ROUTES, LONG_NODES = 400_000, 400_000_000
CUTS_A_ROUND = 25
SLOWEST, SLOW_ROUNDS = 0.02, 3
"""Share of the gap that a round of cuts has to close; so many slower ones in a row are the end of it."""

LESS = 0.8
"""Listing by parts is tried again when the gap is this part of the one it was given up at, or less."""

WORTH_TIGHTENING = 0.1
"""Share of the gap that a step has to close to come before the search for better plans."""

PARTS_OF_GAP = (0.01, 0.05, 0.15, 0.3, 0.6)
MOST_COMBINED = 5_000
"""Columns the known ones are combined from, those of least reduced cost."""

COMBINE_NODES = 200


@dataclass
class Proof:
    """How far a day is settled. `bound_s` holds for all plans that keep all promises, None while nothing is proven.

    `credit_s` of the cost and of the bound is the price of promises that every plan breaks; it is no part of the gap.
    `remembered`: longer memories alone bring little more; `slow`: rounds of cuts in a row that closed little of the
    gap; `given_up`: the gap for which listing by parts took too much. Without `thorough`, long lists and large MIPs
    are left alone: there are other groups to look at.
    """

    pricer: Pricer
    relaxation: Relaxation
    incumbent: Incumbent
    stop: Stop
    tell: Callable[[str], None]
    bound_s: int | None = None
    credit_s: int = 0
    thorough: bool = True
    slow: int = field(default=0)
    remembered: bool = field(default=False)
    given_up: float = field(default=2.0)

    def raise_bound(self, bound_s: int | None) -> None:
        """Take over a bound that is higher."""
        if bound_s is not None and (self.bound_s is None or bound_s > self.bound_s):
            self.bound_s = bound_s

    @property
    def settled(self) -> bool:
        """The best plan keeps all promises and costs no more than the bound."""
        return self.incumbent.keeps_all and self.bound_s is not None and self.bound_s >= self.incumbent.level[1]

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; 1 while one of them is missing."""
        if self.bound_s is None or not self.incumbent.keeps_all:
            return 1.0
        cost_s = self.incumbent.level[1]
        return max(0.0, (cost_s - self.bound_s) / max(1, cost_s - self.credit_s))


def converge(proof: Proof) -> bool:
    """Column generation until nothing is left to find; False when stopped before."""

    def tell(relaxation: Relaxation) -> None:
        proof.raise_bound(relaxation.bound_s)
        proof.tell("columns")

    upper_s = proof.incumbent.level[1] if proof.incumbent.keeps_all else None
    generate(proof.pricer, proof.relaxation, proof.stop, upper_s=upper_s, tell=tell)
    proof.raise_bound(proof.relaxation.bound_s)
    return proof.relaxation.converged


def tighten(proof: Proof) -> bool:
    """One step of longer memories, or of cuts too, and column generation after it; False when it is of no more use.

    Memories alone come first, until a step of theirs brings little: cuts make labels many.
    """
    before = proof.bound_s or 0
    cutting = proof.remembered
    cuts = add_cuts(proof.pricer, proof.relaxation, CUTS_A_ROUND) if cutting else 0
    cycles = forbid_cycles(proof.pricer, proof.relaxation)
    if not cycles and not cutting:
        cutting, cuts = True, add_cuts(proof.pricer, proof.relaxation, CUTS_A_ROUND)
    if not cycles and not cuts:
        return False
    if not converge(proof):
        return False
    little = (proof.bound_s or 0) - before < SLOWEST * (proof.incumbent.level[1] - before)
    proof.remembered |= little
    proof.slow = proof.slow + 1 if little and cutting else 0
    return proof.slow < SLOW_ROUNDS


def tighten_while_it_pays(proof: Proof, stop: Stop) -> None:
    """Steps of longer memories or cuts as long as each closes a good part of the gap; none begins after `stop`."""
    while not proof.settled and proof.slow < SLOW_ROUNDS and stop.left_s() != 0.0:
        before = proof.gap
        if not tighten(proof) or proof.gap > (1 - WORTH_TIGHTENING) * before:
            break


def close(proof: Proof) -> bool:
    """Tighten and list until the day is settled; False when stopped, or when the gap is too wide to list."""
    tried = 1.0
    while not proof.settled:
        if proof.gap <= min(WORTH_LISTING, 0.7 * tried):
            tried = proof.gap
            if settle(proof, proof.incumbent.level[1], QUICK_ROUTES, QUICK_NODES):
                return True
        if proof.slow >= SLOW_ROUNDS or not tighten(proof):
            break
    if proof.settled:
        return True
    if not proof.relaxation.converged or proof.gap > LESS * proof.given_up:
        return False
    if settle_by_parts(proof):
        return True
    proof.given_up = proof.gap
    return False


def settle_by_parts(proof: Proof) -> bool:
    """List below a part of the gap, then below more of it: finding nothing lifts the bound, finding a plan ends it."""
    base_s, upper_s = proof.relaxation.bound_s or 0, proof.incumbent.level[1]
    for part in (*PARTS_OF_GAP, 1.0):
        below_s = min(upper_s, base_s + 1 + int(part * (upper_s - base_s)))
        if below_s <= (proof.bound_s or 0):
            continue
        routes, nodes = (LONG_ROUTES, LONG_NODES) if proof.thorough else (QUICK_ROUTES, QUICK_NODES)
        if not settle(proof, below_s, routes, nodes):
            return False
        if proof.settled:
            return True
    return proof.settled


def settle(proof: Proof, below_s: int, routes: int, nodes: int) -> bool:
    """Find the best plan cheaper than `below_s`, or prove that there is none; False when that took too much.

    Too much is more than so many routes or nodes of the listing; or, unless `thorough`, more than a small MIP.
    """
    relaxation, pricer = proof.relaxation, proof.pricer
    if relaxation.duals is None or relaxation.bound is None:
        return False
    listed = list_routes(pricer, relaxation.duals, relaxation.bound, below_s, routes, nodes, proof.stop)
    if listed is None:
        return False
    proof.tell("listing")
    table = _table(pricer, listed)
    price = np.where(pricer.must, below_s, pricer.day.unserved_price)
    branches = MOST_NODES if proof.thorough else COMBINE_NODES
    answer = best_partition(table, price, pricer.fleet.size, below_s, proof.stop, branches)
    proof.raise_bound(answer.bound_s)
    if answer.chosen is not None:
        proof.incumbent.offer_columns(Column(int(table.kind[r]), table.made(r), 0) for r in answer.chosen)
        proof.tell("partition")
    return answer.settled


def combine(proof: Proof, stop: Stop) -> bool:
    """The best plan made of columns known already: no proof, but often a better plan. True when it is one."""
    relaxation, pricer, incumbent = proof.relaxation, proof.pricer, proof.incumbent
    if relaxation.duals is None or not incumbent.keeps_all or proof.settled:
        return False
    upper_s = incumbent.level[1]
    whole = Pool(relaxation.pool.elementary()).table()
    reduced = reduced_costs(whole, relaxation.duals)
    most = min((upper_s - (proof.bound_s or 0)) * GRID, int(np.sort(reduced)[:MOST_COMBINED][-1]))
    table = whole.rows(np.flatnonzero(reduced <= most))
    price = np.where(pricer.must, upper_s, pricer.day.unserved_price)
    answer = best_partition(table, price, pricer.fleet.size, upper_s, stop, COMBINE_NODES)
    if answer.chosen is None:
        return False
    better = incumbent.offer_columns(Column(int(table.kind[r]), table.made(r), 0) for r in answer.chosen)
    proof.tell("combine")
    return better


def _table(pricer: Pricer, listed: Listed) -> Table:
    """Listed routes as a table, their costs recomputed."""
    made = listed.visits >= 0
    lengths = made.sum(axis=1)
    at = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    visits = listed.visits[made].astype(np.int64)
    kind = listed.kind.astype(np.int64)
    costs = order_costs_s(pricer.day, pricer.fleet.who, at, visits, kind)
    if (costs < 0).any():
        raise RuntimeError("a listed route cannot be run")
    return Table(at, visits, kind, costs)
