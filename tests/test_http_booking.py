"""Slots, holds, bookings and moves over HTTP: what a booking service does with a citizen on the line."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import pytest

from api.http import routes_booking
from api.http.asked import Asked
from api.keys import Role
from api.store.checking import check_store
from api.store.desk import day_to_plan, publish_plan
from optimizer.bookings import Change
from tests.answered import faults, refused, told
from tests.desks import RAIPUR, rostered
from tests.served import HERE, SLOT, Served, once, served, served_anywhere, wanted

__all__ = ["rostered", "served", "served_anywhere"]

LATER = "2026-12-03T12:00:00+05:30"
SLOTS = "/v1/cities/raipur/slots"
WHERE = {"service": "income", "lon": "81.63", "lat": "21.25"}


def hold(client: httpx.Client, **more: Any) -> Any:
    """What is held for a citizen in Raipur."""
    return told(client.post("/v1/holds", json={**wanted(), **more}, headers=once()), 201)


def book(client: httpx.Client, **more: Any) -> Any:
    """The one booking of a citizen in Raipur."""
    made = told(client.post("/v1/bookings", json={**wanted(), **more}, headers=once()), 201)
    (booking,) = made["bookings"]
    return booking


def publish(served: Served) -> None:
    """The witness of the day becomes its plan."""
    date = dt.date(2026, 12, 3)
    day = day_to_plan(served.store, RAIPUR, date)
    assert isinstance(publish_plan(served.store, RAIPUR, date, day.problem, day.witness, {}), Change)


def kinds(client: httpx.Client) -> list[str]:
    """What has happened since the rosters were made."""
    found = [event["kind"] for event in told(client.get("/v1/events"))["events"]]
    return [kind for kind in found if kind != "day.changed"]


# ------------------------------------------------------------------------------------------ slots


def test_slots_are_offered_from_tomorrow_for_seven_days(served: Served) -> None:
    found = told(served.client().get(SLOTS, params=WHERE))
    assert (found["from"], found["to"]) == ("2026-12-02", "2026-12-08")
    assert {offer["date"] for offer in found["aloud"] + found["on_request"]} == {
        "2026-12-02",
        "2026-12-03",
        "2026-12-04",
        "2026-12-05",
    }
    assert found["place"] == {
        "lon": 81.63,
        "lat": 21.25,
        "spread_m": 0,
        "approximate": False,
        "basis": "point",
        "name": None,
    }
    assert found["refused"] is None


def test_slots_are_asked_for_by_locality_and_by_pin_code_too(served: Served) -> None:
    client = served.client()
    locality = told(client.get(SLOTS, params={"service": "income", "locality": "byron  bazar"}))["place"]
    pincode = told(client.get(SLOTS, params={"service": "income", "pincode": "492001"}))["place"]
    assert (locality["basis"], locality["name"], locality["approximate"]) == ("locality", "Byron Bazar", True)
    assert (pincode["basis"], pincode["name"], pincode["approximate"]) == ("pincode", "492001", True)


def test_slots_that_are_not_offered_have_their_reasons_in_the_language_asked_for(served: Served) -> None:
    client = served.client()
    asked = {**WHERE, "from": "2026-12-06", "to": "2026-12-06", "reasons": "counts"}
    english = told(client.get(SLOTS, params=asked))
    hindi = client.get(SLOTS, params=asked, headers={"Accept-Language": "hi-IN, en;q=0.5"})
    first, last = english["refused"][0]["reasons"][0], told(hindi)["refused"][0]["reasons"][0]
    assert first["code"] == last["code"] == "no_executive_with_skill"
    assert first["text"] == "no executive who can give this service is on duty then"
    assert first["alone"] == 0
    assert hindi.headers["Content-Language"] == "hi"
    assert not last["text"].isascii()


def test_a_search_for_two_services_gives_combinations_that_are_held_together(served: Served) -> None:
    client = served.client()
    asked = {"city": "raipur", "place": HERE, "services": ["income", "domicile"], "wishes": {"one_executive": True}}
    first = told(client.post("/v1/slot-searches", json=asked))["combinations"][0]
    assert first["one_executive"]
    assert first["adjacent"]
    visits = [{"service": v["service"], "slot": v["slot"]["open"]} for v in first["visits"]]
    held = hold(client, visits=visits)
    assert sorted(b["service"] for b in held["bookings"]) == ["domicile", "income"]
    booked = told(client.post("/v1/bookings", json={"hold": held["id"]}, headers=once()), 201)
    assert [b["status"] for b in booked["bookings"]] == ["booked", "booked"]


def test_wishes_come_first(served: Served) -> None:
    asked = {"city": "raipur", "place": HERE, "services": ["income"], "wishes": {"after": "16:00", "by": "17:00"}}
    found = told(served.client().post("/v1/slot-searches", json=asked))
    wished = [offer["wished"] for offer in found["aloud"]]
    assert wished[0]
    assert wished == sorted(wished, reverse=True)
    assert {o["slot"]["open"][11:16] for o in found["aloud"] if o["wished"]} <= {"16:00", "17:00"}


def test_every_slot_told_aloud_can_be_booked(served: Served) -> None:
    client = served.client()
    for offer in told(client.get(SLOTS, params=WHERE))["aloud"][:4]:
        assert book(client, **wanted(offer["slot"]["open"]))["slot"] == offer["slot"]
    assert check_store(served.store).findings == ()


# ------------------------------------------------------------------------------------------ holds


def test_a_hold_is_confirmed_and_told_as_events(served_anywhere: Served) -> None:
    client = served_anywhere.client()
    made = client.post("/v1/holds", json=wanted(reference="call-17"), headers=once())
    held = told(made, 201)
    assert held["expires_at"] == "2026-12-01T09:05:00+05:30"
    assert (held["state"], held["reference"]) == ("held", "call-17")
    assert told(client.get(made.headers["Location"])) == held
    answer = client.post("/v1/bookings", json={"hold": held["id"]}, headers=once())
    (booking,) = told(answer, 201)["bookings"]
    assert booking["status"] == "booked"
    found = client.get(answer.headers["Location"])
    assert told(found) == booking
    assert found.headers["ETag"] == answer.headers["ETag"]
    assert told(client.get(f"/v1/holds/{held['id']}"))["state"] == "confirmed"
    assert kinds(client) == ["hold.made", "booking.made"]
    assert check_store(served_anywhere.store).findings == ()


def test_a_hold_is_gone_once_it_has_run_out(served: Served) -> None:
    client = served.client()
    path = f"/v1/holds/{hold(client)['id']}"
    served.now += dt.timedelta(minutes=6)
    refused(client.get(path), 410, "hold_expired")
    refused(client.post(f"{path}/extend", headers=once()), 410, "hold_expired")
    refused(client.post("/v1/bookings", json={"hold": path[10:]}, headers=once()), 410, "hold_expired")
    refused(client.delete(path), 410, "hold_expired")


def test_a_hold_is_extended_once(served: Served) -> None:
    client = served.client()
    path = f"/v1/holds/{hold(client)['id']}"
    served.now += dt.timedelta(minutes=3)
    extended = told(client.post(f"{path}/extend", headers=once()))
    assert extended["expires_at"] == "2026-12-01T09:08:00+05:30"
    refused(client.post(f"{path}/extend", headers=once()), 409, "already_extended")


def test_a_hold_that_was_given_up_is_gone_and_its_slot_free(served: Served) -> None:
    client = served.client()
    path = f"/v1/holds/{hold(client)['id']}"
    assert client.delete(path).status_code == 204
    refused(client.delete(path), 410, "hold_released")
    refused(client.get(path), 410, "hold_released")
    refused(client.post(f"{path}/extend", headers=once()), 410, "hold_released")
    refused(client.post("/v1/bookings", json={"hold": path[10:]}, headers=once()), 410, "hold_released")
    assert book(client)["status"] == "booked"


def test_a_hold_belongs_to_the_caller_who_made_it(served: Served) -> None:
    held = hold(served.client())
    other = served.client(served.key("other", Role.BOOKING))
    path = f"/v1/holds/{held['id']}"
    refused(other.post(f"{path}/extend", headers=once()), 403, "hold_of_another_caller")
    refused(other.delete(path), 403, "hold_of_another_caller")
    refused(other.post("/v1/bookings", json={"hold": held["id"]}, headers=once()), 403, "hold_of_another_caller")
    assert told(served.client().get(path)) == held


def test_a_booking_is_no_hold_any_more(served: Served) -> None:
    client = served.client()
    path = f"/v1/holds/{hold(client)['id']}"
    told(client.post("/v1/bookings", json={"hold": path[10:]}, headers=once()), 201)
    refused(client.post("/v1/bookings", json={"hold": path[10:]}, headers=once()), 409, "already_confirmed")
    refused(client.delete(path), 409, "already_confirmed")
    refused(client.post(f"{path}/extend", headers=once()), 409, "already_confirmed")


# ----------------------------------------------------------------------------- slots not to be had


def test_a_slot_that_is_taken_is_refused_with_the_nearest_that_are_left(served: Served) -> None:
    client = served.client()
    pinned = {"visits": [{"service": "income", "slot": SLOT, "executive": "E01"}]}
    book(client, **pinned)
    problem = refused(client.post("/v1/holds", json={**wanted(), **pinned}, headers=once()), 409, "slot_not_offered")
    assert problem["subject"] == SLOT
    assert problem["reasons"][0]["code"] == "all_executives_taken"
    assert len(problem["nearest"]) == 3
    assert book(client, **wanted(problem["nearest"][0]["slot"]["open"]))["status"] == "booked"


def test_a_slot_outside_the_days_of_booking_says_why(served: Served) -> None:
    client = served.client()
    for slot, reason in (
        ("2026-12-01T08:00:00+05:30", "past"),
        ("2026-11-01T08:00:00+05:30", "past"),
        ("2026-12-01T12:00:00+05:30", "inside_lead_time"),
        ("2026-12-20T10:00:00+05:30", "beyond_horizon"),
        ("2199-12-31T10:00:00+05:30", "beyond_horizon"),
        ("2026-12-06T10:00:00+05:30", "no_executive_with_skill"),
    ):
        problem = refused(client.post("/v1/holds", json=wanted(slot), headers=once()), 409, "slot_not_offered")
        assert [r["code"] for r in problem["reasons"]] == [reason]


def test_an_executive_nobody_knows_is_not_offered(served: Served) -> None:
    body = wanted()
    body["visits"][0]["executive"] = "nobody"
    problem = refused(served.client().post("/v1/bookings", json=body, headers=once()), 409, "slot_not_offered")
    assert problem["reasons"][0]["code"] == "no_executive_with_skill"


def test_a_time_at_which_no_slot_opens_is_refused(served: Served) -> None:
    client = served.client()
    for slot in ("2026-12-03T10:30:00+05:30", "2026-12-03T10:00:30+05:30", "2026-12-03T23:00:00+05:30"):
        refused(client.post("/v1/holds", json=wanted(slot), headers=once()), 422, "unknown_slot")


def test_a_slot_may_be_named_with_any_offset(served: Served) -> None:
    for same in ("2026-12-03T04:30:00Z", "2026-12-02T23:30:00-05:00", "2026-12-03t10:00:00+05:30"):
        assert hold(served.client(), **wanted(same))["bookings"][0]["slot"]["open"] == SLOT


def test_a_time_without_its_offset_or_that_does_not_exist_is_told(served: Served) -> None:
    client = served.client()
    for slot in (
        "2026-12-03T10:00:00",
        "2026-12-03",
        "2026-12-03T10:00+05:30",
        "2026-12-03 10:00:00+05:30",
        "2026-12-03T10:00:00+99:99",
        "2026-12-03T25:00:00+05:30",
        "2026-02-30T10:00:00+05:30",
        "1999-12-31T10:00:00+05:30",
        "2199-12-31T23:00:00-05:00",
        "9999-12-31T23:59:59-23:59",
        "2026-12-03T1१:00:00+05:30",
        "tomorrow",
        "",
    ):
        answer = client.post("/v1/holds", json=wanted(slot), headers=once())
        assert faults(answer) == {("body", "/visits/0/slot", "bad_time")}, slot


def test_two_services_need_two_slots(served: Served) -> None:
    body = wanted()
    body["visits"] *= 2
    refused(served.client().post("/v1/holds", json=body, headers=once()), 422, "slot_taken_twice")


# ------------------------------------------------------------------------------------- one booking


def test_a_booking_moves_when_it_is_still_as_it_was_read(served_anywhere: Served) -> None:
    client = served_anywhere.client()
    booking = book(client)
    path = f"/v1/bookings/{booking['id']}"
    tag = client.get(path).headers["ETag"]
    to = {"slot": LATER}
    refused(
        client.post(f"{path}/reschedule", json=to, headers={**once(), "If-Match": '"old"'}), 412, "changed_meanwhile"
    )
    listed = {**once(), "If-Match": f'"old", {tag}'}
    answer = client.post(f"{path}/reschedule", json=to, headers=listed)
    moved = told(answer)
    assert moved["booking"]["slot"]["open"] == LATER
    assert (moved["before"]["status"], moved["before"]["moved_to"]) == ("moved", moved["booking"]["id"])
    assert answer.headers["Location"] == f"/v1/bookings/{moved['booking']['id']}"
    assert client.get(answer.headers["Location"]).headers["ETag"] == answer.headers["ETag"]
    refused(client.post(f"{path}/reschedule", json=to, headers=once()), 409, "already_moved")
    assert check_store(served_anywhere.store).findings == ()


def test_a_booking_moves_to_no_slot_that_it_has_already_or_that_is_not_there(served: Served) -> None:
    client = served.client()
    path = f"/v1/bookings/{book(client)['id']}/reschedule"
    refused(client.post(path, json={"slot": SLOT}, headers=once()), 409, "same_slot")
    refused(client.post(path, json={"slot": "2026-12-20T10:00:00+05:30"}, headers=once()), 409, "slot_not_offered")
    refused(client.post(path, json={"slot": "2026-12-03T10:30:00+05:30"}, headers=once()), 422, "unknown_slot")
    served.now = dt.datetime.fromisoformat("2026-12-03T09:59:00+05:30")
    refused(client.post(path, json={"slot": LATER}, headers=once()), 409, "too_late_to_move")


def test_a_booking_is_cancelled_once(served: Served) -> None:
    client = served.client()
    path = f"/v1/bookings/{book(client)['id']}/cancel"
    assert told(client.post(path, headers={**once(), "If-Match": "*"}))["status"] == "cancelled"
    refused(client.post(path, headers=once()), 409, "already_cancelled")
    assert kinds(client) == ["booking.made", "booking.cancelled"]


def test_what_has_happened_is_told_in_order_only(served: Served) -> None:
    client = served.client()
    path = f"/v1/bookings/{book(client)['id']}/status"
    refused(client.post(path, json={"status": "on_the_way"}, headers=once()), 409, "illegal_transition")
    publish(served)
    refused(client.post(path, json={"status": "on_the_way"}, headers=once()), 409, "too_early")
    served.now = dt.datetime.fromisoformat("2026-12-03T10:05:00+05:30")
    refused(client.post(path, json={"status": "delivered"}, headers=once()), 409, "illegal_transition")
    assert told(client.post(path, json={"status": "on_the_way"}, headers=once()))["status"] == "on_the_way"
    refused(client.post(path, json={"status": "not_served"}, headers=once()), 422, "code_needed")
    body = {"status": "not_served", "code": "citizen_absent"}
    assert told(client.post(path, json=body, headers=once()))["not_served"] == "citizen_absent"


def test_the_exact_place_is_told_later(served: Served) -> None:
    client = served.client()
    booking = book(client, place={"locality": "Byron Bazar"})
    assert booking["place"]["approximate"]
    path = f"/v1/bookings/{booking['id']}/place"
    point = {"lon": booking["place"]["lon"], "lat": booking["place"]["lat"]}
    refused(client.put(path, json=point, headers={"If-Match": '"old"'}), 412, "changed_meanwhile")
    (found,) = told(client.put(path, json=point))["bookings"]
    assert found["place"] == {**point, "spread_m": 0, "approximate": False}


def test_a_booking_is_sent_once_as_long_as_it_does_not_change(served: Served) -> None:
    client = served.client()
    path = f"/v1/bookings/{book(client)['id']}"
    tag = client.get(path).headers["ETag"]
    for known in (tag, f'"x", {tag}', "*", f"W/{tag}"):
        again = client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.headers["ETag"]) == (304, tag)
    told(client.post(f"{path}/cancel", headers=once()))
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_booking_is_a_calendar_entry_where_that_is_asked_for(served: Served) -> None:
    client = served.client()
    path = f"/v1/bookings/{book(client)['id']}"
    for answer in (client.get(path, headers={"Accept": "text/calendar"}), client.get(path, params={"format": "ics"})):
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer.text.startswith("BEGIN:VCALENDAR\r\n")
    preferred = client.get(path, headers={"Accept": "text/calendar;q=0.1, application/*"})
    assert preferred.headers["Content-Type"] == "application/json"
    refused(client.get(path, headers={"Accept": "text/html, image/*;q=0.5"}), 406, "not_acceptable")
    refused(client.get(path, headers={"Accept": "application/json;q=0"}), 406, "not_acceptable")


# ------------------------------------------------------------------------------------------- pages


def test_bookings_are_paged_by_a_cursor(served_anywhere: Served) -> None:
    client = served_anywhere.client()
    made = [book(client, **wanted(f"2026-12-0{day}T1{hour}:00:00+05:30"))["id"] for day in (2, 3) for hour in (0, 2, 4)]
    found: list[str] = []
    asked: dict[str, str] = {"city": "raipur", "limit": "4"}
    while True:
        page = told(client.get("/v1/bookings", params=asked))
        found += [b["id"] for b in page["bookings"]]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert found == made
    assert told(client.get("/v1/bookings", params={"city": "raipur", "status": ["held", "moved"]}))["bookings"] == []


def test_bookings_are_found_by_reference_status_and_dates(served: Served) -> None:
    client = served.client()
    mine = book(client, reference="call-1")["id"]
    hold(client, reference="call-2", **wanted(LATER))

    def found(**asked: str) -> list[str]:
        page = told(client.get("/v1/bookings", params={"city": "raipur", **asked}))
        return [b["id"] for b in page["bookings"]]

    assert found(reference="call-1") == found(status="booked") == [mine]
    assert len(found()) == len(found(**{"from": "2026-12-03", "to": "2026-12-03"})) == 2
    assert found(**{"from": "2026-12-04"}) == found(reference="call-3") == []


def test_events_go_on_after_the_last_number(served: Served) -> None:
    client = served.client()
    booking = book(client)
    first = told(client.get("/v1/events", params={"city": "raipur"}))
    assert [(e["kind"], e["subject"]) for e in first["events"]][4:] == [("booking.made", booking["id"])]
    told(client.post(f"/v1/bookings/{booking['id']}/cancel", headers=once()))
    then = told(client.get("/v1/events", params={"after": first["last"], "limit": 1}))
    assert [e["kind"] for e in then["events"]] == ["booking.cancelled"]
    assert then["last"] == then["events"][0]["id"] > first["last"]
    assert told(client.get("/v1/events", params={"after": then["last"]})) == {"events": [], "last": then["last"]}


def test_a_hold_that_runs_out_is_never_said_to_be_as_it_was(served: Served) -> None:
    client = served.client()
    held = told(client.post("/v1/holds", json=wanted(), headers=once()), 201)["bookings"][0]
    first = client.get(f"/v1/bookings/{held['id']}")
    served.now += dt.timedelta(minutes=6)
    again = client.get(f"/v1/bookings/{held['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (told(first)["live"], told(again)["live"]) == (True, False)


def test_a_hold_given_up_between_look_and_confirmation_has_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served.client()
    hold = told(client.post("/v1/holds", json=wanted(), headers=once()), 201)
    real = routes_booking._held

    def looked(asked: Asked, hold_id: str) -> Any:
        found = real(asked, hold_id)
        asked.store.give_up([hold_id], asked.key.name)
        return found

    monkeypatch.setattr(routes_booking, "_held", looked)
    refused(client.post("/v1/bookings", json={"hold": hold["id"]}, headers=once()), 410, "hold_released")
