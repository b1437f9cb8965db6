"""The comparison of solvers: all of them solve the same masters and partitions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.solvers import MASTERS, MIPS, generated, main, near_columns, partitioned
from optimizer.arrays import day_arrays
from optimizer.engines.columns.master import solve_master
from scenarios.files import read_day
from tests.records import tiny_day_file


def test_all_masters_come_to_the_same_bound_and_all_partitions_to_the_same_plan(tmp_path: Path) -> None:
    problem = read_day(tiny_day_file(tmp_path)).problem
    runs = {name: generated(problem, made(), 60.0)[0] for name, made in MASTERS.items()}
    assert {run["converged"] for run in runs.values()} == {True}
    bounds = [run["bound"] for run in runs.values()]
    assert all(isinstance(bound, int) and bound > 0 for bound in bounds)
    assert len(set(bounds)) == 1
    _, relaxation, pricer = generated(problem, solve_master, 60.0)
    table = near_columns(relaxation)
    plans = [partitioned(table, day_arrays(problem), pricer, solver, 60.0) for solver in MIPS.values()]
    assert {plan["optimal"] for plan in plans} == {True}
    assert len({plan["cost"] for plan in plans}) == 1


def test_every_run_is_told_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day, out = tiny_day_file(tmp_path), tmp_path / "solvers.jsonl"
    main(["--days", str(day), "--out", str(out), "--time-limit", "20"])
    entries = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(entry["task"], entry["solver"]) for entry in entries] == [
        *(("master", name) for name in MASTERS),
        *(("partition", name) for name in MIPS),
    ]
    assert {entry["day"] for entry in entries} == {day.stem}
    assert all(entry["wall_s"] > 0 and entry["cpu"] for entry in entries)
    assert capsys.readouterr().out.count("\n") == len(entries)
