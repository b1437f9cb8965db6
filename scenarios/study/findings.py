"""Results put together: measures with their intervals over seeds, and differences taken seed by seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from optimizer.units import HOUR_S, MINUTE_S
from scenarios.study.results import CellResult
from scenarios.study.spec import Setting

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a cell that is compared; its name carries the unit. `of` says None where it has no value."""

    name: str
    words: str
    unit: str
    of: Callable[[CellResult], float | None]


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _gap(result: CellResult) -> float | None:
    if result.bound_s is None:
        return None
    return 100 * (result.cost_s - result.bound_s) / result.cost_s if result.cost_s else 0.0


def _travel(result: CellResult) -> float | None:
    visits = result.accepted + result.delivered
    return result.travel_s / MINUTE_S / visits if visits else None


MEASURES: tuple[Measure, ...] = (
    Measure("served_percent", "wishes served", "%", lambda r: _percent(r.accepted, r.wishes)),
    Measure("first_choice_percent", "first choice", "%", lambda r: _percent(r.first_choice, r.wishes)),
    Measure("delivered_percent", "deliveries made", "%", lambda r: _percent(r.delivered, r.deliveries)),
    Measure("travel_minutes_per_visit", "travel a visit", "min", _travel),
    Measure("busy_hours_per_executive", "busy", "h", lambda r: (r.service_s + r.travel_s) / HOUR_S / r.executives),
    Measure("overtime_minutes_per_executive", "overtime", "min", lambda r: r.overtime_s / MINUTE_S / r.executives),
    Measure("gap_percent", "gap", "%", _gap),
)
"""What a study compares. Busy is service and reference travel; it and overtime are means over all executives on the
roster. The gap is that of the plan, as proven."""

SERVED_WISHES = Measure("served_wishes", "wishes served a day", "wishes", lambda r: float(r.accepted))
"""Compared between settings only."""


# ----------------------------------------------------------------------------------------- intervals


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `values` days with its 95 % interval by Student's t; no interval of a single day.

    It is one of the mean, not of days, and may reach beyond what a day can be, such as 100 %.
    """

    mean: float
    low: float | None
    high: float | None
    values: int


def interval(values: Sequence[float]) -> Interval | None:
    """Mean and t-interval: mean -+ t(0.975, n - 1) s / sqrt(n); None of nothing."""
    if not values:
        return None
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Interval(mean, None, None, 1)
    from scipy.special import stdtrit  # noqa: PLC0415  a tenth of a second that one cell does not need

    t = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half, len(values))


@dataclass(frozen=True, slots=True)
class Row:
    """A setting over its seeds, by name of the measure; None where no day has a value."""

    setting: Setting
    seeds: int
    measures: Mapping[str, Interval | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """How `to` differs from `since`, seed by seed, over the seeds that both have: `to` less `since`."""

    since: Setting
    to: Setting
    seeds: int
    measures: Mapping[str, Interval | None]


class Findings:
    """Results of a study put together. Of two results of one cell the first counts."""

    def __init__(self, results: Sequence[CellResult]) -> None:
        self._by_setting: dict[Setting, dict[int, CellResult]] = {}
        for result in results:
            self._by_setting.setdefault(result.cell.setting, {}).setdefault(result.seed, result)

    @cached_property
    def results(self) -> tuple[CellResult, ...]:
        """All results, by setting and seed."""
        return tuple(days[seed] for _, days in sorted(self._by_setting.items()) for seed in sorted(days))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row for each setting, by executives and length of slots."""
        return tuple(
            Row(setting, len(days), {m.name: _over([m.of(days[seed]) for seed in sorted(days)]) for m in MEASURES})
            for setting, days in sorted(self._by_setting.items())
        )

    @cached_property
    def more_executives(self) -> tuple[Difference, ...]:
        """Neighbouring numbers of executives, by length of slots."""
        return tuple(
            self._difference(Setting(fewer, minutes), Setting(more, minutes))
            for minutes in sorted({setting.slot_minutes for setting in self._by_setting})
            for fewer, more in _neighbours(s.executives for s in self._by_setting if s.slot_minutes == minutes)
        )

    @cached_property
    def longer_slots(self) -> tuple[Difference, ...]:
        """Neighbouring lengths of slots, by number of executives."""
        return tuple(
            self._difference(Setting(executives, shorter), Setting(executives, longer))
            for executives in sorted({setting.executives for setting in self._by_setting})
            for shorter, longer in _neighbours(s.slot_minutes for s in self._by_setting if s.executives == executives)
        )

    def _difference(self, since: Setting, to: Setting) -> Difference:
        before, after = self._by_setting[since], self._by_setting[to]
        both = sorted(before.keys() & after.keys())
        pairs = [(before[seed], after[seed]) for seed in both]
        return Difference(
            since,
            to,
            len(both),
            {m.name: _over([_less(m.of(b), m.of(a)) for a, b in pairs]) for m in (SERVED_WISHES, *MEASURES)},
        )


def _over(values: Sequence[float | None]) -> Interval | None:
    return interval([value for value in values if value is not None])


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _neighbours(numbers: Iterable[int]) -> list[tuple[int, int]]:
    order = sorted(set(numbers))
    return list(pairwise(order))


# ------------------------------------------------------------------------------------------- as text


def study_csv(rows: Sequence[Row]) -> str:
    """One row for each setting: mean, low and high end of the interval of each measure, to four decimals.

    `gap_percent_days` tells how many days had a bound.
    """
    head = ["executives", "slot_minutes", "seeds"]
    head += [f"{m.name}_{end}" for m in MEASURES for end in ("mean", "low", "high")]
    lines = [",".join([*head, "gap_percent_days"])]
    for row in rows:
        cells = [str(row.setting.executives), str(row.setting.slot_minutes), str(row.seeds)]
        for measure in MEASURES:
            cells += _ends(row.measures[measure.name])
        bounds = row.measures["gap_percent"]
        lines.append(",".join([*cells, str(bounds.values if bounds else 0)]))
    return "\n".join(lines) + "\n"


def differences_csv(differences: Sequence[Difference]) -> str:
    """One row for each pair of settings: the second less the first, over the same seeds."""
    measures = (SERVED_WISHES, *MEASURES)
    head = ["executives", "slot_minutes", "to_executives", "to_slot_minutes", "seeds"]
    lines = [",".join([*head, *(f"{m.name}_{end}" for m in measures for end in ("mean", "low", "high"))])]
    for d in differences:
        cells = [d.since.executives, d.since.slot_minutes, d.to.executives, d.to.slot_minutes, d.seeds]
        ends = [end for m in measures for end in _ends(d.measures[m.name])]
        lines.append(",".join([*map(str, cells), *ends]))
    return "\n".join(lines) + "\n"


def _ends(found: Interval | None) -> list[str]:
    if found is None:
        return ["", "", ""]
    return ["" if end is None else f"{end:.4f}" for end in (found.mean, found.low, found.high)]
