"""Rosters: what a planner may write in a table or in JSON, what comes back, every fault, and the shift patterns."""

from __future__ import annotations

import copy
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from optimizer.domain import Break, Executive, InvalidProblem, Place, Shift, TimeWindow
from optimizer.units import DAY_S
from scenarios.catalogue import load_catalogue
from scenarios.files import InvalidInput
from scenarios.generate.addresses import AddressBook
from scenarios.generate.city_day import staff
from scenarios.generate.dice import Dice
from scenarios.rosters import (
    ROSTER_COLUMNS,
    RosterLimits,
    Rosters,
    parse_roster,
    pattern_roster,
    read_roster,
    roster_csv,
    roster_schema,
)

FACTS = load_catalogue()
RAIPUR = FACTS.city("raipur")
OFFICE = RAIPUR.office
TUESDAY, WEDNESDAY = dt.date(2026, 12, 1), dt.date(2026, 12, 2)
TABLE = """\
date,executive,shift_open,shift_close,overtime_minutes,break_minutes,break_earliest,break_latest,\
start_lon,start_lat,end_lon,end_lat,skills,note
2026-12-02,E2,12:00,20:00,,,,,81.63,21.20,,,,
2026-12-01,E2,2026-12-01T12:00:00+05:30,20:00,,,,,81.63,21.20,81.66,21.26,aadhaar_kit;notary,आधा दिन
2026-12-01,E1,06:30,16:00,60,30,11:00,14:30,,,,,,"two
lines"
"""
HEADING = TABLE.splitlines()[0]


def read(table: str | bytes, file: str = "roster.csv", limits: RosterLimits | None = None) -> Rosters:
    data = table if isinstance(table, bytes) else table.encode()
    return parse_roster(data, file, FACTS, RAIPUR, limits)


def faults_of(
    table: str | bytes, file: str = "roster.csv", limits: RosterLimits | None = None
) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        read(table, file, limits)
    return [(fault.place, fault.code) for fault in caught.value.faults]


def rows(*lines: str) -> str:
    return "\n".join((HEADING, *lines)) + "\n"


def executive(
    executive_id: str = "E1",
    start: Place = OFFICE,
    end: Place | None = None,
    shift: Shift = Shift(28_800, 57_600),  # noqa: B008  frozen
    **rest: Any,
) -> Executive:
    return Executive(executive_id, start, end or start, shift, **rest)


# ------------------------------------------------------------------------------------- the table


def test_a_table_becomes_the_rosters_of_its_dates() -> None:
    rosters = read(TABLE)
    assert list(rosters) == [TUESDAY, WEDNESDAY]
    first, second = rosters[TUESDAY]
    assert first == Executive(
        "E1",
        OFFICE,
        OFFICE,
        Shift(6 * 3_600 + 1_800, 57_600, 3_600),
        pause=Break(1_800, TimeWindow(39_600, 52_200)),
    )
    assert second == Executive(
        "E2",
        Place("home-E2", 81.63, 21.20),
        Place("end-E2", 81.66, 21.26),
        Shift(43_200, 72_000),
        frozenset({"aadhaar_kit", "notary"}),
    )
    (third,) = rosters[WEDNESDAY]
    assert (third.start, third.end) == (Place("home-E2", 81.63, 21.20), Place("home-E2", 81.63, 21.20))
    assert (third.pause, third.skills) == (None, frozenset())


def test_a_file_is_read_by_the_ending_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "week.CSV").write_text(TABLE, encoding="utf-8")
    assert read_roster(tmp_path / "week.CSV", FACTS, RAIPUR) == read(TABLE)
    (tmp_path / "week.json").write_text(json.dumps(in_json()), encoding="utf-8")
    assert read_roster(tmp_path / "week.json", FACTS, RAIPUR)[TUESDAY][0].executive_id == "E1"
    assert faults_of(TABLE, "week.xlsx") == [("week.xlsx:/", "unknown_format")]
    with pytest.raises(InvalidInput) as caught:
        read_roster(tmp_path / "none.csv", FACTS, RAIPUR)
    assert [(fault.place, fault.code) for fault in caught.value.faults] == [("none.csv:/", "no_such_file")]


def test_the_order_of_rows_and_columns_a_byte_order_mark_and_empty_rows_change_nothing() -> None:
    lines = [line.split(",") for line in TABLE.replace('"two\nlines"', "").splitlines()]
    turned = "\n".join(",".join(reversed(line)) for line in (lines[0], lines[3], lines[2], [""] * 14, lines[1]))
    assert read("\ufeff" + turned.replace("\n", "\r\n")) == read(TABLE)


def test_only_date_executive_and_shift_must_be_there() -> None:
    assert read("executive,date,shift_open,shift_close\nE1,2026-12-01,08:00,16:00\n") == {TUESDAY: (executive(),)}


def test_who_starts_at_the_point_of_the_office_starts_at_the_office() -> None:
    at_office, at_home = f"{OFFICE.lon},{OFFICE.lat}", "81.63,21.20"
    home = Place("home-E1", 81.63, 21.20)
    for points, start, end in (
        (",,,", OFFICE, OFFICE),
        (f"{at_office},,", OFFICE, OFFICE),
        (f"{at_home},,", home, home),
        (f"{at_home},{at_home}", home, home),
        (f"{at_home},{at_office}", home, OFFICE),
        (f",,{at_home}", OFFICE, home),
    ):
        (read_back,) = read(rows(f"2026-12-01,E1,08:00,16:00,,,,,{points},,"))[TUESDAY]
        assert (read_back.start, read_back.end) == (start, end)


def test_a_shift_may_lie_outside_the_opening_hours_but_not_outside_the_day() -> None:
    whole_day = read(rows("2026-12-01,E1,00:00,23:30,30,,,,,,,,,", "2026-12-01,E2,00:00,24:00,,,,,,,,,,"))[TUESDAY]
    assert [each.shift for each in whole_day] == [Shift(0, 84_600, 1_800), Shift(0, 86_400)]
    assert faults_of(
        rows(
            "2026-12-01,E1,06:00,24:30,,,,,,,,,,",
            "2026-12-01,E2,06:00,23:30,31,,,,,,,,,",
            "2026-12-01,E3,16:00,08:00,,,,,,,,,,",
            "2026-12-01,E4,2026-11-30T22:00:00+05:30,08:00,,,,,,,,,,",
        )
    ) == [
        ("roster.csv:2:shift_close", "bad_time"),
        ("roster.csv:3:overtime_minutes", "bad_overtime"),
        ("roster.csv:4:shift_close", "bad_shift"),
        ("roster.csv:5:shift_open", "other_day"),
    ]


def test_every_fault_of_a_table_is_told_at_once_by_line_and_column() -> None:
    table = rows(
        "2026-12-01,E1,08:00,16:00,0.5,30,,14:30,,,,,,",
        "2026-12-01,E1,08:00,,,,,,,,,,,",
        '2026-13-01,E 3,8 am,16:00,,,,,,,,,,"a',
        'note"',
        ",,08:00,16:00,,ten,11:00,14:30,,,,,,",
        "2026-12-03,E5,08:00,16:00,,30,14:30,11:00,81.63,,,,,",
        "2026-12-03,E6,08:00,16:00,,,,,21.2,81.6,,,,",
        "2026-12-03,E7,08:00,16:00,,,,,81.63,21.2,82.6,21.2,aadhaar_kit aadhaar_kit,",
        "2026-12-03,E8,08:00",
        "2026-12-03,E9,08:00,16:00,,,,,nan,21.2,,,no/tary,",
        "2026-08-15,E9,08:00,16:00,,,,,,,,,,",
        "2022-04-30,E9,08:00,16:00,,,,,,,,,,",
    )
    assert faults_of(table) == [
        ("roster.csv:2:overtime_minutes", "not_whole"),
        ("roster.csv:2:break_earliest", "missing_field"),
        ("roster.csv:2:executive", "duplicate_id"),
        ("roster.csv:3:shift_close", "missing_field"),
        ("roster.csv:3:executive", "duplicate_id"),
        ("roster.csv:4:shift_open", "bad_time"),
        ("roster.csv:4:date", "bad_date"),
        ("roster.csv:4:executive", "bad_id"),
        ("roster.csv:6:break_minutes", "not_a_number"),
        ("roster.csv:6:date", "missing_field"),
        ("roster.csv:6:executive", "missing_field"),
        ("roster.csv:7:start_lat", "missing_field"),
        ("roster.csv:7:break_latest", "bad_window"),
        ("roster.csv:8:start_lon", "coordinates_swapped"),
        ("roster.csv:9:skills", "repeated_value"),
        ("roster.csv:9:end_lon", "too_far_from_office"),
        ("roster.csv:10:3", "wrong_length"),
        ("roster.csv:11:start_lon", "not_finite"),
        ("roster.csv:11:skills", "bad_id"),
        ("roster.csv:12:date", "closed_day"),
        ("roster.csv:13:date", "not_in_scheme"),
    ]


def test_a_fault_shows_the_cell_and_the_rule_in_the_words_of_a_roster() -> None:
    with pytest.raises(InvalidInput) as caught:
        read(rows("2026-12-01,E1,08:00,16:00,-5,,,,,,,,,", "2026-12-01,E1,08:00,16:00,,,,,,,,,,"))
    assert caught.value.lines() == [
        'roster.csv:2:overtime_minutes: "-5": not negative, and the day ends at 24 h [bad_overtime]',
        'roster.csv:2:executive: "E1": an executive works one shift on a date [duplicate_id]',
        'roster.csv:3:executive: "E1": an executive works one shift on a date [duplicate_id]',
    ]


def test_a_closed_date_is_told_in_each_of_its_lines_beside_their_own_faults() -> None:
    assert faults_of(rows("2026-10-02,E1,08:00,16:00,,,,,,,,,,", "2026-10-02,E2,16:00,08:00,,,,,,,,,,")) == [
        ("roster.csv:2:date", "closed_day"),
        ("roster.csv:3:date", "closed_day"),
        ("roster.csv:3:shift_close", "bad_shift"),
    ]


def test_an_executive_works_once_on_a_date_and_again_on_another() -> None:
    twice = rows("2026-12-01,E1,08:00,12:00,,,,,81.63,21.2,,,,", "2026-12-01,E1,13:00,16:00,,,,,81.64,21.2,,,,")
    assert faults_of(twice) == [("roster.csv:2:executive", "duplicate_id"), ("roster.csv:3:executive", "duplicate_id")]
    assert list(read(twice.replace("2026-12-01,E1,13", "2026-12-02,E1,13"))) == [TUESDAY, WEDNESDAY]


def test_rows_whose_dates_cannot_be_read_are_not_judged_beside_each_other() -> None:
    same = rows(",E1,08:00,16:00,,,,,,,,,,", ",E1,08:00,16:00,,,,,,,,,,", "soon,E1,08:00,16:00,,,,,,,,,,")
    assert faults_of(same) == [
        ("roster.csv:2:date", "missing_field"),
        ("roster.csv:3:date", "missing_field"),
        ("roster.csv:4:date", "bad_date"),
    ]


def test_an_id_leaves_room_for_the_home_that_is_called_after_it() -> None:
    long = "E" * 59
    (fits,) = read(rows(f"2026-12-01,{long},08:00,16:00,,,,,81.63,21.2,,,,"))[TUESDAY]
    assert fits.start.place_id == f"home-{long}"
    with pytest.raises(InvalidInput) as caught:
        read(rows(f"2026-12-01,{long}E,08:00,16:00,,,,,81.63,21.2,,,,"))
    assert [(f.place, f.code, f.value) for f in caught.value.faults] == [
        ("roster.csv:2:executive", "bad_id", long + "E")
    ]
    assert f"home-{long}E must be one too" in caught.value.faults[0].rule
    assert read(rows(f"2026-12-01,{long}E,08:00,16:00,,,,,,,,,,"))
    with pytest.raises(InvalidInput) as caught:
        read(rows("2026-12-01,E 1,08:00,16:00,,,,,81.63,21.2,,,,"))
    assert [f.rule for f in caught.value.faults] == ["an id matches [A-Za-z0-9._:-]{1,64}"]


@pytest.mark.parametrize(
    ("table", "place", "code"),
    [
        ("", "roster.csv:1:1", "empty_file"),
        ("\n , ,\n", "roster.csv:1:1", "empty_file"),
        (HEADING, "roster.csv:1", "empty_file"),
        (TABLE.replace(",", ";"), "roster.csv:1:1", "not_comma_separated"),
        (TABLE.replace("overtime_minutes", "phone"), "roster.csv:1:phone", "unknown_column"),
        (TABLE.replace("overtime_minutes", "skills"), "roster.csv:1:skills", "duplicate_column"),
        (TABLE.replace("executive,", "id,"), "roster.csv:1:executive", "missing_column"),
        (TABLE.replace('lines"', "lines"), "roster.csv:4:1", "bad_csv"),
        (TABLE.encode("utf-16"), "roster.csv:1:1", "not_utf8"),
    ],
)
def test_what_is_no_table_of_rosters_is_told_by_line(table: str | bytes, place: str, code: str) -> None:
    assert (place, code) in faults_of(table)


def test_too_many_shifts_and_homes_too_far_are_refused() -> None:
    assert len(read(TABLE, limits=RosterLimits(max_shifts=3))) == 2
    nothing_else = TABLE.replace("06:30", "30:06")
    assert faults_of(nothing_else, limits=RosterLimits(max_shifts=2)) == [("roster.csv:1", "too_many_shifts")]
    # From the office 5.3 km to the start of E2, 2.3 km to the end.
    assert faults_of(TABLE, limits=RosterLimits(max_km=3.0)) == [
        ("roster.csv:2:start_lon", "too_far_from_office"),
        ("roster.csv:3:start_lon", "too_far_from_office"),
    ]
    assert len(faults_of(TABLE, limits=RosterLimits(max_km=2.0))) == 3
    document = in_json()
    assert len(read(json.dumps(document), "r.json", RosterLimits(max_shifts=3))) == 2
    document["rosters"][0]["date"] = "nothing else is looked at"
    assert faults_of(json.dumps(document), "r.json", RosterLimits(max_shifts=2)) == [
        ("r.json:/rosters", "too_many_shifts")
    ]


# ----------------------------------------------------------------------------------------- JSON


def in_json() -> dict[str, Any]:
    """Rosters as JSON values, to be changed."""
    office = {"place": "office", "location": {"type": "Point", "coordinates": [OFFICE.lon, OFFICE.lat]}}
    home = {"place": "the-mill", "location": {"type": "Point", "coordinates": [81.63, 21.2]}}
    executives = [
        {
            "id": "E1",
            "start": office,
            "end": office,
            "shift": {"open": "2026-12-02T06:30:00+05:30", "close": "2026-12-02T16:00:00+05:30"},
        },
        {
            "id": "E2",
            "start": home,
            "end": office,
            "shift": {
                "open": "2026-12-02T12:00:00+05:30",
                "close": "2026-12-02T20:00:00+05:30",
                "overtime_minutes": 30,
            },
            "skills": ["aadhaar_kit"],
            "break": {
                "minutes": 30,
                "earliest": "2026-12-02T14:00:00+05:30",
                "latest": "2026-12-02T18:00:00+05:30",
            },
        },
    ]
    tuesday = json.loads(json.dumps(executives[:1]).replace("2026-12-02", "2026-12-01"))
    return {
        "schema_version": 1,
        "city": "raipur",
        "rosters": [
            {"date": "2026-12-02", "executives": executives[::-1]},
            {"date": "2026-12-01", "executives": tuesday},
        ],
    }


def json_faults(document: object) -> list[tuple[str, str]]:
    return [(place.removeprefix("r.json:"), code) for place, code in faults_of(json.dumps(document), "r.json")]


def test_json_says_the_same_as_the_table_with_places_of_any_id() -> None:
    rosters = read(json.dumps(in_json()), "r.json")
    assert list(rosters) == [TUESDAY, WEDNESDAY]
    early = executive(shift=Shift(23_400, 57_600))
    assert rosters[TUESDAY] == (early,)
    assert rosters[WEDNESDAY] == (
        early,
        Executive(
            "E2",
            Place("the-mill", 81.63, 21.2),
            OFFICE,
            Shift(43_200, 72_000, 1_800),
            frozenset({"aadhaar_kit"}),
            Break(1_800, TimeWindow(50_400, 64_800)),
        ),
    )


def test_json_can_say_that_nobody_works_on_a_date() -> None:
    document = in_json()
    document["rosters"][1]["executives"] = []
    assert read(json.dumps(document), "r.json")[TUESDAY] == ()


def test_the_schema_takes_what_is_read() -> None:
    schema = json.loads(roster_schema())
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == "Rosters of the Mitaan doorstep service"
    assert list(Draft202012Validator(schema).iter_errors(in_json())) == []
    assert list(Draft202012Validator(schema).iter_errors({**in_json(), "phone": "1"})) != []


def test_every_fault_of_a_json_file_is_told_at_once_by_pointer() -> None:
    document = in_json()
    document["city"] = "bilaspur"
    document["phone"] = "1"
    wednesday, tuesday = document["rosters"]
    wednesday["weather"] = "hot"
    wednesday["executives"][0]["shift"]["close"] = "2026-12-02T11:00:00+05:30"
    wednesday["executives"][0]["preferred_visits"] = ["A1"]
    wednesday["executives"][1]["phone"] = "1"
    wednesday["executives"].append(copy.deepcopy(wednesday["executives"][1]) | {"start": {"place": "office"}})
    tuesday["executives"][0]["shift"]["open"] = "2026-12-02T08:00:00+05:30"
    document["rosters"] += [
        {"date": "2026-12-01", "executives": []},
        {"date": "2026-01-26", "executives": []},
        {"date": "01-12-2026", "executives": {}},
        {"executives": []},
        {"date": "2026-12-09"},
        "2026-12-10",
        {"date": "2022-04-30", "executives": []},
    ]
    assert sorted(json_faults(document)) == sorted(
        [
            ("/city", "city_mismatch"),
            ("/phone", "unknown_field"),
            ("/rosters/0/weather", "unknown_field"),
            ("/rosters/0/executives/0/shift/close", "bad_shift"),
            ("/rosters/0/executives/0/preferred_visits/0", "unknown_visit"),
            ("/rosters/0/executives/1/phone", "unknown_field"),
            ("/rosters/0/executives/2/phone", "unknown_field"),
            ("/rosters/0/executives/2/start/location", "missing_field"),
            ("/rosters/0/executives/1/id", "duplicate_id"),
            ("/rosters/0/executives/2/id", "duplicate_id"),
            ("/rosters/1/executives/0/shift/open", "other_day"),
            ("/rosters/2/date", "duplicate_date"),
            ("/rosters/3/date", "closed_day"),
            ("/rosters/4/date", "bad_date"),
            ("/rosters/4/executives", "wrong_type"),
            ("/rosters/5/date", "missing_field"),
            ("/rosters/6/executives", "missing_field"),
            ("/rosters/7", "wrong_type"),
            ("/rosters/8/date", "not_in_scheme"),
        ]
    )


def test_an_office_elsewhere_is_no_office() -> None:
    document = in_json()
    document["rosters"][1]["executives"][0]["start"]["location"]["coordinates"] = [81.63, 21.2]
    assert json_faults(document) == [("/rosters/1/executives/0/start/place", "place_moved")]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"schema_version": 2}, [("/schema_version", "unknown_version")]),
        ({"schema_version": None}, [("/schema_version", "unknown_version")]),
        ({"rosters": []}, [("/rosters", "empty_file")]),
        ({"rosters": {}}, [("/rosters", "wrong_type")]),
        ({"city": "Raipur"}, [("/city", "city_mismatch")]),
        ({"city": 1, "rosters": []}, [("/city", "wrong_type"), ("/rosters", "empty_file")]),
    ],
)
def test_the_head_of_a_json_file_is_checked(change: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert json_faults({**in_json(), **change}) == found


def test_what_is_missing_at_the_head_is_told() -> None:
    assert json_faults({}) == [
        ("/schema_version", "missing_field"),
        ("/city", "missing_field"),
        ("/rosters", "missing_field"),
    ]


def test_what_is_wrong_with_the_text_is_told_once() -> None:
    text = json.dumps(in_json())
    assert faults_of("", "r.json") == [("r.json:1:1", "bad_json")]
    assert faults_of("[]", "r.json") == [("r.json:/", "wrong_type")]
    assert faults_of(text.replace("81.63", "NaN"), "r.json") == [
        ("r.json:/rosters/0/executives/0/start/location/coordinates/0", "not_finite")
    ]
    assert faults_of(text.replace('"date": "2026-12-01"', '"date": "2026-12-03", "date": "2026-12-01"'), "r.json") == [
        ("r.json:/rosters/1/date", "duplicate_key")
    ]
    assert faults_of('{"schema_version": 1, "city": "raipur", "rosters": [NaN]}', "r.json") == [
        ("r.json:/rosters/0", "not_finite")
    ]


# -------------------------------------------------------------------------------------- written

_SECONDS = st.one_of(st.integers(0, 96).map(lambda quarter: quarter * 900), st.integers(0, DAY_S))
_POINTS = st.tuples(st.floats(81.25, 82.0), st.floats(20.95, 21.5)).filter(lambda at: at != (OFFICE.lon, OFFICE.lat))
_WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-", min_size=1, max_size=59)
_OPEN_DATES = st.dates(dt.date(2022, 5, 1), dt.date(2199, 12, 31)).filter(
    lambda date: (date.month, date.day) not in FACTS.rules.closed_days
)


@st.composite
def _executives(draw: st.DrawFn, executive_id: str) -> Executive:
    opens, closes = sorted((draw(_SECONDS), draw(_SECONDS)))
    points = draw(st.lists(_POINTS, min_size=2, max_size=2, unique=True))
    home = Place(f"home-{executive_id}", *points[0])
    start = draw(st.sampled_from([OFFICE, home]))
    other = home if start == OFFICE else Place(f"end-{executive_id}", *points[1])
    pause = None
    if draw(st.booleans()):
        earliest, latest = sorted((draw(_SECONDS), draw(_SECONDS)))
        pause = Break(60 * draw(st.integers(1, 1_440)), TimeWindow(earliest, latest))
    return Executive(
        executive_id,
        start,
        draw(st.sampled_from([start, OFFICE, other])),
        Shift(opens, closes, 60 * draw(st.integers(0, (DAY_S - closes) // 60))),
        frozenset(draw(st.lists(_WORDS, max_size=2))),
        pause,
    )


@st.composite
def _rosters(draw: st.DrawFn) -> Rosters:
    rosters = {}
    for date in sorted(draw(st.sets(_OPEN_DATES, min_size=1, max_size=3))):
        ids = sorted(draw(st.sets(_WORDS, min_size=1, max_size=3)))
        rosters[date] = tuple(draw(_executives(executive_id)) for executive_id in ids)
    return rosters


@given(_rosters())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rosters_written_as_a_table_and_read_are_the_same_rosters(tmp_path: Path, rosters: Rosters) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(roster_csv(rosters, OFFICE), encoding="utf-8")
    back = read_roster(path, FACTS, RAIPUR)
    assert back == rosters
    assert list(back) == list(rosters)


def test_the_table_is_sorted_by_date_and_id_and_leaves_empty_what_goes_without_saying() -> None:
    home = Place("home-E2", 81.63, 21.2)
    written = roster_csv(
        {WEDNESDAY: [executive("E2", home), executive()], TUESDAY: [executive("E2", home, OFFICE)]}, OFFICE
    )
    assert written.splitlines() == [
        HEADING,
        f"2026-12-01,E2,08:00,16:00,0,,,,81.63,21.2,{OFFICE.lon},{OFFICE.lat},,",
        "2026-12-02,E1,08:00,16:00,0,,,,,,,,,",
        "2026-12-02,E2,08:00,16:00,0,,,,81.63,21.2,,,,",
    ]
    assert HEADING.split(",") == [*ROSTER_COLUMNS, "note"]


def test_what_the_table_cannot_say_is_told_all_at_once() -> None:
    broken = executive(
        "E1",
        Place("the-mill", 81.63, 21.2),
        Place("home-E1", 81.64, 21.2),
        Shift(28_800, 57_600, 90),
        pause=Break(45, TimeWindow(0, 0)),
        preferred_visits=frozenset({"A2", "A1"}),
        fixed_prefix=("A1",),
    )
    with pytest.raises(InvalidProblem) as caught:
        roster_csv({TUESDAY: [broken], WEDNESDAY: [executive(), executive()], dt.date(2026, 12, 3): ()}, OFFICE)
    assert [(fault.pointer, fault.code, fault.value) for fault in caught.value.faults] == [
        ("/2026-12-01/E1/start", "bad_place", "the-mill"),
        ("/2026-12-01/E1/end", "bad_place", "home-E1"),
        ("/2026-12-01/E1/overtime", "not_whole_minutes", 90),
        ("/2026-12-01/E1/break", "not_whole_minutes", 45),
        ("/2026-12-01/E1/preferred_visits", "unknown_visit", "A1, A2"),
        ("/2026-12-01/E1/fixed_prefix", "unknown_visit", "A1"),
        ("/2026-12-02/E1", "duplicate_id", "E1"),
        ("/2026-12-03", "empty_roster", ""),
    ]
    assert caught.value.faults[0].rule == "a place at this point is called home-E1"
    with pytest.raises(InvalidProblem) as caught:
        roster_csv({}, OFFICE)
    assert [fault.code for fault in caught.value.faults] == ["empty_file"]


# ------------------------------------------------------------------------------------- patterns


def test_the_same_people_work_on_every_open_day() -> None:
    first, last = dt.date(2026, 9, 30), dt.date(2026, 10, 4)
    rosters = pattern_roster(FACTS, RAIPUR, first, last)
    assert list(rosters) == [
        dt.date(2026, 9, 30),
        *(dt.date(2026, 10, day) for day in (1, 3, 4)),
    ]  # 2 October is closed
    assert len(set(rosters.values())) == 1
    assert pattern_roster(FACTS, RAIPUR, last, last)[last] == rosters[first]


def test_a_pattern_has_two_shifts_with_breaks_kits_and_homes() -> None:
    team = pattern_roster(FACTS, RAIPUR, TUESDAY, TUESDAY)[TUESDAY]
    volume = FACTS.volume_of(RAIPUR)
    assert volume is not None
    assert len(team) == volume.executives_as_run == 11
    assert [each.shift.open_s for each in team] == [28_800] * 6 + [43_200] * 5
    assert {each.shift.close_s - each.shift.open_s for each in team} == {28_800}
    assert all(
        each.pause == Break(1_800, TimeWindow(o + 10_800, o + 23_400)) for each in team for o in [each.shift.open_s]
    )
    assert sum("aadhaar_kit" in each.skills for each in team) == 3
    homes = [each for each in team if each.start != OFFICE]
    assert [each.executive_id for each in homes] == ["E06", "E11"]
    assert all(each.start == each.end and each.start.place_id == f"home-{each.executive_id}" for each in homes)
    assert {each.start for each in team} - {each.start for each in homes} == {RAIPUR.office}


def test_homes_are_those_drawn_for_the_city_once() -> None:
    book, dice = AddressBook(FACTS, RAIPUR), Dice(1, "raipur", "homes")
    homes = [book.draw(dice) for _ in range(11)]
    assert pattern_roster(FACTS, RAIPUR, TUESDAY, TUESDAY)[TUESDAY] == staff(FACTS.scheme, OFFICE, 11, homes)


@pytest.mark.parametrize("city", FACTS.cities, ids=lambda city: city.city_id)
def test_the_pattern_of_every_city_is_a_roster_of_it(city: Any) -> None:
    rosters = pattern_roster(FACTS, city, TUESDAY, WEDNESDAY)
    written = roster_csv(rosters, city.office)
    assert parse_roster(written.encode(), "roster.csv", FACTS, city) == rosters
    assert len(rosters[TUESDAY]) >= 1


def test_a_large_team_is_in_the_order_of_its_ids_as_text() -> None:
    volumes = tuple(replace(each, executives_as_run=101) for each in FACTS.volumes if each.city_id == "raipur")
    team = pattern_roster(replace(FACTS, volumes=volumes), RAIPUR, TUESDAY, TUESDAY)[TUESDAY]
    assert [each.executive_id for each in team[9:13]] == ["E10", "E100", "E101", "E11"]


def test_days_before_the_city_joined_are_left_out() -> None:
    joined = RAIPUR.in_scheme_since
    assert list(pattern_roster(FACTS, RAIPUR, joined - dt.timedelta(days=3), joined)) == [joined]


def test_a_pattern_does_not_end_before_it_begins() -> None:
    with pytest.raises(InvalidProblem) as caught:
        pattern_roster(FACTS, RAIPUR, WEDNESDAY, TUESDAY)
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [("/to", "bad_range")]


def test_the_published_schema_is_the_present_one() -> None:
    published = Path(__file__).parents[1] / "scenarios" / "schema" / "roster.json"
    again = "write it anew from scenarios.rosters.roster_schema()"
    assert published.read_text(encoding="utf-8") == roster_schema(), again
