"""What a roster costs, term by term, counted from the roster itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optimizer.roster.made import Roster, RosterCost, refused_requests
from optimizer.roster.nouns import TENTHS, RosterProblem
from optimizer.roster.targets import fair_targets, had, points_for


class Costing:
    """Costs rosters of one problem; what does not depend on the roster is computed once."""

    def __init__(self, problem: RosterProblem) -> None:
        self._problem = problem
        self._targets = fair_targets(problem)
        grid = problem.grid
        self._quarters = np.array([p.quarters(grid) for p in problem.patterns], dtype=np.int64)
        self._on = np.array(
            [[p.covers(s.open_s, s.close_s) for s in grid.slots()] for p in problem.patterns], dtype=np.int64
        )
        self._number = {pattern.pattern_id: n for n, pattern in enumerate(problem.patterns)}

    def __call__(self, roster: Roster) -> RosterCost:
        """The cost of a roster."""
        problem, prices = self._problem, self._problem.prices
        counts: dict[frozenset[str], npt.NDArray[np.int64]] = {}

        def of(holders: frozenset[str]) -> npt.NDArray[np.int64]:
            if holders not in counts:
                counts[holders] = self._count(roster, holders)
            return counts[holders]

        missing = uncovered = 0
        for minimum in problem.minimum:
            on = of(problem.holders([minimum.need])) @ self._on
            days = [day for day, date in enumerate(problem.dates) if date not in problem.closed]
            missing += int(np.maximum(0, minimum.executives - on[np.ix_(days, problem.slots_of(minimum))]).sum())
        covered = {needs: of(problem.holders(needs)) @ self._quarters for needs in problem.unions}
        for wanted in problem.rows_wanted:
            price = prices.uncovered if wanted.of_anybody else prices.uncovered_kit
            uncovered += price * max(0, wanted.quarters - int(covered[wanted.needs][wanted.day, wanted.slot]))
        closing, sundays, hours = self._fairness(roster)
        return RosterCost(
            missing * prices.missing,
            uncovered,
            closing,
            sundays,
            hours,
            sum(request.price for _, request in refused_requests(problem, roster)),
            self._stability(roster),
            prices.shift * sum(1 for _ in roster.shifts()),
        )

    def _count(self, roster: Roster, holders: frozenset[str]) -> npt.NDArray[np.int64]:
        """Executives of a group by day and pattern."""
        found = np.zeros((self._problem.days, len(self._problem.patterns)), dtype=np.int64)
        for executive_id, day, pattern_id in roster.shifts():
            if executive_id in holders:
                found[day, self._number[pattern_id]] += 1
        return found

    def _fairness(self, roster: Roster) -> tuple[int, int, int]:
        prices, closing, sundays, hours = self._problem.prices, 0, 0, 0
        for contract in self._problem.staff:
            due, got = self._targets[contract.executive_id], had(self._problem, roster, contract.executive_id)
            closing += points_for(got.closing, due.closing_tenths, due.closing_rounds, prices.closing, prices.round)
            sundays += points_for(got.sundays, due.sunday_tenths, due.sunday_rounds, prices.sunday, prices.round)
            above = got.hour_tenths - due.hour_tenths
            hours += prices.hour // TENTHS * (max(0, above) + max(0, above - prices.hour_step_tenths))
        return closing, sundays, hours

    def _stability(self, roster: Roster) -> int:
        problem, prices = self._problem, self._problem.prices
        return sum(
            prices.changed_free if before is None else prices.changed
            for (executive_id, date), before in problem.published.items()
            if problem.first <= date <= problem.last and roster.on(executive_id, date) != before
        )
