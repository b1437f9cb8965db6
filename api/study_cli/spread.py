"""Work spread over processes: each piece gives a result or the reason why it has none, and none takes others with it.

A process that is killed breaks its whole pool. Then what was being worked on is done again piece by piece, each alone
in a process of its own, so that it is known which one is to blame; the others go on in a new pool.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

KILLED = "its process was killed, also when it was the only one; perhaps there is not enough memory"


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """A piece that gave a result."""

    result: R


@dataclass(frozen=True, slots=True)
class Failed:
    """A piece that gave none, and why."""

    reason: str


Outcome = Done[R] | Failed
Outcomes = Generator[tuple[T, Outcome[R]], None, None]


def here(work: Callable[[T], R], pieces: Iterable[T]) -> Outcomes[T, R]:
    """One piece after the other in this process."""
    for piece in pieces:
        yield piece, _outcome(work, piece)


def spread(work: Callable[[T], R], pieces: Iterable[T], workers: int, ready: Callable[[], None]) -> Outcomes[T, R]:
    """Pieces in so many processes, in the order in which they are done; `ready` is called first in each process.

    `work`, `ready` and the pieces are sent to other processes, so they can be pickled. Closing the generator ends the
    processes at once.
    """
    waiting = deque(pieces)
    while waiting:
        lost = yield from _until_broken(work, waiting, workers, ready)
        for piece in lost:
            again = yield from _until_broken(work, deque([piece]), 1, ready)
            if again:
                yield piece, Failed(KILLED)


def _until_broken(
    work: Callable[[T], R], waiting: deque[T], workers: int, ready: Callable[[], None]
) -> Generator[tuple[T, Outcome[R]], None, list[T]]:
    """Take pieces until none is waiting, or a process was killed; the pieces that were being worked on then."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(waiting)), context, _begin, (ready,))
    running: dict[Future[Outcome[R]], T] = {}
    ended = False
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                with _unheard():  # a process hears of no Ctrl-C before it can say that it does not listen
                    future = pool.submit(_outcome, work, waiting[0])
                running[future] = waiting.popleft()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                yield running.pop(future), outcome
        ended = True
    except BrokenProcessPool:
        return list(running.values())
    finally:
        if not ended:
            for child in set(multiprocessing.active_children()) - others:
                child.kill()
        pool.shutdown(wait=True, cancel_futures=True)
    return []


def _outcome(work: Callable[[T], R], piece: T) -> Outcome[R]:
    try:
        return Done(work(piece))
    except Exception as error:  # noqa: BLE001  one piece must not lose the others; it is told with its reason
        return Failed(f"{type(error).__name__}: {error}")


@contextmanager
def _unheard() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(ready: Callable[[], None]) -> None:
    """Ctrl-C of a terminal is meant for the process that began this one; with that one this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, name="mitaan-parent", daemon=True).start()
    ready()
