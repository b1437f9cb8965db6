"""Proofs that a slot is impossible: prices of promises at which no plan can be worth enough.

Let pi_v, from 0 to 1, be a price for each promise and for the new visit, and let V_c be the most that one route of
an executive of class c can collect. If all visits were served, the executives would have collected every price, so
sum of pi <= sum over classes of (members x V_c). Where the left side is larger, somebody is not served, in every plan:
these prices are a *certificate*. They are duals of column generation for the least number of visits left out; once
found they are asked again for other addresses and on later versions of the day, and as V_c is computed anew each
time, in whole numbers and exactly, an old certificate never proves anything wrong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from optimizer.arrays import NEVER, NO_SLOT, DayArrays, Int32Array, Int64Array, inner_kernel, kernel, lean_kernel
from optimizer.bounds import slots_in_order
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.promises import promises_by_routes
from optimizer.engines.routes import rows_of
from optimizer.slots.newcomer import Newcomer
from optimizer.stop import Stop
from optimizer.timing import arrive_s, earliest_begin_s, ready_after, ready_at_start, route_end_s
from optimizer.units import HOUR_S

KEPT = 4
"""Certificates kept for each slot of a day."""

MOST_LABELS = 64
"""Labels of a visit; where there are more, nothing is proven."""

MOST_ON_THE_WAY = 150
"""Promises of a day up to which certificates are asked with all of them on the way, though a citizen waits."""

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Certificate:
    """Prices in GRIDths, at most GRID each, of promises by their id (those not named: 0) and of the new visit."""

    prices: Mapping[str, int]
    newcomer: int


class Certificates:
    """The last certificates of each slot of one day. Not a part of the day: what is lost costs time, nothing else."""

    def __init__(self) -> None:
        self._kept: dict[int, deque[Certificate]] = {}

    def of_slot(self, slot: int) -> tuple[Certificate, ...]:
        """Those of a slot, the newest first."""
        return tuple(self._kept.get(slot, ()))

    def keep(self, slot: int, certificate: Certificate) -> None:
        """Keep one more; the oldest goes."""
        self._kept.setdefault(slot, deque(maxlen=KEPT)).appendleft(certificate)


class Staff(NamedTuple):
    """Executives alike for a route: `who[c]` stands for `size[c]` of them."""

    who: Int64Array
    size: Int64Array


def staff_of(newcomer: Newcomer) -> Staff:
    """The classes of the executives of a day, for its promises and for the newcomer, the largest first."""
    able = newcomer.day.may_serve[:, newcomer.first :: newcomer.slots]
    keys = newcomer.promised.kinds * (1 << able.shape[1]) + able @ (1 << np.arange(able.shape[1]))
    _, who, size = np.unique(keys, return_index=True, return_counts=True)
    order = np.argsort(-size, kind="stable")
    return Staff(who[order].astype(np.int64), size[order].astype(np.int64))


@inner_kernel
def _rested_s(day: DayArrays, e: int, origin: int, destination: int, pending_s: int) -> int:
    """No arrival is earlier than this with the break taken somewhere on the way, at places in between.

    The break begins in its window; no travel is done in it, so by the arrival the clock has gained the work of the way
    and at least what its slowest hour gains in the break. NEVER when the window is over.
    """
    if pending_s > day.break_close_s[e]:
        return NEVER
    rest = day.break_s[e]
    slowest = day.pace[0]
    for hour in range(1, len(day.pace)):
        slowest = min(slowest, day.pace[hour])
    hour = min(pending_s // HOUR_S, len(day.pace) - 1)
    goal = day.cumulative_pace[hour] + day.pace[hour] * (pending_s - hour * HOUR_S)
    goal += day.reference_s[origin, destination] * day.work_per_s + rest * slowest
    while hour < len(day.pace) - 1 and day.cumulative_pace[hour + 1] < goal:
        hour += 1
    arrival = hour * HOUR_S - (day.cumulative_pace[hour] - goal) // day.pace[hour]
    return int(max(arrival, max(pending_s, day.break_open_s[e]) + rest))


@lean_kernel
def _most_collected(
    day: DayArrays,
    e: int,
    visits: Int64Array,
    price: Int64Array,
    others: bool,
    value: Int64Array,
    clock: Int64Array,
    count: Int64Array,
) -> int:
    """The most that a route of e collects of these visits, which are in the order of their slots; UNKNOWN if too many.

    `others`: other visits may be made between these, at no cost of time. Then travel has to be such that no way over
    another place is shorter, and the break may be taken on the way.

    `value[i, k]`, `clock[i, k]` (break to come, break taken), `count[i]`: room for the labels of visit i.
    """
    best = 0
    for i in range(len(visits)):
        v = visits[i]
        count[i] = 0
        if not day.may_serve[e, v]:
            continue
        for j in range(-1, i):
            if j >= 0 and day.slot[visits[j]] >= day.slot[v]:
                break
            for k in range(1 if j < 0 else count[j]):
                if j < 0:
                    pending, taken = ready_at_start(day, e)
                    place, worth = day.start_place[e], 0
                else:
                    pending, taken = clock[j, k, 0], clock[j, k, 1]
                    place, worth = day.place[visits[j]], value[j, k]
                rested = NEVER
                if others and pending < NEVER:
                    rested = earliest_begin_s(day, v, _rested_s(day, e, place, day.place[v], pending))
                pending, taken = ready_after(day, e, place, pending, taken, v)
                if rested < NEVER:
                    taken = min(taken, rested + day.service_s[v])
                worth += price[i]
                here, last_s = day.place[v], day.latest_end_s[e]
                # Whose break has no place yet may go on all the same: it may have one further on.
                if min(pending, taken) > last_s:
                    continue
                if others and arrive_s(day, here, day.end_place[e], min(pending, taken)) > last_s:
                    continue
                end = route_end_s(day, e, here, pending, taken)
                if others and pending < NEVER:
                    end = min(end, _rested_s(day, e, here, day.end_place[e], pending))
                if end <= last_s:
                    best = max(best, worth)
                kept = 0
                dominated = False
                for m in range(count[i]):
                    if value[i, m] >= worth and clock[i, m, 0] <= pending and clock[i, m, 1] <= taken:
                        dominated = True
                        break
                if dominated:
                    continue
                for m in range(count[i]):
                    if value[i, m] <= worth and clock[i, m, 0] >= pending and clock[i, m, 1] >= taken:
                        continue
                    value[i, kept] = value[i, m]
                    clock[i, kept, 0] = clock[i, m, 0]
                    clock[i, kept, 1] = clock[i, m, 1]
                    kept += 1
                if kept == value.shape[1]:
                    return UNKNOWN
                value[i, kept] = worth
                clock[i, kept, 0] = pending
                clock[i, kept, 1] = taken
                count[i] = kept + 1
    return int(best)


@kernel
def left_over(
    day: DayArrays, who: Int64Array, size: Int64Array, visits: Int64Array, price: Int64Array, others: bool
) -> int:
    """Sum of the prices less the most that all executives can collect; positive: some visit is not served. UNKNOWN too.

    The visits are in the order of their slots; `others` as of `_most_collected`. Ends early when nothing is left.
    """
    total = 0
    for i in range(len(visits)):
        total += price[i]
    value = np.empty((len(visits), MOST_LABELS), dtype=np.int64)
    clock = np.empty((len(visits), MOST_LABELS, 2), dtype=np.int64)
    count = np.empty(len(visits), dtype=np.int64)
    for c in range(len(who)):
        most = _most_collected(day, who[c], visits, price, others, value, clock, count)
        if most == UNKNOWN:
            return UNKNOWN
        total -= most * size[c]
        if total <= 0:
            return 0
    return total


def _with_short_cuts(newcomer: Newcomer) -> Int32Array:
    """Reference seconds of the shortest ways over any places of the day; from and to the newcomer's place, too."""
    known = newcomer.promised.shortest_s
    from_s = (known + newcomer.approach.from_s[None, :].astype(np.int64)).min(axis=1)
    to_s = (newcomer.approach.to_s[:, None].astype(np.int64) + known).min(axis=0)
    size = len(known)
    ways = np.zeros((size + 1, size + 1), dtype=np.int32)
    ways[:size, :size], ways[:size, size], ways[size, :size] = known, from_s, to_s
    if (newcomer.routes.owner[newcomer.first :] >= 0).any():  # others of its visits are made: a way may lead over them
        ways = np.minimum(ways, ways[:, size:] + ways[size:, :])
    return ways


class Prover:
    """Asks certificates about one newcomer; what all questions share is made once."""

    def __init__(self, newcomer: Newcomer) -> None:
        self._newcomer = newcomer
        day = newcomer.day
        # Two visits that take no time could be made against the order of slots, the newcomer's with another.
        in_time = all(service.service_s > 0 for service in newcomer.services)
        self.proves = in_time and slots_in_order(newcomer.promised.arrays)
        if not newcomer.promised.problem.travel.metric:
            # Visits without a price may lie on a shorter way: short cuts are allowed to everybody.
            day = day._replace(reference_s=_with_short_cuts(newcomer))
        self.day = day
        self._staff = staff_of(newcomer)
        self._rows = newcomer.promised.problem.visit_row

    def holds(self, certificate: Certificate, row: int, *, thorough: bool = False) -> bool:
        """True when these prices prove that no plan serves all promises of the day and the visit of this row.

        First as if visits without a price took no time. Where that proves nothing, with all promises on the way: on
        large days only if `thorough`, and not where routes have visits that are no promises.
        """
        if not self.proves or certificate.newcomer <= 0:
            return False
        price = np.zeros(len(self.day.place), dtype=np.int64)
        for visit_id, value in certificate.prices.items():
            known = self._rows.get(visit_id)
            if known is not None and self.day.slot[known] != NO_SLOT:
                price[known] = min(value, GRID)
        price[row] = min(certificate.newcomer, GRID)
        if self._left_over(self.day, np.flatnonzero(price), price, others=True):
            return True
        day, made = self._newcomer.day, np.flatnonzero(self._newcomer.routes.owner >= 0)
        if (day.slot[made] == NO_SLOT).any() or (len(made) > MOST_ON_THE_WAY and not thorough):
            return False
        return self._left_over(day, np.append(made, row), price, others=False)

    def _left_over(self, day: DayArrays, visits: Int64Array, price: Int64Array, *, others: bool) -> bool:
        visits = visits[np.argsort(day.slot[visits], kind="stable")]
        return bool(left_over(day, self._staff.who, self._staff.size, visits, price[visits], others) > 0)

    def search(self, row: int, stop: Stop) -> Certificate | None:
        """A certificate for the visit of this row by column generation, None when there is none or it was stopped."""
        if not self.proves:
            return None
        visits = np.append(np.arange(self._newcomer.first), row)
        orders = rows_of(self._newcomer.promised.routes)
        prices = promises_by_routes(self._newcomer.day, visits, orders, stop)
        if prices is None:
            return None
        ids = self._newcomer.promised.problem.visits
        named = {ids[v].visit_id: p for v, p in zip(visits[:-1].tolist(), prices[:-1].tolist(), strict=True) if p > 0}
        certificate = Certificate(named, int(prices[-1]))
        return certificate if self.holds(certificate, row, thorough=True) else None
