"""The staff as two tables: a row for each executive, and a row for each span of days of one of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from optimizer.domain import Fault, InvalidProblem, Place
from optimizer.domain.faults import raise_if_any
from optimizer.roster.nouns import YEARS
from scenarios.files import FileFault, InvalidInput, in_table
from scenarios.files.notes import Notes
from scenarios.rosters import POINTS, executive_row, point_cells, told_of_executive, unwritable_places
from scenarios.staff.document import DAYS, STAFF_VERSION, Judge, day_rows, week_hours
from scenarios.staff.nouns import Staff
from scenarios.tables import COLUMNS, EXECUTIVES, Column, csv_text, records_of, text_cell, told_by_cell, typed_row
from scenarios.travel.matrix import decoded

_AS_EXECUTIVES = COLUMNS[EXECUTIVES]
STAFF_COLUMNS: Mapping[str, Column] = {
    "executive": Column(("id",), text_cell, "id, once in the table; no names", required=True),
    **{name: _AS_EXECUTIVES[name] for name in (*POINTS, "skills")},
    "week_hours": Column(
        ("week_hours",), _AS_EXECUTIVES["start_lon"].read, "most hours in a week, like 48 or 44.5; empty: no agreement"
    ),
    "patterns": Column(
        ("patterns",), _AS_EXECUTIVES["skills"].read, "the only shifts they work, separated by ; or space; empty: all"
    ),
}
STAFF_DAY_COLUMNS: Mapping[str, Column] = {
    "executive": Column(("executive",), text_cell, "id, one of the staff", required=True),
    "from": Column(("from",), text_cell, "the first day, like 2026-12-01", required=True),
    "to": Column(("to",), text_cell, "the last day, included; empty: the first"),
    "kind": Column(("kind",), text_cell, "leave (away), fixed (settled) or request (wished)", required=True),
    "pattern": Column(("pattern",), text_cell, "fixed and request: id of the shift; empty: a day off"),
    "price": Column(
        ("price",), _AS_EXECUTIVES["overtime_minutes"].read, "request: points if it is not so; empty: as usual"
    ),
}


# ---------------------------------------------------------------------------------------- read


class _Table:
    """A table of staff: its rows by line, and the faults of its lines and headings, which a document does not have."""

    def __init__(self, data: bytes | None, file: str, columns: Mapping[str, Column]) -> None:
        self.file, self.columns = file, columns
        self.records: list[tuple[int, dict[str, str]]] = []
        self.faults: list[FileFault] = []
        try:
            if data is not None:
                self.records, found = records_of(decoded(data), columns)
                self.faults = in_table(file, found)
        except InvalidProblem as error:
            self.faults = in_table(file, error.faults)

    def told(self, faults: Iterable[Fault]) -> list[FileFault]:
        """These faults, by their path in a document, and those of the form, by line and column; each once."""
        # A place takes its name from the executive, so what is wrong with that is told of the executive first.
        ordered = sorted(faults, key=lambda fault: fault.path[-1:] == ("place",))
        found = [*self.faults, *(each for fault in ordered for each in self._told(fault))]
        once: dict[object, FileFault] = {}
        for each in found:
            once.setdefault((each.line, each.column, each.code, str(each.value)), each)
        return sorted(once.values(), key=lambda fault: fault.line or 0)

    def _told(self, fault: Fault) -> Iterable[FileFault]:
        key, number = (*fault.path, None)[:2]
        if not isinstance(number, int):
            rows = len(self.records)
            return [FileFault((), fault.code, rows, fault.rule, self.file, 1)]
        line, cells = self.records[number]
        in_row = Fault(fault.path[2:], fault.code, fault.value, fault.rule)
        if key == EXECUTIVES:
            return told_of_executive(in_row, self.file, line, cells, self.columns)
        return [told_by_cell(in_row, self.file, line, cells, self.columns)]


def staff_of_tables(data: bytes, file: str, days: bytes | None, days_file: str, judge: Judge) -> Staff:
    """The staff in two tables. Raises InvalidInput with every fault of both, by line and column."""
    people, spans = _Table(data, file, STAFF_COLUMNS), _Table(days, days_file, STAFF_DAY_COLUMNS)
    office, no_date, faults = judge.city.office, dt.date(YEARS[0], 1, 1), list[Fault]()
    document = {
        "schema_version": STAFF_VERSION,
        "city": judge.city.city_id,
        EXECUTIVES: [
            executive_row(cells, STAFF_COLUMNS, office, no_date, (EXECUTIVES, number), faults)
            for number, (_, cells) in enumerate(people.records)
        ],
        DAYS: [
            typed_row(cells, STAFF_DAY_COLUMNS, no_date, (DAYS, number), faults)
            for number, (_, cells) in enumerate(spans.records)
        ],
    }
    found: tuple[FileFault, ...] = ()
    staff = None
    try:
        staff = judge.staff(Notes(document, file, faults))
    except InvalidInput as error:
        found = error.faults
    # Where rows are missing, what refers to them is not at fault.
    untold = ("empty_file", "unknown_executive") if people.faults else ()
    told = [fault for fault in found if fault.code not in untold]
    shown = people.told(f for f in told if f.path[0] == EXECUTIVES) + spans.told(f for f in told if f.path[0] == DAYS)
    if shown or staff is None:
        raise InvalidInput(shown)
    return staff


# ------------------------------------------------------------------------------------- written


def staff_csv(staff: Staff, office: Place) -> str:
    """The table of executives, which `read_staff` reads back unchanged. `office` is that of the city.

    Raises InvalidProblem for places that are not called as the table makes them be called, their paths (executive,
    what).
    """
    raise_if_any(
        [
            fault.under(contract.executive_id)
            for contract in staff.contracts
            for fault in unwritable_places(contract.executive_id, contract.start, contract.end, office)
        ]
    )
    rows: list[dict[str, object]] = [
        {
            "executive": contract.executive_id,
            **point_cells(contract.start, contract.end, office),
            "skills": ";".join(sorted(contract.skills)),
            "week_hours": week_hours(contract),
            "patterns": ";".join(sorted(contract.patterns or ())),
        }
        for contract in staff.contracts
    ]
    return csv_text(STAFF_COLUMNS, rows)


def staff_days_csv(staff: Staff) -> str:
    """The table of days, which `read_staff` reads back unchanged; equal days that follow each other share a row."""
    rows: list[dict[str, object]] = [row for contract in staff.contracts for row in day_rows(contract)]
    return csv_text(STAFF_DAY_COLUMNS, rows)
