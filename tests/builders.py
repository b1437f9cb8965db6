"""Short ways to build days for tests: places on a flat toy map, visits, executives, travel tables, problems, plans.

The toy map is measured in seconds of reference travel: `place("P", 300, 400)` lies 300 s east and 400 s north
of the office, so 500 s from it as the crow flies. Times of the day may be written as "10:30".
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from optimizer.domain import (
    Appointment,
    AskedService,
    BookingRules,
    Break,
    DayPlan,
    Delivery,
    Executive,
    FairnessPiece,
    Place,
    Prices,
    Problem,
    Shift,
    Slot,
    SlotGrid,
    TimeWindow,
    Visit,
    places_of,
)
from optimizer.engines import Orders
from optimizer.slots import Approach, PromisedDay, Sale
from optimizer.timing import timed
from optimizer.travel import HOURS, REFERENCE_PACE, TravelTable
from optimizer.units import HOUR_S, MINUTE_S

DATE = dt.date(2026, 12, 1)
GRID = SlotGrid()

WEST_LON, SOUTH_LAT, SECONDS_PER_DEGREE = 81.64, 21.24, 10_000
METRES_PER_SECOND = 7

FREE = Prices(overtime_permille=0, fairness=(), continuity_s=0)
"""Only travel and waiting deliveries cost anything."""


def s(clock: str | int) -> int:
    """Day second of "10:30" or "10:30:15"; numbers pass."""
    if isinstance(clock, int):
        return clock
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return hours * HOUR_S + minutes * MINUTE_S + sum(seconds)


def place(place_id: str, east_s: int = 0, north_s: int = 0) -> Place:
    """A place this many seconds of reference travel east and north of the office."""
    return Place(place_id, WEST_LON + east_s / SECONDS_PER_DEGREE, SOUTH_LAT + north_s / SECONDS_PER_DEGREE)


OFFICE = place("office")


def window(opens: str | int, closes: str | int) -> TimeWindow:
    """When service may begin, both ends included."""
    return TimeWindow(s(opens), s(closes))


def slot(opens: str | int, minutes: int = 60) -> Slot:
    """The slot that opens then."""
    return Slot(s(opens), s(opens) + minutes * MINUTE_S)


def appointment(
    visit_id: str,
    opens: str | int = "10:00",
    east_s: int = 0,
    north_s: int = 0,
    *,
    service_s: int = 1_200,
    skills: Iterable[str] = (),
    weight: int = 1,
    pinned_to: str | None = None,
    minutes: int = 60,
    at: Place | None = None,
) -> Appointment:
    """An appointment in the slot that opens then, at a place of its own unless `at` is given."""
    return Appointment(
        visit_id,
        at or place(visit_id, east_s, north_s),
        slot(opens, minutes),
        service_s,
        skills=frozenset(skills),
        weight=weight,
        pinned_to=pinned_to,
    )


def delivery(
    visit_id: str,
    east_s: int = 0,
    north_s: int = 0,
    *,
    windows: Sequence[tuple[str | int, str | int]] = (("08:00", "19:50"),),
    service_s: int = 300,
    price_s: int | None = 3_600,
    due: dt.date | None = None,
    held_by: str | None = None,
    skills: Iterable[str] = (),
    pinned_to: str | None = None,
    at: Place | None = None,
) -> Delivery:
    """A delivery that may begin in these windows and costs `price_s` when left for another day."""
    return Delivery(
        visit_id,
        at or place(visit_id, east_s, north_s),
        tuple(window(*each) for each in windows),
        service_s,
        due=due,
        waiting_price_s=price_s,
        held_by=held_by,
        skills=frozenset(skills),
        pinned_to=pinned_to,
    )


def pause(minutes: int, opens: str | int, closes: str | int) -> Break:
    """A break of so many minutes that begins in this window."""
    return Break(minutes * MINUTE_S, window(opens, closes))


def executive(
    executive_id: str,
    opens: str | int = "08:00",
    closes: str | int = "16:00",
    *,
    overtime_s: int = 0,
    start: Place = OFFICE,
    end: Place | None = None,
    skills: Iterable[str] = (),
    rest: Break | None = None,
    prefers: Iterable[str] = (),
    prefix: Sequence[str] = (),
) -> Executive:
    """An executive on shift between these times, from `start` back to `end` (the start unless given)."""
    return Executive(
        executive_id,
        start,
        start if end is None else end,
        Shift(s(opens), s(closes), overtime_s),
        skills=frozenset(skills),
        pause=rest,
        preferred_visits=frozenset(prefers),
        fixed_prefix=tuple(prefix),
    )


def toy_table(
    places: Iterable[Place],
    *,
    pace: Sequence[int] = (REFERENCE_PACE,) * HOURS,
    margin_pct: int = 0,
    legs: Mapping[tuple[str, str], int] | None = None,
) -> TravelTable:
    """As-the-crow-flies travel on the toy map, whole seconds rounded up; `legs` replaces single pairs."""
    ordered = sorted(set(places))
    east = [round((p.lon - WEST_LON) * SECONDS_PER_DEGREE) for p in ordered]
    north = [round((p.lat - SOUTH_LAT) * SECONDS_PER_DEGREE) for p in ordered]
    seconds = np.array(
        [
            [math.ceil(math.hypot(east[a] - east[b], north[a] - north[b])) for b in range(len(ordered))]
            for a in range(len(ordered))
        ],
        dtype=np.int32,
    ).reshape(len(ordered), len(ordered))
    ids = [p.place_id for p in ordered]
    for (origin, destination), leg_s in (legs or {}).items():
        seconds[ids.index(origin), ids.index(destination)] = leg_s
    metres = (seconds * METRES_PER_SECOND).astype(np.int32)
    return TravelTable(tuple(ids), seconds, metres, tuple(pace), margin_pct, "toy map")


def random_table(
    place_ids: Sequence[str],
    seed: int,
    longest_s: int,
    *,
    pace: Sequence[int] = (REFERENCE_PACE,) * HOURS,
    margin_pct: int = 0,
) -> TravelTable:
    """Travel seconds drawn one by one from 0 to `longest_s`: neither symmetric nor keeping the triangle inequality."""
    rng = np.random.default_rng(seed)
    seconds = rng.integers(0, longest_s + 1, (len(place_ids), len(place_ids)), dtype=np.int32)
    np.fill_diagonal(seconds, 0)
    metres = rng.integers(0, 50_000, seconds.shape, dtype=np.int32)
    np.fill_diagonal(metres, 0)
    return TravelTable(tuple(place_ids), seconds, metres, tuple(pace), margin_pct, "random")


def problem(
    visits: Iterable[Visit] = (),
    executives: Iterable[Executive] = (),
    *,
    travel: TravelTable | None = None,
    prices: Prices | None = None,
    grid: SlotGrid = GRID,
    date: dt.date = DATE,
    pace: Sequence[int] = (REFERENCE_PACE,) * HOURS,
    margin_pct: int = 0,
    legs: Mapping[tuple[str, str], int] | None = None,
) -> Problem:
    """A day round the office; travel is the toy map's unless a table is given."""
    visits, executives = tuple(visits), tuple(executives)
    if travel is None:
        places = places_of(OFFICE, visits, executives)
        travel = toy_table(places, pace=pace, margin_pct=margin_pct, legs=legs)
    return Problem("raipur", date, grid, OFFICE, visits, executives, travel, prices or Prices())


def plan(day: Problem, **orders: Sequence[str] | str) -> DayPlan:
    """The timed plan of visits in order by executive: `plan(day, E1="A1 D1", E2=["A2"])`."""
    return timed(day, {key: tuple(o.split() if isinstance(o, str) else o) for key, o in orders.items()})


def fair(above: str | int, permille: int) -> FairnessPiece:
    """One piece of the fairness price."""
    return FairnessPiece(s(above), permille)


def promised(
    day: Problem, orders: Orders, *, rules: BookingRules | None = None, sale: Sale | None = None, metric: bool = False
) -> PromisedDay:
    """The day as booking sees it: what these orders serve is promised, everything else is not on it.

    `metric`: it is known that no way over another place is shorter.
    """
    served = {visit_id for order in orders.values() for visit_id in order}
    visits = tuple(v for v in day.visits if v.visit_id in served)
    travel = day.travel.only(p.place_id for p in places_of(day.office, visits, day.executives))
    kept = replace(
        day,
        visits=visits,
        executives=tuple(replace(e, preferred_visits=e.preferred_visits & served) for e in day.executives),
        travel=replace(travel, metric=metric or travel.metric),
    )
    witness = {e: tuple(o) for e, o in orders.items() if o}
    return PromisedDay(kept, witness, rules=rules or BookingRules(), sale=sale or Sale())


def approach(
    day: PromisedDay, east_s: int = 0, north_s: int = 0, *, place_id: str = "new", legs: Mapping[str, int] | None = None
) -> Approach:
    """The day seen from an address of the toy map; `legs` replaces the travel to and from single places."""
    new = place(place_id, east_s, north_s)
    known = {p.place_id: p for p in places_of(day.problem.office, day.problem.visits, day.problem.executives)}
    places = [known[place_id] for place_id in day.problem.travel.place_ids]
    table = toy_table([*places, new])
    ids = [p.place_id for p in places]
    to_s = np.array([table.cost_s(place_id, p) for p in ids], dtype=np.int32)
    for row, place_known in enumerate(ids):
        if legs is not None and place_known in legs:
            to_s[row] = legs[place_known]
    return Approach(day, new, to_s, to_s.copy(), to_s * METRES_PER_SECOND, to_s * METRES_PER_SECOND)


def asked(service_s: int = 1_200, skills: Iterable[str] = (), service_id: str = "S1") -> AskedService:
    """A service somebody asks for."""
    return AskedService(service_id, service_s, frozenset(skills))
