"""Backups: one file that either database writes and either reads, whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from api.store import Database, StoreError
from api.store.backup import ROWS_AT_ONCE, backup, restore
from api.store.checking import check_store
from api.store.restrictions import (
    CLOSURE,
    QUOTA,
    STOP_SALE,
    NewRestriction,
    Restricted,
    add_restriction,
    list_restrictions,
)
from api.store.rosters import NewRoster, RosterPublished, publish_roster, roster_versions, stored_staff
from api.store.schema import (
    REVISION,
    answers,
    api_keys,
    audit,
    bookings,
    city_rules,
    days,
    deliveries,
    events,
    jobs,
    metadata,
    plans,
    restrictions,
    rosters,
    staff,
    webhooks,
)
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change
from optimizer.domain import SlotGrid
from optimizer.quotas import Quotas
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from scenarios.places import Whereabouts
from scenarios.rosters import pattern_roster
from tests.stores import Server, booking_row, day_row, row

ROWS = {"bookings": 1_001, "city_rules": 1, "days": 2, "deliveries": 1, "events": 3, "plans": 1}
ROWS |= {"answers": 2, "api_keys": 2, "audit": 1, "jobs": 3, "webhooks": 1}
ROWS |= {"restrictions": 3, "rosters": 2, "staff": 1}


def fill(database: Database) -> None:
    """Something in every table, in every kind of column."""
    with database.write() as connection:
        connection.execute(insert(city_rules), row(city_rules, city_id="raipur"))
        dates = ("2026-12-01", "2026-12-02")
        connection.execute(insert(days), [day_row("raipur", date, witness='{"खाली":"\\n"}') for date in dates])
        connection.execute(insert(bookings), [booking_row(f"B{number}") for number in range(ROWS_AT_ONCE)])
        held: dict[str, Any] = {"lon": 81.629641, "lat": 0.1 + 0.2, "expires_at": 1_796_106_600_123, "at_risk": True}
        connection.execute(insert(bookings), booking_row("H", status="held", reference="14545-शनि", **held))
        connection.execute(insert(deliveries), row(deliveries, delivery_id="D", status="waiting", due="2026-12-09"))
        connection.execute(insert(plans), row(plans, document="{}"))
        for number in range(6):
            connection.execute(insert(events), row(events, subject=f"E{number}"))
        connection.execute(events.delete().where(events.c.subject > "E2"))
        _fill_for_the_api(connection)
        _fill_rosters(connection)


def _fill_rosters(connection: Connection) -> None:
    sold = {"closed_slots": '{"2":"मेला"}', "kit_quotas": '[[2,"aadhaar_kit",0]]', "capacity": "{}", "roster_number": 2}
    connection.execute(days.update().where(days.c.date == "2026-12-02").values(**sold))
    for number, kind in enumerate(("closure", "stop_sale", "quota")):
        stretch = {} if kind == "closure" else {"open_s": 36_000, "close_s": 39_600}
        ended = {"lifted_at": 1_796_106_600_123, "lifted_by": "lead-2"} if kind == "stop_sale" else {}
        more = {"kit": "aadhaar_kit", "quota": 0} if kind == "quota" else {}
        values = {"restriction_id": f"R{number}", "kind": kind, "reason": "बाढ़\u200d", **stretch, **ended, **more}
        connection.execute(insert(restrictions), row(restrictions, **values))
    connection.execute(insert(staff), row(staff, city_id="raipur", version=7, document='{"खाली":"\\n"}'))
    for number in (1, 2):
        connection.execute(insert(rosters), row(rosters, city_id="raipur", number=number, job_id="J3"))
    connection.execute(insert(jobs), row(jobs, job_id="J3", kind="roster", state="running", day='{"weeks":4}'))


def _fill_for_the_api(connection: Connection) -> None:
    connection.execute(insert(api_keys), row(api_keys, key_id="K1", role="admin"))
    one_city = {"role": "booking", "cities": '["raipur"]', "a_minute": 60, "revoked_at": 1_796_106_600_123}
    connection.execute(insert(api_keys), row(api_keys, key_id="K2", **one_city))
    for key in ("शनि", "रवि"):
        connection.execute(insert(answers), row(answers, key_id="K1", idempotency_key=key, body='{"खाली":"\\n"}'))
    connection.execute(insert(audit), row(audit, audit_id="A", city_id="raipur", code="too_late_to_move"))
    connection.execute(insert(jobs), row(jobs, job_id="J1", kind="plan", state="queued"))
    running = {
        "spent_s": 0.1 + 0.2,
        "stop_requested": True,
        "beside": '{"travel_s.csv":""}',
        "beat_at": 1_796_106_600_123,
    }
    connection.execute(insert(jobs), row(jobs, job_id="J2", kind="solve", state="running", sequence=7, **running))
    failing = {"kinds": '["booking.made"]', "sent_up_to": 2**40, "failing_since": 1_796_106_600_123}
    connection.execute(insert(webhooks), row(webhooks, webhook_id="W", state="active", **failing))


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.read() as connection:
        return {
            name: [tuple(found) for found in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for name, table in metadata.tables.items()
        }


def code_of_restore(source: Path, database: Database) -> str:
    with pytest.raises(StoreError) as refused:
        restore(source, database)
    assert not any(contents(database).values())
    return refused.value.code


@pytest.fixture
def empty(tmp_path: Path, postgresql: Server, dialect: str) -> Any:
    """An empty store of the other kind than `database`."""
    if dialect == "postgresql":
        with Database.open(tmp_path / "other.db") as database:
            yield database
    else:
        with postgresql.database("template_mitaan") as url, Database.open(url) as database:
            yield database


def test_a_backup_of_one_database_is_restored_into_the_other_value_for_value(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    fill(database)
    assert backup(database, tmp_path / "whole.backup") == ROWS
    assert restore(tmp_path / "whole.backup", empty) == ROWS
    assert contents(empty) == contents(database)
    backup(empty, tmp_path / "again.backup")
    first, second = ((tmp_path / name).read_bytes().splitlines() for name in ("whole.backup", "again.backup"))
    assert first[1:-1] == second[1:-1]


def test_a_restored_store_sells_and_refuses_what_the_other_did(
    database: Database, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue, date = load_catalogue(), dt.date(2026, 12, 3)
    raipur, income = catalogue.city("raipur"), catalogue.service("income")
    store, again = (Store(each, catalogue) for each in (database, empty))
    for each in (database, empty):
        monkeypatch.setattr(each, "now", lambda _: dt.datetime(2026, 12, 1, 9, 0, tzinfo=IST))
    team = pattern_roster(catalogue, raipur, date, date)[date]
    quotas = Quotas(SlotGrid(), (frozenset(),), ((2,),) * 12, {(0,): (2,) * 12})
    new = NewRoster({date: team}, {date: quotas}, {"gap": 0.0}, "lead-1", staff={"executives": []})
    assert isinstance(publish_roster(store, raipur, new), RosterPublished)
    where = Whereabouts(81.63, 21.25, 0, "point")
    booked = store.hold(raipur, where, [WantedSlot(income, date, 36_000)], "a", at_once=True)
    assert isinstance(booked, Change)
    for kind, open_s, quota in ((CLOSURE, 36_000, None), (STOP_SALE, 43_200, None), (QUOTA, 50_400, 0)):
        one = NewRestriction(kind, date, date, "fair", "lead-1", open_s, open_s + 3_600, quota=quota)
        assert isinstance(add_restriction(store, raipur, one, force=True), Restricted)
    backup(database, tmp_path / "whole.backup")
    restore(tmp_path / "whole.backup", empty)
    assert again.offers(raipur, where, [income], date, date) == store.offers(raipur, where, [income], date, date)
    assert list_restrictions(again, raipur, date, date) == list_restrictions(store, raipur, date, date)
    assert (stored_staff(again, raipur), roster_versions(again, raipur)) == (
        stored_staff(store, raipur),
        roster_versions(store, raipur),
    )
    for checked in (check_store(store), check_store(again)):
        assert (checked.days, checked.bookings, checked.promises, checked.at_risk, checked.findings) == (1, 1, 0, 1, ())


def test_event_ids_go_on_after_a_restore_where_they_were(database: Database, empty: Database, tmp_path: Path) -> None:
    fill(database)
    backup(database, tmp_path / "whole.backup")
    restore(tmp_path / "whole.backup", empty)
    with empty.write() as connection:
        assert connection.execute(insert(events), row(events)).inserted_primary_key == (7,)


def test_every_table_has_rows_that_are_backed_up(database: Database) -> None:
    fill(database)
    assert {name: len(rows) for name, rows in contents(database).items()} == ROWS
    assert all(ROWS.values())


def test_an_empty_store_is_backed_up_too(database: Database, empty: Database, tmp_path: Path) -> None:
    assert backup(database, tmp_path / "empty.backup") == dict.fromkeys(ROWS, 0)
    assert restore(tmp_path / "empty.backup", empty) == dict.fromkeys(ROWS, 0)
    with empty.write() as connection:
        assert connection.execute(insert(events), row(events)).inserted_primary_key == (1,)


def test_a_backup_shows_one_moment_though_others_write_meanwhile(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    now = database.now

    def write_meanwhile(connection: Any) -> Any:
        connection.execute(select(days)).all()  # the state is fixed by the first look
        with database.write() as other:
            other.execute(insert(bookings), booking_row("LATE"))
        return now(connection)

    monkeypatch.setattr(database, "now", write_meanwhile)
    assert backup(database, tmp_path / "whole.backup") == ROWS
    assert len(contents(database)["bookings"]) == ROWS["bookings"] + 1


def test_the_first_line_says_what_it_is_and_the_last_what_is_in_it(database: Database, tmp_path: Path) -> None:
    fill(database)
    backup(database, tmp_path / "whole.backup")
    lines = (tmp_path / "whole.backup").read_text(encoding="utf-8").splitlines()
    head, end = json.loads(lines[0]), json.loads(lines[-1])
    assert {key: head[key] for key in ("format", "revision", "last_event_id")} == {
        "format": "mitaan-backup-1",
        "revision": REVISION,
        "last_event_id": 6,
    }
    assert end["rows"] == ROWS
    assert len(lines) == 1 + len(ROWS) + sum(ROWS.values()) + 1
    assert (tmp_path / "whole.backup").stat().st_mode & 0o777 == 0o600


def test_a_backup_replaces_a_file_only_when_told_to(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "whole.backup"
    target.write_text("precious", encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        backup(database, target)
    assert (refused.value.code, target.read_text(encoding="utf-8")) == ("target_exists", "precious")
    backup(database, target, replace=True)
    assert target.read_bytes().startswith(b'{"format":"mitaan-backup-1"')


def test_a_backup_that_breaks_off_leaves_no_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StoreError) as refused:
        backup(database, folder / "whole.backup")
    assert (refused.value.code, list(folder.iterdir())) == ("disk_full", [])
    with pytest.raises(StoreError) as refused:
        backup(database, folder / "missing" / "whole.backup")
    assert refused.value.code == "file"


def test_only_an_empty_store_is_filled(database: Database, tmp_path: Path) -> None:
    fill(database)
    backup(database, tmp_path / "whole.backup")
    before = contents(database)
    with pytest.raises(
        StoreError, match="it holds 1 city_rules, 2 days, 3 restrictions, 1 staff, 2 rosters,"
    ) as refused:
        restore(tmp_path / "whole.backup", database)
    assert refused.value.code == "store_not_empty"
    assert contents(database) == before


@pytest.mark.parametrize("lost", [1, 2, 70, 5_000])
def test_a_backup_that_was_cut_off_is_noticed(database: Database, empty: Database, tmp_path: Path, lost: int) -> None:
    fill(database)
    backup(database, tmp_path / "whole.backup")
    whole = (tmp_path / "whole.backup").read_bytes()
    (tmp_path / "cut.backup").write_bytes(whole[:-lost])
    assert code_of_restore(tmp_path / "cut.backup", empty) == "backup_incomplete"


def test_a_backup_cut_off_after_any_line_or_changed_in_one_byte_is_noticed(tmp_path: Path) -> None:
    with Database.open(tmp_path / "store.db") as database, Database.open(tmp_path / "empty.db") as empty:
        with database.write() as connection:
            connection.execute(insert(days), day_row("raipur", "2026-12-01"))
        backup(database, tmp_path / "whole.backup")
        whole = (tmp_path / "whole.backup").read_bytes()
        lines = whole.splitlines(keepends=True)
        for number in range(1, len(lines)):
            (tmp_path / "cut.backup").write_bytes(b"".join(lines[:number]))
            assert code_of_restore(tmp_path / "cut.backup", empty) == "backup_incomplete"
        (tmp_path / "cut.backup").write_bytes(whole.replace(b"2026-12-01", b"2026-12-31"))
        assert code_of_restore(tmp_path / "cut.backup", empty) == "backup_incomplete"


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with Database.open(tmp_path / "store.db") as database:
        for content in (b"", b"\x00" * 10_000, b"[1]\n", b'{"format":"other"}\n', (tmp_path / "store.db").read_bytes()):
            (tmp_path / "wrong").write_bytes(content)
            assert code_of_restore(tmp_path / "wrong", database) == "not_a_backup"
        assert code_of_restore(tmp_path / "missing", database) == "file"


def test_a_backup_of_a_newer_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.open(tmp_path / "store.db") as database:
        with monkeypatch.context() as newer:
            newer.setattr("api.store.backup.REVISION", "0009")
            backup(database, tmp_path / "new.backup")
        assert code_of_restore(tmp_path / "new.backup", database) == "migration_missing"


def test_a_restore_that_fails_leaves_the_store_empty(
    database: Database, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    backup(database, tmp_path / "whole.backup")

    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("api.store.backup._count_events_from", break_off)
        with pytest.raises(KeyboardInterrupt):
            restore(tmp_path / "whole.backup", empty)
    assert not any(contents(empty).values())
    assert restore(tmp_path / "whole.backup", empty) == ROWS
