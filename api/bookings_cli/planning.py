"""Planning a day at a terminal: a line of progress, and Ctrl-C that keeps the best plan."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from api.console import ProgressLine
from api.planning import or_witness
from optimizer.domain import Limits, Problem, Result
from optimizer.engines import Orders
from optimizer.planner import plan_day
from optimizer.stop import StopAt


@contextmanager
def stopping(stop: StopAt) -> Iterator[None]:
    """Ctrl-C asks the search to end with its best plan; a second Ctrl-C ends the program."""

    def ask(_signal: int, _frame: object) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.request()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def planned(problem: Problem, witness: Orders, limits: Limits, quiet: bool) -> tuple[Result | None, bool]:
    """The best plan found, and whether it is the witness: see `or_witness`. Ctrl-C keeps the best plan so far."""
    stop = StopAt.within(limits)
    with stopping(stop), ProgressLine(quiet) as line:
        result = plan_day(problem, limits, stop=stop, on_progress=line)
    return or_witness(problem, witness, limits, stop, result)
