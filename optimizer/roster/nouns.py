"""What a roster is made of: shift patterns, contracts, labour rules, what is wanted, what things cost.

Seconds are day seconds or lengths; dates are local. Costs are whole *points*: one executive missing for one slot is
400 of them. They are compared with each other only, not with the cost seconds of a day plan.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import combinations

from optimizer.demand import ANYBODY, Demand, Need, need_name
from optimizer.domain import Break, Executive, Fault, InvalidProblem, Place, Shift, SlotGrid
from optimizer.domain.faults import id_faults, raise_if_any
from optimizer.units import DAY_S, HOUR_S, MINUTE_S, hhmm

QUARTERS = 4
"""Cover is counted in quarters of an executive."""
TENTHS = 10
"""Fairness is counted in tenths: of a shift, of an hour."""
MOST_NEEDS = 4
"""Needs of which every union has a row of its own; of more only each one, and all together."""
MOST_EXECUTIVES = 500
MOST_WEEKS = 8
MOST_PATTERNS = 50
MOST_PRICE = 1_000_000
YEARS = (2000, 2199)
WEEK = 7


class RosterRule(StrEnum):
    """The rules of a roster: a closed list. The first group is kept always, the second as far as it can be."""

    KNOWN_PATTERN = "known_pattern"
    CLOSED_DAY = "closed_day"
    RESPECT_LEAVE = "respect_leave"
    FIXED_DAY = "fixed_day"
    MAX_DAY_HOURS = "max_day_hours"
    MAX_SPREAD_OVER = "max_spread_over"
    REST_INTERVAL = "rest_interval"
    MAX_WEEK_HOURS = "max_week_hours"
    CONTRACT_HOURS = "contract_hours"
    WEEKLY_DAY_OFF = "weekly_day_off"
    MAX_RUN_OF_DAYS = "max_run_of_days"
    REST_BETWEEN_SHIFTS = "rest_between_shifts"
    MAX_CLOSING_SHIFTS = "max_closing_shifts"

    MINIMUM_COVER = "minimum_cover"


# --------------------------------------------------------------------------------------- given


@dataclass(frozen=True, slots=True)
class ShiftPattern:
    """A shift as it can be given to somebody, with its break."""

    pattern_id: str
    shift: Shift
    pause: Break | None = None

    def __post_init__(self) -> None:
        faults = list(id_faults("pattern_id", self.pattern_id))
        shift, pause = self.shift, self.pause
        if shift.close_s == shift.open_s:
            faults.append(Fault(("shift",), "empty_shift", hhmm(shift.open_s), "a shift takes time"))
        if pause is not None:
            begins_s, ends_s = pause.window.open_s, pause.window.close_s + pause.duration_s
            if begins_s < shift.open_s or ends_s > shift.close_s:
                rule = f"a break lies within the shift, {hhmm(shift.open_s)}-{hhmm(shift.close_s)}"
                faults.append(Fault(("pause",), "break_outside_shift", f"{hhmm(begins_s)}-{hhmm(ends_s)}", rule))
        raise_if_any(faults)

    @property
    def spread_s(self) -> int:
        """From beginning to end, the break included."""
        return self.shift.close_s - self.shift.open_s

    @property
    def worked_s(self) -> int:
        """Without the break."""
        return worked_s(self.shift, self.pause)

    def quarters(self, grid: SlotGrid) -> tuple[int, ...]:
        """By slot of the grid, what somebody on this shift covers, in quarters of an executive.

        4 in a slot that lies wholly within the shift, 0 in any other. The break takes its length, rounded to quarters
        of a slot, one from each of the slots nearest to the middle of where it may lie, then a second one, and so on:
        what it costs on average, as the plan of the day decides where it is.
        """
        slots = grid.slots()
        cover = [QUARTERS if self.covers(s.open_s, s.close_s) else 0 for s in slots]
        if self.pause is None:
            return tuple(cover)
        middle_s = (self.pause.window.open_s + self.pause.window.close_s + self.pause.duration_s) / 2
        nearest = sorted(
            (row for row, quarters in enumerate(cover) if quarters),
            key=lambda row: (abs((slots[row].open_s + slots[row].close_s) / 2 - middle_s), row),
        )
        ends_s = self.pause.window.close_s + self.pause.duration_s
        where = [r for r in nearest if slots[r].close_s > self.pause.window.open_s and slots[r].open_s < ends_s]
        lost = round(QUARTERS * self.pause.duration_s / grid.slot_s)
        while lost > 0 and any(cover[row] for row in where):
            for row in where:
                if lost > 0 and cover[row] > 0:
                    cover[row] -= 1
                    lost -= 1
        return tuple(cover)

    def covers(self, open_s: int, close_s: int) -> bool:
        """The stretch lies wholly within the shift."""
        return self.shift.open_s <= open_s and close_s <= self.shift.close_s


def worked_s(shift: Shift, pause: Break | None) -> int:
    """Seconds of work of a shift: from beginning to end without the break."""
    return shift.close_s - shift.open_s - (pause.duration_s if pause else 0)


@dataclass(frozen=True, slots=True)
class WorkedDay:
    """A day outside the horizon on which somebody works: its shift, and the seconds worked in it."""

    shift: Shift
    worked_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.worked_s <= self.shift.close_s - self.shift.open_s:
            rule = "not negative, and not longer than the shift"
            raise InvalidProblem([Fault(("worked_s",), "bad_shift", self.worked_s, rule)])


@dataclass(frozen=True, slots=True)
class DayRequest:
    """What an executive would like on a date: this pattern, or a day off (None). `price` is paid if it is not so."""

    date: dt.date
    pattern_id: str | None
    price: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.price <= MOST_PRICE:
            rule = f"0 to {MOST_PRICE:,} points"
            raise InvalidProblem([Fault(("price",), "out_of_range", self.price, rule)])


@dataclass(frozen=True, slots=True)
class Ahead:
    """What an executive has had in earlier rosters beyond their part of what all had (less: negative), in tenths.

    Of closing shifts, of Sundays, of hours worked. Of all executives together it is nothing, but for rounding.
    """

    closing_tenths: int = 0
    sunday_tenths: int = 0
    hour_tenths: int = 0


@dataclass(frozen=True)
class Contract:
    """An executive of the city and what is agreed with them.

    `week_s`: most seconds worked in a calendar week, None for what the labour rules allow. `patterns`: the only shifts
    they work, None for all. `leave`: dates on which they are away. `fixed`: dates that are settled, with the pattern,
    or None for a day off. `around`: the days they work outside the horizon, before it (history) and after it (published
    already); a date outside that is not in it is free.
    """

    executive_id: str
    start: Place
    end: Place
    skills: frozenset[str] = frozenset()
    week_s: int | None = None
    patterns: frozenset[str] | None = None
    leave: frozenset[dt.date] = frozenset()
    fixed: Mapping[dt.date, str | None] = field(default_factory=dict)
    requests: tuple[DayRequest, ...] = ()
    around: Mapping[dt.date, WorkedDay] = field(default_factory=dict)
    ahead: Ahead = Ahead()

    def __post_init__(self) -> None:
        faults = list(id_faults("executive_id", self.executive_id))
        for skill in sorted(self.skills):
            faults.extend(id_faults("skills", skill))
        if self.week_s is not None and not 0 <= self.week_s <= WEEK * DAY_S:
            faults.append(Fault(("week_s",), "out_of_range", self.week_s, "0 s to a week"))
        for date, times in sorted(Counter(r.date for r in self.requests).items()):
            if times > 1:
                rule = "one request for a date"
                faults.append(Fault(("requests", date.isoformat()), "duplicate_request", times, rule))
        raise_if_any(faults)

    def on(self, pattern: ShiftPattern) -> Executive:
        """The executive on a day on which they work this pattern."""
        return Executive(self.executive_id, self.start, self.end, pattern.shift, self.skills, pattern.pause)


@dataclass(frozen=True, slots=True)
class LabourRules:
    """Limits of what may be asked of an executive. None, where allowed, switches a rule off. Weeks begin on Monday.

    `max_day_s`, `max_week_s`: seconds worked. `max_spread_s`: from the beginning of a shift to its end. `stretch_s`: a
    shift longer than this has a break of at least `rest_s`; nobody works longer than this before it or after it.
    `max_run_days`: days worked in a row. `free_days`: in every week. `min_rest_s`: from the end of a shift to the
    beginning of the next. A shift that ends at `closing_s` or later is a closing shift; `max_closing`: of them a week.

    The defaults, where they come from and how sure that is stand in the labour rules of the scenarios: every number is
    a parameter, not legal advice.
    """

    max_day_s: int | None = 9 * HOUR_S
    max_week_s: int | None = 48 * HOUR_S
    max_spread_s: int | None = 10 * HOUR_S + 30 * MINUTE_S
    stretch_s: int | None = 5 * HOUR_S
    rest_s: int = 30 * MINUTE_S
    max_run_days: int | None = 6
    free_days: int = 1
    min_rest_s: int | None = 12 * HOUR_S
    closing_s: int = 20 * HOUR_S
    max_closing: int | None = 3

    def __post_init__(self) -> None:
        faults = []
        most = {
            "max_day_s": DAY_S,
            "max_week_s": WEEK * DAY_S,
            "max_spread_s": DAY_S,
            "stretch_s": DAY_S,
            "rest_s": DAY_S,
            "min_rest_s": DAY_S,
            "closing_s": DAY_S,
            "max_run_days": 366,
            "free_days": WEEK,
            "max_closing": WEEK,
        }
        for name, limit in most.items():
            value = getattr(self, name)
            low = 1 if name == "max_run_days" else 0
            if value is not None and not low <= value <= limit:
                faults.append(Fault((name,), "out_of_range", value, f"{low} to {limit}"))
        raise_if_any(faults)

    def is_closing(self, shift: Shift) -> bool:
        """The shift is one of the late ones, of which nobody has too many."""
        return shift.close_s >= self.closing_s

    def against(self, pattern: ShiftPattern) -> Iterator[tuple[RosterRule, str]]:
        """The rules that nobody who works this pattern keeps, with what it is and should be."""
        if self.max_day_s is not None and pattern.worked_s > self.max_day_s:
            yield RosterRule.MAX_DAY_HOURS, f"{_hours(pattern.worked_s)} worked, at most {_hours(self.max_day_s)}"
        if self.max_spread_s is not None and pattern.spread_s > self.max_spread_s:
            text = f"{_hours(pattern.spread_s)} from beginning to end, at most {_hours(self.max_spread_s)}"
            yield RosterRule.MAX_SPREAD_OVER, text
        if self.stretch_s is None or pattern.spread_s <= self.stretch_s:
            return
        pause, latest_s = pattern.pause, pattern.shift.open_s + self.stretch_s
        if pause is None or pause.duration_s < self.rest_s or pause.window.close_s > latest_s:
            text = f"a break of {self.rest_s // MINUTE_S} min begins by {hhmm(min(latest_s, DAY_S))}"
            yield RosterRule.REST_INTERVAL, text
        elif pattern.shift.close_s - pause.window.open_s - pause.duration_s > self.stretch_s:
            yield RosterRule.REST_INTERVAL, f"at most {_hours(self.stretch_s)} of work after the break"


def _hours(seconds: int) -> str:
    return f"{seconds / HOUR_S:g} h"


@dataclass(frozen=True, slots=True)
class MinimumCover:
    """At least so many executives who hold `need` are on shift in every slot of an open day, or in `slots` of it."""

    executives: int
    need: Need = ANYBODY
    slots: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class RosterPrices:
    """What a roster costs besides rules, in points. Level 1: `missing` and `uncovered`; level 2: all others.

    One lost promise outweighs any request; several requests outweigh one closing shift too many; the price of a shift
    stops duty nobody needs. `missing`: an executive below the minimum cover in a slot. `uncovered`: a quarter of an
    executive in a slot, `uncovered_kit` for what needs skills. Fairness: `closing` and `sunday` for each shift above an
    executive's share and again for what is more than one above; `hour` for each hour above, again for more than
    `hour_step_tenths`; `round` for each closing shift and Sunday above each of the rounds of about one shift into which
    a share is cut, so that equal parts are the cheapest whatever was wanted. `changed`: an executive and day other than
    published, `changed_free` where a free day is taken.
    """

    missing: int = 1_600
    uncovered: int = 100
    uncovered_kit: int = 140
    closing: int = 300
    sunday: int = 300
    hour: int = 40
    hour_step_tenths: int = 75
    round: int = 60
    shift: int = 60
    changed: int = 120
    changed_free: int = 240

    def __post_init__(self) -> None:
        faults = []
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0 <= value <= MOST_PRICE:
                faults.append(Fault((name,), "out_of_range", value, f"0 to {MOST_PRICE:,} points"))
        for name in ("closing", "sunday", "hour", "round"):
            if getattr(self, name) % TENTHS:
                rule = "a multiple of 10: fairness is counted in tenths"
                faults.append(Fault((name,), "bad_price", getattr(self, name), rule))
        raise_if_any(faults)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row of cover: so many quarters of those who can serve one of `needs`, on a day, in a slot."""

    day: int
    slot: int
    needs: tuple[Need, ...]
    quarters: int

    @property
    def of_anybody(self) -> bool:
        """Everybody counts."""
        return ANYBODY in self.needs


@dataclass(frozen=True, eq=False)
class RosterProblem:
    """Who could work when in a city, and what is wanted: the full input of a roster, from `first` on for `days` days.

    `wanted`: executives wanted by date, slot and need, of at least these dates. `closed`: the dates on which nobody
    works, with the reason. `published`: the roster as told to people already, by executive and date: a pattern, or None
    for a free day; what is not in it can be given at no price.

    Executives and patterns are kept sorted by their ids, so the order in which they were given changes nothing.
    """

    city: str
    first: dt.date
    days: int
    grid: SlotGrid
    patterns: tuple[ShiftPattern, ...]
    staff: tuple[Contract, ...]
    wanted: Demand
    rules: LabourRules = LabourRules()
    prices: RosterPrices = RosterPrices()
    minimum: tuple[MinimumCover, ...] = (MinimumCover(1),)
    closed: Mapping[dt.date, str] = field(default_factory=dict)
    published: Mapping[tuple[str, dt.date], str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = list(_range_faults(self))
        if not any(fault.path in {("days",), ("first",)} for fault in faults):  # without dates nobody can be judged
            faults.extend(_staff_faults(self))
        raise_if_any([*faults, *_pattern_faults(self), *_minimum_faults(self)])
        object.__setattr__(self, "patterns", tuple(sorted(self.patterns, key=lambda p: p.pattern_id)))
        object.__setattr__(self, "staff", tuple(sorted(self.staff, key=lambda c: c.executive_id)))

    @cached_property
    def dates(self) -> tuple[dt.date, ...]:
        """The dates of the roster."""
        return tuple(self.first + dt.timedelta(days=day) for day in range(self.days))

    @cached_property
    def last(self) -> dt.date:
        """The last date of the roster."""
        return self.dates[-1]

    @cached_property
    def pattern_by_id(self) -> dict[str, ShiftPattern]:
        """Patterns by id."""
        return {pattern.pattern_id: pattern for pattern in self.patterns}

    @cached_property
    def contract_of(self) -> dict[str, Contract]:
        """Contracts by the id of the executive."""
        return {contract.executive_id: contract for contract in self.staff}

    @cached_property
    def unions(self) -> tuple[tuple[Need, ...], ...]:
        """Sets of needs whose cover has a row of its own: what they want, those who can serve one of them give.

        That is sufficient for a pairing of executives and appointments by Hall's theorem where all unions are there.
        Of several sets that the same executives serve only the largest is kept, as it wants most.
        """
        needs = [need for row, need in enumerate(self.wanted.needs) if self.wanted.expected[:, :, row].any()]
        if ANYBODY not in needs:
            needs = [ANYBODY, *needs]
        sizes = range(1, len(needs) + 1) if len(needs) <= MOST_NEEDS else (1, len(needs))
        by_holders: dict[frozenset[str], tuple[Need, ...]] = {}
        for size in sizes:
            for some in combinations(needs, size):
                holders = self.holders(some)
                whole = sorted({*by_holders.get(holders, ()), *some}, key=needs.index)
                by_holders[holders] = tuple(whole)
        return tuple(sorted(by_holders.values(), key=lambda some: (-len(some), [need_name(n) for n in some])))

    def slots_of(self, minimum: MinimumCover) -> tuple[int, ...]:
        """The slots in which a minimum holds, in order."""
        return tuple(range(len(self.grid)) if minimum.slots is None else sorted(minimum.slots))

    def holders(self, needs: Iterable[Need]) -> frozenset[str]:
        """Who can serve at least one of these needs."""
        some = tuple(needs)
        return frozenset(c.executive_id for c in self.staff if any(need <= c.skills for need in some))

    @cached_property
    def rows_wanted(self) -> tuple[Wanted, ...]:
        """Every cover that is wanted: on open days, by union of needs, at least a quarter of an executive."""
        index = {need: row for row, need in enumerate(self.wanted.needs)}
        rows = []
        for day, date in enumerate(self.dates):
            if date in self.closed:
                continue
            expected = self.wanted.on(date)
            for slot in range(len(self.grid)):
                for needs in self.unions:
                    executives = sum(float(expected[slot, index[need]]) for need in needs if need in index)
                    quarters = round(QUARTERS * executives)
                    if quarters > 0:
                        rows.append(Wanted(day, slot, needs, quarters))
        return tuple(rows)


def _range_faults(problem: RosterProblem) -> Iterator[Fault]:
    yield from id_faults("city", problem.city)
    if not 1 <= problem.days <= MOST_WEEKS * WEEK:
        yield Fault(("days",), "bad_horizon", problem.days, f"1 to {MOST_WEEKS * WEEK} days")
        return
    rule = f"a date of the years {YEARS[0]} to {YEARS[1]}"
    if not YEARS[0] <= problem.first.year <= YEARS[1]:
        yield Fault(("first",), "bad_date", problem.first.isoformat(), rule)
        return
    last = problem.first + dt.timedelta(days=problem.days - 1)
    if last.year > YEARS[1]:
        rule = f"{rule}, as the last one has to be, {last.isoformat()}"
        yield Fault(("first",), "bad_date", problem.first.isoformat(), rule)
        return
    if problem.wanted.grid != problem.grid:
        yield Fault(("wanted",), "other_grid", str(problem.wanted.grid), "the slots of the roster")
    if problem.first < problem.wanted.first or last > problem.wanted.dates[-1]:
        covered = f"{problem.wanted.first.isoformat()} to {problem.wanted.dates[-1].isoformat()}"
        rule = "what is wanted is known for every date of the roster"
        yield Fault(("wanted",), "demand_missing", covered, rule)


def _pattern_faults(problem: RosterProblem) -> Iterator[Fault]:
    if not 1 <= len(problem.patterns) <= MOST_PATTERNS:
        yield Fault(("patterns",), "bad_number", len(problem.patterns), f"1 to {MOST_PATTERNS} shift patterns")
    times = Counter(pattern.pattern_id for pattern in problem.patterns)
    shapes: dict[tuple[Shift, Break | None], str] = {}
    for row, pattern in enumerate(problem.patterns):
        at = ("patterns", row)
        if times[pattern.pattern_id] > 1:
            yield Fault((*at, "id"), "duplicate_id", pattern.pattern_id, "the id of a pattern occurs once")
        other = shapes.setdefault((pattern.shift, pattern.pause), pattern.pattern_id)
        if other != pattern.pattern_id:
            yield Fault(
                at, "duplicate_shift", pattern.pattern_id, f"another shift than {other}: same hours, same break"
            )
        for rule, text in problem.rules.against(pattern):
            yield Fault(at, "pattern_breaks_rule", pattern.pattern_id, f"{rule.value}: {text}")
        if not any(pattern.quarters(problem.grid)):
            yield Fault(at, "covers_no_slot", pattern.pattern_id, "a shift covers at least one slot of the day")


def _staff_faults(problem: RosterProblem) -> Iterator[Fault]:
    if not 1 <= len(problem.staff) <= MOST_EXECUTIVES:
        rule = f"1 to {MOST_EXECUTIVES} executives"
        yield Fault(("executives",), "no_executives" if not problem.staff else "bad_number", len(problem.staff), rule)
    ids = {pattern.pattern_id for pattern in problem.patterns}
    last = problem.first + dt.timedelta(days=problem.days - 1)
    times = Counter(contract.executive_id for contract in problem.staff)
    for row, contract in enumerate(problem.staff):
        at = ("executives", row)
        if times[contract.executive_id] > 1:
            yield Fault((*at, "id"), "duplicate_id", contract.executive_id, "the id of an executive occurs once")
        for pattern_id in sorted((contract.patterns or frozenset()) - ids):
            yield Fault((*at, "patterns"), "unknown_pattern", pattern_id, "a shift pattern of the roster")
        for date, fixed in sorted(contract.fixed.items()):
            yield from _fixed_faults(problem, contract, (*at, "fixed", date.isoformat()), date, fixed, ids)
        for request in contract.requests:
            if request.pattern_id is not None and request.pattern_id not in ids:
                where = (*at, "requests", request.date.isoformat())
                yield Fault(where, "unknown_pattern", request.pattern_id, "a shift pattern of the roster")
        for date in sorted(contract.around):
            if problem.first <= date <= last:
                rule = "days before the roster and after it; settled days of the roster are `fixed`"
                yield Fault((*at, "around", date.isoformat()), "inside_horizon", date.isoformat(), rule)
    for executive_id, date in sorted(problem.published):
        at_published = ("published", executive_id, date.isoformat())
        if executive_id not in times:
            yield Fault(at_published, "unknown_executive", executive_id, "an executive of the roster")
        told = problem.published[executive_id, date]
        if told is not None and told not in ids:
            yield Fault(at_published, "unknown_pattern", told, "a shift pattern of the roster")


def _fixed_faults(
    problem: RosterProblem,
    contract: Contract,
    at: tuple[str | int, ...],
    date: dt.date,
    fixed: str | None,
    ids: set[str],
) -> Iterator[Fault]:
    last = problem.first + dt.timedelta(days=problem.days - 1)
    if not problem.first <= date <= last:
        rule = f"a date from {problem.first.isoformat()} to {last.isoformat()}"
        yield Fault(at, "outside_horizon", date.isoformat(), rule)
    if fixed is None:
        return
    if fixed not in ids:
        yield Fault(at, "unknown_pattern", fixed, "a shift pattern of the roster")
    elif contract.patterns is not None and fixed not in contract.patterns:
        yield Fault(at, "pattern_not_agreed", fixed, f"one of {', '.join(sorted(contract.patterns))}")
    if date in problem.closed:
        yield Fault(at, "closed_day", fixed, f"nobody works on a closed day ({problem.closed[date]})")
    if date in contract.leave:
        yield Fault(at, "fixed_on_leave", fixed, "nobody works on a day of leave")


def _minimum_faults(problem: RosterProblem) -> Iterator[Fault]:
    for row, minimum in enumerate(problem.minimum):
        at = ("minimum", row)
        if not 0 <= minimum.executives <= MOST_EXECUTIVES:
            yield Fault((*at, "executives"), "out_of_range", minimum.executives, f"0 to {MOST_EXECUTIVES}")
        for slot in sorted(minimum.slots or ()):
            if not 0 <= slot < len(problem.grid):
                yield Fault((*at, "slots"), "unknown_slot", slot, f"0 to {len(problem.grid) - 1}")
        for skill in sorted(minimum.need):
            yield from (fault.under(*at) for fault in id_faults("need", skill))
