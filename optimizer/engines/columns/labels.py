"""Pricing: the cheapest routes of one executive at given duals, by labels grown forward in time.

A label is a partial route that ends at a visit. It carries

- `cost`    cost so far minus the duals of the visits made, without overtime and fairness, which are not
            known before the end (reduced cost, in `GRID`ths of a cost second, exact whole numbers);
- `pending`, `taken`  the earliest times to leave the visit with the break still to come, and with it taken;
- `busy`    service and reference travel so far, for the price of fairness;
- `slot`    the first slot in which an appointment may still be made;
- `memory`  the deliveries it remembers to have made (ng-route relaxation: Baldacci, Mingozzi, Roberti, "New
            route relaxation and pricing strategies for the vehicle routing problem", Operations Research
            59(5), 2011): a delivery is remembered as long as the route stays among visits that have it in
            their neighbourhood. Appointments need no memory: slots put them in order;
- `parity`  for each cut, whether an odd number of its visits has been made (see `cuts`).

A label dominates another of the same visit when no continuation of the other ends cheaper (Desrochers,
Desrosiers, Solomon, "A new optimization algorithm for the vehicle routing problem with time windows", Operations
Research 40(2), 1992). Overtime never falls with time and fairness has a steepest slope, so dominance stays exact
with both: being busier by b seconds costs at most `slope` x b more at the end. A cut that one label is about to pay
for and the other is not is added to its cost (Jepsen, Petersen, Spoorendonk, Pisinger, "Subset-row inequalities
applied to the vehicle-routing problem with time windows", Operations Research 56(2), 2008).

The clock of a route (travel by the hour, windows, break) is that of `timing`, called from here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optimizer.arrays import NEVER, NO_SLOT, BoolArray, DayArrays, Int32Array, Int64Array, inner_kernel, lean_kernel
from optimizer.objective import fairness_price_s, overtime_price_s
from optimizer.timing import ready_after, route_end_s

Uint64Array = npt.NDArray[np.uint64]

GRID = 1 << 16
"""Duals are whole numbers of 1/GRID cost seconds, so reduced costs and bounds are exact."""

INFINITE = 1 << 61
BUCKET_S = 600
FULL = -1
"""Answer of `grow` when the workspace has no room for another label: nothing is proven."""

OPEN, GROWN, DOMINATED = 0, 1, 2


class Graph(NamedTuple):
    """What labels move on. `next_visit[next_at[u]:next_at[u + 1]]` may follow u; row `visits` are the first visits.

    `keep[u, w]` (row `visits` too) are the bits of memory that survive the step from u to w, `own[w]` the bit of
    delivery w (0 for appointments), `blocks[u, w]` the bit that forbids the step. `slot_over_s[s]`: last begin of any
    appointment in slot s. `second` is what a second of travel costs: GRID, or 0 where only promises count.
    """

    next_at: Int64Array
    next_visit: Int64Array
    keep: Uint64Array
    blocks: Uint64Array
    own: Uint64Array
    slot_over_s: Int64Array
    second: int


class Outset(NamedTuple):
    """Where the routes of executive e begin: at the start place, or after the fixed prefix.

    `travel_s`, `busy_s` of the prefix; `slot` the first slot still free; `leave_by_pending[w]`,
    `leave_by_taken[w]` the latest times to leave w and still be home in time.
    """

    e: int
    place: int
    pending_s: int
    taken_s: int
    travel_s: int
    busy_s: int
    slot: int
    leave_by_pending: Int64Array
    leave_by_taken: Int64Array


class CutBits(NamedTuple):
    """Cuts as bits: `hits[w]` those visit w belongs to, `keep[w]` those remembered at w; a pair pays `price[k]`."""

    hits: Uint64Array
    keep: Uint64Array
    price: Int64Array


class Labels(NamedTuple):
    """Room for labels, used again from call to call.

    `closed` is the reduced cost of going home from here, overtime and fairness included (INFINITE: not in time).
    `head`, `low` are the labels of a visit by time bucket and their least cost, `following` the next in the bucket.
    `last` is the label of a visit that dominated another last: it is asked first. `work[0]` counts the labels compared.
    """

    cost: Int64Array
    closed: Int64Array
    pending: Int64Array
    taken: Int64Array
    busy: Int64Array
    memory: Uint64Array
    parity: Uint64Array
    visit: Int32Array
    slot: Int32Array
    parent: Int32Array
    following: Int32Array
    state: Int32Array
    head: Int32Array
    low: Int64Array
    last: Int32Array
    work: Int64Array


def room(size: int, visits: int, buckets: int) -> Labels:
    """An empty workspace for `size` labels."""
    return Labels(
        cost=np.empty(size, dtype=np.int64),
        closed=np.empty(size, dtype=np.int64),
        pending=np.empty(size, dtype=np.int64),
        taken=np.empty(size, dtype=np.int64),
        busy=np.empty(size, dtype=np.int64),
        memory=np.empty(size, dtype=np.uint64),
        parity=np.empty(size, dtype=np.uint64),
        visit=np.empty(size, dtype=np.int32),
        slot=np.empty(size, dtype=np.int32),
        parent=np.empty(size, dtype=np.int32),
        following=np.empty(size, dtype=np.int32),
        state=np.empty(size, dtype=np.int32),
        head=np.empty((visits + 1, buckets), dtype=np.int32),
        low=np.empty((visits + 1, buckets), dtype=np.int64),
        last=np.empty(visits, dtype=np.int32),
        work=np.zeros(1, dtype=np.int64),
    )


@inner_kernel
def _owed(cuts: CutBits, one: np.uint64, other: np.uint64) -> int:
    """What cuts may still take from a label of parity `one` and not from one of parity `other`."""
    total = 0
    left = one & ~other
    k = 0
    while left != 0:
        if left & np.uint64(1) != 0:
            total += cuts.price[k]
        left >>= np.uint64(1)
        k += 1
    return total


@inner_kernel
def cuts_owed(cuts: CutBits, pairs: np.uint64) -> int:
    """What cuts take for these pairs of visits made."""
    return _owed(cuts, pairs, np.uint64(0))


@inner_kernel
def _busier(by_s: int, slope_permille: int) -> int:
    """The most that being busier by so many seconds can cost at the end; the price is rounded up to a second."""
    if by_s <= 0:
        return 0
    return -(-by_s * slope_permille // 1_000) * GRID


@inner_kernel
def _dominates(
    labels: Labels,
    one: int,
    cost: int,
    pending: int,
    taken: int,
    busy: int,
    slot: int,
    memory: np.uint64,
    parity: np.uint64,
    cuts: CutBits,
    slope: int,
    exact: bool,
) -> bool:
    """Label `one` dominates a label with these values."""
    if labels.cost[one] > cost or labels.pending[one] > pending or labels.taken[one] > taken:
        return False
    if exact and (labels.slot[one] > slot or labels.memory[one] & ~memory != 0):
        return False
    worst = labels.cost[one] + _busier(labels.busy[one] - busy, slope)
    if worst > cost:
        return False
    return not exact or worst + _owed(cuts, labels.parity[one], parity) <= cost


@inner_kernel
def _is_dominated_by(
    labels: Labels,
    one: int,
    cost: int,
    pending: int,
    taken: int,
    busy: int,
    slot: int,
    memory: np.uint64,
    parity: np.uint64,
    cuts: CutBits,
    slope: int,
    exact: bool,
) -> bool:
    """Label `one` is dominated by a label with these values."""
    if cost > labels.cost[one] or pending > labels.pending[one] or taken > labels.taken[one]:
        return False
    if exact and (slot > labels.slot[one] or memory & ~labels.memory[one] != 0):
        return False
    worst = cost + _busier(busy - labels.busy[one], slope)
    if worst > labels.cost[one]:
        return False
    return not exact or worst + _owed(cuts, parity, labels.parity[one]) <= labels.cost[one]


@inner_kernel
def _grow_one(
    day: DayArrays,
    outset: Outset,
    graph: Graph,
    cuts: CutBits,
    labels: Labels,
    count: int,
    parent: int,
    u: int,
    place: int,
    w: int,
    gain: int,
    slope: int,
    exact: bool,
) -> int:
    """Extend label `parent` of visit u at `place` to visit w; returns how many labels there are then."""
    slot = labels.slot[parent]
    if (day.slot[w] != NO_SLOT and day.slot[w] < slot) or labels.memory[parent] & graph.blocks[u, w] != 0:
        return count
    pending, taken = ready_after(day, outset.e, place, labels.pending[parent], labels.taken[parent], w)
    if pending > outset.leave_by_pending[w]:
        pending = NEVER
    if taken > outset.leave_by_taken[w]:
        taken = NEVER
    early = min(pending, taken)
    if early >= NEVER:
        return count
    here = day.place[w]
    step = day.reference_s[place, here]
    memory = (labels.memory[parent] & graph.keep[u, w]) | graph.own[w]
    parity = labels.parity[parent] & cuts.keep[w]
    cost = labels.cost[parent] + step * graph.second - gain + _owed(cuts, parity & cuts.hits[w], np.uint64(0))
    parity ^= cuts.hits[w]
    busy = labels.busy[parent] + step + day.service_s[w]
    slot = max(slot, day.slot[w] + 1)
    while slot < len(graph.slot_over_s) and graph.slot_over_s[slot] < early:
        slot += 1
    bucket = (early - day.shift_open_s[outset.e]) // BUCKET_S
    last = labels.last[w]
    if last >= 0 and _dominates(labels, last, cost, pending, taken, busy, slot, memory, parity, cuts, slope, exact):
        labels.work[0] += 1
        return count
    work = 1
    for b in range(bucket + 1):
        if labels.low[w, b] <= cost:
            other = labels.head[w, b]
            while other >= 0:
                work += 1
                if _dominates(labels, other, cost, pending, taken, busy, slot, memory, parity, cuts, slope, exact):
                    labels.work[0] += work
                    labels.last[w] = other
                    return count
                other = labels.following[other]
    for b in range(bucket, labels.head.shape[1]):
        before, low = -1, INFINITE
        other = labels.head[w, b]
        while other >= 0:
            work += 1
            following = labels.following[other]
            if _is_dominated_by(labels, other, cost, pending, taken, busy, slot, memory, parity, cuts, slope, exact):
                labels.state[other] = DOMINATED
                if before < 0:
                    labels.head[w, b] = following
                else:
                    labels.following[before] = following
            else:
                low = min(low, labels.cost[other])
                before = other
            other = following
        labels.low[w, b] = low
    labels.work[0] += work
    if count == len(labels.cost):
        return FULL
    home = day.reference_s[here, day.end_place[outset.e]]
    end = route_end_s(day, outset.e, here, pending, taken)
    closed = INFINITE
    if end <= day.latest_end_s[outset.e]:
        price = overtime_price_s(end - day.shift_close_s[outset.e], day.overtime_permille)
        price += fairness_price_s(busy + home, day.fairness_above_s, day.fairness_permille)
        closed = cost + home * graph.second + price * GRID
    labels.cost[count] = cost
    labels.closed[count] = closed
    labels.pending[count] = pending
    labels.taken[count] = taken
    labels.busy[count] = busy
    labels.memory[count] = memory
    labels.parity[count] = parity
    labels.visit[count] = w
    labels.slot[count] = slot
    labels.parent[count] = parent
    labels.state[count] = OPEN
    labels.following[count] = labels.head[w, bucket]
    labels.head[w, bucket] = count
    labels.low[w, bucket] = min(labels.low[w, bucket], cost)
    return count + 1


@lean_kernel
def grow(
    day: DayArrays,
    outset: Outset,
    graph: Graph,
    cuts: CutBits,
    labels: Labels,
    gain: Int64Array,
    active: BoolArray,
    start_cost: int,
    slope: int,
    exact: bool,
    most_work: int,
) -> int:
    """All labels of an executive that are not dominated, over the active visits; how many, or FULL.

    Label 0 is the outset, at no visit (`visits`). `gain[v]` is the dual of v less the price of continuity. `start_cost`
    is the reduced cost of the fixed prefix, `slope` the steepest price of fairness, in cost seconds per 1,000 s.
    Without `exact`, slots, memory and cuts are left out of dominance: routes found are real, the cheapest may be
    missed. After `most_work` comparisons of labels the answer is FULL, too.
    """
    visits = len(graph.own)
    labels.head[:, :] = -1
    labels.last[:] = -1
    labels.low[:, :] = INFINITE
    labels.work[0] = 0
    labels.cost[0] = start_cost
    labels.closed[0] = INFINITE
    labels.pending[0] = outset.pending_s
    labels.taken[0] = outset.taken_s
    labels.busy[0] = outset.busy_s
    labels.memory[0] = np.uint64(0)
    labels.parity[0] = np.uint64(0)
    labels.visit[0] = visits
    labels.slot[0] = outset.slot
    labels.parent[0] = -1
    labels.following[0] = -1
    labels.state[0] = OPEN
    labels.head[visits, 0] = 0
    count = 1
    for b in range(labels.head.shape[1]):
        more = True
        while more:  # a step that takes no time stays in the bucket
            more = False
            for u in range(visits, -1, -1):
                label = labels.head[u, b]
                while label >= 0:
                    if labels.state[label] == OPEN:
                        labels.state[label] = GROWN
                        more = True
                        if labels.work[0] > most_work:
                            return FULL
                        place = outset.place if u == visits else day.place[u]
                        for k in range(graph.next_at[u], graph.next_at[u + 1]):
                            w = graph.next_visit[k]
                            if active[w]:
                                count = _grow_one(
                                    day, outset, graph, cuts, labels, count, label, u, place, w, gain[w], slope, exact
                                )
                                if count < 0:
                                    return FULL
                    label = labels.following[label]
    return count


@lean_kernel
def best_ends(labels: Labels, count: int, best: Int32Array) -> None:
    """`best[v]`: the label of visit v that goes home cheapest, -1 when there is none."""
    best[:] = -1
    for label in range(1, count):
        v = labels.visit[label]
        if labels.closed[label] < INFINITE and (best[v] < 0 or labels.closed[label] < labels.closed[best[v]]):
            best[v] = label


def visits_of(labels: Labels, label: int) -> tuple[int, ...]:
    """The visits of a label in order, without the fixed prefix."""
    visits = []
    while label > 0:
        visits.append(int(labels.visit[label]))
        label = int(labels.parent[label])
    return tuple(reversed(visits))
