"""Days, rosters, staff and restrictions."""

# Without annotations from the future: Python would not see which keys may be missing.
from typing import Any, Literal, NotRequired, TypedDict

from api.client.answers.plans import Limits
from api.client.answers.shared import (
    Slot,
)


class GlanceKit(TypedDict):
    """A kit in a slot of a day; numbers as of the slot, of what needs this kit."""

    kit: str
    executives: int
    capacity: int
    promised: int
    held: int
    free: int
    quota: int | None


class GlanceSlot(TypedDict):
    """A slot of a day."""

    slot: Slot
    open: bool
    closed_because: str | None
    promises: int
    promised: int
    held: int
    executives: int
    free_executives: int
    capacity: int
    free: int
    quota: int | None
    stop_sale: bool
    kits: list[GlanceKit]


class Restriction(TypedDict):
    """A closure, a stop-sale or a quota of a date, with its reason and whose word it is; lifted or not.

    `open` and `close` are null where it is of the whole day; `kit` and `quota` are of quotas only.
    """

    id: str
    city: str
    date: str
    kind: Literal["closure", "stop_sale", "quota"]
    open: str | None
    close: str | None
    kit: str | None
    quota: int | None
    reason: str
    author: str
    made_at: str
    lifted_at: str | None
    lifted_by: str | None


class Restrictions(TypedDict):
    """Restrictions of a city."""

    city: str
    restrictions: list[Restriction]


class Restricted(TypedDict):
    """What came of restrictions made or lifted, and the promises they concern, by booking id.

    `at_risk`: inside a closed day or slot, not kept any more; `above`: in a slot with a quota below them, kept;
    `beside`: in a slot that is not given out any more, kept.
    """

    city: str
    restrictions: list[Restriction]
    at_risk: list[str]
    above: list[str]
    beside: list[str]


class Glance(TypedDict):
    """A day: open or closed, and what is promised.

    `zones`: those with numbers of their own; a city with fewer than eight executives a slot is one.
    """

    city: str
    date: str
    version: int
    closed_because: str | None
    published: bool
    plan_number: int | None
    roster_number: int | None
    zones: list[str]
    promises: int
    holds: int
    at_risk: list[str]
    empty_stops: int
    restrictions: list[Restriction]
    slots: list[GlanceSlot]


class Kept(TypedDict):
    """How sure it is that all promises within the computed quotas can be kept together on a day.

    `served` of so many simulated `days` were kept in full, with rosters by the shift patterns of the scheme; `at_least`
    is the lower end of the Wilson interval. Null, all three, where the city was never simulated.
    """

    basis: str
    days: int | None
    served: int | None
    at_least: float | None


class Calendar(TypedDict):
    """Days of a city."""

    city: str
    kept: Kept
    days: list[Glance]


class Roster(TypedDict):
    """Who works on a day; `at_risk` are promises that this roster could not keep."""

    city: str
    date: str
    executives: list[dict[str, Any]]
    at_risk: list[str]


class Staff(TypedDict):
    """Who works in a city; `version` 0: nobody was told yet, and this is the assumption of the data."""

    city: str
    version: int
    changed_at: str | None
    changed_by: str | None
    executives: list[dict[str, Any]]
    days: list[dict[str, Any]]


class StaffSet(Staff):
    """The staff as it is from now on; `on_shift`: by executive days of leave on which published rosters have them."""

    on_shift: dict[str, list[str]]


class RosterProgress(TypedDict):
    """How far the making of a roster is: the step, and of it so much of so much; points of the best one so far."""

    step: str
    done: int
    of: int
    elapsed_s: float
    uncovered: int | None
    others: int | None
    bound: int | None


class Missing(TypedDict):
    """Executives missing in a slot: who could serve any of these needs."""

    date: str
    slot: str
    needs: list[list[str]]
    wanted: float
    missing: float


class RosterChange(TypedDict):
    """An executive and date that are other than published: patterns, null for a day off."""

    executive: str
    date: str
    before: str | None
    after: str | None


class RefusedRequest(TypedDict):
    """What an executive would have liked on a date, and what they work instead: patterns, null for no shift.

    `reason`: `closed_day`, `on_leave`, `settled`, `not_agreed` (no shift of theirs), or `other_needs` came first.
    """

    executive: str
    date: str
    wanted: str | None
    works: str | None
    reason: str


class Alternative(TypedDict):
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
    missing: list[Missing]
    changes: list[RosterChange]
    requests: int
    requests_refused: list[RefusedRequest]


class Shortfall(TypedDict):
    """Fewer can be there than have to be: at most so many, and at least so many are needed."""

    rule: str
    date: str
    slot: str | None
    need: str
    most: int
    least: int
    on_leave: list[str]


class GivenUp(TypedDict):
    """A rule that would have to be given up for an executive."""

    rule: str
    executive_id: str
    date: str
    amount: int
    price: int


class Clash(TypedDict):
    """A rule that contradicts the others that are told with it, and whom or what it is about."""

    rule: str
    subject: str


class Why(TypedDict):
    """Why minimum cover is not kept: by counting, what would have to be given up, which rules clash."""

    counted: list[Shortfall]
    to_give_up: list[GivenUp]
    clash: list[Clash]
    proven: bool


class Pattern(TypedDict):
    """A shift that can be given, by the clock; `break` is when it may begin, and its minutes."""

    id: str
    open: str
    close: str
    break_minutes: int | None
    break_earliest: str | None
    break_latest: str | None


class Draft(TypedDict):
    """A roster that is made and not published: one alternative or more, or none and why."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    first: str
    last: str
    slot_minutes: int
    demand: str
    staff_version: int
    closed: dict[str, str]
    patterns: list[Pattern]
    away: dict[str, list[str]]
    alternatives: list[Alternative]
    why: Why


class RosterJob(TypedDict):
    """A roster that was asked for: waiting, being made, done or failed; then the draft."""

    id: str
    city: str
    first: str
    weeks: int
    away: dict[str, list[str]]
    state: Literal["queued", "running", "done", "failed"]
    limits: Limits
    asked_by: str
    created_at: str
    begun_at: str | None
    ended_at: str | None
    stop_requested: bool
    attempts: int
    sequence: int
    progress: RosterProgress | None
    error: str | None
    published_as: int | None
    draft: NotRequired[Draft | None]


class RosterPage(TypedDict):
    """A page of rosters that were asked for, the newest first, without the drafts."""

    rosters: list[RosterJob]
    next: str | None


class Who(TypedDict):
    """An executive and the shift."""

    executive: str
    shift: str


class OtherShift(TypedDict):
    """An executive whose shift, place or skills on the day become others."""

    executive: str
    before: str
    after: str


class Saver(TypedDict):
    """Somebody who could come in by the labour rules, and what they would work."""

    executive: str
    pattern: str


class AtRisk(TypedDict):
    """A promise for which no plan was found with the new team, and what would save it.

    `executives` who could come in, tried one at a time; `slots` of the day that could be had instead.
    """

    booking: str
    slot: str
    service: str
    executives: list[Saver]
    slots: list[str]


class DayDifference(TypedDict):
    """What publishing would change on a day; `refused`: the code why it would not be; `away`: who cannot work then."""

    date: str
    added: list[Who]
    removed: list[Who]
    changed: list[OtherShift]
    promises: int
    at_risk: list[AtRisk]
    refused: str | None
    away: list[str]


class Difference(TypedDict):
    """What publishing an alternative would change; days on which nothing does are left out."""

    city: str
    alternative: str
    first: str
    last: str
    days: list[DayDifference]
    at_risk: list[str]


class RosterPublished(TypedDict):
    """A roster that holds now: its number in the city, its days, and promises at risk, which may be kept again soon."""

    city: str
    number: int
    first: str
    last: str
    at_risk: list[str]
    days: list[str]


class RosterVersion(TypedDict):
    """A roster that was published."""

    number: int
    first: str
    last: str
    roster: str | None
    published_at: str
    published_by: str


class RosterVersions(TypedDict):
    """Rosters of a city that were published, the newest first."""

    city: str
    versions: list[RosterVersion]
