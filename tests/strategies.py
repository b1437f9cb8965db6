"""Random small days for property tests, with everything the model knows, and random orders of visits for them.

Numbers are drawn so that most days are tight but not hopeless, and so that shrinking ends in a day a person
can read. Travel seconds come from a drawn seed: a table has too many numbers to shrink each.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from optimizer.domain import (
    Appointment,
    AskedService,
    Break,
    Delivery,
    Executive,
    FairnessPiece,
    Place,
    Prices,
    Problem,
    Shift,
    SlotGrid,
    TimeWindow,
    Visit,
    places_of,
)
from optimizer.slots import Approach, PromisedDay
from optimizer.timing import timed_route
from optimizer.travel import HOURS, REFERENCE_PACE, TravelTable
from optimizer.units import DAY_S, HOUR_S, MINUTE_S
from tests.builders import DATE, OFFICE, approach, place, promised, random_table, toy_table

Orders = dict[str, tuple[str, ...]]

SKILLS = ("aadhaar_kit", "notary")
LONGEST_S = 1_800


def moments(first_s: int, last_s: int) -> st.SearchStrategy[int]:
    """Day seconds between two, both included; mostly on full quarters of an hour, sometimes odd."""
    quarters = st.integers(-(-first_s // 900), last_s // 900).map(lambda q: q * 900)
    return (
        st.one_of(quarters, st.integers(first_s, last_s)) if last_s - first_s >= 900 else st.integers(first_s, last_s)
    )


@st.composite
def _windows(draw: st.DrawFn, grid: SlotGrid, most: int) -> tuple[TimeWindow, ...]:
    if draw(st.booleans()):
        return (TimeWindow(grid.open_s, grid.close_s - 600),)
    count = draw(st.integers(1, most))
    ends = sorted(draw(st.sets(moments(grid.open_s, grid.close_s), min_size=2 * count, max_size=2 * count)))
    return tuple(TimeWindow(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True))


@st.composite
def _travel(draw: st.DrawFn, places: tuple[Place, ...], bands: bool, margin: bool, triangle: bool) -> TravelTable:
    pace = [REFERENCE_PACE] * HOURS
    if bands and draw(st.booleans()):
        change = draw(st.lists(st.integers(400, 2_500), min_size=3, max_size=5))
        for hour in range(HOURS):
            pace[hour] = change[hour % len(change)]
    margin_pct = draw(st.sampled_from([0, 0, 25, 7])) if margin else 0
    if triangle or draw(st.booleans()):
        return toy_table(places, pace=pace, margin_pct=margin_pct)
    seed = draw(st.integers(0, 2**32 - 1))
    ids = [p.place_id for p in places]
    return random_table(ids, seed, draw(st.integers(0, LONGEST_S)), pace=pace, margin_pct=margin_pct)


@st.composite
def _prices(draw: st.DrawFn, fairness: bool, continuity: bool, overtime: bool) -> Prices:
    pieces: tuple[FairnessPiece, ...] = ()
    if fairness and draw(st.booleans()):
        pieces = tuple(
            FairnessPiece(draw(st.integers(0, 4 * HOUR_S)), draw(st.integers(0, 1_500)))
            for _ in range(draw(st.integers(1, 2)))
        )
    return Prices(
        overtime_permille=draw(st.integers(0, 3_000)) if overtime else 2_000,
        fairness=pieces,
        continuity_s=draw(st.sampled_from([0, 600])) if continuity else 0,
    )


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    min_visits: int = 0,
    max_visits: int = 6,
    min_executives: int = 0,
    max_executives: int = 3,
    appointments: bool = True,
    deliveries: bool = True,
    several_windows: bool = True,
    skills: bool = True,
    breaks: bool = True,
    bands: bool = True,
    margin: bool = True,
    pins: bool = True,
    prefixes: bool = True,
    homes: bool = True,
    held_by: bool = True,
    overtime: bool = True,
    fairness: bool = True,
    continuity: bool = True,
    triangle: bool = False,
    slot_minutes: tuple[int, ...] = (60, 60, 120, 30),
) -> Problem:
    """A small random day; each keyword switches a part of the model off (or, for `triangle`, crooked travel).

    Fixed prefixes can be run by `timed_route`, hold at most one appointment a slot and stand in nobody's way.
    """
    grid = SlotGrid(slot_s=draw(st.sampled_from(slot_minutes)) * MINUTE_S)
    spots = [OFFICE] + [
        place(f"P{n}", draw(st.integers(-600, 600)), draw(st.integers(-600, 600)))
        for n in range(1, draw(st.integers(2, 1 + max(1, max_visits))))
    ]
    anywhere = st.sampled_from(spots)
    names = [f"E{n}" for n in range(1, 1 + draw(st.integers(min_executives, max_executives)))]
    someone = st.sampled_from(names) if names else st.none()
    few_skills = (
        st.sampled_from([(), (), SKILLS[:1], SKILLS[1:]]).map(frozenset[str]) if skills else st.just(frozenset[str]())
    )
    many_skills = (
        st.sampled_from([SKILLS, SKILLS, SKILLS[:1], ()]).map(frozenset[str]) if skills else st.just(frozenset[str]())
    )
    # Few slots, so that several appointments meet in one.
    busy_slots = draw(st.lists(st.integers(0, len(grid) - 1), min_size=1, max_size=3))

    visits: list[Visit] = []
    for n in range(1, 1 + draw(st.integers(min_visits, max_visits))):
        pinned_to = draw(someone) if pins and draw(st.integers(0, 5)) == 5 else None
        if appointments and (not deliveries or draw(st.booleans())):
            chosen = grid.slot(draw(st.sampled_from(busy_slots)) if draw(st.booleans()) else n % len(grid))
            service_s = draw(moments(0, min(grid.slot_s, 2_400)))
            visits.append(
                Appointment(
                    f"A{n}",
                    draw(anywhere),
                    chosen,
                    service_s,
                    skills=draw(few_skills),
                    weight=draw(st.sampled_from([1, 1, 1, 3])),
                    pinned_to=pinned_to,
                )
            )
        else:
            holder = draw(someone) if held_by and draw(st.integers(0, 4)) == 4 else None
            price_s = draw(st.one_of(st.integers(0, 6_000), st.none()))
            visits.append(
                Delivery(
                    f"D{n}",
                    draw(anywhere),
                    draw(_windows(grid, 3 if several_windows else 1)),
                    draw(moments(0, 1_800)),
                    due=DATE + dt.timedelta(days=draw(st.integers(-3, 12))) if price_s is None else None,
                    waiting_price_s=price_s,
                    held_by=holder,
                    skills=draw(few_skills),
                    pinned_to=pinned_to,
                )
            )

    executives: list[Executive] = []
    for name in names:
        start = draw(anywhere) if homes and draw(st.integers(0, 2)) == 2 else OFFICE
        end = draw(anywhere) if homes and draw(st.integers(0, 3)) == 3 else start
        opens = draw(st.one_of(st.just(8 * HOUR_S), moments(7 * HOUR_S, 12 * HOUR_S)))
        closes = draw(st.one_of(st.just(opens + 8 * HOUR_S), moments(opens + HOUR_S, 22 * HOUR_S)))
        pause = None
        if breaks and draw(st.booleans()):
            begins = draw(moments(opens, closes))
            ends = draw(moments(begins, min(begins + 3 * HOUR_S, DAY_S)))
            pause = Break(draw(st.integers(1, 3_600)), TimeWindow(begins, ends))
        ids = [v.visit_id for v in visits]
        executives.append(
            Executive(
                name,
                start,
                end,
                Shift(opens, closes, draw(moments(0, 2 * HOUR_S)) if overtime else 0),
                skills=draw(many_skills),
                pause=pause,
                preferred_visits=draw(st.frozensets(st.sampled_from(ids), max_size=2))
                if continuity and ids
                else frozenset(),
            )
        )

    travel = draw(_travel(places_of(OFFICE, visits, executives), bands, margin, triangle))
    prices = draw(_prices(fairness, continuity, overtime))
    day = Problem("raipur", DATE, grid, OFFICE, tuple(visits), tuple(executives), travel, prices)
    return draw(_with_prefixes(day)) if prefixes and names and visits and draw(st.booleans()) else day


@st.composite
def _with_prefixes(draw: st.DrawFn, day: Problem) -> Problem:
    orders = draw(runnable_orders(day))
    executives = tuple(
        replace(e, fixed_prefix=orders[e.executive_id][: draw(st.integers(0, 2))]) if e.executive_id in orders else e
        for e in day.executives
    )
    # Cutting an order may make it impossible where a detour is quicker than the straight way home.
    executives = tuple(
        e
        if not e.fixed_prefix or timed_route(day, e.executive_id, e.fixed_prefix) is not None
        else replace(e, fixed_prefix=())
        for e in executives
    )
    return replace(day, executives=executives)


@st.composite
def any_orders(draw: st.DrawFn, day: Problem) -> Orders:
    """Some visits of a day dealt to executives in any order, whatever the rules say; each at most once."""
    if not day.executives or not day.visits:
        return {}
    hands = [e.executive_id for e in day.executives]
    orders: Orders = {}
    for visit_id in draw(st.permutations([v.visit_id for v in day.visits])):
        hand = draw(st.sampled_from([*hands, None]))
        if hand is not None:
            orders[hand] = (*orders.get(hand, ()), visit_id)
    return orders


@st.composite
def runnable_orders(draw: st.DrawFn, day: Problem) -> Orders:
    """Orders that keep every rule of the day: fixed prefixes first, then what still fits, dealt at random."""
    orders: Orders = {e.executive_id: e.fixed_prefix for e in day.executives if e.fixed_prefix}
    placed = {visit_id for order in orders.values() for visit_id in order}
    for visit_id in draw(st.permutations([v.visit_id for v in day.visits])):
        if visit_id in placed:
            continue
        for executive in draw(st.permutations(day.executives)):
            before = orders.get(executive.executive_id, ())
            place_at = draw(st.integers(len(executive.fixed_prefix), len(before)))
            order = (*before[:place_at], visit_id, *before[place_at:])
            if fits(day, executive, before, visit_id) and timed_route(day, executive.executive_id, order) is not None:
                orders[executive.executive_id] = order
                break
    return orders


def fits(day: Problem, executive: Executive, order: tuple[str, ...], visit_id: str) -> bool:
    """Whatever the clock says: the executive may serve the visit, and its slot is free on this route."""
    visit = day.visit_by_id[visit_id]
    if day.obstacle(executive, visit) is not None:
        return False
    if not isinstance(visit, Appointment):
        return True
    others = (day.visit_by_id[other] for other in order)
    return all(not isinstance(other, Appointment) or other.slot != visit.slot for other in others)


@st.composite
def days_with_orders(
    draw: st.DrawFn, day: st.SearchStrategy[Problem], *, runnable: bool = True
) -> tuple[Problem, Orders]:
    """A day and orders for it: `runnable_orders`, or `any_orders`."""
    drawn = draw(day)
    return drawn, draw(runnable_orders(drawn) if runnable else any_orders(drawn))


STEP_S = 600


def tight_days() -> st.SearchStrategy[Problem]:
    """Days of three hours in steps of ten minutes, drawn evenly: windows, breaks and travel meet at the second.

    Travel is crooked and often quicker over a third place. These do not shrink; they find what is seldom.
    """
    return st.integers(0, 2**32 - 1).map(tight_day)


def tight_day(seed: int) -> Problem:
    """The tight day of a seed."""
    rng = np.random.default_rng(seed)

    def steps(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1)) * STEP_S

    opens = 8 * HOUR_S
    grid = SlotGrid(slot_s=HOUR_S)
    spots = [OFFICE, *(place(f"P{n}", n, n) for n in range(1, 5))]
    names = ["E1", "E2"][: int(rng.integers(1, 3))]
    visits: list[Visit] = []
    for n in range(1, int(rng.integers(2, 5)) + 1):
        at = spots[int(rng.integers(0, len(spots)))]
        pinned_to = str(rng.choice(names)) if rng.random() < 0.1 else None
        if rng.random() < 0.6:
            slot = grid.slot(int(rng.integers(0, 3)))
            visits.append(Appointment(f"A{n}", at, slot, steps(0, 6), pinned_to=pinned_to))
        else:
            ends = np.sort(rng.choice(20, 2 * int(rng.integers(1, 3)), replace=False)) * STEP_S + opens
            windows = tuple(TimeWindow(int(a), int(b)) for a, b in zip(ends[::2], ends[1::2], strict=True))
            holder = str(rng.choice(names)) if rng.random() < 0.2 else None
            price_s = int(rng.integers(0, 9)) * 500
            visits.append(
                Delivery(
                    f"D{n}", at, windows, steps(0, 3), waiting_price_s=price_s, held_by=holder, pinned_to=pinned_to
                )
            )
    executives = []
    for name in names:
        begin = opens + steps(-1, 4)
        pause = None
        if rng.random() < 0.6:
            first = begin + steps(0, 12)
            pause = Break(steps(1, 4), TimeWindow(first, first + steps(0, 4)))
        end = begin + steps(6, 18)
        start = OFFICE if rng.random() < 0.8 else spots[1]
        executives.append(Executive(name, start, start, Shift(begin, end, steps(0, 2)), pause=pause))
    legs = (rng.choice([0, 1, 1, 2, 3, 5, 8], (len(spots), len(spots))) * STEP_S).astype(np.int32)
    np.fill_diagonal(legs, 0)
    pace = [REFERENCE_PACE] * HOURS
    if rng.random() < 0.4:
        pace = [int(p) for p in rng.choice([500, 1_000, 2_000], HOURS)]
    travel = TravelTable(tuple(p.place_id for p in spots), legs, legs * 7, tuple(pace), 0, "tight")
    prices = Prices(int(rng.choice([0, 2_000])), (FairnessPiece(steps(0, 9), 500),), 0)
    return Problem("raipur", DATE, grid, OFFICE, tuple(visits), tuple(executives), travel, prices)


# ------------------------------------------------------------------------------ days with promises

Asked = tuple[Approach, AskedService]
"""A day seen from an address, and what is asked for there."""

RANDOM_ROWS = ("random", "tight")
"""Origins of travel tables that no map explains: the rows of one more place are drawn, too."""


@st.composite
def promised_days(draw: st.DrawFn, /, **switches: Any) -> PromisedDay:
    """A small day of appointments and a witness for it, dealt at random; what found no place is not on it."""
    day = draw(problems(**{"deliveries": False, "prefixes": False, "min_executives": 1, **switches}))
    if day.travel.origin == "toy map":
        day = replace(day, travel=replace(day.travel, metric=draw(st.booleans())))
    return promised(day, draw(runnable_orders(day)))


@st.composite
def askings(draw: st.DrawFn, /, day: st.SearchStrategy[PromisedDay] | None = None, **switches: Any) -> Asked:
    """A small promised day, a new address, and a service asked for there."""
    drawn = draw(promised_days(**switches) if day is None else day)
    seen = draw(approaches(drawn))
    service_s = draw(st.one_of(moments(0, min(drawn.problem.grid.slot_s, 2_400)), st.just(1_200)))
    skills = frozenset(draw(st.sampled_from([(), (), SKILLS[:1]]))) if switches.get("skills", True) else frozenset()
    return seen, AskedService("S1", service_s, skills)


@st.composite
def approaches(draw: st.DrawFn, day: PromisedDay, place_id: str = "new") -> Approach:
    """A new address on this day, its travel of the kind of the day's table."""
    travel = day.problem.travel
    if travel.origin in RANDOM_ROWS:
        return strange_approach(day, draw(st.integers(0, 2**32 - 1)), place_id)
    return approach(day, draw(st.integers(-600, 600)), draw(st.integers(-600, 600)), place_id=place_id)


def strange_approach(day: PromisedDay, seed: int, place_id: str = "new") -> Approach:
    """A new address whose travel is drawn from the seconds that occur in the day's table."""
    reference_s = day.problem.travel.reference_s
    rng = np.random.default_rng(seed)
    among = reference_s[~np.eye(len(reference_s), dtype=np.bool_)]
    among = among if among.size else np.array([0, 600, LONGEST_S], dtype=np.int32)
    to_s, from_s = (rng.choice(among, len(reference_s)).astype(np.int32) for _ in range(2))
    return Approach(day, place(place_id, 1, 1), to_s, from_s, to_s * 7, from_s * 7)


def tight_asking(seed: int) -> Asked:
    """A tight day of appointments only (see `tight_days`), a new address on it, and a service asked for there."""
    rng = np.random.default_rng(seed)
    day = tight_day(seed)
    day = replace(day, visits=day.appointments)
    orders: Orders = {}
    for visit_id in rng.permutation([v.visit_id for v in day.visits]).tolist():
        for executive in (day.executives[i] for i in rng.permutation(len(day.executives))):
            before = orders.get(executive.executive_id, ())
            if not fits(day, executive, before, visit_id):
                continue
            order = tuple(sorted((*before, visit_id), key=lambda v: day.visit_by_id[v].windows[0].open_s))
            if timed_route(day, executive.executive_id, order) is not None:
                orders[executive.executive_id] = order
                break
    seen = strange_approach(promised(day, orders), seed + 1)
    return seen, AskedService("S1", int(rng.integers(0, 7)) * STEP_S)
