"""The days that capacity is measured on: the staff of a city by its shift patterns, and more requests than fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from optimizer.calendar import slot_grid
from optimizer.capacity import CapacityProblem, CapacityResult, Quotas, quotas_of
from optimizer.capacity.cover import cover
from optimizer.demand import ANYBODY, Demand, sorted_needs
from optimizer.domain import Problem
from optimizer.timing import timed
from optimizer.units import MINUTE_S
from scenarios.capacity import CityCapacity, capacity_problem
from scenarios.catalogue import City, load_catalogue
from scenarios.generate.city_day import bookable_services, service_shares, slot_weights, weekday_volume
from scenarios.rostering import delivery_s
from scenarios.rosters import pattern_roster
from scenarios.streams import Judged, Served, Stream, StreamDay, cut, draw, served_jointly, stream_day

DATE = dt.date(2026, 12, 1)
"""A Tuesday."""

HEAVY, PLAIN = 150, 100
"""Requests in per cent of the executive-slots of the day: at 150 nearly every slot is wanted by more than fit."""

TARGET = 0.99


@lru_cache(maxsize=64)
def saturated(city_id: str, percent: int) -> StreamDay:
    """The day of a city with requests of so many per cent of its executive-slots, by the hours and services of the
    catalogue."""
    catalogue = load_catalogue()
    city, grid = catalogue.city(city_id), slot_grid(catalogue.rules)
    team = pattern_roster(catalogue, city, DATE, DATE)[DATE]
    services = bookable_services(catalogue, city, DATE, grid)
    shares = service_shares(catalogue, services)
    needs = sorted_needs([ANYBODY, *(service.skills for service in services)])
    by_need = [sum(share for s, share in zip(services, shares, strict=True) if s.skills == need) for need in needs]
    slots = cover(team, grid, [ANYBODY], [(0,)]).sum()
    weights = np.array(slot_weights(catalogue, grid, DATE), dtype=np.float64)
    expected = np.outer(weights / weights.sum(), np.array(by_need) / sum(by_need)) * slots * percent / 100
    demand = Demand(DATE, grid, needs, expected[None], f"{percent} % of the executive-slots")
    return stream_day(catalogue, city, demand, DATE, team)


def deliveries_of(city: City) -> int:
    """Deliveries of an ordinary weekday."""
    return round(weekday_volume(load_catalogue(), city, [])[1] / 10)


def problem_of(day: StreamDay, capacity: CityCapacity) -> CapacityProblem:
    """The capacity problem of a day with room for the deliveries of an ordinary weekday."""
    return capacity_problem(
        capacity,
        day.grid,
        day.needs,
        day.executives,
        day.expected,
        day.mean_service_s,
        deliveries_of(day.city),
        delivery_s(day),
    )


def solved(day: StreamDay, capacity: CityCapacity) -> CapacityResult:
    """The quotas of a day."""
    return quotas_of(problem_of(day, capacity))


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to cut streams."""

    quotas: Quotas
    remote_minutes: float | None = None
    dealt: bool = True

    def rows(self, day: StreamDay, seed: int) -> list[int]:
        """Rows accepted of the stream of a seed."""
        return cut(draw_kept(day, seed), self.quotas, self.remote_minutes, dealt=self.dealt)


@lru_cache(maxsize=1_100)  # the training streams of one city
def draw_kept(day: StreamDay, seed: int) -> Stream:
    """`draw`, remembered."""
    return draw(day, seed)


@dataclass
class Kept:
    """How many of so many streams were kept."""

    streams: int = 0
    served: int = 0
    unknown: int = 0
    accepted: int = 0
    early: bool = False

    def add(self, judged: Judged, accepted: int) -> None:
        """One more stream."""
        self.streams += 1
        self.served += judged.served is Served.YES
        self.unknown += judged.served is Served.UNKNOWN
        self.accepted += accepted


def judge(
    day: StreamDay,
    rule: Rule,
    seeds: Iterable[int],
    most_broken: int | None = None,
    tell: Callable[[], None] | None = None,
) -> Kept:
    """Judge the streams of these seeds; ends early once more than `most_broken` were not served."""
    kept = Kept()
    for seed in seeds:
        made = draw_kept(day, seed)
        rows = rule.rows(day, seed)
        kept.add(served_jointly(made.accepted(rows)), len(rows))
        if tell is not None:
            tell()
        if most_broken is not None and kept.streams - kept.served > most_broken:
            kept.early = True
            break
    return kept


def travel_minutes(problem: Problem, judged: Judged) -> float:
    """Minutes on the way by the clock of a plan, by visit."""
    if judged.orders is None or not problem.visits:
        return 0.0
    seconds = 0
    for route in timed(problem, judged.orders).routes:
        seconds += route.stops[0].arrival_s - route.depart_s + route.return_s - route.stops[-1].leave_s
        seconds += sum(b.arrival_s - a.leave_s for a, b in pairwise(route.stops))
        if route.pause is not None and not route.pause.after_stops and route.pause.start_s >= route.depart_s:
            seconds -= max(0, min(route.pause.end_s, route.stops[0].arrival_s) - route.pause.start_s)
    return seconds / len(problem.visits) / MINUTE_S
