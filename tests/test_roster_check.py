"""The checker of rosters: each rule broken alone is named alone; at the limit is allowed; costs are right by hand."""

from __future__ import annotations

import copy
import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from optimizer.demand import ANYBODY, Demand
from optimizer.domain import Break, Shift, SlotGrid
from optimizer.roster import (
    Ahead,
    Contract,
    DayRequest,
    LabourRules,
    MinimumCover,
    Roster,
    RosterCost,
    RosterPrices,
    RosterProblem,
    RosterRule,
    ShiftPattern,
    WorkedDay,
)
from optimizer.roster.check import (
    CoverRow,
    RosterViolation,
    coverage,
    history_breaks,
    roster_cost,
    roster_violations,
)
from optimizer.roster.costs import Costing
from optimizer.roster.model import NONE, RosterModel, build
from optimizer.units import HOUR_S
from tests.builders import OFFICE, s, window

MONDAY = dt.date(2026, 12, 7)
KIT = frozenset({"aadhaar_kit"})
GRID = SlotGrid()
FREE = RosterPrices(*[0] * 11)
"""Nothing costs anything."""


def pattern(name: str, opens: str, closes: str, pause: tuple[int, str, str] | None = None) -> ShiftPattern:
    """A shift; its break takes so many minutes and begins between both times."""
    rest = Break(pause[0] * 60, window(pause[1], pause[2])) if pause else None
    return ShiftPattern(name, Shift(s(opens), s(closes)), rest)


EARLY = pattern("E", "08:00", "16:00", (30, "11:00", "12:30"))
LATE = pattern("L", "12:00", "20:00", (30, "15:00", "16:30"))
DAWN = pattern("D", "07:00", "15:00", (30, "10:00", "11:30"))
FULL = pattern("F", "08:00", "18:30", (90, "12:00", "13:00"))  # at every limit of a day: 9 h, 10.5 h, 5 h to the break
SHORT = pattern("S", "09:00", "14:00")  # 5 h, the longest without a break
PATTERNS = (EARLY, LATE, DAWN, FULL, SHORT)
BASE = {"A": "EEEEE--EEEEE--", "B": "LLLEE--LLLEE--", "C": "-DDDDD--DDDDD-"}
"""Two weeks of three executives. E after L is exactly 12 h of rest."""


def date(day: int) -> dt.date:
    """The date of a day counted from the first Monday, 0; earlier ones are negative."""
    return MONDAY + dt.timedelta(days=day)


def contract(executive_id: str, **other: object) -> Contract:
    return Contract(executive_id, OFFICE, OFFICE, **other)  # type: ignore[arg-type]


def nothing_wanted(first: dt.date, days: int) -> Demand:
    return Demand(first, GRID, (ANYBODY,), np.zeros((days, len(GRID), 1)))


def problem(*staff: Contract, first: dt.date = MONDAY, days: int = 14, **other: object) -> RosterProblem:
    """A, B and C for two weeks where nothing else is said, with no demand and no minimum cover."""
    given: dict[str, Any] = {"wanted": nothing_wanted(first, days), "minimum": (), **other}
    named = {c.executive_id: c for c in map(contract, "ABC")} | {c.executive_id: c for c in staff}
    return RosterProblem("raipur", first, days, GRID, PATTERNS, tuple(named.values()), **given)


def roster(rows: Mapping[str, str], first: dt.date = MONDAY) -> Roster:
    """A roster from one letter a day."""
    return Roster(first, {who: tuple(None if c == "-" else c for c in row) for who, row in rows.items()})


def base(who: str = "A", **changes: str) -> Roster:
    """The base roster with some days, `d0` for the first, of one executive changed."""
    row = list(BASE[who])
    for day, letter in changes.items():
        row[int(day[1:])] = letter
    return roster({**BASE, who: "".join(row)})


def also(given: RosterProblem, *patterns: ShiftPattern) -> RosterProblem:
    """The problem with shifts that it would refuse."""
    changed = copy.copy(given)
    object.__setattr__(changed, "patterns", (*given.patterns, *patterns))
    changed.__dict__.pop("pattern_by_id", None)
    return changed


def worked(*days: int, on: ShiftPattern = EARLY) -> dict[dt.date, WorkedDay]:
    return {date(day): WorkedDay(on.shift, on.worked_s) for day in days}


def told(found: list[RosterViolation]) -> list[tuple[str, str | None, dt.date | None, str]]:
    return [(v.rule.value, v.executive_id, v.date, v.text) for v in found]


# ------------------------------------------------------------------------------------- each rule alone


def test_the_base_roster_breaks_nothing() -> None:
    assert roster_violations(problem(), base()) == []
    assert history_breaks(problem()) == []


def test_a_roster_at_every_limit_is_accepted() -> None:
    rules = LabourRules(max_week_s=75 * HOUR_S // 2, max_run_days=5, free_days=2, max_closing=3)
    at_most = [contract(who, week_s=75 * HOUR_S // 2) for who in "ABC"]
    assert roster_violations(problem(*at_most, rules=rules), base()) == []


def test_a_day_at_every_limit_is_accepted() -> None:
    assert roster_violations(problem(), base("C", d0="S", d1="F", d2="S")) == []


@pytest.mark.parametrize(
    ("given", "changed", "expected"),
    [
        pytest.param(
            problem(), base("A", d0="X"),
            ("known_pattern", "A", date(0), "X is none of D, E, F, L, S"), id="unknown_pattern",
        ),
        pytest.param(
            problem(contract("A", patterns=frozenset("E"))), base("A", d1="S"),
            ("known_pattern", "A", date(1), "S is not agreed, but E"), id="pattern_not_agreed",
        ),
        pytest.param(
            problem(closed={date(6): "election"}), base("C", d6="D"),
            ("closed_day", "C", date(6), "1 shift on a closed day, 0 allowed: election"), id="closed_day",
        ),
        pytest.param(
            problem(contract("C", leave=frozenset({date(0)}))), base("C", d0="D"),
            ("respect_leave", "C", date(0), "1 shift on a day of leave, 0 allowed"), id="respect_leave",
        ),
        pytest.param(
            problem(contract("C", fixed={date(0): None})), base("C", d0="D"),
            ("fixed_day", "C", date(0), "D, settled is a day off"), id="fixed_day_off",
        ),
        pytest.param(
            problem(contract("C", fixed={date(0): "E"})), base("C"),
            ("fixed_day", "C", date(0), "a day off, settled is E"), id="fixed_pattern",
        ),
        pytest.param(
            also(problem(), pattern("T", "08:00", "17:31", (30, "12:10", "12:30"))), base("C", d0="T"),
            ("max_day_hours", "C", date(0), "9.01667 h worked, at most 9 h"), id="max_day_hours",
        ),
        pytest.param(
            also(problem(), pattern("T", "08:00", "18:36", (120, "12:00", "12:30"))), base("C", d0="T"),
            ("max_spread_over", "C", date(0), "10.6 h from beginning to end, at most 10.5 h"), id="max_spread_over",
        ),
        pytest.param(
            also(problem(), pattern("T", "09:00", "14:01")), base("C", d0="T"),
            ("rest_interval", "C", date(0), "no break, at least 30 min by 14:00"), id="no_break",
        ),
        pytest.param(
            also(problem(), pattern("T", "08:00", "16:00", (29, "11:00", "13:00"))), base("C", d0="T"),
            ("rest_interval", "C", date(0), "a break of 29 min by 13:00, at least 30 min by 13:00"), id="short_break",
        ),
        pytest.param(
            also(problem(), pattern("T", "08:00", "16:00", (30, "11:00", "13:01"))), base("C", d0="T"),
            ("rest_interval", "C", date(0), "a break of 30 min by 13:01, at least 30 min by 13:00"), id="late_break",
        ),
        pytest.param(
            also(problem(), pattern("T", "08:00", "16:31", (30, "11:00", "12:30"))), base("C", d0="T"),
            ("rest_interval", "C", date(0), "back from the break at 11:30, the shift ends 16:31"), id="early_break",
        ),
        pytest.param(
            problem(rules=LabourRules(max_week_s=75 * HOUR_S // 2)), base("A", d0="F"),
            ("max_week_hours", "A", date(0), "39 h worked in the week, at most 37.5 h"), id="max_week_hours",
        ),
        pytest.param(
            problem(contract("A", week_s=75 * HOUR_S // 2)), base("A", d8="F"),
            ("contract_hours", "A", date(7), "39 h worked in the week, at most 37.5 h"), id="contract_hours",
        ),
        pytest.param(
            problem(rules=LabourRules(free_days=2)), base("C", d0="D"),
            ("weekly_day_off", "C", date(0), "1 free days in the week, at least 2"), id="weekly_day_off",
        ),
        pytest.param(
            problem(rules=LabourRules(max_run_days=5)), base("C", d6="D"),
            ("max_run_of_days", "C", date(1), "6 days in a row, at most 5"), id="max_run_of_days",
        ),
        pytest.param(
            problem(), base("B", d3="D"),
            ("rest_between_shifts", "B", date(3), "11 h of rest before the shift, at least 12 h"),
            id="rest_between_shifts",
        ),
        pytest.param(
            problem(), base("B", d3="L"),
            ("max_closing_shifts", "B", date(0), "4 closing shifts in the week, at most 3"), id="max_closing_shifts",
        ),
    ],
)  # fmt: skip
def test_a_rule_broken_alone_is_named_alone(
    given: RosterProblem, changed: Roster, expected: tuple[str, str, dt.date, str]
) -> None:
    assert told(roster_violations(given, changed)) == [expected]


def test_a_rule_that_is_switched_off_is_not_asked() -> None:
    off = LabourRules(None, None, None, None, max_run_days=None, free_days=0, min_rest_s=None, max_closing=None)
    given = also(problem(rules=off), pattern("T", "00:00", "24:00"))
    assert roster_violations(given, roster(dict.fromkeys("ABC", "T" * 14))) == []


def test_every_fault_of_a_roster_is_told_by_rule() -> None:
    given = problem(contract("A", leave=frozenset({date(0)})), closed={date(1): "election"})
    assert {v.rule for v in roster_violations(given, roster(dict.fromkeys("ABC", "L" * 14)))} == {
        RosterRule.CLOSED_DAY,
        RosterRule.RESPECT_LEAVE,
        RosterRule.MAX_WEEK_HOURS,
        RosterRule.WEEKLY_DAY_OFF,
        RosterRule.MAX_RUN_OF_DAYS,
        RosterRule.MAX_CLOSING_SHIFTS,
    }


# ------------------------------------------------------------------------------------ malformed rosters


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"A": BASE["A"], "B": BASE["B"]}, ("C", None, "0 entries, one for each of 14 dates")),
        ({**BASE, "C": BASE["C"][:-1]}, ("C", None, "13 entries, one for each of 14 dates")),
        ({**BASE, "C": BASE["C"] + "D"}, ("C", None, "15 entries, one for each of 14 dates")),
        ({**BASE, "Z": BASE["C"]}, ("Z", None, "Z is none of the 3 executives")),
    ],
)
def test_a_roster_has_one_row_for_each_executive_and_one_entry_for_each_date(
    changed: dict[str, str], expected: tuple[str, dt.date | None, str]
) -> None:
    assert told(roster_violations(problem(), roster(changed))) == [("known_pattern", *expected)]


def test_a_roster_of_other_dates_is_told_so_and_judged_by_the_dates_it_shares() -> None:
    given = problem(contract("A", leave=frozenset({date(1)})))
    found = roster_violations(given, roster(BASE, first=date(1)))
    assert told(found) == [
        ("known_pattern", None, date(1), "the roster begins on 2026-12-08, it should on 2026-12-07"),
        ("respect_leave", "A", date(1), "1 shift on a day of leave, 0 allowed"),
    ]


def test_work_on_an_unknown_pattern_counts_as_a_day_of_work() -> None:
    given = problem(contract("C", leave=frozenset({date(0)})), rules=LabourRules(max_run_days=5))
    rules = [v.rule for v in roster_violations(given, base("C", d0="X"))]
    assert rules == [RosterRule.KNOWN_PATTERN, RosterRule.RESPECT_LEAVE, RosterRule.MAX_RUN_OF_DAYS]


# -------------------------------------------------------------------------------- outside the horizon


def test_a_run_of_days_begins_before_the_roster() -> None:
    two_before = contract("A", around=worked(-2, -1))
    assert told(roster_violations(problem(two_before), base())) == [
        ("max_run_of_days", "A", date(-2), "7 days in a row, at most 6")
    ]
    assert roster_violations(problem(two_before), base("A", d4="-")) == []
    assert roster_violations(problem(contract("A", around=worked(-1))), base()) == []


def test_a_run_of_days_goes_on_in_what_is_published_after_the_roster() -> None:
    after = contract("C", around=worked(14, 15, on=LATE))
    assert told(roster_violations(problem(after), base("C", d13="D", d12="-"))) == []
    assert told(roster_violations(problem(after), base("C", d13="D"))) == [
        ("max_run_of_days", "C", date(8), "8 days in a row, at most 6")
    ]


def test_what_history_broke_alone_is_no_fault_of_the_roster() -> None:
    given = problem(contract("A", around=worked(*range(-7, 0))))
    broken = [
        ("max_week_hours", "A", date(-7), "52.5 h worked in the week, at most 48 h"),
        ("weekly_day_off", "A", date(-7), "0 free days in the week, at least 1"),
        ("max_run_of_days", "A", date(-7), "7 days in a row, at most 6"),
    ]
    assert told(history_breaks(given)) == broken
    assert roster_violations(given, base("A", d0="-")) == []
    assert told(roster_violations(given, base("A"))) == [
        ("max_run_of_days", "A", date(-7), "12 days in a row, at most 6")
    ]


def test_a_week_that_history_filled_takes_no_day_of_the_roster() -> None:
    thursday = date(3)
    given = problem(contract("A", week_s=20 * HOUR_S, around=worked(0, 1, 2)), first=thursday, days=4)
    breaks = [("contract_hours", "A", date(0), "22.5 h worked in the week, at most 20 h")]
    off = dict.fromkeys("ABC", "----")
    assert told(history_breaks(given)) == breaks
    assert roster_violations(given, roster(off, thursday)) == []
    assert told(roster_violations(given, roster({**off, "A": "--S-"}, thursday))) == [
        ("contract_hours", "A", date(0), "27.5 h worked in the week, at most 20 h")
    ]


def test_closing_shifts_before_the_roster_count_in_its_first_week() -> None:
    friday, off = date(4), dict.fromkeys("ABC", "---")
    three, four = (contract("A", around=worked(*range(days), on=LATE)) for days in (3, 4))
    assert history_breaks(problem(three, first=friday, days=3)) == []
    late = roster({**off, "A": "-L-"}, friday)
    assert told(roster_violations(problem(three, first=friday, days=3), late)) == [
        ("max_closing_shifts", "A", date(0), "4 closing shifts in the week, at most 3")
    ]
    early = roster({**off, "A": "-E-"}, friday)
    assert [v.rule for v in history_breaks(problem(four, first=friday, days=3))] == [RosterRule.MAX_CLOSING_SHIFTS]
    assert roster_violations(problem(four, first=friday, days=3), early) == []


def test_rest_reaches_over_both_ends_of_the_roster() -> None:
    given = problem(contract("A", around={**worked(-1, on=LATE), **worked(14, on=DAWN)}))
    assert told(roster_violations(given, base("A", d0="D", d13="L"))) == [
        ("rest_between_shifts", "A", date(0), "11 h of rest before the shift, at least 12 h"),
        ("rest_between_shifts", "A", date(14), "11 h of rest before the shift, at least 12 h"),
    ]
    assert roster_violations(given, base("A", d0="E", d13="E")) == []


def test_history_says_each_rule_that_can_be_asked_of_a_day_outside() -> None:
    long = WorkedDay(Shift(s("08:00"), s("20:00")), s("11:00"))
    around = {date(-14): long, date(-13): WorkedDay(Shift(s("07:00"), s("12:00")), s("05:00"))}
    given = problem(contract("B", around=around, leave=frozenset({date(-13)})), closed={date(-14): "election"})
    assert [(v.rule.value, v.date) for v in history_breaks(given)] == [
        ("closed_day", date(-14)),
        ("respect_leave", date(-13)),
        ("max_day_hours", date(-14)),
        ("max_spread_over", date(-14)),
        ("rest_between_shifts", date(-13)),
    ]
    assert roster_violations(given, base()) == []


# --------------------------------------------------------------------------------------------- cover


def wants(any_slots: Mapping[int, float], kit_slots: Mapping[int, float], days: int = 1) -> Demand:
    """Executives wanted on the first day, by slot."""
    expected = np.zeros((days, len(GRID), 2))
    for slot, executives in any_slots.items():
        expected[0, slot, 0] = executives
    for slot, executives in kit_slots.items():
        expected[0, slot, 1] = executives
    return Demand(MONDAY, GRID, (ANYBODY, KIT), expected)


def test_coverage_is_told_for_every_open_date_slot_and_union_of_needs() -> None:
    holder = contract("A", skills=KIT)
    wanted = wants({0: 1, 3: 2, 11: 0.25}, {3: 0.5}, days=2)
    given = problem(holder, days=2, wanted=wanted, closed={date(1): "election"})
    rows = coverage(given, roster({"A": "E-", "B": "E-", "C": "-X"}))
    assert len(rows) == 12 * 2  # nothing of the closed day
    either, kit = given.unions
    shown = {(row.slot, row.needs): (row.wanted_quarters, row.covered_quarters, row.missing_quarters) for row in rows}
    assert {row.date for row in rows} == {MONDAY}
    assert shown[0, either] == (4, 8, 0)
    assert shown[0, kit] == (0, 4, 0)
    assert shown[3, either] == (10, 6, 4)  # each loses a quarter to the break
    assert shown[3, kit] == (2, 3, 0)
    assert shown[11, either] == (1, 0, 1)
    assert rows[0] == CoverRow(MONDAY, 0, either, 4, 8)


# ---------------------------------------------------------------------------------------------- cost


def cost_of(rows: str, *staff: Contract, days: int = 1, **other: Any) -> RosterCost:
    """The cost of a roster of A, B and C, their rows separated by blanks: one day where nothing else is said."""
    return roster_cost(problem(*staff, days=days, **other), roster(dict(zip("ABC", rows.split(), strict=True))))


def test_nobody_on_duty_where_nothing_is_wanted_costs_nothing() -> None:
    assert cost_of("- - -") == RosterCost()


def test_each_executive_below_the_minimum_costs_in_each_slot() -> None:
    prices = replace(FREE, missing=10)
    two = (MinimumCover(2),)
    assert cost_of("E - -", prices=prices, minimum=two).missing == 10 * (8 * 1 + 4 * 2)
    assert cost_of("E E L", prices=prices, minimum=two).missing == 10 * 4 * 1
    assert cost_of("E - -", prices=prices, minimum=two, closed={MONDAY: "election"}).missing == 0
    holder, kit = contract("A", skills=KIT), (MinimumCover(1, KIT, frozenset({0, 11})),)
    assert cost_of("- E L", holder, prices=prices, minimum=kit).missing == 20
    assert cost_of("L E -", holder, prices=prices, minimum=kit).missing == 10
    assert cost_of("D - -", holder, prices=prices, minimum=kit).missing == 10
    half = pattern("H", "08:30", "20:00", (120, "11:00", "12:30"))
    half = pattern(
        "H", "08:30", "20:00", (120, "11:00", "12:30")
    )  # covers the first slot in part: it counts for nothing
    given = also(problem(holder, days=1, prices=prices, minimum=kit), half)
    assert roster_cost(given, roster({"A": "H", "B": "-", "C": "-"})).missing == 10


def test_each_quarter_that_is_not_covered_costs_more_where_it_needs_the_kit() -> None:
    given: dict[str, Any] = {
        "prices": replace(FREE, uncovered=100, uncovered_kit=140),
        "wanted": wants({3: 1}, {3: 0.5}),
    }
    holder = contract("A", skills=KIT)
    assert cost_of("- - -", holder, **given).uncovered == 6 * 100 + 2 * 140
    assert cost_of("E - -", holder, **given).uncovered == 3 * 100
    assert cost_of("- E -", holder, **given).uncovered == 3 * 100 + 2 * 140
    assert cost_of("E E -", holder, **given).uncovered == 0
    assert cost_of("- - -", holder, closed={MONDAY: "election"}, **given).uncovered == 0


@pytest.mark.parametrize(
    ("ahead", "row", "tenths"),
    [
        (0, "-------", 0),
        (0, "L------", 10),
        (0, "L-L----", 20 + 10),
        (-15, "L------", 0),
        (-15, "L-L----", 5),
        (-15, "L-L-L--", 15 + 5),
        (5, "-------", 5),
        (15, "-------", 15 + 5),
        (15, "L------", 25 + 15),
    ],
)
def test_a_closing_shift_above_the_share_costs_and_the_second_one_twice(ahead: int, row: str, tenths: int) -> None:
    due = contract("A", ahead=Ahead(closing_tenths=ahead))
    cost = cost_of(f"{row} ------- -------", due, days=7, prices=replace(FREE, closing=300))
    assert cost == RosterCost(fair_closing=30 * tenths)


THREE_WANTED: dict[str, Any] = {
    "days": 14,
    "wanted": Demand(MONDAY, GRID, (ANYBODY,), np.array([[[3.0 * (slot == 11)] for slot in range(12)]] * 14)),
    "prices": replace(FREE, round=60),
}
"""A, B and C are wanted in the last slot of every day: 14 closing shifts of each in 14 rounds, two Sundays in two. A
round is a shift."""


@pytest.mark.parametrize(
    ("ahead", "row", "tenths"),
    [
        (0, "L", 0),
        (0, "L-L", 10),
        (0, "L-L-L", 20 + 10),
        (0, "L-L-L-L", 30 + 20 + 10),
        (25, "-", 0),
        (25, "L", 10 + 10 + 5),
        (25, "L-L", 20 + 20 + 15 + 5),
        (140, "L", 14 * 10),
        (900, "L", 14 * 10),
    ],
)
def test_a_closing_shift_is_dearer_with_every_round_though_fewer_than_wanted_are_had(
    ahead: int, row: str, tenths: int
) -> None:
    due = contract("A", ahead=Ahead(closing_tenths=ahead))
    cost = cost_of(f"{row:-<14} {'-' * 14} {'-' * 14}", due, **THREE_WANTED)
    assert cost == RosterCost(fair_closing=6 * tenths)


def test_equal_parts_of_closing_shifts_and_sundays_are_the_cheapest_though_fewer_than_wanted_are_had() -> None:
    six, five, four = "LLLLLL--------", "LLLLL---------", "LLLL----------"
    prices = [
        cost_of(rows, **THREE_WANTED).fair_closing
        for rows in (f"{six} {six} {'-' * 14}", f"{five} {five} {four[:2]:-<14}", f"{five} {four} {four[1:]}-")
    ]
    assert prices == [2 * 900, 2 * 600 + 60, 600 + 360 + 180]
    assert cost_of(f"{four} {four} {four}", **THREE_WANTED).fair_closing == 3 * 360
    one, two = "------E-------", "------E------E"
    assert cost_of(f"{one} {one} {'-' * 14}", **THREE_WANTED).fair_sundays == 0
    assert cost_of(f"{two} {'-' * 14} {'-' * 14}", **THREE_WANTED).fair_sundays == 60


@pytest.mark.parametrize(("ahead", "tenths"), [(0, 20 + 10), (-15, 5), (-30, 0), (5, 25 + 15)])
def test_a_sunday_above_the_share_costs_and_the_second_one_twice(ahead: int, tenths: int) -> None:
    due = contract("A", ahead=Ahead(sunday_tenths=ahead))
    cost = cost_of(f"L-----E------E {'-' * 14} {'-' * 14}", due, days=14, prices=replace(FREE, sunday=300))
    assert cost == RosterCost(fair_sundays=30 * tenths)


@pytest.mark.parametrize(
    ("ahead", "row", "tenths"),
    [
        (0, "E-", 75),
        (0, "EE", 150 + 75),
        (-80, "EE", 70),
        (-76, "E-", 0),
        (4, "--", 4),
        (90, "--", 90 + 15),
    ],
)
def test_hours_above_the_share_cost_and_those_past_the_step_twice(ahead: int, row: str, tenths: int) -> None:
    due = contract("A", ahead=Ahead(hour_tenths=ahead))
    cost = cost_of(f"{row} -- --", due, days=2, prices=replace(FREE, hour=40, hour_step_tenths=75))
    assert cost == RosterCost(fair_hours=4 * tenths)


def test_hours_are_cut_off_to_tenths_shift_by_shift() -> None:
    given = problem(contract("A"), days=2, prices=replace(FREE, hour=10, hour_step_tenths=99))
    odd = also(given, pattern("T", "08:00", "12:05"))  # 4 h 5 min: 40 tenths of an hour, not 81 of two shifts
    assert roster_cost(odd, roster({"A": "TT", "B": "--", "C": "--"})).fair_hours == 80


def test_a_request_costs_what_it_says_where_it_is_not_met() -> None:
    asked = (DayRequest(MONDAY, None, 50), DayRequest(date(1), "L", 70), DayRequest(date(9), None, 1000))
    given: dict[str, Any] = {"days": 2, "prices": FREE}
    for row, points in {"-L": 0, "EL": 50, "-E": 70, "--": 70, "EE": 120}.items():
        assert cost_of(f"{row} -- --", contract("A", requests=asked), **given) == RosterCost(requests=points)


def test_what_is_other_than_published_costs_more_where_a_free_day_is_taken() -> None:
    published = {("A", MONDAY): "E", ("A", date(1)): None, ("B", date(9)): "E"}
    given: dict[str, Any] = {"days": 2, "prices": replace(FREE, changed=120, changed_free=240), "published": published}
    for row, points in {"E-": 0, "L-": 120, "--": 120, "EE": 240, "LE": 360}.items():
        assert cost_of(f"{row} EE EE", **given) == RosterCost(stability=points)


def test_every_shift_has_its_price() -> None:
    assert cost_of("E- LD --", days=2, prices=replace(FREE, shift=60)) == RosterCost(shifts=180)


def test_what_is_unknown_costs_nothing_and_covers_nobody() -> None:
    given = problem(days=1, minimum=(MinimumCover(1),), prices=replace(FREE, missing=1, shift=60))
    assert roster_cost(given, roster({"A": "X", "Z": "E", "B": "-L"})) == RosterCost(missing=12)


# ---------------------------------------------------------------------------- against the linear model


def drawn(seed: int) -> tuple[RosterProblem, Roster]:
    """A small problem with everything in it, and a roster that is legal about every third time."""
    dice = random.Random(seed)
    days, first = dice.randint(3, 10), date(dice.randint(0, 6))
    inside = [first + dt.timedelta(days=day) for day in range(days)]
    outside = [first + dt.timedelta(days=day) for day in (*range(-7, 0), days, days + 1)]
    names = [p.pattern_id for p in PATTERNS]

    def some(dates: list[dt.date], share: float) -> list[dt.date]:
        return [d for d in dates if dice.random() < share]

    rows = {who: tuple(dice.choice(names) if dice.random() < 0.35 else None for _ in inside) for who in "ABC"}
    staff = []
    for who in "ABC":
        shifts = {d: dice.choice(PATTERNS) for d in some(outside, 0.4)}
        work = dict(zip(inside, rows[who], strict=True))
        settled = {d: work[d] if dice.random() < 0.9 else dice.choice(("E", None)) for d in some(inside, 0.1)}
        staff.append(
            contract(
                who,
                skills=KIT if who == "A" else frozenset(),
                week_s=dice.choice((None, 30 * HOUR_S)),
                patterns=dice.choice((None, None, frozenset("ELDS"))) if "F" not in settled.values() else None,
                leave=frozenset(some([d for d in inside if not settled.get(d)], 0.05)),
                fixed=settled,
                requests=tuple(DayRequest(d, dice.choice([*names, None]), 70) for d in some(inside + outside, 0.2)),
                around={d: WorkedDay(p.shift, p.worked_s) for d, p in shifts.items()},
                ahead=Ahead(dice.randint(-15, 15), dice.randint(-15, 15), dice.randint(-90, 90)),
            )
        )
    closed = dict.fromkeys(some([d for d in inside if not any(c.fixed.get(d) for c in staff)], 0.05), "election")
    expected = np.array([[[dice.choice((0, 0.3, 1, 1.7)) for _ in range(2)] for _ in range(12)] for _ in inside])
    given = problem(
        *staff,
        first=first,
        days=days,
        wanted=Demand(first, GRID, (ANYBODY, KIT), expected),
        minimum=(MinimumCover(2), MinimumCover(1, KIT, frozenset({0, 11}))),
        closed=closed,
        published={(who, d): dice.choice([*names, None]) for who in "ABC" for d in some(inside, 0.3)},
        rules=LabourRules(max_run_days=dice.randint(3, 6), free_days=dice.randint(1, 3), max_closing=1),
    )
    return given, Roster(first, rows)


def least_cost(model: RosterModel, made: Roster) -> tuple[int, int] | None:
    """Both levels of what the linear model says a roster costs; None when it is not allowed."""
    columns, matrix = model.linear.columns, model.linear.matrix
    chosen = model.chosen(made)
    if len(chosen) != sum(1 for _ in made.shifts()):
        return None  # a shift that the model does not have
    lower, upper = columns.lower.astype(float), columns.upper.astype(float)
    x = model.x[model.x != NONE]
    lower[x], upper[x] = 0, 0
    lower[chosen], upper[chosen] = 1, 1
    a = csr_array((matrix.value, matrix.column, matrix.at), shape=(len(matrix), len(columns)))
    level_1, level_2 = columns.cost
    solved = milp(
        (level_1 + level_2).astype(float),
        integrality=columns.whole.astype(int),
        bounds=Bounds(lower, upper),
        constraints=LinearConstraint(a, matrix.lower.astype(float), matrix.upper.astype(float)),
    )
    if solved.x is None:
        return None
    values = np.rint(solved.x).astype(np.int64)
    return int(level_1 @ values), int(level_2 @ values) + model.constant_2


def test_the_costs_while_searching_are_those_of_the_checker() -> None:
    fair = 0
    for seed in range(150):
        given, made = drawn(seed)
        cost = roster_cost(given, made)
        assert Costing(given)(made) == cost, seed
        rounds = replace(given, prices=replace(FREE, round=60))
        fair += roster_cost(rounds, made).fair_closing > 0 and roster_cost(rounds, made).fair_sundays > 0
    assert fair >= 30


def test_the_linear_model_allows_what_the_checker_allows_and_costs_the_same() -> None:
    legal = 0
    for seed in range(60):
        given, made = drawn(seed)
        said = least_cost(build(given), made)
        found, cost = roster_violations(given, made), roster_cost(given, made)
        assert (said is None) == bool(found), (seed, found)
        if said is not None:
            legal += 1
            assert said == (cost.level_1, cost.level_2), seed
    assert 10 <= legal <= 50
