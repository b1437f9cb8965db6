"""A roster week by week: what was decided before counts as history, what is fair carries over from week to week.

For rosters too large to be settled as a whole. Each week is a problem of its own, solved on the same model; it does not
see the weeks after it, but published days behind the horizon count in each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from optimizer.roster.model import build
from optimizer.roster.nouns import WEEK, Roster, RosterProblem, WorkedDay
from optimizer.roster.solving import solve
from optimizer.roster.targets import ahead_after
from optimizer.stop import Stop

LEVEL_1_WEIGHT = 20
"""A point of what is uncovered outweighs so many of the rest."""
GAP = 0.002
NODES = 2_000


def rolled(problem: RosterProblem, stop: Stop, seed: int = 1) -> Roster | None:
    """The roster week by week, within the time the stop has left; None when a week had no roster in its time."""
    rows: dict[str, tuple[str | None, ...]] = {contract.executive_id: () for contract in problem.staff}
    part, begin = replace(problem, published={}), problem.first
    while begin <= problem.last:
        if stop():
            return None
        monday_after = begin + dt.timedelta(days=WEEK - begin.weekday())
        days = min((monday_after - begin).days, (problem.last - begin).days + 1)
        weeks_left = -(-((problem.last - begin).days + 1) // WEEK)
        part = _week(problem, part, rows, begin, days)
        model = build(part)
        cost_1, cost_2 = model.linear.columns.cost
        left_s = stop.left_s()
        solved = solve(
            model.linear,
            LEVEL_1_WEIGHT * cost_1 + cost_2,
            time_limit_s=None if left_s is None else left_s / weeks_left,
            node_limit=NODES,
            gap=GAP,
            seed=seed,
        )
        if solved.values is None:
            return None
        week = model.roster(solved.values)
        rows = {executive_id: (*row, *week.rows[executive_id]) for executive_id, row in rows.items()}
        ahead = ahead_after(part, week)
        part = replace(part, staff=tuple(replace(c, ahead=ahead[c.executive_id]) for c in part.staff))
        begin += dt.timedelta(days=days)
    return Roster(problem.first, rows)


def _week(
    problem: RosterProblem,
    before: RosterProblem,
    rows: dict[str, tuple[str | None, ...]],
    begin: dt.date,
    days: int,
) -> RosterProblem:
    """The problem of some days; `rows` are the days decided before, `before` carries what is fair."""
    last = begin + dt.timedelta(days=days - 1)

    def worked(cells: Iterable[tuple[dt.date, str | None]]) -> dict[dt.date, WorkedDay]:
        named = [(date, problem.pattern_by_id[pattern_id]) for date, pattern_id in cells if pattern_id is not None]
        return {date: WorkedDay(pattern.shift, pattern.worked_s) for date, pattern in named}

    staff = []
    for contract in problem.staff:
        decided = worked(zip(problem.dates, rows[contract.executive_id], strict=False))
        settled = worked((date, pattern_id) for date, pattern_id in contract.fixed.items() if date > last)
        staff.append(
            replace(
                contract,
                around={**contract.around, **decided, **settled},
                fixed={date: p for date, p in contract.fixed.items() if begin <= date <= last},
                ahead=before.contract_of[contract.executive_id].ahead,
            )
        )
    told = {key: p for key, p in problem.published.items() if begin <= key[1] <= last}
    return replace(problem, first=begin, days=days, staff=tuple(staff), published=told)
