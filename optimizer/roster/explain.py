"""Why minimum cover cannot be kept, told three ways: by counting, by what it would cost, by which rules clash.

Counting catches most cases and says them with numbers. The cheapest relaxation says what would have to be given up,
and where that is cheapest: leave, a closing shift more, a day off, at named prices, which decide the story. A clash
says which rules contradict each other, whatever anything costs; so both are shown. In all of them minimum cover is
hard: the roster itself pays for who is missing, so it never has to be explained why there is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

from optimizer.demand import Need, need_name
from optimizer.roster.made import Roster
from optimizer.roster.model import NONE, RosterModel, build, could_work, weeks_of
from optimizer.roster.nouns import WEEK, Contract, RosterProblem, RosterRule
from optimizer.roster.rows import FREE, Group
from optimizer.stop import PartOf, Stop, StopAt, unless_requested
from optimizer.units import DAY_S

PRICES = {
    RosterRule.MAX_CLOSING_SHIFTS: 60,
    RosterRule.RESPECT_LEAVE: 100,
    RosterRule.WEEKLY_DAY_OFF: 200,
    RosterRule.MAX_RUN_OF_DAYS: 200,
    RosterRule.MAX_WEEK_HOURS: 200,
    RosterRule.CONTRACT_HOURS: 200,
    RosterRule.FIXED_DAY: 1_000,
}
"""What it costs to give up a rule once: a shift above a limit, a day of leave, a settled day. They are compared with
each other only; ASSUMPTION. Rest between shifts and the contract's patterns are never given up."""
PART_OF_TIME = 0.5
"""How much of the time the first of two steps may take."""


# ------------------------------------------------------------------------------------- by counting


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Fewer can be there than have to be, whatever the roster is.

    With MINIMUM_COVER of a slot of a date: `most` executives who hold `need` could be on shift in it. With
    MAX_CLOSING_SHIFTS or WEEKLY_DAY_OFF of a week (`date` is its Monday, `slot` is None): they can work at most so many
    closing shifts, or shifts, in it. `least` are needed, of a week without what its days lack by themselves.
    `on_leave`: those of them who are away.
    """

    rule: RosterRule
    date: dt.date
    slot: int | None
    need: Need
    most: int
    least: int
    on_leave: tuple[str, ...] = ()


def static_findings(problem: RosterProblem) -> tuple[Shortfall, ...]:
    """What counting alone says: days first, then weeks. Empty does not mean that minimum cover can be kept."""
    return (*_short_days(problem), *_short_weeks(problem))


def _minima(problem: RosterProblem) -> dict[Need, dict[int, int]]:
    """The least number on shift, by need and slot, where it is not 0."""
    found: dict[Need, dict[int, int]] = {}
    for minimum in problem.minimum:
        for slot in problem.slots_of(minimum):
            if minimum.executives:
                slots = found.setdefault(minimum.need, {})
                slots[slot] = max(slots.get(slot, 0), minimum.executives)
    return {need: found[need] for need in sorted(found, key=need_name)}


def _covering(problem: RosterProblem) -> npt.NDArray[np.bool_]:
    """[p, s]: pattern p covers slot s."""
    slots = problem.grid.slots()
    return np.array([[p.covers(s.open_s, s.close_s) for s in slots] for p in problem.patterns], dtype=np.bool_)


def _rows_of(problem: RosterProblem, need: Need) -> list[int]:
    return [row for row, contract in enumerate(problem.staff) if need <= contract.skills]


def _short_days(problem: RosterProblem) -> Iterator[Shortfall]:
    can, covering = could_work(problem), _covering(problem)
    for day, date in enumerate(problem.dates):
        if date in problem.closed:
            continue
        for need, slots in _minima(problem).items():
            rows = _rows_of(problem, need)
            on_leave = tuple(problem.staff[row].executive_id for row in rows if date in problem.staff[row].leave)
            for slot, least in slots.items():
                most = int((can[rows, day] & covering[:, slot]).any(axis=1).sum())
                if most < least:
                    yield Shortfall(RosterRule.MINIMUM_COVER, date, slot, need, most, least, on_leave)


def _short_weeks(problem: RosterProblem) -> Iterator[Shortfall]:
    """Closing shifts and shifts of a week against what the limits of each executive leave."""
    can, covering, rules = could_work(problem), _covering(problem), problem.rules
    late = np.array([rules.is_closing(pattern.shift) for pattern in problem.patterns])
    only_late = ~covering[~late].any(axis=0)
    for monday, inside, outside in weeks_of(problem):
        days = [day for day in inside if problem.dates[day] not in problem.closed]
        for need, slots in _minima(problem).items():
            rows = _rows_of(problem, need)
            on_leave = tuple(
                problem.staff[row].executive_id
                for row in rows
                if any(problem.dates[day] in problem.staff[row].leave for day in days)
            )
            closing = shifts = 0
            for row in rows:
                around = problem.staff[row].around
                had = [around[date] for date in outside if date in around]
                free = max(0, WEEK - rules.free_days - len(had))
                shifts += min(free, int(can[row, days].any(axis=1).sum()))
                most = WEEK if rules.max_closing is None else rules.max_closing
                room = max(0, most - sum(rules.is_closing(day.shift) for day in had))
                closing += min(room, free, int(can[row, days][:, late].any(axis=1).sum()))
            at_end = {slot: least for slot, least in slots.items() if only_late[slot]}
            for rule, possible, asked, kind in (
                (RosterRule.MAX_CLOSING_SHIFTS, closing, at_end, late),
                (RosterRule.WEEKLY_DAY_OFF, shifts, slots, np.ones_like(late)),
            ):
                each = _least_shifts(covering, asked)
                least = sum(min(each, int(can[rows, day][:, kind].any(axis=1).sum())) for day in days)
                if possible < least:
                    yield Shortfall(rule, monday, None, need, possible, least, on_leave)


def _least_shifts(covering: npt.NDArray[np.bool_], slots: dict[int, int]) -> int:
    """A day takes at least so many shifts: the sum over slots of which no pattern covers two."""
    chosen: list[int] = []
    for slot in sorted(slots):
        if not any((covering[:, slot] & covering[:, other]).any() for other in chosen):
            chosen.append(slot)
    return max(sum(slots[slot] for slot in chosen), max(slots.values(), default=0))


# -------------------------------------------------------------------------------------- the rules


@dataclass(frozen=True, eq=False)
class _Row:
    """A row about variables x: the sum of value x variable lies between both ends."""

    group: Group
    columns: tuple[int, ...]
    values: tuple[int, ...]
    lower: int
    upper: int
    row: int = NONE
    """Whose it is; NONE of minimum cover."""
    date: dt.date = dt.date.min
    """Of a week its Monday, of a run its first day in the roster."""
    slot: int = NONE
    need: Need = frozenset()


@dataclass(eq=False)
class _Ruled:
    """The rules of a problem as rows by group, each of which can be left out; leave and fixed days among them."""

    problem: RosterProblem
    model: RosterModel
    rows: list[_Row] = field(default_factory=list)

    @classmethod
    def of(cls, problem: RosterProblem) -> _Ruled:
        bare = replace(problem, staff=tuple(replace(c, leave=frozenset(), fixed={}) for c in problem.staff))
        ruled = cls(problem, build(bare))
        ruled.rows.extend(ruled._limits())
        ruled.rows.extend(ruled._settled())
        ruled.rows.extend(ruled._minimum())
        return ruled

    def on(self, row: int, day: int) -> list[int]:
        """The variables of an executive on a day."""
        return [int(column) for column in self.model.x[row, day] if column != NONE]

    @cached_property
    def days(self) -> list[list[int]]:
        """The variables of each executive and day: at most one of them is 1, whatever else is left out."""
        return [columns for row, day in np.ndindex(*self.model.x.shape[:2]) if (columns := self.on(row, day))]

    def _limits(self) -> Iterator[_Row]:
        """The rows of the model about a single executive."""
        where = {int(c): (int(row), int(day)) for (row, day, _), c in np.ndenumerate(self.model.x) if c != NONE}
        matrix = self.model.linear.matrix
        for number, group in enumerate(matrix.group):
            if group is None or group.rule is RosterRule.MINIMUM_COVER:
                continue
            at = slice(int(matrix.at[number]), int(matrix.at[number + 1]))
            columns = tuple(int(column) for column in matrix.column[at])
            if not columns:
                continue
            row, day = where[columns[0]]
            date = self.problem.dates[day]
            if group.rule not in (RosterRule.MAX_RUN_OF_DAYS, RosterRule.REST_BETWEEN_SHIFTS):
                date -= dt.timedelta(days=date.weekday())
            values = tuple(int(value) for value in matrix.value[at])
            yield _Row(group, columns, values, int(matrix.lower[number]), int(matrix.upper[number]), row, date)

    def _settled(self) -> Iterator[_Row]:
        """Leave and fixed days."""
        ids = [pattern.pattern_id for pattern in self.problem.patterns]
        for row, contract in enumerate(self.problem.staff):
            for day, date in enumerate(self.problem.dates):
                columns = self.on(row, day)
                ones = (1,) * len(columns)
                if date in contract.leave and columns:
                    yield _Row(
                        Group(RosterRule.RESPECT_LEAVE, contract.executive_id), tuple(columns), ones, 0, 0, row, date
                    )
                if date not in contract.fixed:
                    continue
                group = Group(RosterRule.FIXED_DAY, f"{contract.executive_id} {date.isoformat()}")
                pattern_id = contract.fixed[date]
                if pattern_id is None and columns:
                    yield _Row(group, tuple(columns), ones, 0, 0, row, date)
                elif pattern_id is not None:
                    column = int(self.model.x[row, day, ids.index(pattern_id)])
                    only = (column,) if column != NONE else ()
                    yield _Row(group, only, (1,) * len(only), 1, 1, row, date)

    def _minimum(self) -> Iterator[_Row]:
        covering = _covering(self.problem)
        for need, slots in _minima(self.problem).items():
            rows = _rows_of(self.problem, need)
            for day, date in enumerate(self.problem.dates):
                if date in self.problem.closed:
                    continue
                group = Group(RosterRule.MINIMUM_COVER, f"{need_name(need)} {date.isoformat()}")
                for slot, least in slots.items():
                    some = self.model.x[rows, day][:, covering[:, slot]].ravel()
                    columns = tuple(int(column) for column in some if column != NONE)
                    ones = (1,) * len(columns)
                    yield _Row(group, columns, ones, least, FREE, date=date, slot=slot, need=need)


# ----------------------------------------------------------------------------- the cheapest way out


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A rule given up for an executive: a date of leave or a settled day; shifts above the limit of a week (`date`: its
    Monday), or days above that of a run (`date`: the first day of the roster of which so many in a row are too many).
    """

    rule: RosterRule
    executive_id: str
    date: dt.date
    amount: int
    price: int


@dataclass(frozen=True, slots=True)
class Missing:
    """So many executives who hold `need` are missing in a slot of a date."""

    need: Need
    date: dt.date
    slot: int
    executives: int


@dataclass(frozen=True)
class Relaxation:
    """The cheapest that can be given up so that as few as possible are missing from minimum cover.

    `missing`: what no relaxation brings, empty as a rule. `roster`: one that breaks just the rules given up. `proven`:
    fewer cannot be missing, and nothing cheaper gives as much.
    """

    given_up: tuple[GivenUp, ...]
    missing: tuple[Missing, ...]
    roster: Roster
    proven: bool

    @property
    def price(self) -> int:
        """What is given up, added up."""
        return sum(item.price for item in self.given_up)


def cheapest_relaxation(problem: RosterProblem, stop: Stop) -> Relaxation | None:
    """What to give up so that minimum cover is kept, nothing where it can be kept anyhow; None when stopped before.

    First as few executives as possible are missing, whatever that takes; then with no more missing at the least price.
    """
    elastic = _Elastic(_Ruled.of(problem))
    fewest = elastic.solved(elastic.missing_sum(), PartOf(stop, PART_OF_TIME))
    if fewest is None:
        return None
    elastic.keep_missing(fewest)
    cheapest = elastic.solved(elastic.price(), stop)
    if cheapest is None:
        return elastic.read(fewest, proven=False)
    return elastic.read(cheapest, proven=fewest.proven and cheapest.proven)


def relaxed(problem: RosterProblem, relaxation: Relaxation) -> RosterProblem:
    """The problem with what was given up: leave and settled days of those it is about, hours of their contracts.

    A limit of the labour rules holds for all, so it is raised for all, by the most that anybody needs; `roster` of the
    relaxation uses it only where it says so.
    """
    longest_s = max(pattern.worked_s for pattern in problem.patterns)
    most: dict[RosterRule, int] = {}
    staff = dict(problem.contract_of)
    hours: dict[str, int] = {}
    for item in relaxation.given_up:
        contract = staff[item.executive_id]
        if item.rule is RosterRule.RESPECT_LEAVE:
            contract = replace(contract, leave=contract.leave - {item.date})
        elif item.rule is RosterRule.FIXED_DAY:
            contract = replace(contract, fixed={d: p for d, p in contract.fixed.items() if d != item.date})
        elif item.rule is RosterRule.CONTRACT_HOURS:
            hours[item.executive_id] = max(hours.get(item.executive_id, 0), item.amount)
        else:
            most[item.rule] = max(most.get(item.rule, 0), item.amount)
        staff[item.executive_id] = contract
    for executive_id, amount in hours.items():
        staff[executive_id] = _with_hours(staff[executive_id], amount * longest_s)
    rules = problem.rules
    if rules.max_week_s is not None:
        week_s = min(WEEK * DAY_S, rules.max_week_s + longest_s * most.get(RosterRule.MAX_WEEK_HOURS, 0))
        rules = replace(rules, max_week_s=week_s)
    if rules.max_run_days is not None:
        rules = replace(rules, max_run_days=rules.max_run_days + most.get(RosterRule.MAX_RUN_OF_DAYS, 0))
    if rules.max_closing is not None:
        closing = min(WEEK, rules.max_closing + most.get(RosterRule.MAX_CLOSING_SHIFTS, 0))
        rules = replace(rules, max_closing=closing)
    rules = replace(rules, free_days=max(0, rules.free_days - most.get(RosterRule.WEEKLY_DAY_OFF, 0)))
    return replace(problem, staff=tuple(staff.values()), rules=rules)


def _with_hours(contract: Contract, more_s: int) -> Contract:
    if contract.week_s is None:
        return contract
    return replace(contract, week_s=min(WEEK * DAY_S, contract.week_s + more_s))


@dataclass(frozen=True, eq=False)
class _Answer:
    values: dict[mathopt.Variable, float]
    proven: bool

    def __getitem__(self, variable: mathopt.Variable) -> int:
        return round(self.values[variable])


class _Elastic:
    """The rules with a variable for how far each is given up, and one for who is missing from minimum cover."""

    def __init__(self, ruled: _Ruled) -> None:
        self._ruled = ruled
        self._model = mathopt.Model(name="elastic")
        self._x = {int(column): self._model.add_binary_variable() for column in ruled.model.x.ravel() if column != NONE}
        self._missing: list[tuple[_Row, mathopt.Variable]] = []
        self._up: list[tuple[int, _Row, mathopt.Variable]] = []
        for columns in ruled.days:
            self._model.add_linear_constraint(self._sum(columns, [1] * len(columns)) <= 1)
        for number, row in enumerate(ruled.rows):
            self._add(number, row)

    def _sum(self, columns: Sequence[int], values: Sequence[int]) -> mathopt.LinearSum:
        return mathopt.fast_sum([value * self._x[column] for column, value in zip(columns, values, strict=True)])

    def _add(self, number: int, row: _Row) -> None:
        total = self._sum(row.columns, row.values)
        if row.group.rule is RosterRule.MINIMUM_COVER:
            missing = self._model.add_integer_variable(lb=0, ub=row.lower)
            self._missing.append((row, missing))
            self._model.add_linear_constraint(total + missing >= row.lower)
            return
        if row.group.rule not in PRICES:
            self._model.add_linear_constraint(total <= row.upper)
            return
        once = row.group.rule in (RosterRule.RESPECT_LEAVE, RosterRule.FIXED_DAY, RosterRule.MAX_RUN_OF_DAYS)
        given_up = self._model.add_integer_variable(lb=0, ub=1 if once else WEEK)
        self._up.append((number, row, given_up))
        if row.lower == 1:  # a settled day: this shift
            self._model.add_linear_constraint(total + given_up >= 1)
            return
        self._model.add_linear_constraint(total - max(row.values, default=1) * given_up <= row.upper)

    def missing_sum(self) -> mathopt.LinearSum:
        """How many are missing, added up over slots."""
        return mathopt.fast_sum([missing for _, missing in self._missing])

    def price(self) -> mathopt.LinearSum:
        """What is given up."""
        return mathopt.fast_sum([PRICES[row.group.rule] * given_up for _, row, given_up in self._up])

    def keep_missing(self, answer: _Answer) -> None:
        """No more are missing from now on."""
        most = sum(answer[missing] for _, missing in self._missing)
        self._model.add_linear_constraint(self.missing_sum() <= most)

    def solved(self, goal: mathopt.LinearSum, stop: Stop) -> _Answer | None:
        """The least of a goal."""
        if stop.requested:
            return None
        self._model.minimize(goal)
        left_s = stop.left_s()
        parameters = mathopt.SolveParameters(
            time_limit=None if left_s is None else dt.timedelta(seconds=max(0.01, left_s)),
            relative_gap_tolerance=0.0,
            absolute_gap_tolerance=0.9,  # whole numbers
        )
        answer = unless_requested(lambda: mathopt.solve(self._model, mathopt.SolverType.HIGHS, params=parameters), stop)
        if answer is None or not answer.has_primal_feasible_solution():
            return None
        return _Answer(answer.variable_values(), answer.termination.reason is mathopt.TerminationReason.OPTIMAL)

    def read(self, answer: _Answer, *, proven: bool) -> Relaxation:
        """What was given up, by rule, executive and date."""
        ruled = self._ruled
        missing = tuple(
            Missing(row.need, row.date, row.slot, answer[variable])
            for row, variable in self._missing
            if answer[variable]
        )
        used = [(number, row, answer[variable]) for number, row, variable in self._up if answer[variable]]
        values = np.zeros(len(ruled.model.linear.columns))
        for column, variable in self._x.items():
            values[column] = answer[variable]
        items = sorted(self._items(used), key=lambda item: (item.rule, item.executive_id, item.date))
        return Relaxation(tuple(items), missing, ruled.model.roster(values), proven)

    def _items(self, used: Iterable[tuple[int, _Row, int]]) -> Iterator[GivenUp]:
        """One for each row; stretches of days that overlap make one run."""
        staff = self._ruled.problem.staff
        numbered = enumerate(used)
        for _, some in groupby(numbered, key=_same_run):
            parts = [part for _, part in some]
            row, amount = parts[0][1], sum(part[2] for part in parts)
            rule = row.group.rule
            yield GivenUp(rule, staff[row.row].executive_id, row.date, amount, amount * PRICES[rule])


def _same_run(numbered: tuple[int, tuple[int, _Row, int]]) -> tuple[int, int]:
    """Rows about runs that follow each other share a key, all others have one of their own."""
    place, (number, row, _) = numbered
    run = row.group.rule is RosterRule.MAX_RUN_OF_DAYS
    return (number - place, row.row) if run else (number, NONE)


# ----------------------------------------------------------------------------------- which rules clash


@dataclass(frozen=True, slots=True)
class Clash:
    """Which rules contradict each other, by rule and subject, minimum cover among them.

    `feasible`: they do not, all can be kept. `proven`: that, or that those named contradict each other, is certain;
    where it is not, time ran out. `minimal`: without any one of them the others can be kept together.
    """

    groups: tuple[Group, ...]
    feasible: bool
    proven: bool
    minimal: bool


def clash(problem: RosterProblem, seconds: float = 5.0, seed: int = 1) -> Clash:
    """The rules that clash: what counting finds, or a core by assumptions, or else all; less what can be left out.

    Counting comes first: such a clash is a pigeonhole proof, which a search by assumptions does not find in time.
    """
    stop = StopAt(time_limit_s=seconds)
    ruled = _Ruled.of(problem)
    search = _Search(ruled, seed)
    counted = _counted(ruled)
    if counted and search.holds(counted, PartOf(stop, PART_OF_TIME)) is False:
        return search.smallest(counted, len(counted) // 2, stop)
    groups = tuple(sorted({row.group for row in ruled.rows}))
    status, core = search.core(groups, PartOf(stop, PART_OF_TIME))
    if status == cp_model.FEASIBLE:
        return Clash((), feasible=True, proven=True, minimal=True)
    if core and search.holds(core, PartOf(stop, PART_OF_TIME)) is False:
        return search.smallest(core, 1, stop)
    possible = search.holds(groups, stop)
    if possible is False:
        return search.smallest(groups, len(groups) // 2, stop)
    return Clash((), feasible=possible is True, proven=possible is True, minimal=possible is True)


def _counted(ruled: _Ruled) -> tuple[Group, ...]:
    """All groups that the first of the findings by counting is about; none without findings."""
    for found in static_findings(ruled.problem):
        days = 1 if found.slot is not None else WEEK
        dates = {found.date + dt.timedelta(days=day) for day in range(days)}
        settled = (RosterRule.RESPECT_LEAVE, RosterRule.FIXED_DAY)
        weekly = () if found.slot is not None else (RosterRule.MAX_CLOSING_SHIFTS, RosterRule.WEEKLY_DAY_OFF)
        groups = {
            row.group
            for row in ruled.rows
            if row.date in dates
            and (
                (row.group.rule is RosterRule.MINIMUM_COVER and row.need == found.need)
                or (row.group.rule in (*settled, *weekly) and found.need <= ruled.problem.staff[row.row].skills)
            )
        }
        return tuple(sorted(groups))
    return ()


class _Search:
    """Sets of groups held against each other by CP-SAT, with one worker: with more a core may name everything."""

    def __init__(self, ruled: _Ruled, seed: int) -> None:
        self._ruled, self._seed = ruled, seed

    def _model(self, rows: Sequence[_Row]) -> tuple[cp_model.CpModel, dict[int, cp_model.IntVar]]:
        """The variables that these rows are about, one shift a day."""
        model = cp_model.CpModel()
        x = {column: model.new_bool_var("") for column in sorted({c for row in rows for c in row.columns})}
        for columns in self._ruled.days:
            some = [x[column] for column in columns if column in x]
            if len(some) > 1:
                model.add_at_most_one(some)
        return model, x

    def _solver(self, stop: Stop, *, presolve: bool = True) -> cp_model.CpSolver:
        solver = cp_model.CpSolver()
        solver.parameters.catch_sigint_signal = False  # Ctrl-C is ours: it would end the process later
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self._seed
        solver.parameters.cp_model_presolve = presolve
        left_s = stop.left_s()
        if left_s is not None:
            solver.parameters.max_time_in_seconds = max(0.01, left_s)
        return solver

    def core(self, groups: Sequence[Group], stop: Stop) -> tuple[cp_model.CpSolverStatus, tuple[Group, ...]]:
        """Groups that clash, few but not the fewest. FEASIBLE where they can be kept, UNKNOWN where time ran out.

        With presolve a core may name literals that are no assumption (OR-Tools issue 5141): they are left out, and it
        is asked again without presolve.
        """
        model, x = self._model(self._ruled.rows)
        literals = {group: model.new_bool_var("") for group in groups}
        for row in self._ruled.rows:
            _bounded(model, x, row).only_enforce_if(literals[row.group])
        model.add_assumptions(list(literals.values()))
        by_index = {literal.index: group for group, literal in literals.items()}
        core: tuple[Group, ...] = ()
        for presolve in (True, False):
            solver = self._solver(stop, presolve=presolve)
            status = solver.solve(model)
            if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
                return cp_model.FEASIBLE, ()
            if status != cp_model.INFEASIBLE:
                return cp_model.UNKNOWN, ()
            named = list(solver.sufficient_assumptions_for_infeasibility())
            core = tuple(sorted(by_index[index] for index in named if index in by_index))
            if all(index in by_index for index in named):
                break
        return cp_model.INFEASIBLE, core

    def holds(self, groups: Sequence[Group], stop: Stop) -> bool | None:
        """All of these can be kept together; None where time ran out."""
        kept = set(groups)
        rows = [row for row in self._ruled.rows if row.group in kept]
        model, x = self._model(rows)
        for row in rows:
            _bounded(model, x, row)
        status = self._solver(stop).solve(model)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return True
        return False if status == cp_model.INFEASIBLE else None

    def smallest(self, groups: tuple[Group, ...], size: int, stop: Stop) -> Clash:
        """What still clashes when whatever can be is left out: at first so many at once, at last one by one.

        The deletion filter of Chinneck, Feasibility and Infeasibility in Optimization (2008).
        """
        sure, size = False, max(1, size)
        while size >= 1:
            at, sure = 0, True
            while at < len(groups):
                if stop():
                    return Clash(groups, feasible=False, proven=True, minimal=False)
                rest = groups[:at] + groups[at + size :]
                possible = self.holds(rest, stop)
                if possible is False:
                    groups = rest
                    continue
                sure &= possible is True
                at += size
            size //= 2
        return Clash(groups, feasible=False, proven=True, minimal=sure)


def _bounded(model: cp_model.CpModel, x: dict[int, cp_model.IntVar], row: _Row) -> cp_model.Constraint:
    total = cp_model.LinearExpr.weighted_sum([x[column] for column in row.columns], row.values)
    return model.add_linear_constraint(total, row.lower, row.upper)
