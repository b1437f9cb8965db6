"""Where a citizen is: a point, a locality of the gazetteer, or a PIN code, each with how far the truth may lie from it.

Every city has a *service area*: a circle round its middle, as wide as its known points lie and some slack more. A
point outside it is refused, a locality of the city always lies inside.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from optimizer.domain import Fault, InvalidProblem, Place
from scenarios.catalogue import Catalogue, City, Locality
from scenarios.travel.formula import straight_line_m

ASSUMED_REACH_M = (1_200, 2_500, 4_000)
"""ASSUMPTION, for a city of which nothing is known: half, nine in ten, all addresses lie within."""
AREA_SLACK_M = 1_500
"""ASSUMPTION: houses that are still served lie this far beyond the outermost known point of a city."""
LEAST_SPREAD_M = 300
"""ASSUMPTION: a locality known by one point is that of a post office or a school, not of the citizen's house."""
LEAST_BEGINNING = 3
"""Letters that a name must at least begin with to be taken for the only one that begins so."""

_NEAR, _LISTED = 5, 12
_POINT_DIGITS = 5  # of a degree: about a metre
_PINCODE = re.compile(r"[0-9]{6}")
_ACCENTS = range(0x300, 0x370)  # only these are left out: the vowel signs of Indian scripts make other words


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a citizen is, in degrees (WGS 84), and on what that rests.

    The true point lies within `spread_m` of it; 0 for a known point. `name` is the locality as the gazetteer writes
    it or the PIN code, None for a point.
    """

    lon: float
    lat: float
    spread_m: int
    basis: Literal["point", "locality", "pincode"]
    name: str | None = None

    def place(self, place_id: str) -> Place:
        """The point as a place with this id."""
        return Place(place_id, self.lon, self.lat)


@dataclass(frozen=True, slots=True)
class ServiceArea:
    """Where a city is served: within `radius_m` of its middle, the rim included. Degrees, WGS 84."""

    lon: float
    lat: float
    radius_m: int

    def outside_m(self, place: Place) -> float:
        """Metres from the place to the area, 0 when it lies inside."""
        line_m = straight_line_m([Place("middle", self.lon, self.lat)], [place])[0, 0]
        return max(0.0, float(line_m) - self.radius_m)


def service_area(catalogue: Catalogue, city: City) -> ServiceArea:
    """The service area of a city: its reach, known or assumed, with slack, and all its localities in any case."""
    return _area(catalogue, city)


@lru_cache(maxsize=256)
def _area(catalogue: Catalogue, city: City) -> ServiceArea:
    geometry = catalogue.geometry_of(city)
    lon, lat, reach_m = city.centre.lon, city.centre.lat, ASSUMED_REACH_M[-1]
    if geometry is not None:
        lon, lat, reach_m = geometry.lon, geometry.lat, geometry.max_radius_m
    middle, spots = Place("middle", lon, lat), [_spot(row) for row in catalogue.localities_of(city)]
    farthest_m = straight_line_m([middle], spots).max(initial=0.0)
    return ServiceArea(lon, lat, max(reach_m + AREA_SLACK_M, math.ceil(farthest_m)))


def whereabouts(
    catalogue: Catalogue,
    city: City,
    *,
    point: tuple[float, float] | None = None,
    locality: str | None = None,
    pincode: str | None = None,
) -> Whereabouts:
    """Where in this city a citizen is who gives exactly one of a point (lon, lat), a locality and a PIN code.

    In the name of a locality case, spaces, accents and punctuation do not matter, and its beginning is enough where
    no other begins so. One of several of the same name is told apart as the fault lists them: "Mangla (post_office,
    495001)". A PIN code stands for the weighted middle of its localities in the city.

    Raises InvalidProblem: `one_place`; of a point `bad_coordinate`, `swapped_coordinates`, `outside_service_area`;
    of a locality `unknown_locality`, `ambiguous_place`; of a PIN code `bad_pincode`, `unknown_pincode`.
    """
    places = {"point": point, "locality": locality, "pincode": pincode}
    given = [name for name, value in places.items() if value is not None]
    if len(given) != 1:
        raise _refused((), "one_place", given, "exactly one of point, locality and pincode")
    if point is not None:
        return _at_point(catalogue, city, *point)
    if locality is not None:
        return _at_locality(catalogue, city, locality)
    return _at_pincode(catalogue, city, pincode or "")


def _refused(path: tuple[str, ...], code: str, value: object, rule: str) -> InvalidProblem:
    return InvalidProblem([Fault(path, code, value, rule)])


def _cities(cities: Sequence[City], words: str) -> str:
    """What is said of the cities at the end of a rule; nothing when there are none."""
    return f"; {words} {', '.join(city.name_en for city in cities)}" if cities else ""


# --------------------------------------------------------------------------------------- points


def _at_point(catalogue: Catalogue, city: City, lon: float, lat: float) -> Whereabouts:
    (here, faults), (turned, _) = _on_earth(lon, lat), _on_earth(lat, lon)
    area = service_area(catalogue, city)
    outside_m = math.inf if here is None else area.outside_m(here)
    if outside_m == 0:
        return Whereabouts(lon, lat, 0, "point")
    # Before what is out of range, because a longitude beyond 90 degrees is where the latitude belongs.
    swapped_in = [] if turned is None else _serving(catalogue, turned)
    if swapped_in:
        elsewhere = [] if city in swapped_in else swapped_in
        rule = "longitude (degrees east) first, then latitude" + _cities(elsewhere, "so turned round it lies in")
        raise _refused(("point",), "swapped_coordinates", [lon, lat], rule)
    if here is None:
        raise InvalidProblem(fault.under("point") for fault in faults)
    rule = (
        f"within the service area of {city.name_en}, {area.radius_m / 1_000:.1f} km round its middle; "
        f"this is {math.ceil(outside_m / 100) / 10:.1f} km outside"
    )
    rule += _cities(_serving(catalogue, here), "it lies in")
    raise _refused(("point",), "outside_service_area", [lon, lat], rule)


def _on_earth(lon: float, lat: float) -> tuple[Place | None, tuple[Fault, ...]]:
    """The point as a place, or what is wrong with its degrees."""
    try:
        return Place("point", lon, lat), ()
    except InvalidProblem as error:
        return None, error.faults


def _serving(catalogue: Catalogue, place: Place) -> list[City]:
    """The cities in whose service area the place lies, the one whose middle is nearest first."""
    areas = [service_area(catalogue, city) for city in catalogue.cities]
    middles = [Place("middle", area.lon, area.lat) for area in areas]
    lines_m = straight_line_m([place], middles)[0].tolist()
    found = [
        (line_m, city.city_id, city)
        for line_m, area, city in zip(lines_m, areas, catalogue.cities, strict=True)
        if line_m <= area.radius_m
    ]
    return [city for _, _, city in sorted(found, key=lambda each: each[:2])]


# ----------------------------------------------------------------------------------- localities


@dataclass(frozen=True, slots=True)
class _Entry:
    """A locality with the keys it is found by: its name, and its name with what tells it from others of that name."""

    key: str
    long_key: str
    locality: Locality


@lru_cache(maxsize=256)
def _gazetteer(catalogue: Catalogue, city: City) -> tuple[_Entry, ...]:
    return tuple(_Entry(_key(row.name), _key(_label(row)), row) for row in catalogue.localities_of(city))


def _key(name: str) -> str:
    """The letters and digits of a name, without case and accents."""
    text = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in text if unicodedata.category(c)[0] in "LMN" and ord(c) not in _ACCENTS)


def _label(row: Locality) -> str:
    return f"{row.name} ({row.kind}, {row.pincode})" if row.pincode else f"{row.name} ({row.kind})"


def _spot(row: Locality) -> Place:
    return Place("locality", row.lon, row.lat)


def _spread_m(row: Locality) -> int:
    return max(row.spread_m, LEAST_SPREAD_M)


def _at_locality(catalogue: Catalogue, city: City, name: str) -> Whereabouts:
    key = _key(name)
    entries = _gazetteer(catalogue, city)
    # To the letter first: names that differ in punctuation only must be told apart by what the list says.
    listed = [entry.locality for entry in entries if _label(entry.locality) == name]
    equal = listed or [entry.locality for entry in entries if entry.key == key]
    beginning = [entry.locality for entry in entries if _begins(entry.long_key, key)]
    found = equal or beginning
    spots = {(row.lon, row.lat) for row in found}
    if len(spots) > 1:
        labels = sorted({_label(row) for row in found})
        more = f" and {len(labels) - _LISTED} more" if len(labels) > _LISTED else ""
        rule = f"the name of one locality of {city.name_en}, not of several: {'; '.join(labels[:_LISTED])}{more}"
        raise _refused(("locality",), "ambiguous_place", name, rule)
    if not found or (not equal and len(key) < LEAST_BEGINNING):
        raise _refused(("locality",), "unknown_locality", name, _unknown_rule(catalogue, city, key))
    # Several names of one spot: the widest says most safely where the citizen may be.
    row = min(found, key=lambda each: (-each.spread_m, each.name, each.kind))
    return Whereabouts(row.lon, row.lat, _spread_m(row), "locality", row.name)


def _begins(text: str, key: str) -> bool:
    """The text begins with the key, and the key does not end inside a number: Ward 2 is no beginning of Ward 24."""
    inside_a_number = key[-1:].isdigit() and text[len(key) :][:1].isdigit()
    return bool(key) and text.startswith(key) and not inside_a_number


def _unknown_rule(catalogue: Catalogue, city: City, key: str) -> str:
    entries = _gazetteer(catalogue, city)
    if not entries:
        return f"a point or a PIN code: no locality of {city.name_en} is known"
    # Beginnings of names too: what is misspelt is often the first word of several.
    names = {text: e.locality.name for e in entries for text in (e.key[: len(key) + 1], e.key)}
    close = difflib.get_close_matches(key, names, n=2 * _NEAR, cutoff=0.6)
    near = list(dict.fromkeys(names[text] for text in close))[:_NEAR]
    hint = f"; near: {', '.join(near)}" if near else ""
    others = [c for c in catalogue.cities if any(e.key == key for e in _gazetteer(catalogue, c))]
    return f"a locality of {city.name_en}{hint}{_cities(others, 'there is one in')}"


# ------------------------------------------------------------------------------------ PIN codes


def _at_pincode(catalogue: Catalogue, city: City, text: str) -> Whereabouts:
    pincode = "".join(text.split())  # often written 492 001
    if not _PINCODE.fullmatch(pincode):
        raise _refused(("pincode",), "bad_pincode", text, "six digits")
    rows = [row for row in catalogue.localities_of(city) if row.pincode == pincode]
    if not rows:
        having = {row.city_id for row in catalogue.localities if row.pincode == pincode}
        others = [other for other in catalogue.cities if other.city_id in having]
        rule = f"a PIN code of {city.name_en}"
        if all(row.pincode is None for row in catalogue.localities_of(city)):
            rule = f"a point or a locality: no PIN code of {city.name_en} is known"
        raise _refused(("pincode",), "unknown_pincode", text, rule + _cities(others, "it is one of"))
    weights = [row.weight for row in rows] if any(row.weight for row in rows) else [1] * len(rows)
    # fsum: the sum does not depend on the order of the rows.
    lon, lat = (
        round(math.fsum(w * degrees for w, degrees in zip(weights, side, strict=True)) / sum(weights), _POINT_DIGITS)
        for side in ([row.lon for row in rows], [row.lat for row in rows])
    )
    lines_m = straight_line_m([Place("middle", lon, lat)], [_spot(row) for row in rows])[0].tolist()
    spread_m = math.ceil(max(line_m + _spread_m(row) for line_m, row in zip(lines_m, rows, strict=True)))
    return Whereabouts(lon, lat, spread_m, "pincode", pincode)
