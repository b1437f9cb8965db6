"""Ruin and recreate: what its plans keep, what a round leaves behind, what it collects, how often it is best."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.arrays import day_arrays
from optimizer.check import ViolationCode, violations
from optimizer.domain import Delivery, Problem, Visit
from optimizer.engines import Orders
from optimizer.engines.insertion import insertion
from optimizer.engines.routes import Routes, orders_of, route_cost_s, routes_of, total_cost
from optimizer.engines.ruin import CHUNKS, Schedule, Settings, _Chain, anneal, mean_arc_s, nearest_visits, ruin
from optimizer.engines.ruin_kernels import LOOSE, ROUND, TOUCHED, UNSERVED, add_waiting, recreate, undo
from optimizer.engines.ruin_kernels import ruin as take_strings_out
from optimizer.engines.ruin_pool import RouteCollector, alike
from optimizer.objective import broken_promises, cost
from optimizer.stop import StopAt
from optimizer.timing import timed
from tests.builders import FREE, appointment, delivery, executive, place, problem
from tests.exact import best_plan
from tests.strategies import days_with_orders, problems, tight_day, tight_days

Case = tuple[Problem, dict[str, tuple[str, ...]]]

SMALL_DAYS = st.one_of(problems(max_visits=8, max_executives=4), tight_days())


def planned(
    day: Problem, iterations: int = 3, seed: int = 1, threads: int = 1, start: Orders | None = None
) -> dict[str, tuple[str, ...]]:
    """Orders of the engine; without a start it begins with the fixed prefixes alone."""
    if start is None:
        start = {who.executive_id: who.fixed_prefix for who in day.executives}
    result = ruin(day, StopAt(iterations), seed=seed, threads=threads, start=start)
    assert result is not None
    return dict(result.orders)


def town(appointments: int = 40, deliveries: int = 30, staff: int = 8) -> Problem:
    """A day large enough that seeds differ: two skills' worth of homes, slots filled to three quarters."""
    visits: list[Visit] = [
        appointment(f"A{n:02d}", f"{8 + n % 7:02d}:00", 97 * n % 800, 61 * n % 700) for n in range(appointments)
    ]
    visits += [delivery(f"D{n:02d}", 53 * n % 700, 89 * n % 800) for n in range(deliveries)]
    return problem(visits, [executive(f"E{n}", start=place(f"H{n}", 90 * n)) for n in range(staff)])


# -------------------------------------------------------------------------------------- plans


@settings(max_examples=60)
@given(SMALL_DAYS)
def test_every_plan_breaks_nothing_but_the_promises_it_reports(day: Problem) -> None:
    plan = timed(day, planned(day))
    found = violations(day, plan, cost(day, plan))
    assert {v.code for v in found} <= {ViolationCode.PROMISE_BROKEN}
    assert {v.visit_id for v in found} == set(broken_promises(day, plan))


@settings(max_examples=40)
@given(days_with_orders(problems(min_visits=1, max_visits=8, min_executives=1)), st.integers(1, 3))
def test_a_start_is_never_made_worse_and_its_prefixes_stay(case: Case, iterations: int) -> None:
    day, start = case
    orders = planned(day, iterations, start=start)
    assert cost(day, timed(day, orders)) <= cost(day, timed(day, start))
    for who in day.executives:
        assert orders.get(who.executive_id, ())[: len(who.fixed_prefix)] == who.fixed_prefix


@settings(max_examples=15)
@given(SMALL_DAYS, st.integers(1, 2))
def test_the_same_seed_gives_the_same_plan(day: Problem, threads: int) -> None:
    assert planned(day, 3, 7, threads) == planned(day, 3, 7, threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_longer_run_repeats_itself_through_sweeps_and_exchanges(threads: int) -> None:
    day = town()
    plan = planned(day, 20, 5, threads)
    assert planned(day, 20, 5, threads) == plan
    assert violations(day, timed(day, plan)) == ()


def test_other_seeds_search_elsewhere() -> None:
    day = town(90, 60, 20)
    assert planned(day, 1, 1) != planned(day, 1, 2)


def test_days_without_visits_or_executives_are_done_at_once() -> None:
    for day in (problem([], [executive("E1")]), problem([appointment("A1")], []), problem([], [])):
        assert planned(day) == {}
    fixed = problem([appointment("A1")], [executive("E1", prefix=["A1"])])
    assert planned(fixed) == {"E1": ("A1",)}


def test_a_delivery_is_left_when_waiting_is_cheaper_and_fetched_when_it_is_not() -> None:
    far = delivery("D1", east_s=1_000, price_s=1_999)
    assert planned(problem([far], [executive("E1")], prices=FREE), start={"E1": ("D1",)}) == {}
    dearer = delivery("D1", east_s=1_000, price_s=2_001)
    assert planned(problem([dearer], [executive("E1")], prices=FREE)) == {"E1": ("D1",)}


def test_the_heaviest_promise_comes_first_however_heavy() -> None:
    day = problem([appointment("A1", weight=10**15), appointment("A2")], [executive("E1")])
    assert planned(day, start={"E1": ("A2",)}) == {"E1": ("A1",)}


def test_many_waiting_visits_are_all_tried() -> None:
    visits = [delivery(f"D{n:02d}", windows=[("09:00", "09:05")], service_s=3_600, price_s=100) for n in range(60)]
    best = delivery("D99", windows=[("09:00", "09:05")], service_s=3_600, price_s=9_000)
    assert planned(problem([*visits, best], [executive("E1")])) == {"E1": ("D99",)}


@settings(max_examples=25)
@given(SMALL_DAYS)
def test_without_a_start_the_search_goes_on_from_the_insertion_engine(day: Problem) -> None:
    built, searched = insertion(day, StopAt(1)), ruin(day, StopAt(2))
    assert built is not None
    assert searched is not None
    assert cost(day, timed(day, searched.orders)) <= cost(day, timed(day, built.orders))


# ------------------------------------------------------------------------------------ stopping


def test_a_search_stopped_before_it_began_gives_the_start_or_nothing() -> None:
    day = town(6, 4, 2)
    assert ruin(day, StopAt(0)) is None
    start = {"E1": ("A00",)}
    result = ruin(day, StopAt(0), start=start)
    assert result is not None
    assert result.orders == start
    assert not result.finished


def test_a_request_in_the_middle_keeps_the_best_plan_so_far() -> None:
    day = town()
    stop = StopAt(time_limit_s=100.0)
    told: list[Orders] = []

    def ask(phase: str, orders: Orders | None, *_: object) -> None:
        if phase == "ruin" and orders is not None:
            told.append(orders)
            stop.request()

    result = ruin(day, stop, on_progress=ask)
    assert result is not None
    assert not result.finished
    assert result.orders == told[-1]
    assert violations(day, timed(day, result.orders)) == ()


def test_progress_never_gets_worse() -> None:
    day = town()
    told: list[Orders] = []
    result = ruin(day, StopAt(12), on_progress=lambda _, orders, *__: told.append(orders or {}))
    assert result is not None
    costs = [cost(day, timed(day, orders)) for orders in told]
    assert costs == sorted(costs, reverse=True)
    assert cost(day, timed(day, result.orders)) == costs[-1]


def test_a_schedule_shares_out_iterations() -> None:
    schedule = Schedule(StopAt(4))
    assert [schedule.next() for _ in range(5)] == [(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0), None]
    half = Schedule(StopAt(4), part=0.5)
    assert [half.next() for _ in range(3)] == [(0.0, 0.5), (0.5, 1.0), None]


def test_a_schedule_without_limits_ends_and_one_without_time_is_over_at_once() -> None:
    schedule = Schedule(StopAt())
    shares = [schedule.next() for _ in range(CHUNKS)]
    assert shares[-1] == (1 - 1 / CHUNKS, 1.0)
    assert schedule.next() is None
    late = Schedule(StopAt(100, time_limit_s=0.0))
    assert late.next() is None
    assert late.over()


# -------------------------------------------------------------------------------------- rounds


def chain_of(day: Problem, orders: Orders, seed: int) -> _Chain:
    arrays = day_arrays(day)
    movable = np.setdiff1d(np.arange(len(day.visits)), arrays.prefix).astype(np.int64)
    return _Chain(arrays, routes_of(day, orders), nearest_visits(arrays), movable, seed, Settings())


def assert_alike(one: Routes, other: Routes) -> None:
    """Everything that is kept about the routes is equal; what lies behind their ends does not matter."""
    for name in ("length", "owner", "in_slot", "busy_s", "overtime_s", "fairness_s"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for e, size in enumerate(one.length):
        assert np.array_equal(one.order[e, :size], other.order[e, :size])
        for name in ("pending_s", "taken_s", "late_pending_s", "late_taken_s", "last_pending_s", "last_taken_s"):
            assert np.array_equal(getattr(one, name)[e, : size + 1], getattr(other, name)[e, : size + 1]), name


@settings(max_examples=60)
@given(
    days_with_orders(st.one_of(problems(min_visits=1, max_visits=8, min_executives=1), tight_days())),
    st.integers(0, 99),
)
def test_undo_leaves_the_routes_exactly_as_before(case: Case, seed: int) -> None:
    day, orders = case
    chain = chain_of(day, orders, seed)
    if not len(chain.search.movable):
        return
    before = routes_of(day, orders)
    for _ in range(5):
        chain.search.tally[ROUND] += 1
        chain.search.tally[TOUCHED] = chain.search.tally[LOOSE] = 0
        take_strings_out(chain.day, chain.routes, chain.saved, chain.search, 4)
        add_waiting(chain.search)
        loose = list(chain.search.loose[: chain.search.tally[LOOSE]])
        assert len(set(loose)) == len(loose)
        assert all(chain.routes.owner[v] == -1 for v in loose)
        recreate(chain.day, chain.routes, chain.saved, chain.search)
        undo(chain.routes, chain.saved, chain.search)
        assert_alike(chain.routes, before)


@settings(max_examples=40)
@given(days_with_orders(problems(min_visits=1, max_visits=8, min_executives=1)), st.integers(0, 99))
def test_after_a_chunk_of_rounds_all_that_is_kept_is_true(case: Case, seed: int) -> None:
    day, orders = case
    chain = chain_of(day, orders, seed)
    if not len(chain.search.movable):
        return
    chain.run(100.0, 10.0, lambda: False, None)
    now = orders_of(day, chain.routes)
    assert_alike(chain.routes, routes_of(day, now))
    assert tuple(chain.search.level[:2]) == total_cost(chain.day, chain.routes)
    spent = cost(day, timed(day, now))
    assert tuple(chain.search.level[:2]) == (spent.broken_promises, spent.second_level_s)
    assert chain.search.tally[UNSERVED] == np.count_nonzero(chain.routes.owner == -1)
    best = {
        who.executive_id: tuple(
            day.visits[v].visit_id for v in chain.search.best_order[e, : chain.search.best_length[e]]
        )
        for e, who in enumerate(day.executives)
    }
    least = cost(day, timed(day, best))
    assert chain.best() == (least.broken_promises, least.second_level_s)


def test_near_visits_are_sorted_by_travel_and_by_waiting_too() -> None:
    visits = [
        appointment("A1", "09:00", service_s=3_600),
        appointment("A2", "18:00", 100, service_s=3_600),
        appointment("A3", "09:00", 300, service_s=3_600),
        appointment("A4", "10:00", 200, service_s=3_600),
    ]
    near = nearest_visits(day_arrays(problem(visits, [executive("E1")])))
    assert near[0, 0].tolist() == [1, 3, 2]
    assert near[1, 0].tolist() == [3, 2, 1]  # A2 is close, but eight hours later


def test_the_mean_arc_counts_the_way_out_and_back() -> None:
    day = problem([appointment("A1", east_s=500), delivery("D1", -400)], [executive("E1"), executive("E2")])
    arrays = day_arrays(day)
    assert mean_arc_s(arrays, routes_of(day, {"E1": ("A1",), "E2": ("D1",)})) == (1_000 + 800) / 4
    assert mean_arc_s(arrays, routes_of(day)) == 1.0


# ----------------------------------------------------------------------------------- collector


@settings(max_examples=40)
@given(days_with_orders(problems(min_visits=1, max_visits=8, min_executives=1)))
def test_collected_routes_are_distinct_and_cost_what_the_objective_says(case: Case) -> None:
    day, start = case
    arrays, routes = day_arrays(day), routes_of(day, start)
    pool = RouteCollector(arrays)
    anneal(arrays, routes, StopAt(2), pool=pool)
    found = pool.collected()
    assert len(pool) == len(found.executive) == len(found.visits_at) - 1
    seen = set()
    for k, e in enumerate(found.executive):
        visits = found.visits[found.visits_at[k] : found.visits_at[k + 1]]
        order = tuple(day.visits[v].visit_id for v in visits)
        seen.add((int(e), order))
        spent = cost(day, timed(day, {day.executives[e].executive_id: order}))
        assert found.cost_s[k] == spent.second_level_s - spent.waiting_deliveries_s
    assert len(seen) == len(pool)


def test_executives_who_differ_in_nothing_share_their_routes() -> None:
    staff = [executive("E1"), executive("E2"), executive("E3", start=place("home", 50)), executive("E4", prefix=["A2"])]
    day = problem([appointment("A1"), appointment("A2", "11:00")], staff)
    arrays = day_arrays(day)
    assert alike(arrays).tolist() == [0, 0, 2, 3]
    pool = RouteCollector(arrays)
    pool.add(routes_of(day, {"E1": ("A1",), "E4": ("A2",)}), 0, 50)
    pool.add(routes_of(day, {"E2": ("A1",), "E4": ("A2",)}), 0, 40)
    assert pool.collected().executive.tolist() == [0, 3]


def test_a_full_collector_keeps_the_routes_of_the_best_solutions() -> None:
    visits = [delivery(f"D{n}", 10 * n) for n in range(9)]
    day = problem(visits, [executive("E1")])
    pool = RouteCollector(day_arrays(day), capacity=6)
    for n in range(9):
        pool.add(routes_of(day, {"E1": (f"D{n}",)}), 0, 1_000 - n)
    found = pool.collected()
    assert found.visits.tolist() == [8, 7, 6, 5, 4, 3]
    assert found.cost_s.tolist() == [20 * n for n in (8, 7, 6, 5, 4, 3)]
    pool.add(routes_of(day, {"E1": ("D5",)}), 0, 1)
    assert pool.collected().visits[0] == 5


def test_a_town_fills_the_collector_and_most_routes_of_its_best_plan_are_in_it() -> None:
    day = town(90, 60, 20)
    arrays, routes = day_arrays(day), routes_of(day, planned(day, 1))
    pool = RouteCollector(arrays)
    anneal(arrays, routes, StopAt(10), pool=pool)
    found = pool.collected()
    assert len(pool) > 200
    costs = {
        (int(e), tuple(found.visits[found.visits_at[k] : found.visits_at[k + 1]].tolist())): int(found.cost_s[k])
        for k, e in enumerate(found.executive)
    }
    own = {
        (e, tuple(routes.order[e, :size].tolist())): route_cost_s(arrays, routes, e)
        for e, size in enumerate(routes.length)
        if size
    }
    shared = costs.keys() & own.keys()
    assert len(shared) >= len(own) / 2
    assert all(costs[route] == own[route] for route in shared)


# ------------------------------------------------------------------------------------- optimum


def test_days_with_hardly_any_room_are_mostly_solved_to_the_optimum_and_never_wrongly() -> None:
    reached = 0
    for seed in range(60):
        day = tight_day(seed)
        spent, (least, _) = cost(day, timed(day, planned(day, 2))), best_plan(day)
        assert spent >= least
        reached += spent == least
    assert reached >= 57


@settings(max_examples=25)
@given(problems(max_visits=4, max_executives=2, min_executives=1, prefixes=False))
def test_deliveries_on_random_tiny_days_are_never_left_when_a_place_is_cheaper(day: Problem) -> None:
    plan = timed(day, planned(day))
    least, _ = best_plan(day)
    assert cost(day, plan) >= least
    if all(isinstance(v, Delivery) for v in day.visits) and len(day.visits) == 1:
        assert cost(day, plan) == least
