"""Webhooks: events arrive in order and signed, again until they are taken, and only where they may go."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, update

from api.keys import make_key, revoke_key
from api.store import Database
from api.store.schema import webhooks
from api.store.store import Store
from api.store.writing import write_events
from api.webhooks import sending
from api.webhooks.guard import UrlRefused, may_be_reached, receiver_of
from api.webhooks.hooks import (
    KINDS,
    Webhook,
    add_webhook,
    enable_webhook,
    find_webhook,
    list_webhooks,
    remove_webhook,
)
from api.webhooks.sending import Sender, pause_s
from api.webhooks.signing import BadSignature, new_secret, signature, signed_headers, verified
from optimizer.bookings import Event
from optimizer.domain import InvalidProblem
from scenarios.catalogue import load_catalogue
from tests.store_days import NOW, Clock, clock

CATALOGUE = load_catalogue()
DAY = dt.date(2026, 12, 3)
__all__ = ["clock"]

ROOT = Path(__file__).parent.parent
PUBLIC = "93.184.215.14"


@pytest.fixture
def store(store_address: str, clock: Clock) -> Iterator[Store]:
    with Database.open(store_address, clock=clock) as database:
        yield Store(database, CATALOGUE)


@dataclass(frozen=True)
class Came:
    """A request as a receiver saw it."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def number(self) -> int:
        return int(json.loads(self.body)["id"])

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]


Say = Callable[[Came, BaseHTTPRequestHandler], int | None]


def always(status: int) -> Say:
    def say(came: Came, handler: BaseHTTPRequestHandler) -> int:
        return status

    return say


class Receiver(ThreadingHTTPServer):
    """A receiver on this machine that keeps what came; `say` gives the status, None when it has answered itself."""

    daemon_threads = True
    say: Say

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.say = always(204)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                came = Came(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                server.came.append(came)
                with suppress(OSError):
                    status = server.say(came, self)
                    if status is not None:
                        self.send_response(status)
                        self.send_header("location", "/elsewhere")
                        self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    @property
    def numbers(self) -> list[int]:
        return [came.number for came in self.came]


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def hooked(store: Store, url: str, **more: Any) -> tuple[Webhook, str]:
    wanted: dict[str, Any] = {"cities": None, "kinds": None, "created_by": "desk", "private": True, "plain_http": True}
    return add_webhook(store, url, **(wanted | more))


def happen(store: Store, *kinds: str, city: str = "raipur") -> None:
    with store.database.write() as connection:
        store.database.order_events(connection)
        told = [Event(kind, "B1", DAY, {"reference": "आवेदन"}) for kind in kinds]
        write_events(connection, city, told, store.database.now(connection))


def sender(store: Store, **more: Any) -> Sender:
    return Sender(store, **({"private": True, "plain_http": True, "timeout_s": 5.0} | more))


def found(store: Store, hook: Webhook) -> Webhook:
    webhook = find_webhook(store, hook.webhook_id)
    assert webhook is not None
    return webhook


def refused(store: Store, url: str, **more: Any) -> set[str]:
    with pytest.raises(InvalidProblem) as no:
        hooked(store, url, **more)
    return {fault.code for fault in no.value.faults}


# ---------------------------------------------------------------------------------------- signing


def test_a_signature_is_that_of_the_standard() -> None:
    # The example of the specification of Standard Webhooks.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  known to everybody
    body = b'{"test": 2432232314}'
    own = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert own == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_that_is_ours_gives_its_event_and_every_other_says_why_it_is_not() -> None:
    secret, body = new_secret(), b'{"id":7}'
    headers = signed_headers(secret, "W1.7", 1_000, body)
    assert verified(secret, headers, body, 1_299.5) == {"id": 7}
    shouted = {name.title(): value for name, value in headers.items()}
    assert verified(secret, shouted, body, 701) == {"id": 7}
    older = {**headers, "webhook-signature": f"v1,AAAA v2,x {headers['webhook-signature']}"}
    assert verified(secret, older, body, 1_000) == {"id": 7}

    def code(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
        with pytest.raises(BadSignature) as no:
            verified(secret, headers, body, now)
        return no.value.code

    for name in headers:
        assert code(secret, {k: v for k, v in headers.items() if k != name}, body, 1_000) == "missing_header"
    assert code(secret, {**headers, "webhook-timestamp": "1e3"}, body, 1_000) == "bad_timestamp"
    assert code(secret, headers, body, 1_301) == "too_old"
    assert code(secret, headers, body, 699) == "too_new"
    assert code(secret, headers, b'{"id":8}', 1_000) == "wrong_signature"
    assert code(new_secret(), headers, body, 1_000) == "wrong_signature"
    assert code(secret, {**headers, "webhook-id": "W1.8"}, body, 1_000) == "wrong_signature"
    assert code(secret, {**headers, "webhook-timestamp": "1001"}, body, 1_000) == "wrong_signature"
    assert code(secret, {**headers, "webhook-signature": "v1,ü"}, body, 1_000) == "wrong_signature"
    assert code("whsec_?", headers, body, 1_000) == "bad_secret"
    assert code(secret, signed_headers(secret, "W1.7", 1_000, b"[]"), b"[]", 1_000) == "bad_body"


# ------------------------------------------------------------------------------------------- rows


def test_a_webhook_is_made_found_listed_and_removed(store: Store) -> None:
    happen(store, "hold.made")
    hook, secret = hooked(store, "http://127.0.0.1:8080/a?b=1", cities=["raipur", "Korba"], kinds=["booking.*"])
    assert secret.startswith("whsec_")
    assert secret not in repr(hook)
    assert hook == Webhook(
        hook.webhook_id,
        "http://127.0.0.1:8080/a?b=1",
        frozenset({"raipur", "korba"}),
        ("booking.*",),
        "desk",
        NOW,
        "active",
        1,
        0,
        None,
        None,
        None,
    )
    other, _ = hooked(store, "http://127.0.0.1:8080/", created_by="other", from_now=False)
    assert other.sent_up_to == 0
    assert find_webhook(store, hook.webhook_id) == hook
    assert {webhook.webhook_id for webhook in list_webhooks(store)} == {hook.webhook_id, other.webhook_id}
    assert list_webhooks(store, created_by="other") == [other]
    assert remove_webhook(store, hook.webhook_id) is True
    assert remove_webhook(store, hook.webhook_id) is False
    assert enable_webhook(store, hook.webhook_id) is None
    assert list_webhooks(store) == [other]


def test_all_that_is_wrong_with_a_webhook_is_told_at_once(store: Store) -> None:
    wrong = {"cities": ["raipur", "atlantis"], "kinds": ["booking.mad", "*"], "created_by": "a b"}
    assert refused(store, "ftp://127.0.0.1/", **wrong) == {"https_only", "unknown_city", "unknown_kind", "bad_id"}
    assert refused(store, "http://127.0.0.1/", cities=[], kinds=[]) == {"bad_number"}
    assert list_webhooks(store) == []


def test_a_password_in_a_url_is_not_told(store: Store) -> None:
    with pytest.raises(InvalidProblem) as no:
        hooked(store, "https://me:pass-word@example.org/")
    assert [fault.code for fault in no.value.faults] == ["credentials_in_url"]
    assert "pass-word" not in str(no.value)


def test_what_a_receipt_raises_undoes_the_change(store: Store) -> None:
    outcomes: list[object] = []
    signed = store.with_receipt(lambda *signed: outcomes.append(signed[-1]))
    made = hooked(signed, "http://127.0.0.1:8080/")
    hook = made[0]
    again = enable_webhook(signed, hook.webhook_id)
    assert outcomes == [made, again]

    def no(connection: Connection, now: dt.datetime, outcome: object) -> None:
        raise RuntimeError("no receipt")

    unsigned = store.with_receipt(no)
    for change in (
        lambda: hooked(unsigned, "http://127.0.0.1:8081/"),
        lambda: enable_webhook(unsigned, hook.webhook_id),
        lambda: remove_webhook(unsigned, hook.webhook_id),
    ):
        with pytest.raises(RuntimeError, match="no receipt"):
            change()
    assert list_webhooks(store) == [hook]
    assert remove_webhook(signed, hook.webhook_id)
    assert outcomes[-1] is True


def test_every_kind_of_event_that_is_written_can_be_wanted() -> None:
    written = set()
    for path in (*ROOT.glob("optimizer/bookings/*.py"), *ROOT.glob("api/store/*.py")):
        written |= set(re.findall(r'f?"([a-z]+\.(?:[a-z_]+|\{status[a-z.]*\}))"', path.read_text()))
    written.remove("mitaan.db")  # a file
    whole = {kind for kind in written if "{" not in kind}
    assert "hold.made" in whole
    assert whole <= KINDS
    assert {kind.partition("{")[0] for kind in written - whole} == {"booking.", "delivery."}


# ---------------------------------------------------------------------------------------- sending


def test_events_arrive_in_order_and_signed(store: Store, receiver: Receiver, clock: Clock) -> None:
    hook, secret = hooked(store, receiver.url)
    happen(store, "hold.made", "booking.made", "booking.cancelled")
    assert sender(store).once() == 3
    assert receiver.numbers == [1, 2, 3]
    for came in receiver.came:
        event = verified(secret, came.headers, came.body, clock.now.timestamp())
        assert came.message_id == f"{hook.webhook_id}.{event['id']}"
        assert came.headers["content-type"] == "application/json"
        assert came.headers["host"] == receiver.url.split("/")[2]
    assert json.loads(receiver.came[1].body) == {
        "id": 2,
        "at": "2026-12-01T09:00:00.000+05:30",
        "city": "raipur",
        "date": "2026-12-03",
        "kind": "booking.made",
        "subject": "B1",
        "data": {"reference": "आवेदन"},
    }
    assert found(store, hook) == replace(hook, sent_up_to=3, last_answer="HTTP 204")
    assert sender(store).once() == 0
    assert receiver.numbers == [1, 2, 3]


def test_a_webhook_gets_events_of_its_cities_and_kinds_and_skips_the_others(store: Store, receiver: Receiver) -> None:
    hook, _ = hooked(store, receiver.url, cities=["korba"], kinds=["booking.*", "hold.made"])
    happen(store, "booking.made")
    happen(store, "hold.made", "hold.expired", "booking.moved", "witness.improved", city="korba")
    happen(store, "booking.made", "hold.made")
    assert sender(store).once() == 2
    assert receiver.numbers == [2, 4]
    assert found(store, hook).sent_up_to == 7
    happen(store, "booking.made")
    assert sender(store).once() == 0
    assert found(store, hook).sent_up_to == 8


def test_a_turn_ends_after_so_many_events_and_the_next_goes_on(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_EVENTS", 2)
    hooked(store, receiver.url)
    happen(store, *["hold.made"] * 3)
    assert [sender(store).once() for _ in range(3)] == [2, 1, 0]
    assert receiver.numbers == [1, 2, 3]


def test_an_event_that_is_not_taken_is_tried_again_later_and_holds_up_those_after_it(
    store: Store, receiver: Receiver, clock: Clock
) -> None:
    hook, _ = hooked(store, receiver.url)
    happen(store, "hold.made", "hold.expired")
    receiver.say = always(500)
    for failures, least_s, most_s in ((1, 4, 5), (2, 8, 10), (3, 16, 20)):
        assert sender(store).once() == 0
        now = found(store, hook)
        assert (now.failures, now.failing_since, now.sent_up_to) == (failures, NOW, 0)
        assert now.last_answer == "HTTP 500"
        assert now.next_try_at is not None
        pause = (now.next_try_at - clock.now).total_seconds()
        assert least_s <= pause <= most_s
        clock.on(pause - 0.001)
        assert sender(store).once() == 0
        assert len(receiver.came) == failures
        clock.on(0.001)
    receiver.say = always(200)
    assert sender(store).once() == 2
    assert receiver.numbers == [1, 1, 1, 1, 2]
    assert len({came.message_id for came in receiver.came[:4]}) == 1
    assert found(store, hook) == replace(hook, sent_up_to=2, last_answer="HTTP 200")


def test_failures_are_counted_anew_after_an_event_was_taken(store: Store, receiver: Receiver, clock: Clock) -> None:
    hook, _ = hooked(store, receiver.url)
    happen(store, "hold.made", "hold.expired")
    receiver.say = always(500)
    for _ in range(2):
        sender(store).once()
        clock.on(60)
    receiver.say = lambda came, _: 204 if came.number == 1 else 500
    assert sender(store).once() == 1
    now = found(store, hook)
    assert (now.sent_up_to, now.failures, now.failing_since) == (1, 1, clock.now)


def test_pauses_double_up_to_an_hour() -> None:
    assert 64 <= pause_s(5) <= 80
    assert all(2_880 <= pause_s(failures) <= 3_600 for failures in (11, 60, 5_000))


def test_a_receiver_that_is_gone_is_disabled_at_once_and_can_be_enabled_again(store: Store, receiver: Receiver) -> None:
    hook, _ = hooked(store, receiver.url)
    happen(store, "hold.made")
    receiver.say = always(410)
    assert sender(store).once() == 0
    assert found(store, hook).state == "disabled"
    assert sender(store).once() == 0
    assert len(receiver.came) == 1
    receiver.say = always(204)
    again = enable_webhook(store, hook.webhook_id)
    assert again == replace(hook, last_answer="HTTP 410")
    assert sender(store).once() == 1


def test_a_receiver_that_fails_for_three_days_is_disabled(store: Store, receiver: Receiver, clock: Clock) -> None:
    hook, _ = hooked(store, receiver.url)
    happen(store, "hold.made")
    receiver.say = always(503)
    sender(store).once()
    clock.on(72 * 3_600)
    sender(store).once()
    assert found(store, hook).state == "active"
    clock.on(2 * 3_600)
    sender(store).once()
    assert (found(store, hook).state, found(store, hook).failures) == ("disabled", 3)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(store: Store, receiver: Receiver, status: int) -> None:
    hook, _ = hooked(store, receiver.url)
    happen(store, "hold.made")
    receiver.say = always(status)
    assert sender(store).once() == 0
    assert [came.path for came in receiver.came] == ["/hook"]
    assert found(store, hook).last_answer == f"HTTP {status}"


def test_proxies_of_the_environment_are_not_asked(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    hooked(store, receiver.url)
    happen(store, "hold.made")
    assert sender(store).once() == 1


def test_nobody_there_is_a_failure(store: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        hook, _ = hooked(store, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        happen(store, "hold.made")
        assert sender(store).once() == 0
    assert found(store, hook).last_answer == "no answer (ConnectError)"


def test_a_certificate_for_another_name_is_told(store: Store, names: dict[str, list[Sequence[str]]]) -> None:
    def other_name(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("") from ssl.SSLCertVerificationError("hostname mismatch")

    names["hooks.example.org"] = [[PUBLIC]]
    hook, _ = hooked(store, "https://hooks.example.org/")
    happen(store, "hold.made")
    assert sender(store, transport=httpx.MockTransport(other_name)).once() == 0
    assert found(store, hook).last_answer == "no valid certificate"


def test_the_whole_exchange_has_one_time_limit_however_the_receiver_drips(store: Store, receiver: Receiver) -> None:
    def drip(came: Came, handler: BaseHTTPRequestHandler) -> None:
        until_s = time.monotonic() + 5
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        while time.monotonic() < until_s:
            handler.wfile.write(b"x")
            time.sleep(0.02)

    hook, _ = hooked(store, receiver.url)
    happen(store, "hold.made")
    receiver.say = drip
    began_s = time.monotonic()
    assert sender(store, timeout_s=0.2).once() == 0
    assert time.monotonic() - began_s < 4
    assert found(store, hook).last_answer == "timed out"


def test_an_answer_without_end_is_not_read_to_its_end(store: Store, receiver: Receiver) -> None:
    sent = []

    def flood(came: Came, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(2_000):  # 130 MB
            handler.wfile.write(bytes(65_536))
            sent.append(65_536)

    hooked(store, receiver.url)
    happen(store, "hold.made")
    receiver.say = flood
    assert sender(store).once() == 1
    assert len(sent) < 1_000


def test_neither_secret_nor_url_nor_body_is_logged(
    store: Store, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hook, secret = hooked(store, receiver.url + "?token=hidden")
    happen(store, "hold.made", "hold.expired")
    receiver.say = lambda came, _: 204 if came.number == 1 else 410
    assert sender(store).once() == 1
    assert caplog.messages == [f"webhook {hook.webhook_id}: event 2: HTTP 410, 1 in a row; it is disabled"]
    assert secret not in caplog.text


# ------------------------------------------------------------------------------- several at once


def test_two_senders_at_once_deliver_nothing_twice(store_address: str, receiver: Receiver, clock: Clock) -> None:
    with ExitStack() as stack:
        stores = [Store(stack.enter_context(Database.open(store_address, clock=clock)), CATALOGUE) for _ in range(2)]
        hooks = [hooked(stores[0], receiver.url)[0] for _ in range(2)]
        happen(stores[0], *["hold.made"] * 20)
        together = threading.Barrier(2)
        counts: list[int] = []

        def work(store: Store) -> None:
            together.wait()
            counts.extend(sender(store).once() for _ in range(3))

        threads = [threading.Thread(target=work, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(counts) == 40
    for hook in hooks:
        own = [came.number for came in receiver.came if came.message_id.startswith(hook.webhook_id)]
        assert own == list(range(1, 21))


def test_a_sender_killed_between_delivery_and_note_lets_the_event_come_again_under_its_id(
    store: Store, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    hooked(store, receiver.url)
    happen(store, "hold.made", "hold.expired")
    with monkeypatch.context() as patch:
        patch.setattr(sending, "keep", killed)
        with pytest.raises(Killed):
            sender(store).once()
    assert sender(store).once() == 0  # it is the dead one's still
    clock.on(60)
    assert sender(store).once() == 2
    assert receiver.numbers == [1, 1, 2]
    assert receiver.came[0].message_id == receiver.came[1].message_id
    assert receiver.came[0].body == receiver.came[1].body


def test_a_sender_that_lost_its_webhook_stops(store: Store, receiver: Receiver) -> None:
    def stolen(came: Came, handler: BaseHTTPRequestHandler) -> int:
        with store.database.write() as connection:
            connection.execute(update(webhooks).values(owner="another"))
        return 204

    hook, _ = hooked(store, receiver.url)
    happen(store, "hold.made", "hold.expired")
    receiver.say = stolen
    assert sender(store).once() == 1
    assert receiver.numbers == [1]
    assert found(store, hook) == hook


def test_a_webhook_removed_while_it_is_sent_to_gets_no_more(store: Store, receiver: Receiver) -> None:
    def removed(came: Came, handler: BaseHTTPRequestHandler) -> int:
        remove_webhook(store, came.message_id.partition(".")[0])
        return 500

    hooked(store, receiver.url)
    happen(store, "hold.made", "hold.expired")
    receiver.say = removed
    assert sender(store).once() == 0
    assert receiver.numbers == [1]
    assert list_webhooks(store) == []


def test_a_slow_receiver_holds_up_nobody_else(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LOOK_AGAIN_S", 0.01)
    answer, until = threading.Event(), threading.Event()
    with receiving() as quick:
        at_slow, at_quick = threading.Semaphore(0), threading.Semaphore(0)

        def slow(came: Came, handler: BaseHTTPRequestHandler) -> int:
            at_slow.release()
            return 204 if answer.wait(5) else 500

        def at_once(came: Came, handler: BaseHTTPRequestHandler) -> int:
            at_quick.release()
            return 204

        receiver.say, quick.say = slow, at_once
        slow_one, _ = hooked(store, receiver.url)
        quick_one, _ = hooked(store, quick.url)
        worker = threading.Thread(target=sender(store).run, args=(until,))
        worker.start()
        try:
            happen(store, "hold.made")
            assert at_slow.acquire(timeout=5)
            assert at_quick.acquire(timeout=5)
            happen(store, "hold.expired")  # a later round, too
            assert at_quick.acquire(timeout=5)
        finally:
            until.set()
            answer.set()
            worker.join()
    assert quick.numbers == [1, 2]
    assert receiver.numbers == [1]
    assert found(store, slow_one).sent_up_to == 1
    assert found(store, quick_one).sent_up_to == 2


# ------------------------------------------------------------------------------------------ guard


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Sequence[str]]]:
    """What names lead to, one answer for each look-up, the last one for good; `asked` counts. Addresses are as ever."""
    known: dict[str, list[Sequence[str]]] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in known:
            if not re.fullmatch(r"[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*", name):
                raise socket.gaierror(socket.EAI_NONAME, "unknown")
            return real(host, port, *more, **named)
        answers = known[name]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://017700000001/",
        "https://0/",
        "https://0.0.0.0/",
        "https://localhost/",
        "https://LOCALHOST:8443/",
        "https://localhost./",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://168.63.129.16/",
        "https://192.0.0.192/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::808:808]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:808:808::1]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[fc00::1]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
    ],
)
def test_addresses_that_are_not_public_are_refused_however_they_are_written(url: str) -> None:
    with pytest.raises(UrlRefused) as no:
        receiver_of(url)
    assert no.value.code == "private_address"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "https_only"),
        ("example.org/x", "https_only"),
        ("//example.org/x", "https_only"),
        ("http://example.org/", "https_only"),
        ("file:///etc/passwd", "https_only"),
        ("https:///x", "bad_url"),
        ("https://a@example.org/", "credentials_in_url"),
        ("https://example.org:443@127.0.0.1/", "credentials_in_url"),
        ("https://127.0.0.1\\@example.org/", "bad_url"),
        ("https://example.org/ x", "bad_url"),
        ("https://example.org/\r\nhost: x", "bad_url"),
        ("https://example.org/#here", "bad_url"),
        ("https://127%2e0%2e0%2e1/", "bad_url"),
        ("https://[fe80::1%25eth0]/", "bad_url"),
        (
            "https://127.0.0.\N{FULLWIDTH DIGIT ONE}/",
            "bad_url",
        ),
        ("https://0177.0.0.1/", "bad_url"),
        ("https://a..b/", "bad_url"),
        ("https://" + "a." * 200 + "org/", "bad_url"),
        ("https://example.org/" + "x" * 2_000, "bad_url"),
        ("https://example.org:0/", "bad_port"),
        ("https://example.org:22/", "bad_port"),
        ("https://example.org:70000/", "bad_port"),
        ("https://nowhere.example.org/", "unresolvable"),
    ],
)
def test_urls_that_no_webhook_may_have_are_refused(url: str, code: str, names: dict[str, list[Sequence[str]]]) -> None:
    names["example.org"] = [[PUBLIC]]
    with pytest.raises(UrlRefused) as no:
        receiver_of(url)
    assert no.value.code == code


def test_a_name_is_judged_by_all_its_addresses(names: dict[str, list[Sequence[str]]]) -> None:
    names["both.example.org"] = [[PUBLIC, "10.0.0.1"]]
    names["public.example.org"] = [[PUBLIC, "8.8.8.8"]]
    names["xn--bcher-kva.example.org"] = [[PUBLIC]]
    with pytest.raises(UrlRefused) as no:
        receiver_of("https://both.example.org/")
    assert no.value.code == "private_address"
    fine = receiver_of("https://PUBLIC.example.org.:8443/a?b=%20")
    assert fine.host == "public.example.org"
    assert fine.addresses == (PUBLIC, "8.8.8.8")
    assert [str(fine.at(n)) for n in range(3)] == [
        f"https://{PUBLIC}:8443/a?b=%20",
        "https://8.8.8.8:8443/a?b=%20",
        f"https://{PUBLIC}:8443/a?b=%20",
    ]
    assert receiver_of("https://bücher.example.org/").host == "xn--bcher-kva.example.org"
    assert str(receiver_of("https://[2606:4700::1111]/").at(0)) == "https://[2606:4700::1111]/"


def test_where_private_addresses_are_allowed_metadata_and_the_link_are_not() -> None:
    for url in ("https://127.0.0.1:22/", "https://10.0.0.1/", "https://[::1]/", "https://100.64.0.1/"):
        assert receiver_of(url, private=True).addresses
    for address in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "0.1.2.3", "[fd00:ec2::254]", "224.0.0.1"):
        with pytest.raises(UrlRefused) as no:
            receiver_of(f"https://{address}/", private=True)
        assert no.value.code == "forbidden_address"
    with pytest.raises(UrlRefused, match="https_only"):
        receiver_of("http://127.0.0.1/", private=True)


def test_a_slow_look_up_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [answer.wait(5)][:0])
    with pytest.raises(UrlRefused) as no:
        receiver_of("https://example.org/", limit_s=0.01)
    answer.set()
    assert no.value.code == "unresolvable"


def test_a_request_goes_to_the_address_that_was_judged_under_the_name_of_the_url(
    store: Store, names: dict[str, list[Sequence[str]]]
) -> None:
    went: list[httpx.Request] = []

    def taken(request: httpx.Request) -> httpx.Response:
        went.append(request)
        return httpx.Response(204, stream=httpx.ByteStream(b""))

    names["hooks.example.org"] = [[PUBLIC]]
    hook, _ = hooked(store, "https://hooks.example.org/in?a=1", private=False, plain_http=False)
    happen(store, "hold.made")
    own = sender(store, private=False, plain_http=False, transport=httpx.MockTransport(taken))
    assert own.once() == 1
    assert str(went[0].url) == f"https://{PUBLIC}/in?a=1"
    assert went[0].headers["host"] == "hooks.example.org"
    assert went[0].extensions["sni_hostname"] == "hooks.example.org"

    names["hooks.example.org"] = [["127.0.0.1"]]  # since it was registered
    happen(store, "hold.made")
    assert own.once() == 0
    assert len(went) == 1
    assert found(store, hook).last_answer == "private_address"


def test_who_makes_a_webhook_does_not_learn_which_names_there_are_inside(
    store: Store, names: dict[str, list[Sequence[str]]]
) -> None:
    names["inside.example.org"] = [["10.0.0.1"]]
    rules = set()
    for host in ("inside", "nowhere"):
        with pytest.raises(InvalidProblem) as no:
            hooked(store, f"https://{host}.example.org/", private=False)
        rules |= {(fault.code, fault.rule) for fault in no.value.faults}
    assert {code for code, _ in rules} == {"forbidden_address"}
    assert len(rules) == 1


def test_webhooks_end_with_the_last_key_of_the_name_that_made_them(store: Store, receiver: Receiver) -> None:
    first, second, other = (make_key(store, name, "booking", None, "tests")[0] for name in ("desk", "desk", "shop"))
    mine, others = (hooked(store, receiver.url, created_by=key.key_id)[0] for key in (first, other))
    lease = sending.take(store, mine.webhook_id, "sender", 60_000)
    assert lease is not None
    revoke_key(store, first.key_id)
    assert found(store, mine).state == "active"
    revoke_key(store, second.key_id)
    ended = found(store, mine)
    assert (ended.state, ended.last_answer) == ("disabled", "its key was revoked")
    sending.fail(store, lease, 1, sending.Answer("HTTP 500"))  # who was sending does not bring it back
    assert found(store, mine) == ended
    assert found(store, others).state == "active"


def test_a_defect_is_logged_and_ends_no_sender(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    until, calls = threading.Event(), []

    def broken(_: Store) -> list[str]:
        calls.append(1)
        if len(calls) == 2:
            until.set()
        raise RuntimeError("broken")

    monkeypatch.setattr(sending, "due_webhooks", broken)
    monkeypatch.setattr(sending, "PAUSE_S", 0.01)
    monkeypatch.setattr(sending, "LOOK_AGAIN_S", 0.01)
    sender(store).run(until)
    assert len(calls) == 2
    assert [record.exc_info is not None for record in caplog.records if record.name == "mitaan.webhooks"] == [True] * 2


def test_a_name_that_leads_elsewhere_when_asked_again_is_not_asked_again(
    store: Store, receiver: Receiver, names: dict[str, list[Sequence[str]]]
) -> None:
    port = receiver.server_address[1]
    names["rebinding.test"] = [["127.0.0.1"]]
    hooked(store, f"http://rebinding.test:{port}/hook")
    names["rebinding.test"] = [["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]]
    happen(store, "hold.made", "hold.expired")
    assert sender(store).once() == 2  # one look-up each
    assert names["rebinding.test"] == [["169.254.169.254"]]
    assert receiver.came[0].headers["host"] == f"rebinding.test:{port}"
    happen(store, "hold.made")
    assert sender(store).once() == 0


def test_public_addresses_of_both_versions_are_reached() -> None:
    from ipaddress import ip_address

    for text in (PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"):
        assert may_be_reached(ip_address(text))
