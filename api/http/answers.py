"""What is answered, described: the models of the OpenAPI document. Tests hold every answer against them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.words import TITLES
from optimizer.domain import ID_PATTERN, BookingStatus, NotServed
from optimizer.slots import SlotReasonCode

ID = f"^{ID_PATTERN}$"
CITY = r"^[a-z0-9_-]{1,64}$"
DATE = r"^\d{4}-\d{2}-\d{2}$"
Date = Annotated[str, Field(pattern=DATE, json_schema_extra={"format": "date"})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
JsonOrIcs = Literal["json", "ics"]
PlanFormat = Literal["json", "geojson", "csv"]
DayFormat = Literal["json", "geojson", "csv", "ics"]
MEDIA = {
    "json": "application/json",
    "ics": "text/calendar",
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "events": "text/event-stream",
    "text": "text/plain",
}


class Out(BaseModel):
    """An answer: closed, as requests are."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


# --------------------------------------------------------------------------------------- problems


class ErrorOut(Out):
    """A broken rule of the input."""

    in_: Annotated[Literal["body", "path", "query", "header"], Field(alias="in")]
    pointer: str
    """JSON Pointer (RFC 6901) to what is wrong."""
    code: str
    value: Any = None
    rule: str
    line: int | None = None
    column: int | None = None


class ReasonOut(Out):
    """Why a slot is not offered. *proved*: no plan keeps all promises of the day and this one; else "not now"."""

    code: Literal[tuple(code.value for code in SlotReasonCode)]  # type: ignore[valid-type]  # made of the enum
    proof: Literal["proved", "heuristic"]
    text: str
    """In the language of the answer."""
    alone: int | None
    """Executives whom this rule keeps away alone, where counts were asked for."""
    with_others: int | None


class SlotOut(Out):
    """A slot by its two ends."""

    open: Moment
    close: Moment


class OfferOut(Out):
    """A slot that can be had: taken at once it is a promise that can be kept."""

    date: Date
    slot: SlotOut
    service: str | None
    executive: str
    executives: int
    """Who could come as the day is planned now; 0 when appointments have to be rearranged, all of them kept."""
    extra_travel_s: int
    score: int
    adjacent: int
    rearranged: bool
    wished: bool
    alone: bool
    """Other services were asked for, too: nothing is said about having both."""


class ProblemOut(Out):
    """A request that was not done (RFC 9457); nothing has changed."""

    type: str
    title: str
    status: int
    code: Literal[tuple(sorted(TITLES))]  # type: ignore[valid-type]  # made of the enum
    request_id: str
    detail: str | None = None
    errors: list[ErrorOut] = []
    errors_in_all: int | None = None
    subject: str | None = None
    reasons: list[ReasonOut] = []
    nearest: list[OfferOut] = []
    """After a lost race: slots that are still offered, nearest in time first."""
    bookings: list[str] = []
    """Bookings in the way."""
    difference: dict[str, list[str]] | None = None
    """Of a plan that is outdated: bookings that are missing from it, gone, or changed since."""
    plan: str | None = None
    """The plan that is being made already."""
    store_code: str | None = None


class CodeOut(Out):
    """A code of problems."""

    code: str
    title: str
    title_hi: str


class CodesOut(Out):
    """All codes of problems."""

    problems: list[CodeOut]


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


# ------------------------------------------------------------------------------------------- days


class GlanceSlotOut(Out):
    """A slot of a day."""

    slot: SlotOut
    promises: int
    free_executives: int
    """On shift for the whole slot, without a promise in it; not all of them can get to every address."""
    quota: int | None
    stop_sale: bool


class GlanceOut(Out):
    """A day: open or closed, and what is promised."""

    city: str
    date: Date
    version: int
    closed_because: str | None
    published: bool
    plan_number: int | None
    promises: int
    holds: int
    at_risk: list[str]
    empty_stops: int
    slots: list[GlanceSlotOut]


class CalendarOut(Out):
    """Days of a city."""

    city: str
    days: list[GlanceOut]


class RosterOut(Out):
    """Who works on a day; `at_risk` are promises that this roster could not keep."""

    city: str
    date: Date
    executives: list[dict[str, Any]]
    at_risk: list[str]


# ------------------------------------------------------------------------------------------ plans


class ProgressOut(Out):
    """Where the search stands."""

    phase: str
    elapsed_s: float
    cost: int | None
    cost_terms: dict[str, int] | None
    broken_promises_weight: int | None
    lower_bound: int | None
    gap: float | None


class LimitsOut(Out):
    """How long the search may take."""

    time_limit_s: float | None
    iterations: int | None
    seed: int
    threads: int


class PlanJobOut(Out):
    """A plan that was asked for: waiting, being made, done or failed; the best plan so far is in `plan`."""

    id: str
    kind: Literal["plan", "solve"]
    city: str
    date: Date
    state: Literal["queued", "running", "done", "failed"]
    limits: LimitsOut
    engine: str
    asked_by: str
    created_at: Moment
    begun_at: Moment | None
    ended_at: Moment | None
    stop_requested: bool
    attempts: int
    sequence: int
    day_version: int | None
    not_taken: list[str]
    """Deliveries and bookings that wait: the one executive who could serve them is not on duty."""
    progress: ProgressOut | None
    error: str | None
    published_as: int | None
    plan: dict[str, Any] | None = None
    """As plan.json says it; null while there is none."""
    final: bool = False


class PlanPageOut(Out):
    """A page of plans, the newest first, without the plans themselves."""

    plans: list[PlanJobOut]
    next: str | None


class PublishedOut(Out):
    """A plan that is driven now."""

    city: str
    date: Date
    number: int
    assigned: int
    reassigned: int
    bookings: list[str]


class PublishedPlanOut(Out):
    """The published plan of a day."""

    city: str
    date: Date
    number: int
    published_at: Moment
    plan: dict[str, Any]
    gone: list[str]
    """Bookings of the plan that were cancelled or moved since: nobody is to be visited there."""


class ViolationOut(Out):
    """A rule that the plan breaks."""

    code: str
    visit: str | None
    executive: str | None
    amount: int | float
    unit: str
    text: str


class AnalysisOut(Out):
    """What the checker says of a plan, and what it costs."""

    violations: list[ViolationOut]
    broken_promises_weight: int
    cost: int
    cost_terms: dict[str, int]
    claimed_cost: int
    kpis: dict[str, Any]


# -------------------------------------------------------------------------------------- the house


class KeyOut(Out):
    """A key. Its text is there once, when it is made."""

    id: str
    name: str
    role: Literal["booking", "dispatch", "analyst", "admin"]
    cities: list[str] | None
    a_minute: int | None
    created_at: Moment
    created_by: str
    revoked_at: Moment | None
    key: str | None = None


class KeysOut(Out):
    """All keys."""

    keys: list[KeyOut]


class AuditLineOut(Out):
    """Who did what, or was not allowed to."""

    id: str
    at: Moment
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


class AuditOut(Out):
    """A page of the audit log, the newest first."""

    audit: list[AuditLineOut]
    next: str | None


class WebhookOut(Out):
    """Where events are sent. Its secret is there once, when it is made."""

    id: str
    url: str
    cities: list[str] | None
    kinds: list[str] | None
    state: Literal["active", "disabled"]
    created_at: Moment
    created_by: str
    sent_up_to: int
    failures: int
    failing_since: Moment | None
    next_try_at: Moment | None
    last_answer: str | None
    secret: str | None = None


class WebhooksOut(Out):
    """Webhooks that the key may see."""

    webhooks: list[WebhookOut]


class HealthOut(Out):
    """The service answers."""

    status: Literal["ok"]


# ------------------------------------------------------------------------------ for the endpoints

_ALWAYS = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_WORDS = {
    400: "The request cannot be read",
    401: "No key, or no valid one",
    403: "Not allowed for this key",
    404: "Not there, or not for this key",
    406: "None of the formats asked for is offered",
    408: "The body took too long",
    409: "Refused: it does not go with what is there",
    410: "It has ended",
    412: "It is not as it was when it was read",
    413: "The body is too long",
    415: "The body is not JSON",
    422: "The request breaks rules; all of them are told",
    429: "Too many requests",
    503: "The store cannot be used now; try again",
}


def answered(
    model: type[Out], *others: int, status: int = 200, or_202: bool = False, **formats: bool
) -> dict[str, Any]:
    """What an endpoint declares of its answers: the model, other formats by name, and problems by status.

    `or_202`: the same model, when it is not done yet.
    """
    content = {MEDIA[name]: {"schema": {"type": "string"}} for name in formats}
    own: dict[str, Any] = {"model": model, "description": (model.__doc__ or "").split("\n")[0]}
    if content:
        own["content"] = content
    later = {202: {**own, "description": "Not done yet"}} if or_202 else {}
    return {"response_model": None, "responses": {status: own, **later, **_problems(others)}}


def done(*others: int) -> dict[str, Any]:
    """Of an endpoint that answers 204, nothing more to say."""
    return {"response_model": None, "responses": {204: {"description": "Done"}, **_problems(others)}}


def only(name: str, *others: int) -> dict[str, Any]:
    """Of an endpoint that answers in one format that is not JSON."""
    own = {"description": name, "content": {MEDIA[name]: {"schema": {"type": "string"}}}}
    return {"response_model": None, "responses": {200: own, **_problems(others)}}


def _problems(others: tuple[int, ...]) -> dict[int | str, Any]:
    return {code: {"model": ProblemOut, "description": _WORDS[code]} for code in sorted({*_ALWAYS, *others})}
