"""TravelTable: travel between the places of a day as plain arrays, with hour bands, a margin and an origin.

Two times live here and are kept apart. The *reference* seconds of a pair are the same at every hour and
are what travel costs. The *clock* seconds say how long the trip takes when it begins at a given second:
by speeds that change with the hour, lengthened by the safety margin. Clock times are first-in-first-out:
who leaves later never arrives earlier, because speeds are integrated over time (Ichoua, Gendreau,
Potvin, "Vehicle dispatching with time-dependent travel times", EJOR 144, 2003) instead of reading one
travel time per hour of departure.

All of it is whole numbers. Let pace p(h) be the reference milliseconds gained per clock second in hour h
(1,000 at the reference speed), P(t) the pace summed over the seconds before t, and
w = reference seconds x (100 + margin %) x 10 the work of a trip. A trip begun at t arrives at the first
whole second t' with P(t') >= P(t) + w.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from optimizer.domain import Fault, InvalidProblem, Place
from optimizer.units import HOUR_S

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

HOURS = 24
REFERENCE_PACE = 1_000
MAX_REFERENCE_S = 10_000_000
"""Largest reference seconds of a pair: above any day, and small enough that sums cannot overflow."""


@dataclass(frozen=True, eq=False)
class TravelTable:
    """Travel between places: `reference_s` and `metres` are square (from row, to column), in `place_ids` order.

    `pace` has 24 entries, one per hour of the day: reference milliseconds gained per clock second.
    `margin_pct` lengthens clocks, never the cost. `origin` says in words where the times come from.
    `filled` lists pairs (from, to) whose times were missing in the source and were filled by a formula.
    The triangle inequality is not assumed; `metric` says that it is known to hold.
    """

    place_ids: tuple[str, ...]
    reference_s: Int32Array
    metres: Int32Array
    pace: tuple[int, ...] = (REFERENCE_PACE,) * HOURS
    margin_pct: int = 0
    origin: str = "given"
    filled: tuple[tuple[str, str], ...] = ()
    metric: bool = False

    def __post_init__(self) -> None:
        size = len(self.place_ids)
        faults = []
        if len(set(self.place_ids)) != size:
            faults.append(Fault(("place_ids",), "duplicate_id", list(self.place_ids), "a place occurs once"))
        for name in ("reference_s", "metres"):
            array: Int32Array = getattr(self, name)
            if array.shape != (size, size):
                faults.append(
                    Fault((name,), "bad_shape", array.shape, f"square, one row and column for each of {size} places")
                )
            elif array.dtype != np.int32:
                faults.append(Fault((name,), "bad_type", str(array.dtype), "32-bit whole numbers"))
            elif size and (array.min() < 0 or array.max() > MAX_REFERENCE_S):
                faults.append(Fault((name,), "out_of_range", int(array.min()), f"0 to {MAX_REFERENCE_S}"))
            elif size and array.diagonal().any():
                faults.append(Fault((name,), "bad_diagonal", array.diagonal().tolist(), "same place, no travel"))
        if len(self.pace) != HOURS or any(not 1 <= p <= 100 * REFERENCE_PACE for p in self.pace):
            faults.append(Fault(("pace",), "bad_pace", list(self.pace), "24 paces from 1 to 100,000"))
        if not 0 <= self.margin_pct <= 1_000:
            faults.append(Fault(("margin_pct",), "bad_margin", self.margin_pct, "0 to 1,000 per cent"))
        if faults:
            raise InvalidProblem(faults)
        for array in (self.reference_s, self.metres):
            array.flags.writeable = False

    @cached_property
    def index(self) -> dict[str, int]:
        """Row and column of a place id."""
        return {place_id: row for row, place_id in enumerate(self.place_ids)}

    @cached_property
    def cumulative_pace(self) -> Int64Array:
        """P at the full hours 0 to 24, in reference milliseconds."""
        sums = np.zeros(HOURS + 1, dtype=np.int64)
        np.cumsum(np.asarray(self.pace, dtype=np.int64) * HOUR_S, out=sums[1:])
        return sums

    def cost_s(self, origin: str, destination: str) -> int:
        """Reference seconds from one place to another: what the trip costs."""
        return int(self.reference_s[self.index[origin], self.index[destination]])

    def distance_m(self, origin: str, destination: str) -> int:
        """Metres from one place to another."""
        return int(self.metres[self.index[origin], self.index[destination]])

    def work(self, reference_s: int) -> int:
        """Reference milliseconds to be gained on a trip of these reference seconds, margin included."""
        return reference_s * (100 + self.margin_pct) * (REFERENCE_PACE // 100)

    def arrival_s(self, origin: str, destination: str, depart_s: int) -> int:
        """The second of arrival when leaving at `depart_s` (>= 0); after 24 h the last hour's pace goes on."""
        return self.finish_s(depart_s, self.work(self.cost_s(origin, destination)))

    def gained(self, second: int) -> int:
        """P(second): reference milliseconds that can be gained before this second."""
        hour = min(second // HOUR_S, HOURS - 1)
        return int(self.cumulative_pace[hour]) + self.pace[hour] * (second - hour * HOUR_S)

    def finish_s(self, depart_s: int, work: int) -> int:
        """First whole second at which `work` is done when begun at `depart_s`."""
        goal = self.gained(depart_s) + work
        hour = min(int(np.searchsorted(self.cumulative_pace, goal, side="left")) - 1, HOURS - 1)
        hour = max(hour, 0)
        return hour * HOUR_S - (int(self.cumulative_pace[hour]) - goal) // self.pace[hour]

    def latest_departure_s(self, origin: str, destination: str, arrive_by_s: int) -> int:
        """Last whole second to leave so as to arrive by `arrive_by_s`; negative when the day is too short."""
        if arrive_by_s < 0:
            return -1
        goal = self.gained(arrive_by_s) - self.work(self.cost_s(origin, destination))
        if goal < 0:
            return -1
        hour = max(0, min(int(np.searchsorted(self.cumulative_pace, goal, side="right")) - 1, HOURS - 1))
        return hour * HOUR_S + (goal - int(self.cumulative_pace[hour])) // self.pace[hour]

    def grown(
        self, place: Place, to_s: Int32Array, from_s: Int32Array, to_m: Int32Array, from_m: Int32Array
    ) -> TravelTable:
        """The table with one more place at the end, given its times and metres to and from the others, in order.

        They are of the same source as the table: what is known of it goes on to be known.
        """
        size = len(self.place_ids)

        def bordered(inner: Int32Array, row: Int32Array, column: Int32Array) -> Int32Array:
            outer = np.zeros((size + 1, size + 1), dtype=np.int32)
            outer[:size, :size] = inner
            outer[size, :size] = row
            outer[:size, size] = column
            return outer

        return TravelTable(
            (*self.place_ids, place.place_id),
            bordered(self.reference_s, to_s, from_s),
            bordered(self.metres, to_m, from_m),
            self.pace,
            self.margin_pct,
            self.origin,
            self.filled,
            self.metric,
        )

    def only(self, place_ids: Iterable[str]) -> TravelTable:
        """The table of these of its places, in the order given."""
        kept = tuple(place_ids)
        rows = np.array([self.index[place_id] for place_id in kept], dtype=np.int64)
        among = set(kept)
        return TravelTable(
            kept,
            np.ascontiguousarray(self.reference_s[np.ix_(rows, rows)]),
            np.ascontiguousarray(self.metres[np.ix_(rows, rows)]),
            self.pace,
            self.margin_pct,
            self.origin,
            tuple(pair for pair in self.filled if among.issuperset(pair)),
            self.metric,
        )
