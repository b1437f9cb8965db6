"""What the client is given, as the service reads it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import httpx

from optimizer.domain import Fault, InvalidProblem, MitaanError


@dataclass(frozen=True, slots=True)
class At:
    """The point of a house."""

    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Locality:
    """A locality of the city, where the point is not known."""

    name: str


@dataclass(frozen=True, slots=True)
class Pincode:
    """The area of a PIN code, where nothing better is known."""

    code: str


PlaceIn = At | Locality | Pincode
Day = dt.date | str
"""A date, or its text as 2026-12-03."""
Moment = dt.datetime | str
"""A moment with its offset, or its text as 2026-12-03T10:00:00+05:30."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A service in the slot that opens then; `executive` is the only one who may come, anybody where left out."""

    service: str
    slot: Moment
    executive: str | None = None


def given(name: str, value: str | None, variable: str) -> str:
    """What is given, else what the environment says."""
    found = (os.environ.get(variable, "") if value is None else value).strip()
    if not found:
        raise MitaanError(f"the client needs its {name}: given, or in the environment as {variable}")
    return found


def address_of(url: str) -> str:
    """An address that can be called. Raises InvalidProblem for what is none."""
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidProblem([Fault(("url",), "bad_url", "(not shown)", f"an address: {error}")]) from None
    if read.scheme not in {"http", "https"} or not read.host or read.userinfo or read.query or read.fragment:
        rule = "http:// or https://, a host, and no more than a path behind it"
        shown = f"{read.scheme}://{read.host}"  # the rest may hold a password
        raise InvalidProblem([Fault(("url",), "bad_url", shown, rule)])
    return url


def place_of(place: PlaceIn) -> dict[str, Any]:
    """A place."""
    match place:
        case At():
            return {"lon": place.lon, "lat": place.lat}
        case Locality():
            return {"locality": place.name}
        case Pincode():
            return {"pincode": place.code}


def wanted_of(
    city: str | None, place: PlaceIn | None, visits: Sequence[Visit] | None, reference: str | None
) -> dict[str, Any]:
    """Slots at a place, to be held or booked."""
    slots = [
        without_none({"service": v.service, "slot": moment_of(v.slot), "executive": v.executive}) for v in visits or ()
    ]
    return {
        "city": city,
        "place": None if place is None else place_of(place),
        "visits": None if visits is None else slots,
        "reference": reference,
    }


def limits_of(time_limit_s: float | None, iterations: int | None, seed: int, threads: int) -> dict[str, Any]:
    """How long a search may take, and what makes it repeatable."""
    return {"time_limit_s": time_limit_s, "iterations": iterations, "seed": seed, "threads": threads}


def without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is said, without what is left out."""
    return {name: value for name, value in body.items() if value is not None}


@overload
def date_of(day: Day) -> str: ...


@overload
def date_of(day: None) -> None: ...


@overload
def date_of(day: Day | None) -> str | None: ...


def date_of(day: Day | None) -> str | None:
    """A date; None where it is left out."""
    return day.isoformat() if isinstance(day, dt.date) else day


def moment_of(moment: Moment) -> str:
    """A moment (RFC 3339). Raises InvalidProblem for one without an offset."""
    if isinstance(moment, str):
        return moment
    if moment.utcoffset() is None:
        raise InvalidProblem([Fault(("slot",), "bad_time", moment.isoformat(), "a time with its offset")])
    return moment.isoformat()
