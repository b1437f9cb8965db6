"""Why minimum cover cannot be kept: by counting, by what would have to be given up, by which rules clash."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from optimizer.demand import ANYBODY, Demand
from optimizer.domain import Shift, SlotGrid
from optimizer.roster import Contract, LabourRules, MinimumCover, RosterProblem, RosterRule, ShiftPattern, WorkedDay
from optimizer.roster.check import roster_cost, roster_violations
from optimizer.roster.explain import (
    PRICES,
    Clash,
    GivenUp,
    Missing,
    Relaxation,
    Shortfall,
    _Ruled,
    _Search,
    cheapest_relaxation,
    clash,
    relaxed,
    static_findings,
)
from optimizer.roster.rows import Group
from optimizer.stop import StopAt
from optimizer.units import HOUR_S
from scenarios.generate.staffing import KIT, staffing_problem
from tests.builders import OFFICE
from tests.test_roster_greedy import small_problems

MONDAY = dt.date(2026, 11, 30)
WEDNESDAY = MONDAY + dt.timedelta(days=2)
GRID = SlotGrid(8 * HOUR_S, 20 * HOUR_S, 4 * HOUR_S)
PATTERNS = tuple(
    ShiftPattern(name, Shift(opens * HOUR_S, closes * HOUR_S)) for name, opens, closes in [("A", 8, 16), ("B", 12, 20)]
)
LAST = len(GRID) - 1
LONG_S = 120.0


def town(staff: list[Contract], minimum: tuple[MinimumCover, ...], days: int = 7, **rules: int | None) -> RosterProblem:
    wanted = Demand(MONDAY, GRID, (ANYBODY,), np.ones((days, len(GRID), 1)))
    limits = LabourRules(stretch_s=None, **rules)  # type: ignore[arg-type]
    return RosterProblem("town", MONDAY, days, GRID, PATTERNS, tuple(staff), wanted, limits, minimum=minimum)


def way_out(problem: RosterProblem) -> Relaxation:
    """The cheapest relaxation, held against the checker, and the problem so relaxed against CP-SAT."""
    found = cheapest_relaxation(problem, StopAt(time_limit_s=LONG_S))
    assert found is not None
    assert found.proven
    broken = {(v.rule, v.executive_id) for v in roster_violations(problem, found.roster)}
    assert broken == {(item.rule, item.executive_id) for item in found.given_up}
    missing = sum(row.executives for row in found.missing)
    assert roster_cost(problem, found.roster).missing == missing * problem.prices.missing
    easier = relaxed(problem, found)
    assert roster_violations(easier, found.roster) == []
    assert clash(easier, LONG_S).feasible is not bool(missing)
    again = cheapest_relaxation(easier, StopAt(time_limit_s=LONG_S))
    assert again is not None
    assert (again.given_up, sum(row.executives for row in again.missing)) == ((), missing)
    return found


def clashing(problem: RosterProblem) -> tuple[Group, ...]:
    """The clash, solved again: together its rules cannot be kept, without any one of them they can."""
    found = clash(problem, LONG_S)
    assert (found.feasible, found.proven, found.minimal) == (False, True, True)
    search = _Search(_Ruled.of(problem), seed=7)
    stop = StopAt(time_limit_s=LONG_S)
    assert search.holds(found.groups, stop) is False
    for group in found.groups:
        assert search.holds([other for other in found.groups if other != group], stop) is True
    return found.groups


def nothing_clashes(problem: RosterProblem) -> None:
    assert static_findings(problem) == ()
    assert way_out(problem).given_up == ()
    assert clash(problem, LONG_S) == Clash((), feasible=True, proven=True, minimal=True)


def holders_away(executives: int) -> tuple[RosterProblem, list[str]]:
    """The instance with everybody who holds the kit on leave on the Wednesday."""
    problem = staffing_problem(executives, 1)
    away = [c.executive_id for c in problem.staff if KIT in c.skills]
    staff = tuple(replace(c, leave=frozenset({WEDNESDAY} if c.executive_id in away else ())) for c in problem.staff)
    return replace(problem, staff=staff), away


def test_what_can_be_kept_is_said_to_be() -> None:
    nothing_clashes(staffing_problem(10, 1))
    nothing_clashes(staffing_problem(10, 2))


def test_all_holders_of_a_kit_on_leave_on_one_day() -> None:
    problem, away = holders_away(10)
    wednesday = problem.first + dt.timedelta(days=2)
    assert wednesday == WEDNESDAY
    last = len(problem.grid) - 1
    rule = RosterRule.MINIMUM_COVER
    assert static_findings(problem) == tuple(
        Shortfall(rule, WEDNESDAY, slot, frozenset({KIT}), 0, 1, tuple(away)) for slot in (0, last)
    )
    found = way_out(problem)  # no shift covers both ends of the day: two must come
    assert [(item.rule, item.date, item.price) for item in found.given_up] == [
        (RosterRule.RESPECT_LEAVE, WEDNESDAY, 100),
        (RosterRule.RESPECT_LEAVE, WEDNESDAY, 100),
    ]
    groups = clashing(problem)
    assert Group(RosterRule.MINIMUM_COVER, f"{KIT} {WEDNESDAY.isoformat()}") in groups
    leave = [group.subject for group in groups if group.rule is RosterRule.RESPECT_LEAVE]
    assert len(groups) == 3
    assert len(leave) == 2
    assert set(leave) < set(away)


def test_more_closing_shifts_wanted_than_the_limits_allow() -> None:
    staff = [Contract(f"E{number}", OFFICE, OFFICE) for number in range(3)]
    problem = town(staff, (MinimumCover(1, ANYBODY, frozenset({LAST})),), max_closing=1)
    rule = RosterRule.MAX_CLOSING_SHIFTS
    assert static_findings(problem) == (Shortfall(rule, MONDAY, None, ANYBODY, 3, 7),)
    found = way_out(problem)
    assert {(item.rule, item.date) for item in found.given_up} == {(rule, MONDAY)}
    assert found.price == 4 * PRICES[rule]
    groups = clashing(problem)
    assert [group for group in groups if group.rule is rule] == [
        Group(rule, f"E{number} 2026-11-30") for number in range(3)
    ]
    assert sum(group.rule is RosterRule.MINIMUM_COVER for group in groups) == 4  # a day more than closing shifts


def test_closing_limits_that_clash_in_a_large_team_are_proven_to() -> None:
    problem = staffing_problem(20, 1)
    problem = replace(problem, rules=replace(problem.rules, max_closing=0), minimum=(MinimumCover(1),))
    weeks = [row for row in static_findings(problem) if row.slot is None]
    assert [(row.rule, row.most, row.least) for row in weeks] == [(RosterRule.MAX_CLOSING_SHIFTS, 0, 7)]
    assert way_out(problem).price == 7 * PRICES[RosterRule.MAX_CLOSING_SHIFTS]
    assert clash(problem, LONG_S).feasible is False


def test_seven_fixed_days_in_a_row() -> None:
    week = {MONDAY + dt.timedelta(days=day): "A" for day in range(7)}
    problem = town([Contract("E0", OFFICE, OFFICE, fixed=week)], ())
    found = way_out(problem)
    assert found.given_up == (
        GivenUp(RosterRule.MAX_RUN_OF_DAYS, "E0", MONDAY, 1, 200),
        GivenUp(RosterRule.MAX_WEEK_HOURS, "E0", MONDAY, 1, 200),
        GivenUp(RosterRule.WEEKLY_DAY_OFF, "E0", MONDAY, 1, 200),
    )
    assert found.roster.rows["E0"] == ("A",) * 7
    groups = clashing(problem)
    fixed = [group for group in groups if group.rule is RosterRule.FIXED_DAY]
    assert len(fixed) == 7
    assert len(groups) == 8  # and one of the three limits


def test_a_run_across_the_first_day_is_told_by_how_many_days_it_is_too_long() -> None:
    before = {MONDAY - dt.timedelta(days=back): WorkedDay(PATTERNS[0].shift, 8 * HOUR_S) for back in (1, 2, 3, 4, 5, 6)}
    fixed = {MONDAY + dt.timedelta(days=day): "A" for day in range(2)}
    problem = town([Contract("E0", OFFICE, OFFICE, fixed=fixed, around=before)], ())
    assert way_out(problem).given_up == (GivenUp(RosterRule.MAX_RUN_OF_DAYS, "E0", MONDAY, 2, 400),)
    assert {group.rule for group in clashing(problem)} == {RosterRule.MAX_RUN_OF_DAYS, RosterRule.FIXED_DAY}


def test_hours_of_a_contract_are_given_up_for_that_contract_alone() -> None:
    staff = [Contract("E0", OFFICE, OFFICE, week_s=20 * HOUR_S), Contract("E1", OFFICE, OFFICE, week_s=16 * HOUR_S)]
    problem = town(staff, (MinimumCover(1, ANYBODY, frozenset({0})),), days=5)
    found = way_out(problem)
    assert found.price == 200
    (item,) = found.given_up
    assert (item.rule, item.amount) == (RosterRule.CONTRACT_HOURS, 1)
    other = {"E0": "E1", "E1": "E0"}[item.executive_id]
    assert relaxed(problem, found).contract_of[other] == problem.contract_of[other]


def test_who_is_missing_whatever_is_given_up_is_named() -> None:
    staff = [Contract("E0", OFFICE, OFFICE), Contract("E1", OFFICE, OFFICE, leave=frozenset({MONDAY}))]
    problem = town(staff, (MinimumCover(3, ANYBODY, frozenset({0})),), days=1)
    found = way_out(problem)
    assert found.missing == (Missing(ANYBODY, MONDAY, 0, 1),)
    assert found.given_up == (GivenUp(RosterRule.RESPECT_LEAVE, "E1", MONDAY, 1, 100),)
    assert static_findings(problem) == (Shortfall(RosterRule.MINIMUM_COVER, MONDAY, 0, ANYBODY, 1, 3, ("E1",)),)
    assert clashing(problem) == (Group(RosterRule.MINIMUM_COVER, "any 2026-11-30"),)


def test_too_few_shifts_in_a_week_for_both_ends_of_every_day() -> None:
    staff = [Contract(f"E{number}", OFFICE, OFFICE) for number in range(2)]
    problem = town(staff, (MinimumCover(1),), max_closing=None)
    rule = RosterRule.WEEKLY_DAY_OFF
    assert static_findings(problem) == (Shortfall(rule, MONDAY, None, ANYBODY, 12, 14),)
    assert way_out(problem).price == 2 * 600


def test_a_settled_day_goes_last() -> None:
    fixed: dict[dt.date, str | None] = {MONDAY: None}
    staff = [Contract("E0", OFFICE, OFFICE, fixed=fixed), Contract("E1", OFFICE, OFFICE, leave=frozenset({MONDAY}))]
    cover = (MinimumCover(1, ANYBODY, frozenset({0})),)
    assert way_out(town(staff, cover, days=1)).given_up == (GivenUp(RosterRule.RESPECT_LEAVE, "E1", MONDAY, 1, 100),)
    assert way_out(town(staff[:1], cover, days=1)).given_up == (GivenUp(RosterRule.FIXED_DAY, "E0", MONDAY, 1, 1_000),)


def test_stopped_before_anything_is_known() -> None:
    stop = StopAt()
    stop.request()
    assert cheapest_relaxation(staffing_problem(10, 1), stop) is None
    assert clash(holders_away(10)[0], 0.0).minimal is False


@settings(max_examples=15, deadline=None)
@given(given=small_problems())
def test_counting_relaxation_and_clash_agree(given: RosterProblem) -> None:
    rest_s = given.rules.min_rest_s
    if rest_s is not None and rest_s > 24 * HOUR_S:
        given = replace(given, rules=replace(given.rules, min_rest_s=24 * HOUR_S))
    found = cheapest_relaxation(given, StopAt(time_limit_s=LONG_S))
    assert found is not None
    possible = not found.given_up and not found.missing
    assert clash(given, LONG_S).feasible is possible
    if static_findings(given):
        assert not possible
