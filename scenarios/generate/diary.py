"""The diary of a made-up day: takes appointments as booking would, and never more than can be served.

A slot has room for an appointment when the executives on shift in it can be matched with all its
appointments and the new one: each executive takes one, holds its skills, and can come from where their
shift starts in time, and be back in time. A wish for a full slot goes to the nearest slot with room,
the later one of two; when no slot has room the wish is refused and counted. What one appointment does to the next
slot's travel is not looked at here: that is for an engine to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.domain import Executive, Place, Shift, Slot, SlotGrid
from scenarios.travel.formula import FormulaSpec, formula_between, formula_table


@dataclass(frozen=True, slots=True)
class Wish:
    """A service at a place, wanted in one slot."""

    place: Place
    service_s: int
    skills: frozenset[str]
    slot: int


def on_shift(executive: Executive, slot: Slot) -> bool:
    """True when the whole slot lies in the shift, overtime not counted."""
    return executive.shift.open_s <= slot.open_s and slot.close_s <= executive.shift.close_s


class Diary:
    """Who could serve what, slot by slot. `most_percent` of the executives of a slot may be taken."""

    def __init__(
        self, grid: SlotGrid, executives: Sequence[Executive], travel: FormulaSpec, most_percent: int = 100
    ) -> None:
        self._slots = grid.slots()
        self._spec = travel
        self._ends = sorted({e.start for e in executives} | {e.end for e in executives})
        self._clock = formula_table(self._ends, travel)
        alike: dict[tuple[Place, Place, Shift, frozenset[str]], list[int]] = {}
        for row, executive in enumerate(executives):
            alike.setdefault((executive.start, executive.end, executive.shift, executive.skills), []).append(row)
        self._alike = [(executives[rows[0]], rows) for rows in alike.values()]
        self.capacity = [sum(on_shift(e, slot) for e in executives) for slot in self._slots]
        """Executives on shift, by slot."""
        self._most = [capacity * most_percent // 100 for capacity in self.capacity]
        self._taken_by: list[dict[int, int]] = [{} for _ in self._slots]
        self._wishes: list[tuple[Wish, list[list[int]]]] = []
        self.refused = 0

    @property
    def load(self) -> list[int]:
        """Appointments taken, by slot."""
        return [len(taken) for taken in self._taken_by]

    def book(self, wish: Wish) -> int | None:
        """The slot the wish got, or None when it is refused."""
        if not any(load < most for load, most in zip(self.load, self._most, strict=True)):
            self.refused += 1
            return None
        self._wishes.append((wish, self._who_can(wish)))
        number = len(self._wishes) - 1
        for slot in sorted(range(len(self._slots)), key=lambda slot: (abs(slot - wish.slot), -slot)):
            if self.load[slot] < self._most[slot] and self._match(slot, number, set()):
                return slot
        self.refused += 1
        return None

    def _who_can(self, wish: Wish) -> list[list[int]]:
        """Rows of the executives who could serve the wish alone, by slot."""
        there_s, _ = formula_between(self._ends, [wish.place], self._spec)
        back_s, _ = formula_between([wish.place], self._ends, self._spec)
        able: list[list[int]] = [[] for _ in self._slots]
        for executive, rows in self._alike:
            if not wish.skills <= executive.skills:
                continue
            going = self._clock.work(int(there_s[self._ends.index(executive.start), 0]))
            coming = self._clock.work(int(back_s[0, self._ends.index(executive.end)]))
            arrival_s = self._clock.finish_s(executive.shift.open_s, going)
            for number, slot in enumerate(self._slots):
                done_s = max(slot.open_s, arrival_s) + wish.service_s
                if (
                    on_shift(executive, slot)
                    and done_s <= slot.close_s
                    and self._clock.finish_s(done_s, coming) <= executive.shift.latest_end_s
                ):
                    able[number].extend(rows)
        return able

    def _match(self, slot: int, number: int, asked: set[int]) -> bool:
        """An augmenting path: somebody free takes the wish, or somebody who can hand their own on."""
        taken = self._taken_by[slot]
        able = self._wishes[number][1][slot]
        for row in able:
            if row not in taken:
                taken[row] = number
                return True
        for row in able:
            if row not in asked:
                asked.add(row)
                if self._match(slot, taken[row], asked):
                    taken[row] = number
                    return True
        return False
