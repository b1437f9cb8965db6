"""Making a roster: what must stay uncovered first, then the best of the rosters that leave no more.

1. A greedy roster, so that there is one at any moment.
2. The least that can stay uncovered, proven over counts (`duty`); the counts found are given to executives by name.
   Where that would take too long it is bounded, and the counts are chosen among those next to the relaxation.
3. A lower bound of level 2: the relaxation of the model in which every day is one of those that leave so little.
4. Improving: parts of the roster (some weeks, some executives) are set free and solved again, the rest stays. Small
   rosters are solved as a whole, to the proven optimum, where level 1 is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.roster.check import roster_violations
from optimizer.roster.costs import Costing
from optimizer.roster.duty import Duty, least_uncovered
from optimizer.roster.greedy import greedy_roster
from optimizer.roster.made import Roster, RosterCost, RosterProgress, RosterResult, RosterStatus
from optimizer.roster.model import NONE, RosterModel, build
from optimizer.roster.nouns import WEEK, RosterProblem
from optimizer.roster.rows import Linear
from optimizer.roster.solving import Solved, relaxed, solve
from optimizer.stop import PartOf, Stop

OnProgress = Callable[[RosterProgress], None]

PART_FOR_DUTY = 0.6
"""Of the time, at most so much for the proof of level 1."""
SMALL = 2_000
"""Assignments up to which level 2 is solved as a whole before anything else: ten executives for four weeks.

Where level 1 is settled: else a sum of both levels is all that can be solved as a whole, and parts, in which level 1
weighs more, lead to less uncovered.
"""
LARGE = 12_000
"""Assignments from which on the least that stays uncovered is bounded, but not settled: it would take too long."""
PART_FOR_NAMES = 0.5
"""Of the time left, at most so much for giving counts to executives."""
PART_FOR_BOUND = 0.5
LEVEL_1_WEIGHT = 20
"""Where level 1 is not settled: a point of it outweighs so many of level 2 while a part is solved again."""
PART_S = 6.0
PART_NODES = 400
WHOLE_NODES = 20_000
PEOPLE_IN_PART = 12
FEW_ROUNDS = 2
"""Rounds over all parts without a better roster, after which improving ends."""


@dataclass(frozen=True, slots=True)
class _Best:
    """The best roster so far."""

    roster: Roster
    cost: RosterCost
    engine: str

    def beats(self, other: _Best) -> bool:
        """Less uncovered, or as little and cheaper."""
        return (self.cost.level_1, self.cost.level_2) < (other.cost.level_1, other.cost.level_2)


def make_roster(
    problem: RosterProblem,
    stop: Stop,
    seed: int = 1,
    threads: int = 1,
    on_progress: OnProgress | None = None,
) -> RosterResult:
    """The roster of a problem. Whatever the stop, there is one, unless the hard rules are proven to contradict.

    With a stop that counts iterations (an iteration is a round of the proof of level 1 or a part solved again) and one
    thread the same input and seed give the same roster.
    """
    return _Making(problem, stop, seed, threads, on_progress).result()


class _Making:
    """One roster being made."""

    def __init__(
        self, problem: RosterProblem, stop: Stop, seed: int, threads: int, on_progress: OnProgress | None
    ) -> None:
        self._problem, self._stop, self._seed, self._threads = problem, stop, seed, threads
        self._on_progress = on_progress
        self._costing = Costing(problem)
        self._bound_1 = self._bound = 0
        self._best: _Best | None = None

    def result(self) -> RosterResult:
        """Make it."""
        self._take(greedy_roster(self._problem), "greedy")
        self._tell("greedy", 1, 1)
        model = build(self._problem)
        if self._best is None and self._contradicts(model):
            return self._ended(RosterStatus.INFEASIBLE)
        if self._best is None:
            return self._ended(RosterStatus.UNKNOWN)
        duty = self._settle_level_1(model)
        self._name(model, duty)
        self._bound_and_improve(model, duty)
        return self._ended(RosterStatus.OPTIMAL if self._proven() else RosterStatus.FEASIBLE)

    def _bound_and_improve(self, model: RosterModel, duty: Duty) -> None:
        """Bound level 2 and look for better rosters: side by side where there are two threads, else in turn."""
        if self._best is None or self._stop():
            return
        settled = self._best.cost.level_1 == self._bound_1
        linear = _with_days(model, duty, self._bound_1) if settled else _at_least(model, self._bound_1)
        cost_1, cost_2 = linear.columns.cost
        # Where level 1 is not settled only the sum of both levels has a bound that holds for every roster.
        cost, below = (cost_2, self._bound_1) if settled else (cost_1 + cost_2, 0)
        below += model.constant_2
        first = relaxed(linear, cost, self._stop, time_limit_s=_part(self._stop, PART_FOR_BOUND))
        self._take_bound(model, Solved(None, first.bound), below)
        self._tell("bound", 1, 1)

        def whole(time_limit_s: float | None) -> Solved:
            return solve(linear, cost, self._stop, time_limit_s=time_limit_s, node_limit=WHOLE_NODES, seed=self._seed)

        if self._proven():
            return
        if settled and (model.x != NONE).sum() <= SMALL:
            self._take_bound(model, whole(self._stop.left_s()), below)
            if not self._proven():
                self._improve(model, self._stop)
            return
        if self._threads == 1:
            self._improve(model, PartOf(self._stop, PART_FOR_BOUND))
            if not self._proven() and not self._stop():
                self._take_bound(model, whole(self._stop.left_s()), below)
            return
        with ThreadPoolExecutor(1) as pool:
            beside = pool.submit(whole, self._stop.left_s())

            def look() -> None:
                if beside.done():
                    self._take_bound(model, beside.result(), below)

            self._improve(model, self._stop, look)
            self._take_bound(model, beside.result(), below)

    # ------------------------------------------------------------------------------ what is known

    def _take(self, roster: Roster, engine: str) -> bool:
        """Keep a roster if it is legal and the best so far."""
        found = _Best(roster, self._costing(roster), engine)
        if self._best is not None and not found.beats(self._best):
            return False
        if roster_violations(self._problem, roster):
            return False
        self._best = found
        return True

    def _take_bound(self, model: RosterModel, solved: Solved, below: int) -> None:
        """Take a bound, which comes on top of `below`; and the roster, where there is one and it is better."""
        if solved.infeasible:
            return
        self._bound = max(self._bound, below + solved.bound)
        if solved.values is not None and self._take(model.roster(solved.values), "whole"):
            self._tell("whole", 1, 1)

    def _proven(self) -> bool:
        """Both levels. A sum that is proven alone says nothing of rosters that leave less uncovered and cost more."""
        best = self._best
        return best is not None and best.cost.level_1 == self._bound_1 and best.cost.total == self._bound

    def _tell(self, step: str, done: int, of: int) -> None:
        if self._on_progress is not None:
            cost = None if self._best is None else self._best.cost
            bound = max(self._bound, self._bound_1)
            self._on_progress(RosterProgress(step, done, of, self._stop.elapsed_s(), cost, bound))

    def _ended(self, status: RosterStatus) -> RosterResult:
        best = self._best
        return RosterResult(
            status,
            None if best is None else best.roster,
            None if best is None else best.cost,
            self._bound_1,
            max(self._bound, self._bound_1),
            "none" if best is None else best.engine,
            self._seed,
            self._stop.elapsed_s(),
        )

    # ------------------------------------------------------------------------------------- steps

    def _contradicts(self, model: RosterModel) -> bool:
        """Whether hard rules contradict each other; takes a roster that keeps them where they do not."""
        nothing = np.zeros_like(model.linear.columns.cost[0])
        solved = solve(model.linear, nothing, self._stop, time_limit_s=self._stop.left_s())
        if solved.values is not None:
            self._take(model.roster(solved.values), "names")
        return solved.infeasible

    def _settle_level_1(self, model: RosterModel) -> Duty:
        def on_round(bound: int) -> None:
            self._bound_1 = max(self._bound_1, bound)
            self._tell("uncovered", 0, 1)

        stop = PartOf(self._stop, PART_FOR_DUTY)
        large = (model.x != NONE).sum() > LARGE
        duty = least_uncovered(model, stop, self._seed, on_round, threads=self._threads, settle=not large)
        self._bound_1 = max(self._bound_1, duty.bound)
        self._bound = max(self._bound, self._bound_1)
        self._tell("uncovered", 1, 1)
        return duty

    def _name(self, model: RosterModel, duty: Duty) -> None:
        """Give the counts of the days found to executives, at the least cost of level 2."""
        if duty.reached is None:
            return
        rows = model.rows.copy()
        for column in duty.reached:
            for members, counts in zip(duty.classes, column.counts, strict=True):
                for pattern, count in enumerate(counts):
                    able = [int(model.x[row, column.day, pattern]) for row in members]
                    rows.row([(x, 1) for x in able if x != NONE], count, count)
        linear = rows.finished()
        left_s, cost = _part(self._stop, PART_FOR_NAMES), linear.columns.cost[1]
        solved = solve(linear, cost, self._stop, time_limit_s=left_s, node_limit=WHOLE_NODES, seed=self._seed)
        if solved.values is not None:
            self._take(model.roster(solved.values), "names")
        self._tell("names", 1, 1)

    def _improve(self, model: RosterModel, stop: Stop, look: Callable[[], None] | None = None) -> None:
        """Set parts of the roster free and solve them again, until nothing is better or it is proven.

        `look` is called before each part, to see what came of the work beside.
        """
        idle, number = 0, 0
        parts = list(self._parts())
        while idle < FEW_ROUNDS * len(parts) and not self._proven():
            if look is not None:
                look()
            if self._proven() or stop():
                return
            idle = 0 if self._again(model, stop, parts[number % len(parts)]) else idle + 1
            number += 1
            self._tell("improve", number, len(parts))

    def _parts(self) -> Iterator[npt.NDArray[np.bool_]]:
        """Parts to be set free, as masks over executives and days: stretches of a week or two, and some executives."""
        problem = self._problem
        people, days = len(problem.staff), problem.days
        order = np.random.default_rng(self._seed).permutation(people)
        for begin in range(0, max(1, days - WEEK // 2), WEEK // 2 + 1):
            mask = np.zeros((people, days), dtype=np.bool_)
            mask[:, begin : begin + WEEK] = True
            yield mask
        for begin in range(0, people, PEOPLE_IN_PART):
            mask = np.zeros((people, days), dtype=np.bool_)
            mask[order[begin : begin + PEOPLE_IN_PART]] = True
            yield mask

    def _again(self, model: RosterModel, stop: Stop, free: npt.NDArray[np.bool_]) -> bool:
        """Solve a part again; True when the roster got better."""
        assert self._best is not None  # noqa: S101  (looked at before)
        linear = model.linear
        lower, upper = linear.columns.lower.copy(), linear.columns.upper.copy()
        chosen = np.zeros(len(lower), dtype=np.int64)
        chosen[model.chosen(self._best.roster)] = 1
        held = model.x[~free]
        held = held[held != NONE]
        lower[held] = upper[held] = chosen[held]
        cost_1, cost_2 = linear.columns.cost
        left_s = stop.left_s()
        solved = solve(
            linear.between(lower, upper),
            LEVEL_1_WEIGHT * cost_1 + cost_2,
            stop,
            time_limit_s=None if left_s is None else min(PART_S, left_s),  # else the nodes end it, everywhere alike
            node_limit=PART_NODES,
            seed=self._seed,
        )
        return solved.values is not None and self._take(model.roster(solved.values), "parts")


def _part(stop: Stop, part: float) -> float | None:
    left_s = stop.left_s()
    return None if left_s is None else part * left_s


def _at_least(model: RosterModel, bound_1: int) -> Linear:
    """The model with what is known of level 1: no roster leaves less uncovered."""
    rows, cost_1 = model.rows.copy(), model.linear.columns.cost[0]
    rows.row([(int(column), int(cost_1[column])) for column in np.flatnonzero(cost_1)], lower=bound_1)
    return rows.finished()


def _with_days(model: RosterModel, duty: Duty, bound_1: int) -> Linear:
    """The model of level 2: what may stay uncovered is limited, and each day is one of those that can be so.

    Its least cost is a lower bound of what a roster costs that leaves no more uncovered than has to be.
    """
    rows = model.rows.copy()
    cost_1 = model.linear.columns.cost[0]
    rows.row([(int(column), int(cost_1[column])) for column in np.flatnonzero(cost_1)], upper=bound_1)
    if duty.days is not None:
        late = [n for n, p in enumerate(model.problem.patterns) if model.problem.rules.is_closing(p.shift)]
        picked: list[tuple[int, int]] = []
        for day, choices in enumerate(duty.days):
            columns = [rows.variable(1, whole=True) for _ in choices]
            rows.row([(column, 1) for column in columns], 1, 1)
            picked.extend((column, choice.cost) for column, choice in zip(columns, choices, strict=True))
            for number, members in enumerate(duty.classes):
                on = [int(x) for row in members for x in model.x[row, day] if x != NONE]
                totals = [(c, -choice.on_duty[number]) for c, choice in zip(columns, choices, strict=True)]
                rows.row([*((x, 1) for x in on), *totals], 0, 0)
            closing = [int(x) for x in model.x[:, day][:, late].ravel() if x != NONE]
            least = [(column, -choice.closing) for column, choice in zip(columns, choices, strict=True)]
            rows.row([*((x, 1) for x in closing), *least], lower=0)
        rows.row(picked, upper=bound_1)
    return rows.finished()
