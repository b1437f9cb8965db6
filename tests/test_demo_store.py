"""A store to try things on: what is in it, that it is the same again, and that nothing is filled twice."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table
from typer.testing import CliRunner, Result

from api.bookings_cli import given
from api.cli import app
from api.demo_store import fill_store
from api.store import Database, StoreError
from api.store.checking import check_store
from api.store.schema import (
    answers,
    api_keys,
    audit,
    bookings,
    city_rules,
    days,
    deliveries,
    events,
    jobs,
    plans,
    webhooks,
)
from api.store.store import Store
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from tests.stores import booking_row, day_row, row

FACTS = load_catalogue()
NOW = dt.datetime(2026, 12, 1, 9, 0, tzinfo=IST)
CITIES = [FACTS.city(name) for name in ("raipur", "dhamtari")]


OPENED: list[Database] = []


@pytest.fixture(autouse=True)
def _closed_at_the_end() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def empty(path: Path, now: dt.datetime = NOW) -> Store:
    OPENED.append(Database.create(path, clock=lambda: now))
    return Store(OPENED[-1], FACTS)


def told(store: Store) -> list[tuple[Any, ...]]:
    return [
        (b.date, b.slot, b.service.service_id, b.place.lon, b.place.lat, b.spread_m)
        for city in CITIES
        for b in store.list_bookings(city, NOW.date(), NOW.date() + dt.timedelta(days=9))
    ]


def test_it_has_rosters_bookings_and_deliveries_and_every_promise_is_kept(tmp_path: Path) -> None:
    store, days = empty(tmp_path / "a.db"), []
    made = fill_store(store, CITIES, 2, seed=1, on_day=lambda done, total: days.append((done, total)))
    assert (made.cities, made.days, made.executives) == (2, 4, 2 * (11 + 5))
    assert days == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert made.bookings + made.refused == 2 * (17 + 8)
    assert made.bookings >= 45
    assert made.deliveries > 0
    checked = check_store(store)
    assert (checked.findings, checked.promises) == ((), made.bookings)


def test_the_same_seed_draws_the_same_wishes_and_another_others(tmp_path: Path) -> None:
    stores = [empty(tmp_path / name) for name in ("a.db", "b.db", "c.db")]
    for store, seed in zip(stores, (1, 1, 2), strict=True):
        fill_store(store, CITIES, 1, seed)
    first, again, other = (sorted(told(store), key=repr) for store in stores)
    assert first == again
    assert first != other


def test_what_is_closed_for_booking_already_gets_a_roster_and_no_bookings(tmp_path: Path) -> None:
    store = empty(tmp_path / "a.db", NOW.replace(hour=20))
    made = fill_store(store, CITIES[1:], 2)
    assert made.days == 2
    assert {date for date, *_ in told(store)} == {dt.date(2026, 12, 3)}


def test_a_store_that_holds_something_is_not_filled(tmp_path: Path) -> None:
    store = empty(tmp_path / "a.db")
    fill_store(store, CITIES[1:], 1)
    before = told(store)
    with pytest.raises(StoreError, match="only an empty store is filled") as refused:
        fill_store(store, CITIES, 1)
    assert refused.value.code == "store_not_empty"
    assert told(store) == before


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (city_rules, row(city_rules, city_id="raipur")),
        (days, day_row("raipur", "2026-12-01")),
        (bookings, booking_row("B")),
        (deliveries, row(deliveries, status="delivered")),
        (plans, row(plans)),
        (events, row(events)),
    ],
    ids=lambda value: str(value) if isinstance(value, Table) else "",
)
def test_a_store_with_a_promise_or_a_trace_of_one_is_not_filled(
    tmp_path: Path, table: Table, values: dict[str, Any]
) -> None:
    store = empty(tmp_path / "a.db")
    with store.database.write() as connection:
        connection.execute(table.insert(), values)
    with pytest.raises(StoreError, match=f"only an empty store is filled, it holds 1 {table.name}") as refused:
        fill_store(store, CITIES[1:], 1)
    assert refused.value.code == "store_not_empty"


def test_a_store_that_has_only_api_keys_and_what_belongs_to_them_is_filled(tmp_path: Path) -> None:
    store = empty(tmp_path / "a.db")
    there = (
        (api_keys, row(api_keys, key_id="K", role="admin")),
        (answers, row(answers)),
        (audit, row(audit)),
        (jobs, row(jobs, kind="plan", state="done")),
        (webhooks, row(webhooks, state="active")),
    )
    with store.database.write() as connection:
        for table, values in there:
            connection.execute(table.insert(), values)
    assert fill_store(store, CITIES[1:], 1).bookings > 0
    with store.database.read() as connection:
        assert [len(connection.execute(table.select()).all()) for table, _ in there] == [1] * 5


def test_the_command_says_what_it_made_and_what_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(where: str | None, *, create: bool = False) -> Database:
        return (Database.create if create else Database.open)(where, clock=lambda: NOW)

    monkeypatch.setattr(given, "open_database", opened)

    def mitaan(*words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--store", str(tmp_path / "s.db")])

    result = mitaan("demo-store", "--city", "dhamtari", "--days", "2")
    assert result.exit_code == 0, result.output
    assert "1 cities, 2 days with a roster" in result.stdout
    tries = [line.strip() for line in result.stdout.splitlines() if line.startswith("  mitaan ")]
    assert len(tries) == 3
    for line in tries:
        words = line.split()[1:]
        shown = CliRunner().invoke(app, words)
        assert shown.exit_code == 0, shown.output
    again = mitaan("demo-store", "--json")
    assert (again.exit_code, json.loads(again.stdout)["errors"][0]["code"]) == (2, "store_not_empty")
    assert mitaan("demo-store", "--city", "raipurr").exit_code == 2
    assert "[out_of_range]" in mitaan("demo-store", "--days", "999999999").stderr


@pytest.mark.long
def test_all_cities_and_two_weeks_are_filled(tmp_path: Path) -> None:
    store = empty(tmp_path / "all.db")
    made = fill_store(store, FACTS.cities_in_scheme())
    assert (made.cities, made.days) == (14, 14 * 14)
    assert check_store(store).findings == ()
