"""The insertion engine: what it serves, what it never does, and the cost of one more visit."""

import numpy as np
from hypothesis import given, settings

from optimizer.arrays import NEVER, day_arrays
from optimizer.check import ViolationCode, violations
from optimizer.domain import Problem, Visit
from optimizer.engines.insertion import insertion, insertion_cost
from optimizer.engines.routes import cheapest, orders_of, put, route_cost_s, routes_of, take, total_cost
from optimizer.objective import broken_promises, cost
from optimizer.stop import StopAt
from optimizer.timing import timed, timed_route
from tests.builders import FREE, appointment, delivery, executive, fair, pause, place, problem
from tests.strategies import days_with_orders, problems


def planned(day: Problem, seed: int = 1) -> dict[str, tuple[str, ...]]:
    result = insertion(day, StopAt(), seed=seed)
    assert result is not None
    return dict(result.orders)


def test_two_short_appointments_of_one_slot_need_two_executives() -> None:
    day = problem([appointment("A1"), appointment("A2")], [executive("E1")])
    assert len(broken_promises(day, timed(day, planned(day)))) == 1
    both = problem([appointment("A1"), appointment("A2")], [executive("E1"), executive("E2")])
    assert broken_promises(both, timed(both, planned(both))) == ()


def test_the_heavier_promise_is_kept_when_one_must_break() -> None:
    day = problem([appointment("A1"), appointment("A2", weight=3)], [executive("E1")])
    assert broken_promises(day, timed(day, planned(day))) == ("A1",)


def test_the_kit_is_left_to_the_visit_that_needs_it() -> None:
    visits = [appointment("A1", east_s=10), appointment("A2", skills=["kit"], east_s=900)]
    staff = [executive("E1", skills=["kit"]), executive("E2", start=place("home", -900), end=place("home", -900))]
    orders = planned(problem(visits, staff))
    assert orders == {"E1": ("A2",), "E2": ("A1",)}


def test_a_delivery_is_left_when_waiting_is_cheaper() -> None:
    far = delivery("D1", east_s=1_000, price_s=1_999)
    assert planned(problem([far], [executive("E1")], prices=FREE)) == {}
    dearer = delivery("D1", east_s=1_000, price_s=2_001)
    assert planned(problem([dearer], [executive("E1")], prices=FREE)) == {"E1": ("D1",)}


def test_work_is_spread_where_fairness_is_priced() -> None:
    visits = [appointment(f"A{n}", f"{8 + n:02d}:00", service_s=3_000) for n in range(6)]
    staff = [executive("E1"), executive("E2")]
    lonely = planned(problem(visits, staff, prices=FREE))
    assert sorted(len(order) for order in lonely.values()) == [6]
    day = problem(visits, staff, prices=type(FREE)(fairness=(fair("02:30", 1_000),), continuity_s=0))
    assert cost(day, timed(day, planned(day))).fairness_s == 0


def test_a_pin_and_a_prefix_are_planned_around() -> None:
    visits: list[Visit] = [
        appointment("A1", "09:00", pinned_to="E2"),
        appointment("A2", "10:00"),
        delivery("D1", east_s=600, price_s=9_000),
    ]
    staff = [executive("E1", prefix=["D1"]), executive("E2")]
    orders = planned(problem(visits, staff, prices=FREE))
    assert orders["E1"][0] == "D1"
    assert "A1" in orders["E2"]


def test_envelopes_are_delivered_by_those_who_have_them() -> None:
    home = place("home", 300)
    staff = [executive("E1", start=home), executive("E2")]
    visits = [delivery("D1", east_s=290, price_s=9_000), delivery("D2", east_s=-900, price_s=9_000, held_by="E1")]
    assert planned(problem(visits, staff, prices=FREE)) == {"E1": ("D2",), "E2": ("D1",)}


def test_a_given_start_is_never_made_worse() -> None:
    visits = [appointment(f"A{n}", f"{8 + n:02d}:00", n * 100) for n in range(4)]
    day = problem(visits, [executive("E1"), executive("E2")], prices=FREE)
    start = {"E1": ("A0", "A2"), "E2": ("A1", "A3")}
    result = insertion(day, StopAt(), start=start)
    assert result is not None
    assert cost(day, timed(day, result.orders)) < cost(day, timed(day, start))
    stopped = insertion(day, StopAt(iterations=0), start=start)
    assert stopped is not None
    assert stopped.orders == start


def test_a_stop_before_the_first_step_leaves_nothing() -> None:
    assert insertion(problem([appointment("A1")], [executive("E1")]), StopAt(iterations=0)) is None


def test_a_day_without_visits_or_without_executives_is_planned() -> None:
    assert planned(problem([], [executive("E1")])) == {}
    assert planned(problem([appointment("A1")], [])) == {}
    assert planned(problem()) == {}


def test_overtime_is_used_only_when_it_is_worth_it() -> None:
    late = appointment("A1", "15:00", 1_500, service_s=3_000)
    keeps = problem([late], [executive("E1", overtime_s=3_600)])
    assert planned(keeps) == {"E1": ("A1",)}
    dear = delivery("D1", 600, windows=[("15:50", "15:55")], price_s=1_801)
    assert planned(problem([dear], [executive("E1", overtime_s=3_600)])) == {"E1": ("D1",)}
    cheap = delivery("D1", 600, windows=[("15:50", "15:55")], price_s=1_799)
    assert planned(problem([cheap], [executive("E1", overtime_s=3_600)])) == {}


@given(problems(max_visits=8, max_executives=4))
def test_every_plan_breaks_nothing_but_the_promises_it_reports(day: Problem) -> None:
    plan = timed(day, planned(day))
    found = violations(day, plan, cost(day, plan))
    assert {v.code for v in found} <= {ViolationCode.PROMISE_BROKEN}
    assert {v.visit_id for v in found} == set(broken_promises(day, plan))


@settings(max_examples=25)
@given(problems(max_visits=8))
def test_the_same_seed_gives_the_same_plan(day: Problem) -> None:
    assert planned(day, 3) == planned(day, 3)


@given(days_with_orders(problems(max_visits=7)))
def test_the_cost_of_an_insertion_is_the_difference_of_the_plans(
    case: tuple[Problem, dict[str, tuple[str, ...]]],
) -> None:
    day, orders = case
    arrays, routes = day_arrays(day), routes_of(day, orders)
    before = cost(day, timed(day, orders))
    assert total_cost(arrays, routes) == (before.broken_promises, before.second_level_s)
    for visit_id in timed(day, orders).unassigned:
        visit, row = day.visit_by_id[visit_id], day.visit_row[visit_id]
        found = insertion_cost(day, routes, visit)
        for executive_row, who in enumerate(day.executives):
            own = orders.get(who.executive_id, ())
            options = []
            for position in range(len(who.fixed_prefix), len(own) + 1):
                order = (*own[:position], visit_id, *own[position:])
                changed = {**orders, who.executive_id: order}
                one_slot = _keeps_slots(day, order)
                if day.obstacle(who, visit) or not one_slot or timed_route(day, who.executive_id, order) is None:
                    continue
                options.append(_own_cost(day, changed) - _own_cost(day, orders))
            assert found.get(who.executive_id) == min(options, default=None)
            extra, position = cheapest(arrays, routes, executive_row, row)
            if position < 0:
                assert extra == NEVER
                continue
            put(arrays, routes, executive_row, position, row)
            assert _own_cost(day, orders_of(day, routes)) - _own_cost(day, orders) == extra
            assert take(arrays, routes, row) == position
            assert orders_of(day, routes) == {e: o for e, o in orders.items() if o}


def _own_cost(day: Problem, orders: dict[str, tuple[str, ...]] | object) -> int:
    spent = cost(day, timed(day, orders))  # type: ignore[arg-type]
    return spent.second_level_s - spent.waiting_deliveries_s


def _keeps_slots(day: Problem, order: tuple[str, ...]) -> bool:
    slots = [v.slot for v in (day.visit_by_id[o] for o in order) if hasattr(v, "slot")]
    return len(slots) == len(set(slots))


def test_the_break_is_kept_between_appointments() -> None:
    visits = [appointment(f"A{n}", f"{9 + n:02d}:00", service_s=2_400) for n in range(6)]
    day = problem(visits, [executive("E1", rest=pause(30, "12:00", "13:00"))], prices=FREE)
    plan = timed(day, planned(day))
    assert broken_promises(day, plan) == ()
    (route,) = plan.routes
    assert route.pause is not None
    assert route.pause.start_s >= 12 * 3_600


def test_route_costs_add_up_to_the_cost_of_the_day() -> None:
    day = problem([appointment("A1", east_s=500), delivery("D1", -400)], [executive("E1"), executive("E2")])
    routes = routes_of(day, {"E1": ("A1",), "E2": ("D1",)})
    arrays = day_arrays(day)
    assert [route_cost_s(arrays, routes, e) for e in range(2)] == [1_000, 800]
    assert np.array_equal(routes.length, [1, 1])
