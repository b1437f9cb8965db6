"""What one executive could do for one visit at best: if even that fails, no plan has them serve it.

Nothing is assumed of the travel table: between two places nobody is quicker than the shortest path over
any places in reference seconds, and clocks only add to it (rounding up leg by leg, waiting, service on the
way). So a route that contains the visit reaches it no sooner, and ends no sooner, than computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.arrays import Int64Array
from optimizer.domain import Executive, Problem, Visit
from optimizer.report.nouns import ReasonCode
from optimizer.travel import Int32Array


@dataclass(frozen=True, slots=True)
class Barrier:
    """Why an executive serves a visit in no plan; `short_s` seconds are missing at least, 0 where time is not it."""

    code: ReasonCode
    short_s: int = 0


_OBSTACLES = {
    "skill_missing": Barrier(ReasonCode.SKILL_MISSING),
    "pinned_elsewhere": Barrier(ReasonCode.PINNED_ELSEWHERE),
    "envelope_elsewhere": Barrier(ReasonCode.ENVELOPE_ELSEWHERE),
}


class Alone:
    """Barriers between the executives and the visits of one day; answers are kept."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._work_out: dict[str, Int64Array] = {}
        self._work_back: dict[str, Int64Array] = {}
        self._by_clock: dict[tuple[object, ...], Barrier | None] = {}

    def barrier(self, executive: Executive, visit: Visit) -> Barrier | None:
        """The first thing in the way, None when nothing is known to be. Not None is a proof for every plan."""
        obstacle = self._problem.obstacle(executive, visit)
        if obstacle is not None:
            return _OBSTACLES[obstacle]
        owner = self._fixed.get(visit.visit_id, executive.executive_id)
        if owner != executive.executive_id:
            return Barrier(ReasonCode.FIXED_ELSEWHERE)
        # Executives alike in these are alike in time.
        key = executive.start, executive.end, executive.shift, executive.pause, visit.visit_id
        if key not in self._by_clock:
            self._by_clock[key] = self._in_the_shift(executive, visit)
        return self._by_clock[key]

    def able(self, visit: Visit) -> tuple[str, ...]:
        """Ids of the executives without a barrier to this visit."""
        return tuple(e.executive_id for e in self._problem.executives if self.barrier(e, visit) is None)

    @cached_property
    def _fixed(self) -> dict[str, str]:
        """Who must serve the visits of fixed prefixes."""
        return {visit_id: e.executive_id for e in self._problem.executives for visit_id in e.fixed_prefix}

    def _in_the_shift(self, executive: Executive, visit: Visit) -> Barrier | None:
        open_s, latest_end_s = executive.shift.open_s, executive.shift.latest_end_s
        short_s = _short_s(visit, open_s, latest_end_s)
        if short_s > 0:
            return Barrier(ReasonCode.OUTSIDE_SHIFT, short_s)
        travel = self._problem.travel
        outward, homeward = self._work(executive, visit)
        here_s = travel.finish_s(open_s, outward)
        begin_s = _earliest_begin_s(visit, here_s)
        if begin_s is None:
            return Barrier(ReasonCode.UNREACHABLE_IN_TIME, here_s - visit.windows[-1].close_s)
        home_s = travel.finish_s(begin_s + visit.service_s, homeward)
        if home_s > latest_end_s:
            return Barrier(ReasonCode.UNREACHABLE_IN_TIME, home_s - latest_end_s)
        short_s = min(
            self._short_with_break_before_s(executive, visit, outward, homeward),
            self._short_with_break_after_s(executive, begin_s + visit.service_s, homeward),
        )
        return Barrier(ReasonCode.BREAK_IN_THE_WAY, short_s) if short_s > 0 else None

    # A break may lie anywhere between other visits. Wherever it lies, no travel is done in it, so by the end of both,
    # way and break, the clock has gained at least the work of the way and what the slowest pace gains in the break.

    def _short_with_break_before_s(self, executive: Executive, visit: Visit, outward: int, homeward: int) -> int:
        """Seconds missing at least when the break is over before the visit begins; 0 or less for none."""
        if executive.pause is None:
            return 0
        travel, window, length_s = self._problem.travel, executive.pause.window, executive.pause.duration_s
        open_s, latest_end_s = executive.shift.open_s, executive.shift.latest_end_s
        if open_s > window.close_s:
            return open_s - window.close_s
        way_s = travel.finish_s(open_s, outward + length_s * min(travel.pace))
        here_s = max(max(open_s, window.open_s) + length_s, way_s)
        begin_s = _earliest_begin_s(visit, here_s)
        if begin_s is None:
            return here_s - visit.windows[-1].close_s
        return travel.finish_s(begin_s + visit.service_s, homeward) - latest_end_s

    def _short_with_break_after_s(self, executive: Executive, leave_s: int, homeward: int) -> int:
        """The same when the break comes after the visit, which is over at `leave_s` at best."""
        if executive.pause is None:
            return 0
        travel, window, length_s = self._problem.travel, executive.pause.window, executive.pause.duration_s
        way_s = travel.finish_s(leave_s, homeward + length_s * min(travel.pace))
        end_s = max(max(leave_s, window.open_s) + length_s, way_s)
        return max(leave_s - window.close_s, end_s - executive.shift.latest_end_s)

    def _work(self, executive: Executive, visit: Visit) -> tuple[int, int]:
        """Reference milliseconds from the start place to the visit, and from it to the end place, at least."""
        travel, seconds = self._problem.travel, self._problem.travel.reference_s
        start, end = executive.start.place_id, executive.end.place_id
        if start not in self._work_out:
            self._work_out[start] = shortest_s(seconds, travel.index[start])
        if end not in self._work_back:
            self._work_back[end] = shortest_s(np.ascontiguousarray(seconds.T), travel.index[end])
        row = travel.index[visit.place.place_id]
        return travel.work(int(self._work_out[start][row])), travel.work(int(self._work_back[end][row]))


def _earliest_begin_s(visit: Visit, from_s: int) -> int | None:
    for window in visit.windows:
        if from_s <= window.close_s:
            return max(from_s, window.open_s)
    return None


def _short_s(visit: Visit, from_s: int, end_by_s: int) -> int:
    """Seconds missing to begin the visit at `from_s` or later and end it by `end_by_s`; 0 or less for none."""
    begin_s = _earliest_begin_s(visit, from_s)
    return from_s - visit.windows[-1].close_s if begin_s is None else begin_s + visit.service_s - end_by_s


def shortest_s(seconds: Int32Array, source: int) -> Int64Array:
    """Shortest seconds from one place to every place over any places (Dijkstra on a full table)."""
    best: Int64Array = seconds[source].astype(np.int64)
    todo = np.ones(len(best), dtype=np.bool_)
    for _ in range(len(best)):
        here = int(np.where(todo, best, np.iinfo(np.int64).max).argmin())
        todo[here] = False
        np.minimum(best, best[here] + seconds[here], out=best)
    return best
