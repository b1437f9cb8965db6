"""Weeks of wishes for an appointment: what the data expect, a stated truth that differs from it, and draws from either.

`expected_wishes` is the expectation of `generate_day` before anything is booked. A `WishPattern` says how a made-up
city differs from that: its truth is known to the last digit, so that a forecast can be held against it, and
`draw_history` draws what somebody would have counted there, the same for the same seed on every machine.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np

from optimizer.calendar import SUNDAY, service_days, slot_grid
from optimizer.demand import ANYBODY, Demand, FloatArray, sorted_needs
from optimizer.domain import Fault, InvalidProblem, SlotGrid
from optimizer.domain.faults import raise_if_any
from scenarios.catalogue import Catalogue, City, Service
from scenarios.generate.city_day import (
    SECOND_SERVICE_PERCENT,
    Reading,
    bookable_services,
    service_shares,
    slot_weights,
    weekday_volume,
)
from scenarios.generate.dice import Dice

DAYS_OF_WEEK = 7
MILLION = 1_000_000
AS_EXPECTED = (100,) * DAYS_OF_WEEK

WishCounts = dict[tuple[int, str], int]
"""Wishes of one date by slot and service, none where there is no entry."""

_FINE = 1 << 40
_SCALE_BITS = 128
_PART = 8 * MILLION  # a Poisson number is drawn in parts of this mean, so that exp(-mean) keeps its digits
_EXACT = Context(prec=60)


@dataclass(frozen=True, eq=False)
class ServiceDemand:
    """Appointments wished by date, slot of the grid and service: `Demand` before services are put together by need.

    `expected[day, slot, service]`, counted from `first` and in the order of `services`, which are all of the catalogue.
    """

    first: dt.date
    grid: SlotGrid
    services: tuple[Service, ...]
    expected: FloatArray
    basis: str

    def __post_init__(self) -> None:
        wanted = (len(self.grid), len(self.services))
        if self.expected.ndim != 3 or self.expected.shape[1:] != wanted:
            rule = f"days x {wanted[0]} slots x {wanted[1]} services"
            raise InvalidProblem([Fault(("expected",), "bad_shape", list(self.expected.shape), rule)])
        frozen = np.array(self.expected, dtype=np.float64)
        frozen.setflags(write=False)
        object.__setattr__(self, "expected", frozen)

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """The dates, in order and without a gap."""
        return tuple(self.first + dt.timedelta(days=day) for day in range(len(self.expected)))

    def by_need(self) -> Demand:
        """The same appointments by what an executive must hold; needs are those of all services, and `ANYBODY`."""
        needs = sorted_needs([ANYBODY, *(service.skills for service in self.services)])
        has = np.array([[service.skills == need for need in needs] for service in self.services], dtype=np.float64)
        return Demand(self.first, self.grid, needs, self.expected @ has.reshape(-1, len(needs)), self.basis)


# ------------------------------------------------------------------------------- what the data expect


def wished_slots(weights: Sequence[int]) -> list[float]:
    """Share of each slot in all wishes, where citizens choose by weight and some want the next slot, too.

    `SECOND_SERVICE_PERCENT` of the wishes are one more service of the citizen before, for the slot after theirs (the
    last one again where there is none). These are the shares of a long row of wishes; that the first of a day has
    nobody before it moves less than a hundredth of an appointment.
    """
    second = SECOND_SERVICE_PERCENT / 100
    shares, before = [], 0.0
    for weight in weights:
        before = (1 - second) * weight / sum(weights) + second * before
        shares.append(before)
    shares[-1] /= 1 - second
    return shares


def expected_wishes(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    slot_minutes: int | None = None,
    reading: Reading = Reading.AS_RUN,
) -> ServiceDemand:
    """What `generate_day` wishes for on average before it books, from `first` to `last`, without rounding to visits.

    Days on which it makes none (closed, or before the city joined) expect nothing. Raises InvalidProblem when last
    comes before first, for slots that do not divide the opening hours, and where no volume can be known.
    """
    notes: list[str] = []
    truth = _wishes(catalogue, city, first, last, WishPattern(first), slot_minutes, reading, notes)
    source = f"city_volumes.csv, {reading.value.replace('_', ' ')}; demand_shape.csv; service_mix.csv"
    return ServiceDemand(first, truth.grid, truth.services, truth.expected, "; ".join([source, *notes]))


# ---------------------------------------------------------------------------------- a stated truth


@dataclass(frozen=True, slots=True)
class WishPattern:
    """How the wishes of a made-up city differ from what the data expect. All numbers are whole.

    In the week that begins on `since` it wants `level_percent` of the expected appointments, and in each later week
    `growth_permille` more than in the one before. `weekday_percent` are factors from Monday on. `evening_percent`
    tilts the day: the last slot is wanted so much more, the first so much less, those between on a straight line.
    `service_percent` changes shares of services, not their sum. `noise_permille` is the standard deviation of what a
    single week has above or below the truth, by chance that nobody can foresee: it is drawn, and no part of the truth.
    """

    since: dt.date
    level_percent: int = 100
    growth_permille: int = 0
    weekday_percent: tuple[int, ...] = AS_EXPECTED
    evening_percent: int = 0
    service_percent: Mapping[str, int] = field(default_factory=dict)
    noise_permille: int = 0

    def __post_init__(self) -> None:
        faults = [
            Fault((name,), "out_of_range", value, f"{low} to {high}")
            for name, value, low, high in (
                ("level_percent", self.level_percent, 0, 10_000),
                ("growth_permille", self.growth_permille, -500, 500),
                ("evening_percent", self.evening_percent, -100, 100),
                ("noise_permille", self.noise_permille, 0, 1_000),
            )
            if not low <= value <= high
        ]
        if len(self.weekday_percent) != DAYS_OF_WEEK or min(self.weekday_percent) < 0:
            rule = "seven factors that are not negative, Monday first"
            faults.append(Fault(("weekday_percent",), "bad_weekdays", list(self.weekday_percent), rule))
        faults += [
            Fault(("service_percent", service_id), "out_of_range", percent, "not negative")
            for service_id, percent in self.service_percent.items()
            if percent < 0
        ]
        raise_if_any(faults)

    def week_of(self, date: dt.date) -> int:
        """Number of the week of a date, 0 from `since` on."""
        return (date - self.since).days // DAYS_OF_WEEK

    def millionths(self, date: dt.date, expected: Fraction) -> int:
        """Wishes of a date in millionths, where the data expect so many."""
        growth = Fraction(1_000 + self.growth_permille, 1_000) ** self.week_of(date)
        percent = self.level_percent * self.weekday_percent[date.weekday()]
        return round(expected * growth * percent * MILLION / 10_000)

    def slots(self, catalogue: Catalogue, grid: SlotGrid, date: dt.date) -> list[float]:
        """Share of each slot in the wishes of a date."""
        last = max(1, len(grid) - 1)
        tilts = (100 * last + self.evening_percent * (2 * slot - last) for slot in range(len(grid)))
        tilted = [weight * tilt for weight, tilt in zip(slot_weights(catalogue, grid, date), tilts, strict=True)]
        return wished_slots(tilted if any(tilted) else [1] * len(grid))

    def services(self, catalogue: Catalogue, services: Sequence[Service]) -> list[int]:
        """How much each of these services is wanted."""
        shares = service_shares(catalogue, services)
        changed = [self.service_percent.get(service.service_id, 100) for service in services]
        return [share * percent for share, percent in zip(shares, changed, strict=True)]


def drawn_pattern(catalogue: Catalogue, since: dt.date, dice: Dice) -> WishPattern:
    """A pattern by chance: level 50 to 200 %, growth -10 to 20 permille a week, weekdays within 15 %, the evening
    within 30 %, services half to one and a half times as expected, noise 60 permille a week."""
    return WishPattern(
        since,
        level_percent=dice.between(50, 200),
        growth_permille=dice.between(-10, 20),
        weekday_percent=tuple(dice.between(85, 115) for _ in range(DAYS_OF_WEEK)),
        evening_percent=dice.between(-30, 30),
        service_percent={service.service_id: dice.between(50, 150) for service in catalogue.services},
        noise_permille=60,
    )


def true_wishes(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    pattern: WishPattern,
    slot_minutes: int | None = None,
    reading: Reading = Reading.AS_RUN,
) -> ServiceDemand:
    """The truth of a pattern from `first` to `last`; raises as `expected_wishes`."""
    return _wishes(catalogue, city, first, last, pattern, slot_minutes, reading, [])


def true_demand(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    pattern: WishPattern,
    slot_minutes: int | None = None,
    reading: Reading = Reading.AS_RUN,
) -> Demand:
    """The truth of a pattern by need; raises as `expected_wishes`."""
    return true_wishes(catalogue, city, first, last, pattern, slot_minutes, reading).by_need()


def draw_history(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    pattern: WishPattern,
    seed: int = 1,
    slot_minutes: int | None = None,
    reading: Reading = Reading.AS_RUN,
) -> dict[dt.date, WishCounts]:
    """Wishes by chance on every open day: their number is Poisson round the truth, with the noise of their week.

    A date is drawn alike in every range of dates. Raises as `expected_wishes`.
    """
    days = _days(catalogue, city, first, last, pattern, slot_minutes, reading, [])
    drawn: dict[dt.date, WishCounts] = {}
    for day in days:
        week = Dice(seed, city.city_id, str(pattern.week_of(day.date)), "week of wishes")
        permille = max(0, 1_000 + week.normal(pattern.noise_permille))
        dice = Dice(seed, city.city_id, day.date.isoformat(), "wishes")
        slots = [round(share * _FINE) for share in day.slots]
        count = poisson(dice, day.millionths * permille // 1_000)
        wishes = ((dice.pick(slots), day.services[dice.pick(day.shares)].service_id) for _ in range(count))
        drawn[day.date] = dict(sorted(Counter(wishes).items()))
    return drawn


def poisson(dice: Dice, millionths: int) -> int:
    """A Poisson number with this mean, by inversion in whole numbers: the same on every machine.

    The only real number, exp(-mean), is a decimal of 60 digits, which Python rounds alike everywhere.
    """
    parts, rest = divmod(millionths, _PART)
    return sum(_poisson(dice, _PART) for _ in range(parts)) + (_poisson(dice, rest) if rest else 0)


def _poisson(dice: Dice, millionths: int) -> int:
    mean = Decimal(millionths) / MILLION
    term = int(_EXACT.multiply(_EXACT.exp(-mean), Decimal(1 << _SCALE_BITS)))
    left = dice.below(1 << 64) << _SCALE_BITS - 64
    count = 0
    while left >= term and term:
        left -= term
        count += 1
        term = term * millionths // (count * MILLION)
    return count


@dataclass(frozen=True, slots=True)
class _Day:
    """The wishes of an open day: how many, and how they fall on slots and services."""

    date: dt.date
    millionths: int
    slots: list[float]
    services: list[Service]
    shares: list[int]


def _days(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    pattern: WishPattern,
    slot_minutes: int | None,
    reading: Reading,
    notes: list[str],
) -> list[_Day]:
    """The open days of the city from `first` to `last`."""
    grid = slot_grid(catalogue.rules, slot_minutes)
    weekday = Fraction(weekday_volume(catalogue, city, notes, reading)[0], 10)
    days = []
    for day in service_days(catalogue.rules, first, last, slot_minutes, city.in_scheme_since):
        if not day.is_open:
            continue
        percent = catalogue.scheme.sunday_demand_percent if day.date.weekday() == SUNDAY else 100
        services = bookable_services(catalogue, city, day.date, grid)
        shares = pattern.services(catalogue, services)
        millionths = pattern.millionths(day.date, weekday * percent / 100) if any(shares) else 0
        days.append(_Day(day.date, millionths, pattern.slots(catalogue, grid, day.date), services, shares))
    return days


def _wishes(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    pattern: WishPattern,
    slot_minutes: int | None,
    reading: Reading,
    notes: list[str],
) -> ServiceDemand:
    days = _days(catalogue, city, first, last, pattern, slot_minutes, reading, notes)
    grid = slot_grid(catalogue.rules, slot_minutes)
    column = {service.service_id: number for number, service in enumerate(catalogue.services)}
    expected = np.zeros(((last - first).days + 1, len(grid), len(catalogue.services)))
    for day in days:
        columns = [column[service.service_id] for service in day.services]
        if day.millionths:
            mix = np.array(day.shares) / sum(day.shares)
            wishes = day.millionths / MILLION
            expected[(day.date - first).days][:, columns] = wishes * np.outer(day.slots, mix)
    return ServiceDemand(first, grid, catalogue.services, expected, "stated truth")
