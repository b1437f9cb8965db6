"""What verbs on bookings take and answer with: day books, changes, refusals, events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from optimizer.domain import AskedService, Booking, BookingStatus, Slot
from optimizer.engines import Orders
from optimizer.slots import PromisedDay, SlotOffer, SlotReason
from optimizer.units import rfc3339

_S = BookingStatus


class RefusalCode(StrEnum):
    """Why a verb was refused: a closed list."""

    UNKNOWN_BOOKING = "unknown_booking"
    UNKNOWN_SLOT = "unknown_slot"
    SLOT_NOT_OFFERED = "slot_not_offered"
    SAME_SLOT = "same_slot"
    SLOT_TAKEN_TWICE = "slot_taken_twice"
    HOLD_EXPIRED = "hold_expired"
    HOLD_AT_RISK = "hold_at_risk"
    HOLD_OF_ANOTHER_CALLER = "hold_of_another_caller"
    NOT_A_HOLD = "not_a_hold"
    ALREADY_CONFIRMED = "already_confirmed"
    ALREADY_EXTENDED = "already_extended"
    ALREADY_CANCELLED = "already_cancelled"
    ALREADY_MOVED = "already_moved"
    ILLEGAL_TRANSITION = "illegal_transition"
    CODE_NEEDED = "code_needed"
    TOO_EARLY = "too_early"
    TOO_LATE_TO_MOVE = "too_late_to_move"
    TOO_LATE_TO_CANCEL = "too_late_to_cancel"
    PLAN_OUTDATED = "plan_outdated"
    PLAN_BREAKS_RULES = "plan_breaks_rules"
    DAY_PUBLISHED = "day_published"
    DAY_CLOSED = "day_closed"
    DAY_BEGUN = "day_begun"
    DAY_PAST = "day_past"
    PROMISES_IN_THE_WAY = "promises_in_the_way"
    QUOTA_BELOW_PROMISED = "quota_below_promised"
    ROSTER_OUTDATED = "roster_outdated"
    EXECUTIVE_AWAY = "executive_away"
    CHANGED_MEANWHILE = "changed_meanwhile"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A verb that changed nothing: the code, of what, and the sentence.

    `reasons` why the slot is not offered, `nearest` slots that are still offered, as far as asked for; `bookings` are
    those in the way, or missing.
    """

    code: RefusalCode
    subject: str
    text: str
    reasons: tuple[SlotReason, ...] = ()
    nearest: tuple[SlotOffer, ...] = ()
    bookings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a booking or a day, for those who listen; `data` holds plain JSON values."""

    kind: str
    subject: str
    date: dt.date
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class DayBook:
    """A promised day and the bookings on it, by id: those the witness serves, and those at risk."""

    day: PromisedDay
    bookings: Mapping[str, Booking]

    def unkept(self) -> tuple[str, ...]:
        """Bookings that should be in the witness and are not, and promises of the witness that are no booking."""
        due = {b.booking_id for b in self.bookings.values() if b.on_day and not b.at_risk}
        kept = {a.visit_id for a in self.day.promises}
        return tuple(sorted(due ^ kept))


@dataclass(frozen=True, eq=False)
class Change:
    """What a verb did: days as they are now, bookings that are new or other than before, events in order."""

    books: tuple[DayBook, ...]
    bookings: tuple[Booking, ...]
    events: tuple[Event, ...]


Verdict = Change | Refusal


@dataclass(frozen=True, slots=True)
class Wanted:
    """A service in a slot of a day, as wanted by a caller; `booking_id` is the id it is to get."""

    booking_id: str
    date: dt.date
    slot: Slot
    service: AskedService
    pinned_to: str | None = None


@dataclass(frozen=True, slots=True)
class Wanter:
    """For whom: the calling system, what it calls the citizen's request, and how exactly the place is known."""

    city: str
    group_id: str
    caller: str
    reference: str | None = None
    spread_m: int = 0


def with_bookings(book: DayBook, day: PromisedDay, changed: Iterable[Booking]) -> DayBook:
    """The day book with another day and these bookings; those that left the day are dropped."""
    bookings = dict(book.bookings)
    for booking in changed:
        bookings[booking.booking_id] = booking
    return DayBook(day, {key: b for key, b in bookings.items() if b.on_day and b.date == day.date})


def told(kind: str, booking: Booking, **data: Any) -> Event:
    """An event about a booking."""
    date, slot_ = booking.date, booking.slot
    slot = {"open": rfc3339(date, slot_.open_s), "close": rfc3339(date, slot_.close_s)}
    whole = {"group": booking.group_id, "reference": booking.reference, "slot": slot, **data}
    return Event(kind, booking.booking_id, booking.date, whole)


def unknown(booking_id: str) -> Refusal:
    """No such booking on the day."""
    return Refusal(RefusalCode.UNKNOWN_BOOKING, booking_id, "no such booking")


def gone(booking: Booking) -> Refusal:
    """What is to be said of a booking that has left its day."""
    code = {
        _S.EXPIRED: RefusalCode.HOLD_EXPIRED,
        _S.CANCELLED: RefusalCode.ALREADY_CANCELLED,
        _S.MOVED: RefusalCode.ALREADY_MOVED,
    }.get(booking.status, RefusalCode.ILLEGAL_TRANSITION)
    moved = f", to {booking.moved_to}" if booking.moved_to else ""
    return Refusal(code, booking.booking_id, f"it is {booking.status.value}{moved}")


def owners(orders: Orders) -> dict[str, str]:
    """Who serves each visit."""
    return {visit_id: executive_id for executive_id, order in orders.items() for visit_id in order}
