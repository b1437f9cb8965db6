"""Plans on disk: plan.json for machines, a roster for planners, routes for a map.

plan.json says everything of a result: its times with +05:30 to the second, so that reading it back gives the
very same plan. What can be derived from the day and the times (distances, waiting, places, figures) is written for
those who read the file without the day, and not read back; the checker judges the times and the cost. Roster and
routes are made from plan.json alone, so a plan that was published years ago gives them, too.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from optimizer.domain import (
    Appointment,
    Cost,
    DayPlan,
    Fault,
    Place,
    PlannedBreak,
    Problem,
    Result,
    Route,
    Stop,
    Visit,
)
from optimizer.objective import route_busy_s, route_overtime_s, route_travel_s
from optimizer.units import MINUTE_S, day_second, hhmm, rfc3339
from scenarios.files import InvalidInput, day_schema, in_json, read_bytes, write_files
from scenarios.files.day import point
from scenarios.files.notes import Notes
from scenarios.files.shape import (
    Date,
    Id,
    Moment,
    NotNegative,
    PlaceShape,
    PointShape,
    Shape,
    Version,
    schema_text,
)
from scenarios.files.text import parsed

PLAN_VERSION = 1
TERMS = ("travel", "overtime", "waiting_deliveries", "fairness", "continuity")
ROSTER_COLUMNS = (
    "executive",
    "sequence",
    "visit",
    "kind",
    "service",
    "slot",
    "arrival",
    "start",
    "end",
    "wait_minutes",
    "travel_minutes",
    "km",
    "lon",
    "lat",
)

# -------------------------------------------------------------------------------- the shape


class ReasonShape(Shape):
    """Why a visit is not planned, with an amount in a unit, and whom and what it speaks of."""

    code: str
    proof: Literal["proved", "heuristic"]
    """Proved holds for every plan of the day, heuristic for this one."""
    amount: int
    unit: str
    text: str
    executives: list[Id]
    visits: list[Id]


class UnplannedShape(Shape):
    """A visit on no route; a promise among them is broken."""

    id: Id
    kind: Literal["appointment", "delivery"]
    reason: ReasonShape | None
    """The first of `reasons`."""
    reasons: list[ReasonShape]


class PlanBreakShape(Shape):
    """The break, after so many stops of the route, at a place: of the stop before, or of the one after."""

    start: Moment
    end: Moment
    after_stops: NotNegative
    place: Id
    location: PointShape | None = None
    """Of the place; plans of earlier releases do not say it."""


class StopShape(Shape):
    """A visit on a route: arrival <= start <= end <= leave."""

    sequence: Annotated[int, Field(json_schema_extra={"minimum": 1})]
    visit: Id
    kind: Literal["appointment", "delivery"]
    service: Id | None
    slot: Moment | None
    """When the slot of an appointment opens."""
    slot_close: Moment | None = None
    """When the slot of an appointment closes; plans of earlier releases do not say it."""
    location: PointShape
    arrival: Moment
    start: Moment
    end: Moment
    leave: Moment
    travel_s: NotNegative
    """Reference seconds from the place before."""
    distance_m: NotNegative
    wait_s: NotNegative
    """Between arrival and start, a break there not counted."""


class RouteShape(Shape):
    """The day of one executive, from departure to the end."""

    executive: Id
    depart: Moment
    return_: Annotated[Moment, Field(alias="return")]
    end: Moment
    """The return, or the break where it is taken after it."""
    travel_s: NotNegative
    """Reference seconds of all trips, the way home included."""
    distance_m: NotNegative
    busy_s: NotNegative
    """Service and reference travel."""
    overtime_s: NotNegative
    start_place: PlaceShape | None = None
    """Where the executive departs from; plans of earlier releases do not say it."""
    end_place: PlaceShape | None = None
    """Where the executive returns to; plans of earlier releases do not say it."""
    pause: Annotated[PlanBreakShape | None, Field(alias="break")]
    stops: list[StopShape]


class TermsShape(Shape):
    """The second cost level, term by term, in cost seconds."""

    travel: NotNegative
    overtime: NotNegative
    waiting_deliveries: NotNegative
    fairness: NotNegative
    continuity: NotNegative


class PlanShape(Shape):
    """A day plan with its cost, its proof, and what is needed to get it again."""

    schema_version: Version
    city: Id
    date: Date
    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    engine: str
    seed: NotNegative
    threads: Annotated[int, Field(json_schema_extra={"minimum": 1})]
    runtime_s: Annotated[float, Field(json_schema_extra={"minimum": 0})]
    travel_origin: str
    input_sha256: str | None
    """Of the canonical text of the day."""
    cost: NotNegative
    """The second level: the sum of `cost_terms`, in cost seconds."""
    cost_terms: TermsShape
    broken_promises_weight: NotNegative
    """The first level: promises broken, by weight."""
    lower_bound: NotNegative | None
    """Of the second level of every plan that breaks no more promises than the proven least."""
    broken_promises_bound: NotNegative
    """No plan breaks promises of less weight."""
    gap: float | None
    """(cost - lower bound) / cost; null while more promises are broken than the proven least, or without a bound."""
    broken_promises: list[UnplannedShape]
    unassigned: list[UnplannedShape]
    """Every visit on no route, broken promises among them."""
    routes: list[RouteShape]
    kpis: dict[str, Any]


_PLAN = TypeAdapter(PlanShape)


def plan_schema() -> str:
    """The published schema of a plan: `scenarios/schema/plan.json`."""
    return schema_text(PlanShape, "A day plan of the Mitaan doorstep service")


def write_schemas(folder: str | Path) -> None:
    """Write the published schemas, day.json and plan.json, into a folder."""
    write_files(folder, {"day.json": day_schema(), "plan.json": plan_schema()})


# ------------------------------------------------------------------------------------ written


def plan_document(
    problem: Problem, result: Result, kpis: object, reasons: Mapping[str, Sequence[object]]
) -> dict[str, Any]:
    """A result as plan.json says it, in plain JSON values.

    `kpis` is a dataclass or a mapping, `reasons` gives for each unassigned visit id why it is on no route,
    the most telling first, each a dataclass or mapping as in `ReasonShape`.
    """
    plan = result.plan

    def unplanned(visit_id: str) -> dict[str, Any]:
        told = [_plain(reason) for reason in reasons.get(visit_id, ())]
        return {
            "id": visit_id,
            "kind": _kind(problem.visit_by_id[visit_id]),
            "reason": told[0] if told else None,
            "reasons": told,
        }

    return {
        "schema_version": PLAN_VERSION,
        "city": problem.city,
        "date": problem.date.isoformat(),
        "status": str(result.status),
        "engine": result.engine,
        "seed": result.seed,
        "threads": result.threads,
        "runtime_s": round(result.runtime_s, 3),
        "travel_origin": result.travel_origin,
        "input_sha256": result.input_sha256,
        "cost": result.cost.second_level_s,
        "cost_terms": result.cost.terms(),
        "broken_promises_weight": result.cost.broken_promises,
        "lower_bound": result.lower_bound_s,
        "broken_promises_bound": result.broken_promises_bound,
        "gap": result.gap,
        "broken_promises": [unplanned(visit_id) for visit_id in result.broken_promises],
        "unassigned": [unplanned(visit_id) for visit_id in plan.unassigned],
        "routes": [_route(problem, route) for route in plan.routes],
        "kpis": _plain(kpis),
    }


def plan_text(document: Mapping[str, Any]) -> str:
    """The text of plan.json."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: object) -> Any:
    """Dataclasses, enumerations and dates as plain JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_plain(each) for each in items]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else value


def _kind(visit: Visit) -> str:
    return "appointment" if isinstance(visit, Appointment) else "delivery"


def _places(problem: Problem, route: Route) -> list[Place]:
    """The places of a route from the start to the end, both included."""
    executive = problem.executive_by_id[route.executive_id]
    return [executive.start, *(problem.visit_by_id[v].place for v in route.visit_ids), executive.end]


def _legs_m(problem: Problem, route: Route) -> list[int]:
    """Metres of each trip of a route, the way home last."""
    places = _places(problem, route)
    return [problem.travel.distance_m(a.place_id, b.place_id) for a, b in pairwise(places)]


def _wait_s(route: Route, stop: Stop) -> int:
    """Seconds at the door before service, a break there not counted."""
    pause = route.pause
    resting_s = max(0, min(stop.start_s, pause.end_s) - max(stop.arrival_s, pause.start_s)) if pause else 0
    return stop.start_s - stop.arrival_s - resting_s


def _place(place: Place) -> dict[str, Any]:
    return {"place": place.place_id, "location": point(place)}


def _route(problem: Problem, route: Route) -> dict[str, Any]:
    date, pause = problem.date, route.pause
    places, legs_m = _places(problem, route), _legs_m(problem, route)
    stops = []
    for number, stop in enumerate(route.stops):
        visit = problem.visit_by_id[stop.visit_id]
        slot = visit.slot if isinstance(visit, Appointment) else None
        stops.append(
            {
                "sequence": number + 1,
                "visit": stop.visit_id,
                "kind": _kind(visit),
                "service": visit.service_id,
                "slot": None if slot is None else rfc3339(date, slot.open_s),
                "slot_close": None if slot is None else rfc3339(date, slot.close_s),
                "location": point(visit.place),
                "arrival": rfc3339(date, stop.arrival_s),
                "start": rfc3339(date, stop.start_s),
                "end": rfc3339(date, stop.end_s),
                "leave": rfc3339(date, stop.leave_s),
                "travel_s": problem.travel.cost_s(places[number].place_id, visit.place.place_id),
                "distance_m": legs_m[number],
                "wait_s": _wait_s(route, stop),
            }
        )
    rest = None
    if pause is not None:
        rest = {
            "start": rfc3339(date, pause.start_s),
            "end": rfc3339(date, pause.end_s),
            "after_stops": pause.after_stops,
            "place": pause.place_id,
            "location": {place.place_id: point(place) for place in places}.get(pause.place_id),
        }
    return {
        "executive": route.executive_id,
        "depart": rfc3339(date, route.depart_s),
        "return": rfc3339(date, route.return_s),
        "end": rfc3339(date, route.end_s),
        "travel_s": route_travel_s(problem, route),
        "distance_m": sum(legs_m),
        "busy_s": route_busy_s(problem, route),
        "overtime_s": route_overtime_s(problem, route),
        "start_place": _place(places[0]),
        "end_place": _place(places[-1]),
        "break": rest,
        "stops": stops,
    }


# --------------------------------------------------------------------------------------- read


def read_plan(path: str | Path, problem: Problem) -> tuple[DayPlan, Cost]:
    """The plan of a day in a file, and the cost it claims.

    Whether it is a good plan, even whether its visits exist, is for the checker; here a plan only has to be
    well formed and of the same city and date. Raises InvalidInput with every fault of that kind.
    """
    source = Path(path)
    return parse_plan(read_bytes(source), problem, source.name)


def parse_plan(data: bytes, problem: Problem, file: str = "plan.json") -> tuple[DayPlan, Cost]:
    """As `read_plan`, from the bytes of a file called `file`."""
    document, faults = parsed(data, file)
    if document.get("schema_version", PLAN_VERSION) != PLAN_VERSION:
        rule = f"version {PLAN_VERSION} of the plan file"
        version = Fault(("schema_version",), "unknown_version", document["schema_version"], rule)
        raise InvalidInput(in_json(file, [version]))
    notes = Notes(document, file, faults)
    shape = notes.fitted(_PLAN, document, ()).shape
    if shape is not None:
        if shape.city != problem.city:
            notes.note(("city",), "other_city", shape.city, f"{problem.city}, the city of the day")
        if shape.date != problem.date:
            notes.note(("date",), "other_day", str(shape.date), f"{problem.date}, the date of the day")
        for number, route in enumerate(shape.routes):
            for position, stop in enumerate(route.stops):
                if stop.sequence != position + 1:
                    at = ("routes", number, "stops", position, "sequence")
                    notes.note(at, "bad_sequence", stop.sequence, f"{position + 1}: stops are counted in order")
    if shape is None or notes.faults:
        raise InvalidInput(notes.all_faults())
    routes = tuple(_read_route(route, problem.date) for route in shape.routes)
    return DayPlan(routes, tuple(visit.id for visit in shape.unassigned)), _claimed(shape)


def _claimed(shape: PlanShape) -> Cost:
    """The cost as the file claims it.

    Terms that do not add up to the total contradict it, and neither is believed: travel is counted as -1,
    which no plan costs, so the checker always finds it.
    """
    terms = shape.cost_terms
    total = terms.travel + terms.overtime + terms.waiting_deliveries + terms.fairness + terms.continuity
    return Cost(
        broken_promises=shape.broken_promises_weight,
        travel_s=terms.travel if shape.cost == total else -1,
        overtime_s=terms.overtime,
        waiting_deliveries_s=terms.waiting_deliveries,
        fairness_s=terms.fairness,
        continuity_s=terms.continuity,
    )


def _read_route(shape: RouteShape, date: dt.date) -> Route:
    def second(moment: dt.datetime) -> int:
        return day_second(date, moment)

    pause = None
    if shape.pause is not None:
        rest = shape.pause
        pause = PlannedBreak(second(rest.start), second(rest.end), rest.after_stops, rest.place)
    stops = tuple(
        Stop(stop.visit, second(stop.arrival), second(stop.start), second(stop.end), second(stop.leave))
        for stop in shape.stops
    )
    return Route(shape.executive, second(shape.depart), stops, second(shape.return_), pause)


# ------------------------------------------------------------------------------- for planners


def of_executive(document: Mapping[str, Any], executive_id: str) -> dict[str, Any] | None:
    """The part of a plan document that concerns one executive, None where the executive has no route.

    It is a plan document by the published schema, with that one route, without visits on no route and without
    figures. Status, cost and bounds are still those of the whole day.
    """
    routes = [route for route in document["routes"] if route["executive"] == executive_id]
    if not routes:
        return None
    return {**document, "broken_promises": [], "unassigned": [], "routes": routes, "kpis": {}}


def roster_csv(problem: Problem, plan: DayPlan) -> str:
    """As `document_csv`, of a plan that is not a document yet."""
    return document_csv(_sketch(problem, plan))


def document_csv(document: Mapping[str, Any]) -> str:
    """A row per stop and break of a plan document, by executive and time; times as 08:05, seconds cut off.

    `travel_minutes` and `km` are those of the way to the stop, by the clock, so safety margin and hour are in
    them. The way home is not a stop and has no row. In plans of earlier releases a slot is only its opening, and
    a break has no point.
    """
    import pandas as pd  # noqa: PLC0415  a third of a second that planning a day does not need

    date = dt.date.fromisoformat(document["date"])
    rows = [row for route in document["routes"] for row in _roster_rows(date, route)]
    return pd.DataFrame(rows, columns=list(ROSTER_COLUMNS), dtype=object).to_csv(index=False, lineterminator="\n")


def routes_geojson(problem: Problem, plan: DayPlan) -> str:
    """As `document_geojson`, of a plan that is not a document yet."""
    return document_geojson(_sketch(problem, plan))


def document_geojson(document: Mapping[str, Any]) -> str:
    """The routes of a plan document as lines, its stops as points (RFC 7946), longitude first, times with +05:30.

    Lines are straight from stop to stop; there is no map behind them. In plans of earlier releases a line goes from
    the first stop to the last, and has no geometry where these are one.
    """
    features = []
    for route in document["routes"]:
        told = {key: value for key, value in route.items() if key not in ("start_place", "end_place", "stops")}
        properties = {"role": "route", **told, "stops": len(route["stops"])}
        features.append({"type": "Feature", "geometry": _line(route), "properties": properties})
        for stop in route["stops"]:
            told = {key: value for key, value in stop.items() if key != "location"}
            properties = {"role": "stop", "executive": route["executive"], **told}
            features.append({"type": "Feature", "geometry": stop["location"], "properties": properties})
    parts = [json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in features]
    body = "\n" + ",\n".join(parts) + "\n" if parts else ""
    return f'{{"type": "FeatureCollection", "features": [{body}]}}\n'


def _sketch(problem: Problem, plan: DayPlan) -> dict[str, Any]:
    """So much of the document of a plan as roster and routes are made from."""
    return {"date": problem.date.isoformat(), "routes": [_route(problem, route) for route in plan.routes]}


def _roster_rows(date: dt.date, route: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    def second(moment: str) -> int:
        return day_second(date, dt.datetime.fromisoformat(moment))

    def clock(moment: str | None) -> str | None:
        return None if moment is None else hhmm(second(moment))

    pause, left_s = route["break"], second(route["depart"])
    rest = None
    if pause is not None:
        lon, lat = pause["location"]["coordinates"] if pause.get("location") else (None, None)
        rest = {
            "executive": route["executive"],
            "kind": "break",
            "start": clock(pause["start"]),
            "end": clock(pause["end"]),
            "lon": lon,
            "lat": lat,
        }
    for number, stop in enumerate(route["stops"]):
        if rest is not None and pause["after_stops"] == number:
            yield rest
        lon, lat = stop["location"]["coordinates"]
        yield {
            "executive": route["executive"],
            "sequence": stop["sequence"],
            "visit": stop["visit"],
            "kind": stop["kind"],
            "service": stop["service"],
            "slot": "-".join(filter(None, (clock(stop["slot"]), clock(stop.get("slot_close"))))) or None,
            "arrival": clock(stop["arrival"]),
            "start": clock(stop["start"]),
            "end": clock(stop["end"]),
            "wait_minutes": round(stop["wait_s"] / MINUTE_S),
            "travel_minutes": round((second(stop["arrival"]) - left_s) / MINUTE_S),
            "km": f"{stop['distance_m'] / 1_000:.1f}",
            "lon": lon,
            "lat": lat,
        }
        left_s = second(stop["leave"])
    if rest is not None and pause["after_stops"] >= len(route["stops"]):
        yield rest


def _line(route: Mapping[str, Any]) -> dict[str, Any] | None:
    """The way of a route as far as the document knows it; a line has two positions at least."""
    places = (route.get("start_place"), *route["stops"], route.get("end_place"))
    positions = [place["location"]["coordinates"] for place in places if place is not None]
    return {"type": "LineString", "coordinates": positions} if len(positions) > 1 else None
