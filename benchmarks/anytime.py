"""How good a plan is by when: costs at marks of time, read off the incumbents of runs.

At a mark counts the run with the smallest time limit that reaches it, and of that run the best plan found by then. A
planner that tells of no incumbents has one, its answer, so it needs a run of its own for each mark.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.compare import ratio
from benchmarks.record import Record

MARKS_S = (1, 3, 10, 30, 100)
LATE_SHARE = 0.05
"""A plan that is there this share of the mark after it counts: nobody ends to the millisecond."""


@dataclass(frozen=True, slots=True)
class Course:
    """A planner on a day (None: over all its days): median ratio to the best plan of the day at each mark.

    Infinite where the median run has no plan yet, or one with more broken promises than the best; None where no
    run goes so far. Over all days: the median of those of its days.
    """

    day: str | None
    engine: str
    ratios: tuple[float | None, ...]


def rank_at(record: Record, mark_s: float) -> tuple[float, float]:
    """Broken promises and cost of the best plan the run had at this second; infinite while it had none."""
    until_s = mark_s * (1 + LATE_SHARE)
    found = [incumbent for incumbent in record.incumbents or () if incumbent[0] <= until_s]
    return (found[-1][1], found[-1][2]) if found else (math.inf, math.inf)


def courses(records: Iterable[Record], marks_s: Sequence[float] = MARKS_S) -> list[Course]:
    """Every planner on every day, then every planner over its days, in the order in which they first ran.

    Runs that log no incumbents, and runs without a time limit, are left out.
    """
    days: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for record in records:
        if record.incumbents is not None and record.time_limit_s is not None:
            days.setdefault((record.day, record.input_sha256), {}).setdefault(record.engine, []).append(record)
    table = []
    over_days: dict[str, list[Course]] = defaultdict(list)
    for (day, _), runs in days.items():
        best = min(record.rank for each in runs.values() for record in each)
        for engine, each in runs.items():
            course = Course(day, engine, tuple(_median_at(each, best, mark_s) for mark_s in marks_s))
            table.append(course)
            over_days[engine].append(course)
    for engine, rows in over_days.items():
        columns = zip(*(row.ratios for row in rows), strict=True)
        table.append(Course(None, engine, tuple(_median(column) for column in columns)))
    return table


def _median_at(runs: Sequence[Record], best: tuple[float, float], mark_s: float) -> float | None:
    reaching = [(record.time_limit_s or 0.0, record) for record in runs if (record.time_limit_s or 0.0) >= mark_s]
    shortest_s = min((limit_s for limit_s, _ in reaching), default=math.inf)
    return _median([ratio(rank_at(record, mark_s), best) for limit_s, record in reaching if limit_s == shortest_s])


def _median(ratios: Iterable[float | None]) -> float | None:
    """The median, None where there is nothing, or something that has none."""
    known = list(ratios)
    values = [value for value in known if value is not None]
    return statistics.median(values) if values and len(values) == len(known) else None
