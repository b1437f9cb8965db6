"""Keys, the audit log, webhooks."""

# Without annotations from the future: Python would not see which keys may be missing.
from typing import Literal, NotRequired, TypedDict

from api.client.answers.shared import Role


class Key(TypedDict):
    """A key. Its text, `key`, is there once, when it is made."""

    id: str
    name: str
    role: Role
    cities: list[str] | None
    a_minute: int | None
    created_at: str
    created_by: str
    revoked_at: str | None
    key: NotRequired[str | None]


class Keys(TypedDict):
    """All keys."""

    keys: list[Key]


class AuditLine(TypedDict):
    """Who did what, or was not allowed to."""

    id: str
    at: str
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


class Audit(TypedDict):
    """A page of the audit log, the newest first."""

    audit: list[AuditLine]
    next: str | None


class Webhook(TypedDict):
    """Where events are sent. Its secret is there once, when it is made."""

    id: str
    url: str
    cities: list[str] | None
    kinds: list[str] | None
    state: Literal["active", "disabled"]
    created_at: str
    created_by: str
    sent_up_to: int
    failures: int
    failing_since: str | None
    next_try_at: str | None
    last_answer: str | None
    secret: NotRequired[str | None]


class Webhooks(TypedDict):
    """Webhooks that the key may see."""

    webhooks: list[Webhook]


class Health(TypedDict):
    """The service answers."""

    status: Literal["ok"]
