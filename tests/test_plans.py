"""Plans on disk: plan.json that reads back as the same plan, the roster, the routes on a map."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from optimizer.check import violations
from optimizer.domain import DayPlan, Problem, Result, Status
from optimizer.objective import broken_promises, cost
from optimizer.report import ReasonCode, kpis, reasons
from optimizer.timing import timed
from scenarios.files import InvalidInput
from scenarios.plans import (
    ROSTER_COLUMNS,
    parse_plan,
    plan_document,
    plan_schema,
    plan_text,
    read_plan,
    roster_csv,
    routes_geojson,
    write_schemas,
)
from tests.builders import appointment, delivery, executive, pause, place, plan, problem
from tests.strategies import Orders, days_with_orders, problems

SCHEMAS = Path(__file__).parents[1] / "scenarios" / "schema"
VALIDATOR = Draft202012Validator(json.loads(plan_schema()))


def result_of(day: Problem, day_plan: DayPlan) -> Result:
    broken = broken_promises(day, day_plan)
    return Result(
        status=Status.UNKNOWN if broken else Status.FEASIBLE,
        plan=day_plan,
        cost=cost(day, day_plan),
        lower_bound_s=None,
        broken_promises_bound=0,
        gap=None,
        broken_promises=broken,
        engine="insertion",
        seed=7,
        threads=1,
        runtime_s=0.123456,
        travel_origin=day.travel.origin,
        input_sha256=None,
    )


def document_of(day: Problem, day_plan: DayPlan) -> dict[str, Any]:
    result = result_of(day, day_plan)
    return plan_document(day, result, kpis(day, day_plan), reasons(day, day_plan, result.status))


@pytest.fixture
def day() -> Problem:
    return problem(
        [
            appointment("A1", "09:00", 300, 400),
            appointment("A2", "10:00", 300, 400, at=place("A1", 300, 400)),
            appointment("A3", "10:00", 900),
            delivery("D1", 600),
        ],
        [
            executive("E1", rest=pause(30, "11:00", "12:00")),
            executive("E2", "12:00", "20:00", start=place("home", 0, 100)),
        ],
    )


@pytest.fixture
def made(day: Problem) -> DayPlan:
    return plan(day, E1="A1 A2 D1")


def test_plan_json_says_status_cost_terms_and_why_a_visit_is_left_out(day: Problem, made: DayPlan) -> None:
    document = document_of(day, made)
    assert document["status"] == "unknown"
    assert document["cost"] == sum(document["cost_terms"].values()) == cost(day, made).second_level_s
    assert list(document["cost_terms"]) == ["travel", "overtime", "waiting_deliveries", "fairness", "continuity"]
    assert document["broken_promises_weight"] == 1
    assert document["lower_bound"] is None
    assert document["gap"] is None
    assert (document["engine"], document["seed"], document["threads"]) == ("insertion", 7, 1)
    assert document["runtime_s"] == 0.123
    assert document["kpis"]["served_appointments"] == 2
    (told,) = document["unassigned"]
    assert document["broken_promises"] == [told]
    assert (told["id"], told["kind"]) == ("A3", "appointment")
    assert told["reason"] == told["reasons"][0]
    assert {reason["code"] for reason in told["reasons"]} <= {code.value for code in ReasonCode}


def test_plan_json_says_times_distances_and_waiting_of_every_stop(day: Problem, made: DayPlan) -> None:
    (route,) = document_of(day, made)["routes"]
    first, second, third = route["stops"]
    assert first == {
        "sequence": 1,
        "visit": "A1",
        "kind": "appointment",
        "service": None,
        "slot": "2026-12-01T09:00:00+05:30",
        "slot_close": "2026-12-01T10:00:00+05:30",
        "location": {"type": "Point", "coordinates": [81.67, 21.24 + 0.04]},
        "arrival": "2026-12-01T09:00:00+05:30",
        "start": "2026-12-01T09:00:00+05:30",
        "end": "2026-12-01T09:20:00+05:30",
        "leave": "2026-12-01T09:20:00+05:30",
        "travel_s": 500,
        "distance_m": 3_500,
        "wait_s": 0,
    }
    assert (second["travel_s"], second["wait_s"]) == (0, 40 * 60)
    assert third["slot"] is third["slot_close"] is None
    assert route["depart"] == "2026-12-01T08:51:40+05:30"
    assert route["travel_s"] == sum(stop["travel_s"] for stop in route["stops"]) + 600
    assert route["distance_m"] == route["travel_s"] * 7
    assert route["busy_s"] == route["travel_s"] + 2 * 1_200 + 300
    assert route["break"]["end"] == "2026-12-01T11:30:00+05:30"
    assert route["end"] == max(route["return"], route["break"]["end"])
    office = {"place": "office", "location": {"type": "Point", "coordinates": [81.64, 21.24]}}
    assert route["start_place"] == route["end_place"] == office
    assert {key: route["break"][key] for key in office} == office


def test_a_break_at_a_door_is_not_counted_as_waiting() -> None:
    day = problem([appointment("A1", "11:00", 3_600)], [executive("E1", rest=pause(30, "09:30", "10:30"))])
    day_plan = plan(day, E1="A1")
    (route,) = document_of(day, day_plan)["routes"]
    stop = route["stops"][0]
    rest = route["break"]
    waited = dt.datetime.fromisoformat(stop["start"]) - dt.datetime.fromisoformat(stop["arrival"])
    at_the_door = rest["place"] == "A1"
    assert stop["wait_s"] == waited.total_seconds() - (1_800 if at_the_door else 0)


@given(days_with_orders(problems(max_visits=6)))
def test_any_plan_written_and_read_is_the_same_plan(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    day_plan = timed(day, orders)
    document = document_of(day, day_plan)
    assert list(VALIDATOR.iter_errors(json.loads(plan_text(document)))) == []
    back, claimed = parse_plan(plan_text(document).encode(), day)
    assert back == day_plan
    assert claimed == cost(day, day_plan)
    assert claimed.terms() == cost(day, day_plan).terms()
    geometry = json.loads(routes_geojson(day, day_plan))
    assert len(geometry["features"]) == len(day_plan.routes) + sum(1 for _ in day_plan.stops())
    rows = list(csv.DictReader(io.StringIO(roster_csv(day, day_plan))))
    assert len(rows) == sum(1 for _ in day_plan.stops()) + sum(1 for r in day_plan.routes if r.pause)


def test_a_plan_of_nothing_is_a_plan(tmp_path: Path) -> None:
    day = problem()
    (tmp_path / "plan.json").write_text(plan_text(document_of(day, DayPlan((), ()))))
    assert read_plan(tmp_path / "plan.json", day)[0] == DayPlan((), ())
    assert roster_csv(day, DayPlan((), ())) == ",".join(ROSTER_COLUMNS) + "\n"
    assert json.loads(routes_geojson(day, DayPlan((), ()))) == {"type": "FeatureCollection", "features": []}


# ---------------------------------------------------------------------------------- bad plans


def read_changed(day: Problem, document: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse_plan(json.dumps(document).encode(), day)
    return [(fault.code, fault.pointer) for fault in caught.value.faults]


def test_all_faults_of_a_plan_are_told_at_once(day: Problem, made: DayPlan) -> None:
    document = document_of(day, made)
    document["city"], document["date"], document["surprise"] = "korba", "2026-12-02", 1
    document["routes"][0]["stops"][1]["sequence"] = 5
    document["seed"] = "7"
    del document["kpis"]
    assert sorted(read_changed(day, document)) == [
        ("missing_field", "/kpis"),
        ("unknown_field", "/surprise"),
        ("wrong_type", "/seed"),
    ]
    document |= {"seed": 7, "kpis": {}}
    assert read_changed(day, document) == [
        ("unknown_field", "/surprise"),
        ("other_city", "/city"),
        ("other_day", "/date"),
        ("bad_sequence", "/routes/0/stops/1/sequence"),
    ]


def test_times_of_a_plan_carry_the_offset_of_india(day: Problem, made: DayPlan) -> None:
    document = document_of(day, made)
    document["routes"][0]["stops"][0]["arrival"] = "2026-12-01T03:30:00Z"
    assert read_changed(day, document) == [("wrong_offset", "/routes/0/stops/0/arrival")]


def test_a_plan_of_another_version_is_only_told_so(day: Problem) -> None:
    assert read_changed(day, {"schema_version": 2, "x": 1}) == [("unknown_version", "/schema_version")]


def test_broken_json_is_told_by_line_and_column(day: Problem) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_plan(b'{\n "city": raipur}', day)
    (fault,) = caught.value.faults
    assert (fault.code, fault.place) == ("bad_json", "plan.json:2:10")


def test_visits_that_do_not_exist_and_wrong_costs_are_for_the_checker(day: Problem, made: DayPlan) -> None:
    document = document_of(day, made)
    document["routes"][0]["stops"][2]["visit"] = "D9"
    back, claimed = parse_plan(json.dumps(document).encode(), day)
    assert {v.code.value for v in violations(day, back, claimed)} >= {"unknown_visit", "missing_visit"}


@pytest.mark.parametrize("key", ["cost", "broken_promises_weight"])
def test_a_total_that_was_tampered_with_is_found_by_the_checker(day: Problem, made: DayPlan, key: str) -> None:
    document = document_of(day, made)
    back, claimed = parse_plan(json.dumps(document).encode(), day)
    before = {v.code.value for v in violations(day, back, claimed)}
    assert "cost_misreported" not in before
    document[key] += 1
    back, claimed = parse_plan(json.dumps(document).encode(), day)
    assert {v.code.value for v in violations(day, back, claimed)} == before | {"cost_misreported"}


# -------------------------------------------------------------------------- roster and routes


def test_the_roster_has_a_row_for_every_stop_and_break_in_order(day: Problem, made: DayPlan) -> None:
    text = roster_csv(day, made)
    assert text.splitlines()[0] == ",".join(ROSTER_COLUMNS)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["visit"], row["kind"], row["start"]) for row in rows] == [
        ("A1", "appointment", "09:00"),
        ("A2", "appointment", "10:00"),
        ("D1", "delivery", "10:28"),
        ("", "break", "11:00"),
    ]
    assert rows[0] == {
        "executive": "E1",
        "sequence": "1",
        "visit": "A1",
        "kind": "appointment",
        "service": "",
        "slot": "09:00-10:00",
        "arrival": "09:00",
        "start": "09:00",
        "end": "09:20",
        "wait_minutes": "0",
        "travel_minutes": "8",
        "km": "3.5",
        "lon": "81.67",
        "lat": str(21.24 + 0.04),
    }
    assert rows[1]["wait_minutes"] == "40"


def test_routes_are_lines_from_door_to_door_and_stops_are_points(day: Problem, made: DayPlan) -> None:
    collection = json.loads(routes_geojson(day, made))
    line, *stops = collection["features"]
    assert collection["type"] == "FeatureCollection"
    assert line["geometry"]["type"] == "LineString"
    assert line["geometry"]["coordinates"][0] == line["geometry"]["coordinates"][-1] == [81.64, 21.24]
    assert len(line["geometry"]["coordinates"]) == 5
    assert line["properties"]["executive"] == "E1"
    assert line["properties"]["stops"] == 3
    assert [stop["geometry"] for stop in stops] == [
        {"type": "Point", "coordinates": position} for position in line["geometry"]["coordinates"][1:-1]
    ]
    assert stops[0]["properties"]["visit"] == "A1"
    assert stops[0]["properties"]["arrival"] == "2026-12-01T09:00:00+05:30"
    assert set(line) == set(stops[0]) == {"type", "geometry", "properties"}


# -------------------------------------------------------------------------------------- schema


def test_the_published_schema_of_a_plan_is_the_one_the_reader_uses(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    for name in ("day.json", "plan.json"):
        assert (SCHEMAS / name).read_text(encoding="utf-8") == (tmp_path / name).read_text(encoding="utf-8"), (
            "write it anew: python -c \"from scenarios.plans import write_schemas; write_schemas('scenarios/schema')\""
        )


@given(st.sampled_from(["status", "cost_terms", "routes", "unassigned", "gap", "input_sha256"]))
def test_the_schema_asks_for_every_field(key: str) -> None:
    document = document_of(problem(), DayPlan((), ()))
    assert list(VALIDATOR.iter_errors(document)) == []
    del document[key]
    assert [error.validator for error in VALIDATOR.iter_errors(document)] == ["required"]
