"""A store in one file, and back: the same lines of JSON from SQLite and from PostgreSQL, for either.

First a line about the whole; then for each table a line with its name and columns, and one line a row; last a line
with the numbers of rows and the SHA-256 of all before it, by which a file that was cut off or changed is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, column, func, select, table, text

from api.store import migrations
from api.store.database import Database
from api.store.faults import StoreError, file_error
from api.store.schema import REVISION, json_text, metadata

FORMAT = "mitaan-backup-1"
ROWS_AT_ONCE = 1_000
_HEAD_BYTES = 1_000
"""More than the first line of a backup has: whatever else the file may be, no more of it is looked at."""


def backup(database: Database, target: Path, *, replace: bool = False) -> dict[str, int]:
    """Write the whole store, as it is at one moment, to a new file; gives the number of rows of each table.

    Others go on working meanwhile. The file, readable by its owner only, is there when it is complete and not before.
    """
    if target.exists() and not replace:
        raise StoreError("target_exists", str(target), "a backup replaces a file only when told to")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                rows = _write(database, file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise file_error(error, target) from error
    return rows


def restore(source: Path, database: Database) -> dict[str, int]:
    """Fill an empty store from a backup, all of it or nothing; gives the number of rows of each table.

    A backup of an older revision goes into the tables of its time, which are then brought up to this program.
    """
    try:
        with source.open("rb") as file:
            head, rows = _checked(file, source)
            with database.write() as connection:
                _expect_empty(connection, database)
                if head["revision"] != REVISION:
                    migrations.downgrade(connection, "base")
                    migrations.upgrade(connection, head["revision"])
                file.seek(0)
                _fill(connection, file)
                _count_events_from(connection, database.dialect, head["last_event_id"])
                if head["revision"] != REVISION:
                    migrations.upgrade(connection)
    except OSError as error:
        raise file_error(error, source) from error
    return rows


# -------------------------------------------------------------------------------------- writing


def _write(database: Database, file: IO[bytes]) -> dict[str, int]:
    digest = hashlib.sha256()

    def line(value: object) -> None:
        told = json_text(value).encode() + b"\n"
        digest.update(told)
        file.write(told)

    rows: dict[str, int] = {}
    with database.read() as connection:
        head = {
            "format": FORMAT,
            "revision": REVISION,
            "made_at": database.now(connection).isoformat(),
            "last_event_id": _last_event_id(connection, database.dialect),
        }
        line(head)
        for each in metadata.sorted_tables:
            line({"table": each.name, "columns": list(each.columns.keys())})
            rows[each.name] = 0
            statement = select(each).order_by(*each.primary_key.columns)
            for row in connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}):
                line(list(row))
                rows[each.name] += 1
    file.write(json_text({"rows": rows, "sha256": digest.hexdigest()}).encode() + b"\n")
    return rows


def _last_event_id(connection: Connection, dialect: str) -> int:
    """The last event id that was given, 0 for none: the events that had it may be gone, readers remember it."""
    if dialect == "sqlite":
        last = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'events'")).scalar()
    else:
        last = connection.execute(
            text("SELECT pg_sequence_last_value(pg_get_serial_sequence('events', 'event_id')::regclass)")
        ).scalar()
    return int(last or 0)


# -------------------------------------------------------------------------------------- reading


def _checked(file: IO[bytes], source: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The head of a backup and its numbers of rows, after all of it was read once and found complete."""
    first = file.readline(_HEAD_BYTES)
    head = _parsed(first)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise StoreError("not_a_backup", str(source), "its first line is not that of a backup of this program")
    digest, last = hashlib.sha256(), first
    for line in file:
        digest.update(last)
        last = line
    end = _parsed(last)
    if not last.endswith(b"\n") or not isinstance(end, dict) or end.get("sha256") != digest.hexdigest():
        raise StoreError("backup_incomplete", str(source), "it was cut off or changed: its end does not fit the rest")
    if head["revision"] > REVISION:
        rule = f"it is of revision {head['revision']}, this program knows only {REVISION}; install a newer one"
        raise StoreError("migration_missing", str(source), rule)
    return head, end["rows"]


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _expect_empty(connection: Connection, database: Database) -> None:
    """No table has a row, and on PostgreSQL nobody else can add one until the transaction ends."""
    if database.dialect == "postgresql":
        connection.execute(text(f"LOCK TABLE {', '.join(metadata.tables)} IN ACCESS EXCLUSIVE MODE"))
    counts = {
        name: connection.execute(select(func.count()).select_from(t)).scalar_one()
        for name, t in metadata.tables.items()
    }
    if any(counts.values()):
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        raise StoreError("store_not_empty", database.url_for_people, f"only an empty store is filled, it holds {told}")


def _fill(connection: Connection, file: IO[bytes]) -> None:
    into, names = table(""), [""]
    for is_row, values in _batches(file):
        if is_row:
            connection.execute(into.insert(), [dict(zip(names, row, strict=True)) for row in values])
        else:
            names = values[0]["columns"]
            into = table(values[0]["table"], *(column(name) for name in names))


def _batches(file: IO[bytes]) -> Iterator[tuple[bool, list[Any]]]:
    """What follows the head: the line of a table alone, then its rows, many at once. The last line is left out."""
    rows: list[Any] = []
    next(iter(file))
    for line in file:
        value = json.loads(line)
        if isinstance(value, list):
            rows.append(value)
        if rows and (len(rows) == ROWS_AT_ONCE or not isinstance(value, list)):
            yield True, rows
            rows = []
        if isinstance(value, dict) and "table" in value:
            yield False, [value]


def _count_events_from(connection: Connection, dialect: str, last: int) -> None:
    """The next event id is the one after `last`."""
    if dialect == "sqlite":
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'events'"))
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', :last)"), {"last": last})
    elif last > 0:
        connection.execute(text("SELECT setval(pg_get_serial_sequence('events', 'event_id'), :last)"), {"last": last})
