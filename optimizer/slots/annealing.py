"""Repair: a plan that is late somewhere, made on time by moving visits between executives within their slots.

The plan is a table of executives and slots. Its lateness is the seconds by which services, breaks and returns are
too late when each of them is put back to its last moment and the route goes on from there ("time warp": Nagata,
Braeysy, Dullaert, "A penalty-based edge assembly memetic algorithm for the vehicle routing problem with time windows",
Computers and Operations Research 37(4), 2010). It is zero exactly where the plan can be run. A move swaps the slots
k to l of two executives; worse ones are taken now and then (simulated annealing). Visits never leave their slots,
so the rule of one service per slot holds by itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optimizer.arrays import BoolArray, DayArrays, Int64Array, inner_kernel, kernel, lean_kernel
from optimizer.timing import arrive_s

HOT_S, COLD_S = 900.0, 15.0
"""Seconds of lateness that are taken as readily at the beginning and at the end of an annealing."""

FROM_LATE = 0.6
"""Share of moves that begin at a late route."""

LONG = 0.5
"""Chance that a stretch of slots to be swapped goes on for another slot."""

NONE = -1


@lean_kernel
def lateness_s(day: DayArrays, table: Int64Array, e: int, other: int, low: int, high: int) -> int:
    """Lateness of the route that e makes of their row of the table, with slots low to high from the row of `other`.

    Two labels go along, as in `timing`: the break still to come, and taken; each has its earliest time and its
    lateness so far, of two ways to one label the less late one stays, then the earlier one.
    """
    slots = table.shape[1]
    place = day.start_place[e]
    rest = day.break_s[e]
    break_open, break_close = day.break_open_s[e], day.break_close_s[e]
    now = day.shift_open_s[e]
    # (taken, warp_taken): break over, or none due. (pending, warp_pending): still to come.
    pending, warp_pending = now, 0
    taken, warp_taken = now, 0
    if rest > 0:
        warp_taken = max(0, now - break_close)
        taken = max(min(now, break_close), break_open) + rest
    empty = True
    for s in range(slots):
        v = table[other, s] if low <= s <= high else table[e, s]
        if v < 0:
            continue
        empty = False
        here = day.place[v]
        service = day.service_s[v]
        window = day.window_at[v]
        opens, closes = day.window_open_s[window], day.window_close_s[window]
        begin = max(arrive_s(day, place, here, taken), opens)
        warp = warp_taken
        if begin > closes:
            warp += begin - closes
            begin = closes
        best, best_warp = begin + service, warp
        if rest > 0:
            arrival = arrive_s(day, place, here, pending)
            # the break on arrival
            over = max(0, arrival - break_close)
            begin = max(max(min(arrival, break_close), break_open) + rest, opens)
            warp = warp_pending + over
            if begin > closes:
                warp += begin - closes
                begin = closes
            if warp < best_warp or (warp == best_warp and begin + service < best):
                best, best_warp = begin + service, warp
            # no break yet
            begin = max(arrival, opens)
            warp = warp_pending
            if begin > closes:
                warp += begin - closes
                begin = closes
            pending, warp_pending = begin + service, warp
            # the break after the service
            over = max(0, pending - break_close)
            after = max(min(pending, break_close), break_open) + rest
            warp = warp_pending + over
            if warp < best_warp or (warp == best_warp and after < best):
                best, best_warp = after, warp
        taken, warp_taken = best, best_warp
        place = here
    if empty:
        return 0
    last = day.latest_end_s[e]
    home = arrive_s(day, place, day.end_place[e], taken)
    late = warp_taken + max(0, home - last)
    if rest > 0:
        home = arrive_s(day, place, day.end_place[e], pending)
        over = max(0, home - break_close)
        end = max(min(home, break_close), break_open) + rest
        late = min(late, warp_pending + over + max(0, end - last))
    return int(late)


@inner_kernel
def _random(state: npt.NDArray[np.uint64]) -> float:
    """The next number of a stream, from 0 to below 1 (xorshift64*, Vigna 2016)."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@kernel
def anneal(
    day: DayArrays, able: BoolArray, table: Int64Array, first: int, last: int, moves: int, state: npt.NDArray[np.uint64]
) -> tuple[int, int]:
    """(lateness left, moves made): anneal the table in place until it is on time, or `moves` have been tried.

    Only slots `first` to `last` are touched. `able[e, v]`: e may have v. `state` is the stream of chance. When
    lateness is left the table is whatever it was last.
    """
    executives = table.shape[0]
    late = np.empty(executives, dtype=np.int64)
    total = 0
    for e in range(executives):
        late[e] = lateness_s(day, table, e, e, 0, -1)
        total += late[e]
    if total == 0 or executives < 2:
        return total, 0
    cooling = (COLD_S / HOT_S) ** (1.0 / max(1, moves))
    heat = HOT_S
    for move in range(moves):
        heat *= cooling
        one = int(_random(state) * executives)
        if _random(state) < FROM_LATE:
            for _ in range(executives):
                if late[one] > 0:
                    break
                one = one + 1 if one + 1 < executives else 0
        two = int(_random(state) * (executives - 1))
        if two >= one:
            two += 1
        low = first + int(_random(state) * (last - first + 1))
        high = low
        while high < last and _random(state) < LONG:
            high += 1
        moved, allowed = False, True
        for s in range(low, high + 1):
            a, b = table[one, s], table[two, s]
            if a >= 0:
                moved = True
                allowed = allowed and able[two, a]
            if b >= 0:
                moved = True
                allowed = allowed and able[one, b]
        if not moved or not allowed:
            continue
        new_one = lateness_s(day, table, one, two, low, high)
        worse = new_one - late[one] - late[two]
        # Without looking at the second route: it cannot make up for more than all of its lateness.
        chance = heat * -np.log(_random(state) + 1e-300)
        if worse > chance:
            continue
        new_two = lateness_s(day, table, two, one, low, high)
        if worse + new_two > chance:
            continue
        for s in range(low, high + 1):
            a = table[one, s]
            table[one, s] = table[two, s]
            table[two, s] = a
        total += new_one + new_two - late[one] - late[two]
        late[one], late[two] = new_one, new_two
        if total == 0:
            return 0, move + 1
    return total, moves


@kernel
def table_of(day: DayArrays, order: Int64Array, length: Int64Array, slots: int) -> Int64Array:
    """The appointments of routes as a table of executives and slots, -1 where there is none."""
    table = np.full((len(length), slots), NONE, dtype=np.int64)
    for e in range(len(length)):
        for p in range(length[e]):
            v = order[e, p]
            if day.slot[v] >= 0:
                table[e, day.slot[v]] = v
    return table


def stream(seed: int) -> npt.NDArray[np.uint64]:
    """A stream of chance for `anneal`: the same for the same seed, never all zero."""
    mixed = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % (1 << 64)
    return np.array([mixed or 1], dtype=np.uint64)
