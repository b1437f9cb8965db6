"""Tables of records for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from api.console import say, table
from benchmarks.anytime import MARKS_S, courses
from benchmarks.compare import (
    Comparison,
    Spread,
    by_series,
    contradictions,
    differences,
    standings,
    tallies,
)
from benchmarks.record import Outcome, Record

_NUMBERS = ("runs", "ratio", "worst", "gap %", "worst gap", "wall s", "worst wall", "CPU s", "broken", "viol.")


def show_series(records: Sequence[Record]) -> None:
    """The table of every series in the records, the oldest first."""
    for runs in by_series(records).values():
        _show_one(runs)


def _show_one(runs: Sequence[Record]) -> None:
    first = runs[0]
    rows = standings(runs)
    table(
        f"Series of {first.series:%Y-%m-%d %H:%M:%S} UTC: {len(runs)} runs, {_limits(first)}",
        ("day", "engine", *_NUMBERS, ""),
        (
            (
                row.day,
                row.engine,
                row.runs,
                _ratio(row.ratio_median),
                _ratio(row.ratio_worst),
                _percent(row.gap_median),
                _percent(row.gap_worst),
                f"{row.wall_median_s:.2f}",
                f"{row.wall_worst_s:.2f}",
                f"{row.cpu_median_s:.2f}",
                row.broken_worst,
                row.faulty,
                row.verdict.value,
            )
            for row in rows
        ),
        _NUMBERS,
    )
    table(
        "Over its days",
        ("engine", "won", "tied", "lost", "ratio", "worst"),
        (
            (each.engine, each.won, each.tied, each.lost, _ratio(each.ratio_median), _ratio(each.ratio_worst))
            for each in tallies(rows)
        ),
        ("won", "tied", "lost", "ratio", "worst"),
    )
    say(f"{first.cpu}, {first.cpus_usable} of {first.cpus} CPUs, {first.system}; {_load(runs)}")
    code = "unknown" if first.commit is None else first.commit[:12] + (" with changes" if first.dirty else "")
    say(f"commit {code}; " + ", ".join(f"{name} {number or '-'}" for name, number in first.versions.items()))
    for record in runs:
        if record.outcome is not Outcome.PLANNED:
            why = record.error or "stopped before there was a plan"
            say(f"run {record.number}, {record.day}, {record.engine}, seed {record.seed}: {why}")
    say("")


def show_courses(records: Sequence[Record]) -> None:
    """How good plans are by when, day by day and planner by planner."""
    marks = [f"{mark_s} s" for mark_s in MARKS_S]
    table(
        "Cost over the best plan of the day, at marks of time: medians over seeds, and over days",
        ("day", "engine", *marks),
        (
            (
                course.day or "all days",
                course.engine,
                *(None if value is None else _ratio(value) for value in course.ratios),
            )
            for course in courses(records)
        ),
        marks,
    )


def show_contradictions(records: Sequence[Record]) -> bool:
    """Say which records cannot all be true; True when there are some."""
    found = contradictions(records)
    for words in found:
        say(f"CONTRADICTION: {words}")
    return bool(found)


def show_comparison(a: Sequence[Record], b: Sequence[Record], comparison: Comparison) -> None:
    """B against A, by engine and day."""
    table(
        "B over A: median (least to greatest); below 1, B is cheaper or faster",
        ("engine", "day", "pairs", "cost ratio", "wall ratio", "B better", "equal", "B worse"),
        (
            (
                pairing.engine,
                pairing.day or "all days",
                pairing.pairs,
                _spread(pairing.cost),
                _spread(pairing.wall),
                pairing.better,
                pairing.equal,
                pairing.worse,
            )
            for pairing in comparison.pairings
        ),
        ("pairs", "B better", "equal", "B worse"),
    )
    if comparison.only_in_a or comparison.only_in_b:
        say(
            f"without a partner (day, engine, seed, limits): {comparison.only_in_a} only in A, "
            f"{comparison.only_in_b} only in B"
        )
    for words in differences(a, b):
        say(words)


def _limits(record: Record) -> str:
    limits = [
        None if record.time_limit_s is None else f"{record.time_limit_s:g} s",
        None if record.iterations is None else f"{record.iterations} iterations",
        f"{record.threads} thread{'s' if record.threads > 1 else ''}",
    ]
    return ", ".join(limit for limit in limits if limit)


def _load(runs: Sequence[Record]) -> str:
    loads = [record.load_average[0] for record in runs if record.load_average is not None]
    return f"load {min(loads):.1f} to {max(loads):.1f}" if loads else "load unknown"


def _ratio(value: float) -> str:
    return "inf" if math.isinf(value) else f"{value:.4f}"


def _percent(fraction: float) -> str | None:
    return None if math.isinf(fraction) else f"{100 * fraction:.2f}"


def _spread(spread: Spread | None) -> str | None:
    return None if spread is None else f"{spread.median:.4f} ({spread.least:.4f} to {spread.greatest:.4f})"
