"""The nouns, in the order of the straight line from a visit to a day plan. Frozen; checked when built.

Times are day seconds (see `units`), money does not occur, costs are whole *cost seconds*: one
cost second is worth one second of reference travel.

A noun that breaks its own rules cannot be built: it raises `InvalidProblem` carrying every fault
found in it at once, each with the path to the value, the value and the rule.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from optimizer.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    from optimizer.travel import TravelTable

ID_PATTERN = r"[A-Za-z0-9._:-]{1,64}"
_ID = re.compile(ID_PATTERN)


# ------------------------------------------------------------------------------------- errors


class MitaanError(Exception):
    """Top of the error tree: whatever this engine raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule of an input: where (path of keys and positions), a code, the value, the rule in words."""

    path: tuple[str | int, ...]
    code: str
    value: object
    rule: str

    def under(self, *prefix: str | int) -> Fault:
        """The same fault, seen from further up."""
        return Fault((*prefix, *self.path), self.code, self.value, self.rule)

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901)."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.value!r}: {self.rule} [{self.code}]"


class InvalidProblem(MitaanError):  # noqa: N818  (the name says what it is; "error" would add nothing)
    """Input that breaks rules; `faults` holds all that were found, never empty."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


def _raise_if_any(faults: list[Fault]) -> None:
    if faults:
        raise InvalidProblem(faults)


def _id_faults(name: str, value: object) -> Iterator[Fault]:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        yield Fault((name,), "bad_id", value, f"an id matches {ID_PATTERN}")


# ------------------------------------------------------------------------- the service and its day


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The rules of the scheme that hold in every city: hours, slots, closures, cut-off.

    `closed_days` are (month, day) pairs, closed every year; `closed_dates` are single extra dates.
    `cutoff_s`: a booking may be moved until this many seconds before its appointment, not later.
    `due_days_default`: working days until a delivery is due where a service has no statutory limit.
    """

    open_s: int = 8 * HOUR_S
    close_s: int = 20 * HOUR_S
    slot_s: int = HOUR_S
    closed_days: tuple[tuple[int, int], ...] = ((1, 26), (8, 15), (10, 2))
    closed_dates: tuple[dt.date, ...] = ()
    cutoff_s: int = 24 * HOUR_S
    due_days_default: int = 30

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.open_s < self.close_s <= DAY_S:
            faults.append(Fault(("close_s",), "bad_hours", self.close_s, "0 <= open < close <= 24 h"))
        if self.slot_s <= 0 or (self.close_s - self.open_s) % self.slot_s:
            faults.append(
                Fault(("slot_s",), "bad_slot_length", self.slot_s, "a slot divides the opening hours exactly")
            )
        for month, day in self.closed_days:
            try:
                dt.date(2024, month, day)  # a leap year: 29 February may be a closed day
            except ValueError:
                faults.append(Fault(("closed_days",), "bad_date", (month, day), "a month and a day in it"))
        if self.cutoff_s < 0:
            faults.append(Fault(("cutoff_s",), "negative", self.cutoff_s, "a cut-off is not negative"))
        if self.due_days_default < 1:
            faults.append(Fault(("due_days_default",), "too_small", self.due_days_default, "at least 1"))
        _raise_if_any(faults)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A promisable stretch of a day in day seconds; an appointment in it begins and ends inside, ends included."""

    open_s: int
    close_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.open_s < self.close_s <= DAY_S:
            raise InvalidProblem([Fault((), "bad_slot", str(self), "0 <= open < close <= 24 h")])


@dataclass(frozen=True, slots=True)
class SlotGrid:
    """The slots of a day: equal, without gaps or overlaps, from `open_s` to `close_s`."""

    open_s: int = 8 * HOUR_S
    close_s: int = 20 * HOUR_S
    slot_s: int = HOUR_S

    def __post_init__(self) -> None:
        if (
            not 0 <= self.open_s < self.close_s <= DAY_S
            or self.slot_s <= 0
            or (self.close_s - self.open_s) % self.slot_s
        ):
            raise InvalidProblem(
                [Fault(("slot_s",), "bad_slot_length", self.slot_s, "a slot divides the opening hours exactly")]
            )

    def __len__(self) -> int:
        return (self.close_s - self.open_s) // self.slot_s

    def slot(self, index: int) -> Slot:
        """Slot number `index`, counted from 0; IndexError beyond the last."""
        if not 0 <= index < len(self):
            raise IndexError(f"slot {index} of {len(self)}")
        return Slot(self.open_s + index * self.slot_s, self.open_s + (index + 1) * self.slot_s)

    def slots(self) -> tuple[Slot, ...]:
        """All slots, in order of time."""
        return tuple(self.slot(index) for index in range(len(self)))

    def index_of(self, slot: Slot) -> int | None:
        """Number of a slot of this grid, None for a stretch that is not one of its slots."""
        index, rest = divmod(slot.open_s - self.open_s, self.slot_s)
        fits = rest == 0 and 0 <= index < len(self) and slot.close_s - slot.open_s == self.slot_s
        return index if fits else None


@dataclass(frozen=True, slots=True, order=True)
class TimeWindow:
    """When service may *begin*, in day seconds, both ends included; it may end later."""

    open_s: int
    close_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.open_s <= self.close_s <= DAY_S:
            raise InvalidProblem(
                [Fault((), "bad_window", str(self), "a window opens before it closes, within 0 to 24 h")]
            )


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point of the earth with a name: `place_id` is what a travel-time matrix calls it. Degrees, WGS 84."""

    place_id: str
    lon: float
    lat: float

    def __post_init__(self) -> None:
        faults = list(_id_faults("place_id", self.place_id))
        for name, value, limit in (("lon", self.lon, 180.0), ("lat", self.lat, 90.0)):
            if not math.isfinite(value) or abs(value) > limit:
                faults.append(
                    Fault((name,), "bad_coordinate", value, f"a finite number of degrees, at most {limit:g} either way")
                )
        _raise_if_any(faults)


# ------------------------------------------------------------------------------------ visits


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booked service in one slot: promised, so planning never trades it for anything.

    `weight` is what breaking the promise counts on the first cost level. `pinned_to` names the only
    executive who may serve it.
    """

    visit_id: str
    place: Place
    slot: Slot
    service_s: int
    service_id: str | None = None
    skills: frozenset[str] = frozenset()
    weight: int = 1
    pinned_to: str | None = None

    def __post_init__(self) -> None:
        faults = list(_visit_faults(self))
        if self.weight < 1:
            faults.append(Fault(("weight",), "too_small", self.weight, "a promise weighs at least 1"))
        if self.service_s > self.slot.close_s - self.slot.open_s:
            faults.append(
                Fault(
                    ("service_s",),
                    "service_longer_than_slot",
                    self.service_s,
                    f"a service fits into its slot of {self.slot.close_s - self.slot.open_s} s",
                )
            )
        _raise_if_any(faults)

    @property
    def windows(self) -> tuple[TimeWindow, ...]:
        """One window for the begin: from the opening of the slot to its close less the service."""
        return (TimeWindow(self.slot.open_s, self.slot.close_s - self.service_s),)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Handing over a certificate: no slot, any of its windows, and it may wait for another day at a price.

    `windows` are sorted and do not overlap. `due` is the last good day; `waiting_price_s` in cost seconds
    is what leaving it for later costs, or None to have it follow from `due` by the curve of the prices.
    `held_by` names the executive who carries the envelope; None means it lies at the office.
    """

    visit_id: str
    place: Place
    windows: tuple[TimeWindow, ...]
    service_s: int
    due: dt.date | None = None
    waiting_price_s: int | None = None
    held_by: str | None = None
    service_id: str | None = None
    skills: frozenset[str] = frozenset()
    pinned_to: str | None = None

    def __post_init__(self) -> None:
        faults = list(_visit_faults(self))
        if not self.windows:
            faults.append(Fault(("windows",), "no_window", [], "a delivery has at least one window"))
        if any(a.close_s >= b.open_s for a, b in zip(self.windows, self.windows[1:], strict=False)):
            faults.append(
                Fault(("windows",), "windows_overlap", [str(w) for w in self.windows], "windows follow each other")
            )
        if self.waiting_price_s is not None and self.waiting_price_s < 0:
            faults.append(Fault(("waiting_price_s",), "negative", self.waiting_price_s, "a price is not negative"))
        if self.waiting_price_s is None and self.due is None:
            faults.append(Fault(("due",), "no_due_date", None, "a delivery has a due date or a waiting price, or both"))
        if self.held_by is not None:
            faults.extend(_id_faults("held_by", self.held_by))
        _raise_if_any(faults)


Visit = Appointment | Delivery


def _visit_faults(visit: Visit) -> Iterator[Fault]:
    yield from _id_faults("visit_id", visit.visit_id)
    if not 0 <= visit.service_s <= DAY_S:
        yield Fault(("service_s",), "bad_service", visit.service_s, "service takes 0 s to 24 h")
    for skill in sorted(visit.skills):
        yield from _id_faults("skills", skill)
    if visit.pinned_to is not None:
        yield from _id_faults("pinned_to", visit.pinned_to)


# ------------------------------------------------------------------------------- executives


@dataclass(frozen=True, slots=True)
class Break:
    """A pause of `duration_s` that begins in the window, both ends included, once on every route with stops."""

    duration_s: int
    window: TimeWindow

    def __post_init__(self) -> None:
        if not 0 < self.duration_s <= DAY_S:
            raise InvalidProblem([Fault(("duration_s",), "bad_break", self.duration_s, "a break takes 1 s to 24 h")])


@dataclass(frozen=True, slots=True)
class Shift:
    """One executive's working time on a day, from departure to return, both ends included.

    The route may end up to `overtime_s` after `close_s`, at the overtime price.
    """

    open_s: int
    close_s: int
    overtime_s: int = 0

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.open_s <= self.close_s <= DAY_S:
            faults.append(
                Fault(("close_s",), "bad_shift", str(self), "a shift opens before it closes, within 0 to 24 h")
            )
        if self.overtime_s < 0 or self.close_s + self.overtime_s > DAY_S:
            faults.append(
                Fault(("overtime_s",), "bad_overtime", self.overtime_s, "not negative, and the day ends at 24 h")
            )
        _raise_if_any(faults)

    @property
    def latest_end_s(self) -> int:
        """The last day second at which the route may end, overtime used up."""
        return self.close_s + self.overtime_s


@dataclass(frozen=True, slots=True)
class Executive:
    """Who drives and serves, on this day.

    `preferred_visits` are those this executive should serve (continuity). `fixed_prefix` are visits the
    route begins with, in this order: what has been done or announced already.
    """

    executive_id: str
    start: Place
    end: Place
    shift: Shift
    skills: frozenset[str] = frozenset()
    pause: Break | None = None
    preferred_visits: frozenset[str] = frozenset()
    fixed_prefix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faults = list(_id_faults("executive_id", self.executive_id))
        for skill in sorted(self.skills):
            faults.extend(_id_faults("skills", skill))
        if len(set(self.fixed_prefix)) < len(self.fixed_prefix):
            faults.append(
                Fault(("fixed_prefix",), "repeated_visit", list(self.fixed_prefix), "a visit stands in it once")
            )
        _raise_if_any(faults)


# ------------------------------------------------------------------------------------ prices


@dataclass(frozen=True, slots=True, order=True)
class FairnessPiece:
    """Above `above_s` of busy time each further 1,000 s cost `price_permille` cost seconds more than below."""

    above_s: int
    price_permille: int


@dataclass(frozen=True, slots=True)
class WaitingCurve:
    """What leaving a delivery for later costs, in cost seconds, by calendar days left to its due date.

    `far_s` at `horizon_days` or more, rising in a straight line to `due_s` on the due date; each day
    overdue adds `overdue_s_per_day` up to `cap_s`. High but finite: a delivery never breaks a promise.
    """

    far_s: int = 1_200
    due_s: int = 7_200
    horizon_days: int = 10
    overdue_s_per_day: int = 3_600
    cap_s: int = 21_600

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.far_s <= self.due_s <= self.cap_s:
            faults.append(Fault(("due_s",), "bad_curve", self.due_s, "0 <= far_s <= due_s <= cap_s"))
        if self.horizon_days < 1:
            faults.append(Fault(("horizon_days",), "too_small", self.horizon_days, "at least 1 day"))
        if self.overdue_s_per_day < 0:
            faults.append(Fault(("overdue_s_per_day",), "negative", self.overdue_s_per_day, "not negative"))
        _raise_if_any(faults)

    def price_s(self, days_left: int) -> int:
        """Cost seconds of leaving a delivery for later with `days_left` days to its due date (negative: overdue)."""
        if days_left < 0:
            return min(self.cap_s, self.due_s - days_left * self.overdue_s_per_day)
        near = max(0, self.horizon_days - days_left)
        return self.far_s + (self.due_s - self.far_s) * near // self.horizon_days


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of the second cost level, in cost seconds.

    `overtime_permille`: cost seconds per 1,000 s of overtime. `fairness`: increments of a convex price of
    each executive's busy time (service + reference travel); together they are zero up to the first
    `above_s`, the target, and rise ever more steeply after it. `continuity_s`: for each served visit that
    some executive prefers, served by one who does not.
    """

    overtime_permille: int = 2_000
    fairness: tuple[FairnessPiece, ...] = (FairnessPiece(5 * HOUR_S, 500),)
    continuity_s: int = 600
    waiting: WaitingCurve = field(default_factory=WaitingCurve)

    def __post_init__(self) -> None:
        faults = [
            Fault((name,), "negative", getattr(self, name), "a price is not negative")
            for name in ("overtime_permille", "continuity_s")
            if getattr(self, name) < 0
        ]
        faults.extend(
            Fault(("fairness", position), "negative", str(piece), "a target and a price are not negative")
            for position, piece in enumerate(self.fairness)
            if piece.above_s < 0 or piece.price_permille < 0
        )
        _raise_if_any(faults)


# ----------------------------------------------------------------------------------- problem


@dataclass(frozen=True, eq=False)
class Problem:
    """A day's full input in memory: one city, one date, its visits, executives, travel times and prices.

    Compared by identity: two problems are the same day when their canonical contents are.

    Visits and executives are kept sorted by id, so the order in which they were given changes nothing.
    `office` is where envelopes lie; an executive *starts at the office* when their start place is it.
    `input_sha256` names the canonical content of the file the problem was read from, if it was.
    """

    city: str
    date: dt.date
    grid: SlotGrid
    office: Place
    visits: tuple[Visit, ...]
    executives: tuple[Executive, ...]
    travel: TravelTable
    prices: Prices = field(default_factory=Prices)
    input_sha256: str | None = None

    def __post_init__(self) -> None:
        faults = list(_id_faults("city", self.city))
        faults.extend(_visit_set_faults(self))
        faults.extend(_executive_set_faults(self))
        faults.extend(_place_faults(self))
        _raise_if_any(faults)
        object.__setattr__(self, "visits", tuple(sorted(self.visits, key=lambda v: v.visit_id)))
        object.__setattr__(self, "executives", tuple(sorted(self.executives, key=lambda e: e.executive_id)))

    @cached_property
    def visit_by_id(self) -> dict[str, Visit]:
        """Visits by id."""
        return {visit.visit_id: visit for visit in self.visits}

    @cached_property
    def executive_by_id(self) -> dict[str, Executive]:
        """Executives by id."""
        return {executive.executive_id: executive for executive in self.executives}

    @cached_property
    def visit_row(self) -> dict[str, int]:
        """Position of a visit id in `visits`."""
        return {visit.visit_id: row for row, visit in enumerate(self.visits)}

    @cached_property
    def executive_row(self) -> dict[str, int]:
        """Position of an executive id in `executives`."""
        return {executive.executive_id: row for row, executive in enumerate(self.executives)}

    @cached_property
    def appointments(self) -> tuple[Appointment, ...]:
        """The promised visits, by id."""
        return tuple(v for v in self.visits if isinstance(v, Appointment))

    @cached_property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The visits that may wait for another day, by id."""
        return tuple(v for v in self.visits if isinstance(v, Delivery))

    @cached_property
    def preferred(self) -> frozenset[str]:
        """Ids of the visits that at least one executive prefers."""
        return frozenset().union(*(e.preferred_visits for e in self.executives))

    def starts_at_office(self, executive: Executive) -> bool:
        """True when the executive sets out from the office, so envelopes lying there can be taken along."""
        return executive.start.place_id == self.office.place_id

    def waiting_price_s(self, delivery: Delivery) -> int:
        """Cost seconds of leaving a delivery for another day: its own price, or the curve's at its due date."""
        if delivery.waiting_price_s is not None:
            return delivery.waiting_price_s
        if delivery.due is None:
            raise ValueError(f"{delivery.visit_id}: neither a waiting price nor a due date")
        return self.prices.waiting.price_s((delivery.due - self.date).days)

    def obstacle(self, executive: Executive, visit: Visit) -> str | None:
        """Why this executive may never serve this visit, whatever the clock says; None when they may.

        One of `skill_missing`, `pinned_elsewhere`, `envelope_elsewhere`, in this order.
        """
        if not visit.skills <= executive.skills:
            return "skill_missing"
        if visit.pinned_to is not None and visit.pinned_to != executive.executive_id:
            return "pinned_elsewhere"
        if isinstance(visit, Delivery):
            if visit.held_by is None and not self.starts_at_office(executive):
                return "envelope_elsewhere"
            if visit.held_by is not None and visit.held_by != executive.executive_id:
                return "envelope_elsewhere"
        return None


def places_of(office: Place, visits: Iterable[Visit], executives: Iterable[Executive]) -> tuple[Place, ...]:
    """Every place of a day once, sorted by id: what a travel table of the day must cover."""
    places = {office}
    places.update(visit.place for visit in visits)
    for executive in executives:
        places.update((executive.start, executive.end))
    return tuple(sorted(places))


def _repeated(ids: Iterable[str]) -> set[str]:
    return {key for key, count in Counter(ids).items() if count > 1}


def _visit_set_faults(problem: Problem) -> Iterator[Fault]:
    repeated = _repeated(v.visit_id for v in problem.visits)
    executives = {e.executive_id for e in problem.executives}
    for row, visit in enumerate(problem.visits):
        at = ("visits", row)
        if visit.visit_id in repeated:
            yield Fault((*at, "id"), "duplicate_id", visit.visit_id, "a visit id occurs once")
        if isinstance(visit, Appointment) and problem.grid.index_of(visit.slot) is None:
            yield Fault(
                (*at, "slot"),
                "not_a_slot",
                f"{visit.slot.open_s}-{visit.slot.close_s}",
                f"a slot of {problem.grid.slot_s} s counted from {problem.grid.open_s} to {problem.grid.close_s}",
            )
        if isinstance(visit, Delivery):
            for number, window in enumerate(visit.windows):
                if window.open_s < problem.grid.open_s or window.close_s > problem.grid.close_s:
                    yield Fault(
                        (*at, "windows", number),
                        "outside_hours",
                        f"{window.open_s}-{window.close_s}",
                        f"inside the opening hours {problem.grid.open_s}-{problem.grid.close_s}",
                    )
            if visit.held_by is not None and visit.held_by not in executives:
                yield Fault((*at, "held_by"), "unknown_executive", visit.held_by, "an executive of this day")
        if visit.pinned_to is not None and visit.pinned_to not in executives:
            yield Fault((*at, "pinned_to"), "unknown_executive", visit.pinned_to, "an executive of this day")


def _executive_set_faults(problem: Problem) -> Iterator[Fault]:
    repeated = _repeated(e.executive_id for e in problem.executives)
    visits = {v.visit_id: v for v in problem.visits}
    taken = _repeated(v for e in problem.executives for v in e.fixed_prefix)
    for row, executive in enumerate(problem.executives):
        at = ("executives", row)
        if executive.executive_id in repeated:
            yield Fault((*at, "id"), "duplicate_id", executive.executive_id, "an executive id occurs once")
        for visit_id in sorted(executive.preferred_visits - visits.keys()):
            yield Fault((*at, "preferred_visits"), "unknown_visit", visit_id, "a visit of this day")
        slots: set[Slot] = set()
        for position, visit_id in enumerate(executive.fixed_prefix):
            where = (*at, "fixed_prefix", position)
            visit = visits.get(visit_id)
            if visit is None:
                yield Fault(where, "unknown_visit", visit_id, "a visit of this day")
                continue
            if visit_id in taken:
                yield Fault(where, "repeated_visit", visit_id, "a visit stands in one prefix only")
            obstacle = problem.obstacle(executive, visit)
            if obstacle is not None:
                yield Fault(where, obstacle, visit_id, "the executive may serve what their route begins with")
            if isinstance(visit, Appointment):
                if visit.slot in slots:
                    yield Fault(where, "double_slot", visit_id, "one appointment in a slot")
                slots.add(visit.slot)


def _place_faults(problem: Problem) -> Iterator[Fault]:
    named: dict[str, Place] = {problem.office.place_id: problem.office}
    spots: list[tuple[tuple[str | int, ...], Place]] = [
        (("visits", row, "place"), visit.place) for row, visit in enumerate(problem.visits)
    ]
    for row, executive in enumerate(problem.executives):
        spots.append((("executives", row, "start", "place"), executive.start))
        spots.append((("executives", row, "end", "place"), executive.end))
    for path, place in spots:
        known = named.setdefault(place.place_id, place)
        if known != place:
            yield Fault(
                path,
                "place_moved",
                place.place_id,
                f"one place id, one point; elsewhere it is at {known.lon}, {known.lat}",
            )
    missing = sorted(named.keys() - set(problem.travel.place_ids))
    if missing:
        yield Fault(("travel",), "place_not_in_table", missing, "the travel table covers every place of the day")


# -------------------------------------------------------------------------------------- plan


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit on a route, with its times in day seconds: arrival <= start <= end <= leave.

    `leave_s` is when the executive sets out for the next place; later than `end_s` only for a break.
    """

    visit_id: str
    arrival_s: int
    start_s: int
    end_s: int
    leave_s: int


@dataclass(frozen=True, slots=True)
class PlannedBreak:
    """The break as planned, [start_s, end_s], after `after_stops` stops of the route, and where.

    `place_id` tells on which side of the travel it lies: at the place of the last stop (or the start
    place) before leaving, or at the place of the next stop (or the end place) after arriving.
    """

    start_s: int
    end_s: int
    after_stops: int
    place_id: str


@dataclass(frozen=True, slots=True)
class Route:
    """The stops of one executive, in order, at least one, with departure and return."""

    executive_id: str
    depart_s: int
    stops: tuple[Stop, ...]
    return_s: int
    pause: PlannedBreak | None = None

    @property
    def visit_ids(self) -> tuple[str, ...]:
        """The visits in the order they are made."""
        return tuple(stop.visit_id for stop in self.stops)

    @property
    def end_s(self) -> int:
        """When the working day ends: the return, or the break where it is taken after it."""
        return self.return_s if self.pause is None else max(self.return_s, self.pause.end_s)


@dataclass(frozen=True, slots=True)
class DayPlan:
    """All routes of a day (only those with stops, by executive id) and the visits on none, by id."""

    routes: tuple[Route, ...]
    unassigned: tuple[str, ...]

    def stops(self) -> Iterator[tuple[Route, Stop]]:
        """Each stop with its route."""
        for route in self.routes:
            for stop in route.stops:
                yield route, stop


class Status(StrEnum):
    """What is proven about a plan."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What a plan costs: two levels, compared in order. The first is never traded for the second.

    `broken_promises` is the weighted count of appointments not served. The terms of the second level
    are cost seconds.
    """

    broken_promises: int
    second_level_s: int = field(init=False)
    travel_s: int = field(compare=False)
    overtime_s: int = field(compare=False)
    waiting_deliveries_s: int = field(compare=False)
    fairness_s: int = field(compare=False)
    continuity_s: int = field(compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "second_level_s", sum(self.terms().values()))

    def terms(self) -> dict[str, int]:
        """The terms of the second level by name, in cost seconds."""
        return {
            "travel": self.travel_s,
            "overtime": self.overtime_s,
            "waiting_deliveries": self.waiting_deliveries_s,
            "fairness": self.fairness_s,
            "continuity": self.continuity_s,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a search may go on, and what makes it repeatable. None means no such limit; one must be set."""

    time_limit_s: float | None = 30.0
    iterations: int | None = None
    seed: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        faults = []
        if self.time_limit_s is None and self.iterations is None:
            faults.append(Fault(("time_limit_s",), "no_limit", None, "a time limit or a number of iterations"))
        if self.time_limit_s is not None and not (math.isfinite(self.time_limit_s) and self.time_limit_s >= 0):
            faults.append(Fault(("time_limit_s",), "bad_limit", self.time_limit_s, "a finite number of seconds >= 0"))
        if self.iterations is not None and self.iterations < 0:
            faults.append(Fault(("iterations",), "bad_limit", self.iterations, "not negative"))
        if self.threads < 1:
            faults.append(Fault(("threads",), "bad_limit", self.threads, "at least one thread"))
        if self.seed < 0:
            faults.append(Fault(("seed",), "bad_seed", self.seed, "not negative"))
        _raise_if_any(faults)


@dataclass(frozen=True, slots=True)
class Progress:
    """One message of a running search. Costs as in `Cost`; `lower_bound_s` and `gap` None while there is none."""

    phase: str
    elapsed_s: float
    best: Cost | None
    lower_bound_s: int | None
    gap: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of the planner, with everything needed to judge it and to get it again.

    `lower_bound_s` bounds the second level from below for every plan that keeps all promises; None
    where nothing is proven. `broken_promises_bound` is the proven least weighted count of the first
    level. `gap` = (cost - bound) / cost of the second level, a fraction: None while the first level is
    open or no bound exists, 0 when both are 0.
    """

    status: Status
    plan: DayPlan
    cost: Cost
    lower_bound_s: int | None
    broken_promises_bound: int
    gap: float | None
    broken_promises: tuple[str, ...]
    engine: str
    seed: int
    threads: int
    runtime_s: float
    travel_origin: str
    input_sha256: str | None
