"""Answers that are given once: stored in the transaction of the change, told again when the request is repeated.

So a change and its answer are there both or neither, whatever crashes; and of two requests with the same key only one
can commit. Who changed what is written there, too: the audit log.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, tuple_
from starlette.responses import Response

from api.http.problems import MEDIA_TYPE, Problem, json_bytes
from api.store.schema import answers, audit, epoch_ms, json_text
from api.store.store import Store

REPLAYED = "Idempotency-Replayed"
AT_ONCE = 1_000
"""Rows that are deleted in one transaction."""


class AnsweredAlready(Exception):  # noqa: N818  (not an error: somebody else was first, with the same key)
    """Raised within a transaction: the request was answered meanwhile; nothing of this second time is stored."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with. `subjects` are ids for the audit log; `kept` is stored instead of a secret."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    subjects: Collection[str] = ()
    kept: Any = None

    def response(self) -> Response:
        """The answer as it is sent."""
        if self.status == 204:
            return Response(status_code=204, headers=dict(self.headers))
        return Response(json_bytes(self.document), self.status, dict(self.headers), "application/json")


@dataclass(frozen=True, slots=True)
class Who:
    """Whose request it is, and what it asks for: what the audit log says of it."""

    key_id: str
    name: str
    role: str
    action: str
    path: str
    request_id: str
    city_id: str | None = None


def fingerprint(method: str, path: str, query: str, tree: object, only_if: str | None) -> str:
    """What a request says, as a hash: equal for equal JSON, however it is written. `only_if` is its If-Match."""
    told = json.dumps([method, path, query, tree, only_if], sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()


def stored_answer(store: Store, key_id: str, key: str, print_: str) -> Response | None:
    """The answer that a request with this key was given; None when there was none.

    Raises Problem when that request said something else.
    """
    own = (answers.c.key_id == key_id) & (answers.c.idempotency_key == key)
    with store.database.read() as connection:
        row = connection.execute(select(answers).where(own)).one_or_none()
    if row is None:
        return None
    if row.fingerprint != print_:
        raise Problem(422, "idempotency_key_reused", "a key stands for one request; a new one for each, made by chance")
    headers = {**json.loads(row.headers), REPLAYED: "true"}
    if row.status == 204:
        return Response(status_code=204, headers=headers)
    kind = MEDIA_TYPE if row.status >= 400 else "application/json"
    return Response(row.body.encode(), row.status, headers, kind)


def put_answer(connection: Connection, now: dt.datetime, key_id: str, key: str, print_: str, answer: Answer) -> None:
    """Store an answer in the transaction of its change. Raises AnsweredAlready when there is one."""
    own = (answers.c.key_id == key_id) & (answers.c.idempotency_key == key)
    values = {
        "key_id": key_id,
        "idempotency_key": key,
        "fingerprint": print_,
        "status": answer.status,
        "headers": json_text(dict(answer.headers)),
        "body": json_bytes(answer.document if answer.kept is None else answer.kept).decode(),
        "created_at": epoch_ms(now),
    }
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_on  # noqa: PLC0415  only where it is spoken

        statement = insert_on(answers).values(**values).on_conflict_do_nothing().returning(answers.c.status)
        if connection.execute(statement).one_or_none() is None:
            raise AnsweredAlready
        return
    if connection.execute(select(answers.c.status).where(own)).one_or_none() is not None:
        raise AnsweredAlready  # on SQLite nobody else writes meanwhile
    connection.execute(insert(answers).values(**values))


def put_audit(
    connection: Connection, now: dt.datetime, who: Who, status: int, code: str | None, subjects: Collection[str]
) -> None:
    """Write who did what."""
    at = epoch_ms(now)
    connection.execute(
        insert(audit).values(
            audit_id=f"A{at:012x}{secrets.token_hex(4)}",
            at=at,
            key_id=who.key_id,
            name=who.name,
            role=who.role,
            action=who.action,
            path=who.path,
            city_id=who.city_id,
            status=status,
            code=code,
            request_id=who.request_id,
            subjects=json_text(sorted(subjects)),
        )
    )


def forget(store: Store, answers_hours: float, audit_days: float) -> int:
    """Delete answers and lines of the audit log that are older than they are kept; how many.

    Some at a time, each in a transaction of its own: others write in between.
    """
    with store.database.read() as connection:
        now = store.database.now(connection)
    old = epoch_ms(now - dt.timedelta(hours=answers_hours))
    older = epoch_ms(now - dt.timedelta(days=audit_days))
    return _delete(store, answers, answers.c.created_at < old) + _delete(store, audit, audit.c.at < older)


def _delete(store: Store, table: Table, which: ColumnElement[bool]) -> int:
    keys = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(which).limit(AT_ONCE)
    count = 0
    while True:
        with store.database.write() as connection:
            gone = connection.execute(delete(table).where(keys.in_(some))).rowcount
        count += gone
        if gone < AT_ONCE:
            return count


class Running:
    """The keys of requests that are being answered by this process."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def one(self, key_id: str, key: str) -> Iterator[None]:
        """Raises Problem when a request with the same key is being answered."""
        with self._lock:
            if (key_id, key) in self._keys:
                raise Problem(409, "still_running", headers={"Retry-After": "1"})
            self._keys.add((key_id, key))
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard((key_id, key))
