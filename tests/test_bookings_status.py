"""Where a booking stands: only what may follow follows, whichever verb is tried."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from optimizer.bookings import (
    Change,
    RefusalCode,
    Verdict,
    cancel,
    close,
    confirm,
    expire,
    give_up,
    gone,
    mark,
    publish,
    with_bookings,
)
from optimizer.domain import FOLLOWS, OFF_DAY, BookingStatus, NotServed
from optimizer.units import clock
from tests.builders import DATE, problem, promised
from tests.test_bookings import DAY, NOW, STAFF, Desk, kinds, refused, sound

S, CODE = BookingStatus, RefusalCode


ON_DAY = [status for status in BookingStatus if status not in OFF_DAY]


def standing(status: BookingStatus) -> Desk:
    """A desk with B1, which stands so; the day is published where that is needed."""
    desk = Desk()
    desk.held("B1")
    if status is not S.HELD:
        desk.took(confirm(desk.books[DATE], ["B1"], "C1", NOW))
    way = {S.SERVED: [S.ON_THE_WAY], S.CERTIFICATE_DUE: [S.ON_THE_WAY, S.SERVED]}
    way[S.DELIVERED] = [*way[S.CERTIFICATE_DUE], S.CERTIFICATE_DUE]
    if status not in {S.HELD, S.BOOKED}:
        desk.publish()
        for step in [*way.get(status, []), *([] if status is S.PLANNED else [status])]:
            desk.took(mark(desk.books[DATE], "B1", step, NotServed.PORTAL_DOWN if step is S.NOT_SERVED else None))
    assert desk.books[DATE].bookings["B1"].status is status
    return desk


def attempts(desk: Desk, to: BookingStatus) -> list[Verdict | Change | None]:
    """Every verb that leads to a status, tried on B1."""
    book = desk.books[DATE]
    tried: list[Verdict | Change | None] = [mark(book, "B1", to, code) for code in (None, NotServed.PORTAL_DOWN)]
    if to is S.BOOKED:
        tried.append(confirm(book, ["B1"], "C1", NOW))
        if book.day.sale.published:  # its plan is withdrawn
            tried.append(close(book, "flood", force=True))
    elif to is S.PLANNED:
        tried.append(publish(book, book.day.problem, book.day.witness, NOW))
    elif to is S.CANCELLED:
        tried.append(cancel(book, "B1", NOW))
    elif to is S.MOVED:
        tried.append(desk.move("B1", "11:00", DATE + DAY))
    elif to is S.RELEASED:
        tried.append(give_up(book, ["B1"], "C1", NOW))
    elif to is S.EXPIRED:
        tried.append(expire(book, NOW + dt.timedelta(seconds=300)))
    return tried


@pytest.mark.parametrize("to", list(BookingStatus))
@pytest.mark.parametrize("status", ON_DAY)
def test_only_what_may_follow_follows(status: BookingStatus, to: BookingStatus) -> None:
    desk = standing(status)
    reached = {
        booking.status
        for verdict in attempts(desk, to)
        if isinstance(verdict, Change)
        for booking in verdict.bookings
        if booking.booking_id == "B1"
    }
    assert reached == ({to} if to in FOLLOWS[status] else set())
    for verdict in attempts(desk, to):
        if isinstance(verdict, Change):
            for book in verdict.books:
                sound(book)


@pytest.mark.parametrize("status", sorted(OFF_DAY))
def test_what_has_left_its_day_is_told_so_and_nothing_follows(status: BookingStatus) -> None:
    assert FOLLOWS[status] == frozenset()
    desk = standing(S.HELD)
    left = replace(desk.bookings["B1"], status=status, expires_at=None)
    book = with_bookings(desk.books[DATE], promised(problem([], STAFF), {}), [left])
    assert book.bookings == {}
    for verdict in (cancel(book, "B1", NOW), mark(book, "B1", S.SERVED), confirm(book, ["B1"], "C1", NOW)):
        refused(verdict, CODE.UNKNOWN_BOOKING, "B1")
    assert (
        gone(left).code
        is {
            S.CANCELLED: CODE.ALREADY_CANCELLED,
            S.MOVED: CODE.ALREADY_MOVED,
            S.EXPIRED: CODE.HOLD_EXPIRED,
            S.RELEASED: CODE.ILLEGAL_TRANSITION,
        }[status]
    )


def test_not_served_and_only_that_has_a_code() -> None:
    desk = standing(S.PLANNED)
    refused(mark(desk.books[DATE], "B1", S.NOT_SERVED), CODE.CODE_NEEDED)
    refused(mark(desk.books[DATE], "B1", S.ON_THE_WAY, NotServed.PORTAL_DOWN), CODE.CODE_NEEDED)
    refused(mark(desk.books[DATE], "B2", S.ON_THE_WAY), CODE.UNKNOWN_BOOKING)
    change = desk.took(mark(desk.books[DATE], "B1", S.NOT_SERVED, NotServed.CITIZEN_ABSENT))
    assert desk.bookings["B1"].not_served is NotServed.CITIZEN_ABSENT
    assert [(e.kind, e.data["code"], e.data["executive"]) for e in change.events] == [
        ("booking.not_served", "citizen_absent", "E1")
    ]


def test_each_step_of_a_visit_is_told() -> None:
    desk = standing(S.DELIVERED)
    assert kinds(desk.events)[-4:] == [
        "booking.on_the_way",
        "booking.served",
        "booking.certificate_due",
        "booking.delivered",
    ]
    assert FOLLOWS[S.DELIVERED] == frozenset()


def test_nothing_is_marked_before_its_day_has_begun() -> None:
    desk = standing(S.PLANNED)
    begins = clock(DATE, 0)
    before = begins - dt.timedelta(seconds=1)
    refused(mark(desk.books[DATE], "B1", S.ON_THE_WAY, now=before), CODE.TOO_EARLY, "B1")
    refused(mark(desk.books[DATE], "B1", S.NOT_SERVED, NotServed.CITIZEN_ABSENT, before), CODE.TOO_EARLY)
    desk.took(mark(desk.books[DATE], "B1", S.ON_THE_WAY, now=begins))
