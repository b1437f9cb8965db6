"""API keys in the store: made, found, revoked. The secret of a key is shown once and kept nowhere; its hash is.

A secret is 256 bits of chance, so that one round of SHA-256 is enough: nobody guesses it, hashed fast or slowly.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from api.store.schema import api_keys, epoch_ms, json_text, moment, webhooks
from api.store.store import Store, new_id
from optimizer.domain import Fault, InvalidProblem
from optimizer.domain.faults import id_faults

PREFIX = "mitaan"
MOST_A_MINUTE = 1_000_000
FIRST_NAME = "first-admin"
WHY_DISABLED = "its key was revoked"
"""The last answer of a webhook that ended with its key."""


class Role(StrEnum):
    """What a key is for."""

    BOOKING = "booking"  # slots, holds, bookings, events, webhooks
    DISPATCH = "dispatch"  # what booking may, rosters, deliveries, plans
    ANALYST = "analyst"  # reads bookings, events, days and plans, solves days that are handed in
    ADMIN = "admin"  # everything, keys and the audit log


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. `name` is the caller of its holds; `cities` None means all of them."""

    key_id: str
    name: str
    role: Role
    cities: frozenset[str] | None
    a_minute: int | None
    created_at: dt.datetime
    created_by: str
    revoked_at: dt.datetime | None

    def may_see(self, city_id: str) -> bool:
        """The key is not restricted to other cities."""
        return self.cities is None or city_id in self.cities


def make_key(
    store: Store,
    name: str,
    role: str,
    cities: Iterable[str] | None,
    created_by: str,
    a_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is nowhere kept. Raises InvalidProblem with all that is wrong."""
    wanted = None if cities is None else sorted(set(cities))
    faults = list(id_faults("name", name))
    if role not in {r.value for r in Role}:
        faults.append(Fault(("role",), "unknown_role", role, f"one of {', '.join(Role)}"))
    known = {city.city_id for city in store.catalogue.cities}
    for number, city in enumerate(wanted or ()):
        if city not in known:
            faults.append(Fault(("cities", number), "unknown_city", city, "the id of a city of the catalogue"))
    if wanted == []:
        faults.append(Fault(("cities",), "bad_number", 0, "at least one city, or none named: all of them"))
    if a_minute is not None and not 1 <= a_minute <= MOST_A_MINUTE:
        faults.append(Fault(("a_minute",), "out_of_range", a_minute, f"1 to {MOST_A_MINUTE:,} requests a minute"))
    if faults:
        raise InvalidProblem(faults)
    secret = secrets.token_urlsafe(32)
    with store.database.write() as connection:
        now = store.database.now(connection)
        key = ApiKey(
            new_id("K"),
            name,
            Role(role),
            None if wanted is None else frozenset(wanted),
            a_minute,
            now,
            created_by,
            None,
        )
        _put(connection, key, secret)
        made = key, f"{PREFIX}_{key.key_id}_{secret}"
        store.sign(connection, now, made)
    return made


def make_first_key(store: Store) -> str | None:
    """The text of a first admin key for a store that has no key at all; None where it has one."""
    secret = secrets.token_urlsafe(32)
    with store.database.write() as connection:
        store.database.order_events(connection)  # of two that begin at once on PostgreSQL one waits
        if connection.execute(select(func.count()).select_from(api_keys)).scalar_one():
            return None
        now = store.database.now(connection)
        key = ApiKey(new_id("K"), FIRST_NAME, Role.ADMIN, None, None, now, "serve", None)
        _put(connection, key, secret)
    return f"{PREFIX}_{key.key_id}_{secret}"


def _put(connection: Connection, key: ApiKey, secret: str) -> None:
    connection.execute(
        insert(api_keys).values(
            key_id=key.key_id,
            name=key.name,
            role=key.role.value,
            cities=None if key.cities is None else json_text(sorted(key.cities)),
            digest=_digest(secret),
            a_minute=key.a_minute,
            created_at=epoch_ms(key.created_at),
            created_by=key.created_by,
        )
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key_of(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.key_id,
        row.name,
        Role(row.role),
        None if row.cities is None else frozenset(json.loads(row.cities)),
        row.a_minute,
        moment(row.created_at),
        row.created_by,
        None if row.revoked_at is None else moment(row.revoked_at),
    )


def key_of_text(store: Store, text: str) -> ApiKey | None:
    """The key whose text this is, revoked or not; None for every other text."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX or not text.isascii():
        return None
    with store.database.read() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.key_id == parts[1])).one_or_none()
    known = "" if row is None else row.digest
    return _key_of(row) if hmac.compare_digest(known, _digest(parts[2])) and row is not None else None


def is_revoked(store: Store, key_id: str) -> bool:
    """The key has ended, or is none."""
    with store.database.read() as connection:
        live = (api_keys.c.key_id == key_id) & api_keys.c.revoked_at.is_(None)
        return connection.execute(select(api_keys.c.key_id).where(live)).one_or_none() is None


def list_keys(store: Store) -> list[ApiKey]:
    """All keys, the revoked ones too, oldest first."""
    with store.database.read() as connection:
        rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id))
        return [_key_of(row) for row in rows]


def revoke_key(store: Store, key_id: str) -> ApiKey | None:
    """End a key; the moment it ended stays when it had ended before. None when there is none.

    With the last key of a name the webhooks end that keys of this name have made.
    """
    own = api_keys.c.key_id == key_id
    with store.database.write() as connection:
        store.database.order_events(connection)  # of the last two of a name, revoked at once, the second sees the first
        now = store.database.now(connection)
        live = own & api_keys.c.revoked_at.is_(None)
        connection.execute(update(api_keys).where(live).values(revoked_at=epoch_ms(now)))
        row = connection.execute(select(api_keys).where(own)).one_or_none()
        if row is None:
            return None
        key = _key_of(row)
        _end_webhooks(connection, key.name)
        store.sign(connection, now, key)
    return key


def _end_webhooks(connection: Connection, name: str) -> None:
    """Disable the webhooks of keys of this name where none of them is alive. Who sends to one now has it no more."""
    named = select(api_keys.c.key_id).where(api_keys.c.name == name)
    if connection.execute(named.where(api_keys.c.revoked_at.is_(None)).limit(1)).first() is not None:
        return
    ended = {"state": "disabled", "last_answer": WHY_DISABLED, "next_try_at": None, "owner": None, "owned_until": None}
    own = webhooks.c.created_by.in_(named) & (webhooks.c.state == "active")
    connection.execute(update(webhooks).where(own).values(**ended))


def key_json(key: ApiKey) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": key.key_id,
        "name": key.name,
        "role": key.role.value,
        "cities": None if key.cities is None else sorted(key.cities),
        "a_minute": key.a_minute,
        "created_at": key.created_at.isoformat(),
        "created_by": key.created_by,
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(),
    }
