"""The roster as a grid: executives down, dates across, each shift lettered and coloured by the hour it begins."""

from __future__ import annotations

from collections.abc import Iterator

from api.page.markup import Markup, count, join, number, span, tag
from api.roster_page.drawing import (
    HEAD_HIGH,
    LEAST_WIDE,
    LETTER_WIDE,
    WEEKDAYS,
    Drawing,
    blocks,
    box,
    day_heads,
    hatch,
    key,
    shade,
    shortened,
    stretch_words,
    week_lines,
    words_at,
)
from api.roster_page.views import GridRow, GridView, ShiftKind, day_words, reason_words
from optimizer.calendar import SUNDAY

MOST_WEEKS = 4
"""Weeks that stand side by side."""
CELL, ROW = 27, 23
TOTAL = 56
LEAST_NAME, MOST_NAME = 64, 170
GUIDE, LONG = 5, 25
"""A line after so many executives leads the eye; below so many the dates are written again."""
HOURS = ("#fff0a8", "#cdeaa0", "#a2dcc4", "#a5cdf0", "#cdbcf2")
"""Shades of shifts from the earliest to the latest; ink on each has a contrast of 8 or more."""
TOTALS = ("shifts", "hours", "closing", "Sundays")
OFF, LEAVE = "\u00b7", "L"
REFUSED = "*"
"""After a cell of the table that is other than its executive would have liked."""


def grid_drawings(view: GridView, weeks: int = MOST_WEEKS) -> tuple[Drawing, ...]:
    """The grid, one drawing for each block of weeks; totals are those of all dates."""
    cut = blocks(view.dates, weeks)
    return tuple(_block(view, days, f"grid-{place}", len(cut) > 1) for place, days in enumerate(cut, 1))


def _block(view: GridView, days: range, name: str, is_part: bool) -> Drawing:
    dates = view.dates[days.start : days.stop]
    longest = max((len(row.executive_id) for row in view.rows), default=0)
    left = min(max(longest * LETTER_WIDE + 14, LEAST_NAME), MOST_NAME)
    right = left + len(dates) * CELL
    width = right + 14 + len(TOTALS) * TOTAL
    top, rows_high = HEAD_HIGH, len(view.rows) * ROW
    low = top + rows_high
    body = [
        *day_heads(dates, left, CELL, 0, low),
        *_guides(len(view.rows), left, right, top, width),
        *_closed(view, days, name, left, top, rows_high),
    ]
    for place, row in enumerate(view.rows):
        y = top + place * ROW
        body.append(_name(row, y, left))
        body.extend(_cells(view, row, days, left, y))
        body.extend(_totals(view, row, right + 14, y))
    body.append(week_lines(dates, left, CELL, 0, low))
    body.extend(_heads(right + 14, is_part))
    body.append(words_at(left - 8, low + 17, "on shift", "head", "end"))
    for column, day in enumerate(days):
        shown = "\u2013" if view.dates[day] in view.closed else str(view.on_shift(day))
        body.append(words_at(left + (column + 0.5) * CELL, low + 17, shown, "head strong", "middle"))
    wide = max(width, LEAST_WIDE)
    foot = low + 34
    if len(view.rows) >= LONG:
        foot += 14
        for column, date in enumerate(dates):
            words = f"{WEEKDAYS[date.weekday()][0]}{date.day}"
            body.append(words_at(left + (column + 0.5) * CELL, low + 32, words, "head", "middle"))
    marks, high = key(_samples(view, name), 6, foot, wide)
    stretch = stretch_words(dates)
    words = (
        f"{count(len(view.rows), 'executive')} by {count(len(dates), 'day')}. Numbers in the cells are the hour at "
        "which a shift begins; the same stands in the table."
    )
    return Drawing(name, f"Roster, {stretch}", words, wide, foot + high, (*body, *marks))


def _guides(rows: int, left: float, right: float, top: float, width: float) -> Iterator[Markup]:
    for row in range(0, rows + 1, GUIDE):
        y = number(top + row * ROW)
        yield tag("path", d=f"M4 {y}H{number(right)}M{number(right + 14)} {y}H{number(width)}", class_="hair")
    if rows % GUIDE:
        y = number(top + rows * ROW)
        yield tag("path", d=f"M{number(left)} {y}H{number(right)}", class_="hair")


def _closed(view: GridView, days: range, name: str, left: float, top: float, high: float) -> Iterator[Markup]:
    for column, day in enumerate(days):
        date = view.dates[day]
        if date in view.closed:
            words = f"{day_words(date)}: closed, {reason_words(view.closed[date])}"
            area = tag("rect", x=left + column * CELL, y=top, width=CELL, height=high, fill=hatch(name, "closed"))
            yield tag("g", tag("title", words), area, class_="closed-day")


def _name(row: GridRow, y: float, left: float) -> Markup:
    shown = shortened(row.executive_id, left - 12)
    return tag("g", tag("title", row.executive_id), words_at(6, y + ROW - 7, shown, "name"))


def _cells(view: GridView, row: GridRow, days: range, left: float, y: float) -> Iterator[Markup]:
    for column, day in enumerate(days):
        date, cell = view.dates[day], row.cells[day]
        x = left + column * CELL
        away = date in row.leave
        marks: list[Markup]
        if cell is not None:
            shift = view.shift_by_id[cell]
            words, marks = f"{shift_words(shift)}{', on leave' if away else ''}", list(shift_marks(view, shift, x, y))
        elif away:
            words, marks = "leave", list(_leave(x, y))
        elif date not in view.closed:
            words, marks = "day off", [words_at(x + CELL / 2, y + ROW - 7, OFF, "dot", "middle")]
        else:
            words, marks = "closed", []
        if date in row.refused:
            words = f"{words}; would have liked {row.refused[date] or 'a day off'}"
            marks.append(refused_mark(x, y))
        if marks:
            yield tag("g", tag("title", f"{row.executive_id}, {day_words(date)}: {words}"), *marks)


def refused_mark(x: float, y: float) -> Markup:
    """The corner of a cell that is other than its executive would have liked."""
    return tag("path", d=f"M{number(x + CELL - 9)} {number(y + 1)}h8v8z", class_="refused-request")


def shift_words(shift: ShiftKind) -> str:
    """A shift in words: `H12, 12:00 to 20:00, closing shift`."""
    hours = f"{shift.pattern_id}, {span(shift.open_s, shift.close_s)}"
    return f"{hours}, closing shift" if shift.closing else hours


def shift_marks(view: GridView, shift: ShiftKind, x: float, y: float) -> Iterator[Markup]:
    """The cell of a shift: its colour, its letters, and a bar below a closing shift."""
    yield box(x + 0.5, y + 0.5, CELL - 1, ROW - 1, _colour(view, shift), "cell")
    small = "letter" if len(shift.letters) <= 3 else "small"
    yield words_at(x + CELL / 2, y + ROW - 7, shift.letters, small, "middle")
    if shift.closing:
        yield tag("path", d=f"M{number(x + 4)} {number(y + ROW - 3)}h{CELL - 8}", class_="closing")


def _colour(view: GridView, shift: ShiftKind) -> str:
    opens = [each.open_s for each in view.shifts]
    wide = max(opens) - min(opens)
    return shade(HOURS, (shift.open_s - min(opens)) / wide if wide else 0.0)


def _leave(x: float, y: float) -> Iterator[Markup]:
    yield box(x + 0.5, y + 0.5, CELL - 1, ROW - 1, "#f8dcdc", "cell")
    yield words_at(x + CELL / 2, y + ROW - 7, LEAVE, "letter", "middle")


def _heads(left: float, is_part: bool) -> Iterator[Markup]:
    yield words_at(left + 10, 12, "all dates" if is_part else "in all", "week")
    for place, name in enumerate(TOTALS):
        yield words_at(left + (place + 1) * TOTAL - 6, 46, name, "head", "end")


def _totals(view: GridView, row: GridRow, left: float, y: float) -> Iterator[Markup]:
    for place, value in enumerate(total_words(view, row)):
        yield words_at(left + (place + 1) * TOTAL - 6, y + ROW - 7, value, "name", "end")


def total_words(view: GridView, row: GridRow) -> tuple[str, str, str, str]:
    """Shifts, hours, closing shifts and Sundays as they are written."""
    totals = view.totals(row)
    return str(totals.shifts), totals.hours, str(totals.closing), str(totals.sundays)


def _samples(view: GridView, name: str) -> Iterator[tuple[Markup, float, str]]:
    lift = -(ROW - 16) / 2
    for shift in view.shifts:
        yield join(shift_marks(view, shift, 0, lift)), CELL, span(shift.open_s, shift.close_s)
    if any(shift.closing for shift in view.shifts):
        yield tag("path", d=f"M4 12h{CELL - 8}", class_="closing"), CELL, "closing shift"
    yield words_at(CELL / 2, lift + ROW - 7, OFF, "dot", "middle"), CELL, "day off"
    if any(row.leave for row in view.rows):
        yield join(_leave(0, lift)), CELL, "leave"
    if any(row.refused for row in view.rows):
        mark = join((box(0.5, lift + 0.5, CELL - 1, ROW - 1, "#ffffff", "cell"), refused_mark(0, lift)))
        yield mark, CELL, "would have liked something else"
    if view.closed:
        yield box(0, lift, CELL, ROW, hatch(name, "closed")), CELL, "closed day"
    if any(date.weekday() == SUNDAY for date in view.dates):
        yield box(0, lift, CELL, ROW, classes="sunday"), CELL, "Sunday"


def cell_words(view: GridView, row: GridRow, day: int) -> str:
    """A cell of the table: the letters of the shift, `L` for leave, nothing but a dash on a closed day.

    A star follows where its executive would have liked something else.
    """
    cell, date = row.cells[day], view.dates[day]
    if cell is not None:
        words = view.shift_by_id[cell].letters
    else:
        words = LEAVE if date in row.leave else "\u2013" if date in view.closed else OFF
    return f"{words}{REFUSED}" if date in row.refused else words
