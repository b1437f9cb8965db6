"""Capacity: rows by brute force, E[min], bounds, kits, deliveries, faults, worth, Wilson; and the table of cities."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.capacity import (
    CapacityProblem,
    Quotas,
    Taken,
    accepted_nested,
    cover,
    expected_accepted,
    limits,
    prior_alpha,
    quotas_of,
    travel_per_visit,
    unions_of,
    wilson_lower,
    working_s,
    worth,
    zones,
)
from optimizer.demand import ANYBODY
from optimizer.domain import Break, Executive, InvalidProblem, Shift, SlotGrid, TimeWindow
from optimizer.units import HOUR_S, MINUTE_S
from scenarios.capacity import AddressSample, capacity_of, load_capacity
from scenarios.catalogue import load_catalogue
from tests.builders import OFFICE

KIT = frozenset({"kit"})
CAMERA = frozenset({"camera"})
THREE = SlotGrid(8 * HOUR_S, 11 * HOUR_S)
NEEDS = (ANYBODY, KIT)


def someone(name: str, opens: int = 8, closes: int = 11, skills: frozenset[str] = ANYBODY) -> Executive:
    return Executive(name, OFFICE, OFFICE, Shift(opens * HOUR_S, closes * HOUR_S), skills)


TEAM = (someone("E1", skills=KIT), someone("E2"), someone("E3", 9, 11))


def asked(expected: list[list[float]] | None = None, **other: Any) -> CapacityProblem:
    numbers = np.array([[2.0, 1.0]] * 3 if expected is None else expected)
    given: dict[str, Any] = {"grid": THREE, "needs": NEEDS, "executives": TEAM, "expected": numbers, "visit_s": (0, 0)}
    return CapacityProblem(**{**given, **other})


def poisson_min(mean: float, places: int) -> float:
    chance, total = math.exp(-mean), 0.0
    for n in range(200):
        total += min(n, places) * chance
        chance *= mean / (n + 1)
    return total


@pytest.mark.parametrize(("mean", "places"), [(0.0, 3), (0.3, 1), (2.5, 0), (2.5, 4), (7.0, 5), (40.0, 30)])
def test_expected_accepted_is_the_mean_of_the_smaller_of_demand_and_places(mean: float, places: int) -> None:
    assert expected_accepted(mean, places) == pytest.approx(poisson_min(mean, places), abs=1e-9)


def test_cover_counts_whole_slots_within_the_shift_by_union() -> None:
    late = someone("E4", 9, 10)
    unions = unions_of(NEEDS)
    assert unions == ((0,), (1,), (0, 1))
    assert cover((*TEAM, late), THREE, NEEDS, unions).tolist() == [[2, 1, 2], [4, 1, 4], [3, 1, 3]]
    assert cover((replace(late, shift=Shift(9 * HOUR_S + 1, 10 * HOUR_S)),), THREE, NEEDS, unions).sum() == 0
    assert limits(TEAM, THREE, NEEDS, unions, ((0.7,) * 3, (1.0,) * 3))[:, 2].tolist() == [1, 2, 2]


def test_a_break_takes_its_share_where_it_may_fall() -> None:
    resting = replace(TEAM[1], pause=Break(30 * MINUTE_S, TimeWindow(9 * HOUR_S, 10 * HOUR_S)))
    assert cover((resting,), THREE, NEEDS, ((0,),)).ravel().tolist() == [1, 1, 1]
    assert cover((resting,), THREE, NEEDS, ((0,),), 1.0).ravel().tolist() == [1, 0.75, 0.75]
    assert working_s((resting,), (0,), NEEDS) == 150 * MINUTE_S


def best_by_hand(problem: CapacityProblem) -> float:
    """The best value of all places that can be dealt out, slot by slot, by matching promises to executives."""
    total = 0.0
    for slot, hours in enumerate(problem.grid.slots()):
        there = [e for e in problem.executives if e.shift.open_s <= hours.open_s and hours.close_s <= e.shift.close_s]
        best = 0.0
        for places in itertools.product(range(len(there) + 1), repeat=len(problem.needs)):
            wants = [need for need, count in zip(problem.needs, places, strict=True) for _ in range(count)]
            able = len(wants) <= len(there) and any(
                all(need <= e.skills for need, e in zip(wants, chosen, strict=True))
                for chosen in itertools.permutations(there, len(wants))
            )
            if able:
                pairs = zip(problem.expected[slot].tolist(), places, strict=True)
                best = max(best, sum(expected_accepted(mean, q) for mean, q in pairs))
        total += best
    return total


@settings(max_examples=25, deadline=None)
@given(
    means=st.lists(st.lists(st.floats(0, 5), min_size=3, max_size=3), min_size=3, max_size=3),
    skills=st.lists(st.sampled_from([ANYBODY, KIT, CAMERA, KIT | CAMERA]), min_size=0, max_size=3),
)
def test_quotas_are_the_best_that_a_matching_allows_and_the_bound_proves_it(
    means: list[list[float]], skills: list[frozenset[str]]
) -> None:
    team = tuple(someone(f"E{n}", 8 + n % 2, skills=held) for n, held in enumerate(skills))
    problem = asked(means, needs=(ANYBODY, CAMERA, KIT), visit_s=(0, 0, 0), executives=team)
    result = quotas_of(problem)
    best = best_by_hand(problem)
    assert result.value == pytest.approx(best, abs=1e-4)
    assert best <= result.bound + 1e-9
    assert 0 <= result.gap <= 1e-4
    assert result.accepted == pytest.approx(sum(result.accepted_by_slot))
    assert result.value <= result.accepted + 1e-4
    assert result.accepted == pytest.approx(result.ceiling, abs=1e-4)  # no row of the day binds


@settings(max_examples=50, deadline=None)
@given(
    calls=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=20),
    means=st.lists(st.lists(st.floats(0, 4), min_size=2, max_size=2), min_size=3, max_size=3),
)
def test_nested_places_take_at_least_as_many_as_places_of_ones_own(
    calls: list[tuple[int, int]], means: list[list[float]]
) -> None:
    quotas = quotas_of(asked(means)).quotas
    taken = Taken.nothing(3, 2)
    for slot, need in calls:
        if quotas.has_room(taken, slot, need):
            taken.add(slot, need)
    for slot in range(3):
        wanted = [sum(call == (slot, need) for call in calls) for need in (0, 1)]
        own = sum(min(count, places) for count, places in zip(wanted, quotas.places[slot], strict=True))
        assert taken.promises[slot].sum() >= own
        assert taken.promises[slot, 1] <= 1
        assert taken.promises[slot].sum() <= quotas.total(slot) <= (2, 3, 3)[slot]


@settings(max_examples=60, deadline=None)
@given(wishes=st.lists(st.integers(0, 1), max_size=8), keep=st.booleans())
def test_what_is_accepted_is_the_rank_formula_whatever_the_order(wishes: list[int], keep: bool) -> None:
    quotas = Quotas(
        THREE,
        NEEDS,
        ((3, 1),) * 3,
        {(0,): (4,) * 3, (1,): (2,) * 3, (0, 1): (4,) * 3},
        worth=(1.0, 1.4) if keep else None,
    )
    taken = Taken.nothing(3, 2)
    for need in wishes:
        if quotas.has_room(taken, 0, need):
            taken.add(0, need)
    ordinary, kits = wishes.count(0), wishes.count(1)
    most = {union: quotas.most_of(0, union) for union in quotas.limits}
    assert most == {(0,): 3 if keep else 4, (1,): 2, (0, 1): 4}
    assert taken.promises[0].sum() == min(4, min(ordinary, most[0,]) + min(kits, 2))


def test_nested_acceptance_is_the_mean_over_all_wishes() -> None:
    most = {(0,): 3, (1,): 1, (0, 1): 3}
    by_hand = 0.0
    for ordinary, kits in itertools.product(range(40), repeat=2):
        chance = math.exp(-3.5) * 2.5**ordinary / math.factorial(ordinary) * 1.0**kits / math.factorial(kits)
        by_hand += chance * min(3, min(ordinary, 3) + min(kits, 1))
    assert accepted_nested((2.5, 1.0), most) == pytest.approx(by_hand)
    assert accepted_nested((2.5, 1.0), dict.fromkeys(most, 0)) == 0


def test_a_place_kept_for_a_kit_is_not_given_to_others() -> None:
    quotas = quotas_of(asked([[9.0, 9.0]] * 3, worth=(1.0, 1.4))).quotas
    assert quotas.places[0] == (1, 1)
    assert [quotas.most(0, need) for need in (0, 1)] == [1, 1]
    taken = Taken.nothing(3, 2)
    taken.add(0, 0)
    assert not quotas.has_room(taken, 0, 0)
    assert quotas.has_room(taken, 0, 1)


def test_an_ordinary_place_can_be_taken_by_a_kit_but_not_beyond_who_holds_one() -> None:
    quotas = Quotas(THREE, NEEDS, ((2, 0),) * 3, {(0,): (2,) * 3, (1,): (1,) * 3, (0, 1): (2,) * 3})
    taken = Taken.nothing(3, 2)
    assert quotas.has_room(taken, 0, 1)
    taken.add(0, 1)
    assert not quotas.has_room(taken, 0, 1)
    assert quotas.has_room(taken, 0, 0)


def test_a_remote_promise_takes_a_place_before_and_after_its_slot() -> None:
    quotas = Quotas(THREE, NEEDS, ((2, 0),) * 3, {(0,): (2,) * 3, (1,): (1, 1, 0), (0, 1): (2,) * 3})
    taken = Taken.nothing(3, 2)
    taken.add(1, 0, remote=True)
    taken.add(0, 0)
    assert not quotas.has_room(taken, 0, 0)
    assert quotas.has_room(taken, 2, 0)
    assert not quotas.has_room(taken, 1, 0, remote=True)  # it would take a third place in slot 0
    assert quotas.has_room(taken, 1, 0)
    assert quotas.has_room(Taken.nothing(3, 2), 1, 1, remote=True)  # nobody holds a kit in slot 2: nothing to take


def test_kits_apart_are_promised_in_one_of_two_adjacent_slots() -> None:
    result = quotas_of(asked([[0.1, 5.0]] * 3, kit_apart=True))
    assert [places[1] for places in result.quotas.places] == [1, 0, 1]
    taken = Taken.nothing(3, 2)
    taken.add(1, 1)
    assert not result.quotas.has_room(taken, 0, 1)
    assert not result.quotas.has_room(taken, 2, 1)


def test_deliveries_keep_their_time_and_what_is_cut_is_what_is_least_wanted() -> None:
    free = asked([[9.0, 0.0], [9.0, 0.0], [0.5, 0.0]], visit_s=(2_400, 2_400))
    assert sum(map(sum, quotas_of(free).quotas.places)) == 8
    day_s = working_s(TEAM, (0, 1), NEEDS)
    tight = replace(free, reserved_s=day_s - 6 * 2_400)
    result = quotas_of(tight)
    assert [result.quotas.total(slot) for slot in range(3)] == [2, 3, 1]
    (row,) = (row for row in result.rows if row.name == "working time for all")
    assert (row.used, row.limit, row.slack, row.unit) == (6 * 2_400, 6 * 2_400, 0, "seconds")
    none = quotas_of(replace(free, reserved_s=day_s + 1))
    assert none.accepted == 0
    assert min(row.slack for row in none.rows) == -1


def test_a_share_of_the_day_is_a_limit_of_its_own() -> None:
    result = quotas_of(asked([[9.0, 1.0]] * 3, day_share=0.5))
    assert sum(map(sum, result.quotas.places)) == result.quotas.day_most == 4
    taken = Taken.nothing(3, 2)
    taken.promises[0] += 2
    assert not result.quotas.has_room(taken, 1, 0)


def test_nobody_on_duty_is_no_error_but_no_promises() -> None:
    result = quotas_of(asked(executives=()))
    assert [result.quotas.total(slot) for slot in range(3)] == [0, 0, 0]
    assert (result.accepted, result.bound, result.gap) == (0, 0, 0)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidProblem) as error:
        asked(
            [[-1.0, 1.0], [2.0, math.nan], [1.0, 1.0]],
            alpha=(0.5, 0.0, 1.2),
            kit_alpha=math.nan,
            visit_s=(1.0,),
            reserved_s=-1,
            day_share=0.0,
        )
    codes = [fault.code for fault in error.value.faults]
    assert codes.count("bad_demand") == 2
    assert codes.count("bad_alpha") == 5
    assert {"bad_value", "negative", "bad_share"} <= set(codes)
    assert error.value.faults[0].path == ("expected", "08:00", "any")


def test_more_promised_than_a_row_allows_names_slot_and_numbers() -> None:
    promised = np.array([[2, 1], [0, 1], [0, 0]], dtype=np.int64)
    with pytest.raises(InvalidProblem) as error:
        quotas_of(asked(promised=promised, kit_apart=True))
    told = {(fault.path, fault.value) for fault in error.value.faults if fault.code == "quota_below_promised"}
    assert told == {(("promised", "08:00", "all"), 3), (("promised", "08:00", "kit, with the next slot"), 2)}
    assert error.value.faults[0].rule.startswith("at most ")
    kept = quotas_of(asked([[0.0, 0.0]] * 3, promised=np.array([[1, 1], [0, 0], [3, 0]], dtype=np.int64)))
    assert kept.quotas.places[0] == (1, 1)
    assert kept.quotas.places[2][0] == 3


def test_one_more_executive_is_worth_what_solving_again_says() -> None:
    problem = asked([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    rows = {row.change: row for row in worth(problem)}
    assert set(rows) == {
        "one more executive 08:00-11:00",
        "one more executive 09:00-11:00",
        "kit for E2",
        "kit for E3",
    }
    third, fourth = expected_accepted(9.0, 3), expected_accepted(9.0, 4)
    second = expected_accepted(9.0, 2)
    early = rows["one more executive 08:00-11:00"]
    assert early.added == pytest.approx(third - second + fourth - third)
    assert early.added_by_slot == pytest.approx((third - second, fourth - third, 0.0))
    assert rows["one more executive 09:00-11:00"].added == pytest.approx(fourth - third)
    assert rows["kit for E2"].added_by_slot == pytest.approx((0, 0, second - expected_accepted(9.0, 1)))
    assert all(row.added <= row.ceiling + 1e-9 for row in rows.values())


def test_a_kit_on_a_shift_without_one_is_worth_the_wishes_it_opens() -> None:
    problem = asked([[1.0, 0.5]] * 3, executives=(TEAM[1],))
    (row,) = (row for row in worth(problem) if row.change == "kit for E2")
    both = expected_accepted(1.5, 1)
    assert row.added == pytest.approx(3 * (both - expected_accepted(1.0, 1)))


def test_an_executive_of_ones_own_can_be_asked_about() -> None:
    (row,) = (r for r in worth(asked(), [someone("new", 10, 11, KIT)]) if r.change.startswith("one more"))
    assert row.change == "one more executive 10:00-11:00 with kit"
    assert row.added_by_slot[:2] == (0, 0)
    assert row.added > 0


@pytest.mark.parametrize(
    ("successes", "trials", "low"),
    [
        (1_000, 1_000, 0.99617),
        (997, 1_000, 0.99122),
        (996, 1_000, 0.98977),
        (5, 10, 0.23659),
        (0, 10, 0.0),
        (0, 0, 0.0),
    ],
)
def test_wilson_bound_against_known_values(successes: int, trials: int, low: float) -> None:
    assert wilson_lower(successes, trials) == pytest.approx(low, abs=2e-5)


def test_the_prior_is_the_measured_one() -> None:
    assert travel_per_visit(7_000, 20) == pytest.approx(570)
    assert travel_per_visit(12_000, 5) / MINUTE_S == pytest.approx(18, abs=1)
    assert travel_per_visit(0, 20) == travel_per_visit(7_000, 0) == 0
    slot_s = HOUR_S
    assert prior_alpha(0.4 * slot_s, 0.2 * slot_s, slot_s, 20, 7_000) == 1.0
    for rho, alpha in ((0.62, 1.0), (0.72, 0.95), (0.76, 0.84), (0.86, 0.72), (2.0, 0.4)):
        assert prior_alpha(rho * slot_s, 0, slot_s, 20, 7_000) == pytest.approx(alpha)
    assert prior_alpha(0.4 * slot_s, 0, slot_s, 5, 12_000) == 0.65
    assert prior_alpha(0.4 * slot_s, 0, slot_s, 6, 12_000) == 1.0


def test_a_city_is_one_zone_until_each_would_have_four_executives_a_slot() -> None:
    assert zones(TEAM, THREE) == zones((), THREE) == 1
    assert zones([someone(f"E{n}") for n in range(7)], THREE) == 1
    assert zones([someone(f"E{n}") for n in range(8)], THREE) == 2


def test_with_many_needs_only_some_unions_have_rows() -> None:
    needs = (ANYBODY, *(frozenset({f"s{n}"}) for n in range(4)))
    unions = unions_of(needs)
    assert unions[-1] == (0, 1, 2, 3, 4)
    assert len(unions) == 6
    assert len(unions_of(needs[:4])) == 15


# -------------------------------------------------------------------------------------- the cities


def test_every_city_in_the_table_is_one_of_the_catalogue_and_says_how_it_was_measured() -> None:
    known = {city.city_id for city in load_catalogue().cities}
    for city_id, row in load_capacity().items():
        assert city_id in known
        assert row.basis.startswith("measured by python -m benchmarks.capacity")
        assert row.served is not None
        assert row.streams is not None
        assert row.wilson_low == pytest.approx(wilson_lower(row.served, row.streams), abs=1e-4)


def test_a_city_without_a_row_has_the_prior() -> None:
    catalogue = load_catalogue()
    korba = catalogue.city("korba")
    prior = capacity_of(catalogue, korba, 8, 25 * MINUTE_S, HOUR_S, {})
    assert prior.basis == "prior"
    assert prior.streams is None
    assert prior.travel_minutes == pytest.approx(travel_per_visit(14_210, 8) / MINUTE_S)
    assert prior.alphas(3) == (prior.kit_alpha,) * 3


def test_a_table_of_capacities_is_checked(tmp_path: Path) -> None:
    heading = (
        "city_id,alpha,kit_alpha,kit_apart,remote_minutes,travel_minutes,streams,served,unknown,wilson_low,date,basis"
    )
    file = tmp_path / "capacity.csv"
    file.write_text(f"{heading}\nkorba,1;0.9,1,yes,,12.5,1000,998,1,0.992,2026-12-01,measured\n", encoding="utf-8")
    row = load_capacity(tmp_path)["korba"]
    assert row.alphas(3) == (1.0, 0.9, 1.0)
    assert row.kit_apart
    assert row.remote_minutes is None
    file.write_text(f"{heading}\nkorba,1;x,2,maybe,-1,12.5,,998,1,0.992,today,\n", encoding="utf-8")
    with pytest.raises(InvalidProblem) as error:
        load_capacity(tmp_path)
    columns = [fault.path[-1] for fault in error.value.faults]
    assert columns == ["alpha", "kit_alpha", "kit_apart", "remote_minutes", "streams", "date", "basis"]
    assert load_capacity(tmp_path / "nothing") == {}


def test_addresses_far_from_the_others_are_more_minutes_off() -> None:
    catalogue = load_catalogue()
    city = catalogue.city("korba")
    sample = AddressSample.of(catalogue, city)
    middle, edge = sample.minutes_off([city.centre, replace(city.centre, lon=city.centre.lon + 0.1)]).tolist()
    assert edge > middle + 10
    assert sample.minutes_off([]).tolist() == []
