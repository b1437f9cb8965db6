"""Closures, stop-sales and quotas by hand: made, listed, lifted; each tells what follows for promises."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, NoReturn

import typer

from api.bookings_cli.answers import dated, day_words, named
from api.bookings_cli.days import named_ahead, named_day, tell_day, view_of_day
from api.bookings_cli.given import (
    By,
    CityName,
    DateWord,
    First,
    Force,
    Json,
    Last,
    StoreAt,
    again,
    dates_between,
    expect_author,
    faulty,
    read_clock,
    read_date,
    read_span,
    served,
    today_of,
)
from api.bookings_cli.refusals import tell_refusal
from api.console import say, say_json, table
from api.page.markup import count
from api.reading import together
from api.shapes import restriction_json
from api.store.background import recover_day
from api.store.desk import BY_HAND, DESK, set_closed, set_sale
from api.store.restrictions import (
    CLOSURE,
    MOST_QUOTA,
    QUOTA,
    NewRestriction,
    Restricted,
    Restriction,
    add_restriction,
    find_restriction,
    lift_restriction,
    list_restrictions,
    reason_faults,
)
from api.store.store import Store
from api.words import Language
from optimizer.bookings import Refusal
from optimizer.domain import Fault, InvalidProblem, Slot
from optimizer.domain.faults import id_faults, raise_if_any
from optimizer.units import hhmm
from scenarios.catalogue import Catalogue, City

DAYS_SHOWN = 31
"""Days of restrictions that are listed where no end is named."""

_QUOTA = re.compile(r"([^=]+)=([0-9]{1,5})")
_KIT_QUOTA = re.compile(r"([^=]+)=([^=:]+):([0-9]{1,5})")
_STRETCH = re.compile(r"([0-9:]+)-([0-9:]+)")

restriction_app = typer.Typer(help="Closures, stop-sales and quotas by hand: list, lift.", no_args_is_help=True)

Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why, in a sentence of 200 characters at most.")
]


# ------------------------------------------------------------------------------------- close, open


def day_close(
    city: CityName,
    date: DateWord,
    because: Annotated[
        str | None, typer.Option("--because", metavar="WORD", help="The reason, one word: strike, flood.")
    ] = None,
    reason: Reason = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="HH:MM-HH:MM", help="Only the slots that this stretch touches.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last date, included.")] = None,
    force: Force = False,
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Close days, or a part of them, to booking and service. With promises inside only by force: they are at risk."""
    with served(store_at, as_json) as store:
        (town, day), (end, why), stretch, _ = together(
            lambda: named_ahead(store, city, date),
            lambda: together(lambda: _last(store, last, date), lambda: _why(because, reason)),
            lambda: (None, None) if at is None else _stretch(at),
            lambda: expect_author(by),
        )
        new = NewRestriction(CLOSURE, day, end or day, why, by, *stretch)
        outcome = _of_options(partial(add_restriction, store, town, new, force=force))
        if isinstance(outcome, Refusal):
            tell_refusal(outcome, Language.EN, as_json)
    more = {"date": day.isoformat(), "to": (end or day).isoformat(), "closed_because": why}
    if as_json:
        say_json({**_json(town, outcome), **more})
        return
    hours = "" if at is None else f" {at}"
    if end is None or end == day:
        say(f"{town.name_en}, {dated(day)}{hours}: closed ({why})")
    else:
        closed = len({each.date for each in outcome.restrictions})
        say(f"{town.name_en}, {dated(day)} to {dated(end)}{hours}: {count(closed, 'day')} closed ({why})")
    _tell(outcome, store_at)


def _last(store: Store, last: str | None, first: str) -> dt.date | None:
    """The last date, when it is not before the first; None where none is given."""
    if last is None:
        return None
    today, rules = today_of(store), store.catalogue.rules
    end, begin = read_date(last, "to", today, rules), read_date(first, "date", today, rules)
    if end < begin:
        raise faulty("to", "bad_range", end.isoformat(), f"not before {begin.isoformat()}")
    dates_between(begin, end)
    return end


def _why(because: str | None, reason: str | None) -> str:
    if (because is None) == (reason is None):
        raise faulty("because", "one_reason", because, "exactly one of --because WORD and --reason TEXT")
    if because is not None:
        raise_if_any(list(id_faults("because", because)))
        return because
    return _reason(reason)


def _reason(reason: str | None) -> str:
    """The reason in a sentence; that it was set by hand where none is given."""
    if reason is None:
        return BY_HAND
    raise_if_any(list(reason_faults(reason)))
    return reason


def _stretch(text: str) -> tuple[int, int]:
    found = _STRETCH.fullmatch(text)
    if found is None:
        raise faulty("at", "bad_time", text, "two times of the day as 10:00-12:00")
    open_s, close_s = together(lambda: read_clock(found[1], "at"), lambda: read_clock(found[2], "at"))
    if open_s >= close_s:
        raise faulty("at", "bad_range", text, "begins before it ends")
    return open_s, close_s


def _of_options(act: Any) -> Restricted | Refusal:
    """What is done; faults are told of the options they come from."""
    names = {"open": "at", "close": "at", "author": "by", "from": "date"}
    try:
        outcome: Restricted | Refusal = act()
    except InvalidProblem as invalid:
        told = (
            Fault((names.get(str(f.path[0]), f.path[0]), *f.path[1:]), f.code, f.value, f.rule) for f in invalid.faults
        )
        raise InvalidProblem(told) from None
    return outcome


def day_open(city: CityName, date: DateWord, by: By = DESK, store_at: StoreAt = None, as_json: Json = False) -> None:
    """Open a closed day again; promises at risk are kept again as far as there is room. Closed parts stay closed."""
    with served(store_at, as_json) as store:
        (town, day), _ = together(lambda: named_day(store, city, date), lambda: expect_author(by))
        closed = store.facts.closed(town, day)
        if closed is not None:
            raise faulty("date", "closed_day", day.isoformat(), f"a day with service by the calendar ({closed})")
        verdict = set_closed(store, town, day, None, author=by)
        if isinstance(verdict, Refusal):
            tell_refusal(verdict, Language.EN, as_json)
        back = recover_day(store, town, day)
        risky = sorted(b.booking_id for b in view_of_day(store, town, day).book.bookings.values() if b.at_risk)
        left = [row for row in list_restrictions(store, town, day, day) if row.kind == CLOSURE]
    if as_json:
        say_json({"city": town.city_id, "date": day.isoformat(), "kept_again": back, "at_risk": risky})
        return
    say(f"{town.name_en}, {dated(day)}: open" + (f"; kept again: {back}" if back else ""))
    if risky:
        say(f"still at risk: {', '.join(risky)}")
    for row in left:
        say(
            f"still closed: {_hours(row)} ({row.reason}): mitaan restriction lift {row.restriction_id}{again(store_at)}"
        )


# ------------------------------------------------------------------------------------------- sell


def day_sell(
    city: CityName,
    date: DateWord,
    stop: Annotated[
        list[str] | None, typer.Option("--stop", metavar="HH:MM", help="This slot is not given out.")
    ] = None,
    quota: Annotated[
        list[str] | None, typer.Option("--quota", metavar="HH:MM=N", help="At most so many promises in this slot.")
    ] = None,
    kit_quota: Annotated[
        list[str] | None,
        typer.Option("--kit-quota", metavar="HH:MM=KIT:N", help="At most so many promises of this kit in this slot."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also where more is promised than a quota; these promises stay.")
    ] = False,
    reason: Reason = None,
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Set by hand what of a day is for sale, all of it anew: what is not named here is given out as was computed.

    Promises made stay. A quota below what is promised is refused unless forced.
    """
    with served(store_at, as_json) as store:
        (town, day, (stops, quotas, kits)), why, _ = together(
            lambda: _for_sale(store, city, date, stop or (), quota or (), kit_quota or ()),
            lambda: _reason(reason),
            lambda: expect_author(by),
        )

        sold = partial(set_sale, store, town, day, stops, quotas, kits, force=force, reason=why, author=by)
        outcome = _of_options(sold)
        if isinstance(outcome, Refusal):
            tell_refusal(outcome, Language.EN, as_json)
        tell_day(store, town, day, as_json, routes=False, more=_consequences(outcome))
    if not as_json:
        _tell(outcome, store_at)


_Given = tuple[set[int], dict[int, int], dict[tuple[int, str], int]]
"""Slots with a stop-sale, quotas of slots, quotas of kits in slots."""


def _for_sale(
    store: Store, city: str, date: str, stop: Iterable[str], quota: Iterable[str], kit_quota: Iterable[str]
) -> tuple[City, dt.date, _Given]:
    """The day, and what is set of its slots."""
    town, day = named_ahead(store, city, date)
    slots = view_of_day(store, town, day).book.day.slots
    given = together(
        lambda: _stops(slots, stop),
        lambda: _quotas(slots, quota),
        lambda: _kit_quotas(store.catalogue, slots, kit_quota),
    )
    return town, day, given


def _stops(slots: Sequence[Slot], given: Iterable[str]) -> set[int]:
    return set(together(*(partial(_slot_number, slots, text, "stop") for text in given)))


def _quotas(slots: Sequence[Slot], given: Iterable[str]) -> dict[int, int]:
    pairs = together(*(partial(_quota, slots, text) for text in given))
    _expect_once("quota", slots, [number for number, _ in pairs], "a slot once, with one number")
    return dict(pairs)


def _kit_quotas(catalogue: Catalogue, slots: Sequence[Slot], given: Iterable[str]) -> dict[tuple[int, str], int]:
    found = together(*(partial(_kit_quota, catalogue, slots, text) for text in given))
    for kit in sorted({kit for _, kit, _ in found}):
        rule = f"a slot once for {kit}, with one number"
        _expect_once("kit-quota", slots, [number for number, other, _ in found if other == kit], rule)
    return {(number, kit): most for number, kit, most in found}


def _expect_once(option: str, slots: Sequence[Slot], numbers: Sequence[int], rule: str) -> None:
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    raise_if_any([Fault((option,), "repeated_slot", hhmm(slots[number].open_s), rule) for number in twice])


def _slot_number(slots: Sequence[Slot], text: str, option: str) -> int:
    open_s = read_clock(text, option)
    for number, slot in enumerate(slots):
        if slot.open_s == open_s:
            return number
    rule = f"when a slot of the day opens: {', '.join(hhmm(slot.open_s) for slot in slots)}"
    raise faulty(option, "unknown_slot", text, rule)


def _quota(slots: Sequence[Slot], text: str) -> tuple[int, int]:
    found = _QUOTA.fullmatch(text)
    if found is None or int(found[2]) > MOST_QUOTA:
        raise faulty("quota", "bad_quota", text, f"a slot and a number from 0 to {MOST_QUOTA:,}, as 10:00=4")
    return _slot_number(slots, found[1], "quota"), int(found[2])


def _kit_quota(catalogue: Catalogue, slots: Sequence[Slot], text: str) -> tuple[int, str, int]:
    kits = sorted(catalogue.scheme.kits.union(*(service.skills for service in catalogue.services)))
    found = _KIT_QUOTA.fullmatch(text)
    if found is None or int(found[3]) > MOST_QUOTA:
        rule = f"a slot, a kit and a number from 0 to {MOST_QUOTA:,}, as 10:00={kits[0]}:1"
        raise faulty("kit-quota", "bad_quota", text, rule)

    def kit() -> str:
        if found[2] not in kits:
            raise faulty("kit-quota", "unknown_kit", found[2], f"one of {', '.join(kits)}")
        return found[2]

    number, named_kit = together(lambda: _slot_number(slots, found[1], "kit-quota"), kit)
    return number, named_kit, int(found[3])


# ------------------------------------------------------------------------------- list and lift


@restriction_app.command("list")
def restriction_list(
    city: CityName,
    first: First = None,
    last: Last = None,
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that were lifted, too.")] = False,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Closures, stop-sales and quotas by hand, by date: from today, a month."""
    with served(store_at, as_json, writes=False) as store:
        today = today_of(store)
        town, (begin, end) = together(
            lambda: store.catalogue.city(city),
            lambda: read_span(first, last, DAYS_SHOWN, today, store.catalogue.rules),
        )
        found = list_restrictions(store, town, begin, end, lifted=lifted)
    if as_json:
        say_json({"city": town.city_id, "restrictions": [restriction_json(row) for row in found]})
        return
    columns = ("restriction", "day", "hours", "what", "reason", "by", *(("lifted",) if lifted else ()))
    rows = (
        (
            row.restriction_id,
            day_words(row.date),
            _hours(row),
            _what(row),
            row.reason,
            row.author,
            *((_lifted(row),) if lifted else ()),
        )
        for row in found
    )
    table(
        f"{town.name_en}: {count(len(found), 'restriction')}, {begin.isoformat()} to {end.isoformat()}", columns, rows
    )


def _hours(row: Restriction) -> str:
    return "all day" if row.open_s is None or row.close_s is None else f"{hhmm(row.open_s)}-{hhmm(row.close_s)}"


def _what(row: Restriction) -> str:
    if row.kind != QUOTA:
        return row.kind.replace("_", "-")
    return f"quota {row.quota}" + (f" of {row.kit}" if row.kit else "")


def _lifted(row: Restriction) -> str | None:
    return None if row.lifted_at is None else f"{day_words(row.lifted_at.date())} by {row.lifted_by}"


@restriction_app.command("lift")
def restriction_lift(
    restriction: Annotated[str, typer.Argument(metavar="ID", help="Id of a restriction.")],
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """End a restriction; promises at risk on its day are kept again as far as there is room."""
    with served(store_at, as_json) as store:
        found, _ = together(lambda: _found(store, restriction), lambda: expect_author(by))
        outcome = lift_restriction(store, restriction, by)
        if isinstance(outcome, Refusal):
            tell_refusal(outcome, Language.EN, as_json)
        if outcome is None:
            _unknown(restriction)
        town = store.catalogue.city(found.city_id)
        back = recover_day(store, town, found.date)
        risky = sorted(b.booking_id for b in view_of_day(store, town, found.date).book.bookings.values() if b.at_risk)
    if as_json:
        say_json({**_json(town, outcome), "kept_again": back, "at_risk": risky})
        return
    what = f"{_what(found)}, {_hours(found)} ({found.reason})"
    head = f"{town.name_en}, {dated(found.date)}: {what}"
    if found.lifted_at is not None:
        say(f"{head}: was lifted before, {_lifted(found)}")
    else:
        say(f"{head}: lifted" + (f"; kept again: {back}" if back else ""))
    if risky:
        say(f"still at risk: {named(risky)}")


def _found(store: Store, restriction_id: str) -> Restriction:
    found = find_restriction(store, restriction_id)
    return _unknown(restriction_id) if found is None else found


def _unknown(restriction_id: str) -> NoReturn:
    rule = "the id of a restriction; `mitaan restriction list` tells them"
    raise faulty("restriction", "unknown_restriction", restriction_id, rule)


# ---------------------------------------------------------------------------------- consequences


def _consequences(outcome: Restricted) -> dict[str, Any]:
    return {
        "made": [each.restriction_id for each in outcome.restrictions if each.lifted_at is None],
        "above": list(outcome.above),
        "beside": list(outcome.beside),
    }


def _json(city: City, outcome: Restricted) -> dict[str, Any]:
    return {
        "city": city.city_id,
        "restrictions": [restriction_json(each) for each in outcome.restrictions],
        "at_risk": list(outcome.inside),
        "above": list(outcome.above),
        "beside": list(outcome.beside),
    }


_TOLD: Mapping[str, str] = {
    "inside": "at risk, in no plan; to be called, and moved or cancelled",
    "above": "above the quota; they stay",
    "beside": "in slots that are not given out any more; they stay",
}


def _tell(outcome: Restricted, store_at: str | None) -> None:
    """The promises that are concerned, and how what was made is lifted again."""
    for key, words in _TOLD.items():
        ids = getattr(outcome, key)
        if ids:
            say(f"{words}: {named(ids)}")
    made = [each.restriction_id for each in outcome.restrictions if each.lifted_at is None]
    for restriction_id in made[:1]:
        more = f" (one of {len(made)}: `mitaan restriction list`)" if len(made) > 1 else ""
        say(f"to take it back: mitaan restriction lift {restriction_id}{again(store_at)}{more}")
