"""The day file: what is read, that it reads back exactly, the hash that names it, and its published schema."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from optimizer.domain import Appointment, Delivery, InvalidProblem, Problem, Slot, TimeWindow, places_of
from scenarios.catalogue import load_catalogue
from scenarios.files import (
    InvalidInput,
    ScenarioDay,
    canonical_bytes,
    day_of,
    day_schema,
    input_sha256,
    parse_day,
    read_day,
    scenario_day,
    write_day,
    write_files,
)
from scenarios.travel.formula import FormulaSpec, formula_table
from scenarios.travel.matrix import MatrixSpec, matrix_csv
from tests import builders
from tests.strategies import problems

SCENARIOS = Path(__file__).parents[1] / "scenarios"
SCHEMA = SCENARIOS / "schema" / "day.json"
VALIDATOR = Draft202012Validator(json.loads(day_schema()))


def point(lon: float = 81.64, lat: float = 21.24) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


def clock(text: str) -> str:
    return f"2026-12-01T{text}:00+05:30"


OFFICE = {"place": "office", "location": point()}


def small_day() -> dict[str, Any]:
    """A day with the least that must be said: one executive, one appointment, one delivery."""
    return {
        "schema_version": 1,
        "city": "raipur",
        "date": "2026-12-01",
        "office": OFFICE,
        "executives": [
            {"id": "E1", "start": OFFICE, "end": OFFICE, "shift": {"open": clock("08:00"), "close": clock("16:00")}}
        ],
        "visits": [
            {"id": "A1", "kind": "appointment", "location": point(81.65), "service_s": 1500, "slot": clock("10:00")},
            {"id": "D1", "kind": "delivery", "location": point(81.66), "service_s": 360, "due": "2026-12-05"},
        ],
    }


def in_the_file_format(problem: Problem) -> Problem:
    """A drawn day as the file can say it: whole minutes, travel by the formula."""
    executives = tuple(
        replace(
            e,
            shift=replace(e.shift, overtime_s=e.shift.overtime_s // 60 * 60),
            pause=None if e.pause is None else replace(e.pause, duration_s=max(60, e.pause.duration_s // 60 * 60)),
        )
        for e in problem.executives
    )
    table = formula_table(places_of(problem.office, problem.visits, executives), SPEC)
    return replace(problem, executives=executives, travel=table)


SPEC = FormulaSpec(1.5, 2.75, 10, tuple(float(20 + hour % 7) for hour in range(24)))


def test_what_may_be_left_out_takes_its_default() -> None:
    day = day_of(small_day())
    problem = day.problem
    appointment, delivery = problem.visits
    assert isinstance(appointment, Appointment)
    assert isinstance(delivery, Delivery)
    assert appointment.slot == Slot(36_000, 39_600)
    assert appointment.place.place_id == "A1"
    assert delivery.windows == (TimeWindow(28_800, 72_000 - 360),)
    assert delivery.due == dt.date(2026, 12, 5)
    assert problem.grid.slot_s == 3_600
    assert problem.executives[0].pause is None
    assert problem.starts_at_office(problem.executives[0])
    assert problem.travel.margin_pct == 25
    assert (
        problem.travel.reference_s.tolist()
        == formula_table(places_of(problem.office, problem.visits, [])).reference_s.tolist()
    )
    assert day.travel == FormulaSpec()
    assert day.name is None


def test_a_canonical_text_is_one_line_per_executive_and_visit_with_every_key() -> None:
    text = write_day(day_of(small_day()))
    lines = text.splitlines()
    assert lines[-4:] == [
        '    {"id": "A1", "kind": "appointment", "place": "A1", "location": {"type": "Point", "coordinates": '
        '[81.65, 21.24]}, "service": null, "service_s": 1500, "slot": "2026-12-01T10:00:00+05:30", "weight": 1, '
        '"skills": [], "pinned_to": null},',
        '    {"id": "D1", "kind": "delivery", "place": "D1", "location": {"type": "Point", "coordinates": '
        '[81.66, 21.24]}, "service": null, "service_s": 360, "windows": [{"open": "2026-12-01T08:00:00+05:30", '
        '"close": "2026-12-01T19:54:00+05:30"}], "due": "2026-12-05", "waiting_price_s": null, "held_by": null, '
        '"skills": [], "pinned_to": null}',
        "  ]",
        "}",
    ]
    assert json.loads(text)["executives"][0]["break"] is None


@given(problems(max_visits=5), st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20))
def test_any_day_written_and_read_is_the_same_text_again(drawn: Problem, name: str) -> None:
    problem = in_the_file_format(drawn)
    day = scenario_day(problem, SPEC, name, frozenset({"notary", "rare"}))
    text = write_day(day)
    back = parse_day(text.encode())
    assert write_day(back) == text
    assert back.problem.visits == problem.visits
    assert back.problem.executives == problem.executives
    assert back.problem.office == problem.office
    assert back.problem.grid == problem.grid
    assert replace(back.problem.prices, fairness=()) == replace(problem.prices, fairness=())
    assert sorted(back.problem.prices.fairness) == sorted(problem.prices.fairness)
    assert (back.problem.travel.reference_s == problem.travel.reference_s).all()
    assert back.problem.travel.pace == problem.travel.pace
    assert back.problem.input_sha256 == day.problem.input_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert list(VALIDATOR.iter_errors(json.loads(text))) == []


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_keys_changes_nothing(dice: random.Random) -> None:
    document = small_day()
    document["visits"] += [{**document["visits"][0], "id": f"A{n}", "place": "A1"} for n in range(2, 6)]
    plain = day_of(document)

    def stirred(value: Any) -> Any:
        if isinstance(value, dict):
            keys = dice.sample(sorted(value), len(value))
            return {key: stirred(value[key]) for key in keys}
        return value

    mixed = {key: stirred(value) for key, value in stirred(document).items()}
    mixed["visits"] = [stirred(visit) for visit in dice.sample(document["visits"], len(document["visits"]))]
    assert write_day(day_of(mixed)) == write_day(plain)
    assert day_of(mixed).problem.input_sha256 == plain.problem.input_sha256


def test_the_hash_is_that_of_the_canonical_bytes_and_changes_with_the_content() -> None:
    day = day_of(small_day())
    assert day.problem.input_sha256 == input_sha256(day) == hashlib.sha256(canonical_bytes(day)).hexdigest()
    other = small_day()
    other["visits"][0]["service_s"] = 1501
    assert input_sha256(day_of(other)) != input_sha256(day)


def test_no_visits_and_no_executives_are_a_day() -> None:
    day = day_of({**small_day(), "visits": [], "executives": []})
    assert day.problem.visits == ()
    assert day.problem.executives == ()
    assert write_day(parse_day(write_day(day).encode())) == write_day(day)


def test_default_speeds_are_those_of_the_catalogue_and_are_written_out() -> None:
    day = day_of({**small_day(), "travel": {"source": "formula", "speed_kmh_by_hour": "default"}})
    speeds = load_catalogue().speed_kmh_by_hour
    assert speeds is not None
    assert isinstance(day.travel, FormulaSpec)
    assert day.travel.speed_kmh_by_hour == speeds
    assert json.loads(write_day(day))["travel"]["speed_kmh_by_hour"] == list(speeds)


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault() -> None:
    text = write_day(day_of(small_day()))
    back = parse_day(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert write_day(back) == text


def test_what_the_file_cannot_say_is_not_written() -> None:
    problem = builders.problem([], [builders.executive("E1", rest=builders.pause(30, "11:00", "12:00"))])
    odd = replace(problem.executives[0], shift=replace(problem.executives[0].shift, overtime_s=61))
    with pytest.raises(InvalidProblem) as caught:
        scenario_day(replace(problem, executives=(odd,)), FormulaSpec())
    assert [(f.code, f.pointer) for f in caught.value.faults] == [
        ("not_whole_minutes", "/executives/E1/shift/overtime_minutes")
    ]


# ------------------------------------------------------------------------------------ matrices


def matrix_day(folder: Path, **travel: Any) -> ScenarioDay:
    document = {**small_day(), "travel": {"source": "matrix", "file": "travel.csv", **travel}}
    (folder / "day.json").write_text(json.dumps(document), encoding="utf-8")
    return read_day(folder / "day.json")


def test_a_matrix_beside_the_day_file_gives_the_travel_times(tmp_path: Path) -> None:
    (tmp_path / "travel.csv").write_text("x,office,A1,D1\noffice,0,60,90\nA1,61,0,30\nD1,91,31,0\n")
    (tmp_path / "metres.csv").write_text("x,office,A1,D1\noffice,0,600,900\nA1,610,0,300\nD1,910,310,0\n")
    day = matrix_day(tmp_path, metres_file="metres.csv", margin_pct=0)
    assert day.problem.travel.cost_s("A1", "office") == 61
    assert day.problem.travel.distance_m("A1", "office") == 610
    assert isinstance(day.travel, MatrixSpec)
    assert day.travel.sha256 == hashlib.sha256((tmp_path / "travel.csv").read_bytes()).hexdigest()
    (tmp_path / "day.json").write_text(write_day(day), encoding="utf-8")
    back = read_day(tmp_path / "day.json")
    assert write_day(back) == write_day(day)
    assert back.problem.input_sha256 == day.problem.input_sha256


def test_another_matrix_is_another_input(tmp_path: Path) -> None:
    (tmp_path / "travel.csv").write_text("x,office,A1,D1\noffice,0,60,90\nA1,61,0,30\nD1,91,31,0\n")
    first = matrix_day(tmp_path)
    (tmp_path / "travel.csv").write_text("x,office,A1,D1\noffice,0,60,90\nA1,62,0,30\nD1,91,31,0\n")
    assert matrix_day(tmp_path).problem.input_sha256 != first.problem.input_sha256
    assert isinstance(first.travel, MatrixSpec)
    with pytest.raises(InvalidInput, match="file_changed"):
        matrix_day(tmp_path, sha256=first.travel.sha256)


def test_the_template_of_a_matrix_reads_as_all_filled_by_the_formula(tmp_path: Path) -> None:
    (tmp_path / "travel.csv").write_text(matrix_csv(["office", "A1", "D1"]))
    day = matrix_day(tmp_path)
    plain = day_of(small_day()).problem.travel
    assert len(day.problem.travel.filled) == 6
    assert day.problem.travel.cost_s("A1", "D1") == plain.cost_s("A1", "D1")


def test_a_day_names_files_of_its_own_folder_only(tmp_path: Path) -> None:
    for name in ("../travel.csv", "/etc/passwd", "a/../../b.csv", "C:\\travel.csv", ""):
        with pytest.raises(InvalidInput) as caught:
            matrix_day(tmp_path, file=name)
        assert [(f.code, f.pointer) for f in caught.value.faults] == [("bad_file_name", "/travel/file")]
    with pytest.raises(InvalidInput) as caught:
        matrix_day(tmp_path, file="none.csv")
    assert [(f.code, f.pointer) for f in caught.value.faults] == [("no_such_file", "/travel/file")]


# ------------------------------------------------------------------------------------- schema


def test_the_published_schema_is_the_one_the_reader_uses() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == day_schema(), (
        "write it anew: python -c \"from scenarios.plans import write_schemas; write_schemas('scenarios/schema')\""
    )


def test_the_schema_is_a_schema_and_takes_a_small_day() -> None:
    schema = json.loads(day_schema())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(VALIDATOR.iter_errors(small_day())) == []


@pytest.mark.parametrize("path", sorted((SCENARIOS / "data" / "days").glob("*.json")), ids=lambda path: path.stem)
def test_every_committed_day_fits_the_schema_and_is_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert list(VALIDATOR.iter_errors(json.loads(text))) == []
    assert write_day(read_day(path)) == text


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("visits", 0, "service_s"), "1500"),
        (("visits", 0, "service_s"), -1),
        (("visits", 0, "service_s"), 15.5),
        (("visits", 0, "slot"), "10:00"),
        (("visits", 0, "slot"), "2026-12-01T10:00:00Z"),
        (("visits", 0, "id"), "A 1"),
        (("visits", 0, "kind"), "pickup"),
        (("visits", 0, "colour"), "red"),
        (("visits", 0, "skills"), ["a", "a"]),
        (("visits", 0, "location"), {"type": "Point", "coordinates": [81.6]}),
        (("visits", 1, "windows"), []),
        (("visits", 1, "due"), "tomorrow"),
        (("executives", 0, "break"), {"minutes": 0, "earliest": clock("11:00"), "latest": clock("12:00")}),
        (("executives", 0, "shift", "overtime_minutes"), -1),
        (("travel",), {"source": "map"}),
        (("travel",), {"source": "formula", "speed_kmh_by_hour": [24] * 23}),
        (("prices",), {"overtime_permille": "dear"}),
        (("slot_minutes",), 0),
        (("schema_version",), 2),
        (("name",), "x" * 201),
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(where: tuple[str | int, ...], value: Any) -> None:
    document = copy.deepcopy(small_day())
    part: Any = document
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    assert list(VALIDATOR.iter_errors(document))
    with pytest.raises(InvalidInput) as caught:
        day_of(document)
    assert all(fault.path[: len(where)] == where for fault in caught.value.faults)


# -------------------------------------------------------------------------------- written whole


def test_files_are_written_whole_and_replace_old_ones(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "raipur"
    write_files(folder, {"plan.json": "old", "roster.csv": "x"})
    write_files(folder, {"plan.json": "नया"})
    assert (folder / "plan.json").read_text(encoding="utf-8") == "नया"
    assert sorted(p.name for p in folder.iterdir()) == ["plan.json", "roster.csv"]


def test_when_one_file_cannot_be_written_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"plan.json": "old"})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_files(tmp_path, {"plan.json": "new", "roster.csv": "new"})
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]
    assert (tmp_path / "plan.json").read_text() == "old"
