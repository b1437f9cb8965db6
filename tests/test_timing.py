"""Times: hand-made days for each rule, and random ones against a simulation that tries every second.

The simulation knows no labels and no dominance. It keeps the set of all seconds at which an executive can be
somewhere, with and without the break, and applies every choice (wait, rest, go, serve) to all of them at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer import timing
from optimizer.arrays import NEVER, day_arrays
from optimizer.domain import DayPlan, Executive, PlannedBreak, Problem, Route, Stop
from optimizer.timing import earliest_end_s, timed, timed_route
from optimizer.travel import HOURS
from optimizer.units import DAY_S, HOUR_S
from tests.builders import appointment, delivery, executive, pause, place, plan, problem, s
from tests.strategies import Orders, any_orders, days_with_orders, problems

# ------------------------------------------------------------------------ the second-by-second simulation

BoolArray = npt.NDArray[np.bool_]
HORIZON_S = DAY_S + 2 * HOUR_S


class Whereabouts(NamedTuple):
    """Seconds at which one can be at a place: with the break still to come, and with it taken or none due."""

    pending: BoolArray
    taken: BoolArray


class Simulation:
    """Every way to run a route, second by second, until two hours after the day."""

    def __init__(self, day: Problem) -> None:
        self.day = day
        seconds = np.arange(HORIZON_S)
        self.seconds = seconds
        hours = np.minimum(seconds // HOUR_S, HOURS - 1)
        paces = np.asarray(day.travel.pace, dtype=np.int64)[hours]
        self.gained = np.concatenate([[0], np.cumsum(paces)[:-1]])

    def arrivals(self, origin: str, destination: str) -> npt.NDArray[np.int64]:
        """Arrival for each second of departure; HORIZON_S where it is beyond."""
        work = self.day.travel.cost_s(origin, destination) * (100 + self.day.travel.margin_pct) * 10
        return np.searchsorted(self.gained, self.gained + work, side="left")

    def waited(self, at: BoolArray) -> BoolArray:
        return np.logical_or.accumulate(at)

    def travelled(self, at: BoolArray, origin: str, destination: str) -> BoolArray:
        arrivals = self.arrivals(origin, destination)[at]
        there = np.zeros(HORIZON_S, dtype=np.bool_)
        there[arrivals[arrivals < HORIZON_S]] = True
        return there

    def rested(self, who: Executive, now: Whereabouts) -> Whereabouts:
        """Wait, and perhaps rest, as long as one likes."""
        pending, taken = self.waited(now.pending), now.taken.copy()
        if who.pause is not None:
            window, length_s = who.pause.window, who.pause.duration_s
            begins = pending & (self.seconds >= window.open_s) & (self.seconds <= window.close_s)
            taken[length_s:] |= begins[:-length_s]
        return Whereabouts(pending, self.waited(taken))

    def served(self, visit_id: str, at: BoolArray) -> BoolArray:
        visit = self.day.visit_by_id[visit_id]
        allowed = np.zeros(HORIZON_S, dtype=np.bool_)
        for window in visit.windows:
            allowed[window.open_s : window.close_s + 1] = True
        done = np.zeros(HORIZON_S, dtype=np.bool_)
        done[visit.service_s :] = (at & allowed)[: HORIZON_S - visit.service_s]
        return done

    def from_start(self, who: Executive) -> Whereabouts:
        at_work = self.seconds >= who.shift.open_s
        nowhere = np.zeros(HORIZON_S, dtype=np.bool_)
        return self.rested(who, Whereabouts(nowhere, at_work) if who.pause is None else Whereabouts(at_work, nowhere))

    def visited(self, who: Executive, origin: str, now: Whereabouts, visit_id: str) -> Whereabouts:
        """From ready to leave `origin` to ready to leave the visit."""
        here = self.day.visit_by_id[visit_id].place.place_id
        there = self.rested(who, Whereabouts(*(self.travelled(at, origin, here) for at in now)))
        return self.rested(who, Whereabouts(*(self.served(visit_id, at) for at in there)))

    def run(self, who: Executive, order: tuple[str, ...]) -> list[Whereabouts]:
        """When one can be ready to leave the start place, each visit, and, done, the end place."""
        ready = [self.from_start(who)]
        origin = who.start.place_id
        for visit_id in order:
            ready.append(self.visited(who, origin, ready[-1], visit_id))
            origin = self.day.visit_by_id[visit_id].place.place_id
        home = Whereabouts(*(self.travelled(at, origin, who.end.place_id) for at in ready[-1]))
        return [*ready, self.rested(who, home)]


def first(at: BoolArray) -> int:
    """The first second of a set, NEVER for none."""
    return int(at.argmax()) if at.any() else NEVER


def seen(second: int) -> int:
    """The second, or NEVER for what the simulation does not see."""
    return int(second) if second < HORIZON_S else NEVER


def rows(day: Problem, order: tuple[str, ...]) -> npt.NDArray[np.int64]:
    return np.array([day.visit_row[v] for v in order], dtype=np.int64)


@given(days_with_orders(problems(min_visits=1, min_executives=1), runnable=False))
def test_the_earliest_end_is_the_earliest_of_all_ways_to_run_the_route(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    simulation = Simulation(day)
    for executive_id, order in orders.items():
        who = day.executive_by_id[executive_id]
        end_s = first(simulation.run(who, order)[-1].taken)
        found_s = earliest_end_s(day_arrays(day), day.executive_row[executive_id], rows(day, order))
        assert seen(found_s) == end_s
        route = timed_route(day, executive_id, order)
        assert (route is not None) == (end_s <= who.shift.latest_end_s)
        if route is not None:
            assert route.end_s == end_s


@given(days_with_orders(problems(min_visits=1, min_executives=1), runnable=False))
def test_labels_are_the_earliest_seconds_at_which_one_can_leave(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    simulation, arrays = Simulation(day), day_arrays(day)
    for executive_id, order in orders.items():
        who, row = day.executive_by_id[executive_id], day.executive_row[executive_id]
        labels = [timing.ready_at_start(arrays, row)]
        origin = arrays.start_place[row]
        for visit in rows(day, order):
            labels.append(timing.ready_after(arrays, row, origin, *labels[-1], visit))
            origin = arrays.place[visit]
        for (pending_s, taken_s), at in zip(labels, simulation.run(who, order)[:-1], strict=True):
            assert seen(taken_s) == first(at.taken)
            if pending_s < NEVER:
                assert seen(pending_s) == first(at.pending)
            elif who.pause is not None:  # being free is no use any more: the break cannot begin in its window
                assert first(at.pending) > who.pause.window.close_s


@given(days_with_orders(problems(min_visits=1, min_executives=1), runnable=False), st.integers(0, 3_600))
def test_backward_labels_are_the_last_seconds_from_which_the_rest_of_a_route_can_be_run(
    drawn: tuple[Problem, Orders], less_s: int
) -> None:
    """Arriving at the label, the route ends in time; arriving a second later, it does not."""
    day, orders = drawn
    arrays = day_arrays(day)

    def ends_s(row: int, order: npt.NDArray[np.int64], pending_s: int, taken_s: int) -> int:
        """End of the rest of a route, being at the place of its next stop at these times."""
        origin = arrays.place[order[0]] if len(order) else arrays.end_place[row]
        for visit in order:
            pending_s, taken_s = timing.ready_after(arrays, row, origin, pending_s, taken_s, visit)
            origin = arrays.place[visit]
        return int(timing.route_end_s(arrays, row, origin, pending_s, taken_s))

    for executive_id, visit_ids in orders.items():
        row, order = day.executive_row[executive_id], rows(day, visit_ids)
        end_by_s = max(0, day.executive_by_id[executive_id].shift.latest_end_s - less_s)
        pending_s, taken_s = timing.latest_home(arrays, row, end_by_s)
        after = arrays.end_place[row]
        for position in reversed(range(len(order) + 1)):
            if position < len(order):
                visit = order[position]
                pending_s, taken_s = timing.latest_arrival(arrays, row, visit, after, pending_s, taken_s)
                after = arrays.place[visit]
            rest = order[position:]
            if taken_s >= 0:
                assert ends_s(row, rest, NEVER, taken_s) <= end_by_s
            assert ends_s(row, rest, NEVER, max(0, taken_s + 1)) > end_by_s
            if arrays.break_s[row] == 0:
                assert pending_s == -NEVER
                continue
            if pending_s >= 0:
                assert ends_s(row, rest, pending_s, NEVER) <= end_by_s
            assert ends_s(row, rest, max(0, pending_s + 1), NEVER) > end_by_s


@given(days_with_orders(problems(min_visits=1, min_executives=1)))
def test_nobody_could_set_out_later_for_the_first_stop(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    for route in timed(day, orders).routes:
        first_stop, rest = route.stops[0], route.pause
        begin_s = first_stop.start_s
        if rest is not None and rest.after_stops == 0 and rest.start_s >= first_stop.arrival_s:
            begin_s = rest.start_s
        who = day.executive_by_id[route.executive_id]
        to = day.visit_by_id[first_stop.visit_id].place.place_id
        assert day.travel.arrival_s(who.start.place_id, to, route.depart_s + 1) > begin_s or (
            rest is not None and rest.end_s == route.depart_s
        )


@given(st.data())
def test_a_margin_of_a_hundred_per_cent_at_double_speed_changes_no_time(data: st.DataObject) -> None:
    day = data.draw(problems(min_visits=1, min_executives=1, bands=False, margin=False, triangle=True))
    orders = data.draw(any_orders(day))
    slow = problem(day.visits, day.executives, grid=day.grid, prices=day.prices, pace=[2_000] * HOURS, margin_pct=100)
    for executive_id, order in orders.items():
        assert timed_route(slow, executive_id, order) == timed_route(day, executive_id, order)


# -------------------------------------------------------------------------------------- waiting


def test_an_early_arrival_waits_for_the_slot_and_leaves_the_office_as_late_as_it_can() -> None:
    day = problem([appointment("A1", "10:00", 600, 0, service_s=1_200)], [executive("E1")])
    assert timed_route(day, "E1", ["A1"]) == Route(
        "E1", s("09:50"), (Stop("A1", s("10:00"), s("10:00"), s("10:20"), s("10:20")),), s("10:30")
    )


def test_waiting_between_stops_is_done_at_the_next_door() -> None:
    day = problem(
        [appointment("A1", "09:00", 600, 0), appointment("A2", "11:00", 600, 300)],
        [executive("E1")],
    )
    route = timed_route(day, "E1", ["A1", "A2"])
    assert route is not None
    assert route.stops[1] == Stop("A2", s("09:25"), s("11:00"), s("11:20"), s("11:20"))


def test_who_comes_too_late_for_the_first_window_waits_for_the_second() -> None:
    visit = delivery("D1", 600, 0, windows=[("08:00", "08:09:59"), ("12:00", "13:00")])
    day = problem([visit], [executive("E1")])
    route = timed_route(day, "E1", ["D1"])
    assert route is not None
    assert (route.depart_s, route.stops[0].start_s) == (s("11:50"), s("12:00"))


@pytest.mark.parametrize(("closes", "runs"), [("08:10", True), ("08:09:59", False)])
def test_a_window_includes_its_last_second(closes: str, runs: bool) -> None:
    day = problem([delivery("D1", 600, 0, windows=[("08:00", closes)])], [executive("E1")])
    assert (timed_route(day, "E1", ["D1"]) is not None) == runs


@pytest.mark.parametrize(("overtime_s", "runs"), [(299, False), (300, True)])
def test_a_route_may_use_overtime_to_the_last_second_of_the_allowance(overtime_s: int, runs: bool) -> None:
    visit = delivery("D1", 600, 0, windows=[("15:50", "16:00")], service_s=300)
    day = problem([visit], [executive("E1", overtime_s=overtime_s)])
    assert (timed_route(day, "E1", ["D1"]) is not None) == runs


def test_the_clock_follows_the_pace_of_the_hour_and_the_margin() -> None:
    """Ten reference minutes at half speed with 20 % margin take 24 minutes; from 09:00 on 12."""
    pace = [500] * 9 + [1_000] * 15
    day = problem([delivery("D1", 600, 0, service_s=0)], [executive("E1", "08:00")], pace=pace, margin_pct=20)
    route = timed_route(day, "E1", ["D1"])
    assert route is not None
    assert (route.stops[0].arrival_s, route.return_s) == (s("08:24"), s("08:48"))
    late = problem([delivery("D1", 600, 0, service_s=0)], [executive("E1", "08:50")], pace=pace, margin_pct=20)
    route = timed_route(late, "E1", ["D1"])
    assert route is not None
    # Ten minutes to 09:00 do five of the twelve, the other seven take seven.
    assert route.stops[0].arrival_s == s("09:07")


# --------------------------------------------------------------------------------------- breaks


def test_a_break_may_use_the_waiting_time_at_a_door() -> None:
    day = problem(
        [appointment("A1", "09:00", 600, 0), appointment("A2", "11:00", 600, 300)],
        [executive("E1", rest=pause(30, "10:28", "12:00"))],
    )
    route = timed_route(day, "E1", ["A1", "A2"])
    assert route is not None
    assert route.pause == PlannedBreak(s("10:28"), s("10:58"), 1, "A2")
    assert (route.stops[1].arrival_s, route.stops[1].start_s) == (s("09:25"), s("11:00"))


def test_a_break_may_be_taken_before_leaving_a_place() -> None:
    """The window is too short to reach the next door in it."""
    day = problem(
        [appointment("A1", "09:00", 600, 0), appointment("A2", "11:00", 600, 300)],
        [executive("E1", rest=pause(30, "09:20", "09:24"))],
    )
    route = timed_route(day, "E1", ["A1", "A2"])
    assert route is not None
    assert route.pause == PlannedBreak(s("09:20"), s("09:50"), 1, "A1")
    assert (route.stops[0].end_s, route.stops[0].leave_s) == (s("09:20"), s("09:50"))
    assert route.stops[1].arrival_s == s("09:55")


def test_a_break_may_be_taken_at_the_start_place_before_departure() -> None:
    day = problem(
        [appointment("A1", "09:00", 600, 0)],
        [executive("E1", rest=pause(30, "08:05", "08:10"))],
    )
    route = timed_route(day, "E1", ["A1"])
    assert route is not None
    assert route.pause == PlannedBreak(s("08:05"), s("08:35"), 0, "office")
    assert route.depart_s == s("08:50")


def test_a_break_may_be_taken_after_the_return_and_the_route_ends_with_it() -> None:
    day = problem(
        [appointment("A1", "09:00", 600, 0)],
        [executive("E1", rest=pause(30, "09:30", "10:00"), start=place("home"))],
    )
    route = timed_route(day, "E1", ["A1"])
    assert route is not None
    assert route.pause == PlannedBreak(s("09:30"), s("10:00"), 1, "home")
    assert (route.return_s, route.end_s) == (s("09:30"), s("10:00"))


@pytest.mark.parametrize(("overtime_s", "runs"), [(1_799, False), (1_800, True)])
def test_a_break_after_the_return_counts_as_overtime(overtime_s: int, runs: bool) -> None:
    day = problem(
        [appointment("A1", "09:00", 600, 0)],
        [executive("E1", "08:00", "09:30", rest=pause(30, "09:30", "10:00"), overtime_s=overtime_s)],
    )
    assert (timed_route(day, "E1", ["A1"]) is not None) == runs


def test_a_break_that_service_and_travel_leave_no_room_for_makes_the_order_impossible() -> None:
    day = problem(
        [appointment("A1", "10:00", 600, 0, service_s=3_600), appointment("A2", "11:00", 600, 0, service_s=3_600)],
        [executive("E1", rest=pause(30, "10:00", "11:30"))],
    )
    assert timed_route(day, "E1", ["A1", "A2"]) is None
    assert timed_route(day, "E1", ["A1"]) is not None


def test_of_equal_positions_of_the_break_the_first_is_taken() -> None:
    visit = delivery("D1", windows=[("12:00", "13:00")], at=place("office"))
    day = problem([visit], [executive("E1", rest=pause(30, "08:00", "12:00"))])
    route = timed_route(day, "E1", ["D1"])
    assert route is not None
    assert route.pause == PlannedBreak(s("08:00"), s("08:30"), 0, "office")


# ---------------------------------------------------------------------------------------- plans


def test_a_plan_lists_routes_by_executive_and_the_visits_on_none_by_id() -> None:
    day = problem(
        [appointment("A2", "09:00"), appointment("A1", "09:00"), delivery("D1"), delivery("D0")],
        [executive("E2"), executive("E1"), executive("E3")],
    )
    made = timed(day, {"E2": ["A1"], "E1": ["A2"], "E3": []})
    assert [route.executive_id for route in made.routes] == ["E1", "E2"]
    assert made.unassigned == ("D0", "D1")
    assert [stop.visit_id for _, stop in made.stops()] == ["A2", "A1"]


def test_who_has_no_visits_has_no_route_and_no_break() -> None:
    day = problem([], [executive("E1", rest=pause(30, "12:00", "13:00"))])
    assert plan(day, E1="") == DayPlan((), ())


def test_orders_that_cannot_be_run_are_an_error_that_names_them() -> None:
    day = problem([appointment("A1", "10:00"), appointment("A2", "09:00")], [executive("E1")])
    with pytest.raises(ValueError, match=r"E1: \['A1', 'A2'\] cannot be run in this order"):
        plan(day, E1="A1 A2")
