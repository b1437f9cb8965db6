"""The page: a section for each of what is given, its pictures, and the tables behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files

from api.page.markup import Markup, count, tag, whole
from api.roster_page import cover as covers
from api.roster_page import grid as grids
from api.roster_page import quotas as heats
from api.roster_page.drawing import Drawing, date_words, drawing_css, stretch_words
from api.roster_page.refusals import NOBODY, WORST, per_cent, refusal_drawing
from api.roster_page.views import (
    CoverPart,
    CoverView,
    GridView,
    LocalityRefusals,
    QuotaCell,
    QuotaPart,
    QuotaView,
    RefusalView,
    day_words,
    executives_words,
    mean_words,
    reason_words,
)
from optimizer.units import hhmm

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def roster_page(
    title: str,
    *,
    grid: GridView | None = None,
    cover: CoverView | None = None,
    quotas: QuotaView | None = None,
    refusals: RefusalView | None = None,
) -> str:
    """The page as HTML, with the sections that are given."""
    parts = [
        (anchor, heading, content)
        for anchor, heading, content in (
            ("roster", "Roster", None if grid is None else _roster(grid)),
            ("cover", "Cover against demand", None if cover is None else _cover(cover)),
            ("quotas", "Quotas", None if quotas is None else _quotas(quotas)),
            ("refusals", "Refusals", None if refusals is None else _refusals(refusals)),
        )
        if content is not None
    ]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(f"{_css()}\n{drawing_css()}")),
    )
    links = (tag("a", heading, href=f"#{anchor}") for anchor, heading, _ in parts)
    sections = [tag("section", tag("h2", heading), *content, id=anchor) for anchor, heading, content in parts]
    if not sections:
        sections.append(_lead("There is nothing to show: no roster, no cover, no quotas, no refusals."))
    navigation = [tag("nav", *links, aria_label="Parts")] if len(parts) > 1 else []
    body = tag("body", *navigation, tag("main", tag("h1", title), *sections))
    return "<!DOCTYPE html>\n" + tag("html", head, body, lang="en") + "\n"


def _figures(drawings: Sequence[Drawing]) -> Iterator[Markup]:
    for drawing in drawings:
        frame = tag("div", drawing.inline(), class_="scroll", tabindex="0", role="region", aria_label=drawing.title)
        yield tag("figure", frame)


def _lead(words: str) -> Markup:
    return tag("p", words, class_="lead")


def _closed_words(closed: Sequence[str]) -> str:
    return f" Closed: {'; '.join(closed)}." if closed else ""


# -------------------------------------------------------------------------------------- the roster


def _roster(view: GridView) -> list[Markup]:
    shifts = sum(view.totals(row).shifts for row in view.rows)
    closed = [f"{day_words(date)} ({reason_words(view.closed[date])})" for date in sorted(view.closed)]
    lead = (
        f"{stretch_words(view.dates)}: {count(len(view.rows), 'executive')}, {count(shifts, 'shift')}."
        f"{_closed_words(closed)}"
    )
    heads = ["executive", *grids.TOTALS]
    totals = [[row.executive_id, *grids.total_words(view, row)] for row in view.rows]
    dates = [date_words(date) for date in view.dates]
    cells = [
        [row.executive_id, *(grids.cell_words(view, row, day) for day in range(len(view.dates)))] for row in view.rows
    ]
    return [
        _lead(lead),
        *_figures(grids.grid_drawings(view)),
        _folded("Totals by executive", _table("Shifts, hours, closing shifts and Sundays by executive", heads, totals)),
        _folded("The roster as a table", _table("Shift by executive and date", ["executive", *dates], cells)),
    ]


# ---------------------------------------------------------------------------------------- coverage


def _cover(view: CoverView) -> list[Markup]:
    made = [
        _lead(
            "Bars are executives on shift in a slot, breaks taken off; the line is how many are wanted. What is "
            "missing is hatched, and summed over slots: an executive missing for two slots counts 2."
        )
    ]
    for number, part in enumerate(view.parts):
        mean, *days = covers.cover_drawings(view, number)
        missing = f"{executives_words(part.missing_quarters)} missing on {count(part.open_days, 'open day')}"
        closed = [f"{day_words(d.date)} ({reason_words(d.closed)})" for d in part.days if d.closed is not None]
        made += [
            tag("h3", _capital(covers.part_words(part))),
            tag("p", f"{missing}.{_closed_words(closed)}"),
            *_figures([mean, *days]),
            _folded("Mean by slot", _mean_table(view, part)),
            _folded("Every day and slot", _day_table(view, part)),
        ]
    return made


def _mean_table(view: CoverView, part: CoverPart) -> Markup:
    rows = []
    for slot, times in enumerate(view.slots):
        summed = part.summed(slot)
        spare = mean_words(summed.spare_quarters, part.open_days)
        rows.append([hhmm(times.open_s), *covers.mean_cells(summed, part.open_days), spare])
    heads = ["slot", "wanted", "on shift", "missing", "not wanted"]
    return _table(f"Mean of the open days, executives, {covers.part_words(part)}", heads, rows)


def _day_table(view: CoverView, part: CoverPart) -> Markup:
    rows: list[list[str]] = []
    for day in part.days:
        if day.closed is not None:
            rows.append([day_words(day.date), *["\u2013"] * len(view.slots), reason_words(day.closed)])
            continue
        cells = [f"{executives_words(s.on_shift_quarters)} of {executives_words(s.wanted_quarters)}" for s in day.slots]
        rows.append([day_words(day.date), *cells, executives_words(day.missing_quarters)])
    heads = ["date", *(hhmm(slot.open_s) for slot in view.slots), "missing"]
    return _table(f"Executives on shift of those wanted, {covers.part_words(part)}", heads, rows)


# ------------------------------------------------------------------------------------------ quotas


def _quotas(view: QuotaView) -> list[Markup]:
    made = [
        _lead(
            "The large number is the most promises that a slot may carry, the small one below it those made already. "
            "The last line is the whole day. In hatched slots nothing is sold; the reason is in the table, and under "
            "the pointer."
        )
    ]
    for number, part in enumerate(view.parts):
        made += [
            tag("h3", _capital(heats.part_words(part))),
            *_figures(heats.quota_drawings(view, number)),
            _folded("The same as a table", _quota_table(view, part)),
        ]
    return made


def _quota_table(view: QuotaView, part: QuotaPart) -> Markup:
    rows = []
    for day in part.days:
        most = heats.day_most(day.cells, day.most)
        total = f"{'?' if most is None else most} ({sum(cell.promised for cell in day.cells)})"
        reasons = "; ".join(sorted({reason_words(cell.shut) for cell in day.cells if cell.shut is not None}))
        rows.append([day_words(day.date), *(_quota_words(cell) for cell in day.cells), total, reasons])
    heads = ["date", *(hhmm(slot.open_s) for slot in view.slots), "day", "nothing sold"]
    return _table(f"Most promises (promised already), {heats.part_words(part)}", heads, rows)


def _quota_words(cell: QuotaCell) -> str:
    if cell.shut is not None:
        return f"\u2013 ({cell.promised})"
    return f"{'?' if cell.most is None else cell.most} ({cell.promised})"


# ---------------------------------------------------------------------------------------- refusals


def _refusals(view: RefusalView) -> list[Markup]:
    if not view.localities:
        return [_lead(NOBODY)]
    share = f"{100 * view.refused / view.asked:.1f} %" if view.asked else "0 %"
    rows = [_refusal_row(place, row) for place, row in enumerate(view.localities, 1)]
    heads = ["#", "locality", "refused", "asked", "share"]
    worst = [row for row, found in zip(rows, view.localities[:WORST], strict=False) if found.refused]
    shown = _table("Most refusals", heads, worst) if worst else tag("p", "Nothing was refused.")
    beside = tag("div", tag("h3", "Most refusals"), shown, class_="beside")
    return [
        _lead(
            f"{whole(view.refused)} of {count(view.asked, 'wish', 'wishes')} refused, {share}, in "
            f"{count(len(view.localities), 'locality', 'localities')}."
        ),
        tag("div", tag("div", *_figures([refusal_drawing(view)])), beside, class_="map-and-table"),
        _folded("All localities", _table("Refusals by locality", heads, rows)),
    ]


def _refusal_row(place: int, row: LocalityRefusals) -> list[str]:
    return [str(place), row.name, whole(row.refused), whole(row.asked), per_cent(row)]


# ------------------------------------------------------------------------------------------ tables


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    head = tag("tr", *(tag("th", words, scope="col") for words in heads))
    body = [tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in cells)) for first, *cells in rows]
    whole_table = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", whole_table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _folded(summary: str, content: Markup) -> Markup:
    return tag("details", tag("summary", summary), content)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


@lru_cache(maxsize=1)
def _css() -> str:
    return (files("api.roster_page") / "page.css").read_text(encoding="utf-8").strip()
