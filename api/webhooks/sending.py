"""Events sent to the webhooks: in order, one request each, again until they are taken.

One sender at a time has a webhook: it writes itself into the row, for a minute by the clock of the database, and
again with each event that was taken. What is sent is written down afterwards, so after a power cut an event may come
twice, under the same `webhook-id`, and none is left out. No line of the log holds a secret, a url or a body.
"""

from __future__ import annotations

import json
import logging
import secrets
import socket
import ssl
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import httpx
from sqlalchemy import ColumnElement, Connection, Row, false, func, or_, select, update

from api.store.faults import StoreError
from api.store.schema import epoch_ms, events, json_text, moment, webhooks
from api.store.store import Store, new_id
from api.webhooks.guard import UrlRefused, receiver_of
from api.webhooks.hooks import Webhook, webhook_of
from api.webhooks.signing import signed_headers

TIMEOUT_S = 10.0
"""Seconds for one event, from the look-up of the name to the end of the answer."""
MOST_EVENTS = 100
"""Events of one turn of a webhook; then others have theirs."""
TURN_S = 30.0
"""Seconds after which a turn ends, however few events it was. Well below LEASE_S: who was stopped sends no more."""
AT_ONCE = 16
"""Webhooks that are sent to at the same time."""
LEASE_S = 60.0
"""Seconds after which another sender takes over from one that says nothing any more."""
LOOK_AGAIN_S = 1.0
PAUSE_S = 10.0
"""Seconds of rest after something that nobody expected."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 3_600.0
"""Seconds until an event is tried again: doubled each time, up to an hour."""
GIVE_UP_S = 72 * 3_600
"""Seconds of failures after which a webhook is disabled."""
MOST_BYTES = 65_536
"""Bytes of an answer that are read. Only its status counts."""
GONE = 410
"""The status by which a receiver says that it wants no more."""

_JITTER_PERMILLE = 200
_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")
_FIXED_HEADERS = MappingProxyType(
    {"content-type": "application/json", "user-agent": "mitaan-webhooks", "connection": "close"}
)
_log = logging.getLogger("mitaan.webhooks")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try, in few words and none of the receiver's."""

    text: str
    delivered: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A webhook that this sender has for now, under a word that nobody else has; last renewed at `now_ms`."""

    hook: Webhook
    secret: str
    owner: str
    now_ms: int


class Sender:
    """Sends what is due. Any number of them may run, in any processes and on any machines.

    `private` and `plain_http` are what the settings allow, see `receiver_of`; `transport` stands in for the network.
    """

    def __init__(
        self,
        store: Store,
        *,
        private: bool = False,
        plain_http: bool = False,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
        owner: str | None = None,
    ) -> None:
        self._store = store
        self._private = private
        self._plain_http = plain_http
        self._timeout_s = timeout_s
        self._lease_ms = round(1_000 * max(LEASE_S, 6 * timeout_s))
        # A transport alone follows no redirect, asks no proxy of the environment and logs no url. No connection is
        # kept: one that was opened for a name must not serve another name at the same address.
        unkept = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._transport = transport or httpx.HTTPTransport(limits=unkept)
        self._owner = owner or new_id("S")

    def once(self) -> int:
        """Give each webhook with something due a turn, and wait for all; how many events were delivered."""
        never = threading.Event()
        with ThreadPoolExecutor(AT_ONCE, "mitaan-webhooks") as pool:
            return sum(pool.map(lambda webhook_id: self._turn(webhook_id, never), due_webhooks(self._store)))

    def run(self, until: threading.Event) -> None:
        """Send whatever becomes due, until told to end. What is on its way then is waited for."""
        busy: dict[str, Future[int]] = {}
        with ThreadPoolExecutor(AT_ONCE, "mitaan-webhooks") as pool:
            while not until.is_set():
                busy = {key: turn for key, turn in busy.items() if not _is_over(key, turn)}
                try:
                    due = due_webhooks(self._store)
                    for webhook_id in due:
                        if webhook_id not in busy and not until.is_set():
                            busy[webhook_id] = pool.submit(self._turn, webhook_id, until)
                except StoreError as error:
                    _log.warning("webhooks: %s", error.code)
                except Exception:  # noqa: BLE001  a defect ends no sender; only ids were read, so no body is logged
                    _log.exception("webhooks")
                    until.wait(PAUSE_S)
                until.wait(LOOK_AGAIN_S)

    def _turn(self, webhook_id: str, until: threading.Event) -> int:
        """Send one webhook its next events; how many were delivered."""
        if until.is_set():
            return 0
        lease = take(self._store, webhook_id, f"{self._owner}.{secrets.token_hex(8)}", self._lease_ms)
        if lease is None:
            return 0
        try:
            return self._send_all(lease, until)
        except Exception:
            with suppress(StoreError):  # else it is free a minute later
                leave(self._store, lease)
            raise

    def _send_all(self, lease: Lease, until: threading.Event) -> int:
        batch, read_up_to = next_events(self._store, lease.hook)
        began_s = time.monotonic()
        for delivered, event in enumerate(batch):
            if until.is_set() or time.monotonic() - began_s > TURN_S:
                leave(self._store, lease)
                return delivered
            answer = self._send(lease, event)
            if not answer.delivered:
                fail(self._store, lease, event.event_id, answer)
                return delivered
            kept = keep(self._store, lease, event.event_id, answer, self._lease_ms)
            if kept is None:
                _log.warning("webhook %s: another sender has it, or it is removed", lease.hook.webhook_id)
                return delivered + 1
            lease = kept
        leave(self._store, lease, read_up_to)
        return len(batch)

    def _send(self, lease: Lease, event: Row[Any]) -> Answer:
        """One try. The name is looked up and judged each time, and the request goes to an address that was judged."""
        hook, until_s = lease.hook, time.monotonic() + self._timeout_s
        try:
            receiver = receiver_of(
                hook.url, private=self._private, plain_http=self._plain_http, limit_s=self._timeout_s
            )
        except UrlRefused as no:
            return Answer(no.code)
        body = body_of(event)
        headers = signed_headers(lease.secret, f"{hook.webhook_id}.{event.event_id}", lease.now_ms // 1_000, body)
        watch = _Watch(max(0.001, until_s - time.monotonic()))
        request = httpx.Request(
            "POST",
            receiver.at(hook.failures),
            headers={"host": receiver.url.netloc.decode(), **_FIXED_HEADERS, **headers},
            content=body,
            extensions={
                "sni_hostname": receiver.host,
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), watch.limit_s),
                "trace": watch.trace,
            },
        )
        with watch:
            try:
                return _answered(self._transport.handle_request(request))
            except httpx.TimeoutException:
                return Answer("timed out")
            except httpx.TransportError as error:
                return Answer("timed out" if watch.over else _why_not(error))


def _why_not(error: httpx.TransportError) -> str:
    """In a few words why there was no answer; what the error itself says may hold more than should be told."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLCertVerificationError):
            return "no valid certificate"
        below = below.__cause__ or below.__context__
    return f"no answer ({type(error).__name__})"


def _answered(response: httpx.Response) -> Answer:
    """The status of an answer, after a polite part of its body was read."""
    read = 0
    with closing(response):
        for chunk in response.iter_raw():
            read += len(chunk)
            if read >= MOST_BYTES:
                break
    return Answer(f"HTTP {response.status_code}", response.is_success, response.status_code == GONE)


class _Watch:
    """Ends an exchange when its time is over, at its socket.

    The timeouts of httpx are of single reads: a receiver that sends a byte now and then would never be done.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(limit_s, self._end)
        self._timer.daemon = True

    def trace(self, name: str, info: dict[str, Any]) -> None:
        """Told by httpx where the exchange is."""
        if name in _CONNECTED:
            self._socket = info["return_value"].get_extra_info("socket")
            if self.over:
                self._cut()

    def _end(self) -> None:
        self.over = True
        self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # it was closed meanwhile
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # of TLS, too: no goodbye is waited for

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _is_over(webhook_id: str, turn: Future[int]) -> bool:
    if not turn.done():
        return False
    error = turn.exception()
    if error is not None:
        _log.error("webhook %s: %s", webhook_id, error.code if isinstance(error, StoreError) else type(error).__name__)
    return True


# ------------------------------------------------------------------------------------------ events


def body_of(event: Row[Any]) -> bytes:
    """What is sent of an event: the same bytes each time."""
    whole = {
        "id": event.event_id,
        "at": moment(event.at).isoformat(timespec="milliseconds"),
        "city": event.city_id,
        "date": event.date,
        "kind": event.kind,
        "subject": event.subject,
        "data": json.loads(event.data),
    }
    return json_text(whole).encode()


def next_events(store: Store, hook: Webhook) -> tuple[list[Row[Any]], int]:
    """The next events for a webhook, and the number up to which there are no others for it."""
    where = events.c.event_id > hook.sent_up_to
    if hook.cities is not None:
        where &= events.c.city_id.in_(sorted(hook.cities))
    if hook.kinds is not None:
        where &= or_(false(), *(_of_kind(kind) for kind in hook.kinds))
    with store.database.read() as connection:
        wanted = select(events).where(where).order_by(events.c.event_id).limit(MOST_EVENTS)
        batch = list(connection.execute(wanted))
        newest: int = connection.execute(select(func.max(events.c.event_id))).scalar() or 0
    return batch, batch[-1].event_id if len(batch) == MOST_EVENTS else max(newest, hook.sent_up_to)


def _of_kind(kind: str) -> ColumnElement[bool]:
    if kind.endswith(".*"):
        return events.c.kind.startswith(kind[:-1], autoescape=True)
    return events.c.kind == kind


# ------------------------------------------------------------------------------------------ leases


def _is_due(now_ms: int) -> ColumnElement[bool]:
    return (
        (webhooks.c.state == "active")
        & or_(webhooks.c.next_try_at.is_(None), webhooks.c.next_try_at <= now_ms)
        & or_(webhooks.c.owned_until.is_(None), webhooks.c.owned_until <= now_ms)
    )


def due_webhooks(store: Store) -> list[str]:
    """Webhooks that have not seen the newest event, may be tried now, and are nobody's."""
    newest = select(func.max(events.c.event_id)).scalar_subquery()
    with store.database.read() as connection:
        now_ms = epoch_ms(store.database.now(connection))
        due = select(webhooks.c.webhook_id).where(_is_due(now_ms) & (webhooks.c.sent_up_to < newest))
        return list(connection.execute(due.order_by(webhooks.c.webhook_id)).scalars())


def take(store: Store, webhook_id: str, owner: str, lease_ms: int) -> Lease | None:
    """Have a webhook for a while; None when somebody else was first or it is not due."""
    own = webhooks.c.webhook_id == webhook_id
    with store.database.write() as connection:
        now_ms = epoch_ms(store.database.now(connection))
        mine = {"owner": owner, "owned_until": now_ms + lease_ms}
        if connection.execute(update(webhooks).where(own & _is_due(now_ms)).values(**mine)).rowcount != 1:
            return None
        row = connection.execute(select(webhooks).where(own)).one()
        return Lease(webhook_of(row), row.secret, owner, now_ms)


def keep(store: Store, lease: Lease, event_id: int, answer: Answer, lease_ms: int) -> Lease | None:
    """An event was delivered: write it down and have the webhook for longer. None when it is somebody else's now."""
    with store.database.write() as connection:
        now_ms = epoch_ms(store.database.now(connection))
        fine = {"failures": 0, "failing_since": None, "next_try_at": None, "last_answer": answer.text}
        if not _write(connection, lease, {**fine, "sent_up_to": event_id, "owned_until": now_ms + lease_ms}):
            return None
    hook = replace(lease.hook, failures=0, failing_since=None, sent_up_to=event_id)
    return replace(lease, hook=hook, now_ms=now_ms)


def leave(store: Store, lease: Lease, sent_up_to: int | None = None) -> None:
    """Give a webhook back, with the number of the last event that was not for it."""
    seen = {} if sent_up_to is None else {"sent_up_to": sent_up_to}
    with store.database.write() as connection:
        _write(connection, lease, {**seen, "owner": None, "owned_until": None})


def fail(store: Store, lease: Lease, event_id: int, answer: Answer) -> None:
    """An event was not taken: give the webhook back, to be tried later, or not any more."""
    webhook_id, failures = lease.hook.webhook_id, lease.hook.failures + 1
    with store.database.write() as connection:
        now = store.database.now(connection)
        since = lease.hook.failing_since or now
        disabled = answer.gone or (now - since).total_seconds() > GIVE_UP_S
        values = {
            "state": "disabled" if disabled else "active",
            "failures": failures,
            "failing_since": epoch_ms(since),
            "next_try_at": None if disabled else epoch_ms(now) + round(1_000 * pause_s(failures)),
            "last_answer": answer.text,
        }
        written = _write(connection, lease, {**values, "owner": None, "owned_until": None})
    if written:
        end = "; it is disabled" if disabled else ""
        _log.warning("webhook %s: event %d: %s, %d in a row%s", webhook_id, event_id, answer.text, failures, end)


def pause_s(failures: int) -> float:
    """Seconds until the next try after so many failures, a little less by chance: not all come back at once."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30))
    return longest * (1_000 - secrets.randbelow(_JITTER_PERMILLE + 1)) / 1_000


def _write(connection: Connection, lease: Lease, values: dict[str, Any]) -> bool:
    """Write to the row of a webhook if it is still this sender's."""
    own = (webhooks.c.webhook_id == lease.hook.webhook_id) & (webhooks.c.owner == lease.owner)
    return connection.execute(update(webhooks).where(own).values(**values)).rowcount == 1
