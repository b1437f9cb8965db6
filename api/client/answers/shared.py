"""What all answers share: moments, words, problems."""

# Without annotations from the future: Python would not see which keys may be missing.
import datetime as dt
from typing import Any, Literal, NotRequired, TypedDict

BookingStatus = Literal[
    "held",
    "booked",
    "planned",
    "on_the_way",
    "served",
    "not_served",
    "certificate_due",
    "delivered",
    "cancelled",
    "moved",
    "released",
    "expired",
]
NotServed = Literal[
    "citizen_absent",
    "papers_missing",
    "address_not_found",
    "citizen_declined",
    "executive_prevented",
    "portal_down",
]
DeliveryStatus = Literal["waiting", "planned", "delivered", "cancelled"]
Role = Literal["booking", "dispatch", "analyst", "admin"]


def moment(text: str) -> dt.datetime:
    """A moment of an answer, with its offset."""
    return dt.datetime.fromisoformat(text)


Error = TypedDict(
    "Error",
    {
        "in": Literal["body", "path", "query", "header"],
        "pointer": str,
        "code": str,
        "value": NotRequired[Any],
        "rule": str,
        "line": NotRequired[int | None],
        "column": NotRequired[int | None],
    },
)
"""A broken rule of the input; `pointer` (RFC 6901) leads to what is wrong."""


class Reason(TypedDict):
    """Why a slot is not offered, `text` in the language of the client. *proved*: it never could be; else "not now"."""

    code: str
    proof: Literal["proved", "heuristic"]
    text: str
    alone: int | None
    with_others: int | None


class Slot(TypedDict):
    """A slot by its two ends."""

    open: str
    close: str


class Offer(TypedDict):
    """A slot that can be had: taken at once it is a promise that can be kept."""

    date: str
    slot: Slot
    service: str | None
    executive: str
    executives: int
    extra_travel_s: int
    score: int
    adjacent: int
    rearranged: bool
    wished: bool
    alone: bool


class RefusedDay(TypedDict):
    """A day that kept a roster from being published: why, and the bookings in the way."""

    date: str
    code: str
    text: str
    bookings: list[str]


class Problem(TypedDict):
    """A request that was not done (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    detail: NotRequired[str | None]
    errors: NotRequired[list[Error]]
    errors_in_all: NotRequired[int | None]
    subject: NotRequired[str | None]
    reasons: NotRequired[list[Reason]]
    nearest: NotRequired[list[Offer]]
    bookings: NotRequired[list[str]]
    difference: NotRequired[dict[str, list[str]] | None]
    plan: NotRequired[str | None]
    roster: NotRequired[str | None]
    days: NotRequired[list[RefusedDay]]
    store_code: NotRequired[str | None]


class Code(TypedDict):
    """A code of problems."""

    code: str
    title: str
    title_hi: str


class Codes(TypedDict):
    """All codes of problems."""

    problems: list[Code]
