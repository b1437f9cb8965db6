"""Catalogue, events, webhooks, keys, audit, health and metrics."""

from __future__ import annotations

import datetime as dt
import json
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy import Connection, func, select
from starlette.responses import Response

from api.http import answers as out
from api.http.asked import ADMINS, BOOKERS, READERS, Asked, Service, asking
from api.http.bodies import AuditQuery, EventsQuery, KeyIn, OnQuery, WebhookIn
from api.http.documents import event_document, page_document
from api.http.edge import trace_of
from api.http.once import Answer
from api.http.problems import Problem, documented, json_bytes
from api.http.reading import cursor_from, cursor_to, renamed, today_of
from api.http.routes_booking import CityName
from api.http.strict import Route
from api.keys import ApiKey, key_json, list_keys, make_key, revoke_key
from api.reading import together
from api.shapes import city_json, service_json
from api.store import StoreError
from api.store.desk import store_rules
from api.store.schema import REVISION, audit, events, jobs, moment
from api.store.store import Store
from api.webhooks.hooks import Webhook, add_webhook, enable_webhook, find_webhook, list_webhooks, remove_webhook
from optimizer.units import hhmm

MINUTES_KEPT = 5
"""Cities and services may be kept so long by callers."""

router = APIRouter(prefix="/v1", route_class=Route)
open_router = APIRouter(route_class=Route)

Reader = Annotated[Asked, Depends(asking(*READERS))]
Booker = Annotated[Asked, Depends(asking(*BOOKERS))]
BookerChanges = Annotated[Asked, Depends(asking(*BOOKERS, changes=True))]
Admin = Annotated[Asked, Depends(asking(*ADMINS))]
AdminChanges = Annotated[Asked, Depends(asking(*ADMINS, changes=True))]
WebhookId = Annotated[str, Path(pattern=out.ID, description="The id of a webhook.")]
KeyId = Annotated[str, Path(pattern=out.ID, description="The id of a key.")]
_KEPT = {"Cache-Control": f"private, max-age={60 * MINUTES_KEPT}"}

# -------------------------------------------------------------------------------------- catalogue


@router.get("/cities", tags=["catalogue"], **out.answered(out.CitiesOut))
def get_cities(asked: Reader) -> Response:
    """The cities that the key may see."""
    cities = [city_json(city) for city in asked.catalogue.cities if asked.key.may_see(city.city_id)]
    return asked.tagged({"cities": cities}, headers=_KEPT)


@router.get("/services", tags=["catalogue"], **out.answered(out.ServicesOut, 404))
def get_services(asked: Reader, query: Annotated[OnQuery, Query()]) -> Response:
    """Services: papers to have ready, what is paid, how; those of a city on a date where these are given."""
    city = None if query.city is None else asked.city(query.city)
    on = query.on or (None if city is None else today_of(asked.store))
    found = asked.catalogue.services if on is None else asked.catalogue.services_on(on, city)
    return asked.tagged({"services": [service_json(asked.catalogue, s) for s in found]}, headers=_KEPT)


@router.get("/openapi.json", tags=["catalogue"], include_in_schema=False, **out.only("json"))
def get_openapi(asked: Reader) -> Response:
    """The description of this interface (OpenAPI 3.1)."""
    return asked.tagged(asked.request.app.openapi(), headers=_KEPT)


@router.get("/cities/{city}/localities", tags=["catalogue"], **out.answered(out.LocalitiesOut, 404))
def get_localities(city: CityName, asked: Reader) -> Response:
    """Localities of a city and their PIN codes: what a place may be named by where its point is not known."""
    town = asked.city(city, "path")
    found = [
        {"name": row.name, "kind": row.kind, "pincode": row.pincode, "lon": row.lon, "lat": row.lat}
        for row in asked.catalogue.localities_of(town)
    ]
    return asked.tagged({"city": town.city_id, "localities": found}, headers=_KEPT)


@router.get("/cities/{city}/rules", tags=["catalogue"], **out.answered(out.RulesOut, 404))
def get_rules(city: CityName, asked: Reader) -> Response:
    """The booking rules of a city: how far ahead, until when, how long a hold lives; `mitaan rules` sets them."""
    town = asked.city(city, "path")
    rules = store_rules(asked.store, town)
    document = {
        "city": town.city_id,
        "horizon_days": rules.booking.horizon_days,
        "closes": hhmm(rules.booking.closes_s),
        "hold_s": rules.booking.hold_s,
        "move_cutoff_s": rules.booking.move_cutoff_s,
        "slot_minutes": rules.slot_minutes,
    }
    return asked.tagged(document)


@router.get("/problems", tags=["catalogue"], **out.answered(out.CodesOut))
def get_problems(asked: Reader) -> Response:
    """All codes of problems, in English and Hindi."""
    return asked.tagged({"problems": documented()}, headers=_KEPT)


# ----------------------------------------------------------------------------------------- events


@router.get("/events", tags=["events"], **out.answered(out.EventsOut, 404))
def get_events(asked: Reader, query: Annotated[EventsQuery, Query()]) -> Response:
    """What has happened, in order, for those who send messages: go on with `after` and the number in `last`."""
    city = None if query.city is None else asked.city(query.city)
    among = asked.key.cities if city is None else None
    found = asked.store.list_events(city, after=query.after, most=query.limit, among=among)
    last = found[-1].event_id if found else query.after
    return Response(
        json_bytes({"events": [event_document(told) for told in found], "last": last}), 200, None, "application/json"
    )


# --------------------------------------------------------------------------------------- webhooks


def webhook_document(hook: Webhook) -> dict[str, Any]:
    """A webhook without its secret."""

    def at(when: dt.datetime | None) -> str | None:
        return None if when is None else when.isoformat()

    return {
        "id": hook.webhook_id,
        "url": hook.url,
        "cities": None if hook.cities is None else sorted(hook.cities),
        "kinds": None if hook.kinds is None else list(hook.kinds),
        "state": hook.state,
        "created_at": hook.created_at.isoformat(),
        "created_by": hook.created_by,
        "sent_up_to": hook.sent_up_to,
        "failures": hook.failures,
        "failing_since": at(hook.failing_since),
        "next_try_at": at(hook.next_try_at),
        "last_answer": hook.last_answer,
    }


@router.post("/webhooks", status_code=201, tags=["events"], **out.answered(out.WebhookOut, 409, status=201))
def make_webhook(body: WebhookIn, asked: BookerChanges) -> Response:
    """Have events sent. The secret, with which each is signed, is told this once."""
    cities = asked.key.cities if body.cities is None else frozenset(body.cities)
    together(
        *(
            partial(renamed, {("city",): ("cities", number)}, partial(asked.city, city_id))
            for number, city_id in enumerate(body.cities or ())
        )
    )
    settings = asked.settings
    _about(asked, cities)

    def act(store: Store) -> object:
        return add_webhook(
            store,
            body.url,
            cities=cities,
            kinds=body.kinds,
            created_by=asked.key.key_id,
            private=settings.webhooks_private,
            plain_http=settings.webhooks_plain_http,
        )

    def answer(made: tuple[Webhook, str], _: dt.datetime, __: Connection) -> Answer:
        hook, secret = made
        told = webhook_document(hook)
        headers = {"Location": f"/v1/webhooks/{hook.webhook_id}"}
        return Answer(201, {**told, "secret": secret}, headers, [hook.webhook_id], {**told, "secret": None})

    return asked.once(act, answer)


def _webhook(asked: Asked, webhook_id: str) -> Webhook:
    hook = find_webhook(asked.store, webhook_id)
    if hook is None or not _may_see(asked, hook):
        raise Problem(404, "unknown_webhook")
    _about(asked, hook.cities)
    return hook


def _about(asked: Asked, cities: frozenset[str] | None) -> None:
    """The audit log names the city where there is exactly one."""
    asked.city_id = next(iter(cities)) if cities is not None and len(cities) == 1 else None


def _may_see(asked: Asked, hook: Webhook) -> bool:
    """A key sees the webhooks that get nothing but what it may see itself."""
    return asked.key.cities is None or (hook.cities is not None and hook.cities <= asked.key.cities)


@router.get("/webhooks", tags=["events"], **out.answered(out.WebhooksOut))
def get_webhooks(asked: Booker) -> Response:
    """Webhooks that the key may see."""
    found = [webhook_document(hook) for hook in list_webhooks(asked.store) if _may_see(asked, hook)]
    return asked.tagged({"webhooks": found})


@router.get("/webhooks/{webhook_id}", tags=["events"], **out.answered(out.WebhookOut, 404))
def get_webhook(webhook_id: WebhookId, asked: Booker) -> Response:
    """A webhook: how far it has been sent, and what its receiver answered last."""
    return asked.tagged(webhook_document(_webhook(asked, webhook_id)))


@router.post("/webhooks/{webhook_id}/enable", tags=["events"], **out.answered(out.WebhookOut, 404))
def enable(webhook_id: WebhookId, asked: BookerChanges) -> Response:
    """Send there again, from where it stopped."""
    _webhook(asked, webhook_id)

    def answer(hook: Webhook, _: dt.datetime, __: Connection) -> Answer:
        return Answer(200, webhook_document(hook), {}, [webhook_id])

    return asked.once(lambda store: _there(enable_webhook(store, webhook_id), "unknown_webhook"), answer)


@router.delete("/webhooks/{webhook_id}", status_code=204, tags=["events"], **out.done(404))
def delete_webhook(webhook_id: WebhookId, asked: Booker) -> Response:
    """Send nothing more there."""
    _webhook(asked, webhook_id)

    def answer(_: object, __: dt.datetime, ___: Connection) -> Answer:
        return Answer(204, None, {}, [webhook_id])

    return asked.once(lambda store: _there(remove_webhook(store, webhook_id) or None, "unknown_webhook"), answer)


def _there(outcome: object, code: str) -> object:
    """What was done; what has gone meanwhile is not there."""
    if outcome is None:
        raise Problem(404, code)
    return outcome


# ------------------------------------------------------------------------------------------- keys


@router.post("/keys", status_code=201, tags=["house"], **out.answered(out.KeyOut, status=201))
def make(body: KeyIn, asked: AdminChanges) -> Response:
    """A new key. Its text is told this once, and kept nowhere."""
    mine = asked.key.cities
    outside = sorted(set(body.cities or ()) - mine) if mine is not None else []
    if mine is not None and (body.cities is None or outside):
        rule = f"a key for no more than the cities of the key that makes it: {', '.join(sorted(mine))}"
        asked.note_refused(Problem(403, "city_not_allowed", rule))
    _about(asked, None if body.cities is None else frozenset(body.cities))

    def act(store: Store) -> object:
        return make_key(store, body.name, body.role, body.cities, asked.key.key_id, body.a_minute)

    def answer(made: tuple[ApiKey, str], _: dt.datetime, __: Connection) -> Answer:
        key, text = made
        told = key_json(key)
        headers = {"Location": f"/v1/keys/{key.key_id}"}
        return Answer(201, {**told, "key": text}, headers, [key.key_id], {**told, "key": None})

    return asked.once(act, answer)


def _keys(asked: Asked) -> list[ApiKey]:
    """The keys that an admin may see: those that see no more than the admin does."""
    mine = asked.key.cities
    return [k for k in list_keys(asked.store) if mine is None or (k.cities is not None and k.cities <= mine)]


@router.get("/keys", tags=["house"], **out.answered(out.KeysOut))
def get_keys(asked: Admin) -> Response:
    """All keys, the revoked ones too; nobody can read their texts."""
    return asked.tagged({"keys": [key_json(key) for key in _keys(asked)]})


@router.get("/keys/{key_id}", tags=["house"], **out.answered(out.KeyOut, 404))
def get_key(key_id: KeyId, asked: Admin) -> Response:
    """A key."""
    return asked.tagged(key_json(_key(asked, key_id)))


def _key(asked: Asked, key_id: str) -> ApiKey:
    found = next((key for key in _keys(asked) if key.key_id == key_id), None)
    if found is None:
        raise Problem(404, "unknown_key")
    _about(asked, found.cities)
    return found


@router.delete("/keys/{key_id}", tags=["house"], **out.answered(out.KeyOut, 404))
def delete_key(key_id: KeyId, asked: Admin) -> Response:
    """End a key. A second later at the latest nobody gets in with it."""
    _key(asked, key_id)

    def answer(key: ApiKey, _: dt.datetime, __: Connection) -> Answer:
        return Answer(200, key_json(key), {}, [key_id])

    return asked.once(lambda store: _there(revoke_key(store, key_id), "unknown_key"), answer)


@router.get("/audit", tags=["house"], **out.answered(out.AuditOut))
def get_audit(asked: Admin, query: Annotated[AuditQuery, Query()]) -> Response:
    """Who did what, or was not allowed to; the newest first."""
    key = ["audit", query.key]
    before = cursor_from(key, query.cursor, (int, str))
    wanted = select(audit).order_by(audit.c.at.desc(), audit.c.audit_id.desc()).limit(query.limit + 1)
    if query.key is not None:
        wanted = wanted.where(audit.c.key_id == query.key)
    if asked.key.cities is not None:
        own = audit.c.key_id.in_([key.key_id for key in _keys(asked)])
        wanted = wanted.where(own | audit.c.city_id.in_(sorted(asked.key.cities)))
    if before is not None:
        older = (audit.c.at == before[0]) & (audit.c.audit_id < before[1])
        wanted = wanted.where((audit.c.at < before[0]) | older)
    with asked.store.database.read() as connection:
        rows = list(connection.execute(wanted))
    page = rows[: query.limit]
    end = page[-1] if len(rows) > query.limit else None
    following = None if end is None else cursor_to(key, (end.at, end.audit_id))
    return asked.tagged(page_document("audit", [_audit_line(row) for row in page], following))


def _audit_line(row: Any) -> dict[str, Any]:
    return {
        "id": row.audit_id,
        "at": moment(row.at).isoformat(),
        "key": row.key_id,
        "name": row.name,
        "role": row.role,
        "action": row.action,
        "path": row.path,
        "city": row.city_id,
        "status": row.status,
        "code": row.code,
        "request_id": row.request_id,
        "subjects": json.loads(row.subjects),
    }


@router.get("/metrics", tags=["house"], **out.only("text"))
def get_metrics(asked: Annotated[Asked, Depends(asking(*READERS))]) -> Response:
    """What the service counts, as Prometheus reads it: of all cities, so for keys that may see all of them."""
    if asked.key.cities is not None:
        asked.note_refused(Problem(403, "city_not_allowed", "numbers are of all cities"))
    with asked.store.database.read() as connection:
        counted = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
        by_state = {str(state): int(count) for state, count in counted}
        last = connection.execute(select(func.max(events.c.event_id))).scalar() or 0
    text = asked.service.metrics.text(by_state, int(last))
    return Response(text, 200, None, "text/plain; version=0.0.4; charset=utf-8")


# ----------------------------------------------------------------------------------------- health


@open_router.get("/health", tags=["house"], **out.answered(out.HealthOut))
def health() -> Response:
    """The process answers."""
    return Response(b'{"status":"ok"}', 200, None, "application/json")


@open_router.get("/ready", tags=["house"], **out.answered(out.HealthOut))
def ready(request: Request) -> Response:
    """The store can be read, and its tables are those of this program."""
    service: Service = request.app.state.service
    try:
        database = service.store.database
        found = database.revision() if database.is_there() else None
    except StoreError:
        found = None
    if found != REVISION:
        problem = Problem(503, "not_ready", headers={"Retry-After": "1"})
        trace = trace_of(request.scope)
        return problem.response(trace.language, trace.request_id)
    return Response(b'{"status":"ok"}', 200, None, "application/json")
