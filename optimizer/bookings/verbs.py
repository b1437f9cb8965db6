"""Hold, confirm, extend, give up, cancel, move: verbs on single bookings, and where they stand on their day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optimizer.bookings.nouns import (
    Change,
    DayBook,
    Refusal,
    RefusalCode,
    Verdict,
    Wanted,
    Wanter,
    owners,
    told,
    unknown,
    with_bookings,
)
from optimizer.calendar import service_longer_than_slot
from optimizer.domain import FOLLOWS, Booking, BookingStatus, NotServed, Place, Proof, Slot
from optimizer.slots import (
    Approach,
    Certificates,
    NoRoom,
    PromisedDay,
    SlotReason,
    SlotReasonCode,
    not_for_sale,
    not_on_sale,
    promise,
    release,
)
from optimizer.units import HOUR_S, clock, hhmm

_S = BookingStatus


# ------------------------------------------------------------------------------------ holds end


def expire(book: DayBook, now: dt.datetime) -> Change | None:
    """Holds that have run out leave the day; None when there are none. Always succeeds."""
    over = [b for b in book.bookings.values() if b.status is _S.HELD and not b.live(now)]
    if not over:
        return None
    return _leave(book, [replace(b, status=_S.EXPIRED, expires_at=None) for b in over], "hold.expired")


def _leave(book: DayBook, gone: Sequence[Booking], kind: str, **data: Any) -> Change:
    """Bookings with a status that takes them off the day."""
    day = release(book.day, [b.booking_id for b in gone])
    events = tuple(told(kind, b, **data) for b in gone)
    return Change((with_bookings(book, day, gone),), tuple(gone), events)


# ------------------------------------------------------------------------------- hold and book


def hold(
    books: Mapping[dt.date, tuple[DayBook, Approach]],
    wanted: Sequence[Wanted],
    wanter: Wanter,
    now: dt.datetime,
    *,
    at_once: bool = False,
    certificates: Mapping[dt.date, Certificates] | None = None,
    seed: int = 1,
) -> Verdict:
    """Hold all wanted slots or none; with `at_once` they are booked without a hold.

    `books` has every date wanted, its approach made of its day, all to the place of this request.
    """
    refusal = _wanted_twice(wanted)
    if refusal is not None:
        return refusal
    changed: list[DayBook] = []
    made: list[Booking] = []
    for date in sorted({w.date for w in wanted}):
        book, approach = books[date]
        own = [w for w in wanted if w.date == date]
        for number, want in enumerate(own):
            refusal = _not_sold(book.day, want, now, own[:number])
            if refusal is not None:
                return refusal
        fresh = [_booking(want, wanter, approach.place, book.day, now, at_once) for want in own]
        day = promise(approach, [b.appointment for b in fresh], (certificates or {}).get(date), seed=seed)
        if isinstance(day, NoRoom):
            return _no_room(own[day.service], day)
        changed.append(with_bookings(book, day, fresh))
        made.extend(fresh)
    kind = "booking.made" if at_once else "hold.made"
    return Change(tuple(changed), tuple(made), tuple(told(kind, b) for b in made))


def _booking(want: Wanted, wanter: Wanter, place: Place, day: PromisedDay, now: dt.datetime, at_once: bool) -> Booking:
    return Booking(
        booking_id=want.booking_id,
        group_id=wanter.group_id,
        city=wanter.city,
        date=want.date,
        slot=want.slot,
        service=want.service,
        place=place,
        caller=wanter.caller,
        status=_S.BOOKED if at_once else _S.HELD,
        spread_m=wanter.spread_m,
        reference=wanter.reference,
        expires_at=None if at_once else now + dt.timedelta(seconds=day.rules.hold_s),
        pinned_to=want.pinned_to,
    )


def _wanted_twice(wanted: Sequence[Wanted]) -> Refusal | None:
    seen: set[tuple[dt.date, Slot]] = set()
    for want in wanted:
        if (want.date, want.slot) in seen:
            text = "one service in one slot: two services of a citizen take two slots"
            return Refusal(RefusalCode.SLOT_TAKEN_TWICE, _named(want), text)
        seen.add((want.date, want.slot))
    return None


def _named(want: Wanted) -> str:
    return clock(want.date, want.slot.open_s).isoformat()


def _not_sold(day: PromisedDay, want: Wanted, now: dt.datetime, before: Sequence[Wanted] = ()) -> Refusal | None:
    """Why the slot cannot be had whoever could come, beside others of the same request that were looked at before."""
    number = day.problem.grid.index_of(want.slot)
    if number is None:
        text = f"slots open at {', '.join(hhmm(slot.open_s) for slot in day.slots)}"
        return Refusal(RefusalCode.UNKNOWN_SLOT, _named(want), text)
    besides = [(day.slots.index(other.slot), other.service.skills) for other in before]
    code = not_on_sale(day.rules, day, now) or not_for_sale(day, number, now, want.service.skills, besides)
    if code is None and service_longer_than_slot(want.service.service_s, day.problem.grid):
        code = SlotReasonCode.SERVICE_LONGER_THAN_SLOT
    if code is not None:
        reason = SlotReason(code, Proof.PROVED)
        return Refusal(RefusalCode.SLOT_NOT_OFFERED, _named(want), code.value, (reason,))
    return None


def _no_room(want: Wanted, no: NoRoom) -> Refusal:
    reason = SlotReason(no.code, no.proof)
    return Refusal(RefusalCode.SLOT_NOT_OFFERED, _named(want), no.code.value, (reason,))


# ------------------------------------------------------------------------- what becomes of holds


def _own_holds(book: DayBook, ids: Collection[str], caller: str, now: dt.datetime) -> tuple[Booking, ...] | Refusal:
    """The live holds of a caller among the bookings of a day."""
    found = []
    for booking_id in sorted(ids):
        booking = book.bookings.get(booking_id)
        if booking is None:
            return unknown(booking_id)
        if booking.caller != caller:
            text = "a hold is confirmed, extended and given up by the caller who made it"
            return Refusal(RefusalCode.HOLD_OF_ANOTHER_CALLER, booking_id, text)
        if booking.status is not _S.HELD:
            code = (
                RefusalCode.ALREADY_CONFIRMED if booking.status in {_S.BOOKED, _S.PLANNED} else RefusalCode.NOT_A_HOLD
            )
            return Refusal(code, booking_id, f"it is {booking.status.value}")
        if not booking.live(now):
            text = f"it ran out at {booking.expires_at.isoformat() if booking.expires_at else ''}"
            return Refusal(RefusalCode.HOLD_EXPIRED, booking_id, text)
        found.append(booking)
    return tuple(found)


def confirm(book: DayBook, ids: Collection[str], caller: str, now: dt.datetime) -> Verdict:
    """Live holds become bookings, all or none; on a published day they are planned at once.

    A hold that is at risk, since the day was changed by force, becomes no booking: nobody could keep it.
    """
    holds = _own_holds(book, ids, caller, now)
    if isinstance(holds, Refusal):
        return holds
    risky = [b.booking_id for b in holds if b.at_risk]
    if risky:
        return Refusal(RefusalCode.HOLD_AT_RISK, risky[0], "the day has changed and cannot keep it any more")
    owner = owners(book.day.witness)
    made = []
    for booking in holds:
        planned = book.day.sale.published
        made.append(
            replace(
                booking,
                status=_S.PLANNED if planned else _S.BOOKED,
                expires_at=None,
                executive_id=owner.get(booking.booking_id) if planned else None,
            )
        )
    events = [told("booking.made", b) for b in made]
    events += [told("appointment.assigned", b, executive=b.executive_id) for b in made if b.executive_id is not None]
    return Change((with_bookings(book, book.day, made),), tuple(made), tuple(events))


def extend(book: DayBook, ids: Collection[str], caller: str, now: dt.datetime) -> Verdict:
    """Live holds live as long again from now, once."""
    holds = _own_holds(book, ids, caller, now)
    if isinstance(holds, Refusal):
        return holds
    before = [b.booking_id for b in holds if b.extended]
    if before:
        return Refusal(RefusalCode.ALREADY_EXTENDED, before[0], "a hold can be extended once")
    until = now + dt.timedelta(seconds=book.day.rules.hold_s)
    made = [replace(b, expires_at=until, extended=True) for b in holds]
    return Change((with_bookings(book, book.day, made),), tuple(made), tuple(told("hold.extended", b) for b in made))


def give_up(book: DayBook, ids: Collection[str], caller: str, now: dt.datetime) -> Verdict:
    """Holds are released; always possible while they live."""
    holds = _own_holds(book, ids, caller, now)
    if isinstance(holds, Refusal):
        return holds
    return _leave(book, [replace(b, status=_S.RELEASED, expires_at=None) for b in holds], "hold.released")


# ------------------------------------------------------------------------------ cancel and move


def cancel(book: DayBook, booking_id: str, now: dt.datetime) -> Verdict:
    """A booking is given back, until it has been started: while it is not served, and its slot is not over."""
    booking = book.bookings.get(booking_id)
    if booking is None:
        return unknown(booking_id)
    if _S.CANCELLED not in FOLLOWS[booking.status]:
        text = "a hold is given up, not cancelled" if booking.status is _S.HELD else f"it is {booking.status.value}"
        return Refusal(RefusalCode.ILLEGAL_TRANSITION, booking_id, text)
    if now >= clock(booking.date, booking.slot.close_s):
        return Refusal(RefusalCode.TOO_LATE_TO_CANCEL, booking_id, "its slot is over")
    return _leave(book, [replace(booking, status=_S.CANCELLED)], "booking.cancelled")


def may_move(book: DayBook, booking_id: str, now: dt.datetime) -> Booking | Refusal:
    """The booking, when it may be moved now: booked or planned, and early enough before its slot."""
    booking = book.bookings.get(booking_id)
    if booking is None:
        return unknown(booking_id)
    if _S.MOVED not in FOLLOWS[booking.status]:
        return Refusal(RefusalCode.ILLEGAL_TRANSITION, booking_id, f"it is {booking.status.value}")
    cutoff_s = book.day.rules.move_cutoff_s
    if clock(booking.date, booking.slot.open_s) - now < dt.timedelta(seconds=cutoff_s):
        text = f"a booking may be moved until {cutoff_s / HOUR_S:g} h before its slot opens"
        return Refusal(RefusalCode.TOO_LATE_TO_MOVE, booking_id, text)
    return booking


def move(
    book: DayBook,
    booking_id: str,
    target: DayBook | None,
    approach_to: Callable[[PromisedDay], Approach],
    want: Wanted,
    group_id: str,
    now: dt.datetime,
    *,
    certificates: Certificates | None = None,
    seed: int = 1,
) -> Verdict:
    """The booking in another slot, under another id; the old slot is given up only when the new one is won.

    `target` is the book of the new date, None when that is the old one: then the old place in the day counts as free.
    `approach_to` gives the travel rows from the place of the booking, called `group_id` from now on, on a day.
    """
    old = may_move(book, booking_id, now)
    if isinstance(old, Refusal):
        return old
    if (old.date, old.slot) == (want.date, want.slot):
        return Refusal(RefusalCode.SAME_SLOT, booking_id, "it has this slot already")
    to_book = book if target is None else target
    without = release(book.day, [booking_id])
    refusal = _not_sold(without if target is None else to_book.day, replace(want, service=old.service), now)
    if refusal is not None:
        return refusal
    approach = approach_to(without if target is None else to_book.day)
    fresh = replace(
        old,
        booking_id=want.booking_id,
        group_id=group_id,
        date=want.date,
        slot=want.slot,
        place=approach.place,
        status=_S.BOOKED,
        at_risk=False,
        executive_id=None,
        moved_from=booking_id,
        pinned_to=want.pinned_to,
    )
    day = promise(approach, [fresh.appointment], certificates, seed=seed)
    if isinstance(day, NoRoom):
        return _no_room(want, day)
    left = replace(old, status=_S.MOVED, moved_to=want.booking_id)
    if target is None:
        books: tuple[DayBook, ...] = (with_bookings(book, day, [left, fresh]),)
    else:
        books = (with_bookings(book, without, [left]), with_bookings(to_book, day, [fresh]))
    events = (
        told("booking.moved", left, to=fresh.booking_id, to_date=fresh.date.isoformat()),
        told("booking.made", fresh, moved_from=booking_id),
    )
    return Change(books, (left, fresh), events)


# ------------------------------------------------------------------------------- on the day itself


def mark(
    book: DayBook,
    booking_id: str,
    status: BookingStatus,
    code: NotServed | None = None,
    now: dt.datetime | None = None,
) -> Verdict:
    """Set where a booking stands on its day: on the way, served, not served (with its code), certificate, delivered.

    Before its day has begun it is too early for all of them; without `now` that is not asked.
    """
    booking = book.bookings.get(booking_id)
    if booking is None:
        return unknown(booking_id)
    by_other_verbs = {_S.BOOKED, _S.PLANNED, _S.CANCELLED, _S.MOVED, _S.RELEASED, _S.EXPIRED}
    if status in by_other_verbs or status not in FOLLOWS[booking.status]:
        text = f"{status.value} does not follow {booking.status.value}"
        return Refusal(RefusalCode.ILLEGAL_TRANSITION, booking_id, text)
    if (status is _S.NOT_SERVED) != (code is not None):
        text = f"not served, and only that, has one of {', '.join(NotServed)}"
        return Refusal(RefusalCode.CODE_NEEDED, booking_id, text)
    if now is not None and now < clock(booking.date, 0):
        return Refusal(RefusalCode.TOO_EARLY, booking_id, f"its day, {booking.date.isoformat()}, has not begun")
    made = replace(booking, status=status, not_served=code)
    data = {} if code is None else {"code": code.value}
    event = told(f"booking.{status.value}", made, executive=made.executive_id, **data)
    return Change((with_bookings(book, book.day, [made]),), (made,), (event,))


def relocate(
    book: DayBook,
    group_id: str,
    approach_to: Callable[[PromisedDay], Approach],
    spread_m: int,
    now: dt.datetime,
    certificates: Certificates | None = None,
) -> Verdict:
    """The bookings of a group on this day at another point, in the same slots; all or none.

    `approach_to` gives the travel rows from that point, called `group_id`, on a day.
    """
    own = [b for b in book.bookings.values() if b.group_id == group_id and b.live(now)]
    if not own:
        return unknown(group_id)
    if book.day.sale.published:
        text = "the plan is published; it is revised by dispatch"
        return Refusal(RefusalCode.DAY_PUBLISHED, group_id, text)
    if book.day.sale.closed_because is not None:
        return Refusal(RefusalCode.DAY_CLOSED, group_id, f"the day is closed: {book.day.sale.closed_because}")
    without = release(book.day, [b.booking_id for b in own])
    if any(_is_shut(book.day, b) for b in own):
        reason = SlotReason(SlotReasonCode.CLOSED_SLOT, Proof.PROVED)
        text = "a slot of these bookings is closed; they are at risk until it is opened"
        return Refusal(RefusalCode.SLOT_NOT_OFFERED, group_id, text, (reason,))
    if group_id in without.problem.travel.index:  # as an empty stop, see `release`
        text = "the old place is still on the way to others; it can be changed once a repair leaves it out"
        return Refusal(RefusalCode.SLOT_NOT_OFFERED, group_id, text)
    approach = approach_to(without)
    made = [replace(b, place=approach.place, spread_m=spread_m, at_risk=False) for b in own]
    day = promise(approach, [b.appointment for b in made], certificates)
    if isinstance(day, NoRoom):
        reason = SlotReason(day.code, day.proof)
        text = "from there the promises of the day could not be kept"
        return Refusal(RefusalCode.SLOT_NOT_OFFERED, group_id, text, (reason,))
    return Change((with_bookings(book, day, made),), tuple(made), tuple(told("booking.located", b) for b in made))


def _is_shut(day: PromisedDay, booking: Booking) -> bool:
    """The slot of the booking is closed."""
    return any(day.slots[number] == booking.slot for number in day.sale.closed_slots)


def recover(
    book: DayBook, booking_id: str, approach: Approach, certificates: Certificates | None = None
) -> Change | None:
    """A booking at risk back in the witness; None when there is no room (yet), or its day or slot is closed."""
    booking = book.bookings[booking_id]
    if book.day.sale.closed_because is not None or book.day.sale.published or _is_shut(book.day, booking):
        return None
    day = promise(approach, [booking.appointment], certificates)
    if isinstance(day, NoRoom):
        return None
    kept = replace(booking, at_risk=False)
    return Change((with_bookings(book, day, [kept]),), (kept,), (told("booking.kept_again", kept),))
