"""What requests say, as nouns: places, services, dates, pages. What is wrong is raised as faults with their place."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from api.http.bodies import PlaceIn, SlotsQuery, VisitIn, WishesIn
from api.http.problems import Problem
from api.reading import together
from api.store.schema import json_text
from api.store.store import Store, WantedSlot
from optimizer.domain import Fault, InvalidProblem, Wishes
from optimizer.slots import CallCentre, Policy, all_feasible, ranked
from optimizer.units import HOUR_S, IST, MINUTE_S
from scenarios.catalogue import Catalogue, City, Service
from scenarios.places import Whereabouts, whereabouts

T = TypeVar("T")
Path = tuple[str | int, ...]
DAYS_ASKED = 7


def under(place: Path, reading: Callable[[], T]) -> T:
    """What a reading gives; its faults are told as lying there."""
    try:
        return reading()
    except InvalidProblem as invalid:
        raise InvalidProblem(fault.under(*place) for fault in invalid.faults) from None


def renamed(places: Mapping[Path, Path], reading: Callable[[], T]) -> T:
    """What a reading gives; the beginnings of the places of faults are named as the request names them."""
    try:
        return reading()
    except InvalidProblem as invalid:
        faults = []
        for fault in invalid.faults:
            begun = next((begun for begun in places if fault.path[: len(begun)] == begun), ())
            path = (*places.get(begun, ()), *fault.path[len(begun) :])
            faults.append(Fault(path, fault.code, fault.value, fault.rule))
        raise InvalidProblem(faults) from None


def place_of(catalogue: Catalogue, city: City, given: PlaceIn | SlotsQuery) -> Whereabouts:
    """Where in the city it is."""
    half = [name for name in ("lon", "lat") if getattr(given, name) is not None]
    if len(half) == 1:
        rule = "lon and lat come together"
        raise InvalidProblem([Fault(("lat" if half == ["lon"] else "lon",), "missing_field", None, rule)])
    point = None if given.lon is None or given.lat is None else (given.lon, given.lat)
    if sum(x is not None for x in (point, given.locality, given.pincode)) != 1:
        names = [name for name in ("lon", "lat", "locality", "pincode") if getattr(given, name) is not None]
        raise InvalidProblem([Fault((), "one_place", names, "exactly one of lon and lat, locality, and pincode")])
    return renamed(
        {("point",): ("lon",)},
        partial(whereabouts, catalogue, city, point=point, locality=given.locality, pincode=given.pincode),
    )


def services_of(catalogue: Catalogue, names: Sequence[str], place: Sequence[Path]) -> list[Service]:
    """The services of these ids; `place` says where each stands in the request."""

    def one(number: int) -> Service:
        found = next((s for s in catalogue.services if s.service_id == names[number]), None)
        if found is None:
            rule = "the id of a service; GET /v1/services lists them"
            raise InvalidProblem([Fault(place[number], "unknown_service", names[number], rule)])
        return found

    return list(together(*(partial(one, number) for number in range(len(names)))))


def wanted_of(catalogue: Catalogue, visits: Sequence[VisitIn]) -> list[WantedSlot]:
    """The slots that are wanted."""
    services = services_of(
        catalogue, [v.service for v in visits], [("visits", n, "service") for n in range(len(visits))]
    )
    return [
        WantedSlot(service, visit.slot.date(), second_of(visit.slot), visit.executive)
        for service, visit in zip(services, visits, strict=True)
    ]


def second_of(moment: dt.datetime) -> int:
    """The day second of a moment in local time."""
    return moment.hour * HOUR_S + moment.minute * MINUTE_S + moment.second


def span_of(
    first: dt.date | None, last: dt.date | None, today: dt.date, *, ahead: int = 0, days: int = DAYS_ASKED
) -> tuple[dt.date, dt.date]:
    """From the first to the last date, both included; `days` of them from `ahead` days after today on by default."""
    begin = today + dt.timedelta(days=ahead) if first is None else first
    end = begin + dt.timedelta(days=days - 1) if last is None else last
    if end < begin:
        raise InvalidProblem([Fault(("to",), "bad_range", end.isoformat(), f"not before {begin.isoformat()}")])
    return begin, end


def wishes_of(given: WishesIn) -> Wishes:
    """What the citizen would like."""
    none = Wishes()
    after_s = none.open_from_s if given.after is None else second_of_clock(given.after)
    by_s = none.open_by_s if given.by is None else second_of_clock(given.by)
    if by_s < after_s:
        raise InvalidProblem([Fault(("wishes", "by"), "bad_window", given.by, f"not before {given.after}")])
    return Wishes(after_s, by_s, given.one_executive)


def second_of_clock(text: str) -> int:
    """The day second of a time as 09:30."""
    hour, minute = text.split(":")
    return int(hour) * HOUR_S + int(minute) * MINUTE_S


def policy_of(catalogue: Catalogue, name: str) -> Policy:
    """In which order slots are told."""
    if name == "all":
        return all_feasible
    if name == "ranked":
        return ranked
    by_hour = {row.hour: float(row.weekday_hundredths) for row in catalogue.hour_shape}
    opens = range(catalogue.rules.open_s, catalogue.rules.close_s, MINUTE_S)
    return CallCentre({open_s: by_hour[open_s // HOUR_S] for open_s in opens if open_s // HOUR_S in by_hour})


def moment_of(store: Store) -> dt.datetime:
    """The moment by the clock of the store."""
    with store.database.read() as connection:
        return store.database.now(connection)


def today_of(store: Store) -> dt.date:
    """The date by the clock of the store."""
    return moment_of(store).astimezone(IST).date()


# ---------------------------------------------------------------------------------------- pages


def _print(query: object) -> str:
    return hashlib.sha256(json_text(query).encode()).hexdigest()[:12]


def cursor_to(query: object, last: Sequence[Any]) -> str:
    """Where the next page of a query begins: opaque to callers."""
    return base64.urlsafe_b64encode(json_text([_print(query), *last]).encode()).decode().rstrip("=")


def cursor_from(query: object, cursor: str | None, kinds: Sequence[type]) -> tuple[Any, ...] | None:
    """The last entry of the page before, None at the beginning. Raises Problem for what is no cursor of this query."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        told = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise Problem(422, "bad_cursor") from None
    if not isinstance(told, list) or len(told) != len(kinds) + 1:
        raise Problem(422, "bad_cursor")
    if told[0] != _print(query):
        raise Problem(422, "cursor_of_another_query", "a cursor goes on with the very query it came from")
    last = tuple(told[1:])
    if any(type(value) is not kind for value, kind in zip(last, kinds, strict=True)):
        raise Problem(422, "bad_cursor")
    if any(not value.isprintable() if isinstance(value, str) else abs(value) >= 1 << 62 for value in last):
        raise Problem(422, "bad_cursor")  # not every database takes that
    return last
