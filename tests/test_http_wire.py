"""What comes over the wire and should not: too much, too slowly, in the wrong place, or from a client that has gone."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.http import protocol
from api.http.once import REPLAYED
from api.settings import Settings
from api.store.schema import bookings
from api.store.store import Store
from tests.answered import refused, told
from tests.desks import rostered
from tests.served import Served, once, served, serving, wanted

__all__ = ["rostered", "served"]

MIB = 1 << 20
SOON_S = 5.0
"""What ends is over by then, on a slow machine too."""


@pytest.fixture(scope="module")
def running(rostered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for all that changes nothing; a body has half a second to arrive."""
    path = shutil.copy(rostered, tmp_path_factory.mktemp("running") / "store.db")
    settings = Settings(a_minute=1_000_000, body_seconds=0.5, solve_wait_s=0.0)
    with serving(str(path), settings) as served:
        yield served


class Wire:
    """A connection of bytes."""

    def __init__(self, served: Served) -> None:
        host, port = served.url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=SOON_S)
        self.text = served.texts["booking"]

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, line: str, *headers: str, body: bytes = b"") -> None:
        """A request with a key and a body of JSON, of which some may be missing."""
        head = [line, "Host: here", f"Authorization: Bearer {self.text}", "Content-Type: application/json", *headers]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def rest(self) -> str:
        """Everything that is told until the other side hangs up."""
        return b"".join(iter(lambda: self.socket.recv(65_536), b"")).decode("latin-1")

    def one(self) -> str:
        """One answer, after which the connection may stay."""
        told = b""
        while (found := re.search(rb"content-length: (\d+)\r\n.*?\r\n\r\n", told, re.I | re.S)) is None or len(
            told
        ) < found.end() + int(found[1]):
            more = self.socket.recv(65_536)
            if not more:
                break
            told += more
        return told.decode("latin-1")

    def broken_off(self) -> None:
        """Hang up as a client that is killed: what was under way is lost."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


def is_problem(answer: str, status: int, code: str) -> None:
    """An answer over a bare wire, with all that every answer has."""
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} "), answer
    assert json.loads(body)["code"] == code
    for name in ("x-request-id: ", "server-timing: total;dur=", "content-type: application/problem+json"):
        assert name in head.lower()


def made(served: Served) -> int:
    with served.store.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(bookings)).scalar_one())


# ---------------------------------------------------------------------------------------- too much


def test_a_body_too_long_is_not_waited_for(running: Served) -> None:
    with Wire(running) as wire:
        wire.send("POST /v1/holds HTTP/1.1", f"Content-Length: {10 * MIB}")
        is_problem(wire.rest(), 413, "body_too_long")
    with Wire(running) as wire:
        wire.send("POST /v1/holds HTTP/1.1", f"Content-Length: {'9' * 18}")
        is_problem(wire.rest(), 413, "body_too_long")


def test_a_body_in_pieces_is_given_up_once_it_is_too_long(running: Served) -> None:
    piece = b"10000\r\n" + b" " * (1 << 16) + b"\r\n"
    with Wire(running) as wire:
        wire.send("POST /v1/holds HTTP/1.1", "Transfer-Encoding: chunked", body=piece * 17)
        is_problem(wire.rest(), 413, "body_too_long")


def test_a_client_that_sends_ten_megabytes_is_told_so(running: Served) -> None:
    client = running.client()
    refused(client.post("/v1/holds", content=b" " * (10 * MIB), headers=once()), 413, "body_too_long")
    told(client.get("/v1/cities"))


def test_a_whole_day_may_be_longer(running: Served) -> None:
    client = running.client("dispatch", **{"Content-Type": "application/json"})
    body = b'{"day":{}}' + b" " * (2 * MIB)
    for path in ("/v1/solve", "/v1/plans/analyze"):
        refused(client.post(path, content=body), 422, "invalid_input")
        refused(client.post(path, content=body * 5), 413, "body_too_long")


def test_a_head_too_long_is_refused(running: Served) -> None:
    for begun in (b"GET /", b"GET /health HTTP/1.1\r\nHost: here\r\nX-A: "):
        with Wire(running) as wire:
            wire.socket.sendall(begun + b"x" * 80_000)
            assert wire.rest().startswith("HTTP/1.1 400 ")


# -------------------------------------------------------------------------------------- too slowly


def test_a_body_too_slow_is_given_up(running: Served) -> None:
    for length in ("Content-Length: 100", "Transfer-Encoding: chunked"):
        with Wire(running) as wire:
            wire.send("POST /v1/holds HTTP/1.1", length, body=b"2\r\n{}\r\n")
            is_problem(wire.rest(), 408, "body_too_slow")


def test_a_head_that_does_not_arrive_closes_the_connection(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.1)
    for some in (b"", b"GET /v1/ci", b"GET /health HTTP/1.1\r\nHost: here\r\nX-A: "):
        with Wire(running) as wire:
            wire.socket.sendall(some)
            assert wire.rest() == ""
    with Wire(running) as wire:  # the head of a second request
        wire.send("GET /health HTTP/1.1")
        assert wire.one().startswith("HTTP/1.1 200 ")
        wire.socket.sendall(b"GET /hea")
        assert wire.rest() == ""


def test_a_head_in_drops_is_waited_for_only_so_long(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.2)
    with Wire(running) as wire:

        def refuses_more() -> bool:
            try:
                wire.socket.sendall(b"x")
            except ConnectionError:
                return True
            return False

        _until(refuses_more)


def test_a_head_in_two_pieces_is_answered(running: Served) -> None:
    with Wire(running) as wire:
        wire.socket.sendall(b"GET /health HTTP/1.1\r\nHo")
        time.sleep(0.05)
        wire.socket.sendall(b"st: here\r\n\r\n")
        assert wire.one().startswith("HTTP/1.1 200 ")


# ---------------------------------------------------------------------------------------- gone


def test_a_client_that_goes_amid_its_body_has_asked_for_nothing(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "mitaan.access")
    key, body = once(), json.dumps(wanted()).encode()
    for leave in (Wire.broken_off, lambda wire: wire.socket.close()):
        with Wire(served) as wire:
            key_line = f"Idempotency-Key: {key['Idempotency-Key']}"
            wire.send("POST /v1/bookings HTTP/1.1", key_line, f"Content-Length: {len(body)}", body=body[:-1])
            leave(wire)
    _until(lambda: [getattr(r, "told", {}).get("status") for r in caplog.records].count("gone") == 2)
    assert made(served) == 0
    answer = served.client().post("/v1/bookings", json=wanted(), headers=key)
    assert told(answer, 201)["bookings"]
    assert REPLAYED not in answer.headers


def test_a_client_that_goes_before_its_answer_gets_it_when_it_asks_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    hold = Store.hold

    def slow(*given: Any, **more: Any) -> Any:
        begun.set()
        assert go_on.wait(SOON_S)
        return hold(*given, **more)

    monkeypatch.setattr(Store, "hold", slow)
    key, body = once(), json.dumps(wanted()).encode()
    with Wire(served) as wire:
        key_line = f"Idempotency-Key: {key['Idempotency-Key']}"
        wire.send("POST /v1/bookings HTTP/1.1", key_line, f"Content-Length: {len(body)}", body=body)
        assert begun.wait(SOON_S)
        wire.broken_off()
    client = served.client()
    refused(client.post("/v1/bookings", json=wanted(), headers=key), 409, "still_running")
    go_on.set()
    _until(lambda: made(served) == 1)
    _until(lambda: client.post("/v1/bookings", json=wanted(), headers=key).status_code == 201)
    again = client.post("/v1/bookings", json=wanted(), headers=key)
    assert told(again, 201)["bookings"][0]["status"] == "booked"
    assert again.headers[REPLAYED] == "true"
    assert made(served) == 1


def _until(true: Any) -> None:
    end_s = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


# ------------------------------------------------------------------------------------------- where


def test_a_path_is_taken_as_it_is_written(running: Served) -> None:
    for path in (
        "//v1/cities",
        "/v1//cities",
        "/v1/../v1/cities",
        "/v1/./cities",
        "/v1/%2e%2e/v1/cities",
        "/v1/..%2fv1/cities",
        "/v1/cities/",
        "/v1/cities%00",
        "/v1/cities%0d%0aX-Evil:%20yes",
        "/v1/cities;a=b",
        "/V1/cities",
        "/health/..;/v1/cities",
        "/%76%31/nothing",
        "/v1/\\..\\cities",
        "*",
    ):
        with Wire(running) as wire:
            wire.send(f"GET {path} HTTP/1.1", "Connection: close")
            answer = wire.rest()
            is_problem(answer, 404, "not_found")
            assert "evil" not in answer.lower()


def test_what_cannot_be_done_at_a_path_is_told_with_what_can(running: Served) -> None:
    client = running.client()
    for method, path, allowed in (
        ("PATCH", "/v1/bookings", "GET, POST"),
        ("DELETE", "/v1/bookings/B1", "GET"),
        ("POST", "/v1/bookings/B1/place", "PUT"),
        ("PUT", "/v1/holds/G1", "DELETE, GET"),
        ("HEAD", "/v1/cities", "GET"),
        ("OPTIONS", "/v1/cities/raipur/rosters/2026-12-03", "GET, PUT"),
        ("TRACE", "/health", "GET"),
        ("BREW", "/v1/keys", "GET, POST"),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
        if method != "HEAD":
            refused(answer, 405, "method_not_allowed")


def test_what_a_header_brings_is_never_sent_back_as_it_came(running: Served) -> None:
    client = running.client()
    for name, value in (
        ("X-Request-Id", 'evil"; drop'),
        ("X-Request-Id", "<script>evil</script>"),
        ("X-Request-Id", "evil" * 20),
        ("X-Request-Id", "evil"),
        ("Accept-Language", "evil, *;q=evil"),
        ("Accept", "evil/evil"),
        ("Content-Type", "evil"),
        ("If-None-Match", '"evil"'),
        ("Origin", "https://evil.example"),
        ("X-Forwarded-For", "evil"),
    ):
        answer = client.get("/v1/problems", headers={name: value})
        told(answer)
        assert "evil" not in str(answer.headers).lower()
    kept = client.get("/v1/problems", headers={"X-Request-Id": "call-0000017"})
    assert kept.headers["X-Request-Id"] == "call-0000017"


def test_a_header_with_the_end_of_a_line_in_it_makes_no_other_header(running: Served) -> None:
    for name in ("X-Request-Id", "Accept-Language", "Idempotency-Key"):
        for end in ("\r\n", "\n", "\r", "\r\n ", "\0"):
            with Wire(running) as wire:
                wire.send("GET /v1/problems HTTP/1.1", f"{name}: abcdefgh{end}Evil: yes", "Connection: close")
                head = wire.rest().partition("\r\n\r\n")[0]
                assert head.startswith(("HTTP/1.1 200 ", "HTTP/1.1 400 "))
                assert "evil" not in head.lower()


def test_what_is_no_http_is_refused(running: Served) -> None:
    for nonsense in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"HELLO\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"POST /v1/holds HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/holds HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ):
        with Wire(running) as wire:
            wire.socket.sendall(nonsense + b"\r\n\r\n")
            assert wire.rest().startswith("HTTP/1.1 400 ")


def test_a_length_and_pieces_at_once_hide_no_second_request(running: Served) -> None:
    """What one side takes for a body and the other for a request (RFC 9112, 11.2)."""
    hidden = b"0\r\n\r\nGET /v1/problems HTTP/1.1\r\nHost: a\r\n\r\n"
    with Wire(running) as wire:
        wire.send("POST /v1/holds HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked", body=hidden)
        assert '"problems"' not in wire.one()


def test_the_language_is_what_the_caller_would_rather_have(running: Served) -> None:
    client = running.client()
    for accepted, language in (
        ("hi", "hi"),
        ("hi-IN,hi;q=0.9,en;q=0.8", "hi"),
        ("en;q=0.5, HI;q=0.7", "hi"),
        ("en, hi", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("hi;q=0", "en"),
        ("hi;q=nan, en;q=inf", "en"),
        (";;;,,,q=,", "en"),
        ("hindi", "en"),
        ("hi;" * 2_000, "en"),
    ):
        answer = client.get("/v1/bookings/B1", headers={"Accept-Language": accepted})
        title = refused(answer, 404, "unknown_booking")["title"]
        assert (answer.headers["Content-Language"], title.isascii()) == (language, language == "en"), accepted


def test_of_a_key_that_is_unknown_no_body_is_read(served: Served) -> None:
    with Wire(served) as wire:
        wire.text = "mitaan_K1_nobody"
        wire.send("POST /v1/solve HTTP/1.1", "Content-Length: 8000000")
        is_problem(wire.rest(), 401, "key_unknown")  # though not a byte of the body has come
