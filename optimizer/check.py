"""The second opinion: finds every broken rule of a plan, from the raw nouns and with arithmetic of its own.

Shares no code with the modules it judges (timing, objective, arrays, engines): travel times are integrated
hour by hour from the travel table's arrays, costs are summed anew. One function per rule; each finds, names
and goes on, so a plan with many faults shows them all. Any plan can be judged, however malformed: stops of
unknown visits and routes of unknown executives are named, and left out of the rules that cannot be asked of them.

What is not a violation: to arrive later than travel needs, to leave later than service ends, a break longer
than due. An executive may be slow; the checker asks only whether the plan can be carried out as it says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from optimizer.domain import (
    Appointment,
    Cost,
    DayPlan,
    Delivery,
    Executive,
    PlannedBreak,
    Problem,
    Route,
    Slot,
    Stop,
    Visit,
)
from optimizer.travel import TravelTable
from optimizer.units import HOUR_S


class ViolationCode(StrEnum):
    """Every rule a plan can break: a closed list. The comment says what the amount of the violation counts."""

    TIME_WINDOW = "time_window"  # delivery: seconds from its begin to the nearest window
    OUTSIDE_SLOT = "outside_slot"  # appointment: seconds of service outside its slot
    DOUBLE_SLOT = "double_slot"  # appointments the executive has in this slot
    SKILL_MISSING = "skill_missing"  # skills the executive lacks
    PIN_BROKEN = "pin_broken"  # 1 visit
    ENVELOPE_NOT_HELD = "envelope_not_held"  # 1 visit
    OUTSIDE_SHIFT = "outside_shift"  # seconds by which departure (or a break before it) precedes the shift
    OVERTIME_EXCEEDED = "overtime_exceeded"  # seconds of the route after the shift and its whole overtime allowance
    BREAK_MISSING = "break_missing"  # seconds of the break that is due
    BREAK_NOT_DUE = "break_not_due"  # seconds of a break nobody asked for
    BREAK_TOO_SHORT = "break_too_short"  # seconds missing
    BREAK_OUTSIDE_WINDOW = "break_outside_window"  # seconds from its begin to the window
    BREAK_MISPLACED = "break_misplaced"  # seconds inside travel or service; 0 when only its place is named wrongly
    TRAVEL_TOO_SHORT = "travel_too_short"  # seconds missing on the way to the visit (no visit: on the way home)
    TIMES_INCONSISTENT = "times_inconsistent"  # seconds by which arrival, start, end, leave contradict each other
    EMPTY_ROUTE = "empty_route"  # 0 stops
    UNKNOWN_VISIT = "unknown_visit"  # mentions
    UNKNOWN_EXECUTIVE = "unknown_executive"  # routes
    REPEATED_VISIT = "repeated_visit"  # mentions, on routes and among the unassigned
    REPEATED_EXECUTIVE = "repeated_executive"  # routes
    MISSING_VISIT = "missing_visit"  # 0 mentions, neither on a route nor among the unassigned
    PROMISE_BROKEN = "promise_broken"  # weight of an appointment on no route
    PREFIX_CHANGED = "prefix_changed"  # position, from 0, at which the route leaves its fixed prefix
    COST_MISREPORTED = "cost_misreported"  # claimed less recomputed


_WORDS: dict[ViolationCode, str] = {
    ViolationCode.TIME_WINDOW: "{visit} begins {amount} s outside its time windows, on the route of {executive}",
    ViolationCode.OUTSIDE_SLOT: "{visit} is served {amount} s outside its slot {about}, by {executive}",
    ViolationCode.DOUBLE_SLOT: "{executive} has {amount} appointments in the slot {about}, {visit} among them",
    ViolationCode.SKILL_MISSING: "{executive} lacks {amount} skills for {visit}: {about}",
    ViolationCode.PIN_BROKEN: "{visit} is pinned to {about}, but {executive} has it",
    ViolationCode.ENVELOPE_NOT_HELD: "{executive} has {visit}, but its envelope {about}",
    ViolationCode.OUTSIDE_SHIFT: "{executive} begins {amount} s before the shift",
    ViolationCode.OVERTIME_EXCEEDED: "{executive} ends {amount} s after the shift and all its overtime",
    ViolationCode.BREAK_MISSING: "{executive} has no break; one of {amount} s is due",
    ViolationCode.BREAK_NOT_DUE: "{executive} has a break of {amount} s; none is due",
    ViolationCode.BREAK_TOO_SHORT: "the break of {executive} is {amount} s too short",
    ViolationCode.BREAK_OUTSIDE_WINDOW: "the break of {executive} begins {amount} s outside its window",
    ViolationCode.BREAK_MISPLACED: "the break of {executive} cannot be taken as planned, {amount} s of it: {about}",
    ViolationCode.TRAVEL_TOO_SHORT: "{executive} has {amount} s too few to travel from {about}",
    ViolationCode.TIMES_INCONSISTENT: "{visit} on the route of {executive} is {amount} s off: {about}",
    ViolationCode.EMPTY_ROUTE: "the route of {executive} has no stop",
    ViolationCode.UNKNOWN_VISIT: "{visit} is no visit of this day, but occurs {amount} times",
    ViolationCode.UNKNOWN_EXECUTIVE: "{executive} is no executive of this day, but has {amount} routes",
    ViolationCode.REPEATED_VISIT: "{visit} occurs {amount} times in the plan",
    ViolationCode.REPEATED_EXECUTIVE: "{executive} has {amount} routes",
    ViolationCode.MISSING_VISIT: "{visit} is neither on a route nor among the unassigned visits",
    ViolationCode.PROMISE_BROKEN: "{visit} is promised and on no route; the promise weighs {amount}",
    ViolationCode.PREFIX_CHANGED: "stop {amount} (from 0) of {executive} is fixed as {visit}, but is not it",
    ViolationCode.COST_MISREPORTED: "the cost term {about} is {amount} {unit} higher than recomputed (negative: lower)",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: which, of what visit and executive (None where it has none), by how much, in which unit.

    `about` names what the ids do not: the missing skills, the slot, the cost term, both ends of a trip.
    """

    code: ViolationCode
    visit_id: str | None
    executive_id: str | None
    amount: int
    unit: str
    about: str = ""

    @property
    def text(self) -> str:
        """The violation in one plain English sentence, without a full stop."""
        return _WORDS[self.code].format(
            visit=self.visit_id, executive=self.executive_id, amount=self.amount, unit=self.unit, about=self.about
        )


def violations(problem: Problem, plan: DayPlan, claimed: Cost | None = None) -> tuple[Violation, ...]:
    """Every broken rule of a plan, rule by rule; empty when it can be carried out as it says and keeps all promises.

    `claimed`, where given, is compared term by term with the recomputed cost.
    """
    found = [violation for rule in RULES for violation in rule(problem, plan)]
    if claimed is not None:
        found.extend(cost_misreported(problem, plan, claimed))
    return tuple(found)


# ----------------------------------------------------------------------------- walking through a plan


def _known_stops(problem: Problem, plan: DayPlan) -> Iterator[tuple[Route, Stop, Visit]]:
    """Stops of visits of this day, with them; also on routes of unknown executives."""
    for route in plan.routes:
        for stop in route.stops:
            visit = problem.visit_by_id.get(stop.visit_id)
            if visit is not None:
                yield route, stop, visit


def _known_routes(problem: Problem, plan: DayPlan) -> Iterator[tuple[Route, Executive]]:
    """Routes with stops of executives of this day, with them."""
    for route in plan.routes:
        executive = problem.executive_by_id.get(route.executive_id)
        if executive is not None and route.stops:
            yield route, executive


def _assigned(problem: Problem, plan: DayPlan) -> Iterator[tuple[Executive, Visit]]:
    """Who serves what, once a stop."""
    for route, _, visit in _known_stops(problem, plan):
        executive = problem.executive_by_id.get(route.executive_id)
        if executive is not None:
            yield executive, visit


def _mentions(plan: DayPlan) -> Counter[str]:
    """How often each visit id occurs, on routes and among the unassigned."""
    return Counter([*(stop.visit_id for route in plan.routes for stop in route.stops), *plan.unassigned])


def _served(plan: DayPlan) -> set[str]:
    return {stop.visit_id for route in plan.routes for stop in route.stops}


def _spelled(slot: Slot) -> str:
    return "-".join(f"{second // HOUR_S:02d}:{second % HOUR_S // 60:02d}" for second in (slot.open_s, slot.close_s))


def _arrival_s(travel: TravelTable, origin: str, destination: str, depart_s: int) -> int:
    """First whole second at which a trip can be over: what is left of it shrinks hour by hour at each hour's pace.

    Before the first and after the last hour of the day their pace goes on.
    """
    seconds = int(travel.reference_s[travel.index[origin], travel.index[destination]])
    left = seconds * 10 * (100 + travel.margin_pct)  # reference milliseconds
    now = depart_s
    while left > 0:
        hour = min(max(now // HOUR_S, 0), len(travel.pace) - 1)
        pace = travel.pace[hour]
        enough_s = (left + pace - 1) // pace
        hour_left_s = (hour + 1) * HOUR_S - now
        if enough_s <= hour_left_s or hour == len(travel.pace) - 1:
            return now + enough_s
        left -= hour_left_s * pace
        now += hour_left_s
    return now


def _outside(second: int, open_s: int, close_s: int) -> int:
    """Seconds from a moment to the nearest end of a stretch; 0 inside, ends included."""
    return max(open_s - second, second - close_s, 0)


# -------------------------------------------------------------------------------- rules about visits


def time_window(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A delivery begins inside one of its windows, both ends included."""
    for route, stop, visit in _known_stops(problem, plan):
        if isinstance(visit, Delivery):
            off_s = min(_outside(stop.start_s, window.open_s, window.close_s) for window in visit.windows)
            if off_s:
                yield Violation(ViolationCode.TIME_WINDOW, visit.visit_id, route.executive_id, off_s, "s")


def outside_slot(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """An appointment begins no earlier than its slot opens and ends no later than it closes."""
    for route, stop, visit in _known_stops(problem, plan):
        if isinstance(visit, Appointment):
            slot = visit.slot
            off_s = max(0, slot.open_s - stop.start_s) + max(0, stop.end_s - slot.close_s)
            if off_s:
                yield Violation(
                    ViolationCode.OUTSIDE_SLOT, visit.visit_id, route.executive_id, off_s, "s", _spelled(slot)
                )


def double_slot(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """One service per slot: an executive has at most one appointment in any slot, however short they are."""
    slots: dict[tuple[str, Slot], list[str]] = defaultdict(list)
    for route, _, visit in _known_stops(problem, plan):
        if isinstance(visit, Appointment) and visit.visit_id not in slots[route.executive_id, visit.slot]:
            slots[route.executive_id, visit.slot].append(visit.visit_id)
    for (executive_id, slot), visit_ids in slots.items():
        for visit_id in visit_ids[1:]:
            yield Violation(
                ViolationCode.DOUBLE_SLOT, visit_id, executive_id, len(visit_ids), "appointments", _spelled(slot)
            )


def skill_missing(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """An executive has every skill their visits need."""
    for executive, visit in _assigned(problem, plan):
        lacking = sorted(visit.skills - executive.skills)
        if lacking:
            yield Violation(
                ViolationCode.SKILL_MISSING,
                visit.visit_id,
                executive.executive_id,
                len(lacking),
                "skills",
                ", ".join(lacking),
            )


def pin_broken(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A pinned visit is served by the executive it is pinned to, or by nobody."""
    for route, _, visit in _known_stops(problem, plan):
        if visit.pinned_to not in (None, route.executive_id):
            yield Violation(
                ViolationCode.PIN_BROKEN, visit.visit_id, route.executive_id, 1, "visits", str(visit.pinned_to)
            )


def envelope_not_held(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A delivery is made by who holds its envelope; if it lies at the office, by one who starts there."""
    for executive, visit in _assigned(problem, plan):
        if not isinstance(visit, Delivery):
            continue
        if visit.held_by is None:
            can_have_it, where = executive.start.place_id == problem.office.place_id, "lies at the office"
        else:
            can_have_it, where = visit.held_by == executive.executive_id, f"is with {visit.held_by}"
        if not can_have_it:
            yield Violation(ViolationCode.ENVELOPE_NOT_HELD, visit.visit_id, executive.executive_id, 1, "visits", where)


def times_inconsistent(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """At each stop arrival <= start, start + service = end, end <= leave."""
    for route, stop, visit in _known_stops(problem, plan):
        for off_s, what in (
            (max(0, stop.arrival_s - stop.start_s), "service begins before arrival"),
            (abs(stop.end_s - stop.start_s - visit.service_s), f"service takes {visit.service_s} s"),
            (max(0, stop.end_s - stop.leave_s), "leaving before the end of service"),
        ):
            if off_s:
                yield Violation(ViolationCode.TIMES_INCONSISTENT, visit.visit_id, route.executive_id, off_s, "s", what)


# -------------------------------------------------------------------------------- rules about routes


def travel_too_short(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """Between leaving one place and arriving at the next there is at least the travel time at that hour."""
    for route in plan.routes:
        executive = problem.executive_by_id.get(route.executive_id)
        if not route.stops:
            continue
        # (visit, place or None where unknown, arrival, leave), from the start place to the end place
        calls: list[tuple[str | None, str | None, int, int]] = [
            (None, executive.start.place_id if executive else None, route.depart_s, route.depart_s)
        ]
        for stop in route.stops:
            visit = problem.visit_by_id.get(stop.visit_id)
            calls.append((stop.visit_id, visit.place.place_id if visit else None, stop.arrival_s, stop.leave_s))
        calls.append((None, executive.end.place_id if executive else None, route.return_s, route.return_s))
        for (_, origin, _, leave_s), (visit_id, destination, arrival_s, _) in pairwise(calls):
            if origin is None or destination is None:
                short_s = leave_s - arrival_s
            else:
                short_s = _arrival_s(problem.travel, origin, destination, leave_s) - arrival_s
            if short_s > 0:
                yield Violation(
                    ViolationCode.TRAVEL_TOO_SHORT,
                    visit_id,
                    route.executive_id,
                    short_s,
                    "s",
                    f"{origin or 'an unknown place'} to {destination or 'an unknown place'}",
                )


def outside_shift(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A route begins within the shift: neither departure nor a break precedes its opening."""
    for route, executive in _known_routes(problem, plan):
        begin_s = route.depart_s if route.pause is None else min(route.depart_s, route.pause.start_s)
        early_s = executive.shift.open_s - begin_s
        if early_s > 0:
            yield Violation(ViolationCode.OUTSIDE_SHIFT, None, route.executive_id, early_s, "s")


def overtime_exceeded(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A route, a break after the return included, ends within the shift and its overtime allowance."""
    for route, executive in _known_routes(problem, plan):
        late_s = _end_s(route) - (executive.shift.close_s + executive.shift.overtime_s)
        if late_s > 0:
            yield Violation(ViolationCode.OVERTIME_EXCEEDED, None, route.executive_id, late_s, "s")


def _end_s(route: Route) -> int:
    """When the working day ends by the plan: return, or the end of a break after it."""
    return route.return_s if route.pause is None else max(route.return_s, route.pause.end_s)


def break_missing(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """Who is due a break has one on a route with stops."""
    for route, executive in _known_routes(problem, plan):
        if executive.pause is not None and route.pause is None:
            yield Violation(ViolationCode.BREAK_MISSING, None, route.executive_id, executive.pause.duration_s, "s")


def break_not_due(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """Who is due no break has none in the plan."""
    for route, executive in _known_routes(problem, plan):
        if executive.pause is None and route.pause is not None:
            length_s = route.pause.end_s - route.pause.start_s
            yield Violation(ViolationCode.BREAK_NOT_DUE, None, route.executive_id, length_s, "s")


def break_too_short(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A break lasts at least as long as it is due."""
    for route, executive in _known_routes(problem, plan):
        if executive.pause is not None and route.pause is not None:
            short_s = executive.pause.duration_s - (route.pause.end_s - route.pause.start_s)
            if short_s > 0:
                yield Violation(ViolationCode.BREAK_TOO_SHORT, None, route.executive_id, short_s, "s")


def break_outside_window(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A break begins inside its window, both ends included."""
    for route, executive in _known_routes(problem, plan):
        if executive.pause is not None and route.pause is not None:
            window = executive.pause.window
            off_s = _outside(route.pause.start_s, window.open_s, window.close_s)
            if off_s:
                yield Violation(ViolationCode.BREAK_OUTSIDE_WINDOW, None, route.executive_id, off_s, "s")


def break_misplaced(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A break lies between two services, before or after the travel between them, at the place it names."""
    for route, executive in _known_routes(problem, plan):
        pause = route.pause
        if executive.pause is None or pause is None:
            continue
        if not 0 <= pause.after_stops <= len(route.stops):
            about = f"after {pause.after_stops} of {len(route.stops)} stops"
            yield Violation(ViolationCode.BREAK_MISPLACED, None, route.executive_id, 0, "s", about)
            continue
        off_s = min(
            (
                max(0, free_from_s - pause.start_s) + max(0, pause.end_s - free_to_s)
                for place_id, free_from_s, free_to_s in _free_stretches(problem, route, executive, pause)
                if place_id in (None, pause.place_id)
            ),
            default=None,
        )
        if off_s is None:
            about = f"nobody is at {pause.place_id} then"
            yield Violation(ViolationCode.BREAK_MISPLACED, None, route.executive_id, 0, "s", about)
        elif off_s > 0:
            about = "it runs into travel or service"
            yield Violation(ViolationCode.BREAK_MISPLACED, None, route.executive_id, off_s, "s", about)


def _free_stretches(
    problem: Problem, route: Route, executive: Executive, pause: PlannedBreak
) -> Iterator[tuple[str | None, int, int]]:
    """Place (None if unknown), begin and end of the two free stretches round the trip after `pause.after_stops` stops.

    Before the departure and after the return nothing but the shift bounds them, which other rules watch.
    """
    before = route.stops[pause.after_stops - 1] if pause.after_stops > 0 else None
    after = route.stops[pause.after_stops] if pause.after_stops < len(route.stops) else None

    def where(stop: Stop) -> str | None:
        visit = problem.visit_by_id.get(stop.visit_id)
        return visit.place.place_id if visit else None

    if before is None:
        yield executive.start.place_id, min(pause.start_s, route.depart_s), route.depart_s
    else:
        yield where(before), before.end_s, before.leave_s
    if after is None:
        yield executive.end.place_id, route.return_s, max(pause.end_s, route.return_s)
    else:
        yield where(after), after.arrival_s, after.start_s


def empty_route(_problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A route has at least one stop; who stays in has none."""
    for route in plan.routes:
        if not route.stops:
            yield Violation(ViolationCode.EMPTY_ROUTE, None, route.executive_id, 0, "stops")


def prefix_changed(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """The route of an executive begins with their fixed prefix."""
    routes = {route.executive_id: route for route in reversed(plan.routes)}
    for executive in problem.executives:
        route = routes.get(executive.executive_id)
        made = [stop.visit_id for stop in route.stops] if route else []
        for position, visit_id in enumerate(executive.fixed_prefix):
            if position >= len(made) or made[position] != visit_id:
                yield Violation(ViolationCode.PREFIX_CHANGED, visit_id, executive.executive_id, position, "position")
                break


# -------------------------------------------------------------------------- rules about who and what


def unknown_visit(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """Every visit of the plan is a visit of the day."""
    for visit_id, times in _mentions(plan).items():
        if visit_id not in problem.visit_by_id:
            yield Violation(ViolationCode.UNKNOWN_VISIT, visit_id, None, times, "mentions")


def unknown_executive(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """Every route belongs to an executive of the day."""
    for executive_id, times in Counter(route.executive_id for route in plan.routes).items():
        if executive_id not in problem.executive_by_id:
            yield Violation(ViolationCode.UNKNOWN_EXECUTIVE, None, executive_id, times, "routes")


def repeated_visit(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """A visit occurs once: on one route, or among the unassigned."""
    for visit_id, times in _mentions(plan).items():
        if times > 1 and visit_id in problem.visit_by_id:
            yield Violation(ViolationCode.REPEATED_VISIT, visit_id, None, times, "mentions")


def repeated_executive(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """An executive has at most one route."""
    for executive_id, times in Counter(route.executive_id for route in plan.routes).items():
        if times > 1 and executive_id in problem.executive_by_id:
            yield Violation(ViolationCode.REPEATED_EXECUTIVE, None, executive_id, times, "routes")


def missing_visit(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """Every visit of the day is on a route or among the unassigned: none is lost silently."""
    mentions = _mentions(plan)
    for visit in problem.visits:
        if visit.visit_id not in mentions:
            yield Violation(ViolationCode.MISSING_VISIT, visit.visit_id, None, 0, "mentions")


def promise_broken(problem: Problem, plan: DayPlan) -> Iterator[Violation]:
    """Every appointment is on a route."""
    served = _served(plan)
    for visit in problem.visits:
        if isinstance(visit, Appointment) and visit.visit_id not in served:
            yield Violation(ViolationCode.PROMISE_BROKEN, visit.visit_id, None, visit.weight, "weight")


RULES: tuple[Callable[[Problem, DayPlan], Iterator[Violation]], ...] = (
    unknown_visit,
    unknown_executive,
    repeated_visit,
    repeated_executive,
    missing_visit,
    promise_broken,
    empty_route,
    skill_missing,
    pin_broken,
    envelope_not_held,
    double_slot,
    prefix_changed,
    times_inconsistent,
    outside_slot,
    time_window,
    travel_too_short,
    outside_shift,
    overtime_exceeded,
    break_missing,
    break_not_due,
    break_too_short,
    break_outside_window,
    break_misplaced,
)
"""All rules but the one about the claimed cost, in the order in which they report."""


# ------------------------------------------------------------------------------------- the cost anew


def cost_misreported(problem: Problem, plan: DayPlan, claimed: Cost) -> Iterator[Violation]:
    """The claimed cost is the recomputed one, on both levels and in every term."""
    true = recomputed_cost(problem, plan)
    if claimed.broken_promises != true.broken_promises:
        off = claimed.broken_promises - true.broken_promises
        yield Violation(ViolationCode.COST_MISREPORTED, None, None, off, "weight", "broken_promises")
    for name, amount_s in true.terms().items():
        off = claimed.terms()[name] - amount_s
        if off:
            yield Violation(ViolationCode.COST_MISREPORTED, None, None, off, "cost seconds", name)


def recomputed_cost(problem: Problem, plan: DayPlan) -> Cost:
    """The cost of a plan from its routes alone: what is on no route counts as not served, whatever the plan says.

    Trips to or from unknown places cost nothing. Rounding, up to a whole cost second, is done once per
    executive and term.
    """
    prices = problem.prices
    preferred_by: dict[str, set[str]] = defaultdict(set)
    for executive in problem.executives:
        for visit_id in executive.preferred_visits:
            preferred_by[visit_id].add(executive.executive_id)

    travel_s = continuity_s = overtime_s = 0
    busy_s: dict[str, int] = defaultdict(int)
    for route in plan.routes:
        on_the_way_s = _reference_s(problem, route)
        travel_s += on_the_way_s
        busy_s[route.executive_id] += on_the_way_s
        for stop in route.stops:
            visit = problem.visit_by_id.get(stop.visit_id)
            if visit is not None:
                busy_s[route.executive_id] += visit.service_s
                fans = preferred_by.get(visit.visit_id, set())
                continuity_s += prices.continuity_s if fans and route.executive_id not in fans else 0
        if route.executive_id in problem.executive_by_id:
            close_s = problem.executive_by_id[route.executive_id].shift.close_s
            overtime_s += _rounded_up(max(0, _end_s(route) - close_s) * prices.overtime_permille)

    fairness_s = sum(
        _rounded_up(sum(max(0, busy - piece.above_s) * piece.price_permille for piece in prices.fairness))
        for busy in busy_s.values()
    )
    served = _served(plan)
    left = [visit for visit in problem.visits if visit.visit_id not in served]
    return Cost(
        broken_promises=sum(visit.weight for visit in left if isinstance(visit, Appointment)),
        travel_s=travel_s,
        overtime_s=overtime_s,
        waiting_deliveries_s=sum(_waiting_price_s(problem, v) for v in left if isinstance(v, Delivery)),
        fairness_s=fairness_s,
        continuity_s=continuity_s,
    )


def _rounded_up(milli: int) -> int:
    return (milli + 999) // 1_000


def _reference_s(problem: Problem, route: Route) -> int:
    """Reference seconds of a route from door to door, legs with an unknown end left out."""
    executive = problem.executive_by_id.get(route.executive_id)
    visits = [problem.visit_by_id.get(stop.visit_id) for stop in route.stops]
    places = [
        executive.start.place_id if executive else None,
        *(visit.place.place_id if visit else None for visit in visits),
        executive.end.place_id if executive else None,
    ]
    row = problem.travel.index
    return sum(
        int(problem.travel.reference_s[row[a], row[b]]) for a, b in pairwise(places) if a is not None and b is not None
    )


def _waiting_price_s(problem: Problem, delivery: Delivery) -> int:
    """A delivery's own waiting price, else the curve: level far off, rising to the due date, then by the day."""
    if delivery.waiting_price_s is not None or delivery.due is None:
        return delivery.waiting_price_s or 0
    curve = problem.prices.waiting
    days_left = (delivery.due - problem.date).days
    if days_left < 0:
        return min(curve.due_s + curve.overdue_s_per_day * -days_left, curve.cap_s)
    days_gone = max(curve.horizon_days - days_left, 0)
    return curve.far_s + days_gone * (curve.due_s - curve.far_s) // curve.horizon_days
