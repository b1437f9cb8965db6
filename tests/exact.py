"""The best plan of a tiny day by dynamic programming over sets of visits: slow, plain, and sure.

For every executive and every set of visits the cheapest order is found by trying all of them; sets are then
dealt out to executives. Used to judge engines and bounds, so nothing here is shared with them but the
published times and costs (`timing.timed_route`, `objective`), which have tests of their own.
"""

from __future__ import annotations

from itertools import combinations, permutations

from optimizer.domain import Appointment, Cost, DayPlan, Executive, Problem
from optimizer.objective import cost
from optimizer.timing import timed, timed_route

Level = tuple[int, int]
FAR = (1 << 60, 1 << 60)


def _lawful(problem: Problem, executive: Executive, order: tuple[str, ...]) -> bool:
    visits = [problem.visit_by_id[v] for v in order]
    slots = [v.slot for v in visits if isinstance(v, Appointment)]
    return (
        len(set(slots)) == len(slots)
        and all(problem.obstacle(executive, v) is None for v in visits)
        and order[: len(executive.fixed_prefix)] == executive.fixed_prefix
    )


def _cheapest_orders(problem: Problem, executive: Executive) -> dict[frozenset[str], tuple[int, tuple[str, ...]]]:
    """By set of visits: cost seconds of the cheapest order this executive can run, and the order."""
    ids = [v.visit_id for v in problem.visits]
    best: dict[frozenset[str], tuple[int, tuple[str, ...]]] = {}
    for size in range(len(ids) + 1):
        for chosen in combinations(ids, size):
            for order in permutations(chosen):
                if not _lawful(problem, executive, order):
                    continue
                if order and timed_route(problem, executive.executive_id, order) is None:
                    continue
                spent = cost(problem, timed(problem, {executive.executive_id: order}))
                own = spent.second_level_s - spent.waiting_deliveries_s
                key = frozenset(chosen)
                best[key] = min(best.get(key, (FAR[0], order)), (own, order))
    return best


def best_plan(problem: Problem) -> tuple[Cost, DayPlan]:
    """The least cost of both levels, and a plan that has it."""
    dealt: dict[frozenset[str], tuple[int, dict[str, tuple[str, ...]]]] = {frozenset(): (0, {})}
    for executive in problem.executives:
        options = _cheapest_orders(problem, executive)
        grown: dict[frozenset[str], tuple[int, dict[str, tuple[str, ...]]]] = {}
        for served, (spent, orders) in dealt.items():
            for more, (extra, order) in options.items():
                if served & more:
                    continue
                key = served | more
                if key not in grown or spent + extra < grown[key][0]:
                    grown[key] = (spent + extra, {**orders, executive.executive_id: order})
        dealt = grown
    plans = [timed(problem, orders) for _, orders in dealt.values()]
    return min(((cost(problem, plan), plan) for plan in plans), key=lambda pair: pair[0])
