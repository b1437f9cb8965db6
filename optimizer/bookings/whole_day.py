"""Publish, restaff, close, restrict, provide: verbs that change a whole day. Its promises are kept, or named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import replace

from optimizer.bookings.nouns import (
    Change,
    DayBook,
    Event,
    Refusal,
    RefusalCode,
    Verdict,
    owners,
    told,
    with_bookings,
)
from optimizer.domain import BEGUN, Appointment, Booking, BookingStatus, InvalidProblem, Problem, Slot
from optimizer.engines import Orders
from optimizer.quotas import Quotas
from optimizer.slots import PromisedDay, Sale, WitnessBroken, emptied, release, rewitness, verified
from optimizer.stop import Stop

_S = BookingStatus


def publish(book: DayBook, problem: Problem, orders: Orders, now: dt.datetime) -> Verdict:
    """The plan becomes the witness of the day, deliveries included, and its bookings are planned.

    The plan must serve exactly the promises as they are now: bookings and live holds, those at risk as far as it can,
    by the executives of the day, and break no rule. It may be published again with other routes; bookings whose
    executive changes are reassigned.
    """
    date = book.day.date.isoformat()
    if book.day.sale.closed_because is not None:
        return Refusal(RefusalCode.DAY_CLOSED, date, f"the day is closed: {book.day.sale.closed_because}")
    due = {b.booking_id: b for b in book.bookings.values() if b.live(now)}
    appointments = {a.visit_id: a for a in problem.appointments}
    served = {v for order in orders.values() for v in order}
    fixed = {k for k, b in due.items() if not b.at_risk}
    missing = sorted(k for k in fixed if k not in served)
    strange = sorted((appointments.keys() | (served - problem.visit_by_id.keys())) - due.keys())
    other = sorted(k for k in due.keys() & appointments.keys() if not _same(due[k], problem, k))
    if missing or strange or other:
        text = f"the bookings have changed since: {len(missing)} missing, {len(strange)} gone, {len(other)} other"
        return Refusal(RefusalCode.PLAN_OUTDATED, date, text, bookings=(*missing, *strange, *other))
    if problem.executives != book.day.problem.executives or not orders.keys() <= problem.executive_by_id.keys():
        return Refusal(RefusalCode.PLAN_OUTDATED, date, "the roster has changed since")
    kept = replace(problem, visits=tuple(v for v in problem.visits if v.visit_id in served))
    try:
        day = verified(
            replace(
                book.day,
                problem=kept,
                witness={e: tuple(order) for e, order in orders.items() if order},
                sale=replace(book.day.sale, published=True),
                empty_stops=frozenset(),
            )
        )
    except (InvalidProblem, WitnessBroken, ValueError) as error:  # a plan comes from outside: no defect of ours
        return Refusal(RefusalCode.PLAN_BREAKS_RULES, date, str(error))
    owner = owners(orders)
    changed, events = [], []
    for booking_id, booking in sorted(due.items()):
        who = owner.get(booking_id)
        if who is None:
            continue
        if booking.status is _S.HELD:
            if booking.at_risk:
                changed.append(replace(booking, at_risk=False))
                events.append(told("booking.kept_again", changed[-1]))
            continue
        planned = replace(
            booking,
            status=_S.PLANNED if booking.status is _S.BOOKED else booking.status,
            at_risk=False,
            executive_id=who,
        )
        if planned != booking:
            again = booking.executive_id not in (None, who)
            kind = "appointment.reassigned" if again else "appointment.assigned"
            events.append(told(kind, planned, executive=who, before=booking.executive_id))
            changed.append(planned)
    head = Event("plan.published", date, book.day.date, {"appointments": len(appointments)})
    return Change((with_bookings(book, day, changed),), tuple(changed), (head, *events))


def _same(booking: Booking, problem: Problem, visit_id: str) -> bool:
    """The plan's appointment is still the booking: same slot, point, service, skills and pin."""
    planned = next(a for a in problem.appointments if a.visit_id == visit_id)
    return _about(planned) == _about(booking.appointment)


def _about(visit: Appointment) -> tuple[Slot, float, float, int, frozenset[str], str | None]:
    place = visit.place
    return visit.slot, place.lon, place.lat, visit.service_s, visit.skills, visit.pinned_to


# ------------------------------------------------------------------------- what changes a whole day


def restaff(book: DayBook, problem: Problem, stop: Stop, *, force: bool = False, seed: int = 1) -> Verdict:
    """The day with other staff, service or travel times: `problem` holds its promises under the new conditions.

    Promises that it does not hold cannot be kept: their executive is not there. Accepted only with a witness for all
    promises; else refused with those in the way, or, by force, these are marked at risk. A published day is not
    changed here.
    """
    if book.day.sale.published:
        text = "the plan is published; it is revised, not restaffed"
        return Refusal(RefusalCode.DAY_PUBLISHED, book.day.date.isoformat(), text)
    found = rewitness(book.day, problem, stop, seed)
    left_out = [a.visit_id for a in book.day.promises if a.visit_id not in problem.visit_by_id]
    broken = tuple(sorted((*found.broken, *left_out)))
    if broken and not force:
        known = "no plan keeps more" if found.proved else "no plan was found that keeps more"
        text = f"{len(broken)} promises could not be kept; {known}"
        return Refusal(RefusalCode.PROMISES_IN_THE_WAY, book.day.date.isoformat(), text, bookings=broken)
    return _with_risk(book, found.day, broken, "day.changed")


def close(book: DayBook, because: str | None, *, force: bool = False) -> Verdict:
    """The day closed to booking and service, or open again (None). With promises on it only by force: all at risk.

    A published plan is withdrawn: its bookings are booked as before it, and the day can be planned again once open. A
    day that has begun, somebody being on the way or served, is not closed any more.
    """
    begun = tuple(sorted(key for key, b in book.bookings.items() if b.status in BEGUN))
    if because is not None and begun:
        text = f"{len(begun)} visits of it have begun"
        return Refusal(RefusalCode.DAY_BEGUN, book.day.date.isoformat(), text, bookings=begun)
    day, sale = book.day, replace(book.day.sale, closed_because=because)
    promised = {a.visit_id for a in day.promises}
    if because is None or not (promised or day.sale.published):
        return _with_risk(book, replace(day, sale=sale), (), "day.changed")
    if promised and not force:
        text = f"{len(promised)} promises are on this day"
        return Refusal(RefusalCode.PROMISES_IN_THE_WAY, day.date.isoformat(), text, bookings=tuple(sorted(promised)))
    withdrawn = [
        replace(b, status=_S.BOOKED, executive_id=None) for b in book.bookings.values() if b.status is _S.PLANNED
    ]
    closed = emptied(replace(day, sale=replace(sale, published=False)))
    change = _with_risk(with_bookings(book, book.day, withdrawn), closed, promised, "day.changed")
    if not day.sale.published:
        return change
    others = tuple(b for b in withdrawn if b.booking_id not in promised)
    head = Event("plan.withdrawn", day.date.isoformat(), day.date, {})
    return Change(change.books, (*others, *change.bookings), (head, *change.events))


def restrict(book: DayBook, sale: Sale, *, force: bool = False) -> Verdict:
    """Other closures, stop-sales and quotas by hand; what was computed, and whether the day is published, stay.

    Promises inside a day or slot that is closed refuse it, or by force are at risk. Promises above a quota refuse it,
    or by force stay what they are, as those in a slot with a stop-sale do. What held before is not asked about again.
    """
    old = book.day.sale
    change: Change | None = None
    if sale.closed_because != old.closed_because:
        verdict = close(book, sale.closed_because, force=force)
        if isinstance(verdict, Refusal):
            return verdict
        change, book = verdict, verdict.books[0]
    refusal = _above_quota(book, old, sale)
    if refusal is not None and not force:
        return refusal
    slots = {book.day.slots[number] for number in sale.closed_slots.keys() - old.closed_slots.keys()}
    inside = tuple(sorted(a.visit_id for a in book.day.promises if a.slot in slots))
    if inside and book.day.sale.published:
        text = f"{len(inside)} visits of the published plan are in these slots; it is revised, not closed"
        return Refusal(RefusalCode.DAY_PUBLISHED, book.day.date.isoformat(), text, bookings=inside)
    if inside and not force:
        text = f"{len(inside)} promises are in these slots"
        return Refusal(RefusalCode.PROMISES_IN_THE_WAY, book.day.date.isoformat(), text, bookings=inside)
    whole = replace(sale, published=book.day.sale.published, capacity=old.capacity)
    after = _with_risk(book, replace(release(book.day, inside), sale=whole), inside, "day.changed")
    return after if change is None else Change(after.books, (*change.bookings, *after.bookings), change.events)


def _above_quota(book: DayBook, old: Sale, sale: Sale) -> Refusal | None:
    """Promises above a quota that is new, or lower than before."""
    day, above = book.day, set()
    for number, quota in sale.quotas.items():
        if quota < old.quotas.get(number, quota + 1) and day.taken[number] > quota:
            above |= {a.visit_id for a in day.promises if a.slot == day.slots[number]}
    for (number, kit), quota in sale.kit_quotas.items():
        if quota < old.kit_quotas.get((number, kit), quota + 1) and day.taken_by(number, kit) > quota:
            above |= {a.visit_id for a in day.promises if a.slot == day.slots[number] and kit in a.skills}
    if not above:
        return None
    text = f"{len(above)} promises are in the slots of quotas below them; forced, they stay"
    return Refusal(RefusalCode.QUOTA_BELOW_PROMISED, day.date.isoformat(), text, bookings=tuple(sorted(above)))


def provide(book: DayBook, capacity: Quotas | None) -> Change:
    """Other computed quotas; promises made before stay, whatever these say."""
    sale = replace(book.day.sale, capacity=capacity)
    return _with_risk(book, replace(book.day, sale=sale), (), "day.changed")


def _with_risk(book: DayBook, day: PromisedDay, broken: Collection[str], kind: str) -> Change:
    """The changed day; these bookings are at risk from now on."""
    lost = [replace(book.bookings[booking_id], at_risk=True) for booking_id in sorted(broken)]
    head = Event(kind, day.date.isoformat(), day.date, {"at_risk": len(lost)})
    events = (head, *(told("booking.at_risk", b) for b in lost))
    return Change((with_bookings(book, day, lost),), tuple(lost), events)
