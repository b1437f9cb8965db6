"""OR-Tools routing with all rules of the service: our own model, the whole day in one go.

The model is that of the engine `routing` (`optimizer.engines.routing_model` says how it puts each rule); the search
is the library's alone, guided local search until the time is over, without the rounds of that engine and without
anything being put in afterwards. Models slots, windows, skills, pins, envelopes, homes, breaks, overtime, fairness,
continuity and prefixes. It cannot say travel that depends on the departure, nor a break on either side of the travel:
arcs get safe upper bounds instead, so some plans that could be run it does not see, and on a day with an executive
whose break or prefix does not fit those bounds it finds none (no committed day is like that).

Settings: as `ortools_plain`, and no linear programmes for times and soft bounds, since times are not read from the
library: with them the plan for Raipur was 4 % dearer after 5 seconds, that for `bench-110-90-22` the same. No seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.incumbents import Incumbents
from benchmarks.peers.ortools_plain import guided
from optimizer.arrays import Int64Array
from optimizer.domain import Limits, Problem
from optimizer.engines import Orders
from optimizer.engines.arcs import Nodes, nodes_of
from optimizer.engines.routing_model import Model
from optimizer.stop import StopAt


def plan(problem: Problem, limits: Limits, stop: StopAt, incumbents: Incumbents) -> Orders | None:
    """Plan a day with all its rules."""
    if not problem.visits or not problem.executives:
        return {}
    nodes = nodes_of(problem)
    visits, executives = np.flatnonzero(nodes.able.any(axis=0)), np.flatnonzero(nodes.able.any(axis=1))
    if not visits.size:
        return {}

    def orders(routes: list[list[int]]) -> Orders:
        return {
            problem.executives[e].executive_id: tuple(problem.visits[v].visit_id for v in route)
            for e, route in zip(executives, routes, strict=True)
        }

    model = _Guided(nodes, visits, executives, limits, stop)
    found = model.search(lambda routes: incumbents.orders(orders(routes)))
    return None if found is None else orders(found)


class _Guided(Model):
    """The model, searched by guided local search."""

    def __init__(self, nodes: Nodes, visits: Int64Array, executives: Int64Array, limits: Limits, stop: StopAt) -> None:
        self._limits, self._stop = limits, stop
        super().__init__(nodes, visits, executives)

    def _parameters(self, _left_s: float | None) -> Any:
        parameters = guided(self._limits, self._stop)
        parameters.disable_scheduling_beware_this_may_degrade_performance = True
        return parameters

    def search(self, hear: Callable[[list[list[int]]], None]) -> list[list[int]] | None:
        """Routes of the best plan found, as `solve` gives them, None of none; each better one is told of."""
        best: list[int] = []

        def tell() -> None:
            cost = int(self._model.CostVar().Max())
            if not best or cost < best[0]:
                best[:] = [cost]
                hear(self._read_now())

        self._model.AddAtSolutionCallback(tell)
        return self._read(self._model.SolveWithParameters(self._parameters(None)))
