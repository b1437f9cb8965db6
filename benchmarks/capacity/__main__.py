"""`python -m benchmarks.capacity COMMAND`: what cities can carry, one record a city in records/capacity.jsonl.

calibrate   the quotas of each city that accept most and keep their promises; written to scenarios/data/capacity.csv
evaluate    what they keep, accept and refuse on fresh streams, and how late plans run
rivals      beside other ways to set quotas, on the same fresh streams
worth       what one more executive or kit adds
show        the newest records as tables; measures nothing

A city that has a record of the same command, load, streams and commit is left out, so a run can be taken up again;
`--again` measures it anew.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.capacity.calibrate import EVALUATION, TRAINING
from benchmarks.capacity.days import HEAVY, PLAIN
from benchmarks.capacity.show import read, show
from benchmarks.capacity.work import Job, work
from benchmarks.record import RECORDS, ROOT, load_average, surroundings
from scenarios.capacity import CAPACITY_COLUMNS, CAPACITY_FILE, CityCapacity, load_capacity
from scenarios.catalogue import load_catalogue

CAPACITY_RECORDS = RECORDS / "capacity.jsonl"
DATA = ROOT / "scenarios" / "data"
RECORD_VERSION = 1
WIDTH = 190
FRESH_STREAMS = {"calibrate": EVALUATION, "evaluate": 2_000, "rivals": 1_000, "worth": 0}

err = Console(stderr=True)


def write_capacity(folder: Path, found: CityCapacity) -> None:
    """The table of a folder with this city's row new; rows by city."""
    rows = dict(load_capacity(folder))
    rows[found.city_id] = found
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(CAPACITY_COLUMNS)
    for city_id in sorted(rows):
        c = rows[city_id]
        remote = "" if c.remote_minutes is None else f"{c.remote_minutes:g}"
        alpha, apart = ";".join(f"{a:g}" for a in c.alpha), "yes" if c.kit_apart else "no"
        cells = (c.city_id, alpha, f"{c.kit_alpha:g}", apart, remote, f"{c.travel_minutes:g}")
        table.writerow((*cells, c.streams, c.served, c.unknown, c.wilson_low, c.date, c.basis))
    (folder / CAPACITY_FILE).write_text(text.getvalue(), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=("calibrate", "evaluate", "rivals", "worth", "show"))
    parser.add_argument("--out", type=Path, default=CAPACITY_RECORDS, help="the file to append to")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of capacity.csv")
    parser.add_argument("--city", action="append", help="only this one; may be repeated")
    parser.add_argument("--load", type=int, action="append", help="requests in per cent of the executive-slots")
    parser.add_argument("--streams", type=int, help="fresh streams a city")
    parser.add_argument("--training", type=int, default=TRAINING, help="streams that quotas are tuned on")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="measure cities that have such a record already, too")
    given = parser.parse_args(arguments)
    if given.command == "show":
        show(read(given.out), Console(width=None if sys.stdout.isatty() else WIDTH))
        return 0
    loads = (
        given.load
        or {"calibrate": [HEAVY], "evaluate": [PLAIN, HEAVY], "rivals": [HEAVY], "worth": [PLAIN]}[given.command]
    )
    streams = FRESH_STREAMS[given.command] if given.streams is None else given.streams
    cities = given.city or [city.city_id for city in load_catalogue().cities_in_scheme()]
    here = surroundings()
    done = {
        (r["command"], r["city"], r["load_percent"], r["streams"])
        for r in read(given.out)
        if r["commit"] == here.commit
    }
    jobs: list[Job] = [
        (given.command, city, load, streams, given.training, str(given.data))
        for load in loads
        for city in cities
        if given.again or (given.command, city, load, streams) not in done
    ]
    with Progress(console=err, transient=True) as progress, get_context("spawn").Pool(given.processes) as pool:
        task = progress.add_task(given.command, total=len(jobs))
        for job, figures in pool.imap_unordered(work, jobs):
            record = {
                "record_version": RECORD_VERSION,
                "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                "command": job[0],
                "city": job[1],
                "load_percent": job[2],
                "streams": job[3],
                "figures": figures,
                "load": load_average(),
                **asdict(here),
            }
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            if job[0] == "calibrate":
                found = figures["capacity"]
                date = dt.date.fromisoformat(found["date"])
                write_capacity(given.data, CityCapacity(**found | {"alpha": tuple(found["alpha"]), "date": date}))
            progress.advance(task)
    show([r for r in read(given.out) if r["command"] == given.command], Console(width=WIDTH))
    return 0


if __name__ == "__main__":
    sys.exit(main())
