"""Whole answers of two small days, compared letter by letter: figures, reasons, files, and every cost.

When a change is meant, look at the difference and write the files anew: MITAAN_GOLDEN=write pytest tests/test_golden.py
"""

import json
import os
from pathlib import Path

import pytest

from optimizer.domain import Limits
from optimizer.planner import plan_day
from optimizer.report import kpis, reasons
from scenarios.files import read_day, write_day
from scenarios.plans import plan_document, plan_text, roster_csv, routes_geojson

GOLDEN = Path(__file__).parent / "golden"


def answers(folder: Path) -> dict[str, str]:
    """All texts the day of this folder leads to. Only the run time is not the day's."""
    day = read_day(folder / "day.json")
    problem = day.problem
    result = plan_day(problem, Limits(None, iterations=50), engine="insertion")
    assert result is not None
    document = plan_document(problem, result, kpis(problem, result.plan), reasons(problem, result.plan, result.status))
    document["runtime_s"] = 0.0
    return {
        "day.json": write_day(day),
        "plan.json": plan_text(document),
        "roster.csv": roster_csv(problem, result.plan),
        "routes.geojson": routes_geojson(problem, result.plan),
    }


@pytest.mark.parametrize("name", ["kept", "overfull"])
def test_the_answers_of_a_day_stay_as_they_are(name: str) -> None:
    found = answers(GOLDEN / name)
    if os.environ.get("MITAAN_GOLDEN") == "write":
        for file, text in found.items():
            (GOLDEN / name / file).write_bytes(text.encode())
    for file, text in found.items():
        assert text.encode() == (GOLDEN / name / file).read_bytes(), f"{name}/{file}"


def test_the_golden_days_show_what_they_are_for() -> None:
    kept, overfull = (json.loads((GOLDEN / n / "plan.json").read_text(encoding="utf-8")) for n in ("kept", "overfull"))
    assert kept["broken_promises"] == []
    assert [visit["id"] for visit in kept["unassigned"]] == ["D2"]
    assert overfull["status"] == "infeasible"
    (broken,) = overfull["broken_promises"]
    assert (broken["reason"]["code"], broken["reason"]["proof"]) == ("slot_full", "proved")
