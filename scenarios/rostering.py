"""The roster problem of a city: its executives, its shifts, the labour rules, and what a forecast wants of them.

Appointments become executives: one in a slot wants one executive there, and more where not everybody on shift may be
promised away. Deliveries take no slot; their time, with the way to them, is wanted evenly over the open hours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from optimizer.calendar import SUNDAY, closed_because, slot_grid
from optimizer.capacity import CapacityProblem
from optimizer.demand import ANYBODY, Demand, sorted_needs
from optimizer.domain import Executive
from optimizer.roster import Contract, LabourRules, MinimumCover, Roster, RosterProblem, executives_on
from optimizer.units import MINUTE_S
from scenarios.capacity import CityCapacity, capacity_of, capacity_problem
from scenarios.catalogue import Catalogue, City
from scenarios.forecast import prior_demand
from scenarios.generate.addresses import AddressBook
from scenarios.generate.city_day import Reading, staff, staff_size, weekday_volume
from scenarios.generate.dice import Dice
from scenarios.labour import default_patterns, labour_rules
from scenarios.rosters import HOMES_SEED, Rosters
from scenarios.streams import StreamDay, stream_day

SHIFTS_A_WEEK = 6
DELIVERY_S = 6 * MINUTE_S
"""ASSUMPTION: at the door to hand over a certificate, as most services of the catalogue say."""


def city_contracts(catalogue: Catalogue, city: City, executives: int | None = None) -> tuple[Contract, ...]:
    """The executives of a city as its shift patterns have them (ASSUMPTION): kits, homes, six shifts a week."""
    count = staff_size(catalogue, city) if executives is None else executives
    dice, book = Dice(HOMES_SEED, city.city_id, "homes"), AddressBook(catalogue, city)
    team = staff(catalogue.scheme, city.office, count, [book.draw(dice) for _ in range(count)])
    week_s = SHIFTS_A_WEEK * (catalogue.scheme.shift_s - catalogue.scheme.break_s)
    return tuple(Contract(e.executive_id, e.start, e.end, e.skills, week_s=week_s) for e in team)


def executives_wanted(catalogue: Catalogue, city: City, demand: Demand, capacity: CityCapacity) -> Demand:
    """Executives wanted by date, slot and need, for the appointments of a forecast and the deliveries of the city."""
    needs = sorted_needs([*demand.needs, ANYBODY])
    expected = np.zeros((len(demand), len(demand.grid), len(needs)))
    alpha = np.array(capacity.alphas(len(demand.grid)))[None, :]
    for column, need in enumerate(demand.needs):
        share = np.minimum(alpha, capacity.kit_alpha) if need else alpha
        expected[:, :, needs.index(need)] = demand.expected[:, :, column] / share
    _, deliveries_tenths, _ = weekday_volume(catalogue, city, [], Reading.AS_RUN)
    open_s = demand.grid.close_s - demand.grid.open_s
    each_s = DELIVERY_S + capacity.travel_minutes * MINUTE_S
    for day, date in enumerate(demand.dates):
        if closed_because(catalogue.rules, date) is not None or date < city.in_scheme_since:
            continue
        percent = catalogue.scheme.sunday_demand_percent if date.weekday() == SUNDAY else 100
        expected[day, :, needs.index(ANYBODY)] += deliveries_tenths / 10 * percent / 100 * each_s / open_s
    return Demand(demand.first, demand.grid, needs, expected, f"{demand.basis}; deliveries added, by capacity")


def city_roster_problem(
    catalogue: Catalogue,
    city: City,
    first: dt.date,
    days: int,
    demand: Demand | None = None,
    contracts: tuple[Contract, ...] | None = None,
    rules: LabourRules | None = None,
    slot_minutes: int | None = None,
) -> RosterProblem:
    """The roster problem of a city from `first` on; by default its own staff, the demand and the slots of the data.

    Somebody is on shift in every slot. Kits have no minimum: most cities have one holder or two, whom demand for the
    kit places best.
    """
    grid, rules = slot_grid(catalogue.rules, slot_minutes), rules or labour_rules()
    last = first + dt.timedelta(days=days - 1)
    people = city_contracts(catalogue, city) if contracts is None else contracts
    demand = prior_demand(catalogue, city, first, last, slot_minutes) if demand is None else demand
    known = capacity_of(catalogue, city, len(people), service_s=grid.slot_s / 2, slot_s=grid.slot_s)
    closed = {
        date: reason
        for date in (first + dt.timedelta(days=day) for day in range(days))
        if (reason := _closed(catalogue, city, date)) is not None
    }
    return RosterProblem(
        city.city_id,
        first,
        days,
        grid,
        default_patterns(catalogue.scheme, rules, slot_minutes),
        people,
        executives_wanted(catalogue, city, demand, known),
        rules,
        minimum=(MinimumCover(1),),
        closed=closed,
    )


def day_capacity(
    catalogue: Catalogue, city: City, demand: Demand, date: dt.date, team: Sequence[Executive]
) -> CapacityProblem:
    """How much a day of a demand can carry with this team, room left for the deliveries of such a day."""
    day = stream_day(catalogue, city, demand, date, team)
    needs = sorted_needs([*day.needs, ANYBODY])  # a service that nobody expects takes a place for anybody
    expected = np.zeros((len(day.grid), len(needs)))
    service_s = [day.grid.slot_s / 2] * len(needs)
    for column, need in enumerate(day.needs):
        expected[:, needs.index(need)] = day.expected[:, column]
        service_s[needs.index(need)] = day.mean_service_s[column]
    known = capacity_of(catalogue, city, len(team), service_s=day.grid.slot_s / 2, slot_s=day.grid.slot_s)
    _, deliveries_tenths, _ = weekday_volume(catalogue, city, [], Reading.AS_RUN)
    percent = catalogue.scheme.sunday_demand_percent if date.weekday() == SUNDAY else 100
    deliveries = round(deliveries_tenths * percent / 1_000)
    return capacity_problem(known, day.grid, needs, day.executives, expected, service_s, deliveries, delivery_s(day))


def delivery_s(day: StreamDay) -> int:
    """Planned seconds at the door to hand a certificate over, on average over the services that have one."""
    times = [s.deliver_s for s in day.catalogue.services_on(day.date, day.city) if s.needs_delivery]
    return round(sum(times) / len(times)) if times else 0


def _closed(catalogue: Catalogue, city: City, date: dt.date) -> str | None:
    return "not_in_scheme_yet" if date < city.in_scheme_since else closed_because(catalogue.rules, date)


def rosters_of(problem: RosterProblem, roster: Roster) -> Rosters:
    """The roster by date, as files and stores have it; closed days have none."""
    by_date: dict[dt.date, tuple[Executive, ...]] = {
        date: executives_on(problem, roster, date) for date in problem.dates if date not in problem.closed
    }
    return by_date
