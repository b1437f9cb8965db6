"""What was booked in the past, by slot and service, for the forecast."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from sqlalchemy import select

from api.store.schema import bookings, days
from api.store.store import Store
from optimizer.calendar import closed_because
from optimizer.domain import BookingStatus
from scenarios.catalogue import City
from scenarios.forecast import MOST_WEEKS, History

NEVER_WISHED = (BookingStatus.HELD, BookingStatus.EXPIRED, BookingStatus.RELEASED)
"""A hold may be one of several that were tried: only what was confirmed once counts."""


def history_of(store: Store, city: City, before: dt.date, slot_minutes: int) -> History:
    """Bookings of the days before a date that had this length of slots, a roster, and were not closed.

    A booking counts as wished where it was first made: later moves do not, cancellations do. Days without a roster
    had nothing to sell and say nothing about demand.
    """
    since = before - dt.timedelta(weeks=MOST_WEEKS)
    span = (days.c.date >= since.isoformat()) & (days.c.date < before.isoformat())
    own = (days.c.city_id == city.city_id) & span & (days.c.slot_minutes == slot_minutes)
    open_days = select(days.c.date).where(own & days.c.closed_because.is_(None) & (days.c.roster != "[]"))
    wished = (bookings.c.city_id == city.city_id) & bookings.c.moved_from.is_(None)
    wished &= (bookings.c.date >= since.isoformat()) & (bookings.c.date < before.isoformat())
    wished &= bookings.c.status.not_in([status.value for status in NEVER_WISHED])
    columns = (bookings.c.date, bookings.c.slot_open_s, bookings.c.service_id)
    with store.database.read() as connection:
        known = [dt.date.fromisoformat(row.date) for row in connection.execute(open_days)]
        rows = list(connection.execute(select(*columns).where(wished)))
    rules, grid = store.catalogue.rules, store.facts.grid(slot_minutes)
    number = {slot.open_s: row for row, slot in enumerate(grid.slots())}
    services = {service.service_id for service in store.catalogue.services}
    counts: dict[dt.date, Counter[tuple[int, str]]] = {
        date: Counter() for date in known if date >= city.in_scheme_since and closed_because(rules, date) is None
    }
    for row in rows:
        date = dt.date.fromisoformat(row.date)
        if date in counts and row.slot_open_s in number and row.service_id in services:
            counts[date][number[row.slot_open_s], row.service_id] += 1
    return History.of(counts)
