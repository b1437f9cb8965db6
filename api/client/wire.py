"""How a request gets through: tried again where that is safe and may help, and what is raised when it does not.

Every POST that changes something, or has a day planned, carries an Idempotency-Key, made by chance once for all its
tries; so it is done once however often it is sent. GET, PUT and DELETE ask for a state and may be sent again as they
are, and so may a POST that only asks.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx

from api.client.answers import Error, Offer, Problem, Reason
from optimizer.domain import MitaanError

T = TypeVar("T")
FIRST_PAUSE_S = 0.2
"""The longest pause before the second try; it doubles with each, and how much of it is waited is left to chance."""
LONGEST_PAUSE_S = 10.0
LONGEST_RETRY_AFTER_S = 60.0
"""A service that wants to be left alone for longer is not asked again."""
SILENCE_S = 45.0
"""Whoever watches a plan is told every 15 s at least that all is well."""
NOT_TOLD = "not_told"
"""The code of an answer that the service has not given: of a proxy, or of another program at this address."""

_AGAIN = frozenset({429, 502, 503, 504})
_NOT_DONE = frozenset({409, 429})  # of these nothing was done
_BETWEEN = frozenset({502, 503, 504})  # told by a proxy: the service was not reached
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_UNSENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")

# ----------------------------------------------------------------------------------------- errors


class ApiError(MitaanError):
    """A request was not done, or it is not known whether it was; `problem` is what the service says, whole.

    `idempotency_key` is that of a POST which has one: the same call with it is done once, now or later.
    `unanswered_before`: a try before this one has got no answer, and may be what stands in the way now.
    """

    def __init__(
        self, problem: Problem, *, idempotency_key: str | None = None, unanswered_before: bool = False
    ) -> None:
        self.problem = problem
        self.status: int = problem["status"]
        self.code: str = problem["code"]
        self.detail: str | None = problem.get("detail")
        self.errors: list[Error] = problem.get("errors", [])
        self.reasons: list[Reason] = problem.get("reasons", [])
        self.nearest: list[Offer] = problem.get("nearest", [])
        self.idempotency_key = idempotency_key
        self.unanswered_before = unanswered_before
        super().__init__(problem)

    def __str__(self) -> str:
        told = [f"{self.status} {self.code}: {self.detail or self.problem['title']}"]
        told += [f"{e['in']} {e['pointer'] or '/'}: {e.get('value')!r}: {e['rule']}" for e in self.errors]
        return "; ".join(told)


class SlotLost(ApiError):  # noqa: N818  (the name says what has happened)
    """Somebody else was faster, or the slot was never offered; `nearest` are slots that can be had for the service."""


class NotReached(ApiError):  # noqa: N818  (as above)
    """No answer of the service after all tries (status 0): what was asked may be done or not."""


def _problem_of(answer: httpx.Response) -> Problem:
    """The problem in an answer; one made up for what the service has not said."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    if isinstance(told, dict) and {"type", "title", "status", "code", "request_id"} <= told.keys():
        return cast("Problem", told)
    where = f", leading to {answer.headers['location']}" if answer.is_redirect and "location" in answer.headers else ""
    kind = answer.headers.get("content-type", "nothing")
    return {
        "type": "about:blank",
        "title": "Something else than the service has answered",
        "status": answer.status_code,
        "code": NOT_TOLD,
        "request_id": answer.headers.get("x-request-id", ""),
        "detail": f"{answer.request.method} {answer.request.url.path} was answered with {kind}{where}",
    }


def _unreached(method: str, path: str, tries: int, why: str) -> Problem:
    return {
        "type": "about:blank",
        "title": "The service was not reached",
        "status": 0,
        "code": "not_reached",
        "request_id": "",
        "detail": f"{method} {path}: {why}; tries: {tries}",
    }


def read_as(of: type[T], answer: httpx.Response) -> T:
    """The JSON of an answer. Raises ApiError where it has not all keys of this TypedDict."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict) or not cast("Any", of).__required_keys__ <= told.keys():
        raise ApiError(_problem_of(answer))
    return cast("T", told)


# --------------------------------------------------------------------------------------- requests


def path(*parts: str) -> str:
    """The path of these parts, each quoted."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


class Wire:
    """Sends requests, as often as it takes."""

    def __init__(self, http: httpx.Client, timeout_s: float, tries: int, pause: Callable[[float], None]) -> None:
        self.http, self.timeout_s, self.tries, self.pause = http, timeout_s, tries, pause

    def json(self, of: type[T], method: str, path: str, **how: Any) -> T:
        """The JSON of an answer, see `send`; `of` is the TypedDict that it must be."""
        return read_as(of, self.send(method, path, **how))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: object = None,
        headers: Mapping[str, str | None] | None = None,
        longer_s: float = 0.0,
    ) -> httpx.Response:
        """The answer, a success. What is None in `query` or `headers` is left out.

        `longer_s`: so much longer than usually an answer may take.
        """
        given = {name: value for name, value in (headers or {}).items() if value is not None}
        key = given.get("Idempotency-Key")
        request = self.http.build_request(
            method,
            path,
            params={name: value for name, value in (query or {}).items() if value is not None},
            json=body,
            headers=given,
            timeout=httpx.Timeout(self.timeout_s, read=self.timeout_s + longer_s),
        )
        unanswered = False
        for tried in range(1, self.tries + 1):
            wait_s, cause = 0.0, None
            try:
                answer = self.http.send(request)
            except httpx.RequestError as lost:
                why, cause = str(lost) or type(lost).__name__, lost
                error: ApiError = NotReached(_unreached(method, path, tried, why), idempotency_key=key)
                unanswered = unanswered or not isinstance(lost, _NOT_CONNECTED)
                again = not isinstance(lost, _UNSENT)
            else:
                if answer.is_success:
                    return answer
                error = _error_of(answer, key, unanswered, tried)
                wait_s, again = _retry_after_s(answer), _again(error)
                unanswered = unanswered or error.status not in _NOT_DONE
            if not again or tried == self.tries or wait_s > LONGEST_RETRY_AFTER_S:
                raise error from cause
            self.pause(wait_s + _pause_s(tried))
        raise AssertionError  # there is one try at least

    def watched(self, path: str) -> Iterator[Told]:
        """Server-sent events, each once, up to one of the kind `end`; listens again when the stream breaks off."""
        seen, failures = None, 0
        timeout = httpx.Timeout(self.timeout_s, read=SILENCE_S)
        while True:
            wait_s, cause = 0.0, None
            try:
                with self.http.stream("GET", path, headers={"Accept": "text/event-stream"}, timeout=timeout) as answer:
                    if answer.is_success:
                        for told in server_sent(answer.iter_bytes()):
                            if told.number != seen or told.kind == "end":
                                seen, failures = told.number, 0
                                yield told
                            if told.kind == "end":
                                return
                        error: ApiError = NotReached(_unreached("GET", path, failures + 1, "the stream broke off"))
                    else:
                        answer.read()
                        error, wait_s = _error_of(answer, None, False, failures + 1), _retry_after_s(answer)
                        if not _again(error):
                            raise error
            except httpx.RequestError as lost:
                why, cause = str(lost) or type(lost).__name__, lost
                error = NotReached(_unreached("GET", path, failures + 1, why))
            failures += 1
            if failures >= self.tries or wait_s > LONGEST_RETRY_AFTER_S:
                raise error from cause
            self.pause(wait_s + _pause_s(failures))


def _error_of(answer: httpx.Response, key: str | None, unanswered: bool, tried: int) -> ApiError:
    problem = _problem_of(answer)
    if problem["code"] == NOT_TOLD and answer.status_code in _BETWEEN:
        method, path = answer.request.method, answer.request.url.path
        why = f"{answer.status_code} {answer.reason_phrase}"
        return NotReached(_unreached(method, path, tried, why), idempotency_key=key, unanswered_before=unanswered)
    kind = SlotLost if problem["code"] == "slot_not_offered" else ApiError
    return kind(problem, idempotency_key=key, unanswered_before=unanswered)


def _again(error: ApiError) -> bool:
    """The same request may be done when it is sent again."""
    return isinstance(error, NotReached) or error.status in _AGAIN or error.code == "still_running"


def _pause_s(tried: int) -> float:
    """Exponential back-off with full jitter: callers that failed together do not come back together."""
    most_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (tried - 1))
    return random.uniform(0, most_s)  # noqa: S311  nothing secret


def _retry_after_s(answer: httpx.Response) -> float:
    """Seconds to be waited as a Retry-After header says them, in numbers or as a date; 0 where it says nothing."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said[:9])
    try:
        until = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    if until.tzinfo is None:  # "-0000": in UTC all the same
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())


# ----------------------------------------------------------------------------- server-sent events


@dataclass(frozen=True, slots=True)
class Told:
    """One server-sent event."""

    kind: str
    number: str
    data: str

    def json(self) -> Any:
        """What it says."""
        return json.loads(self.data)


def server_sent(chunks: Iterable[bytes]) -> Iterator[Told]:
    """The events of a stream, see the HTML standard; one that has not arrived whole is left out."""
    kind, number, data = "message", "", list[str]()
    for line in _lines(chunks):
        if not line:
            if data:
                yield Told(kind, number, "\n".join(data))
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "id":
            number = value
        elif name == "data":
            data.append(value)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines. (Not `str.splitlines`: it would cut at line separators within a text, too.)"""
    rest = b""
    for chunk in chunks:
        *whole, rest = _LINE_END.split(rest + chunk)
        for line in whole:
            yield line.decode("utf-8", "replace")
