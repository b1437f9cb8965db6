"""Proofs that a slot is impossible: no prices ever prove anything wrong, whatever they are, whenever they are asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.domain import Appointment, Proof
from optimizer.engines.columns.labels import GRID
from optimizer.slots import Approach, Certificate, Certificates, Effort, PromisedDay, promise
from optimizer.slots.certificates import KEPT, UNKNOWN, Prover, _most_collected
from optimizer.slots.ladder import Ladder, NoRoom
from optimizer.slots.newcomer import Newcomer
from optimizer.slots.settle import prove_slot
from optimizer.stop import StopAt
from tests.builders import appointment, approach, asked, executive, pause, place, problem, promised
from tests.exact_slots import Exact, asked_day, named
from tests.strategies import Asked, askings, strange_approach, tight_asking

TIGHT = st.integers(0, 2**32 - 1).map(tight_asking)
SMALL = st.one_of(TIGHT, askings(max_visits=6, slot_minutes=(60, 120)))


def possible(seen: Approach, service_s: int, slot: int) -> bool:
    day = asked_day(seen, [asked(service_s)])
    return Exact(day).plan_exists([*(a.visit_id for a in seen.day.promises), named(0, slot)])


def holds(newcomer: Newcomer, prices: Mapping[str, int], new: int, slot: int) -> bool:
    return Prover(newcomer).holds(Certificate(prices, new), newcomer.row(0, slot))


@st.composite
def prices(draw: st.DrawFn, day: PromisedDay) -> Certificate:
    """Any prices: mostly none or the full one, as duals are."""
    price = st.one_of(st.sampled_from([0, GRID]), st.integers(0, GRID))
    return Certificate({a.visit_id: draw(price) for a in day.promises}, draw(st.one_of(st.just(GRID), price)))


@settings(max_examples=150)
@given(SMALL, st.data())
def test_no_prices_whatever_prove_a_slot_impossible_that_a_plan_serves(case: Asked, data: st.DataObject) -> None:
    seen, service = case
    day = seen.day
    assume(service.service_s <= day.problem.grid.slot_s)
    newcomer = Newcomer(seen, [service])
    exact, prover = Exact(asked_day(seen, [service])), Prover(newcomer)
    certificate = data.draw(prices(day))
    for slot in range(len(day.slots)):
        if prover.holds(certificate, newcomer.row(0, slot)):
            assert not exact.plan_exists([*(a.visit_id for a in day.promises), named(0, slot)])


@pytest.mark.long
def test_no_prices_of_many_tight_days_prove_anything_wrong() -> None:
    held = 0
    for seed in range(40_000):
        seen, service = tight_asking(seed)
        newcomer, rng = Newcomer(seen, [service]), np.random.default_rng(seed)
        exact, prover = Exact(asked_day(seen, [service])), Prover(newcomer)
        ids = [a.visit_id for a in seen.day.promises]
        for slot in range(3):
            among = [GRID, int(rng.integers(0, 2)) * GRID, int(rng.integers(0, GRID + 1))]
            certificate = Certificate({v: int(rng.choice(among)) for v in ids}, GRID)
            if prover.holds(certificate, newcomer.row(0, slot)):
                held += 1
                assert not exact.plan_exists([*ids, named(0, slot)]), seed
    assert held > 1_000


def on_the_way() -> Approach:
    """A day on which E1 gets home in time from the new visit only by resting at A1 on the way, at 09:15 sharp.

    The new visit, half an hour east, ends at 09:00. Who rests there until 09:45 is home at 10:15, after the shift.
    """
    staff = [executive("E1", "07:00", "10:10", rest=pause(30, "09:15", "09:15"))]
    day = problem([appointment("A1", "09:00", 900, service_s=300)], staff)
    return approach(promised(day, {"E1": ("A1",)}, metric=True), 1_800)


def strange(day: PromisedDay, to_s: Mapping[str, int], from_s: Mapping[str, int]) -> Approach:
    """A new address with these travel seconds by place."""
    rows = [np.array([way[p] for p in day.problem.travel.place_ids], dtype=np.int32) for way in (to_s, from_s)]
    return Approach(day, place("new"), *rows, *rows)


def test_a_break_may_be_taken_further_on_by_those_who_could_not_go_home_now() -> None:
    # Once proved impossible: partial routes that cannot end where they are were given up, though they go on in time.
    newcomer = Newcomer(on_the_way(), [asked(3_600)])
    assert newcomer.room.executives[0] == 1
    assert not holds(newcomer, {"A1": GRID}, GRID, 0)


def test_a_break_may_be_taken_at_a_visit_that_has_no_price() -> None:
    # Once proved impossible: without A1 there is no place for the break.
    newcomer = Newcomer(on_the_way(), [asked(3_600)])
    assert not holds(newcomer, {}, GRID, 0)
    assert not holds(newcomer, {"A1": 1}, GRID, 0)


def test_a_break_may_be_taken_on_the_way_to_a_visit() -> None:
    # At 08:15 sharp E1 may rest at A1, half way, and is there at 09:05; from the office it would be 09:15, too late.
    staff = [executive("E1", rest=pause(30, "08:15", "08:15"))]
    day = promised(problem([appointment("A1", "08:00", 900, service_s=300)], staff), {"E1": ("A1",)}, metric=True)
    newcomer = Newcomer(approach(day, 1_800), [asked(3_300)])
    assert newcomer.room.executives[1] == 1
    assert not holds(newcomer, {}, GRID, 1)


def test_visits_that_take_no_time_are_not_thought_to_keep_the_order_of_slots() -> None:
    # At 09:00 sharp A1 of the second slot comes first, then the new visit of the first: from there it is on the way
    # home. Once proved impossible.
    legs = {("office", "A1"): 3_600, ("A1", "office"): 3_600}
    day = problem([appointment("A1", "09:00", service_s=0)], [executive("E1", "08:00", "10:00")], legs=legs)
    seen = strange(promised(day, {"E1": ("A1",)}), {"A1": 600, "office": 3_600}, {"A1": 0, "office": 7_200})
    assert possible(seen, 0, 0)
    assert not holds(Newcomer(seen, [asked(0)]), {"A1": GRID}, GRID, 0)


def test_a_way_may_lead_over_another_service_of_the_same_citizen() -> None:
    # A1 is far from everywhere but the new place. Once its first service was placed there, a later one was proved
    # impossible beside A1, though one route makes all three.
    legs = {("office", "A1"): 10_200, ("A1", "office"): 3_600}
    day = problem([appointment("A1", "10:00", service_s=600)], [executive("E1")], legs=legs)
    seen = strange(promised(day, {"E1": ("A1",)}), {"A1": 1_800, "office": 1_800}, {"A1": 3_600, "office": 1_800})
    alone, both = Newcomer(seen, [asked(600)]), Newcomer(seen, [asked(600), asked(600)])
    assert not possible(seen, 600, 3)
    assert holds(alone, {"A1": GRID}, GRID, 3)
    joined = both.joined({0: (both.row(0, 0), 0)})
    assert joined.room.executives[3 + joined.slots] == 1
    assert not Prover(joined).holds(Certificate({"A1": GRID}, GRID), joined.row(1, 3))


def test_the_only_executive_of_a_slot_is_proved_to_be_taken_by_two_prices() -> None:
    day = problem(
        [appointment("A1", "10:00"), appointment("A2", "11:00")], [executive("E1"), executive("E2", "07:00", "09:00")]
    )
    newcomer = Newcomer(approach(promised(day, {"E1": ("A1", "A2")})), [asked()])
    assert holds(newcomer, {"A1": GRID}, GRID, 2)
    assert holds(newcomer, {"A1": 1}, 1, 2)
    assert not holds(newcomer, {"A1": 0}, GRID, 2)
    assert not holds(newcomer, {"A2": GRID}, GRID, 2)
    assert not holds(newcomer, {"A1": GRID}, 0, 2)
    assert not holds(newcomer, {"A1": GRID, "unknown": GRID}, GRID, 4)


def test_prices_above_the_grid_count_as_the_grid() -> None:
    day = promised(problem([appointment("A1", "10:00")], [executive("E1")]), {"E1": ("A1",)})
    newcomer = Newcomer(approach(day), [asked()])
    prover, row = Prover(newcomer), newcomer.row(0, 4)
    assert not prover.holds(Certificate({"A1": 10 * GRID}, 10 * GRID), row)
    assert prover.holds(Certificate({"A1": 10 * GRID}, 10 * GRID), newcomer.row(0, 2))


def test_too_many_labels_prove_nothing() -> None:
    # At A3 one may be early, or late and richer by A2: two labels, neither better.
    visits = [appointment("A2", "09:00", 2_400), appointment("A3", "10:00", -2_400)]
    day = promised(problem(visits, [executive("E1")]), {"E1": ("A2", "A3")}).arrays
    price = np.array([GRID, GRID], dtype=np.int64)
    for room, most in ((1, UNKNOWN), (2, 2 * GRID)):
        value, clock = np.empty((2, room), dtype=np.int64), np.empty((2, room, 2), dtype=np.int64)
        count = np.empty(2, dtype=np.int64)
        assert _most_collected(day, 0, np.arange(2), price, True, value, clock, count) == most


@settings(max_examples=50)
@given(SMALL)
def test_the_search_proves_impossible_slots_only_and_what_it_found_holds(case: Asked) -> None:
    seen, service = case
    assume(0 < service.service_s <= seen.day.problem.grid.slot_s)
    newcomer, certificates = Newcomer(seen, [service]), Certificates()
    ladder, exact = Ladder(newcomer, certificates, Effort()), Exact(asked_day(seen, [service]))
    ids = [a.visit_id for a in seen.day.promises]
    for slot in range(len(seen.day.slots)):
        if newcomer.able[:, newcomer.row(0, slot)].any() and ladder.prove(0, slot, StopAt(iterations=200)):
            assert not exact.plan_exists([*ids, named(0, slot)])
            # Whoever asks next is told so at once.
            again = Ladder(newcomer, certificates, Effort()).ask(0, slot)
            assert isinstance(again, NoRoom)
            assert again.proof is Proof.PROVED


@pytest.mark.parametrize("seeds", [range(300), pytest.param(range(300, 6_000), marks=pytest.mark.long)])
def test_nearly_all_impossible_slots_are_proved_so_by_prices(seeds: range) -> None:
    proved, open_still = 0, 0
    for seed in seeds:
        seen, service = tight_asking(seed)
        newcomer = Newcomer(seen, [service])
        ladder = Ladder(newcomer, Certificates(), Effort())
        if not ladder.prover.proves:
            continue
        for slot in range(3):
            answer = ladder.ask(0, slot)
            if isinstance(answer, NoRoom) and answer.proof is Proof.HEURISTIC:
                if ladder.prove(0, slot, StopAt(iterations=500)):
                    proved += 1
                elif not possible(seen, service.service_s, slot):
                    open_still += 1
    assert proved >= 25
    assert open_still <= 0.02 * proved


@settings(max_examples=100)
@given(TIGHT, st.integers(0, 2**32 - 1))
def test_a_certificate_stays_true_on_later_versions_and_for_other_addresses(case: Asked, seed: int) -> None:
    seen, service = case
    assume(service.service_s > 0)
    certificates = Certificates()
    for slot in range(3):
        prove_slot(seen, service, slot, certificates, StopAt(iterations=200))
    day = seen.day
    for slot in range(3):  # two more promises, a slot given back
        later = strange_approach(day, seed + slot, f"later-{slot}")
        more = promise(later, [Appointment(f"later-{slot}", later.place, day.slots[slot], 600)])
        day = more if isinstance(more, PromisedDay) else day
    other = strange_approach(day, seed + 7)
    newcomer, exact = Newcomer(other, [asked(600)]), Exact(asked_day(other, [asked(600)]))
    ids = [a.visit_id for a in day.promises]
    for slot in range(3):
        for certificate in certificates.of_slot(slot):
            if Prover(newcomer).holds(certificate, newcomer.row(0, slot)):
                assert not exact.plan_exists([*ids, named(0, slot)])


def test_certificates_of_a_slot_are_the_last_ones_the_newest_first() -> None:
    kept = Certificates()
    for n in range(KEPT + 2):
        kept.keep(3, Certificate({}, n))
    assert [c.newcomer for c in kept.of_slot(3)] == [5, 4, 3, 2]
    assert kept.of_slot(4) == ()
