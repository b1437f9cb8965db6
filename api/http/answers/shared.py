"""What all answers share: their base, problems, and what endpoints declare of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.words import TITLES
from optimizer.domain import ID_PATTERN
from optimizer.slots import SlotReasonCode

ID = f"^{ID_PATTERN}$"
CITY = r"^[a-z0-9_-]{1,64}$"
DATE = r"^\d{4}-\d{2}-\d{2}$"
Date = Annotated[str, Field(pattern=DATE, json_schema_extra={"format": "date"})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
JsonOrIcs = Literal["json", "ics"]
PlanFormat = Literal["json", "geojson", "csv"]
DayFormat = Literal["json", "geojson", "csv", "ics"]
MEDIA = {
    "json": "application/json",
    "ics": "text/calendar",
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "events": "text/event-stream",
    "text": "text/plain",
}


class Out(BaseModel):
    """An answer: closed, as requests are."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


# --------------------------------------------------------------------------------------- problems


class ErrorOut(Out):
    """A broken rule of the input."""

    in_: Annotated[Literal["body", "path", "query", "header"], Field(alias="in")]
    pointer: str
    """JSON Pointer (RFC 6901) to what is wrong."""
    code: str
    value: Any = None
    rule: str
    line: int | None = None
    column: int | None = None


class ReasonOut(Out):
    """Why a slot is not offered. *proved*: no plan keeps all promises of the day and this one; else "not now"."""

    code: Literal[tuple(code.value for code in SlotReasonCode)]  # type: ignore[valid-type]  # made of the enum
    proof: Literal["proved", "heuristic"]
    text: str
    """In the language of the answer."""
    alone: int | None
    """Executives whom this rule keeps away alone, where counts were asked for."""
    with_others: int | None


class SlotOut(Out):
    """A slot by its two ends."""

    open: Moment
    close: Moment


class OfferOut(Out):
    """A slot that can be had: taken at once it is a promise that can be kept."""

    date: Date
    slot: SlotOut
    service: str | None
    executive: str
    executives: int
    """Who could come as the day is planned now; 0 when appointments have to be rearranged, all of them kept."""
    extra_travel_s: int
    score: int
    adjacent: int
    rearranged: bool
    wished: bool
    alone: bool
    """Other services were asked for, too: nothing is said about having both."""


class RefusedDayOut(Out):
    """A day that kept a roster from being published: why, and the bookings in the way."""

    date: Date
    code: str
    text: str
    bookings: list[str]


class ProblemOut(Out):
    """A request that was not done (RFC 9457); nothing has changed."""

    type: str
    title: str
    status: int
    code: Literal[tuple(sorted(TITLES))]  # type: ignore[valid-type]  # made of the enum
    request_id: str
    detail: str | None = None
    errors: list[ErrorOut] = []
    errors_in_all: int | None = None
    subject: str | None = None
    reasons: list[ReasonOut] = []
    nearest: list[OfferOut] = []
    """After a lost race: slots that are still offered, nearest in time first."""
    bookings: list[str] = []
    """Bookings in the way."""
    difference: dict[str, list[str]] | None = None
    """Of a plan that is outdated: bookings that are missing from it, gone, or changed since."""
    plan: str | None = None
    """The plan that is being made already."""
    roster: str | None = None
    """The roster that is being made already, or is published."""
    days: list[RefusedDayOut] = []
    """Of a roster that was not published: the days in the way."""
    store_code: str | None = None


class CodeOut(Out):
    """A code of problems."""

    code: str
    title: str
    title_hi: str


class CodesOut(Out):
    """All codes of problems."""

    problems: list[CodeOut]


# ------------------------------------------------------------------------------ for the endpoints

_ALWAYS = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_WORDS = {
    400: "The request cannot be read",
    401: "No key, or no valid one",
    403: "Not allowed for this key",
    404: "Not there, or not for this key",
    406: "None of the formats asked for is offered",
    408: "The body took too long",
    409: "Refused: it does not go with what is there",
    410: "It has ended",
    412: "It is not as it was when it was read",
    413: "The body is too long",
    415: "The body is not JSON",
    422: "The request breaks rules; all of them are told",
    429: "Too many requests",
    503: "The store cannot be used now; try again",
}


def answered(
    model: type[Out], *others: int, status: int = 200, or_202: bool = False, **formats: bool
) -> dict[str, Any]:
    """What an endpoint declares of its answers: the model, other formats by name, and problems by status.

    `or_202`: the same model, when it is not done yet.
    """
    content = {MEDIA[name]: {"schema": {"type": "string"}} for name in formats}
    own: dict[str, Any] = {"model": model, "description": (model.__doc__ or "").split("\n")[0]}
    if content:
        own["content"] = content
    later = {202: {**own, "description": "Not done yet"}} if or_202 else {}
    return {"response_model": None, "responses": {status: own, **later, **_problems(others)}}


def done(*others: int) -> dict[str, Any]:
    """Of an endpoint that answers 204, nothing more to say."""
    return {"response_model": None, "responses": {204: {"description": "Done"}, **_problems(others)}}


def only(name: str, *others: int) -> dict[str, Any]:
    """Of an endpoint that answers in one format that is not JSON."""
    own = {"description": name, "content": {MEDIA[name]: {"schema": {"type": "string"}}}}
    return {"response_model": None, "responses": {200: own, **_problems(others)}}


def _problems(others: tuple[int, ...]) -> dict[int | str, Any]:
    return {code: {"model": ProblemOut, "description": _WORDS[code]} for code in sorted({*_ALWAYS, *others})}
