"""The benchmark of calendars: what a record holds, what its tables say, and what counts as wrong."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.console import DONE_WITH_BROKEN_RULES
from benchmarks.calendar import (
    AWAY,
    BUILD,
    CALENDAR_FILE,
    app,
    away_once,
    built,
    newest,
    read_records,
    record_of,
    wrong,
)
from benchmarks.record import surroundings
from benchmarks.rosters import append
from scenarios.files import InvalidInput

HERE = dataclasses.replace(surroundings(), commit="c" * 40, dirty=False)


def a_city(**more: Any) -> dict[str, Any]:
    figures = {
        "city": "dhamtari",
        "limit_s": 20.0,
        "threads": 2,
        "seconds": 5.0,
        "again_s": 0.1,
        "first": "2026-12-01",
        "last": "2026-12-28",
        "gap": 0.01,
        "uncovered_proven": True,
        "days": 15,
        "promises": 500,
        "refused": None,
        "changed_again": False,
        "findings": 0,
        "memory_peak_mib": 300,
    }
    return record_of(BUILD, {**figures, **more}, HERE, "python -m benchmarks.calendar build dhamtari")


def test_a_city_is_built_for_four_weeks_and_a_second_time_changes_nothing() -> None:
    (made,) = built(["dhamtari"], 20.0, 1, iterations=4)
    assert (made["city"], made["first"], made["last"], made["days"]) == ("dhamtari", "2026-12-01", "2026-12-28", 15)
    assert (made["refused"], made["changed_again"], made["findings"]) == (None, False, 0)
    assert made["promises"] > 15 * 12


def test_somebody_off_for_a_week_has_three_alternatives_that_break_nothing() -> None:
    made = away_once(1, iterations=4, size=(6, 2))
    ways = made["alternatives"]
    assert list(ways) == ["gaps_left", "few_changes", "very_few_changes"]
    assert {way["broken"] for way in ways.values()} == {0}
    assert ways["few_changes"]["uncovered"] <= ways["gaps_left"]["uncovered"]
    assert not wrong(record_of(AWAY, made, HERE, "x"))


def test_what_is_wrong_is_told_and_ends_with_its_code(tmp_path: Path) -> None:
    file = tmp_path / "calendar.jsonl"
    for record in (a_city(), a_city(city="korba", refused="infeasible")):
        append(file, record)
    assert [wrong(record) for record in read_records(file)] == [False, True]
    shown = CliRunner().invoke(app, ["show", str(file)])
    assert shown.exit_code == DONE_WITH_BROKEN_RULES
    assert "proven minimal" in shown.output
    assert "wrong: python -m benchmarks.calendar build dhamtari" in shown.output


def test_of_each_city_the_last_record_of_the_newest_code_is_shown() -> None:
    old = {**a_city(seconds=9.0), "commit": "b" * 40}
    shown = newest([old, a_city(seconds=7.0), a_city(seconds=6.0), a_city(city="korba")], BUILD)
    assert [(record["city"], record["seconds"]) for record in shown] == [("dhamtari", 6.0), ("korba", 5.0)]


def test_a_line_that_is_no_record_is_told_with_its_number(tmp_path: Path) -> None:
    file = tmp_path / "calendar.jsonl"
    file.write_text(json.dumps(a_city()) + '\n{"kind": "build"}\nnot json\n', encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_records(file)
    assert [(fault.line, fault.code) for fault in caught.value.faults] == [(2, "no_record"), (3, "no_record")]


def test_the_committed_records_can_be_read_and_none_is_wrong() -> None:
    assert not any(map(wrong, read_records(CALENDAR_FILE)))
