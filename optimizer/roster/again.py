"""A published roster when somebody is off: as few changes as possible, and what fewer changes would cost.

Only the calendar weeks in which somebody is off are made again; all other days stay as published, and what was worked
before counts. The published roster is the start, every executive and day that becomes another one is paid for. Two
prices of a change give two alternatives to choose from, beside leaving the gaps open.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain import Fault
from optimizer.domain.faults import raise_if_any
from optimizer.roster.check import roster_violations
from optimizer.roster.costs import Costing
from optimizer.roster.made import Roster, RosterCost
from optimizer.roster.model import NONE, RosterModel, build
from optimizer.roster.nouns import WEEK, Contract, RosterProblem
from optimizer.roster.rows import IntArray
from optimizer.roster.solving import solve
from optimizer.stop import Stop

FEW, VERY_FEW = 120, 400
"""Points for a change, double where a free day is taken: few changes, and very few.

Here all is one sum, and no more is left uncovered than with the gaps left open: a change has to be worth more than one
quarter of an executive in a slot, or four of them.
"""
ROUND = 10
"""Points for a round of closing shifts or Sundays here, at most: all rounds together are less than an executive in a
slot. They decide who takes over, not whether somebody does.
"""
NODES = 5_000


@dataclass(frozen=True, slots=True)
class CellChange:
    """An executive and date that are other than published: from a pattern, None for a day off, to another."""

    executive_id: str
    date: dt.date
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """A roster to choose. `name`: `gaps_left`, `few_changes` or `very_few_changes`.

    `cost` does not price changes: what the roster itself costs. `proven`: no roster of the weeks made again is cheaper
    at the prices of a change and a round; None of the gaps, where nothing is made.
    """

    name: str
    roster: Roster
    cost: RosterCost
    changes: tuple[CellChange, ...]
    proven: bool | None

    @property
    def people(self) -> int:
        """Executives whose roster changes, those who are off aside."""
        return len({change.executive_id for change in self.changes})


def reroster(
    problem: RosterProblem,
    published: Roster,
    away: Mapping[str, Iterable[dt.date]],
    stop: Stop,
    seed: int = 1,
) -> tuple[Alternative, ...]:
    """What to do when executives are away on dates of a published roster, the gaps left open first.

    Each alternative keeps all hard rules that the published roster keeps; where the days of those who are away are
    only struck out, it is always there. With a stop that has ended there is nothing but that. Raises InvalidProblem
    for unknown executives, dates outside the roster, and a published roster that is not one of this problem.
    """
    days_away = {executive_id: frozenset(dates) for executive_id, dates in away.items()}
    raise_if_any([*_faults(problem, published, days_away)])
    staff = tuple(
        replace(c, leave=c.leave | days_away.get(c.executive_id, frozenset()), fixed=_fixed(c, days_away))
        for c in problem.staff
    )
    left = Roster(
        published.first,
        {
            c.executive_id: tuple(
                None if date in c.leave else published.on(c.executive_id, date) for date in problem.dates
            )
            for c in staff
        },
    )
    told = {
        (c.executive_id, date): left.on(c.executive_id, date)
        for c in staff
        for date in problem.dates
        if date not in days_away.get(c.executive_id, frozenset())
    }
    now = replace(problem, staff=staff, published={})
    costing = Costing(now)
    found = [Alternative("gaps_left", left, costing(left), (), proven=None)]
    again = _weeks(problem, days_away)
    for name, price in (("few_changes", FEW), ("very_few_changes", VERY_FEW)):
        if stop():
            break
        round_price = min(ROUND, problem.prices.round)
        prices = replace(problem.prices, changed=price, changed_free=2 * price, round=round_price)
        roster, proven = _made_again(replace(now, prices=prices, published=told), left, again, stop, seed)
        if roster is not None:
            found.append(Alternative(name, roster, costing(roster), tuple(_changes(now, left, roster)), proven))
    return tuple(found)


def _faults(problem: RosterProblem, published: Roster, away: Mapping[str, frozenset[dt.date]]) -> Iterable[Fault]:
    for executive_id, dates in sorted(away.items()):
        if executive_id not in problem.contract_of:
            yield Fault(("away", executive_id), "unknown_executive", executive_id, "an executive of the roster")
        for date in sorted(dates):
            if not problem.first <= date <= problem.last:
                rule = f"a date from {problem.first.isoformat()} to {problem.last.isoformat()}"
                yield Fault(("away", executive_id), "outside_horizon", date.isoformat(), rule)
    if published.first != problem.first or published.rows.keys() != problem.contract_of.keys():
        rule = "the published roster of these executives, from the same date on"
        yield Fault(("published",), "other_roster", published.first.isoformat(), rule)
        return
    for executive_id, row in sorted(published.rows.items()):
        if len(row) != problem.days:
            rule = f"{problem.days} days"
            yield Fault(("published", executive_id), "bad_horizon", len(row), rule)
        for pattern_id in sorted({p for p in row if p is not None} - problem.pattern_by_id.keys()):
            yield Fault(("published", executive_id), "unknown_pattern", pattern_id, "a shift pattern of the roster")


def _fixed(contract: Contract, away: Mapping[str, frozenset[dt.date]]) -> dict[dt.date, str | None]:
    """Settled days that stand: not those on which the executive is away after all."""
    gone = away.get(contract.executive_id, frozenset())
    return {date: pattern for date, pattern in contract.fixed.items() if date not in gone}


def _weeks(problem: RosterProblem, away: Mapping[str, frozenset[dt.date]]) -> set[int]:
    """The days of the calendar weeks in which somebody is away."""
    mondays = {date - dt.timedelta(days=date.weekday()) for dates in away.values() for date in dates}
    within = {monday + dt.timedelta(days=day) for monday in mondays for day in range(WEEK)}
    return {day for day, date in enumerate(problem.dates) if date in within}


def _made_again(
    problem: RosterProblem, left: Roster, again: set[int], stop: Stop, seed: int
) -> tuple[Roster | None, bool]:
    """The best roster that differs in these days only, and whether that is proven; None when none was found."""
    model = build(problem)
    rows, level_1 = model.rows.copy(), model.linear.columns.cost[0]
    rows.row([(int(c), int(level_1[c])) for c in np.flatnonzero(level_1)], upper=Costing(problem)(left).level_1)
    linear = rows.finished()
    lower, upper = linear.columns.lower.copy(), linear.columns.upper.copy()
    chosen = np.zeros(len(lower), dtype=np.int64)
    chosen[model.chosen(left)] = 1
    held = _held(model, again)
    lower[held] = upper[held] = chosen[held]
    cost_1, cost_2 = linear.columns.cost
    cost = cost_1 + cost_2
    part = linear.between(lower, upper)
    solved = solve(part, cost, stop, time_limit_s=stop.left_s(), node_limit=NODES, seed=seed)
    if solved.values is None:
        return None, False
    roster = model.roster(solved.values)
    if len(roster_violations(problem, roster)) > len(roster_violations(problem, left)):
        return None, False
    return roster, round(float(cost @ solved.values)) <= solved.bound


def _held(model: RosterModel, again: set[int]) -> IntArray:
    """The assignments of the days that stay as they are."""
    days = [day for day in range(model.problem.days) if day not in again]
    held: IntArray = model.x[:, days].ravel()
    kept: IntArray = held[held != NONE]
    return kept


def _changes(problem: RosterProblem, before: Roster, after: Roster) -> Iterable[CellChange]:
    for contract in problem.staff:
        for date in problem.dates:
            was, becomes = before.on(contract.executive_id, date), after.on(contract.executive_id, date)
            if was != becomes:
                yield CellChange(contract.executive_id, date, was, becomes)
