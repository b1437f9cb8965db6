"""The desk over HTTP: days at a glance, rosters that keep their promises, certificates to be handed over."""

from __future__ import annotations

import copy
import datetime as dt
from collections import Counter
from typing import Any

import httpx
import pytest

from api.http.routes_desk import MOST_CALENDAR_DAYS
from api.store.checking import check_store
from api.store.desk import day_to_plan, publish_plan, set_closed
from optimizer.bookings import Change
from optimizer.units import IST
from tests.answered import faults, refused, told
from tests.desks import FACTS, RAIPUR, rostered
from tests.served import HERE, SLOT, Served, once, served, wanted

__all__ = ["rostered", "served"]

DAY = "2026-12-03"
DATE = dt.date.fromisoformat(DAY)
ROSTER = f"/v1/cities/raipur/rosters/{DAY}"
OFFICE = {"place": "office", "location": {"type": "Point", "coordinates": [81.64417, 21.24567]}}


def booked(served: Served, slot: str = SLOT, **more: Any) -> str:
    """A booking in a slot of Raipur."""
    with served.client("booking") as client:
        made = told(client.post("/v1/bookings", json={**wanted(slot), **more}, headers=once()), 201)
    return str(made["bookings"][0]["id"])


def executive(name: str, begin: str = "08:00", end: str = "16:00", **more: Any) -> dict[str, Any]:
    """An executive of a roster who starts at the office."""
    shift = {"open": f"{DAY}T{begin}:00+05:30", "close": f"{DAY}T{end}:00+05:30"}
    return {"id": name, "start": OFFICE, "end": OFFICE, "shift": shift, **more}


def published(served: Served) -> None:
    """The witness of the day, published as its plan."""
    day = day_to_plan(served.store, RAIPUR, DATE)
    assert isinstance(publish_plan(served.store, RAIPUR, DATE, day.problem, day.witness, {}), Change)


# ----------------------------------------------------------------------------------------- calendar


def test_a_day_is_open_or_closed_with_the_reason(served: Served) -> None:
    with served.client("analyst") as client:
        told_days = told(client.get("/v1/cities/raipur/calendar?from=2027-01-25&to=2027-01-27"))["days"]
        early = told(client.get("/v1/cities/raipur/calendar?from=2022-04-30&to=2022-05-01"))["days"]
        assert isinstance(set_closed(served.store, RAIPUR, DATE, "flood"), Change)
        (closed,) = told(client.get(f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"))["days"]
    assert [(d["date"], d["closed_because"]) for d in told_days] == [
        ("2027-01-25", None),
        ("2027-01-26", "closed_every_year"),
        ("2027-01-27", None),
    ]
    assert [d["closed_because"] for d in early] == ["not_in_scheme_yet", None]
    assert (closed["closed_because"], closed["promises"], closed["published"]) == ("flood", 0, False)


def test_a_day_tells_promises_holds_and_free_executives_by_slot(served: Served) -> None:
    booked(served)
    with served.client("booking") as client:
        told(client.post("/v1/holds", json=wanted(f"{DAY}T12:00:00+05:30"), headers=once()), 201)
        (day,) = told(client.get(f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"))["days"]
    assert (day["city"], day["promises"], day["holds"], day["at_risk"], day["plan_number"]) == (
        "raipur",
        2,
        1,
        [],
        None,
    )
    by_slot = {s["slot"]["open"][11:16]: (s["promises"], s["free_executives"]) for s in day["slots"]}
    assert (by_slot["09:00"], by_slot["10:00"], by_slot["12:00"]) == ((0, 6), (1, 5), (1, 10))
    assert len(by_slot) == 12


def test_without_dates_a_calendar_has_two_weeks_from_today(served: Served) -> None:
    with served.client("booking") as client:
        dates = [d["date"] for d in told(client.get("/v1/cities/raipur/calendar"))["days"]]
    assert (dates[0], dates[-1], len(dates)) == ("2026-12-01", "2026-12-14", 14)


def test_a_calendar_has_only_so_many_days_and_runs_forward(served: Served) -> None:
    first, most = dt.date(2026, 12, 1), dt.date(2026, 12, 1) + dt.timedelta(days=MOST_CALENDAR_DAYS - 1)
    with served.client("booking") as client:

        def asked(last: object) -> httpx.Response:
            return client.get(f"/v1/cities/raipur/calendar?from={first}&to={last}")

        assert len(told(asked(most))["days"]) == 62
        assert faults(asked(most + dt.timedelta(days=1))) == {("query", "/to", "bad_range")}
        assert faults(asked("2026-11-30")) == {("query", "/to", "bad_range")}
        assert faults(asked("2026-13-01")) == {("query", "/to", "bad_date")}
        assert faults(client.get("/v1/cities/raipur/calendar?days=3")) == {("query", "/days", "unknown_field")}
        refused(client.get("/v1/cities/atlantis/calendar"), 404, "unknown_city")


def test_a_calendar_that_has_not_changed_is_not_sent_again(served: Served) -> None:
    url = f"/v1/cities/raipur/calendar?from={DAY}&to={DAY}"
    with served.client("booking") as client:
        tag = client.get(url).headers["ETag"]
        again = client.get(url, headers={"If-None-Match": tag})
        assert (again.status_code, again.headers["ETag"]) == (304, tag)
        booked(served)
        other = client.get(url, headers={"If-None-Match": tag})
        assert (other.status_code, other.headers["ETag"] != tag) == (200, True)


def test_a_calendar_is_for_keys_of_its_city(served: Served) -> None:
    with served.client(served.key("korba-desk", "dispatch", "korba")) as client:
        refused(client.get("/v1/cities/raipur/calendar"), 403, "city_not_allowed")
        assert len(told(client.get("/v1/cities/korba/calendar"))["days"]) == 14


# ------------------------------------------------------------------------------------------ rosters


def test_a_roster_is_put_as_it_was_read(served: Served) -> None:
    with served.client("dispatch") as client:
        read = client.get(ROSTER)
        roster = told(read)
        assert (len(roster["executives"]), roster["at_risk"]) == (11, [])
        put = client.put(ROSTER, json={"executives": roster["executives"]}, headers={"If-Match": read.headers["ETag"]})
        assert told(put) == roster
        assert put.headers["ETag"] == read.headers["ETag"]
        again = client.get(ROSTER, headers={"If-None-Match": read.headers["ETag"]})
        assert again.status_code == 304
        nobody = told(client.get("/v1/cities/korba/rosters/2026-12-03"))
        assert nobody == {"city": "korba", "date": DAY, "executives": [], "at_risk": []}


def test_a_roster_changed_meanwhile_is_not_overwritten(served: Served) -> None:
    with served.client("dispatch") as client:
        tag = client.get(ROSTER).headers["ETag"]
        booked(served)  # changes the day, not who works on it
        first = client.put(ROSTER, json={"executives": [executive("E1")]}, headers={"If-Match": tag})
        assert first.headers["ETag"] != tag
        late = client.put(ROSTER, json={"executives": []}, headers={"If-Match": tag})
        assert refused(late, 412, "changed_meanwhile")["subject"] == DAY
        assert [e["id"] for e in told(client.get(ROSTER))["executives"]] == ["E1"]
        told(client.put(ROSTER, json={"executives": [executive("E2")]}, headers={"If-Match": "*"}))
        told(client.put(ROSTER, json={"executives": [executive("E3")]}))
        assert [e["id"] for e in told(client.get(ROSTER))["executives"]] == ["E3"]


def test_promises_in_the_way_refuse_a_roster_are_at_risk_by_force_and_are_kept_again(served: Served) -> None:
    late, early = booked(served, f"{DAY}T18:00:00+05:30"), booked(served)
    mornings = {"executives": [executive("E1", end="14:00")]}
    with served.client("dispatch") as client:
        problem = refused(client.put(ROSTER, json=mornings), 409, "promises_in_the_way")
        assert (problem["subject"], problem["bookings"]) == (DAY, [late])
        assert len(told(client.get(ROSTER))["executives"]) == 11
        forced = client.put(ROSTER, json={**mornings, "force": True})
        assert told(forced)["at_risk"] == [late]
        assert told(client.get(ROSTER)) == told(forced)
        assert client.get(ROSTER).headers["ETag"] == forced.headers["ETag"]
        assert told(client.get(f"/v1/bookings/{late}"))["at_risk"]
        still = told(client.put(ROSTER, json={"executives": [executive("E1", end="13:00")]}))
        assert still["at_risk"] == [late]
        back = client.put(ROSTER, json={"executives": [executive("E1"), executive("E2", "12:00", "20:00")]})
        assert told(back)["at_risk"] == []
        assert told(client.get(ROSTER)) == told(back)
        assert not told(client.get(f"/v1/bookings/{late}"))["at_risk"]
        assert told(client.get(f"/v1/bookings/{early}"))["status"] == "booked"
        kinds = [e["kind"] for e in told(client.get("/v1/events?limit=1000"))["events"] if e["subject"] == late]
    assert kinds == ["booking.made", "booking.at_risk", "booking.kept_again"]
    checked = check_store(served.store)
    assert (checked.promises, checked.at_risk, checked.findings) == (2, 0, ())


def test_a_roster_sent_again_with_its_key_is_answered_as_before_and_set_once(served: Served) -> None:
    head, late = once(), booked(served, f"{DAY}T18:00:00+05:30")
    mornings, all_day = [executive("E1", end="14:00")], [executive("E2", "08:00", "20:00")]
    with served.client("dispatch") as client:
        told(client.put(ROSTER, json={"executives": mornings, "force": True}))
        first = client.put(ROSTER, json={"executives": all_day}, headers=head)
        again = client.put(ROSTER, json={"executives": all_day}, headers=head)
        assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
        assert again.headers["Idempotency-Replayed"] == "true"
        assert told(client.get(ROSTER))["at_risk"] == []
        assert not told(client.get(f"/v1/bookings/{late}"))["at_risk"]


def test_all_that_is_wrong_with_executives_is_told_with_its_place(served: Served) -> None:
    far = {"place": "far", "location": {"type": "Point", "coordinates": [81.6, 28.0]}}
    staff = [
        executive("E1"),
        executive("E1"),
        executive("E3", "16:00", "08:00"),
        executive("E4", skills=["juggling with torches"]),
        executive("E5", start=far),
        executive("E6", wage=3),
        {"id": "E7", "start": OFFICE, "end": OFFICE},
        executive("E8", shift={"open": "2026-12-04T08:00:00+05:30", "close": "2026-12-04T16:00:00+05:30"}),
        executive("E 9"),
        executive("E10", preferred_visits=["B1"]),
    ]
    with served.client("dispatch") as client:
        found = faults(client.put(ROSTER, json={"executives": staff}))
        before = len(told(client.get(ROSTER))["executives"])
    assert found == {
        ("body", "/executives/0/id", "duplicate_id"),
        ("body", "/executives/1/id", "duplicate_id"),
        ("body", "/executives/2/shift/close", "bad_shift"),
        ("body", "/executives/3/skills", "bad_id"),
        ("body", "/executives/4/start/location/coordinates", "too_far_from_office"),
        ("body", "/executives/5/wage", "unknown_field"),
        ("body", "/executives/6/shift", "missing_field"),
        ("body", "/executives/7/shift/open", "other_day"),
        ("body", "/executives/7/shift/close", "other_day"),
        ("body", "/executives/8/id", "bad_id"),
        ("body", "/executives/9/preferred_visits/0", "unknown_visit"),
    }
    assert before == 11


def test_a_roster_has_only_so_many_executives_and_nothing_else(served: Served) -> None:
    with served.client("dispatch") as client:
        many = client.put(ROSTER, json={"executives": [{"id": f"E{n}"} for n in range(2_001)]})
        assert faults(many) == {("body", "/executives", "wrong_length")}
        wrong = client.put(ROSTER, json={"executives": "E1", "forced": True})
        assert faults(wrong) == {("body", "/executives", "wrong_type"), ("body", "/forced", "unknown_field")}
        assert faults(client.put(ROSTER, json={})) == {("body", "/executives", "missing_field")}
        assert faults(client.put("/v1/cities/raipur/rosters/2026-02-30", json={"executives": []})) == {
            ("path", "/date", "bad_date")
        }
        refused(client.put("/v1/cities/atlantis/rosters/2026-12-03", json={"executives": []}), 404, "unknown_city")


def test_days_that_are_over_closed_or_published_get_no_other_roster(served: Served) -> None:
    booked(served)
    published(served)
    staff: dict[str, Any] = {"executives": []}
    with served.client("dispatch") as client:
        assert refused(client.put(ROSTER, json=staff), 409, "day_published")["subject"] == DAY
        refused(client.put("/v1/cities/raipur/rosters/2026-11-30", json=staff), 409, "day_past")
        assert faults(client.put("/v1/cities/raipur/rosters/2027-01-26", json=staff)) == {
            ("path", "/date", "closed_day")
        }
        served.now = dt.datetime(2026, 12, 4, 0, 0, tzinfo=IST)
        refused(client.put(ROSTER, json=staff), 409, "day_past")


def test_a_roster_is_the_desk_s(served: Served) -> None:
    staff: dict[str, Any] = {"executives": []}
    for role in ("analyst", "booking"):
        with served.client(role) as client:
            assert len(told(client.get(ROSTER))["executives"]) == 11
            refused(client.put(ROSTER, json=staff), 403, "role_not_allowed")
    with served.client(served.key("korba-desk", "dispatch", "korba")) as client:
        refused(client.put(ROSTER, json=staff), 403, "city_not_allowed")
        refused(client.get(ROSTER), 403, "city_not_allowed")
    with served.client("admin") as client:
        assert told(client.put(ROSTER, json=staff))["executives"] == []
        lines = told(client.get("/v1/audit"))["audit"]
    done = next(line for line in lines if line["status"] == 200)
    assert (done["action"], done["city"], done["subjects"]) == (
        "PUT /v1/cities/{city}/rosters/{date}",
        "raipur",
        [DAY],
    )
    assert [line["code"] for line in lines].count("city_not_allowed") == 2


# --------------------------------------------------------------------------------------- deliveries


def certificate(reference: str = "app-1", **more: Any) -> dict[str, Any]:
    """A delivery of Raipur."""
    return {"city": "raipur", "service": "income", "reference": reference, "place": HERE, **more}


def add(client: httpx.Client, body: dict[str, Any]) -> httpx.Response:
    return client.post("/v1/deliveries", json=body, headers=once())


def end(client: httpx.Client, delivery_id: str, status: str = "delivered") -> httpx.Response:
    return client.post(f"/v1/deliveries/{delivery_id}/status", json={"status": status}, headers=once())


def test_a_certificate_is_added_by_point_locality_or_pin_code(served: Served) -> None:
    names = Counter(each.name for each in FACTS.localities_of(RAIPUR))
    name = next(name for name, count in names.items() if count == 1)
    with served.client("dispatch") as client:
        answer = add(client, certificate())
        exact = told(answer, 201)
        assert answer.headers["Location"] == f"/v1/deliveries/{exact['id']}"
        assert told(client.get(answer.headers["Location"])) == exact
        assert exact["place"] == {"lon": 81.63, "lat": 21.25, "spread_m": 0, "approximate": False}
        assert (exact["status"], exact["ready_from"], exact["held_by"], exact["booking"]) == (
            "waiting",
            "2026-12-01",
            None,
            None,
        )
        for place in ({"locality": name}, {"pincode": "492001"}):
            made = told(add(client, certificate(place=place)), 201)["place"]
            assert (made["approximate"], made["spread_m"] > 0) == (True, True)


def test_a_certificate_is_due_by_the_statutory_limit_of_its_service(served: Served) -> None:
    with served.client("dispatch") as client:
        assert told(add(client, certificate(ready_from="2026-12-01")), 201)["due"] == "2027-01-05"
        assert told(add(client, certificate(applied="2026-11-02")), 201)["due"] == "2026-12-07"
        given = told(add(client, certificate(due="2026-12-09", held_by="E01", collected_by="E02")), 201)
    assert (given["due"], given["held_by"], given["collected_by"]) == ("2026-12-09", "E01", "E02")


def test_all_that_is_wrong_with_a_certificate_is_told(served: Served) -> None:
    booking = booked(served)
    with served.client("dispatch") as client:
        wrong = certificate(service="juggling", place={"lon": 81.63})
        assert faults(add(client, wrong)) == {
            ("body", "/service", "unknown_service"),
            ("body", "/place/lat", "missing_field"),
        }
        assert faults(add(client, certificate(service="pan_new"))) == {("body", "/service", "no_delivery")}
        assert faults(add(client, certificate(due="2026-11-30"))) == {("body", "/due", "bad_range")}
        assert faults(add(client, certificate(booking="B1"))) == {("body", "/booking", "unknown_booking")}
        korba: dict[str, Any] = {"city": "korba", "place": {"lon": 82.70, "lat": 22.36}}
        assert faults(add(client, certificate(booking=booking, **korba))) == {("body", "/booking", "unknown_booking")}
        assert faults(add(client, certificate(city="atlantis"))) == {("body", "/city", "unknown_city")}
        early = refused(add(client, certificate(booking=booking)), 409, "illegal_transition")
        assert early["subject"] == booking
        assert told(client.get("/v1/deliveries?city=raipur"))["deliveries"] == []


def test_a_certificate_of_a_booking_that_was_served_is_added_and_handed_over_with_it(served: Served) -> None:
    booking = booked(served)
    published(served)
    served.now = dt.datetime(2026, 12, 3, 10, 0, tzinfo=IST)
    with served.client("dispatch") as client:
        for status in ("on_the_way", "served"):
            told(client.post(f"/v1/bookings/{booking}/status", json={"status": status}, headers=once()))
        delivery = told(add(client, certificate(booking=booking)), 201)
        assert (delivery["booking"], delivery["ready_from"]) == (booking, DAY)
        assert told(client.get(f"/v1/bookings/{booking}"))["status"] == "certificate_due"
        refused(add(client, certificate("app-2", booking=booking)), 409, "illegal_transition")
        told(end(client, delivery["id"]))
        assert told(client.get(f"/v1/bookings/{booking}"))["status"] == "delivered"
        kinds = [e["kind"] for e in told(client.get("/v1/events?limit=1000"))["events"]]
    assert kinds[-4:] == ["booking.certificate_due", "delivery.added", "booking.delivered", "delivery.delivered"]
    assert check_store(served.store).findings == ()


def test_certificates_are_listed_page_by_page_by_due_date(served: Served) -> None:
    with served.client("dispatch") as client:
        ids = [told(add(client, certificate(f"app-{n}", due=f"2026-12-1{n}")), 201)["id"] for n in (4, 2, 3, 1, 0)]
        told(end(client, ids[2], "cancelled"))
        pages, url = [], "/v1/deliveries?city=raipur&limit=2"
        page = told(client.get(url))
        while True:
            pages.append([d["reference"] for d in page["deliveries"]])
            if page["next"] is None:
                break
            page = told(client.get(url, params={"city": "raipur", "limit": 2, "cursor": page["next"]}))
        assert pages == [["app-0", "app-1"], ["app-2", "app-3"], ["app-4"]]
        waiting = told(client.get("/v1/deliveries?city=raipur&status=waiting&limit=1"))
        assert [d["reference"] for d in waiting["deliveries"]] == ["app-0"]
        other = client.get("/v1/deliveries", params={"city": "raipur", "cursor": waiting["next"]})
        refused(other, 422, "cursor_of_another_query")
        refused(client.get("/v1/deliveries?city=raipur&cursor=abc"), 422, "bad_cursor")
        gone = told(client.get("/v1/deliveries?city=raipur&status=cancelled"))["deliveries"]
        assert [d["id"] for d in gone] == [ids[2]]


@pytest.mark.parametrize(("first", "second"), [("delivered", "cancelled"), ("cancelled", "delivered")])
def test_a_certificate_ends_once(served: Served, first: str, second: str) -> None:
    with served.client("dispatch") as client:
        made = told(add(client, certificate()), 201)
        assert told(end(client, made["id"], first)) == {**made, "status": first}
        for again in (first, second):
            assert refused(end(client, made["id"], again), 409, "illegal_transition")["subject"] == made["id"]
        assert told(client.get(f"/v1/deliveries/{made['id']}"))["status"] == first
        assert faults(end(client, made["id"], "planned")) == {("body", "/status", "unknown_value")}


def test_a_certificate_of_another_city_is_not_there(served: Served) -> None:
    with served.client("dispatch") as client:
        made = told(add(client, certificate()), 201)
    with served.client(served.key("korba-desk", "dispatch", "korba")) as other:
        refused(other.get(f"/v1/deliveries/{made['id']}"), 404, "unknown_delivery")
        refused(end(other, made["id"]), 404, "unknown_delivery")
        refused(other.get("/v1/deliveries?city=raipur"), 403, "city_not_allowed")
        refused(add(other, certificate()), 403, "city_not_allowed")
        refused(other.get("/v1/deliveries/D0"), 404, "unknown_delivery")
    with served.client("booking") as booking:
        assert told(booking.get(f"/v1/deliveries/{made['id']}")) == made
        refused(end(booking, made["id"]), 403, "role_not_allowed")
        refused(add(booking, certificate()), 403, "role_not_allowed")
    with served.client("analyst") as analyst:
        refused(analyst.get("/v1/deliveries?city=raipur"), 403, "role_not_allowed")


def test_a_certificate_added_again_with_the_same_key_is_the_same(served: Served) -> None:
    head = once()
    with served.client("dispatch") as client:
        first = client.post("/v1/deliveries", json=certificate(), headers=head)
        again = client.post("/v1/deliveries", json=copy.deepcopy(certificate()), headers=head)
        assert (told(again, 201), again.headers["Idempotency-Replayed"]) == (told(first, 201), "true")
        assert again.headers["Location"] == first.headers["Location"]
        assert len(told(client.get("/v1/deliveries?city=raipur"))["deliveries"]) == 1
