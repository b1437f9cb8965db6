"""An address that is not on the day yet, as rows of the day's arrays: one visit for each slot and each service.

Row `first + i * slots + s` is service i in slot s; all of them are at one place, the last of the travel table. So any
kernel that knows visits can ask about any slot, and nothing has to be built again for the next one.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from optimizer.arrays import NEVER, BoolArray, DayArrays, Int64Array, inner_kernel, kernel, lean_kernel
from optimizer.bounds import clock_arrival_s, shortest_s
from optimizer.domain import Appointment, AskedService
from optimizer.engines.routes import Routes, cost_at, next_place, place_at, refresh_all
from optimizer.slots.nouns import Approach, within_shift
from optimizer.timing import arrive_s, ready_after
from optimizer.units import HOUR_S


class RoomFound(NamedTuple):
    """By visit of the newcomer, counted from 0: where it fits.

    `cost_s[v, e]`: cost seconds it adds to the route of e, NEVER where it does not fit. `best[v]`: row of the executive
    for whom that is least, -1 if nobody, `position[v]` in their route, `travel_s[v]` reference seconds it adds there.
    `executives[v]`: how many have room. `adjacent[v]`: the longest run of adjacent slots round it in each of which one
    executive has room for the service; 0 where nobody has room.
    """

    cost_s: Int64Array
    best: list[int]
    position: list[int]
    travel_s: list[int]
    executives: list[int]
    adjacent: list[int]


UNABLE, TAKEN, TOO_FAR, REST = 1, 2, 4, 8
"""Rules between an executive and a visit: lacks a skill or is not on shift; has an appointment in the slot; cannot be
there in time, breaks left aside; could, were there no break."""


class Newcomer:
    """A booking request on one day: the arrays of the day with its visits, and the witness they may join.

    `pins[i]` names the only executive who may give service i, None leaves it open.
    """

    def __init__(
        self, approach: Approach, services: Sequence[AskedService], pins: Sequence[str | None] | None = None
    ) -> None:
        promised = approach.day
        day = promised.arrays
        slots = len(promised.slots)
        self.approach = approach
        self.promised = promised
        self.services = tuple(services)
        self.first = len(day.place)
        self.slots = slots
        self.place = len(day.reference_s)
        visits = slots * len(services)
        reference_s = np.zeros((self.place + 1, self.place + 1), dtype=np.int32)
        reference_s[:-1, :-1] = day.reference_s
        reference_s[:-1, -1] = approach.from_s
        reference_s[-1, :-1] = approach.to_s
        grid = promised.problem.grid
        open_s = np.tile(np.arange(slots, dtype=np.int64) * grid.slot_s + grid.open_s, len(services))
        service_s = np.repeat(np.array([s.service_s for s in services], dtype=np.int64), slots)
        pins = [None] * len(services) if pins is None else pins
        self.pins = tuple(pins)
        executives = len(promised.problem.executives)
        able = np.zeros((executives, len(services)), dtype=np.bool_)
        for number, (service, pin) in enumerate(zip(services, pins, strict=True)):
            able[:, number] = promised.skilled(service.skills)
            if pin is not None:
                able[:, number] &= [e.executive_id == pin for e in promised.problem.executives]
        fits = np.repeat(able, slots, axis=1)
        fits &= (service_s <= grid.slot_s)[None, :]
        windows = int(day.window_at[-1])
        self.day: DayArrays = day._replace(
            reference_s=reference_s,
            place=np.concatenate((day.place, np.full(visits, self.place, dtype=np.int64))),
            service_s=np.concatenate((day.service_s, service_s)),
            window_at=np.concatenate((day.window_at, np.arange(windows + 1, windows + visits + 1, dtype=np.int64))),
            window_open_s=np.concatenate((day.window_open_s, open_s)),
            window_close_s=np.concatenate((day.window_close_s, open_s + grid.slot_s - service_s)),
            slot=np.concatenate((day.slot, np.tile(np.arange(slots, dtype=np.int64), len(services)))),
            weight=np.concatenate((day.weight, np.ones(visits, dtype=np.int64))),
            unserved_price=np.concatenate((day.unserved_price, np.zeros(visits, dtype=np.int64))),
            may_serve=np.concatenate((day.may_serve, fits), axis=1),
            continuity=np.concatenate((day.continuity, np.zeros((executives, visits), dtype=np.int64)), axis=1),
        )
        self.routes = with_visits(promised.routes, visits)

    def visit(self, service: int, slot: int, visit_id: str) -> Appointment:
        """A service in a slot as an appointment of this name."""
        asked = self.services[service]
        return Appointment(
            visit_id,
            self.approach.place,
            self.promised.slots[slot],
            asked.service_s,
            asked.service_id,
            asked.skills,
            pinned_to=self.pins[service],
        )

    def row(self, service: int, slot: int) -> int:
        """The visit of a service in a slot."""
        return self.first + service * self.slots + slot

    @cached_property
    def room(self) -> RoomFound:
        """Where each visit fits into the routes as they are; see `RoomFound`."""
        visits, executives = self.slots * len(self.services), len(self.routes.length)
        cost_s = np.empty((visits, executives), dtype=np.int64)
        found = np.empty((5, visits), dtype=np.int64)
        try_all(self.day, self.routes, self.first, self.slots, cost_s, found)
        best, position, travel_s, executives_, adjacent = found.tolist()
        return RoomFound(cost_s, best, position, travel_s, executives_, adjacent)

    @cached_property
    def able(self) -> BoolArray:
        """`[e, v]` over all visits: False proves that e can never serve v, whatever else they do.

        Skills, pins and shifts; for the newcomer travel, too, by shortest ways over any places.
        """
        day = self.day
        windows = day.window_at[self.first : -1]  # the visits of the newcomer have one window each
        opens, closes = day.window_open_s[windows], day.window_close_s[windows]
        service_s = day.service_s[self.first :]
        if self.promised.problem.travel.metric:  # no way over other places is shorter
            there = day.reference_s[:, self.place].astype(np.int64)
            back = day.reference_s[self.place].astype(np.int64)
        else:
            there = shortest_s(day.reference_s, self.place, True)
            back = shortest_s(day.reference_s, self.place, False)
        here_s = clock_arrival_s(day, day.shift_open_s, there[day.start_place])
        begin = np.maximum(here_s[:, None], opens[None, :])
        leave = np.minimum(begin + service_s[None, :], 100 * HOUR_S)
        home = np.repeat(back[day.end_place][:, None], leave.shape[1], axis=1)
        end = clock_arrival_s(day, leave.ravel(), home.ravel()).reshape(leave.shape)
        own = self.on_shift & (begin <= closes[None, :]) & (end <= day.latest_end_s[:, None])
        return np.concatenate((self.promised.could, own), axis=1)

    @cached_property
    def without_breaks(self) -> tuple[DayArrays, Routes]:
        """The same day and routes, were no break due."""
        day = self.day._replace(break_s=np.zeros_like(self.day.break_s))
        routes = own_copy(self.routes)
        refresh_all(day, routes)
        return day, routes

    @cached_property
    def in_the_way(self) -> Int64Array:
        """By visit of the newcomer and executive: bits of the rules that keep the executive from taking the visit.

        `UNABLE`, `TAKEN`, `TOO_FAR`, `REST`. How far and whether the break fits is asked of the route without the
        appointment it has in that slot, and only of executives on shift.
        """
        day, routes = self.without_breaks
        bits = np.zeros((self.slots * len(self.services), len(self.routes.length)), dtype=np.int64)
        _fill_in_the_way(self.day, self.routes, day, routes, self.on_shift, self.first, bits)
        return bits

    def joined(self, changed: Mapping[int, Sequence[int]]) -> Newcomer:
        """The same newcomer after these routes have changed: visits of it that were placed belong to the witness."""
        other = copy.copy(self)
        for name in ("room", "without_breaks", "in_the_way"):
            other.__dict__.pop(name, None)
        other.routes = own_copy(self.routes)
        for e, order in changed.items():
            other.routes.length[e] = len(order)
            other.routes.order[e, : len(order)] = order
        refresh_all(self.day, other.routes)
        return other

    @cached_property
    def on_shift(self) -> BoolArray:
        """`[e, v]` over the newcomer's visits: neither skills nor shift are in the way; travel, break left aside."""
        return within_shift(self.day, self.first)


def with_visits(routes: Routes, more: int) -> Routes:
    """The same routes, some more visits on none of them; only what is written on putting a visit in is not shared."""
    return routes._replace(owner=np.concatenate((routes.owner, np.full(more, -1, dtype=np.int64))))


def own_copy(routes: Routes) -> Routes:
    """Routes that may be changed."""
    return Routes(*(array.copy() for array in routes))


# ---------------------------------------------------------------------------------- insertion


@inner_kernel
def span_of_slot(day: DayArrays, routes: Routes, e: int, slot: int) -> tuple[int, int]:
    """First and last position of the route of e where a visit of this slot may stand, by the order of slots.

    The appointment that e has in the slot, if any, lies in between.
    """
    low = int(day.prefix_at[e + 1] - day.prefix_at[e])
    high = int(routes.length[e])
    for p in range(routes.length[e]):
        other = day.slot[routes.order[e, p]]
        if 0 <= other < slot:
            low = max(low, p + 1)
        elif other > slot:
            high = p
            break
    return low, high


@lean_kernel
def try_all(day: DayArrays, routes: Routes, first: int, slots: int, cost_s: Int64Array, found: Int64Array) -> None:
    """Fill in what each newcomer visit would add at its cheapest place in each route: see `RoomFound`, in its order."""
    visits, executives = cost_s.shape
    for k in range(visits):
        v = first + k
        slot = day.slot[v]
        window = day.window_at[v]
        opens, closes, service = day.window_open_s[window], day.window_close_s[window], day.service_s[v]
        least, who, where, travel, count = NEVER, -1, -1, NEVER, 0
        for e in range(executives):
            cost_s[k, e] = NEVER
            if not day.may_serve[e, v] or routes.in_slot[e, slot] > 0:
                continue
            if opens + service > day.latest_end_s[e] or closes < day.shift_open_s[e]:
                continue
            low, high = span_of_slot(day, routes, e, slot)
            for p in range(low, high + 1):
                extra = cost_at(day, routes, e, p, v)
                cost_s[k, e] = min(cost_s[k, e], extra)
                if extra < least:
                    least, who, where = extra, e, p
                    travel = _extra_travel_s(day, routes, e, p, v)
            if cost_s[k, e] < NEVER:
                count += 1
        found[0, k], found[1, k], found[2, k], found[3, k], found[4, k] = who, where, travel, count, 0
    for begin in range(0, visits, slots):
        for e in range(executives):
            run = 0
            for s in range(slots + 1):
                if s < slots and cost_s[begin + s, e] < NEVER:
                    run += 1
                    continue
                for t in range(s - run, s):
                    found[4, begin + t] = max(found[4, begin + t], run)
                run = 0


@inner_kernel
def _extra_travel_s(day: DayArrays, routes: Routes, e: int, p: int, v: int) -> int:
    origin, onward, here = place_at(day, routes, e, p), next_place(day, routes, e, p), day.place[v]
    skipped = day.reference_s[origin, onward] if routes.length[e] > 0 else 0
    return int(day.reference_s[origin, here] + day.reference_s[here, onward] - skipped)


@lean_kernel
def cheapest_in_slot(day: DayArrays, routes: Routes, e: int, v: int) -> tuple[int, int]:
    """(cost seconds, position) of the cheapest place for appointment v in the route of e; (NEVER, -1) for none."""
    best, where = NEVER, -1
    if not day.may_serve[e, v] or routes.in_slot[e, day.slot[v]] > 0:
        return best, where
    low, high = span_of_slot(day, routes, e, day.slot[v])
    for p in range(low, high + 1):
        extra = cost_at(day, routes, e, p, v)
        if extra < best:
            best, where = extra, p
    return best, where


@lean_kernel
def best_block(day: DayArrays, routes: Routes, visits: Int64Array) -> tuple[int, int, int]:
    """(executive, position, travel seconds added) where these appointments cost least travel; (-1, -1, NEVER): nowhere.

    They are of one place and in adjacent slots, and are made one after the other, so the slots of all of them have to
    be free.
    """
    who, where, least = -1, -1, NEVER
    for e in range(len(routes.length)):
        free = True
        for v in visits:
            free = free and day.may_serve[e, v] and routes.in_slot[e, day.slot[v]] == 0
        if not free:
            continue
        low, high = span_of_slot(day, routes, e, day.slot[visits[0]])
        for p in range(low, high + 1):
            extra = _extra_travel_s(day, routes, e, p, visits[0])
            if extra >= least:
                continue
            place = place_at(day, routes, e, p)
            pending, taken = routes.pending_s[e, p], routes.taken_s[e, p]
            for v in visits:
                pending, taken = ready_after(day, e, place, pending, taken, v)
                place = day.place[v]
            if pending >= NEVER and taken >= NEVER:
                continue
            onward = next_place(day, routes, e, p)
            if (
                arrive_s(day, place, onward, taken) <= routes.last_taken_s[e, p]
                or arrive_s(day, place, onward, pending) <= routes.last_pending_s[e, p]
            ):
                who, where, least = e, p, extra
    return who, where, least


# ----------------------------------------------------------------------------------- matching


@lean_kernel
def could_swap(day: DayArrays, routes: Routes, e: int, v: int) -> int:
    """Where v could stand in the route of e, the appointment e has in that slot taken out; -1 for nowhere.

    The answer is the position in the route without that appointment.
    """
    slot = day.slot[v]
    low, high = span_of_slot(day, routes, e, slot)
    for p in range(low, high + 1):
        if routes.in_slot[e, slot] == 0:
            if cost_at(day, routes, e, p, v) < NEVER:
                return p
            continue
        # Stops low .. high - 1 are those of the slot, and what has none; p counts them without the one of the slot.
        if p == high:
            break
        if _fits_instead(day, routes, e, low, high, p, v):
            return p
    return -1


@inner_kernel
def _fits_instead(day: DayArrays, routes: Routes, e: int, low: int, high: int, p: int, v: int) -> bool:
    """v at position p among the stops low .. high - 1 of the route of e, without the one that is in v's slot."""
    slot = day.slot[v]
    pending, taken = routes.pending_s[e, low], routes.taken_s[e, low]
    place = place_at(day, routes, e, low)
    at = low
    for q in range(low, high):
        u = routes.order[e, q]
        if day.slot[u] == slot:
            continue
        if at == p:
            pending, taken = ready_after(day, e, place, pending, taken, v)
            place = day.place[v]
        pending, taken = ready_after(day, e, place, pending, taken, u)
        place = day.place[u]
        at += 1
    if at == p:
        pending, taken = ready_after(day, e, place, pending, taken, v)
        place = day.place[v]
    if pending >= NEVER and taken >= NEVER:
        return False
    onward = next_place(day, routes, e, high)
    return bool(
        arrive_s(day, place, onward, taken) <= routes.last_taken_s[e, high]
        or arrive_s(day, place, onward, pending) <= routes.last_pending_s[e, high]
    )


@kernel
def augment(day: DayArrays, routes: Routes, able: BoolArray, v: int, timed: bool, takes: Int64Array) -> bool:
    """One augmenting path in the slot of v: somebody takes v, gives their own visit of the slot to somebody, and so on.

    All other slots stay as they are. An executive may take a visit where `able` says so and, if `timed`, their route
    stays runnable with it. True when there is a path: `takes[e]` is then what e makes in the slot afterwards, for
    those on the path (-1 for the others). Without `timed`, False proves by Berge's theorem that the promises of the
    slot and v need more executives than there are.
    """
    executives = len(routes.length)
    slot = day.slot[v]
    carried = np.full(executives, -1, dtype=np.int64)  # the visit by which e was reached
    queue = np.empty(executives + 1, dtype=np.int64)
    queue[0] = v
    head, tail = 0, 1
    for e in range(executives):
        takes[e] = -1
    while head < tail:
        u = queue[head]
        head += 1
        for e in range(executives):
            if carried[e] >= 0 or routes.owner[u] == e or not able[e, u]:
                continue
            if timed and could_swap(day, routes, e, u) < 0:
                continue
            carried[e] = u
            if routes.in_slot[e, slot] == 0:
                who = e
                while True:
                    takes[who] = carried[who]
                    if carried[who] == v:
                        return True
                    who = routes.owner[carried[who]]
            for p in range(routes.length[e]):
                if day.slot[routes.order[e, p]] == slot:
                    queue[tail] = routes.order[e, p]
                    tail += 1
    return False


@lean_kernel
def _fill_in_the_way(
    day: DayArrays,
    routes: Routes,
    day_without: DayArrays,
    routes_without: Routes,
    on_shift: BoolArray,
    first: int,
    bits: Int64Array,
) -> None:
    for e in range(bits.shape[1]):
        for k in range(bits.shape[0]):
            v = first + k
            found = 0
            if not on_shift[e, k]:
                found |= UNABLE
            if routes.in_slot[e, day.slot[v]] > 0:
                found |= TAKEN
            if on_shift[e, k]:
                if could_swap(day_without, routes_without, e, v) < 0:
                    found |= TOO_FAR
                elif could_swap(day, routes, e, v) < 0:
                    found |= REST
            bits[k, e] = found
