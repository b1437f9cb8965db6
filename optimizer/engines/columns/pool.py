"""The routes known so far, as columns of the restricted master problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optimizer.arrays import BoolArray, DayArrays, Int64Array, lean_kernel
from optimizer.objective import fairness_price_s, overtime_price_s
from optimizer.timing import ready_after, ready_at_start, route_end_s

FloatArray = npt.NDArray[np.float64]


class Column(NamedTuple):
    """A route for class `kind`: all its visits in order, the fixed prefix included, and its cost seconds."""

    kind: int
    visits: tuple[int, ...]
    cost_s: int


class Table(NamedTuple):
    """Columns as arrays: column r makes the visits `visits[at[r]:at[r + 1]]`, in order."""

    at: Int64Array
    visits: Int64Array
    kind: Int64Array
    cost_s: Int64Array

    def made(self, row: int) -> tuple[int, ...]:
        """The visits of one column, in order."""
        return tuple(self.visits[self.at[row] : self.at[row + 1]].tolist())

    def rows(self, chosen: Int64Array) -> Table:
        """The columns at these rows."""
        lengths = np.diff(self.at)[chosen]
        at = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        within = np.arange(int(at[-1])) - np.repeat(at[:-1], lengths)
        visits = self.visits[np.repeat(self.at[chosen], lengths) + within]
        return Table(at, visits, self.kind[chosen], self.cost_s[chosen])


@lean_kernel
def _order_cost_s(day: DayArrays, e: int, order: Int64Array) -> int:
    place = day.start_place[e]
    pending, taken = ready_at_start(day, e)
    busy, extra = 0, 0
    for k in range(len(order)):
        v = order[k]
        busy += day.reference_s[place, day.place[v]] + day.service_s[v]
        extra += day.continuity[e, v] - day.service_s[v]
        pending, taken = ready_after(day, e, place, pending, taken, v)
        place = day.place[v]
    busy += day.reference_s[place, day.end_place[e]]
    end = route_end_s(day, e, place, pending, taken)
    if end > day.latest_end_s[e]:
        return -1
    extra += overtime_price_s(end - day.shift_close_s[e], day.overtime_permille)
    extra += fairness_price_s(busy, day.fairness_above_s, day.fairness_permille)
    return int(busy + extra)


@lean_kernel
def _fill_costs(
    day: DayArrays, who: Int64Array, at: Int64Array, visits: Int64Array, kind: Int64Array, cost_s: Int64Array
) -> None:
    for r in range(len(kind)):
        cost_s[r] = _order_cost_s(day, who[kind[r]], visits[at[r] : at[r + 1]])


def order_costs_s(day: DayArrays, who: Int64Array, at: Int64Array, visits: Int64Array, kind: Int64Array) -> Int64Array:
    """`order_cost_s` of many routes at once; `who[kind]` is an executive of the class. -1 where one cannot be run."""
    cost_s = np.empty(len(kind), dtype=np.int64)
    _fill_costs(day, who, at, visits, kind, cost_s)
    return cost_s


def order_cost_s(day: DayArrays, e: int, visits: Iterable[int]) -> int | None:
    """Cost seconds of e making these visits in this order (not empty); None when it cannot be run."""
    cost = int(_order_cost_s(day, e, np.fromiter(visits, dtype=np.int64)))
    return None if cost < 0 else cost


class Pool:
    """Columns, each once. Those that repeat a visit (cycles of the relaxation) may be in it too."""

    def __init__(self, columns: Iterable[Column] = ()) -> None:
        self._known: dict[tuple[int, tuple[int, ...]], int] = {}
        self._columns: list[Column] = []
        self._table: Table | None = None
        for column in columns:
            self.add(column)

    def __len__(self) -> int:
        return len(self._columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns)

    def __getitem__(self, row: int) -> Column:
        return self._columns[row]

    def add(self, column: Column) -> bool:
        """Add a column; False when it is known already."""
        key = (column.kind, column.visits)
        if key in self._known:
            return False
        self._known[key] = len(self._columns)
        self._columns.append(column)
        self._table = None
        return True

    def table(self) -> Table:
        """All columns as arrays."""
        if self._table is None:
            lengths = [len(c.visits) for c in self._columns]
            self._table = Table(
                np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
                np.fromiter((v for c in self._columns for v in c.visits), dtype=np.int64, count=sum(lengths)),
                np.fromiter((c.kind for c in self._columns), dtype=np.int64),
                np.fromiter((c.cost_s for c in self._columns), dtype=np.int64),
            )
        return self._table

    def keep(self, chosen: BoolArray) -> None:
        """Forget all columns but those chosen."""
        self._columns = [c for c, stays in zip(self._columns, chosen, strict=True) if stays]
        self._known = {(c.kind, c.visits): row for row, c in enumerate(self._columns)}
        self._table = None

    def elementary(self) -> list[Column]:
        """The columns that repeat no visit."""
        return [c for c in self._columns if len(set(c.visits)) == len(c.visits)]


def sums_over(table: Table, values: Int64Array) -> Int64Array:
    """For each column the sum of `values` over its visits."""
    if not len(table.kind):
        return np.zeros(0, dtype=np.int64)
    sums: Int64Array = np.add.reduceat(values[table.visits], table.at[:-1])
    return sums
