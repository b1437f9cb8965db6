"""What the service answers, as types over its JSON: nothing is converted. A test holds them equal to the service's own.

Moments are RFC 3339 with their offset (`moment` reads them), dates as 2026-12-03. Codes that may become more with time
are plain texts.
"""

# Without annotations from the future: Python would not see which keys may be missing.
import datetime as dt
from typing import Any, Literal, NotRequired, TypedDict

BookingStatus = Literal[
    "held",
    "booked",
    "planned",
    "on_the_way",
    "served",
    "not_served",
    "certificate_due",
    "delivered",
    "cancelled",
    "moved",
    "released",
    "expired",
]
NotServed = Literal[
    "citizen_absent",
    "papers_missing",
    "address_not_found",
    "citizen_declined",
    "executive_prevented",
    "portal_down",
]
DeliveryStatus = Literal["waiting", "planned", "delivered", "cancelled"]
Role = Literal["booking", "dispatch", "analyst", "admin"]


def moment(text: str) -> dt.datetime:
    """A moment of an answer, with its offset."""
    return dt.datetime.fromisoformat(text)


# --------------------------------------------------------------------------------------- problems

Error = TypedDict(
    "Error",
    {
        "in": Literal["body", "path", "query", "header"],
        "pointer": str,
        "code": str,
        "value": NotRequired[Any],
        "rule": str,
        "line": NotRequired[int | None],
        "column": NotRequired[int | None],
    },
)
"""A broken rule of the input; `pointer` (RFC 6901) leads to what is wrong."""


class Reason(TypedDict):
    """Why a slot is not offered, `text` in the language of the client. *proved*: it never could be; else "not now"."""

    code: str
    proof: Literal["proved", "heuristic"]
    text: str
    alone: int | None
    with_others: int | None


class Slot(TypedDict):
    """A slot by its two ends."""

    open: str
    close: str


class Offer(TypedDict):
    """A slot that can be had: taken at once it is a promise that can be kept."""

    date: str
    slot: Slot
    service: str | None
    executive: str
    executives: int
    extra_travel_s: int
    score: int
    adjacent: int
    rearranged: bool
    wished: bool
    alone: bool


class Problem(TypedDict):
    """A request that was not done (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    detail: NotRequired[str | None]
    errors: NotRequired[list[Error]]
    errors_in_all: NotRequired[int | None]
    subject: NotRequired[str | None]
    reasons: NotRequired[list[Reason]]
    nearest: NotRequired[list[Offer]]
    bookings: NotRequired[list[str]]
    difference: NotRequired[dict[str, list[str]] | None]
    plan: NotRequired[str | None]
    store_code: NotRequired[str | None]


class Code(TypedDict):
    """A code of problems."""

    code: str
    title: str
    title_hi: str


class Codes(TypedDict):
    """All codes of problems."""

    problems: list[Code]


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


# ------------------------------------------------------------------------------------------- days


class GlanceSlot(TypedDict):
    """A slot of a day; `free_executives` are on shift for all of it, without a promise in it."""

    slot: Slot
    promises: int
    free_executives: int
    quota: int | None
    stop_sale: bool


class Glance(TypedDict):
    """A day: open or closed, and what is promised."""

    city: str
    date: str
    version: int
    closed_because: str | None
    published: bool
    plan_number: int | None
    promises: int
    holds: int
    at_risk: list[str]
    empty_stops: int
    slots: list[GlanceSlot]


class Calendar(TypedDict):
    """Days of a city."""

    city: str
    days: list[Glance]


class Roster(TypedDict):
    """Who works on a day; `at_risk` are promises that this roster could not keep."""

    city: str
    date: str
    executives: list[dict[str, Any]]
    at_risk: list[str]


# ------------------------------------------------------------------------------------------ plans


class Progress(TypedDict):
    """Where the search stands."""

    phase: str
    elapsed_s: float
    cost: int | None
    cost_terms: dict[str, int] | None
    broken_promises_weight: int | None
    lower_bound: int | None
    gap: float | None


class Limits(TypedDict):
    """How long the search may take."""

    time_limit_s: float | None
    iterations: int | None
    seed: int
    threads: int


class PlanJob(TypedDict):
    """A plan that was asked for: waiting, being made, done or failed; the best plan so far is in `plan`.

    Lists, and those who watch, are told neither `plan` nor `final`.
    """

    id: str
    kind: Literal["plan", "solve"]
    city: str
    date: str
    state: Literal["queued", "running", "done", "failed"]
    limits: Limits
    engine: str
    asked_by: str
    created_at: str
    begun_at: str | None
    ended_at: str | None
    stop_requested: bool
    attempts: int
    sequence: int
    day_version: int | None
    not_taken: list[str]
    progress: Progress | None
    error: str | None
    published_as: int | None
    plan: NotRequired[dict[str, Any] | None]
    final: NotRequired[bool]


class PlanPage(TypedDict):
    """A page of plans, the newest first, without the plans themselves."""

    plans: list[PlanJob]
    next: str | None


class Published(TypedDict):
    """A plan that is driven now."""

    city: str
    date: str
    number: int
    assigned: int
    reassigned: int
    bookings: list[str]


class PublishedPlan(TypedDict):
    """The published plan of a day, or of one executive."""

    city: str
    date: str
    number: int
    published_at: str
    plan: dict[str, Any]
    gone: list[str]


class Violation(TypedDict):
    """A rule that the plan breaks."""

    code: str
    visit: str | None
    executive: str | None
    amount: int | float
    unit: str
    text: str


class Analysis(TypedDict):
    """What the checker says of a plan, and what it costs."""

    violations: list[Violation]
    broken_promises_weight: int
    cost: int
    cost_terms: dict[str, int]
    claimed_cost: int
    kpis: dict[str, Any]


# -------------------------------------------------------------------------------------- the house


class Key(TypedDict):
    """A key. Its text, `key`, is there once, when it is made."""

    id: str
    name: str
    role: Role
    cities: list[str] | None
    a_minute: int | None
    created_at: str
    created_by: str
    revoked_at: str | None
    key: NotRequired[str | None]


class Keys(TypedDict):
    """All keys."""

    keys: list[Key]


class AuditLine(TypedDict):
    """Who did what, or was not allowed to."""

    id: str
    at: str
    key: str
    name: str
    role: str
    action: str
    path: str
    city: str | None
    status: int
    code: str | None
    request_id: str
    subjects: list[str]


class Audit(TypedDict):
    """A page of the audit log, the newest first."""

    audit: list[AuditLine]
    next: str | None


class Webhook(TypedDict):
    """Where events are sent. Its secret is there once, when it is made."""

    id: str
    url: str
    cities: list[str] | None
    kinds: list[str] | None
    state: Literal["active", "disabled"]
    created_at: str
    created_by: str
    sent_up_to: int
    failures: int
    failing_since: str | None
    next_try_at: str | None
    last_answer: str | None
    secret: NotRequired[str | None]


class Webhooks(TypedDict):
    """Webhooks that the key may see."""

    webhooks: list[Webhook]


class Health(TypedDict):
    """The service answers."""

    status: Literal["ok"]
