"""Ruin and recreate: the anytime engine of days with deliveries.

Slack induction by string removals (Christiaens and Vanden Berghe, Transportation Science 54(2), 2020): strings
of neighbouring stops are taken out of routes near a random visit and put back greedily with a few positions
overlooked; simulated annealing decides whether the change is kept. Now and then a sweep of the insertion
engine assigns whole slots anew. What is particular to this day is left to `routes.cost_at`, so every rule
of the model holds in every round. The rounds themselves are compiled (`ruin_kernels`).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from optimizer.arrays import NO_SLOT, DayArrays, Int32Array, Int64Array, day_arrays
from optimizer.domain import Problem
from optimizer.engines import EngineResult, OnProgress, Orders
from optimizer.engines.insertion import (
    CUT_EVERY_S,
    insertion,
    rematch_tails,
    sweep_deliveries,
    sweep_slots,
)
from optimizer.engines.routes import Routes, orders_of, refresh_all, routes_of, total_cost
from optimizer.engines.ruin_kernels import (
    BEST_BROKEN,
    BEST_COST,
    BROKEN,
    COST,
    Search,
    keep_best,
    list_unserved,
    ruin_and_recreate,
)
from optimizer.engines.ruin_pool import RouteCollector
from optimizer.stop import Stop

CHUNK_ROUNDS = 2_000
"""Rounds of one iteration of the stop, on every thread."""
CALL_ROUNDS = 250
"""Rounds of one call of the kernel: between two the clock is read and routes are collected."""
SWEEP_CHUNKS = 8
"""Every so many iterations each thread sweeps its routes once: about every second of a day of 600 visits."""
EXCHANGE_CHUNKS = 8
"""Every so many iterations all threads go on from the best routes of any of them."""
CHUNKS = 200
"""Iterations without any limit."""
START_SWEEPS = 24
"""Rounds of sweeps the construction may take, all its attempts together; what is left to do is done by rounds."""
NEAREST = 200
WAITING_SHARE = 0.15
"""Nearness of two visits in half of the rounds: travel plus this share of the waiting between them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How hard to shake. Temperatures are given in mean arc costs of the best routes so far."""

    visits: int = 15
    hot: float = 1.0
    cold: float = 0.01


class Schedule:
    """How much of a search is over, from 0 to 1: the larger of its shares of time and of iterations.

    `part` is the share of what the stop has left when the schedule is made; without any limit a fixed
    number of chunks counts instead. Without a time limit the answers are the same on every machine.
    """

    def __init__(self, stop: Stop, part: float = 1.0) -> None:
        self._stop = stop
        left_s, left = stop.left_s(), stop.left_iterations()
        self._begin_s = stop.elapsed_s()
        self._limit_s = None if left_s is None else left_s * part
        self._limit = CHUNKS if left is None and left_s is None else left
        if self._limit is not None:
            self._limit = int(np.ceil(self._limit * part))
        self._done = 0
        self._before = 0.0

    def next(self) -> tuple[float, float] | None:
        """The shares that are over before the next chunk and, as far as can be told, after it; None at the end."""
        now, step = 0.0, 0.0
        if self._limit is not None:
            if self._done >= self._limit:
                return None
            now, step = self._done / self._limit, 1.0 / self._limit
        if self._limit_s is not None:
            spent_s = self._stop.elapsed_s() - self._begin_s
            if spent_s >= self._limit_s:
                return None
            now = max(now, spent_s / self._limit_s)
            step = max(step, now - self._before)
        self._before = now
        self._done += 1
        return now, min(1.0, now + step)

    def over(self) -> bool:
        """True when somebody asked for the end or the time is up, in the middle of a chunk."""
        late = self._limit_s is not None and self._stop.elapsed_s() - self._begin_s >= self._limit_s
        return self._stop.requested or late


class _StartStop:
    """The stop of the construction: one iteration of the search's stop, then a fixed number of sweeps."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._left = START_SWEEPS

    def __call__(self) -> bool:
        self._left -= 1
        if self._left == START_SWEEPS - 1:
            return self._stop()
        return self._left < 0 or self._stop.requested or self._stop.left_s() == 0.0

    def elapsed_s(self) -> float:
        """As of the search's stop."""
        return self._stop.elapsed_s()

    def left_s(self) -> float | None:
        """As of the search's stop."""
        return self._stop.left_s()

    def left_iterations(self) -> int | None:
        """Sweeps left, one more for the construction."""
        return self._left

    @property
    def requested(self) -> bool:
        """As of the search's stop."""
        return self._stop.requested


# -------------------------------------------------------------------------------- preparation


def nearest_visits(day: DayArrays) -> Int32Array:
    """For both measures of nearness and every visit the other visits, nearest first; at most NEAREST of them.

    The first measure is travel, the mean of both directions, the second adds WAITING_SHARE of the waiting between the
    windows: the seconds from the latest end of one to the opening of the other.
    """
    visits = len(day.place)
    there = day.reference_s[np.ix_(day.place, day.place)].astype(np.float64)
    opens = day.window_open_s[day.window_at[:-1]] if visits else np.zeros(0, dtype=np.int64)
    ends = (day.window_close_s[day.window_at[1:] - 1] if visits else opens) + day.service_s
    waiting = opens[None, :] - ends[:, None] - there
    travel = (there + there.T) / 2.0
    timely = travel + WAITING_SHARE * np.maximum(0.0, np.maximum(waiting, waiting.T))
    count = min(NEAREST, max(0, visits - 1))
    near = np.zeros((2, visits, count), dtype=np.int32)
    for measure, distance in enumerate((travel, timely)):
        np.fill_diagonal(distance, -1.0)  # oneself first, to be left out
        near[measure] = np.argsort(distance, axis=1, kind="stable")[:, 1 : count + 1]
    return near


def _ranks(day: DayArrays) -> tuple[Int64Array, Int64Array]:
    """Keys by which loose visits are sorted, and how often each is drawn (-1: a random order)."""
    appointment = day.slot != NO_SLOT
    wanted = np.bincount(day.slot[appointment], minlength=int(day.slot.max(initial=0)) + 1)
    takers = np.maximum(1, day.may_serve.sum(axis=0))
    depot = day.start_place[0]
    away = day.reference_s[depot, day.place].astype(np.int64)
    opens = day.window_open_s[day.window_at[:-1]]
    closes = day.window_close_s[day.window_at[1:] - 1]
    scarcity = np.where(appointment, wanted[day.slot] * 1_000 // takers, 0)
    keys = [
        np.where(appointment, 1_000_000 - np.minimum(scarcity, 1_000_000), 2_000_000 - day.service_s),
        100_000 - away,
        away,
        closes - opens,
        opens,
        100_000 - closes,
    ]
    kinds = [-1] * 4 + [0] * 4 + [1] * 2 + [2] + [3] * 2 + [4] * 2 + [5] * 2
    return np.array(keys, dtype=np.int64), np.array(kinds, dtype=np.int64)


def mean_arc_s(day: DayArrays, routes: Routes) -> float:
    """Mean reference seconds between two stops of the routes, ways from and to their ends included; at least 1."""
    travel, arcs = 0, 0
    for e in range(len(routes.length)):
        size = int(routes.length[e])
        if size > 0:
            travel += int(routes.busy_s[e]) - int(day.service_s[routes.order[e, :size]].sum())
            arcs += size + 1
    return max(1.0, travel / max(1, arcs))


class _Chain:
    """One search: its routes, a copy to undo from, and what it knows."""

    def __init__(
        self, day: DayArrays, routes: Routes, near: Int32Array, movable: Int64Array, seed: int, settings: Settings
    ) -> None:
        executives, visits = len(routes.length), len(routes.owner)
        ranks, kinds = _ranks(day)
        self.day = day
        self.routes = routes
        self.saved = Routes(*(array.copy() for array in routes))
        self._settings = settings
        self._deliveries = movable[day.slot[movable] == NO_SLOT]
        self.search = Search(
            near=near,
            ranks=ranks,
            kinds=kinds,
            movable=movable,
            loose=np.zeros(visits, dtype=np.int64),
            key=np.zeros(visits, dtype=np.int64),
            touched=np.zeros(executives, dtype=np.int64),
            touched_in=np.zeros(executives, dtype=np.int64),
            unserved=np.zeros(visits, dtype=np.int64),
            changed=np.ones(executives, dtype=np.bool_),
            best_order=routes.order.copy(),
            best_length=routes.length.copy(),
            tally=np.zeros(5, dtype=np.int64),
            level=np.zeros(4, dtype=np.int64),
            random=np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1),
        )
        self._take_stock()
        keep_best(routes, self.search)

    def best(self) -> tuple[int, int]:
        """Both cost levels of the best routes seen."""
        return int(self.search.level[BEST_BROKEN]), int(self.search.level[BEST_COST])

    def restart_from(self, other: _Chain) -> None:
        """Go on from the best routes of another chain."""
        self.routes.order[:] = other.search.best_order
        self.routes.length[:] = other.search.best_length
        refresh_all(self.day, self.routes)
        self.search.changed[:] = True
        self._take_stock()

    def run(self, hot_s: float, cold_s: float, over: Callable[[], bool], pool: RouteCollector | None) -> None:
        """One chunk of rounds while the temperature falls from `hot_s` to `cold_s`."""
        cooling = (cold_s / hot_s) ** (1.0 / CHUNK_ROUNDS)
        for _ in range(0, CHUNK_ROUNDS, CALL_ROUNDS):
            hot_s = ruin_and_recreate(
                self.day,
                self.routes,
                self.saved,
                self.search,
                CALL_ROUNDS,
                self._settings.visits,
                hot_s,
                cooling,
            )
            if pool is not None:
                pool.add(self.routes, int(self.search.level[BROKEN]), int(self.search.level[COST]))
            if over():
                return

    def sweep(self, over: Callable[[], bool]) -> None:
        """Assign the appointments of every slot anew, match heads and tails of routes, move single deliveries."""
        day, routes = self.day, self.routes
        better = bool(sweep_slots(day, routes, routes.in_slot.shape[1], self.search.movable))
        for clock_s in range(int(day.shift_open_s.min()), int(day.latest_end_s.max()), CUT_EVERY_S):
            if not over():
                better |= bool(rematch_tails(day, routes, clock_s))
        if not over():
            better |= bool(sweep_deliveries(day, routes, self._deliveries))
        if better:
            self.search.changed[:] = True
            self._take_stock()

    def _take_stock(self) -> None:
        search = self.search
        search.level[BROKEN], search.level[COST] = total_cost(self.day, self.routes)
        list_unserved(self.routes, search)
        if (search.level[BROKEN], search.level[COST]) < self.best():
            keep_best(self.routes, search)


# ------------------------------------------------------------------------------------ search


def anneal(
    day: DayArrays,
    routes: Routes,
    stop: Stop,
    *,
    seed: int = 1,
    threads: int = 1,
    schedule: Schedule | None = None,
    settings: Settings = Settings(),
    pool: RouteCollector | None = None,
    on_better: Callable[[Routes], None] | None = None,
) -> None:
    """Improve the routes in place until the schedule or the stop ends; they never get worse.

    Works on the arrays of any day or part of one. `schedule` sets the temperature; by default it spends all
    that the stop has left. `pool` collects the routes of the first thread's solutions. `on_better` is
    called between chunks with the best routes, which it must not change. One iteration of the
    stop is CHUNK_ROUNDS rounds on every thread.
    """
    movable = np.setdiff1d(np.arange(len(routes.owner)), day.prefix).astype(np.int64)
    if len(movable) == 0 or len(routes.length) == 0:
        return
    schedule = Schedule(stop) if schedule is None else schedule
    near = nearest_visits(day)
    ratio = settings.cold / settings.hot
    chains = [
        _Chain(day, Routes(*(array.copy() for array in routes)), near, movable, seed + 1_000_003 * k, settings)
        for k in range(threads)
    ]
    best = chains[0].best()
    done = 0
    with ThreadPoolExecutor(max_workers=threads) as workers:
        while (shares := schedule.next()) is not None and not stop():
            hot_s = settings.hot * mean_arc_s(day, routes)  # of the best so far: a start may be empty
            begin_s, end_s = (hot_s * ratio**share for share in shares)
            tasks = [
                workers.submit(chain.run, begin_s, end_s, schedule.over, pool if k == 0 else None)
                for k, chain in enumerate(chains)
            ]
            for task in tasks:
                task.result()
            done += 1
            if done % SWEEP_CHUNKS == 0 and not schedule.over():
                for swept in [workers.submit(chain.sweep, schedule.over) for chain in chains]:
                    swept.result()
            leader = min(chains, key=_Chain.best)
            if leader.best() < best:
                best = leader.best()
                _copy_best(day, leader, routes)
                if on_better is not None:
                    on_better(routes)
            if done % EXCHANGE_CHUNKS == 0:
                for chain in chains:
                    if chain is not leader:
                        chain.restart_from(leader)


def _copy_best(day: DayArrays, chain: _Chain, routes: Routes) -> None:
    routes.order[:] = chain.search.best_order
    routes.length[:] = chain.search.best_length
    refresh_all(day, routes)


def ruin(
    problem: Problem,
    stop: Stop,
    *,
    seed: int = 1,
    threads: int = 1,
    start: Orders | None = None,
    on_progress: OnProgress | None = None,
) -> EngineResult | None:
    """Ruin and recreate from the start, or from what `insertion` builds. See the head of the file.

    The construction is the first iteration of the stop. None when stopped before it and no start was given.
    """
    if start is None:
        first = insertion(problem, _StartStop(stop), seed=seed, on_progress=on_progress)
        if first is None:
            return None
        start = first.orders
    unlimited = stop.left_s() is None and stop.left_iterations() is None
    routes = routes_of(problem, start)

    def tell(better: Routes) -> None:
        if on_progress is not None:
            on_progress("ruin", orders_of(problem, better), None)

    anneal(day_arrays(problem), routes, stop, seed=seed, threads=threads, on_better=tell)
    return EngineResult(orders_of(problem, routes), finished=unlimited and not stop.requested)
