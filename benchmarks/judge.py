"""Plans of peers in the common form: orders of visits, timed by the optimizer, costed by its objective, then checked.

Nothing a peer says of times or costs is read. Orders that cannot be run are timed as if windows and shift ends did
not stop them, so that the checker can name the rules they break.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from optimizer.check import ViolationCode, violations
from optimizer.domain import DayPlan, Executive, Limits, PlannedBreak, Problem, Result, Route, Status, Stop
from optimizer.engines import Orders
from optimizer.objective import broken_promises, cost
from optimizer.timing import timed_route


class BrokenPlan(Exception):  # noqa: N818  (what it is)
    """A plan breaks a rule other than a promise. `found` counts its violations by code."""

    def __init__(self, words: str, found: dict[str, int]) -> None:
        super().__init__(words)
        self.found = found


def verdict(problem: Problem, result: Result) -> dict[str, int]:
    """Violations the checker finds in a plan and its claimed cost, counted by code."""
    return _counted(violation.code for violation in violations(problem, result.plan, result.cost))


def plan_of(problem: Problem, orders: Orders) -> DayPlan:
    """The timed plan of a peer's orders. Raises BrokenPlan where it breaks a rule other than a promise."""
    routes = []
    stuck = 0
    for executive_id in sorted(orders):
        if not orders[executive_id]:
            continue
        route = timed_route(problem, executive_id, orders[executive_id])
        if route is None:
            stuck += 1
            route = run_late(problem, problem.executive_by_id[executive_id], orders[executive_id])
        routes.append(route)
    served = {visit_id for route in routes for visit_id in route.visit_ids}
    plan = DayPlan(tuple(routes), tuple(v.visit_id for v in problem.visits if v.visit_id not in served))
    found = _counted(violation.code for violation in violations(problem, plan))
    wrong = [f"{count} x {code}" for code, count in found.items() if code != ViolationCode.PROMISE_BROKEN]
    if stuck:
        wrong.insert(0, f"{stuck} of {len(routes)} routes cannot be run in their order")
    if wrong:
        raise BrokenPlan("; ".join(wrong), found)
    return plan


def judged(problem: Problem, orders: Orders, engine: str, limits: Limits, runtime_s: float) -> Result:
    """The result of a peer's orders. Nothing is proven by them. Raises BrokenPlan."""
    plan = plan_of(problem, orders)
    total = cost(problem, plan)
    return Result(
        status=Status.UNKNOWN if total.broken_promises else Status.FEASIBLE,
        plan=plan,
        cost=total,
        lower_bound_s=None,
        broken_promises_bound=0,
        gap=None,
        broken_promises=broken_promises(problem, plan),
        engine=engine,
        seed=limits.seed,
        threads=limits.threads,
        runtime_s=runtime_s,
        travel_origin=problem.travel.origin,
        input_sha256=problem.input_sha256,
    )


def run_late(problem: Problem, executive: Executive, visit_ids: Sequence[str]) -> Route:
    """A route as early as it can be run, windows that have closed and the end of the shift left out of account.

    The break is taken at the first place that is left after its window has opened, else after the return.
    """
    travel, now, place = problem.travel, executive.shift.open_s, executive.start.place_id
    rest, pause = executive.pause, None
    stops: list[Stop] = []
    for visit_id in visit_ids:
        visit = problem.visit_by_id[visit_id]
        arrival = travel.arrival_s(place, visit.place.place_id, now)
        later = [window.open_s for window in visit.windows if arrival <= window.close_s]
        start = max(arrival, later[0]) if later else arrival
        end = now = start + visit.service_s
        place = visit.place.place_id
        if rest is not None and pause is None and now >= rest.window.open_s:
            pause = PlannedBreak(now, now + rest.duration_s, len(stops) + 1, place)
            now = pause.end_s
        stops.append(Stop(visit_id, arrival, start, end, now))
    home = travel.arrival_s(place, executive.end.place_id, now)
    if rest is not None and pause is None:
        begin = max(home, rest.window.open_s)
        pause = PlannedBreak(begin, begin + rest.duration_s, len(stops), executive.end.place_id)
    return Route(executive.executive_id, executive.shift.open_s, tuple(stops), home, pause)


def _counted(codes: Iterable[ViolationCode]) -> dict[str, int]:
    return dict(sorted(Counter(code.value for code in codes).items()))
