"""Staff, and rosters over several days: published all or none, their versions kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from api.store.desk import REPAIR_S, restaffed, write_restaffed
from api.store.rows import roster_text
from api.store.schema import days, epoch_ms, json_text, moment, rosters, staff
from api.store.states import DayState
from api.store.store import Store, Undone, joined
from api.store.writing import (
    VersionChanged,
    View,
    expect_versions,
    keys_of,
    state_after,
    with_expired,
    write_bookings,
    write_day,
    write_events,
)
from optimizer.bookings import Change, Event, Refusal, RefusalCode, Verdict, provide
from optimizer.domain import Executive, Fault, InvalidProblem
from optimizer.quotas import Quotas
from optimizer.stop import StopAt
from scenarios.catalogue import City

TRIES = 5
"""Times that days which change meanwhile are looked at anew."""

Teams = Mapping[dt.date, tuple[Executive, ...]]
"""Who works on each date; nobody on one of none."""


# ------------------------------------------------------------------------------------------ staff


@dataclass(frozen=True, slots=True)
class StoredStaff:
    """The staff of a city as the store has it: a document that `scenarios.staff` reads."""

    version: int
    document: Mapping[str, Any]
    changed_at: dt.datetime
    changed_by: str


def stored_staff(store: Store, city: City) -> StoredStaff | None:
    """The staff of a city, None where none was ever told."""
    with store.database.read() as connection:
        return staff_in(connection, city)


def staff_in(connection: Connection, city: City) -> StoredStaff | None:
    """As `stored_staff`, in a transaction."""
    row = connection.execute(select(staff).where(staff.c.city_id == city.city_id)).one_or_none()
    return (
        None
        if row is None
        else StoredStaff(row.version, json.loads(row.document), moment(row.changed_at), row.changed_by)
    )


def set_staff(
    store: Store, city: City, document: Mapping[str, Any], author: str, *, version: int | None = None
) -> StoredStaff | Refusal:
    """Another staff for a city; refused where it is not at `version` any more, if that is given (0: there is none).

    Rosters that are published stay; the next ones are made of this staff.
    """
    with store.database.write() as connection:
        store.database.order_events(connection)  # who sets it at once waits
        now = store.database.now(connection)
        if version not in {None, _staff_version(connection, city)}:
            return _other_staff(city)
        made = put_staff(connection, city, document, author, now)
        store.sign(connection, now, made)
    return made


def _other_staff(city: City) -> Refusal:
    return Refusal(RefusalCode.CHANGED_MEANWHILE, city.city_id, "the staff is not as it was when it was read")


def put_staff(
    connection: Connection, city: City, document: Mapping[str, Any], author: str, now: dt.datetime
) -> StoredStaff:
    """Write the staff of a city at its next version, in a transaction in which nobody else does."""
    version = _staff_version(connection, city) + 1
    values = {
        "city_id": city.city_id,
        "version": version,
        "document": json_text(document),
        "changed_at": epoch_ms(now),
        "changed_by": author,
    }
    connection.execute(delete(staff).where(staff.c.city_id == city.city_id))
    connection.execute(insert(staff).values(**values))
    return StoredStaff(version, document, now, author)


def _staff_version(connection: Connection, city: City) -> int:
    known = connection.execute(select(staff.c.version).where(staff.c.city_id == city.city_id)).scalar()
    return known or 0


# --------------------------------------------------------------------------------------- versions


@dataclass(frozen=True, slots=True)
class RosterVersion:
    """A roster that was published: its number in the city, the days from `first` to `last`, when and by whom."""

    number: int
    first: dt.date
    last: dt.date
    job_id: str | None
    published_at: dt.datetime
    published_by: str
    document: Mapping[str, Any]


def roster_versions(store: Store, city: City, *, most: int = 100) -> list[RosterVersion]:
    """Rosters of a city that were published, the newest first."""
    query = select(rosters).where(rosters.c.city_id == city.city_id).order_by(rosters.c.number.desc()).limit(most)
    with store.database.read() as connection:
        return [_version_of(row) for row in connection.execute(query)]


def _version_of(row: Row[Any]) -> RosterVersion:
    return RosterVersion(
        row.number,
        dt.date.fromisoformat(row.first),
        dt.date.fromisoformat(row.last),
        row.job_id,
        moment(row.published_at),
        row.published_by,
        json.loads(row.document),
    )


# -------------------------------------------------------------------------------------- published


@dataclass(frozen=True, slots=True)
class NewRoster:
    """A roster to be published: teams and computed quotas by date, and how others read it.

    `based_on` says what the rosters of the days were when it was made (`roster_key`); a day of which that is not true
    any more refuses it. `staff`: another staff document that goes with it, None for none; `staff_version` is that of
    the staff it is held against, and another one meanwhile refuses it, too. `away`: who of a team cannot work on a
    date, which refuses it where the team is a new one.
    """

    teams: Teams
    capacities: Mapping[dt.date, Quotas]
    document: Mapping[str, Any]
    author: str
    job_id: str | None = None
    based_on: Mapping[dt.date, str] | None = None
    staff: Mapping[str, Any] | None = None
    staff_version: int | None = None
    away: Mapping[dt.date, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RosterPublished:
    """What came of it: the number it got, the change of its days, and the promises that are at risk now.

    `first`, `last`: the days it is of, as its version tells.
    """

    number: int
    first: dt.date
    last: dt.date
    change: Change
    at_risk: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotPublished:
    """Nothing was published; why not, by date."""

    refusals: Mapping[dt.date, Refusal]

    @property
    def first(self) -> Refusal:
        """The refusal to tell first."""
        return self.refusals[min(self.refusals)]


def roster_key(executives: Iterable[Executive]) -> str:
    """What tells two rosters of a day apart: 128 bits of a digest."""
    return hashlib.sha256(roster_text(executives).encode()).hexdigest()[:32]


def publish_roster(
    store: Store, city: City, new: NewRoster, *, force: bool = False, limit_s: float = REPAIR_S
) -> RosterPublished | NotPublished:
    """Make a roster that of its days, with its quotas: of all of them, or of none.

    Refused by days that are over and would change, whose roster has changed since it was made, whose plan is published,
    or that have promises which could not be kept; forced, these promises are at risk. Finding new witnesses may take
    `limit_s` a day, and is done outside of any transaction. Raises InvalidProblem for a roster without days.
    """
    if not new.teams:
        raise InvalidProblem([Fault(("days",), "no_open_day", 0, "at least one day that is not closed")])
    for _ in range(TRIES):
        with store.database.read() as connection:
            views = store.views(connection, city, new.teams)
            today = store.database.now(connection).date()
        changes = _changes(store, city, views, new, today, force=force, limit_s=limit_s)
        if isinstance(changes, NotPublished):
            return changes
        try:
            made, states = _write(store, city, views, changes, new)
        except VersionChanged:
            continue
        except Undone as undone:
            return NotPublished({min(new.teams): undone.refusal})
        store.keep(states)
        return made
    text = "the days change faster than witnesses can be found; try again"
    date = min(new.teams)
    return NotPublished({date: Refusal(RefusalCode.CHANGED_MEANWHILE, date.isoformat(), text)})


def _changes(
    store: Store,
    city: City,
    views: Mapping[dt.date, View],
    new: NewRoster,
    today: dt.date,
    *,
    force: bool,
    limit_s: float,
) -> dict[dt.date, Change] | NotPublished:
    """The days with their new teams and quotas; days that are over, and were as they are to be, are left out."""
    changes: dict[dt.date, Change] = {}
    refusals: dict[dt.date, Refusal] = {}
    left = {d for d, view in views.items() if d < today and _is_team(view, new.teams[d])}
    for date, view in sorted(views.items()):
        if date in left and left != views.keys():
            continue
        verdict = _one_day(store, city, view, new, today, force=force, limit_s=limit_s)
        if isinstance(verdict, Refusal):
            refusals[date] = verdict
        else:
            changes[date] = verdict
    return NotPublished(refusals) if refusals else changes


def away_words(names: Sequence[str]) -> str:
    """Who of a team cannot work then, as a sentence."""
    return f"away then (leave, a settled day off), or not of the staff any more: {', '.join(names)}"


def _is_team(view: View, team: Iterable[Executive]) -> bool:
    return roster_key(view.book.day.problem.executives) == roster_key(team)


def _one_day(
    store: Store, city: City, view: View, new: NewRoster, today: dt.date, *, force: bool, limit_s: float
) -> Verdict:
    date, team = view.book.day.date, new.teams[view.book.day.date]
    told = date.isoformat()
    if date < today:
        return Refusal(RefusalCode.DAY_PAST, told, f"the day is over: today is {today.isoformat()}")
    now = view.book.day.problem.executives
    if new.based_on is not None and new.based_on.get(date) != roster_key(now):
        return Refusal(RefusalCode.ROSTER_OUTDATED, told, "the roster of this day has changed since it was made")
    change = Change((view.book,), (), ())
    if not _is_team(view, team):
        if new.away.get(date):
            return Refusal(RefusalCode.EXECUTIVE_AWAY, told, away_words(new.away[date]))
        verdict = restaffed(store, city, view, team, StopAt(time_limit_s=limit_s), force=force)
        if isinstance(verdict, Refusal):
            return verdict
        change = verdict
    capacity = new.capacities.get(date)
    if change.books[0].day.sale.capacity != capacity:
        more = provide(change.books[0], capacity)
        change = Change(more.books, change.bookings, change.events or more.events)
    return change


def _write(
    store: Store, city: City, views: Mapping[dt.date, View], changes: Mapping[dt.date, Change], new: NewRoster
) -> tuple[RosterPublished, list[DayState]]:
    with store.database.write() as connection:
        store.database.lock_days(connection, keys_of(city.city_id, views))
        now = store.database.now(connection)
        # Days first: who writes another that has no row yet may wait for us there, and we must not wait for its events.
        states = [_write_day(store, connection, city, views[d], change, now) for d, change in sorted(changes.items())]
        store.database.order_events(connection)  # who publishes at once has its turn, and its number, after this
        number = _next_number(connection, city)
        own = (days.c.city_id == city.city_id) & days.c.date.in_([date.isoformat() for date in changes])
        connection.execute(update(days).where(own).values(roster_number=number))
        states = [replace(state, roster_number=number) for state in states]
        first, last = min(new.teams), max(new.teams)
        connection.execute(
            insert(rosters).values(
                city_id=city.city_id,
                number=number,
                first=first.isoformat(),
                last=last.isoformat(),
                job_id=new.job_id,
                published_at=epoch_ms(now),
                published_by=new.author,
                document=json_text(new.document),
            )
        )
        change = joined([with_expired([views[date]], change) for date, change in sorted(changes.items())])
        risky = tuple(sorted(b.booking_id for b in change.bookings if b.at_risk and b.live(now)))
        head = Event("roster.published", f"{city.city_id}:{number}", first, {"to": last.isoformat(), "number": number})
        if new.staff_version not in {None, _staff_version(connection, city)}:
            raise Undone(_other_staff(city))
        if new.staff is not None:
            put_staff(connection, city, new.staff, new.author, now)
        write_events(connection, city.city_id, (head, *change.events), now)
        made = RosterPublished(number, first, last, change, risky)
        store.sign(connection, now, made)
    return made, states


def _write_day(
    store: Store, connection: Connection, city: City, view: View, change: Change, now: dt.datetime
) -> DayState:
    if change.books[0].day.problem is not view.book.day.problem:
        return write_restaffed(store, connection, city, view, change, now)
    expect_versions(connection, [view.state])
    whole = with_expired([view], change)
    write_bookings(connection, whole.bookings, now)
    state = state_after(view.state, whole.books[0], max(now, view.now))
    write_day(connection, view.state, state)
    return state


def _next_number(connection: Connection, city: City) -> int:
    last = connection.execute(select(func.max(rosters.c.number)).where(rosters.c.city_id == city.city_id)).scalar()
    return (last or 0) + 1


def set_capacity(store: Store, city: City, capacities: Mapping[dt.date, Quotas], *, teams: Teams) -> Change:
    """Other computed quotas for days, all of them together; what is set by hand goes on standing in their place.

    Days that have these quotas already, or another team than the one they were computed for, are left as they are.
    """

    def verb(views: Mapping[dt.date, View]) -> Verdict:
        changed: list[Change] = []
        for date, view in sorted(views.items()):
            other = view.book.day.sale.capacity != capacities[date]
            if other and roster_key(view.book.day.problem.executives) == roster_key(teams[date]):
                changed.append(provide(view.book, capacities[date]))
        return joined(changed)

    verdict = store.run(city, capacities, verb)
    if isinstance(verdict, Refusal):
        raise TypeError(f"{verdict.text}: quotas that were computed are refused by nothing")
    return verdict
