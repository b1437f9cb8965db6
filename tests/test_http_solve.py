"""Plans judged over HTTP, rule by rule, and days that are handed in, planned without the store."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.planning import document_of
from api.settings import Settings
from optimizer.check import ViolationCode
from optimizer.domain import Appointment, DayPlan, InvalidProblem, Limits, Problem, Route
from optimizer.objective import cost
from optimizer.planner import plan_day
from optimizer.timing import timed
from optimizer.units import rfc3339
from scenarios.files import ScenarioDay, day_of, read_day, scenario_day, write_day
from tests.answered import faults, refused, told
from tests.desks import FACTS, ROOT, rostered
from tests.served import Served, once, served, serving
from tests.test_check import SPOILERS
from tests.test_http_desk import add, certificate
from tests.test_http_plans import DAY, FEW, SHAPE, busy, done, making, planned, publish

__all__ = ["making", "rostered", "served"]

DAYS = ROOT / "scenarios" / "data" / "days"
TERMS = ("travel", "overtime", "waiting_deliveries", "fairness", "continuity")
ORDERS = {"E1": ("A1", "A2", "D1"), "E2": ("D2", "A4"), "E4": ("A3",)}


def file(name: str) -> dict[str, Any]:
    """A committed day."""
    day = json.loads((DAYS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(day, dict)
    return day


def place(name: str, east: float, north: float = 0.0) -> dict[str, Any]:
    at = [round(81.64417 + east, 5), round(21.24567 + north, 5)]
    return {"place": name, "location": {"type": "Point", "coordinates": at}}


def clock(text: str) -> str:
    return f"2026-12-03T{text}:00+05:30"


def executive(name: str, begin: str, end: str, start: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    from_ = place("office", 0) if start is None else start
    shift = {"open": clock(begin), "close": clock(end), "overtime_minutes": 60}
    return {"id": name, "start": from_, "end": from_, "shift": shift, **more}


def visit(name: str, slot: str | None, east: float, **more: Any) -> dict[str, Any]:
    kind = {"kind": "delivery"} if slot is None else {"kind": "appointment", "slot": clock(slot)}
    return {"id": name, **place(name, east, 0.01), "service": "income", "service_s": 900, **kind, **more}


def rich() -> dict[str, Any]:
    """A small day with everything in it."""
    rest = {"minutes": 30, "earliest": clock("12:00"), "latest": clock("13:30")}
    return {
        "schema_version": 1,
        "city": "raipur",
        "date": DAY,
        "office": place("office", 0),
        "skills": ["juggling"],
        "executives": [
            executive("E1", "08:00", "15:00", skills=["aadhaar_kit"], **{"break": rest}),
            executive("E2", "08:00", "20:00", place("home", 0.02), preferred_visits=["A4"]),
            executive("E3", "08:00", "20:00"),
            executive("E4", "09:00", "17:00", fixed_prefix=["A3"]),
        ],
        "visits": [
            visit("A1", "09:00", 0.01, skills=["aadhaar_kit"]),
            visit("A2", "10:00", 0.02, pinned_to="E1"),
            visit("A3", "10:00", -0.01, service_s=0),
            visit("A4", "14:00", -0.02, weight=3),
            visit("D1", None, 0.03, waiting_price_s=900),
            visit(
                "D2",
                None,
                0.01,
                held_by="E2",
                due="2026-12-09",
                windows=[{"open": clock("09:00"), "close": clock("15:00")}],
            ),
            visit("D3", None, 0.05, waiting_price_s=900),
        ],
    }


def rich_day() -> ScenarioDay:
    return day_of(rich(), catalogue=FACTS)


def plan_json(problem: Problem, plan: DayPlan, **more: Any) -> dict[str, Any]:
    """A plan as plan.json says it, however malformed; what is not read back is left at nothing."""

    def at(second: int) -> str:
        return rfc3339(problem.date, second)

    def route(each: Route) -> dict[str, Any]:
        stops = [
            {
                "sequence": number,
                "visit": stop.visit_id,
                "kind": "appointment",
                "service": None,
                "slot": None,
                "location": {"type": "Point", "coordinates": [81.6, 21.2]},
                "arrival": at(stop.arrival_s),
                "start": at(stop.start_s),
                "end": at(stop.end_s),
                "leave": at(stop.leave_s),
                **dict.fromkeys(("travel_s", "distance_m", "wait_s"), 0),
            }
            for number, stop in enumerate(each.stops, 1)
        ]
        rest = each.pause and {
            "start": at(each.pause.start_s),
            "end": at(each.pause.end_s),
            "after_stops": each.pause.after_stops,
            "place": each.pause.place_id,
        }
        times = {"depart": at(each.depart_s), "return": at(each.return_s), "end": at(each.end_s)}
        nothing = dict.fromkeys(("travel_s", "distance_m", "busy_s", "overtime_s"), 0)
        return {"executive": each.executive_id, **times, **nothing, "break": rest, "stops": stops}

    left: list[dict[str, Any]] = [{"id": v, "kind": "delivery", "reason": None, "reasons": []} for v in plan.unassigned]
    claimed = {"cost": 0, "cost_terms": dict.fromkeys(TERMS, 0), "broken_promises_weight": 0}
    with suppress(KeyError):  # what is unknown costs nothing here
        true = cost(problem, plan)
        claimed = {"cost": true.second_level_s, "cost_terms": true.terms()}
        claimed["broken_promises_weight"] = true.broken_promises
    return {
        "schema_version": 1,
        "city": problem.city,
        "date": problem.date.isoformat(),
        "status": "feasible",
        "engine": "hand",
        "seed": 1,
        "threads": 1,
        "runtime_s": 0.0,
        "travel_origin": "formula",
        "input_sha256": None,
        **claimed,
        "lower_bound": None,
        "broken_promises_bound": 0,
        "gap": None,
        "broken_promises": [],
        "unassigned": left,
        "routes": [route(each) for each in plan.routes],
        "kpis": {},
        **more,
    }


def judged(client: httpx.Client, plan: dict[str, Any], **more: Any) -> Any:
    return told(client.post("/v1/plans/analyze", json={"plan": plan, **more}))


def codes(judgement: Any) -> set[str]:
    return {violation["code"] for violation in judgement["violations"]}


# -------------------------------------------------------------------------------------------- judged


def test_a_plan_of_a_day_that_is_handed_in_is_judged(served: Served) -> None:
    problem = read_day(DAYS / "korba.json").problem
    result = plan_day(problem, Limits(None, iterations=5), engine="insertion")
    assert result is not None
    plan = document_of(problem, result)
    with served.client("analyst") as client:
        told_of = judged(client, plan, day=file("korba"))
    assert (told_of["violations"], told_of["broken_promises_weight"]) == ([], 0)
    assert (told_of["cost"], told_of["cost_terms"], told_of["claimed_cost"]) == (
        plan["cost"],
        plan["cost_terms"],
        plan["cost"],
    )
    assert told_of["kpis"]["served_appointments"] == plan["kpis"]["served_appointments"] == 38


def test_a_plan_of_a_day_of_the_store_is_judged_by_the_day_as_it_is_now(making: Served) -> None:
    with making.client("dispatch") as client:
        first, *_ = busy(client)
        plan = planned(client)["plan"]
        of = {"city": "raipur", "date": DAY}
        good = judged(client, plan, **of)
        assert (good["violations"], good["cost"], good["claimed_cost"]) == ([], plan["cost"], plan["cost"])
        told(client.post(f"/v1/bookings/{first}/cancel", headers=once()))
        late = judged(client, plan, **of)
    assert codes(late) >= {"unknown_visit"}
    assert {v["visit"] for v in late["violations"] if v["code"] == "unknown_visit"} == {first}
    assert late["kpis"] == {}


def in_a_file(problem: Problem, day: ScenarioDay) -> dict[str, Any] | None:
    """A day as its file says it; None where no file can say it."""
    try:
        found = json.loads(write_day(scenario_day(replace(problem, input_sha256=None), day.travel, None, day.skills)))
        day_of(found, catalogue=FACTS)
    except InvalidProblem:
        return None
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def analyst(rostered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = shutil.copy(rostered, tmp_path_factory.mktemp("judge") / "store.db")
    with serving(str(store)) as running:
        yield running.client("analyst")


def test_a_small_day_with_everything_is_good(analyst: httpx.Client) -> None:
    problem = rich_day().problem
    plan = timed(problem, ORDERS)
    found = judged(analyst, plan_json(problem, plan), day=rich())
    assert (found["violations"], found["cost_terms"]) == ([], cost(problem, plan).terms())
    assert (found["kpis"]["served_appointments"], found["kpis"]["idle_executives"]) == (4, 1)


@pytest.mark.parametrize("code", SPOILERS)
def test_each_broken_rule_is_told(code: ViolationCode, analyst: httpx.Client) -> None:
    day = rich_day()
    good = timed(day.problem, ORDERS)
    asked = 0
    for problem, plan in SPOILERS[code](day.problem, good):
        given = in_a_file(problem, day)
        rest_is_there = all(r.pause is None or r.pause.after_stops >= 0 for r in plan.routes)
        if given is None or not rest_is_there:
            continue
        found = judged(analyst, plan_json(problem, plan), day=given)
        assert codes(found) - {"cost_misreported"} == {code.value}
        assert {v["unit"] != "" and v["text"] != "" for v in found["violations"]} == {True}
        asked += 1
    assert asked > 0


def test_a_promise_that_is_lost_silently_is_broken_by_its_weight(analyst: httpx.Client) -> None:
    problem = rich_day().problem
    plan = timed(problem, {**ORDERS, "E2": ("D2",)})
    silent = replace(plan, unassigned=tuple(v for v in plan.unassigned if v != "A4"))
    found = judged(analyst, plan_json(problem, silent), day=rich())
    assert codes(found) == {"missing_visit", "promise_broken", "cost_misreported"}
    assert (found["broken_promises_weight"], found["kpis"]) == (3, {})


def test_a_cost_that_is_claimed_is_told_beside_the_true_one(analyst: httpx.Client) -> None:
    problem = rich_day().problem
    plan = plan_json(problem, timed(problem, ORDERS))
    true = plan["cost"]
    cheaper = {**plan["cost_terms"], "travel": plan["cost_terms"]["travel"] - 7}
    found = judged(analyst, {**plan, "cost": true - 7, "cost_terms": cheaper}, day=rich())
    assert [(v["code"], v["amount"], v["unit"]) for v in found["violations"]] == [
        ("cost_misreported", -7, "cost seconds")
    ]
    assert (found["cost"], found["claimed_cost"]) == (true, true - 7)
    odd = judged(analyst, {**plan, "cost": true + 1}, day=rich())
    assert (codes(odd), odd["cost"], odd["claimed_cost"]) == ({"cost_misreported"}, true, true + 1)


def test_errors_of_a_plan_and_of_a_day_are_told_with_their_place(analyst: httpx.Client) -> None:
    problem = rich_day().problem
    plan = plan_json(problem, timed(problem, ORDERS))

    def asked(**body: Any) -> set[tuple[str, str, str]]:
        answer = analyst.post("/v1/plans/analyze", json=body)
        assert all("line" not in error for error in answer.json()["errors"])
        return faults(answer)

    assert asked(plan={**plan, "city": "korba", "seed": "1", "wage": 1}, day=rich()) == {
        ("body", "/plan/seed", "wrong_type"),
        ("body", "/plan/wage", "unknown_field"),
    }
    assert asked(plan={**plan, "city": "korba", "date": "2026-12-04"}, day=rich()) == {
        ("body", "/plan/city", "other_city"),
        ("body", "/plan/date", "other_day"),
    }
    assert {pointer.partition("/plan")[0] for _, pointer, _ in asked(plan={}, day=rich())} == {""}
    wrong = rich()
    wrong["visits"][0]["slot"] = clock("09:30")
    wrong["executives"][1]["wage"] = 3
    assert asked(plan=plan, day=wrong) == {
        ("body", "/day/visits/0/slot", "not_a_slot"),
        ("body", "/day/executives/1/wage", "unknown_field"),
    }
    assert asked(plan=plan, day=rich(), city="raipur", date=DAY) == {
        ("body", "/city", "not_used"),
        ("body", "/date", "not_used"),
    }
    assert asked(plan=plan) == {("body", "/day", "missing_field")}
    assert asked(plan=plan, city="raipur") == {("body", "/day", "missing_field")}
    assert asked(plan=plan, city="atlantis", date=DAY) == {("body", "/city", "unknown_city")}
    assert asked(day=rich()) == {("body", "/plan", "missing_field")}


def test_plans_are_judged_for_keys_of_their_city(served: Served) -> None:
    problem = rich_day().problem
    plan = plan_json(problem, timed(problem, ORDERS))
    with served.client("booking") as client:
        refused(client.post("/v1/plans/analyze", json={"plan": plan, "day": rich()}), 403, "role_not_allowed")
    with served.client(served.key("korba-desk", "dispatch", "korba")) as client:
        body = {"plan": plan, "city": "raipur", "date": DAY}
        refused(client.post("/v1/plans/analyze", json=body), 403, "city_not_allowed")


# -------------------------------------------------------------------------------------------- solved


def solve(client: httpx.Client, day: dict[str, Any], **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    return client.post("/v1/solve", json={"day": day, "limits": FEW, **more}, headers=headers)


def test_a_small_day_that_is_handed_in_is_answered_with_its_optimal_plan(making: Served) -> None:
    small = {**rich(), "executives": rich()["executives"][:3]}
    with making.client("analyst") as client:
        answer = solve(client, small)
        job = told(answer)
        assert (job["kind"], job["state"], job["final"], job["day_version"]) == ("solve", "done", True, None)
        SHAPE.validate(job["plan"])
        assert (job["plan"]["status"], job["plan"]["gap"]) == ("optimal", 0.0)
        assert answer.headers["Location"] == f"/v1/plans/{job['id']}"
        assert told(client.get(answer.headers["Location"])) == job
        assert judged(client, job["plan"], day=small)["violations"] == []
        assert told(client.get("/v1/plans"))["plans"] == []
        assert told(client.get("/v1/events?after=4")) == {"events": [], "last": 4}


def test_nobody_waits_who_would_rather_not(served: Served) -> None:
    with served.client("analyst") as client:
        begun_s = time.monotonic()
        answer = solve(client, rich(), headers={"Prefer": "respond-async"})
        assert told(answer, 202)["state"] == "queued"
        big = solve(client, file("bench-330-270-60"))
        assert told(big, 202)["plan"] is None
        assert time.monotonic() - begun_s < served.settings.solve_wait_s
        url = big.headers["Location"]
        assert told(client.delete(url), 202)["stop_requested"]


def test_a_small_day_that_takes_long_is_answered_202(rostered: Path, tmp_path: Path) -> None:
    store = str(shutil.copy(rostered, tmp_path / "store.db"))
    chosen = Settings(background=False, solve_wait_s=0.1)
    with serving(store, chosen) as running, running.client("analyst") as client:
        answer = solve(client, rich())
        assert told(answer, 202)["state"] == "queued"
        assert told(client.get(answer.headers["Location"]))["state"] == "queued"


def test_all_that_is_wrong_with_a_day_is_told_with_its_place(served: Served) -> None:
    day = rich()
    day["date"] = "2026-02-30"
    day["executives"][0]["skills"] = "all"
    day["visits"][1]["pinned_to"] = "E9"
    day["visits"][2]["id"] = "A1"
    day["weather"] = "fine"
    with served.client("analyst") as client:
        found = faults(solve(client, day, limits={"time_limit_s": 601}))
        assert found >= {
            ("body", "/day/date", "bad_date"),
            ("body", "/day/executives/0/skills", "wrong_type"),
            ("body", "/day/visits/1/pinned_to", "unknown_executive"),
            ("body", "/day/visits/2/id", "duplicate_id"),
            ("body", "/day/weather", "unknown_field"),
            ("body", "/limits/time_limit_s", "out_of_range"),
        }
        assert faults(solve(client, rich(), engine="magic")) == {("body", "/engine", "unknown_value")}
        assert faults(client.post("/v1/solve", json={"limits": FEW})) == {("body", "/day", "missing_field")}
        assert told(client.get("/v1/plans"))["plans"] == []


def test_a_day_that_names_a_file_is_refused(served: Served) -> None:
    with served.client("analyst") as client:
        for name, code in (("travel.csv", "no_such_file"), ("../../etc/passwd", "bad_file_name")):
            matrix = {"source": "matrix", "file": name, "sha256": "0" * 64}
            assert faults(solve(client, {**rich(), "travel": matrix})) == {("body", "/day/travel/file", code)}


def test_a_day_that_is_too_long_is_not_read(rostered: Path, tmp_path: Path) -> None:
    store = str(shutil.copy(rostered, tmp_path / "store.db"))
    with serving(store, Settings(background=False, body_bytes=1_024, day_bytes=20_000)) as running:
        with running.client("analyst") as client:
            refused(solve(client, file("korba")), 413, "body_too_long")
        with running.client("analyst") as client:
            refused(solve(client, {**rich(), "date": "x"}), 422, "invalid_input")
        with running.client("dispatch") as client:
            refused(add(client, certificate(place={"locality": "x" * 1_024})), 413, "body_too_long")


def test_a_day_that_was_handed_in_is_its_caller_s_and_the_admin_s(served: Served) -> None:
    korba = served.key("korba-study", "analyst", "korba")
    with served.client(korba) as client:
        refused(solve(client, rich()), 403, "city_not_allowed")
        plan_id = told(solve(client, file("korba"), headers={"Prefer": "respond-async"}), 202)["id"]
        assert told(client.get(f"/v1/plans/{plan_id}"))["asked_by"] == "korba-study"
    for name, role, *cities in (("other", "analyst"), ("desk", "dispatch"), ("korba-study", "analyst", "raipur")):
        with served.client(served.key(name, role, *cities)) as client:
            refused(client.get(f"/v1/plans/{plan_id}"), 404, "unknown_plan")
            refused(client.get(f"/v1/plans/{plan_id}/events"), 404, "unknown_plan")
            refused(client.delete(f"/v1/plans/{plan_id}"), 404, "unknown_plan")
    with served.client(served.key("raipur-admin", "admin", "raipur")) as client:
        refused(client.get(f"/v1/plans/{plan_id}"), 404, "unknown_plan")
    with served.client("admin") as client:
        assert told(client.get(f"/v1/plans/{plan_id}"))["id"] == plan_id
        assert told(client.delete(f"/v1/plans/{plan_id}"), 202)["stop_requested"]
    with served.client("booking") as client:
        refused(solve(client, rich()), 403, "role_not_allowed")


def test_a_day_that_was_handed_in_cannot_be_published(making: Served) -> None:
    with making.client("dispatch") as client:
        job = done(client, told(solve(client, rich()))["id"])
        refused(publish(client, job["id"]), 409, "not_a_plan")
        refused(client.get(f"/v1/cities/raipur/plans/{DAY}"), 404, "no_plan")
    visits = [s["visit"] for route in job["plan"]["routes"] for s in route["stops"]]
    assert sorted(visits)[:4] == ["A1", "A2", "A3", "A4"]


def test_dates_of_days_that_are_handed_in_may_be_past(making: Served) -> None:
    day = read_day(DAYS / "ambikapur.json").problem
    assert day.date == dt.date(2026, 12, 1)
    making.now += dt.timedelta(days=9)
    with making.client("analyst") as client:
        job = told(solve(client, file("ambikapur"), engine="insertion"))
    assert len([v for v in day.visits if isinstance(v, Appointment)]) == job["plan"]["kpis"]["served_appointments"]
