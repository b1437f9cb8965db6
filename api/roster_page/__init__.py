"""Pictures for who makes rosters: the roster, cover against demand, quotas, refusals, on one page or each alone.

One HTML file that opens without a network: there is no script, nothing is fetched, and the same input gives the same
bytes. Every number that is drawn stands in a table, too. `views` says what is shown and reads it off the nouns of the
engine; `grid`, `cover`, `quotas` and `refusals` draw it.
"""

from __future__ import annotations

from api.roster_page.cover import cover_drawings
from api.roster_page.grid import grid_drawings
from api.roster_page.page import roster_page
from api.roster_page.quotas import quota_drawings
from api.roster_page.refusals import refusal_drawing
from api.roster_page.views import (
    CoverDay,
    CoverPart,
    CoverView,
    GridRow,
    GridView,
    LocalityRefusals,
    QuotaCell,
    QuotaDay,
    QuotaPart,
    QuotaView,
    RefusalView,
    ShiftKind,
    SlotCover,
    Totals,
    cover_view,
    grid_view,
    quota_view,
    refusal_view,
)

__all__ = [
    "CoverDay",
    "CoverPart",
    "CoverView",
    "GridRow",
    "GridView",
    "LocalityRefusals",
    "QuotaCell",
    "QuotaDay",
    "QuotaPart",
    "QuotaView",
    "RefusalView",
    "ShiftKind",
    "SlotCover",
    "Totals",
    "cover_svgs",
    "cover_view",
    "grid_svgs",
    "grid_view",
    "quota_svgs",
    "quota_view",
    "refusal_svg",
    "refusal_view",
    "roster_page",
]


def grid_svgs(view: GridView, weeks: int = 4) -> tuple[str, ...]:
    """The roster as SVG files, one for each block of about so many weeks."""
    return tuple(drawing.alone() for drawing in grid_drawings(view, weeks))


def cover_svgs(view: CoverView, weeks: int = 4) -> tuple[str, ...]:
    """Cover against demand as SVG files: part by part the mean day, then the days in blocks of about so many weeks."""
    parts = range(len(view.parts))
    return tuple(drawing.alone() for part in parts for drawing in cover_drawings(view, part, weeks))


def quota_svgs(view: QuotaView, weeks: int = 4) -> tuple[str, ...]:
    """The quotas as SVG files: of all promises, then of each kit, in blocks of about so many weeks."""
    parts = range(len(view.parts))
    return tuple(drawing.alone() for part in parts for drawing in quota_drawings(view, part, weeks))


def refusal_svg(view: RefusalView) -> str:
    """The map of refusals as an SVG file."""
    return refusal_drawing(view).alone()
