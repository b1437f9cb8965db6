"""A seeded booking day: callers one after the other, each with a place, a service and an order of preference of slots.

Everybody who compares ways of booking meets the same callers (common random numbers). Made up: addresses from the
gazetteer, services of stated lengths, slots by the hours of demand with noise of everybody's own.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.calendar import slot_grid
from optimizer.domain import AskedService, Executive, Place, SlotGrid
from optimizer.units import HOUR_S, MINUTE_S
from scenarios.catalogue import Catalogue, City
from scenarios.generate.addresses import AddressBook
from scenarios.generate.city_day import staff
from scenarios.generate.dice import Dice
from scenarios.travel import FormulaSpec

SERVICE_MINUTES = (15, 20, 25, 30, 35, 40)
"""Minutes at the door, each as likely as the others."""

KIT_PERCENT = 20
"""Of the callers: they need every kit of the scheme."""

_FINE = 1 << 40


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller: where, what, and slots by number, the dearest wish first."""

    place: Place
    service: AskedService
    preference: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class BookingDay:
    """A day before anybody has called, and everybody who will, in order. `popularity` of the slots: see `hourly`."""

    city: City
    date: dt.date
    grid: SlotGrid
    office: Place
    executives: tuple[Executive, ...]
    travel: FormulaSpec
    popularity: tuple[int, ...]
    callers: tuple[Caller, ...]


def booking_day(
    catalogue: Catalogue,
    city: City,
    date: dt.date,
    executives: int,
    calls: int,
    seed: int,
    *,
    kit_percent: int = KIT_PERCENT,
    minutes: Sequence[int] = SERVICE_MINUTES,
) -> BookingDay:
    """So many executives (two shift patterns, breaks, kits, some homes) and calls; the same for the same arguments.

    A caller's wish for a slot is the logarithm of the demand of its hour plus standard Gumbel noise.
    """
    words = (city.city_id, date.isoformat(), str(executives))
    book = AddressBook(catalogue, city)
    dice = Dice(seed, *words, "homes")
    team = staff(catalogue.scheme, city.office, executives, [book.draw(dice) for _ in range(executives)])
    grid = slot_grid(catalogue.rules)
    popular = hourly(catalogue, grid)
    dice = Dice(seed, *words, "callers")
    callers = []
    for number in range(calls):
        place = book.draw(dice).place(f"caller-{number:05d}")
        needs = catalogue.scheme.kits if dice.chance(kit_percent) else frozenset()
        service = AskedService("service", minutes[dice.below(len(minutes))] * MINUTE_S, frozenset(needs))
        wish = [math.log(max(weight, 1)) + _gumbel(dice) for weight in popular]
        order = sorted(range(len(grid)), key=lambda slot: (-wish[slot], slot))
        callers.append(Caller(place, service, tuple(order)))
    margin = catalogue.scheme.travel_margin_percent
    travel = FormulaSpec(margin_pct=margin, speed_kmh_by_hour=catalogue.speed_kmh_by_hour)
    return BookingDay(city, date, grid, city.office, team, travel, tuple(popular), tuple(callers))


def hourly(catalogue: Catalogue, grid: SlotGrid) -> list[int]:
    """How much each slot is asked for, in hundredths of an average hour, by the hours of a weekday."""
    by_hour = {row.hour: row.weekday_hundredths for row in catalogue.hour_shape}
    return [by_hour.get(slot.open_s // HOUR_S, 100) for slot in grid.slots()]


def _gumbel(dice: Dice) -> float:
    return -math.log(-math.log((dice.below(_FINE) + 0.5) / _FINE))
