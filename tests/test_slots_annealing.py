"""Repair: lateness is zero exactly where a route can be run, and what annealing may and may not change."""

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.arrays import DayArrays, Int64Array, day_arrays
from optimizer.domain import Problem
from optimizer.slots.annealing import NONE, anneal, lateness_s, stream, table_of
from tests.builders import appointment, executive, pause, problem
from tests.exact_slots import runs
from tests.strategies import problems, tight_day

Case = tuple[Problem, Int64Array]


@st.composite
def tables(draw: st.DrawFn, /, *, able: bool = False, **switches: Any) -> Case:
    """A small day of appointments and a table of them, dealt at random; `able`: only to those who may serve them."""
    if draw(st.booleans()):
        day = draw(problems(deliveries=False, prefixes=False, min_executives=1, **switches))
    else:
        day = tight_day(draw(st.integers(0, 2**32 - 1)))
    arrays = day_arrays(day)
    table = np.full((len(day.executives), len(day.grid)), NONE, dtype=np.int64)
    for visit in day.appointments:
        v, e = day.visit_row[visit.visit_id], draw(st.integers(0, len(day.executives) - 1))
        slot = arrays.slot[v]
        if table[e, slot] == NONE and (arrays.may_serve[e, v] or not able):
            table[e, slot] = v
    return day, table


def order_of(day: Problem, row: Int64Array) -> tuple[str, ...]:
    return tuple(day.visits[v].visit_id for v in row if v >= 0)


def late_s(day: DayArrays, table: Int64Array, e: int) -> int:
    return int(lateness_s(day, table, e, e, 0, -1))


@settings(max_examples=150)
@given(tables(max_visits=7))
def test_lateness_is_zero_exactly_where_the_route_can_be_run(case: Case) -> None:
    day, table = case
    for e, who in enumerate(day.executives):
        assert (late_s(day_arrays(day), table, e) == 0) == runs(day, who.executive_id, order_of(day, table[e]))


@given(tables(max_visits=7), st.data())
def test_lateness_with_slots_of_another_row_is_that_of_the_row_with_them(case: Case, data: st.DataObject) -> None:
    day, table = case
    last = table.shape[1] - 1
    low = data.draw(st.integers(0, last))
    high = data.draw(st.integers(low, last))
    one, two = (data.draw(st.integers(0, len(table) - 1)) for _ in range(2))
    swapped = table.copy()
    swapped[one, low : high + 1] = table[two, low : high + 1]
    assert lateness_s(day_arrays(day), table, one, two, low, high) == late_s(day_arrays(day), swapped, one)


def test_lateness_counts_the_seconds_that_are_missing_in_service_break_and_return() -> None:
    def late(day: Problem, *visit_ids: str) -> int:
        arrays = day_arrays(day)
        order = np.array([[day.visit_row[v] for v in visit_ids]], dtype=np.int64)
        return late_s(arrays, table_of(arrays, order, np.array([len(visit_ids)]), len(day.grid)), 0)

    visits = [appointment("A1", "08:00", 3_000, service_s=1_200), appointment("A2", "09:00", -3_000, service_s=1_200)]
    # at A1 by 08:50, 10 min after the last moment to begin; from 09:00 100 min to A2, an hour after its last moment
    assert late(problem(visits, [executive("E1")]), "A1") == 600
    assert late(problem(visits, [executive("E1")]), "A1", "A2") == 600 + 3_600
    early = problem(visits, [executive("E1", "07:00", "09:30")])
    assert late(early, "A1") == 0  # home at 09:10
    assert late(problem(visits, [executive("E1", "07:00", "09:00")]), "A1") == 600
    # there at 08:20: a break that begins by then is over in time if it takes 20 min, not if it takes 30
    assert late(problem(visits, [executive("E1", "07:30", rest=pause(20, "08:00", "08:20"))]), "A1") == 0
    assert late(problem(visits, [executive("E1", "07:30", rest=pause(30, "08:00", "08:20"))]), "A1") == 600
    assert late(problem(visits, [executive("E1", "07:30", rest=pause(20, "08:00", "08:10"))]), "A1") == 600


@settings(max_examples=100)
@given(tables(max_visits=8, max_executives=4, able=True), st.integers(0, 2**31), st.data())
def test_annealing_keeps_every_visit_in_its_slot_and_with_those_who_may_have_it(
    case: Case, seed: int, data: st.DataObject
) -> None:
    day, before = case
    arrays, table = day_arrays(day), before.copy()
    first = data.draw(st.integers(0, table.shape[1] - 1))
    last = data.draw(st.integers(first, table.shape[1] - 1))
    late, moves = anneal(arrays, arrays.may_serve, table, first, last, 300, stream(seed))
    assert moves <= 300
    assert late == sum(late_s(arrays, table, e) for e in range(len(table)))
    for slot in range(table.shape[1]):
        assert Counter(table[:, slot].tolist()) == Counter(before[:, slot].tolist())
        if not first <= slot <= last:
            assert table[:, slot].tolist() == before[:, slot].tolist()
    assert all(arrays.may_serve[e, v] for e in range(len(table)) for v in table[e] if v >= 0)
    if late == 0:
        assert all(runs(day, who.executive_id, order_of(day, table[e])) for e, who in enumerate(day.executives))


@given(tables(max_visits=8, able=True), st.integers(0, 2**31))
def test_the_same_seed_anneals_to_the_same_table(case: Case, seed: int) -> None:
    day, table = case
    arrays, again = day_arrays(day), table.copy()
    last = table.shape[1] - 1
    told = anneal(arrays, arrays.may_serve, table, 0, last, 200, stream(seed))
    assert told == anneal(arrays, arrays.may_serve, again, 0, last, 200, stream(seed))
    assert table.tolist() == again.tolist()


def test_annealing_untangles_two_routes_that_cross_the_city() -> None:
    visits = [
        appointment(f"{side}{n}", f"{8 + n:02d}:00", east)
        for n in range(4)
        for side, east in (("W", -1_500), ("O", 1_500))
    ]
    day = problem(visits, [executive("E1"), executive("E2")])
    arrays = day_arrays(day)
    crossing = [[f"{'WO'[n % 2]}{n}" for n in range(4)], [f"{'OW'[n % 2]}{n}" for n in range(4)]]
    order = np.array([[day.visit_row[v] for v in row] for row in crossing], dtype=np.int64)
    table = table_of(arrays, order, np.array([4, 4]), len(day.grid))
    assert late_s(arrays, table, 0) > 0
    late, moves = anneal(arrays, arrays.may_serve, table, 0, 11, 2_000, stream(1))
    assert late == 0
    assert moves < 2_000


def test_a_stream_of_chance_is_never_all_zero() -> None:
    multiple = -0x632BE59BD9B4E019 * pow(0x9E3779B97F4A7C15, -1, 1 << 64) % (1 << 64)
    assert stream(multiple).tolist() == [1]
    assert stream(1).tolist() != stream(2).tolist()
