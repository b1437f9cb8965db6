"""Calendar files: read back by another's reader, and by the letter of RFC 5545 where that is lenient."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from api.ical import booking_ics, day_ics
from optimizer.domain import ID_PATTERN, AskedService, Booking, BookingStatus, NotServed, Place, Problem
from optimizer.timing import timed
from optimizer.units import IST
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.plans import plan_text
from tests.builders import DATE, appointment, delivery, executive, pause, place, plan, problem, slot
from tests.strategies import Orders, days_with_orders, problems
from tests.test_plan_formats import as_of_earlier_releases
from tests.test_plans import document_of

CHANGED = dt.datetime(2026, 11, 28, 15, 30, 7, tzinfo=IST)
FACTS = load_catalogue()
HELD_UNTIL = dt.datetime(2026, 11, 28, 15, 35, tzinfo=IST)


def utc(clock: str) -> dt.datetime:
    """A moment of the day of the tests, given in the time of India."""
    return dt.datetime.fromisoformat(f"{DATE.isoformat()}T{clock}+05:30").astimezone(dt.UTC)


def booking(status: BookingStatus = BookingStatus.BOOKED, *, service: str = "income", **values: Any) -> Booking:
    told: dict[str, Any] = {
        "booking_id": "B1",
        "group_id": "G1",
        "city": "raipur",
        "date": DATE,
        "slot": slot("10:00"),
        "service": AskedService(service, 1_200),
        "place": Place("P1", 81.6401, 21.25),
        "caller": "call-centre",
        "reference": "REF-7",
        "status": status,
        "expires_at": HELD_UNTIL if status is BookingStatus.HELD else None,
        "not_served": NotServed.CITIZEN_ABSENT if status is BookingStatus.NOT_SERVED else None,
    }
    return Booking(**told | values)


def events(data: bytes) -> list[Any]:
    """The events as icalendar reads them, of a file that keeps to the lines of RFC 5545."""
    assert data.endswith(b"\r\n")
    lines = data.removesuffix(b"\r\n").split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    for line in lines:
        assert b"\r" not in line
        assert b"\n" not in line
        assert line.decode().strip() != ""  # no character is cut in two, no line is blank
    calendar = Calendar.from_ical(data)
    assert (calendar["version"], calendar["method"]) == ("2.0", "PUBLISH")
    assert calendar["prodid"] == "-//mitaan-optimizer//calendar 1//EN"
    assert calendar.errors == []
    found = calendar.walk("VEVENT")
    assert [event.errors for event in found] == [[]] * len(found)
    return found


def only(data: bytes) -> Any:
    (event,) = events(data)
    return event


def point_of(event: Any) -> tuple[float, float]:
    """Latitude and longitude."""
    return event["geo"].latitude, event["geo"].longitude


def content_lines(data: bytes) -> list[str]:
    """The lines of the file, unfolded."""
    return data.decode().replace("\r\n ", "").split("\r\n")


def catalogue_with(**changes: Any) -> Catalogue:
    """The catalogue with another service called "income"."""
    services = [replace(s, **changes) if s.service_id == "income" else s for s in FACTS.services]
    return replace(FACTS, services=tuple(services))


# --------------------------------------------------------------------------------- of a booking


def test_a_booking_is_one_event_that_says_these_things_and_nothing_else() -> None:
    data = booking_ics(booking(), FACTS, "en", CHANGED)
    assert content_lines(data) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//mitaan-optimizer//calendar 1//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "SUMMARY:Income certificate",
        "DTSTART:20261201T043000Z",
        "DTEND:20261201T053000Z",
        "DTSTAMP:20261128T100007Z",
        "UID:B1@mitaan",
        "SEQUENCE:218023207",
        r"DESCRIPTION:Documents to have ready:\n- self declaration/affidavit\n- Form 16 or employer certificate"
        r"\n- patwari/councillor certificate\n- ration card\n- photograph"
        r"\nFee: Rs 50 for the application\; the fee of the department is not known",
        "GEO:21.250000;81.640100",
        "LAST-MODIFIED:20261128T100007Z",
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_a_booking_lasts_for_its_slot_in_utc() -> None:
    event = only(booking_ics(booking(slot=slot("18:30", 90)), FACTS, "en", CHANGED))
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (utc("18:30"), utc("20:00"))


@pytest.mark.parametrize("status", BookingStatus)
def test_a_hold_is_tentative_what_has_left_its_day_is_cancelled_and_all_else_confirmed(status: BookingStatus) -> None:
    over = {BookingStatus.CANCELLED, BookingStatus.MOVED, BookingStatus.RELEASED, BookingStatus.EXPIRED}
    expected = "CANCELLED" if status in over else "TENTATIVE" if status is BookingStatus.HELD else "CONFIRMED"
    assert only(booking_ics(booking(status), FACTS, "en", CHANGED))["status"] == expected


def test_the_same_state_gives_the_same_bytes_however_its_moment_is_written() -> None:
    once = booking_ics(booking(), FACTS, "hi", CHANGED)
    assert once == booking_ics(booking(), FACTS, "hi", CHANGED.astimezone(dt.UTC).replace(microsecond=250_000))


def test_a_later_state_has_a_greater_sequence_and_the_same_uid() -> None:
    first = only(booking_ics(booking(), FACTS, "en", CHANGED))
    second = only(booking_ics(booking(BookingStatus.CANCELLED), FACTS, "en", CHANGED + dt.timedelta(seconds=1)))
    assert second["sequence"] == first["sequence"] + 1
    assert second["uid"] == first["uid"] == "B1@mitaan"
    assert second.decoded("last-modified") == first.decoded("dtstamp") + dt.timedelta(seconds=1)


def test_a_state_older_than_the_count_has_the_first_sequence() -> None:
    assert only(booking_ics(booking(), FACTS, "en", dt.datetime(2019, 12, 31, tzinfo=dt.UTC)))["sequence"] == 0


def test_only_an_exact_point_is_told() -> None:
    exact = only(booking_ics(booking(), FACTS, "en", CHANGED))
    assert point_of(exact) == (21.25, 81.6401)
    assert "geo" not in only(booking_ics(booking(spread_m=400), FACTS, "en", CHANGED))


def test_a_point_is_written_as_the_format_has_numbers() -> None:
    at = Place("P1", 0.00001, -0.0000049)
    assert "GEO:-0.000005;0.000010" in content_lines(booking_ics(booking(place=at), FACTS, "en", CHANGED))


def test_in_hindi_name_and_headings_are_hindi() -> None:
    event = only(booking_ics(booking(), FACTS, "hi", CHANGED))
    assert event["summary"] == "आय प्रमाण पत्र"
    first, *_, last = event["description"].splitlines()
    assert (first, last) == (
        "ये दस्तावेज़ तैयार रखें:",
        "शुल्क: आवेदन के लिए ₹50; विभाग का शुल्क ज्ञात नहीं है",
    )


@pytest.mark.parametrize(
    ("service", "language", "fee"),
    [
        ("domicile", "en", "Fee: Rs 80"),
        ("domicile", "hi", "शुल्क: ₹80"),
        ("birth_certificate", "en", "Fee: Rs 50"),
    ],
)
def test_a_fee_that_is_known_is_told_as_one_sum(service: str, language: str, fee: str) -> None:
    event = only(booking_ics(booking(service=service), FACTS, language, CHANGED))
    assert event["description"].splitlines()[-1] == fee


def test_a_service_without_documents_has_a_fee_alone() -> None:
    facts = catalogue_with(documents=(), departmental_fee_rs=10)
    assert only(booking_ics(booking(), facts, "en", CHANGED))["description"] == "Fee: Rs 60"


def test_a_service_that_is_not_in_the_catalogue_is_called_by_its_id() -> None:
    event = only(booking_ics(booking(service="Income.2019"), FACTS, "hi", CHANGED))
    assert event["summary"] == "Income.2019"
    assert "description" not in event


def test_the_address_of_a_booking_is_told_where_it_is_given() -> None:
    url = "https://mitaan.example/bookings/B1?k=a;b,c"
    assert only(booking_ics(booking(), FACTS, "en", CHANGED, url))["url"] == url
    assert f"URL:{url}" in content_lines(booking_ics(booking(), FACTS, "en", CHANGED, url))


@pytest.mark.parametrize("url", ["", "a b", "https://x\r\nSTATUS:CANCELLED", "https://x\r", "https://मितान"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a URL is printable ASCII without spaces"):
        booking_ics(booking(), FACTS, "en", CHANGED, url)


def test_a_moment_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-11-28T15:30:00 has no offset from UTC"):
        booking_ics(booking(), FACTS, "en", dt.datetime(2026, 11, 28, 15, 30))  # noqa: DTZ001


HINDI = st.characters(min_codepoint=0x900, max_codepoint=0x97F)
SPECIAL = st.sampled_from("\u200c\u200d₹,;:\\\"'^ \t\nnN=")
ANY = st.characters(exclude_categories=["Cs", "Cc"])
# A backslash before an N reads as a line feed to icalendar, which takes it for one already when it writes.
TEXTS = st.text(st.one_of(HINDI, SPECIAL, ANY), min_size=1, max_size=120).filter(lambda text: "\\N" not in text)


@given(st.from_regex(ID_PATTERN, fullmatch=True), TEXTS, st.lists(TEXTS, min_size=1, max_size=4))
def test_any_id_and_any_text_come_back_as_they_were(booking_id: str, name: str, documents: list[str]) -> None:
    facts = catalogue_with(name_hi=name, documents=tuple(documents), departmental_fee_rs=0)
    data = booking_ics(booking(booking_id=booking_id), facts, "hi", CHANGED)
    event = only(data)
    assert event["uid"] == f"{booking_id}@mitaan"
    assert event["summary"] == name
    told = "\n".join(["ये दस्तावेज़ तैयार रखें:", *(f"- {document}" for document in documents), "शुल्क: ₹50"])
    assert event["description"] == told
    (line,) = (line for line in content_lines(data) if line.startswith("SUMMARY:"))
    assert unescaped(line.removeprefix("SUMMARY:")) == name


def unescaped(value: str) -> str:
    """A TEXT as RFC 5545 3.3.11 reads it, sign by sign."""
    signs = iter(value)
    return "".join({"n": "\n", "N": "\n"}.get(after := next(signs), after) if s == "\\" else s for s in signs)


def test_control_characters_of_a_text_are_blanks() -> None:
    facts = catalogue_with(name_en="Income\x00\x1b\r\x7f\x85certificate\u200d")
    assert only(booking_ics(booking(), facts, "en", CHANGED))["summary"] == "Income     certificate\u200d"


# ------------------------------------------------------------------------------- of an executive


@pytest.fixture
def day() -> Problem:
    return problem(
        [
            replace(appointment("A1", "09:00", 300, 400), service_id="income"),
            appointment("A2", "11:00", 300, 400, at=place("A1", 300, 400)),
            replace(delivery("D1", 600), service_id="income"),
            delivery("D2", 500, service_s=0),
        ],
        [executive("E1", rest=pause(30, "09:30", "10:00")), executive("E2"), executive("E3")],
    )


@pytest.fixture
def document(day: Problem) -> dict[str, Any]:
    return document_of(day, plan(day, E1="A1 D1 A2", E2="D2"))


def the_day(document: dict[str, Any], executive_id: str = "E1", language: str = "en") -> list[Any]:
    data = day_ics(document, executive_id, FACTS, language, CHANGED)
    assert data is not None
    return events(data)


def told(found: Sequence[Any], name: str) -> list[Any]:
    return [event.get(name) for event in found]


def test_the_day_of_an_executive_has_every_stop_and_the_break_in_order_of_time(document: dict[str, Any]) -> None:
    found = the_day(document)
    assert told(found, "uid") == [
        "A1@2026-12-01.mitaan",
        "E1@break.2026-12-01.mitaan",
        "D1@2026-12-01.mitaan",
        "A2@2026-12-01.mitaan",
    ]
    assert told(found, "summary") == [
        "Income certificate",
        "Break",
        "Certificate to hand over: Income certificate",
        "A2",
    ]
    first, rest, *_ = found
    assert (first.decoded("dtstart"), first.decoded("dtend")) == (utc("09:00"), utc("09:20"))
    assert rest.decoded("dtend") - rest.decoded("dtstart") == dt.timedelta(minutes=30)
    starts = [event.decoded("dtstart") for event in found]
    assert starts == sorted(starts)
    assert told(found, "status") == ["CONFIRMED"] * 4
    assert told(found, "sequence") == [218_023_207] * 4
    assert {event.decoded("dtstamp") for event in found} == {CHANGED}


def test_a_stop_tells_its_visit_its_planned_arrival_and_its_slot(document: dict[str, Any]) -> None:
    first, rest, second, third = the_day(document)
    assert first["description"] == "Visit A1\nPlanned arrival 09:00\nSlot 09:00-10:00"
    assert "description" not in rest
    assert second["description"].splitlines()[0] == "Visit D1"
    assert "Slot" not in second["description"]
    assert third["description"].splitlines()[2] == "Slot 11:00-12:00"
    assert point_of(first) == (21.28, 81.67)


def test_the_day_in_hindi(document: dict[str, Any]) -> None:
    first, rest, second, _ = the_day(document, language="hi")
    assert first["summary"] == "आय प्रमाण पत्र"
    assert first["description"] == "मुलाकात A1\nपहुँचने का तय समय 09:00\nस्लॉट 09:00-10:00"
    assert (rest["summary"], second["summary"]) == ("विश्राम", "प्रमाण पत्र सौंपना है: आय प्रमाण पत्र")


def test_a_stop_that_takes_no_time_has_no_end(document: dict[str, Any]) -> None:
    (event,) = the_day(document, "E2")
    assert "dtend" not in event
    assert event["summary"] == "Certificate to hand over: D2"


def test_who_has_no_route_has_no_calendar(document: dict[str, Any]) -> None:
    assert day_ics(document, "E3", FACTS, "en", CHANGED) is None


def test_a_visit_keeps_its_uid_whoever_makes_it(day: Problem, document: dict[str, Any]) -> None:
    other = document_of(day, plan(day, E2="A2 D1"))
    assert set(told(the_day(other, "E2"), "uid")) <= set(told(the_day(document), "uid"))


def test_a_plan_of_an_earlier_release_gives_the_same_day_without_what_it_does_not_say(document: dict[str, Any]) -> None:
    old = as_of_earlier_releases(document)
    assert told(the_day(old), "uid") == told(the_day(document), "uid")
    assert the_day(old)[0]["description"] == "Visit A1\nPlanned arrival 09:00\nSlot 09:00"
    assert "geo" not in the_day(old)[1]


@given(days_with_orders(problems(max_visits=6)))
def test_the_day_of_every_executive_comes_back_with_the_times_of_the_plan(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    day_plan = timed(day, orders)
    document = document_of(day, day_plan)
    before = plan_text(document)
    midnight = utc("00:00")
    for route in day_plan.routes:
        found = {str(event["uid"]): event for event in the_day(document, route.executive_id)}
        assert len(found) == len(route.stops) + (route.pause is not None)
        for stop in route.stops:
            event = found[f"{stop.visit_id}@2026-12-01.mitaan"]
            assert event.decoded("dtstart") == midnight + dt.timedelta(seconds=stop.start_s)
            assert event.decoded("dtend", None) in {None, midnight + dt.timedelta(seconds=stop.end_s)}
            at = day.visit_by_id[stop.visit_id].place
            assert point_of(event) == pytest.approx((at.lat, at.lon), abs=1e-6)
    assert plan_text(document) == before
