"""Staff, rosters over weeks, closures and quotas over HTTP: asked for, watched, judged, published, lifted."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from api.jobs.rosters import attempt_of
from api.jobs.runner import claim
from api.store import StoreError
from api.store.checking import check_store
from api.store.rosters import set_capacity
from api.store.store import Store
from optimizer.quotas import Quotas
from tests.answered import faults, refused, told
from tests.desks import FACTS, RAIPUR, rostered
from tests.served import SLOT, Served, once, served, wanted
from tests.test_http_desk import booked
from tests.test_http_plans import WITHIN_S, patiently

__all__ = ["rostered", "served"]

CITY, FIRST = "dhamtari", "2026-12-07"
FEW: dict[str, Any] = {"time_limit_s": 20.0, "iterations": 80}
STAFF = f"/v1/cities/{CITY}/staff"
OFFICE = {"place": "office", "location": {"type": "Point", "coordinates": [81.54889, 20.70694]}}
RESTRICTIONS = "/v1/cities/raipur/restrictions"
DAY = SLOT[:10]


@contextmanager
def maker(store: Store) -> Iterator[None]:
    """A thread that makes the rosters that are asked for, until the end."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            claimed = claim(store.database)
            if claimed is None:
                ended.wait(0.02)
                continue
            attempt_of(store, *claimed, ended.is_set).run()

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
    """The service, and rosters are made."""
    with maker(Store(served.store.database, FACTS)):
        yield served


def ask(client: httpx.Client, **more: Any) -> httpx.Response:
    body = {"city": CITY, "from": FIRST, "weeks": 1, "limits": FEW, **more}
    return client.post("/v1/rosters", json=body, headers=once())


def made(client: httpx.Client, **more: Any) -> Any:
    """A roster that was asked for, made."""
    roster_id = told(ask(client, **more), 202)["id"]

    def look() -> Any:
        job = told(client.get(f"/v1/rosters/{roster_id}"))
        return job if job["state"] in {"done", "failed"} else None

    job = patiently(look)
    assert (job["state"], job["error"]) == ("done", None)
    return job


def publish(client: httpx.Client, roster_id: str, **body: Any) -> httpx.Response:
    return client.post(f"/v1/rosters/{roster_id}/publish", json=body, headers=once())


# ------------------------------------------------------------------------------------------ staff


def test_the_staff_of_a_city_is_the_assumption_of_the_data_until_somebody_tells_it(served: Served) -> None:
    with served.client("dispatch") as client:
        before = client.get(STAFF)
        assumed = told(before)
        assert (assumed["version"], assumed["changed_by"], len(assumed["executives"])) == (0, None, 5)
        body = {"executives": assumed["executives"][:3], "days": []}
        after = client.put(STAFF, json=body, headers={"If-Match": before.headers["etag"]})
        assert (told(after)["version"], told(after)["changed_by"]) == (1, "dispatch")
        assert [e["id"] for e in told(client.get(STAFF))["executives"]] == ["E01", "E02", "E03"]
        refused(client.put(STAFF, json=body, headers={"If-Match": before.headers["etag"]}), 412, "changed_meanwhile")
        assert told(client.put(STAFF, json=body, headers={"If-Match": after.headers["etag"]}))["version"] == 2


def test_everything_wrong_with_a_staff_is_told_at_once(served: Served) -> None:
    with served.client("dispatch") as client:
        people = told(client.get(STAFF))["executives"]
        days = [
            {"executive": "E99", "from": "2026-12-08", "to": None, "kind": "leave", "pattern": None, "price": None},
            {"executive": "E01", "from": "2026-12-08", "to": None, "kind": "fixed", "pattern": "H25", "price": None},
        ]
        answer = client.put(STAFF, json={"executives": [people[0], people[0]], "days": days})
        found = faults(answer)
        assert ("body", "/executives/1/id", "duplicate_id") in found
        assert ("body", "/days/0/executive", "unknown_executive") in found
        assert ("body", "/days/1/pattern", "unknown_pattern") in found
        assert told(client.get(STAFF))["version"] == 0


# ----------------------------------------------------------------------------- made and published


def test_a_roster_is_asked_for_made_compared_published_and_sold_from(making: Served) -> None:
    with making.client("dispatch") as client:
        asked = ask(client)
        job = told(asked, 202)
        assert asked.headers["location"] == f"/v1/rosters/{job['id']}"
        assert (job["city"], job["first"], job["weeks"], job["away"], job["draft"]) == (CITY, FIRST, 1, {}, None)
        job = patiently(lambda: (j := told(client.get(f"/v1/rosters/{job['id']}")))["draft"] and j)
        draft = job["draft"]
        assert (draft["first"], draft["last"]) == (FIRST, "2026-12-13")
        (only,) = draft["alternatives"]
        assert (only["name"], only["uncovered_proven"]) == ("made", True)
        assert 0 <= only["gap"] < 0.05
        assert only["cost"]["level_1"] == only["uncovered_bound"]
        assert {len(row) for row in only["executives"].values()} == {7}
        assert {p["id"] for p in draft["patterns"]} >= {p for row in only["executives"].values() for p in row if p}

        change = told(client.get(f"/v1/rosters/{job['id']}/difference"))
        assert [day["date"] for day in change["days"]][:2] == [FIRST, "2026-12-08"]
        assert all(day["removed"] == [] and day["refused"] is None for day in change["days"])
        first = change["days"][0]
        working = {key for key, row in only["executives"].items() if row[0] is not None}
        assert {each["executive"] for each in first["added"]} == working

        answer = publish(client, job["id"])
        published = told(answer)
        assert (published["number"], published["first"], published["last"]) == (1, FIRST, "2026-12-13")
        assert published["at_risk"] == []
        assert told(client.get(f"/v1/rosters/{job['id']}"))["published_as"] == 1
        refused(publish(client, job["id"]), 409, "already_published")
        (version,) = told(client.get(f"/v1/cities/{CITY}/roster-versions"))["versions"]
        assert (version["number"], version["roster"], version["published_by"]) == (1, job["id"], "dispatch")

        whole = told(client.get(f"/v1/cities/{CITY}/calendar?from={FIRST}&to={FIRST}"))
        kept = whole["kept"]
        assert 0.99 < kept["at_least"] <= kept["served"] / kept["days"] <= 1
        (day,) = whole["days"]
        assert (day["roster_number"], day["zones"], day["restrictions"]) == (1, [CITY], [])
        slots = {slot["slot"]["open"][11:16]: slot for slot in day["slots"]}
        noon = slots["12:00"]
        assert noon["open"]
        assert 0 < noon["capacity"] <= noon["executives"] == noon["free_executives"]
        assert (noon["free"], noon["promised"], noon["held"]) == (noon["capacity"], 0, 0)
        assert [kit["kit"] for kit in noon["kits"]] == ["aadhaar_kit"]
    place = {"lon": OFFICE["location"]["coordinates"][0], "lat": OFFICE["location"]["coordinates"][1]}  # type: ignore[index]
    with making.client("booking") as client:
        body = {**wanted(f"{FIRST}T12:00:00+05:30"), "city": CITY, "place": place}
        told(client.post("/v1/bookings", json=body, headers=once()), 201)
        (day,) = told(client.get(f"/v1/cities/{CITY}/calendar?from={FIRST}&to={FIRST}"))["days"]
    after = next(s for s in day["slots"] if s["slot"]["open"][11:16] == "12:00")
    assert (after["promised"], after["free"]) == (1, noon["free"] - 1)
    assert check_store(making.store).findings == ()


def test_of_two_drafts_of_the_same_days_only_the_first_is_published(making: Served) -> None:
    with making.client("dispatch") as client:
        one, two = made(client), made(client, limits={**FEW, "seed": 2})
        told(publish(client, one["id"]))
        no = refused(publish(client, two["id"]), 409, "roster_outdated")
        assert {day["code"] for day in no["days"]} == {"roster_outdated"}
        assert [day["date"] for day in no["days"]] == [f"2026-12-{n:02}" for n in range(7, 14)]
        change = told(client.get(f"/v1/rosters/{two['id']}/difference"))
        assert {day["refused"] for day in change["days"]} == {"roster_outdated"}
        assert len(told(client.get(f"/v1/cities/{CITY}/roster-versions"))["versions"]) == 1


def test_leave_that_is_told_after_a_draft_refuses_its_day_and_is_told_of_published_rosters(making: Served) -> None:
    with making.client("dispatch") as client:
        job = made(client)
        (only,) = job["draft"]["alternatives"]
        who = min(key for key, row in only["executives"].items() if row[0] is not None)
        people, leave = told(client.get(STAFF))["executives"], {"executive": who, "from": FIRST, "kind": "leave"}
        assert told(client.put(STAFF, json={"executives": people, "days": [leave]}))["on_shift"] == {}
        change = told(client.get(f"/v1/rosters/{job['id']}/difference"))
        assert (change["days"][0]["refused"], change["days"][0]["away"]) == ("executive_away", [who])
        no = refused(publish(client, job["id"]), 409, "executive_away")
        assert [(day["date"], day["code"]) for day in no["days"]] == [(FIRST, "executive_away")]
        told(client.put(STAFF, json={"executives": people, "days": []}))
        told(publish(client, job["id"]))
        assert told(client.put(STAFF, json={"executives": people, "days": [leave]}))["on_shift"] == {who: [FIRST]}


def test_somebody_who_is_off_gives_alternatives_and_the_leave_goes_into_the_staff(making: Served) -> None:
    with making.client("dispatch") as client:
        told(publish(client, made(client)["id"]))
        (day,) = (told(client.get(f"/v1/cities/{CITY}/rosters/{FIRST}")),)
        who = day["executives"][0]["id"]
        job = made(client, away={who: [FIRST]})
        names = [each["name"] for each in job["draft"]["alternatives"]]
        assert names == ["gaps_left", "few_changes", "very_few_changes"]
        assert job["draft"]["away"] == {who: [FIRST]}
        (gap,) = job["draft"]["alternatives"][0]["changes"]
        assert (gap["executive"], gap["date"], gap["after"]) == (who, FIRST, None)
        assert faults(publish(client, job["id"])) == {("body", "/alternative", "unknown_alternative")}
        told(publish(client, job["id"], alternative="gaps_left"))
        left = told(client.get(f"/v1/cities/{CITY}/rosters/{FIRST}"))["executives"]
        assert who not in {each["id"] for each in left}
        (leave,) = told(client.get(STAFF))["days"]
        assert (leave["executive"], leave["from"], leave["kind"]) == (who, FIRST, "leave")


def test_what_cannot_be_asked_for_is_told_with_its_code(served: Served) -> None:
    with served.client("dispatch") as client:
        refused(ask(client, **{"from": "2026-11-30"}), 409, "day_past")
        assert faults(ask(client, away={"E99": [FIRST]})) == {("body", "/away/E99", "unknown_executive")}
        assert faults(ask(client, weeks=9)) == {("body", "/weeks", "out_of_range")}
        assert faults(ask(client, weeks=2, **{"from": "2199-12-25"})) == {("body", "/from", "bad_date")}
        assert faults(ask(client, city="delhi")) == {("body", "/city", "unknown_city")}
        job = told(ask(client), 202)
        no = refused(ask(client), 409, "roster_running")
        assert no["roster"] == job["id"]
        refused(client.get("/v1/rosters/R0/difference"), 404, "unknown_roster")
        refused(client.get(f"/v1/rosters/{job['id']}/difference"), 409, "roster_running")
        refused(publish(client, job["id"]), 409, "roster_running")
        refused(client.get(f"/v1/plans/{job['id']}"), 404, "unknown_plan")
        listed = told(client.get("/v1/rosters?city=dhamtari"))["rosters"]
        assert [each["id"] for each in listed] == [job["id"]]
        assert told(client.get("/v1/plans"))["plans"] == []


def test_a_roster_that_is_stopped_keeps_its_best_and_one_who_watches_is_told(served: Served) -> None:
    with served.client("dispatch") as client:
        job = told(ask(client, city="raipur", weeks=4, limits={"time_limit_s": 60.0}), 202)
        assert told(client.delete(f"/v1/rosters/{job['id']}"), 202)["stop_requested"]
        with maker(Store(served.store.database, FACTS)):
            kinds: list[str] = []
            with client.stream("GET", f"/v1/rosters/{job['id']}/events", timeout=WITHIN_S) as stream:
                kinds.extend(line for line in stream.iter_lines() if line.startswith("event:"))
        assert kinds[-1] == "event: end"
        ended = told(client.get(f"/v1/rosters/{job['id']}"))
        assert (ended["state"], ended["draft"]["status"]) == ("done", "feasible")
        assert len(ended["draft"]["alternatives"]) == 1
        assert told(client.delete(f"/v1/rosters/{job['id']}"), 202)["state"] == "done"


def test_a_roster_of_another_city_is_not_there(served: Served) -> None:
    with served.client("dispatch") as client:
        job = told(ask(client), 202)
    with served.client(served.key("elsewhere", "dispatch", "raipur")) as client:
        refused(client.get(f"/v1/rosters/{job['id']}"), 404, "unknown_roster")
        refused(publish(client, job["id"]), 404, "unknown_roster")
        assert told(client.get("/v1/rosters"))["rosters"] == []
        refused(ask(client), 403, "city_not_allowed")


# ----------------------------------------------------------------------------------- restrictions


def restrict(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post(RESTRICTIONS, json={"from": DAY, "reason": "power cut", **body}, headers=once())


def test_a_part_of_a_day_is_closed_with_its_promises_only_by_force_and_opened_again(served: Served) -> None:
    booking = booked(served)
    with served.client("dispatch") as client:
        part = {"kind": "closure", "open": "09:30", "close": "11:00"}
        assert refused(restrict(client, **part), 409, "promises_in_the_way")["bookings"] == [booking]
        made_so = told(restrict(client, **part, force=True), 201)
        assert made_so["at_risk"] == [booking]
        (row,) = made_so["restrictions"]
        assert (row["kind"], row["open"], row["close"], row["author"], row["reason"]) == (
            "closure",
            f"{DAY}T09:30:00+05:30",
            f"{DAY}T11:00:00+05:30",
            "dispatch",
            "power cut",
        )
        (day,) = told(client.get(f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"))["days"]
        closed = {s["slot"]["open"][11:16]: (s["open"], s["closed_because"], s["free"]) for s in day["slots"]}
        assert (closed["09:00"], closed["10:00"]) == ((False, "power cut", 0), (False, "power cut", 0))
        assert (closed["11:00"][0], closed["11:00"][1]) == (True, None)
        assert [r["id"] for r in day["restrictions"]] == [row["id"]]

        lifted = told(client.delete(f"/v1/restrictions/{row['id']}"))
        assert lifted["restrictions"][0]["lifted_by"] == "dispatch"
        assert told(client.get(f"/v1/bookings/{booking}"))["at_risk"] is False
        assert told(client.get(f"{RESTRICTIONS}?from={DAY}&to={DAY}"))["restrictions"] == []
        kept = told(client.get(f"{RESTRICTIONS}?from={DAY}&to={DAY}&lifted=true"))["restrictions"]
        assert [(r["id"], r["lifted_by"]) for r in kept] == [(row["id"], "dispatch")]
        assert (
            told(client.delete(f"/v1/restrictions/{row['id']}"))["restrictions"][0]["lifted_at"] == kept[0]["lifted_at"]
        )


def test_a_quota_below_what_is_promised_is_refused_and_forced_keeps_the_promises(served: Served) -> None:
    booking = booked(served)
    with served.client("dispatch") as client:
        quota = {"kind": "quota", "open": "10:00", "close": "11:00", "quota": 0}
        assert refused(restrict(client, **quota), 409, "quota_below_promised")["bookings"] == [booking]
        forced = told(restrict(client, **quota, force=True), 201)
        assert (forced["above"], forced["at_risk"]) == ([booking], [])
        stopped = told(restrict(client, kind="stop_sale", open="10:00", close="12:00"), 201)
        assert stopped["beside"] == [booking]
    with served.client("booking") as client:
        no = refused(client.post("/v1/bookings", json=wanted(), headers=once()), 409, "slot_not_offered")
        assert no["reasons"][0]["code"] == "stop_sale"


def test_everything_wrong_with_a_restriction_is_told_at_once(served: Served) -> None:
    with served.client("dispatch") as client:
        bad = restrict(client, kind="quota", open="11:00", close="10:00", kit="a b", reason=" ")
        assert faults(bad) == {("body", "/kit", "bad_text")}
        worse = restrict(client, kind="quota", open="11:00", close="10:00", reason=" ", **{"from": "2026-11-01"})
        assert {code for _, _, code in faults(worse)} == {"bad_range", "bad_reason", "bad_quota", "day_past"}
        refused(client.delete("/v1/restrictions/R0"), 404, "unknown_restriction")
    with served.client(served.key("elsewhere", "dispatch", "korba")) as client:
        refused(restrict(client, kind="closure"), 403, "city_not_allowed")


def test_a_calendar_is_told_again_only_when_it_has_changed(served: Served) -> None:
    with served.client("booking") as client:
        where = f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"
        first = client.get(where)
        assert client.get(where, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    booked(served)
    with served.client("booking") as client:
        assert client.get(where, headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_a_slot_has_nothing_free_when_its_day_carries_no_more(served: Served) -> None:
    booked(served)
    date = dt.date.fromisoformat(DAY)
    with served.store.database.read() as connection:
        day = served.store.views(connection, RAIPUR, [date])[date].book.day
    needs, slots = (frozenset[str](),), len(day.slots)
    full = Quotas(day.problem.grid, needs, ((3,),) * slots, {(0,): (3,) * slots}, day_most=1)
    set_capacity(served.store, RAIPUR, {date: full}, teams={date: day.problem.executives})
    with served.client("booking") as client:
        (told_day,) = told(client.get(f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"))["days"]
        assert {(s["capacity"], s["free"], s["open"]) for s in told_day["slots"]} == {(3, 0, True)}
        other = client.post("/v1/bookings", json=wanted(f"{DAY}T14:00:00+05:30"), headers=once())
        assert refused(other, 409, "slot_not_offered")["reasons"][0]["code"] == "quota_used_up"
    with served.client("dispatch") as client:
        told(restrict(client, kind="quota", open="14:00", close="15:00", quota=2), 201)
        (told_day,) = told(client.get(f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"))["days"]
    by_hand = {s["slot"]["open"][11:16]: s["free"] for s in told_day["slots"]}
    assert (by_hand["13:00"], by_hand["14:00"]) == (0, 2)


def test_what_was_published_is_told_though_the_store_fails_when_promises_are_looked_at(
    making: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> int:
        raise StoreError("database_locked", "the store", "others held it too long")

    with making.client("dispatch") as client:
        roster_id = made(client)["id"]
        monkeypatch.setattr("api.http.routes_desk.recover_day", fails)
        assert told(publish(client, roster_id))["number"] == 1
        closed = told(restrict(client, kind="closure"), 201)["restrictions"][0]["id"]
        assert told(client.delete(f"/v1/restrictions/{closed}"))["restrictions"][0]["lifted_by"] == "dispatch"
