"""Capacity at the terminal: quotas computed anew, a day looked into, its tables and its page; faults and Ctrl-C."""

from __future__ import annotations

import csv
import datetime as dt
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from api.bookings_cli import capacity
from api.rostering.publish import demand_on
from api.store.store import Store
from optimizer.capacity import CapacityResult, quotas_of
from scenarios.capacity import capacity_of
from scenarios.rostering import day_capacity
from scenarios.streams import draw
from tests.desks import RAIPUR, Desk, desk, on_store, rostered

__all__ = ["desk", "rostered"]

DAY = "2026-12-03"
SHOW = ("capacity", "show", "raipur", DAY)


def computed(at: Desk) -> CapacityResult:
    """The quotas of the day as the engine has them."""

    def do(store: Store) -> CapacityResult:
        date = dt.date.fromisoformat(DAY)
        with store.database.read() as connection:
            team = store.views(connection, RAIPUR, [date])[date].book.day.problem.executives
        return quotas_of(day_capacity(store.catalogue, RAIPUR, demand_on(store, RAIPUR, date), date, team))

    result = on_store(at, do)
    assert isinstance(result, CapacityResult)
    return result


# ------------------------------------------------------------------------------------------- make


def test_quotas_are_computed_for_days_with_a_roster_and_a_second_time_nothing_changes(desk: Desk) -> None:
    told = desk.json("capacity", "make", "raipur")
    assert [day["date"] for day in told["days"]] == [f"2026-12-0{day}" for day in range(2, 6)]
    assert {day["changed"] for day in told["days"]} == {True}
    assert told["days"][1]["places"] == sum(computed(desk).quotas.total(slot) for slot in range(12))
    assert "2026-12-06" in told["without_roster"]
    again = desk.json("capacity", "make", "raipur", "--from", DAY, "--to", DAY)["days"]
    assert [(day["date"], day["changed"]) for day in again] == [(DAY, False)]
    said = desk.run("capacity", "make", "raipur").stdout
    assert "as before" in said
    assert "without a roster: Tue 1 Dec" in said


def test_what_was_set_by_hand_stands_in_the_place_of_what_was_computed(desk: Desk) -> None:
    desk.run("day", "sell", "raipur", DAY, "--quota", "10:00=1")
    desk.run("capacity", "make", "raipur")
    ten = desk.json(*SHOW)["slots"][2]
    assert (ten["capacity"], ten["quota"]) == (1, 1)


def test_wrong_words_of_quotas_are_told_at_once(desk: Desk) -> None:
    assert desk.faults("capacity", "make", "nowhere", "--from", "soon") == {"unknown_city"}
    assert desk.faults("capacity", "make", "raipur", "--from", "2026-11-30") == {"day_past"}
    assert desk.faults("capacity", "make", "raipur", "--from", DAY, "--to", "2026-12-02") == {"bad_range"}
    assert desk.faults("capacity", "make", "raipur", "--to", "2028-12-02") == {"bad_range"}


# ------------------------------------------------------------------------------------------- show


def test_a_day_is_told_slot_by_slot_with_what_binds_and_what_one_more_is_worth(desk: Desk) -> None:
    desk.book(f"{DAY}T10:00")
    desk.hold(f"{DAY}T10:00")
    desk.run("capacity", "make", "raipur")
    told, result = desk.json(*SHOW), computed(desk)
    assert (told["executives"], told["quotas_stored"], told["quotas_as_of_now"]) == (11, True, True)
    assert told["accepted"] == pytest.approx(result.accepted)
    assert [slot["capacity"] for slot in told["slots"]] == [result.quotas.total(slot) for slot in range(12)]
    ten = told["slots"][2]
    assert (ten["executives"], ten["promised"], ten["held"], ten["free"]) == (6, 1, 1, ten["capacity"] - 2)
    kit = ten["kits"][0]
    assert (kit["kit"], kit["capacity"]) == ("aadhaar_kit", result.quotas.most(2, 1))
    for number, slot in enumerate(told["slots"]):
        rows = [row for row in told["rows"] if row["slot"] == number]
        assert slot["slack"] == rows[-1]["slack"]
        assert len(slot["bound_by"]) == sum(row["slack"] < 1 for row in rows)
    one_more = [row for row in told["worth"] if row["change"].startswith("one more executive")]
    assert [row["change"][-11:] for row in one_more] == ["08:00-16:00", "12:00-20:00"]
    for row in told["worth"]:
        assert row["added"] == pytest.approx(sum(row["added_by_slot"]))
    assert told["refusals"] is None
    stated = told["stated"]
    known = on_store(desk, lambda store: capacity_of(store.catalogue, RAIPUR, 11, 1_800, 3_600))
    assert (stated["streams"], stated["served"], stated["wilson_low"]) == (
        known.streams,
        known.served,
        known.wilson_low,
    )


def test_people_read_it_in_two_short_tables(desk: Desk) -> None:
    desk.run("capacity", "make", "raipur")
    said = desk.run(*SHOW).stdout
    assert max(map(len, said.splitlines())) <= 105
    for words in (
        "Raipur, Thu 3 Dec 2026: 11 executives",
        "bound by",
        "working time for all: ",
        "all promises kept together on 99.90% of 2,000 simulated days, at least 99.64% by the Wilson bound",
        "simulated with the staff that the data assume",
        "promises more with one more of these",
        "aadhaar_kit for E",
        "│ day   │",
    ):
        assert words in said


def test_a_city_that_was_never_simulated_says_that_it_has_the_prior(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenarios.capacity.load_capacity", lambda *_: {})
    said = desk.run(*SHOW).stdout
    assert "by the prior; this city was never simulated" in said
    assert "simulated with" not in said
    assert desk.json(*SHOW)["stated"]["basis"] == "prior"


def test_quotas_that_were_never_computed_or_are_others_now_are_told_with_the_command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = f"mitaan capacity make raipur --store {desk.path}"
    assert f"no quotas were computed for this day: {at}" in desk.run(*SHOW).stdout
    assert desk.json(*SHOW)["quotas_stored"] is False
    desk.run("capacity", "make", "raipur")
    assert "mitaan capacity make" not in desk.run(*SHOW).stdout
    monkeypatch.setattr("scenarios.capacity.load_capacity", lambda *_: {})
    assert f"computed now the quotas would be others: {at}" in desk.run(*SHOW).stdout


def test_a_day_that_cannot_be_looked_into_is_told_with_its_code(desk: Desk) -> None:
    assert desk.faults("capacity", "show", "raipur", "2026-12-08") == {"no_roster"}
    assert desk.faults("capacity", "show", "raipur", "2027-01-26") == {"closed_day"}
    assert desk.faults("capacity", "show", "nowhere", "soon", "--streams", "0") == {
        "unknown_city",
        "bad_date",
        "out_of_range",
    }


# ------------------------------------------------------------------------------------------ files


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def test_the_files_have_what_was_told_and_the_same_seed_draws_the_same_map(desk: Desk, tmp_path: Path) -> None:
    desk.run("capacity", "make", "raipur")
    words = (*SHOW, "--streams", "3", "--out")
    result = desk.run(*words, str(tmp_path / "a"))
    assert "capacity.csv, worth.csv, capacity.html" in result.stdout
    assert "drawing days of requests" in result.stderr
    told = desk.json(*words, str(tmp_path / "b"))
    first = texts(tmp_path / "a")
    assert first == texts(tmp_path / "b")
    rows = list(csv.DictReader(StringIO(first["capacity.csv"])))
    assert len(rows) == 12 * 2
    assert [int(row["capacity"]) for row in rows if not row["kit"]] == [slot["capacity"] for slot in told["slots"]]
    worths = list(csv.DictReader(StringIO(first["worth.csv"])))
    assert [row["change"] for row in worths] == [row["change"] for row in told["worth"]]
    assert float(worths[0]["day"]) == pytest.approx(told["worth"][0]["added"], abs=1e-4)
    tree = ElementTree.fromstring(first["capacity.html"].removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  our own page
    assert [node.text for node in tree.iter("h2")] == ["Quotas", "Refusals"]
    assert [node.text for node in tree.iter("h1")] == ["Raipur: capacity; refusals of 3 days drawn as Thu 3 Dec 2026"]
    asked = sum(row["requests"] for row in told["refusals"])
    assert f"of {asked} wishes refused" in first["capacity.html"]
    desk.run(*words, str(tmp_path / "c"), "--seed", "9")
    other = texts(tmp_path / "c")
    assert other["capacity.html"] != first["capacity.html"]
    assert other["capacity.csv"] == first["capacity.csv"]


def test_ctrl_c_while_days_are_drawn_leaves_a_map_of_those_that_are_there(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def interrupted(day: Any, seed: int) -> Any:
        if len(drawn) == 2:
            raise KeyboardInterrupt
        drawn.append(seed)
        return draw(day, seed)

    monkeypatch.setattr(capacity, "draw", interrupted)
    said = desk.run(*SHOW, "--out", str(tmp_path / "out")).stderr
    assert "stopped; the map is of 2 of 50 days" in said
    assert "refusals of 2 days drawn" in texts(tmp_path / "out")["capacity.html"]
    assert drawn == [1, 2]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_drawn(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = desk.run(*SHOW, "--out", str(tmp_path / "file"), code=2)
    assert "Not a directory" in result.stderr
    assert "drawing" not in result.stderr


AFTER_SOLVERS = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background ignores Ctrl-C
import datetime as dt
from dataclasses import replace
from optimizer.capacity import quotas_of
from optimizer.roster import make_roster
from optimizer.roster.explain import clash
from optimizer.stop import StopAt
from scenarios.catalogue import load_catalogue
from scenarios.forecast import prior_demand
from scenarios.rostering import city_roster_problem, day_capacity, rosters_of
facts = load_catalogue()
city, date = facts.city("dhamtari"), dt.date(2026, 12, 7)
problem = city_roster_problem(facts, city, date, 7)
roster = make_roster(problem, StopAt(40)).roster
clash(replace(problem, staff=problem.staff[:1]), 5.0)
quotas_of(day_capacity(facts, city, prior_demand(facts, city, date, date), date, rosters_of(problem, roster)[date]))
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("stopped as asked")
"""


def test_ctrl_c_is_still_ours_after_solvers_have_run() -> None:
    done = subprocess.run([sys.executable, "-c", AFTER_SOLVERS], capture_output=True, text=True, check=False)
    assert done.stdout == "stopped as asked\n", done.stderr
