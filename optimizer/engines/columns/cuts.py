"""Three-row cuts: of three visits, at most one route can make two or more.

Subset-row inequalities of three rows (Jepsen, Petersen, Spoorendonk, Pisinger, "Subset-row inequalities applied to the
vehicle-routing problem with time windows", Operations Research 56(2), 2008): adding half of each of the three rows
"every visit once" and rounding down gives

    sum over routes r of floor(|r with S| / 2) x_r <= 1     for every set S of three visits

A cut is remembered only at some visits (limited memory: Pecin, Pessoa, Poggi, Uchoa, "Improved branch-cut-and-price for
capacitated vehicle routing", Mathematical Programming Computation 9, 2017): a route that leaves the memory of S forgets
that it has made one of S. The cut then says less and is still true, and pricing has far fewer labels to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optimizer.arrays import BoolArray, Int64Array, kernel
from optimizer.engines.columns.labels import CutBits
from optimizer.engines.columns.pool import Table

FloatArray = npt.NDArray[np.float64]

LEAST_VIOLATION = 0.02
MOST_A_VISIT = 5
MOST_PRICED = 64
"""Cuts that take part in pricing: one bit each."""


class Cut(NamedTuple):
    """Three visits in rising order, and the visits at which the cut is remembered, the three among them."""

    visits: tuple[int, int, int]
    memory: frozenset[int]


def cut_bits(cuts: Sequence[Cut], price: Int64Array, visits: int) -> CutBits:
    """Cuts, at most MOST_PRICED, as the bits that labels carry."""
    hits = np.zeros(visits, dtype=np.uint64)
    keep = np.zeros(visits, dtype=np.uint64)
    for k, cut in enumerate(cuts):
        hits[list(cut.visits)] |= np.uint64(1 << k)
        keep[list(cut.memory)] |= np.uint64(1 << k)
    return CutBits(hits, keep, price)


@kernel
def _pairs(at: Int64Array, visits: Int64Array, hits: BoolArray, keep: BoolArray) -> Int64Array:
    """For each column how many pairs of the cut it makes, forgetting at visits outside its memory."""
    result = np.zeros(len(at) - 1, dtype=np.int64)
    for r in range(len(at) - 1):
        odd = False
        for k in range(at[r], at[r + 1]):
            odd = odd and keep[visits[k]]
            if hits[visits[k]]:
                if odd:
                    result[r] += 1
                odd = not odd
    return result


def pairs_made(table: Table, cut: Cut, visits: int) -> Int64Array:
    """The coefficient of the cut in each column."""
    hits = np.zeros(visits, dtype=np.bool_)
    keep = np.zeros(visits, dtype=np.bool_)
    hits[list(cut.visits)] = True
    keep[list(cut.memory)] = True
    pairs: Int64Array = _pairs(table.at, table.visits, hits, keep)
    return pairs


@kernel
def _violated(
    at: Int64Array, rows: Int64Array, x: FloatArray, together: FloatArray, least: float
) -> list[tuple[float, int, int, int]]:
    """(violation, a, b, c) of every violated cut of full memory, found from its pair that is most together."""
    size = len(together)
    result = [(0.0, 0, 0, 0)]
    for a in range(size):
        for b in range(a + 1, size):
            most = together[a, b]
            if most <= (1.0 + least) / 3.0:
                continue
            for c in range(size):
                if c in (a, b) or together[a, c] > most or together[b, c] > most:
                    continue
                total = most + together[a, c] + together[b, c]
                if total <= 1.0 + least:
                    continue
                for r in range(len(x)):
                    hits = 0
                    for k in range(at[r], at[r + 1]):
                        if rows[k] in (a, b, c):
                            hits += 1
                    if hits >= 3:
                        total -= 2.0 * x[r]
                if total > 1.0 + least:
                    low, high = min(a, c), max(b, c)
                    result.append((total - 1.0, low, a + b + c - low - high, high))
    return result


def separate(table: Table, x: FloatArray, visits: int, most: int, everywhere: bool) -> list[Cut]:
    """The most violated cuts at x, few of them through any one visit.

    With `everywhere` a cut is remembered at all visits, else where the routes of x need it to be violated.
    """
    used = np.flatnonzero(x > 1e-6)
    if not len(used):
        return []
    lengths = np.diff(table.at)[used]
    rows = np.concatenate([table.visits[table.at[r] : table.at[r + 1]] for r in used])
    at = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    together = np.zeros((visits, visits))
    for k, r in enumerate(used):
        route = np.unique(rows[at[k] : at[k + 1]])
        together[np.ix_(route, route)] += x[r]
    np.fill_diagonal(together, 0.0)
    busy = np.zeros(visits, dtype=np.int64)
    chosen: list[Cut] = []
    for violation, a, b, c in sorted(set(_violated(at, rows, x[used], together, LEAST_VIOLATION)), reverse=True):
        if violation <= 0.0 or busy[[a, b, c]].max() >= MOST_A_VISIT:
            continue
        busy[[a, b, c]] += 1
        memory = frozenset(range(visits)) if everywhere else _memory((a, b, c), at, rows)
        chosen.append(Cut((a, b, c), memory))
        if len(chosen) == most:
            break
    return chosen


def _memory(visits: tuple[int, int, int], at: Int64Array, rows: Int64Array) -> frozenset[int]:
    """The three visits and all that lies between two of them on the routes given."""
    memory = set(visits)
    for k in range(len(at) - 1):
        route = rows[at[k] : at[k + 1]]
        places = np.flatnonzero(np.isin(route, visits))
        if len(places) >= 2:
            memory.update(int(v) for v in route[places[0] : places[-1]])
    return frozenset(memory)
