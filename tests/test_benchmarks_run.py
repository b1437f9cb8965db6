"""How a series runs: its order, one run and its record, going on where it was left, a process for each run."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from benchmarks import apart, planners, suites
from benchmarks import command as main
from benchmarks.command import INTERRUPTED
from benchmarks.incumbents import Incumbents
from benchmarks.measure import Case, Place, command, measured, record_of, warm_up
from benchmarks.planners import OURS, PEERS, Planner, planner
from benchmarks.record import Outcome, Record, Surroundings, can_be_added_to, now, read_records, surroundings
from benchmarks.run import Beginning, Interrupt, beginning, cases, run_series
from benchmarks.suites import SMOKE_DAYS, SUITES, committed_days, day_files, read_problems
from optimizer.domain import InvalidProblem, Limits, Problem, Result, Status
from optimizer.planner import AUTO, ENGINES, EngineDefect, plan_day
from optimizer.stop import StopAt
from scenarios.files import InvalidInput, read_day
from tests.records import invoke, tiny_day_file

HERE = dataclasses.replace(surroundings(), commit="0" * 40, dirty=False)
SERIES = now()


@pytest.fixture(scope="module")
def day_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_day_file(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def tiny(day_file: Path) -> Problem:
    return read_day(day_file).problem


@pytest.fixture(autouse=True)
def code_without_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Series are told that the code is that of a commit, whatever the checkout of the test is like."""
    monkeypatch.setattr(main, "surroundings", lambda: HERE)


def here(tiny: Problem, planner: Planner) -> Callable[[int, Case], Record]:
    """Makes runs of one planner in this process."""
    return lambda number, case: measured(case, tiny, planner, Place(SERIES, number, HERE))


def series_of(tiny: Problem, planner: Planner, seeds: tuple[int, ...] = (1,)) -> list[Record]:
    """The records of a series of one planner on the tiny day."""
    order = cases(["tiny"], ["mine"], seeds, Limits(None, iterations=5))
    with Interrupt() as interrupt:
        return list(run_series(Beginning(SERIES, (), tuple(order)), here(tiny, planner), interrupt))


def insertion(problem: Problem, limits: Limits, stop: StopAt, incumbents: Incumbents) -> Result | None:
    return plan_day(problem, limits, engine="insertion", stop=stop, on_progress=incumbents.progressed)


# ---------------------------------------------------------------------------- what is to be run


def test_the_engines_take_turns_and_each_begins_as_often() -> None:
    order = [(case.limits.seed, case.day, case.engine) for case in cases(["p", "q"], ["x", "y"], [1, 2], Limits(1.0))]
    assert order == [
        *((1, "p", "x"), (1, "p", "y")),
        *((1, "q", "y"), (1, "q", "x")),
        *((2, "p", "x"), (2, "p", "y")),
        *((2, "q", "y"), (2, "q", "x")),
    ]


def test_the_command_of_a_case_names_all_that_makes_it() -> None:
    by_time = Case("raipur", "auto", Limits(2.5, seed=7, threads=2))
    assert command(by_time) == (
        "python -m benchmarks run --days raipur --engines auto --seeds 7 --time-limit 2.5 --threads 2"
    )
    by_steps = Case("a day", "routing", Limits(None, iterations=40))
    assert command(by_steps).endswith("--days 'a day' --engines routing --seeds 1 --iterations 40 --threads 1")


def test_days_are_wanted_by_name_group_or_path() -> None:
    committed = committed_days()
    assert set(day_files(["all"])) == set(committed)
    assert list(day_files(["bench-100-18", "raipur", "bench-100-18"])) == ["bench-100-18", "raipur"]
    assert {name.startswith("bench-") for name in day_files(["bench"])} == {True}
    assert sum(len(day_files([group])) for group in ("cities", "bench", "variants")) == len(committed)
    assert day_files(["some/where.json"]) == {"where": Path("some/where.json")}
    assert set(SMOKE_DAYS) <= set(committed)


def test_bench_days_of_other_seeds_are_drawn_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "DRAWN", tmp_path)
    files = day_files(["bench-9-6@1-2", "bench-6-3-4@5"])
    assert list(files) == ["bench-9-6@1", "bench-9-6@2", "bench-6-3-4@5"]
    assert files == {name: tmp_path / f"{name}.json" for name in files}
    first, _, mixed = read_problems(files).values()
    assert (len(first.appointments), len(first.deliveries), len(first.executives)) == (9, 0, 6)
    assert (len(mixed.appointments), len(mixed.deliveries), len(mixed.executives)) == (6, 3, 4)
    (again,) = read_problems(day_files(["bench-100-18@1"])).values()
    (committed,) = read_problems(day_files(["bench-100-18"])).values()
    assert again.input_sha256 == committed.input_sha256


@pytest.mark.parametrize("word", ["bench-9-2@", "bench-9@1", "bench-9-2@1-200", "bench-9000-2@1", "bench-9-2@3-1"])
def test_days_drawn_in_other_ways_are_no_days(word: str) -> None:
    with pytest.raises(InvalidProblem) as refused:
        day_files([word])
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/days/0", "unknown_day")]


def test_a_drawn_day_holds_as_many_appointments_as_its_name_says_or_is_refused() -> None:
    with pytest.raises(InvalidProblem) as refused:
        day_files(["bench-9-2@1"])
    assert [(fault.code, fault.value) for fault in refused.value.faults] == [("too_many_appointments", "bench-9-2@1")]


def test_words_that_are_no_days_are_all_told() -> None:
    with pytest.raises(InvalidProblem) as refused:
        day_files(["raipur", "atlantis", "x/raipur.json", "elsewhere"])
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/days/1", "unknown_day"),
        ("/days/2", "duplicate_day"),
        ("/days/3", "unknown_day"),
    ]


# ------------------------------------------------------------------------------------ running


def test_a_run_is_recorded_as_the_planner_and_the_checker_see_it(tiny: Problem) -> None:
    first, second = series_of(tiny, insertion, seeds=(1, 2))
    expected = plan_day(tiny, Limits(None, iterations=5), engine="insertion")
    assert expected is not None
    assert (first.outcome, first.status, first.engine_used) == (Outcome.PLANNED, Status.FEASIBLE, "insertion")
    assert (first.cost, first.cost_terms) == (expected.cost.second_level_s, expected.cost.terms())
    assert (first.broken_promises, first.lower_bound, first.gap, first.violations) == (0, None, None, {})
    assert (first.day, first.input_sha256) == ("tiny", tiny.input_sha256)
    assert (first.appointments, first.deliveries, first.executives) == (6, 3, 4)
    assert (first.time_limit_s, first.iterations, first.threads, first.seed) == (None, 5, 1, 1)
    assert (first.number, second.number, second.seed) == (1, 2, 2)
    assert first.series == second.series <= first.at <= second.at


def test_a_planner_that_finds_nothing_or_fails_is_recorded_as_such(tiny: Problem) -> None:
    def nothing(_problem: Problem, _limits: Limits, _stop: StopAt, _log: Incumbents) -> Result | None:
        return None

    def defect(_problem: Problem, _limits: Limits, _stop: StopAt, _log: Incumbents) -> Result | None:
        raise EngineDefect("engine mine: a rule is broken")

    def crash(_problem: Problem, _limits: Limits, _stop: StopAt, _log: Incumbents) -> Result | None:
        raise ZeroDivisionError("division by zero")

    (none,) = series_of(tiny, nothing)
    assert (none.outcome, none.error, none.cost, none.violations) == (Outcome.NO_PLAN, None, None, {})
    (failed,) = series_of(tiny, defect)
    assert (failed.outcome, failed.error) == (Outcome.FAILED, "EngineDefect: engine mine: a rule is broken")
    (crashed,) = series_of(tiny, crash)
    assert (crashed.outcome, crashed.error) == (Outcome.FAILED, "ZeroDivisionError: division by zero")


def test_the_checker_judges_what_a_planner_claims(tiny: Problem) -> None:
    def flattering(problem: Problem, limits: Limits, stop: StopAt, log: Incumbents) -> Result | None:
        result = insertion(problem, limits, stop, log)
        assert result is not None
        return dataclasses.replace(result, cost=dataclasses.replace(result.cost, travel_s=1))

    def lazy(problem: Problem, limits: Limits, stop: StopAt, log: Incumbents) -> Result | None:
        result = insertion(problem, limits, stop, log)
        assert result is not None
        kept = result.plan.routes[1:]
        served = {stop.visit_id for route in kept for stop in route.stops}
        left = tuple(v.visit_id for v in problem.visits if v.visit_id not in served)
        return dataclasses.replace(result, plan=dataclasses.replace(result.plan, routes=kept, unassigned=left))

    (flattered,) = series_of(tiny, flattering)
    assert flattered.violations == {"cost_misreported": 1}
    assert flattered.faulty == 1
    (broken,) = series_of(tiny, lazy)
    assert broken.violations["promise_broken"] >= 1
    assert broken.faulty == broken.violations["cost_misreported"]


def test_a_day_without_a_hash_cannot_be_measured(tiny: Problem) -> None:
    with pytest.raises(ValueError, match="a record names its day by the hash"):
        series_of(dataclasses.replace(tiny, input_sha256=None), insertion)


def test_warming_up_plans_two_days_by_iterations_and_survives_a_planner_that_fails() -> None:
    called: list[tuple[str, bool, int | None]] = []
    timed: set[float | None] = set()

    def by_name(name: str) -> Planner:
        def failing(problem: Problem, limits: Limits, _stop: StopAt, _log: Incumbents) -> Result | None:
            called.append((name, bool(problem.deliveries), limits.iterations))
            timed.add(limits.time_limit_s)
            raise EngineDefect("told when it is measured")

        return failing

    warm_up("pyvrp", by_name)
    assert called == [("pyvrp", False, 2), ("pyvrp", True, 2)]
    called.clear()
    timed.clear()
    warm_up(AUTO, by_name)
    assert {name for name, _, _ in called} == {*ENGINES, AUTO}
    assert timed == {None}  # however long our kernels take to compile


def test_ctrl_c_ends_the_series_and_the_run_cut_short_is_no_measurement(tiny: Problem) -> None:
    seen: list[int] = []

    def interrupted(problem: Problem, limits: Limits, stop: StopAt, log: Incumbents) -> Result | None:
        if limits.seed == 2:
            signal.raise_signal(signal.SIGINT)
        seen.append(limits.seed)
        return insertion(problem, limits, stop, log)

    before = signal.getsignal(signal.SIGINT)
    assert [record.seed for record in series_of(tiny, interrupted, seeds=(1, 2, 3))] == [1]
    assert seen == [1, 2]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_at_once() -> None:
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


# ----------------------------------------------------------------------------------- resuming


def begun(tiny: Problem, earlier: list[Record], seeds: tuple[int, ...], where: Surroundings = HERE) -> Beginning:
    order = cases(["tiny"], ["mine"], seeds, Limits(None, iterations=5))
    return beginning(order, {"tiny": tiny}, earlier, where)


def test_a_series_goes_on_where_it_was_left_under_its_own_name(tiny: Problem) -> None:
    earlier = series_of(tiny, insertion, seeds=(1, 2))
    start = begun(tiny, earlier, (1, 2, 3))
    assert start.series == SERIES
    assert start.done == tuple(earlier)
    assert [case.limits.seed for case in start.left] == [3]
    with Interrupt() as interrupt:
        (third,) = run_series(start, here(tiny, insertion), interrupt)
    assert (third.number, third.seed, third.series) == (3, 3, SERIES)
    assert begun(tiny, [*earlier, third], (1, 2, 3)).left == ()


@pytest.mark.parametrize(
    "other",
    [{"commit": "1" * 40}, {"dirty": True}, {"commit": None, "dirty": None}, {"cpu": "Other"}, {"versions": {}}],
    ids=["commit", "changed code", "no commit", "machine", "versions"],
)
def test_runs_of_other_code_or_machines_are_made_again(tiny: Problem, other: dict[str, Any]) -> None:
    earlier = series_of(tiny, insertion)
    start = begun(tiny, earlier, (1,), dataclasses.replace(HERE, **other))
    assert (len(start.done), len(start.left)) == (0, 1)
    assert start.series != SERIES
    changed = [dataclasses.replace(record, **other) for record in earlier]
    assert len(begun(tiny, changed, (1,)).left) == 1


@pytest.mark.parametrize(
    "other",
    [{"suite": "common"}, {"engine": "other"}, {"input_sha256": "other"}, {"iterations": 6}, {"threads": 2}],
    ids=lambda other: next(iter(other)),
)
def test_runs_of_another_kind_do_not_count_as_made(tiny: Problem, other: dict[str, Any]) -> None:
    changed = [dataclasses.replace(record, **other) for record in series_of(tiny, insertion)]
    assert len(begun(tiny, changed, (1,)).left) == 1


# --------------------------------------------------------------------------- a process of its own


def case_of(**limits: Any) -> Case:
    return Case("tiny", "insertion", Limits(**({"time_limit_s": None, "iterations": 5} | limits)))


def blocked(connection: Connection) -> None:
    connection.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_the_process_of_a_run_never_hears_of_ctrl_c_and_ours_does() -> None:
    assert apart._asked(blocked, (), lambda: False) is True
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_file_that_cannot_be_added_to_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    code, shown = invoke("run", "--days", "dhamtari", "--out", tmp_path / "plain" / "mine.jsonl")
    assert (code, shown.count("[cannot_write]"), shown.count("mine.jsonl")) == (2, 1, 1)
    code, shown = invoke("run", "--days", "dhamtari", "--out", tmp_path)
    assert (code, shown.count("[")) == (2, 1)


def test_a_file_that_can_be_added_to_is_not_there_afterwards(tmp_path: Path) -> None:
    can_be_added_to(tmp_path / "deep" / "new.jsonl")
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_run_apart_gives_the_record_of_a_run_here_from_another_process(tiny: Problem, day_file: Path) -> None:
    recorded = apart.measured_apart(case_of(), day_file, tiny, Place(SERIES, 7, HERE), lambda: False)
    assert recorded is not None
    expected = measured(case_of(), tiny, insertion, Place(SERIES, 7, HERE))
    for name in ("number", "series", "cost", "cost_terms", "input_sha256", "reproduce", "commit", "outcome"):
        assert getattr(recorded, name) == getattr(expected, name), name
    assert recorded.incumbents is not None
    assert recorded.incumbents[-1][1:3] == (0, recorded.cost)
    assert recorded.memory_peak_kib is not None
    assert recorded.memory_before_kib is None or 0 < recorded.memory_before_kib <= recorded.memory_peak_kib


def test_a_process_that_dies_is_a_failed_run_and_one_that_is_interrupted_none(
    tiny: Problem, day_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_run", dies)
    recorded = apart.measured_apart(case_of(), day_file, tiny, Place(SERIES, 1, HERE), lambda: False)
    assert recorded is not None
    assert (recorded.outcome, recorded.error) == (Outcome.FAILED, "the process of the run ended with exit code 9")
    monkeypatch.setattr(apart, "_run", sleeps)
    assert apart.measured_apart(case_of(), day_file, tiny, Place(SERIES, 1, HERE), lambda: True) is None


def dies(*_: object) -> None:
    os._exit(9)


def sleeps(*_: object) -> None:
    time.sleep(60)


def test_an_error_of_the_runner_is_raised_and_not_recorded(tiny: Problem, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        apart.measured_apart(case_of(), tmp_path / "gone.json", tiny, Place(SERIES, 1, HERE), lambda: False)


# ---------------------------------------------------------------------------- the command line


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the command line without a process for each, which takes a second."""

    def run_here(case: Case, _path: Path, problem: Problem, place: Place, _: object) -> Record:
        return measured(case, problem, planner(case.engine), place)

    monkeypatch.setattr(main, "measured_apart", run_here)
    monkeypatch.setattr(main, "warm_up_apart", lambda *_: None)


def test_a_series_adds_its_records_and_shows_its_table(day_file: Path, tmp_path: Path, in_this_process: None) -> None:
    out = tmp_path / "mine.jsonl"
    words = ("run", "--days", day_file, "--engines", "insertion", "--seeds", "1-2", "--iterations", "4", "--out", out)
    code, shown = invoke(*words)
    first = out.read_bytes()
    assert code == 0
    assert f"2 records added to {out}" in shown
    assert "4 iterations, 1 thread" in shown
    assert re.search(r"tiny +│ insertion +│ +2 │ 1\.0000 │ 1\.0000 │ .* alone", shown)
    code, shown = invoke(*words)
    assert (code, out.read_bytes()) == (0, first)
    assert "2 of 2 runs are recorded already" in shown
    assert re.search(r"tiny +│ insertion +│ +2 │ 1\.0000", shown)
    assert invoke(*words, "--again")[0] == 0
    assert out.read_bytes().startswith(first)
    records = read_records([out])
    assert [(record.number, record.seed) for record in records] == [(1, 1), (2, 2)] * 2
    assert records[0].cost == records[2].cost
    assert str(day_file.parent) not in out.read_text(encoding="utf-8")


def test_the_command_in_a_record_makes_the_same_run_again(
    tiny: Problem, day_file: Path, tmp_path: Path, in_this_process: None
) -> None:
    (recorded,) = invoke_and_read(day_file, tmp_path / "one.jsonl", "--seeds", "5", "--iterations", "3")
    words = shlex.split(recorded.reproduce)
    assert words[:3] == ["python", "-m", "benchmarks"]
    words[words.index("tiny")] = str(day_file)  # no committed day, so a record has its name only
    assert invoke(*words[3:], "--out", tmp_path / "two.jsonl")[0] == 0
    (again,) = read_records([tmp_path / "two.jsonl"])
    assert (again.cost, again.input_sha256) == (recorded.cost, tiny.input_sha256)
    assert again.reproduce == recorded.reproduce


def invoke_and_read(day_file: Path, out: Path, *words: str) -> list[Record]:
    assert invoke("run", "--days", day_file, "--engines", "insertion", *words, "--out", out)[0] == 0
    return read_records([out])


def test_the_command_of_targets_makes_the_runs_of_a_table_and_draws_its_days(
    tmp_path: Path, in_this_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "DRAWN", tmp_path / "drawn")
    rows = [
        "case,days,planner,time_limit_s,threads,what,needed",
        "one,chirmiri,insertion,2,1,gap_percent,1",
        "drawn,bench-9-6@1-2,insertion,2,1,gap_percent,1",
        "peers,bench-9-6@1,insertion,3,1,peer_ratio,1",
    ]
    (tmp_path / "targets.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    out = tmp_path / "targets.jsonl"
    code, said = invoke("targets", "--targets", tmp_path / "targets.csv", "--seeds", "1-3", "--out", out)
    assert code == 0, said
    runs = [(record.day, record.seed, record.time_limit_s) for record in read_records([out])]
    drawn = [("bench-9-6@1", 1, 2.0), ("bench-9-6@2", 1, 2.0)]
    assert runs == [*(("chirmiri", seed, 2.0) for seed in (1, 2, 3)), *drawn]


def test_ctrl_c_keeps_and_shows_what_is_recorded_and_the_same_command_goes_on(
    day_file: Path, tmp_path: Path, in_this_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_here: Callable[..., Record | None] = vars(main)["measured_apart"]

    def interrupted(case: Case, path: Path, problem: Problem, place: Place, asked: Callable[[], bool]) -> Record | None:
        if case.limits.seed == 2:
            signal.raise_signal(signal.SIGINT)
        return run_here(case, path, problem, place, asked)

    out = tmp_path / "mine.jsonl"
    words = ("run", "--days", day_file, "--engines", "insertion", "--seeds", "1-3", "--iterations", "4", "--out", out)
    with monkeypatch.context() as patched:
        patched.setattr(main, "measured_apart", interrupted)
        code, shown = invoke(*words)
    assert code == INTERRUPTED
    assert "stopped after 1 of 3 runs" in shown
    assert "1 record added" in shown
    assert [record.seed for record in read_records([out])] == [1]
    code, shown = invoke(*words)
    assert code == 0
    assert "2 records added" in shown
    records = read_records([out])
    assert [(record.number, record.seed) for record in records] == [(1, 1), (2, 2), (3, 3)]
    assert len({record.series for record in records}) == 1


@pytest.fixture
def noted(in_this_process: None, monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """The cases that a command would run; instead of being run, `insertion` and all peers fail."""
    seen: list[Case] = []

    def fail(case: Case, _path: Path, problem: Problem, place: Place, _: object) -> Record:
        seen.append(case)
        error = {"outcome": Outcome.FAILED, "error": "Boom: x"} if case.engine in ("insertion", *PEERS) else {}
        return record_of(case, problem, place, at=SERIES, load_average=None, wall_s=1.0, cpu_s=1.0, **error)

    monkeypatch.setattr(main, "measured_apart", fail)
    return seen


def test_a_suite_brings_days_engines_seeds_and_a_time_limit(tmp_path: Path, noted: list[Case]) -> None:
    out = tmp_path / "full.jsonl"
    assert invoke("run", "--suite", "full", "--engines", "auto,ortools-full", "--out", out)[0] == 0
    days = day_files(SUITES["full"].days)
    assert len(days) == 16
    assert {case.day for case in noted} == set(days)
    assert {case.engine for case in noted} == {"auto", "ortools-full"}
    assert {case.limits for case in noted} == {Limits(30.0, seed=seed) for seed in (1, 2, 3)}
    assert {(case.suite, record.suite) for case, record in zip(noted, read_records([out]), strict=True)} == {
        ("full", "full")
    }
    noted.clear()
    assert (
        invoke("run", "--suite", "full", "--days", "korba", "--seeds", "7", "--iterations", "9", "--out", out)[0] == 1
    )
    assert {case.engine for case in noted} == {*OURS, "ortools-full"}
    assert {(case.day, case.limits) for case in noted} == {("korba", Limits(None, iterations=9, seed=7))}


def test_the_bench_command_runs_auto_against_the_peers_of_both_suites(
    tmp_path: Path, noted: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planners, "find_spec", lambda _: object())
    code, shown = invoke("bench", "--out", tmp_path / "bench.jsonl")
    assert code == 0  # that peers fail is shown, and nothing of ours is wrong
    assert "pyvrp, seed 1: Boom: x" in shown
    common, full = ([case for case in noted if case.suite == name] for name in ("common", "full"))
    assert len(common) + len(full) == len(noted) == 6 * 4 + 16 * 2
    assert {case.engine for case in common} == {"auto", "ortools-plain", "pyvrp", "vroom"}
    assert {case.engine for case in full} == {"auto", "ortools-full"}
    assert {case.limits for case in noted} == {Limits(10.0, seed=1)}
    noted.clear()
    assert invoke("bench", "--out", tmp_path / "bench.jsonl")[0] == 0
    assert noted == []


def test_bad_input_is_told_all_at_once_and_nothing_runs(tmp_path: Path) -> None:
    out = tmp_path / "mine.jsonl"
    out.write_text("{}", encoding="utf-8")
    before = out.read_bytes()
    code, shown = invoke(
        *("run", "--suite", "moon", "--days", "atlantis", "--engines", "insertion,magic", "--seeds", "x,9-1,0-99999"),
        *("--time-limit", "nan", "--threads", "0", "--out", out),
    )
    assert code == 2
    told = (
        "unknown_suite",
        "unknown_day",
        "unknown_engine",
        "bad_seed",
        "bad_limit",
        "no_record",
        "unfinished_line",
    )
    assert [code for code in told if f"[{code}]" not in shown] == []
    assert shown.count("[bad_seed]") == 3
    assert shown.count("[bad_limit]") == 2
    assert out.read_bytes() == before
    code, shown = invoke("run", "--days", ",", "--engines", "", "--seeds", " ", "--out", tmp_path / "none.jsonl")
    assert (code, shown.count("[nothing_named]")) == (2, 3)
