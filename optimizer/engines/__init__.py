"""Engines: each is one way to find a plan. They return orders of visits and proofs, never times.

An engine is called `engine(problem, stop, seed, threads, start, on_progress)` and returns an `EngineResult`. Times,
costs and the verdict of the checker are made from its orders by `timing`, `objective` and `check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from optimizer.domain import Problem
from optimizer.stop import Stop

Orders = Mapping[str, tuple[str, ...]]
"""Visit ids in order, by executive id. Executives without visits may be left out."""


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What an engine found and proved.

    `broken_promises_bound` is a proven least weighted count of broken promises; `lower_bound_s` holds for the
    second level of every plan that breaks no more than that, None if none was proven.
    `finished` is False when the engine was stopped before it had done what it would do without a limit.
    """

    orders: Orders
    lower_bound_s: int | None = None
    broken_promises_bound: int = 0
    finished: bool = True


class OnProgress(Protocol):
    """Called while an engine runs."""

    def __call__(
        self,
        phase: str,
        orders: Orders | None,
        lower_bound_s: int | None,
        columns: int | None = None,
        broken_promises_bound: int = 0,
        /,
    ) -> None:
        """The phase, the best orders so far and the lower bound (None if none yet), how many columns are known.

        The bound holds for plans that break promises of at most `broken_promises_bound`, which is proven to be the
        least.
        """
        ...


class Engine(Protocol):
    """One way to find a plan; `start`, where given, are orders that can be run, and is never made worse.

    `threads` is how many may run at once; the same seed, iterations and threads give the same orders.
    """

    def __call__(
        self,
        problem: Problem,
        stop: Stop,
        *,
        seed: int = 1,
        threads: int = 1,
        start: Orders | None = None,
        on_progress: OnProgress | None = None,
    ) -> EngineResult | None:
        """Search until done or told to stop; None when stopped before there was anything to return."""
        ...
