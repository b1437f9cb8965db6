"""Peers: other planners given the same days. Each module says what it can model and what it cannot.

A peer is a function `plan(problem, limits, stop, incumbents) -> orders or None`. It builds its model inside the
call, so that building counts; it reads the travel times from `problem.travel`, which all share; and what it returns
are orders of visits by executive id, nothing else.

The `common` form, which all of them can model: one office where every route starts and ends; travel that is the same
at every hour, with no margin; no breaks, skills, pins, fixed prefixes, preferences, overtime, fairness or held
envelopes; one window for each visit. The slot rule is one capacity for every slot: an appointment takes one unit of
its slot, an executive has one of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.arrays import Int64Array
from optimizer.domain import Appointment, Delivery, MitaanError, Problem
from optimizer.travel import REFERENCE_PACE


class CannotModel(MitaanError):  # noqa: N818  (what a peer says)
    """A day has rules that a peer has no words for; the message names them."""


@dataclass(frozen=True, slots=True)
class CommonDay:
    """A day in the common form: rows of visits and executives as in the problem, places as in its travel table.

    `slot` is the number of an appointment's slot, -1 for a delivery; `weight` is 0 for a delivery, `price_s`
    is the cost of leaving one out and 0 for an appointment. Windows are for the begin of service, both ends included.
    """

    office: int
    slots: int
    travel_s: Int64Array
    place: tuple[int, ...]
    service_s: tuple[int, ...]
    open_s: tuple[int, ...]
    close_s: tuple[int, ...]
    slot: tuple[int, ...]
    weight: tuple[int, ...]
    price_s: tuple[int, ...]
    shifts: tuple[tuple[int, int], ...]

    def amounts(self, row: int) -> list[int]:
        """What a visit takes of every slot."""
        return [int(self.slot[row] == slot) for slot in range(self.slots)]

    @property
    def promise_price_s(self) -> int:
        """More than the second level of any plan: travel is over within the shifts, and every delivery is left out."""
        return 1 + sum(close_s - open_s for open_s, close_s in self.shifts) + sum(self.price_s)


def common_day(problem: Problem, peer: str) -> CommonDay:
    """The day in the common form. Raises CannotModel with all that the form has no words for."""
    lacking = list(dict.fromkeys(_beyond(problem)))
    if lacking:
        raise CannotModel(f"{peer}, in the common form, cannot model: {', '.join(lacking)}")
    index = problem.travel.index
    number = {slot: row for row, slot in enumerate(problem.grid.slots())}
    visits = problem.visits
    return CommonDay(
        office=index[problem.office.place_id],
        slots=len(problem.grid),
        travel_s=problem.travel.reference_s.astype(np.int64),
        place=tuple(index[v.place.place_id] for v in visits),
        service_s=tuple(v.service_s for v in visits),
        open_s=tuple(v.windows[0].open_s for v in visits),
        close_s=tuple(v.windows[0].close_s for v in visits),
        slot=tuple(number[v.slot] if isinstance(v, Appointment) else -1 for v in visits),
        weight=tuple(v.weight if isinstance(v, Appointment) else 0 for v in visits),
        price_s=tuple(problem.waiting_price_s(v) if isinstance(v, Delivery) else 0 for v in visits),
        shifts=tuple((e.shift.open_s, e.shift.close_s) for e in problem.executives),
    )


def _beyond(problem: Problem) -> Iterator[str]:
    """What the day has that the common form has not."""
    if set(problem.travel.pace) != {REFERENCE_PACE} or problem.travel.margin_pct:
        yield "travel that depends on the hour or has a margin"
    if any(piece.price_permille for piece in problem.prices.fairness):
        yield "fairness"
    if problem.preferred and problem.prices.continuity_s:
        yield "continuity"
    for executive in problem.executives:
        if not problem.starts_at_office(executive) or executive.end != executive.start:
            yield "starts and ends away from the office"
        if executive.pause is not None:
            yield "breaks"
        if executive.shift.overtime_s:
            yield "overtime"
        if executive.fixed_prefix:
            yield "fixed prefixes"
    for visit in problem.visits:
        if visit.skills:
            yield "skills"
        if visit.pinned_to is not None:
            yield "pins"
        if len(visit.windows) > 1:
            yield "several windows for a visit"
        if isinstance(visit, Delivery) and visit.held_by is not None:
            yield "envelopes held by an executive"
