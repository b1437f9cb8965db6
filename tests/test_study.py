"""Studies: the same wishes whoever works, days that repeat, intervals as in the books, differences day by day."""

import datetime as dt
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import scenarios.study.day as study_day
from optimizer.domain import Fault, InvalidProblem, Limits, Problem, Result
from optimizer.planner import plan_day
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.study import (
    MEASURES,
    Cell,
    CellResult,
    Findings,
    Interval,
    NoPlan,
    Setting,
    StudySpec,
    cells_csv,
    check_study,
    differences_csv,
    interval,
    result_line,
    result_of,
    run_cell,
    study_csv,
    timed_wishes,
)

DATE = dt.date(2026, 12, 1)
SPEC = StudySpec("dhamtari", (1, 2, 3), (30, 60), (1, 2), DATE, demand_percent=20, iterations=1)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def simulated(executives: int, slot_minutes: int = 60, seed: int = 1, percent: int = 20) -> CellResult:
    spec = replace(SPEC, demand_percent=percent)
    return run_cell(catalogue(), spec, Cell(Setting(executives, slot_minutes), seed))


def result(executives: int = 4, slot_minutes: int = 60, seed: int = 1, **changes: Any) -> CellResult:
    made = CellResult(executives, slot_minutes, seed, 40, 30, 20, 0, 0, 20, 10, 36_000, 24_000, 1_200, 50_000, 49_000)
    return replace(made, **changes)


# ------------------------------------------------------------------------------------ what is asked


def test_a_study_has_every_setting_with_every_seed_and_the_first_seeds_come_first() -> None:
    cells = SPEC.cells()
    assert len(set(cells)) == len(cells) == 12
    assert [cell.seed for cell in cells] == [1] * 6 + [2] * 6
    assert SPEC.settings() == tuple(Setting(e, m) for e in (1, 2, 3) for m in (30, 60))


def test_everything_wrong_with_a_study_is_told_at_once() -> None:
    with pytest.raises(InvalidProblem) as caught:
        StudySpec("korba", (0, 4), (60, 60), (), DATE, demand_percent=0, time_limit_s=float("nan"), iterations=0)
    assert [(f.pointer, f.code) for f in caught.value.faults] == [
        ("/executives", "out_of_range"),
        ("/slot_minutes", "repeated_value"),
        ("/seeds", "out_of_range"),
        ("/demand_percent", "out_of_range"),
        ("/iterations", "out_of_range"),
        ("/time_limit_s", "out_of_range"),
    ]


def test_a_study_of_more_than_five_thousand_days_is_refused() -> None:
    assert len(StudySpec("korba", tuple(range(1, 51)), (60,), tuple(range(1, 101)), DATE).cells()) == 5_000
    with pytest.raises(InvalidProblem, match="too_many_cells"):
        StudySpec("korba", tuple(range(1, 52)), (60,), tuple(range(1, 101)), DATE)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"date": dt.date(2026, 8, 15)}, [("/date", "closed_day")]),
        ({"date": dt.date(2021, 1, 4)}, [("/date", "not_in_scheme")]),
        ({"slot_minutes": (50, 5)}, [("/slot_minutes", "bad_slot_length"), ("/slot_minutes", "no_service_fits")]),
    ],
)
def test_what_the_catalogue_rules_out_is_told(changes: dict[str, object], expected: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidProblem) as caught:
        check_study(catalogue(), replace(SPEC, **changes))  # type: ignore[arg-type]
    assert [(f.pointer, f.code) for f in caught.value.faults[: len(expected)]] == expected


def test_conditions_change_with_everything_a_day_depends_on_and_with_nothing_else() -> None:
    same = SPEC.conditions("1")
    assert replace(SPEC, executives=(7,), slot_minutes=(120,), seeds=(9,)).conditions("1") == same
    assert replace(SPEC, time_limit_s=9.0).conditions("1") == same, "iterations end these plans"
    others = [
        SPEC.conditions("2"),
        replace(SPEC, city="korba").conditions("1"),
        replace(SPEC, date=dt.date(2026, 12, 2)).conditions("1"),
        replace(SPEC, demand_percent=21).conditions("1"),
        replace(SPEC, iterations=2).conditions("1"),
        replace(SPEC, iterations=None).conditions("1"),
        replace(SPEC, iterations=None, time_limit_s=9.0).conditions("1"),
    ]
    assert len({same, *others}) == 1 + len(others)


# ------------------------------------------------------------------------------------ common random numbers


def test_wishes_are_the_same_whatever_the_staff_and_the_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    met = []

    def spied(*given: object) -> object:
        made = timed_wishes(*given)  # type: ignore[arg-type]
        met.append(made)
        return made

    monkeypatch.setattr(study_day, "timed_wishes", spied)
    for setting in (Setting(1, 60), Setting(4, 60), Setting(2, 30), Setting(2, 120)):
        run_cell(catalogue(), SPEC, Cell(setting, 5))
    assert len(met) == 4
    assert len(set(met)) == 1
    assert len(met[0]) > 0


def test_deliveries_are_the_same_whatever_the_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[Problem] = []

    def spied(problem: Problem, limits: Limits, **given: object) -> Result | None:
        planned.append(problem)
        return plan_day(problem, limits, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(study_day, "plan_day", spied)
    spec = replace(SPEC, demand_percent=60)
    for executives in (2, 6):
        run_cell(catalogue(), spec, Cell(Setting(executives, 60), 3))
    few, many = ([replace(d, held_by=None) for d in problem.deliveries] for problem in planned)
    assert few == many
    assert len(few) > 5
    assert [len(problem.executives) for problem in planned] == [2, 6]


def test_more_demand_means_the_same_wishes_and_more() -> None:
    korba = catalogue().city("korba")
    few, many = (timed_wishes(catalogue(), korba, DATE, count, 7) for count in (30, 60))
    assert many[:30] == few
    assert timed_wishes(catalogue(), korba, DATE, 30, 8) != few


def test_wishes_lie_in_the_opening_hours_and_second_ones_at_the_place_of_the_first() -> None:
    rules = catalogue().rules
    wishes = timed_wishes(catalogue(), catalogue().city("raipur"), DATE, 400, 1)
    assert all(rules.open_s <= wish.moment_s < rules.close_s for wish in wishes)
    assert len({wish.place.place_id for wish in wishes}) == 400
    seconds = [(a, b) for a, b in pairwise(wishes) if b.follows]
    assert 10 < len(seconds) < 70, "8 % of 400 are 32"
    assert all((a.place.lon, a.place.lat) == (b.place.lon, b.place.lat) for a, b in seconds)


# ------------------------------------------------------------------------------------------- one day


def test_a_day_ended_by_iterations_is_the_same_each_time() -> None:
    cell = Cell(Setting(2, 60), 1)
    assert run_cell(catalogue(), SPEC, cell) == simulated(2) == run_cell(catalogue(), SPEC, cell)


def test_a_tiny_day_has_the_volume_of_the_city_and_serves_everybody_with_enough_staff() -> None:
    one, enough = simulated(1), simulated(6)
    assert (one.wishes, one.deliveries) == (enough.wishes, enough.deliveries) == (5, 4), "20 % of 26 and of 22"
    assert enough.accepted == enough.wishes
    assert enough.delivered == enough.deliveries
    assert one.first_choice <= one.accepted <= one.wishes
    assert one.cell == Cell(Setting(1, 60), 1)


def test_without_room_wishes_are_refused() -> None:
    crowded = simulated(1, percent=200)
    assert crowded.wishes == 52
    assert 5 <= crowded.accepted <= 12, "at most one in each of twelve slots"


def test_a_wish_for_a_service_longer_than_a_slot_is_counted_and_not_served() -> None:
    short, long = simulated(3, 15, percent=100), simulated(3, 60, percent=100)
    assert long.too_long == 0
    assert 0 < short.too_long < short.wishes
    assert short.accepted <= short.wishes - short.too_long


def test_a_day_without_wishes_or_deliveries_costs_nothing() -> None:
    quiet = simulated(2, percent=1)
    assert (quiet.wishes, quiet.deliveries, quiet.cost_s, quiet.travel_s) == (0, 0, 0, 0)
    row = Findings([quiet]).rows[0]
    assert row.measures["served_percent"] is None
    assert row.measures["gap_percent"] == Interval(0.0, None, None, 1)


def test_a_town_without_known_volume_can_be_studied() -> None:
    town = next(city for city in catalogue().cities if catalogue().volume_of(city) is None)
    spec = replace(SPEC, city=town.city_id, date=dt.date(2026, 12, 6))  # a Sunday
    made = run_cell(catalogue(), spec, Cell(Setting(2, 60), 1))
    assert 0 < made.wishes < 10


def test_a_search_that_ends_without_a_plan_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_day, "plan_day", lambda *_, **__: None)
    with pytest.raises(NoPlan, match="more time"):
        run_cell(catalogue(), SPEC, Cell(Setting(2, 60), 1))


def test_a_plan_in_which_the_checker_finds_something_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def robbed(problem: Problem, limits: Limits, **given: object) -> Result | None:
        made = plan_day(problem, limits, **given)  # type: ignore[arg-type]
        assert made is not None
        return replace(made, plan=replace(made.plan, routes=made.plan.routes[1:]))

    monkeypatch.setattr(study_day, "plan_day", robbed)
    with pytest.raises(NoPlan, match="the checker found"):
        run_cell(catalogue(), SPEC, Cell(Setting(2, 60), 1))


# ----------------------------------------------------------------------------------------- intervals


@given(st.lists(st.integers(-1_000_000, 1_000_000), min_size=2, max_size=30).filter(lambda drawn: len(set(drawn)) > 1))
def test_an_interval_is_that_of_scipy(values: list[int]) -> None:
    found = interval(values)
    assert found is not None
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    ends = found.low, found.mean, found.high
    assert ends == pytest.approx((low, np.mean(values), high), rel=1e-9, abs=1e-6)
    assert found.values == len(values)


def test_an_interval_of_equal_numbers_has_no_width() -> None:
    assert interval([2.5, 2.5, 2.5]) == Interval(2.5, 2.5, 2.5, 3)


def test_an_interval_of_fixed_numbers() -> None:
    found = interval([91.0, 95.0, 93.0, 97.0])
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx(
        (94.0, 89.8914, 98.1086), abs=1e-4
    )  # t = 3.1824, s = 2.582
    assert interval([3.0]) == Interval(3.0, None, None, 1)
    assert interval([]) is None


# -------------------------------------------------------------------------------------- put together


def test_measures_are_what_their_names_say() -> None:
    measures = {m.name: m.of(result()) for m in MEASURES}
    assert measures == {
        "served_percent": 75.0,
        "first_choice_percent": 50.0,
        "delivered_percent": 50.0,
        "travel_minutes_per_visit": 10.0,
        "busy_hours_per_executive": pytest.approx(60_000 / 3_600 / 4),
        "overtime_minutes_per_executive": 5.0,
        "gap_percent": 2.0,
    }


def test_measures_without_a_value_have_none() -> None:
    empty = result(wishes=0, accepted=0, first_choice=0, deliveries=0, delivered=0, bound_s=None)
    missing = {m.name for m in MEASURES if m.of(empty) is None}
    assert missing == {
        *("served_percent", "first_choice_percent", "delivered_percent", "travel_minutes_per_visit", "gap_percent")
    }


def test_differences_are_taken_seed_by_seed_over_the_seeds_of_both() -> None:
    fewer = {1: 20, 2: 30, 3: 25, 9: 1}
    more = {1: 22, 2: 33, 3: 26, 8: 40}
    results = [result(4, seed=s, accepted=a, first_choice=1) for s, a in fewer.items()]
    results += [result(5, seed=s, accepted=a, first_choice=1) for s, a in more.items()]
    (difference,) = Findings(results).more_executives
    served = difference.measures["served_wishes"]
    assert (difference.since, difference.to, difference.seeds) == (Setting(4, 60), Setting(5, 60), 3)
    assert served == interval([2.0, 3.0, 1.0])
    share = difference.measures["served_percent"]
    assert share is not None
    assert share.mean == pytest.approx(5.0)


def test_neighbours_are_compared_by_executives_and_by_slots() -> None:
    findings = Findings([result(e, m) for e in (4, 6, 7) for m in (30, 60)])
    assert [(d.since, d.to) for d in findings.more_executives] == [
        (Setting(a, m), Setting(b, m)) for m in (30, 60) for a, b in ((4, 6), (6, 7))
    ]
    assert [(d.since, d.to) for d in findings.longer_slots] == [(Setting(e, 30), Setting(e, 60)) for e in (4, 6, 7)]


def test_the_gap_is_that_of_the_days_that_have_one() -> None:
    (row,) = Findings([result(seed=1, bound_s=None), result(seed=2, bound_s=40_000)]).rows
    assert row.measures["gap_percent"] == Interval(20.0, None, None, 1)
    assert row.seeds == 2


def test_of_two_results_of_one_day_the_first_counts_and_order_does_not_matter() -> None:
    results = [result(5, seed=2), result(4, seed=1), result(4, seed=2), result(4, seed=1, accepted=21)]
    findings = Findings(results)
    assert findings.results == (results[1], results[2], results[0])
    assert cells_csv(Findings([results[2], *results[:2]]).results) == cells_csv(findings.results)


def test_tables_have_a_head_and_a_row_for_each_setting() -> None:
    findings = Findings([result(4, seed=1), result(4, seed=2, accepted=32), result(5, seed=1, bound_s=None)])
    head, four, five = study_csv(findings.rows).splitlines()
    told = dict(zip(head.split(","), four.split(","), strict=True))
    assert (told["executives"], told["seeds"], told["served_percent_mean"]) == ("4", "2", "77.5000")
    assert told["served_percent_low"] == f"{77.5 - 12.7062047 * 2.5:.4f}"
    alone = dict(zip(head.split(","), five.split(","), strict=True))
    assert (alone["served_percent_low"], alone["gap_percent_mean"], alone["gap_percent_days"]) == ("", "", "0")
    assert len(differences_csv(findings.more_executives).splitlines()) == 2
    assert cells_csv(findings.results).splitlines()[-1] == "5,60,1,40,30,20,0,0,20,10,36000,24000,1200,50000,"


# ------------------------------------------------------------------------------------------- as text


def test_a_result_is_read_back_as_it_was_written() -> None:
    for one in (result(), result(bound_s=None), simulated(2)):
        assert result_of(result_line("abc", one), "abc") == one
    assert result_of(result_line("abc", result()), "abd") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        '{"conditions": 3}',
        "[[[" * 9_000,
        '{"conditions": "abc", "executives": 4}',
        result_line("abc", result())[:-9],
        result_line("abc", result()).replace("20", "20.5", 1),
        result_line("abc", result()).replace('"accepted": 30', '"accepted": 41'),
        result_line("abc", result()).replace('"accepted": 30', '"accepted": true'),
    ],
)
def test_a_line_that_is_no_result_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="no result"):
        result_of(line, "abc")


def test_results_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidProblem):
        result(accepted=41)
    with pytest.raises(InvalidProblem) as caught:
        result(bound_s=50_001)
    assert caught.value.faults[0] == Fault((), "bad_result", caught.value.faults[0].value, caught.value.faults[0].rule)
