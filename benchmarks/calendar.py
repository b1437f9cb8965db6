"""`python -m benchmarks.calendar build|away|show`: the calendar of every city, and a roster made again for a week.

`build`: four weeks of rosters and the quotas up to the horizon, city by city, into a new store, as `mitaan calendar
build` does it. `away`: of a published roster made by seed one executive is off for a week; the time until all
alternatives are there. Each run appends one record to records/calendar.jsonl.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.console import DONE, DONE_WITH_BROKEN_RULES, counting, faults_told, note, run, say, table
from api.rostering.calendar import build_calendar
from api.store import Database
from api.store.checking import check_store
from api.store.store import Store
from benchmarks.record import RECORDS, Surroundings, load_average, surroundings
from benchmarks.rosters import append, memory_peak_mib, place_of, seeds_of
from optimizer.roster import make_roster, reroster
from optimizer.roster.check import roster_violations
from optimizer.roster.nouns import WEEK
from optimizer.stop import StopAt
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from scenarios.files import FileFault, InvalidInput
from scenarios.generate.staffing import staffing_problem

RECORD_VERSION = 1
CALENDAR_FILE = RECORDS / "calendar.jsonl"
BUILD, AWAY = "build", "away"
TODAY = dt.datetime(2026, 11, 30, 6, 0, tzinfo=IST)
"""When the calendars are built: rosters begin on the first of December."""
SIZE = (40, 4)
"""Executives and weeks of the rosters in which somebody is off."""
MAKE_S = 30.0

Record = dict[str, Any]

app = typer.Typer(
    help="Measure calendars by the protocol of benchmarks/README.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def record_of(kind: str, what: Mapping[str, Any], where: Surroundings, reproduce: str) -> Record:
    """The record of a run: what was done and what came of it, code and machine."""
    head = {"record_version": RECORD_VERSION, "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    return {**head, "kind": kind, "reproduce": reproduce, **what, "load": load_average(), **asdict(where)}


def read_records(path: Path) -> list[Record]:
    """The records of a file, none where there is no file. Raises InvalidInput with every line that is no record."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records, faults = [], []
    for line, text in enumerate(lines, start=1):
        try:
            record = json.loads(text)
            good = record["record_version"] == RECORD_VERSION and record["kind"] in {BUILD, AWAY}
        except (ValueError, KeyError, TypeError):
            good = False
        if good:
            records.append(record)
        else:
            rule = f"a record of a calendar, version {RECORD_VERSION}"
            faults.append(FileFault((), "no_record", text[:60], rule, str(path), line))
    if faults:
        raise InvalidInput(faults)
    return records


# ------------------------------------------------------------------------------------------ build


def built(names: Sequence[str], limit_s: float, threads: int, iterations: int | None = None) -> Iterator[Record]:
    """The figures of each city, built one after the other into one new store; the last also of the whole store."""
    catalogue = load_catalogue()
    cities = [catalogue.city(name) for name in names] or catalogue.cities_in_scheme()
    with tempfile.TemporaryDirectory() as folder, Database.create(Path(folder) / "s.db", clock=lambda: TODAY) as base:
        store = Store(base, catalogue)
        for city in cities:
            begun_s = time.perf_counter()
            (made,) = build_calendar(store, [city], limit_s=limit_s, threads=threads, iterations=iterations)
            seconds = time.perf_counter() - begun_s
            again_s = time.perf_counter()
            (again,) = build_calendar(store, [city], limit_s=limit_s, threads=threads, iterations=iterations)
            again_s = time.perf_counter() - again_s
            yield {
                "city": city.city_id,
                "limit_s": limit_s,
                "threads": threads,
                "seconds": round(seconds, 3),
                "again_s": round(again_s, 3),
                "first": None if made.first is None else made.first.isoformat(),
                "last": None if made.last is None else made.last.isoformat(),
                "gap": made.gap,
                "uncovered_proven": made.uncovered_proven,
                "days": made.days,
                "promises": made.promises,
                "refused": made.refused,
                "changed_again": again.first is not None,
                "findings": len(check_store(store).findings),
                "memory_peak_mib": memory_peak_mib(),
            }


@app.command("build")
def build_command(
    cities: Annotated[list[str] | None, typer.Argument(metavar="CITY", help="All of the scheme if none.")] = None,
    limit: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Of the roster of a city.")] = 20.0,
    threads: Annotated[int, typer.Option(min=1, max=64)] = 2,
    out: Annotated[Path, typer.Option(metavar="FILE")] = CALENDAR_FILE,
) -> None:
    """Four weeks of calendar for each city; five minutes at most for all of them."""
    with faults_told():
        known, where = read_records(out), surroundings()
        names = cities or [city.city_id for city in load_catalogue().cities_in_scheme()]
        added: list[Record] = []
        with counting("building calendars", quiet=False) as tell:
            for figures in built(names, limit, threads):
                words = f"build {figures['city']} --limit {limit:g} --threads {threads}"
                added.append(record_of(BUILD, figures, where, f"python -m benchmarks.calendar {words}"))
                append(out, added[-1])
                tell(len(added), len(names))
    show_records([*known, *added])
    raise typer.Exit(DONE_WITH_BROKEN_RULES if any(map(wrong, added)) else DONE)


# ------------------------------------------------------------------------------------------- away


def away_once(seed: int, make_s: float = MAKE_S, iterations: int | None = None, size: tuple[int, int] = SIZE) -> Record:
    """A roster made by seed, and an executive of it off for its second week: the time to all alternatives."""
    executives, weeks = size
    problem = staffing_problem(executives, weeks, seed)
    stop = StopAt(iterations, None if iterations is not None else make_s)
    published = make_roster(problem, stop, seed, threads=2).roster
    if published is None:
        raise RuntimeError(f"seed {seed}: no roster was made")
    rows = published.rows
    who = max(rows, key=lambda e: (sum(p is not None for p in rows[e][WEEK : 2 * WEEK]), e))
    dates = problem.dates[WEEK : 2 * WEEK]
    begun_s = time.perf_counter()
    found = reroster(problem, published, {who: dates}, StopAt(), seed)
    seconds = time.perf_counter() - begun_s
    kept = len(roster_violations(problem, published))
    return {
        "executives": executives,
        "weeks": weeks,
        "seed": seed,
        "seconds": round(seconds, 3),
        "alternatives": {
            each.name: {
                "changes": len(each.changes),
                "people": each.people,
                "uncovered": each.cost.level_1,
                "cost": each.cost.total,
                "proven": each.proven,
                "broken": max(0, len(roster_violations(problem, each.roster)) - kept),
            }
            for each in found
        },
    }


@app.command("away")
def away_command(
    seeds: Annotated[str, typer.Option(help="Seeds as 1,2 or 1-5.")] = "1-5",
    out: Annotated[Path, typer.Option(metavar="FILE")] = CALENDAR_FILE,
) -> None:
    """Somebody off for a week, 40 executives and 4 weeks: half a minute a seed to make the roster first."""
    with faults_told():
        known, where, wanted = read_records(out), surroundings(), seeds_of(seeds)
        added: list[Record] = []
        with counting("rosters made again", quiet=False) as tell:
            for seed in wanted:
                words = f"python -m benchmarks.calendar away --seeds {seed}"
                added.append(record_of(AWAY, away_once(seed), where, words))
                append(out, added[-1])
                tell(len(added), len(wanted))
    show_records([*known, *added])
    raise typer.Exit(DONE_WITH_BROKEN_RULES if any(map(wrong, added)) else DONE)


# ------------------------------------------------------------------------------------------- show


def wrong(record: Record) -> bool:
    """A city that was not built, or not for good; a roster that breaks rules, or leaves more uncovered than gaps do."""
    if record["kind"] == BUILD:
        return bool(record["refused"] or record["changed_again"] or record["findings"])
    ways = record["alternatives"]
    gaps = ways["gaps_left"]["uncovered"]
    return len(ways) < 3 or any(way["broken"] or way["uncovered"] > gaps for way in ways.values())


def newest(records: Iterable[Record], kind: str) -> list[Record]:
    """The last record of each city or seed, of the newest code and machine."""
    own = [record for record in records if record["kind"] == kind]
    here = [record for record in own if place_of(record) == place_of(own[-1])]
    return list({record["city"] if kind == BUILD else record["seed"]: record for record in here}.values())


def show_records(records: Sequence[Record]) -> None:
    """The tables of the newest code."""
    build, away = newest(records, BUILD), newest(records, AWAY)
    if build:
        numbers = ("s", "again s", "gap %", "days", "promises")
        table(
            f"Calendars, {_code(build[-1])}",
            ("city", "until", "uncovered", *numbers),
            (
                (
                    record["city"],
                    record["last"] or record["refused"] or "-",
                    "proven minimal" if record["uncovered_proven"] else "not proven",
                    *(f"{record['seconds']:.1f}", f"{record['again_s']:.2f}"),
                    "-" if record["gap"] is None else f"{100 * record['gap']:.2f}",
                    *(record["days"], record["promises"]),
                )
                for record in build
            ),
            numbers,
        )
        gaps = [100 * record["gap"] for record in build if record["gap"] is not None]
        worst = f", gap median {statistics.median(gaps):.2f} %, worst {max(gaps):.2f} %" if gaps else ""
        say(f"{len(build)} cities in {sum(record['seconds'] for record in build):.0f} s{worst}")
    if away:
        times = [record["seconds"] for record in away]
        columns = ("s", "few: changes", "uncovered", "very few: changes", "uncovered", "gaps: uncovered")
        table(
            f"Somebody off for a week, 40 executives, 4 weeks, {_code(away[-1])}",
            ("seed", *columns),
            ((record["seed"], f"{record['seconds']:.2f}", *_ways(record)) for record in away),
            columns,
        )
        say(f"all alternatives: median {statistics.median(times):.2f} s, worst {max(times):.2f} s")
    for record in (*build, *away):
        if wrong(record):
            note(f"wrong: {record['reproduce']}")
    if not (build or away):
        note("no records yet")


def _ways(record: Record) -> Iterator[object]:
    for name in ("few_changes", "very_few_changes"):
        way = record["alternatives"].get(name)
        yield "-" if way is None else way["changes"]
        yield "-" if way is None else way["uncovered"]
    yield record["alternatives"]["gaps_left"]["uncovered"]


def _code(record: Record) -> str:
    return f"commit {str(record['commit'])[:8]}{', changed code' if record['dirty'] else ''}, {record['cpu']}"


@app.command("show")
def show_command(file: Annotated[Path, typer.Argument(metavar="FILE")] = CALENDAR_FILE) -> None:
    """Show the newest code's records as tables."""
    with faults_told():
        records = read_records(file)
    show_records(records)
    shown = [*newest(records, BUILD), *newest(records, AWAY)]
    raise typer.Exit(DONE_WITH_BROKEN_RULES if any(map(wrong, shown)) else DONE)


def main() -> None:
    """Run the command line."""
    run(app)


if __name__ == "__main__":
    main()
