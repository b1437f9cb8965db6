"""The roster as a linear model of assignment Booleans with cover by counts: one function for each rule.

x[e, d, p] = 1: executive e works pattern p on day d. n[g, d, p] counts them in a group g of executives: all, and those
who can serve certain needs. What is wanted of a group in a slot is covered by its counts or paid for. Fairness is a
convex price of what an executive gets, so that executives are tied together by cover alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from optimizer.calendar import SUNDAY
from optimizer.demand import need_name
from optimizer.domain import Shift
from optimizer.roster.made import Roster
from optimizer.roster.nouns import TENTHS, WEEK, Contract, RosterProblem, RosterRule, WorkedDay
from optimizer.roster.rows import Group, Linear, Rows
from optimizer.roster.targets import TENTH_HOUR_S, Target, fair_targets, points_for
from optimizer.units import DAY_S

IntArray = npt.NDArray[np.int64]
NONE = -1
"""No such variable."""


@dataclass(eq=False)
class Building:
    """A model while its rules are added. `x[e, d, p]` is the number of a variable, NONE where it cannot be."""

    problem: RosterProblem
    targets: dict[str, Target]
    rows: Rows
    x: IntArray
    constant_2: int = 0
    counts: dict[frozenset[str], IntArray] = field(default_factory=dict)

    def worked(self, row: int, day: int) -> Iterator[int]:
        """The variables of an executive on a day: their sum is 1 when they work."""
        for column in self.x[row, day]:
            if column != NONE:
                yield int(column)

    def count(self, holders: frozenset[str]) -> IntArray:
        """n[d, p] of a group of executives; NONE where none of them can work it."""
        if holders not in self.counts:
            self.counts[holders] = self._count(holders)
        return self.counts[holders]

    def _count(self, holders: frozenset[str]) -> IntArray:
        members = [row for row, c in enumerate(self.problem.staff) if c.executive_id in holders]
        found = np.full(self.x.shape[1:], NONE, dtype=np.int64)
        for day, pattern in np.ndindex(*found.shape):
            able = [int(self.x[row, day, pattern]) for row in members if self.x[row, day, pattern] != NONE]
            if able:
                number = self.rows.variable(len(able), whole=True)
                found[day, pattern] = number
                self.rows.row([*((column, 1) for column in able), (number, -1)], 0, 0)
        return found


@dataclass(frozen=True, eq=False)
class RosterModel:
    """The finished model, and how to read a solution of it. `constant_2`: what level 2 costs whatever is done."""

    problem: RosterProblem
    rows: Rows
    x: IntArray
    constant_2: int

    @cached_property
    def linear(self) -> Linear:
        """The rows as they are now, as arrays."""
        return self.rows.finished()

    def roster(self, values: npt.NDArray[np.float64]) -> Roster:
        """The roster of a solution."""
        patterns = [pattern.pattern_id for pattern in self.problem.patterns]
        rows: dict[str, tuple[str | None, ...]] = {}
        for row, contract in enumerate(self.problem.staff):
            chosen: list[str | None] = []
            for day in range(self.problem.days):
                worked = [p for p, column in enumerate(self.x[row, day]) if column != NONE and values[column] > 0.5]
                chosen.append(patterns[worked[0]] if worked else None)
            rows[contract.executive_id] = tuple(chosen)
        return Roster(self.problem.first, rows)

    def chosen(self, roster: Roster) -> IntArray:
        """The variables x that are 1 in a roster; those that the model lacks are left out."""
        number = {pattern.pattern_id: p for p, pattern in enumerate(self.problem.patterns)}
        found = []
        for row, contract in enumerate(self.problem.staff):
            for day, date in enumerate(self.problem.dates):
                pattern_id = roster.on(contract.executive_id, date)
                if pattern_id is not None and self.x[row, day, number[pattern_id]] != NONE:
                    found.append(int(self.x[row, day, number[pattern_id]]))
        return np.array(found, dtype=np.int64)


def build(problem: RosterProblem) -> RosterModel:
    """The model of a roster. Only leave and labour rules are hard; minimum cover and what is wanted are priced."""
    building = Building(problem, fair_targets(problem), Rows(), _assignments(problem))
    _number(building)
    one_shift_a_day(building)
    weekly_day_off(building)
    max_week_hours(building)
    max_run_of_days(building)
    rest_between_shifts(building)
    max_closing_shifts(building)
    minimum_cover(building)
    uncovered_demand(building)
    fair_closing(building)
    fair_sundays(building)
    fair_hours(building)
    requests(building)
    stability(building)
    useless_duty(building)
    return RosterModel(problem, building.rows, building.x, building.constant_2)


# ------------------------------------------------------------------------------------ what can be


def could_work(problem: RosterProblem) -> npt.NDArray[np.bool_]:
    """[e, d, p]: executive e can work pattern p on day d as far as that day alone says.

    The day is open, they are there, the pattern is agreed and, where the day is fixed, theirs.
    """
    can = np.zeros((len(problem.staff), problem.days, len(problem.patterns)), dtype=np.bool_)
    for row, contract in enumerate(problem.staff):
        agreed = [contract.patterns is None or p.pattern_id in contract.patterns for p in problem.patterns]
        for day, date in enumerate(problem.dates):
            if date in problem.closed or date in contract.leave:
                continue
            can[row, day] = agreed
            if date in contract.fixed:
                can[row, day] &= [p.pattern_id == contract.fixed[date] for p in problem.patterns]
    return can


def _assignments(problem: RosterProblem) -> IntArray:
    """0 where an executive can work a pattern on a day, NONE where they cannot, whatever else is done.

    As `could_work`, less what comes too soon after or before a shift outside the horizon.
    """
    can = could_work(problem)
    for row, contract in enumerate(problem.staff):
        before, after = _next_to(problem, contract)
        for number, pattern in enumerate(problem.patterns):
            if before is not None and rests_less(problem, before, pattern.shift):
                can[row, 0, number] = False
            if after is not None and rests_less(problem, pattern.shift, after):
                can[row, -1, number] = False
    return np.where(can, 0, NONE)


def _next_to(problem: RosterProblem, contract: Contract) -> tuple[Shift | None, Shift | None]:
    """The shifts of the day before the horizon and of the day after it."""
    one = dt.timedelta(days=1)
    before, after = contract.around.get(problem.first - one), contract.around.get(problem.last + one)
    return before.shift if before else None, after.shift if after else None


def rests_less(problem: RosterProblem, shift: Shift, following: Shift) -> bool:
    """Too little rest between a shift and one of the next day."""
    least_s = problem.rules.min_rest_s
    return least_s is not None and DAY_S + following.open_s - shift.close_s < least_s


def _number(building: Building) -> None:
    for index in np.argwhere(building.x != NONE):
        building.x[tuple(index)] = building.rows.variable(1, whole=True)


# -------------------------------------------------------------------------------- rules that are kept


def one_shift_a_day(building: Building) -> None:
    """Nobody works two shifts on a day; on a fixed day they work theirs."""
    for row, contract in enumerate(building.problem.staff):
        for day, date in enumerate(building.problem.dates):
            columns = [(column, 1) for column in building.worked(row, day)]
            settled = contract.fixed.get(date) is not None
            if settled:
                group = Group(RosterRule.FIXED_DAY, f"{contract.executive_id} {date.isoformat()}")
                building.rows.row(columns, 1, 1, group)
            elif len(columns) > 1:
                building.rows.row(columns, upper=1)


def weeks_of(problem: RosterProblem) -> Iterator[tuple[dt.date, list[int], list[dt.date]]]:
    """The calendar weeks the horizon touches: Monday, days of the horizon in it, dates of it outside the horizon."""
    monday = problem.first - dt.timedelta(days=problem.first.weekday())
    while monday <= problem.last:
        dates = [monday + dt.timedelta(days=day) for day in range(WEEK)]
        inside = [(date - problem.first).days for date in dates if problem.first <= date <= problem.last]
        yield monday, inside, [date for date in dates if not problem.first <= date <= problem.last]
        monday += dt.timedelta(days=WEEK)


def _around(contract: Contract, dates: list[dt.date]) -> list[WorkedDay]:
    return [contract.around[date] for date in dates if date in contract.around]


def weekly_day_off(building: Building) -> None:
    """So many free days in every calendar week."""
    free = building.problem.rules.free_days
    for monday, inside, outside in weeks_of(building.problem):
        for row, contract in enumerate(building.problem.staff):
            most = max(0, WEEK - free - len(_around(contract, outside)))
            if most < len(inside):
                columns = [(column, 1) for day in inside for column in building.worked(row, day)]
                group = Group(RosterRule.WEEKLY_DAY_OFF, f"{contract.executive_id} {monday.isoformat()}")
                building.rows.row(columns, upper=most, group=group)


def max_week_hours(building: Building) -> None:
    """Seconds worked in a calendar week: by law, and by contract."""
    problem = building.problem
    for monday, inside, outside in weeks_of(problem):
        for row, contract in enumerate(problem.staff):
            had_s = sum(day.worked_s for day in _around(contract, outside))
            limits = (
                (RosterRule.MAX_WEEK_HOURS, problem.rules.max_week_s),
                (RosterRule.CONTRACT_HOURS, contract.week_s),
            )
            for rule, limit_s in limits:
                if limit_s is None:
                    continue
                terms = [
                    (int(building.x[row, day, number]), pattern.worked_s)
                    for day in inside
                    for number, pattern in enumerate(problem.patterns)
                    if building.x[row, day, number] != NONE
                ]
                room_s = max(0, limit_s - had_s)
                if len(inside) * max((s for _, s in terms), default=0) > room_s:
                    group = Group(rule, f"{contract.executive_id} {monday.isoformat()}")
                    if len({s for _, s in terms}) == 1:  # as a count: a tighter row for the relaxation
                        terms, room_s = [(column, 1) for column, _ in terms], room_s // terms[0][1]
                    building.rows.row(terms, upper=room_s, group=group)


def max_run_of_days(building: Building) -> None:
    """Days worked in a row, days before the horizon and published days after it included."""
    problem, most = building.problem, building.problem.rules.max_run_days
    if most is None:
        return
    for row, contract in enumerate(problem.staff):
        group = Group(RosterRule.MAX_RUN_OF_DAYS, contract.executive_id)
        for begin in range(-most, problem.days):
            days = range(begin, begin + most + 1)
            outside = [problem.first + dt.timedelta(days=d) for d in days if not 0 <= d < problem.days]
            inside = [day for day in days if 0 <= day < problem.days]
            room = max(0, most - len(_around(contract, outside)))
            if room < len(inside):
                columns = [(column, 1) for day in inside for column in building.worked(row, day)]
                building.rows.row(columns, upper=room, group=group)


def rest_between_shifts(building: Building) -> None:
    """Enough rest between a shift and that of the next day: of all that end late or begin early only one."""
    problem = building.problem
    ends = sorted({pattern.shift.close_s for pattern in problem.patterns})
    for close_s in ends:
        late = [n for n, p in enumerate(problem.patterns) if p.shift.close_s >= close_s]
        begins = [
            n for n, p in enumerate(problem.patterns)
            if rests_less(problem, Shift(0, close_s), p.shift)
        ]  # fmt: skip
        if not begins:
            continue
        for row, contract in enumerate(problem.staff):
            group = Group(RosterRule.REST_BETWEEN_SHIFTS, contract.executive_id)
            for day in range(problem.days - 1):
                columns = [
                    int(c) for c in (*building.x[row, day, late], *building.x[row, day + 1, begins]) if c != NONE
                ]
                if len(columns) > 1:
                    building.rows.row([(column, 1) for column in columns], upper=1, group=group)


def max_closing_shifts(building: Building) -> None:
    """Closing shifts in a calendar week."""
    problem, most = building.problem, building.problem.rules.max_closing
    if most is None:
        return
    late = [n for n, pattern in enumerate(problem.patterns) if problem.rules.is_closing(pattern.shift)]
    for monday, inside, outside in weeks_of(problem):
        for row, contract in enumerate(problem.staff):
            had = sum(problem.rules.is_closing(day.shift) for day in _around(contract, outside))
            columns = [int(c) for day in inside for c in building.x[row, day, late] if c != NONE]
            room = max(0, most - had)
            if room < len(inside):
                group = Group(RosterRule.MAX_CLOSING_SHIFTS, f"{contract.executive_id} {monday.isoformat()}")
                building.rows.row([(column, 1) for column in columns], upper=room, group=group)


# ---------------------------------------------------------------------------------- rules with a price


def minimum_cover(building: Building) -> None:
    """At least so many on shift in a slot; who is missing is paid for, on level 1."""
    problem = building.problem
    slots = problem.grid.slots()
    for minimum in problem.minimum:
        counts = building.count(problem.holders([minimum.need]))
        for day, date in enumerate(problem.dates):
            if date in problem.closed or not minimum.executives:
                continue
            for slot in problem.slots_of(minimum):
                on = [
                    (int(counts[day, number]), 1)
                    for number, pattern in enumerate(problem.patterns)
                    if counts[day, number] != NONE and pattern.covers(slots[slot].open_s, slots[slot].close_s)
                ]
                missing = building.rows.variable(minimum.executives, whole=True, cost_1=problem.prices.missing)
                subject = f"{need_name(minimum.need)} {date.isoformat()}"
                group = Group(RosterRule.MINIMUM_COVER, subject)
                building.rows.row([*on, (missing, 1)], lower=minimum.executives, group=group)


def uncovered_demand(building: Building) -> None:
    """What is wanted in a slot is covered by those who can serve it; what is not is paid for, on level 1."""
    problem = building.problem
    quarters = [pattern.quarters(problem.grid) for pattern in problem.patterns]
    for wanted in problem.rows_wanted:
        counts = building.count(problem.holders(wanted.needs))
        price = problem.prices.uncovered if wanted.of_anybody else problem.prices.uncovered_kit
        uncovered = building.rows.variable(wanted.quarters, whole=False, cost_1=price)
        cover = [
            (int(counts[wanted.day, number]), given[wanted.slot])
            for number, given in enumerate(quarters)
            if counts[wanted.day, number] != NONE and given[wanted.slot]
        ]
        building.rows.row([*cover, (uncovered, 1)], lower=wanted.quarters)


def _one_by_one(building: Building, by_day: Sequence[list[int]], points: Sequence[int]) -> None:
    """`points[n]` for n of these days worked, convex: a column for all shifts of the same price, the dear ones last.

    It goes through the points of every whole number: a tighter row for the relaxation than prices of tenths.
    """
    building.constant_2 += points[0]
    prices = [after - before for before, after in pairwise(points)]
    free = prices.count(0)
    steps = [
        (building.rows.variable(len(list(shifts)), whole=False, cost_2=price), -1)
        for price, shifts in groupby(prices[free:])
    ]
    if steps:
        building.rows.row([*((column, 1) for columns in by_day for column in columns), *steps], upper=free)


def fair_closing(building: Building) -> None:
    """Closing shifts of an executive: dearer with every round, and above their target."""
    problem, prices = building.problem, building.problem.prices
    late = [n for n, pattern in enumerate(problem.patterns) if problem.rules.is_closing(pattern.shift)]
    for row, contract in enumerate(problem.staff):
        due = building.targets[contract.executive_id]
        closing = [[int(c) for c in building.x[row, day, late] if c != NONE] for day in range(problem.days)]
        by_day = [columns for columns in closing if columns]
        points = [
            points_for(shifts, due.closing_tenths, due.closing_rounds, prices.closing, prices.round)
            for shifts in range(len(by_day) + 1)
        ]
        _one_by_one(building, by_day, points)


def fair_sundays(building: Building) -> None:
    """Sundays of an executive: dearer with every round, and above their target."""
    problem, prices = building.problem, building.problem.prices
    sundays = [day for day, date in enumerate(problem.dates) if date.weekday() == SUNDAY]
    for row, contract in enumerate(problem.staff):
        due = building.targets[contract.executive_id]
        by_day = [columns for day in sundays if (columns := list(building.worked(row, day)))]
        points = [
            points_for(shifts, due.sunday_tenths, due.sunday_rounds, prices.sunday, prices.round)
            for shifts in range(len(by_day) + 1)
        ]
        _one_by_one(building, by_day, points)


def fair_hours(building: Building) -> None:
    """Hours above an executive's target, and again above the target and a step: convex."""
    problem, price = building.problem, building.problem.prices.hour // TENTHS
    for row, contract in enumerate(problem.staff):
        terms = [
            (int(building.x[row, day, number]), pattern.worked_s // TENTH_HOUR_S)
            for day in range(problem.days)
            for number, pattern in enumerate(problem.patterns)
            if building.x[row, day, number] != NONE
        ]
        target, most = building.targets[contract.executive_id].hour_tenths, sum(value for _, value in terms)
        for due in (target, target + problem.prices.hour_step_tenths):
            floor = max(0, due)
            building.constant_2 += price * (floor - due)  # of a negative target so much is paid whatever is done
            if price and most > floor:
                above = building.rows.variable(most - floor, whole=False, cost_2=price)
                building.rows.row([*terms, (above, -1)], upper=floor)


def requests(building: Building) -> None:
    """Days off and shifts that executives would like."""
    problem = building.problem
    for row, contract in enumerate(problem.staff):
        for request in contract.requests:
            day = (request.date - problem.first).days
            if not 0 <= day < problem.days:
                continue
            if request.pattern_id is None:
                for column in building.worked(row, day):
                    building.rows.add_cost(column, request.price)
                continue
            building.constant_2 += request.price
            number = [pattern.pattern_id for pattern in problem.patterns].index(request.pattern_id)
            if building.x[row, day, number] != NONE:
                building.rows.add_cost(int(building.x[row, day, number]), -request.price)


def stability(building: Building) -> None:
    """Every executive and day that is other than published, more where a free day is taken."""
    problem, prices = building.problem, building.problem.prices
    number = {pattern.pattern_id: n for n, pattern in enumerate(problem.patterns)}
    row_of = {contract.executive_id: row for row, contract in enumerate(problem.staff)}
    for (executive_id, date), pattern_id in sorted(problem.published.items()):
        day = (date - problem.first).days
        if not 0 <= day < problem.days:
            continue
        row = row_of[executive_id]
        if pattern_id is None:
            for column in building.worked(row, day):
                building.rows.add_cost(column, prices.changed_free)
            continue
        building.constant_2 += prices.changed
        column = int(building.x[row, day, number[pattern_id]])
        if column != NONE:
            building.rows.add_cost(column, -prices.changed)


def useless_duty(building: Building) -> None:
    """A shift has a price, so that nobody is on duty for nothing."""
    for column in building.x[building.x != NONE]:
        building.rows.add_cost(int(column), building.problem.prices.shift)
