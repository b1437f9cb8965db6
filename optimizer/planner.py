"""From a problem to a checked result: bounds, an engine or several, the second opinion, the honest status.

Level 1 is settled before level 2 counts. A plan is *optimal* when it keeps all promises and its cost
equals the lower bound, *feasible* when it keeps all promises, *infeasible* when it is proven that no plan
can keep them all (the plan given is the best effort), *unknown* when promises are broken and nothing is
proven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from optimizer.bounds import broken_promises_bound, can_reach, flow_bound_s
from optimizer.check import ViolationCode, violations
from optimizer.domain import (
    Cost,
    Fault,
    InvalidProblem,
    Limits,
    MitaanError,
    Problem,
    Progress,
    Result,
    Status,
)
from optimizer.engines import Engine, EngineResult, OnProgress, Orders
from optimizer.engines.columns import columns
from optimizer.engines.insertion import insertion
from optimizer.engines.routing import routing
from optimizer.engines.ruin import ruin
from optimizer.objective import broken_promises, cost
from optimizer.stop import Stop, StopAt
from optimizer.timing import runnable_prefixes, timed

ENGINES: Mapping[str, Engine] = {"insertion": insertion, "routing": routing, "ruin": ruin, "columns": columns}
AUTO = "auto"
WORTH_SEARCHING_S = 0.2
"""With less time left than this, `auto` does not begin the exact engine."""

OnPlanProgress = Callable[[Progress], None]
OnBetterPlan = Callable[[Orders], None]
"""Called with the orders of each plan that is better than all before it, before the message that tells its cost."""


class EngineDefect(MitaanError):  # noqa: N818  (not an error of the user's: an engine broke a rule)
    """The checker found a violation in an engine's plan, other than promises it reported as broken."""


class UnknownEngine(MitaanError):  # noqa: N818
    """An engine was asked for that does not exist."""


def plan_day(
    problem: Problem,
    limits: Limits,
    *,
    engine: str = AUTO,
    stop: StopAt | None = None,
    start: Orders | None = None,
    on_progress: OnPlanProgress | None = None,
    on_better: OnBetterPlan | None = None,
) -> Result | None:
    """Plan a day within the limits; None when stopped before there was a plan.

    `stop`, where given, is used instead of a new one made of the limits, so that the caller can end the
    search from outside; the best plan so far is returned. `start`, where given, are orders that can be run: the
    search begins from them, and the result is never worse. The result is checked before it is returned.
    Raises InvalidProblem for a fixed prefix that cannot be run, UnknownEngine, and EngineDefect.
    """
    if engine not in (AUTO, *ENGINES):
        raise UnknownEngine(f"{engine!r}: one of {', '.join((AUTO, *ENGINES))}")
    _refuse_prefixes_that_cannot_be_run(problem)
    stop = StopAt.within(limits) if stop is None else stop
    reach = can_reach(problem)
    broken_bound = broken_promises_bound(problem, reach)
    lower_bound, keepable = flow_bound_s(problem, reach)
    if not keepable:
        broken_bound = max(broken_bound, min(v.weight for v in problem.appointments))
    if broken_bound > 0:
        lower_bound = None
    watch = _Watch(problem, stop, lower_bound, broken_bound, on_progress, on_better)
    watch("bound", start, lower_bound)
    if engine == AUTO:
        used, found = _auto(problem, stop, limits, start, watch, lower_bound)
    else:
        used = engine
        found = ENGINES[engine](problem, stop, seed=limits.seed, threads=limits.threads, start=start, on_progress=watch)
    if found is None:
        return None
    if found.broken_promises_bound > broken_bound:
        broken_bound, lower_bound = found.broken_promises_bound, None  # it was one of plans that break less
    if found.lower_bound_s is not None and found.broken_promises_bound == broken_bound:
        lower_bound = max(lower_bound or 0, found.lower_bound_s)
    return judged(
        problem,
        limits,
        found.orders,
        engine=used,
        runtime_s=stop.elapsed_s(),
        lower_bound_s=lower_bound,
        broken_bound=broken_bound,
    )


def _refuse_prefixes_that_cannot_be_run(problem: Problem) -> None:
    faults = [
        Fault(
            ("executives", executive_id, "fixed_prefix"),
            "prefix_cannot_be_run",
            list(problem.executive_by_id[executive_id].fixed_prefix),
            "a route can begin with these visits in this order within windows, shift and break",
        )
        for executive_id, runnable in runnable_prefixes(problem).items()
        if not runnable
    ]
    if faults:
        raise InvalidProblem(faults)


def _auto(
    problem: Problem,
    stop: Stop,
    limits: Limits,
    start: Orders | None,
    watch: OnProgress,
    lower_bound_s: int | None,
) -> tuple[str, EngineResult | None]:
    """Insertion first; then the exact engine from its plan while there is time and nothing is proven."""
    first = insertion(problem, stop, seed=limits.seed, start=start, on_progress=watch)
    if first is None:
        return "insertion", None
    now = cost(problem, timed(problem, first.orders))
    proven = now.broken_promises == 0 and now.second_level_s == (lower_bound_s or 0)
    left = stop.left_s()
    if proven or not problem.visits or not problem.executives or stop.requested:
        return "insertion", first
    if (left is not None and left < WORTH_SEARCHING_S) or stop.left_iterations() == 0:
        return "insertion", first
    second = columns(problem, stop, seed=limits.seed, threads=limits.threads, start=first.orders, on_progress=watch)
    return "insertion+columns", first if second is None else second


def judged(
    problem: Problem,
    limits: Limits,
    orders: Orders,
    *,
    engine: str,
    runtime_s: float,
    lower_bound_s: int | None,
    broken_bound: int,
) -> Result:
    """Orders as a result, with what is proven of the day; the checker has judged it.

    `lower_bound_s` bounds the second level of plans that break no more than `broken_bound`, the proven least.
    Raises EngineDefect when a rule is broken.
    """
    plan = timed(problem, orders)
    total = cost(problem, plan)
    wrong = [v for v in violations(problem, plan, total) if v.code is not ViolationCode.PROMISE_BROKEN]
    if wrong:
        raise EngineDefect(f"engine {engine}: " + "; ".join(str(v) for v in wrong))
    if lower_bound_s is None and total.broken_promises == 0 and total.second_level_s == 0:
        lower_bound_s = 0  # no term of the second level is ever negative
    return Result(
        status=_status(total, lower_bound_s, broken_bound),
        plan=plan,
        cost=total,
        lower_bound_s=lower_bound_s,
        broken_promises_bound=broken_bound,
        gap=gap(total, lower_bound_s, broken_bound),
        broken_promises=broken_promises(problem, plan),
        engine=engine,
        seed=limits.seed,
        threads=limits.threads,
        runtime_s=runtime_s,
        travel_origin=problem.travel.origin,
        input_sha256=problem.input_sha256,
    )


def gap(total: Cost, lower_bound_s: int | None, broken_bound: int = 0) -> float | None:
    """(cost - bound) / cost of the second level; None while nothing is proven or more is broken than the least."""
    if lower_bound_s is None or total.broken_promises > broken_bound:
        return None
    if total.second_level_s == 0:
        return 0.0
    return (total.second_level_s - lower_bound_s) / total.second_level_s


def _status(total: Cost, lower_bound_s: int | None, broken_bound: int) -> Status:
    if broken_bound > 0:
        return Status.INFEASIBLE
    if total.broken_promises > 0:
        return Status.UNKNOWN
    return Status.OPTIMAL if total.second_level_s == lower_bound_s else Status.FEASIBLE


class _Watch:
    """Turns what engines report into progress messages, keeping the best cost seen."""

    def __init__(
        self,
        problem: Problem,
        stop: Stop,
        lower_bound_s: int | None,
        broken_bound: int,
        on_progress: OnPlanProgress | None,
        on_better: OnBetterPlan | None,
    ) -> None:
        self._problem = problem
        self._stop = stop
        self._bound_s = lower_bound_s
        self._broken_bound = broken_bound
        self._best: Cost | None = None
        self._tell = on_progress
        self._show = on_better

    def __call__(
        self,
        phase: str,
        orders: Orders | None,
        lower_bound_s: int | None,
        columns: int | None = None,
        broken_bound: int = 0,
        /,
    ) -> None:
        """One report of an engine."""
        if self._tell is None and self._show is None:
            return
        if orders is not None:
            now = cost(self._problem, timed(self._problem, orders))
            if self._best is None or now < self._best:
                self._best = now
                if self._show is not None:
                    self._show(orders)
        if self._tell is None:
            return
        if broken_bound > self._broken_bound:  # what was proven of plans that break less says nothing any more
            self._broken_bound, self._bound_s = broken_bound, None
        if lower_bound_s is not None and broken_bound == self._broken_bound:
            self._bound_s = max(self._bound_s or 0, lower_bound_s)
        more = self._best is not None and self._best.broken_promises > self._broken_bound
        bound_s = None if more else self._bound_s
        best_gap = None if self._best is None else gap(self._best, bound_s, self._broken_bound)
        self._tell(Progress(phase, self._stop.elapsed_s(), self._best, bound_s, best_gap, columns, self._broken_bound))
