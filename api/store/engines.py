"""The connections of a store: how each kind of database is spoken to, and whose turn it is."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from api.store.faults import StoreError

CONNECT_TIMEOUT_S = 10
IDLE_TIMEOUT_S = 60
"""Seconds after which PostgreSQL ends a transaction that says nothing: its machine may have lost power."""
_LOOK_AGAIN_S = 0.001


class Turns:
    """Places for so many threads at once, given in the order in which they were asked for: nobody is overtaken."""

    def __init__(self, places: int, timeout_s: float, subject: str) -> None:
        self._free = places
        self._timeout_s = timeout_s
        self._subject = subject
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A place while the block runs. Too long without one is `database_locked`."""
        self._take()
        try:
            yield
        finally:
            self._give()

    def _take(self) -> None:
        with self._guard:
            if self._free:
                self._free -= 1
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        given = False
        try:
            given = mine.acquire(timeout=self._timeout_s)
        finally:
            if not given:
                self._withdraw(mine)
        if not given:
            rule = f"no connection came free within {self._timeout_s:g} s; try again"
            raise StoreError("database_locked", self._subject, rule)

    def _give(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def _withdraw(self, mine: threading.Lock) -> None:
        with self._guard:
            waits = mine in self._waiting
            if waits:
                self._waiting.remove(mine)
        if not waits:  # it was given at the last moment: it goes on to the next
            self._give()


def sqlite_engine(url: URL, busy_timeout_s: float, places: int, *, to_write: bool) -> Engine:
    """Connections to a file, to write or only to read. Transactions begin where SQLAlchemy says, not the driver."""
    engine = create_engine(
        url,
        pool_size=places,
        max_overflow=0,
        hide_parameters=True,  # what is stored of citizens is in no message
        connect_args={"timeout": busy_timeout_s, "isolation_level": None},
    )

    def connected(raw: sqlite3.Connection, _: object) -> None:
        try:
            raw.execute("PRAGMA foreign_keys = ON")
            if to_write:
                _use_wal(raw, url, busy_timeout_s)
                # A booking told to the citizen survives loss of power: each commit waits until it is on the disk.
                # NORMAL would be safe against a killed process, and lose the last commits when the power goes.
                raw.execute("PRAGMA synchronous = FULL")
                raw.execute("PRAGMA fullfsync = ON")  # macOS: past the cache of the disk, too; elsewhere nothing
                raw.execute("PRAGMA busy_timeout = 0")  # `begun` waits, and better
            else:
                raw.execute("PRAGMA query_only = ON")
        except BaseException:
            raw.close()
            raise

    def begun(connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        if to_write:
            _patiently(raw, "BEGIN IMMEDIATE", busy_timeout_s)
        else:
            raw.execute("BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _patiently(raw: sqlite3.Connection, statement: str, timeout_s: float) -> Any:
    """Run a statement as soon as no other process is in the way; gives the first value of its answer, if any.

    SQLite itself would look again after up to 100 ms each time. Where several processes write all the time it then
    misses nearly every gap, and some wait for seconds; and for the change to WAL it does not wait at all.
    """
    until_s = time.monotonic() + timeout_s
    while True:
        try:
            answer = raw.execute(statement).fetchone()
            return answer and answer[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
        time.sleep(_LOOK_AGAIN_S)


def _use_wal(raw: sqlite3.Connection, url: URL, busy_timeout_s: float) -> None:
    """Write ahead: who reads and who writes do not wait for each other. The file keeps it; nothing to do then."""
    mode = _patiently(raw, "PRAGMA journal_mode = WAL", busy_timeout_s)
    if mode != "wal":
        rule = f"the file system cannot do what SQLite needs (journal mode {mode}); use a local disk or PostgreSQL"
        raise StoreError("database_unreachable", str(url.database), rule)


def postgresql_engine(url: URL, busy_timeout_s: float, places: int) -> Engine:
    """Connections to a server. Its own default, synchronous_commit = on, makes a commit survive loss of power."""
    waits = f"-c lock_timeout={int(busy_timeout_s * 1000)} -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_S}s"
    given = url.query.get("options", "")
    return create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_size=places,
        max_overflow=0,
        hide_parameters=True,
        pool_pre_ping=True,  # a server that was restarted is met with a new connection, and without an error
        use_native_hstore=False,
        connect_args={
            "connect_timeout": url.query.get("connect_timeout", CONNECT_TIMEOUT_S),
            "options": f"{given if isinstance(given, str) else ' '.join(given)} {waits}".strip(),
        },
    )
