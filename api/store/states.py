"""Days of cities as the store has them, read at one version and kept in memory as long as the version is the same.

A `DayState` never changes. It holds the pure `DayBook` that verbs work on and what is needed to write it back and to
find the way to an address. Two processes that know the same version of a day know the same day.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, select

from api.store.rows import (
    CityRules,
    EmptyStop,
    booking_of,
    roster_of,
    rules_of,
    sale_of,
    spec_of,
    stops_of,
    travel_text,
    witness_of,
)
from api.store.schema import bookings, city_rules, days, deliveries, moment
from optimizer.bookings import DayBook
from optimizer.calendar import closed_because, due_date, slot_grid
from optimizer.domain import (
    OFF_DAY,
    Booking,
    BookingRules,
    Delivery,
    Executive,
    Place,
    Problem,
    SlotGrid,
    TimeWindow,
    Visit,
    places_of,
)
from optimizer.slots import Approach, Certificates, PromisedDay, Sale
from optimizer.units import HOUR_S
from scenarios.catalogue import Catalogue, City
from scenarios.travel import FormulaSpec, Spots, formula_rows, formula_table_of_spots, spots

Key = tuple[str, dt.date]
"""City and date."""

MOST_STATES = 512
"""Days kept in memory: 14 cities for two weeks are 196."""

_OFF = tuple(sorted(status.value for status in OFF_DAY))


@dataclass(frozen=True, eq=False)
class DayState:
    """A day of a city at one version; `version` 0 means that the store has no row of it yet.

    `spots` are the places of the day's travel table, in its order; `travel` says by which formula it is made, whatever
    the formula of today is. `seen_at` is the latest moment the day was judged at: clocks that go backwards do not
    bring holds back to life. `expiry` is when the first of its holds runs out. `roster_number`: the published roster
    that its staff is from, None where it was set by hand.
    """

    key: Key
    version: int
    book: DayBook
    spots: Spots
    travel: str
    slot_minutes: int
    seen_at: dt.datetime
    plan_number: int | None
    stops: tuple[EmptyStop, ...]
    roster_number: int | None = None

    @cached_property
    def expiry(self) -> dt.datetime | None:
        """When the first hold of the day runs out, None when there is none."""
        return min((b.expires_at for b in self.book.bookings.values() if b.expires_at is not None), default=None)

    def approach(self, day: PromisedDay, place: Place, spread_m: int, spec: FormulaSpec) -> Approach:
        """The travel rows of a place on a day made from this state: fewer or the same places, or this one's own."""
        ids = day.problem.travel.place_ids
        known = self.spots if ids == self.spots.place_ids else self.spots.only(ids)
        seconds, metres = formula_rows(known, place, spread_m, spec)
        return Approach(day, place, seconds, seconds, metres, metres)


class Facts:
    """What of the catalogue the store needs, by city; made once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        scheme = catalogue.scheme
        self.defaults = CityRules(
            BookingRules(move_cutoff_s=catalogue.rules.cutoff_s),
            catalogue.rules.slot_s // 60,
            scheme.travel_margin_percent,
        )
        self._specs: dict[str, FormulaSpec] = {}

    def travel(self, margin_pct: int) -> str:
        """The travel formula of today with this safety margin, as a day keeps it."""
        return travel_text(FormulaSpec(margin_pct=margin_pct, speed_kmh_by_hour=self.catalogue.speed_kmh_by_hour))

    def spec_of(self, travel: str) -> FormulaSpec:
        """The travel formula that a day keeps."""
        if travel not in self._specs:
            self._specs[travel] = spec_of(travel)
        return self._specs[travel]

    def office(self, city: City) -> Place:
        """The office of a city, under the id it has in every roster."""
        return city.office

    def closed(self, city: City, date: dt.date) -> str | None:
        """Why the calendar has no service in the city on this date."""
        if date < city.in_scheme_since:
            return "not_in_scheme_yet"
        return closed_because(self.catalogue.rules, date)

    def grid(self, slot_minutes: int) -> SlotGrid:
        """The slots of a day."""
        return slot_grid(self.catalogue.rules, slot_minutes)


def rules_in(connection: Connection, facts: Facts, city_id: str) -> CityRules:
    """The rules of a city: its own where it has any."""
    row = connection.execute(select(city_rules).where(city_rules.c.city_id == city_id)).one_or_none()
    return facts.defaults if row is None else rules_of(row)


# --------------------------------------------------------------------------------------- reading


def empty_state(facts: Facts, city: City, date: dt.date, rules: CityRules) -> DayState:
    """A day nobody has been put on yet."""
    office = facts.office(city)
    where = spots([office])
    travel = facts.travel(rules.margin_pct)
    table = formula_table_of_spots(where, facts.spec_of(travel))
    problem = Problem(city.city_id, date, facts.grid(rules.slot_minutes), office, (), (), table)
    day = PromisedDay(problem, {}, rules.booking, Sale(facts.closed(city, date)))
    key = city.city_id, date
    return DayState(key, 0, DayBook(day, {}), where, travel, rules.slot_minutes, moment(0), None, ())


def read_state(connection: Connection, facts: Facts, city: City, row: Row[Any], rules: CityRules) -> DayState:
    """The day of a row of `days`, with its bookings and what of deliveries its witness has."""
    date = dt.date.fromisoformat(row.date)
    own = (bookings.c.city_id == row.city_id) & (bookings.c.date == row.date)
    found = connection.execute(select(bookings).where(own & bookings.c.status.not_in(_OFF)))
    booked = {b.booking_id: b for b in map(booking_of, found)}
    witness, stops = witness_of(row.witness), stops_of(row.empty_stops)
    more = {v for order in witness.values() for v in order} - set(booked) - {s.visit_id for s in stops}
    carried: list[tuple[Delivery, int]] = []
    if more:
        rows = connection.execute(select(deliveries).where(deliveries.c.delivery_id.in_(sorted(more))))
        carried = [(delivery_of(facts, entry), entry.spread_m) for entry in rows]
    executives = roster_of(row.roster)
    problem, where = problem_with(
        facts,
        city,
        date,
        executives,
        booked=[b for b in booked.values() if not b.at_risk],
        stops=stops,
        carried=carried,
        slot_minutes=row.slot_minutes,
        travel=row.travel,
    )
    sale = sale_of(row, facts.closed(city, date), facts.grid(row.slot_minutes))
    day = PromisedDay(problem, witness, rules.booking, sale, frozenset(s.visit_id for s in stops))
    return DayState(
        (row.city_id, date),
        row.version,
        DayBook(day, booked),
        where,
        row.travel,
        row.slot_minutes,
        moment(row.seen_at),
        row.plan_number,
        stops,
        row.roster_number,
    )


def problem_with(
    facts: Facts,
    city: City,
    date: dt.date,
    executives: Iterable[Executive],
    *,
    booked: Iterable[Booking],
    stops: Iterable[EmptyStop] = (),
    carried: Iterable[tuple[Delivery, int]] = (),
    slot_minutes: int,
    travel: str,
) -> tuple[Problem, Spots]:
    """A day of these executives and visits as a problem, and its places. `carried`: deliveries with their spreads."""
    office, staff = facts.office(city), tuple(executives)
    grid = facts.grid(slot_minutes)
    spread: dict[str, int] = {}
    visits: list[Visit] = []
    for booking in booked:
        visits.append(booking.appointment)
        spread[booking.place.place_id] = booking.spread_m
    for stop in stops:
        visits.append(as_delivery(stop, grid))
        spread[stop.place.place_id] = stop.spread_m
    for delivery, spread_m in carried:
        visits.append(delivery)
        spread[delivery.place.place_id] = spread_m
    places = places_of(office, visits, staff)
    where = spots(places, [spread.get(place.place_id, 0) for place in places])
    table = formula_table_of_spots(where, facts.spec_of(travel))
    return Problem(city.city_id, date, grid, office, tuple(visits), staff, table), where


def as_delivery(stop: EmptyStop, grid: SlotGrid) -> Delivery:
    """An empty stop as the visit it is in the problem."""
    return Delivery(
        stop.visit_id,
        stop.place,
        (TimeWindow(grid.open_s, grid.close_s),),
        service_s=0,
        waiting_price_s=0,
        held_by=stop.executive_id,
        pinned_to=stop.executive_id,
    )


def delivery_of(facts: Facts, row: Row[Any]) -> Delivery:
    """The delivery of a row of `deliveries`: any time of the day, until its due date.

    Old rows may have none: then it is due as one that is added without, by the limit of its service.
    """
    rules = facts.catalogue.rules
    latest = max(rules.open_s, min(rules.close_s, 24 * HOUR_S) - row.service_s)
    return Delivery(
        row.delivery_id,
        Place(row.delivery_id, row.lon, row.lat),
        (TimeWindow(rules.open_s, latest),),
        row.service_s,
        due=_due_of(facts, row),
        held_by=row.held_by,
        service_id=row.service_id,
    )


def _due_of(facts: Facts, row: Row[Any]) -> dt.date:
    if row.due is not None:
        return dt.date.fromisoformat(row.due)
    limits = {service.service_id: service.statutory_days for service in facts.catalogue.services}
    return due_date(facts.catalogue.rules, dt.date.fromisoformat(row.ready_from), limits.get(row.service_id))


# ----------------------------------------------------------------------------------------- cache


class StateCache:
    """Days in memory, the least recently used dropped; safe for many threads.

    Certificates are kept with the city and date, not with the version: they are asked anew each time anyway.
    """

    def __init__(self, most: int = MOST_STATES) -> None:
        self._most = most
        self._states: OrderedDict[Key, DayState] = OrderedDict()
        self._certificates: dict[Key, Certificates] = {}
        self._lock = threading.Lock()

    def get(self, key: Key, version: int, rules: CityRules) -> DayState | None:
        """The day at this version under these rules, None when it is not in memory."""
        with self._lock:
            state = self._states.get(key)
            if state is None or state.version != version:
                return None
            self._states.move_to_end(key)
        if state.book.day.rules != rules.booking:
            book = DayBook(replace(state.book.day, rules=rules.booking), state.book.bookings)
            state = replace(state, book=book)
            self.put(state)
        return state

    def put(self, state: DayState) -> None:
        """Keep a day, unless a later version of it is there."""
        with self._lock:
            known = self._states.get(state.key)
            if known is not None and known.version > state.version:
                return
            self._states[state.key] = state
            self._states.move_to_end(state.key)
            while len(self._states) > self._most:
                key, _ = self._states.popitem(last=False)
                self._certificates.pop(key, None)

    def certificates(self, key: Key) -> Certificates:
        """The certificates of a day."""
        with self._lock:
            return self._certificates.setdefault(key, Certificates())


def read_states(
    connection: Connection, facts: Facts, cache: StateCache, city: City, dates: Iterable[dt.date]
) -> dict[dt.date, DayState]:
    """Days of a city as they are in this transaction; those without a row are empty."""
    wanted = sorted(set(dates))
    rules, versions = _rules_and_versions(connection, facts, city, wanted)
    states: dict[dt.date, DayState] = {}
    for date in wanted:
        key = city.city_id, date
        version = versions.get(date, 0)
        state = cache.get(key, version, rules)
        if state is None:
            if version:
                own = (days.c.city_id == city.city_id) & (days.c.date == date.isoformat())
                row = connection.execute(select(days).where(own)).one()
                state = read_state(connection, facts, city, row, rules)
            else:
                state = empty_state(facts, city, date, rules)
            cache.put(state)
        states[date] = state
    return states


def _rules_and_versions(
    connection: Connection, facts: Facts, city: City, dates: Sequence[dt.date]
) -> tuple[CityRules, dict[dt.date, int]]:
    """The rules of a city, and the version of each of these dates that has a row: asked together, in one round."""
    both = days.outerjoin(city_rules, city_rules.c.city_id == days.c.city_id)
    head = select(days.c.date, days.c.version, city_rules).select_from(both)
    span = (days.c.date >= dates[0].isoformat()) & (days.c.date <= dates[-1].isoformat())
    rows = list(connection.execute(head.where((days.c.city_id == city.city_id) & span)))
    versions = {dt.date.fromisoformat(row.date): row.version for row in rows}
    if not rows:
        return rules_in(connection, facts, city.city_id), versions
    return facts.defaults if rows[0].city_id is None else rules_of(rows[0]), versions
