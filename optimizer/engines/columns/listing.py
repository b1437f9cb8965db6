"""All routes that a better plan could use: those with a reduced cost below the gap, listed from the last visit back.

At duals with a bound LB, a plan cheaper than UB uses no route whose reduced cost (its class's least one taken off)
is UB - LB or more (Baldacci, Christofides, Mingozzi, "An exact algorithm for the vehicle routing problem based on
the set partitioning formulation", Mathematical Programming 115, 2008). The labels of one exact pricing call are at
the same time the completion bound: a suffix is only carried on to a visit where some label is cheap enough, early
enough, has its slots free and remembers none of the deliveries of the suffix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from optimizer.arrays import NEVER, NO_SLOT, BoolArray, DayArrays, Int32Array, Int64Array, inner_kernel, lean_kernel
from optimizer.engines.columns.labels import (
    DOMINATED,
    FULL,
    GRID,
    CutBits,
    Graph,
    Labels,
    Outset,
    Uint64Array,
    cuts_owed,
)
from optimizer.engines.columns.pool import order_costs_s
from optimizer.engines.columns.pricing import Duals, Level, Pricer
from optimizer.objective import fairness_price_s, overtime_price_s
from optimizer.timing import arrive_s, latest_arrival, latest_home, ready_after, route_end_s

DEEPEST = 40
"""Most visits of a listed route beyond the fixed prefix; a longer one could be run only with tiny services."""
NODES_A_CALL = 300_000
ROOM = 20_000
UNRUNNABLE = NEVER << 20


class Shelf(NamedTuple):
    """Labels of one class by visit, cheapest first: those of visit v are `label[at[v]:at[v + 1]]`."""

    at: Int64Array
    label: Int32Array


class Found(NamedTuple):
    """Room for listed routes: visits of route r in `visits[r, :length[r]]`, last visit first, and its reduced cost."""

    visits: Int32Array
    length: Int32Array
    reduced: Int64Array


class Trail(NamedTuple):
    """The suffix being carried on, by depth: visits from the last one backwards, and what they come to.

    `cost` reduced cost of the suffix without overtime and fairness, `busy` its service and travel, `pending` and
    `taken` latest arrivals at its first visit without overtime, `last_pending` and `last_taken` with all of it, `arc`
    which predecessor is tried next.
    """

    visit: Int64Array
    cost: Int64Array
    busy: Int64Array
    pending: Int64Array
    taken: Int64Array
    last_pending: Int64Array
    last_taken: Int64Array
    slot: Int64Array
    parity: Uint64Array
    arc: Int64Array


def shelf_of(labels: Labels, count: int, visits: int) -> Shelf:
    """The labels of a call that nothing dominates, by visit and cost."""
    alive = np.flatnonzero(labels.state[1:count] != DOMINATED) + 1
    visit, cost = labels.visit[alive], labels.cost[alive]
    order = np.lexsort((cost, visit))
    counts = np.bincount(visit, minlength=visits)
    return Shelf(np.concatenate(([0], np.cumsum(counts))).astype(np.int64), alive[order].astype(np.int32))


@inner_kernel
def _end_s(day: DayArrays, e: int, trail: Trail, depth: int, place: int, pending: int, taken: int) -> int:
    """Earliest end of a route that leaves `place` at these times and goes on with the suffix."""
    for d in range(depth, -1, -1):
        pending, taken = ready_after(day, e, place, pending, taken, trail.visit[d])
        place = day.place[trail.visit[d]]
    return route_end_s(day, e, place, pending, taken)


@inner_kernel
def _may_begin(
    day: DayArrays,
    e: int,
    labels: Labels,
    shelf: Shelf,
    cuts: CutBits,
    trail: Trail,
    depth: int,
    u: int,
    step: int,
    blocked: np.uint64,
    below: int,
) -> bool:
    """Some label of u can be carried on by the suffix, `step` seconds away, at a reduced cost below `below`."""
    w = trail.visit[depth]
    here, there = day.place[u], day.place[w]
    cost, busy = trail.cost[depth] + step * GRID, trail.busy[depth] + step
    parity = trail.parity[depth] & cuts.keep[w]
    for k in range(shelf.at[u], shelf.at[u + 1]):
        label = shelf.label[k]
        if labels.cost[label] + cost >= below:
            return False
        if labels.slot[label] > trail.slot[depth] or labels.memory[label] & blocked != 0:
            continue
        price = fairness_price_s(labels.busy[label] + busy, day.fairness_above_s, day.fairness_permille)
        reduced = labels.cost[label] + cost + cuts_owed(cuts, labels.parity[label] & parity) + price * GRID
        if reduced >= below:
            continue
        pending, taken = labels.pending[label], labels.taken[label]
        at_taken = arrive_s(day, here, there, taken)
        at_pending = arrive_s(day, here, there, pending)
        if at_taken <= trail.taken[depth] or at_pending <= trail.pending[depth]:
            return True
        if at_taken <= trail.last_taken[depth] or at_pending <= trail.last_pending[depth]:
            over = _end_s(day, e, trail, depth, here, pending, taken) - day.shift_close_s[e]
            if reduced + overtime_price_s(over, day.overtime_permille) * GRID < below:
                return True
    return False


@inner_kernel
def _closed(day: DayArrays, outset: Outset, trail: Trail, depth: int, start_cost: int) -> int:
    """Reduced cost of the whole route: outset, then the suffix; UNRUNNABLE when it cannot be run."""
    e = outset.e
    step = day.reference_s[outset.place, day.place[trail.visit[depth]]]
    end = _end_s(day, e, trail, depth, outset.place, outset.pending_s, outset.taken_s)
    if end > day.latest_end_s[e]:
        return UNRUNNABLE
    price = overtime_price_s(end - day.shift_close_s[e], day.overtime_permille)
    busy = outset.busy_s + step + trail.busy[depth]
    price += fairness_price_s(busy, day.fairness_above_s, day.fairness_permille)
    return int(start_cost + (step + price) * GRID + trail.cost[depth])


@lean_kernel
def _list_from(
    day: DayArrays,
    outset: Outset,
    graph: Graph,
    cuts: CutBits,
    before_at: Int64Array,
    before: Int64Array,
    labels: Labels,
    shelf: Shelf,
    gain: Int64Array,
    may: BoolArray,
    start_cost: int,
    below: int,
    trail: Trail,
    found: Found,
    count: int,
    depth: int,
) -> tuple[int, int]:
    """Carry the trail on, depth first: (routes found so far, depth where the next call goes on, -1 at the end)."""
    e = outset.e
    nodes = 0
    while depth >= 0:
        w = trail.visit[depth]
        if trail.arc[depth] == before_at[w]:  # entered for the first time: is it a whole route?
            if count == len(found.length) or depth + 1 == len(trail.visit):
                return count, depth
            if trail.slot[depth] >= outset.slot:
                reduced = _closed(day, outset, trail, depth, start_cost)
                if reduced < below:
                    for d in range(depth + 1):
                        found.visits[count, d] = trail.visit[d]
                    found.length[count] = depth + 1
                    found.reduced[count] = reduced
                    count += 1
        deeper = False
        while trail.arc[depth] < before_at[w + 1] and not deeper:
            u = before[trail.arc[depth]]
            trail.arc[depth] += 1
            if not may[u] or (day.slot[u] != NO_SLOT and day.slot[u] >= trail.slot[depth]):
                continue
            blocked = np.uint64(0)
            repeated = False
            for d in range(depth + 1):
                blocked |= graph.blocks[u, trail.visit[d]]
                repeated |= trail.visit[d] == u
            if repeated:
                continue
            step = day.reference_s[day.place[u], day.place[w]]
            nodes += 1
            if not _may_begin(day, e, labels, shelf, cuts, trail, depth, u, step, blocked, below):
                continue
            pending, taken = latest_arrival(day, e, u, day.place[w], trail.pending[depth], trail.taken[depth])
            trail.visit[depth + 1] = u
            parity = trail.parity[depth] & cuts.keep[u]
            trail.cost[depth + 1] = trail.cost[depth] + step * GRID - gain[u] + cuts_owed(cuts, parity & cuts.hits[u])
            trail.parity[depth + 1] = parity ^ cuts.hits[u]
            trail.busy[depth + 1] = trail.busy[depth] + step + day.service_s[u]
            trail.pending[depth + 1] = pending
            trail.taken[depth + 1] = taken
            pending, taken = latest_arrival(day, e, u, day.place[w], trail.last_pending[depth], trail.last_taken[depth])
            trail.last_pending[depth + 1] = pending
            trail.last_taken[depth + 1] = taken
            trail.slot[depth + 1] = trail.slot[depth] if day.slot[u] == NO_SLOT else day.slot[u]
            trail.arc[depth + 1] = before_at[u]
            deeper = True
        if deeper:
            depth += 1
        else:
            depth -= 1
        if nodes > NODES_A_CALL:
            return count, depth
    return count, -1


class Listed(NamedTuple):
    """Routes as arrays: `visits[r]` in order, the fixed prefix included, -1 to the end of the row."""

    visits: Int32Array
    kind: Int64Array
    reduced: Int64Array


def list_routes(
    pricer: Pricer, duals: Duals, bound: int, upper_s: int, most: int, most_nodes: int, stop: Callable[[], bool]
) -> Listed | None:
    """All routes that a plan cheaper than `upper_s` can use at these duals with their bound.

    None when they are more than `most`, when more than `most_nodes` extensions were looked at, or when stopped.

    For a class and a set of visits only the cheapest order is given.
    """
    parts: list[Listed] = []
    total, calls = 0, most_nodes // NODES_A_CALL
    for kind in range(len(pricer.fleet.size)):
        part, calls = _list_kind(pricer, duals, kind, upper_s * GRID - GRID - bound, most - total, calls, stop)
        if part is None:
            return None
        total += len(part.kind)
        parts.append(part)
    return _joined(parts)


def _list_kind(
    pricer: Pricer, duals: Duals, kind: int, gap: int, most: int, calls: int, stop: Callable[[], bool]
) -> tuple[Listed | None, int]:
    """Routes of one class with a reduced cost of at most `gap` above the least, and how many full calls are left."""
    day, outset = pricer.day, pricer.outsets[kind]
    labels, count = pricer.grown(kind, duals, Level.EXACT, pricer.free)
    if count == FULL:
        pricer.give_back(labels)
        return None, calls
    gain, start_cost, may = pricer.gains(kind, duals), pricer.start_cost(kind, duals), pricer.may(kind)
    least = int(labels.closed[1:count].min(initial=pricer.rest(kind, duals)))
    below = least + gap + 1
    shelf = shelf_of(labels, count, len(day.place))
    before_at, before = pricer.predecessors
    found = Found(
        np.empty((ROOM, DEEPEST), dtype=np.int32), np.empty(ROOM, dtype=np.int32), np.empty(ROOM, dtype=np.int64)
    )
    trail = Trail._make(np.empty(DEEPEST, dtype=np.uint64 if name == "parity" else np.int64) for name in Trail._fields)
    home = latest_home(day, outset.e, int(day.shift_close_s[outset.e]))
    last_home = latest_home(day, outset.e, int(day.latest_end_s[outset.e]))
    prefix = pricer.prefixes[kind]
    parts: list[Listed] = []
    if prefix and pricer.rest(kind, duals) < below:
        parts.append(Listed(np.array([prefix], dtype=np.int32), np.array([kind]), np.array([pricer.rest(kind, duals)])))
    done = 0
    for w in np.flatnonzero(may):
        ends = shelf.label[shelf.at[w] : shelf.at[w + 1]]
        if not len(ends) or labels.closed[ends].min() >= below:
            continue
        way = int(day.reference_s[day.place[w], day.end_place[outset.e]])
        trail.visit[0] = w
        trail.cost[0] = way * GRID - gain[w]
        trail.busy[0] = way + day.service_s[w]
        end = int(day.end_place[outset.e])
        trail.pending[0], trail.taken[0] = latest_arrival(day, outset.e, int(w), end, *home)
        trail.last_pending[0], trail.last_taken[0] = latest_arrival(day, outset.e, int(w), end, *last_home)
        trail.slot[0] = len(pricer.slot_over_s) if day.slot[w] == NO_SLOT else day.slot[w]
        trail.parity[0] = duals.cuts.hits[w]
        trail.arc[0] = before_at[w]
        depth = 0
        while depth >= 0:
            size, depth = _list_from(
                day, outset, pricer.full, duals.cuts, before_at, before, labels, shelf, gain, may, start_cost, below,
                trail, found, 0, depth,
            )  # fmt: skip
            if size:
                parts.append(_drained(found, size, prefix, kind))
                done += size
            calls -= depth >= 0
            if done > most or calls < 0 or depth == DEEPEST - 1 or stop():
                pricer.give_back(labels)
                return None, calls
    pricer.give_back(labels)
    return _cheapest_orders(day, outset.e, parts), calls


def _drained(found: Found, size: int, prefix: tuple[int, ...], kind: int) -> Listed:
    """The first `size` routes found, turned to their order of visits."""
    length = found.length[:size]
    back = length[:, None] - 1 - np.arange(int(length.max()))[None, :]
    turned = np.take_along_axis(found.visits[:size], np.maximum(back, 0), axis=1)
    visits = np.where(back >= 0, turned, -1)
    heads = np.tile(np.array(prefix, dtype=np.int32), (size, 1))
    return Listed(np.hstack((heads, visits)), np.full(size, kind), found.reduced[:size].copy())


def _joined(parts: list[Listed]) -> Listed:
    """All of these in one."""
    width = max((part.visits.shape[1] for part in parts), default=0)
    padded = [np.pad(part.visits, ((0, 0), (0, width - part.visits.shape[1])), constant_values=-1) for part in parts]
    if not parts:
        return Listed(np.empty((0, 0), dtype=np.int32), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    return Listed(
        np.vstack(padded).astype(np.int32),
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.reduced for part in parts]),
    )


def _cheapest_orders(day: DayArrays, e: int, parts: list[Listed]) -> Listed:
    """Of the routes of one class that make the same visits, the cheapest; `e` is an executive of the class.

    Cheapest in cost seconds: cuts that forget would have other orders of the same visits seem cheaper.
    """
    routes = _joined(parts)
    if not len(routes.kind):
        return routes
    lengths = (routes.visits >= 0).sum(axis=1)
    at = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    made = routes.visits[routes.visits >= 0].astype(np.int64)
    cost_s = order_costs_s(day, np.array([e]), at, made, np.zeros(len(lengths), dtype=np.int64))
    cheapest_first = np.lexsort((routes.reduced, cost_s))
    sets = np.ascontiguousarray(np.sort(routes.visits[cheapest_first], axis=1))
    _, first = np.unique(sets.view(np.dtype((np.void, sets.dtype.itemsize * sets.shape[1]))), return_index=True)
    rows = cheapest_first[np.sort(first)]
    return Listed(routes.visits[rows], routes.kind[rows], routes.reduced[rows])
