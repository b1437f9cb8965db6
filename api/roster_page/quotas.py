"""Quotas as a heat map: slots down, dates across, with the most promises of each and those made already."""

from __future__ import annotations

from collections.abc import Iterator

from api.page.markup import Markup, join, number, tag
from api.roster_page.drawing import (
    HEAD_HIGH,
    LEAST_WIDE,
    Drawing,
    blocks,
    box,
    day_heads,
    hatch,
    key,
    shade,
    stretch_words,
    week_lines,
    words_at,
)
from api.roster_page.views import QuotaCell, QuotaPart, QuotaView, day_words, reason_words, span_words
from optimizer.units import hhmm

MOST_WEEKS = 4
LEFT, CELL, ROW = 58, 35, 30
SAMPLE = 0.72
"""Cells of the key are so much smaller."""
HEAT = ("#f2f8f4", "#c4e3d0", "#79c3a2")
"""From one promise to the most of all cells; ink on each has a contrast of 7 or more."""
NONE = "#ffffff"


def part_words(part: QuotaPart) -> str:
    """Which promises a part counts."""
    return "all promises" if part.name is None else f"promises that need {part.name}"


def quota_drawings(view: QuotaView, part: int, weeks: int = MOST_WEEKS) -> tuple[Drawing, ...]:
    """The heat map of one part of the quotas, a drawing for each block of weeks."""
    shown = view.parts[part]
    cut = blocks([day.date for day in shown.days], weeks)
    return tuple(_block(view, shown, days, f"quota-{part + 1}-{place}") for place, days in enumerate(cut, 1))


def _block(view: QuotaView, part: QuotaPart, days: range, name: str) -> Drawing:
    shown = part.days[days.start : days.stop]
    dates = [day.date for day in shown]
    top = HEAD_HIGH
    low = top + len(view.slots) * ROW
    right = LEFT + len(shown) * CELL
    most = max((cell.most or 0 for day in part.days for cell in day.cells), default=0)
    body = [*day_heads(dates, LEFT, CELL, 0, low)]
    for row, slot in enumerate(view.slots):
        body.append(words_at(LEFT - 8, top + row * ROW + 20, hhmm(slot.open_s), "name", "end"))
    for column, day in enumerate(shown):
        for row, cell in enumerate(day.cells):
            words = f"{day_words(day.date)}, {span_words(view.slots[row])}: {cell_title(cell)}"
            drawn = _cell(cell, LEFT + column * CELL, top + row * ROW, most, name)
            body.append(tag("g", tag("title", words), *drawn))
    body.append(week_lines(dates, LEFT, CELL, 0, low))
    body.append(words_at(LEFT - 8, low + 18, "day", "head strong", "end"))
    for column, day in enumerate(shown):
        middle = LEFT + (column + 0.5) * CELL
        promised = sum(cell.promised for cell in day.cells)
        limit = day_most(day.cells, day.most)
        body.append(words_at(middle, low + 18, "\u2013" if limit is None else str(limit), "head strong", "middle"))
        body.append(words_at(middle, low + 32, str(promised), "small", "middle"))
    wide = max(right + 4, LEAST_WIDE)
    marks, high = key(_samples(part, most, name), 6, low + 48, wide)
    title = f"Quotas, {part_words(part)}, {stretch_words(dates)}"
    words = (
        "Slots down, dates across. The large number is the most promises that a slot may carry, the small one those "
        "made already; hatched: nothing is sold."
    )
    return Drawing(name, title, words, wide, low + 48 + high, (*body, *marks))


def day_most(cells: tuple[QuotaCell, ...], most: int | None) -> int | None:
    """Most promises of a whole day: of its open slots, and no more than its own limit; None where nothing is known."""
    known = [cell.most for cell in cells if cell.most is not None and cell.shut is None]
    if not known:
        return None if all(cell.most is None for cell in cells) else 0
    return sum(known) if most is None else min(most, sum(known))


def _cell(cell: QuotaCell, x: float, y: float, most: int, name: str) -> Iterator[Markup]:
    if cell.shut is not None:
        yield box(x, y, CELL, ROW, hatch(name, "closed"), "shut")
        if cell.promised:
            yield words_at(x + CELL - 6, y + ROW - 5, str(cell.promised), "small halo", "end")
        return
    if cell.most is None:
        yield box(x + 0.5, y + 0.5, CELL - 1, ROW - 1, NONE, "cell")
        yield words_at(x + CELL / 2, y + 19, "?", "soft", "middle")
    else:
        yield box(x + 0.5, y + 0.5, CELL - 1, ROW - 1, _colour(cell.most, most), "cell")
        yield words_at(x + CELL / 2 - 5, y + 17, str(cell.most), "most" if cell.most else "soft", "middle")
    if cell.promised:
        yield words_at(x + CELL - 6, y + ROW - 5, str(cell.promised), "small", "end")
    if cell.is_full or cell.is_over:
        yield box(x + 2, y + 2, CELL - 4, ROW - 4, classes="over" if cell.is_over else "full")


def _colour(value: int, most: int) -> str:
    if value == 0:
        return NONE
    return shade(HEAT, (value - 1) / (most - 1) if most > 1 else 1.0)


def cell_title(cell: QuotaCell) -> str:
    """A cell in words: `at most 7, 3 promised`; `nothing sold, stop sale, 1 promised`."""
    if cell.shut is not None:
        words = f"nothing sold, {reason_words(cell.shut)}"
    else:
        words = "no quota known" if cell.most is None else f"at most {cell.most}"
    full = ", full" if cell.is_full else ", more than the quota" if cell.is_over else ""
    return f"{words}, {cell.promised} promised{full}"


def _samples(part: QuotaPart, most: int, name: str) -> Iterator[tuple[Markup, float, str]]:
    cells = [cell for day in part.days for cell in day.cells]

    def sample(cell: QuotaCell) -> Markup:
        return tag(
            "g",
            *_cell(cell, 0, 0, most, name),
            transform=f"translate(0 {number((16 - SAMPLE * ROW) / 2)}) scale({SAMPLE})",
        )

    wide, few = CELL * SAMPLE, max(1, min(most, 3))
    yield sample(QuotaCell(max(most, 2), 1)), wide, f"at most {max(most, 2)}, 1 promised"
    yield sample(QuotaCell(0)), wide, "none may be promised"
    if any(cell.is_full for cell in cells):
        yield sample(QuotaCell(few, few)), wide, "full"
    if any(cell.is_over for cell in cells):
        yield sample(QuotaCell(few, few + 1)), wide, "more promised than the quota"
    if any(cell.shut is not None for cell in cells):
        yield sample(QuotaCell(0, 0, "shut")), wide, "nothing sold"
    if any(cell.most is None and cell.shut is None for cell in cells):
        yield sample(QuotaCell(None)), wide, "no quota known"
    if most > 1:
        steps = min(most, 6)
        values = sorted({1 + round((most - 1) * step / (steps - 1)) for step in range(steps)})
        strip = [box(22 * place, 0, 22, 16, _colour(value, most)) for place, value in enumerate(values)]
        numbers = [words_at(22 * place + 11, 12, str(value), "small", "middle") for place, value in enumerate(values)]
        yield join((*strip, *numbers)), 22.0 * len(values), "colour by the most promises"
