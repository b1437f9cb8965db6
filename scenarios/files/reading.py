"""A day file -> a day, or every fault in it at once.

Reading goes on after a fault wherever what follows still makes sense: each visit and executive is built on
its own, then what they say of each other is checked among those that could be built. A place is told once,
by its first fault.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter

from optimizer.calendar import closed_because, slot_grid
from optimizer.domain import (
    Executive,
    FairnessPiece,
    Fault,
    InvalidProblem,
    Place,
    Prices,
    Problem,
    SlotGrid,
    Visit,
    WaitingCurve,
    places_of,
)
from optimizer.timing import runnable_prefixes
from optimizer.travel import TravelTable
from optimizer.units import DAY_S
from scenarios.catalogue import Catalogue, City, load_catalogue
from scenarios.files.day import ScenarioDay, TravelSpec, scenario_day
from scenarios.files.faults import InvalidInput, in_json, in_table, read_bytes
from scenarios.files.notes import Document, KeyPath
from scenarios.files.nouns import NOWHERE, Nouns
from scenarios.files.shape import (
    DEFAULT_SPEEDS,
    SCHEMA_VERSION,
    Date,
    DayShape,
    DistinctIds,
    FormulaShape,
    Id,
    MatrixShape,
    PlaceShape,
    PricesShape,
    Text,
    TravelShape,
    Version,
)
from scenarios.files.text import parsed
from scenarios.travel.formula import FormulaSpec, formula_table, straight_line_m
from scenarios.travel.matrix import Grid, MatrixSpec, matrix_table, read_grid, unknown_places

T = TypeVar("T")
Attachments = Callable[[str], bytes]
"""The bytes of a file that a day names, by that name; raises InvalidInput when there is none."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What is too much: visits of a day, and kilometres from the office (or the centre of the city) to a place."""

    max_visits: int = 3_000
    max_km: float = 60.0


def read_day(path: str | Path, catalogue: Catalogue | None = None, limits: ReadLimits | None = None) -> ScenarioDay:
    """The day in a file. A matrix it names is read from the same folder, or below it.

    Raises InvalidInput with every fault found. `catalogue` is the one of the package unless given.
    """
    source = Path(path)

    def beside(name: str) -> bytes:
        return read_bytes(source.parent / name)

    return parse_day(read_bytes(source), source.name, catalogue=catalogue, limits=limits, attachments=beside)


def parse_day(
    data: bytes,
    file: str = "day.json",
    *,
    catalogue: Catalogue | None = None,
    limits: ReadLimits | None = None,
    attachments: Attachments | None = None,
) -> ScenarioDay:
    """The day in the bytes of a file called `file`; without `attachments` it cannot name a matrix."""
    document, faults = parsed(data, file)
    return day_of(document, file, faults, catalogue=catalogue, limits=limits, attachments=attachments)


def day_of(
    document: Document,
    file: str = "day.json",
    faults: Iterable[Fault] = (),
    *,
    catalogue: Catalogue | None = None,
    limits: ReadLimits | None = None,
    attachments: Attachments | None = None,
) -> ScenarioDay:
    """The day a document of plain JSON values says; `faults` are those known of it already."""
    if document.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        # Another version has other fields: what else could be said of it would be wrong.
        rule = f"version {SCHEMA_VERSION} of the day file"
        version = Fault(("schema_version",), "unknown_version", document["schema_version"], rule)
        raise InvalidInput(in_json(file, [version]))
    known = catalogue or load_catalogue()
    return _Reading(document, file, known, limits or ReadLimits(), attachments, list(faults)).day()


# ------------------------------------------------------------------------------- small pieces

_VERSION = TypeAdapter[int](Version)
_TEXT = TypeAdapter[str | None](Text | None)
_ID = TypeAdapter[str](Id)
_DATE = TypeAdapter[dt.date](Date)
_INT = TypeAdapter(int)
_IDS = TypeAdapter[list[str]](DistinctIds)
_PLACE = TypeAdapter(PlaceShape)
_PRICES = TypeAdapter(PricesShape)
_ROWS = TypeAdapter(list[Any])
_FORMULA = TypeAdapter(FormulaShape)
_MATRIX = TypeAdapter(MatrixShape)


@dataclass(frozen=True, slots=True)
class _Grids:
    """Where travel times come from, read but not yet spread over the places of the day."""

    spec: TravelSpec
    seconds: Grid | None = None
    metres: Grid | None = None


class _Reading(Nouns):
    """One day file being read: what is known of it so far, and the faults."""

    def __init__(
        self,
        document: Document,
        file: str,
        catalogue: Catalogue,
        limits: ReadLimits,
        attachments: Attachments | None,
        faults: list[Fault],
    ) -> None:
        super().__init__(document, file, faults)
        self.catalogue, self.limits, self.attachments = catalogue, limits, attachments

    def day(self) -> ScenarioDay:
        """The day; InvalidInput with all faults when there are any."""
        self._check_keys()
        name = self.piece("name", _TEXT)
        city = self._city()
        self.date, self.grid = self._date(), self._slots()
        office = self._office()
        grids = self._grids()
        prices = self._prices()
        declared = self._declared_skills()
        executives = self._rows("executives", self.executive)
        visits: dict[int, Visit] = self._rows("visits", self.visit)
        self._check_single_ids()
        self._check_references()
        self._check_skills(declared)
        self._check_area(city, office)
        self._check_each_other(office, visits, executives)
        if office and self.date and self.grid and grids and prices and not (self.faults or self.outside):
            table = self._table(grids, places_of(office, visits.values(), executives.values()))
            if table is not None:
                problem = Problem(
                    self.document["city"],
                    self.date,
                    self.grid,
                    office,
                    tuple(visits.values()),
                    tuple(executives.values()),
                    table,
                    prices,
                )
                self._check_prefixes(problem, executives)
                if not self.faults:
                    return scenario_day(problem, grids.spec, name, declared)
        raise InvalidInput(self.all_faults())

    def _check_prefixes(self, problem: Problem, executives: dict[int, Executive]) -> None:
        runnable = runnable_prefixes(problem)
        for row, executive in executives.items():
            if not runnable.get(executive.executive_id, True):
                rule = "a route can begin with these visits in this order within windows, shift and break"
                at = ("executives", row, "fixed_prefix")
                self.note(at, "prefix_cannot_be_run", list(executive.fixed_prefix), rule)

    def _rows(self, key: str, build: Callable[[Any, KeyPath], T | None]) -> dict[int, T]:
        """The rows of a list that could be built, by their position in the file."""
        rows = self.piece(key, _ROWS) or []
        if key == "visits" and len(rows) > self.limits.max_visits:
            rule = f"at most {self.limits.max_visits} visits"
            self.note((key,), "too_many_visits", len(rows), rule)
            return {}
        built = ((position, build(raw, (key, position))) for position, raw in enumerate(rows))
        return {position: noun for position, noun in built if noun is not None}

    # -------------------------------------------------------------------------------- the head

    def _check_keys(self) -> None:
        for key in sorted(self.document.keys() - DayShape.model_fields.keys()):
            self.note((key,), "unknown_field", self.document[key], "a field of the format; see the published schema")
        for key, shape in DayShape.model_fields.items():
            if shape.is_required() and key not in self.document:
                self.note((key,), "missing_field", None, "this field is required")
        self.piece("schema_version", _VERSION)

    def _city(self) -> City | None:
        name = self.piece("city", _ID)
        if name is None:
            return None
        by_id = {city.city_id: city for city in self.catalogue.cities}
        if name not in by_id:
            try:
                rule = f"the id of a city of the catalogue: {self.catalogue.city(name).city_id}"
            except InvalidProblem as error:
                rule = error.faults[0].rule
            self.note(("city",), "unknown_city", name, rule)
        return by_id.get(name)

    def _date(self) -> dt.date | None:
        date = self.piece("date", _DATE)
        if date is not None:
            reason = closed_because(self.catalogue.rules, date)
            if reason is not None:
                self.note(("date",), "closed_day", date, f"an open day of the service ({reason})")
        return date

    def _slots(self) -> SlotGrid | None:
        minutes = self.piece("slot_minutes", _INT) if "slot_minutes" in self.document else 60
        if minutes is None:
            return None
        return self.built(
            lambda: slot_grid(self.catalogue.rules, minutes), (), {"slot_s": ("slot_minutes",), "": ("slot_minutes",)}
        )

    def _office(self) -> Place | None:
        shape = self.piece("office", _PLACE)
        return None if shape is None else self.place(shape, ("office",))

    def _declared_skills(self) -> frozenset[str]:
        declared = self.piece("skills", _IDS) or []
        for position, skill in enumerate(declared):
            self.check_id(skill, ("skills", position))
        return frozenset(declared)

    def _prices(self) -> Prices | None:
        if "prices" not in self.document:
            return Prices()
        before = len(self.faults)
        shape = self.piece("prices", _PRICES)
        if shape is None or len(self.faults) > before:  # prices are judged by each other
            return None
        curve = self.built(lambda: WaitingCurve(**shape.waiting.model_dump()), ("prices", "waiting"), {})
        pieces = tuple(FairnessPiece(piece.above_s, piece.price_permille) for piece in shape.fairness)
        return self.built(
            lambda: Prices(shape.overtime_permille, pieces, shape.continuity_s, curve or WaitingCurve()),
            ("prices",),
            {},
        )

    # ---------------------------------------------------------------------------------- travel

    def _grids(self) -> _Grids | None:
        """Where travel times come from; None, with faults noted, where that cannot be used."""
        if "travel" not in self.document:
            return _Grids(FormulaSpec())
        raw = self.document["travel"]
        if not isinstance(raw, dict):
            self.note(("travel",), "wrong_type", raw, "an object")
            return None
        source = raw.get("source")
        if source == "formula":
            formula = self.fitted(_FORMULA, raw, ("travel",)).shape
            spec = None if formula is None else self._formula(formula)
            return None if spec is None else _Grids(spec)
        if source == "matrix":
            matrix = self.fitted(_MATRIX, raw, ("travel",)).shape
            return None if matrix is None else self._matrix(matrix)
        code = "unknown_value" if "source" in raw else "missing_field"
        self.note(("travel", "source"), code, source, "'formula' or 'matrix'")
        return None

    def _formula(self, shape: TravelShape) -> FormulaSpec | None:
        speeds: tuple[float, ...] | None
        if shape.speed_kmh_by_hour == DEFAULT_SPEEDS:
            speeds = self.catalogue.speed_kmh_by_hour
            if speeds is None:
                self.note(("travel", "speed_kmh_by_hour"), "no_default_speeds", None, "speeds in the catalogue")
        else:
            speeds = None if shape.speed_kmh_by_hour is None else tuple(map(float, shape.speed_kmh_by_hour))
        return self.built(
            lambda: FormulaSpec(shape.fixed_minutes, shape.minutes_per_km, shape.margin_pct, speeds), ("travel",), {}
        )

    def _matrix(self, shape: MatrixShape) -> _Grids | None:
        formula = self._formula(shape)
        seconds = self._attached(shape.file, shape.sha256, "file", "sha256")
        metres = None
        if shape.metres_file is not None:
            metres = self._attached(shape.metres_file, shape.metres_sha256, "metres_file", "metres_sha256")
        elif shape.metres_sha256 is not None:
            self.note(("travel", "metres_sha256"), "no_file", None, "a metres_file that this is the SHA-256 of")
        if formula is None or seconds is None or (shape.metres_file is not None and metres is None):
            return None
        spec = MatrixSpec(shape.file, seconds[1], shape.metres_file, metres[1] if metres else None, formula)
        return _Grids(spec, seconds[0], metres[0] if metres else None)

    def _attached(self, name: str, sha256: str | None, key: str, hash_key: str) -> tuple[Grid, str] | None:
        """The matrix in a file that the day names, and the SHA-256 of its bytes."""
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            self.note(("travel", key), "bad_file_name", name, "a file in the folder of the day file, or below it")
            return None
        if self.attachments is None:
            self.note(("travel", key), "no_such_file", name, "a day that comes without a folder names no files")
            return None
        try:
            data = self.attachments(name)
        except InvalidInput as error:
            self.note(("travel", key), error.faults[0].code, name, error.faults[0].rule)
            return None
        actual = hashlib.sha256(data).hexdigest()
        if sha256 is not None and sha256 != actual:
            self.note(("travel", hash_key), "file_changed", sha256, f"the SHA-256 of {name}, which is {actual}")
        try:
            grid = read_grid(data)
        except InvalidProblem as error:
            self.outside.extend(in_table(name, error.faults))
            return None
        self.outside.extend(in_table(name, unknown_places(grid, self._ids_in_file())))
        return grid, actual

    def _ids_in_file(self) -> set[str]:
        """Every place id the file uses, those of faulty objects too."""
        found = [_place_id(self.document.get("office"))]
        found += [row.get("id") if row.get("place") is None else row["place"] for row in self.raw_rows("visits")]
        for row in self.raw_rows("executives"):
            found += [_place_id(row.get("start")), _place_id(row.get("end"))]
        return {name for name in found if isinstance(name, str)}

    def _table(self, grids: _Grids, places: tuple[Place, ...]) -> TravelTable | None:
        if isinstance(grids.spec, FormulaSpec):
            return formula_table(places, grids.spec)
        if grids.seconds is None:
            return None
        try:
            return matrix_table(places, grids.seconds, grids.metres, grids.spec)
        except InvalidProblem as error:
            self.outside.extend(in_table(grids.spec.file, error.faults))
            return None

    # --------------------------------------------------------------------- what must hold between

    def _check_single_ids(self) -> None:
        for key in ("executives", "visits"):
            ids = [row.get("id") if isinstance(row, dict) else None for row in _list(self.document.get(key))]
            counts = Counter(name for name in ids if isinstance(name, str))
            for row, name in enumerate(ids):
                if isinstance(name, str) and counts[name] > 1:
                    self.note((key, row, "id"), "duplicate_id", name, f"an id of {key} occurs once")

    def _check_references(self) -> None:
        """Who is named exists; those with faults of their own do."""
        visits = {row["id"] for row in self.raw_rows("visits") if isinstance(row.get("id"), str)}
        executives = {row["id"] for row in self.raw_rows("executives") if isinstance(row.get("id"), str)}
        for number, row in enumerate(_list(self.document.get("visits"))):
            for key in ("pinned_to", "held_by") if isinstance(row, dict) else ():
                name = row.get(key)
                if isinstance(name, str) and name not in executives:
                    self.note(("visits", number, key), "unknown_executive", name, "an executive of this day")
        for number, row in enumerate(_list(self.document.get("executives"))):
            for key in ("preferred_visits", "fixed_prefix") if isinstance(row, dict) else ():
                for position, name in enumerate(_list(row.get(key))):
                    if isinstance(name, str) and name not in visits:
                        self.note(("executives", number, key, position), "unknown_visit", name, "a visit of this day")

    def _check_skills(self, declared: frozenset[str]) -> None:
        """A skill that a visit needs is one of the catalogue, of an executive of the day, or declared in the file."""
        known = set(declared) | self.catalogue.scheme.kits
        known.update(skill for service in self.catalogue.services for skill in service.skills)
        for row in self.raw_rows("executives"):
            known.update(skill for skill in _list(row.get("skills")) if isinstance(skill, str))
        visits = self.document.get("visits")
        for number, visit in enumerate(_list(visits)):
            for position, skill in enumerate(_list(visit.get("skills")) if isinstance(visit, dict) else []):
                if isinstance(skill, str) and skill not in known:
                    rule = "a skill of the catalogue, of an executive of the day, or listed under /skills"
                    self.note(("visits", number, "skills", position), "unknown_skill", skill, rule)

    def _check_area(self, city: City | None, office: Place | None) -> None:
        """Every place lies in the service area; where the coordinates are swapped, that is said."""
        most_m = self.limits.max_km * 1_000
        anchor, named = office, "the office"
        if city is not None and (office is None or straight_line_m([city.centre], [office])[0, 0] > most_m):
            anchor, named = city.centre, f"the centre of {city.name_en}"
        if anchor is None or not self.spots:
            return
        lines_m = straight_line_m([anchor], [place for _, place in self.spots])[0]
        for (path, place), line_m in zip(self.spots, lines_m.tolist(), strict=True):
            if line_m <= most_m:
                continue
            at, value = (*path, "location", "coordinates"), [place.lon, place.lat]
            if abs(place.lon) <= 90:
                turned = Place(place.place_id, place.lat, place.lon)
                if straight_line_m([anchor], [turned])[0, 0] <= most_m:
                    self.note(at, "coordinates_swapped", value, "longitude (degrees east) first, then latitude")
                    continue
            rule = f"within {self.limits.max_km:g} km of {named}; this is {line_m / 1_000:.0f} km away"
            self.note(at, "too_far_from_office", value, rule)

    def _check_each_other(
        self, office: Place | None, visits: dict[int, Visit], executives: dict[int, Executive]
    ) -> None:
        """What the nouns that could be built say of each other; a reference to a faulty one is not told twice."""
        empty = np.zeros((0, 0), dtype=np.int32)
        try:
            Problem(
                "city",
                self.date or dt.date(2000, 1, 1),
                self.grid or SlotGrid(0, DAY_S, DAY_S),
                office or NOWHERE,
                tuple(visits.values()),
                tuple(executives.values()),
                TravelTable((), empty, empty.copy()),
            )
        except InvalidProblem as error:
            found = error.faults
        else:
            return
        positions: dict[str, list[int]] = {"visits": list(visits), "executives": list(executives)}
        for fault in found:
            # The table is empty, it is not what is looked at here; who is named has been looked at.
            if fault.code in ("place_not_in_table", "unknown_visit", "unknown_executive"):
                continue
            if fault.code == "envelope_elsewhere" and office is None:
                continue
            if fault.code == "not_a_slot" and self.grid is None:
                continue
            of, number = str(fault.path[0]), int(fault.path[1])
            path = self._place_in_file((of, positions[of][number], *fault.path[2:]))
            self.note(path, fault.code, fault.value, fault.rule)

    def _place_in_file(self, path: KeyPath) -> KeyPath:
        """The path of a fault between nouns; a place without an id of its own has that of its visit."""
        given, value = self.raw(path)
        return (*path[:-1], "id") if path[-1] == "place" and (not given or value is None) else path


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _place_id(value: Any) -> Any:
    return value.get("place") if isinstance(value, dict) else None
