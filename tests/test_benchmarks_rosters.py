"""The benchmark of rosters: what a record holds, that a series goes on where it was left, what its table says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import rosters
from benchmarks.record import surroundings
from benchmarks.rosters import (
    INTERRUPTED,
    OF_A_ROSTER,
    SIZES,
    Case,
    app,
    cases,
    contradictions,
    figures,
    left_of,
    measured,
    newest,
    read_records,
    record_of,
    rows_of,
    seeds_of,
    sizes_of,
)
from optimizer.domain import InvalidProblem
from optimizer.roster import Roster, RosterCost, RosterProgress, RosterResult, RosterStatus
from optimizer.roster.check import roster_cost
from optimizer.roster.greedy import greedy_roster
from scenarios.files import InvalidInput
from scenarios.generate.staffing import staffing_problem

HERE = dataclasses.replace(surroundings(), commit="c" * 40, dirty=False)
FIGURES: dict[str, Any] = {
    "status": "feasible",
    "engine": "greedy",
    "cost": 1_000,
    "cost_terms": {"uncovered": 400, "shifts": 600},
    "level_1": 400,
    "level_1_bound": None,
    "uncovered_proven": False,
    "bound": None,
    "gap": None,
    "level_2_gap": None,
    "violations": {},
    "error": None,
    "seconds": 0.5,
    "cpu_s": 0.5,
    "first_s": 0.5,
    "memory_before_mib": 90,
    "memory_peak_mib": 100,
}
PROVEN = FIGURES | {"engine": "whole", "cost": 800, "level_1": 300, "level_1_bound": 300, "uncovered_proven": True}
MADE = PROVEN | {"bound": 790, "gap": 0.0125, "level_2_gap": 0.02, "seconds": 8.0, "memory_peak_mib": 200}


def record(case: Case, made: dict[str, Any], **changed: object) -> dict[str, Any]:
    at = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)
    return record_of(case, made, HERE, at, None) | changed


def written(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------- one run


def test_a_greedy_run_has_what_the_checker_says_and_no_proof() -> None:
    made = measured(Case("10x1", 1, "greedy", 10.0))
    problem = staffing_problem(10, 1, 1)
    cost = roster_cost(problem, greedy_roster(problem))
    assert set(made) == set(FIGURES)
    assert (made["status"], made["engine"], made["violations"]) == ("feasible", "greedy", {})
    assert (made["cost"], made["level_1"]) == (cost.total, cost.level_1)
    assert sum(made["cost_terms"].values()) == made["cost"]
    assert {made[name] for name in ("level_1_bound", "bound", "gap", "level_2_gap", "error")} == {None}
    assert 0 < made["first_s"] <= made["seconds"]
    assert 0 < made["memory_before_mib"] <= made["memory_peak_mib"]


def test_a_made_roster_has_its_proof_and_the_time_of_the_first_roster(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(problem: Any, stop: Any, seed: int, threads: int, on_progress: Any) -> RosterResult:
        assert (seed, threads, stop.left_s() <= 10.0) == (2, 2, True)
        roster = greedy_roster(problem)
        cost = roster_cost(problem, roster)
        on_progress(RosterProgress("greedy", 0, 1, 0.0))
        on_progress(RosterProgress("greedy", 1, 1, 0.1, cost))
        return RosterResult(RosterStatus.FEASIBLE, roster, cost, cost.level_1, cost.total - 60, "names", seed, 0.2)

    monkeypatch.setattr(rosters, "make_roster", fake)
    made = measured(Case("10x1", 2, "make", 10.0))
    assert set(made) == set(FIGURES)
    assert (made["engine"], made["uncovered_proven"], made["bound"]) == ("names", True, made["cost"] - 60)
    assert made["gap"] == pytest.approx(60 / made["cost"], abs=1e-6)
    assert made["level_2_gap"] == pytest.approx(60 / (made["cost"] - made["level_1"]), abs=1e-6)
    assert 0 < made["first_s"] <= made["seconds"]


def test_a_method_that_raises_is_recorded_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> RosterResult:
        raise ValueError("no such week")

    monkeypatch.setattr(rosters, "make_roster", broken)
    made = measured(Case("10x1", 1, "make", 10.0))
    assert made["error"] == "ValueError: no such week"
    assert {made[name] for name in (*OF_A_ROSTER, "first_s") if name != "engine"} == {None}


def test_a_broken_rule_and_a_cost_the_checker_does_not_find_are_violations() -> None:
    problem = staffing_problem(3, 1)
    everyday = Roster(problem.first, {each.executive_id: ("H08",) * 7 for each in problem.staff})
    result = RosterResult(RosterStatus.FEASIBLE, everyday, RosterCost(missing=1), 0, 0, "names", 1, 0.0)
    found = figures(problem, everyday, result)["violations"]
    assert found["weekly_day_off"] == 3
    assert found["cost_differs"] == 1
    assert figures(problem, everyday, None)["status"] == "unknown"


def test_a_run_in_a_process_of_its_own_answers_and_one_that_dies_says_so() -> None:
    made = rosters.measured_apart(Case("3x1", 1, "greedy", 10.0))
    assert set(made) == set(FIGURES)
    assert made["status"] == "feasible"
    dead = rosters.measured_apart(Case("3by1", 1, "greedy", 10.0))
    assert set(dead) == set(FIGURES)
    assert dead["error"].startswith("the process of the run ended with exit code")


# ---------------------------------------------------------------------------------- the series


def test_all_sizes_seeds_and_methods_are_run_in_order() -> None:
    order = cases(SIZES, [1, 2], ["greedy", "make"], 2)
    assert len(order) == 24
    assert order[:3] == [Case("10x1", 1, "greedy", 10), Case("10x1", 1, "make", 10), Case("10x4", 1, "greedy", 10)]
    assert [case.limit_s for case in order[:12:2]] == [10, 10, 60, 60, 300, 300]


def test_what_the_same_code_has_recorded_on_this_machine_is_left_out() -> None:
    order = cases({"10x1": 5.0}, [1, 2], ["greedy"], 2)
    done = record(order[0], FIGURES)
    assert left_of(order, [done], HERE) == order[1:]
    assert left_of(order, [done | {"commit": "d" * 40}], HERE) == order
    assert left_of(order, [done | {"limit_s": 6.0}], HERE) == order
    assert left_of(order, [done], dataclasses.replace(HERE, dirty=True)) == order
    assert left_of(order, [done | {"dirty": True}], dataclasses.replace(HERE, dirty=True)) == order


def test_the_command_adds_records_goes_on_and_stops_at_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Case] = []

    def apart(case: Case) -> dict[str, Any]:
        if len(asked) == 3:
            asked.clear()
            raise KeyboardInterrupt
        asked.append(case)
        return dict(FIGURES if case.method == "greedy" else MADE)

    monkeypatch.setattr(rosters, "measured_apart", apart)
    monkeypatch.setattr(rosters, "surroundings", lambda: HERE)
    out = tmp_path / "rosters.jsonl"
    words = ["run", "--sizes", "10x1", "--seeds", "1-2", "--limit", "5", "--out", str(out)]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == INTERRUPTED
    assert "3 records added" in first.output
    assert "1 runs left" in first.output
    second = CliRunner().invoke(app, words)
    assert second.exit_code == 0, second.output
    assert "3 of 4 runs are recorded already" in second.output
    assert [(case.seed, case.method) for case in asked] == [(2, "make")]
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(line["seed"], line["method"]) for line in lines] == [
        *((1, "greedy"), (1, "make")),
        *((2, "greedy"), (2, "make")),
    ]
    assert lines[3]["reproduce"].endswith("--sizes 10x1 --seeds 2 --methods make --limit 5 --threads 2 --again")
    assert read_records(out) == lines


def test_a_run_that_breaks_a_rule_ends_the_command_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rosters, "measured_apart", lambda _: FIGURES | {"violations": {"closed_day": 1}})
    words = ["run", "--sizes", "10x1", "--seeds", "1", "--methods", "greedy", "--out", str(tmp_path / "r.jsonl")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "wrong: 10x1, seed 1, greedy: closed_day 1" in done.output


def test_bad_options_are_told_at_once(tmp_path: Path) -> None:
    words = [
        "run",
        "--sizes",
        "10x1,big,7x7,600x1",
        "--seeds",
        "5-1",
        "--methods",
        "magic",
        "--out",
        str(tmp_path / "r"),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    for place in ("/sizes/1", "/sizes/2", "/sizes/3", "/seeds/0", "/methods/0"):
        assert place in done.output
    assert sizes_of("7x7", 3.0) == {"7x7": 3.0}
    assert seeds_of("4,1-3,2") == [4, 1, 2, 3]
    for bad in (lambda: sizes_of(",", None), lambda: sizes_of("10x1", 0.0), lambda: seeds_of("")):
        with pytest.raises(InvalidProblem):
            bad()


# ------------------------------------------------------------------------------------- showing


def test_a_row_has_the_median_and_the_worst_over_the_seeds_and_greedy_over_make() -> None:
    made = [
        record(Case("10x1", seed, "make", 10.0), MADE, cost=cost, first_s=first_s)
        for seed, cost, first_s in ((1, 800, 0.1), (2, 500, 0.3), (3, 1_000, 0.2))
    ]
    greedy = [record(Case("10x1", seed, "greedy", 10.0), FIGURES) for seed in (1, 2, 3)]
    floor, row = rows_of([*made, *greedy])
    assert (floor.method, floor.runs, floor.proven, floor.greedy_ratio) == ("greedy", 3, 0, None)
    assert (row.method, row.cost, row.first_s, row.worst_first_s) == ("make", 800, 0.2, 0.3)
    assert (row.greedy_ratio, row.least_greedy_ratio) == (1.25, 1.0)
    assert (row.proven, row.worst_mib, row.wrong) == (3, 200, 0)


def test_show_tells_the_newest_code_only_each_run_once(tmp_path: Path) -> None:
    case = Case("40x4", 1, "make", 60.0)
    old = record(case, MADE, commit="d" * 40, cost=1)
    file = written(tmp_path / "r.jsonl", old, record(case, MADE, cost=900), record(case, MADE, cost=812))
    assert [each["cost"] for each in newest(read_records(file))] == [812]
    done = CliRunner().invoke(app, ["show", str(file)])
    assert done.exit_code == 0, done.output
    assert "812" in done.output
    assert "900" not in done.output
    assert CliRunner().invoke(app, ["show", str(tmp_path / "none.jsonl")]).exit_code == 0


def test_a_roster_better_than_a_proof_is_told_as_a_contradiction(tmp_path: Path) -> None:
    make, greedy = Case("10x1", 1, "make", 10.0), Case("10x1", 1, "greedy", 10.0)
    proven = record(make, MADE)
    assert contradictions([proven, record(greedy, FIGURES)]) == []
    assert contradictions([proven, record(greedy, FIGURES, level_1=299)]) == [
        "10x1, seed 1: 299 uncovered by greedy, 300 proven to be least"
    ]
    cheaper = record(greedy, FIGURES, level_1=300, cost=789)
    assert contradictions([proven, cheaper]) == ["10x1, seed 1: 789 in all by greedy, 790 proven to be least"]
    done = CliRunner().invoke(app, ["show", str(written(tmp_path / "r.jsonl", proven, cheaper))])
    assert done.exit_code == 1


def test_lines_that_are_no_record_are_told_by_number(tmp_path: Path) -> None:
    file = written(tmp_path / "r.jsonl", record(Case("10x1", 1, "make", 10.0), MADE), {"record_version": 1})
    with file.open("a", encoding="utf-8") as lines:
        lines.write("oops\n")
    with pytest.raises(InvalidInput) as caught:
        read_records(file)
    assert [fault.line for fault in caught.value.faults] == [2, 3]
