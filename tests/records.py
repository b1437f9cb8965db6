"""Records and days for tests of the benchmarks: everything has a sensible default, tests name what they are about."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from benchmarks.command import app
from benchmarks.record import RECORDS, Outcome, Record, append
from optimizer.domain import Status
from scenarios.catalogue import load_catalogue
from scenarios.files import write_day
from scenarios.generate import bench_day
from tests import builders

WHEN = dt.datetime(2026, 12, 1, 6, 30, tzinfo=dt.UTC)
README = RECORDS.parent / "README.md"
NO_PLAN: dict[str, Any] = {
    "outcome": Outcome.NO_PLAN,
    "engine_used": None,
    "status": None,
    "broken_promises": None,
    "broken_promises_bound": None,
    "cost": None,
    "cost_terms": None,
    "lower_bound": None,
    "gap": None,
    "violations": {},
}


def run_of(engine: str = "insertion", cost: int = 1_000, *, seed: int = 1, day: str = "raipur", **other: Any) -> Record:
    """A run with a plan that keeps all promises at this cost, proven to nothing, unless said otherwise."""
    fields: dict[str, Any] = {
        "series": WHEN,
        "number": 1,
        "at": WHEN,
        "reproduce": "python -m benchmarks run",
        "commit": "0" * 40,
        "dirty": False,
        "versions": {"python": "3.11.7", "ortools": "9.15", "mitaan-optimizer": None},
        "cpu": "Some CPU",
        "cpus": 4,
        "cpus_usable": 2,
        "system": "Linux x86_64",
        "load_average": (0.5, 0.25, 0.0),
        "day": day,
        "input_sha256": f"hash of {day}",
        "appointments": 6,
        "deliveries": 0,
        "executives": 2,
        "engine": engine,
        "engine_used": engine,
        "time_limit_s": 3.0,
        "iterations": None,
        "threads": 1,
        "seed": seed,
        "outcome": Outcome.PLANNED,
        "error": None,
        "status": Status.FEASIBLE,
        "broken_promises": 0,
        "broken_promises_bound": 0,
        "cost": cost,
        "cost_terms": {"travel": cost},
        "lower_bound": None,
        "gap": None,
        "wall_s": 3.0,
        "cpu_s": 2.5,
        "violations": {},
    }
    return Record(**(fields | other))


def tiny_day_file(folder: Path) -> Path:
    """A file of a day of 6 appointments, 3 deliveries, 4 executives."""
    catalogue = load_catalogue()
    made = bench_day(catalogue, catalogue.city("raipur"), builders.DATE, 6, 3, 4)
    path = folder / "tiny.json"
    path.write_text(write_day(made.day), encoding="utf-8")
    return path


def append_all(path: Path, *records: Record) -> Path:
    """A file of these records."""
    for record in records:
        append(path, record)
    return path


def invoke(*words: str | Path) -> tuple[int, str]:
    """Exit code and output of `python -m benchmarks` with these words."""
    outcome = CliRunner().invoke(app, [str(word) for word in words])
    return outcome.exit_code, outcome.output
