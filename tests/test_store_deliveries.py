"""Deliveries of a store, on SQLite and on PostgreSQL: added, listed, on plans, ended, alone and with bookings."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from api.store import Database
from api.store.desk import (
    DayToPlan,
    DeliveryStatus,
    NewDelivery,
    add_delivery,
    day_to_plan,
    deliveries_of,
    end_delivery,
    find_delivery,
    list_deliveries,
    publish_plan,
    published_plan,
    set_closed,
)
from api.store.schema import deliveries
from api.store.store import Store
from api.store.writing import lock_deliveries
from optimizer.bookings import Refusal, RefusalCode, Verdict
from optimizer.calendar import due_date
from optimizer.domain import BookingStatus, InvalidProblem, Problem
from optimizer.engines import Orders
from optimizer.units import IST
from scenarios.catalogue import City
from tests.store_days import (
    CATALOGUE,
    DAY,
    INCOME,
    NEXT,
    RAIPUR,
    Clock,
    at,
    at_once,
    booked,
    clock,
    done,
    kinds,
    planned,
    refused,
    served,
    sound,
    staffed,
    status,
    store,
    while_another_waits,
)

__all__ = ["clock", "store"]

ENDS = (DeliveryStatus.DELIVERED, DeliveryStatus.CANCELLED)


# --------------------------------------------------------------------------------- added and listed


def test_deliveries_whose_envelope_is_with_somebody_off_duty_wait(store: Store) -> None:
    staffed(store)
    new = NewDelivery(INCOME, at(4), "app-1", ready_from=DAY, due=DAY, held_by="E99")
    delivery_id = add_delivery(store, RAIPUR, new)
    day = day_to_plan(store, RAIPUR, DAY)
    assert day.not_taken == (delivery_id,)
    assert day.problem.deliveries == ()


def test_all_faults_of_a_delivery_are_told_at_once(store: Store) -> None:
    new = NewDelivery(INCOME, at(), "a name", ready_from=NEXT, due=DAY, held_by="x y")
    with pytest.raises(InvalidProblem) as error:
        add_delivery(store, RAIPUR, new)
    assert [f.code for f in error.value.faults] == ["bad_id", "bad_id", "bad_range"]
    assert list_deliveries(store, RAIPUR) == []


def applied(reference: str, due: dt.date = DAY, number: int = 4) -> NewDelivery:
    return NewDelivery(INCOME, at(number), reference, ready_from=DAY, due=due)


def waiting(store: Store, reference: str, due: dt.date = DAY, city: City = RAIPUR, number: int = 4) -> str:
    delivery_id = add_delivery(store, city, applied(reference, due, number))
    assert isinstance(delivery_id, str)
    return delivery_id


def with_orders(plan: tuple[DayToPlan, Orders]) -> tuple[Problem, Orders]:
    """A plan as it is published."""
    return plan[0].problem, plan[1]


def certified(store: Store, clock: Clock) -> tuple[str, str]:
    """A served booking whose certificate is due, and the delivery of it."""
    booking_id = served(store, clock)
    delivery_id = add_delivery(store, RAIPUR, replace(applied("app-1"), booking_id=booking_id))
    assert isinstance(delivery_id, str)
    return booking_id, delivery_id


def delivery_status(store: Store, delivery_id: str) -> str:
    row = find_delivery(store, delivery_id)
    assert row is not None
    return str(row.status)


def test_deliveries_are_listed_page_by_page_by_due_date_those_without_one_first(store: Store) -> None:
    dues = [DAY + dt.timedelta(days=n) for n in (2, 0, 1, 0, 2)]
    made = [(due, waiting(store, f"app-{n}", due)) for n, due in enumerate(dues)]
    with store.database.write() as connection:  # as rows of old stores may be
        old = sorted(made[n][1] for n in (0, 3))
        connection.execute(update(deliveries).where(deliveries.c.delivery_id.in_(old)).values(due=None))
    waiting(store, "elsewhere", city=CATALOGUE.city("korba"))
    whole = [*old, *(delivery_id for _, delivery_id in sorted(made) if delivery_id not in old)]
    assert [row.delivery_id for row in list_deliveries(store, RAIPUR)] == whole
    for most in (1, 2, 5):
        found: list[list[str]] = []
        after = None
        while page := list_deliveries(store, RAIPUR, after=after, most=most):
            found.append([row.delivery_id for row in page])
            assert found.count(found[-1]) == 1, "the same page again"
            after = (page[-1].due or "", page[-1].delivery_id)
        assert found == [whole[n : n + most] for n in range(0, 5, most)]


def test_a_page_of_deliveries_is_of_one_status_and_goes_on_where_one_has_ended(store: Store) -> None:
    ids = sorted(waiting(store, f"app-{n}") for n in range(4))
    assert end_delivery(store, ids[1], DeliveryStatus.CANCELLED) is None
    after = (DAY.isoformat(), ids[1])
    assert [row.delivery_id for row in list_deliveries(store, RAIPUR, "waiting", after=after)] == ids[2:]
    assert [row.delivery_id for row in list_deliveries(store, RAIPUR, "waiting", most=2)] == [ids[0], ids[2]]
    assert [row.delivery_id for row in list_deliveries(store, RAIPUR, "cancelled")] == [ids[1]]


def test_a_delivery_is_found_by_its_id_and_several_by_their_reference(store: Store) -> None:
    late, early = waiting(store, "app-1", NEXT), waiting(store, "app-1", DAY)
    other = waiting(store, "app-1", NEXT + dt.timedelta(days=1), CATALOGUE.city("korba"))
    waiting(store, "app-2")
    found = find_delivery(store, other)
    assert found is not None
    assert (found.delivery_id, found.city_id) == (other, "korba")
    assert find_delivery(store, "app-1") is None
    assert [row.delivery_id for row in deliveries_of(store, "app-1")] == [early, late, other]
    assert deliveries_of(store, other) == []


def test_a_delivery_belongs_to_a_booking_of_its_city(store: Store, clock: Clock) -> None:
    booking_id = served(store, clock)
    with pytest.raises(InvalidProblem) as error:
        add_delivery(store, CATALOGUE.city("korba"), replace(applied("app-1"), booking_id=booking_id))
    assert [(f.pointer, f.code) for f in error.value.faults] == [("/booking_id", "unknown_booking")]
    assert status(store, booking_id) is BookingStatus.SERVED


def without_due_date(store: Store, **values: object) -> None:
    """All deliveries are as rows of old stores may be."""
    with store.database.write() as connection:
        connection.execute(update(deliveries).values(due=None, **values))


def test_an_old_delivery_without_a_due_date_is_due_by_the_limit_of_its_service(store: Store) -> None:
    staffed(store)
    delivery_id = waiting(store, "app-1", NEXT)
    without_due_date(store)
    day, orders = planned(store)
    limit = due_date(CATALOGUE.rules, DAY, INCOME.statutory_days)
    assert [(d.visit_id, d.due) for d in day.problem.deliveries] == [(delivery_id, limit)]
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    assert delivery_status(store, delivery_id) == "planned"
    sound(store)
    assert [d.due for d in day_to_plan(Store(store.database, CATALOGUE), RAIPUR, DAY).problem.deliveries] == [limit]


def test_so_is_one_of_a_service_that_there_is_no_more_by_the_default_limit(store: Store) -> None:
    staffed(store)
    waiting(store, "app-1")
    without_due_date(store, service_id="given_up")
    (delivery,) = day_to_plan(store, RAIPUR, DAY).problem.deliveries
    assert delivery.due == due_date(CATALOGUE.rules, DAY, None)


# ----------------------------------------------------------------------------------------- on plans


@pytest.mark.parametrize("end", ENDS)
def test_a_plan_with_a_delivery_that_has_ended_is_outdated_and_nothing_changes(store: Store, end: str) -> None:
    staffed(store, 2)
    booking_id = booked(store, 10, 1)
    ended, other = waiting(store, "app-1", NEXT), waiting(store, "app-2", NEXT)
    day, orders = planned(store)
    assert end_delivery(store, ended, end) is None
    told = kinds(store)
    no = refused(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}), RefusalCode.PLAN_OUTDATED)
    assert (no.subject, no.bookings) == (DAY.isoformat(), (ended,))
    assert (delivery_status(store, ended), delivery_status(store, other)) == (end, "waiting")
    assert (status(store, booking_id), published_plan(store, RAIPUR, DAY)) == (BookingStatus.BOOKED, None)
    assert kinds(store) == told
    done(publish_plan(store, RAIPUR, DAY, *with_orders(planned(store)), {}))
    sound(store)


def test_a_plan_has_no_deliveries_of_another_city(store: Store) -> None:
    staffed(store)
    delivery_id = waiting(store, "app-1")
    problem, orders = with_orders(planned(store))
    with store.database.write() as connection:
        connection.execute(update(deliveries).values(city_id="korba"))
    no = refused(publish_plan(store, RAIPUR, DAY, problem, orders, {}), RefusalCode.PLAN_OUTDATED)
    assert (no.bookings, delivery_status(store, delivery_id)) == ((delivery_id,), "waiting")


def test_a_delivery_that_no_route_of_the_plan_has_may_end(store: Store) -> None:
    staffed(store, 2)
    booking_id, ended = booked(store, 10, 1), waiting(store, "app-1")
    day = day_to_plan(store, RAIPUR, DAY)
    assert end_delivery(store, ended, DeliveryStatus.CANCELLED) is None
    done(publish_plan(store, RAIPUR, DAY, day.problem, {"E01": (booking_id,)}, {}))
    assert delivery_status(store, ended) == "cancelled"


def test_a_delivery_is_on_the_plan_of_one_day(store: Store) -> None:
    staffed(store, 2)
    delivery_id = waiting(store, "app-1", NEXT)
    today, tomorrow = with_orders(planned(store)), with_orders(planned(store, date=NEXT))
    done(publish_plan(store, RAIPUR, DAY, *today, {}))
    no = refused(publish_plan(store, RAIPUR, NEXT, *tomorrow, {}), RefusalCode.PLAN_OUTDATED)
    assert no.bookings == (delivery_id,)
    row = find_delivery(store, delivery_id)
    assert row is not None
    assert (row.status, row.planned_for) == ("planned", DAY.isoformat())
    assert published_plan(store, RAIPUR, NEXT) is None
    done(publish_plan(store, RAIPUR, DAY, *today, {}))
    done(set_closed(store, RAIPUR, DAY, "flood"))
    done(publish_plan(store, RAIPUR, NEXT, *tomorrow, {}))
    sound(store)


def test_who_publishes_while_a_delivery_is_being_ended_waits_and_is_refused(
    store: Store, store_address: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    staffed(store)
    delivery_id = waiting(store, "app-1", NEXT)
    problem, orders = with_orders(planned(store))
    came = threading.Event()

    def coming(*given: Any) -> Any:
        came.set()
        return lock_deliveries(*given)

    monkeypatch.setattr("api.store.desk.lock_deliveries", coming)
    with Database.open(store_address, clock=clock) as database, ThreadPoolExecutor(1) as pool:
        other: list[Future[Verdict]] = []

        def let_it_be_published(*_: object) -> None:
            own = Store(database, CATALOGUE)
            other.append(pool.submit(publish_plan, own, RAIPUR, DAY, problem, orders, {}))
            assert database.dialect == "sqlite" or came.wait(30)  # there nobody else begins to write

        ending = store.with_receipt(let_it_be_published)
        assert end_delivery(ending, delivery_id, DeliveryStatus.CANCELLED) is None
        no = refused(other[0].result(30), RefusalCode.PLAN_OUTDATED)
    assert no.bookings == (delivery_id,)
    assert delivery_status(store, delivery_id) == "cancelled"


# -------------------------------------------------------------------------------------------- ended


@pytest.mark.parametrize("word", ["waiting", "planned", "lost", ""])
def test_a_delivery_ends_delivered_or_cancelled_and_in_no_other_way(store: Store, word: str) -> None:
    delivery_id = waiting(store, "app-1")
    told = kinds(store)
    with pytest.raises(InvalidProblem) as error:
        end_delivery(store, delivery_id, word)
    assert [(f.pointer, f.code, f.value) for f in error.value.faults] == [("/status", "unknown_status", word)]
    assert (delivery_status(store, delivery_id), kinds(store)) == ("waiting", told)


class HalfwayError(Exception):
    """Something that goes wrong in the middle of a transaction."""


@pytest.mark.parametrize("after", ["api.store.database.Database.order_events", "api.store.store.write_events"])
def test_a_delivery_and_its_booking_change_both_or_neither(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    def break_off(*_: object) -> None:
        raise HalfwayError

    booking_id = served(store, clock)
    new = replace(applied("app-1"), booking_id=booking_id)
    told = kinds(store)
    with monkeypatch.context() as broken:
        broken.setattr(after, break_off)
        with pytest.raises(HalfwayError):
            add_delivery(store, RAIPUR, new)
    assert (list_deliveries(store, RAIPUR), status(store, booking_id), kinds(store)) == (
        [],
        BookingStatus.SERVED,
        told,
    )
    delivery_id = add_delivery(store, RAIPUR, new)
    assert isinstance(delivery_id, str)
    told = kinds(store)
    assert sorted(told[-2:]) == ["booking.certificate_due", "delivery.added"]
    with monkeypatch.context() as broken:
        broken.setattr(after, break_off)
        with pytest.raises(HalfwayError):
            end_delivery(store, delivery_id, DeliveryStatus.DELIVERED)
    assert (delivery_status(store, delivery_id), status(store, booking_id), kinds(store)) == (
        "waiting",
        BookingStatus.CERTIFICATE_DUE,
        told,
    )
    assert end_delivery(store, delivery_id, DeliveryStatus.DELIVERED) is None
    assert (delivery_status(store, delivery_id), status(store, booking_id)) == ("delivered", BookingStatus.DELIVERED)
    sound(store)


def test_a_delivery_of_a_booking_that_is_not_served_is_refused_and_leaves_nothing(store: Store) -> None:
    staffed(store)
    gone_id, booking_id = booked(store, 12, 1), booked(store, 10)
    done(store.cancel(gone_id))
    told = kinds(store)
    for name, code in (
        (booking_id, RefusalCode.ILLEGAL_TRANSITION),
        (gone_id, RefusalCode.ALREADY_CANCELLED),
        ("B0", RefusalCode.UNKNOWN_BOOKING),
    ):
        no = add_delivery(store, RAIPUR, replace(applied("app-1"), booking_id=name))
        assert isinstance(no, Refusal)
        assert (no.code, no.subject) == (code, name)
    assert (list_deliveries(store, RAIPUR), kinds(store)) == ([], told)
    assert status(store, booking_id) is BookingStatus.BOOKED


def test_a_delivery_whose_booking_was_marked_delivered_already_can_still_be_ended(store: Store, clock: Clock) -> None:
    booking_id, delivery_id = certified(store, clock)
    done(store.mark(booking_id, BookingStatus.DELIVERED))
    assert delivery_status(store, delivery_id) == "waiting"
    assert end_delivery(store, delivery_id, DeliveryStatus.DELIVERED) is None
    assert delivery_status(store, delivery_id) == "delivered"
    assert kinds(store)[-2:] == ["booking.delivered", "delivery.delivered"]
    sound(store)


def test_a_cancelled_delivery_leaves_the_certificate_of_its_booking_due(store: Store, clock: Clock) -> None:
    booking_id, delivery_id = certified(store, clock)
    assert end_delivery(store, delivery_id, DeliveryStatus.CANCELLED) is None
    assert (delivery_status(store, delivery_id), status(store, booking_id)) == (
        "cancelled",
        BookingStatus.CERTIFICATE_DUE,
    )


def test_after_a_cancelled_delivery_its_booking_may_have_another_one(store: Store, clock: Clock) -> None:
    booking_id, first = certified(store, clock)
    new = replace(applied("app-1", NEXT), booking_id=booking_id)
    told = kinds(store)
    no = add_delivery(store, RAIPUR, new)
    assert isinstance(no, Refusal)
    assert (no.code, no.subject, no.bookings) == (RefusalCode.ILLEGAL_TRANSITION, booking_id, (first,))
    assert kinds(store) == told
    assert end_delivery(store, first, DeliveryStatus.CANCELLED) is None
    second = add_delivery(store, RAIPUR, new)
    assert isinstance(second, str)
    assert status(store, booking_id) is BookingStatus.CERTIFICATE_DUE
    assert kinds(store) == [*told, "delivery.cancelled", "delivery.added"]
    assert end_delivery(store, second, DeliveryStatus.DELIVERED) is None
    assert status(store, booking_id) is BookingStatus.DELIVERED
    no = add_delivery(store, RAIPUR, new)
    assert isinstance(no, Refusal)
    assert no.code is RefusalCode.ILLEGAL_TRANSITION
    sound(store)


def test_of_two_who_give_a_booking_another_delivery_at_once_one_does(
    store: Store, store_address: str, clock: Clock
) -> None:
    booking_id, first = certified(store, clock)
    assert end_delivery(store, first, DeliveryStatus.CANCELLED) is None
    new = replace(applied("app-1", NEXT), booking_id=booking_id)

    def add(own: Store) -> str | Refusal:
        return add_delivery(own, RAIPUR, new)

    second, no = while_another_waits(store, store_address, clock, add, add)
    assert isinstance(no, Refusal)
    assert (no.code, no.bookings) == (RefusalCode.ILLEGAL_TRANSITION, (second,))
    assert len(list_deliveries(store, RAIPUR, "waiting")) == 1


def test_a_booking_that_is_being_marked_delivered_gets_no_other_delivery(
    store: Store, store_address: str, clock: Clock
) -> None:
    booking_id, first = certified(store, clock)
    assert end_delivery(store, first, DeliveryStatus.CANCELLED) is None

    def by_hand(own: Store) -> Verdict:
        return own.mark(booking_id, BookingStatus.DELIVERED)

    def add(own: Store) -> str | Refusal:
        return add_delivery(own, RAIPUR, replace(applied("app-1", NEXT), booking_id=booking_id))

    marked, no = while_another_waits(store, store_address, clock, by_hand, add)
    assert isinstance(no, Refusal)
    assert (len(done(marked).bookings), no.code, no.subject) == (1, RefusalCode.ILLEGAL_TRANSITION, booking_id)
    assert list_deliveries(store, RAIPUR, "waiting") == []


@pytest.mark.parametrize("of_a_booking", [False, True], ids=["alone", "of a booking"])
def test_of_many_who_end_a_delivery_at_once_one_does(store: Store, clock: Clock, of_a_booking: bool) -> None:
    delivery_id = certified(store, clock)[1] if of_a_booking else waiting(store, "app-1")

    def end() -> Refusal | None:
        return end_delivery(Store(store.database, CATALOGUE), delivery_id, DeliveryStatus.DELIVERED)

    outcomes = at_once([end] * 8)
    assert outcomes.count(None) == 1
    told = {(no.code, no.subject) for no in outcomes if no is not None}
    assert told == {(RefusalCode.ILLEGAL_TRANSITION, delivery_id)}
    assert delivery_status(store, delivery_id) == "delivered"
    assert kinds(store).count("delivery.delivered") == 1
    assert kinds(store).count("booking.delivered") == int(of_a_booking)


@pytest.mark.parametrize("of_a_booking", [False, True], ids=["alone", "of a booking"])
def test_who_saw_a_delivery_open_that_another_is_about_to_end_is_refused(
    store: Store, store_address: str, clock: Clock, of_a_booking: bool
) -> None:
    delivery_id = certified(store, clock)[1] if of_a_booking else waiting(store, "app-1")

    def end(own: Store) -> Refusal | None:
        return end_delivery(own, delivery_id, DeliveryStatus.DELIVERED)

    first, no = while_another_waits(store, store_address, clock, end, end)
    assert first is None
    assert no is not None
    assert (no.code, no.subject) == (RefusalCode.ILLEGAL_TRANSITION, delivery_id)
    assert kinds(store).count("delivery.delivered") == 1
    sound(store)


def test_a_delivery_whose_booking_is_being_marked_delivered_ends_alone(
    store: Store, store_address: str, clock: Clock
) -> None:
    booking_id, delivery_id = certified(store, clock)

    def by_hand(own: Store) -> Verdict:
        return own.mark(booking_id, BookingStatus.DELIVERED)

    def end(own: Store) -> Refusal | None:
        return end_delivery(own, delivery_id, DeliveryStatus.DELIVERED)

    marked, ended = while_another_waits(store, store_address, clock, by_hand, end)
    assert (len(done(marked).bookings), ended) == (1, None)
    assert (delivery_status(store, delivery_id), kinds(store).count("booking.delivered")) == ("delivered", 1)


# ------------------------------------------------------------------------- nobody waits for a waiter


def test_who_ends_deliveries_alone_and_with_their_bookings_do_not_wait_for_each_other(
    store: Store, clock: Clock
) -> None:
    staffed(store, 4, [DAY])
    ids = [booked(store, 9 + n // 4, n % 4) for n in range(24)]
    problem, orders = with_orders(planned(store))
    done(publish_plan(store, RAIPUR, DAY, problem, orders, {}))
    clock.now = dt.datetime(2026, 12, 3, 9, 30, tzinfo=IST)
    for booking_id in ids:
        done(store.mark(booking_id, BookingStatus.ON_THE_WAY))
        done(store.mark(booking_id, BookingStatus.SERVED))
    made = [add_delivery(store, RAIPUR, replace(applied("app-1"), booking_id=booking_id)) for booking_id in ids]

    def end(delivery_id: str | Refusal, word: str, looks: int) -> Refusal | None:
        """Who cancels is quicker than who delivers: a few looks at something else make up for that, now and then."""
        own = Store(store.database, CATALOGUE)
        for _ in range(looks):
            own.booking(ids[0])
        return end_delivery(own, str(delivery_id), word)

    for n in range(0, len(made), 4):
        pairs = [(delivery_id, word) for delivery_id in made[n : n + 4] for word in ENDS]
        acts = [partial(end, *pair, n // 2 if pair[1] == "cancelled" else 0) for pair in pairs]
        answers = at_once(acts)
        assert answers.count(None) == 4
        assert {no.code for no in answers if no is not None} == {RefusalCode.ILLEGAL_TRANSITION}
    sound(store)


def test_who_publish_withdraw_and_end_the_same_deliveries_do_not_wait_for_each_other(store: Store) -> None:
    staffed(store, 2)
    made = [waiting(store, f"app-{n}", NEXT, number=n) for n in range(12)]
    plans = {date: with_orders(planned(store, date=date)) for date in (DAY, NEXT)}
    assert all(len(problem.deliveries) == len(made) for problem, _ in plans.values())

    def drive(date: dt.date) -> set[RefusalCode | None]:
        own, answers = Store(store.database, CATALOGUE), set[RefusalCode | None]()
        for _ in range(8):
            verdict = publish_plan(own, RAIPUR, date, *plans[date], {})
            answers.add(verdict.code if isinstance(verdict, Refusal) else None)
            for why in ("flood", None):
                done(set_closed(own, RAIPUR, date, why))
        return answers

    def end() -> set[RefusalCode | None]:
        own = Store(store.database, CATALOGUE)
        refusals = [end_delivery(own, delivery_id, DeliveryStatus.CANCELLED) for delivery_id in reversed(made[6:])]
        return {None if no is None else no.code for no in refusals}

    acts: list[Callable[[], set[RefusalCode | None]]] = [partial(drive, date) for date in (DAY, NEXT, DAY, NEXT)]
    *driven, ended = at_once([*acts, end])
    assert ended == {None}
    codes = {None, RefusalCode.PLAN_OUTDATED, RefusalCode.DAY_CLOSED}
    assert all(answers <= codes for answers in driven)
    assert [row.status for row in list_deliveries(store, RAIPUR)].count("cancelled") == 6
    sound(store)
