"""How little can stay uncovered, proven: executives on duty by name, their shifts by class, days as wholes.

Level 1 asks how many of each class of executives work which pattern on which day; a class is who can serve the same
needs. Named executives are only on duty or not, which ties the days together (weeks, runs of days, leave); what a day
leaves uncovered depends on the counts of that day alone. So the model is decomposed (Dantzig, Wolfe, Operations
Research 8, 1960): a column is a whole day, its counts and what they leave uncovered; the master picks one for each day
so that duty adds up. Its relaxation is far stronger than that of the whole model, whose weakness is the whole counts
within a day; days are priced by CP-SAT. Then all days with a reduced cost below the gap are listed, and the best choice
among them is the minimum.

Rest between two shifts is left out here, and closing shifts are added up over a class: what is proven is a lower bound,
which a roster of named executives mostly reaches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from optimizer.roster.duty.day import Day
from optimizer.roster.duty.limits import limits_of
from optimizer.roster.duty.master import Master
from optimizer.roster.duty.nouns import GRID, LOOSE_GAP, ROUNDING, DayChoice, DayColumn, Duals, Duty
from optimizer.roster.model import RosterModel
from optimizer.stop import Stop

__all__ = ["DayChoice", "DayColumn", "Duty", "least_uncovered"]

FIRST_PRICES = (0, 200, 500, 1_000, 100_000)
"""Points for an executive on duty at which the first columns of each day are made."""
MOST_ROUNDS = 100
MOST_LISTED = 6_000
"""Numbers on duty that are looked at, of all days together; where there are more nothing is proven by listing."""
FIRST_STEPS = 8
"""Days are listed first that cost so many steps more than at best; then as many more as the gap asks for."""
FIRST_PART, LAST_PART = 0.2, 0.85
"""Of the time left: for the first choice, which says how much has to be listed, and for those that are to prove it."""


def least_uncovered(
    model: RosterModel,
    stop: Stop,
    seed: int = 1,
    on_round: Callable[[int], None] | None = None,
    *,
    threads: int = 1,
    settle: bool = True,
) -> Duty:
    """The minimum of level 1 over counts, or a bound of it when stopped. `on_round` is told the bound so far.

    With `settle` false it ends with the bound of the relaxation, and a choice of days next to it. Days are looked at
    side by side in so many threads, which changes the time and nothing else.
    """
    limits = limits_of(model)
    days = [Day(model.problem, limits, day, seed) for day in range(model.problem.days)]
    master = Master(model.problem, limits)
    with ThreadPoolExecutor(threads) as pool:
        return _by_days(master, days, stop, on_round, pool, settle=settle)


def _by_days(
    master: Master,
    days: Sequence[Day],
    stop: Stop,
    on_round: Callable[[int], None] | None,
    pool: ThreadPoolExecutor,
    *,
    settle: bool,
) -> Duty:
    limits = master.limits
    for price in FIRST_PRICES:
        if any(stop() for _ in days):
            return Duty(limits.classes, 0)
        weights = [price * GRID] * len(limits.classes)
        for column, _ in pool.map(lambda day, w=weights: day.cheapest(w, [0] * len(limits.classes)), days):
            master.add(column)
    best, best_duals = 0, None
    for _ in range(MOST_ROUNDS):
        if stop():
            break
        duals, in_master = master.duals()
        value, new = duals.fixed, 0
        priced = pool.map(lambda day, d=duals: day.cheapest(*day.prices(d)), days)
        for day, (column, least) in zip(days, priced, strict=True):
            value += least
            if least < in_master[day.day] - GRID // 10:
                new += master.add(column)
        if best_duals is None or value > best:
            best, best_duals = value, duals
            if on_round is not None:
                on_round(max(0, -(-best // GRID)))
        if not new:
            break
    if best_duals is None:
        return Duty(limits.classes, 0)
    if not settle:
        return Duty(limits.classes, _up(best, master.step), _next_to(master, days, best_duals, stop))
    return _settled(master, days, best_duals, best, stop, pool)


def _next_to(master: Master, days: Sequence[Day], duals: Duals, stop: Stop) -> tuple[DayColumn, ...] | None:
    """The best choice of days with as many on duty as in the relaxation, rounded down or up."""
    on_duty = master.on_duty()
    near: list[DayColumn | None] = []
    for day in days:
        around = [
            range(math.floor(number + ROUNDING), math.ceil(number - ROUNDING) + 1) for number in on_duty[:, day.day]
        ]
        near.extend(day.at(duals, numbers) for numbers in product(*around))
    chosen, _ = master.choice([column for column in near if column is not None], stop, closing=True, gap=LOOSE_GAP)
    return chosen


def _settled(
    master: Master, days: Sequence[Day], duals: Duals, bound: int, stop: Stop, pool: ThreadPoolExecutor
) -> Duty:
    """List the days that cost little more than at best and choose among them, until the choice is proven the best.

    A roster with a day that is not listed costs more than the bound and what listed days may cost more (`spare`, on the
    grid): so the best choice is the minimum as soon as it costs no more than that.
    """
    step, classes = master.step, master.limits.classes
    lower = _up(bound, step)
    spare, part = FIRST_STEPS * step * GRID, FIRST_PART
    binds = bool(duals.closing.any())
    reached: tuple[DayColumn, ...] | None = None
    while not stop():
        listed = _listed(days, duals, spare, stop, pool)
        # Of the columns with equal numbers on duty only one is listed. It is the one that counts where closing shifts
        # are free; where they are not, the choice proves nothing.
        chosen, least = master.choice(listed, stop, closing=binds, part=part)
        if chosen is None:
            break
        if not binds and listed is not None:
            lower = max(lower, _up(min(least * GRID, bound + spare + 1), step))
        if not master.closes_enough(chosen):
            late = None if listed is None else [*listed, *(c for day in days for c in day.closing_less(duals, spare))]
            chosen, _ = master.choice(late, stop, closing=True)
        reached = chosen or reached
        if reached is None:
            break
        cost = sum(column.cost for column in reached)
        if cost <= lower:
            within = cost * GRID - bound
            choices = None if listed is None else tuple(pool.map(lambda day, w=within: day.choices(duals, w), days))
            return Duty(classes, lower, reached, choices)
        if binds or listed is None or (part != FIRST_PART and cost * GRID - bound <= spare):
            break
        spare, part = cost * GRID - bound, LAST_PART  # by now it is known how much has to be listed
    return Duty(classes, lower, reached)


def _listed(
    days: Sequence[Day], duals: Duals, spare: int, stop: Stop, pool: ThreadPoolExecutor
) -> list[DayColumn] | None:
    """The columns of all days that cost at most `spare` more than their day has to; None where they may be too many."""
    if sum(pool.map(lambda day: day.width(duals, spare), days)) > MOST_LISTED:
        return None

    def listed(day: Day) -> list[DayColumn] | None:
        return None if stop.requested or stop.left_s() == 0.0 else day.listed(duals, spare)

    found: list[DayColumn] = []
    for columns in pool.map(listed, days):
        if columns is None:
            return None
        found.extend(columns)
    return found


def _up(value: int, step: int) -> int:
    """A bound on the grid as points, rounded up to a multiple of the step in which level 1 is counted."""
    return max(0, -(-value // (GRID * step)) * step)
