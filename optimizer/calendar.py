"""Service days, closures, the slot grid of a day, cut-offs and due dates. All by the rules of the scheme."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from optimizer.domain import Fault, InvalidProblem, ServiceRules, Slot, SlotGrid
from optimizer.units import MINUTE_S, clock

SUNDAY = 6


@dataclass(frozen=True, slots=True)
class ServiceDay:
    """One date of the calendar: its slots, or why it has none."""

    date: dt.date
    slots: tuple[Slot, ...]
    closed_because: str | None

    @property
    def is_open(self) -> bool:
        """True when appointments can be booked on this date."""
        return self.closed_because is None


def closed_because(rules: ServiceRules, date: dt.date) -> str | None:
    """Why the service is closed on this date: `closed_every_year`, `closed_date`, or None when it is open."""
    if (date.month, date.day) in rules.closed_days:
        return "closed_every_year"
    if date in rules.closed_dates:
        return "closed_date"
    return None


def slot_grid(rules: ServiceRules, slot_minutes: int | None = None) -> SlotGrid:
    """The slots of an open day, of the length of the rules or of `slot_minutes`.

    Raises InvalidProblem when the opening hours are no multiple of the length.
    """
    slot_s = rules.slot_s if slot_minutes is None else slot_minutes * MINUTE_S
    return SlotGrid(rules.open_s, rules.close_s, slot_s)


def service_days(
    rules: ServiceRules,
    first: dt.date,
    last: dt.date,
    slot_minutes: int | None = None,
    open_since: dt.date = dt.date.min,
) -> tuple[ServiceDay, ...]:
    """Every date from `first` to `last`, both included; before `open_since` a city is `not_in_scheme_yet`.

    Raises InvalidProblem when last comes before first.
    """
    if last < first:
        raise InvalidProblem([Fault(("to",), "bad_range", last.isoformat(), f"not before {first.isoformat()}")])
    slots = slot_grid(rules, slot_minutes).slots()
    days = []
    for offset in range((last - first).days + 1):
        date = first + dt.timedelta(days=offset)
        reason = "not_in_scheme_yet" if date < open_since else closed_because(rules, date)
        days.append(ServiceDay(date, () if reason else slots, reason))
    return tuple(days)


def may_still_move(rules: ServiceRules, now: dt.datetime, date: dt.date, slot: Slot) -> bool:
    """True while a booking may be moved: at least the cut-off before its slot opens, exactly at it included."""
    return clock(date, slot.open_s) - now >= dt.timedelta(seconds=rules.cutoff_s)


def is_working_day(rules: ServiceRules, date: dt.date) -> bool:
    """Offices work on every day but Sundays and closed days; due dates count these."""
    return date.weekday() != SUNDAY and closed_because(rules, date) is None


def due_date(rules: ServiceRules, applied: dt.date, limit_days: int | None) -> dt.date:
    """The last good day to deliver: `limit_days` working days after the application.

    Where the statutory limit is unknown (None) the default of the rules counts, an assumption.
    """
    left = rules.due_days_default if limit_days is None else limit_days
    date = applied
    while left > 0:
        date += dt.timedelta(days=1)
        if is_working_day(rules, date):
            left -= 1
    return date


def service_longer_than_slot(service_s: int, grid: SlotGrid) -> bool:
    """True when a service cannot be offered in slots of this length."""
    return service_s > grid.slot_s
