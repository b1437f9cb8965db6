"""A made-up day for measuring engines: nothing but travel, slots and shifts, so that every engine can play.

One office, shifts 08-16 and 12-20 half and half, no break, skill, overtime, fairness or continuity, one
speed all day, margin 0. Eight clusters, their centres normal with 3.15 km per axis round the office, random
weights, points normal with 1 km round a centre; service of 15, 20, 25 or 30 minutes. Slots are drawn in
proportion to the executives on shift and never filled above 80 % of them, so the busiest reach 75-80 %.
Deliveries have all day, and a waiting price from 1,200 to 7,200 cost seconds.

With all rules (`field`) such visits are made by the staff of a city: its shifts with breaks and overtime, kits and
homes by the shares of the catalogue, every sixth or seventh appointment in need of a kit, travel by the hour with its
margin, prices of fairness and continuity. Who starts at home has the envelopes of their own share of the deliveries.
"""

from __future__ import annotations

import datetime as dt

from optimizer.calendar import slot_grid
from optimizer.domain import (
    Appointment,
    Delivery,
    Executive,
    Fault,
    InvalidProblem,
    Place,
    Prices,
    ServiceRules,
    Shift,
    TimeWindow,
    Visit,
)
from optimizer.units import MINUTE_S
from scenarios.catalogue import Catalogue, City
from scenarios.generate.addresses import Point
from scenarios.generate.city_day import staff as city_staff
from scenarios.generate.diary import Diary, Wish
from scenarios.generate.dice import Dice
from scenarios.generate.parts import GeneratedDay, check_date, check_sizes, made_up, numbered, office_of
from scenarios.travel.formula import FormulaSpec

CLUSTERS = 8
CENTRE_DEVIATION_M = 3_150
POINT_DEVIATION_M = 1_000
SERVICE_MINUTES = (15, 20, 25, 30)
DELIVERY_MINUTES = 6
KIT_PERCENT = 15
FILL_PERCENT = 80
WAITING_PRICE_S = (1_200, 7_200)


class _Scatter:
    """Points in clusters round the office."""

    def __init__(self, office: Point, seed: int, *words: str) -> None:
        dice = Dice(seed, *words, "clusters")
        self._centres = [
            office.moved(dice.normal(CENTRE_DEVIATION_M), dice.normal(CENTRE_DEVIATION_M)) for _ in range(CLUSTERS)
        ]
        self._weights = [dice.between(1, 100) for _ in range(CLUSTERS)]

    def draw(self, dice: Dice) -> Point:
        """A point round one of the centres."""
        centre = self._centres[dice.pick(self._weights)]
        return centre.moved(dice.normal(POINT_DEVIATION_M), dice.normal(POINT_DEVIATION_M))


def bench_day(
    catalogue: Catalogue,
    city: City,
    date: dt.date,
    visits: int,
    deliveries: int,
    executives: int,
    seed: int = 1,
    *,
    slot_minutes: int | None = None,
    field: bool = False,
) -> GeneratedDay:
    """A bench day of so many appointments, deliveries and executives, the same for the same arguments everywhere.

    Only the office, the hours and the date are taken from the city; with `field` the rules about staff, travel and
    prices, too. Appointments that do not fit are refused; none takes longer than two thirds of a slot.
    """
    check_date(catalogue, city, date)
    check_sizes(visits=visits, deliveries=deliveries, executives=executives)
    rules, grid, office = catalogue.rules, slot_grid(catalogue.rules, slot_minutes), office_of(city)
    words = ("bench", str(visits), str(deliveries), str(executives))
    scatter = _Scatter(Point.at(office.lon, office.lat), seed, *words)
    kits = frozenset[str]()
    staff = _staff(rules, office, executives)
    travel, prices = FormulaSpec(margin_pct=0, speed_kmh_by_hour=None), Prices(fairness=(), continuity_s=0)
    if field:
        kits, scheme, dice = catalogue.scheme.kits, catalogue.scheme, Dice(seed, *words, "homes")
        staff = city_staff(scheme, office, executives, [scatter.draw(dice) for _ in range(executives)])
        travel = FormulaSpec(margin_pct=scheme.travel_margin_percent, speed_kmh_by_hour=catalogue.speed_kmh_by_hour)
        prices = Prices()
    durations_s = [minutes * MINUTE_S for minutes in SERVICE_MINUTES if 3 * minutes * MINUTE_S <= 2 * grid.slot_s]
    if not durations_s:
        raise InvalidProblem([Fault(("slot_minutes",), "too_short", slot_minutes, "room for 15 minutes and the way")])
    diary = Diary(grid, staff, travel, FILL_PERCENT)

    dice = Dice(seed, *words, "appointments")
    booked = []
    for number in range(visits):
        point, service_s = scatter.draw(dice), durations_s[dice.below(len(durations_s))]
        needs = kits if field and dice.chance(KIT_PERCENT) else frozenset()
        wish = dice.pick(diary.capacity) if any(diary.capacity) else 0
        slot = diary.book(Wish(point.place("wish"), service_s, needs, wish))
        if slot is not None:
            booked.append((slot, number, point, service_s, needs))
    made: list[Visit] = [
        Appointment(visit_id, point.place(visit_id), grid.slot(slot), service_s, skills=needs)
        for visit_id, (slot, _, point, service_s, needs) in zip(
            numbered("A", len(booked)), sorted(booked, key=lambda entry: entry[:2]), strict=True
        )
    ]
    dice = Dice(seed, *words, "deliveries")
    holders = Dice(seed, *words, "envelopes")
    at_home = {row: e.executive_id for row, e in enumerate(staff) if e.start != office}
    service_s = DELIVERY_MINUTES * MINUTE_S
    all_day = (TimeWindow(rules.open_s, rules.close_s - service_s),)
    made += [
        Delivery(
            visit_id,
            scatter.draw(dice).place(visit_id),
            all_day,
            service_s,
            waiting_price_s=dice.between(*WAITING_PRICE_S),
            held_by=at_home.get(holders.below(max(1, len(staff)))),
        )
        for visit_id in numbered("D", deliveries)
    ]
    sizes = f"{visits} appointments, {deliveries} deliveries, {executives} executives"
    slots = f", slots of {slot_minutes} minutes" if slot_minutes else ""
    name = f"Bench, {sizes}{slots}{', all rules' if field else ''}, seed {seed}"
    day = made_up(name, city, date, grid, office, made, staff, prices, travel, kits)
    return GeneratedDay(day, diary.refused, ())


def _staff(rules: ServiceRules, office: Place, count: int) -> tuple[Executive, ...]:
    """Half of them begin when the service opens, the others end when it closes; two thirds of the hours each."""
    length_s = (rules.close_s - rules.open_s) * 2 // 3
    early = Shift(rules.open_s, rules.open_s + length_s)
    late = Shift(rules.close_s - length_s, rules.close_s)
    return tuple(
        Executive(executive_id, office, office, early if number < (count + 1) // 2 else late)
        for number, executive_id in enumerate(numbered("E", count, 2))
    )
