"""The same request with the same Idempotency-Key is done once, and answered the same, byte for byte."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from api.http import asked as asked_module
from api.http.asked import Buckets
from api.http.once import REPLAYED, forget
from api.settings import Settings
from api.store import Database, StoreError
from api.store.checking import check_store
from api.store.schema import answers, audit, bookings, events, jobs
from api.store.store import Store
from tests.answered import refused, told
from tests.desks import rostered
from tests.served import SLOT, Served, fill, once, served, served_anywhere, serving, wanted

__all__ = ["rostered", "served", "served_anywhere"]

PINNED = {**wanted(), "visits": [{"service": "income", "slot": SLOT, "executive": "E01"}]}
"""Only one of two can have it."""
BOOK = "/v1/bookings"


def count(store: Store, table: Any) -> int:
    with store.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def replayed(answer: httpx.Response) -> bool:
    return bool(answer.headers.get(REPLAYED) == "true")


def same(first: httpx.Response, second: httpx.Response) -> None:
    """The second is the answer that was given first: status, bytes and the headers that belong to it."""
    assert (first.status_code, first.content) == (second.status_code, second.content)
    for name in ("Location", "ETag", "Content-Type", "Content-Language", "Retry-After"):
        assert first.headers.get(name) == second.headers.get(name), name


# ------------------------------------------------------------------------------------------- again


def test_the_same_request_again_gets_the_same_answer_and_is_done_once(served_anywhere: Served) -> None:
    client, key = served_anywhere.client(), once()
    first, second = (client.post(BOOK, json=wanted(), headers=key) for _ in range(2))
    assert told(first, 201)["bookings"][0]["status"] == "booked"
    same(first, second)
    assert (replayed(first), replayed(second)) == (False, True)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert count(served_anywhere.store, bookings) == 1


@pytest.mark.parametrize(
    "other",
    [
        '{ "visits":[ {"slot":"2026-12-03T10:00:00+05:30",\n"service":"income"} ],"city":"raipur",'
        '"place":{"lat":2.125e1,"lon":81.630}}',
        '{"city":"\\u0072aipur","place":{"lon":81.63,"lat":21.25},'
        '"visits":[{"service":"income","slot":"2026-12-03T10:00:00+05:30"}]}',
    ],
    ids=["order and spaces", "escapes"],
)
def test_json_that_says_the_same_is_the_same_request(other: str, served: Served) -> None:
    client, key = served.client(), once()
    first = client.post(BOOK, json=wanted(), headers=key)
    same(first, client.post(BOOK, content=other, headers={**key, "Content-Type": "application/json"}))
    assert count(served.store, bookings) == 1


def test_a_key_stands_for_one_request(served: Served) -> None:
    client, key = served.client(), once()
    booking = told(client.post(BOOK, json=wanted(), headers=key), 201)["bookings"][0]
    for path, body in [
        (BOOK, wanted(reference="call-2")),
        (BOOK, {**wanted(), "place": {"lon": 81.63, "lat": 21.2500001}}),
        ("/v1/holds", wanted()),
        (f"{BOOK}/{booking['id']}/cancel", None),
    ]:
        refused(client.post(path, json=body, headers=key), 422, "idempotency_key_reused")
    assert count(served.store, bookings) == 1
    assert told(client.get(f"{BOOK}/{booking['id']}"))["status"] == "booked"


def test_every_caller_has_keys_of_its_own(served: Served) -> None:
    key = once()
    first = told(served.client("booking").post(BOOK, json=wanted(), headers=key), 201)
    second = served.client("dispatch").post(BOOK, json=wanted(), headers=key)
    assert told(second, 201)["group"] != first["group"]
    assert not replayed(second)


def test_what_has_ended_since_is_answered_as_it_was(served: Served) -> None:
    client, key = served.client(), once()
    path = f"/v1/holds/{told(client.post('/v1/holds', json=wanted(), headers=once()), 201)['id']}"
    first = client.post(f"{path}/extend", headers=key)
    told(first)
    assert client.delete(path).status_code == 204
    same(first, client.post(f"{path}/extend", headers=key))


def test_answers_are_forgotten_after_a_while(served: Served) -> None:
    client, key = served.client(), once()
    told(client.post(BOOK, json=wanted(), headers=key), 201)
    assert forget(served.store, 24, 400) == 0
    served.now = served.now.replace(day=2, hour=10)
    assert forget(served.store, 24, 400) == 1
    again = client.post(BOOK, json=wanted(), headers=key)
    assert told(again, 201)["bookings"]
    assert not replayed(again)


def test_what_changes_nothing_needs_no_key(served: Served) -> None:
    client = served.client()
    search = {"city": "raipur", "place": wanted()["place"], "services": ["income"]}
    told(client.post("/v1/slot-searches", json=search))
    assert count(served.store, answers) == 0


# --------------------------------------------------------------------------------- keys that are none


def test_a_post_that_changes_something_needs_a_key(served: Served) -> None:
    client = served.client()
    for path in (BOOK, "/v1/holds", "/v1/holds/G1/extend", "/v1/bookings/B1/cancel"):
        refused(client.post(path, json=wanted()), 400, "idempotency_key_missing")
    assert count(served.store, bookings) == 0


def test_a_key_has_8_to_128_visible_characters(served: Served) -> None:
    client = served.client()
    for key in (b"", b"short", b"x" * 129, b"has a space", "hälfte12".encode(), b"tab\ttab1", b"\x7f" * 8):
        answer = client.post(BOOK, json=wanted(), headers={b"Idempotency-Key": key})
        refused(answer, 400, "bad_idempotency_key")
    assert count(served.store, bookings) == 0


# --------------------------------------------------------------------------------------- refusals


def test_a_refusal_is_an_answer_too(served_anywhere: Served) -> None:
    client, key = served_anywhere.client(), once()
    taken = told(client.post(BOOK, json=PINNED, headers=once()), 201)["bookings"][0]["id"]
    first = client.post(BOOK, json=PINNED, headers=key)
    problem = refused(first, 409, "slot_not_offered")
    told(client.post(f"{BOOK}/{taken}/cancel", headers=once()))
    second = client.post(BOOK, json=PINNED, headers=key)
    same(first, second)
    assert replayed(second)
    assert problem["request_id"] == first.headers["X-Request-Id"] == second.json()["request_id"]
    assert told(client.post(BOOK, json=PINNED, headers=once()), 201)["bookings"]


def test_too_many_requests_and_a_failed_store_are_no_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client, key = served.client(served.key("slow", "booking", a_minute=6)), once()
    told(client.get("/v1/cities"))
    busy = client.post(BOOK, json=wanted(), headers=key)
    refused(busy, 429, "too_many_requests")
    assert int(busy.headers["Retry-After"]) in range(1, 11)
    served.app.state.service.buckets = Buckets(1)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", failing(StoreError("disk_full", "store.db", "no room is left")))
        down = client.post(BOOK, json=wanted(), headers=key)
    refused(down, 503, "store_failed")
    assert down.headers["Retry-After"] == "1"
    served.app.state.service.buckets = Buckets(1)
    assert count(served.store, answers) == 0

    done = client.post(BOOK, json=wanted(), headers=key)
    assert told(done, 201)["bookings"]
    assert not replayed(done)


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


# --------------------------------------------------------------------------------------- half-way


@pytest.mark.parametrize("piece", ["put_answer", "put_audit"])
def test_a_change_its_answer_and_its_line_in_the_audit_are_stored_together_or_not_at_all(
    piece: str, served_anywhere: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = served_anywhere
    client, key = served.client(), once()
    before = count(served.store, events)
    with monkeypatch.context() as patch:
        patch.setattr(asked_module, piece, failing(RuntimeError("half-way")))
        refused(client.post(BOOK, json=wanted(), headers=key), 500, "defect")
    tables = [count(served.store, table) for table in (bookings, answers, audit)]
    assert (tables, count(served.store, events)) == ([0, 0, 0], before)
    done = client.post(BOOK, json=wanted(), headers=key)
    assert told(done, 201)["bookings"]
    assert not replayed(done)
    assert [count(served.store, table) for table in (bookings, answers, audit)] == [1, 1, 1]
    assert check_store(served.store).findings == ()


# --------------------------------------------------------------------------------------- at once


def test_a_request_that_is_still_being_answered_is_not_begun_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    hold = Store.hold

    def slow(*given: Any, **more: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return hold(*given, **more)

    monkeypatch.setattr(Store, "hold", slow)
    key = once()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(served.client().post, BOOK, json=wanted(), headers=key)
        assert begun.wait(20)
        second = served.client().post(BOOK, json=wanted(), headers=key)
        go_on.set()
    refused(second, 409, "still_running")
    assert second.headers["Retry-After"] == "1"
    assert told(first.result(), 201)["bookings"]
    same(first.result(), served.client().post(BOOK, json=wanted(), headers=key))
    assert count(served.store, bookings) == 1


class Two:
    """Lets two calls of `Store.hold` begin together; the second goes on once the first has ended, where it is to."""

    def __init__(self, one_after_the_other: bool) -> None:
        self.in_order = one_after_the_other
        self.together = threading.Barrier(2, timeout=20)
        self.ended = threading.Event()
        self.hold = Store.hold

    def hold_in_turn(self) -> Callable[..., Any]:
        """Takes the place of `Store.hold`."""

        def hold(store: Store, *given: Any, **more: Any) -> Any:
            first = self.together.wait() == 0
            if not first and self.in_order:
                assert self.ended.wait(20)
            try:
                return self.hold(store, *given, **more)
            finally:
                self.ended.set()

        return hold


@pytest.mark.parametrize("in_order", [False, True], ids=["racing", "in order"])
def test_of_two_at_once_from_two_services_one_is_done_and_both_get_its_answer(
    in_order: bool, store_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the second is asked after the first it is refused inside, as the slot is taken: that is no answer."""
    fill(store_address)
    with serving(store_address) as one, serving(store_address) as other:
        text, key, two = one.texts["booking"], once(), Two(in_order)
        monkeypatch.setattr(Store, "hold", two.hold_in_turn())
        with ThreadPoolExecutor() as pool:
            sent = [pool.submit(s.client(text).post, BOOK, json=PINNED, headers=key) for s in (one, other)]
        first, second = (each.result() for each in sent)
        assert told(first, 201)["bookings"][0]["status"] == "booked"
        same(first, second)
        assert sorted([replayed(first), replayed(second)]) == [False, True]
        assert (count(one.store, bookings), count(one.store, answers), count(one.store, audit)) == (1, 1, 1)
        assert check_store(one.store).findings == ()


# ---------------------------------------------------------------------------------------- secrets


def test_secrets_are_told_once_and_stored_nowhere(served: Served) -> None:
    settings = Settings(background=False, webhooks_private=True, webhooks_plain_http=True)
    admin = served.client("admin")
    served.app.state.service.settings = settings
    for path, secret, body in [
        ("/v1/keys", "key", {"name": "new", "role": "booking"}),
        ("/v1/webhooks", "secret", {"url": "http://127.0.0.1:9/events"}),
    ]:
        key = once()
        first, second = (admin.post(path, json=body, headers=key) for _ in range(2))
        text = told(first, 201)[secret]
        assert len(text) > 40
        assert told(second, 201) == {**first.json(), secret: None}
        assert replayed(second)
        assert told(admin.get(first.headers["Location"])).get(secret) is None
        with served.store.database.read() as connection:
            kept = [json.dumps(list(row)) for row in connection.execute(select(answers))]
            kept += [json.dumps(list(row)) for row in connection.execute(select(audit))]
        assert len(kept) >= 2
        assert not any(text in row for row in kept)


def test_many_old_answers_are_forgotten_some_at_a_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.once.AT_ONCE", 2)
    client = served.client()
    for _ in range(5):
        client.post("/v1/holds", json=wanted(), headers=once())
    assert count(served.store, answers) == 5
    served.now += dt.timedelta(days=3)
    assert forget(served.store, 48, 400) == 5
    assert count(served.store, answers) == 0
    assert count(served.store, audit) == 5


def test_a_day_handed_in_twice_at_once_with_one_key_is_planned_once(
    store_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = json.loads((Path(__file__).parent.parent / "scenarios/data/days/birgaon.json").read_text("utf-8"))
    settings = Settings(solve_wait_s=0.0, a_minute=1_000_000)
    fill(store_address)
    with serving(store_address, settings) as one, serving(store_address, settings) as two:
        text = one.texts["analyst"]
        real, together = asked_module.Asked.stored, threading.Barrier(2)

        def both_look(self: Any) -> Any:
            found = real(self)
            if found is None and self.request.url.path == "/v1/solve" and not together.broken:
                together.wait(10)
            return found

        monkeypatch.setattr(asked_module.Asked, "stored", both_look)
        headers = {**once(), "Prefer": "respond-async"}
        with ThreadPoolExecutor(2) as pool:
            asked = [
                pool.submit(s.client(text).post, "/v1/solve", json={"day": day}, headers=headers) for s in (one, two)
            ]
            answers_ = [each.result(30) for each in asked]
        assert [answer.status_code for answer in answers_] == [202, 202]
        assert len({told(answer, 202)["id"] for answer in answers_}) == 1
        assert count(one.store, jobs) == 1
