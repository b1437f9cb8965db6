"""Tables of runs on instances of the literature, for people."""

from __future__ import annotations

from collections.abc import Sequence

from api.console import say, table
from benchmarks.literature import Run, by_class


def show_literature(runs: Sequence[Run]) -> None:
    """Every run, then every class; what is infeasible is said in words."""
    numbers = ("seed", "distance", "gap %", "vehicles", "overloaded", "wall s")
    table(
        "Runs: distance after cutting overloaded routes, and its gap to the best known one",
        ("instance", "planner", *numbers, "infeasible"),
        (
            (
                run.instance,
                run.planner,
                run.seed,
                None if run.judged.distance is None else f"{run.judged.distance:.2f}",
                _percent(run.gap),
                run.judged.vehicles,
                run.judged.overloaded,
                f"{run.wall_s:.2f}",
                run.judged.why,
            )
            for run in runs
        ),
        numbers,
    )
    columns = ("runs", "feasible", "with overload", "gap %", "worst gap %", "worst wall s")
    table(
        "Classes: gaps over feasible runs, median and worst",
        ("class", "planner", *columns),
        (
            (
                row.kind,
                row.planner,
                row.runs,
                row.feasible,
                row.overloaded_runs,
                _percent(row.gap_median),
                _percent(row.gap_worst),
                f"{row.wall_worst_s:.2f}",
            )
            for row in by_class(runs)
        ),
        columns,
    )
    say(
        "Our engines know no capacity: their overloaded routes were cut afterwards, dear where capacity binds. "
        "Wide windows (classes with a 2) are not our case: the figures are as they are. "
        "Gaps are to the values of the directory, taken as they are; times were cut off to tenths, so a gap below zero "
        "is no new best plan."
    )


def _percent(fraction: float | None) -> str | None:
    return None if fraction is None else f"{100 * fraction:.2f}"
