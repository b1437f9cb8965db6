"""The greedy roster: legal whatever is asked, better than nobody on duty, the same for the same problem."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.demand import ANYBODY, Demand
from optimizer.domain import Shift, SlotGrid
from optimizer.roster import (
    Contract,
    DayRequest,
    LabourRules,
    MinimumCover,
    Roster,
    RosterPrices,
    RosterProblem,
    RosterRule,
    ShiftPattern,
    WorkedDay,
)
from optimizer.roster.check import roster_cost, roster_violations
from optimizer.roster.greedy import greedy_roster
from optimizer.roster.model import build, could_work
from optimizer.roster.solving import solve
from optimizer.units import HOUR_S
from scenarios.catalogue import load_catalogue
from scenarios.generate.dice import Dice
from scenarios.generate.staffing import staffing_problem
from scenarios.rostering import city_roster_problem
from tests.builders import OFFICE

KIT = frozenset({"kit"})
MONDAY = dt.date(2026, 11, 30)
GRID = SlotGrid(8 * HOUR_S, 20 * HOUR_S, 4 * HOUR_S)
RULES = LabourRules(stretch_s=None)


def pattern(name: str, opens: int, closes: int) -> ShiftPattern:
    return ShiftPattern(name, Shift(opens * HOUR_S, closes * HOUR_S))


PATTERNS = (pattern("A", 8, 16), pattern("B", 12, 20), pattern("C", 8, 12))


def someone(name: str, **given: object) -> Contract:
    return replace(Contract(name, OFFICE, OFFICE), **given)  # type: ignore[arg-type]


def problem(staff: tuple[Contract, ...], days: int = 7, each: float = 1.0, **given: object) -> RosterProblem:
    expected = np.full((days, len(GRID), 2), each)
    wanted = Demand(given.get("first", MONDAY), GRID, (ANYBODY, KIT), expected)  # type: ignore[arg-type]
    built = RosterProblem("town", wanted.first, days, GRID, PATTERNS, staff, wanted, RULES)
    return replace(built, **given)  # type: ignore[arg-type]


def nobody(given: RosterProblem) -> Roster:
    free = (None,) * given.days
    return Roster(given.first, {c.executive_id: free for c in given.staff})


def levels(given: RosterProblem, roster: Roster) -> tuple[int, int]:
    cost = roster_cost(given, roster)
    return cost.level_1, cost.level_2


@pytest.mark.parametrize(
    ("executives", "weeks", "most"), [(10, 1, 36_920), (10, 4, None), (40, 1, 146_160), (40, 4, 579_440)]
)
def test_instances_get_a_legal_roster_close_to_the_least_that_stays_uncovered(
    executives: int, weeks: int, most: int | None
) -> None:
    given = staffing_problem(executives, weeks)
    roster = greedy_roster(given)
    assert roster_violations(given, roster) == []
    assert levels(given, roster) < levels(given, nobody(given))
    if most is not None:  # the minimum, as `duty` proves it
        assert most <= levels(given, roster)[0] <= 1.02 * most


def test_the_order_of_the_input_changes_nothing() -> None:
    given = staffing_problem(12, 2)
    other = replace(given, staff=given.staff[::-1], patterns=given.patterns[::-1], minimum=given.minimum[::-1])
    assert greedy_roster(given) == greedy_roster(other) == greedy_roster(given)


def test_fixed_days_are_kept_even_where_they_break_a_rule_and_nothing_is_added_to_the_damage() -> None:
    week = {MONDAY + dt.timedelta(days=day): "A" for day in range(7)}
    given = problem((someone("E1", fixed=week), someone("E2", fixed={MONDAY: None})), days=14)
    roster = greedy_roster(given)
    assert roster.rows["E1"][:7] == ("A",) * 7
    assert roster.rows["E1"][7] is None  # an eighth day in a row
    assert roster.rows["E2"][0] is None
    broken = {(v.rule, v.executive_id) for v in roster_violations(given, roster)}
    assert broken == {
        (RosterRule.WEEKLY_DAY_OFF, "E1"),
        (RosterRule.MAX_RUN_OF_DAYS, "E1"),
        (RosterRule.MAX_WEEK_HOURS, "E1"),
    }


def test_nobody_is_on_duty_for_nothing() -> None:
    given = problem((someone("E1"), someone("E2")), each=0.0, minimum=())
    assert greedy_roster(given) == nobody(given)
    one = replace(given, minimum=(MinimumCover(1, ANYBODY, frozenset({0})),), closed={MONDAY: "a festival"})
    shifts = list(greedy_roster(one).shifts())
    assert sorted(day for _, day, _ in shifts) == [1, 2, 3, 4, 5, 6]


def test_a_shift_that_is_asked_for_is_given_where_the_wish_is_worth_more_than_the_shift() -> None:
    wish, small = DayRequest(MONDAY, "B", 100), DayRequest(MONDAY, "B", 30)
    given = problem((someone("E1", requests=(wish,)), someone("E2", requests=(small,))), each=0.0, minimum=())
    given = replace(given, prices=RosterPrices(closing=0, hour=0))  # nothing is wanted: every hour would be unfair
    assert list(greedy_roster(given).shifts()) == [("E1", 0, "B")]


def test_who_wants_a_day_off_gets_it_where_somebody_else_can_work() -> None:
    wish = DayRequest(MONDAY + dt.timedelta(days=2), None, 100)
    staff = (someone("E1", requests=(wish,)), someone("E2"), someone("E3"))
    given = problem(staff, each=0.0, minimum=(MinimumCover(1, ANYBODY, frozenset({0})),))
    assert greedy_roster(given).rows["E1"][2] is None


def test_closing_shifts_go_round_though_everybody_has_fewer_than_are_wanted_of_them() -> None:
    last = frozenset({len(GRID) - 1})
    one_closes = problem(
        tuple(map(someone, ("E1", "E2", "E3"))),
        6,
        3.0,
        prices=RosterPrices(uncovered=0, uncovered_kit=0),
        minimum=(MinimumCover(1, slots=last),),
        rules=replace(RULES, max_closing=None),
    )
    all_work = replace(one_closes, minimum=(MinimumCover(2, slots=frozenset({0})), *one_closes.minimum))
    for asked in (one_closes, all_work):
        roster = greedy_roster(asked)
        assert {who: row.count("B") for who, row in roster.rows.items()} == {"E1": 2, "E2": 2, "E3": 2}
        assert levels(asked, roster)[0] == 0


def test_what_one_day_alone_allows() -> None:
    tuesday = MONDAY + dt.timedelta(days=1)
    staff = (
        someone("E1", leave=frozenset({MONDAY}), patterns=frozenset({"B"})),
        someone("E2", fixed={MONDAY: "C", tuesday: None}),
    )
    given = problem(staff, days=3, closed={MONDAY + dt.timedelta(days=2): "a festival"})
    able = could_work(given)
    assert able[0].tolist() == [[False] * 3, [False, True, False], [False] * 3]
    assert able[1].tolist() == [[False, False, True], [False] * 3, [False] * 3]


# ------------------------------------------------------------------------------ days off in turn


def days_before(first: dt.date, days: int) -> dict[dt.date, WorkedDay]:
    """So many days worked just before the horizon."""
    worked = WorkedDay(PATTERNS[0].shift, PATTERNS[0].worked_s)
    return {first - dt.timedelta(days=back): worked for back in range(1, days + 1)}


def empty_days(given: RosterProblem, roster: Roster) -> list[int]:
    """The open days on which nobody works."""
    on_duty = {day for _, day, _ in roster.shifts()}
    return [day for day, date in enumerate(given.dates) if date not in given.closed and day not in on_duty]


@pytest.mark.parametrize("weekday", range(7))
def test_days_off_are_in_turn_so_that_no_open_day_is_without_anybody(weekday: int) -> None:
    """All are wanted on all days, a week holds six shifts, and a run six days: else all are off on the same day."""
    first = MONDAY + dt.timedelta(days=weekday)
    staff = tuple(someone(f"E{number}", week_s=48 * HOUR_S) for number in range(5))
    given = problem(staff, 28, 5.0, first=first, closed={first + dt.timedelta(days=10): "a festival"})
    roster = greedy_roster(given)
    assert empty_days(given, roster) == []
    assert roster_cost(given, roster).missing == 0
    tired = tuple(replace(contract, around=days_before(first, 6)) for contract in staff)
    after_a_run = replace(given, staff=tired)
    assert empty_days(after_a_run, greedy_roster(after_a_run)) == [0]  # nobody may work a seventh day


def test_minimum_cover_is_kept_in_every_city_from_whatever_day_of_the_week_on() -> None:
    catalogue = load_catalogue()
    for number, city in enumerate(catalogue.cities_in_scheme()):
        given = city_roster_problem(catalogue, city, MONDAY + dt.timedelta(days=number % 7), 28)
        roster = greedy_roster(given)
        assert empty_days(given, roster) == []
        assert roster_cost(given, roster).missing == 0


def somebody_a_day(staff: tuple[Contract, ...], days: int, **given: object) -> RosterProblem:
    """Nothing is wanted but one executive at noon, when everybody on shift is there."""
    noon = (MinimumCover(1, slots=frozenset({1})),)
    return problem(staff, days, 0.0, minimum=noon, patterns=PATTERNS[:2], **given)


def fewest_empty_days(given: RosterProblem) -> int:
    """Of a problem of `somebody_a_day`: on so many open days nobody can work, proven by a solver."""
    linear = build(given).linear
    return solve(linear, linear.columns.cost[0]).bound // given.prices.missing


def test_who_comes_on_an_empty_day_leaves_a_gap_that_another_fills() -> None:
    thursday = MONDAY + dt.timedelta(days=3)
    dates = [thursday + dt.timedelta(days=day) for day in range(14)]
    staff = (
        someone("E0", week_s=48 * HOUR_S, leave=frozenset(dates[:3]), around=days_before(thursday, 3)),
        someone("E1", week_s=48 * HOUR_S, leave=frozenset(dates[-4:]), around=days_before(thursday, 5)),
    )
    given = somebody_a_day(staff, 14, first=thursday)
    assert fewest_empty_days(given) == 1
    assert empty_days(given, greedy_roster(given)) == [1]  # E1 has worked six days, E0 is on leave


def test_no_more_days_are_without_anybody_than_must_be() -> None:
    for seed in range(60):
        dice = Dice(seed, "days off")
        first, days = MONDAY + dt.timedelta(days=dice.below(7)), 7 * dice.between(1, 4)
        dates = [first + dt.timedelta(days=day) for day in range(days)]
        week_s = 8 * HOUR_S * dice.between(5, 6)
        staff = tuple(
            someone(
                f"E{number}",
                week_s=week_s,
                leave=frozenset(dates[begin : begin + dice.below(6)]),
                around=days_before(first, dice.below(7)),
            )
            for number in range(dice.between(1, 4))
            for begin in [dice.below(days)]
        )
        given = somebody_a_day(staff, days, first=first, closed={dates[dice.below(days)]: "a festival"})
        fewest = fewest_empty_days(given)
        assert len(empty_days(given, greedy_roster(given))) == fewest, seed
        all_wanted = replace(given, wanted=problem(staff, days, 5.0, first=first).wanted)
        assert len(empty_days(all_wanted, greedy_roster(all_wanted))) == fewest, seed


@st.composite
def small_problems(draw: st.DrawFn) -> RosterProblem:
    first = MONDAY + dt.timedelta(days=draw(st.integers(0, 6)))
    days = draw(st.integers(1, 15))
    dates = [first + dt.timedelta(days=day) for day in range(days)]
    outside = [first - dt.timedelta(days=n) for n in range(1, 9)]
    outside += [first + dt.timedelta(days=days - 1 + n) for n in range(1, 9)]
    staff = []
    for number in range(draw(st.integers(1, 4))):
        leave = draw(st.frozensets(st.sampled_from(dates), max_size=3))
        patterns = draw(st.none() | st.frozensets(st.sampled_from("ABC"), min_size=1))
        staff.append(
            someone(
                f"E{number}",
                skills=draw(st.sampled_from([ANYBODY, KIT])),
                week_s=draw(st.none() | st.sampled_from([0, 20 * HOUR_S, 40 * HOUR_S])),
                patterns=patterns,
                leave=leave,
                requests=tuple(
                    DayRequest(date, draw(st.sampled_from([None, "A", "B"])), draw(st.integers(0, 300)))
                    for date in sorted(draw(st.frozensets(st.sampled_from(dates), max_size=2)))
                ),
                around={
                    date: WorkedDay(shift.shift, shift.worked_s)
                    for date in draw(st.frozensets(st.sampled_from(outside), max_size=6))
                    for shift in [draw(st.sampled_from(PATTERNS))]
                },
            )
        )
    rules = LabourRules(
        stretch_s=None,
        max_run_days=draw(st.sampled_from([None, 1, 3, 6])),
        free_days=draw(st.integers(0, 3)),
        min_rest_s=draw(st.sampled_from([None, 12 * HOUR_S, 17 * HOUR_S, 24 * HOUR_S])),
        max_closing=draw(st.sampled_from([None, 0, 1, 3])),
        max_week_s=draw(st.sampled_from([None, 30 * HOUR_S, 48 * HOUR_S])),
    )
    closed = dict.fromkeys(draw(st.frozensets(st.sampled_from(dates), max_size=2)), "closed")
    minimum = (MinimumCover(draw(st.integers(0, 2))), MinimumCover(1, KIT, frozenset({0})))
    return problem(
        tuple(staff),
        days,
        draw(st.sampled_from([0.0, 0.5, 2.0])),
        first=first,
        rules=rules,
        closed=closed,
        minimum=minimum,
    )


@settings(max_examples=60, deadline=None)
@given(given=small_problems())
def test_every_roster_is_legal_and_no_worse_than_an_empty_one(given: RosterProblem) -> None:
    roster = greedy_roster(given)
    assert roster_violations(given, roster) == []
    assert levels(given, roster) <= levels(given, nobody(given))
    assert greedy_roster(replace(given, staff=given.staff[::-1])) == roster


@given(given=small_problems())
def test_one_executive_alone_leaves_no_more_days_empty_than_must_be(given: RosterProblem) -> None:
    """Whatever leave, history, closed days and limits of runs and of weeks: days off of one are chosen exactly."""
    rules = replace(given.rules, max_closing=None, min_rest_s=12 * HOUR_S)  # no shift keeps anybody from another
    one = replace(given.staff[0], patterns=None, requests=())
    alone = somebody_a_day((one,), given.days, first=given.first, closed=given.closed, rules=rules)
    assert len(empty_days(alone, greedy_roster(alone))) == fewest_empty_days(alone)
