"""`python -m benchmarks.service COMMAND`: what the service reaches over HTTP; records in records/service.jsonl.

slots     answers a second, and their times at half of that, with 2,000 live bookings in the days asked; one core
pairs     hold and confirmation at random, over HTTP and without it in the same run
crowd     200 callers at once for two minutes; the store is judged at the end
restart   killed and begun again under callers who retry: nothing lost, nothing booked twice
plan      from POST /v1/plans to the first plan
order     changes a second that a database commits one after the other, as the order of events wants it
show      the newest record of each kind, as tables; measures nothing
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import select

from api.client import ApiError, At, Client, Visit
from api.keys import make_key
from api.store.checking import check_store
from api.store.database import Database
from api.store.schema import bookings
from api.store.store import Store
from api.store.writing import write_events
from benchmarks.booking.__main__ import filled_world, make_ready
from benchmarks.booking.callers import World
from benchmarks.booking.load import pairs_at_random
from benchmarks.booking.postgres import postgresql_server
from benchmarks.booking.show import read, show
from benchmarks.record import RECORDS, load_average, surroundings
from benchmarks.service.load import Figures, Wire, crowd, hold_body, pairs_over_http, slots_at_most, slots_at_random
from benchmarks.service.server import A_MINUTE, Running, answers, memory_mib, running
from optimizer.bookings import Event
from scenarios.generate.dice import Dice

WIDTH = 170
SERVICE_FILE = RECORDS / "service.jsonl"
RECORD_VERSION = 1
ONE_CORE = frozenset({0})
err = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Place:
    """A store that is served, how to call, and what is asked for."""

    world: World
    address: str
    key: str
    folder: Path


@contextmanager
def place(given: argparse.Namespace) -> Iterator[Place]:
    """A store with rosters and bookings, and a key for it."""
    with tempfile.TemporaryDirectory(prefix="mitaan-") as name:
        folder = Path(name)
        if given.store == "sqlite":
            address = str(folder / "mitaan.db")
            with Database.create(address) as database:
                yield _filled(Store(database), address, folder, given)
        else:
            with (
                postgresql_server(durable=True) as server,
                server.database() as address,
                Database.create(address) as database,
            ):
                yield _filled(Store(database), address, folder, given)


def _filled(store: Store, address: str, folder: Path, given: argparse.Namespace) -> Place:
    _, key = make_key(store, "load", "dispatch", None, "benchmark", A_MINUTE)
    return Place(filled_world(store, given.executives, given.days, given.bookings), address, key, folder)


@contextmanager
def served(where: Place, given: argparse.Namespace, **environment: str) -> Iterator[Running]:
    """The service on it; with one worker on the first core, those who ask on the others."""
    mine = os.sched_getaffinity(0)
    one = given.workers == 1 and len(mine) > 1
    if one:
        os.sched_setaffinity(0, mine - ONE_CORE)
    log = where.folder / "service.log"
    try:
        with running(
            where.address,
            log,
            workers=given.workers,
            cores=ONE_CORE if one else None,
            environment={"MITAAN_LOG_LEVEL": "error", "MITAAN_BACKGROUND": given.background, **environment},
        ) as service:
            yield service
    finally:
        os.sched_setaffinity(0, mine)


def _size(given: argparse.Namespace) -> Figures:
    names = ("executives", "days", "bookings", "workers", "background")
    return {name: getattr(given, name) for name in names}


def slots(given: argparse.Namespace) -> Figures:
    """Slots without reasons."""
    with place(given) as where, served(where, given) as service:
        port, key = service.port, where.key
        slots_at_most(
            where.world, port, key, 2, min(2.0, given.seconds), 99
        )  # what is compiled is loaded, days are read
        most = slots_at_most(where.world, port, key, given.callers, given.seconds, 1)
        half = slots_at_random(where.world, port, key, most["a_second"] / 2, given.seconds, 2)
        at_75 = slots_at_random(where.world, port, key, 75.0, given.seconds, 3)
        return {
            **_size(given),
            "at_most": most,
            "at_half": half,
            "at_75_a_second": at_75,
            "memory_mib": memory_mib(service.process.pid),
        }


def pairs(given: argparse.Namespace) -> Figures:
    """Pairs of hold and confirmation: first without HTTP, then with it, on the same store."""
    with place(given) as where:
        pairs_at_random(where.world, 10, min(2.0, given.seconds), 98)
        direct = pairs_at_random(where.world, given.rate, given.seconds, 5)
        with served(where, given) as service:
            pairs_over_http(where.world, service.port, where.key, 10, min(3.0, given.seconds), 97)
            over = pairs_over_http(where.world, service.port, where.key, given.rate, given.seconds, 6)
        return {**_size(given), "rate": given.rate, "without_http": direct, "over_http": over, **_judged(where)}


def _judged(where: Place) -> Figures:
    checked = check_store(where.world.store)
    return {
        "promises": checked.promises,
        "findings": [f"{f.code}: {f.subject}: {f.text}" for f in checked.findings[:5]],
    }


def crowded(given: argparse.Namespace) -> Figures:
    """Many callers at once."""
    with place(given) as where:
        with served(where, given) as service:
            figures = crowd(where.world, service.port, where.key, given.callers, given.seconds, 7)
            memory = memory_mib(service.process.pid)
        return {**_size(given), **figures, "memory_mib": memory, **_judged(where)}


def restarted(given: argparse.Namespace) -> Figures:
    """Callers with the client of this program, which retries, while the service is killed and begun again."""
    with place(given) as where, served(where, given) as service:
        told: Counter[str] = Counter()
        confirmed: dict[str, str] = {}
        lock, ended = threading.Lock(), threading.Event()

        def call(number: int) -> None:
            rng, dice = random.Random(given.seed * 1_009 + number), Dice(given.seed, "restart", str(number))
            with Client(service.url, where.key, tries=60, timeout_s=20.0) as client:
                turn = 0
                while not ended.is_set():
                    turn += 1
                    reference = f"r-{number}-{turn}"
                    body = hold_body(where.world, rng, dice)
                    visits = [Visit(visit["service"], visit["slot"]) for visit in body["visits"]]
                    try:
                        made = client.book(body["city"], At(**body["place"]), visits, reference=reference)
                    except ApiError as error:
                        with lock:
                            told[error.code] += 1
                        continue
                    with lock:
                        told["booked"] += 1
                        confirmed[reference] = made["bookings"][0]["id"]

        threads = [threading.Thread(target=call, args=(number,)) for number in range(given.callers)]
        for thread in threads:
            thread.start()
        rng = random.Random(given.seed)
        with Progress(console=err, transient=True) as progress:
            for number in progress.track(range(given.times), description="killing"):
                time.sleep(rng.uniform(2.0, 6.0))
                if number % 2:
                    service.end()
                else:
                    service.kill()
                service.begin()
                answers(service)
        time.sleep(min(3.0, given.times))
        ended.set()
        for thread in threads:
            thread.join()
        with where.world.store.database.read() as connection:
            own = bookings.c.reference.like("r-%")
            rows = list(connection.execute(select(bookings.c.reference, bookings.c.booking_id).where(own)))
        by_reference = Counter(row.reference for row in rows)
        ids = {row.booking_id for row in rows}
        return {
            **_size(given),
            "callers": given.callers,
            "times": given.times,
            "told": dict(told),
            "stored": len(rows),
            "lost": sorted(r for r, booking_id in confirmed.items() if booking_id not in ids)[:5],
            "twice": sorted(r for r, count in by_reference.items() if count > 1)[:5],
            "not_told": sorted(set(by_reference) - set(confirmed))[:5],
            **_judged(where),
        }


def planned(given: argparse.Namespace) -> Figures:
    """How long it takes from the request to the first plan, and how far it is at the end."""
    with place(given) as where, served(where, given) as service:
        wire = Wire(service.port, where.key)
        took, gaps = [], []
        for date in where.world.dates:
            begin_s = time.perf_counter()
            body = {"city": where.world.city.city_id, "date": date.isoformat(), "limits": {"time_limit_s": given.limit}}
            status, job = wire.ask("POST", "/v1/plans", body)
            if status != 202:
                raise RuntimeError(f"{status}: {job}")
            while job["plan"] is None:
                time.sleep(0.01)
                _, job = wire.ask("GET", f"/v1/plans/{job['id']}")
            took.append(time.perf_counter() - begin_s)
            while job["state"] not in {"done", "failed"}:
                time.sleep(0.05)
                _, job = wire.ask("GET", f"/v1/plans/{job['id']}")
            gaps.append(job["plan"]["gap"])
        wire.close()
        return {
            **_size(given),
            "limit_s": given.limit,
            "plans": len(took),
            "first_plan_s": {"median": round(sorted(took)[len(took) // 2], 3), "max": round(max(took), 3)},
            "gaps": gaps,
        }


def ordered(given: argparse.Namespace) -> Figures:
    """Writers that do nothing but what all changes must do one after the other: an event, in its order, on the disk."""
    with place(given) as where:
        store, until_s = where.world.store, time.perf_counter() + given.seconds
        counts: list[int] = []

        def write() -> None:
            count = 0
            while time.perf_counter() < until_s:
                with store.database.write() as connection:
                    now = store.database.now(connection)
                    store.database.order_events(connection)
                    event = Event("day.changed", "order", where.world.dates[0], {"at_risk": 0})
                    write_events(connection, where.world.city.city_id, [event], now)
                count += 1
            counts.append(count)

        begin_s = time.perf_counter()
        threads = [threading.Thread(target=write) for _ in range(given.callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took_s = time.perf_counter() - begin_s
    return {"callers": given.callers, "seconds": given.seconds, "a_second": round(sum(counts) / took_s, 1)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, tell its figures and append them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=SERVICE_FILE, help="the file to append to")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Any, *options: tuple[str, type, Any]) -> None:
        own = commands.add_parser(name)
        own.set_defaults(run=run)
        shared = (
            ("store", str, "sqlite"),
            ("executives", int, 60),
            ("days", int, 7),
            ("bookings", int, 2_000),
            ("workers", int, 1),
            ("background", str, "true"),
        )
        for option, kind, default in {o[0]: o for o in (*shared, *options)}.values():
            own.add_argument(f"--{option}", type=kind, default=default)

    command("slots", slots, ("callers", int, 8), ("seconds", float, 30.0))
    command("pairs", pairs, ("rate", float, 20.0), ("seconds", float, 60.0))
    command("crowd", crowded, ("callers", int, 200), ("seconds", float, 120.0), ("bookings", int, 500))
    command("restart", restarted, ("callers", int, 20), ("times", int, 10), ("seed", int, 1), ("bookings", int, 100))
    command("plan", planned, ("limit", float, 10.0))
    command("order", ordered, ("callers", int, 8), ("seconds", float, 10.0), ("bookings", int, 0))
    commands.add_parser("show").set_defaults(run=None)
    given = parser.parse_args(arguments)
    if given.command == "show":
        show(read(given.out), Console(width=None if sys.stdout.isatty() else WIDTH))
        return 0
    if given.store not in {"sqlite", "postgresql"}:
        parser.error("--store: sqlite or postgresql")
    make_ready()
    before = load_average()
    figures = given.run(given)
    record = {
        "record_version": RECORD_VERSION,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": given.command,
        "store": given.store,
        "figures": figures,
        "load": before,
        **asdict(surroundings()),
    }
    with given.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    print(json.dumps(figures, indent=1))
    wrong = [figures.get(name) for name in ("findings", "lost", "twice", "server_errors")]
    return 1 if any(wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
