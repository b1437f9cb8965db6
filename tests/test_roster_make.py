"""Rosters made: the optimum by brute force, proofs, rules that bind, stops, and a week made again."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count, product

import numpy as np
import pytest
from ortools.math_opt.python import mathopt

from optimizer.demand import ANYBODY, Demand, sorted_needs
from optimizer.domain import Break, InvalidProblem, Place, Shift, SlotGrid, TimeWindow
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
    RosterProgress,
    RosterStatus,
    ShiftPattern,
    WorkedDay,
    ahead_after,
    executives_on,
    fair_targets,
    make_roster,
    refused_requests,
    requests_of,
    reroster,
    roster_cost,
    roster_violations,
)
from optimizer.roster.costs import Costing
from optimizer.roster.duty import least_uncovered
from optimizer.roster.greedy import greedy_roster
from optimizer.roster.model import build
from optimizer.roster.solving import Solver, relaxed, solve
from optimizer.stop import StopAt, may_leave_solvers
from optimizer.units import HOUR_S, MINUTE_S
from scenarios.generate.dice import Dice
from scenarios.generate.staffing import staffing_problem

FIRST = dt.date(2026, 12, 4)  # a Friday: the horizon begins within a week
OFFICE = Place("office", 81.63, 21.25)
KIT = frozenset({"kit"})
EARLY, LATE = "A", "B"


def pattern(pattern_id: str, open_h: int, close_h: int) -> ShiftPattern:
    window = TimeWindow((open_h + 3) * HOUR_S, (open_h + 4) * HOUR_S)
    return ShiftPattern(pattern_id, Shift(open_h * HOUR_S, close_h * HOUR_S), Break(30 * MINUTE_S, window))


PATTERNS = (pattern(EARLY, 8, 16), pattern(LATE, 12, 20))


def drawn(seed: int, *, days: int = 4, people: int = 3, rules: LabourRules | None = None) -> RosterProblem:
    """A small problem in slots of two hours: leave, requests, history, days after, and two kinds of needs."""
    dice, grid = Dice(seed, "small"), SlotGrid(slot_s=2 * HOUR_S)
    date = [FIRST + dt.timedelta(days=day) for day in range(days)]
    worked = WorkedDay(PATTERNS[0].shift, PATTERNS[0].worked_s)
    staff = tuple(
        Contract(
            f"E{number}",
            OFFICE,
            OFFICE,
            KIT if number == 0 or dice.chance(30) else ANYBODY,
            leave=frozenset(day for day in date if dice.chance(15)),
            requests=tuple(DayRequest(day, dice_pattern(dice), 10 * dice.between(3, 15)) for day in date[:2]),
            around={
                **{FIRST - dt.timedelta(days=back): worked for back in range(1, 1 + dice.below(7))},
                **{date[-1] + dt.timedelta(days=on): worked for on in range(1, 1 + dice.below(5))},
            },
        )
        for number in range(people)
    )
    needs = sorted_needs([ANYBODY, KIT])
    expected = np.array(
        [[[dice.below(9) / 4, dice.below(5) / 4] for _ in range(len(grid))] for _ in range(days)], dtype=np.float64
    )
    return RosterProblem(
        "tiny",
        FIRST,
        days,
        grid,
        PATTERNS,
        staff,
        Demand(FIRST, grid, needs, expected),
        rules or LabourRules(max_run_days=4, max_closing=1),
        minimum=(MinimumCover(1), MinimumCover(1, KIT, frozenset({0}))),
    )


def dice_pattern(dice: Dice) -> str | None:
    return (None, EARLY, LATE)[dice.below(3)]


def every_roster(problem: RosterProblem) -> Iterator[Roster]:
    """All rosters that keep the hard rules, executive by executive."""
    legal: dict[str, list[tuple[str | None, ...]]] = {}
    off = (None,) * problem.days
    for contract in problem.staff:
        legal[contract.executive_id] = []
        for row in product((None, EARLY, LATE), repeat=problem.days):
            rows: Mapping[str, tuple[str | None, ...]] = {c.executive_id: off for c in problem.staff}
            roster = Roster(problem.first, {**rows, contract.executive_id: row})
            if not any(v.executive_id == contract.executive_id for v in roster_violations(problem, roster)):
                legal[contract.executive_id].append(row)
    ids = sorted(legal)
    for rows_of in product(*(legal[executive_id] for executive_id in ids)):
        yield Roster(problem.first, dict(zip(ids, rows_of, strict=True)))


def levels(cost: RosterCost) -> tuple[int, int]:
    return cost.level_1, cost.level_2


@pytest.mark.parametrize("seed", range(6))
def test_the_roster_of_a_small_problem_is_the_best_of_all(seed: int) -> None:
    problem = drawn(seed, days=3)
    best = min(levels(roster_cost(problem, roster)) for roster in every_roster(problem))
    result = make_roster(problem, StopAt(iterations=500))
    assert result.roster is not None
    assert result.cost is not None
    assert levels(result.cost) == best
    assert levels(roster_cost(problem, result.roster)) == best
    assert roster_violations(problem, result.roster) == []
    assert result.bound_1 <= best[0]
    assert result.bound <= sum(best)
    if result.status is RosterStatus.OPTIMAL:
        assert (result.bound_1, result.bound) == (best[0], sum(best))


@pytest.mark.parametrize("seed", range(6))
def test_what_has_to_stay_uncovered_is_proven_where_rest_does_not_bind(seed: int) -> None:
    problem = drawn(seed, days=3, rules=LabourRules(max_run_days=4, max_closing=None))
    least = min(roster_cost(problem, roster).level_1 for roster in every_roster(problem))
    duty = least_uncovered(build(problem), StopAt())
    assert duty.bound == duty.cost == least
    assert duty.days is not None
    assert sum(min(choice.cost for choice in day) for day in duty.days) <= least


def test_requests_are_granted_where_the_roster_has_what_they_ask_for() -> None:
    problem = drawn(1)
    days = problem.dates
    roster = Roster(FIRST, {"E0": (EARLY, None, LATE, None), "E1": (None,) * 4, "E2": (EARLY,) * 4})
    asked = {
        "E0": (
            DayRequest(days[1], None, 5),
            DayRequest(days[0], LATE, 7),
            DayRequest(FIRST - dt.timedelta(days=1), LATE),
        ),
        "E1": (DayRequest(days[2], EARLY, 11),),
        "E2": (DayRequest(days[3], EARLY, 13),),
    }
    problem = replace(problem, staff=tuple(replace(c, requests=asked[c.executive_id]) for c in problem.staff))
    assert [(key, request.date) for key, request in requests_of(problem)] == [
        *(("E0", days[0]), ("E0", days[1]), ("E1", days[2]), ("E2", days[3])),
    ]
    assert [(key, request.price) for key, request in refused_requests(problem, roster)] == [("E0", 7), ("E1", 11)]
    assert Costing(problem)(roster).requests == roster_cost(problem, roster).requests == 7 + 11


@pytest.mark.parametrize("seed", range(4))
def test_all_that_cost_a_roster_agree(seed: int) -> None:
    """The checker, the costs while searching, and the linear model."""
    problem = replace(
        drawn(seed),
        published={("E0", FIRST): EARLY, ("E1", FIRST): None, ("E2", FIRST + dt.timedelta(days=1)): LATE},
    )
    model = build(problem)
    cost_1, cost_2 = model.linear.columns.cost
    greedy = greedy_roster(problem)
    linear = model.linear
    lower, upper = linear.columns.lower.copy(), linear.columns.upper.copy()
    x = model.x[model.x >= 0]
    lower[x] = upper[x] = 0
    chosen = model.chosen(greedy)
    lower[chosen] = upper[chosen] = 1
    solved = solve(linear.between(lower, upper), cost_1 + cost_2)
    cost = roster_cost(problem, greedy)
    assert Costing(problem)(greedy) == cost
    assert solved.values is not None
    assert solved.bound + model.constant_2 == cost.total
    assert model.roster(solved.values) == greedy


def test_the_solvers_agree_and_none_is_below_the_relaxation() -> None:
    model = build(drawn(1, days=7, people=4))
    cost = 10 * model.linear.columns.cost[0] + model.linear.columns.cost[1]
    bounds = {solver: solve(model.linear, cost, solver=solver).bound for solver in Solver}
    assert len(set(bounds.values())) == 1
    assert relaxed(model.linear, cost).bound <= bounds[Solver.HIGHS]


def test_more_rest_between_shifts_binds_and_is_kept() -> None:
    rules = LabourRules(max_run_days=4, max_closing=None, min_rest_s=13 * HOUR_S)
    problem = drawn(2, days=3, people=2, rules=rules)
    best = min(levels(roster_cost(problem, roster)) for roster in every_roster(problem))
    result = make_roster(problem, StopAt(iterations=500))
    assert result.cost is not None
    assert levels(result.cost) == best


def test_a_sum_that_is_proven_without_level_1_is_not_called_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large rosters are bounded, not settled: the relaxation of level 1 is below what can be reached."""
    monkeypatch.setattr("optimizer.roster.make.LARGE", 0)
    for seed in range(6):
        problem = drawn(seed, days=3)
        best = min(levels(roster_cost(problem, roster)) for roster in every_roster(problem))
        result = make_roster(problem, StopAt(iterations=500))
        assert result.cost is not None
        assert result.bound_1 <= best[0]
        if result.status is RosterStatus.OPTIMAL:
            assert levels(result.cost) == best


def test_settled_days_that_contradict_a_rule_are_proven_to() -> None:
    problem = drawn(1, days=7, rules=LabourRules(max_run_days=4))
    first = problem.staff[0]
    settled = replace(first, leave=frozenset(), fixed=dict.fromkeys(problem.dates, EARLY))
    result = make_roster(replace(problem, staff=(settled, *problem.staff[1:])), StopAt())
    assert result.status is RosterStatus.INFEASIBLE
    assert result.roster is None
    assert result.gap is None


def test_settled_days_are_kept() -> None:
    problem = drawn(3, days=4)
    contract = problem.staff[1]
    day = next(date for date in problem.dates if date not in contract.leave)
    settled = replace(contract, fixed={day: LATE}, around={})
    result = make_roster(replace(problem, staff=(problem.staff[0], settled, problem.staff[2])), StopAt(iterations=200))
    assert result.roster is not None
    assert result.roster.on("E1", day) == LATE


def test_nobody_works_on_a_closed_day_and_executives_of_a_date_are_those_of_the_roster() -> None:
    problem = replace(drawn(4, days=7), closed={FIRST: "closed_date"})
    result = make_roster(problem, StopAt(iterations=200))
    assert result.roster is not None
    assert executives_on(problem, result.roster, FIRST) == ()
    for date in problem.dates:
        on = {e.executive_id: e.shift for e in executives_on(problem, result.roster, date)}
        shifts = {
            c.executive_id: problem.pattern_by_id[p].shift
            for c in problem.staff
            if (p := result.roster.on(c.executive_id, date)) is not None
        }
        assert on == shifts


def test_the_same_seed_and_iterations_give_the_same_roster() -> None:
    problem = staffing_problem(6, 2, 3)
    shuffled = replace(problem, staff=problem.staff[::-1], patterns=problem.patterns[::-1])
    results = [make_roster(p, StopAt(iterations=14), seed=5) for p in (problem, problem, shuffled)]
    assert results[0].roster == results[1].roster == results[2].roster
    assert {(r.bound_1, r.bound) for r in results} == {(results[0].bound_1, results[0].bound)}


def test_stopped_at_once_there_is_a_legal_roster_and_progress_told_of_it() -> None:
    problem, told = staffing_problem(10, 1), list[RosterProgress]()
    result = make_roster(problem, StopAt(iterations=0), on_progress=told.append)
    assert result.roster == greedy_roster(problem)
    assert result.status is RosterStatus.FEASIBLE
    assert [step.step for step in told][:1] == ["greedy"]
    assert told[-1].cost == result.cost


@pytest.mark.parametrize("solve_number", [1, 2, 3])
def test_who_stops_it_gets_the_best_roster_though_a_solver_does_not_listen(
    solve_number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, stop, released = staffing_problem(10, 1, 1), StopAt(), threading.Event()
    solved, numbers = mathopt.solve, count(1)

    def deaf(*args: object, **others: object) -> object:
        if next(numbers) < solve_number:
            return solved(*args, **others)
        stop.request()
        released.wait()
        raise AssertionError("nobody waits for this")

    monkeypatch.setattr("ortools.math_opt.python.mathopt.solve", deaf)
    monkeypatch.setattr("optimizer.stop._may_leave", threading.Event())
    monkeypatch.setattr("optimizer.stop._left", [])
    may_leave_solvers()
    result = make_roster(problem, stop, threads=2)
    assert not released.is_set()
    released.set()
    assert next(numbers) == solve_number + 1  # nothing was begun after the stop
    assert result.status is RosterStatus.FEASIBLE
    assert result.roster is not None
    assert roster_violations(problem, result.roster) == []
    assert result.cost is not None
    assert result.bound <= result.cost.total <= roster_cost(problem, greedy_roster(problem)).total


def test_a_week_of_ten_is_proven_and_beats_the_greedy_roster() -> None:
    problem = staffing_problem(10, 1, 1)
    result = make_roster(problem, StopAt(iterations=300))
    greedy = roster_cost(problem, greedy_roster(problem))
    assert result.status is RosterStatus.OPTIMAL
    assert result.cost is not None
    assert result.cost.level_1 <= greedy.level_1
    assert result.cost.total < greedy.total
    assert result.uncovered_proven
    assert result.gap == 0.0


def test_nobody_is_on_duty_for_nothing() -> None:
    problem = drawn(5)
    nothing = Demand(FIRST, problem.grid, problem.wanted.needs, np.zeros_like(problem.wanted.expected))
    free = tuple(replace(contract, requests=()) for contract in problem.staff)
    result = make_roster(replace(problem, wanted=nothing, minimum=(), staff=free), StopAt())
    assert result.status is RosterStatus.OPTIMAL
    assert result.roster is not None
    assert list(result.roster.shifts()) == []


# ------------------------------------------------------------------------------- fair though short


def short(first: dt.date, *ahead: Ahead, **other: object) -> RosterProblem:
    """Six days of people of whom all are wanted morning and evening, and two in the morning and one in the evening are
    a must: with three people exactly one of them closes on each day.
    """
    grid, dates = SlotGrid(slot_s=2 * HOUR_S), [first + dt.timedelta(days=day) for day in range(6)]
    expected = np.zeros((6, len(grid), 1))
    expected[:, (0, -1), 0] = len(ahead)
    staff = [Contract(name, OFFICE, OFFICE, ahead=carried) for name, carried in zip("ABCD", ahead, strict=False)]
    rules, last = LabourRules(max_closing=None, max_week_s=None), frozenset({len(grid) - 1})
    wanted = Demand(first, grid, (ANYBODY,), expected)
    minimum = (MinimumCover(len(staff) - 1, slots=frozenset({0})), MinimumCover(1, slots=last))
    made = RosterProblem("short", first, len(dates), grid, PATTERNS, tuple(staff), wanted, rules, minimum=minimum)
    return replace(made, **other)  # type: ignore[arg-type]


def closing(roster: Roster | None) -> dict[str, int]:
    """Closing shifts by executive."""
    assert roster is not None
    return {executive_id: row.count(LATE) for executive_id, row in roster.rows.items()}


def of_closing_days(problem: RosterProblem, who_closes: str) -> Roster:
    """The roster in which everybody works, and these close one day after the other."""
    rows = {
        c.executive_id: tuple(LATE if c.executive_id == who else EARLY for who in who_closes) for c in problem.staff
    }
    return Roster(problem.first, rows)


MONDAY = dt.date(2026, 12, 7)


def test_closing_shifts_are_split_equally_though_everybody_has_fewer_than_are_wanted_of_them() -> None:
    problem = short(MONDAY, Ahead(), Ahead(), Ahead())
    assert {t.closing_tenths for t in fair_targets(problem).values()} == {60}
    equal, unequal, most_unequal = (of_closing_days(problem, days) for days in ("AABBCC", "AAABBC", "AAABBB"))
    costs = [roster_cost(problem, roster) for roster in (equal, unequal, most_unequal)]
    assert [roster_violations(problem, roster) for roster in (equal, unequal, most_unequal)] == [[]] * 3
    assert len({cost.level_1 for cost in costs}) == 1
    assert costs[0].total < costs[1].total < costs[2].total
    result = make_roster(problem, StopAt(iterations=200))
    assert result.status is RosterStatus.OPTIMAL
    assert result.cost == costs[0]
    assert closing(result.roster) == {"A": 2, "B": 2, "C": 2}
    assert closing(greedy_roster(problem)) == {"A": 2, "B": 2, "C": 2}


def test_who_closed_more_in_one_roster_closes_less_in_the_next() -> None:
    problem = short(MONDAY, Ahead(), Ahead(), Ahead())
    after = ahead_after(problem, of_closing_days(problem, "AAABBC"))
    assert [ahead.closing_tenths for ahead in after.values()] == [10, 0, -10]
    following = short(MONDAY + dt.timedelta(days=7), *after.values())
    result = make_roster(following, StopAt(iterations=200))
    assert closing(result.roster) == {"A": 1, "B": 2, "C": 3}
    assert result.roster is not None
    assert {a.closing_tenths for a in ahead_after(following, result.roster).values()} == {0}


@pytest.mark.parametrize("closed", [100, -100])
def test_what_cannot_be_made_up_for_does_not_hide_what_is_fair_among_the_others(closed: int) -> None:
    """A has closed far more than B and C, or far less and cannot close now; B and C are equals all the same."""
    problem = short(MONDAY, Ahead(2 * closed), Ahead(-closed), Ahead(-closed))
    early = replace(problem.contract_of["A"], fixed=dict.fromkeys(problem.dates, EARLY))
    for staff in ((early, *problem.staff[1:]), *([problem.staff] if closed > 0 else [])):
        result = make_roster(replace(problem, staff=staff), StopAt(iterations=200))
        assert closing(result.roster) == {"A": 0, "B": 3, "C": 3}


# ---------------------------------------------------------------------------------- a week again


@pytest.fixture(scope="module")
def published() -> tuple[RosterProblem, Roster]:
    problem = staffing_problem(10, 2, 1)
    roster = make_roster(problem, StopAt(iterations=20)).roster
    assert roster is not None
    return problem, roster


def test_a_week_is_made_again_with_few_changes_and_nothing_else_is_touched(
    published: tuple[RosterProblem, Roster],
) -> None:
    problem, roster = published
    second = [problem.first + dt.timedelta(days=7 + day) for day in range(7)]
    gaps, few, very_few = reroster(problem, roster, {"E003": second}, StopAt())
    assert (gaps.name, few.name, very_few.name) == ("gaps_left", "few_changes", "very_few_changes")
    assert gaps.changes == ()
    assert [alternative.proven for alternative in (gaps, few, very_few)] == [None, True, True]
    for alternative in (gaps, few, very_few):
        assert all(alternative.roster.on("E003", date) is None for date in second)
        for executive_id, row in roster.rows.items():
            assert alternative.roster.rows[executive_id][:7] == row[:7]
    ill = replace(problem.contract_of["E003"], leave=problem.contract_of["E003"].leave | set(second))
    now = replace(problem, staff=tuple(ill if c.executive_id == "E003" else c for c in problem.staff))
    for alternative in (few, very_few):
        assert roster_violations(now, alternative.roster) == []
        assert roster_cost(now, alternative.roster) == alternative.cost
        assert alternative.cost.level_1 <= gaps.cost.level_1
        assert {c.executive_id for c in alternative.changes} <= roster.rows.keys() - {"E003"}
        assert all(alternative.roster.on(c.executive_id, c.date) == c.after for c in alternative.changes)
        assert all(roster.on(c.executive_id, c.date) == c.before for c in alternative.changes)
    assert len(very_few.changes) <= len(few.changes)
    assert few.people >= 1


def test_who_is_away_on_free_days_changes_nothing_at_a_high_price(published: tuple[RosterProblem, Roster]) -> None:
    problem, roster = published
    free = [date for date in problem.dates if roster.on("E001", date) is None]
    dear = replace(problem, prices=RosterPrices(closing=0, sunday=0, hour=0, shift=0))
    bare = replace(dear, staff=tuple(replace(c, requests=()) for c in dear.staff))
    gaps, *_ = reroster(bare, roster, {"E001": free}, StopAt())
    assert gaps.roster == roster


def test_how_often_somebody_has_closed_does_not_keep_them_from_taking_over() -> None:
    """Rounds decide who takes over a closing shift, not whether somebody does."""
    grid, thursday = SlotGrid(slot_s=2 * HOUR_S), MONDAY + dt.timedelta(days=24)
    expected = np.zeros((28, len(grid), 1))
    expected[:, -1, 0] = 1  # 28 closing shifts: 14 of each
    weeks = {"A": (LATE, LATE, LATE, EARLY, None, None, None), "B": (EARLY, EARLY, EARLY, LATE, None, None, None)}
    problem = RosterProblem(
        "two", MONDAY, 28, grid, PATTERNS, tuple(Contract(name, OFFICE, OFFICE) for name in weeks),
        Demand(MONDAY, grid, (ANYBODY,), expected), LabourRules(max_closing=None), minimum=(),
    )  # fmt: skip
    _, few, _ = reroster(
        problem, Roster(MONDAY, {name: 4 * week for name, week in weeks.items()}), {"B": [thursday]}, StopAt()
    )
    assert few.roster.on("A", thursday) == LATE  # a thirteenth one


def test_an_ended_stop_leaves_the_gaps(published: tuple[RosterProblem, Roster]) -> None:
    problem, roster = published
    found = reroster(problem, roster, {"E001": [problem.first]}, StopAt(iterations=0))
    assert [alternative.name for alternative in found] == ["gaps_left"]


def test_what_cannot_be_made_again_is_told_at_once(published: tuple[RosterProblem, Roster]) -> None:
    problem, roster = published
    with pytest.raises(InvalidProblem) as caught:
        reroster(problem, roster, {"E999": [problem.first], "E001": [problem.last + dt.timedelta(days=1)]}, StopAt())
    assert [(f.pointer, f.code) for f in caught.value.faults] == [
        ("/away/E001", "outside_horizon"),
        ("/away/E999", "unknown_executive"),
    ]
    other = Roster(problem.first + dt.timedelta(days=1), roster.rows)
    with pytest.raises(InvalidProblem) as caught:
        reroster(problem, other, {"E001": [problem.first]}, StopAt())
    assert [f.code for f in caught.value.faults] == ["other_roster"]
