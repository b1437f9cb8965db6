"""The runner: days x engines x seeds, one run after another in an order that is fair to all, a record of each.

README.md is the protocol; this file does what it says.
"""

from __future__ import annotations

import datetime as dt
import gc
import shlex
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import scenarios
from benchmarks.record import Outcome, Record, Surroundings, load_average, now
from optimizer.check import violations
from optimizer.domain import Fault, InvalidProblem, Limits, Problem, Result
from optimizer.planner import AUTO, ENGINES, plan_day
from optimizer.stop import StopAt
from scenarios.catalogue import load_catalogue
from scenarios.files import read_day
from scenarios.generate import BENCH_DAYS, Load, bench_day, generate_day

DAYS = Path(scenarios.__file__).parent / "data" / "days"
SMOKE_DAYS = ("raipur", "chirmiri", "bench-100-18", "bench-110-90-22")
WARM_UP_DATE = dt.date(2026, 12, 1)
WARM_UP_ITERATIONS = 2
"""One to build a plan, one to improve it."""

Planner = Callable[[Problem, Limits, StopAt], Result | None]
"""What is measured: plans a day within limits, asks `stop` between steps, None when stopped before a plan."""


def _ours(engine: str) -> Planner:
    def plan(problem: Problem, limits: Limits, stop: StopAt) -> Result | None:
        return plan_day(problem, limits, engine=engine, stop=stop)

    return plan


PLANNERS: Mapping[str, Planner] = {name: _ours(name) for name in (*ENGINES, AUTO)}
"""Who can be measured, by the name `--engines` takes."""


# --------------------------------------------------------------------------- what is to be run


@dataclass(frozen=True, slots=True)
class Case:
    """One run to be made."""

    day: str
    engine: str
    limits: Limits


def committed_days() -> dict[str, Path]:
    """The files of the committed days by name."""
    return {path.stem: path for path in sorted(DAYS.glob("*.json"))}


def day_files(wanted: Sequence[str]) -> dict[str, Path]:
    """Files of days by name, in the order wanted; a day named twice is taken once.

    A day is wanted by the name of a committed one, `cities`, `bench`, `all`, or a path ending in .json. Raises
    InvalidProblem with everything that is none of these.
    """
    committed = committed_days()
    groups = {
        "all": list(committed),
        "bench": [name for name in committed if name in BENCH_DAYS],
        "cities": [name for name in committed if name not in BENCH_DAYS],
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


def cases(days: Sequence[str], engines: Sequence[str], seeds: Sequence[int], limits: Limits) -> list[Case]:
    """Every run once, in order: seed by seed, day by day, the engines in turn, each round beginning with the next."""
    ordered = []
    rounds = 0
    for seed in seeds:
        for day in days:
            for turn in range(len(engines)):
                engine = engines[(rounds + turn) % len(engines)]
                ordered.append(Case(day, engine, replace(limits, seed=seed)))
            rounds += 1
    return ordered


def command(case: Case) -> str:
    """The command line that makes this one run again."""
    words = ["python", "-m", "benchmarks", "run", "--days", case.day, "--engines", case.engine]
    words += ["--seeds", str(case.limits.seed)]
    if case.limits.time_limit_s is not None:
        words += ["--time-limit", f"{case.limits.time_limit_s:g}"]
    if case.limits.iterations is not None:
        words += ["--iterations", str(case.limits.iterations)]
    return shlex.join([*words, "--threads", str(case.limits.threads)])


# ------------------------------------------------------------------------------------ running


class Interrupt:
    """Ctrl-C while a series runs: cuts the run in progress short and ends the series. A second one ends the program.

    A context manager for the main thread; called, it answers True from the first Ctrl-C on.
    """

    def __init__(self) -> None:
        self._requested = False
        self._stop: StopAt | None = None

    def __call__(self) -> bool:
        """True once Ctrl-C was pressed."""
        return self._requested

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, _signal: int, _frame: object) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        if self._stop is not None:
            self._stop.request()

    def watching(self, stop: StopAt) -> StopAt:
        """The same stop, which from now on is the one to be asked to end."""
        self._stop = stop
        if self._requested:
            stop.request()
        return stop


def warm_up(engines: Sequence[str], interrupt: Interrupt, planners: Mapping[str, Planner] = PLANNERS) -> None:
    """Let every engine plan two small days, so that no measured run compiles a kernel."""
    catalogue = load_catalogue()
    smallest = min(catalogue.cities_in_scheme(), key=lambda city: city.population or 0)
    days = (
        bench_day(catalogue, smallest, WARM_UP_DATE, 6, 0, 2),
        generate_day(catalogue, smallest, WARM_UP_DATE, Load.AS_RUN, seed=1),
    )
    limits = Limits(None, iterations=WARM_UP_ITERATIONS)
    parts = ENGINES if AUTO in engines else ()  # so few iterations end `auto` before it has called them all
    for engine in dict.fromkeys((*parts, *engines)):
        for made in days:
            if interrupt():
                return
            with suppress(Exception):  # the measured runs will meet it and record it
                planners[engine](made.day.problem, limits, interrupt.watching(StopAt.within(limits)))


def run_series(
    problems: Mapping[str, Problem],
    order: Sequence[Case],
    where: Surroundings,
    interrupt: Interrupt,
    *,
    planners: Mapping[str, Planner] = PLANNERS,
    on_start: Callable[[Case], None] = lambda _: None,
) -> Iterator[Record]:
    """Make the runs one after another and give the record of each as soon as it is done.

    After Ctrl-C nothing more is given: the run that was cut short is no measurement. Problems have an `input_sha256`.
    """
    nameless = sorted(name for name, problem in problems.items() if problem.input_sha256 is None)
    if nameless:
        raise ValueError(f"{nameless}: a record names its day by the hash of its content")
    series = now()
    for number, case in enumerate(order, start=1):
        if interrupt():
            return
        on_start(case)
        record = _measured(series, number, case, problems[case.day], where, planners[case.engine], interrupt)
        if interrupt():
            return
        yield record


def _measured(
    series: dt.datetime,
    number: int,
    case: Case,
    problem: Problem,
    where: Surroundings,
    planner: Planner,
    interrupt: Interrupt,
) -> Record:
    # A fresh copy: what engines compute of a day and keep is kept by the identity of problem and table.
    fresh = replace(problem, travel=replace(problem.travel))
    error: str | None = None
    result: Result | None = None
    gc.collect()
    at, load = now(), load_average()
    stop = interrupt.watching(StopAt.within(case.limits))
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    try:
        result = planner(fresh, case.limits, stop)
    except Exception as raised:  # noqa: BLE001  whatever an engine raises is how its run ended, and is recorded
        error = f"{type(raised).__name__}: {raised}"
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return Record(
        series=series,
        number=number,
        at=at,
        reproduce=command(case),
        **asdict(where),
        load_average=load,
        day=case.day,
        input_sha256=str(problem.input_sha256),
        appointments=len(problem.appointments),
        deliveries=len(problem.deliveries),
        executives=len(problem.executives),
        engine=case.engine,
        engine_used=result.engine if result else None,
        time_limit_s=case.limits.time_limit_s,
        iterations=case.limits.iterations,
        threads=case.limits.threads,
        seed=case.limits.seed,
        outcome=Outcome.FAILED if error else Outcome.PLANNED if result else Outcome.NO_PLAN,
        error=error,
        status=result.status if result else None,
        broken_promises=result.cost.broken_promises if result else None,
        broken_promises_bound=result.broken_promises_bound if result else None,
        cost=result.cost.second_level_s if result else None,
        cost_terms=result.cost.terms() if result else None,
        lower_bound=result.lower_bound_s if result else None,
        gap=result.gap if result else None,
        wall_s=round(wall_s, 4),
        cpu_s=round(cpu_s, 4),
        violations=_verdict(problem, result),
    )


def _verdict(problem: Problem, result: Result | None) -> dict[str, int]:
    """Violations the checker finds in a plan and its claimed cost, counted by code."""
    if result is None:
        return {}
    found = Counter(violation.code.value for violation in violations(problem, result.plan, result.cost))
    return dict(sorted(found.items()))
