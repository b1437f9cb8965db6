"""Charts as inline SVG: step curves on a logarithmic axis of time, and performance profiles.

Our engines are drawn in unbroken lines, peers in dashed ones, each planner always in the same colour and with the
same mark at the end of its line, so that no chart is read by colour alone. Colours are those of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from api.page.markup import SVG, Markup, join, number, tag
from benchmarks.planners import NAMES, PEERS
from benchmarks.report.curves import Curve, DayCurves, Profile

WIDTH, HEIGHT = 660, 330
LEFT, RIGHT, TOP, BOTTOM = 62, 24, 34, 46
FLOOR = 1e-4
"""Fractions below this are drawn at it: a logarithmic axis has no zero."""
LEAST_S = 0.01
COLOURS = 10
KEY_ROW, KEY_WIDE, KEY_LEFT = 20, 128, 16
KEYS = (WIDTH - KEY_LEFT) // KEY_WIDE
"""Names in a row below a chart."""

Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Marks by value with their words, and where a value lies in the drawing."""

    marks: tuple[tuple[float, str], ...]
    at: Scale


def over_time(day: DayCurves, title: str, curves: Sequence[Curve], what: str) -> Markup:
    """A chart of fractions over seconds, both logarithmic."""
    begins = [point[0] for curve in curves for point in curve.points]
    values = [point[1] for curve in curves for point in curve.points]
    x = _powers(max(LEAST_S, min(begins)), max(curve.until for curve in curves), LEFT, WIDTH - RIGHT, _seconds, LEAST_S)
    y = _powers(FLOOR, max([*values, 10 * FLOOR]), HEIGHT - BOTTOM, TOP, _percent, FLOOR)
    words = f"{title}: {what}, per cent, over seconds since the run began, both logarithmic; figures are in the table."
    return _figure(f"{day.day}: {title}", words, curves, x, y, ("seconds since the run began", f"{what}, %"))


def profile_chart(profile: Profile, title: str) -> Markup:
    """A performance profile: share of cases over the distance to the best."""
    x = _powers(FLOOR, max([10 * FLOOR, *(c.until for c in profile.curves)]), LEFT, WIDTH - RIGHT, _percent, FLOOR)
    marks = tuple((share / 4, f"{25 * share}") for share in range(5))
    y = _Axis(marks, lambda share: HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP))
    words = (
        f"{title}: share of {profile.cases} cases over the distance to the best run of each; figures are in the table."
    )
    return _figure(title, words, profile.curves, x, y, ("at most so far above the best run, %", "share of cases, %"))


# ---------------------------------------------------------------------------------------- axes


def _powers(low: float, high: float, begin: float, end: float, words: Callable[[float], str], floor: float) -> _Axis:
    """A logarithmic axis from the power of ten at or below `low` to the first half decade at or above `high`."""
    first = math.floor(math.log10(low) + 1e-9)
    last = max(first + 1.0, math.ceil(2 * math.log10(high) - 1e-9) / 2)
    marks = tuple((10.0**power, words(10.0**power)) for power in range(first, math.floor(last) + 1))

    def at(value: float) -> float:
        return begin + (math.log10(max(value, floor)) - first) / (last - first) * (end - begin)

    return _Axis(marks, at)


def _seconds(value: float) -> str:
    return f"{value:g}"


def _percent(fraction: float) -> str:
    words = f"{100 * fraction:g}"
    return f"\u2264 {words}" if fraction <= FLOOR else words


# ------------------------------------------------------------------------------------- drawing


def style_of(engine: str) -> tuple[str, str]:
    """Class of colour and dashes of a planner, and the name of its mark."""
    place = NAMES.index(engine) if engine in NAMES else len(NAMES) + sum(engine.encode()) % COLOURS
    peers = list(PEERS)
    dash = f"d{1 + peers.index(engine) % 4}" if engine in PEERS else "d0"
    return f"c{place % COLOURS} {dash}", _MARKS[place % len(_MARKS)]


_MARKS = (
    "M-4-4H4V4H-4Z",
    "M0-5L5 4H-5Z",
    "M0-5.5L5.5 0L0 5.5L-5.5 0Z",
    "M-5-1.5H-1.5V-5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5Z",
    "M0 5L5-4H-5Z",
)


def _figure(title: str, words: str, curves: Sequence[Curve], x: _Axis, y: _Axis, names: tuple[str, str]) -> Markup:
    keys = math.ceil(len(curves) / KEYS)
    height = HEIGHT + keys * KEY_ROW
    drawing = tag(
        "svg",
        tag("title", words),
        tag("text", title, x=LEFT, y=18, class_="title"),
        *_grid(x, y, names),
        *(_curve(curve, x, y) for curve in curves),
        *_keys(curves),
        xmlns=SVG,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=words,
    )
    return tag("figure", drawing)


def _grid(x: _Axis, y: _Axis, names: tuple[str, str]) -> Iterable[Markup]:
    low, high = HEIGHT - BOTTOM, TOP
    for value, words in y.marks:
        at = number(y.at(value))
        yield tag("path", d=f"M{LEFT} {at}H{WIDTH - RIGHT}", class_="grid")
        yield tag("text", words, x=LEFT - 7, y=y.at(value) + 4, class_="mark", text_anchor="end")
    for value, words in x.marks:
        at = number(x.at(value))
        yield tag("path", d=f"M{at} {low}V{high}", class_="grid")
        yield tag("text", words, x=x.at(value), y=low + 17, class_="mark", text_anchor="middle")
    yield tag("path", d=f"M{LEFT} {high}V{low}H{WIDTH - RIGHT}", class_="axis")
    yield tag("text", names[0], x=(LEFT + WIDTH - RIGHT) / 2, y=low + 36, class_="name", text_anchor="middle")
    middle = number((low + high) / 2)
    yield tag("text", names[1], transform=f"translate(15 {middle}) rotate(-90)", class_="name", text_anchor="middle")


def _curve(curve: Curve, x: _Axis, y: _Axis) -> Markup:
    look, mark = style_of(curve.engine)
    places = [(x.at(at), y.at(value)) for at, value in curve.points]
    if not places:
        return Markup("")
    marked = places if not curve.steps else [(x.at(curve.until), places[-1][1])]
    if curve.points[-1][1] > curve.points[0][1]:  # a profile: all end together, so the mark is where a line leaves zero
        marked = [next(place for place, point in zip(places, curve.points, strict=True) if point[1] > 0)]
    marks = [tag("path", d=mark, transform=f"translate({number(a)} {number(b)})", class_="end") for a, b in marked]
    lines = []
    if curve.steps:
        (left, first), *others = places
        steps = "".join(f"H{number(a)}V{number(b)}" for a, b in others)
        lines.append(
            tag("path", d=f"M{number(left)} {number(first)}{steps}H{number(x.at(curve.until))}", class_="line")
        )
    return tag("g", tag("title", curve.engine), *lines, *marks, class_=look)


def _keys(curves: Sequence[Curve]) -> Iterable[Markup]:
    for place, curve in enumerate(curves):
        look, mark = style_of(curve.engine)
        left, top = KEY_LEFT + place % KEYS * KEY_WIDE, HEIGHT + place // KEYS * KEY_ROW + 4
        line = tag("path", d=f"M{left} {top}h26", class_="line")
        end = tag("path", d=mark, transform=f"translate({left + 13} {top})", class_="end")
        name = tag("text", curve.engine, x=left + 32, y=top + 4, class_="mark")
        yield tag("g", join((line, end) if curve.steps else (end,)), name, class_=look)
