"""Where the `mitaan` command begins: Ctrl-C while the program is still loading ends it in one line, too."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def ended_by_ctrl_c(words: str, code: int) -> Iterator[None]:
    """In here Ctrl-C ends the program at once, with this line on stderr and this exit code.

    Meant for the seconds in which modules are loaded: some of them swallow an exception or turn it into another.
    Where signals are ignored they stay so.
    """
    before = signal.getsignal(signal.SIGINT)
    if before in {signal.SIG_IGN, None}:
        yield
        return

    def end(_signal: int, _frame: object) -> None:
        os.write(2, f"{words}\n".encode())
        os._exit(code)

    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def main() -> None:
    """Entry point of the `mitaan` command."""
    with ended_by_ctrl_c("mitaan: stopped; nothing was written", 3):
        from api.cli import main as begin  # noqa: PLC0415  loading takes a second, in which one may press Ctrl-C
        from optimizer.stop import may_leave_solvers, solvers_left  # noqa: PLC0415

        may_leave_solvers()
    try:
        begin()
    except SystemExit as end:
        if solvers_left() and isinstance(end.code, int):
            with suppress(OSError):  # nobody reads what is left
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(end.code)
        raise
