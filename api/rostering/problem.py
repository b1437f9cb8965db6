"""The roster problem of a city from what the store has: its staff, its history, its closed days, its rosters."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from api.rostering.history import history_of
from api.store.desk import store_rules
from api.store.rosters import roster_versions, stored_staff
from api.store.store import Store
from api.store.writing import View
from optimizer.demand import Demand
from optimizer.domain import Executive, Fault, InvalidProblem
from optimizer.roster import Ahead, RosterProblem, ShiftPattern
from optimizer.roster.nouns import MOST_WEEKS, WEEK, WorkedDay, worked_s
from scenarios.catalogue import City
from scenarios.forecast import forecast
from scenarios.rostering import city_contracts, city_roster_problem
from scenarios.staff import Staff, parse_staff, staff_json

AROUND = 2 * WEEK
"""Days before and after the horizon whose rosters count: a week, and a run of days that begins in it."""


@dataclass(frozen=True, eq=False)
class StoreProblem:
    """A roster problem made of the store, and its staff; `staff_version` is that of the store, 0 for that of the data.

    `views` are the days of the roster as they were when it was made.
    """

    problem: RosterProblem
    staff: Staff
    staff_version: int
    views: Mapping[dt.date, View]


def staff_of(store: Store, city: City) -> tuple[Staff, int]:
    """The staff of a city and its version; where none was told that of the data (ASSUMPTION), at version 0."""
    stored = stored_staff(store, city)
    if stored is None:
        return Staff(city.city_id, city_contracts(store.catalogue, city)), 0
    return read_document(store, city, stored.document), stored.version


def read_document(store: Store, city: City, document: Mapping[str, Any]) -> Staff:
    """The staff of a document as the store keeps it."""
    return parse_staff(json.dumps(document).encode(), "staff.json", store.catalogue, city)


def demand_of(
    store: Store, city: City, first: dt.date, last: dt.date, today: dt.date, slot_minutes: int | None = None
) -> Demand:
    """Demand from `first` to `last`, from what was booked until yesterday; by default for slots of today's length."""
    minutes = store_rules(store, city).slot_minutes if slot_minutes is None else slot_minutes
    history = history_of(store, city, min(first, today), minutes)
    return forecast(history, store.catalogue, city, first, last, minutes)


def store_problem(store: Store, city: City, first: dt.date, days: int, staff: Staff | None = None) -> StoreProblem:
    """The problem of a roster from `first` on; by the staff that is stored, or another one.

    Rosters that the days have count as published already; those of the weeks before and after are what people work
    around the horizon. What the last published roster owes is carried over. What is settled on a day that the desk has
    closed does not count; on one that the calendar closes it is a fault. Raises InvalidProblem.
    """
    if not 1 <= days <= MOST_WEEKS * WEEK:
        raise InvalidProblem([Fault(("days",), "bad_horizon", days, f"1 to {MOST_WEEKS * WEEK} days")])
    known, version = staff_of(store, city)
    people = known if staff is None else staff
    dates = [first + dt.timedelta(days=day) for day in range(days)]
    around = [first - dt.timedelta(days=day) for day in range(1, AROUND + 1)]
    around += [dates[-1] + dt.timedelta(days=day) for day in range(1, AROUND + 1)]
    with store.database.read() as connection:
        views = store.views(connection, city, [*dates, *around])
        today = store.database.now(connection).date()
    worked = worked_days({date: views[date] for date in around})
    owed = _owed(store, city, first)
    shut = {date for date in dates if views[date].book.day.sale.closed_because is not None}
    shut -= {date for date in dates if store.facts.closed(city, date) is not None}
    contracts = tuple(
        replace(
            c,
            fixed={d: pattern for d, pattern in c.fixed.items() if first <= d <= dates[-1] and d not in shut},
            around=worked.get(c.executive_id, {}),
            ahead=owed.get(c.executive_id, Ahead()),
        )
        for c in people.contracts
    )
    minutes = store_rules(store, city).slot_minutes
    demand = demand_of(store, city, first, dates[-1], today)
    demand = _at_least_promised(demand, {date: views[date] for date in dates})
    problem = city_roster_problem(store.catalogue, city, first, days, demand, contracts, slot_minutes=minutes)
    by_hand = {
        d: v.book.day.sale.closed_because for d, v in views.items() if v.book.day.sale.closed_because is not None
    }
    problem = replace(problem, closed={**problem.closed, **{d: r for d, r in by_hand.items() if d in set(dates)}})
    published = _published(problem, {date: views[date] for date in dates})
    made = replace(problem, published=published)
    return StoreProblem(made, people, version, {date: views[date] for date in dates})


def _at_least_promised(demand: Demand, views: Mapping[dt.date, View]) -> Demand:
    """What is promised is wanted for certain, whatever was expected of the slot."""
    expected = demand.expected.copy()
    number = {slot: row for row, slot in enumerate(demand.grid.slots())}
    promised = np.zeros_like(expected)
    for date, view in views.items():
        for promise in view.book.day.promises:
            able = [n for n, need in enumerate(demand.needs) if need <= promise.skills]
            if promise.slot in number and able:
                need = max(able, key=lambda n: len(demand.needs[n]))
                promised[(date - demand.first).days, number[promise.slot], need] += 1
    if (promised <= expected).all():
        return demand
    return replace(demand, expected=np.maximum(expected, promised), basis=f"{demand.basis}; promises at least")


def worked_days(views: Mapping[dt.date, View]) -> dict[str, dict[dt.date, WorkedDay]]:
    """Who works on these days, by executive; on closed ones nobody does, whatever their roster says."""
    found: dict[str, dict[dt.date, WorkedDay]] = {}
    for date, view in views.items():
        if view.book.day.sale.closed_because is not None:
            continue
        for e in view.book.day.problem.executives:
            found.setdefault(e.executive_id, {})[date] = WorkedDay(e.shift, worked_s(e.shift, e.pause))
    return found


def pattern_of(patterns: Mapping[str, ShiftPattern], executive: Executive) -> str | None:
    """The pattern that an executive works, by its hours and its break; else one of the same hours; else None."""
    same = [each for each in patterns.values() if each.shift == executive.shift]
    found = next((each for each in same if each.pause == executive.pause), same[0] if same else None)
    return None if found is None else found.pattern_id


def _published(problem: RosterProblem, views: Mapping[dt.date, View]) -> dict[tuple[str, dt.date], str | None]:
    """What people were told already: the days that have a roster; shifts that are no pattern cannot be said."""
    told: dict[tuple[str, dt.date], str | None] = {}
    for date, view in views.items():
        team = {e.executive_id: e for e in view.book.day.problem.executives}
        if not team or date in problem.closed:
            continue
        for contract in problem.staff:
            at_work = team.get(contract.executive_id)
            pattern_id = None if at_work is None else pattern_of(problem.pattern_by_id, at_work)
            if at_work is None or pattern_id is not None:
                told[contract.executive_id, date] = pattern_id
    return told


def _owed(store: Store, city: City, first: dt.date) -> Mapping[str, Ahead]:
    """What the roster that ends last before a date has left owing, the newest of several, by executive."""
    before = [version for version in roster_versions(store, city) if version.last < first]
    if not before:
        return {}
    found = max(before, key=lambda version: (version.last, version.number))
    return {executive_id: Ahead(**owed) for executive_id, owed in found.document.get("ahead", {}).items()}


def staff_document(staff: Staff) -> dict[str, Any]:
    """The staff as the store keeps it, without what belongs to one roster."""
    return staff_json(replace(staff, contracts=tuple(replace(c, around={}, ahead=Ahead()) for c in staff.contracts)))


def leave_on_shift(store: Store, city: City, staff: Staff) -> dict[str, tuple[dt.date, ...]]:
    """By executive the days of leave from today on, of the next sixteen weeks, on which a roster has them on shift."""
    with store.database.read() as connection:
        today = store.database.now(connection).date()
        last = today + dt.timedelta(days=2 * MOST_WEEKS * WEEK)
        dates = sorted({date for c in staff.contracts for date in c.leave if today <= date <= last})
        views = store.views(connection, city, dates) if dates else {}
    there = {date: {e.executive_id for e in view.book.day.problem.executives} for date, view in views.items()}
    found = {
        c.executive_id: tuple(date for date in dates if date in c.leave and c.executive_id in there[date])
        for c in staff.contracts
    }
    return {executive_id: on_shift for executive_id, on_shift in found.items() if on_shift}
