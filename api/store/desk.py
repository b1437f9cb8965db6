"""The dispatch desk's side of the store: rosters, sales, deliveries, and the plan of a day up to its publishing.

Whatever changes a day that has promises is written only with a new witness; without one it is refused, with the
promises in the way, or they are marked at risk by force.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

from api.store.restrictions import CLOSURE, QUOTA, STOP_SALE, NewRestriction, Restricted, replace_restrictions
from api.store.rows import CityRules, rules_values
from api.store.schema import city_rules, deliveries, epoch_ms, json_text, plans, restrictions
from api.store.states import DayState, delivery_of, problem_with, rules_in
from api.store.store import Also, Store, Undone, Verb, new_id, reference_faults
from api.store.writing import (
    VersionChanged,
    View,
    expect_versions,
    keys_of,
    lock_deliveries,
    state_after,
    with_expired,
    write_bookings,
    write_day,
    write_events,
)
from optimizer.bookings import (
    Change,
    Event,
    Refusal,
    RefusalCode,
    Verdict,
    publish,
    restaff,
    unknown,
)
from optimizer.calendar import due_date
from optimizer.domain import BookingStatus, Delivery, Executive, Fault, InvalidProblem, Problem
from optimizer.domain.faults import id_faults
from optimizer.engines import Orders
from optimizer.stop import Stop, StopAt
from scenarios.catalogue import City, Service
from scenarios.places import Whereabouts
from scenarios.travel import FormulaSpec, Spots

DayIs = Callable[[View], bool]
"""Asked of a day as it is when a change is made; False refuses the change as made from an old state."""

DESK = "desk"
"""The author of what nobody else is named for."""
BY_HAND = "by hand"
"""The reason of what none is given for."""
REPAIR_S = 10.0
"""Seconds that finding a new witness for a changed day may take."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    PLANNED = "planned"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


# ------------------------------------------------------------------------------ rosters and rules


def set_roster(
    store: Store,
    city: City,
    date: dt.date,
    executives: Sequence[Executive],
    *,
    force: bool = False,
    travel: str | None = None,
    limit_s: float = REPAIR_S,
    only_if: DayIs | None = None,
) -> Verdict:
    """Who works on a day. With promises on it accepted only with a witness for all of them; see `restaff`.

    `only_if` is asked of the day as it is when it is changed. `travel`, where given, is another travel formula for the
    day (as `travel_text` writes it), the present one else. Raises InvalidProblem for a day without service.
    """
    closed = store.facts.closed(city, date)
    if closed is not None:
        raise InvalidProblem([Fault(("date",), "closed_day", date.isoformat(), f"a day with service ({closed})")])

    def verb(views: Mapping[dt.date, View]) -> Verdict:
        view = views[date]
        if only_if is not None and not only_if(view):
            text = "the day is not as it was when it was read"
            return Refusal(RefusalCode.CHANGED_MEANWHILE, date.isoformat(), text)
        return restaffed(store, city, view, executives, StopAt(time_limit_s=limit_s), force=force, travel=travel)

    return _whole_day(store, city, date, verb, travel)


def restaffed(
    store: Store,
    city: City,
    view: View,
    executives: Sequence[Executive],
    stop: Stop,
    *,
    force: bool = False,
    travel: str | None = None,
) -> Verdict:
    """A day with these executives, not yet written; see `restaff`. `travel` as of `set_roster`.

    Quotas that were computed for other executives do not hold for these.
    """
    on_duty = {e.executive_id: e for e in executives}
    problem, _ = problem_with(
        store.facts,
        city,
        view.book.day.date,
        executives,
        booked=[b for b in view.book.bookings.values() if not b.at_risk and b.pinned_to in {None, *on_duty}],
        slot_minutes=view.state.slot_minutes,
        travel=view.state.travel if travel is None else travel,
    )
    book = view.book
    if book.day.problem.executive_by_id != on_duty:
        book = replace(book, day=replace(book.day, sale=replace(book.day.sale, capacity=None)))
    return restaff(book, problem, stop, force=force, seed=store.seed)


def set_closed(
    store: Store, city: City, date: dt.date, because: str | None, *, force: bool = False, author: str = DESK
) -> Verdict:
    """Close a day, with the reason, or open it again with None. What of it is closed in part stays so."""
    which = (restrictions.c.kind == CLOSURE) & restrictions.c.open_s.is_(None)
    new = [] if because is None else [NewRestriction(CLOSURE, date, date, because, author)]
    outcome = replace_restrictions(store, city, date, which, new, author, force=force)
    return outcome if isinstance(outcome, Refusal) else outcome.change


def set_sale(
    store: Store,
    city: City,
    date: dt.date,
    stop_sales: Collection[int],
    quotas: Mapping[int, int],
    kit_quotas: Mapping[tuple[int, str], int] | None = None,
    *,
    force: bool = False,
    reason: str = BY_HAND,
    author: str = DESK,
) -> Restricted | Refusal:
    """Which slots (by number, from 0) of a day are not for sale, and the most promises of others, or of kits in them.

    All of it anew: what was set before is lifted. A quota below what is promised refuses it; forced, these promises
    stay.
    """
    kits = kit_quotas or {}
    with store.database.read() as connection:
        slots = store.views(connection, city, [date])[date].book.day.slots
    faults = [
        Fault(("slots",), "unknown_slot", slot, f"a slot from 0 to {len(slots) - 1}")
        for slot in sorted({*stop_sales, *quotas, *(slot for slot, _ in kits)})
        if not 0 <= slot < len(slots)
    ]
    faults += [Fault(("quotas", str(s)), "negative", q, "not negative") for s, q in sorted(quotas.items()) if q < 0]
    if faults:
        raise InvalidProblem(faults)

    def new(kind: str, number: int, quota: int | None = None, kit: str | None = None) -> NewRestriction:
        slot = slots[number]
        return NewRestriction(kind, date, date, reason, author, slot.open_s, slot.close_s, kit, quota)

    made = [new(STOP_SALE, number) for number in sorted(stop_sales)]
    made += [new(QUOTA, number, quota) for number, quota in sorted(quotas.items())]
    made += [new(QUOTA, number, quota, kit) for (number, kit), quota in sorted(kits.items())]
    which = restrictions.c.kind.in_((STOP_SALE, QUOTA))
    return replace_restrictions(store, city, date, which, made, author, force=force)


def store_rules(store: Store, city: City) -> CityRules:
    """The rules of a city as they are now."""
    with store.database.read() as connection:
        return rules_in(connection, store.facts, city.city_id)


def set_rules(store: Store, city: City, rules: CityRules) -> None:
    """Other rules for a city. Length of slots and margin hold for days that have no roster yet."""
    store.facts.grid(rules.slot_minutes)  # raises InvalidProblem for a length that does not divide the hours
    store.facts.spec_of(store.facts.travel(rules.margin_pct))  # and for a margin that is none
    values = rules_values(city.city_id, rules)
    with store.database.write() as connection:
        store.database.order_events(connection)  # who sets the same rules at once waits
        connection.execute(delete(city_rules).where(city_rules.c.city_id == city.city_id))
        connection.execute(insert(city_rules).values(**values))
        store.sign(connection, store.database.now(connection), rules)


def _whole_day(store: Store, city: City, date: dt.date, verb: Verb, travel: str | None) -> Verdict:
    """Run a verb that makes the travel table of a day anew; the store then keeps its places anew, too."""
    for _ in range(5):
        with store.database.read() as connection:
            views = store.views(connection, city, [date])
        verdict = verb(views)
        if isinstance(verdict, Refusal):
            return verdict
        try:
            _write_whole(store, city, views, verdict, travel)
        except VersionChanged:
            continue
        return verdict
    text = "the day changes faster than a witness can be found; try again"
    return Refusal(RefusalCode.PLAN_OUTDATED, date.isoformat(), text)


def _write_whole(store: Store, city: City, views: Mapping[dt.date, View], change: Change, travel: str | None) -> None:
    (date, view), *_ = views.items()
    with store.database.write() as connection:
        store.database.lock_days(connection, keys_of(city.city_id, [date]))
        now = store.database.now(connection)
        after = write_restaffed(store, connection, city, view, change, now, travel=travel)
        store.database.order_events(connection)
        write_events(connection, city.city_id, with_expired([view], change).events, now)
        store.sign(connection, now, change)
    store.cache.put(after)


def write_restaffed(
    store: Store,
    connection: Connection,
    city: City,
    view: View,
    change: Change,
    now: dt.datetime,
    *,
    travel: str | None = None,
) -> DayState:
    """Write a day with other staff, its travel table made anew, and its bookings; its events are left to the caller.

    So is the number of a roster that was published: without it the staff is set by hand. The day is locked; as it is
    afterwards, for the memory once that is committed. Raises VersionChanged when the day is not as in the view.
    """
    date = view.book.day.date
    whole = with_expired([view], change)
    expect_versions(connection, [view.state])
    write_bookings(connection, whole.bookings, now)
    state = view.state if travel is None else replace(view.state, travel=travel)
    book = whole.books[0]
    _, where = problem_with(
        store.facts,
        city,
        date,
        book.day.problem.executives,
        booked=[b for b in book.bookings.values() if not b.at_risk],
        carried=_carried(connection, store, book.day.problem),
        slot_minutes=state.slot_minutes,
        travel=state.travel,
    )
    after = state_after(state, book, max(now, view.now), where.only(book.day.problem.travel.place_ids))
    after = replace(after, roster_number=None)
    write_day(connection, view.state, after)
    return after


def _carried(connection: Any, store: Store, problem: Problem) -> list[tuple[Delivery, int]]:
    """The deliveries of a problem with the spreads of their places."""
    ids = [d.visit_id for d in problem.deliveries]
    rows = connection.execute(select(deliveries).where(deliveries.c.delivery_id.in_(ids))) if ids else ()
    return [(delivery_of(store.facts, row), row.spread_m) for row in rows]


# -------------------------------------------------------------------------------------- deliveries


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A certificate to be handed over: where, for which application, by when, and who has the envelope.

    `due` None: by the statutory limit of the service, counted from `applied`. `held_by` None: it lies at the office.
    """

    service: Service
    where: Whereabouts
    reference: str
    ready_from: dt.date
    due: dt.date | None = None
    applied: dt.date | None = None
    collected_by: str | None = None
    held_by: str | None = None
    booking_id: str | None = None


def add_delivery(store: Store, city: City, new: NewDelivery) -> str | Refusal:
    """Put a delivery into the store; its id. A booking it belongs to, served before, has its certificate due then.

    Where it has that already its delivery must have ended: it was cancelled, and this is another one.
    """
    faults = list(reference_faults(new.reference))
    for name in ("collected_by", "held_by", "booking_id"):
        if getattr(new, name) is not None:
            faults.extend(id_faults(name, getattr(new, name)))
    booking = None if new.booking_id is None else store.booking(new.booking_id)
    if booking is not None and booking.city != city.city_id:
        faults.append(Fault(("booking_id",), "unknown_booking", new.booking_id, f"a booking of {city.city_id}"))
    if not new.service.needs_delivery:
        faults.append(Fault(("service",), "no_delivery", new.service.service_id, "a service with a certificate"))
    due = new.due or due_date(store.catalogue.rules, new.applied or new.ready_from, new.service.statutory_days)
    if due < new.ready_from:
        faults.append(Fault(("due",), "bad_range", due.isoformat(), f"not before {new.ready_from.isoformat()}"))
    if faults:
        raise InvalidProblem(faults)
    delivery_id = new_id("D")

    def put(connection: Connection, now: dt.datetime) -> tuple[str, list[Event]]:
        if new.booking_id is not None:
            _expect_no_other(connection, new.booking_id)
        connection.execute(insert(deliveries).values(**_delivery_values(city, delivery_id, new, due, now)))
        return delivery_id, [Event("delivery.added", delivery_id, new.ready_from, {"reference": new.reference})]

    if new.booking_id is not None:
        verdict = store.mark(new.booking_id, BookingStatus.CERTIFICATE_DUE, also=put, stays=True)
        return verdict if isinstance(verdict, Refusal) else delivery_id
    _alone(store, city.city_id, put)
    return delivery_id


def _expect_no_other(connection: Connection, booking_id: str) -> None:
    """Raise Undone when a delivery of a booking has not ended; the day of the booking is locked."""
    own = (deliveries.c.booking_id == booking_id) & deliveries.c.status.in_(_OPEN_DELIVERY)
    other = connection.execute(select(deliveries.c.delivery_id).where(own).limit(1)).scalar_one_or_none()
    if other is not None:
        text = f"its delivery {other} has not ended"
        raise Undone(Refusal(RefusalCode.ILLEGAL_TRANSITION, booking_id, text, bookings=(other,)))


def _alone(store: Store, city_id: str, act: Also) -> None:
    """Write something that no day knows of."""
    with store.database.write() as connection:
        now = store.database.now(connection)
        outcome, told = act(connection, now)
        store.database.order_events(connection)
        write_events(connection, city_id, told, now)
        store.sign(connection, now, outcome)


def _delivery_values(city: City, delivery_id: str, new: NewDelivery, due: dt.date, now: dt.datetime) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "city_id": city.city_id,
        "reference": new.reference,
        "booking_id": new.booking_id,
        "lon": new.where.lon,
        "lat": new.where.lat,
        "spread_m": new.where.spread_m,
        "service_id": new.service.service_id,
        "service_s": new.service.deliver_s,
        "due": due.isoformat(),
        "ready_from": new.ready_from.isoformat(),
        "collected_by": new.collected_by,
        "held_by": new.held_by,
        "status": DeliveryStatus.WAITING,
        "created_at": epoch_ms(now),
        "changed_at": epoch_ms(now),
    }


def end_delivery(store: Store, delivery_id: str, status: str) -> Refusal | None:
    """A delivery is delivered or cancelled; None when that was done. Its booking is delivered with it.

    A booking whose delivery is cancelled may get another one.
    """
    if status not in _ENDS:
        raise InvalidProblem([Fault(("status",), "unknown_status", status, f"one of {', '.join(_ENDS)}")])

    def end(connection: Connection, now: dt.datetime) -> tuple[str, list[Event]]:
        own = deliveries.c.delivery_id == delivery_id
        changed = update(deliveries).where(own & deliveries.c.status.in_(_OPEN_DELIVERY))
        done = connection.execute(changed.values(status=status, changed_at=epoch_ms(now))).rowcount == 1
        row = connection.execute(select(deliveries).where(own)).one_or_none()
        if row is None or not done:
            raise Undone(_not_open(row, delivery_id))
        date = dt.date.fromisoformat(row.planned_for or row.ready_from)
        return delivery_id, [Event(f"delivery.{status}", delivery_id, date, {"reference": row.reference})]

    row = find_delivery(store, delivery_id)
    if row is None or row.status not in _OPEN_DELIVERY:
        return _not_open(row, delivery_id)
    if status == DeliveryStatus.DELIVERED and _is_certificate_due(store, row.booking_id):
        verdict = store.mark(row.booking_id, BookingStatus.DELIVERED, also=end)
        if not isinstance(verdict, Refusal) or _is_certificate_due(store, row.booking_id):
            return verdict if isinstance(verdict, Refusal) else None
        # Somebody was first with the booking: with this delivery, then it has ended, or by a mark, then it ends alone.
    try:
        _alone(store, row.city_id, end)
    except Undone as undone:
        return undone.refusal
    return None


_OPEN_DELIVERY = (DeliveryStatus.WAITING, DeliveryStatus.PLANNED)
_ENDS = (DeliveryStatus.DELIVERED, DeliveryStatus.CANCELLED)


def _is_certificate_due(store: Store, booking_id: str | None) -> bool:
    booking = None if booking_id is None else store.booking(booking_id)
    return booking is not None and booking.status is BookingStatus.CERTIFICATE_DUE


def _not_open(row: Row[Any] | None, delivery_id: str) -> Refusal:
    """Why a delivery cannot be ended: there is none, or it has ended."""
    if row is None:
        return unknown(delivery_id)
    return Refusal(RefusalCode.ILLEGAL_TRANSITION, delivery_id, f"it is {row.status}")


_BY_DUE = (func.coalesce(deliveries.c.due, ""), deliveries.c.delivery_id)
"""Old rows may have no due date: they come first, on both databases."""


def list_deliveries(
    store: Store,
    city: City,
    status: str | None = None,
    *,
    after: tuple[str, str] | None = None,
    most: int | None = None,
) -> list[Row[Any]]:
    """Deliveries of a city by due date and id, at most so many.

    `after` is the due date, empty for none, and the id of the last one of the page before.
    """
    where = deliveries.c.city_id == city.city_id
    if status is not None:
        where &= deliveries.c.status == status
    if after is not None:
        where &= tuple_(*_BY_DUE) > after
    with store.database.read() as connection:
        return list(connection.execute(select(deliveries).where(where).order_by(*_BY_DUE).limit(most)))


def find_delivery(store: Store, delivery_id: str) -> Row[Any] | None:
    """The delivery of this id, of whatever city; None when there is none."""
    with store.database.read() as connection:
        return connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).one_or_none()


def deliveries_of(store: Store, reference: str) -> list[Row[Any]]:
    """Deliveries of all cities with this reference, by due date and id."""
    with store.database.read() as connection:
        return list(
            connection.execute(select(deliveries).where(deliveries.c.reference == reference).order_by(*_BY_DUE))
        )


# ------------------------------------------------------------------------------- the plan of a day


@dataclass(frozen=True, eq=False)
class DayToPlan:
    """A day of the store as a problem for `plan_day`: its promises, those at risk too, and deliveries that are ready.

    `witness` keeps all promises that are not at risk; `version` is the day's. `not_taken`: deliveries that wait because
    whoever holds the envelope does not work on this day, and bookings at risk because the one executive for them does
    not, or because their slot is closed. `travel` is the formula of the travel times between `spots`.
    """

    problem: Problem
    witness: Orders
    version: int
    not_taken: tuple[str, ...]
    spots: Spots
    travel: FormulaSpec


def day_to_plan(store: Store, city: City, date: dt.date) -> DayToPlan:
    """What is to be planned on a day, as of now."""
    with store.database.read() as connection:
        view = store.views(connection, city, [date])[date]
        ready = (deliveries.c.city_id == city.city_id) & (deliveries.c.ready_from <= date.isoformat())
        waiting = deliveries.c.status == DeliveryStatus.WAITING
        here = (deliveries.c.status == DeliveryStatus.PLANNED) & (deliveries.c.planned_for == date.isoformat())
        rows = list(connection.execute(select(deliveries).where(ready & (waiting | here))))
    staff = view.book.day.problem.executives
    on_duty = {e.executive_id for e in staff}
    taken = [row for row in rows if row.held_by is None or row.held_by in on_duty]
    live = [b for b in view.book.bookings.values() if b.live(view.now)]
    shut = {view.book.day.slots[number] for number in view.book.day.sale.closed_slots}
    alone = [b for b in live if b.at_risk and (b.pinned_to not in {None, *on_duty} or b.slot in shut)]
    problem, where = problem_with(
        store.facts,
        city,
        date,
        staff,
        booked=[b for b in live if b not in alone],
        carried=[(delivery_of(store.facts, row), row.spread_m) for row in taken],
        slot_minutes=view.state.slot_minutes,
        travel=view.state.travel,
    )
    known = {v.visit_id for v in problem.visits}
    witness = {e: tuple(v for v in order if v in known) for e, order in view.book.day.witness.items()}
    left = tuple(sorted([*(row.delivery_id for row in rows if row not in taken), *(b.booking_id for b in alone)]))
    travel = store.facts.spec_of(view.state.travel)
    return DayToPlan(problem, witness, view.state.version, left, where, travel)


def publish_plan(
    store: Store, city: City, date: dt.date, problem: Problem, orders: Orders, document: Mapping[str, Any]
) -> Verdict:
    """Make a plan the witness of its day, deliveries included; refused with the difference if bookings have changed.

    So it is if one of its deliveries has ended meanwhile or is planned for another day. `document` is the plan as
    others read it; it is kept under the next number of the day.
    """
    return store.until_done(lambda: _publish(store, city, date, problem, orders, document))


def _publish(
    store: Store, city: City, date: dt.date, problem: Problem, orders: Orders, document: Mapping[str, Any]
) -> Verdict:
    with store.database.write() as connection:
        keys = keys_of(city.city_id, [date])
        store.database.lock_days(connection, keys)
        views = store.views(connection, city, [date])
        view = views[date]
        verdict = publish(view.book, problem, orders, view.now)
        if isinstance(verdict, Refusal):
            return verdict
        carried = _carried_by(connection, city, date, problem)
        lost = _not_for_the_day(carried, city, date, problem, orders)
        if lost:
            text = f"{len(lost)} deliveries of the plan have ended or are planned for another day"
            return Refusal(RefusalCode.PLAN_OUTDATED, date.isoformat(), text, bookings=lost)
        now = store.database.now(connection)
        whole = with_expired([view], verdict)
        write_bookings(connection, whole.bookings, now)
        book = whole.books[0]
        _, where = problem_with(
            store.facts,
            city,
            date,
            problem.executives,
            booked=[b for b in book.bookings.values() if not b.at_risk],
            carried=[(delivery_of(store.facts, row), row.spread_m) for row in carried.values()],
            slot_minutes=view.state.slot_minutes,
            travel=view.state.travel,
        )
        last = select(func.max(plans.c.number)).where(
            (plans.c.city_id == city.city_id) & (plans.c.date == date.isoformat())
        )
        number = (connection.execute(last).scalar() or 0) + 1
        before = replace(view.state, plan_number=number)
        places = book.day.problem.travel.only(p for p in book.day.problem.travel.place_ids if p in set(where.place_ids))
        after = state_after(before, book, max(now, view.now), where.only(places.place_ids))
        write_day(connection, view.state, after)
        connection.execute(
            insert(plans).values(
                city_id=city.city_id,
                date=date.isoformat(),
                number=number,
                published_at=epoch_ms(now),
                day_version=after.version,
                document=json_text(dict(document)),
            )
        )
        _plan_deliveries(connection, city, date, problem, orders, now)
        store.database.order_events(connection)
        write_events(connection, city.city_id, whole.events, now)
        store.sign(connection, now, verdict)
    return verdict


def _carried_by(connection: Connection, city: City, date: dt.date, problem: Problem) -> dict[str, Row[Any]]:
    """The deliveries of a problem as they are now, by id, locked; so are those that are planned for the day."""
    ids = {d.visit_id for d in problem.deliveries}
    here = (deliveries.c.city_id == city.city_id) & (deliveries.c.planned_for == date.isoformat())
    rows = lock_deliveries(connection, deliveries.c.delivery_id.in_(sorted(ids)) | here)
    return {row.delivery_id: row for row in rows if row.delivery_id in ids}


def _not_for_the_day(
    carried: Mapping[str, Row[Any]], city: City, date: dt.date, problem: Problem, orders: Orders
) -> tuple[str, ...]:
    """Deliveries of a plan that neither wait nor are planned for its day."""

    def free(row: Row[Any]) -> bool:
        here = row.status == DeliveryStatus.PLANNED and row.planned_for == date.isoformat()
        return bool(row.city_id == city.city_id and (here or row.status == DeliveryStatus.WAITING))

    good = {key for key, row in carried.items() if free(row)}
    served = {visit_id for order in orders.values() for visit_id in order}
    return tuple(sorted(d.visit_id for d in problem.deliveries if d.visit_id in served - good))


def _plan_deliveries(
    connection: Connection, city: City, date: dt.date, problem: Problem, orders: Orders, now: dt.datetime
) -> None:
    """Deliveries on the plan are planned for the day; others that were wait again."""
    own = (deliveries.c.city_id == city.city_id) & (deliveries.c.status == DeliveryStatus.PLANNED)
    own &= deliveries.c.planned_for == date.isoformat()
    waiting = {"status": DeliveryStatus.WAITING, "planned_for": None, "executive_id": None, "changed_at": epoch_ms(now)}
    connection.execute(update(deliveries).where(own).values(**waiting))
    carried = {d.visit_id for d in problem.deliveries}
    for executive_id, order in orders.items():
        for visit_id in order:
            if visit_id in carried:
                planned = {
                    "status": DeliveryStatus.PLANNED,
                    "planned_for": date.isoformat(),
                    "executive_id": executive_id,
                    "changed_at": epoch_ms(now),
                }
                connection.execute(update(deliveries).where(deliveries.c.delivery_id == visit_id).values(**planned))


def published_plan(store: Store, city: City, date: dt.date) -> Row[Any] | None:
    """The last published plan of a day, None when there is none."""
    own = (plans.c.city_id == city.city_id) & (plans.c.date == date.isoformat())
    with store.database.read() as connection:
        return connection.execute(select(plans).where(own).order_by(plans.c.number.desc()).limit(1)).one_or_none()
