"""One city of one command, in a process of its own."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from benchmarks.capacity.calibrate import calibrate
from benchmarks.capacity.evaluate import evaluate, worths
from benchmarks.capacity.rivals import compare
from scenarios.capacity import load_capacity

Job = tuple[str, str, int, int, int, str]
"""Command, city, load, streams, training streams, folder of the table of capacities."""


def work(job: Job) -> tuple[Job, Any]:
    """One city."""
    command, city, load, streams, training, folder = job
    if command == "calibrate":
        found, how = calibrate(city, training, streams, load)
        return job, {"capacity": asdict(found) | {"date": str(found.date)}, **how}
    capacity = load_capacity(folder)[city]
    if command == "evaluate":
        return job, evaluate(capacity, streams, load)
    if command == "rivals":
        return job, compare(capacity, streams, training, load)
    return job, worths(capacity, load)
