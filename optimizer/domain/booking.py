"""What citizens ask for and get: booking requests, bookings with their status, and the rules both follow.

A booking is one service in one slot of one day. It begins as a hold, which ends by itself, or directly; while it is
on its day it is a *promise* that the witness of the day keeps. Nothing here says who the citizen is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from optimizer.domain.faults import Fault, id_faults, raise_if_any
from optimizer.domain.service import Place, Slot
from optimizer.domain.visits import Appointment
from optimizer.units import DAY_S, HOUR_S, MINUTE_S

MOST_SERVICES = 6
"""Services in one booking request."""


class BookingStatus(StrEnum):
    """Where a booking stands; what may follow is in `FOLLOWS`."""

    HELD = "held"  # kept for minutes while the citizen decides
    BOOKED = "booked"
    PLANNED = "planned"  # the plan of the day is published: the executive's reference is known
    ON_THE_WAY = "on_the_way"
    SERVED = "served"
    NOT_SERVED = "not_served"  # with a code that says why
    CERTIFICATE_DUE = "certificate_due"  # the certificate is ready to be handed over
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    MOVED = "moved"  # to another booking, which `moved_to` names
    RELEASED = "released"  # a hold that was given up
    EXPIRED = "expired"  # a hold that was left to end


_S = BookingStatus
FOLLOWS: Mapping[BookingStatus, frozenset[BookingStatus]] = {
    _S.HELD: frozenset({_S.BOOKED, _S.RELEASED, _S.EXPIRED}),
    _S.BOOKED: frozenset({_S.PLANNED, _S.CANCELLED, _S.MOVED}),
    _S.PLANNED: frozenset({_S.ON_THE_WAY, _S.NOT_SERVED, _S.CANCELLED, _S.MOVED, _S.BOOKED}),  # booked: plan withdrawn
    _S.ON_THE_WAY: frozenset({_S.SERVED, _S.NOT_SERVED, _S.CANCELLED}),
    _S.SERVED: frozenset({_S.CERTIFICATE_DUE}),
    _S.CERTIFICATE_DUE: frozenset({_S.DELIVERED}),
    _S.NOT_SERVED: frozenset(),
    _S.DELIVERED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.MOVED: frozenset(),
    _S.RELEASED: frozenset(),
    _S.EXPIRED: frozenset(),
}
"""Which status may follow which; everything else is refused."""

BEGUN = frozenset({_S.ON_THE_WAY, _S.SERVED, _S.NOT_SERVED, _S.CERTIFICATE_DUE, _S.DELIVERED})
"""Bookings with these have begun to be served, or have been."""

OFF_DAY = frozenset({_S.CANCELLED, _S.MOVED, _S.RELEASED, _S.EXPIRED})
"""Bookings with these are no promise of their day any more."""


class NotServed(StrEnum):
    """Why a promised visit was not served, told by the executive or the dispatcher: a closed list."""

    CITIZEN_ABSENT = "citizen_absent"
    PAPERS_MISSING = "papers_missing"
    ADDRESS_NOT_FOUND = "address_not_found"
    CITIZEN_DECLINED = "citizen_declined"
    EXECUTIVE_PREVENTED = "executive_prevented"
    PORTAL_DOWN = "portal_down"


@dataclass(frozen=True, slots=True)
class BookingRules:
    """What a city allows, from the rules of the scheme where they say it (`move_cutoff_s`), else by its own choice.

    Dates from the day of asking to `horizon_days` later can be booked. Booking for a date closes at `closes_s` of the
    day before, in day seconds, or when its plan is published. A hold lives `hold_s` seconds and can be extended once
    by as much. A booking may be moved until `move_cutoff_s` before its slot opens, exactly then included.
    """

    horizon_days: int = 14
    closes_s: int = 20 * HOUR_S
    hold_s: int = 5 * MINUTE_S
    move_cutoff_s: int = 24 * HOUR_S

    def __post_init__(self) -> None:
        faults = []
        if not 1 <= self.horizon_days <= 366:
            faults.append(Fault(("horizon_days",), "out_of_range", self.horizon_days, "1 to 366 days"))
        if not 0 <= self.closes_s <= DAY_S:
            faults.append(Fault(("closes_s",), "out_of_range", self.closes_s, "a second of the day before, 0 to 24 h"))
        if not 1 <= self.hold_s <= DAY_S:
            faults.append(Fault(("hold_s",), "out_of_range", self.hold_s, "1 s to 24 h"))
        if not 0 <= self.move_cutoff_s <= 366 * DAY_S:
            faults.append(Fault(("move_cutoff_s",), "out_of_range", self.move_cutoff_s, "0 s to 366 days"))
        raise_if_any(faults)


@dataclass(frozen=True, slots=True)
class AskedService:
    """One service a citizen asks for: what it is, its seconds at the door, what the executive must be able to do."""

    service_id: str
    service_s: int
    skills: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        faults = list(id_faults("service_id", self.service_id))
        if not 0 <= self.service_s <= DAY_S:
            faults.append(Fault(("service_s",), "bad_service", self.service_s, "service takes 0 s to 24 h"))
        for skill in sorted(self.skills):
            faults.extend(id_faults("skills", skill))
        raise_if_any(faults)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the citizen would like; an offer that does not fit a wish is still an offer, only further down.

    `open_from_s`, `open_by_s`: the slot opens between these day seconds, both included. `one_executive`: the services
    are given by one executive in adjacent slots.
    """

    open_from_s: int = 0
    open_by_s: int = DAY_S
    one_executive: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.open_from_s <= self.open_by_s <= DAY_S:
            raise_if_any([Fault(("open_by_s",), "bad_window", str(self), "0 <= open_from_s <= open_by_s <= 24 h")])

    def fits(self, slot: Slot) -> bool:
        """The slot opens when the citizen would like it to."""
        return self.open_from_s <= slot.open_s <= self.open_by_s


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """Services wanted at a place, on some date from `first` to `last`, both included.

    `asked_at` has an offset. `spread_m` is how far the true point may lie from `place`, 0 for a known point.
    """

    place: Place
    services: tuple[AskedService, ...]
    first: dt.date
    last: dt.date
    asked_at: dt.datetime
    wishes: Wishes = Wishes()
    spread_m: int = 0

    def __post_init__(self) -> None:
        faults = []
        if not 1 <= len(self.services) <= MOST_SERVICES:
            faults.append(
                Fault(("services",), "bad_number", len(self.services), f"1 to {MOST_SERVICES} services in one request")
            )
        if self.last < self.first:
            faults.append(Fault(("last",), "bad_range", self.last.isoformat(), f"not before {self.first.isoformat()}"))
        if self.asked_at.tzinfo is None:
            faults.append(Fault(("asked_at",), "no_offset", self.asked_at.isoformat(), "a moment with its offset"))
        if self.spread_m < 0:
            faults.append(Fault(("spread_m",), "negative", self.spread_m, "metres are not negative"))
        raise_if_any(faults)


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking, held or made: one service in one slot of a day, at a place, for a caller.

    `booking_id` is the id of its visit, `group_id` that of what was held together, and of the place. `caller` names
    the system that holds it, `reference` what that system calls it: opaque both. `expires_at` is set while it is held.
    `at_risk`: the witness of the day does not serve it; somebody decided that with open eyes.
    """

    booking_id: str
    group_id: str
    city: str
    date: dt.date
    slot: Slot
    service: AskedService
    place: Place
    caller: str
    status: BookingStatus = BookingStatus.HELD
    spread_m: int = 0
    reference: str | None = None
    expires_at: dt.datetime | None = None
    extended: bool = False
    at_risk: bool = False
    pinned_to: str | None = None
    executive_id: str | None = None
    moved_from: str | None = None
    moved_to: str | None = None
    not_served: NotServed | None = None

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        for name in ("booking_id", "group_id", "city", "caller"):
            faults.extend(id_faults(name, getattr(self, name)))
        for name in ("reference", "pinned_to", "executive_id", "moved_from", "moved_to"):
            if getattr(self, name) is not None:
                faults.extend(id_faults(name, getattr(self, name)))
        if (self.expires_at is not None) != (self.status is BookingStatus.HELD):
            faults.append(Fault(("expires_at",), "bad_expiry", str(self.expires_at), "holds expire, bookings do not"))
        if (self.not_served is not None) != (self.status is BookingStatus.NOT_SERVED):
            faults.append(Fault(("not_served",), "bad_code", str(self.not_served), "said of what was not served"))
        raise_if_any(faults)

    @property
    def approximate(self) -> bool:
        """The point is not known, only the locality it lies in."""
        return self.spread_m > 0

    @property
    def on_day(self) -> bool:
        """It is a promise of its day, or was kept or broken there."""
        return self.status not in OFF_DAY

    def live(self, now: dt.datetime) -> bool:
        """It is on its day, and no hold that has run out: at `expires_at` it is over."""
        return self.on_day and (self.expires_at is None or now < self.expires_at)

    @property
    def appointment(self) -> Appointment:
        """The booking as a visit of its day."""
        return Appointment(
            self.booking_id,
            self.place,
            self.slot,
            self.service.service_s,
            self.service.service_id,
            self.service.skills,
            pinned_to=self.pinned_to,
        )
