"""Reasons that have nothing to do with executives: what of a day is for sale, and until when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import pytest

from optimizer.domain import BookingRequest, BookingRules, InvalidProblem, Proof, Slot, SlotGrid
from optimizer.quotas import Quotas
from optimizer.slots import (
    Approach,
    Asking,
    Offers,
    PromisedDay,
    Sale,
    SlotReasonCode,
    not_for_sale,
    not_on_sale,
    offer_slots,
)
from optimizer.units import IST, clock
from tests.builders import DATE, appointment, approach, asked, executive, problem, promised, s

CODE = SlotReasonCode
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)


def a_day(
    date: dt.date = DATE, *, minutes: int = 60, rules: BookingRules | None = None, sale: Sale | None = None
) -> PromisedDay:
    """One executive all day long, one promise at 10:00."""
    grid = SlotGrid(slot_s=minutes * 60)
    visits = [appointment("A1", "10:00", minutes=minutes)]
    day = problem(visits, [executive("E1", "07:00", "21:00")], grid=grid, date=date)
    return promised(day, {"E1": ("A1",)}, rules=rules, sale=sale)


def ask(
    days: Collection[PromisedDay],
    at: dt.datetime,
    *,
    service_s: int = 1_200,
    dates: tuple[dt.date, dt.date] | None = None,
) -> Offers:
    seen = [approach(day, 300) for day in days]
    first, last = dates or (min(d.date for d in days), max(d.date for d in days))
    place = seen[0].place
    return offer_slots(seen, BookingRequest(place, (asked(service_s),), first, last, at))


def whole_day_refused(answer: Offers) -> list[tuple[dt.date, Slot | None, str]]:
    assert answer.offers == ()
    assert all(r.proof is Proof.PROVED for n in answer.refused for r in n.reasons)
    return [(n.date, n.slot, n.reasons[0].code.value) for n in answer.refused]


def codes(answer: Offers, day: PromisedDay) -> list[str]:
    """By slot: "offer", or the code of the first reason."""
    told = []
    for slot in day.slots:
        refusal = answer.refusal(day.date, slot)
        told.append("offer" if refusal is None else refusal.reasons[0].code.value)
        assert (answer.offer(day.date, slot) is None) == (refusal is not None)
    return told


NOON = clock(DATE - 2 * DAY, s("12:00"))


def test_a_closed_day_is_told_as_closed_whatever_else_is_true_of_it() -> None:
    closed = a_day(sale=Sale(closed_because="closed_every_year", published=True))
    for at in (NOON, clock(DATE + DAY, 0), clock(DATE - 100 * DAY, 0)):
        assert whole_day_refused(ask([closed], at)) == [(DATE, None, "closed_day")]


def test_a_past_date_is_told_as_past_and_today_is_not() -> None:
    assert whole_day_refused(ask([a_day()], clock(DATE + DAY, 0))) == [(DATE, None, "past")]
    today = ask([a_day()], clock(DATE, s("09:30")))
    assert codes(today, a_day()) == ["past"] * 2 + ["inside_lead_time"] * 10


def test_a_slot_is_past_from_the_second_in_which_it_opens() -> None:
    rules = BookingRules(closes_s=86_400)  # booking closes at midnight before the day
    day = a_day(rules=rules)
    assert not_for_sale(day, 0, clock(DATE, 0) - SECOND) is None
    for second, code in ((s("08:00") - 1, CODE.INSIDE_LEAD_TIME), (s("08:00"), CODE.PAST)):
        assert not_for_sale(day, 0, clock(DATE, second)) is code


def test_the_horizon_is_counted_in_dates_its_last_day_included() -> None:
    asked_at = clock(DATE - 14 * DAY, s("23:59"))
    assert codes(ask([a_day()], asked_at), a_day()).count("offer") == 11
    early = asked_at - DAY
    assert whole_day_refused(ask([a_day()], early)) == [(DATE, None, "beyond_horizon")]
    near = a_day(rules=BookingRules(horizon_days=1))
    assert whole_day_refused(ask([near], clock(DATE - 2 * DAY, s("23:59:59")))) == [(DATE, None, "beyond_horizon")]
    assert codes(ask([near], clock(DATE - DAY, 0)), near).count("offer") == 11


def test_the_date_of_asking_is_that_of_india() -> None:
    # 19:00 UTC is half past midnight of the next day.
    late = dt.datetime.combine(DATE - 15 * DAY, dt.time(19, 0), dt.UTC)
    assert late.astimezone(IST).date() == DATE - 14 * DAY
    assert not_on_sale(BookingRules(), a_day(), late) is None
    assert not_on_sale(BookingRules(), a_day(), late - dt.timedelta(hours=1)) is CODE.BEYOND_HORIZON


def test_booking_for_a_date_closes_at_eight_in_the_evening_before_to_the_second() -> None:
    closes = clock(DATE - DAY, s("20:00"))
    assert codes(ask([a_day()], closes - SECOND), a_day()).count("offer") == 11
    assert codes(ask([a_day()], closes), a_day()) == ["inside_lead_time"] * 12
    assert codes(ask([a_day()], closes + SECOND), a_day()) == ["inside_lead_time"] * 12
    noon = a_day(rules=BookingRules(closes_s=s("12:00")))
    assert codes(ask([noon], clock(DATE - DAY, s("12:00"))), noon) == ["inside_lead_time"] * 12


def test_a_published_day_is_told_as_published_before_booking_closes() -> None:
    published = a_day(sale=Sale(published=True))
    assert whole_day_refused(ask([published], NOON)) == [(DATE, None, "day_published")]
    assert whole_day_refused(ask([published], clock(DATE - 20 * DAY, 0))) == [(DATE, None, "beyond_horizon")]


def test_a_stop_sale_and_a_quota_hold_for_their_slots_only() -> None:
    day = a_day(sale=Sale(stop_sales=frozenset({0}), quotas={2: 1, 3: 0, 4: 1}))
    told = codes(ask([day], NOON), day)
    assert told[:5] == ["stop_sale", "offer", "quota_used_up", "quota_used_up", "offer"]
    assert set(told[5:]) == {"offer"}
    spare = a_day(sale=Sale(quotas={2: 2}))
    assert codes(ask([spare], NOON), spare)[2] == "all_executives_taken"


def test_the_first_rule_in_the_way_is_told() -> None:
    day = a_day(sale=Sale(stop_sales=frozenset({2}), quotas={2: 0}))
    assert not_for_sale(day, 2, clock(DATE, s("10:00"))) is CODE.PAST
    assert not_for_sale(day, 2, clock(DATE, s("09:59"))) is CODE.INSIDE_LEAD_TIME
    assert not_for_sale(day, 2, NOON) is CODE.STOP_SALE
    day = a_day(sale=Sale(quotas={2: 1}))
    assert not_for_sale(day, 2, NOON) is CODE.QUOTA_USED_UP


KIT = frozenset({"biometric"})


def computed(places: tuple[int, int], limit: int, **more: Any) -> Quotas:
    """The same quotas in every slot: places for anybody and for the kit, at most so many of the kit."""
    needs = (frozenset[str](), KIT)
    limits = {(0,): (9,) * 12, (1,): (limit,) * 12, (0, 1): (9,) * 12}
    return Quotas(SlotGrid(), needs, (places,) * 12, limits, **more)


def test_computed_quotas_hold_for_each_slot_and_kit() -> None:
    day = a_day(sale=Sale(capacity=computed((1, 0), 0)))  # one promise is in the slot at ten
    assert [not_for_sale(day, slot, NOON) for slot in (1, 2, 3)] == [None, CODE.QUOTA_USED_UP, None]
    assert not_for_sale(day, 1, NOON, KIT) is CODE.QUOTA_USED_UP
    roomy = a_day(sale=Sale(capacity=computed((1, 1), 1)))
    assert not_for_sale(roomy, 2, NOON, KIT) is None


def test_a_quota_by_hand_stands_in_the_place_of_a_computed_one() -> None:
    day = a_day(sale=Sale(capacity=computed((1, 0), 0), quotas={2: 2}, kit_quotas={(1, "biometric"): 1}))
    assert not_for_sale(day, 2, NOON) is None
    assert not_for_sale(day, 1, NOON, KIT) is None
    none = a_day(sale=Sale(kit_quotas={(1, "biometric"): 0}))
    assert not_for_sale(none, 1, NOON, KIT) is CODE.QUOTA_USED_UP
    assert not_for_sale(none, 1, NOON) is None


def test_what_the_day_may_carry_counts_promises_of_the_same_request() -> None:
    day = a_day(sale=Sale(capacity=computed((2, 0), 0, day_most=2)))  # one is promised
    assert not_for_sale(day, 4, NOON) is None
    assert not_for_sale(day, 4, NOON, frozenset(), [(3, frozenset())]) is CODE.QUOTA_USED_UP


def test_a_skill_that_no_quota_knows_takes_a_place_for_anybody() -> None:
    day = a_day(sale=Sale(capacity=computed((1, 0), 0)))
    assert not_for_sale(day, 1, NOON, frozenset({"notary"})) is None
    assert not_for_sale(day, 2, NOON, frozenset({"notary"})) is CODE.QUOTA_USED_UP


def test_a_closed_slot_is_told_as_closed() -> None:
    day = a_day(sale=Sale(closed_slots={1: "power cut"}, stop_sales=frozenset({1})))
    assert [not_for_sale(day, slot, NOON) for slot in (0, 1)] == [None, CODE.CLOSED_SLOT]


@pytest.mark.parametrize(("minutes", "slots"), [(30, 24), (60, 12), (120, 6)])
def test_a_service_longer_than_the_slot_is_refused_in_every_slot(minutes: int, slots: int) -> None:
    day = a_day(minutes=minutes)
    long = ask([day], NOON, service_s=minutes * 60 + 1)
    assert codes(long, day) == ["service_longer_than_slot"] * slots
    assert all(n.reasons[0].proof is Proof.PROVED for n in long.refused)
    # Exactly as long as the slot is possible: but not beside another promise a way off.
    assert codes(ask([day], NOON, service_s=minutes * 60 - 300), day).count("offer") == slots - 1


@pytest.mark.parametrize(("minutes", "closed"), [(30, 24), (120, 6)])
def test_sale_rules_count_slots_of_the_length_of_the_day(minutes: int, closed: int) -> None:
    day = a_day(minutes=minutes, sale=Sale(stop_sales=frozenset({1}), quotas={0: 0}))
    assert codes(ask([day], NOON), day)[:2] == ["quota_used_up", "stop_sale"]
    assert codes(ask([day], clock(DATE - DAY, s("20:00"))), day) == ["inside_lead_time"] * closed


def test_several_days_are_answered_each_by_its_own_rules_in_order_of_time() -> None:
    days = [
        a_day(DATE + n * DAY, sale=sale)
        for n, sale in enumerate([Sale(), Sale(published=True), Sale(closed_because="x"), Sale()])
    ]
    answer = ask(days[::-1], clock(DATE - DAY, s("20:00")))
    assert codes(answer, days[0]) == ["inside_lead_time"] * 12
    assert [n.reasons[0].code.value for n in answer.refused if n.slot is None] == ["day_published", "closed_day"]
    assert codes(answer, days[3]).count("offer") == 11
    assert {o.date for o in answer.offers} == {DATE + 3 * DAY}
    assert [n.date for n in answer.refused] == sorted(n.date for n in answer.refused)


def test_each_service_has_its_own_refusals() -> None:
    day = a_day(sale=Sale(published=True))
    seen = approach(day, 300)
    request = BookingRequest(seen.place, (asked(), asked(600)), DATE, DATE, NOON)
    assert [(n.service, n.slot) for n in offer_slots([seen], request).refused] == [(0, None), (1, None)]


def test_a_day_that_was_not_asked_for_is_an_error_that_names_it() -> None:
    with pytest.raises(InvalidProblem) as raised:
        ask([a_day(), a_day(DATE + DAY)], NOON, dates=(DATE, DATE))
    (fault,) = raised.value.faults
    assert (fault.code, fault.value) == ("not_asked_for", [(DATE + DAY).isoformat()])


def test_no_days_give_no_answer() -> None:
    place = approach(a_day()).place
    answer = offer_slots([], BookingRequest(place, (asked(),), DATE, DATE, NOON), asking=Asking(counts=True))
    assert answer == Offers((), (), ())


def test_a_place_that_is_on_the_day_already_is_an_error() -> None:
    day = a_day()
    with pytest.raises(InvalidProblem) as raised:
        approach(day, place_id="A1")
    assert [f.code for f in raised.value.faults] == ["known_place"]
    good = approach(day)
    with pytest.raises(InvalidProblem) as raised:
        Approach(day, good.place, good.to_s[:-1], good.from_s, good.to_m, good.from_m)
    assert [(f.code, f.path) for f in raised.value.faults] == [("bad_shape", ("to_s",))]


def test_a_witness_has_every_visit_of_the_day_once() -> None:
    day = a_day()
    for witness, code in (
        ({}, "no_witness"),
        ({"E1": ("A1", "A1")}, "repeated_visit"),
        ({"E1": ("A1", "A2")}, "no_witness"),
    ):
        with pytest.raises(InvalidProblem) as raised:
            PromisedDay(day.problem, witness)
        assert [f.code for f in raised.value.faults] == [code]
