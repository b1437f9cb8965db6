"""What is answered, as JSON documents: made of nouns here, described by the models of `answers`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from api.http.asked import etag
from api.shapes import booking_json, delivery_json
from api.store.rows import booking_values
from api.store.store import Told
from optimizer.domain import Booking, BookingStatus
from scenarios.places import Whereabouts


def place_document(lon: float, lat: float, spread_m: int) -> dict[str, Any]:
    """A point, and how far the house may lie from it."""
    return {"lon": lon, "lat": lat, "spread_m": spread_m, "approximate": spread_m > 0}


def booking_document(booking: Booking, now: dt.datetime) -> dict[str, Any]:
    """A booking as it is now."""
    told = booking_json(booking, now)
    for name in ("point", "spread_m", "approximate"):
        del told[name]
    told["place"] = place_document(booking.place.lon, booking.place.lat, booking.spread_m)
    return told


def booking_tag(booking: Booking) -> str:
    """The ETag of a booking: it changes with the booking, and not with the time."""
    values = booking_values(booking, 0)
    return etag({name: values[name] for name in values if name != "changed_at"})


def bookings_document(found: Sequence[Booking], now: dt.datetime) -> dict[str, Any]:
    """What was booked together."""
    return {
        "group": found[0].group_id,
        "reference": found[0].reference,
        "bookings": [booking_document(b, now) for b in found],
    }


def hold_document(found: Sequence[Booking], now: dt.datetime) -> dict[str, Any]:
    """What is held together; `expires_at` is when the first of it runs out, null once nothing is held any more."""
    held = [b.expires_at for b in found if b.status is BookingStatus.HELD and b.expires_at is not None]
    return {
        "id": found[0].group_id,
        "city": found[0].city,
        "reference": found[0].reference,
        "state": "held" if held else "confirmed",
        "expires_at": min(held).isoformat() if held else None,
        "bookings": [booking_document(b, now) for b in found],
    }


def where_document(where: Whereabouts) -> dict[str, Any]:
    """A place as it was understood."""
    return {**place_document(where.lon, where.lat, where.spread_m), "basis": where.basis, "name": where.name}


def delivery_document(row: Row[Any]) -> dict[str, Any]:
    """A delivery of a row of the store."""
    told = delivery_json(row)
    del told["point"], told["spread_m"]
    told["place"] = place_document(row.lon, row.lat, row.spread_m)
    return told


def event_document(told: Told) -> dict[str, Any]:
    """An event with its number."""
    return {
        "id": told.event_id,
        "at": told.at.isoformat(),
        "city": told.city,
        "date": told.event.date.isoformat(),
        "kind": told.event.kind,
        "subject": told.event.subject,
        "data": dict(told.event.data),
    }


def page_document(name: str, entries: Sequence[Mapping[str, Any]], following: str | None) -> dict[str, Any]:
    """A page of a list; `next` is the cursor of the following page, null on the last."""
    return {name: list(entries), "next": following}
