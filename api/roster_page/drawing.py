"""What the pictures share: a frame that can stand alone, hatches, shades, a key, and days in blocks of weeks."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import groupby, pairwise

from api.page.markup import SVG, Markup, number, tag
from api.roster_page.views import MONTHS
from optimizer.calendar import SUNDAY

WEEK = 7
LETTER_WIDE, TITLE_LETTER_WIDE = 6.7, 8.4
"""Units a letter is wide, about: of 12 units, of a title."""
LEAST_WIDE = 600
"""Units that title and key take."""
HEAD_HIGH = 52
"""Units of the three lines over a grid of dates: week, day of the week, date."""
KEY_HIGH = 26
TITLE_HIGH = 28
"""Units of the title, which stands over everything else."""

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: `name` makes its hatches different from those of others on a page, `words` say what it shows.

    The title is drawn over the body and takes no part of its height.
    """

    name: str
    title: str
    words: str
    width: float
    height: float
    body: tuple[Markup, ...]

    def inline(self) -> Markup:
        """The SVG for a page that has the style of drawings."""
        return self._svg(())

    def alone(self) -> Markup:
        """The SVG for a file of its own."""
        return self._svg((tag("style", Markup(drawing_css())),))

    def _svg(self, style: Sequence[Markup]) -> Markup:
        height = self.height + TITLE_HIGH
        return tag(
            "svg",
            tag("title", self.title),
            tag("desc", self.words),
            *style,
            tag("defs", *_hatches(self.name)),
            tag("rect", width=self.width, height=height, class_="paper"),
            words_at(4, 18, shortened(self.title, self.width, TITLE_LETTER_WIDE), "title"),
            tag("g", *self.body, transform=f"translate(0 {TITLE_HIGH})"),
            class_="drawing",
            viewBox=f"0 0 {number(self.width)} {number(height)}",
            width=self.width,
            height=height,
            role="img",
            aria_label=f"{self.title}. {self.words}",
            xmlns=SVG,
        )


@lru_cache(maxsize=1)
def drawing_css() -> str:
    """The style that drawings need, in a page or alone."""
    return (files("api.roster_page") / "drawing.css").read_text(encoding="utf-8").strip()


def hatch(name: str, which: str) -> str:
    """The fill of a hatch of the drawing `name`: `closed` or `missing`."""
    return f"url(#{name}-{which})"


def _hatches(name: str) -> Iterator[Markup]:
    for which, ground, line, ways in (
        ("closed", "#f1f0ec", "#8d949b", "M-1 1L1-1M0 8L8 0M7 9L9 7"),
        ("missing", "#ffd9b8", "#b4400a", "M-1-1L1 1M0 0L8 8M7 7L9 9"),
    ):
        area = tag("rect", width=8, height=8, fill=ground)
        lines = tag("path", d=ways, stroke=line, stroke_width=1.4)
        yield tag("pattern", area, lines, id=f"{name}-{which}", width=8, height=8, patternUnits="userSpaceOnUse")


def words_at(x: float, y: float, words: str, classes: str = "", anchor: str | None = None) -> Markup:
    """A text with its baseline there; `anchor` is `middle` or `end`, the start unless given."""
    return tag("text", words, x=x, y=y, class_=classes or None, text_anchor=anchor)


def box(x: float, y: float, width: float, height: float, fill: str | None = None, classes: str = "") -> Markup:
    """A rectangle."""
    return tag("rect", x=x, y=y, width=width, height=height, fill=fill, class_=classes or None)


def shortened(words: str, room: float, letter_wide: float = LETTER_WIDE) -> str:
    """Words that fit into so many units, the rest left out."""
    letters = max(2, int(room / letter_wide))
    return words if len(words) <= letters else words[: letters - 1] + "\u2026"


# ------------------------------------------------------------------------------------------ shades


def shade(colours: Sequence[str], share: float) -> str:
    """The colour at a share, 0 to 1, of the way from the first of these colours to the last."""
    at = min(max(share, 0.0), 1.0) * (len(colours) - 1)
    low = min(int(at), len(colours) - 2)
    parts = zip(_channels(colours[low]), _channels(colours[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (at - low)):02x}" for a, b in parts)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


# ------------------------------------------------------------------------------------ days in weeks


def blocks(dates: Sequence[dt.date], weeks: int) -> list[range]:
    """The days, counted from 0, in blocks of about `weeks` weeks, all alike, cut on Mondays.

    A block has a week more where the first day is no Monday.
    """
    calendar_weeks = [[day for day, _ in days] for _, days in groupby(enumerate(dates), key=lambda d: monday(d[1]))]
    count = min(len(calendar_weeks), math.ceil(len(dates) / (WEEK * weeks)))
    cuts = [len(calendar_weeks) * block // count for block in range(count + 1)]
    return [range(calendar_weeks[a][0], calendar_weeks[b - 1][-1] + 1) for a, b in pairwise(cuts)]


def monday(date: dt.date) -> dt.date:
    """The Monday of its week."""
    return date - dt.timedelta(days=date.weekday())


def stretch_words(dates: Sequence[dt.date]) -> str:
    """From the first date to the last: `30 Nov to 27 Dec 2026`."""
    first, last = dates[0], dates[-1]
    if first == last:
        return date_words(first, year=True)
    return f"{date_words(first, year=first.year != last.year)} to {date_words(last, year=True)}"


def date_words(date: dt.date, *, year: bool = False) -> str:
    """A date with or without its year: `30 Nov`."""
    return f"{date.day} {MONTHS[date.month - 1]}" + (f" {date.year}" if year else "")


def day_heads(dates: Sequence[dt.date], left: float, cell: float, top: float, low: float) -> Iterator[Markup]:
    """The head over a grid of dates, and a tint on each Sunday down to `low`; cells are drawn over it.

    Columns begin at `left` and are `cell` wide; the head begins at `top`.
    """
    for column, date in enumerate(dates):
        x = left + column * cell
        sunday = date.weekday() == SUNDAY
        if sunday:
            yield box(x, top + 18, cell, low - top - 18, classes="sunday")
        classes = "head strong" if sunday else "head"
        yield words_at(x + cell / 2, top + 32, WEEKDAYS[date.weekday()], classes, "middle")
        yield words_at(x + cell / 2, top + 46, str(date.day), classes, "middle")
    for first, days in groupby(enumerate(dates), key=lambda d: monday(d[1])):
        columns = list(days)
        x, wide = left + columns[0][0] * cell, len(columns) * cell
        date = columns[0][1]
        words = f"week {first.isocalendar().week}"
        longer = f"{words}, {date_words(date)}"
        shown = next((w for w in (longer, words) if len(w) * LETTER_WIDE <= wide - 6), str(first.isocalendar().week))
        yield words_at(x + 4, top + 12, shown, "week")


def week_lines(dates: Sequence[dt.date], left: float, cell: float, top: float, low: float) -> Markup:
    """A line before each Monday and round all weeks; drawn over the cells."""
    edges = [column for column, date in enumerate(dates) if column == 0 or date.weekday() == 0] + [len(dates)]
    lines = (f"M{number(left + column * cell)} {number(top)}V{number(low)}" for column in edges)
    return tag("path", d="".join(lines), class_="monday")


# ----------------------------------------------------------------------------------------- the key


def key(
    samples: Iterable[tuple[Markup, float, str]], left: float, top: float, right: float
) -> tuple[tuple[Markup, ...], float]:
    """What marks mean, in lines from left to right, and how high all lines are.

    A sample is drawn from (0, 0) to the right and down, 16 units high; with it come its width and its words.
    """
    drawn = []
    x, y = left, top
    for sample, wide, words in samples:
        needed = wide + 8 + len(words) * LETTER_WIDE + 18
        if x > left and x + needed > right:
            x, y = left, y + KEY_HIGH
        drawn.append(tag("g", sample, transform=f"translate({number(x)} {number(y)})"))
        drawn.append(words_at(x + wide + 6, y + 12, words, "key"))
        x += needed
    return tuple(drawn), y + KEY_HIGH - top
