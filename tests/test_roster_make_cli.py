"""`mitaan roster make` without a store: a roster of the data as a table, a page, JSON, into a store; what it refuses.

With a store it is in `test_roster_cli`.
"""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.store import Database
from optimizer.roster import LabourRules
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from scenarios.rosters import read_roster
from tests.desks import MITAAN, ROOT

FIRST = dt.date(2027, 1, 25)  # a Monday; the next day is closed every year
ARGUMENTS = ["roster", "make", "dhamtari", "--from", FIRST.isoformat(), "--weeks", "1", "--iterations", "60"]


def test_a_roster_is_written_as_a_table_that_can_be_imported(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*ARGUMENTS, "--out", str(tmp_path / "made")])
    assert done.exit_code == 0, done.output
    assert "proven minimal" in done.output
    assert "made of: staff as the data assume it (ASSUMPTION), demand of the data: no store is in reach" in done.output
    assert f"next: mitaan roster import {tmp_path / 'made' / 'roster.csv'} --city dhamtari" in done.output
    page = (tmp_path / "made" / "roster.html").read_text(encoding="utf-8")
    tree = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  our own page
    assert [node.text for node in tree.iter("h2")] == ["Roster", "Cover against demand"]
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


def test_ctrl_c_keeps_the_best_roster_and_waits_for_no_solver(tmp_path: Path) -> None:
    """The roster as a whole is with a solver by then, for as long as there is time."""
    words = ("roster", "make", "korba", "--executives", "40", "--weeks", "4", "--time-limit", "3000", "--threads", "2")
    process = subprocess.Popen(
        [*MITAAN, *words, "--out", str(tmp_path / "made")], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if " of 600" in line:
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 0, rest
    assert "terminate" not in rest
    assert (tmp_path / "made" / "roster.csv").is_file()


def test_machines_get_every_cell_the_rules_and_what_is_proven() -> None:
    done = CliRunner().invoke(app, [*ARGUMENTS, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["made_of"], told["trial"], told["draft"]) == ("data", False, None)
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
        (["durg", "--from", "2199-12-25", "--weeks", "2"], "bad_date"),
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


def test_the_store_of_the_user_is_used_where_it_is_there(no_store_of_the_user: Path) -> None:
    Database.create(no_store_of_the_user / "mitaan.db").close()
    told = json.loads(CliRunner().invoke(app, [*ARGUMENTS, "--json"]).stdout)
    assert told["made_of"] == "store"
    assert told["draft"]
    of_data = json.loads(CliRunner().invoke(app, [*ARGUMENTS, "--executives", "5", "--json"]).stdout)
    assert of_data["draft"] is None
    assert of_data["executives"] == told["executives"]
