"""`python -m benchmarks.forecast`: how far forecasts of demand lie from a truth that is known.

Made-up cities wish for appointments by a stated truth (`scenarios.generate.wishes`); each method sees the draws of some
weeks and tells the four weeks after them. Three worlds: *drawn* (level, growth, weekdays, evening and services of
each city by chance), *jumped* (the same, but until six weeks before the end the level was a third lower), and *as the
data say* (nothing to learn: all that a method learns is wrong). In all of them weeks vary by chance. One run appends
one record per world to records/forecast.jsonl.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.record import RECORDS, load_average, surroundings
from optimizer.calendar import slot_grid
from optimizer.demand import FloatArray
from scenarios.catalogue import Catalogue, City, load_catalogue
from scenarios.forecast import (
    LEVEL_SPREAD,
    SERVICE_SPREAD,
    SLOT_SPREAD,
    WEEKDAY_SPREAD,
    History,
    forecast,
    prior_demand,
)
from scenarios.generate.dice import Dice
from scenarios.generate.wishes import (
    DAYS_OF_WEEK,
    ServiceDemand,
    WishCounts,
    WishPattern,
    draw_history,
    drawn_pattern,
    expected_wishes,
    true_demand,
)

FORECAST_FILE = RECORDS / "forecast.jsonl"
FIRST = dt.date(2026, 11, 30)
"""The first day that is told, a Monday; all held-out days are open."""
LAST = FIRST + dt.timedelta(weeks=4, days=-1)
WEEKS = (0, 1, 2, 4, 8, 26)
SEEDS = 3
JUMP = FIRST - dt.timedelta(weeks=6)
NOISE_PERMILLE = 60
LEAST = 0.001
"""Appointments expected in a slot, at least, where a deviance is computed: nothing is impossible."""

Past = Mapping[dt.date, WishCounts]
Method = Callable[[Past, Catalogue, City], FloatArray]
"""From the past of a city to its demand from FIRST to LAST, by date, slot and need."""


# ------------------------------------------------------------------------------------ the methods


def _prior(_past: Past, catalogue: Catalogue, city: City) -> FloatArray:
    return prior_demand(catalogue, city, FIRST, LAST).expected


def _forecast(past: Past, catalogue: Catalogue, city: City) -> FloatArray:
    return forecast(History.of(past), catalogue, city, FIRST, LAST).expected


def _counted(past: Past, catalogue: Catalogue) -> tuple[list[dt.date], ServiceDemand]:
    """The past as an array, one row for each of its dates."""
    column = {service.service_id: number for number, service in enumerate(catalogue.services)}
    grid = slot_grid(catalogue.rules)
    counts = np.zeros((len(past), len(grid), len(column)))
    for number, wishes in enumerate(past.values()):
        for (slot, service_id), count in wishes.items():
            counts[number, slot, column[service_id]] = count
    return list(past), ServiceDemand(FIRST, grid, catalogue.services, counts, "counted")


def _same_weekday_mean(past: Past, catalogue: Catalogue, city: City) -> FloatArray:
    """The mean of the dates with the same day of the week (the seasonal naive mean), the prior where there is none."""
    told = np.array(_prior(past, catalogue, city))
    dates, counted = _counted(past, catalogue)
    if dates:
        counts = counted.by_need().expected
        weekdays = np.array([date.weekday() for date in dates])
        for day in range(len(told)):
            alike = weekdays == (FIRST + dt.timedelta(days=day)).weekday()
            if alike.any():
                told[day] = counts[alike].mean(axis=0)
    return told


def _factors_in_turn(past: Past, catalogue: Catalogue, city: City) -> FloatArray:
    """The forecast's factors but the trend in closed form, one kind after the other: counted over expected, with so
    many appointments added to both that beforehand a factor is spread as in the forecast (gamma and Poisson)."""
    prior = expected_wishes(catalogue, city, FIRST, LAST)
    if not past:
        return prior.by_need().expected
    dates, counted = _counted(past, catalogue)
    counts, before = counted.expected, expected_wishes(catalogue, city, dates[0], dates[-1])
    expected = before.expected[[(date - dates[0]).days for date in dates]]
    level = _ratio(counts, expected, (0, 1, 2), 1 / LEVEL_SPREAD**2)
    expected = expected * level
    weekdays = np.array([date.weekday() for date in dates])
    by_weekday = np.ones(DAYS_OF_WEEK)
    for weekday in set(weekdays.tolist()):
        rows = weekdays == weekday
        by_weekday[weekday] = _ratio(counts[rows], expected[rows], (0, 1, 2), 1 / WEEKDAY_SPREAD**2)
    expected = expected * by_weekday[weekdays][:, None, None]
    by_slot = _ratio(counts, expected, (0, 2), 1 / SLOT_SPREAD**2)
    by_service = _ratio(counts, expected * by_slot[:, None], (0, 1), 1 / SERVICE_SPREAD**2)
    daily = level * by_weekday[[date.weekday() for date in prior.dates]]
    told = prior.expected * daily[:, None, None] * by_slot[:, None] * by_service
    return dataclasses.replace(prior, expected=told).by_need().expected


def _ratio(counts: FloatArray, expected: FloatArray, axes: tuple[int, ...], added: float) -> FloatArray:
    ratio: FloatArray = (counts.sum(axis=axes) + added) / (expected.sum(axis=axes) + added)
    return ratio


METHODS: Mapping[str, Method] = {
    "prior only": _prior,
    "same-weekday mean": _same_weekday_mean,
    "factors in turn": _factors_in_turn,
    "forecast": _forecast,
}


# ------------------------------------------------------------------------------------- the worlds


def _drawn(catalogue: Catalogue, dice: Dice, since: dt.date) -> tuple[WishPattern, WishPattern]:
    pattern = drawn_pattern(catalogue, since, dice)
    return pattern, pattern


def _jumped(catalogue: Catalogue, dice: Dice, since: dt.date) -> tuple[WishPattern, WishPattern]:
    pattern = drawn_pattern(catalogue, since, dice)
    return dataclasses.replace(pattern, level_percent=pattern.level_percent * 2 // 3), pattern


def _as_the_data_say(_catalogue: Catalogue, _dice: Dice, since: dt.date) -> tuple[WishPattern, WishPattern]:
    pattern = WishPattern(since, noise_permille=NOISE_PERMILLE)
    return pattern, pattern


World = Callable[[Catalogue, Dice, dt.date], tuple[WishPattern, WishPattern]]
"""The patterns of a city until JUMP and from then on."""
WORLDS: Mapping[str, World] = {"drawn": _drawn, "jumped": _jumped, "as the data say": _as_the_data_say}


@dataclass(frozen=True, eq=False)
class Case:
    """A city of a world: its past, the truth of the days to tell, and what was counted on them later."""

    city: City
    past: Past
    truth: FloatArray
    later: FloatArray


def cases(catalogue: Catalogue, world: World, cities: Sequence[City], seeds: int, weeks: int) -> Iterator[Case]:
    """Every city with every seed, and so many weeks of history."""
    since, day = FIRST - dt.timedelta(weeks=weeks), dt.timedelta(days=1)
    for seed in range(1, seeds + 1):
        for city in cities:
            before, after = world(catalogue, Dice(seed, city.city_id, "pattern"), since)
            wishes = draw_history(catalogue, city, max(since, JUMP), LAST, after, seed)
            if since < JUMP:
                wishes = draw_history(catalogue, city, since, JUMP - day, before, seed) | wishes
            past = {date: counts for date, counts in wishes.items() if date < FIRST}
            later = {date: counts for date, counts in wishes.items() if date >= FIRST}
            truth = true_demand(catalogue, city, FIRST, LAST, after).expected
            yield Case(city, past, truth, _counted(later, catalogue)[1].by_need().expected)


def deviance(counts: FloatArray, expected: FloatArray) -> float:
    """Poisson deviance of counts under these expectations."""
    mean = np.maximum(expected, LEAST)
    logs = np.log(np.maximum(counts, 1) / mean)
    return float(2 * (counts * logs - (counts - mean)).sum())


# ---------------------------------------------------------------------------------------- the runs


@dataclass(frozen=True, slots=True)
class Score:
    """Of a method with some weeks of history, over all cases of a world.

    `error`: sum of |told - true| over dates, slots and needs, by the sum of the true; mean and worst over the cases.
    `deviance_ratio`: Poisson deviance of what was counted later, by that of the truth; mean. `won`: cases in which no
    other method had a smaller error. `seconds` of a call, median.
    """

    error: float
    worst_error: float
    deviance_ratio: float
    won: int
    seconds: float


def scores(made: Sequence[Case], catalogue: Catalogue, weeks: int) -> dict[str, Score]:
    """All methods side by side on the last `weeks` of each case."""
    errors: dict[str, list[float]] = {name: [] for name in METHODS}
    ratios: dict[str, list[float]] = {name: [] for name in METHODS}
    spent: dict[str, list[float]] = {name: [] for name in METHODS}
    since = FIRST - dt.timedelta(weeks=weeks)
    for case in made:
        past = {date: wishes for date, wishes in case.past.items() if date >= since}
        least = deviance(case.later, case.truth)
        for name, method in METHODS.items():
            begin_s = time.perf_counter()
            told = method(past, catalogue, case.city)
            spent[name].append(time.perf_counter() - begin_s)
            errors[name].append(float(np.abs(told - case.truth).sum() / case.truth.sum()))
            ratios[name].append(deviance(case.later, told) / least)
    best = [min(row) for row in zip(*errors.values(), strict=True)]
    return {
        name: Score(
            error=round(statistics.mean(errors[name]), 4),
            worst_error=round(max(errors[name]), 4),
            deviance_ratio=round(statistics.mean(ratios[name]), 4),
            won=sum(error == least for error, least in zip(errors[name], best, strict=True)),
            seconds=round(statistics.median(spent[name]), 4),
        )
        for name in METHODS
    }


def table(by_weeks: Mapping[int, Mapping[str, Score]]) -> str:
    """Errors in per cent: a row for each method, a column for each number of weeks; then wins."""
    lines = [f"{'weeks of history':18}" + "".join(f"{weeks:>12}" for weeks in by_weeks)]
    for name in METHODS:
        told = (f"{100 * scored[name].error:.1f} ({scored[name].won})" for scored in by_weeks.values())
        lines.append(f"{name:18}" + "".join(f"{each:>12}" for each in told))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, tell and append."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast", description="Compare forecasts of demand.")
    parser.add_argument("--cities", default="", help="ids by comma; all launch cities if none are given")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="made-up truths of each city")
    parser.add_argument("--weeks", default=",".join(map(str, WEEKS)), help="weeks of history by comma")
    parser.add_argument("--out", type=Path, default=FORECAST_FILE, help="the file to append to")
    given = parser.parse_args(arguments)
    weeks = sorted({int(each) for each in given.weeks.split(",")})
    if given.seeds < 1 or weeks[0] < 0:
        parser.error("--seeds: at least 1; --weeks: none negative")
    catalogue = load_catalogue()
    named = [name for name in given.cities.split(",") if name]
    cities = [catalogue.city(name) for name in named] or list(catalogue.cities_in_scheme())
    for name, world in WORLDS.items():
        made = list(cases(catalogue, world, cities, given.seeds, weeks[-1]))
        by_weeks = {each: scores(made, catalogue, each) for each in weeks}
        record = {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "world": name,
            "cities": [city.city_id for city in cities],
            "seeds": given.seeds,
            "first": FIRST.isoformat(),
            "last": LAST.isoformat(),
            "weeks": {each: {method: asdict(score) for method, score in by_weeks[each].items()} for each in weeks},
            "scikit_learn": version("scikit-learn"),
            "load": load_average(),
            **asdict(surroundings()),
        }
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(f"{name}: mean error in % of the truth (cases won of {len(made)})\n{table(by_weeks)}\n", flush=True)


if __name__ == "__main__":
    main()
