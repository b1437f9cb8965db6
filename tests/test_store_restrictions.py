"""Closures, stop-sales and quotas by hand, on SQLite and on PostgreSQL: who said so, what follows, and their end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from api.store import Database
from api.store.background import recover_day
from api.store.desk import publish_plan, set_closed, set_roster, set_rules, set_sale, store_rules
from api.store.restrictions import (
    CLOSURE,
    MOST_REASON,
    QUOTA,
    STOP_SALE,
    NewRestriction,
    Restricted,
    add_restriction,
    find_restriction,
    lift_restriction,
    list_restrictions,
    replace_restrictions,
)
from api.store.schema import restrictions
from api.store.store import Store
from optimizer.bookings import Refusal, RefusalCode
from optimizer.domain import BookingRules, InvalidProblem
from optimizer.slots import Sale, SlotReasonCode
from tests.store_days import (
    AADHAAR,
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
    store,
    want,
    while_another_waits,
)

__all__ = ["clock", "store"]

KIT = frozenset({"aadhaar_kit"})
REPUBLIC_DAY = dt.date(2027, 1, 26)


def new(kind: str, hours: tuple[float, float] | None = None, **values: Any) -> NewRestriction:
    """A restriction of the first day, from one hour to another."""
    stretch = (None, None) if hours is None else (round(hours[0] * H), round(hours[1] * H))
    usual: dict[str, Any] = {"first": DAY, "last": DAY, "reason": "power cut", "author": "lead-1"}
    usual |= {"open_s": stretch[0], "close_s": stretch[1]}
    return NewRestriction(kind, **(usual | values))


def made(store: Store, wanted: NewRestriction, *, force: bool = False) -> Restricted:
    outcome = add_restriction(store, RAIPUR, wanted, force=force)
    assert isinstance(outcome, Restricted), outcome
    return outcome


def lifted(store: Store, restriction_id: str, author: str = "lead-2") -> Restricted:
    outcome = lift_restriction(store, restriction_id, author)
    assert isinstance(outcome, Restricted), outcome
    return outcome


def no(outcome: Restricted | Refusal | None, code: RefusalCode) -> Refusal:
    assert isinstance(outcome, Refusal), outcome
    assert outcome.code is code
    return outcome


def why_not(store: Store, hour: int, date: dt.date = DAY, service: Any = INCOME) -> SlotReasonCode | None:
    """Why the slot that opens at this hour is not offered; None when it is."""
    offers = store.offers(RAIPUR, at(7), [service], date, date)
    return next((r.reasons[0].code for r in offers.refused if r.slot is None or r.slot.open_s == hour * H), None)


def version(store: Store, date: dt.date = DAY) -> int:
    with store.database.read() as connection:
        return store.views(connection, RAIPUR, [date])[date].state.version


def sale(store: Store, date: dt.date = DAY) -> Sale:
    """What a process that knows nothing yet reads; it is what this one has in memory."""
    read = []
    for each in (store, Store(store.database, CATALOGUE)):
        with each.database.read() as connection:
            read.append(each.views(connection, RAIPUR, [date])[date].book.day.sale)
    assert read[0] == read[1]
    return read[0]


def at_risk(store: Store, booking_id: str) -> bool:
    booking = store.booking(booking_id)
    assert booking is not None
    return booking.at_risk


def faults(store: Store, wanted: NewRestriction) -> set[tuple[str, str]]:
    """Where and what is wrong with it; nothing of it is stored."""
    with pytest.raises(InvalidProblem) as error:
        add_restriction(store, RAIPUR, wanted)
    assert list_restrictions(store, RAIPUR, dt.date.min, dt.date.max, lifted=True) == []
    assert kinds(store) == []
    return {(str(fault.path[0]), fault.code) for fault in error.value.faults}


# ------------------------------------------------------------------------------- made and lifted


def test_reason_author_and_time_of_a_restriction_are_kept_after_it_is_lifted(store: Store, clock: Clock) -> None:
    began = clock.now
    (each,) = made(store, new(CLOSURE, reason=" बिजली बंद ")).restrictions
    assert (each.kind, each.open_s, each.date, each.city_id) == (CLOSURE, None, DAY, "raipur")
    assert (each.reason, each.author, each.made_at) == ("बिजली बंद", "lead-1", began)
    assert (each.lifted_at, each.lifted_by) == (None, None)
    assert why_not(store, 10) is SlotReasonCode.CLOSED_DAY
    clock.on(3_600)
    (after,) = lifted(store, each.restriction_id).restrictions
    assert after == replace(each, lifted_at=clock.now, lifted_by="lead-2")
    assert find_restriction(store, each.restriction_id) == after
    assert list_restrictions(store, RAIPUR, DAY, DAY) == []
    assert list_restrictions(store, RAIPUR, DAY, DAY, lifted=True) == [after]
    assert sale(store) == Sale()


def test_restrictions_are_listed_by_date_and_when_they_were_made_in_their_city_only(store: Store, clock: Clock) -> None:
    later = made(store, new(CLOSURE, first=NEXT, last=NEXT)).restrictions
    clock.on(60)
    first = made(store, new(STOP_SALE, (9, 10))).restrictions
    clock.on(60)
    second = made(store, new(QUOTA, (9, 10), quota=2)).restrictions
    assert list_restrictions(store, RAIPUR, DAY, NEXT) == [*first, *second, *later]
    assert list_restrictions(store, RAIPUR, NEXT, NEXT) == [*later]
    assert list_restrictions(store, CATALOGUE.city("dhamtari"), DAY, NEXT) == []


def test_only_what_was_made_now_is_told_though_another_was_made_in_the_same_moment(store: Store) -> None:
    one = made(store, new(STOP_SALE, (9, 10)))
    two = made(store, new(STOP_SALE, (11, 12)))
    assert [each.open_s for each in one.restrictions] == [9 * H]
    assert [each.open_s for each in two.restrictions] == [11 * H]
    assert [each.open_s for each in lifted(store, one.restrictions[0].restriction_id).restrictions] == [9 * H]
    assert sale(store).stop_sales == {3}


def test_lifting_what_is_lifted_or_never_was_changes_nothing(store: Store, clock: Clock) -> None:
    (each,) = made(store, new(STOP_SALE, (9, 10))).restrictions
    (ended,) = lifted(store, each.restriction_id).restrictions
    before = version(store), kinds(store)
    clock.on(60)
    again = lifted(store, each.restriction_id, "somebody-else")
    assert again.restrictions == (ended,)
    assert again.change.books == ()
    assert lift_restriction(store, "R0", "lead-1") is None
    with pytest.raises(InvalidProblem) as error:
        lift_restriction(store, each.restriction_id, "no author")
    assert [fault.code for fault in error.value.faults] == ["bad_id"]
    assert (version(store), kinds(store)) == before


def test_of_two_who_lift_the_same_one_does_and_the_other_is_told_by_whom(
    store: Store, store_address: str, clock: Clock
) -> None:
    (each,) = made(store, new(STOP_SALE, (9, 10))).restrictions

    def by(author: str) -> Callable[[Store], Restricted]:
        return lambda own: lifted(own, each.restriction_id, author)

    one, other = while_another_waits(store, store_address, clock, by("first"), by("second"))
    assert one.restrictions == other.restrictions
    assert one.restrictions[0].lifted_by == "first"
    assert (len(one.change.books), len(other.change.books), version(store)) == (1, 0, 2)
    assert kinds(store) == ["day.changed"] * 2


def test_what_a_restriction_changes_is_signed_with_it_or_nothing_is_stored(store: Store) -> None:
    signed: list[object] = []
    outcome = add_restriction(store.with_receipt(lambda _, __, told: signed.append(told)), RAIPUR, new(CLOSURE))
    assert signed == [outcome]

    def refuse(*_: object) -> None:
        raise RuntimeError("no receipt")

    with pytest.raises(RuntimeError, match="no receipt"):
        add_restriction(store.with_receipt(refuse), RAIPUR, new(STOP_SALE, (9, 10)))
    assert (version(store), len(list_restrictions(store, RAIPUR, DAY, DAY))) == (1, 1)
    assert sale(store) == Sale("power cut")


# -------------------------------------------------------------------------------------- closures


def test_a_closed_stretch_refuses_with_the_promises_inside_and_forced_puts_just_these_at_risk(store: Store) -> None:
    staffed(store, 2)
    inside = {booked(store, 10, 1), booked(store, 10, 2)}
    outside = {booked(store, 9, 3), booked(store, 11, 4)}
    before = version(store), len(kinds(store))
    refusal = no(add_restriction(store, RAIPUR, new(CLOSURE, (10, 11))), RefusalCode.PROMISES_IN_THE_WAY)
    assert set(refusal.bookings) == inside
    assert (version(store), len(kinds(store))) == before
    assert list_restrictions(store, RAIPUR, DAY, DAY) == []
    outcome = made(store, new(CLOSURE, (10, 11)), force=True)
    assert (set(outcome.inside), outcome.above, outcome.beside) == (inside, (), ())
    assert kinds(store)[-3:] == ["day.changed", "booking.at_risk", "booking.at_risk"]
    assert [at_risk(store, key) for key in sorted(inside)] == [True, True]
    assert not any(at_risk(store, key) for key in outside)
    assert why_not(store, 10) is SlotReasonCode.CLOSED_SLOT
    assert why_not(store, 13) is None
    assert sale(store).closed_slots == {2: "power cut"}
    sound(store)


def test_promises_of_a_closed_stretch_are_brought_back_after_it_is_lifted(store: Store) -> None:
    staffed(store, 2)
    inside = [booked(store, 10, 1), booked(store, 10, 2)]
    (each,) = made(store, new(CLOSURE, (10, 11)), force=True).restrictions
    ended = lifted(store, each.restriction_id)
    assert (ended.inside, at_risk(store, inside[0])) == ((), True)
    assert recover_day(store, RAIPUR, DAY) == 2
    assert not any(at_risk(store, key) for key in inside)
    assert kinds(store)[-2:] == ["booking.kept_again"] * 2
    sound(store)


def test_promises_of_a_closed_stretch_are_not_brought_back_before_it_is_lifted(store: Store) -> None:
    staffed(store, 3)
    two = done(store.hold(RAIPUR, at(1), [want(10), want(12)], "a", at_once=True)).bookings
    inside = {booked(store, 10, 2), *(b.booking_id for b in two if b.slot.open_s == 10 * H)}
    made(store, new(CLOSURE, (10, 11)), force=True)
    assert recover_day(store, RAIPUR, DAY) == 0
    assert all(at_risk(store, key) for key in inside)
    no = refused(store.locate(two[0].booking_id, at(3)), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.CLOSED_SLOT
    sound(store)


def test_a_closure_is_of_the_slots_that_it_touches(store: Store) -> None:
    made(store, new(CLOSURE, (10.5, 12.25)))
    assert set(sale(store).closed_slots) == {2, 3, 4}
    made(store, new(CLOSURE, (0, 24), first=NEXT, last=NEXT))
    assert set(sale(store, NEXT).closed_slots) == set(range(12))


def test_a_hold_in_a_closed_stretch_is_at_risk_and_one_that_ran_out_is_in_nobodys_way(
    store: Store, clock: Clock
) -> None:
    staffed(store)
    over = held(store, 10)
    clock.on(300)
    alive = held(store, 12)
    assert made(store, new(CLOSURE, (10, 11))).inside == ()
    assert made(store, new(CLOSURE, (12, 13)), force=True).inside == (alive,)
    refused(store.confirm([alive], "a"), RefusalCode.HOLD_AT_RISK)
    refused(store.confirm([over], "a"), RefusalCode.HOLD_EXPIRED)
    sound(store)


def test_a_slot_with_visits_of_a_published_plan_is_not_closed_even_by_force(store: Store) -> None:
    staffed(store, 2)
    booking_id = booked(store, 10)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    for force in (False, True):
        outcome = add_restriction(store, RAIPUR, new(CLOSURE, (10, 11)), force=force)
        assert no(outcome, RefusalCode.DAY_PUBLISHED).bookings == (booking_id,)
    assert list_restrictions(store, RAIPUR, DAY, DAY, lifted=True) == []
    made(store, new(CLOSURE, (12, 13)))
    assert sale(store).published
    sound(store)


def test_a_promise_at_risk_in_a_closed_slot_is_left_out_of_the_plan_of_the_day(store: Store) -> None:
    staffed(store, 2)
    inside, outside = booked(store, 10, 1), booked(store, 12, 2)
    made(store, new(CLOSURE, (10, 11)), force=True)
    day, orders = planned(store)
    assert [visit.visit_id for visit in day.problem.visits] == [outside]
    assert day.not_taken == (inside,)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    assert (at_risk(store, inside), at_risk(store, outside)) == (True, False)
    sound(store)


def test_a_closed_day_is_opened_again_without_what_is_closed_of_it_in_part(store: Store) -> None:
    part = made(store, new(CLOSURE, (10, 11))).restrictions
    done(set_closed(store, RAIPUR, DAY, "flood"))
    both = {(each.reason, each.author) for each in list_restrictions(store, RAIPUR, DAY, DAY)}
    assert both == {("power cut", "lead-1"), ("flood", "desk")}
    assert sale(store).closed_because == "flood"
    done(set_closed(store, RAIPUR, DAY, "the flood is worse", author="lead-3"))
    assert sale(store).closed_because == "the flood is worse"
    done(set_closed(store, RAIPUR, DAY, None, author="lead-4"))
    assert sale(store) == Sale(closed_slots={2: "power cut"})
    assert list_restrictions(store, RAIPUR, DAY, DAY) == [*part]
    ended = [each for each in list_restrictions(store, RAIPUR, DAY, DAY, lifted=True) if each.lifted_by]
    assert {(each.reason, each.lifted_by) for each in ended} == {
        ("flood", "lead-3"),
        ("the flood is worse", "lead-4"),
    }


def test_closing_a_day_puts_all_its_promises_at_risk_and_they_come_back(store: Store) -> None:
    staffed(store, 2)
    ids = {booked(store, 10, 1), booked(store, 15, 2)}
    closing = new(CLOSURE)
    assert set(no(add_restriction(store, RAIPUR, closing), RefusalCode.PROMISES_IN_THE_WAY).bookings) == ids
    outcome = made(store, closing, force=True)
    assert set(outcome.inside) == ids
    assert recover_day(store, RAIPUR, DAY) == 0
    lifted(store, outcome.restrictions[0].restriction_id)
    assert recover_day(store, RAIPUR, DAY) == 2
    sound(store)


# --------------------------------------------------------------------------------- several of them


def test_several_days_are_restricted_all_or_none(store: Store) -> None:
    staffed(store, 2)
    first, last = booked(store, 10, 1), booked(store, 10, 2, NEXT)
    third = NEXT + dt.timedelta(days=1)
    span = new(CLOSURE, (10, 11), last=third)
    before = [version(store, date) for date in (DAY, NEXT, third)]
    events = len(kinds(store))
    refusal = no(add_restriction(store, RAIPUR, span), RefusalCode.PROMISES_IN_THE_WAY)
    assert set(refusal.bookings) == {first, last}
    assert refusal.text.endswith("(and on 1 more day)")
    assert [version(store, date) for date in (DAY, NEXT, third)] == before
    assert (len(kinds(store)), list_restrictions(store, RAIPUR, DAY, third, lifted=True)) == (events, [])
    outcome = made(store, span, force=True)
    assert [each.date for each in outcome.restrictions] == [DAY, NEXT, third]
    assert set(outcome.inside) == {first, last}
    assert [version(store, date) for date in (DAY, NEXT, third)] == [number + 1 for number in before]
    lifted(store, outcome.restrictions[1].restriction_id)
    assert [bool(sale(store, date).closed_slots) for date in (DAY, NEXT, third)] == [True, False, True]
    sound(store)


def test_days_without_service_in_a_span_are_passed_over(store: Store) -> None:
    set_rules(store, RAIPUR, replace(store_rules(store, RAIPUR), booking=BookingRules(horizon_days=90)))
    around = [REPUBLIC_DAY + dt.timedelta(days=days) for days in (-1, 1)]
    outcome = made(store, new(CLOSURE, first=around[0], last=around[1]))
    assert [each.date for each in outcome.restrictions] == around
    assert version(store, REPUBLIC_DAY) == 0


def test_of_several_quotas_for_a_slot_the_narrowest_holds_and_lifting_it_leaves_the_other(store: Store) -> None:
    staffed(store, 4)
    wide = made(store, new(QUOTA, (9, 12), quota=3)).restrictions
    narrow = made(store, new(QUOTA, (10, 11), quota=1)).restrictions
    assert sale(store).quotas == {1: 3, 2: 1, 3: 3}
    booked(store, 10, 1)
    assert why_not(store, 10) is SlotReasonCode.QUOTA_USED_UP
    lifted(store, narrow[0].restriction_id)
    assert sale(store).quotas == {1: 3, 2: 3, 3: 3}
    assert why_not(store, 10) is None
    lifted(store, wide[0].restriction_id)
    assert sale(store) == Sale()


def test_lifting_one_of_two_closures_leaves_the_slot_closed_for_the_reason_of_the_other(store: Store) -> None:
    one = made(store, new(CLOSURE, (10, 11), reason="fair")).restrictions[0]
    two = made(store, new(CLOSURE, (10, 12), reason="parade")).restrictions[0]
    stopped = made(store, new(STOP_SALE, (10, 11))).restrictions[0]
    lifted(store, one.restriction_id)
    assert sale(store).closed_slots == {2: "parade", 3: "parade"}
    lifted(store, two.restriction_id)
    assert (sale(store).closed_slots, why_not(store, 11)) == ({}, SlotReasonCode.NO_EXECUTIVE_WITH_SKILL)
    assert why_not(store, 10) is SlotReasonCode.STOP_SALE
    lifted(store, stopped.restriction_id)
    assert sale(store) == Sale()


def test_a_day_closed_twice_opens_when_both_are_lifted(store: Store) -> None:
    one = made(store, new(CLOSURE, reason="flood")).restrictions[0]
    two = made(store, new(CLOSURE, reason="election")).restrictions[0]
    lifted(store, one.restriction_id)
    assert sale(store).closed_because == "election"
    lifted(store, two.restriction_id)
    assert sale(store).closed_because is None


# --------------------------------------------------------------------------- quotas and stop-sales


def test_a_quota_below_what_is_promised_is_refused_and_forced_leaves_the_promises(store: Store) -> None:
    staffed(store, 3)
    ids = {booked(store, 10, 1), booked(store, 10, 2)}
    other = booked(store, 11, 3)
    tight = new(QUOTA, (10, 12), quota=1)
    assert set(no(add_restriction(store, RAIPUR, tight), RefusalCode.QUOTA_BELOW_PROMISED).bookings) == ids
    assert sale(store) == Sale()
    outcome = made(store, tight, force=True)
    assert (outcome.inside, set(outcome.above), outcome.beside) == ((), ids, ())
    assert not any(at_risk(store, key) for key in (*ids, other))
    assert why_not(store, 11) is SlotReasonCode.QUOTA_USED_UP
    done(store.cancel(min(ids)))
    assert why_not(store, 10) is SlotReasonCode.QUOTA_USED_UP  # one is left, and one is the quota
    sound(store)


def test_promises_above_a_quota_are_told_with_it_and_not_with_what_comes_after(store: Store) -> None:
    staffed(store, 3)
    ids = {booked(store, 10, 1), booked(store, 10, 2)}
    first = made(store, new(QUOTA, (10, 11), quota=1), force=True)
    assert set(first.above) == ids
    assert made(store, new(STOP_SALE, (15, 16))).above == ()
    assert made(store, new(QUOTA, (10, 11), quota=1)).above == ()
    assert (
        set(
            no(add_restriction(store, RAIPUR, new(QUOTA, (10, 11), quota=0)), RefusalCode.QUOTA_BELOW_PROMISED).bookings
        )
        == ids
    )
    assert lifted(store, first.restrictions[0].restriction_id).above == ()


def test_a_quota_of_a_kit_counts_promises_that_need_it_and_no_others(store: Store) -> None:
    done(set_roster(store, RAIPUR, DAY, executives(4, skills=KIT)))
    kit_quota = new(QUOTA, (10, 11), quota=1, kit="aadhaar_kit")
    outcome = made(store, kit_quota)
    assert sale(store).kit_quotas == {(2, "aadhaar_kit"): 1}
    booked(store, 10, 1)
    assert (why_not(store, 10), why_not(store, 10, service=AADHAAR)) == (None, None)
    done(store.hold(RAIPUR, at(2), [want(10, service=AADHAAR)], "a", at_once=True))
    assert why_not(store, 10, service=AADHAAR) is SlotReasonCode.QUOTA_USED_UP
    assert why_not(store, 11, service=AADHAAR) is None
    assert why_not(store, 10) is None
    made(store, new(QUOTA, (10, 11), quota=3, kit="aadhaar_kit"))
    assert sale(store).kit_quotas == {(2, "aadhaar_kit"): 1}
    lifted(store, outcome.restrictions[0].restriction_id)
    assert sale(store).kit_quotas == {(2, "aadhaar_kit"): 3}
    sound(store)


def test_a_quota_of_a_kit_below_what_is_promised_names_the_promises_that_need_it(store: Store) -> None:
    done(set_roster(store, RAIPUR, DAY, executives(4, skills=KIT)))
    booked(store, 10, 1)
    kit = done(store.hold(RAIPUR, at(2), [want(10, service=AADHAAR)], "a", at_once=True)).bookings[0].booking_id
    none = new(QUOTA, (10, 11), quota=0, kit="aadhaar_kit")
    assert no(add_restriction(store, RAIPUR, none), RefusalCode.QUOTA_BELOW_PROMISED).bookings == (kit,)
    assert made(store, none, force=True).above == (kit,)
    assert not at_risk(store, kit)


def test_a_stop_sale_leaves_the_promises_beside_it_and_lists_them(store: Store) -> None:
    staffed(store, 3)
    beside = booked(store, 10, 1)
    booked(store, 13, 2)
    outcome = made(store, new(STOP_SALE, (10, 12)))
    assert (outcome.inside, outcome.above, outcome.beside) == ((), (), (beside,))
    assert [why_not(store, hour) for hour in (9, 10, 11, 12)] == [
        None,
        SlotReasonCode.STOP_SALE,
        SlotReasonCode.STOP_SALE,
        None,
    ]
    assert made(store, new(STOP_SALE, (10, 11))).beside == ()  # nothing is stopped that was not before
    assert not at_risk(store, beside)
    sound(store)


def test_a_stop_sale_is_of_the_slots_that_lie_in_its_stretch(store: Store) -> None:
    made(store, new(STOP_SALE, (9.5, 12.5)))
    assert sale(store).stop_sales == {2, 3}


def test_the_sale_of_a_day_set_anew_ends_all_stop_sales_and_quotas_and_no_closure(store: Store) -> None:
    made(store, new(STOP_SALE, (9, 10)))
    made(store, new(QUOTA, (9, 10), quota=1, kit="aadhaar_kit"))
    made(store, new(CLOSURE, (15, 16)))
    done(set_sale(store, RAIPUR, DAY, {0, 3}, {5: 2}, reason="festival", author="lead-2"))
    assert sale(store) == Sale(closed_slots={7: "power cut"}, stop_sales=frozenset({0, 3}), quotas={5: 2})
    named = {
        (each.kind, each.open_s): (each.reason, each.author) for each in list_restrictions(store, RAIPUR, DAY, DAY)
    }
    assert named == {
        (CLOSURE, 15 * H): ("power cut", "lead-1"),
        (STOP_SALE, 8 * H): ("festival", "lead-2"),
        (STOP_SALE, 11 * H): ("festival", "lead-2"),
        (QUOTA, 13 * H): ("festival", "lead-2"),
    }
    done(set_sale(store, RAIPUR, DAY, (), {}))
    assert sale(store) == Sale(closed_slots={7: "power cut"})


def test_a_quota_of_the_sale_below_what_is_promised_needs_force(store: Store) -> None:
    staffed(store, 3)
    ids = {booked(store, 10, 1), booked(store, 10, 2)}
    assert set(refused(set_sale(store, RAIPUR, DAY, (), {2: 1}), RefusalCode.QUOTA_BELOW_PROMISED).bookings) == ids
    done(set_sale(store, RAIPUR, DAY, (), {2: 1}, force=True))
    assert sale(store).quotas == {2: 1}


def test_setting_what_is_so_already_writes_nothing(store: Store) -> None:
    staffed(store)
    before = version(store), kinds(store)
    assert done(set_sale(store, RAIPUR, DAY, (), {})).books == ()
    assert done(set_closed(store, RAIPUR, DAY, None)).books == ()
    assert (version(store), kinds(store)) == before


def test_a_day_that_the_calendar_closes_is_not_opened_by_anything(store: Store) -> None:
    set_rules(store, RAIPUR, replace(store_rules(store, RAIPUR), booking=BookingRules(horizon_days=90)))
    done(set_closed(store, RAIPUR, REPUBLIC_DAY, None))
    done(set_sale(store, RAIPUR, REPUBLIC_DAY, (), {}))
    assert sale(store, REPUBLIC_DAY).closed_because is not None
    assert faults(store, new(CLOSURE, first=REPUBLIC_DAY, last=REPUBLIC_DAY)) == {("from", "closed_day")}
    with store.database.write() as connection:  # from the time before the calendar closed it
        values: dict[str, Any] = {
            "restriction_id": "R1",
            "city_id": "raipur",
            "date": REPUBLIC_DAY.isoformat(),
            "kind": CLOSURE,
        }
        values |= {"reason": "flood", "author": "desk", "made_at": 0}
        connection.execute(restrictions.insert(), values)
    lifted(store, "R1")
    assert why_not(store, 10, REPUBLIC_DAY) is SlotReasonCode.CLOSED_DAY
    assert sale(store, REPUBLIC_DAY).closed_because is not None


# ---------------------------------------------------------------------------------- what is none


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (new("holiday"), {("kind", "unknown_kind")}),
        (new(CLOSURE, reason=""), {("reason", "bad_reason")}),
        (new(CLOSURE, reason=" \u200d"), {("reason", "bad_reason")}),
        (new(CLOSURE, reason="call Ramesh on 98765 43210"), {("reason", "looks_personal")}),
        (new(CLOSURE, reason="Aadhaar 2345-6789-0123"), {("reason", "looks_personal")}),
        (new(CLOSURE, reason="x" * (MOST_REASON + 1)), {("reason", "bad_reason")}),
        (new(CLOSURE, reason="two\nlines"), {("reason", "bad_reason")}),
        (new(CLOSURE, author="Asha Verma"), {("author", "bad_id")}),
        (new(CLOSURE, open_s=9 * H), {("open", "missing_end")}),
        (new(CLOSURE, (11, 10)), {("close", "bad_range")}),
        (new(CLOSURE, (11, 11)), {("close", "bad_range")}),
        (new(CLOSURE, (9, 25)), {("close", "bad_range")}),
        (new(CLOSURE, (-1, 9)), {("close", "bad_range")}),
        (new(STOP_SALE), {("open", "missing_field")}),
        (new(QUOTA, quota=1), {("open", "missing_field")}),
        (new(STOP_SALE, (9.25, 9.75)), {("open", "unknown_slot")}),
        (new(CLOSURE, (2, 5)), {("open", "unknown_slot")}),
        (new(QUOTA, (9, 10)), {("quota", "bad_quota")}),
        (new(QUOTA, (9, 10), quota=-1), {("quota", "bad_quota")}),
        (new(QUOTA, (9, 10), quota=10_001), {("quota", "bad_quota")}),
        (new(CLOSURE, quota=1), {("quota", "bad_quota")}),
        (new(STOP_SALE, (9, 10), kit="aadhaar_kit"), {("kit", "not_of_a_kit")}),
        (new(QUOTA, (9, 10), quota=1, kit="adhaar"), {("kit", "unknown_kit")}),
        (new(CLOSURE, first=DAY, last=DAY - dt.timedelta(days=1)), {("to", "bad_range")}),
        (new(CLOSURE, first=DAY, last=DAY + dt.timedelta(days=31)), {("to", "bad_range")}),
        (new(CLOSURE, first=dt.date(2026, 11, 30), last=dt.date(2026, 11, 30)), {("from", "day_past")}),
        (new(CLOSURE, first=dt.date(2026, 11, 30), last=DAY), {("from", "day_past")}),
        (new(CLOSURE, first=REPUBLIC_DAY, last=REPUBLIC_DAY), {("from", "closed_day")}),
        (new(CLOSURE, first=dt.date.max, last=dt.date.min), {("to", "bad_range")}),
    ],
    ids=lambda given: "" if isinstance(given, NewRestriction) else " ".join(sorted(code for _, code in given)),
)
def test_what_is_no_restriction_is_told_with_its_place_and_nothing_is_stored(
    store: Store, wanted: NewRestriction, expected: set[tuple[str, str]]
) -> None:
    assert faults(store, wanted) == expected


def test_everything_wrong_with_a_restriction_is_told_at_once(store: Store) -> None:
    past = dt.date(2026, 11, 1)
    wanted = new("holiday", (2, 5), reason="", author="?", first=past, last=DAY, quota=-1, kit="none")
    assert faults(store, wanted) == {
        ("kind", "unknown_kind"),
        ("reason", "bad_reason"),
        ("author", "bad_id"),
        ("to", "bad_range"),
        ("from", "day_past"),
        ("quota", "bad_quota"),
        ("kit", "not_of_a_kit"),
        ("kit", "unknown_kit"),
    }
    short = new(STOP_SALE, (2, 5), reason="", last=NEXT)
    assert faults(store, short) == {("reason", "bad_reason"), ("open", "unknown_slot")}


def test_today_is_still_restricted_and_hindi_is_written_with_its_joiners(store: Store, clock: Clock) -> None:
    today = clock.now.date()
    reason = "विद्युत\u200c मण्डल का का\u200dर्य"
    (each,) = made(store, new(CLOSURE, (15, 16), first=today, last=today, reason=reason)).restrictions
    assert (each.reason, each.date) == (reason, today)


def test_a_wrong_author_ends_and_makes_nothing(store: Store) -> None:
    (each,) = made(store, new(STOP_SALE, (9, 10))).restrictions
    for act in (
        lambda: set_closed(store, RAIPUR, DAY, None, author="?"),
        lambda: set_sale(store, RAIPUR, DAY, {1}, {}, author="?", reason=""),
        lambda: replace_restrictions(store, RAIPUR, DAY, restrictions.c.kind == STOP_SALE, [], "?"),
    ):
        with pytest.raises(InvalidProblem) as error:
            act()
        assert "bad_id" in [fault.code for fault in error.value.faults]
    assert list_restrictions(store, RAIPUR, DAY, DAY, lifted=True) == [each]


# ----------------------------------------------------------------------------------- at the same time


def test_two_who_restrict_a_day_at_once_both_do(store: Store, store_address: str, clock: Clock) -> None:
    def stop(hour: int) -> Callable[[Store], Restricted]:
        return lambda own: made(own, new(STOP_SALE, (hour, hour + 1)))

    while_another_waits(store, store_address, clock, stop(9), stop(10), unlocked=True)
    while_another_waits(store, store_address, clock, stop(11), stop(12))
    assert sale(store).stop_sales == {1, 2, 3, 4}
    assert (version(store), len(list_restrictions(store, RAIPUR, DAY, DAY))) == (4, 4)
    sound(store)


def test_a_promise_made_while_its_slot_is_being_closed_is_refused_or_in_the_way(store: Store) -> None:
    staffed(store, 2)

    def book() -> object:
        return Store(store.database, CATALOGUE).hold(RAIPUR, at(1), [want(10)], "a", at_once=True)

    def shut() -> object:
        return add_restriction(Store(store.database, CATALOGUE), RAIPUR, new(CLOSURE, (10, 11)))

    outcomes = at_once([book, shut])
    assert [isinstance(outcome, Refusal) for outcome in outcomes].count(True) == 1
    assert bool(sale(store).closed_slots) is isinstance(outcomes[0], Refusal)
    sound(store)


def test_a_day_that_is_made_while_the_others_are_locked_already_is_looked_at_in_its_turn(
    store: Store, store_address: str, clock: Clock, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_days, tries = store.database.lock_days, []

    def lock_and_let_another_in(*given: Any) -> None:
        lock_days(*given)
        tries.append(given)
        if dialect == "postgresql" and len(tries) == 1:  # on SQLite nobody else can write now
            with Database.open(store_address, clock=clock) as other:
                made(Store(other, CATALOGUE), new(STOP_SALE, (9, 10), first=NEXT, last=NEXT))

    monkeypatch.setattr(store.database, "lock_days", lock_and_let_another_in)
    made(store, new(STOP_SALE, (11, 12), last=NEXT))
    assert len(tries) == (2 if dialect == "postgresql" else 1)
    assert sale(store).stop_sales == {3}
    assert sale(store, NEXT).stop_sales == ({1, 3} if dialect == "postgresql" else {3})
    sound(store)
