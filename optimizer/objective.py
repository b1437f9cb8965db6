"""What a plan costs: two levels and named terms, each a function with its unit, all exact whole numbers.

Level 1, never traded for anything: promised appointments not served, by weight. Level 2, one number in
cost seconds: reference travel + overtime x price + waiting price of deliveries left for later + fairness
+ continuity. Waiting and service time cost nothing. Prices are given per 1,000 seconds; the one rounding,
up to a whole cost second, is made once per route and term, so costs of routes add up exactly.
"""

from __future__ import annotations

from itertools import pairwise

from optimizer.arrays import Int64Array, day_arrays, inner_kernel
from optimizer.domain import Appointment, Cost, DayPlan, Delivery, Problem, Route

# ------------------------------------------------------------------------------- the prices


@inner_kernel
def overtime_price_s(over_s: int, permille: int) -> int:
    """Cost seconds of `over_s` seconds after the end of the shift; nothing up to the end."""
    if over_s <= 0:
        return 0
    return -(-over_s * permille // 1_000)


@inner_kernel
def fairness_price_s(busy_s: int, above_s: Int64Array, permille: Int64Array) -> int:
    """Cost seconds of one executive's busy time: zero to the target, then convex and never falling."""
    milli = 0
    for piece in range(len(above_s)):
        if busy_s > above_s[piece]:
            milli += (busy_s - above_s[piece]) * permille[piece]
    return -(-milli // 1_000)


# ---------------------------------------------------------------------------- terms of a plan


def broken_promises(problem: Problem, plan: DayPlan) -> tuple[str, ...]:
    """Appointments on no route, by id."""
    return tuple(v for v in plan.unassigned if isinstance(problem.visit_by_id[v], Appointment))


def broken_weight(problem: Problem, plan: DayPlan) -> int:
    """The first level: broken promises counted by weight."""
    return sum(v.weight for v in problem.appointments if v.visit_id in set(plan.unassigned))


def route_travel_s(problem: Problem, route: Route) -> int:
    """Reference seconds from the start place over all stops to the end place."""
    executive = problem.executive_by_id[route.executive_id]
    places = [executive.start, *(problem.visit_by_id[v].place for v in route.visit_ids), executive.end]
    return sum(problem.travel.cost_s(a.place_id, b.place_id) for a, b in pairwise(places))


def route_busy_s(problem: Problem, route: Route) -> int:
    """Busy time of a route: service and reference travel, in seconds."""
    service = sum(problem.visit_by_id[v].service_s for v in route.visit_ids)
    return service + route_travel_s(problem, route)


def route_overtime_s(problem: Problem, route: Route) -> int:
    """Seconds of the route after the end of the shift."""
    return max(0, route.end_s - problem.executive_by_id[route.executive_id].shift.close_s)


def travel_cost_s(problem: Problem, plan: DayPlan) -> int:
    """Reference seconds travelled on all routes: the price of a travelled second is one."""
    return sum(route_travel_s(problem, route) for route in plan.routes)


def overtime_cost_s(problem: Problem, plan: DayPlan) -> int:
    """Overtime of all routes at the overtime price."""
    permille = problem.prices.overtime_permille
    return sum(overtime_price_s(route_overtime_s(problem, route), permille) for route in plan.routes)


def waiting_deliveries_cost_s(problem: Problem, plan: DayPlan) -> int:
    """Waiting prices of the deliveries left for another day."""
    visits = (problem.visit_by_id[visit_id] for visit_id in plan.unassigned)
    return sum(problem.waiting_price_s(v) for v in visits if isinstance(v, Delivery))


def fairness_cost_s(problem: Problem, plan: DayPlan) -> int:
    """Price of busy time above the target, executive by executive; who has no route is not busy."""
    day = day_arrays(problem)
    return sum(
        fairness_price_s(route_busy_s(problem, route), day.fairness_above_s, day.fairness_permille)
        for route in plan.routes
    )


def continuity_cost_s(problem: Problem, plan: DayPlan) -> int:
    """Price for each served visit that some executive prefers, served by one who does not."""
    return sum(
        problem.prices.continuity_s
        for route in plan.routes
        for visit_id in route.visit_ids
        if visit_id in problem.preferred
        and visit_id not in problem.executive_by_id[route.executive_id].preferred_visits
    )


def cost(problem: Problem, plan: DayPlan) -> Cost:
    """Both levels of a plan, term by term."""
    return Cost(
        broken_promises=broken_weight(problem, plan),
        travel_s=travel_cost_s(problem, plan),
        overtime_s=overtime_cost_s(problem, plan),
        waiting_deliveries_s=waiting_deliveries_cost_s(problem, plan),
        fairness_s=fairness_cost_s(problem, plan),
        continuity_s=continuity_cost_s(problem, plan),
    )
