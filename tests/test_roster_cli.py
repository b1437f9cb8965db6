"""Staff and rosters at the terminal: drafts made, compared, published, shown; somebody is off; faults and refusals."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
import signal
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from api.bookings_cli import given, rosters, rosters_shown
from api.bookings_cli.rosters_told import tell_why
from api.jobs import RosterAsked, ask_roster
from api.rostering.drafts import Document, make_draft
from api.rostering.publish import publish_draft
from api.store import Database
from api.store.store import Store
from optimizer.domain import Limits
from optimizer.roster import RosterProgress, RosterRule
from scenarios.catalogue import load_catalogue
from scenarios.rosters import read_roster
from scenarios.staff import read_staff
from tests.desks import NOW, Desk, desk, on_store, rostered

__all__ = ["desk", "rostered"]

FACTS = load_catalogue()
DHAMTARI = FACTS.city("dhamtari")
FIRST, LAST = "2026-12-02", "2026-12-08"
MAKE = ("roster", "make", "dhamtari", "--from", FIRST, "--weeks", "1", "--iterations", "20")
HOME = ("--service", "income", "--at", "81.5497,20.7035")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which Dhamtari has a roster of a week, published."""
    path = tmp_path_factory.mktemp("published") / "store.db"
    Database.create(path, clock=lambda: NOW).close()
    made = Desk(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(given, "open_database", made.open)
        made.run("roster", "publish", made.json(*MAKE)["draft"])
    return path


@pytest.fixture
def room(published: Path, desk: Desk) -> Desk:
    """A planner's desk on that store."""
    shutil.copy(published, desk.path)
    return desk


def book(at: Desk, slot: str, service: str = "income") -> str:
    (booking,) = at.json("book", "dhamtari", "--service", service, "--slot", slot, *HOME[2:])["bookings"]
    return str(booking["id"])


def teams(at: Desk, *words: str) -> dict[str, dict[str, str]]:
    """Who works when by date, as `roster show` says it."""
    found = at.json("roster", "show", "dhamtari", *words)["rosters"]
    return {
        day["date"]: {e["id"]: f"{e['shift']['open'][11:16]}-{e['shift']['close'][11:16]}" for e in day["executives"]}
        for day in found
    }


# ------------------------------------------------------------------------------------------ staff


def staff_files(folder: Path, rows: str = "E01,H08\nE02,\n", days: str = "") -> tuple[str, str]:
    (folder / "staff.csv").write_text(f"executive,patterns\n{rows}", encoding="utf-8")
    (folder / "days.csv").write_text(f"executive,from,to,kind,pattern\n{days}", encoding="utf-8")
    return str(folder / "staff.csv"), str(folder / "days.csv")


def test_before_anybody_has_told_it_the_staff_is_that_of_the_data_and_says_so(desk: Desk) -> None:
    told = desk.json("staff", "show", "dhamtari")
    assert (told["version"], told["assumed"], len(told["staff"]["executives"])) == (0, True, 5)
    assert "ASSUMPTION" in desk.run("staff", "show", "dhamtari").stdout


def test_the_staff_is_imported_shown_written_and_read_back(desk: Desk, tmp_path: Path) -> None:
    staff, days = staff_files(tmp_path, days="E02,2026-12-03,2026-12-04,leave,\nE01,2026-12-07,,fixed,H08\n")
    told = desk.json("staff", "import", staff, "--days", days, "--city", "dhamtari", "--by", "ops")
    assert told == {
        "city": "dhamtari",
        "version": 1,
        "executives": 2,
        "leave_days": 2,
        "settled_days": 1,
        "requests": 0,
        "on_rosters_only": [],
        "on_shift": {},
        "days_gone": 0,
    }
    said = desk.run("staff", "show", "dhamtari", "--out", str(tmp_path / "out")).stdout
    assert "leave Thu 3 Dec to Fri 4 Dec" in said
    assert "fixed H08 Mon 7 Dec" in said
    assert "version 1" in said
    out = tmp_path / "out"
    again = read_staff(out / "staff.csv", out / "staff_days.csv", FACTS, DHAMTARI)
    assert again == read_staff(staff, days, FACTS, DHAMTARI)
    last = desk.run("staff", "import", staff, "--city", "dhamtari").stdout
    assert "next: mitaan roster make dhamtari" in last
    assert "gone: 3 days of leave, settled or asked for" in last
    assert desk.json("staff", "show", "dhamtari")["version"] == 2


def test_requests_that_are_not_granted_are_told_and_marked(desk: Desk, tmp_path: Path) -> None:
    """One asks for a shift on a day that is settled otherwise, the other for a day off."""
    staff, days = staff_files(
        tmp_path,
        "E01,\nE02,\n",
        "E01,2026-12-08,,fixed,H08\nE01,2026-12-08,,request,H12\nE02,2026-12-09,,request,\n",
    )
    desk.json("staff", "import", staff, "--days", days, "--city", "dhamtari")
    make = ["roster", "make", "dhamtari", "--from", "2026-12-07", "--weeks", "1", "--iterations", "40"]
    out, marked = tmp_path / "made", "E01, Tue 8 Dec 2026: H08, 08:00\u201316:00; would have liked H12"
    told = desk.json(*make, "--out", str(out), code=1)
    refused = {"executive": "E01", "date": "2026-12-08", "wanted": "H12", "works": "H08", "reason": "settled"}
    assert (told["requests"], refused in told["requests_refused"]) == (2, True)
    assert {r["executive"] for r in told["requests_refused"]} <= {"E01", "E02"}
    said = desk.run(*make, code=1).stdout
    assert f"requests granted: {2 - len(told['requests_refused'])} of 2; not granted:" in said
    assert "E01 on Tue 8 Dec: wanted H12, has H08: another shift or a day off is settled [settled]" in said
    assert marked in (out / "roster.html").read_text(encoding="utf-8")
    desk.json("roster", "publish", told["draft"], "--force")
    desk.json("roster", "show", "dhamtari", "--from", "2026-12-07", "--to", "2026-12-13", "--out", str(out))
    assert marked in (out / "roster.html").read_text(encoding="utf-8")


def test_all_that_is_wrong_with_a_staff_is_told_and_the_old_one_stays(desk: Desk, tmp_path: Path) -> None:
    staff, days = staff_files(tmp_path, "E01,H99\nE01,\n", "E07,2026-12-03,2026-12-01,leave,\n")
    found = desk.faults("staff", "import", staff, "--days", days, "--city", "dhamtari", "--by", "Ram Kumar")
    assert found >= {"unknown_pattern", "duplicate_id", "bad_range", "bad_id"}
    assert desk.faults("staff", "import", "none.csv", "--city", "nowhere") == {"unknown_city"}
    assert desk.faults("staff", "import", "none.csv", "--city", "dhamtari") == {"no_such_file"}
    assert desk.json("staff", "show", "dhamtari")["version"] == 0


def test_importing_a_staff_makes_a_store_and_names_those_who_are_on_rosters_only(room: Desk, tmp_path: Path) -> None:
    staff, _ = staff_files(tmp_path)
    assert room.json("staff", "import", staff, "--city", "dhamtari")["on_rosters_only"] == ["E03", "E04", "E05"]
    assert "not of this staff: E03, E04, E05" in room.run("staff", "import", staff, "--city", "dhamtari").stdout
    room.path = tmp_path / "new.db"
    assert room.json("staff", "import", staff, "--city", "dhamtari")["version"] == 1


def test_leave_is_added_and_published_rosters_stay_as_they_are(room: Desk) -> None:
    before = teams(room, "--from", FIRST, "--to", LAST)
    on = next(date for date, team in before.items() if "E02" in team)
    told = room.json("staff", "leave", "dhamtari", "E02", FIRST, LAST)
    assert told["version"] == 1
    assert told["leave"] == sorted(before)
    assert told["on_shift"] == [date for date, team in before.items() if "E02" in team]
    assert teams(room, "--from", FIRST, "--to", LAST) == before
    said = room.run("staff", "leave", "dhamtari", "E02", on).stdout
    assert f"next: mitaan roster off dhamtari E02 {on} {on} --store {room.path}" in said
    later = room.run("staff", "leave", "dhamtari", "E03", "2027-03-01", "2027-03-02").stdout
    assert "next: mitaan roster make dhamtari" in later
    leave = [row for row in room.json("staff", "show", "dhamtari")["staff"]["days"] if row["kind"] == "leave"]
    assert [(row["executive"], row["from"], row["to"]) for row in leave] == [
        ("E02", FIRST, LAST),
        ("E03", "2027-03-01", "2027-03-02"),
    ]


def test_importing_leave_of_days_on_which_somebody_is_on_shift_says_so(room: Desk, tmp_path: Path) -> None:
    on = [date for date, team in teams(room, "--from", FIRST, "--to", LAST).items() if "E02" in team]
    staff, days = staff_files(tmp_path, days=f"E02,{FIRST},{LAST},leave,\n")
    words = ("staff", "import", staff, "--days", days, "--city", "dhamtari")
    assert room.json(*words)["on_shift"] == {"E02": on}
    said = room.run(*words).stdout
    assert "published rosters have not changed: E02 is on shift on " in said
    assert f"next: mitaan roster off dhamtari E02 {on[0]} {on[-1]} --store {room.path}" in said


def test_leave_drops_what_was_settled_for_its_days(desk: Desk, tmp_path: Path) -> None:
    staff, days = staff_files(tmp_path, days="E01,2026-12-07,2026-12-08,fixed,H08\n")
    desk.run("staff", "import", staff, "--days", days, "--city", "dhamtari")
    assert desk.json("staff", "leave", "dhamtari", "E01", "2026-12-08")["dropped"] == ["2026-12-08"]
    assert "dropped: Mon 7 Dec" in desk.run("staff", "leave", "dhamtari", "E01", "2026-12-07").stdout


def test_leave_of_nobody_or_never_is_told_with_its_codes(desk: Desk) -> None:
    assert desk.faults("staff", "leave", "dhamtari", "E09", FIRST) == {"unknown_executive"}
    assert desk.faults("staff", "leave", "nowhere", "E01", "soon") == {"unknown_city", "bad_date"}
    assert desk.faults("staff", "leave", "dhamtari", "E01", LAST, FIRST) == {"bad_range"}
    assert desk.faults("staff", "leave", "dhamtari", "E01", FIRST, "2028-01-01") == {"bad_range"}
    assert desk.json("staff", "show", "dhamtari")["version"] == 0


# ------------------------------------------------------------------------------------------- made


def test_a_roster_is_made_of_the_store_kept_compared_published_and_sold_from(desk: Desk) -> None:
    made = desk.json(*MAKE)
    assert (made["made_of"], made["trial"], made["staff_version"], made["days"]) == ("store", False, 0, 7)
    assert desk.json("roster", "list", "dhamtari")["published"] == []
    told = desk.json("roster", "diff", made["draft"])
    assert [day["date"] for day in told["days"]] == [f"2026-12-{day:02d}" for day in range(2, 9)]
    assert (told["at_risk"], told["days"][0]["promises"]) == ([], 0)
    done = desk.json("roster", "publish", made["draft"], "--by", "ops")
    assert (done["number"], done["first"], done["last"], done["at_risk"]) == (1, FIRST, LAST, [])
    worked = {date for row in made["executives"].values() for date, pattern in row.items() if pattern}
    assert set(done["days"]) == worked
    shown = teams(desk, "--from", FIRST, "--to", LAST)
    assert {date: set(team) for date, team in shown.items()} == {
        date: {key for key, row in made["executives"].items() if row[date]} for date in worked
    }
    (draft,) = desk.json("roster", "list", "dhamtari")["drafts"]
    assert (draft["draft"], draft["published_as"], draft["alternatives"]) == (made["draft"], 1, ["made"])
    (version,) = desk.json("roster", "list", "dhamtari")["published"]
    assert (version["number"], version["published_by"], version["draft"]) == (1, "ops", made["draft"])
    assert book(desk, "2026-12-03T12:00")
    assert desk.kept() == 1


def test_people_are_told_the_roster_what_is_missing_and_what_to_do_next(desk: Desk, tmp_path: Path) -> None:
    said = desk.run(*MAKE, "--out", str(tmp_path / "made"))
    for words in (
        "Dhamtari: roster, 2026-12-02 to 2026-12-08",
        "where most executives are missing",
        "staff as the data assume it (ASSUMPTION), past bookings, closed days and rosters of the store",
        "kept as draft R",
        "  mitaan roster diff R",
        "  mitaan roster publish R",
        "roster.csv, cover.csv, roster.html",
    ):
        assert words in said.stdout
    assert "making the roster" in said.stderr
    assert max(map(len, said.stdout.splitlines()[:20])) <= 100
    assert {p.name for p in (tmp_path / "made").iterdir()} == {"roster.csv", "cover.csv", "roster.html"}
    draft = desk.json("roster", "list", "dhamtari")["drafts"][0]["draft"]
    assert "5 executives" in desk.run("roster", "diff", draft).stdout
    assert "roster 1 published" in desk.run("roster", "publish", draft).stdout
    listed = desk.run("roster", "list", "dhamtari").stdout
    assert draft in listed
    assert "1 published" in listed


def test_leave_of_the_staff_and_days_that_are_closed_are_kept(desk: Desk) -> None:
    desk.run("staff", "leave", "dhamtari", "E03", "2026-12-04", "2026-12-06")
    desk.run("day", "close", "dhamtari", "2026-12-05", "--because", "strike")
    made = desk.json(*MAKE)
    assert made["staff_version"] == 1
    assert made["closed"] == {"2026-12-05": "strike"}
    assert {made["executives"]["E03"][f"2026-12-{day:02d}"] for day in (4, 5, 6)} == {None}
    assert {row["2026-12-05"] for row in made["executives"].values()} == {None}
    assert "staff at version 1" in desk.run(*MAKE).stdout


def test_a_trial_is_made_and_not_kept(desk: Desk, tmp_path: Path) -> None:
    ids = [f"A{number}" for number in range(7)]
    staff, days = staff_files(tmp_path, "".join(f"{key},\n" for key in ids), "A1,2026-12-02,2026-12-08,leave,\n")
    told = desk.json(*MAKE, "--staff", staff, "--days", days)
    assert (told["trial"], told["draft"], sorted(told["executives"])) == (True, None, ids)
    assert set(told["executives"]["A1"].values()) == {None}
    assert sorted(desk.json(*MAKE, "--executives", "6")["executives"]) == [f"E0{number}" for number in range(1, 7)]
    assert "a trial, not kept" in desk.run(*MAKE, "--executives", "6").stdout
    assert desk.json("roster", "list", "dhamtari")["drafts"] == []
    both = ("--staff", staff, "--executives", "3", "--by", "Ram Kumar")
    assert desk.faults(*MAKE, *both) == {"one_staff", "bad_id"}
    assert desk.faults(*MAKE, "--days", days) == {"not_used"}
    assert desk.faults(*MAKE, "--staff", "none.csv", "--weeks", "9") == {"no_such_file", "out_of_range"}


def test_below_minimum_cover_it_is_said_why_in_sentences(desk: Desk, tmp_path: Path) -> None:
    staff, days = staff_files(tmp_path, "A1,\nA2,\n", "A1,2026-12-02,2026-12-08,leave,\nA2,2026-12-04,,leave,\n")
    words = (*MAKE, "--staff", staff, "--days", days)
    said = desk.run(*words, code=1).stdout
    assert "minimum cover is not kept:" in said
    assert "Fri 4 Dec 08:00 to 19:00: 0 executives could be on shift, 1 must be (on leave: A1, A2)" in said
    assert "[respect_leave]" in said
    why = desk.json(*words, code=1)["why"]
    assert {row["date"] for row in why["counted"] if row["rule"] == "minimum_cover"} == {"2026-12-04"}
    assert why["proven"]


def test_minimum_cover_that_only_took_too_long_is_said_to_be_possible(capsys: pytest.CaptureFixture[str]) -> None:
    tell_why({"counted": [], "to_give_up": [], "clash": [], "proven": True})
    assert "with more time, or more iterations" in capsys.readouterr().out


def test_where_no_roster_keeps_the_rules_they_are_named_and_nothing_is_kept(desk: Desk, tmp_path: Path) -> None:
    everybody = "".join(f"E{number:02d},\n" for number in range(1, 6))
    staff, days = staff_files(tmp_path, everybody, "E01,2026-12-02,2026-12-08,fixed,H08\n")
    desk.run("staff", "import", staff, "--days", days, "--city", "dhamtari")
    said = desk.run(*MAKE, "--out", str(tmp_path / "out"), code=1)
    assert "no roster keeps the labour rules, leave and settled days [no_roster_made]" in said.stdout
    assert "max run of days of E01 [max_run_of_days]" in said.stdout
    assert "[fixed_day]" in said.stdout
    told = desk.json(*MAKE, code=1)
    assert (told["status"], told["draft"], told["executives"]) == ("infeasible", None, {})
    assert desk.json("roster", "list", "dhamtari")["drafts"] == []
    assert "no roster was made or published yet" in desk.run("roster", "list", "dhamtari").stdout
    assert not (tmp_path / "out").exists()


def test_every_rule_that_can_be_given_up_has_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    rules = [rule for rule in RosterRule if rule in {*_GIVEN_UP}]
    given_up = [
        {"rule": rule.value, "executive_id": "E01", "date": FIRST, "amount": number, "price": 1}
        for number, rule in enumerate(rules, 1)
    ]
    clash = [{"rule": "max_closing_shifts", "subject": f"E{number:02d}"} for number in range(12)]
    late: dict[str, Any] = {"date": "2026-11-30", "slot": None, "most": 1, "least": 3, "on_leave": []}
    counted = [
        {"rule": "max_closing_shifts", "need": "any", **late},
        {"rule": "weekly_day_off", "need": "aadhaar_kit", **late},
    ]
    tell_why({"counted": counted, "to_give_up": given_up, "clash": clash, "proven": False})
    said = capsys.readouterr().out
    assert all(f"[{rule.value}]" in said for rule in rules)
    assert "week of Mon 30 Nov: executives can work 1 closing shifts, 3 are needed" in said
    assert "week of Mon 30 Nov: executives with aadhaar_kit can work 1 shifts, 3 are needed" in said
    assert "and 2 more" in said
    assert "was not proven in time" in said


_GIVEN_UP = (
    RosterRule.RESPECT_LEAVE,
    RosterRule.FIXED_DAY,
    RosterRule.MAX_CLOSING_SHIFTS,
    RosterRule.WEEKLY_DAY_OFF,
    RosterRule.MAX_RUN_OF_DAYS,
    RosterRule.MAX_WEEK_HOURS,
    RosterRule.CONTRACT_HOURS,
)


def test_ctrl_c_keeps_the_best_roster_so_far(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_draft

    def interrupted(*words: Any, on_progress: Any, **more: Any) -> Document:
        def tell(progress: RosterProgress) -> None:
            if progress.step == "greedy":
                signal.raise_signal(signal.SIGINT)
            on_progress(progress)

        return made(*words, on_progress=tell, **more)

    monkeypatch.setattr(rosters, "make_draft", interrupted)
    before = signal.getsignal(signal.SIGINT)
    told = desk.json(*MAKE[:-2], "--time-limit", "60")
    assert told["draft"]
    assert signal.getsignal(signal.SIGINT) is before


def test_stopped_before_there_is_a_roster_nothing_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_draft

    def nothing(*words: Any, **more: Any) -> Document:
        return {**made(*words, **more), "status": "unknown", "alternatives": []}

    monkeypatch.setattr(rosters, "make_draft", nothing)
    assert "stopped before there was a roster" in desk.run(*MAKE, code=3).stderr
    assert desk.json("roster", "list", "dhamtari")["drafts"] == []


def test_where_too_many_jobs_are_open_a_draft_is_refused_with_its_code(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.jobs.table.MOST_OPEN", 0)
    assert desk.refused(*MAKE)["code"] == "too_many_jobs"


def test_a_store_that_is_named_and_missing_is_told_not_replaced_by_the_data(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "none.db"
    assert "[no_store]" in desk.run(*MAKE, code=2).stderr
    assert not desk.path.exists()


# ------------------------------------------------------------------------------- diff and publish


def test_what_is_no_draft_any_more_is_refused_with_its_code(room: Desk) -> None:
    assert room.refused("roster", "diff", "R0000")["code"] == "unknown_job"
    assert room.refused("roster", "publish", "R0000")["code"] == "unknown_job"
    (old,) = room.json("roster", "list", "dhamtari")["drafts"]
    for verb in ("diff", "publish"):
        assert room.refused("roster", verb, old["draft"])["code"] == "already_published"
    assert "it is roster 1 of dhamtari [already_published]" in room.run("roster", "diff", old["draft"], code=1).stdout

    def ask(store: Store) -> str:
        asked = RosterAsked(dt.date(2026, 12, 9), 1, {})
        return ask_roster(store, DHAMTARI, asked, Limits(1.0), "desk").job_id

    waiting = on_store(room, ask)
    assert room.refused("roster", "diff", waiting)["code"] == "still_running"
    assert room.refused("roster", "publish", waiting)["job"] == waiting
    assert "queued" in room.run("roster", "list", "dhamtari").stdout
    assert room.faults("roster", "list", "nowhere", "--limit", "0") == {"unknown_city", "out_of_range"}
    assert room.faults("roster", "publish", old["draft"], "--by", "Ram Kumar") == {"bad_id"}


def test_who_publishes_at_the_same_moment_is_told_that_it_is_published(
    room: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = room.json("roster", "make", "dhamtari", "--from", "2026-12-14", "--weeks", "1", "--iterations", "20")[
        "draft"
    ]
    calls = count()

    def late(*given: Any, **others: Any) -> Any:
        if next(calls) == 0:  # somebody else is faster
            publish_draft(*given, **others)
        return publish_draft(*given, **others)

    monkeypatch.setattr("api.jobs.rosters.publish_draft", late)
    assert room.refused("roster", "publish", draft)["code"] == "already_published"
    assert len(room.json("roster", "list", "dhamtari")["published"]) == 1 + 1  # the room has one


def test_a_draft_is_refused_by_the_days_that_have_changed_since(room: Desk) -> None:
    made = room.json("roster", "make", "dhamtari", "--from", FIRST, "--weeks", "1", "--iterations", "20", "--seed", "2")
    room.run("roster", "pattern", "dhamtari", "--from", "2026-12-03", "--to", "2026-12-04")
    told = room.json("roster", "diff", made["draft"])
    outdated = ["2026-12-03", "2026-12-04"]
    assert [day["date"] for day in told["days"] if day["refused"] == "roster_outdated"] == outdated
    assert "roster_outdated" in room.run("roster", "diff", made["draft"]).stdout
    refused = room.refused("roster", "publish", made["draft"], "--force")
    assert refused["code"] == "roster_outdated"
    assert [day["date"] for day in refused["days"]] == outdated
    said = room.run("roster", "publish", made["draft"], code=1).stdout
    assert "refused by 2 days; nothing was published [roster_outdated]" in said
    assert "2026-12-04: the roster of this day has changed since it was made [roster_outdated]" in said
    assert [version["number"] for version in room.json("roster", "list", "dhamtari")["published"]] == [1]


def test_a_roster_that_breaks_promises_is_refused_by_date_and_forced_marks_them(room: Desk, tmp_path: Path) -> None:
    late = book(room, "2026-12-03T19:00")
    staff, _ = staff_files(tmp_path, "E01,H08\nE02,H08\nE03,H08\n")
    room.run("staff", "import", staff, "--city", "dhamtari")
    made = room.json(*MAKE, code=1)
    (risky,) = room.json("roster", "diff", made["draft"])["days"][1]["at_risk"]
    assert (risky["booking"], risky["slot"], risky["executives"]) == (late, "19:00", [])
    assert risky["slots"]
    assert late in room.run("roster", "diff", made["draft"]).stdout
    refused = room.refused("roster", "publish", made["draft"])
    assert [(day["date"], day["bookings"]) for day in refused["days"]] == [("2026-12-03", [late])]
    assert "with --force they are at risk" in room.run("roster", "publish", made["draft"], code=1).stdout
    assert room.kept() == 1
    done = room.run("roster", "publish", made["draft"], "--force").stdout
    assert f"at risk: {late}" in done
    assert room.kept() == 0


def test_promises_at_risk_are_kept_again_by_a_roster_with_room_for_them(room: Desk) -> None:
    booking = book(room, "2026-12-03T10:00")
    room.run("day", "close", "dhamtari", "2026-12-03", "--because", "flood", "--force")
    room.run("day", "open", "dhamtari", "2026-12-03")
    assert room.kept() == 1
    made = room.json(*MAKE, "--seed", "3")
    told = room.json("roster", "publish", made["draft"])
    assert (told["number"], told["at_risk"]) == (2, [])
    assert room.status(booking) == "booked"


# -------------------------------------------------------------------------------------------- off


def test_somebody_is_off_and_the_alternatives_stand_side_by_side(room: Desk) -> None:
    team = teams(room, "2026-12-03")["2026-12-03"]
    who = next(key for key in team if key != "E01")
    told = room.json("roster", "off", "dhamtari", who, "2026-12-03", "--iterations", "20")
    names = [each["name"] for each in told["alternatives"]]
    assert names == ["gaps_left", "few_changes", "very_few_changes"]
    gaps, few, very_few = told["alternatives"]
    assert (gaps["changes"], gaps["people"]) == (0, 0)
    assert few["uncovered"] <= gaps["uncovered"]
    assert very_few["changes"] <= few["changes"]
    assert (told["dates"], told["without_roster"]) == (["2026-12-03"], [])
    said = room.run("roster", "off", "dhamtari", who, "2026-12-03", "--iterations", "20").stdout
    assert all(name in said for name in names)
    assert f"mitaan roster publish R{said.partition('draft R')[2][:20]} --alternative very_few_changes" in said
    assert teams(room, "2026-12-03")["2026-12-03"] == team
    sides = room.json("roster", "diff", told["draft"])["alternatives"]
    assert [side["name"] for side in sides] == names
    assert "few_changes" in room.run("roster", "diff", told["draft"]).stdout
    day = room.json("roster", "diff", told["draft"], "--alternative", "gaps_left")["days"][0]
    assert [each["executive"] for each in day["removed"]] == [who]
    assert room.faults("roster", "diff", told["draft"], "--alternative", "best") == {"unknown_alternative"}
    assert room.faults("roster", "publish", told["draft"]) == {"unknown_alternative"}
    made = room.json("roster", "publish", told["draft"], "--alternative", "gaps_left")
    version = room.json("roster", "list", "dhamtari")["published"][0]
    keys = ("number", "first", "last")
    assert [made[key] for key in keys] == [version[key] for key in keys]
    assert who not in teams(room, "2026-12-03")["2026-12-03"]
    leave = room.json("staff", "show", "dhamtari")["staff"]["days"]
    assert [(row["executive"], row["from"], row["kind"]) for row in leave] == [(who, "2026-12-03", "leave")]
    assert "off" in room.run("roster", "list", "dhamtari").stdout


def test_promises_of_whoever_is_off_are_told_with_what_would_save_them(room: Desk) -> None:
    kit = book(room, "2026-12-03T10:00", "aadhaar_mobile_update")
    told = room.json("roster", "off", "dhamtari", "E01", "2026-12-03", "--iterations", "20")
    for each in told["alternatives"]:
        (risk,) = each["at_risk"]
        assert (risk["date"], risk["booking"], risk["slot"]) == ("2026-12-03", kit, "10:00")
        assert (risk["executives"], risk["slots"]) == ([], [])  # nobody else holds the kit
    said = room.run("roster", "off", "dhamtari", "E01", "2026-12-03", "--iterations", "20").stdout
    assert "promises at risk, and what would save each" in said


def test_somebody_who_is_not_on_shift_is_told_to_be_that(room: Desk) -> None:
    date, team = next((d, t) for d, t in teams(room, "--from", FIRST, "--to", LAST).items() if len(t) < 5)
    free = next(f"E0{number}" for number in range(1, 6) if f"E0{number}" not in team)
    said = room.run("roster", "off", "dhamtari", free, date, "--iterations", "5").stdout
    assert f"{free} is not on shift then: what is published is the leave" in said


def test_days_without_a_roster_are_told_as_leave_to_come(room: Desk) -> None:
    told = room.json("roster", "off", "dhamtari", "E02", "2026-12-08", "2026-12-10", "--iterations", "5")
    assert (told["dates"], told["without_roster"]) == (["2026-12-08"], ["2026-12-09", "2026-12-10"])
    said = room.run("roster", "off", "dhamtari", "E02", "2026-12-08", "2026-12-10", "--iterations", "5").stdout
    assert "  mitaan staff leave dhamtari E02 2026-12-09 2026-12-10 --store" in said


def test_nobody_who_is_not_there_is_off_and_no_day_without_a_roster(room: Desk, tmp_path: Path) -> None:
    off = ("roster", "off", "dhamtari")
    assert room.faults(*off, "E09", "2026-11-30") == {"unknown_executive", "day_past"}
    assert room.faults(*off, "E02", "2026-12-20", "2026-12-21") == {"no_roster"}
    assert room.faults("roster", "off", "nowhere", "E02", "soon", "--by", "a b") == {
        "unknown_city",
        "bad_date",
        "bad_id",
    }
    own = tmp_path / "own.csv"
    own.write_text("date,executive,shift_open,shift_close\n2026-12-15,E02,09:30,15:00\n", encoding="utf-8")
    room.run("roster", "import", str(own), "--city", "dhamtari")
    assert room.json(*off, "E02", "2026-12-15")["alternatives"][0]["changes"] == 0
    pointers = [f["pointer"] for f in room.json(*off, "E09", "2026-11-30", code=2)["errors"]]
    assert pointers == ["/executive", "/from"]
    assert len(room.json("roster", "list", "dhamtari")["drafts"]) == 2


def test_stopped_while_promises_are_judged_the_draft_is_kept(room: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Document:
        raise KeyboardInterrupt

    monkeypatch.setattr(rosters, "difference", interrupted)
    said = room.run("roster", "off", "dhamtari", "E02", "2026-12-03", "--iterations", "5", code=3).stderr
    (draft,) = [row for row in room.json("roster", "list", "dhamtari")["drafts"] if row["published_as"] is None]
    assert f"stopped; the draft is kept: mitaan roster diff {draft['draft']} --store {room.path}" in said


def test_stopped_after_it_is_published_a_roster_says_so(room: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    made = room.json(*MAKE, "--seed", "3")
    monkeypatch.setattr(rosters, "recover_days", interrupted)
    said = room.run("roster", "publish", made["draft"])
    assert "the roster is published" in said.stderr
    assert "roster 2 published" in said.stdout


# ------------------------------------------------------------------------------------------- show


def test_the_rosters_of_days_are_shown_written_and_read_back(room: Desk, tmp_path: Path) -> None:
    out = tmp_path / "shown"
    said = room.run("roster", "show", "dhamtari", "--out", str(out)).stdout
    assert "Dhamtari: rosters, 2026-12-01 to 2026-12-14" in said
    assert max(map(len, said.splitlines()[:9])) <= 100
    read = read_roster(out / "roster.csv", FACTS, DHAMTARI)
    assert {date.isoformat(): {e.executive_id for e in team} for date, team in read.items()} == {
        date: set(team) for date, team in teams(room).items()
    }
    page = (out / "roster.html").read_text(encoding="utf-8")
    tree = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  our own page
    assert [node.text for node in tree.iter("h2")] == ["Roster", "Cover against demand"]
    path = tmp_path / "back.json"
    path.write_text(json.dumps(room.json("roster", "show", "dhamtari")), encoding="utf-8")
    assert {day["refused"] for day in room.json("roster", "import", str(path), "--city", "dhamtari")["days"]} == {None}


def test_shifts_that_are_no_pattern_are_shown_as_they_are(room: Desk, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("date,executive,shift_open,shift_close\n2026-12-03,X1,09:30,15:00\n", encoding="utf-8")
    room.run("roster", "import", str(path), "--city", "dhamtari", "--force")
    said = room.run("roster", "show", "dhamtari", "--from", "2026-12-03", "--to", "2026-12-04").stdout
    assert "9:30 09:30-15:00" in said
    assert "X1" in said
    out = tmp_path / "out"
    assert "written" in room.run("roster", "show", "dhamtari", "2026-12-03", "--out", str(out)).stdout
    (row,) = csv.DictReader(StringIO((out / "roster.csv").read_text("utf-8-sig")))
    assert (row["executive"], row["shift_open"]) == ("X1", "09:30")


def test_a_city_without_rosters_is_shown_empty(desk: Desk, tmp_path: Path) -> None:
    assert desk.json("roster", "show", "durg")["rosters"] == []
    said = desk.run("roster", "show", "durg", "--out", str(tmp_path / "out")).stdout
    assert "shifts: none" in said
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["roster.html"]


def test_wrong_spans_are_told_at_once(desk: Desk) -> None:
    show = ("roster", "show", "raipur")
    assert desk.faults(*show, FIRST, "--to", LAST) == {"one_span"}
    assert desk.faults("roster", "show", "nowhere", "--from", "soon") == {"unknown_city", "bad_date"}
    assert desk.faults(*show, "--from", LAST, "--to", FIRST) == {"bad_range"}
    assert desk.faults(*show, "--to", "2028-01-01") == {"bad_range"}


def test_what_is_shown_is_held_against_no_labour_rule() -> None:
    rules = rosters_shown.NO_RULES
    assert (rules.max_day_s, rules.max_run_days, rules.min_rest_s, rules.max_closing, rules.free_days) == (
        *(None,) * 4,
        0,
    )
