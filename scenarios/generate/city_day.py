"""A made-up day of a city: its gazetteer, its mix of services, its hours, its volumes, its staff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from optimizer.calendar import SUNDAY, is_working_day, slot_grid
from optimizer.domain import (
    Appointment,
    Break,
    Delivery,
    Executive,
    Fault,
    InvalidProblem,
    Place,
    Prices,
    ServiceRules,
    Shift,
    SlotGrid,
    TimeWindow,
    Visit,
)
from optimizer.units import HOUR_S, MINUTE_S
from scenarios.catalogue import Catalogue, City, CityVolume, SchemeRules, Service
from scenarios.generate.addresses import AddressBook, Point
from scenarios.generate.diary import Diary, Wish, on_shift
from scenarios.generate.dice import Dice
from scenarios.generate.parts import GeneratedDay, check_date, made_up, numbered, office_of
from scenarios.travel.formula import FormulaSpec


class Load(StrEnum):
    """How much work a day holds: as the scheme ran, half as much again, or all that fits."""

    AS_RUN = "as-run"
    BUSY = "busy"
    FULL = "full"


class Reading(StrEnum):
    """Two readings of a city's demand: by what the scheme did, flat over the cities, or by the population."""

    AS_RUN = "as_run"
    DEMAND_LED = "demand_led"


SECOND_SERVICE_PERCENT = 8
"""ASSUMPTION: citizens who book one more service at once, for the slot after the last one if it has room."""
PREFERRED_PERCENT = 4
"""ASSUMPTION: visits for which one executive is preferred, because they were there before; at least two a day."""
NARROW_PERCENT = 20
"""ASSUMPTION: deliveries whose citizen is at home for part of the day only."""
PEOPLE_POWER = {Reading.AS_RUN: 0.3, Reading.DEMAND_LED: 1.0}
"""Visits grow with the population to this power; see city_volumes.csv."""
PEOPLE_ASSUMED = 20_000
"""ASSUMPTION, for a town whose population is not known: a small municipal council."""
SHARE_UNKNOWN_TENTHS = 5
"""ASSUMPTION: per mille of collections for a service that the mix does not list."""

# Of a hundred deliveries, by days left to the due date, in working days: overdue, due today, due this week, later.
_OVERDUE, _TODAY, _SOON = 8, 20, 50


@dataclass(frozen=True, slots=True)
class _Volume:
    """Visits and staff of one day."""

    collections: int
    deliveries: int
    executives: int


@dataclass(frozen=True, slots=True)
class _Request:
    """An appointment before it has an id: where, what, in which slot."""

    slot: int
    number: int
    point: Point
    service: Service


# ------------------------------------------------------------------------------------- volumes


def staff_size(catalogue: Catalogue, city: City) -> int:
    """Executives of the city on every day. Raises InvalidProblem where that cannot be known, as `generate_day`."""
    return weekday_volume(catalogue, city, [])[2]


def weekday_volume(
    catalogue: Catalogue, city: City, notes: list[str], reading: Reading = Reading.AS_RUN
) -> tuple[int, int, int]:
    """Tenths of collections, tenths of deliveries and executives of a weekday; what is assumed goes to `notes`.

    They are those of city_volumes.csv, else by the rule that table was made with. Raises InvalidProblem where no
    city has both a volume and a population.
    """
    known = catalogue.volume_of(city)
    if known is not None:
        return _columns(known, reading)
    collections, deliveries = _by_population(catalogue, city, notes, reading)
    stops = 1_000 * catalogue.scheme.stops_per_executive
    return collections, deliveries, max(1, _of(collections + deliveries, 100, stops))


def _volume(catalogue: Catalogue, city: City, date: dt.date, notes: list[str]) -> _Volume:
    """Visits of an ordinary day and staff."""
    scheme = catalogue.scheme
    collections, deliveries, executives = weekday_volume(catalogue, city, notes)
    if date.weekday() == SUNDAY:
        collections = _of(collections, scheme.sunday_demand_percent, 100)
        deliveries = _of(deliveries, scheme.sunday_demand_percent, 100)
    return _Volume(_of(collections, 1, 10), _of(deliveries, 1, 10), executives)


def _columns(known: CityVolume, reading: Reading) -> tuple[int, int, int]:
    if reading is Reading.AS_RUN:
        return known.collections_as_run_tenths, known.deliveries_as_run_tenths, known.executives_as_run
    return known.collections_demand_led_tenths, known.deliveries_demand_led_tenths, known.executives_demand_led


def _by_population(catalogue: Catalogue, city: City, notes: list[str], reading: Reading) -> tuple[int, int]:
    """Tenths of collections and deliveries a day, from the largest city whose volume is known."""
    population = city.population
    if population is None:
        population = PEOPLE_ASSUMED
        notes.append(f"{city.city_id}: population not known; {PEOPLE_ASSUMED} assumed")
    models = [
        (model.population, volume)
        for model in catalogue.cities
        if (volume := catalogue.volume_of(model)) is not None and model.population is not None
    ]
    if not models:
        raise InvalidProblem(
            [Fault(("city",), "no_volume", city.city_id, "city_volumes.csv has a city whose population is known")]
        )
    people, volume = max(models, key=lambda model: model[0])
    power = PEOPLE_POWER[reading]
    notes.append(f"{city.city_id}: visits not known; assumed to grow with population to the power {power}")
    collections, deliveries, _ = _columns(volume, reading)
    scale = (population / people) ** power
    return round(collections * scale), round(deliveries * scale)


def _of(amount: int, part: int, whole: int) -> int:
    """The amount times part / whole, rounded, halves up."""
    return (2 * amount * part + whole) // (2 * whole)


# --------------------------------------------------------------------------------------- staff


def staff(scheme: SchemeRules, office: Place, count: int, homes: Sequence[Point]) -> tuple[Executive, ...]:
    """Executives E01, E02, ...: the first half on the early shift, the others on the late one, each with a break.

    Kits go to both shifts in turn from the first of each, homes from the last of each; there are no more
    homes than points given.
    """
    rules = scheme.service
    length_s = min(scheme.shift_s, rules.close_s - rules.open_s)
    early = (count + 1) // 2
    in_turn = sorted(range(count), key=lambda row: (row if row < early else row - early, row))
    kits: dict[int, set[str]] = {row: set() for row in range(count)}
    holders = min(count, max(1, _of(count, scheme.kit_percent, 100))) if scheme.kit_percent else 0
    for kit in sorted(scheme.kits):
        for row in in_turn[:holders]:
            kits[row].add(kit)
    at_home = dict(zip(reversed(in_turn), homes[: _of(count, scheme.home_start_percent, 100)], strict=False))
    executives = []
    for row in range(count):
        executive_id = f"E{row + 1:02d}"
        open_s = rules.open_s if row < early else rules.close_s - length_s
        place = at_home[row].place(f"home-{executive_id}") if row in at_home else office
        pause = None
        if scheme.break_s:
            earliest_s = min(open_s + scheme.break_earliest_after_s, open_s + length_s)
            latest_s = min(open_s + scheme.break_latest_after_s, open_s + length_s)
            pause = Break(scheme.break_s, TimeWindow(earliest_s, latest_s))
        shift = Shift(open_s, open_s + length_s, scheme.overtime_s)
        executives.append(Executive(executive_id, place, place, shift, frozenset(kits[row]), pause))
    return tuple(executives)


# -------------------------------------------------------------------------------- appointments


def slot_weights(catalogue: Catalogue, grid: SlotGrid, date: dt.date) -> list[int]:
    """How much each slot is wanted: the weights of the hours it covers."""
    by_hour = {
        row.hour: row.sunday_hundredths if date.weekday() == SUNDAY else row.weekday_hundredths
        for row in catalogue.hour_shape
    }
    weights = []
    for slot in grid.slots():
        hours = range(slot.open_s // HOUR_S, -(-slot.close_s // HOUR_S))
        covered = (
            by_hour.get(hour, 0) * (min(slot.close_s, (hour + 1) * HOUR_S) - max(slot.open_s, hour * HOUR_S))
            for hour in hours
        )
        weights.append(sum(covered))
    return weights if any(weights) else [1] * len(grid)


def bookable_services(catalogue: Catalogue, city: City, date: dt.date, grid: SlotGrid) -> list[Service]:
    """The services that can be had in the city on this date and fit into a slot."""
    return [service for service in catalogue.services_on(date, city) if service.collect_s <= grid.slot_s]


def service_shares(catalogue: Catalogue, services: Sequence[Service]) -> list[int]:
    """How much each service is wanted, by the mix; all alike where the mix has none of them."""
    listed = catalogue.service_share_tenths
    shares = [listed.get(service.service_id, SHARE_UNKNOWN_TENTHS) for service in services]
    return shares if any(shares) else [1] * len(services)


def _book(
    dice: Dice,
    book: AddressBook,
    diary: Diary,
    services: Sequence[Service],
    shares: Sequence[int],
    weights: Sequence[int],
    wanted: int,
    *,
    until_taken: bool,
) -> list[_Request]:
    """Wishes one after the other, each booked or refused: `wanted` of them, or until so many are booked.

    Where that cannot be reached the day stays emptier: after twenty wishes for each wanted one it is given up.
    """
    taken: list[_Request] = []
    last: tuple[Point, int] | None = None
    for number in range(20 * wanted if until_taken else wanted):
        if until_taken and len(taken) == wanted:
            break
        if last is not None and dice.chance(SECOND_SERVICE_PERCENT):
            point, slot = last[0], min(last[1] + 1, len(weights) - 1)
        else:
            point, slot = book.draw(dice), dice.pick(weights)
        service = services[dice.pick(shares)]
        got = diary.book(Wish(point.place("wish"), service.collect_s, service.skills, slot))
        last = None
        if got is not None:
            taken.append(_Request(got, number, point, service))
            last = (point, got)
    return sorted(taken, key=lambda request: (request.slot, request.number))


def _appointments(requests: Sequence[_Request], grid: SlotGrid) -> list[Appointment]:
    return [
        Appointment(
            visit_id,
            request.point.place(visit_id),
            grid.slot(request.slot),
            request.service.collect_s,
            request.service.service_id,
            request.service.skills,
        )
        for visit_id, request in zip(numbered("A", len(requests)), requests, strict=True)
    ]


# ---------------------------------------------------------------------------------- deliveries


def _working_day(rules: ServiceRules, date: dt.date, offset: int) -> dt.date:
    """The working day so many working days after (before, where negative) a date; 0 is the date or the next one."""
    step = dt.timedelta(days=-1 if offset < 0 else 1)
    while not is_working_day(rules, date) and offset >= 0:
        date += step
    for _ in range(abs(offset)):
        date += step
        while not is_working_day(rules, date):
            date += step
    return date


def _days_left(dice: Dice, limit: int, rank: int, count: int) -> int:
    """Working days to the due date of delivery `rank` of `count`: the ranks together cover late, today and far."""
    part = (100 * rank + dice.below(100)) // count
    if part < _OVERDUE:
        return -dice.between(1, 3)
    if part < _TODAY:
        return 0
    if part < _SOON or limit <= 6:
        return dice.between(1, min(5, limit))
    return dice.between(6, limit)


def _windows(dice: Dice, rules: ServiceRules, service_s: int) -> tuple[TimeWindow, ...]:
    """When the citizen can be met: mostly all day, sometimes in the morning, in the evening, or at both ends."""
    open_s, close_s = rules.open_s, rules.close_s
    stretches = [(open_s, close_s)]
    if dice.chance(NARROW_PERCENT):
        morning, evening = (open_s, open_s + 4 * HOUR_S), (close_s - 4 * HOUR_S, close_s)
        ends = [(open_s, open_s + 2 * HOUR_S), (close_s - 3 * HOUR_S, close_s)]
        stretches = ([morning], [evening], ends)[dice.below(3)]
    return tuple(TimeWindow(start, end - service_s) for start, end in stretches)


def _deliveries(
    dice: Dice,
    book: AddressBook,
    catalogue: Catalogue,
    executives: Sequence[Executive],
    office: Place,
    date: dt.date,
    count: int,
) -> list[Delivery]:
    """Certificates to hand over. Executives who start at home have their share of them with them already."""
    handed_over = [service for service in catalogue.services_on(date) if service.needs_delivery]
    if not handed_over:
        return []
    shares = service_shares(catalogue, handed_over)
    homes = [e.executive_id for e in executives if e.start != office]
    deliveries = []
    for visit_id, rank in zip(numbered("D", count), dice.shuffled(range(count)), strict=True):
        service = handed_over[dice.pick(shares)]
        limit = service.statutory_days or catalogue.rules.due_days_default
        due = _working_day(catalogue.rules, date, _days_left(dice, limit, rank, count))
        holder = dice.below(max(1, len(executives)))
        deliveries.append(
            Delivery(
                visit_id,
                book.draw(dice).place(visit_id),
                _windows(dice, catalogue.rules, service.deliver_s),
                service.deliver_s,
                due,
                held_by=homes[holder] if holder < len(homes) else None,
                service_id=service.service_id,
            )
        )
    return deliveries


# ------------------------------------------------------------------------------------- the day


def _with_preferences(
    dice: Dice,
    executives: Sequence[Executive],
    visits: Sequence[Visit],
    office: Place,
) -> tuple[Executive, ...]:
    """The executives, some of whom are preferred for some visits that they could make."""
    wanted: dict[str, set[str]] = {}
    count = max(2, _of(len(visits), PREFERRED_PERCENT, 100))
    for visit in dice.shuffled(visits)[:count]:
        able = [e.executive_id for e in executives if _could_serve(e, visit, office)]
        if able:
            wanted.setdefault(able[dice.below(len(able))], set()).add(visit.visit_id)
    return tuple(replace(e, preferred_visits=frozenset(wanted.get(e.executive_id, ()))) for e in executives)


def _could_serve(executive: Executive, visit: Visit, office: Place) -> bool:
    if isinstance(visit, Appointment):
        return visit.skills <= executive.skills and on_shift(executive, visit.slot)
    return executive.start == office if visit.held_by is None else visit.held_by == executive.executive_id


def generate_day(
    catalogue: Catalogue,
    city: City,
    date: dt.date,
    load: Load = Load.AS_RUN,
    seed: int = 1,
    slot_minutes: int | None = None,
) -> GeneratedDay:
    """A day of this city, the same for the same arguments on every machine.

    `busy` has half as many visits again with the same staff; `full` takes appointments until 95 % of the
    slots of all executives are taken, with the deliveries of an ordinary day. Raises InvalidProblem on a
    day without service, and for slots that do not divide the opening hours.
    """
    check_date(catalogue, city, date)
    scheme, grid = catalogue.scheme, slot_grid(catalogue.rules, slot_minutes)
    book = AddressBook(catalogue, city)
    notes = [*book.notes]
    volume = _volume(catalogue, city, date, notes)
    words = (city.city_id, date.isoformat())
    office = office_of(city)
    homes = [book.draw(dice) for dice in [Dice(seed, *words, "homes")] for _ in range(volume.executives)]
    executives = staff(scheme, office, volume.executives, homes)
    travel = FormulaSpec(margin_pct=scheme.travel_margin_percent, speed_kmh_by_hour=catalogue.speed_kmh_by_hour)
    diary = Diary(grid, executives, travel)
    services = bookable_services(catalogue, city, date, grid)
    too_long = len(catalogue.services_on(date, city)) - len(services)
    if too_long:
        notes.append(f"{too_long} services take longer than a slot of {grid.slot_s // MINUTE_S} minutes; not booked")
    wanted, handed_over = volume.collections, volume.deliveries
    if load is Load.BUSY:
        wanted, handed_over = (_of(amount, scheme.busy_percent, 100) for amount in (wanted, handed_over))
    elif load is Load.FULL:
        wanted = sum(diary.capacity) * scheme.full_percent // 100
    requests = _book(
        Dice(seed, *words, "appointments"),
        book,
        diary,
        services,
        service_shares(catalogue, services),
        slot_weights(catalogue, grid, date),
        wanted if services else 0,
        until_taken=load is Load.FULL,
    )
    visits: list[Visit] = [*_appointments(requests, grid)]
    dice = Dice(seed, *words, "deliveries")
    visits += _deliveries(dice, book, catalogue, executives, office, date, handed_over)
    executives = _with_preferences(Dice(seed, *words, "continuity"), executives, visits, office)
    name = f"{city.name_en}, {load.value.replace('-', ' ')}, {date.isoformat()}, seed {seed}"
    day = made_up(name, city, date, grid, office, visits, executives, Prices(), travel, scheme.kits)
    return GeneratedDay(day, diary.refused, tuple(notes))
