"""Evidence: what is recorded, that records only grow, what the table makes of them, and how a series runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import record as record_module
from benchmarks.__main__ import INTERRUPTED, app
from benchmarks.compare import Pairing, Spread, Verdict, compared, contradictions, differences, standings, tallies
from benchmarks.record import RECORDS, Outcome, Record, append, load_average, read_records, surroundings, written
from benchmarks.run import (
    PLANNERS,
    SMOKE_DAYS,
    Case,
    Interrupt,
    Planner,
    cases,
    command,
    committed_days,
    day_files,
    run_series,
    warm_up,
)
from optimizer.domain import InvalidProblem, Limits, Problem, Result, Status
from optimizer.planner import EngineDefect, plan_day
from optimizer.stop import StopAt
from scenarios.catalogue import load_catalogue
from scenarios.files import InvalidInput, read_day, write_day
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


@pytest.fixture(scope="module")
def day_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a day of 6 appointments, 3 deliveries, 4 executives."""
    catalogue = load_catalogue()
    made = bench_day(catalogue, catalogue.city("raipur"), builders.DATE, 6, 3, 4)
    path = tmp_path_factory.mktemp("day") / "tiny.json"
    path.write_text(write_day(made.day), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tiny(day_file: Path) -> Problem:
    return read_day(day_file).problem


def series_of(tiny: Problem, planner: Planner, seeds: tuple[int, ...] = (1,)) -> list[Record]:
    """The records of a series of one planner on the tiny day."""
    order = cases(["tiny"], ["mine"], seeds, Limits(None, iterations=5))
    with Interrupt() as interrupt:
        return list(run_series({"tiny": tiny}, order, surroundings(), interrupt, planners={"mine": planner}))


def insertion(problem: Problem, limits: Limits, stop: StopAt) -> Result | None:
    return plan_day(problem, limits, engine="insertion", stop=stop)


# -------------------------------------------------------------------------------- the record


@pytest.mark.parametrize(
    "record",
    [
        run_of(lower_bound=990, gap=0.01, broken_promises=2, violations={"promise_broken": 2}, iterations=7),
        run_of(**NO_PLAN),
        run_of(**NO_PLAN | {"outcome": Outcome.FAILED, "error": 'EngineDefect: "ऊ"\n'}),
        run_of(commit=None, dirty=None, load_average=None, time_limit_s=None),
    ],
    ids=["promises broken", "no plan", "failed", "no git, no load"],
)
def test_a_record_comes_back_from_its_file_as_it_was_written(tmp_path: Path, record: Record) -> None:
    append(tmp_path / "new" / "file.jsonl", record)
    assert read_records([tmp_path / "new" / "file.jsonl"]) == [record]


def test_a_record_is_added_behind_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    append(path, run_of(cost=1))
    before = path.read_bytes()
    append(path, run_of(cost=2))
    assert path.read_bytes() == before + written(run_of(cost=2)).encode() + b"\n"
    assert [record.cost for record in read_records([path, path])] == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"cost": 5, "cost_terms": {"travel": 4}}, "cost 5: the terms add up to it"),
        ({"status": None}, "a run with a plan has"),
        ({"outcome": Outcome.NO_PLAN}, "a run without a plan has no"),
        (NO_PLAN | {"outcome": Outcome.FAILED}, "an error is told where, and only where, a run failed"),
        ({"error": "boom"}, "an error is told where, and only where, a run failed"),
    ],
)
def test_a_record_cannot_contradict_itself(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        run_of(**changes)


def test_lines_that_are_no_records_are_all_told_by_file_line_and_field(tmp_path: Path) -> None:
    good = written(run_of())
    path = tmp_path / "broken.jsonl"
    lines = [
        good,
        "{not json",
        good.replace('"seed":1', '"seed":"one"'),
        "",
        good.replace('"cost":1000', '"cost":999'),
        good.replace('"dirty":false,', ""),
        good.replace('"dirty":false', '"dirty":false,"memory":5'),
        good.replace('"record_version":1', '"record_version":2'),
        good[:-20],
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_records([path, tmp_path / "broken.jsonl"])
    found = [(fault.line, fault.column, fault.code) for fault in refused.value.faults]
    assert found[: len(found) // 2] == [
        (2, None, "not_json"),
        (3, "seed", "bad_value"),
        (5, None, "contradiction"),
        (6, "dirty", "missing_field"),
        (7, "memory", "unknown_field"),
        (8, "record_version", "bad_value"),
        (9, None, "not_json"),
        (9, None, "unfinished_line"),
    ]
    assert found[len(found) // 2 :] == found[: len(found) // 2]
    assert refused.value.lines()[1].startswith(f'{path}:3:seed: "one": ')


def test_every_committed_record_can_be_read_and_none_contradicts_another() -> None:
    records = read_records(sorted(RECORDS.glob("*.jsonl")))
    assert contradictions(records) == []
    assert all(record.faulty == 0 for record in records)


def test_the_surroundings_are_those_of_this_process() -> None:
    here = surroundings()
    assert here.versions["numpy"] == np.__version__
    assert here.versions["numba"] == numba.__version__
    assert set(here.versions) == {"python", "ortools", "numpy", "numba", "mitaan-optimizer"}
    assert 1 <= here.cpus_usable <= here.cpus
    assert here.commit is None or re.fullmatch("[0-9a-f]{40}", here.commit)
    load = load_average()
    assert load is None or min(load) >= 0


def test_code_that_is_no_checkout_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "ROOT", tmp_path)
    assert (surroundings().commit, surroundings().dirty) == (None, None)


# ---------------------------------------------------------------------------------- the table


def test_the_table_has_medians_and_worsts_of_ratios_to_the_best_run_of_the_day() -> None:
    records = [
        run_of("a", 1_000, seed=1, gap=0.0, lower_bound=1_000, wall_s=1.0, cpu_s=1.0),
        run_of("a", 1_100, seed=2, gap=0.1, lower_bound=990, wall_s=2.0, cpu_s=1.5),
        run_of("a", 1_500, seed=3, gap=0.2, lower_bound=1_200, wall_s=9.0, cpu_s=5.0),
        run_of("b", 1_050, seed=1),
        run_of("b", 1_040, seed=2),
        run_of("b", 1_060, seed=3),
        run_of("a", 300, day="korba"),
    ]
    a, b, korba = standings(records)
    assert (a.day, a.engine, a.runs) == ("raipur", "a", 3)
    assert (a.ratio_median, a.ratio_worst) == (1.1, 1.5)
    assert (a.gap_median, a.gap_worst) == (0.1, 0.2)
    assert (a.wall_median_s, a.wall_worst_s, a.cpu_median_s) == (2.0, 9.0, 1.5)
    assert (b.ratio_median, b.ratio_worst) == (1.05, 1.06)
    assert (b.gap_median, b.gap_worst) == (math.inf, math.inf)
    assert (a.verdict, b.verdict, korba.verdict) == (Verdict.LOST, Verdict.WON, Verdict.ALONE)
    assert korba.ratio_median == 1.0


def test_a_run_that_breaks_more_promises_or_has_no_plan_is_worse_than_any_cost() -> None:
    records = [
        run_of("cheap", 10, broken_promises=1, violations={"promise_broken": 1}),
        run_of("kept", 1_000),
        run_of("none", **NO_PLAN),
    ]
    cheap, kept, none = standings(records)
    assert (cheap.ratio_median, kept.ratio_median, none.ratio_median) == (math.inf, 1.0, math.inf)
    assert (cheap.broken_worst, kept.broken_worst, none.broken_worst) == (1, 0, None)
    assert (cheap.faulty, none.without_plan) == (0, 1)
    assert [row.verdict for row in (cheap, kept, none)] == [Verdict.LOST, Verdict.WON, Verdict.LOST]


def test_one_failed_seed_of_three_does_not_move_the_median_to_infinity_but_is_the_worst() -> None:
    records = [run_of("a", 100, seed=1), run_of("a", 120, seed=2), run_of("a", seed=3, **NO_PLAN)]
    (row,) = standings(records)
    assert (row.ratio_median, row.ratio_worst, row.broken_worst) == (1.2, math.inf, None)


def test_a_day_that_costs_nothing_has_ratios_all_the_same() -> None:
    nothing, something = standings([run_of("a", 0), run_of("b", 5)])
    assert (nothing.ratio_median, something.ratio_median) == (1.0, math.inf)


def test_wins_ties_and_losses_are_counted_for_every_engine() -> None:
    records = [
        *(run_of("a", 100, day="one"), run_of("b", 101, day="one"), run_of("c", 110, day="one")),
        *(run_of("a", 200, day="two"), run_of("b", 200, day="two"), run_of("c", 300, day="two")),
        *(run_of("a", day="three", **NO_PLAN), run_of("b", day="three", **NO_PLAN)),
    ]
    a, b, c = tallies(standings(records))
    assert (a.engine, a.won, a.tied, a.lost) == ("a", 1, 1, 1)
    assert (b.engine, b.won, b.tied, b.lost) == ("b", 0, 1, 2)
    assert (c.engine, c.won, c.tied, c.lost) == ("c", 0, 0, 2)
    assert (a.ratio_median, a.ratio_worst) == (1.0, math.inf)
    assert (c.ratio_median, c.ratio_worst) == (1.3, 1.5)


def test_the_days_of_two_contents_under_one_name_are_two_days() -> None:
    records = [run_of("a", 100), run_of("b", 50, input_sha256="another")]
    assert [row.ratio_median for row in standings(records)] == [1.0, 1.0]


# ------------------------------------------------------------------------------- two files


def test_comparing_pairs_runs_by_day_engine_seed_and_limits() -> None:
    a = [
        run_of("x", 1_000, seed=1, wall_s=2.0),
        run_of("x", 2_000, seed=2, wall_s=2.0),
        run_of("x", 3_000, seed=3, wall_s=2.0),
        run_of("x", 500, day="korba", wall_s=4.0),
        run_of("x", 1, seed=9),
    ]
    b = [
        run_of("x", 900, seed=1, wall_s=1.0),
        run_of("x", 2_000, seed=2, wall_s=2.0),
        run_of("x", 3_300, seed=3, wall_s=3.0),
        run_of("x", 450, day="korba", wall_s=4.0),
        run_of("x", 1, seed=9, time_limit_s=30.0),
        run_of("y", 1),
    ]
    comparison = compared(a, b)
    assert comparison.pairings == (
        Pairing("x", "raipur", 3, Spread(1.0, 0.9, 1.1), Spread(1.0, 0.5, 1.5), better=1, equal=1, worse=1),
        Pairing("x", "korba", 1, Spread(0.9, 0.9, 0.9), Spread(1.0, 1.0, 1.0), better=1, equal=0, worse=0),
        Pairing("x", None, 4, Spread(0.95, 0.9, 1.1), Spread(1.0, 0.5, 1.5), better=2, equal=1, worse=1),
    )
    assert (comparison.only_in_a, comparison.only_in_b) == (1, 2)


def test_several_runs_of_a_kind_are_compared_by_their_median() -> None:
    a = [run_of("x", cost) for cost in (100, 900, 110)]
    b = [run_of("x", cost) for cost in (121, 99)]
    (on_the_day, _) = compared(a, b).pairings
    assert on_the_day.cost == Spread(0.9, 0.9, 0.9)
    assert (on_the_day.pairs, on_the_day.better) == (1, 1)


def test_pairs_with_different_promises_kept_count_but_have_no_ratio() -> None:
    broken: dict[str, Any] = {"broken_promises": 1, "violations": {"promise_broken": 1}}
    a = [run_of("x", 100, seed=1), run_of("x", 100, seed=2, **broken), run_of("x", seed=3, **NO_PLAN)]
    b = [run_of("x", 1, seed=1, **broken), run_of("x", 999, seed=2), run_of("x", seed=3, **NO_PLAN)]
    (_, total) = compared(a, b).pairings
    assert total.cost is None
    assert (total.better, total.equal, total.worse) == (1, 1, 1)


def test_other_machines_versions_and_code_are_named() -> None:
    assert differences([run_of()], [run_of()]) == []
    cpu, versions, code = differences(
        [run_of()], [run_of(cpu="Other", versions={"python": "3.12.1"}, commit="1" * 40, dirty=True)]
    )
    assert cpu == "CPU differ: A Some CPU x 2; B Other x 2"
    assert versions.endswith("; B python 3.12.1")
    assert code == "commit differ: A 000000000000; B 111111111111 with changes"


def test_a_plan_cheaper_than_a_bound_proven_elsewhere_is_a_contradiction() -> None:
    bound = run_of("exact", 1_000, lower_bound=995, gap=0.005, number=2)
    assert contradictions([bound, run_of("a", 995)]) == []
    assert contradictions([bound, run_of("a", 994, day="korba")]) == []
    assert contradictions([bound, run_of("a", 10, broken_promises=1, violations={"promise_broken": 1})]) == []
    (told,) = contradictions([bound, run_of("a", 994, seed=3)])
    assert told == (
        "raipur, a, seed 3 (run 1 of 2026-12-01 06:30:00) costs 994, "
        "below the bound 995 of raipur, exact, seed 1 (run 2 of 2026-12-01 06:30:00)"
    )


def test_keeping_more_promises_than_proven_possible_is_a_contradiction() -> None:
    proof = run_of("exact", 5, broken_promises=2, broken_promises_bound=2, status=Status.INFEASIBLE)
    assert contradictions([proof, run_of("a", 9, broken_promises=2)]) == []
    (told,) = contradictions([proof, run_of("a", 9, broken_promises=1)])
    assert "breaks promises of weight 1, fewer than the 2 proven by raipur, exact" in told


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
    assert len(day_files(["cities"])) + len(day_files(["bench"])) == len(committed)
    assert day_files(["some/where.json"]) == {"where": Path("some/where.json")}
    assert set(SMOKE_DAYS) <= set(committed)


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


def test_every_run_gets_a_copy_of_the_day_that_nobody_has_used(tiny: Problem) -> None:
    seen: list[Problem] = []

    def watching(problem: Problem, limits: Limits, stop: StopAt) -> Result | None:
        seen.append(problem)
        return insertion(problem, limits, stop)

    first, second = series_of(tiny, watching, seeds=(1, 1))
    assert len({id(problem) for problem in (*seen, tiny)}) == 3
    assert len({id(problem.travel) for problem in (*seen, tiny)}) == 3
    assert first.cost == second.cost


def test_a_planner_that_finds_nothing_or_fails_is_recorded_as_such(tiny: Problem) -> None:
    def nothing(_problem: Problem, _limits: Limits, _stop: StopAt) -> Result | None:
        return None

    def defect(_problem: Problem, _limits: Limits, _stop: StopAt) -> Result | None:
        raise EngineDefect("engine mine: a rule is broken")

    def crash(_problem: Problem, _limits: Limits, _stop: StopAt) -> Result | None:
        raise ZeroDivisionError("division by zero")

    (none,) = series_of(tiny, nothing)
    assert (none.outcome, none.error, none.cost, none.violations) == (Outcome.NO_PLAN, None, None, {})
    (failed,) = series_of(tiny, defect)
    assert (failed.outcome, failed.error) == (Outcome.FAILED, "EngineDefect: engine mine: a rule is broken")
    (crashed,) = series_of(tiny, crash)
    assert (crashed.outcome, crashed.error) == (Outcome.FAILED, "ZeroDivisionError: division by zero")


def test_the_checker_judges_what_a_planner_claims(tiny: Problem) -> None:
    def flattering(problem: Problem, limits: Limits, stop: StopAt) -> Result | None:
        result = insertion(problem, limits, stop)
        assert result is not None
        return dataclasses.replace(result, cost=dataclasses.replace(result.cost, travel_s=1))

    def lazy(problem: Problem, limits: Limits, stop: StopAt) -> Result | None:
        result = insertion(problem, limits, stop)
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


def test_warming_up_runs_every_engine_by_iterations_and_survives_one_that_fails() -> None:
    called: list[tuple[str, bool, float | None]] = []

    def named(name: str) -> Planner:
        def planner(problem: Problem, limits: Limits, _stop: StopAt) -> Result | None:
            called.append((name, bool(problem.deliveries), limits.time_limit_s))
            raise EngineDefect("told when it is measured")

        return planner

    with Interrupt() as interrupt:
        warm_up(["a", "b"], interrupt, {"a": named("a"), "b": named("b")})
        assert called == [("a", False, None), ("a", True, None), ("b", False, None), ("b", True, None)]
        called.clear()
        warm_up(["auto"], interrupt, {name: named(name) for name in PLANNERS})
    assert {name for name, _, _ in called} == set(PLANNERS)


def test_ctrl_c_ends_the_series_and_the_run_cut_short_is_no_measurement(tiny: Problem) -> None:
    asked: list[bool] = []

    def interrupted(problem: Problem, limits: Limits, stop: StopAt) -> Result | None:
        if limits.seed == 2:
            signal.raise_signal(signal.SIGINT)
        asked.append(stop.requested)
        return insertion(problem, limits, stop)

    before = signal.getsignal(signal.SIGINT)
    assert [record.seed for record in series_of(tiny, interrupted, seeds=(1, 2, 3))] == [1]
    assert asked == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_at_once() -> None:
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt()
        assert interrupt.watching(StopAt(time_limit_s=60.0)).requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


# ---------------------------------------------------------------------------- the command line


def invoke(*words: str | Path) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, [str(word) for word in words])
    return outcome.exit_code, outcome.output


def test_a_series_adds_its_records_and_shows_its_table(day_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.jsonl"
    words = ("run", "--days", day_file, "--engines", "insertion", "--seeds", "1-2", "--iterations", "4", "--out", out)
    code, shown = invoke(*words)
    first = out.read_bytes()
    assert code == 0
    assert f"2 records added to {out}" in shown
    assert "4 iterations, 1 thread" in shown
    assert re.search(r"tiny +│ insertion +│ +2 │ 1\.0000 │ 1\.0000 │ .* alone", shown)
    assert invoke(*words)[0] == 0
    assert out.read_bytes().startswith(first)
    records = read_records([out])
    assert [(record.number, record.seed) for record in records] == [(1, 1), (2, 2)] * 2
    assert records[0].cost == records[2].cost
    assert str(day_file.parent) not in out.read_text(encoding="utf-8")


def test_the_command_in_a_record_makes_the_same_run_again(tiny: Problem, day_file: Path, tmp_path: Path) -> None:
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


def test_ctrl_c_keeps_and_shows_what_is_recorded(
    day_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(problem: Problem, limits: Limits, stop: StopAt) -> Result | None:
        if limits.iterations == 4 and limits.seed == 2:
            signal.raise_signal(signal.SIGINT)
        return insertion(problem, limits, stop)

    monkeypatch.setitem(PLANNERS, "insertion", interrupted)
    out = tmp_path / "mine.jsonl"
    code, shown = invoke(
        *("run", "--days", day_file, "--engines", "insertion", "--seeds", "1-3", "--iterations", "4", "--out", out)
    )
    assert code == INTERRUPTED
    assert "stopped after 1 of 3 runs" in shown
    assert "1 record added" in shown
    assert [record.seed for record in read_records([out])] == [1]


def test_bad_input_is_told_all_at_once_and_nothing_runs(tmp_path: Path) -> None:
    out = tmp_path / "mine.jsonl"
    out.write_text("{}", encoding="utf-8")
    before = out.read_bytes()
    code, shown = invoke(
        *("run", "--days", "atlantis", "--engines", "insertion,magic", "--seeds", "x,9-1,0-99999"),
        *("--time-limit", "nan", "--threads", "0", "--out", out),
    )
    assert code == 2
    told = ("unknown_day", "unknown_engine", "bad_seed", "bad_limit", "missing_field", "unfinished_line")
    assert [code for code in told if f"[{code}]" not in shown] == []
    assert shown.count("[bad_seed]") == 3
    assert shown.count("[bad_limit]") == 2
    assert out.read_bytes() == before
    code, shown = invoke("run", "--days", ",", "--engines", "", "--seeds", " ", "--out", tmp_path / "none.jsonl")
    assert (code, shown.count("[nothing_named]")) == (2, 3)


def append_all(path: Path, *records: Record) -> Path:
    for record in records:
        append(path, record)
    return path


def test_the_table_of_a_file_shows_every_series_or_the_newest(tmp_path: Path) -> None:
    later = WHEN + dt.timedelta(days=1)
    path = append_all(
        tmp_path / "a.jsonl",
        run_of("auto", 1_000, series=later, gap=0.0123, lower_bound=988),
        run_of("insertion", 1_050, series=later, number=2, wall_s=0.25),
        run_of("auto", 2_000),
    )
    code, shown = invoke("table", path)
    assert code == 0
    assert shown.index("Series of 2026-12-01 06:30:00") < shown.index("Series of 2026-12-02 06:30:00")
    code, shown = invoke("table", path, "--last")
    assert "2026-12-01" not in shown
    rows = [re.findall(r"[^│\s]+", line) for line in shown.splitlines() if line.startswith("│ raipur")]
    assert rows == [
        ["raipur", "auto", "1", *("1.0000", "1.0000"), *("1.23", "1.23"), *("3.00", "3.00", "2.50"), *"00", "won"],
        ["raipur", "insertion", "1", *("1.0500", "1.0500"), *"--", *("0.25", "0.25", "2.50"), *"00", "lost"],
    ]
    assert "Some CPU, 2 of 4 CPUs, Linux x86_64; load 0.5 to 0.5" in shown
    assert "commit 000000000000; python 3.11.7, ortools 9.15, mitaan-optimizer -" in shown


@pytest.mark.parametrize(
    ("records", "told", "expected"),
    [
        ([run_of("a", **NO_PLAN)], "run 1, raipur, a, seed 1: stopped before there was a plan", 0),
        (
            [run_of("a", **NO_PLAN | {"outcome": Outcome.FAILED, "error": "Boom: x"})],
            "run 1, raipur, a, seed 1: Boom: x",
            1,
        ),
        ([run_of("a", broken_promises=1, violations={"promise_broken": 1})], "│      1 │     0 │ alone", 0),
        ([run_of("a", violations={"double_slot": 2})], "│      0 │     2 │ alone", 1),
        ([run_of("a", 5), run_of("b", 9, lower_bound=8, gap=0.1, number=2)], "CONTRADICTION: raipur, a, seed 1", 1),
    ],
    ids=["no plan", "failed", "promise broken", "violation", "contradiction"],
)
def test_the_table_tells_losses_and_its_exit_code_what_is_wrong(
    tmp_path: Path, records: list[Record], told: str, expected: int
) -> None:
    code, shown = invoke("table", append_all(tmp_path / "a.jsonl", *records))
    assert code == expected
    assert told in shown


def test_compare_shows_ratios_counts_and_what_has_no_partner(tmp_path: Path) -> None:
    a = append_all(
        tmp_path / "a.jsonl", run_of("auto", 1_000), run_of("auto", 1_000, seed=2), run_of("auto", 1, seed=3)
    )
    b = append_all(tmp_path / "b.jsonl", run_of("auto", 900), run_of("auto", 1_000, seed=2, cpu="Other"))
    code, shown = invoke("compare", a, b)
    assert code == 0
    assert re.search(
        r"auto +│ all days +│ +2 │ 0\.9500 \(0\.9000 to 1\.0000\) │ 1\.0000 \(1\.0000 to 1\.0000\) │ +1 │ +1 │ +0 │",
        shown,
    )
    assert "1 only in A, 0 only in B" in shown
    assert "CPU differ: A Some CPU x 2; B Other x 2 / Some CPU x 2" in shown


def test_files_without_a_common_run_cannot_be_compared(tmp_path: Path) -> None:
    a, b = (append_all(tmp_path / f"{name}.jsonl", run_of(name)) for name in "ab")
    code, shown = invoke("compare", a, b)
    assert code == 2
    assert "no run of A has a partner in B" in shown
    assert invoke("compare", a, tmp_path / "nowhere.jsonl")[0] == 2


# -------------------------------------------------------------------------------- the protocol


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(lambda: [field.name for field in dataclasses.fields(Record)], id="fields"),
        pytest.param(lambda: list(Outcome), id="outcomes"),
        pytest.param(lambda: [c.name or "" for c in app.registered_commands if c.name], id="commands"),
    ],
)
def test_the_protocol_names_everything(words: Callable[[], list[str]]) -> None:
    text = README.read_text(encoding="utf-8")
    coded = " ".join(re.findall(r"`[^`]+`", text))
    assert [word for word in words() if not re.search(rf"\b{re.escape(word)}\b", coded)] == []
