"""Closures, stop-sales and quotas by hand: who said so and why, what follows for the promises inside, and their end.

A restriction is about one date: all of it, or a stretch of it. What a day sells follows from the restrictions that are
not lifted; it is written with them, in one step, so that booking reads the day alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from api.store.schema import epoch_ms, moment, restrictions
from api.store.store import MOST_DAYS, Store, Undone, has_personal_digits, joined, new_id
from api.store.writing import VersionChanged, View
from optimizer.bookings import Change, Refusal, Verdict, restrict
from optimizer.domain import Fault, SlotGrid
from optimizer.domain.faults import id_faults, raise_if_any
from optimizer.slots import Sale
from optimizer.units import DAY_S, hhmm
from scenarios.catalogue import Catalogue, City

CLOSURE, STOP_SALE, QUOTA = "closure", "stop_sale", "quota"
KINDS = (CLOSURE, STOP_SALE, QUOTA)
MOST_REASON = 200
"""Characters of a reason."""
MOST_QUOTA = 10_000
JOINERS = "\u200c\u200d"
"""They cannot be seen, and Hindi is not written right without them."""

Rewriting = Callable[[Connection, dt.datetime, dt.date], list[str]]
"""Changes the restrictions of a date at a moment; the ids of those that are new or lifted."""


@dataclass(frozen=True, slots=True)
class NewRestriction:
    """What is not to be had of the days from `first` to `last`, both included, and why.

    A `closure` is of the whole day, or of the slots that the stretch from `open_s` to `close_s` touches. A `stop_sale`
    and a `quota` are of the slots that lie in the stretch; a `quota` is the most promises of each of them, or of one
    kit in each. `author`: whose word it is, no personal name.
    """

    kind: str
    first: dt.date
    last: dt.date
    reason: str
    author: str
    open_s: int | None = None
    close_s: int | None = None
    kit: str | None = None
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """A restriction of one date as the store has it; `lifted_at` and `lifted_by` None while it holds."""

    restriction_id: str
    city_id: str
    date: dt.date
    kind: str
    open_s: int | None
    close_s: int | None
    kit: str | None
    quota: int | None
    reason: str
    author: str
    made_at: dt.datetime
    lifted_at: dt.datetime | None
    lifted_by: str | None


@dataclass(frozen=True, slots=True)
class Restricted:
    """What came of restrictions made or lifted: the changes of their days, themselves, and the promises they concern.

    `inside` are promises of closed days and slots, at risk from now on; `above` stay although their slot has a quota
    below them from now on; `beside` stay in slots that are not given out any more. All by booking id.
    """

    change: Change
    restrictions: tuple[Restriction, ...]
    inside: tuple[str, ...]
    above: tuple[str, ...]
    beside: tuple[str, ...]


def add_restriction(store: Store, city: City, new: NewRestriction, *, force: bool = False) -> Restricted | Refusal:
    """Restrict days, all of them or none. Promises inside a closure, or above a quota, refuse it unless forced.

    Raises InvalidProblem, with all faults, for what is no restriction of these days.
    """
    dates = _open_dates(store, city, [new])

    def change(connection: Connection, now: dt.datetime, date: dt.date) -> list[str]:
        return [_make(connection, city, new, date, now)]

    return _changed(store, city, dates, change, force=force)


def lift_restriction(store: Store, restriction_id: str, author: str) -> Restricted | Refusal | None:
    """End a restriction; None when there is none of this id. One that was lifted stays as it is, and nothing changes.

    Promises that it put at risk are kept again where somebody looks after the day (`recover_day`), not here.
    """
    raise_if_any(list(id_faults("author", author)))
    found = find_restriction(store, restriction_id)
    if found is None:
        return None

    def change(connection: Connection, now: dt.datetime, _: dt.date) -> list[str]:
        return _lift(connection, now, author, restrictions.c.restriction_id == restriction_id)

    if found.lifted_at is None:
        outcome = _changed(store, store.catalogue.city(found.city_id), [found.date], change, force=True)
        if isinstance(outcome, Refusal) or outcome.restrictions:
            return outcome
        found = find_restriction(store, restriction_id) or found  # somebody else has just lifted it
    return Restricted(Change((), (), ()), (found,), (), (), ())


def replace_restrictions(
    store: Store,
    city: City,
    date: dt.date,
    which: ColumnElement[bool],
    new: Sequence[NewRestriction],
    author: str,
    *,
    force: bool = False,
) -> Restricted | Refusal:
    """Those of the restrictions of a date lifted, and these made instead; nothing changes where that is none."""
    raise_if_any(list(id_faults("author", author)))
    _open_dates(store, city, new)

    def change(connection: Connection, now: dt.datetime, _: dt.date) -> list[str]:
        own = (restrictions.c.city_id == city.city_id) & (restrictions.c.date == date.isoformat())
        lifted = _lift(connection, now, author, own & which)
        return lifted + [_make(connection, city, each, date, now) for each in new]

    return _changed(store, city, [date], change, force=force)


def find_restriction(store: Store, restriction_id: str) -> Restriction | None:
    """The restriction of this id, lifted or not."""
    with store.database.read() as connection:
        row = connection.execute(
            select(restrictions).where(restrictions.c.restriction_id == restriction_id)
        ).one_or_none()
    return None if row is None else _restriction_of(row)


def list_restrictions(
    store: Store, city: City, first: dt.date, last: dt.date, *, lifted: bool = False
) -> list[Restriction]:
    """Restrictions of the dates from `first` to `last`, by date and when they were made; with `lifted` those, too."""
    with store.database.read() as connection:
        return restrictions_in(connection, city, first, last, lifted=lifted)


def restrictions_in(
    connection: Connection, city: City, first: dt.date, last: dt.date, *, lifted: bool = False
) -> list[Restriction]:
    """As `list_restrictions`, in a transaction."""
    where = (restrictions.c.city_id == city.city_id) & (restrictions.c.date >= first.isoformat())
    where &= restrictions.c.date <= last.isoformat()
    if not lifted:
        where &= restrictions.c.lifted_at.is_(None)
    order = (restrictions.c.date, restrictions.c.made_at, restrictions.c.restriction_id)
    return [_restriction_of(row) for row in connection.execute(select(restrictions).where(where).order_by(*order))]


# ---------------------------------------------------------------------------------------- judged


def _open_dates(store: Store, city: City, news: Sequence[NewRestriction]) -> list[dt.date]:
    """The open days of restrictions, in order. Raises InvalidProblem with everything that is wrong with them."""
    faults = [fault for new in news for fault in _faults(store.catalogue, new)]
    dates = sorted({date for new in news for date in _dates(new)})
    open_dates = [date for date in dates if store.facts.closed(city, date) is None]
    with store.database.read() as connection:
        today = store.database.now(connection).date()
        views = store.views(connection, city, open_dates) if open_dates else {}
    for new in news:
        own = [views[date] for date in _dates(new) if date in views]
        if new.first < today:
            rule = f"not before {today.isoformat()}: what is over is not restricted any more"
            faults.append(Fault(("from",), "day_past", new.first.isoformat(), rule))
        if not own and _dates(new):
            told = store.facts.closed(city, new.first)
            faults.append(Fault(("from",), "closed_day", new.first.isoformat(), f"a day with service ({told})"))
        if _is_stretch(new.open_s, new.close_s) and not all(_slots(view.book.day.problem.grid, new) for view in own):
            faults.append(Fault(("open",), "unknown_slot", hhmm(new.open_s or 0), "a stretch with a slot in it"))
    raise_if_any(list(dict.fromkeys(faults)))
    return open_dates


def _dates(new: NewRestriction) -> list[dt.date]:
    """The days of a restriction, closed ones, too; none where there are too many of them."""
    days = (new.last - new.first).days + 1
    return [new.first + dt.timedelta(days=day) for day in range(days)] if days <= MOST_DAYS else []


def _is_stretch(open_s: int | None, close_s: int | None) -> bool:
    return open_s is not None and close_s is not None and 0 <= open_s < close_s <= DAY_S


def reason_faults(reason: str) -> Iterator[Fault]:
    """What is wrong with a reason."""
    seen = reason.translate(dict.fromkeys(map(ord, JOINERS)))
    if not seen.strip() or len(reason) > MOST_REASON or not seen.isprintable():
        rule = f"1 to {MOST_REASON} printable characters that say why"
        yield Fault(("reason",), "bad_reason", reason[:MOST_REASON], rule)
    elif has_personal_digits(reason):
        rule = "why, and nobody's number: no telephone and no Aadhaar number is kept here"
        yield Fault(("reason",), "looks_personal", f"{sum(map(str.isdigit, reason))} digits", rule)


def _faults(catalogue: Catalogue, new: NewRestriction) -> Iterator[Fault]:
    """What is wrong with a restriction, whatever its days are like."""
    if new.kind not in KINDS:
        yield Fault(("kind",), "unknown_kind", new.kind, f"one of {', '.join(KINDS)}")
    yield from reason_faults(new.reason)
    yield from id_faults("author", new.author)
    if not 0 <= (new.last - new.first).days < MOST_DAYS:
        rule = f"{new.first.isoformat()} or later, {MOST_DAYS} days at most"
        yield Fault(("to",), "bad_range", new.last.isoformat(), rule)
    yield from _stretch_faults(new)
    if (new.kind == QUOTA) != (new.quota is not None):
        yield Fault(("quota",), "bad_quota", new.quota, "a number for a quota, and for nothing else")
    elif new.quota is not None and not 0 <= new.quota <= MOST_QUOTA:
        yield Fault(("quota",), "bad_quota", new.quota, f"0 to {MOST_QUOTA:,}")
    if new.kit is None:
        return
    kits = catalogue.scheme.kits.union(*(service.skills for service in catalogue.services))
    if new.kind != QUOTA:
        yield Fault(("kit",), "not_of_a_kit", new.kit, "only a quota may be of one kit")
    if new.kit not in kits:
        yield Fault(("kit",), "unknown_kit", new.kit, f"one of {', '.join(sorted(kits))}")


def _stretch_faults(new: NewRestriction) -> Iterator[Fault]:
    if (new.open_s is None) != (new.close_s is None):
        yield Fault(("open",), "missing_end", None, "both ends of a stretch, or none for the whole day")
    elif new.open_s is not None and new.close_s is not None and not _is_stretch(new.open_s, new.close_s):
        yield Fault(("close",), "bad_range", hhmm(new.close_s), f"after {hhmm(new.open_s)}")
    if new.kind in {STOP_SALE, QUOTA} and new.open_s is None:
        yield Fault(("open",), "missing_field", None, f"a {new.kind} is of slots")


def _slots(grid: SlotGrid, which: NewRestriction | Restriction) -> list[int]:
    """The slots of a grid that a restriction is of: those a closure touches, those that lie in another's stretch."""
    if which.open_s is None or which.close_s is None:
        return []
    open_s, close_s = which.open_s, which.close_s
    if which.kind == CLOSURE:
        return [n for n, slot in enumerate(grid.slots()) if slot.open_s < close_s and open_s < slot.close_s]
    return [n for n, slot in enumerate(grid.slots()) if open_s <= slot.open_s and slot.close_s <= close_s]


# --------------------------------------------------------------------------------------- changed


def _changed(
    store: Store, city: City, dates: Sequence[dt.date], change: Rewriting, *, force: bool
) -> Restricted | Refusal:
    """Change the rows of restrictions and the days with them, in one transaction with the days locked.

    Where no row changes nothing is written at all.
    """
    made: list[Restricted] = []

    def act() -> Verdict:
        made.clear()
        with store.database.read() as connection:
            bare = [date for date, view in store.views(connection, city, dates).items() if view.state.version == 0]
        try:
            with store.database.write() as connection:
                store.database.lock_days(connection, [(city.city_id, date) for date in dates])
                now = store.database.now(connection)
                views = store.views(connection, city, dates)
                if any(views[date].state.version for date in bare):
                    raise VersionChanged  # it may have got its row after the others were locked: then out of its turn
                ids = {restriction_id for date in dates for restriction_id in change(connection, now, date)}
                if not ids:
                    made.append(Restricted(Change((), (), ()), (), (), (), ()))
                    return made[0].change
                rows = restrictions_in(connection, city, min(dates), max(dates), lifted=True)
                verdict = _restricted(store, city, views, [row for row in rows if row.lifted_at is None], force=force)
                if isinstance(verdict, Refusal):
                    raise Undone(verdict)
                made.append(_told(views, verdict, tuple(row for row in rows if row.restriction_id in ids)))
                states = store.written(connection, city, views, verdict, lambda *_: (made[0], ()))
        except Undone as undone:
            return undone.refusal
        store.keep(states)
        return verdict

    verdict = store.until_done(act)
    return verdict if isinstance(verdict, Refusal) else made[0]


def _restricted(
    store: Store, city: City, views: Mapping[dt.date, View], rows: Sequence[Restriction], *, force: bool
) -> Change | Refusal:
    """The days under these restrictions; refused with the promises in the way of all days.

    A day that the calendar closes stays so, whatever else does.
    """
    verdicts = []
    for date, view in views.items():
        sale = sale_under(view.book.day.sale, view.book.day.problem.grid, [row for row in rows if row.date == date])
        closed = store.facts.closed(city, date)
        if closed is not None:
            sale = replace(sale, closed_because=closed)
        verdicts.append(restrict(view.book, sale, force=force))
    refusals = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
    if not refusals:
        return joined([verdict for verdict in verdicts if isinstance(verdict, Change)])
    first, others = refusals[0], len(refusals) - 1
    more = f" (and on {others} more day{'s' if others > 1 else ''})" if others else ""
    return replace(first, text=first.text + more, bookings=tuple(b for r in refusals for b in r.bookings))


def sale_under(sale: Sale, grid: SlotGrid, rows: Sequence[Restriction]) -> Sale:
    """What is for sale under these restrictions, of several for one slot the narrowest; the rest of `sale` stays."""
    closed: str | None = None
    closed_slots: dict[int, str] = {}
    stopped: set[int] = set()
    quotas: dict[int, int] = {}
    kits: dict[tuple[int, str], int] = {}
    for row in rows:
        if row.kind == CLOSURE and row.open_s is None:
            closed = closed or row.reason
        for slot in _slots(grid, row):
            if row.kind == CLOSURE:
                closed_slots.setdefault(slot, row.reason)
            elif row.kind == STOP_SALE:
                stopped.add(slot)
            elif row.kit is None:
                quotas[slot] = min(quotas.get(slot, MOST_QUOTA), row.quota or 0)
            else:
                kits[slot, row.kit] = min(kits.get((slot, row.kit), MOST_QUOTA), row.quota or 0)
    return replace(
        sale,
        closed_because=closed,
        closed_slots=closed_slots,
        stop_sales=frozenset(stopped),
        quotas=quotas,
        kit_quotas=kits,
    )


def _told(views: Mapping[dt.date, View], change: Change, rows: tuple[Restriction, ...]) -> Restricted:
    above: set[str] = set()
    beside: set[str] = set()
    for book in change.books:
        day, before = book.day, views[book.day.date].book.day.sale
        for promise in day.promises:
            slot = day.slots.index(promise.slot)
            if _is_above(day.taken[slot], day.sale.quotas.get(slot), before.quotas.get(slot)):
                above.add(promise.visit_id)
            for kit in promise.skills:
                limits = day.sale.kit_quotas.get((slot, kit)), before.kit_quotas.get((slot, kit))
                if _is_above(day.taken_by(slot, kit), *limits):
                    above.add(promise.visit_id)
            if slot in day.sale.stop_sales - before.stop_sales:
                beside.add(promise.visit_id)
    inside = (
        b.booking_id for b in change.bookings if b.at_risk and not views[b.date].book.bookings[b.booking_id].at_risk
    )
    return Restricted(change, rows, tuple(sorted(inside)), tuple(sorted(above)), tuple(sorted(beside)))


def _is_above(taken: int, quota: int | None, before: int | None) -> bool:
    """More is promised than a quota that is new, or lower than before."""
    return quota is not None and taken > quota and (before is None or quota < before)


def _lift(connection: Connection, now: dt.datetime, author: str, which: ColumnElement[bool]) -> list[str]:
    """End those that hold; their ids."""
    live = which & restrictions.c.lifted_at.is_(None)
    ids = list(connection.execute(select(restrictions.c.restriction_id).where(live)).scalars())
    if ids:
        connection.execute(update(restrictions).where(live).values(lifted_at=epoch_ms(now), lifted_by=author))
    return ids


def _make(connection: Connection, city: City, new: NewRestriction, date: dt.date, now: dt.datetime) -> str:
    """Write a restriction of one date; its id."""
    values: dict[str, Any] = {
        "restriction_id": new_id("R"),
        "city_id": city.city_id,
        "date": date.isoformat(),
        "kind": new.kind,
        "open_s": new.open_s,
        "close_s": new.close_s,
        "kit": new.kit,
        "quota": new.quota,
        "reason": new.reason.strip(),
        "author": new.author,
        "made_at": epoch_ms(now),
    }
    connection.execute(insert(restrictions).values(**values))
    return str(values["restriction_id"])


def _restriction_of(row: Row[Any]) -> Restriction:
    return Restriction(
        row.restriction_id,
        row.city_id,
        dt.date.fromisoformat(row.date),
        row.kind,
        row.open_s,
        row.close_s,
        row.kit,
        row.quota,
        row.reason,
        row.author,
        moment(row.made_at),
        None if row.lifted_at is None else moment(row.lifted_at),
        row.lifted_by,
    )
