"""Jobs as rows of the store, and what callers ask of them: a plan, how far it is, to stop it, to publish it.

A job is `queued` until a runner takes it, `running`, then `done` or `failed`. Of each city and day one plan is open
at a time. The best plan so far is readable while the search runs, and stays what it is whatever happens to the job.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, insert, select, tuple_, update

from api.planning import rules_broken
from api.store.desk import day_to_plan, publish_plan
from api.store.schema import days, epoch_ms, jobs, json_text, moment, plans
from api.store.store import Store, new_id
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict
from optimizer.domain import Fault, InvalidProblem, Limits, MitaanError, Problem
from optimizer.planner import AUTO, ENGINES
from optimizer.units import IST
from scenarios.catalogue import Catalogue, City
from scenarios.files import ReadLimits, parse_day
from scenarios.plans import parse_plan

MOST_OPEN = 200
"""Jobs that are queued or running, of all cities together."""
MOST_OPEN_SOLVES = 20
"""Those of them that are day files of one who asks."""
PLAN, SOLVE, ROSTER = "plan", "solve", "roster"
"""Kinds: the plan of a day of the store, which can be published; that of a day file, which cannot; a roster."""
QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
OPEN = (QUEUED, RUNNING)
ANY_SIZE = ReadLimits(max_visits=sys.maxsize, max_km=float("inf"))
"""A day in the table was judged when it was put there."""

_ASKING_LOCK = 0x6D697461616E03  # advisory, on PostgreSQL: "mitaan" and a number, see api/store/database.py
_NO_EXECUTIVES = "[]"


class JobRefused(MitaanError):  # noqa: N818  (what happened, in two words)
    """Nothing was done: a code, what it is about, the sentence, and the job in the way where there is one.

    Codes: `already_published`, `day_closed`, `day_past`, `no_plan_yet`, `no_roster`, `no_roster_made`, `not_a_plan`,
    `plan_running`, `roster_running`, `still_running`, `too_many_jobs`, `unknown_job`.
    """

    def __init__(self, code: str, subject: str, text: str, job_id: str | None = None) -> None:
        super().__init__(code, subject, text, job_id)
        self.code = code
        self.subject = subject
        self.text = text
        self.job_id = job_id

    def __str__(self) -> str:
        return f"{self.subject}: {self.text} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its callers see it. Its plan is read by `plan_so_far`, `has_plan` tells whether there is one.

    `date` is that of the day, `day_version` the version of the day that is planned and `not_taken` the visits left out
    of it, both known once the job has begun. `progress` is the last message of the search, as plain JSON values.
    `sequence` grows with each change. `error` is a code in one line. `asked`: of a roster, as `RosterAsked` writes it.
    """

    job_id: str
    kind: str
    city_id: str
    date: dt.date
    asked_by: str
    state: str
    limits: Limits
    engine: str
    day_version: int | None
    not_taken: tuple[str, ...]
    progress: Mapping[str, Any] | None
    sequence: int
    stop_requested: bool
    attempts: int
    created_at: dt.datetime
    begun_at: dt.datetime | None
    ended_at: dt.datetime | None
    error: str | None
    published_as: int | None
    has_plan: bool
    asked: str | None = None

    @property
    def ended(self) -> bool:
        """No more is done on it."""
        return self.state not in OPEN


@dataclass(frozen=True, slots=True)
class PlanSoFar:
    """The best plan of a job, as plan.json says it; `final` when the job has ended."""

    document: dict[str, Any]
    final: bool
    sequence: int


@dataclass(frozen=True, slots=True)
class Published:
    """What came of publishing, as a receipt gets it: the change of the day, and the job with its `published_as`."""

    change: Change
    job: Job


# ----------------------------------------------------------------------------------------- asking


def ask_plan(store: Store, city: City, date: dt.date, limits: Limits, engine: str, asked_by: str) -> Job:
    """Ask for a plan of a day of the store. What is to be planned is read when the job begins.

    Raises JobRefused for a day that is over, closed or without a roster, and while another plan of it is being made;
    InvalidProblem for an engine that does not exist.
    """

    def expect_day(connection: Connection, now: dt.datetime) -> None:
        told = date.isoformat()
        if date < now.astimezone(IST).date():
            raise JobRefused("day_past", told, "the day is over")
        own = (days.c.city_id == city.city_id) & (days.c.date == told)
        row = connection.execute(select(days.c.roster, days.c.closed_because).where(own)).one_or_none()
        closed = store.facts.closed(city, date) or (None if row is None else row.closed_because)
        if closed is not None:
            raise JobRefused("day_closed", told, f"the day is closed: {closed}")
        if row is None or row.roster == _NO_EXECUTIVES:
            raise JobRefused("no_roster", told, "nobody works on this day yet")
        same = (jobs.c.kind == PLAN) & (jobs.c.city_id == city.city_id) & (jobs.c.date == told)
        running = connection.execute(select(jobs.c.job_id).where(same & jobs.c.state.in_(OPEN))).scalar()
        if running is not None:
            raise JobRefused("plan_running", told, f"a plan of this day is being made: {running}", running)

    with store.database.write() as connection:
        now = in_turn(store, connection)
        expect_day(connection, now)
        return put_job(store, connection, now, PLAN, city.city_id, date, limits, engine, asked_by, None)


def ask_solve(
    store: Store, day_text: str, city_id: str, date: dt.date, limits: Limits, engine: str, asked_by: str
) -> Job:
    """Ask for a plan of a day file: its canonical text, which was read without a fault and names no other file.

    Raises JobRefused, and InvalidProblem for an engine that does not exist.
    """
    with store.database.write() as connection:
        now = in_turn(store, connection)
        return put_job(store, connection, now, SOLVE, city_id, date, limits, engine, asked_by, day_text)


def in_turn(store: Store, connection: Connection) -> dt.datetime:
    """The moment, in a transaction in which nobody else asks for a job."""
    if store.database.dialect == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ASKING_LOCK)))
    return store.database.now(connection)


def put_job(
    store: Store,
    connection: Connection,
    now: dt.datetime,
    kind: str,
    city_id: str,
    date: dt.date,
    limits: Limits,
    engine: str,
    asked_by: str,
    day_text: str | None,
    more: Mapping[str, Any] | None = None,
) -> Job:
    """A new job, queued; `more` are other values of its row. Called `in_turn`."""
    if kind != ROSTER and engine not in (AUTO, *ENGINES):
        raise InvalidProblem([Fault(("engine",), "unknown_engine", engine, f"one of {', '.join((AUTO, *ENGINES))}")])
    is_open = jobs.c.state.in_(OPEN)
    own = is_open & (jobs.c.kind == SOLVE) & (jobs.c.asked_by == asked_by)
    if kind == SOLVE and _count(connection, own) >= MOST_OPEN_SOLVES:
        text = f"{MOST_OPEN_SOLVES} days that you handed in are waiting or being planned; try again when one has ended"
        raise JobRefused("too_many_jobs", kind, text)
    if _count(connection, is_open) >= MOST_OPEN:
        raise JobRefused("too_many_jobs", kind, "no more plans can wait; try again when some have ended")
    job_id = new_id("R" if kind == ROSTER else "P")
    connection.execute(
        insert(jobs).values(
            {
                "job_id": job_id,
                "kind": kind,
                "city_id": city_id,
                "date": date.isoformat(),
                "asked_by": asked_by,
                "state": QUEUED,
                "limits": json_text(dataclasses.asdict(limits)),
                "engine": engine,
                "day": day_text,
                "stop_requested": False,
                "attempts": 0,
                "spent_s": 0.0,
                "created_at": epoch_ms(now),
                **(more or {}),
            }
        )
    )
    job = job_in(connection, job_id)
    if job is None:
        raise RuntimeError(f"{job_id}: a row that was inserted is there")
    store.sign(connection, now, job)
    return job


def _count(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(jobs).where(which)).scalar_one()


def request_stop(store: Store, job_id: str) -> Job | None:
    """Ask a job to end with its best plan, soon; one that has not begun ends with its first plan. None: no such job.

    Where that was asked before, or the job has ended, nothing changes.
    """
    with store.database.write() as connection:
        own = (jobs.c.job_id == job_id) & jobs.c.state.in_(OPEN) & ~jobs.c.stop_requested
        asked = update(jobs).where(own).values(stop_requested=True, sequence=jobs.c.sequence + 1)
        changed = connection.execute(asked).rowcount
        job = job_in(connection, job_id)
        if changed:
            store.sign(connection, store.database.now(connection), job)
        return job


# ---------------------------------------------------------------------------------------- reading


_HEAVY = {"day", "beside", "witness", "orders", "document"}
_ASKED = case((jobs.c.kind == ROSTER, jobs.c.day), else_=None).label("asked")
_TOLD = [*(c for c in jobs.c if c.name not in _HEAVY), jobs.c.document.is_not(None).label("has_plan"), _ASKED]


def job_in(connection: Connection, job_id: str) -> Job | None:
    """A job as it is in this transaction."""
    row = connection.execute(select(*_TOLD).where(jobs.c.job_id == job_id)).one_or_none()
    return None if row is None else _job_of(row)


def find_job(store: Store, job_id: str) -> Job | None:
    """A job as it is now, None when there is none of this id."""
    with store.database.read() as connection:
        return job_in(connection, job_id)


def list_jobs(
    store: Store,
    *,
    city_ids: Collection[str] | None = None,
    date: dt.date | None = None,
    kind: str | None = None,
    after: tuple[int, str] | None = None,
    most: int = 100,
) -> list[Job]:
    """Jobs, the newest first. `city_ids` None is all cities.

    `after` is `epoch_ms(created_at)` and id of the last job of the page before; it need not be there any more.
    """
    query = select(*_TOLD)
    if city_ids is not None:
        query = query.where(jobs.c.city_id.in_(sorted(city_ids)))
    if date is not None:
        query = query.where(jobs.c.date == date.isoformat())
    if kind is not None:
        query = query.where(jobs.c.kind == kind)
    if after is not None:
        query = query.where(tuple_(jobs.c.created_at, jobs.c.job_id) < after)
    query = query.order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc()).limit(most)
    with store.database.read() as connection:
        return [_job_of(row) for row in connection.execute(query)]


def plan_so_far(store: Store, job_id: str) -> PlanSoFar | None:
    """The best plan of a job, None while there is none or when there is no such job."""
    query = select(jobs.c.document, jobs.c.state, jobs.c.sequence).where(jobs.c.job_id == job_id)
    with store.database.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None or row.document is None:
        return None
    return PlanSoFar(json.loads(row.document), row.state not in OPEN, row.sequence)


def problem_of(store: Store, job_id: str) -> Problem | None:
    """The day that a job plans, None before it has begun or when there is no such job."""
    query = select(jobs.c.day, jobs.c.beside).where((jobs.c.job_id == job_id) & (jobs.c.kind != ROSTER))
    with store.database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None or row.day is None else day_in(row, store.catalogue)


def day_in(row: Any, catalogue: Catalogue) -> Problem:
    """The day of a row with `day` and `beside`."""
    files: dict[str, str] = json.loads(row.beside)
    return parse_day(
        row.day.encode(), catalogue=catalogue, limits=ANY_SIZE, attachments=lambda name: files[name].encode()
    ).problem


def limits_in(row: Row[Any]) -> Limits:
    """The limits of a row."""
    return Limits(**json.loads(row.limits))


def _job_of(row: Row[Any]) -> Job:
    return Job(
        job_id=row.job_id,
        kind=row.kind,
        city_id=row.city_id,
        date=dt.date.fromisoformat(row.date),
        asked_by=row.asked_by,
        state=row.state,
        limits=limits_in(row),
        engine=row.engine,
        day_version=row.day_version,
        not_taken=tuple(json.loads(row.not_taken)),
        progress=None if row.progress is None else json.loads(row.progress),
        sequence=row.sequence,
        stop_requested=row.stop_requested,
        attempts=row.attempts,
        created_at=moment(row.created_at),
        begun_at=None if row.begun_at is None else moment(row.begun_at),
        ended_at=None if row.ended_at is None else moment(row.ended_at),
        error=row.error,
        published_as=row.published_as,
        has_plan=bool(row.has_plan),
        asked=row.asked,
    )


# ------------------------------------------------------------------------------------- publishing


def publish_job(store: Store, job_id: str) -> Verdict:
    """Make the plan of a job the one that is driven; refused, with the bookings, if the day has changed since.

    The number it gets is written into the job in the same transaction; a receipt gets a `Published`.
    Raises JobRefused for a job that is not the plan of a day of the store, has not ended, or has no plan.
    """
    with store.database.read() as connection:
        row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one_or_none()
    if row is None:
        raise JobRefused("unknown_job", job_id, "there is no such job")
    if row.kind != PLAN:
        raise JobRefused("not_a_plan", job_id, "it is not the plan of a day of the store")
    if row.state in OPEN:
        raise JobRefused("still_running", job_id, "the plan is being made", job_id)
    if row.document is None:
        raise JobRefused("no_plan_yet", job_id, "the job ended without a plan")
    city, date = store.catalogue.city(row.city_id), dt.date.fromisoformat(row.date)
    then, today = day_in(row, store.catalogue), day_to_plan(store, city, date).problem
    plan, _ = parse_plan(row.document.encode(), today)
    orders = {route.executive_id: route.visit_ids for route in plan.routes}
    changed = _changed(then, today, {visit_id for order in orders.values() for visit_id in order})
    if changed:
        text = f"the day has changed since this plan was made: {len(changed)} visits are new, gone or others"
        return Refusal(RefusalCode.PLAN_OUTDATED, date.isoformat(), text, bookings=changed)
    wrong = rules_broken(today, plan)
    if wrong:
        text = f"the roster or the travel times have changed since this plan was made: {wrong[0].text}"
        return Refusal(RefusalCode.PLAN_OUTDATED, date.isoformat(), text)

    def receipt(connection: Connection, now: dt.datetime, outcome: object) -> None:
        own = (plans.c.city_id == city.city_id) & (plans.c.date == date.isoformat())
        number = connection.execute(select(func.max(plans.c.number)).where(own)).scalar_one()
        told = update(jobs).where(jobs.c.job_id == job_id)
        connection.execute(told.values(published_as=number, sequence=jobs.c.sequence + 1))
        job = job_in(connection, job_id)
        if job is None:
            raise JobRefused("unknown_job", job_id, "the job was deleted meanwhile")
        store.sign(connection, now, Published(outcome, job) if isinstance(outcome, Change) else outcome)

    return publish_plan(store.with_receipt(receipt), city, date, today, orders, json.loads(row.document))


def _changed(then: Problem, today: Problem, served: Collection[str]) -> tuple[str, ...]:
    """Visits that are new appointments, and those of the plan that are on the day no more or are not as they were."""
    new = sorted({a.visit_id for a in today.appointments} - then.visit_by_id.keys())
    gone = sorted(set(served) - today.visit_by_id.keys())
    others = [v for v in sorted(served) if v in today.visit_by_id and today.visit_by_id[v] != then.visit_by_id[v]]
    return (*new, *gone, *others)
