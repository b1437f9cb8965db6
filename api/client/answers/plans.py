"""Plans."""

# Without annotations from the future: Python would not see which keys may be missing.
from typing import Any, Literal, NotRequired, TypedDict


class Progress(TypedDict):
    """Where the search stands."""

    phase: str
    elapsed_s: float
    cost: int | None
    cost_terms: dict[str, int] | None
    broken_promises_weight: int | None
    lower_bound: int | None
    gap: float | None


class Limits(TypedDict):
    """How long the search may take."""

    time_limit_s: float | None
    iterations: int | None
    seed: int
    threads: int


class PlanJob(TypedDict):
    """A plan that was asked for: waiting, being made, done or failed; the best plan so far is in `plan`.

    Lists, and those who watch, are told neither `plan` nor `final`.
    """

    id: str
    kind: Literal["plan", "solve"]
    city: str
    date: str
    state: Literal["queued", "running", "done", "failed"]
    limits: Limits
    engine: str
    asked_by: str
    created_at: str
    begun_at: str | None
    ended_at: str | None
    stop_requested: bool
    attempts: int
    sequence: int
    day_version: int | None
    not_taken: list[str]
    progress: Progress | None
    error: str | None
    published_as: int | None
    plan: NotRequired[dict[str, Any] | None]
    final: NotRequired[bool]


class PlanPage(TypedDict):
    """A page of plans, the newest first, without the plans themselves."""

    plans: list[PlanJob]
    next: str | None


class Published(TypedDict):
    """A plan that is driven now."""

    city: str
    date: str
    number: int
    assigned: int
    reassigned: int
    bookings: list[str]


class PublishedPlan(TypedDict):
    """The published plan of a day, or of one executive."""

    city: str
    date: str
    number: int
    published_at: str
    plan: dict[str, Any]
    gone: list[str]


class Violation(TypedDict):
    """A rule that the plan breaks."""

    code: str
    visit: str | None
    executive: str | None
    amount: int | float
    unit: str
    text: str


class Analysis(TypedDict):
    """What the checker says of a plan, and what it costs."""

    violations: list[Violation]
    broken_promises_weight: int
    cost: int
    cost_terms: dict[str, int]
    claimed_cost: int
    kpis: dict[str, Any]
