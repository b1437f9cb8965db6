"""Straight lines, the formula of travel times, and the table made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from geopy.distance import geodesic
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain import InvalidProblem, Place
from scenarios.travel.formula import (
    FormulaSpec,
    formula_between,
    formula_table,
    straight_line_dm,
    straight_line_m,
)

RAIPUR = Place("raipur", 81.6369, 21.2425)
JAGDALPUR = Place("jagdalpur", 82.02018, 19.0875)


def scattered(count: int, lon: tuple[float, float], lat: tuple[float, float]) -> list[Place]:
    draw = np.random.default_rng(5)
    lons, lats = draw.uniform(*lon, count), draw.uniform(*lat, count)
    return [Place(f"p{i}", float(x), float(y)) for i, (x, y) in enumerate(zip(lons, lats, strict=True))]


@pytest.mark.parametrize(
    ("lon", "lat"),
    [((81.55, 81.75), (21.15, 21.35)), ((80.2, 84.5), (17.7, 24.2)), ((72.0, 76.0), (26.0, 33.0))],
    ids=["a city", "the state", "a state further north"],
)
def test_straight_lines_agree_with_the_geodesic_within_half_a_per_cent(
    lon: tuple[float, float], lat: tuple[float, float]
) -> None:
    places = scattered(40, lon, lat)
    lines = straight_line_m(places, places)
    for row, a in enumerate(places):
        for column, b in enumerate(places[:row]):
            exact = geodesic((a.lat, a.lon), (b.lat, b.lon)).m
            assert abs(lines[row, column] - exact) <= max(0.0005 * exact, 0.06)


def test_a_known_pair_is_as_far_apart_as_the_geodesic_says() -> None:
    assert straight_line_dm([RAIPUR], [JAGDALPUR])[0, 0] / 10 == pytest.approx(
        geodesic((RAIPUR.lat, RAIPUR.lon), (JAGDALPUR.lat, JAGDALPUR.lon)).m, rel=1e-5
    )


def test_lines_are_the_same_in_both_directions_and_in_blocks() -> None:
    places = scattered(600, (81.55, 81.75), (21.15, 21.35))  # more than one block of rows
    lines = straight_line_dm(places, places)
    assert (lines == lines.T).all()
    assert not lines.diagonal().any()
    assert (lines[300:310] == straight_line_dm(places[300:310], places)).all()


def test_seconds_follow_the_formula_and_are_rounded_up() -> None:
    kilometre = Place("b", 81.6369, 21.2425 + 1 / 110.8)
    line_dm = int(straight_line_dm([RAIPUR], [kilometre])[0, 0])
    seconds, metres = formula_between([RAIPUR], [kilometre], FormulaSpec())
    assert seconds[0, 0] == math.ceil((78 * 10_000 + 180 * line_dm) / 10_000) == 258
    assert metres[0, 0] == math.ceil(line_dm * 13 / 100) == 1_300


@given(st.floats(0, 60, allow_nan=False), st.floats(0, 30, allow_nan=False), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_rounding_up_never_adds_a_whole_second(fixed: float, per_km: float, east: float, north: float) -> None:
    other = Place("other", RAIPUR.lon + east, RAIPUR.lat + north)
    spec = FormulaSpec(fixed_minutes=fixed, minutes_per_km=per_km)
    line_km = float(straight_line_dm([RAIPUR], [other])[0, 0]) / 10_000
    seconds = int(formula_between([RAIPUR], [other], spec)[0][0, 0])
    exact = 60 * (fixed + per_km * line_km) if line_km else 0.0
    assert -0.001 <= seconds - exact < 1.001


def test_two_places_at_one_point_are_no_time_apart() -> None:
    table = formula_table([Place("x", 81.6, 21.2), Place("y", 81.6, 21.2), Place("z", 81.7, 21.2)])
    assert table.cost_s("x", "y") == 0
    assert table.distance_m("x", "y") == 0
    assert table.cost_s("x", "z") > 0


def test_speeds_by_hour_become_paces_and_the_margin_lengthens_clocks_only() -> None:
    plain = formula_table([RAIPUR, JAGDALPUR], FormulaSpec(margin_pct=0))
    table = formula_table([RAIPUR, JAGDALPUR], FormulaSpec(speed_kmh_by_hour=(12.0,) * 24))
    assert table.pace == (500,) * 24
    assert table.margin_pct == 25
    assert table.cost_s("raipur", "jagdalpur") == plain.cost_s("raipur", "jagdalpur")
    one = formula_table([RAIPUR, Place("b", 81.6469, 21.2425)], FormulaSpec(speed_kmh_by_hour=(12.0,) * 24))
    assert one.arrival_s("raipur", "b", 36_000) == 36_000 + math.ceil(one.cost_s("raipur", "b") * 2 * 1.25)


def test_the_origin_names_formula_speeds_margin_and_assumption() -> None:
    origin = formula_table([RAIPUR], FormulaSpec(speed_kmh_by_hour=(28.0,) * 9 + (20.0,) * 15)).origin
    for part in ("1.3 + 3 x", "20 to 28 km/h", "margin 25 %", "straight line x 1.3 (assumption)"):
        assert part in origin


def test_a_table_of_no_places_is_a_table() -> None:
    assert formula_table([]).place_ids == ()


def test_every_number_out_of_range_is_named_at_once() -> None:
    with pytest.raises(InvalidProblem) as caught:
        FormulaSpec(float("nan"), -1.0, 2_000, (24.0,) * 22 + (0.0, 24.0))
    assert [(f.pointer, f.code) for f in caught.value.faults] == [
        ("/fixed_minutes", "out_of_range"),
        ("/minutes_per_km", "out_of_range"),
        ("/margin_pct", "bad_margin"),
        ("/speed_kmh_by_hour/22", "bad_speeds"),
    ]
    with pytest.raises(InvalidProblem, match="24 speeds"):
        FormulaSpec(speed_kmh_by_hour=(24.0,) * 23)
