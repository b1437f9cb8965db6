"""Reading the tables of a folder: cells by type, and every fault with file, line, column, value and rule."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable

from optimizer.domain import Fault, InvalidProblem, Place

INDIA_LON = (68.0, 98.0)
INDIA_LAT = (6.0, 38.0)
SEPARATOR = ";"
"""Between the entries of a cell that holds a list."""


class Row:
    """One line of a table: reads cells by type, notes every fault, and gives a stand-in for a bad cell."""

    def __init__(self, sheet: str, line: int, cells: Mapping[str, str], faults: list[Fault]) -> None:
        self._sheet, self.line, self._cells, self._faults = sheet, line, cells, faults
        self._bad = len(faults)

    @property
    def good(self) -> bool:
        """True while no cell of the line was found faulty."""
        return len(self._faults) == self._bad

    def fault(self, column: str, code: str, value: object, rule: str) -> None:
        """Note a broken rule."""
        self._faults.append(Fault((self._sheet, self.line, column), code, value, rule))

    def text(self, column: str, default: str | None = "") -> str:
        """The cell without blanks around it; with default None it must not be empty."""
        value = self._cells.get(column, "").strip()
        if not value and default is None:
            self.fault(column, "empty", value, "must not be empty")
        return value or (default or "")

    def identifier(self, column: str, seen: set[str]) -> str:
        """An id that no earlier line of the table has."""
        value = self.text(column, None)
        if value:
            try:
                Place(value, 0.0, 0.0)  # a place knows what an id may look like
            except InvalidProblem as invalid:
                self.fault(column, "bad_id", value, invalid.faults[0].rule)
            if value in seen:
                self.fault(column, "duplicate_id", value, "occurs once")
            seen.add(value)
        return value

    def reference(self, column: str, folder: Folder, noun: str) -> str:
        """The id of a row of another table."""
        value = self.text(column, None)
        if value:
            self.known(column, folder, noun, value)
        return value

    def known(self, column: str, folder: Folder, noun: str, value: str) -> None:
        """Note a value that is no id of this noun; not when its table could not be read whole."""
        if noun not in folder.incomplete and value not in folder.ids[noun]:
            self.fault(column, f"unknown_{noun}", value, f"a {noun} of this catalogue")

    def number(self, column: str, low: float, high: float) -> float | None:
        """A finite number within bounds, both included; None for an empty cell."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.fault(column, "not_a_number", text, "a finite number")
            return None
        if not low <= value <= high:
            self.fault(column, "out_of_range", text, f"{low:g} to {high:g}")
            return None
        return value

    def real(self, column: str, low: float, high: float) -> float:
        """A finite number within bounds that must be there."""
        if not self.text(column, None):
            return low
        value = self.number(column, low, high)
        return low if value is None else value

    def whole(self, column: str, low: int, high: int, scale: int = 1) -> int | None:
        """A number that is whole once multiplied by `scale`, as that whole number; None for an empty cell."""
        value = self.number(column, low, high)
        if value is None:
            return None
        scaled = round(value * scale)
        if abs(scaled - value * scale) > 1e-6:
            self.fault(column, "not_whole", self.text(column), f"a whole multiple of {1 / scale:g}")
        return scaled

    def count(self, column: str, low: int, high: int, scale: int = 1) -> int:
        """As `whole`, for a cell that must not be empty."""
        if not self.text(column, None):
            return low * scale
        value = self.whole(column, low, high, scale)
        return low * scale if value is None else value

    def date(self, column: str) -> dt.date | None:
        """A date like 2022-05-01; None for an empty cell."""
        text = self.text(column)
        if not text:
            return None
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self.fault(column, "bad_date", text, "a date like 2022-05-01")
            return None

    def day(self, column: str) -> dt.date:
        """As `date`, for a cell that must not be empty."""
        self.text(column, None)
        return self.date(column) or dt.date.min

    def choice(self, column: str, allowed: Iterable[str], default: str | None = None) -> str:
        """One of a closed list."""
        value = self.text(column, default)
        choices = list(allowed)
        if value and value not in choices:
            self.fault(column, "bad_choice", value, f"one of {', '.join(choices)}")
        return value

    def items(self, column: str) -> tuple[str, ...]:
        """The entries of a list, without empty ones."""
        return tuple(item.strip() for item in self.text(column).split(SEPARATOR) if item.strip())

    def point(self, lon_column: str, lat_column: str) -> tuple[float, float]:
        """Degrees east and north, inside India; must be there."""
        return self.real(lon_column, *INDIA_LON), self.real(lat_column, *INDIA_LAT)


class Folder:
    """The tables of one folder, and the faults found in them so far."""

    def __init__(self, root: Traversable) -> None:
        self._root = root
        self.faults: list[Fault] = []
        self.ids: defaultdict[str, set[str]] = defaultdict(set)
        """Ids read so far, by noun; those of faulty lines too, so that one mistake is reported once."""
        self.incomplete: set[str] = set()
        """Nouns of which ids may be missing, because their table could not be read whole."""

    def content(self, name: str, *, required: bool, noun: str = "") -> str | None:
        """The text of a file, None when it is not there or cannot be read; noted as a fault where that matters."""
        source = self._root / name
        if not source.is_file():
            if required:
                self._unreadable(noun, Fault((name,), "missing_file", str(self._root), "the folder holds this file"))
            return None
        try:
            return source.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            rule = f"UTF-8 text; byte {error.start} is not"
            self._unreadable(noun, Fault((name,), "not_utf8", error.reason, rule))
            return None

    def rows(
        self, name: str, needed: Iterable[str], optional: Iterable[str] = (), *, required: bool = False, noun: str = ""
    ) -> Iterator[Row]:
        """The lines of a table under its heading line; a line of the wrong length is a fault and left out.

        `noun` is what the table gives ids to, where other tables refer to it.
        """
        text = self.content(name, required=required, noun=noun)
        if text is None:
            return
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        line = 1
        try:
            heading = [column.strip() for column in next(reader, [])]
            faults = list(_heading_faults(name, heading, tuple(needed), tuple(optional)))
            for fault in faults:
                self._unreadable(noun, fault)
            if faults:
                return
            line = reader.line_num + 1
            for cells in reader:
                if len(cells) == len(heading):
                    yield Row(name, line, dict(zip(heading, cells, strict=True)), self.faults)
                elif cells:
                    rule = f"{len(heading)} cells, as the heading"
                    self._unreadable(noun, Fault((name, line), "wrong_length", len(cells), rule))
                line = reader.line_num + 1
        except csv.Error as error:
            self._unreadable(noun, Fault((name, line), "bad_csv", str(error), "comma-separated, quotes closed"))

    def _unreadable(self, noun: str, fault: Fault) -> None:
        self.faults.append(fault)
        self.incomplete.add(noun)


def _heading_faults(
    name: str, heading: list[str], needed: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[Fault]:
    known = (*needed, *optional)
    for column in needed:
        if column not in heading:
            yield Fault((name, 1, column), "missing_column", ", ".join(heading), "the table has this column")
    for column, times in Counter(heading).items():
        if column not in known:
            yield Fault((name, 1, column), "unknown_column", column, f"one of {', '.join(known)}")
        elif times > 1:
            yield Fault((name, 1, column), "duplicate_column", column, "occurs once")
