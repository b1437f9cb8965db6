"""Travel times where there is no map: a formula of the straight line.

Reference seconds of a pair = 60 x (fixed minutes + minutes per km x straight-line km), rounded up. The
default is an assumption: 3.0 minutes per kilometre of straight line (the detour is inside it) and 1.3 to
set out and to find the door. Calibrate both from logged trips where there are any.

Straight lines are measured on the WGS 84 ellipsoid: the chord through the earth between two points of it,
bent to an arc of the mean radius. Up to 1,000 km this agrees with the geodesic to a few parts in 100,000. The
arc is rounded to whole decimetres and everything after that is whole numbers, so the last bit of a
machine's sine does not change a travel time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.domain import Fault, InvalidProblem, Place
from optimizer.travel import HOURS, REFERENCE_PACE, Int32Array, Int64Array, TravelTable

Float64Array = npt.NDArray[np.float64]

REFERENCE_SPEED_KMH = 24.0
"""The speed at which clock seconds are reference seconds."""
ROAD_PERMILLE = 1_300
"""ASSUMPTION: metres on the road per 1,000 m of straight line. It counts kilometres, never time."""
DEFAULT_MARGIN_PCT = 25
LEAST_FIXED_MINUTES = 0.1
"""From so many minutes to set out on, the formula is known to keep the triangle inequality."""

_SEMI_MAJOR_M = 6_378_137.0  # WGS 84
_FLATTENING = 1 / 298.257223563
_MEAN_RADIUS_M = 6_371_008.8
_BLOCK = 256  # rows of a table worked on at once: keeps the passing arrays of a large day small


@dataclass(frozen=True, slots=True)
class FormulaSpec:
    """The numbers of the formula, and how clocks differ from it.

    `speed_kmh_by_hour` are 24 speeds, or None for the reference speed all day. `margin_pct` lengthens
    clocks, never the cost.
    """

    fixed_minutes: float = 1.3
    minutes_per_km: float = 3.0
    margin_pct: int = DEFAULT_MARGIN_PCT
    speed_kmh_by_hour: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        faults = []
        for name, most in (("fixed_minutes", 60), ("minutes_per_km", 30)):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= most):
                faults.append(Fault((name,), "out_of_range", value, f"0 to {most} minutes"))
        if not 0 <= self.margin_pct <= 1_000:
            faults.append(Fault(("margin_pct",), "bad_margin", self.margin_pct, "0 to 1,000 per cent"))
        speeds = self.speed_kmh_by_hour
        if speeds is not None:
            if len(speeds) != HOURS:
                faults.append(Fault(("speed_kmh_by_hour",), "bad_speeds", len(speeds), "24 speeds, one per hour"))
            faults.extend(
                Fault(("speed_kmh_by_hour", hour), "bad_speeds", speed, "1 to 150 km/h")
                for hour, speed in enumerate(speeds)
                if not (math.isfinite(speed) and 1 <= speed <= 150)
            )
        if faults:
            raise InvalidProblem(faults)

    @property
    def pace(self) -> tuple[int, ...]:
        """Reference milliseconds gained per clock second, by hour."""
        if self.speed_kmh_by_hour is None:
            return (REFERENCE_PACE,) * HOURS
        return tuple(round(REFERENCE_PACE * speed / REFERENCE_SPEED_KMH) for speed in self.speed_kmh_by_hour)

    @property
    def metric(self) -> bool:
        """No way over a third place is shorter: one more trip costs more than straight lines are off by rounding."""
        return self.fixed_minutes >= LEAST_FIXED_MINUTES

    def in_words(self) -> str:
        """The formula as the origin of travel times says it."""
        return (
            f"60 x ({self.fixed_minutes:g} + {self.minutes_per_km:g} x straight-line km) seconds; "
            f"metres are straight line x {ROAD_PERMILLE / 1_000:g} (assumption)"
        )

    def clocks_in_words(self) -> str:
        """Speeds by hour and margin as the origin of travel times says them."""
        if self.speed_kmh_by_hour is None:
            speeds = "one speed all day"
        else:
            low, high = min(self.speed_kmh_by_hour), max(self.speed_kmh_by_hour)
            speeds = f"speeds by hour {low:g} to {high:g} km/h (reference {REFERENCE_SPEED_KMH:g})"
        return f"{speeds}, margin {self.margin_pct} %"


def _on_the_ellipsoid(places: Sequence[Place]) -> Float64Array:
    """Metres from the centre of the earth along three axes, one row per place."""
    squared_eccentricity = _FLATTENING * (2 - _FLATTENING)
    points = np.empty((len(places), 3))
    for row, place in enumerate(places):
        lon, lat = math.radians(place.lon), math.radians(place.lat)
        normal_m = _SEMI_MAJOR_M / math.sqrt(1 - squared_eccentricity * math.sin(lat) ** 2)
        points[row] = (
            normal_m * math.cos(lat) * math.cos(lon),
            normal_m * math.cos(lat) * math.sin(lon),
            normal_m * (1 - squared_eccentricity) * math.sin(lat),
        )
    return points


def straight_line_dm(origins: Sequence[Place], destinations: Sequence[Place]) -> Int64Array:
    """Straight lines in whole decimetres: one row per origin, one column per destination."""
    return _lines_dm(_on_the_ellipsoid(origins), _on_the_ellipsoid(destinations))


def _lines_dm(start: Float64Array, end: Float64Array) -> Int64Array:
    lines = np.zeros((len(start), len(end)), dtype=np.int64)
    for first in range(0, len(start), _BLOCK):
        block = start[first : first + _BLOCK]
        squared = np.zeros((len(block), len(end)))
        for axis in range(3):
            apart = block[:, axis, None] - end[None, :, axis]
            squared += apart * apart
        half_angle = np.arcsin(np.minimum(np.sqrt(squared) / (2 * _MEAN_RADIUS_M), 1.0))
        lines[first : first + _BLOCK] = np.rint(half_angle * (2 * _MEAN_RADIUS_M * 10)).astype(np.int64)
    return lines


def straight_line_m(origins: Sequence[Place], destinations: Sequence[Place]) -> Float64Array:
    """Straight lines in metres, to a decimetre: one row per origin, one column per destination."""
    metres: Float64Array = straight_line_dm(origins, destinations) / 10.0
    return metres


def reference_seconds(lines_dm: Int64Array, spec: FormulaSpec) -> Int32Array:
    """Reference seconds of straight lines in decimetres, rounded up; no line, no time.

    Raises InvalidProblem for lines so long that the seconds do not fit a travel table.
    """
    fixed_us = round(spec.fixed_minutes * 60_000_000)
    per_km_us = round(spec.minutes_per_km * 60_000_000)
    # Microseconds times 10,000, because a decimetre is a ten-thousandth of a kilometre.
    work = fixed_us * 10_000 + per_km_us * lines_dm
    seconds = np.where(lines_dm == 0, 0, -(-work // (10_000 * 1_000_000)))
    limit = np.iinfo(np.int32).max
    if seconds.size and seconds.max() > limit:
        raise InvalidProblem([Fault((), "out_of_range", int(seconds.max()), f"travel of at most {limit} s")])
    return seconds.astype(np.int32)


def road_metres(lines_dm: Int64Array) -> Int32Array:
    """Estimated metres on the road for straight lines in decimetres, rounded up."""
    return (-(-lines_dm * ROAD_PERMILLE // 10_000)).astype(np.int32)


def formula_between(
    origins: Sequence[Place], destinations: Sequence[Place], spec: FormulaSpec
) -> tuple[Int32Array, Int32Array]:
    """Reference seconds and metres from each origin (row) to each destination (column)."""
    lines = straight_line_dm(origins, destinations)
    return reference_seconds(lines, spec), road_metres(lines)


def formula_table(places: Sequence[Place], spec: FormulaSpec | None = None) -> TravelTable:
    """The travel table of these places by the formula. Places with the same coordinates are 0 s and 0 m apart."""
    spec = FormulaSpec() if spec is None else spec
    seconds, metres = formula_between(places, places, spec)
    return TravelTable(
        tuple(place.place_id for place in places),
        seconds,
        metres,
        pace=spec.pace,
        margin_pct=spec.margin_pct,
        origin=f"formula: {spec.in_words()}; {spec.clocks_in_words()}",
        metric=spec.metric,
    )


# ------------------------------------------------------------------ places that are not exactly known


@dataclass(frozen=True, eq=False)
class Spots:
    """Places made ready for asking the way from one more: their points in space, and how far they may be off.

    Row p of `points` (metres from the centre of the earth) and of `spreads_dm` is the place `place_ids[p]`.
    """

    place_ids: tuple[str, ...]
    points: Float64Array
    spreads_dm: Int64Array

    def only(self, place_ids: Sequence[str]) -> Spots:
        """These of the spots, in this order."""
        row = {place_id: number for number, place_id in enumerate(self.place_ids)}
        rows = np.array([row[place_id] for place_id in place_ids], dtype=np.int64)
        return Spots(tuple(place_ids), self.points[rows], self.spreads_dm[rows])

    def and_one(self, place: Place, spread_m: int) -> Spots:
        """The spots and one more, at the end."""
        more = spots([place], [spread_m])
        return Spots(
            (*self.place_ids, place.place_id),
            np.concatenate((self.points, more.points)),
            np.concatenate((self.spreads_dm, more.spreads_dm)),
        )


def spots(places: Sequence[Place], spreads_m: Sequence[int] | None = None) -> Spots:
    """These places; `spreads_m`: the true point lies within so many metres, 0 where not given."""
    spreads = np.zeros(len(places), dtype=np.int64) if spreads_m is None else np.array(spreads_m, dtype=np.int64) * 10
    points = _on_the_ellipsoid(places) if places else np.zeros((0, 3))
    return Spots(tuple(place.place_id for place in places), points, spreads)


def formula_rows(of: Spots, place: Place, spread_m: int, spec: FormulaSpec) -> tuple[Int32Array, Int32Array]:
    """Reference seconds and metres between one place and each of the spots, the same both ways.

    The spreads of both ends lengthen the line.
    """
    one = spots([place], [spread_m])
    lines = _lines_dm(one.points, of.points)[0] + of.spreads_dm + one.spreads_dm[0]
    return reference_seconds(lines, spec), road_metres(lines)


def formula_table_of_spots(of: Spots, spec: FormulaSpec) -> TravelTable:
    """The travel table of these spots: what `formula_rows` says of each pair; a place is no way from itself."""
    lines = _lines_dm(of.points, of.points) + of.spreads_dm[:, None] + of.spreads_dm[None, :]
    np.fill_diagonal(lines, 0)
    spread = f"; {int((of.spreads_dm > 0).sum())} places are not exactly known" if of.spreads_dm.any() else ""
    return TravelTable(
        of.place_ids,
        reference_seconds(lines, spec),
        road_metres(lines),
        pace=spec.pace,
        margin_pct=spec.margin_pct,
        origin=f"formula: {spec.in_words()}; {spec.clocks_in_words()}{spread}",
        metric=spec.metric,
    )
