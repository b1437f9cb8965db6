"""Whatever a request says that it should not is told with its place, all of it at once, and changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import func, select

from api.http.problems import MOST_ERRORS
from api.http.strict import MOST_LEVELS
from api.settings import Settings
from api.store.schema import answers, api_keys, bookings, deliveries, json_text, webhooks
from api.store.store import reference_faults
from tests.answered import faults, refused, routes_of, told
from tests.desks import rostered
from tests.served import HERE, SLOT, Served, once, serving, wanted

__all__ = ["rostered"]

PLACE = {"place": HERE}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/slot-searches": {
        "city": "raipur",
        "services": ["income"],
        **PLACE,
        "from": "2026-12-02",
        "to": "2026-12-03",
        "wishes": {"after": "09:00", "by": "12:00"},
        "policy": "ranked",
        "reasons": "codes",
    },
    "/v1/holds": {
        "city": "raipur",
        **PLACE,
        "visits": [{"service": "income", "slot": SLOT, "executive": "E01"}],
        "reference": "call-1",
    },
    "/v1/bookings": {"hold": "G1"},
    "/v1/bookings/B1/reschedule": {"slot": SLOT},
    "/v1/bookings/B1/status": {"status": "not_served", "code": "citizen_absent"},
    "/v1/deliveries": {
        "city": "raipur",
        "service": "income",
        "reference": "app-1",
        **PLACE,
        "ready_from": "2026-12-01",
        "due": "2026-12-09",
        "applied": "2026-12-01",
        "collected_by": "E01",
        "held_by": "E01",
        "booking": "B1",
    },
    "/v1/deliveries/D1/status": {"status": "delivered"},
    "/v1/plans": {"city": "raipur", "date": "2026-12-03", "engine": "auto"},
    "/v1/keys": {"name": "new", "role": "booking", "cities": ["raipur"]},
    "/v1/webhooks": {"url": "http://127.0.0.1:9/events", "cities": ["raipur"], "kinds": ["hold.*"]},
}
"""A whole body of each endpoint; each text in it is put wrong, one by one."""
ODD = ("\ud800", "\0", "a\x07b", "", " ", "\u202e", "x\n", "'; DROP TABLE bookings; --", "x" * 100_000)
"""Texts that are no id, no date, no time and no word that is known."""
QUERIES: dict[str, dict[str, Any]] = {
    "/v1/cities/raipur/slots": {**HERE, "service": "income", "from": "2026-12-02", "to": "2026-12-03"},
    "/v1/cities/raipur/calendar": {"from": "2026-12-02", "to": "2026-12-03"},
    "/v1/bookings": {"city": "raipur", "status": "held", "reference": "call-1", "cursor": "x", "limit": 1},
    "/v1/deliveries": {"city": "raipur", "status": "waiting", "cursor": "x", "limit": 1},
    "/v1/events": {"after": 1, "city": "raipur", "limit": 1},
    "/v1/plans": {"city": "raipur", "date": "2026-12-03", "limit": 1},
    "/v1/audit": {"key": "K1", "cursor": "x", "limit": 1},
    "/v1/services": {"city": "raipur", "on": "2026-12-03"},
    "/v1/bookings/B1": {"format": "ics"},
}


@pytest.fixture(scope="module")
def running(rostered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for all: nothing here changes anything, which is looked at in the end."""
    path = shutil.copy(rostered, tmp_path_factory.mktemp("running") / "store.db")
    settings = Settings(a_minute=1_000_000, webhooks_private=True, webhooks_plain_http=True)
    with serving(str(path), settings) as served:
        yield served
        with served.store.database.read() as connection:
            for table in (bookings, deliveries, webhooks):
                assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
            assert connection.execute(select(func.count()).select_from(api_keys)).scalar_one() == 4
            told_before = connection.execute(select(answers.c.status)).scalars().all()
            assert set(told_before) <= {404, 409, 422}


@pytest.fixture
def admin(running: Served) -> httpx.Client:
    return running.client("admin")


def sent(client: httpx.Client, body: bytes, path: str = "/v1/holds", kind: str = "application/json") -> httpx.Response:
    """What is answered to these bytes."""
    return client.post(path, content=body, headers={**once(), "Content-Type": kind})


def leaves(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the values of a body lie."""
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(value, (*path, key))
    else:
        yield path


def put(tree: Any, path: tuple[str | int, ...], value: object) -> Any:
    """The same body with another value there."""
    if not path:
        return value
    first, *rest = path
    changed = tree.copy()
    changed[first] = put(tree[first], tuple(rest), value)
    return changed


def pointer(path: tuple[str | int, ...]) -> str:
    return "".join(f"/{part}" for part in path)


# ------------------------------------------------------------------------------------------- JSON


def test_broken_json_is_told_by_line_and_column(admin: httpx.Client) -> None:
    (error,) = refused(sent(admin, b'{"city":\n "raipur",,}'), 400, "bad_json")["errors"]
    assert (error["line"], error["column"], error["value"]) == (2, 11, ",}")
    for broken in (b'{"city":', b"{'city': 1}", b'{"a": 01}', b'{"a": +1}', b'{"a": "\t"}', b"{} {}", b"[", b"nul"):
        assert refused(sent(admin, broken), 400, "bad_json")["errors"][0]["line"] == 1


def test_other_encodings_than_utf_8_are_refused(admin: httpx.Client) -> None:
    for data in (b'{"city":"\xff"}', '{"city":"raipur"}'.encode("utf-16"), b'{"city":"\xed\xa0\x80"}'):
        assert refused(sent(admin, data), 400, "bad_json")["errors"][0]["code"] == "not_utf8"
    assert ("body", "/place", "missing_field") in faults(sent(admin, b'\xef\xbb\xbf{"city":"raipur"}'))


def test_what_json_leaves_open_is_a_fault(admin: httpx.Client) -> None:
    numbers = b'{"a":NaN,"b":[Infinity,-Infinity],"c":1e999,"d":-1e400,"e":123456789012345678901234567890,"e":1}'
    assert faults(sent(admin, numbers)) == {
        ("body", "/a", "not_finite"),
        ("body", "/b/0", "not_finite"),
        ("body", "/b/1", "not_finite"),
        ("body", "/c", "not_finite"),
        ("body", "/d", "not_finite"),
        ("body", "/e", "duplicate_key"),
    }
    doubled = b'{"city":"raipur","place":{"lon":81.63,"lon":21.25}}'
    assert faults(sent(admin, doubled)) == {("body", "/place/lon", "duplicate_key")}


def test_a_body_is_an_object(admin: httpx.Client) -> None:
    for other in (b"null", b"[]", b"1", b'"text"', b"true"):
        assert faults(sent(admin, other)) == {("body", "", "wrong_type")}
    assert faults(sent(admin, b"")) == {("body", "", "missing_field")}


def test_a_body_nests_only_so_deeply(admin: httpx.Client) -> None:
    for path in ("/v1/holds", "/v1/plans/analyze", "/v1/solve"):
        for levels in (MOST_LEVELS, 900, 990, 1_000, 20_000, 100_000):
            for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
                body = b'{"day":' + opened * levels + b"1" + closed * levels + b"}"
                refused(sent(admin, body, path), 400, "bad_json")
    deep = b'{"x":' + b"[" * (MOST_LEVELS - 1) + b"]" * (MOST_LEVELS - 1) + b"}"
    assert ("body", "/x", "unknown_field") in faults(sent(admin, deep))


def test_many_faults_are_counted_and_the_first_told(admin: httpx.Client) -> None:
    body = json.dumps({f"k{n}": 1 for n in range(5_000)}).encode()
    problem = refused(sent(admin, body), 422, "invalid_input")
    assert (len(problem["errors"]), problem["errors_in_all"]) == (MOST_ERRORS, 5_003)


def test_a_body_is_json_by_its_content_type(admin: httpx.Client) -> None:
    body = json.dumps(wanted()).encode()
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "multipart/form-data",
        "x",
        "",
    ):
        refused(sent(admin, body, kind=kind), 415, "unsupported_media_type")
    refused(admin.post("/v1/holds", content=body, headers=once()), 415, "unsupported_media_type")
    assert faults(sent(admin, b"{}", kind="Application/JSON; charset=utf-8"))


# ------------------------------------------------------------------------------------- every field


@pytest.mark.parametrize("path", BODIES)
def test_odd_text_in_any_field_of_a_body_is_told_where_it_stands(path: str, admin: httpx.Client) -> None:
    for leaf in leaves(BODIES[path]):
        for odd in ODD:
            answer = sent(admin, json.dumps(put(BODIES[path], leaf, odd)).encode(), path)
            found = faults(answer)
            assert {pointer for _, pointer, _ in found} == {pointer(leaf)}, (leaf, odd[:20], found)
            assert odd == "" or len(answer.content) < 2_000


@pytest.mark.parametrize("path", BODIES)
def test_a_value_of_another_type_is_told_where_it_stands(path: str, admin: httpx.Client) -> None:
    others: tuple[object, ...] = (True, 10**15, [], {}, [[]], "text")
    for leaf in leaves(BODIES[path]):
        right = type(leaf and _at(BODIES[path], leaf))
        for wrong in others:
            if type(wrong) is not right:
                found = faults(sent(admin, json.dumps(put(BODIES[path], leaf, wrong)).encode(), path))
                assert {pointer for _, pointer, _ in found} == {pointer(leaf)}, (leaf, wrong, found)


def _at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


@pytest.mark.parametrize("path", BODIES)
def test_a_field_nobody_knows_is_told_wherever_it_stands(path: str, admin: httpx.Client) -> None:
    body = put(BODIES[path], (), {**BODIES[path], "extra": 1})
    where = {"/extra"}
    if "place" in body:
        body = put(body, ("place",), {**HERE, "floor": 2})
        where.add("/place/floor")
    found = faults(sent(admin, json.dumps(body).encode(), path))
    assert found == {("body", pointer, "unknown_field") for pointer in where}
    asked = sent(admin, json.dumps(BODIES[path]).encode(), f"{path}?dry_run=true")
    assert faults(asked) == {("query", "/dry_run", "unknown_field")}


def test_all_that_is_wrong_is_told_at_once(admin: httpx.Client) -> None:
    body = {
        "city": "RAIPUR",
        "place": {"lon": "81.63", "lat": 91.0, "pincode": "4920", "floor": 2},
        "visits": [{"service": 5, "slot": "tomorrow"}, {"serv": "income"}],
        "reference": "two words",
    }
    assert faults(sent(admin, json.dumps(body).encode())) == {
        ("body", "/city", "bad_text"),
        ("body", "/place/lon", "wrong_type"),
        ("body", "/place/lat", "out_of_range"),
        ("body", "/place/pincode", "bad_text"),
        ("body", "/place/floor", "unknown_field"),
        ("body", "/visits/0/service", "wrong_type"),
        ("body", "/visits/0/slot", "bad_time"),
        ("body", "/visits/1/service", "missing_field"),
        ("body", "/visits/1/slot", "missing_field"),
        ("body", "/visits/1/serv", "unknown_field"),
        ("body", "/reference", "bad_text"),
    }
    body = {"city": "raipur", "place": {"pincode": "000000"}, "visits": [{"service": "x", "slot": SLOT}]}
    assert faults(sent(admin, json.dumps(body).encode())) == {
        ("body", "/place/pincode", "unknown_pincode"),
        ("body", "/visits/0/service", "unknown_service"),
    }


def test_a_place_is_a_point_a_locality_or_a_pin_code_of_the_city(admin: httpx.Client) -> None:
    for place, where, code in (
        ({"lon": 21.25, "lat": 81.63}, "/place/lon", "swapped_coordinates"),
        ({"lon": 80.0, "lat": 21.25}, "/place/lon", "outside_service_area"),
        ({"lon": 81.63}, "/place/lat", "missing_field"),
        ({**HERE, "pincode": "492001"}, "/place", "one_place"),
        ({}, "/place", "one_place"),
        ({"locality": "' OR 1=1 --"}, "/place/locality", "unknown_locality"),
        ({"pincode": "110001"}, "/place/pincode", "unknown_pincode"),
    ):
        answer = sent(admin, json.dumps({**wanted(), "place": place}).encode())
        assert faults(answer) == {("body", where, code)}, place
    swapped = admin.get("/v1/cities/raipur/slots", params={"service": "income", "lon": 21.25, "lat": 81.63})
    assert faults(swapped) == {("query", "/lon", "swapped_coordinates")}


def test_a_number_that_may_be_a_citizen_s_is_no_reference(admin: httpx.Client) -> None:
    for number in ("9876543210", "123456789012", "9876-543-210", "c9876543210", "1234.5678.9012"):
        answer = sent(admin, json.dumps(wanted(reference=number)).encode())
        assert faults(answer) == {("body", "/reference", "looks_personal")}
        assert number not in answer.text
    for reference in ("app-20261203-000123", "call-1766900000", "a98765432101"):
        assert not list(reference_faults(reference))


def test_two_idempotency_keys_are_none_and_a_packed_body_is_not_read(admin: httpx.Client) -> None:
    keys = [("Idempotency-Key", "aaaaaaaa1"), ("Idempotency-Key", "bbbbbbbb2")]
    refused(admin.post("/v1/holds", json=wanted(), headers=keys), 400, "bad_idempotency_key")
    packed = {**once(), "Content-Encoding": "gzip"}
    refused(admin.post("/v1/holds", json=wanted(), headers=packed), 415, "unsupported_media_type")


def test_a_booking_is_a_hold_or_slots_and_nothing_between(admin: httpx.Client) -> None:
    post = "/v1/bookings"
    assert faults(sent(admin, b"{}", post)) == {
        ("body", name, "missing_field") for name in ("/city", "/place", "/visits")
    }
    assert faults(sent(admin, b'{"hold":"G1","city":"raipur","reference":"a"}', post)) == {
        ("body", "/city", "not_used"),
        ("body", "/reference", "not_used"),
    }
    refused(sent(admin, b'{"hold":"G1"}', post), 404, "unknown_hold")


# --------------------------------------------------------------------------------- paths and queries


def test_odd_text_in_any_part_of_a_path_is_told_or_leads_nowhere(running: Served, admin: httpx.Client) -> None:
    for route in routes_of(running.app):
        method = min(route.methods or ())
        for name in re.findall(r"{(\w+)}", route.path_format):
            for odd in (*ODD[1:-1], "%2e%2e", "a;b=c", "x" * 65):
                path = route.path_format.replace(f"{{{name}}}", quote(odd, safe=""))
                path = re.sub(r"{(\w+)}", lambda m: {"city": "raipur", "date": "2026-12-03"}.get(m[1], "X1"), path)
                headers = once() if method == "POST" else {}
                body: dict[str, str] | None = {} if method in {"POST", "PUT"} else None
                answer = admin.request(method, path, json=body, headers=headers)
                if answer.status_code == 422:
                    assert ("path", f"/{name}") in {(each[0], each[1]) for each in faults(answer)}, path
                else:
                    assert answer.status_code in {404, 405}, path


@pytest.mark.parametrize("path", QUERIES)
def test_odd_text_in_any_parameter_is_told_where_it_stands(path: str, admin: httpx.Client) -> None:
    for name in QUERIES[path]:
        for odd in (*ODD[1:-1], "x" * 10_000, "%ff", "NaN", "1e999", "-1", "9" * 30):
            answer = admin.get(path, params={**QUERIES[path], name: odd})
            if answer.json()["code"] != "bad_cursor":
                found = {each[1].split("/")[1] for each in faults(answer)}
                assert name in found or (name, odd, found) == ("lat", "-1", {"lon"}), (name, odd[:20], answer.text)


@pytest.mark.parametrize("path", [*QUERIES, "/v1/cities", "/v1/holds/G1", "/v1/keys", "/v1/plans/P1"])
def test_a_parameter_nobody_knows_or_that_stands_twice_is_told(path: str, admin: httpx.Client) -> None:
    right = {name: value for name, value in QUERIES.get(path, {}).items() if name != "cursor"}
    assert faults(admin.get(path, params={**right, "extra": "1"})) == {("query", "/extra", "unknown_field")}
    for name, value in right.items():
        if (path, name) != ("/v1/bookings", "status"):
            answer = admin.get(path, params={**right, name: [str(value), str(value)]})
            assert faults(answer) == {("query", f"/{name}", "repeated_value")}, name


def test_a_service_that_is_not_given_then_is_told_as_the_parameter_it_is(admin: httpx.Client) -> None:
    asked = {"service": "income", "pincode": "492001", "from": "2000-01-01", "to": "2000-01-02"}
    found = faults(admin.get("/v1/cities/raipur/slots", params=asked))
    assert found == {("query", "/service", "service_not_offered")}


def test_a_range_of_dates_goes_forward_and_has_an_end(admin: httpx.Client) -> None:
    for path in ("/v1/cities/raipur/calendar", "/v1/cities/raipur/slots?service=income&pincode=492001"):
        for first, last in (("2026-12-03", "2026-12-02"), ("2026-12-03", "2027-12-03")):
            answer = admin.get(f"{path}{'&' if '?' in path else '?'}from={first}&to={last}")
            assert faults(answer) == {("query", "/to", "bad_range")}
    told(admin.get("/v1/cities/raipur/calendar?from=2199-12-31"))


def test_an_unknown_city_is_told_with_the_nearest_names(admin: httpx.Client) -> None:
    problem = refused(admin.get("/v1/cities/rajpur/calendar"), 404, "unknown_city")
    assert "raipur" in problem["detail"]
    assert faults(admin.get("/v1/bookings", params={"city": "rajpur"})) == {("query", "/city", "unknown_city")}
    answer = sent(admin, json.dumps({**wanted(), "city": "rajpur"}).encode())
    assert faults(answer) == {("body", "/city", "unknown_city")}
    body = {"url": "http://127.0.0.1:9/events", "cities": ["raipur", "rajpur", "xyz"]}
    answer = sent(admin, json.dumps(body).encode(), "/v1/webhooks")
    assert faults(answer) == {("body", f"/cities/{n}", "unknown_city") for n in (1, 2)}


# ---------------------------------------------------------------------------------------- cursors


DECEMBER = ("2026-12-01", "2026-12-31")


def cursor(*last: object) -> str:
    """A cursor of bookings as the service makes it, of any values: it is not signed."""
    print_ = hashlib.sha256(json_text(["bookings", "raipur", *DECEMBER, [], None]).encode()).hexdigest()[:12]
    return base64.urlsafe_b64encode(json.dumps([print_, *last]).encode()).decode().rstrip("=")


def test_a_cursor_that_is_none_is_refused(admin: httpx.Client) -> None:
    asked = {"city": "raipur", "from": DECEMBER[0], "to": DECEMBER[1]}
    right = cursor(*DECEMBER, "2026-12-03", 36_000, "B1")
    assert told(admin.get("/v1/bookings", params={**asked, "cursor": right}))["bookings"] == []
    for forged in (
        ("2026-12-03", 10**30, "B1"),
        ("2026-12-03", -(10**30), "B1"),
        ("2026-12-03", True, "B1"),
        ("2026-12-03", 1.5, "B1"),
        ("2026-12-03", "36000", "B1"),
        ("2026-12-03", 36_000, "\0"),
        ("2026-12-03", 36_000, "\ud800"),
        ("2026-12-03", 36_000, None),
        ("2026-12-03", 36_000),
        ("tomorrow", 36_000, "B1"),
        ("2026-12-03", 36_000, "B1", 1),
    ):
        answer = admin.get("/v1/bookings", params={**asked, "cursor": cursor(*DECEMBER, *forged)})
        refused(answer, 422, "bad_cursor")
    for span in (("today", "2026-12-31"), ("2026-12-01", 1), (None, None)):
        answer = admin.get("/v1/bookings", params={**asked, "cursor": cursor(*span, "2026-12-03", 36_000, "B1")})
        refused(answer, 422, "bad_cursor")
    for garbage in ("x", "====", "AAAA", "é", right[:-3], f"{right}!", "W10", "bnVsbA", "W1tbW1tbW1tbW1tbW1tbW1tb"):
        refused(admin.get("/v1/bookings", params={**asked, "cursor": garbage}), 422, "bad_cursor")
    for other in ({"to": "2026-12-30"}, {"status": "held"}, {"reference": "call-1"}):
        answer = admin.get("/v1/bookings", params={**asked, **other, "cursor": right})
        refused(answer, 422, "cursor_of_another_query")
