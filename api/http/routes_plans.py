"""Plans: asked for, watched, stopped, judged, published, fetched; and days that are handed in, solved."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from api.http import answers as out
from api.http.asked import PLANNERS, READERS, STUDENTS, Asked, Replayed, asking
from api.http.bodies import AnalyzeIn, PlanIn, PlansQuery, SolveIn
from api.http.documents import page_document
from api.http.formats import chosen, sent
from api.http.of_jobs import job_values, limits_of, of_job_refused, watched
from api.http.once import REPLAYED, Answer
from api.http.problems import Problem, json_bytes, of_refusal
from api.http.reading import cursor_from, cursor_to, under
from api.http.routes_booking import CityName
from api.http.routes_desk import DayOfPath
from api.http.strict import Route
from api.ical import GONE, day_ics
from api.jobs import (
    Job,
    JobRefused,
    PlanSoFar,
    Published,
    ask_plan,
    ask_solve,
    differences,
    find_job,
    list_jobs,
    plan_so_far,
    publish_job,
    request_stop,
)
from api.jobs.table import ROSTER
from api.keys import Role
from api.reading import together
from api.shapes import violation_json
from api.store.desk import day_to_plan, published_plan
from api.store.schema import epoch_ms, moment
from api.store.store import Store
from optimizer.bookings import Refusal, RefusalCode
from optimizer.check import ViolationCode, recomputed_cost, violations
from optimizer.domain import Fault, InvalidProblem
from optimizer.domain import Problem as DayProblem
from optimizer.report import kpis
from scenarios.catalogue import City
from scenarios.files import ScenarioDay, day_of, write_day
from scenarios.plans import document_csv, document_geojson, of_executive, parse_plan

SMALL_VISITS = 200
"""A day with no more visits is waited for."""
LOOK_S = 0.1
"""How often a waiting request looks whether a plan is there."""
WITHOUT_FIGURES = frozenset(
    {
        ViolationCode.UNKNOWN_VISIT,
        ViolationCode.UNKNOWN_EXECUTIVE,
        ViolationCode.REPEATED_VISIT,
        ViolationCode.REPEATED_EXECUTIVE,
        ViolationCode.MISSING_VISIT,
    }
)
"""A plan that breaks one of these rules has a cost, and no figures."""
CODE_OF_JOB: Mapping[str, str] = {"unknown_job": "unknown_plan", "still_running": "plan_running"}
"""What is told of a job in the words of plans."""

router = APIRouter(prefix="/v1", route_class=Route)

Reader = Annotated[Asked, Depends(asking(*READERS))]
Planner = Annotated[Asked, Depends(asking(*PLANNERS))]
PlannerChanges = Annotated[Asked, Depends(asking(*PLANNERS, changes=True))]
Student = Annotated[Asked, Depends(asking(*STUDENTS))]
PlanId = Annotated[str, Path(pattern=out.ID, description="The id of a plan.")]
ExecutiveId = Annotated[str, Path(pattern=out.ID, description="The id of an executive.")]


def job_document(job: Job) -> dict[str, Any]:
    """A plan that was asked for, without the plan itself."""
    return {
        **job_values(job),
        "kind": job.kind,
        "date": job.date.isoformat(),
        "engine": job.engine,
        "day_version": job.day_version,
        "not_taken": list(job.not_taken),
    }


def _with_plan(job: Job, so_far: PlanSoFar | None) -> dict[str, Any]:
    final = so_far is not None and so_far.final
    return {**job_document(job), "plan": None if so_far is None else so_far.document, "final": final}


def _refused(refused: JobRefused) -> Problem:
    return of_job_refused(refused, "plan", CODE_OF_JOB)


def _accepted(job: Job) -> Answer:
    headers = {"Location": f"/v1/plans/{job.job_id}", "Retry-After": "1"}
    return Answer(202, _with_plan(job, None), headers, [job.job_id])


# ------------------------------------------------------------------------------------ asked for


@router.post("/plans", status_code=202, tags=["plans"], **out.answered(out.PlanJobOut, 404, 409, status=202))
def make_plan(body: PlanIn, asked: PlannerChanges) -> Response:
    """Plan a day of the store, in a process of its own; one at a time for each city and day."""
    city = asked.city(body.city)
    limits = limits_of(asked, body.limits)

    def act(store: Store) -> Job:
        try:
            return ask_plan(store, city, body.date, limits, body.engine, asked.key.name)
        except JobRefused as refused:
            raise _refused(refused) from None

    return asked.once(act, lambda job, _now, _connection: _accepted(job))


@router.get("/plans", tags=["plans"], **out.answered(out.PlanPageOut, 404))
def get_plans(asked: Reader, query: Annotated[PlansQuery, Query()]) -> Response:
    """Plans that were asked for, the newest first, without the plans themselves."""
    cities = asked.key.cities if query.city is None else frozenset({asked.city(query.city).city_id})
    key = ["plans", query.city, None if query.date is None else query.date.isoformat()]
    after = cursor_from(key, query.cursor, (int, str))
    found = list_jobs(
        asked.store,
        city_ids=cities,
        date=query.date,
        kind="plan",
        after=None if after is None else (after[0], after[1]),
        most=query.limit + 1,
    )
    page = found[: query.limit]
    end = page[-1] if len(found) > query.limit else None
    following = None if end is None else cursor_to(key, (epoch_ms(end.created_at), end.job_id))
    return asked.tagged(page_document("plans", [job_document(job) for job in page], following))


def _job(asked: Asked, plan_id: str) -> Job:
    """A plan that the key may see: of its cities, and where the day was handed in, by a key of the same name."""
    job = find_job(asked.store, plan_id)
    if job is None or job.kind == ROSTER:
        raise Problem(404, "unknown_plan")
    own = job.kind == "plan" or job.asked_by == asked.key.name or asked.key.role is Role.ADMIN
    if not (own and asked.sees(job.city_id)):
        raise Problem(404, "unknown_plan")
    return job


@router.get("/plans/{plan_id}", tags=["plans"], **out.answered(out.PlanJobOut, 404, 406, 409, geojson=True, csv=True))
def get_plan(
    plan_id: PlanId,
    asked: Reader,
    format: Annotated[out.PlanFormat | None, Query()] = None,
) -> Response:
    """The best plan so far, then the final one: as JSON with its progress, as GeoJSON, or as a table."""
    wanted = chosen(asked.request, format, ("json", "geojson", "csv"))
    job = _job(asked, plan_id)
    so_far = plan_so_far(asked.store, plan_id)
    if wanted == "json":
        return asked.tagged(_with_plan(job, so_far))
    if so_far is None:
        raise Problem(409, "no_plan_yet", headers={} if job.ended else {"Retry-After": "1"})
    return _in_format(so_far.document, wanted, plan_id)


def _in_format(document: Mapping[str, Any], wanted: str, file: str) -> Response:
    return sent(document_csv(document) if wanted == "csv" else document_geojson(document), wanted, file)


@router.delete("/plans/{plan_id}", status_code=202, tags=["plans"], **out.answered(out.PlanJobOut, 404, status=202))
def stop_plan(plan_id: PlanId, asked: Student) -> Response:
    """End the search; the best plan so far is kept. Of a plan that has ended already nothing changes."""
    found = _job(asked, plan_id)
    if found.kind == "plan" and asked.key.role is Role.ANALYST:
        asked.note_refused(Problem(403, "role_not_allowed", "plans of days of the store are the desk's"))
    if found.ended:
        whole = _with_plan(found, plan_so_far(asked.store, plan_id))
        return Response(json_bytes(whole), 202, {"Location": f"/v1/plans/{plan_id}"}, "application/json")

    def act(store: Store) -> Job:
        job = request_stop(store, plan_id)
        if job is None:
            raise Problem(404, "unknown_plan")
        return job

    return asked.once(act, lambda job, _now, _connection: _accepted(job))


# -------------------------------------------------------------------------------------- watched


@router.get("/plans/{plan_id}/events", tags=["plans"], **out.only("events", 404))
async def watch_plan(plan_id: PlanId, asked: Reader) -> Response:
    """Progress as server-sent events: phase, cost by term, bound and gap, whenever there is something new."""
    await anyio.to_thread.run_sync(_job, asked, plan_id)
    return watched(asked, plan_id, job_document)


# ------------------------------------------------------------------------------------ published


@router.post("/plans/{plan_id}/publish", tags=["plans"], **out.answered(out.PublishedOut, 404, 409))
def publish_plan(plan_id: PlanId, asked: PlannerChanges) -> Response:
    """Make a plan the one that is driven: booking closes, its bookings know their executive.

    Refused with the difference when bookings have changed since the plan was made.
    """
    job = _job(asked, plan_id)

    def act(store: Store) -> object:
        try:
            verdict = publish_job(store, plan_id)
        except JobRefused as refused:
            raise _refused(refused) from None
        if isinstance(verdict, Refusal) and verdict.code is RefusalCode.PLAN_OUTDATED:
            problem = of_refusal(verdict, asked.language)
            so_far = plan_so_far(asked.store, plan_id)
            if so_far is not None:
                problem.more["difference"] = differences(asked.store, verdict, so_far.document)
            raise problem
        return verdict

    def answer(outcome: Published, _: dt.datetime, __: Connection) -> Answer:
        change, kinds = outcome.change, [event.kind for event in outcome.change.events]
        document = {
            "city": job.city_id,
            "date": job.date.isoformat(),
            "number": outcome.job.published_as,
            "assigned": kinds.count("appointment.assigned"),
            "reassigned": kinds.count("appointment.reassigned"),
            "bookings": sorted(b.booking_id for b in change.bookings if b.on_day),
        }
        where = f"/v1/cities/{job.city_id}/plans/{document['date']}"
        return Answer(200, document, {"Location": where}, [plan_id])

    return asked.once(act, answer)


def _published(asked: Asked, city: City, date: dt.date) -> tuple[Any, dict[str, Any], list[str]]:
    """The published plan: its row, its document, and bookings of it that are on the day no more."""
    row = published_plan(asked.store, city, date)
    if row is None:
        raise Problem(404, "no_plan")
    document = json.loads(row.document)
    there = {b.booking_id for b in asked.store.list_bookings(city, date, date, most=sys.maxsize) if b.on_day}
    stops = [stop for route in document["routes"] for stop in route["stops"]]
    gone = [s["visit"] for s in stops if s["kind"] == "appointment" and s["visit"] not in there]
    return row, document, sorted(gone)


def _marked(document: Mapping[str, Any], gone: Collection[str]) -> dict[str, Any]:
    """The document, in which stops of these bookings are of the kind `gone`, as formats without other room say it."""
    routes = [
        {**route, "stops": [{**s, "kind": GONE} if s["visit"] in gone else s for s in route["stops"]]}
        for route in document["routes"]
    ]
    return {**document, "routes": routes}


@router.get(
    "/cities/{city}/plans/{date}",
    tags=["plans"],
    **out.answered(out.PublishedPlanOut, 404, 406, geojson=True, csv=True),
)
def get_published_plan(
    city: CityName,
    date: DayOfPath,
    asked: Reader,
    format: Annotated[out.PlanFormat | None, Query()] = None,
) -> Response:
    """The published plan of a day: as JSON, as GeoJSON, or as a table."""
    wanted = chosen(asked.request, format, ("json", "geojson", "csv"))
    row, document, gone = _published(asked, asked.city(city, "path"), date)
    if wanted != "json":
        return _in_format(_marked(document, gone), wanted, f"{row.city_id}-{row.date}")
    return asked.tagged(_published_document(row, document, gone))


def _published_document(row: Any, document: Mapping[str, Any], gone: Collection[str]) -> dict[str, Any]:
    visits = {stop["visit"] for route in document["routes"] for stop in route["stops"]}
    return {
        "city": row.city_id,
        "date": row.date,
        "number": row.number,
        "published_at": moment(row.published_at).isoformat(),
        "plan": dict(document),
        "gone": [visit for visit in gone if visit in visits],
    }


@router.get(
    "/cities/{city}/plans/{date}/executives/{executive}",
    tags=["plans"],
    **out.answered(out.PublishedPlanOut, 404, 406, geojson=True, csv=True, ics=True),
)
def get_executive_day(
    city: CityName,
    date: DayOfPath,
    executive: ExecutiveId,
    asked: Reader,
    format: Annotated[out.DayFormat | None, Query()] = None,
) -> Response:
    """The day of one executive: as JSON, as GeoJSON, as a table, or as a calendar (RFC 5545)."""
    wanted = chosen(asked.request, format, ("json", "geojson", "csv", "ics"))
    row, document, gone = _published(asked, asked.city(city, "path"), date)
    own = of_executive(document, executive)
    if own is None:
        raise Problem(404, "unknown_executive")
    name = f"{row.city_id}-{row.date}-{executive}"
    if wanted == "ics":
        published = moment(row.published_at)
        text = day_ics(_marked(own, gone), executive, asked.catalogue, asked.language.value, published)
        return sent(text or b"", "ics", name)
    if wanted != "json":
        return _in_format(_marked(own, gone), wanted, name)
    return asked.tagged(_published_document(row, own, gone))


# --------------------------------------------------------------------------- judged, and solved


@router.post("/plans/analyze", tags=["plans"], **out.answered(out.AnalysisOut, 404))
def analyze_plan(body: AnalyzeIn, asked: Student) -> Response:
    """Judge any plan: rules it breaks, what it costs term by term, figures. Of a day handed in, or of the store."""
    problem = _problem(asked, body)
    data = json.dumps(body.plan).encode()
    plan, claimed = under(("plan",), partial(parse_plan, data, problem, "plan.json"))
    found = violations(problem, plan, claimed)
    total = recomputed_cost(problem, plan)
    figures = {} if any(v.code in WITHOUT_FIGURES for v in found) else asdict(kpis(problem, plan))
    document = {
        "violations": [violation_json(v) for v in found],
        "broken_promises_weight": total.broken_promises,
        "cost": total.second_level_s,
        "cost_terms": total.terms(),
        "claimed_cost": body.plan["cost"],
        "kpis": figures,
    }
    return Response(json_bytes(document), 200, None, "application/json")


def _problem(asked: Asked, body: AnalyzeIn) -> DayProblem:
    if body.day is not None:
        faults = [
            Fault((name,), "not_used", getattr(body, name), "a day that is handed in has its city and date")
            for name in ("city", "date")
            if getattr(body, name) is not None
        ]
        if faults:
            raise InvalidProblem(faults)
        return _day(asked, body.day).problem
    if body.city is None or body.date is None:
        rule = "a day; or city and date, of a day of the store"
        raise InvalidProblem([Fault(("day",), "missing_field", None, rule)])
    return day_to_plan(asked.store, asked.city(body.city), body.date).problem


def _day(asked: Asked, given: dict[str, Any]) -> ScenarioDay:
    return under(("day",), partial(day_of, given, "day.json", catalogue=asked.catalogue))


@router.post("/solve", tags=["plans"], **out.answered(out.PlanJobOut, 409, or_202=True))
async def solve(body: SolveIn, asked: Student) -> Response:
    """Plan a day that is handed in; the store is not asked, and nothing in it changes.

    A small day is waited for; else the answer is 202, and the plan is found where Location says. With the header
    `Prefer: respond-async` nobody waits. Sent again with the same Idempotency-Key it is not planned twice: 202.
    """

    def begin() -> Job:
        day, limits = together(lambda: _day(asked, body.day), lambda: limits_of(asked, body.limits))
        problem, text, name = day.problem, write_day(day), asked.key.name
        asked.expect(problem.city)
        begun: list[Job] = []

        def act(store: Store) -> Job:
            try:
                begun[:] = [ask_solve(store, text, problem.city, problem.date, limits, body.engine, name)]
            except JobRefused as refused:
                raise _refused(refused) from None
            return begun[0]

        told = asked.once(act, lambda job, _now, _connection: _accepted(job))
        if told.headers.get(REPLAYED):  # somebody with the same Idempotency-Key was faster
            raise Replayed(told)
        return begun[0]

    job: Job | None = await anyio.to_thread.run_sync(begin)
    visits = len(body.day.get("visits", ()))
    wait_s = asked.settings.solve_wait_s
    if visits <= SMALL_VISITS and "respond-async" not in asked.request.headers.get("prefer", ""):
        until_s = time.monotonic() + wait_s
        while job is not None and not job.ended and time.monotonic() < until_s:
            await anyio.sleep(LOOK_S)
            job = await anyio.to_thread.run_sync(find_job, asked.store, job.job_id)
    if job is None:
        raise Problem(404, "unknown_plan")
    so_far = await anyio.to_thread.run_sync(plan_so_far, asked.store, job.job_id)
    headers = {"Location": f"/v1/plans/{job.job_id}"}
    return Response(json_bytes(_with_plan(job, so_far)), 200 if job.ended else 202, headers, "application/json")
