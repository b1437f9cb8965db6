"""The service and its day: rules of the scheme, slots, time windows, places."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from optimizer.domain.faults import Fault, InvalidProblem, id_faults, raise_if_any
from optimizer.units import DAY_S, HOUR_S


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The rules of the scheme that hold in every city: hours, slots, closures, cut-off.

    `closed_days` are (month, day) pairs, closed every year; `closed_dates` are single extra dates.
    `cutoff_s`: a booking may be moved until this many seconds before its appointment, not later.
    `due_days_default`: working days until a delivery is due where a service has no statutory limit.
    """

    open_s: int = 8 * HOUR_S
    close_s: int = 20 * HOUR_S
    slot_s: int = HOUR_S
    closed_days: tuple[tuple[int, int], ...] = ((1, 26), (8, 15), (10, 2))
    closed_dates: tuple[dt.date, ...] = ()
    cutoff_s: int = 24 * HOUR_S
    due_days_default: int = 30

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.open_s < self.close_s <= DAY_S:
            faults.append(Fault(("close_s",), "bad_hours", self.close_s, "0 <= open < close <= 24 h"))
        if self.slot_s <= 0 or (self.close_s - self.open_s) % self.slot_s:
            faults.append(
                Fault(("slot_s",), "bad_slot_length", self.slot_s, "a slot divides the opening hours exactly")
            )
        for month, day in self.closed_days:
            try:
                dt.date(2024, month, day)  # a leap year: 29 February may be a closed day
            except ValueError:
                faults.append(Fault(("closed_days",), "bad_date", (month, day), "a month and a day in it"))
        if self.cutoff_s < 0:
            faults.append(Fault(("cutoff_s",), "negative", self.cutoff_s, "a cut-off is not negative"))
        if self.due_days_default < 1:
            faults.append(Fault(("due_days_default",), "too_small", self.due_days_default, "at least 1"))
        raise_if_any(faults)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A promisable stretch of a day in day seconds; an appointment in it begins and ends inside, ends included."""

    open_s: int
    close_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.open_s < self.close_s <= DAY_S:
            raise InvalidProblem([Fault((), "bad_slot", str(self), "0 <= open < close <= 24 h")])


@dataclass(frozen=True, slots=True)
class SlotGrid:
    """The slots of a day: equal, without gaps or overlaps, from `open_s` to `close_s`."""

    open_s: int = 8 * HOUR_S
    close_s: int = 20 * HOUR_S
    slot_s: int = HOUR_S

    def __post_init__(self) -> None:
        if (
            not 0 <= self.open_s < self.close_s <= DAY_S
            or self.slot_s <= 0
            or (self.close_s - self.open_s) % self.slot_s
        ):
            raise InvalidProblem(
                [Fault(("slot_s",), "bad_slot_length", self.slot_s, "a slot divides the opening hours exactly")]
            )

    def __len__(self) -> int:
        return (self.close_s - self.open_s) // self.slot_s

    def slot(self, index: int) -> Slot:
        """Slot number `index`, counted from 0; IndexError beyond the last."""
        if not 0 <= index < len(self):
            raise IndexError(f"slot {index} of {len(self)}")
        return Slot(self.open_s + index * self.slot_s, self.open_s + (index + 1) * self.slot_s)

    def slots(self) -> tuple[Slot, ...]:
        """All slots, in order of time."""
        return tuple(self.slot(index) for index in range(len(self)))

    def index_of(self, slot: Slot) -> int | None:
        """Number of a slot of this grid, None for a stretch that is not one of its slots."""
        index, rest = divmod(slot.open_s - self.open_s, self.slot_s)
        fits = rest == 0 and 0 <= index < len(self) and slot.close_s - slot.open_s == self.slot_s
        return index if fits else None


@dataclass(frozen=True, slots=True, order=True)
class TimeWindow:
    """When service may *begin*, in day seconds, both ends included; it may end later."""

    open_s: int
    close_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.open_s <= self.close_s <= DAY_S:
            raise InvalidProblem(
                [Fault((), "bad_window", str(self), "a window opens before it closes, within 0 to 24 h")]
            )


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point of the earth with a name: `place_id` is what a travel-time matrix calls it. Degrees, WGS 84."""

    place_id: str
    lon: float
    lat: float

    def __post_init__(self) -> None:
        faults = list(id_faults("place_id", self.place_id))
        for name, value, limit in (("lon", self.lon, 180.0), ("lat", self.lat, 90.0)):
            if not math.isfinite(value) or abs(value) > limit:
                faults.append(
                    Fault((name,), "bad_coordinate", value, f"a finite number of degrees, at most {limit:g} either way")
                )
        raise_if_any(faults)
