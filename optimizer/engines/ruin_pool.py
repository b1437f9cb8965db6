"""The distinct routes of good solutions, each with its exact cost: material for column generation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.arrays import NEVER, DayArrays, Int64Array, lean_kernel
from optimizer.bundles import bundle
from optimizer.engines.routes import Routes, route_cost_s

CAPACITY = 10_000
VISITS_PER_ROUTE = 16
MOST_BROKEN = 1 << 20
EMPTY = -1
_FULL = -1


class Collected(NamedTuple):
    """Distinct routes: the visits of route k are `visits[visits_at[k]:visits_at[k + 1]]`, in order.

    `executive` is the lowest row among the executives for whom the route is the same (see `alike`), `cost_s`
    its exact cost seconds: travel, overtime, fairness and continuity.
    """

    executive: Int64Array
    cost_s: Int64Array
    visits_at: Int64Array
    visits: Int64Array


@bundle
class Pool(NamedTuple):
    """Room for `Collected` routes. `seen_s` is the cost of the best solution a route was seen in, a broken promise
    counting as NEVER. `table` finds a route by its hash: its number, EMPTY where there is none.
    """

    executive: Int64Array
    cost_s: Int64Array
    seen_s: Int64Array
    visits_at: Int64Array
    visits: Int64Array
    table: Int64Array


@lean_kernel
def _cell(pool: Pool, executive: int, order: Int64Array, size: int) -> int:
    """The cell of the table that holds this route, or the free one where it belongs."""
    mask = len(pool.table) - 1
    code = executive + 1
    for p in range(size):
        code = (code * 1_000_003 + order[p] + 1) & 0x7FFFFFFFFFF
    cell = (code ^ (code >> 17)) & mask
    while pool.table[cell] != EMPTY:
        k = pool.table[cell]
        first = pool.visits_at[k]
        if pool.executive[k] == executive and pool.visits_at[k + 1] - first == size:
            p = 0
            while p < size and pool.visits[first + p] == order[p]:
                p += 1
            if p == size:
                break
        cell = (cell + 1) & mask
    return int(cell)


@lean_kernel
def _index(pool: Pool, count: int) -> None:
    """Fill the table anew with the first `count` routes."""
    pool.table[:] = EMPTY
    for k in range(count):
        order = pool.visits[pool.visits_at[k] : pool.visits_at[k + 1]]
        pool.table[_cell(pool, pool.executive[k], order, len(order))] = k


@lean_kernel
def _collect(pool: Pool, count: int, day: DayArrays, routes: Routes, alike: Int64Array, solution_s: int) -> int:
    """Add the routes of one solution that are new; returns how many there are now, _FULL when no room is left."""
    for e in range(len(routes.length)):
        size = routes.length[e]
        if size == 0:
            continue
        cell = _cell(pool, alike[e], routes.order[e], size)
        k = pool.table[cell]
        if k != EMPTY:
            pool.seen_s[k] = min(pool.seen_s[k], solution_s)
            continue
        first = pool.visits_at[count]
        if count == len(pool.executive) or first + size > len(pool.visits):
            return _FULL
        pool.table[cell] = count
        pool.executive[count] = alike[e]
        pool.cost_s[count] = route_cost_s(day, routes, e)
        pool.seen_s[count] = solution_s
        for p in range(size):
            pool.visits[first + p] = routes.order[e, p]
        count += 1
        pool.visits_at[count] = first + size
    return count


def alike(day: DayArrays) -> Int64Array:
    """For each executive the lowest row of those who differ in nothing: the same order costs all of them the same.

    Who has a fixed prefix is like nobody else.
    """
    executives = len(day.start_place)
    fixed = np.diff(day.prefix_at) > 0
    table = np.column_stack(
        [
            day.start_place,
            day.end_place,
            day.shift_open_s,
            day.shift_close_s,
            day.latest_end_s,
            day.break_s,
            day.break_open_s,
            day.break_close_s,
            np.where(fixed, np.arange(executives), -1),
            day.may_serve,
            day.continuity,
        ]
    )
    _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return first[inverse.ravel()].astype(np.int64)


class RouteCollector:
    """Collects the distinct routes of solutions of one day; when full it drops those of the dearest solutions.

    A route is as good as the best solution it was seen in.
    """

    def __init__(self, day: DayArrays, capacity: int = CAPACITY) -> None:
        visits, executives = len(day.place), len(day.start_place)
        capacity = max(capacity, 2 * executives)
        self._day = day
        self._alike = alike(day)
        self._count = 0
        self._pool = Pool(
            executive=np.zeros(capacity, dtype=np.int64),
            cost_s=np.zeros(capacity, dtype=np.int64),
            seen_s=np.zeros(capacity, dtype=np.int64),
            visits_at=np.zeros(capacity + 1, dtype=np.int64),
            visits=np.zeros(max(capacity * VISITS_PER_ROUTE, 2 * visits), dtype=np.int64),
            table=np.full(1 << (2 * capacity).bit_length(), EMPTY, dtype=np.int64),
        )

    def __len__(self) -> int:
        return self._count

    def add(self, routes: Routes, broken: int, cost_s: int) -> None:
        """Collect the routes of a solution, given both its cost levels."""
        solution_s = min(broken, MOST_BROKEN) * NEVER + cost_s
        count = _collect(self._pool, self._count, self._day, routes, self._alike, solution_s)
        if count == _FULL:
            self._drop_dearest()
            count = _collect(self._pool, self._count, self._day, routes, self._alike, solution_s)
        self._count = count

    def collected(self) -> Collected:
        """A copy of the routes, those of the best solutions first."""
        return self._picked(np.argsort(self._pool.seen_s[: self._count], kind="stable"))

    def _picked(self, rows: Int64Array) -> Collected:
        pool = self._pool
        sizes = pool.visits_at[rows + 1] - pool.visits_at[rows]
        at = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
        source = np.repeat(pool.visits_at[rows] - at[:-1], sizes) + np.arange(at[-1])
        return Collected(pool.executive[rows], pool.cost_s[rows], at, pool.visits[source])

    def _drop_dearest(self) -> None:
        """Keep half of the routes, in the order they came, in at most half of the room for visits."""
        pool = self._pool
        by_value = np.argsort(pool.seen_s[: self._count], kind="stable")
        room = np.cumsum(pool.visits_at[by_value + 1] - pool.visits_at[by_value]) <= len(pool.visits) // 2
        rows = np.sort(by_value[room][: len(pool.executive) // 2])
        seen_s = pool.seen_s[rows]
        kept = self._picked(rows)
        self._count = len(rows)
        pool.executive[: self._count] = kept.executive
        pool.cost_s[: self._count] = kept.cost_s
        pool.seen_s[: self._count] = seen_s
        pool.visits_at[: self._count + 1] = kept.visits_at
        pool.visits[: len(kept.visits)] = kept.visits
        _index(pool, self._count)
