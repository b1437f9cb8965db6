"""Days on which not all promises can be kept: how many every plan breaks, and what such plans cost at least.

First, by the same column generation: routes cost nothing and a promise left out costs its weight. Deliveries stay on
the day though nothing is lost without them: one on the way may be a short cut, or the place of a break that has no
other.

Then the day is planned with a price p on each unit of weight of broken promises instead of a first level. If no plan
of that day costs less than LB, a plan that breaks promises of weight W costs LB - pW or more on the second level; and
as no plan at all costs more than M there, W >= (LB - M) / p.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from optimizer.arrays import DayArrays, Int64Array
from optimizer.engines.columns.generation import Relaxation, generate
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.neighbourhood import part_of
from optimizer.engines.columns.pool import Column, Pool
from optimizer.engines.columns.pricing import Pricer, work_within
from optimizer.objective import overtime_price_s
from optimizer.stop import Stop

DEAR_PROMISE_S, DEAR_PROMISE, DEAREST_PROMISE_S = 20_000, 40, 300_000
"""The price of a broken promise: at least so many seconds, and times the cost of an average visit; at most so many
seconds unless that average asks for more."""

HEAVIEST = 1 << 40
"""Total weight of promises above which duals would not fit; nothing is proven then."""


def broken_promises_by_routes(
    day: DayArrays,
    incumbent: Incumbent,
    stop: Stop,
    executor: ThreadPoolExecutor | None,
    tell: Callable[[Relaxation], None] | None = None,
) -> int:
    """A weight of broken promises that no plan stays below; at most that of the incumbent. `tell` as of `generate`."""
    upper = incumbent.level[0]
    if upper == 0 or int(day.weight.sum()) > HEAVIEST:
        return 0
    visits = np.arange(len(day.place), dtype=np.int64)
    bound = _relaxed(day, visits, incumbent.orders, upper, stop, executor, tell).bound
    return 0 if bound is None else min(upper, max(0, -(-bound // GRID)))


def promises_by_routes(
    day: DayArrays, visits: Int64Array, orders: Sequence[Sequence[int]], stop: Stop
) -> Int64Array | None:
    """Prices of these visits, in GRIDths of their weights, at which their routes are worth too little to serve all.

    By the same column generation, from `orders`, routes of each executive that serve all but one of the visits, ended
    at the first positive bound. None when there was none.
    """
    relaxation = _relaxed(day, visits, orders, 1, stop, None, None)
    if relaxation.bound is None or relaxation.bound <= 0 or relaxation.duals is None:
        return None
    return relaxation.duals.pi


def _relaxed(
    day: DayArrays,
    visits: Int64Array,
    orders: Sequence[Sequence[int]],
    upper: int,
    stop: Stop,
    executor: ThreadPoolExecutor | None,
    tell: Callable[[Relaxation], None] | None,
) -> Relaxation:
    """The least weight of these visits left out, by column generation from known orders; `upper` is enough."""
    part = part_of(day, range(len(day.start_place)), visits.tolist())._replace(
        overtime_permille=0,
        fairness_above_s=np.zeros(0, dtype=np.int64),
        fairness_permille=np.zeros(0, dtype=np.int64),
        continuity=np.zeros((len(day.start_place), len(visits)), dtype=np.int64),
    )
    pricer = Pricer(part, executor=executor, most_work=work_within(stop), free_of_cost=True)
    row = np.full(len(day.place), -1, dtype=np.int64)
    row[visits] = np.arange(len(visits))
    pool = Pool()
    for e, order in enumerate(orders):
        made = tuple(int(row[v]) for v in order if row[v] >= 0)
        if made:
            pool.add(Column(int(pricer.fleet.of[e]), made, 0))
    caps: Int64Array = part.weight.copy()
    relaxation = Relaxation(pool, caps, final_caps=True)
    return generate(pricer, relaxation, stop, enough=1e-9, far_share=0.0, upper_s=upper, tell=tell)


def promise_price_s(day: DayArrays, average_s: float) -> int:
    """A price for each unit of weight of broken promises, so high that to break one more never pays, if that may be."""
    enough = max(DEAR_PROMISE_S, int(DEAR_PROMISE * average_s))
    return max(enough, min(dearest_s(day) + 1, DEAREST_PROMISE_S))


def with_prices(day: DayArrays, price_s: int) -> DayArrays:
    """The day with a price on each unit of weight of broken promises, and no first level."""
    return day._replace(unserved_price=day.unserved_price + price_s * day.weight, weight=np.zeros_like(day.weight))


def dearest_s(day: DayArrays) -> int:
    """No plan costs more on the second level: every visit on the longest way there, every executive at their worst."""
    if not len(day.start_place):
        return int(day.unserved_price.sum())
    sources = np.concatenate((day.place, day.start_place))
    total = int(day.reference_s[np.ix_(sources, day.place)].max(axis=0, initial=0).astype(np.int64).sum())
    for e in range(len(day.start_place)):
        home = int(day.reference_s[sources, day.end_place[e]].max(initial=0))
        extra_s = max(0, int(day.latest_end_s[e] - day.shift_close_s[e]))
        total += home + int(overtime_price_s(extra_s, day.overtime_permille))
    busy_s = total + int(day.service_s.sum())
    total += -(-busy_s * int(day.fairness_permille.sum()) // 1_000) + len(day.start_place) * len(day.fairness_permille)
    return total + int(day.continuity.max(axis=0, initial=0).sum()) + int(day.unserved_price.sum())


def both_levels(bound_s: int | None, price_s: int, most_s: int, least: int) -> tuple[int, int | None]:
    """(least weight that every plan breaks, what a plan that breaks no more costs at least), from a bound with prices.

    `least` is a weight proven before, `most_s` the most a plan can cost on the second level.
    """
    if bound_s is None:
        return least, None
    least = max(least, -(-(bound_s - most_s) // price_s))
    return least, max(0, bound_s - price_s * least)
