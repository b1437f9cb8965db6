"""The second opinion on rosters: every broken rule and every point of cost, from the raw nouns and by sums of its own.

Shares no code with what makes rosters (model, duty, solving, make, greedy, explain); what is fair it takes from
`fair_targets`, which define it. One function per rule; each finds, names and goes on. Any roster can be judged, however
malformed: rows of unknown executives and entries past the horizon are named and left out of all else; of a day on an
unknown pattern only what needs no hours is asked, and it costs nothing and covers nobody.

Days outside the horizon count: a run of days, a week and a rest look across both ends. What they broke alone is told by
`history_breaks` and is no fault of the roster; who works a day of the roster inside such a run or week breaks it anew.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optimizer.calendar import SUNDAY
from optimizer.demand import ANYBODY, Need
from optimizer.domain import Shift
from optimizer.roster.made import Roster, RosterCost
from optimizer.roster.nouns import TENTHS, WEEK, Contract, RosterProblem, RosterRule, ShiftPattern
from optimizer.roster.targets import fair_targets
from optimizer.units import DAY_S, HOUR_S, MINUTE_S, hhmm

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RosterViolation:
    """One broken rule: of whom (None: of nobody alone), when, and in words with the value and the limit.

    `date` is the day it is about; of a week its Monday, of a run of days its first, of a rest the day after it. It is
    None for a row as a whole.
    """

    rule: RosterRule
    executive_id: str | None
    date: dt.date | None
    text: str


@dataclass(frozen=True, slots=True)
class CoverRow:
    """What is wanted and covered in a slot by those who can serve one of `needs`, in quarters of an executive."""

    date: dt.date
    slot: int
    needs: tuple[Need, ...]
    wanted_quarters: int
    covered_quarters: int

    @property
    def missing_quarters(self) -> int:
        """Wanted and not covered."""
        return max(0, self.wanted_quarters - self.covered_quarters)


def roster_violations(problem: RosterProblem, roster: Roster) -> list[RosterViolation]:
    """Every broken hard rule of a roster, rule by rule; empty when it may be published."""
    found = [*known_pattern(problem, roster), *fixed_day(problem, roster)]
    for contract in problem.staff:
        days = _outside_days(contract) + _roster_days(problem, contract, roster)
        found.extend(v for worked, v in _broken(problem, contract, days) if any(day.of_roster for day in worked))
    return _in_order(found)


def history_breaks(problem: RosterProblem) -> list[RosterViolation]:
    """The rules that days outside the horizon break alone, whatever the roster is.

    Breaks within a shift are not known of these days.
    """
    return _in_order(v for c in problem.staff for _, v in _broken(problem, c, _outside_days(c)))


def _in_order(found: Iterable[RosterViolation]) -> list[RosterViolation]:
    """By rule; within it as found: by executive, then by date."""
    order = {rule: number for number, rule in enumerate(RosterRule)}
    return sorted(found, key=lambda violation: order[violation.rule])


# ------------------------------------------------------------------------------------- days worked


@dataclass(frozen=True, slots=True)
class _Day:
    """A day on which an executive works: of the roster, or outside its horizon.

    `shift` is None, and `worked_s` 0, where the pattern is unknown; `pattern` is None outside the roster too.
    """

    date: dt.date
    shift: Shift | None
    worked_s: int
    of_roster: bool
    pattern: ShiftPattern | None = None


@dataclass(frozen=True, slots=True)
class _Finding:
    """A broken rule: the days that break it together, the date to tell, value and limit in words."""

    days: Sequence[_Day]
    date: dt.date
    text: str


_DayRule = Callable[[RosterProblem, Contract, list[_Day]], Iterator[_Finding]]


def _outside_days(contract: Contract) -> list[_Day]:
    return [_Day(date, day.shift, day.worked_s, of_roster=False) for date, day in contract.around.items()]


def _roster_days(problem: RosterProblem, contract: Contract, roster: Roster) -> list[_Day]:
    days = []
    for date in problem.dates:
        pattern_id = roster.on(contract.executive_id, date)
        if pattern_id is not None:
            pattern = problem.pattern_by_id.get(pattern_id)
            shift, worked_s = (pattern.shift, pattern.worked_s) if pattern else (None, 0)
            days.append(_Day(date, shift, worked_s, of_roster=True, pattern=pattern))
    return days


def _broken(
    problem: RosterProblem, contract: Contract, days: list[_Day]
) -> Iterator[tuple[Sequence[_Day], RosterViolation]]:
    """The days of an executive held against every rule about days: who breaks what together."""
    in_order = sorted(days, key=lambda day: day.date)
    for rule, findings in DAY_RULES.items():
        for finding in findings(problem, contract, in_order):
            yield finding.days, RosterViolation(rule, contract.executive_id, finding.date, finding.text)


def _weeks(days: Sequence[_Day]) -> Iterator[tuple[dt.date, list[_Day]]]:
    """The calendar weeks on which there is work: Monday, and the days worked."""
    weeks: dict[dt.date, list[_Day]] = {}
    for day in days:
        weeks.setdefault(day.date - day.date.weekday() * ONE_DAY, []).append(day)
    yield from weeks.items()


def _hours(seconds: int) -> str:
    return f"{seconds / HOUR_S:g} h"


# ------------------------------------------------------------------------------ rules about the roster


def known_pattern(problem: RosterProblem, roster: Roster) -> Iterator[RosterViolation]:
    """A row for each executive, an entry for each date, and only shifts that there are and that are agreed."""
    rule = RosterRule.KNOWN_PATTERN
    if roster.first != problem.first:
        text = f"the roster begins on {roster.first.isoformat()}, it should on {problem.first.isoformat()}"
        yield RosterViolation(rule, None, roster.first, text)
    for executive_id in sorted(problem.contract_of.keys() | roster.rows.keys()):
        contract = problem.contract_of.get(executive_id)
        if contract is None:
            yield RosterViolation(
                rule, executive_id, None, f"{executive_id} is none of the {len(problem.staff)} executives"
            )
            continue
        row = roster.rows.get(executive_id, ())
        if len(row) != problem.days:
            text = f"{len(row)} entries, one for each of {problem.days} dates"
            yield RosterViolation(rule, executive_id, None, text)
        for day, pattern_id in enumerate(row):
            date = roster.first + day * ONE_DAY
            if pattern_id is None:
                continue
            if pattern_id not in problem.pattern_by_id:
                text = f"{pattern_id} is none of {', '.join(sorted(problem.pattern_by_id))}"
                yield RosterViolation(rule, executive_id, date, text)
            elif contract.patterns is not None and pattern_id not in contract.patterns:
                agreed = ", ".join(sorted(contract.patterns)) or "no shift"
                yield RosterViolation(rule, executive_id, date, f"{pattern_id} is not agreed, but {agreed}")


def fixed_day(problem: RosterProblem, roster: Roster) -> Iterator[RosterViolation]:
    """On a day that is settled an executive works what is settled, or has it off."""
    for contract in problem.staff:
        for date, settled in sorted(contract.fixed.items()):
            given = roster.on(contract.executive_id, date)
            if given != settled:
                text = f"{given or 'a day off'}, settled is {settled or 'a day off'}"
                yield RosterViolation(RosterRule.FIXED_DAY, contract.executive_id, date, text)


# ---------------------------------------------------------------------------------- rules about a day


def closed_day(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Nobody works on a closed day."""
    for day in days:
        if day.date in problem.closed:
            yield _Finding([day], day.date, f"1 shift on a closed day, 0 allowed: {problem.closed[day.date]}")


def respect_leave(_problem: RosterProblem, contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Nobody works while on leave."""
    for day in days:
        if day.date in contract.leave:
            yield _Finding([day], day.date, "1 shift on a day of leave, 0 allowed")


def max_day_hours(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Time worked on a day."""
    most_s = problem.rules.max_day_s
    for day in days:
        if most_s is not None and day.worked_s > most_s:
            yield _Finding([day], day.date, f"{_hours(day.worked_s)} worked, at most {_hours(most_s)}")


def max_spread_over(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Time from the beginning of a shift to its end."""
    most_s = problem.rules.max_spread_s
    for day in days:
        if most_s is None or day.shift is None:
            continue
        spread_s = day.shift.close_s - day.shift.open_s
        if spread_s > most_s:
            yield _Finding([day], day.date, f"{_hours(spread_s)} from beginning to end, at most {_hours(most_s)}")


def rest_interval(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """A long shift has a break that is long enough, and too long a stretch of work neither before nor after it.

    Wherever in its window it is taken.
    """
    stretch_s, rest_s = problem.rules.stretch_s, problem.rules.rest_s
    for day in days:
        if stretch_s is None or day.pattern is None:
            continue
        shift, pause = day.pattern.shift, day.pattern.pause
        if shift.close_s - shift.open_s <= stretch_s:
            continue
        wanted = f"at least {rest_s // MINUTE_S} min by {hhmm(shift.open_s + stretch_s)}"
        if pause is None:
            yield _Finding([day], day.date, f"no break, {wanted}")
        elif pause.duration_s < rest_s or pause.window.close_s > shift.open_s + stretch_s:
            given = f"a break of {pause.duration_s // MINUTE_S} min by {hhmm(pause.window.close_s)}"
            yield _Finding([day], day.date, f"{given}, {wanted}")
        elif pause.window.open_s + pause.duration_s + stretch_s < shift.close_s:
            back = hhmm(pause.window.open_s + pause.duration_s)
            yield _Finding([day], day.date, f"back from the break at {back}, the shift ends {hhmm(shift.close_s)}")


# ------------------------------------------------------------------------------- rules about many days


def max_week_hours(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Time worked in a calendar week, by law."""
    if problem.rules.max_week_s is not None:
        yield from _week_above(days, problem.rules.max_week_s)


def contract_hours(_problem: RosterProblem, contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Time worked in a calendar week, by contract."""
    if contract.week_s is not None:
        yield from _week_above(days, contract.week_s)


def _week_above(days: list[_Day], most_s: int) -> Iterator[_Finding]:
    for monday, worked in _weeks(days):
        whole_s = sum(day.worked_s for day in worked)
        if whole_s > most_s:
            yield _Finding(worked, monday, f"{_hours(whole_s)} worked in the week, at most {_hours(most_s)}")


def weekly_day_off(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Free days in a calendar week."""
    for monday, worked in _weeks(days):
        free = WEEK - len(worked)
        if free < problem.rules.free_days:
            yield _Finding(worked, monday, f"{free} free days in the week, at least {problem.rules.free_days}")


def max_run_of_days(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Days worked in a row."""
    most = problem.rules.max_run_days
    if most is None:
        return
    runs: list[list[_Day]] = []
    for day in days:
        if runs and day.date == runs[-1][-1].date + ONE_DAY:
            runs[-1].append(day)
        else:
            runs.append([day])
    for run in runs:
        if len(run) > most:
            yield _Finding(run, run[0].date, f"{len(run)} days in a row, at most {most}")


def rest_between_shifts(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Time from the end of a shift to the beginning of the next, whichever day that is."""
    least_s = problem.rules.min_rest_s
    if least_s is None:
        return
    shifts = [(day, day.shift) for day in days if day.shift is not None]
    for (day, shift), (next_day, next_shift) in pairwise(shifts):
        rest_s = (next_day.date - day.date).days * DAY_S + next_shift.open_s - shift.close_s
        if rest_s < least_s:
            text = f"{_hours(rest_s)} of rest before the shift, at least {_hours(least_s)}"
            yield _Finding([day, next_day], next_day.date, text)


def max_closing_shifts(problem: RosterProblem, _contract: Contract, days: list[_Day]) -> Iterator[_Finding]:
    """Closing shifts in a calendar week."""
    most = problem.rules.max_closing
    if most is None:
        return
    late = [day for day in days if day.shift is not None and day.shift.close_s >= problem.rules.closing_s]
    for monday, closing in _weeks(late):
        if len(closing) > most:
            yield _Finding(closing, monday, f"{len(closing)} closing shifts in the week, at most {most}")


DAY_RULES: dict[RosterRule, _DayRule] = {
    RosterRule.CLOSED_DAY: closed_day,
    RosterRule.RESPECT_LEAVE: respect_leave,
    RosterRule.MAX_DAY_HOURS: max_day_hours,
    RosterRule.MAX_SPREAD_OVER: max_spread_over,
    RosterRule.REST_INTERVAL: rest_interval,
    RosterRule.MAX_WEEK_HOURS: max_week_hours,
    RosterRule.CONTRACT_HOURS: contract_hours,
    RosterRule.WEEKLY_DAY_OFF: weekly_day_off,
    RosterRule.MAX_RUN_OF_DAYS: max_run_of_days,
    RosterRule.REST_BETWEEN_SHIFTS: rest_between_shifts,
    RosterRule.MAX_CLOSING_SHIFTS: max_closing_shifts,
}
"""All hard rules but the two that ask for what is not there: about the days worked by one executive, in order."""


# -------------------------------------------------------------------------------------- cover, anew


def coverage(problem: RosterProblem, roster: Roster) -> tuple[CoverRow, ...]:
    """By open date, slot and union of needs: what is wanted and what is covered. Also where nothing is wanted."""
    wanted = {(row.day, row.slot, row.needs): row.quarters for row in problem.rows_wanted}
    gives = {pattern.pattern_id: pattern.quarters(problem.grid) for pattern in problem.patterns}
    able = {needs: problem.holders(needs) for needs in problem.unions}
    rows = []
    for day, date in enumerate(problem.dates):
        if date in problem.closed:
            continue
        on = list(_on_shift(problem, roster, date))
        counts = {needs: Counter(p.pattern_id for c, p in on if c.executive_id in able[needs]) for needs in able}
        for slot in range(len(problem.grid)):
            for needs, count in counts.items():
                covered = sum(number * gives[pattern_id][slot] for pattern_id, number in count.items())
                rows.append(CoverRow(date, slot, needs, wanted.get((day, slot, needs), 0), covered))
    return tuple(rows)


def _on_shift(problem: RosterProblem, roster: Roster, date: dt.date) -> Iterator[tuple[Contract, ShiftPattern]]:
    """Who works what on a date; unknown patterns left out."""
    for contract in problem.staff:
        pattern = problem.pattern_by_id.get(roster.on(contract.executive_id, date) or "")
        if pattern is not None:
            yield contract, pattern


# -------------------------------------------------------------------------------------- cost, anew


def roster_cost(problem: RosterProblem, roster: Roster) -> RosterCost:
    """The cost of a roster, term by term, in points."""
    prices = problem.prices
    closing, sundays, hours = _fairness(problem, roster)
    return RosterCost(
        missing=prices.missing * sum(_missing_on(problem, roster, date) for date in problem.dates),
        uncovered=sum(
            row.missing_quarters * (prices.uncovered if ANYBODY in row.needs else prices.uncovered_kit)
            for row in coverage(problem, roster)
        ),
        fair_closing=closing,
        fair_sundays=sundays,
        fair_hours=hours,
        requests=_requests(problem, roster),
        stability=_stability(problem, roster),
        shifts=prices.shift * sum(1 for date in problem.dates for _ in _on_shift(problem, roster, date)),
    )


def _missing_on(problem: RosterProblem, roster: Roster, date: dt.date) -> int:
    """Executives below the minimum cover of a date, added up over its slots."""
    if date in problem.closed:
        return 0
    on, missing = list(_on_shift(problem, roster, date)), 0
    for minimum in problem.minimum:
        shifts = [pattern.shift for contract, pattern in on if minimum.need <= contract.skills]
        for number, slot in enumerate(problem.grid.slots()):
            if minimum.slots is None or number in minimum.slots:
                there = sum(shift.open_s <= slot.open_s and slot.close_s <= shift.close_s for shift in shifts)
                missing += max(0, minimum.executives - there)
    return missing


def _fairness(problem: RosterProblem, roster: Roster) -> tuple[int, int, int]:
    """What is paid for closing shifts and Sundays above rounds, and for these and hours above the targets of all."""
    prices, step = problem.prices, problem.prices.hour_step_tenths
    targets = fair_targets(problem)
    closing = sundays = hours = 0
    for contract in problem.staff:
        due = targets[contract.executive_id]
        shifts = [(day.date, day.shift, day.worked_s) for day in _roster_days(problem, contract, roster) if day.shift]
        late = sum(shift.close_s >= problem.rules.closing_s for _, shift, _ in shifts)
        on_sundays = sum(date.weekday() == SUNDAY for date, _, _ in shifts)
        tenths = sum(worked_s * TENTHS // HOUR_S for _, _, worked_s in shifts)  # of each shift cut off to tenths
        closing += prices.closing * _twice_above(late * TENTHS, due.closing_tenths, TENTHS) // TENTHS
        closing += prices.round * _above_rounds(late * TENTHS, due.closing_rounds) // TENTHS
        sundays += prices.sunday * _twice_above(on_sundays * TENTHS, due.sunday_tenths, TENTHS) // TENTHS
        sundays += prices.round * _above_rounds(on_sundays * TENTHS, due.sunday_rounds) // TENTHS
        hours += prices.hour * _twice_above(tenths, due.hour_tenths, step) // TENTHS
    return closing, sundays, hours


def _twice_above(tenths: int, target: int, step: int) -> int:
    """Tenths above a target, which may be negative, and once more those above the target and a step."""
    return max(0, tenths - target) + max(0, tenths - target - step)


def _above_rounds(tenths: int, ends: Iterable[int]) -> int:
    """Tenths above the end of each round that is over, added up."""
    over = [end for end in ends if end < tenths]
    return len(over) * tenths - sum(over)


def _requests(problem: RosterProblem, roster: Roster) -> int:
    """Requests of dates of the roster that are not met."""
    return sum(
        request.price
        for contract in problem.staff
        for request in contract.requests
        if problem.first <= request.date <= problem.last
        and roster.on(contract.executive_id, request.date) != request.pattern_id
    )


def _stability(problem: RosterProblem, roster: Roster) -> int:
    """Days of the roster that are other than published."""
    points = 0
    for (executive_id, date), published in problem.published.items():
        if problem.first <= date <= problem.last and roster.on(executive_id, date) != published:
            points += problem.prices.changed_free if published is None else problem.prices.changed
    return points
