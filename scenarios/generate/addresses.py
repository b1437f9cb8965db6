"""Made-up addresses of a city: points round the localities of the gazetteer, or as the city reaches.

Points are whole hundred-thousandths of a degree, about a metre, so that they print the same everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.domain import Place
from scenarios.catalogue import Catalogue, City, CityGeometry
from scenarios.generate.dice import Dice
from scenarios.places import ASSUMED_REACH_M

PARTS = 100_000
"""Of a degree: the grid on which points lie."""
METRES_PER_DEGREE = 111_195
JITTER_M = (50, 150)
"""An address lies this far from the point of its locality, wherever that is: schools and houses are not at one spot."""
THIN_GAZETTEER = 30
"""With less weight than this in its gazetteer a city has too few points; half the addresses follow its reach."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point in hundred-thousandths of a degree."""

    lon_parts: int
    lat_parts: int

    @classmethod
    def at(cls, lon: float, lat: float) -> Point:
        """The nearest point of the grid."""
        return cls(round(lon * PARTS), round(lat * PARTS))

    def moved(self, east_m: int, north_m: int) -> Point:
        """The point so many metres away."""
        per_degree = round(METRES_PER_DEGREE * math.cos(math.radians(self.lat_parts / PARTS)))
        return Point(
            self.lon_parts + _rounded(east_m * PARTS, per_degree),
            self.lat_parts + _rounded(north_m * PARTS, METRES_PER_DEGREE),
        )

    def place(self, place_id: str) -> Place:
        """The point as a place with a name."""
        return Place(place_id, self.lon_parts / PARTS, self.lat_parts / PARTS)


def _rounded(amount: int, divisor: int) -> int:
    return (2 * amount + divisor) // (2 * divisor)


class AddressBook:
    """Draws addresses of one city. `notes` say what had to be assumed."""

    def __init__(self, catalogue: Catalogue, city: City) -> None:
        self._localities = [row for row in catalogue.localities_of(city) if row.weight > 0]
        self._weights = [row.weight for row in self._localities]
        geometry = catalogue.geometry_of(city)
        self.notes: tuple[str, ...] = ()
        if geometry is None:
            geometry = CityGeometry(city.city_id, city.centre.lon, city.centre.lat, *ASSUMED_REACH_M, 0)
            self.notes = (f"{city.city_id}: reach not known; addresses within {ASSUMED_REACH_M[-1]} m assumed",)
        self._geometry = geometry
        self._by_reach_percent = 0
        if sum(self._weights) < THIN_GAZETTEER:
            self._by_reach_percent = 50 if self._localities else 100
            self.notes = (
                *self.notes,
                f"{city.city_id}: few localities; {self._by_reach_percent} % of the addresses by the reach of the city",
            )

    def draw(self, dice: Dice) -> Point:
        """An address."""
        if dice.chance(self._by_reach_percent):
            return self._by_reach(dice)
        locality = self._localities[dice.pick(self._weights)]
        spread = min(locality.spread_m, self._geometry.p50_radius_m)
        within = Point.at(locality.lon, locality.lat).moved(*dice.in_ring(0, spread))
        return within.moved(*dice.in_ring(*JITTER_M))

    def _by_reach(self, dice: Dice) -> Point:
        """Half of the addresses within one radius, nine in ten within the next, all within the last."""
        geometry = self._geometry
        part = dice.below(10)
        inner, outer = (
            (0, geometry.p50_radius_m)
            if part < 5
            else (geometry.p50_radius_m, geometry.p90_radius_m)
            if part < 9
            else (geometry.p90_radius_m, geometry.max_radius_m)
        )
        return Point.at(geometry.lon, geometry.lat).moved(*dice.in_ring(inner, max(inner, outer)))
