"""What a study compares: settings, seeds, conditions; and what a catalogue rules out."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.calendar import slot_grid
from optimizer.domain import Fault, InvalidProblem, Limits
from optimizer.domain.faults import raise_if_any
from optimizer.units import DAY_S, MINUTE_S
from scenarios.catalogue import Catalogue, City
from scenarios.generate.parts import check_date

MOST_CELLS = 5_000
MOST_EXECUTIVES = 500
"""A city that needs more should be divided."""
MOST_SEED = 1_000_000
MOST_PERCENT = 1_000
MOST_LIMIT_S = 3_600.0
MOST_ITERATIONS = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """One number of executives with one length of slots."""

    executives: int
    slot_minutes: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A setting with one seed: one day to be simulated."""

    setting: Setting
    seed: int


@dataclass(frozen=True)
class StudySpec:
    """What is compared: every number of executives with every length of slots, each over all seeds.

    `demand_percent` of the wishes and deliveries of the city on that date. The plan of each day ends after
    `iterations` where they are given (the same on every machine), else after `time_limit_s`.
    """

    city: str
    executives: tuple[int, ...]
    slot_minutes: tuple[int, ...]
    seeds: tuple[int, ...]
    date: dt.date
    demand_percent: int = 100
    time_limit_s: float = 5.0
    iterations: int | None = None

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        for name, most in (
            ("executives", MOST_EXECUTIVES),
            ("slot_minutes", DAY_S // MINUTE_S),
            ("seeds", MOST_SEED),
        ):
            values: tuple[int, ...] = getattr(self, name)
            wrong = [value for value in values if not 1 <= value <= most]
            if not values or wrong:
                faults.append(Fault((name,), "out_of_range", wrong or None, f"at least one, each from 1 to {most:,}"))
            if len(set(values)) < len(values):
                faults.append(Fault((name,), "repeated_value", list(values), "each value once"))
        faults += [
            Fault((name,), "out_of_range", value, f"1 to {most:,}")
            for name, value, most in (
                ("demand_percent", self.demand_percent, MOST_PERCENT),
                ("iterations", self.iterations, MOST_ITERATIONS),
            )
            if value is not None and not 1 <= value <= most
        ]
        if not (math.isfinite(self.time_limit_s) and 0 < self.time_limit_s <= MOST_LIMIT_S):
            rule = f"more than 0 and at most {MOST_LIMIT_S:,.0f} seconds"
            faults.append(Fault(("time_limit_s",), "out_of_range", self.time_limit_s, rule))
        raise_if_any(faults)
        cells = len(self.executives) * len(self.slot_minutes) * len(self.seeds)
        if cells > MOST_CELLS:
            rule = f"numbers of executives x lengths of slots x seeds are at most {MOST_CELLS:,}"
            raise InvalidProblem([Fault((), "too_many_cells", cells, rule)])

    def settings(self) -> tuple[Setting, ...]:
        """All settings, in order."""
        return tuple(Setting(e, m) for e in sorted(self.executives) for m in sorted(self.slot_minutes))

    def cells(self) -> tuple[Cell, ...]:
        """All cells, seed by seed: the first seeds are complete first."""
        return tuple(Cell(setting, seed) for seed in sorted(self.seeds) for setting in self.settings())

    @property
    def limits(self) -> Limits:
        """When the plan of a day ends; the seed is that of the cell."""
        return Limits(self.time_limit_s if self.iterations is None else None, self.iterations)

    def conditions(self, version: str) -> str:
        """A hash of all that a cell depends on besides itself, `version` names the program.

        Studies with the same conditions share their cells: one of more seeds goes on where one of fewer ended.
        """
        shared = {
            "version": version,
            "city": self.city,
            "date": self.date.isoformat(),
            "demand_percent": self.demand_percent,
            "limit": [self.iterations, None if self.iterations is not None else self.time_limit_s],
        }
        return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()


def check_study(catalogue: Catalogue, spec: StudySpec) -> None:
    """Raises InvalidProblem with everything of the study that this catalogue rules out."""
    city = catalogue.city(spec.city)
    raise_if_any(
        [*date_faults(catalogue, city, spec.date), *slot_faults(catalogue, spec.date, city, spec.slot_minutes)]
    )


def date_faults(catalogue: Catalogue, city: City, date: dt.date) -> Iterator[Fault]:
    """Why there is no service in this city on this date."""
    try:
        check_date(catalogue, city, date)
    except InvalidProblem as invalid:
        yield from invalid.faults


def slot_faults(
    catalogue: Catalogue, date: dt.date | None, city: City | None, slot_minutes: Sequence[int]
) -> Iterator[Fault]:
    """Lengths of slots that do not divide the opening hours, or into which no service fits.

    Services are those of this city on this date, all where one of them is not known.
    """
    services = catalogue.services if date is None else catalogue.services_on(date, city)
    shortest_s = min((service.collect_s for service in services), default=None)
    for minutes in slot_minutes:
        try:
            slot_grid(catalogue.rules, minutes)
        except InvalidProblem as invalid:
            yield from (Fault(("slot_minutes",), f.code, minutes, f.rule) for f in invalid.faults)
            continue
        if shortest_s is not None and minutes * MINUTE_S < shortest_s:
            rule = f"at least {shortest_s // MINUTE_S} minutes, which the shortest service takes"
            yield Fault(("slot_minutes",), "no_service_fits", minutes, rule)
