"""Closures, stop-sales and quotas by hand at the terminal: made, listed, lifted; consequences, faults, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.desks import HERE, INCOME, Desk, desk, rostered

__all__ = ["desk", "rostered"]

DAY, NEXT = "2026-12-03", "2026-12-04"
AADHAAR = "aadhaar_mobile_update"


def book(at: Desk, slot: str, service: str = "income") -> str:
    (booking,) = at.json("book", "raipur", "--service", service, "--slot", slot, *HERE)["bookings"]
    return str(booking["id"])


def slots_of(at: Desk, date: str = DAY) -> dict[str, dict[str, Any]]:
    return {slot["slot"]["open"][11:16]: slot for slot in at.json("day", "show", "raipur", date)["slots"]}


def reasons(at: Desk, date: str = DAY, service: str = "income") -> dict[str, str]:
    """Why slots are not offered, by slot."""
    told = at.json("slots", "raipur", "--service", service, *HERE, "--from", date, "--to", date)["refused"]
    return {no["slot"]["open"][11:16]: no["reasons"][0]["code"] for no in told}


# ---------------------------------------------------------------------------------------- closures


def test_a_part_of_a_day_is_closed_and_only_its_slots_are_not_offered(desk: Desk) -> None:
    told = desk.json("day", "close", "raipur", DAY, "--at", "10:30-12:00", "--reason", "The river is high.")
    assert (told["closed_because"], told["at_risk"]) == ("The river is high.", [])
    (row,) = told["restrictions"]
    assert (row["kind"], row["open"], row["close"]) == ("closure", f"{DAY}T10:30:00+05:30", f"{DAY}T12:00:00+05:30")
    assert (row["reason"], row["author"], row["lifted_at"]) == ("The river is high.", "desk", None)
    assert reasons(desk) == {"10:00": "closed_slot", "11:00": "closed_slot"}
    said = desk.run("slots", "raipur", *INCOME, *HERE, "--from", DAY, "--to", DAY).stdout
    assert "x  the service is closed at this time [closed_slot, proved]" in said
    shown = desk.run("day", "show", "raipur", DAY).stdout
    assert "closed: 10:00-11:00 (The river is high.)" in shown
    assert desk.refused("hold", "raipur", *INCOME, "--slot", f"{DAY}T11:00", *HERE)["reasons"][0]["code"] == (
        "closed_slot"
    )


def test_promises_inside_a_closure_refuse_it_and_forced_are_at_risk_until_it_is_lifted(desk: Desk) -> None:
    inside, outside = book(desk, f"{DAY}T10:00"), book(desk, f"{DAY}T14:00")
    close = ("day", "close", "raipur", DAY, "--at", "10:00-12:00", "--because", "flood")
    refused = desk.refused(*close)
    assert (refused["code"], refused["bookings"]) == ("promises_in_the_way", [inside])
    assert desk.kept() == 2
    assert desk.json("restriction", "list", "raipur")["restrictions"] == []
    said = desk.run(*close, "--force").stdout
    assert "Raipur, Thu 3 Dec 2026 10:00-12:00: closed (flood)" in said
    assert f"at risk, in no plan; to be called, and moved or cancelled: {inside}" in said
    (row,) = desk.json("restriction", "list", "raipur")["restrictions"]
    assert f"to take it back: mitaan restriction lift {row['id']} --store {desk.path}" in said
    assert desk.kept() == 1
    lifted = desk.json("restriction", "lift", row["id"], "--by", "ops")
    assert (lifted["kept_again"], lifted["at_risk"]) == (1, [])
    assert [each["lifted_by"] for each in lifted["restrictions"]] == ["ops"]
    assert desk.kept() == 2
    assert desk.status(outside) == "booked"


def test_several_days_are_closed_together_or_none_of_them(desk: Desk) -> None:
    inside = [book(desk, f"{date}T10:00") for date in (DAY, NEXT)]
    close = ("day", "close", "raipur", "+1", "--to", "2026-12-05", "--because", "strike", "--by", "ops")
    refused = desk.refused(*close)
    assert refused["bookings"] == inside
    assert "(and on 1 more day)" in refused["text"]
    assert desk.json("restriction", "list", "raipur")["restrictions"] == []
    told = desk.json(*close, "--force")
    assert (told["date"], told["to"], told["at_risk"]) == ("2026-12-02", "2026-12-05", sorted(inside))
    assert [row["date"][-2:] for row in told["restrictions"]] == ["02", "03", "04", "05"]
    assert {row["author"] for row in told["restrictions"]} == {"ops"}
    said = desk.run("day", "close", "raipur", "2026-12-08", "--to", "2026-12-09", "--because", "strike").stdout
    assert "Tue 8 Dec 2026 to Wed 9 Dec 2026: 2 days closed (strike)" in said
    assert "(one of 2: `mitaan restriction list`)" in said


def test_an_opened_day_keeps_the_parts_that_are_closed_and_names_them(desk: Desk) -> None:
    desk.run("day", "close", "raipur", DAY, "--at", "08:00-09:00", "--reason", "A meeting.")
    desk.run("day", "close", "raipur", DAY, "--because", "flood")
    said = desk.run("day", "open", "raipur", DAY).stdout
    assert "Raipur, Thu 3 Dec 2026: open" in said
    assert "still closed: 08:00-09:00 (A meeting.): mitaan restriction lift R" in said
    assert reasons(desk) == {"08:00": "closed_slot"}


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("--because", "flood", "--at", "10-12"), {"bad_time"}),
        (("--because", "flood", "--at", "12:00-10:00"), {"bad_range"}),
        (("--because", "flood", "--at", "20:00-21:00"), {"unknown_slot"}),
        (("--because", "flood", "--at", "25:00-26:00"), {"bad_time"}),
        (("--because", "flood", "--to", "2026-12-02"), {"bad_range"}),
        (("--because", "flood", "--to", "2028-12-02"), {"bad_range"}),
        (("--because", "flood", "--by", "Ram Kumar"), {"bad_id"}),
        ((), {"one_reason"}),
        (("--because", "flood", "--reason", "The river."), {"one_reason"}),
        (("--reason", "x" * 201), {"bad_reason"}),
        (("--reason", "  "), {"bad_reason"}),
        (("--at", "noon", "--to", "never", "--by", "a b"), {"bad_time", "bad_date", "one_reason", "bad_id"}),
    ],
)
def test_every_wrong_word_of_a_closure_is_told_and_nothing_is_closed(
    desk: Desk, words: tuple[str, ...], codes: set[str]
) -> None:
    assert desk.faults("day", "close", "raipur", DAY, *words) == codes
    assert desk.json("restriction", "list", "raipur")["restrictions"] == []


# -------------------------------------------------------------------------- stop-sales and quotas


def test_a_quota_below_what_is_promised_is_refused_and_forced_promises_stay(desk: Desk) -> None:
    first, second = book(desk, f"{DAY}T10:00"), book(desk, f"{DAY}T10:00")
    sell = ("day", "sell", "raipur", DAY, "--quota", "10:00=1")
    refused = desk.refused(*sell)
    assert (refused["code"], set(refused["bookings"])) == ("quota_below_promised", {first, second})
    told = desk.json(*sell, "--force", "--reason", "A visit.", "--by", "ops")
    assert (set(told["above"]), told["beside"]) == ({first, second}, [])
    assert len(told["made"]) == 1
    assert desk.kept() == 2
    assert slots_of(desk)["10:00"]["quota"] == 1
    (row,) = desk.json("restriction", "list", "raipur")["restrictions"]
    assert (row["kind"], row["quota"], row["reason"], row["author"]) == ("quota", 1, "A visit.", "ops")
    assert (
        "above the quota; they stay" in desk.run("day", "sell", "raipur", DAY, "--quota", "10:00=0", "--force").stdout
    )


def test_a_quota_above_those_who_are_there_carries_no_more_than_they_can(desk: Desk) -> None:
    before = slots_of(desk)["10:00"]
    desk.run("day", "sell", "raipur", DAY, "--quota", "10:00=50", "--kit-quota", "10:00=aadhaar_kit:50")
    ten = slots_of(desk)["10:00"]
    assert (ten["quota"], ten["capacity"], ten["free"]) == (50, ten["executives"], before["executives"])
    (kit,) = ten["kits"]
    assert (kit["quota"], kit["capacity"]) == (50, kit["executives"])


def test_promises_of_a_slot_that_is_stopped_stay_and_are_named(desk: Desk) -> None:
    booking = book(desk, f"{DAY}T10:00")
    assert desk.json("day", "sell", "raipur", DAY, "--stop", "10:00")["beside"] == [booking]
    said = desk.run("day", "sell", "raipur", DAY, "--stop", "10:00", "--stop", "11:00").stdout
    assert "to take it back: mitaan restriction lift R" in said
    assert desk.kept() == 1


def test_a_quota_of_a_kit_keeps_only_services_that_need_it_away(desk: Desk) -> None:
    desk.run("day", "sell", "raipur", DAY, "--kit-quota", "10:00=aadhaar_kit:0", "--kit-quota", "11:00=aadhaar_kit:2")
    assert reasons(desk) == {}
    assert reasons(desk, service=AADHAAR) == {"10:00": "quota_used_up"}
    kits = {at: slot["kits"][0]["quota"] for at, slot in slots_of(desk).items()}
    assert (kits["10:00"], kits["11:00"], kits["12:00"]) == (0, 2, None)
    said = desk.run("restriction", "list", "raipur").stdout
    assert "quota 0 of aadhaar_kit" in said
    desk.run("day", "sell", "raipur", DAY)
    assert desk.json("restriction", "list", "raipur")["restrictions"] == []


def test_every_wrong_kit_quota_is_told_at_once(desk: Desk) -> None:
    def faults(*given: str) -> set[str]:
        return desk.faults("day", "sell", "raipur", DAY, *(word for each in given for word in ("--kit-quota", each)))

    assert faults("10:00=drone:1") == {"unknown_kit"}
    assert faults("10:30=drone:1") == {"unknown_kit", "unknown_slot"}
    assert faults("10:00=1", "10:00=aadhaar_kit:10001") == {"bad_quota"}
    assert faults("10:00=aadhaar_kit:1", "10:00=aadhaar_kit:2") == {"repeated_slot"}
    words = ("--stop", "noon", "--quota", "10:00", "--kit-quota", "x", "--by", "a b", "--reason", " ")
    assert desk.faults("day", "sell", "raipur", DAY, *words) == {"bad_time", "bad_quota", "bad_id", "bad_reason"}


# ---------------------------------------------------------------------------------- list and lift


def test_restrictions_are_listed_by_date_and_lifted_ones_only_when_asked_for(desk: Desk) -> None:
    desk.run("day", "sell", "raipur", NEXT, "--stop", "19:00")
    desk.run("day", "close", "raipur", DAY, "--because", "strike")
    found = desk.json("restriction", "list", "raipur")["restrictions"]
    assert [(row["date"], row["kind"]) for row in found] == [(DAY, "closure"), (NEXT, "stop_sale")]
    desk.run("restriction", "lift", found[0]["id"])
    assert len(desk.json("restriction", "list", "raipur")["restrictions"]) == 1
    assert len(desk.json("restriction", "list", "raipur", "--lifted")["restrictions"]) == 2
    assert desk.json("restriction", "list", "raipur", "--to", DAY)["restrictions"] == []
    said = desk.run("restriction", "list", "raipur", "--lifted").stdout
    for words in ("all day", "stop-sale", "strike", "19:00-20:00", "Tue 1 Dec by desk"):
        assert words in said
    assert desk.faults("restriction", "list", "nowhere", "--from", "soon") == {"unknown_city", "bad_date"}


def test_a_restriction_is_lifted_once(desk: Desk) -> None:
    (row,) = desk.json("day", "close", "raipur", DAY, "--because", "strike")["restrictions"]
    assert "all day (strike): lifted" in desk.run("restriction", "lift", row["id"]).stdout
    assert reasons(desk) == {}
    again = desk.run("restriction", "lift", row["id"], "--by", "ops").stdout
    assert "was lifted before, Tue 1 Dec by desk" in again
    assert desk.faults("restriction", "lift", "R0", "--by", "a b") == {"unknown_restriction", "bad_id"}


def test_what_is_still_at_risk_when_a_restriction_is_lifted_is_named(desk: Desk, tmp_path: Any) -> None:
    booking = book(desk, f"{DAY}T18:00")
    (row,) = desk.json("day", "close", "raipur", DAY, "--because", "flood", "--force")["restrictions"]
    path = tmp_path / "early.csv"
    path.write_text(f"date,executive,shift_open,shift_close\n{DAY},E1,08:00,14:00\n", encoding="utf-8")
    desk.run("roster", "import", str(path), "--city", "raipur", "--force")
    assert f"still at risk: {booking}" in desk.run("restriction", "lift", row["id"]).stdout
