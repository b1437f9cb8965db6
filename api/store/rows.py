"""Nouns as rows of tables, and back: the one place that knows how a booking, a roster or a witness is written down."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from api.store.schema import epoch_ms, json_text, moment
from optimizer.domain import (
    AskedService,
    Booking,
    BookingRules,
    BookingStatus,
    Break,
    Executive,
    NotServed,
    Place,
    Shift,
    Slot,
    SlotGrid,
    TimeWindow,
)
from optimizer.engines import Orders
from optimizer.quotas import Quotas
from optimizer.slots import Sale
from scenarios.travel import FormulaSpec

Values = dict[str, Any]


# ---------------------------------------------------------------------------------------- bookings


def booking_of(row: Row[Any]) -> Booking:
    """The booking of a row of `bookings`."""
    return Booking(
        booking_id=row.booking_id,
        group_id=row.group_id,
        city=row.city_id,
        date=dt.date.fromisoformat(row.date),
        slot=Slot(row.slot_open_s, row.slot_close_s),
        service=AskedService(row.service_id, row.service_s, frozenset(json.loads(row.skills))),
        place=Place(row.group_id, row.lon, row.lat),
        caller=row.caller,
        status=BookingStatus(row.status),
        spread_m=row.spread_m,
        reference=row.reference,
        expires_at=None if row.expires_at is None else moment(row.expires_at),
        extended=bool(row.extended),
        at_risk=bool(row.at_risk),
        pinned_to=row.pinned_to,
        executive_id=row.executive_id,
        moved_from=row.moved_from,
        moved_to=row.moved_to,
        not_served=None if row.not_served is None else NotServed(row.not_served),
    )


def booking_values(booking: Booking, now_ms: int) -> Values:
    """The row of a booking, changed at this moment; `created_at` is left to the first insertion."""
    return {
        "booking_id": booking.booking_id,
        "group_id": booking.group_id,
        "city_id": booking.city,
        "date": booking.date.isoformat(),
        "slot_open_s": booking.slot.open_s,
        "slot_close_s": booking.slot.close_s,
        "service_id": booking.service.service_id,
        "service_s": booking.service.service_s,
        "skills": json_text(sorted(booking.service.skills)),
        "lon": booking.place.lon,
        "lat": booking.place.lat,
        "spread_m": booking.spread_m,
        "caller": booking.caller,
        "status": booking.status.value,
        "reference": booking.reference,
        "expires_at": None if booking.expires_at is None else epoch_ms(booking.expires_at),
        "extended": booking.extended,
        "at_risk": booking.at_risk,
        "pinned_to": booking.pinned_to,
        "executive_id": booking.executive_id,
        "moved_from": booking.moved_from,
        "moved_to": booking.moved_to,
        "not_served": None if booking.not_served is None else booking.not_served.value,
        "changed_at": now_ms,
    }


# ------------------------------------------------------------------------------------ a city's rules


@dataclass(frozen=True, slots=True)
class CityRules:
    """What a city allows, the length of its slots and the safety margin of its travel times."""

    booking: BookingRules
    slot_minutes: int
    margin_pct: int


def rules_of(row: Row[Any]) -> CityRules:
    """The rules of a row of `city_rules`."""
    booking = BookingRules(row.horizon_days, row.closes_s, row.hold_s, row.move_cutoff_s)
    return CityRules(booking, row.slot_minutes, row.margin_pct)


def rules_values(city_id: str, rules: CityRules) -> Values:
    """The row of a city's rules."""
    return {
        "city_id": city_id,
        "horizon_days": rules.booking.horizon_days,
        "closes_s": rules.booking.closes_s,
        "hold_s": rules.booking.hold_s,
        "move_cutoff_s": rules.booking.move_cutoff_s,
        "slot_minutes": rules.slot_minutes,
        "margin_pct": rules.margin_pct,
    }


def travel_text(spec: FormulaSpec) -> str:
    """The travel formula by which the clocks of a day go."""
    return json_text(dataclasses.asdict(spec))


def spec_of(text: str) -> FormulaSpec:
    """What `travel_text` wrote."""
    entry = json.loads(text)
    speeds = entry.pop("speed_kmh_by_hour")
    return FormulaSpec(**entry, speed_kmh_by_hour=None if speeds is None else tuple(speeds))


# ----------------------------------------------------------------------------------------- a day


def roster_text(executives: Iterable[Executive]) -> str:
    """The executives of a day, by id."""
    return json_text([_executive(e) for e in sorted(executives, key=lambda e: e.executive_id)])


def roster_of(text: str) -> tuple[Executive, ...]:
    """What `roster_text` wrote."""
    return tuple(_executive_of(entry) for entry in json.loads(text))


def _executive(executive: Executive) -> Values:
    shift, pause = executive.shift, executive.pause
    return {
        "id": executive.executive_id,
        "start": _place(executive.start),
        "end": _place(executive.end),
        "shift": [shift.open_s, shift.close_s, shift.overtime_s],
        "break": None if pause is None else [pause.duration_s, pause.window.open_s, pause.window.close_s],
        "skills": sorted(executive.skills),
    }


def _executive_of(entry: Mapping[str, Any]) -> Executive:
    pause = entry["break"]
    return Executive(
        entry["id"],
        _place_of(entry["start"]),
        _place_of(entry["end"]),
        Shift(*entry["shift"]),
        frozenset(entry["skills"]),
        None if pause is None else Break(pause[0], TimeWindow(pause[1], pause[2])),
    )


def _place(place: Place) -> list[Any]:
    return [place.place_id, place.lon, place.lat]


def _place_of(entry: Sequence[Any]) -> Place:
    return Place(entry[0], entry[1], entry[2])


@dataclass(frozen=True, slots=True)
class EmptyStop:
    """A place on the way that stands for a promise given back; see `optimizer.slots.witness`."""

    visit_id: str
    place: Place
    spread_m: int
    executive_id: str


def stops_text(stops: Iterable[EmptyStop]) -> str:
    """Empty stops, by id."""
    entries = ([s.visit_id, _place(s.place), s.spread_m, s.executive_id] for s in stops)
    return json_text(sorted(entries))


def stops_of(text: str) -> tuple[EmptyStop, ...]:
    """What `stops_text` wrote."""
    return tuple(EmptyStop(e[0], _place_of(e[1]), e[2], e[3]) for e in json.loads(text))


def witness_text(witness: Orders) -> str:
    """Orders of visits by executive."""
    return json_text({executive_id: list(order) for executive_id, order in witness.items() if order})


def witness_of(text: str) -> dict[str, tuple[str, ...]]:
    """What `witness_text` wrote."""
    return {executive_id: tuple(order) for executive_id, order in json.loads(text).items()}


def sale_of(row: Row[Any], closed_because: str | None, grid: SlotGrid) -> Sale:
    """What of a day is for sale; `closed_because` by the calendar goes before what the row says."""
    return Sale(
        closed_because or row.closed_because,
        row.published_at is not None,
        {int(slot): reason for slot, reason in json.loads(row.closed_slots).items()},
        frozenset(json.loads(row.stop_sales)),
        {int(slot): quota for slot, quota in json.loads(row.quotas).items()},
        {(slot, kit): quota for slot, kit, quota in json.loads(row.kit_quotas)},
        None if row.capacity is None else capacity_of(row.capacity, grid),
    )


def sale_values(sale: Sale) -> Values:
    """The columns of a day about its sale, but for whether it is published, and why it is closed."""
    return {
        "closed_slots": json_text({str(slot): reason for slot, reason in sale.closed_slots.items()}),
        "stop_sales": json_text(sorted(sale.stop_sales)),
        "quotas": json_text({str(slot): quota for slot, quota in sale.quotas.items()}),
        "kit_quotas": json_text(sorted([slot, kit, quota] for (slot, kit), quota in sale.kit_quotas.items())),
        "capacity": None if sale.capacity is None else capacity_text(sale.capacity),
    }


def capacity_text(quotas: Quotas) -> str:
    """Quotas that were computed, but for the slots, which are those of the day."""
    return json_text(
        {
            "needs": [sorted(need) for need in quotas.needs],
            "places": [list(row) for row in quotas.places],
            "limits": sorted([list(union), list(limit)] for union, limit in quotas.limits.items()),
            "kit_apart": quotas.kit_apart,
            "day_most": quotas.day_most,
            "worth": None if quotas.worth is None else list(quotas.worth),
        }
    )


def capacity_of(text: str, grid: SlotGrid) -> Quotas:
    """What `capacity_text` wrote."""
    entry = json.loads(text)
    return Quotas(
        grid,
        tuple(frozenset(need) for need in entry["needs"]),
        tuple(tuple(row) for row in entry["places"]),
        {tuple(union): tuple(limit) for union, limit in entry["limits"]},
        entry["kit_apart"],
        entry["day_most"],
        None if entry["worth"] is None else tuple(entry["worth"]),
    )
