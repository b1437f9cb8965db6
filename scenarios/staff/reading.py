"""The one reader of staff: from files, or from bytes that came with a name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scenarios.catalogue import Catalogue, City
from scenarios.files import FileFault, InvalidInput, read_bytes
from scenarios.files.notes import Notes
from scenarios.files.text import parsed
from scenarios.labour import default_patterns, labour_rules
from scenarios.rosters import check_version
from scenarios.staff.document import STAFF_VERSION, Judge
from scenarios.staff.nouns import Staff
from scenarios.staff.tables import staff_of_tables


def read_staff(
    staff_path: str | Path,
    days_path: str | Path | None,
    catalogue: Catalogue,
    city: City,
    patterns: Iterable[str] | None = None,
) -> Staff:
    """The staff in files: two tables whose names end in .csv, the second where there is one, or a .json document.

    `patterns` are the ids of the shifts that there are, by default those of `default_patterns`. Raises InvalidInput
    with every fault of both, each by line and column or by JSON Pointer.
    """
    contents: list[bytes] = []
    unread: list[FileFault] = []
    for path in (staff_path, days_path):
        try:
            contents += [] if path is None else [read_bytes(path)]
        except InvalidInput as error:
            unread.extend(error.faults)
    if unread:
        raise InvalidInput(unread)
    days, days_file = (None, "") if days_path is None else (contents[1], Path(days_path).name)
    return parse_staff(contents[0], Path(staff_path).name, catalogue, city, days, days_file, patterns)


def parse_staff(
    data: bytes,
    file: str,
    catalogue: Catalogue,
    city: City,
    days: bytes | None = None,
    days_file: str = "staff_days.csv",
    patterns: Iterable[str] | None = None,
) -> Staff:
    """The staff in the bytes of files with these names; as `read_staff`."""
    ending = Path(file).suffix.lower()
    faults = []
    if ending not in (".csv", ".json"):
        faults.append(FileFault((), "unknown_format", file, "a name that ends in .csv or .json", file))
    if days is not None and ending == ".json":
        faults.append(FileFault((), "days_twice", days_file, f"no second file: the days are in {file}", days_file))
    elif days is not None and Path(days_file).suffix.lower() != ".csv":
        faults.append(FileFault((), "unknown_format", days_file, "a name that ends in .csv", days_file))
    if faults:
        raise InvalidInput(faults)
    if patterns is None:
        patterns = (each.pattern_id for each in default_patterns(catalogue.scheme, labour_rules()))
    judge = Judge(catalogue, city, frozenset(patterns))
    if ending == ".csv":
        return staff_of_tables(data, file, days, days_file, judge)
    document, known = parsed(data, file)
    check_version(document, file, STAFF_VERSION, "staff")
    return judge.staff(Notes(document, file, known))
