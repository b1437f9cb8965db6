"""Slots, hold, book, move and the rest: what they answer, every wrong word, every refusal, stores that do not work."""

import datetime as dt
import json
import os
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.bookings_cli import given
from api.bookings_cli.answers import MARKS
from api.cli import app
from api.store import Database
from api.words import IN_HINDI
from optimizer.bookings import RefusalCode
from optimizer.domain import NotServed
from optimizer.slots import SlotReasonCode
from optimizer.units import IST
from tests.desks import HERE, INCOME, MITAAN, ROOT, Desk, desk, rostered

__all__ = ["desk", "rostered"]


# ------------------------------------------------------------------------------------------ slots


def test_every_slot_of_every_day_is_offered_or_has_its_reason(desk: Desk) -> None:
    answer = desk.json("slots", "raipur", *INCOME, *HERE, "--from", "2026-12-01", "--to", "2026-12-04")
    offered = {(o["date"], o["slot"]["open"]) for o in answer["aloud"] + answer["on_request"]}
    refused = {(n["date"], n["slot"]["open"]): n["reasons"][0]["code"] for n in answer["refused"]}
    assert len(offered) + len(refused) == 48
    assert {code for (date, _), code in refused.items() if date == "2026-12-01"} == {"past", "inside_lead_time"}
    assert ("2026-12-02", "2026-12-02T10:00:00+05:30") in offered
    assert answer["point"] == [81.63, 21.25]
    assert answer["approximate"] is False


def test_without_dates_seven_days_from_tomorrow_are_asked(desk: Desk) -> None:
    answer = desk.json("slots", "raipur", *INCOME, *HERE)
    assert (answer["from"], answer["to"]) == ("2026-12-02", "2026-12-08")
    without_roster = {n["reasons"][0]["code"] for n in answer["refused"] if n["date"] == "2026-12-07"}
    assert without_roster == {"no_executive_with_skill"}


def test_the_table_has_days_slots_marks_a_legend_and_what_to_read_aloud(desk: Desk) -> None:
    said = desk.run("slots", "raipur", *INCOME, *HERE, "--from", "today", "--to", "+1").stdout
    assert "Wed 2 Dec" in said
    assert "08:00" in said
    assert "l  booking for this day is closed [inside_lead_time, proved]" in said
    assert "p  this time is over [past, proved]" in said
    assert "Read aloud first: Wed 2 Dec" in said
    hindi = desk.run("slots", "raipur", *INCOME, *HERE, "--from", "today", "--to", "+1", "--lang", "hi").stdout
    assert "यह समय बीत चुका है [past, proved]" in hindi
    assert "पहले ये बताएँ: बुध 2 दिस" in hindi


def test_a_day_without_any_slot_says_so(desk: Desk) -> None:
    said = desk.run("slots", "raipur", *INCOME, *HERE, "--from", "2027-01-26", "--to", "2027-01-26").stdout
    assert "c  the service is closed on this day [closed_day, proved]" in said
    assert "No slot can be offered on these days." in said


def test_several_services_are_offered_as_combinations_and_singly_only_alone(desk: Desk) -> None:
    words = ("slots", "raipur", *INCOME, "--service", "birth_certificate", *HERE, "--from", "+1", "--to", "+1")
    answer = desk.json(*words, "--one-executive")
    assert all(offer["alone"] for offer in answer["aloud"])
    best = answer["combinations"][0]
    assert best["one_executive"]
    assert best["adjacent"]
    assert [visit["service"] for visit in best["visits"]] == ["income", "birth_certificate"]
    said = desk.run(*words).stdout
    assert "slots for all services together" in said
    assert "each alone" in said


def test_wishes_come_first_and_hide_nothing(desk: Desk) -> None:
    words = ("slots", "raipur", *INCOME, *HERE, "--from", "+1", "--to", "+1")
    early = desk.json(*words, "--before-noon")["aloud"]
    assert early[0]["slot"]["open"][11:13] < "12"
    assert any(offer["slot"]["open"][11:13] >= "12" for offer in early)
    late = desk.json(*words, "--after", "17:00", "--by", "18:00")["aloud"]
    assert {offer["slot"]["open"][11:16] for offer in late if offer["wished"]} == {"17:00", "18:00"}
    assert all(offer["wished"] for offer in late[:2])


def test_policies_order_the_same_offers(desk: Desk) -> None:
    words = ("slots", "raipur", *INCOME, *HERE, "--from", "+1", "--to", "+2")
    told = {name: desk.json(*words, "--policy", name) for name in ("ranked", "all", "call-centre")}
    times = {name: {o["slot"]["open"] for o in a["aloud"] + a["on_request"]} for name, a in told.items()}
    assert times["ranked"] == times["all"] == times["call-centre"]
    assert len(told["call-centre"]["aloud"]) == 3
    opens = [o["slot"]["open"] for o in told["all"]["aloud"]]
    assert opens == sorted(opens)


def test_counts_and_proofs_are_given_when_asked_for(desk: Desk) -> None:
    far = ("--at", "81.95,21.16")  # the airport: out of reach in the first minutes of a shift
    words = ("slots", "raipur", *INCOME, *HERE, "--from", "+5", "--to", "+5", "--reasons", "--proof", "0.5")
    (reason,) = desk.json(*words)["refused"][0]["reasons"]
    assert (reason["code"], reason["proof"], reason["with_others"]) == ("no_executive_with_skill", "proved", 0)
    assert "Executives whom a rule keeps away" in desk.run(*words).stdout
    assert desk.faults("slots", "raipur", *INCOME, *far, "--proof", "1") <= {"outside_service_area"}


def test_a_locality_and_a_pin_make_the_answer_approximate(desk: Desk) -> None:
    answer = desk.json("slots", "raipur", *INCOME, "--pin", "492001", "--from", "+1", "--to", "+1")
    assert answer["approximate"]
    assert answer["spread_m"] > 0
    assert "the point may lie" in desk.run("slots", "raipur", *INCOME, "--pin", "492 001").stdout


# --------------------------------------------------------------------------------- hold and book


def test_a_hold_is_confirmed_and_is_a_booking_then(desk: Desk) -> None:
    held = desk.hold("2026-12-03T10:00", "--reference", "A-1")
    assert (held["status"], held["expires_at"]) == ("held", "2026-12-01T09:05:00+05:30")
    assert held["slot"] == {"open": "2026-12-03T10:00:00+05:30", "close": "2026-12-03T11:00:00+05:30"}
    (booked,) = desk.json("book", "--hold", held["id"])["bookings"]
    assert (booked["id"], booked["status"], booked["reference"]) == (held["id"], "booked", "A-1")
    assert desk.kept() == 1


def test_services_and_slots_pair_up_in_order_and_are_held_all_or_none(desk: Desk) -> None:
    pair = (*INCOME, "--slot", "+2T10:00", "--service", "birth_certificate", "--slot", "2026-12-03T11:00:00+05:30")
    held = desk.json("hold", "raipur", *pair, *HERE)["bookings"]
    assert [(b["service"], b["slot"]["open"][11:16]) for b in held] == [
        ("income", "10:00"),
        ("birth_certificate", "11:00"),
    ]
    (group,) = {b["group"] for b in held}
    assert {b["status"] for b in desk.json("book", "--hold", group)["bookings"]} == {"booked"}
    twice = (*INCOME, "--slot", "+2T15:00", "--service", "domicile", "--slot", "+2T15:00")
    assert desk.refused("hold", "raipur", *twice, *HERE)["code"] == "slot_taken_twice"
    assert desk.kept() == 2


def test_a_reference_stands_for_what_was_held_under_it(desk: Desk) -> None:
    desk.hold("2026-12-03T10:00", "--reference", "A-1")
    assert "held until 09:10:00" in desk.run("extend", "A-1").stdout.replace("09:05:00", "09:10:00")
    assert desk.json("book", "--hold", "A-1")["bookings"][0]["status"] == "booked"
    assert desk.json("move", "A-1", "2026-12-04T10:00")["bookings"][1]["status"] == "booked"
    assert desk.json("cancel", "A-1")["bookings"][0]["date"] == "2026-12-04"
    assert desk.refused("cancel", "A-1")["code"] == "already_cancelled"
    for slot in ("2026-12-03T10:00", "2026-12-03T11:00"):
        desk.book(slot, "--reference", "A-2")
    assert desk.faults("cancel", "A-2") == {"ambiguous_reference"}
    assert desk.faults("release", "A-2") == {"ambiguous_reference"}


def test_holds_are_extended_once_released_and_swept(desk: Desk) -> None:
    held = desk.hold()
    desk.now += dt.timedelta(minutes=4)
    assert desk.json("extend", held["id"])["bookings"][0]["expires_at"] == "2026-12-01T09:09:00+05:30"
    assert desk.refused("extend", held["id"])["code"] == "already_extended"
    assert desk.json("release", held["group"])["bookings"][0]["status"] == "released"
    other = desk.hold()
    desk.now += dt.timedelta(minutes=6)
    assert desk.json("bookings", "--id", other["id"])["bookings"][0]["live"] is False
    assert "held, ran out at" in desk.run("bookings", "raipur").stdout
    assert desk.json("db", "sweep")["days"] == 1
    assert desk.status(other["id"]) == "expired"


def test_a_hold_tells_the_command_that_confirms_it_as_the_same_caller(desk: Desk) -> None:
    pair = (*INCOME, "--slot", "+2T10:00", "--service", "domicile", "--slot", "+2T11:00", *HERE)
    said = desk.run("hold", "raipur", *pair, "--caller", "north").stdout
    (line,) = (line for line in said.splitlines() if line.startswith("next, until 09:05:00: mitaan "))
    words = line.partition("mitaan ")[2].split()
    assert words[-4:] == ["--caller", "north", "--store", str(desk.path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    held = desk.json(
        "hold", "raipur", *INCOME, "--slot", "+3T10:00", "--service", "domicile", "--slot", "+3T11:00", *HERE
    )
    first, second = held["bookings"]
    warned = desk.run("book", "--hold", first["id"]).stderr
    assert warned.startswith("1 of the 2 held together are still held, until 09:05:00: mitaan book --hold G")
    assert desk.run("book", "--hold", second["group"], code=1).stdout.startswith("refused: ")
    assert desk.run("book", "--hold", second["id"]).stderr == ""


def test_the_caller_comes_from_the_environment_and_holds_are_their_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MITAAN_CALLER", "north-desk")
    held = desk.hold()
    assert held["caller"] == "north-desk"
    monkeypatch.delenv("MITAAN_CALLER")
    for words in (("book", "--hold"), ("extend",), ("release",)):
        assert desk.refused(*words, held["id"])["code"] == "hold_of_another_caller"
    assert desk.status(held["id"]) == "held"


def test_a_hold_that_has_run_out_cannot_be_confirmed_and_its_slot_is_free(desk: Desk) -> None:
    held = desk.hold()
    desk.now += dt.timedelta(minutes=5)
    assert desk.refused("book", "--hold", held["id"])["code"] == "hold_expired"
    assert desk.refused("extend", held["id"])["code"] == "hold_expired"
    assert desk.kept() == 0
    desk.hold()


def test_a_second_confirm_is_refused_and_loses_nothing(desk: Desk) -> None:
    held = desk.hold()
    desk.run("book", "--hold", held["id"])
    assert desk.refused("book", "--hold", held["id"])["code"] == "already_confirmed"
    assert desk.status(held["id"]) == "booked"


def test_a_slot_that_is_lost_is_refused_with_its_reason_and_the_nearest(desk: Desk) -> None:
    desk.run("day", "sell", "raipur", "2026-12-03", "--stop", "10:00")
    words = ("hold", "raipur", *INCOME, "--slot", "2026-12-03T10:00", *HERE)
    refused = desk.refused(*words)
    assert refused["code"] == "slot_not_offered"
    assert refused["reasons"][0]["code"] == "stop_sale"
    assert {n["slot"]["open"][:16] for n in refused["nearest"][:2]} == {"2026-12-03T09:00", "2026-12-03T11:00"}
    assert refused["nearest"][0]["service"] == "income"
    said = desk.run(*words, code=1).stdout
    assert "this slot is not offered [slot_not_offered]" in said
    assert "because this slot is not given out [stop_sale, proved]" in said
    assert "nearest: Thu 3 Dec" in said
    assert "यह स्लॉट नहीं दिया जा रहा है" in desk.run(*words, "--lang", "hi", code=1).stdout


# ------------------------------------------------------------------------------- move and cancel


def test_a_booking_is_moved_with_links_both_ways(desk: Desk) -> None:
    old = desk.book()
    left, fresh = desk.json("move", old, "2026-12-04T12:00")["bookings"]
    assert (left["status"], left["moved_to"]) == ("moved", fresh["id"])
    assert (fresh["status"], fresh["moved_from"]) == ("booked", old)
    for name in (old, fresh["id"]):
        assert [b["id"] for b in desk.json("bookings", "--id", name)["bookings"]] == [old, fresh["id"]]
    assert desk.refused("cancel", old)["code"] == "already_moved"
    assert desk.kept() == 1


def test_a_move_inside_the_cut_off_is_refused_and_at_it_done(desk: Desk) -> None:
    booking = desk.book("2026-12-03T10:00")
    desk.now = dt.datetime(2026, 12, 2, 10, 1, tzinfo=IST)  # 23:59 h before
    assert desk.refused("move", booking, "2026-12-04T10:00")["code"] == "too_late_to_move"
    assert desk.status(booking) == "booked"
    desk.now = dt.datetime(2026, 12, 2, 10, 0, tzinfo=IST)
    assert len(desk.json("move", booking, "2026-12-04T10:00")["bookings"]) == 2


def test_a_move_to_the_same_slot_and_to_a_slot_that_is_not_offered_keeps_the_old_one(desk: Desk) -> None:
    booking = desk.book()
    assert desk.refused("move", booking, "2026-12-03T10:00")["code"] == "same_slot"
    desk.run("day", "sell", "raipur", "2026-12-04", "--stop", "10:00")
    refused = desk.refused("move", booking, "2026-12-04T10:00")
    assert (refused["code"], len(refused["nearest"])) == ("slot_not_offered", 3)
    assert desk.refused("move", booking, "2026-12-04T10:30")["code"] == "unknown_slot"
    assert desk.status(booking) == "booked"
    assert desk.kept() == 1


def test_refusals_are_told_in_hindi_with_their_codes(desk: Desk) -> None:
    assert set(IN_HINDI) == set(RefusalCode)
    desk.run("day", "sell", "raipur", "2026-12-03", "--stop", "10:00")
    said = desk.run("hold", "raipur", *INCOME, "--slot", "2026-12-03T10:00", *HERE, "--lang", "hi", code=1).stdout
    assert said.startswith("मना: 2026-12-03T10:00:00+05:30: यह स्लॉट नहीं दिया जा सकता [slot_not_offered]\n  क्योंकि ")
    assert "  सबसे नज़दीकी: गुरु 3 दिस" in said
    booking = desk.book("2026-12-03T11:00")
    assert "│ गुरु 3 दिस 11:00-12:00 " in desk.run("cancel", booking, "--lang", "hi").stdout
    assert "पहले ही रद्द हो चुकी है [already_cancelled]" in desk.run("cancel", booking, "--lang", "hi", code=1).stdout
    text = desk.json("cancel", booking, "--lang", "hi", code=1)["refused"]["text"]
    assert text == IN_HINDI[RefusalCode.ALREADY_CANCELLED]
    place = ("--locality", "Shankar Nagar", "--from", "+1", "--to", "+1", "--lang", "hi", "--reasons")
    assert "मी तक दूर हो सकता है" in desk.run("slots", "raipur", *INCOME, *place).stdout


def test_a_slot_that_is_none_brings_the_times_at_which_slots_open(desk: Desk) -> None:
    said = desk.run("hold", "raipur", *INCOME, "--slot", "2026-12-03T13:30", *HERE, code=1).stdout
    assert "slots open at 08:00, 09:00, 10:00," in said
    assert "28800" not in said
    assert "slots open at 08:00" in desk.refused("move", desk.book(), "2026-12-04T10:30")["text"]


def test_a_booking_is_cancelled_once(desk: Desk) -> None:
    booking = desk.book()
    assert desk.json("cancel", booking)["bookings"][0]["status"] == "cancelled"
    assert desk.refused("cancel", booking)["code"] == "already_cancelled"
    assert "[already_cancelled]" in desk.run("cancel", booking, code=1).stdout
    late = desk.book("2026-12-03T11:00")
    desk.now = dt.datetime(2026, 12, 3, 12, 0, tzinfo=IST)
    assert desk.refused("cancel", late)["code"] == "too_late_to_cancel"


def test_the_statuses_of_a_day_follow_each_other_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    first, second = desk.book("2026-12-03T10:00"), desk.book("2026-12-03T15:00")
    assert desk.refused("mark", first, "served")["code"] == "illegal_transition"
    desk.run("day", "plan", "raipur", "2026-12-03", "--time-limit", "1", "--out", str(tmp_path / "plan"))
    desk.run("day", "publish", "raipur", "2026-12-03", str(tmp_path / "plan" / "plan.json"))
    assert desk.json("bookings", "--id", first)["bookings"][0]["executive"].startswith("E")
    assert desk.refused("mark", first, "on_the_way")["code"] == "too_early"
    desk.now = dt.datetime(2026, 12, 3, 8, 0, tzinfo=IST)
    for status in ("on_the_way", "served", "certificate_due", "delivered"):
        assert desk.json("mark", first, status)["bookings"][0]["status"] == status
    assert desk.refused("mark", second, "not_served")["code"] == "code_needed"
    gone = desk.json("mark", second, "not_served", "--code", "citizen_absent")["bookings"][0]
    assert gone["not_served"] == "citizen_absent"
    assert "not served: citizen_absent" in desk.run("bookings", "raipur").stdout
    assert desk.faults("mark", second, "lost") == {"unknown_status"}
    assert desk.faults("mark", second, "not_served", "--code", "rain") == {"unknown_code"}


def test_an_approximate_booking_gets_its_point(desk: Desk) -> None:
    words = ("hold", "raipur", *INCOME, "--slot", "2026-12-03T13:00", "--pin", "492001")
    assert "only the PIN area is known; `mitaan locate" in desk.run(*words, "--reference", "A-1").stdout
    (booking,) = desk.json("locate", "A-1", *HERE)["bookings"]
    assert (booking["approximate"], booking["point"]) == (False, [81.63, 21.25])
    assert desk.faults("locate", "A-1", "--at", "21.25,81.63") == {"swapped_coordinates"}
    assert desk.refused("locate", "B-none", *HERE)["code"] == "unknown_booking"


def test_bookings_are_listed_by_date_status_and_reference(desk: Desk) -> None:
    first, second = desk.book("2026-12-02T10:00", "--reference", "A-1"), desk.book("2026-12-04T10:00")
    desk.run("cancel", second)

    def ids(*words: str) -> list[str]:
        return [b["id"] for b in desk.json("bookings", "raipur", *words)["bookings"]]

    assert ids() == [first, second]
    assert ids("--status", "cancelled") == [second]
    assert ids("--status", "cancelled", "--status", "booked") == [first, second]
    assert ids("--reference", "A-1") == [first]
    assert ids("--from", "2026-12-03", "--to", "2026-12-03") == []
    assert "Raipur: 2 bookings" in desk.run("bookings", "raipur").stdout
    assert desk.faults("bookings") == {"missing_field"}
    assert desk.faults("bookings", "raipurr", "--status", "lost", "--from", "x") == {
        *("unknown_city", "unknown_status", "bad_date")
    }
    assert desk.refused("bookings", "--id", "B-none")["code"] == "unknown_booking"


# -------------------------------------------------------------------------------------- bad input

SLOT = ("--slot", "2026-12-03T10:00")


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("slots", "raipurr", *INCOME, *HERE), {"unknown_city"}),
        (("slots", "raipur", "--service", "passport", *HERE), {"unknown_service"}),
        (("slots", "raipur", *INCOME), {"one_place"}),
        (("slots", "raipur", *INCOME, *HERE, "--pin", "492001"), {"one_place"}),
        (("slots", "raipur", *INCOME, "--at", "72.0,19.0"), {"outside_service_area"}),  # in the sea
        (("slots", "raipur", *INCOME, "--at", "21.25,81.63"), {"swapped_coordinates"}),
        (("slots", "raipur", *INCOME, "--at", "here"), {"bad_coordinate"}),
        (("slots", "raipur", *INCOME, "--at", "nan,21.25"), {"bad_coordinate"}),
        (("slots", "raipur", *INCOME, "--pin", "1234"), {"bad_pincode"}),
        (("slots", "raipur", *INCOME, "--pin", "110001"), {"unknown_pincode"}),
        (("slots", "raipur", *INCOME, "--locality", "Atlantis"), {"unknown_locality"}),
        (("slots", "raipur", *INCOME, *HERE, "--from", "soon"), {"bad_date"}),
        (("slots", "raipur", *INCOME, *HERE, "--from", "9999-12-31"), {"bad_date"}),
        (("slots", "raipur", *INCOME, *HERE, "--from", "20261203"), {"bad_date"}),
        (("slots", "raipur", *INCOME, *HERE, "--from", "2026-W49-4"), {"bad_date"}),
        (("hold", "raipur", *INCOME, *HERE, "--slot", "9999-12-31T10:00"), {"bad_date"}),
        (("bookings", "raipur", "--from", "1999-12-31", "--to", "+1000"), {"bad_date"}),
        (("slots", "raipur", *INCOME, *HERE, "--from", "+2", "--to", "+1"), {"bad_range"}),
        (("slots", "raipur", *INCOME, *HERE, "--from", "+1", "--to", "2027-03-01"), {"bad_range"}),
        (("slots", "raipur", *INCOME, *HERE, "--from", "2022-01-01", "--to", "2022-01-02"), {"service_not_offered"}),
        (("slots", "raipur", *INCOME, *HERE, "--policy", "best"), {"unknown_policy"}),
        (("slots", "raipur", *INCOME, *HERE, "--proof", "inf"), {"bad_limit"}),
        (("slots", "raipur", *INCOME, *HERE, "--after", "9", "--by", "25:00"), {"bad_time"}),
        (("slots", "raipur", *INCOME, *HERE, "--after", "12:00", "--by", "10:00"), {"bad_window"}),
        (("slots", "raipur", *INCOME, *HERE, "--before-noon", "--by", "10:00"), {"not_used"}),
        (("slots", "raipur", *INCOME * 50, *HERE), {"bad_number"}),
        (("hold", "raipur", *(*INCOME, *SLOT) * 50, *HERE), {"bad_number"}),
        (("hold", "raipur", *INCOME, *INCOME, *SLOT, *HERE), {"bad_number"}),
        (("hold", "raipur", *INCOME, "--slot", "2026-12-03", *HERE), {"bad_time"}),
        (("hold", "raipur", *INCOME, "--slot", "2026-12-03T24:00", *HERE), {"bad_time"}),
        (("hold", "raipur", *INCOME, "--slot", "2026-12-03T10:00Z", *HERE), {"bad_offset"}),
        (("hold", "raipur", *INCOME, "--slot", "2026-12-03T10:00+00:00", *HERE), {"bad_offset"}),
        (("hold", "raipur", *INCOME, *SLOT, *HERE, "--caller", "Ms Sahu"), {"bad_id"}),
        (("hold", "raipur", *INCOME, *SLOT, *HERE, "--reference", "call 98260 12345"), {"bad_id"}),
        (("hold", "raipur", "--service", "ration_new", "--slot", "2022-06-01T10:00", *HERE), {"service_not_offered"}),
        (("book",), {"one_way"}),
        (("book", "--hold", "B1", *INCOME), {"not_used"}),
        (("book", "raipur", *INCOME, *HERE), {"one_way"}),
        (("move", "B1", "10:00"), {"bad_time"}),
        (
            ("hold", "nowhere", "--service", "passport", "--slot", "then", "--at", "1"),
            {"unknown_city", "unknown_service", "bad_time", "bad_coordinate"},
        ),
    ],
)
def test_bad_input_is_told_all_at_once_and_changes_nothing(desk: Desk, words: tuple[str, ...], codes: set[str]) -> None:
    before = desk.path.read_bytes()
    assert desk.faults(*words) == codes
    result = desk.run(*words, code=2)
    assert "Traceback" not in result.output
    assert all(f"[{code}]" in result.stderr for code in codes)
    assert desk.path.read_bytes() == before


def test_faults_name_options_and_clock_times_and_say_what_to_do(desk: Desk) -> None:
    slots = ("slots", "raipur", *INCOME, *HERE)
    for words, line in (
        (
            (*slots, "--by", "09:00", "--after", "18:00"),
            "/by: '09:00': not before --after 18:00 [bad_window]\n1 error.\n",
        ),
        ((*slots, "--before-noon", "--after", "13:00"), "/after: '13:00': not together with --before-noon"),
        (("book",), "/hold: --hold ID to confirm; or CITY, --service and --slot, and a place"),
        (("book", "raipur", *INCOME), "in one step; missing: --slot [one_way]\n1 error; nothing was written.\n"),
        (("bookings",), "/city: name a city, as `mitaan bookings raipur`, or one booking by --id [missing_field]\n"),
        (("bookings", "zzzz"), "in the scheme: ambikapur, bilaspur,"),
        ((*slots, "--to", "+1000"), "from 2000 to 2199, or today, tomorrow, +N: the Nth day with service"),
        (
            ("hold", "raipur", *INCOME, *SLOT, *HERE, "--reference", "Ram Kumar"),
            "no spaces: an id, never a name [bad_id]",
        ),
    ):
        assert line in desk.run(*words, code=2).stderr


def test_nothing_that_was_typed_steers_the_terminal_or_fills_it(desk: Desk) -> None:
    said = desk.run("cancel", "B\x1b[31m\n\u202e" + "x" * 5_000, code=1).stdout
    assert said.startswith("refused: B\\x1b[31m\\n\\u202ex")
    assert (len(said) < 400, len(said.splitlines())) == (True, 1)
    wrong = desk.run("slots", "y\x9b" + "z" * 5_000, *INCOME, *HERE, "--from", "w" * 5_000, code=2).stderr
    assert (len(wrong) < 1_500, "\x9b" in wrong, "(5,000 characters)" in wrong) == (True, False, True)


def test_on_a_narrow_terminal_no_id_and_no_time_is_broken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = desk.book("2026-12-03T10:00", "--reference", "A-1")
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", "60")):
        monkeypatch.setenv(name, value)
    said = desk.run("slots", "raipur", *INCOME, *HERE, "--from", "+1", "--to", "+1").stdout
    assert said.count("Wed 2 Dec ") >= 2  # two halves of the day
    assert all(f"{hour:02d}:00" in said for hour in range(8, 20))
    listed = desk.run("bookings", "raipur").stdout
    assert f"booking: {booking}\nslot: Thu 3 Dec 10:00-11:00\n" in listed
    monkeypatch.setenv("COLUMNS", "100")
    assert booking in desk.run("day", "show", "raipur", "2026-12-03").stdout


def test_a_wrong_name_brings_the_near_ones_and_an_ambiguous_place_its_candidates(desk: Desk) -> None:
    assert "near: raipur" in desk.run("slots", "raipurr", *INCOME, *HERE, code=2).stderr
    (fault,) = desk.json("slots", "raipur", *INCOME, "--locality", "Ward", code=2)["errors"]
    assert fault["code"] in {"ambiguous_place", "unknown_locality"}
    assert ";" in fault["rule"]


@pytest.mark.parametrize(
    ("slot", "code", "reason"),
    [
        ("2026-11-30T10:00", "slot_not_offered", "past"),
        ("2026-12-01T18:00", "slot_not_offered", "inside_lead_time"),
        ("2026-12-30T10:00", "slot_not_offered", "beyond_horizon"),
        ("2027-01-26T10:00", "slot_not_offered", "closed_day"),
        ("2026-12-09T10:00", "slot_not_offered", "no_executive_with_skill"),
        ("2026-12-03T10:30", "unknown_slot", None),
        ("2026-12-03T07:00", "unknown_slot", None),
    ],
)
def test_a_slot_that_cannot_be_had_is_refused_with_its_code(
    desk: Desk, slot: str, code: str, reason: str | None
) -> None:
    for verb in ("hold", "book"):
        refused = desk.refused(verb, "raipur", *INCOME, "--slot", slot, *HERE)
        assert refused["code"] == code
        assert [r["code"] for r in refused["reasons"]] == ([] if reason is None else [reason])
    assert desk.kept() == 0


@pytest.mark.parametrize("verb", [("cancel",), ("extend",), ("release",), ("book", "--hold"), ("move",)])
def test_a_booking_that_does_not_exist_is_refused(desk: Desk, verb: tuple[str, ...]) -> None:
    slot = ("2026-12-03T10:00",) if verb == ("move",) else ()
    assert desk.refused(*verb, "B-none", *slot)["code"] == "unknown_booking"


# -------------------------------------------------------------------------- stores that do not work


def test_a_locked_store_is_told_in_one_line_and_loses_nothing(desk: Desk) -> None:
    desk.busy_timeout_s = 0.05
    held, booked = desk.hold(), desk.book("2026-12-03T15:00")
    other = sqlite3.connect(desk.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        result = desk.run("book", "--hold", held["id"], code=2)
        assert "[database_locked]" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert desk.faults("cancel", booked) == {"database_locked"}
        assert desk.json("slots", "raipur", *INCOME, *HERE)["aloud"]
    finally:
        other.close()
    assert desk.json("book", "--hold", held["id"])["bookings"][0]["status"] == "booked"
    assert desk.kept() == 2


def test_a_full_disk_is_told_and_what_was_confirmed_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    booked = desk.book()

    def full(where: str | None, *, create: bool = False) -> Database:
        database = desk.open(where, create=create)
        with database.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        return database

    done = 0
    with monkeypatch.context() as patch:
        patch.setattr(given, "open_database", full)
        for number in range(44):
            slot = f"2026-12-0{2 + number % 4}T{8 + number // 4:02d}:00"
            result = desk.run("book", "raipur", *INCOME, "--slot", slot, *HERE, code=None)
            if result.exit_code == 2:
                break
            done += result.exit_code == 0
    assert "[disk_full]" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert desk.status(booked) == "booked"
    assert desk.kept() == 1 + done


def test_a_store_of_another_revision_is_not_touched(desk: Desk) -> None:
    connection = sqlite3.connect(desk.path)
    for revision, words in (("0000", "mitaan db upgrade"), ("9999", "install a newer one")):
        connection.execute("UPDATE mitaan_version SET version_num = ?", (revision,))
        connection.commit()
        result = desk.run("slots", "raipur", *INCOME, *HERE, code=2)
        assert "[migration_missing]" in result.stderr
        assert words in result.stderr
        assert desk.faults("bookings", "raipur") == {"migration_missing"}
    connection.close()


def test_what_is_no_store_is_not_touched(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "notes.txt"
    desk.path.write_text("not a database, but notes that somebody needs" * 40, encoding="utf-8")
    before = desk.path.read_bytes()
    assert desk.faults("bookings", "raipur") == {"not_a_store"}
    assert desk.path.read_bytes() == before
    assert CliRunner().invoke(app, ["bookings", "raipur", "--store", "mysql://somewhere/x"]).exit_code == 2


# --------------------------------------------------------------------------- a process, the page


def test_the_page_explains_every_code_and_every_mark() -> None:
    page = (ROOT / "docs" / "booking.md").read_text(encoding="utf-8")
    assert [code for code in (*RefusalCode, *NotServed) if f"`{code.value}`" not in page] == []
    assert [code for code, mark in MARKS.items() if f"| `{mark}` | `{code.value}` |" not in page] == []
    assert set(MARKS) == set(SlotReasonCode)
    assert len(set(MARKS.values())) == len(MARKS)


def test_in_a_process_the_store_of_the_environment_is_used_and_shown(tmp_path: Path) -> None:
    where = {**os.environ, "MITAAN_DATA": str(tmp_path / "data")}
    where.pop("MITAAN_DATABASE_URL", None)

    def mitaan(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*MITAAN, *words], cwd=ROOT, capture_output=True, text=True, check=False, env=where)

    made = mitaan("roster", "pattern", "dhamtari", "--from", "+1", "--to", "+2", "--json")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "data" / "mitaan.db").exists()
    wrong = mitaan("hold", "dhamtari", "--service", "passport", "--slot", "+2T10:00", "--pin", "493773")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "[unknown_service]" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    held = mitaan("hold", "dhamtari", "--service", "income", "--slot", "+2T10:30", "--pin", "493773", "--json")
    assert held.returncode == 1
    assert json.loads(held.stdout)["refused"]["code"] == "unknown_slot"


def test_the_same_commands_work_on_sqlite_and_on_postgresql(store_address: str, tmp_path: Path) -> None:
    def mitaan(*words: str) -> Any:
        result = CliRunner().invoke(app, [*words, "--store", store_address, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    mitaan("roster", "pattern", "raipur", "--from", "+1", "--to", "+3")
    mitaan("hold", "raipur", *INCOME, "--slot", "+2T10:00", *HERE, "--reference", "A-1")
    mitaan("book", "--hold", "A-1")
    mitaan("move", "A-1", "+3T11:00")
    kinds = [event["kind"] for event in mitaan("events", "--city", "raipur")["events"]]
    assert kinds[-4:] == ["hold.made", "booking.made", "booking.moved", "booking.made"]
    assert mitaan("db", "check")["promises"] == 1
    assert mitaan("db", "backup", str(tmp_path / "all.jsonl"))["rows"]["bookings"] == 2
