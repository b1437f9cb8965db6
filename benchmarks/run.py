"""The runner: days x engines x seeds, one run after another in an order that is fair to all, a record of each.

README.md is the protocol; this file does what it says.
"""

from __future__ import annotations

import datetime as dt
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.measure import Case
from benchmarks.record import Record, Surroundings, now
from optimizer.domain import Limits, Problem


def cases(
    days: Sequence[str], engines: Sequence[str], seeds: Sequence[int], limits: Limits, suite: str | None = None
) -> list[Case]:
    """Every run once, in order: seed by seed, day by day, the engines in turn, each round beginning with the next."""
    ordered = []
    rounds = 0
    for seed in seeds:
        for day in days:
            for turn in range(len(engines)):
                engine = engines[(rounds + turn) % len(engines)]
                ordered.append(Case(day, engine, replace(limits, seed=seed), suite))
            rounds += 1
    return ordered


# ----------------------------------------------------------------------------------- resuming


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a series begins: its name, what it has recorded already, and the cases still to be run."""

    series: dt.datetime
    done: tuple[Record, ...]
    left: tuple[Case, ...]


def beginning(
    order: Sequence[Case], problems: Mapping[str, Problem], earlier: Iterable[Record], where: Surroundings
) -> Beginning:
    """A new series, or the newest of the earlier ones that the same code began on the same machine with such cases.

    Code that differs from its commit, or has none, is never the same code.
    """
    wanted = {_key_of_case(case, problems[case.day]): case for case in order}
    same: dict[dt.datetime, dict[tuple[object, ...], Record]] = {}
    for record in earlier:
        if where.commit is not None and where.dirty is False and _made_here(record, where):
            key = _key_of_record(record)
            if key in wanted:
                same.setdefault(record.series, {}).setdefault(key, record)
    if not same:
        return Beginning(now(), (), tuple(order))
    series = max(same)
    left = tuple(case for key, case in wanted.items() if key not in same[series])
    return Beginning(series, tuple(same[series].values()), left)


def _made_here(record: Record, where: Surroundings) -> bool:
    return all(
        getattr(record, name) == getattr(where, name)
        for name in ("commit", "dirty", "versions", "cpu", "cpus", "cpus_usable", "system")
    )


def _key_of_case(case: Case, problem: Problem) -> tuple[object, ...]:
    limits = case.limits
    kind = (limits.time_limit_s, limits.iterations, limits.threads, limits.seed)
    return (case.suite, case.day, problem.input_sha256, case.engine, *kind)


def _key_of_record(record: Record) -> tuple[object, ...]:
    kind = (record.time_limit_s, record.iterations, record.threads, record.seed)
    return (record.suite, record.day, record.input_sha256, record.engine, *kind)


# ------------------------------------------------------------------------------------ running


class Interrupt:
    """Ctrl-C while a series runs: the run in progress is ended and the series with it. A second one ends the program.

    A context manager for the main thread; called, it answers True from the first Ctrl-C on.
    """

    def __init__(self) -> None:
        self._requested = False

    def __call__(self) -> bool:
        """True once Ctrl-C was pressed."""
        return self._requested

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, _signal: int, _frame: object) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True


Measure = Callable[[int, Case], Record | None]
"""Makes the run of this number and gives its record, None when it was interrupted."""


def run_series(
    start: Beginning,
    measure: Measure,
    interrupt: Callable[[], bool],
    on_start: Callable[[Case], None] = lambda _: None,
) -> Iterator[Record]:
    """Make the runs that are left, one after another, and give the record of each as soon as it is done.

    Numbers go on after those that are recorded. After Ctrl-C nothing more is given: the run that was cut short
    is no measurement.
    """
    first = max((record.number for record in start.done), default=0) + 1
    for number, case in enumerate(start.left, start=first):
        if interrupt():
            return
        on_start(case)
        record = measure(number, case)
        if record is None or interrupt():
            return
        yield record
