"""Plans over HTTP: asked for, watched, stopped, published, fetched."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from icalendar import Calendar
from jsonschema import Draft202012Validator

from api.jobs.runner import claim
from api.jobs.working import Attempt
from api.settings import Settings
from api.store.checking import check_store
from api.store.desk import set_closed, set_roster
from api.store.store import Store
from optimizer.bookings import Change
from optimizer.units import IST
from scenarios.rosters import pattern_roster
from tests.answered import faults, refused, told
from tests.desks import FACTS, RAIPUR, ROOT, rostered
from tests.served import Served, once, served, serving, wanted
from tests.test_http_desk import add, certificate, end

__all__ = ["rostered", "served"]

DAY, NEXT = "2026-12-03", "2026-12-04"
PUBLISHED = f"/v1/cities/raipur/plans/{DAY}"
WITHIN_S = 30.0
FEW: dict[str, Any] = {"time_limit_s": 20.0, "iterations": 20}
LONG: dict[str, Any] = {"time_limit_s": 60.0}
"""Longer than a test may take: such a search ends because it is told to."""
SHAPE = Draft202012Validator(json.loads((ROOT / "scenarios" / "schema" / "plan.json").read_text(encoding="utf-8")))

T = TypeVar("T")


@contextmanager
def maker(store: Store) -> Iterator[None]:
    """A thread that makes the plans that are asked for, by the clock of the store, until the end."""
    ended = threading.Event()
    at_work: list[Attempt] = []

    def run() -> None:
        while not ended.is_set():
            claimed = claim(store.database)
            if claimed is None:
                ended.wait(0.02)
                continue
            at_work[:] = [Attempt(store, *claimed, orphaned=ended.is_set)]
            at_work[0].run()

    thread = threading.Thread(target=run, name="maker")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(WITHIN_S)
        assert not thread.is_alive()


@pytest.fixture
def making(served: Served) -> Iterator[Served]:
    """The service, and plans are made."""
    with maker(Store(served.store.database, FACTS)):
        yield served


def patiently(look: Callable[[], T | None]) -> T:
    """What `look` gives as soon as it gives something."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def book(client: httpx.Client, hour: int, lon: float = 81.63, day: str = DAY) -> str:
    """A booking of an hour."""
    body = {**wanted(f"{day}T{hour:02d}:00:00+05:30"), "place": {"lon": lon, "lat": 21.25}}
    return str(told(client.post("/v1/bookings", json=body, headers=once()), 201)["bookings"][0]["id"])


def busy(client: httpx.Client) -> list[str]:
    """A day with some bookings, and a certificate to hand over."""
    told(add(client, certificate(due=DAY)), 201)
    return [book(client, 9 + n, 81.61 + 0.01 * n) for n in range(5)]


def ask(client: httpx.Client, day: str = DAY, **more: Any) -> httpx.Response:
    body = {"city": "raipur", "date": day, "limits": FEW, **more}
    return client.post("/v1/plans", json=body, headers=once())


def done(client: httpx.Client, plan_id: str) -> Any:
    """The plan once it is made."""

    def look() -> Any:
        job = told(client.get(f"/v1/plans/{plan_id}"))
        return job if job["state"] in {"done", "failed"} else None

    return patiently(look)


def planned(client: httpx.Client, **more: Any) -> Any:
    """A plan that was asked for, made."""
    job = done(client, told(ask(client, **more), 202)["id"])
    assert (job["state"], job["error"]) == ("done", None)
    return job


def publish(client: httpx.Client, plan_id: str) -> httpx.Response:
    return client.post(f"/v1/plans/{plan_id}/publish", headers=once())


# ----------------------------------------------------------------------------------------- asked for


def test_a_plan_is_asked_for_and_found_where_the_answer_says(served: Served) -> None:
    with served.client("dispatch") as client:
        answer = ask(client, engine="ruin")
        job = told(answer, 202)
        assert answer.headers["Location"] == f"/v1/plans/{job['id']}"
        assert answer.headers["Retry-After"] == "1"
        assert told(client.get(answer.headers["Location"])) == job
    assert (job["kind"], job["city"], job["date"], job["state"], job["engine"], job["asked_by"]) == (
        "plan",
        "raipur",
        DAY,
        "queued",
        "ruin",
        "dispatch",
    )
    assert job["limits"] == {"time_limit_s": 20.0, "iterations": 20, "seed": 1, "threads": 1}
    assert (job["plan"], job["final"], job["progress"], job["published_as"]) == (None, False, None, None)


def test_of_a_day_one_plan_is_made_at_a_time(served: Served) -> None:
    with served.client("dispatch") as client:
        first = told(ask(client), 202)["id"]
        second = ask(client)
        assert refused(second, 409, "plan_running")["plan"] == first
        assert second.headers["Location"] == f"/v1/plans/{first}"
        assert told(ask(client, NEXT), 202)["state"] == "queued"


def test_a_plan_asked_for_again_with_the_same_key_is_the_same(served: Served) -> None:
    head, body = once(), {"city": "raipur", "date": DAY}
    with served.client("dispatch") as client:
        first = client.post("/v1/plans", json=body, headers=head)
        again = client.post("/v1/plans", json=body, headers=head)
        assert (told(again, 202), again.headers["Idempotency-Replayed"]) == (told(first, 202), "true")
        refused(client.post("/v1/plans", json={**body, "date": NEXT}, headers=head), 422, "idempotency_key_reused")
        assert [job["id"] for job in told(client.get("/v1/plans"))["plans"]] == [first.json()["id"]]


def test_days_that_are_over_closed_or_without_a_roster_are_not_planned(served: Served) -> None:
    assert isinstance(set_closed(served.store, RAIPUR, dt.date.fromisoformat(NEXT), "flood"), Change)
    with served.client("dispatch") as client:
        refused(ask(client, "2026-12-10"), 409, "no_roster")
        assert "flood" in refused(ask(client, NEXT), 409, "day_closed")["detail"]
        refused(ask(client, "2027-01-26"), 409, "day_closed")
        refused(ask(client, "2026-11-30"), 409, "day_past")
        assert told(client.get("/v1/plans"))["plans"] == []


def test_limits_and_engines_are_those_of_the_service(served: Served) -> None:
    with served.client("dispatch") as client:
        limits = {"time_limit_s": 601, "threads": 5}
        assert faults(ask(client, limits=limits)) == {
            ("body", "/limits/time_limit_s", "out_of_range"),
            ("body", "/limits/threads", "out_of_range"),
        }
        endless = ask(client, limits={"time_limit_s": None})
        assert faults(endless) == {("body", "/limits/time_limit_s", "no_limit")}
        assert faults(ask(client, engine="magic")) == {("body", "/engine", "unknown_value")}
        assert faults(ask(client, city="atlantis")) == {("body", "/city", "unknown_city")}
        job = told(ask(client, limits={"time_limit_s": None, "iterations": 5}), 202)
        assert job["limits"]["time_limit_s"] == 600.0


def test_a_plan_without_limits_gets_no_more_than_the_service_allows(rostered: Path, tmp_path: Path) -> None:
    store = str(shutil.copy(rostered, tmp_path / "short.db"))
    with serving(store, Settings(background=False, job_seconds=5.0)) as short, short.client("dispatch") as client:
        body = {"city": "raipur", "date": DAY}
        job = told(client.post("/v1/plans", json=body, headers=once()), 202)
        assert job["limits"]["time_limit_s"] == 5.0


def test_plans_are_listed_page_by_page_the_newest_first_and_only_of_own_cities(served: Served) -> None:
    korba = FACTS.city("korba")
    first = dt.date.fromisoformat(DAY)
    for date, staff in pattern_roster(FACTS, korba, first, first).items():
        assert isinstance(set_roster(served.store, korba, date, staff), Change)
    with served.client("dispatch") as client:
        ids = []
        for city, day in (("raipur", DAY), ("korba", DAY), ("raipur", NEXT)):
            ids.append(told(ask(client, day, city=city), 202)["id"])
            served.now += dt.timedelta(seconds=1)
        page = told(client.get("/v1/plans?limit=2"))
        assert [job["id"] for job in page["plans"]] == [ids[2], ids[1]]
        rest = told(client.get("/v1/plans", params={"limit": 2, "cursor": page["next"]}))
        assert ([job["id"] for job in rest["plans"]], rest["next"]) == ([ids[0]], None)
        one = told(client.get(f"/v1/plans?city=raipur&date={DAY}"))
        assert [job["id"] for job in one["plans"]] == [ids[0]]
        other = client.get("/v1/plans", params={"city": "raipur", "cursor": page["next"]})
        refused(other, 422, "cursor_of_another_query")
    with served.client(served.key("korba-desk", "dispatch", "korba")) as client:
        assert [job["id"] for job in told(client.get("/v1/plans"))["plans"]] == [ids[1]]
        refused(client.get("/v1/plans?city=raipur"), 403, "city_not_allowed")
        for url in (f"/v1/plans/{ids[0]}", f"/v1/plans/{ids[0]}/events"):
            refused(client.get(url), 404, "unknown_plan")
        refused(client.delete(f"/v1/plans/{ids[0]}"), 404, "unknown_plan")
        refused(publish(client, ids[0]), 404, "unknown_plan")
        refused(ask(client), 403, "city_not_allowed")


def test_plans_are_asked_for_and_stopped_by_the_desk_and_read_by_all(served: Served) -> None:
    with served.client("dispatch") as client:
        plan_id = told(ask(client), 202)["id"]
    for role in ("booking", "analyst"):
        with served.client(role) as client:
            assert told(client.get(f"/v1/plans/{plan_id}"))["state"] == "queued"
            refused(ask(client), 403, "role_not_allowed")
            refused(client.delete(f"/v1/plans/{plan_id}"), 403, "role_not_allowed")
            refused(publish(client, plan_id), 403, "role_not_allowed")


# --------------------------------------------------------------------------------------- fetched


def test_before_there_is_a_plan_only_its_progress_can_be_had(served: Served) -> None:
    with served.client("dispatch") as client:
        url = f"/v1/plans/{told(ask(client), 202)['id']}"
        for name in ("csv", "geojson"):
            early = client.get(url, params={"format": name})
            refused(early, 409, "no_plan_yet")
            assert early.headers["Retry-After"] == "1"
        refused(client.get(url, headers={"Accept": "text/csv"}), 409, "no_plan_yet")
        refused(client.get(url, headers={"Accept": "image/png"}), 406, "not_acceptable")
        assert faults(client.get(f"{url}?format=ics")) == {("query", "/format", "unknown_value")}
        refused(publish(client, url.rpartition("/")[2]), 409, "plan_running")
        refused(client.get("/v1/plans/P0"), 404, "unknown_plan")


def test_a_plan_can_be_had_while_it_is_made_and_its_best_is_kept_when_it_is_stopped(making: Served) -> None:
    with making.client("dispatch") as client:
        busy(client)
        url = f"/v1/plans/{told(ask(client, limits=LONG, engine='ruin'), 202)['id']}"
        now = patiently(lambda: (job := told(client.get(url)))["plan"] and job["progress"] and job)
        assert (now["state"], now["final"], now["day_version"]) == ("running", False, 6)
        progress = now["progress"]
        assert progress["cost"] == sum(progress["cost_terms"].values())
        assert (progress["broken_promises_weight"], progress["phase"] != "") == (0, True)
        SHAPE.validate(now["plan"])
        assert client.get(url, headers={"Accept": "application/geo+json"}).headers["Content-Type"] == (
            "application/geo+json"
        )
        stopped = client.delete(url)
        assert (told(stopped, 202)["stop_requested"], stopped.headers["Location"]) == (True, url)
        last = done(client, now["id"])
        assert (last["state"], last["error"], last["final"]) == ("done", None, True)
        assert last["plan"]["cost"] <= now["plan"]["cost"]
        assert last["plan"]["runtime_s"] < LONG["time_limit_s"]
        judged = told(client.post("/v1/plans/analyze", json={"plan": last["plan"], "city": "raipur", "date": DAY}))
        assert (judged["violations"], judged["cost"]) == ([], last["plan"]["cost"])
        assert told(client.delete(url), 202)["state"] == "done"


def test_a_plan_that_is_made_is_told_with_its_bound_and_as_table_and_map(making: Served) -> None:
    with making.client("dispatch") as client:
        bookings = busy(client)
        job = planned(client)
        plan, progress = job["plan"], job["progress"]
        SHAPE.validate(plan)
        assert (plan["status"], plan["broken_promises"], plan["unassigned"]) == ("optimal", [], [])
        assert (progress["cost"], progress["lower_bound"], progress["gap"]) == (
            plan["cost"],
            plan["lower_bound"],
            plan["gap"],
        )
        assert (plan["gap"], job["attempts"], job["not_taken"]) == (0.0, 1, [])
        url = f"/v1/plans/{job['id']}"
        table = client.get(url, headers={"Accept": "text/csv"})
        assert table.headers["Content-Disposition"] == f'inline; filename="{job["id"]}.csv"'
        rows = list(csv.DictReader(io.StringIO(table.text)))
        drawn = told(client.get(f"{url}?format=geojson"))
        tag = client.get(url).headers["ETag"]
        assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    stops = {stop["visit"] for route in plan["routes"] for stop in route["stops"]}
    assert {row["visit"] for row in rows if row["visit"]} == stops
    assert stops > set(bookings)
    assert {f["properties"]["visit"] for f in drawn["features"] if f["properties"]["role"] == "stop"} == stops


# --------------------------------------------------------------------------------------- watched


def told_by(stream: httpx.Response) -> Iterator[tuple[str, int, Any]]:
    """Server-sent events: kind, number, document."""
    found: dict[str, str] = {}
    for line in stream.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif "event" in found:
            yield found["event"], int(found["id"]), json.loads(found["data"])
            found = {}


def test_one_who_watches_is_told_what_is_new_until_the_end(making: Served) -> None:
    with making.client("analyst") as client, making.client("dispatch") as desk:
        busy(desk)
        plan_id = told(ask(desk, limits=LONG, engine="ruin"), 202)["id"]
        events = []
        with client.stream("GET", f"/v1/plans/{plan_id}/events") as stream:
            assert stream.headers["Content-Type"].partition(";")[0] == "text/event-stream"
            for event in told_by(stream):
                events.append(event)
                if event[2].get("progress") and not events[0][2]["stop_requested"]:
                    desk.delete(f"/v1/plans/{plan_id}")
        assert told(desk.get(f"/v1/plans/{plan_id}"))["sequence"] == events[-1][1]
        with client.stream("GET", f"/v1/plans/{plan_id}/events") as stream:
            assert [kind for kind, _, _ in told_by(stream)] == ["progress", "end"]
        refused(client.get("/v1/plans/P0/events"), 404, "unknown_plan")
    kinds = [kind for kind, _, _ in events]
    assert kinds == ["progress"] * (len(events) - 1) + ["end"]
    numbers = [number for kind, number, _ in events if kind == "progress"]
    assert numbers == sorted(set(numbers))
    assert all(document["sequence"] == number for kind, number, document in events if kind == "progress")
    assert {document["id"] for kind, _, document in events if kind == "progress"} == {plan_id}
    assert (events[-2][2]["state"], events[-1][2]) == ("done", {"state": "done", "error": None})


# ------------------------------------------------------------------------------------- published


def test_a_published_plan_is_told_to_its_bookings_and_can_be_had(making: Served) -> None:
    with making.client("dispatch") as client:
        bookings = busy(client)
        refused(client.get(PUBLISHED), 404, "no_plan")
        refused(client.get(f"{PUBLISHED}/executives/E01"), 404, "no_plan")
        job = planned(client)
        answer = publish(client, job["id"])
        assert told(answer) == {
            "city": "raipur",
            "date": DAY,
            "number": 1,
            "assigned": 5,
            "reassigned": 0,
            "bookings": sorted(bookings),
        }
        assert answer.headers["Location"] == PUBLISHED
        whole = told(client.get(PUBLISHED))
        assert (whole["number"], whole["plan"]) == (1, job["plan"])
        assert told(client.get(f"/v1/plans/{job['id']}"))["published_as"] == 1
        served_by = {s["visit"]: route["executive"] for route in job["plan"]["routes"] for s in route["stops"]}
        for booking in bookings:
            found = told(client.get(f"/v1/bookings/{booking}"))
            assert (found["status"], found["executive"]) == ("planned", served_by[booking])
        (delivery,) = told(client.get("/v1/deliveries?city=raipur"))["deliveries"]
        assert (delivery["status"], delivery["planned_for"], delivery["executive"]) == (
            "planned",
            DAY,
            served_by[delivery["id"]],
        )
        kinds = Counter(e["kind"] for e in told(client.get("/v1/events?limit=1000"))["events"])
        assert (kinds["plan.published"], kinds["appointment.assigned"]) == (1, 5)
        (day,) = told(client.get(f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"))["days"]
        assert (day["published"], day["plan_number"]) == (True, 1)
        late = client.post("/v1/bookings", json=wanted(f"{DAY}T17:00:00+05:30"), headers=once())
        assert refused(late, 409, "slot_not_offered")["reasons"][0]["code"] == "day_published"
        table = client.get(PUBLISHED, params={"format": "csv"})
        assert table.headers["Content-Disposition"] == f'inline; filename="raipur-{DAY}.csv"'
        assert {r["visit"] for r in csv.DictReader(io.StringIO(table.text)) if r["visit"]} == set(served_by)
        assert told(client.get(PUBLISHED, headers={"Accept": "application/geo+json"}))["type"] == "FeatureCollection"
        refused(client.get(PUBLISHED, headers={"Accept": "text/calendar"}), 406, "not_acceptable")
    assert check_store(making.store).findings == ()


def test_an_executive_has_their_own_day_as_json_table_map_and_calendar(making: Served) -> None:
    with making.client("dispatch", **{"Accept-Language": "hi"}) as client:
        busy(client)
        job = planned(client)
        told(publish(client, job["id"]))
        route = max(job["plan"]["routes"], key=lambda each: len(each["stops"]))
        url = f"{PUBLISHED}/executives/{route['executive']}"
        visits = [stop["visit"] for stop in route["stops"]]
        assert told(client.get(url))["plan"]["routes"] == [route]
        rows = csv.DictReader(io.StringIO(client.get(url, params={"format": "csv"}).text))
        assert [row["visit"] for row in rows if row["visit"]] == visits
        drawn = told(client.get(url, params={"format": "geojson"}))["features"]
        assert [f["properties"]["visit"] for f in drawn if f["properties"]["role"] == "stop"] == visits
        answer = client.get(url, headers={"Accept": "text/calendar"})
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer.headers["Content-Disposition"].endswith(f'{route["executive"]}.ics"')
        events = Calendar.from_ical(answer.content).walk("VEVENT")
        refused(client.get(f"{PUBLISHED}/executives/E99"), 404, "unknown_executive")
        refused(client.get(f"/v1/cities/raipur/plans/{NEXT}/executives/E01"), 404, "no_plan")
    begins = [event.decoded("dtstart").astimezone(IST).isoformat() for event in events]
    pause = [route["break"]["start"]] if route["break"] else []
    assert sorted(begins) == sorted([*(stop["start"] for stop in route["stops"]), *pause])
    assert "आय प्रमाण पत्र" in " ".join(str(event["summary"]) for event in events)


def test_a_plan_of_a_day_that_has_changed_is_refused_with_what_is_missing_gone_and_changed(making: Served) -> None:
    with making.client("dispatch") as client:
        gone, moved, stays = (book(client, hour, 81.60 + 0.01 * hour) for hour in (9, 10, 11))
        delivery = told(add(client, certificate(due=DAY)), 201)["id"]
        job = planned(client)
        missing = book(client, 12)
        told(client.post(f"/v1/bookings/{gone}/cancel", headers=once()))
        told(client.put(f"/v1/bookings/{moved}/place", json={"lon": 81.65, "lat": 21.24}))
        told(end(client, delivery, "cancelled"))
        problem = refused(publish(client, job["id"]), 409, "plan_outdated")
        assert problem["difference"] == {"missing": [missing], "gone": sorted([gone, delivery]), "changed": [moved]}
        assert stays not in problem["bookings"]
        refused(client.get(PUBLISHED), 404, "no_plan")
        again = planned(client)
        assert told(publish(client, again["id"]))["bookings"] == sorted([moved, stays, missing])


def test_a_plan_that_was_published_is_published_again_and_another_one_reassigns(making: Served) -> None:
    with making.client("dispatch") as client:
        busy(client)
        first = planned(client)
        head = once()
        url = f"/v1/plans/{first['id']}/publish"
        one, same, two = (client.post(url, headers=h) for h in (head, head, once()))
        assert (told(same), same.headers["Idempotency-Replayed"]) == (told(one), "true")
        assert (told(one)["number"], told(two)["number"], told(two)["assigned"]) == (1, 2, 0)
        assert told(publish(client, planned(client, engine="insertion")["id"]))["number"] == 3
        refused(publish(client, "P0"), 404, "unknown_plan")
    assert check_store(making.store).findings == ()


def test_of_plans_published_at_once_one_is_driven_and_each_caller_is_told(making: Served) -> None:
    with making.client("dispatch") as client:
        bookings = busy(client)
        ids = [planned(client, engine=engine)["id"] for engine in ("insertion", "ruin")]
        gate = threading.Barrier(4)
        answers: list[httpx.Response] = []

        def one(plan_id: str) -> None:
            with making.client("dispatch") as own:
                gate.wait()
                answers.append(publish(own, plan_id))

        threads = [threading.Thread(target=one, args=(plan_id,)) for plan_id in ids * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        numbers = [told(a)["number"] for a in answers if a.status_code == 200]
        codes = {a.json()["code"] for a in answers if a.status_code != 200}
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 1
        assert codes <= {"plan_outdated"}
        driven = told(client.get(PUBLISHED))
        assert driven["number"] == len(numbers)
        served_by = {s["visit"]: route["executive"] for route in driven["plan"]["routes"] for s in route["stops"]}
        for booking in bookings:
            found = told(client.get(f"/v1/bookings/{booking}"))
            assert (found["status"], found["executive"]) == ("planned", served_by[booking])
    checked = check_store(making.store)
    assert (checked.findings, checked.promises) == ((), 5)


def test_a_visit_that_was_cancelled_since_is_marked_in_every_format(making: Served) -> None:
    with making.client("dispatch") as client:
        gone, *_ = busy(client)
        publish(client, planned(client)["id"])
        plan = told(client.get(PUBLISHED))
        assert plan["gone"] == []
        (who,) = [r["executive"] for r in plan["plan"]["routes"] if gone in [s["visit"] for s in r["stops"]]]
        told(client.post(f"/v1/bookings/{gone}/cancel", headers=once()))
        own = f"{PUBLISHED}/executives/{who}"
        for address in (PUBLISHED, own):
            assert told(client.get(address))["gone"] == [gone]
            rows = list(csv.DictReader(client.get(address, params={"format": "csv"}).text.splitlines()))
            assert [row["visit"] for row in rows if row["kind"] == "gone"] == [gone]
            features = client.get(address, params={"format": "geojson"}).json()["features"]
            assert [f["properties"]["visit"] for f in features if f["properties"].get("kind") == "gone"] == [gone]
        answer = client.get(own, params={"format": "ics"})
        events = {str(e["UID"]): str(e["STATUS"]) for e in Calendar.from_ical(answer.content).walk("VEVENT")}
        assert [uid.split("@")[0] for uid, status in events.items() if status == "CANCELLED"] == [gone]
        assert answer.headers["etag"]
