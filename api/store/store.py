"""The store of promises: offers, holds, bookings and moves of cities, on a database that several processes share.

Every verb runs the same way: read the days at their versions, let the pure verb answer, and if it changes something,
lock the days in order, look that their versions are the same still, write and commit. Where somebody was first, the
verb is asked again on the new days; after a few times it is asked under the lock, so that everybody comes through.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, or_, select, tuple_

from api.store.database import Database
from api.store.faults import StoreError
from api.store.rows import booking_of
from api.store.schema import bookings, days, epoch_ms, events, moment
from api.store.states import DayState, Facts, Key, StateCache, read_states
from api.store.writing import VersionChanged, View, keys_of, view_of, with_expired, write_change, write_events
from optimizer.bookings import (
    Change,
    Event,
    Refusal,
    RefusalCode,
    Verdict,
    Wanted,
    Wanter,
    cancel,
    confirm,
    extend,
    give_up,
    gone,
    hold,
    mark,
    move,
    relocate,
    unknown,
)
from optimizer.domain import (
    AskedService,
    Booking,
    BookingRequest,
    BookingStatus,
    Fault,
    InvalidProblem,
    NotServed,
    Place,
    Slot,
    Wishes,
)
from optimizer.domain.faults import id_faults
from optimizer.slots import Approach, Asking, Certificates, Offers, Policy, PromisedDay, SlotOffer, offer_slots, ranked
from optimizer.stop import Stop
from optimizer.units import IST, clock
from scenarios.catalogue import Catalogue, City, Service, load_catalogue
from scenarios.places import Whereabouts

FREE_TRIES = 3
"""Times a verb is asked outside the lock before it is asked under it."""

LOCKED_TRIES = 20
"""Times it is asked under the lock: again only where a hold ran out meanwhile, or the day had no row to be locked."""

NEAREST = 3
"""Slots named with a refusal, nearest in time first."""

NEAREST_DAYS = 3
"""Days before and after the wanted one on which they are looked for."""

MOST_DAYS = 31
"""Days of one request."""

LEAST_PERSONAL, MOST_PERSONAL = 10, 12
"""Digits of telephone and Aadhaar numbers."""

_BETWEEN = re.compile(r"[._:-]")
_TELEPHONE = re.compile(r"(?<!\d)(91)?[6-9]\d{9}(?!\d)")
"""A mobile number of India, with its country code or without."""
_AADHAAR = re.compile(r"(?<!\d)[2-9]\d{11}(?!\d)")
_WITHIN = re.compile(r"(?<=\d)[ ._:-](?=\d)")

ASKED = "asked-for"
"""The place of a request that has no id yet."""

Verb = Callable[[Mapping[dt.date, View]], Verdict]
OnlyIf = Callable[[Booking], bool]
"""Asked of a booking as it is when the change is made; False refuses the change as made from an old state."""
Receipt = Callable[[Connection, dt.datetime, object], None]
"""Called as the last thing in a transaction that changes something, with its moment and what came of it.

What it writes is stored together with the change, or not at all; what it raises undoes the change. It must not call
`Store.views`: days as they are within the transaction would stay in memory although it may still be undone.
"""
Also = Callable[[Connection, dt.datetime], tuple[object, Sequence[Event]]]
"""Something more to write in the transaction of a verb: what then came of it all, and events after those of the verb.

Called with the days locked and before events are ordered: it may lock deliveries. What it raises undoes it all.
"""


class Undone(Exception):  # noqa: N818  (not an error: the refusal is the answer)
    """Raised within a transaction: nothing of it is stored, and this is why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class WantedSlot:
    """A service in the slot of a date that opens at this day second."""

    service: Service
    date: dt.date
    open_s: int
    pinned_to: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the store keeps it: its number, which only grows, when it was written, and the city."""

    event_id: int
    at: dt.datetime
    city: str
    event: Event


def reference_faults(reference: str) -> Iterator[Fault]:
    """What is wrong with what a caller calls its citizen's request. The value is not told where it looks personal."""
    digits = _BETWEEN.sub("", reference)
    alone = digits.isdigit() and LEAST_PERSONAL <= len(digits) <= MOST_PERSONAL
    if alone or _TELEPHONE.search(digits):
        rule = "an id of your own: no telephone and no Aadhaar number is kept here"
        yield Fault(("reference",), "looks_personal", f"{sum(map(str.isdigit, digits))} digits", rule)
    yield from id_faults("reference", reference)


def has_personal_digits(text: str) -> bool:
    """A text has what looks like a telephone or an Aadhaar number, with blanks and dashes in it or not."""
    digits = _WITHIN.sub("", text)
    return bool(_TELEPHONE.search(digits) or _AADHAAR.search(digits))


def new_id(letter: str) -> str:
    """An id that nobody can guess: 80 bits of chance."""
    return letter + secrets.token_hex(10)


class Store:
    """Promises of all cities. Threads may share it; each process makes its own on the same database."""

    def __init__(self, database: Database, catalogue: Catalogue | None = None, *, seed: int = 1) -> None:
        self.database = database
        self.facts = Facts(load_catalogue() if catalogue is None else catalogue)
        self.cache = StateCache()
        self.seed = seed
        self.receipt: Receipt | None = None

    def with_receipt(self, receipt: Receipt) -> Store:
        """The same store, each change of which is signed by this receipt, see `Receipt`."""
        other = copy.copy(self)
        other.receipt = receipt
        return other

    def sign(self, connection: Connection, now: dt.datetime, outcome: object) -> None:
        """Give the receipt of a change, where there is to be one: the last thing in its transaction."""
        if self.receipt is not None:
            self.receipt(connection, now, outcome)

    @property
    def catalogue(self) -> Catalogue:
        """Cities and services."""
        return self.facts.catalogue

    # ------------------------------------------------------------------------------------ days

    def views(self, connection: Connection, city: City, dates: Iterable[dt.date]) -> dict[dt.date, View]:
        """Days of a city as they are in this transaction, at the moment of the database."""
        now = self.database.now(connection)
        states = read_states(connection, self.facts, self.cache, city, dates)
        return {date: view_of(state, now) for date, state in states.items()}

    def approach(self, view: View, day: PromisedDay, place: Place, spread_m: int) -> Approach:
        """The travel rows of a place on a day made from a view."""
        return view.state.approach(day, place, spread_m, self.facts.spec_of(view.state.travel))

    # ---------------------------------------------------------------------------------- offers

    def offers(
        self,
        city: City,
        where: Whereabouts,
        services: Sequence[Service],
        first: dt.date,
        last: dt.date,
        *,
        wishes: Wishes | None = None,
        policy: Policy = ranked,
        said: Collection[tuple[dt.date, Slot]] = (),
        counts: bool = False,
        proof: Stop | None = None,
    ) -> Offers:
        """Every slot of every day from `first` to `last`: an offer, or coded reasons why not.

        Raises InvalidProblem, with all faults, for too many days and services that are not given in the city then.
        """
        self._expect_services(city, services, {first, last})
        if not 0 <= (last - first).days < MOST_DAYS:
            rule = f"from {first.isoformat()} on, at most {MOST_DAYS} days"
            raise InvalidProblem([Fault(("to",), "bad_range", last.isoformat(), rule)])
        dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
        with self.database.read() as connection:
            views = self.views(connection, city, dates)
        now = min(view.now for view in views.values())
        asked = tuple(_asked(service) for service in services)
        place = where.place(ASKED)
        request = BookingRequest(place, asked, first, last, now, wishes or Wishes(), where.spread_m)
        asking = Asking(self._certificates(city, dates), said, counts, proof, self.seed)
        approaches = [self.approach(view, view.book.day, place, where.spread_m) for view in views.values()]
        return offer_slots(approaches, request, policy, asking)

    def _certificates(self, city: City, dates: Iterable[dt.date]) -> dict[dt.date, Certificates]:
        return {date: self.cache.certificates((city.city_id, date)) for date in dates}

    def _expect_services(self, city: City, services: Sequence[Service], dates: Collection[dt.date]) -> None:
        faults = [
            Fault(
                ("services", number),
                "service_not_offered",
                service.service_id,
                f"a service that {city.city_id} has on {date.isoformat()}",
            )
            for number, service in enumerate(services)
            for date in sorted(dates)
            if not service.bookable(date, city)
        ]
        if faults:
            raise InvalidProblem(faults)

    def nearest(self, city: City, where: Whereabouts, service: Service, date: dt.date, open_s: int) -> list[SlotOffer]:
        """Offers nearest in time to a slot that was not to be had."""
        with self.database.read() as connection:
            today = self.database.now(connection).astimezone(IST).date()
        first = max(today, date - dt.timedelta(days=NEAREST_DAYS))
        last = max(first, date + dt.timedelta(days=NEAREST_DAYS))
        while first < last and not service.bookable(first, city):
            first += dt.timedelta(days=1)
        while first < last and not service.bookable(last, city):
            last -= dt.timedelta(days=1)
        if not service.bookable(first, city):
            return []
        offers = self.offers(city, where, [service], first, last).offers

        def away_s(offer: SlotOffer) -> tuple[int, dt.date, int]:
            apart = (offer.date - date).days * 86_400 + offer.slot.open_s - open_s
            return abs(apart), offer.date, offer.slot.open_s

        return sorted(offers, key=away_s)[:NEAREST]

    # ----------------------------------------------------------------------------------- verbs

    def hold(
        self,
        city: City,
        where: Whereabouts,
        wanted: Sequence[WantedSlot],
        caller: str,
        *,
        reference: str | None = None,
        at_once: bool = False,
    ) -> Verdict:
        """Hold slots for a citizen, all or none; with `at_once` book them. A refusal names the nearest slots."""
        self._expect_wanted(city, wanted, caller, reference)
        group_id = new_id("G")
        place = where.place(group_id)
        wanter = Wanter(city.city_id, group_id, caller, reference, where.spread_m)
        ids = [new_id("B") for _ in wanted]

        def verb(views: Mapping[dt.date, View]) -> Verdict:
            whole = [
                Wanted(booking_id, w.date, _slot(views[w.date].book.day, w.open_s), _asked(w.service), w.pinned_to)
                for booking_id, w in zip(ids, wanted, strict=True)
            ]
            books = {
                date: (view.book, self.approach(view, view.book.day, place, where.spread_m))
                for date, view in views.items()
            }
            now = max(view.now for view in views.values())
            certificates = self._certificates(city, views)
            return hold(books, whole, wanter, now, at_once=at_once, certificates=certificates, seed=self.seed)

        verdict = self.run(city, {w.date for w in wanted}, verb)
        if isinstance(verdict, Refusal) and verdict.code is RefusalCode.SLOT_NOT_OFFERED:
            lost = next((w for w in wanted if _names(w, verdict)), wanted[0])
            near = self.nearest(city, where, lost.service, lost.date, lost.open_s)
            return replace(verdict, nearest=tuple(near))
        return verdict

    def _expect_wanted(self, city: City, wanted: Sequence[WantedSlot], caller: str, reference: str | None) -> None:
        faults = list(id_faults("caller", caller))
        if reference is not None:
            faults.extend(reference_faults(reference))
        if not 1 <= len(wanted) <= 6:
            faults.append(Fault(("services",), "bad_number", len(wanted), "1 to 6 services in one request"))
        for number, want in enumerate(wanted):
            if want.pinned_to is not None:
                faults.extend(f.under("services", number) for f in id_faults("pinned_to", want.pinned_to))
            if not 0 <= want.open_s < 86_400:
                faults.append(Fault(("services", number, "slot"), "bad_time", want.open_s, "a second of the day"))
            if not want.service.bookable(want.date, city):
                rule = f"a service that {city.city_id} has on {want.date.isoformat()}"
                faults.append(Fault(("services", number), "service_not_offered", want.service.service_id, rule))
        if faults:
            raise InvalidProblem(faults)

    def confirm(self, ids: Sequence[str], caller: str) -> Verdict:
        """Holds become bookings, all or none. An id may be that of a booking or of all that were held together."""
        return self._on_holds(ids, caller, confirm)

    def extend(self, ids: Sequence[str], caller: str) -> Verdict:
        """Holds live as long again, once."""
        return self._on_holds(ids, caller, extend)

    def give_up(self, ids: Sequence[str], caller: str) -> Verdict:
        """Holds are released."""
        return self._on_holds(ids, caller, give_up)

    def _on_holds(self, ids: Sequence[str], caller: str, one_day: Callable[..., Verdict]) -> Verdict:
        found = self._located(ids)
        if isinstance(found, Refusal):
            return found
        city = self.catalogue.city(found[0].city)
        by_date: dict[dt.date, list[str]] = {}
        for booking in found:
            by_date.setdefault(booking.date, []).append(booking.booking_id)

        def verb(views: Mapping[dt.date, View]) -> Verdict:
            changes = []
            for date, own in sorted(by_date.items()):
                verdict = one_day(views[date].book, own, caller, max(view.now for view in views.values()))
                if isinstance(verdict, Refusal):
                    return self._after(views[date], verdict)
                changes.append(verdict)
            return joined(changes)

        return self.run(city, by_date, verb)

    def cancel(self, booking_id: str, *, only_if: OnlyIf | None = None) -> Verdict:
        """Give a booking back."""
        return self._on_booking(booking_id, lambda view: cancel(view.book, booking_id, view.now), only_if)

    def mark(
        self,
        booking_id: str,
        status: BookingStatus,
        code: NotServed | None = None,
        *,
        only_if: OnlyIf | None = None,
        also: Also | None = None,
        stays: bool = False,
    ) -> Verdict:
        """Set where a booking stands on its day; `also` is written with it.

        With `stays` a booking that stands there already stays there, and only `also` is written.
        """

        def one(view: View) -> Verdict:
            booking = view.book.bookings.get(booking_id)
            if stays and booking is not None and booking.status is status:
                return Change((view.book,), (), ())  # of the whole day: who changes it meanwhile is noticed
            return mark(view.book, booking_id, status, code, view.now)

        return self._on_booking(booking_id, one, only_if, also)

    def _on_booking(
        self,
        booking_id: str,
        one: Callable[[View], Verdict],
        only_if: OnlyIf | None = None,
        also: Also | None = None,
    ) -> Verdict:
        found = self.booking(booking_id)
        if found is None:
            return unknown(booking_id)
        if not found.on_day:
            return gone(found)

        def verb(views: Mapping[dt.date, View]) -> Verdict:
            view = views[found.date]
            verdict = _changed_meanwhile(view, booking_id, only_if) or one(view)
            return self._after(view, verdict) if isinstance(verdict, Refusal) else verdict

        return self.run(self.catalogue.city(found.city), [found.date], verb, also)

    def move(self, booking_id: str, date: dt.date, open_s: int, *, only_if: OnlyIf | None = None) -> Verdict:
        """The booking in another slot; the old one is given up only when the new one is won."""
        found = self.booking(booking_id)
        if found is None:
            return unknown(booking_id)
        if not found.on_day:
            return gone(found)
        city = self.catalogue.city(found.city)
        group_id, new = new_id("G"), new_id("B")
        where = Whereabouts(found.place.lon, found.place.lat, found.spread_m, "point")

        def verb(views: Mapping[dt.date, View]) -> Verdict:
            view, target = views[found.date], views[date]
            place = where.place(group_id)
            want = Wanted(new, date, _slot(target.book.day, open_s), found.service, found.pinned_to)
            verdict = _changed_meanwhile(view, booking_id, only_if) or move(
                view.book,
                booking_id,
                None if date == found.date else target.book,
                lambda day: self.approach(target, day, place, found.spread_m),
                want,
                group_id,
                max(view.now, target.now),
                certificates=self.cache.certificates((city.city_id, date)),
                seed=self.seed,
            )
            return self._after(view, verdict) if isinstance(verdict, Refusal) else verdict

        verdict = self.run(city, {found.date, date}, verb)
        if isinstance(verdict, Refusal) and verdict.code is RefusalCode.SLOT_NOT_OFFERED:
            service = self.catalogue.service(found.service.service_id)
            return replace(verdict, nearest=tuple(self.nearest(city, where, service, date, open_s)))
        return verdict

    def locate(self, booking_id: str, where: Whereabouts, *, only_if: OnlyIf | None = None) -> Verdict:
        """Give all bookings of the day that were held together with this one their exact point."""
        found = self.booking(booking_id)
        if found is None:
            return unknown(booking_id)
        if not found.on_day:
            return gone(found)

        def verb(views: Mapping[dt.date, View]) -> Verdict:
            view = views[found.date]
            place = where.place(found.group_id)
            return _changed_meanwhile(view, booking_id, only_if) or relocate(
                view.book,
                found.group_id,
                lambda day: self.approach(view, day, place, where.spread_m),
                where.spread_m,
                view.now,
            )

        return self.run(self.catalogue.city(found.city), [found.date], verb)

    def _after(self, view: View, refusal: Refusal) -> Refusal:
        """A refusal because of a booking that has just left the day, in better words."""
        if refusal.code is RefusalCode.UNKNOWN_BOOKING:
            over = view.over.bookings if view.over is not None else ()
            left = next((b for b in over if b.booking_id == refusal.subject), None) or self.booking(refusal.subject)
            if left is not None and not left.on_day:
                return gone(left)
        return refusal

    # --------------------------------------------------------------------------------- reading

    def booking(self, booking_id: str) -> Booking | None:
        """A booking as it is in the store."""
        with self.database.read() as connection:
            row = connection.execute(select(bookings).where(bookings.c.booking_id == booking_id)).one_or_none()
            return None if row is None else booking_of(row)

    def referred(self, reference: str) -> list[Booking]:
        """All bookings of a reference, by date, slot and id: those that have left their day, too."""
        order = (bookings.c.date, bookings.c.slot_open_s, bookings.c.booking_id)
        with self.database.read() as connection:
            rows = connection.execute(select(bookings).where(bookings.c.reference == reference).order_by(*order))
            return [booking_of(row) for row in rows]

    def grouped(self, group_id: str) -> list[Booking]:
        """All bookings that were held together under this id, by date, slot and id; empty when there are none."""
        order = (bookings.c.date, bookings.c.slot_open_s, bookings.c.booking_id)
        with self.database.read() as connection:
            rows = connection.execute(select(bookings).where(bookings.c.group_id == group_id).order_by(*order))
            return [booking_of(row) for row in rows]

    def changed_at(self, booking_id: str) -> dt.datetime | None:
        """When a booking was last changed, None when there is none."""
        with self.database.read() as connection:
            one = select(bookings.c.changed_at).where(bookings.c.booking_id == booking_id)
            found = connection.execute(one).scalar_one_or_none()
            return None if found is None else moment(found)

    def list_events(
        self,
        city: City | None = None,
        *,
        after: int = 0,
        most: int = 1_000,
        among: Collection[str] | None = None,
    ) -> list[Told]:
        """Events with a number above `after`, in order, of one city, or of those among these ids, or of all."""
        where = events.c.event_id > after
        if among is not None:
            where &= events.c.city_id.in_(sorted(among))
        if city is not None:
            where &= events.c.city_id == city.city_id
        with self.database.read() as connection:
            rows = connection.execute(select(events).where(where).order_by(events.c.event_id).limit(most))
            return [
                Told(
                    row.event_id,
                    moment(row.at),
                    row.city_id,
                    Event(row.kind, row.subject, dt.date.fromisoformat(row.date), json.loads(row.data)),
                )
                for row in rows
            ]

    def _located(self, ids: Sequence[str]) -> list[Booking] | Refusal:
        """The bookings of ids of bookings and of groups; refused when one is unknown or they are of several cities."""
        if not ids:
            raise InvalidProblem([Fault(("ids",), "bad_number", 0, "at least one id")])
        with self.database.read() as connection:
            wanted = or_(bookings.c.booking_id.in_(ids), bookings.c.group_id.in_(ids))
            rows = [booking_of(row) for row in connection.execute(select(bookings).where(wanted))]
        known = {b.booking_id for b in rows} | {b.group_id for b in rows}
        missing = [key for key in ids if key not in known]
        if missing:
            return unknown(missing[0])
        if len({b.city for b in rows}) > 1:
            raise InvalidProblem([Fault(("ids",), "several_cities", list(ids), "bookings of one city")])
        left = [b for b in rows if not b.on_day]
        if left:
            return gone(left[0])
        return sorted(rows, key=lambda b: (b.date, b.booking_id))

    def list_bookings(
        self,
        city: City,
        first: dt.date,
        last: dt.date,
        *,
        statuses: Collection[BookingStatus] = (),
        reference: str | None = None,
        after: tuple[dt.date, int, str] | None = None,
        most: int = 1_000,
    ) -> list[Booking]:
        """Bookings of a city from `first` to `last`, by date, slot and id, at most so many.

        `after` is the date, `slot.open_s` and id of the last one of the page before; it need not be there any more.
        """
        order = (bookings.c.date, bookings.c.slot_open_s, bookings.c.booking_id)
        first = first if after is None else max(first, after[0])
        where = (bookings.c.city_id == city.city_id) & (bookings.c.date >= first.isoformat())
        where &= bookings.c.date <= last.isoformat()
        if statuses:
            where &= bookings.c.status.in_(sorted(status.value for status in statuses))
        if reference is not None:
            where &= bookings.c.reference == reference
        if after is not None:
            where &= tuple_(*order) > (after[0].isoformat(), *after[1:])
        with self.database.read() as connection:
            rows = connection.execute(select(bookings).where(where).order_by(*order).limit(most))
            return [booking_of(row) for row in rows]

    # --------------------------------------------------------------------------------- writing

    def run(self, city: City, dates: Iterable[dt.date], verb: Verb, also: Also | None = None) -> Verdict:
        """Ask a verb and write what it changes, and `also` with it; see the head of the file."""
        keys = keys_of(city.city_id, dates)
        for _ in range(FREE_TRIES):
            with self.database.read() as connection:
                views = self.views(connection, city, [date for _, date in keys])
            verdict = verb(views)
            if isinstance(verdict, Refusal) or (also is None and _is_empty(verdict)):
                return verdict
            try:
                return self._commit(city, keys, views, verdict, also)
            except VersionChanged:
                continue
            except Undone as undone:
                return undone.refusal
        return self.until_done(lambda: self._ask_locked(city, keys, verb, also))

    def until_done(self, act: Callable[[], Verdict]) -> Verdict:
        """Act in one transaction with the days locked, and again where it raises VersionChanged.

        That is where the day had no row to be locked, or a hold ran out between the look at it and the change: each
        happens once, so this ends.
        """
        for _ in range(LOCKED_TRIES):
            try:
                return act()
            except VersionChanged:
                continue
        rule = f"a day changed {LOCKED_TRIES} times while it was locked; try again"
        raise StoreError("database_locked", self.database.url_for_people, rule)

    def _ask_locked(self, city: City, keys: Sequence[Key], verb: Verb, also: Also | None) -> Verdict:
        try:
            with self.database.write() as connection:
                self.database.lock_days(connection, keys)
                views = self.views(connection, city, [date for _, date in keys])
                verdict = verb(views)
                if isinstance(verdict, Refusal) or (also is None and _is_empty(verdict)):
                    return verdict
                states = self.written(connection, city, views, verdict, also)
        except Undone as undone:
            return undone.refusal
        self.keep(states)
        return verdict

    def _commit(
        self, city: City, keys: Sequence[Key], views: Mapping[dt.date, View], change: Change, also: Also | None
    ) -> Change:
        with self.database.write() as connection:
            self.database.lock_days(connection, keys)
            states = self.written(connection, city, views, change, also)
        self.keep(states)
        return change

    def written(
        self,
        connection: Connection,
        city: City,
        views: Mapping[dt.date, View],
        change: Change,
        also: Also | None = None,
    ) -> list[DayState]:
        """Write a change made from these views, its events, and `also`, and sign it; the days are locked.

        The days afterwards, for `keep`. Raises VersionChanged where a day is not as its view, or a hold has run out.
        """
        now = self.database.now(connection)
        if any(_ran_out(view, change, now) for view in views.values()):
            raise VersionChanged
        whole = with_expired(views.values(), change)
        states = write_change(connection, views, whole, now)
        outcome, more = (change, ()) if also is None else also(connection, now)
        self.database.order_events(connection)
        write_events(connection, city.city_id, (*whole.events, *more), now)
        self.sign(connection, now, outcome)
        return states

    def keep(self, states: Iterable[DayState]) -> None:
        """Keep days in memory, once what they are is committed."""
        for state in states:
            self.cache.put(state)

    def sweep(self, city: City | None = None) -> int:
        """Write down that holds have run out, wherever they have; how many. Verbs see it without that."""
        with self.database.read() as connection:
            now_ms = epoch_ms(self.database.now(connection))
            over = select(bookings.c.city_id, bookings.c.date).where(bookings.c.expires_at <= now_ms).distinct()
            if city is not None:
                over = over.where(bookings.c.city_id == city.city_id)
            found = [(row.city_id, dt.date.fromisoformat(row.date)) for row in connection.execute(over)]
        count = 0
        for city_id, date in sorted(found):
            town = self.catalogue.city(city_id)

            def verb(views: Mapping[dt.date, View], date: dt.date = date) -> Verdict:
                view = views[date]
                return Change((view.book,) if view.over else (), (), ())

            swept = self.run(town, [date], verb)
            count += len(swept.books) if isinstance(swept, Change) else 0
        return count

    def dates(self, city: City) -> list[dt.date]:
        """Dates of which the store has a day of this city."""
        with self.database.read() as connection:
            found = connection.execute(select(days.c.date).where(days.c.city_id == city.city_id).order_by(days.c.date))
            return [dt.date.fromisoformat(row.date) for row in found]


# ------------------------------------------------------------------------------------ small pieces


def joined(changes: Sequence[Change]) -> Change:
    """Changes of different days as one."""
    return Change(
        tuple(b for c in changes for b in c.books),
        tuple(b for c in changes for b in c.bookings),
        tuple(e for c in changes for e in c.events),
    )


def _is_empty(change: Change) -> bool:
    """Nothing is changed by it: it is neither written nor signed."""
    return not (change.books or change.bookings or change.events)


def _ran_out(view: View, change: Change, now: dt.datetime) -> bool:
    """A hold that the change takes for live, or makes a booking of, has run out since the view was taken."""
    if view.state.expiry is None or now < view.state.expiry:
        return False
    before = view.state.book.bookings
    over = {b.booking_id for b in view.over.bookings} if view.over is not None else set()
    changed = {b.booking_id for b in change.bookings}
    return any(
        b.expires_at is not None and b.expires_at <= now and key not in over and key in changed
        for key, b in before.items()
    )


def _changed_meanwhile(view: View, booking_id: str, only_if: OnlyIf | None) -> Refusal | None:
    """The refusal of a change that was made from an older state of a booking on the day; None where it may go on."""
    booking = view.book.bookings.get(booking_id)
    if only_if is None or booking is None or only_if(booking):
        return None
    return Refusal(RefusalCode.CHANGED_MEANWHILE, booking_id, "the booking is not as it was when it was read")


def _slot(day: PromisedDay, open_s: int) -> Slot:
    """The stretch of a day that opens then, as long as its slots; whether it is one is for the verb to say."""
    return Slot(open_s, min(open_s + day.problem.grid.slot_s, 86_400))


def _asked(service: Service) -> AskedService:
    return AskedService(service.service_id, service.collect_s, service.skills)


def _names(want: WantedSlot, refusal: Refusal) -> bool:
    return clock(want.date, want.open_s).isoformat() == refusal.subject
