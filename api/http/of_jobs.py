"""What plans and rosters share as jobs: their limits, how they are told, watched page by page, and refused."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import anyio
from starlette.responses import Response, StreamingResponse

from api.http.asked import Asked
from api.http.bodies import LimitsIn
from api.http.problems import Problem, json_bytes
from api.jobs import Job, JobRefused, find_job
from api.keys import is_revoked
from optimizer.domain import Fault, InvalidProblem, Limits

TELL_S = 0.25
"""How often one who watches is told what is new."""
PING_S = 15.0
"""How often one who watches is told that all is well though nothing is new."""
STATUS_OF_JOB: Mapping[str, int] = {"too_many_jobs": 429, "unknown_plan": 404, "unknown_roster": 404}
"""Every other refusal is a conflict, 409."""


def limits_of(asked: Asked, given: LimitsIn) -> Limits:
    """The limits of a search; raises InvalidProblem for what the service is not set to allow."""
    settings, faults = asked.settings, []
    said = "time_limit_s" in given.model_fields_set
    if said and given.time_limit_s is not None and given.time_limit_s > settings.job_seconds:
        rule = f"at most {settings.job_seconds:g} s"
        faults.append(Fault(("limits", "time_limit_s"), "out_of_range", given.time_limit_s, rule))
    if given.threads > settings.job_threads:
        rule = f"at most {settings.job_threads} threads"
        faults.append(Fault(("limits", "threads"), "out_of_range", given.threads, rule))
    if given.time_limit_s is None and given.iterations is None:
        rule = "a time limit or a number of iterations"
        faults.append(Fault(("limits", "time_limit_s"), "no_limit", None, rule))
    if faults:
        raise InvalidProblem(faults)
    most_s = settings.job_seconds
    time_limit_s = most_s if given.time_limit_s is None else min(most_s, given.time_limit_s)
    return Limits(time_limit_s, given.iterations, given.seed, given.threads)


def job_values(job: Job) -> dict[str, Any]:
    """What is told of every job, whatever it makes."""

    def at(when: dt.datetime | None) -> str | None:
        return None if when is None else when.isoformat()

    limits = job.limits
    return {
        "id": job.job_id,
        "city": job.city_id,
        "state": job.state,
        "limits": {
            "time_limit_s": limits.time_limit_s,
            "iterations": limits.iterations,
            "seed": limits.seed,
            "threads": limits.threads,
        },
        "asked_by": job.asked_by,
        "created_at": job.created_at.isoformat(),
        "begun_at": at(job.begun_at),
        "ended_at": at(job.ended_at),
        "stop_requested": job.stop_requested,
        "attempts": job.attempts,
        "sequence": job.sequence,
        "progress": None if job.progress is None else dict(job.progress),
        "error": job.error,
        "published_as": job.published_as,
    }


def of_job_refused(refused: JobRefused, kind: str, codes: Mapping[str, str]) -> Problem:
    """A job that was refused, in the words of its kind: `plan` or `roster`; the job in the way is named and linked."""
    code = codes.get(refused.code, refused.code)
    status = STATUS_OF_JOB.get(code, 409)
    headers = {"Retry-After": "10"} if status == 429 else {}
    more: dict[str, Any] = {}
    if refused.job_id is not None:
        headers["Location"] = f"/v1/{kind}s/{refused.job_id}"
        more[kind] = refused.job_id
    return Problem(status, code, refused.text, headers=headers, more=more)


def watched(asked: Asked, job_id: str, document: Callable[[Job], dict[str, Any]]) -> Response:
    """Server-sent events about a job: its document whenever there is something new, and the end."""
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(_told(asked, job_id, document), 200, headers, "text/event-stream")


async def _told(asked: Asked, job_id: str, document: Callable[[Job], dict[str, Any]]) -> AsyncIterator[bytes]:
    seen, told_at_s = -1, time.monotonic()
    stopping = getattr(asked.request.app.state, "stopping", lambda: False)
    while not stopping():
        job = await anyio.to_thread.run_sync(find_job, asked.store, job_id)
        if job is None:
            return
        if job.sequence != seen:
            seen, told_at_s = job.sequence, time.monotonic()
            yield _event("progress", seen, document(job))
        if job.ended:
            yield _event("end", seen, {"state": job.state, "error": job.error})
            return
        if time.monotonic() - told_at_s > PING_S:
            told_at_s = time.monotonic()
            if await anyio.to_thread.run_sync(is_revoked, asked.store, asked.key.key_id):
                return
            yield b": still there\n\n"
        await anyio.sleep(TELL_S)


def _event(kind: str, number: int, document: object) -> bytes:
    return f"event: {kind}\nid: {number}\ndata: ".encode() + json_bytes(document) + b"\n\n"
