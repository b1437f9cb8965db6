"""Records that may be compared: the same suite, code, versions, machine and threads.

Limits are not among these, since plans at several limits show how good a planner is by when; a table compares only
runs within the same limits. Runs on changed code (`dirty`) of one commit fall together and are marked.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.compare import Standing, standings
from benchmarks.planners import NAMES
from benchmarks.record import Outcome, Record, written
from benchmarks.suites import SUITES
from optimizer.domain import Status

OVERRUN_SHARE = 0.05
"""A run that takes this share longer than its limit has overrun it."""

Limit = tuple[float, float]
"""Seconds and iterations of a run, infinite where there is no such limit."""


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one suite (None: of no suite) by the same code on the same machine, in the order they were made."""

    suite: str | None
    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """A record that stands for what all share."""
        return self.records[0]

    @property
    def by_limit(self) -> dict[Limit, list[Record]]:
        """The runs of each limit, the longest first."""
        limits: dict[Limit, list[Record]] = defaultdict(list)
        for record in self.records:
            limits[limit_of(record)].append(record)
        return dict(sorted(limits.items(), reverse=True))

    @property
    def planners(self) -> list[str]:
        """Who ran: ours, then peers, then names unknown here."""
        return in_order({record.engine for record in self.records})


@dataclass(frozen=True, slots=True)
class Row:
    """One planner on one day within one limit, over its seeds.

    `cost_median` and `cost_worst` are infinite where that run has no plan; `bound` is the greatest that a run of this
    planner proved, `above_bound` how far its median cost is above the greatest bound of the day by whomever, as a
    fraction of that bound; None where nothing is proven or promises are broken.
    """

    standing: Standing
    cost_median: float
    cost_worst: float
    broken: int | None
    bound: int | None
    above_bound: float | None
    ended: dict[str, int]
    memory_mib: float | None


def limit_of(record: Record) -> Limit:
    """The limits of a run as numbers that can be sorted."""
    seconds, iterations = record.time_limit_s, record.iterations
    return (math.inf if seconds is None else seconds, math.inf if iterations is None else iterations)


def limit_words(limit: Limit) -> str:
    """Limits in words: `30 s`, `50 iterations`, `30 s and 50 iterations`, `no limit`."""
    seconds, iterations = limit
    words = [f"{seconds:g} s"] if math.isfinite(seconds) else []
    words += [f"{iterations:g} iterations"] if math.isfinite(iterations) else []
    return " and ".join(words) or "no limit"


def in_order(names: Iterable[str]) -> list[str]:
    """Planners in the order they are always shown in: ours, peers, then names unknown here."""
    known = {name: place for place, name in enumerate(NAMES)}
    return sorted(names, key=lambda name: (known.get(name, len(known)), name))


def distinct(records: Iterable[Record]) -> list[Record]:
    """Records in the order of their runs, whatever the order of files; one that is given twice counts once."""
    lines = {written(record): record for record in records}
    return [lines[line] for line in sorted(lines, key=lambda line: (lines[line].series, lines[line].number, line))]


def groups(records: Iterable[Record]) -> list[Group]:
    """The groups of the records, suites in the order of the protocol, the newest group of a suite first."""
    found: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in distinct(records):
        versions = tuple(sorted(record.versions.items()))
        machine = (record.cpu, record.cpus, record.cpus_usable, record.system)
        key = (record.suite, record.commit, record.dirty, record.threads, versions, machine)
        found[key].append(record)
    newest = sorted(found.values(), key=lambda runs: (runs[-1].series, runs[-1].number), reverse=True)
    suites = [*SUITES, None]
    whole = [Group(runs[0].suite, tuple(runs)) for runs in newest]
    return sorted(whole, key=lambda g: suites.index(g.suite) if g.suite in suites else len(suites))


def rows(records: Sequence[Record]) -> list[Row]:
    """Every planner on every day of runs within one limit: days by name, planners in their usual order."""
    runs: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(dict)
    for record in sorted(records, key=lambda r: (r.day, r.input_sha256)):
        runs[record.day, record.input_sha256].setdefault(record.engine, []).append(record)
    table: list[Row] = []
    for each in runs.values():
        bounds = [record.lower_bound for some in each.values() for record in some if record.lower_bound is not None]
        of_day = standings(record for some in each.values() for record in some)
        by_name = {standing.engine: standing for standing in of_day}
        table.extend(_row(by_name[name], each[name], max(bounds, default=None)) for name in in_order(each))
    return table


def _row(standing: Standing, runs: Sequence[Record], day_bound: int | None) -> Row:
    costs = [math.inf if record.cost is None else float(record.cost) for record in runs]
    broken = [record.broken_promises for record in runs if record.broken_promises is not None]
    bounds = [record.lower_bound for record in runs if record.lower_bound is not None]
    memory = [record.memory_peak_kib / 1024 for record in runs if record.memory_peak_kib is not None]
    median = statistics.median(costs)
    settled = math.isfinite(median) and not any(broken)
    return Row(
        standing=standing,
        cost_median=median,
        cost_worst=max(costs),
        broken=max(broken, default=None),
        bound=max(bounds, default=None),
        above_bound=median / day_bound - 1 if settled and day_bound else None,
        ended=endings(runs),
        memory_mib=max(memory, default=None),
    )


def endings(runs: Iterable[Record]) -> dict[str, int]:
    """How runs ended, counted: statuses of plans, and outcomes of runs without one."""
    counted = Counter(str(record.outcome if record.status is None else record.status) for record in runs)
    return {name: counted[name] for name in (*Status, *Outcome) if counted[name]}


def overran(record: Record) -> bool:
    """A run took longer than its time limit by more than a twentieth."""
    return record.time_limit_s is not None and record.wall_s > record.time_limit_s * (1 + OVERRUN_SHARE)
