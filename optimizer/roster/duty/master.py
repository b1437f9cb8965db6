"""The master: a whole day for each date, so that duty of named executives adds up. GLOP relaxes it, HiGHS chooses."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ortools.math_opt.python import mathopt

from optimizer.roster.duty.nouns import GRID, LOOSE_GAP, PART_OF_TIME, DayColumn, Duals, Limits
from optimizer.roster.nouns import RosterProblem
from optimizer.stop import Stop, unless_requested


class Master:
    """One column for each day so that duty adds up: its relaxation while columns are made, the choice at the end."""

    def __init__(self, problem: RosterProblem, limits: Limits) -> None:
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

    def duals(self) -> tuple[Duals, list[int]]:
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
        return Duals(duty, closing, fixed), [round(values[constraint] * GRID) for constraint in self._one]

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
        answer = unless_requested(lambda: mathopt.solve(self._model, mathopt.SolverType.HIGHS, params=parameters), stop)
        if answer is None or not answer.has_primal_feasible_solution():
            return None, 0
        values = answer.variable_values()
        chosen = tuple(
            sorted((c for c, variable in self._columns.items() if values[variable] > 0.5), key=lambda c: c.day)
        )
        cost, bound = sum(column.cost for column in chosen), answer.best_objective_bound()
        least = math.ceil((bound - 1e-6 * max(1.0, abs(bound))) / self.step) * self.step
        return chosen, min(cost, least)
