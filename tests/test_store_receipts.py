"""Changes that are signed, and changes that are made only from a certain state; on SQLite and on PostgreSQL.

A receipt is called once in the transaction of a change, as the last thing; what it raises undoes everything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from api.store.background import improve_day, recover_day
from api.store.desk import (
    DayIs,
    DeliveryStatus,
    NewDelivery,
    add_delivery,
    end_delivery,
    publish_plan,
    set_closed,
    set_roster,
    set_rules,
    set_sale,
    store_rules,
)
from api.store.rows import CityRules
from api.store.schema import audit, metadata
from api.store.store import OnlyIf, Store
from api.store.writing import View
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict
from optimizer.domain import Booking, BookingRules, BookingStatus, NotServed
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
    on_the_way,
    planned,
    refused,
    served,
    sound,
    staffed,
    store,
    want,
)
from tests.stores import row

__all__ = ["clock", "store"]

Contents = dict[str, list[tuple[Any, ...]]]
Step = Callable[[Store], object]
"""A change, made in a store that may have a receipt."""
Scene = Callable[[Store, Clock], Step]
"""Brings a store to where a step can be done, and gives the step."""


def contents(connection: Connection) -> Contents:
    """Every row of every table."""
    return {
        name: [tuple(found) for found in connection.execute(select(table).order_by(*table.primary_key))]
        for name, table in metadata.tables.items()
    }


def stored(store: Store) -> Contents:
    with store.database.read() as connection:
        return contents(connection)


def certificate(booking_id: str | None = None) -> NewDelivery:
    return NewDelivery(INCOME, at(4), "app-1", ready_from=DAY, due=NEXT, booking_id=booking_id)


def delivery(store: Store, booking_id: str | None = None) -> str:
    delivery_id = add_delivery(store, RAIPUR, certificate(booking_id))
    assert isinstance(delivery_id, str)
    return delivery_id


# ---------------------------------------------------------------------------- every kind of change


def _hold(store: Store, _: Clock) -> Step:
    staffed(store)
    return lambda own: own.hold(RAIPUR, at(), [want(10), want(12, NEXT)], "a")


def _book_at_once(store: Store, _: Clock) -> Step:
    staffed(store)
    return lambda own: own.hold(RAIPUR, at(), [want(10)], "a", at_once=True)


def _hold_where_another_ran_out(store: Store, clock: Clock) -> Step:
    staffed(store)
    held(store, 10)
    clock.on(300)
    return lambda own: own.hold(RAIPUR, at(1), [want(10)], "b")


def _confirm(store: Store, _: Clock) -> Step:
    staffed(store)
    booking_id = held(store, 10)
    return lambda own: own.confirm([booking_id], "a")


def _extend(store: Store, clock: Clock) -> Step:
    staffed(store)
    booking_id = held(store, 10)
    clock.on(10)
    return lambda own: own.extend([booking_id], "a")


def _give_up(store: Store, _: Clock) -> Step:
    staffed(store)
    booking_id = held(store, 10)
    return lambda own: own.give_up([booking_id], "a")


def _cancel(store: Store, _: Clock) -> Step:
    staffed(store)
    booking_id = booked(store, 10)
    return lambda own: own.cancel(booking_id)


def _move(store: Store, _: Clock) -> Step:
    staffed(store)
    booking_id = booked(store, 10)
    return lambda own: own.move(booking_id, NEXT, 15 * H)


def _locate(store: Store, _: Clock) -> Step:
    staffed(store)
    booking_id = booked(store, 10)
    return lambda own: own.locate(booking_id, at(2))


def _mark(store: Store, clock: Clock) -> Step:
    booking_id = on_the_way(store, clock)
    return lambda own: own.mark(booking_id, BookingStatus.NOT_SERVED, NotServed.CITIZEN_ABSENT)


def _sweep(store: Store, clock: Clock) -> Step:
    staffed(store)
    held(store, 10)
    clock.on(300)
    return lambda own: own.sweep()


def _roster(store: Store, _: Clock) -> Step:
    staffed(store)
    booked(store, 10)
    return lambda own: set_roster(own, RAIPUR, DAY, executives(2))


def _first_roster(_: Store, __: Clock) -> Step:
    return lambda own: set_roster(own, RAIPUR, DAY, executives(2))


def _roster_by_force(store: Store, _: Clock) -> Step:
    staffed(store, 2)
    for number in (1, 2):
        booked(store, 10, number)
    return lambda own: set_roster(own, RAIPUR, DAY, executives(1), force=True)


def _sale(store: Store, _: Clock) -> Step:
    staffed(store)
    return lambda own: set_sale(own, RAIPUR, DAY, {2}, {3: 1})


def _closed(store: Store, _: Clock) -> Step:
    staffed(store)
    booked(store, 10)
    return lambda own: set_closed(own, RAIPUR, DAY, "flood", force=True)


def _withdrawn(store: Store, clock: Clock) -> Step:
    _published(store, clock)(store)
    return lambda own: set_closed(own, RAIPUR, DAY, "flood", force=True)


def _rules(store: Store, _: Clock) -> Step:
    other = replace(store_rules(store, RAIPUR), booking=BookingRules(hold_s=60))
    return lambda own: set_rules(own, RAIPUR, other)


def _published(store: Store, _: Clock) -> Step:
    staffed(store, 2)
    booked(store, 10)
    delivery(store)
    day, orders = planned(store)
    return lambda own: publish_plan(own, RAIPUR, DAY, day.problem, orders, {"plan": 1})


def _delivery(_: Store, __: Clock) -> Step:
    return lambda own: add_delivery(own, RAIPUR, certificate())


def _delivery_of_a_booking(store: Store, clock: Clock) -> Step:
    booking_id = served(store, clock)
    return lambda own: add_delivery(own, RAIPUR, certificate(booking_id))


def _delivered(store: Store, _: Clock) -> Step:
    delivery_id = delivery(store)
    return lambda own: end_delivery(own, delivery_id, DeliveryStatus.DELIVERED)


def _delivered_of_a_booking(store: Store, clock: Clock) -> Step:
    delivery_id = delivery(store, served(store, clock))
    return lambda own: end_delivery(own, delivery_id, DeliveryStatus.DELIVERED)


def _kept_again(store: Store, clock: Clock) -> Step:
    _roster_by_force(store, clock)(store)
    done(set_roster(store, RAIPUR, DAY, executives(2)))
    return lambda own: recover_day(own, RAIPUR, DAY)


def _improved(store: Store, _: Clock) -> Step:
    staffed(store, 3)
    for number, hour in enumerate((9, 13, 10, 15, 11, 16, 12, 9, 14)):
        booked(store, hour, (-1) ** number * number * 3)
    return lambda own: improve_day(own, RAIPUR, DAY, 5.0)


SCENES: tuple[Scene, ...] = (
    *(_hold, _book_at_once, _hold_where_another_ran_out, _confirm, _extend, _give_up),
    *(_cancel, _move, _locate, _mark, _sweep),
    *(_roster, _first_roster, _roster_by_force, _sale, _closed, _withdrawn, _rules, _published),
    *(_delivery, _delivery_of_a_booking, _delivered, _delivered_of_a_booking, _kept_again, _improved),
)
every_change = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__.strip("_").replace("_", " "))


@every_change
def test_a_receipt_is_called_once_within_the_transaction_and_after_everything_else(
    store: Store, clock: Clock, scene: Scene
) -> None:
    step = scene(store, clock)
    before = stored(store)
    seen: list[tuple[Contents, Contents]] = []

    def receipt(connection: Connection, now: dt.datetime, outcome: object) -> None:
        assert (now, isinstance(outcome, Refusal)) == (clock.now, False)
        seen.append((contents(connection), stored(store)))

    assert not isinstance(step(store.with_receipt(receipt)), Refusal)
    after = stored(store)
    assert seen == [(after, before)]
    assert after != before


@every_change
def test_a_receipt_that_raises_leaves_no_trace_of_the_change(store: Store, clock: Clock, scene: Scene) -> None:
    step = scene(store, clock)
    before = stored(store)

    def receipt(connection: Connection, _: dt.datetime, __: object) -> None:
        connection.execute(insert(audit), row(audit))
        raise KeyError("no receipt")

    with pytest.raises(KeyError, match="no receipt"):
        step(store.with_receipt(receipt))
    assert stored(store) == before
    assert not isinstance(step(store), Refusal)  # nor in memory: the same is done from the same state
    after = stored(store)
    assert after != before
    assert after["audit"] == []
    sound(store)


def test_what_a_receipt_writes_is_stored_with_the_change(store: Store) -> None:
    staffed(store)

    def receipt(connection: Connection, _: dt.datetime, outcome: object) -> None:
        assert isinstance(outcome, Change)
        connection.execute(insert(audit), row(audit, subjects=outcome.bookings[0].booking_id))

    booking_id = held(store.with_receipt(receipt), 10)
    held(store, 12)  # the store itself gives none
    assert [each[-1] for each in stored(store)["audit"]] == [booking_id]


def test_a_receipt_says_what_came_of_a_change(store: Store, clock: Clock) -> None:
    outcomes: list[object] = []
    signed = store.with_receipt(lambda _, __, outcome: outcomes.append(outcome))
    rules = store_rules(store, RAIPUR)
    set_rules(signed, RAIPUR, rules)
    booking_id = served(store, clock)
    alone = delivery(signed)
    of_a_booking = delivery(signed, booking_id)
    end_delivery(signed, alone, DeliveryStatus.CANCELLED)
    end_delivery(signed, of_a_booking, DeliveryStatus.DELIVERED)
    roster = set_roster(signed, RAIPUR, NEXT, executives(3))
    assert outcomes == [rules, alone, of_a_booking, alone, of_a_booking, roster]
    assert isinstance(outcomes[0], CityRules)
    assert isinstance(outcomes[-1], Change)


def test_a_change_that_is_tried_again_has_one_receipt(store: Store) -> None:
    staffed(store, 2)
    booking_id = booked(store, 10)
    others: list[str] = []

    def somebody_was_first(_: Booking) -> bool:
        if len(others) < 2:
            others.append(booked(store, 12 + len(others)))
        return True

    receipts: list[object] = []
    signed = store.with_receipt(lambda _, __, outcome: receipts.append(outcome))
    change = done(signed.cancel(booking_id, only_if=somebody_was_first))
    assert (len(others), receipts) == (2, [change])
    sound(store)


# ------------------------------------------------------------------------------------- what is refused


def refusing(store: Store, clock: Clock) -> dict[str, Step]:
    """Steps that are all refused, on a day that is on its way and the day after it."""
    on_way = on_the_way(store, clock)
    open_id, holding = booked(store, 10, 1, NEXT), held(store, 12, "a", 2, NEXT)
    ended = delivery(store)
    assert end_delivery(store, ended, DeliveryStatus.CANCELLED) is None
    day, orders = planned(store, date=NEXT)
    booked(store, 17, 3, NEXT)
    return {
        "hold": lambda own: own.hold(RAIPUR, at(1), [want(10, NEXT), want(10, NEXT)], "b"),
        "confirm": lambda own: own.confirm([holding], "another"),
        "extend": lambda own: own.extend([open_id], "a"),
        "give up": lambda own: own.give_up([holding], "another"),
        "cancel": lambda own: own.cancel(holding),
        "move": lambda own: own.move(on_way, NEXT, 15 * H),
        "locate": lambda own: own.locate(on_way, at(2)),
        "mark": lambda own: own.mark(open_id, BookingStatus.SERVED),
        "unknown": lambda own: own.cancel("B0"),
        "roster": lambda own: set_roster(own, RAIPUR, NEXT, ()),
        "close": lambda own: set_closed(own, RAIPUR, NEXT, "flood"),
        "publish": lambda own: publish_plan(own, RAIPUR, NEXT, day.problem, orders, {}),
        "delivery": lambda own: add_delivery(own, RAIPUR, certificate(open_id)),
        "ended": lambda own: end_delivery(own, ended, DeliveryStatus.DELIVERED),
        "no delivery": lambda own: end_delivery(own, "D0", DeliveryStatus.DELIVERED),
    }


def test_what_is_refused_has_no_receipt_and_changes_nothing(store: Store, clock: Clock) -> None:
    steps = refusing(store, clock)
    before = stored(store)
    receipts: list[object] = []
    signed = store.with_receipt(lambda _, __, outcome: receipts.append(outcome))
    answers = {name: step(signed) for name, step in steps.items()}
    assert {name: no.code for name, no in answers.items() if isinstance(no, Refusal)} == {
        "hold": RefusalCode.SLOT_TAKEN_TWICE,
        "confirm": RefusalCode.HOLD_OF_ANOTHER_CALLER,
        "extend": RefusalCode.ALREADY_CONFIRMED,
        "give up": RefusalCode.HOLD_OF_ANOTHER_CALLER,
        "cancel": RefusalCode.ILLEGAL_TRANSITION,
        "move": RefusalCode.ILLEGAL_TRANSITION,
        "locate": RefusalCode.DAY_PUBLISHED,
        "mark": RefusalCode.ILLEGAL_TRANSITION,
        "unknown": RefusalCode.UNKNOWN_BOOKING,
        "roster": RefusalCode.PROMISES_IN_THE_WAY,
        "close": RefusalCode.PROMISES_IN_THE_WAY,
        "publish": RefusalCode.PLAN_OUTDATED,
        "delivery": RefusalCode.ILLEGAL_TRANSITION,
        "ended": RefusalCode.ILLEGAL_TRANSITION,
        "no delivery": RefusalCode.UNKNOWN_BOOKING,
    }
    assert receipts == []
    assert stored(store) == before


# ---------------------------------------------------------------- changes from a certain state only

Conditional = Callable[[Store, str, OnlyIf], Verdict]
CONDITIONAL: dict[str, Conditional] = {
    "cancel": lambda store, booking_id, only_if: store.cancel(booking_id, only_if=only_if),
    "mark": lambda store, booking_id, only_if: store.mark(booking_id, BookingStatus.SERVED, only_if=only_if),
    "move": lambda store, booking_id, only_if: store.move(booking_id, NEXT, 15 * H, only_if=only_if),
    "locate": lambda store, booking_id, only_if: store.locate(booking_id, at(2), only_if=only_if),
}


def ready(store: Store, clock: Clock, verb: str) -> str:
    """A booking that this verb can be done to."""
    if verb == "mark":
        return on_the_way(store, clock)
    staffed(store, 2)
    return booked(store, 10)


@pytest.mark.parametrize("verb", CONDITIONAL)
def test_a_change_of_a_booking_that_is_not_as_it_was_read_is_refused_and_nothing_is_changed(
    store: Store, clock: Clock, verb: str
) -> None:
    booking_id = ready(store, clock, verb)
    before, asked, receipts = stored(store), [], []

    def no(booking: Booking) -> bool:
        asked.append(booking)
        return False

    signed = store.with_receipt(lambda _, __, outcome: receipts.append(outcome))
    refusal = refused(CONDITIONAL[verb](signed, booking_id, no), RefusalCode.CHANGED_MEANWHILE)
    assert (refusal.subject, asked, receipts) == (booking_id, [store.booking(booking_id)], [])
    assert stored(store) == before
    done(CONDITIONAL[verb](store, booking_id, lambda booking: booking == asked[0]))


@pytest.mark.parametrize("verb", CONDITIONAL)
def test_a_booking_is_judged_as_it_is_when_it_is_changed(store: Store, clock: Clock, verb: str) -> None:
    """Between the first look and the change somebody else is quicker: the condition is asked again, of what is now."""
    booking_id = ready(store, clock, verb)
    other = Store(store.database, CATALOGUE)
    asked: list[Booking] = []

    def as_it_was(booking: Booking) -> bool:
        asked.append(booking)
        if len(asked) == 1:
            if verb == "mark":
                done(other.mark(booking_id, BookingStatus.NOT_SERVED, NotServed.CITIZEN_ABSENT))
            else:
                done(other.locate(booking_id, at(5)))
        return booking == asked[0]

    refused(CONDITIONAL[verb](store, booking_id, as_it_was), RefusalCode.CHANGED_MEANWHILE)
    assert len(asked) == 2
    assert asked[1] == store.booking(booking_id)
    assert kinds(store)[-1] == ("booking.not_served" if verb == "mark" else "booking.located")
    sound(store)


@pytest.mark.parametrize("verb", CONDITIONAL)
def test_a_change_of_something_else_on_the_day_does_not_stop_a_conditional_one(
    store: Store, clock: Clock, verb: str
) -> None:
    booking_id = ready(store, clock, verb)
    asked: list[Booking] = []

    def as_it_was(booking: Booking) -> bool:
        asked.append(booking)
        if len(asked) == 1 and verb != "mark":
            booked(store, 14, 3)
        return booking == asked[0]

    done(CONDITIONAL[verb](store, booking_id, as_it_was))
    assert len(asked) == (1 if verb == "mark" else 2)
    sound(store)


def test_what_is_unknown_or_gone_is_told_as_that_and_no_condition_is_asked(store: Store) -> None:
    def never(_: Booking) -> bool:
        raise AssertionError

    staffed(store)
    booking_id = booked(store, 10)
    done(store.cancel(booking_id))
    for name, change in CONDITIONAL.items():
        refused(change(store, "B0", never), RefusalCode.UNKNOWN_BOOKING)
        assert refused(change(store, booking_id, never), RefusalCode.ALREADY_CANCELLED).subject == booking_id, name


def version_is(number: int) -> DayIs:
    return lambda view: view.state.version == number


def test_a_roster_for_a_day_that_is_not_as_it_was_read_is_refused_and_nothing_is_changed(store: Store) -> None:
    staffed(store)
    before, receipts = stored(store), []
    signed = store.with_receipt(lambda _, __, outcome: receipts.append(outcome))
    verdict = set_roster(signed, RAIPUR, DAY, executives(2), only_if=version_is(7))
    assert refused(verdict, RefusalCode.CHANGED_MEANWHILE).subject == DAY.isoformat()
    assert (stored(store), receipts) == (before, [])
    done(set_roster(store, RAIPUR, DAY, executives(2), only_if=version_is(1)))
    refused(set_roster(store, RAIPUR, DAY, executives(3), only_if=version_is(1)), RefusalCode.CHANGED_MEANWHILE)


def test_a_day_is_judged_as_it_is_when_its_roster_is_set(store: Store) -> None:
    staffed(store, 2)
    other = Store(store.database, CATALOGUE)
    asked: list[int] = []

    def as_it_was(view: View) -> bool:
        asked.append(view.state.version)
        if len(asked) == 1:
            booked(other, 10)
        return view.state.version == asked[0]

    verdict = set_roster(store, RAIPUR, DAY, executives(1), only_if=as_it_was)
    refused(verdict, RefusalCode.CHANGED_MEANWHILE)
    assert asked == [1, 2]
    assert kinds(store)[-1] == "booking.made"
    sound(store)
