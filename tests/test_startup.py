"""Start-up: after `mitaan warm-up` no plan compiles anything, and what the start-up benchmark records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import startup
from benchmarks.startup import Start, median_start, record_of
from optimizer.planner import AUTO, ENGINES
from scenarios.files import read_day

DAYS = Path(__file__).parents[1] / "scenarios" / "data" / "days"
WARM_UP = "import sys; from api.start import main; sys.argv = ['mitaan', 'warm-up']; main()"
PLAN = """
import json, sys
from numba.core import event
from optimizer.domain import Limits
from optimizer.planner import plan_day
from scenarios.files import read_day
day, *engines = sys.argv[1:]
problem = read_day(day).problem
with event.install_recorder("numba:compile") as recorder:
    for engine in engines:
        plan_day(problem, Limits(None, iterations=250), engine=engine)
json.dump([one.data["dispatcher"].py_func.__qualname__ for _, one in recorder.buffer if one.is_start], sys.stdout)
"""


SLOTS = """
import json, sys
from numba.core import event
from optimizer.bookings import Change
from benchmarks.booking.callers import Caller, world
from api.store import Database
from api.store.store import Store
with Database.create(sys.argv[1]) as database:
    place = world(Store(database), 2, 2)
    caller = Caller(place, 1, "caller")
    with event.install_recorder("numba:compile") as recorder:
        for _ in range(80):
            caller.act()
        services = [place.services[0], place.services[1]]
        place.store.offers(place.city, place.where(caller._dice), services, *place.dates, counts=True)
json.dump([one.data["dispatcher"].py_func.__qualname__ for _, one in recorder.buffer if one.is_start], sys.stdout)
"""


def run(cache: Path, program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.long
def test_after_warm_up_nothing_compiles_for_a_day_with_breaks_deliveries_and_fairness_nor_for_a_caller(
    tmp_path: Path,
) -> None:
    path = DAYS / "raipur.json"
    problem = read_day(path).problem
    assert problem.prices.fairness
    assert len(problem.visits) > len(problem.appointments) > 0
    assert any(executive.pause for executive in problem.executives)
    engines = (AUTO, *ENGINES)
    assert run(tmp_path, WARM_UP).strip() == "ready"
    assert json.loads(run(tmp_path, PLAN, str(path), *engines)) == []
    assert json.loads(run(tmp_path, PLAN, str(DAYS / "bench-110-90-22.json"), *engines)) == []
    assert json.loads(run(tmp_path, SLOTS, str(tmp_path / "store.db"))) == []


def test_the_median_start_has_the_median_of_each_figure() -> None:
    starts = [Start(n, 0.1 * n, 1.0, 5.0 - n, 0.0) for n in (1, 3, 2)]
    assert median_start(starts) == Start(2, 0.2, 1.0, 3.0, 0.0)


def test_a_record_names_engines_code_and_machine() -> None:
    record = record_of(["insertion"], Start(60, 0.5, 0.5, 9.87654, 9.0), Start(0, 0.4, 0.4, 0.3, 0.3), 5)
    assert json.loads(json.dumps(record)) == record | {"load": list(record["load"] or ()) or None}  # type: ignore[call-overload]
    assert record["engines"] == ["insertion"]
    assert record["cold"] == {
        "compiled": 60,
        "import_s": 0.5,
        "import_cpu_s": 0.5,
        "first_s": 9.877,
        "first_cpu_s": 9.0,
    }
    assert {"commit", "versions", "cpu", "system"} <= set(record)


def test_one_run_appends_one_record_per_engine_and_one_for_all_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, ...]] = []

    def start(engines: list[str], cache: str) -> Start:
        asked.append(tuple(engines))
        assert Path(cache).is_dir()
        return Start(1, 0.5, 0.5, 2.0, 2.0)

    monkeypatch.setattr(startup, "started", start)
    out = tmp_path / "startup.jsonl"
    startup.main(["--engine", "insertion", "--engine", "routing", "--warm-runs", "2", "--out", str(out)])
    groups = [["insertion"], ["routing"], ["insertion", "routing"]]
    assert [json.loads(line)["engines"] for line in out.read_text(encoding="utf-8").splitlines()] == groups
    assert asked == [tuple(group) for group in groups for _ in range(3)]
    assert capsys.readouterr().out.count("cold 2.0 s") == 3


@pytest.mark.long
def test_a_plan_that_had_to_compile_says_so_and_the_next_one_does_not(tmp_path: Path) -> None:
    words = ["mitaan", "plan", str(DAYS / "dhamtari.json"), "--engine", "insertion", "--iterations", "3"]
    program = f"import sys; from api.start import main; sys.argv = {words!r}; main()"
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    told = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        told.append("spent on compiling" in done.stderr)
    assert told == [True, False]
