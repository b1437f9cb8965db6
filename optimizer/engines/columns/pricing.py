"""Pricing of all classes at once: new columns, and the least reduced cost that makes a bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from functools import cached_property
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np

from optimizer.arrays import NO_SLOT, BoolArray, DayArrays, Int64Array, lean_kernel
from optimizer.bounds import slots_in_order
from optimizer.engines.columns.graph import (
    fleet_of,
    follows,
    graph_of,
    memory_bits,
    neighbourhoods,
    outset_of,
    sparse,
    with_arcs,
)
from optimizer.engines.columns.labels import (
    BUCKET_S,
    FULL,
    GRID,
    INFINITE,
    CutBits,
    Labels,
    best_ends,
    cuts_owed,
    grow,
    room,
    visits_of,
)
from optimizer.engines.columns.pool import Column, Table, order_cost_s
from optimizer.stop import Stop

NG_SIZE = 12
NG_MOST = 40
"""Deliveries a neighbourhood may grow to; beyond it labels become too many."""

SPARSE_DELIVERIES = 12
SPARSE_PER_SLOT = 4
EXTRA = 12
"""Columns taken from one call besides those that share no visit with a better one."""

FIRST_LABELS = 1 << 16
MOST_LABELS = 1 << 22


WORK_A_SECOND, LEAST_WORK = 40_000_000, 4_000_000
"""Comparisons of labels a call may make for each second that is left, and in any case: calls cannot be interrupted."""


def endless() -> int:
    """As much work as it takes: the same answer on every machine."""
    return INFINITE


def work_within(stop: Stop) -> Callable[[], int]:
    """How much work a call may be, so that it ends with the time limit of a stop."""

    def most_work() -> int:
        left_s = stop.left_s()
        return INFINITE if left_s is None else max(LEAST_WORK, int(WORK_A_SECOND * left_s))

    return most_work


class Duals(NamedTuple):
    """Duals in GRIDths of a cost second: `pi` of the visits, `mu` of the classes, `cuts` with their prices."""

    pi: Int64Array
    mu: Int64Array
    cuts: CutBits


class Level(IntEnum):
    """How hard pricing tries; only EXACT proves anything."""

    SPARSE = 0
    LOOSE = 1
    EXACT = 2


class Priced(NamedTuple):
    """One class: the least reduced cost before mu (None: not known), columns with theirs, how many labels."""

    kind: int
    least: int | None
    columns: list[tuple[int, Column]]
    labels: int


def no_cuts(visits: int) -> CutBits:
    """No cuts at all."""
    return CutBits(np.zeros(visits, dtype=np.uint64), np.zeros(visits, dtype=np.uint64), np.zeros(0, dtype=np.int64))


@lean_kernel
def _fill_reduced(table: Table, pi: Int64Array, mu: Int64Array, cuts: CutBits, reduced: Int64Array) -> None:
    for r in range(len(table.kind)):
        total = table.cost_s[r] * GRID + mu[table.kind[r]]
        parity = np.uint64(0)
        for k in range(table.at[r], table.at[r + 1]):
            v = table.visits[k]
            parity &= cuts.keep[v]
            total += cuts_owed(cuts, parity & cuts.hits[v]) - pi[v]
            parity ^= cuts.hits[v]
        reduced[r] = total


def reduced_costs(table: Table, duals: Duals) -> Int64Array:
    """The reduced cost of each column in GRIDths, the dual of its class and the prices of cuts included."""
    reduced = np.empty(len(table.kind), dtype=np.int64)
    _fill_reduced(table, duals.pi, duals.mu, duals.cuts, reduced)
    return reduced


class Pricer:
    """Prices the classes of a day; holds the graphs and the room for labels, one for each thread."""

    def __init__(
        self,
        day: DayArrays,
        *,
        ng_size: int = NG_SIZE,
        executor: ThreadPoolExecutor | None = None,
        most_work: Callable[[], int] = endless,
        free_of_cost: bool = False,
    ) -> None:
        self.day = day
        self.most_work = most_work
        self.fleet = fleet_of(day)
        self.outsets = [outset_of(day, int(e)) for e in self.fleet.who]
        ends = day.prefix_at.tolist()
        self.prefixes = [tuple(day.prefix[ends[e] : ends[e + 1]].tolist()) for e in self.fleet.who]
        self.near = neighbourhoods(day, ng_size)
        self.arcs = follows(day)
        self._proves = slots_in_order(day)
        self.slope = int(day.fairness_permille.sum())
        self.free = np.ones(len(day.place), dtype=np.bool_)
        self.free[day.prefix] = False
        self.must = (day.weight > 0) | ~self.free
        self._only_appointments = not (day.slot == NO_SLOT).any()
        self.second = 0 if free_of_cost else GRID
        self.full = graph_of(day, self.arcs, self.near, self.second)
        self.slot_over_s = self.full.slot_over_s
        self._sparse = with_arcs(self.full, sparse(day, self.arcs, SPARSE_DELIVERIES, SPARSE_PER_SLOT))
        span = int(day.latest_end_s.max(initial=0) - day.shift_open_s.min(initial=0))
        self._buckets = span // BUCKET_S + 2
        self._rooms: SimpleQueue[Labels] = SimpleQueue()
        self._executor = executor

    @property
    def easiest(self) -> Level:
        """The first level worth trying."""
        return Level.EXACT if self._only_appointments else Level.SPARSE

    @cached_property
    def predecessors(self) -> tuple[Int64Array, Int64Array]:
        """(at, visits): the visits that w may follow are `visits[at[w]:at[w + 1]]`."""
        heads, tails = np.nonzero(self.arcs.T)
        counts = np.bincount(heads, minlength=len(self.arcs))
        return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), tails.astype(np.int64)

    def remember(self, cycles: Sequence[tuple[int, Sequence[int]]]) -> bool:
        """Have each delivery remembered at these visits, so that routes cannot come back to it there. True if new.

        Dynamic ng-routes: Roberti, Mingozzi, "Dynamic ng-path relaxation for the delivery man problem", Transportation
        Science 48(3), 2014.
        """
        near = self.near.copy()
        for delivery, visits in cycles:
            near[list(visits), delivery] = True
        near[near.sum(axis=1) > NG_MOST] = self.near[near.sum(axis=1) > NG_MOST]
        if (near == self.near).all():
            return False
        self.near = near
        keep, blocks, own = memory_bits(near)
        self.full = self.full._replace(keep=keep, blocks=blocks, own=own)
        self._sparse = self._sparse._replace(keep=keep, blocks=blocks, own=own)
        return True

    def forbidden_cycle(self, visits: Sequence[int]) -> bool:
        """The order comes back to a delivery that it still remembers."""
        for j, v in enumerate(visits):
            for i in range(j - 1, -1, -1):
                if visits[i] == v:
                    if all(self.near[u, v] for u in visits[i + 1 : j]):
                        return True
                    break
        return False

    def gains(self, kind: int, duals: Duals) -> Int64Array:
        """What a class gains by each visit: its dual less the price of continuity, in GRIDths."""
        gains: Int64Array = duals.pi - self.day.continuity[self.outsets[kind].e] * GRID
        return gains

    def start_cost(self, kind: int, duals: Duals) -> int:
        """Reduced cost of the fixed prefix of a class, the way home left out; 0 without one."""
        prefix = list(self.prefixes[kind])
        return self.outsets[kind].travel_s * self.second - int(self.gains(kind, duals)[prefix].sum())

    def may(self, kind: int) -> BoolArray:
        """Visits that a class may make after its prefix."""
        may: BoolArray = self.free & self.day.may_serve[self.outsets[kind].e]
        return may

    def grown(self, kind: int, duals: Duals, level: Level, active: BoolArray) -> tuple[Labels, int]:
        """The labels of one class and how many there are; FULL when there is no room. Give the room back after use."""
        day, outset = self.day, self.outsets[kind]
        gain, start = self.gains(kind, duals), self.start_cost(kind, duals)
        graph = self._sparse if level is Level.SPARSE else self.full
        may = active & self.may(kind)
        labels = self._room()
        while True:
            work, exact = self.most_work(), level is Level.EXACT
            count = int(grow(day, outset, graph, duals.cuts, labels, gain, may, start, self.slope, exact, work))
            if count != FULL or len(labels.cost) >= MOST_LABELS or labels.work[0] > work:
                return labels, count
            labels = room(4 * len(labels.cost), len(day.place), self._buckets)

    def _room(self) -> Labels:
        if self._rooms.empty():
            return room(FIRST_LABELS, len(self.day.place), self._buckets)
        return self._rooms.get()

    def give_back(self, labels: Labels) -> None:
        """Room for labels is used again."""
        self._rooms.put(labels)

    def _price(self, kind: int, duals: Duals, level: Level, active: BoolArray, useful_below: int) -> Priced:
        labels, count = self.grown(kind, duals, level, active)
        if count == FULL:
            self.give_back(labels)
            return Priced(kind, None, [], 0)
        ends = np.empty(len(self.day.place), dtype=np.int32)
        best_ends(labels, count, ends)
        ends = ends[ends >= 0]
        closed = labels.closed[ends]
        order = np.argsort(closed, kind="stable")
        least: int | None = None
        if level is Level.EXACT:
            least = min(self.rest(kind, duals), *(int(c) for c in closed[order[:1]]), INFINITE)
        columns: list[tuple[int, Column]] = []
        covered: set[int] = set()
        apart, beside, most = 0, 0, int(self.fleet.size[kind])
        for row in order:
            if closed[row] >= useful_below or (apart >= most and beside >= EXTRA):
                break
            visits = visits_of(labels, int(ends[row]))
            shares = not covered.isdisjoint(visits)
            if (shares and beside >= EXTRA) or (not shares and apart >= most):
                continue
            if shares:
                beside += 1
            else:
                apart += 1
                covered.update(visits)
            whole = (*self.prefixes[kind], *visits)
            cost = order_cost_s(self.day, self.outsets[kind].e, whole)
            if cost is None:
                raise RuntimeError(f"a label of class {kind} cannot be run: {whole}")
            columns.append((int(closed[row]), Column(kind, whole, cost if self.second else 0)))
        self.give_back(labels)
        return Priced(kind, least, columns, count)

    def rest(self, kind: int, duals: Duals) -> int:
        """Reduced cost of making no visit: 0, or that of the fixed prefix on its own."""
        prefix = self.prefixes[kind]
        if not prefix:
            return 0
        cost = order_cost_s(self.day, self.outsets[kind].e, prefix)
        if cost is None:
            raise RuntimeError(f"the fixed prefix of class {kind} cannot be run: {prefix}")
        return cost * self.second - int(duals.pi[list(prefix)].sum())

    def price(
        self, duals: Duals, level: Level, active: BoolArray | None = None, kinds: Sequence[int] | None = None
    ) -> list[Priced]:
        """Price these classes (all when None) over the active visits (all when None), on all threads."""
        active = self.free if active is None else active
        kinds = range(len(self.fleet.size)) if kinds is None else kinds

        def one(kind: int) -> Priced:
            return self._price(kind, duals, level, active, -int(duals.mu[kind]) - GRID // 16)

        if self._executor is None:
            return [one(kind) for kind in kinds]
        return list(self._executor.map(one, kinds))

    def bound(self, duals: Duals, priced: Sequence[Priced]) -> int | None:
        """The Lagrangian bound of these duals in GRIDths, from an exact answer for every class; None without one.

        sum pi - sum of cut prices + sum over classes K_c x least reduced cost, which a class without a fixed prefix
        need not pay when it is positive. It holds for every plan that keeps all promises, whatever the duals, as
        long as no delivery's dual exceeds its waiting price. None, too, on a day whose appointments may be made against
        the order of their slots.
        """
        if not self._proves:
            return None
        total = int(duals.pi.sum()) - int(duals.cuts.price.sum())
        for answer in priced:
            if answer.least is None:
                return None
            total += answer.least * int(self.fleet.size[answer.kind])
        return total
