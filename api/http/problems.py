"""Whatever is not done is told as a problem (RFC 9457): a status, a code of a closed list, all errors with their place.

`errors` has one entry for each broken rule of the input: where it is (`in` body, path, query or header; `pointer` a
JSON Pointer, RFC 6901), a code, the value, the rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from api.shapes import offer_json, slot_reason_json
from api.store.faults import StoreError
from api.words import IN_HINDI, TITLES, Language, title_of
from optimizer.bookings import Refusal, RefusalCode
from optimizer.domain import Fault
from optimizer.slots import reason_text

MEDIA_TYPE = "application/problem+json"
TYPES = "/v1/problems"
"""Where all codes are listed; the type of a problem is this address and the code behind a #."""
MOST_ERRORS = 100
"""Errors told of one request; how many there were is told, too."""
MOST_VALUE = 200
"""Characters told of a value that broke a rule."""
RETRY_S = 1

_R = RefusalCode
STATUS_OF_REFUSAL: Mapping[RefusalCode, int] = {
    _R.UNKNOWN_BOOKING: 404,
    _R.UNKNOWN_SLOT: 422,
    _R.SLOT_TAKEN_TWICE: 422,
    _R.CODE_NEEDED: 422,
    _R.PLAN_BREAKS_RULES: 422,
    _R.HOLD_EXPIRED: 410,
    _R.HOLD_OF_ANOTHER_CALLER: 403,
    _R.CHANGED_MEANWHILE: 412,
}
"""Every other refusal is a conflict, 409."""

Errors = list[dict[str, Any]]


class Problem(Exception):  # noqa: N818  (the name of RFC 9457)
    """Raised wherever a request is not done; see the head of the file."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str | None = None,
        *,
        errors: Errors | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.detail = status, code, detail
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def document(self, language: Language, request_id: str) -> dict[str, Any]:
        """The problem as JSON says it."""
        told: dict[str, Any] = {
            "type": f"{TYPES}#{self.code}",
            "title": title_of(self.code, language),
            "status": self.status,
            "code": self.code,
            "request_id": request_id,
        }
        if self.detail is not None:
            told["detail"] = self.detail
        if self.errors:
            told["errors"] = self.errors[:MOST_ERRORS]
            if len(self.errors) > MOST_ERRORS:
                told["errors_in_all"] = len(self.errors)
        return told | self.more

    def response(self, language: Language, request_id: str) -> Response:
        """The problem as an answer."""
        headers = {"Content-Language": language.value, **self.headers}
        body = json_bytes(self.document(language, request_id))
        return Response(body, self.status, headers, MEDIA_TYPE)


def json_bytes(document: object) -> bytes:
    """JSON as it is sent: UTF-8; half characters, which few readers take, are told as question marks."""
    try:
        return to_json(document)
    except ValueError:  # half a character
        told = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return told.encode("utf-8", "replace")


# ------------------------------------------------------------------------------ made of what


def shown(value: object) -> object:
    """A value as it is told back: short, and never more than plain JSON can hold."""
    if value is None or isinstance(value, bool | float):
        return value if value is None or isinstance(value, bool) or abs(value) < 1e300 else str(value)
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else f"{str(value)[:40]}..."
    whole = isinstance(value, list | tuple | dict)
    text = json.dumps(value, ensure_ascii=False, default=str) if whole else str(value)
    return text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]}... ({len(text):,} characters)"


def error_of(fault: Fault, within: str = "body") -> dict[str, Any]:
    """One error of a problem; `within` says what of the request it is about."""
    pointer = fault.pointer[: 4 * MOST_VALUE]
    told = {"in": within, "pointer": pointer, "code": fault.code, "value": shown(fault.value), "rule": fault.rule}
    for name in ("line", "column"):
        if getattr(fault, name, None):
            told[name] = getattr(fault, name)
    return told


def invalid(faults: Iterable[Fault], within: str = "body") -> Problem:
    """Input that breaks rules."""
    return Problem(422, "invalid_input", errors=[error_of(fault, within) for fault in faults])


def of_refusal(refusal: Refusal, language: Language, service_id: str | None = None, only: str | None = None) -> Problem:
    """A verb that changed nothing: why, which slots are nearest, which bookings are in the way.

    `only` is who was asked for, where nobody else was to come.
    """
    more: dict[str, Any] = {"subject": refusal.subject}
    if refusal.reasons:
        more["reasons"] = [slot_reason_json(reason, language) for reason in refusal.reasons]
    if refusal.code is RefusalCode.SLOT_NOT_OFFERED:
        more["nearest"] = [offer_json(offer, service_id) for offer in refusal.nearest]
    if refusal.bookings:
        more["bookings"] = list(refusal.bookings)
    status = STATUS_OF_REFUSAL.get(refusal.code, 409)
    detail = refusal.text if language is Language.EN else IN_HINDI[refusal.code]
    if refusal.reasons:
        detail = reason_text(refusal.reasons[0], language)
        if only is not None:
            detail += f" ({only})"
    return Problem(status, refusal.code.value, detail, more=more)


def of_store(error: StoreError) -> Problem:
    """A store that could not: nothing is known to be done, and the same request may be sent again."""
    # What the driver says may hold addresses and names: it is for the log.
    return Problem(
        503,
        "store_failed",
        headers={"Retry-After": str(RETRY_S)},
        more={"store_code": error.code},
    )


def documented(codes: Sequence[str] | None = None) -> list[dict[str, str]]:
    """All codes with their titles, sorted."""
    return [{"code": code, "title": TITLES[code][0], "title_hi": TITLES[code][1]} for code in sorted(codes or TITLES)]
