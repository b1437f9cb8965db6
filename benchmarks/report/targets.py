"""Numbers to reach, and what the records reached of them: met, missed, or not measured; none is ever left out.

A target is a row of a table (`benchmarks/targets.csv`): a case in words, its days as `--days` takes them, a planner,
the time limit and threads of its runs, what is measured, and the number needed. Only runs with just this limit and
these threads count, and of those only the ones of the newest code; a target is met when every one of its days was
run and reached it.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.compare import ratio, standings
from benchmarks.planners import NAMES, PEERS
from benchmarks.record import Record
from benchmarks.report.groups import distinct
from benchmarks.suites import day_files
from optimizer.domain import InvalidProblem, Limits, Status
from scenarios.files import FileFault, InvalidInput, read_bytes

COLUMNS = ("case", "days", "planner", "time_limit_s", "threads", "what", "needed")


class What(StrEnum):
    """What a target asks for. All but `optimal_percent` are at most the number needed."""

    GAP_PERCENT = "gap_percent"  # the greatest proven gap of a run, per cent
    OPTIMAL_PERCENT = "optimal_percent"  # the share of runs proven optimal, at least so many per cent
    OPTIMAL_MEDIAN_S = "optimal_median_s"  # median seconds until a run ended with a proof of optimality
    PEER_RATIO = "peer_ratio"  # on the worst day, median cost over that of the best peer
    BROKEN_PROMISES = "broken_promises"  # the greatest weight of broken promises in a run


class Verdict(StrEnum):
    """What became of a target."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"  # nothing of it was run, or what was run reached it but not all days were


@dataclass(frozen=True, slots=True)
class Target:
    """A number to reach; `days` are the names they stand for."""

    case: str
    days: tuple[str, ...]
    planner: str
    time_limit_s: float
    threads: int
    what: What
    needed: float


@dataclass(frozen=True, slots=True)
class Reached:
    """What the records say of a target: the number reached (infinite where a run has none, None of no runs)."""

    target: Target
    reached: float | None
    runs: int
    days: int
    commit: str | None
    dirty: bool
    verdict: Verdict


def read_targets(path: Path) -> list[Target]:
    """The targets of a table. Raises InvalidInput with every cell that is wrong, by file, line and column."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput([FileFault((), "not_utf8", None, str(error), str(path))]) from None
    table = csv.DictReader(io.StringIO(text))
    if tuple(table.fieldnames or ()) != COLUMNS:
        rule = f"the columns of a table of targets are {','.join(COLUMNS)}"
        raise InvalidInput([FileFault((), "wrong_columns", ",".join(table.fieldnames or ()), rule, str(path), 1)])
    targets: list[Target] = []
    faults: list[FileFault] = []
    for row in table:
        line = _Line(str(path), table.line_num, row)
        target = line.target()
        if target is None:
            faults.extend(line.faults)
        else:
            targets.append(target)
    if faults:
        raise InvalidInput(faults)
    return targets


class _Line:
    """One row of the table, and what is wrong with it."""

    def __init__(self, file: str, number: int, row: Mapping[str | None, str | list[str] | None]) -> None:
        self._file, self._number = file, number
        self._row = {column: str(row.get(column) or "").strip() for column in COLUMNS}
        self.faults: list[FileFault] = []
        if None in row or None in row.values():
            self._fault("case", f"a row has {len(COLUMNS)} cells")

    def _fault(self, column: str, rule: str) -> None:
        self.faults.append(FileFault((), "bad_target", self._row[column], rule, self._file, self._number, column))

    def _number_of(self, column: str, rule: str, good: Callable[[float], bool]) -> float:
        try:
            value = float(self._row[column])
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and good(value)):
            self._fault(column, rule)
            return math.nan
        return value

    def target(self) -> Target | None:
        """The target, None where something is wrong."""
        days: tuple[str, ...] = ()
        try:
            days = tuple(day_files([word.strip() for word in self._row["days"].split(",") if word.strip()]))
        except InvalidProblem as invalid:
            for fault in invalid.faults:
                self._fault("days", fault.rule)
        if not days and not self.faults:
            self._fault("days", "at least one day")
        if not self._row["case"]:
            self._fault("case", "a target says what it is about")
        if self._row["planner"] not in NAMES:
            self._fault("planner", f"one of {', '.join(NAMES)}")
        if self._row["what"] not in list(What):
            self._fault("what", f"one of {', '.join(What)}")
        limit_s = self._number_of("time_limit_s", "seconds above 0", lambda value: value > 0)
        threads = self._number_of("threads", "a whole number from 1", lambda v: v >= 1 and v == int(v))
        needed = self._number_of("needed", "a number of 0 or more", lambda value: value >= 0)
        if self.faults:
            return None
        return Target(
            self._row["case"], days, self._row["planner"], limit_s, int(threads), What(self._row["what"]), needed
        )


def alone_by_limits(targets: Iterable[Target]) -> list[tuple[Limits, dict[str, list[str]]]]:
    """The runs that targets without peers ask for: by limits, shortest first, the days of each planner."""
    wanted: dict[tuple[float, int], dict[str, list[str]]] = {}
    for target in targets:
        if target.what is not What.PEER_RATIO:
            days = wanted.setdefault((target.time_limit_s, target.threads), {}).setdefault(target.planner, [])
            days.extend(day for day in target.days if day not in days)
    return [(Limits(limit_s, threads=threads), planned) for (limit_s, threads), planned in sorted(wanted.items())]


# ------------------------------------------------------------------------------------- judging


def judged(targets: Iterable[Target], records: Iterable[Record]) -> list[Reached]:
    """What the records reached of each target, in the order of the targets."""
    known = distinct(records)
    return [_judged(target, known) for target in targets]


def _judged(target: Target, records: Sequence[Record]) -> Reached:
    terms = [
        record
        for record in records
        if record.day in target.days
        and record.time_limit_s == target.time_limit_s
        and record.iterations is None
        and record.threads == target.threads
    ]
    mine = [record for record in terms if record.engine == target.planner]
    if not mine:
        return Reached(target, None, 0, 0, None, dirty=False, verdict=Verdict.NOT_MEASURED)
    newest = mine[-1]
    code = (newest.commit, newest.dirty, newest.cpu)
    terms = [record for record in terms if (record.commit, record.dirty, record.cpu) == code]
    mine = [record for record in terms if record.engine == target.planner]
    if target.what is What.PEER_RATIO:
        ratios = _peer_ratios(target.planner, terms)
        reached, days = max(ratios.values(), default=None), len(ratios)
    else:
        reached, days = _FIGURES[target.what](mine), len({record.day for record in mine})
    verdict = Verdict.NOT_MEASURED
    if reached is not None:
        good = reached >= target.needed if target.what is What.OPTIMAL_PERCENT else reached <= target.needed
        all_days = days == len(target.days)
        verdict = Verdict.MISSED if not good else Verdict.MET if all_days else Verdict.NOT_MEASURED
    return Reached(target, reached, len(mine), days, newest.commit, bool(newest.dirty), verdict)


def _peer_ratios(planner: str, terms: Sequence[Record]) -> dict[str, float]:
    """Median cost of the planner over that of the best peer, by day, where a peer ran."""
    medians: dict[str, dict[str, float]] = {}
    for standing in standings(terms):
        medians.setdefault(standing.day, {})[standing.engine] = standing.ratio_median
    ratios = {}
    for day, by_name in medians.items():
        peers = [median for name, median in by_name.items() if name in PEERS]
        if peers and planner in by_name:
            ratios[day] = _over(by_name[planner], min(peers))
    return ratios


def _over(mine: float, theirs: float) -> float:
    """One ratio to the best run over another; a peer without a plan is beaten by any."""
    return ratio((0, mine) if math.isfinite(mine) else (math.inf, mine), (0 if math.isfinite(theirs) else 1, theirs))


def _worst_gap(runs: Sequence[Record]) -> float:
    return max(math.inf if record.gap is None else 100 * record.gap for record in runs)


def _optimal_share(runs: Sequence[Record]) -> float:
    return 100 * sum(record.status is Status.OPTIMAL for record in runs) / len(runs)


def _median_to_proof(runs: Sequence[Record]) -> float:
    return statistics.median(record.wall_s if record.status is Status.OPTIMAL else math.inf for record in runs)


def _most_broken(runs: Sequence[Record]) -> float:
    return max(math.inf if record.broken_promises is None else record.broken_promises for record in runs)


_FIGURES: Mapping[What, Callable[[Sequence[Record]], float]] = {
    What.GAP_PERCENT: _worst_gap,
    What.OPTIMAL_PERCENT: _optimal_share,
    What.OPTIMAL_MEDIAN_S: _median_to_proof,
    What.BROKEN_PROMISES: _most_broken,
}
