"""Publishing a draft: rosters of its days and what each can carry, all of it or nothing; then booking sells from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from api.rostering.drafts import alternative_of, away_now, teams_of
from api.rostering.problem import demand_of
from api.store.background import recover_day
from api.store.rosters import NewRoster, NotPublished, RosterPublished, Teams, publish_roster, set_capacity
from api.store.store import Store
from optimizer.bookings import Change
from optimizer.capacity import CapacityResult, quotas_of
from optimizer.demand import Demand
from optimizer.quotas import Quotas
from scenarios.catalogue import City
from scenarios.rostering import day_capacity


def publish_draft(
    store: Store,
    city: City,
    document: Mapping[str, Any],
    *,
    author: str,
    name: str | None = None,
    job_id: str | None = None,
    force: bool = False,
) -> RosterPublished | NotPublished:
    """Publish an alternative of a draft, with its quotas; leave that it was made for goes into the staff with it.

    Raises InvalidProblem for an alternative that the draft does not have, and a draft without open days.
    """
    alternative = alternative_of(document, name)
    teams = teams_of(store, city, document, alternative)
    away, version = away_now(store, city, document, teams)
    new = NewRoster(
        teams,
        {date: result.quotas for date, result in capacities(store, city, teams).items()},
        {key: alternative[key] for key in ("name", "executives", "ahead", "cost", "gap")}
        | {key: document[key] for key in ("first", "last", "demand", "status", "away", "seed")},
        author,
        job_id,
        {dt.date.fromisoformat(date): key for date, key in document["based_on"].items()},
        document["staff"] if document["away"] else None,
        version,
        away,
    )
    return publish_roster(store, city, new, force=force)


def recover_days(store: Store, city: City, change: Change) -> int:
    """Promises at risk on changed days brought back, as far as there is room; how many."""
    return sum(recover_day(store, city, book.day.date) for book in change.books)


# -------------------------------------------------------------------------------------- capacity


def capacities(store: Store, city: City, teams: Teams) -> dict[dt.date, CapacityResult]:
    """What each day can carry with its team, by the forecast of now; days without a team carry nothing to compute.

    Quotas are for the slots that the day has, however long those of other days are.
    """
    dates = sorted(date for date, team in teams.items() if team)
    if not dates:
        return {}
    with store.database.read() as connection:
        today = store.database.now(connection).date()
        minutes = {date: view.state.slot_minutes for date, view in store.views(connection, city, dates).items()}
    found: dict[dt.date, CapacityResult] = {}
    for length in sorted(set(minutes.values())):
        own = [date for date in dates if minutes[date] == length]
        demand = demand_of(store, city, own[0], own[-1], today, length)
        found |= {date: quotas_of(day_capacity(store.catalogue, city, demand, date, teams[date])) for date in own}
    return found


def refresh_capacity(store: Store, city: City, first: dt.date, last: dt.date) -> dict[dt.date, Quotas]:
    """The quotas of the days from `first` to `last` that have a roster and can still be booked, computed anew.

    Stored where they are other than before and the day has the same roster still; all of them are given back.
    """
    dates = [first + dt.timedelta(days=day) for day in range((last - first).days + 1)]
    with store.database.read() as connection:
        views = store.views(connection, city, dates)
    open_days = {
        date: view.book.day.problem.executives
        for date, view in views.items()
        if view.book.day.sale.closed_because is None and not view.book.day.sale.published
    }
    found = {date: result.quotas for date, result in capacities(store, city, open_days).items()}
    if found:
        set_capacity(store, city, found, teams=open_days)
    return found


def demand_on(store: Store, city: City, date: dt.date) -> Demand:
    """The forecast for one day."""
    with store.database.read() as connection:
        today = store.database.now(connection).date()
    return demand_of(store, city, date, date, today)
