"""Cities, services, slots, bookings, deliveries and events."""

# Without annotations from the future: Python would not see which keys may be missing.
from typing import Any, Literal, TypedDict

from api.client.answers.shared import BookingStatus, DeliveryStatus, NotServed, Offer, Reason, Slot

# -------------------------------------------------------------------------------------- catalogue


class City(TypedDict):
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
    in_scheme_since: str


class Cities(TypedDict):
    """Cities by id."""

    cities: list[City]


class Locality(TypedDict):
    """A named part of a city, and its middle."""

    name: str
    kind: str
    pincode: str | None
    lon: float
    lat: float


class Localities(TypedDict):
    """What places of a city may be named by."""

    city: str
    localities: list[Locality]


class Rules(TypedDict):
    """The booking rules of a city."""

    city: str
    horizon_days: int
    closes: str
    hold_s: int
    move_cutoff_s: int
    slot_minutes: int


class Service(TypedDict):
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
    since: str
    until: str | None


class Services(TypedDict):
    """Services by id."""

    services: list[Service]


# ------------------------------------------------------------------------------------------ slots


class Place(TypedDict):
    """A point, and how far the house may lie from it."""

    lon: float
    lat: float
    spread_m: int
    approximate: bool


class Where(Place):
    """A place as it was understood."""

    basis: Literal["point", "locality", "pincode"]
    name: str | None


class NoOffer(TypedDict):
    """A slot, or a day (slot null), that is not offered for a service; the first reason is the one to tell."""

    date: str
    slot: Slot | None
    service: str
    reasons: list[Reason]


class CombinedVisit(TypedDict):
    """A service of a combination."""

    service: str
    slot: Slot
    executive: str


class Combination(TypedDict):
    """Slots for all services asked for, proven together."""

    date: str
    visits: list[CombinedVisit]
    one_executive: bool
    adjacent: bool
    extra_travel_s: int
    score: int
    wished: bool


Slots = TypedDict(
    "Slots",
    {
        "city": str,
        "services": list[str],
        "place": Where,
        "from": str,
        "to": str,
        "policy": str,
        "aloud": list[Offer],
        "on_request": list[Offer],
        "refused": list[NoOffer] | None,
        "combinations": list[Combination],
    },
)
"""Offers in the order of the policy: those to tell first, the others, and why not, where that was asked for."""


# --------------------------------------------------------------------------------------- bookings


class Booking(TypedDict):
    """A booking as it is now; `live` is false once it has left its day, or its hold has run out."""

    id: str
    group: str
    city: str
    date: str
    slot: Slot
    service: str
    service_s: int
    skills: list[str]
    place: Place
    caller: str
    reference: str | None
    status: BookingStatus
    live: bool
    expires_at: str | None
    extended: bool
    at_risk: bool
    pinned_to: str | None
    executive: str | None
    moved_from: str | None
    moved_to: str | None
    not_served: NotServed | None


class Bookings(TypedDict):
    """What was booked together."""

    group: str
    reference: str | None
    bookings: list[Booking]


class Moved(TypedDict):
    """The new booking, and the one it comes from."""

    booking: Booking
    before: Booking


class Hold(TypedDict):
    """What is held together."""

    id: str
    city: str
    reference: str | None
    state: Literal["held", "confirmed"]
    expires_at: str | None
    bookings: list[Booking]


class BookingPage(TypedDict):
    """A page of bookings; `next` is the cursor of the following page, null on the last."""

    bookings: list[Booking]
    next: str | None


class Delivery(TypedDict):
    """A certificate to be handed over."""

    id: str
    city: str
    reference: str
    booking: str | None
    service: str
    service_s: int
    place: Place
    due: str | None
    ready_from: str
    collected_by: str | None
    held_by: str | None
    status: DeliveryStatus
    planned_for: str | None
    executive: str | None


class DeliveryPage(TypedDict):
    """A page of deliveries."""

    deliveries: list[Delivery]
    next: str | None


class Event(TypedDict):
    """Something that has happened; numbers only grow."""

    id: int
    at: str
    city: str
    date: str
    kind: str
    subject: str
    data: dict[str, Any]


class Events(TypedDict):
    """Events in order; go on with `after` and the number in `last`."""

    events: list[Event]
    last: int
