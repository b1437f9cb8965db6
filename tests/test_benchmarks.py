"""Evidence: what is recorded, that records only grow, and that the protocol names everything."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from benchmarks import record as record_module
from benchmarks.__main__ import app
from benchmarks.compare import contradictions
from benchmarks.planners import PEERS
from benchmarks.record import RECORDS, Outcome, Record, append, load_average, read_records, surroundings, written
from benchmarks.suites import SUITES
from scenarios.files import InvalidInput
from tests.records import NO_PLAN, README, run_of

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
    assert set(here.versions) == {"python", "ortools", "numpy", "numba", "mitaan-optimizer", "pyvrp", "pyvroom"}
    assert 1 <= here.cpus_usable <= here.cpus
    assert here.commit is None or re.fullmatch("[0-9a-f]{40}", here.commit)
    load = load_average()
    assert load is None or min(load) >= 0


def test_code_that_is_no_checkout_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "ROOT", tmp_path)
    assert (surroundings().commit, surroundings().dirty) == (None, None)


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
