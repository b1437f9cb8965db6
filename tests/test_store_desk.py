"""The desk's side of a store, on SQLite and on PostgreSQL: rosters, rules, plans, visits, deliveries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection

from api.store.background import improve_day, recover_day
from api.store.checking import check_store
from api.store.desk import (
    DeliveryStatus,
    NewDelivery,
    add_delivery,
    day_to_plan,
    end_delivery,
    list_deliveries,
    publish_plan,
    published_plan,
    set_closed,
    set_roster,
    set_rules,
    set_sale,
    store_rules,
)
from api.store.rows import travel_text
from api.store.states import DayState
from api.store.store import Store, WantedSlot
from api.store.writing import VersionChanged, write_day
from optimizer.bookings import Refusal, RefusalCode
from optimizer.check import violations
from optimizer.domain import BookingRules, BookingStatus, InvalidProblem, NotServed
from optimizer.slots import SlotReasonCode, plan_of
from optimizer.units import IST
from scenarios.places import Whereabouts
from tests.store_days import (
    CATALOGUE,
    DAY,
    INCOME,
    NEXT,
    RAIPUR,
    Clock,
    H,
    at,
    at_once,
    booked,
    clock,
    done,
    executives,
    held,
    kinds,
    planned,
    refused,
    sound,
    staffed,
    status,
    store,
    want,
    while_another_waits,
)

__all__ = ["clock", "store"]


# --------------------------------------------------------------------- rules and changes of the day


def test_closed_days_take_no_roster_and_no_booking(store: Store) -> None:
    republic_day = dt.date(2027, 1, 26)
    with pytest.raises(InvalidProblem) as error:
        set_roster(store, RAIPUR, republic_day, executives(1))
    assert error.value.faults[0].code == "closed_day"
    set_rules(store, RAIPUR, replace(store_rules(store, RAIPUR), booking=BookingRules(horizon_days=90)))
    no = refused(store.hold(RAIPUR, at(), [want(10, republic_day)], "a"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.CLOSED_DAY


def test_stop_sales_and_quotas_hold(store: Store) -> None:
    staffed(store, 3)
    done(set_sale(store, RAIPUR, DAY, {2}, {3: 1}))
    no = refused(store.hold(RAIPUR, at(), [want(10)], "a"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.STOP_SALE
    held(store, 11)
    no = refused(store.hold(RAIPUR, at(1), [want(11)], "a"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.QUOTA_USED_UP
    with pytest.raises(InvalidProblem) as error:
        set_sale(store, RAIPUR, DAY, {12, -1}, {0: -1})
    assert [f.code for f in error.value.faults] == ["unknown_slot", "unknown_slot", "negative"]


def test_rules_of_a_city_are_its_own(store: Store, clock: Clock) -> None:
    staffed(store)
    rules = replace(store_rules(store, RAIPUR), booking=BookingRules(hold_s=60, move_cutoff_s=0, horizon_days=2))
    set_rules(store, RAIPUR, rules)
    booking_id = held(store, 10)
    clock.on(60)
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    no = refused(store.hold(RAIPUR, at(), [want(10, NEXT)], "a"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.BEYOND_HORIZON


def test_a_roster_without_room_for_the_promises_is_refused_with_them(store: Store) -> None:
    staffed(store, 2)
    ids = {booked(store, 10, number) for number in (1, 2)}
    no = refused(set_roster(store, RAIPUR, DAY, executives(1)), RefusalCode.PROMISES_IN_THE_WAY)
    assert set(no.bookings) < ids
    assert "no plan keeps more" in no.text
    sound(store)
    forced = done(set_roster(store, RAIPUR, DAY, executives(1), force=True))
    risky = [b for b in forced.bookings if b.at_risk]
    assert len(risky) == 1
    assert kinds(store)[-2:] == ["day.changed", "booking.at_risk"]
    checked = check_store(store)
    assert (checked.promises, checked.at_risk, checked.findings) == (1, 1, ())


def test_a_hold_at_risk_cannot_be_confirmed(store: Store) -> None:
    staffed(store)
    booking_id = held(store, 10)
    done(set_closed(store, RAIPUR, DAY, "flood", force=True))
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_AT_RISK)
    done(store.give_up([booking_id], "a"))
    sound(store)


def test_a_roster_without_the_executive_of_a_pinned_promise_is_refused(store: Store) -> None:
    staffed(store, 2)
    pinned = WantedSlot(INCOME, DAY, 10 * H, pinned_to="E02")
    booking_id = done(store.hold(RAIPUR, at(), [pinned], "a", at_once=True)).bookings[0].booking_id
    no = refused(set_roster(store, RAIPUR, DAY, executives(1)), RefusalCode.PROMISES_IN_THE_WAY)
    assert no.bookings == (booking_id,)
    sound(store)


def test_other_travel_times_are_taken_only_with_a_witness(store: Store) -> None:
    staffed(store)
    for hour in (10, 11):
        done(
            store.hold(
                RAIPUR,
                Whereabouts(RAIPUR.office.lon + 0.05 * (hour - 10), RAIPUR.office.lat, 0, "point"),
                [want(hour)],
                "a",
                at_once=True,
            )
        )
    slow = travel_text(replace(store.facts.spec_of(store.facts.travel(25)), minutes_per_km=12.0))
    no = refused(set_roster(store, RAIPUR, DAY, executives(1), travel=slow), RefusalCode.PROMISES_IN_THE_WAY)
    assert len(no.bookings) == 1
    quick = travel_text(replace(store.facts.spec_of(store.facts.travel(25)), minutes_per_km=2.0))
    done(set_roster(store, RAIPUR, DAY, executives(1), travel=quick))
    again = Store(store.database, CATALOGUE)
    assert again.offers(RAIPUR, at(3), [INCOME], DAY, DAY) == store.offers(RAIPUR, at(3), [INCOME], DAY, DAY)
    sound(store)


def test_a_day_with_promises_closes_only_by_force(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    no = refused(set_closed(store, RAIPUR, DAY, "flood"), RefusalCode.PROMISES_IN_THE_WAY)
    assert no.bookings == (booking_id,)
    done(set_closed(store, RAIPUR, DAY, "flood", force=True))
    risky = store.booking(booking_id)
    assert risky is not None
    assert risky.at_risk
    no = refused(store.hold(RAIPUR, at(1), [want(11)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.CLOSED_DAY
    refused(store.locate(booking_id, at(2)), RefusalCode.DAY_CLOSED)
    assert store.booking(booking_id) == risky
    done(set_closed(store, RAIPUR, DAY, None))
    held(store, 11, "b", 1)
    sound(store)


# -------------------------------------------------------------------------- planning and publishing


def test_a_published_plan_is_the_witness_deliveries_included(store: Store) -> None:
    staffed(store, 2)
    first, second = booked(store, 10, 1), booked(store, 11, 2)
    new = NewDelivery(INCOME, at(4), "app-1", ready_from=DAY, due=DAY + dt.timedelta(days=3))
    delivery_id = add_delivery(store, RAIPUR, new)
    day, orders = planned(store)
    assert {v.visit_id for v in day.problem.visits} == {first, second, delivery_id}
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {"plan": 1}))
    assert status(store, first) is BookingStatus.PLANNED
    booking = store.booking(first)
    assert booking is not None
    assert booking.executive_id in {"E01", "E02"}
    assert [row.status for row in list_deliveries(store, RAIPUR)] == [DeliveryStatus.PLANNED]
    assert kinds(store).count("appointment.assigned") == 2
    plan = published_plan(store, RAIPUR, DAY)
    assert plan is not None
    assert plan.document == '{"plan":1}'
    no = refused(store.hold(RAIPUR, at(1), [want(15)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.DAY_PUBLISHED
    assert improve_day(store, RAIPUR, DAY, 1.0) is None
    sound(store)
    again = Store(store.database, CATALOGUE)
    done(again.cancel(second))
    sound(again)


def test_publishing_is_refused_with_the_difference_when_a_booking_came_in_between(store: Store) -> None:
    staffed(store, 2)
    old = booked(store, 10, 1)
    day, orders = planned(store)
    new = booked(store, 12, 2)
    done(store.cancel(old))
    no = refused(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}), RefusalCode.PLAN_OUTDATED)
    assert set(no.bookings) == {old, new}
    assert published_plan(store, RAIPUR, DAY) is None


def test_a_plan_that_breaks_rules_or_names_others_is_not_published(store: Store) -> None:
    staffed(store, 2)
    first, second = booked(store, 10, 1), booked(store, 10, 2)
    day = day_to_plan(store, RAIPUR, DAY)
    both = {"E01": (first, second)}
    refused(publish_plan(store, RAIPUR, DAY, day.problem, both, {}), RefusalCode.PLAN_BREAKS_RULES)
    twice = {"E01": (first, second), "E02": (first,)}
    refused(publish_plan(store, RAIPUR, DAY, day.problem, twice, {}), RefusalCode.PLAN_BREAKS_RULES)
    other = {"E01": (first,), "E03": (second,)}
    refused(publish_plan(store, RAIPUR, DAY, day.problem, other, {}), RefusalCode.PLAN_OUTDATED)
    done(set_roster(store, RAIPUR, DAY, executives(3)))
    apart = {"E01": (first,), "E02": (second,)}
    refused(publish_plan(store, RAIPUR, DAY, day.problem, apart, {}), RefusalCode.PLAN_OUTDATED)
    done(publish_plan(store, RAIPUR, DAY, day_to_plan(store, RAIPUR, DAY).problem, apart, {}))
    sound(store)


def test_a_plan_published_again_reassigns(store: Store) -> None:
    staffed(store, 2)
    booking_id = booked(store, 10, 1)
    day = day_to_plan(store, RAIPUR, DAY)
    done(publish_plan(store, RAIPUR, DAY, day.problem, {"E01": (booking_id,)}, {}))
    done(publish_plan(store, RAIPUR, DAY, day.problem, {"E02": (booking_id,)}, {}))
    assert kinds(store)[-2:] == ["plan.published", "appointment.reassigned"]
    plan = published_plan(store, RAIPUR, DAY)
    assert plan is not None
    assert plan.number == 2
    sound(store)


def test_every_plan_of_the_store_is_accepted_by_the_checker(store: Store) -> None:
    staffed(store, 2)
    for number, hour in enumerate((9, 9, 10, 12, 12)):
        booked(store, hour, number)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    with store.database.read() as connection:
        view = store.views(connection, RAIPUR, [DAY])[DAY]
    assert violations(view.book.day.problem, plan_of(view.book.day)) == ()


def test_a_published_day_that_closes_takes_its_plan_back_and_can_open_again(store: Store) -> None:
    staffed(store, 2)
    booking_id = booked(store, 10, 1)
    delivery = NewDelivery(INCOME, at(4), "app-1", ready_from=DAY, due=DAY + dt.timedelta(days=3))
    add_delivery(store, RAIPUR, delivery)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    refused(set_closed(store, RAIPUR, DAY, "flood"), RefusalCode.PROMISES_IN_THE_WAY)
    done(set_closed(store, RAIPUR, DAY, "flood", force=True))
    assert "plan.withdrawn" in kinds(store)
    assert [row.status for row in list_deliveries(store, RAIPUR)] == [DeliveryStatus.WAITING]
    risky = store.booking(booking_id)
    assert risky is not None
    assert (risky.status, risky.at_risk, risky.executive_id) == (BookingStatus.BOOKED, True, None)
    sound(store)
    assert recover_day(store, RAIPUR, DAY) == 0
    assert improve_day(store, RAIPUR, DAY, 0.5) is None
    refused(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}), RefusalCode.DAY_CLOSED)
    done(set_closed(store, RAIPUR, DAY, None))
    assert recover_day(store, RAIPUR, DAY) == 1
    held(store, 12, "b", 2)
    sound(store)
    again = Store(store.database, CATALOGUE)
    assert again.offers(RAIPUR, at(3), [INCOME], DAY, DAY) == store.offers(RAIPUR, at(3), [INCOME], DAY, DAY)


def test_a_day_that_has_begun_is_not_closed(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    clock.now = dt.datetime(2026, 12, 3, 9, 30, tzinfo=IST)
    done(store.mark(booking_id, BookingStatus.ON_THE_WAY))
    no = refused(set_closed(store, RAIPUR, DAY, "flood", force=True), RefusalCode.DAY_BEGUN)
    assert no.bookings == (booking_id,)
    sound(store)


# ------------------------------------------------------------------------------------------- visits


def test_a_booking_goes_from_the_door_to_the_certificate(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    clock.now = dt.datetime(2026, 12, 3, 9, 30, tzinfo=IST)
    refused(store.mark(booking_id, BookingStatus.SERVED), RefusalCode.ILLEGAL_TRANSITION)
    done(store.mark(booking_id, BookingStatus.ON_THE_WAY))
    refused(store.mark(booking_id, BookingStatus.NOT_SERVED), RefusalCode.CODE_NEEDED)
    done(store.mark(booking_id, BookingStatus.SERVED))
    refused(store.cancel(booking_id), RefusalCode.ILLEGAL_TRANSITION)
    new = NewDelivery(INCOME, at(), "app-1", ready_from=NEXT, applied=DAY, booking_id=booking_id)
    delivery_id = add_delivery(store, RAIPUR, new)
    assert isinstance(delivery_id, str)
    assert status(store, booking_id) is BookingStatus.CERTIFICATE_DUE
    assert end_delivery(store, delivery_id, DeliveryStatus.DELIVERED) is None
    assert status(store, booking_id) is BookingStatus.DELIVERED
    again = end_delivery(store, delivery_id, DeliveryStatus.CANCELLED)
    assert again is not None
    assert again.code is RefusalCode.ILLEGAL_TRANSITION
    sound(store)


def test_nothing_is_served_before_its_day(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    clock.now = dt.datetime(2026, 12, 2, 23, 59, 59, tzinfo=IST)
    refused(store.mark(booking_id, BookingStatus.ON_THE_WAY), RefusalCode.TOO_EARLY)
    clock.on(1)
    done(store.mark(booking_id, BookingStatus.ON_THE_WAY))


def test_a_visit_that_was_not_served_has_its_code(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    clock.now = dt.datetime(2026, 12, 3, 10, 30, tzinfo=IST)
    done(store.mark(booking_id, BookingStatus.NOT_SERVED, NotServed.CITIZEN_ABSENT))
    booking = store.booking(booking_id)
    assert booking is not None
    assert booking.not_served is NotServed.CITIZEN_ABSENT
    sound(store)


# ---------------------------------------------------------------------------------- several at once


def _roster(own: Store, number: int) -> object:
    return set_roster(own, RAIPUR, DAY, executives(number + 1))


def _sale(own: Store, number: int) -> object:
    return set_sale(own, RAIPUR, DAY, {number}, {})


def _closing(own: Store, number: int) -> object:
    return set_closed(own, RAIPUR, DAY, f"flood-{number}")


def _rules(own: Store, number: int) -> object:
    rules = store_rules(own, RAIPUR)
    set_rules(own, RAIPUR, replace(rules, booking=BookingRules(hold_s=60 + number)))
    return None


first_change = pytest.mark.parametrize("change", [_roster, _sale, _closing, _rules], ids=lambda one: one.__name__)


@first_change
def test_who_makes_the_first_change_of_a_day_while_another_does_makes_the_second(
    store: Store, store_address: str, clock: Clock, change: Callable[[Store, int], object]
) -> None:
    first, second = (lambda own: change(own, 1)), (lambda own: change(own, 2))
    unlocked = change is not _rules  # these are not of a day
    one, other = while_another_waits(store, store_address, clock, first, second, unlocked=unlocked)
    assert not isinstance(one, Refusal)
    assert not isinstance(other, Refusal)
    with store.database.read() as connection:
        view = store.views(connection, RAIPUR, [DAY])[DAY]
    day = view.book.day
    if change is _rules:
        assert (view.state.version, day.rules.hold_s) == (0, 62)
    else:
        assert view.state.version == 2
        assert (len(day.problem.executives), day.sale.stop_sales, day.sale.closed_because) == {
            "_roster": (3, frozenset(), None),
            "_sale": (0, {2}, None),
            "_closing": (0, frozenset(), "flood-2"),
        }[change.__name__]
    sound(store)


@first_change
def test_of_many_who_make_the_first_change_of_a_day_at_once_all_do(
    store: Store, change: Callable[[Store, int], object]
) -> None:
    outcomes = at_once([partial(change, Store(store.database, CATALOGUE), number) for number in range(4)])
    assert not [no for no in outcomes if isinstance(no, Refusal)]
    assert kinds(store) == ([] if change is _rules else ["day.changed"] * 4)
    sound(store)


def test_a_plan_is_published_again_where_its_day_had_no_row_to_be_locked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[DayState] = []

    def somebody_was_first(connection: Connection, before: DayState, after: DayState) -> None:
        tries.append(after)
        if len(tries) == 1:
            raise VersionChanged
        write_day(connection, before, after)

    monkeypatch.setattr("api.store.desk.write_day", somebody_was_first)
    day = day_to_plan(store, RAIPUR, DAY)
    done(publish_plan(store, RAIPUR, DAY, day.problem, {}, {}))
    plan = published_plan(store, RAIPUR, DAY)
    assert plan is not None
    assert (plan.number, len(tries), kinds(store)) == (1, 2, ["plan.published"])
