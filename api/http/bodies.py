"""What requests may say: the bodies and the queries, closed and strict. They are the OpenAPI document, too."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from optimizer.domain import ID_PATTERN, BookingStatus, NotServed
from optimizer.domain.booking import MOST_SERVICES
from optimizer.units import IST
from scenarios.files.shape import FIRST_YEAR, LAST_YEAR, Date, Shape

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(Z|z|[+-]\d{2}:\d{2})", re.ASCII)
MOST_EXECUTIVES = 2_000
MOST_STAFF_DAYS = 20_000


def _opens(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "a time as text")
    if not _MOMENT.fullmatch(value):
        raise PydanticCustomError("bad_time", "a time with its offset (RFC 3339), as 2026-12-01T10:00:00+05:30")
    try:
        moment = dt.datetime.fromisoformat(value.upper()).astimezone(IST)
    except (ValueError, OverflowError):
        raise PydanticCustomError("bad_time", "a time that exists") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise PydanticCustomError("bad_time", f"a time from {FIRST_YEAR} to {LAST_YEAR}")
    return moment


Opens = Annotated[
    dt.datetime,
    BeforeValidator(_opens),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": r"^2[01]\d{2}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$",
        }
    ),
]
"""When a slot opens: RFC 3339 with any offset."""
Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
CityId = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$", examples=["raipur"])]
ServiceId = Annotated[str, Field(pattern=f"^{ID_PATTERN}$", examples=["income"])]
Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, examples=[81.63])]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, examples=[21.25])]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["09:30"])]
Reference = Annotated[str, Field(pattern=f"^{ID_PATTERN}$", examples=["call-17"])]
Policy = Literal["ranked", "all", "call-centre"]
Reasons = Literal["none", "codes", "counts"]


class PlaceIn(Shape):
    """Where the citizen is: lon and lat, or a locality of the city, or a PIN code."""

    lon: Lon | None = None
    lat: Lat | None = None
    locality: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    pincode: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None


class WishesIn(Shape):
    """What the citizen would like; other slots are offered all the same, further down."""

    after: Clock | None = None
    """The slot opens then or later."""
    by: Clock | None = None
    """The slot opens by then."""
    one_executive: bool = False
    """One executive for all services, in adjacent slots."""


class SearchIn(Shape):
    """Which slots can an address have, for one or several services."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"city": "raipur", "services": ["income"], "place": {"lon": 81.63, "lat": 21.25}}]
        }
    )

    city: CityId
    services: Annotated[list[ServiceId], Field(min_length=1, max_length=MOST_SERVICES)]
    place: PlaceIn
    first: Annotated[Date | None, Field(alias="from")] = None
    """From this date on; tomorrow where left out."""
    last: Annotated[Date | None, Field(alias="to")] = None
    """To this date, included; six days later where left out."""
    wishes: WishesIn = WishesIn()
    policy: Policy = "ranked"
    reasons: Reasons = "codes"
    """Whether slots that are not offered are told, with the reasons, and with counts of executives."""


class VisitIn(Shape):
    """A service in a slot."""

    service: ServiceId
    slot: Opens
    """When the slot opens."""
    executive: Id | None = None
    """The only executive who may come; anybody where left out."""


class HoldIn(Shape):
    """Slots to be kept for some minutes, all or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "city": "raipur",
                    "place": {"lon": 81.63, "lat": 21.25},
                    "visits": [{"service": "income", "slot": "2026-12-03T10:00:00+05:30"}],
                    "reference": "call-17",
                }
            ]
        }
    )

    city: CityId
    place: PlaceIn
    visits: Annotated[list[VisitIn], Field(min_length=1, max_length=MOST_SERVICES)]
    reference: Reference | None = None
    """What you call the request of your citizen: an id, no name, no telephone number."""


class BookingIn(Shape):
    """A hold to be confirmed, or slots to be booked in one step."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hold": "G5b0c9a51c2d3e4f50617"}]})

    hold: Id | None = None
    """The id of a hold; then nothing else is given."""
    city: CityId | None = None
    place: PlaceIn | None = None
    visits: Annotated[list[VisitIn], Field(min_length=1, max_length=MOST_SERVICES)] | None = None
    reference: Reference | None = None


class RescheduleIn(Shape):
    """The slot to move to."""

    slot: Opens


class StatusIn(Shape):
    """What has happened on the day."""

    status: Literal["on_the_way", "served", "not_served", "certificate_due", "delivered"]
    code: Literal[tuple(code.value for code in NotServed)] | None = None  # type: ignore[valid-type]  # made of the enum
    """Why it was not served; then it must be told."""


class DeliveryIn(Shape):
    """A certificate that is ready to be handed over."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "city": "raipur",
                    "service": "income",
                    "reference": "app-1",
                    "place": {"lon": 81.64, "lat": 21.24},
                }
            ]
        }
    )

    city: CityId
    service: ServiceId
    reference: Reference
    place: PlaceIn
    ready_from: Date | None = None
    """Today where left out."""
    due: Date | None = None
    """By the statutory limit of the service where left out."""
    applied: Date | None = None
    """The limit counts from then; from `ready_from` where left out."""
    collected_by: Id | None = None
    held_by: Id | None = None
    """Who has the envelope; it lies at the office where left out."""
    booking: Id | None = None
    """The booking it comes from, which was served."""


class DeliveryStatusIn(Shape):
    """How a delivery has ended."""

    status: Literal["delivered", "cancelled"]


class RosterIn(Shape):
    """Who works on a day, as a roster file has them."""

    executives: Annotated[list[dict[str, Any]], Field(max_length=MOST_EXECUTIVES)]
    """Each as in a day file (scenarios/schema/day.json); judged by the rules of a day file."""
    force: bool = False
    """Do it all the same; promises that break are marked at risk."""


class StaffIn(Shape):
    """Who works in a city, as a staff file has them, see docs/files.md."""

    executives: Annotated[list[dict[str, Any]], Field(max_length=MOST_EXECUTIVES)]
    days: Annotated[list[dict[str, Any]], Field(max_length=MOST_STAFF_DAYS)]
    """Leave, settled days and requests."""


class RestrictionIn(Shape):
    """A closure, a stop-sale or a quota of the days from one date to another, both included."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "closure", "from": "2026-12-04", "open": "14:00", "close": "18:00", "reason": "power cut"}
            ]
        }
    )

    kind: Literal["closure", "stop_sale", "quota"]
    first: Annotated[Date, Field(alias="from")]
    last: Annotated[Date | None, Field(alias="to")] = None
    """The same day where left out."""
    open: Clock | None = None
    close: Clock | None = None
    """A stretch of the day; left out, both, for a closure of the whole day."""
    kit: Id | None = None
    quota: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Most promises of each slot of the stretch, or of the kit in it."""
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    force: bool = False
    """Do it all the same: promises inside are marked at risk, those above a quota stay."""


class LimitsIn(Shape):
    """How long a search may take, and what makes it repeatable."""

    time_limit_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = 30.0
    """At most what the service is set to, 600 by default."""
    iterations: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    seed: Annotated[int, Field(ge=0, le=(1 << 31) - 1)] = 1
    threads: Annotated[int, Field(ge=1, le=256)] = 1


Engine = Literal["auto", "insertion", "routing", "ruin", "columns"]


class PlanIn(Shape):
    """A day of the store to be planned."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"city": "raipur", "date": "2026-12-03", "limits": {"time_limit_s": 10.0}}]}
    )

    city: CityId
    date: Date
    limits: LimitsIn = LimitsIn()
    engine: Engine = "auto"


class RosterJobIn(Shape):
    """A roster to be made: from a date on for so many weeks, or for executives who are off."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"city": "dhamtari", "from": "2026-12-07", "weeks": 1, "limits": {"time_limit_s": 10.0}}]
        }
    )

    city: CityId
    first: Annotated[Date, Field(alias="from")]
    weeks: Annotated[int, Field(ge=1, le=8)] = 4
    away: Annotated[
        dict[Id, Annotated[list[Date], Field(min_length=1, max_length=366)]],
        Field(default_factory=dict, max_length=50),
    ]
    """Executives who are off, with the dates: their weeks are made again, and `from` and `weeks` say nothing."""
    limits: LimitsIn = LimitsIn()


class PublishIn(Shape):
    """Which alternative of a draft is to be published."""

    alternative: Id | None = None
    """Left out where there is one only."""
    force: bool = False
    """Do it all the same; promises that break are marked at risk."""


class SolveIn(Shape):
    """A day that is handed in, to be planned; the store is not asked."""

    day: dict[str, Any]
    """A day file, see scenarios/schema/day.json; travel by the formula."""
    limits: LimitsIn = LimitsIn()
    engine: Engine = "auto"


class AnalyzeIn(Shape):
    """A plan to be judged: of a day that is handed in, or of a day of the store."""

    plan: dict[str, Any]
    """As plan.json says it, see scenarios/schema/plan.json."""
    day: dict[str, Any] | None = None
    """A day file; then no city and no date."""
    city: CityId | None = None
    date: Date | None = None


class KeyIn(Shape):
    """A key to be made."""

    name: Id
    """What holds and bookings call their caller."""
    role: Literal["booking", "dispatch", "analyst", "admin"]
    cities: Annotated[list[CityId], Field(min_length=1, max_length=500)] | None = None
    """All of them where left out."""
    a_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests a minute."""


class WebhookIn(Shape):
    """Where events are to be sent."""

    url: Annotated[str, Field(min_length=8, max_length=2_000)]
    cities: Annotated[list[CityId], Field(min_length=1, max_length=500)] | None = None
    """All that the key may see where left out."""
    kinds: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=50)] | None = None
    """Kinds of events, as booking.moved or booking.*; all of them where left out."""


# -------------------------------------------------------------------------------------- queries


class Query(BaseModel):
    """A query string: closed, too."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SlotsQuery(Query):
    """Which slots can an address have, for one service."""

    lon: Lon | None = None
    lat: Lat | None = None
    locality: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    pincode: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None
    service: ServiceId
    first: Annotated[Date | None, Field(alias="from")] = None
    last: Annotated[Date | None, Field(alias="to")] = None
    policy: Policy = "ranked"
    reasons: Reasons = "none"


class PageQuery(Query):
    """A page of a list."""

    cursor: Annotated[str, Field(min_length=1, max_length=600)] | None = None
    """`next` of the page before."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class BookingsQuery(PageQuery):
    """Bookings of a city by date, slot and id."""

    city: CityId
    first: Annotated[Date | None, Field(alias="from")] = None
    last: Annotated[Date | None, Field(alias="to")] = None
    status: list[Literal[tuple(status.value for status in BookingStatus)]] = []  # type: ignore[valid-type]  # made of the enum
    reference: Reference | None = None


class DeliveriesQuery(PageQuery):
    """Deliveries of a city by due date and id."""

    city: CityId
    status: Literal["waiting", "planned", "delivered", "cancelled"] | None = None


class EventsQuery(Query):
    """Events with a number above `after`."""

    after: Annotated[int, Field(ge=0, le=(1 << 62))] = 0
    city: CityId | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100


class PlansQuery(PageQuery):
    """Plans that were asked for, the newest first."""

    city: CityId | None = None
    date: Date | None = None


class RostersQuery(PageQuery):
    """Rosters that were asked for, the newest first."""

    city: CityId | None = None


class DifferenceQuery(Query):
    """Of which alternative of a draft."""

    alternative: Id | None = None


class AuditQuery(PageQuery):
    """The audit log, the newest first."""

    key: Id | None = None


class SpanQuery(Query):
    """From one date to another, both included."""

    first: Annotated[Date | None, Field(alias="from")] = None
    last: Annotated[Date | None, Field(alias="to")] = None


class RestrictionsQuery(SpanQuery):
    """Restrictions of the days from one date to another."""

    lifted: bool = False
    """Those that hold no more, too."""


class OnQuery(Query):
    """Of one city, on one date."""

    city: CityId | None = None
    on: Date | None = None
