"""Who could serve what: executives by slot and union of needs, their working seconds, and the prior of rosters.

The prior is what a saturated day was measured to carry on synthetic cities of 5 to 40 executives; simulation of the
city itself refines it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from optimizer.arrays import Int64Array
from optimizer.demand import FloatArray, Need
from optimizer.domain import Executive, SlotGrid
from optimizer.quotas import Union, is_rare
from optimizer.units import MINUTE_S

BREAK_SHARE = 0.0
"""Share of a break that is taken from the cover of the slots it may fall into. Measured: on saturated days a break of
half an hour costs next to nothing, because it hides between an early visit of one slot and a late one of the next. So
it costs its seconds of the day, and no place in a slot."""

RADIUS_M, TEAM = 7_000, 20
TRAVEL_MINUTES, BY_RADIUS, BY_TEAM = 9.5, 0.7, 0.2
"""Minutes of travel a visit for a radius of 7 km and 20 executives, and the powers it grows with; fits the measured
table within 1.5 minutes."""

ALPHA_BY_LOAD = ((0.62, 1.0), (0.72, 0.95), (0.76, 0.84), (0.86, 0.72))
"""Alpha by rho = (service + travel a visit) / slot: the worst days that were seen. Straight lines between, and beyond
the last point on along its line, but never below `LEAST_ALPHA`."""

LEAST_ALPHA = 0.4
SMALL_TEAM, WIDE_M, SMALL_AND_WIDE = 5, 12_000, 0.65
"""At most so many executives in a city at least so wide: alpha no higher than this."""


def on_shift(executive: Executive, open_s: int, close_s: int) -> bool:
    """The whole slot lies in the shift, overtime not counted."""
    return executive.shift.open_s <= open_s and close_s <= executive.shift.close_s


def serves(executive: Executive, union: Union, needs: Sequence[Need]) -> bool:
    """The executive holds what at least one need of the union asks for."""
    return any(needs[n] <= executive.skills for n in union)


def cover(
    executives: Sequence[Executive],
    grid: SlotGrid,
    needs: Sequence[Need],
    unions: Sequence[Union],
    break_share: float = BREAK_SHARE,
) -> FloatArray:
    """`[slot, union]`: how many executives can serve in the slot at least one of the needs of the union.

    A slot counts when it lies wholly within the shift. The expected share of the break, `break_share` of its length,
    is taken off in equal parts where it may fall: the slots in which it may begin.
    """
    found = np.zeros((len(grid), len(unions)))
    for executive in executives:
        there = np.array([on_shift(executive, s.open_s, s.close_s) for s in grid.slots()], dtype=np.float64)
        if executive.pause is not None and break_share > 0:
            window = executive.pause.window
            falls = there * [s.open_s <= window.close_s and s.close_s > window.open_s for s in grid.slots()]
            if falls.any():
                there -= falls / falls.sum() * break_share * executive.pause.duration_s / grid.slot_s
        for column, union in enumerate(unions):
            if serves(executive, union, needs):
                found[:, column] += there
    return np.maximum(found, 0.0)


def limits(
    executives: Sequence[Executive],
    grid: SlotGrid,
    needs: Sequence[Need],
    unions: Sequence[Union],
    alphas: tuple[Sequence[float], Sequence[float]],
) -> Int64Array:
    """`[slot, union]`: most promises, alpha times the cover rounded down.

    The second alpha is for unions of which every need asks for something: a kit, a skill.
    """
    able = cover(executives, grid, needs, unions)
    rare = np.array([is_rare(union, needs) for union in unions])
    share = np.where(rare[None, :], np.array(alphas[1])[:, None], np.array(alphas[0])[:, None])
    found: Int64Array = np.floor(share * able + 1e-9).astype(np.int64)
    return found


def working_s(executives: Sequence[Executive], union: Union, needs: Sequence[Need]) -> int:
    """Seconds of the shifts, breaks taken off and overtime not counted, of those who can serve a need of the union."""
    return sum(
        e.shift.close_s - e.shift.open_s - (e.pause.duration_s if e.pause else 0)
        for e in executives
        if serves(e, union, needs)
    )


def zones(executives: Sequence[Executive], grid: SlotGrid, least: int = 4) -> int:
    """In how many zones with quotas of their own a city may be divided: each has at least `least` executives a slot.

    At least 1: then the city is one zone, and zones are good for reports only. Slots that nobody works do not count.
    """
    counts = cover(executives, grid, [frozenset()], [(0,)])[:, 0]
    worked = counts[counts > 0]
    return max(1, int(worked.min()) // least) if len(worked) else 1


# ------------------------------------------------------------------------------------------ the prior


def travel_per_visit(radius_m: float, executives: int) -> float:
    """Seconds of travel to expect for each visit in a city of this radius with so many executives: the prior."""
    if executives < 1 or radius_m <= 0:
        return 0.0
    minutes: float = TRAVEL_MINUTES * (radius_m / RADIUS_M) ** BY_RADIUS * (TEAM / executives) ** BY_TEAM
    return minutes * MINUTE_S


def prior_alpha(service_s: float, travel_s: float, slot_s: int, executives: int, radius_m: float) -> float:
    """Share of the executives on shift that a slot can carry, before the city has been simulated.

    `service_s` is the mean service, `travel_s` the travel a visit, `radius_m` that of the city. The same share of the
    kit holders on shift is the quota of a kit.
    """
    rho = (service_s + travel_s) / slot_s
    alpha = ALPHA_BY_LOAD[0][1]
    for (low, high_alpha), (high, low_alpha) in pairwise(ALPHA_BY_LOAD):
        if rho > low:
            alpha = high_alpha + (rho - low) / (high - low) * (low_alpha - high_alpha)
    alpha = max(LEAST_ALPHA, alpha)
    if executives <= SMALL_TEAM and radius_m >= WIDE_M:
        alpha = min(alpha, SMALL_AND_WIDE)
    return alpha


def wilson_lower(successes: int, trials: int, confidence: float = 0.95) -> float:
    """Lower end of the Wilson score interval (two-sided `confidence`) of a probability; 0 without trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    if trials <= 0:
        return 0.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, (centre - half) / (1 + z * z / trials))
