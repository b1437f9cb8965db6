"""A day as two tables, the way a planner keeps it in a spreadsheet: visits.csv and executives.csv.

Cells are read as text and typed here, so that every fault has its line and column; the rules of a day are
those of the day file, by the same code. Comma-separated, UTF-8 with or without a byte order mark, any line
ends. A `note` column takes any text in any script and is not read: names and telephone numbers have no
place in the engine. What the tables do not say (office, travel, prices) comes from the catalogue, or from
`rest`, keys of the day file.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.domain import Appointment, Executive, Fault, InvalidProblem, Visit
from optimizer.units import DAY_S, HOUR_S, MINUTE_S, rfc3339
from scenarios.catalogue import Catalogue, City, load_catalogue
from scenarios.files import (
    Attachments,
    FileFault,
    InvalidInput,
    ReadLimits,
    ScenarioDay,
    day_of,
    in_table,
    read_bytes,
    write_files,
)
from scenarios.travel.matrix import decoded

KeyPath = tuple[str | int, ...]
VISITS, EXECUTIVES = "visits", "executives"
FILES = {VISITS: "visits.csv", EXECUTIVES: "executives.csv"}
EXPLANATION = "tables.txt"
_MOST_COLUMNS = 200

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+(?:Z|[+-][0-9]{2}:[0-9]{2})?|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
_WINDOW = re.compile(rf"\s*({_MOMENT})\s*[-/\u2013]\s*({_MOMENT})\s*")  # a spreadsheet may make a dash of a hyphen


class _Unreadable:
    """Stands for a cell that could not be typed; its fault is noted already."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where its value goes in the row of the day file, how it is typed, and what it means to a person."""

    path: KeyPath
    read: Callable[[str, dt.date], Any]
    meaning: str
    required: bool = False


# ------------------------------------------------------------------------------- typed cells


def text_cell(cell: str, _date: dt.date) -> str:
    """The cell as it is."""
    return cell


def _number(cell: str, _date: dt.date) -> float:
    if not _NUMBER.fullmatch(cell) or not math.isfinite(float(cell)):
        if _NUMBER.fullmatch(cell) or _NOT_FINITE.fullmatch(cell):
            raise _fault("not_finite", cell, "a finite number")
        raise _fault("not_a_number", cell, "a number, digits 0-9 and a decimal point")
    return float(cell)


def _whole(cell: str, date: dt.date) -> int:
    value = _number(cell, date)
    if value != int(value):
        raise _fault("not_whole", cell, "a whole number")
    return int(value)


def _seconds(cell: str, date: dt.date) -> int:
    seconds = _number(cell, date) * MINUTE_S
    if abs(seconds - round(seconds)) > 0.01:
        raise _fault("not_whole", cell, "minutes that are whole seconds, like 20 or 7.5")
    return round(seconds)


def _moment(cell: str, date: dt.date) -> str:
    match = _CLOCK.fullmatch(cell)
    if match is None:
        if "T" in cell:
            return cell  # a full time; judged with all others
        raise _fault("bad_time", cell, "a time like 09:30, or 2026-12-01T09:30:00+05:30")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    second = hours * HOUR_S + minutes * MINUTE_S + seconds
    if minutes > 59 or seconds > 59 or second > DAY_S:
        raise _fault("bad_time", cell, "a time of the day, 00:00 to 24:00")
    return rfc3339(date, second)


def _words(cell: str, _date: dt.date) -> list[str]:
    return re.split(r"[;\s]+", cell.strip("; \t"))


def _windows(cell: str, date: dt.date) -> list[dict[str, str]]:
    found = []
    for part in cell.strip("; \t").split(";"):
        match = _WINDOW.fullmatch(part)
        if match is None:
            raise _fault("bad_window", cell, "windows like 09:00-12:00;14:00-18:00")
        found.append({"open": _moment(match[1], date), "close": _moment(match[2], date)})
    return found


def _fault(code: str, cell: str, rule: str) -> InvalidProblem:
    return InvalidProblem([Fault((), code, cell, rule)])


COLUMNS: Mapping[str, Mapping[str, Column]] = {
    VISITS: {
        "id": Column(("id",), text_cell, "letters, digits and . _ : - (at most 64), once in the table", True),
        "kind": Column(("kind",), text_cell, "appointment (promised, in a slot) or delivery (may wait)", True),
        "lon": Column(("location", "coordinates", 0), _number, "degrees east, like 81.6369", True),
        "lat": Column(("location", "coordinates", 1), _number, "degrees north, like 21.2425", True),
        "place": Column(("place",), text_cell, "what a travel matrix calls the place; empty: the id of the visit"),
        "service": Column(("service",), text_cell, "id of the service"),
        "service_minutes": Column(("service_s",), _seconds, "minutes at the door", True),
        "slot": Column(("slot",), _moment, "appointments: when the slot opens, like 10:00"),
        "weight": Column(("weight",), _whole, "appointments: what breaking the promise counts; empty: 1"),
        "windows": Column(
            ("windows",), _windows, "deliveries: when it may begin, like 09:00-12:00;14:00-18:00; empty: any time"
        ),
        "due": Column(("due",), text_cell, "deliveries: the last good day, like 2026-12-05"),
        "waiting_price_s": Column(
            ("waiting_price_s",),
            _whole,
            "deliveries: cost seconds of leaving it for another day; empty: by the due date",
        ),
        "held_by": Column(("held_by",), text_cell, "deliveries: executive who has the envelope; empty: at the office"),
        "skills": Column(("skills",), _words, "needed, separated by ; or space"),
        "pinned_to": Column(("pinned_to",), text_cell, "the only executive who may go; empty: any"),
    },
    EXECUTIVES: {
        "id": Column(("id",), text_cell, "letters, digits and . _ : - (at most 64), once in the table; no names", True),
        "shift_open": Column(("shift", "open"), _moment, "earliest departure, like 08:00", True),
        "shift_close": Column(("shift", "close"), _moment, "latest return without overtime, like 16:00", True),
        "overtime_minutes": Column(("shift", "overtime_minutes"), _whole, "overtime allowed; empty: none"),
        "skills": Column(("skills",), _words, "and kits, separated by ; or space"),
        "start_place": Column(("start", "place"), text_cell, "id of the place; empty: home-<id>, or the office"),
        "start_lon": Column(("start", "location", "coordinates", 0), _number, "degrees east; empty: the office"),
        "start_lat": Column(("start", "location", "coordinates", 1), _number, "degrees north; empty: the office"),
        "end_place": Column(("end", "place"), text_cell, "as start; all three empty: where the shift starts"),
        "end_lon": Column(("end", "location", "coordinates", 0), _number, "degrees east"),
        "end_lat": Column(("end", "location", "coordinates", 1), _number, "degrees north"),
        "break_minutes": Column(("break", "minutes"), _whole, "length of the break; empty: none"),
        "break_earliest": Column(("break", "earliest"), _moment, "when it may begin at the earliest, like 11:00"),
        "break_latest": Column(("break", "latest"), _moment, "when it must begin at the latest, like 14:30"),
        "preferred_visits": Column(
            ("preferred_visits",), _words, "visits to serve if possible, separated by ; or space"
        ),
        "fixed_prefix": Column(("fixed_prefix",), _words, "visits the route begins with, in this order"),
    },
}
NOTE = "note"
"""Column that both tables may have, for people; not read."""


# --------------------------------------------------------------------------------------- read


def read_tables(
    visits: str | Path,
    executives: str | Path,
    *,
    city: str,
    date: dt.date,
    slot_minutes: int | None = None,
    rest: Mapping[str, Any] | None = None,
    catalogue: Catalogue | None = None,
    limits: ReadLimits | None = None,
    attachments: Attachments | None = None,
) -> ScenarioDay:
    """The day in two tables. Raises InvalidInput with every fault of both, each with file, line and column.

    `city` is an id or a name of the catalogue. Travel is by the formula with the margin and the speeds of the
    catalogue, and the office is the city's, unless `rest` says otherwise.
    """
    facts = catalogue or load_catalogue()
    reading = _Reading(date)
    for key, path in ((VISITS, visits), (EXECUTIVES, executives)):
        reading.load(key, Path(path))
    try:
        found = facts.city(city)
    except InvalidProblem as error:
        raise InvalidInput([*reading.outside, *reading.told(error.faults)]) from None
    office = {"place": "office", "location": _location(found.office.lon, found.office.lat)}
    document = {
        "schema_version": 1,
        "office": office,
        "travel": {
            "source": "formula",
            "margin_pct": facts.scheme.travel_margin_percent,
            "speed_kmh_by_hour": "default" if facts.speed_kmh_by_hour else None,
        },
        **({"slot_minutes": slot_minutes} if slot_minutes is not None else {}),
        **(rest or {}),
        "city": found.city_id,
        "date": date.isoformat(),
    }
    rows = reading.rows(document["office"])
    try:
        day = day_of(
            {**document, **rows}, "tables", reading.faults, catalogue=facts, limits=limits, attachments=attachments
        )
    except InvalidInput as error:
        raise InvalidInput([*reading.outside, *reading.told(error.faults)]) from None
    if reading.outside:
        raise InvalidInput(reading.outside)
    return day


def _location(lon: Any, lat: Any) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


class _Reading:
    """Two tables being read: their cells by line, and the faults of the cells by their path in a day file."""

    def __init__(self, date: dt.date) -> None:
        self._date = date
        self._file: dict[str, str] = {}
        self._cells: dict[str, list[tuple[int, dict[str, str]]]] = {VISITS: [], EXECUTIVES: []}
        self.faults: list[Fault] = []
        self.outside: list[FileFault] = []  # of lines and headings, which a day file does not have
        self._copied: set[KeyPath] = set()  # places that no cell says; what is wrong with them is told elsewhere

    def load(self, key: str, path: Path) -> None:
        """Read a table; what is wrong with its form is noted."""
        self._file[key] = path.name
        try:
            self._cells[key], faults = records_of(decoded(read_bytes(path)), COLUMNS[key])
        except InvalidInput as error:
            self.outside.extend(error.faults)
        except InvalidProblem as error:
            self.outside.extend(in_table(path.name, error.faults))
        else:
            self.outside.extend(in_table(path.name, faults))

    def rows(self, office: Any) -> dict[str, list[dict[str, Any]]]:
        """The rows of both tables as a day file has them."""
        visits = [self._row(VISITS, number) for number in range(len(self._cells[VISITS]))]
        executives = [self._row(EXECUTIVES, number) for number in range(len(self._cells[EXECUTIVES]))]
        for number, row in enumerate(executives):
            self._copied |= {(EXECUTIVES, number, key) for key in ("start", "end") if key not in row}
            start = _home(row, "start", office)
            row |= {"start": start, "end": _home(row, "end", start)}
        return {VISITS: visits, EXECUTIVES: executives}

    def _row(self, key: str, number: int) -> dict[str, Any]:
        return typed_row(self._cells[key][number][1], COLUMNS[key], self._date, (key, number), self.faults)

    def told(self, faults: Iterable[Fault]) -> list[FileFault]:
        """Faults by their path in a day file, told by line and column of the tables."""
        # Where rows are missing, what refers to them is not at fault.
        untold = ("unknown_visit", "unknown_executive", "unknown_skill") if self.outside else ()
        own = (f for f in faults if f.code not in untold and f.path[:3] not in self._copied)
        return [self._told(fault) for fault in own]

    def _told(self, fault: Fault) -> FileFault:
        if isinstance(fault, FileFault) and fault.line is not None:
            return fault  # of a matrix
        key, number = (*fault.path, None, None)[:2]
        if not isinstance(key, str) or key not in self._file:
            return FileFault(fault.path, fault.code, fault.value, fault.rule, "day")
        if not isinstance(number, int):
            return FileFault((), fault.code, fault.value, fault.rule, self._file[key], 1)
        line, cells = self._cells[key][number]
        code, rule = fault.code, fault.rule
        if code == "unknown_field":
            code, rule = "not_of_this_kind", f"empty for a visit of kind {cells.get('kind', '')}"
        in_row = Fault(fault.path[2:], code, fault.value, rule)
        return told_by_cell(in_row, self._file[key], line, cells, COLUMNS[key])


def typed_row(
    cells: Mapping[str, str], columns: Mapping[str, Column], date: dt.date, at: KeyPath, faults: list[Fault]
) -> dict[str, Any]:
    """The filled cells of a line as a row of the day file; what cannot be typed is noted under the path `at`.

    Such a cell leaves a stand-in in the row: what is read later passes over it, as its fault is known.
    """
    row: dict[str, Any] = {}
    for name, column in columns.items():
        if not cells.get(name):
            continue
        try:
            value = column.read(cells[name], date)
        except InvalidProblem as error:
            value = _Unreadable()
            faults.extend(fault.under(*at, *column.path) for fault in error.faults)
        part: dict[Any, Any] = row
        for step in column.path[:-1]:
            part = part.setdefault(step, {})
        part[column.path[-1]] = value
    for holder, below in ((row, ()), (row.get("start"), ("start",)), (row.get("end"), ("end",))):
        if isinstance(holder, dict) and "location" in holder:
            parts = holder["location"]["coordinates"]
            for half in {0, 1} - parts.keys():
                path = (*at, *below, "location", "coordinates", half)
                faults.append(Fault(path, "missing_field", None, "both degrees of a point are given"))
            holder["location"] = _location(parts.get(0, _Unreadable()), parts.get(1, _Unreadable()))
    return row


def told_by_cell(
    fault: Fault, file: str, line: int, cells: Mapping[str, str], columns: Mapping[str, Column]
) -> FileFault:
    """A fault at a path in a row of the day file, told by the line and the column its value came from."""
    name = _column_of(columns, fault.path)
    value = fault.value
    if name is not None and columns[name].path == fault.path:
        value = cells.get(name) or None
    return FileFault((), fault.code, value, fault.rule, file, line, name)


def _column_of(columns: Mapping[str, Column], path: KeyPath) -> str | None:
    """The column a path in a row of the day file came from, or the first of those below it."""
    for name, column in columns.items():
        shared = min(len(path), len(column.path))
        if shared and path[:shared] == column.path[:shared]:
            return name
    return None


def _home(row: dict[str, Any], key: str, otherwise: Any) -> Any:
    """Where an executive starts or ends: `otherwise` when no cell of it is filled."""
    given = row.get(key)
    return otherwise if given is None else {"place": f"home-{row.get('id')}", **given}


def records_of(text: str, columns: Mapping[str, Column]) -> tuple[list[tuple[int, dict[str, str]]], list[Fault]]:
    """The rows that are not empty, each with the line it begins on, and the faults of the form of the table.

    Raises InvalidProblem, its paths (line, column), where there is no table to go on with.
    """
    import pandas as pd  # noqa: PLC0415  a third of a second that planning a day does not need

    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = plain.split("\n")
    width = min(_MOST_COLUMNS, max(line.count(",") + 1 for line in lines))
    try:
        frame = pd.read_csv(
            io.StringIO(plain),
            header=None,
            names=list(range(width)),
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            engine="python",  # leaves cells that are not there apart from empty ones
        )
    except (pd.errors.ParserError, csv.Error) as error:
        raise InvalidProblem([Fault((_open_quote(lines), 1), "bad_csv", str(error), "quotes are closed")]) from None
    heading: list[str] = []
    records, faults, line = [], [], 1
    for row in frame.itertuples(index=False):
        given = [cell for cell in row if isinstance(cell, str)]
        begins, line = line, line + 1 + sum(cell.count("\n") for cell in given)
        cells = [cell.strip() for cell in given]
        if not any(cells):
            continue
        if not heading:
            heading = [cell.lower() for cell in cells]
            faults = list(_heading_faults(begins, heading, columns))
            if faults:
                raise InvalidProblem(faults)
        elif len(cells) != len(heading):
            faults.append(
                Fault((begins, len(cells)), "wrong_length", len(cells), f"{len(heading)} cells, as the heading")
            )
        else:
            records.append((begins, dict(zip(heading, cells, strict=True))))
    if not heading:
        raise InvalidProblem([Fault((1, 1), "empty_file", "", "a heading with the names of the columns")])
    return records, faults


def _open_quote(lines: list[str]) -> int:
    """The line on which a quote opens that is never closed."""
    opened, inside = 1, False
    for number, line in enumerate(lines, start=1):
        if line.count('"') % 2:
            inside = not inside
            opened = number if inside else opened
    return opened


def _heading_faults(line: int, heading: list[str], columns: Mapping[str, Column]) -> Iterator[Fault]:
    if len(heading) == 1 and re.search(r"[;\t]", heading[0]):
        yield Fault((line, 1), "not_comma_separated", heading[0][:60], "cells are separated by commas")
        return
    for name, times in Counter(heading).items():
        if name not in columns and name != NOTE:
            yield Fault((line, name), "unknown_column", name, f"one of {', '.join(columns)}, {NOTE}")
        elif times > 1:
            yield Fault((line, name), "duplicate_column", name, "a column occurs once")
    for name, column in columns.items():
        if column.required and name not in heading:
            yield Fault((line, name), "missing_column", None, "the table has this column")


# ------------------------------------------------------------------------------------ written


def write_tables(day: ScenarioDay, folder: str | Path) -> list[Path]:
    """Write a day as visits.csv and executives.csv, which read back as the same visits and executives."""
    return _written(folder, _tables(day))


def write_template(folder: str | Path, city: str = "raipur", catalogue: Catalogue | None = None) -> list[Path]:
    """Write both tables with example rows in this city, to be replaced, and a text that explains every column.

    Raises InvalidInput when one of the files is there already: it may be somebody's work.
    """
    contents = _template((catalogue or load_catalogue()).city(city))
    there = [name for name in contents if (Path(folder) / name).exists()]
    if there:
        raise InvalidInput(
            [
                FileFault((), "file_exists", str(Path(folder) / name), "a file that is not there yet", name)
                for name in there
            ]
        )
    return _written(folder, contents)


def _written(folder: str | Path, contents: Mapping[str, str]) -> list[Path]:
    write_files(folder, contents)
    return [Path(folder) / name for name in contents]


def _tables(day: ScenarioDay) -> dict[str, str]:
    problem = day.problem
    return {
        FILES[VISITS]: csv_text(COLUMNS[VISITS], [_visit_cells(visit) for visit in problem.visits]),
        FILES[EXECUTIVES]: csv_text(
            COLUMNS[EXECUTIVES], [executive_cells(executive) for executive in problem.executives]
        ),
    }


def csv_text(columns: Iterable[str], rows: list[dict[str, object]]) -> str:
    """A table with these columns and a note; cells a row does not name are empty."""
    import pandas as pd  # noqa: PLC0415  a third of a second that planning a day does not need

    frame = pd.DataFrame(rows, columns=[*columns, NOTE], dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def clock_cell(second: int) -> str:
    """A day second as it stands in a cell: 09:30, or 09:30:15 where there are seconds."""
    hours, rest = divmod(second, HOUR_S)
    minutes, seconds = divmod(rest, MINUTE_S)
    return f"{hours:02d}:{minutes:02d}" + (f":{seconds:02d}" if seconds else "")


def minutes_cell(seconds: int) -> str:
    """Minutes with as many decimals as say the second."""
    return f"{seconds / MINUTE_S:.4f}".rstrip("0").rstrip(".")


def _visit_cells(visit: Visit) -> dict[str, object]:
    cells: dict[str, object] = {
        "id": visit.visit_id,
        "lon": float(visit.place.lon),
        "lat": float(visit.place.lat),
        "place": visit.place.place_id,
        "service": visit.service_id,
        "service_minutes": minutes_cell(visit.service_s),
        "skills": ";".join(sorted(visit.skills)),
        "pinned_to": visit.pinned_to,
    }
    if isinstance(visit, Appointment):
        return {**cells, "kind": "appointment", "slot": clock_cell(visit.slot.open_s), "weight": visit.weight}
    return {
        **cells,
        "kind": "delivery",
        "windows": ";".join(f"{clock_cell(w.open_s)}-{clock_cell(w.close_s)}" for w in visit.windows),
        "due": visit.due,
        "waiting_price_s": visit.waiting_price_s,
        "held_by": visit.held_by,
    }


def executive_cells(executive: Executive) -> dict[str, object]:
    """The row of an executive in executives.csv, by column."""
    shift, pause = executive.shift, executive.pause
    return {
        "id": executive.executive_id,
        "shift_open": clock_cell(shift.open_s),
        "shift_close": clock_cell(shift.close_s),
        "overtime_minutes": minutes_cell(shift.overtime_s),
        "skills": ";".join(sorted(executive.skills)),
        "start_place": executive.start.place_id,
        "start_lon": float(executive.start.lon),
        "start_lat": float(executive.start.lat),
        "end_place": executive.end.place_id,
        "end_lon": float(executive.end.lon),
        "end_lat": float(executive.end.lat),
        "break_minutes": minutes_cell(pause.duration_s) if pause else None,
        "break_earliest": clock_cell(pause.window.open_s) if pause else None,
        "break_latest": clock_cell(pause.window.close_s) if pause else None,
        "preferred_visits": ";".join(sorted(executive.preferred_visits)),
        "fixed_prefix": ";".join(executive.fixed_prefix),
    }


def _template(city: City) -> dict[str, str]:
    lon, lat = city.office.lon, city.office.lat
    example = "example: replace this row"
    visits: list[dict[str, object]] = [
        {
            "id": "A001",
            "kind": "appointment",
            "lon": round(lon + 0.01, 5),
            "lat": round(lat + 0.01, 5),
            "service_minutes": "25",
            "slot": "10:00",
            NOTE: example,
        },
        {
            "id": "D001",
            "kind": "delivery",
            "lon": round(lon - 0.01, 5),
            "lat": lat,
            "service_minutes": "6",
            "windows": "09:00-12:00;15:00-19:00",
            "waiting_price_s": "3600",
            NOTE: example,
        },
    ]
    executives: list[dict[str, object]] = [
        {
            "id": "E01",
            "shift_open": "08:00",
            "shift_close": "16:00",
            "overtime_minutes": "60",
            "break_minutes": "30",
            "break_earliest": "11:00",
            "break_latest": "14:30",
            NOTE: f"{example}; starts at the office",
        },
        {
            "id": "E02",
            "shift_open": "12:00",
            "shift_close": "20:00",
            "start_lon": round(lon + 0.02, 5),
            "start_lat": lat,
            NOTE: f"{example}; starts at home",
        },
    ]
    return {
        FILES[VISITS]: csv_text(COLUMNS[VISITS], visits),
        FILES[EXECUTIVES]: csv_text(COLUMNS[EXECUTIVES], executives),
        EXPLANATION: _explanation(),
    }


def _explanation() -> str:
    lines = [
        "A day in two tables, comma-separated, UTF-8 (in a spreadsheet: save as 'CSV UTF-8').",
        "Columns may stand in any order; those without * may be left out. Times are local, like 09:30.",
        f"The column {NOTE} is for you and is not read: write no names or telephone numbers anywhere else.",
    ]
    for key, columns in COLUMNS.items():
        lines += ["", FILES[key]]
        lines += [f"  {name}{'*' if column.required else ''}: {column.meaning}" for name, column in columns.items()]
    return "\n".join(lines) + "\n"
