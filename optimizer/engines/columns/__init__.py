"""The exact engine: every plan with a proven bound, by column generation over routes.

Executives give at most one appointment in a slot and slots do not overlap, so appointments on a route are in a fixed
order and the relaxation over routes is nearly integral. The steps, each in a file of its own:

1. a plan to start from: insertion, and ruin and recreate where there are deliveries; its routes are the first columns;
2. `generation`: the restricted `master` (an interior point, stopped early) and `pricing` by `labels` in turn, until no
   route with a negative reduced cost is left; a Lagrangian bound after every exact round;
3. `diving`: a plan from the relaxation;
4. `closing`: longer memories and three-row `cuts` inside pricing, `listing` of all routes below the gap, the best
   `partition` of the day into them: a proven optimum;
5. while time is left and the day is not settled: `neighbourhood` search and ruin and recreate in turn.

At any stop there is a plan and a valid bound.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
from threadpoolctl import threadpool_limits

from optimizer.arrays import NO_SLOT, DayArrays, day_arrays
from optimizer.domain import Problem
from optimizer.engines import EngineResult, OnProgress, Orders
from optimizer.engines.columns.closing import Proof, close, combine, converge, tighten_while_it_pays
from optimizer.engines.columns.diving import NEAR_S, STEP_SHARE, dive
from optimizer.engines.columns.generation import Relaxation, first_caps
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.neighbourhood import GROUP_VISITS, groups, improve_group
from optimizer.engines.columns.pool import Column, Pool, Table
from optimizer.engines.columns.pricing import Pricer, reduced_costs, work_within
from optimizer.engines.columns.promises import (
    both_levels,
    broken_promises_by_routes,
    dearest_s,
    promise_price_s,
    with_prices,
)
from optimizer.engines.insertion import insertion
from optimizer.engines.routes import Routes, routes_of, rows_of
from optimizer.engines.ruin import Schedule, anneal
from optimizer.engines.ruin_pool import RouteCollector
from optimizer.stop import PartOf, Stop

RUIN_PART = 0.3
"""Most of the time left that ruin and recreate may take before column generation begins."""

RUIN_S_PER_VISIT, RUIN_S_PER_DIVED_VISIT = 0.04, 0.015
"""Seconds of ruin and recreate per visit that are enough to begin with; fewer where a dive follows."""

MIXED_S, MIXED_S_PER_VISIT = 1.5e-4, 0.055
APPOINTMENTS_S = 1.5e-5
"""Seconds column generation takes, by visits squared or, on large days with deliveries, by visit. With less time than
that a plan is worth more than the beginning of a bound. Measured on committed days; used with time limits only."""

MANY = 400
"""Visits above which a day of appointments may be too large for a bound within the time."""

MOST_DIVED = 300
"""Visits above which a day with deliveries is not dived into: fixed routes leave promises that nobody can keep."""

TIGHTENING_PART, DIVE_PART, COMBINING_PART, GROUPS_PART = 0.4, 0.4, 0.2, 0.3
"""Parts of the time left that longer memories before the first dive, a dive, the combination of known columns, and
groups after a dive may take."""

TOO_DEAR = 0.01
"""A plan of a dive that is dearer than the best one by more than this share is not worth planning groups of it."""

NEARLY = 1e-3
"""Gap above which groups are planned anew before the day is first closed: below it, listing is the shorter way."""

MIXED_GROUP_VISITS = 60
"""Visits of a group on a day with deliveries."""

RUIN_CHUNKS = 60
"""Most iterations of ruin and recreate before column generation begins."""

WORTH_COMBINING = 3e-3
"""Gap from which the known columns of a day with deliveries are combined before it is tightened."""

FAR = 0.01
"""Gap from which ruin and recreate, and memories, go on in turn before the first dive of a day with deliveries."""

FAR_TURNS = 2
"""How often they do."""

FIRST_TRIES = 3
"""How often ruin and recreate begins anew on a small day. Plans of tight days lie in valleys that no annealing leaves:
another try from the first plan is worth more there than a longer one."""

AGAIN_PART = 0.3
"""Part of what is left that ruin and recreate takes again when the day could not be settled."""

IDLE_ROUNDS = 4
"""Times every visit is in a group on average before the neighbourhoods are given up."""

TELL_EVERY_S = 1.0
"""Seconds after which a message without news is worth sending: it is alive."""

SEEDS = 4_000
"""Most routes of ruin and recreate that become columns."""


def columns(
    problem: Problem,
    stop: Stop,
    *,
    seed: int = 1,
    threads: int = 1,
    start: Orders | None = None,
    on_progress: OnProgress | None = None,
) -> EngineResult | None:
    """A plan and a lower bound; the optimum when there is time for it. See the head of the package."""
    first = start
    if first is None:
        built = insertion(problem, stop, seed=seed, on_progress=on_progress)
        if built is None:
            return None
        first = built.orders
    day = day_arrays(problem)
    if not problem.visits or not problem.executives:  # there is one plan only
        return EngineResult(first, int(day.unserved_price.sum()), int(day.weight.sum()))
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(limits=1, user_api="blas"))
        executor = stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None
        search = _Search(problem, day, stop, seed, threads, executor, first, on_progress)
        finished = search.run()
        if search.incumbent.keeps_all:
            return EngineResult(search.orders(), search.bound_s, finished=finished)
        return _with_broken_promises(search)


def _with_broken_promises(search: _Search) -> EngineResult:
    """The best plan and proofs of both levels when a search found no plan that keeps all promises: see `promises`."""
    day, stop, kept_s = search.day, search.stop, search.bound_s
    least, most_s = search.broken_bound, dearest_s(day)
    if kept_s is not None and kept_s > most_s:  # to keep all would cost more than any plan does
        least = max(least, int(day.weight[day.weight > 0].min()))
    if stop.requested or stop.left_s() == 0.0 or stop.left_iterations() == 0:
        return EngineResult(search.orders(), None if least else kept_s, least, finished=False)
    price_s = promise_price_s(day, search.incumbent.average_s())
    priced = search.on(with_prices(day, price_s), price_s * least, least)
    finished = priced.run()
    search.incumbent.offer(priced.incumbent.orders)
    least, bound_s = both_levels(priced.proof.bound_s, price_s, most_s, least)
    if least == 0 and kept_s is not None:
        bound_s = max(bound_s or 0, kept_s)
    return EngineResult(search.orders(), bound_s, least, finished=finished)


class _Search:
    """One run of the engine."""

    def __init__(
        self,
        problem: Problem,
        day: DayArrays,
        stop: Stop,
        seed: int,
        threads: int,
        executor: ThreadPoolExecutor | None,
        start: Orders,
        on_progress: OnProgress | None,
        credit_s: int = 0,
        least: int = 0,
    ) -> None:
        self.problem = problem
        self.day = day
        self.stop = stop
        self.seed = seed
        self.threads = threads
        self.on_progress = on_progress
        self.executor = executor
        self.broken_bound = least
        self.told: tuple[str, tuple[int, int], int | None] | None = None
        self.told_at_s = 0.0
        self.pricer = Pricer(day, executor=executor, most_work=work_within(stop))
        self.start = start
        self.runs = 0
        routes = routes_of(problem, start)
        self.incumbent = Incumbent(day, self.pricer.fleet, rows_of(routes))
        self.mixed = bool((day.slot == NO_SLOT).any())
        self.collected = RouteCollector(day)
        self.pool = Pool(self.incumbent.columns())
        relaxation = Relaxation(self.pool, first_caps(self.pricer, self.incumbent.average_s()))
        self.proof = Proof(self.pricer, relaxation, self.incumbent, stop, self.tell, credit_s=credit_s)

    def on(self, day: DayArrays, credit_s: int, least: int) -> _Search:
        """The same search on other arrays of the day, from the best plan; `credit_s` as of `Proof`.

        `least` is the proven least weight of broken promises, which `credit_s` is the price of.
        """
        given = (self.stop, self.seed, self.threads, self.executor, self.orders(), self.on_progress)
        return _Search(self.problem, day, *given, credit_s, least)

    def orders(self) -> Orders:
        """The best plan."""
        visits = self.problem.visits
        return {
            executive.executive_id: tuple(visits[v].visit_id for v in order)
            for executive, order in zip(self.problem.executives, self.incumbent.orders, strict=True)
            if order
        }

    def tell(self, phase: str) -> None:
        """Report the phase, the best plan and the bound; the same again only after a while."""
        if self.on_progress is None:
            return
        news, now_s = (phase, self.incumbent.level, self.bound_s), self.stop.elapsed_s()
        if news != self.told or now_s - self.told_at_s >= TELL_EVERY_S:
            self.told, self.told_at_s = news, now_s
            self.on_progress(phase, self.orders(), self.bound_s, len(self.pool), self.broken_bound)

    @property
    def bound_s(self) -> int | None:
        """The bound of the second level, the price of promises that every plan breaks taken off; never negative."""
        return None if self.proof.bound_s is None else max(0, self.proof.bound_s - self.proof.credit_s)

    def run(self) -> bool:
        """All steps; True when nothing is left to do."""
        if not self._begin():
            return False
        if not self.incumbent.keeps_all and not self._keep_all():
            return False
        if not converge(self.proof):
            return False
        self.tell("columns")
        if not self.proof.settled:
            if self.mixed:
                tighten_while_it_pays(self.proof, PartOf(self.stop, TIGHTENING_PART))
                for _ in range(FAR_TURNS):
                    if self.proof.gap > FAR and not self.stop.requested:
                        part = self._part(AGAIN_PART, RUIN_S_PER_VISIT)
                        self.ruin(part, self.start)
                        tighten_while_it_pays(self.proof, PartOf(self.stop, TIGHTENING_PART))
            self._dive_and_group(0)
        again = 0
        while not close(self.proof):
            before = self.incumbent.level
            again += 1
            if self.mixed and again % 2 == 0:
                self.ruin(self._part(AGAIN_PART, again * RUIN_S_PER_VISIT))
            self._dive_and_group(again)
            unlimited = self.stop.left_s() is None and self.stop.left_iterations() is None
            if self.stop() or (unlimited and self.incumbent.level == before):
                break
        return self.proof.settled

    def _begin(self) -> bool:
        """Better plans before the bound is looked for; False when the time was better spent on plans alone."""
        left_s = self.stop.left_s()
        visits = len(self.day.place)
        if self.mixed or not self.incumbent.keeps_all:
            needed_s = min(MIXED_S * visits**2, MIXED_S_PER_VISIT * visits)
            bound = left_s is None or not self.mixed or left_s * (1 - RUIN_PART) > needed_s
            tries = FIRST_TRIES if visits <= 2 * MIXED_GROUP_VISITS else 1
            part = (self._first_part() if bound else 1.0) / tries
            for k in range(tries):
                self.ruin(part / (1 - k * part), self.start, collect=True)
            self._seed()
            return bound
        if visits > MANY:
            bound = left_s is None or left_s > APPOINTMENTS_S * visits**2
            if not bound:
                self._neighbours(self.incumbent)
            return bound
        return True

    def _dive_and_group(self, again: int) -> None:
        """A plan from the relaxation where a dive promises one, and groups of its routes planned anew."""
        if self.proof.settled:
            return
        visits = len(self.day.place)
        small = self.mixed and visits <= 2 * MIXED_GROUP_VISITS
        plan = self.incumbent
        weak = self.mixed and not small and self.proof.gap > FAR  # a dive would be driven to a poor plan, slowly
        if (visits <= MOST_DIVED or not self.mixed) and (again == 0 or self.mixed) and not weak:
            plan = self._dived(STEP_SHARE / (1 + again))
        if self.mixed and self.proof.gap > WORTH_COMBINING:
            combine(self.proof, PartOf(self.stop, COMBINING_PART))
        poor = plan.level[1] > (1 + TOO_DEAR) * self.incumbent.level[1] or not plan.keeps_all
        if self.mixed and poor:
            plan = self.incumbent
        if not small and (again or self.proof.gap > NEARLY):
            self._neighbours(plan, again, GROUPS_PART if self.mixed and visits <= MOST_DIVED else 1.0)

    def _neighbours(self, plan: Incumbent, again: int = 0, part: float = 1.0) -> None:
        """Groups of neighbouring routes of a plan planned anew for a part of what is left, larger groups each time.

        Ends when every visit has had its turn in vain, too. The plan is kept when it becomes the best.
        """
        known = self._near_columns()
        size = (MIXED_GROUP_VISITS if self.mixed else GROUP_VISITS) * (2 + again) // 2
        seen: set[frozenset[tuple[int, ...]]] = set()
        idle, patience = 0, 2 + IDLE_ROUNDS * len(self.day.place) // size
        left_s, left = self.stop.left_s(), self.stop.left_iterations()
        for group in groups(self.day, plan, self.seed + again + 1, size):
            now_s, now = self.stop.left_s(), self.stop.left_iterations()
            over = now_s is not None and left_s is not None and now_s <= left_s * (1 - part)
            over |= now is not None and left is not None and now <= left * (1 - part)
            if over or self.stop.requested or idle >= patience or self.proof.settled:
                break
            idle += 1
            routes = frozenset(plan.orders[e] for e in group)
            if routes in seen:
                continue
            seen.add(routes)
            if improve_group(self.day, plan, self.pricer, known, group, self.stop):
                idle = 0
                if plan is self.incumbent or self.incumbent.offer(plan.orders):
                    self.tell("neighbourhood")

    def _keep_all(self) -> bool:
        """Try to keep all promises after all, by a dive; False when that is proven impossible, or was not found."""
        self.broken_bound = broken_promises_by_routes(
            self.day, self.incumbent, self.stop, self.executor, lambda _: self.tell("promises")
        )
        if self.broken_bound > 0:
            return False
        if converge(self.proof):
            self._neighbours(self._dived(STEP_SHARE))
        return self.incumbent.keeps_all

    def _near_columns(self) -> Table:
        """The columns whose reduced cost is small, to start groups from."""
        relaxation, table = self.proof.relaxation, self.pool.table()
        if relaxation.duals is None:
            return table
        reduced = reduced_costs(table, relaxation.duals)
        return table.rows(np.flatnonzero(reduced <= NEAR_S * GRID))

    def _first_part(self) -> float:
        dived = len(self.day.place) <= MOST_DIVED
        part = self._part(RUIN_PART, RUIN_S_PER_DIVED_VISIT if dived else RUIN_S_PER_VISIT)
        left = self.stop.left_iterations()
        return min(part, RUIN_CHUNKS / left) if left else part

    def _part(self, most: float, s_per_visit: float) -> float:
        """The part of what is left that comes to so many seconds per visit, but at most `most`."""
        left_s = self.stop.left_s()
        return min(most, s_per_visit * len(self.day.place) / left_s) if left_s else most

    def ruin(self, part: float, start: Orders | None = None, *, collect: bool = False) -> None:
        """Ruin and recreate from the best plan, or another one, for a part of what is left, with a seed of its own."""
        routes = routes_of(self.problem, self.orders() if start is None else start)
        anneal(
            self.day,
            routes,
            self.stop,
            seed=self.seed + 7_919 * self.runs,
            threads=self.threads,
            schedule=Schedule(self.stop, part),
            pool=self.collected if collect else None,
            on_better=self._adopt,
        )
        self.runs += 1
        self._adopt(routes)

    def _adopt(self, routes: Routes) -> None:
        if self.incumbent.offer(rows_of(routes)):
            self.tell("ruin")

    def _seed(self) -> None:
        """Routes of ruin and recreate become columns, those of the best plans first."""
        for column in self.incumbent.columns():
            self.pool.add(column)
        seen = self.collected.collected()
        for k in range(min(SEEDS, len(seen.executive))):
            visits = tuple(int(v) for v in seen.visits[seen.visits_at[k] : seen.visits_at[k + 1]])
            self.pool.add(Column(int(self.pricer.fleet.of[seen.executive[k]]), visits, int(seen.cost_s[k])))

    def _dived(self, share: float) -> Incumbent:
        """The plan of a dive, better or worse than the best: it is made of the columns that the relaxation drives."""
        chosen = dive(self.pricer, self.proof.relaxation, PartOf(self.stop, DIVE_PART), share)
        if chosen is None:
            return self.incumbent
        if self.incumbent.offer_columns(chosen):
            self.tell("dive")
            return self.incumbent
        plan = Incumbent(self.day, self.pricer.fleet, self.incumbent.prefixes())
        plan.offer_columns(chosen)
        return plan
