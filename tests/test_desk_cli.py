"""The commands of the desk: rosters, days, plans, deliveries, rules, events, the database."""

import csv
import datetime as dt
import errno
import json
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api import planning as pure
from api.bookings_cli import planning
from api.bookings_cli.planning import planned
from api.cli import app
from api.store.desk import day_to_plan
from api.store.schema import REVISION
from optimizer.domain import DayPlan, Limits, Result
from optimizer.planner import plan_day
from scenarios.files import read_day
from tests.desks import HERE, INCOME, MITAAN, NOW, RAIPUR, ROOT, Desk, desk, on_store, pinned, rostered

__all__ = ["desk", "rostered"]

DAY = "2026-12-03"
HEAD = "date,executive,shift_open,shift_close\n"


def roster_file(folder: Path, *rows: str, name: str = "roster.csv") -> str:
    path = folder / name
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return str(path)


# ---------------------------------------------------------------------------------------- rosters


def test_a_roster_is_made_of_patterns_shown_and_read_back(desk: Desk, tmp_path: Path) -> None:
    made = desk.json("roster", "pattern", "korba", "--from", "2026-12-02", "--to", "2026-12-03")
    assert [(day["executives"], day["refused"]) for day in made["days"]] == [(8, None), (8, None)]
    shown = desk.json("roster", "show", "korba", "2026-12-02")
    assert len(shown["rosters"][0]["executives"]) == 8
    path = tmp_path / "roster.json"
    path.write_text(json.dumps(shown), encoding="utf-8")
    assert desk.json("roster", "import", str(path), "--city", "korba")["days"][0]["executives"] == 8
    assert desk.json("roster", "show", "korba", "2026-12-02") == shown
    said = desk.run("roster", "show", "korba", "2026-12-02").stdout
    assert "30 min, begun 11:00-14:30" in said


def test_the_template_is_a_roster_that_can_be_imported(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    result = CliRunner().invoke(app, ["roster", "template", "--out", str(path)])
    assert result.exit_code == 0, result.output
    assert "executive*: id, once for each date" in result.stdout
    with path.open(encoding="utf-8", newline="") as file:
        (first, second) = csv.DictReader(file)
    assert (first["executive"], second["executive"]) == ("E01", "E02")
    assert desk.json("roster", "import", str(path), "--city", "bilaspur")["days"][0]["refused"] is None
    assert CliRunner().invoke(app, ["roster", "template", "--out", str(tmp_path / "roster.txt")]).exit_code == 2


def test_every_fault_of_a_roster_is_told_and_no_day_is_set(desk: Desk, tmp_path: Path) -> None:
    path = roster_file(tmp_path, f"{DAY},E1,08:00,16:00", f"{DAY},E1,9,16:00", "2027-01-26,E1,08:00,16:00")
    assert desk.faults("roster", "import", path, "--city", "raipur") >= {"duplicate_id", "bad_time", "closed_day"}
    assert len(desk.json("roster", "show", "raipur", DAY)["rosters"][0]["executives"]) == 11
    assert desk.faults("roster", "import", "no-such.csv", "--city", "raipur") == {"no_such_file"}
    assert desk.faults("roster", "import", path, "--city", "raipurr") == {"unknown_city"}


def test_a_roster_that_breaks_promises_is_refused_with_them_and_forced_marks_them(desk: Desk, tmp_path: Path) -> None:
    late, early = desk.book(f"{DAY}T18:00"), desk.book(f"{DAY}T10:00")
    path = roster_file(tmp_path, f"{DAY},E1,08:00,14:00", "2026-12-04,E1,08:00,14:00")
    answer = desk.json("roster", "import", path, "--city", "raipur", code=1)["days"]
    assert answer[0]["refused"]["code"] == "promises_in_the_way"
    assert answer[0]["refused"]["bookings"] == [late]
    assert answer[1]["refused"] is None  # each day is a step of its own
    assert desk.kept() == 2
    forced = desk.json("roster", "import", path, "--city", "raipur", "--force")["days"]
    assert forced[0]["at_risk"] == [late]
    (risky,) = (b for b in desk.json("bookings", "raipur")["bookings"] if b["at_risk"])
    assert risky["id"] == late
    assert "at risk" in desk.run("bookings", "raipur").stdout
    again = roster_file(tmp_path, f"{DAY},E1,08:00,14:00", f"{DAY},E2,12:00,20:00", name="again.csv")
    assert desk.json("roster", "import", again, "--city", "raipur")["days"][0]["kept_again"] == 1
    assert desk.kept() == 2
    assert desk.status(early) == "booked"


def test_a_roster_without_the_executive_of_a_promise_is_refused_with_it(desk: Desk, tmp_path: Path) -> None:
    booking = pinned(desk, "E01")
    path = roster_file(tmp_path, f"{DAY},E02,08:00,16:00")
    assert booking.booking_id in desk.run("roster", "import", path, "--city", "raipur", code=1).stdout
    refused = desk.json("roster", "import", path, "--city", "raipur", code=1)["days"][0]["refused"]
    assert (refused["code"], refused["bookings"]) == ("promises_in_the_way", [booking.booking_id])
    assert desk.kept() == 1
    forced = desk.json("roster", "import", path, "--city", "raipur", "--force")["days"][0]
    assert forced["at_risk"] == [booking.booking_id]
    result = desk.run("day", "plan", "raipur", DAY, "--time-limit", "1")
    assert booking.booking_id in result.stderr
    assert desk.kept() == 0


# ------------------------------------------------------------------------------------------- days


def test_a_day_is_closed_only_by_force_when_it_has_promises_and_opened_again(desk: Desk) -> None:
    booking = desk.book(f"{DAY}T10:00")
    assert desk.refused("day", "close", "raipur", DAY, "--because", "flood")["bookings"] == [booking]
    closed = desk.json("day", "close", "raipur", DAY, "--because", "flood", "--force")
    assert closed["at_risk"] == [booking]
    refused = desk.refused("hold", "raipur", *INCOME, "--slot", f"{DAY}T12:00", *HERE)
    assert refused["reasons"][0]["code"] == "closed_day"
    assert "closed (flood)" in desk.run("day", "show", "raipur", DAY).stdout
    assert desk.json("day", "open", "raipur", DAY) == {
        "city": "raipur",
        "date": DAY,
        "kept_again": 1,
        "at_risk": [],
    }
    assert desk.kept() == 1
    assert desk.faults("day", "close", "raipur", DAY, "--because", "the river is high") == {"bad_id"}
    said = desk.run("day", "close", "raipur", DAY, "--because", "Ram Kumar", code=2).stderr
    assert "letters, digits and . _ : - only, no spaces" in said
    assert (
        "Raipur, Fri 4 Dec 2026: closed (flood)"
        in desk.run("day", "close", "raipur", "2026-12-04", "--because", "flood").stdout
    )
    for date in ("2026-11-30", "2027-12-03"):
        assert desk.faults("day", "close", "raipur", date, "--because", "flood") == {"bad_date"}
        result = desk.run("day", "sell", "raipur", date, code=2)
        assert "a date from 2026-12-01 to 2027-12-02 [bad_date]" in result.stderr
    assert desk.faults("day", "open", "raipur", "2027-01-26") == {"closed_day"}
    assert desk.faults("day", "close", "nowhere", "sometime", "--because", "x") == {"unknown_city", "bad_date"}


def test_stop_sales_and_quotas_are_set_anew_each_time(desk: Desk) -> None:
    desk.book(f"{DAY}T10:00")
    told = desk.json("day", "sell", "raipur", DAY, "--stop", "09:00", "--quota", "10:00=1")["slots"]
    assert [s["slot"]["open"][11:16] for s in told if s["stop_sale"]] == ["09:00"]
    assert [s["quota"] for s in told if s["slot"]["open"][11:16] == "10:00"] == [1]
    slots = desk.json("slots", "raipur", *INCOME, *HERE, "--from", DAY, "--to", DAY)["refused"]
    assert [n["reasons"][0]["code"] for n in slots] == ["stop_sale", "quota_used_up"]
    said = desk.run("day", "sell", "raipur", DAY).stdout
    assert "Slots" in said
    assert desk.json("slots", "raipur", *INCOME, *HERE, "--from", DAY, "--to", DAY)["refused"] == []
    desk.run("day", "sell", "raipur", DAY, "--quota", "10:00=1", "--quota", "11:00=0")
    shown = [line.split("│") for line in desk.run("day", "show", "raipur", DAY).stdout.splitlines()]
    slots_shown = {row[1].strip(): row[5].strip() for row in shown if len(row) == 7 and row[1].strip().endswith(":00")}
    assert [time for time, given_out in slots_shown.items() if given_out == "no"] == ["10:00", "11:00"]
    assert desk.faults("day", "sell", "raipur", DAY, "--quota", "10:00=3", "--quota", "10:00=4") == {"repeated_slot"}
    for number in ("10001", "9" * 5_000, "٣"):
        assert desk.faults("day", "sell", "raipur", DAY, "--quota", f"10:00={number}") == {"bad_quota"}
    wrong = ("--stop", "09:30", "--stop", "noon", "--quota", "10:00", "--quota", "10:00=-1")
    assert desk.faults("day", "sell", "raipur", DAY, *wrong) == {"unknown_slot", "bad_time", "bad_quota"}


def test_a_day_is_shown_with_its_routes_slots_holds_and_risks(desk: Desk) -> None:
    booking = desk.book(f"{DAY}T10:00")
    desk.hold(f"{DAY}T12:00")
    shown = desk.json("day", "show", "raipur", DAY)
    assert (shown["promises"], shown["holds"], shown["published"]) == (2, 1, False)
    ten = next(s for s in shown["slots"] if s["slot"]["open"] == f"{DAY}T10:00:00+05:30")
    assert (ten["promises"], ten["free_executives"]) == (1, 5)
    (visit,) = [v for e in shown["executives"] for v in e["visits"] if v["id"] == booking]
    assert visit["start"] >= f"{DAY}T10:00:00+05:30"
    said = desk.run("day", "show", "raipur", DAY).stdout
    assert booking in said
    assert "2 promises kept by the witness, 1 of them holds" in said


# ---------------------------------------------------------------------------- plan and publish


def plan(desk: Desk, folder: Path, *more: str) -> str:
    desk.run("day", "plan", "raipur", DAY, "--time-limit", "1", "--out", str(folder), *more)
    return str(folder / "plan.json")


def test_a_day_is_planned_with_its_deliveries_and_published(desk: Desk, tmp_path: Path) -> None:
    booking = desk.book(f"{DAY}T10:00")
    (delivery,) = desk.json("deliveries", "add", "raipur", *INCOME, "--reference", "R-1", *HERE)["deliveries"]
    path = plan(desk, tmp_path / "plan")
    names = {"day.json", "plan.json", "roster.csv", "routes.geojson", "plan.html"}
    assert {p.name for p in (tmp_path / "plan").iterdir()} == names
    check = CliRunner().invoke(app, ["check", str(tmp_path / "plan" / "day.json"), path])
    assert check.exit_code == 0, check.output
    told = desk.json("day", "publish", "raipur", DAY, path)
    assert (told["assigned"], told["deliveries"]) == (1, 1)
    found = desk.json("bookings", "--id", booking)["bookings"][0]
    assert found["status"] == "planned"
    (planned_delivery,) = desk.json("deliveries", "list", "raipur", "--status", "planned")["deliveries"]
    assert (planned_delivery["id"], planned_delivery["planned_for"]) == (delivery["id"], DAY)
    assert desk.refused("hold", "raipur", *INCOME, "--slot", f"{DAY}T12:00", *HERE)["reasons"][0]["code"] == (
        "day_published"
    )
    assert desk.json("day", "show", "raipur", DAY)["plan_number"] == 1
    assert "plan 1 published" in desk.run("day", "show", "raipur", DAY).stdout
    assert desk.kept() == 1
    assert desk.json("deliveries", "done", delivery["id"])["status"] == "delivered"


def test_approximate_places_are_planned_with_the_travel_times_that_were_promised(desk: Desk, tmp_path: Path) -> None:
    words = ("book", "raipur", *INCOME, "--slot", f"{DAY}T13:00", "--pin", "492001")
    desk.run(*words)
    path = plan(desk, tmp_path / "plan")
    assert {"travel_s.csv", "travel_m.csv"} <= {p.name for p in (tmp_path / "plan").iterdir()}
    judged = CliRunner().invoke(app, ["check", str(tmp_path / "plan" / "day.json"), path, "--json"])
    assert json.loads(judged.stdout) == {"violations": [], "same_input": True}
    read = read_day(tmp_path / "plan" / "day.json").problem
    problem = on_store(desk, lambda store: day_to_plan(store, RAIPUR, dt.date(2026, 12, 3))).problem
    assert read.travel.reference_s.tolist() == problem.travel.reference_s.tolist()


def test_a_plan_of_a_day_that_has_changed_is_refused_with_the_difference(desk: Desk, tmp_path: Path) -> None:
    first = desk.book(f"{DAY}T10:00")
    path = plan(desk, tmp_path / "plan")
    second = desk.book(f"{DAY}T12:00")
    refused = desk.refused("day", "publish", "raipur", DAY, path)
    assert (refused["code"], refused["bookings"]) == ("plan_outdated", [second])
    said = desk.run("day", "publish", "raipur", DAY, path, code=1).stdout
    assert f"`mitaan day plan raipur {DAY}` again [plan_outdated]\n  missing from the plan: {second}\n" in said
    assert "moved" not in said
    desk.run("cancel", second)
    desk.run("cancel", first)
    refused = desk.refused("day", "publish", "raipur", DAY, path)
    assert (refused["bookings"], refused["in_the_plan_but_cancelled_or_moved"]) == ([first], [first])
    assert desk.json("day", "show", "raipur", DAY)["published"] is False


def test_a_plan_that_cannot_be_driven_or_read_is_not_published(desk: Desk, tmp_path: Path) -> None:
    desk.book(f"{DAY}T10:00")
    path = Path(plan(desk, tmp_path / "plan"))
    good = json.loads(path.read_text(encoding="utf-8"))
    late = good["routes"][0]["stops"][0]
    late["start"] = late["start"].replace("T10:", "T15:")
    path.write_text(json.dumps(good), encoding="utf-8")
    assert desk.faults("day", "publish", "raipur", DAY, str(path)) == {"plan_breaks_rules"}
    nobody = {**good, "routes": [{**good["routes"][0], "executive": "E99"}]}
    path.write_text(json.dumps(nobody), encoding="utf-8")
    assert desk.faults("day", "publish", "raipur", DAY, str(path)) == {"plan_breaks_rules"}
    path.write_text("{}", encoding="utf-8")
    assert "missing_field" in desk.faults("day", "publish", "raipur", DAY, str(path))
    assert desk.faults("day", "publish", "raipur", DAY, "no-such.json") == {"no_such_file"}
    assert desk.faults("day", "plan", "raipur", DAY, "--out", "pyproject.toml/out") == {"file"}


def test_a_plan_that_cannot_be_written_names_the_folder(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pure, "write_files", full)
    words = ("day", "plan", "raipur", DAY, "--time-limit", "0", "--out", str(tmp_path / "plan"))
    (fault,) = desk.json(*words, code=2)["errors"]
    assert (fault["code"], fault["pointer"], fault["value"]) == ("disk_full", "/out", str(tmp_path / "plan"))


def test_a_roster_refused_for_a_published_day_ends_with_its_reason(desk: Desk, tmp_path: Path) -> None:
    desk.run("day", "publish", "raipur", DAY, plan(desk, tmp_path / "plan"))
    path = roster_file(tmp_path, f"{DAY},E1,08:00,14:00")
    said = desk.run("roster", "import", path, "--city", "raipur", code=1).stdout
    assert "[day_published] " in said
    assert "[day_published]:" not in said


def test_without_time_for_a_plan_the_witness_is_the_plan(desk: Desk, tmp_path: Path) -> None:
    booking = desk.book(f"{DAY}T10:00")
    result = desk.run("day", "plan", "raipur", DAY, "--time-limit", "0", "--out", str(tmp_path / "plan"))
    assert "the witness is the plan" in result.stderr
    written = json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8"))
    assert (written["engine"], written["broken_promises"]) == ("witness", [])
    told = desk.json("day", "publish", "raipur", DAY, str(tmp_path / "plan" / "plan.json"))
    assert told["assigned"] == 1
    assert desk.status(booking) == "planned"


def test_a_plan_that_breaks_what_the_witness_keeps_gives_way_to_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = desk.book(f"{DAY}T10:00")
    day = on_store(desk, lambda store: day_to_plan(store, RAIPUR, dt.date(2026, 12, 3)))
    good = plan_day(day.problem, Limits(None, iterations=5))
    assert good is not None

    def worse(*_: Any, **__: Any) -> Result:
        return replace(good, plan=DayPlan((), (booking,)), broken_promises=(booking,))

    monkeypatch.setattr(planning, "plan_day", worse)
    result, is_witness = planned(day.problem, day.witness, Limits(1.0), quiet=True)
    assert is_witness
    assert result is not None
    assert result.broken_promises == ()


def test_ctrl_c_keeps_the_best_plan_of_a_day(tmp_path: Path) -> None:
    at = ("--store", str(tmp_path / "store.db"))
    made = CliRunner().invoke(app, ["demo-store", "--city", "raipur", "--days", "3", *at])
    assert made.exit_code == 0, made.output
    words = ("day", "plan", "raipur", "+2", "--time-limit", "120", "--out", str(tmp_path / "plan"))
    process = subprocess.Popen([*MITAAN, *words, *at], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("insertion"):  # there is a plan now
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    written = json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8"))
    assert (written["broken_promises"], written["runtime_s"] < 60) == ([], True)


# ------------------------------------------------------------------------- deliveries and rules


def test_deliveries_are_added_listed_ended_and_refused(desk: Desk) -> None:
    add = ("deliveries", "add", "raipur", "--service", "income", *HERE)
    (made,) = desk.json(*add, "--reference", "R-1", "--ready", DAY, "--due", "2026-12-09")["deliveries"]
    assert (made["due"], made["status"], made["point"]) == ("2026-12-09", "waiting", [81.63, 21.25])
    assert "R-1" in desk.run("deliveries", "list", "raipur").stdout
    assert desk.json("deliveries", "cancel", made["id"])["status"] == "cancelled"
    assert desk.refused("deliveries", "done", made["id"])["code"] == "illegal_transition"
    unknown = desk.refused("deliveries", "done", "D-none")
    assert (unknown["code"], unknown["text"]) == ("unknown_booking", "no such delivery, by its id or its reference")
    ids = [desk.json(*add, "--reference", name)["deliveries"][0]["id"] for name in ("R-5", "R-6", "R-6")]
    assert desk.json("deliveries", "done", "R-5") == {"delivery": ids[0], "status": "delivered"}
    assert desk.faults("deliveries", "done", "R-6") == {"ambiguous_reference"}
    assert desk.faults(*add, "--reference", "R-7", "--ready", "9999-12-31", "--due", "2200-01-01") == {"bad_date"}
    booking = desk.book(f"{DAY}T10:00")
    assert desk.refused(*add, "--reference", "R-2", "--booking", booking)["code"] == "illegal_transition"
    assert desk.faults(*add, "--reference", "R 2") == {"bad_id"}
    assert desk.faults(*add, "--reference", "R-2", "--ready", DAY, "--due", "2026-12-01") == {"bad_range"}
    assert desk.faults("deliveries", "add", "raipur", "--service", "pan_new", "--reference", "R-2", *HERE) == {
        "no_delivery"
    }
    assert desk.faults("deliveries", "list", "raipur", "--status", "lost") == {"unknown_status"}
    wrong = ("deliveries", "add", "raipurr", "--service", "passport", "--reference", "R", "--at", "1", "--due", "soon")
    assert desk.faults(*wrong) == {"unknown_city", "unknown_service", "bad_coordinate", "bad_date"}


def test_a_delivery_whose_envelope_is_with_nobody_on_duty_is_told(desk: Desk) -> None:
    desk.run("deliveries", "add", "raipur", *INCOME, "--reference", "R-1", *HERE, "--held-by", "E77")
    result = desk.run("day", "plan", "raipur", DAY, "--time-limit", "1")
    assert "not in the plan, the executive they need is not on duty: D" in result.stderr


def test_rules_are_shown_and_set_one_by_one(desk: Desk) -> None:
    before = desk.json("rules", "raipur")["rules"]
    assert before == {
        "horizon_days": 14,
        "closes": "20:00",
        "hold_minutes": 5,
        "cutoff_hours": 24,
        "slot_minutes": 60,
        "margin_pct": 25,
    }
    desk.run("rules", "raipur", "--hold-minutes", "9", "--closes", "18:30")
    after = desk.json("rules", "raipur", "--cutoff-hours", "12", "--margin", "30", "--slot-minutes", "30")["rules"]
    assert after == {
        **before,
        "hold_minutes": 9,
        "closes": "18:30",
        "cutoff_hours": 12,
        "slot_minutes": 30,
        "margin_pct": 30,
    }
    assert desk.hold()["expires_at"] == "2026-12-01T09:09:00+05:30"
    wrong = ("--horizon-days", "0", "--closes", "late", "--margin", "-1", "--slot-minutes", "7")
    assert desk.faults("rules", "raipur", *wrong) == {"bad_time", "out_of_range", "bad_margin", "bad_slot_length"}
    assert "/hold-minutes: -5: 1 to 1,440 minutes" in desk.run("rules", "raipur", "--hold-minutes", "-5", code=2).stderr
    assert desk.faults("rules", "raipur", "--horizon-days", "0", *wrong[4:]) == {
        *("out_of_range", "bad_margin", "bad_slot_length")
    }
    assert desk.faults("rules", "raipur", "--slot-minutes", "0") == {"bad_slot_length"}
    assert desk.json("rules", "raipur")["rules"] == after


# ------------------------------------------------------------------------- events and database


def test_events_are_read_in_order_and_page_by_page(desk: Desk) -> None:
    desk.run("book", "--hold", desk.hold()["id"])
    everything = desk.json("events")["events"]
    assert [event["kind"] for event in everything[-2:]] == ["hold.made", "booking.made"]
    page = desk.json("events", "--city", "raipur", "--after", str(everything[-2]["id"]), "--limit", "1")["events"]
    assert [event["id"] for event in page] == [everything[-1]["id"]]
    assert page[0]["at"] == "2026-12-01T09:00:00+05:30"
    assert "booking.made" in desk.run("events").stdout
    assert desk.json("events", "--city", "korba")["events"] == []
    assert desk.faults("events", "--city", "raipurr") == {"unknown_city"}
    for words in (("--after", "99999999999999999999"), ("--after", "-1"), ("--limit", "0"), ("--limit", str(2**70))):
        assert desk.faults("events", *words) == {"out_of_range"}
    assert desk.json("events", "--after", str(2**62))["events"] == []


def test_a_check_ends_with_one_and_names_what_is_wrong(desk: Desk) -> None:
    booking = desk.book()
    assert "every promise is kept by a witness: 4 days, 1 bookings" in desk.run("db", "check").stdout
    with desk.open(str(desk.path)) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE days SET witness = '{}'")
    answer = desk.json("db", "check", code=1)
    assert {finding["code"] for finding in answer["findings"]} == {"no_witness"}
    said = desk.run("db", "check", code=1).stdout
    assert said.startswith("no_witness: raipur 2026-12-03")
    assert booking in said


def test_a_check_without_findings_names_the_promises_at_risk(desk: Desk) -> None:
    booking = desk.book(f"{DAY}T10:00")
    desk.run("day", "close", "raipur", DAY, "--because", "flood", "--force")
    said = desk.run("db", "check").stdout
    assert said.startswith("1 promises are at risk (in no plan): 4 days")
    assert f"at risk: {booking}\n" in said
    assert desk.json("db", "check")["at_risk_bookings"] == [booking]


@pytest.mark.parametrize(
    "words",
    [
        ("slots", "raipur", *INCOME, *HERE),
        ("hold", "raipur", *INCOME, "--slot", f"{DAY}T10:00", *HERE),
        *(("book", "--hold", "B1"), ("extend", "B1"), ("release", "B1"), ("move", "B1", f"{DAY}T10:00")),
        *(("cancel", "B1"), ("mark", "B1", "served"), ("locate", "B1", *HERE), ("bookings", "raipur"), ("events",)),
        ("day", "close", "raipur", DAY, "--because", "flood"),
        *(("day", verb, "raipur", DAY) for verb in ("open", "sell", "plan", "show", "improve")),
        ("day", "publish", "raipur", DAY, "plan.json"),
        ("deliveries", "list", "raipur"),
        ("deliveries", "done", "D1"),
        ("roster", "show", "raipur", DAY),
        *(("db", "check"), ("db", "backup", "all.jsonl"), ("db", "sweep")),
    ],
    ids=" ".join,
)
def test_no_command_that_needs_a_store_makes_one(desk: Desk, tmp_path: Path, words: tuple[str, ...]) -> None:
    desk.path = tmp_path / "new" / "store.db"
    said = desk.run(*words, code=2).stderr
    assert f"{desk.path}: there is no store; `mitaan demo-store`, " in said
    assert "[no_store]" in said
    assert not desk.path.parent.exists()


def test_commands_that_begin_something_make_a_store(desk: Desk, tmp_path: Path) -> None:
    rosters = roster_file(tmp_path, f"{DAY},E1,08:00,14:00")
    for number, words in enumerate(
        (
            ("roster", "import", rosters, "--city", "raipur"),
            ("roster", "pattern", "raipur", "--to", "+1"),
            ("rules", "raipur"),
            ("db", "upgrade"),
        )
    ):
        desk.path = tmp_path / f"{number}.db"
        desk.run(*words)
        assert desk.path.exists()
    assert CliRunner().invoke(app, ["db", "upgrade", "--store", ":memory:"]).exit_code == 2
    assert not Path(":memory:").exists()


def test_only_who_would_have_written_hears_that_nothing_was(desk: Desk) -> None:
    for words in (
        ("day", "show", "raipurr", DAY),
        ("roster", "show", "raipurr", DAY),
        ("deliveries", "list", "raipurr"),
        ("events", "--city", "raipurr"),
    ):
        assert "nothing was written" not in desk.run(*words, code=2).stderr
    assert "nothing was written" in desk.run("day", "sell", "raipurr", DAY, code=2).stderr


def test_a_backup_is_restored_into_an_empty_store_only(desk: Desk, tmp_path: Path) -> None:
    booking, file = desk.book(), tmp_path / "all.jsonl"
    assert "1 bookings" in desk.run("db", "backup", str(file)).stdout
    assert desk.faults("db", "backup", str(file)) == {"target_exists"}
    desk.run("db", "backup", str(file), "--replace")
    assert desk.faults("db", "restore", str(file)) == {"store_not_empty"}
    desk.path = tmp_path / "other.db"
    assert desk.json("db", "restore", str(file))["rows"]["bookings"] == 1
    assert desk.status(booking) == "booked"
    assert desk.kept() == 1
    desk.path = tmp_path / "third.db"
    (tmp_path / "half.jsonl").write_bytes(file.read_bytes()[:-20])
    assert desk.faults("db", "restore", str(tmp_path / "half.jsonl")) == {"backup_incomplete"}
    assert desk.json("db", "upgrade")["revision"] == REVISION
    assert desk.kept() == 0


def test_names_that_days_are_called_by_are_read(desk: Desk) -> None:
    for word, date in (("today", "2026-12-01"), ("tomorrow", "2026-12-02"), ("+3", "2026-12-04")):
        assert desk.json("day", "show", "raipur", word)["date"] == date
    desk.now = dt.datetime(2027, 1, 25, 9, 0, tzinfo=NOW.tzinfo)
    assert desk.json("day", "show", "raipur", "+1")["date"] == "2027-01-27"  # the 26th has no service


def test_a_day_is_improved_without_losing_a_promise(desk: Desk) -> None:
    for n, hour in enumerate(("09", "13", "10", "15", "11", "16", "12", "09", "14")):
        place = ("--at", f"{81.64 + (-1) ** n * n * 0.006:.3f},21.25")
        desk.json("book", "raipur", *INCOME, "--slot", f"2026-12-03T{hour}:00", *place)
    before = desk.json("bookings", "raipur")["bookings"]
    (improved,) = desk.json("day", "improve", "raipur", DAY)["days"]
    assert improved["after_s"] < improved["before_s"]
    assert desk.json("bookings", "raipur")["bookings"] == before
    assert desk.json("day", "improve", "raipur", DAY)["days"] == []
    assert "0 of 1 days changed" in desk.run("day", "improve", "raipur", DAY).stdout
    assert desk.json("db", "check")["findings"] == []


def test_a_restore_that_fails_leaves_no_store_behind(desk: Desk, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    desk.run("db", "backup", str(tmp_path / "whole.jsonl"))
    cut.write_bytes((tmp_path / "whole.jsonl").read_bytes()[:2_000])
    desk.path = tmp_path / "new.db"
    assert desk.faults("db", "restore", str(cut)) == {"backup_incomplete"}
    assert not list(tmp_path.glob("new.db*"))
