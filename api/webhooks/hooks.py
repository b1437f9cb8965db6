"""Webhooks as rows of the store: where events go, which of them, and how far they have been sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from api.store.schema import epoch_ms, events, json_text, moment, webhooks
from api.store.store import Store, new_id
from api.webhooks.guard import UrlRefused, receiver_of
from api.webhooks.signing import new_secret
from optimizer.domain import BookingStatus, Fault, InvalidProblem
from optimizer.domain.faults import id_faults

KINDS = frozenset(
    {
        "appointment.assigned",
        "appointment.reassigned",
        "booking.at_risk",
        "booking.kept_again",
        "booking.located",
        "booking.made",
        "day.changed",
        "delivery.added",
        "delivery.cancelled",
        "delivery.delivered",
        "hold.expired",
        "hold.extended",
        "hold.made",
        "hold.released",
        "plan.published",
        "plan.withdrawn",
        "roster.published",
        "witness.improved",
    }
    | {f"booking.{status.value}" for status in BookingStatus}
)
"""The kinds of events there are. A webhook names some of them, or all that begin alike: `booking.*`."""
MOST_WEBHOOKS = 20
"""Webhooks of one maker."""
_OF_ADDRESSES = frozenset({"unresolvable", "private_address", "forbidden_address"})
_ADDRESS_RULE = "a host whose addresses are known, and may all be reached"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events are sent, without the secret. None for cities or kinds is all of them.

    Events up to number `sent_up_to` are delivered, or were not for it. `failures` are those in a row.
    """

    webhook_id: str
    url: str
    cities: frozenset[str] | None
    kinds: tuple[str, ...] | None
    created_by: str
    created_at: dt.datetime
    state: str
    sent_up_to: int
    failures: int
    failing_since: dt.datetime | None
    next_try_at: dt.datetime | None
    last_answer: str | None


def add_webhook(
    store: Store,
    url: str,
    *,
    cities: Collection[str] | None,
    kinds: Collection[str] | None,
    created_by: str,
    private: bool = False,
    plain_http: bool = False,
    from_now: bool = True,
) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is not shown again. It gets events from now on, or all there ever were.

    Raises InvalidProblem, with all faults. The receipt is given the webhook with its secret, too.
    """
    faults = [*id_faults("created_by", created_by), *_kind_faults(kinds)]
    wanted: set[str] = set()
    for number, name in enumerate(cities or ()):
        try:
            wanted.add(store.catalogue.city(name).city_id)
        except InvalidProblem:
            faults.append(Fault(("cities", number), "unknown_city", name, "a city of the catalogue"))
    if cities is not None and not cities:
        faults.append(Fault(("cities",), "bad_number", 0, "at least one city, or none named for all"))
    try:
        url = str(receiver_of(url, private=private, plain_http=plain_http).url)
    except UrlRefused as no:
        # Whether a name is unknown or private is not told: who asks could learn which names there are inside.
        own = (no.code, no.rule) if no.code not in _OF_ADDRESSES else ("forbidden_address", _ADDRESS_RULE)
        faults.append(Fault(("url",), own[0], no.subject, own[1]))
    if faults:
        raise InvalidProblem(faults)
    webhook_id, secret = new_id("W"), new_secret()
    with store.database.write() as connection:
        store.database.order_events(connection)  # of two that come at once the second counts the first
        mine = select(func.count()).where(webhooks.c.created_by == created_by)
        if connection.execute(mine).scalar_one() >= MOST_WEBHOOKS:
            raise InvalidProblem([Fault((), "too_many_webhooks", MOST_WEBHOOKS, f"{MOST_WEBHOOKS} of one key at most")])
        now = store.database.now(connection)
        newest = connection.execute(select(func.max(events.c.event_id))).scalar() if from_now else None
        values = {
            "webhook_id": webhook_id,
            "url": url,
            "secret": secret,
            "cities": None if cities is None else json_text(sorted(wanted)),
            "kinds": None if kinds is None else json_text(sorted(set(kinds))),
            "created_by": created_by,
            "created_at": epoch_ms(now),
            "state": "active",
            "sent_up_to": newest or 0,
            "failures": 0,
        }
        connection.execute(insert(webhooks).values(**values))
        row = connection.execute(select(webhooks).where(webhooks.c.webhook_id == webhook_id)).one()
        made = webhook_of(row), secret
        store.sign(connection, now, made)
    return made


def _kind_faults(kinds: Collection[str] | None) -> Iterator[Fault]:
    if kinds is not None and not kinds:
        yield Fault(("kinds",), "bad_number", 0, "at least one kind, or none named for all")
    families = {kind.partition(".")[0] + ".*" for kind in KINDS}
    for number, kind in enumerate(kinds or ()):
        if kind not in KINDS and kind not in families:
            rule = f"a kind of event, or one of {', '.join(sorted(families))}"
            yield Fault(("kinds", number), "unknown_kind", kind, rule)


def list_webhooks(store: Store, *, created_by: str | None = None) -> list[Webhook]:
    """All webhooks, or those of one maker, oldest first."""
    wanted = select(webhooks).order_by(webhooks.c.created_at, webhooks.c.webhook_id)
    if created_by is not None:
        wanted = wanted.where(webhooks.c.created_by == created_by)
    with store.database.read() as connection:
        return [webhook_of(row) for row in connection.execute(wanted)]


def find_webhook(store: Store, webhook_id: str) -> Webhook | None:
    """A webhook as it is now."""
    with store.database.read() as connection:
        row = connection.execute(select(webhooks).where(webhooks.c.webhook_id == webhook_id)).one_or_none()
        return None if row is None else webhook_of(row)


def remove_webhook(store: Store, webhook_id: str) -> bool:
    """Send nothing more there; False when there is no such webhook. What is on its way still arrives."""
    with store.database.write() as connection:
        own = webhooks.c.webhook_id == webhook_id
        if connection.execute(delete(webhooks).where(own)).rowcount != 1:
            return False
        store.sign(connection, store.database.now(connection), True)
    return True


def enable_webhook(store: Store, webhook_id: str) -> Webhook | None:
    """Send there again, at once and from where it stopped; None when there is no such webhook."""
    own = webhooks.c.webhook_id == webhook_id
    fresh = {"state": "active", "failures": 0, "failing_since": None, "next_try_at": None}
    with store.database.write() as connection:
        if connection.execute(update(webhooks).where(own).values(**fresh)).rowcount != 1:
            return None
        webhook = webhook_of(connection.execute(select(webhooks).where(own)).one())
        store.sign(connection, store.database.now(connection), webhook)
    return webhook


def webhook_of(row: Row[Any]) -> Webhook:
    """The webhook of a row of the table."""
    return Webhook(
        row.webhook_id,
        row.url,
        None if row.cities is None else frozenset(json.loads(row.cities)),
        None if row.kinds is None else tuple(json.loads(row.kinds)),
        row.created_by,
        moment(row.created_at),
        row.state,
        row.sent_up_to,
        row.failures,
        None if row.failing_since is None else moment(row.failing_since),
        None if row.next_try_at is None else moment(row.next_try_at),
        row.last_answer,
    )
