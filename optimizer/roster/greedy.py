"""A legal roster in a moment: the shift that newly covers most, given to who can best spare the day, and again.

Fixed days first; then the weeks in their order. Within a week the shift that newly covers most at its price is chosen
over all days, starts and groups of executives with the same skills, so that days fill evenly; of those who may work it
it goes to whoever would otherwise lose a day of work, at the least price of fairness and requests. Then each shift is
taken back and given again where it is worth more, a few times over.

Weeks filled one after the other give everybody the same day off where executives are short: after a run as long as it
may be nobody is left. So the days of each executive are then chosen anew over the whole horizon, given what all others
do. Where minimum cover is still missed, somebody is made to work, and the others fill the gap that leaves. At last
closing shifts go to who has had fewer. Level 1 outweighs level 2. What it covers is not proven to be the most; it is a
first roster, and what is there when nothing else has time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt

from optimizer.calendar import SUNDAY
from optimizer.domain import Shift
from optimizer.roster.made import Roster
from optimizer.roster.model import could_work
from optimizer.roster.nouns import TENTHS, WEEK, RosterProblem
from optimizer.roster.targets import TENTH_HOUR_S, fair_targets, points_for
from optimizer.units import DAY_S

IntArray = npt.NDArray[np.int64]

SPARE_DAY = 200
"""Points for a day that an executive can do without: who has none goes first."""
LEVEL_1 = 1 << 20
"""What a point of level 1 weighs against one of level 2."""
ROUNDS = 2
"""Most rounds in which the days of everybody are chosen anew: a third one changes next to nothing."""
MOST_ANEW = 100
"""Times that the days of somebody are chosen anew for minimum cover that is missed; then no other day is tried."""


def greedy_roster(problem: RosterProblem) -> Roster:
    """A roster that keeps all hard rules, where fixed days keep them; the same on every machine."""
    board = _Board(problem)
    for number, week in enumerate(board.weeks):
        board.so_far(week[-1] + 1)
        board.fill(number)
        board.improve(number)
    board.so_far(problem.days)
    weeks = range(len(board.weeks))
    for number in weeks:
        board.improve(number)
    board.stagger()
    board.rescue()
    for number in weeks:
        board.improve(number)
    for number in weeks:
        board.trade(number)
    return board.roster()


class _Cover:
    """A day: what is wanted in rows, what is still short of it, and what a shift would newly cover, in points."""

    def __init__(self, problem: RosterProblem, day: int, classes: Sequence[frozenset[str]]) -> None:
        rows: list[tuple[int, int, frozenset[str], list[int]]] = []
        slots = problem.grid.slots()
        for minimum in problem.minimum if problem.dates[day] not in problem.closed else ():
            holders = problem.holders([minimum.need])
            for slot in problem.slots_of(minimum):
                on = [int(p.covers(slots[slot].open_s, slots[slot].close_s)) for p in problem.patterns]
                rows.append((minimum.executives, problem.prices.missing, holders, on))
        self._minimum = len(rows)
        quarters = [pattern.quarters(problem.grid) for pattern in problem.patterns]
        for wanted in problem.rows_wanted:
            if wanted.day == day:
                price = problem.prices.uncovered if wanted.of_anybody else problem.prices.uncovered_kit
                given = [cover[wanted.slot] for cover in quarters]
                rows.append((wanted.quarters, price, problem.holders(wanted.needs), given))
        self.short = np.array([row[0] for row in rows], dtype=np.int64)
        self._gives = (
            np.array([row[3] for row in rows], dtype=np.int64).reshape(len(rows), len(problem.patterns)).T.copy()
        )
        self._serves = np.array([[members <= row[2] for members in classes] for row in rows], dtype=np.int64)
        self._serves = self._serves.reshape(len(rows), len(classes))
        self._price = self._serves * np.array([row[1] for row in rows], dtype=np.int64)[:, None]

    def add(self, pattern: int, number: int, sign: int) -> None:
        """A member of a class comes to this pattern (sign 1), or is taken from it (-1)."""
        self.short -= sign * self._gives[pattern] * self._serves[:, number]

    def missed(self) -> int:
        """Executives missing below the minimum cover, summed over its slots."""
        return int(np.maximum(self.short[: self._minimum], 0).sum())

    def gains(self) -> IntArray:
        """[p, c]: what one more member of class c on pattern p newly covers."""
        newly: IntArray = np.minimum(self._gives, np.maximum(self.short, 0)) @ self._price
        return newly


class _Board:
    """A roster in the making: who works what, what is short, and what else everybody may work."""

    def __init__(self, problem: RosterProblem) -> None:
        self.problem = problem
        self.can = could_work(problem)
        self._patterns = len(problem.patterns)
        self._numbers = np.arange(self._patterns)
        self._worked_s = [pattern.worked_s for pattern in problem.patterns]
        self._late = [problem.rules.is_closing(pattern.shift) for pattern in problem.patterns]
        self._sunday = [date.weekday() == SUNDAY for date in problem.dates]
        self._classes()
        self._calendar()
        self._prices()
        self.chosen = np.full((len(problem.staff), problem.days), -1, dtype=np.int64)
        self._rest()
        names = [contract.executive_id for contract in problem.staff]
        members = [frozenset(names[row] for row in rows) for rows in self.members]
        self.covers = [_Cover(problem, day, members) for day in range(problem.days)]
        shape = (problem.days, self._patterns, len(self.members))
        self._gains = np.zeros(shape, dtype=np.int64)
        for day in range(problem.days):
            self._gains[day] = self.covers[day].gains()
        self._fixed = np.zeros(self.chosen.shape, dtype=np.bool_)
        index = {pattern.pattern_id: number for number, pattern in enumerate(problem.patterns)}
        for row, contract in enumerate(problem.staff):
            for date, pattern_id in sorted(contract.fixed.items()):
                day = (date - problem.first).days
                self._fixed[row, day] = True
                if pattern_id is not None:
                    self._put(row, day, index[pattern_id], 1)

    # ---------------------------------------------------------------------------- what is known

    def _classes(self) -> None:
        """Executives who count for the same cover; who counts for least first."""
        problem = self.problem
        asked = [problem.holders(needs) for needs in problem.unions]
        asked += [problem.holders([minimum.need]) for minimum in problem.minimum]
        by_key: dict[tuple[bool, ...], list[int]] = {}
        for row, contract in enumerate(problem.staff):
            by_key.setdefault(tuple(contract.executive_id in holders for holders in asked), []).append(row)
        keys = sorted(by_key, key=lambda key: (sum(key), key))
        self.members = [np.array(by_key[key], dtype=np.int64) for key in keys]
        self._class = np.zeros(len(problem.staff), dtype=np.int64)
        for number, rows in enumerate(self.members):
            self._class[rows] = number

    def _calendar(self) -> None:
        """Weeks of days of the horizon, and what everybody has had in them outside of it."""
        problem = self.problem
        offset = problem.first.weekday()
        self._week = [(day + offset) // WEEK for day in range(problem.days)]
        number = self._week[-1] + 1
        self.weeks = [[day for day in range(problem.days) if self._week[day] == week] for week in range(number)]
        staff = range(len(problem.staff))
        self._days_had = [[0] * number for _ in staff]
        self._s_had = [[0] * number for _ in staff]
        self._late_had = [[0] * number for _ in staff]
        self._works: list[set[int]] = [set() for _ in staff]
        limits = [problem.rules.max_week_s]
        self._week_s = [
            min((s for s in (*limits, c.week_s) if s is not None), default=WEEK * DAY_S) for c in problem.staff
        ]
        for row, contract in enumerate(problem.staff):
            for date, worked in contract.around.items():
                day = (date - problem.first).days
                self._works[row].add(day)
                week = (day + offset) // WEEK
                if 0 <= week < number:
                    self._days_had[row][week] += 1
                    self._s_had[row][week] += worked.worked_s
                    self._late_had[row][week] += problem.rules.is_closing(worked.shift)

    def _rest(self) -> None:
        """By shift: which patterns may be worked a day or two after it, and before it, as bits."""
        self._bits = [[self._as_bits(can) for can in days] for days in self.can]
        self._all = (1 << self._patterns) - 1
        self._late_bits = self._as_bits(self._late)
        self._shift_on: list[dict[int, Shift]] = []
        for contract in self.problem.staff:
            near = (self.problem.first - dt.timedelta(days=2), self.problem.last + dt.timedelta(days=2))
            around = {d: w.shift for d, w in contract.around.items() if near[0] <= d <= near[1]}
            self._shift_on.append({(date - self.problem.first).days: shift for date, shift in around.items()})
        self._allowed: dict[tuple[Shift, int], int] = {}

    @staticmethod
    def _as_bits(flags: Sequence[bool] | npt.NDArray[np.bool_]) -> int:
        return sum(1 << number for number, flag in enumerate(flags) if flag)

    def _rests(self, shift: Shift, days: int) -> int:
        """Patterns that leave enough rest so many days after a shift, or before it."""
        key = (shift, days)
        if key not in self._allowed:
            least_s = self.problem.rules.min_rest_s or 0
            flags = []
            for pattern in self.problem.patterns:
                first, second = (shift, pattern.shift) if days > 0 else (pattern.shift, shift)
                flags.append(abs(days) * DAY_S + second.open_s - first.close_s >= least_s)
            self._allowed[key] = self._as_bits(flags)
        return self._allowed[key]

    def _prices(self) -> None:
        """What a shift costs on level 2 besides fairness, the targets, and the rounds below them."""
        problem, prices = self.problem, self.problem.prices
        index = {pattern.pattern_id: number for number, pattern in enumerate(problem.patterns)}
        self._base = np.full((len(problem.staff), problem.days, self._patterns), prices.shift, dtype=np.int64)
        row_of = {contract.executive_id: row for row, contract in enumerate(problem.staff)}

        def wanted(row: int, date: dt.date, pattern_id: str | None, free: int, other: int) -> None:
            """A day off at the price `free`, or a pattern at the price `other`."""
            day = (date - problem.first).days
            if not 0 <= day < problem.days:
                return
            if pattern_id is None:
                self._base[row, day] += free
            else:
                self._base[row, day, index[pattern_id]] -= other

        for row, contract in enumerate(problem.staff):
            for request in contract.requests:
                wanted(row, request.date, request.pattern_id, request.price, request.price)
        for (executive_id, date), pattern_id in sorted(problem.published.items()):
            wanted(row_of[executive_id], date, pattern_id, prices.changed_free, prices.changed)
        targets = fair_targets(problem)
        due = [targets[contract.executive_id] for contract in problem.staff]
        self._due = np.array([[t.closing_tenths, t.sunday_tenths, t.hour_tenths] for t in due], dtype=np.int64)
        self._target = self._due
        self._next = np.array(
            [[_each_more(rounds, problem) for rounds in (t.closing_rounds, t.sunday_rounds)] for t in due],
            dtype=np.int64,
        )
        self._got = np.zeros_like(self._due)
        adds = [[TENTHS * late, 0, s // TENTH_HOUR_S] for late, s in zip(self._late, self._worked_s, strict=True)]
        on_sunday = [[0, TENTHS * sunday, 0] for sunday in self._sunday]
        self._adds = np.array(on_sunday, dtype=np.int64)[:, None] + np.array(adds, dtype=np.int64)
        self._steps = np.array([TENTHS, TENTHS, prices.hour_step_tenths])
        self._tenth = np.array([prices.closing, prices.sunday, prices.hour]) // TENTHS

    def so_far(self, days: int) -> None:
        """Fair is what is due until this day."""
        self._target = self._due * days // self.problem.days

    def _more(self, rows: IntArray, day: int, pattern: int) -> IntArray:
        """What this shift costs each of these executives on level 2."""
        above = self._got[rows] - self._target[rows]
        cost = (self._excess(above + self._adds[day, pattern]) - self._excess(above)) @ self._tenth
        had = self._got[rows] // TENTHS
        if self._late[pattern]:
            cost += self._next[rows, 0, had[:, 0]]
        if self._sunday[day]:
            cost += self._next[rows, 1, had[:, 1]]
        return np.asarray(self._base[rows, day, pattern] + cost, dtype=np.int64)

    def _excess(self, above: IntArray) -> IntArray:
        return np.asarray(np.maximum(above, 0) + np.maximum(above - self._steps, 0), dtype=np.int64)

    def _more_of(self, row: int, days: Sequence[int]) -> IntArray:
        """What shifts of one executive cost on level 2: [d, p]."""
        above, adds = self._got[row] - self._target[row], self._adds[days]
        cost = (self._excess(above + adds) - self._excess(above)) @ self._tenth
        closing, sundays = (int(tenths) // TENTHS for tenths in self._got[row, :2])
        rounds = np.array([self._next[row, 0, closing], self._next[row, 1, sundays]])
        return np.asarray(self._base[row, days] + cost + adds[:, :, :2] @ rounds // TENTHS, dtype=np.int64)

    def _worth(self, row: int, days: Sequence[int]) -> IntArray:
        """What shifts of one executive newly cover, less what they cost on level 2: [d, p]."""
        gains = self._gains[np.array(days), :, int(self._class[row])]
        return np.asarray(LEVEL_1 * gains - self._more_of(row, days), dtype=np.int64)

    # ---------------------------------------------------------------------------------- the rules

    def _legal(self, row: int, day: int) -> int:
        """The patterns that an executive may work on a day besides all they work already, as bits."""
        bits, week = self._bits[row][day], self._week[day]
        if not bits or self._fixed[row, day] or day in self._works[row]:
            return 0
        rules = self.problem.rules
        if self._days_had[row][week] >= WEEK - rules.free_days:
            return 0
        if rules.max_run_days is not None and self._run_with(row, day) > rules.max_run_days:
            return 0
        if rules.max_closing is not None and self._late_had[row][week] >= rules.max_closing:
            bits &= ~self._late_bits
        room_s = self._week_s[row] - self._s_had[row][week]
        for number, seconds in enumerate(self._worked_s):
            if seconds > room_s:
                bits &= ~(1 << number)
        for days in (1, 2, -1, -2) if rules.min_rest_s is not None else ():
            shift = self._shift_on[row].get(day - days)
            if shift is not None:
                bits &= self._rests(shift, days)
        return bits

    def _may(self, row: int, days: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Whether an executive may work on days besides all they work already: [d, p]."""
        legal = np.array([self._legal(row, day) for day in days], dtype=np.int64)
        return np.asarray(legal[:, None] >> self._numbers & 1, dtype=np.bool_)

    def _run_with(self, row: int, day: int) -> int:
        """Days in a row with this one."""
        return self._in_a_row(row, day - 1, -1) + 1 + self._in_a_row(row, day + 1, 1)

    def _in_a_row(self, row: int, day: int, step: int) -> int:
        """Days worked without a gap from a day on (step 1), or up to it (-1)."""
        works, end = self._works[row], day
        while end in works:
            end += step
        return abs(end - day)

    def _put(self, row: int, day: int, pattern: int, sign: int) -> None:
        """Give a shift (sign 1) or take it back (-1)."""
        week = self._week[day]
        self._days_had[row][week] += sign
        self._s_had[row][week] += sign * self._worked_s[pattern]
        self._late_had[row][week] += sign * self._late[pattern]
        self._got[row] += sign * self._adds[day, pattern]
        if sign > 0:
            self._works[row].add(day)
            self._shift_on[row][day] = self.problem.patterns[pattern].shift
            self.chosen[row, day] = pattern
        else:
            self._works[row].discard(day)
            del self._shift_on[row][day]
            self.chosen[row, day] = -1
        self.covers[day].add(pattern, int(self._class[row]), sign)
        self._gains[day] = self.covers[day].gains()

    # ----------------------------------------------------------------------------------- the search

    def fill(self, number: int) -> None:
        """Shifts of a week, one after the other, while one covers something or is wanted."""
        days = self.weeks[number]
        legal = np.zeros((len(self.problem.staff), len(days)), dtype=np.int64)
        spare = np.zeros(len(self.problem.staff), dtype=np.int64)

        def look(row: int) -> None:
            legal[row] = [self._legal(row, day) for day in days]
            spare[row] = np.count_nonzero(legal[row]) - self._rooms(row)[number]

        for row in range(len(self.problem.staff)):
            look(row)
        alive = np.ones((len(days), self._patterns, len(self.members)), dtype=np.bool_)
        while True:
            gains = np.where(alive, self._gains[days[0] : days[-1] + 1], 0)
            best = int(gains.argmax())
            at, pattern, group = (int(i) for i in np.unravel_index(best, gains.shape))
            if gains[at, pattern, group] <= 0:
                return
            rows = self.members[group]
            rows = rows[(legal[rows, at] >> pattern) & 1 == 1]
            if not len(rows):
                alive[at, pattern, group] = False
                continue
            price = self._more(rows, days[at], pattern) + SPARE_DAY * spare[rows]
            row = int(rows[price.argmin()])
            self._put(row, days[at], pattern, 1)
            look(row)

    def improve(self, number: int) -> None:
        """Each shift of a week taken back and given again, to the same or to another; then what that left is filled."""
        changed = False
        days = self.weeks[number]
        for row in range(len(self.problem.staff)):
            for day in days:
                if not self._fixed[row, day]:
                    changed |= self._again(row, day, days)
        if changed:
            self.fill(number)

    def _again(self, row: int, day: int, days: Sequence[int]) -> bool:
        """What an executive does on a day, decided anew; where they are free whether they should be."""
        before = int(self.chosen[row, day])
        if before < 0:
            return self._wished(row, day)
        self._put(row, day, before, -1)
        group = int(self._class[row])
        worth = np.where(self._may(row, days), self._worth(row, days), -LEVEL_1)
        at, pattern = (int(i) for i in np.unravel_index(int(worth.argmax()), worth.shape))
        most, keep = int(worth[at, pattern]), int(worth[day - days[0], before])
        for other, cost in self._cheaper(row, day, before):
            if LEVEL_1 * int(self._gains[day, before, group]) - cost <= max(most, keep, 0):
                break
            if self._legal(other, day) >> before & 1:
                self._put(other, day, before, 1)
                return True
        if max(most, keep) <= 0:
            return True
        if keep >= most:
            self._put(row, day, before, 1)
            return False
        self._put(row, days[at], pattern, 1)
        return True

    def _cheaper(self, row: int, day: int, pattern: int) -> list[tuple[int, int]]:
        """Others with the same skills who are free on a day, and what the shift costs them; the cheapest first."""
        rows = self.members[int(self._class[row])]
        rows = rows[(self.chosen[rows, day] < 0) & self.can[rows, day, pattern] & (rows != row)]
        if not len(rows):
            return []
        cost = self._more(rows, day, pattern)
        return [(int(rows[n]), int(cost[n])) for n in np.argsort(cost, kind="stable")]

    def _wished(self, row: int, day: int) -> bool:
        """A shift that covers nothing more but costs less than the free day."""
        if int(self._base[row, day].min()) >= 0:
            return False
        worth = np.where(self._may(row, [day]), self._worth(row, [day]), 0)[0]
        if int(worth.max()) <= 0:
            return False
        self._put(row, day, int(worth.argmax()), 1)
        return True

    def stagger(self) -> None:
        """The days of everybody chosen anew, one executive after the other, while that makes anything better."""
        for _ in range(ROUNDS):
            if not sum([self._anew(row) for row in range(len(self.problem.staff))]):
                return

    def rescue(self) -> None:
        """Where minimum cover is missed somebody works after all, if the others fill the gap that this leaves.

        What is worse in sum is undone.
        """
        staff, times = range(len(self.problem.staff)), 0
        for day, row in product(range(self.problem.days), staff):
            gains = self._gains[day, :, int(self._class[row])]
            if self.chosen[row, day] >= 0 or not self.covers[day].missed() or not gains[self.can[row, day]].any():
                continue
            before = self.chosen.copy()
            change = self._anew(row, day)
            times += 1
            if self.chosen[row, day] >= 0:
                change += sum([self._anew(other) for other in (*staff[:row], *staff[row + 1 :], row)])
                times += len(staff)
            if change <= 0:
                for other in staff:
                    self._set(other, before[other])
            if times >= MOST_ANEW:
                return

    def _anew(self, row: int, must: int | None = None) -> int:
        """The days of an executive chosen anew, given what all others do; how much more they are worth.

        They stay as they were where that is not better. On the day `must` they then work all the same, if they may.
        """
        before, change = self.chosen[row].copy(), 0
        days = range(self.problem.days)
        for day in days:
            if before[day] >= 0 and not self._fixed[row, day]:
                self._put(row, day, int(before[day]), -1)
                change -= int(self._worth(row, [day])[0, before[day]])
        worth = [int(most) for most in np.where(self._may(row, days), self._worth(row, days), 0).max(axis=1, initial=0)]
        if must is not None and worth[must]:
            worth[must] += sum(worth)
        for day in sorted(self._best_days(row, worth), key=lambda day: (-worth[day], day)):
            now = np.where(self._may(row, [day]), self._worth(row, [day]), 0)[0]
            pattern = int(now.argmax())
            if now[pattern] > 0:
                self._put(row, day, pattern, 1)
                change += int(now[pattern])
        if change > 0 or (must is not None and self.chosen[row, must] >= 0):
            return change
        self._set(row, before)
        return 0

    def _set(self, row: int, shifts: IntArray) -> None:
        """Give an executive these shifts for those they have."""
        days = [int(day) for day in np.flatnonzero(self.chosen[row] != shifts)]
        for sign, given in ((-1, self.chosen[row].copy()), (1, shifts)):
            for day in days:
                if given[day] >= 0:
                    self._put(row, day, int(given[day]), sign)

    def _best_days(self, row: int, worth: Sequence[int]) -> list[int]:
        """The days that are worth most to add to those an executive works, within the limits of runs and of weeks.

        By dynamic programming, exact where one shift keeps nobody from another: what the days from `day` on are worth
        is `best[day][run, added]` after so many days worked in a row and so many added in its week.
        """
        days, works, limit = self.problem.days, self._works[row], self.problem.rules.max_run_days
        most, run, after = days, 0, 0
        if limit is not None:
            most = limit
            run, after = min(most, self._in_a_row(row, -1, -1)), min(most, self._in_a_row(row, days, 1))
        too_long = 1 + sum(worth)  # more than all days are worth: only settled days by themselves make a run too long
        rooms = self._rooms(row)
        begins = [day == 0 or self._week[day] != self._week[day - 1] for day in range(days)]
        value = np.zeros((most + 1, WEEK + 1), dtype=np.int64)
        value[max(1, most + 1 - after) :] = -too_long
        best = [value]
        for day in reversed(range(days)):
            if day in works:
                value = np.vstack([best[-1][1:], best[-1][-1:] - too_long])
            else:
                value = np.tile(best[-1][0], (most + 1, 1))
                room = rooms[self._week[day]] if worth[day] else 0
                value[:-1, :room] = np.maximum(value[:-1, :room], worth[day] + best[-1][1:, 1 : room + 1])
            best.append(np.tile(value[:, :1], WEEK + 1) if begins[day] else value)
        best.reverse()
        chosen, added = [], 0
        for day in range(days):
            added = 0 if begins[day] else added
            if day in works:
                run = min(most, run + 1)
            elif best[day][run, added] > best[day + 1][0, added]:
                chosen.append(day)
                run, added = run + 1, added + 1
            else:
                run = 0
        return chosen

    def _rooms(self, row: int) -> list[int]:
        """By week, how many days an executive may work besides those they work, were all shifts the shortest."""
        most, shortest_s = WEEK - self.problem.rules.free_days, max(1, min(self._worked_s))
        return [
            max(0, min(most - had, (self._week_s[row] - had_s) // shortest_s))
            for had, had_s in zip(self._days_had[row], self._s_had[row], strict=True)
        ]

    def trade(self, number: int) -> None:
        """Closing shifts of a week go to who has had fewer and serves the same needs, for their shift of the day."""
        for day in self.weeks[number]:
            for members in self.members:
                rows = [int(row) for row in members if self.chosen[row, day] >= 0 and not self._fixed[row, day]]
                late = [row for row in rows if self._late[self.chosen[row, day]]]
                early = [row for row in rows if row not in late]
                for row in late:
                    had = self._got[:, 0] // TENTHS
                    saved = self._next[row, 0, had[row] - 1]
                    takers = sorted((int(self._next[other, 0, had[other]]), other) for other in early)
                    for price, other in takers:
                        if price >= saved:
                            break
                        if self._traded(row, other, day):
                            early.remove(other)
                            break

    def _traded(self, row: int, other: int, day: int) -> bool:
        """Two executives trade their shifts of a day, if they may and it is cheaper."""
        shifts = [(row, int(self.chosen[row, day])), (other, int(self.chosen[other, day]))]
        traded = [(row, shifts[1][1]), (other, shifts[0][1])]
        for who, pattern in shifts:
            self._put(who, day, pattern, -1)
        before, after = (
            sum(int(self._more(np.array([who]), day, pattern)[0]) for who, pattern in given)
            for given in (shifts, traded)
        )
        better = after < before and all(self._legal(who, day) >> pattern & 1 for who, pattern in traded)
        for who, pattern in traded if better else shifts:
            self._put(who, day, pattern, 1)
        return better

    def roster(self) -> Roster:
        """What is on the board."""
        ids = [pattern.pattern_id for pattern in self.problem.patterns]
        rows = {
            contract.executive_id: tuple(ids[number] if number >= 0 else None for number in self.chosen[row])
            for row, contract in enumerate(self.problem.staff)
        }
        return Roster(self.problem.first, rows)


def _each_more(rounds: Sequence[int], problem: RosterProblem) -> list[int]:
    """By closing shifts or Sundays had, what one more costs for the rounds it leads through."""
    points = [points_for(shifts, 0, rounds, 0, problem.prices.round) for shifts in range(problem.days + 2)]
    return [after - before for before, after in pairwise(points)]
