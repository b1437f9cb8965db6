"""Days as two tables: what a planner may write, what comes back, and every fault with its line and column."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from optimizer.domain import Appointment, Delivery, Problem, Slot, TimeWindow, places_of
from optimizer.timing import runnable_prefixes
from scenarios.catalogue import load_catalogue
from scenarios.files import InvalidInput, ScenarioDay, read_day, scenario_day, write_day
from scenarios.tables import read_tables, write_tables, write_template
from scenarios.travel.formula import FormulaSpec, formula_table
from tests.strategies import problems
from tests.test_files import SCENARIOS, SPEC, in_the_file_format

DATE = dt.date(2026, 12, 1)
VISITS = """\
id,kind,lon,lat,service_minutes,slot,skills,windows,due,note
A1,appointment,81.65,21.25,25,10:00,aadhaar_kit,,,बाईं ओर का घर
D1,delivery,81.66,21.24,7.5,,,09:00-12:00;14:00:30-18:00,2026-12-05,
"""
EXECUTIVES = """\
id,shift_open,shift_close,overtime_minutes,skills,start_lon,start_lat,break_minutes,break_earliest,break_latest
E1,08:00,16:00,60,aadhaar_kit,,,30,11:00,14:30
E2,2026-12-01T12:00:00+05:30,20:00,,,81.63,21.20,,,
"""


def read(folder: Path, visits: str | bytes = VISITS, executives: str | bytes = EXECUTIVES, **rest: Any) -> ScenarioDay:
    for name, content in (("visits.csv", visits), ("executives.csv", executives)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tables(folder / "visits.csv", folder / "executives.csv", city="raipur", date=DATE, **rest)


def places_of_faults(
    folder: Path, visits: str | bytes = VISITS, executives: str | bytes = EXECUTIVES, **rest: Any
) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        read(folder, visits, executives, **rest)
    return [(fault.place, fault.code) for fault in caught.value.faults]


def test_a_planners_tables_become_a_day(tmp_path: Path) -> None:
    day = read(tmp_path)
    appointment, delivery = day.problem.visits
    assert isinstance(appointment, Appointment)
    assert isinstance(delivery, Delivery)
    assert (appointment.service_s, appointment.slot) == (1_500, Slot(36_000, 39_600))
    assert appointment.skills == {"aadhaar_kit"}
    assert delivery.service_s == 450
    assert delivery.windows == (TimeWindow(32_400, 43_200), TimeWindow(50_430, 64_800))
    assert delivery.due == dt.date(2026, 12, 5)
    first, second = day.problem.executives
    assert day.problem.starts_at_office(first)
    assert (first.shift.open_s, first.shift.close_s, first.shift.overtime_s) == (28_800, 57_600, 3_600)
    assert first.pause is not None
    assert (first.pause.duration_s, first.pause.window) == (1_800, TimeWindow(39_600, 52_200))
    assert (second.start.place_id, second.start.lon, second.end) == ("home-E2", 81.63, second.start)
    assert second.shift.open_s == 43_200
    assert second.pause is None


def test_what_tables_do_not_say_comes_from_the_catalogue(tmp_path: Path) -> None:
    catalogue = load_catalogue()
    day = read(tmp_path)
    assert (day.problem.office.lon, day.problem.office.lat) == (
        catalogue.city("raipur").office.lon,
        catalogue.city("raipur").office.lat,
    )
    assert day.travel == FormulaSpec(
        margin_pct=catalogue.scheme.travel_margin_percent, speed_kmh_by_hour=catalogue.speed_kmh_by_hour
    )
    assert day.problem.grid.slot_s == 3_600
    assert read(tmp_path, slot_minutes=30).problem.grid.slot_s == 1_800


@given(problems(max_visits=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_day_written_as_tables_and_read_is_the_same_day(tmp_path: Path, drawn: Problem) -> None:
    written = in_the_file_format(drawn)
    by_formula = formula_table(places_of(written.office, written.visits, written.executives), SPEC)
    assume(all(runnable_prefixes(replace(written, travel=by_formula)).values()))
    day = scenario_day(written, SPEC, "a name", frozenset({"notary"}))
    visits, executives = write_tables(day, tmp_path)
    rest = json.loads(write_day(day))
    del rest["visits"], rest["executives"]
    back = read_tables(visits, executives, city="raipur", date=DATE, rest=rest)
    assert write_day(back) == write_day(day)


def test_a_committed_day_survives_the_spreadsheet(tmp_path: Path) -> None:
    day = read_day(SCENARIOS / "data" / "days" / "korba.json")
    visits, executives = write_tables(day, tmp_path)
    rest = json.loads(write_day(day))
    del rest["visits"], rest["executives"]
    back = read_tables(visits, executives, city="Korba", date=day.problem.date, rest=rest)
    assert back.problem.input_sha256 == day.problem.input_sha256


def test_a_byte_order_mark_windows_line_ends_empty_rows_and_hindi_notes_are_no_fault(tmp_path: Path) -> None:
    plain = write_day(read(tmp_path))
    windows = "\ufeff" + VISITS.replace("\n", "\r\n").replace("D1,", "\r\n,,,,,,,,,\r\nD1,")
    assert write_day(read(tmp_path, windows)) == plain
    several_lines = VISITS.replace("बाईं ओर का घर", '"पहली पंक्ति\r\nदूसरी, ""पंक्ति"""')
    assert write_day(read(tmp_path, several_lines)) == plain
    headings = VISITS.replace("id,kind", " ID , Kind")
    assert write_day(read(tmp_path, headings)) == plain


def test_the_order_of_rows_and_columns_changes_nothing(tmp_path: Path) -> None:
    rows = [line.split(",") for line in VISITS.splitlines()]
    turned = "\n".join(",".join(reversed(row)) for row in (rows[0], rows[2], rows[1]))
    assert write_day(read(tmp_path, turned)) == write_day(read(tmp_path))


def test_the_template_explains_every_column_and_is_a_day(tmp_path: Path) -> None:
    visits, executives, explanation = write_template(tmp_path)
    day = read_tables(visits, executives, city="raipur", date=DATE)
    assert [v.visit_id for v in day.problem.visits] == ["A001", "D001"]
    assert [e.executive_id for e in day.problem.executives] == ["E01", "E02"]
    text = explanation.read_text(encoding="utf-8")
    for table in (visits, executives):
        for column in table.read_text(encoding="utf-8").splitlines()[0].split(","):
            assert f"  {column}" in text or column == "note"


def test_the_template_never_overwrites_somebodys_work(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("mine")
    with pytest.raises(InvalidInput) as caught:
        write_template(tmp_path)
    assert [fault.code for fault in caught.value.faults] == ["file_exists"]
    assert [path.name for path in tmp_path.iterdir()] == ["visits.csv"]
    assert (tmp_path / "visits.csv").read_text() == "mine"


# ------------------------------------------------------------------------------------- faults


def test_all_faults_of_both_tables_are_told_at_once_by_line_and_column(tmp_path: Path) -> None:
    visits = """\
id,kind,lon,lat,service_minutes,slot,skills,windows,due,weight,note
A1,appointment,81.65,21.25,-5,10:00,,,,,"two
lines"
A1,appointment,21.25,81.65,25,21:00,,,,,
A3,appointment,81.65,,25,25:99,juggling,,,,
D4,delivery,81.65,21.25,abc,,,18:00-09:00,05-12-2026,,
D5,delivery,81.65,NaN,5,,,,2026-12-05,,
A 6,appointment,81.65,21.25,61,10:30,,,,1.5,
D7,delivery,81.65,21.25,5,10:00,,morning,2026-12-05,,
,pickup,81.65,21.25,5,,,,,,
"""
    executives = """\
id,shift_open,shift_close,overtime_minutes,skills,break_minutes,preferred_visits,start_lon
E1,16:00,08:00,0.5,,30,A1 Z9,
E2,08:00,2026-12-01T16:00:00Z,,,,,81.6
"""
    assert sorted(places_of_faults(tmp_path, visits, executives)) == sorted(
        [
            ("visits.csv:2:service_minutes", "bad_service"),
            ("visits.csv:2:id", "duplicate_id"),
            ("visits.csv:4:id", "duplicate_id"),
            ("visits.csv:4:lon", "coordinates_swapped"),
            ("visits.csv:4:slot", "outside_hours"),
            ("visits.csv:5:lat", "missing_field"),
            ("visits.csv:5:slot", "bad_time"),
            ("visits.csv:5:skills", "unknown_skill"),
            ("visits.csv:6:service_minutes", "not_a_number"),
            ("visits.csv:6:windows", "bad_window"),
            ("visits.csv:6:due", "bad_date"),
            ("visits.csv:7:lat", "not_finite"),
            ("visits.csv:8:id", "bad_id"),
            ("visits.csv:8:service_minutes", "service_longer_than_slot"),
            ("visits.csv:8:slot", "not_a_slot"),
            ("visits.csv:8:weight", "not_whole"),
            ("visits.csv:9:slot", "not_of_this_kind"),
            ("visits.csv:9:windows", "bad_window"),
            ("visits.csv:10:kind", "unknown_value"),
            ("executives.csv:2:shift_close", "bad_shift"),
            ("executives.csv:2:overtime_minutes", "not_whole"),
            ("executives.csv:2:break_earliest", "missing_field"),
            ("executives.csv:2:break_latest", "missing_field"),
            ("executives.csv:2:preferred_visits", "unknown_visit"),
            ("executives.csv:3:shift_close", "wrong_offset"),
            ("executives.csv:3:start_lat", "missing_field"),
        ]
    )


def test_a_fault_shows_the_cell_as_it_stands_in_the_table(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, VISITS.replace(",25,", ",-5,"))
    assert caught.value.lines() == ['visits.csv:2:service_minutes: "-5": service takes 0 s to 24 h [bad_service]']
    assert caught.value.as_json() == [
        {
            "file": "visits.csv",
            "pointer": None,
            "line": 2,
            "column": "service_minutes",
            "code": "bad_service",
            "value": "-5",
            "rule": "service takes 0 s to 24 h",
        }
    ]


def test_headings_are_checked_before_rows(tmp_path: Path) -> None:
    visits = "id,kind,lon,lat,colour,kind\nA1,appointment,81.6,21.2,red,x\n"
    assert places_of_faults(tmp_path, visits) == [
        ("visits.csv:1:kind", "duplicate_column"),
        ("visits.csv:1:colour", "unknown_column"),
        ("visits.csv:1:service_minutes", "missing_column"),
    ]


def test_rows_of_another_length_are_told_and_what_refers_to_them_is_not(tmp_path: Path) -> None:
    short = EXECUTIVES.replace("E1,08:00,16:00,60,", "E1,08:00,60,")
    visits = VISITS.replace("note\n", "pinned_to\n").replace("बाईं ओर का घर", "E1")
    assert places_of_faults(tmp_path, visits, short) == [("executives.csv:2:9", "wrong_length")]
    long = EXECUTIVES.replace("14:30", "14:30,x")
    assert places_of_faults(tmp_path, visits, long) == [("executives.csv:2:11", "wrong_length")]


@pytest.mark.parametrize(
    ("content", "place", "code"),
    [
        (b"", "visits.csv:1:1", "empty_file"),
        (VISITS.replace(",", ";").encode(), "visits.csv:1:1", "not_comma_separated"),
        (VISITS.encode("utf-16"), "visits.csv:1:1", "not_utf8"),
        (VISITS.replace("बाईं ओर का घर", "caf\xe9").encode("latin-1"), "visits.csv:2:1", "not_utf8"),
        (VISITS.replace("बाईं", '"बाईं').encode(), "visits.csv:2:1", "bad_csv"),
    ],
)
def test_what_is_no_table_is_told_by_line(tmp_path: Path, content: bytes, place: str, code: str) -> None:
    assert places_of_faults(tmp_path, content) == [(place, code)]


def test_a_missing_file_an_unknown_city_and_a_closed_day_are_told(tmp_path: Path) -> None:
    read(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        read_tables(tmp_path / "none.csv", tmp_path / "executives.csv", city="raipur", date=DATE)
    assert [(f.place, f.code) for f in caught.value.faults] == [("none.csv:/", "no_such_file")]
    with pytest.raises(InvalidInput) as caught:
        read_tables(tmp_path / "visits.csv", tmp_path / "executives.csv", city="mumbai", date=DATE)
    assert [f.code for f in caught.value.faults] == ["unknown_city"]
    closed = dt.date(2026, 10, 2)
    executives = EXECUTIVES.replace("2026-12-01T12:00:00+05:30", "12:00")
    (tmp_path / "executives.csv").write_text(executives)
    with pytest.raises(InvalidInput) as caught:
        read_tables(tmp_path / "visits.csv", tmp_path / "executives.csv", city="raipur", date=closed)
    assert [(f.place, f.code) for f in caught.value.faults] == [("day:/date", "closed_day")]


def test_tables_without_rows_are_a_day(tmp_path: Path) -> None:
    day = read(tmp_path, VISITS.splitlines()[0], EXECUTIVES.splitlines()[0])
    assert (day.problem.visits, day.problem.executives) == ((), ())
