"""Days to be planned, and the suites: which days, for which planners.

`common` is what every peer can model, so all are asked the same question. `full` has all rules of the service; of
the peers only OR-Tools has words for them, and gets our own model. `anytime` asks how good a plan is by when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import scenarios
from optimizer.domain import Fault, InvalidProblem, Problem
from scenarios.files import read_day
from scenarios.generate import BENCH_DAYS, VARIANT_DAYS

DAYS = Path(scenarios.__file__).parent / "data" / "days"
SMOKE_DAYS = ("raipur", "chirmiri", "bench-100-18", "bench-110-90-22")


@dataclass(frozen=True, slots=True)
class Suite:
    """Words for `--days` and `--seeds`, who runs besides our engines, and the time limit of a run in seconds."""

    days: tuple[str, ...]
    peers: tuple[str, ...]
    seeds: str
    time_limit_s: float


SUITES: Mapping[str, Suite] = {
    "common": Suite(("bench",), ("ortools-plain", "pyvrp", "vroom"), "1-3", 30.0),
    "full": Suite(("cities", "bench-110-90-22", "bench-330-270-60"), ("ortools-full",), "1-3", 30.0),
    "anytime": Suite(("bench",), ("ortools-plain", "pyvrp"), "1-3", 100.0),
}
"""Suites by name. VROOM cannot say when it found what: runs of its own, with limits of 1, 3, 10, 30 and 100 s."""


def committed_days() -> dict[str, Path]:
    """The files of the committed days by name."""
    return {path.stem: path for path in sorted(DAYS.glob("*.json"))}


def day_files(wanted: Sequence[str]) -> dict[str, Path]:
    """Files of days by name, in the order wanted; a day named twice is taken once.

    A day is wanted by the name of a committed one, `cities`, `bench`, `variants`, `all`, or a path ending in .json.
    Raises InvalidProblem with everything that is none of these.
    """
    committed = committed_days()
    groups = {
        "all": list(committed),
        "bench": [name for name in committed if name in BENCH_DAYS],
        "variants": [name for name in committed if name in VARIANT_DAYS],
        "cities": [name for name in committed if name not in (*BENCH_DAYS, *VARIANT_DAYS)],
    }
    files: dict[str, Path] = {}
    faults = []
    for row, word in enumerate(wanted):
        found = {name: committed[name] for name in groups.get(word, [word]) if name in committed}
        if word.endswith(".json"):
            found = {Path(word).stem: Path(word)}
        if not found:
            rule = f"a path ending in .json, or one of {', '.join((*groups, *committed))}"
            faults.append(Fault(("days", row), "unknown_day", word, rule))
        for name, path in found.items():
            if files.setdefault(name, path) != path:
                faults.append(
                    Fault(("days", row), "duplicate_day", word, "two different days have two different names")
                )
    if faults:
        raise InvalidProblem(faults)
    return files


def read_problems(files: Mapping[str, Path]) -> dict[str, Problem]:
    """The days in files, by name. Raises InvalidProblem with the faults of all of them."""
    problems: dict[str, Problem] = {}
    faults: list[Fault] = []
    for name, path in files.items():
        try:
            problems[name] = read_day(path).problem
        except InvalidProblem as invalid:
            faults.extend(invalid.faults)
    if faults:
        raise InvalidProblem(faults)
    return problems
