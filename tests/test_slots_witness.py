"""Taking promises and giving them back: after each step the witness serves exactly the promises and breaks no rule."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.check import violations
from optimizer.domain import Appointment, BookingRequest, DayPlan, Delivery, InvalidProblem, Problem, Proof
from optimizer.objective import cost, travel_cost_s
from optimizer.slots import (
    Approach,
    Certificates,
    NoRoom,
    PromisedDay,
    Sale,
    WitnessBroken,
    improve,
    offer_slots,
    plan_of,
    promise,
    release,
    rewitness,
    verified,
)
from optimizer.stop import StopAt
from optimizer.units import clock
from tests.builders import appointment, approach, asked, executive, place, problem, promised, s
from tests.exact_slots import Exact, asked_day, named
from tests.strategies import Asked, approaches, promised_days, strange_approach, tight_asking

TIGHT = st.integers(0, 2**32 - 1).map(lambda seed: tight_asking(seed)[0].day)
DAYS = st.one_of(TIGHT, promised_days(max_visits=6))


def settled(day: PromisedDay, promises: Collection[str]) -> PromisedDay:
    """The day, once it is seen that its witness keeps exactly these promises and every rule."""
    plan = plan_of(day)
    assert violations(day.problem, plan) == ()
    assert {a.visit_id for a in day.promises} == set(promises)
    assert {v.visit_id for v in day.problem.visits} == {*promises, *day.empty_stops}
    assert plan.unassigned == ()
    return day


def ids(day: PromisedDay) -> set[str]:
    return {a.visit_id for a in day.promises}


def new_visit(seen: Approach, slot: int, service_s: int = 600, visit_id: str = "new") -> Appointment:
    return Appointment(visit_id, seen.place, seen.day.slots[slot], service_s)


@settings(max_examples=80)
@given(DAYS, st.data())
def test_every_step_leaves_a_witness_of_exactly_the_promises(day: PromisedDay, data: st.DataObject) -> None:
    promises = ids(settled(day, ids(day)))
    for step in range(data.draw(st.integers(1, 6))):
        give_back = data.draw(st.booleans())
        if promises and give_back:
            given_up = data.draw(st.sets(st.sampled_from(sorted(promises)), min_size=1, max_size=2))
            promises -= given_up
            day = settled(release(day, given_up), promises)
        elif data.draw(st.booleans()):
            seen = data.draw(approaches(day, f"new-{step}"))
            slot = data.draw(st.integers(0, len(day.slots) - 1))
            got = promise(seen, [new_visit(seen, slot, visit_id=f"new-{step}")])
            if isinstance(got, PromisedDay):
                promises.add(f"new-{step}")
                day = settled(got, promises)
        else:
            before_s = cost(day.problem, plan_of(day)).second_level_s
            better = improve(day, StopAt(iterations=20))
            if better is not None:
                day = settled(better, promises)
                assert cost(day.problem, plan_of(day)).second_level_s < before_s


# ------------------------------------------------------------------------------ given back


def crooked() -> PromisedDay:
    """A day without the triangle inequality: from the office to A2 in time leads only over A1."""
    legs = {("office", "A2"): 9_000, ("office", "A1"): 600, ("A1", "A2"): 600, ("A2", "office"): 600}
    visits = [appointment("A1", "08:00", 500), appointment("A2", "09:00", 1_000)]
    return promised(problem(visits, [executive("E1", "08:00", "16:00")], legs=legs), {"E1": ("A1", "A2")})


def test_a_place_without_which_the_route_cannot_be_run_stays_on_it_as_an_empty_stop() -> None:
    day = settled(release(crooked(), ["A1"]), {"A2"})
    assert day.empty_stops == {"stop-A1"}
    assert day.witness == {"E1": ("stop-A1", "A2")}
    stop = day.problem.visit_by_id["stop-A1"]
    assert isinstance(stop, Delivery)
    assert (stop.service_s, stop.pinned_to, stop.place.place_id) == (0, "E1", "A1")
    # The slot is free again, and taken again it is for everybody the same promise.
    assert int(day.taken[0]) == 0


def test_an_empty_stop_does_not_stand_in_the_way_of_its_slot() -> None:
    day = release(crooked(), ["A1"])
    seen = approach(day, 500)
    kept = promise(seen, [new_visit(seen, 0)])
    assert isinstance(kept, PromisedDay)
    settled(kept, {"A2", "new"})


def test_an_empty_stop_goes_with_the_last_promise_of_its_route() -> None:
    day = release(crooked(), ["A1"])
    assert settled(release(day, ["A2"]), set()).witness == {}
    both = settled(release(crooked(), ["A1", "A2"]), set())
    assert (both.witness, both.empty_stops) == ({}, frozenset())


def test_an_improvement_leaves_an_empty_stop_out_where_another_can_go_directly() -> None:
    day = crooked()
    table = day.problem.travel
    near = place("home", 1_000)
    grown = table.grown(
        near, *([np.array([0, 600, 0] if table.place_ids == ("A1", "A2", "office") else [0, 0, 0], dtype=np.int32)] * 4)
    )
    staff = (*day.problem.executives, executive("E2", start=near))
    day = replace(day, problem=replace(day.problem, executives=staff, travel=grown))
    stopped = settled(release(day, ["A1"]), {"A2"})
    assert stopped.empty_stops == {"stop-A1"}
    better = improve(stopped, StopAt(iterations=50))
    assert better is not None
    settled(better, {"A2"})
    assert better.empty_stops == frozenset()
    assert better.witness == {"E2": ("A2",)}


def test_a_repair_leaves_an_empty_stop_out_that_it_does_without() -> None:
    # E1 reaches A2 only over the stop. To make room for the new visit E2 takes A2, which it reaches directly.
    legs = {("office", "A2"): 9_000, ("office", "A1"): 600, ("A1", "A2"): 600, ("A2", "office"): 600}
    visits = [appointment("A1", "08:00", 500), appointment("A2", "09:00", 1_000)]
    home = place("home", 1_100)
    staff = [executive("E1", skills=["kit"]), executive("E2", "08:30", "10:30", start=home)]
    day = release(promised(problem(visits, staff, legs=legs), {"E1": ("A1", "A2")}), ["A1"])
    seen = approach(day, -500)
    kept = promise(seen, [replace(new_visit(seen, 1), skills=frozenset(["kit"]))])
    assert isinstance(kept, PromisedDay)
    settled(kept, {"A2", "new"})
    assert kept.witness == {"E1": ("new",), "E2": ("A2",)} or kept.empty_stops == {"stop-A1"}


@settings(max_examples=80)
@given(TIGHT, st.data())
def test_giving_back_always_succeeds_in_any_order(day: PromisedDay, data: st.DataObject) -> None:
    promises = ids(day)
    for visit_id in data.draw(st.permutations(sorted(promises))):
        promises.discard(visit_id)
        day = settled(release(day, [visit_id]), promises)
    assert day.witness == {}


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1).map(tight_asking), st.data())
def test_offers_and_refusals_of_a_day_with_empty_stops_are_true(case: Asked, data: st.DataObject) -> None:
    full, service = case[0].day, asked(case[1].service_s or 600)
    given_up = data.draw(st.sets(st.sampled_from(sorted(ids(full))), max_size=2)) if ids(full) else set()
    day = release(full, given_up)
    seen = strange_approach(day, data.draw(st.integers(0, 2**32 - 1)))
    asked_at = clock(day.date, -3 * 86_400)
    answer = offer_slots([seen], BookingRequest(seen.place, (service,), day.date, day.date, asked_at))
    for offer in answer.offers:
        visit = Appointment("new", seen.place, offer.slot, service.service_s)
        kept = promise(seen, [visit])
        assert isinstance(kept, PromisedDay)
        settled(kept, ids(day) | {"new"})
    exact = Exact(asked_day(seen, [service]))
    for refusal in answer.refused:
        if refusal.slot is not None and refusal.reasons[0].proof is Proof.PROVED:
            slot = day.slots.index(refusal.slot)
            assert not exact.plan_exists([*ids(day), named(0, slot)])


def test_what_is_not_on_the_day_is_passed_over() -> None:
    day = crooked()
    assert release(day, ["unknown"]) is day
    assert ids(release(day, ["unknown", "A2"])) == {"A1"}


def test_ids_as_long_as_they_may_be_are_given_back_too() -> None:
    long = ["x" * 63 + end for end in "12"]
    legs = {("office", "P2"): 20_000, ("office", "P1"): 600, ("P1", "P0"): 600, ("P0", "P2"): 600, ("P1", "P2"): 20_000}
    visits = [
        appointment(long[0], "08:00", at=place("P1", 500)),
        appointment(long[1], "09:00", at=place("P0", 600)),
        appointment("A3", "10:00", at=place("P2", 700)),
    ]
    day = promised(problem(visits, [executive("E1")], legs=legs), {"E1": (*long, "A3")})
    given_back = settled(release(day, long), {"A3"})
    assert len(given_back.empty_stops) == 2
    assert settled(release(release(day, long[:1]), long[1:]), {"A3"}).empty_stops


def test_an_empty_stop_never_takes_the_name_of_a_booking() -> None:
    legs = {("office", "A2"): 9_000, ("office", "A1"): 600, ("A1", "A2"): 600, ("A2", "office"): 600}
    visits = [appointment("A1", "08:00", 500), appointment("A2", "09:00", 1_000), appointment("stop-A1", "10:00")]
    day = promised(problem(visits, [executive("E1")], legs=legs), {"E1": ("A1", "A2", "stop-A1")})
    settled(release(day, ["A1"]), {"A2", "stop-A1"})


# ------------------------------------------------------------------------------ a changed day


def without(day: PromisedDay, executive_id: str) -> Problem:
    """The day's problem after an executive fell ill; visits pinned to them are not on it."""
    visits = tuple(
        v for v in day.problem.visits if v.pinned_to != executive_id and getattr(v, "held_by", None) != executive_id
    )
    kept = {v.visit_id for v in visits}
    staff = tuple(
        replace(e, preferred_visits=e.preferred_visits & kept)
        for e in day.problem.executives
        if e.executive_id != executive_id
    )
    return replace(day.problem, visits=visits, executives=staff)


@settings(max_examples=60)
@given(st.one_of(TIGHT, promised_days(max_visits=6, max_executives=3, slot_minutes=(60,))), st.data())
def test_after_an_executive_falls_ill_what_can_be_is_kept_and_the_rest_is_named(
    day: PromisedDay, data: st.DataObject
) -> None:
    assume(day.problem.executives)
    problem_left = without(day, data.draw(st.sampled_from([e.executive_id for e in day.problem.executives])))
    asked_for = {a.visit_id for a in problem_left.appointments}
    found = rewitness(day, problem_left, StopAt(iterations=300))
    assert set(found.broken) <= asked_for
    settled(found.day, asked_for - set(found.broken))
    if found.proved:
        exact = Exact(problem_left)
        weight = {a.visit_id: a.weight for a in problem_left.appointments}
        if all(w == 1 for w in weight.values()):
            assert len(asked_for) - len(found.broken) == exact.most_served(asked_for)
        else:
            assert not found.broken or not exact.plan_exists(asked_for)


def test_promises_of_an_executive_who_falls_ill_go_to_others_or_are_named() -> None:
    visits = [appointment("A1", "10:00", 300), appointment("A2", "10:00", -300), appointment("A3", "11:00", 300)]
    staff = [executive("E1"), executive("E2")]
    day = promised(problem(visits, staff), {"E1": ("A1", "A3"), "E2": ("A2",)})
    found = rewitness(day, without(day, "E1"), StopAt(iterations=500))
    assert found.proved
    assert len(found.broken) == 1
    assert found.broken[0] in {"A1", "A2"}
    settled(found.day, {"A1", "A2", "A3"} - set(found.broken))
    nobody = rewitness(found.day, without(found.day, "E2"), StopAt(iterations=500))
    assert (nobody.proved, len(nobody.broken), nobody.day.witness) == (True, 2, {})


def test_a_day_that_can_be_kept_whole_is_kept_with_routes_that_can_still_be_run() -> None:
    visits = [appointment("A1", "10:00", 300), appointment("A2", "11:00", 300), appointment("A3", "12:00")]
    day = promised(problem(visits, [executive("E1"), executive("E2")]), {"E1": ("A1", "A2"), "E2": ("A3",)})
    slower = replace(day.problem, travel=replace(day.problem.travel, margin_pct=50))
    found = rewitness(day, slower, StopAt(iterations=0))
    assert (found.broken, found.proved, dict(found.day.witness)) == ((), True, dict(day.witness))


# ---------------------------------------------------------------------------------- improve


@settings(max_examples=40)
@given(DAYS)
def test_an_improvement_is_cheaper_and_keeps_the_same_promises(day: PromisedDay) -> None:
    better = improve(day, StopAt(iterations=60))
    if better is not None:
        settled(better, ids(day))
        assert cost(better.problem, plan_of(better)) < cost(day.problem, plan_of(day))
        again = improve(better, StopAt(iterations=60))
        assert again is None or cost(again.problem, plan_of(again)) < cost(better.problem, plan_of(better))


def test_a_crossed_day_is_untangled_and_a_published_one_is_left_alone() -> None:
    visits = [
        appointment(f"{side}{n}", f"{8 + n:02d}:00", east) for n in range(3) for side, east in (("W", -900), ("O", 900))
    ]
    orders = {"E1": ("W0", "O1", "W2"), "E2": ("O0", "W1", "O2")}
    day = promised(problem(visits, [executive("E1"), executive("E2")]), orders)
    better = improve(day, StopAt(iterations=100))
    assert better is not None
    assert set(better.witness.values()) == {("W0", "W1", "W2"), ("O0", "O1", "O2")}
    assert improve(better, StopAt(iterations=100)) is None
    assert improve(replace(day, sale=Sale(published=True)), StopAt(iterations=100)) is None
    assert improve(promised(problem([], []), {}), StopAt(iterations=100)) is None


def test_a_day_filled_in_random_order_gets_at_least_a_twentieth_less_travel() -> None:
    rng = np.random.default_rng(1)
    staff = [executive(f"E{n}", f"{8 + 4 * (n % 2):02d}:00", f"{16 + 4 * (n % 2)}:00") for n in range(6)]
    day = promised(problem([], staff), {}, metric=True)
    for number in range(40):
        seen = approach(day, *(int(c) for c in rng.integers(-900, 900, 2)), place_id=f"P{number}")
        slots = (int(slot) for slot in rng.permutation(12))
        got = (promise(seen, [new_visit(seen, slot, 1_500, f"A{number}")]) for slot in slots)
        day = next((kept for kept in got if isinstance(kept, PromisedDay)), day)
    assert len(day.promises) == 40
    better = improve(day, StopAt(iterations=40))
    assert better is not None
    settled(better, ids(day))
    before_s, after_s = (travel_cost_s(d.problem, plan_of(d)) for d in (day, better))
    assert after_s <= 0.95 * before_s


# --------------------------------------------------------------------------------- broken on purpose


def test_a_broken_witness_is_never_promised() -> None:
    visits = [appointment("A1", "10:00"), appointment("A2", "10:00", 300), appointment("A3", "11:00", skills=["kit"])]
    day = problem(visits, [executive("E1"), executive("E2", "08:00", "10:15", skills=["kit"])])
    for witness in (
        {"E1": ("A1", "A2", "A3")},  # two in one slot, and no kit
        {"E1": ("A2", "A3"), "E2": ("A1",)},  # no kit, and E2 is home too late
        {"E1": ("A1",), "E2": ("A3", "A2")},  # against the clock
    ):
        with pytest.raises(WitnessBroken):
            verified(PromisedDay(day, witness))
    with pytest.raises(InvalidProblem, match="unknown_executive"):
        PromisedDay(day, {"E1": ("A2",), "E3": ("A1", "A3")})
    short = problem([appointment("A1", "10:00"), appointment("A2", "11:00", skills=["kit"])], [executive("E1")])
    with pytest.raises(WitnessBroken, match="raipur 2026-12-01: E1 lacks 1 skills for A2"):
        verified(PromisedDay(short, {"E1": ("A1", "A2")}))
    with pytest.raises(WitnessBroken):
        verified(PromisedDay(short, {"E1": ("A2", "A1")}))


def test_only_the_routes_named_are_judged() -> None:
    day = problem([appointment("A1", "10:00"), appointment("A2", skills=["kit"])], [executive("E1"), executive("E2")])
    broken = PromisedDay(day, {"E1": ("A1",), "E2": ("A2",)})
    assert verified(broken, {"E1"}) is broken
    assert verified(broken, ()) is broken
    with pytest.raises(WitnessBroken):
        verified(broken, {"E2"})


def test_a_defect_of_the_search_is_caught_before_it_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    visits = [appointment("A1", "10:00")]
    day = promised(problem(visits, [executive("E1")]), {"E1": ("A1",)})
    seen = approach(day, 300)

    plan = plan_of(day)

    def forgetful(problem: Problem, orders: object) -> DayPlan:
        return plan

    monkeypatch.setattr("optimizer.slots.witness.timed", forgetful)
    with pytest.raises(WitnessBroken, match="new is neither on a route nor among the unassigned visits"):
        promise(seen, [new_visit(seen, 4)])


# ----------------------------------------------------------------------------------- promise


def test_a_promise_refused_says_which_rule_and_leaves_the_day_as_it_is() -> None:
    day = promised(problem([appointment("A1", "10:00")], [executive("E1")]), {"E1": ("A1",)})
    seen = approach(day, 300)
    refused = promise(seen, [new_visit(seen, 2)], Certificates())
    assert isinstance(refused, NoRoom)
    assert (refused.code.value, refused.proof.value) == ("all_executives_taken", "proved")
    assert dict(day.witness) == {"E1": ("A1",)}


@settings(max_examples=40)
@given(TIGHT, st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_the_same_seed_promises_the_same_witness(day: PromisedDay, seed: int, slot: int) -> None:
    seen = strange_approach(day, seed)
    one, two = (promise(seen, [new_visit(seen, slot)], seed=seed) for _ in range(2))
    if isinstance(one, PromisedDay):
        assert isinstance(two, PromisedDay)
        assert dict(one.witness) == dict(two.witness)
    else:
        assert one == two


def test_an_asked_service_may_have_no_id_of_its_own() -> None:
    day = promised(problem([], [executive("E1")]), {})
    seen = approach(day)
    assert isinstance(promise(seen, [new_visit(seen, 0)]), PromisedDay)
    assert asked().service_id == "S1"
    assert s("08:00") == day.slots[0].open_s
