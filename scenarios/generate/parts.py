"""What every made-up day has: its content, its office, its numbering, and a date on which there is service."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.calendar import closed_because
from optimizer.domain import Executive, Fault, InvalidProblem, Place, Prices, Problem, SlotGrid, Visit, places_of
from scenarios.catalogue import Catalogue, City
from scenarios.files import ScenarioDay, scenario_day
from scenarios.generate.addresses import Point
from scenarios.travel.formula import FormulaSpec, formula_table

MOST = 10_000
"""Of anything: what a made-up day may ask for."""


@dataclass(frozen=True, slots=True)
class GeneratedDay:
    """A made-up day, how many wishes for an appointment were refused, and in words what had to be assumed."""

    day: ScenarioDay
    refused: int
    notes: tuple[str, ...]


def made_up(
    name: str,
    city: City,
    date: dt.date,
    grid: SlotGrid,
    office: Place,
    visits: Sequence[Visit],
    executives: Sequence[Executive],
    prices: Prices,
    travel: FormulaSpec,
    skills: frozenset[str] = frozenset(),
) -> ScenarioDay:
    """The parts as a day, its travel times by the formula."""
    places = places_of(office, visits, executives)
    table = formula_table(places, travel)
    problem = Problem(city.city_id, date, grid, office, tuple(visits), tuple(executives), table, prices)
    return scenario_day(problem, travel, name, skills)


def check_date(catalogue: Catalogue, city: City, date: dt.date) -> None:
    """Raises InvalidProblem for a day on which the city has no service."""
    faults = []
    reason = closed_because(catalogue.rules, date)
    if reason is not None:
        faults.append(Fault(("date",), "closed_day", date.isoformat(), f"the service is open on this date ({reason})"))
    if date < city.in_scheme_since:
        since = city.in_scheme_since.isoformat()
        faults.append(Fault(("date",), "not_in_scheme", date.isoformat(), f"{city.city_id} joined on {since}"))
    if faults:
        raise InvalidProblem(faults)


def office_of(city: City) -> Place:
    """The office, on the grid of made-up points."""
    return Point.at(city.office.lon, city.office.lat).place("office")


def check_sizes(**sizes: int) -> None:
    """Raises InvalidProblem when a number is negative or beyond all days."""
    faults = [
        Fault((name,), "out_of_range", size, f"0 to {MOST}") for name, size in sizes.items() if not 0 <= size <= MOST
    ]
    if faults:
        raise InvalidProblem(faults)


def numbered(letter: str, count: int, digits: int = 3) -> list[str]:
    """Ids like A001, A002, ..., wide enough that their order as text is their order."""
    digits = max(digits, len(str(count)))
    return [f"{letter}{number:0{digits}d}" for number in range(1, count + 1)]
