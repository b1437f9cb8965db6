"""What would be fair: each executive's share of closing shifts, Sundays and hours, in tenths.

The whole is what is wanted of all (an estimate: nobody knows beforehand what the roster will be), the share is pro rata
of what an executive can work in these weeks: who is on leave for half of them is due half as much. What somebody has
had too much or too little of in earlier rosters is taken off, or put on.

Where executives are short nobody comes near their share. So shares of closing shifts and Sundays are cut into rounds,
as many for each executive, of about one shift: the more rounds somebody is through, the dearer their next shift, and
equal parts are the cheapest, however much was wanted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from optimizer.calendar import SUNDAY
from optimizer.roster.made import Roster
from optimizer.roster.nouns import QUARTERS, TENTHS, WEEK, Ahead, Contract, RosterProblem
from optimizer.units import HOUR_S, ceil_div

TENTH_HOUR_S = HOUR_S // TENTHS
MOST_ROUNDS = 16
"""Rounds of a share. One shift more or less is felt up to two shifts a round, which is a share of 32."""


@dataclass(frozen=True, slots=True)
class Target:
    """An executive's fair share in tenths; more is paid for. May be negative after earlier rosters.

    `closing_rounds`, `sunday_rounds`: the ends of the rounds in tenths of a shift, ascending, up to twice the share.
    Who is ahead of whoever has had least is through some of them before the first shift, as many as a share at most:
    such rounds end at 0.
    """

    closing_tenths: int
    sunday_tenths: int
    hour_tenths: int
    closing_rounds: tuple[int, ...] = ()
    sunday_rounds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Had:
    """What an executive gets in a roster: closing shifts, Sundays, tenths of an hour worked (cut off)."""

    closing: int
    sundays: int
    hour_tenths: int


def fair_targets(problem: RosterProblem) -> dict[str, Target]:
    """The target of every executive."""
    shares = _Shares(problem)
    closing = _parts(shares.closing_quarters, shares.closing_weight)
    sundays = _parts(shares.sunday_quarters, shares.sunday_weight)
    ahead = {contract.executive_id: contract.ahead for contract in problem.staff}
    closing_rounds = _rounds(shares.closing_quarters, closing, {e: a.closing_tenths for e, a in ahead.items()})
    sunday_rounds = _rounds(shares.sunday_quarters, sundays, {e: a.sunday_tenths for e, a in ahead.items()})
    return {
        executive_id: Target(
            closing[executive_id] - before.closing_tenths,
            sundays[executive_id] - before.sunday_tenths,
            _hours_of(shares, executive_id) - before.hour_tenths,
            closing_rounds[executive_id],
            sunday_rounds[executive_id],
        )
        for executive_id, before in ahead.items()
    }


def points_for(shifts: int, target_tenths: int, rounds: Sequence[int], price: int, round_price: int) -> int:
    """What so many closing shifts or Sundays cost: convex.

    `price` for each above the target and again above the target and one more, `round_price` for each above the end of
    each round.
    """
    tenths = shifts * TENTHS
    above = max(0, tenths - target_tenths) + max(0, tenths - target_tenths - TENTHS)
    through = sum(max(0, tenths - end) for end in rounds)
    return price // TENTHS * above + round_price // TENTHS * through


def had(problem: RosterProblem, roster: Roster, executive_id: str) -> Had:
    """What an executive gets in a roster."""
    closing = sundays = seconds = 0
    for date in problem.dates:
        pattern_id = roster.on(executive_id, date)
        if pattern_id is None:
            continue
        pattern = problem.pattern_by_id[pattern_id]
        closing += problem.rules.is_closing(pattern.shift)
        sundays += date.weekday() == SUNDAY
        seconds += pattern.worked_s // TENTH_HOUR_S
    return Had(closing, sundays, seconds)


def ahead_after(problem: RosterProblem, roster: Roster) -> dict[str, Ahead]:
    """What the next roster has to make up for, by executive: what they had beyond their part of what all had.

    Had in this roster and left over from earlier ones; the part is pro rata as a share is. What all had too much or too
    little of alike is nobody's debt.
    """
    shares = _Shares(problem)
    got = {contract.executive_id: had(problem, roster, contract.executive_id) for contract in problem.staff}
    before = {contract.executive_id: contract.ahead for contract in problem.staff}
    closing = {e: before[e].closing_tenths + got[e].closing * TENTHS for e in got}
    sundays = {e: before[e].sunday_tenths + got[e].sundays * TENTHS for e in got}
    hours = {e: before[e].hour_tenths + got[e].hour_tenths for e in got}
    return {
        executive_id: Ahead(
            _beyond_part(closing, executive_id, shares.closing_weight),
            _beyond_part(sundays, executive_id, shares.sunday_weight),
            _beyond_part(hours, executive_id, shares.capacity_s),
        )
        for executive_id in got
    }


class _Shares:
    """What is wanted of all, and the weights by which it is divided."""

    def __init__(self, problem: RosterProblem) -> None:
        self._problem = problem
        self._most_s = max(pattern.worked_s for pattern in problem.patterns)
        covers = [sum(pattern.quarters(problem.grid)) for pattern in problem.patterns]
        self._covers = max(covers)

    @cached_property
    def capacity_s(self) -> dict[str, int]:
        """Seconds that each executive could work in these weeks."""
        return {contract.executive_id: self._capacity_s(contract) for contract in self._problem.staff}

    def _capacity_s(self, contract: Contract) -> int:
        problem, rules = self._problem, self._problem.rules
        days: dict[dt.date, int] = {}
        for date in self._present(contract, problem.dates):
            monday = date - dt.timedelta(days=date.weekday())
            days[monday] = days.get(monday, 0) + 1
        total = 0
        for monday, present in days.items():
            week = [monday + dt.timedelta(days=day) for day in range(WEEK)]
            around = [contract.around[date] for date in week if date in contract.around]
            limits = [limit for limit in (rules.max_week_s, contract.week_s) if limit is not None]
            shifts = min(present, max(0, WEEK - rules.free_days - len(around)))
            room_s = max(0, min(limits) - sum(day.worked_s for day in around)) if limits else shifts * self._most_s
            total += min(room_s, shifts * self._most_s)
        return total

    def _present(self, contract: Contract, dates: Iterable[dt.date]) -> list[dt.date]:
        return [
            date
            for date in dates
            if date not in self._problem.closed
            and date not in contract.leave
            and not (date in contract.fixed and contract.fixed[date] is None)
        ]

    @cached_property
    def sunday_weight(self) -> dict[str, int]:
        """Sundays on which each could work, by what they can work."""
        sundays = [date for date in self._problem.dates if date.weekday() == SUNDAY]
        return {
            contract.executive_id: len(self._present(contract, sundays)) * self.capacity_s[contract.executive_id]
            for contract in self._problem.staff
        }

    @cached_property
    def closing_weight(self) -> dict[str, int]:
        """What each can work, where they may close at all."""
        late = {p.pattern_id for p in self._problem.patterns if self._problem.rules.is_closing(p.shift)}
        return {
            c.executive_id: self.capacity_s[c.executive_id] if c.patterns is None or late & c.patterns else 0
            for c in self._problem.staff
        }

    @cached_property
    def closing_quarters(self) -> int:
        """Closing shifts wanted, in quarters: on each day the most wanted in a slot that only these cover."""
        problem = self._problem
        early = [p.quarters(problem.grid) for p in problem.patterns if not problem.rules.is_closing(p.shift)]
        only_late = {slot for slot in range(len(problem.grid)) if not any(cover[slot] for cover in early)}
        return sum(self._peak(day, only_late) for day in range(problem.days))

    @cached_property
    def sunday_quarters(self) -> int:
        """Shifts wanted on Sundays, in quarters."""
        return sum(self._day_quarters(day) for day, date in enumerate(self._problem.dates) if date.weekday() == SUNDAY)

    @cached_property
    def wanted_s(self) -> int:
        """Seconds of work wanted in all: shifts as long as the longest."""
        return sum(self._day_quarters(day) for day in range(self._problem.days)) * self._most_s // QUARTERS

    def _day_quarters(self, day: int) -> int:
        """Shifts wanted on a day, in quarters: for its busiest slot and for all of it."""
        whole = sum(self._by_day.get(day, {}).values())
        return max(self._peak(day, range(len(self._problem.grid))), ceil_div(QUARTERS * whole, self._covers))

    def _peak(self, day: int, slots: Iterable[int]) -> int:
        problem = self._problem
        if problem.dates[day] in problem.closed:
            return 0
        most = 0
        for slot in slots:
            least = [m.executives for m in problem.minimum if m.slots is None or slot in m.slots]
            most = max(most, self._by_day.get(day, {}).get(slot, 0), QUARTERS * max(least, default=0))
        return min(most, QUARTERS * len(problem.staff))

    @cached_property
    def _by_day(self) -> dict[int, dict[int, int]]:
        """Quarters wanted of anybody, by day and slot."""
        found: dict[int, dict[int, int]] = {}
        for row in self._problem.rows_wanted:
            day = found.setdefault(row.day, {})
            day[row.slot] = max(day.get(row.slot, 0), row.quarters)
        return found


def _parts(quarters: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Tenths of a shift due to each of all, rounded up."""
    whole = sum(weights.values())
    return {
        executive_id: ceil_div(quarters * TENTHS * weight, QUARTERS * whole) if whole else 0
        for executive_id, weight in weights.items()
    }


def _rounds(quarters: int, shares: Mapping[str, int], ahead: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The ends of each executive's rounds; none of those who have no share.

    They go on to twice the share: who is through a whole share beforehand still has as many before them.
    """
    sharing = [executive_id for executive_id, share in shares.items() if share]
    if not sharing:
        return dict.fromkeys(shares, ())
    rounds = min(MOST_ROUNDS, ceil_div(quarters, QUARTERS * len(sharing)))
    least = min(ahead[executive_id] for executive_id in sharing)
    ends = {}
    for executive_id, share in shares.items():
        lead = min(share, ahead[executive_id] - least)
        ends[executive_id] = tuple(
            max(0, ceil_div(number * share, rounds) - lead) for number in range(1, 2 * rounds) if share
        )
    return ends


def _beyond_part(had_tenths: Mapping[str, int], executive_id: str, weights: Mapping[str, int]) -> int:
    """Tenths that one has had beyond their part of what all had, to the nearest."""
    whole, weight = sum(weights.values()), weights[executive_id]
    part = (2 * sum(had_tenths.values()) * weight + whole) // (2 * whole) if whole else 0
    return had_tenths[executive_id] - part


def _hours_of(shares: _Shares, executive_id: str) -> int:
    """Tenths of an hour due to one of all: of what is wanted, at most what they can work."""
    whole_s = sum(shares.capacity_s.values())
    if not whole_s:
        return 0
    return ceil_div(min(shares.wanted_s, whole_s) * shares.capacity_s[executive_id], whole_s * TENTH_HOUR_S)
