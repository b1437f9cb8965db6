"""Made-up staffing problems: executives, leave, requests, history and demand over weeks, drawn by a seed.

The instances on which rosters are measured: 28 % of executives hold the kit; supply is six shifts of 8 h a week (7.5 h
worked), demand 92 % of it with peaks in the morning and in the evening, Sunday 0.6 of a weekday, 24 % of it for
the kit; 3 % of days are leave, each executive asks for one day off every two weeks and has worked up to 5 days before
the horizon. All of it is ASSUMPTION.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from optimizer.calendar import SUNDAY
from optimizer.demand import ANYBODY, Demand, sorted_needs
from optimizer.domain import Break, Place, Shift, SlotGrid, TimeWindow
from optimizer.roster import (
    Contract,
    DayRequest,
    LabourRules,
    MinimumCover,
    RosterProblem,
    ShiftPattern,
    WorkedDay,
)
from optimizer.units import HOUR_S, MINUTE_S
from scenarios.generate.dice import Dice

KIT = "aadhaar_kit"
FIRST = dt.date(2026, 11, 30)
"""A Monday."""
KIT_PERCENT = 28
KIT_DEMAND_PERCENT = 24
DEMAND_PERCENT = 92
SUNDAY_PERCENT = 60
LEAVE_PERCENT = 3
MOST_WORKED_BEFORE = 5
DAYS_TO_A_REQUEST = 14
SHIFTS_A_WEEK = 6
SHIFT_S = 8 * HOUR_S
BREAK_S = 30 * MINUTE_S
BREAK_FROM_S, BREAK_BY_S = 3 * HOUR_S, 4 * HOUR_S + 30 * MINUTE_S
"""From the beginning of a shift to the earliest and to the latest beginning of the break: hours 3 to 5."""
HOURS = (70, 110, 140, 130, 100, 70, 70, 90, 120, 140, 120, 80)
"""How much each hour is wanted, in no unit."""


def hourly_patterns(grid: SlotGrid, shift_s: int = SHIFT_S) -> tuple[ShiftPattern, ...]:
    """A shift of this length from every full hour at which it fits into the opening hours: H08, H09, ...

    As `default_patterns` makes them today, but whatever becomes of those: instances that are measured stay as they are.
    """
    patterns = []
    for open_s in range(grid.open_s, grid.close_s - shift_s + 1, HOUR_S):
        window = TimeWindow(open_s + BREAK_FROM_S, open_s + BREAK_BY_S)
        shift = Shift(open_s, open_s + shift_s, min(HOUR_S, 24 * HOUR_S - open_s - shift_s))
        patterns.append(ShiftPattern(f"H{open_s // HOUR_S:02d}", shift, Break(BREAK_S, window)))
    return tuple(patterns)


def staffing_problem(executives: int, weeks: int, seed: int = 1) -> RosterProblem:
    """The instance of so many executives and weeks, the same for the same seed on every machine."""
    dice = Dice(seed, "staffing", str(executives), str(weeks))
    grid, days = SlotGrid(), 7 * weeks
    patterns = hourly_patterns(grid)
    office = Place("office", 81.63, 21.25)
    holders = max(1, round(executives * KIT_PERCENT / 100))
    with_kit = set(dice.shuffled(range(executives))[:holders])
    staff = []
    for number in range(executives):
        leave = [day for day in range(days) if dice.chance(LEAVE_PERCENT)]
        wishes = {dice.below(DAYS_TO_A_REQUEST) + begin for begin in range(0, days, DAYS_TO_A_REQUEST)}
        before = [patterns[dice.below(len(patterns))] for _ in range(dice.below(MOST_WORKED_BEFORE + 1))]
        staff.append(
            Contract(
                f"E{number + 1:03d}",
                office,
                office,
                frozenset({KIT} if number in with_kit else ()),
                week_s=SHIFTS_A_WEEK * (SHIFT_S - BREAK_S),
                leave=frozenset(FIRST + dt.timedelta(days=day) for day in leave),
                requests=tuple(
                    DayRequest(FIRST + dt.timedelta(days=day), None, 10 * dice.between(5, 15))
                    for day in sorted(wishes)
                    if day < days
                ),
                around={
                    FIRST - dt.timedelta(days=back + 1): WorkedDay(pattern.shift, pattern.worked_s)
                    for back, pattern in enumerate(before)
                },
            )
        )
    return RosterProblem(
        f"staffing-{executives}x{weeks}",
        FIRST,
        days,
        grid,
        patterns,
        tuple(staff),
        _demand(dice, grid, executives, days),
        LabourRules(),
        minimum=(
            MinimumCover(1),
            MinimumCover(1, frozenset({KIT}), frozenset({0, len(grid) - 1})),
        ),
    )


def _demand(dice: Dice, grid: SlotGrid, executives: int, days: int) -> Demand:
    """Executives wanted: of the hours worked in a week of full supply so many percent, spread by hour and day."""
    needs = sorted_needs([ANYBODY, frozenset({KIT})])
    shares = [SUNDAY_PERCENT if (FIRST + dt.timedelta(days=d)).weekday() == SUNDAY else 100 for d in range(days)]
    supply_h = executives * SHIFTS_A_WEEK * (SHIFT_S - BREAK_S) / HOUR_S * days / 7
    hours = np.array(HOURS, dtype=np.float64)
    noise = np.array([[dice.between(85, 115) for _ in HOURS] for _ in range(days)], dtype=np.float64)
    weight = np.array(shares)[:, None] * hours[None, :] * noise
    whole = supply_h * DEMAND_PERCENT / 100 * weight / weight.sum()
    kit = whole * KIT_DEMAND_PERCENT / 100
    return Demand(FIRST, grid, needs, np.stack([whole - kit, kit], axis=2), "made up")
