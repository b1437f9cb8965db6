"""Answers about days, rosters, staff and restrictions."""

from __future__ import annotations

from typing import Any, Literal

from api.http.answers.plans import LimitsOut
from api.http.answers.shared import Date, Moment, Out, SlotOut

# ------------------------------------------------------------------------------------------- days


class GlanceKitOut(Out):
    """A kit in a slot of a day; numbers as of the slot, of what needs this kit."""

    kit: str
    executives: int
    """On shift for the whole slot, and with this kit."""
    capacity: int
    promised: int
    held: int
    free: int
    quota: int | None


class GlanceSlotOut(Out):
    """A slot of a day."""

    slot: SlotOut
    open: bool
    """Not closed, and given out: a place in it can be had as long as `free` is not 0 and the witness has room."""
    closed_because: str | None
    promises: int
    """Bookings and holds: `promised` and `held` together."""
    promised: int
    held: int
    executives: int
    """On shift for the whole slot."""
    free_executives: int
    """On shift for the whole slot, without a promise in it; not all of them can get to every address."""
    capacity: int
    """Most promises: the quota set by hand, else the one computed, else the executives on shift."""
    free: int
    """Promises that may still be made here; whether one can be is a matter of its address. 0 where it is not open."""
    quota: int | None
    """Set by hand; null where none is."""
    stop_sale: bool
    kits: list[GlanceKitOut]


class RestrictionOut(Out):
    """A closure, a stop-sale or a quota of a date, with its reason and whose word it is; lifted or not.

    `open` and `close` are null where it is of the whole day; `kit` and `quota` are of quotas only.
    """

    id: str
    city: str
    date: Date
    kind: Literal["closure", "stop_sale", "quota"]
    open: Moment | None
    close: Moment | None
    kit: str | None
    quota: int | None
    reason: str
    author: str
    made_at: Moment
    lifted_at: Moment | None
    lifted_by: str | None


class RestrictionsOut(Out):
    """Restrictions of a city."""

    city: str
    restrictions: list[RestrictionOut]


class RestrictedOut(Out):
    """What came of restrictions made or lifted, and the promises they concern, by booking id.

    `at_risk`: inside a closed day or slot, not kept any more; `above`: in a slot with a quota below them, kept;
    `beside`: in a slot that is not given out any more, kept.
    """

    city: str
    restrictions: list[RestrictionOut]
    at_risk: list[str]
    above: list[str]
    beside: list[str]


class GlanceOut(Out):
    """A day: open or closed, and what is promised.

    `zones`: those with numbers of their own; a city with fewer than eight executives a slot is one.
    """

    city: str
    date: Date
    version: int
    closed_because: str | None
    published: bool
    plan_number: int | None
    roster_number: int | None
    """Of the published roster that its staff is from; null where it was set by hand, or there is none."""
    zones: list[str]
    promises: int
    holds: int
    at_risk: list[str]
    empty_stops: int
    restrictions: list[RestrictionOut]
    slots: list[GlanceSlotOut]


class KeptOut(Out):
    """How sure it is that all promises within the computed quotas can be kept together on a day.

    `served` of so many simulated `days` were kept in full, with rosters by the shift patterns of the scheme; `at_least`
    is the lower end of the Wilson interval. Null, all three, where the city was never simulated: the quotas are by the
    prior then.
    """

    basis: str
    days: int | None
    served: int | None
    at_least: float | None


class CalendarOut(Out):
    """Days of a city."""

    city: str
    kept: KeptOut
    days: list[GlanceOut]


class RosterOut(Out):
    """Who works on a day; `at_risk` are promises that this roster could not keep."""

    city: str
    date: Date
    executives: list[dict[str, Any]]
    at_risk: list[str]


# ---------------------------------------------------------------------------------------- rosters


class StaffOut(Out):
    """Who works in a city; `version` 0: nobody was told yet, and this is the assumption of the data."""

    city: str
    version: int
    changed_at: Moment | None
    changed_by: str | None
    executives: list[dict[str, Any]]
    days: list[dict[str, Any]]


class StaffSetOut(StaffOut):
    """The staff as it is from now on; `on_shift`: by executive days of leave on which published rosters have them."""

    on_shift: dict[str, list[Date]]


class RosterProgressOut(Out):
    """How far the making of a roster is: the step, and of it so much of so much; points of the best one so far."""

    step: str
    done: int
    of: int
    elapsed_s: float
    uncovered: int | None
    others: int | None
    bound: int | None


class MissingOut(Out):
    """Executives missing in a slot: who could serve any of these needs."""

    date: Date
    slot: str
    needs: list[list[str]]
    wanted: float
    missing: float


class RosterChangeOut(Out):
    """An executive and date that are other than published: patterns, null for a day off."""

    executive: str
    date: Date
    before: str | None
    after: str | None


class RefusedRequestOut(Out):
    """What an executive would have liked on a date, and what they work instead: patterns, null for no shift.

    `reason`: `closed_day`, `on_leave`, `settled`, `not_agreed` (no shift of theirs), or `other_needs` came first.
    """

    executive: str
    date: Date
    wanted: str | None
    works: str | None
    reason: str


class AlternativeOut(Out):
    """A roster to choose: patterns by executive for each day from the first, null for a day off; costs in points.

    `uncovered_bound`: no roster leaves less uncovered; `bound`: none with as little costs less; null where nothing is
    proven. `requests`: how many were made for dates of the roster.
    """

    name: str
    cost: dict[str, int]
    uncovered_bound: int | None
    bound: int | None
    gap: float | None
    uncovered_proven: bool | None
    executives: dict[str, list[str | None]]
    missing: list[MissingOut]
    changes: list[RosterChangeOut]
    requests: int
    requests_refused: list[RefusedRequestOut]


class ShortfallOut(Out):
    """Fewer can be there than have to be: at most so many, and at least so many are needed."""

    rule: str
    date: Date
    slot: str | None
    need: str
    most: int
    least: int
    on_leave: list[str]


class GivenUpOut(Out):
    """A rule that would have to be given up for an executive."""

    rule: str
    executive_id: str
    date: Date
    amount: int
    price: int


class ClashOut(Out):
    """A rule that contradicts the others that are told with it, and whom or what it is about."""

    rule: str
    subject: str


class WhyOut(Out):
    """Why minimum cover is not kept: by counting, what would have to be given up, which rules clash."""

    counted: list[ShortfallOut]
    to_give_up: list[GivenUpOut]
    clash: list[ClashOut]
    proven: bool


class PatternOut(Out):
    """A shift that can be given, by the clock; `break` is when it may begin, and its minutes."""

    id: str
    open: str
    close: str
    break_minutes: int | None
    break_earliest: str | None
    break_latest: str | None


class DraftOut(Out):
    """A roster that is made and not published: one alternative or more, or none and why."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    first: Date
    last: Date
    slot_minutes: int
    demand: str
    """Where the numbers of what is wanted come from."""
    staff_version: int
    closed: dict[str, str]
    patterns: list[PatternOut]
    away: dict[str, list[Date]]
    alternatives: list[AlternativeOut]
    why: WhyOut


class RosterJobOut(Out):
    """A roster that was asked for: waiting, being made, done or failed; then the draft."""

    id: str
    city: str
    first: Date
    weeks: int
    away: dict[str, list[Date]]
    state: Literal["queued", "running", "done", "failed"]
    limits: LimitsOut
    asked_by: str
    created_at: Moment
    begun_at: Moment | None
    ended_at: Moment | None
    stop_requested: bool
    attempts: int
    sequence: int
    progress: RosterProgressOut | None
    error: str | None
    published_as: int | None
    draft: DraftOut | None = None


class RosterPageOut(Out):
    """A page of rosters that were asked for, the newest first, without the drafts."""

    rosters: list[RosterJobOut]
    next: str | None


class WhoOut(Out):
    """An executive and the shift."""

    executive: str
    shift: str


class OtherShiftOut(Out):
    """An executive whose shift, place or skills on the day become others."""

    executive: str
    before: str
    after: str


class SaverOut(Out):
    """Somebody who could come in by the labour rules, and what they would work."""

    executive: str
    pattern: str


class AtRiskOut(Out):
    """A promise for which no plan was found with the new team, and what would save it.

    `executives` who could come in, tried one at a time; `slots` of the day that could be had instead.
    """

    booking: str
    slot: str
    service: str
    executives: list[SaverOut]
    slots: list[str]


class DayDifferenceOut(Out):
    """What publishing would change on a day; `refused`: the code why it would not be; `away`: who cannot work then."""

    date: Date
    added: list[WhoOut]
    removed: list[WhoOut]
    changed: list[OtherShiftOut]
    promises: int
    at_risk: list[AtRiskOut]
    refused: str | None
    away: list[str]


class DifferenceOut(Out):
    """What publishing an alternative would change; days on which nothing does are left out."""

    city: str
    alternative: str
    first: Date
    last: Date
    days: list[DayDifferenceOut]
    at_risk: list[str]


class RosterPublishedOut(Out):
    """A roster that holds now: its number in the city, its days, and promises at risk, which may be kept again soon."""

    city: str
    number: int
    first: Date
    last: Date
    at_risk: list[str]
    days: list[Date]
    """On which somebody works."""


class RosterVersionOut(Out):
    """A roster that was published."""

    number: int
    first: Date
    last: Date
    roster: str | None
    """The id of the job it was made by."""
    published_at: Moment
    published_by: str


class RosterVersionsOut(Out):
    """Rosters of a city that were published, the newest first."""

    city: str
    versions: list[RosterVersionOut]
