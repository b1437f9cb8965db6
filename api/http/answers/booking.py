"""Answers about cities, services, slots, bookings, deliveries and events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.http.answers.shared import Date, Moment, OfferOut, Out, ReasonOut, SlotOut
from optimizer.domain import BookingStatus, NotServed

# -------------------------------------------------------------------------------------- catalogue


class CityOut(Out):
    """A city; points as [lon, lat]."""

    id: str
    name_en: str
    name_hi: str
    kind: str
    extension: bool
    district: str
    population: int | None
    centre: list[float]
    office: list[float]
    office_basis: str
    in_scheme_since: Date


class CitiesOut(Out):
    """Cities by id."""

    cities: list[CityOut]


class ServiceOut(Out):
    """A service, with the rupees a citizen pays once; null where the departmental fee is not known."""

    id: str
    name_en: str
    name_hi: str
    department: str
    departmental_fee_rs: int | None
    total_fee_rs: int | None
    payment_modes: list[str]
    documents: list[str]
    statutory_days: int | None
    visit_pattern: Literal["one_visit", "two_visits"]
    skills: list[str]
    collect_minutes: int
    deliver_minutes: int
    minutes_basis: str
    since: Date
    until: Date | None


class ServicesOut(Out):
    """Services by id."""

    services: list[ServiceOut]


class LocalityOut(Out):
    """A named part of a city, and its middle."""

    name: str
    kind: str
    pincode: str | None
    lon: float
    lat: float


class LocalitiesOut(Out):
    """What places of a city may be named by."""

    city: str
    localities: list[LocalityOut]


class RulesOut(Out):
    """The booking rules of a city. `closes`: when booking for a day closes, on the day before."""

    city: str
    horizon_days: int
    closes: str
    hold_s: int
    move_cutoff_s: int
    slot_minutes: int


# ------------------------------------------------------------------------------------------ slots


class PlaceOut(Out):
    """A point, and how far the house may lie from it."""

    lon: float
    lat: float
    spread_m: int
    approximate: bool


class WhereOut(PlaceOut):
    """A place as it was understood."""

    basis: Literal["point", "locality", "pincode"]
    name: str | None


class NoOfferOut(Out):
    """A slot, or a day (slot null), that is not offered for a service; the first reason is the one to tell."""

    date: Date
    slot: SlotOut | None
    service: str
    reasons: list[ReasonOut]


class CombinedVisitOut(Out):
    """A service of a combination."""

    service: str
    slot: SlotOut
    executive: str


class CombinationOut(Out):
    """Slots for all services asked for, proven together."""

    date: Date
    visits: list[CombinedVisitOut]
    one_executive: bool
    adjacent: bool
    extra_travel_s: int
    score: int
    wished: bool


class SlotsOut(Out):
    """Offers in the order of the policy: those to tell first, the others, and why not."""

    city: str
    services: list[str]
    place: WhereOut
    from_: Annotated[Date, Field(alias="from")]
    to: Date
    policy: str
    aloud: list[OfferOut]
    on_request: list[OfferOut]
    refused: list[NoOfferOut] | None
    """Null where no reasons were asked for."""
    combinations: list[CombinationOut]


# --------------------------------------------------------------------------------------- bookings


class BookingOut(Out):
    """A booking as it is now; `live` is false once it has left its day, or its hold has run out."""

    id: str
    group: str
    city: str
    date: Date
    slot: SlotOut
    service: str
    service_s: int
    skills: list[str]
    place: PlaceOut
    caller: str
    reference: str | None
    status: Literal[tuple(status.value for status in BookingStatus)]  # type: ignore[valid-type]  # made of the enum
    live: bool
    expires_at: Moment | None
    extended: bool
    at_risk: bool
    pinned_to: str | None
    executive: str | None
    moved_from: str | None
    moved_to: str | None
    not_served: Literal[tuple(code.value for code in NotServed)] | None  # type: ignore[valid-type]  # made of the enum


class BookingsOut(Out):
    """What was booked together."""

    group: str
    reference: str | None
    bookings: list[BookingOut]


class MovedOut(Out):
    """The new booking, and the one it comes from."""

    booking: BookingOut
    before: BookingOut


class HoldOut(Out):
    """What is held together."""

    id: str
    city: str
    reference: str | None
    state: Literal["held", "confirmed"]
    expires_at: Moment | None
    bookings: list[BookingOut]


class BookingPageOut(Out):
    """A page of bookings; `next` is the cursor of the following page, null on the last."""

    bookings: list[BookingOut]
    next: str | None


class DeliveryOut(Out):
    """A certificate to be handed over."""

    id: str
    city: str
    reference: str
    booking: str | None
    service: str
    service_s: int
    place: PlaceOut
    due: Date | None
    ready_from: Date
    collected_by: str | None
    held_by: str | None
    status: Literal["waiting", "planned", "delivered", "cancelled"]
    planned_for: Date | None
    executive: str | None


class DeliveryPageOut(Out):
    """A page of deliveries."""

    deliveries: list[DeliveryOut]
    next: str | None


class EventOut(Out):
    """Something that has happened; numbers only grow."""

    id: int
    at: Moment
    city: str
    date: Date
    kind: str
    subject: str
    data: dict[str, Any]


class EventsOut(Out):
    """Events in order; go on with `after` and the number in `last`."""

    events: list[EventOut]
    last: int
