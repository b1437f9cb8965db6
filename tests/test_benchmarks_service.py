"""The load over HTTP, each command run small, and what their records say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.service.__main__ import RECORD_VERSION, main

SMALL = ("--executives", "4", "--days", "2", "--bookings", "10")


def record(path: Path, *words: str) -> dict[str, Any]:
    assert main(["--out", str(path), *words]) == 0
    written = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    assert (written["record_version"], written["command"]) == (RECORD_VERSION, words[0])
    figures = written["figures"]
    assert isinstance(figures, dict)
    return figures


def test_slots_are_measured(tmp_path: Path) -> None:
    slots = record(tmp_path / "r.jsonl", "slots", *SMALL, "--seconds", "0.5", "--callers", "2")
    asked = slots["at_most"]["statuses"]
    assert list(asked) == ["slots 200"]
    assert slots["at_most"]["slots"]["runs"] == asked["slots 200"] > 0
    assert slots["at_half"]["server_errors"] == 0


def test_plans_are_measured(tmp_path: Path) -> None:
    plan = record(tmp_path / "r.jsonl", "plan", *SMALL, "--limit", "1")
    assert plan["plans"] == 2
    assert all(gap is not None for gap in plan["gaps"])


def test_a_crowd_leaves_a_store_that_is_clean(tmp_path: Path) -> None:
    crowd = record(tmp_path / "r.jsonl", "crowd", *SMALL, "--seconds", "1", "--callers", "5")
    assert (crowd["server_errors"], crowd["errors"], crowd["findings"]) == (0, [], [])
    assert sum(crowd["statuses"].values()) > 5


def test_pairs_on_postgresql_are_measured_with_http_and_without(tmp_path: Path) -> None:
    size = ("--store", "postgresql", *SMALL, "--seconds", "0.5", "--rate", "10")
    pairs = record(tmp_path / "r.jsonl", "pairs", *size)
    assert pairs["findings"] == pairs["over_http"]["errors"] == pairs["without_http"]["errors"] == []
    assert pairs["over_http"]["hold"]["runs"] > 0


def test_a_service_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    figures = record(tmp_path / "r.jsonl", "restart", *SMALL, "--times", "1", "--callers", "2")
    assert (figures["lost"], figures["twice"], figures["not_told"]) == ([], [], [])
    assert figures["stored"] == figures["told"].get("booked", 0)
