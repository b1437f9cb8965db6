"""Who may do what: keys, their roles and cities, how often they may ask, and the audit log of it all."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.http import asked as asked_module
from api.http.asked import KEY_KEPT_S, Buckets
from api.keys import Role
from api.settings import Settings
from tests.answered import faults, refused, routes_of, told
from tests.desks import rostered
from tests.served import HERE, SLOT, Served, once, served, served_anywhere, serving, wanted

__all__ = ["rostered", "served", "served_anywhere"]

ALL = {"booking", "dispatch", "analyst", "admin"}
MAY: dict[str, set[str]] = {
    "GET /v1/cities": ALL,
    "GET /v1/services": ALL,
    "GET /v1/openapi.json": ALL,
    "GET /v1/problems": ALL,
    "GET /v1/metrics": ALL,
    "GET /v1/cities/{city}/slots": ALL,
    "POST /v1/slot-searches": ALL,
    "GET /v1/cities/{city}/calendar": ALL,
    "GET /v1/cities/{city}/localities": ALL,
    "GET /v1/cities/{city}/rules": ALL,
    "GET /v1/cities/{city}/rosters/{date}": ALL,
    "PUT /v1/cities/{city}/rosters/{date}": {"dispatch", "admin"},
    "GET /v1/cities/{city}/staff": {"dispatch", "admin"},
    "PUT /v1/cities/{city}/staff": {"dispatch", "admin"},
    "POST /v1/rosters": {"dispatch", "admin"},
    "GET /v1/rosters": {"dispatch", "admin"},
    "GET /v1/rosters/{roster_id}": {"dispatch", "admin"},
    "DELETE /v1/rosters/{roster_id}": {"dispatch", "admin"},
    "GET /v1/rosters/{roster_id}/events": {"dispatch", "admin"},
    "GET /v1/rosters/{roster_id}/difference": {"dispatch", "admin"},
    "POST /v1/rosters/{roster_id}/publish": {"dispatch", "admin"},
    "GET /v1/cities/{city}/roster-versions": ALL,
    "GET /v1/cities/{city}/restrictions": ALL,
    "POST /v1/cities/{city}/restrictions": {"dispatch", "admin"},
    "DELETE /v1/restrictions/{restriction_id}": {"dispatch", "admin"},
    "POST /v1/holds": {"booking", "dispatch", "admin"},
    "GET /v1/holds/{hold_id}": {"booking", "dispatch", "admin"},
    "POST /v1/holds/{hold_id}/extend": {"booking", "dispatch", "admin"},
    "DELETE /v1/holds/{hold_id}": {"booking", "dispatch", "admin"},
    "POST /v1/bookings": {"booking", "dispatch", "admin"},
    "GET /v1/bookings": ALL,
    "GET /v1/bookings/{booking_id}": ALL,
    "POST /v1/bookings/{booking_id}/reschedule": {"booking", "dispatch", "admin"},
    "POST /v1/bookings/{booking_id}/cancel": {"booking", "dispatch", "admin"},
    "POST /v1/bookings/{booking_id}/status": {"booking", "dispatch", "admin"},
    "PUT /v1/bookings/{booking_id}/place": {"booking", "dispatch", "admin"},
    "GET /v1/events": ALL,
    "POST /v1/deliveries": {"dispatch", "admin"},
    "GET /v1/deliveries": {"booking", "dispatch", "admin"},
    "GET /v1/deliveries/{delivery_id}": {"booking", "dispatch", "admin"},
    "POST /v1/deliveries/{delivery_id}/status": {"dispatch", "admin"},
    "POST /v1/plans": {"dispatch", "admin"},
    "GET /v1/plans": ALL,
    "GET /v1/plans/{plan_id}": ALL,
    "GET /v1/plans/{plan_id}/events": ALL,
    "DELETE /v1/plans/{plan_id}": {"dispatch", "analyst", "admin"},
    "POST /v1/plans/{plan_id}/publish": {"dispatch", "admin"},
    "GET /v1/cities/{city}/plans/{date}": ALL,
    "GET /v1/cities/{city}/plans/{date}/executives/{executive}": ALL,
    "POST /v1/plans/analyze": {"dispatch", "analyst", "admin"},
    "POST /v1/solve": {"dispatch", "analyst", "admin"},
    "POST /v1/webhooks": {"booking", "dispatch", "admin"},
    "GET /v1/webhooks": {"booking", "dispatch", "admin"},
    "GET /v1/webhooks/{webhook_id}": {"booking", "dispatch", "admin"},
    "POST /v1/webhooks/{webhook_id}/enable": {"booking", "dispatch", "admin"},
    "DELETE /v1/webhooks/{webhook_id}": {"booking", "dispatch", "admin"},
    "POST /v1/keys": {"admin"},
    "GET /v1/keys": {"admin"},
    "GET /v1/keys/{key_id}": {"admin"},
    "DELETE /v1/keys/{key_id}": {"admin"},
    "GET /v1/audit": {"admin"},
}
"""Every endpoint that needs a key, and the roles that may use it."""
IN_PATH = {"city": "raipur", "date": "2026-12-03"}
ROSTER = "/v1/cities/raipur/rosters/2026-12-03"


def asked(client: httpx.Client, method: str, path: str, body: Any = None) -> httpx.Response:
    """What is answered to a request; it has a body and a key for once where these are needed."""
    headers = once() if method == "POST" else {}
    return client.request(
        method, path, json={} if body is None and method in {"POST", "PUT"} else body, headers=headers
    )


# ------------------------------------------------------------------------------------------ roles


def test_every_endpoint_says_who_may_use_it(served: Served) -> None:
    known = {f"{min(r.methods or ())} {r.path_format}" for r in routes_of(served.app)}
    assert known == {*MAY, "GET /health", "GET /ready"}


def test_every_role_may_do_what_the_table_says_and_nothing_else(served: Served) -> None:
    found: dict[str, set[str]] = {}
    for role in ALL:
        client = served.client(role)
        for name in MAY:
            method, template = name.split(" ")
            answer = asked(client, method, re.sub(r"{(\w+)}", lambda m: IN_PATH.get(m[1], "X1"), template))
            assert answer.status_code not in {401, 500}, name
            if answer.status_code != 403:
                found.setdefault(name, set()).add(role)
            else:
                assert answer.json()["code"] == "role_not_allowed", name
    assert found == MAY


# ------------------------------------------------------------------------------------------- keys


def test_without_a_key_nothing_is_answered_and_nothing_is_read(served: Served) -> None:
    """The body that was announced is not waited for."""
    host, port = served.url.removeprefix("http://").split(":")
    head = f"POST /v1/holds HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(head.encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))  # until the other side hangs up
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nwww-authenticate: Bearer\r\n" in answer.lower().replace(b"bearer", b"Bearer")
    assert b'"code":"key_missing"' in answer


def test_health_is_told_to_everybody(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        for path in ("/health", "/ready"):
            assert told(client.get(path)) == {"status": "ok"}
        for path in ("/v1/cities", "/v1/nothing", "/health/", "/metrics", "//health"):
            refused(client.get(path), 401, "key_missing")


def test_a_key_that_is_none_opens_nothing(served: Served) -> None:
    right = served.texts["booking"]
    prefix, key_id, secret = right.split("_", 2)
    client = served.client()
    for text in ("", "Bearer", "Basic dXNlcjpwYXNz", right, f"Token {right}"):
        answer = client.get("/v1/cities", headers={"Authorization": text})
        refused(answer, 401, "key_missing")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for text in (
        "x",
        f"{prefix}_{key_id}",
        f"{prefix}_{key_id}_",
        f"{prefix}_{key_id}_{secret}x",
        f"{prefix}_{key_id}_{secret[:-1]}",
        f"{prefix}_{served.texts['admin'].split('_')[1]}_{secret}",
        f"other_{key_id}_{secret}",
        f"{prefix}_' OR 1=1 --_{secret}",
        f"{prefix}_{key_id}_{hashlib.sha256(secret.encode()).hexdigest()}",
        right.upper(),
        f"{right} {right}",
        "x" * 8_000,
    ):
        refused(client.get("/v1/cities", headers={"Authorization": f"Bearer {text}"}), 401, "key_unknown")
    foreign = client.get("/v1/cities", headers={b"Authorization": "Bearer mitaan_ключ_ключ".encode()})
    refused(foreign, 401, "key_unknown")
    told(client.get("/v1/cities", headers={"Authorization": f"bearer  {right}"}))


def test_a_revoked_key_opens_nothing_a_second_later(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEY_KEPT_S <= 1.0
    monkeypatch.setattr(asked_module, "KEY_KEPT_S", 0.0)
    admin = served.client("admin")
    made = told(admin.post("/v1/keys", json={"name": "new", "role": "booking"}, headers=once()), 201)
    caller = served.client(made["key"])
    told(caller.get("/v1/cities"))
    path = f"/v1/keys/{made['id']}"
    ended = told(admin.delete(path))
    assert ended["revoked_at"] == "2026-12-01T09:00:00+05:30"
    refused(caller.get("/v1/cities"), 401, "key_revoked")
    served.now = served.now.replace(hour=10)
    assert told(admin.delete(path)) == told(admin.get(path)) == ended


def test_a_key_is_stored_as_a_hash_only(rostered: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with serving(str(shutil.copy(rostered, path))) as served:
        admin = served.client("admin")
        text = told(admin.post("/v1/keys", json={"name": "new", "role": "booking"}, headers=once()), 201)["key"]
        kept = b"".join(each.read_bytes() for each in tmp_path.iterdir())
        secret = text.split("_", 2)[2]
        assert hashlib.sha256(secret.encode()).hexdigest().encode() in kept
        assert secret.encode() not in kept
        assert text not in admin.get("/v1/keys").text


def test_all_that_is_wrong_with_a_wanted_key_is_told(served: Served) -> None:
    admin = served.client("admin")
    body = {"name": "two words", "role": "boss", "cities": [], "a_minute": 0, "secret": "mine"}
    assert faults(admin.post("/v1/keys", json=body, headers=once())) == {
        ("body", "/name", "bad_text"),
        ("body", "/role", "unknown_value"),
        ("body", "/cities", "wrong_length"),
        ("body", "/a_minute", "out_of_range"),
        ("body", "/secret", "unknown_field"),
    }
    body = {"name": "new", "role": "booking", "cities": ["raipur", "atlantis"]}
    assert faults(admin.post("/v1/keys", json=body, headers=once())) == {("body", "/cities/0", "unknown_city")}


# ------------------------------------------------------------------------------------------- rate


def test_a_key_asks_only_so_often(served: Served) -> None:
    client = served.client(served.key("slow", Role.BOOKING, a_minute=30))
    assert [client.get("/v1/cities").status_code for _ in range(7)] == [200] * 5 + [429] * 2
    busy = client.get("/v1/cities")
    refused(busy, 429, "too_many_requests")
    assert busy.headers["Retry-After"] == "2"
    told(served.client().get("/v1/cities"))


def test_a_bucket_holds_what_ten_seconds_bring_and_its_worker_has_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    buckets = Buckets(workers=2)
    taken = [buckets.take("K", 120) for _ in range(11)]
    assert taken == [0.0] * 10 + [1.0]
    assert buckets.take("other", 120) == 0.0
    now_s += 1.0
    assert [buckets.take("K", 120), buckets.take("K", 120)] == [0.0, 1.0]
    assert [buckets.take("seldom", 1), buckets.take("seldom", 1)] == [0.0, 120.0]


# ----------------------------------------------------------------------------------------- cities


class Things:
    """One of everything that belongs to Raipur, made by keys of Raipur."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.texts = {role: served.key(f"raipur-{role}", role, "raipur") for role in ALL}
        booking, dispatch = self.client("booking"), self.client("dispatch")

        def made(client: httpx.Client, path: str, body: Any, status: int = 201) -> Any:
            return told(client.post(path, json=body, headers=once()), status)

        self.hold = made(booking, "/v1/holds", wanted())["id"]
        self.booking = made(booking, "/v1/bookings", wanted())["bookings"][0]["id"]
        body = {"city": "raipur", "service": "income", "reference": "app-1", "place": HERE}
        self.delivery = made(dispatch, "/v1/deliveries", body)["id"]
        self.plan = made(dispatch, "/v1/plans", {"city": "raipur", "date": "2026-12-03"}, 202)["id"]
        self.webhook = made(booking, "/v1/webhooks", {"url": "http://127.0.0.1:9/events"})["id"]
        body = {"name": "shop", "role": "booking", "cities": ["raipur"]}
        self.key = made(self.client("admin"), "/v1/keys", body)["id"]

    def client(self, role: str) -> httpx.Client:
        """A caller of Raipur."""
        return self.served.client(self.texts[role])


@pytest.fixture(scope="module")
def things(rostered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Things]:
    path = shutil.copy(rostered, tmp_path_factory.mktemp("things") / "store.db")
    settings = Settings(a_minute=1_000_000, webhooks_private=True, webhooks_plain_http=True, solve_wait_s=0.0)
    with serving(str(path), settings) as served:
        yield Things(served)


def test_a_key_of_another_city_is_turned_away_wherever_a_city_is_named(things: Things) -> None:
    client = things.served.client(things.served.key("bilaspur", Role.ADMIN, "bilaspur"))
    slots = "service=income&lon=81.63&lat=21.25"
    for path in (
        f"/v1/cities/raipur/slots?{slots}",
        "/v1/cities/raipur/calendar",
        "/v1/cities/raipur/localities",
        "/v1/cities/raipur/rules",
        ROSTER,
        "/v1/cities/raipur/plans/2026-12-03",
        "/v1/cities/raipur/plans/2026-12-03/executives/E01",
        "/v1/bookings?city=raipur",
        "/v1/deliveries?city=raipur",
        "/v1/events?city=raipur",
        "/v1/plans?city=raipur",
        "/v1/services?city=raipur",
    ):
        assert refused(client.get(path), 403, "city_not_allowed")["detail"] == "not raipur"
    refused(asked(client, "PUT", ROSTER, {"executives": []}), 403, "city_not_allowed")
    for path, body in (
        ("/v1/slot-searches", {"city": "raipur", "services": ["income"], "place": HERE}),
        ("/v1/holds", wanted()),
        ("/v1/bookings", wanted()),
        ("/v1/deliveries", {"city": "raipur", "service": "income", "reference": "app-2", "place": HERE}),
        ("/v1/plans", {"city": "raipur", "date": "2026-12-03"}),
        ("/v1/plans/analyze", {"city": "raipur", "date": "2026-12-03", "plan": {}}),
        ("/v1/webhooks", {"url": "http://127.0.0.1:9/other", "cities": ["bilaspur", "raipur"]}),
        ("/v1/keys", {"name": "spy", "role": "booking", "cities": ["raipur"]}),
        ("/v1/keys", {"name": "spy", "role": "booking"}),
        ("/v1/keys", {"name": "spy", "role": "admin", "cities": ["bilaspur", "raipur"]}),
    ):
        refused(asked(client, "POST", path, body), 403, "city_not_allowed")
    assert told(asked(client, "POST", "/v1/keys", {"name": "own", "role": "booking", "cities": ["bilaspur"]}), 201)


def test_what_belongs_to_another_city_is_not_there(things: Things) -> None:
    client = things.served.client(things.served.key("korba", Role.ADMIN, "korba"))
    for method, path, body, code in (
        ("GET", f"/v1/holds/{things.hold}", None, "unknown_hold"),
        ("DELETE", f"/v1/holds/{things.hold}", None, "unknown_hold"),
        ("POST", f"/v1/holds/{things.hold}/extend", None, "unknown_hold"),
        ("POST", "/v1/bookings", {"hold": things.hold}, "unknown_hold"),
        ("GET", f"/v1/bookings/{things.booking}", None, "unknown_booking"),
        ("POST", f"/v1/bookings/{things.booking}/cancel", None, "unknown_booking"),
        ("POST", f"/v1/bookings/{things.booking}/reschedule", {"slot": SLOT}, "unknown_booking"),
        ("POST", f"/v1/bookings/{things.booking}/status", {"status": "served"}, "unknown_booking"),
        ("PUT", f"/v1/bookings/{things.booking}/place", HERE, "unknown_booking"),
        ("GET", f"/v1/deliveries/{things.delivery}", None, "unknown_delivery"),
        ("POST", f"/v1/deliveries/{things.delivery}/status", {"status": "delivered"}, "unknown_delivery"),
        ("GET", f"/v1/plans/{things.plan}", None, "unknown_plan"),
        ("GET", f"/v1/plans/{things.plan}/events", None, "unknown_plan"),
        ("DELETE", f"/v1/plans/{things.plan}", None, "unknown_plan"),
        ("POST", f"/v1/plans/{things.plan}/publish", None, "unknown_plan"),
        ("GET", f"/v1/webhooks/{things.webhook}", None, "unknown_webhook"),
        ("POST", f"/v1/webhooks/{things.webhook}/enable", None, "unknown_webhook"),
        ("DELETE", f"/v1/webhooks/{things.webhook}", None, "unknown_webhook"),
        ("GET", f"/v1/keys/{things.key}", None, "unknown_key"),
        ("DELETE", f"/v1/keys/{things.key}", None, "unknown_key"),
    ):
        answer = asked(client, method, path, body)
        problem = refused(answer, 404, code)
        nothing = asked(client, method, re.sub(r"[A-Z][0-9a-f]{20}", "X1", path), {"hold": "X1"} if body else None)
        if body is None or "hold" in body:  # it is told as what was never there
            assert {**nothing.json(), "request_id": ""} == {**problem, "request_id": ""}, path


def test_lists_show_what_the_key_may_see(things: Things) -> None:
    own = things.client("admin")
    other = things.served.client(things.served.key("durg", Role.ADMIN, "durg"))
    assert [c["id"] for c in told(other.get("/v1/cities"))["cities"]] == ["durg"]
    assert {e["city"] for e in told(own.get("/v1/events"))["events"]} == {"raipur"}
    assert told(other.get("/v1/events")) == {"events": [], "last": 0}
    for path, name, mine in (
        ("/v1/plans", "plans", things.plan),
        ("/v1/webhooks", "webhooks", things.webhook),
        ("/v1/keys", "keys", things.key),
    ):
        assert mine in [each["id"] for each in told(own.get(path))[name]]
        assert mine not in other.get(path).text
    assert {line["city"] for line in told(own.get("/v1/audit"))["audit"]} == {"raipur"}
    assert told(other.get("/v1/audit"))["audit"] == []


# ------------------------------------------------------------------------------------------ audit


def test_changes_refusals_and_what_was_not_allowed_are_in_the_audit_log(served: Served) -> None:
    booking = served.client("booking", **{"X-Request-Id": "call-0000017"})
    made = told(booking.post("/v1/bookings", json=wanted(), headers=once()), 201)["bookings"][0]["id"]
    path = f"/v1/bookings/{made}"
    refused(booking.post(f"{path}/reschedule", json={"slot": SLOT}, headers=once()), 409, "same_slot")
    refused(served.client("analyst").post(f"{path}/cancel", headers=once()), 403, "role_not_allowed")
    near = served.client(served.key("near", Role.BOOKING, "bilaspur"))
    refused(near.post("/v1/holds", json=wanted(), headers=once()), 403, "city_not_allowed")
    booking.get(path)
    refused(booking.post("/v1/holds", json={}, headers=once()), 422, "invalid_input")
    lines = told(served.client("admin").get("/v1/audit"))["audit"]
    seen = [(x["name"], x["role"], x["action"], x["city"], x["status"], x["code"], x["subjects"]) for x in lines]
    assert sorted(seen, key=str) == [
        ("analyst", "analyst", "POST /v1/bookings/{booking_id}/cancel", None, 403, "role_not_allowed", []),
        ("booking", "booking", "POST /v1/bookings", "raipur", 201, None, [made]),
        ("booking", "booking", "POST /v1/bookings/{booking_id}/reschedule", "raipur", 409, "same_slot", []),
        ("near", "booking", "POST /v1/holds", "raipur", 403, "city_not_allowed", []),
    ]
    assert {x["request_id"] for x in lines if x["name"] == "booking"} == {"call-0000017"}
    assert {x["path"] for x in lines} == {"/v1/bookings", f"{path}/reschedule", f"{path}/cancel", "/v1/holds"}


def test_the_audit_log_is_paged_newest_first_and_asked_for_by_key(served: Served) -> None:
    booking, admin = served.client("booking"), served.client("admin")
    for _ in range(3):
        told(booking.post("/v1/holds", json=wanted(), headers=once()), 201)
        served.now = served.now.replace(minute=served.now.minute + 1)
    told(admin.post("/v1/keys", json={"name": "new", "role": "booking"}, headers=once()), 201)
    first = told(admin.get("/v1/audit", params={"limit": 3}))
    rest = told(admin.get("/v1/audit", params={"limit": 3, "cursor": first["next"]}))
    assert [x["action"] for x in first["audit"] + rest["audit"]] == ["POST /v1/keys"] + ["POST /v1/holds"] * 3
    assert rest["next"] is None
    by_key = told(admin.get("/v1/audit", params={"key": first["audit"][1]["key"]}))
    assert [x["at"][14:16] for x in by_key["audit"]] == ["02", "01", "00"]
    other = admin.get("/v1/audit", params={"cursor": first["next"], "key": "K1"})
    refused(other, 422, "cursor_of_another_query")


def test_a_path_that_not_every_database_takes_is_in_the_audit_log(served_anywhere: Served) -> None:
    refused(served_anywhere.client("analyst").post("/v1/holds/%00/extend", headers=once()), 403, "role_not_allowed")
    assert told(served_anywhere.client("admin").get("/v1/audit"))["audit"][0]["path"] == "/v1/holds/%00/extend"


def test_the_numbers_of_all_cities_are_not_for_a_key_of_one(served: Served) -> None:
    refused(served.client(served.key("ours", "admin", "raipur")).get("/v1/metrics"), 403, "city_not_allowed")


def test_an_admin_of_one_city_sees_what_the_keys_of_that_city_did_without_naming_it(served: Served) -> None:
    admin = served.client(served.key("ours", "admin", "raipur"))
    made = told(
        admin.post("/v1/keys", json={"name": "a", "role": "booking", "cities": ["raipur"]}, headers=once()), 201
    )
    told(admin.delete(f"/v1/keys/{made['id']}"))
    refused(served.client(made["key"]).get("/v1/cities"), 401, "key_revoked")
    lines = told(admin.get("/v1/audit"))["audit"]
    assert sorted((line["action"], line["city"]) for line in lines) == [
        ("DELETE /v1/keys/{key_id}", "raipur"),
        ("POST /v1/keys", "raipur"),
    ]
