"""Two days of Raipur in a store, and short words for what is done there; a clock that is set by hand.

A test file imports the two fixtures: `clock`, and `store`, which is empty and on each kind of database.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import select

from api.store import Database
from api.store.checking import check_store
from api.store.desk import DayToPlan, day_to_plan, set_roster
from api.store.schema import events
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict
from optimizer.domain import BookingStatus, Executive, Limits, Shift, Slot
from optimizer.planner import plan_day
from optimizer.units import IST
from scenarios.catalogue import City, Service, load_catalogue
from scenarios.places import Whereabouts

CATALOGUE = load_catalogue()
RAIPUR = CATALOGUE.city("raipur")
INCOME, AADHAAR = CATALOGUE.service("income"), CATALOGUE.service("aadhaar_mobile_update")
NOW = dt.datetime(2026, 12, 1, 9, 0, tzinfo=IST)
DAY = dt.date(2026, 12, 3)
NEXT = DAY + dt.timedelta(days=1)
H = 3_600


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def on(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(store_address: str, clock: Clock) -> Iterator[Store]:
    with Database.open(store_address, clock=clock) as database:
        yield Store(database, CATALOGUE)


def executives(count: int, *, skills: frozenset[str] = frozenset()) -> tuple[Executive, ...]:
    office = RAIPUR.office
    shift = Shift(8 * H, 20 * H)
    return tuple(Executive(f"E{n:02d}", office, office, shift, skills) for n in range(1, count + 1))


def staffed(store: Store, count: int = 1, dates: Sequence[dt.date] = (DAY, NEXT)) -> None:
    for date in dates:
        done(set_roster(store, RAIPUR, date, executives(count)))


def done(verdict: Verdict) -> Change:
    assert isinstance(verdict, Change), verdict
    return verdict


def refused(verdict: Verdict, code: RefusalCode) -> Refusal:
    assert isinstance(verdict, Refusal), verdict
    assert verdict.code is code
    return verdict


def at(number: int = 0) -> Whereabouts:
    """A point near the office; each number another."""
    return Whereabouts(RAIPUR.office.lon + 0.002 * number, RAIPUR.office.lat, 0, "point")


def want(hour: int, date: dt.date = DAY, service: Service = INCOME) -> WantedSlot:
    return WantedSlot(service, date, hour * H)


def held(store: Store, hour: int, caller: str = "a", number: int = 0, date: dt.date = DAY) -> str:
    return done(store.hold(RAIPUR, at(number), [want(hour, date)], caller)).bookings[-1].booking_id


def booked(store: Store, hour: int, number: int = 0, date: dt.date = DAY) -> str:
    made = done(store.hold(RAIPUR, at(number), [want(hour, date)], "a", at_once=True))
    return made.bookings[-1].booking_id


def status(store: Store, booking_id: str) -> BookingStatus:
    booking = store.booking(booking_id)
    assert booking is not None
    return booking.status


def kinds(store: Store) -> list[str]:
    with store.database.read() as connection:
        return list(connection.execute(select(events.c.kind).order_by(events.c.event_id)).scalars())


def sound(store: Store) -> None:
    assert check_store(store).findings == ()


def slot_at(hour: int) -> Slot:
    return Slot(hour * H, (hour + 1) * H)


def planned(store: Store, city: City = RAIPUR, date: dt.date = DAY) -> tuple[DayToPlan, dict[str, tuple[str, ...]]]:
    day = day_to_plan(store, city, date)
    result = plan_day(day.problem, Limits(None, iterations=20))
    assert result is not None
    return day, {route.executive_id: route.visit_ids for route in result.plan.routes}
