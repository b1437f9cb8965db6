"""`mitaan db check`: is every promise in the store kept by a witness, judged anew from the rows alone?

Nothing in memory is used. Each finding names a day or a booking and a code of a closed list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from api.store.rows import booking_of
from api.store.schema import bookings, days, deliveries
from api.store.states import read_state, rules_in
from api.store.store import Store
from optimizer.check import violations
from optimizer.domain import Booking, BookingStatus, InvalidProblem, MitaanError
from optimizer.timing import timed


class FindingCode(StrEnum):
    """What can be wrong with a store."""

    NO_DAY = "no_day"  # a booking on a date of which there is no day
    UNREADABLE = "unreadable"  # a row that is no day, roster, witness or booking
    NO_WITNESS = "no_witness"  # a promise that the witness does not serve, or serves though it is none
    WITNESS_BROKEN = "witness_broken"  # the checker found a violation
    DOUBLE_BOOKING = "double_booking"  # more promises in a slot than executives on the day
    BROKEN_LINK = "broken_link"  # moved to or from a booking that does not say so
    DELIVERY_WITHOUT_PLAN = "delivery_without_plan"  # planned for a day whose witness has it not


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: the code, of what, and the sentence."""

    code: FindingCode
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check looked at, and what it found."""

    days: int
    bookings: int
    promises: int
    at_risk: int
    findings: tuple[Finding, ...]


def check_store(store: Store, on_day: Callable[[int, int], None] | None = None) -> Checked:
    """Judge the whole store, in one state of it; `on_day` is called with days done and days in all."""
    findings: list[Finding] = []
    promises = at_risk = 0
    with store.database.read() as connection:
        rows = list(connection.execute(select(days).order_by(days.c.city_id, days.c.date)))
        for done, row in enumerate(rows):
            kept, risky, found = _day(store, connection, row)
            promises, at_risk = promises + kept, at_risk + risky
            findings.extend(found)
            if on_day is not None:
                on_day(done + 1, len(rows))
        known = {(row.city_id, row.date) for row in rows}
        booked, more = _bookings(connection, known)
        findings.extend(more)
    return Checked(len(rows), booked, promises, at_risk, tuple(findings))


def _day(store: Store, connection: Connection, row: Row[Any]) -> tuple[int, int, list[Finding]]:
    subject = f"{row.city_id} {row.date}"
    try:
        city = store.catalogue.city(row.city_id)
        rules = rules_in(connection, store.facts, row.city_id)
        state = read_state(connection, store.facts, city, row, rules)
        plan = timed(state.book.day.problem, state.book.day.witness)
        broken = violations(state.book.day.problem, plan)
    except InvalidProblem as invalid:
        code = FindingCode.UNREADABLE
        if all(fault.code in {"no_witness", "repeated_visit"} for fault in invalid.faults):
            code = FindingCode.NO_WITNESS
        return 0, 0, [Finding(code, subject, "; ".join(str(fault) for fault in invalid.faults))]
    except (MitaanError, ValueError, KeyError, TypeError) as error:
        return 0, 0, [Finding(FindingCode.UNREADABLE, subject, f"{type(error).__name__}: {error}")]
    found = [Finding(FindingCode.WITNESS_BROKEN, subject, v.text) for v in broken]
    found += [
        Finding(FindingCode.NO_WITNESS, key, f"{subject}: booking and witness do not agree")
        for key in state.book.unkept()
    ]
    staff = len(state.book.day.problem.executives)
    for slot, taken in enumerate(state.book.day.taken.tolist()):
        if taken > staff:
            found.append(
                Finding(FindingCode.DOUBLE_BOOKING, subject, f"slot {slot}: {taken} promises, {staff} executives")
            )
    found.extend(_deliveries(connection, row, {v for o in state.book.day.witness.values() for v in o}))
    at_risk = sum(b.at_risk for b in state.book.bookings.values())
    return len(state.book.day.promises), at_risk, found


def _deliveries(connection: Connection, row: Row[Any], served: set[str]) -> Iterator[Finding]:
    own = (deliveries.c.city_id == row.city_id) & (deliveries.c.planned_for == row.date)
    planned = connection.execute(select(deliveries.c.delivery_id).where(own & (deliveries.c.status == "planned")))
    for delivery_id in planned.scalars():
        if delivery_id not in served:
            yield Finding(FindingCode.DELIVERY_WITHOUT_PLAN, delivery_id, f"{row.city_id} {row.date}: on no route")


def _bookings(connection: Connection, known: set[tuple[str, str]]) -> tuple[int, list[Finding]]:
    """Links of all bookings, and bookings without a day."""
    found: list[Finding] = []
    count = 0
    linked: dict[str, Booking] = {}
    for row in connection.execute(select(bookings)):
        count += 1
        try:
            booking = booking_of(row)
        except (MitaanError, ValueError, TypeError) as error:
            found.append(Finding(FindingCode.UNREADABLE, row.booking_id, f"{type(error).__name__}: {error}"))
            continue
        if booking.on_day and (row.city_id, row.date) not in known:
            found.append(Finding(FindingCode.NO_DAY, booking.booking_id, f"{row.city_id} {row.date}"))
        if booking.moved_from or booking.moved_to:
            linked[booking.booking_id] = booking
    for booking in linked.values():
        for other_id, back in ((booking.moved_to, "moved_from"), (booking.moved_from, "moved_to")):
            if other_id is None:
                continue
            other = linked.get(other_id)
            if other is None or getattr(other, back) != booking.booking_id:
                found.append(
                    Finding(FindingCode.BROKEN_LINK, booking.booking_id, f"{other_id} does not say {back} of it")
                )
        if (booking.moved_to is not None) != (booking.status is BookingStatus.MOVED):
            found.append(Finding(FindingCode.BROKEN_LINK, booking.booking_id, f"it is {booking.status.value}"))
    return count, found
