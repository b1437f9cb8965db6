"""Who works when: the rosters of a city by date, read from a table or a JSON file, or made from its shift patterns.

The table has one row per executive and date. Its cells are those of executives.csv, typed by the same code, and each
date is judged by the rules of the day file, as a day on which nobody is visited yet. A shift may begin before the
service opens and end after it closes. A roster names executives by their ids only: a `note` may hold any text and is
not read.

In the table an executive who has no start, or starts at the very point of the office, starts at the office; another
start is their home, the place `home-<id>`. Without an end of their own they end where they start. In JSON places have
ids as in the day file.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from optimizer.calendar import service_days
from optimizer.domain import Executive, Fault, InvalidProblem, Place
from optimizer.units import MINUTE_S
from scenarios.catalogue import Catalogue, City
from scenarios.files import FileFault, InvalidInput, ReadLimits, day_of, in_json, in_table, read_bytes
from scenarios.files.day import point
from scenarios.files.notes import Notes
from scenarios.files.shape import Date, ExecutiveShape, Id, Shape, Version, schema_text
from scenarios.files.text import parsed
from scenarios.generate.addresses import AddressBook
from scenarios.generate.city_day import staff, staff_size
from scenarios.generate.dice import Dice
from scenarios.tables import (
    COLUMNS,
    EXECUTIVES,
    Column,
    KeyPath,
    csv_text,
    executive_cells,
    records_of,
    text_cell,
    told_by_cell,
    typed_row,
)
from scenarios.travel.matrix import decoded

Rosters = dict[dt.date, tuple[Executive, ...]]
"""By date, in its order: who works on it, by id. A date that is not in it has no roster, which is not an empty one."""

ROSTER_VERSION = 1
HOMES_SEED = 1
"""Of the homes of `pattern_roster`: they are made up once for each city, not for each date."""

POINTS = ("start_lon", "start_lat", "end_lon", "end_lat")
_AS_EXECUTIVES = (
    *("shift_open", "shift_close", "overtime_minutes", "break_minutes", "break_earliest", "break_latest"),
    *POINTS,
    "skills",
)
ROSTER_COLUMNS: Mapping[str, Column] = {
    "date": Column(("date",), text_cell, "a day of the service, like 2026-12-01", required=True),
    "executive": Column(("id",), text_cell, "id, once for each date; no names", required=True),
    **{name: COLUMNS[EXECUTIVES][name] for name in _AS_EXECUTIVES},
}

_OFFICE = "office"
_UNKNOWN_DATE = dt.date(2000, 1, 1)  # stands in where a date cannot be read, so that its times can be typed
_DATE = TypeAdapter[dt.date](Date)


@dataclass(frozen=True, slots=True)
class RosterLimits:
    """What is too much: shifts in one file, and kilometres from the office to a home."""

    max_shifts: int = 20_000
    max_km: float = 60.0


# ----------------------------------------------------------------------------------------- read


def read_roster(path: str | Path, catalogue: Catalogue, city: City, limits: RosterLimits | None = None) -> Rosters:
    """The rosters in a file: a table when its name ends in .csv, JSON when it ends in .json.

    Raises InvalidInput with every fault of it, each by line and column or by JSON Pointer.
    """
    return parse_roster(read_bytes(path), Path(path).name, catalogue, city, limits)


def parse_roster(
    data: bytes, file: str, catalogue: Catalogue, city: City, limits: RosterLimits | None = None
) -> Rosters:
    """The rosters in the bytes of a file with this name; as `read_roster`."""
    judge = _Judge(catalogue, city, limits or RosterLimits())
    ending = Path(file).suffix.lower()
    if ending == ".csv":
        return _from_table(data, file, judge)
    if ending == ".json":
        return _from_json(data, file, judge)
    raise InvalidInput([FileFault((), "unknown_format", file, "a name that ends in .csv or .json", file)])


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges one date at a time."""

    catalogue: Catalogue
    city: City
    limits: RosterLimits

    def roster(self, given: Mapping[str, Any], faults: Iterable[Fault]) -> tuple[tuple[Executive, ...], list[Fault]]:
        """The executives of one date, or all faults, their paths in `given`: an object of `date` and `executives`.

        `faults` are those known already.
        """
        date, since = _date_of(given.get("date")), self.city.in_scheme_since
        known = list(faults)
        if date is not None and date < since:
            rule = f"{self.city.city_id} joined on {since.isoformat()}"
            known.append(Fault(("date",), "not_in_scheme", given["date"], rule))
        office = {"place": _OFFICE, "location": point(self.city.office)}
        head = {"schema_version": 1, "city": self.city.city_id, "office": office, "visits": []}
        limits = ReadLimits(max_km=self.limits.max_km)
        try:
            day = day_of({**head, **given}, "", known, catalogue=self.catalogue, limits=limits)
        except InvalidInput as error:
            return (), [_of_a_roster(fault) for fault in error.faults]
        return day.problem.executives, []

    def too_many(self, path: KeyPath, shifts: int) -> Iterator[Fault]:
        """The fault of a file that holds more shifts than any roster does."""
        if shifts > self.limits.max_shifts:
            yield Fault(path, "too_many_shifts", shifts, f"at most {self.limits.max_shifts} shifts in one file")


def _of_a_roster(fault: Fault) -> Fault:
    """A fault of a day in the words of a roster."""
    rules = {
        "duplicate_id": "an executive works one shift on a date",
        "unknown_visit": "a roster names no visits",
    }
    return Fault(fault.path, fault.code, fault.value, rules.get(fault.code, fault.rule))


def _date_of(value: object) -> dt.date | None:
    """The date a file says, None where that is none."""
    try:
        return _DATE.validate_python(value, strict=True)
    except ValidationError:
        return None


# -------------------------------------------------------------------------------------- a table


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the table, with the line it begins on and its date where that is one."""

    line: int
    cells: Mapping[str, str]
    date: dt.date | None


def _from_table(data: bytes, file: str, judge: _Judge) -> Rosters:
    try:
        records, form_faults = records_of(decoded(data), ROSTER_COLUMNS)
    except InvalidProblem as error:
        raise InvalidInput(in_table(file, error.faults)) from None
    faults = in_table(file, [*form_faults, *judge.too_many((1,), len(records))])
    if not records and not faults:
        faults = in_table(file, [Fault((1,), "empty_file", "", "a row for each executive and date")])
    if len(records) > judge.limits.max_shifts:
        raise InvalidInput(faults)
    rosters: Rosters = {}
    for date, lines in _by_date(_Line(line, cells, _date_of(cells["date"])) for line, cells in records):
        executives, found = _executives_of(lines, file, judge)
        faults.extend(found)
        if date is not None:
            rosters[date] = executives
    if faults:
        raise InvalidInput(sorted(faults, key=lambda fault: fault.line or 0))
    return dict(sorted(rosters.items()))


def _by_date(lines: Iterable[_Line]) -> list[tuple[dt.date | None, list[_Line]]]:
    """The lines of each date together; one whose date cannot be read stands alone, as nothing is known beside it."""
    known: dict[dt.date, list[_Line]] = {}
    alone: list[tuple[dt.date | None, list[_Line]]] = []
    for line in lines:
        if line.date is None:
            alone.append((None, [line]))
        else:
            known.setdefault(line.date, []).append(line)
    return [*known.items(), *alone]


def _executives_of(lines: Sequence[_Line], file: str, judge: _Judge) -> tuple[tuple[Executive, ...], list[FileFault]]:
    """The executives in the lines of one date, or the faults of these lines."""
    faults: list[Fault] = []
    rows = [
        executive_row(
            line.cells, ROSTER_COLUMNS, judge.city.office, line.date or _UNKNOWN_DATE, (EXECUTIVES, number), faults
        )
        for number, line in enumerate(lines)
    ]
    date = lines[0].cells["date"]
    executives, found = judge.roster({EXECUTIVES: rows, **({"date": date} if date else {})}, faults)
    # A place takes its name from the executive, so what is wrong with that is told of the executive first.
    found.sort(key=lambda fault: fault.path[-1:] == ("place",))
    told: dict[tuple[int | None, str | int | None, str], FileFault] = {}
    for fault in found:
        for each in _told(fault, lines, file):
            told.setdefault((each.line, each.column, each.code), each)
    return executives, list(told.values())


def executive_row(
    cells: Mapping[str, str],
    columns: Mapping[str, Column],
    office: Place,
    date: dt.date,
    at: KeyPath,
    faults: list[Fault],
) -> dict[str, Any]:
    """The cells of a line as an executive of the day file, with a start and an end; as `typed_row`."""
    row = typed_row(cells, columns, date, at, faults)
    row.pop("date", None)  # of the roster, not of the executive
    start, end = (row[key]["location"] if key in row else None for key in ("start", "end"))
    start_id, end_id = place_ids(row.get("id"), point(office), start, end)
    start = point(office) if start is None else start
    end = start if end is None else end
    return {
        **row,
        "start": {"place": start_id, "location": start},
        "end": {"place": end_id, "location": end},
    }


def place_ids(executive_id: object, office: object, start: object, end: object) -> tuple[str, str]:
    """What the places of an executive are called: whoever starts at the point of the office starts at the office.

    None stands for no point: at the start it is the office, at the end it is the start. Who starts at the office may
    end at home; an end that is neither the start, the office nor a home is `end-<id>`.
    """
    start_id = _OFFICE if start in (None, office) else f"home-{executive_id}"
    if end in (None, start):
        return start_id, start_id
    if end == office:
        return start_id, _OFFICE
    return start_id, f"home-{executive_id}" if start_id == _OFFICE else f"end-{executive_id}"


def _told(fault: Fault, lines: Sequence[_Line], file: str) -> Iterator[FileFault]:
    """A fault of a date by the line and column of what is wrong; of the date itself in each of its lines."""
    number = fault.path[1] if len(fault.path) > 1 else None
    if fault.path[:1] != (EXECUTIVES,) or not isinstance(number, int):
        for line in lines:
            yield told_by_cell(fault, file, line.line, line.cells, ROSTER_COLUMNS)
        return
    line = lines[number]
    in_row = Fault(fault.path[2:], fault.code, fault.value, fault.rule)
    yield from told_of_executive(in_row, file, line.line, line.cells, ROSTER_COLUMNS)


def told_of_executive(
    fault: Fault, file: str, line: int, cells: Mapping[str, str], columns: Mapping[str, Column]
) -> Iterator[FileFault]:
    """As `told_by_cell`, of the row of an executive; nothing where another fault of the row says it already."""
    path, rule = fault.path, fault.rule
    if path[-1:] == ("place",):
        if fault.code != "bad_id":
            return  # the same executive in two rows with two homes; that there are two rows is told
        path, rule = ("id",), f"{rule}; {fault.value} must be one too"
    if path[:1] == ("end",) and not (cells.get("end_lon") or cells.get("end_lat")):
        return  # where no cell says the end it is the start, and what is wrong with that is told there
    yield told_by_cell(Fault(path, fault.code, fault.value, rule), file, line, cells, columns)


# ----------------------------------------------------------------------------------------- JSON


class DayRosterShape(Shape):
    """Who works on one date."""

    date: Date
    executives: list[ExecutiveShape]
    """As in the day file; they prefer no visits yet, and no route begins with any."""


class RosterShape(Shape):
    """Who works when in one city."""

    schema_version: Version
    city: Id
    rosters: list[DayRosterShape]
    """At least one, each of another date."""


def roster_schema() -> str:
    """The JSON Schema of a roster file."""
    return schema_text(RosterShape, "Rosters of the Mitaan doorstep service")


_VERSION, _ID, _ROWS = TypeAdapter[int](Version), TypeAdapter[str](Id), TypeAdapter(list[Any])


def _from_json(data: bytes, file: str, judge: _Judge) -> Rosters:
    document, known = parsed(data, file)
    check_version(document, file, ROSTER_VERSION, "roster")
    notes = Notes(document, file, known)
    check_head(notes, RosterShape, judge.city, "rosters")
    entries = notes.piece("rosters", _ROWS)
    if entries == []:
        notes.note(("rosters",), "empty_file", entries, "a roster for at least one date")
    shifts = sum(len(entry[EXECUTIVES]) for entry in entries or [] if _lists_executives(entry))
    too_many = list(judge.too_many(("rosters",), shifts))
    notes.faults.extend(too_many)
    rosters: Rosters = {}
    dates: set[dt.date] = set()
    for number, entry in enumerate(entries or [] if not too_many else []):
        at = ("rosters", number)
        if not isinstance(entry, dict):
            if at not in notes.in_text:
                notes.note(at, "wrong_type", entry, "an object")
            continue
        _check_keys(notes, entry, at, DayRosterShape)
        given = {key: entry[key] for key in DayRosterShape.model_fields if key in entry}
        inside = [Fault(f.path[2:], f.code, f.value, f.rule) for f in known if f.path[:2] == at]
        executives, found = judge.roster(given, inside)
        told = {(fault.path, fault.code) for fault in inside}
        notes.faults.extend(fault.under(*at) for fault in found if (fault.path, fault.code) not in told)
        date = _date_of(entry.get("date"))
        if date is None:
            continue
        if date in dates:
            notes.note((*at, "date"), "duplicate_date", entry["date"], "one roster for a date")
        dates.add(date)
        rosters[date] = executives
    if notes.faults:
        raise InvalidInput(notes.all_faults())
    return dict(sorted(rosters.items()))


def _lists_executives(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(EXECUTIVES), list)


def check_version(document: Mapping[str, Any], file: str, version: int, what: str) -> None:
    """Raise InvalidInput where a document says another version than the one that is read of `what` files."""
    said = document.get("schema_version", version)
    if said != version:
        # Another version has other fields: what else could be said of it would be wrong.
        rule = f"version {version} of the {what} file"
        raise InvalidInput(in_json(file, [Fault(("schema_version",), "unknown_version", said, rule)]))


def check_head(notes: Notes, shape: type[Shape], city: City, what: str) -> None:
    """Note what is wrong with the keys, the version and the city of a document of this shape, which has `what`."""
    _check_keys(notes, notes.document, (), shape)
    notes.piece("schema_version", _VERSION)
    said = notes.piece("city", _ID)
    if said is not None and said != city.city_id:
        rule = f"{city.city_id}, the id of the city whose {what} are asked for"
        notes.note(("city",), "city_mismatch", said, rule)


def _check_keys(notes: Notes, given: Mapping[str, Any], at: KeyPath, shape: type[Shape]) -> None:
    for key in sorted(given.keys() - shape.model_fields.keys()):
        notes.note((*at, key), "unknown_field", given[key], f"one of {', '.join(shape.model_fields)}")
    for key in shape.model_fields:
        if key not in given:
            notes.note((*at, key), "missing_field", None, "this field is required")


# -------------------------------------------------------------------------------------- written


def roster_csv(rosters: Mapping[dt.date, Iterable[Executive]], office: Place) -> str:
    """The rosters as the table that `read_roster` reads back unchanged, by date and id.

    `office` is that of the city. Raises InvalidProblem for what the table cannot say, its paths (date, executive,
    what): no date at all, a date without executives, an executive twice on it, parts of minutes, visits, and places
    that are not called as `read_roster` calls them.
    """
    faults: list[Fault] = [] if rosters else [Fault((), "empty_file", "", "a roster for at least one date")]
    rows: list[dict[str, object]] = []
    for date, executives in sorted(rosters.items()):
        at, ordered = date.isoformat(), sorted(executives, key=lambda executive: executive.executive_id)
        if not ordered:
            faults.append(Fault((at,), "empty_roster", "", "a date of the table has an executive"))
        for executive_id, times in Counter(executive.executive_id for executive in ordered).items():
            if times > 1:
                rule = "an executive works one shift on a date"
                faults.append(Fault((at, executive_id), "duplicate_id", executive_id, rule))
        for executive in ordered:
            faults.extend(fault.under(at, executive.executive_id) for fault in _unwritable(executive, office))
            rows.append(_cells(date, executive, office))
    if faults:
        raise InvalidProblem(faults)
    return csv_text(ROSTER_COLUMNS, rows)


def _cells(date: dt.date, executive: Executive, office: Place) -> dict[str, object]:
    cells = executive_cells(executive)
    return {
        "date": date.isoformat(),
        "executive": executive.executive_id,
        **{name: cells[name] for name in _AS_EXECUTIVES if name not in POINTS},
        **point_cells(executive.start, executive.end, office),
    }


def point_cells(start: Place, end: Place, office: Place) -> dict[str, float]:
    """The cells of where an executive starts and ends, by column; what goes without saying is left out."""
    cells = {} if start == office else {"start_lon": float(start.lon), "start_lat": float(start.lat)}
    return cells if end == start else {**cells, "end_lon": float(end.lon), "end_lat": float(end.lat)}


def _unwritable(executive: Executive, office: Place) -> Iterator[Fault]:
    """What the table cannot say of an executive."""
    yield from unwritable_places(executive.executive_id, executive.start, executive.end, office)
    pause_s = executive.pause.duration_s if executive.pause else 0
    for key, seconds in (("overtime", executive.shift.overtime_s), ("break", pause_s)):
        if seconds % MINUTE_S:
            yield Fault((key,), "not_whole_minutes", seconds, "the table has whole minutes here")
    for key, visits in (
        ("preferred_visits", sorted(executive.preferred_visits)),
        ("fixed_prefix", list(executive.fixed_prefix)),
    ):
        if visits:
            yield Fault((key,), "unknown_visit", ", ".join(visits), "a roster names no visits")


def unwritable_places(executive_id: str, start: Place, end: Place, office: Place) -> Iterator[Fault]:
    """Places of an executive that are not called as a table, which has points only, makes them be called."""
    ids = place_ids(executive_id, *((place.lon, place.lat) for place in (office, start, end)))
    for key, place, place_id in (("start", start, ids[0]), ("end", end, ids[1])):
        if place.place_id != place_id:
            yield Fault((key,), "bad_place", place.place_id, f"a place at this point is called {place_id}")


# ------------------------------------------------------------------------------------- patterns


def pattern_roster(catalogue: Catalogue, city: City, first: dt.date, last: dt.date) -> Rosters:
    """The rosters from `first` to `last`, both included, by the shift patterns of the scheme (ASSUMPTION).

    The same people work on every day the city is served, half of them early and half of them late, from the same
    homes; days without service are left out. Raises InvalidProblem when last comes before first.
    """
    count, dice = staff_size(catalogue, city), Dice(HOMES_SEED, city.city_id, "homes")
    book = AddressBook(catalogue, city)
    homes = [book.draw(dice) for _ in range(count)]
    team = sorted(staff(catalogue.scheme, city.office, count, homes), key=lambda executive: executive.executive_id)
    days = service_days(catalogue.rules, first, last, open_since=city.in_scheme_since)
    return {day.date: tuple(team) for day in days if day.is_open}
