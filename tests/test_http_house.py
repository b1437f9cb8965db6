"""The house over HTTP: catalogue, events, webhooks, keys, audit, metrics, health, and the document of it all."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.http.app import described
from api.settings import Settings
from api.store.checking import check_store
from api.webhooks.hooks import KINDS, MOST_WEBHOOKS
from api.webhooks.sending import Sender
from api.webhooks.signing import verified
from api.words import TITLES
from tests.answered import faults, refused, told
from tests.desks import FACTS, rostered
from tests.served import Served, once, served, serving, wanted
from tests.test_http_desk import add, certificate
from tests.test_webhooks import receiving

__all__ = ["rostered", "served"]

PUBLIC = "https://93.184.215.14/hook"
HINDI = re.compile(r"[\u0900-\u097F]")


def post(client: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return client.post(path, json=body, headers=once())


def booked(client: httpx.Client, hour: int = 10) -> str:
    body = wanted(f"2026-12-03T{hour:02d}:00:00+05:30")
    return str(told(post(client, "/v1/bookings", **body), 201)["bookings"][0]["id"])


# ---------------------------------------------------------------------------------------- catalogue


def test_cities_are_those_of_the_key_and_may_be_kept_for_minutes(served: Served) -> None:
    with served.client("analyst") as client:
        answer = client.get("/v1/cities")
        cities = {city["id"]: city for city in told(answer)["cities"]}
        assert set(cities) == {city.city_id for city in FACTS.cities}
        assert (cities["raipur"]["name_en"], cities["raipur"]["name_hi"]) == ("Raipur", "रायपुर")
        assert (cities["raipur"]["office"], cities["raipur"]["in_scheme_since"]) == ([81.64417, 21.24567], "2022-05-01")
        assert answer.headers["Cache-Control"] == "private, max-age=300"
        again = client.get("/v1/cities", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.headers["ETag"]) == (304, answer.headers["ETag"])
    with served.client(served.key("korba-desk", "booking", "korba")) as client:
        own = client.get("/v1/cities", headers={"If-None-Match": answer.headers["ETag"]})
        assert [city["id"] for city in told(own)["cities"]] == ["korba"]


def test_services_tell_fees_documents_and_payment_in_both_languages(served: Served) -> None:
    with served.client("booking") as client:
        answer = client.get("/v1/services")
        services = {service["id"]: service for service in told(answer)["services"]}
        assert set(services) == {service.service_id for service in FACTS.services}
        domicile, income = services["domicile"], services["income"]
        assert (domicile["departmental_fee_rs"], domicile["total_fee_rs"]) == (30, 80)
        assert (income["departmental_fee_rs"], income["total_fee_rs"]) == (None, None)
        assert (income["name_en"], income["name_hi"]) == ("Income certificate", "आय प्रमाण पत्र")
        assert (income["statutory_days"], income["visit_pattern"]) == (30, "two_visits")
        assert income["payment_modes"] == ["cash", "upi", "other_digital"]
        assert all(service["documents"] for service in services.values() if service["id"] in {"domicile", "income"})
        assert answer.headers["Cache-Control"] == "private, max-age=300"
        assert client.get("/v1/services", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_services_of_a_city_on_a_date(served: Served) -> None:
    early = dt.date(2022, 5, 1)
    with served.client("booking") as client:

        def ids(query: str) -> set[str]:
            return {service["id"] for service in told(client.get(f"/v1/services?{query}"))["services"]}

        raipur = FACTS.city("raipur")
        assert ids("city=raipur") == {s.service_id for s in FACTS.services_on(dt.date(2026, 12, 1), raipur)}
        assert ids(f"city=raipur&on={early}") == {s.service_id for s in FACTS.services_on(early, raipur)}
        assert ids(f"on={early}") == {s.service_id for s in FACTS.services_on(early)}
        assert ids(f"city=raipur&on={early}") < ids("city=raipur")
        assert faults(client.get("/v1/services?city=atlantis")) == {("query", "/city", "unknown_city")}
        assert faults(client.get("/v1/services?on=never")) == {("query", "/on", "bad_date")}
    with served.client(served.key("korba-desk", "booking", "korba")) as client:
        refused(client.get("/v1/services?city=raipur"), 403, "city_not_allowed")


def test_all_codes_of_problems_are_listed_in_both_languages(served: Served) -> None:
    with served.client("analyst") as client:
        codes = told(client.get("/v1/problems"))["problems"]
    assert [code["code"] for code in codes] == sorted(TITLES)
    assert all(code["title"] and not HINDI.search(code["title"]) for code in codes)
    assert all(HINDI.search(code["title_hi"]) for code in codes)
    assert len({code["title"] for code in codes} & {"", "-"}) == 0


# ------------------------------------------------------------------------------------------- events


def test_events_are_read_on_from_the_last_number(served: Served) -> None:
    with served.client("booking") as client:
        before = told(client.get("/v1/events"))["last"]
        booking = booked(client)
        head = told(client.get(f"/v1/events?after={before}&limit=1"))
        (event,) = head["events"]
        assert (event["kind"], event["subject"], event["city"], event["date"]) == (
            "booking.made",
            booking,
            "raipur",
            "2026-12-03",
        )
        assert head["last"] == event["id"] > before
        told(client.post(f"/v1/bookings/{booking}/cancel", headers=once()))
        rest = told(client.get(f"/v1/events?after={head['last']}"))
        assert [e["kind"] for e in rest["events"]] == ["booking.cancelled"]
        nothing = told(client.get(f"/v1/events?after={rest['last']}"))
        assert nothing == {"events": [], "last": rest["last"]}
        assert faults(client.get("/v1/events?after=-1&limit=1001")) == {
            ("query", "/after", "out_of_range"),
            ("query", "/limit", "out_of_range"),
        }


def test_events_are_those_of_own_cities(served: Served) -> None:
    korba = {"place": {"lon": 82.70, "lat": 22.36}}
    with served.client("dispatch") as client:
        told(add(client, {**certificate(), "city": "korba", **korba}), 201)
        told(add(client, certificate()), 201)
        both = told(client.get("/v1/events"))["events"]
        assert [e["city"] for e in both if e["kind"] == "delivery.added"] == ["korba", "raipur"]
        assert {e["city"] for e in told(client.get("/v1/events?city=korba"))["events"]} == {"korba"}
    with served.client(served.key("korba-desk", "booking", "korba")) as client:
        own = told(client.get("/v1/events"))
        assert [e["kind"] for e in own["events"]] == ["delivery.added"]
        refused(client.get("/v1/events?city=raipur"), 403, "city_not_allowed")


# ----------------------------------------------------------------------------------------- webhooks


def test_a_webhook_is_made_listed_enabled_and_removed_and_its_secret_told_once(served: Served) -> None:
    with served.client("booking") as client:
        head = once()
        body = {"url": PUBLIC, "cities": ["raipur"], "kinds": ["booking.*", "plan.published"]}
        made = client.post("/v1/webhooks", json=body, headers=head)
        hook = told(made, 201)
        assert hook["secret"].startswith("whsec_")
        assert made.headers["Location"] == f"/v1/webhooks/{hook['id']}"
        known = {**hook, "secret": None}
        again = client.post("/v1/webhooks", json=body, headers=head)
        assert (told(again, 201), again.headers["Idempotency-Replayed"]) == (known, "true")
        del known["secret"]
        assert told(client.get(made.headers["Location"])) == known
        assert told(client.get("/v1/webhooks")) == {"webhooks": [known]}
        assert (known["kinds"], known["cities"], known["state"], known["sent_up_to"]) == (
            ["booking.*", "plan.published"],
            ["raipur"],
            "active",
            4,
        )
        assert told(post(client, f"/v1/webhooks/{hook['id']}/enable"))["state"] == "active"
        gone = client.delete(made.headers["Location"])
        assert (gone.status_code, gone.content) == (204, b"")
        for answer in (client.get(made.headers["Location"]), client.delete(made.headers["Location"])):
            refused(answer, 404, "unknown_webhook")
        refused(post(client, f"/v1/webhooks/{hook['id']}/enable"), 404, "unknown_webhook")
        assert told(client.get("/v1/webhooks")) == {"webhooks": []}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/hook", "forbidden_address"),
        ("https://10.0.0.1/hook", "forbidden_address"),
        ("https://169.254.169.254/latest", "forbidden_address"),
        ("http://93.184.215.14/hook", "https_only"),
        ("https://ram:secret@93.184.215.14/hook", "credentials_in_url"),
        ("https://93.184.215.14:22/hook", "bad_port"),
        ("https://", "bad_url"),
    ],
)
def test_a_webhook_leads_to_no_private_address(url: str, code: str, served: Served) -> None:
    with served.client("booking") as client:
        assert faults(post(client, "/v1/webhooks", url=url)) == {("body", "/url", code)}
        assert told(client.get("/v1/webhooks")) == {"webhooks": []}


def test_a_key_has_only_so_many_webhooks(served: Served) -> None:
    with served.client("booking") as client:
        for _ in range(MOST_WEBHOOKS):
            told(post(client, "/v1/webhooks", url=PUBLIC), 201)
        assert faults(post(client, "/v1/webhooks", url=PUBLIC)) == {("body", "", "too_many_webhooks")}
    with served.client("dispatch") as other:
        told(post(other, "/v1/webhooks", url=PUBLIC), 201)


def test_all_that_is_wrong_with_a_webhook_is_told(served: Served) -> None:
    with served.client("booking") as client:
        assert faults(post(client, "/v1/webhooks", url=PUBLIC, kinds=["booking.lost", "tea.*"])) == {
            ("body", "/kinds/0", "unknown_kind"),
            ("body", "/kinds/1", "unknown_kind"),
        }
        assert faults(post(client, "/v1/webhooks", url=PUBLIC, cities=["raipur", "atlantis"])) == {
            ("body", "/cities/1", "unknown_city")
        }
        told(post(client, "/v1/webhooks", url=PUBLIC, kinds=sorted(KINDS)), 201)
    with served.client("analyst") as client:
        refused(post(client, "/v1/webhooks", url=PUBLIC), 403, "role_not_allowed")
        refused(client.get("/v1/webhooks"), 403, "role_not_allowed")


def test_a_webhook_is_seen_by_keys_that_may_see_all_it_gets(served: Served) -> None:
    with served.client("dispatch") as client:
        raipur = told(post(client, "/v1/webhooks", url=PUBLIC, cities=["raipur"]), 201)["id"]
        told(post(client, "/v1/webhooks", url=PUBLIC, cities=["raipur", "korba"]), 201)
        told(post(client, "/v1/webhooks", url=PUBLIC), 201)
        assert len(told(client.get("/v1/webhooks"))["webhooks"]) == 3
    with served.client(served.key("korba-desk", "booking", "korba")) as client:
        refused(post(client, "/v1/webhooks", url=PUBLIC, cities=["raipur"]), 403, "city_not_allowed")
        own = told(post(client, "/v1/webhooks", url=PUBLIC), 201)
        assert own["cities"] == ["korba"]
        assert [hook["id"] for hook in told(client.get("/v1/webhooks"))["webhooks"]] == [own["id"]]
        for answer in (
            client.get(f"/v1/webhooks/{raipur}"),
            client.delete(f"/v1/webhooks/{raipur}"),
            post(client, f"/v1/webhooks/{raipur}/enable"),
        ):
            refused(answer, 404, "unknown_webhook")


def test_an_event_reaches_a_receiver_signed_with_the_secret(rostered: Path, tmp_path: Path) -> None:
    store = str(shutil.copy(rostered, tmp_path / "store.db"))
    chosen = Settings(background=False, webhooks_private=True, webhooks_plain_http=True)
    with serving(store, chosen) as running, receiving() as receiver, running.client("booking") as client:
        hook = told(post(client, "/v1/webhooks", url=receiver.url, kinds=["booking.*"]), 201)
        booking = booked(client)
        assert Sender(running.store, private=True, plain_http=True).once() == 1
        (came,) = receiver.came
        event = json.loads(came.body)
        verified(hook["secret"], came.headers, came.body, int(running.now.timestamp()))
        (same,) = told(client.get(f"/v1/events?after={event['id'] - 1}&limit=1"))["events"]
        assert dt.datetime.fromisoformat(event.pop("at")) == dt.datetime.fromisoformat(same.pop("at"))
        assert event == same
        assert (event["kind"], event["subject"]) == ("booking.made", booking)
        told_of = told(client.get(f"/v1/webhooks/{hook['id']}"))
        assert (told_of["sent_up_to"], told_of["failures"], told_of["last_answer"]) == (event["id"], 0, "HTTP 204")


# --------------------------------------------------------------------------------------------- keys


def test_keys_are_made_listed_and_ended_by_admins(served: Served) -> None:
    with served.client("admin") as admin:
        made = post(admin, "/v1/keys", name="call-centre", role="booking", cities=["korba", "raipur"], a_minute=60)
        key = told(made, 201)
        text = key.pop("key")
        assert (key["cities"], key["a_minute"], key["revoked_at"]) == (["korba", "raipur"], 60, None)
        assert told(admin.get(made.headers["Location"])) == key
        listed = told(admin.get("/v1/keys"))["keys"]
        assert key in listed
        assert all("key" not in each for each in listed)
        with served.client(text) as client:
            assert len(told(client.get("/v1/cities"))["cities"]) == 2
            refused(client.get("/v1/keys"), 403, "role_not_allowed")
        ended = told(admin.delete(made.headers["Location"]))
        assert ended == {**key, "revoked_at": ended["revoked_at"]}
        assert ended["revoked_at"] is not None
        assert told(admin.delete(made.headers["Location"])) == ended
        refused(admin.get("/v1/keys/K0"), 404, "unknown_key")
        refused(admin.delete("/v1/keys/K0"), 404, "unknown_key")
        wrong = post(admin, "/v1/keys", name="x", role="king", a_minute=0)
        assert faults(wrong) == {("body", "/role", "unknown_value"), ("body", "/a_minute", "out_of_range")}
        assert faults(post(admin, "/v1/keys", name="x", role="admin", cities=["atlantis"])) == {
            ("body", "/cities/0", "unknown_city")
        }


def test_an_admin_of_a_city_gives_no_more_than_it_has(served: Served) -> None:
    with served.client(served.key("korba-admin", "admin", "korba")) as admin:
        for cities in (None, ["raipur"], ["korba", "raipur"]):
            body = {"name": "desk", "role": "dispatch", "cities": cities}
            refused(post(admin, "/v1/keys", **body), 403, "city_not_allowed")
        own = told(post(admin, "/v1/keys", name="desk", role="dispatch", cities=["korba"]), 201)
        assert {key["name"] for key in told(admin.get("/v1/keys"))["keys"]} == {"korba-admin", "desk"}
        with served.client("admin") as whole:
            other = next(k["id"] for k in told(whole.get("/v1/keys"))["keys"] if k["name"] == "booking")
        refused(admin.delete(f"/v1/keys/{other}"), 404, "unknown_key")
        assert told(admin.delete(f"/v1/keys/{own['id']}"))["revoked_at"] is not None


# ----------------------------------------------------------------------------- the log and the numbers


def test_the_audit_log_is_read_page_by_page_and_by_key(served: Served) -> None:
    with served.client("booking") as client:
        for hour in (9, 10, 11):
            booked(client, hour)
            served.now += dt.timedelta(seconds=1)
        refused(client.get("/v1/audit"), 403, "role_not_allowed")
    with served.client("admin") as admin:
        pages, query = [], {"limit": 2}
        while True:
            page = told(admin.get("/v1/audit", params=query))
            pages.append([line["code"] for line in page["audit"]])
            if page["next"] is None:
                break
            query = {"limit": 2, "cursor": page["next"]}
        assert pages == [["role_not_allowed", None], [None, None]]
        lines = told(admin.get("/v1/audit"))["audit"]
        assert [line["at"] for line in lines] == sorted((line["at"] for line in lines), reverse=True)
        first = lines[-1]
        assert (first["action"], first["path"], first["status"], first["city"], first["name"], first["role"]) == (
            "POST /v1/bookings",
            "/v1/bookings",
            201,
            "raipur",
            "booking",
            "booking",
        )
        served.now += dt.timedelta(seconds=1)
        told(post(admin, "/v1/keys", name="x", role="booking"), 201)
        own = told(admin.get(f"/v1/audit?key={first['key']}"))["audit"]
        assert own == lines
        assert told(admin.get("/v1/audit?key=K0"))["audit"] == []
        other = admin.get("/v1/audit", params={"key": first["key"], "cursor": query["cursor"]})
        refused(other, 422, "cursor_of_another_query")
        head = told(admin.get("/v1/audit?limit=1"))["audit"]
        assert (head[0]["action"], head[0]["city"]) == ("POST /v1/keys", None)


def test_an_admin_of_a_city_reads_the_log_of_that_city(served: Served) -> None:
    with served.client("dispatch") as client:
        booked(client)
        korba = {"city": "korba", "place": {"lon": 82.70, "lat": 22.36}}
        told(add(client, {**certificate(), **korba}), 201)
    with served.client(served.key("korba-admin", "admin", "korba")) as admin:
        lines = told(admin.get("/v1/audit"))["audit"]
        assert [(line["action"], line["city"]) for line in lines] == [("POST /v1/deliveries", "korba")]


def test_requests_problems_and_events_are_counted(served: Served) -> None:
    with served.client("booking") as client:
        booked(client)
        refused(client.get("/v1/bookings/B0"), 404, "unknown_booking")
        text = client.get("/v1/metrics")
        last = told(client.get("/v1/events"))["last"]
    assert text.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = text.text.splitlines()
    assert 'mitaan_requests_total{method="POST",route="/v1/bookings",status="201"} 1.0' in lines
    assert 'mitaan_requests_total{method="GET",route="/v1/bookings/{booking_id}",status="404"} 1.0' in lines
    assert 'mitaan_problems_total{code="unknown_booking"} 1.0' in lines
    assert f"mitaan_last_event {last}.0" in lines
    refused(httpx.get(f"{served.url}/v1/metrics", trust_env=False), 401, "key_missing")


# ------------------------------------------------------------------------------------------- health


def test_health_and_readiness_are_told_without_a_key(served: Served) -> None:
    for path in ("/health", "/ready"):
        answer = httpx.get(f"{served.url}{path}", trust_env=False)
        assert (told(answer), answer.headers["Cache-Control"]) == ({"status": "ok"}, "no-store")


def test_a_store_with_other_tables_is_not_ready(rostered: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(rostered, tmp_path / "store.db"))
    with serving(str(path)) as running:
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE mitaan_version SET version_num = '0001'")
        answer = httpx.get(f"{running.url}/ready", headers={"Accept-Language": "hi"}, trust_env=False)
        assert refused(answer, 503, "not_ready")["title"] == "सेवा अभी तैयार नहीं है"
        assert answer.headers["Retry-After"] == "1"
        assert told(httpx.get(f"{running.url}/health", trust_env=False)) == {"status": "ok"}


# --------------------------------------------------------------------------------------- the document


def test_the_document_is_openapi_31_and_needs_a_key(served: Served) -> None:
    refused(httpx.get(f"{served.url}/v1/openapi.json", trust_env=False), 401, "key_missing")
    for path in ("/openapi.json", "/docs", "/redoc"):
        with served.client("admin") as client:
            refused(client.get(path), 404, "not_found")
    with served.client("analyst") as client:
        document = told(client.get("/v1/openapi.json"))
    assert document == described(served.app)
    assert document["openapi"].startswith("3.1.")
    assert document["security"] == [{"key": []}]
    assert document["paths"]["/health"]["get"]["security"] == []
    operations = [o for methods in document["paths"].values() for o in methods.values()]
    assert all(operation["description"] and operation["tags"] for operation in operations)
    posts = [o for methods in document["paths"].values() for name, o in methods.items() if name == "post"]
    needing = [o for o in posts if any(p["name"] == "Idempotency-Key" for p in o.get("parameters", []))]
    assert len(posts) - len(needing) == 3


def examples_of(served: Served) -> list[tuple[str, str, Any]]:
    """Examples of the bodies of requests: method, path, body."""
    document = described(served.app)
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            schema = document["components"]["schemas"].get(name, {})
            examples = [*schema.get("examples", []), *(e["value"] for e in content.get("examples", {}).values())]
            found += [(method, path, example) for example in examples]
    return found


def test_every_example_of_the_document_works_or_is_refused_for_what_it_names(served: Served) -> None:
    found = examples_of(served)
    answers = {}
    with served.client("admin") as client:
        for method, path, body in found:
            answer = client.request(method, path.replace("{city}", "raipur"), json=body, headers=once())
            told_code = answer.json().get("code")
            answers[path] = (answer.status_code, told_code)
    assert answers == {
        "/v1/slot-searches": (200, None),
        "/v1/holds": (201, None),
        "/v1/bookings": (404, "unknown_hold"),  # its hold is nobody's
        "/v1/deliveries": (201, None),
        "/v1/plans": (202, None),
        "/v1/rosters": (202, None),
        "/v1/cities/{city}/restrictions": (201, None),
    }
    assert check_store(served.store).findings == ()


def test_localities_of_a_city_name_places_and_its_rules_say_how_long_a_hold_lives(served: Served) -> None:
    client = served.client()
    found = told(client.get("/v1/cities/raipur/localities"))["localities"]
    assert len(found) > 50
    place = {"locality": found[0]["name"]}
    asked = {"city": "raipur", "services": ["income"], "place": place}
    assert told(client.post("/v1/slot-searches", json=asked))["place"]["name"] == found[0]["name"]
    assert told(client.get("/v1/cities/raipur/rules")) == {
        "city": "raipur",
        "horizon_days": 14,
        "closes": "20:00",
        "hold_s": 300,
        "move_cutoff_s": 86_400,
        "slot_minutes": 60,
    }


def test_a_store_whose_file_was_moved_away_is_not_ready(served: Served) -> None:
    path = Path(served.store.database.url_for_people)
    moved = path.rename(path.with_suffix(".away"))
    refused(served.client().get("/ready"), 503, "not_ready")
    moved.rename(path)
    told(served.client().get("/ready"))
