"""What a city can carry: measured where it was, else the prior; and the capacity problem of one of its days.

`data/capacity.csv` has a row for each city that was calibrated by simulation. It says which share of the executives a
slot may promise away, and how far off an address must be to be *remote*: whoever goes there cannot serve the slots
before and after it as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from optimizer.capacity import CapacityProblem, prior_alpha, travel_per_visit
from optimizer.demand import FloatArray, Need
from optimizer.domain import Executive, InvalidProblem, Place, SlotGrid
from optimizer.units import MINUTE_S
from scenarios.catalogue import Catalogue, City
from scenarios.catalogue.sheet import Folder
from scenarios.generate.addresses import AddressBook
from scenarios.generate.dice import Dice
from scenarios.places import ASSUMED_REACH_M
from scenarios.travel.formula import FormulaSpec, reference_seconds, straight_line_dm

CAPACITY_FILE = "capacity.csv"
CAPACITY_COLUMNS = (
    *("city_id", "alpha", "kit_alpha", "kit_apart", "remote_minutes", "travel_minutes"),
    *("streams", "served", "unknown", "wilson_low", "date", "basis"),
)
SAMPLE = 300
"""Addresses that stand for all of a city."""


@dataclass(frozen=True, slots=True)
class CityCapacity:
    """What a city can carry.

    `alpha`: share of the executives on shift a slot may promise away, slot by slot from the first, then over again;
    `kit_alpha` and `kit_apart` as of `CapacityProblem`. `remote_minutes`: an address is remote from so many mean
    minutes to the others of the city on, None: no address is. `travel_minutes`: on the way to a visit. `served` of
    `streams` fresh days were served in full, `unknown` of the others not proven impossible. None where it is the prior.
    """

    city_id: str
    alpha: tuple[float, ...]
    kit_alpha: float
    travel_minutes: float
    kit_apart: bool = False
    remote_minutes: float | None = None
    streams: int | None = None
    served: int | None = None
    unknown: int | None = None
    wilson_low: float | None = None
    date: dt.date | None = None
    basis: str = "prior"

    def alphas(self, slots: int) -> tuple[float, ...]:
        """Alpha by slot."""
        return tuple(self.alpha[slot % len(self.alpha)] for slot in range(slots))


def load_capacity(folder: str | Path | None = None) -> Mapping[str, CityCapacity]:
    """The rows of `capacity.csv` by city; none where there is no such table.

    Raises InvalidProblem with every fault, each with file, line and column.
    """
    return _read(Folder(Path(folder))) if folder is not None else _packaged()


@lru_cache(maxsize=1)
def _packaged() -> Mapping[str, CityCapacity]:
    return _read(Folder(files("scenarios") / "data"))


def _read(folder: Folder) -> Mapping[str, CityCapacity]:
    seen: set[str] = set()
    found = {}
    for row in folder.rows(CAPACITY_FILE, CAPACITY_COLUMNS):
        city_id = row.identifier("city_id", seen)
        alpha = []
        for item in row.items("alpha") or ("",):
            try:
                alpha.append(float(item))
            except ValueError:
                alpha.append(0.0)
            if not 0 < alpha[-1] <= 1:
                row.fault("alpha", "bad_alpha", item, "shares above 0, at most 1")
        capacity = CityCapacity(
            city_id,
            tuple(alpha),
            row.real("kit_alpha", 0.01, 1),
            row.real("travel_minutes", 0, 600),
            row.choice("kit_apart", ("yes", "no")) == "yes",
            row.number("remote_minutes", 0, 600),
            row.count("streams", 1, 10_000_000),
            row.count("served", 0, 10_000_000),
            row.count("unknown", 0, 10_000_000),
            row.real("wilson_low", 0, 1),
            row.day("date"),
            row.text("basis", None),
        )
        if row.good:
            found[city_id] = capacity
    if folder.faults:
        raise InvalidProblem(folder.faults)
    return found


def capacity_of(
    catalogue: Catalogue,
    city: City,
    executives: int,
    service_s: float,
    slot_s: int,
    known: Mapping[str, CityCapacity] | None = None,
) -> CityCapacity:
    """What the city was measured to carry, else the prior for so many executives and this mean service."""
    measured = (load_capacity() if known is None else known).get(city.city_id)
    if measured is not None:
        return measured
    geometry = catalogue.geometry_of(city)
    radius_m = ASSUMED_REACH_M[-1] if geometry is None else geometry.max_radius_m
    travel_s = travel_per_visit(radius_m, executives)
    alpha = prior_alpha(service_s, travel_s, slot_s, executives, radius_m)
    return CityCapacity(city.city_id, (alpha,), alpha, travel_s / MINUTE_S)


def capacity_problem(
    capacity: CityCapacity,
    grid: SlotGrid,
    needs: tuple[Need, ...],
    executives: Sequence[Executive],
    expected: FloatArray,
    service_s: Sequence[float],
    deliveries: int = 0,
    delivery_s: int = 0,
) -> CapacityProblem:
    """The capacity problem of a day: `expected[slot, need]`, mean planned service by need, room left for deliveries."""
    travel_s = capacity.travel_minutes * MINUTE_S
    return CapacityProblem(
        grid,
        needs,
        tuple(executives),
        expected,
        tuple(seconds + travel_s for seconds in service_s),
        alpha=capacity.alphas(len(grid)),
        kit_alpha=capacity.kit_alpha,
        kit_apart=capacity.kit_apart,
        reserved_s=round(deliveries * (delivery_s + travel_s)),
    )


@dataclass(frozen=True, eq=False)
class AddressSample:
    """Addresses that stand for all of a city: how far off is another one?"""

    places: tuple[Place, ...]
    spec: FormulaSpec

    @classmethod
    def of(cls, catalogue: Catalogue, city: City) -> AddressSample:
        """The sample of a city, always the same."""
        book, dice = AddressBook(catalogue, city), Dice(1, city.city_id, "sample of addresses")
        return cls(tuple(book.draw(dice).place("sample") for _ in range(SAMPLE)), FormulaSpec())

    def minutes_off(self, places: Sequence[Place]) -> FloatArray:
        """Mean minutes from each place to the addresses of the city, by the formula at its reference speed."""
        if not places:
            return np.zeros(0)
        seconds = reference_seconds(straight_line_dm(places, self.places), self.spec)
        minutes: FloatArray = seconds.mean(axis=1) / MINUTE_S
        return minutes
