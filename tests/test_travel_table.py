"""Travel tables: clocks that integrate speed over time, held against walking second by second; growth; faults."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer import timing
from optimizer.arrays import NEVER, DayArrays, day_arrays
from optimizer.check import _arrival_s as checkers_arrival_s
from optimizer.domain import InvalidProblem
from optimizer.travel import HOURS, MAX_REFERENCE_S, REFERENCE_PACE, TravelTable
from optimizer.units import DAY_S, HOUR_S
from scenarios.travel.formula import FormulaSpec, formula_table
from tests.builders import OFFICE, executive, place, problem, random_table, s, toy_table

PACES = st.lists(st.sampled_from([1, 400, 999, 1_000, 1_001, 2_500, 100_000]), min_size=HOURS, max_size=HOURS)
PLACES = [OFFICE, place("P1", 300, 400), place("P2", -1_000, 50)]


@st.composite
def tables(draw: st.DrawFn) -> TravelTable:
    """Travel by the toy map, by the formula, or drawn at random; with any paces and margin."""
    pace = draw(st.one_of(PACES, st.lists(st.integers(300, 3_000), min_size=HOURS, max_size=HOURS)))
    margin_pct = draw(st.integers(0, 100))
    source = draw(st.sampled_from(["toy", "formula", "random"]))
    if source == "toy":
        return toy_table(PLACES, pace=pace, margin_pct=margin_pct)
    if source == "formula":
        speeds = tuple(draw(st.lists(st.floats(1, 150), min_size=HOURS, max_size=HOURS)))
        return formula_table(sorted(PLACES), FormulaSpec(margin_pct=margin_pct, speed_kmh_by_hour=speeds))
    ids = sorted(p.place_id for p in PLACES)
    return random_table(ids, draw(st.integers(0, 99)), 20_000, pace=pace, margin_pct=margin_pct)


TRIPS = st.tuples(st.sampled_from([p.place_id for p in PLACES]), st.sampled_from([p.place_id for p in PLACES]))
MOMENTS = st.one_of(
    st.integers(0, DAY_S + HOUR_S),
    st.builds(lambda hour, off: max(0, hour * HOUR_S + off), st.integers(0, 25), st.integers(-2, 2)),
)


def arrays_of(table: TravelTable) -> tuple[DayArrays, dict[str, int]]:
    return day_arrays(problem([], [executive("E1")], travel=table)), table.index


def walked(table: TravelTable, origin: str, destination: str, depart_s: int) -> int:
    """Arrival by gaining the pace of each second, one after another."""
    left = table.cost_s(origin, destination) * (100 + table.margin_pct) * 10
    now = depart_s
    while left > 0:
        left -= table.pace[min(now // HOUR_S, HOURS - 1)]
        now += 1
    return now


@pytest.mark.parametrize("depart_s", [0, 1, 3_599, 3_600, 30_000, 82_799, 82_800, 86_400, 90_000])
def test_arrival_is_what_walking_second_by_second_gives(depart_s: int) -> None:
    pace = [400 + 137 * (hour * 7 % 11) for hour in range(HOURS)]
    for table in (
        toy_table(PLACES, pace=pace, margin_pct=25),
        random_table(sorted(p.place_id for p in PLACES), 1, 9_000, pace=pace, margin_pct=3),
    ):
        for origin in table.place_ids:
            for destination in table.place_ids:
                arrival_s = walked(table, origin, destination, depart_s)
                assert table.arrival_s(origin, destination, depart_s) == arrival_s
                assert checkers_arrival_s(table, origin, destination, depart_s) == arrival_s


@given(tables(), TRIPS, MOMENTS)
def test_table_compiled_loops_and_checker_agree_on_every_arrival(
    table: TravelTable, trip: tuple[str, str], depart_s: int
) -> None:
    arrays, row = arrays_of(table)
    arrival_s = table.arrival_s(*trip, depart_s)
    assert arrival_s >= depart_s
    assert timing.arrive_s(arrays, row[trip[0]], row[trip[1]], depart_s) == arrival_s
    assert checkers_arrival_s(table, *trip, depart_s) == arrival_s


@given(tables(), TRIPS, MOMENTS, st.integers(0, 7_200))
def test_who_leaves_later_never_arrives_earlier(
    table: TravelTable, trip: tuple[str, str], depart_s: int, later_s: int
) -> None:
    assert table.arrival_s(*trip, depart_s) <= table.arrival_s(*trip, depart_s + later_s)


@given(tables(), TRIPS, MOMENTS)
def test_the_latest_departure_is_in_time_and_one_second_later_is_not(
    table: TravelTable, trip: tuple[str, str], by_s: int
) -> None:
    arrays, row = arrays_of(table)
    latest_s = table.latest_departure_s(*trip, by_s)
    compiled_s = timing.latest_departure_s(arrays, row[trip[0]], row[trip[1]], by_s)
    if latest_s < 0:
        assert compiled_s == -NEVER
        assert table.arrival_s(*trip, 0) > by_s
    else:
        assert compiled_s == latest_s
        assert table.arrival_s(*trip, latest_s) <= by_s < table.arrival_s(*trip, latest_s + 1)


def test_nothing_arrives_before_the_day() -> None:
    table = toy_table(PLACES)
    arrays, row = arrays_of(table)
    assert table.latest_departure_s("office", "office", -5) < 0
    assert timing.latest_departure_s(arrays, row["office"], row["office"], -5) == -NEVER
    assert timing.arrive_s(arrays, row["office"], row["P1"], NEVER) == NEVER


def test_the_margin_lengthens_clocks_and_not_the_cost() -> None:
    bare, careful = toy_table(PLACES), toy_table(PLACES, margin_pct=25)
    assert bare.cost_s("office", "P1") == careful.cost_s("office", "P1") == 500
    assert bare.arrival_s("office", "P1", s("09:00")) == s("09:08:20")
    assert careful.arrival_s("office", "P1", s("09:00")) == s("09:10:25")
    assert bare.distance_m("office", "P1") == 3_500


def test_staying_takes_no_time() -> None:
    table = toy_table(PLACES, pace=[1] * HOURS, margin_pct=1_000)
    assert table.arrival_s("P1", "P1", 12_345) == 12_345


def test_a_grown_table_keeps_the_old_travel_and_has_the_new() -> None:
    old = toy_table(PLACES, pace=[900] * HOURS, margin_pct=10)
    to_s, from_s = np.array([10, 20, 30], np.int32), np.array([11, 21, 31], np.int32)
    new = old.grown(place("new", 1, 1), to_s, from_s, to_s * 7, from_s * 7)
    assert new.place_ids == (*old.place_ids, "new")
    assert np.array_equal(new.reference_s[:3, :3], old.reference_s)
    assert [new.cost_s("new", p) for p in old.place_ids] == [10, 20, 30]
    assert [new.cost_s(p, "new") for p in old.place_ids] == [11, 21, 31]
    assert (new.distance_m("new", "P1"), new.distance_m("P1", "new"), new.cost_s("new", "new")) == (70, 77, 0)
    assert (new.pace, new.margin_pct, new.origin) == (old.pace, old.margin_pct, old.origin)


def test_the_arrays_of_a_table_cannot_be_changed() -> None:
    table = toy_table(PLACES)
    with pytest.raises(ValueError, match="read-only"):
        table.reference_s[0, 1] = 5


def test_an_empty_table_is_valid() -> None:
    empty = np.zeros((0, 0), dtype=np.int32)
    assert TravelTable((), empty, empty).index == {}


def square(value: int = 1, size: int = 2) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.full((size, size), value, np.int32) * (1 - np.eye(size, dtype=np.int32))


@pytest.mark.parametrize(
    ("reference_s", "pointer", "code"),
    [
        (square(size=3), "/reference_s", "bad_shape"),
        (square().astype(np.int64), "/reference_s", "bad_type"),
        (square(-1), "/reference_s", "out_of_range"),
        (square(MAX_REFERENCE_S + 1), "/reference_s", "out_of_range"),
        (np.ones((2, 2), np.int32), "/reference_s", "bad_diagonal"),
    ],
)
def test_a_table_that_cannot_be_travelled_is_refused(
    reference_s: np.ndarray[tuple[int, ...], np.dtype[np.int32]], pointer: str, code: str
) -> None:
    with pytest.raises(InvalidProblem) as refused:
        TravelTable(("a", "b"), reference_s, square())
    assert [(f.pointer, f.code) for f in refused.value.faults] == [(pointer, code)]


def test_all_faults_of_a_table_are_told_at_once() -> None:
    with pytest.raises(InvalidProblem) as refused:
        TravelTable(("a", "a"), square(-1), square(size=3), (REFERENCE_PACE,) * 23, margin_pct=-1)
    assert {(f.pointer, f.code) for f in refused.value.faults} == {
        ("/place_ids", "duplicate_id"),
        ("/reference_s", "out_of_range"),
        ("/metres", "bad_shape"),
        ("/pace", "bad_pace"),
        ("/margin_pct", "bad_margin"),
    }
