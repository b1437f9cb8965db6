"""The calendar at the terminal: built for cities up to their horizon, shown by slot with reasons; without a store."""

from __future__ import annotations

import csv
import datetime as dt
import signal
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from api.bookings_cli import calendar
from api.cli import app
from api.rostering.calendar import CityBuilt, build_calendar
from optimizer.roster import RosterProgress
from scenarios.catalogue import City
from tests.desks import HERE, INCOME, Desk, desk, rostered

__all__ = ["desk", "rostered"]

BUILD = ("calendar", "build", "--weeks", "2", "--iterations", "10")
DAY = "2026-12-03"


def slots_of(day: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {slot["slot"]["open"][11:16]: slot for slot in day["slots"]}


def shown(at: Desk, city: str, *words: str) -> dict[str, dict[str, Any]]:
    return {day["date"]: day for day in at.json("calendar", "show", city, *words)["days"]}


# ------------------------------------------------------------------------------------------ build


def test_cities_get_rosters_and_quotas_up_to_the_horizon_and_a_second_time_nothing_changes(desk: Desk) -> None:
    told = desk.json(*BUILD, "dhamtari", "durg", "dhamtari")["cities"]
    assert [each["city_id"] for each in told] == ["dhamtari", "durg"]
    for each in told:
        assert (each["first"], each["refused"], each["days"]) == ("2026-12-02", None, 15)
        assert each["last"] >= each["until"] == "2026-12-16"
        assert each["promises"] > 0
    days = shown(desk, "dhamtari", "--from", "2026-12-02", "--to", "2026-12-16")
    assert sum(slot["capacity"] for day in days.values() for slot in day["slots"]) == told[0]["promises"]
    again = desk.json(*BUILD, "dhamtari", "durg")["cities"]
    assert [(each["first"], each["number"], each["promises"]) for each in again] == [
        (None, None, each["promises"]) for each in told
    ]
    versions = {date: day["version"] for date, day in shown(desk, "durg").items()}
    desk.run(*BUILD, "durg")
    assert {date: day["version"] for date, day in shown(desk, "durg").items()} == versions


def test_without_a_name_all_cities_of_the_scheme_are_built(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def watched(store: Any, cities: Any, **_: Any) -> Iterator[CityBuilt]:
        for city in cities:
            asked.append(city.city_id)
            yield CityBuilt(city.city_id, dt.date(2026, 12, 15))

    monkeypatch.setattr(calendar, "build_calendar", watched)
    desk.run(*BUILD)
    assert len(asked) == len(set(asked)) == 14


def test_a_city_that_is_refused_is_told_and_the_others_are_built(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text("executive\nE01\nE02\n", encoding="utf-8")
    (tmp_path / "days.csv").write_text(
        "executive,from,to,kind,pattern\nE01,2026-12-02,2026-12-09,fixed,H08\n", encoding="utf-8"
    )
    files = (str(tmp_path / "staff.csv"), "--days", str(tmp_path / "days.csv"))
    desk.run("staff", "import", *files, "--city", "dhamtari")
    said = desk.run(*BUILD, "dhamtari", "durg", code=1).stdout
    assert "refused: dhamtari: no roster keeps the labour rules" in said
    assert "[infeasible]" in said
    told = desk.json(*BUILD, "dhamtari", "durg", code=1)
    assert [each["refused"] for each in told["cities"]] == ["infeasible", None]
    assert shown(desk, "durg", "--to", DAY)[DAY]["roster_number"] == 1
    assert shown(desk, "dhamtari", "--to", DAY)[DAY]["roster_number"] is None


def test_ctrl_c_gives_up_the_city_that_is_being_built_and_keeps_those_that_are_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*words: Any, on_progress: Any, **more: Any) -> Iterator[CityBuilt]:
        def tell(city: City, progress: RosterProgress) -> None:
            if city.city_id == "durg":
                signal.raise_signal(signal.SIGINT)
            on_progress(city, progress)

        return build_calendar(*words, on_progress=tell, **more)

    monkeypatch.setattr(calendar, "build_calendar", interrupted)
    before = signal.getsignal(signal.SIGINT)
    result = desk.run(*BUILD, "dhamtari", "durg", "risali", code=3)
    assert "stopped; 1 of 3 cities are done" in result.stderr
    assert "dhamtari" in result.stdout
    assert signal.getsignal(signal.SIGINT) is before
    assert [shown(desk, city, "--to", DAY)[DAY]["roster_number"] for city in ("dhamtari", "durg")] == [1, None]
    assert desk.json(*BUILD, "dhamtari", "durg", code=3)["stopped"]


def test_wrong_words_of_a_build_are_told_at_once_and_no_store_is_made(desk: Desk, tmp_path: Path) -> None:
    assert desk.faults("calendar", "build", "nowhere", "elsewhere", "--weeks", "0", "--by", "a b") == {
        "unknown_city",
        "out_of_range",
        "bad_id",
    }
    desk.path = tmp_path / "none.db"
    assert "[no_store]" in desk.run(*BUILD, code=2).stderr
    assert not desk.path.exists()


# ------------------------------------------------------------------------------------------- show


def test_every_slot_says_what_it_may_carry_carries_and_why_no_more_is_sold(desk: Desk) -> None:
    desk.book(f"{DAY}T10:00")
    desk.hold(f"{DAY}T10:00")
    desk.run("capacity", "make", "raipur")
    desk.run("day", "close", "raipur", "2026-12-04", "--because", "strike")
    desk.run("day", "close", "raipur", "2026-12-05", "--at", "08:00-10:00", "--reason", "A meeting.")
    desk.run("day", "sell", "raipur", DAY, "--stop", "19:00", "--quota", "10:00=2")
    days = shown(desk, "raipur")
    assert (min(days), max(days)) == ("2026-12-01", "2026-12-15")
    ten = slots_of(days[DAY])["10:00"]
    assert (ten["capacity"], ten["promised"], ten["held"], ten["free"]) == (2, 1, 1, 0)
    assert (ten["open"], ten["reason"], ten["quota"]) == (True, "quota_used_up", 2)
    eleven = slots_of(days[DAY])["11:00"]
    assert (eleven["capacity"], eleven["free"], eleven["reason"]) == (6, 6, None)
    assert slots_of(days[DAY])["19:00"]["reason"] == "stop_sale"
    assert (days["2026-12-04"]["closed_because"], slots_of(days["2026-12-04"])["10:00"]["reason"]) == (
        "strike",
        "closed_day",
    )
    assert {slot["reason"] for slot in days["2026-12-05"]["slots"]} == {"closed_slot", None}
    assert {slot["reason"] for slot in days["2026-12-08"]["slots"]} == {"no_roster"}
    desk.now += dt.timedelta(days=1)
    assert {slot["reason"] for slot in shown(desk, "raipur")["2026-12-02"]["slots"]} == {"past", "inside_lead_time"}
    assert [row["kind"] for row in days["2026-12-05"]["restrictions"]] == ["closure"]


def test_the_table_is_narrow_and_has_a_legend(desk: Desk) -> None:
    desk.book(f"{DAY}T10:00")
    desk.run("day", "close", "raipur", "2026-12-04", "--because", "strike")
    desk.run("day", "close", "raipur", "2026-12-05", "--at", "08:00-10:00", "--reason", "A meeting.")
    said = desk.run("calendar", "show", "raipur").stdout
    assert max(len(line) for line in said.splitlines() if "│" in line) <= 100
    for words in (
        "Raipur: calendar, 2026-12-01 to 2026-12-15",
        " 1/6 ",
        "c  the service is closed on this day [closed_day]",
        "x  the service is closed at this time [closed_slot]",
        ".  nobody works on this day yet [no_roster]",
        "Fri 4 Dec: closed (strike)",
        "Sat 5 Dec 08:00-10:00: closed (A meeting.)",
        f"days without a roster: mitaan calendar build raipur --store {desk.path}",
    ):
        assert words in said


def test_half_hours_are_shown_with_their_minutes_in_as_many_columns_as_it_takes(desk: Desk) -> None:
    desk.run("rules", "durg", "--slot-minutes", "30")
    desk.run("roster", "pattern", "durg", "--from", "2026-12-02", "--to", DAY)
    said = desk.run("calendar", "show", "durg", "--from", "2026-12-02", "--to", DAY).stdout
    assert "08:30" in said
    assert len(slots_of(shown(desk, "durg", "--from", DAY, "--to", DAY)[DAY])) == 24


def test_the_calendar_is_written_as_a_table_and_a_page(desk: Desk, tmp_path: Path) -> None:
    desk.book(f"{DAY}T10:00")
    desk.run("capacity", "make", "raipur")
    out = tmp_path / "out"
    assert "written to" in desk.run("calendar", "show", "raipur", "--out", str(out)).stdout
    rows = list(csv.DictReader(StringIO((out / "calendar.csv").read_text("utf-8"))))
    assert len({row["date"] for row in rows}) == 15
    (ten,) = [row for row in rows if (row["date"], row["slot"], row["kit"]) == (DAY, "10:00", "")]
    assert (ten["open"], ten["reason"], ten["capacity"], ten["promised"]) == ("yes", "", "6", "1")
    kits = [row for row in rows if (row["date"], row["slot"], row["kit"]) == (DAY, "10:00", "aadhaar_kit")]
    assert [row["executives"] for row in kits] == ["2"]
    page = (out / "calendar.html").read_text("utf-8")
    tree = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  our own page
    assert [node.text for node in tree.iter("h3")] == ["All promises", "Promises that need aadhaar_kit"]


def test_days_with_other_slots_are_left_off_the_page_and_told(desk: Desk, tmp_path: Path) -> None:
    desk.run("roster", "pattern", "durg", "--from", "2026-12-02", "--to", "2026-12-02")
    desk.run("rules", "durg", "--slot-minutes", "30")
    words = ("calendar", "show", "durg", "--from", "2026-12-02", "--to", "2026-12-05", "--out", str(tmp_path / "out"))
    assert "not on the page, their slots are others: 2026-12-02" in desk.run(*words).stderr


def test_wrong_words_of_what_is_to_be_shown_are_told_at_once(desk: Desk, tmp_path: Path) -> None:
    assert desk.faults("calendar", "show", "nowhere", "--from", "soon") == {"unknown_city"}
    assert desk.faults("calendar", "show", "raipur", "--from", "soon") == {"bad_date"}
    assert desk.faults("calendar", "show", "raipur", "--from", DAY, "--to", "2026-12-02") == {"bad_range"}
    assert desk.faults("calendar", "show", "raipur", "--to", "2028-12-02") == {"bad_range"}
    assert desk.faults("calendar", "show", "raipur", "--slot-minutes", "30") == {"not_used"}
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert desk.faults("calendar", "show", "raipur", "--out", str(tmp_path / "file")) == {"file"}


# ------------------------------------------------------------------------------- without a store


def test_without_a_store_the_calendar_is_that_of_the_scheme() -> None:
    said = CliRunner().invoke(app, ["calendar", "show", "raipur", "--from", "2026-08-14", "--to", "2026-08-15"])
    assert said.exit_code == 0
    assert "calendar of the scheme" in said.stdout
    assert "closed every year" in said.stdout
    refused = CliRunner().invoke(app, ["calendar", "show", "raipur", "--out", "out"])
    assert refused.exit_code == 2
    assert "only with a store [not_used]" in refused.stderr


def test_holds_of_a_citizen_are_seen_in_the_table(desk: Desk) -> None:
    desk.json("hold", "raipur", *INCOME, "--slot", f"{DAY}T12:00", *HERE)
    assert slots_of(shown(desk, "raipur")[DAY])["12:00"]["held"] == 1
    line = next(row for row in desk.run("calendar", "show", "raipur").stdout.splitlines() if "Thu 3 Dec" in row)
    assert line.split("│")[-3].strip() == "1"
