"""One run as one line: the record, the files they are added to and read from, and where a run took place.

A record file is JSON lines. Lines are only ever added: a record goes to the end of its file in one write.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import AwareDatetime, ConfigDict, TypeAdapter, ValidationError

from benchmarks.incumbents import Incumbent
from optimizer.domain import Status
from scenarios.files import FileFault, InvalidInput, read_bytes

ROOT = Path(__file__).parents[1]
"""The checkout."""
RECORDS = Path(__file__).parent / "records"
PACKAGES = ("ortools", "numpy", "numba", "mitaan-optimizer", "pyvrp", "pyvroom")


# ---------------------------------------------------------------------------- the surroundings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The code and the machine of a series. Fields as in `Record`."""

    commit: str | None
    dirty: bool | None
    versions: dict[str, str | None]
    cpu: str
    cpus: int
    cpus_usable: int
    system: str


def surroundings() -> Surroundings:
    """What this process runs and on what."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", ":(exclude)*.jsonl")
    cpus = os.cpu_count() or 1
    return Surroundings(
        commit=commit,
        dirty=None if commit is None or changed is None else bool(changed),
        versions={"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        cpu=_cpu(),
        cpus=cpus,
        cpus_usable=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cpus,
        system=f"{platform.system()} {platform.machine()}",
    )


def load_average() -> tuple[float, float, float] | None:
    """Mean number of processes ready to run over the last 1, 5 and 15 minutes, None where the system has none."""
    if not hasattr(os, "getloadavg"):
        return None
    one, five, fifteen = (round(load, 2) for load in os.getloadavg())
    return one, five, fifteen


def _git(*words: str) -> str | None:
    """What git answers in the checkout, None where there is no git or the code is no checkout of its own."""
    if not (ROOT / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "--no-optional-locks", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    """The model of the CPU as the machine tells it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"


# --------------------------------------------------------------------------------- the record


class Outcome(StrEnum):
    """How a run ended."""

    PLANNED = "planned"
    NO_PLAN = "no_plan"  # stopped before there was a plan
    FAILED = "failed"  # the engine raised an error, its process died, or its plan breaks a rule
    CANNOT_MODEL = "cannot_model"  # the day has rules that the peer has no words for


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run of one engine on one day with one seed. README.md says what each field means.

    Costs are whole cost seconds, times seconds. What only a plan has is None for a run without one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    record_version: Literal[1] = 1
    series: AwareDatetime
    number: int
    at: AwareDatetime
    reproduce: str
    commit: str | None
    dirty: bool | None
    versions: dict[str, str | None]
    cpu: str
    cpus: int
    cpus_usable: int
    system: str
    load_average: tuple[float, float, float] | None
    day: str
    input_sha256: str
    appointments: int
    deliveries: int
    executives: int
    engine: str
    engine_used: str | None
    time_limit_s: float | None
    iterations: int | None
    threads: int
    seed: int
    outcome: Outcome
    error: str | None
    status: Status | None
    broken_promises: int | None
    broken_promises_bound: int | None
    cost: int | None
    cost_terms: dict[str, int] | None
    lower_bound: int | None
    gap: float | None
    wall_s: float
    cpu_s: float
    violations: dict[str, int]
    suite: str | None = None
    incumbents: tuple[Incumbent, ...] | None = None
    memory_before_kib: int | None = None
    memory_peak_kib: int | None = None

    def __post_init__(self) -> None:
        planned = (
            self.engine_used,
            self.status,
            self.broken_promises,
            self.broken_promises_bound,
            self.cost,
            self.cost_terms,
        )
        if self.outcome is Outcome.PLANNED and None in planned:
            raise ValueError("a run with a plan has an engine, a status, broken promises and a cost")
        if self.outcome is not Outcome.PLANNED and any(
            value is not None for value in (*planned, self.lower_bound, self.gap)
        ):
            raise ValueError("a run without a plan has no status, cost, bound or gap")
        if self.cost_terms is not None and self.cost != sum(self.cost_terms.values()):
            raise ValueError(f"cost {self.cost}: the terms add up to it")
        if (self.outcome in (Outcome.FAILED, Outcome.CANNOT_MODEL)) != (self.error is not None):
            raise ValueError("an error is told where, and only where, a run failed or a day cannot be modelled")
        if any(later[0] < sooner[0] or later[1:3] > sooner[1:3] for sooner, later in pairwise(self.incumbents or ())):
            raise ValueError("incumbents follow each other in time and never get worse")

    @property
    def rank(self) -> tuple[float, float]:
        """Broken promises and cost, for comparing in this order; infinite without a plan."""
        if self.broken_promises is None or self.cost is None:
            return math.inf, math.inf
        return self.broken_promises, self.cost

    @property
    def faulty(self) -> int:
        """Violations beyond broken promises: rules that a sound engine never breaks."""
        return sum(count for code, count in self.violations.items() if code != "promise_broken")


_RECORD = TypeAdapter(Record)


def written(record: Record) -> str:
    """The line of a record, without the end of line."""
    return _RECORD.dump_json(record).decode()


# ---------------------------------------------------------------------------------- the files


def append(path: Path, record: Record) -> None:
    """Add a record to the end of a file, made if need be; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, written(record).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def can_be_added_to(path: Path) -> None:
    """Raise OSError when no record could be added to this file; a file that was not there is not there after it."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666))
    if new:
        path.unlink()


def read_records(paths: Iterable[str | Path]) -> list[Record]:
    """The records of files, in order. Raises InvalidInput naming every line that is no record, by file and line.

    Lines of something else are told once for each file.
    """
    records: list[Record] = []
    faults: list[FileFault] = []
    for path in paths:
        data = read_bytes(path)
        foreign: list[int] = []
        for number, line in enumerate(data.split(b"\n"), start=1):
            if not line:
                continue
            try:
                records.append(_RECORD.validate_json(line))
            except ValidationError as broken:
                found = _line_faults(broken, str(path), number)
                if len(found) > MOST_FAULTS_A_LINE:
                    foreign.append(number)
                else:
                    faults.extend(found)
        if foreign:
            rule = (
                f"records of planners' runs, as benchmarks/README.md has them; lines of something else: {len(foreign)}"
            )
            faults.append(FileFault((), "no_record", None, rule, str(path), foreign[0]))
        if data and not data.endswith(b"\n"):
            rule = "every line ends; this one was cut off, and what is added would run into it"
            faults.append(FileFault((), "unfinished_line", None, rule, str(path), data.count(b"\n") + 1))
    if faults:
        raise InvalidInput(faults)
    return records


def _line_faults(broken: ValidationError, file: str, line: int) -> list[FileFault]:
    faults = []
    for error in broken.errors(include_url=False):
        field = "/".join(str(part) for part in error["loc"]) or None
        value = None if error["type"] == "missing" or field is None else error["input"]
        code = _CODES.get(error["type"], "bad_value")
        rule = error["msg"].removeprefix("Value error, ")
        faults.append(FileFault((), code, _plain(value), rule, file, line, field))
    return faults


MOST_FAULTS_A_LINE = 12
"""A line with more faults than this is something else than a record, and is told in one."""

_CODES = {
    "missing": "missing_field",
    "unexpected_keyword_argument": "unknown_field",
    "json_invalid": "not_json",
    "value_error": "contradiction",
}


def _plain(value: object) -> object:
    """A value that JSON can say."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return repr(value)
    return value


def now() -> dt.datetime:
    """This moment in UTC."""
    return dt.datetime.now(dt.UTC)
