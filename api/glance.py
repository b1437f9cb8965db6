"""A day at a glance: what each slot may carry and carries, what is at risk, and who serves what when."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from api.shapes import restriction_json, slot_json
from api.store.restrictions import Restriction
from api.store.writing import View
from optimizer.domain import Appointment, BookingStatus, DayPlan, Executive, Slot
from optimizer.slots import PromisedDay, SlotReasonCode, not_for_sale, not_on_sale
from optimizer.units import hhmm, rfc3339
from scenarios.catalogue import City


def day_at_a_glance(
    city: City,
    view: View,
    now: dt.datetime,
    plan: DayPlan | None = None,
    restrictions: Iterable[Restriction] = (),
) -> dict[str, Any]:
    """The day as JSON says it; with its routes where a plan is given. `restrictions` are those of the day."""
    day = view.book.day
    staff, slots = day.problem.executives, day.slots
    live = [b for b in view.book.bookings.values() if b.live(now)]
    held = Counter((b.slot, b.service.skills) for b in live if b.status is BookingStatus.HELD and not b.at_risk)
    sellable = not_on_sale(day.rules, day, now) is None
    busy = {
        (e, v.slot)
        for e, order in day.witness.items()
        for v in map(day.problem.visit_by_id.get, order)
        if isinstance(v, Appointment)
    }
    document: dict[str, Any] = {
        "city": city.city_id,
        "date": day.date.isoformat(),
        "version": view.state.version,
        "closed_because": day.sale.closed_because,
        "published": day.sale.published,
        "plan_number": view.state.plan_number,
        "roster_number": view.state.roster_number,
        "zones": [city.city_id],
        "promises": len(day.promises),
        "holds": sum(b.status is BookingStatus.HELD for b in live),
        "at_risk": sorted(b.booking_id for b in live if b.at_risk),
        "empty_stops": len(day.empty_stops),
        "restrictions": [restriction_json(each) for each in restrictions],
        "slots": [_slot(day, number, held, busy, now, sellable=sellable) for number in range(len(slots))],
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


def _slot(
    day: PromisedDay,
    number: int,
    held: Counter[tuple[Slot, frozenset[str]]],
    busy: Collection[tuple[str, Slot]],
    now: dt.datetime,
    *,
    sellable: bool,
) -> dict[str, Any]:
    """A slot: who is on shift, what it may carry, what it carries, what is left."""
    slot, sale = day.slots[number], day.sale
    there = [e for e in day.problem.executives if e.shift.open_s <= slot.open_s and slot.close_s <= e.shift.close_s]
    idle = free = sum((e.executive_id, slot) not in busy for e in there)
    if number not in sale.quotas and sale.capacity is not None and sale.capacity.day_most is not None:
        free = min(free, max(0, sale.capacity.day_most - int(day.taken.sum())))
    on_sale = sellable and not_for_sale(day, number, now) in {None, SlotReasonCode.QUOTA_USED_UP}
    closed = sale.closed_because or sale.closed_slots.get(number)
    promises, own_held = int(day.taken[number]), sum(n for (s, _), n in held.items() if s == slot)
    most = sale.quotas.get(number)
    computed = len(there) if sale.capacity is None else sale.capacity.total(number)
    capacity = computed if most is None else min(most, len(there))  # whatever a hand has set
    kits = sorted(day.kits | {kit for e in day.problem.executives for kit in e.skills})
    return {
        "slot": slot_json(day.date, slot),
        "open": on_sale,
        "closed_because": closed,
        "promises": promises,
        "promised": promises - own_held,
        "held": own_held,
        "executives": len(there),
        "free_executives": idle,
        "capacity": 0 if closed else capacity,
        "free": max(0, min(capacity - promises, free)) if on_sale else 0,
        "quota": most,
        "stop_sale": number in sale.stop_sales,
        "kits": [_kit(day, number, kit, there, held, free if on_sale else 0) for kit in kits],
    }


def _kit(
    day: PromisedDay,
    number: int,
    kit: str,
    there: Collection[Executive],
    held: Counter[tuple[Slot, frozenset[str]]],
    free: int,
) -> dict[str, Any]:
    """`free`: promises that the slot may still get at all. Who holds the kit may be relieved of other visits for it."""
    slot, sale = day.slots[number], day.sale
    holders = [e for e in there if kit in e.skills]
    promises = day.taken_by(number, kit)
    own_held = sum(n for (s, skills), n in held.items() if s == slot and kit in skills)
    quota = sale.kit_quotas.get((number, kit))
    computed = None if sale.capacity is None else sale.capacity.most_of_kit(number, kit)
    capacity = len(holders) if computed is None else computed
    if quota is not None:
        capacity = min(quota, len(holders))
    return {
        "kit": kit,
        "executives": len(holders),
        "capacity": 0 if sale.closed_because or number in sale.closed_slots else capacity,
        "promised": promises - own_held,
        "held": own_held,
        "free": max(0, min(capacity - promises, free)),
        "quota": quota,
    }
