"""Rosters as jobs: asked for, made by a process of their own, published.

The draft is the document of the row, as `api.rostering.drafts` writes it. A draft that was made on the command line is
kept in the same table, as a job that has ended.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select, update

from api.jobs.table import (
    DONE,
    FAILED,
    OPEN,
    ROSTER,
    Job,
    JobRefused,
    find_job,
    in_turn,
    job_in,
    limits_in,
    put_job,
)
from api.jobs.working import BEAT_S, LOOK_S, Attempt, RowLost, error_code
from api.rostering.drafts import Document, alternative_of, away_draft, expect_away, make_draft
from api.rostering.publish import publish_draft
from api.store.faults import StoreError
from api.store.rosters import NotPublished, RosterPublished
from api.store.schema import epoch_ms, jobs, json_text
from api.store.store import Store
from optimizer.domain import Fault, InvalidProblem, Limits
from optimizer.roster import RosterProgress
from optimizer.roster.nouns import MOST_WEEKS, WEEK, YEARS
from optimizer.stop import StopAt
from optimizer.units import IST
from scenarios.catalogue import City

log = logging.getLogger("mitaan.jobs")

ENGINE = "roster"


@dataclass(frozen=True, slots=True)
class RosterAsked:
    """A roster for `weeks` from `first` on; or, with `away`, what to do about executives who are off on these dates."""

    first: dt.date
    weeks: int
    away: Mapping[str, tuple[dt.date, ...]]

    def text(self) -> str:
        """As the row keeps it."""
        away = {executive_id: [date.isoformat() for date in dates] for executive_id, dates in self.away.items()}
        return json_text({"first": self.first.isoformat(), "weeks": self.weeks, "away": away})

    @classmethod
    def of(cls, text: str) -> RosterAsked:
        """What `text` wrote."""
        entry = json.loads(text)
        away = {key: tuple(map(dt.date.fromisoformat, dates)) for key, dates in entry["away"].items()}
        return cls(dt.date.fromisoformat(entry["first"]), entry["weeks"], away)

    @classmethod
    def of_job(cls, job: Job) -> RosterAsked:
        """What a job is to make. Raises ValueError for one that makes no roster."""
        if job.asked is None:
            raise ValueError(f"{job.job_id}: a {job.kind} is no roster")
        return cls.of(job.asked)


@dataclass(frozen=True, slots=True)
class DraftPublished:
    """What came of publishing, as a receipt gets it: the roster, and the job with its `published_as`."""

    roster: RosterPublished
    job: Job


# ----------------------------------------------------------------------------------------- asking


def ask_roster(store: Store, city: City, asked: RosterAsked, limits: Limits, asked_by: str) -> Job:
    """Ask for a roster of a city. What staff and demand there are is read when the job begins.

    Raises JobRefused for days that are over and while another roster of the city is being made; InvalidProblem for a
    number of weeks that is too great, days after the year 2199, and executives whom the city lacks.
    """
    if not 1 <= asked.weeks <= MOST_WEEKS:
        raise InvalidProblem([Fault(("weeks",), "out_of_range", asked.weeks, f"1 to {MOST_WEEKS}")])
    if (last := asked.first + dt.timedelta(days=asked.weeks * WEEK - 1)).year > YEARS[1]:
        rule = f"a date whose weeks end by {YEARS[1]}; they would end on {last.isoformat()}"
        raise InvalidProblem([Fault(("from",), "bad_date", asked.first.isoformat(), rule)])
    if asked.away:
        expect_away(store, city, asked.away)
    with store.database.write() as connection:
        now = in_turn(store, connection)
        _expect_ahead(asked.first, now)
        same = (jobs.c.kind == ROSTER) & (jobs.c.city_id == city.city_id)
        running = connection.execute(select(jobs.c.job_id).where(same & jobs.c.state.in_(OPEN))).scalar()
        if running is not None:
            text = f"a roster of this city is being made: {running}"
            raise JobRefused("roster_running", city.city_id, text, running)
        return put_job(
            store, connection, now, ROSTER, city.city_id, asked.first, limits, ENGINE, asked_by, asked.text()
        )


def _expect_ahead(first: dt.date, now: dt.datetime) -> None:
    today = now.astimezone(IST).date()
    if first < today:
        text = f"the day is over: today is {today.isoformat()}"
        raise JobRefused("day_past", first.isoformat(), text)


def keep_draft(store: Store, city: City, document: Document, limits: Limits, asked_by: str) -> Job:
    """Keep a draft that was made here, as a job that has ended."""
    first, last = (dt.date.fromisoformat(document[key]) for key in ("first", "last"))
    weeks = -(-((last - first).days + 1) // WEEK)
    away = {key: tuple(map(dt.date.fromisoformat, dates)) for key, dates in document["away"].items()}
    asked = RosterAsked(first, weeks, away)
    with store.database.write() as connection:
        now = in_turn(store, connection)
        ended = {"state": DONE, "document": json_text(document), "begun_at": epoch_ms(now), "ended_at": epoch_ms(now)}
        return put_job(
            store, connection, now, ROSTER, city.city_id, first, limits, ENGINE, asked_by, asked.text(), more=ended
        )


def find_draft(store: Store, job_id: str) -> tuple[Job, Document | None]:
    """A roster that was asked for, and its draft where there is one. Raises JobRefused where there is no such job."""
    with store.database.read() as connection:
        job = job_in(connection, job_id)
        text = connection.execute(select(jobs.c.document).where(jobs.c.job_id == job_id)).scalar_one_or_none()
    if job is None or job.kind != ROSTER:
        raise JobRefused("unknown_job", job_id, "there is no such roster")
    return job, None if text is None else json.loads(text)


# ------------------------------------------------------------------------------------- publishing


def publish_roster_job(
    store: Store, job_id: str, *, author: str, alternative: str | None = None, force: bool = False
) -> RosterPublished | NotPublished:
    """Make a draft the roster of its days; see `publish_draft`. Its number is written into the job in the same step.

    A receipt gets a `DraftPublished`. Raises JobRefused for a job that is no roster, has not ended or has none, or
    was published before; InvalidProblem for an alternative that it does not have.
    """
    job, document = find_draft(store, job_id)
    if not job.ended:
        raise JobRefused("still_running", job_id, "the roster is being made", job_id)
    if document is None or not document["alternatives"]:
        raise JobRefused("no_roster_made", job_id, "the job ended without a roster")
    if job.published_as is not None:
        raise JobRefused("already_published", job_id, f"it is roster {job.published_as} of {job.city_id}", job_id)
    alternative_of(document, alternative)
    city = store.catalogue.city(job.city_id)

    def receipt(connection: Connection, now: dt.datetime, outcome: object) -> None:
        if not isinstance(outcome, RosterPublished):
            store.sign(connection, now, outcome)
            return
        free = (jobs.c.job_id == job_id) & jobs.c.published_as.is_(None)
        told = update(jobs).where(free).values(published_as=outcome.number, sequence=jobs.c.sequence + 1)
        if connection.execute(told).rowcount != 1:
            raise JobRefused("already_published", job_id, "somebody else has just published it", job_id)
        now_job = job_in(connection, job_id)
        if now_job is None:
            raise JobRefused("unknown_job", job_id, "the job was deleted meanwhile")
        store.sign(connection, now, DraftPublished(outcome, now_job))

    outcome = publish_draft(
        store.with_receipt(receipt), city, document, author=author, name=alternative, job_id=job_id, force=force
    )
    if isinstance(outcome, NotPublished) and find_draft(store, job_id)[0].published_as is not None:
        raise JobRefused("already_published", job_id, "somebody else has just published it", job_id)
    return outcome


# ---------------------------------------------------------------------------------------- working


class RosterAttempt(Attempt):
    """An attempt at a roster; it begins anew where the one before was handed over."""

    def _outcome(self) -> dict[str, Any]:
        begun_s = time.monotonic()
        try:
            with self._store.database.read() as connection:
                own = (jobs.c.job_id == self._job_id) & (jobs.c.owner == self._owner)
                row: Any = connection.execute(select(jobs).where(own)).one_or_none()
            if row is None:
                raise RowLost
            limits = limits_in(row)
            if limits.time_limit_s is not None:
                limits = replace(limits, time_limit_s=max(0.0, limits.time_limit_s - row.spent_s))
            stop = StopAt.within(limits)
            self._stop = stop
            if self._handing_over or row.stop_requested:
                stop.request()
            watch = _Watch(self, stop, row.spent_s)
            watch.start()
            try:
                document = self._made(row, limits, stop, watch.told)
            finally:
                watch.close()
            self._cut_short = self._handing_over
            spent_s = row.spent_s + time.monotonic() - begun_s
            return {**watch.values(), "document": json_text(document), "spent_s": spent_s}
        except (RowLost, StoreError):
            raise
        except InvalidProblem as error:  # what was asked for cannot be made: no defect
            log.info("job %s: %s", self._job_id, error)
            return {"state": FAILED, "error": error_code(error)}
        except Exception as error:
            log.exception("job %s failed", self._job_id)
            return {"state": FAILED, "error": error_code(error)}

    def _made(self, row: Any, limits: Limits, stop: StopAt, on_progress: Callable[[RosterProgress], None]) -> Document:
        asked, city = RosterAsked.of(row.day), self._store.catalogue.city(row.city_id)
        if asked.away:
            return away_draft(self._store, city, asked.away, stop, seed=limits.seed)
        return make_draft(
            self._store,
            city,
            asked.first,
            asked.weeks * WEEK,
            stop,
            seed=limits.seed,
            threads=limits.threads,
            on_progress=on_progress,
        )


class _Watch(threading.Thread):
    """Writes how far a roster is and that the attempt is alive, and ends the search when that is asked for."""

    def __init__(self, attempt: RosterAttempt, stop: StopAt, spent_s: float) -> None:
        super().__init__(name="mitaan-watch", daemon=True)
        self._attempt, self._stop, self._spent_s = attempt, stop, spent_s
        self._message: RosterProgress | None = None
        self._written: RosterProgress | None = None
        self._closing = threading.Event()
        self._failed: Exception | None = None
        self._next_beat_s = 0.0

    def told(self, progress: RosterProgress) -> None:
        """The search has sent a message."""
        self._message = progress

    def close(self) -> None:
        """End the thread. Raises what went wrong with it."""
        self._closing.set()
        self.join()
        if self._failed is not None:
            raise self._failed

    def run(self) -> None:
        """Until closed."""
        while not self._closing.wait(LOOK_S):
            try:
                self._turn()
            except StoreError as error:
                log.warning("the store of a running job: %s", error.code)
            except Exception as error:  # noqa: BLE001  raised again by `close`
                self._failed = error
                self._stop.request()
                return

    def _turn(self) -> None:
        if self._attempt.orphaned:
            self._attempt.hand_over()
        values = self.values()
        if values or time.monotonic() >= self._next_beat_s:
            spent_s = self._spent_s + self._stop.elapsed_s()
            asked = self._attempt.write({**values, "spent_s": spent_s})
            self._next_beat_s = time.monotonic() + BEAT_S
        else:
            asked = self._attempt.to_be_stopped()
        if asked:
            self._stop.request()

    def values(self) -> dict[str, Any]:
        """What is new since the last time."""
        message = self._message
        if message is None or message is self._written:
            return {}
        self._written = message
        progress = {
            "step": message.step,
            "done": message.done,
            "of": message.of,
            "elapsed_s": round(self._spent_s + message.elapsed_s, 3),
            "uncovered": None if message.cost is None else message.cost.level_1,
            "others": None if message.cost is None else message.cost.level_2,
            "bound": message.bound,
        }
        return {"progress": json_text(progress), "sequence": jobs.c.sequence + 1}


def attempt_of(store: Store, job_id: str, owner: str, orphaned: Callable[[], bool]) -> Attempt:
    """The attempt at a job that belongs to `owner`, by its kind."""
    job = find_job(store, job_id)
    kind = RosterAttempt if job is not None and job.kind == ROSTER else Attempt
    return kind(store, job_id, owner, orphaned)
