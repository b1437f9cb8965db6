"""Nouns as the plain JSON values the faces answer with."""

from __future__ import annotations

from typing import Any

from optimizer.calendar import ServiceDay
from optimizer.check import Violation
from optimizer.units import rfc3339
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
        "slots": [{"open": rfc3339(day.date, s.open_s), "close": rfc3339(day.date, s.close_s)} for s in day.slots],
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
