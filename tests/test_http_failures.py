"""When the store or the service fails callers learn that and no more; the log learns the rest, and of no citizen."""

from __future__ import annotations

import ast
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import api.http
import api.jobs
from api.http import routes_plans
from api.http.logs import JsonLines
from api.store import StoreError
from api.store.schema import VERSION_TABLE
from api.store.store import Store
from api.words import IN_HINDI, TITLES
from optimizer.bookings import RefusalCode
from tests.answered import refused, told
from tests.desks import rostered
from tests.served import SLOT, Served, once, served, serving, wanted

__all__ = ["rostered", "served"]


@contextmanager
def beside(served: Served) -> Iterator[sqlite3.Connection]:
    """Somebody else at the file of the store."""
    other = sqlite3.connect(served.store.database.url_for_people, isolation_level=None)
    try:
        yield other
    finally:
        other.close()


def is_down(answer: httpx.Response, code: str, served: Served) -> None:
    """The store failed: this is told, and when to try again, and nothing of its inside."""
    problem = refused(answer, 503, "store_failed")
    assert problem["store_code"] == code
    assert answer.headers["Retry-After"] == "1"
    assert problem.keys() == {"type", "title", "status", "code", "request_id", "store_code"}
    assert served.store.database.url_for_people not in answer.text


# ------------------------------------------------------------------------------------------ store


def test_a_store_that_others_hold_is_told_and_the_request_is_done_when_it_is_sent_again(
    rostered: Path, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(rostered.read_bytes())
    with serving(str(path), busy_timeout_s=0.1) as served:
        client, key = served.client(), once()
        with beside(served) as other:
            other.execute("BEGIN IMMEDIATE")
            is_down(client.post("/v1/bookings", json=wanted(), headers=key), "database_locked", served)
            is_down(
                served.client("analyst").post("/v1/bookings", json=wanted(), headers=key), "database_locked", served
            )
            told(client.get("/v1/bookings?city=raipur"))
            other.execute("ROLLBACK")
        assert told(client.post("/v1/bookings", json=wanted(), headers=key), 201)["bookings"]


def test_a_store_that_is_broken_is_told_to_callers_by_its_code_and_to_the_log_by_its_words(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client = served.client(**{"X-Request-Id": "call-0000017"})
    told(client.get("/v1/cities"))
    with beside(served) as other:
        other.execute("ALTER TABLE bookings RENAME TO elsewhere")
    for answer in (client.get("/v1/bookings/B1"), client.post("/v1/holds", json=wanted(), headers=once())):
        is_down(answer, "database_failed", served)
        assert "no such table" not in answer.text
    (line, _) = (JsonLines().format(record) for record in caplog.records if record.name == "mitaan.error")
    assert '"request_id": "call-0000017"' in line
    assert "no such table: bookings" in line


def test_what_stood_in_a_row_is_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = StoreError(
        "constraint_broken", "postgresql://h/d", "broken (no DETAIL: Failing row contains (81.63, 21.25))"
    )
    monkeypatch.setattr(Store, "booking", _raising(error))
    is_down(served.client().get("/v1/bookings/B1"), "constraint_broken", served)
    assert "21.25" not in _logged(caplog)
    assert "constraint_broken" in _logged(caplog)


def test_a_store_of_another_program_is_not_ready(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        assert told(client.get("/ready")) == {"status": "ok"}
        with beside(served) as other:
            other.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608  our own name
        refused(client.get("/ready"), 503, "not_ready")
        assert told(client.get("/health")) == {"status": "ok"}


def _raising(error: Exception) -> Any:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(JsonLines().format(record) for record in caplog.records)


# ----------------------------------------------------------------------------------------- defects


def test_a_defect_is_told_without_its_words_and_logged_with_them(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "booking", _raising(RuntimeError("what nobody thought of")))
    answer = served.client(**{"X-Request-Id": "call-0000017", "Accept-Language": "hi"}).get("/v1/bookings/B1")
    problem = refused(answer, 500, "defect")
    assert problem == {
        "type": "/v1/problems#defect",
        "title": TITLES["defect"][1],
        "status": 500,
        "code": "defect",
        "request_id": "call-0000017",
    }
    (record,) = (r for r in caplog.records if r.name == "mitaan.error")
    line = JsonLines().format(record)
    assert "RuntimeError: what nobody thought of" in line
    assert '"request_id": "call-0000017", "route": "/v1/bookings/{booking_id}"' in line
    monkeypatch.undo()
    refused(served.client().get("/v1/bookings/B1"), 404, "unknown_booking")


# ------------------------------------------------------------------------------------------- logs


def test_the_log_says_what_was_asked_and_by_whom_and_nothing_about_citizens(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = served.client()
    slots = {"service": "income", "lon": "81.6301", "lat": "21.2502"}
    told(client.get("/v1/cities/raipur/slots", params=slots))
    place = {"lon": 81.6301, "lat": 21.2502}
    body = {**wanted(reference="call-17"), "place": place}
    booking = told(client.post("/v1/bookings", json=body, headers=once()), 201)["bookings"][0]
    told(client.get("/v1/bookings", params={"city": "raipur", "reference": "call-17"}))
    told(client.put(f"/v1/bookings/{booking['id']}/place", json=place))
    refused(client.post("/v1/holds", json={**body, "reference": "9876543210"}, headers=once()), 422, "invalid_input")
    refused(client.get("/v1/nothing/81.6301"), 404, "not_found")
    bad = client.get("/v1/cities", headers={"Authorization": "Bearer mitaan_K1_letmein"})
    refused(bad, 401, "key_unknown")
    ours = [r for r in caplog.records if r.name.startswith(("mitaan", "uvicorn.error"))]  # uvicorn.access is off
    log = "\n".join(JsonLines().format(record) for record in ours)
    for private in ("81.63", "21.25", "call-17", "9876543210", "letmein", booking["id"], served.texts["booking"][-20:]):
        assert private not in log, private
    lines = [r.told for r in ours if r.name == "mitaan.access"]  # type: ignore[attr-defined]
    assert [(x["method"], x["route"], x["status"], x["code"]) for x in lines] == [
        ("GET", "/v1/cities/{city}/slots", 200, None),
        ("POST", "/v1/bookings", 201, None),
        ("GET", "/v1/bookings", 200, None),
        ("PUT", "/v1/bookings/{booking_id}/place", 200, None),
        ("POST", "/v1/holds", 422, "invalid_input"),
        ("GET", "-", 404, "not_found"),
        ("GET", "-", 401, "key_unknown"),
    ]
    assert {x["key"] for x in lines[:5]} == {served.texts["booking"].split("_")[1]}
    assert len({x["request_id"] for x in lines}) == len(lines)


def test_every_answer_tells_how_long_its_parts_took(served: Served) -> None:
    client = served.client()
    answer = client.post("/v1/bookings", json=wanted(SLOT), headers=once())
    told(answer, 201)
    parts = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    assert parts.keys() == {"key", "stored", "work", "total"}
    assert float(parts["total"]) >= float(parts["work"]) > 0


def test_problems_are_counted_by_code_wherever_they_are_found(served: Served) -> None:
    client = served.client()
    refused(client.get("/v1/bookings/B1"), 404, "unknown_booking")
    refused(client.post("/v1/holds", content=b" " * (2 << 20), headers=once()), 413, "body_too_long")
    counted = client.get("/v1/metrics").text
    assert 'mitaan_problems_total{code="unknown_booking"} 1.0' in counted
    assert 'mitaan_problems_total{code="body_too_long"} 1.0' in counted
    assert 'mitaan_requests_total{method="POST",route="-",status="413"} 1.0' in counted


# ------------------------------------------------------------------------------------------ codes


def calls(package: Any, name: str) -> Iterator[ast.Call]:
    """Calls of this name in the sources of a package."""
    for path in sorted(Path(package.__path__[0]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def test_every_code_that_is_told_has_its_title() -> None:
    said = {text for call in calls(api.http, "Problem") for text in texts(call.args[1])}
    jobs = {text for call in calls(api.jobs, "JobRefused") for text in texts(call.args[0])}
    said |= {routes_plans.CODE_OF_JOB.get(code, code) for code in jobs}
    said |= {code.value for code in RefusalCode}
    said |= {"bad_json", "invalid_input", "not_found", "method_not_allowed"}  # told by what has happened
    assert len(jobs) > 5
    assert len(said) > 60
    assert said - set(TITLES) == set()


def test_every_title_is_there_in_both_languages(served: Served) -> None:
    assert set(IN_HINDI) == set(RefusalCode)
    listed = told(served.client().get("/v1/problems"))["problems"]
    assert [row["code"] for row in listed] == sorted(TITLES)
    for row in listed:
        assert row["title"].isascii(), row
        assert any("\u0900" <= letter <= "\u097f" for letter in row["title_hi"]), row
    assert len({row["title"] for row in listed}) >= len(listed) - 1  # two of them are about keys that are not there
