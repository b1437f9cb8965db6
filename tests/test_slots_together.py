"""Several services of one citizen: combinations are proven together, single offers promise nothing jointly."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.check import violations
from optimizer.domain import Appointment, AskedService, BookingRequest, InvalidProblem, Wishes
from optimizer.objective import travel_cost_s
from optimizer.slots import Approach, Combination, NoRoom, Offers, PromisedDay, Sale, offer_slots, plan_of, promise
from optimizer.slots.newcomer import Newcomer
from optimizer.slots.offers import COMBINATIONS_A_DAY
from optimizer.slots.together import slot_choices
from optimizer.units import DAY_S, clock
from tests.builders import appointment, approach, asked, executive, pause, place, problem, promised, s
from tests.strategies import Asked, askings, tight_asking

SMALL = st.one_of(st.integers(0, 2**32 - 1).map(tight_asking), askings(max_visits=6, max_executives=3))


def ask(seen: Approach, services: tuple[AskedService, ...], wishes: Wishes | None = None) -> Offers:
    date = seen.day.date
    asked_at = clock(date, s("10:00") - 2 * DAY_S)
    return offer_slots([seen], BookingRequest(seen.place, services, date, date, asked_at, wishes or Wishes()))


def visits_of(seen: Approach, services: tuple[AskedService, ...], found: Combination, *pins: str) -> list[Appointment]:
    return [
        Appointment(f"new-{i}", seen.place, slot, service.service_s, service.service_id, service.skills, pinned_to=pin)
        for i, (slot, service, pin) in enumerate(
            zip(found.slots, services, pins or (None,) * len(services), strict=True)
        )
    ]


@settings(max_examples=80)
@given(SMALL, st.integers(2, 3), st.data())
def test_every_combination_is_servable_together(case: Asked, count: int, data: st.DataObject) -> None:
    seen, service = case
    lengths = data.draw(st.lists(st.integers(0, seen.day.problem.grid.slot_s), min_size=count - 1, max_size=count - 1))
    services = (service, *(AskedService(f"S{k}", length) for k, length in enumerate(lengths)))
    answer = ask(seen, services)
    assert all(offer.alone for offer in answer.offers)
    before_s = travel_cost_s(seen.day.problem, plan_of(seen.day))
    for found in answer.combinations:
        assert found.date == seen.day.date
        slots = [seen.day.slots.index(slot) for slot in found.slots]
        assert slots == sorted(set(slots))
        assert found.adjacent == all(b == a + 1 for a, b in pairwise(slots))
        visits = visits_of(seen, services, found)
        day = promise(seen, visits)
        assert isinstance(day, PromisedDay)
        plan = plan_of(day)
        assert violations(day.problem, plan) == ()
        assert {a.visit_id for a in day.promises} == {a.visit_id for a in (*seen.day.promises, *visits)}
        who = {visit_id: e for e, order in day.witness.items() for visit_id in order}
        assert tuple(who[v.visit_id] for v in visits) == found.executives
        assert travel_cost_s(day.problem, plan) - before_s == found.extra_travel_s


@settings(max_examples=30)
@given(SMALL)
def test_adjacent_runs_by_one_executive_come_first_and_then_adjacent_ones(case: Asked) -> None:
    seen, service = case
    found = ask(seen, (service, asked(300))).combinations
    ranks = [(not (c.adjacent and c.one_executive), not c.adjacent) for c in found]
    assert ranks == sorted(ranks)
    for rank in set(ranks):
        scores = [c.score for c, r in zip(found, ranks, strict=True) if r == rank]
        assert scores == sorted(scores)
    assert len(found) <= COMBINATIONS_A_DAY


def test_one_executive_comes_once_for_services_in_adjacent_slots() -> None:
    visits = [appointment("A1", "10:00", 600)]
    day = promised(
        problem(visits, [executive("E1", "08:00", "13:00"), executive("E2", "12:00", "16:00")]), {"E1": ("A1",)}
    )
    seen = approach(day, 600)
    answer = ask(seen, (asked(), asked(600)))
    best = answer.combinations[0]
    assert (best.adjacent, best.one_executive, best.extra_travel_s) == (True, True, 0)
    told = {(c.slots[0].open_s // 3_600, c.slots[1].open_s // 3_600, *c.executives) for c in answer.combinations}
    assert {(8, 9, "E1", "E1"), (11, 12, "E1", "E1"), (13, 14, "E2", "E2"), (14, 15, "E2", "E2")} <= told
    # With A1 in between the same executive makes both, not adjacent; nobody has 10:00 free.
    assert all(10 not in pair[:2] for pair in told)


def test_adjacent_slots_by_two_executives_are_told_after_those_by_one() -> None:
    staff = [executive("E1", "08:00", "10:00", skills=["kit"]), executive("E2", "08:00", "10:00")]
    day = promised(problem([], staff), {})
    found = ask(approach(day, 300), (asked(600, ["kit"]), asked(600))).combinations
    assert [(c.adjacent, c.executives) for c in found] == [(True, ("E1", "E1"))]
    other = [executive("E1", "08:00", "09:10", skills=["kit"]), executive("E2", "08:50", "10:00")]
    day = promised(problem([], other), {})
    found = ask(approach(day, 300), (asked(600, ["kit"]), asked(600))).combinations
    assert [(c.adjacent, c.executives, c.one_executive) for c in found] == [(True, ("E1", "E2"), False)]


def test_one_executive_who_comes_from_afar_is_told_before_two_who_live_next_door() -> None:
    next_door = place("home", 1_500)
    staff = [
        executive("E1", "08:00", "09:10", start=next_door),
        executive("E2", "08:50", "10:00", start=next_door),
        executive("E3", "12:30", "15:30"),
    ]
    found = ask(approach(promised(problem([], staff), {}), 1_500), (asked(), asked())).combinations
    told = [(c.slots[0].open_s // 3_600, c.executives, c.extra_travel_s, c.adjacent) for c in found]
    assert told[:2] == [(13, ("E3", "E3"), 3_000, True), (8, ("E1", "E2"), 0, True)]
    assert not any(adjacent for *_, adjacent in told[2:])


def test_slots_with_a_gap_are_told_last() -> None:
    visits = [appointment("A1", "09:00")]
    day = promised(problem(visits, [executive("E1", "08:00", "11:00")]), {"E1": ("A1",)})
    (found,) = ask(approach(day), (asked(), asked())).combinations
    assert [slot.open_s // 3_600 for slot in found.slots] == [8, 10]
    assert (found.adjacent, found.one_executive) == (False, True)


def test_six_services_of_one_citizen_are_served_in_a_row() -> None:
    day = promised(problem([], [executive("E1", "08:00", "16:00", rest=pause(30, "11:00", "13:00"))]), {})
    seen = approach(day, 900)
    services = tuple(asked(600 + 60 * n, service_id=f"S{n}") for n in range(6))
    answer = ask(seen, services)
    best = answer.combinations[0]
    assert (best.adjacent, best.one_executive, best.extra_travel_s) == (True, True, 1_800)
    kept = promise(seen, visits_of(seen, services, best))
    assert isinstance(kept, PromisedDay)
    assert kept.witness["E1"] == tuple(f"new-{n}" for n in range(6))
    assert len(answer.offers) == 6 * 8
    with pytest.raises(InvalidProblem):
        ask(seen, (*services, asked()))


def test_combinations_end_where_the_day_has_too_few_slots() -> None:
    day = promised(problem([], [executive("E1", "08:00", "10:00")]), {})
    services = (asked(), asked(), asked())
    assert ask(approach(day), services).combinations == ()
    assert len(ask(approach(day), services).offers) == 6
    newcomer = Newcomer(approach(day), services)
    choices = slot_choices(newcomer, 3)
    assert choices[:10] == [(n, n + 1, n + 2) for n in range(10)]
    assert len(set(choices)) == len(choices)
    assert all(max(slots) < newcomer.slots for slots in choices)


def test_slots_that_are_not_for_sale_are_in_no_combination() -> None:
    day = promised(problem([], [executive("E1", "08:00", "12:00")]), {}, sale=Sale(stop_sales=frozenset({1})))
    found = ask(approach(day), (asked(), asked())).combinations
    assert {tuple(slot.open_s // 3_600 for slot in c.slots) for c in found} == {(10, 11), (8, 10), (8, 11)}


def test_a_wish_for_one_executive_puts_those_combinations_first() -> None:
    visits = [appointment("A1", "10:00", 600)]
    day = promised(
        problem(visits, [executive("E1", "08:00", "13:00"), executive("E2", "12:00", "16:00")]), {"E1": ("A1",)}
    )
    seen = approach(day, 600)
    found = ask(seen, (asked(), asked(600)), Wishes(one_executive=True)).combinations
    kinds = [c.adjacent and c.one_executive for c in found]
    assert kinds == sorted(kinds, reverse=True)
    assert kinds[0]


def test_a_wish_for_a_time_marks_combinations_that_lie_in_it_wholly() -> None:
    day = promised(problem([], [executive("E1", "08:00", "12:00")]), {})
    found = ask(approach(day), (asked(), asked()), Wishes(s("08:00"), s("09:00"))).combinations
    assert [(c.slots[0].open_s // 3_600, c.slots[1].open_s // 3_600) for c in found if c.wished] == [(8, 9)]
    assert found[0].wished


def test_a_pin_is_kept_in_the_promise_and_refused_where_it_cannot_be() -> None:
    staff = [executive("E1"), executive("E2", "12:00", "20:00")]
    day = promised(problem([], staff), {})
    seen = approach(day, 600)
    services = (asked(), asked(600))
    (found,) = [c for c in ask(seen, services).combinations if c.slots[0].open_s == s("13:00") and c.adjacent]
    for pin in ("E1", "E2"):
        kept = promise(seen, visits_of(seen, services, found, pin, pin))
        assert isinstance(kept, PromisedDay)
        assert kept.witness[pin] == ("new-0", "new-1")
    split = promise(seen, visits_of(seen, services, found, "E2", "E1"))
    assert isinstance(split, PromisedDay)
    assert split.witness == {"E1": ("new-1",), "E2": ("new-0",)}
    early = next(c for c in ask(seen, services).combinations if c.slots[0].open_s == s("09:00"))
    refused = promise(seen, visits_of(seen, services, early, "E2", "E2"))
    assert isinstance(refused, NoRoom)
    assert (refused.code.value, refused.proof.value) == ("no_executive_with_skill", "proved")


def test_all_or_none_are_promised() -> None:
    day = promised(
        problem([appointment("A1", "09:00", skills=["kit"])], [executive("E1", skills=["kit"])]), {"E1": ("A1",)}
    )
    seen = approach(day)
    visits = [Appointment(f"new-{n}", seen.place, day.slots[n], 600) for n in range(2)]
    refused = promise(seen, visits)
    assert isinstance(refused, NoRoom)
    assert refused.code.value == "all_executives_taken"
    assert isinstance(promise(seen, visits[:1]), PromisedDay)
    assert [a.visit_id for a in day.promises] == ["A1"]


@settings(max_examples=40)
@given(SMALL, st.integers(1, 3), st.data())
def test_promises_in_any_slots_are_kept_together_or_refused_together(
    case: Asked, count: int, data: st.DataObject
) -> None:
    seen, service = case
    assume(service.service_s <= seen.day.problem.grid.slot_s)
    slots = data.draw(st.lists(st.integers(0, len(seen.day.slots) - 1), min_size=count, max_size=count, unique=True))
    visits = [
        Appointment(f"new-{slot}", seen.place, seen.day.slots[slot], service.service_s, skills=service.skills)
        for slot in slots
    ]
    day = promise(seen, visits)
    if isinstance(day, NoRoom):
        return
    assert violations(day.problem, plan_of(day)) == ()
    assert {a.visit_id for a in day.promises} == {a.visit_id for a in (*seen.day.promises, *visits)}


def test_a_promise_in_no_slot_of_the_day_is_an_error() -> None:
    seen = approach(promised(problem([], [executive("E1")]), {}))
    with pytest.raises(ValueError, match="is no slot of the day"):
        promise(seen, [appointment("new", "10:30", minutes=30, at=seen.place)])
