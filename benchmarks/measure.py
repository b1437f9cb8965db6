"""One run: one planner plans one day, in this process; the record of how it went."""

from __future__ import annotations

import datetime as dt
import gc
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.incumbents import Incumbents, extended
from benchmarks.judge import BrokenPlan, judged, verdict
from benchmarks.peers import CannotModel
from benchmarks.planners import PEERS, Planner
from benchmarks.record import Outcome, Record, Surroundings, load_average, now
from optimizer.domain import Limits, Problem, Result
from optimizer.engines.columns.ready import run_every_loop
from optimizer.planner import AUTO, ENGINES
from optimizer.stop import StopAt
from scenarios.catalogue import load_catalogue
from scenarios.generate import Load, bench_day, generate_day

WARM_UP_DATE = dt.date(2026, 12, 1)
WARM_UP_ITERATIONS = 2
"""One to build a plan, one to improve it."""
WARM_UP_S = 5.0
"""For peers, which have nothing to compile, and some of which count no iterations."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run to be made."""

    day: str
    engine: str
    limits: Limits
    suite: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a run in its series."""

    series: dt.datetime
    number: int
    where: Surroundings


def command(case: Case) -> str:
    """The command line that makes this one run again."""
    words = ["python", "-m", "benchmarks", "run", "--days", case.day, "--engines", case.engine]
    words += ["--seeds", str(case.limits.seed)]
    if case.limits.time_limit_s is not None:
        words += ["--time-limit", f"{case.limits.time_limit_s:g}"]
    if case.limits.iterations is not None:
        words += ["--iterations", str(case.limits.iterations)]
    return shlex.join([*words, "--threads", str(case.limits.threads)])


def warm_up(engine: str, planner_of: Callable[[str], Planner]) -> None:
    """Let a planner plan two small days, so that the measured run compiles and loads nothing."""
    catalogue = load_catalogue()
    smallest = min(catalogue.cities_in_scheme(), key=lambda city: city.population or 0)
    days = (
        bench_day(catalogue, smallest, WARM_UP_DATE, 6, 0, 2),
        generate_day(catalogue, smallest, WARM_UP_DATE, Load.AS_RUN, seed=1),
    )
    limits = Limits(WARM_UP_S if engine in PEERS else None, iterations=WARM_UP_ITERATIONS)
    # So few iterations end `auto` before it has called all its parts.
    for name in (*ENGINES, AUTO) if engine == AUTO else (engine,):
        for made in days:
            with suppress(Exception):  # the measured run will meet it and record it
                planner_of(name)(made.day.problem, limits, StopAt.within(limits), Incumbents())
    if engine in (AUTO, "columns"):  # nor have they come to the loops of the exact engine
        for made in days:
            run_every_loop(made.day.problem)


def measured(case: Case, problem: Problem, planner: Planner, place: Place) -> Record:
    """Make one run and give its record. The problem has an `input_sha256`."""
    if problem.input_sha256 is None:
        raise ValueError(f"{case.day}: a record names its day by the hash of its content")
    gc.collect()
    at, load, before_kib = now(), load_average(), _resident_kib()
    ended: dict[str, Any] = {}
    answer = None
    stop, cpu_s = StopAt.within(case.limits), time.process_time()
    incumbents = Incumbents()
    try:
        answer = planner(problem, case.limits, stop, incumbents)
    except CannotModel as cannot:
        ended = {"outcome": Outcome.CANNOT_MODEL, "error": str(cannot)}
    except Exception as raised:  # noqa: BLE001  whatever a planner raises is how its run ended, and is recorded
        ended = {"outcome": Outcome.FAILED, "error": f"{type(raised).__name__}: {raised}"}
    wall_s, cpu_s = incumbents.elapsed_s(), time.process_time() - cpu_s
    peak_kib = _peak_kib()
    result: Result | None = None
    if isinstance(answer, Result):
        result = answer
    elif answer is not None:
        try:
            result = judged(problem, answer, case.engine, case.limits, wall_s)
        except BrokenPlan as broken:
            ended = {"outcome": Outcome.FAILED, "error": f"BrokenPlan: {broken}", "violations": broken.found}
    log = incumbents.costed(problem)
    if result is not None:
        levels = (result.cost.broken_promises, result.cost.second_level_s)
        log = extended(log, wall_s, levels, result.lower_bound_s)
        ended = _ending(problem, result)
    return record_of(
        case,
        problem,
        place,
        **ended,
        at=at,
        load_average=load,
        wall_s=round(wall_s, 4),
        cpu_s=round(cpu_s, 4),
        incumbents=tuple(log),
        memory_before_kib=before_kib,
        memory_peak_kib=peak_kib,
    )


def _ending(problem: Problem, result: Result) -> dict[str, Any]:
    return {
        "outcome": Outcome.PLANNED,
        "engine_used": result.engine,
        "status": result.status,
        "broken_promises": result.cost.broken_promises,
        "broken_promises_bound": result.broken_promises_bound,
        "cost": result.cost.second_level_s,
        "cost_terms": result.cost.terms(),
        "lower_bound": result.lower_bound_s,
        "gap": result.gap,
        "violations": verdict(problem, result),
    }


_OF_A_PLAN = (
    *("engine_used", "status", "broken_promises", "broken_promises_bound"),
    *("cost", "cost_terms", "lower_bound", "gap"),
)
"""What a record has of a plan, and None without one."""


def record_of(case: Case, problem: Problem, place: Place, **ended: Any) -> Record:
    """The record of a run of this case that ended so; without a plan unless `ended` has one."""
    fields = {
        **dict.fromkeys(_OF_A_PLAN),
        "error": None,
        "outcome": Outcome.NO_PLAN,
        "violations": {},
        "series": place.series,
        "number": place.number,
        "reproduce": command(case),
        **asdict(place.where),
        "day": case.day,
        "input_sha256": problem.input_sha256,
        "appointments": len(problem.appointments),
        "deliveries": len(problem.deliveries),
        "executives": len(problem.executives),
        "engine": case.engine,
        "time_limit_s": case.limits.time_limit_s,
        "iterations": case.limits.iterations,
        "threads": case.limits.threads,
        "seed": case.limits.seed,
        "suite": case.suite,
    }
    return Record(**{**fields, **ended})


# ------------------------------------------------------------------------------------- memory


def _of_status(field: str) -> int | None:
    """A figure in KiB that Linux keeps of this process, None elsewhere."""
    told = Path("/proc/self/status")
    if not told.exists():
        return None
    for line in told.read_text(encoding="ascii", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key == field:
            return int(value.split()[0])
    return None


def _resident_kib() -> int | None:
    """Memory this process holds now."""
    return _of_status("VmRSS")


def _peak_kib() -> int | None:
    """Most memory this process has held, None where the system does not tell.

    On Linux `ru_maxrss` of a new process begins with what its parent held, VmHWM does not.
    """
    highest = _of_status("VmHWM")
    if highest is not None or find_spec("resource") is None:
        return highest
    resource = import_module("resource")
    most = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return most // 1024 if sys.platform == "darwin" else most
