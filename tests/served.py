"""The service over real sockets, in a thread of the test: a store with rosters, a key for each role, a clock by hand.

A test file imports the fixture it needs: `served` has SQLite, `served_anywhere` runs a test on both databases.
"""

from __future__ import annotations

import datetime as dt
import shutil
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from api.http.app import make_app
from api.http.protocol import PatientProtocol
from api.keys import Role, make_key
from api.settings import Settings
from api.store import Database
from api.store.database import BUSY_TIMEOUT_S
from api.store.desk import set_roster
from api.store.store import Store
from optimizer.bookings import Change
from scenarios.rosters import pattern_roster
from tests.answered import hold_against, routes_of
from tests.desks import FACTS, FIRST, LAST, NOW, RAIPUR, rostered

__all__ = ["Served", "rostered", "served", "served_anywhere", "serving"]

HERE = {"lon": 81.63, "lat": 21.25}
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made once: no caller needs it, and each would take its time to make its own."""
SLOT = "2026-12-03T10:00:00+05:30"


class Served:
    """A running service, and callers of it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.now = NOW
        self.url = ""
        self.texts = {role.value: make_key(store, role.value, role, None, "tests")[1] for role in Role}
        self.app = make_app(store, settings)
        self._routes = routes_of(self.app)
        self._clients: list[httpx.Client] = []

    def key(self, name: str, role: str, *cities: str, a_minute: int | None = None) -> str:
        """The text of a new key."""
        return make_key(self.store, name, role, cities or None, "tests", a_minute)[1]

    def client(self, role: str = "booking", **headers: str) -> httpx.Client:
        """A caller with the key of a role, or with this text of a key; no proxy of the environment is used.

        Every answer is held against what is declared.
        """
        text = self.texts.get(role, role)
        made = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {text}", **headers},
            trust_env=False,
            verify=NO_TLS,
            timeout=30.0,
            event_hooks={"response": [self._answered]},
        )
        self._clients.append(made)
        return made

    def _answered(self, response: httpx.Response) -> None:
        if response.headers.get("Content-Type", "").startswith("text/event-stream"):
            return  # goes on for as long as it is read
        response.read()
        hold_against(self._routes, response)

    def close(self) -> None:
        """Hang up."""
        for client in self._clients:
            client.close()


def once() -> dict[str, str]:
    """The header of a POST that changes something: a new key."""
    return {"Idempotency-Key": str(uuid.uuid4())}


def wanted(slot: str = SLOT, service: str = "income", reference: str | None = None) -> dict[str, Any]:
    """A hold or booking of one slot in Raipur."""
    body: dict[str, Any] = {"city": "raipur", "place": HERE, "visits": [{"service": service, "slot": slot}]}
    return body if reference is None else {**body, "reference": reference}


@contextmanager
def serving(
    address: str, settings: Settings | None = None, clock: bool = True, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> Iterator[Served]:
    """Serve the store at an address, in a thread, on a free port; with `clock` the time is `Served.now`."""
    box: list[Served] = []

    def moment() -> dt.datetime:
        return box[0].now if box else NOW

    chosen = settings or Settings(background=False, a_minute=1_000_000)
    with Database.open(address, clock=moment if clock else None, busy_timeout_s=busy_timeout_s) as database:
        running = Served(Store(database, FACTS), chosen)
        box.append(running)
        app = running.app
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            http=PatientProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
        )
        server = uvicorn.Server(config)
        app.state.stopping = lambda: server.should_exit
        thread = threading.Thread(target=server.run, name="served", daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the service did not begin"
            thread.join(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        running.url = f"http://127.0.0.1:{port}"
        try:
            yield running
        finally:
            running.close()
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the service did not end"


def fill(address: str) -> None:
    """Rosters of four days of Raipur."""
    with Database.open(address, clock=lambda: NOW) as database:
        store = Store(database, FACTS)
        for date, executives in pattern_roster(FACTS, RAIPUR, FIRST, LAST).items():
            assert isinstance(set_roster(store, RAIPUR, date, executives), Change)


@pytest.fixture
def served(rostered: Path, tmp_path: Path) -> Iterator[Served]:
    """The service on a SQLite store of its own."""
    with serving(str(shutil.copy(rostered, tmp_path / "store.db"))) as running:
        yield running


@pytest.fixture
def served_anywhere(store_address: str) -> Iterator[Served]:
    """The service on SQLite, and on PostgreSQL."""
    fill(store_address)
    with serving(store_address) as running:
        yield running
