"""A request as the endpoints see it: who asks, what they may, in which language, and how it is answered once.

`asking(roles)` is the dependency of an endpoint. Endpoints that change something answer through `Asked.once`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import anyio.to_thread
from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from api.http.edge import Trace, trace_of
from api.http.metrics import Metrics
from api.http.once import (
    Answer,
    AnsweredAlready,
    Running,
    Who,
    fingerprint,
    put_answer,
    put_audit,
    stored_answer,
)
from api.http.problems import Problem, json_bytes, of_refusal, of_store
from api.keys import ApiKey, Role, key_of_text
from api.settings import Settings
from api.store import StoreError
from api.store.schema import json_text
from api.store.store import Store
from api.words import Language
from optimizer.bookings import Refusal
from optimizer.domain import InvalidProblem
from scenarios.catalogue import Catalogue, City

KEY_KEPT_S = 1.0
"""A key that was revoked is refused after this at the latest."""
MOST_KEYS = 10_000
STORED = frozenset({403, 404, 409, 410, 412, 422})
"""Refusals that are an answer; after others the same request may be sent again and be done."""
_NO_KEY = {"WWW-Authenticate": "Bearer", "Connection": "close"}
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{8,128}")

Outcome = Any
Telling = Callable[[Any, dt.datetime, Connection], Answer]
"""Makes the answer of what came of a change, within its transaction: outcome, moment, connection."""

READERS = (Role.BOOKING, Role.DISPATCH, Role.ANALYST)
BOOKERS = (Role.BOOKING, Role.DISPATCH)
PLANNERS = (Role.DISPATCH,)
STUDENTS = (Role.DISPATCH, Role.ANALYST)
ADMINS: tuple[Role, ...] = ()
"""Roles that may use an endpoint; an admin may use them all."""


class Replayed(Exception):  # noqa: N818  (not an error: the request was answered before)
    """Raised before anything is done for a request that was answered already; its answer is the one of then."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Buckets:
    """How many requests each key has left: a bucket a key, filled evenly, that holds what ten seconds bring."""

    def __init__(self, workers: int) -> None:
        self._share = 1 / workers
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key_id: str, a_minute: int) -> float:
        """0 when the request may go on, else the seconds after which the next one may."""
        a_second = a_minute * self._share / 60
        most = max(1.0, 10 * a_second)
        now_s = time.monotonic()
        with self._lock:
            left, at_s = self._left.get(key_id, (most, now_s))
            left = min(most, left + (now_s - at_s) * a_second)
            if left < 1:
                self._left[key_id] = left, now_s
                return (1 - left) / a_second
            self._left[key_id] = left - 1, now_s
            return 0.0


@dataclass(slots=True)
class Service:
    """What one worker process has."""

    store: Store
    settings: Settings
    metrics: Metrics
    running: Running = field(default_factory=Running)
    buckets: Buckets = field(default_factory=lambda: Buckets(1))
    _keys: dict[str, tuple[ApiKey, float]] = field(default_factory=dict)

    async def admit(self, header: str) -> ApiKey:
        """The key of an Authorization header; one of its requests is taken from its bucket. See `edge.Admit`."""
        text = bearer(header)
        digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
        known = self._keys.get(digest)
        if known is None or time.monotonic() - known[1] > KEY_KEPT_S:
            try:
                found = await anyio.to_thread.run_sync(key_of_text, self.store, text)
            except StoreError as error:
                raise of_store(error) from error
            if found is None:
                raise Problem(401, "key_unknown", headers=_NO_KEY)
            if len(self._keys) > MOST_KEYS:
                self._keys.clear()
            self._keys[digest] = known = found, time.monotonic()
        key = known[0]
        if key.revoked_at is not None:
            raise Problem(401, "key_revoked", headers=_NO_KEY)
        wait_s = self.buckets.take(key.key_id, key.a_minute or self.settings.a_minute)
        if wait_s > 0:
            more = {"Retry-After": str(int(wait_s) + 1), "Connection": "close"}
            raise Problem(429, "too_many_requests", headers=more)
        return key


class Asked:
    """One request of a known caller."""

    def __init__(self, request: Request, service: Service, key: ApiKey, trace: Trace) -> None:
        self.request, self.service, self.key, self._trace = request, service, key, trace
        self.store: Store = service.store
        self.language: Language = trace.language
        self.city_id: str | None = None
        self.idempotency_key: str | None = None

    @property
    def catalogue(self) -> Catalogue:
        """Cities and services."""
        return self.store.catalogue

    @property
    def settings(self) -> Settings:
        """The settings of the service."""
        return self.service.settings

    # --------------------------------------------------------------------------- what is allowed

    def city(self, city_id: str, within: str = "body") -> City:
        """The city. Raises InvalidProblem where it is unknown, Problem where the key is not for it.

        `within` path: an unknown city is not found.
        """
        city = next((c for c in self.catalogue.cities if c.city_id == city_id), None)
        if city is None:
            try:
                self.catalogue.city(city_id)
            except InvalidProblem as invalid:
                if within == "path":
                    raise Problem(404, "unknown_city", invalid.faults[0].rule) from None
                raise
            raise Problem(404, "unknown_city", "the id of a city, in small letters")
        self.expect(city.city_id)
        return city

    def expect(self, city_id: str) -> None:
        """Raises Problem when the key is not for this city, which the audit log then names."""
        self.city_id = city_id
        if not self.key.may_see(city_id):
            self.note_refused(Problem(403, "city_not_allowed", f"not {city_id}"))

    def sees(self, city_id: str) -> bool:
        """What belongs to a city is there for this key; of another city it is not even known."""
        if self.key.may_see(city_id):
            self.city_id = city_id
            return True
        return False

    def note_refused(self, problem: Problem) -> None:
        """Write into the audit log that something was not allowed, and raise it."""
        with self.store.database.write() as connection:
            now = self.store.database.now(connection)
            put_audit(connection, now, self.who(), problem.status, problem.code, ())
        raise problem

    def who(self) -> Who:
        """For the audit log."""
        route = self._trace.route or ""
        action = f"{self.request.method} {route}"
        path = urllib.parse.quote(self.request.scope["path"])[:300]  # no database has to take what was sent as it is
        key = self.key
        return Who(key.key_id, key.name, key.role.value, action, path, self._trace.request_id, self.city_id)

    # ------------------------------------------------------------------------------ how answered

    def once(
        self,
        act: Callable[[Store], Outcome],
        answer: Telling,
        *,
        service_id: str | None = None,
        only: str | None = None,
    ) -> Response:
        """Do something once and answer it, see `api.http.once`.

        `act` gets the store and changes it in one transaction, or gives a Refusal; `answer` makes the answer within
        that transaction. `service_id` is that of the nearest slots of a refusal, `only` who alone was to come.
        """
        key, key_id = self.idempotency_key, self.key.key_id
        begun_s = time.perf_counter()
        try:
            if key is None:
                return self._once(act, answer, service_id, only)
            with self.service.running.one(key_id, key):
                return self._once(act, answer, service_id, only)
        except AnsweredAlready:
            found = self.stored()
            if found is None:
                raise
            return found
        finally:
            self._trace.took("work", begun_s)

    @cached_property
    def _print(self) -> str:
        request, url = self.request, self.request.url
        tree, only_if = getattr(request.state, "tree", None), request.headers.get("if-match")
        return fingerprint(request.method, url.path, url.query, tree, only_if)

    def stored(self) -> Response | None:
        """The answer that the same request was given before; None where there is none."""
        if self.idempotency_key is None:
            return None
        return stored_answer(self.store, self.key.key_id, self.idempotency_key, self._print)

    def _once(
        self, act: Callable[[Store], Outcome], answer: Telling, service_id: str | None, only: str | None
    ) -> Response:
        made: list[Answer] = []

        def keep(connection: Connection, now: dt.datetime, told: Answer, code: str | None) -> None:
            if self.idempotency_key is not None:
                put_answer(connection, now, self.key.key_id, self.idempotency_key, self._print, told)
            put_audit(connection, now, self.who(), told.status, code, told.subjects)

        def receipt(connection: Connection, now: dt.datetime, outcome: object) -> None:
            made[:] = [answer(outcome, now, connection)]
            keep(connection, now, made[0], None)

        try:
            outcome = act(self.store.with_receipt(receipt))
            if isinstance(outcome, Refusal):
                raise of_refusal(outcome, self.language, service_id, only)
        except Problem as problem:
            if problem.status not in STORED:
                raise
            document = problem.document(self.language, self._trace.request_id)
            headers = {"Content-Language": self.language.value, **problem.headers}
            with self.store.database.write() as connection:
                now = self.store.database.now(connection)
                keep(connection, now, Answer(problem.status, document, headers), problem.code)
            raise
        if not made:  # there was nothing to change
            with self.store.database.write() as connection:
                receipt(connection, self.store.database.now(connection), outcome)
        return made[0].response()

    def tagged(self, document: Any, *, tag: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
        """A document with its ETag, by default made of itself; 304 where the caller has it already."""
        tag = etag(document) if tag is None else tag
        whole = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
        if matches(self.request.headers.get("if-none-match"), tag, weakly=True):
            return Response(status_code=304, headers=whole)
        return Response(json_bytes(document), 200, whole, "application/json")

    def only_if(self, tag_of: Callable[[Any], str]) -> Callable[[Any], bool] | None:
        """For verbs: whether something is still as the caller's If-Match says; None where nothing is said."""
        wanted = self.request.headers.get("if-match")
        return None if wanted is None else lambda thing: matches(wanted, tag_of(thing))


def etag(document: Any) -> str:
    """A strong tag: equal for equal documents."""
    return f'"{hashlib.sha256(json_text(document).encode()).hexdigest()[:32]}"'


def matches(header: str | None, tag: str, *, weakly: bool = False) -> bool:
    """A header of tags names this one, or says * for any; weakly: also where somebody on the way has marked it W/."""
    if header is None:
        return False
    parts = (part.strip() for part in header.split(","))
    return any((part.removeprefix("W/") if weakly else part) in {"*", tag} for part in parts)


def asking(*roles: Role, changes: bool = False) -> Callable[[Request], Asked]:
    """The dependency that makes an `Asked` for keys of these roles, and of admins.

    `changes`: the request changes something and needs an Idempotency-Key.
    """
    allowed = {*roles, Role.ADMIN}

    def dependency(request: Request) -> Asked:
        trace = trace_of(request.scope)
        service: Service = request.app.state.service
        if trace.key is None:
            raise Problem(401, "key_missing", headers=_NO_KEY)
        asked = Asked(request, service, trace.key, trace)
        if trace.key.role not in allowed:
            names = ", ".join(sorted(role.value for role in allowed))
            asked.note_refused(Problem(403, "role_not_allowed", f"for keys of {names}"))
        given = request.headers.get("idempotency-key")
        twice = len(request.headers.getlist("idempotency-key")) > 1
        if given is not None and (twice or not _IDEMPOTENCY_KEY.fullmatch(given)):
            raise Problem(400, "bad_idempotency_key", "one, of 8 to 128 visible ASCII characters, as a random UUID")
        if changes and given is None:
            text = "a POST that changes something carries one, made anew by chance for each: a random UUID"
            raise Problem(400, "idempotency_key_missing", text)
        if trace.query_errors:
            raise Problem(422, "invalid_input", errors=trace.query_errors)
        if request.method != "GET" and given is not None:
            asked.idempotency_key = given
            begun_s = time.perf_counter()
            before = asked.stored()
            trace.took("stored", begun_s)
            if before is not None:
                raise Replayed(before)
        return asked

    return dependency


def bearer(header: str) -> str:
    """The text of the key in an Authorization header. Raises Problem where there is none."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        text = "the header Authorization: Bearer and the key"
        raise Problem(401, "key_missing", text, headers=_NO_KEY)
    return text.strip()
