"""Offers and refusals against an exact search on small days: every yes has a plan, every proved no has none."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.arrays import day_arrays
from optimizer.bounds import slots_in_order
from optimizer.domain import Appointment, AskedService, BookingRequest, Proof, Wishes
from optimizer.objective import travel_cost_s
from optimizer.slots import (
    Approach,
    Asking,
    Certificates,
    NoOffer,
    Offers,
    PromisedDay,
    SlotOffer,
    SlotReasonCode,
    offer_slots,
    plan_of,
    promise,
    reason_text,
)
from optimizer.slots.policies import SCARCE_S, UNWISHED_S
from optimizer.stop import StopAt
from optimizer.units import clock
from tests.builders import appointment, approach, asked, executive, pause, problem, promised, s
from tests.exact_slots import Exact, asked_day, in_slot, matching_exists, named, on_shift, without_breaks
from tests.strategies import Asked, askings, promised_days, tight_asking

TIGHT = st.integers(0, 2**32 - 1).map(tight_asking)
SMALL = st.one_of(TIGHT, askings(max_visits=6, max_executives=3))
CODE = SlotReasonCode


def two_days_before(date: dt.date) -> dt.datetime:
    return clock(date - dt.timedelta(days=2), s("10:00"))


def requested(seen: Approach, *services: AskedService, wishes: Wishes | None = None) -> BookingRequest:
    date = seen.day.date
    return BookingRequest(seen.place, services, date, date, two_days_before(date), wishes or Wishes())


def told(case: Asked, asking: Asking | None = None) -> Offers:
    seen, service = case
    return offer_slots([seen], requested(seen, service), asking=asking)


class Judge:
    """What an exact search says of one service on one day, and whether an answer is true."""

    def __init__(self, case: Asked) -> None:
        self.seen, self.service = case
        self.day = self.seen.day
        self.ids = [a.visit_id for a in self.day.promises]
        self.whole = asked_day(self.seen, [self.service])
        self.exact, self.rested = Exact(self.whole), Exact(without_breaks(self.whole))
        self.in_order = slots_in_order(day_arrays(self.whole))
        self.counts: Counter[str] = Counter()

    def possible(self, slot: int) -> bool:
        return self.exact.plan_exists([*self.ids, named(0, slot)])

    def judge(self, answer: Offers) -> None:
        """Each slot has one answer, and it is true."""
        for slot, at in enumerate(self.day.slots):
            offer, refusal = answer.offer(self.day.date, at), answer.refusal(self.day.date, at)
            assert (offer is None) != (refusal is None)
            if offer is not None:
                self.counts["offered"] += 1
                assert self.possible(slot)
            elif refusal is not None:
                self.no(slot, refusal)

    def no(self, slot: int, refusal: NoOffer) -> None:
        """A refusal is true, as far as it says that it is proved."""
        first = refusal.reasons[0]
        if self.service.service_s > self.day.problem.grid.slot_s:
            assert (first.code, first.proof) == (CODE.SERVICE_LONGER_THAN_SLOT, Proof.PROVED)
            return
        possible = self.possible(slot)
        self.counts[f"{first.proof.value} {'possible' if possible else 'impossible'}"] += 1
        if first.proof is not Proof.PROVED:
            return
        assert not possible
        new = self.whole.visit_by_id[named(0, slot)]
        assert isinstance(new, Appointment)
        nobody = not any(on_shift(e, new) for e in self.whole.executives)
        matched = matching_exists(self.whole, [*in_slot(self.day, slot), new.visit_id])
        assert (first.code is CODE.NO_EXECUTIVE_WITH_SKILL) == nobody
        if first.code is CODE.ALL_EXECUTIVES_TAKEN:
            assert not matched
        elif first.code is CODE.NOT_REACHABLE_IN_TIME:
            assert matched or not self.anybody_ever(new)
        elif first.code is CODE.BREAK_CANNOT_BE_KEPT:
            assert self.rested.plan_exists([*self.ids, new.visit_id])
        else:
            assert first.code is CODE.NO_EXECUTIVE_WITH_SKILL

    def anybody_ever(self, new: Appointment) -> bool:
        """Some route of somebody makes the visit, whatever becomes of the promises."""
        chosen = [frozenset(v for k, v in enumerate(self.ids) if bits >> k & 1) for bits in range(1 << len(self.ids))]
        return any(self.exact.can_run(e, c | {new.visit_id}) for e in self.whole.executives for c in chosen)


@settings(max_examples=200)
@given(SMALL, st.booleans())
def test_every_offer_has_a_plan_and_every_proved_refusal_has_none_and_a_true_reason(case: Asked, counts: bool) -> None:
    Judge(case).judge(told(case, Asking(counts=counts)))


@settings(max_examples=60)
@given(SMALL)
def test_nothing_stays_open_where_the_full_proof_is_asked_for(case: Asked) -> None:
    judge = Judge(case)
    judge.judge(told(case, Asking(counts=True, proof=StopAt(iterations=20_000))))
    # Two visits that take no time may be made against the order of slots: then nothing is proved.
    if judge.in_order and case[1].service_s > 0:
        assert not judge.counts.keys() & {"heuristic possible", "heuristic impossible"}


@pytest.mark.parametrize("days", [400, pytest.param(20_000, marks=pytest.mark.long)])
def test_hardly_any_possible_slot_is_refused_and_few_questions_stay_open(days: int) -> None:
    found: Counter[str] = Counter()
    for seed in range(days):
        judge = Judge(tight_asking(seed))
        certificates = {judge.day.date: Certificates()}
        judge.judge(told((judge.seen, judge.service), Asking(certificates)))
        found += judge.counts
    asked_for = sum(found.values())
    assert found["heuristic possible"] <= 0.001 * asked_for
    assert found["heuristic impossible"] <= 0.1 * asked_for
    assert found["offered"] > 0.1 * asked_for


@settings(max_examples=40)
@given(SMALL)
def test_an_offered_slot_accepted_at_once_is_a_kept_promise(case: Asked) -> None:
    seen, service = case
    answer = told(case)
    for offer in answer.offers:
        visit = Appointment("new", seen.place, offer.slot, service.service_s, service.service_id, service.skills)
        day = promise(seen, [visit])
        assert isinstance(day, PromisedDay)
        assert {a.visit_id for a in day.promises} == {a.visit_id for a in seen.day.promises} | {"new"}
        assert any("new" in order for order in day.witness.values())
        if not offer.rearranged:
            extra_s = travel_cost_s(day.problem, plan_of(day)) - travel_cost_s(seen.day.problem, plan_of(seen.day))
            assert offer.extra_travel_s == extra_s
            assert "new" in day.witness[offer.executive_id]
            assert offer.executives >= 1
        else:
            assert offer.executives == 0


@settings(max_examples=30)
@given(SMALL, st.integers(0, 1_000))
def test_the_same_days_and_seed_give_the_same_answer(case: Asked, seed: int) -> None:
    assert told(case, Asking(seed=seed, counts=True)) == told(case, Asking(seed=seed, counts=True))


@settings(max_examples=40)
@given(SMALL)
def test_counts_are_told_on_request_only_and_change_no_answer(case: Asked) -> None:
    with_counts, without = told(case, Asking(counts=True)), told(case)
    assert with_counts.offers == without.offers
    for a, b in zip(with_counts.refused, without.refused, strict=True):
        assert (a.date, a.slot, a.service) == (b.date, b.slot, b.service)
        assert len(b.reasons) == 1
        assert (b.reasons[0].alone, b.reasons[0].with_others) == (None, None)
        sharper = {a.reasons[0].code, b.reasons[0].code} == {CODE.NOT_REACHABLE_IN_TIME, CODE.BREAK_CANNOT_BE_KEPT}
        assert a.reasons[0].proof is b.reasons[0].proof
        assert a.reasons[0].code is b.reasons[0].code or sharper
        assert len({r.code for r in a.reasons}) == len(a.reasons)
        assert all(r.alone is not None and r.with_others is not None for r in a.reasons if r.code in COUNTED)


COUNTED = (
    CODE.NO_EXECUTIVE_WITH_SKILL,
    CODE.ALL_EXECUTIVES_TAKEN,
    CODE.NOT_REACHABLE_IN_TIME,
    CODE.BREAK_CANNOT_BE_KEPT,
)


def one_offer(answer: Offers, slot: int) -> SlotOffer:
    return next(o for o in answer.offers if o.slot.open_s == s("08:00") + slot * 3_600)


def reasons_of(day: PromisedDay, seen: Approach, service: AskedService, slot: int) -> list[tuple[str, str, int, int]]:
    refusal = told((seen, service), Asking(counts=True)).refusal(day.date, day.slots[slot])
    assert refusal is not None
    return [(r.code.value, r.proof.value, r.alone or 0, r.with_others or 0) for r in refusal.reasons]


def test_each_rule_about_executives_is_told_where_it_is_in_the_way() -> None:
    visits = [appointment("A1", "10:00", skills=["kit"]), appointment("A2", "11:00", 3_000, service_s=3_000)]
    staff = [
        executive("E1", "08:00", "16:00", skills=["kit"]),
        executive("E2", "13:00", "20:00", skills=["kit"]),
        executive("E3", "07:00", "16:00", rest=pause(60, "09:00", "09:00")),
    ]
    day = promised(problem(visits, staff), {"E1": ("A1", "A2")})
    seen = approach(day, 900)
    kit = asked(1_200, ["kit"])
    # 18:00: E1 is off duty, E3 too, and without the kit.
    assert told((seen, kit)).offer(day.date, day.slots[10]) is not None
    assert reasons_of(day, seen, asked(1_200, ["notary"]), 4) == [("no_executive_with_skill", "proved", 3, 0)]
    assert reasons_of(day, seen, asked(3_601), 4)[0][:2] == ("service_longer_than_slot", "proved")
    # 10:00 with the kit: E1 is taken, E2 and E3 cannot.
    assert reasons_of(day, seen, kit, 2) == [
        ("all_executives_taken", "proved", 1, 0),
        ("no_executive_with_skill", "heuristic", 2, 0),
    ]
    # 09:00, three quarters of an hour: E3 has the break then, E1 could.
    assert one_offer(told((seen, asked(2_700))), 1).executive_id == "E1"


def test_the_break_is_told_where_only_the_break_is_in_the_way() -> None:
    day = promised(problem([], [executive("E1", rest=pause(60, "09:00", "09:00"))]), {})
    assert reasons_of(day, approach(day), asked(1_200), 1) == [("break_cannot_be_kept", "proved", 1, 0)]
    far = promised(problem([], [executive("E1", "08:00", "09:30")]), {})
    assert reasons_of(far, approach(far, 3_000), asked(1_200), 0) == [("not_reachable_in_time", "proved", 1, 0)]
    # From 08:00, an hour away: by 09:00 nobody is there, break or not.
    assert reasons_of(far, approach(far, 3_600), asked(1_200), 1)[0][:2] == ("not_reachable_in_time", "proved")


def test_one_matching_frees_the_only_executive_with_the_kit() -> None:
    visits = [appointment("A1", "10:00")]
    staff = [executive("E1", skills=["kit"]), executive("E2")]
    day = promised(problem(visits, staff), {"E1": ("A1",)})
    offer = one_offer(told((approach(day, 300), asked(1_200, ["kit"]))), 2)
    assert (offer.executive_id, offer.rearranged, offer.executives, offer.adjacent) == ("E1", True, 0, 1)
    assert offer.extra_travel_s == 600
    assert offer.score == 600 + 2 * SCARCE_S


def test_an_offer_says_how_many_could_come_and_how_long_the_run_of_slots_is() -> None:
    visits = [appointment("A1", "10:00", 600), appointment("A2", "13:00", 600)]
    day = promised(problem(visits, [executive("E1"), executive("E2", "12:00", "20:00")]), {"E1": ("A1", "A2")})
    answer = told((approach(day, 600), asked(1_200)))
    told_of = {o.slot.open_s // 3_600: (o.executives, o.adjacent) for o in answer.offers}
    assert {hour: told_of[hour] for hour in (8, 9, 11)} == dict.fromkeys((8, 9, 11), (1, 2))
    assert {hour: told_of[hour] for hour in (12, 14, 15)} == dict.fromkeys((12, 14, 15), (2, 8))
    assert {hour: told_of[hour] for hour in (13, 16, 19)} == dict.fromkeys((13, 16, 19), (1, 8))
    assert answer.refusal(day.date, day.slots[2]) is not None
    beside = one_offer(answer, 1)
    assert (beside.extra_travel_s, beside.score) == (0, SCARCE_S)
    assert (one_offer(answer, 4).extra_travel_s, one_offer(answer, 4).score) == (0, SCARCE_S // 2)


def test_a_slot_that_does_not_fit_the_wish_is_offered_further_down() -> None:
    day = promised(problem([], [executive("E1")]), {})
    seen = approach(day, 600)
    answer = offer_slots([seen], requested(seen, asked(), wishes=Wishes(s("10:00"), s("11:00"))))
    assert [o.slot.open_s // 3_600 for o in answer.aloud] == [10, 11, 8, 9, 12, 13, 14, 15]
    assert [o.wished for o in answer.offers] == [True, True] + [False] * 6
    assert {o.score - 1_200 - SCARCE_S for o in answer.offers} == {0, UNWISHED_S}


def test_a_day_without_executives_offers_nothing() -> None:
    day = promised(problem([], []), {})
    answer = told((approach(day), asked()), Asking(counts=True))
    assert answer.offers == ()
    assert {(n.reasons[0].code, n.reasons[0].proof) for n in answer.refused} == {
        (CODE.NO_EXECUTIVE_WITH_SKILL, Proof.PROVED)
    }


@pytest.mark.parametrize("minutes", [30, 60, 120])
def test_slots_of_any_length_are_offered_and_kept(minutes: int) -> None:
    grid = type(problem().grid)(slot_s=minutes * 60)
    day = promised(
        problem([appointment("A1", "10:00", minutes=minutes)], [executive("E1", "08:00", "20:00")], grid=grid),
        {"E1": ("A1",)},
    )
    seen = approach(day)
    answer = told((seen, asked(1_800)))
    assert len(answer.offers) == 12 * 60 // minutes - 1
    for offer in answer.offers:
        assert isinstance(promise(seen, [Appointment("new", seen.place, offer.slot, 1_800)]), PromisedDay)
    assert told((seen, asked(minutes * 60 + 1))).offers == ()


def test_reasons_are_told_in_english_and_hindi_and_a_heuristic_one_never_says_impossible() -> None:
    day = promised(problem([], [executive("E1", "08:00", "09:30")]), {})
    refusal = told((approach(day, 3_000), asked())).refusal(day.date, day.slots[0])
    assert refusal is not None
    (reason,) = refusal.reasons
    assert reason_text(reason) == "nobody can get there in time and keep all appointments"
    assert "मितान" in reason_text(reason, "hi")
    open_reason = type(reason)(reason.code, Proof.HEURISTIC)
    assert reason_text(open_reason).startswith("not now")
    assert reason_text(open_reason, "hi").startswith("अभी नहीं")
    for code in CODE:
        texts = [reason_text(type(reason)(code, Proof.PROVED), language) for language in ("en", "hi")]
        assert texts[0] != texts[1]
        assert not any(text.endswith((".", "।")) for text in texts)


@settings(max_examples=20)
@given(promised_days(max_visits=6), st.integers(-600, 600))
def test_asking_changes_nothing_about_the_day(day: PromisedDay, east_s: int) -> None:
    routes = [array.copy() for array in day.routes]
    seen = approach(day, east_s) if day.problem.travel.origin == "toy map" else None
    if seen is not None:
        told((seen, asked()), Asking(counts=True))
        assert all((a == b).all() for a, b in zip(routes, day.routes, strict=True))
