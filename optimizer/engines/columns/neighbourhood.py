"""Large neighbourhoods: a group of neighbouring routes planned anew by the exact engine, as a day of its own.

A group is the routes whose visits lie nearest to a seed visit, until it has about that many visits. On days of
appointments a group of this size is settled in a fraction of a second: its relaxation is nearly integral, and columns
known from the whole day start it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from optimizer.arrays import DayArrays, Int64Array
from optimizer.engines.columns.closing import Proof, close, converge
from optimizer.engines.columns.diving import dive
from optimizer.engines.columns.generation import Relaxation, first_caps
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.pool import Column, Pool, Table
from optimizer.engines.columns.pricing import Pricer
from optimizer.stop import Stop

GROUP_VISITS = 130


def part_of(day: DayArrays, executives: Sequence[int], visits: Sequence[int]) -> DayArrays:
    """The day of these executives and these visits only; places stay rows of the whole travel table."""
    es, vs = np.array(executives, dtype=np.int64), np.array(visits, dtype=np.int64)
    row = np.full(len(day.place), -1, dtype=np.int64)
    row[vs] = np.arange(len(vs))
    windows = np.diff(day.window_at)[vs]
    window_at = np.concatenate(([0], np.cumsum(windows))).astype(np.int64)
    window = np.repeat(day.window_at[vs] - window_at[:-1], windows) + np.arange(int(window_at[-1]))
    prefixes = [row[day.prefix[day.prefix_at[e] : day.prefix_at[e + 1]]] for e in es]
    by_visit = {name: getattr(day, name)[vs] for name in ("place", "service_s", "slot", "weight", "unserved_price")}
    by_executive = {
        name: getattr(day, name)[es]
        for name in (
            "start_place",
            "end_place",
            "shift_open_s",
            "shift_close_s",
            "latest_end_s",
            "break_s",
            "break_open_s",
            "break_close_s",
        )
    }
    return day._replace(
        **by_visit,
        **by_executive,
        window_at=window_at,
        window_open_s=day.window_open_s[window],
        window_close_s=day.window_close_s[window],
        may_serve=np.ascontiguousarray(day.may_serve[np.ix_(es, vs)]),
        continuity=np.ascontiguousarray(day.continuity[np.ix_(es, vs)]),
        prefix_at=np.concatenate(([0], np.cumsum([len(prefix) for prefix in prefixes]))).astype(np.int64),
        prefix=np.concatenate([*prefixes, np.zeros(0, dtype=np.int64)]).astype(np.int64),
    )


def groups(day: DayArrays, incumbent: Incumbent, seed: int, most: int) -> Iterator[list[int]]:
    """Executives of groups of about `most` visits, without end; every visit in turn, in an order of the seed."""
    rng = np.random.default_rng(seed)
    reference = day.reference_s
    while True:
        for center in rng.permutation(len(day.place)):
            far = reference[day.place[center], day.place].astype(np.int64)
            nearness = [
                (int(np.sort(far[list(order)])[: max(1, len(order) // 2)].mean()), e)
                for e, order in enumerate(incumbent.orders)
                if order
            ]
            chosen: list[int] = []
            size = 0
            for _, e in sorted(nearness):
                chosen.append(e)
                size += len(incumbent.orders[e])
                if size >= most:
                    break
            yield chosen


def improve_group(
    day: DayArrays,
    incumbent: Incumbent,
    pricer: Pricer,
    known: Table,
    executives: Sequence[int],
    stop: Stop,
) -> bool:
    """Plan these executives' visits, and the visits left out, anew. True when the plan got better."""
    left_out = incumbent.left_out()
    visits = sorted({v for e in executives for v in incumbent.orders[e]} | set(left_out))
    part = part_of(day, executives, visits)
    row = {v: k for k, v in enumerate(visits)}
    own = Pricer(part, most_work=pricer.most_work)
    best = Incumbent(part, own.fleet, [[row[v] for v in incumbent.orders[e]] for e in executives])
    pool = Pool(best.columns())
    kind_of = {int(pricer.fleet.of[e]): int(own.fleet.of[k]) for k, e in enumerate(executives)}
    for column in _inside(known, visits, kind_of, row):
        pool.add(column)
    relaxation = Relaxation(pool, first_caps(own, best.average_s()))
    proof = Proof(own, relaxation, best, stop, _quiet, thorough=False)
    before = best.level
    if converge(proof) and not proof.settled:
        chosen = dive(own, relaxation, stop)
        if chosen is not None:
            best.offer_columns(chosen)
        if best.keeps_all and not proof.settled:
            close(proof)
    if best.level >= before:
        return False
    orders = list(incumbent.orders)
    for k, e in enumerate(executives):
        orders[e] = tuple(visits[v] for v in best.orders[k])
    return incumbent.offer(orders)


def _quiet(phase: str) -> None:
    """A group reports nothing."""


def _inside(known: Table, visits: Sequence[int], kind_of: dict[int, int], row: dict[int, int]) -> Iterator[Column]:
    """Known columns that make visits of the group only, by a class that the group has."""
    member = np.zeros(int(known.visits.max(initial=0)) + 1, dtype=np.int64)
    member[[v for v in visits if v < len(member)]] = 1
    if not len(known.kind):
        return
    inside: Int64Array = np.add.reduceat(1 - member[known.visits], known.at[:-1]) == 0
    for r in np.flatnonzero(inside):
        kind = int(known.kind[r])
        if kind in kind_of:
            made = tuple(row[int(v)] for v in known.visits[known.at[r] : known.at[r + 1]])
            yield Column(kind_of[kind], made, int(known.cost_s[r]))
