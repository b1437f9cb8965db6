"""What is done between requests: witnesses made cheaper, promises at risk brought back.

Everything it writes goes through the same versions as all verbs: a witness is swapped in only if its day has not
changed meanwhile. It never touches a published day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, select

from api.store.faults import StoreError
from api.store.schema import days, epoch_ms, events, moment
from api.store.states import Key
from api.store.store import Store
from api.store.writing import View
from optimizer.bookings import Change, Event, Refusal, RefusalCode, Verdict, recover, relocate, told, with_bookings
from optimizer.domain import Booking
from optimizer.objective import cost
from optimizer.slots import improve
from optimizer.stop import StopAt
from optimizer.timing import timed
from scenarios.catalogue import Catalogue, City

IMPROVE_S = 5.0
"""Seconds for a better witness of one day."""

QUIET_S = 60.0
"""Seconds without a change of its promises after which a day is worth a better witness: it is likely to keep it."""

LIMIT_S = 2.0
"""Seconds for a better witness where nobody waits for it, and many days may."""

BACK = dt.timedelta(hours=1)
"""So old events are looked at first: days that waited for their turn when the process ended are not forgotten."""

MOST_EVENTS = 10_000
"""Events of one look; the others are for the next."""

KEPT_AGAIN = "booking.kept_again"
IMPROVED = "witness.improved"
_CHANGES = ("booking.", "hold.", "appointment.", "day.changed")
"""How kinds of events begin that tell of other promises of a day."""


@dataclass(frozen=True, slots=True)
class Improved:
    """What an improvement brought: travel of the witness before and after, in reference seconds."""

    before_s: int
    after_s: int


def improve_day(store: Store, city: City, date: dt.date, limit_s: float = IMPROVE_S) -> Improved | None:
    """A cheaper witness for a day if one is found in time and the day has not changed by then; None otherwise."""
    with store.database.read() as connection:
        view = store.views(connection, city, [date])[date]
    day = view.book.day
    if view.over is not None or not day.promises:
        return None
    better = improve(day, StopAt(time_limit_s=limit_s), store.seed)
    if better is None:
        return None
    before, after = (cost(d.problem, timed(d.problem, d.witness)).travel_s for d in (day, better))
    version = view.state.version

    def verb(views: Mapping[dt.date, View]) -> Verdict:
        now = views[date]
        if now.state.version != version or now.over is not None:
            return Refusal(RefusalCode.PLAN_OUTDATED, date.isoformat(), "the day has changed meanwhile")
        event = Event(IMPROVED, date.isoformat(), date, {"before_s": before, "after_s": after})
        return Change((with_bookings(now.book, better, ()),), (), (event,))

    return Improved(before, after) if isinstance(store.run(city, [date], verb), Change) else None


def recover_day(store: Store, city: City, date: dt.date) -> int:
    """Bookings at risk brought back into the witness, as far as there is room; how many."""
    count = 0
    with store.database.read() as connection:
        risky = [b for b in store.views(connection, city, [date])[date].book.bookings.values() if b.at_risk]
    for booking in sorted(risky, key=lambda b: b.booking_id):

        def verb(views: Mapping[dt.date, View], booking_id: str = booking.booking_id) -> Verdict:
            view = views[date]
            now = view.book.bookings.get(booking_id)
            if now is None or not now.at_risk or view.book.day.sale.published:
                return Refusal(RefusalCode.UNKNOWN_BOOKING, booking_id, "not at risk any more")
            if now.place.place_id in view.book.day.problem.travel.index:
                return _together(store, city, view, now)
            approach = store.approach(view, view.book.day, now.place, now.spread_m)
            change = recover(view.book, booking_id, approach, store.cache.certificates((city.city_id, date)))
            if change is None:
                return Refusal(RefusalCode.SLOT_NOT_OFFERED, booking_id, "there is no room yet")
            return change

        count += isinstance(store.run(city, [date], verb), Change)
    return count


def _together(store: Store, city: City, view: View, booking: Booking) -> Verdict:
    """A booking at risk back in the witness where others held together with it are on the day: all are placed anew."""
    placed = relocate(
        view.book,
        booking.group_id,
        lambda day: store.approach(view, day, booking.place, booking.spread_m),
        booking.spread_m,
        view.now,
        store.cache.certificates((city.city_id, booking.date)),
    )
    if isinstance(placed, Refusal):
        return placed
    kept = [b for b in placed.bookings if view.book.bookings[b.booking_id].at_risk]
    return Change(placed.books, placed.bookings, tuple(told(KEPT_AGAIN, b) for b in kept))


class Improver:
    """Looks after days that have changed, once they are quiet: promises at risk are brought back, travel is saved.

    It learns of changes by the events of the store, from those of the hour before its construction on. Call `once`
    again and again, from one thread; it keeps the interpreter busy for `limit_s` and more, so not in a process that
    answers.
    """

    def __init__(self, store: Store, *, quiet_s: float = QUIET_S, limit_s: float = LIMIT_S) -> None:
        self._store = store
        self._quiet = dt.timedelta(seconds=quiet_s)
        self._limit_s = limit_s
        self._changed_at: dict[Key, dt.datetime] = {}
        with store.database.read() as connection:
            since_ms = epoch_ms(store.database.now(connection) - BACK)
            older = select(events.c.event_id).where(events.c.at < since_ms).order_by(events.c.event_id.desc()).limit(1)
            self._seen: int = connection.execute(older).scalar() or 0

    def once(self) -> int:
        """Look for changes, and after one day that is due, the soonest; how many days it has changed."""
        with self._store.database.read() as connection:
            now = self._store.database.now(connection)
            self._read_events(connection)
            key = self._take(connection, now)
        if key is None:
            return 0
        load_loops(self._store.catalogue)
        city, date = self._store.catalogue.city(key[0]), key[1]
        try:
            kept = recover_day(self._store, city, date)
            better = improve_day(self._store, city, date, self._limit_s)
        except StoreError:  # it may be another time: as quiet as it is now it has to be again
            self._changed_at.setdefault(key, now)
            raise
        return int(kept > 0 or better is not None)

    def _read_events(self, connection: Connection) -> None:
        new = select(events).where(events.c.event_id > self._seen).order_by(events.c.event_id).limit(MOST_EVENTS)
        for row in connection.execute(new):
            self._seen = row.event_id
            if row.date is None:
                continue
            key = row.city_id, dt.date.fromisoformat(row.date)
            if row.kind == IMPROVED:  # of all that was before; what follows counts again
                self._changed_at.pop(key, None)
            elif row.kind.startswith(_CHANGES) and row.kind != KEPT_AGAIN:
                self._changed_at[key] = moment(row.at)

    def _take(self, connection: Connection, now: dt.datetime) -> Key | None:
        """The soonest day that is due, not to be looked after again until it changes; days that are over go, too."""
        today = now.date()
        self._changed_at = {key: at for key, at in self._changed_at.items() if key[1] >= today}
        due = [key for key, at in self._changed_at.items() if now - at >= self._quiet]
        for city_id, date in sorted(due, key=lambda key: (key[1], key[0])):
            del self._changed_at[city_id, date]
            own = (days.c.city_id == city_id) & (days.c.date == date.isoformat()) & days.c.published_at.is_(None)
            if connection.execute(select(days.c.version).where(own)).one_or_none() is not None:
                return city_id, date
        return None


@cache
def load_loops(catalogue: Catalogue) -> None:
    """Every compiled loop is loaded, on a small day: so no limit of time is spent on that. Once in a process."""
    from optimizer.engines.columns.ready import run_every_loop  # noqa: PLC0415  only who improves needs it
    from optimizer.slots.ready import run_every_slot_loop  # noqa: PLC0415
    from scenarios.generate import bench_day  # noqa: PLC0415

    problem = bench_day(catalogue, catalogue.cities_in_scheme()[0], dt.date(2026, 12, 1), 6, 0, 2).day.problem
    run_every_loop(problem)
    run_every_slot_loop(problem)
