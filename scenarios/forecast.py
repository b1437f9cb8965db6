"""The forecast of demand: appointments expected in a city by date, slot and what they need.

Before there is history it is what the data expect (`prior_demand`). With history it is that, corrected by factors: the
city's level and its trend, its days of the week, its slots, its services. They come from one Poisson regression
(scikit-learn's `PoissonRegressor`) with the prior as exposure and every factor drawn towards 1, so that a little
history says little: Nelder and Wedderburn, Generalized linear models, J. R. Stat. Soc. A 135(3), 1972; Hoerl and
Kennard, Ridge regression, Technometrics 12(1), 1970. `python -m benchmarks.forecast` measures it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from optimizer.calendar import closed_because, slot_grid
from optimizer.demand import MOST_DAYS, Demand, FloatArray
from optimizer.domain import Fault, InvalidProblem, SlotGrid
from optimizer.domain.faults import raise_if_any
from scenarios.catalogue import Catalogue, City
from scenarios.generate.city_day import Reading
from scenarios.generate.wishes import DAYS_OF_WEEK, ServiceDemand, expected_wishes

# How far a factor lies from 1 before anything is known: standard deviation of its logarithm. ASSUMPTION.
LEVEL_SPREAD = 0.5
TREND_SPREAD = 0.005
"""Of one week to the next."""
WEEKDAY_SPREAD = 0.1
SLOT_SPREAD = 0.1
SERVICE_SPREAD = 0.25

HALF_LIFE_WEEKS = 26
"""A date counts half as much as one so many weeks later."""
MOST_WEEKS = 52
"""So much history before the begin of a forecast is read; what is older is not."""
TREND_WEEKS = 8
"""So long after the last known date a trend goes on, then the level stays."""

MOST = 10_000
"""Appointments of one service in one slot."""

Counts = Mapping[tuple[int, str], int]
"""Appointments of one date by (slot counted from 0, service id); what has no entry is none."""


@dataclass(frozen=True, slots=True)
class PastDay:
    """What is known of an open date in the past: appointments booked in it and, where that is known, refused.

    A store knows what it has accepted, not what was wished: who found no slot is not in `booked`, and neither is
    their wish in a forecast made of it, which is too low where the days were full (the history is *censored*), and too
    flat, because those who took another slot count there. `refused` are such wishes by the slot that was wanted,
    where somebody counted them; they count as much as bookings. Whether cancelled bookings do is for the caller to say.
    """

    date: dt.date
    booked: Counts
    refused: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """The past days of a city, each date once, in any order. A date that is not in it is not known, which is not none.

    It is judged where it is used, together with what is asked for. Leave out dates that the city had closed itself.
    """

    days: tuple[PastDay, ...] = ()

    @classmethod
    def of(cls, booked: Mapping[dt.date, Counts], refused: Mapping[dt.date, Counts] | None = None) -> History:
        """From plain counts by date; dates of either count as known."""
        lost = refused or {}
        dates = sorted({*booked, *lost})
        return cls(tuple(PastDay(date, booked.get(date, {}), lost.get(date, {})) for date in dates))


def prior_demand(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    slot_minutes: int | None = None,
    reading: Reading = Reading.AS_RUN,
) -> Demand:
    """Demand from `first` to `last`, both included, by the data alone; see `expected_wishes`."""
    return forecast(History(), catalogue, city, first, last, slot_minutes, reading)


def forecast(
    history: History,
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    slot_minutes: int | None = None,
    reading: Reading = Reading.AS_RUN,
) -> Demand:
    """Demand from `first` to `last`, both included, from the history before `first`; without one it is the prior.

    The slots of the history are those of `slot_minutes`. Closed days, and days before the city joined, expect nothing.
    Raises InvalidProblem with all faults of the history and of the range at once.
    """
    return forecast_by_service(history, catalogue, city, first, last, slot_minutes, reading).by_need()


def forecast_by_service(
    history: History,
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    last: dt.date,
    slot_minutes: int | None = None,
    reading: Reading = Reading.AS_RUN,
) -> ServiceDemand:
    """As `forecast`, by service instead of need."""
    faults = list(_range_faults(first, last))
    known: _Known | None = None
    try:
        slot_grid(catalogue.rules, slot_minutes)
    except InvalidProblem as error:
        faults.extend(error.faults)
    else:
        known = _known(history, catalogue, city, first, slot_minutes, reading, faults)
    raise_if_any(faults)
    prior = expected_wishes(catalogue, city, first, last, slot_minutes, reading)
    if known is None:
        return prior
    factors = _fitted(known, first)
    weeks = [min((date - known.dates[-1]).days / DAYS_OF_WEEK, TREND_WEEKS) for date in prior.dates]
    weekdays = [date.weekday() for date in prior.dates]
    daily = factors.level * factors.trend ** np.array(weeks) * factors.weekdays[weekdays]
    expected = prior.expected * daily[:, None, None] * factors.slots[:, None] * factors.services
    told = f"{len(known.dates)} past days with {int(known.counts.sum())} appointments on {prior.basis}"
    return ServiceDemand(first, prior.grid, prior.services, expected, told)


# ---------------------------------------------------------------------------------------- the history


@dataclass(frozen=True, eq=False)
class _Known:
    """A history that was found good: what was counted and what the prior had expected, by date, slot and service."""

    dates: list[dt.date]
    counts: FloatArray
    expected: FloatArray


def _range_faults(first: dt.date, last: dt.date) -> Iterator[Fault]:
    if last < first:
        yield Fault(("last",), "bad_range", last.isoformat(), f"not before {first.isoformat()}")
    elif (last - first).days >= MOST_DAYS:
        yield Fault(("last",), "bad_range", last.isoformat(), f"at most {MOST_DAYS} days from {first.isoformat()}")


def _known(
    history: History,
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    slot_minutes: int | None,
    reading: Reading,
    faults: list[Fault],
) -> _Known | None:
    """The dates that are read, None where there are none; what is wrong with the history is added to `faults`."""
    grid = slot_grid(catalogue.rules, slot_minutes)
    column = {service.service_id: number for number, service in enumerate(catalogue.services)}
    seen: set[dt.date] = set()
    good: list[PastDay] = []
    for day in sorted(history.days, key=lambda day: day.date):
        found = [*_date_faults(day, catalogue, city, first, seen), *_count_faults(day, grid, column)]
        faults += [fault.under("history", day.date.isoformat()) for fault in found]
        seen.add(day.date)
        if not found and (first - day.date).days <= MOST_WEEKS * DAYS_OF_WEEK:
            good.append(day)
    if not good:
        return None
    prior = expected_wishes(catalogue, city, good[0].date, good[-1].date, slot_minutes, reading)
    expected = prior.expected[[(day.date - good[0].date).days for day in good]]
    counts = np.zeros_like(expected)
    for number, day in enumerate(good):
        for name, given in (("booked", day.booked), ("refused", day.refused)):
            for (slot, service_id), count in given.items():
                if count and not expected[number, slot, column[service_id]]:
                    at = ("history", day.date.isoformat(), name, slot, service_id)
                    faults.append(
                        Fault(at, "not_expected", count, "the data expect this service in this slot on this date")
                    )
                counts[number, slot, column[service_id]] += count
    read = [number for number in range(len(good)) if expected[number].any()]
    return _Known([good[number].date for number in read], counts[read], expected[read]) if read else None


def _date_faults(day: PastDay, catalogue: Catalogue, city: City, first: dt.date, seen: set[dt.date]) -> Iterator[Fault]:
    told = day.date.isoformat()
    if day.date in seen:
        yield Fault((), "duplicate_date", told, "each date once")
    if day.date >= first:
        yield Fault((), "not_past", told, f"history ends before {first.isoformat()}")
    reason = closed_because(catalogue.rules, day.date)
    if reason is not None:
        yield Fault((), "closed_day", told, f"the service is open on this date ({reason})")
    if day.date < city.in_scheme_since:
        yield Fault((), "not_in_scheme", told, f"{city.city_id} joined on {city.in_scheme_since.isoformat()}")


def _count_faults(day: PastDay, grid: SlotGrid, column: Mapping[str, int]) -> Iterator[Fault]:
    both: dict[str, Mapping[tuple[int, str], object]] = {"booked": day.booked, "refused": day.refused}
    for name, given in both.items():
        for (slot, service_id), count in given.items():
            at = (name, slot, service_id)
            if service_id not in column:
                yield Fault(at, "unknown_service", service_id, "a service of the catalogue")
            if not 0 <= slot < len(grid):
                yield Fault(at, "unknown_slot", slot, f"0 to {len(grid) - 1}")
            if not isinstance(count, int) or not 0 <= count <= MOST:
                yield Fault(at, "bad_count", count, f"a whole number from 0 to {MOST}")


# ---------------------------------------------------------------------------------------- the factors


@dataclass(frozen=True, eq=False)
class _Factors:
    """By what the prior is multiplied; `level` is that of the last known date, `trend` of one week to the next."""

    level: float
    trend: float
    weekdays: FloatArray
    slots: FloatArray
    services: FloatArray


def _fitted(known: _Known, first: dt.date) -> _Factors:
    """The factors under which the history is most likely, each a normal number round 0 in its logarithm beforehand.

    A column of the regression is scaled by the spread of its factor, so that all coefficients have the spread 1 and
    the ridge penalty is the logarithm of that density. Counts over the prior, weighted by it, are Poisson counts with
    the prior as exposure.
    """
    _, slots, services = known.expected.shape
    day, slot, service = np.nonzero(known.expected)
    weeks = np.array([(date - known.dates[-1]).days for date in known.dates]) / DAYS_OF_WEEK
    age = np.array([(first - date).days for date in known.dates]) / DAYS_OF_WEEK
    weekday = np.array([date.weekday() for date in known.dates])
    ends = np.cumsum([1, 1, DAYS_OF_WEEK, slots, services])
    rows = np.arange(len(day))
    columns = np.zeros((len(day), ends[-1]))
    columns[:, 0] = LEVEL_SPREAD
    columns[:, 1] = TREND_SPREAD * weeks[day]
    columns[rows, ends[1] + weekday[day]] = WEEKDAY_SPREAD
    columns[rows, ends[2] + slot] = SLOT_SPREAD
    columns[rows, ends[3] + service] = SERVICE_SPREAD
    exposure = known.expected[day, slot, service]
    weight = exposure * 0.5 ** (age[day] / HALF_LIFE_WEEKS)
    # The library divides the likelihood by the weights' sum, so the penalty of a standard normal is one part in it.
    from sklearn.linear_model import PoissonRegressor  # noqa: PLC0415  loading takes half a second, and all forecasts begin here

    model = PoissonRegressor(alpha=1 / weight.sum(), fit_intercept=False, solver="newton-cholesky", tol=1e-8)
    # One thread: those that wait for a busy processor cost seconds. A step too long overflows, and is taken back.
    with threadpool_limits(limits=1), np.errstate(over="ignore", invalid="ignore"):
        model.fit(columns, known.counts[day, slot, service] / exposure, sample_weight=weight)
    level, trend, weekdays, by_slot, by_service = np.split(model.coef_, ends[:-1])
    return _Factors(
        level=float(np.exp(LEVEL_SPREAD * level[0])),
        trend=float(np.exp(TREND_SPREAD * trend[0])),
        weekdays=np.exp(WEEKDAY_SPREAD * weekdays),
        slots=np.exp(SLOT_SPREAD * by_slot),
        services=np.exp(SERVICE_SPREAD * by_service),
    )
