"""What a run had found by when: its best plans so far, each with the second at which it was there.

A planner tells of a plan while its own clock runs, so telling must cost next to nothing: costs are kept as they are,
orders are timed and costed after the run. Of plans that come within one hundredth of the elapsed time (or within
50 ms) only the last is kept, so the log stays short and no plan is logged earlier than it was found, none later
than by that hundredth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.judge import BrokenPlan, plan_of
from optimizer.domain import Problem, Progress
from optimizer.engines import Orders
from optimizer.objective import cost

Incumbent = tuple[float, int, int, int | None]
"""Seconds since the run began, weight of broken promises, cost of the second level, lower bound or None."""

STEP_S, STEP_SHARE = 0.05, 0.01
"""Plans closer together than this many seconds, and than this share of the elapsed time, count as one."""


@dataclass(frozen=True, slots=True)
class _Told:
    elapsed_s: float
    found: tuple[int, int] | Orders
    lower_bound_s: int | None


class Incumbents:
    """The log of one run, its clock starting now."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._begin_s = clock()
        self._told: list[_Told] = []

    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._begin_s

    def progressed(self, progress: Progress) -> None:
        """A message of `plan_day`; one without a plan is passed over, its bound comes with the next.

        Bounds are those of plans that keep all promises.
        """
        if progress.best is not None:
            bound_s = None if progress.broken_promises_bound else progress.lower_bound_s
            self.costs(progress.best.broken_promises, progress.best.second_level_s, bound_s)

    def costs(self, broken_weight: int, cost_s: int, lower_bound_s: int | None = None) -> None:
        """There is a plan with these two levels."""
        self._add((broken_weight, cost_s), lower_bound_s)

    def orders(self, orders: Orders) -> None:
        """There is a plan with these orders; what it costs is found out after the run."""
        self._add(orders, None)

    def _add(self, found: tuple[int, int] | Orders, lower_bound_s: int | None) -> None:
        told = _Told(self.elapsed_s(), found, lower_bound_s)
        if self._told and self._told[-1].found == found and self._told[-1].lower_bound_s == lower_bound_s:
            return
        step_s = max(STEP_S, STEP_SHARE * told.elapsed_s)
        if len(self._told) > 1 and told.elapsed_s - self._told[-2].elapsed_s < step_s:
            self._told.pop()
        self._told.append(told)

    def costed(self, problem: Problem) -> list[Incumbent]:
        """The log in costs: only plans, or bounds, better than all before. Plans that break a rule are left out."""
        log: list[Incumbent] = []
        for told in self._told:
            found = told.found if isinstance(told.found, tuple) else _levels(problem, told.found)
            if found is not None:
                log = extended(log, told.elapsed_s, found, told.lower_bound_s)
        return log


def extended(
    log: list[Incumbent], elapsed_s: float, found: tuple[int, int], lower_bound_s: int | None
) -> list[Incumbent]:
    """The log with one more plan and bound, where either is better than the last."""
    if not log:
        return [(round(elapsed_s, 4), *found, lower_bound_s)]
    _, broken, cost_s, bound_s = log[-1]
    best = min((broken, cost_s), found)
    bounds = [bound for bound in (bound_s, lower_bound_s) if bound is not None]
    proven = max(bounds, default=None)
    if best == (broken, cost_s) and proven == bound_s:
        return log
    return [*log, (round(elapsed_s, 4), *best, proven)]


def _levels(problem: Problem, orders: Orders) -> tuple[int, int] | None:
    try:
        total = cost(problem, plan_of(problem, orders))
    except BrokenPlan:
        return None
    return total.broken_promises, total.second_level_s
