"""The outermost layer: each request gets an id, limits, a line in the log and its timings, whatever happens inside.

First the key is looked at, and how much it has asked already; of others nothing is read. Then the body is read, whole
and within limits of length and time, before anything else is done: a slow or endless client holds up nobody.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.metrics import Metrics
from api.http.problems import Problem
from api.keys import ApiKey
from api.settings import Settings
from api.words import Language

OPEN_PATHS = frozenset({"/health", "/ready"})
"""All that is answered without a key."""
WITH_DAYS = frozenset({"/v1/solve", "/v1/plans/analyze"})
"""A whole day may be in the body of these."""
EDGE = "mitaan.edge"
"""Where the scope of a request holds its `Trace`."""

access_log = logging.getLogger("mitaan.access")
error_log = logging.getLogger("mitaan.error")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HINDI, _ENGLISH = re.compile(r"hi(-[A-Za-z0-9]+)*"), re.compile(r"en(-[A-Za-z0-9]+)*")


Admit = Callable[[str], Awaitable[ApiKey]]
"""The key of an Authorization header, one request of it counted. Raises Problem where there is none, or too many."""


@dataclass(slots=True)
class Trace:
    """What is known of a request while it is answered; the log and the metrics are made of it."""

    request_id: str
    language: Language
    begun_s: float
    key: ApiKey | None = None
    code: str | None = None
    route: str | None = None
    query_errors: list[dict[str, Any]] = field(default_factory=list)
    spans_ms: dict[str, float] = field(default_factory=dict)

    def took(self, name: str, since_s: float) -> float:
        """Note how long a part has taken, from a moment of the performance clock; the moment now."""
        now_s = time.perf_counter()
        self.spans_ms[name] = self.spans_ms.get(name, 0.0) + (now_s - since_s) * 1_000
        return now_s


def trace_of(scope: Mapping[str, Any]) -> Trace:
    """The trace of a request."""
    found = scope[EDGE]
    assert isinstance(found, Trace)  # noqa: S101  the edge has put it there
    return found


def language_of(accepted: str | None) -> Language:
    """English or Hindi, whichever an Accept-Language header would rather have; English where it says neither."""
    best = {Language.EN: -1.0, Language.HI: -1.0}
    for part in (accepted or "").split(",")[:20]:
        name, _, parameters = part.strip().partition(";")
        try:
            quality = float(parameters.strip().removeprefix("q=") or 1) if parameters else 1.0
        except ValueError:
            continue
        for language, pattern in ((Language.HI, _HINDI), (Language.EN, _ENGLISH)):
            if pattern.fullmatch(name.strip().lower()):
                best[language] = max(best[language], quality)
    return Language.HI if best[Language.HI] > max(0.0, best[Language.EN]) else Language.EN


class Edge:
    """ASGI: see the head of the file."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics, admit: Admit) -> None:
        self.app, self.settings, self.metrics, self.admit = app, settings, metrics, admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        trace = Trace(request_id, language_of(headers.get("accept-language")), time.perf_counter())
        scope[EDGE] = trace
        status = 0
        gone = False

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(MutableHeaders(scope=message), trace)
            await send(message)

        try:
            if scope["path"] not in OPEN_PATHS:
                trace.key = await self.admit(headers.get("authorization", ""))
                trace.took("key", trace.begun_s)
            body = await self._body(scope, headers, receive)
            if body is None:
                gone = True
                return
            await self.app(scope, _given(body, receive), sending)
        except Problem as problem:
            await self._tell(problem, trace, scope, receive, sending)
        except Exception:
            error_log.exception("defect", extra={"told": {"request_id": request_id, "route": trace.route}})
            if status:
                raise  # the answer has begun: all that is left is to break it off
            await self._tell(Problem(500, "defect"), trace, scope, receive, sending)
        finally:
            self._log(scope, trace, status, gone)

    async def _body(self, scope: Scope, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None when the client has gone."""
        limit = self.settings.day_bytes if scope["path"] in WITH_DAYS else self.settings.body_bytes
        said = headers.get("content-length", "0")
        if said.isdecimal() and int(said[:20]) > limit:
            raise _too_long(limit)
        if said == "0" and "transfer-encoding" not in headers:
            return b""
        parts: list[bytes] = []
        length = 0
        with anyio.move_on_after(self.settings.body_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(message.get("body", b""))
                length += len(parts[-1])
                if length > limit:
                    raise _too_long(limit)
                if not message.get("more_body", False):
                    return b"".join(parts)
        text = f"the whole body within {self.settings.body_seconds:g} s"
        raise Problem(408, "body_too_slow", text, headers={"Connection": "close"})

    @staticmethod
    def _dress(headers: MutableHeaders, trace: Trace) -> None:
        headers["X-Request-Id"] = trace.request_id
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Content-Type-Options"] = "nosniff"
        total = (time.perf_counter() - trace.begun_s) * 1_000
        spans = [f"{name};dur={ms:.1f}" for name, ms in trace.spans_ms.items()]
        headers["Server-Timing"] = ", ".join([f"total;dur={total:.1f}", *spans])

    async def _tell(self, problem: Problem, trace: Trace, scope: Scope, receive: Receive, send: Send) -> None:
        trace.code = problem.code
        self.metrics.refused(problem.code)
        await problem.response(trace.language, trace.request_id)(scope, receive, send)

    def _log(self, scope: Scope, trace: Trace, status: int, gone: bool) -> None:
        took_s = time.perf_counter() - trace.begun_s
        route = trace.route or ("-" if scope["path"] not in OPEN_PATHS else scope["path"])
        self.metrics.answered(scope["method"], route, status, took_s)
        # The path is not logged, nor the query: they may say where a citizen lives. The route is.
        told = {
            "request_id": trace.request_id,
            "method": scope["method"] if len(scope["method"]) < 10 else "-",
            "route": route,
            "status": "gone" if gone else status,
            "code": trace.code,
            "key": None if trace.key is None else trace.key.key_id,
            "ms": round(took_s * 1_000, 1),
        }
        access_log.info("answered", extra={"told": told})


def _too_long(limit: int) -> Problem:
    text = f"at most {limit:,} bytes"
    return Problem(413, "body_too_long", text, headers={"Connection": "close"})


def _given(body: bytes, receive: Receive) -> Receive:
    """Receives a body that is there already, then what the client does."""
    read = False

    async def receiving() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
