"""The map of a day as one SVG: routes as straight lines, stops numbered, office, homes, unassigned visits.

Equirectangular with the cosine of the middle latitude, so a kilometre is as long east as north (the
error over a city is far below the width of a line). Drawn without any background: nothing is fetched.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from api.page.markup import SVG, Markup, count, join, number, tag
from api.page.view import Landmark, View, Working, place_words, stop_words, unassigned_words
from optimizer.domain import Appointment, Place, Visit, places_of

WIDTH = 1_000
LOWEST, HIGHEST = 560, 860
"""The map is this wide and between these heights, in its own units."""
MARGIN = 40
LEAST_KM = 1.0
"""A day of one place is drawn this wide."""

KM_PER_DEGREE = 111.195  # of latitude, on a sphere of mean radius
ROUND_KM = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0)
BAR_AT_MOST = 160

ZOOMS = (1, 2, 4, 8)
LETTER_WIDTH, LABEL_ROOM, MARK_ROOM = 6.6, 8.0, 10.0
"""Units a letter of a landmark is wide, half the height kept free for a name, and half of that for a mark."""
ROUNDS, FARTHEST_RADII = 60, 3.4
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Projection:
    """Degrees to units of the drawing: east to the right, north up."""

    west_lon: float
    north_lat: float
    per_lon: float
    per_lat: float
    left: float
    top: float
    height: float

    def at(self, lon: float, lat: float) -> Point:
        """Where a point of the earth lies on the drawing."""
        return self.left + (lon - self.west_lon) * self.per_lon, self.top + (self.north_lat - lat) * self.per_lat

    @property
    def per_km(self) -> float:
        """Units of the drawing for a kilometre."""
        return self.per_lat / KM_PER_DEGREE


def projection(places: Sequence[Place]) -> Projection:
    """The projection that shows all places with a margin, as large as the drawing allows."""
    lons, lats = [p.lon for p in places], [p.lat for p in places]
    middle_lon, middle_lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    squeeze = max(math.cos(math.radians(middle_lat)), 0.01)
    wide_km = max((max(lons) - min(lons)) * squeeze * KM_PER_DEGREE, LEAST_KM)
    high_km = max((max(lats) - min(lats)) * KM_PER_DEGREE, LEAST_KM)
    inner = WIDTH - 2 * MARGIN
    height = min(max(high_km * inner / wide_km + 2 * MARGIN, LOWEST), HIGHEST)
    per_km = min(inner / wide_km, (height - 2 * MARGIN) / high_km)
    per_lat = per_km * KM_PER_DEGREE
    per_lon = per_lat * squeeze
    return Projection(middle_lon, middle_lat, per_lon, per_lat, WIDTH / 2, height / 2, height)


# ------------------------------------------------------------------------- marks that do not overlap


def spread(points: Sequence[Point], radius: float, fixed: int = 0) -> tuple[Point, ...]:
    """Offsets that move crowded marks apart, at most a few radii, the same on every run.

    The first `fixed` points stay. Marks on the very same spot leave it in different directions. Each
    round pushes every overlapping pair apart by what it overlaps; pairs are found through a grid of cells.
    """
    places = [list(point) for point in points]
    for index in range(fixed, len(points)):
        places[index][0] += 0.01 * math.cos(index * GOLDEN_ANGLE)
        places[index][1] += 0.01 * math.sin(index * GOLDEN_ANGLE)
    farthest, wanted = FARTHEST_RADII * radius, 2 * radius
    for _ in range(ROUNDS):
        if not _push_apart(places, wanted, fixed):
            break
        for index in range(fixed, len(points)):
            _leash(places[index], points[index], farthest)
    return tuple((x - x0, y - y0) for (x, y), (x0, y0) in zip(places, points, strict=True))


def _push_apart(places: list[list[float]], wanted: float, fixed: int) -> bool:
    cells: dict[tuple[int, int], list[int]] = {}
    for index, (x, y) in enumerate(places):
        cells.setdefault((int(x // wanted), int(y // wanted)), []).append(index)
    moved = False
    for (column, row), members in cells.items():
        near = [k for i in (-1, 0, 1) for j in (-1, 0, 1) for k in cells.get((column + i, row + j), ())]
        for a in members:
            for b in near:
                if b <= a or b < fixed:
                    continue
                dx, dy = places[b][0] - places[a][0], places[b][1] - places[a][1]
                apart = math.hypot(dx, dy)
                if apart >= wanted - 0.1 or apart == 0:
                    continue
                moved = True
                share = (wanted - apart) / apart / (1 if a < fixed else 2)
                places[b][0] += dx * share
                places[b][1] += dy * share
                if a >= fixed:
                    places[a][0] -= dx * share
                    places[a][1] -= dy * share
    return moved


def _leash(place: list[float], anchor: Point, farthest: float) -> None:
    dx, dy = place[0] - anchor[0], place[1] - anchor[1]
    away = math.hypot(dx, dy)
    if away > farthest:
        place[0], place[1] = anchor[0] + dx * farthest / away, anchor[1] + dy * farthest / away


# ------------------------------------------------------------------------------------ the drawing


@dataclass(frozen=True, slots=True)
class _Mark:
    """A mark on the map: where, its shape, what it says, and whom it belongs to."""

    place: Place
    shape: Markup
    words: str
    classes: str
    working: Working | None = None
    visit: Visit | None = None


def map_figure(view: View) -> Markup:
    """The map with its buttons, the meaning of its marks and what it does not show."""
    problem = view.problem
    flat = projection(places_of(problem.office, problem.visits, problem.executives))
    hint = (
        "Numbers count the stops of a route. Lines join the stops straight; roads are not drawn. "
        "Thin lines lead from the start place to the first stop and from the last stop to the end place. "
        "Marks that would cover each other are moved apart, a fine line leads to the true place."
    )
    key = tag("ul", *(tag("li", _sample(shape, classes), name) for name, shape, classes in _key(view)), class_="key")
    aspect = f"--aspect:{number(flat.height / WIDTH)}"  # paper limits the height by the width, so the scale stays true
    frame = tag("div", city_map(view, flat), _strip(flat), class_="frame", style=aspect)
    return tag("figure", frame, tag("figcaption", key, tag("p", hint, class_="hint")))


def _key(view: View) -> Iterator[tuple[str, Markup, str]]:
    """Name, shape and classes of each kind of mark that this map has, appointments and the office always."""
    executives = view.problem.executives
    yield "appointment", _disc(), "appointment"
    if view.problem.deliveries:
        yield "delivery", _diamond(), "delivery"
    if view.broken:
        yield "broken promise", join((_disc(), _cross())), "broken"
    if view.left:
        yield "delivery left for another day", _diamond(), "left"
    yield "office", tag("rect", class_="body", x=-9, y=-9, width=18, height=18), "office"
    if any(place.place_id != view.problem.office.place_id for e in executives for place in (e.start, e.end)):
        yield "home, or where a shift starts or ends", _house(), "home"


def _sample(shape: Markup, classes: str) -> Markup:
    drawing = tag("g", shape, class_=f"mark {classes}")
    return tag("svg", drawing, class_="sample", viewBox="-13 -13 26 26", aria_hidden="true", xmlns=SVG)


def city_map(view: View, flat: Projection) -> Markup:
    """The SVG of the map. Marks keep their size when it is zoomed; the script does the zooming."""
    problem = view.problem
    marks = _marks(view)
    radius = _radius(len(marks))
    spots = [flat.at(m.place.lon, m.place.lat) for m in marks]
    word = (spots[0][0], spots[0][1] + 2 * MARK_ROOM)  # below the office: no mark may cover it
    _, *offsets = spread([word, *spots], radius + 1, fixed=2)
    inside = (
        _kilometre_grid(flat, _step_km(flat)),
        tag(
            "g",
            *_landmarks(view.landmarks, flat, [(x, y, *o) for (x, y), o in zip(spots, offsets, strict=True)]),
            class_="landmarks",
        ),
        tag("g", *(_lines(w, flat) for w in view.working if w.route), class_="routes"),
        tag("g", *(_drawn(m, s, o) for m, s, o in zip(marks, spots, offsets, strict=True)), class_="marks"),
    )
    words = f"Map of {view.city}: {count(len(view.routes), 'route')}, {count(len(problem.visits), 'visit')}"
    return tag(
        "svg",
        tag("desc", "The same visits, in order and with their times, are in the rosters below."),
        tag("g", *inside, class_="world"),
        id="map",
        class_=f"map r{radius}",
        viewBox=f"0 0 {WIDTH} {number(flat.height)}",
        role="group",
        aria_label=words,
        data_per_km=flat.per_km,
        xmlns=SVG,
    )


def _radius(marks: int) -> int:
    """Marks get smaller, and lose their numbers, where there are many."""
    return 9 if marks <= 140 else 7 if marks <= 320 else 4


def _marks(view: View) -> list[_Mark]:
    """The office first, then homes, unassigned visits and stops; later ones are drawn over earlier ones."""
    problem = view.problem
    marks = [_Mark(problem.office, _building(), f"Office {problem.office.place_id}", "office")]
    for working in view.working:
        executive = working.executive
        ends = {executive.start: "start", executive.end: "end"} if executive.start != executive.end else {}
        for place, which in (ends or {executive.start: "start and end"}).items():
            if place.place_id != problem.office.place_id:
                words = f"{working.executive_id}: {which}, {place_words(problem, executive, place.place_id)}"
                marks.append(_Mark(place, _house(), words, f"home {working.style}", working))
    for left in view.unassigned:
        broken = isinstance(left.visit, Appointment)
        shape = join((_disc(), _cross())) if broken else _diamond()
        classes = "broken" if broken else "left"
        marks.append(_Mark(left.visit.place, shape, unassigned_words(view, left), classes, visit=left.visit))
    for working in view.working:
        for stop in working.stops:
            appointment = isinstance(stop.visit, Appointment)
            shape = join((_disc() if appointment else _diamond(), tag("text", str(stop.sequence), dy=".36em")))
            classes = f"{'appointment' if appointment else 'delivery'} {working.style}"
            marks.append(
                _Mark(stop.visit.place, shape, stop_words(view, working, stop), classes, working, visit=stop.visit)
            )
    return marks


def _drawn(mark: _Mark, spot: Point, offset: Point) -> Markup:
    x, y = (float(number(part)) for part in offset)
    pulled = math.hypot(x, y) > 0.5
    leash = (tag("path", d=f"M0 0L{number(x)} {number(y)}", class_="leash"),) if pulled else ()
    placed = tag("g", mark.shape, transform=f"translate({number(x)} {number(y)})") if pulled else mark.shape
    return tag(
        "g",
        tag("g", tag("title", mark.words), *leash, placed, class_="still"),
        class_=f"mark {mark.classes}",
        transform=f"translate({number(spot[0])} {number(spot[1])})",
        data_e=mark.working.executive_id if mark.working else None,
        data_v=mark.visit.visit_id if mark.visit else None,
    )


def _lines(working: Working, flat: Projection) -> Markup:
    executive = working.executive
    inner = [flat.at(s.visit.place.lon, s.visit.place.lat) for s in working.stops]
    start, end = flat.at(executive.start.lon, executive.start.lat), flat.at(executive.end.lon, executive.end.lat)
    drawn = [tag("path", d=f"{_path((start, inner[0]))}{_path((inner[-1], end))}", class_="way")]
    if len(inner) > 1:
        drawn.append(tag("path", d=_path(inner), class_="leg"))
    words = tag("title", f"{working.executive_id}: {working.summary}")
    return tag("g", words, *drawn, class_=f"route {working.style}", data_e=working.executive_id)


def _path(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def _disc() -> Markup:
    return tag("circle", class_="body", r=9)


def _diamond() -> Markup:
    return tag("path", class_="body", d="M0-11L11 0 0 11-11 0z")


def _cross() -> Markup:
    return tag("path", class_="cross", d="M-4-4L4 4M4-4L-4 4")


def _house() -> Markup:
    return tag("path", class_="body", d="M-8 8V-1L0-8 8-1V8z")


def _building() -> Markup:
    windows = "M-5-5h3v3h-3zM2-5h3v3h-3zM-5 1h3v3h-3zM2 1h3v3h-3z"
    label = tag("text", "Office", y=21)
    return join((tag("rect", class_="body", x=-9, y=-9, width=18, height=18), tag("path", d=windows), label))


def _landmarks(
    landmarks: Iterable[Landmark], flat: Projection, marks: Sequence[tuple[float, float, float, float]]
) -> list[Markup]:
    """Names that cover neither marks nor each other: those given first win, others appear when the map is zoomed."""
    drawn: list[Markup] = []
    taken = [(x, y, dx, dy, MARK_ROOM, MARK_ROOM) for x, y, dx, dy in marks]
    taken += [(x, y, dx, dy + 2 * MARK_ROOM, 2 * MARK_ROOM, MARK_ROOM) for x, y, dx, dy in marks[:1]]  # the word Office
    waiting = [(mark, *flat.at(mark.lon, mark.lat)) for mark in landmarks]
    waiting = [(m, x, y) for m, x, y in waiting if 0 < x < WIDTH and LABEL_ROOM < y < flat.height - LABEL_ROOM]
    for zoom in ZOOMS:
        later = []
        for mark, x, y in waiting:
            half = len(mark.name) * LETTER_WIDTH / 2
            clear = (
                half < x * zoom
                and half < (WIDTH - x) * zoom
                and all(
                    abs((x - other_x) * zoom - dx) > half + wide or abs((y - other_y) * zoom - dy) > LABEL_ROOM + high
                    for other_x, other_y, dx, dy, wide, high in taken
                )
            )
            if clear:
                taken.append((x, y, 0.0, 0.0, half, LABEL_ROOM))
                name = tag("text", mark.name, class_="still", dy=".36em")
                drawn.append(tag("g", name, class_=f"z{zoom}", transform=f"translate({number(x)} {number(y)})"))
            else:
                later.append((mark, x, y))
        waiting = later
    return drawn


def _kilometre_grid(flat: Projection, step_km: float) -> Markup:
    step = step_km * flat.per_km
    beyond = 2
    wide, high = beyond * WIDTH, beyond * flat.height
    columns = range(-int(wide / step), int((WIDTH + wide) / step) + 1)
    rows = range(-int(high / step), int((flat.height + high) / step) + 1)
    lines = [f"M{number(i * step)} {number(-high)}V{number(flat.height + high)}" for i in columns]
    lines += [f"M{number(-wide)} {number(i * step)}H{number(WIDTH + wide)}" for i in rows]
    return tag("path", d="".join(lines), class_="grid")


def _strip(flat: Projection) -> Markup:
    """What stands under the map: north, the scale, the grid and the buttons. The bar is a share of the map's width."""
    bar_km = max((km for km in ROUND_KM if km * flat.per_km <= BAR_AT_MOST), default=ROUND_KM[0])
    needle = tag("path", d="M6 0L12 18 6 14 0 18z")
    north = tag("svg", needle, class_="needle", width=12, height=18, aria_hidden="true", xmlns=SVG)
    bar = tag("span", class_="scale-bar", id="scale-bar", style=f"width:{number(100 * bar_km * flat.per_km / WIDTH)}%")
    buttons = (
        tag("button", sign, type="button", data_zoom=which, aria_label=words, title=words)
        for which, sign, words in (("in", "+", "Zoom in"), ("out", "\u2212", "Zoom out"), ("all", "\u2922", "Show all"))
    )
    return tag(
        "div",
        tag("span", north, "N", class_="north"),
        bar,
        tag("span", km_words(bar_km), id="scale-words"),
        tag("span", f"grid {km_words(_step_km(flat))}", class_="grid-words"),
        tag("span", *buttons, class_="zoom js"),
        class_="strip",
    )


def _step_km(flat: Projection) -> float:
    return next((km for km in ROUND_KM if km * flat.per_km >= WIDTH / 12), ROUND_KM[-1])


def km_words(km: float) -> str:
    """A round distance: `500 m`, `2 km`."""
    return f"{km:g} km" if km >= 1 else f"{km * 1_000:g} m"
