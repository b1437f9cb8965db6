"""Travel times from an uploaded matrix: a CSV whose first row and first column are place ids.

Cells are reference seconds from the place of the row to the place of the column; fractions are rounded up. Rows
and columns name the same places, in any order. An empty cell, or a place of the day that the matrix does
not name, is filled by the formula and listed in `TravelTable.filled`. Everything else that is odd is a
fault; all faults of a file are found at once, each with line and column, both counted from 1, as its path.

Metres come from a second file of the same form, or are estimated from the straight line.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from optimizer.domain import Fault, InvalidProblem, Place
from optimizer.travel import MAX_REFERENCE_S, Int32Array, TravelTable
from scenarios.travel.formula import Float64Array, FormulaSpec, formula_between

MAX_FAULTS = 1_000
"""Faults told of one file; a last one says how many more there are."""
MAX_FILLED = 250_000
"""Pairs that may be missing: with more, what is asked for is the formula."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_WHOLE_ROW = re.compile(r"(?:[0-9]{1,9},)*[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class MatrixSpec:
    """A travel matrix as a day names it: files in the folder of the day file, and the sha256 of their bytes.

    `formula` fills what is missing; its speeds and margin are those of all clocks.
    """

    file: str
    sha256: str
    metres_file: str | None = None
    metres_sha256: str | None = None
    formula: FormulaSpec = field(default_factory=FormulaSpec)


@dataclass(frozen=True, slots=True)
class Grid:
    """A square of numbers between named places as read from a file, row to column; NaN where a cell is empty."""

    place_ids: tuple[str, ...]
    cells: Float64Array
    line_of: dict[str, int]


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises InvalidProblem naming the line of the first byte that is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        bad = data[error.start : error.start + 4].hex(" ")
        raise InvalidProblem(
            [Fault((line, 1), "not_utf8", bad, "text in UTF-8; a spreadsheet saves it as 'CSV UTF-8'")]
        ) from None


def capped(faults: Sequence[Fault]) -> list[Fault]:
    """The first faults of a file; where there are many more, a last one that counts them."""
    if len(faults) <= MAX_FAULTS:
        return list(faults)
    rest = Fault(faults[MAX_FAULTS].path, "more_faults", len(faults) - MAX_FAULTS, f"more than {MAX_FAULTS} faults")
    return [*faults[:MAX_FAULTS], rest]


def _rows(text: str) -> tuple[list[tuple[int, list[str]]], list[Fault]]:
    """Rows that are not blank, each with the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        return rows, [Fault((line, 1), "bad_csv", str(error), "comma-separated values, quotes closed")]
    return rows, []


def _names(cells: Iterable[tuple[int, int, str]]) -> tuple[list[str], list[Fault]]:
    """The place ids of the first row or column, given with line and column, and what is wrong with them."""
    names: list[str] = []
    seen: set[str] = set()
    faults: list[Fault] = []
    for line, column, name in cells:
        try:
            Place(name, 0.0, 0.0)
        except InvalidProblem as error:
            faults.extend(Fault((line, column), f.code, name, "a place id: " + f.rule) for f in error.faults)
        if name in seen:
            faults.append(
                Fault((line, column), "duplicate_id", name, "a place occurs once in a row or column of names")
            )
        seen.add(name)
        names.append(name)
    return names, faults


def _cell(text: str) -> tuple[float, str, str] | float:
    """A cell as a number, NaN for an empty one, or (NaN, code, rule) for what is neither."""
    if not text:
        return math.nan
    if not _NUMBER.fullmatch(text):
        if _NOT_FINITE.fullmatch(text):
            return math.nan, "not_finite", "a finite number; leave a cell empty to have it filled by the formula"
        return math.nan, "not_a_number", "a number of at least 0, digits 0-9 and a decimal point"
    value = float(text)
    if value < 0:
        return math.nan, "negative", "a number of at least 0"
    if value > MAX_REFERENCE_S:
        return math.nan, "out_of_range", f"at most {MAX_REFERENCE_S}"
    return value


def _numbers(line: int, texts: list[str], columns: int) -> tuple[Float64Array, list[Fault]]:
    """The numbers of one row, and what is wrong with its cells."""
    if _WHOLE_ROW.fullmatch(",".join(texts)):
        values = np.array(texts, dtype=np.int64).astype(np.float64)
        if values.max(initial=0) <= MAX_REFERENCE_S:
            return values, []
    values = np.full(columns, math.nan)
    faults = []
    for column, text in enumerate(texts):
        read = _cell(text)
        if isinstance(read, float):
            values[column] = read
        else:
            faults.append(Fault((line, column + 2), read[1], text, read[2]))
    return values, faults


def read_grid(data: bytes) -> Grid:
    """The square of numbers in a CSV file, checked; its rows and columns in the order of the rows.

    Raises InvalidProblem with every fault of the file; the path of a fault is (line, column).
    """
    rows, faults = _rows(decoded(data))
    if faults:
        raise InvalidProblem(faults)
    if not rows:
        raise InvalidProblem([Fault((1, 1), "empty_file", "", "a first row and a first column of place ids")])
    header_line, header = rows[0]
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise InvalidProblem(
            [Fault((header_line, 1), "not_comma_separated", header[0][:60], "cells are separated by commas")]
        )
    width = len(header)
    to_names, faults = _names((header_line, column + 1, name) for column, name in enumerate(header) if column)
    from_names, more = _names((line, 1, cells[0]) for line, cells in rows[1:])
    faults += more
    faults += [
        Fault((header_line, column + 2), "bad_shape", name, "the column of a place that has a row too")
        for column, name in enumerate(to_names)
        if name not in set(from_names)
    ]
    values = np.full((len(from_names), width - 1), math.nan)
    column_of = {name: column for column, name in enumerate(to_names)}
    for row, (line, cells) in enumerate(rows[1:]):
        if cells[0] not in column_of:
            faults.append(Fault((line, 1), "bad_shape", cells[0], "the row of a place that has a column too"))
        if len(cells) != width:
            faults.append(Fault((line, len(cells)), "bad_shape", len(cells), f"{width} cells, as in the first row"))
            continue
        values[row], more = _numbers(line, cells[1:], width - 1)
        faults += more
        own = column_of.get(cells[0])
        if own is not None and values[row, own] > 0:
            faults.append(Fault((line, own + 2), "bad_diagonal", cells[own + 1], "same place, no travel"))
    if faults:
        raise InvalidProblem(capped(faults))
    values = values[:, [column_of[name] for name in from_names]]
    np.fill_diagonal(values, 0.0)
    return Grid(tuple(from_names), values, {cells[0]: line for line, cells in rows[1:]})


def unknown_places(grid: Grid, place_ids: Collection[str]) -> list[Fault]:
    """A fault for each place of a grid that the day does not have: most likely an id is written differently."""
    return [
        Fault((grid.line_of[name], 1), "unknown_place", name, "a place of this day: the office, a visit, a home")
        for name in grid.place_ids
        if name not in place_ids
    ]


def _spread(grid: Grid | None, places: Sequence[Place], fill: Int32Array) -> tuple[Int32Array, list[tuple[int, int]]]:
    """The cells of a grid in the order of the places, rounded up; missing ones, listed by row, from `fill`."""
    values = np.full((len(places), len(places)), math.nan)
    if grid is not None:
        row_of = {place.place_id: row for row, place in enumerate(places)}
        at = np.array([row_of[name] for name in grid.place_ids], dtype=np.int64)
        values[np.ix_(at, at)] = grid.cells
    np.fill_diagonal(values, 0.0)
    missing = np.isnan(values)
    count = int(missing.sum())
    if grid is not None and count > MAX_FILLED:
        raise InvalidProblem(
            [Fault((1, 1), "too_many_missing", count, f"a matrix lacks at most {MAX_FILLED} pairs of the day")]
        )
    whole = np.where(missing, fill, np.ceil(np.where(missing, 0.0, values))).astype(np.int32)
    return whole, [(int(a), int(b)) for a, b in np.argwhere(missing)] if grid is not None else []


def matrix_table(places: Sequence[Place], seconds: Grid, metres: Grid | None, spec: MatrixSpec) -> TravelTable:
    """The travel table of these places from a read matrix, what it lacks filled by the formula.

    Every place of the grids is one of `places` (see `unknown_places`). Raises InvalidProblem when too
    many pairs are missing.
    """
    by_formula_s, by_formula_m = formula_between(places, places, spec.formula)
    reference_s, missing = _spread(seconds, places, by_formula_s)
    distance_m, _ = _spread(metres, places, by_formula_m)
    filled = tuple((places[a].place_id, places[b].place_id) for a, b in missing)
    pairs = len(places) * (len(places) - 1)
    origin = f"matrix {spec.file} (sha256 {spec.sha256[:12]})"
    if filled:
        origin += f", {len(filled)} of {pairs} pairs missing in it and filled by {spec.formula.in_words()}"
    elif metres is None:
        origin += ", metres estimated from the straight line"
    if metres is not None:
        origin += f"; metres from {spec.metres_file}"
    return TravelTable(
        tuple(place.place_id for place in places),
        reference_s,
        distance_m,
        pace=spec.formula.pace,
        margin_pct=spec.formula.margin_pct,
        origin=f"{origin}; {spec.formula.clocks_in_words()}",
        filled=filled,
    )


def matrix_csv(place_ids: Sequence[str], cells: Int32Array | None = None) -> str:
    """A matrix as `read_grid` reads it: of whole numbers, or, without them, empty for a planner to fill in."""
    lines = [",".join(("from/to", *place_ids))]
    for row, name in enumerate(place_ids):
        if cells is None:
            texts = ["0" if column == row else "" for column in range(len(place_ids))]
        else:
            texts = [str(value) for value in cells[row].tolist()]
        lines.append(",".join((name, *texts)))
    return "\n".join(lines) + "\n"
