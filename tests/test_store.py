"""The store of promises, on SQLite and on PostgreSQL: verbs, versions, several stores on one database, links."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from api.store import Database
from api.store.background import Background, Question, answer, improve_day, recover_day
from api.store.checking import FindingCode, check_store
from api.store.desk import (
    DayToPlan,
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
from api.store.schema import bookings, days, events
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict
from optimizer.check import violations
from optimizer.domain import (
    AskedService,
    BookingRules,
    BookingStatus,
    Executive,
    InvalidProblem,
    Limits,
    NotServed,
    Proof,
    Shift,
    Slot,
)
from optimizer.planner import plan_day
from optimizer.slots import SlotReasonCode, plan_of
from optimizer.units import IST
from scenarios.catalogue import City, Service, load_catalogue
from scenarios.places import Whereabouts, whereabouts

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


# ------------------------------------------------------------------------------ holds and bookings


def test_an_offered_slot_can_be_held_and_then_booked(store: Store) -> None:
    staffed(store)
    offers = store.offers(RAIPUR, at(), [INCOME], DAY, DAY)
    assert len(offers.offers) == 12
    booking_id = held(store, 10)
    assert status(store, booking_id) is BookingStatus.HELD
    done(store.confirm([booking_id], "a"))
    assert status(store, booking_id) is BookingStatus.BOOKED
    assert kinds(store)[-2:] == ["hold.made", "booking.made"]
    sound(store)


def test_a_hold_counts_as_taken_and_the_loser_hears_of_the_nearest_slots(store: Store) -> None:
    staffed(store)
    held(store, 10)
    lost = refused(store.hold(RAIPUR, at(1), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert lost.reasons[0].code is SlotReasonCode.ALL_EXECUTIVES_TAKEN
    assert lost.reasons[0].proof is Proof.PROVED
    assert [(o.date, o.slot.open_s) for o in lost.nearest] == [(DAY, 9 * H), (DAY, 11 * H), (DAY, 8 * H)]


def test_a_hold_runs_out_by_the_clock_of_the_database(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    clock.on(299.999)
    refused(store.hold(RAIPUR, at(1), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    clock.on(0.001)
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    done(store.hold(RAIPUR, at(1), [want(10)], "b"))
    assert status(store, booking_id) is BookingStatus.EXPIRED
    assert "hold.expired" in kinds(store)
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    sound(store)


def test_a_clock_that_goes_backwards_brings_no_hold_back_to_life(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    clock.on(400)
    held(store, 11, "b", 1)  # the day was judged at this moment
    clock.on(-390)
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    sound(store)


def test_a_hold_is_extended_once_and_only_by_its_caller(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    clock.on(200)
    refused(store.extend([booking_id], "b"), RefusalCode.HOLD_OF_ANOTHER_CALLER)
    done(store.extend([booking_id], "a"))
    refused(store.extend([booking_id], "a"), RefusalCode.ALREADY_EXTENDED)
    clock.on(299)
    done(store.confirm([booking_id], "a"))
    refused(store.confirm([booking_id], "a"), RefusalCode.ALREADY_CONFIRMED)


def test_a_hold_given_up_is_free_again(store: Store) -> None:
    staffed(store)
    booking_id = held(store, 10)
    refused(store.give_up([booking_id], "b"), RefusalCode.HOLD_OF_ANOTHER_CALLER)
    done(store.give_up([booking_id], "a"))
    assert status(store, booking_id) is BookingStatus.RELEASED
    refused(store.give_up([booking_id], "a"), RefusalCode.ILLEGAL_TRANSITION)
    held(store, 10, "b", 1)


def test_several_services_are_held_together_or_not_at_all(store: Store) -> None:
    staffed(store)
    held(store, 11)
    refused(store.hold(RAIPUR, at(1), [want(10), want(11), want(12)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert len(store.list_bookings(RAIPUR, DAY, DAY)) == 1
    group = done(store.hold(RAIPUR, at(1), [want(9), want(10), want(14, NEXT)], "b")).bookings[0].group_id
    done(store.confirm([group], "b"))
    made = [b for b in store.list_bookings(RAIPUR, DAY, NEXT) if b.group_id == group]
    assert [(b.date, b.slot.open_s, b.status) for b in made] == [
        (DAY, 9 * H, BookingStatus.BOOKED),
        (DAY, 10 * H, BookingStatus.BOOKED),
        (NEXT, 14 * H, BookingStatus.BOOKED),
    ]
    sound(store)


def test_one_service_takes_one_slot(store: Store) -> None:
    staffed(store, 3)
    refused(store.hold(RAIPUR, at(), [want(10), want(10)], "a"), RefusalCode.SLOT_TAKEN_TWICE)


@pytest.mark.parametrize(
    ("caller", "reference", "path"), [("call centre", None, "/caller"), ("a", "Mr Ram Kumar", "/reference")]
)
def test_free_text_is_refused(store: Store, caller: str, reference: str | None, path: str) -> None:
    staffed(store)
    with pytest.raises(InvalidProblem) as error:
        store.hold(RAIPUR, at(), [want(10)], caller, reference=reference)
    assert [(f.pointer, f.code) for f in error.value.faults] == [(path, "bad_id")]
    assert store.list_bookings(RAIPUR, DAY, DAY) == []


def test_all_faults_of_a_hold_are_told_at_once(store: Store) -> None:
    staffed(store)
    seven = [WantedSlot(INCOME, DAY, 10 * H, pinned_to="nobody at all")] * 7
    with pytest.raises(InvalidProblem) as error:
        store.hold(RAIPUR, at(), seven, "x y")
    assert {f.code for f in error.value.faults} == {"bad_id", "bad_number"}
    assert len(error.value.faults) == 9


def test_slots_that_do_not_exist_are_named(store: Store) -> None:
    staffed(store)
    half_past = WantedSlot(INCOME, DAY, 10 * H + 1_800)
    refused(store.hold(RAIPUR, at(), [half_past], "a"), RefusalCode.UNKNOWN_SLOT)
    refused(store.hold(RAIPUR, at(), [want(22)], "a"), RefusalCode.UNKNOWN_SLOT)


def test_unknown_bookings_are_told_as_such(store: Store) -> None:
    for verdict in (
        store.confirm(["B0"], "a"),
        store.cancel("B0"),
        store.move("B0", DAY, 9 * H),
        store.mark("B0", BookingStatus.SERVED),
        store.locate("B0", at()),
    ):
        refused(verdict, RefusalCode.UNKNOWN_BOOKING)


# ------------------------------------------------------------------------------- cancel and move


def test_a_cancelled_booking_leaves_its_slot_and_cannot_be_cancelled_again(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    done(store.cancel(booking_id))
    refused(store.cancel(booking_id), RefusalCode.ALREADY_CANCELLED)
    held(store, 10, "b", 1)
    sound(store)


def test_a_booking_moves_to_another_day_and_both_ends_say_so(store: Store) -> None:
    staffed(store)
    old = booked(store, 10)
    change = done(store.move(old, NEXT, 15 * H))
    new = next(b for b in change.bookings if b.moved_from == old)
    left = store.booking(old)
    assert left is not None
    assert (left.status, left.moved_to) == (BookingStatus.MOVED, new.booking_id)
    assert (new.date, new.slot.open_s, new.status) == (NEXT, 15 * H, BookingStatus.BOOKED)
    refused(store.move(old, NEXT, 16 * H), RefusalCode.ALREADY_MOVED)
    refused(store.cancel(old), RefusalCode.ALREADY_MOVED)
    held(store, 10, "b", 1)
    sound(store)


def test_a_move_that_is_not_won_gives_nothing_up(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    booked(store, 15, 1, NEXT)
    lost = refused(store.move(booking_id, NEXT, 15 * H), RefusalCode.SLOT_NOT_OFFERED)
    assert lost.nearest[0].slot.open_s in {14 * H, 16 * H}
    assert status(store, booking_id) is BookingStatus.BOOKED
    refused(store.hold(RAIPUR, at(2), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    sound(store)


def test_a_move_to_the_same_slot_is_refused(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    refused(store.move(booking_id, DAY, 10 * H), RefusalCode.SAME_SLOT)


def test_a_booking_may_be_moved_until_24_hours_before_and_not_a_second_later(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    clock.now = dt.datetime(2026, 12, 2, 10, 0, 1, tzinfo=IST)
    refused(store.move(booking_id, NEXT, 15 * H), RefusalCode.TOO_LATE_TO_MOVE)
    clock.on(-1)
    done(store.move(booking_id, NEXT, 15 * H))


def test_a_booking_moves_within_its_day_on_a_day_that_is_full_but_for_that(store: Store) -> None:
    staffed(store)
    for hour in (9, 10, 11):
        booked(store, hour, hour)
    booking_id = booked(store, 12, 12)
    done(store.move(booking_id, DAY, 13 * H))
    assert store.offers(RAIPUR, at(1), [INCOME], DAY, DAY).offer(DAY, slot_at(12)) is not None
    sound(store)


def slot_at(hour: int) -> Slot:
    return Slot(hour * H, (hour + 1) * H)


# ---------------------------------------------------------------------------- what the day allows


def test_booking_for_a_date_closes_at_eight_in_the_evening_before(store: Store, clock: Clock) -> None:
    staffed(store)
    clock.now = dt.datetime(2026, 12, 2, 19, 59, 59, tzinfo=IST)
    held(store, 10)
    clock.on(1)
    late = refused(store.hold(RAIPUR, at(1), [want(11)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert late.reasons[0].code is SlotReasonCode.INSIDE_LEAD_TIME
    assert {o.date for o in late.nearest} == {NEXT}


def test_a_day_nobody_works_on_has_no_executive_with_the_skill(store: Store) -> None:
    offers = store.offers(RAIPUR, at(), [INCOME], DAY, DAY)
    assert offers.offers == ()
    assert {no.reasons[0].code for no in offers.refused} == {SlotReasonCode.NO_EXECUTIVE_WITH_SKILL}


def test_a_service_that_needs_a_kit_needs_an_executive_with_it(store: Store) -> None:
    staffed(store)
    assert AADHAAR.skills
    no = refused(store.hold(RAIPUR, at(), [want(10, DAY, AADHAAR)], "a"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.NO_EXECUTIVE_WITH_SKILL
    done(set_roster(store, RAIPUR, DAY, executives(1, skills=AADHAAR.skills)))
    done(store.hold(RAIPUR, at(), [want(10, DAY, AADHAAR)], "a"))


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


# ----------------------------------------------------------------------------- changes of the day


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


def test_an_approximate_booking_becomes_exact_when_its_point_is_given(store: Store) -> None:
    staffed(store)
    pin = whereabouts(CATALOGUE, RAIPUR, pincode="492001")
    made = done(store.hold(RAIPUR, pin, [want(10)], "a", at_once=True)).bookings[0]
    assert made.approximate
    done(store.locate(made.booking_id, at(2)))
    exact = store.booking(made.booking_id)
    assert exact is not None
    assert (exact.approximate, exact.place.lon) == (False, at(2).lon)
    again = Store(store.database, CATALOGUE)
    assert again.offers(RAIPUR, at(3), [INCOME], DAY, DAY) == store.offers(RAIPUR, at(3), [INCOME], DAY, DAY)
    sound(store)


# ------------------------------------------------------------------------ planning and publishing


def planned(store: Store, city: City = RAIPUR, date: dt.date = DAY) -> tuple[DayToPlan, dict[str, tuple[str, ...]]]:
    day = day_to_plan(store, city, date)
    result = plan_day(day.problem, Limits(None, iterations=20))
    assert result is not None
    return day, {route.executive_id: route.visit_ids for route in result.plan.routes}


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


def test_deliveries_whose_envelope_is_with_somebody_off_duty_wait(store: Store) -> None:
    staffed(store)
    new = NewDelivery(INCOME, at(4), "app-1", ready_from=DAY, due=DAY, held_by="E99")
    delivery_id = add_delivery(store, RAIPUR, new)
    day = day_to_plan(store, RAIPUR, DAY)
    assert day.not_taken == (delivery_id,)
    assert day.problem.deliveries == ()


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


def test_a_pinned_booking_keeps_its_executive_when_it_moves(store: Store) -> None:
    staffed(store, 2)
    pinned = WantedSlot(INCOME, DAY, 10 * H, pinned_to="E02")
    old = done(store.hold(RAIPUR, at(), [pinned], "a", at_once=True)).bookings[0].booking_id
    new = next(b for b in done(store.move(old, NEXT, 15 * H)).bookings if b.moved_from == old)
    assert new.pinned_to == "E02"
    with store.database.read() as connection:
        assert store.views(connection, RAIPUR, [NEXT])[NEXT].book.day.witness == {"E02": (new.booking_id,)}


@pytest.mark.parametrize("number", ["9876543210", "123412341234"])
def test_what_looks_like_a_telephone_or_aadhaar_number_is_no_reference(store: Store, number: str) -> None:
    staffed(store)
    with pytest.raises(InvalidProblem) as error:
        store.hold(RAIPUR, at(), [want(10)], "a", reference=number)
    assert [(f.code, number in str(f)) for f in error.value.faults] == [("looks_personal", False)]


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


def test_all_faults_of_a_delivery_are_told_at_once(store: Store) -> None:
    new = NewDelivery(INCOME, at(), "a name", ready_from=NEXT, due=DAY, held_by="x y")
    with pytest.raises(InvalidProblem) as error:
        add_delivery(store, RAIPUR, new)
    assert [f.code for f in error.value.faults] == ["bad_id", "bad_id", "bad_range"]
    assert list_deliveries(store, RAIPUR) == []


# --------------------------------------------------------------------- several stores, background


def test_two_stores_on_one_database_see_each_others_promises(store: Store) -> None:
    staffed(store)
    other = Store(store.database, CATALOGUE)
    assert other.offers(RAIPUR, at(), [INCOME], DAY, DAY).offer(DAY, slot_at(10)) is not None
    held(store, 10)
    assert other.offers(RAIPUR, at(1), [INCOME], DAY, DAY).offer(DAY, slot_at(10)) is None
    refused(other.hold(RAIPUR, at(1), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    held(other, 11, "b", 1)
    assert len(store.list_bookings(RAIPUR, DAY, DAY)) == 2
    sound(store)


def test_callers_at_once_share_what_there_is_and_no_more(store_address: str) -> None:
    with Database.open(store_address, clock=Clock()) as database:
        store = Store(database, CATALOGUE)
        staffed(store, 2, [DAY])
        outcomes: list[Verdict] = []
        barrier = threading.Barrier(12)

        def call(number: int) -> None:
            own = Store(database, CATALOGUE)
            barrier.wait()
            outcomes.extend(own.hold(RAIPUR, at(number), [want(h)], f"c{number}", at_once=True) for h in (10, 11))

        threads = [threading.Thread(target=call, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(isinstance(verdict, Change) for verdict in outcomes) == 4
        assert {v.code for v in outcomes if isinstance(v, Refusal)} == {RefusalCode.SLOT_NOT_OFFERED}
        sound(store)


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


# ------------------------------------------------------------------------------------- db check


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


def test_every_plan_of_the_store_is_accepted_by_the_checker(store: Store) -> None:
    staffed(store, 2)
    for number, hour in enumerate((9, 9, 10, 12, 12)):
        booked(store, hour, number)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    with store.database.read() as connection:
        view = store.views(connection, RAIPUR, [DAY])[DAY]
    assert violations(view.book.day.problem, plan_of(view.book.day)) == ()


def test_sweeping_writes_down_what_has_run_out(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    assert store.sweep() == 0
    clock.on(300)
    assert store.sweep() == 1
    assert status(store, booking_id) is BookingStatus.EXPIRED
    assert store.sweep() == 0
