"""Several services of one citizen: slots that can be had together, each proven by one plan that serves them all.

First runs of adjacent slots by one executive, who comes once; then runs by several; then slots of one day with gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from optimizer.slots.ladder import Ladder, NoRoom, Room
from optimizer.slots.newcomer import Newcomer, best_block


class Block(NamedTuple):
    """Visits one after the other at a position of the route of one executive (`owner`, a row), and what that adds."""

    owner: int
    position: int
    extra_travel_s: int
    visits: tuple[int, ...]


def one_executive(newcomer: Newcomer, slots: Sequence[int]) -> Block | None:
    """Service i in slot i for all i by the executive for whom that is least travel; None if nobody can.

    The slots are adjacent and in order. The witness stays as it is otherwise.
    """
    visits = np.array([newcomer.row(i, slot) for i, slot in enumerate(slots)], dtype=np.int64)
    who, position, extra_s = best_block(newcomer.day, newcomer.routes, visits)
    return None if who < 0 else Block(int(who), int(position), int(extra_s), tuple(visits.tolist()))


def adjacent(slots: Sequence[int]) -> bool:
    """Several slots, each directly after the one before."""
    return len(slots) > 1 and all(b == a + 1 for a, b in pairwise(slots))


def placed(ladder: Ladder, slots: Sequence[int], *, whole: bool = True) -> tuple[Newcomer, list[int], bool] | NoRoom:
    """The newcomer with service i in slot i for all i, who takes each (rows), and whether others were rearranged.

    Adjacent slots are tried with one executive first. Then one service after the other goes up the ladder, only its
    first step where not `whole`. A no is that of the first service that found no room beside those before it.
    """
    newcomer = ladder.newcomer
    if adjacent(slots):
        block = one_executive(newcomer, slots)
        if block is not None:
            order = newcomer.routes.order[block.owner, : newcomer.routes.length[block.owner]].tolist()
            made = [*order[: block.position], *block.visits, *order[block.position :]]
            return newcomer.joined({block.owner: made}), [block.owner] * len(slots), False
    rows: list[int] = []
    rearranged = False
    for service, slot in enumerate(slots):
        step = ladder.on(newcomer)
        answer = step.ask(service, slot) if whole else step.insert(service, slot)
        if not isinstance(answer, Room):
            return replace(answer, service=service)
        newcomer = newcomer.joined(answer.changed)
        rows.append(newcomer.row(service, slot))
        rearranged = rearranged or answer.rearranged
    owners = [int(newcomer.routes.owner[row]) for row in rows]
    return newcomer, owners, rearranged


def slot_choices(newcomer: Newcomer, count: int) -> list[tuple[int, ...]]:
    """Slots for `count` services to be tried: all adjacent runs, then runs with gaps of equal length."""
    slots = newcomer.slots
    choices: list[tuple[int, ...]] = []
    for step in range(1, slots):
        run = (count - 1) * step
        choices.extend(tuple(range(first, first + run + 1, step)) for first in range(slots - run))
    return choices
