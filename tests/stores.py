"""Real databases for tests: SQLite files, and a PostgreSQL server that comes as a wheel, started once in a session.

`database` is a new, empty store, made twice for each test that asks for it: on SQLite and on PostgreSQL. Where the
server does not start the tests fail; they are not skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from api.store import Database
from api.store.schema import bookings, days
from benchmarks.booking.postgres import Server, postgresql_server

__all__ = [
    "Server",
    "booking_row",
    "database",
    "day_row",
    "dialect",
    "empty_address",
    "postgresql",
    "postgresql_server",
    "row",
    "store_address",
]

TEMPLATE = "template_mitaan"


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
