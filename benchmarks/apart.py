"""Every run in a process of its own: memory is its own, nothing is left over from the run before, and a planner
whose process dies ends its run and not the series.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.measure import Case, Place, measured, record_of, warm_up
from benchmarks.planners import planner
from benchmarks.record import Outcome, Record, load_average, now
from optimizer.domain import Problem
from scenarios.files import read_day

LOOK_EVERY_S = 0.2
"""How often the series asks whether Ctrl-C was pressed."""

_NEW = multiprocessing.get_context("spawn")


def measured_apart(
    case: Case, path: Path, problem: Problem, place: Place, interrupted: Callable[[], bool]
) -> Record | None:
    """Make one run in a new process, from the file of its day; None when it was interrupted."""
    at, load, begin_s = now(), load_average(), time.perf_counter()
    answer = _asked(_run, (case, path, place), interrupted)
    if interrupted():
        return None
    if isinstance(answer, Record):
        return answer
    return record_of(
        case,
        problem,
        place,
        outcome=Outcome.FAILED,
        error=f"the process of the run ended with exit code {answer}",
        at=at,
        load_average=load,
        wall_s=round(time.perf_counter() - begin_s, 4),
        cpu_s=0.0,
        incumbents=(),
    )


def warm_up_apart(engines: Sequence[str], interrupted: Callable[[], bool]) -> None:
    """Have every kernel of these planners compiled and cached on the disk, so that each run need only load them."""
    _asked(_warm, (tuple(engines),), interrupted)


def _asked(target: Callable[..., None], words: tuple[object, ...], interrupted: Callable[[], bool]) -> object:
    """What a new process answers, its exit code where it died without an answer, None when interrupted."""
    ours, theirs = _NEW.Pipe(duplex=False)
    process = _NEW.Process(target=target, args=(theirs, *words))
    resource_tracker.ensure_running()  # it would unblock signals in the middle
    # The new process never hears of Ctrl-C, not even while it loads; here one that comes now is heard after this.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    theirs.close()
    try:
        while not ours.poll(LOOK_EVERY_S):
            if interrupted():
                return None
        try:
            answer = ours.recv()
        except EOFError:
            process.join()
            return process.exitcode
        process.join()
    finally:
        process.kill()
        process.join()
        ours.close()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _run(connection: Connection, case: Case, path: Path, place: Place) -> None:
    try:
        problem = read_day(path).problem
        warm_up(case.engine, planner)
        connection.send(measured(case, problem, planner(case.engine), place))
    except Exception as error:  # noqa: BLE001  (of the runner, not of the planner: raised again in the series)
        connection.send(error)


def _warm(connection: Connection, engines: tuple[str, ...]) -> None:
    for engine in engines:
        warm_up(engine, planner)
    connection.send(True)
