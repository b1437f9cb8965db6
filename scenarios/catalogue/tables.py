"""From the tables of a folder to a catalogue, checked as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from optimizer.domain import InvalidProblem, Place
from scenarios.catalogue.nouns import (
    Catalogue,
    City,
    CityGeometry,
    CityVolume,
    DemandFact,
    HourShape,
    Locality,
    Service,
    VisitPattern,
)
from scenarios.catalogue.rules import read_rules
from scenarios.catalogue.sheet import Folder

FAR_KM = 100.0
"""Nothing of a city lies further from its centre; catches coordinates that were mistyped."""

_CITY_NEEDED = ("city_id", "name_en", "name_hi", "centre_lon", "centre_lat", "in_scheme_since")
_CITY_OPTIONAL = (
    *("kind", "membership", "district", "district_at_launch", "centre_basis", "office_lon", "office_lat"),
    *("office_basis", "population", "population_basis", "population_other", "population_other_basis", "area_km2"),
    *("area_basis", "wards", "wards_basis", "membership_source", "confidence", "note"),
)
_SERVICE_NEEDED = ("service_id", "name_en", "name_hi", "department", "visit_pattern", "collect_minutes", "since")
_SERVICE_OPTIONAL = (
    *("departmental_fee_rs", "fee_basis", "payment_modes", "statutory_days", "statutory_basis", "documents"),
    *("documents_basis", "skills", "deliver_minutes", "minutes_basis", "until", "cities", "evidence", "confidence"),
)


def _apart_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Straight line, to a per cent: enough to see that something lies in another town."""
    east = (a[0] - b[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return 111.2 * math.hypot(east, a[1] - b[1])


def _cities(folder: Folder) -> Iterator[City]:
    for name, required in (("cities.csv", True), ("municipalities_2023.csv", False)):
        for row in folder.rows(name, _CITY_NEEDED, _CITY_OPTIONAL, required=required, noun="city"):
            centre = row.point("centre_lon", "centre_lat")
            given = row.text("office_lon") or row.text("office_lat")
            office = row.point("office_lon", "office_lat") if given else None
            since = row.day("in_scheme_since")
            if row.good and office is not None and _apart_km(centre, office) > FAR_KM:
                row.fault("office_lon", "too_far", office, f"within {FAR_KM:g} km of the centre")
            city_id = row.identifier("city_id", folder.ids["city"])
            fields = {
                "name_en": row.text("name_en", None),
                "name_hi": row.text("name_hi", None),
                "kind": row.text("kind"),
                "district": row.text("district"),
                "centre_basis": row.text("centre_basis"),
                "office_basis": row.text("office_basis", "proxy: the centre" if office is None else ""),
                "population_basis": row.text("population_basis"),
                "membership_source": row.text("membership_source"),
                "confidence": row.text("confidence"),
                "note": row.text("note"),
            }
            extension = row.choice("membership", ("launch", "extension"), "launch") == "extension"
            population = row.whole("population", 1, 100_000_000)
            area_km2 = row.number("area_km2", 0.1, 10_000)
            wards = row.whole("wards", 1, 1_000)
            if row.good:
                yield City(
                    city_id=city_id,
                    extension=extension,
                    centre=Place("centre", *centre),
                    office=Place("office", *(office or centre)),
                    population=population,
                    area_km2=area_km2,
                    wards=wards,
                    in_scheme_since=since,
                    **fields,
                )


def _services(folder: Folder, modes: tuple[str, ...]) -> Iterator[Service]:
    for row in folder.rows("services.csv", _SERVICE_NEEDED, _SERVICE_OPTIONAL, required=True, noun="service"):
        service_id = row.identifier("service_id", folder.ids["service"])
        pattern = row.choice("visit_pattern", VisitPattern)
        deliver = row.whole("deliver_minutes", 0, 240) or 0
        if pattern == VisitPattern.TWO_VISITS and not row.text("deliver_minutes"):
            row.fault("deliver_minutes", "empty", "", "a service of two visits says how long the second takes")
        skills = row.items("skills")
        for skill in skills:
            if not skill.replace("_", "").replace("-", "").isalnum() or not skill.isascii():
                row.fault("skills", "bad_id", skill, "letters, digits, - and _")
        only_in = row.items("cities")
        for city_id in only_in:
            row.known("cities", folder, "city", city_id)
        paid_by = row.items("payment_modes") or modes
        for mode in paid_by:
            if modes and mode not in modes:
                row.fault("payment_modes", "bad_choice", mode, f"one of {', '.join(modes)}")
        since, until = row.day("since"), row.date("until")
        if until is not None and until < since:
            row.fault("until", "bad_range", until.isoformat(), f"not before {since.isoformat()}")
        service = {
            "name_en": row.text("name_en", None),
            "name_hi": row.text("name_hi", None),
            "department": row.text("department", None),
            "fee_basis": row.text("fee_basis"),
            "statutory_basis": row.text("statutory_basis"),
            "documents_basis": row.text("documents_basis"),
            "minutes_basis": row.text("minutes_basis", "ASSUMPTION"),
            "evidence": row.text("evidence"),
            "confidence": row.text("confidence"),
        }
        fee = row.whole("departmental_fee_rs", 0, 100_000)
        days = row.whole("statutory_days", 1, 1_000)
        collect = row.count("collect_minutes", 1, 240)
        if row.good:
            yield Service(
                service_id=service_id,
                departmental_fee_rs=fee,
                payment_modes=paid_by,
                statutory_days=days,
                documents=row.items("documents"),
                pattern=VisitPattern(pattern),
                skills=frozenset(skills),
                collect_minutes=collect,
                deliver_minutes=deliver,
                since=since,
                until=until,
                cities=frozenset(only_in),
                **service,
            )


def _localities(folder: Folder, cities: Mapping[str, City]) -> Iterator[Locality]:
    needed = ("city_id", "name", "kind", "lon", "lat", "weight")
    optional = ("pincode", "pincode_basis", "spread_m", "quality", "source", "licence")
    # The second table holds points whose archive states no licence. It may be deleted: see SOURCES.md.
    for name in ("localities.csv", "localities_schools.csv"):
        seen: set[tuple[str, str, str]] = set()
        for row in folder.rows(name, needed, optional):
            key = (
                row.reference("city_id", folder, "city"),
                row.text("name", None),
                row.text("kind", None),
            )
            if key in seen:
                row.fault("name", "duplicate_name", key[1], "one row for a kind and name in a city")
            seen.add(key)
            point = row.point("lon", "lat")
            city = cities.get(key[0])
            if row.good and city and _apart_km(point, (city.centre.lon, city.centre.lat)) > FAR_KM:
                row.fault("lon", "too_far", point, f"within {FAR_KM:g} km of the centre of {city.city_id}")
            pincode = row.text("pincode")
            if pincode and not (len(pincode) == 6 and pincode.isascii() and pincode.isdigit()):
                row.fault("pincode", "bad_pincode", pincode, "six digits")
            weight, spread = row.count("weight", 0, 1_000_000), row.whole("spread_m", 0, 100_000) or 0
            if row.good:
                rest = (row.text("quality"), row.text("source"), row.text("licence"))
                yield Locality(*key, *point, pincode or None, weight, spread, *rest)


def _geometries(folder: Folder) -> Iterator[CityGeometry]:
    distances = ("p50_radius_km", "p90_radius_km", "max_radius_km", "mean_pair_distance_km")
    others = ("points", "distinct_points", "localities", "median_nearest_neighbour_m", "basis")
    corners = ("min_lon", "min_lat", "max_lon", "max_lat")
    seen: set[str] = set()
    for row in folder.rows(
        "city_geometry.csv", ("city_id", "median_lon", "median_lat", *distances), (*others, *corners)
    ):
        city_id = row.reference("city_id", folder, "city")
        row.identifier("city_id", seen)
        point = row.point("median_lon", "median_lat")
        p50, p90, most, pair = (row.count(column, 0, 200, 1_000) for column in distances)
        if row.good and not p50 <= p90 <= most:
            row.fault("p90_radius_km", "bad_order", (p50, p90, most), "p50 <= p90 <= max")
        if row.good:
            yield CityGeometry(city_id, *point, p50, p90, most, pair)


def _volumes(folder: Folder) -> Iterator[CityVolume]:
    columns = tuple(
        f"{what}_{reading}"
        for reading in ("as_run", "demand_led")
        for what in ("collections_per_day", "deliveries_per_day", "executives")
    )
    seen: set[str] = set()
    for row in folder.rows("city_volumes.csv", ("city_id", *columns), ("population_used", "basis")):
        city_id = row.reference("city_id", folder, "city")
        row.identifier("city_id", seen)
        numbers = [row.count(c, 0, 100_000, 1 if c.startswith("executives") else 10) for c in columns]
        if row.good:
            yield CityVolume(city_id, *numbers)


def _service_shares(folder: Folder) -> Iterator[tuple[str, int]]:
    seen: set[str] = set()
    for row in folder.rows("service_mix.csv", ("service_id", "share_percent"), ("basis",)):
        row.identifier("service_id", seen)
        service_id = row.reference("service_id", folder, "service")
        share = row.count("share_percent", 0, 100, 10)
        if row.good:
            yield service_id, share


def _hour_shape(folder: Folder) -> Iterator[HourShape]:
    seen: set[str] = set()
    for row in folder.rows("demand_shape.csv", ("hour", "weight_weekday", "weight_sunday"), ("basis",)):
        row.identifier("hour", seen)
        shape = HourShape(
            row.count("hour", 0, 23),
            row.count("weight_weekday", 0, 1_000, 100),
            row.count("weight_sunday", 0, 1_000, 100),
        )
        if row.good:
            yield shape


def _speeds(folder: Folder) -> tuple[float, ...] | None:
    by_hour: dict[int, float] = {}
    seen: set[str] = set()
    optional = ("source_speed_kmh", "source", "suggested_basis")
    for row in folder.rows("speed_by_hour.csv", ("hour", "suggested_speed_kmh"), optional):
        row.identifier("hour", seen)
        by_hour[row.count("hour", 0, 23)] = row.real("suggested_speed_kmh", 1, 150)
    if not by_hour:
        return None
    return tuple(by_hour[min(by_hour, key=lambda known: (abs(known - hour), known))] for hour in range(24))


def _demand_facts(folder: Folder) -> Iterator[DemandFact]:
    needed = ("fact_id", "scheme", "place", "metric", "value", "unit", "period", "source", "confidence", "note")
    seen: set[str] = set()
    for row in folder.rows("demand_facts.csv", needed):
        fact_id = row.identifier("fact_id", seen)
        texts = {column: row.text(column) for column in needed if column not in ("fact_id", "value")}
        value = row.real("value", 0, 1e12)
        if row.good:
            yield DemandFact(fact_id=fact_id, value=value, **texts)


def load_catalogue(folder: str | Path | None = None) -> Catalogue:
    """The catalogue of a folder, or the one that comes with the package (read once, then kept).

    Raises InvalidProblem with every fault of every table; the path of a fault is (file, line, column).
    """
    return _read(Folder(Path(folder))) if folder is not None else _default_catalogue()


@lru_cache(maxsize=1)
def _default_catalogue() -> Catalogue:
    return _read(Folder(files("scenarios") / "data"))


def _read(folder: Folder) -> Catalogue:
    scheme = read_rules(folder)
    cities = tuple(_cities(folder))  # first of the tables: the others name cities, and services
    services = tuple(_services(folder, scheme.payment_modes if scheme else ()))
    localities = tuple(_localities(folder, {city.city_id: city for city in cities}))
    geometries, volumes = tuple(_geometries(folder)), tuple(_volumes(folder))
    shares, shape, speeds = dict(_service_shares(folder)), tuple(_hour_shape(folder)), _speeds(folder)
    demand_facts = tuple(_demand_facts(folder))
    if folder.faults or scheme is None:
        raise InvalidProblem(folder.faults)
    return Catalogue(scheme, cities, services, localities, geometries, volumes, shares, shape, speeds, demand_facts)
