"""A day's full input in memory, and the rules that hold between its parts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from optimizer.domain.executives import Executive
from optimizer.domain.faults import Fault, id_faults, raise_if_any
from optimizer.domain.prices import Prices
from optimizer.domain.service import Place, Slot, SlotGrid
from optimizer.domain.visits import Appointment, Delivery, Visit

if TYPE_CHECKING:
    from optimizer.travel import TravelTable


@dataclass(frozen=True, eq=False)
class Problem:
    """A day's full input in memory: one city, one date, its visits, executives, travel times and prices.

    Compared by identity: two problems are the same day when their canonical contents are.

    Visits and executives are kept sorted by id, so the order in which they were given changes nothing.
    `office` is where envelopes lie; an executive *starts at the office* when their start place is it.
    `input_sha256` names the canonical content of the file the problem was read from, if it was.
    """

    city: str
    date: dt.date
    grid: SlotGrid
    office: Place
    visits: tuple[Visit, ...]
    executives: tuple[Executive, ...]
    travel: TravelTable
    prices: Prices = field(default_factory=Prices)
    input_sha256: str | None = None

    def __post_init__(self) -> None:
        faults = list(id_faults("city", self.city))
        faults.extend(_visit_set_faults(self))
        faults.extend(_executive_set_faults(self))
        faults.extend(_place_faults(self))
        raise_if_any(faults)
        object.__setattr__(self, "visits", tuple(sorted(self.visits, key=lambda v: v.visit_id)))
        object.__setattr__(self, "executives", tuple(sorted(self.executives, key=lambda e: e.executive_id)))

    @cached_property
    def visit_by_id(self) -> dict[str, Visit]:
        """Visits by id."""
        return {visit.visit_id: visit for visit in self.visits}

    @cached_property
    def executive_by_id(self) -> dict[str, Executive]:
        """Executives by id."""
        return {executive.executive_id: executive for executive in self.executives}

    @cached_property
    def visit_row(self) -> dict[str, int]:
        """Position of a visit id in `visits`."""
        return {visit.visit_id: row for row, visit in enumerate(self.visits)}

    @cached_property
    def executive_row(self) -> dict[str, int]:
        """Position of an executive id in `executives`."""
        return {executive.executive_id: row for row, executive in enumerate(self.executives)}

    @cached_property
    def appointments(self) -> tuple[Appointment, ...]:
        """The promised visits, by id."""
        return tuple(v for v in self.visits if isinstance(v, Appointment))

    @cached_property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The visits that may wait for another day, by id."""
        return tuple(v for v in self.visits if isinstance(v, Delivery))

    @cached_property
    def preferred(self) -> frozenset[str]:
        """Ids of the visits that at least one executive prefers."""
        return frozenset().union(*(e.preferred_visits for e in self.executives))

    def starts_at_office(self, executive: Executive) -> bool:
        """True when the executive sets out from the office, so envelopes lying there can be taken along."""
        return executive.start.place_id == self.office.place_id

    def waiting_price_s(self, delivery: Delivery) -> int:
        """Cost seconds of leaving a delivery for another day: its own price, or the curve's at its due date."""
        if delivery.waiting_price_s is not None:
            return delivery.waiting_price_s
        if delivery.due is None:
            raise ValueError(f"{delivery.visit_id}: neither a waiting price nor a due date")
        return self.prices.waiting.price_s((delivery.due - self.date).days)

    def obstacle(self, executive: Executive, visit: Visit) -> str | None:
        """Why this executive may never serve this visit, whatever the clock says; None when they may.

        One of `skill_missing`, `pinned_elsewhere`, `envelope_elsewhere`, in this order.
        """
        if not visit.skills <= executive.skills:
            return "skill_missing"
        if visit.pinned_to is not None and visit.pinned_to != executive.executive_id:
            return "pinned_elsewhere"
        if isinstance(visit, Delivery):
            if visit.held_by is None and not self.starts_at_office(executive):
                return "envelope_elsewhere"
            if visit.held_by is not None and visit.held_by != executive.executive_id:
                return "envelope_elsewhere"
        return None


def places_of(office: Place, visits: Iterable[Visit], executives: Iterable[Executive]) -> tuple[Place, ...]:
    """Every place of a day once, sorted by id: what a travel table of the day must cover."""
    places = {office}
    places.update(visit.place for visit in visits)
    for executive in executives:
        places.update((executive.start, executive.end))
    return tuple(sorted(places))


def _repeated(ids: Iterable[str]) -> set[str]:
    return {key for key, count in Counter(ids).items() if count > 1}


def _visit_set_faults(problem: Problem) -> Iterator[Fault]:
    repeated = _repeated(v.visit_id for v in problem.visits)
    executives = {e.executive_id for e in problem.executives}
    for row, visit in enumerate(problem.visits):
        at = ("visits", row)
        if visit.visit_id in repeated:
            yield Fault((*at, "id"), "duplicate_id", visit.visit_id, "a visit id occurs once")
        if isinstance(visit, Appointment) and problem.grid.index_of(visit.slot) is None:
            yield Fault(
                (*at, "slot"),
                "not_a_slot",
                f"{visit.slot.open_s}-{visit.slot.close_s}",
                f"a slot of {problem.grid.slot_s} s counted from {problem.grid.open_s} to {problem.grid.close_s}",
            )
        if isinstance(visit, Delivery):
            for number, window in enumerate(visit.windows):
                if window.open_s < problem.grid.open_s or window.close_s > problem.grid.close_s:
                    yield Fault(
                        (*at, "windows", number),
                        "outside_hours",
                        f"{window.open_s}-{window.close_s}",
                        f"inside the opening hours {problem.grid.open_s}-{problem.grid.close_s}",
                    )
            if visit.held_by is not None and visit.held_by not in executives:
                yield Fault((*at, "held_by"), "unknown_executive", visit.held_by, "an executive of this day")
        if visit.pinned_to is not None and visit.pinned_to not in executives:
            yield Fault((*at, "pinned_to"), "unknown_executive", visit.pinned_to, "an executive of this day")


def _executive_set_faults(problem: Problem) -> Iterator[Fault]:
    repeated = _repeated(e.executive_id for e in problem.executives)
    visits = {v.visit_id: v for v in problem.visits}
    taken = _repeated(v for e in problem.executives for v in e.fixed_prefix)
    for row, executive in enumerate(problem.executives):
        at = ("executives", row)
        if executive.executive_id in repeated:
            yield Fault((*at, "id"), "duplicate_id", executive.executive_id, "an executive id occurs once")
        for visit_id in sorted(executive.preferred_visits - visits.keys()):
            yield Fault((*at, "preferred_visits"), "unknown_visit", visit_id, "a visit of this day")
        slots: set[Slot] = set()
        for position, visit_id in enumerate(executive.fixed_prefix):
            where = (*at, "fixed_prefix", position)
            visit = visits.get(visit_id)
            if visit is None:
                yield Fault(where, "unknown_visit", visit_id, "a visit of this day")
                continue
            if visit_id in taken:
                yield Fault(where, "repeated_visit", visit_id, "a visit stands in one prefix only")
            obstacle = problem.obstacle(executive, visit)
            if obstacle is not None:
                yield Fault(where, obstacle, visit_id, "the executive may serve what their route begins with")
            if isinstance(visit, Appointment):
                if visit.slot in slots:
                    yield Fault(where, "double_slot", visit_id, "one appointment in a slot")
                slots.add(visit.slot)


def _place_faults(problem: Problem) -> Iterator[Fault]:
    named: dict[str, Place] = {problem.office.place_id: problem.office}
    spots: list[tuple[tuple[str | int, ...], Place]] = [
        (("visits", row, "place"), visit.place) for row, visit in enumerate(problem.visits)
    ]
    for row, executive in enumerate(problem.executives):
        spots.append((("executives", row, "start", "place"), executive.start))
        spots.append((("executives", row, "end", "place"), executive.end))
    for path, place in spots:
        known = named.setdefault(place.place_id, place)
        if known != place:
            yield Fault(
                path,
                "place_moved",
                place.place_id,
                f"one place id, one point; elsewhere it is at {known.lon}, {known.lat}",
            )
    missing = sorted(named.keys() - set(problem.travel.place_ids))
    if missing:
        yield Fault(("travel",), "place_not_in_table", missing, "the travel table covers every place of the day")
