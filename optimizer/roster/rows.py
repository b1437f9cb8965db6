"""A linear model as plain rows and columns, built once and given to whichever solver measures better.

All numbers are whole. A column is a variable from 0 to its upper end, whole or not; a row says that a sum lies between
two ends, either of which may be missing, and carries the group a person understands: a rule, and whose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from optimizer.roster.nouns import RosterRule

IntArray = npt.NDArray[np.int64]
FREE = 1 << 40
"""Beyond every sum: an end that is missing."""


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What a row is about, as a person would say it: a rule, and the executive or the date it is about."""

    rule: RosterRule
    subject: str


@dataclass(frozen=True, eq=False)
class Columns:
    """The variables: ends, whether whole, cost on each level."""

    lower: IntArray
    upper: IntArray
    whole: npt.NDArray[np.bool_]
    cost: tuple[IntArray, IntArray]

    def __len__(self) -> int:
        return len(self.lower)


@dataclass(frozen=True, eq=False)
class Matrix:
    """The rows in compressed form: entries `at[r]` to `at[r + 1]` of `column` and `value` are those of row r."""

    at: IntArray
    column: IntArray
    value: IntArray
    lower: IntArray
    upper: IntArray
    group: tuple[Group | None, ...]

    def __len__(self) -> int:
        return len(self.lower)


@dataclass(frozen=True, eq=False)
class Linear:
    """Columns and rows."""

    columns: Columns
    matrix: Matrix

    def between(self, lower: IntArray, upper: IntArray) -> Linear:
        """The same rows with other ends of the variables."""
        return Linear(replace(self.columns, lower=lower, upper=upper), self.matrix)


class Rows:
    """Where a model is put together."""

    def __init__(self) -> None:
        self._columns: list[tuple[int, int, bool, int, int]] = []
        self._column: list[int] = []
        self._value: list[int] = []
        self._at: list[int] = [0]
        self._ends: list[tuple[int, int]] = []
        self._group: list[Group | None] = []

    def variable(self, upper: int, *, whole: bool, lower: int = 0, cost_1: int = 0, cost_2: int = 0) -> int:
        """A new variable; its number."""
        self._columns.append((lower, upper, whole, cost_1, cost_2))
        return len(self._columns) - 1

    def add_cost(self, column: int, cost_2: int) -> None:
        """A variable costs so much more on level 2."""
        lower, upper, whole, cost_1, before = self._columns[column]
        self._columns[column] = (lower, upper, whole, cost_1, before + cost_2)

    def row(
        self,
        terms: Iterable[tuple[int, int]],
        lower: int = -FREE,
        upper: int = FREE,
        group: Group | None = None,
    ) -> None:
        """A new row: the sum of value x variable over `terms` (variable, value) lies between both ends, included."""
        for column, value in terms:
            self._column.append(column)
            self._value.append(value)
        self._at.append(len(self._column))
        self._ends.append((lower, upper))
        self._group.append(group)

    def copy(self) -> Rows:
        """The same model, to be added to."""
        other = Rows()
        other._columns, other._column = list(self._columns), list(self._column)
        other._value, other._at = list(self._value), list(self._at)
        other._ends, other._group = list(self._ends), list(self._group)
        return other

    def finished(self) -> Linear:
        """The model as arrays."""
        lower, upper, whole, cost_1, cost_2 = _transposed(self._columns, 5)
        ends = _transposed(self._ends, 2)
        return Linear(
            Columns(_ints(lower), _ints(upper), np.array(whole, dtype=np.bool_), (_ints(cost_1), _ints(cost_2))),
            Matrix(
                _ints(self._at), _ints(self._column), _ints(self._value), _ints(ends[0]), _ints(ends[1]),
                tuple(self._group),
            ),
        )  # fmt: skip


def _transposed(rows: Sequence[tuple[int, ...]], width: int) -> Sequence[Sequence[int]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _ints(numbers: Sequence[int]) -> IntArray:
    return np.array(numbers, dtype=np.int64)
