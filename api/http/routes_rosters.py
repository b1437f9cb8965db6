"""Staff, rosters over weeks, closures and quotas: what the dispatch desk decides before anybody can book."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from api.http import answers as out
from api.http.asked import PLANNERS, READERS, Asked, asking, etag
from api.http.bodies import (
    DifferenceQuery,
    PublishIn,
    RestrictionIn,
    RestrictionsQuery,
    RosterJobIn,
    RostersQuery,
    StaffIn,
)
from api.http.documents import page_document
from api.http.of_jobs import job_values, limits_of, of_job_refused, watched
from api.http.once import Answer
from api.http.problems import Problem, json_bytes, of_refusal
from api.http.reading import cursor_from, cursor_to, moment_of, second_of_clock, span_of
from api.http.routes_booking import CityName
from api.http.routes_desk import recovered
from api.http.strict import Route
from api.jobs import (
    DraftPublished,
    Job,
    JobRefused,
    RosterAsked,
    ask_roster,
    find_draft,
    list_jobs,
    publish_roster_job,
    request_stop,
)
from api.jobs.table import ROSTER
from api.rostering.difference import difference
from api.rostering.problem import leave_on_shift, staff_document, staff_of
from api.shapes import restriction_json
from api.store.restrictions import (
    NewRestriction,
    Restricted,
    add_restriction,
    find_restriction,
    lift_restriction,
    list_restrictions,
)
from api.store.rosters import NotPublished, RosterVersion, StoredStaff, roster_versions, set_staff, stored_staff
from api.store.schema import epoch_ms
from api.store.store import Store
from optimizer.bookings import Refusal
from optimizer.units import hhmm
from scenarios.staff import STAFF_VERSION, parse_staff

DAYS_SHOWN = 31
"""Restrictions are told for so many days where no end is named."""
CODE_OF_JOB: Mapping[str, str] = {"unknown_job": "unknown_roster", "still_running": "roster_running"}
"""What is told of a job in the words of rosters."""

router = APIRouter(prefix="/v1", route_class=Route)

Reader = Annotated[Asked, Depends(asking(*READERS))]
Planner = Annotated[Asked, Depends(asking(*PLANNERS))]
PlannerChanges = Annotated[Asked, Depends(asking(*PLANNERS, changes=True))]
RosterId = Annotated[str, Path(pattern=out.ID, description="The id of a roster that was asked for.")]
RestrictionId = Annotated[str, Path(pattern=out.ID, description="The id of a restriction.")]

# ------------------------------------------------------------------------------------------ staff


@router.get("/cities/{city}/staff", tags=["rosters"], **out.answered(out.StaffOut, 404))
def get_staff(city: CityName, asked: Planner) -> Response:
    """Who works in a city, with leave, settled days and requests; before anybody was told, as the data assume."""
    town = asked.city(city, "path")
    stored = stored_staff(asked.store, town)
    if stored is not None:
        return asked.tagged(_staff(town.city_id, stored), tag=_staff_tag(stored))
    staff, _ = staff_of(asked.store, town)
    return asked.tagged(_staff(town.city_id, None, staff_document(staff)), tag=_staff_tag(None))


def _staff(city_id: str, stored: StoredStaff | None, assumed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    document = assumed if stored is None else stored.document
    return {
        "city": city_id,
        "version": 0 if stored is None else stored.version,
        "changed_at": None if stored is None else stored.changed_at.isoformat(),
        "changed_by": None if stored is None else stored.changed_by,
        "executives": (document or {})["executives"],
        "days": (document or {})["days"],
    }


def _staff_tag(stored: StoredStaff | None) -> str:
    return etag({"version": 0 if stored is None else stored.version})


@router.put("/cities/{city}/staff", tags=["rosters"], **out.answered(out.StaffSetOut, 404, 412))
def put_staff(city: CityName, body: StaffIn, asked: Planner) -> Response:
    """Who works in a city. Published rosters stay, and who is on leave and on shift by them is told; the next ones are
    made of this staff.
    """
    town = asked.city(city, "path")
    document = {
        "schema_version": STAFF_VERSION,
        "city": town.city_id,
        "executives": body.executives,
        "days": body.days,
    }
    staff = parse_staff(json.dumps(document).encode(), "body.json", asked.catalogue, town)

    on_shift = {
        executive_id: [date.isoformat() for date in dates]
        for executive_id, dates in leave_on_shift(asked.store, town, staff).items()
    }

    def act(store: Store) -> StoredStaff | Refusal:
        now = stored_staff(store, town)
        still = asked.only_if(_staff_tag)
        version = None if still is None else (0 if now is None else now.version) if still(now) else -1
        return set_staff(store, town, staff_document(staff), asked.key.name, version=version)

    def answer(stored: StoredStaff, _: dt.datetime, __: Connection) -> Answer:
        document = {**_staff(town.city_id, stored), "on_shift": on_shift}
        return Answer(200, document, {"ETag": _staff_tag(stored)}, [town.city_id])

    return asked.once(act, answer)


# --------------------------------------------------------------------------------- rosters as jobs


def roster_job_document(job: Job, draft: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A roster that was asked for, and its draft where it is to be told."""
    asked = RosterAsked.of_job(job)
    return {
        **job_values(job),
        "first": asked.first.isoformat(),
        "weeks": asked.weeks,
        "away": {key: [date.isoformat() for date in dates] for key, dates in sorted(asked.away.items())},
        "draft": None if draft is None else draft_document(draft),
    }


def draft_document(draft: Mapping[str, Any]) -> dict[str, Any]:
    """A draft as others read it: without homes, and without what only publishing needs."""
    named = ("status", "first", "last", "slot_minutes", "demand", "staff_version", "closed", "away", "why")
    alternatives = [{key: value for key, value in each.items() if key != "ahead"} for each in draft["alternatives"]]
    patterns = []
    for pattern in draft["patterns"]:
        (open_s, close_s, _), rest = pattern["shift"], pattern["break"]
        patterns.append(
            {
                "id": pattern["id"],
                "open": hhmm(open_s),
                "close": hhmm(close_s),
                "break_minutes": None if rest is None else rest[0] // 60,
                "break_earliest": None if rest is None else hhmm(rest[1]),
                "break_latest": None if rest is None else hhmm(rest[2]),
            }
        )
    return {**{key: draft[key] for key in named}, "patterns": patterns, "alternatives": alternatives}


def _refused(refused: JobRefused) -> Problem:
    return of_job_refused(refused, "roster", CODE_OF_JOB)


def _accepted(job: Job) -> Answer:
    headers = {"Location": f"/v1/rosters/{job.job_id}", "Retry-After": "1"}
    return Answer(202, roster_job_document(job), headers, [job.job_id])


@router.post("/rosters", status_code=202, tags=["rosters"], **out.answered(out.RosterJobOut, 404, 409, status=202))
def make_roster(body: RosterJobIn, asked: PlannerChanges) -> Response:
    """Make a roster of a city in a process of its own, one at a time for each city.

    With `away` it is what to do when executives are off on days that are published: alternatives to choose from.
    """
    city = asked.city(body.city)
    limits = limits_of(asked, body.limits)
    wanted = RosterAsked(body.first, body.weeks, {key: tuple(sorted(set(dates))) for key, dates in body.away.items()})

    def act(store: Store) -> Job:
        try:
            return ask_roster(store, city, wanted, limits, asked.key.name)
        except JobRefused as refused:
            raise _refused(refused) from None

    return asked.once(act, lambda job, _now, _connection: _accepted(job))


@router.get("/rosters", tags=["rosters"], **out.answered(out.RosterPageOut, 404))
def get_rosters(asked: Planner, query: Annotated[RostersQuery, Query()]) -> Response:
    """Rosters that were asked for, the newest first, without the drafts."""
    cities = asked.key.cities if query.city is None else frozenset({asked.city(query.city).city_id})
    key = ["rosters", query.city]
    after = cursor_from(key, query.cursor, (int, str))
    found = list_jobs(
        asked.store,
        city_ids=cities,
        kind=ROSTER,
        after=None if after is None else (after[0], after[1]),
        most=query.limit + 1,
    )
    page = found[: query.limit]
    end = page[-1] if len(found) > query.limit else None
    following = None if end is None else cursor_to(key, (epoch_ms(end.created_at), end.job_id))
    rows = [roster_job_document(job) for job in page]
    return asked.tagged(page_document("rosters", rows, following))


def _draft(asked: Asked, roster_id: str) -> tuple[Job, dict[str, Any] | None]:
    """A roster that the key may see, and its draft."""
    try:
        job, draft = find_draft(asked.store, roster_id)
    except JobRefused as refused:
        raise _refused(refused) from None
    if not asked.sees(job.city_id):
        raise Problem(404, "unknown_roster")
    return job, draft


@router.get("/rosters/{roster_id}", tags=["rosters"], **out.answered(out.RosterJobOut, 404))
def get_roster_job(roster_id: RosterId, asked: Planner) -> Response:
    """How far a roster is, and its draft once there is one."""
    job, draft = _draft(asked, roster_id)
    return asked.tagged(roster_job_document(job, draft))


@router.delete(
    "/rosters/{roster_id}", status_code=202, tags=["rosters"], **out.answered(out.RosterJobOut, 404, status=202)
)
def stop_roster(roster_id: RosterId, asked: Planner) -> Response:
    """End the search; the best roster so far is kept. Of one that has ended already nothing changes."""
    found, draft = _draft(asked, roster_id)
    if found.ended:
        whole = roster_job_document(found, draft)
        return Response(json_bytes(whole), 202, {"Location": f"/v1/rosters/{roster_id}"}, "application/json")

    def act(store: Store) -> Job:
        job = request_stop(store, roster_id)
        if job is None:
            raise Problem(404, "unknown_roster")
        return job

    return asked.once(act, lambda job, _now, _connection: _accepted(job))


@router.get("/rosters/{roster_id}/events", tags=["rosters"], **out.only("events", 404))
async def watch_roster(roster_id: RosterId, asked: Planner) -> Response:
    """Progress as server-sent events: step, points, bound, whenever there is something new."""
    await anyio.to_thread.run_sync(_draft, asked, roster_id)
    return watched(asked, roster_id, roster_job_document)


# ------------------------------------------------------------------------------------- published


@router.get("/rosters/{roster_id}/difference", tags=["rosters"], **out.answered(out.DifferenceOut, 404, 409))
def get_difference(roster_id: RosterId, asked: Planner, query: Annotated[DifferenceQuery, Query()]) -> Response:
    """What publishing would change: who works when, which promises could not be kept, and what would save them."""
    job, draft = _draft(asked, roster_id)
    if draft is None or not draft["alternatives"]:
        code = "no_roster_made" if job.ended else "roster_running"
        raise Problem(409, code, headers={} if job.ended else {"Retry-After": "1"})
    city = asked.catalogue.city(job.city_id)
    return asked.tagged(difference(asked.store, city, draft, query.alternative))


@router.post("/rosters/{roster_id}/publish", tags=["rosters"], **out.answered(out.RosterPublishedOut, 404, 409))
def publish_roster(roster_id: RosterId, body: PublishIn, asked: PlannerChanges) -> Response:
    """Make a draft the roster of its days, with quotas: of all of them or of none. Booking then sells from it.

    Refused by day where a roster has changed since, a plan is published, or promises could not be kept; these are at
    risk where it is forced.
    """
    job, _ = _draft(asked, roster_id)
    city = asked.catalogue.city(job.city_id)

    def act(store: Store) -> object:
        try:
            outcome = publish_roster_job(
                store, roster_id, author=asked.key.name, alternative=body.alternative, force=body.force
            )
        except JobRefused as refused:
            raise _refused(refused) from None
        if isinstance(outcome, NotPublished):
            raise _not_published(outcome, asked)
        return outcome

    def answer(outcome: DraftPublished, _: dt.datetime, __: Connection) -> Answer:
        made = outcome.roster
        document = {
            "city": city.city_id,
            "number": made.number,
            "first": made.first.isoformat(),
            "last": made.last.isoformat(),
            "at_risk": list(made.at_risk),
            "days": [b.day.date.isoformat() for b in made.change.books if b.day.problem.executives],
        }
        changed.append(outcome)
        return Answer(200, document, {"Location": f"/v1/cities/{city.city_id}/roster-versions"}, [roster_id])

    changed: list[DraftPublished] = []
    response = asked.once(act, answer)
    for book in changed[-1].roster.change.books if changed else ():
        recovered(asked.store, city, book.day.date)
    return response


def _not_published(outcome: NotPublished, asked: Asked) -> Problem:
    problem = of_refusal(outcome.first, asked.language)
    problem.more["bookings"] = sorted({b for refusal in outcome.refusals.values() for b in refusal.bookings})
    problem.more["days"] = [
        {"date": date.isoformat(), "code": no.code.value, "text": no.text, "bookings": list(no.bookings)}
        for date, no in sorted(outcome.refusals.items())
    ]
    return problem


@router.get("/cities/{city}/roster-versions", tags=["rosters"], **out.answered(out.RosterVersionsOut, 404))
def get_versions(city: CityName, asked: Reader) -> Response:
    """Rosters of a city that were published, the newest first."""
    town = asked.city(city, "path")
    versions = [_version(version) for version in roster_versions(asked.store, town)]
    return asked.tagged({"city": town.city_id, "versions": versions})


def _version(version: RosterVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "first": version.first.isoformat(),
        "last": version.last.isoformat(),
        "roster": version.job_id,
        "published_at": version.published_at.isoformat(),
        "published_by": version.published_by,
    }


# ----------------------------------------------------------------------------------- restrictions


@router.post(
    "/cities/{city}/restrictions",
    status_code=201,
    tags=["days"],
    **out.answered(out.RestrictedOut, 404, 409, status=201),
)
def make_restriction(city: CityName, body: RestrictionIn, asked: PlannerChanges) -> Response:
    """Close days or a part of them, stop the sale of slots, or set a quota: with the reason, for each date.

    Promises inside a closure, or above a quota, refuse it; forced, those inside are at risk and those above stay.
    """
    town = asked.city(city, "path")
    new = NewRestriction(
        body.kind,
        body.first,
        body.last or body.first,
        body.reason,
        asked.key.name,
        None if body.open is None else second_of_clock(body.open),
        None if body.close is None else second_of_clock(body.close),
        body.kit,
        body.quota,
    )

    def answer(outcome: Restricted, _: dt.datetime, __: Connection) -> Answer:
        ids = [each.restriction_id for each in outcome.restrictions]
        return Answer(201, _restricted(town.city_id, outcome), {}, [*ids, *outcome.inside])

    return asked.once(lambda store: add_restriction(store, town, new, force=body.force), answer)


def _restricted(city_id: str, outcome: Restricted) -> dict[str, Any]:
    return {
        "city": city_id,
        "restrictions": [restriction_json(each) for each in outcome.restrictions],
        "at_risk": list(outcome.inside),
        "above": list(outcome.above),
        "beside": list(outcome.beside),
    }


@router.get("/cities/{city}/restrictions", tags=["days"], **out.answered(out.RestrictionsOut, 404))
def get_restrictions(city: CityName, asked: Reader, query: Annotated[RestrictionsQuery, Query()]) -> Response:
    """Closures, stop-sales and quotas by hand of a city, by date: those that hold, or lifted ones, too."""
    town = asked.city(city, "path")
    first, last = span_of(query.first, query.last, moment_of(asked.store).date(), days=DAYS_SHOWN)
    found = list_restrictions(asked.store, town, first, last, lifted=query.lifted)
    return asked.tagged({"city": town.city_id, "restrictions": [restriction_json(each) for each in found]})


@router.delete("/restrictions/{restriction_id}", tags=["days"], **out.answered(out.RestrictedOut, 404, 409))
def end_restriction(restriction_id: RestrictionId, asked: Planner) -> Response:
    """Lift a restriction. Promises that it put at risk are kept again as far as there is room, soon after."""
    found = find_restriction(asked.store, restriction_id)
    if found is None or not asked.sees(found.city_id):
        raise Problem(404, "unknown_restriction")

    def act(store: Store) -> Restricted | Refusal:
        outcome = lift_restriction(store, restriction_id, asked.key.name)
        if outcome is None:
            raise Problem(404, "unknown_restriction")
        return outcome

    def answer(outcome: Restricted, _: dt.datetime, __: Connection) -> Answer:
        return Answer(200, _restricted(found.city_id, outcome), {}, [restriction_id])

    response = asked.once(act, answer)
    recovered(asked.store, asked.catalogue.city(found.city_id), found.date)
    return response
