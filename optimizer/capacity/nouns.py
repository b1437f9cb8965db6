"""What capacity asks and answers: the problem of one day, the quotas, and what each row of the model has left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.arrays import Int64Array
from optimizer.demand import FloatArray, Need, need_name, sorted_needs
from optimizer.domain import Executive, Fault, SlotGrid
from optimizer.domain.faults import raise_if_any
from optimizer.quotas import Quotas, Union, unions_of
from optimizer.units import hhmm

TARGET = 0.99
"""Share of days on which all promises taken within the quotas are to be kept together."""


@dataclass(frozen=True, eq=False)
class CapacityProblem:
    """How many promises may each slot of one day carry, by what they need?

    `expected[slot, need]`: appointments expected on the day (`Demand.on`), in the order of `needs`. `visit_s[need]`:
    seconds an executive spends on one, service and the way to it. `alpha[slot]`: share of the executives on shift who
    may be promised away there, `kit_alpha[slot]` the same of those who hold what a need asks for; above 0, at most 1.
    `kit_apart`: in two adjacent slots together no more promises of a kit than those who hold it.
    `reserved_s`: executives' seconds to be left for deliveries. `day_share`: share of all slots of all executives that
    may be promised away on the day. `promised[slot, need]`: promises that are there already. `worth[need]`: of a
    promise, 1 each by default. `target` is what the alphas are meant to reach; it is carried along, not computed with.
    """

    grid: SlotGrid
    needs: tuple[Need, ...]
    executives: tuple[Executive, ...]
    expected: FloatArray
    visit_s: tuple[float, ...]
    alpha: float | tuple[float, ...] = 1.0
    kit_alpha: float | tuple[float, ...] = 1.0
    reserved_s: int = 0
    kit_apart: bool = False
    day_share: float = 1.0
    promised: Int64Array | None = None
    worth: tuple[float, ...] | None = None
    target: float = TARGET

    def __post_init__(self) -> None:
        slots, count = len(self.grid), len(self.needs)
        faults = []
        if not count or self.needs != sorted_needs(self.needs):
            names = [need_name(need) for need in self.needs]
            faults.append(Fault(("needs",), "bad_order", names, "at least one need, each once, sorted"))
        faults.extend(_number_faults("expected", self.expected, self.grid, self.needs))
        if self.promised is not None:
            faults.extend(_number_faults("promised", self.promised, self.grid, self.needs))
        for name, rows in (("visit_s", self.visit_s), ("worth", self.worth)):
            if rows is not None and (len(rows) != count or not all(math.isfinite(v) and v >= 0 for v in rows)):
                rule = f"{count} finite numbers, one for each need, not negative"
                faults.append(Fault((name,), "bad_value", [str(v) for v in rows], rule))
        for name, shares in (("alpha", self.alpha), ("kit_alpha", self.kit_alpha)):
            each = shares if isinstance(shares, tuple) else (float(shares),) * slots
            object.__setattr__(self, name, each)
            if len(each) != slots:
                faults.append(Fault((name,), "bad_shape", len(each), f"one share, or {slots}: one for each slot"))
            faults.extend(
                Fault((name, slot), "bad_alpha", str(share), "above 0, at most 1")
                for slot, share in enumerate(each)
                if not 0 < share <= 1
            )
        for name, share in (("day_share", self.day_share), ("target", self.target)):
            if not 0 < share <= 1:
                faults.append(Fault((name,), "bad_share", str(share), "above 0, at most 1"))
        if self.reserved_s < 0:
            faults.append(Fault(("reserved_s",), "negative", self.reserved_s, "seconds are not negative"))
        raise_if_any(faults)

    @cached_property
    def unions(self) -> tuple[Union, ...]:
        """The unions of needs that have rows, the smallest first; the last is that of all needs."""
        return unions_of(self.needs)

    @cached_property
    def alphas(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """`alpha` and `kit_alpha`, slot by slot."""
        alpha, kit_alpha = self.alpha, self.kit_alpha
        assert isinstance(alpha, tuple)  # noqa: S101  (made so when built)
        assert isinstance(kit_alpha, tuple)  # noqa: S101
        return alpha, kit_alpha

    @property
    def taken(self) -> Int64Array:
        """Promises that are there already, by slot and need."""
        if self.promised is None:
            return np.zeros((len(self.grid), len(self.needs)), dtype=np.int64)
        return self.promised


def _number_faults(name: str, given: FloatArray | Int64Array, grid: SlotGrid, needs: Sequence[Need]) -> Sequence[Fault]:
    if given.shape != (len(grid), len(needs)):
        rule = f"{len(grid)} slots x {len(needs)} needs"
        return [Fault((name,), "bad_shape", list(given.shape), rule)]
    faults = []
    for slot, need in zip(*(axis.tolist() for axis in np.nonzero(~(np.isfinite(given) & (given >= 0)))), strict=True):
        value = float(given[slot, need])
        at = (name, hhmm(grid.slot(slot).open_s), need_name(needs[need]))
        shown = value if math.isfinite(value) else str(value)
        faults.append(Fault(at, "bad_demand", shown, "a finite number of appointments, not negative"))
    return faults


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the model: what it is for, of which slot (None: the day) and union of needs, what is used of what.

    `unit` is "promises" or "seconds".
    """

    name: str
    slot: int | None
    union: Union
    used: float
    limit: float
    unit: str

    @property
    def slack(self) -> float:
        """What is left; negative where not even zero promises would leave the deliveries their time."""
        return self.limit - self.used


@dataclass(frozen=True, slots=True)
class CapacityResult:
    """The quotas, what they are expected to accept, and what is proven.

    `accepted`: promises the nested quotas are expected to accept, no address being remote; `accepted_by_slot` adds up
    to it. `ceiling`: no way of accepting within the executives of the slots takes more. `value`: expected worth where
    places are used by their own need only, which is what the model maximises, and `bound` proven: no places within
    the rows have more. `gap` = (bound - value) / bound.
    """

    quotas: Quotas
    accepted: float
    accepted_by_slot: tuple[float, ...]
    ceiling: float
    value: float
    bound: float
    gap: float
    rows: tuple[Row, ...]
