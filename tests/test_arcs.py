"""Bounds of travel for models without a clock: never below the exact travel, and tight where nothing depends on it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.arrays import day_arrays
from optimizer.domain import Problem, Visit
from optimizer.engines.arcs import TOO_LATE_S, longest_over_break, nodes_of
from optimizer.timing import arrive_s
from tests.builders import appointment, delivery, executive, pause, problem
from tests.strategies import problems, tight_days

# Nodes are the visits in order of id, then the starts, then the ends.


def test_without_hour_bands_a_bound_is_the_travel_itself() -> None:
    day = problem([appointment("A1", "09:00", 300), appointment("A2", "10:00", 700)], [executive("E1")], margin_pct=25)
    travel = nodes_of(day).travel_s
    assert travel[0, 1] == 500  # 400 s of reference travel and a margin of a quarter
    assert travel[2, 0] == 375
    assert travel[1, 3] == 875


def test_only_the_hours_in_which_an_arc_can_be_driven_count() -> None:
    slow_at_noon = tuple(250 if hour == 12 else 1_000 for hour in range(24))
    visits: list[Visit] = [appointment("A1", "09:00", 300), appointment("A2", "10:00", 700)]
    visits += [delivery("D1", 300, 400), delivery("D2", 300, 500)]
    travel = nodes_of(problem(visits, [executive("E1")], pace=slow_at_noon)).travel_s
    assert travel[0, 1] == 400
    assert travel[2, 0] == 400  # whoever leaves D1 after 10:00 is too late for A1
    assert travel[0, 2] == 400  # A1 is left by 10:00
    assert travel[1, 2] == 566  # A2 is left by 11:00
    assert travel[2, 1] == 566
    assert travel[2, 3] == 400  # 100 s, at a quarter of the speed at noon


def test_an_arc_nobody_can_drive_in_time_is_too_late() -> None:
    visits = [appointment("A1", "10:00", service_s=600), appointment("A2", "09:00", service_s=600)]
    travel = nodes_of(problem(visits, [executive("E1")])).travel_s
    assert travel[0, 1] == TOO_LATE_S
    assert travel[1, 0] == 0


def test_from_start_to_end_is_nothing_for_who_stays_has_no_way() -> None:
    nodes = nodes_of(problem([appointment("A1")], [executive("E1", end=appointment("A9", east_s=900).place)]))
    assert nodes.travel_s[nodes.start_of[0], nodes.end_of[0]] == 0
    assert nodes.reference_s[nodes.start_of[0], nodes.end_of[0]] == 0


def test_travel_that_can_run_over_a_whole_break_window_is_found() -> None:
    visits = [appointment("A1", "11:00", service_s=600), appointment("A2", "13:00", 1_200, service_s=600)]
    wide = problem(visits, [executive("E1", rest=pause(30, "12:00", "12:30"))])
    assert longest_over_break(nodes_of(wide), np.arange(4), 0) == 0
    narrow = problem(visits, [executive("E1", rest=pause(30, "11:50", "12:00"))])
    assert longest_over_break(nodes_of(narrow), np.arange(4), 0) == 1_200


@settings(max_examples=40)
@given(st.one_of(problems(min_visits=1, min_executives=1), tight_days()), st.integers(0, 2**32 - 1))
def test_who_leaves_within_the_range_of_a_node_arrives_by_the_bound_or_early_or_too_late(
    day: Problem, seed: int
) -> None:
    arrays, nodes = day_arrays(day), nodes_of(day)
    rng = np.random.default_rng(seed)
    opens, closes = arrays.window_open_s[arrays.window_at[:-1]], arrays.window_close_s[arrays.window_at[1:] - 1]
    for a in range(len(day.visits)):
        for b in range(len(day.visits)):
            if a == b:
                continue
            for leave in rng.integers(nodes.leave_first_s[a], nodes.leave_last_s[a] + 1, 12):
                arrival = arrive_s(arrays, arrays.place[a], arrays.place[b], leave)
                bound = leave + nodes.travel_s[a, b]
                early = arrival <= opens[b] and bound <= opens[b]
                too_late = arrival > closes[b] and bound > closes[b]
                assert arrival <= bound or early or too_late
