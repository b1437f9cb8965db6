"""`python -m benchmarks.startup`: what the first plan on a machine costs, and the first plan of every later process.

Each figure comes from a process of its own, that plans a small day with everything in it by a few iterations. *Cold*
is the first with an empty cache of compiled loops, *warm* the median of some that find the cache filled. One run
appends one record per engine, and one for all engines in one process, to records/startup.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.record import RECORDS, ROOT, load_average, surroundings
from optimizer.planner import ENGINES

STARTUP_FILE = RECORDS / "startup.jsonl"
DAY = Path("scenarios", "data", "days", "raipur.json")
ITERATIONS = 4
WARM_RUNS = 5

# What one process does. It must not import anything before its clock runs, so it is no function of this file.
_PROCESS = """
import time
begin_s = time.perf_counter(), time.process_time()
import json, sys
from optimizer.planner import plan_day
from optimizer.engines.columns.ready import run_every_loop
from optimizer.domain import Limits
from scenarios.files import read_day
from numba.core import event
loaded_s = time.perf_counter(), time.process_time()
day, iterations, *engines = sys.argv[1:]
problem = read_day(day).problem
limits = Limits(None, iterations=int(iterations))
read_s = time.perf_counter(), time.process_time()
with event.install_recorder("numba:compile") as compiled:
    for engine in engines:
        plan_day(problem, limits, engine=engine)
        if engine == "columns":
            run_every_loop(problem)
first_s = time.perf_counter(), time.process_time()
for engine in engines:
    plan_day(problem, limits, engine=engine)
    if engine == "columns":
        run_every_loop(problem)
again_s = time.perf_counter(), time.process_time()
json.dump({
    "compiled": sum(one.is_start for _, one in compiled.buffer),
    "import_s": loaded_s[0] - begin_s[0],
    "import_cpu_s": loaded_s[1] - begin_s[1],
    "first_s": (first_s[0] - read_s[0]) - (again_s[0] - first_s[0]),
    "first_cpu_s": (first_s[1] - read_s[1]) - (again_s[1] - first_s[1]),
}, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Start:
    """One process: loops it compiled, and seconds, by the clock and of the processors (`cpu`).

    `import` is loading the code, `first` what the first plan takes longer than the same plan made again: compiling,
    or loading what was compiled.
    """

    compiled: int
    import_s: float
    import_cpu_s: float
    first_s: float
    first_cpu_s: float


def started(engines: Sequence[str], cache: str) -> Start:
    """Plan the day in a new process with this cache of compiled loops. Raises CalledProcessError when that fails."""
    done = subprocess.run(
        [sys.executable, "-c", _PROCESS, str(DAY), str(ITERATIONS), *engines],
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Start(**json.loads(done.stdout))


def median_start(starts: Iterable[Start]) -> Start:
    """The median of each figure."""
    columns = zip(*(asdict(start).values() for start in starts), strict=True)
    compiled, *seconds = (statistics.median_high(column) for column in columns)
    return Start(int(compiled), *seconds)


def record_of(engines: Sequence[str], cold: Start, warm: Start, warm_runs: int) -> dict[str, object]:
    """A record: engines, both kinds of start in seconds rounded to milliseconds, code and machine."""
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "day": DAY.stem,
        "engines": list(engines),
        "iterations": ITERATIONS,
        "cold": _rounded(asdict(cold)),
        "warm": _rounded(asdict(warm)),
        "warm_runs": warm_runs,
        "load": load_average(),
        **asdict(surroundings()),
    }


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in figures.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, tell and append."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description="Measure start-up times.")
    parser.add_argument("--engine", action="append", choices=sorted(ENGINES), help="only this one; may be repeated")
    parser.add_argument("--warm-runs", type=int, default=WARM_RUNS, help="processes that find a filled cache")
    parser.add_argument("--out", type=Path, default=STARTUP_FILE, help="the file to append to")
    given = parser.parse_args(arguments)
    if given.warm_runs < 1:
        parser.error("--warm-runs: at least 1")
    names: list[str] = given.engine or list(ENGINES)
    groups = [[name] for name in names] + ([names] if len(names) > 1 else [])
    for group in groups:
        with tempfile.TemporaryDirectory() as cache:
            cold = started(group, cache)
            warm = median_start([started(group, cache) for _ in range(given.warm_runs)])
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record_of(group, cold, warm, given.warm_runs)) + "\n")
        print(
            f"{'+'.join(group)}: cold {cold.first_s:.1f} s ({cold.first_cpu_s:.1f} s of CPU, {cold.compiled} loops),"
            f" warm {warm.import_s + warm.first_s:.2f} s (import {warm.import_s:.2f}, loops {warm.first_s:.2f})"
        )


if __name__ == "__main__":
    main()
