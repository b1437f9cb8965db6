"""What the labour rules make of duty: who may work when, and of how many days at most so many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from optimizer.roster.duty.nouns import Limits
from optimizer.roster.model import NONE, RosterModel, weeks_of
from optimizer.roster.nouns import WEEK, RosterProblem


def limits_of(model: RosterModel) -> Limits:
    """The limits of a model, its executives in classes of those who can serve the same needs."""
    problem, can = model.problem, model.x != NONE
    groups = _groups(problem)
    by_key: dict[tuple[bool, ...], list[int]] = {}
    for row, contract in enumerate(problem.staff):
        by_key.setdefault(tuple(contract.executive_id in holders for holders in groups), []).append(row)
    classes = tuple(tuple(by_key[key]) for key in sorted(by_key, reverse=True))
    settled = frozenset(
        (row, day)
        for row, contract in enumerate(problem.staff)
        for day, date in enumerate(problem.dates)
        if contract.fixed.get(date) is not None and can[row, day].any()
    )
    late = tuple(n for n, pattern in enumerate(problem.patterns) if problem.rules.is_closing(pattern.shift))
    return Limits(can, classes, tuple(_windows(problem, can)), tuple(_closing(problem, can, classes)), late, settled)


def _groups(problem: RosterProblem) -> list[frozenset[str]]:
    """The groups whose cover is asked for, each once."""
    asked = [problem.holders(needs) for needs in problem.unions]
    asked += [problem.holders([minimum.need]) for minimum in problem.minimum]
    return list(dict.fromkeys(asked))


def _windows(problem: RosterProblem, can: npt.NDArray[np.bool_]) -> Iterator[tuple[int, tuple[int, ...], int]]:
    """Stretches of days of which an executive works at most so many: calendar weeks, and runs of days."""
    run, rules = problem.rules.max_run_days, problem.rules
    least_s = min(pattern.worked_s for pattern in problem.patterns)
    for row, contract in enumerate(problem.staff):
        present = can[row].any(axis=1)
        around = {(date - problem.first).days: day for date, day in contract.around.items()}
        for _, inside, outside in weeks_of(problem):
            had = [contract.around[date] for date in outside if date in contract.around]
            room = max(0, WEEK - rules.free_days - len(had))
            limits = [limit for limit in (rules.max_week_s, contract.week_s) if limit is not None]
            if limits and least_s:
                room = min(room, max(0, min(limits) - sum(day.worked_s for day in had)) // least_s)
            days = tuple(day for day in inside if present[day])
            if len(days) > room:
                yield row, days, room
        if run is None:
            continue
        for begin in range(-run, problem.days):
            stretch = range(begin, begin + run + 1)
            days = tuple(day for day in stretch if 0 <= day < problem.days and present[day])
            room = max(0, run - sum(day in around for day in stretch))
            if len(days) > room:
                yield row, days, room


def _closing(
    problem: RosterProblem, can: npt.NDArray[np.bool_], classes: tuple[tuple[int, ...], ...]
) -> Iterator[tuple[int, tuple[int, ...], int]]:
    most = problem.rules.max_closing
    late = [n for n, pattern in enumerate(problem.patterns) if problem.rules.is_closing(pattern.shift)]
    if most is None or not late:
        return
    for number, members in enumerate(classes):
        for _, inside, outside in weeks_of(problem):
            room = 0
            for row in members:
                around = problem.staff[row].around
                had = sum(problem.rules.is_closing(around[date].shift) for date in outside if date in around)
                room += min(max(0, most - had), int(can[row][inside][:, late].any(axis=1).sum()))
            yield number, tuple(inside), room
