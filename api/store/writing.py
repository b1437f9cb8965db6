"""Changes written into the store: rows of days and bookings, events, and the days in memory as they are afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from api.store.rows import (
    EmptyStop,
    booking_values,
    roster_text,
    sale_values,
    stops_text,
    witness_text,
)
from api.store.schema import bookings, days, deliveries, epoch_ms, events, json_text
from api.store.states import DayState, Key
from optimizer.bookings import Change, DayBook, Event, expire
from optimizer.domain import Booking
from optimizer.slots import PromisedDay
from scenarios.travel import Spots


class VersionChanged(Exception):  # noqa: N818  (not an error: somebody else was first, the verb is tried again)
    """A day is not at the version any more from which a change was made."""


@dataclass(frozen=True, eq=False)
class View:
    """A day of the store as a verb sees it at a moment: holds that have run out are off it, not yet in the store.

    `over` is what that changed, None for nothing. `now` is never before the latest moment the day was judged at.
    """

    state: DayState
    book: DayBook
    over: Change | None
    now: dt.datetime


def view_of(state: DayState, now: dt.datetime) -> View:
    """The day at this moment."""
    moment = max(now, state.seen_at)
    if state.expiry is None or moment < state.expiry:
        return View(state, state.book, None, moment)
    over = expire(state.book, moment)
    return View(state, state.book if over is None else over.books[0], over, moment)


def with_expired(views: Iterable[View], change: Change) -> Change:
    """The change together with the holds that ran out before it, on the days that it changes."""
    dates = {book.day.date for book in change.books}
    over = [v.over for v in views if v.over is not None and v.book.day.date in dates]
    if not over:
        return change
    return Change(
        change.books,
        (*(b for c in over for b in c.bookings), *change.bookings),
        (*(e for c in over for e in c.events), *change.events),
    )


def write_change(
    connection: Connection, views: Mapping[dt.date, View], change: Change, now: dt.datetime
) -> list[DayState]:
    """Write a change made from these views; the days afterwards, to be kept in memory once it is committed.

    The rows of the days are locked already. Raises VersionChanged when one of them has another version than its view.
    """
    touched = [views[book.day.date] for book in change.books]
    expect_versions(connection, [view.state for view in touched])
    write_bookings(connection, change.bookings, now)
    after = []
    for book, view in zip(change.books, touched, strict=True):
        state = state_after(view.state, book, max(now, view.now))
        write_day(connection, view.state, state)
        after.append(state)
    return after


def expect_versions(connection: Connection, states: Iterable[DayState]) -> None:
    """Raise VersionChanged when one of these days has another version in the store; their rows are locked already."""
    for state in states:
        city, date = state.key
        own = (days.c.city_id == city) & (days.c.date == date.isoformat())
        version = connection.execute(select(days.c.version).where(own)).scalar()
        if (version or 0) != state.version:
            raise VersionChanged


def state_after(before: DayState, book: DayBook, now: dt.datetime, where: Spots | None = None) -> DayState:
    """The next version of a day. `where` are the places of its travel table, found from what is known if not given."""
    where = _spots_after(before, book) if where is None else where
    return replace(
        before,
        version=before.version + 1,
        book=book,
        spots=where,
        seen_at=max(before.seen_at, now),
        stops=_stops(book.day, where),
    )


def _spots_after(before: DayState, book: DayBook) -> Spots:
    """The places of the day's table afterwards: known ones, and those of bookings that are new or at another point."""
    ids = book.day.problem.travel.place_ids
    known, old = before.spots, before.book.bookings
    there = set(known.place_ids)
    moved = {
        b.place.place_id: (b.place, b.spread_m)
        for key, b in book.bookings.items()
        if b.place.place_id not in there
        or key not in old
        or (old[key].place, old[key].spread_m) != (b.place, b.spread_m)
    }
    if not moved and ids == known.place_ids:
        return known
    known = known.only([place_id for place_id in known.place_ids if place_id not in moved])
    for place, spread_m in moved.values():
        known = known.and_one(place, spread_m)
    return known.only(ids)


def _stops(day: PromisedDay, where: Spots) -> tuple[EmptyStop, ...]:
    spread = dict(zip(where.place_ids, where.spreads_dm.tolist(), strict=True))
    stops = []
    for visit_id in sorted(day.empty_stops):
        visit = day.problem.visit_by_id[visit_id]
        stops.append(EmptyStop(visit_id, visit.place, spread[visit.place.place_id] // 10, str(visit.pinned_to)))
    return tuple(stops)


def lock_deliveries(connection: Connection, which: ColumnElement[bool]) -> list[Row[Any]]:
    """These deliveries as they are now, by id; nobody else changes them until the transaction ends.

    No two transactions wait for each other where days are locked first, then deliveries, all at once or in the order
    of their ids, and events are ordered last.
    """
    rows = select(deliveries).where(which).order_by(deliveries.c.delivery_id)
    return list(connection.execute(rows.with_for_update()))  # SQLite: who writes, writes alone


def write_day(connection: Connection, before: DayState, state: DayState) -> None:
    """The row of a day at its next version; inserted when there is none.

    Raises VersionChanged when somebody else wrote it since: one without a row could not be locked.
    """
    city, date = state.key
    day = state.book.day
    values = {
        "version": state.version,
        "seen_at": epoch_ms(state.seen_at),
        "closed_because": day.sale.closed_because,
        "witness": witness_text(day.witness),
        "empty_stops": stops_text(state.stops),
        "plan_number": state.plan_number,
        "roster_number": state.roster_number,
        **sale_values(day.sale),
    }
    if day.sale.published and not before.book.day.sale.published:
        values["published_at"] = epoch_ms(state.seen_at)
    if before.book.day.sale.published and not day.sale.published:
        values["published_at"] = None
        planned = (deliveries.c.city_id == city) & (deliveries.c.planned_for == date.isoformat())
        planned &= deliveries.c.status == "planned"
        lock_deliveries(connection, planned)
        waiting = {"status": "waiting", "planned_for": None, "executive_id": None}
        connection.execute(update(deliveries).where(planned).values(**waiting, changed_at=epoch_ms(state.seen_at)))
    if before.version == 0 or state.travel != before.travel:
        values["travel"] = state.travel
    if before.version == 0 or day.problem.executives != before.book.day.problem.executives:
        values["roster"] = roster_text(day.problem.executives)
    if before.version == 0:
        head = {"city_id": city, "date": date.isoformat(), "slot_minutes": state.slot_minutes}
        _insert_day(connection, {**head, **values})
        return
    own = (days.c.city_id == city) & (days.c.date == date.isoformat()) & (days.c.version == before.version)
    if connection.execute(update(days).where(own).values(**values)).rowcount != 1:
        raise VersionChanged


def _insert_day(connection: Connection, values: Mapping[str, Any]) -> None:
    if connection.dialect.name != "postgresql":  # who writes, writes alone
        connection.execute(insert(days).values(**values))
        return
    from sqlalchemy.dialects.postgresql import insert as insert_on  # noqa: PLC0415  only where it is spoken

    made = insert_on(days).values(**values).on_conflict_do_nothing().returning(days.c.version)
    if connection.execute(made).one_or_none() is None:
        raise VersionChanged


def write_bookings(connection: Connection, changed: Iterable[Booking], now: dt.datetime) -> None:
    """Insert bookings that are new and write the others as they are now."""
    now_ms = epoch_ms(now)
    rows = {b.booking_id: booking_values(b, now_ms) for b in changed}  # of two changes to one the last counts
    if not rows:
        return
    known = set(connection.execute(select(bookings.c.booking_id).where(bookings.c.booking_id.in_(rows))).scalars())
    new = [{**values, "created_at": now_ms} for key, values in rows.items() if key not in known]
    if new:
        connection.execute(insert(bookings), new)
    old = [{**values, "own_id": key} for key, values in rows.items() if key in known]
    if old:
        names = [name for name in old[0] if name not in {"own_id", "booking_id"}]
        statement = update(bookings).where(bookings.c.booking_id == bindparam("own_id"))
        connection.execute(statement.values({name: bindparam(name) for name in names}), old)


def write_events(connection: Connection, city_id: str, told: Iterable[Event], now: dt.datetime) -> None:
    """Append events, in order; the caller has called `order_events`."""
    at = epoch_ms(now)
    rows = [
        {
            "at": at,
            "city_id": city_id,
            "date": event.date.isoformat(),
            "kind": event.kind,
            "subject": event.subject,
            "data": json_text(dict(event.data)),
        }
        for event in told
    ]
    if rows:
        connection.execute(insert(events), rows)


def keys_of(city_id: str, dates: Iterable[dt.date]) -> list[Key]:
    """Keys of dates of one city, in the order in which they are locked."""
    return [(city_id, date) for date in sorted(set(dates))]
