"""Several services of one citizen: slots that can be had together, each proven by one plan that serves them all.

First runs of adjacent slots by one executive, who comes once; then runs by several; then slots of one day with gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from optimizer.arrays import NEVER, Int64Array
from optimizer.slots.ladder import Changed, Ladder, NoRoom, Room
from optimizer.slots.newcomer import Newcomer, block_cost_s, span_of_slot


def one_executive(newcomer: Newcomer, slots: Sequence[int]) -> tuple[int, int, Changed] | None:
    """(row of the executive, extra travel seconds, their new route) for service i in slot i, cheapest; None if nobody.

    The slots are adjacent and in order. The witness stays as it is otherwise.
    """
    visits = np.array([newcomer.row(i, slot) for i, slot in enumerate(slots)], dtype=np.int64)
    best, who = NEVER, -1
    for e in range(len(newcomer.routes.length)):
        extra = int(block_cost_s(newcomer.day, newcomer.routes, e, visits))
        if extra < best:
            best, who = extra, e
    if who < 0:
        return None
    return who, best, {who: _with_block(newcomer, who, visits)}


def _with_block(newcomer: Newcomer, e: int, visits: Int64Array) -> tuple[int, ...]:
    """The route of e with the visits one after the other where `block_cost_s` found room first."""
    day, routes = newcomer.day, newcomer.routes
    order = routes.order[e, : routes.length[e]].tolist()
    low, high = span_of_slot(day, routes, e, int(day.slot[visits[0]]))
    for p in range(low, high + 1):
        made = [*order[:p], *visits.tolist(), *order[p:]]
        changed = newcomer.joined({e: made})
        if changed.routes.overtime_s[e] < NEVER and _on_time(changed, e):
            return tuple(made)
    raise RuntimeError(f"a block that fits has no place in the route of row {e}")


def _on_time(newcomer: Newcomer, e: int) -> bool:
    """The route of e can be run."""
    routes = newcomer.routes
    last = int(routes.length[e])
    return bool(min(routes.pending_s[e, last], routes.taken_s[e, last]) < NEVER)


def placed(ladder: Ladder, slots: Sequence[int], *, whole: bool = True) -> tuple[Newcomer, list[int], bool] | NoRoom:
    """The newcomer with service i in slot i for all i, who takes each (rows), and whether others were rearranged.

    Adjacent slots are tried with one executive first. Then one service after the other goes up the ladder, only its
    first step where not `whole`. A no is that of the first service that found no room beside those before it.
    """
    newcomer = ladder.newcomer
    if len(slots) > 1 and all(b == a + 1 for a, b in pairwise(slots)):
        block = one_executive(newcomer, slots)
        if block is not None:
            return newcomer.joined(block[2]), [block[0]] * len(slots), False
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
