"""Days to be planned, and the suites: which days, for which planners.

`common` is what every peer can model, so all are asked the same question. `full` has all rules of the service; of
the peers only OR-Tools has words for them, and gets our own model. `anytime` asks how good a plan is by when.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import scenarios
from benchmarks.record import ROOT
from optimizer.domain import Fault, InvalidProblem, Problem
from scenarios.catalogue import load_catalogue
from scenarios.files import canonical_bytes, read_day, write_files
from scenarios.generate import BENCH_CITY, BENCH_DAYS, DATE, VARIANT_DAYS, bench_day

DAYS = Path(scenarios.__file__).parent / "data" / "days"
DRAWN = ROOT / "out" / "days"
MOST_DRAWN, MOST_DRAWN_SIZE = 100, 2_000
_DRAWN = re.compile(r"bench-(\d{1,4})(?:-(\d{1,4}))?-(\d{1,4})@(\d{1,6})(?:-(\d{1,6}))?")
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
    `bench-100-18@1-20` are bench days of other seeds (appointments, deliveries if any, executives, seeds), drawn when
    they are asked for. Raises InvalidProblem with everything that is none of these.
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
        drawn = _DRAWN.fullmatch(word)
        if drawn is not None:
            found = _drawn(*(int(number) if number else None for number in drawn.groups()))
        if not found:
            names = ", ".join((*groups, *committed))
            rule = f"a path ending in .json, a bench day as bench-100-18@1-20, or one of {names}"
            faults.append(Fault(("days", row), "unknown_day", word, rule))
        for name, path in found.items():
            if files.setdefault(name, path) != path:
                faults.append(
                    Fault(("days", row), "duplicate_day", word, "two different days have two different names")
                )
    if faults:
        raise InvalidProblem(faults)
    return files


def _drawn(
    visits: int | None, deliveries: int | None, executives: int | None, first: int | None, last: int | None
) -> dict[str, Path]:
    """Bench days of these sizes and seeds by name, drawn into the folder `out/days` of the checkout."""
    sizes = (visits or 0, deliveries or 0, executives or 0)
    label = "-".join(str(size) for size in (sizes if deliveries is not None else (sizes[0], sizes[2])))
    seeds = range(first or 0, (last if last is not None else first or 0) + 1)
    if len(seeds) > MOST_DRAWN or max(sizes) > MOST_DRAWN_SIZE:
        return {}
    catalogue = load_catalogue()
    files = {}
    for seed in seeds:
        path = DRAWN / f"bench-{label}@{seed}.json"
        made = bench_day(catalogue, catalogue.city(BENCH_CITY), DATE, *sizes, seed)
        if made.refused:
            rule = f"so many appointments that all have a slot; {made.refused} have none"
            raise InvalidProblem([Fault(("days",), "too_many_appointments", f"bench-{label}@{seed}", rule)])
        content = canonical_bytes(made.day)
        if not path.exists() or path.read_bytes() != content:
            write_files(path.parent, {path.name: content.decode()})
        files[path.stem] = path
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
