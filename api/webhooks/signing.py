"""How a message is signed and how its receiver looks that it is ours: the convention of Standard Webhooks.

Three headers: `webhook-id`, the same however often an event is sent; `webhook-timestamp`, unix seconds of this try;
`webhook-signature`, "v1," and the HMAC-SHA256 of id, timestamp and body, with dots between, in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from optimizer.domain import MitaanError

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_S = 300
"""Seconds that the clock of a receiver and the timestamp of a message may be apart."""
_PREFIX = "whsec_"
_SECRET_BYTES = 32
_MOST_DIGITS = 15


class BadSignature(MitaanError):  # noqa: N818  (the name says what it is)
    """A message that is not shown to be ours, by a code.

    `bad_secret`, `missing_header`, `bad_timestamp`, `too_old`, `too_new`, `wrong_signature`, `bad_body`.
    """

    def __init__(self, code: str, rule: str) -> None:
        super().__init__(code, rule)
        self.code = code
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.rule} [{self.code}]"


def new_secret() -> str:
    """A secret that nobody can guess, as it is shown to the receiver: once."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """What the header `webhook-signature` says of a message."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: signature(secret, message_id, timestamp, body)}


def verified(
    secret: str, headers: Mapping[str, str], body: bytes, now: float, tolerance_s: float = TOLERANCE_S
) -> Mapping[str, Any]:
    """The event in a message that came in at `now` (unix seconds). Raises BadSignature for one that is not ours.

    `body` are the bytes as they came. A message may come twice: keep the `webhook-id` of those that were dealt with.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not given.get(name):
            raise BadSignature("missing_header", f"a message has the header {name}")
    timestamp = given[TIMESTAMP]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MOST_DIGITS):
        raise BadSignature("bad_timestamp", f"{TIMESTAMP} is whole unix seconds")
    own = signature(secret, given[ID], int(timestamp), body).encode()
    # A secret that is being changed may sign together with the next one: one of the signatures is enough.
    fits = [hmac.compare_digest(own, other.encode("utf-8", "replace")) for other in given[SIGNATURE].split(" ")]
    if not any(fits):
        raise BadSignature("wrong_signature", "the message was signed with another secret, or changed on its way")
    if int(timestamp) < now - tolerance_s:
        raise BadSignature("too_old", f"a message is at most {tolerance_s:g} s old")
    if int(timestamp) > now + tolerance_s:
        raise BadSignature("too_new", f"a message is at most {tolerance_s:g} s ahead of this clock")
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise BadSignature("bad_body", "the body of a message is a JSON object")
    return event


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or not secret.startswith(_PREFIX):
        raise BadSignature("bad_secret", f"a secret is {_PREFIX} and base64")
    return key
