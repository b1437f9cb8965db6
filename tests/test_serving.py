"""The processes of the service, as `mitaan serve` begins them: killed one by one and all at once, nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api import serving
from api.cli import app
from api.keys import make_key
from api.serving import _Child, _end, _keep, _listening, environment_of
from api.settings import Settings
from api.store import Database
from api.store.desk import set_roster
from api.store.store import Store
from benchmarks.service.server import Running
from optimizer.bookings import Change
from scenarios.rosters import pattern_roster
from tests.desks import FACTS, RAIPUR
from tests.served import HERE, once

WAIT_S = 60.0


def until(true: Callable[[], Any], what: str) -> Any:
    """What `true` gives once that is something; a service that is not there yet counts as not yet."""
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        try:
            found = true()
        except httpx.TransportError:
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {WAIT_S:g} s")


class Site:
    """A store with real dates, served by real processes."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.path = folder / "store.db"
        with Database.create(self.path) as database:
            store = Store(database, FACTS)
            with database.read() as connection:
                today = database.now(connection).date()
            first = today.toordinal() + 2
            rosters = pattern_roster(FACTS, RAIPUR, today.fromordinal(first), today.fromordinal(first + 2))
            for date, executives in rosters.items():
                assert isinstance(set_roster(store, RAIPUR, date, executives), Change)
            self.dates = sorted(rosters)
            self.key = make_key(store, "site", "admin", None, "tests")[1]
        environment = {"MITAAN_LOG_LEVEL": "info", "MITAAN_STOP_SECONDS": "5"}
        self.service = Running(str(self.path), workers, environment, None, folder / "log.jsonl")
        self.service.begin()
        until(lambda: httpx.get(f"{self.service.url}/ready", trust_env=False).status_code == 200, "ready")

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.service.url, headers=headers, trust_env=False, timeout=30)

    def slot(self, number: int = 0) -> str:
        return f"{self.dates[number].isoformat()}T10:00:00+05:30"

    def book(self, client: httpx.Client, number: int = 0) -> dict[str, Any]:
        body = {"city": "raipur", "place": HERE, "visits": [{"service": "income", "slot": self.slot(number)}]}
        answer = client.post("/v1/bookings", json=body, headers=once())
        assert answer.status_code == 201, answer.text
        made = answer.json()["bookings"][0]
        assert isinstance(made, dict)
        return made


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[[int], Site]]:
    begun: list[Site] = []

    def begin(workers: int = 1) -> Site:
        begun.append(Site(tmp_path, workers))
        return begun[-1]

    yield begin
    for each in begun:
        each.service.end()


def processes(site: Site) -> dict[str, int]:
    """Processes of the service by what they run."""
    found = {}
    for task in Path(f"/proc/{site.service.process.pid}/task").glob("*/children"):
        for pid in task.read_text(encoding="utf-8").split():
            found[pid] = int(pid)
    return found


def test_two_workers_answer_on_one_port_and_their_metrics_are_one(site: Callable[[int], Site]) -> None:
    here = site(2)
    with here.client() as client:
        made = here.book(client)
    with here.client() as other:
        assert other.get(f"/v1/bookings/{made['id']}").json()["status"] == "booked"
        text = other.get("/v1/metrics").text
    counted = re.findall(r'mitaan_requests_total\{.*route="/v1/bookings",status="201"\} 1.0', text)
    assert len(counted) == 1


def test_a_killed_worker_is_begun_again_and_nothing_is_lost(site: Callable[[int], Site]) -> None:
    here = site(1)
    with here.client() as client:
        made = here.book(client)
    before = set(processes(here).values())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    with here.client() as client:
        found = until(lambda: client.get(f"/v1/bookings/{made['id']}"), "answered again")
    assert found.json()["status"] == "booked"
    assert not set(processes(here).values()) & before


def test_a_plan_goes_on_when_everything_is_killed_and_begun_again(site: Callable[[int], Site]) -> None:
    here = site(1)
    with here.client() as client:
        for _ in range(6):
            here.book(client)
        body = {"city": "raipur", "date": here.dates[0].isoformat(), "limits": {"time_limit_s": 3.0}, "engine": "ruin"}
        job = client.post("/v1/plans", json=body, headers=once()).json()
        first = until(lambda: client.get(f"/v1/plans/{job['id']}").json()["plan"], "a first plan")
        again = client.post("/v1/plans", json=body, headers=once())
        assert (again.status_code, again.json()["code"], again.json()["plan"]) == (409, "plan_running", job["id"])
    here.service.kill()
    here.service.begin()
    with here.client() as client:

        def ended() -> dict[str, Any] | None:
            told = client.get(f"/v1/plans/{job['id']}").json()
            return told if told["state"] in {"done", "failed"} else None

        last = until(ended, "the plan is done")
    assert (last["state"], last["error"], last["final"]) == ("done", None, True)
    assert last["plan"]["cost"] <= first["cost"]


def test_it_ends_in_order_and_keeps_what_it_has_answered(site: Callable[[int], Site]) -> None:
    here = site(1)
    with here.client() as client:
        made = here.book(client)
    here.service.process.send_signal(signal.SIGTERM)
    assert here.service.process.wait(30) == 0
    with Database.open(here.path) as database:
        booking = Store(database, FACTS).booking(made["id"])
    assert booking is not None
    assert booking.status.value == "booked"
    log = here.service.log.read_text(encoding="utf-8")
    assert "Traceback" not in log


def test_one_who_watches_is_told_the_end_when_the_service_ends(site: Callable[[int], Site]) -> None:
    here = site(1)
    with here.client() as client:
        here.book(client)
        body = {"city": "raipur", "date": here.dates[0].isoformat(), "limits": {"time_limit_s": 60.0}, "engine": "ruin"}
        job = client.post("/v1/plans", json=body, headers=once()).json()
        with client.stream("GET", f"/v1/plans/{job['id']}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: progress"
            begun_s = time.monotonic()
            here.service.process.send_signal(signal.SIGTERM)
            for _ in lines:
                pass
        assert here.service.process.wait(30) == 0
        assert time.monotonic() - begun_s < 20


@pytest.fixture
def kept(store_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store that is swept at once."""
    monkeypatch.setattr(serving, "LOOK_S", 0.01)
    with Database.open(store_address) as database:
        yield Store(database, FACTS)


def broken(*_: object) -> None:
    raise RuntimeError("broken")


def test_who_keeps_house_and_fails_leaves_no_thread_behind(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "sweep", broken)
    with pytest.raises(RuntimeError, match="broken"):
        _keep(kept, Settings(), threading.Event(), lambda: False)
    assert "mitaan-webhooks" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_house_dies_with_its_sender_so_that_both_are_begun_anew(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.webhooks.sending.Sender.run", broken)
    with pytest.raises(RuntimeError, match="has died"):
        _keep(kept, Settings(), threading.Event(), lambda: False)


def test_a_worker_that_is_told_to_end_runs_to_its_end(store_address: str) -> None:
    given = Settings(port=0, database_url=store_address)
    with _listening(given) as held:
        context = multiprocessing.get_context("spawn")
        worker = context.Process(target=serving.answer, args=(environment_of(given), held))
        worker.start()
        url = f"http://127.0.0.1:{held.getsockname()[1]}/health"
        until(lambda: httpx.get(url, trust_env=False, timeout=WAIT_S).is_success, "answers")
        worker.terminate()
        worker.join(WAIT_S)
    assert worker.exitcode == 0  # and not that of a signal: the store was closed


class Ending:
    """A process that notes when it is told to end, and when it has."""

    def __init__(self, name: str, noted: list[str]) -> None:
        self.name, self.noted = name, noted

    def terminate(self) -> None:
        self.noted.append(f"end {self.name}")

    def join(self, _: float) -> None:
        self.noted.append(f"{self.name} ended")

    def is_alive(self) -> bool:
        return False


def test_workers_have_ended_before_those_are_told_who_make_plans() -> None:
    noted: list[str] = []
    children = [_Child(name, broken, ()) for name in ("worker-1", "plans")]
    for child in children:
        child.process = Ending(child.name, noted)  # type: ignore[assignment]
    _end(children, 1.0)
    assert noted == ["end worker-1", "worker-1 ended", "end plans", "plans ended"]


def test_connections_do_not_wait_for_each_other_s_packets() -> None:
    with _listening(Settings(port=0)) as held, socket.create_connection(held.getsockname()) as caller:
        accepted, _ = held.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            caller.close()


def test_a_port_that_is_taken_is_told_in_one_line(site: Callable[[int], Site]) -> None:
    here = site(1)
    result = CliRunner().invoke(app, ["serve", "--port", str(here.service.port), "--store", str(here.path)])
    assert result.exit_code == 2
    assert "[cannot_listen]" in result.output


def test_settings_pass_to_processes_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(port=1, cors_origins=["https://a.example"], webhooks_private=True, database_url="x.db")
    for name, value in environment_of(given).items():
        monkeypatch.setenv(name, value)
    assert Settings() == given


def test_a_fresh_store_shows_its_first_key_once(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    shown, url = [], ""
    for _ in range(2):
        service = Running(str(path), 1, {"MITAAN_JOB_PLACES": "0"}, None, tmp_path / "log.jsonl")
        service.begin()
        url = service.url
        shown.append([line.strip() for line in service.told if "mitaan_K" in line])
        headers = {"Authorization": f"Bearer {shown[0][0]}"}
        found = until(partial(httpx.get, f"{url}/v1/keys", headers=headers, trust_env=False), "keys")
        assert [(k["name"], k["role"]) for k in found.json()["keys"]] == [("first-admin", "admin")]
        service.end()
    assert [len(lines) for lines in shown] == [1, 0]
    assert shown[0][0].encode() not in path.read_bytes()
