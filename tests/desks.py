"""Desks for tests of the command line: each with a store of its own, four days of rosters, and a clock set by hand.

A test file imports the two fixtures it needs: `rostered`, the store that is copied for each test, and `desk`.
"""

import datetime as dt
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.bookings_cli import given
from api.cli import app
from api.store import Database
from api.store.desk import set_roster
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change
from optimizer.domain import Booking
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from scenarios.places import Whereabouts
from scenarios.rosters import pattern_roster

ROOT = Path(__file__).parent.parent
MITAAN = [sys.executable, "-c", "from api.start import main; main()"]
FACTS = load_catalogue()
RAIPUR = FACTS.city("raipur")
NOW = dt.datetime(2026, 12, 1, 9, 0, tzinfo=IST)
FIRST, LAST = dt.date(2026, 12, 2), dt.date(2026, 12, 5)
HERE = ("--at", "81.63,21.25")
INCOME = ("--service", "income")


class Desk:
    """A desk with a store of its own and a clock that is set by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOW
        self.busy_timeout_s = 5.0

    def open(self, where: str | None, *, create: bool = False) -> Database:
        how = Database.create if create else Database.open
        return how(where, clock=lambda: self.now, busy_timeout_s=self.busy_timeout_s)

    def run(self, *words: str, code: int | None = 0) -> Result:
        result = CliRunner().invoke(app, [*words, "--store", str(self.path)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert code is None or result.exit_code == code, result.output
        return result

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code).stdout)

    def faults(self, *words: str) -> set[str]:
        return {fault["code"] for fault in self.json(*words, code=2)["errors"]}

    def refused(self, *words: str) -> dict[str, Any]:
        answer = self.json(*words, code=1)["refused"]
        assert isinstance(answer, dict)
        return answer

    def hold(self, slot: str = "2026-12-03T10:00", *more: str) -> dict[str, Any]:
        (booking,) = self.json("hold", "raipur", *INCOME, "--slot", slot, *HERE, *more)["bookings"]
        assert isinstance(booking, dict)
        return booking

    def book(self, slot: str = "2026-12-03T10:00", *more: str) -> str:
        (booking,) = self.json("book", "raipur", *INCOME, "--slot", slot, *HERE, *more)["bookings"]
        return str(booking["id"])

    def status(self, booking_id: str) -> str:
        found = self.json("bookings", "--id", booking_id)["bookings"]
        return next(str(b["status"]) for b in found if b["id"] == booking_id)

    def kept(self) -> int:
        """Promises that a check of the whole store finds kept; holds that have run out are none."""
        self.run("db", "sweep")
        answer = self.json("db", "check")
        assert answer["findings"] == []
        return int(answer["promises"])


@pytest.fixture(scope="module")
def rostered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rostered") / "store.db"
    with Database.create(path, clock=lambda: NOW) as database:
        store = Store(database, FACTS)
        for date, executives in pattern_roster(FACTS, RAIPUR, FIRST, LAST).items():
            assert isinstance(set_roster(store, RAIPUR, date, executives), Change)
    return path


@pytest.fixture
def desk(rostered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.delenv("MITAAN_CALLER", raising=False)
    made = Desk(Path(shutil.copy(rostered, tmp_path / "store.db")))
    monkeypatch.setattr(given, "open_database", made.open)
    return made


def on_store(desk: Desk, do: Callable[[Store], Any]) -> Any:
    """Something done at the store beside the command line."""
    with desk.open(str(desk.path)) as database:
        return do(Store(database, FACTS))


def pinned(desk: Desk, executive: str) -> Booking:
    """A booking that only this executive may serve."""
    wanted = [WantedSlot(FACTS.service("income"), dt.date(2026, 12, 3), 36_000, pinned_to=executive)]
    where = Whereabouts(81.63, 21.25, 0, "point")
    change = on_store(desk, lambda store: store.hold(RAIPUR, where, wanted, "desk", at_once=True))
    booking = change.bookings[0]
    assert isinstance(booking, Booking)
    return booking
