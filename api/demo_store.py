"""A store to try things on: rosters by the shift patterns, bookings and deliveries drawn as the scheme had them.

The same seed draws the same wishes for the same dates. Every booking goes through the same verb as those of a caller;
then each day gets the quotas that are computed for its team.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from api.rostering.publish import refresh_capacity
from api.store import StoreError
from api.store.desk import NewDelivery, add_delivery, set_roster
from api.store.schema import metadata
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change, Refusal
from optimizer.calendar import SUNDAY
from optimizer.domain import InvalidProblem
from optimizer.units import IST, clock
from scenarios.catalogue import Catalogue, City
from scenarios.generate.addresses import AddressBook
from scenarios.generate.city_day import service_shares, slot_weights
from scenarios.generate.dice import Dice
from scenarios.places import Whereabouts, whereabouts
from scenarios.rosters import pattern_roster

DAYS = 14
CALLER = "demo"
PART_PERCENT = 33
"""Of the visits of a day as the scheme ran, so many are in the store: there is room for more."""
BY_LOCALITY_PERCENT = 10
"""Citizens of whom only the locality is known."""
DELIVERY_DAYS = 2
"""Deliveries are drawn for so many days of the city's volume; they wait for any day."""
HOLD_PROMISES = (
    *("city_rules", "days", "bookings", "deliveries", "plans", "events"),
    *("restrictions", "staff", "rosters"),
)
"""Tables without a row in a store that is filled; keys of the API and the like may be there already."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a demo store has got; `refused` wishes found no slot."""

    cities: int
    days: int
    executives: int
    bookings: int
    refused: int
    deliveries: int


def fill_store(
    store: Store,
    cities: Sequence[City],
    days: int = DAYS,
    seed: int = 1,
    on_day: Callable[[int, int], None] | None = None,
) -> Made:
    """Fill an empty store, from tomorrow on; `on_day` is called with days done and days in all.

    Raises StoreError for a store that holds promises, or traces of any.
    """
    _expect_empty(store)
    catalogue = store.catalogue
    with store.database.read() as connection:
        now = store.database.now(connection)
    first = now.astimezone(IST).date() + dt.timedelta(days=1)
    last = first + dt.timedelta(days=days - 1)
    rosters = {city: pattern_roster(catalogue, city, first, last) for city in cities}
    total, done, executives, bookings, refused, deliveries = sum(map(len, rosters.values())), 0, 0, 0, 0, 0
    for city, by_date in rosters.items():
        book = AddressBook(catalogue, city)
        for date, staff in by_date.items():
            set_roster(store, city, date, staff)
            made, lost = _bookings(store, city, date, book, Dice(seed, city.city_id, date.isoformat(), "demo"), now)
            bookings, refused, executives = bookings + made, refused + lost, executives + len(staff)
            done += 1
            if on_day is not None:
                on_day(done, total)
        deliveries += _deliveries(store, city, first, book, Dice(seed, city.city_id, "deliveries"))
        refresh_capacity(store, city, first, last)
    return Made(len(cities), total, executives, bookings, refused, deliveries)


def _expect_empty(store: Store) -> None:
    with store.database.read() as connection:
        counts = {
            name: connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()
            for name in HOLD_PROMISES
        }
    if any(counts.values()):
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        rule = f"only an empty store is filled, it holds {told}"
        raise StoreError("store_not_empty", store.database.url_for_people, rule)


def _bookings(
    store: Store, city: City, date: dt.date, book: AddressBook, dice: Dice, now: dt.datetime
) -> tuple[int, int]:
    """Wishes of one day: how many got a slot, how many did not."""
    catalogue = store.catalogue
    state_rules = store.facts.defaults
    if now >= clock(date - dt.timedelta(days=1), state_rules.booking.closes_s):
        return 0, 0  # booking for this day is closed already
    grid = store.facts.grid(state_rules.slot_minutes)
    services = [s for s in catalogue.services_on(date, city) if s.collect_s <= grid.slot_s]
    shares, hours = service_shares(catalogue, services), slot_weights(catalogue, grid, date)
    tenths = _tenths(catalogue, city, "collections_as_run_tenths")
    if date.weekday() == SUNDAY:
        tenths = tenths * catalogue.scheme.sunday_demand_percent // 100
    made = lost = 0
    for _ in range(tenths * PART_PERCENT // 1_000):
        service, slot = services[dice.pick(shares)], grid.slot(dice.pick(hours))
        wanted = [WantedSlot(service, date, slot.open_s)]
        verdict = store.hold(city, _where(catalogue, city, book, dice), wanted, CALLER, at_once=True)
        if isinstance(verdict, Change):
            made += 1
        else:
            lost += 1
    return made, lost


def _deliveries(store: Store, city: City, ready: dt.date, book: AddressBook, dice: Dice) -> int:
    catalogue = store.catalogue
    services = [s for s in catalogue.services_on(ready, city) if s.needs_delivery]
    shares = service_shares(catalogue, services)
    count = _tenths(catalogue, city, "deliveries_as_run_tenths") * DELIVERY_DAYS * PART_PERCENT // 1_000
    for number in range(count):
        applied = ready - dt.timedelta(days=dice.between(1, 20))
        new = NewDelivery(
            services[dice.pick(shares)],
            _where(catalogue, city, book, dice),
            f"demo-{city.city_id}-{number + 1:03d}",
            ready,
            applied=applied,
            due=ready + dt.timedelta(days=dice.between(1, 12)),
        )
        if isinstance(add_delivery(store, city, new), Refusal):
            return number
    return count


def _where(catalogue: Catalogue, city: City, book: AddressBook, dice: Dice) -> Whereabouts:
    """A drawn address; of some citizens only the locality is known."""
    place = book.draw(dice).place("drawn")
    by_locality = dice.chance(BY_LOCALITY_PERCENT)
    named = [row for row in catalogue.localities_of(city) if row.weight > 0]
    if by_locality and named:
        try:
            return whereabouts(catalogue, city, locality=named[dice.below(len(named))].name)
        except InvalidProblem:  # several of that name
            pass
    return Whereabouts(place.lon, place.lat, 0, "point")


def _tenths(catalogue: Catalogue, city: City, column: str) -> int:
    volume = catalogue.volume_of(city)
    return 0 if volume is None else int(getattr(volume, column))
