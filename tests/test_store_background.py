"""What is done between requests, on SQLite and on PostgreSQL: promises brought back, better witnesses, checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import update

from api.store import StoreError
from api.store.background import Improved, Improver, improve_day, recover_day
from api.store.checking import FindingCode, check_store
from api.store.desk import publish_plan, set_roster
from api.store.schema import bookings, days
from api.store.store import Store, WantedSlot
from optimizer.domain import BookingStatus
from optimizer.units import IST
from scenarios.catalogue import City
from tests.store_days import (
    CATALOGUE,
    DAY,
    INCOME,
    NEXT,
    RAIPUR,
    Clock,
    H,
    at,
    booked,
    clock,
    done,
    executives,
    held,
    kinds,
    planned,
    sound,
    staffed,
    status,
    store,
    want,
)

__all__ = ["clock", "store"]


# --------------------------------------------------------------------------------- promises at risk


def test_a_promise_at_risk_comes_back_when_there_is_room(store: Store) -> None:
    staffed(store, 2)
    for number in (1, 2):
        booked(store, 10, number)
    done(set_roster(store, RAIPUR, DAY, executives(1), force=True))
    assert recover_day(store, RAIPUR, DAY) == 0
    done(set_roster(store, RAIPUR, DAY, executives(2)))
    assert recover_day(store, RAIPUR, DAY) == 1
    assert check_store(store).at_risk == 0
    assert kinds(store)[-1] == "booking.kept_again"
    sound(store)


def test_one_of_a_group_at_risk_comes_back_beside_the_others(store: Store) -> None:
    staffed(store, 2)
    pair = [WantedSlot(INCOME, DAY, 10 * H, pinned_to="E02"), want(11)]
    first = done(store.hold(RAIPUR, at(1), pair, "a", at_once=True)).bookings[0]
    done(set_roster(store, RAIPUR, DAY, executives(1), force=True))
    risky = [b.slot.open_s for b in store.list_bookings(RAIPUR, DAY, DAY) if b.at_risk]
    assert risky == [10 * H]
    done(set_roster(store, RAIPUR, DAY, executives(2)))
    assert recover_day(store, RAIPUR, DAY) == 1
    assert kinds(store)[-1] == "booking.kept_again"
    assert [b.at_risk for b in store.list_bookings(RAIPUR, DAY, DAY) if b.group_id == first.group_id] == [False, False]
    sound(store)


def test_one_of_a_group_at_risk_waits_while_its_day_is_closed(store: Store) -> None:
    staffed(store, 2)
    pair = [WantedSlot(INCOME, DAY, 10 * H, pinned_to="E02"), want(11)]
    done(store.hold(RAIPUR, at(1), pair, "a", at_once=True))
    done(set_roster(store, RAIPUR, DAY, executives(1), force=True))
    done(set_roster(store, RAIPUR, DAY, executives(2)))
    with store.database.write() as connection:  # closed as no verb does it: one is in the witness
        connection.execute(update(days).where(days.c.date == DAY.isoformat()).values(closed_because="flood"))
    old = Store(store.database, CATALOGUE)
    before = old.list_bookings(RAIPUR, DAY, DAY)
    assert [b.at_risk for b in before] == [True, False]
    assert recover_day(old, RAIPUR, DAY) == 0
    assert old.list_bookings(RAIPUR, DAY, DAY) == before
    assert kinds(old)[-1] == "day.changed"


# ---------------------------------------------------------------------------------------- witnesses


def untidy(store: Store, dates: Sequence[dt.date] = (DAY,)) -> None:
    """Days booked in an order that leaves travel to be saved."""
    staffed(store, 3, dates)
    for date in dates:
        for number, hour in enumerate((9, 13, 10, 15, 11, 16, 12, 9, 14)):
            booked(store, hour, (-1) ** number * number * 3, date)


def test_the_improver_saves_travel_and_loses_no_promise(store: Store) -> None:
    untidy(store)
    before = store.list_bookings(RAIPUR, DAY, DAY)
    improved = improve_day(store, RAIPUR, DAY, 5.0)
    assert improved is not None
    assert improved.after_s < improved.before_s
    assert improve_day(store, RAIPUR, DAY, 5.0) is None
    assert [b.booking_id for b in store.list_bookings(RAIPUR, DAY, DAY)] == [b.booking_id for b in before]
    assert kinds(store)[-1] == "witness.improved"
    sound(store)


# ----------------------------------------------------------------------------------- the improver


@pytest.fixture
def looked_after(monkeypatch: pytest.MonkeyPatch) -> list[dt.date]:
    """The days that improvers look after from now on."""
    dates: list[dt.date] = []

    def noted(store: Store, city: City, date: dt.date, limit_s: float) -> Improved | None:
        dates.append(date)
        return improve_day(store, city, date, limit_s)

    monkeypatch.setattr("api.store.background.improve_day", noted)
    return dates


def test_a_day_that_has_been_quiet_for_a_minute_is_improved_once(
    store: Store, clock: Clock, looked_after: list[dt.date]
) -> None:
    improver = Improver(store)
    untidy(store)
    assert improver.once() == 0
    clock.on(59)
    assert improver.once() == 0
    clock.on(1)
    assert improver.once() == 1
    assert kinds(store)[-1] == "witness.improved"
    told = kinds(store)
    for _ in range(3):
        clock.on(61)
        assert improver.once() == 0
    assert (kinds(store), looked_after) == (told, [DAY])
    sound(store)


def test_each_change_of_its_promises_begins_the_minute_of_a_day_anew(store: Store, clock: Clock) -> None:
    improver = Improver(store)
    untidy(store)
    clock.on(40)
    booking_id = held(store, 17)
    clock.on(40)
    assert improver.once() == 0
    done(store.confirm([booking_id], "a"))
    clock.on(40)
    assert improver.once() == 0
    clock.on(20)
    assert improver.once() == 1


def test_one_day_is_improved_at_a_time_the_soonest_first(store: Store, clock: Clock) -> None:
    improver = Improver(store)
    untidy(store, (NEXT, DAY))
    clock.on(60)
    assert [improver.once() for _ in range(3)] == [1, 1, 0]
    improved = [told.event.date for told in store.list_events() if told.event.kind == "witness.improved"]
    assert improved == [DAY, NEXT]


def test_promises_at_risk_come_back_once_a_day_is_quiet_and_that_begins_no_round(
    store: Store, clock: Clock, looked_after: list[dt.date]
) -> None:
    staffed(store, 2, (DAY,))
    for number in (1, 1):
        booked(store, 10, number)
    done(set_roster(store, RAIPUR, DAY, executives(1), force=True))
    improver = Improver(store)
    done(set_roster(store, RAIPUR, DAY, executives(2)))
    clock.on(60)
    assert improver.once() == 1
    assert check_store(store).at_risk == 0
    told = kinds(store)
    assert told[-1] == "booking.kept_again"
    for _ in range(3):
        clock.on(61)
        assert improver.once() == 0
    assert (kinds(store), looked_after) == (told, [DAY])
    sound(store)


def test_days_that_were_changed_before_are_over_or_are_published_are_left_alone(
    store: Store, clock: Clock, looked_after: list[dt.date]
) -> None:
    untidy(store)
    clock.on(3_601)
    improver = Improver(store)
    assert improver.once() == 0  # more than an hour before it began
    booked(store, 17)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    clock.on(60)
    assert improver.once() == 0
    untidy(store, (NEXT,))
    told = kinds(store)
    clock.now = dt.datetime(2026, 12, 5, 0, 0, tzinfo=IST)
    assert improver.once() == 0
    assert (kinds(store), looked_after) == (told, [])


def test_a_day_that_waited_when_the_process_ended_has_its_turn_in_the_next(
    store: Store, clock: Clock, looked_after: list[dt.date]
) -> None:
    untidy(store)
    clock.on(3_600)
    assert Improver(store).once() == 1
    assert Improver(store).once() == 0  # improved since
    assert looked_after == [DAY]


def test_of_two_improvers_one_improves_a_day(store: Store, clock: Clock, looked_after: list[dt.date]) -> None:
    first, second = Improver(store), Improver(Store(store.database, CATALOGUE))
    untidy(store)
    clock.on(60)
    assert (first.once(), second.once()) == (1, 0)
    assert looked_after == [DAY]


def test_a_day_that_could_not_be_written_has_its_turn_a_minute_later(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise StoreError("database_locked", "-", "try again")

    improver = Improver(store)
    untidy(store)
    clock.on(60)
    with monkeypatch.context() as broken:
        broken.setattr("api.store.store.write_change", locked)
        with pytest.raises(StoreError):
            improver.once()
    assert improver.once() == 0
    clock.on(60)
    assert improver.once() == 1


# ----------------------------------------------------------------------------------------- db check


def test_a_promise_cut_out_of_its_witness_is_found(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    with store.database.write() as connection:
        connection.execute(update(days).where(days.c.date == DAY.isoformat()).values(witness="{}"))
    found = check_store(store).findings
    assert [(f.code, booking_id in f.text) for f in found] == [(FindingCode.NO_WITNESS, True)]


def test_a_witness_that_cannot_be_run_is_found(store: Store) -> None:
    staffed(store, 2)
    first, second = booked(store, 10, 1), booked(store, 10, 2)
    both = f'{{"E01":["{first}","{second}"]}}'
    with store.database.write() as connection:
        connection.execute(update(days).where(days.c.date == DAY.isoformat()).values(witness=both))
    codes = {f.code for f in check_store(store).findings}
    assert codes <= {FindingCode.WITNESS_BROKEN, FindingCode.UNREADABLE}
    assert codes


def test_a_booking_without_a_day_and_a_broken_link_are_found(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    with store.database.write() as connection:
        connection.execute(update(bookings).values(date="2026-12-24", moved_to="Bnobody"))
    found = {(f.code, f.subject) for f in check_store(store).findings}
    assert (FindingCode.NO_DAY, booking_id) in found
    assert (FindingCode.BROKEN_LINK, booking_id) in found


# -------------------------------------------------------------------------- holds that have run out


def test_sweeping_writes_down_what_has_run_out(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    assert store.sweep() == 0
    clock.on(300)
    assert store.sweep() == 1
    assert status(store, booking_id) is BookingStatus.EXPIRED
    assert store.sweep() == 0
