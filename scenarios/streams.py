"""Streams of booking requests for one day of a city, cut by quotas: can all that were accepted be served together?

A stream is drawn from a demand (Poisson by slot and need, services by their mix, addresses from the gazetteer, order
of arrival by chance), alike on every machine for the same seed. A request wants one slot and leaves when it is full.
Wishes that nobody could serve even on an empty day are put aside first: they are a matter of coverage, not of capacity.

Plans are made with service and travel at their 80 % quantile; for travel that takes the place of the safety margin.
`executed` runs a plan with times drawn from the same distributions.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from statistics import NormalDist

import numpy as np

from optimizer.arrays import BoolArray, Int64Array, day_arrays
from optimizer.bounds import broken_promises_bound
from optimizer.capacity import Quotas, Taken
from optimizer.capacity.cover import on_shift
from optimizer.check import violations
from optimizer.demand import Demand, FloatArray
from optimizer.domain import Appointment, DayPlan, Executive, Prices, Problem, SlotGrid, places_of
from optimizer.engines import Orders
from optimizer.engines.columns import columns
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.pricing import Pricer
from optimizer.engines.columns.promises import broken_promises_by_routes
from optimizer.engines.insertion import insertion
from optimizer.engines.routes import routes_of, rows_of
from optimizer.slots.annealing import NONE, anneal, stream
from optimizer.stop import StopAt
from optimizer.timing import earliest_end_s, timed
from scenarios.capacity import AddressSample
from scenarios.catalogue import Catalogue, City, Service
from scenarios.generate.addresses import AddressBook, Point
from scenarios.generate.city_day import bookable_services, service_shares
from scenarios.generate.dice import Dice
from scenarios.generate.parts import office_of
from scenarios.generate.wishes import poisson
from scenarios.travel.formula import FormulaSpec, formula_table, straight_line_dm

QUANTILE = 0.80
"""Service and travel of plans are met or undercut in so many cases."""

SERVICE_CV = 0.35
"""ASSUMPTION: standard deviation of the minutes at the door by their mean. Lognormal, mean as in the catalogue, and cut
off at the length of a slot: a visit is then broken off. Nobody has published such times; papers that lack and portals
that wait make long tails."""

TRAVEL_SIGMA = 0.23
"""ASSUMPTION: lognormal factor of each trip round the formula, mean 1. Its mean error is 0.8 sigma = 18 %: the middle
of the 12 to 25 % by which the formula was off real networks before calibration."""

MILLION = 1_000_000
_FINE = 1 << 48
_STANDARD = NormalDist()
_FREE = Prices(overtime_permille=0, fairness=(), continuity_s=0)


def quantile_factor(sigma: float, share: float = QUANTILE) -> float:
    """The quantile of a lognormal factor of mean 1 whose logarithm has this standard deviation."""
    return math.exp(sigma * _STANDARD.inv_cdf(share) - sigma * sigma / 2)


SERVICE_SIGMA = math.sqrt(math.log(1 + SERVICE_CV**2))
SERVICE_FACTOR_PERMILLE = math.ceil(1_000 * quantile_factor(SERVICE_SIGMA))
TRAVEL_MARGIN_PCT = math.ceil(100 * (quantile_factor(TRAVEL_SIGMA) - 1))


def planned_service_s(service_s: int, slot_s: int) -> int:
    """Service at its 80 % quantile, never longer than a slot."""
    return min(slot_s, -(-service_s * SERVICE_FACTOR_PERMILLE // 1_000))


# -------------------------------------------------------------------------------------- the day


@dataclass(frozen=True, eq=False)
class StreamDay:
    """A day before anybody has called: who works, what is expected, and how requests are drawn.

    `expected[slot, need]` is that of one date. `mix[need]` are the services of a need, each as likely as its share.
    """

    catalogue: Catalogue
    city: City
    date: dt.date
    executives: tuple[Executive, ...]
    grid: SlotGrid
    needs: tuple[frozenset[str], ...]
    expected: FloatArray
    mix: tuple[tuple[tuple[Service, int], ...], ...]

    @cached_property
    def book(self) -> AddressBook:
        """Addresses of the city."""
        return AddressBook(self.catalogue, self.city)

    @cached_property
    def sample(self) -> AddressSample:
        """Addresses that stand for all of the city."""
        return AddressSample.of(self.catalogue, self.city)

    @cached_property
    def planned(self) -> FormulaSpec:
        """Travel at its 80 % quantile."""
        return FormulaSpec(margin_pct=TRAVEL_MARGIN_PCT, speed_kmh_by_hour=self.catalogue.speed_kmh_by_hour)

    @cached_property
    def mean_service_s(self) -> tuple[float, ...]:
        """Planned seconds at the door by need, on average over its services."""
        means = []
        for services in self.mix:
            shares = sum(share for _, share in services)
            planned = sum(share * planned_service_s(s.collect_s, self.grid.slot_s) for s, share in services)
            means.append(planned / shares if shares else 0.0)
        return tuple(means)


def stream_day(
    catalogue: Catalogue, city: City, demand: Demand, date: dt.date, executives: Iterable[Executive]
) -> StreamDay:
    """The day of a demand with these executives; needs for which no service can be had are not drawn."""
    team = tuple(sorted(executives, key=lambda e: e.executive_id))
    services = bookable_services(catalogue, city, date, demand.grid)
    shares = service_shares(catalogue, services)
    mix = tuple(
        tuple((service, share) for service, share in zip(services, shares, strict=True) if service.skills == need)
        for need in demand.needs
    )
    had = np.array([sum(share for _, share in pairs) > 0 for pairs in mix])
    return StreamDay(catalogue, city, date, team, demand.grid, demand.needs, demand.on(date) * had, mix)


# ------------------------------------------------------------------------------------ the stream


@dataclass(frozen=True, slots=True)
class Request:
    """One request: where, which service, which slot (a number), of which need (a position)."""

    point: Point
    service: Service
    slot: int
    need: int


@dataclass(frozen=True, eq=False)
class Stream:
    """The requests of one day in order of arrival, all as visits of one problem, and who could serve each alone.

    `able[e, r]`: e can make request r and nothing else within shift, break, slot and way, at planned times.
    """

    day: StreamDay
    seed: int
    requests: tuple[Request, ...]
    problem: Problem
    able: BoolArray

    @cached_property
    def servable(self) -> BoolArray:
        """By request: somebody could serve it alone."""
        anybody: BoolArray = np.asarray(self.able.any(axis=0))
        return anybody

    @cached_property
    def hard(self) -> BoolArray:
        """By request: not all who are on shift and hold what it needs could serve it alone."""
        arrays, grid = day_arrays(self.problem), self.day.grid.slots()
        there = np.array(
            [[on_shift(e, slot.open_s, slot.close_s) for slot in grid] for e in self.day.executives], dtype=np.bool_
        ).reshape(len(self.day.executives), len(grid))
        wanted = arrays.may_serve & there[:, arrays.slot]
        some: BoolArray = np.asarray((wanted & ~self.able).any(axis=0))
        return some

    @cached_property
    def minutes_off(self) -> FloatArray:
        """By request: mean minutes to the other addresses of the city, at the reference speed."""
        return self.day.sample.minutes_off([visit.place for visit in self.problem.visits])

    def accepted(self, rows: Sequence[int]) -> Problem:
        """The day with these of the requests as promises."""
        return replace(self.problem, visits=tuple(self.problem.visits[row] for row in rows))


def draw(day: StreamDay, seed: int) -> Stream:
    """The stream of a seed."""
    words = (day.city.city_id, day.date.isoformat(), "stream")
    numbers, what = Dice(seed, *words, "numbers"), Dice(seed, *words, "requests")
    wished: list[tuple[int, int]] = []
    for slot in range(len(day.grid)):
        for need in range(len(day.needs)):
            mean = round(float(day.expected[slot, need]) * MILLION)
            wished += [(slot, need)] * (poisson(numbers, mean) if mean else 0)
    requests = []
    for slot, need in numbers.shuffled(wished):
        services = day.mix[need]
        service = services[what.pick([share for _, share in services])][0]
        requests.append(Request(day.book.draw(what), service, slot, need))
    return _stream(day, seed, tuple(requests))


def _stream(day: StreamDay, seed: int, requests: tuple[Request, ...]) -> Stream:
    visits = tuple(
        Appointment(
            f"r{row:04d}",
            request.point.place(f"r{row:04d}"),
            day.grid.slot(request.slot),
            planned_service_s(request.service.collect_s, day.grid.slot_s),
            request.service.service_id,
            request.service.skills,
        )
        for row, request in enumerate(requests)
    )
    office = office_of(day.city)
    table = formula_table(places_of(office, visits, day.executives), day.planned)
    problem = Problem(day.city.city_id, day.date, day.grid, office, visits, day.executives, table, _FREE)
    arrays = day_arrays(problem)
    able = np.zeros((len(day.executives), len(visits)), dtype=np.bool_)
    for e, v in zip(*(axis.tolist() for axis in np.nonzero(arrays.may_serve)), strict=True):
        slot = visits[v].slot
        if on_shift(day.executives[e], slot.open_s, slot.close_s):
            alone = np.array([v], dtype=np.int64)
            able[e, v] = earliest_end_s(arrays, e, alone) <= arrays.latest_end_s[e]
    return Stream(day, seed, requests, problem, able)


def cut(made: Stream, quotas: Quotas, remote_minutes: float | None = None, *, dealt: bool = True) -> list[int]:
    """Rows of the requests accepted, in order of arrival.

    A request is accepted when somebody could serve it alone and the quotas have room for it. With `remote_minutes` it
    is remote where it is at least so far off, or so far from where executives start that not all on shift could be
    there and back in time. `dealt`: and the promises of its slot can be dealt out to different executives who
    could each serve theirs alone (a matching).
    """
    taken = Taken.nothing(len(quotas.grid), len(quotas.needs))
    table = np.full((len(made.day.executives), len(quotas.grid)), NONE, dtype=np.int64)
    far = np.zeros(len(made.requests), dtype=np.bool_)
    if remote_minutes is not None:
        far = made.hard | (made.minutes_off >= remote_minutes)
    rows: list[int] = []
    for row, request in enumerate(made.requests):
        slot, need, remote = request.slot, request.need, bool(far[row])
        if not made.servable[row] or not quotas.has_room(taken, slot, need, remote=remote):
            continue
        if not dealt or _placed(table, made.able, row, slot, set()):
            taken.add(slot, need, remote=remote)
            rows.append(row)
    return rows


# --------------------------------------------------------------------------------- served jointly


class Served(StrEnum):
    """Can all promises be served together? Unknown counts as no wherever a share is stated."""

    YES = "yes"  # a complete plan was found, and the checker accepts it
    NO = "no"  # proven: no plan serves all
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer, which step gave it, and the plan of a yes."""

    served: Served
    step: str
    orders: Orders | None = None


SWEEPS = 120
"""Iterations of insertion, which begins anew up to twelve times."""
ANNEALINGS, MOVES = 4, 60_000
"""Repairs that are tried from a matching of each slot, and moves of each."""
ROUNDS = 200
"""Iterations of column generation for a proof, and of the exact engine for a plan."""


def served_jointly(problem: Problem, rounds: int = ROUNDS) -> Judged:
    """Is there a complete plan of these appointments? Cheap steps first; the same answer on every machine.

    A bound by matching; insertion with sweeps; annealing on lateness; a proof by column generation; the exact engine.
    """
    if not problem.visits:
        return Judged(Served.YES, "empty", {})
    if not problem.executives or broken_promises_bound(problem) > 0:
        return Judged(Served.NO, "matching")
    built = insertion(problem, StopAt(iterations=SWEEPS))
    start: Orders = {} if built is None else built.orders
    if _complete(problem, start):
        return Judged(Served.YES, "insertion", start)
    repaired = _repaired(problem, start)
    if repaired is not None and _complete(problem, repaired):
        return Judged(Served.YES, "annealing", repaired)
    day, rows = day_arrays(problem), rows_of(routes_of(problem, start))
    best = Incumbent(day, Pricer(day).fleet, rows)
    if broken_promises_by_routes(day, best, StopAt(iterations=rounds), None) > 0:
        return Judged(Served.NO, "columns")
    found = columns(problem, StopAt(iterations=rounds), start=start)
    if found is not None and _complete(problem, found.orders):
        return Judged(Served.YES, "columns", found.orders)
    proven = found is not None and found.broken_promises_bound > 0
    return Judged(Served.NO if proven else Served.UNKNOWN, "columns")


def _complete(problem: Problem, orders: Orders) -> bool:
    """All are served, and the checker finds nothing."""
    if sum(len(order) for order in orders.values()) < len(problem.visits):
        return False
    return not violations(problem, timed(problem, orders))


def _repaired(problem: Problem, start: Orders) -> Orders | None:
    """A plan on time by annealing from the start, whoever is left out put where skills and shifts allow."""
    day = day_arrays(problem)
    slots = len(problem.grid)
    able = day.may_serve.copy()
    for e, executive in enumerate(problem.executives):
        inside = [
            executive.shift.open_s <= s.close_s and s.open_s < executive.shift.latest_end_s
            for s in problem.grid.slots()
        ]
        able[e] &= np.array(inside)[day.slot]
    table = np.full((len(problem.executives), slots), NONE, dtype=np.int64)
    for executive_id, order in start.items():
        for visit_id in order:
            row = problem.visit_row[visit_id]
            table[problem.executive_row[executive_id], day.slot[row]] = row
    for row in sorted(set(range(len(problem.visits))) - set(table[table >= 0].tolist())):
        if not _placed(table, able, row, int(day.slot[row]), set()):
            return None
    for number in range(ANNEALINGS):
        tried = table.copy()
        late, _ = anneal(day, able, tried, 0, slots - 1, MOVES, stream(number + 1))
        if late == 0:
            return {
                executive.executive_id: tuple(problem.visits[v].visit_id for v in tried[e] if v >= 0)
                for e, executive in enumerate(problem.executives)
                if (tried[e] >= 0).any()
            }
    return None


def _placed(table: Int64Array, able: BoolArray, row: int, slot: int, asked: set[int]) -> bool:
    """An augmenting path in the slot: somebody free takes the visit, or somebody who can hand theirs on."""
    for e in np.flatnonzero(able[:, row]).tolist():
        if table[e, slot] < 0:
            table[e, slot] = row
            return True
    for e in np.flatnonzero(able[:, row]).tolist():
        if e not in asked:
            asked.add(e)
            if _placed(table, able, int(table[e, slot]), slot, asked):
                table[e, slot] = row
                return True
    return False


# --------------------------------------------------------------------------------- on the street


@dataclass(frozen=True, slots=True)
class Executed:
    """A plan run once with drawn times: visits, and how many began after their slot closed, or ended after it."""

    visits: int
    begun_late: int
    ended_late: int
    late_s: int


def executed(made: Stream, plan: DayPlan, seed: int) -> Executed:
    """Run the plan: each executive makes their stops in order, waits for the slot to open, and rests where planned.

    Each trip has the formula's seconds without margin times a factor of its own; each service its own length.
    """
    dice = Dice(seed, made.day.city.city_id, str(made.seed), "execution")
    problem = made.problem
    travel = replace(problem.travel, margin_pct=0)
    visits = begun_late = ended_late = late_s = 0
    for route in plan.routes:
        executive = problem.executive_by_id[route.executive_id]
        now, here = route.depart_s, executive.start
        pause = route.pause
        if pause is not None and pause.after_stops == 0 and pause.place_id == here.place_id:
            now = max(now, pause.end_s)
        for number, stop in enumerate(route.stops):
            visit = problem.visit_by_id[stop.visit_id]
            assert isinstance(visit, Appointment)  # noqa: S101  (streams have no deliveries)
            request = made.requests[problem.visit_row[stop.visit_id]]
            factor = _factor(dice, TRAVEL_SIGMA)
            work = round(travel.work(travel.cost_s(here.place_id, visit.place.place_id)) * factor)
            now = travel.finish_s(now, work)
            here = visit.place
            if pause is not None and pause.after_stops == number and pause.place_id == here.place_id:
                now = max(now, executive.pause.window.open_s if executive.pause else now)
                now += pause.end_s - pause.start_s
            now = max(now, visit.slot.open_s)
            begun_late += now > visit.slot.close_s
            length_s = min(made.day.grid.slot_s, round(request.service.collect_s * _factor(dice, SERVICE_SIGMA)))
            now += length_s
            ended_late += now > visit.slot.close_s
            late_s += max(0, now - visit.slot.close_s)
            visits += 1
            if pause is not None and pause.after_stops == number + 1 and pause.place_id == here.place_id:
                now = max(now, executive.pause.window.open_s if executive.pause else now)
                now += pause.end_s - pause.start_s
    return Executed(visits, begun_late, ended_late, late_s)


def _factor(dice: Dice, sigma: float) -> float:
    chance = (2 * dice.below(_FINE) + 1) / (2 * _FINE)
    return math.exp(sigma * _STANDARD.inv_cdf(chance) - sigma * sigma / 2)


# -------------------------------------------------------------------------------------- coverage


@dataclass(frozen=True, slots=True)
class Coverage:
    """Requests of a locality over some streams: how many, how many nobody could serve, how many found no place."""

    locality: str
    lon: float
    lat: float
    requests: int
    unservable: int
    refused: int


def coverage(streams: Iterable[tuple[Stream, Sequence[int]]]) -> tuple[Coverage, ...]:
    """Where requests were refused, by the nearest locality of the gazetteer; most refused first.

    Takes streams with the rows that were accepted.
    """
    counts: Counter[tuple[int, str]] = Counter()
    localities = None
    for made, rows in streams:
        if localities is None:
            localities = made.day.catalogue.localities_of(made.day.city)
        if not localities or not made.requests:
            continue
        spots = [Point.at(row.lon, row.lat).place("locality") for row in localities]
        nearest = straight_line_dm([v.place for v in made.problem.visits], spots).argmin(axis=1).tolist()
        taken = set(rows)
        for row, near in enumerate(nearest):
            counts[near, "requests"] += 1
            if not made.servable[row]:
                counts[near, "unservable"] += 1
            elif row not in taken:
                counts[near, "refused"] += 1
    found = [
        Coverage(row.name, row.lon, row.lat, *(counts[n, what] for what in ("requests", "unservable", "refused")))
        for n, row in enumerate(localities or ())
        if counts[n, "requests"]
    ]
    return tuple(sorted(found, key=lambda c: (-c.unservable - c.refused, c.locality)))
