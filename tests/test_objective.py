"""The cost of a plan: one hand-made day for each term, sums that add up, and the order of the two levels."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given

from optimizer.domain import Cost, DayPlan, Prices, Problem, WaitingCurve
from optimizer.objective import (
    broken_promises,
    cost,
    route_busy_s,
    route_overtime_s,
    route_travel_s,
)
from optimizer.timing import timed
from tests.builders import DATE, FREE, appointment, delivery, executive, fair, pause, place, plan, problem
from tests.strategies import Orders, days_with_orders, problems

NOTHING = DayPlan((), ())


def test_travel_costs_its_reference_seconds_whatever_the_clock_takes() -> None:
    day = problem(
        [appointment("A1", "10:00", 300, 400), appointment("A2", "12:00", 300, 0)],
        [executive("E1", end=place("home", 0, -400))],
        prices=FREE,
        pace=[500] * 24,
        margin_pct=50,
    )
    made = plan(day, E1="A1 A2")
    assert cost(day, made).terms() == {
        "travel": 500 + 400 + 500,
        "overtime": 0,
        "waiting_deliveries": 0,
        "fairness": 0,
        "continuity": 0,
    }
    assert route_travel_s(day, made.routes[0]) == 1_400
    assert route_busy_s(day, made.routes[0]) == 1_400 + 2_400


def test_overtime_costs_its_price_from_the_end_of_the_shift_to_the_end_of_the_route() -> None:
    day = problem(
        [delivery("D1", 600, 0, windows=[("15:50", "16:00")], service_s=1)],
        [executive("E1", overtime_s=1_800)],
        prices=replace(FREE, overtime_permille=1_500),
    )
    made = plan(day, E1="D1")
    assert route_overtime_s(day, made.routes[0]) == 1
    assert cost(day, made).overtime_s == 2  # 1.5 rounded up


def test_a_break_after_the_return_costs_overtime_too() -> None:
    day = problem(
        [delivery("D1", 600, 0, windows=[("14:00", "14:00")], service_s=0)],
        [executive("E1", "13:50", "14:30", rest=pause(30, "14:10", "15:00"), overtime_s=3_600)],
        prices=replace(FREE, overtime_permille=1_000),
    )
    made = plan(day, E1="D1")
    assert made.routes[0].pause is not None
    assert made.routes[0].pause.place_id == "office"
    assert cost(day, made).overtime_s == 600


def test_a_delivery_left_for_later_costs_its_own_price_or_that_of_its_due_date() -> None:
    day = problem(
        [
            delivery("D1", price_s=777),
            delivery("D2", price_s=None, due=DATE),
            delivery("D3", price_s=50, due=DATE),
            delivery("D4"),
        ],
        [executive("E1")],
        prices=FREE,
    )
    made = plan(day, E1="D4")
    assert cost(day, made).waiting_deliveries_s == 777 + 7_200 + 50
    assert cost(day, made).broken_promises == 0


@pytest.mark.parametrize(
    ("days_left", "price_s"),
    [
        (99, 1_200),
        (10, 1_200),
        (9, 1_800),
        (5, 4_200),
        (1, 6_600),
        (0, 7_200),
        (-1, 10_800),
        (-4, 21_600),
        (-99, 21_600),
    ],
)
def test_waiting_gets_dearer_towards_the_due_date_and_is_capped(days_left: int, price_s: int) -> None:
    day = problem([delivery("D1", price_s=None, due=DATE + dt.timedelta(days=days_left))])
    assert day.waiting_price_s(day.deliveries[0]) == price_s


def test_a_waiting_curve_never_falls_towards_and_after_the_due_date() -> None:
    for curve in (WaitingCurve(), WaitingCurve(0, 1, 3, 0, 1), WaitingCurve(5, 5, 1, 7, 100)):
        prices = [curve.price_s(days) for days in range(30, -30, -1)]
        assert prices == sorted(prices)
        assert prices[-1] <= curve.cap_s


def test_busy_time_above_the_target_costs_more_and_more() -> None:
    prices = replace(FREE, fairness=(fair(2_000, 500), fair(3_000, 1_000)))
    visits = [delivery(f"D{n}", at=place("office"), service_s=1_000) for n in range(1, 6)]
    day = problem(visits, [executive("E1"), executive("E2")], prices=prices)
    ids = [v.visit_id for v in visits]
    by_load = [cost(day, plan(day, E1=ids[:load])).fairness_s for load in range(1, 6)]
    assert by_load == [0, 0, 500, 2_000, 3_500]
    shared = plan(day, E1=ids[:3], E2=ids[3:])
    assert cost(day, shared).fairness_s == 500


def test_continuity_costs_for_a_wish_not_met_but_not_for_a_visit_not_served() -> None:
    day = problem(
        [appointment("A1", "09:00"), appointment("A2", "10:00"), appointment("A3", "11:00")],
        [executive("E1", prefers=["A1", "A3"]), executive("E2", prefers=["A1"])],
        prices=replace(FREE, continuity_s=600),
    )
    assert cost(day, plan(day, E1="A1 A2 A3")).continuity_s == 0
    assert cost(day, plan(day, E2="A1 A2")).continuity_s == 0
    assert cost(day, plan(day, E2="A1 A2 A3")).continuity_s == 600


def test_broken_promises_are_counted_by_weight_and_named_by_id() -> None:
    day = problem(
        [appointment("A1", weight=3), appointment("A2", weight=2), delivery("D1")], [executive("E1")], prices=FREE
    )
    made = plan(day, E1="A2")
    assert broken_promises(day, made) == ("A1",)
    assert cost(day, made).broken_promises == 3


def test_a_promise_is_never_traded_for_the_second_level() -> None:
    day = problem(
        [appointment("A1", "09:00", 9_000, 9_000), delivery("D1", price_s=20_000)],
        [executive("E1", "05:00", "16:00")],
    )
    kept, broken = cost(day, plan(day, E1="A1")), cost(day, plan(day, E1="D1"))
    assert kept.second_level_s > broken.second_level_s
    assert kept < broken


def test_an_empty_day_costs_nothing() -> None:
    assert cost(problem(), NOTHING) == Cost(0, 0, 0, 0, 0, 0)


@given(days_with_orders(problems(min_executives=1)))
def test_costs_of_routes_and_of_visits_left_out_add_up_to_the_cost_of_the_plan(drawn: tuple[Problem, Orders]) -> None:
    """Exactly: so engines may add up routes without ever timing a whole plan."""
    day, orders = drawn
    made = timed(day, orders)
    whole = cost(day, made)
    parts = [cost(day, DayPlan((route,), ())) for route in made.routes] + [cost(day, DayPlan((), made.unassigned))]
    assert whole.second_level_s == sum(part.second_level_s for part in parts)
    assert whole.broken_promises == sum(part.broken_promises for part in parts)
    assert whole.second_level_s == sum(whole.terms().values())


def test_the_public_prices_are_these() -> None:
    assert Prices() == Prices(2_000, (fair("05:00", 500),), 600, WaitingCurve(1_200, 7_200, 10, 3_600, 21_600))
