"""Answers about plans."""

from __future__ import annotations

from typing import Any, Literal

from api.http.answers.shared import Date, Moment, Out


class ProgressOut(Out):
    """Where the search stands."""

    phase: str
    elapsed_s: float
    cost: int | None
    cost_terms: dict[str, int] | None
    broken_promises_weight: int | None
    lower_bound: int | None
    gap: float | None


class LimitsOut(Out):
    """How long the search may take."""

    time_limit_s: float | None
    iterations: int | None
    seed: int
    threads: int


class PlanJobOut(Out):
    """A plan that was asked for: waiting, being made, done or failed; the best plan so far is in `plan`."""

    id: str
    kind: Literal["plan", "solve"]
    city: str
    date: Date
    state: Literal["queued", "running", "done", "failed"]
    limits: LimitsOut
    engine: str
    asked_by: str
    created_at: Moment
    begun_at: Moment | None
    ended_at: Moment | None
    stop_requested: bool
    attempts: int
    sequence: int
    day_version: int | None
    not_taken: list[str]
    """Deliveries and bookings that wait: the one executive who could serve them is not on duty."""
    progress: ProgressOut | None
    error: str | None
    published_as: int | None
    plan: dict[str, Any] | None = None
    """As plan.json says it; null while there is none."""
    final: bool = False


class PlanPageOut(Out):
    """A page of plans, the newest first, without the plans themselves."""

    plans: list[PlanJobOut]
    next: str | None


class PublishedOut(Out):
    """A plan that is driven now."""

    city: str
    date: Date
    number: int
    assigned: int
    reassigned: int
    bookings: list[str]


class PublishedPlanOut(Out):
    """The published plan of a day."""

    city: str
    date: Date
    number: int
    published_at: Moment
    plan: dict[str, Any]
    gone: list[str]
    """Bookings of the plan that were cancelled or moved since: nobody is to be visited there."""


class ViolationOut(Out):
    """A rule that the plan breaks."""

    code: str
    visit: str | None
    executive: str | None
    amount: int | float
    unit: str
    text: str


class AnalysisOut(Out):
    """What the checker says of a plan, and what it costs."""

    violations: list[ViolationOut]
    broken_promises_weight: int
    cost: int
    cost_terms: dict[str, int]
    claimed_cost: int
    kpis: dict[str, Any]
