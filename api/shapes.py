"""Nouns as the plain JSON values the faces answer with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from api.store.restrictions import Restriction
from optimizer.bookings import Refusal
from optimizer.calendar import ServiceDay
from optimizer.check import Violation
from optimizer.domain import Booking, Executive, Place, Slot
from optimizer.slots import Combination, Offers, SlotOffer, SlotReason, reason_text
from optimizer.units import MINUTE_S, rfc3339
from scenarios.catalogue import Catalogue, City, Service


def city_json(city: City) -> dict[str, Any]:
    """A city of the catalogue; points as [lon, lat]."""
    return {
        "id": city.city_id,
        "name_en": city.name_en,
        "name_hi": city.name_hi,
        "kind": city.kind,
        "extension": city.extension,
        "district": city.district,
        "population": city.population,
        "centre": [city.centre.lon, city.centre.lat],
        "office": [city.office.lon, city.office.lat],
        "office_basis": city.office_basis,
        "in_scheme_since": city.in_scheme_since.isoformat(),
    }


def service_json(catalogue: Catalogue, service: Service) -> dict[str, Any]:
    """A service, with its total fee, null where the departmental fee is not known."""
    return {
        "id": service.service_id,
        "name_en": service.name_en,
        "name_hi": service.name_hi,
        "department": service.department,
        "departmental_fee_rs": service.departmental_fee_rs,
        "total_fee_rs": catalogue.total_fee_rs(service),
        "payment_modes": list(service.payment_modes),
        "documents": list(service.documents),
        "statutory_days": service.statutory_days,
        "visit_pattern": service.pattern.value,
        "skills": sorted(service.skills),
        "collect_minutes": service.collect_minutes,
        "deliver_minutes": service.deliver_minutes,
        "minutes_basis": service.minutes_basis,
        "since": service.since.isoformat(),
        "until": None if service.until is None else service.until.isoformat(),
    }


def day_json(day: ServiceDay) -> dict[str, Any]:
    """A date of the calendar: its slots, or why it is closed."""
    return {
        "date": day.date.isoformat(),
        "open": day.is_open,
        "closed_because": day.closed_because,
        "slots": [slot_json(day.date, slot) for slot in day.slots],
    }


def violation_json(violation: Violation) -> dict[str, Any]:
    """A broken rule: code, subject, amount with its unit, and the sentence."""
    return {
        "code": violation.code.value,
        "visit": violation.visit_id,
        "executive": violation.executive_id,
        "amount": violation.amount,
        "unit": violation.unit,
        "text": violation.text,
    }


# ------------------------------------------------------------------------------------ bookings


def slot_json(date: dt.date, slot: Slot) -> dict[str, str]:
    """A slot of a date by its two ends."""
    return {"open": rfc3339(date, slot.open_s), "close": rfc3339(date, slot.close_s)}


def booking_json(booking: Booking, now: dt.datetime) -> dict[str, Any]:
    """A booking as it is now; `live` is false once it has left its day, or its hold has run out."""
    return {
        "id": booking.booking_id,
        "group": booking.group_id,
        "city": booking.city,
        "date": booking.date.isoformat(),
        "slot": slot_json(booking.date, booking.slot),
        "service": booking.service.service_id,
        "service_s": booking.service.service_s,
        "skills": sorted(booking.service.skills),
        "point": [booking.place.lon, booking.place.lat],
        "spread_m": booking.spread_m,
        "approximate": booking.approximate,
        "caller": booking.caller,
        "reference": booking.reference,
        "status": booking.status.value,
        "live": booking.live(now),
        "expires_at": None if booking.expires_at is None else booking.expires_at.isoformat(),
        "extended": booking.extended,
        "at_risk": booking.at_risk,
        "pinned_to": booking.pinned_to,
        "executive": booking.executive_id,
        "moved_from": booking.moved_from,
        "moved_to": booking.moved_to,
        "not_served": None if booking.not_served is None else booking.not_served.value,
    }


def slot_reason_json(reason: SlotReason, language: str) -> dict[str, Any]:
    """Why a slot is not offered, with its counts where they were asked for."""
    return {
        "code": reason.code.value,
        "proof": reason.proof.value,
        "text": reason_text(reason, language),
        "alone": reason.alone,
        "with_others": reason.with_others,
    }


def offer_json(offer: SlotOffer, service_id: str | None) -> dict[str, Any]:
    """A slot that can be had for a service."""
    return {
        "date": offer.date.isoformat(),
        "slot": slot_json(offer.date, offer.slot),
        "service": service_id,
        "executive": offer.executive_id,
        "executives": offer.executives,
        "extra_travel_s": offer.extra_travel_s,
        "score": offer.score,
        "adjacent": offer.adjacent,
        "rearranged": offer.rearranged,
        "wished": offer.wished,
        "alone": offer.alone,
    }


def combination_json(combination: Combination, service_ids: Sequence[str]) -> dict[str, Any]:
    """Slots for all services asked for, proven together."""
    visits = zip(service_ids, combination.slots, combination.executives, strict=True)
    return {
        "date": combination.date.isoformat(),
        "visits": [
            {"service": service_id, "slot": slot_json(combination.date, slot), "executive": executive}
            for service_id, slot, executive in visits
        ],
        "one_executive": combination.one_executive,
        "adjacent": combination.adjacent,
        "extra_travel_s": combination.extra_travel_s,
        "score": combination.score,
        "wished": combination.wished,
    }


def offers_json(offers: Offers, service_ids: Sequence[str], language: str, *, refused: bool = True) -> dict[str, Any]:
    """The answer to a booking request: offers in the order of the policy, and why the other slots are not offered.

    Without `refused` the latter is null.
    """
    return {
        "aloud": [offer_json(offer, service_ids[offer.service]) for offer in offers.aloud],
        "on_request": [offer_json(offer, service_ids[offer.service]) for offer in offers.on_request],
        "refused": [
            {
                "date": no.date.isoformat(),
                "slot": None if no.slot is None else slot_json(no.date, no.slot),
                "service": service_ids[no.service],
                "reasons": [slot_reason_json(reason, language) for reason in no.reasons],
            }
            for no in offers.refused
        ]
        if refused
        else None,
        "combinations": [combination_json(each, service_ids) for each in offers.combinations],
    }


def refusal_json(refusal: Refusal, language: str, service_id: str | None = None) -> dict[str, Any]:
    """A verb that changed nothing, and why; `service_id` is that of the nearest slots."""
    return {
        "code": refusal.code.value,
        "subject": refusal.subject,
        "text": refusal.text,
        "reasons": [slot_reason_json(reason, language) for reason in refusal.reasons],
        "nearest": [offer_json(offer, service_id) for offer in refusal.nearest],
        "bookings": list(refusal.bookings),
    }


# ------------------------------------------------------------------------------------ the desk


def executive_json(executive: Executive, date: dt.date) -> dict[str, Any]:
    """An executive on a date, as a roster file has them."""
    shift, pause = executive.shift, executive.pause
    rest = None
    if pause is not None:
        rest = {
            "minutes": pause.duration_s // MINUTE_S,
            "earliest": rfc3339(date, pause.window.open_s),
            "latest": rfc3339(date, pause.window.close_s),
        }
    return {
        "id": executive.executive_id,
        "start": _place_json(executive.start),
        "end": _place_json(executive.end),
        "shift": {
            "open": rfc3339(date, shift.open_s),
            "close": rfc3339(date, shift.close_s),
            "overtime_minutes": shift.overtime_s // MINUTE_S,
        },
        "skills": sorted(executive.skills),
        "break": rest,
    }


def _place_json(place: Place) -> dict[str, Any]:
    return {"place": place.place_id, "location": {"type": "Point", "coordinates": [place.lon, place.lat]}}


def delivery_json(row: Any) -> dict[str, Any]:
    """A delivery of a row of the store."""
    return {
        "id": row.delivery_id,
        "city": row.city_id,
        "reference": row.reference,
        "booking": row.booking_id,
        "point": [row.lon, row.lat],
        "spread_m": row.spread_m,
        "service": row.service_id,
        "service_s": row.service_s,
        "due": row.due,
        "ready_from": row.ready_from,
        "collected_by": row.collected_by,
        "held_by": row.held_by,
        "status": row.status,
        "planned_for": row.planned_for,
        "executive": row.executive_id,
    }


def restriction_json(restriction: Restriction) -> dict[str, Any]:
    """A closure, a stop-sale or a quota by hand."""
    date, open_s, close_s = restriction.date, restriction.open_s, restriction.close_s
    lifted_at = restriction.lifted_at
    return {
        "id": restriction.restriction_id,
        "city": restriction.city_id,
        "date": date.isoformat(),
        "kind": restriction.kind,
        "open": None if open_s is None else rfc3339(date, open_s),
        "close": None if close_s is None else rfc3339(date, close_s),
        "kit": restriction.kit,
        "quota": restriction.quota,
        "reason": restriction.reason,
        "author": restriction.author,
        "made_at": restriction.made_at.isoformat(),
        "lifted_at": None if lifted_at is None else lifted_at.isoformat(),
        "lifted_by": restriction.lifted_by,
    }
