"""What else could be done with a visit that is on a route: what it adds there, and what it would add elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.domain import Appointment, DayPlan, Executive, Problem, Proof, Route, Visit
from optimizer.engines.insertion import insertion_cost
from optimizer.engines.routes import routes_of
from optimizer.objective import cost
from optimizer.report.alone import Alone
from optimizer.report.nouns import ReasonCode, counted, lasting, listed
from optimizer.timing import timed_route


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another executive for a visit: what it would add to their route as it is, in cost seconds, or why it cannot.

    Either `extra_s` is a number, or `code` and `proof` say what is in the way: proved for every plan of
    the day, or heuristic, true of this plan. `about` names the appointment they have in the slot instead.
    """

    executive_id: str
    extra_s: int | None
    code: ReasonCode | None = None
    proof: Proof | None = None
    short_s: int = 0
    about: str = ""

    @property
    def text(self) -> str:
        """The alternative in one plain English sentence, without a full stop."""
        if self.code is None:
            return f"{self.executive_id} could take it for {self.extra_s} cost seconds"
        time = f" ({lasting(self.short_s)} short)" if self.short_s else ""
        return f"{self.executive_id}: {_WORDS[self.code].format(about=self.about)}{time}"


_WORDS = {
    ReasonCode.SKILL_MISSING: "lacks {about}",
    ReasonCode.PINNED_ELSEWHERE: "the visit is pinned to {about}",
    ReasonCode.ENVELOPE_ELSEWHERE: "the envelope {about}",
    ReasonCode.FIXED_ELSEWHERE: "the visit is fixed on the route of {about}",
    ReasonCode.OUTSIDE_SHIFT: "not on shift then",
    ReasonCode.UNREACHABLE_IN_TIME: "cannot get there and back in time, even with nothing else to do",
    ReasonCode.BREAK_IN_THE_WAY: "the break that is due leaves no time for it",
    ReasonCode.SLOT_FULL: "has {about} in this slot",
    ReasonCode.NO_ROOM_IN_PLAN: "the route leaves no time for it",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A visit on a route: whose, which stop of how many (from 1), and what there is besides.

    `adds_s` is what the route costs less what it would cost without the visit, in cost seconds, or None
    where the rest could not be run without it (travel may be quicker over it than past it). `fixed`:
    the stop belongs to a fixed prefix. `others` are all other executives: those who could take it, the
    least extra cost first, then those who cannot, by id.
    """

    visit_id: str
    executive_id: str
    sequence: int
    stops: int
    adds_s: int | None
    fixed: bool
    others: tuple[Alternative, ...]

    @property
    def text(self) -> str:
        """The explanation in plain English, without the alternatives and without a full stop."""
        adds = "the route could not be run without it" if self.adds_s is None else f"it adds {self.adds_s} cost seconds"
        fixed = ", fixed there" if self.fixed else ""
        could = [other.executive_id for other in self.others if other.extra_s is not None]
        else_ = (
            f"{counted(len(could), 'other')} could take it: {listed(could)}" if could else "nobody else could take it"
        )
        return (
            f"{self.visit_id} is stop {self.sequence} of {self.stops} of {self.executive_id}{fixed}; {adds}; "
            f"as this plan is, {else_}"
        )


def explain_visit(problem: Problem, plan: DayPlan, visit_id: str) -> Explanation | None:
    """Why a visit is where it is in a plan without violations (but broken promises); None when it is on no route.

    Raises KeyError for a visit that is not of this day.
    """
    visit = problem.visit_by_id[visit_id]
    for route in plan.routes:
        if visit_id in route.visit_ids:
            return _explained(problem, plan, route, visit)
    return None


def _explained(problem: Problem, plan: DayPlan, route: Route, visit: Visit) -> Explanation:
    without = tuple(other for other in route.visit_ids if other != visit.visit_id)
    orders = {each.executive_id: each.visit_ids for each in plan.routes} | {route.executive_id: without}
    costs = insertion_cost(problem, routes_of(problem, orders), visit)
    fixed = visit.visit_id in problem.executive_by_id[route.executive_id].fixed_prefix
    alone = Alone(problem)
    others = [
        _alternative(problem, plan, alone, executive, visit, costs.get(executive.executive_id))
        for executive in problem.executives
        if executive.executive_id != route.executive_id
    ]
    others.sort(key=lambda other: (other.extra_s is None, other.extra_s or 0, other.executive_id))
    return Explanation(
        visit.visit_id,
        route.executive_id,
        route.visit_ids.index(visit.visit_id) + 1,
        len(route.stops),
        _adds_s(problem, route, without),
        fixed,
        tuple(others),
    )


def _adds_s(problem: Problem, route: Route, without: tuple[str, ...]) -> int | None:
    """Cost seconds of a route less those of the same without one visit; None when that cannot be run."""

    def cost_s(of: Route) -> int:
        return cost(problem, DayPlan((of,), ())).second_level_s

    if not without:
        return cost_s(route)
    rest = timed_route(problem, route.executive_id, without)
    return None if rest is None else cost_s(route) - cost_s(rest)


def _alternative(
    problem: Problem, plan: DayPlan, alone: Alone, executive: Executive, visit: Visit, extra_s: int | None
) -> Alternative:
    who = executive.executive_id
    barrier = alone.barrier(executive, visit)
    if barrier is not None:
        about = _about(problem, executive, visit, barrier.code)
        return Alternative(who, None, barrier.code, Proof.PROVED, barrier.short_s, about)
    if extra_s is not None:
        return Alternative(who, extra_s)
    if isinstance(visit, Appointment):
        for stop_visit in _visits_of(problem, plan, who):
            if isinstance(stop_visit, Appointment) and stop_visit.slot == visit.slot:
                return Alternative(who, None, ReasonCode.SLOT_FULL, Proof.HEURISTIC, about=stop_visit.visit_id)
    return Alternative(who, None, ReasonCode.NO_ROOM_IN_PLAN, Proof.HEURISTIC)


def _about(problem: Problem, executive: Executive, visit: Visit, code: ReasonCode) -> str:
    if code is ReasonCode.SKILL_MISSING:
        return listed(sorted(visit.skills - executive.skills))
    if code is ReasonCode.PINNED_ELSEWHERE:
        return str(visit.pinned_to)
    if code is ReasonCode.ENVELOPE_ELSEWHERE:
        holder = None if isinstance(visit, Appointment) else visit.held_by
        return "lies at the office" if holder is None else f"is with {holder}"
    if code is ReasonCode.FIXED_ELSEWHERE:
        return next(e.executive_id for e in problem.executives if visit.visit_id in e.fixed_prefix)
    return ""


def _visits_of(problem: Problem, plan: DayPlan, executive_id: str) -> list[Visit]:
    return [
        problem.visit_by_id[visit_id]
        for route in plan.routes
        if route.executive_id == executive_id
        for visit_id in route.visit_ids
    ]
