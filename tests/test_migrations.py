"""The tables, how moments and JSON stand in them, and the migrations that make them: once, up and down."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, select, text
from sqlalchemy.exc import IntegrityError

from api.store import Database, StoreError, migrations
from api.store.backup import backup, restore
from api.store.restrictions import Restricted, Restriction, lift_restriction, list_restrictions
from api.store.schema import (
    DELIVERY_STATUSES,
    JOB_KINDS,
    JOB_STATES,
    RESTRICTIONS,
    REVISION,
    ROLES,
    VERSION_TABLE,
    WEBHOOK_STATES,
    api_keys,
    bookings,
    days,
    deliveries,
    epoch_ms,
    events,
    jobs,
    json_text,
    metadata,
    moment,
    restrictions,
    rosters,
    staff,
    webhooks,
)
from api.store.store import Store
from optimizer.domain import BookingStatus
from optimizer.slots import Sale
from optimizer.units import IST
from tests.stores import booking_row, day_row, row

OUR_TABLES = sorted([*metadata.tables, VERSION_TABLE])
NEXT = f"{int(REVISION) + 1:04}"
OF_0001 = ("bookings", "city_rules", "days", "deliveries", "events", "plans")
OF_0002 = ("answers", "api_keys", "audit", "jobs", "webhooks")


def tables_of(connection: Connection) -> list[str]:
    return sorted(inspect(connection).get_table_names())


def reflected(connection: Connection) -> dict[str, Any]:
    """All that a database says of our tables, as plain text."""
    inspector = inspect(connection)
    seen: dict[str, Any] = {}
    for name in metadata.tables:
        columns = inspector.get_columns(name)
        seen[name] = {
            "columns": [{**column, "type": repr(column["type"])} for column in columns],
            "primary key": inspector.get_pk_constraint(name),
            "checks": sorted((c["name"], c["sqltext"]) for c in inspector.get_check_constraints(name)),
            "indexes": sorted(
                (
                    str(i["name"]),
                    i["column_names"],
                    i["unique"],
                    [str(o) for o in i.get("dialect_options", {}).values()],
                )
                for i in inspector.get_indexes(name)
            ),
        }
    return seen


def set_revision(address: str, revision: str) -> None:
    with Database(address) as database, database.write() as connection:
        connection.execute(text("UPDATE mitaan_version SET version_num = :revision"), {"revision": revision})


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """When called, the program is one revision further: days have a note."""

    def go_on() -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(Path(migrations.__file__).parent, folder)
        monkeypatch.setattr(migrations, "LOCATION", str(folder))
        command.revision(migrations.config(), "A note for each day", rev_id=NEXT)
        (draft,) = (folder / "versions").glob(f"{NEXT}*.py")
        written = draft.read_text(encoding="utf-8")
        up = 'op.add_column("days", sa.Column("note", sa.Text(), nullable=False, server_default="none"))'
        draft.write_text(written.replace("    pass", f"    {up}", 1), encoding="utf-8")
        monkeypatch.setattr("api.store.database.REVISION", NEXT)
        monkeypatch.setattr("api.store.backup.REVISION", NEXT)

    return go_on


def test_the_migrated_tables_are_those_of_the_code(database: Database, dialect: str) -> None:
    # Defaults of the server: SQLite has no identity columns, so the one of events would be told; all of them are
    # compared in the next test.
    options = {"compare_server_default": dialect == "postgresql", "version_table": VERSION_TABLE}
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        assert tables_of(connection) == OUR_TABLES


def test_migrations_and_code_make_the_same_to_the_last_check_and_collation(
    database: Database, dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with database.read() as connection:
        migrated = reflected(connection)
    if dialect == "sqlite":
        with Database(tmp_path / "made.db") as made, made.write() as connection:
            metadata.create_all(connection)
            assert reflected(connection) == migrated
    else:
        with (
            request.getfixturevalue("postgresql").database() as url,
            Database(url) as made,
            made.write() as connection,
        ):
            metadata.create_all(connection)
            assert reflected(connection) == migrated
            assert migrated["days"]["columns"][0]["type"] == "TEXT(collation='C')"
    assert [name for name, _ in migrated["bookings"]["checks"]] == ["ck_bookings_slot", "ck_bookings_status"]
    assert [name for name, *_ in migrated["bookings"]["indexes"]] == [
        "ix_bookings_city_id_date",
        "ix_bookings_expires_at",
        "ix_bookings_group_id",
        "ix_bookings_reference",
    ]


def test_down_to_nothing_and_up_again(database: Database) -> None:
    with database.write() as connection:
        before = reflected(connection)
        migrations.downgrade(connection, "base")
        assert tables_of(connection) == [VERSION_TABLE]
    assert database.revision() is None
    assert database.upgrade() == (None, REVISION)
    with database.read() as connection:
        assert reflected(connection) == before
    assert database.upgrade() == (REVISION, REVISION)


def test_revisions_are_growing_numbers_in_one_line_that_ends_where_the_program_is() -> None:
    scripts = ScriptDirectory.from_config(migrations.config())
    found = [script.revision for script in scripts.walk_revisions()]
    assert found == [f"{number:04}" for number in range(len(found), 0, -1)]
    assert scripts.get_heads() == [REVISION]


def test_the_tables_take_every_status_and_no_other(database: Database) -> None:
    with database.write() as connection:
        for status in BookingStatus:
            connection.execute(bookings.insert(), booking_row(status.value, status=status.value))
        for word in DELIVERY_STATUSES:
            connection.execute(deliveries.insert(), row(deliveries, delivery_id=word, status=word))
        for word in ROLES:
            connection.execute(api_keys.insert(), row(api_keys, key_id=word, role=word))
        for kind in JOB_KINDS:
            for word in JOB_STATES:
                one_a_day = {"job_id": f"{kind} {word}", "date": word, "city_id": word}
                connection.execute(jobs.insert(), row(jobs, kind=kind, state=word, **one_a_day))
        for word in WEBHOOK_STATES:
            connection.execute(webhooks.insert(), row(webhooks, webhook_id=word, state=word))
        for word in RESTRICTIONS:
            connection.execute(restrictions.insert(), row(restrictions, restriction_id=word, kind=word))
        wrong = (
            (bookings, booking_row("B", status="dropped")),
            (bookings, booking_row("B", slot_open_s=32_400)),
            (deliveries, row(deliveries, delivery_id="D", status="lost")),
            (api_keys, row(api_keys, key_id="K", role="root")),
            (jobs, row(jobs, job_id="J", kind="guess", state="done")),
            (jobs, row(jobs, job_id="J", kind="solve", state="lost")),
            (webhooks, row(webhooks, webhook_id="W", state="asleep")),
            (restrictions, row(restrictions, restriction_id="R", kind="holiday")),
        )
        for table, values in wrong:
            with pytest.raises(IntegrityError), connection.begin_nested():
                connection.execute(table.insert(), values)
        stored = connection.execute(select(bookings.c.status).order_by(bookings.c.status)).scalars().all()
    assert stored == sorted(BookingStatus)


def test_rows_that_the_tables_do_not_allow_are_refused(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.execute(bookings.insert(), booking_row("B"))
            connection.execute(bookings.insert(), booking_row("B"))

    with pytest.raises(StoreError) as refused:
        write()
    assert refused.value.code == "constraint_broken"
    with database.read() as connection:
        assert connection.execute(select(bookings)).all() == []


def test_a_day_begins_without_stop_sale_quota_and_empty_stops(database: Database) -> None:
    with database.write() as connection:
        connection.execute(days.insert(), day_row("raipur", "2026-12-01"))
        stored = connection.execute(select(days)).mappings().one()
    assert (stored["stop_sales"], stored["quotas"], stored["empty_stops"]) == ("[]", "{}", "[]")
    assert (stored["published_at"], stored["plan_number"], stored["closed_because"]) == (None, None, None)
    assert (stored["closed_slots"], stored["kit_quotas"]) == ("{}", "[]")
    assert (stored["capacity"], stored["roster_number"]) == (None, None)


def test_an_empty_file_becomes_a_store_when_opened_and_an_empty_postgresql_only_when_asked(
    dialect: str, empty_address: str
) -> None:
    if dialect == "sqlite":
        Path(empty_address).touch()
    else:
        with pytest.raises(StoreError, match=f"no tables, this program needs revision {REVISION}") as refused:
            Database.open(empty_address)
        assert refused.value.code == "migration_missing"
        Database.create(empty_address).close()
    with Database.open(empty_address) as database:
        assert database.revision() == REVISION


def test_many_who_make_the_same_store_at_once_make_it_once(empty_address: str) -> None:
    def make(_: int) -> str | None:
        with Database.create(empty_address) as database:
            return database.revision()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(make, range(8))) == [REVISION] * 8


# ---------------------------------------------------------------------------------- from 0001 to 0002


def as_of_0001(database: Database) -> MetaData:
    """Bring an empty store down to its first revision; the tables as they were then."""
    tables = MetaData()
    with database.write() as connection:
        migrations.downgrade(connection, "0001")
        tables.reflect(connection, only=OF_0001)
    return tables


def fill_as_of_0001(database: Database, tables: MetaData) -> dict[str, list[tuple[Any, ...]]]:
    """Two rows in every table of the first revision; what is in them."""
    with database.write() as connection:
        for number, status in enumerate(("booked", "cancelled"), 1):
            own = {"city_id": "raipur", "date": f"2026-12-0{number}", "booking_id": f"B{number}", "slot_close_s": 2}
            own |= {"delivery_id": f"D{number}", "due": None, "event_id": number, "lon": 0.1 + 0.2, "at_risk": True}
            for table in tables.sorted_tables:
                words = {"bookings": {"status": status}, "deliveries": {"status": "waiting"}}.get(table.name, {})
                if table.name == "city_rules":
                    words = {"city_id": f"city-{number}"}
                values = {name: value for name, value in (own | words).items() if name in table.columns}
                connection.execute(table.insert(), row(table, **values))
    return rows_of(database, tables)


def rows_of(database: Database, tables: MetaData) -> dict[str, list[tuple[Any, ...]]]:
    with database.read() as connection:
        return {
            table.name: [tuple(found) for found in connection.execute(select(table).order_by(*table.primary_key))]
            for table in tables.sorted_tables
        }


def test_a_store_of_0001_is_upgraded_to_0002_and_keeps_its_rows(store_address: str) -> None:
    with Database(store_address) as database:
        tables = as_of_0001(database)
        before = fill_as_of_0001(database, tables)
    assert {name: len(rows) for name, rows in before.items()} == dict.fromkeys(OF_0001, 2)
    with pytest.raises(StoreError, match=f"of revision 0001, this program needs {REVISION}; run `mitaan db upgrade`"):
        Database.open(store_address)
    with Database(store_address) as database:
        with database.write() as connection:
            migrations.upgrade(connection, "0002")
        assert database.revision() == "0002"
        assert rows_of(database, tables) == before
        with database.read() as connection:
            assert tables_of(connection) == sorted([*OF_0001, *OF_0002, VERSION_TABLE])
            assert [connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() for name in OF_0002] == [0] * 5  # noqa: S608
        database.upgrade()
    Database.open(store_address).close()


def test_down_to_0001_loses_the_tables_of_0002_and_nothing_else(database: Database) -> None:
    tables = as_of_0001(database)
    before = fill_as_of_0001(database, tables)
    database.upgrade()
    with database.write() as connection:
        connection.execute(api_keys.insert(), row(api_keys, key_id="K", role="admin"))
        migrations.downgrade(connection, "0001")
        assert tables_of(connection) == sorted([*OF_0001, VERSION_TABLE])
    assert database.revision() == "0001"
    assert rows_of(database, tables) == before
    assert database.upgrade() == ("0001", REVISION)
    with database.read() as connection:
        assert connection.execute(select(api_keys)).all() == []


def test_a_backup_of_0001_is_restored_into_0002(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = as_of_0001(database)
    before = fill_as_of_0001(database, tables)
    with monkeypatch.context() as old:
        old.setattr("api.store.backup.REVISION", "0001")
        old.setattr("api.store.backup.metadata", tables)
        assert backup(database, tmp_path / "old.backup") == dict.fromkeys(OF_0001, 2)
    with database.write() as connection:
        migrations.downgrade(connection, "base")
    database.upgrade()
    assert restore(tmp_path / "old.backup", database) == dict.fromkeys(OF_0001, 2)
    assert database.revision() == REVISION
    assert rows_of(database, tables) == before
    with database.read() as connection:
        assert tables_of(connection) == OUR_TABLES


def test_one_open_plan_for_a_day_is_all_that_the_tables_take(database: Database) -> None:
    def plan(job_id: str, **values: object) -> dict[str, Any]:
        usual = {"kind": "plan", "state": "queued", "city_id": "raipur", "date": "2026-12-01"}
        return row(jobs, job_id=job_id, **(usual | values))

    others: tuple[dict[str, object], ...] = ({"state": "done"}, {"kind": "solve"}, {"date": "2026-12-02"})
    with database.write() as connection:
        connection.execute(jobs.insert(), plan("J"))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(jobs.insert(), plan("second", state="running"))
        for number, values in enumerate(others):
            connection.execute(jobs.insert(), plan(f"J{number}", **values))
        assert connection.execute(select(jobs.c.job_id).order_by(jobs.c.job_id)).scalars().all() == [
            *("J", "J0", "J1", "J2")
        ]


# --------------------------------------------------------------------------- what goes wrong, and next


def test_a_migration_that_breaks_leaves_nothing_behind(empty_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = migrations.upgrade

    def break_at_the_end(connection: Connection) -> None:
        whole(connection)
        assert tables_of(connection) == OUR_TABLES
        raise KeyboardInterrupt

    monkeypatch.setattr(migrations, "upgrade", break_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        Database.create(empty_address)
    with Database(empty_address) as database, database.read() as connection:
        assert tables_of(connection) == []
    monkeypatch.setattr(migrations, "upgrade", whole)
    with Database.create(empty_address) as database:
        assert database.revision() == REVISION


def test_a_store_of_an_older_revision_is_refused_until_it_is_upgraded_and_keeps_its_rows(
    store_address: str, next_revision: Callable[[], None]
) -> None:
    with Database.open(store_address) as database, database.write() as connection:
        connection.execute(days.insert(), day_row("raipur", "2026-12-01"))
    next_revision()
    with pytest.raises(StoreError) as refused:
        Database.open(store_address)
    assert refused.value.code == "migration_missing"
    assert f"of revision {REVISION}, this program needs {NEXT}; run `mitaan db upgrade`" in str(refused.value)
    with Database(store_address) as database:
        assert database.upgrade() == (REVISION, NEXT)
        with database.read() as connection:
            assert connection.execute(text("SELECT city_id, note FROM days")).all() == [("raipur", "none")]
    Database.open(store_address).close()


@pytest.mark.parametrize("way", [Database.open, Database.create])
def test_a_store_of_a_newer_program_is_refused_and_left_alone(
    store_address: str, way: Callable[[str], Database]
) -> None:
    set_revision(store_address, "0009")
    with pytest.raises(StoreError) as refused:
        way(store_address)
    assert refused.value.code == "migration_missing"
    assert f"of revision 0009, this program knows only {REVISION}; install a newer one" in str(refused.value)
    with Database(store_address) as database:
        assert database.revision() == "0009"


def test_a_revision_that_never_was_is_refused(store_address: str) -> None:
    set_revision(store_address, "0000")
    with pytest.raises(StoreError) as refused:
        Database.create(store_address)
    assert (refused.value.code, "0000" in refused.value.rule) == ("migration_missing", True)


def test_a_backup_of_an_older_revision_is_brought_up_to_the_program(
    database: Database, store_address: str, tmp_path: Path, next_revision: Callable[[], None]
) -> None:
    with database.write() as connection:
        connection.execute(days.insert(), day_row("raipur", "2026-12-01", version=7))
    backup(database, tmp_path / "old.backup")
    with database.write() as connection:
        connection.execute(days.delete())
    next_revision()
    database.upgrade()
    assert restore(tmp_path / "old.backup", database)["days"] == 1
    assert database.revision() == NEXT
    with database.read() as connection:
        assert connection.execute(text("SELECT city_id, version, note FROM days")).all() == [("raipur", 7, "none")]


# ---------------------------------------------------------------------------------- from 0002 to 0003


FIRST, LAST = dt.date(2026, 12, 1), dt.date(2026, 12, 31)
BY_HAND = (  # the date, the length of its slots, why it is closed, stop-sales, quotas
    ("2026-12-01", 60, "flood", "[]", "{}"),
    ("2026-12-02", 60, None, "[0,11]", '{"2":0}'),
    ("2026-12-03", 30, "बाढ़", "[5]", '{"23":2}'),
    ("2026-12-04", 60, None, "[]", "{}"),
)
H = 3_600


def as_of_0002(database: Database) -> None:
    """A store as the program before wrote it: four days, and jobs."""
    tables = MetaData()
    with database.write() as connection:
        migrations.downgrade(connection, "0002")
        tables.reflect(connection, only=("days", "jobs"))
        for date, minutes, closed, stop_sales, quotas in BY_HAND:
            values = {"slot_minutes": minutes, "closed_because": closed, "stop_sales": stop_sales, "quotas": quotas}
            values |= {"seen_at": 1_796_106_600_123, "roster": "[]", "witness": "{}", "empty_stops": "[]"}
            travel = Store(database).facts.travel(25)
            day = row(tables.tables["days"], city_id="raipur", date=date, travel=travel, **values)
            connection.execute(tables.tables["days"].insert(), day)
        for number, (kind, state) in enumerate((("plan", "queued"), ("solve", "running"), ("plan", "done"))):
            job = row(tables.tables["jobs"], job_id=f"J{number}", kind=kind, state=state, spent_s=0.1 + 0.2)
            connection.execute(tables.tables["jobs"].insert(), job)


def restricted(database: Database) -> list[tuple[object, ...]]:
    """What holds of the restrictions of raipur, whoever said so and whenever."""
    store = Store(database)
    found = list_restrictions(store, store.catalogue.city("raipur"), FIRST, LAST)
    return sorted((r.date.day, r.kind, r.open_s, r.close_s, r.kit, r.quota) for r in found)


def sold(database: Database) -> list[Sale]:
    store = Store(database)
    with database.read() as connection:
        dates = [dt.date.fromisoformat(date) for date, *_ in BY_HAND]
        views = store.views(connection, store.catalogue.city("raipur"), dates)
    return [views[date].book.day.sale for date in dates]


def new_rows(database: Database) -> list[str]:
    """What there is of staff, rosters, and jobs that make them."""
    with database.read() as connection:
        found = [name for name in ("staff", "rosters") if connection.execute(text(f"SELECT * FROM {name}")).first()]  # noqa: S608
        return [*found, *connection.execute(select(jobs.c.job_id).where(jobs.c.kind == "roster")).scalars()]


TAKEN_OVER = [
    (1, "closure", None, None, None, None),
    (2, "quota", 10 * H, 11 * H, None, 0),
    (2, "stop_sale", 8 * H, 9 * H, None, None),
    (2, "stop_sale", 19 * H, 20 * H, None, None),
    (3, "closure", None, None, None, None),
    (3, "quota", 19 * H + 1_800, 20 * H, None, 2),
    (3, "stop_sale", 10 * H + 1_800, 11 * H, None, None),
]
SOLD = [
    Sale("flood"),
    Sale(stop_sales=frozenset({0, 11}), quotas={2: 0}),
    Sale("बाढ़", stop_sales=frozenset({5}), quotas={23: 2}),
    Sale(),
]


def test_what_days_had_by_hand_in_0002_is_a_restriction_in_0003(database: Database) -> None:
    as_of_0002(database)
    with database.read() as connection:
        assert tables_of(connection) == sorted([*OF_0001, *OF_0002, VERSION_TABLE])
    assert database.upgrade() == ("0002", REVISION)
    assert sold(database) == SOLD
    assert restricted(database) == TAKEN_OVER
    store = Store(database)
    raipur = store.catalogue.city("raipur")
    found: list[Restriction] = list_restrictions(store, raipur, FIRST, LAST)
    assert {(r.date.day, r.reason) for r in found if r.kind == "closure"} == {(1, "flood"), (3, "बाढ़")}
    assert {r.reason for r in found if r.kind != "closure"} == {r.author for r in found} == {"before_0003"}
    assert {r.made_at for r in found} == {moment(1_796_106_600_123)}
    assert len({r.restriction_id for r in found}) == len(TAKEN_OVER)
    for each in found:
        if each.date.day == 3:
            assert isinstance(lift_restriction(store, each.restriction_id, "lead-1"), Restricted)
    assert sold(database) == [*SOLD[:2], Sale(), SOLD[3]]


def test_jobs_and_their_rules_are_in_0003_as_they_were_in_0002(database: Database) -> None:
    as_of_0002(database)
    database.upgrade()
    with database.write() as connection:
        rows = connection.execute(select(jobs).order_by(jobs.c.job_id)).all()
        assert [(r.job_id, r.kind, r.state, r.spent_s) for r in rows] == [
            ("J0", "plan", "queued", 0.1 + 0.2),
            ("J1", "solve", "running", 0.1 + 0.2),
            ("J2", "plan", "done", 0.1 + 0.2),
        ]
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(jobs.insert(), row(jobs, job_id="J3", kind="plan", state="running"))


def test_down_to_0002_and_up_again_loses_what_it_says_and_nothing_else(database: Database) -> None:
    as_of_0002(database)
    database.upgrade()
    day = {"city_id": "raipur", "date": "2026-12-04"}
    with database.write() as connection:
        kit = {"kind": "quota", "open_s": 10 * H, "close_s": 11 * H, "quota": 0, "kit": "aadhaar_kit"}
        part = {"kind": "closure", "open_s": 12 * H, "close_s": 13 * H}
        over = {"kind": "stop_sale", "open_s": 8 * H, "close_s": 9 * H, "lifted_at": 2, "lifted_by": "lead-1"}
        for number, values in enumerate((kit, part, over)):
            connection.execute(restrictions.insert(), row(restrictions, restriction_id=f"R{number}", **day, **values))
        sale = {"kit_quotas": '[[2,"aadhaar_kit",0]]', "closed_slots": '{"4":"fair"}', "roster_number": 1}
        connection.execute(days.update().where(days.c.date == "2026-12-04").values(**sale))
        connection.execute(staff.insert(), row(staff, city_id="raipur"))
        connection.execute(rosters.insert(), row(rosters, city_id="raipur"))
        connection.execute(jobs.insert(), row(jobs, job_id="J9", kind="roster", state="queued"))
    assert (len(restricted(database)), new_rows(database)) == (len(TAKEN_OVER) + 2, ["staff", "rosters", "J9"])
    with database.write() as connection:
        migrations.downgrade(connection, "0002")
    with database.read() as connection:
        assert tables_of(connection) == sorted([*OF_0001, *OF_0002, VERSION_TABLE])
        left = connection.execute(text("SELECT date, slot_minutes, closed_because, stop_sales, quotas FROM days"))
        closed_in_part = ("2026-12-04", 60, None, "[4]", "{}")
        assert sorted(map(tuple, left)) == sorted([*BY_HAND[:3], closed_in_part])
        ids = connection.execute(text("SELECT job_id FROM jobs ORDER BY job_id")).scalars().all()
        assert ids == ["J0", "J1", "J2"]
    assert database.upgrade() == ("0002", REVISION)
    stopped = (4, "stop_sale", 12 * H, 13 * H, None, None)
    assert (restricted(database), sold(database)) == (
        [*TAKEN_OVER, stopped],
        [*SOLD[:3], Sale(stop_sales=frozenset({4}))],
    )
    assert new_rows(database) == []


def test_a_backup_of_0002_is_restored_with_its_restrictions(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of_0002(database)
    tables = MetaData()
    with database.read() as connection:
        tables.reflect(connection, only=(*OF_0001, *OF_0002))
    with monkeypatch.context() as old:
        old.setattr("api.store.backup.REVISION", "0002")
        old.setattr("api.store.backup.metadata", tables)
        backup(database, tmp_path / "old.backup")
    with database.write() as connection:
        migrations.downgrade(connection, "base")
    database.upgrade()
    assert restore(tmp_path / "old.backup", database)["days"] == len(BY_HAND)
    assert database.revision() == REVISION
    assert (restricted(database), sold(database)) == (TAKEN_OVER, SOLD)


def test_one_open_roster_for_a_city_is_all_that_the_tables_take(database: Database) -> None:
    def roster(job_id: str, **values: object) -> dict[str, Any]:
        usual = {"kind": "roster", "state": "queued", "city_id": "raipur", "date": "2026-12-01"}
        return row(jobs, job_id=job_id, **(usual | values))

    others: tuple[dict[str, object], ...] = ({"state": "done"}, {"kind": "plan"}, {"city_id": "durg"})
    with database.write() as connection:
        connection.execute(jobs.insert(), roster("J"))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(jobs.insert(), roster("second", state="running", date="2026-12-02"))
        for number, values in enumerate(others):
            connection.execute(jobs.insert(), roster(f"J{number}", **values))
        assert connection.execute(select(jobs.c.job_id).order_by(jobs.c.job_id)).scalars().all() == [
            *("J", "J0", "J1", "J2")
        ]


def test_ids_of_events_are_never_given_twice(database: Database) -> None:
    with database.write() as connection:
        first = connection.execute(events.insert(), row(events, kind="hold")).inserted_primary_key
        connection.execute(events.delete())
        second = connection.execute(events.insert(), row(events, kind="hold")).inserted_primary_key
    assert (first, second) == ((1,), (2,))


def test_held_bookings_are_found_by_their_own_index(tmp_path: Path) -> None:
    Database.create(tmp_path / "store.db").close()
    connection = sqlite3.connect(tmp_path / "store.db")
    plan = connection.execute("EXPLAIN QUERY PLAN SELECT booking_id FROM bookings WHERE expires_at <= 5").fetchall()
    connection.close()
    assert "ix_bookings_expires_at" in plan[0][3]


def test_moments_are_stored_as_milliseconds() -> None:
    noon = dt.datetime(2026, 12, 1, 12, 0, 0, 123_999, tzinfo=IST)
    assert epoch_ms(noon) == 1_796_106_600_123
    assert moment(1_796_106_600_123) == noon.replace(microsecond=123_000)
    assert epoch_ms(moment(-1)) == -1
    with pytest.raises(ValueError, match="a moment has an offset"):
        epoch_ms(dt.datetime(2026, 12, 1))  # noqa: DTZ001


def test_equal_json_is_equal_text() -> None:
    assert json_text({"b": [1, 2.5, None], "a": "रायपुर"}) == '{"a":"रायपुर","b":[1,2.5,null]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(float("nan"))
