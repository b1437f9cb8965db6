"""Bounds against the exact answer of tiny days."""

import pytest
from hypothesis import given, settings

from optimizer.arrays import day_arrays
from optimizer.bounds import broken_promises_bound, can_reach, flow_bound_s, slots_in_order
from optimizer.domain import Problem, Visit
from optimizer.timing import timed_route
from tests.builders import FREE, appointment, delivery, executive, pause, place, problem
from tests.exact import best_plan
from tests.strategies import problems


@settings(max_examples=40)
@given(problems(max_visits=4, max_executives=2))
def test_no_plan_breaks_fewer_promises_than_the_bound(day: Problem) -> None:
    best, _ = best_plan(day)
    assert broken_promises_bound(day) <= best.broken_promises


@settings(max_examples=60)
@given(problems(min_visits=1, max_visits=4, max_executives=3, deliveries=False))
def test_no_plan_that_keeps_all_promises_is_cheaper_than_the_flow(day: Problem) -> None:
    best, _ = best_plan(day)
    bound, keepable = flow_bound_s(day)
    if not keepable:
        assert bound is None
        assert best.broken_promises > 0
    elif best.broken_promises == 0:
        assert bound is not None
        assert bound <= best.second_level_s


@given(problems(max_visits=5))
def test_whom_an_executive_cannot_reach_they_never_serve(day: Problem) -> None:
    reach = can_reach(day)
    for row, who in enumerate(day.executives):
        for column, visit in enumerate(day.visits):
            if timed_route(day, who.executive_id, [visit.visit_id]) is not None and not day.obstacle(who, visit):
                assert reach[row, column]


def test_the_bound_counts_what_a_slot_cannot_hold_by_weight() -> None:
    visits = [appointment("A1", weight=2), appointment("A2", weight=5), appointment("A3", "11:00")]
    assert broken_promises_bound(problem(visits, [executive("E1")])) == 2
    assert broken_promises_bound(problem(visits, [executive("E1"), executive("E2")])) == 0
    assert broken_promises_bound(problem(visits, [])) == 8


def test_kit_holders_count_once() -> None:
    visits = [appointment("A1", skills=["kit"]), appointment("A2", skills=["kit"]), appointment("A3")]
    staff = [executive("E1", skills=["kit"]), executive("E2"), executive("E3")]
    assert broken_promises_bound(problem(visits, staff)) == 1


def test_a_detour_may_be_the_faster_way_and_is_believed() -> None:
    visits: list[Visit] = [appointment("A1", "08:00", at=place("P1")), delivery("D1", at=place("P2"))]
    slow = {("office", "P1"): 5_000, ("office", "P2"): 100, ("P2", "P1"): 100, ("P1", "office"): 100}
    day = problem(visits, [executive("E1")], legs=slow)
    assert timed_route(day, "E1", ["A1"]) is None
    assert can_reach(day).all()
    assert broken_promises_bound(day) == 0


def test_the_flow_is_exact_where_time_does_not_bind() -> None:
    visits = [appointment(f"A{n}", f"{8 + n:02d}:00", 100 * n, service_s=600) for n in range(1, 5)]
    day = problem(visits, [executive("E1"), executive("E2")], prices=FREE)
    assert flow_bound_s(day) == (800, True)
    assert best_plan(day)[0].second_level_s == 800


def test_more_paths_than_executives_prove_that_promises_break() -> None:
    # Each pair is close in time but far apart: nobody can serve both, though no slot is over-full.
    visits = [appointment("A1", "10:00", 1_800, service_s=3_600), appointment("A2", "11:00", -1_800, service_s=3_600)]
    day = problem(visits, [executive("E1")])
    assert broken_promises_bound(day) == 0
    assert flow_bound_s(day) == (None, False)
    assert best_plan(day)[0].broken_promises == 1


def test_days_with_deliveries_have_no_flow_bound_and_empty_days_cost_nothing() -> None:
    assert flow_bound_s(problem([delivery("D1")], [executive("E1")])) == (None, True)
    assert flow_bound_s(problem([], [executive("E1")])) == (0, True)


def test_whose_break_has_no_place_in_the_shift_serves_nobody() -> None:
    staff = [executive("E1", rest=pause(480, "11:00", "14:30")), executive("E2")]
    day = problem([appointment("A1"), appointment("A2")], staff)
    assert broken_promises_bound(day) == 1
    assert best_plan(day)[0].broken_promises == 1


@pytest.mark.parametrize(
    ("service_s", "east_s", "in_order"), [(0, 0, False), (1, 0, True), (0, 60, True)], ids=["touching", "busy", "apart"]
)
def test_slots_are_in_order_unless_two_visits_take_no_time_at_one_place(
    service_s: int, east_s: int, in_order: bool
) -> None:
    visits = [
        appointment("A1", "09:00", 300, service_s=service_s),
        appointment("A2", "10:00", 300 + east_s, service_s=service_s),
    ]
    day = problem(visits, [executive("E1")])
    assert slots_in_order(day_arrays(day)) is in_order
    assert (flow_bound_s(day)[0] is not None) is in_order
