"""What records say: who won which day by how much, how one file did against another, and what cannot be true.

Everything is a ratio between runs of the same day. A run without a plan, or with more broken promises than it is
compared with, has an infinite ratio: promises are never traded for cost, so no engine gains by leaving some out.
"""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.record import Outcome, Record

Key = tuple[str, str, int, float | None, int | None, int]
"""What two runs share to be compared: day by hash, engine, seed, time limit, iterations, threads."""


def ratio(rank: tuple[float, float], base: tuple[float, float]) -> float:
    """Cost of a rank (broken promises, cost) over that of the base; infinite with more broken promises, or no plan.

    Fewer broken promises have no number either: 0, since they beat any cost.
    """
    if math.isinf(rank[0]) or rank[0] > base[0]:
        return math.inf
    if rank[0] < base[0]:
        return 0.0
    if base[1] == 0:
        return 1.0 if rank[1] == 0 else math.inf
    return rank[1] / base[1]


# ---------------------------------------------------------------------------- one series


class Verdict(StrEnum):
    """How an engine did on a day of a series, by its median ratio."""

    WON = "won"
    TIED = "tied"
    LOST = "lost"
    ALONE = "alone"  # no other engine ran


@dataclass(frozen=True, slots=True)
class Standing:
    """One engine on one day of one series, over its seeds: medians and worsts.

    Ratios are to the best run of the day in the series, infinite for a lost run. A gap is infinite where a
    run has none. `broken_worst` counts by weight, None when some run has no plan. Times are seconds.
    """

    day: str
    engine: str
    runs: int
    without_plan: int
    ratio_median: float
    ratio_worst: float
    gap_median: float
    gap_worst: float
    wall_median_s: float
    wall_worst_s: float
    cpu_median_s: float
    broken_worst: int | None
    faulty: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Tally:
    """One engine over the days of a series: how many it won, tied and lost; median and worst of its median ratios."""

    engine: str
    won: int
    tied: int
    lost: int
    ratio_median: float
    ratio_worst: float


def by_series(records: Iterable[Record]) -> dict[dt.datetime, list[Record]]:
    """The records of each series in the order of their runs, the oldest series first."""
    series: dict[dt.datetime, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.series, r.number)):
        series[record.series].append(record)
    return dict(series)


def standings(records: Iterable[Record]) -> list[Standing]:
    """Every engine on every day of one series; days and engines in the order in which they first ran."""
    days: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for record in records:
        days.setdefault((record.day, record.input_sha256), {}).setdefault(record.engine, []).append(record)
    engines = list(dict.fromkeys(engine for runs in days.values() for engine in runs))
    table = []
    for (day, _), runs in days.items():
        best = min(record.rank for each in runs.values() for record in each)
        ratios = {engine: [ratio(record.rank, best) for record in each] for engine, each in runs.items()}
        medians = {engine: statistics.median(each) for engine, each in ratios.items()}
        for engine in (engine for engine in engines if engine in runs):
            verdict = _verdict(engine, medians)
            table.append(_standing(day, engine, runs[engine], ratios[engine], verdict))
    return table


def _verdict(engine: str, medians: dict[str, float]) -> Verdict:
    if len(medians) == 1:
        return Verdict.ALONE
    lowest = min(medians.values())
    if math.isinf(lowest) or medians[engine] > lowest:
        return Verdict.LOST
    return Verdict.WON if list(medians.values()).count(lowest) == 1 else Verdict.TIED


def _standing(day: str, engine: str, runs: Sequence[Record], ratios: Sequence[float], verdict: Verdict) -> Standing:
    gaps = [math.inf if record.gap is None else record.gap for record in runs]
    broken = [record.broken_promises for record in runs if record.broken_promises is not None]
    return Standing(
        day=day,
        engine=engine,
        runs=len(runs),
        without_plan=sum(record.outcome is not Outcome.PLANNED for record in runs),
        ratio_median=statistics.median(ratios),
        ratio_worst=max(ratios),
        gap_median=statistics.median(gaps),
        gap_worst=max(gaps),
        wall_median_s=statistics.median(record.wall_s for record in runs),
        wall_worst_s=max(record.wall_s for record in runs),
        cpu_median_s=statistics.median(record.cpu_s for record in runs),
        broken_worst=max(broken) if len(broken) == len(runs) else None,
        faulty=sum(record.faulty for record in runs),
        verdict=verdict,
    )


def tallies(table: Sequence[Standing]) -> list[Tally]:
    """Every engine over the days of a series, in the order of the table."""
    engines: dict[str, list[Standing]] = {}
    for standing in table:
        engines.setdefault(standing.engine, []).append(standing)
    return [
        Tally(
            engine,
            won=sum(standing.verdict is Verdict.WON for standing in rows),
            tied=sum(standing.verdict is Verdict.TIED for standing in rows),
            lost=sum(standing.verdict is Verdict.LOST for standing in rows),
            ratio_median=statistics.median(standing.ratio_median for standing in rows),
            ratio_worst=max(standing.ratio_median for standing in rows),
        )
        for engine, rows in engines.items()
    ]


# ------------------------------------------------------------------------------ two files


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of some ratios."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> Spread | None:
        """The spread of ratios, None of none."""
        return cls(statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


@dataclass(frozen=True, slots=True)
class Pairing:
    """B against A for one engine on one day, or over all its days (`day` None).

    Ratios are B over A: `cost` of pairs with equal broken promises, `wall` of all. `better` counts pairs in which B has
    fewer broken promises, or as many and a lower cost.
    """

    engine: str
    day: str | None
    pairs: int
    cost: Spread | None
    wall: Spread | None
    better: int
    equal: int
    worse: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All pairings, by engine and day, each engine's days before its sum; and how many kinds of run had no partner."""

    pairings: tuple[Pairing, ...]
    only_in_a: int
    only_in_b: int


@dataclass(frozen=True, slots=True)
class _Pair:
    day: str
    engine: str
    a: tuple[float, float]
    b: tuple[float, float]
    wall: float


def _key(record: Record) -> Key:
    return (
        record.input_sha256,
        record.engine,
        record.seed,
        record.time_limit_s,
        record.iterations,
        record.threads,
    )


def compared(a: Iterable[Record], b: Iterable[Record]) -> Comparison:
    """Pair the runs of two sets by day, engine, seed and limits; several runs of a kind count by their median.

    Of an even number of costs the lower of the two in the middle counts.
    """
    kinds_a, kinds_b = _by_kind(a), _by_kind(b)
    pairs = []
    for key, runs in kinds_a.items():
        others = kinds_b.get(key)
        if others is None:
            continue
        wall_a, wall_b = (statistics.median(record.wall_s for record in each) for each in (runs, others))
        wall = wall_b / wall_a if wall_a > 0 else math.inf
        pairs.append(_Pair(runs[0].day, runs[0].engine, _middle(runs), _middle(others), wall))
    pairings: list[Pairing] = []
    for engine in dict.fromkeys(pair.engine for pair in pairs):
        mine = [pair for pair in pairs if pair.engine == engine]
        days = dict.fromkeys(pair.day for pair in mine)
        pairings.extend(_pairing(engine, day, [pair for pair in mine if pair.day == day]) for day in days)
        pairings.append(_pairing(engine, None, mine))
    return Comparison(tuple(pairings), len(kinds_a.keys() - kinds_b.keys()), len(kinds_b.keys() - kinds_a.keys()))


def _by_kind(records: Iterable[Record]) -> dict[Key, list[Record]]:
    kinds: dict[Key, list[Record]] = defaultdict(list)
    for record in records:
        kinds[_key(record)].append(record)
    return dict(kinds)


def _middle(runs: Sequence[Record]) -> tuple[float, float]:
    return statistics.median_low([record.rank for record in runs])


def _pairing(engine: str, day: str | None, pairs: Sequence[_Pair]) -> Pairing:
    return Pairing(
        engine=engine,
        day=day,
        pairs=len(pairs),
        cost=Spread.of([ratio(p.b, p.a) for p in pairs if p.a[0] == p.b[0] and not math.isinf(p.a[0])]),
        wall=Spread.of([pair.wall for pair in pairs]),
        better=sum(pair.b < pair.a for pair in pairs),
        equal=sum(pair.b == pair.a for pair in pairs),
        worse=sum(pair.b > pair.a for pair in pairs),
    )


def differences(a: Sequence[Record], b: Sequence[Record]) -> list[str]:
    """Why two sets of runs may not be comparable: other machines, versions or code, in words."""
    facts: dict[str, Callable[[Record], str]] = {
        "CPU": lambda r: f"{r.cpu} x {r.cpus_usable}",
        "versions": lambda r: ", ".join(f"{name} {number or '-'}" for name, number in sorted(r.versions.items())),
        "commit": lambda r: (r.commit or "unknown")[:12] + (" with changes" if r.dirty else ""),
    }
    told = []
    for what, of in facts.items():
        in_a, in_b = (sorted({of(record) for record in each}) for each in (a, b))
        if in_a != in_b:
            told.append(f"{what} differ: A {' / '.join(in_a)}; B {' / '.join(in_b)}")
    return told


# ---------------------------------------------------------------------------------- proofs


def contradictions(records: Iterable[Record]) -> list[str]:
    """Days on which a run did better than another proved possible: one of the two is wrong. In words, day by day."""
    days: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.outcome is Outcome.PLANNED:
            days[record.input_sha256].append(record)
    told = []
    for runs in days.values():
        for proof in _best_proofs(runs):
            kept = [record for record in runs if record.rank[0] <= (proof.broken_promises_bound or 0)]
            best = min(kept, key=lambda r: r.rank[1], default=None)
            if best is not None and best.rank[1] < (proof.lower_bound or 0):
                told.append(f"{_named(best)} costs {best.cost}, below the bound {proof.lower_bound} of {_named(proof)}")
        least = min(runs, key=lambda r: r.rank)
        proof = max(runs, key=lambda r: r.broken_promises_bound or 0)
        if least.rank[0] < (proof.broken_promises_bound or 0):
            told.append(
                f"{_named(least)} breaks promises of weight {least.broken_promises}, "
                f"fewer than the {proof.broken_promises_bound} proven by {_named(proof)}"
            )
    return told


def _best_proofs(runs: Sequence[Record]) -> list[Record]:
    """For every number of promises that plans were proven to break, the run with the highest bound for such plans."""
    best: dict[int, Record] = {}
    for record in runs:
        if record.lower_bound is not None:
            proof = best.setdefault(record.broken_promises_bound or 0, record)
            if record.lower_bound > (proof.lower_bound or 0):
                best[record.broken_promises_bound or 0] = record
    return list(best.values())


def _named(record: Record) -> str:
    when = record.series.strftime("%Y-%m-%d %H:%M:%S")
    return f"{record.day}, {record.engine}, seed {record.seed} (run {record.number} of {when})"
