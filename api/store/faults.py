"""What goes wrong in a store, told by a code, and which error of which driver means it."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, OperationalError

from optimizer.domain import MitaanError

_SQLITE_CODES = {
    sqlite3.SQLITE_BUSY: "database_locked",
    sqlite3.SQLITE_LOCKED: "database_locked",
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_IOERR_SHMSIZE: "disk_full",  # no room for the memory that processes share, a file, too
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CANTOPEN: "database_unreachable",
    sqlite3.SQLITE_PERM: "database_unreachable",
    sqlite3.SQLITE_NOTADB: "not_a_store",
    sqlite3.SQLITE_CORRUPT: "database_damaged",
    sqlite3.SQLITE_CONSTRAINT: "constraint_broken",
}
_PRIMARY = 0xFF
"""The low byte of an extended error code of SQLite."""

_POSTGRESQL_CODES = {
    "55P03": "database_locked",  # lock not available within lock_timeout
    "40P01": "database_locked",  # deadlock
    "40001": "database_locked",  # serialization failure
    "53100": "disk_full",
    "25006": "read_only",  # a read-only transaction: a standby, say
    "42501": "not_allowed",
    "25P03": "database_unreachable",  # the connection was ended for doing nothing within a transaction
    "57P01": "database_unreachable",  # the server shuts down
    "57P02": "database_unreachable",
    "57P03": "database_unreachable",
    "53300": "database_unreachable",  # too many connections
    "3D000": "database_unreachable",  # no such database
    "XX001": "database_damaged",
    "XX002": "database_damaged",
}
_POSTGRESQL_CLASSES = {"08": "database_unreachable", "28": "database_unreachable", "23": "constraint_broken"}

_RULES = {
    "database_locked": "others held what this needs for too long; try again",
    "disk_full": "no room is left; what was not confirmed is not stored",
    "read_only": "it, or its folder, may not be written",
    "not_allowed": "this user may not do that",
    "database_unreachable": "cannot be opened",
    "not_a_store": "not a database of this program; nothing was changed",
    "database_damaged": "damaged; restore a backup",
    "constraint_broken": "the tables do not allow that",
    "database_failed": "the database refused",
}


class StoreError(MitaanError):
    """A store that cannot do what was asked: a code, what it is about, the rule or reason in words.

    Codes of this layer: `bad_url`, `constraint_broken`, `database_damaged`, `database_failed`, `database_locked`,
    `database_unreachable`, `disk_full`, `migration_missing`, `not_a_store`, `not_allowed`, `outcome_unknown`,
    `read_only`; of backups: `backup_incomplete`, `file`, `not_a_backup`, `store_not_empty`, `target_exists`.
    """

    def __init__(self, code: str, subject: str, rule: str) -> None:
        super().__init__(code, subject, rule)
        self.code = code
        self.subject = subject
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule} [{self.code}]"


@contextmanager
def faults_of(subject: str) -> Iterator[None]:
    """Every error of a driver inside becomes a StoreError about `subject`; other exceptions pass."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise store_error(error, subject) from error


def store_error(error: DBAPIError | sqlite3.Error, subject: str) -> StoreError:
    """The StoreError that an error of SQLite or psycopg means."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = _sqlite_code(origin) if isinstance(origin, sqlite3.Error) else _postgresql_code(error)
    return StoreError(code, subject, f"{_RULES[code]} ({_said(origin)})")


def _said(origin: BaseException | None) -> str:
    """What the database says, in one line, without what stands in the row: PostgreSQL tells it as a detail."""
    primary = getattr(getattr(origin, "diag", None), "message_primary", None)  # in whatever language it speaks
    text = " ".join(str(primary or origin).split())
    return text.partition(" DETAIL:")[0]


def _sqlite_code(error: sqlite3.Error) -> str:
    number = getattr(error, "sqlite_errorcode", 0)  # not there when the module itself raised it
    return _SQLITE_CODES.get(number) or _SQLITE_CODES.get(number & _PRIMARY, "database_failed")


def _postgresql_code(error: Exception) -> str:
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    if state is None:  # no word from the server: there is no connection, or none any more
        return "database_unreachable" if isinstance(error, OperationalError) else "database_failed"
    return _POSTGRESQL_CODES.get(state) or _POSTGRESQL_CLASSES.get(state[:2], "database_failed")


def file_error(error: OSError, path: Path) -> StoreError:
    """The StoreError of a file that could not be written or read."""
    code = "disk_full" if errno.errorcode.get(error.errno or 0) in {"ENOSPC", "EDQUOT"} else "file"
    return StoreError(code, str(path), error.strerror or str(error))
