"""Answers about keys, the audit log, webhooks and health."""

from __future__ import annotations

from typing import Literal

from api.http.answers.shared import Moment, Out


class KeyOut(Out):
    """A key. Its text is there once, when it is made."""

    id: str
    name: str
    role: Literal["booking", "dispatch", "analyst", "admin"]
    cities: list[str] | None
    a_minute: int | None
    created_at: Moment
    created_by: str
    revoked_at: Moment | None
    key: str | None = None


class KeysOut(Out):
    """All keys."""

    keys: list[KeyOut]


class AuditLineOut(Out):
    """Who did what, or was not allowed to."""

    id: str
    at: Moment
    key: str
    name: str
    role: str
    action: str
    path: str
    city: str | None
    status: int
    code: str | None
    request_id: str
    subjects: list[str]


class AuditOut(Out):
    """A page of the audit log, the newest first."""

    audit: list[AuditLineOut]
    next: str | None


class WebhookOut(Out):
    """Where events are sent. Its secret is there once, when it is made."""

    id: str
    url: str
    cities: list[str] | None
    kinds: list[str] | None
    state: Literal["active", "disabled"]
    created_at: Moment
    created_by: str
    sent_up_to: int
    failures: int
    failing_since: Moment | None
    next_try_at: Moment | None
    last_answer: str | None
    secret: str | None = None


class WebhooksOut(Out):
    """Webhooks that the key may see."""

    webhooks: list[WebhookOut]


class HealthOut(Out):
    """The service answers."""

    status: Literal["ok"]
