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

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

from optimizer.roster.model import NONE, RosterModel, weeks_of
from optimizer.roster.nouns import WEEK, RosterProblem
from optimizer.stop import Stop

GRID = 1_000
"""Duals are rounded to 1 / GRID of a point; bounds are computed from the rounded ones in whole numbers."""
FIRST_PRICES = (0, 200, 500, 1_000, 100_000)
"""Points for an executive on duty at which the first columns of each day are made."""
MOST_ROUNDS = 100
MOST_LISTED = 6_000
"""Numbers on duty that are looked at, of all days together; where there are more nothing is proven by listing."""
FIRST_STEPS = 8
"""Days are listed first that cost so many steps more than at best; then as many more as the gap asks for."""
ROUNDING = 1e-6
LOOSE_GAP = 1e-3
"""How exact the choice is where it proves nothing."""
PART_OF_TIME = 0.5
FIRST_PART, LAST_PART = 0.2, 0.85


@dataclass(frozen=True, slots=True)
class DayColumn:
    """A day as a whole: `counts[c][p]` members of class c on pattern p, and what they leave uncovered, in points."""

    day: int
    counts: tuple[tuple[int, ...], ...]
    cost: int

    def closing(self, late: Sequence[int]) -> int:
        """How many work one of these patterns."""
        return sum(counts[pattern] for counts in self.counts for pattern in late)


@dataclass(frozen=True, slots=True)
class DayChoice:
    """A day of a roster at the bound: so many of each class on duty, at least so much uncovered, so many closing."""

    on_duty: tuple[int, ...]
    cost: int
    closing: int


@dataclass(frozen=True, eq=False)
class Duty:
    """What is known of level 1. `classes`: positions of executives in the staff.

    `bound`: no roster leaves less uncovered. `reached`: one column a day, the best choice found, None when none was.
    `days`: where the bound is reached, by day all choices that a roster at the bound can have; None where they are not
    known.
    """

    classes: tuple[tuple[int, ...], ...]
    bound: int
    reached: tuple[DayColumn, ...] | None = None
    days: tuple[tuple[DayChoice, ...], ...] | None = None

    @property
    def cost(self) -> int | None:
        """What the best choice leaves uncovered, in points."""
        return None if self.reached is None else sum(column.cost for column in self.reached)


@dataclass(frozen=True, eq=False)
class _Limits:
    """What the rules make of duty. `windows`: an executive works at most so many of these days; `closing`: a class at
    most so many closing shifts in these days; `settled`: days on which an executive works in any case.
    """

    can: npt.NDArray[np.bool_]
    classes: tuple[tuple[int, ...], ...]
    windows: tuple[tuple[int, tuple[int, ...], int], ...]
    closing: tuple[tuple[int, tuple[int, ...], int], ...]
    late: tuple[int, ...]
    settled: frozenset[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class _Duals:
    """Rounded duals on the grid: what a member of a class on duty earns on a day, what a closing shift costs.

    `fixed` is the part of the bound that does not depend on columns.
    """

    duty: npt.NDArray[np.int64]
    closing: npt.NDArray[np.int64]
    fixed: int


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
    limits = _limits(model)
    days = [_Day(model.problem, limits, day, seed) for day in range(model.problem.days)]
    master = _Master(model.problem, limits)
    with ThreadPoolExecutor(threads) as pool:
        return _by_days(master, days, stop, on_round, pool, settle=settle)


def _by_days(
    master: _Master,
    days: Sequence[_Day],
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


def _next_to(master: _Master, days: Sequence[_Day], duals: _Duals, stop: Stop) -> tuple[DayColumn, ...] | None:
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
    master: _Master, days: Sequence[_Day], duals: _Duals, bound: int, stop: Stop, pool: ThreadPoolExecutor
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
    days: Sequence[_Day], duals: _Duals, spare: int, stop: Stop, pool: ThreadPoolExecutor
) -> list[DayColumn] | None:
    """The columns of all days that cost at most `spare` more than their day has to; None where they may be too many."""
    if sum(pool.map(lambda day: day.width(duals, spare), days)) > MOST_LISTED:
        return None

    def listed(day: _Day) -> list[DayColumn] | None:
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


# ------------------------------------------------------------------------------------------ rules


def _limits(model: RosterModel) -> _Limits:
    problem, can = model.problem, model.x != NONE
    groups = _groups(problem)
    by_key: dict[tuple[bool, ...], list[int]] = {}
    for row, contract in enumerate(problem.staff):
        by_key.setdefault(tuple(contract.executive_id in holders for holders in groups), []).append(row)
    classes = tuple(tuple(by_key[key]) for key in sorted(by_key, reverse=True))
    settled = frozenset(
        (row, day)
        for row, contract in enumerate(problem.staff)
        for day, date in enumerate(problem.dates)
        if contract.fixed.get(date) is not None and can[row, day].any()
    )
    late = tuple(n for n, pattern in enumerate(problem.patterns) if problem.rules.is_closing(pattern.shift))
    return _Limits(can, classes, tuple(_windows(problem, can)), tuple(_closing(problem, can, classes)), late, settled)


def _groups(problem: RosterProblem) -> list[frozenset[str]]:
    """The groups whose cover is asked for, each once."""
    asked = [problem.holders(needs) for needs in problem.unions]
    asked += [problem.holders([minimum.need]) for minimum in problem.minimum]
    return list(dict.fromkeys(asked))


def _windows(problem: RosterProblem, can: npt.NDArray[np.bool_]) -> Iterator[tuple[int, tuple[int, ...], int]]:
    """Stretches of days of which an executive works at most so many: calendar weeks, and runs of days."""
    run, rules = problem.rules.max_run_days, problem.rules
    least_s = min(pattern.worked_s for pattern in problem.patterns)
    for row, contract in enumerate(problem.staff):
        present = can[row].any(axis=1)
        around = {(date - problem.first).days: day for date, day in contract.around.items()}
        for _, inside, outside in weeks_of(problem):
            had = [contract.around[date] for date in outside if date in contract.around]
            room = max(0, WEEK - rules.free_days - len(had))
            limits = [limit for limit in (rules.max_week_s, contract.week_s) if limit is not None]
            if limits and least_s:
                room = min(room, max(0, min(limits) - sum(day.worked_s for day in had)) // least_s)
            days = tuple(day for day in inside if present[day])
            if len(days) > room:
                yield row, days, room
        if run is None:
            continue
        for begin in range(-run, problem.days):
            stretch = range(begin, begin + run + 1)
            days = tuple(day for day in stretch if 0 <= day < problem.days and present[day])
            room = max(0, run - sum(day in around for day in stretch))
            if len(days) > room:
                yield row, days, room


def _closing(
    problem: RosterProblem, can: npt.NDArray[np.bool_], classes: tuple[tuple[int, ...], ...]
) -> Iterator[tuple[int, tuple[int, ...], int]]:
    most = problem.rules.max_closing
    late = [n for n, pattern in enumerate(problem.patterns) if problem.rules.is_closing(pattern.shift)]
    if most is None or not late:
        return
    for number, members in enumerate(classes):
        for _, inside, outside in weeks_of(problem):
            room = 0
            for row in members:
                around = problem.staff[row].around
                had = sum(problem.rules.is_closing(around[date].shift) for date in outside if date in around)
                room += min(max(0, most - had), int(can[row][inside][:, late].any(axis=1).sum()))
            yield number, tuple(inside), room


# -------------------------------------------------------------------------------------------- a day


class _Day:
    """One day by counts: the cheapest at given prices of duty and closing, and all that cost little more."""

    def __init__(self, problem: RosterProblem, limits: _Limits, day: int, seed: int) -> None:
        self.day, self.limits, self._seed = day, limits, seed
        self._listing: _Listing | None = None
        self.model = cp_model.CpModel()
        can = limits.can[:, day]
        self.counts = [
            [self.model.new_int_var(0, int(can[list(members), p].sum()), "") for p in range(can.shape[1])]
            for members in limits.classes
        ]
        for counts, members in zip(self.counts, limits.classes, strict=True):
            present = int(can[list(members)].any(axis=1).sum())
            settled = sum((row, day) in limits.settled for row in members)
            self.model.add_linear_constraint(sum(counts), settled, present)
        self.cost = self._uncovered(problem)

    def _uncovered(self, problem: RosterProblem) -> cp_model.LinearExprT:
        """What counts leave uncovered, in points; each missing part is exactly what is missing."""
        slots, prices, terms = problem.grid.slots(), problem.prices, []

        def missing(holders: frozenset[str], weight: Sequence[int], wanted: int, price: int) -> None:
            on = [
                value * count
                for counts, members in zip(self.counts, self.limits.classes, strict=True)
                if problem.staff[members[0]].executive_id in holders
                for value, count in zip(weight, counts, strict=True)
                if value
            ]
            amount = self.model.new_int_var(0, wanted, "")
            self.model.add_max_equality(amount, [0, wanted - sum(on)])
            terms.append(price * amount)

        if problem.dates[self.day] in problem.closed:
            return cp_model.LinearExpr.sum([])
        for minimum in problem.minimum:
            for slot in problem.slots_of(minimum):
                on = [int(p.covers(slots[slot].open_s, slots[slot].close_s)) for p in problem.patterns]
                missing(problem.holders([minimum.need]), on, minimum.executives, prices.missing)
        quarters = [pattern.quarters(problem.grid) for pattern in problem.patterns]
        for wanted in problem.rows_wanted:
            if wanted.day == self.day:
                price = prices.uncovered if wanted.of_anybody else prices.uncovered_kit
                missing(problem.holders(wanted.needs), [q[wanted.slot] for q in quarters], wanted.quarters, price)
        return cp_model.LinearExpr.sum(terms)

    def prices(self, duals: _Duals) -> tuple[list[int], list[int]]:
        """What duty and closing of each class cost on this day."""
        return [int(v) for v in duals.duty[:, self.day]], [int(v) for v in duals.closing[:, self.day]]

    def priced(self, duty: Sequence[int], closing: Sequence[int]) -> cp_model.LinearExprT:
        terms = [GRID * self.cost]
        for counts, on_duty, late in zip(self.counts, duty, closing, strict=True):
            for pattern, count in enumerate(counts):
                terms.append((on_duty + (late if pattern in self.limits.late else 0)) * count)
        return cp_model.LinearExpr.sum(terms)

    def cheapest(self, duty: Sequence[int], closing: Sequence[int]) -> tuple[DayColumn, int]:
        """The column of least priced cost, and that cost on the grid, exactly."""
        self.model.minimize(self.priced(duty, closing))
        solver = self.solver()
        status = solver.solve(self.model)
        if status != cp_model.OPTIMAL:
            raise RuntimeError(f"a day by counts always has a solution, not {solver.status_name(status)}")
        return self.column(solver), round(solver.objective_value)

    def width(self, duals: _Duals, spare: int) -> int:
        """How many numbers on duty by class have to be looked at for `listed`."""
        return math.prod(len(numbers) for numbers in self._listing_at(duals).ranges(spare))

    def listed(self, duals: _Duals, spare: int) -> list[DayColumn]:
        """For every number on duty by class the cheapest column, where it costs at most `spare` more than it has to.

        On the grid, at the duals of the first call.
        """
        return self._listing_at(duals).up_to(spare)

    def _listing_at(self, duals: _Duals) -> _Listing:
        if self._listing is None:
            self._listing = _Listing(self, duals)
        return self._listing

    def at(self, duals: _Duals, on_duty: tuple[int, ...]) -> DayColumn | None:
        """The cheapest column with so many on duty, None where there is none."""
        found = self._listing_at(duals).at(on_duty)
        return None if found is None else found[1]

    def closing_less(self, duals: _Duals, spare: int) -> list[DayColumn]:
        """For every number on duty that is listed the cheapest columns with fewer closing shifts, one for each number.

        As long as they cost at most `spare` more than the day has to, on the grid.
        """
        priced, (_, least) = self.priced(*self.prices(duals)), self.cheapest(*self.prices(duals))
        closing = cp_model.LinearExpr.sum([counts[late] for counts in self.counts for late in self.limits.late])
        found = []
        for listed in self.listed(duals, spare):
            column = listed
            while (late := column.closing(self.limits.late)) > 0:
                model = self.model.clone()
                for counts, numbers in zip(self.counts, listed.counts, strict=True):
                    model.add(sum(counts) == sum(numbers))
                model.add(closing <= late - 1)
                model.minimize(priced)
                solver = self.solver()
                if solver.solve(model) != cp_model.OPTIMAL or round(solver.objective_value) > least + spare:
                    break
                column = self.column(solver)
                found.append(column)
        return found

    def choices(self, duals: _Duals, spare: int) -> tuple[DayChoice, ...]:
        """The listed columns as choices: how little each number on duty can leave uncovered, and how few can close."""
        priced, (_, least) = self.priced(*self.prices(duals)), self.cheapest(*self.prices(duals))
        closing = cp_model.LinearExpr.sum([counts[late] for counts in self.counts for late in self.limits.late])
        found = []
        for column in self.listed(duals, spare):
            on_duty = tuple(sum(counts) for counts in column.counts)
            ends = []
            for wanted, most in ((self.cost, None), (closing, least + spare)):
                model = self.model.clone()
                for total, counts in zip(on_duty, self.counts, strict=True):
                    model.add(sum(counts) == total)
                if most is not None:
                    model.add(priced <= most)
                model.minimize(wanted)
                solver = self.solver()
                solver.solve(model)
                ends.append(round(solver.best_objective_bound))
            found.append(DayChoice(on_duty, ends[0], ends[1]))
        return tuple(found)

    def solver(self) -> cp_model.CpSolver:
        solver = cp_model.CpSolver()
        solver.parameters.catch_sigint_signal = False  # Ctrl-C is ours: it would end the process later
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self._seed
        solver.parameters.cp_model_presolve = False  # of a single day it takes most of the time
        return solver

    def column(self, solver: cp_model.CpSolver | cp_model.CpSolverSolutionCallback) -> DayColumn:
        counts = tuple(tuple(int(solver.value(count)) for count in row) for row in self.counts)
        return DayColumn(self.day, counts, int(solver.value(self.cost)))


class _Listing:
    """The columns of a day that cost little more than the cheapest, one for every number on duty by class."""

    def __init__(self, day: _Day, duals: _Duals) -> None:
        self._day = day
        self._priced = day.priced(*day.prices(duals))
        _, self._least = day.cheapest(*day.prices(duals))
        self._known: dict[tuple[int, ...], tuple[int, DayColumn] | None] = {}
        self._ranges: dict[int, list[range]] = {}

    def up_to(self, spare: int) -> list[DayColumn]:
        """Those that cost at most `spare` more than the cheapest."""
        found = []
        for on_duty in product(*self.ranges(spare)):
            if on_duty not in self._known:
                self._known[on_duty] = self.at(on_duty)
            known = self._known[on_duty]
            if known is not None and known[0] <= self._least + spare:
                found.append(known[1])
        return found

    def ranges(self, spare: int) -> list[range]:
        """For each class the numbers on duty between which all columns lie that cost at most so much more."""
        if spare not in self._ranges:
            self._ranges[spare] = self._ranges_of(self._least + spare)
        return self._ranges[spare]

    def _ranges_of(self, most: int) -> list[range]:
        model = self._day.model.clone()
        model.add(self._priced <= most)
        ranges = []
        for counts in self._day.counts:
            ends = []
            for sign in (1, -1):
                model.minimize(sign * sum(counts))
                solver = self._day.solver()
                solver.solve(model)
                ends.append(sign * round(solver.best_objective_bound))
            ranges.append(range(ends[0], ends[1] + 1))
        return ranges

    def at(self, on_duty: tuple[int, ...]) -> tuple[int, DayColumn] | None:
        """The cheapest column with so many on duty, None where there is none."""
        model = self._day.model.clone()
        for total, counts in zip(on_duty, self._day.counts, strict=True):
            model.add(sum(counts) == total)
        model.minimize(self._priced)
        solver = self._day.solver()
        if solver.solve(model) != cp_model.OPTIMAL:
            return None
        return round(solver.objective_value), self._day.column(solver)


# ------------------------------------------------------------------------------------------ master


class _Master:
    """One column for each day so that duty adds up: its relaxation while columns are made, the choice at the end."""

    def __init__(self, problem: RosterProblem, limits: _Limits) -> None:
        prices = problem.prices
        self.limits = limits
        self.step = math.gcd(prices.missing, prices.uncovered, prices.uncovered_kit) or 1
        self._days = problem.days
        self._columns: dict[DayColumn, mathopt.Variable] = {}
        self._model = mathopt.Model(name="duty")
        self._model.objective.is_maximize = False
        self._one = [self._model.add_linear_constraint(lb=1, ub=1) for _ in range(problem.days)]
        self._duty: dict[tuple[int, int], mathopt.Variable] = {}
        for row, day in np.argwhere(limits.can.any(axis=2)):
            lower = 1.0 if (int(row), int(day)) in limits.settled else 0.0
            self._duty[int(row), int(day)] = self._model.add_variable(lb=lower, ub=1.0)
        self._link: dict[tuple[int, int], mathopt.LinearConstraint] = {}
        for number, members in enumerate(limits.classes):
            for day in range(problem.days):
                link = self._model.add_linear_constraint(lb=0, ub=0)
                for row in members:
                    if (row, day) in self._duty:
                        link.set_coefficient(self._duty[row, day], 1.0)
                self._link[number, day] = link
        self._window = []
        for row, days, most in limits.windows:
            window = self._model.add_linear_constraint(ub=most)
            for day in days:
                window.set_coefficient(self._duty[row, day], 1.0)
            self._window.append(window)
        self._closing = [self._model.add_linear_constraint(ub=most) for _, _, most in limits.closing]
        self._late: dict[tuple[int, int], list[mathopt.LinearConstraint]] = {}
        for (number, days, _), constraint in zip(limits.closing, self._closing, strict=True):
            for day in days:
                self._late.setdefault((number, day), []).append(constraint)
        self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)

    def add(self, column: DayColumn) -> bool:
        """Take a column into the master; False when it is there already."""
        if column in self._columns:
            return False
        variable = self._model.add_variable(lb=0.0, ub=1.0)
        self._columns[column] = variable
        self._model.objective.set_linear_coefficient(variable, float(column.cost))
        self._one[column.day].set_coefficient(variable, 1.0)
        for number, counts in enumerate(column.counts):
            self._link[number, column.day].set_coefficient(variable, -float(sum(counts)))
            late = sum(counts[pattern] for pattern in self.limits.late)
            for constraint in self._late.get((number, column.day), ()):
                constraint.set_coefficient(variable, float(late))
        return True

    def duals(self) -> tuple[_Duals, list[int]]:
        """The duals of the relaxation, rounded, and what the master pays for a column of each day, on the grid.

        The part of the bound without columns is computed from the rounded duals: it is valid whatever the solver did.
        """
        answer = self._solver.solve(params=mathopt.SolveParameters(threads=1))
        if not answer.has_dual_feasible_solution():
            raise RuntimeError(f"the master has a solution, not {answer.termination}")
        values = answer.dual_values()
        limits = self.limits
        duty = np.zeros((len(limits.classes), self._days), dtype=np.int64)
        for (number, day), link in self._link.items():
            duty[number, day] = round(values[link] * GRID)
        window = [min(0, round(values[constraint] * GRID)) for constraint in self._window]
        closing = np.zeros_like(duty)
        late = [min(0, round(values[constraint] * GRID)) for constraint in self._closing]
        for (number, days, _), value in zip(limits.closing, late, strict=True):
            closing[number, list(days)] -= value
        fixed = sum(value * most for value, (_, _, most) in zip(window, limits.windows, strict=True))
        fixed += sum(value * most for value, (_, _, most) in zip(late, limits.closing, strict=True))
        fixed += self._duty_part(duty, window)
        return _Duals(duty, closing, fixed), [round(values[constraint] * GRID) for constraint in self._one]

    def on_duty(self) -> npt.NDArray[np.float64]:
        """How many of each class are on duty on each day in the relaxation, in part."""
        answer = self._solver.solve(params=mathopt.SolveParameters(threads=1))
        values = answer.variable_values()
        found = np.zeros((len(self.limits.classes), self._days))
        for number, members in enumerate(self.limits.classes):
            for row in members:
                for day in range(self._days):
                    if (row, day) in self._duty:
                        found[number, day] += values[self._duty[row, day]]
        return found

    def _duty_part(self, duty: npt.NDArray[np.int64], window: Sequence[int]) -> int:
        """What duty itself adds to the bound: each executive and day at its better end."""
        reduced = {}
        for number, members in enumerate(self.limits.classes):
            for row in members:
                for day in range(self._days):
                    reduced[row, day] = -int(duty[number, day])
        for value, (row, days, _) in zip(window, self.limits.windows, strict=True):
            for day in days:
                reduced[row, day] -= value
        return sum(min(0, reduced[key]) if key not in self.limits.settled else reduced[key] for key in self._duty)

    def closes_enough(self, chosen: Sequence[DayColumn]) -> bool:
        """No class closes more often in a week than its members may."""
        late = {
            (number, column.day): sum(counts[pattern] for pattern in self.limits.late)
            for column in chosen
            for number, counts in enumerate(column.counts)
        }
        return all(sum(late[number, day] for day in days) <= most for number, days, most in self.limits.closing)

    def choice(
        self,
        among: Sequence[DayColumn] | None,
        stop: Stop,
        *,
        closing: bool,
        gap: float = 0.0,
        part: float = PART_OF_TIME,
    ) -> tuple[tuple[DayColumn, ...] | None, int]:
        """The best choice of one of these columns for each day, None when none was found, and a bound of it in points.

        Of all columns made so far where None are given. With the limits of closing shifts, or without them. It may take
        this part of the time that is left.
        """
        for constraint, (_, _, most) in zip(self._closing, self.limits.closing, strict=True):
            constraint.upper_bound = float(most) if closing else math.inf
        for column in among or ():
            self.add(column)
        allowed = set(self._columns if among is None else among)
        for column, variable in self._columns.items():
            variable.integer = True
            variable.upper_bound = 1.0 if column in allowed else 0.0
        left_s = stop.left_s()
        parameters = mathopt.SolveParameters(
            time_limit=None if left_s is None else dt.timedelta(seconds=max(0.01, part * left_s)),
            relative_gap_tolerance=LOOSE_GAP if among is None else gap,
            absolute_gap_tolerance=0.9 * self.step,
        )
        answer = mathopt.solve(self._model, mathopt.SolverType.HIGHS, params=parameters)
        if not answer.has_primal_feasible_solution():
            return None, 0
        values = answer.variable_values()
        chosen = tuple(
            sorted((c for c, variable in self._columns.items() if values[variable] > 0.5), key=lambda c: c.day)
        )
        cost, bound = sum(column.cost for column in chosen), answer.best_objective_bound()
        least = math.ceil((bound - 1e-6 * max(1.0, abs(bound))) / self.step) * self.step
        return chosen, min(cost, least)
