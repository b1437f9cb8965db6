"""When a search ends: after iterations, after time, on request, or on the first of several.

Stopping is an argument. A stop is called between steps of a search and answers True when the search
must end with the best it has. Only stops look at a clock, and only at the monotonic one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Protocol, TypeVar

from optimizer.domain import Limits

Found = TypeVar("Found")

LOOK_S = 0.05
"""Between two looks at whether the end was asked for, while somebody else's code is at work."""


class Stop(Protocol):
    """Asked between steps. `elapsed_s` is the time since the stop was made, `left_s` what remains of a time limit."""

    def __call__(self) -> bool:
        """True when the search must end now."""
        ...

    def elapsed_s(self) -> float:
        """Seconds since the stop was made."""
        ...

    def left_s(self) -> float | None:
        """Seconds until a time limit ends the search, None without one; never negative."""
        ...

    def left_iterations(self) -> int | None:
        """Iterations until the search ends, None without such a limit; never negative."""
        ...

    @property
    def requested(self) -> bool:
        """True once somebody asked for the end; asking uses up no iteration."""
        ...


class StopAt:
    """Ends at the first of: `iterations` calls, `time_limit_s` seconds, a request by another thread or a signal.

    Without a time limit the same run stops at the same step on every machine.
    """

    def __init__(self, iterations: int | None = None, time_limit_s: float | None = None) -> None:
        self._left = iterations
        self._limit_s = time_limit_s
        self._begin_s = time.monotonic()
        self._requested = threading.Event()

    @classmethod
    def within(cls, limits: Limits) -> StopAt:
        """The stop of a set of limits, its clock starting now."""
        return cls(limits.iterations, limits.time_limit_s)

    def request(self) -> None:
        """Ask the search to end with the best it has; safe from a signal handler or another thread."""
        self._requested.set()

    @property
    def requested(self) -> bool:
        """True once somebody asked for the end."""
        return self._requested.is_set()

    def __call__(self) -> bool:
        """True when the search must end now; uses up one iteration."""
        if self._requested.is_set():
            return True
        if self._left is not None:
            if self._left <= 0:
                return True
            self._left -= 1
        return self._limit_s is not None and self.elapsed_s() >= self._limit_s

    def elapsed_s(self) -> float:
        """Seconds since the stop was made."""
        return time.monotonic() - self._begin_s

    def left_s(self) -> float | None:
        """Seconds until the time limit, None without one; never negative."""
        return None if self._limit_s is None else max(0.0, self._limit_s - self.elapsed_s())

    def left_iterations(self) -> int | None:
        """Iterations left, None without such a limit."""
        return self._left


class PartOf:
    """The stop of a step that may take a part of the time another stop has left; iterations are those of the other."""

    def __init__(self, stop: Stop, part: float) -> None:
        self._stop = stop
        left_s = stop.left_s()
        self._until_s = None if left_s is None else stop.elapsed_s() + part * left_s

    def __call__(self) -> bool:
        """True when the step must end now; uses up one iteration."""
        return self._stop() or self.left_s() == 0.0

    def elapsed_s(self) -> float:
        """As of the other stop."""
        return self._stop.elapsed_s()

    def left_s(self) -> float | None:
        """Seconds until the step must end, None without a time limit; never negative."""
        left_s = self._stop.left_s()
        if left_s is None or self._until_s is None:
            return left_s
        return max(0.0, min(left_s, self._until_s - self._stop.elapsed_s()))

    def left_iterations(self) -> int | None:
        """As of the other stop."""
        return self._stop.left_iterations()

    @property
    def requested(self) -> bool:
        """As of the other stop."""
        return self._stop.requested


_may_leave = threading.Event()
_left: list[threading.Thread] = []


def may_leave_solvers() -> None:
    """From now on who asks for the end does not wait for a solver: `unless_requested` leaves it at work.

    Only for a process that looks at `solvers_left` and then ends by `os._exit`: solvers are C++, and one that is at
    work while its process ends in order aborts it.
    """
    _may_leave.set()


def solvers_left() -> bool:
    """Whether a solver that was left is still at work."""
    return any(thread.is_alive() for thread in _left)


def unless_requested(act: Callable[[], Found], stop: Stop) -> Found | None:
    """What `act` finds, None once the end is requested: for solvers that listen to nothing but their time limit.

    Where solvers may be left it runs in a thread of its own, and None comes as soon as the end is requested; signals
    are heard meanwhile. Elsewhere the end waits for it. What it raises is raised.
    """

    def over() -> bool:
        return stop.requested

    if over():
        return None
    if not _may_leave.is_set():
        return act()
    future: Future[Found] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as raised:  # noqa: BLE001  raised again where it is waited for
            future.set_exception(raised)

    thread = threading.Thread(target=run, name="solver", daemon=True)
    thread.start()
    while not over():
        if wait([future], timeout=LOOK_S).done:
            return future.result()
    _left.append(thread)
    return None
