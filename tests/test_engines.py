"""Connections of a store: what they ask of their database, whose turn it is, and what errors of drivers mean."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.store import Database, StoreError
from api.store.engines import Turns
from api.store.faults import store_error
from tests.stores import Server


def test_sqlite_keeps_what_was_committed_through_a_loss_of_power(tmp_path: Path) -> None:
    with Database.open(tmp_path / "store.db") as database, database.write() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 0}


def test_postgresql_waits_no_longer_than_told_and_keeps_the_options_of_the_address(postgresql: Server) -> None:
    with postgresql.database() as url, Database(f"{url}&options=-c%20work_mem%3D5MB", busy_timeout_s=3) as database:
        names = ("lock_timeout", "idle_in_transaction_session_timeout", "work_mem", "synchronous_commit")
        with database.write() as connection:
            values = [connection.execute(text(f"SHOW {name}")).scalar() for name in names]
            isolation = connection.execute(text("SHOW transaction_isolation")).scalar()
        with database.read() as connection:
            reading = connection.execute(text("SHOW transaction_isolation")).scalar()
    assert values == ["3s", "1min", "5MB", "on"]
    assert (isolation, reading) == ("read committed", "repeatable read")


def test_threads_get_their_turn_in_the_order_in_which_they_asked() -> None:
    turns = Turns(2, 60.0, "store.db")
    order: list[int] = []

    def wait_and_tell(number: int) -> None:
        with turns.turn():
            order.append(number)

    threads = [threading.Thread(target=wait_and_tell, args=(number,)) for number in range(8)]
    with turns.turn(), turns.turn():
        for number, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= number:
                time.sleep(0)
        assert order == []
        turns._give()  # one place alone, so that they go one after the other
        for thread in threads:
            thread.join()
        assert order == list(range(8))
        turns._take()
    assert turns._free == 2


def test_who_waits_too_long_for_a_turn_is_told_and_leaves_the_queue() -> None:
    turns = Turns(1, 0.01, "store.db")
    with turns.turn():
        with pytest.raises(StoreError, match=r"store.db: no connection came free within 0.01 s; try again") as refused:
            turns._take()
        assert (refused.value.code, len(turns._waiting)) == ("database_locked", 0)
    with turns.turn():
        assert turns._free == 0
    assert turns._free == 1


def test_a_turn_given_to_one_who_has_just_left_goes_on_to_the_next() -> None:
    turns = Turns(1, 60.0, "store.db")
    turns._take()
    turns._withdraw(threading.Lock())
    with turns.turn():
        assert turns._free == 0


def test_a_new_file_that_another_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as refused:
            Database.open(tmp_path / "store.db", busy_timeout_s=0.05)
        assert refused.value.code == "database_locked"
        monkeypatch.setattr("time.sleep", lambda _: other.execute("ROLLBACK"))
        Database.open(tmp_path / "store.db").close()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (sqlite3.SQLITE_IOERR_SHMSIZE, "disk_full"),
        (sqlite3.SQLITE_IOERR_WRITE, "database_failed"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "database_unreachable"),
        (0, "database_failed"),
    ],
)
def test_each_number_that_sqlite_tells_has_its_code(number: int, code: str) -> None:
    error = sqlite3.OperationalError("so it is")
    error.sqlite_errorcode = number
    told = store_error(OperationalError("INSERT", None, error), "store.db")
    assert (told.code, told.rule.endswith("(so it is)")) == (code, True)
