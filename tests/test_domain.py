"""The nouns: what cannot be built, with every fault at once, and what a problem says about its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.arrays import day_arrays
from optimizer.domain import (
    Appointment,
    Break,
    Cost,
    Delivery,
    Executive,
    FairnessPiece,
    Fault,
    InvalidProblem,
    Place,
    PlannedBreak,
    Prices,
    Problem,
    Route,
    Shift,
    Slot,
    SlotGrid,
    Stop,
    TimeWindow,
    Visit,
    WaitingCurve,
    places_of,
)
from tests.builders import DATE, OFFICE, appointment, delivery, executive, place, plan, problem, s, toy_table, window
from tests.strategies import problems


def faults(build: Callable[[], object]) -> list[tuple[str, str]]:
    """Where and what, of everything wrong with what cannot be built."""
    with pytest.raises(InvalidProblem) as refused:
        build()
    assert refused.value.faults
    for fault in refused.value.faults:
        assert fault.rule
        assert str(fault) in str(refused.value)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


# ---------------------------------------------------------------------------------------- faults


def test_a_fault_points_into_json_and_escapes_what_a_pointer_must() -> None:
    fault = Fault(("a/b", "c~d", 3), "code", "x", "the rule").under("visits", 0)
    assert fault.pointer == "/visits/0/a~1b/c~0d/3"
    assert str(fault) == "/visits/0/a~1b/c~0d/3: 'x': the rule [code]"
    assert str(Fault((), "code", 1, "the rule")) == "/: 1: the rule [code]"


# ------------------------------------------------------------------------------------ small nouns


@pytest.mark.parametrize(("open_s", "close_s"), [(10, 9), (-1, 5), (0, 86_401)])
def test_a_window_opens_before_it_closes_within_the_day(open_s: int, close_s: int) -> None:
    assert faults(lambda: TimeWindow(open_s, close_s)) == [("", "bad_window")]


def test_a_window_may_be_a_single_second_and_reach_to_midnight() -> None:
    assert TimeWindow(5, 5).open_s == 5
    assert TimeWindow(0, 86_400).close_s == 86_400


@pytest.mark.parametrize(("open_s", "close_s"), [(9, 9), (10, 9), (-1, 5), (0, 86_401)])
def test_a_slot_has_a_length(open_s: int, close_s: int) -> None:
    assert faults(lambda: Slot(open_s, close_s)) == [("", "bad_slot")]


@pytest.mark.parametrize(("open_s", "close_s", "slot_s"), [(0, 0, 1), (0, 86_401, 1), (0, 100, 0), (0, 100, 30)])
def test_a_grid_is_divided_exactly(open_s: int, close_s: int, slot_s: int) -> None:
    assert faults(lambda: SlotGrid(open_s, close_s, slot_s)) == [("/slot_s", "bad_slot_length")]


@pytest.mark.parametrize(
    ("lon", "lat", "pointers"),
    [
        (float("nan"), 21.0, ["/lon"]),
        (81.0, float("inf"), ["/lat"]),
        (181.0, -91.0, ["/lon", "/lat"]),
    ],
)
def test_a_place_lies_on_the_earth(lon: float, lat: float, pointers: list[str]) -> None:
    assert faults(lambda: Place("p", lon, lat)) == [(pointer, "bad_coordinate") for pointer in pointers]


@pytest.mark.parametrize("bad", ["", " ", "a b", "é", "x" * 65, "a/b", "रायपुर", "a\n"])
def test_ids_have_letters_digits_and_four_signs(bad: str) -> None:
    assert faults(lambda: Place(bad, 0, 0)) == [("/place_id", "bad_id")]
    assert faults(lambda: appointment(bad, at=OFFICE)) == [("/visit_id", "bad_id")]
    assert faults(lambda: executive(bad)) == [("/executive_id", "bad_id")]


def test_ids_may_use_what_the_pattern_allows() -> None:
    assert Place("A-1.b_c:9" + "x" * 55, 0, 0).place_id.startswith("A-1.b_c:9")


def test_a_break_has_a_length() -> None:
    assert faults(lambda: Break(0, window("12:00", "13:00"))) == [("/duration_s", "bad_break")]


@pytest.mark.parametrize(
    ("open_s", "close_s", "overtime_s", "expected"),
    [
        (2, 1, 0, [("/close_s", "bad_shift")]),
        (0, 86_401, 0, [("/close_s", "bad_shift"), ("/overtime_s", "bad_overtime")]),
        (0, 1, -1, [("/overtime_s", "bad_overtime")]),
        (0, 86_000, 401, [("/overtime_s", "bad_overtime")]),
    ],
)
def test_a_shift_with_its_overtime_lies_within_the_day(
    open_s: int, close_s: int, overtime_s: int, expected: list[tuple[str, str]]
) -> None:
    assert faults(lambda: Shift(open_s, close_s, overtime_s)) == expected


def test_overtime_may_reach_midnight() -> None:
    assert Shift(0, 86_000, 400).latest_end_s == 86_400


def test_prices_are_not_negative() -> None:
    bad = (FairnessPiece(0, 0), FairnessPiece(-1, 5), FairnessPiece(1, -5))
    assert faults(lambda: Prices(-1, bad, -1)) == [
        ("/overtime_permille", "negative"),
        ("/continuity_s", "negative"),
        ("/fairness/1", "negative"),
        ("/fairness/2", "negative"),
    ]


def test_a_waiting_curve_rises_to_its_cap() -> None:
    assert faults(lambda: WaitingCurve(5, 4, 0, -1, 9)) == [
        ("/due_s", "bad_curve"),
        ("/horizon_days", "too_small"),
        ("/overdue_s_per_day", "negative"),
    ]
    assert faults(lambda: WaitingCurve(due_s=8, far_s=1, cap_s=7)) == [("/due_s", "bad_curve")]


# ----------------------------------------------------------------------------------------- visits


def test_an_appointment_begins_late_enough_to_end_in_its_slot() -> None:
    assert appointment("A1", "10:00", service_s=1_500).windows == (window("10:00", "10:35"),)
    assert appointment("A1", "10:00", service_s=3_600).windows == (window("10:00", "10:00"),)


def test_all_faults_of_an_appointment_are_told_at_once() -> None:
    assert faults(
        lambda: Appointment("a b", OFFICE, Slot(0, 60), 61, skills=frozenset({"x y"}), weight=0, pinned_to="")
    ) == [
        ("/visit_id", "bad_id"),
        ("/skills", "bad_id"),
        ("/pinned_to", "bad_id"),
        ("/weight", "too_small"),
        ("/service_s", "service_longer_than_slot"),
    ]


@pytest.mark.parametrize("service_s", [-1, 86_401])
def test_service_takes_part_of_a_day(service_s: int) -> None:
    assert ("/service_s", "bad_service") in faults(lambda: delivery("D1", service_s=service_s))


def test_a_delivery_needs_windows_in_order_and_a_price_or_a_due_date() -> None:
    assert faults(lambda: Delivery("D1", OFFICE, (), 60, waiting_price_s=-1, held_by="?")) == [
        ("/windows", "no_window"),
        ("/waiting_price_s", "negative"),
        ("/held_by", "bad_id"),
    ]
    assert faults(lambda: delivery("D1", price_s=None)) == [("/due", "no_due_date")]
    for touching in ([("09:00", "10:00"), ("10:00", "11:00")], [("12:00", "13:00"), ("09:00", "10:00")]):
        assert faults(lambda both=touching: delivery("D1", windows=both)) == [("/windows", "windows_overlap")]  # type: ignore[misc]


# ---------------------------------------------------------------------------------------- problem


def test_rows_are_kept_sorted_by_id() -> None:
    day = problem(
        [delivery("D2"), appointment("A9"), delivery("D1"), appointment("A10")], [executive("E2"), executive("E1")]
    )
    assert [v.visit_id for v in day.visits] == ["A10", "A9", "D1", "D2"]
    assert [v.visit_id for v in day.appointments] == ["A10", "A9"]
    assert [v.visit_id for v in day.deliveries] == ["D1", "D2"]
    assert [e.executive_id for e in day.executives] == ["E1", "E2"]
    assert day.visit_row["D1"] == 2
    assert day.executive_row["E2"] == 1
    assert day.executive_by_id["E2"].executive_id == "E2"


@given(problems(max_visits=8, max_executives=4), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(day: Problem, shuffler: Random) -> None:
    visits, executives = list(day.visits), list(day.executives)
    shuffler.shuffle(visits)
    shuffler.shuffle(executives)
    again = replace(day, visits=tuple(visits), executives=tuple(executives))
    assert (again.visits, again.executives) == (day.visits, day.executives)


def test_all_faults_of_a_problem_are_told_at_once_at_the_rows_they_were_given_in() -> None:
    visits = (
        appointment("A1", "10:30"),
        appointment("A1", "10:00"),
        delivery("D1", windows=[("07:00", "08:30"), ("19:00", "20:01")], held_by="nobody", pinned_to="noone"),
    )
    executives = (
        executive("E1", prefers=["X"], prefix=["D1", "Y"]),
        executive("E1", prefix=["D1"], start=place("office", 1, 1)),
    )
    travel = toy_table([place("A1")])
    build = lambda: Problem("rai pur", DATE, SlotGrid(), OFFICE, visits, executives, travel)  # noqa: E731
    assert faults(build) == [
        ("/city", "bad_id"),
        ("/visits/0/id", "duplicate_id"),
        ("/visits/0/slot", "not_a_slot"),
        ("/visits/1/id", "duplicate_id"),
        ("/visits/2/windows/0", "outside_hours"),
        ("/visits/2/windows/1", "outside_hours"),
        ("/visits/2/held_by", "unknown_executive"),
        ("/visits/2/pinned_to", "unknown_executive"),
        ("/executives/0/id", "duplicate_id"),
        ("/executives/0/preferred_visits", "unknown_visit"),
        ("/executives/0/fixed_prefix/0", "repeated_visit"),
        ("/executives/0/fixed_prefix/0", "pinned_elsewhere"),
        ("/executives/0/fixed_prefix/1", "unknown_visit"),
        ("/executives/1/id", "duplicate_id"),
        ("/executives/1/fixed_prefix/0", "repeated_visit"),
        ("/executives/1/fixed_prefix/0", "pinned_elsewhere"),
        ("/executives/1/start/place", "place_moved"),
        ("/executives/1/end/place", "place_moved"),
        ("/travel", "place_not_in_table"),
    ]


def test_a_fixed_prefix_holds_only_what_its_executive_may_serve_once_a_slot() -> None:
    visits: list[Visit] = [
        appointment("A1", "10:00", skills=["kit"]),
        appointment("A2", "10:00"),
        appointment("A3", "10:00", at=place("A2")),
        delivery("D1"),
    ]
    home = executive("E1", start=place("home"), prefix=["A1", "A2", "A3", "D1"])
    assert faults(lambda: problem(visits, [home])) == [
        ("/executives/0/fixed_prefix/0", "skill_missing"),
        ("/executives/0/fixed_prefix/1", "double_slot"),
        ("/executives/0/fixed_prefix/2", "double_slot"),
        ("/executives/0/fixed_prefix/3", "envelope_elsewhere"),
    ]
    assert faults(lambda: executive("E1", prefix=["A1", "A1"])) == [("/fixed_prefix", "repeated_visit")]


def test_a_day_may_have_no_visits_or_no_executives() -> None:
    assert problem().visits == ()
    assert problem([appointment("A1")]).executives == ()
    assert problem([], [executive("E1")]).preferred == frozenset()


@pytest.mark.parametrize(
    ("visit", "who", "obstacle"),
    [
        (appointment("A1"), executive("E1"), None),
        (appointment("A1", skills=["kit"]), executive("E1"), "skill_missing"),
        (appointment("A1", skills=["kit"]), executive("E1", skills=["kit", "more"]), None),
        (appointment("A1", pinned_to="E2"), executive("E1"), "pinned_elsewhere"),
        (appointment("A1", pinned_to="E1"), executive("E1"), None),
        (appointment("A1", skills=["kit"], pinned_to="E2"), executive("E1"), "skill_missing"),
        (delivery("D1"), executive("E1"), None),
        (delivery("D1"), executive("E1", start=place("home")), "envelope_elsewhere"),
        (delivery("D1"), executive("E1", end=place("home")), None),
        (delivery("D1", held_by="E2"), executive("E1"), "envelope_elsewhere"),
        (delivery("D1", held_by="E1"), executive("E1", start=place("home")), None),
        (delivery("D1", held_by="E1", pinned_to="E2"), executive("E1"), "pinned_elsewhere"),
    ],
)
def test_what_stands_between_an_executive_and_a_visit_whatever_the_clock(
    visit: Appointment | Delivery, who: Executive, obstacle: str | None
) -> None:
    day = problem([visit], [who, executive("E2", skills=["kit"])])
    assert day.obstacle(who, visit) == obstacle
    assert day_arrays(day).may_serve[day.executive_row["E1"], 0] == (obstacle is None)


@given(problems(max_visits=8, max_executives=4))
def test_the_arrays_know_the_same_obstacles(day: Problem) -> None:
    expected = [[day.obstacle(e, v) is None for v in day.visits] for e in day.executives]
    shape = len(day.executives), len(day.visits)
    assert np.array_equal(day_arrays(day).may_serve, np.array(expected, np.bool_).reshape(shape))


def test_a_delivery_without_price_and_due_date_has_no_waiting_price() -> None:
    loose = delivery("D1")
    object.__setattr__(loose, "waiting_price_s", None)
    with pytest.raises(ValueError, match="D1: neither a waiting price nor a due date"):
        problem().waiting_price_s(loose)


def test_places_of_a_day_are_listed_once_by_id() -> None:
    home = place("home", 5, 5)
    visits: list[Visit] = [appointment("A1"), delivery("D1", at=home)]
    assert [p.place_id for p in places_of(OFFICE, visits, [executive("E1", end=home)])] == ["A1", "home", "office"]


# ------------------------------------------------------------------------------------ plan and cost


def test_costs_are_compared_by_broken_promises_first_and_then_by_the_second_level() -> None:
    def of(broken: int, travel_s: int, overtime_s: int = 0) -> Cost:
        return Cost(broken, travel_s, overtime_s, 0, 0, 0)

    assert of(0, 10**9) < of(1, 0)
    assert of(1, 5) < of(1, 2, 4)
    assert of(1, 5) == of(1, 2, 3)
    assert not of(1, 5) < of(1, 2, 3)
    assert Cost(7, 1, 2, 3, 4, 5).second_level_s == 15
    assert list(of(0, 0).terms()) == ["travel", "overtime", "waiting_deliveries", "fairness", "continuity"]


def test_a_route_ends_with_the_return_or_the_break_after_it() -> None:
    route = Route("E1", 0, (Stop("A1", 1, 2, 3, 4),), 10)
    assert route.end_s == 10
    assert replace(route, pause=PlannedBreak(5, 8, 1, "A1")).end_s == 10
    assert replace(route, pause=PlannedBreak(10, 12, 1, "office")).end_s == 12
    assert route.visit_ids == ("A1",)


def test_the_stops_of_a_plan_come_with_their_routes() -> None:
    day = problem([appointment("A1", "09:00"), appointment("A2", "10:00")], [executive("E1"), executive("E2")])
    made = plan(day, E1="A1", E2="A2")
    assert [(route.executive_id, stop.visit_id, stop.start_s) for route, stop in made.stops()] == [
        ("E1", "A1", s("09:00")),
        ("E2", "A2", s("10:00")),
    ]
