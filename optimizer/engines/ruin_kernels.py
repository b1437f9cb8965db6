"""The compiled rounds of ruin and recreate: take strings of visits out, put them back greedily, keep or undo.

Strings, orders, blinks and their default sizes follow Christiaens and Vanden Berghe, "Slack induction by string
removals for vehicle routing problems", Transportation Science 54(2), 2020. A round changes a few routes only;
those are copied before their first change and copied back when the round is not accepted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optimizer.arrays import NEVER, NO_SLOT, BoolArray, DayArrays, Int32Array, Int64Array, inner_kernel, lean_kernel
from optimizer.bundles import bundle
from optimizer.engines.routes import (
    NOBODY,
    Routes,
    cost_at,
    fits_slot,
    next_place,
    place_at,
    put,
    refresh,
    route_cost_s,
)
from optimizer.objective import fairness_price_s

UInt64Array = npt.NDArray[np.uint64]

LONGEST_STRING = 10
"""Visits in the longest string taken out of one route."""
SPLIT_SHARE = 0.5
"""Share of strings that leave a stretch in their middle on the route."""
LONGER_STRETCH = 0.01
"""Chance that the stretch left on the route grows by one more visit."""
BLINK = 0.01
"""Chance that a position is overlooked, so that greedy insertion does not always do the same."""
MOST_WAITING = 20
"""Visits on no route that one round tries to serve, besides those it took out."""

# Entries of `Search.tally`.
ROUND, TOUCHED, LOOSE, UNSERVED, BLINK_IN = range(5)
# Entries of `Search.level`: both cost levels of the routes now and of the best ones seen.
BROKEN, COST, BEST_BROKEN, BEST_COST = range(4)


@bundle
class Search(NamedTuple):
    """What a search knows besides its routes; arrays are changed in place, nothing is allocated in a round.

    `near[k, v]` are the visits nearest to v by measure k, nearest first. `ranks[k, v]` orders loose visits,
    lowest first, and `kinds` lists the rows of `ranks` as often as they are to be drawn (-1: a random order).
    `movable` are the visits on no fixed prefix. `loose[:tally[LOOSE]]` are the visits out of their routes in
    this round, `key` their sort keys, `touched[:tally[TOUCHED]]` the executives whose routes were changed,
    `touched_in[e]` the last round that changed e. `unserved[:tally[UNSERVED]]` are the visits on no route.
    `best_order`, `best_length` hold the best routes except for those `changed` since they were copied.
    """

    near: Int32Array
    ranks: Int64Array
    kinds: Int64Array
    movable: Int64Array
    loose: Int64Array
    key: Int64Array
    touched: Int64Array
    touched_in: Int64Array
    unserved: Int64Array
    changed: BoolArray
    best_order: Int64Array
    best_length: Int64Array
    tally: Int64Array
    level: Int64Array
    random: UInt64Array


# ------------------------------------------------------------------------------------ chance


@inner_kernel
def _draw(random: UInt64Array) -> np.uint64:
    """The next 64 random bits: xorshift64*, Vigna, ACM Transactions on Mathematical Software 42(4), 2016."""
    x = random[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    random[0] = x
    return np.uint64(x * np.uint64(2685821657736338717))


@inner_kernel
def _below(random: UInt64Array, size: int) -> int:
    """A random whole number from 0 to `size` - 1; `size` is below 2**31."""
    return int((np.int64(_draw(random) >> np.uint64(33)) * size) >> 31)


@inner_kernel
def _unit(random: UInt64Array) -> float:
    """A random number above 0 and at most 1."""
    return float(np.int64(_draw(random) >> np.uint64(11)) + 1) / 9007199254740992.0


# ------------------------------------------------------------------------------ keep and undo


@lean_kernel
def copy_route(source: Routes, target: Routes, e: int) -> None:
    """Copy the route of e and all that is kept about it, except for who owns its visits."""
    size = source.length[e]
    target.length[e] = size
    for p in range(size):
        target.order[e, p] = source.order[e, p]
    for p in range(size + 1):
        target.pending_s[e, p] = source.pending_s[e, p]
        target.taken_s[e, p] = source.taken_s[e, p]
        target.late_pending_s[e, p] = source.late_pending_s[e, p]
        target.late_taken_s[e, p] = source.late_taken_s[e, p]
        target.last_pending_s[e, p] = source.last_pending_s[e, p]
        target.last_taken_s[e, p] = source.last_taken_s[e, p]
    for slot in range(source.in_slot.shape[1]):
        target.in_slot[e, slot] = source.in_slot[e, slot]
    target.busy_s[e] = source.busy_s[e]
    target.overtime_s[e] = source.overtime_s[e]
    target.fairness_s[e] = source.fairness_s[e]


@lean_kernel
def touch(routes: Routes, saved: Routes, search: Search, e: int) -> None:
    """Save the route of e before its first change in this round."""
    if search.touched_in[e] != search.tally[ROUND]:
        search.touched_in[e] = search.tally[ROUND]
        search.touched[search.tally[TOUCHED]] = e
        search.tally[TOUCHED] += 1
        copy_route(routes, saved, e)


@lean_kernel
def undo(routes: Routes, saved: Routes, search: Search) -> None:
    """Put all routes back to where they were at the beginning of the round."""
    for k in range(search.tally[TOUCHED]):
        e = search.touched[k]
        for p in range(routes.length[e]):
            routes.owner[routes.order[e, p]] = NOBODY
    for k in range(search.tally[TOUCHED]):
        e = search.touched[k]
        copy_route(saved, routes, e)
        for p in range(routes.length[e]):
            routes.owner[routes.order[e, p]] = e


@lean_kernel
def list_unserved(routes: Routes, search: Search) -> None:
    """Note the visits on no route."""
    count = 0
    for v in search.movable:
        if routes.owner[v] == NOBODY:
            search.unserved[count] = v
            count += 1
    search.tally[UNSERVED] = count


@lean_kernel
def keep_best(routes: Routes, search: Search) -> None:
    """Note the routes as the best seen."""
    search.level[BEST_BROKEN] = search.level[BROKEN]
    search.level[BEST_COST] = search.level[COST]
    for e in range(len(routes.length)):
        if search.changed[e]:
            search.changed[e] = False
            search.best_length[e] = routes.length[e]
            for p in range(routes.length[e]):
                search.best_order[e, p] = routes.order[e, p]


# -------------------------------------------------------------------------------------- ruin


@lean_kernel
def _loosen(
    day: DayArrays, routes: Routes, search: Search, e: int, first: int, last: int, skip: int, skipped: int
) -> None:
    """Take stops `first` to `last` - 1 out of the route of e, but for `skipped` of them from stop `skip` on."""
    kept = first
    for p in range(first, routes.length[e]):
        v = routes.order[e, p]
        if p >= last or skip <= p < skip + skipped:
            routes.order[e, kept] = v
            kept += 1
        else:
            routes.owner[v] = NOBODY
            search.loose[search.tally[LOOSE]] = v
            search.tally[LOOSE] += 1
    routes.length[e] = kept
    refresh(day, routes, e)


@lean_kernel
def ruin(day: DayArrays, routes: Routes, saved: Routes, search: Search, visits: int) -> None:
    """Take strings out of routes near a random visit, about `visits` visits in all; fixed prefixes stay."""
    random = search.random
    executives = len(routes.length)
    served = len(search.movable) - search.tally[UNSERVED]
    longest = max(1.0, min(float(LONGEST_STRING), served / executives))
    most_strings = max(1.0, 4.0 * visits / (1.0 + longest) - 1.0)
    strings = int(1.0 + (1.0 - _unit(random)) * most_strings)
    centre = search.movable[_below(random, len(search.movable))]
    measure = _below(random, search.near.shape[0])
    for k in range(-1, search.near.shape[2]):
        v = centre if k < 0 else np.int64(search.near[measure, centre, k])
        e = routes.owner[v]
        if e == NOBODY or search.touched_in[e] == search.tally[ROUND]:
            continue
        fixed = day.prefix_at[e + 1] - day.prefix_at[e]
        p = 0
        while routes.order[e, p] != v:
            p += 1
        if p < fixed:
            continue
        touch(routes, saved, search, e)
        length = routes.length[e]
        free = length - fixed
        size = 1 + _below(random, int(min(float(free), longest)))
        stretch = 0
        if size > 1 and size < free and _unit(random) <= SPLIT_SHARE:
            stretch = 1
            while size + stretch < free and _unit(random) <= LONGER_STRETCH:
                stretch += 1
        whole = size + stretch
        lowest = max(fixed, p - whole + 1)
        first = lowest + _below(random, min(p, length - whole) - lowest + 1)
        skip = first + 1 + _below(random, size - 1) if stretch > 0 else first
        _loosen(day, routes, search, e, first, first + whole, skip, stretch)
        strings -= 1
        if strings == 0:
            return


@lean_kernel
def add_waiting(search: Search) -> None:
    """Add visits on no route to the loose ones: all when they are few, else some in a row from a random one on."""
    waiting = search.tally[UNSERVED]
    first = 0 if waiting <= MOST_WAITING else _below(search.random, waiting)
    for k in range(min(waiting, MOST_WAITING)):
        search.loose[search.tally[LOOSE]] = search.unserved[(first + k) % waiting]
        search.tally[LOOSE] += 1


# ---------------------------------------------------------------------------------- recreate


@lean_kernel
def _sort_loose(search: Search) -> None:
    """Bring the loose visits into a drawn order, ties at random."""
    kind = search.kinds[_below(search.random, len(search.kinds))]
    for k in range(search.tally[LOOSE]):
        v = search.loose[k]
        key = _below(search.random, 1 << 20)
        if kind >= 0:
            key += search.ranks[kind, v] << 20
        at = k
        while at > 0 and search.key[at - 1] > key:
            search.key[at] = search.key[at - 1]
            search.loose[at] = search.loose[at - 1]
            at -= 1
        search.key[at] = key
        search.loose[at] = v


@lean_kernel
def best_place(day: DayArrays, routes: Routes, search: Search, v: int) -> tuple[int, int]:
    """(executive, position) of the cheapest place for v that is not overlooked; (-1, -1) when there is none.

    A delivery wants a place cheaper than waiting. Positions are left aside as soon as their travel alone is
    dearer than the best place so far.
    """
    best = NEVER if day.slot[v] != NO_SLOT else day.unserved_price[v]
    best_e, best_p = -1, -1
    here = day.place[v]
    opens_s = day.window_open_s[day.window_at[v]]
    closes_s = day.window_close_s[day.window_at[v + 1] - 1]
    done_s = opens_s + day.service_s[v]
    blink_in = search.tally[BLINK_IN]
    for e in range(len(routes.length)):
        if not day.may_serve[e, v] or not fits_slot(day, routes, e, v):
            continue
        size = routes.length[e]
        given = day.continuity[e, v] - routes.overtime_s[e] - routes.fairness_s[e]
        fixed = day.prefix_at[e + 1] - day.prefix_at[e]
        onward = place_at(day, routes, e, fixed)
        for p in range(fixed, size + 1):
            origin, onward = onward, next_place(day, routes, e, p)
            if routes.taken_s[e, p] > closes_s and routes.pending_s[e, p] > closes_s:
                break
            if routes.last_taken_s[e, p] < done_s and routes.last_pending_s[e, p] < done_s:
                continue
            travel = day.reference_s[origin, here] + day.reference_s[here, onward]
            if size > 0:
                travel -= day.reference_s[origin, onward]
            if travel + given >= best:
                continue
            busy = routes.busy_s[e] + day.service_s[v] + travel
            if travel + given + fairness_price_s(busy, day.fairness_above_s, day.fairness_permille) >= best:
                continue
            blink_in -= 1
            if blink_in < 0:
                blink_in = int(math.log(_unit(search.random)) / math.log(1.0 - BLINK))
                continue
            extra = cost_at(day, routes, e, p, v)
            if extra < best:
                best, best_e, best_p = extra, e, p
    search.tally[BLINK_IN] = blink_in
    return best_e, best_p


@lean_kernel
def recreate(day: DayArrays, routes: Routes, saved: Routes, search: Search) -> None:
    """Put the loose visits back one by one, each where it is cheapest; some may stay out."""
    _sort_loose(search)
    for k in range(search.tally[LOOSE]):
        v = search.loose[k]
        e, p = best_place(day, routes, search, v)
        if e >= 0:
            touch(routes, saved, search, e)
            put(day, routes, e, p, v)


# ------------------------------------------------------------------------------------ rounds


@lean_kernel
def change(day: DayArrays, routes: Routes, saved: Routes, search: Search) -> tuple[int, int, bool]:
    """What this round has changed on both cost levels, and whether every changed route can be run."""
    broken, cost = 0, 0
    for k in range(search.tally[TOUCHED]):
        e = search.touched[k]
        if routes.overtime_s[e] >= NEVER:
            return 0, 0, False
        cost += route_cost_s(day, routes, e) - route_cost_s(day, saved, e)
    for k in range(search.tally[LOOSE]):
        v = search.loose[k]
        if routes.owner[v] == NOBODY:
            broken += day.weight[v]
            cost += day.unserved_price[v]
    return broken, cost, True


@lean_kernel
def ruin_and_recreate(
    day: DayArrays,
    routes: Routes,
    saved: Routes,
    search: Search,
    rounds: int,
    visits: int,
    temperature_s: float,
    cooling: float,
) -> float:
    """Run some rounds with about `visits` visits taken out in each; returns the temperature after them.

    A round that keeps more promises is kept; one that keeps as many is kept when it costs less than the
    temperature allows, which is multiplied by `cooling` after every round (simulated annealing).
    """
    for _ in range(rounds):
        search.tally[ROUND] += 1
        search.tally[TOUCHED] = 0
        search.tally[LOOSE] = 0
        ruin(day, routes, saved, search, visits)
        loosened = search.tally[LOOSE]
        add_waiting(search)
        broken, cost = 0, 0
        for k in range(loosened, search.tally[LOOSE]):
            broken -= day.weight[search.loose[k]]
            cost -= day.unserved_price[search.loose[k]]
        recreate(day, routes, saved, search)
        more_broken, more_cost, runnable = change(day, routes, saved, search)
        broken += more_broken
        cost += more_cost
        allowed = -temperature_s * math.log(_unit(search.random))
        temperature_s *= cooling
        if not runnable or broken > 0 or (broken == 0 and cost >= allowed):
            undo(routes, saved, search)
            continue
        search.level[BROKEN] += broken
        search.level[COST] += cost
        for k in range(search.tally[TOUCHED]):
            search.changed[search.touched[k]] = True
        list_unserved(routes, search)
        if search.level[BROKEN] < search.level[BEST_BROKEN] or (
            search.level[BROKEN] == search.level[BEST_BROKEN] and search.level[COST] < search.level[BEST_COST]
        ):
            keep_best(routes, search)
    return temperature_s
