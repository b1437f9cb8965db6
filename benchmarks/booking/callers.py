"""Callers as a load: seeded verbs on a store, and a store for them to call."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from api.store.desk import set_roster
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict
from scenarios.catalogue import City, Service
from scenarios.generate.addresses import AddressBook
from scenarios.generate.dice import Dice
from scenarios.places import Whereabouts
from scenarios.simulate import booking_day

LOST_RACES = frozenset(
    {
        RefusalCode.SLOT_NOT_OFFERED,
        RefusalCode.HOLD_EXPIRED,
        RefusalCode.ALREADY_CANCELLED,
        RefusalCode.ALREADY_MOVED,
        RefusalCode.SAME_SLOT,
        RefusalCode.TOO_LATE_TO_MOVE,
        RefusalCode.ALREADY_EXTENDED,
    }
)
"""Refusals that callers among others must expect; any other is a defect."""


@dataclass
class World:
    """A city of a store with rosters, and what callers ask for."""

    store: Store
    city: City
    dates: tuple[dt.date, ...]
    services: tuple[Service, ...]
    addresses: AddressBook

    def where(self, dice: Dice) -> Whereabouts:
        """An address."""
        place = self.addresses.draw(dice).place("address")
        return Whereabouts(place.lon, place.lat, 0, "point")


def world(store: Store, executives: int, days: int, *, city: str = "raipur", rosters: bool = True) -> World:
    """A world of so many executives on so many days from the day after tomorrow on (by the clock of the store)."""
    town = store.catalogue.city(city)
    with store.database.read() as connection:
        today = store.database.now(connection).date()
    dates: list[dt.date] = []
    date = today + dt.timedelta(days=2)
    while len(dates) < days:
        if store.facts.closed(town, date) is None:
            dates.append(date)
        date += dt.timedelta(days=1)
    if rosters:
        for date in dates:
            team = booking_day(store.catalogue, town, date, executives, 0, 1).executives
            expect(set_roster(store, town, date, team))
    services = tuple(s for s in store.catalogue.services_on(dates[0], town) if s.bookable(dates[-1], town))
    return World(store, town, tuple(dates), services, AddressBook(store.catalogue, town))


def expect(verdict: Verdict) -> Change:
    """The change; raises AssertionError for a refusal."""
    if isinstance(verdict, Refusal):
        raise AssertionError(f"{verdict.code}: {verdict.text}")
    return verdict


def fill(where: World, bookings: int, seed: int, on_one: Callable[[], None] | None = None) -> int:
    """Book so many slots, each the best of a random day's offers at a random address; how many were got."""
    dice, rng = Dice(seed, "fill"), random.Random(seed)
    got = 0
    for _ in range(2 * bookings):
        if got == bookings:
            break
        address, service, date = where.where(dice), rng.choice(where.services), rng.choice(where.dates)
        offers = where.store.offers(where.city, address, [service], date, date).offers
        if not offers:
            continue
        slot = rng.choice(offers).slot
        wanted = [WantedSlot(service, date, slot.open_s)]
        verdict = where.store.hold(where.city, address, wanted, "fill", at_once=True)
        got += isinstance(verdict, Change)
        if on_one is not None:
            on_one()
    return got


def _nobody(_verb: str, _booking_id: str) -> None:
    """Hears nothing."""


@dataclass
class Caller:
    """One caller, who remembers what they hold and have booked. `told` hears of every change that was answered."""

    where: World
    seed: int
    name: str
    told: Callable[[str, str], None] = _nobody
    held: list[str] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)
    verbs: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._dice = Dice(self.seed, "caller")

    def act(self) -> None:
        """One verb of chance. Raises AssertionError when a refusal is none of those that others can cause."""
        self.verbs += 1
        rng, store = self._rng, self.where.store
        kind = rng.random()
        if self.held and kind < 0.35:
            booking_id = self.held.pop(rng.randrange(len(self.held)))
            if self._done(store.confirm([booking_id], self.name)):
                self.booked.append(booking_id)
                self.told("confirmed", booking_id)
        elif self.held and kind < 0.42:
            self._done(store.give_up([self.held.pop(rng.randrange(len(self.held)))], self.name))
        elif self.booked and kind < 0.52:
            booking_id = self.booked.pop(rng.randrange(len(self.booked)))
            self.told("cancelling", booking_id)
            self._done(store.cancel(booking_id))
        elif self.booked and kind < 0.65:
            at = rng.randrange(len(self.booked))
            booking_id = self.booked[at]
            self.told("moving", booking_id)
            moved = store.move(booking_id, rng.choice(self.where.dates), 3_600 * rng.randrange(8, 20))
            if self._done(moved) and isinstance(moved, Change):
                self.booked[at] = next(b.booking_id for b in moved.bookings if b.moved_from == booking_id)
                self.told("confirmed", self.booked[at])
        else:
            self._hold()

    def _hold(self) -> None:
        rng = self._rng
        date, service = rng.choice(self.where.dates), rng.choice(self.where.services)
        wanted = [WantedSlot(service, date, 3_600 * rng.randrange(8, 20))]
        held = self.where.store.hold(self.where.city, self.where.where(self._dice), wanted, self.name)
        if self._done(held) and isinstance(held, Change):
            self.held.append(next(b.booking_id for b in held.bookings if b.caller == self.name and b.expires_at))

    def _done(self, verdict: Verdict) -> bool:
        if isinstance(verdict, Change):
            return True
        self.refused += 1
        if verdict.code not in LOST_RACES:
            raise AssertionError(f"{self.name}: {verdict.code}: {verdict.text}")
        return False
