"""The timeline of a day: one row per executive with travel, waiting, service, break, shift and slot grid.

Every row is an SVG without a viewBox: positions along the day are percentages, so a row is as wide as
there is room and its letters keep their size.
"""

from __future__ import annotations

from dataclasses import dataclass

from api.page.markup import SVG, Markup, count, duration, join, kilometres, number, span, swatch, tag
from api.page.view import NOBODY, Doing, Stretch, View, Working, place_words, shift_words, stop_words, stretches
from optimizer.domain import Appointment
from optimizer.units import DAY_S, HOUR_S, hhmm

AXIS_EVERY = 20
"""Rows after which the hours are written again."""
MANY = 24
"""From this many executives on rows are lower."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The stretch of the day that is drawn, whole hours, and the height of a bar in pixels."""

    from_s: int
    to_s: int
    bar: int

    def at(self, second: int) -> float:
        """Per cent of the width at a day second."""
        return 100 * (second - self.from_s) / (self.to_s - self.from_s)

    def x(self, second: int) -> str:
        """The same as an SVG length."""
        return f"{number(self.at(second))}%"

    def wide(self, from_s: int, to_s: int) -> str:
        """The width of a stretch as an SVG length."""
        return f"{number(100 * (to_s - from_s) / (self.to_s - self.from_s))}%"

    @property
    def top(self) -> int:
        """Where bars begin, below the lane of stop numbers."""
        return 15

    @property
    def height(self) -> int:
        """Height of a row."""
        return self.top + self.bar + 8


def scale_of(view: View) -> Scale:
    """All opening hours, shifts with their overtime and routes, widened to whole hours."""
    grid = view.problem.grid
    begins, ends = [grid.open_s], [grid.close_s]
    for executive in view.problem.executives:
        begins.append(executive.shift.open_s)
        ends.append(executive.shift.latest_end_s)
    for route in view.routes:
        begins.append(min(route.depart_s, route.pause.start_s if route.pause else DAY_S))
        ends.append(route.end_s)
    return Scale(
        min(begins) // HOUR_S * HOUR_S, -(-max(ends) // HOUR_S) * HOUR_S, 12 if len(view.working) >= MANY else 15
    )


KEY = {
    "appointment": "appointment",
    "delivery": "delivery",
    "travel": "travel",
    "wait": "waiting",
    "break": "break",
    "promise": "promised slot: what follows the service is slack",
    "shift": "on shift",
    "off": "off shift",
    "overtime": "overtime allowed",
    "over": "overtime used",
}
"""What bars and lines mean, by their class in page.css."""


def timeline_figure(view: View) -> Markup:
    """The timeline under the meaning of its bars; it scrolls sideways where the screen is narrow."""
    if not view.working:
        return tag("p", NOBODY, class_="none", id="rows")
    key = tag("ul", *(tag("li", tag("i", class_=f"chip {name}"), words) for name, words in KEY.items()), class_="key")
    return join((key, tag("div", timeline(view), class_="scroll")))


def timeline(view: View) -> Markup:
    """All rows under an axis of hours, repeated where there are many."""
    scale = scale_of(view)
    rows: list[Markup] = []
    for position, working in enumerate(view.working):
        if position % AXIS_EVERY == 0:
            rows.append(_axis(scale))
        rows.append(_row(view, working, scale))
    return join((_shared(view, scale), tag("div", *rows, class_="timeline", id="rows")))


def _axis(scale: Scale) -> Markup:
    hours = range(scale.from_s, scale.to_s + 1, HOUR_S)
    labels = [
        tag(
            "text",
            hhmm(hour),
            x=scale.x(hour),
            y=13,
            text_anchor="start" if hour == scale.from_s else "end" if hour == scale.to_s else "middle",
        )
        for hour in hours
    ]
    drawn = tag("svg", *labels, class_="lane", height=18, xmlns=SVG)
    return tag("div", tag("span", class_="who"), drawn, class_="row axis", aria_hidden="true")


def _shared(view: View, scale: Scale) -> Markup:
    """The lines of hours and slots, drawn once and used in every row, and the hatchings."""
    slots = {slot.open_s for slot in view.problem.grid.slots()} | {view.problem.grid.close_s}
    hours = set(range(scale.from_s, scale.to_s + 1, HOUR_S)) - slots
    lines = [
        tag("line", class_=name, x1=scale.x(second), x2=scale.x(second), y1=0, y2=scale.height)
        for name, seconds in (("hour", hours), ("slot", slots))
        for second in sorted(seconds)
    ]
    stripes = tag(
        "pattern",
        tag("rect", width=6, height=6, class_="ground"),
        tag("path", d="M-1 7L7-1M-1 1L1-1M5 7L7 5"),
        id="stripes",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    )
    return tag(
        "svg",
        tag("defs", stripes, tag("g", *lines, id="slot-lines")),
        class_="defs",
        width=0,
        height=0,
        aria_hidden="true",
        xmlns=SVG,
    )


def _row(view: View, working: Working, scale: Scale) -> Markup:
    shift = working.executive.shift
    drawn = [
        _box(
            "shift", scale, shift.open_s, shift.close_s, 0, scale.height, f"On shift {shift_words(working.executive)}"
        ),
        tag("use", href="#slot-lines"),
    ]
    if shift.overtime_s:
        words = f"Overtime allowed until {hhmm(shift.latest_end_s)}"
        drawn.insert(1, _box("overtime", scale, shift.close_s, shift.latest_end_s, 0, scale.height, words))
    if working.route:
        over_s = working.route.overtime_s
        if over_s:
            words = f"{duration(over_s)} of overtime"
            drawn.append(_box("over", scale, shift.close_s, working.route.end_s, 0, scale.height, words))
        drawn.extend(_promise(stop.visit, scale) for stop in working.stops if isinstance(stop.visit, Appointment))
        drawn.extend(_bar(view, working, stretch, scale) for stretch in stretches(working.route))
        for stop in working.stops:
            middle = (stop.start_s + stop.end_s) // 2
            drawn.append(tag("text", str(stop.sequence), x=scale.x(middle), y=11, data_v=stop.visit.visit_id))
    lane = tag(
        "svg",
        *drawn,
        class_="lane",
        height=scale.height,
        role="img",
        aria_label=f"{working.executive_id}: {_row_words(working)}",
        xmlns=SVG,
    )
    who = tag(
        "a",
        swatch(),
        tag("b", working.executive_id),
        " ",
        tag("small", working.summary),
        class_="who",
        href=_anchor(working),
    )
    return tag("div", who, lane, class_=f"row {working.style}", data_e=working.executive_id)


def _anchor(working: Working) -> str:
    return f"#roster-{working.executive_id}"


def _row_words(working: Working) -> str:
    shift = f"shift {shift_words(working.executive)}"
    if working.route is None:
        return f"no visits, {shift}"
    route = working.route
    return (
        f"{count(len(route.stops), 'stop')}, out {hhmm(route.depart_s)}, back {hhmm(route.return_s)}, "
        f"{duration(route.drive_s)} travelling, {duration(route.wait_s)} waiting, {shift}"
    )


def _promise(visit: Appointment, scale: Scale) -> Markup:
    """The slot as a line under the bar: what of it lies after the service is slack."""
    y = scale.top + scale.bar + 3.5
    return _line("promise", scale, visit.slot.open_s, visit.slot.close_s, y, data_v=visit.visit_id)


def _box(name: str, scale: Scale, from_s: int, to_s: int, y: float, height: float, words: str) -> Markup:
    return tag(
        "rect", tag("title", words), class_=name, x=scale.x(from_s), width=scale.wide(from_s, to_s), y=y, height=height
    )


def _line(name: str | None, scale: Scale, from_s: int, to_s: int, y: float, **attributes: str) -> Markup:
    return tag("line", class_=name, x1=scale.x(from_s), x2=scale.x(to_s), y1=y, y2=y, **attributes)


def _bar(view: View, working: Working, stretch: Stretch, scale: Scale) -> Markup:
    when = f"{span(stretch.start_s, stretch.end_s)}, {duration(stretch.end_s - stretch.start_s)}"
    middle = scale.top + scale.bar / 2
    match stretch.doing:
        case Doing.TRAVEL:
            goal = "back" if stretch.stop is None else f"to stop {stretch.stop.sequence}, {stretch.stop.visit.visit_id}"
            far = f", {kilometres(stretch.stop.distance_m)}" if stretch.stop else ""
            title = tag("title", f"{working.executive_id} travels {goal}\n{when}{far}")
            ends = scale, stretch.start_s, stretch.end_s, middle
            return tag("g", title, _line("reach", *ends), _line(None, *ends), class_="travel")
        case Doing.WAIT:
            words = f"{working.executive_id} waits\n{when}"
            return _box("wait", scale, stretch.start_s, stretch.end_s, middle - 3, 6, words)
        case Doing.BREAK:
            words = f"{working.executive_id} has a break{_break_place(view, working)}\n{when}"
            return _box("break", scale, stretch.start_s, stretch.end_s, scale.top, scale.bar, words)
        case Doing.SERVICE:
            return _service(view, working, stretch, scale)


def _break_place(view: View, working: Working) -> str:
    pause = working.route.pause if working.route else None
    return f", {place_words(view.problem, working.executive, pause.place_id)}" if pause else ""


def _service(view: View, working: Working, stretch: Stretch, scale: Scale) -> Markup:
    stop = stretch.stop
    if stop is None:
        raise ValueError(f"{working.executive_id}: service without a stop at {stretch.start_s}")
    kind = "appointment" if isinstance(stop.visit, Appointment) else "delivery"
    return tag(
        "g",
        _box(kind, scale, stretch.start_s, stretch.end_s, scale.top, scale.bar, stop_words(view, working, stop)),
        data_v=stop.visit.visit_id,
    )
