"""Charts of a study as inline SVG: a measure over the number of executives, one line for each length of slots.

Lengths differ by colour, dashes and mark, so that no chart is read by colour alone. A band is the 95 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.page.markup import SVG, Markup, number, tag
from api.study_cli.told import days, interval_words
from scenarios.study import Interval, Measure, Row

LEFT, RIGHT, TOP, BOTTOM = 58, 18, 62, 50
WIDE, NARROW = (880, 400), (430, 330)
COLOURS = 6
BANDS = 4
"""With more lines than this, intervals are drawn as upright lines only."""
APART = 7
"""Most pixels between the points of two lines at one number of executives."""
LEAST_SPAN = 10.0
"""Per cent that the upright axis of a share spans at least."""
TICKS = 6
"""Most marks of the upright axis, about."""
LEAST_MARK = 30
"""Pixels that a number below the chart takes."""
KEY_WIDE, KEY_HIGH = 97, 18

_MARKS = (
    "M-4.5-4.5H4.5V4.5H-4.5Z",
    "M0-5.5L5.5 4.5H-5.5Z",
    "M0-6L6 0L0 6L-6 0Z",
    "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z",
    "M0 5.5L5.5-4.5H-5.5Z",
)

_TITLES = {
    "served_percent": "Wishes served",
    "busy_hours_per_executive": "Busy time per executive",
    "overtime_minutes_per_executive": "Overtime per executive",
}
_NAMES = {
    "served_percent": "wishes served, % of all wishes",
    "busy_hours_per_executive": "service and travel, hours a day",
    "overtime_minutes_per_executive": "overtime, minutes a day",
}


@dataclass(frozen=True, slots=True)
class _Axis:
    """A linear axis: values at its ends, where these lie in the drawing, and its marks."""

    low: float
    high: float
    begin: float
    end: float
    marks: tuple[float, ...]

    def at(self, value: float) -> float:
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


@dataclass(frozen=True, slots=True)
class _Line:
    """One length of slots: its means by executives, its place among the lines, and pixels to the right of its value."""

    slot_minutes: int
    place: int
    aside: float
    points: tuple[tuple[int, Interval], ...]

    @property
    def look(self) -> str:
        """Colour and dashes; thirty lines differ."""
        return f"c{self.place % COLOURS} d{self.place % len(_MARKS)}"

    @property
    def mark(self) -> str:
        return _MARKS[self.place % len(_MARKS)]


def chart(rows: Sequence[Row], measure: Measure, *, wide: bool) -> Markup:
    """The chart of a measure as a figure; without a value of it, a sentence."""
    title = _TITLES[measure.name]
    width, height = WIDE if wide else NARROW
    x = _executives([row.setting.executives for row in rows], LEFT + 18, width - RIGHT - 18)
    lines = _lines(rows, measure, x)
    if not any(line.points for line in lines):
        return tag("p", f"{title}: no values.")
    per_row = max(1, (width - LEFT - RIGHT - 60) // KEY_WIDE)
    keys = -(-len(lines) // per_row)
    top = TOP + KEY_HIGH * (keys - 1)
    height += KEY_HIGH * (keys - 1)
    y = _values(lines, measure, height - BOTTOM, top)
    frame = f"frame-{measure.name}"
    words = f"{title}, {measure.unit}, by number of executives, one line for each length of slots; see the table."
    box = tag("rect", x=LEFT, y=top, width=width - LEFT - RIGHT, height=height - BOTTOM - top)
    drawn = tag(
        "svg",
        tag("title", words),
        tag("defs", tag("clipPath", box, id=frame)),
        tag("text", title, x=LEFT, y=20, class_="title"),
        *_keys(lines, per_row),
        *_grid(x, y, width, top, height, _NAMES[measure.name]),
        tag("g", *(_reach(line, x, y, len(lines) <= BANDS) for line in lines), clip_path=f"url(#{frame})"),
        *(_drawn(line, x, y, measure) for line in lines),
        xmlns=SVG,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=words,
    )
    return tag("figure", drawn, class_="wide" if wide else None)


def _lines(rows: Sequence[Row], measure: Measure, x: _Axis) -> list[_Line]:
    """One line for each length of slots, side by side so that none hides another."""
    lengths = sorted({row.setting.slot_minutes for row in rows})
    apart = min(APART, (x.at(1.0) - x.at(0.0)) / (len(lengths) + 1), 30 / len(lengths))
    made = []
    for place, minutes in enumerate(lengths):
        points = [
            (row.setting.executives, found)
            for row in rows
            if row.setting.slot_minutes == minutes and (found := row.measures[measure.name]) is not None
        ]
        made.append(_Line(minutes, place, apart * (place - (len(lengths) - 1) / 2), tuple(points)))
    return made


# ------------------------------------------------------------------------------------------- axes


def _executives(values: Sequence[int], begin: float, end: float) -> _Axis:
    """Whole numbers, so many of them written as have room; a single one stands in the middle."""
    low, high = min(values), max(values)
    every = max(1, math.ceil((high - low) * LEAST_MARK / (end - begin)))
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100) if step >= every)
    marks = tuple(float(value) for value in range(low, high + 1) if every == 1 or value % every == 0)
    if low == high:
        return _Axis(low - 1.0, high + 1.0, begin, end, marks)
    return _Axis(float(low), float(high), begin, end, marks)


def _values(lines: Sequence[_Line], measure: Measure, begin: float, end: float) -> _Axis:
    """From a round number at or below all that is drawn to one above; shares are from 0 to 100, others begin at 0."""
    drawn = [
        value
        for line in lines
        for _, found in line.points
        for value in (found.mean, found.low, found.high)
        if value is not None
    ]
    if measure.unit == "%":
        low, high = max(0.0, min(drawn)), min(100.0, max(drawn))
        more = max(0.0, LEAST_SPAN - (high - low))
        high = min(100.0, high + more / 2)
        low = max(0.0, min(low, high - LEAST_SPAN))
        high = max(high, low + LEAST_SPAN)
    else:
        low, high = 0.0, max(drawn) or 1.0
    step = _round_step((high - low) / TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return _Axis(first * step, last * step, begin, end, tuple(n * step for n in range(first, last + 1)))


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least - 1e-12)


def _grid(x: _Axis, y: _Axis, width: int, top: int, height: int, name: str) -> Iterator[Markup]:
    right, low = width - RIGHT, height - BOTTOM
    for value in y.marks:
        at = number(y.at(value))
        yield tag("path", d=f"M{LEFT} {at}H{right}", class_="grid")
        yield tag("text", f"{value:g}", x=LEFT - 8, y=y.at(value) + 4, class_="mark", text_anchor="end")
    for value in x.marks:
        at = number(x.at(value))
        yield tag("path", d=f"M{at} {low}v5", class_="axis")
        yield tag("text", f"{value:g}", x=x.at(value), y=low + 19, class_="mark", text_anchor="middle")
    yield tag("path", d=f"M{LEFT} {top}V{low}H{right}", class_="axis")
    yield tag("text", "executives on the roster", x=(LEFT + right) / 2, y=low + 40, class_="name", text_anchor="middle")
    turned = f"translate(16 {number((top + low) / 2)}) rotate(-90)"
    yield tag("text", name, transform=turned, class_="name", text_anchor="middle")


# ------------------------------------------------------------------------------------------ lines


def _reach(line: _Line, x: _Axis, y: _Axis, band: bool) -> Markup:
    """The intervals: an upright line at each number of executives, and a band between them."""
    found = [(e, f.low, f.high) for e, f in line.points if f.low is not None and f.high is not None]
    ends = [(number(x.at(e) + line.aside), number(y.at(low)), number(y.at(high))) for e, low, high in found]
    there = " ".join(f"{at},{high}" for at, _, high in ends)
    back = " ".join(f"{at},{low}" for at, low, _ in reversed(ends))
    area = [tag("polygon", points=f"{there} {back}", class_="band")] if band and len(ends) > 1 else []
    upright = [tag("path", d=f"M{at} {low}V{high}", class_="reach") for at, low, high in ends]
    return tag("g", *area, *upright, class_=line.look)


def _drawn(line: _Line, x: _Axis, y: _Axis, measure: Measure) -> Markup:
    places = [(number(x.at(e) + line.aside), number(y.at(found.mean))) for e, found in line.points]
    marks = []
    for (at, height), (executives, found) in zip(places, line.points, strict=True):
        words = f"{executives} executives, {line.slot_minutes}-minute slots: {interval_words(found)} {measure.unit}"
        title = tag("title", f"{words}, {days(found.values)}")
        marks.append(tag("path", title, d=line.mark, transform=f"translate({at} {height})", class_="point"))
    way = "L".join(f"{at} {height}" for at, height in places)
    path = [tag("path", d=f"M{way}", class_="line")] if len(places) > 1 else []
    return tag("g", *path, *marks, class_=line.look)


def _keys(lines: Sequence[_Line], per_row: int) -> Iterator[Markup]:
    yield tag("text", "slots of", x=LEFT, y=43, class_="mark")
    for line in lines:
        left, top = LEFT + 60 + line.place % per_row * KEY_WIDE, 39 + line.place // per_row * KEY_HIGH
        sample = tag("path", d=f"M{left} {top}h30", class_="line")
        mark = tag("path", d=line.mark, transform=f"translate({left + 15} {top})", class_="point")
        words = tag("text", f"{line.slot_minutes} min", x=left + 37, y=top + 4, class_="mark")
        yield tag("g", sample, mark, words, class_=line.look)
