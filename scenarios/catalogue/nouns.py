"""What a catalogue holds: cities, services, localities, demand and the rules of the scheme. Frozen."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from optimizer.domain import Fault, InvalidProblem, Place, ServiceRules
from optimizer.units import MINUTE_S

T = TypeVar("T")


class VisitPattern(StrEnum):
    """How often an executive comes: once, or again with the certificate."""

    ONE_VISIT = "one_visit"
    TWO_VISITS = "two_visits"


@dataclass(frozen=True, slots=True)
class City:
    """A town the scheme serves. `extension` marks those that joined after the launch.

    `office` is where envelopes lie; `office_basis` begins with "proxy" where the true address is not known.
    """

    city_id: str
    name_en: str
    name_hi: str
    kind: str
    extension: bool
    district: str
    centre: Place
    centre_basis: str
    office: Place
    office_basis: str
    population: int | None
    population_basis: str
    area_km2: float | None
    wards: int | None
    in_scheme_since: dt.date
    membership_source: str
    confidence: str
    note: str

    @property
    def office_is_proxy(self) -> bool:
        """True where the office is not where it is, but at a point that stands for it."""
        return self.office_basis.startswith("proxy")


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the scheme, as it can be booked from `since` to `until`, both included.

    `departmental_fee_rs` and `statutory_days` (working days until the certificate is due) are None where they are
    not known. `cities` are the only ones that have it; empty means all. Minutes at the door are assumptions.
    """

    service_id: str
    name_en: str
    name_hi: str
    department: str
    departmental_fee_rs: int | None
    fee_basis: str
    payment_modes: tuple[str, ...]
    statutory_days: int | None
    statutory_basis: str
    documents: tuple[str, ...]
    documents_basis: str
    pattern: VisitPattern
    skills: frozenset[str]
    collect_minutes: int
    deliver_minutes: int
    minutes_basis: str
    since: dt.date
    until: dt.date | None
    cities: frozenset[str]
    evidence: str
    confidence: str

    @property
    def needs_delivery(self) -> bool:
        """True when an executive comes a second time, with the certificate."""
        return self.pattern is VisitPattern.TWO_VISITS

    @property
    def collect_s(self) -> int:
        """Seconds at the door to take the application."""
        return self.collect_minutes * MINUTE_S

    @property
    def deliver_s(self) -> int:
        """Seconds at the door to hand over the certificate; 0 where nothing is handed over."""
        return self.deliver_minutes * MINUTE_S

    def bookable(self, date: dt.date, city: City | None = None) -> bool:
        """True when the service can be had on this date, in this city where one is given."""
        if date < self.since or (self.until is not None and date > self.until):
            return False
        if city is None:
            return True
        return date >= city.in_scheme_since and (not self.cities or city.city_id in self.cities)


@dataclass(frozen=True, slots=True)
class Locality:
    """A named point of the gazetteer. `weight` is its share of the residents in no unit, 0 for a landmark.

    `spread_m` tells how wide the locality is: the distance of its known points from this one, 0 for one point.
    """

    city_id: str
    name: str
    kind: str
    lon: float
    lat: float
    pincode: str | None
    weight: int
    spread_m: int
    quality: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class CityGeometry:
    """How far a city reaches: radii in metres round a middle point within which half, nine in ten, all of it lie."""

    city_id: str
    lon: float
    lat: float
    p50_radius_m: int
    p90_radius_m: int
    max_radius_m: int
    mean_pair_distance_m: int


@dataclass(frozen=True, slots=True)
class CityVolume:
    """Collections and deliveries of a weekday in tenths of a visit, and executives, in two readings of demand.

    *As run* follows what the scheme did, flat over the cities; *demand led* follows the population.
    """

    city_id: str
    collections_as_run_tenths: int
    deliveries_as_run_tenths: int
    executives_as_run: int
    collections_demand_led_tenths: int
    deliveries_demand_led_tenths: int
    executives_demand_led: int


@dataclass(frozen=True, slots=True)
class HourShape:
    """Weight of the hour that begins at `hour` in the demand of a day, in hundredths, weekday and Sunday."""

    hour: int
    weekday_hundredths: int
    sunday_hundredths: int


@dataclass(frozen=True, slots=True)
class DemandFact:
    """One published (or, where the metric says DERIVED, computed) figure about demand, with its source."""

    fact_id: str
    scheme: str
    place: str
    metric: str
    value: float
    unit: str
    period: str
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class Basis:
    """What a rule rests on: "fact" or "ASSUMPTION", and where it comes from."""

    basis: str
    source: str


@dataclass(frozen=True, slots=True)
class SchemeRules:
    """What `rules.json` says: the rules every city shares, and what is assumed about staff and demand.

    `basis` says of each entry, by its name in the file, whether it is a fact.
    """

    service: ServiceRules
    services_per_slot: int
    application_fee_rs: int
    payment_modes: tuple[str, ...]
    travel_margin_percent: int
    shift_s: int
    overtime_s: int
    break_s: int
    break_earliest_after_s: int
    break_latest_after_s: int
    kits: frozenset[str]
    kit_percent: int
    home_start_percent: int
    stops_per_executive: int
    sunday_demand_percent: int
    busy_percent: int
    full_percent: int
    basis: Mapping[str, Basis]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All facts of one folder. Cities and services by id; lookups that fail name what is near."""

    scheme: SchemeRules
    cities: tuple[City, ...]
    services: tuple[Service, ...]
    localities: tuple[Locality, ...] = ()
    geometries: tuple[CityGeometry, ...] = ()
    volumes: tuple[CityVolume, ...] = ()
    service_share_tenths: Mapping[str, int] = field(default_factory=dict)
    hour_shape: tuple[HourShape, ...] = ()
    speed_kmh_by_hour: tuple[float, ...] | None = None
    demand_facts: tuple[DemandFact, ...] = ()

    @property
    def rules(self) -> ServiceRules:
        """Hours, slots, closures and cut-off of the scheme."""
        return self.scheme.service

    def cities_in_scheme(self, *, include_extension: bool = False) -> tuple[City, ...]:
        """The launch cities, and those that joined later where asked for."""
        return tuple(city for city in self.cities if include_extension or not city.extension)

    def city(self, name: str) -> City:
        """The city of this id, English or Hindi name (case does not matter). InvalidProblem when there is none."""
        return _found(name, self._city_by_name, "city")

    def service(self, name: str) -> Service:
        """The service of this id, English or Hindi name (case does not matter). InvalidProblem when there is none."""
        return _found(name, self._service_by_name, "service")

    def services_on(self, date: dt.date, city: City | str | None = None) -> tuple[Service, ...]:
        """The services that can be had on this date, in this city where one is given."""
        town = self.city(city) if isinstance(city, str) else city
        return tuple(service for service in self.services if service.bookable(date, town))

    def total_fee_rs(self, service: Service) -> int | None:
        """Rupees a citizen pays, once: application fee and departmental fee; None where the latter is not known."""
        if service.departmental_fee_rs is None:
            return None
        return self.scheme.application_fee_rs + service.departmental_fee_rs

    def localities_of(self, city: City) -> tuple[Locality, ...]:
        """The gazetteer of one city, in the order of the tables; may be empty."""
        return self._localities_by_city.get(city.city_id, ())

    def geometry_of(self, city: City) -> CityGeometry | None:
        """How far the city reaches, None where it is not known."""
        return next((geometry for geometry in self.geometries if geometry.city_id == city.city_id), None)

    def volume_of(self, city: City) -> CityVolume | None:
        """Visits and staff of the city, None where they are not known."""
        return next((volume for volume in self.volumes if volume.city_id == city.city_id), None)

    @cached_property
    def _city_by_name(self) -> dict[str, City]:
        return _by_name((city, (city.city_id, city.name_en, city.name_hi)) for city in self.cities)

    @cached_property
    def _service_by_name(self) -> dict[str, Service]:
        return _by_name((service, (service.service_id, service.name_en, service.name_hi)) for service in self.services)

    @cached_property
    def _localities_by_city(self) -> dict[str, tuple[Locality, ...]]:
        grouped: dict[str, list[Locality]] = {}
        for locality in self.localities:
            grouped.setdefault(locality.city_id, []).append(locality)
        return {city_id: tuple(rows) for city_id, rows in grouped.items()}


def _by_name(named: Iterable[tuple[T, tuple[str, ...]]]) -> dict[str, T]:
    """Ids win over names where the two collide."""
    table: dict[str, T] = {}
    rows = list(named)
    for position in range(3):
        for row, names in rows:
            if names[position]:
                table.setdefault(names[position].casefold(), row)
    return table


def _found(name: str, table: Mapping[str, T], noun: str) -> T:
    row = table.get(name.strip().casefold())
    if row is None:
        near = difflib.get_close_matches(name.strip().casefold(), table, n=3, cutoff=0.5)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise InvalidProblem([Fault((noun,), f"unknown_{noun}", name, f"a {noun} of the catalogue{hint}")])
    return row
