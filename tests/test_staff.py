"""The staff of a city: what the tables and the document say, what comes back, and every fault with its place."""

from __future__ import annotations

import copy
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from optimizer.domain import InvalidProblem, Place, ServiceRules, Shift
from optimizer.roster import Ahead, Contract, DayRequest, WorkedDay
from optimizer.roster.nouns import MOST_EXECUTIVES, MOST_PRICE
from optimizer.units import HOUR_S
from scenarios.catalogue import load_catalogue
from scenarios.files import InvalidInput
from scenarios.rostering import city_contracts
from scenarios.staff import (
    STAFF_COLUMNS,
    STAFF_DAY_COLUMNS,
    Staff,
    document,
    nouns,
    parse_staff,
    read_staff,
    staff_csv,
    staff_days_csv,
    staff_json,
    staff_schema,
)

FACTS = load_catalogue()
KORBA = FACTS.city("korba")
OFFICE = KORBA.office
TUESDAY = dt.date(2026, 12, 1)

HEADING = "executive,start_lon,start_lat,end_lon,end_lat,skills,week_hours,patterns,note"
DAY_HEADING = "executive,from,to,kind,pattern,price,note"
TABLE = f"""\
{HEADING}
E2,82.69,22.34,82.70,22.36,notary;aadhaar_kit,44.5,H08;H09,"two
lines"
E1,,,,,,,,आधा दिन
"""
DAYS_TABLE = f"""\
{DAY_HEADING}
E2,2026-12-01,2026-12-03,leave,,,
E2,2026-12-05,,fixed,H09,,
E2,2026-12-06,2026-12-07,fixed,,,
E1,2026-12-09,,request,H12,250,
E1,2026-12-08,2026-12-08,request,,,
"""


def rows(*lines: str) -> str:
    return "\n".join((HEADING, *lines)) + "\n"


def day_rows(*lines: str) -> str:
    return "\n".join((DAY_HEADING, *lines)) + "\n"


def read(table: str | bytes, days: str | bytes | None = None, **rest: Any) -> Staff:
    first, second = (each.encode() if isinstance(each, str) else each for each in (table, days))
    assert first is not None
    return parse_staff(first, "staff.csv", FACTS, KORBA, second, **rest)


def faults_of(table: str | bytes, days: str | bytes | None = None, **rest: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        read(table, days, **rest)
    return [(fault.place, fault.code) for fault in caught.value.faults]


def lines_of(table: str, days: str | None = None) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read(table, days)
    return caught.value.lines()


def read_json(given: object, **rest: Any) -> Staff:
    return parse_staff(json.dumps(given).encode(), "s.json", FACTS, KORBA, **rest)


def json_faults(given: object, **rest: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        read_json(given, **rest)
    return [(fault.place.removeprefix("s.json:"), fault.code) for fault in caught.value.faults]


def day(number: int) -> dt.date:
    return dt.date(2026, 12, number)


STAFF = Staff(
    "korba",
    (
        Contract("E1", OFFICE, OFFICE, requests=(DayRequest(day(8), None), DayRequest(day(9), "H12", 250))),
        Contract(
            "E2",
            Place("home-E2", 82.69, 22.34),
            Place("end-E2", 82.70, 22.36),
            frozenset({"aadhaar_kit", "notary"}),
            week_s=160_200,
            patterns=frozenset({"H08", "H09"}),
            leave=frozenset({day(1), day(2), day(3)}),
            fixed={day(5): "H09", day(6): None, day(7): None},
        ),
    ),
)


# ------------------------------------------------------------------------------------ the tables


def test_two_tables_become_the_contracts_of_a_city_by_id() -> None:
    assert read(TABLE, DAYS_TABLE) == STAFF


def test_without_a_table_of_days_nothing_is_said_of_days() -> None:
    bare = read(TABLE)
    assert bare == Staff("korba", tuple(replace(c, leave=frozenset(), fixed={}, requests=()) for c in STAFF.contracts))
    assert read(TABLE, DAY_HEADING) == bare


def test_only_the_executive_must_be_there() -> None:
    assert read("executive\nE1\n") == Staff("korba", (Contract("E1", OFFICE, OFFICE),))
    assert read("executive\nE1\n", "kind,executive,from\nleave,E1,2020-02-29\n").contracts[0].leave == {
        dt.date(2020, 2, 29)
    }


def test_the_order_of_rows_and_columns_a_byte_order_mark_and_empty_rows_change_nothing() -> None:
    def turned(table: str) -> str:
        lines = [line.split(",")[::-1] for line in table.replace('"two\nlines"', "").splitlines()]
        return "\ufeff" + "\r\n".join(",".join(line) for line in (lines[0], *lines[:0:-1], [""] * len(lines[0])))

    assert read(turned(TABLE), turned(DAYS_TABLE)) == STAFF


def test_files_are_read_by_the_endings_of_their_names(tmp_path: Path) -> None:
    for name, text in (
        ("staff.CSV", TABLE),
        ("days.csv", DAYS_TABLE),
        ("staff.json", json.dumps(staff_json(STAFF))),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_staff(tmp_path / "staff.CSV", tmp_path / "days.csv", FACTS, KORBA) == STAFF
    assert read_staff(tmp_path / "staff.json", None, FACTS, KORBA) == STAFF
    assert read_staff(tmp_path / "staff.CSV", None, FACTS, KORBA) == read(TABLE)


def test_files_that_cannot_be_read_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_staff(tmp_path / "staff.csv", tmp_path / "days.csv", FACTS, KORBA)
    assert [(fault.place, fault.code) for fault in caught.value.faults] == [
        ("staff.csv:/", "no_such_file"),
        ("days.csv:/", "no_such_file"),
    ]


def test_other_formats_are_refused() -> None:
    def told(file: str, days: bytes | None, days_file: str) -> list[tuple[str, str]]:
        with pytest.raises(InvalidInput) as caught:
            parse_staff(b"", file, FACTS, KORBA, days, days_file)
        return [(fault.place, fault.code) for fault in caught.value.faults]

    assert told("staff.xlsx", b"", "days.ods") == [("staff.xlsx:/", "unknown_format"), ("days.ods:/", "unknown_format")]
    assert told("staff.json", b"", "days.csv") == [("days.csv:/", "days_twice")]
    assert told("staff.csv", b"", "days.json") == [("days.json:/", "unknown_format")]


def test_who_starts_at_the_point_of_the_office_starts_at_the_office() -> None:
    home = Place("home-E1", 82.69, 22.34)
    at_office, at_home = f"{OFFICE.lon},{OFFICE.lat}", "82.69,22.34"
    for points, start, end in (
        (",,,", OFFICE, OFFICE),
        (f"{at_office},,", OFFICE, OFFICE),
        (f"{at_home},,", home, home),
        (f"{at_home},{at_office}", home, OFFICE),
        (f",,{at_home}", OFFICE, home),
    ):
        (contract,) = read(rows(f"E1,{points},,,,")).contracts
        assert (contract.start, contract.end) == (start, end)


@pytest.mark.parametrize(
    ("cell", "week_s"), [("", None), ("0", 0), ("48", 172_800), ("44.5", 160_200), ("168", 604_800), ("0.01", 36)]
)
def test_hours_of_a_week_are_a_number(cell: str, week_s: int | None) -> None:
    assert read(rows(f"E1,,,,,,{cell},,")).contracts[0].week_s == week_s


def test_a_span_holds_both_its_ends_and_at_most_a_year() -> None:
    (contract,) = read("executive\nE1\n", day_rows("E1,2027-03-01,2028-02-29,leave,,,")).contracts
    assert (min(contract.leave), max(contract.leave), len(contract.leave)) == (
        dt.date(2027, 3, 1),
        dt.date(2028, 2, 29),
        366,
    )
    assert lines_of("executive\nE1\n", day_rows("E1,2027-03-01,2028-03-01,leave,,,")) == [
        'staff_days.csv:2:to: "2028-03-01": at most 366 days of one row; here 367 [too_many_days]'
    ]


def test_leave_goes_with_leave_and_a_request_with_what_is_settled() -> None:
    (contract,) = read(
        "executive\nE1\n",
        day_rows(
            "E1,2026-12-01,2026-12-02,leave,,,",
            "E1,2026-12-02,2026-12-03,leave,,,",
            "E1,2026-12-04,,fixed,H08,,",
            "E1,2026-12-03,2026-12-04,request,,,",
        ),
    ).contracts
    assert contract.leave == {day(1), day(2), day(3)}
    assert contract.fixed == {day(4): "H08"}
    assert contract.requests == (DayRequest(day(3), None), DayRequest(day(4), None))


def test_shifts_are_those_of_the_city_or_those_that_are_given() -> None:
    night = rows("E1,,,,,,,N22 H08,")
    assert faults_of(night) == [("staff.csv:2:patterns", "unknown_pattern")]
    assert read(night, patterns=["N22", "H08"]).contracts[0].patterns == frozenset({"N22", "H08"})
    with pytest.raises(InvalidInput) as caught:
        read(night, patterns=["N22"])
    assert caught.value.lines() == ['staff.csv:2:patterns: "H08": one of N22 [unknown_pattern]']


def test_every_fault_of_both_tables_is_told_at_once_by_line_and_column() -> None:
    table = rows(
        "E1,,,,,,48,,",
        "E1,,,,,,,H08,",
        "E 3,82.69,22.34,,,,,,",
        ",,,,,,,,",
        ",,,,,notary,,,",
        "E5,82.69,,,,,,,",
        "E6,22.34,82.69,,,,,,",
        "E7,82.69,22.34,84.69,22.34,notary notary,,,",
        "E8,,,,,no/tary,168.1,H08 H08,",
        "E9,nan,22.34,,,,-1,H08 X1 X2,",
        "E10,,,,,,8 h,,",
        "E11,,,,,,44.3333,,",
    )
    days = day_rows(
        "E1,2026-12-01,,fixed,X1,,",
        "E99,2026-12-01,,leave,,,",
        "E1,2026-02-30,2026-12-1,leave,,,",
        "E1,2026-12-05,2026-12-04,holiday,,,",
        "E1,2026-12-05,,leave,H08,5,",
        "E1,2026-12-06,,fixed,H08,5,",
        "E1,2026-12-07,,request,,1000001,",
        "E1,2026-12-08,,request,,-1,",
        "E1,2026-12-09,,request,,2.5,",
        "E5,,,,,,",
        "E5,2026-12-01,2030-12-01,leave,,,",
    )
    assert faults_of(table, days) == [
        ("staff.csv:2:executive", "duplicate_id"),
        ("staff.csv:3:executive", "duplicate_id"),
        ("staff.csv:4:executive", "bad_id"),
        ("staff.csv:6:executive", "missing_field"),
        ("staff.csv:7:start_lat", "missing_field"),
        ("staff.csv:8:start_lon", "coordinates_swapped"),
        ("staff.csv:9:skills", "repeated_value"),
        ("staff.csv:9:end_lon", "too_far_from_office"),
        ("staff.csv:10:week_hours", "out_of_range"),
        ("staff.csv:10:patterns", "repeated_value"),
        ("staff.csv:10:skills", "bad_id"),
        ("staff.csv:11:start_lon", "not_finite"),
        ("staff.csv:11:week_hours", "out_of_range"),
        ("staff.csv:11:patterns", "unknown_pattern"),
        ("staff.csv:11:patterns", "unknown_pattern"),
        ("staff.csv:12:week_hours", "not_a_number"),
        ("staff.csv:13:week_hours", "not_whole"),
        ("staff_days.csv:2:pattern", "unknown_pattern"),
        ("staff_days.csv:3:executive", "unknown_executive"),
        ("staff_days.csv:4:from", "bad_date"),
        ("staff_days.csv:4:to", "bad_date"),
        ("staff_days.csv:5:kind", "unknown_value"),
        ("staff_days.csv:5:to", "bad_range"),
        ("staff_days.csv:6:pattern", "not_of_this_kind"),
        ("staff_days.csv:6:price", "not_of_this_kind"),
        ("staff_days.csv:7:price", "not_of_this_kind"),
        ("staff_days.csv:8:price", "out_of_range"),
        ("staff_days.csv:9:price", "out_of_range"),
        ("staff_days.csv:10:price", "not_whole"),
        ("staff_days.csv:11:from", "missing_field"),
        ("staff_days.csv:11:kind", "missing_field"),
        ("staff_days.csv:12:to", "too_many_days"),
    ]


def test_a_fault_shows_the_cell_and_the_rule() -> None:
    assert lines_of(
        rows("E1,,,,,,169,H08,", "E2,84.69,22.34,,,,44.3333,H07,"),
        day_rows(
            "E1,2026-12-05,2026-12-01,leave,,,",
            "E1,2026-12-06,,fixed,H09,,",
            "E3,2026-12-06,,leave,H09,5,",
            "E1,2026-12-07,,off,,,",
        ),
    ) == [
        'staff.csv:2:week_hours: "169": 0 to 168 hours [out_of_range]',
        'staff.csv:3:week_hours: "44.3333": hours that are whole seconds, like 48 or 44.5 [not_whole]',
        'staff.csv:3:patterns: "H07": one of H08, H09, H10, H11, H12 [unknown_pattern]',
        "staff.csv:3:start_lon: [84.69, 22.34]: within 60 km of the office; this is 204 km away [too_far_from_office]",
        'staff_days.csv:2:to: "2026-12-01": not before from, 2026-12-05 [bad_range]',
        'staff_days.csv:3:pattern: "H09": one of H08 [pattern_not_agreed]',
        'staff_days.csv:4:executive: "E3": an executive of this staff [unknown_executive]',
        'staff_days.csv:4:pattern: "H09": empty for leave [not_of_this_kind]',
        'staff_days.csv:4:price: "5": empty for leave: a request has one [not_of_this_kind]',
        "staff_days.csv:5:kind: \"off\": one of 'leave', 'fixed' or 'request' [unknown_value]",
    ]


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        ("2026-12-01,,fixed,H08", "2026-12-01,,fixed,H08", "one settled day or leave of E1 on 2026-12-01"),
        ("2026-12-01,,fixed,H08", "2026-12-01,,fixed,", "one settled day or leave of E1 on 2026-12-01"),
        ("2026-12-01,2026-12-09,leave,", "2026-12-09,,fixed,", "one settled day or leave of E1 on 2026-12-09"),
        ("2026-12-05,,fixed,H08", "2026-12-01,2026-12-09,leave,", "one settled day or leave of E1 on 2026-12-05"),
        ("2026-12-05,2026-12-09,request,", "2026-12-01,2026-12-06,request,H08", "one request of E1 on 2026-12-05"),
    ],
)
def test_one_thing_is_said_of_an_executive_and_a_date(first: str, second: str, rule: str) -> None:
    told = lines_of("executive\nE1\nE2\n", day_rows(f"E1,{first},,", f"E2,{second},,", f"E1,{second},,"))
    assert told == [f'staff_days.csv:4:from: "{second[:10]}": {rule} [duplicate_day]']


def test_an_id_leaves_room_for_the_home_that_is_called_after_it() -> None:
    assert len(read(rows(f"{'E' * 64},,,,,,,,")).contracts) == 1
    (told,) = lines_of(rows(f"{'E' * 60},82.69,22.34,,,,,,"))
    assert told.startswith("staff.csv:2:executive: ")
    assert f"home-{'E' * 60} must be one too [bad_id]" in told


def test_where_rows_are_missing_what_refers_to_them_is_not_at_fault() -> None:
    days = day_rows("E2,2026-12-01,,leave,,,", "E1,2026-12-01,,leave,H08,,")
    assert faults_of(rows("E1,,,,,,,,", "E2,,"), days) == [
        ("staff.csv:3:3", "wrong_length"),
        ("staff_days.csv:3:pattern", "not_of_this_kind"),
    ]
    assert faults_of("id\nE1\n", days) == [
        ("staff.csv:1:id", "unknown_column"),
        ("staff.csv:1:executive", "missing_column"),
        ("staff_days.csv:3:pattern", "not_of_this_kind"),
    ]


@pytest.mark.parametrize(
    ("table", "place", "code"),
    [
        ("", "staff.csv:1:1", "empty_file"),
        (HEADING, "staff.csv:1", "empty_file"),
        (TABLE.replace(",", ";"), "staff.csv:1:1", "not_comma_separated"),
        (TABLE.replace("week_hours", "phone"), "staff.csv:1:phone", "unknown_column"),
        (TABLE.replace("week_hours", "skills"), "staff.csv:1:skills", "duplicate_column"),
        (TABLE.replace('lines"', "lines"), "staff.csv:2:1", "bad_csv"),
        (TABLE.encode("utf-16"), "staff.csv:1:1", "not_utf8"),
    ],
)
def test_what_is_no_table_of_executives_is_told_by_line(table: str | bytes, place: str, code: str) -> None:
    assert faults_of(table)[0] == (place, code)
    assert {fault.split(":")[0] for fault, _ in faults_of(table, DAYS_TABLE)} == {"staff.csv"}


@pytest.mark.parametrize(
    ("days", "place", "code"),
    [
        ("", "staff_days.csv:1:1", "empty_file"),
        (DAYS_TABLE.replace("price", "phone"), "staff_days.csv:1:phone", "unknown_column"),
        (DAYS_TABLE.replace("kind", "note"), "staff_days.csv:1:kind", "missing_column"),
        (DAYS_TABLE + "E1,2026-12-24\n", "staff_days.csv:7:2", "wrong_length"),
    ],
)
def test_what_is_no_table_of_days_is_told_by_line(days: str, place: str, code: str) -> None:
    assert (place, code) in faults_of(TABLE, days)


def test_too_many_executives_and_days_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = "executive\n" + "\n".join(f"E{n}" for n in range(MOST_EXECUTIVES)) + "\n"
    assert len(read(many).contracts) == MOST_EXECUTIVES
    assert lines_of(f"{many}E 0\n") == [
        f"staff.csv:1: {MOST_EXECUTIVES + 1}: at most {MOST_EXECUTIVES} executives [too_many_executives]"
    ]
    for module in (document, nouns):
        monkeypatch.setattr(module, "MOST_DAYS", 8)
    assert read(TABLE, DAYS_TABLE) == STAFF
    more = DAYS_TABLE + "E1,2026-12-20,,leave,,,\n"
    assert lines_of(TABLE, more) == [
        "staff_days.csv:1: 6: at most 8 days of all executives; here 9 [too_many_days]",
    ]
    monkeypatch.setattr(document, "MOST_DAYS", 5)
    assert lines_of(TABLE, more) == ["staff_days.csv:1: 6: at most 5 days of all executives [too_many_days]"]


# ----------------------------------------------------------------------------------------- JSON


def in_json() -> dict[str, Any]:
    """A staff as JSON values, to be changed."""
    office = {"place": "office", "location": {"type": "Point", "coordinates": [OFFICE.lon, OFFICE.lat]}}
    mill = {"place": "the-mill", "location": {"type": "Point", "coordinates": [82.69, 22.34]}}
    return {
        "schema_version": 1,
        "city": "korba",
        "executives": [
            {"id": "E2", "start": mill, "end": office, "skills": ["notary"], "week_hours": 40, "patterns": ["H09"]},
            {"id": "E1", "start": office, "end": office},
        ],
        "days": [
            {"executive": "E2", "from": "2026-12-01", "to": "2026-12-02", "kind": "leave"},
            {"executive": "E2", "from": "2026-12-03", "kind": "fixed", "pattern": "H09"},
            {"executive": "E1", "from": "2026-12-03", "to": None, "kind": "request", "pattern": None, "price": 7},
        ],
    }


def test_a_document_says_the_same_as_the_tables_with_places_of_any_id() -> None:
    assert read_json(in_json()) == Staff(
        "korba",
        (
            Contract("E1", OFFICE, OFFICE, requests=(DayRequest(day(3), None, 7),)),
            Contract(
                "E2",
                Place("the-mill", 82.69, 22.34),
                OFFICE,
                frozenset({"notary"}),
                week_s=40 * HOUR_S,
                patterns=frozenset({"H09"}),
                leave=frozenset({day(1), day(2)}),
                fixed={day(3): "H09"},
            ),
        ),
    )


def test_the_schema_takes_what_is_read_and_what_is_written() -> None:
    schema = json.loads(staff_schema())
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == "Staff of the Mitaan doorstep service"
    judge = Draft202012Validator(schema)
    for said in (in_json(), staff_json(STAFF)):
        assert list(judge.iter_errors(said)) == []
    for key, value in (("week_hours", 169), ("patterns", []), ("patterns", ["a b"]), ("phone", "1")):
        wrong = in_json()
        wrong["executives"][0][key] = value
        assert list(judge.iter_errors(wrong)) != []


def test_every_fault_of_a_document_is_told_at_once_by_pointer() -> None:
    wrong = in_json()
    wrong["city"] = "bilaspur"
    wrong["phone"] = "1"
    mill, office = wrong["executives"]
    mill["phone"] = "1"
    mill["week_hours"] = "40"
    mill["patterns"] = ["H09", "X1"]
    office["start"] = {"place": "office", "location": mill["start"]["location"]}
    wrong["executives"] += [
        copy.deepcopy(office) | {"start": {"place": "office"}, "patterns": []},
        "E4",
        {"id": 5, "start": mill["start"], "week_hours": True},
        {"id": "E 6", "start": mill["start"], "end": mill["end"], "skills": ["a b"], "week_hours": 168.5},
    ]
    wrong["days"] += [
        {"executive": "E2", "from": "2026-12-02", "to": "2026-12-09", "kind": "fixed", "pattern": "H09"},
        {"executive": "E2", "from": "2026-12-20", "kind": "fixed", "pattern": "H12"},
        {"executive": "E2", "from": "2026-12-20", "kind": "request", "pattern": "H12", "price": 1.5},
        {"executive": "E2", "from": 5, "to": "2026-12-20", "kind": "leave", "pattern": "H12", "reason": "ill"},
        {"executive": None, "from": "2026-12-20", "to": "2026-12-19", "kind": "ill", "pattern": "X1"},
        {"executive": "E6", "kind": "leave", "price": 1},
        7,
    ]
    assert sorted(json_faults(wrong)) == sorted(
        [
            ("/city", "city_mismatch"),
            ("/phone", "unknown_field"),
            ("/executives/0/phone", "unknown_field"),
            ("/executives/0/week_hours", "wrong_type"),
            ("/executives/0/patterns/1", "unknown_pattern"),
            ("/executives/1/id", "duplicate_id"),
            ("/executives/1/start/place", "place_moved"),
            ("/executives/2/id", "duplicate_id"),
            ("/executives/2/start/location", "missing_field"),
            ("/executives/2/patterns", "wrong_length"),
            ("/executives/3", "wrong_type"),
            ("/executives/4/id", "wrong_type"),
            ("/executives/4/end", "missing_field"),
            ("/executives/4/week_hours", "wrong_type"),
            ("/executives/5/id", "bad_id"),
            ("/executives/5/skills", "bad_id"),
            ("/executives/5/week_hours", "out_of_range"),
            ("/days/3/from", "duplicate_day"),
            ("/days/4/pattern", "pattern_not_agreed"),
            ("/days/5/price", "wrong_type"),
            ("/days/6/from", "wrong_type"),
            ("/days/6/pattern", "not_of_this_kind"),
            ("/days/6/reason", "unknown_field"),
            ("/days/7/executive", "wrong_type"),
            ("/days/7/kind", "unknown_value"),
            ("/days/7/pattern", "unknown_pattern"),
            ("/days/7/to", "bad_range"),
            ("/days/8/executive", "unknown_executive"),
            ("/days/8/from", "missing_field"),
            ("/days/8/price", "not_of_this_kind"),
            ("/days/9", "wrong_type"),
        ]
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"schema_version": 2, "days": 1}, [("/schema_version", "unknown_version")]),
        ({"executives": [], "days": []}, [("/executives", "empty_file")]),
        ({"executives": {}, "days": {}}, [("/executives", "wrong_type"), ("/days", "wrong_type")]),
        ({"city": "Korba"}, [("/city", "city_mismatch")]),
    ],
)
def test_the_head_of_a_document_is_checked(change: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert json_faults({**in_json(), **change}) == found


def test_what_is_missing_at_the_head_is_told() -> None:
    assert json_faults({}) == [
        ("/schema_version", "missing_field"),
        ("/city", "missing_field"),
        ("/executives", "missing_field"),
        ("/days", "missing_field"),
    ]


def test_what_is_wrong_with_the_text_is_told_once() -> None:
    def told(text: str) -> list[tuple[str, str]]:
        with pytest.raises(InvalidInput) as caught:
            parse_staff(text.encode(), "s.json", FACTS, KORBA)
        return [(fault.place, fault.code) for fault in caught.value.faults]

    text = json.dumps(in_json())
    assert told("[") == [("s.json:1:2", "bad_json")]
    assert told(text.replace("82.69", "NaN")) == [("s.json:/executives/0/start/location/coordinates/0", "not_finite")]
    assert told(text.replace('"price": 7', '"price": 1e999')) == [("s.json:/days/2/price", "not_finite")]
    assert told(text.replace('"kind": "leave"', '"kind": "fixed", "kind": "leave"')) == [
        ("s.json:/days/0/kind", "duplicate_key")
    ]


def test_slots_and_closed_days_of_the_city_are_nothing_to_its_staff() -> None:
    rules = ServiceRules(open_s=30_600, close_s=63_000, slot_s=1_800, closed_days=((1, 1), (12, 1)))
    other = replace(FACTS, scheme=replace(FACTS.scheme, service=rules))
    found = parse_staff(TABLE.encode(), "staff.csv", other, KORBA, DAYS_TABLE.encode(), patterns=["H08", "H09", "H12"])
    assert found == STAFF


# -------------------------------------------------------------------------------------- written


def test_the_tables_leave_out_what_goes_without_saying_and_equal_days_share_a_row() -> None:
    assert staff_csv(STAFF, OFFICE).splitlines() == [
        HEADING,
        "E1,,,,,,,,",
        "E2,82.69,22.34,82.7,22.36,aadhaar_kit;notary,44.5,H08;H09,",
    ]
    assert staff_days_csv(STAFF).splitlines() == [
        DAY_HEADING,
        "E1,2026-12-08,2026-12-08,request,,100,",
        "E1,2026-12-09,2026-12-09,request,H12,250,",
        "E2,2026-12-01,2026-12-03,leave,,,",
        "E2,2026-12-05,2026-12-05,fixed,H09,,",
        "E2,2026-12-06,2026-12-07,fixed,,,",
    ]
    assert HEADING.split(",") == [*STAFF_COLUMNS, "note"]
    assert DAY_HEADING.split(",") == [*STAFF_DAY_COLUMNS, "note"]


def test_the_document_says_every_key() -> None:
    said = staff_json(STAFF)
    assert said["executives"][0] == {
        "id": "E1",
        "start": {"place": "office", "location": {"type": "Point", "coordinates": [OFFICE.lon, OFFICE.lat]}},
        "end": {"place": "office", "location": {"type": "Point", "coordinates": [OFFICE.lon, OFFICE.lat]}},
        "skills": [],
        "week_hours": None,
        "patterns": None,
    }
    assert said["executives"][1]["week_hours"] == 44.5
    assert said["days"][2] == {
        "executive": "E2",
        "from": "2026-12-01",
        "to": "2026-12-03",
        "kind": "leave",
        "pattern": None,
        "price": None,
    }


def test_a_longer_span_than_a_row_may_have_is_written_as_two() -> None:
    long = frozenset(day(1) + dt.timedelta(days=days) for days in range(500))
    away = Staff("korba", (Contract("E1", OFFICE, OFFICE, leave=long),))
    assert [(row["from"], row["to"]) for row in staff_json(away)["days"]] == [
        ("2026-12-01", "2027-12-01"),
        ("2027-12-02", "2028-04-13"),
    ]
    assert read_json(staff_json(away)) == away


def test_places_that_the_table_cannot_say_are_told_all_at_once() -> None:
    strange = Staff("korba", (*STAFF.contracts, Contract("E0", Place("the-mill", 82.69, 22.34), OFFICE)))
    with pytest.raises(InvalidProblem) as caught:
        staff_csv(strange, OFFICE)
    assert [(fault.pointer, fault.code, fault.rule) for fault in caught.value.faults] == [
        ("/E0/start", "bad_place", "a place at this point is called home-E0")
    ]
    assert read_json(staff_json(strange)) == strange


@pytest.mark.parametrize("city", FACTS.cities, ids=lambda city: city.city_id)
def test_the_staff_of_every_city_by_the_data_is_written_and_read(city: Any) -> None:
    made = Staff(city.city_id, city_contracts(FACTS, city))
    assert parse_staff(staff_csv(made, city.office).encode(), "staff.csv", FACTS, city) == made
    assert parse_staff(json.dumps(staff_json(made)).encode(), "staff.json", FACTS, city) == made


_WORDS = st.text("abcXYZ0189._:-", min_size=1, max_size=59)
_POINTS = st.tuples(st.floats(82.4, 83.0), st.floats(22.1, 22.6)).filter(lambda at: at != (OFFICE.lon, OFFICE.lat))
_PATTERNS = ("H08", "H09", "H10")
_DATES = st.one_of(
    st.integers(0, 30).map(lambda days: TUESDAY + dt.timedelta(days=days)),
    st.dates(dt.date(2000, 1, 1), dt.date(2199, 12, 31)),
)


@st.composite
def _contracts(draw: st.DrawFn, executive_id: str) -> Contract:
    points = draw(st.lists(_POINTS, min_size=2, max_size=2, unique=True))
    home = Place(f"home-{executive_id}", *points[0])
    start = draw(st.sampled_from([OFFICE, home]))
    other = home if start == OFFICE else Place(f"end-{executive_id}", *points[1])
    patterns = draw(st.none() | st.frozensets(st.sampled_from(_PATTERNS), min_size=1))
    worked = st.none() | st.sampled_from(sorted(patterns or _PATTERNS))
    leave = draw(st.frozensets(_DATES, max_size=8))
    wishes = draw(
        st.dictionaries(_DATES, st.tuples(st.none() | st.sampled_from(_PATTERNS), st.integers(0, MOST_PRICE)))
    )
    return Contract(
        executive_id,
        start,
        draw(st.sampled_from([start, OFFICE, other])),
        draw(st.frozensets(_WORDS, max_size=2)),
        draw(st.none() | st.integers(0, 604_800)),
        patterns,
        leave,
        {date: each for date, each in draw(st.dictionaries(_DATES, worked)).items() if date not in leave},
        tuple(DayRequest(date, *wish) for date, wish in wishes.items()),
    )


@st.composite
def _staffs(draw: st.DrawFn) -> Staff:
    ids = draw(st.sets(_WORDS, min_size=1, max_size=3))
    return Staff("korba", tuple(draw(_contracts(executive_id)) for executive_id in sorted(ids)))


@given(_staffs())
def test_a_staff_written_and_read_is_the_same_staff(staff: Staff) -> None:
    assert read(staff_csv(staff, OFFICE), staff_days_csv(staff)) == staff
    assert read_json(staff_json(staff)) == staff
    Draft202012Validator(json.loads(staff_schema())).validate(staff_json(staff))


# ------------------------------------------------------------------------------------- the noun


def test_contracts_are_sorted_by_id_and_requests_by_date() -> None:
    first, second = STAFF.contracts
    turned = replace(first, requests=first.requests[::-1])
    assert Staff("korba", (second, turned)) == STAFF


def test_a_staff_cannot_be_wrong() -> None:
    wrong = Contract(
        "E1",
        OFFICE,
        OFFICE,
        patterns=frozenset({"H08"}),
        leave=frozenset({day(1)}),
        fixed={day(1): None, day(2): "H09"},
        requests=(DayRequest(dt.date(1999, 12, 31), None),),
        around={day(20): WorkedDay(Shift(28_800, 57_600), 28_800)},
        ahead=Ahead(1),
    )
    with pytest.raises(InvalidProblem) as caught:
        Staff("kor ba", (wrong, Contract("E2", OFFICE, OFFICE, patterns=frozenset()), Contract("E2", OFFICE, OFFICE)))
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [
        ("/city", "bad_id"),
        ("/contracts/E2", "duplicate_id"),
        ("/contracts/E1/1999-12-31", "bad_date"),
        ("/contracts/E1/2026-12-01", "duplicate_day"),
        ("/contracts/E1/2026-12-02", "pattern_not_agreed"),
        ("/contracts/E1/around", "not_of_the_staff"),
        ("/contracts/E1/ahead", "not_of_the_staff"),
        ("/contracts/E2/patterns", "wrong_length"),
    ]


def test_a_staff_has_executives_but_not_too_many_with_too_many_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nouns, "MOST_DAYS", 1)
    for contracts, code in (
        ((), "no_executives"),
        (tuple(Contract(f"E{n}", OFFICE, OFFICE) for n in range(MOST_EXECUTIVES + 1)), "too_many_executives"),
        ((Contract("E1", OFFICE, OFFICE, leave=frozenset({day(1)}), fixed={day(2): None}),), "too_many_days"),
    ):
        with pytest.raises(InvalidProblem) as caught:
            Staff("korba", contracts)
        assert [fault.code for fault in caught.value.faults] == [code]
