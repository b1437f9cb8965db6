"""What the least uncovered is made of: days by counts, limits of duty, duals, and what is known in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GRID = 1_000
"""Duals are rounded to 1 / GRID of a point; bounds are computed from the rounded ones in whole numbers."""
ROUNDING = 1e-6
LOOSE_GAP = 1e-3
"""How exact the choice is where it proves nothing."""
PART_OF_TIME = 0.5
"""Of the time left, most that one choice may take."""


@dataclass(frozen=True, slots=True)
class DayColumn:
    """A day as a whole: `counts[c][p]` members of class c on pattern p, and what they leave uncovered, in points."""

    day: int
    counts: tuple[tuple[int, ...], ...]
    cost: int

    def closing(self, late: Sequence[int]) -> int:
        """How many work one of these patterns."""
        return sum(counts[pattern] for counts in self.counts for pattern in late)


@dataclass(frozen=True, slots=True)
class DayChoice:
    """A day of a roster at the bound: so many of each class on duty, at least so much uncovered, so many closing."""

    on_duty: tuple[int, ...]
    cost: int
    closing: int


@dataclass(frozen=True, eq=False)
class Duty:
    """What is known of level 1. `classes`: positions of executives in the staff.

    `bound`: no roster leaves less uncovered. `reached`: one column a day, the best choice found, None when none was.
    `days`: where the bound is reached, by day all choices that a roster at the bound can have; None where they are not
    known.
    """

    classes: tuple[tuple[int, ...], ...]
    bound: int
    reached: tuple[DayColumn, ...] | None = None
    days: tuple[tuple[DayChoice, ...], ...] | None = None

    @property
    def cost(self) -> int | None:
        """What the best choice leaves uncovered, in points."""
        return None if self.reached is None else sum(column.cost for column in self.reached)


@dataclass(frozen=True, eq=False)
class Limits:
    """What the rules make of duty. `windows`: an executive works at most so many of these days; `closing`: a class at
    most so many closing shifts in these days; `settled`: days on which an executive works in any case.
    """

    can: npt.NDArray[np.bool_]
    classes: tuple[tuple[int, ...], ...]
    windows: tuple[tuple[int, tuple[int, ...], int], ...]
    closing: tuple[tuple[int, tuple[int, ...], int], ...]
    late: tuple[int, ...]
    settled: frozenset[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Duals:
    """Rounded duals on the grid: what a member of a class on duty earns on a day, what a closing shift costs.

    `fixed` is the part of the bound that does not depend on columns.
    """

    duty: npt.NDArray[np.int64]
    closing: npt.NDArray[np.int64]
    fixed: int
