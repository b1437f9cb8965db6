"""Bad day files: every kind of fault is found, with its place, its value, a code and the rule, all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.catalogue import load_catalogue
from scenarios.files import InvalidInput, ReadLimits, day_of, parse_day, read_day, write_day
from tests.test_files import clock, point, small_day

Where = tuple[str | int, ...]


def at(pointer: str) -> Where:
    """The path of a JSON Pointer."""
    return tuple(int(part) if part.isdigit() else part for part in pointer.split("/")[1:])


def changed(*changes: tuple[Where, Any]) -> dict[str, Any]:
    """The small day with values set (or, for `...`, left out) at these places."""
    document: dict[str, Any] = json.loads(
        json.dumps(small_day())
    )  # a copy of everything: the office stands in it several times
    for where, value in changes:
        part: Any = document
        for key in where[:-1]:
            part = part[key]
        if value is ...:
            del part[where[-1]]
        else:
            part[where[-1]] = value
    return document


def faults_of(document: dict[str, Any], **limits: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        day_of(document, limits=ReadLimits(**limits))
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def text_faults(text: str | bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse_day(text if isinstance(text, bytes) else text.encode())
    return [(fault.place, fault.code) for fault in caught.value.faults]


# ------------------------------------------------------------------------------- broken texts


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("", "day.json:1:1", "bad_json"),
        ('{"city": "raipur",\n "date" "2026-12-01"}', "day.json:2:9", "bad_json"),
        ('{"city": "raipur"} {}', "day.json:1:20", "bad_json"),
        ('{"city": "rai\npur"}', "day.json:1:14", "bad_json"),
        ("[1, 2]", "day.json:/", "wrong_type"),
        ("null", "day.json:/", "wrong_type"),
        ("[" * 100_000, "day.json:1:1", "bad_json"),
        ('{"visits": ' + "[" * 100_000, "day.json:1:1", "bad_json"),
        (b'{\n"city": "\xff"}', "day.json:2:1", "not_utf8"),
        ('{"city": "raipur"}'.encode("utf-16"), "day.json:1:1", "not_utf8"),
    ],
)
def test_a_text_that_is_no_json_object_is_told_by_line_and_column(text: str | bytes, place: str, code: str) -> None:
    assert text_faults(text) == [(place, code)]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "none.json", "no_such_file"), (tmp_path, "unreadable")):
        with pytest.raises(InvalidInput) as caught:
            read_day(path)
        assert [fault.code for fault in caught.value.faults] == [code]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000])
def test_a_number_that_is_none_is_told_by_its_place(number: str) -> None:
    text = json.dumps(changed((("visits", 0, "service_s"), 777), (("visits", 0, "location"), point(81.123))))
    assert text_faults(text.replace("777", number)) == [("day.json:/visits/0/service_s", "not_finite")]
    assert text_faults(text.replace("81.123", number)) == [("day.json:/visits/0/location/coordinates/0", "not_finite")]


def test_a_key_that_stands_twice_is_told_by_its_place() -> None:
    text = json.dumps(small_day()).replace('"service_s": 1500', '"service_s": 1500, "service_s": 10')
    assert text_faults(text) == [("day.json:/visits/0/service_s", "duplicate_key")]


def test_broken_characters_are_told() -> None:
    text = json.dumps({**small_day(), "name": "x", "key": 1}).replace('"x"', '"\\ud800"').replace('"key"', '"\\ud800"')
    with pytest.raises(InvalidInput) as caught:
        parse_day(text.encode())
    assert [line.encode() for line in caught.value.lines()] == [
        rb"day.json:/\ud800: 1: a field of the format; see the published schema [unknown_field]",
        rb'day.json:/name: "\ud800": text without broken characters [bad_text]',
    ]
    assert json.dumps(caught.value.as_json(), ensure_ascii=False).encode()


# ------------------------------------------------------------------------------ single faults

CASES: list[tuple[str, str, Any, str, str]] = [
    # name, place of the change, new value (... leaves it out), where below it the fault is, its code
    ("an unknown field", "/colour", "red", "", "unknown_field"),
    ("an unknown field of a visit", "/visits/0/colour", "red", "", "unknown_field"),
    ("a field that is missing", "/visits/0/slot", ..., "", "missing_field"),
    ("a list that is missing", "/executives", ..., "", "missing_field"),
    ("a city that is missing", "/city", ..., "", "missing_field"),
    ("text for a number", "/visits/0/service_s", "1500", "", "wrong_type"),
    ("a real number for a whole one", "/visits/0/service_s", 1500.0, "", "wrong_type"),
    ("true for a number", "/visits/0/service_s", True, "", "wrong_type"),
    ("true for a version", "/schema_version", True, "", "wrong_type"),
    ("a number for text", "/visits/0/id", 7, "", "wrong_type"),
    ("a number for a visit", "/visits/0", 7, "", "wrong_type"),
    ("an object for a list", "/visits", {}, "", "wrong_type"),
    ("null for a list", "/executives", None, "", "wrong_type"),
    ("text in a point", "/office/location/coordinates", ["81", 21], "/0", "wrong_type"),
    ("an altitude", "/office/location/coordinates", [81.6, 21.2, 300], "", "wrong_length"),
    ("a line for a point", "/office/location/type", "LineString", "", "unknown_value"),
    ("an unknown kind", "/visits/0/kind", "pickup", "", "unknown_value"),
    ("another version", "/schema_version", 2, "", "unknown_version"),
    ("no version", "/schema_version", ..., "", "missing_field"),
    ("an unknown city", "/city", "mumbai", "", "unknown_city"),
    ("the name of a city for its id", "/city", "Raipur", "", "unknown_city"),
    ("no date", "/date", "2026-02-30", "", "bad_date"),
    ("a date of another form", "/date", "01-12-2026", "", "bad_date"),
    ("a slot length that does not fit", "/slot_minutes", 50, "", "bad_slot_length"),
    ("a slot length of nothing", "/slot_minutes", 0, "", "bad_slot_length"),
    ("a slot before opening", "/visits/0/slot", clock("07:00"), "", "outside_hours"),
    ("a slot after closing", "/visits/0/slot", clock("20:00"), "", "outside_hours"),
    ("a slot at half past", "/visits/0/slot", clock("10:30"), "", "not_a_slot"),
    ("a slot on another day", "/visits/0/slot", "2026-12-02T10:00:00+05:30", "", "other_day"),
    ("a slot in universal time", "/visits/0/slot", "2026-12-01T04:30:00Z", "", "wrong_offset"),
    ("a slot in another zone", "/visits/0/slot", "2026-12-01T10:00:00+05:45", "", "wrong_offset"),
    ("a slot in no zone", "/visits/0/slot", "2026-12-01T10:00:00", "", "wrong_offset"),
    ("a slot without a day", "/visits/0/slot", "10:00", "", "bad_time"),
    ("a slot in parts of a second", "/visits/0/slot", "2026-12-01T10:00:00.5+05:30", "", "bad_time"),
    ("a slot at 25 o'clock", "/visits/0/slot", clock("25:00"), "", "bad_time"),
    ("a negative service", "/visits/0/service_s", -5, "", "bad_service"),
    ("a negative service of a delivery", "/visits/1/service_s", -5, "", "bad_service"),
    ("a service longer than its slot", "/visits/0/service_s", 3601, "", "service_longer_than_slot"),
    ("a weight of nothing", "/visits/0/weight", 0, "", "too_small"),
    ("a weight beyond all measure", "/visits/0/weight", 10**17, "", "too_large"),
    ("a price beyond all measure", "/visits/1/waiting_price_s", 10**17, "", "too_large"),
    ("an id with a blank", "/visits/0/id", "A 1", "", "bad_id"),
    ("an id in Hindi", "/executives/0/id", "राम", "", "bad_id"),
    ("a service that is no id", "/visits/0/service", "income certificate", "", "bad_id"),
    ("a skill nobody knows", "/visits/0/skills", ["juggling"], "/0", "unknown_skill"),
    ("a skill twice", "/visits/0/skills", ["aadhaar_kit", "aadhaar_kit"], "", "repeated_value"),
    ("a pin to nobody", "/visits/0/pinned_to", "E9", "", "unknown_executive"),
    ("an envelope with nobody", "/visits/1/held_by", "E9", "", "unknown_executive"),
    ("a delivery without due date and price", "/visits/1/due", ..., "", "no_due_date"),
    ("a negative waiting price", "/visits/1/waiting_price_s", -1, "", "negative"),
    ("no window at all", "/visits/1/windows", [], "", "wrong_length"),
    (
        "a window that closes before it opens",
        "/visits/1/windows",
        [{"open": clock("12:00"), "close": clock("10:00")}],
        "/0/close",
        "bad_window",
    ),
    (
        "a window before opening time",
        "/visits/1/windows",
        [{"open": clock("07:00"), "close": clock("10:00")}],
        "/0/open",
        "outside_hours",
    ),
    (
        "windows that overlap",
        "/visits/1/windows",
        [{"open": clock("09:00"), "close": clock("12:00")}, {"open": clock("11:00"), "close": clock("13:00")}],
        "",
        "windows_overlap",
    ),
    ("swapped coordinates", "/visits/0/location", point(21.24, 81.65), "/coordinates", "coordinates_swapped"),
    ("a visit 200 km away", "/visits/0/location", point(81.65, 23.05), "/coordinates", "too_far_from_office"),
    ("degrees beyond the pole", "/visits/0/location", point(81.65, 91.0), "/coordinates/1", "bad_coordinate"),
    ("a place at two points", "/visits/0/place", "office", "", "place_moved"),
    ("a shift that ends before it begins", "/executives/0/shift/close", clock("07:00"), "", "bad_shift"),
    ("a shift on another day", "/executives/0/shift/open", "2026-11-30T08:00:00+05:30", "", "other_day"),
    ("overtime beyond midnight", "/executives/0/shift/overtime_minutes", 600, "", "bad_overtime"),
    (
        "a break of no length",
        "/executives/0/break",
        {"minutes": 0, "earliest": clock("11:00"), "latest": clock("12:00")},
        "/minutes",
        "bad_break",
    ),
    (
        "a break that must begin before it may",
        "/executives/0/break",
        {"minutes": 30, "earliest": clock("12:00"), "latest": clock("11:00")},
        "/latest",
        "bad_window",
    ),
    ("a wish for no visit", "/executives/0/preferred_visits", ["Z1"], "/0", "unknown_visit"),
    ("a beginning with no visit", "/executives/0/fixed_prefix", ["A1", "Z1"], "/1", "unknown_visit"),
    ("a negative price", "/prices", {"overtime_permille": -1}, "/overtime_permille", "negative"),
    (
        "a fairness price below nothing",
        "/prices",
        {"fairness": [{"above_s": -1, "price_permille": 1}]},
        "/fairness/0",
        "negative",
    ),
    ("a curve that falls", "/prices", {"waiting": {"far_s": 9000}}, "/waiting/due_s", "bad_curve"),
    ("an unknown source of travel", "/travel", {"source": "map"}, "/source", "unknown_value"),
    ("no source of travel", "/travel", {"margin_pct": 25}, "/source", "missing_field"),
    ("a negative margin", "/travel", {"source": "formula", "margin_pct": -1}, "/margin_pct", "bad_margin"),
    ("23 speeds", "/travel", {"source": "formula", "speed_kmh_by_hour": [24] * 23}, "/speed_kmh_by_hour", "bad_speeds"),
    (
        "a speed of nothing",
        "/travel",
        {"source": "formula", "speed_kmh_by_hour": [24] * 23 + [0]},
        "/speed_kmh_by_hour/23",
        "bad_speeds",
    ),
    ("a declared skill that is no id", "/skills", ["two words"], "/0", "bad_id"),
    ("a long name", "/name", "x" * 201, "", "too_long"),
    ("a name with control characters", "/name", "a\nb", "", "bad_text"),
]


@pytest.mark.parametrize(("where", "value", "below", "code"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_one_fault_is_one_fault_with_its_place_and_code(where: str, value: Any, below: str, code: str) -> None:
    assert faults_of(changed((at(where), value))) == [(where + below, code)]


@pytest.mark.parametrize("date", ["2026-01-26", "2026-08-15", "2026-10-02"])
def test_a_closed_day_is_no_day(date: str) -> None:
    document = json.loads(json.dumps(small_day()).replace("2026-12-01", date))
    assert faults_of(document) == [("/date", "closed_day")]


def test_ids_that_occur_twice_are_told_wherever_they_stand() -> None:
    document = small_day()
    document["visits"].append({**document["visits"][0], "service_s": -5})
    document["executives"].append({**document["executives"][0]})
    assert faults_of(document) == [
        ("/visits/2/service_s", "bad_service"),
        ("/executives/0/id", "duplicate_id"),
        ("/executives/1/id", "duplicate_id"),
        ("/visits/0/id", "duplicate_id"),
        ("/visits/2/id", "duplicate_id"),
    ]


def test_a_prefix_that_cannot_be_served_is_told() -> None:
    document = changed((("visits", 0, "skills"), ["aadhaar_kit"]), (("executives", 0, "fixed_prefix"), ["A1"]))
    assert faults_of(document) == [("/executives/0/fixed_prefix/0", "skill_missing")]


def test_too_many_visits_are_refused_and_the_limit_can_be_set() -> None:
    document = small_day()
    document["visits"] = [{**document["visits"][0], "id": f"A{number}"} for number in range(3_001)]
    assert faults_of(document) == [("/visits", "too_many_visits")]
    document["visits"] = document["visits"][:12]
    assert faults_of(document, max_visits=11) == [("/visits", "too_many_visits")]
    assert len(day_of(document, limits=ReadLimits(max_visits=12)).problem.visits) == 12


def test_how_far_a_place_may_lie_can_be_set() -> None:
    far = changed((("visits", 0, "location"), point(81.65, 23.05)))
    assert len(day_of(far, limits=ReadLimits(max_km=250)).problem.visits) == 2
    assert faults_of(small_day(), max_km=1.5) == [("/visits/1/location/coordinates", "too_far_from_office")]


def test_a_day_in_another_city_is_all_too_far_away() -> None:
    found = faults_of(changed((("city",), "jagdalpur")))
    assert {code for _, code in found} == {"too_far_from_office"}
    assert len(found) == 5


def test_skills_that_the_catalogue_an_executive_or_the_file_names_are_known() -> None:
    kit = sorted(load_catalogue().scheme.kits)[0]
    document = changed(
        (("visits", 0, "skills"), [kit]),
        (("visits", 1, "skills"), ["rare", "notary"]),
        (("executives", 0, "skills"), ["notary"]),
        (("skills",), ["rare"]),
    )
    assert day_of(document).problem.visits[0].skills == {kit}


# -------------------------------------------------------------------------------- all at once


def test_all_faults_of_a_file_are_told_at_once() -> None:
    document = changed(
        (("city",), "mumbai"),
        (("date",), "2026-10-02"),
        (("slot_minutes",), 45),
        (("colour",), "red"),
        (("travel",), {"source": "formula", "margin_pct": "25", "fixed_minutes": -1}),
        (("prices",), {"overtime_permille": -1, "continuity_s": -1}),
        (("visits", 0, "service_s"), -5),
        (("visits", 0, "colour"), "red"),
        (("visits", 0, "skills"), ["juggling"]),
        (("visits", 0, "pinned_to"), "E9"),
        (("visits", 1, "location"), point(21.24, 81.65)),
        (("visits", 1, "service_s"), "x"),
        (("executives", 0, "shift", "overtime_minutes"), "x"),
        (("executives", 0, "preferred_visits"), ["Z1"]),
    )
    assert set(faults_of(document)) >= {
        ("/city", "unknown_city"),
        ("/date", "closed_day"),
        ("/colour", "unknown_field"),
        ("/travel/margin_pct", "wrong_type"),
        ("/travel/fixed_minutes", "out_of_range"),
        ("/prices/overtime_permille", "negative"),
        ("/prices/continuity_s", "negative"),
        ("/visits/0/service_s", "bad_service"),
        ("/visits/0/colour", "unknown_field"),
        ("/visits/0/skills/0", "unknown_skill"),
        ("/visits/0/pinned_to", "unknown_executive"),
        ("/visits/1/location/coordinates", "coordinates_swapped"),
        ("/visits/1/service_s", "wrong_type"),
        ("/executives/0/shift/overtime_minutes", "wrong_type"),
        ("/executives/0/preferred_visits/0", "unknown_visit"),
    }


def test_a_fault_says_file_place_value_rule_and_code() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_day(json.dumps(changed((("visits", 0, "service_s"), -5))).encode(), "raipur.json")
    assert caught.value.lines() == ["raipur.json:/visits/0/service_s: -5: service takes 0 s to 24 h [bad_service]"]
    assert caught.value.as_json() == [
        {
            "file": "raipur.json",
            "pointer": "/visits/0/service_s",
            "line": None,
            "column": None,
            "code": "bad_service",
            "value": -5,
            "rule": "service takes 0 s to 24 h",
        }
    ]


def test_a_long_value_is_cut_off() -> None:
    with pytest.raises(InvalidInput) as caught:
        day_of(changed((("visits",), {"x": "y" * 10_000})))
    assert len(caught.value.lines()[0]) < 200
    assert len(caught.value.as_json()[0]["value"]) < 600


def test_the_faults_of_a_matrix_are_told_with_those_of_the_day(tmp_path: Path) -> None:
    document = changed((("travel",), {"source": "matrix", "file": "m.csv"}), (("visits", 0, "service_s"), -5))
    (tmp_path / "day.json").write_text(json.dumps(document))
    (tmp_path / "m.csv").write_text("x,office,A1\noffice,0,NaN\nA1,-3\n")
    with pytest.raises(InvalidInput) as caught:
        read_day(tmp_path / "day.json")
    assert [(fault.place, fault.code) for fault in caught.value.faults] == [
        ("day.json:/visits/0/service_s", "bad_service"),
        ("m.csv:2:3", "not_finite"),
        ("m.csv:3:2", "bad_shape"),
    ]
    (tmp_path / "m.csv").write_text("x,office,A1,B7\noffice,0,9,9\nA1,9,0,9\nB7,9,9,0\n")
    with pytest.raises(InvalidInput) as caught:
        read_day(tmp_path / "day.json")
    assert [(fault.place, fault.code) for fault in caught.value.faults] == [
        ("day.json:/visits/0/service_s", "bad_service"),
        ("m.csv:4:1", "unknown_place"),
    ]


def test_a_matrix_in_a_day_without_a_folder_is_told() -> None:
    document = changed((("travel",), {"source": "matrix", "file": "m.csv"}))
    assert faults_of(document) == [("/travel/file", "no_such_file")]


# ----------------------------------------------------------------------------------- whatever

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def spots(value: Any, path: Where = ()) -> list[Where]:
    """Every place of a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [spot for key, each in inside for spot in spots(each, (*path, key))]


@given(st.data())
def test_whatever_stands_in_a_file_it_is_a_day_or_told(data: st.DataObject) -> None:
    full = json.loads(write_day(day_of(small_day())))
    chosen = data.draw(st.lists(st.sampled_from(spots(full)), min_size=1, max_size=3, unique=True))
    for where in sorted(chosen, key=len, reverse=True):
        part: Any = full
        for key in where[:-1]:
            part = part[key]
        part[where[-1]] = data.draw(JUNK)
    day = faults = None
    try:
        day = parse_day(json.dumps(full).encode())
    except InvalidInput as error:
        faults = error
    if day is not None:
        assert write_day(parse_day(write_day(day).encode())) == write_day(day)
    if faults is not None:
        assert all(fault.code and fault.rule for fault in faults.faults)
        assert json.loads(json.dumps(faults.as_json()))
        assert all("\n" not in line for line in faults.lines())


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_bytes_a_file_has_it_is_told_what_is_wrong(data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_day(data)
    assert caught.value.faults
