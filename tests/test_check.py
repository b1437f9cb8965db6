"""The checker: each rule is broken alone and named alone; good plans have no violation; no plan makes it raise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.check import Violation, ViolationCode, recomputed_cost, violations
from optimizer.domain import (
    Appointment,
    Break,
    Cost,
    DayPlan,
    Delivery,
    Executive,
    PlannedBreak,
    Problem,
    Route,
    Shift,
    Stop,
    TimeWindow,
    Visit,
)
from optimizer.objective import cost
from optimizer.timing import timed, timed_route
from optimizer.units import DAY_S, HOUR_S
from tests.builders import appointment, delivery, executive, fair, pause, place, plan, problem
from tests.strategies import Orders, days_with_orders, problems

Spoilt = tuple[Problem, DayPlan]
Spoiler = Callable[[Problem, DayPlan], Iterator[Spoilt]]

# --------------------------------------------------------------------- changing one thing of a good day


def with_visit(day: Problem, visit: Visit) -> Problem:
    return replace(day, visits=(*(v for v in day.visits if v.visit_id != visit.visit_id), visit))


def with_executive(day: Problem, changed: Executive) -> Problem:
    others = (e for e in day.executives if e.executive_id != changed.executive_id)
    return replace(day, executives=(*others, changed))


def with_route(good: DayPlan, old: Route, new: Route) -> DayPlan:
    return replace(good, routes=tuple(new if route is old else route for route in good.routes))


def with_stop(good: DayPlan, route: Route, position: int, new: Stop) -> DayPlan:
    stops = (*route.stops[:position], new, *route.stops[position + 1 :])
    return with_route(good, route, replace(route, stops=stops))


def with_call_after(good: DayPlan, route: Route, position: int, visit_id: str) -> DayPlan:
    """A stop of no length right after another, which hands its leave, and a break after it, on."""
    stop = route.stops[position]
    call = Stop(visit_id, stop.end_s, stop.end_s, stop.end_s, stop.leave_s)
    stops = (*route.stops[:position], replace(stop, leave_s=stop.end_s), call, *route.stops[position + 1 :])
    rest = route.pause
    if rest is not None and rest.after_stops > position:
        rest = replace(rest, after_stops=rest.after_stops + 1)
    return with_route(good, route, replace(route, stops=stops, pause=rest))


def free_stops(day: Problem, good: DayPlan) -> Iterator[tuple[Route, int, Stop, Visit]]:
    """Stops that stand in no fixed prefix."""
    for route in good.routes:
        fixed = len(day.executive_by_id[route.executive_id].fixed_prefix)
        for position, stop in enumerate(route.stops):
            if position >= fixed:
                yield route, position, stop, day.visit_by_id[stop.visit_id]


def rest_is_before_leaving(route: Route, position: int) -> bool:
    return route.pause is not None and route.pause.after_stops == position + 1


def rest_is_at_the_door(route: Route, position: int) -> bool:
    return route.pause is not None and route.pause.after_stops == position


# ---------------------------------------------------------------- one spoiler for each violation code


def window_moved(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for _, stop in good.stops():
        visit = day.visit_by_id[stop.visit_id]
        if isinstance(visit, Delivery) and stop.start_s + 1 <= day.grid.close_s:
            yield with_visit(day, replace(visit, windows=(TimeWindow(stop.start_s + 1, day.grid.close_s),))), good
        if isinstance(visit, Delivery) and stop.start_s - 1 >= day.grid.open_s:
            yield with_visit(day, replace(visit, windows=(TimeWindow(day.grid.open_s, stop.start_s - 1),))), good


def slot_moved(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route, _, _, visit in free_stops(day, good):
        if isinstance(visit, Appointment) and visit.service_s > 0:
            taken = {v.slot for v in map(day.visit_by_id.__getitem__, route.visit_ids) if isinstance(v, Appointment)}
            other = next(slot for slot in day.grid.slots() if slot not in taken)
            yield with_visit(day, replace(visit, slot=other)), good


def second_appointment_in_a_slot(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route, position, _, visit in free_stops(day, good):
        if isinstance(visit, Appointment):
            twin = replace(visit, visit_id="twin", service_s=0, skills=frozenset(), pinned_to=None)
            yield with_visit(day, twin), with_call_after(good, route, position, "twin")


def skill_asked_for(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for _, _, _, visit in free_stops(day, good):
        yield with_visit(day, replace(visit, skills=visit.skills | {"juggling"})), good


def pinned_to_another(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route, _, _, visit in free_stops(day, good):
        for other in day.executives:
            if other.executive_id != route.executive_id:
                yield with_visit(day, replace(visit, pinned_to=other.executive_id)), good


def envelope_elsewhere(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route, _, _, visit in free_stops(day, good):
        if isinstance(visit, Delivery):
            for other in day.executives:
                if other.executive_id != route.executive_id:
                    yield with_visit(day, replace(visit, held_by=other.executive_id)), good
            if not day.starts_at_office(day.executive_by_id[route.executive_id]):
                yield with_visit(day, replace(visit, held_by=None)), good


def shift_opens_later(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        worker = day.executive_by_id[route.executive_id]
        open_s = 1 + (route.depart_s if route.pause is None else min(route.depart_s, route.pause.start_s))
        if open_s <= worker.shift.close_s:
            yield with_executive(day, replace(worker, shift=replace(worker.shift, open_s=open_s))), good


def shift_closes_earlier(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        worker = day.executive_by_id[route.executive_id]
        allowed_s = route.end_s - 1 - worker.shift.open_s
        if allowed_s >= 0:
            yield with_executive(day, replace(worker, shift=Shift(worker.shift.open_s, route.end_s - 1))), good
            yield (
                with_executive(day, replace(worker, shift=Shift(worker.shift.open_s, worker.shift.open_s, allowed_s))),
                good,
            )


def break_struck_out(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        if route.pause is not None:
            yield day, with_route(good, route, replace(route, pause=None))


def break_no_longer_due(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        if route.pause is not None:
            yield with_executive(day, replace(day.executive_by_id[route.executive_id], pause=None)), good


def break_cut_short(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        if route.pause is not None:
            rest = replace(route.pause, end_s=route.pause.end_s - 1)
            yield day, with_route(good, route, replace(route, pause=rest))


def break_window_moved(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        worker = day.executive_by_id[route.executive_id]
        if route.pause is not None and worker.pause is not None:
            for first_s, last_s in ((0, route.pause.start_s - 1), (route.pause.start_s + 1, DAY_S)):
                if first_s <= last_s:
                    rest = Break(worker.pause.duration_s, TimeWindow(first_s, last_s))
                    yield with_executive(day, replace(worker, pause=rest)), good


def break_put_elsewhere(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        worker = day.executive_by_id[route.executive_id]
        if route.pause is None or worker.pause is None:
            continue
        yield day, with_route(good, route, replace(route, pause=replace(route.pause, place_id="nowhere")))
        yield day, with_route(good, route, replace(route, pause=replace(route.pause, after_stops=-1)))
        yield day, with_route(good, route, replace(route, pause=replace(route.pause, after_stops=len(route.stops) + 1)))
        for position, stop in enumerate(route.stops):
            visit = day.visit_by_id[stop.visit_id]
            if visit.service_s > 0:
                rest = PlannedBreak(
                    stop.start_s, stop.start_s + worker.pause.duration_s, position + 1, visit.place.place_id
                )
                if rest.end_s <= worker.shift.latest_end_s:
                    anytime = replace(worker, pause=Break(worker.pause.duration_s, TimeWindow(0, DAY_S)))
                    yield with_executive(day, anytime), with_route(good, route, replace(route, pause=rest))


def arrival_too_early(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        for position, stop in enumerate(route.stops):
            yield day, with_stop(good, route, position, replace(stop, arrival_s=stop.arrival_s - 1))
        yield day, with_route(good, route, replace(route, return_s=route.return_s - 1))


def times_contradict(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        for position, stop in enumerate(route.stops):
            if stop.end_s > stop.start_s:
                yield day, with_stop(good, route, position, replace(stop, end_s=stop.end_s - 1))
            if not rest_is_at_the_door(route, position):
                yield day, with_stop(good, route, position, replace(stop, arrival_s=stop.start_s + 1))
            if not rest_is_before_leaving(route, position):
                yield day, with_stop(good, route, position, replace(stop, leave_s=stop.end_s - 1))


def route_without_stops(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    busy = {route.executive_id for route in good.routes}
    for worker in day.executives:
        if worker.executive_id not in busy:
            idle = Route(worker.executive_id, worker.shift.open_s, (), worker.shift.open_s)
            yield day, replace(good, routes=(*good.routes, idle))


def stranger_visited(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    yield day, replace(good, unassigned=(*good.unassigned, "ghost"))
    for route, position, _, _ in free_stops(day, good):
        yield day, with_call_after(good, route, position, "ghost")


def stranger_drives(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        pinned = any(day.visit_by_id[visit_id].pinned_to for visit_id in route.visit_ids)
        if not pinned and not day.executive_by_id[route.executive_id].fixed_prefix:
            yield day, with_route(good, route, replace(route, executive_id="ghost"))


def visit_twice(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for visit_id in good.unassigned:
        yield day, replace(good, unassigned=(*good.unassigned, visit_id))
    for route, position, stop, visit in free_stops(day, good):
        yield day, replace(good, unassigned=(*good.unassigned, stop.visit_id))
        if isinstance(visit, Appointment) and visit.service_s == 0:
            yield day, with_call_after(good, route, position, stop.visit_id)


def second_route(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    """An errand to their own start place besides the route they have."""
    for route in good.routes:
        worker = day.executive_by_id[route.executive_id]
        errand = Delivery(
            "errand", worker.start, (TimeWindow(day.grid.open_s, day.grid.close_s),), 0, waiting_price_s=0
        )
        errand = replace(errand, held_by=worker.executive_id)
        more = with_visit(day, errand)
        second = timed_route(more, worker.executive_id, ["errand"])
        if second is not None and not worker.fixed_prefix:
            yield more, replace(good, routes=(*good.routes, second))


def delivery_forgotten(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for visit_id in good.unassigned:
        if isinstance(day.visit_by_id[visit_id], Delivery):
            yield day, replace(good, unassigned=tuple(v for v in good.unassigned if v != visit_id))


def promise_dropped(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        promised = any(isinstance(day.visit_by_id[v], Appointment) for v in route.visit_ids)
        if promised and not day.executive_by_id[route.executive_id].fixed_prefix:
            others = tuple(other for other in good.routes if other is not route)
            yield day, DayPlan(others, (*good.unassigned, *route.visit_ids))


def other_prefix_fixed(day: Problem, good: DayPlan) -> Iterator[Spoilt]:
    for route in good.routes:
        worker = day.executive_by_id[route.executive_id]
        if len(route.stops) > 1:
            yield with_executive(day, replace(worker, fixed_prefix=route.visit_ids[1:2])), good
    for worker in day.executives:
        for visit_id in good.unassigned:
            if day.obstacle(worker, day.visit_by_id[visit_id]) is None:
                yield with_executive(day, replace(worker, fixed_prefix=(visit_id,))), good


SPOILERS: dict[ViolationCode, Spoiler] = {
    ViolationCode.TIME_WINDOW: window_moved,
    ViolationCode.OUTSIDE_SLOT: slot_moved,
    ViolationCode.DOUBLE_SLOT: second_appointment_in_a_slot,
    ViolationCode.SKILL_MISSING: skill_asked_for,
    ViolationCode.PIN_BROKEN: pinned_to_another,
    ViolationCode.ENVELOPE_NOT_HELD: envelope_elsewhere,
    ViolationCode.OUTSIDE_SHIFT: shift_opens_later,
    ViolationCode.OVERTIME_EXCEEDED: shift_closes_earlier,
    ViolationCode.BREAK_MISSING: break_struck_out,
    ViolationCode.BREAK_NOT_DUE: break_no_longer_due,
    ViolationCode.BREAK_TOO_SHORT: break_cut_short,
    ViolationCode.BREAK_OUTSIDE_WINDOW: break_window_moved,
    ViolationCode.BREAK_MISPLACED: break_put_elsewhere,
    ViolationCode.TRAVEL_TOO_SHORT: arrival_too_early,
    ViolationCode.TIMES_INCONSISTENT: times_contradict,
    ViolationCode.EMPTY_ROUTE: route_without_stops,
    ViolationCode.UNKNOWN_VISIT: stranger_visited,
    ViolationCode.UNKNOWN_EXECUTIVE: stranger_drives,
    ViolationCode.REPEATED_VISIT: visit_twice,
    ViolationCode.REPEATED_EXECUTIVE: second_route,
    ViolationCode.MISSING_VISIT: delivery_forgotten,
    ViolationCode.PROMISE_BROKEN: promise_dropped,
    ViolationCode.PREFIX_CHANGED: other_prefix_fixed,
}


def rich_good_day() -> Spoilt:
    """A day with everything in it and a plan of it without violations."""
    day = problem(
        [
            appointment("A1", "09:00", 300, 400, skills=["kit"]),
            appointment("A2", "10:00", 600, 0, pinned_to="E1"),
            appointment("A3", "10:00", 0, 900),
            appointment("A4", "14:00", -300, 0, weight=3),
            delivery("D1", 0, 100),
            delivery("D2", -200, 0, windows=[("09:00", "09:30"), ("13:00", "15:00")], held_by="E2"),
            delivery("D3", 5_000, 5_000, price_s=900),
        ],
        [
            executive("E1", "08:00", "15:00", overtime_s=3_600, skills=["kit"], rest=pause(30, "12:00", "13:30")),
            executive("E2", start=place("home", 0, 800), prefers=["A4"]),
            executive("E3"),
            executive("E4", "09:00", "17:00", prefix=["A3"]),
        ],
        pace=[1_000] * 9 + [700] * 15,
        margin_pct=25,
    )
    return day, plan(day, E1="A1 A2 D1", E2="D2 A4", E4="A3")


def new_violations(good: Spoilt, spoilt: Spoilt) -> set[Violation]:
    return set(violations(*spoilt)) - set(violations(*good))


def test_the_rich_day_is_good() -> None:
    day, good = rich_good_day()
    assert violations(day, good, cost(day, good)) == ()


def test_every_code_but_the_cost_has_a_spoiler() -> None:
    assert set(SPOILERS) == set(ViolationCode) - {ViolationCode.COST_MISREPORTED}


@pytest.mark.parametrize("code", SPOILERS)
def test_each_rule_broken_alone_is_named_alone(code: ViolationCode) -> None:
    day, good = rich_good_day()
    spoilt = list(SPOILERS[code](day, good))
    assert spoilt
    for each in spoilt:
        assert {v.code for v in violations(*each)} == {code}


@given(days_with_orders(problems(min_visits=1, min_executives=1)))
def test_on_random_days_each_rule_broken_alone_is_named_alone(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    good = timed(day, orders)
    for code, spoiler in SPOILERS.items():
        for spoilt in spoiler(day, good):
            assert {v.code for v in new_violations((day, good), spoilt)} == {code}, spoilt


@pytest.mark.parametrize(
    "term", ["broken_promises", "travel_s", "overtime_s", "waiting_deliveries_s", "fairness_s", "continuity_s"]
)
@pytest.mark.parametrize("off", [-1, 1])
def test_a_misreported_cost_is_named_with_its_term_and_how_far_it_is_off(term: str, off: int) -> None:
    day, good = rich_good_day()
    true = cost(day, good)
    fields = {"broken_promises": true.broken_promises}
    fields |= {f"{name}_s": amount for name, amount in true.terms().items()}
    fields[term] += off
    assert violations(day, good, Cost(**fields)) == (
        Violation(
            ViolationCode.COST_MISREPORTED,
            None,
            None,
            off,
            "weight" if term == "broken_promises" else "cost seconds",
            term.removesuffix("_s"),
        ),
    )


# ------------------------------------------------------------------------------- what has no violation


@given(days_with_orders(problems()))
def test_timed_plans_that_keep_the_rules_break_nothing_but_promises(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    good = timed(day, orders)
    found = violations(day, good, cost(day, good))
    dropped = [a.visit_id for a in day.appointments if a.visit_id in good.unassigned]
    assert [(v.code, v.visit_id) for v in found] == [(ViolationCode.PROMISE_BROKEN, each) for each in dropped]


@given(days_with_orders(problems(), runnable=False))
def test_timed_plans_of_any_orders_keep_every_rule_about_times(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    timely = {e: order for e, order in orders.items() if timed_route(day, e, order) is not None}
    found = {v.code for v in violations(day, timed(day, timely), cost(day, timed(day, timely)))}
    assert found <= {
        ViolationCode.PROMISE_BROKEN,
        ViolationCode.SKILL_MISSING,
        ViolationCode.PIN_BROKEN,
        ViolationCode.ENVELOPE_NOT_HELD,
        ViolationCode.DOUBLE_SLOT,
        ViolationCode.PREFIX_CHANGED,
    }


@given(days_with_orders(problems(min_visits=2, min_executives=1), runnable=False))
def test_the_checkers_cost_is_the_objectives_cost(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    timely = timed(day, {e: order for e, order in orders.items() if timed_route(day, e, order) is not None})
    theirs, ours = cost(day, timely), recomputed_cost(day, timely)
    assert (theirs.broken_promises, theirs.terms()) == (ours.broken_promises, ours.terms())


def test_a_slow_executive_breaks_no_rule() -> None:
    day = problem([appointment("A1", "10:00", 600, 0), delivery("D1", 600, 300)], [executive("E1")])
    good = plan(day, E1="A1 D1")
    (route,) = good.routes
    first, second = route.stops
    lingering = replace(first, leave_s=first.leave_s + 900)
    late = replace(second, arrival_s=second.arrival_s + 1_800, start_s=second.start_s + 1_800)
    late = replace(late, end_s=second.end_s + 1_800, leave_s=second.leave_s + 1_800)
    slow = replace(route, stops=(lingering, late), return_s=route.return_s + 3_600)
    assert violations(day, with_route(good, route, slow)) == ()


def test_two_short_appointments_in_one_slot_are_a_violation_where_the_clock_allows_them() -> None:
    day = problem(
        [appointment("A1", "10:00", 60, 0, service_s=600), appointment("A2", "10:00", 60, 0, service_s=600)],
        [executive("E1")],
    )
    assert violations(day, plan(day, E1="A1 A2")) == (
        Violation(ViolationCode.DOUBLE_SLOT, "A2", "E1", 2, "appointments", "10:00-11:00"),
    )


# ---------------------------------------------------------------------------------- amounts and words


def test_a_violation_says_by_how_much_in_its_unit() -> None:
    day, good = rich_good_day()
    first = good.routes[0]
    early = with_stop(good, first, 0, replace(first.stops[0], arrival_s=first.stops[0].arrival_s - 45))
    (found,) = violations(day, early)
    assert (found.code, found.visit_id, found.executive_id, found.amount, found.unit) == (
        "travel_too_short",
        "A1",
        "E1",
        45,
        "s",
    )
    assert found.text == "E1 has 45 s too few to travel from office to A1"


def test_a_break_over_the_begin_of_a_service_counts_the_seconds_inside_it() -> None:
    day = problem([appointment("A1", "10:00", 600, 0)], [executive("E1", rest=pause(30, "08:00", "12:00"))])
    good = plan(day, E1="A1")
    (route,) = good.routes
    stop = route.stops[0]
    rest = PlannedBreak(stop.start_s - 1_200, stop.start_s + 600, 0, "A1")
    early = replace(stop, arrival_s=stop.start_s - 1_200)
    spoilt = replace(route, depart_s=stop.start_s - 3_600, stops=(early,), pause=rest)
    (found,) = violations(day, with_route(good, route, spoilt))
    assert (found.code, found.amount, found.about) == ("break_misplaced", 600, "it runs into travel or service")


def test_lost_appointments_are_broken_promises_and_missing_visits() -> None:
    day = problem([appointment("A1", weight=5)], [executive("E1")])
    found = violations(day, DayPlan((), ()))
    assert [(v.code, v.visit_id, v.amount) for v in found] == [("missing_visit", "A1", 0), ("promise_broken", "A1", 5)]


def test_fairness_and_overtime_are_rounded_up_once_for_each_executive() -> None:
    day = problem(
        [delivery("D1", 600, 0, windows=[("15:55", "16:30")], service_s=1)],
        [executive("E1", overtime_s=HOUR_S)],
        prices=replace(rich_good_day()[0].prices, overtime_permille=1, fairness=(fair(0, 1), fair(1_200, 1))),
    )
    good = plan(day, E1="D1")
    assert good.routes[0].end_s - 16 * HOUR_S == 301
    ours = recomputed_cost(day, good)
    assert (ours.travel_s, ours.overtime_s, ours.fairness_s) == (1_200, 1, 2)


# --------------------------------------------------------------------------------- malformed plans

_IDS = st.sampled_from(["A1", "D2", "E1", "E2", "ghost", "", "ख"])
_TIMES = st.one_of(st.integers(-DAY_S, 2 * DAY_S), st.sampled_from([-(10**18), 10**18]))
_STOPS = st.builds(Stop, _IDS, _TIMES, _TIMES, _TIMES, _TIMES)
_RESTS = st.none() | st.builds(PlannedBreak, _TIMES, _TIMES, st.integers(-3, 5), _IDS)
_ROUTES = st.builds(Route, _IDS, _TIMES, st.lists(_STOPS, max_size=3).map(tuple), _TIMES, _RESTS)
_PLANS = st.builds(DayPlan, st.lists(_ROUTES, max_size=3).map(tuple), st.lists(_IDS, max_size=4).map(tuple))


@given(_PLANS)
def test_any_plan_however_malformed_is_judged_and_described(malformed: DayPlan) -> None:
    day, good = rich_good_day()
    found = violations(day, malformed, cost(day, good))
    assert found  # nothing so malformed serves A1 to A4
    for violation in found:
        assert violation.text
        assert "None" not in violation.text


def test_a_day_without_anything_has_an_empty_plan_without_violations() -> None:
    day = problem()
    assert violations(day, DayPlan((), ()), Cost(0, 0, 0, 0, 0, 0)) == ()
