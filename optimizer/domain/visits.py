"""Work at a place: appointments, which are promised, and deliveries, which may wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.domain.faults import Fault, id_faults, raise_if_any
from optimizer.domain.service import Place, Slot, TimeWindow
from optimizer.units import DAY_S


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booked service in one slot: promised, so planning never trades it for anything.

    `weight` is what breaking the promise counts on the first cost level. `pinned_to` names the only
    executive who may serve it.
    """

    visit_id: str
    place: Place
    slot: Slot
    service_s: int
    service_id: str | None = None
    skills: frozenset[str] = frozenset()
    weight: int = 1
    pinned_to: str | None = None

    def __post_init__(self) -> None:
        faults = list(_visit_faults(self))
        if self.weight < 1:
            faults.append(Fault(("weight",), "too_small", self.weight, "a promise weighs at least 1"))
        if self.service_s > self.slot.close_s - self.slot.open_s:
            faults.append(
                Fault(
                    ("service_s",),
                    "service_longer_than_slot",
                    self.service_s,
                    f"a service fits into its slot of {self.slot.close_s - self.slot.open_s} s",
                )
            )
        raise_if_any(faults)

    @property
    def windows(self) -> tuple[TimeWindow, ...]:
        """One window for the begin: from the opening of the slot to its close less the service."""
        return (TimeWindow(self.slot.open_s, self.slot.close_s - self.service_s),)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Handing over a certificate: no slot, any of its windows, and it may wait for another day at a price.

    `windows` are sorted and do not overlap. `due` is the last good day; `waiting_price_s` in cost seconds
    is what leaving it for later costs, or None to have it follow from `due` by the curve of the prices.
    `held_by` names the executive who carries the envelope; None means it lies at the office.
    """

    visit_id: str
    place: Place
    windows: tuple[TimeWindow, ...]
    service_s: int
    due: dt.date | None = None
    waiting_price_s: int | None = None
    held_by: str | None = None
    service_id: str | None = None
    skills: frozenset[str] = frozenset()
    pinned_to: str | None = None

    def __post_init__(self) -> None:
        faults = list(_visit_faults(self))
        if not self.windows:
            faults.append(Fault(("windows",), "no_window", [], "a delivery has at least one window"))
        if any(a.close_s >= b.open_s for a, b in zip(self.windows, self.windows[1:], strict=False)):
            faults.append(
                Fault(("windows",), "windows_overlap", [str(w) for w in self.windows], "windows follow each other")
            )
        if self.waiting_price_s is not None and self.waiting_price_s < 0:
            faults.append(Fault(("waiting_price_s",), "negative", self.waiting_price_s, "a price is not negative"))
        if self.waiting_price_s is None and self.due is None:
            faults.append(Fault(("due",), "no_due_date", None, "a delivery has a due date or a waiting price, or both"))
        if self.held_by is not None:
            faults.extend(id_faults("held_by", self.held_by))
        raise_if_any(faults)


Visit = Appointment | Delivery


def _visit_faults(visit: Visit) -> Iterator[Fault]:
    yield from id_faults("visit_id", visit.visit_id)
    if not 0 <= visit.service_s <= DAY_S:
        yield Fault(("service_s",), "bad_service", visit.service_s, "service takes 0 s to 24 h")
    for skill in sorted(visit.skills):
        yield from id_faults("skills", skill)
    if visit.pinned_to is not None:
        yield from id_faults("pinned_to", visit.pinned_to)
