"""What the page shows, read once from a problem and its plan document: day seconds, metres, domain nouns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from api.page.markup import count, duration, kilometres, span
from optimizer.domain import Appointment, Executive, Problem, Visit
from optimizer.units import day_second, hhmm

Document = Mapping[str, Any]
"""A plan.json document of schema_version 1, as parsed JSON."""

PALETTE, DASHES = 8, 8
"""Colours and kinds of line in page.css; executives beyond the first eight repeat the colours with other dashes."""

NOBODY = "No executive works on this day."

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Landmark:
    """A name written on the map so that a reader finds their way: a locality, say. Degrees, WGS 84."""

    name: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class StopView:
    """A stop with the visit made at it; times in day seconds as in `Stop`, the trip to it in clock seconds and metres.

    `wait_s` is the time at the door between arrival and begin, a break there not counted.
    """

    sequence: int
    visit: Visit
    arrival_s: int
    start_s: int
    end_s: int
    leave_s: int
    drive_s: int
    distance_m: int
    wait_s: int


@dataclass(frozen=True, slots=True)
class BreakView:
    """The break as planned and the place where it is taken."""

    start_s: int
    end_s: int
    after_stops: int
    place_id: str


@dataclass(frozen=True, slots=True)
class RouteView:
    """A route with stops. `travel_s` and `busy_s` are reference seconds, `drive_s` the same trips on the clock."""

    depart_s: int
    return_s: int
    end_s: int
    travel_s: int
    drive_s: int
    distance_m: int
    busy_s: int
    overtime_s: int
    pause: BreakView | None
    stops: tuple[StopView, ...]

    @property
    def wait_s(self) -> int:
        """Seconds between departure and return that are neither travel, service nor break."""
        pause, serving_s = self.pause, sum(stop.end_s - stop.start_s for stop in self.stops)
        outside = pause is None or pause.end_s <= self.depart_s or pause.start_s >= self.return_s
        resting_s = 0 if pause is None or outside else pause.end_s - pause.start_s
        return self.return_s - self.depart_s - self.drive_s - serving_s - resting_s


@dataclass(frozen=True, slots=True)
class Working:
    """One executive on this day: `number` counts from 0 by id and chooses colour and dashes; no route, no stops."""

    number: int
    executive: Executive
    route: RouteView | None

    @property
    def executive_id(self) -> str:
        """The id of the executive."""
        return self.executive.executive_id

    @property
    def style(self) -> str:
        """The classes that give this executive a colour and a kind of line, the same everywhere on the page."""
        return f"c{self.number % PALETTE} d{self.number // PALETTE % DASHES}"

    @property
    def stops(self) -> tuple[StopView, ...]:
        """The stops, none without a route."""
        return self.route.stops if self.route else ()

    @property
    def summary(self) -> str:
        """The route in a line."""
        if self.route is None:
            return "no visits"
        return f"{count(len(self.stops), 'stop')} · {kilometres(self.route.distance_m)}"


@dataclass(frozen=True, slots=True)
class Why:
    """One reason of the report; `text` is its code in words where the report has no sentence."""

    code: str
    proof: str
    text: str


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A visit on no route, with its reasons, the most telling first; there may be none."""

    visit: Visit
    reasons: tuple[Why, ...]


NO_REASON = (Why("", "", "no reason given"),)


class Doing(StrEnum):
    """What an executive does in a stretch of time."""

    TRAVEL = "travel"
    WAIT = "waiting"
    SERVICE = "service"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a route in day seconds; `stop` is where it leads to or happens, None on the way back."""

    doing: Doing
    start_s: int
    end_s: int
    stop: StopView | None


@dataclass(frozen=True, slots=True)
class View:
    """The whole day as the page shows it. `title` is the name of the day, `city` the name of the city."""

    problem: Problem
    document: Document
    city: str
    day_name: str | None
    service_names: Mapping[str, str]
    landmarks: tuple[Landmark, ...]
    working: tuple[Working, ...]
    unassigned: tuple[Unassigned, ...]

    @property
    def broken(self) -> tuple[Unassigned, ...]:
        """The promises this plan breaks."""
        return tuple(u for u in self.unassigned if isinstance(u.visit, Appointment))

    @property
    def left(self) -> tuple[Unassigned, ...]:
        """The deliveries left for another day."""
        return tuple(u for u in self.unassigned if not isinstance(u.visit, Appointment))

    @property
    def routes(self) -> tuple[RouteView, ...]:
        """All routes with stops."""
        return tuple(w.route for w in self.working if w.route)

    @property
    def date_words(self) -> str:
        """The date in words, the same in every locale."""
        return date_words(self.problem.date)

    def promise(self, visit: Visit) -> str:
        """The slot of an appointment; the windows of a delivery, in a word where it has all day, and its due date."""
        if isinstance(visit, Appointment):
            return span(visit.slot.open_s, visit.slot.close_s)
        grid, (first, *_) = self.problem.grid, visit.windows
        all_day = first.open_s <= grid.open_s and first.close_s >= grid.close_s - visit.service_s
        when = "any time" if all_day else ", ".join(span(w.open_s, w.close_s) for w in visit.windows)
        return f"{when}, due {visit.due.day} {MONTHS[visit.due.month - 1][:3]}" if visit.due else when

    def service(self, visit: Visit) -> str:
        """The name of a visit's service, its id where no name is known, empty where it has none."""
        return self.service_names.get(visit.service_id, visit.service_id) if visit.service_id else ""


def date_words(date: dt.date) -> str:
    """A date in words, the same in every locale: `Tuesday, 1 December 2026`."""
    return f"{WEEKDAYS[date.weekday()]}, {date.day} {MONTHS[date.month - 1]} {date.year}"


def kind_of(visit: Visit) -> str:
    """`appointment` or `delivery`."""
    return "appointment" if isinstance(visit, Appointment) else "delivery"


def read_view(
    problem: Problem,
    document: Document,
    city: str,
    day_name: str | None,
    service_names: Mapping[str, str],
    landmarks: tuple[Landmark, ...],
) -> View:
    """The view of a plan; ValueError when the document is the plan of another day."""
    if (document["city"], document["date"]) != (problem.city, problem.date.isoformat()):
        raise ValueError(
            f"the plan is of {document['city']} on {document['date']}, "
            f"the problem of {problem.city} on {problem.date.isoformat()}"
        )
    by_executive = {route["executive"]: route for route in document["routes"]}
    named = [stop["visit"] for route in document["routes"] for stop in route["stops"]]
    named.extend(each["id"] for each in document["unassigned"])
    strangers = sorted(set(named) - problem.visit_by_id.keys())
    strangers += sorted(by_executive.keys() - problem.executive_by_id.keys())
    if strangers:
        raise ValueError(f"the plan names {', '.join(strangers)}, unknown to the problem")
    working = tuple(
        Working(number, e, _route(problem, by_executive[e.executive_id]) if e.executive_id in by_executive else None)
        for number, e in enumerate(problem.executives)
    )
    unassigned = tuple(Unassigned(problem.visit_by_id[each["id"]], _reasons(each)) for each in document["unassigned"])
    return View(problem, document, city, day_name, service_names, landmarks, working, unassigned)


def _reasons(unassigned: Document) -> tuple[Why, ...]:
    return tuple(
        Why(each["code"], each["proof"], each["text"] or each["code"].replace("_", " "))
        for each in unassigned.get("reasons") or ()
    )


def _route(problem: Problem, route: Document) -> RouteView:
    def second(moment: str) -> int:
        return day_second(problem.date, dt.datetime.fromisoformat(moment))

    pause = None
    if route["break"] is not None:
        taken = route["break"]
        pause = BreakView(second(taken["start"]), second(taken["end"]), taken["after_stops"], taken["place"])
    depart_s, return_s = second(route["depart"]), second(route["return"])
    left_s, stops = depart_s, []
    for stop in route["stops"]:
        arrival_s, leave_s = second(stop["arrival"]), second(stop["leave"])
        stops.append(
            StopView(
                stop["sequence"],
                problem.visit_by_id[stop["visit"]],
                arrival_s,
                second(stop["start"]),
                second(stop["end"]),
                leave_s,
                arrival_s - left_s,
                stop["distance_m"],
                stop["wait_s"],
            )
        )
        left_s = leave_s
    return RouteView(
        depart_s,
        return_s,
        second(route["end"]),
        route["travel_s"],
        sum(stop.drive_s for stop in stops) + return_s - left_s,
        route["distance_m"],
        route["busy_s"],
        route["overtime_s"],
        pause,
        tuple(stops),
    )


def stretches(route: RouteView) -> tuple[Stretch, ...]:
    """A route as stretches in order of time, without gaps from departure to return; a break may lie outside."""
    known = []
    left_s = route.depart_s
    for stop in route.stops:
        known.append(Stretch(Doing.TRAVEL, left_s, stop.arrival_s, stop))
        known.append(Stretch(Doing.SERVICE, stop.start_s, stop.end_s, stop))
        left_s = stop.leave_s
    known.append(Stretch(Doing.TRAVEL, left_s, route.return_s, None))
    if route.pause:
        known.append(Stretch(Doing.BREAK, route.pause.start_s, route.pause.end_s, None))
    known = sorted((k for k in known if k.start_s < k.end_s), key=lambda k: (k.start_s, k.end_s))
    filled: list[Stretch] = []
    now_s = route.depart_s

    def wait_until(second: int) -> None:
        if now_s < second:
            waiting_at = next((s for s in route.stops if s.leave_s > now_s), None)
            filled.append(Stretch(Doing.WAIT, now_s, second, waiting_at))

    for stretch in known:
        wait_until(stretch.start_s)
        filled.append(stretch)
        now_s = max(now_s, stretch.end_s)
    wait_until(route.return_s)  # where the last visit takes no time and is made where the route ends
    return tuple(filled)


def stop_words(view: View, working: Working, stop: StopView) -> str:
    """Everything about a stop in a few lines, for the eye that rests on its mark."""
    visit = stop.visit
    lines = [
        f"{working.executive_id}, stop {stop.sequence}: {visit.visit_id}",
        f"{kind_of(visit)}{', ' + view.service(visit) if visit.service_id else ''}",
        f"{'slot' if isinstance(visit, Appointment) else 'window'} {view.promise(visit)}",
        f"arrival {hhmm(stop.arrival_s)}, start {hhmm(stop.start_s)}, end {hhmm(stop.end_s)}",
        f"{duration(stop.drive_s)} and {kilometres(stop.distance_m)} to get there, {duration(stop.wait_s)} waiting",
    ]
    if isinstance(visit, Appointment):
        spare_s = visit.slot.close_s - stop.end_s
        lines.append(f"{duration(spare_s)} of the slot left at the end")
    return "\n".join(lines)


def unassigned_words(view: View, left: Unassigned) -> str:
    """Everything about a visit on no route in a few lines."""
    visit = left.visit
    head = "broken promise" if isinstance(visit, Appointment) else "delivery left for another day"
    service = f", {view.service(visit)}" if visit.service_id else ""
    when = f"{'slot' if isinstance(visit, Appointment) else 'window'} {view.promise(visit)}"
    return "\n".join((f"{visit.visit_id}: {head}{service}", when, *(why.text for why in left.reasons or NO_REASON)))


def place_words(problem: Problem, executive: Executive, place_id: str) -> str:
    """What a place is to an executive: the office, their home (start and end of the shift), or its id."""
    if place_id == problem.office.place_id:
        return "office"
    return "home" if place_id == executive.start.place_id == executive.end.place_id else place_id


def shift_words(executive: Executive) -> str:
    """Shift and break rule of an executive."""
    words = span(executive.shift.open_s, executive.shift.close_s)
    if executive.pause:
        pause = executive.pause
        words += f", break of {duration(pause.duration_s)} begins {span(pause.window.open_s, pause.window.close_s)}"
    return words
