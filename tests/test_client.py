"""The client: what it asks is done once whatever happens on the way; what is not done is told so that one can act."""

from __future__ import annotations

import datetime as dt
import inspect
import itertools
import json
import pickle
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import httpx
import pytest
from pydantic import BaseModel

from api.client import ApiError, At, Client, Locality, NotReached, Pincode, SlotLost, Visit, moment
from api.client import answers as ours
from api.client.wire import FIRST_PAUSE_S, NOT_TOLD, Told, server_sent
from api.http import answers as theirs
from optimizer.calendar import closed_because
from optimizer.domain import InvalidProblem, MitaanError
from optimizer.units import IST
from scenarios.files import read_day, write_day
from tests.desks import FACTS, ROOT
from tests.served import SLOT, Served, rostered, served, serving

__all__ = ["rostered", "served"]

HERE = At(81.63, 21.25)
TEN, ELEVEN = moment(SLOT), moment(SLOT) + dt.timedelta(hours=1)
INCOME = [Visit("income", TEN)]
KEY_OF = "Idempotency-Key"
Handler = Callable[[httpx.Request], httpx.Response]


def never(seconds: float) -> None:
    raise AssertionError(f"a pause of {seconds} s where none was expected")


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    """A booking service that is never kept waiting."""
    with Client(served.url, served.texts["booking"], pause=never) as made:
        yield made


@pytest.fixture
def dispatch(served: Served) -> Iterator[Client]:
    with Client(served.url, served.texts["dispatch"], pause=never) as made:
        yield made


class Losing(httpx.BaseTransport):
    """Lets requests through; the answers to the first ones are lost on the way back."""

    def __init__(
        self, lost: int = 1, method: str = "POST", error: type[httpx.TransportError] = httpx.ReadError
    ) -> None:
        self._inner = httpx.HTTPTransport()
        self._left, self._method, self._error = lost, method, error
        self.seen: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self._inner.handle_request(request)
        if request.method == self._method and self._left:
            self._left -= 1
            answer.read()
            raise self._error("the answer was lost")
        return answer

    def close(self) -> None:
        self._inner.close()


class Script:
    """A service that answers as it is told to, one after the other; the last goes on for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.seen: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self._answers[min(len(self.seen), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, tries: int = 5) -> Client:
        transport = httpx.MockTransport(self)
        return Client("http://service", "key", tries=tries, transport=transport, pause=self.pauses.append)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    told = {"type": f"/v1/problems#{code}", "title": code, "status": status, "code": code, "request_id": "r"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=told, headers={"Content-Type": "application/problem+json", **named})


def held() -> httpx.Response:
    return httpx.Response(
        201,
        json={"id": "G1", "city": "raipur", "reference": None, "state": "held", "expires_at": None, "bookings": []},
    )


def hold(client: Client, **more: Any) -> Any:
    return client.hold("raipur", HERE, INCOME, **more)


def refused(doing: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        doing()
    return caught.value


# ------------------------------------------------------------------------------------------ types

OPEN = {("Reason", "code"), ("Problem", "code")}
"""Lists that may grow: the client takes any text."""


def said(kind: Any) -> Any:
    """A type as plain data: equal for a model and for a TypedDict that say the same."""
    if get_origin(kind) is Annotated:
        return said(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.__name__.removesuffix("Out")
    if is_typeddict(kind):
        return kind.__name__
    if get_origin(kind) in {Union, UnionType}:
        return frozenset(said(part) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return "one of", frozenset(get_args(kind))
    if get_origin(kind) is not None:
        return get_origin(kind), *(said(part) for part in get_args(kind))
    return kind


def said_by_model(model: type[BaseModel]) -> dict[str, Any]:
    name = model.__name__.removesuffix("Out")
    return {
        (key := field.alias or attribute): (field.is_required(), str if (name, key) in OPEN else said(field.annotation))
        for attribute, field in model.model_fields.items()
    }


def said_by_client(kind: Any) -> dict[str, Any]:
    return {name: (name in kind.__required_keys__, said(hint)) for name, hint in get_type_hints(kind).items()}


MODELS = {
    name.removesuffix("Out"): model
    for name, model in vars(theirs).items()
    if isinstance(model, type) and issubclass(model, theirs.Out) and model is not theirs.Out
}


@pytest.mark.parametrize("name", MODELS)
def test_the_client_types_an_answer_as_the_service_describes_it(name: str) -> None:
    assert said_by_client(getattr(ours, name)) == said_by_model(MODELS[name])


def test_the_client_types_no_answer_that_there_is_not() -> None:
    assert {name for name, kind in vars(ours).items() if is_typeddict(kind)} == set(MODELS)


def test_the_client_loads_nothing_of_the_service() -> None:
    heavy = ["fastapi", "starlette", "sqlalchemy", "pydantic", "numpy", "ortools", "api.http", "api.store", "scenarios"]
    words = f"import sys, api.client; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


GIVEN = {"place": HERE, "visits": INCOME, "services": ["income"], "executives": [], "plan": {}, "day": {}}
"""What methods need, by name; a word for everything else."""
KEYED_ALL_THE_SAME = {("post", "/v1/solve")}
"""It changes nothing and needs no key; with one it is done once."""
NOT_CALLED = {("get", "/v1/openapi.json"), ("get", "/v1/keys/{key_id}"), ("get", "/health"), ("get", "/ready")}


def test_every_endpoint_has_its_method_and_every_change_its_key(served: Served) -> None:
    told = {"Authorization": f"Bearer {served.texts['analyst']}"}
    paths = httpx.get(f"{served.url}/v1/openapi.json", headers=told, trust_env=False).json()["paths"]
    operations = {(method, path): operation for path, methods in paths.items() for method, operation in methods.items()}
    script = Script(problem(404, "not_found"))
    called = set()
    with script.client() as client:
        for name, method in inspect.getmembers(client, inspect.ismethod):
            if name.startswith("_") or name == "close":
                continue
            parameters = inspect.signature(method).parameters.values()
            needed = {p.name: GIVEN.get(p.name, "x") for p in parameters if p.default is p.empty}
            refused(lambda method=method, needed=needed: list(method(**needed)))  # type: ignore[misc]
            request = script.seen[-1]
            shapes = [re.sub(r"\{\w+\}", "[^/]+", path) for path in paths]
            fitting = [path for path, shape in zip(paths, shapes, strict=True) if re.fullmatch(shape, request.url.path)]
            operation = request.method.lower(), min(fitting, key=lambda path: path.count("{"))
            called.add(operation)
            needs_key = any(p["name"] == KEY_OF for p in operations[operation].get("parameters", ()))
            assert (KEY_OF in request.headers) == (needs_key or operation in KEYED_ALL_THE_SAME), name
    assert operations.keys() - called == NOT_CALLED & operations.keys()


# --------------------------------------------------------------------------------- life of a booking


def test_the_life_of_a_booking(served: Served, client: Client) -> None:
    found = client.search("raipur", ["income"], HERE, first=TEN.date(), last="2026-12-03", after="10:00", by="12:00")
    assert (found["from"], found["to"], found["place"]["basis"]) == ("2026-12-03", "2026-12-03", "point")
    offer = found["aloud"][0]
    assert offer["wished"]

    kept = client.hold("raipur", HERE, [Visit("income", moment(offer["slot"]["open"]))], reference="call-17")
    assert (kept["state"], kept["reference"]) == ("held", "call-17")
    assert client.get_hold(kept["id"]) == kept
    served.now += dt.timedelta(minutes=1)
    longer = client.extend(kept["id"])
    assert kept["expires_at"] is not None
    assert longer["expires_at"] is not None
    assert moment(longer["expires_at"]) > moment(kept["expires_at"]) > served.now

    (booking,) = client.book(hold=kept["id"])["bookings"]
    assert (booking["status"], booking["slot"]) == ("booked", offer["slot"])
    assert client.booking(booking["id"]) == booking
    assert "BEGIN:VCALENDAR" in client.booking_ics(booking["id"])

    later = moment(offer["slot"]["open"]) + dt.timedelta(hours=2)
    moved = client.reschedule(booking["id"], later)
    assert moved["before"]["moved_to"] == moved["booking"]["id"]
    assert moment(moved["booking"]["slot"]["open"]) == later
    (now,) = client.bookings("raipur", status=["booked"], reference="call-17")
    assert now == moved["booking"]

    assert client.cancel(now["id"])["status"] == "cancelled"
    again = refused(lambda: client.cancel(now["id"]))
    assert (again.status, again.code) == (409, "already_cancelled")


def test_a_slot_may_be_told_in_any_offset_and_booked_in_one_step(client: Client) -> None:
    (booking,) = client.book("raipur", HERE, [Visit("income", TEN.astimezone(dt.UTC))])["bookings"]
    assert moment(booking["slot"]["open"]) == TEN
    assert moment(booking["slot"]["open"]).utcoffset() == dt.timedelta(hours=5, minutes=30)
    with pytest.raises(InvalidProblem, match="a time with its offset"):
        client.reschedule(booking["id"], ELEVEN.replace(tzinfo=None))


def test_several_services_are_held_and_booked_together(client: Client) -> None:
    found = client.search("raipur", ["income", "domicile"], HERE, one_executive=True, reasons="counts")
    best = found["combinations"][0]
    assert best["one_executive"]
    visits = [Visit(visit["service"], visit["slot"]["open"]) for visit in best["visits"]]
    kept = client.hold("raipur", HERE, visits)
    assert [b["service"] for b in kept["bookings"]] == ["income", "domicile"]
    booked = client.book(hold=kept["id"])["bookings"]
    assert {b["group"] for b in booked} == {kept["id"]}
    client.cancel(booked[0]["id"])
    assert client.booking(booked[1]["id"])["status"] == "booked"


def test_a_place_may_be_known_by_its_pin_code_first_and_exactly_later(client: Client) -> None:
    quarter = Pincode("492001")
    assert client.slots("raipur", "income", quarter)["place"]["basis"] == "pincode"
    (booking,) = client.book("raipur", quarter, INCOME)["bookings"]
    assert booking["place"]["approximate"]
    _, tag = client.tagged_booking(booking["id"])
    (placed,) = client.set_place(booking["id"], HERE, only_if=tag)["bookings"]
    assert (placed["place"]["lon"], placed["place"]["approximate"]) == (HERE.lon, False)
    stale = refused(lambda: client.cancel(booking["id"], only_if=tag))
    assert (stale.status, stale.code, stale.unanswered_before) == (412, "changed_meanwhile", False)
    unknown = refused(lambda: client.slots("raipur", "income", Locality("no such quarter")))
    assert [error["pointer"] for error in unknown.errors] == ["/locality"]


def test_what_happens_on_the_day_is_told_in_its_order_only(dispatch: Client) -> None:
    (booking,) = dispatch.book("raipur", HERE, INCOME)["bookings"]
    early = refused(lambda: dispatch.set_status(booking["id"], "not_served", "citizen_absent"))
    assert (early.status, early.code) == (409, "illegal_transition")
    assert early.problem.get("subject") == booking["id"]


def test_a_hold_that_was_given_up_is_gone(client: Client) -> None:
    kept = hold(client)
    client.release(kept["id"])
    for late in (client.release, client.get_hold, lambda hold_id: client.book(hold=hold_id)):
        gone = refused(lambda late=late: late(kept["id"]))  # type: ignore[misc]
        assert (gone.status, gone.code) == (410, "hold_released")


# --------------------------------------------------------------------------------------- refusals


def test_a_lost_race_names_slots_that_can_be_had(client: Client) -> None:
    lost = refused(lambda: [hold(client) for _ in range(50)])
    assert type(lost) is SlotLost
    assert (lost.status, lost.code) == (409, "slot_not_offered")
    assert [reason["code"] for reason in lost.reasons] == ["all_executives_taken"]
    assert len(lost.nearest) > 1
    for offer in lost.nearest:
        assert offer["service"] == "income"
        client.hold("raipur", HERE, [Visit(offer["service"], offer["slot"]["open"])])


def test_an_error_tells_every_broken_rule_with_its_place(client: Client) -> None:
    wrong = [Visit("nonsense", TEN), Visit("income", TEN), Visit("riches", ELEVEN)]
    error = refused(lambda: client.hold("raipur", At(10.0, 10.0), wrong))
    assert (error.status, error.code) == (422, "invalid_input")
    assert {(e["in"], e["pointer"]) for e in error.errors} == {
        ("body", "/place/lon"),
        ("body", "/visits/0/service"),
        ("body", "/visits/2/service"),
    }
    assert str(error).startswith("422 invalid_input: ")
    assert "body /visits/0/service: 'nonsense': the id of a service" in str(error)
    assert error.problem["request_id"]
    assert isinstance(error, MitaanError)


def test_who_may_not_is_told_so(served: Served, client: Client) -> None:
    assert refused(client.keys).code == "role_not_allowed"
    with Client(served.url, "nobody", pause=never) as stranger:
        unknown = refused(stranger.cities)
    assert (unknown.status, unknown.code) == (401, "key_unknown")


def test_an_error_passes_between_processes_whole(client: Client) -> None:
    for error in (refused(lambda: client.extend("G1")), SlotLost(refused(lambda: client.extend("G1")).problem)):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own
        assert (type(again), vars(again), str(again)) == (type(error), vars(error), str(error))


def test_in_hindi_people_are_told_in_hindi(served: Served) -> None:
    with Client(served.url, served.texts["booking"], language="hi", pause=never) as client:
        found = client.slots("raipur", "income", HERE, first="2026-12-06", last="2026-12-06", reasons="codes")
        assert found["refused"]
        texts = [found["refused"][0]["reasons"][0]["text"], refused(lambda: client.extend("G1")).problem["title"]]
        (booking,) = client.book("raipur", HERE, INCOME)["bookings"]
        same = refused(lambda: client.reschedule(booking["id"], TEN))
    for text in [*texts, same.detail]:
        assert text is not None
        assert re.search("[\u0900-\u097f]", text), text
    assert same.code == "same_slot"


# ------------------------------------------------------------------------------------ done once


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_when_the_answer_is_lost_it_is_booked_once(served: Served, error: type[httpx.TransportError]) -> None:
    transport = Losing(2, error=error)
    pauses: list[float] = []
    with Client(served.url, served.texts["booking"], transport=transport, pause=pauses.append) as client:
        booked = client.book("raipur", HERE, INCOME)
        assert list(client.bookings("raipur")) == booked["bookings"]
        other = client.book("raipur", HERE, INCOME)
    assert other["group"] != booked["group"]
    posts = [request for request in transport.seen if request.method == "POST"]
    keys = [request.headers[KEY_OF] for request in posts]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]
    assert len({request.content for request in posts[:3]}) == 1
    assert len(pauses) == 2


def test_a_refusal_whose_answer_is_lost_is_told_again(served: Served) -> None:
    with Client(served.url, served.texts["booking"], transport=Losing(0), pause=never) as client:
        (booking,) = client.book("raipur", HERE, INCOME)["bookings"]
        client.cancel(booking["id"])
    with Client(served.url, served.texts["booking"], transport=Losing(1), pause=lambda _: None) as client:
        again = refused(lambda: client.cancel(booking["id"]))
    assert (again.code, again.unanswered_before) == ("already_cancelled", True)


def test_a_caller_may_go_on_with_the_key_of_a_call_that_got_no_answer(served: Served, client: Client) -> None:
    with Client(served.url, served.texts["booking"], tries=1, transport=Losing(1), pause=never) as unlucky:
        lost = refused(lambda: hold(unlucky))
    key = lost.idempotency_key
    assert type(lost) is NotReached
    assert key is not None
    kept = hold(client, idempotency_key=key)
    assert [b["group"] for b in client.bookings("raipur")] == [kept["id"]]
    assert hold(client)["id"] != kept["id"]
    reused = refused(lambda: client.hold("raipur", At(81.6, 21.2), INCOME, idempotency_key=key))
    assert (reused.code, reused.idempotency_key) == ("idempotency_key_reused", key)


def test_what_was_given_up_without_an_answer_is_not_an_error(served: Served) -> None:
    transport = Losing(2, "DELETE")
    with Client(served.url, served.texts["dispatch"], transport=transport, pause=lambda _: None) as client:
        client.release(hold(client)["id"])
    assert [request.method for request in transport.seen] == ["POST", "DELETE", "DELETE", "DELETE"]


def test_a_roster_that_was_set_without_an_answer_is_found_changed(served: Served) -> None:
    with Client(served.url, served.texts["dispatch"], transport=Losing(1, "PUT"), pause=lambda _: None) as client:
        roster, tag = client.tagged_roster("raipur", TEN.date())
        fewer = roster["executives"][1:]
        changed = refused(lambda: client.set_roster("raipur", TEN.date(), fewer, only_if=tag))
        assert (changed.status, changed.unanswered_before) == (412, True)
        assert client.roster("raipur", TEN.date())["executives"] == fewer


def test_what_takes_the_service_long_is_waited_for() -> None:
    script = Script(problem(422, "invalid_input"))
    with script.client() as client:
        refused(lambda: client.set_roster("raipur", DAY, []))
        refused(lambda: client.publish_plan("P1"))
        refused(lambda: client.cancel("B1"))
    waits = [request.extensions["timeout"] for request in script.seen]
    assert [(wait["read"], wait["connect"]) for wait in waits] == [(70.0, 10.0), (70.0, 10.0), (10.0, 10.0)]


@pytest.mark.parametrize(
    "first",
    [
        problem(429, "too_many_requests", Retry_After="7"),
        problem(503, "store_failed", Retry_After="7"),
        problem(409, "still_running", Retry_After="7"),
        httpx.Response(503, text="no", headers={"Retry-After": "7"}),
    ],
    ids=lambda answer: f"{answer.status_code}-{answer.headers['content-type'][:16]}",
)
def test_a_service_that_asks_for_patience_is_asked_again_when_it_says(first: httpx.Response) -> None:
    script = Script(first, first, held())
    with script.client() as client:
        assert hold(client)["id"] == "G1"
    assert [request.method for request in script.seen] == ["POST"] * 3
    assert len({request.headers[KEY_OF] for request in script.seen}) == 1
    assert 7.0 <= script.pauses[0] <= 7.0 + FIRST_PAUSE_S
    assert 7.0 <= script.pauses[1] <= 7.0 + 2 * FIRST_PAUSE_S


def test_a_date_to_come_back_at_is_read_too() -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    script = Script(problem(503, "store_failed", Retry_After=until.strftime("%a, %d %b %Y %H:%M:%S GMT")), held())
    with script.client() as client:
        hold(client)
    assert 15.0 < script.pauses[0] < 31.0


@pytest.mark.parametrize("nonsense", ["soon", "-1", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Foo", ""])
def test_a_time_to_come_back_at_that_cannot_be_read_is_as_none(nonsense: str) -> None:
    script = Script(problem(503, "store_failed", Retry_After=nonsense), held())
    with script.client() as client:
        hold(client)
    assert 0 <= script.pauses[0] <= FIRST_PAUSE_S


def test_reading_is_tried_again_as_well() -> None:
    script = Script(httpx.ConnectError("refused"), httpx.Response(502), httpx.Response(200, json={"cities": []}))
    with script.client() as client:
        assert client.cities() == []
    assert KEY_OF not in script.seen[0].headers


def test_pauses_grow_and_are_left_to_chance() -> None:
    script = Script(httpx.ConnectError("refused"))
    with script.client(tries=12) as client:
        refused(client.cities)
    most = [min(10.0, FIRST_PAUSE_S * 2**n) for n in range(11)]
    assert all(0 <= pause <= limit for pause, limit in zip(script.pauses, most, strict=True))
    assert len(set(script.pauses)) == 11


@pytest.mark.parametrize("what", [httpx.ConnectError("refused"), httpx.ReadTimeout("late"), httpx.Response(504)])
def test_after_all_tries_it_is_not_reached(what: httpx.Response | Exception) -> None:
    script = Script(what)
    with script.client(tries=3) as client, pytest.raises(NotReached) as caught:
        hold(client)
    assert (len(script.seen), len(script.pauses)) == (3, 2)
    error = caught.value
    assert (error.status, error.code) == (0, "not_reached")
    assert error.idempotency_key == script.seen[0].headers[KEY_OF]
    assert "POST /v1/holds" in str(error)
    assert "key" not in str(error.problem)


def test_a_service_that_is_asked_for_too_much_tells_so_in_the_end() -> None:
    script = Script(problem(429, "too_many_requests"))
    with script.client(tries=3) as client:
        error = refused(lambda: hold(client))
    assert (error.status, error.code, type(error)) == (429, "too_many_requests", ApiError)
    script = Script(problem(429, "too_many_requests", Retry_After="3600"))
    with script.client() as client:
        assert refused(lambda: hold(client)).status == 429
    assert script.pauses == []


@pytest.mark.parametrize("code", ["invalid_input", "defect", "plan_running", "key_unknown", "slot_not_offered"])
def test_what_would_be_refused_again_is_asked_once(code: str) -> None:
    status = {"invalid_input": 422, "defect": 500, "key_unknown": 401}.get(code, 409)
    script = Script(problem(status, code))
    with script.client() as client:
        error = refused(lambda: hold(client))
    assert (error.code, len(script.seen)) == (code, 1)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>please log in</html>", headers={"Content-Type": "text/html"}),
        httpx.Response(200, json={"id": "G1"}),
        httpx.Response(200, json=[]),
        httpx.Response(404, text="not found"),
        httpx.Response(302, headers={"Location": "http://elsewhere/v1/holds"}),
        httpx.Response(403, json={"code": "forbidden"}),
    ],
    ids=lambda answer: str(answer.status_code),
)
def test_an_answer_of_something_else_is_no_answer(answer: httpx.Response) -> None:
    script = Script(answer)
    with script.client() as client:
        error = refused(lambda: hold(client))
    assert (error.code, error.status, len(script.seen)) == (NOT_TOLD, answer.status_code, 1)
    assert ("http://elsewhere" in str(error)) == answer.is_redirect


def test_one_client_serves_many_threads(served: Served) -> None:
    with Client(served.url, served.texts["booking"]) as client, ThreadPoolExecutor(6) as pool:
        visits = [Visit("income", TEN.replace(hour=9 + number % 6)) for number in range(12)]
        booked = list(pool.map(lambda visit: client.book("raipur", HERE, [visit])["bookings"][0], visits))
        assert [moment(b["slot"]["open"]) for b in booked] == [visit.slot for visit in visits]
        assert {b["id"] for b in client.bookings("raipur", page=5)} == {b["id"] for b in booked}


def test_each_key_is_made_by_chance() -> None:
    script = Script(held())
    with script.client() as client:
        for _ in range(20):
            hold(client)
        client.hold("raipur", HERE, INCOME, idempotency_key="mine-12345")
    keys = [request.headers[KEY_OF] for request in script.seen]
    assert len(set(keys)) == 21
    assert keys.pop() == "mine-12345"
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", key) for key in keys
    )


# ------------------------------------------------------------------------------------ address, key


def test_address_and_key_come_from_the_environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MITAAN_KEY", raising=False)
    monkeypatch.setenv("MITAAN_URL", served.url)
    with pytest.raises(MitaanError, match="MITAAN_KEY"):
        Client()
    monkeypatch.setenv("MITAAN_KEY", f"{served.texts['booking']}\n")
    with Client() as client:
        assert len(client.cities()) == len(FACTS.cities)
        assert served.texts["booking"] not in repr(client)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8080",
        "ftp://service",
        "http://",
        "http://u:secret@service",
        "http://service?x=1",
        "http://service:port",
        " ",
    ],
)
def test_an_address_that_cannot_be_called_is_refused(url: str) -> None:
    with pytest.raises(MitaanError) as caught:
        Client(url, "key")
    assert "secret" not in str(caught.value)


def test_a_key_or_a_number_of_tries_that_cannot_be_is_refused() -> None:
    for key in ("two words", "sch\u00fcssel", "line\nbreak"):
        with pytest.raises(InvalidProblem) as caught:
            Client("http://service", key)
        assert key not in str(caught.value)
    with pytest.raises(InvalidProblem, match="one at least"):
        Client("http://service", "key", tries=0)


def test_a_path_behind_the_host_is_kept_and_ids_are_quoted() -> None:
    script = Script(problem(404, "unknown_booking"))
    transport = httpx.MockTransport(script)
    with Client("https://house/mitaan/", "key", transport=transport, pause=never) as client:
        refused(lambda: client.booking("a/b?c#d"))
    assert str(script.seen[0].url) == "https://house/mitaan/v1/bookings/a%2Fb%3Fc%23d"


def test_proxies_are_taken_from_the_environment_where_asked_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    key = served.texts["booking"]
    with Client(served.url, key, tries=1) as direct:
        assert direct.cities()
    with Client(served.url, key, tries=1, proxies_from_environment=True) as proxied, pytest.raises(NotReached):
        proxied.cities()


# --------------------------------------------------------------------------------- lists, events


def test_lists_are_told_to_the_end_page_by_page(served: Served, client: Client) -> None:
    for hour in (9, 10, 11, 12, 13):
        client.book("raipur", HERE, [Visit("income", TEN.replace(hour=hour))])
    pages: list[httpx.Request] = []
    with Client(served.url, served.texts["booking"], transport=(losing := Losing(0)), pause=never) as by_two:
        found = list(by_two.bookings("raipur", page=2, status=["booked", "planned"]))
        pages = losing.seen
    assert [moment(b["slot"]["open"]).hour for b in found] == [9, 10, 11, 12, 13]
    assert len(pages) == 3
    assert pages[0].url.params.get_list("status") == ["booked", "planned"]
    assert list(client.bookings("raipur", first="2026-12-04", last=dt.date(2026, 12, 5))) == []


def test_events_are_followed_from_where_one_stopped(served: Served, client: Client) -> None:
    before = client.events(limit=1_000)["last"]
    (first,) = client.book("raipur", HERE, INCOME)["bookings"]
    page = client.events(before, city="raipur", limit=1)
    assert [event["kind"] for event in page["events"]] == ["booking.made"]
    waits: list[float] = []

    def meanwhile(seconds: float) -> None:
        waits.append(seconds)
        client.cancel(first["id"])

    with Client(served.url, served.texts["booking"], pause=meanwhile) as follower:
        events = list(itertools.islice(follower.follow_events(before, every_s=0.5), 2))
        assert [(e["kind"], e["subject"]) for e in events] == [
            ("booking.made", first["id"]),
            ("booking.cancelled", first["id"]),
        ]
        assert events[0]["id"] < events[1]["id"]
        assert waits == [0.5]
        rest = follower.follow_events(events[-1]["id"], until=lambda: True)
        assert list(rest) == []


# ------------------------------------------------------------------------------------- the desk


def test_a_roster_is_set_while_it_is_as_it_was_read(dispatch: Client) -> None:
    date = TEN.date()
    roster, tag = dispatch.tagged_roster("raipur", date)
    assert dispatch.roster("raipur", "2026-12-03") == roster
    after = dispatch.set_roster("raipur", date, roster["executives"][:-1], only_if=tag)
    assert after["executives"] == roster["executives"][:-1]
    stale = refused(lambda: dispatch.set_roster("raipur", date, roster["executives"], only_if=tag))
    assert (stale.status, stale.code) == (412, "changed_meanwhile")
    assert dispatch.roster("raipur", date) == after


def test_promises_are_in_the_way_of_a_roster_unless_it_is_forced(dispatch: Client) -> None:
    (booking,) = dispatch.book("raipur", HERE, INCOME)["bookings"]
    no = refused(lambda: dispatch.set_roster("raipur", TEN.date(), []))
    assert (no.code, no.problem.get("bookings")) == ("promises_in_the_way", [booking["id"]])
    assert dispatch.set_roster("raipur", TEN.date(), [], force=True)["at_risk"] == [booking["id"]]
    days = dispatch.calendar("raipur", first=TEN.date(), last=TEN.date())
    assert [(day["date"], day["at_risk"]) for day in days] == [("2026-12-03", [booking["id"]])]


def test_deliveries_are_added_listed_and_ended(dispatch: Client) -> None:
    made = [dispatch.add_delivery("raipur", "income", f"app-{n}", HERE, due=dt.date(2026, 12, 9 - n)) for n in range(3)]
    found = list(dispatch.deliveries("raipur", page=2))
    assert [d["reference"] for d in found] == ["app-2", "app-1", "app-0"]
    assert dispatch.delivery(made[0]["id"]) == made[0]
    assert dispatch.set_delivery_status(made[0]["id"], "cancelled")["status"] == "cancelled"
    assert len(list(dispatch.deliveries("raipur", status="waiting"))) == 2


def test_the_catalogue_is_told(client: Client) -> None:
    assert {city["id"] for city in client.cities()} >= {"raipur", "korba"}
    on_day = client.services("raipur", dt.date(2026, 12, 3))
    assert {service["id"] for service in on_day} <= {service["id"] for service in client.services()}
    assert "slot_not_offered" in {code["code"] for code in client.problems()}
    assert "mitaan" in client.metrics()


def test_keys_webhooks_and_the_audit_log(served: Served) -> None:
    with Client(served.url, served.texts["admin"], transport=Losing(1), pause=lambda _: None) as admin:
        lost = admin.add_key("one", "booking", cities=["raipur"])
        assert lost.get("key") is None
        admin.revoke_key(lost["id"])
        made = admin.add_key("two", "dispatch", cities=["raipur"], a_minute=1_000_000)
        text = made.get("key")
        assert text is not None
        revoked = {key["name"]: key["revoked_at"] is not None for key in admin.keys()}  # noqa: SIM118  no dict
        assert (revoked["one"], revoked["two"]) == (True, False)
        with Client(served.url, text, pause=never) as own:
            assert [city["id"] for city in own.cities()] == ["raipur"]
            hook = own.add_webhook("https://93.184.216.34/events", kinds=["booking.*"])
            assert hook.get("secret")
            assert [h["id"] for h in own.webhooks()] == [hook["id"]]
            assert own.webhook(hook["id"])["state"] == "active"
            assert own.enable_webhook(hook["id"])["id"] == hook["id"]
            own.remove_webhook(hook["id"])
            assert own.webhooks() == []
            assert refused(lambda: own.remove_webhook(hook["id"])).code == "unknown_webhook"
        lines = list(admin.audit(key=made["id"], page=2))
        assert Counter(line["action"].split()[0] for line in lines) == {"POST": 2, "DELETE": 1}
        assert all(line["name"] == "two" for line in lines)
        assert len(list(admin.audit(page=3))) > len(lines)


# ----------------------------------------------------------------------------------------- plans

RUNNER = "import sys; from api.jobs import work; work(sys.argv[1])"


def open_date() -> dt.date:
    date = dt.datetime.now(IST).date() + dt.timedelta(days=3)
    while closed_because(FACTS.rules, date):
        date += dt.timedelta(days=1)
    return date


DAY = open_date()


def executive(number: int) -> dict[str, Any]:
    """By the true clock, as runners have it."""
    place = FACTS.city("raipur").office
    office = {"place": place.place_id, "location": {"type": "Point", "coordinates": [place.lon, place.lat]}}
    shift = {"open": f"{DAY}T08:00:00+05:30", "close": f"{DAY}T20:00:00+05:30", "overtime_minutes": 0}
    return {"id": f"E{number:02d}", "start": office, "end": office, "shift": shift, "skills": [], "break": None}


@pytest.fixture(scope="module")
def planned(rostered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service by the true clock, with a runner."""
    address = str(shutil.copy(rostered, tmp_path_factory.mktemp("planned") / "store.db"))
    with serving(address, clock=False) as running:
        runner = subprocess.Popen([sys.executable, "-W", "error", "-c", RUNNER, address], cwd=ROOT)
        try:
            yield running
        finally:
            runner.terminate()
            assert runner.wait(30) == 0


@pytest.fixture
def room(planned: Served) -> Iterator[Client]:
    """A dispatch room with a runner."""
    with Client(planned.url, planned.texts["dispatch"], timeout_s=30.0) as made:
        yield made


def test_a_day_is_planned_watched_published_and_driven(room: Client) -> None:
    room.set_roster("raipur", DAY, [executive(1), executive(2)])
    slots = [dt.datetime(DAY.year, DAY.month, DAY.day, hour, tzinfo=IST) for hour in (9, 10, 11, 12)]
    for number, slot in enumerate(slots):
        room.book("raipur", At(81.6 + 0.01 * number, 21.25), [Visit("income", slot)])

    asked = room.plan("raipur", DAY, time_limit_s=None, iterations=50)
    assert (asked["city"], asked["date"], asked.get("final")) == ("raipur", DAY.isoformat(), False)
    told = list(room.watch_plan(asked["id"]))
    numbers = [job["sequence"] for job in told]
    assert numbers == sorted(set(numbers))
    assert (told[-1]["state"], told[-1]["error"]) == ("done", None)
    assert told[-1]["progress"] is not None
    assert all("plan" not in job for job in told)

    job = room.get_plan(asked["id"])
    plan = job.get("plan")
    assert plan is not None
    assert (job["state"], job.get("final")) == ("done", True)
    assert [p["id"] for p in room.plans(city="raipur", date=DAY, page=1)] == [job["id"]]
    assert room.stop_plan(job["id"])["state"] == "done"
    assert json.loads(room.plan_file(job["id"], "geojson"))["type"] == "FeatureCollection"
    assert room.plan_file(job["id"], "csv").count("\n") > len(slots)
    analysis = room.analyze(plan, city="raipur", date=DAY)
    assert (analysis["violations"], analysis["cost"]) == ([], plan["cost"])

    assert refused(lambda: room.published_plan("raipur", DAY)).code == "no_plan"
    published = room.publish_plan(job["id"])
    assert (published["assigned"], len(published["bookings"])) == (4, 4)
    driven = room.published_plan("raipur", DAY)
    assert driven["number"] == published["number"] == room.get_plan(job["id"])["published_as"]
    assert json.loads(room.published_plan_file("raipur", DAY, "geojson"))["features"]
    someone = plan["routes"][0]["executive"]
    assert [r["executive"] for r in room.executive_day("raipur", DAY, someone)["plan"]["routes"]] == [someone]
    assert "BEGIN:VEVENT" in room.executive_day_file("raipur", DAY, someone, "ics")


def test_a_day_that_is_handed_in_is_solved(room: Client) -> None:
    day = json.loads(write_day(read_day(ROOT / "scenarios" / "data" / "days" / "raipur.json")))
    job = room.solve(day, time_limit_s=None, iterations=5, engine="insertion", wait=False)
    assert job["kind"] == "solve"
    assert list(room.watch_plan(job["id"]))[-1]["state"] == "done"
    waited = room.solve(day, time_limit_s=None, iterations=5, engine="insertion")
    plan = waited.get("plan")
    assert (waited["state"], waited["limits"]["iterations"]) == ("done", 5)
    assert plan is not None
    assert room.analyze(plan, day=day)["violations"] == []


def test_a_day_that_is_handed_in_is_solved_once_though_the_answer_is_lost(planned: Served) -> None:
    day = json.loads(write_day(read_day(ROOT / "scenarios" / "data" / "days" / "raipur.json")))
    transport = Losing(2)
    key = planned.texts["dispatch"]
    with Client(planned.url, key, timeout_s=30.0, transport=transport, pause=lambda _: None) as unlucky:
        job = unlucky.solve(day, time_limit_s=None, iterations=5, engine="insertion")
    posts = [request for request in transport.seen if request.method == "POST"]
    assert len(posts) == 3
    assert len({request.headers[KEY_OF] for request in posts}) == 1
    assert (job["state"], job.get("final")) == ("done", True)
    assert job.get("plan") is not None
    with Client(planned.url, key, timeout_s=30.0) as same:
        again = same.solve(
            day,
            time_limit_s=None,
            iterations=5,
            engine="insertion",
            idempotency_key=posts[0].headers[KEY_OF],
        )
    assert again["id"] == job["id"]


# ------------------------------------------------------------------------------- server-sent events


def job_said(sequence: int, state: str = "running") -> bytes:
    told = json.dumps({"sequence": sequence, "state": state, "error": None}).encode()
    return b"event: progress\nid: %d\ndata: %s\n\n" % (sequence, told)


def stream(*chunks: bytes, breaks: Exception | None = None) -> httpx.Response:
    def parts() -> Iterator[bytes]:
        yield from chunks
        if breaks is not None:
            raise breaks

    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=parts())


END = b'event: end\nid: 4\ndata: {"state": "done", "error": null}\n\n'


def test_who_watches_listens_again_when_the_stream_breaks_off() -> None:
    script = Script(
        stream(job_said(1), job_said(2)[:30], breaks=httpx.ReadError("reset")),
        httpx.ConnectError("refused"),
        problem(503, "store_failed", Retry_After="2"),
        stream(b": still there\n\n", job_said(1), job_said(2)),
        stream(job_said(2), job_said(4, "done"), END, job_said(5)),
    )
    with script.client(tries=4) as client:
        assert [job["sequence"] for job in client.watch_plan("P1")] == [1, 2, 4]
    assert [request.url.path for request in script.seen] == ["/v1/plans/P1/events"] * 5
    assert script.pauses[2] >= 2.0


def test_a_stream_that_tells_nothing_new_is_given_up() -> None:
    script = Script(*(stream(job_said(1)) for _ in range(9)))
    with script.client(tries=3) as client, pytest.raises(NotReached) as caught:
        list(client.watch_plan("P1"))
    assert "the stream broke off" in str(caught.value)
    assert len(script.seen) == 3
    script = Script(problem(404, "unknown_plan"))
    with script.client() as client:
        assert refused(lambda: list(client.watch_plan("P1"))).code == "unknown_plan"
    assert script.pauses == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stream_is_read_however_it_is_cut(size: int, end: str) -> None:
    text = end.join(
        [
            ": hello",
            "event: progress",
            "id: 7",
            'data: {"a":',
            "data:1}",
            "",
            "retry: 5",
            "data: क\u2028ख\x85",
            "",
            "id",
            "",
            *["event: nothing", "", "data: unfinished"],
        ]
    )
    data = text.encode()
    chunks: Iterable[bytes] = (data[start : start + size] for start in range(0, len(data), size))
    assert list(server_sent(chunks)) == [Told("progress", "7", '{"a":\n1}'), Told("message", "7", "क\u2028ख\x85")]
