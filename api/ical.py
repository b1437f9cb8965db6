"""Appointments and the day of an executive as calendar files (RFC 5545), to be shown by any calendar.

The same state gives the same bytes. Times are UTC, so no time zone has to be told; clocks within a text are those of
India. Nothing here says who the citizen is: there is no address, and of a booking a point only where it is exact.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from icalendar import Calendar, Event
from icalendar.prop import vGeo

from optimizer.domain import Booking, BookingStatus
from optimizer.domain.booking import OFF_DAY
from optimizer.units import IST, clock
from scenarios.catalogue import Catalogue, Service
from scenarios.plans import of_executive

PRODID = "-//mitaan-optimizer//calendar 1//EN"
SEQUENCE_FROM = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
"""SEQUENCE counts the seconds since, so that a later state has a greater one; its 31 bits last until 2088."""

WORDS: Mapping[str, tuple[str, str]] = {
    "documents": ("Documents to have ready:", "ये दस्तावेज़ तैयार रखें:"),
    "fee": ("Fee: Rs {rupees}", "शुल्क: ₹{rupees}"),
    "part_of_fee": (
        "Fee: Rs {rupees} for the application; the fee of the department is not known",
        "शुल्क: आवेदन के लिए ₹{rupees}; विभाग का शुल्क ज्ञात नहीं है",
    ),
    "delivery": ("Certificate to hand over: {name}", "प्रमाण पत्र सौंपना है: {name}"),
    "visit": ("Visit {visit}", "मुलाकात {visit}"),
    "arrival": ("Planned arrival {time}", "पहुँचने का तय समय {time}"),
    "slot": ("Slot {slot}", "स्लॉट {slot}"),
    "break": ("Break", "विश्राम"),
}
"""What is said, in English and Hindi."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What no text of a calendar may hold; a line feed is escaped, a tab may stand."""
_URI = re.compile(r"[!-~]+")


class _Point(vGeo):
    """A point with six decimals, as the format has them; a float by itself may come out as 1e-05, which it has not."""

    def to_ical(self) -> str:
        return f"{self.latitude:.6f};{self.longitude:.6f}"


def booking_ics(
    booking: Booking, catalogue: Catalogue, language: str, changed_at: dt.datetime, url: str | None = None
) -> bytes:
    """A booking as a calendar of one event, its slot, in English ("en") or Hindi ("hi").

    `changed_at` is when the booking got its present state; two states of one second have one SEQUENCE. A hold is
    tentative as long as that is its status, run out or not. Raises ValueError for a time without offset, and for a
    `url` that is none.
    """
    if url is not None and not _URI.fullmatch(url):
        raise ValueError(f"{url!r}: a URL is printable ASCII without spaces")
    if booking.status is BookingStatus.HELD:
        status = "TENTATIVE"
    else:
        status = "CANCELLED" if booking.status in OFF_DAY else "CONFIRMED"
    service = _service(catalogue, booking.service.service_id)
    event = _event(
        f"{booking.booking_id}@mitaan",
        begin=clock(booking.date, booking.slot.open_s),
        end=clock(booking.date, booking.slot.close_s),
        status=status,
        summary=_name(service, booking.service.service_id, language),
        lines=() if service is None else _to_have_ready(catalogue, service, language),
        point=None if booking.approximate else (booking.place.lon, booking.place.lat),
        changed_at=changed_at,
    )
    if url is not None:
        event.add("url", url)
    return _calendar([event])


GONE = "gone"
"""The kind of a stop at which nobody is to be visited any more, in a document that was marked so."""


def day_ics(
    document: Mapping[str, Any], executive_id: str, catalogue: Catalogue, language: str, published_at: dt.datetime
) -> bytes | None:
    """The day of an executive in a plan document: an event per stop, from begin to end of service, and the break.

    Stops that are marked gone are cancelled. None where the executive has no route. A visit keeps its UID when the day
    is planned anew, whoever makes it then; it is another one than that of its booking. Raises ValueError for a time
    without offset.
    """
    own = of_executive(document, executive_id)
    if own is None:
        return None
    date, (route,) = own["date"], own["routes"]
    events = [_stop_event(stop, date, catalogue, language, published_at) for stop in route["stops"]]
    pause = route["break"]
    if pause is not None:
        rest = _event(
            f"{executive_id}@break.{date}.mitaan",
            begin=dt.datetime.fromisoformat(pause["start"]),
            end=dt.datetime.fromisoformat(pause["end"]),
            status="CONFIRMED",
            summary=_said("break", language),
            point=pause["location"]["coordinates"] if pause.get("location") else None,
            changed_at=published_at,
        )
        events.insert(pause["after_stops"], rest)
    return _calendar(events)


def _stop_event(
    stop: Mapping[str, Any], date: str, catalogue: Catalogue, language: str, published_at: dt.datetime
) -> Event:
    told = stop["service"] or stop["visit"]
    name = _name(_service(catalogue, told), told, language)
    lines = [
        _said("visit", language, visit=stop["visit"]),
        _said("arrival", language, time=_local_time(stop["arrival"])),
    ]
    if stop["slot"] is not None:
        ends = [stop["slot"], stop["slot_close"]] if stop.get("slot_close") else [stop["slot"]]
        lines.append(_said("slot", language, slot="-".join(_local_time(end) for end in ends)))
    return _event(
        f"{stop['visit']}@{date}.mitaan",
        begin=dt.datetime.fromisoformat(stop["start"]),
        end=dt.datetime.fromisoformat(stop["end"]),
        status="CANCELLED" if stop["kind"] == GONE else "CONFIRMED",
        summary=_said("delivery", language, name=name) if stop["kind"] == "delivery" else name,
        lines=lines,
        point=stop["location"]["coordinates"],
        changed_at=published_at,
    )


# ---------------------------------------------------------------------------------- the format


def _event(
    uid: str,
    *,
    begin: dt.datetime,
    end: dt.datetime,
    status: str,
    summary: str,
    lines: Iterable[str] = (),
    point: Sequence[float] | None,
    changed_at: dt.datetime,
) -> Event:
    """An event with its lines of description, at a point given as (lon, lat)."""
    changed = _utc(changed_at)
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", changed)
    event.add("last-modified", changed)
    event.add("sequence", max(0, (changed - SEQUENCE_FROM) // dt.timedelta(seconds=1)))
    event.add("dtstart", _utc(begin))
    if end > begin:  # an event without an end ends as it begins; RFC 5545 wants an end to be later
        event.add("dtend", _utc(end))
    event.add("status", status)
    event.add("summary", _CONTROL.sub(" ", summary))
    description = "\n".join(lines)
    if description:
        event.add("description", _CONTROL.sub(" ", description))
    if point is not None:
        lon, lat = point
        event.add("geo", _Point((lat, lon)), encode=False)
    return event


def _calendar(events: Iterable[Event]) -> bytes:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODID)
    calendar.add("method", "PUBLISH")
    for event in events:
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def _utc(moment: dt.datetime) -> dt.datetime:
    """A moment as the format has it: UTC, parts of a second cut off."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset from UTC")
    return moment.astimezone(dt.UTC).replace(microsecond=0)


def _local_time(moment: str) -> str:
    return f"{dt.datetime.fromisoformat(moment).astimezone(IST):%H:%M}"


# ----------------------------------------------------------------------------------- the words


def _said(key: str, language: str, **values: object) -> str:
    return WORDS[key][1 if language == "hi" else 0].format(**values)


def _service(catalogue: Catalogue, service_id: str) -> Service | None:
    """The service of just this id; a plan may hold services that are in no catalogue."""
    return next((service for service in catalogue.services if service.service_id == service_id), None)


def _name(service: Service | None, service_id: str, language: str) -> str:
    if service is None:
        return service_id
    return service.name_hi if language == "hi" else service.name_en


def _to_have_ready(catalogue: Catalogue, service: Service, language: str) -> Iterator[str]:
    """Documents, in the one language the catalogue has them in, and the fee as far as it is known."""
    if service.documents:
        yield _said("documents", language)
        yield from (f"- {document}" for document in service.documents)
    total_rs = catalogue.total_fee_rs(service)
    if total_rs is not None:
        yield _said("fee", language, rupees=total_rs)
    else:
        yield _said("part_of_fee", language, rupees=catalogue.scheme.application_fee_rs)
