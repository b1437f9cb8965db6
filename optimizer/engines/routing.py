"""The OR-Tools routing library as an engine: every rule of the model, solved in rounds.

A first plan of the whole day by the library's local cheapest insertion and descent, then round after round:
take the routes round a visit, some fifty visits, cut strings of visits out of a few of them (Christiaens,
Vanden Berghe, "Slack induction by string removals for vehicle routing problems", Transportation Science
54(2), 2020), have the library put them back and descend, and keep what is no dearer (solving a large day
part by part: Taillard, Voss, "POPMUSIC", 2002). Small models are what makes it fast: the library looks
through all pairs of a model before it calls a plan a local optimum, and its guided local search, simulated
annealing and tabu search on the whole day had gained less by the end of every run we measured.

How the rules of a day are said to the library stands in `routing_model`. Routes are timed and judged by our
own `timing` and prices, the library's sums only guide it.
"""

from __future__ import annotations

import numpy as np

from optimizer.arrays import NEVER, BoolArray, DayArrays, Int64Array, day_arrays, lean_kernel
from optimizer.domain import Problem
from optimizer.engines import EngineResult, OnProgress, Orders
from optimizer.engines.arcs import longest_over_break, nodes_of
from optimizer.engines.routes import (
    NOBODY,
    UNRUNNABLE,
    Routes,
    cheapest,
    orders_of,
    put,
    refresh,
    route_cost_s,
    routes_of,
    take,
)
from optimizer.engines.routing_model import TELL_EVERY_S, Model, Watch
from optimizer.stop import Stop

GROUP_VISITS = (20, 70)
"""Visits of a round, from and below."""

IDLE_EXECUTIVES = 2
"""Executives without a route who join a round, at most."""

STRINGS, STRING_VISITS = 3, 8
"""Strings cut out in a round, and visits in each, at most."""

DESCENT_SHARE = 0.35
"""Share of the time limit after which the descent on the whole day makes way for the rounds."""

PATIENCE_ROUNDS, PATIENCE_PER_VISIT = 50, 20
"""Rounds without a gain, in all and for each visit, after which the engine calls itself finished."""


HOTTEST_S = 100
"""Annealing: cost seconds a round may lose with probability 1/e in the beginning; falls to 0 at the end."""


def routing(
    problem: Problem,
    stop: Stop,
    *,
    seed: int = 1,
    threads: int = 1,  # noqa: ARG001  (runs on one)
    start: Orders | None = None,
    on_progress: OnProgress | None = None,
) -> EngineResult | None:
    """Search with OR-Tools routing. See the head of the file.

    The first iteration of the stop makes the first plan (or takes the start), each further one is a round.
    None when stopped before the first plan and no start was given. Fixed prefixes must be such that a
    route can begin with them.
    """
    if stop():
        return None if start is None else EngineResult(start, finished=False)
    search = _Search(problem, stop, seed, on_progress)
    if start is not None:
        search.begin_with(start)
    elif not search.make_first_plan():
        return None
    finished = search.improve()
    return EngineResult(orders_of(problem, search.routes), finished=finished)


# --------------------------------------------------------------------------------- the search


@lean_kernel
def _set_route(day: DayArrays, routes: Routes, e: int, order: Int64Array) -> None:
    """Give e this route."""
    routes.length[e] = len(order)
    for p in range(len(order)):
        routes.order[e, p] = order[p]
        routes.owner[order[p]] = e
    refresh(day, routes, e)


@lean_kernel
def _fill(day: DayArrays, routes: Routes, executives: Int64Array, visits: Int64Array) -> None:
    """Put each of these visits that nobody serves where it is cheapest, on the exact clock, if that is worth it."""
    for k in range(len(visits)):
        v = visits[k]
        if routes.owner[v] != NOBODY:
            continue
        best = NEVER if day.weight[v] > 0 else day.unserved_price[v]
        by, at = NOBODY, -1
        for i in range(len(executives)):
            extra, p = cheapest(day, routes, executives[i], v)
            if p >= 0 and extra < best:
                best, by, at = extra, executives[i], p
        if by != NOBODY:
            put(day, routes, by, at, v)


@lean_kernel
def _group_cost(day: DayArrays, routes: Routes, executives: Int64Array, visits: Int64Array) -> tuple[int, int]:
    """Both levels of these routes and of those of these visits that nobody serves."""
    broken, cost = 0, 0
    for i in range(len(executives)):
        if routes.overtime_s[executives[i]] >= NEVER:
            broken += UNRUNNABLE
        else:
            cost += route_cost_s(day, routes, executives[i])
    for k in range(len(visits)):
        if routes.owner[visits[k]] == NOBODY:
            broken += day.weight[visits[k]]
            cost += day.unserved_price[visits[k]]
    return broken, cost


class _Search:
    """The plan so far, on the exact clock, and the rounds that improve it."""

    def __init__(self, problem: Problem, stop: Stop, seed: int, on_progress: OnProgress | None) -> None:
        self._problem, self._stop, self._tell = problem, stop, on_progress
        self._told_s = -TELL_EVERY_S
        self._rng = np.random.default_rng(seed)
        self._day = day_arrays(problem)
        self.routes = routes_of(problem)
        self._everyone = np.arange(len(problem.executives))
        self._everything = np.arange(len(problem.visits))
        self._kept: list[Int64Array] = []
        self._visits = np.zeros(0, dtype=np.int64)
        self._executives = np.zeros(0, dtype=np.int64)
        if problem.visits and problem.executives:
            self._nodes = nodes_of(problem)
            self._bind()
            # What the library plans; who is bound still gets what `_fill` finds for them.
            self._visits = np.flatnonzero(self._nodes.able.any(axis=0))
            self._executives = np.flatnonzero(self._nodes.able.any(axis=1))
        movable = np.ones(len(problem.visits), dtype=np.bool_)
        movable[self._day.prefix] = False
        self._movable = np.flatnonzero(movable)

    def _bind(self) -> None:
        """Leave those out of the models whose break or prefix cannot be said to the library."""
        day, nodes = self._day, self._nodes
        everywhere = np.arange(len(nodes.service_s))
        for e in self._everyone:
            prefix = day.prefix[day.prefix_at[e] : day.prefix_at[e + 1]]
            last = min(int(day.break_close_s[e]), int(day.latest_end_s[e] - day.break_s[e]))
            if (
                (day.break_s[e] and last - longest_over_break(nodes, everywhere, int(e)) < day.shift_open_s[e])
                or not nodes.able[e, prefix].all()
                or (prefix.size and Model(nodes, prefix, np.array([e])).solve(None, None) is None)
            ):
                nodes.able[e, :] = False

    def begin_with(self, start: Orders) -> None:
        """Take these orders as the plan so far."""
        self.routes = routes_of(self._problem, start)

    def make_first_plan(self) -> bool:
        """First plan of the whole day and a descent from it; False when stopped before there was one."""
        if not self._visits.size:
            return True
        left = self._stop.left_s()
        until = None if left is None else self._stop.elapsed_s() + DESCENT_SHARE * left
        executives = self._rng.permutation(self._executives)
        model = Model(self._nodes, self._rng.permutation(self._visits), executives)
        watch = Watch(self._stop, until, lambda found: self._adopt(executives, found))
        found = model.solve_watched(self._stop.left_s(), watch)
        if found is None:
            return False
        self._adopt(executives, found)
        return True

    def _adopt(self, executives: Int64Array, found: list[list[int]]) -> None:
        """Take routes of the library for the whole day as the plan so far, with what fits in besides."""
        self.routes = routes_of(self._problem)
        for e, route in zip(executives, found, strict=True):
            _set_route(self._day, self.routes, e, np.array(route, dtype=np.int64))
            _cut_until_runnable(self._day, self.routes, int(e))
        _fill(self._day, self.routes, self._everyone, self._movable)
        self._report()

    def _report(self) -> None:
        if self._tell is not None and self._stop.elapsed_s() - self._told_s >= TELL_EVERY_S:
            self._told_s = self._stop.elapsed_s()
            self._tell("routing", orders_of(self._problem, self.routes), None)

    def improve(self) -> bool:
        """Rounds until told to stop (False) or none helps any more (True); the best plan met is kept."""
        _fill(self._day, self.routes, self._everyone, self._movable)
        self._keep()
        patience = PATIENCE_ROUNDS + PATIENCE_PER_VISIT * len(self._visits)
        left_s, left_rounds = self._stop.left_s(), self._stop.left_iterations()
        now = best = (0, 0)  # both levels, counted from the first plan
        idle = 0
        while self._visits.size and idle < patience:
            if self._stop():
                break
            ahead = [1 - idle / patience] if left_s is None and left_rounds is None else []
            ahead += [(self._stop.left_s() or 0.0) / left_s] if left_s else []
            ahead += [(self._stop.left_iterations() or 0) / left_rounds] if left_rounds else []
            broken, cost = self._round(HOTTEST_S * min(ahead, default=0.0))
            now = (now[0] + broken, now[1] + cost)
            idle += 1
            if now < best:
                best, idle = now, 0
                self._keep()
                self._report()
        self._give(self._everyone, self._everything, self._kept)
        return idle >= patience or not self._visits.size

    def _keep(self) -> None:
        """Remember the plan so far as the best."""
        lengths = self.routes.length
        self._kept = [self.routes.order[e, : lengths[e]].copy() for e in self._everyone]

    def _round(self, heat_s: float) -> tuple[int, int]:
        """Solve a group of routes again, with some of their visits cut out; what that changed of both levels.

        A second level dearer by d seconds is accepted with probability exp(-d / heat).
        """
        day, routes = self._day, self.routes
        executives, visits = self._group()
        if not executives.size:
            return 0, 0
        old = [routes.order[e, : routes.length[e]].copy() for e in executives]
        before = _group_cost(day, routes, executives, visits)
        model = Model(self._nodes, visits, executives)
        found = model.solve(self._ruined(executives, visits, old), self._stop.left_s())
        if found is None:
            return 0, 0
        self._give(executives, visits, [np.array(route, dtype=np.int64) for route in found])
        _fill(day, routes, executives, visits)
        after = _group_cost(day, routes, executives, visits)
        dearer = after[1] - before[1] - int(heat_s * self._rng.exponential())
        if (after[0], dearer) > (before[0], 0):
            self._give(executives, visits, old)
            return 0, 0
        return after[0] - before[0], after[1] - before[1]

    def _give(self, executives: Int64Array, visits: Int64Array, orders: list[Int64Array]) -> None:
        self.routes.owner[visits] = NOBODY
        for e, order in zip(executives, orders, strict=True):
            _set_route(self._day, self.routes, e, order)

    def _group(self) -> tuple[Int64Array, Int64Array]:
        """Executives and visits round a random visit, or a broken promise: whole routes, and unserved visits."""
        day, owner = self._day, self.routes.owner
        broken = self._visits[(owner[self._visits] == NOBODY) & (day.weight[self._visits] > 0)]
        among = broken if broken.size and self._rng.random() < 0.5 else self._visits
        centre = self._rng.choice(among)
        size = int(self._rng.integers(*GROUP_VISITS))
        reference = self._nodes.reference_s
        near = self._visits[
            np.argsort(reference[centre, self._visits] + reference[self._visits, centre], kind="stable")
        ]
        planned_for = np.zeros(len(self._everyone), dtype=np.bool_)
        planned_for[self._executives] = True
        executives: list[int] = []
        visits: list[int] = []
        for v in near:
            e = int(owner[v])
            if e == NOBODY:
                visits.append(int(v))
            elif planned_for[e] and e not in executives:
                executives.append(e)
                visits.extend(self.routes.order[e, : self.routes.length[e]].tolist())
            if len(visits) >= size and executives:
                break
        idle = np.flatnonzero((self.routes.length == 0) & planned_for)
        executives.extend(self._rng.permutation(idle)[:IDLE_EXECUTIVES].tolist())
        chosen = self._rng.permutation(np.array(executives, dtype=np.int64))
        members = self._rng.permutation(np.array(visits, dtype=np.int64))
        able: BoolArray = self._nodes.able[np.ix_(chosen, members)]
        return chosen, members[np.flatnonzero(able.sum(axis=0))]

    def _ruined(self, executives: Int64Array, visits: Int64Array, orders: list[Int64Array]) -> list[list[int]]:
        """These routes without some strings of visits, each from another route, near a random visit; prefixes stay."""
        routes = [order.tolist() for order in orders]
        if not visits.size:
            return routes
        fixed = np.diff(self._day.prefix_at)[executives]
        stands = {v: (k, p) for k, route in enumerate(routes) for p, v in enumerate(route)}
        centre = self._rng.choice(visits)
        reference = self._nodes.reference_s
        near = visits[np.argsort(reference[centre, visits] + reference[visits, centre], kind="stable")]
        left = int(self._rng.integers(1, STRINGS + 1))
        cut: set[int] = set()
        for v in near.tolist():
            k, p = stands.get(v, (-1, -1))
            if k in cut or p < fixed[k]:
                continue
            length = int(self._rng.integers(1, min(STRING_VISITS, len(routes[k]) - fixed[k]) + 1))
            first = int(self._rng.integers(max(fixed[k], p - length + 1), min(p, len(routes[k]) - length) + 1))
            del routes[k][first : first + length]
            cut.add(k)
            left -= 1
            if left == 0:
                break
        return routes


def _cut_until_runnable(day: DayArrays, routes: Routes, e: int) -> int:
    """Take visits off the end of the route of e, its prefix excepted, until it can be run; returns how many.

    By construction none has to go; this stands between a mistake of the model and a plan nobody can drive.
    """
    taken = 0
    while routes.overtime_s[e] >= NEVER and routes.length[e] > day.prefix_at[e + 1] - day.prefix_at[e]:
        take(day, routes, routes.order[e, routes.length[e] - 1])
        taken += 1
    return taken
