"""The slot calendar of every city, kept up to its horizon: run it every night; a second time it changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from api.rostering.drafts import Document, make_draft
from api.rostering.publish import publish_draft, recover_days, refresh_capacity
from api.store.desk import store_rules
from api.store.faults import StoreError
from api.store.rosters import NotPublished, stored_staff
from api.store.store import Store
from optimizer.bookings import RefusalCode
from optimizer.domain import InvalidProblem
from optimizer.roster import RosterPrices, RosterProgress
from optimizer.roster.nouns import MOST_WEEKS, WEEK
from optimizer.stop import StopAt
from scenarios.catalogue import City

BUILD_S = 20.0
"""Seconds for each roster of a city: it has more than one where its days without a roster lie apart."""
BUILDER = "calendar"
"""The author of rosters that are published every night."""


@dataclass(frozen=True, slots=True)
class CityBuilt:
    """What was done for a city.

    `first` and `last`: the span of days in which rosters were made and published, None where none was missing; days in
    between that had one are as they were. `number`, `gap` and `uncovered_proven` are of the last of these rosters,
    `below`: executives missing in their slots below minimum cover. `assumed`: nobody has told the staff, it is that of
    the data. `at_risk`: promises from tomorrow to the horizon that are in no plan, whoever is the cause. `empty`: open
    days until then on which nobody works. `refused`: the code why a roster was not made or not published, and `why` in
    a sentence. `days`, `promises`: days up to the horizon that have quotas, and what these may carry together.
    """

    city_id: str
    until: dt.date
    first: dt.date | None = None
    last: dt.date | None = None
    number: int | None = None
    gap: float | None = None
    uncovered_proven: bool | None = None
    below: int = 0
    assumed: bool = False
    at_risk: tuple[str, ...] = ()
    empty: tuple[dt.date, ...] = ()
    days: int = 0
    promises: int = 0
    refused: str | None = None
    why: str | None = None


OnProgress = Callable[[City, RosterProgress], None]


def build_calendar(
    store: Store,
    cities: Iterable[City],
    *,
    weeks: int = 4,
    limit_s: float = BUILD_S,
    iterations: int | None = None,
    seed: int = 1,
    threads: int = 1,
    author: str = BUILDER,
    on_progress: OnProgress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[CityBuilt]:
    """City by city: rosters for the days up to its horizon that have none, then the quotas of all days until there.

    A roster is made for `weeks` from the first day without one, or up to the day before the next that has one, until
    no day is missing. What somebody has set by hand stays. A city that cannot be built is told with its code, the
    others go on.
    """

    def draft(city: City, first: dt.date, last: dt.date) -> Document:
        """A roster from `first` to `last`, both included."""
        ends = StopAt(iterations, None if iterations is not None else limit_s)
        tell = None if on_progress is None else lambda progress: on_progress(city, progress)
        days = (last - first).days + 1
        return make_draft(store, city, first, days, ends, seed=seed, threads=threads, on_progress=tell)

    for city in cities:
        if stop():
            return
        tomorrow, until = _horizon(store, city)
        built = CityBuilt(city.city_id, until, assumed=stored_staff(store, city) is None)
        try:
            for done in _filled(store, city, built, tomorrow, weeks, draft, author):
                built = done
        except (InvalidProblem, StoreError) as error:
            built = _refused(built, error)
        try:
            found = refresh_capacity(store, city, tomorrow, until)
            promises = sum(q.total(slot) for q in found.values() for slot in range(len(q.grid)))
            risky, empty = _left(store, city, tomorrow, until)
            built = replace(built, days=len(found), promises=promises, at_risk=risky, empty=empty)
        except (InvalidProblem, StoreError) as error:
            built = _refused(built, error)
        yield built


def _refused(built: CityBuilt, error: InvalidProblem | StoreError) -> CityBuilt:
    """What was done, and what stopped it; what did so first is told."""
    if built.refused is not None:
        return built
    if isinstance(error, StoreError):
        return replace(built, refused=error.code, why=error.rule)
    fault = error.faults[0]
    return replace(built, refused=fault.code, why=f"{fault.value}: {fault.rule}")


def _horizon(store: Store, city: City) -> tuple[dt.date, dt.date]:
    """Tomorrow, and the last day that can be booked tomorrow."""
    with store.database.read() as connection:
        today = store.database.now(connection).date()
    days = store_rules(store, city).booking.horizon_days
    return today + dt.timedelta(days=1), today + dt.timedelta(days=days + 1)


def _filled(
    store: Store,
    city: City,
    built: CityBuilt,
    tomorrow: dt.date,
    weeks: int,
    draft: Callable[[City, dt.date, dt.date], Document],
    author: str,
) -> Iterator[CityBuilt]:
    """What was done, after each roster: one for each span of days without, until none is missing or one is refused."""
    span = missing_span(store, city, tomorrow, built.until, weeks)
    while span is not None:
        first, last = span
        document = draft(city, first, last)
        if not document["alternatives"]:
            why = "no roster keeps the labour rules, or there was no time to find one"
            yield replace(built, refused=document["status"], why=why)
            return
        outcome = publish_draft(store, city, document, author=author)
        if isinstance(outcome, NotPublished):
            codes = {refusal.code for refusal in outcome.refusals.values()}
            again = missing_span(store, city, first, built.until, weeks)
            if codes == {RefusalCode.ROSTER_OUTDATED} and again != span:  # somebody else was first with these days
                span = again
                continue
            why = f"{outcome.first.subject}: {outcome.first.text}"
            yield replace(built, refused=outcome.first.code.value, why=why)
            return
        recover_days(store, city, outcome.change)
        made = document["alternatives"][0]
        built = replace(
            built,
            first=first if built.first is None else built.first,
            last=last,
            number=outcome.number,
            gap=made["gap"],
            uncovered_proven=made["uncovered_proven"],
            below=built.below + made["cost"]["missing"] // RosterPrices().missing,
        )
        yield built
        span = missing_span(store, city, last + dt.timedelta(days=1), built.until, weeks)


def _left(store: Store, city: City, first: dt.date, until: dt.date) -> tuple[tuple[str, ...], tuple[dt.date, ...]]:
    """Promises of these days that are in no plan, and the open ones of these days on which nobody works."""
    dates = [first + dt.timedelta(days=day) for day in range((until - first).days + 1)]
    with store.database.read() as connection:
        views = store.views(connection, city, dates)
    books = {date: view.book for date, view in views.items()}
    bookings = [(views[date].now, booking) for date in dates for booking in books[date].bookings.values()]
    risky = sorted(booking.booking_id for now, booking in bookings if booking.at_risk and booking.live(now))
    empty = [d for d in dates if books[d].day.sale.closed_because is None and not books[d].day.problem.executives]
    return tuple(risky), tuple(empty)


def missing_span(
    store: Store, city: City, first: dt.date, until: dt.date, weeks: int
) -> tuple[dt.date, dt.date] | None:
    """The days for which a roster is to be made: from the first open one without to the end of so many weeks.

    Less where a day after it has a roster; None when every open day until then has one. One that was published with
    nobody on duty is a roster, too: everybody was on leave.
    """
    if first > until:
        return None
    most = min(weeks, MOST_WEEKS) * WEEK
    dates = [first + dt.timedelta(days=day) for day in range((until - first).days + most + 1)]
    with store.database.read() as connection:
        views = store.views(connection, city, dates)
    rostered = {d for d, v in views.items() if v.book.day.problem.executives or v.state.roster_number is not None}
    begin = next((d for d in dates if d not in rostered and views[d].book.day.sale.closed_because is None), None)
    if begin is None or begin > until:
        return None
    last = begin + dt.timedelta(days=most - 1)
    return begin, min((d - dt.timedelta(days=1) for d in rostered if begin < d <= last), default=last)
