"""One day simulated: its wishes, who gets a slot, and the plan of the day.

Every citizen asks in turn for the slot in which their moment lies, and takes the nearest slot that is offered, the
later one of two; who is offered nothing is not served. Then the day is planned with its deliveries, from the witness of
its promises on, and judged by the checker.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.calendar import service_longer_than_slot, slot_grid
from optimizer.check import violations
from optimizer.domain import (
    Appointment,
    AskedService,
    BookingRequest,
    MitaanError,
    Place,
    Problem,
    Proof,
    Result,
    Slot,
    places_of,
)
from optimizer.planner import plan_day
from optimizer.report import kpis
from optimizer.slots import Approach, NoRoom, Offers, PromisedDay, offer_slots, promise
from optimizer.units import HOUR_S, clock
from scenarios.catalogue import Catalogue, City, CityVolume, Service
from scenarios.generate.addresses import AddressBook
from scenarios.generate.city_day import SECOND_SERVICE_PERCENT, Load, generate_day, service_shares, slot_weights
from scenarios.generate.dice import Dice
from scenarios.generate.parts import numbered
from scenarios.study.results import CellResult
from scenarios.study.spec import Cell, StudySpec, check_study
from scenarios.travel import FormulaSpec, formula_rows, formula_table, formula_table_of_spots, spots


class NoPlan(MitaanError):  # noqa: N818  (what happened, in two words)
    """The search ended before there was a plan, or the checker found a broken rule in it."""


# --------------------------------------------------------------------------------------- wishes


@dataclass(frozen=True, slots=True)
class TimedWish:
    """A service at a place, wanted at a moment of the day, whatever the slots are; the moment is a day second.

    `follows`: the citizen of the wish before, who wants one service more, right after that one.
    """

    place: Place
    service: Service
    moment_s: int
    follows: bool


def timed_wishes(catalogue: Catalogue, city: City, date: dt.date, count: int, seed: int) -> tuple[TimedWish, ...]:
    """The wishes of a day in the order in which citizens ask; more of them begin with the same ones.

    Addresses, services, hours and second services are wanted as in `generate_day`, moments to the minute.
    """
    services = catalogue.services_on(date, city)
    if not services:
        return ()
    dice = Dice(seed, city.city_id, date.isoformat(), "study")
    book, shares = AddressBook(catalogue, city), service_shares(catalogue, services)
    minutes = slot_grid(catalogue.rules, 1)
    weights = slot_weights(catalogue, minutes, date)
    made: list[TimedWish] = []
    for number, place_id in enumerate(numbered("W", count)):
        follows = number > 0 and dice.chance(SECOND_SERVICE_PERCENT)
        point = book.draw(dice).place(place_id)
        moment_s = minutes.slot(dice.pick(weights)).open_s
        if follows:
            point, moment_s = replace(made[-1].place, place_id=place_id), made[-1].moment_s
        made.append(TimedWish(point, services[dice.pick(shares)], moment_s, follows))
    return tuple(made)


# -------------------------------------------------------------------------------------- the day


@dataclass
class _Tally:
    """What became of the wishes so far."""

    accepted: int = 0
    first_choice: int = 0
    too_long: int = 0
    not_proved: int = 0


def run_cell(catalogue: Catalogue, spec: StudySpec, cell: Cell) -> CellResult:
    """Simulate one day. The same arguments give the same result, unless a clock ends the plan.

    Raises InvalidProblem for a study that the catalogue rules out, and NoPlan.
    """
    check_study(catalogue, spec)
    city = catalogue.city(spec.city)
    wishes, deliveries = _volume(catalogue, city, spec)
    sized = _sized(catalogue, city, deliveries, cell.setting.executives)
    drawn = generate_day(sized, city, spec.date, Load.AS_RUN, cell.seed, cell.setting.slot_minutes).day.problem
    staffed = replace(
        drawn,
        visits=(),
        executives=tuple(replace(e, preferred_visits=frozenset()) for e in drawn.executives),
        input_sha256=None,
    )
    scheme = catalogue.scheme
    travel = FormulaSpec(margin_pct=scheme.travel_margin_percent, speed_kmh_by_hour=catalogue.speed_kmh_by_hour)
    asked = timed_wishes(catalogue, city, spec.date, wishes, cell.seed)
    promised, tally = _booked(staffed, travel, asked)
    visits = (*promised.problem.visits, *drawn.deliveries)
    places = places_of(staffed.office, visits, staffed.executives)
    problem = replace(staffed, visits=visits, travel=formula_table(places, travel))
    result = plan_day(problem, replace(spec.limits, seed=cell.seed), start=promised.witness)
    return _reported(cell, problem, _judged(problem, result), tally, len(asked))


def _volume(catalogue: Catalogue, city: City, spec: StudySpec) -> tuple[int, int]:
    """Wishes and deliveries: of those of the city on this date so many per cent, rounded, halves up."""
    ordinary = generate_day(catalogue, city, spec.date, Load.AS_RUN)
    booked, deliveries = len(ordinary.day.problem.appointments), len(ordinary.day.problem.deliveries)
    percent = spec.demand_percent
    return (percent * (booked + ordinary.refused) + 50) // 100, (percent * deliveries + 50) // 100


def _sized(catalogue: Catalogue, city: City, deliveries: int, executives: int) -> Catalogue:
    """The catalogue with another volume of this city on every day: so many deliveries and executives, no wishes."""
    volume = CityVolume(city.city_id, 0, 10 * deliveries, executives, 0, 10 * deliveries, executives)
    return replace(catalogue, volumes=(volume,), scheme=replace(catalogue.scheme, sunday_demand_percent=100))


def _booked(staffed: Problem, travel: FormulaSpec, wishes: Sequence[TimedWish]) -> tuple[PromisedDay, _Tally]:
    """The day after all have asked, one after the other, each promised with a witness."""
    known = spots(places_of(staffed.office, (), staffed.executives))
    day = PromisedDay(replace(staffed, travel=formula_table_of_spots(known, travel)), {})
    tally, grid = _Tally(), staffed.grid
    before: int | None = None  # the slot that the wish before got
    for visit_id, wish in zip(numbered("A", len(wishes)), wishes, strict=True):
        wanted = (wish.moment_s - grid.open_s) // grid.slot_s
        if wish.follows and before is not None:
            wanted = min(before + 1, len(grid) - 1)
        if service_longer_than_slot(wish.service.collect_s, grid):
            tally.too_long += 1
            before = None
            continue
        seconds, metres = formula_rows(known, wish.place, 0, travel)
        approach = Approach(day, wish.place, seconds, seconds, metres, metres)
        offers = offer_slots([approach], _request(staffed.date, wish))
        before = None
        for slot in _nearest(day, offers, wanted):
            made = promise(approach, [_appointment(visit_id, wish, slot)])
            if isinstance(made, NoRoom):
                continue  # found by a search with less effort left to others; the next slot is asked
            day, known = made, known.and_one(wish.place, 0)
            before = grid.index_of(slot)
            tally.accepted += 1
            tally.first_choice += before == wanted
            break
        if before is None:
            tally.not_proved += any(no.reasons[0].proof is Proof.HEURISTIC for no in offers.refused)
    return day, tally


def _request(date: dt.date, wish: TimedWish) -> BookingRequest:
    """Asked the day before at noon: early enough for every slot."""
    service = AskedService(wish.service.service_id, wish.service.collect_s, wish.service.skills)
    return BookingRequest(wish.place, (service,), date, date, clock(date - dt.timedelta(days=1), 12 * HOUR_S))


def _nearest(day: PromisedDay, offers: Offers, wanted: int) -> list[Slot]:
    """The offered slots, the nearest to the wanted one first, the later one of two."""
    numbers = {slot: number for number, slot in enumerate(day.slots)}
    offered = [offer.slot for offer in offers.offers]
    return sorted(offered, key=lambda slot: (abs(numbers[slot] - wanted), -numbers[slot]))


def _appointment(visit_id: str, wish: TimedWish, slot: Slot) -> Appointment:
    service = wish.service
    return Appointment(visit_id, wish.place, slot, service.collect_s, service.service_id, service.skills)


def _judged(problem: Problem, result: Result | None) -> Result:
    """The result, which there is, and in which the checker finds nothing wrong. Raises NoPlan."""
    if result is None:
        raise NoPlan("the search ended before there was a plan; give it more time")
    wrong = violations(problem, result.plan, result.cost)
    if wrong:
        raise NoPlan(f"the checker found {wrong[0].code.value}: {wrong[0].text}")
    return result


def _reported(cell: Cell, problem: Problem, result: Result, tally: _Tally, wishes: int) -> CellResult:
    figures = kpis(problem, result.plan)
    return CellResult(
        executives=cell.setting.executives,
        slot_minutes=cell.setting.slot_minutes,
        seed=cell.seed,
        wishes=wishes,
        accepted=tally.accepted,
        first_choice=tally.first_choice,
        too_long=tally.too_long,
        not_proved=tally.not_proved,
        deliveries=figures.deliveries,
        delivered=figures.served_deliveries,
        service_s=figures.service_s,
        travel_s=figures.travel_s,
        overtime_s=figures.overtime_s,
        cost_s=result.cost.second_level_s,
        bound_s=result.lower_bound_s,
    )
