"""The OR-Tools routing engine from inside: what its models promise, what its search does. Rules: test_routing_rules."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.check import ViolationCode, violations
from optimizer.domain import Problem, Visit
from optimizer.engines import Orders
from optimizer.engines.arcs import nodes_of
from optimizer.engines.routing import _Search, routing
from optimizer.engines.routing_model import MILLI, Model
from optimizer.objective import broken_promises, cost
from optimizer.stop import StopAt
from optimizer.timing import timed, timed_route
from tests.builders import FREE, appointment, delivery, executive, pause, place, problem
from tests.exact import best_plan
from tests.strategies import days_with_orders, problems, tight_day, tight_days


def planned(
    day: Problem, iterations: int = 12, seed: int = 1, start: Orders | None = None
) -> dict[str, tuple[str, ...]]:
    result = routing(day, StopAt(iterations), seed=seed, start=start)
    assert result is not None
    return dict(result.orders)


# ------------------------------------------------------------------------------------- models


@settings(max_examples=60)
@given(st.one_of(problems(min_visits=1, max_visits=7, min_executives=1), tight_days()))
def test_every_route_of_a_model_can_be_run_on_the_exact_clock(day: Problem) -> None:
    search = _Search(day, StopAt(), 1, None)
    if not search._visits.size:
        return
    found = Model(search._nodes, search._visits, search._executives).solve(None, None)
    assert found is not None
    for e, route in zip(search._executives, found, strict=True):
        ids = [day.visits[v].visit_id for v in route]
        assert not ids or timed_route(day, day.executives[e].executive_id, ids) is not None


def test_a_promise_is_worth_more_than_everything_else_a_model_can_save() -> None:
    deliveries = [delivery(f"D{n}", windows=[("09:00", "09:10")], service_s=600, price_s=100_000) for n in range(9)]
    visits: list[Visit] = [appointment("A1", "09:00", 1_500, service_s=60), *deliveries]
    day = problem(visits, [executive("E1", closes="10:00")])
    assert Model(nodes_of(day), np.arange(10), np.arange(1))._most_second_level() > 900_000 * MILLI
    assert broken_promises(day, timed(day, planned(day))) == ()


def test_the_heaviest_weights_still_fit_the_library_and_come_first() -> None:
    visits = [appointment("A1", weight=10**15), appointment("A2", weight=1)]
    assert planned(problem(visits, [executive("E1")])) == {"E1": ("A1",)}


def test_a_start_that_the_bounds_of_travel_forbid_is_kept_and_improved() -> None:
    # Slow from 13:00 on. A delivery may be left at any hour, so its bounds know only the slow hours.
    pace = tuple(1_000 if hour < 13 else 250 for hour in range(24))
    visits: list[Visit] = [
        delivery("D1", 1_500, windows=[("08:00", "19:50")], price_s=9_000),
        delivery("D2", 1_500, 1_500, windows=[("08:00", "09:05")], price_s=9_000),
        delivery("D3", 10, windows=[("08:00", "19:50")], price_s=9_000),
    ]
    day = problem(visits, [executive("E1")], prices=FREE, pace=pace)
    start = {"E1": ("D1", "D2")}
    orders = planned(day, start=start)
    assert set(orders["E1"]) == {"D1", "D2", "D3"}
    assert cost(day, timed(day, orders)) < cost(day, timed(day, start))


def test_a_prefix_that_only_the_exact_clock_allows_is_kept_and_added_to() -> None:
    pace = tuple(1_000 if hour < 13 else 250 for hour in range(24))
    visits: list[Visit] = [
        delivery("D1", 1_500, windows=[("08:00", "19:50")], price_s=9_000),
        delivery("D2", 1_500, 1_500, windows=[("08:00", "09:05")], price_s=9_000),
        appointment("A1", "11:00"),
    ]
    day = problem(visits, [executive("E1", prefix=["D1", "D2"])], prices=FREE, pace=pace)
    assert planned(day) == {"E1": ("D1", "D2", "A1")}


# ------------------------------------------------------------------------------------- breaks


def test_a_break_may_be_taken_before_leaving_when_its_window_is_over_on_arrival() -> None:
    visits = [appointment("A1", "09:00", service_s=3_300), appointment("A2", "10:00", 1_200, service_s=600)]
    day = problem(visits, [executive("E1", rest=pause(15, "09:30", "10:00"))], prices=FREE)
    assert planned(day) == {"E1": ("A1", "A2")}


def test_a_break_never_interrupts_travel() -> None:
    # Free at 09:40. Half an hour of travel runs over the whole window of the break: it comes before, from 09:50 on.
    visits = [appointment("A1", "09:00", service_s=2_400), appointment("A2", "10:00", 1_800, service_s=1_800)]
    just = problem(visits, [executive("E1", rest=pause(10, "09:50", "10:00"))], prices=FREE)
    assert planned(just) == {"E1": ("A1", "A2")}
    longer = problem(visits, [executive("E1", rest=pause(11, "09:50", "10:00"))], prices=FREE)
    assert len(broken_promises(longer, timed(longer, planned(longer)))) == 1


def test_a_break_right_at_the_beginning_of_a_shift_leaves_the_executive_usable() -> None:
    visits = [appointment("A1", "09:00", 1_200), appointment("A2", "11:00", 1_200)]
    day = problem(visits, [executive("E1", rest=pause(30, "08:05", "08:10"))], prices=FREE)
    assert planned(day) == {"E1": ("A1", "A2")}


def test_a_break_after_the_return_counts_as_overtime() -> None:
    rest = pause(30, "15:50", "16:30")
    visits: list[Visit] = [appointment("A1", "09:00"), delivery("D1", 600, windows=[("15:30", "15:40")], price_s=3_599)]
    day = problem(visits, [executive("E1", overtime_s=3_600, rest=rest)])
    plan = timed(day, planned(day))
    assert broken_promises(day, plan) == ()
    assert cost(day, plan) == best_plan(day)[0]


# ------------------------------------------------------------------------------------- search


@settings(max_examples=20)
@given(problems(max_visits=4, max_executives=2))
def test_random_tiny_days_are_solved_to_the_optimum(day: Problem) -> None:
    assert cost(day, timed(day, planned(day, 30))) == best_plan(day)[0]


def test_days_with_hardly_any_room_are_mostly_solved_to_the_optimum_and_never_wrongly() -> None:
    reached = 0
    for seed in range(30):
        day = tight_day(seed)
        plan = timed(day, planned(day, 20))
        spent, (least, _) = cost(day, plan), best_plan(day)
        assert {v.code for v in violations(day, plan, spent)} <= {ViolationCode.PROMISE_BROKEN}
        assert spent >= least
        reached += spent == least
    assert reached >= 26


@settings(max_examples=25)
@given(days_with_orders(problems(min_visits=1, min_executives=1, prefixes=False)), st.integers(1, 6))
def test_no_start_is_ever_made_worse(drawn: tuple[Problem, dict[str, tuple[str, ...]]], iterations: int) -> None:
    day, start = drawn
    assert cost(day, timed(day, planned(day, iterations, start=start))) <= cost(day, timed(day, start))


def test_other_seeds_search_elsewhere_and_the_same_seed_finds_the_same() -> None:
    visits: list[Visit] = [
        appointment(f"A{n:02d}", f"{8 + n % 7:02d}:00", 97 * n % 800, 61 * n % 700) for n in range(30)
    ]
    visits += [delivery(f"D{n:02d}", 53 * n % 700, 89 * n % 800) for n in range(20)]
    day = problem(visits, [executive(f"E{n}", start=place(f"H{n}", 90 * n)) for n in range(6)])
    plans = [planned(day, 3, seed=seed) for seed in (1, 2, 3)]
    assert plans[0] != plans[1] or plans[1] != plans[2]
    assert planned(day, 3, seed=2) == plans[1]


def test_a_day_that_can_get_no_better_is_finished_without_a_limit() -> None:
    day = problem([appointment("A1"), appointment("A2", "11:00")], [executive("E1")])
    result = routing(day, StopAt())
    assert result is not None
    assert result.finished
    stopped = routing(day, StopAt(iterations=3))
    assert stopped is not None
    assert not stopped.finished


def test_another_thread_may_ask_for_the_end() -> None:
    visits = [appointment(f"A{n:03d}", f"{8 + n % 8:02d}:00", 97 * n % 800, 61 * n % 700) for n in range(150)]
    day = problem(visits, [executive(f"E{n:02d}") for n in range(24)], prices=FREE)
    stop = StopAt(time_limit_s=100.0)
    told = threading.Event()

    def ask() -> None:
        told.wait(50.0)
        stop.request()

    asker = threading.Thread(target=ask)
    asker.start()
    result = routing(day, stop, on_progress=lambda *_: told.set())
    asker.join()
    assert result is not None
    assert not result.finished
    assert stop.elapsed_s() < 50.0


def test_what_a_listener_raises_comes_out_as_it_is() -> None:
    def refuse(phase: str, *_: object) -> None:
        raise KeyError(phase)

    with pytest.raises(KeyError, match="routing"):
        routing(problem([appointment("A1")], [executive("E1")]), StopAt(5), on_progress=refuse)
