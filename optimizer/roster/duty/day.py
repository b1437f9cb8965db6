"""One day by counts, priced by CP-SAT, and all that cost little more than at best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from ortools.sat.python import cp_model

from optimizer.roster.duty.nouns import GRID, DayChoice, DayColumn, Duals, Limits
from optimizer.roster.nouns import RosterProblem


class Day:
    """One day by counts: the cheapest at given prices of duty and closing, and all that cost little more."""

    def __init__(self, problem: RosterProblem, limits: Limits, day: int, seed: int) -> None:
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

    def prices(self, duals: Duals) -> tuple[list[int], list[int]]:
        """What duty and closing of each class cost on this day."""
        return [int(v) for v in duals.duty[:, self.day]], [int(v) for v in duals.closing[:, self.day]]

    def priced(self, duty: Sequence[int], closing: Sequence[int]) -> cp_model.LinearExprT:
        """What counts cost at these prices, by class, of duty and of closing shifts; on the grid."""
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

    def width(self, duals: Duals, spare: int) -> int:
        """How many numbers on duty by class have to be looked at for `listed`."""
        return math.prod(len(numbers) for numbers in self._listing_at(duals).ranges(spare))

    def listed(self, duals: Duals, spare: int) -> list[DayColumn]:
        """For every number on duty by class the cheapest column, where it costs at most `spare` more than it has to.

        On the grid, at the duals of the first call.
        """
        return self._listing_at(duals).up_to(spare)

    def _listing_at(self, duals: Duals) -> _Listing:
        if self._listing is None:
            self._listing = _Listing(self, duals)
        return self._listing

    def at(self, duals: Duals, on_duty: tuple[int, ...]) -> DayColumn | None:
        """The cheapest column with so many on duty, None where there is none."""
        found = self._listing_at(duals).at(on_duty)
        return None if found is None else found[1]

    def closing_less(self, duals: Duals, spare: int) -> list[DayColumn]:
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

    def choices(self, duals: Duals, spare: int) -> tuple[DayChoice, ...]:
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
        """A solver for this day: one thread, always the same answer."""
        solver = cp_model.CpSolver()
        solver.parameters.catch_sigint_signal = False  # Ctrl-C is ours: it would end the process later
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self._seed
        solver.parameters.cp_model_presolve = False  # of a single day it takes most of the time
        return solver

    def column(self, solver: cp_model.CpSolver | cp_model.CpSolverSolutionCallback) -> DayColumn:
        """The day that a solver has found."""
        counts = tuple(tuple(int(solver.value(count)) for count in row) for row in self.counts)
        return DayColumn(self.day, counts, int(solver.value(self.cost)))


class _Listing:
    """The columns of a day that cost little more than the cheapest, one for every number on duty by class."""

    def __init__(self, day: Day, duals: Duals) -> None:
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
