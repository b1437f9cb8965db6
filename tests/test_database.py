"""The store's transactions, on both databases: who waits for whom, what is kept, and what is told when it cannot be."""

from __future__ import annotations

import datetime as dt
import os
import pickle
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from api.store import Database, StoreError
from api.store.database import default_path
from api.store.schema import bookings, city_rules, days, events
from optimizer.units import IST
from tests.stores import Server, booking_row, day_row, row

DATE = dt.date(2026, 12, 1)
NEXT_DATE = dt.date(2026, 12, 2)
SHORT_S = 0.05


def add_days(database: Database, *dates: dt.date, city: str = "raipur") -> None:
    with database.write() as connection:
        connection.execute(insert(days), [day_row(city, date.isoformat(), version=0) for date in dates])


def booked(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(bookings.c.booking_id).order_by(bookings.c.booking_id)).scalars())


def add_booking(connection: Connection, booking_id: str) -> None:
    connection.execute(insert(bookings), booking_row(booking_id))


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(StoreError) as refused:
        action()
    return refused.value.code


@pytest.fixture
def impatient(store_address: str) -> Iterator[Database]:
    """The same store as `database`, for one who waits hardly at all."""
    with Database.open(store_address, busy_timeout_s=SHORT_S) as opened:
        yield opened


# ------------------------------------------------------------------------------------- addresses


def test_without_an_address_the_store_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MITAAN_DATABASE_URL", raising=False)
    monkeypatch.setenv("MITAAN_DATA", str(tmp_path / "data"))
    assert default_path() == tmp_path / "data" / "mitaan.db"
    with Database.open() as database:
        assert database.url_for_people == str(tmp_path / "data" / "mitaan.db")
    monkeypatch.setenv("MITAAN_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    with Database.open() as database:
        assert database.url_for_people == str(tmp_path / "other.db")
    monkeypatch.setenv("MITAAN_DATABASE_URL", "postgresql://mitaan:secret@db.example/mitaan?sslpassword=hush")
    database = Database()
    assert database.dialect == "postgresql"
    assert database.url_for_people == "postgresql://mitaan:***@db.example/mitaan?sslpassword=%2A%2A%2A"


@pytest.mark.parametrize(
    ("system", "variable", "below"),
    [
        ("linux", "XDG_DATA_HOME", "mitaan/mitaan.db"),
        ("win32", "LOCALAPPDATA", "mitaan/mitaan.db"),
        ("darwin", "HOME", "Library/Application Support/mitaan/mitaan.db"),
    ],
)
def test_each_system_has_its_place_for_data_of_a_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, variable: str, below: str
) -> None:
    monkeypatch.delenv("MITAAN_DATA", raising=False)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv(variable, str(tmp_path))
    assert default_path() == tmp_path / below


@pytest.mark.parametrize("address", ["{0}", "sqlite:///{0}", "~/{1}"])
def test_a_file_is_named_by_path_or_address_and_made_with_its_folders(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "new folder" / ("100% रायपुर.db" if "://" in address else "100% रायपुर?.db")
    with Database.open(address.format(path, path.relative_to(tmp_path))) as database:
        assert (database.dialect, database.url_for_people) == ("sqlite", str(path))
    assert path.is_file()


@pytest.mark.parametrize(
    "address",
    [
        "mysql://root:secret@db/mitaan",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///store.db?mode=ro",
        "sqlite:///what?.db",
        "postgresql://db:secret/mitaan",
        "postgresql+psycopg2://u:secret@db/mitaan",
    ],
)
def test_an_address_of_something_else_is_refused_without_telling_its_password(address: str) -> None:
    with pytest.raises(StoreError) as refused:
        Database.open(address)
    assert refused.value.code == "bad_url"
    assert "secret" not in str(refused.value)


# ---------------------------------------------------------------------------------- transactions


def test_what_is_written_stays_and_what_ends_in_an_exception_does_not(database: Database, store_address: str) -> None:
    with database.write() as connection:
        add_booking(connection, "B1")

    def break_off(stop: type[BaseException]) -> None:
        with database.write() as connection:
            add_booking(connection, "B2")
            raise stop

    for stop in (ValueError, KeyboardInterrupt):
        with pytest.raises(stop):
            break_off(stop)
    assert booked(database) == ["B1"]
    database.close()
    with Database.open(store_address) as again:
        assert booked(again) == ["B1"]


def test_a_reader_sees_one_state_and_waits_for_no_writer(database: Database) -> None:
    with database.write() as connection:
        add_booking(connection, "B1")
    count = text("SELECT count(*) FROM bookings")
    with ThreadPoolExecutor(1) as other, database.read() as reading:
        assert reading.execute(count).scalar() == 1

        def write_and_look() -> list[str]:
            with database.write() as connection:
                add_booking(connection, "B2")
                return booked(database)

        assert other.submit(write_and_look).result() == ["B1"]
        assert reading.execute(count).scalar() == 1
    assert booked(database) == ["B1", "B2"]


def test_a_reader_cannot_write(database: Database) -> None:
    def write() -> None:
        with database.read() as connection:
            add_booking(connection, "B1")

    assert code_of(write) == "read_only"
    assert booked(database) == []


def test_a_part_can_be_taken_back_within_a_transaction(database: Database) -> None:
    with database.write() as connection:
        add_booking(connection, "B1")
        part = connection.begin_nested()
        add_booking(connection, "B2")
        with pytest.raises(IntegrityError):
            add_booking(connection, "B1")
        part.rollback()
        add_booking(connection, "B3")
    assert booked(database) == ["B1", "B3"]


def test_a_transaction_that_the_database_gave_up_does_not_end_as_if_it_were_stored(
    database: Database, dialect: str
) -> None:
    def swallow() -> None:
        with database.write() as connection:
            add_booking(connection, "B1")
            if dialect == "sqlite":
                connection.exec_driver_sql("ROLLBACK")  # as SQLite does by itself when the disk is full
            else:
                with pytest.raises(IntegrityError):
                    add_booking(connection, "B1")

    with pytest.raises(RuntimeError, match="nothing of it is stored"):
        swallow()
    assert booked(database) == []


# ----------------------------------------------------------------------------------------- clock


def test_now_is_the_clock_of_the_database_and_goes_on_within_a_transaction(database: Database) -> None:
    before = dt.datetime.now(IST)
    with database.write() as connection:
        first = second = database.now(connection)
        while second == first:
            second = database.now(connection)
    millisecond = dt.timedelta(milliseconds=1)
    assert before - millisecond <= first < second <= dt.datetime.now(IST) + millisecond
    assert (first.tzinfo, first.microsecond % 1000) == (IST, 0)


def test_a_test_sets_the_clock(store_address: str) -> None:
    noon = dt.datetime(2026, 12, 1, 6, 30, 0, 123_456, tzinfo=dt.UTC)
    with Database.open(store_address, clock=lambda: noon) as database, database.read() as connection:
        assert database.now(connection).isoformat() == "2026-12-01T12:00:00.123000+05:30"


# ----------------------------------------------------------------------------------------- locks


def test_who_changes_a_day_keeps_others_from_it(database: Database, impatient: Database, dialect: str) -> None:
    add_days(database, DATE, NEXT_DATE)

    def lock(*dates: dt.date) -> None:
        with impatient.write() as connection:
            impatient.lock_days(connection, [("raipur", date) for date in dates])

    with database.write() as connection:
        database.lock_days(connection, [("raipur", DATE), ("raipur", DATE)])
        assert code_of(lambda: lock(NEXT_DATE, DATE)) == "database_locked"
        if dialect == "postgresql":
            lock(NEXT_DATE)
            lock()
    lock(NEXT_DATE, DATE)


def test_nobody_waits_in_a_circle_and_no_change_of_a_day_is_lost(database: Database) -> None:
    add_days(database, DATE, NEXT_DATE)
    add_days(database, DATE, city="durg")
    wanted = [("raipur", NEXT_DATE), ("durg", DATE), ("raipur", DATE)]

    def change(number: int) -> None:
        mine = [wanted[number % 3], wanted[(number + 1) % 3]]
        with database.write() as connection:
            database.lock_days(connection, mine)
            for city, date in mine:
                this = (days.c.city_id == city) & (days.c.date == date.isoformat())
                version = connection.execute(select(days.c.version).where(this)).scalar_one()
                connection.execute(update(days).where(this).values(version=version + 1))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(change, range(90)))
    with database.read() as connection:
        assert connection.execute(select(days.c.version)).scalars().all() == [60, 60, 60]


def test_who_writes_events_lets_the_next_one_wait(database: Database, impatient: Database) -> None:
    def write() -> None:
        with impatient.write() as connection:
            impatient.order_events(connection)
            connection.execute(insert(events), row(events, subject="later"))

    with database.write() as connection:
        database.order_events(connection)
        connection.execute(insert(events), row(events, subject="first"))
        assert code_of(write) == "database_locked"
    write()
    with database.read() as connection:
        told = connection.execute(select(events.c.subject).order_by(events.c.event_id)).scalars().all()
    assert told == ["first", "later"]


def test_events_become_visible_in_the_order_of_their_ids(database: Database) -> None:
    def write(number: int) -> None:
        with database.write() as connection:
            add_booking(connection, f"B{number}")
            database.order_events(connection)
            connection.execute(insert(events), row(events, subject=f"B{number}"))

    seen: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, number) for number in range(60)]
        while True:
            all_written = all(writer.done() for writer in writers)
            with database.read() as connection:
                newer = select(events.c.event_id).where(events.c.event_id > max(seen, default=0))
                seen += connection.execute(newer.order_by(events.c.event_id)).scalars()
            if all_written:
                break
    for writer in writers:
        writer.result()
    assert seen == sorted(seen)
    assert len(set(seen)) == 60


def test_threads_share_a_store_and_each_gets_its_turn(database: Database) -> None:
    def write(number: int) -> None:
        with database.write() as connection:
            add_booking(connection, f"B{number:02}")
        assert f"B{number:02}" in booked(database)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(write, range(50)))
    assert booked(database) == [f"B{number:02}" for number in range(50)]


WRITER = """
import sys
from tests.test_database import add_booking
from api.store import Database
database = Database.open(sys.argv[1])
number = 0
while True:
    with database.write() as connection:
        add_booking(connection, f"{sys.argv[2]}{number:06}")
    print(f"{sys.argv[2]}{number:06}", flush=True)
    number += 1
"""


def test_processes_that_are_killed_lose_nothing_that_they_had_stored(database: Database, store_address: str) -> None:
    def start(name: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", WRITER, store_address, name]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])

    writers = [start("A"), start("B")]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert [len(writer.stdout.readline()) for _ in range(5)] == [8] * 5
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        told = [line for writer in writers for line in writer.communicate()[0].splitlines()]
    assert set(told) <= set(booked(database))
    with database.write() as connection:
        add_booking(connection, "C")


# ---------------------------------------------------------------------------------------- faults


def test_a_store_that_others_hold_too_long_says_so(database: Database, impatient: Database, dialect: str) -> None:
    add_days(database, DATE)

    def write() -> None:
        with impatient.write() as connection:
            connection.execute(update(days).values(version=5))

    with database.write() as connection:
        connection.execute(update(days).values(version=4))
        with pytest.raises(StoreError) as refused:
            write()
        assert impatient.revision() is not None  # who reads does not wait
    assert refused.value.code == "database_locked"
    assert str(refused.value).startswith(f"{impatient.url_for_people}: others held what this needs for too long")
    write()


def test_a_full_disk_stores_nothing_and_says_so(tmp_path: Path) -> None:
    with Database.open(tmp_path / "store.db") as database:
        with database.write() as connection:
            add_booking(connection, "B1")
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")

        def fill() -> None:
            with database.write() as connection:
                add_booking(connection, "B2")
                connection.execute(insert(city_rules), row(city_rules, city_id="x" * 100_000))

        assert code_of(fill) == "disk_full"
        with database.write() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 100}")
        assert booked(database) == ["B1"]
        with database.write() as connection:
            add_booking(connection, "B3")
        assert booked(database) == ["B1", "B3"]


@contextmanager
def rights_of_anybody() -> Iterator[None]:
    """Root may write everywhere: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o555), (0o444, 0o777), (0o666, 0o555)])
def test_a_file_that_may_only_be_read_is_not_written(file_mode: int, folder_mode: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mitaan-"))
    try:
        with Database.open(folder / "store.db") as database, database.write() as connection:
            add_booking(connection, "B1")
        (folder / "store.db").chmod(file_mode)
        folder.chmod(folder_mode)

        def write() -> None:
            with Database.open(folder / "store.db") as database, database.write() as connection:
                add_booking(connection, "B2")

        with rights_of_anybody():
            assert code_of(write) == "read_only"
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_server_that_does_not_answer_is_told_in_one_line() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and it does not listen
        with pytest.raises(StoreError) as refused:
            Database.open(f"postgresql://mitaan:secret@127.0.0.1:{taken.getsockname()[1]}/mitaan")
    assert refused.value.code == "database_unreachable"
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_server_without_the_database_or_the_user_is_told(postgresql: Server) -> None:
    for address in (postgresql.url("nowhere"), postgresql.url("postgres").replace("mitaan@", "nobody@")):
        with pytest.raises(StoreError, match="does not exist") as refused:
            Database.open(address)
        assert refused.value.code == "database_unreachable"


def test_a_server_that_was_restarted_is_met_again_without_an_error(postgresql: Server) -> None:
    with postgresql.database("template_mitaan") as url, Database.open(url) as database:
        assert booked(database) == []
        postgresql.end_connections(url)
        assert booked(database) == []


def test_a_connection_that_breaks_during_the_commit_leaves_open_what_happened(postgresql: Server) -> None:
    def write() -> None:
        with database.write() as connection:
            add_booking(connection, "B1")
            postgresql.end_connections(url)

    def ask_again() -> None:
        with database.write() as connection:
            postgresql.end_connections(url)
            add_booking(connection, "B1")

    with postgresql.database("template_mitaan") as url, Database.open(url) as database:
        assert code_of(write) == "outcome_unknown"
        assert booked(database) == []
        assert code_of(ask_again) == "database_unreachable"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "disk_full"),
        ("40001", "database_locked"),
        ("40P01", "database_locked"),
        ("25006", "read_only"),
        ("42501", "not_allowed"),
        ("57P03", "database_unreachable"),
        ("XX001", "database_damaged"),
        ("23514", "constraint_broken"),
        ("22012", "database_failed"),
    ],
)
def test_each_state_that_postgresql_tells_has_its_code(postgresql: Server, state: str, code: str) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'it is so' USING ERRCODE = '{state}'; END $$")

    with Database(postgresql.url("postgres")) as database:
        with pytest.raises(StoreError, match="it is so") as refused:
            fail()
        assert refused.value.code == code


def test_what_stands_in_a_row_is_in_no_message(database: Database) -> None:
    with database.write() as connection:
        add_booking(connection, "B-of-a-citizen")
    with pytest.raises(StoreError) as refused, database.write() as connection:
        add_booking(connection, "B-of-a-citizen")
    assert refused.value.code == "constraint_broken"
    assert "B-of-a-citizen" not in str(refused.value)
    assert isinstance(refused.value.__cause__, IntegrityError)
    assert "parameters hidden" in str(refused.value.__cause__)


def test_a_file_that_is_no_store_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Bookings of Monday: " * 100, encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.executescript("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('x');")
    for name, said in (("notes.txt", "file is not a database"), ("other.db", "songs"), ("", "a folder")):
        path = tmp_path / name
        before = path.read_bytes() if path.is_file() else None
        for way in (Database.open, Database.create):
            with pytest.raises(StoreError, match=said) as refused:
                way(path)
            assert refused.value.code == "not_a_store"
        assert before is None or path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "other.db"]


def test_a_database_with_tables_of_others_is_left_as_it_is(postgresql: Server) -> None:
    with postgresql.database() as url:
        with Database(url) as database, database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE songs (title TEXT)")
        for way in (Database.open, Database.create):
            with pytest.raises(StoreError, match="songs") as refused:
                way(url)
            assert refused.value.code == "not_a_store"


def test_a_damaged_file_says_that_a_backup_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Database.open(path) as database, database.write() as connection:
        connection.execute(insert(bookings), [booking_row(f"B{number}") for number in range(500)])
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with Database(path) as database:
        assert code_of(lambda: booked(database)) == "database_damaged"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code_of(lambda: Database.open(tmp_path / "file" / "store.db")) == "file"


def test_a_store_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(StoreError("disk_full", "store.db", "no room is left")))  # noqa: S301
    assert (str(error), error.code) == ("store.db: no room is left [disk_full]", "disk_full")


def test_a_store_is_closed_twice_and_used_again_without_harm(database: Database) -> None:
    database.close()
    database.close()
    assert booked(database) == []
