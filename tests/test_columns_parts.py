"""Parts of the exact engine on their own: labels, master, cuts, listing, partition, groups, the first level."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.arrays import NO_SLOT, DayArrays, day_arrays
from optimizer.domain import Problem
from optimizer.engines.columns import columns
from optimizer.engines.columns.cuts import Cut, cut_bits, pairs_made, separate
from optimizer.engines.columns.diving import _without_repeats
from optimizer.engines.columns.generation import FAR_SHARE, Relaxation, add_cuts, first_caps, generate
from optimizer.engines.columns.graph import fleet_of, memory_bits, neighbourhoods
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.labels import GRID
from optimizer.engines.columns.listing import list_routes
from optimizer.engines.columns.master import MasterSolution, Restricted, _in_order, _normal_matrix, solve_master
from optimizer.engines.columns.neighbourhood import improve_group, part_of
from optimizer.engines.columns.partition import best_partition
from optimizer.engines.columns.pool import Column, Pool, Table, order_cost_s
from optimizer.engines.columns.pricing import Duals, Level, Pricer, reduced_costs
from optimizer.engines.columns.promises import both_levels, broken_promises_by_routes, dearest_s
from optimizer.engines.insertion import insertion
from optimizer.engines.routes import routes_of
from optimizer.objective import cost
from optimizer.stop import StopAt
from optimizer.timing import runnable_prefixes, timed
from scenarios.catalogue import load_catalogue
from scenarios.generate import bench_day
from tests.builders import DATE, FREE, appointment, delivery, executive, problem
from tests.exact import best_plan
from tests.strategies import problems, tight_days

SMALL = st.one_of(problems(max_visits=5, min_executives=1, max_executives=3), tight_days())


def orders_within_slots(day: DayArrays, e: int) -> list[tuple[int, ...]]:
    """All orders of visits that e may run, without an appointment twice in a slot."""
    prefix = tuple(int(v) for v in day.prefix[day.prefix_at[e] : day.prefix_at[e + 1]])
    free = [v for v in range(len(day.place)) if day.may_serve[e, v] and v not in set(day.prefix.tolist())]
    found = []
    for size in range(len(free) + 1):
        for chosen in combinations(free, size):
            for order in permutations(chosen):
                whole = (*prefix, *order)
                slots = [int(day.slot[v]) for v in whole if day.slot[v] != NO_SLOT]
                if whole and len(set(slots)) == len(slots) and order_cost_s(day, e, whole) is not None:
                    found.append(whole)
    return found


def duals_of(pricer: Pricer, seed: int, cuts: list[Cut]) -> Duals:
    rng = np.random.default_rng(seed)
    pi = rng.integers(0, 3_000 * GRID, len(pricer.day.place))
    prices = rng.integers(0, 900 * GRID, len(cuts))
    return Duals(pi, np.zeros(len(pricer.fleet.size), dtype=np.int64), cut_bits(cuts, prices, len(pi)))


def reduced_cost(day: DayArrays, e: int, order: tuple[int, ...], duals: Duals, cuts: list[Cut]) -> int:
    own = order_cost_s(day, e, order)
    assert own is not None
    table = Pool([Column(0, order, own)]).table()
    paid = sum(int(pairs_made(table, cut, len(day.place))[0] * duals.cuts.price[k]) for k, cut in enumerate(cuts))
    return own * GRID - int(duals.pi[list(order)].sum()) + paid


def some_cuts(pricer: Pricer, seed: int) -> list[Cut]:
    free = np.flatnonzero(pricer.free)
    rng = np.random.default_rng(seed)
    if len(free) < 3:
        return []
    cuts = []
    for _ in range(3):
        a, b, c = sorted(int(v) for v in rng.choice(free, 3, replace=False))
        more = rng.choice(len(pricer.free), rng.integers(0, len(pricer.free) + 1), replace=False)
        cuts.append(Cut((a, b, c), frozenset({a, b, c, *(int(v) for v in more)})))
    return cuts


@settings(max_examples=60)
@given(SMALL, st.integers(0, 2**20))
def test_exact_pricing_is_no_dearer_than_any_order_and_no_cheaper_than_all_with_full_memory(
    day: Problem, seed: int
) -> None:
    if not all(runnable_prefixes(day).values()) or not day.visits:
        return
    arrays = day_arrays(day)
    pricer = Pricer(arrays, ng_size=64)
    cuts = some_cuts(pricer, seed)
    duals = duals_of(pricer, seed, cuts)
    for answer in pricer.price(duals, Level.EXACT):
        e = int(pricer.fleet.who[answer.kind])
        every = [reduced_cost(arrays, e, order, duals, cuts) for order in orders_within_slots(arrays, e)]
        if not pricer.prefixes[answer.kind]:
            every.append(0)
        assert answer.least == min(every)
        for reduced, column in answer.columns:
            assert reduced == reduced_cost(arrays, e, column.visits, duals, cuts)


@settings(max_examples=40)
@given(SMALL, st.integers(0, 2**20))
def test_the_list_holds_of_all_orders_of_the_same_visits_below_the_gap_the_one_of_least_cost(
    day: Problem, seed: int
) -> None:
    if not all(runnable_prefixes(day).values()) or not day.visits:
        return
    arrays = day_arrays(day)
    pricer = Pricer(arrays, ng_size=2)
    cuts = some_cuts(pricer, seed)
    duals = duals_of(pricer, seed, cuts)
    bound = pricer.bound(duals, pricer.price(duals, Level.EXACT))
    assert bound is not None
    upper_s = -(-bound // GRID) + 1_500
    listed = list_routes(pricer, duals, bound, upper_s, 100_000, 10_000_000, StopAt())
    assert listed is not None
    found = {
        (int(kind), frozenset(made)): order_cost_s(arrays, int(pricer.fleet.who[kind]), made)
        for row, kind in zip(listed.visits, listed.kind, strict=True)
        for made in [tuple(int(v) for v in row if v >= 0)]
    }
    assert len(found) == len(listed.kind)
    for kind, least in ((a.kind, a.least) for a in pricer.price(duals, Level.EXACT)):
        assert least is not None
        e = int(pricer.fleet.who[kind])
        cheapest: dict[frozenset[int], int] = {}
        gap = upper_s * GRID - GRID - bound
        for order in orders_within_slots(arrays, e):
            key, own = frozenset(order), order_cost_s(arrays, e, order)
            assert own is not None
            if reduced_cost(arrays, e, order, duals, cuts) - least <= gap:
                cheapest[key] = min(cheapest.get(key, own), own)
        for key, own in cheapest.items():
            assert found.pop((kind, key)) == own
    assert found == {}


def test_the_master_finds_the_known_optimum_and_its_duals() -> None:
    # Two visits, routes {0}: 10, {1}: 12, {0, 1}: 15; one executive: the pair is best, and dropping costs 100.
    at, rows = np.array([0, 2, 4, 7]), np.array([0, 2, 1, 2, 0, 1, 2])
    solved = solve_master(Restricted(at, rows, np.array([10.0, 12, 15]), np.array([100.0, 100]), np.array([1.0])), 1e-8)
    assert solved.value == pytest.approx(15, abs=1e-4)
    assert solved.dual_value == pytest.approx(15, abs=1e-4)
    assert solved.x == pytest.approx([0, 0, 1], abs=1e-4)
    assert solved.pi.sum() - solved.mu[0] == pytest.approx(15, abs=1e-4)


def test_three_half_routes_violate_a_cut_that_the_whole_plan_keeps() -> None:
    table = Pool([Column(0, (0, 1), 1), Column(0, (1, 2), 1), Column(0, (0, 2), 1), Column(0, (0, 1, 2), 3)]).table()
    (cut,) = separate(table, np.array([0.5, 0.5, 0.5, 0.0]), 3, 10, everywhere=False)
    assert cut.visits == (0, 1, 2)
    assert pairs_made(table, cut, 3).tolist() == [1, 1, 1, 1]
    assert separate(table, np.array([0.0, 0.0, 0.0, 1.0]), 3, 10, everywhere=False) == []


def test_a_cut_forgets_outside_its_memory() -> None:
    table = Pool([Column(0, (0, 3, 1), 1), Column(0, (0, 1, 3, 2), 1), Column(0, (0, 3, 1, 2), 1)]).table()
    assert pairs_made(table, Cut((0, 1, 2), frozenset({0, 1, 2})), 4).tolist() == [0, 1, 1]
    assert pairs_made(table, Cut((0, 1, 2), frozenset({0, 1, 2, 3})), 4).tolist() == [1, 1, 1]


def test_bits_of_one_neighbourhood_are_all_different() -> None:
    rng = np.random.default_rng(3)
    places = rng.integers(0, 900, (90, 2))
    visits = [delivery(f"D{n:03d}", int(e), int(m)) for n, (e, m) in enumerate(places)]
    day = day_arrays(problem(visits, [executive("E1")]))
    near = neighbourhoods(day, 8)
    keep, blocks, own = memory_bits(near)
    for v in range(len(near)):
        bits = [int(own[d]) for d in np.flatnonzero(near[v])]
        assert 0 not in bits
        assert len(set(bits)) == len(bits)
        assert all(int(blocks[v, d]) == int(own[d]) for d in np.flatnonzero(near[v]))
        for u in range(len(near)):
            assert int(keep[u, v]) == sum(int(own[d]) for d in np.flatnonzero(near[v] & near[u]))


def test_the_partition_takes_the_cheapest_cover_and_says_when_there_is_none() -> None:
    pool = Pool([Column(0, (0, 1), 10), Column(0, (2,), 4), Column(0, (0, 2), 5), Column(0, (1,), 8)])
    table = pool.table()
    price, capacity = np.array([50, 50, 50]), np.array([2])
    best = best_partition(table, price, capacity, 50, StopAt())
    assert (best.chosen, best.bound_s, best.settled) == ((2, 3), 13, True)
    none = best_partition(table, price, capacity, 13, StopAt())
    assert (none.chosen, none.bound_s, none.settled) == (None, 13, True)
    waiting = best_partition(table, np.array([50, 3, 50]), capacity, 50, StopAt())
    assert (waiting.chosen, waiting.bound_s) == ((2,), 8)


def fractional() -> Table:
    """Six visits, each pair of the first three by a route of cost 1, and singles of cost 1 for the rest."""
    pairs = [Column(0, pair, 1) for pair in ((0, 1), (1, 2), (0, 2))]
    return Pool([*pairs, *(Column(0, (v,), 1) for v in range(3))]).table()


def test_the_partition_is_whole_where_the_relaxation_is_not() -> None:
    best = best_partition(fractional(), np.array([9, 9, 9]), np.array([3]), 20, StopAt())
    assert best.bound_s == 2  # the relaxation says one and a half
    assert best.settled
    assert best.chosen is not None
    assert len(best.chosen) == 2


@settings(max_examples=40)
@given(SMALL)
def test_a_part_of_a_day_costs_its_routes_what_the_day_does(day: Problem) -> None:
    if not all(runnable_prefixes(day).values()):
        return
    arrays = day_arrays(day)
    built = insertion(day, StopAt(iterations=5))
    assert built is not None
    routes = routes_of(day, built.orders)
    orders = [routes.order[e, : routes.length[e]].tolist() for e in range(len(routes.length))]
    executives = list(range(0, len(orders), 2))
    visits = sorted(v for e in executives for v in orders[e])
    part = part_of(arrays, executives, visits)
    for k, e in enumerate(executives):
        if orders[e]:
            inside = [visits.index(v) for v in orders[e]]
            assert order_cost_s(part, k, inside) == order_cost_s(arrays, e, orders[e])
            assert part.may_serve[k, inside].all()


@settings(max_examples=20)
@given(problems(max_visits=6, min_executives=1, max_executives=3))
def test_a_group_planned_anew_never_makes_the_plan_worse(day: Problem) -> None:
    if not all(runnable_prefixes(day).values()):
        return
    arrays = day_arrays(day)
    fleet = fleet_of(arrays)
    prefixes = [[day.visit_row[v] for v in e.fixed_prefix] for e in day.executives]
    incumbent = Incumbent(arrays, fleet, prefixes)
    before = incumbent.level
    better = improve_group(
        arrays, incumbent, Pricer(arrays), Pool().table(), range(len(day.executives)), StopAt(iterations=200)
    )
    assert (incumbent.level < before) == better
    best, _ = best_plan(day)
    assert incumbent.level >= (best.broken_promises, 0)


@settings(max_examples=60)
@given(SMALL)
def test_the_first_level_bound_is_one(day: Problem) -> None:
    if not all(runnable_prefixes(day).values()):
        return
    arrays = day_arrays(day)
    prefixes = [[day.visit_row[v] for v in e.fixed_prefix] for e in day.executives]
    incumbent = Incumbent(arrays, fleet_of(arrays), prefixes)
    best, _ = best_plan(day)
    assert broken_promises_by_routes(arrays, incumbent, StopAt(iterations=200), None) <= best.broken_promises


def test_promises_that_only_travel_breaks_are_proven_broken() -> None:
    """Each slot could be filled, and every two visits of an executive are too far apart: no matching sees that."""
    visits = [appointment(f"A{n}", f"{9 + n:02d}:00", 5_000 * (-1) ** n, service_s=1_800) for n in range(3)]
    day = problem(visits, [executive("E1")], prices=FREE)
    result = columns(day, StopAt(iterations=300))
    assert result is not None
    best, _ = best_plan(day)
    assert best.broken_promises == 1
    assert result.broken_promises_bound == 1
    assert cost(day, timed(day, result.orders)).broken_promises == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_iterations_and_threads_give_the_same_plan_and_bound(threads: int) -> None:
    rng = np.random.default_rng(5)
    places = rng.integers(0, 900, (24, 2))
    visits = [appointment(f"A{n:02d}", f"{8 + n % 8:02d}:00", int(e), int(m)) for n, (e, m) in enumerate(places[:14])]
    more = [delivery(f"D{n:02d}", int(e), int(m)) for n, (e, m) in enumerate(places[14:])]
    day = problem([*visits, *more], [executive(f"E{n}") for n in range(4)])
    first = columns(day, StopAt(iterations=40), seed=3, threads=threads)
    again = columns(day, StopAt(iterations=40), seed=3, threads=threads)
    assert first == again
    assert first is not None
    assert first.lower_bound_s is not None


def test_the_normal_matrix_is_that_of_the_rows_and_counts_a_row_that_stands_twice_as_a_two() -> None:
    at, rows = np.array([0, 3, 5, 9]), np.array([2, 0, 3, 1, 3, 1, 0, 1, 3])
    weight, diagonal = np.array([0.5, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0])
    dense = np.zeros((4, 3))
    for r in range(3):
        for row in rows[at[r] : at[r + 1]]:
            dense[row, r] += 1
    found = _normal_matrix(at, _in_order(at, rows), weight, diagonal)
    assert np.tril(found) == pytest.approx(np.tril(dense @ np.diag(weight) @ dense.T + np.diag(diagonal)))


@settings(max_examples=60)
@given(SMALL, st.integers(0, 2**20))
def test_reduced_costs_of_columns_are_those_of_their_orders(day: Problem, seed: int) -> None:
    if not all(runnable_prefixes(day).values()) or not day.visits:
        return
    arrays = day_arrays(day)
    pricer = Pricer(arrays)
    cuts = some_cuts(pricer, seed)
    duals = duals_of(pricer, seed, cuts)._replace(mu=np.arange(len(pricer.fleet.size), dtype=np.int64) * GRID)
    pool = Pool()
    expected = []
    for kind, e in enumerate(pricer.fleet.who):
        for order in orders_within_slots(arrays, int(e))[:50]:
            own = order_cost_s(arrays, int(e), order)
            assert own is not None
            pool.add(Column(kind, order, own))
            # the price of continuity is part of the column's cost, and of the reduced cost of an order
            expected.append(reduced_cost(arrays, int(e), order, duals, cuts) + kind * GRID)
    if len(pool):
        assert reduced_costs(pool.table(), duals).tolist() == expected


def test_a_repeated_visit_of_a_dive_is_made_once_and_paid_for_once() -> None:
    day = day_arrays(problem([delivery("D1", 100), delivery("D2", 300)], [executive("E1")], prices=FREE))
    pricer = Pricer(day)
    plain = Column(0, (0, 1), 600)
    assert _without_repeats(pricer, plain) is plain
    repaired = _without_repeats(pricer, Column(0, (0, 1, 0), 1_000))
    assert repaired == Column(0, (0, 1), order_cost_s(day, 0, (0, 1)) or 0)


@settings(max_examples=60)
@given(SMALL)
def test_no_plan_costs_more_than_the_dearest(day: Problem) -> None:
    if not all(runnable_prefixes(day).values()):
        return
    arrays = day_arrays(day)
    most_s = dearest_s(arrays)
    started = insertion(day, StopAt(iterations=1))
    assert started is not None
    assert cost(day, timed(day, started.orders)).second_level_s <= most_s
    for e in range(len(arrays.start_place)):  # one executive does everything they can, the others nothing
        for order in orders_within_slots(arrays, e)[-20:]:
            orders = {day.executives[e].executive_id: tuple(day.visits[v].visit_id for v in order)}
            if all(x.executive_id in orders or not x.fixed_prefix for x in day.executives):
                assert cost(day, timed(day, orders)).second_level_s <= most_s


def test_a_bound_with_prices_on_promises_bounds_both_levels() -> None:
    # Price 1,000, no plan costs more than 400. A bound of 2,450: to break 2 is too little (at most 400 + 2,000).
    assert both_levels(2_450, 1_000, 400, 0) == (3, 0)
    # A bound of 2,300 leaves open whether 2 are enough; a plan that breaks 2 costs 300 or more.
    assert both_levels(2_300, 1_000, 400, 0) == (2, 300)
    assert both_levels(2_300, 1_000, 400, 1) == (2, 300)
    assert both_levels(900, 1_000, 2_000, 1) == (1, 0)
    assert both_levels(None, 1_000, 400, 1) == (1, None)


@settings(max_examples=30)
@given(problems(max_visits=6, min_executives=1, deliveries=False))
def test_without_deliveries_a_converged_bound_is_that_of_all_columns(day: Problem) -> None:
    """Adding every order of every executive to the pool changes nothing: no column was missed."""
    if not all(runnable_prefixes(day).values()) or not day.visits:
        return
    arrays = day_arrays(day)
    pricer = Pricer(arrays)
    relaxation = generate(pricer, Relaxation(Pool(), first_caps(pricer, 500.0)), StopAt(iterations=300))
    if not relaxation.converged or relaxation.bound is None:
        return
    whole = Pool()
    for kind, e in enumerate(pricer.fleet.who):
        for order in orders_within_slots(arrays, int(e)):
            own = order_cost_s(arrays, int(e), order)
            assert own is not None
            whole.add(Column(kind, order, own))
    full = generate(pricer, Relaxation(whole, relaxation.cap.copy()), StopAt(iterations=300))
    assert full.bound is not None
    assert abs(full.bound - relaxation.bound) <= 2 * GRID


def test_a_fixed_prefix_has_to_be_paid_for_in_the_bound_even_when_it_is_dear() -> None:
    """The only route of E1 is the prefix: its least reduced cost is positive and counts, unlike that of an idle E2."""
    day = day_arrays(
        problem([appointment("A1", "09:00", 400)], [executive("E1", prefix=["A1"]), executive("E2")], prices=FREE)
    )
    pricer = Pricer(day)
    nothing = duals_of(pricer, 0, [])._replace(pi=np.zeros(1, dtype=np.int64))
    priced = pricer.price(nothing, Level.EXACT)
    assert sorted(answer.least or 0 for answer in priced) == [0, 800 * GRID]
    assert pricer.bound(nothing, priced) == 800 * GRID


def test_far_below_the_best_plan_generation_ends_sooner_with_a_bound_that_is_one() -> None:
    catalogue = load_catalogue()
    arrays = day_arrays(bench_day(catalogue, catalogue.city("korba"), DATE, 30, 16, 6).day.problem)
    pricer = Pricer(arrays)

    def ended(upper_s: int | None) -> Relaxation:
        return generate(pricer, Relaxation(Pool(), first_caps(pricer, 500.0)), StopAt(iterations=400), upper_s=upper_s)

    whole = ended(None)
    assert whole.bound_s is not None
    assert whole.converged
    assert whole.gap <= 1e-6
    upper_s = 2 * whole.bound_s
    soon = ended(upper_s)
    assert soon.bound_s is not None
    assert soon.converged
    assert soon.rounds < whole.rounds
    assert soon.bound_s <= whole.bound_s
    assert soon.gap <= FAR_SHARE * (1 - soon.bound_s / upper_s)


def test_cuts_and_the_last_master_solution_belong_together() -> None:
    day = problem([appointment(f"A{n}", f"{9 + n:02d}:00") for n in range(3)], [executive("E1"), executive("E2")])
    pricer = Pricer(day_arrays(day))
    pool = Pool([Column(0, pair, 1) for pair in ((0, 1), (1, 2), (0, 2))])

    def solved(x: float, mu: list[float]) -> MasterSolution:
        return MasterSolution(1.5, 1.5, np.zeros(3), np.array(mu), np.full(3, x), np.zeros(3), 1)

    relaxation = Relaxation(pool, first_caps(pricer, 500.0), solution=solved(0.5, [0.0]))
    assert add_cuts(pricer, relaxation, 5) == 1
    (cut,) = relaxation.cuts
    assert add_cuts(pricer, relaxation, 5) == 0  # stopped before the master saw the cut
    assert relaxation.cuts == [cut]
    relaxation.solution = solved(1 / 3, [0.0, 0.0])  # the cut binds no more, and no other is violated
    for _ in range(2):
        assert add_cuts(pricer, relaxation, 5) == 0
        assert relaxation.cuts == [cut]
