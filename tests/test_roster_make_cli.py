"""`mitaan roster make`: a roster over weeks as a table, as JSON, into a store; and what it refuses."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from optimizer.roster import LabourRules
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from scenarios.rosters import read_roster

FIRST = dt.date(2027, 1, 25)  # a Monday; the next day is closed every year
ARGUMENTS = ["roster", "make", "dhamtari", "--from", FIRST.isoformat(), "--weeks", "1", "--iterations", "60"]


def test_a_roster_is_written_as_a_table_that_can_be_imported(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*ARGUMENTS, "--out", str(tmp_path / "made")])
    assert done.exit_code == 0, done.output
    assert "proven minimal" in done.output
    catalogue = load_catalogue()
    rosters = read_roster(tmp_path / "made" / "roster.csv", catalogue, catalogue.city("dhamtari"))
    assert set(rosters) == {FIRST + dt.timedelta(days=day) for day in range(7)} - {dt.date(2027, 1, 26)}
    cover = (tmp_path / "made" / "cover.csv").read_text(encoding="utf-8").splitlines()
    assert cover[0] == "date,slot,needs,wanted,covered,missing"
    assert len(cover) == 1 + 6 * 12 * 2
    for line in cover[1:]:
        wanted, covered, missing = (float(cell) for cell in line.split(",")[-3:])
        assert missing == max(0, wanted - covered)
    store = str(tmp_path / "store.db")
    taken = CliRunner().invoke(
        app, ["roster", "import", str(tmp_path / "made" / "roster.csv"), "--city", "dhamtari", "--store", store]
    )
    assert taken.exit_code == 0, taken.output


def test_machines_get_every_cell_the_rules_and_what_is_proven() -> None:
    done = CliRunner().invoke(app, [*ARGUMENTS, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["closed"] == {"2027-01-26": "closed_every_year"}
    assert told["rules"]["max_closing"] == LabourRules().max_closing
    assert {row["2027-01-26"] for row in told["executives"].values()} == {None}
    assert all(len(row) == 7 for row in told["executives"].values())
    level_1 = told["cost"]["missing"] + told["cost"]["uncovered"]
    assert told["bound_uncovered"] == level_1
    assert told["bound"] <= sum(told["cost"].values())
    again = CliRunner().invoke(app, [*ARGUMENTS, "--json"])
    assert json.loads(again.stdout) == told


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["nowhere"], "unknown_city"),
        (["durg", "--weeks", "0"], "out_of_range"),
        (["durg", "--weeks", "9"], "out_of_range"),
        (["durg", "--executives", "0"], "out_of_range"),
        (["durg", "--from", "soon"], "bad_date"),
        (["durg", "--from", (dt.datetime.now(IST).date() - dt.timedelta(days=1)).isoformat()], "past"),
    ],
)
def test_what_cannot_be_made_is_refused(given: list[str], code: str, tmp_path: Path) -> None:
    out = tmp_path / "made"
    done = CliRunner().invoke(app, ["roster", "make", *given, "--out", str(out)])
    assert done.exit_code == 2
    assert f"[{code}]" in done.output
    assert not out.exists()


def test_all_that_is_wrong_is_told_at_once() -> None:
    done = CliRunner().invoke(app, ["roster", "make", "nowhere", "--from", "x", "--weeks", "0", "--executives", "900"])
    assert done.exit_code == 2
    assert all(f"[{code}]" in done.output for code in ("unknown_city", "bad_date", "out_of_range"))
    assert "4 errors" in done.output
