"""Slots, hold, book, extend, release, move, cancel, mark, locate, bookings: the commands for a citizen on the line."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from api.bookings_cli.answers import (
    tell_bookings,
    tell_change,
    tell_counts,
    tell_next,
    tell_offers,
    warn_of_rest,
    words,
)
from api.bookings_cli.given import (
    DEFAULT_CALLER,
    MOST_LISTED,
    At,
    BookingName,
    Caller,
    CityName,
    First,
    InLocality,
    Json,
    Lang,
    Last,
    Pin,
    Services,
    StoreAt,
    again,
    booking_named,
    faulty,
    holds_named,
    moment_of,
    one_of,
    read_clock,
    read_place,
    read_services,
    read_slot,
    read_span,
    served,
    today_of,
)
from api.bookings_cli.refusals import tell_refusal
from api.console import say, say_json
from api.reading import together
from api.shapes import booking_json, offers_json
from api.store.store import Store, WantedSlot
from api.words import Language
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict, unknown
from optimizer.domain import Booking, BookingStatus, Fault, InvalidProblem, NotServed, Wishes
from optimizer.slots import CallCentre, Policy, all_feasible, ranked
from optimizer.stop import StopAt
from optimizer.units import HOUR_S, IST, hhmm
from scenarios.catalogue import City

POLICIES = ("ranked", "all", "call-centre")
MARKABLE = ("on_the_way", "served", "not_served", "certificate_due", "delivered")
DAYS_ASKED = 7
DAYS_LISTED = 14
NOON_S = 12 * HOUR_S
FURTHEST = dt.timedelta(days=366)
"""How far ahead a rule of a city can let people book."""

Ids = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Ids of holds or of all held together; or a reference.")
]


# ------------------------------------------------------------------------------------------ slots


def slots(
    city: CityName,
    service: Services,
    at: At = None,
    locality: InLocality = None,
    pin: Pin = None,
    first: First = None,
    last: Last = None,
    before_noon: Annotated[bool, typer.Option("--before-noon", help="Wish: the slot opens before noon.")] = False,
    after: Annotated[str | None, typer.Option(metavar="HH:MM", help="Wish: it opens then or later.")] = None,
    by: Annotated[str | None, typer.Option(metavar="HH:MM", help="Wish: it opens by then.")] = None,
    one_executive: Annotated[
        bool, typer.Option("--one-executive", help="Wish: one executive for all services, one slot after the other.")
    ] = False,
    policy: Annotated[str, typer.Option(help=f"In which order: {', '.join(POLICIES)}.")] = "ranked",
    reasons: Annotated[bool, typer.Option("--reasons", help="Tell how many executives each rule keeps away.")] = False,
    proof: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.0, help="Take so long, in all, to settle open slots.")
    ] = None,
    lang: Lang = Language.EN,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Which slots an address can have: every slot of every day, or why not. From tomorrow, seven days."""
    with served(store_at, as_json, writes=False) as store:
        catalogue, today = store.catalogue, today_of(store)
        town, asked, where, (days, wishes, order, stop) = together(
            lambda: catalogue.city(city),
            lambda: read_services(catalogue, service),
            lambda: read_place(catalogue, city, at, locality, pin),
            lambda: together(
                lambda: read_span(first, last, DAYS_ASKED, today, catalogue.rules, ahead=1),
                lambda: _wishes(before_noon, after, by, one_executive),
                lambda: one_of(policy, "policy", POLICIES, "unknown_policy"),
                lambda: _stop(proof),
            ),
        )
        offers = store.offers(
            town, where, asked, *days, wishes=wishes, policy=_policy(store, order), counts=reasons, proof=stop
        )
        ids = [each.service_id for each in asked]
    if as_json:
        head = {
            "city": town.city_id,
            "services": ids,
            "point": [where.lon, where.lat],
            "spread_m": where.spread_m,
            "approximate": where.spread_m > 0,
            "from": days[0].isoformat(),
            "to": days[1].isoformat(),
            "policy": order,
        }
        say_json({**head, **offers_json(offers, ids, lang)})
        return
    names = [each.name_hi if lang is Language.HI else each.name_en for each in asked]
    tell_offers(offers, ids, names, lang)
    if reasons:
        tell_counts(offers.refused, ids, lang)
    if where.spread_m > 0:
        key = "away from pin" if where.basis == "pincode" else "away"
        say(words(key, lang).format(name=where.name, spread_m=where.spread_m))


def _wishes(before_noon: bool, after: str | None, by: str | None, one_executive: bool) -> Wishes:
    if before_noon and (after is not None or by is not None):
        rule = "not together with --before-noon, which says by when already"
        raise InvalidProblem(
            Fault((name,), "not_used", value, rule)
            for name, value in (("after", after), ("by", by))
            if value is not None
        )
    if before_noon:
        return Wishes(open_by_s=NOON_S - 1, one_executive=one_executive)
    open_from_s, open_by_s = together(
        lambda: Wishes().open_from_s if after is None else read_clock(after, "after"),
        lambda: Wishes().open_by_s if by is None else read_clock(by, "by"),
    )
    if open_by_s < open_from_s:
        raise faulty("by", "bad_window", by or hhmm(open_by_s), f"not before --after {after}")
    return Wishes(open_from_s, open_by_s, one_executive)


def _stop(proof_s: float | None) -> StopAt | None:
    if proof_s is not None and not math.isfinite(proof_s):
        raise faulty("proof", "bad_limit", proof_s, "a finite number of seconds")
    return None if proof_s is None else StopAt(time_limit_s=proof_s)


def _policy(store: Store, name: str) -> Policy:
    if name == "all":
        return all_feasible
    if name == "ranked":
        return ranked
    by_hour = {row.hour: float(row.weekday_hundredths) for row in store.catalogue.hour_shape}
    opens = range(store.catalogue.rules.open_s, store.catalogue.rules.close_s, 60)
    return CallCentre({open_s: by_hour[open_s // HOUR_S] for open_s in opens if open_s // HOUR_S in by_hour})


# --------------------------------------------------------------------------------- hold and book


def hold(
    city: CityName,
    service: Services,
    slot: Annotated[list[str], typer.Option("--slot", metavar="T", help="When its slot opens: one for each service.")],
    at: At = None,
    locality: InLocality = None,
    pin: Pin = None,
    caller: Caller = DEFAULT_CALLER,
    reference: Annotated[str | None, typer.Option(metavar="REF", help="What you call this: an id, no names.")] = None,
    lang: Lang = Language.EN,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Keep slots for minutes while the citizen decides, all or none. Services and slots pair up in order."""
    with served(store_at, as_json) as store:
        place = (at, locality, pin)
        held = _take(store, city, service, slot, place, caller, reference, lang, as_json, at_once=False)
    if not as_json:
        tell_next(held, again(store_at, caller), lang)


def book(
    city: Annotated[str | None, typer.Argument(metavar="[CITY]", help="To book in one step.")] = None,
    service: Annotated[list[str] | None, typer.Option("--service", metavar="S", help="A service.")] = None,
    slot: Annotated[list[str] | None, typer.Option("--slot", metavar="T", help="When its slot opens.")] = None,
    held: Annotated[
        list[str] | None, typer.Option("--hold", metavar="ID", help="A hold to confirm, or all held together.")
    ] = None,
    at: At = None,
    locality: InLocality = None,
    pin: Pin = None,
    caller: Caller = DEFAULT_CALLER,
    reference: Annotated[str | None, typer.Option(metavar="REF", help="What you call this: an id, no names.")] = None,
    lang: Lang = Language.EN,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Confirm holds (`book --hold ID`), or book slots in one step (`book CITY --service S --slot T` and a place)."""
    with served(store_at, as_json) as store:
        if not held:
            missing = [name for name, value in (("CITY", city), ("--service", service), ("--slot", slot)) if not value]
            if missing:
                rule = "--hold ID to confirm; or CITY, --service and --slot, and a place, to book in one step"
                if city or service or slot:
                    rule += f"; missing: {', '.join(missing)}"
                raise faulty("hold", "one_way", None, rule)
            place = (at, locality, pin)
            _take(store, city or "", service or [], slot or [], place, caller, reference, lang, as_json, at_once=True)
            return
        given = {"city": city, "service": service, "slot": slot, "at": at, "locality": locality, "pin": pin}
        given["reference"] = reference
        rule = "a hold has its city, service, slot and place already"
        idle = [Fault((name,), "not_used", value, rule) for name, value in given.items() if value]
        if idle:
            raise InvalidProblem(idle)
        verdict = store.confirm(holds_named(store, held), caller)
        _answer(store, verdict, "Booked", lang, as_json)
        if isinstance(verdict, Change):
            _warn_of_rest(store, verdict, again(store_at, caller), lang)


def _warn_of_rest(store: Store, change: Change, options: str, lang: Language) -> None:
    now = moment_of(store)
    for group in sorted({b.group_id for b in change.bookings}):
        own = [b for b in change.bookings if b.group_id == group]
        city, today = store.catalogue.city(own[0].city), now.date()
        held = store.list_bookings(city, today, today + FURTHEST, statuses=[BookingStatus.HELD], most=MOST_LISTED)
        warn_of_rest([b for b in held if b.group_id == group and b.live(now)], len(own), options, lang)


def _take(
    store: Store,
    city: str,
    names: Sequence[str],
    opens: Sequence[str],
    place: tuple[str | None, str | None, str | None],
    caller: str,
    reference: str | None,
    lang: Language,
    as_json: bool,
    *,
    at_once: bool,
) -> Sequence[Booking]:
    """Hold or book, and tell it; what is held or booked now."""
    catalogue, today = store.catalogue, today_of(store)

    def pairs() -> None:
        if len(names) != len(opens):
            rule = f"one slot for each service: {len(names)} services"
            raise faulty("slot", "bad_number", len(opens), rule)

    town, services, where, (times, _) = together(
        lambda: catalogue.city(city),
        lambda: read_services(catalogue, names),
        lambda: read_place(catalogue, city, *place),
        lambda: together(
            lambda: together(*(partial(read_slot, text, "slot", today, catalogue.rules) for text in opens)), pairs
        ),
    )
    wanted = [WantedSlot(each, date, open_s) for each, (date, open_s) in zip(services, times, strict=True)]
    verdict = store.hold(town, where, wanted, caller, reference=reference, at_once=at_once)
    lost = services[0].service_id
    if isinstance(verdict, Refusal):
        lost = next((w.service.service_id for w in wanted if _opens(w) == verdict.subject), lost)
    _answer(store, verdict, "Booked" if at_once else "Held", lang, as_json, lost, town, where.basis)
    return verdict.bookings if isinstance(verdict, Change) else ()


def _opens(want: WantedSlot) -> str:
    midnight = dt.datetime.combine(want.date, dt.time(), IST)
    return (midnight + dt.timedelta(seconds=want.open_s)).isoformat()


def _answer(
    store: Store,
    verdict: Verdict,
    title: str,
    lang: Language,
    as_json: bool,
    service_id: str | None = None,
    city: City | None = None,
    basis: str = "point",
) -> None:
    if isinstance(verdict, Refusal):
        if verdict.code is RefusalCode.UNKNOWN_SLOT and city is not None:
            verdict = replace(verdict, text=_opening(store, city, verdict.subject, lang))
        tell_refusal(verdict, lang, as_json, service_id)
    tell_change(verdict, title, moment_of(store), lang, as_json, basis)


def _opening(store: Store, city: City, wanted: str, lang: Language) -> str:
    """When slots open on the day of the one that was wanted, for people."""
    date = dt.datetime.fromisoformat(wanted).date()
    with store.database.read() as connection:
        slots = store.views(connection, city, [date])[date].book.day.slots
    times = ", ".join(hhmm(slot.open_s) for slot in slots)
    return f"स्लॉट इन समयों पर शुरू होते हैं: {times}" if lang is Language.HI else f"slots open at {times}"


def extend(
    ids: Ids, caller: Caller = DEFAULT_CALLER, lang: Lang = Language.EN, store_at: StoreAt = None, as_json: Json = False
) -> None:
    """Holds live as long again from now, once."""
    with served(store_at, as_json) as store:
        _answer(store, store.extend(holds_named(store, ids), caller), "Held longer", lang, as_json)


def release(
    ids: Ids, caller: Caller = DEFAULT_CALLER, lang: Lang = Language.EN, store_at: StoreAt = None, as_json: Json = False
) -> None:
    """Give holds up: their slots are free again."""
    with served(store_at, as_json) as store:
        _answer(store, store.give_up(holds_named(store, ids), caller), "Released", lang, as_json)


# ------------------------------------------------------------------------------- move and cancel


def move(
    booking: BookingName,
    slot: Annotated[str, typer.Argument(metavar="SLOT", help="When the new slot opens, as 2026-12-02T10:00.")],
    lang: Lang = Language.EN,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Move a booking to another slot; the old one is given up only when the new one is won."""
    with served(store_at, as_json) as store:
        booking_id, (date, open_s) = together(
            lambda: booking_named(store, booking),
            lambda: read_slot(slot, "slot", today_of(store), store.catalogue.rules),
        )
        found = store.booking(booking_id)
        service_id = None if found is None else found.service.service_id
        town = None if found is None else store.catalogue.city(found.city)
        _answer(store, store.move(booking_id, date, open_s), "Moved", lang, as_json, service_id, town)


def cancel(booking: BookingName, lang: Lang = Language.EN, store_at: StoreAt = None, as_json: Json = False) -> None:
    """Give a booking back, until it has been started or its slot is over."""
    with served(store_at, as_json) as store:
        _answer(store, store.cancel(booking_named(store, booking)), "Cancelled", lang, as_json)


def mark(
    booking: BookingName,
    status: Annotated[str, typer.Argument(metavar="STATUS", help=f"One of {', '.join(MARKABLE)}.")],
    code: Annotated[str | None, typer.Option(metavar="CODE", help=f"Why not_served: {', '.join(NotServed)}.")] = None,
    lang: Lang = Language.EN,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Say where a booking stands on its day: on the way, served, not served, certificate due, delivered."""
    with served(store_at, as_json) as store:
        booking_id, became, why = together(
            lambda: booking_named(store, booking),
            lambda: BookingStatus(one_of(status, "status", MARKABLE, "unknown_status")),
            lambda: None if code is None else NotServed(one_of(code, "code", list(NotServed), "unknown_code")),
        )
        _answer(store, store.mark(booking_id, became, why), "Marked", lang, as_json)


def locate(
    booking: BookingName,
    at: Annotated[str, typer.Option("--at", metavar="LON,LAT", help="The point, longitude first.")],
    lang: Lang = Language.EN,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Give a booking, and all held together with it on its day, their exact point."""
    with served(store_at, as_json) as store:
        booking_id = booking_named(store, booking)
        found = store.booking(booking_id)
        if found is None:
            tell_refusal(unknown(booking_id), lang, as_json)
        where = read_place(store.catalogue, found.city, at, None, None)
        _answer(store, store.locate(booking_id, where), "Located", lang, as_json)


# --------------------------------------------------------------------------------------- bookings


def bookings(
    city: Annotated[str | None, typer.Argument(metavar="[CITY]", help="A city; not needed with --id.")] = None,
    first: First = None,
    last: Last = None,
    status: Annotated[list[str] | None, typer.Option("--status", metavar="S", help="Only with this status.")] = None,
    reference: Annotated[str | None, typer.Option(metavar="REF", help="Only with this reference.")] = None,
    booking: Annotated[
        str | None, typer.Option("--id", metavar="BOOKING", help="One booking with its whole history.")
    ] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """The bookings of a city, from today on, two weeks; or one booking and what it was moved from and to."""
    with served(store_at, as_json, writes=False) as store:
        now = moment_of(store)
        if booking is not None:
            booking_id = booking_named(store, booking)
            found = _history(store, booking_id)
            if not found:
                tell_refusal(unknown(booking_id), Language.EN, as_json)
            title = f"{booking_id} and its history"
        else:
            town, days, statuses = together(
                lambda: _town(store, city),
                lambda: read_span(first, last, DAYS_LISTED, now.date(), store.catalogue.rules),
                lambda: [
                    BookingStatus(one_of(word, "status", list(BookingStatus), "unknown_status"))
                    for word in status or []
                ],
            )
            found = store.list_bookings(town, *days, statuses=statuses, reference=reference, most=MOST_LISTED)
            title = f"{town.name_en}: {len(found)} bookings from {days[0]} to {days[1]}"
    if as_json:
        say_json({"bookings": [booking_json(each, now) for each in found]})
    else:
        tell_bookings(title, found, now)


def _town(store: Store, city: str | None) -> City:
    if city is None:
        raise faulty("city", "missing_field", None, "name a city, as `mitaan bookings raipur`, or one booking by --id")
    return store.catalogue.city(city)


def _history(store: Store, booking_id: str) -> list[Booking]:
    """A booking with those it was moved from and to, oldest first; empty when there is none of this id."""
    found = store.booking(booking_id)
    if found is None:
        return []
    chain = [found]
    while chain[0].moved_from is not None and (before := store.booking(chain[0].moved_from)) is not None:
        chain.insert(0, before)
    while chain[-1].moved_to is not None and (after := store.booking(chain[-1].moved_to)) is not None:
        chain.append(after)
    return chain
