"""The first level: how many promises are broken by every plan, by the same column generation.

Routes cost nothing here and a promise left out costs its weight. Deliveries are left out of the day; so that this
proves something for the whole day, travel is the shortest path over all places (a delivery on the way could
otherwise be a short cut).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from optimizer.arrays import NO_SLOT, DayArrays, Int32Array, Int64Array
from optimizer.bounds import shortest_s
from optimizer.engines.columns.generation import Relaxation, generate
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.neighbourhood import part_of
from optimizer.engines.columns.pool import Column, Pool
from optimizer.engines.columns.pricing import Pricer
from optimizer.stop import Stop

HEAVIEST = 1 << 40
"""Total weight of promises above which duals would not fit; nothing is proven then."""


def broken_promises_by_routes(
    day: DayArrays, incumbent: Incumbent, stop: Stop, executor: ThreadPoolExecutor | None
) -> int:
    """A weight of broken promises that no plan stays below; at most that of the incumbent."""
    upper = incumbent.level[0]
    if upper == 0 or int(day.weight.sum()) > HEAVIEST:
        return 0
    kept = np.flatnonzero(day.slot != NO_SLOT)
    visits = np.union1d(kept, day.prefix).astype(np.int64)
    part = part_of(day, range(len(day.start_place)), visits.tolist())._replace(
        reference_s=_shortest(day.reference_s) if len(visits) < len(day.place) else day.reference_s,
        overtime_permille=0,
        fairness_above_s=np.zeros(0, dtype=np.int64),
        fairness_permille=np.zeros(0, dtype=np.int64),
        continuity=np.zeros((len(day.start_place), len(visits)), dtype=np.int64),
    )
    pricer = Pricer(part, executor=executor, free_of_cost=True)
    row = np.full(len(day.place), -1, dtype=np.int64)
    row[visits] = np.arange(len(visits))
    pool = Pool()
    for column in incumbent.columns():
        made = tuple(int(row[v]) for v in column.visits if row[v] >= 0)
        if made:
            pool.add(Column(int(pricer.fleet.of[_of_class(incumbent, column.kind)]), made, 0))
    caps: Int64Array = part.weight.copy()
    relaxation = Relaxation(pool, caps, final_caps=True)
    generate(pricer, relaxation, stop, enough=1e-9, upper_s=upper)
    bound = relaxation.bound
    return 0 if bound is None else min(upper, max(0, -(-bound // GRID)))


def _of_class(incumbent: Incumbent, kind: int) -> int:
    return int(incumbent.fleet.who[kind])


def _shortest(reference_s: Int32Array) -> Int32Array:
    """Reference seconds of the shortest way over any places."""
    ways = [shortest_s(reference_s, place, False) for place in range(len(reference_s))]
    return np.ascontiguousarray(np.vstack(ways).astype(np.int32))
