"""What a study says: tables for people, a document for machines."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from api.console import say, table
from scenarios.catalogue import Catalogue
from scenarios.study import (
    MEASURES,
    SERVED_WISHES,
    Cell,
    Difference,
    Findings,
    Interval,
    Measure,
    StudySpec,
)

COMPARED: tuple[Measure, ...] = (SERVED_WISHES, *(m for m in MEASURES if m.name != "gap_percent"))
"""What is shown of a difference: not the gap, which is about the solver."""
SHOWN = frozenset(
    {"served_wishes", "first_choice_percent", "busy_hours_per_executive", "overtime_minutes_per_executive"}
)
"""What of it has room in a terminal."""


def days(count: int) -> str:
    """A number of days in words."""
    return f"{count:,} day{'' if count == 1 else 's'}"


def day_words(cell: Cell) -> str:
    """A cell in words."""
    setting = cell.setting
    return f"{setting.executives} executives, {setting.slot_minutes}-minute slots, seed {cell.seed}"


def value_words(value: float, signed: bool = False) -> str:
    """A number to one decimal, or two where it is small; no minus zero."""
    digits = 1 if abs(value) >= 9.95 else 2
    rounded = round(value, digits)
    sign = "+" if signed and rounded else ""
    return f"{rounded or 0.0:{sign}.{digits}f}"


def interval_words(found: Interval | None, signed: bool = False) -> str | None:
    """A mean with its interval: `96.4 [94.9, 97.8]`; the mean alone of a single day, None of none."""
    if found is None:
        return None
    mean = value_words(found.mean, signed)
    if found.low is None or found.high is None:
        return mean
    return f"{mean} [{value_words(found.low, signed)}, {value_words(found.high, signed)}]"


def give_or_take(found: Interval | None) -> str | None:
    """A mean and half of its interval: `96.4 \u00b1 1.5`; the mean alone of a single day, None of none."""
    if found is None:
        return None
    mean = value_words(found.mean)
    return mean if found.high is None else f"{mean} \u00b1 {value_words(found.high - found.mean)}"


def known_words(words: str | None, found: Interval | None, seeds: int) -> str | None:
    """A measure, and on how many days it has a value where that is not all."""
    if found is None or words is None or found.values == seeds:
        return words
    return f"{words} ({found.values} of {seeds})"


def heads(measures: Sequence[Measure]) -> list[str]:
    """Measures as heads of columns, with their units."""
    return [m.words if m.unit == "wishes" else f"{m.words} {m.unit}" for m in measures]


def spec_words(catalogue: Catalogue, spec: StudySpec, findings: Findings) -> str:
    """What was simulated, in one line."""
    first = findings.results[0]
    wishes = f"{first.wishes} wishes and {first.deliveries} deliveries a day"
    demand = "" if spec.demand_percent == 100 else f" ({spec.demand_percent} % of the ordinary demand)"
    return f"{catalogue.city(spec.city).name_en}, {spec.date:%a %Y-%m-%d}: {wishes}{demand}"


def command_line(spec: StudySpec, folder: Path | None = None) -> str:
    """The command that makes this study, or goes on with it in a folder."""
    words = ["mitaan", "study", "--city", spec.city]
    words += ["--executives", _numbers(spec.executives), "--slot-minutes", _numbers(spec.slot_minutes)]
    seeds = _numbers(spec.seeds)
    words += ["--seeds", f"{seeds}..{seeds}" if seeds.isdigit() else seeds, "--date", spec.date.isoformat()]
    if spec.demand_percent != 100:
        words += ["--demand", str(spec.demand_percent)]
    if spec.iterations is None:
        words += ["--time-limit", f"{spec.time_limit_s:g}"]
    else:
        words += ["--iterations", str(spec.iterations)]
    return shlex.join(words if folder is None else [*words, "--out", str(folder)])


def _numbers(values: Sequence[int]) -> str:
    """Numbers as they are given: runs of three and more as ranges."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ",".join(f"{run[0]}..{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


# ---------------------------------------------------------------------------------------- for people


def tell_study(catalogue: Catalogue, spec: StudySpec, findings: Findings) -> None:
    """The table of settings, and what one more executive and longer slots make of them."""
    columns = ["executives", "slot min", "days", *heads(MEASURES)]
    rows = [
        [
            row.setting.executives,
            row.setting.slot_minutes,
            row.seeds,
            *(known_words(give_or_take(found := row.measures[m.name]), found, row.seeds) for m in MEASURES),
        ]
        for row in findings.rows
    ]
    table(spec_words(catalogue, spec, findings), columns, rows, columns, fold=True)
    say("mean \u00b1 half of its 95 % interval; busy (service and travel) and overtime are per executive and day.")
    for title, differences in (
        ("More executives: what changes, with 95 % intervals, on the same days", findings.more_executives),
        ("Longer slots: what changes, with 95 % intervals, on the same days", findings.longer_slots),
    ):
        if differences:
            say("")
            _tell_differences(title, differences)


def _tell_differences(title: str, differences: Sequence[Difference]) -> None:
    measures = [m for m in COMPARED if m.name in SHOWN]
    columns = ["executives", "slot min", "days", *heads(measures)]
    rows = [
        [
            changed(d.since.executives, d.to.executives),
            changed(d.since.slot_minutes, d.to.slot_minutes),
            d.seeds,
            *(interval_words(d.measures[m.name], signed=True) for m in measures),
        ]
        for d in differences
    ]
    table(title, columns, rows, columns, fold=True)


def changed(since: int, to: int) -> str:
    """`8 to 9`, or the number that has not changed."""
    return str(since) if since == to else f"{since} to {to}"


# -------------------------------------------------------------------------------------- for machines


def study_json(spec: StudySpec, findings: Findings, failed: Mapping[Cell, str], files: Sequence[str]) -> dict[str, Any]:
    """The study as plain JSON values."""
    return {
        "study": {
            "city": spec.city,
            "date": spec.date.isoformat(),
            "executives": sorted(spec.executives),
            "slot_minutes": sorted(spec.slot_minutes),
            "seeds": sorted(spec.seeds),
            "demand_percent": spec.demand_percent,
            "time_limit_s": spec.time_limit_s if spec.iterations is None else None,
            "iterations": spec.iterations,
        },
        "rows": [{**asdict(row.setting), "seeds": row.seeds, **_measures(row.measures)} for row in findings.rows],
        "more_executives": [_difference_json(d) for d in findings.more_executives],
        "longer_slots": [_difference_json(d) for d in findings.longer_slots],
        "failed": [
            {**asdict(cell.setting), "seed": cell.seed, "reason": reason} for cell, reason in sorted_cells(failed)
        ],
        "files": list(files),
    }


def sorted_cells(failed: Mapping[Cell, str]) -> list[tuple[Cell, str]]:
    """By setting and seed."""
    return sorted(failed.items(), key=lambda item: (item[0].setting, item[0].seed))


def _difference_json(difference: Difference) -> dict[str, Any]:
    return {
        "from": asdict(difference.since),
        "to": asdict(difference.to),
        "seeds": difference.seeds,
        **_measures(difference.measures),
    }


def _measures(measures: Mapping[str, Interval | None]) -> dict[str, Any]:
    return {name: None if found is None else asdict(found) for name, found in measures.items()}
