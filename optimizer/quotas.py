"""Quotas of a day: most promises of each slot by what they need, what is promised so far, and whether there is room.

The numbers come from `optimizer.capacity`; booking asks them beside its witness.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.arrays import Int64Array
from optimizer.demand import Need, need_name
from optimizer.domain import SlotGrid

MOST_UNIONS = 4
"""Needs up to which every union of them has a row; with more only each need, who could serve it, and all together."""

Union = tuple[int, ...]
"""Needs by their positions, in order: a row counts the promises of all of them."""


def unions_of(needs: Sequence[Need]) -> tuple[Union, ...]:
    """The unions of needs that have rows, the smallest first; the last is that of all needs.

    All of them up to four needs, so that the rows are those of Hall's theorem and sufficient; beyond that each need
    alone, each with all that contain it, and all together.
    """
    count = len(needs)
    if count <= MOST_UNIONS:
        sets = [tuple(n for n in range(count) if mask >> n & 1) for mask in range(1, 1 << count)]
    else:
        sets = [(n,) for n in range(count)] + [tuple(range(count))]
        sets += [tuple(m for m in range(count) if need <= needs[m]) for need in needs]
    return tuple(sorted(set(sets), key=lambda union: (len(union), union)))


def union_name(union: Union, needs: Sequence[Need]) -> str:
    """A union as tables call it."""
    return "all" if len(union) == len(needs) > 1 else " or ".join(need_name(needs[n]) for n in union)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a day has promised so far: `promises[slot, need]`, and how many of them are `remote`. It is counted on."""

    promises: Int64Array
    remote: Int64Array

    @classmethod
    def nothing(cls, slots: int, needs: int) -> Taken:
        """An empty day."""
        return cls(np.zeros((slots, needs), dtype=np.int64), np.zeros((slots, needs), dtype=np.int64))

    def add(self, slot: int, need: int, *, remote: bool = False) -> None:
        """One more promise."""
        self.promises[slot, need] += 1
        self.remote[slot, need] += remote


@dataclass(frozen=True, slots=True)
class Quotas:
    """Most promises of each slot of a day, by what they need.

    `places[slot][need]`: places meant for a need; their sum is what the slot may carry. A promise takes any free place
    as long as no union of needs gets more than `limits[union][slot]`, but none meant for a need that is worth more
    (`worth[need]`, equal where None) and not contained in its own. So at least as many are accepted as with places for
    one need only, and in whatever order they come the places of dearer needs are not lost to cheaper ones.

    A *remote* promise, so far off that its executive cannot serve the slots before and after it as well, takes a place
    there, too. `kit_apart`: a kit is promised in one of two adjacent slots only, once for each who holds it. The whole
    day carries no more than `day_most`.
    """

    grid: SlotGrid
    needs: tuple[Need, ...]
    places: tuple[tuple[int, ...], ...]
    limits: Mapping[Union, tuple[int, ...]]
    kit_apart: bool = False
    day_most: int | None = None
    worth: tuple[float, ...] | None = None

    def column(self, skills: frozenset[str]) -> int:
        """The need that stands for a service with these skills: the greatest contained in them.

        Raises ValueError where there is none; quotas that have a place for anybody have one for everybody.
        """
        return max((n for n, need in enumerate(self.needs) if need <= skills), key=lambda n: (len(self.needs[n]), -n))

    def total(self, slot: int) -> int:
        """Most promises of a slot."""
        return sum(self.places[slot])

    def most(self, slot: int, need: int) -> int:
        """Most promises of one need in a slot, when nobody else came."""
        return min(self.most_of(slot, union) for union in self.limits if need in union)

    def has_room(self, taken: Taken, slot: int, need: int, *, remote: bool = False) -> bool:
        """May the day promise one more of this need in this slot?"""
        if self.day_most is not None and taken.promises.sum() >= self.day_most:
            return False
        if not self._place(taken, slot, need, [union for union in self.limits if need in union]):
            return False
        for other in (slot - 1, slot + 1) if remote else ():
            if 0 <= other < len(self.grid) and self.total(other):
                able = [union for union, limit in self.limits.items() if need in union and limit[other]]
                if not self._place(taken, other, need, able):
                    return False
        return not self.kit_apart or all(self._apart(taken, slot, union) for union in self.limits if need in union)

    def _place(self, taken: Taken, slot: int, need: int, unions: Iterable[Union]) -> bool:
        """A place is left in the slot for one more of this need, by the rows of these unions and what is kept."""
        used = taken.promises[slot].copy()
        if slot > 0:
            used += taken.remote[slot - 1]
        if slot + 1 < len(self.grid):
            used += taken.remote[slot + 1]
        if any(sum(used[n] for n in union) >= self.limits[union][slot] for union in unions):
            return False
        kept = sum(max(0, self.places[slot][m] - int(taken.promises[slot, m])) for m in self._kept_from(need))
        return bool(used.sum() + kept < self.total(slot))

    def _apart(self, taken: Taken, slot: int, union: Union) -> bool:
        if not is_rare(union, self.needs):
            return True
        held = taken.promises[:, union].sum(axis=1)
        limit = self.limits[union]
        pairs = ((s, s + 1) for s in (slot - 1, slot) if 0 <= s < len(self.grid) - 1)
        return all(held[a] + held[b] < max(limit[a], limit[b]) for a, b in pairs)

    def most_of_kit(self, slot: int, kit: str) -> int | None:
        """Most promises of a slot that need a kit, when nobody else came; None where no need has it."""
        union = tuple(n for n, need in enumerate(self.needs) if kit in need)
        if not union:
            return None
        return self.most_of(slot, union) if union in self.limits else sum(self.most(slot, n) for n in union)

    def most_of(self, slot: int, union: Union) -> int:
        """Most promises of a union of needs in a slot, when nobody else came."""
        kept = set.intersection(*(set(self._kept_from(need)) for need in union))
        return max(0, min(self.limits[union][slot], self.total(slot) - sum(self.places[slot][m] for m in kept)))

    def _kept_from(self, need: int) -> Sequence[int]:
        """Needs whose places this one may not take."""
        if self.worth is None:
            return []
        mine, worth = self.needs[need], self.worth
        return [m for m, other in enumerate(self.needs) if worth[m] > worth[need] and not other < mine]


def is_rare(union: Union, needs: Sequence[Need]) -> bool:
    """Every need of the union asks for something: a kit, a skill."""
    return all(needs[n] for n in union)
