"""What booking sees of a day, and what it answers: promised days, offers, and coded reasons why not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np

from optimizer.arrays import BoolArray, DayArrays, Int64Array, day_arrays
from optimizer.bounds import shortest_s
from optimizer.domain import Appointment, BookingRules, Fault, Place, Problem, Proof, Slot
from optimizer.domain.faults import raise_if_any
from optimizer.engines import Orders
from optimizer.engines.routes import NOBODY, Routes, refresh_all
from optimizer.quotas import Quotas, Taken
from optimizer.travel import Int32Array

ROOM = 8
"""Visits that a route may get besides those it has while slots are tried: six services, and two to spare."""


class SlotReasonCode(StrEnum):
    """Why a slot is not offered: a closed list, in the order in which the rules are asked."""

    CLOSED_DAY = "closed_day"
    PAST = "past"
    BEYOND_HORIZON = "beyond_horizon"
    INSIDE_LEAD_TIME = "inside_lead_time"
    DAY_PUBLISHED = "day_published"
    CLOSED_SLOT = "closed_slot"
    STOP_SALE = "stop_sale"
    QUOTA_USED_UP = "quota_used_up"
    SERVICE_LONGER_THAN_SLOT = "service_longer_than_slot"
    NO_EXECUTIVE_WITH_SKILL = "no_executive_with_skill"
    ALL_EXECUTIVES_TAKEN = "all_executives_taken"
    NOT_REACHABLE_IN_TIME = "not_reachable_in_time"
    BREAK_CANNOT_BE_KEPT = "break_cannot_be_kept"


@dataclass(frozen=True, slots=True)
class SlotReason:
    """One reason why a slot is not offered. *Proved*: no plan keeps all promises of the day and this one.

    `alone` and `with_others` count executives of the day whom this rule keeps from taking the visit in the present
    witness, alone or together with other rules; None where they were not asked for or the rule is not about executives.
    """

    code: SlotReasonCode
    proof: Proof
    alone: int | None = None
    with_others: int | None = None


@dataclass(frozen=True, slots=True)
class SlotOffer:
    """A slot that can be had: the witness of the day has room for it, as it is or `rearranged`.

    `extra_travel_s`: reference seconds it adds to the travel of the day (negative where rearranging saves more).
    `executives`: how many could take it in the witness as it is, 0 when it has to be rearranged. `adjacent`: the
    longest run of adjacent slots, this one among them, in each of which one executive could take the service (1: this
    slot only). `score` in cost seconds (travel, overtime, fairness, scarcity, wish), lower is better. `alone`: other
    services were asked for, too, and this offer says nothing about having both. `service` counts the asked services
    from 0.
    """

    date: dt.date
    slot: Slot
    service: int
    executive_id: str
    extra_travel_s: int
    score: int
    executives: int
    adjacent: int
    rearranged: bool
    wished: bool
    alone: bool


@dataclass(frozen=True, slots=True)
class NoOffer:
    """A slot that is not offered for a service, and why: at least one reason, the first is the one to tell."""

    date: dt.date
    slot: Slot | None
    service: int
    reasons: tuple[SlotReason, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """Slots of one day for all the services asked for, in their order, proven together: one plan serves them all.

    `executives` are who would come, in the same order. `adjacent`: the slots follow each other without a gap.
    """

    date: dt.date
    slots: tuple[Slot, ...]
    executives: tuple[str, ...]
    extra_travel_s: int
    score: int
    adjacent: bool
    wished: bool

    @property
    def one_executive(self) -> bool:
        """One executive comes for all of them."""
        return len(set(self.executives)) == 1


@dataclass(frozen=True, slots=True)
class Offers:
    """The answer to a booking request. Offers are in the order of the policy; `aloud` are to be told first.

    `combinations` are given when several services were asked for, best first.
    """

    aloud: tuple[SlotOffer, ...]
    on_request: tuple[SlotOffer, ...]
    refused: tuple[NoOffer, ...]
    combinations: tuple[Combination, ...] = ()

    @property
    def offers(self) -> tuple[SlotOffer, ...]:
        """All offers."""
        return self.aloud + self.on_request

    def offer(self, date: dt.date, slot: Slot, service: int = 0) -> SlotOffer | None:
        """The offer of this slot, None when it is not offered."""
        wanted = (date, slot, service)
        return next((o for o in self.offers if (o.date, o.slot, o.service) == wanted), None)

    def refusal(self, date: dt.date, slot: Slot, service: int = 0) -> NoOffer | None:
        """Why this slot is not offered, None when it is or was not asked for."""
        wanted = (date, slot, service)
        return next((n for n in self.refused if (n.date, n.slot, n.service) == wanted), None)


@dataclass(frozen=True, slots=True)
class Sale:
    """What of a day is for sale: nothing when it is closed or published, no slot that is closed or has a stop-sale.

    `closed_slots`: why, by number of the slot. `quotas` and `kit_quotas` are set by hand: the most promises of a slot,
    and of a kit in a slot; no entry, none set. `capacity` are those that were computed, None before they were: they
    hold where nothing is set by hand.
    """

    closed_because: str | None = None
    published: bool = False
    closed_slots: Mapping[int, str] = field(default_factory=dict)
    stop_sales: frozenset[int] = frozenset()
    quotas: Mapping[int, int] = field(default_factory=dict)
    kit_quotas: Mapping[tuple[int, str], int] = field(default_factory=dict)
    capacity: Quotas | None = None


@dataclass(frozen=True, eq=False)
class PromisedDay:
    """A day of a city as booking sees it: who is on shift, what is promised, and the witness that keeps it all.

    The visits of `problem` are the promises of the day but those at risk; besides them planned deliveries once the day
    is published, and `empty_stops`: places on the way that stand for a promise given back, because the route is not
    known to be runnable without (no triangle inequality). `witness` has every visit on a route.
    """

    problem: Problem
    witness: Orders
    rules: BookingRules = field(default_factory=BookingRules)
    sale: Sale = Sale()
    empty_stops: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        served = [v for order in self.witness.values() for v in order]
        faults = []
        if len(set(served)) < len(served):
            faults.append(Fault(("witness",), "repeated_visit", sorted(served), "a visit stands in one route, once"))
        missing = sorted(set(self.problem.visit_by_id) ^ set(served))
        if missing:
            faults.append(Fault(("witness",), "no_witness", missing, "the witness serves the visits of the day"))
        strangers = sorted(self.witness.keys() - self.problem.executive_by_id.keys())
        if strangers:
            faults.append(Fault(("witness",), "unknown_executive", strangers, "an executive of this day"))
        raise_if_any(faults)

    @property
    def date(self) -> dt.date:
        """The date."""
        return self.problem.date

    @property
    def promises(self) -> tuple[Appointment, ...]:
        """The promises of the day that the witness keeps, by id."""
        return self.problem.appointments

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The slots of the day, in order of time."""
        return self.problem.grid.slots()

    @cached_property
    def taken(self) -> Int64Array:
        """Promises by slot."""
        slot = self.arrays.slot
        return np.bincount(slot[slot >= 0], minlength=len(self.slots)).astype(np.int64)

    def taken_by(self, slot: int, kit: str) -> int:
        """Promises of a slot that need a kit."""
        return self._taken_by.get((slot, kit), 0)

    @property
    def kits(self) -> frozenset[str]:
        """The kits that something of this day is known of: its computed quotas, those by hand, its promises."""
        needs = () if self.sale.capacity is None else self.sale.capacity.needs
        by_hand = {kit for _, kit in self.sale.kit_quotas}
        return frozenset(by_hand.union(*needs, *(a.skills for a in self.promises)))

    @cached_property
    def _taken_by(self) -> dict[tuple[int, str], int]:
        found: dict[tuple[int, str], int] = {}
        for slot, skills in self._sold:
            for kit in skills:
                found[slot, kit] = found.get((slot, kit), 0) + 1
        return found

    @cached_property
    def taken_of_capacity(self) -> Taken:
        """Promises by slot and need of `sale.capacity`, which is there; read only.

        No address counts as remote here: the witness knows where it is.
        """
        quotas = self.sale.capacity
        if quotas is None:
            raise ValueError(f"{self.date.isoformat()}: no capacity was computed for this day")
        taken = Taken.nothing(len(self.slots), len(quotas.needs))
        for slot, skills in self._sold:
            taken.add(slot, quotas.column(skills))
        return taken

    @cached_property
    def _sold(self) -> list[tuple[int, frozenset[str]]]:
        """Slot and skills of every promise."""
        number = {slot: row for row, slot in enumerate(self.slots)}
        return [(number[a.slot], a.skills) for a in self.promises]

    @cached_property
    def arrays(self) -> DayArrays:
        """The day as arrays."""
        return day_arrays(self.problem)

    @cached_property
    def could(self) -> BoolArray:
        """`[e, v]`: neither skills, pins nor the shift keep e from serving v; travel, break and routes left aside."""
        return within_shift(self.arrays, 0)

    def skilled(self, skills: frozenset[str]) -> BoolArray:
        """By row: executives who have all of these skills; kept, read only."""
        if skills not in self._skilled:
            self._skilled[skills] = np.array([skills <= e.skills for e in self.problem.executives], dtype=np.bool_)
        return self._skilled[skills]

    @cached_property
    def _skilled(self) -> dict[frozenset[str], BoolArray]:
        return {}

    @cached_property
    def kinds(self) -> Int64Array:
        """A number for each executive, the same for those who are alike in time, place, skills and pins."""
        day = self.arrays
        keys = np.column_stack(
            (
                day.start_place,
                day.end_place,
                day.shift_open_s,
                day.latest_end_s,
                day.break_s,
                day.break_open_s,
                day.break_close_s,
                day.may_serve,
            )
        )
        numbers: Int64Array = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
        return numbers

    @cached_property
    def shortest_s(self) -> Int64Array:
        """Shortest reference seconds between the places of the travel table, over any places."""
        reference_s = self.problem.travel.reference_s
        return np.vstack([shortest_s(reference_s, place, False) for place in range(len(reference_s))])

    @cached_property
    def routes(self) -> Routes:
        """The witness as routes with room for `ROOM` more visits; read only."""
        problem = self.problem
        longest = max((len(order) for order in self.witness.values()), default=0)
        executives = len(problem.executives)
        # A repair may deal a visit of every slot to one executive.
        rows = np.zeros((executives, max(longest, len(self.slots)) + ROOM), dtype=np.int64)
        length = np.zeros(executives, dtype=np.int64)
        for executive_id, order in self.witness.items():
            row = problem.executive_row[executive_id]
            length[row] = len(order)
            rows[row, : len(order)] = [problem.visit_row[visit_id] for visit_id in order]
        routes = routes_over(rows, length, len(problem.visits), len(self.slots))
        refresh_all(self.arrays, routes)
        return routes


def within_shift(day: DayArrays, first: int) -> BoolArray:
    """`[e, v]` over visits from row `first` on: e may serve v, and v fits into the shift of e by the clock alone."""
    opens, closes = day.window_open_s[day.window_at[first:-1]], day.window_close_s[day.window_at[first + 1 :] - 1]
    begin = np.maximum(opens[None, :], day.shift_open_s[:, None])
    result: BoolArray = day.may_serve[:, first:] & (begin <= closes[None, :])
    result &= begin + day.service_s[None, first:] <= day.latest_end_s[:, None]
    return result


def routes_over(order: Int64Array, length: Int64Array, visits: int, slots: int) -> Routes:
    """Routes with these orders; what is kept about them is to be refreshed. The arrays are not copied."""
    executives = len(length)
    clocks = np.zeros((6, *order.shape), dtype=np.int64)
    sums = np.zeros((3, executives), dtype=np.int64)
    return Routes(
        order=order,
        length=length,
        owner=np.full(visits, NOBODY, dtype=np.int64),
        pending_s=clocks[0],
        taken_s=clocks[1],
        late_pending_s=clocks[2],
        late_taken_s=clocks[3],
        last_pending_s=clocks[4],
        last_taken_s=clocks[5],
        in_slot=np.zeros((executives, slots), dtype=np.int64),
        busy_s=sums[0],
        overtime_s=sums[1],
        fairness_s=sums[2],
    )


@dataclass(frozen=True, eq=False)
class Approach:
    """A promised day seen from an address that is not on it yet: the travel rows of its place.

    `to_s[p]`, `from_s[p]`: reference seconds from the address to place p of the day's travel table, and from p to the
    address; `to_m`, `from_m` the metres. The spread of an address that is not exactly known is in them.
    """

    day: PromisedDay
    place: Place
    to_s: Int32Array
    from_s: Int32Array
    to_m: Int32Array
    from_m: Int32Array

    def __post_init__(self) -> None:
        size = len(self.day.problem.travel.place_ids)
        if self.place.place_id in self.day.problem.travel.index:
            raise_if_any([Fault(("place",), "known_place", self.place.place_id, "a place that is not on the day yet")])
        raise_if_any(
            [
                Fault((name,), "bad_shape", getattr(self, name).shape, f"one number for each of {size} places")
                for name in ("to_s", "from_s", "to_m", "from_m")
                if getattr(self, name).shape != (size,)
            ]
        )
