"""The figures of a plan that a planner looks at first, in seconds, metres and counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from optimizer.domain import Appointment, DayPlan, Delivery, Problem, Route, Slot
from optimizer.objective import broken_weight, route_busy_s, route_overtime_s, route_travel_s
from optimizer.report.alone import Alone


@dataclass(frozen=True, slots=True)
class SlotUse:
    """How full a slot is. `executives` are those on shift in it who could take one of its appointments.

    On shift: the shift, without overtime, and the slot overlap. In a slot without appointments all on
    shift count. `utilisation` = appointments / executives, a fraction, above 1 where some promise must
    break; None where nobody could take one.
    """

    slot: Slot
    appointments: int
    served: int
    executives: int
    utilisation: float | None


@dataclass(frozen=True, slots=True)
class DeliveryLeft:
    """A delivery left for another day, what that costs in cost seconds, and calendar days to its due date."""

    visit_id: str
    waiting_price_s: int
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Kpis:
    """Figures of a plan; all times in seconds, summed over routes where nothing else is said.

    `travel_s` are reference seconds (what travel costs), `drive_s` the same trips on the clock, hours and
    margin included. `waiting_s` lies between departure and return and is neither travel, service nor
    break. Busy time is service plus reference travel of one executive with a route; `busy_mean_s` is
    rounded down and `busy_spread_s` is the longest less the shortest; 0 where nobody has a route.
    """

    appointments: int
    served_appointments: int
    broken_promises: int
    broken_promises_weight: int
    deliveries: int
    served_deliveries: int
    left_deliveries: tuple[DeliveryLeft, ...]
    left_price_s: int
    executives: int
    idle_executives: int
    travel_s: int
    drive_s: int
    distance_m: int
    waiting_s: int
    service_s: int
    break_s: int
    busy_min_s: int
    busy_mean_s: int
    busy_max_s: int
    busy_spread_s: int
    overtime_s: int
    overtime_executives: int
    slots: tuple[SlotUse, ...]


def kpis(problem: Problem, plan: DayPlan) -> Kpis:
    """The figures of a plan of known visits and executives (one without violations, or none but broken promises)."""
    served = Counter(type(problem.visit_by_id[stop.visit_id]) for _, stop in plan.stops())
    left = tuple(
        DeliveryLeft(d.visit_id, problem.waiting_price_s(d), (d.due - problem.date).days if d.due else None)
        for d in (problem.visit_by_id[visit_id] for visit_id in plan.unassigned)
        if isinstance(d, Delivery)
    )
    drive_s = sum(_drive_s(route) for route in plan.routes)
    service_s = sum(stop.end_s - stop.start_s for _, stop in plan.stops())
    busy = [route_busy_s(problem, route) for route in plan.routes] or [0]
    overtime = [route_overtime_s(problem, route) for route in plan.routes]
    return Kpis(
        appointments=len(problem.appointments),
        served_appointments=served[Appointment],
        broken_promises=len(problem.appointments) - served[Appointment],
        broken_promises_weight=broken_weight(problem, plan),
        deliveries=len(problem.deliveries),
        served_deliveries=served[Delivery],
        left_deliveries=left,
        left_price_s=sum(each.waiting_price_s for each in left),
        executives=len(problem.executives),
        idle_executives=len(problem.executives) - len(plan.routes),
        travel_s=sum(route_travel_s(problem, route) for route in plan.routes),
        drive_s=drive_s,
        distance_m=sum(_distance_m(problem, route) for route in plan.routes),
        waiting_s=sum(route.return_s - route.depart_s - _break_inside_s(route) for route in plan.routes)
        - drive_s
        - service_s,
        service_s=service_s,
        break_s=sum(route.pause.end_s - route.pause.start_s for route in plan.routes if route.pause),
        busy_min_s=min(busy),
        busy_mean_s=sum(busy) // len(busy),
        busy_max_s=max(busy),
        busy_spread_s=max(busy) - min(busy),
        overtime_s=sum(overtime),
        overtime_executives=sum(1 for over_s in overtime if over_s > 0),
        slots=_slots(problem, plan),
    )


def _drive_s(route: Route) -> int:
    leaves = [route.depart_s, *(stop.leave_s for stop in route.stops)]
    arrivals = [*(stop.arrival_s for stop in route.stops), route.return_s]
    return sum(arrivals) - sum(leaves)


def _break_inside_s(route: Route) -> int:
    """Seconds of the break between departure and return."""
    if route.pause is None or route.pause.end_s <= route.depart_s or route.pause.start_s >= route.return_s:
        return 0
    return route.pause.end_s - route.pause.start_s


def _distance_m(problem: Problem, route: Route) -> int:
    executive = problem.executive_by_id[route.executive_id]
    places = [executive.start, *(problem.visit_by_id[v].place for v in route.visit_ids), executive.end]
    return sum(problem.travel.distance_m(a.place_id, b.place_id) for a, b in pairwise(places))


def _slots(problem: Problem, plan: DayPlan) -> tuple[SlotUse, ...]:
    alone = Alone(problem)
    left = set(plan.unassigned)
    uses = []
    for slot in problem.grid.slots():
        wanted = [a for a in problem.appointments if a.slot == slot]
        on_shift = [e for e in problem.executives if e.shift.open_s < slot.close_s and e.shift.close_s > slot.open_s]
        able = [e for e in on_shift if not wanted or any(alone.barrier(e, a) is None for a in wanted)]
        served = sum(1 for a in wanted if a.visit_id not in left)
        uses.append(SlotUse(slot, len(wanted), served, len(able), len(wanted) / len(able) if able else None))
    return tuple(uses)
