"""Roster, routes and one executive's part, made from the document of a plan alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from optimizer.domain import Appointment, DayPlan, Limits, Place, Problem, Route
from optimizer.planner import plan_day
from optimizer.timing import timed
from optimizer.units import hhmm
from scenarios import plans
from scenarios.files import read_day
from scenarios.plans import (
    ROSTER_COLUMNS,
    document_csv,
    document_geojson,
    of_executive,
    parse_plan,
    plan_text,
    roster_csv,
    routes_geojson,
)
from tests.builders import appointment, delivery, executive, pause, place, plan, problem
from tests.strategies import Orders, days_with_orders, problems
from tests.test_plans import VALIDATOR, document_of

COMMITTED = sorted((Path(plans.__file__).parent / "data" / "days").glob("*.json"))


def kept(document: dict[str, Any]) -> Any:
    """The document as it comes back from where it was kept: as the text of plan.json."""
    return json.loads(plan_text(document))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def lines_of(text: str) -> list[Any]:
    return [f for f in json.loads(text)["features"] if f["properties"]["role"] == "route"]


def as_of_earlier_releases(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what earlier releases did not say."""
    old = deepcopy(document)
    for route in old["routes"]:
        del route["start_place"], route["end_place"]
        if route["break"] is not None:
            del route["break"]["location"]
        for stop in route["stops"]:
            del stop["slot_close"]
    return old


@pytest.fixture
def day() -> Problem:
    return problem(
        [
            appointment("A1", "09:00", 300, 400),
            appointment("A2", "09:00", 500, 0),
            delivery("D1", 600),
            appointment("A9", "09:00", 90),
        ],
        [
            executive("E1", "08:00", "16:00", start=place("home", 0, 100), rest=pause(30, "08:00", "08:10")),
            executive("E2", "08:00", "16:00"),
            executive("E3", "08:00", "16:00"),
        ],
    )


@pytest.fixture
def document(day: Problem) -> dict[str, Any]:
    return document_of(day, plan(day, E1="A1 D1", E2="A2"))


# ---------------------------------------------------------------------- equal to those of the day


def way_of(day: Problem, route: Route) -> list[Place]:
    who = day.executive_by_id[route.executive_id]
    return [who.start, *(day.visit_by_id[visit_id].place for visit_id in route.visit_ids), who.end]


def expected_rows(day: Problem, day_plan: DayPlan) -> Iterator[dict[str, str]]:
    """The cells of the roster as the day and the plan have them, none of them from a document."""
    for route in day_plan.routes:
        way, pause = way_of(day, route), route.pause
        rows = []
        left_s = route.depart_s
        for number, (stop, (before, here)) in enumerate(zip(route.stops, pairwise(way), strict=False)):
            visit = day.visit_by_id[stop.visit_id]
            wait_s = stop.start_s - stop.arrival_s
            if pause is not None and pause.after_stops == number and pause.start_s >= stop.arrival_s:
                wait_s -= pause.end_s - pause.start_s
            slot = visit.slot if isinstance(visit, Appointment) else None
            rows.append(
                {
                    "executive": route.executive_id,
                    "sequence": str(number + 1),
                    "visit": stop.visit_id,
                    "kind": "delivery" if slot is None else "appointment",
                    "service": visit.service_id or "",
                    "slot": "" if slot is None else f"{hhmm(slot.open_s)}-{hhmm(slot.close_s)}",
                    "arrival": hhmm(stop.arrival_s),
                    "start": hhmm(stop.start_s),
                    "end": hhmm(stop.end_s),
                    "wait_minutes": str(round(wait_s / 60)),
                    "travel_minutes": str(round((stop.arrival_s - left_s) / 60)),
                    "km": f"{day.travel.distance_m(before.place_id, here.place_id) / 1_000:.1f}",
                    "lon": str(here.lon),
                    "lat": str(here.lat),
                }
            )
            left_s = stop.leave_s
        if pause is not None:
            at = next(place for place in way if place.place_id == pause.place_id)
            told = {
                "executive": route.executive_id,
                "kind": "break",
                "start": hhmm(pause.start_s),
                "end": hhmm(pause.end_s),
                "lon": str(at.lon),
                "lat": str(at.lat),
            }
            rows.insert(pause.after_stops, dict.fromkeys(ROSTER_COLUMNS, "") | told)
        yield from rows


def assert_the_document_says_the_same(day: Problem, day_plan: DayPlan) -> None:
    document = kept(document_of(day, day_plan))
    assert document_csv(document) == roster_csv(day, day_plan)
    assert rows_of(document_csv(document)) == list(expected_rows(day, day_plan))
    assert document_geojson(document) == routes_geojson(day, day_plan)
    lines = [line["geometry"]["coordinates"] for line in lines_of(document_geojson(document))]
    assert lines == [[[place.lon, place.lat] for place in way_of(day, route)] for route in day_plan.routes]


@given(days_with_orders(problems(max_visits=6)))
def test_the_document_of_any_plan_gives_the_roster_and_the_routes_of_the_plan(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    assert_the_document_says_the_same(day, timed(day, orders))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_the_documents_of_committed_days_give_roster_and_routes_of_the_day(path: Path) -> None:
    day = read_day(path).problem
    result = plan_day(day, Limits(None, iterations=1), engine="insertion")
    assert result is not None
    assert_the_document_says_the_same(day, result.plan)


def test_a_break_at_home_has_the_point_of_the_home(document: dict[str, Any]) -> None:
    first = rows_of(document_csv(document))[0]
    assert (first["kind"], first["start"], first["lon"], first["lat"]) == ("break", "08:00", "81.64", str(21.24 + 0.01))


# ---------------------------------------------------------------------- plans of earlier releases


def test_a_document_of_an_earlier_release_is_still_a_plan_and_has_a_roster_without_what_it_does_not_say(
    day: Problem, document: dict[str, Any]
) -> None:
    old = as_of_earlier_releases(document)
    assert list(VALIDATOR.iter_errors(old)) == []
    assert parse_plan(plan_text(old).encode(), day) == parse_plan(plan_text(document).encode(), day)
    pause_row, a1, d1, a2 = rows_of(document_csv(document))
    assert rows_of(document_csv(old)) == [
        pause_row | {"lon": "", "lat": ""},
        a1 | {"slot": "09:00"},
        d1,
        a2 | {"slot": "09:00"},
    ]


def test_a_line_of_an_earlier_release_goes_from_the_first_stop_to_the_last(document: dict[str, Any]) -> None:
    first, second = lines_of(document_geojson(document))
    of_two, of_one = lines_of(document_geojson(as_of_earlier_releases(document)))
    assert of_two["geometry"]["coordinates"] == first["geometry"]["coordinates"][1:-1]
    assert len(second["geometry"]["coordinates"]) == 3
    assert of_one["geometry"] is None  # a line of one position is none
    assert of_one["properties"] == second["properties"]


# ------------------------------------------------------------------------------- of one executive


def test_the_part_of_one_executive_is_a_plan_of_that_route_alone(document: dict[str, Any]) -> None:
    assert [visit["id"] for visit in document["unassigned"]] == ["A9"]
    before = deepcopy(document)
    own = of_executive(document, "E2")
    assert own is not None
    assert document == before
    assert list(VALIDATOR.iter_errors(own)) == []
    assert own["routes"] == [document["routes"][1]]
    assert (own["unassigned"], own["broken_promises"], own["kpis"]) == ([], [], {})
    emptied = {"routes", "unassigned", "broken_promises", "kpis"}
    assert {key for key in document if own[key] != document[key]} == emptied
    assert "E1" not in plan_text(own)
    assert [row["visit"] for row in rows_of(document_csv(own))] == ["A2"]
    assert lines_of(document_geojson(own)) == lines_of(document_geojson(document))[1:]


def test_who_has_no_route_has_no_part(document: dict[str, Any]) -> None:
    assert of_executive(document, "E3") is None
    assert of_executive(document, "nobody") is None
