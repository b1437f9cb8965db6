"""Our engines on the vehicle routing problem with time windows of the literature, beside PyVRP, at equal wall time.

Instances are files of the form of M. M. Solomon, "Algorithms for the vehicle routing and scheduling problems with time
window constraints", Operations Research 35(2), 1987; none is part of this repository. Distances are Euclidean, times
ten and cut off to whole numbers (the convention of the DIMACS challenge on vehicle routing), so a tenth of a unit
of time is a second of ours. The objective is the distance, not the number of vehicles.

What is modelled: a customer is a delivery with one window and a price for leaving it out that no detour is worth; a
vehicle is an executive from the depot's opening to its closing; nothing but travel costs. **Our engines know no
capacity.** So they solve a relaxation, and its routes are judged afterwards: `overloaded` counts those that carry too
much. Such a route is then cut into parts that can be run, each with a load that fits, at the cuts that make the least
distance (the splitting of C. Prins, Computers & Operations Research 31(12), 2004, with windows). Only the plan after
cutting counts, and only where it serves every customer with the vehicles there are; else it is `infeasible` and has
no gap. Where capacity binds this is no way to solve the problem, and the figures say so: it is chosen because nothing
of the engines is bent for it, and no infeasible plan is ever compared with a feasible one. PyVRP gets the whole
problem, and its plans the same judge.

Gaps compare the distance of a plan in double precision with the best known distance that the directory gives, which
is taken as it is and may be stale or wrong. Since times were cut off, a plan may be late by tenths in double precision.
For both reasons a gap may be below zero, and that alone is no new best plan.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.planners import OURS
from optimizer.arrays import Int64Array
from optimizer.domain import (
    Delivery,
    Executive,
    Limits,
    Place,
    Prices,
    Problem,
    Shift,
    SlotGrid,
    TimeWindow,
)
from optimizer.planner import plan_day
from optimizer.stop import StopAt
from optimizer.travel import TravelTable
from optimizer.units import DAY_S
from scenarios.files import FileFault, InvalidInput, read_bytes

SCALE = 10
"""Seconds of ours in a unit of time or distance."""
PYVRP = "pyvrp"
PLANNERS = (*OURS, PYVRP)
BEST_KNOWN = "best_known.csv"
_DATE = dt.date(2026, 1, 1)
_KIND = re.compile(r"(RC|R|C)([12])", re.IGNORECASE)
_ROUND_TRIPS = 10
"""Leaving a customer out is as dear as so many round trips to the farthest."""

Routes = list[list[int]]
"""Customers of each route by number, the depot being 0 and not in it."""


# -------------------------------------------------------------------------------- instances


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as its file says it, in its own units; row 0 is the depot."""

    name: str
    vehicles: int
    capacity: int
    x: tuple[int, ...]
    y: tuple[int, ...]
    demand: tuple[int, ...]
    ready: tuple[int, ...]
    due: tuple[int, ...]
    service: tuple[int, ...]

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return len(self.x) - 1

    @property
    def kind(self) -> str:
        """Class and size: `R1, 100 customers`; classes with a 2 have wide windows and large vehicles."""
        found = _KIND.match(self.name)
        return f"{found[0].upper() if found else 'other'}, {self.customers} customers"

    def distance(self, a: int, b: int) -> float:
        """Euclidean, in double precision."""
        return math.hypot(self.x[a] - self.x[b], self.y[a] - self.y[b])

    def travel(self) -> Int64Array:
        """Distances in tenths, cut off."""
        size = len(self.x)
        whole = [[int(SCALE * self.distance(a, b)) for b in range(size)] for a in range(size)]
        return np.array(whole, dtype=np.int64)


def read_instance(path: Path) -> Instance:
    """The instance in a file. Raises InvalidInput with every line that is wrong."""
    lines = read_bytes(path).decode("utf-8", errors="replace").splitlines()
    numbers: list[tuple[int, list[int]]] = []
    faults: list[FileFault] = []
    for line, words in enumerate((text.split() for text in lines), start=1):
        if line > 1 and words and re.fullmatch(r"-?[\d.]+", words[0]):
            row = [int(word) for word in words if re.fullmatch(r"\d{1,7}", word)]
            if len(row) != len(words) or len(row) != (7 if numbers else 2):
                rule = "seven whole numbers of a customer" if numbers else "number of vehicles and their capacity"
                faults.append(FileFault((), "bad_row", " ".join(words), rule, str(path), line))
            numbers.append((line, row))
    if not faults and len(numbers) < 3:
        faults.append(FileFault((), "no_instance", len(numbers), "vehicles, a depot and a customer", str(path), 1))
    if not faults:
        faults.extend(_range_faults(numbers, str(path)))
    if faults:
        raise InvalidInput(faults)
    (_, (vehicles, capacity)), *rows = numbers
    _, x, y, demand, ready, due, service = (tuple(column) for column in zip(*(row for _, row in rows), strict=True))
    return Instance(lines[0].strip() or path.stem, vehicles, capacity, x, y, demand, ready, due, service)


def _range_faults(numbers: Sequence[tuple[int, list[int]]], file: str) -> Iterator[FileFault]:
    (first, (vehicles, capacity)), *rows = numbers
    if not vehicles or not capacity:
        yield FileFault((), "bad_fleet", f"{vehicles} {capacity}", "at least one vehicle that can carry", file, first)
    for place, (line, (number, x, y, demand, ready, due, service)) in enumerate(rows):
        words = f"{number} {x} {y} {demand} {ready} {due} {service}"
        if number != place:
            yield FileFault((), "bad_number", words, f"customers are counted from 0; this is {place}", file, line)
        if max(x, y) > 90 * SCALE or ready > due or SCALE * max(due, service) > DAY_S or demand > capacity:
            rule = f"places to {90 * SCALE}, windows that open before they close by {DAY_S // SCALE}, loads that fit"
            yield FileFault((), "out_of_range", words, rule, file, line)


def read_directory(folder: Path) -> tuple[list[Instance], dict[str, float]]:
    """The instances of a folder by name, and the best known distances of its `best_known.csv`, where there is one.

    A row may leave the distance empty: values for fewest vehicles first are another objective, and give no gap.
    Raises InvalidInput with the faults of all files, or when there is no instance.
    """
    instances: list[Instance] = []
    faults: list[FileFault] = []
    for path in sorted(folder.glob("*.txt")):
        try:
            instances.append(read_instance(path))
        except InvalidInput as invalid:
            faults.extend(invalid.faults)
    if not instances and not faults:
        faults.append(FileFault((), "no_instances", str(folder), "a folder with instances as *.txt", str(folder)))
    known: dict[str, float] = {}
    if (folder / BEST_KNOWN).exists():
        text = read_bytes(folder / BEST_KNOWN).decode("utf-8-sig", errors="replace")
        for line, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
            value = row.get("best_known_distance") or ""
            if row.get("instance") and not value:
                continue  # known for another objective only
            if row.get("instance") and re.fullmatch(r"\d+(\.\d+)?", value) and float(value) > 0:
                known[str(row["instance"]).lower()] = float(value)
            else:
                rule = "an instance, and in best_known_distance a number above 0"
                faults.append(FileFault((), "bad_best_known", value, rule, str(folder / BEST_KNOWN), line))
    if faults:
        raise InvalidInput(faults)
    return instances, known


# ---------------------------------------------------------------------------------- planning


def as_problem(instance: Instance) -> Problem:
    """The instance without its capacity, as a day of ours: customer n is delivery `c000n`."""
    size = len(instance.x)
    places = [Place(f"c{n:04d}", instance.x[n] / SCALE, instance.y[n] / SCALE) for n in range(size)]
    travel = instance.travel().astype(np.int32)
    price_s = _ROUND_TRIPS * 2 * int(travel[0].max()) + 1
    visits = [
        Delivery(
            places[n].place_id,
            places[n],
            (TimeWindow(SCALE * instance.ready[n], SCALE * instance.due[n]),),
            SCALE * instance.service[n],
            waiting_price_s=price_s,
        )
        for n in range(1, size)
    ]
    shift = Shift(SCALE * instance.ready[0], SCALE * instance.due[0])
    return Problem(
        city="literature",
        date=_DATE,
        grid=SlotGrid(open_s=0, close_s=DAY_S),
        office=places[0],
        visits=tuple(visits),
        executives=tuple(Executive(f"v{n:04d}", places[0], places[0], shift) for n in range(instance.vehicles)),
        travel=TravelTable(tuple(p.place_id for p in places), travel, travel.copy(), origin="Euclidean, in tenths"),
        prices=Prices(overtime_permille=0, fairness=(), continuity_s=0),
    )


def ours(instance: Instance, engine: str, limits: Limits) -> Routes:
    """Routes of an engine of ours, which has not heard of capacity; none when stopped before there was a plan."""
    result = plan_day(as_problem(instance), limits, engine=engine)
    if result is None:
        return []
    return [[int(visit_id[1:]) for visit_id in route.visit_ids] for route in result.plan.routes if route.stops]


def pyvrp_routes(instance: Instance, limits: Limits) -> Routes:
    """Routes of PyVRP with all its defaults, building included in the limit; an iteration is one of its own."""
    import pyvrp  # noqa: PLC0415  (a peer may not be installed)

    stop = StopAt.within(limits)
    clients = [
        pyvrp.Client(
            n,
            delivery=[instance.demand[n]],
            service_duration=SCALE * instance.service[n],
            tw_early=SCALE * instance.ready[n],
            tw_late=SCALE * instance.due[n],
        )
        for n in range(1, len(instance.x))
    ]
    begin, end = SCALE * instance.ready[0], SCALE * instance.due[0]
    vehicles = [pyvrp.VehicleType(instance.vehicles, capacity=[instance.capacity], tw_early=begin, tw_late=end)]
    locations = [pyvrp.Location(x, y) for x, y in zip(instance.x, instance.y, strict=True)]
    travel = instance.travel()
    data = pyvrp.ProblemData(locations, clients, [pyvrp.Depot(0)], vehicles, [travel], [travel])
    result = pyvrp.solve(data, lambda _best_cost: stop(), seed=limits.seed, collect_stats=False)
    return [[visit.idx + 1 for visit in route if visit.is_client()] for route in result.best.routes()]


# ----------------------------------------------------------------------------------- judging


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan after cutting: its distance in double precision, None with the reason where it is infeasible.

    `overloaded` counts the routes, as the planner gave them, that carry too much; `relaxed` is their distance.
    """

    distance: float | None
    why: str | None
    vehicles: int
    overloaded: int
    relaxed: float


def judge(instance: Instance, routes: Routes) -> Judged:
    """Cut the routes that carry too much, then check everything: customers, windows, loads, vehicles."""
    travel = instance.travel()
    overloaded = sum(_load(instance, route) > instance.capacity for route in routes)
    relaxed = sum(_length(instance, route) for route in routes)
    if sorted(n for route in routes for n in route) != list(range(1, len(instance.x))):
        return Judged(None, "not every customer is served just once", len(routes), overloaded, relaxed)
    parts: Routes = []
    for route in routes:
        cut = split(instance, travel, route)
        if cut is None:
            return Judged(None, "a route cannot be run", len(routes), overloaded, relaxed)
        parts.extend(cut)
    if len(parts) > instance.vehicles:
        why = f"{len(parts)} vehicles of {instance.vehicles} once no load is too large"
        return Judged(None, why, len(parts), overloaded, relaxed)
    return Judged(sum(_length(instance, part) for part in parts), None, len(parts), overloaded, relaxed)


def split(instance: Instance, travel: Int64Array, route: Sequence[int]) -> Routes | None:
    """The route in parts that can be run with loads that fit, of least distance; None where there are none such."""
    if _load(instance, route) <= instance.capacity:
        return [list(route)] if _runs(instance, travel, route) else None
    best: list[tuple[float, int]] = [(0.0, 0)] + [(math.inf, 0)] * len(route)
    for end in range(1, len(route) + 1):
        for begin in range(end - 1, -1, -1):
            part = route[begin:end]
            if _load(instance, part) > instance.capacity:
                break
            if math.isfinite(best[begin][0]) and _runs(instance, travel, part):
                best[end] = min(best[end], (best[begin][0] + _length(instance, part), begin))
    if math.isinf(best[-1][0]):
        return None
    parts: Routes = []
    end = len(route)
    while end:
        begin = best[end][1]
        parts.append(list(route[begin:end]))
        end = begin
    return parts[::-1]


def _load(instance: Instance, route: Sequence[int]) -> int:
    return sum(instance.demand[n] for n in route)


def _length(instance: Instance, route: Sequence[int]) -> float:
    stops = [0, *route, 0]
    return sum(instance.distance(a, b) for a, b in pairwise(stops)) if route else 0.0


def _runs(instance: Instance, travel: Int64Array, route: Sequence[int]) -> bool:
    now, place = SCALE * instance.ready[0], 0
    for n in route:
        now = max(now + int(travel[place, n]), SCALE * instance.ready[n])
        if now > SCALE * instance.due[n]:
            return False
        now, place = now + SCALE * instance.service[n], n
    return now + int(travel[place, 0]) <= SCALE * instance.due[0]


# ------------------------------------------------------------------------------------ series


@dataclass(frozen=True, slots=True)
class Run:
    """One planner on one instance with one seed; `gap` is a fraction of the best known distance."""

    instance: str
    kind: str
    planner: str
    seed: int
    time_limit_s: float | None
    wall_s: float
    judged: Judged
    best_known: float | None

    @property
    def gap(self) -> float | None:
        """How far the distance is above the best known one; None where there is no such number."""
        if self.judged.distance is None or self.best_known is None:
            return None
        return self.judged.distance / self.best_known - 1


def measured(instance: Instance, planner: str, limits: Limits, best_known: Mapping[str, float]) -> Run:
    """One run: the clock is stopped before the plan is judged."""
    begin = time.perf_counter()
    routes = pyvrp_routes(instance, limits) if planner == PYVRP else ours(instance, planner, limits)
    wall_s = time.perf_counter() - begin
    known = best_known.get(instance.name.lower())
    name, kind = instance.name, instance.kind
    return Run(name, kind, planner, limits.seed, limits.time_limit_s, wall_s, judge(instance, routes), known)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One planner on one class: gaps over its feasible runs with a best known value, and how many others there are."""

    kind: str
    planner: str
    runs: int
    feasible: int
    overloaded_runs: int
    gap_median: float | None
    gap_worst: float | None
    wall_worst_s: float


def by_class(runs: Sequence[Run]) -> list[ClassRow]:
    """Every planner on every class, in the order in which they ran."""
    table = []
    for kind in sorted({run.kind for run in runs}):
        for planner in dict.fromkeys(run.planner for run in runs):
            mine = [run for run in runs if (run.kind, run.planner) == (kind, planner)]
            gaps = [run.gap for run in mine if run.gap is not None]
            if mine:
                table.append(
                    ClassRow(
                        kind,
                        planner,
                        runs=len(mine),
                        feasible=sum(run.judged.distance is not None for run in mine),
                        overloaded_runs=sum(run.judged.overloaded > 0 for run in mine),
                        gap_median=statistics.median(gaps) if gaps else None,
                        gap_worst=max(gaps, default=None),
                        wall_worst_s=max(run.wall_s for run in mine),
                    )
                )
    return table
