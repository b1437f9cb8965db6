"""Evidence: what is recorded, that records only grow, and that the protocol names everything."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from benchmarks import record as record_module
from benchmarks.command import app
from benchmarks.compare import contradictions
from benchmarks.incumbents import Incumbent, Incumbents, extended
from benchmarks.planners import PEERS
from benchmarks.record import RECORDS, Outcome, Record, append, load_average, read_records, surroundings, written
from benchmarks.suites import SUITES
from optimizer.domain import Cost, Progress
from scenarios.files import InvalidInput
from tests import builders
from tests.records import NO_PLAN, README, run_of

# -------------------------------------------------------------------------------- the record


@pytest.mark.parametrize(
    "record",
    [
        run_of(lower_bound=990, gap=0.01, broken_promises=2, violations={"promise_broken": 2}, iterations=7),
        run_of(**NO_PLAN),
        run_of(**NO_PLAN | {"outcome": Outcome.FAILED, "error": 'EngineDefect: "ऊ"\n'}),
        run_of(suite="common", incumbents=((0.25, 1, 5, None), (1.5, 0, 1_000, 990)), memory_peak_kib=123_456),
        run_of(**NO_PLAN | {"outcome": Outcome.CANNOT_MODEL, "error": "no words for breaks"}),
        run_of(commit=None, dirty=None, load_average=None, time_limit_s=None),
    ],
    ids=["promises broken", "no plan", "failed", "incumbents", "cannot model", "no git, no load"],
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


def test_lines_of_something_else_are_told_once_for_a_file(tmp_path: Path) -> None:
    path = tmp_path / "solvers.jsonl"
    path.write_text(f'{{"a": 1}}\n{written(run_of())}\n{{"b": 2}}\n', encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_records([path])
    (fault,) = refused.value.faults
    assert (fault.line, fault.code) == (1, "no_record")
    assert fault.rule.endswith("something else: 2")


OTHER_RECORDS = ("booking", "service", "startup", "solvers", "forecast", "calendar", "capacity", "rosters")
"""Files of records that are no runs of planners."""


def test_every_committed_record_can_be_read_and_none_contradicts_another() -> None:
    records = read_records(path for path in sorted(RECORDS.glob("*.jsonl")) if path.stem not in OTHER_RECORDS)
    assert contradictions(records) == []
    assert all(record.faulty == 0 for record in records if record.engine not in PEERS)


def test_the_surroundings_are_those_of_this_process() -> None:
    here = surroundings()
    assert here.versions["numpy"] == np.__version__
    assert here.versions["numba"] == numba.__version__
    assert set(here.versions) == {"python", "ortools", "numpy", "numba", "mitaan-optimizer", "pyvrp", "pyvroom"}
    assert 1 <= here.cpus_usable <= here.cpus
    assert here.commit is None or re.fullmatch("[0-9a-f]{40}", here.commit)
    load = load_average()
    assert load is None or min(load) >= 0


def test_code_that_is_no_checkout_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "ROOT", tmp_path)
    assert (surroundings().commit, surroundings().dirty) == (None, None)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_record_files_do_not_make_code_differ_from_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=tmp_path, check=True)

    monkeypatch.setattr(record_module, "ROOT", tmp_path)
    git("init", "--quiet")
    (tmp_path / "code.py").write_text("", encoding="utf-8")
    git("add", "code.py")
    git("commit", "--quiet", "--message", "code")
    (tmp_path / "mine.jsonl").write_text("", encoding="utf-8")
    assert surroundings().dirty is False
    (tmp_path / "more.py").write_text("", encoding="utf-8")
    assert surroundings().dirty is True


# -------------------------------------------------------------------------------- incumbents


def log_at(*seconds: float) -> Incumbents:
    """A log whose clock begins at 0 and then shows these seconds."""
    shown = iter((0.0, *seconds))
    return Incumbents(lambda: next(shown))


def test_plans_too_close_in_time_count_as_the_last_of_them() -> None:
    seconds = [0.01, 0.02, 0.03, 0.2, 30.0, 30.2, 30.29, 31.0]
    log = log_at(*seconds)
    for number in range(len(seconds)):
        log.costs(0, 100 - number)
    assert log.costed(builders.problem([], [])) == [
        (0.01, 0, 100, None),
        (0.03, 0, 98, None),
        (0.2, 0, 97, None),
        (30.0, 0, 96, None),
        (30.29, 0, 94, None),
        (31.0, 0, 93, None),
    ]


def test_only_better_plans_and_bounds_are_logged() -> None:
    log: list[Incumbent] = []
    told = [(2, 50, None), (2, 60, None), (0, 90, None), (1, 10, None), (0, 90, 80), (0, 95, 70), (0, 85, 80)]
    for number, (broken, cost, bound) in enumerate(told):
        log = extended(log, float(number), (broken, cost), bound)
    assert log == [(0.0, 2, 50, None), (2.0, 0, 90, None), (4.0, 0, 90, 80), (6.0, 0, 85, 80)]


def test_progress_without_a_plan_is_passed_over_and_its_bound_comes_with_the_next() -> None:
    log = log_at(1.0, 2.0)
    log.progressed(Progress("bound", 0.5, None, 70, None))
    log.progressed(Progress("insertion", 1.0, Cost(0, 60, 20, 0, 0, 0), 70, 0.125))
    assert log.costed(builders.problem([], [])) == [(1.0, 0, 80, 70)]


def test_orders_are_costed_after_the_run_and_those_that_break_a_rule_are_left_out() -> None:
    day = builders.problem([builders.appointment("a", "10:00", 300)], [builders.executive("e")], prices=builders.FREE)
    log = log_at(1.0, 2.0, 3.0)
    log.orders({})
    log.orders({"e": ("a", "a")})
    log.orders({"e": ("a",)})
    assert log.costed(day) == [(1.0, 1, 0, None), (3.0, 0, 600, None)]


def test_incumbents_in_the_wrong_order_are_no_record() -> None:
    for wrong in (((2.0, 0, 5, None), (1.0, 0, 4, None)), ((1.0, 0, 4, None), (2.0, 0, 5, None))):
        with pytest.raises(ValueError, match="incumbents follow each other in time and never get worse"):
            run_of(incumbents=wrong)


def test_a_record_of_before_suites_can_be_read(tmp_path: Path) -> None:
    line = json.loads(written(run_of(suite="common", incumbents=((0.5, 0, 1_000, 990),), memory_peak_kib=9)))
    for added in ("suite", "incumbents", "memory_before_kib", "memory_peak_kib"):
        line.pop(added)
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    assert read_records([path]) == [run_of()]


# -------------------------------------------------------------------------------- the protocol


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(lambda: [field.name for field in dataclasses.fields(Record)], id="fields"),
        pytest.param(lambda: list(Outcome), id="outcomes"),
        pytest.param(lambda: list(SUITES), id="suites"),
        pytest.param(lambda: list(PEERS), id="peers"),
        pytest.param(lambda: [c.name or "" for c in app.registered_commands if c.name], id="commands"),
    ],
)
def test_the_protocol_names_everything(words: Callable[[], list[str]]) -> None:
    text = re.sub(r"```.*?```", "", README.read_text(encoding="utf-8"), flags=re.S)
    coded = " ".join(re.findall(r"`[^`]+`", text))
    assert [word for word in words() if not re.search(rf"\b{re.escape(word)}\b", coded)] == []
