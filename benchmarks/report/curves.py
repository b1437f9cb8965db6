"""The figures that charts draw: how far a plan is above a reference by when, and performance profiles.

Profiles follow E. D. Dolan, J. J. More, "Benchmarking optimization software with performance profiles", Mathematical
Programming 91(2), 2002, with the cost of a plan in the place of the time to solve.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.compare import ratio
from benchmarks.record import Record
from benchmarks.report.groups import in_order

Point = tuple[float, float]
"""Seconds, or a ratio less 1; and what is there from this point on, a fraction."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One planner: a step function, `points` in order of their first number, good until `until`.

    A planner that tells of no plans before its answer has single dots instead (`steps` false).
    """

    engine: str
    points: tuple[Point, ...]
    until: float
    steps: bool = True


@dataclass(frozen=True, slots=True)
class DayCurves:
    """A day: what its curves are above, in words and cost seconds, and its curves; fractions of that cost."""

    day: str
    reference: str
    reference_s: int
    curves: tuple[Curve, ...]
    proven: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """The share of cases in which each planner is at most so far above the best of the case.

    A case is a day with a seed, and counts when every planner has a run of it; `left_out` counts the others.
    """

    cases: int
    left_out: int
    curves: tuple[Curve, ...]


def share_at(curve: Curve, place: float) -> float:
    """The value of a step curve at a place: that of the last point at or before it, 0 before the first."""
    values = [value for begin, value in curve.points if begin <= place]
    return values[-1] if values else 0.0


# ------------------------------------------------------------------------------ cost over time


def day_curves(records: Iterable[Record]) -> list[DayCurves]:
    """The curves of every day with a plan that keeps all promises, days by name. Runs without time limit are left out.

    The reference is the greatest proven bound of the day in these records, or the cheapest plan where none has one. Of
    each planner the runs with its longest time limit count, medians over seeds.
    """
    days: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.incumbents is not None and record.time_limit_s is not None:
            days[record.day, record.input_sha256].append(record)
    found = (_of_day(day, runs) for (day, _), runs in sorted(days.items()))
    return [each for each in found if each is not None]


def _of_day(day: str, runs: Sequence[Record]) -> DayCurves | None:
    costs = [record.cost for record in runs if record.cost is not None and record.broken_promises == 0]
    bounds = [record.lower_bound for record in runs if record.lower_bound]
    if not costs or min(costs) == 0:
        return None
    reference, words = (max(bounds), "the best proven lower bound") if bounds else (min(costs), "the best plan known")
    curves, proven = [], []
    for engine in in_order({record.engine for record in runs}):
        mine = [record for record in runs if record.engine == engine]
        if _tells_only_its_answer(mine):
            curves.append(_dots(engine, mine, reference))
            continue
        longest_s = max(record.time_limit_s or 0.0 for record in mine)
        of_longest = [record for record in mine if record.time_limit_s == longest_s]
        curves.append(_steps(engine, [_above(record, reference) for record in of_longest], longest_s))
        own = _steps(engine, [_own_gap(record) for record in of_longest], longest_s)
        if own.points:
            proven.append(own)
    drawn = tuple(curve for curve in curves if curve.points)
    return DayCurves(day, words, reference, drawn, tuple(proven)) if drawn else None


def _tells_only_its_answer(runs: Sequence[Record]) -> bool:
    return len({record.time_limit_s for record in runs}) > 1 and all(len(r.incumbents or ()) <= 1 for r in runs)


def _dots(engine: str, runs: Sequence[Record], reference: int) -> Curve:
    points = []
    for limit_s in sorted({record.time_limit_s or 0.0 for record in runs}):
        within = [record for record in runs if record.time_limit_s == limit_s]
        ends = [(_above(record, reference) or [(limit_s, math.inf)])[-1] for record in within]
        value = statistics.median(end[1] for end in ends)
        if math.isfinite(value):
            points.append((statistics.median(end[0] for end in ends), value))
    return Curve(engine, tuple(sorted(points)), max((p[0] for p in points), default=0.0), steps=False)


def _above(record: Record, reference: int) -> list[Point]:
    """When a run's plan got how far above the reference; infinite while a promise is broken."""
    log = record.incumbents or ()
    return [(at, math.inf if broken else cost / reference - 1) for at, broken, cost, _ in log]


def _own_gap(record: Record) -> list[Point]:
    """When a run had proven which gap, as a fraction of its cost."""
    log = record.incumbents or ()
    return [
        (at, (cost - bound) / cost if cost else 0.0)
        for at, broken, cost, bound in log
        if not broken and bound is not None
    ]


def _steps(engine: str, runs: Sequence[Sequence[Point]], until: float) -> Curve:
    """The median over runs at every moment at which one of them changes; nothing while the median is infinite."""
    moments = sorted({at for run in runs for at, _ in run})
    points: list[Point] = []
    for moment in moments:
        values = [next((value for at, value in reversed(run) if at <= moment), math.inf) for run in runs]
        median = statistics.median(values)
        if math.isfinite(median) and (not points or points[-1][1] != median):
            points.append((moment, median))
    return Curve(engine, tuple(points), max([until, *moments]))


# ------------------------------------------------------------------------ performance profiles


def profile(records: Iterable[Record]) -> Profile:
    """The profile of runs within one limit. Of several runs of a planner on a case the last counts."""
    cases: dict[tuple[str, int], dict[str, Record]] = defaultdict(dict)
    for record in records:
        cases[record.input_sha256, record.seed][record.engine] = record
    engines = in_order({engine for runs in cases.values() for engine in runs})
    whole = [runs for runs in cases.values() if len(runs) == len(engines)]
    above: dict[str, list[float]] = defaultdict(list)
    for runs in whole:
        best = min(record.rank for record in runs.values())
        for engine, record in runs.items():
            above[engine].append(ratio(record.rank, best) - 1)
    farthest = max((value for values in above.values() for value in values if math.isfinite(value)), default=0.0)
    curves = []
    for engine in engines:
        values = sorted(value for value in above[engine] if math.isfinite(value))
        steps = {0.0: 0.0} | {value: (place + 1) / len(whole) for place, value in enumerate(values)}
        curves.append(Curve(engine, tuple(steps.items()), farthest))
    return Profile(len(whole), len(cases) - len(whole), tuple(curves))
