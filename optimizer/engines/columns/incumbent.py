"""The best plan so far, as orders of visits by executive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from optimizer.arrays import NO_SLOT, DayArrays
from optimizer.engines.columns.graph import Fleet
from optimizer.engines.columns.pool import Column, order_cost_s

Level = tuple[int, int]
"""Both levels of a plan's cost: weight of broken promises, cost seconds."""


class Incumbent:
    """The best plan found of a day: `orders[e]` are the visits of executive e in order, `level` its cost."""

    def __init__(self, day: DayArrays, fleet: Fleet, orders: Sequence[Sequence[int]]) -> None:
        self._day = day
        self.fleet = fleet
        self.orders = [tuple(int(v) for v in order) for order in orders]
        level = self.level_of(self.orders)
        if level is None:
            raise ValueError("the plan to start from cannot be run")
        self.level: Level = level

    def level_of(self, orders: Sequence[Sequence[int]]) -> Level | None:
        """Cost of a plan, recomputed from its orders; None when one of them cannot be run or a visit stands in two."""
        day = self._day
        served = [v for order in orders for v in order]
        if len(set(served)) < len(served):
            return None
        cost = 0
        for e, order in enumerate(orders):
            if len(order):
                own = order_cost_s(day, e, order)
                if own is None:
                    return None
                cost += own
        out = np.ones(len(day.place), dtype=np.bool_)
        out[served] = False
        return int(day.weight[out].sum()), cost + int(day.unserved_price[out].sum())

    def offer(self, orders: Sequence[Sequence[int]]) -> bool:
        """Keep this plan if it can be run and is cheaper. True when it is kept."""
        level = self.level_of(orders)
        if level is None or level >= self.level:
            return False
        self.orders = [tuple(int(v) for v in order) for order in orders]
        self.level = level
        return True

    def offer_columns(self, columns: Iterable[Column]) -> bool:
        """Keep the plan made of these columns if it is cheaper; who gets no column does the fixed prefix only."""
        orders = self.prefixes()
        free = [list(np.flatnonzero(self.fleet.of == kind)) for kind in range(len(self.fleet.size))]
        for column in columns:
            if not free[column.kind]:
                return False
            orders[int(free[column.kind].pop(0))] = column.visits
        return self.offer(orders)

    def prefixes(self) -> list[tuple[int, ...]]:
        """The plan in which everybody does the fixed prefix only."""
        ends = self._day.prefix_at.tolist()
        return [tuple(self._day.prefix[ends[e] : ends[e + 1]].tolist()) for e in range(len(ends) - 1)]

    def columns(self) -> list[Column]:
        """The routes of the plan as columns."""
        result = []
        for e, order in enumerate(self.orders):
            if order:
                cost = order_cost_s(self._day, e, order)
                if cost is not None:
                    result.append(Column(int(self.fleet.of[e]), order, cost))
        return result

    @property
    def keeps_all(self) -> bool:
        """No promise is broken."""
        return self.level[0] == 0

    def average_s(self) -> float:
        """Cost seconds per visit served."""
        served = sum(len(order) for order in self.orders)
        return self.level[1] / max(1, served)

    def left_out(self) -> list[int]:
        """Visits on no route, appointments first."""
        served = {v for order in self.orders for v in order}
        out = [v for v in range(len(self._day.place)) if v not in served]
        return sorted(out, key=lambda v: (self._day.slot[v] == NO_SLOT, v))
