"""What is done between requests, on SQLite and on PostgreSQL: promises brought back, better witnesses, checks."""

from __future__ import annotations

import threading

from sqlalchemy import update

from api.store.background import Background, Question, answer, improve_day, recover_day
from api.store.checking import FindingCode, check_store
from api.store.desk import set_roster
from api.store.schema import bookings, days
from api.store.store import Store, WantedSlot
from optimizer.domain import AskedService, BookingStatus
from scenarios.places import Whereabouts
from tests.store_days import (
    CATALOGUE,
    DAY,
    INCOME,
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


# -------------------------------------------------------------------------- witnesses and questions


def test_the_improver_saves_travel_and_loses_no_promise(store: Store) -> None:
    staffed(store, 3)
    for number, hour in enumerate((9, 13, 10, 15, 11, 16, 12, 9, 14)):
        booked(store, hour, (-1) ** number * number * 3)
    before = store.list_bookings(RAIPUR, DAY, DAY)
    improved = improve_day(store, RAIPUR, DAY, 5.0)
    assert improved is not None
    assert improved.after_s < improved.before_s
    assert improve_day(store, RAIPUR, DAY, 5.0) is None
    assert [b.booking_id for b in store.list_bookings(RAIPUR, DAY, DAY)] == [b.booking_id for b in before]
    assert kinds(store)[-1] == "witness.improved"
    sound(store)


def test_the_background_thread_improves_days_that_changed(store: Store) -> None:
    staffed(store, 3)
    for number, hour in enumerate((9, 13, 10, 15, 11, 16, 12, 9, 14)):
        booked(store, hour, (-1) ** number * number * 3)
    background = Background(store)
    background.start()
    background.changed(RAIPUR, DAY)
    until = threading.Event()
    for _ in range(600):
        if background.improved or background.failed:
            break
        until.wait(0.05)
    background.close()
    assert background.failed == []
    assert background.improved == 1
    sound(store)


def test_an_open_question_is_answered_by_a_proof_that_serves_the_next_caller(store: Store) -> None:
    far = Whereabouts(RAIPUR.office.lon + 0.13, RAIPUR.office.lat, 0, "point")
    staffed(store)
    for hour in (9, 11):
        booked(store, hour)
    service = AskedService("income", 40 * 60)
    question = Question("raipur", far, service, DAY, 2)
    assert answer(store, question)
    assert len(store.cache.certificates(("raipur", DAY)).of_slot(2)) == 1


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
