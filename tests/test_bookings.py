"""Holds and bookings, verb by verb: what each does, what each refuses, and to the second until when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest

from optimizer.bookings import (
    Change,
    DayBook,
    Event,
    Refusal,
    RefusalCode,
    Verdict,
    Wanted,
    Wanter,
    cancel,
    confirm,
    expire,
    extend,
    give_up,
    gone,
    hold,
    mark,
    move,
    publish,
    with_bookings,
)
from optimizer.check import violations
from optimizer.domain import AskedService, Booking, BookingRules, BookingStatus, Slot
from optimizer.slots import Sale, plan_of
from optimizer.units import clock
from tests.builders import DATE, approach, asked, executive, pause, problem, promised, slot

S, CODE = BookingStatus, RefusalCode
DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)
NOW = clock(DATE - 5 * DAY, 10 * 3_600)
SERVICE = asked(1_200)
STAFF = (executive("E1"), executive("E2", "12:00", "20:00"))


def a_day(date: dt.date = DATE, *, rules: BookingRules | None = None, sale: Sale | None = None) -> DayBook:
    """A day of two executives without bookings."""
    return DayBook(promised(problem([], STAFF, date=date), {}, rules=rules, sale=sale), {})


def sound(book: DayBook) -> DayBook:
    """The book, once it is seen that its witness keeps exactly its promises and every rule."""
    assert book.unkept() == ()
    assert violations(book.day.problem, plan_of(book.day)) == ()
    return book


class Desk:
    """Books of some days and verbs on them, as a store runs them; every change is checked. Places lie on a line."""

    def __init__(self, *books: DayBook) -> None:
        self.books = {book.day.date: book for book in books or (a_day(), a_day(DATE + DAY))}
        self.bookings: dict[str, Booking] = {}
        self.events: list[Event] = []

    def took(self, verdict: Verdict) -> Change:
        """The change, taken over."""
        assert isinstance(verdict, Change), verdict
        for book in verdict.books:
            self.books[book.day.date] = sound(book)
        self.bookings.update({b.booking_id: b for b in verdict.bookings})
        self.events.extend(verdict.events)
        return verdict

    def ask(
        self,
        *slots: tuple[str, str] | tuple[str, str, dt.date],
        caller: str = "C1",
        group: str = "G1",
        east_s: int = 600,
        now: dt.datetime = NOW,
        at_once: bool = False,
        service: AskedService = SERVICE,
        pin: str | None = None,
    ) -> Verdict:
        """Slots wanted as (id of the booking, when the slot opens, date)."""
        wanted = [
            Wanted(booking_id, date[0] if date else DATE, slot(opens), service, pin)
            for booking_id, opens, *date in slots
        ]
        books = {w.date: self.books[w.date] for w in wanted}
        seen = {date: (book, approach(book.day, east_s, place_id=group)) for date, book in books.items()}
        return hold(seen, wanted, Wanter("raipur", group, caller, "ref-1"), now, at_once=at_once)

    def held(self, booking_id: str, opens: str = "10:00", **how: object) -> Booking:
        """A hold, made."""
        self.took(self.ask((booking_id, opens), group=f"G-{booking_id}", **how))  # type: ignore[arg-type]
        return self.bookings[booking_id]

    def booked(self, booking_id: str, opens: str = "10:00", **how: object) -> Booking:
        """A booking, made at once."""
        return self.held(booking_id, opens, at_once=True, **how)

    def move(
        self,
        booking_id: str,
        opens: str,
        date: dt.date = DATE,
        *,
        new_id: str = "B9",
        now: dt.datetime = NOW,
        at: Slot | None = None,
        pin: str | None = None,
    ) -> Verdict:
        """The booking moved to the slot that opens then."""
        book = next((b for b in self.books.values() if booking_id in b.bookings), self.books[DATE])
        target = None if date == book.day.date else self.books[date]
        east_s = 600
        want = Wanted(new_id, date, at or slot(opens), SERVICE, pin)
        return move(
            book,
            booking_id,
            target,
            lambda day: approach(day, east_s, place_id=f"G-{new_id}"),
            want,
            f"G-{new_id}",
            now,
        )

    def publish(self, now: dt.datetime = NOW) -> Change:
        """The witness, published as it is."""
        book = self.books[DATE]
        return self.took(publish(book, book.day.problem, book.day.witness, now))


def refused(verdict: Verdict | Change | None, code: RefusalCode, subject: str | None = None) -> Refusal:
    assert isinstance(verdict, Refusal), verdict
    assert verdict.code is code
    assert subject is None or verdict.subject == subject
    assert verdict.text
    return verdict


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.kind for event in events]


# --------------------------------------------------------------------------------------- hold


def test_a_hold_is_a_promise_of_its_day_with_an_end() -> None:
    desk = Desk()
    change = desk.took(desk.ask(("B1", "10:00")))
    (made,) = change.bookings
    assert (made.status, made.expires_at, made.extended) == (S.HELD, NOW + dt.timedelta(seconds=300), False)
    assert (made.group_id, made.caller, made.reference, made.city) == ("G1", "C1", "ref-1", "raipur")
    assert (made.place.place_id, made.date, made.slot) == ("G1", DATE, slot("10:00"))
    assert [a.visit_id for a in desk.books[DATE].day.promises] == ["B1"]
    assert kinds(change.events) == ["hold.made"]
    assert (change.events[0].subject, change.events[0].date) == ("B1", DATE)
    assert change.events[0].data["reference"] == "ref-1"


def test_a_booking_can_be_made_at_once() -> None:
    desk = Desk()
    change = desk.took(desk.ask(("B1", "10:00"), at_once=True))
    assert (change.bookings[0].status, change.bookings[0].expires_at) == (S.BOOKED, None)
    assert kinds(change.events) == ["booking.made"]


def test_several_slots_on_several_days_are_held_together_or_not_at_all() -> None:
    desk = Desk()
    desk.took(desk.ask(("B1", "10:00"), ("B2", "11:00"), ("B3", "10:00", DATE + DAY)))
    assert {b: desk.bookings[b].date for b in desk.bookings} == {"B1": DATE, "B2": DATE, "B3": DATE + DAY}
    assert {e for e, order in desk.books[DATE].day.witness.items() if "B1" in order and "B2" in order} == {"E1"}
    before = dict(desk.books)
    # Both executives have 13:00 on the first day; on the second nobody has 10:00 any more.
    verdict = desk.ask(("B4", "13:00"), ("B5", "10:00", DATE + DAY), group="G2")
    assert [r.code.value for r in refused(verdict, CODE.SLOT_NOT_OFFERED).reasons] == ["all_executives_taken"]
    assert desk.books == before
    # The refusal names the slot that could not be had, not the first.
    verdict = desk.ask(("B4", "09:00"), ("B5", "11:00"), group="G2")
    refused(verdict, CODE.SLOT_NOT_OFFERED, f"{DATE}T11:00:00+05:30")


def test_one_slot_is_not_held_twice_for_one_citizen() -> None:
    verdict = Desk().ask(("B1", "12:00"), ("B2", "12:00"))
    refused(verdict, CODE.SLOT_TAKEN_TWICE, f"{DATE}T12:00:00+05:30")
    desk = Desk()
    desk.took(desk.ask(("B1", "12:00"), ("B2", "12:00", DATE + DAY)))


@pytest.mark.parametrize("at", [slot("10:30"), slot("10:00", 30), slot("07:00"), slot("20:00"), slot("10:00", 120)])
def test_a_slot_that_does_not_exist_is_refused(at: Slot) -> None:
    desk = Desk()
    book = desk.books[DATE]
    want = Wanted("B1", DATE, at, SERVICE)
    verdict = hold({DATE: (book, approach(book.day))}, [want], Wanter("raipur", "new", "C1"), NOW)
    assert refused(verdict, CODE.UNKNOWN_SLOT).text.startswith("slots open at")


@pytest.mark.parametrize(
    ("sale", "now", "reason"),
    [
        (Sale(closed_because="closed_date"), NOW, "closed_day"),
        (Sale(), clock(DATE + DAY, 0), "past"),
        (Sale(), clock(DATE, 10 * 3_600), "past"),
        (Sale(), NOW - 20 * DAY, "beyond_horizon"),
        (Sale(), clock(DATE - DAY, 20 * 3_600), "inside_lead_time"),
        (Sale(published=True), NOW, "day_published"),
        (Sale(stop_sales=frozenset({2})), NOW, "stop_sale"),
        (Sale(quotas={2: 0}), NOW, "quota_used_up"),
    ],
)
def test_a_slot_that_is_not_for_sale_is_refused_with_the_reason(sale: Sale, now: dt.datetime, reason: str) -> None:
    verdict = refused(Desk(a_day(sale=sale)).ask(("B1", "10:00"), now=now), CODE.SLOT_NOT_OFFERED)
    assert [(r.code.value, r.proof.value) for r in verdict.reasons] == [(reason, "proved")]
    assert verdict.text == reason


def test_a_slot_without_room_is_refused_with_the_reason() -> None:
    desk = Desk()
    desk.booked("B1")
    told = {
        "all_executives_taken": desk.ask(("B2", "10:00"), group="G2"),
        "no_executive_with_skill": desk.ask(("B2", "09:00"), group="G2", service=asked(600, ["kit"])),
        "service_longer_than_slot": desk.ask(("B2", "09:00"), group="G2", service=asked(3_601)),
        "not_reachable_in_time": desk.ask(("B2", "08:00"), group="G2", east_s=3_000),
    }
    for reason, verdict in told.items():
        assert [r.code.value for r in refused(verdict, CODE.SLOT_NOT_OFFERED).reasons] == [reason]


def test_a_quota_counts_holds_too() -> None:
    desk = Desk(a_day(sale=Sale(quotas={5: 1})))
    desk.held("B1", "13:00")
    assert refused(desk.ask(("B2", "13:00"), group="G2"), CODE.SLOT_NOT_OFFERED).text == "quota_used_up"
    desk.took(give_up(desk.books[DATE], ["B1"], "C1", NOW))
    desk.held("B2", "13:00")


def test_a_pin_is_kept_whoever_is_nearer() -> None:
    desk = Desk()
    for booking_id, who in (("B1", "E2"), ("B2", "E1")):
        made = desk.held(booking_id, "13:00", pin=who)
        assert made.pinned_to == who
        assert booking_id in desk.books[DATE].day.witness[who]
    refused(desk.ask(("B3", "10:00"), group="G3", pin="E2"), CODE.SLOT_NOT_OFFERED)


# ------------------------------------------------------------------------------- expiry


def test_a_hold_is_over_exactly_when_it_expires() -> None:
    desk = Desk()
    until = desk.held("B1").expires_at
    assert until is not None
    book = desk.books[DATE]
    just_before = until - dt.timedelta(microseconds=1)
    assert expire(book, just_before) is None
    assert isinstance(confirm(book, ["B1"], "C1", just_before), Change)
    assert isinstance(extend(book, ["B1"], "C1", just_before), Change)
    assert isinstance(give_up(book, ["B1"], "C1", just_before), Change)
    for verb in (confirm, extend, give_up):
        refused(verb(book, ["B1"], "C1", until), CODE.HOLD_EXPIRED, "B1")
    change = expire(book, until)
    assert change is not None
    desk.took(change)
    assert (desk.bookings["B1"].status, desk.bookings["B1"].expires_at) == (S.EXPIRED, None)
    assert kinds(change.events) == ["hold.expired"]
    assert desk.books[DATE].bookings == {}
    assert desk.books[DATE].day.witness == {}
    assert expire(desk.books[DATE], until) is None
    for verb in (confirm, extend, give_up):
        refused(verb(desk.books[DATE], ["B1"], "C1", until), CODE.UNKNOWN_BOOKING, "B1")


def test_only_holds_that_have_run_out_expire() -> None:
    desk = Desk()
    desk.held("B1", "09:00")
    desk.booked("B2", "10:00")
    desk.held("B3", "11:00", now=NOW + SECOND)
    change = expire(desk.books[DATE], NOW + dt.timedelta(seconds=300))
    assert change is not None
    desk.took(change)
    assert {b for b, booking in desk.bookings.items() if booking.status is S.EXPIRED} == {"B1"}
    assert set(desk.books[DATE].bookings) == {"B2", "B3"}


def test_a_hold_lives_as_long_as_the_city_says_and_is_extended_once() -> None:
    desk = Desk(a_day(rules=BookingRules(hold_s=60)))
    assert desk.held("B1").expires_at == NOW + dt.timedelta(seconds=60)
    later = NOW + dt.timedelta(seconds=59)
    change = desk.took(extend(desk.books[DATE], ["B1"], "C1", later))
    assert desk.bookings["B1"].expires_at == later + dt.timedelta(seconds=60)
    assert desk.bookings["B1"].extended
    assert kinds(change.events) == ["hold.extended"]
    refused(extend(desk.books[DATE], ["B1"], "C1", later), CODE.ALREADY_EXTENDED, "B1")
    desk.took(confirm(desk.books[DATE], ["B1"], "C1", later + dt.timedelta(seconds=59)))


def test_holds_are_extended_all_or_none() -> None:
    desk = Desk()
    desk.took(desk.ask(("B1", "09:00"), ("B2", "10:00")))
    desk.took(extend(desk.books[DATE], ["B1"], "C1", NOW))
    refused(extend(desk.books[DATE], ["B2", "B1"], "C1", NOW), CODE.ALREADY_EXTENDED, "B1")


def test_a_clock_that_goes_backwards_makes_nothing_expire_and_loses_nothing() -> None:
    desk = Desk()
    desk.held("B1", now=NOW)
    assert expire(desk.books[DATE], NOW - DAY) is None
    desk.took(confirm(desk.books[DATE], ["B1"], "C1", NOW - DAY))
    assert desk.bookings["B1"].status is S.BOOKED


# ------------------------------------------------------------------------------- confirm


def test_holds_are_confirmed_together_or_not_at_all() -> None:
    desk = Desk()
    desk.took(desk.ask(("B1", "09:00"), ("B2", "10:00")))
    refused(confirm(desk.books[DATE], ["B1", "B3"], "C1", NOW), CODE.UNKNOWN_BOOKING, "B3")
    refused(confirm(desk.books[DATE], ["B1", "B2"], "C2", NOW), CODE.HOLD_OF_ANOTHER_CALLER, "B1")
    assert {b.status for b in desk.books[DATE].bookings.values()} == {S.HELD}
    change = desk.took(confirm(desk.books[DATE], ["B2", "B1"], "C1", NOW))
    assert [(b.booking_id, b.status, b.expires_at) for b in change.bookings] == [
        ("B1", S.BOOKED, None),
        ("B2", S.BOOKED, None),
    ]
    assert kinds(change.events) == ["booking.made", "booking.made"]
    refused(confirm(desk.books[DATE], ["B1"], "C1", NOW), CODE.ALREADY_CONFIRMED, "B1")
    refused(confirm(desk.books[DATE], ["B1"], "C2", NOW), CODE.HOLD_OF_ANOTHER_CALLER, "B1")
    refused(extend(desk.books[DATE], ["B1"], "C1", NOW), CODE.ALREADY_CONFIRMED)
    refused(give_up(desk.books[DATE], ["B1"], "C1", NOW), CODE.ALREADY_CONFIRMED)


def test_what_has_been_served_is_no_hold() -> None:
    desk = Desk()
    desk.booked("B1")
    desk.publish()
    refused(confirm(desk.books[DATE], ["B1"], "C1", NOW), CODE.ALREADY_CONFIRMED)
    desk.took(mark(desk.books[DATE], "B1", S.ON_THE_WAY))
    refused(confirm(desk.books[DATE], ["B1"], "C1", NOW), CODE.NOT_A_HOLD, "B1")


def test_a_hold_on_a_published_day_is_confirmed_as_planned() -> None:
    desk = Desk()
    desk.held("B1")
    desk.publish()
    assert desk.books[DATE].bookings["B1"].status is S.HELD
    change = desk.took(confirm(desk.books[DATE], ["B1"], "C1", NOW))
    assert (desk.bookings["B1"].status, desk.bookings["B1"].executive_id) == (S.PLANNED, "E1")
    assert kinds(change.events) == ["booking.made", "appointment.assigned"]
    assert change.events[1].data["executive"] == "E1"


def test_a_hold_at_risk_becomes_no_booking() -> None:
    desk = Desk()
    book = desk.books[DATE]
    risky = replace(desk.held("B1"), at_risk=True)
    book = with_bookings(book, book.day, [risky])
    refused(confirm(book, ["B1"], "C1", NOW), CODE.HOLD_AT_RISK, "B1")
    sound(desk.took(give_up(book, ["B1"], "C1", NOW)).books[0])


def test_a_hold_is_given_up_by_its_caller_only() -> None:
    desk = Desk()
    desk.held("B1")
    refused(give_up(desk.books[DATE], ["B1"], "C2", NOW), CODE.HOLD_OF_ANOTHER_CALLER)
    change = desk.took(give_up(desk.books[DATE], ["B1"], "C1", NOW))
    assert (desk.bookings["B1"].status, kinds(change.events)) == (S.RELEASED, ["hold.released"])
    refused(give_up(desk.books[DATE], ["B1"], "C1", NOW), CODE.UNKNOWN_BOOKING)
    desk.held("B2")


# -------------------------------------------------------------------------------- cancel


def test_a_booking_is_cancelled_until_its_slot_closes() -> None:
    desk = Desk()
    desk.booked("B1")
    closes = clock(DATE, 11 * 3_600)
    refused(cancel(desk.books[DATE], "B1", closes), CODE.TOO_LATE_TO_CANCEL, "B1")
    change = desk.took(cancel(desk.books[DATE], "B1", closes - SECOND))
    assert (desk.bookings["B1"].status, kinds(change.events)) == (S.CANCELLED, ["booking.cancelled"])
    assert desk.books[DATE].day.promises == ()
    refused(cancel(desk.books[DATE], "B1", NOW), CODE.UNKNOWN_BOOKING)
    assert gone(desk.bookings["B1"]).code is CODE.ALREADY_CANCELLED


def test_a_hold_is_not_cancelled_and_what_is_served_neither() -> None:
    desk = Desk()
    desk.held("B1")
    assert "given up" in refused(cancel(desk.books[DATE], "B1", NOW), CODE.ILLEGAL_TRANSITION).text
    desk.took(confirm(desk.books[DATE], ["B1"], "C1", NOW))
    desk.publish()
    desk.took(mark(desk.books[DATE], "B1", S.ON_THE_WAY))
    assert isinstance(cancel(desk.books[DATE], "B1", NOW), Change)
    desk.took(mark(desk.books[DATE], "B1", S.SERVED))
    refused(cancel(desk.books[DATE], "B1", NOW), CODE.ILLEGAL_TRANSITION)


# ---------------------------------------------------------------------------------- move


def test_a_booking_is_moved_until_a_day_before_its_slot_to_the_second() -> None:
    rules = BookingRules(closes_s=86_400)
    desk = Desk(a_day(rules=rules), a_day(DATE + DAY, rules=rules))
    desk.booked("B1", "10:00")
    last = clock(DATE, 10 * 3_600) - DAY
    refused(desk.move("B1", "11:00", DATE + DAY, now=last + SECOND), CODE.TOO_LATE_TO_MOVE, "B1")
    refused(desk.move("B1", "11:00", DATE + DAY, now=last + dt.timedelta(microseconds=1)), CODE.TOO_LATE_TO_MOVE)
    assert isinstance(desk.move("B1", "11:00", DATE, now=last), Change)
    desk.took(desk.move("B1", "11:00", DATE + DAY, now=last))
    assert desk.bookings["B9"].date == DATE + DAY
    shorter = Desk(a_day(rules=BookingRules(move_cutoff_s=0, closes_s=86_400)), a_day(DATE + DAY))
    shorter.booked("B1", "10:00")
    assert isinstance(shorter.move("B1", "11:00", DATE + DAY, now=clock(DATE, 10 * 3_600)), Change)
    refused(shorter.move("B1", "11:00", DATE + DAY, now=clock(DATE, 10 * 3_600) + SECOND), CODE.TOO_LATE_TO_MOVE)


def test_a_move_on_the_same_day_gives_the_old_place_to_the_new_one() -> None:
    # E1 is the only one in the morning; the way from 10:00 to 11:00 and back would not both fit.
    desk = Desk()
    desk.booked("B1", "10:00")
    change = desk.took(desk.move("B1", "11:00"))
    old, new = desk.bookings["B1"], desk.bookings["B9"]
    assert (old.status, old.moved_to, new.status, new.moved_from) == (S.MOVED, "B9", S.BOOKED, "B1")
    assert (new.slot, new.caller, new.reference, new.group_id) == (slot("11:00"), old.caller, old.reference, "G-B9")
    assert set(desk.books[DATE].bookings) == {"B9"}
    assert [a.visit_id for a in desk.books[DATE].day.promises] == ["B9"]
    assert kinds(change.events) == ["booking.moved", "booking.made"]
    assert change.events[0].data["to"] == "B9"
    assert change.events[1].data["moved_from"] == "B1"
    assert len(change.books) == 1
    assert gone(old).code is CODE.ALREADY_MOVED
    assert "B9" in gone(old).text


def test_a_move_to_another_day_changes_both_days() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    change = desk.took(desk.move("B1", "10:00", DATE + DAY))
    assert [book.day.date for book in change.books] == [DATE, DATE + DAY]
    assert desk.books[DATE].bookings == {}
    assert set(desk.books[DATE + DAY].bookings) == {"B9"}


def test_a_refused_move_leaves_the_old_place_taken() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.booked("B2", "11:00")
    before = dict(desk.books)
    verdict = refused(desk.move("B1", "11:00"), CODE.SLOT_NOT_OFFERED)
    assert [r.code.value for r in verdict.reasons] == ["all_executives_taken"]
    refused(desk.move("B1", "10:00", at=slot("10:30")), CODE.UNKNOWN_SLOT)
    refused(desk.move("B1", "10:00"), CODE.SAME_SLOT, "B1")
    refused(desk.move("B9", "10:00"), CODE.UNKNOWN_BOOKING, "B9")
    assert desk.books == before
    desk.took(cancel(desk.books[DATE], "B2", NOW))
    desk.took(desk.move("B1", "11:00"))


def test_a_move_needs_a_slot_that_is_for_sale() -> None:
    desk = Desk(a_day(), a_day(DATE + DAY, sale=Sale(stop_sales=frozenset({2}))))
    desk.booked("B1")
    assert refused(desk.move("B1", "10:00", DATE + DAY), CODE.SLOT_NOT_OFFERED).text == "stop_sale"
    late = clock(DATE - DAY, 9 * 3_600)
    assert isinstance(desk.move("B1", "11:00", now=late), Change)


def test_a_service_too_long_for_the_slots_of_another_day_is_not_moved_there() -> None:
    grid = type(problem().grid)(slot_s=1_800)
    halves = DayBook(promised(problem([], STAFF, date=DATE + DAY, grid=grid), {}), {})
    desk = Desk(a_day(), halves)
    desk.booked("B1", service=asked(2_400))
    verdict = desk.move("B1", "10:00", DATE + DAY, at=slot("10:00", 30))
    assert refused(verdict, CODE.SLOT_NOT_OFFERED).text == "service_longer_than_slot"


def test_a_hold_is_not_moved_and_a_planned_booking_is() -> None:
    desk = Desk()
    desk.held("B1")
    refused(desk.move("B1", "11:00"), CODE.ILLEGAL_TRANSITION)
    desk.took(confirm(desk.books[DATE], ["B1"], "C1", NOW))
    desk.publish()
    assert refused(desk.move("B1", "11:00"), CODE.SLOT_NOT_OFFERED).text == "day_published"
    desk.took(desk.move("B1", "11:00", DATE + DAY))
    assert (desk.bookings["B9"].status, desk.bookings["B9"].executive_id) == (S.BOOKED, None)


def test_a_move_keeps_to_the_pin_that_is_wanted() -> None:
    desk = Desk()
    desk.booked("B1", "13:00", pin="E1")
    desk.took(desk.move("B1", "14:00", pin="E2"))
    assert desk.bookings["B9"].pinned_to == "E2"
    assert "B9" in desk.books[DATE].day.witness["E2"]


def test_a_break_that_is_due_is_kept_by_holds_too() -> None:
    staff = [executive("E1", "08:00", "16:00", rest=pause(60, "12:00", "12:00"))]
    desk = Desk(DayBook(promised(problem([], staff), {}), {}))
    verdict = desk.ask(("B1", "12:00"))
    assert refused(verdict, CODE.SLOT_NOT_OFFERED).reasons[0].code.value in {
        "break_cannot_be_kept",
        "not_reachable_in_time",
    }
    desk.held("B2", "13:00")


def test_bookings_are_no_names_and_no_free_text() -> None:
    desk = Desk()
    made = desk.held("B1")
    for name, value in (("caller", "Asha Devi"), ("reference", "0771 234 5678 call me"), ("group_id", "")):
        with pytest.raises(Exception, match="an id matches"):
            replace(made, **{name: value})  # type: ignore[arg-type]
