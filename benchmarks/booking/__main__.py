"""`python -m benchmarks.booking COMMAND`: what booking reaches, one record a run in records/booking.jsonl.

streams   a day filled caller by caller under several policies, on common random numbers
speed     offers for seven days with 2,000 live bookings and 60 executives
load      holds and confirmations: 20 pairs a second at random, and 50 callers at once
crash     callers killed with SIGKILL at random moments, the store judged each time
memory    14 cities x 14 days loaded
walk      a long random walk of verbs on a store, judged at the end
improve   travel saved by the improver on days filled in random order
show      the newest record of each kind, as tables; measures nothing
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from api.store.background import improve_day
from api.store.checking import check_store
from api.store.database import Database
from api.store.store import Store
from benchmarks.booking.callers import World, fill, world
from benchmarks.booking.crash import crash_once
from benchmarks.booking.load import (
    all_at_once,
    memory_mib,
    offers_alone,
    pairs_at_random,
    walk,
)
from benchmarks.booking.postgres import postgresql_server
from benchmarks.booking.show import read, show
from benchmarks.booking.streams import POLICIES, Tally, interval, percentile_ms
from benchmarks.record import RECORDS, load_average, surroundings
from optimizer.slots.ready import run_every_slot_loop
from scenarios.catalogue import load_catalogue
from scenarios.generate import bench_day
from scenarios.simulate import booking_day

WIDTH = 170
"""Columns of tables where there is no terminal."""

BOOKING_FILE = RECORDS / "booking.jsonl"
RECORD_VERSION = 1
DATE = dt.date(2026, 12, 1)
CRASH_EXECUTIVES, CRASH_DAYS = 24, 7
"""Room enough that callers still find slots after a hundred killings."""

Figures = dict[str, Any]
err = Console(stderr=True)


@contextmanager
def new_store(kind: str) -> Iterator[tuple[Store, str]]:
    """An empty store on SQLite or PostgreSQL (a server of its own, which waits for the disk), and its address."""
    with tempfile.TemporaryDirectory(prefix="mitaan-") as folder:
        if kind == "sqlite":
            address = str(Path(folder, "mitaan.db"))
            with Database.create(address) as database:
                yield Store(database), address
        else:
            with (
                postgresql_server(durable=True) as server,
                server.database() as address,
                Database.create(address) as database,
            ):
                yield Store(database), address


def make_ready() -> None:
    """Compile or load every loop of booking, as `mitaan warm-up` does."""
    catalogue = load_catalogue()
    made = bench_day(catalogue, catalogue.cities_in_scheme()[0], DATE, 6, 0, 2)
    run_every_slot_loop(made.day.problem)


def filled_world(store: Store, executives: int, days: int, bookings: int) -> World:
    """A world with so many bookings, made with a bar."""
    place = world(store, executives, days)
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("booking", total=bookings)
        fill(place, bookings, 1, lambda: progress.advance(task))
    return place


def speed(given: argparse.Namespace) -> Figures:
    """Offers one after the other: quiet, with counts, and with bookings in between."""
    with new_store(given.store) as (store, _):
        place = filled_world(store, given.executives, given.days, given.bookings)
        offers_alone(place, 20, 99)  # what is compiled is loaded, days are read
        return {
            "executives": given.executives,
            "days": given.days,
            "bookings": given.bookings,
            "offers": offers_alone(place, given.requests, 2),
            "offers_with_bookings_between": offers_alone(place, given.requests // 2, 3, book_every=5),
            "offers_with_counts": offers_alone(place, given.requests // 4, 4, counts=True),
            "memory_mib": round(memory_mib()),
        }


def load(given: argparse.Namespace) -> Figures:
    """Pairs of hold and confirm."""
    with new_store(given.store) as (store, _):
        place = filled_world(store, given.executives, given.days, given.bookings)
        offers_alone(place, 20, 99)
        pairs_at_random(place, 10, 2, 98)
        figures = {
            "executives": given.executives,
            "days": given.days,
            "bookings": given.bookings,
            "at_random": {"a_second": given.rate, "seconds": given.seconds}
            | pairs_at_random(place, given.rate, given.seconds, 5),
            "at_once": {"callers": given.callers} | all_at_once(place, given.callers, 6),
        }
        figures["findings"] = [f.code.value for f in check_store(store).findings]
        return figures


def crash(given: argparse.Namespace) -> Figures:
    """Killed so many times, always on the same store."""
    with new_store(given.store) as (store, address), tempfile.TemporaryDirectory() as folder:
        world(store, CRASH_EXECUTIVES, CRASH_DAYS)
        lost: list[str] = []
        findings: list[str] = []
        confirmed = verbs = 0
        with Progress(console=err, transient=True) as progress:
            for number in progress.track(range(given.times), description="killing"):
                after = crash_once(address, Path(folder, str(number)), number + 1, days=CRASH_DAYS)
                lost.extend(after.lost)
                findings.extend(after.findings)
                confirmed, verbs = confirmed + after.confirmed, verbs + after.verbs
        return {"times": given.times, "verbs": verbs, "confirmed": confirmed, "lost": lost, "findings": findings[:5]}


def memory(given: argparse.Namespace) -> Figures:
    """All cities for two weeks in one process, as full as they were in the scheme's days, and after offers for each."""
    with new_store(given.store) as (store, address):
        cities = store.catalogue.cities_in_scheme()
        booked = 0
        for city in cities:
            volume = store.catalogue.volume_of(city)
            count = 0 if volume is None else given.days * volume.collections_as_run_tenths // 10
            place = world(store, 0 if volume is None else volume.executives_as_run, given.days, city=city.city_id)
            booked += fill(place, count, 1)
        with Database.open(address) as database:  # what a service holds that has only read
            fresh = Store(database)
            before = memory_mib()
            for city in cities:
                place = world(fresh, 0, given.days, city=city.city_id, rosters=False)
                offers_alone(place, 5, 1)
        return {
            "cities": len(cities),
            "days": given.days,
            "bookings": booked,
            "peak_mib": round(memory_mib()),
            "peak_before_second_load_mib": round(before),
        }


def walking(given: argparse.Namespace) -> Figures:
    """A random walk."""
    with new_store(given.store) as (store, _), Progress(console=err, transient=True) as progress:
        place = world(store, given.executives, given.days)
        task = progress.add_task("walking", total=given.steps)
        return walk(place, given.steps, 5, given.seed, lambda step: progress.update(task, completed=step))


def streams(given: argparse.Namespace) -> Figures:
    """Policies on streams of common random numbers."""
    catalogue = load_catalogue()
    city = catalogue.city(given.city)
    chosen = given.policy or list(POLICIES)
    tallies: dict[str, list[Tally]] = {name: [] for name in chosen}
    calls = 8 * given.executives * given.percent // 100
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("filling", total=given.streams * len(chosen))
        for seed in range(1, given.streams + 1):
            day = booking_day(catalogue, city, DATE, given.executives, calls, seed)
            for name in chosen:
                tallies[name].append(POLICIES[name](day))
                progress.advance(task)
    return {
        "city": city.city_id,
        "executives": given.executives,
        "load_percent": given.percent,
        "calls": calls,
        "streams": given.streams,
        "policies": {name: _told(rows, tallies.get("exact")) for name, rows in tallies.items()},
    }


def _told(rows: Sequence[Tally], exact: Sequence[Tally] | None) -> Figures:
    mean, half = interval([row.accepted for row in rows])
    figures: Figures = {
        "accepted": round(mean, 2),
        "half_interval": round(half, 2),
        "first_choice_percent": round(100 * sum(r.first_choice for r in rows) / max(1, sum(r.accepted for r in rows))),
        "broken_least": sum(row.broken[0] for row in rows),
        "broken_most": sum(row.broken[1] for row in rows),
        "streams_with_broken": sum(row.broken[0] > 0 for row in rows),
    }
    if exact is not None:
        apart, half = interval([a.accepted - b.accepted for a, b in zip(rows, exact, strict=True)])
        figures |= {"less_exact": round(apart, 2), "less_exact_half_interval": round(half, 2)}
    pairs = sum(row.pairs for row in rows)
    if pairs:
        took = [second for row in rows for second in row.ask_s]
        figures |= {
            "pairs": pairs,
            "rearranged": sum(row.rearranged for row in rows),
            "proved": sum(row.proved for row in rows),
            "undecided": sum(row.undecided for row in rows),
            "undecided_percent": round(100 * sum(row.undecided for row in rows) / pairs, 3),
            "ask_p50_ms": round(percentile_ms(took, 50), 2),
            "ask_p99_ms": round(percentile_ms(took, 99), 2),
        }
    return figures


def improving(given: argparse.Namespace) -> Figures:
    """The travel of days filled in random order, before and after the improver."""
    with new_store("sqlite") as (store, _):
        before = after = 0
        for city_id in given.cities.split(","):
            city = store.catalogue.city(city_id)
            place = world(store, given.executives, given.days, city=city_id)
            fill(place, given.bookings, 1)
            for date in place.dates:
                done = improve_day(store, city, date, given.limit)
                if done is not None:
                    before, after = before + done.before_s, after + done.after_s
        return {
            "cities": given.cities,
            "days": given.days,
            "bookings": given.bookings,
            "executives": given.executives,
            "limit_s": given.limit,
            "before_s": before,
            "after_s": after,
            "saved_percent": round(100 * (1 - after / max(1, before)), 1),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, tell its figures and append them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.booking", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=BOOKING_FILE, help="the file to append to")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Any, *options: tuple[str, type, Any]) -> argparse.ArgumentParser:
        own = commands.add_parser(name)
        own.set_defaults(run=run)
        for option, kind, default in options:
            own.add_argument(f"--{option}", type=kind, default=default)
        return own

    on = ("store", str, "sqlite")
    size = (("executives", int, 60), ("days", int, 7), ("bookings", int, 2_000))
    command("speed", speed, on, *size, ("requests", int, 2_000))
    command("load", load, on, *size, ("rate", float, 20.0), ("seconds", float, 60.0), ("callers", int, 50))
    command("crash", crash, on, ("times", int, 100))
    command("memory", memory, on, ("days", int, 14))
    command("walk", walking, on, ("executives", int, 6), ("days", int, 2), ("steps", int, 100_000), ("seed", int, 1))
    own = command(
        "streams",
        streams,
        ("city", str, "raipur"),
        ("executives", int, 12),
        ("percent", int, 120),
        ("streams", int, 20),
    )
    own.add_argument("--policy", action="append", choices=list(POLICIES), help="only this one; may be repeated")
    command(
        "improve",
        improving,
        ("cities", str, "raipur,korba,durg"),
        ("executives", int, 12),
        ("days", int, 3),
        ("bookings", int, 210),
        ("limit", float, 10.0),
    )
    commands.add_parser("show").set_defaults(run=None)
    given = parser.parse_args(arguments)
    if given.command == "show":
        show(read(given.out), Console(width=None if sys.stdout.isatty() else WIDTH))
        return 0
    if getattr(given, "store", "sqlite") not in {"sqlite", "postgresql"}:
        parser.error("--store: sqlite or postgresql")
    make_ready()
    before = load_average()
    figures = given.run(given)
    record = {
        "record_version": RECORD_VERSION,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": given.command,
        "store": getattr(given, "store", None),
        "figures": figures,
        "load": before,
        **asdict(surroundings()),
    }
    with given.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    print(json.dumps(figures, indent=1))
    return 1 if figures.get("findings") or figures.get("lost") else 0


if __name__ == "__main__":
    sys.exit(main())
