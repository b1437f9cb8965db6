"""Refusals on the map: localities as circles, their area by wishes, their colour by the share that was refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from api.page.city_map import ROUND_KM, Projection, km_words, projection
from api.page.markup import Markup, count, number, tag, whole
from api.roster_page.drawing import LEAST_WIDE, LETTER_WIDE, Drawing, box, key, shortened, words_at
from api.roster_page.views import LocalityRefusals, RefusalView
from optimizer.domain import Place

TITLE, NOBODY = "Refused wishes by locality", "Nobody asked."
WORST = 10
"""Localities with a number and a name, those with the most refusals."""
LARGEST, SMALLEST = 26.0, 2.5
"""Radius of the locality with the most wishes, and the least radius that is drawn."""
STEPS = (0.0, 0.05, 0.15, 0.30, 0.50)
"""Shares refused from which on a circle has the next colour; the first is that of none at all."""
HEAT = ("#ffffff", "#fdf0d0", "#fbd595", "#f5ae6c", "#ee8b5e", "#e0654f")
Spot = tuple[LocalityRefusals, float, float, float]
Box = tuple[float, float, float, float]


def refusal_drawing(view: RefusalView) -> Drawing:
    """The map of all localities from which somebody asked."""
    rows = view.localities
    if not rows:
        nobody = words_at(4, 14, NOBODY, "soft")
        return Drawing("refusals", TITLE, NOBODY, LEAST_WIDE, 30, (nobody,))
    flat = projection([Place(f"L{place}", row.lon, row.lat) for place, row in enumerate(rows)])
    width, height = 2 * flat.left, flat.height
    most = max(row.asked for row in rows)
    spots = [(row, *flat.at(row.lon, row.lat), radius(row.asked, most)) for row in rows]
    body = [_grid(flat, width), *_circles(spots), *_numbers(spots, width, height), *_scale(flat, width)]
    sizes, sizes_high = key(_sizes(most), 10, height + LARGEST + 6, width - 10)
    low = height + LARGEST + 6 + max(sizes_high, LARGEST + 14)
    marks, high = key(_samples(), 10, low, width - 10)
    words = (
        f"{count(len(rows), 'locality', 'localities')}, {whole(view.asked)} wishes, {whole(view.refused)} refused. The "
        "area of a circle goes by its wishes, its colour by the share refused; the dashed circle inside is the refused "
        "of them. Numbers are those of the table."
    )
    return Drawing("refusals", TITLE, words, width, low + high, (*body, *sizes, *marks))


def radius(asked: int, most: int) -> float:
    """The radius that makes areas go by wishes."""
    return max(SMALLEST, LARGEST * math.sqrt(asked / most))


def colour(share: float) -> str:
    """The colour of a share refused."""
    return HEAT[0 if share == 0 else sum(share >= step for step in STEPS)]


def per_cent(row: LocalityRefusals) -> str:
    """The share refused in per cent: `12 %`; `under 1 %` where it is not nothing."""
    share = 100 * row.share
    return "under 1 %" if 0 < share < 0.5 else f"{share:.0f} %"


def _circles(spots: Sequence[Spot]) -> Iterator[Markup]:
    """Large ones first, so that small ones lie on them."""
    for row, x, y, r in sorted(spots, key=lambda spot: (-spot[3], spot[0].name, spot[1], spot[2])):
        words = f"{row.name}: {whole(row.refused)} of {whole(row.asked)} refused, {per_cent(row)}"
        inner = _refused(x, y, r * math.sqrt(row.share)) if row.refused else ()
        circle = tag("circle", cx=x, cy=y, r=r, fill=colour(row.share), class_="circle")
        yield tag("g", tag("title", words), circle, *inner)


def _refused(x: float, y: float, r: float) -> tuple[Markup, ...]:
    return (tag("circle", cx=x, cy=y, r=r, class_="refused"),)


# ------------------------------------------------------------------------------------------ names


def _numbers(spots: Sequence[Spot], width: float, height: float) -> Iterator[Markup]:
    """Numbers of the worst in their circles; their names beside them, away from all circles or at least from these."""
    worst = [spot for spot in spots[:WORST] if spot[0].refused]
    names: list[Box] = []
    circles = [_square(spot) for spot in spots]
    for place, (row, x, y, r) in enumerate(worst, 1):
        words = shortened(row.name, 170)
        wide = len(words) * LETTER_WIDE + 2
        free = _free(x, y, r, wide, [*names, *circles], width, height)
        spot = free or _free(x, y, r, wide, [*names, *circles[: len(worst)]], width, height)
        if spot is not None:
            left, low = spot
            names.append((left, low - 11, left + wide, low + 3))
            yield words_at(left, low, words, "strong halo")
        yield words_at(x, y + 4, str(place), "strong halo", "middle")


def _square(spot: Spot) -> Box:
    _, x, y, r = spot
    return x - 0.8 * r, y - 0.8 * r, x + 0.8 * r, y + 0.8 * r


def _free(
    x: float, y: float, r: float, wide: float, taken: Sequence[Box], width: float, height: float
) -> tuple[float, float] | None:
    """Left end and baseline of a text near a circle that covers nothing taken; the nearest of some."""
    for away in (3.0, 8.0):
        reach = r + away
        for left, low in (
            (x + reach, y + 4),
            (x - reach - wide, y + 4),
            (x - wide / 2, y - reach - 2),
            (x - wide / 2, y + reach + 10),
            (x + reach * 0.7, y - reach * 0.7),
            (x + reach * 0.7, y + reach * 0.7 + 8),
            (x - reach * 0.7 - wide, y - reach * 0.7),
            (x - reach * 0.7 - wide, y + reach * 0.7 + 8),
        ):
            inside = left > 4 and left + wide < width - 4 and low > 14 and low < height - 4
            clear = all(left + wide < a or left > c or low + 3 < b or low - 11 > d for a, b, c, d in taken)
            if inside and clear:
                return left, low
    return None


# --------------------------------------------------------------------------------- scale and key


def _grid(flat: Projection, width: float) -> Markup:
    step = _round_km(flat, width / 12) * flat.per_km
    columns = [f"M{number(x * step)} 0V{number(flat.height)}" for x in range(1, int(width / step) + 1)]
    rows = [f"M0 {number(y * step)}H{number(width)}" for y in range(1, int(flat.height / step) + 1)]
    return tag("path", d="".join((*columns, *rows)), class_="hair")


def _round_km(flat: Projection, units: float) -> float:
    return next((km for km in ROUND_KM if km * flat.per_km >= units), ROUND_KM[-1])


def _scale(flat: Projection, width: float) -> Iterator[Markup]:
    km = _round_km(flat, width / 12)
    right, low = width - 14, flat.height - 12
    yield box(right - km * flat.per_km - 6, low - 20, km * flat.per_km + 12, 28, "#ffffff")
    left = number(right - km * flat.per_km)
    yield tag("path", d=f"M{left} {number(low - 6)}v6H{number(right)}v-6", class_="axis")
    yield words_at(right - km * flat.per_km / 2, low - 6, km_words(km), "soft", "middle")
    yield tag("path", d="M20 12L26 30 20 26 14 30z", fill="#515a63")
    yield words_at(30, 28, "N", "strong")


def _sizes(most: int) -> Iterator[tuple[Markup, float, str]]:
    for asked in sorted({most, max(1, round(most / 4)), max(1, round(most / 16))}, reverse=True):
        r = radius(asked, most)
        circle = tag("circle", cx=r, cy=8, r=r, fill=HEAT[0], class_="circle")
        yield circle, 2 * r, count(asked, "wish", "wishes")
    inner = tag("circle", cx=8, cy=8, r=5, class_="refused")
    yield tag("g", _swatch("#ffffff"), inner), 16, "the refused of them"
    number_of = words_at(8, 12, "1", "strong halo", "middle")
    yield tag("g", _swatch("#ffffff"), number_of), 16, "number in the table of most refusals"


def _samples() -> Iterator[tuple[Markup, float, str]]:
    yield _swatch(HEAT[0]), 16, "none refused"
    for place, (low, high) in enumerate(pairwise((*STEPS, 1.0)), 1):
        words = f"under {high:.0%}" if low == 0 else f"{low:.0%} and more" if high == 1 else f"{low:.0%} to {high:.0%}"
        yield _swatch(HEAT[place]), 16, f"{words.replace('%', ' %')} refused"


def _swatch(fill: str) -> Markup:
    return tag("circle", cx=8, cy=8, r=8, fill=fill, class_="circle")
