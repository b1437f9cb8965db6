"""Two days of Raipur in a store, and short words for what is done there; a clock that is set by hand.

A test file imports the two fixtures: `clock`, and `store`, which is empty and on each kind of database.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, select

from api.store import Database
from api.store.checking import check_store
from api.store.desk import DayToPlan, day_to_plan, publish_plan, set_roster
from api.store.restrictions import Restricted
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
First = TypeVar("First")
Second = TypeVar("Second")


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


def done(outcome: Verdict | Restricted) -> Change:
    change = outcome.change if isinstance(outcome, Restricted) else outcome
    assert isinstance(change, Change), change
    return change


def refused(verdict: Verdict | Restricted, code: RefusalCode) -> Refusal:
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


def on_the_way(store: Store, clock: Clock) -> str:
    """A booking that somebody is on the way to."""
    staffed(store, 2)
    booking_id = booked(store, 10)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    clock.now = dt.datetime(2026, 12, 3, 9, 30, tzinfo=IST)
    done(store.mark(booking_id, BookingStatus.ON_THE_WAY))
    return booking_id


def served(store: Store, clock: Clock) -> str:
    booking_id = on_the_way(store, clock)
    done(store.mark(booking_id, BookingStatus.SERVED))
    return booking_id


def while_another_waits(
    store: Store,
    address: str,
    clock: Clock,
    first: Callable[[Store], First],
    second: Callable[[Store], Second],
    *,
    unlocked: bool = False,
) -> tuple[First, Second]:
    """What comes of two changes: the second has looked, and waits to write while the first is in its transaction.

    `unlocked`: their day has no row yet, so that on PostgreSQL the second passes its lock, too.
    """
    with Database.open(address, clock=clock) as database, ThreadPoolExecutor(1) as pool:
        write, lock_days, at_the_door = database.write, database.lock_days, threading.Event()
        late = unlocked and database.dialect == "postgresql"
        other: list[Future[Second]] = []

        def knock() -> AbstractContextManager[Connection]:
            if not late:
                at_the_door.set()
            return write()

        def knock_late(*given: Any) -> None:
            lock_days(*given)
            at_the_door.set()

        def let_the_other_come(*_: object) -> None:
            other.append(pool.submit(second, Store(database, CATALOGUE)))
            assert at_the_door.wait(30)

        with patch.object(database, "write", knock), patch.object(database, "lock_days", knock_late):
            outcome = first(store.with_receipt(let_the_other_come))
            return outcome, other[0].result(30)


def at_once(acts: Sequence[Callable[[], Second]]) -> list[Second]:
    """What comes of things done by threads that begin together, each its own."""
    barrier = threading.Barrier(len(acts))

    def act(one: Callable[[], Second]) -> Second:
        barrier.wait(30)
        return one()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))
