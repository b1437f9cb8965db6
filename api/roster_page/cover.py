"""Cover against demand: for each day a small chart of executives on shift and wanted by slot, and the mean day."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.page.markup import Markup, number, tag
from api.roster_page.drawing import (
    WEEK,
    Drawing,
    blocks,
    box,
    hatch,
    key,
    monday,
    shortened,
    stretch_words,
    words_at,
)
from api.roster_page.views import (
    DAYS,
    CoverDay,
    CoverPart,
    CoverView,
    SlotCover,
    day_words,
    executives_words,
    mean_words,
    reason_words,
    span_words,
)
from optimizer.calendar import SUNDAY
from optimizer.domain import Slot
from optimizer.roster.nouns import QUARTERS
from optimizer.units import HOUR_S, hhmm

MOST_WEEKS = 4
LEFT, TOP = 62, 4
PANEL, PANEL_HIGH, APART, ROW = 140, 78, 18, 122
"""A day is so wide and high, with so much between two of them; a week is so high, with its words."""
WIDE, HIGH = 900, 210
MARKS = 5
"""Numbers of the upright axis, about."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where slots are drawn: from the left edge, so wide, down to `low`, so many units for an executive."""

    left: float
    low: float
    wide: float
    slots: int
    per_executive: float

    def x(self, slot: float) -> float:
        return self.left + self.wide * slot / self.slots

    def y(self, executives: float) -> float:
        return self.low - executives * self.per_executive


def part_words(part: CoverPart) -> str:
    """Whom a part counts."""
    return "all executives" if part.name is None else f"holders of {part.name}"


def cover_drawings(view: CoverView, part: int, weeks: int = MOST_WEEKS) -> tuple[Drawing, ...]:
    """The mean of the days of one part of the cover, then the days, a drawing for each block of weeks."""
    shown = view.parts[part]
    cut = blocks([day.date for day in shown.days], weeks)
    most = _scale([_highest(day.slots) for day in shown.days])
    drawn = [_days(view, shown, days, most, f"cover-{part + 1}-{place}") for place, days in enumerate(cut, 1)]
    return (_mean(view, shown, f"cover-{part + 1}-mean"), *drawn)


def _highest(slots: Sequence[SlotCover]) -> float:
    return max((max(s.wanted_quarters, s.on_shift_quarters) for s in slots), default=0) / QUARTERS


def _scale(highest: Sequence[float]) -> tuple[int, int]:
    """The top of the axis and the step between its numbers, in executives."""
    most = max(1, math.ceil(max(highest, default=0)))
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if s * MARKS >= most)
    return most, step


# --------------------------------------------------------------------------------------- the days


def _days(view: CoverView, part: CoverPart, days: range, most: tuple[int, int], name: str) -> Drawing:
    shown = part.days[days.start : days.stop]
    weeks = sorted({monday(day.date) for day in shown})
    body: list[Markup] = []
    for day in shown:
        row = weeks.index(monday(day.date))
        left, top = LEFT + day.date.weekday() * (PANEL + APART), TOP + 20 + row * ROW
        body.extend(_panel(view, part, day, most, (left, top), name))
    for row, first in enumerate(weeks):
        top = TOP + 20 + row * ROW
        body.append(words_at(4, top + 10, "week", "soft"))
        body.append(words_at(4, top + 26, str(first.isocalendar().week), "title"))
    width = LEFT + WEEK * (PANEL + APART)
    low = TOP + len(weeks) * ROW + 12
    samples = [*_samples(name)]
    if any(day.closed is not None for day in shown):
        samples.append((box(0, 2, 22, 13, hatch(name, "closed")), 22, "closed day"))
    marks, high = key(samples, LEFT, low, width)
    title = f"Cover by slot, {part_words(part)}, {stretch_words([day.date for day in shown])}"
    words = (
        f"One small chart a day, one row a week. Bars: executives on shift, breaks taken off; line: wanted; hatched: "
        f"missing. {executives_words(sum(d.missing_quarters for d in shown))} missing, summed over slots."
    )
    return Drawing(name, title, words, width, low + high, (*body, *marks))


def _panel(
    view: CoverView, part: CoverPart, day: CoverDay, scale: tuple[int, int], corner: tuple[float, float], name: str
) -> Iterator[Markup]:
    left, top = corner
    low = top + PANEL_HIGH
    most, step = scale
    date = day.date
    if date.weekday() == SUNDAY:
        yield box(left - 4, top - 18, PANEL + 8, PANEL_HIGH + 34, classes="sunday")
    yield words_at(left, top - 5, f"{DAYS[date.weekday()]} {date.day}", "strong")
    if day.closed is not None:
        area = box(left, top, PANEL, PANEL_HIGH, hatch(name, "closed"))
        reason = reason_words(day.closed)
        yield tag("g", tag("title", f"{day_words(date)}: closed, {reason}"), area, class_="closed-day")
        yield words_at(
            left + PANEL / 2, top + PANEL_HIGH / 2 + 4, shortened(reason, PANEL - 8), "strong halo", "middle"
        )
        return
    if day.missing_quarters:
        yield words_at(left + PANEL, top - 5, f"{executives_words(day.missing_quarters)} missing", "warn", "end")
    frame = _Frame(left, low, PANEL, len(view.slots), PANEL_HIGH / most)
    yield from _rules(frame, most, step, numbers=date.weekday() == 0 or date == part.days[0].date)
    yield from _hours(frame, view.slots)
    for slot, cover in enumerate(day.slots):
        yield _bar(frame, slot, cover, 1, name, f"{day_words(date)}, {_slot_words(view.slots[slot], cover)}")
    yield _line(frame, [slot.wanted_quarters / QUARTERS for slot in day.slots])


def _slot_words(slot: Slot, cover: SlotCover) -> str:
    wanted, there = executives_words(cover.wanted_quarters), executives_words(cover.on_shift_quarters)
    words = f"{span_words(slot)}: {there} on shift, {wanted} wanted"
    return f"{words}, {executives_words(cover.missing_quarters)} missing" if cover.missing_quarters else words


def _rules(frame: _Frame, most: int, step: int, *, numbers: bool) -> Iterator[Markup]:
    for value in range(0, most + 1, step):
        y = frame.y(value)
        yield tag("path", d=f"M{number(frame.left)} {number(y)}h{number(frame.wide)}", class_="hair")
        if numbers:
            yield words_at(frame.left - 5, y + 4, str(value), "small", "end")


def _hours(frame: _Frame, slots: Sequence[Slot]) -> Iterator[Markup]:
    """The first and every fourth full hour below a small chart, and the end of the last slot."""
    edges = [slot.open_s for slot in slots] + [slots[-1].close_s]
    for place, second in enumerate(edges):
        if second % HOUR_S == 0 and (second - edges[0]) % (4 * HOUR_S) == 0:
            yield words_at(frame.x(place), frame.low + 12, str(second // HOUR_S), "small", "middle")


def _bar(frame: _Frame, slot: int, cover: SlotCover, days: int, name: str, words: str) -> Markup:
    """What is wanted and there, on it what is missing, on it what is there and not wanted."""
    gap = min(1.0, frame.wide / frame.slots / 12)
    x, wide = frame.x(slot) + gap, frame.wide / frame.slots - 2 * gap
    drawn = []
    y = frame.low
    for quarters, fill, classes in (
        (cover.met_quarters, None, "met"),
        (cover.missing_quarters, hatch(name, "missing"), "lack"),
        (cover.spare_quarters, None, "spare"),
    ):
        high = quarters / QUARTERS / days * frame.per_executive
        if high > 0:
            y -= high
            drawn.append(box(x, y, wide, high, fill, classes))
    touch = box(frame.x(slot), y, frame.wide / frame.slots, max(frame.low - y, 1), classes="touch")
    return tag("g", tag("title", words), *drawn, touch)


def _line(frame: _Frame, wanted: Sequence[float]) -> Markup:
    """What is wanted, as steps."""
    steps = "".join(f"V{number(frame.y(value))}H{number(frame.x(slot + 1))}" for slot, value in enumerate(wanted))
    return tag("path", d=f"M{number(frame.x(0))} {number(frame.low)}{steps}V{number(frame.low)}", class_="wanted")


def _samples(name: str) -> Iterator[tuple[Markup, float, str]]:
    yield box(0, 2, 22, 13, classes="met"), 22, "on shift and wanted"
    yield box(0, 2, 22, 13, classes="spare"), 22, "on shift, not wanted"
    yield box(0, 2, 22, 13, hatch(name, "missing"), "lack"), 22, "missing"
    yield tag("path", d="M0 12H11V5H26", class_="wanted"), 26, "wanted"


# ----------------------------------------------------------------------------------- the mean day


def _mean(view: CoverView, part: CoverPart, name: str) -> Drawing:
    days, slots = part.open_days, len(view.slots)
    means = [part.summed(slot) for slot in range(slots)]
    tops = [(s.wanted_quarters + s.spare_quarters) / QUARTERS / max(days, 1) for s in means]
    most, step = _scale(tops)
    left, top = 78.0, 24.0
    frame = _Frame(left, top + HIGH, WIDE - left - 10, slots, HIGH / most)
    body = [*_rules(frame, most, step, numbers=True)]
    every = -(-slots // 16)
    for slot, cover in enumerate(means):
        middle = frame.x(slot + 0.5)
        wanted, there, lacking = mean_cells(cover, days)
        words = f"{span_words(view.slots[slot])}, mean of a day: {there} on shift, {wanted} wanted, {lacking} missing"
        if days:
            body.append(_bar(frame, slot, cover, days, name, words))
        if slot % every:
            continue
        body.append(words_at(middle, frame.low + 17, hhmm(view.slots[slot].open_s), "head", "middle"))
        for line, (value, classes) in enumerate(
            ((wanted, "name"), (there, "name"), (lacking, "name warn" if cover.missing_quarters else "name soft"))
        ):
            body.append(words_at(middle, frame.low + 38 + 18 * line, value, classes, "middle"))
    body.append(_line(frame, [s.wanted_quarters / QUARTERS / max(days, 1) for s in means]))
    for line, head in enumerate(("wanted", "on shift", "missing")):
        body.append(words_at(left - 12, frame.low + 38 + 18 * line, head, "soft", "end"))
    body.append(words_at(left - 12, frame.low + 17, "slot", "soft", "end"))
    body.append(words_at(4, 10, "executives, mean of the open days", "soft"))
    marks, high = key(_samples(name), left, frame.low + 92, WIDE)
    title = f"Mean cover by slot, {part_words(part)}"
    words = f"Mean of {days} open days: executives wanted, on shift and missing in each slot, as bars and as numbers."
    return Drawing(name, title, words, WIDE, frame.low + 92 + high, (*body, *marks))


def mean_cells(cover: SlotCover, days: int) -> tuple[str, str, str]:
    """Wanted, on shift, missing in a slot, the mean of so many days, as it is written."""
    return (
        mean_words(cover.wanted_quarters, days),
        mean_words(cover.on_shift_quarters, days),
        mean_words(cover.missing_quarters, days),
    )
