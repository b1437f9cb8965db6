"""One store: a SQLite file or a PostgreSQL database, and its transactions.

A transaction that writes is serialised where it must be: on SQLite with every other one, on PostgreSQL by the rows it
locks. Threads may share a `Database`; a process that was forked opens its own. No transaction is opened within
another: on SQLite the inner one would wait for the outer.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, func, inspect, select, table, text, tuple_
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from api.store.engines import Turns, postgresql_engine, sqlite_engine
from api.store.faults import StoreError, faults_of, file_error
from api.store.schema import REVISION, VERSION_TABLE, days, epoch_ms, moment

BUSY_TIMEOUT_S = 10.0
"""Seconds that a transaction waits for others before it is told `database_locked`."""
CONNECTIONS = 16
"""Of one `Database`; more threads than that wait for their turn, in order. On SQLite these read, and one writes."""

_UPGRADE_LOCK, _EVENTS_LOCK = 0x6D697461616E01, 0x6D697461616E02  # advisory, on PostgreSQL: "mitaan" and a number
_IN_ERROR = 3  # libpq: PQTRANS_INERROR
_NOW = {
    # Exact to the millisecond, which is as fine as the clock of SQLite goes.
    "sqlite": text("SELECT CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"),
    "postgresql": text("SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)"),
}


def default_path() -> Path:
    """The file of the store where none is named: in MITAAN_DATA, else where this system keeps the data of a user."""
    if folder := os.environ.get("MITAAN_DATA"):
        return Path(folder).expanduser() / "mitaan.db"
    home = Path.home()
    if sys.platform == "darwin":
        data = home / "Library" / "Application Support"
    elif sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return data / "mitaan" / "mitaan.db"


class Database:
    """A store at one address. Made by `open` or `create`; the constructor alone looks at nothing.

    An address is the path of a file, `sqlite:///FILE` or `postgresql://...`; None is MITAAN_DATABASE_URL, else
    `default_path()`. `clock` stands in for the clock of the database.
    """

    def __init__(
        self,
        where: str | Path | None = None,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        clock: Callable[[], dt.datetime] | None = None,
    ) -> None:
        url = _url(where)
        self._clock = clock
        self._path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        self.dialect = "postgresql" if self._path is None else "sqlite"
        self.made_now = self._path is not None and not self._path.exists()
        """The file was not there when this was made."""
        self.url_for_people = _without_password(url) if self._path is None else str(self._path)
        """The address, to be shown: without a password."""
        if self._path is None:
            self._writing = postgresql_engine(url, busy_timeout_s, CONNECTIONS)
            snapshot: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._reading: Engine = self._writing.execution_options(**snapshot)
            self._to_write = self._to_read = Turns(CONNECTIONS, busy_timeout_s, self.url_for_people)
        else:
            self._writing = sqlite_engine(url, busy_timeout_s, 1, to_write=True)
            self._reading = sqlite_engine(url, busy_timeout_s, CONNECTIONS, to_write=False)
            self._to_write = Turns(1, busy_timeout_s, self.url_for_people)
            self._to_read = Turns(CONNECTIONS, busy_timeout_s, self.url_for_people)

    @classmethod
    def open(
        cls,
        where: str | Path | None = None,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        clock: Callable[[], dt.datetime] | None = None,
    ) -> Database:
        """The store there, its tables those of this program. A SQLite file that is missing is made."""
        database = cls(where, busy_timeout_s=busy_timeout_s, clock=clock)
        with database._closed_on_error():
            database._make_folder()
            found = database.revision()
            if found is None and database.dialect == "sqlite":
                database.upgrade()
            else:
                database._expect(found)
        return database

    @classmethod
    def create(
        cls,
        where: str | Path | None = None,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        clock: Callable[[], dt.datetime] | None = None,
    ) -> Database:
        """The store there, its tables first made, or brought up to those of this program."""
        database = cls(where, busy_timeout_s=busy_timeout_s, clock=clock)
        with database._closed_on_error():
            database.upgrade()
        return database

    # ----------------------------------------------------------------------------- transactions

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, rolled back when an exception leaves it.

        SQLite: BEGIN IMMEDIATE, so nobody else writes meanwhile. PostgreSQL: READ COMMITTED; see `lock_days`.
        """
        with faults_of(self.url_for_people), self._to_write.turn(), self._writing.connect() as connection:
            transaction = connection.begin()
            yield connection
            self._refuse_if_given_up(connection)
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    rule = (
                        "the connection broke during the commit; look whether the change is there before repeating it"
                    )
                    raise StoreError("outcome_unknown", self.url_for_people, rule) from error
                raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the whole store, whoever writes meanwhile, and cannot write."""
        with faults_of(self.url_for_people), self._to_read.turn(), self._reading.connect() as connection:
            connection.begin()
            yield connection

    def now(self, connection: Connection) -> dt.datetime:
        """The moment by the clock of the database, to the millisecond, in local time of India."""
        if self._clock is not None:
            return moment(epoch_ms(self._clock()))
        return moment(connection.execute(_NOW[self.dialect]).scalar_one())

    def lock_days(self, connection: Connection, wanted: Iterable[tuple[str, dt.date]]) -> None:
        """No other transaction changes these days of cities until this one ends. Days without a row are not locked.

        Called once in a transaction, with all days it will need: they are locked in order of city and date, so that
        no two transactions wait for each other. On SQLite nothing is left to do: who writes, writes alone.
        """
        keys = sorted({(city, date.isoformat()) for city, date in wanted})
        if self.dialect == "sqlite" or not keys:
            return
        rows = select(days.c.version).where(tuple_(days.c.city_id, days.c.date).in_(keys))
        connection.execute(rows.order_by(days.c.city_id, days.c.date).with_for_update()).all()

    def order_events(self, connection: Connection) -> None:
        """Event ids written after this become visible in their order: the next such transaction waits for this one.

        Called just before events are written, and after `lock_days`: it holds up everybody who writes events.
        """
        if self.dialect == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_EVENTS_LOCK)))

    def _refuse_if_given_up(self, connection: Connection) -> None:
        """Raise when the database has given the transaction up already: its commit would do nothing, silently.

        So it is after an error that was caught inside, without a savepoint around it.
        """
        raw: Any = connection.connection.driver_connection
        if not raw.in_transaction if self.dialect == "sqlite" else raw.info.transaction_status == _IN_ERROR:
            raise RuntimeError("an error of the database was caught within a transaction: nothing of it is stored")

    # ----------------------------------------------------------------------------------- tables

    def revision(self) -> str | None:
        """The revision of the tables, None where there are none. Tables of others are refused."""
        with self.read() as connection:
            return self._revision(connection)

    def upgrade(self) -> tuple[str | None, str]:
        """Make the tables or bring them up to this program; gives the revision before and now.

        Everything or nothing happens, and only once when several processes do it at the same time.
        """
        from alembic.util import CommandError  # noqa: PLC0415  takes its time to load, and is seldom needed

        from api.store import migrations  # noqa: PLC0415  as above: it loads Alembic

        self._make_folder()
        before = self.revision()  # by a connection that cannot write: what is not ours stays as it is
        if before is not None and before > REVISION:
            self._expect(before)
        with self.write() as connection:
            if self.dialect == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            if self._revision(connection) != REVISION:
                try:
                    migrations.upgrade(connection)
                except CommandError as error:  # a revision of nobody
                    raise StoreError("migration_missing", self.url_for_people, str(error)) from error
        return before, REVISION

    def _revision(self, connection: Connection) -> str | None:
        names = inspect(connection).get_table_names()
        if VERSION_TABLE in names:
            found: str | None = connection.execute(
                select(text("version_num")).select_from(table(VERSION_TABLE))
            ).scalar()
            return found
        if names:
            rule = f"it has tables of others ({', '.join(sorted(names)[:3])}) and none of ours; nothing was changed"
            raise StoreError("not_a_store", self.url_for_people, rule)
        return None

    def _expect(self, found: str | None) -> None:
        """Raise when the tables are not of the revision that this program knows."""
        if found == REVISION:
            return
        if found is None:
            rule = f"has no tables, this program needs revision {REVISION}; run `mitaan db upgrade`"
        elif found < REVISION:
            rule = f"its tables are of revision {found}, this program needs {REVISION}; run `mitaan db upgrade`"
        else:
            rule = f"its tables are of revision {found}, this program knows only {REVISION}; install a newer one"
        raise StoreError("migration_missing", self.url_for_people, rule)

    # ------------------------------------------------------------------------------------- ends

    def is_there(self) -> bool:
        """The file of the store is where it was: not moved nor deleted under those who use it. A server is asked."""
        return self._path is None or self._path.exists()

    def remove(self) -> None:
        """Close the store and delete its file, with those that SQLite keeps beside it. Only of a file."""
        if self._path is None:
            raise RuntimeError("a server's database is not ours to delete")
        self.close()
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._reading.dispose()
        self._writing.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _make_folder(self) -> None:
        if self._path is None:
            return
        if self._path.is_dir():
            raise StoreError("not_a_store", self.url_for_people, "a folder, not a file")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_error(error, self._path.parent) from error


# ------------------------------------------------------------------------------------- addresses


def _url(where: str | Path | None) -> URL:
    """The address as SQLAlchemy writes it, the path of a file absolute."""
    if where is None:
        where = os.environ.get("MITAAN_DATABASE_URL") or default_path()
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(Path(where).expanduser().absolute()))
    scheme = where.partition("://")[0]  # all that is told of a bad address: the rest may hold a password
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise StoreError("bad_url", f"{scheme}://...", "not the address of a database") from None
    if scheme == "sqlite" and not url.host and "?" not in where and url.database not in {None, "", ":memory:"}:
        return _url(Path(str(url.database)))
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    raise StoreError("bad_url", f"{scheme}://...", "use the path of a file, sqlite:///FILE or postgresql://...")


def _without_password(url: URL) -> str:
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.set(drivername="postgresql").update_query_dict(hidden).render_as_string(hide_password=True)
