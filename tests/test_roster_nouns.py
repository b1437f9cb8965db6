"""What a roster is made of: cover of shifts by hand, every fault told at once, unions of needs, fair shares by hand."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest

from optimizer.demand import ANYBODY, Demand, Need, sorted_needs
from optimizer.domain import Break, InvalidProblem, Shift, SlotGrid
from optimizer.roster import (
    Ahead,
    Contract,
    DayRequest,
    LabourRules,
    MinimumCover,
    Roster,
    RosterPrices,
    RosterProblem,
    RosterRule,
    ShiftPattern,
    Wanted,
    WorkedDay,
    executives_on,
)
from optimizer.roster.targets import MOST_ROUNDS, Had, Target, ahead_after, fair_targets, had, points_for
from optimizer.units import HOUR_S, MINUTE_S
from tests.builders import OFFICE, s, window

MONDAY = dt.date(2026, 12, 7)
KIT, CAMERA = frozenset({"aadhaar_kit"}), frozenset({"camera"})
GRID = SlotGrid()


def pattern(name: str, opens: str, closes: str, pause: tuple[int, str, str] | None = None) -> ShiftPattern:
    """A shift; its break takes so many minutes and begins between both times."""
    rest = Break(pause[0] * MINUTE_S, window(pause[1], pause[2])) if pause else None
    return ShiftPattern(name, Shift(s(opens), s(closes)), rest)


EARLY = pattern("E", "08:00", "16:00", (30, "11:00", "12:30"))
LATE = pattern("L", "12:00", "20:00", (30, "15:00", "16:30"))


def date(day: int) -> dt.date:
    """The date of a day counted from the Monday, 0; earlier ones are negative."""
    return MONDAY + dt.timedelta(days=day)


def contract(executive_id: str = "A", **other: Any) -> Contract:
    return Contract(executive_id, OFFICE, OFFICE, **other)


def demand(slots: dict[int, float], days: int = 7, first: dt.date = MONDAY) -> Demand:
    """So many executives of any kind wanted in these slots of every day."""
    expected = np.zeros((days, len(GRID), 1))
    for slot, executives in slots.items():
        expected[:, slot, 0] = executives
    return Demand(first, GRID, (ANYBODY,), expected)


def problem(**other: Any) -> RosterProblem:
    """A week of A and B on early and late shifts, for whom nothing is wanted, where nothing else is said."""
    given: dict[str, Any] = {
        "city": "raipur",
        "first": MONDAY,
        "days": 7,
        "grid": GRID,
        "patterns": (EARLY, LATE),
        "staff": (contract("A"), contract("B")),
        "minimum": (),
    } | other
    given.setdefault("wanted", demand({}, 60))
    return RosterProblem(**given)


def faults_of(make: Callable[..., object], *given: Any, **named: Any) -> list[tuple[str, str, object]]:
    """Where, code and value of every fault of what cannot be made."""
    with pytest.raises(InvalidProblem) as caught:
        make(*given, **named)
    return [(fault.pointer, fault.code, fault.value) for fault in caught.value.faults]


# ------------------------------------------------------------------------------------- shift patterns


@pytest.mark.parametrize(
    ("minutes", "given", "quarters"),
    [
        (60, EARLY, "444334440000"),
        (60, LATE, "000044433444"),
        (30, EARLY, "444444" + "3333" + "444444" + "00000000"),
        (120, EARLY, "434400"),  # a quarter of two hours, from the first of two slots as near
        (60, pattern("T", "09:00", "14:00"), "044444000000"),
        (60, pattern("T", "08:30", "16:30", (30, "12:00", "13:00")), "044433440000"),  # whole slots only
        (60, pattern("T", "07:00", "15:00", (30, "10:00", "11:30")), "443344400000"),
        (60, pattern("T", "08:00", "16:00", (30, "12:00", "12:00")), "444424440000"),  # in one slot for certain
        (60, pattern("T", "08:00", "16:00", (60, "12:00", "12:00")), "444404440000"),
        (60, pattern("T", "08:00", "16:00", (90, "12:00", "12:00")), "444411440000"),
        (60, pattern("T", "08:00", "16:00", (90, "11:00", "13:00")), "444322340000"),
        (60, pattern("T", "08:00", "16:00", (7, "12:00", "12:00")), "444444440000"),  # less than half a quarter
        (60, pattern("T", "08:30", "13:00", (30, "08:30", "08:30")), "044440000000"),  # before the first whole slot
        (60, pattern("T", "08:00", "10:00", (120, "08:00", "08:00")), "000000000000"),  # nothing but a break
        (240, pattern("T", "09:00", "15:00"), "000"),
    ],
)  # fmt: skip
def test_what_a_shift_covers_is_right_by_hand(minutes: int, given: ShiftPattern, quarters: str) -> None:
    grid = SlotGrid(slot_s=minutes * MINUTE_S)
    assert given.quarters(grid) == tuple(map(int, quarters))


def test_the_time_worked_is_without_the_break() -> None:
    assert (EARLY.spread_s, EARLY.worked_s) == (8 * HOUR_S, 7 * HOUR_S + 1800)


@pytest.mark.parametrize(
    ("pause", "inside"),
    [
        ((30, "08:00", "15:30"), True),
        ((30, "07:59", "12:00"), False),
        ((30, "12:00", "15:31"), False),
    ],
)
def test_a_break_lies_within_its_shift_wherever_it_is_taken(pause: tuple[int, str, str], inside: bool) -> None:
    def make() -> ShiftPattern:
        return pattern("T", "08:00", "16:00", pause)

    if inside:
        assert make().pause is not None
    else:
        assert [code for _, code, _ in faults_of(make)] == ["break_outside_shift"]


def test_a_shift_that_takes_no_time_is_none_and_all_its_faults_are_told() -> None:
    assert faults_of(ShiftPattern, "no id", Shift(s("08:00"), s("08:00")), Break(60, window("07:00", "07:00"))) == [
        ("/pattern_id", "bad_id", "no id"),
        ("/shift", "empty_shift", "08:00"),
        ("/pause", "break_outside_shift", "07:00-07:01"),
    ]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (pattern("T", "08:00", "17:30", (30, "12:10", "12:30")), None),
        (pattern("T", "08:00", "17:31", (30, "12:10", "12:30")), RosterRule.MAX_DAY_HOURS),
        (pattern("T", "08:00", "18:30", (90, "12:00", "12:30")), None),
        (pattern("T", "08:00", "18:31", (91, "12:00", "12:30")), RosterRule.MAX_SPREAD_OVER),
        (pattern("T", "09:00", "14:00"), None),
        (pattern("T", "09:00", "14:01"), RosterRule.REST_INTERVAL),
        (pattern("T", "08:00", "16:00", (29, "11:00", "12:30")), RosterRule.REST_INTERVAL),
        (pattern("T", "08:00", "16:00", (30, "11:00", "13:00")), None),
        (pattern("T", "08:00", "16:00", (30, "11:00", "13:01")), RosterRule.REST_INTERVAL),
        (pattern("T", "08:00", "16:30", (30, "11:00", "12:30")), None),
        (pattern("T", "08:00", "16:31", (30, "11:00", "12:30")), RosterRule.REST_INTERVAL),
    ],
)
def test_a_shift_that_nobody_could_work_by_the_rules_is_refused(given: ShiftPattern, rule: RosterRule | None) -> None:
    assert [broken for broken, _ in LabourRules().against(given)] == ([rule] if rule else [])
    if rule is None:
        problem(patterns=(given,))
    else:
        assert faults_of(problem, patterns=(given,)) == [("/patterns/0", "pattern_breaks_rule", "T")]
        problem(patterns=(given,), rules=LabourRules(max_day_s=None, max_spread_s=None, stretch_s=None))


# ----------------------------------------------------------------------------------- nouns on their own


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: contract("A", week_s=-1), [("/week_s", "out_of_range", -1)]),
        (lambda: contract("A", week_s=7 * 24 * HOUR_S + 1), [("/week_s", "out_of_range", 604_801)]),
        (
            lambda: contract("", skills=frozenset({"a b"})),
            [("/executive_id", "bad_id", ""), ("/skills", "bad_id", "a b")],
        ),
        (
            lambda: contract("A", requests=(DayRequest(MONDAY, None), DayRequest(MONDAY, "E"))),
            [("/requests/2026-12-07", "duplicate_request", 2)],
        ),
        (lambda: DayRequest(MONDAY, None, -1), [("/price", "out_of_range", -1)]),
        (lambda: WorkedDay(Shift(0, 10), 11), [("/worked_s", "bad_shift", 11)]),
        (lambda: WorkedDay(Shift(0, 10), -1), [("/worked_s", "bad_shift", -1)]),
        (
            lambda: LabourRules(max_run_days=0, free_days=8),
            [("/free_days", "out_of_range", 8), ("/max_run_days", "out_of_range", 0)],
        ),
        (
            lambda: RosterPrices(missing=-1, closing=305, round=65),
            [("/closing", "bad_price", 305), ("/missing", "out_of_range", -1), ("/round", "bad_price", 65)],
        ),
    ],
)  # fmt: skip
def test_a_noun_that_cannot_be_is_refused_with_all_its_faults(
    make: Callable[[], object], expected: list[tuple[str, str, object]]
) -> None:
    assert sorted(faults_of(make), key=str) == expected


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_is_wanted_is_a_number_of_executives(value: float) -> None:
    assert [code for _, code, _ in faults_of(demand, {0: value}, 1)] == ["bad_demand"]


# --------------------------------------------------------------------------------- the problem as a whole


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"staff": ()}, [("/executives", "no_executives", 0)]),
        (
            {"staff": (contract("A"), contract("B"), contract("A"))},
            [("/executives/0/id", "duplicate_id", "A"), ("/executives/2/id", "duplicate_id", "A")],
        ),
        ({"staff": tuple(contract(f"E{n}") for n in range(501))}, [("/executives", "bad_number", 501)]),
        ({"patterns": ()}, [("/patterns", "bad_number", 0)]),
        (
            {"patterns": (EARLY, pattern("E", "09:00", "14:00"))},
            [("/patterns/0/id", "duplicate_id", "E"), ("/patterns/1/id", "duplicate_id", "E")],
        ),
        (
            {"patterns": (EARLY, ShiftPattern("T", EARLY.shift, EARLY.pause))},
            [("/patterns/1", "duplicate_shift", "T")],
        ),
        ({"patterns": (EARLY, pattern("T", "08:30", "09:30"))}, [("/patterns/1", "covers_no_slot", "T")]),
        ({"days": 0}, [("/days", "bad_horizon", 0)]),
        ({"days": -1}, [("/days", "bad_horizon", -1)]),
        ({"days": 57}, [("/days", "bad_horizon", 57)]),
        ({"wanted": demand({}, 6)}, [("/wanted", "demand_missing", "2026-12-07 to 2026-12-12")]),
        ({"wanted": demand({}, 7, date(1))}, [("/wanted", "demand_missing", "2026-12-08 to 2026-12-14")]),
        ({"grid": SlotGrid(slot_s=2 * HOUR_S)}, [("/wanted", "other_grid", str(GRID))]),
        ({"staff": (contract("A", patterns=frozenset("EX")),)}, [("/executives/0/patterns", "unknown_pattern", "X")]),
        (
            {"staff": (contract("A", fixed={MONDAY: "X"}),)},
            [("/executives/0/fixed/2026-12-07", "unknown_pattern", "X")],
        ),
        (
            {"staff": (contract("A", patterns=frozenset("E"), fixed={MONDAY: "L"}),)},
            [("/executives/0/fixed/2026-12-07", "pattern_not_agreed", "L")],
        ),
        (
            {"staff": (contract("A", fixed={MONDAY: "E"}),), "closed": {MONDAY: "election"}},
            [("/executives/0/fixed/2026-12-07", "closed_day", "E")],
        ),
        (
            {"staff": (contract("A", fixed={MONDAY: "E"}, leave=frozenset({MONDAY})),)},
            [("/executives/0/fixed/2026-12-07", "fixed_on_leave", "E")],
        ),
        (
            {"staff": (contract("A", fixed={date(7): None}),)},
            [("/executives/0/fixed/2026-12-14", "outside_horizon", "2026-12-14")],
        ),
        (
            {"staff": (contract("A", around={date(6): WorkedDay(EARLY.shift, 1)}),)},
            [("/executives/0/around/2026-12-13", "inside_horizon", "2026-12-13")],
        ),
        (
            {"staff": (contract("A", requests=(DayRequest(MONDAY, "X"),)),)},
            [("/executives/0/requests/2026-12-07", "unknown_pattern", "X")],
        ),
        (
            {"published": {("Z", MONDAY): "X"}},
            [
                ("/published/Z/2026-12-07", "unknown_executive", "Z"),
                ("/published/Z/2026-12-07", "unknown_pattern", "X"),
            ],
        ),
        (
            {"minimum": (MinimumCover(-1), MinimumCover(501, slots=frozenset({-1, 12})))},
            [
                ("/minimum/0/executives", "out_of_range", -1),
                ("/minimum/1/executives", "out_of_range", 501),
                ("/minimum/1/slots", "unknown_slot", -1),
                ("/minimum/1/slots", "unknown_slot", 12),
            ],
        ),
    ],
)
def test_a_fault_of_a_problem_is_told_with_its_place(
    other: dict[str, Any], expected: list[tuple[str, str, object]]
) -> None:
    assert faults_of(problem, **other) == expected


def test_a_minimum_cover_names_what_it_needs() -> None:
    found = faults_of(problem, minimum=(MinimumCover(1, frozenset({"a b"})),))
    assert [(code, value) for _, code, value in found] == [("bad_id", "a b")]


def test_a_day_off_may_be_settled_on_leave_and_on_a_closed_day() -> None:
    off = contract("A", fixed={MONDAY: None, date(1): None}, leave=frozenset({MONDAY}))
    assert problem(staff=(off,), closed={date(1): "election"}).staff == (off,)


def test_all_faults_of_a_problem_are_told_at_once() -> None:
    found = faults_of(
        problem,
        city="no id",
        patterns=(EARLY, ShiftPattern("T", EARLY.shift, EARLY.pause), pattern("N", "08:00", "18:00")),
        staff=(contract("A", fixed={MONDAY: "X"}), contract("A", patterns=frozenset({"Y"}))),
        minimum=(MinimumCover(1, slots=frozenset({99})),),
        published={("Z", MONDAY): None},
    )
    assert [code for _, code, _ in found] == [
        "bad_id",
        "duplicate_id",
        "unknown_pattern",
        "duplicate_id",
        "unknown_pattern",
        "unknown_executive",
        "duplicate_shift",
        "pattern_breaks_rule",  # ten hours worked
        "pattern_breaks_rule",  # without a break
        "unknown_slot",
    ]


@pytest.mark.parametrize(
    ("given", "place", "code"),
    [
        ({"days": 90}, "/days", "bad_horizon"),
        ({"days": 10**10}, "/days", "bad_horizon"),
        ({"days": 0}, "/days", "bad_horizon"),
        ({"first": dt.date.max}, "/first", "bad_date"),
    ],
)
def test_a_horizon_that_is_none_is_told_with_all_that_needs_no_dates(
    given: dict[str, Any], place: str, code: str
) -> None:
    found = faults_of(problem, minimum=(MinimumCover(1, slots=frozenset({99})),), **given)
    assert [(where, what) for where, what, _ in found][:1] == [(place, code)]
    assert "unknown_slot" in [what for _, what, _ in found]


def test_the_order_of_what_is_given_changes_nothing() -> None:
    staff = (contract("A", skills=KIT), contract("B", leave=frozenset({MONDAY})), contract("C", week_s=20 * HOUR_S))
    patterns = (EARLY, LATE, pattern("S", "09:00", "14:00"))
    wanted = demand({0: 1, 3: 2, 11: 0.6})
    one = problem(staff=staff, patterns=patterns, wanted=wanted)
    other = problem(staff=staff[::-1], patterns=patterns[::-1], wanted=wanted)
    assert (one.staff, one.patterns) == (other.staff, other.patterns)
    assert (one.unions, one.rows_wanted) == (other.unions, other.rows_wanted)
    assert fair_targets(one) == fair_targets(other)


def test_who_works_on_a_date_is_told_as_the_day_plan_wants_it() -> None:
    given = problem(staff=(contract("B"), contract("A", skills=KIT)))
    made = Roster(MONDAY, {"B": ("L", None), "A": (None, "E")})
    (on_monday,), (on_tuesday,) = (executives_on(given, made, date(day)) for day in (0, 1))
    assert (on_monday.executive_id, on_monday.shift, on_monday.pause) == ("B", LATE.shift, LATE.pause)
    assert (on_tuesday.executive_id, on_tuesday.shift, on_tuesday.skills) == ("A", EARLY.shift, KIT)
    assert executives_on(given, made, date(2)) == executives_on(given, made, date(-1)) == ()
    assert list(made.shifts()) == [("A", 1, "E"), ("B", 0, "L")]


# ------------------------------------------------------------------------------------- what is wanted


def wants(*numbers: tuple[Need, float]) -> Demand:
    """Executives wanted by need, in the first of three slots of the Monday."""
    needs = sorted_needs([need for need, _ in numbers])
    expected = np.zeros((1, 3, len(needs)))
    for need, number in numbers:
        expected[0, 0, needs.index(need)] = number
    return Demand(MONDAY, SlotGrid(slot_s=4 * HOUR_S), needs, expected)


def morning(wanted: Demand, *skills: Need, **other: Any) -> RosterProblem:
    """One day on which all work the morning, the first of three slots."""
    staff = tuple(contract(f"E{row}", skills=held) for row, held in enumerate(skills))
    return problem(
        days=1, grid=wanted.grid, patterns=(pattern("M", "08:00", "12:00"),), staff=staff, wanted=wanted, **other
    )


def test_the_kit_has_a_row_of_its_own_and_one_together_with_all() -> None:
    given = morning(wants((ANYBODY, 1.5), (KIT, 0.5)), KIT, ANYBODY)
    assert given.unions == ((ANYBODY, KIT), (KIT,))
    assert given.rows_wanted == (Wanted(0, 0, (ANYBODY, KIT), 8), Wanted(0, 0, (KIT,), 2))
    assert [row.of_anybody for row in given.rows_wanted] == [True, False]
    assert given.holders([KIT]) == {"E0"}
    assert given.holders([ANYBODY]) == {"E0", "E1"}


def test_needs_that_the_same_executives_serve_have_one_row() -> None:
    everybody = morning(wants((ANYBODY, 1), (KIT, 1)), KIT, KIT)
    assert everybody.rows_wanted == (Wanted(0, 0, (ANYBODY, KIT), 8),)
    together = morning(wants((KIT, 1), (CAMERA, 1)), KIT | CAMERA, ANYBODY)
    assert together.unions == ((ANYBODY, KIT, CAMERA), (KIT, CAMERA))
    assert [row.quarters for row in together.rows_wanted] == [8, 8]


def test_a_need_nobody_holds_keeps_its_row() -> None:
    given = morning(wants((ANYBODY, 0), (KIT, 1)), ANYBODY)
    assert Wanted(0, 0, (KIT,), 4) in given.rows_wanted
    assert given.holders([KIT]) == frozenset()


def test_less_than_half_a_quarter_is_not_wanted_and_nothing_is_on_a_closed_day() -> None:
    assert morning(wants((ANYBODY, 0.124)), ANYBODY).rows_wanted == ()
    assert morning(wants((ANYBODY, 0.126)), ANYBODY).rows_wanted == (Wanted(0, 0, (ANYBODY,), 1),)
    assert morning(wants((ANYBODY, 1)), ANYBODY, closed={MONDAY: "election"}).rows_wanted == ()


def test_of_many_needs_each_one_and_all_together_have_rows() -> None:
    skills = [frozenset({name}) for name in "vwxyz"]
    given = morning(wants(*((need, 1) for need in skills)), *skills)
    assert sorted(map(len, given.unions)) == [1, 1, 1, 1, 1, 6]
    assert sorted(row.quarters for row in given.rows_wanted) == [4, 4, 4, 4, 4, 20]


def served(needs: list[Need], skills: list[Need]) -> bool:
    """Everyone wanted can be given an executive of their own, tried out one by one."""
    return len(needs) <= len(skills) and any(
        all(need <= held for need, held in zip(needs, order, strict=True)) for order in permutations(skills, len(needs))
    )


def teams(kits: tuple[Need, ...], seed: int) -> Iterator[tuple[list[Need], list[Need]]]:
    """What is wanted and what is held, drawn."""
    dice, both = random.Random(seed), frozenset().union(*kits)
    for _ in range(150):
        wanted = [dice.choice((ANYBODY, *kits, both)) for _ in range(dice.randint(1, 5))]
        yield wanted, [dice.choice((ANYBODY, *kits, both)) for _ in range(dice.randint(1, 5))]


@pytest.mark.parametrize("kits", [(KIT,), (KIT, CAMERA)])
def test_the_rows_are_covered_exactly_where_everyone_wanted_can_be_served(kits: tuple[Need, ...]) -> None:
    seen = set()
    for needs, skills in teams(kits, 1):
        given = morning(wants(*((need, needs.count(need)) for need in sorted_needs(needs))), *skills)
        covered = all(4 * len(given.holders(row.needs)) >= row.quarters for row in given.rows_wanted)
        assert covered == served(needs, skills), (needs, skills)
        seen.add(covered)
    assert seen == {True, False}


# ---------------------------------------------------------------------------------------- fair shares

ALWAYS_ONE = demand(dict.fromkeys(range(12), 1.0))
"""One executive in every slot of a week. By day 12 slots of 4 quarters, of which a shift gives 30: 1.6 shifts, so 7
quarters of a shift; the last four slots only a late shift covers: one a day."""


def due(given: RosterProblem) -> dict[str, tuple[int, int, int]]:
    """Targets without their rounds: closing shifts, Sundays, hours."""
    return {e: (t.closing_tenths, t.sunday_tenths, t.hour_tenths) for e, t in fair_targets(given).items()}


def test_what_is_fair_is_pro_rata_of_what_each_can_work() -> None:
    half = contract("B", leave=frozenset(date(day) for day in range(4)))
    given = problem(staff=(contract("A"), half), wanted=ALWAYS_ONE)
    # A can work six shifts, 45 h, B three. 7 closing shifts, 7/4 of a shift on the Sunday; more hours than both have.
    assert due(given) == {"A": (47, 12, 450), "B": (24, 6, 225)}


def test_fewer_hours_are_shared_where_fewer_are_wanted() -> None:
    half = contract("B", leave=frozenset(date(day) for day in range(4)))
    given = problem(staff=(contract("A"), half), wanted=demand({0: 1}))
    # a shift a day, 52.5 h, none of them late
    assert due(given) == {"A": (0, 7, 350), "B": (0, 4, 175)}


def test_the_minimum_cover_is_wanted_too() -> None:
    given = problem(minimum=(MinimumCover(2, slots=frozenset({11})),), days=1)
    # two late shifts on the Monday, one each; no more than there are executives
    assert due(given) == dict.fromkeys("AB", (10, 0, 75))
    five = problem(minimum=(MinimumCover(5, slots=frozenset({11})),), days=1)
    assert fair_targets(five) == fair_targets(given)


def test_a_share_goes_to_those_who_can_take_it() -> None:
    given = problem(
        staff=(
            contract("A", patterns=frozenset("E")),
            contract("B", leave=frozenset({date(6)})),
            contract("C", week_s=45 * HOUR_S // 2, fixed={date(6): None}),
        ),
        wanted=ALWAYS_ONE,
    )
    # closing: 7 shifts, B 45 h and C 22.5 h; the Sunday is A's alone: 1.75
    targets = fair_targets(given)
    assert [t.closing_tenths for t in targets.values()] == [0, 47, 24]
    assert [t.sunday_tenths for t in targets.values()] == [18, 0, 0]
    # 7 days of 7/4 shifts are 91.9 h: of 112.5 h A and B have two fifths, C one
    assert [t.hour_tenths for t in targets.values()] == [368, 368, 184]


def test_days_worked_before_the_roster_take_from_what_can_be_worked_in_its_first_week() -> None:
    before = {date(day): WorkedDay(EARLY.shift, EARLY.worked_s) for day in range(3)}
    given = problem(first=date(3), days=4, staff=(contract("A", around=before), contract("B")), wanted=ALWAYS_ONE)
    # four days are left: A may work three of them, B all four; 4 closing shifts
    assert [t.closing_tenths for t in fair_targets(given).values()] == [18, 23]


def test_nothing_is_due_to_those_who_cannot_work() -> None:
    away = frozenset(date(day) for day in range(7))
    targets = fair_targets(problem(staff=(contract("A", leave=away), contract("B", leave=away)), wanted=ALWAYS_ONE))
    assert targets == dict.fromkeys("AB", Target(0, 0, 0))  # and no rounds


def test_a_closed_day_wants_nothing() -> None:
    given = problem(wanted=ALWAYS_ONE, closed={date(6): "election"})
    assert {t.sunday_tenths for t in fair_targets(given).values()} == {0}
    assert {t.closing_tenths for t in fair_targets(given).values()} == {30}  # six, three each


def test_what_somebody_had_too_much_of_is_taken_off() -> None:
    ahead = Ahead(closing_tenths=50, sunday_tenths=-3, hour_tenths=7)
    plain, carried = (
        due(problem(staff=(contract("A", ahead=a), contract("B")), wanted=ALWAYS_ONE)) for a in (Ahead(), ahead)
    )
    assert plain["A"] == (35, 9, 450)
    assert carried["A"] == (-15, 12, 443)
    assert carried["B"] == plain["B"]


def test_a_share_is_cut_into_rounds_of_about_a_shift_as_many_for_each() -> None:
    half = contract("B", leave=frozenset(date(day) for day in range(4)))
    targets = fair_targets(problem(staff=(contract("A"), half), wanted=ALWAYS_ONE))
    # 3.5 closing shifts on average: four rounds, of 4.7 and 2.4 shifts; 7/8 of a Sunday: one round, the share itself
    assert targets["A"].closing_rounds == (12, 24, 36, 47, 59, 71, 83)
    assert targets["B"].closing_rounds == (6, 12, 18, 24, 30, 36, 42)
    assert (targets["A"].sunday_rounds, targets["B"].sunday_rounds) == ((12,), (6,))


def test_who_has_no_share_has_no_rounds_and_takes_none_from_the_others() -> None:
    given = problem(staff=(*map(contract, "AB"), contract("C", patterns=frozenset("E"))), wanted=ALWAYS_ONE)
    two = problem(wanted=ALWAYS_ONE)
    assert fair_targets(given)["C"].closing_rounds == ()
    assert fair_targets(given)["A"].closing_rounds == fair_targets(two)["A"].closing_rounds
    assert fair_targets(problem())["A"].closing_rounds == ()


def test_there_are_so_many_rounds_at_most_and_a_shift_more_is_felt_in_each() -> None:
    given = problem(days=56, wanted=demand(dict.fromkeys(range(12), 1.0), 56))
    rounds = fair_targets(given)["A"].closing_rounds  # 28 closing shifts each
    assert len(rounds) == 2 * MOST_ROUNDS - 1
    assert rounds[MOST_ROUNDS - 1] == 280
    points = [points_for(shifts, 280, rounds, 0, 60) for shifts in range(56)]
    prices = [after - before for before, after in pairwise(points)]
    assert all(before < after for before, after in pairwise(prices[:55]))


def test_who_is_ahead_of_the_others_begins_further_on_by_a_share_at_most() -> None:
    def rounds(*closing: int) -> list[tuple[int, ...]]:
        staff = [contract(who, ahead=Ahead(tenths)) for who, tenths in zip("ABC", closing, strict=False)]
        staff.append(contract("Z", patterns=frozenset("E"), ahead=Ahead(-900)))  # who cannot close is nobody's measure
        return [t.closing_rounds for t in fair_targets(problem(staff=tuple(staff), wanted=ALWAYS_ONE)).values()][:-1]

    plain = (9, 18, 27, 35, 44, 53, 62)
    assert rounds(0, 0) == rounds(-7, -7) == rounds(50, 50) == [plain, plain]
    assert rounds(12, -8) == rounds(20, 0) == [(0, 0, 7, 15, 24, 33, 42), plain]
    assert rounds(500, 0) == [(0, 0, 0, 0, 9, 18, 27), plain]  # as many before them as anybody


def test_equal_parts_leave_nothing_to_make_up_for_however_little_was_had() -> None:
    given = problem(wanted=ALWAYS_ONE)
    for row in ((None,) * 7, ("L", None, None, None, None, None, "E"), ("L",) * 7):
        assert ahead_after(given, Roster(MONDAY, {"A": row, "B": row})) == dict.fromkeys("AB", Ahead())
    alike = replace(given, staff=tuple(contract(who, ahead=Ahead(-35, 9, 100)) for who in "AB"))
    assert ahead_after(alike, Roster(MONDAY, {"A": row, "B": row})) == dict.fromkeys("AB", Ahead())


def test_what_is_ahead_after_a_roster_is_what_was_had_beyond_the_part_of_what_all_had() -> None:
    given = problem(staff=(contract("A", ahead=Ahead(5, 0, -20)), contract("B", ahead=Ahead(-5, 0, 25))))
    made = Roster(MONDAY, {"A": ("L", "L", None, None, None, "E", "L"), "B": ("E", None, None, None, None, None, None)})
    assert had(given, made, "A") == Had(3, 1, 4 * 75)
    assert had(given, made, "B") == Had(0, 0, 75)
    # with what is left over: A 3.5 closing shifts, a Sunday, 28 h; B -0.5, none, 10 h
    assert ahead_after(given, made) == {"A": Ahead(20, 5, 90), "B": Ahead(-20, -5, -90)}


def test_the_part_of_what_all_had_is_pro_rata_of_what_each_can_work() -> None:
    half = contract("B", leave=frozenset(date(day) for day in range(4)))
    early = contract("C", patterns=frozenset("E"), ahead=Ahead(closing_tenths=4))
    given = problem(staff=(contract("A"), half, early))
    free = (None,) * 7
    made = Roster(MONDAY, {"A": ("L", "L", *free[2:]), "B": (*free[:4], "L", None, None), "C": free})
    # 3 closing shifts and 0.4 of before among A with 45 h and B with 22.5 h: 2.27 and 1.13; C cannot close
    after = ahead_after(given, made)
    assert [after[who].closing_tenths for who in "ABC"] == [-3, -1, 4]
    # 22.5 h: two fifths each to A and C, one to B
    assert [after[who].hour_tenths for who in "ABC"] == [60, 30, -90]
