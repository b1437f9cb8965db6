"""A day at a glance: promises and free executives by slot, what is at risk, and who serves what when."""

from __future__ import annotations

import datetime as dt
from typing import Any

from api.shapes import slot_json
from api.store.writing import View
from optimizer.domain import Appointment, BookingStatus, DayPlan
from optimizer.units import hhmm, rfc3339
from scenarios.catalogue import City


def day_at_a_glance(city: City, view: View, now: dt.datetime, plan: DayPlan | None = None) -> dict[str, Any]:
    """The day as JSON says it; with its routes where a plan is given."""
    day = view.book.day
    staff, slots = day.problem.executives, day.slots
    busy = {
        (e, v.slot)
        for e, order in day.witness.items()
        for v in map(day.problem.visit_by_id.get, order)
        if isinstance(v, Appointment)
    }
    live = [b for b in view.book.bookings.values() if b.live(now)]
    document: dict[str, Any] = {
        "city": city.city_id,
        "date": day.date.isoformat(),
        "version": view.state.version,
        "closed_because": day.sale.closed_because,
        "published": day.sale.published,
        "plan_number": view.state.plan_number,
        "promises": len(day.promises),
        "holds": sum(b.status is BookingStatus.HELD for b in live),
        "at_risk": sorted(b.booking_id for b in live if b.at_risk),
        "empty_stops": len(day.empty_stops),
        "slots": [
            {
                "slot": slot_json(day.date, slot),
                "promises": int(day.taken[number]),
                "free_executives": sum(
                    e.shift.open_s <= slot.open_s
                    and slot.close_s <= e.shift.close_s
                    and (e.executive_id, slot) not in busy
                    for e in staff
                ),
                "quota": day.sale.quotas.get(number),
                "stop_sale": number in day.sale.stop_sales,
            }
            for number, slot in enumerate(slots)
        ],
    }
    if plan is not None:
        routes = {route.executive_id: route for route in plan.routes}
        document["executives"] = [
            {
                "id": e.executive_id,
                "shift": f"{hhmm(e.shift.open_s)}-{hhmm(e.shift.close_s)}",
                "skills": sorted(e.skills),
                "visits": [
                    {
                        "id": stop.visit_id,
                        "start": rfc3339(day.date, stop.start_s),
                        "end": rfc3339(day.date, stop.end_s),
                    }
                    for stop in (routes[e.executive_id].stops if e.executive_id in routes else ())
                ],
            }
            for e in staff
        ]
    return document
