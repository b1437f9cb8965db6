"""Where a route may go next: classes of executives, arcs between visits, neighbourhoods of memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optimizer.arrays import NEVER, NO_SLOT, BoolArray, DayArrays, Int64Array
from optimizer.bounds import clock_arrival_s, shortest_s
from optimizer.engines.columns.labels import GRID, Graph, Outset
from optimizer.timing import latest_home, ready_after, ready_at_start
from optimizer.units import HOUR_S

Uint64Array = npt.NDArray[np.uint64]

BITS = 64


class Fleet(NamedTuple):
    """Executives who are alike for a route: same places, shift, break, visits they may serve and at what price.

    `of[e]` is the class of executive e, `who[c]` one executive of class c, `size[c]` how many there are.
    """

    of: Int64Array
    who: Int64Array
    size: Int64Array


def fleet_of(day: DayArrays) -> Fleet:
    """The classes of the executives of a day; who has a fixed prefix is a class of their own."""
    executives = len(day.start_place)
    lengths = np.diff(day.prefix_at)
    alone = np.where(lengths > 0, np.arange(1, executives + 1), 0)
    keys = np.column_stack(
        (
            day.start_place,
            day.end_place,
            day.shift_open_s,
            day.shift_close_s,
            day.latest_end_s,
            day.break_s,
            day.break_open_s,
            day.break_close_s,
            alone,
            day.may_serve,
            day.continuity,
        )
    )
    _, who, of, size = np.unique(keys, axis=0, return_index=True, return_inverse=True, return_counts=True)
    return Fleet(of.reshape(-1).astype(np.int64), who.astype(np.int64), size.astype(np.int64))


def follows(day: DayArrays) -> BoolArray:
    """`[u, v]`: v may come directly after u on some route, as far as slots and windows tell."""
    visits = len(day.place)
    if not visits:
        return np.zeros((0, 0), dtype=np.bool_)
    first = day.window_open_s[day.window_at[:-1]]
    last = day.window_close_s[day.window_at[1:] - 1]
    earliest = np.maximum(first, day.shift_open_s.min(initial=NEVER)) + day.service_s
    arrival = clock_arrival_s(
        day,
        np.repeat(earliest, visits),
        day.reference_s[np.ix_(day.place, day.place)].astype(np.int64).ravel(),
    ).reshape(visits, visits)
    result: BoolArray = arrival <= last[None, :]
    both = (day.slot[:, None] != NO_SLOT) & (day.slot[None, :] != NO_SLOT)
    result &= ~both | (day.slot[:, None] < day.slot[None, :])
    np.fill_diagonal(result, False)
    return result


def neighbourhoods(day: DayArrays, size: int) -> BoolArray:
    """`[v, d]`: delivery d is among the `size` deliveries nearest to v, or v itself."""
    visits = len(day.place)
    near = np.zeros((visits, visits), dtype=np.bool_)
    deliveries = np.flatnonzero(day.slot == NO_SLOT)
    if len(deliveries):
        there = day.reference_s[np.ix_(day.place, day.place[deliveries])]
        back = day.reference_s[np.ix_(day.place[deliveries], day.place)].T
        order = np.argsort(there + back, axis=1, kind="stable")[:, :size]
        near[np.arange(visits)[:, None], deliveries[order]] = True
        near[deliveries, deliveries] = True
    return near


def _colours(near: BoolArray) -> Int64Array:
    """A bit for every delivery, so that no neighbourhood holds two deliveries with the same bit; -1: none left."""
    visits = len(near)
    colour = np.full(visits, -1, dtype=np.int64)
    deliveries = np.flatnonzero(near.any(axis=0))
    conflict = near.T.astype(np.float32) @ near.astype(np.float32) > 0
    for d in deliveries[np.argsort(-conflict[deliveries].sum(axis=1), kind="stable")]:
        used = set(colour[np.flatnonzero(conflict[d])].tolist())
        free = [c for c in range(BITS) if c not in used]
        if free:
            colour[d] = free[0]
    return colour


def memory_bits(near: BoolArray) -> tuple[Uint64Array, Uint64Array, Uint64Array]:
    """(keep, blocks, own) of a `Graph` for these neighbourhoods. A delivery that gets no bit is never remembered."""
    colour = _colours(near)
    own = np.zeros(len(near), dtype=np.uint64)
    coloured = colour >= 0
    own[coloured] = np.uint64(1) << colour[coloured].astype(np.uint64)
    mask = np.where(near, own[None, :], np.uint64(0))
    keep = np.zeros((len(near) + 1, len(near)), dtype=np.uint64)
    for d in np.flatnonzero(coloured):
        members = np.flatnonzero(near[:, d])
        keep[np.ix_(members, members)] |= own[d]
    return keep, np.vstack((mask, np.zeros_like(mask[:1]))), own


def sparse(day: DayArrays, arcs: BoolArray, deliveries: int, per_slot: int) -> BoolArray:
    """Of these arcs, those to the nearest deliveries and to the nearest appointments of each slot."""
    visits = len(arcs)
    reference = day.reference_s[np.ix_(day.place, day.place)].astype(np.int64)
    kept = np.zeros_like(arcs)
    rows = np.arange(visits)[:, None]
    for slot in np.unique(day.slot):
        members = np.flatnonzero(day.slot == slot)
        size = deliveries if slot == NO_SLOT else per_slot
        far = np.where(arcs[:, members], reference[:, members], NEVER)
        order = np.argsort(far, axis=1, kind="stable")[:, :size]
        kept[rows, members[order]] = True
    return kept & arcs


def _successors(arcs: BoolArray) -> tuple[Int64Array, Int64Array]:
    """(at, visits): u may be followed by `visits[at[u]:at[u + 1]]`; the last row are all visits, to begin with."""
    visits = len(arcs)
    rows, heads = np.nonzero(arcs)
    counts = np.bincount(rows, minlength=visits) if visits else np.zeros(0, dtype=np.int64)
    at = np.concatenate(([0], np.cumsum(counts), [len(heads) + visits])).astype(np.int64)
    return at, np.concatenate((heads, np.arange(visits))).astype(np.int64)


def with_arcs(graph: Graph, arcs: BoolArray) -> Graph:
    """The same memory on other arcs."""
    next_at, next_visit = _successors(arcs)
    return graph._replace(next_at=next_at, next_visit=next_visit)


def graph_of(day: DayArrays, arcs: BoolArray, near: BoolArray, second: int = GRID) -> Graph:
    """Arcs and memory as arrays; any visit may be the first."""
    visits = len(arcs)
    next_at, next_visit = _successors(arcs)
    keep, blocks, own = memory_bits(near)
    slots = int(day.slot.max(initial=NO_SLOT)) + 1
    over = np.full(slots, -1, dtype=np.int64)
    last = day.window_close_s[day.window_at[1:] - 1] if visits else np.zeros(0, dtype=np.int64)
    np.maximum.at(over, day.slot[day.slot != NO_SLOT], last[day.slot != NO_SLOT])
    return Graph(
        next_at=next_at,
        next_visit=next_visit,
        keep=keep,
        blocks=blocks,
        own=own,
        slot_over_s=over,
        second=second,
    )


def _clock_departure_s(day: DayArrays, arrive_by_s: int, reference_s: Int64Array) -> Int64Array:
    """`timing.latest_departure_s` for an array of reference seconds."""
    if arrive_by_s < 0:
        return np.full(len(reference_s), -NEVER)
    hour = min(arrive_by_s // HOUR_S, len(day.pace) - 1)
    goal = day.cumulative_pace[hour] + day.pace[hour] * (arrive_by_s - hour * HOUR_S) - reference_s * day.work_per_s
    hours = np.clip(np.searchsorted(day.cumulative_pace, goal, side="right") - 1, 0, len(day.pace) - 1)
    departure: Int64Array = hours * HOUR_S + (goal - day.cumulative_pace[hours]) // day.pace[hours]
    return np.where(goal < 0, -NEVER, departure)


def _leave_by(day: DayArrays, e: int) -> tuple[Int64Array, Int64Array]:
    """Latest times to leave each visit and be home by the latest end of e: (break still to come, break taken).

    Later is hopeless whatever is visited on the way: reference seconds are shortest paths, and a break still to
    come costs its duration here, at home, or in between.
    """
    homeward = np.minimum(shortest_s(day.reference_s, int(day.end_place[e]), True)[day.place], NEVER // 10_000_000)
    end = int(day.latest_end_s[e])
    pending, _ = latest_home(day, e, end)
    taken = _clock_departure_s(day, end, homeward)
    rest = int(day.break_s[e])
    if rest == 0:
        return np.full(len(homeward), -NEVER), taken
    return np.maximum(_clock_departure_s(day, pending, homeward), taken - rest), taken


def outset_of(day: DayArrays, e: int) -> Outset:
    """Where the routes of e begin; after the fixed prefix, if there is one."""
    place = int(day.start_place[e])
    pending, taken = ready_at_start(day, e)
    travel, busy, slot = 0, 0, 0
    for v in day.prefix[day.prefix_at[e] : day.prefix_at[e + 1]]:
        step = int(day.reference_s[place, day.place[v]])
        pending, taken = ready_after(day, e, place, pending, taken, int(v))
        travel += step
        busy += step + int(day.service_s[v])
        slot = max(slot, int(day.slot[v]) + 1)
        place = int(day.place[v])
    by_pending, by_taken = _leave_by(day, e)
    return Outset(e, place, int(pending), int(taken), travel, busy, slot, by_pending, by_taken)
