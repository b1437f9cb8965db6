"""What the commands of the booking service are given: a store, a caller, dates, slots, places; and how they read it.

Everything that is wrong with a command is told at once: `together` reads several things and collects their faults.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, TypeVar

import typer

from api.console import BAD_INPUT, faults_told, note, say_json
from api.reading import together
from api.settings import address_in_file
from api.store import Database, StoreError
from api.store.database import default_path
from api.store.desk import DESK, store_rules
from api.store.store import Store
from api.store.writing import View
from api.words import Language
from optimizer.arrays import seconds_compiling
from optimizer.calendar import closed_because
from optimizer.domain import Booking, Fault, InvalidProblem, ServiceRules
from optimizer.domain.faults import id_faults, raise_if_any
from optimizer.units import DAY_S, HOUR_S, IST, MINUTE_S
from scenarios.catalogue import Catalogue, City, Service, load_catalogue
from scenarios.files import FileFault
from scenarios.files.shape import FIRST_YEAR, LAST_YEAR
from scenarios.places import Whereabouts, whereabouts

T = TypeVar("T")


StoreAt = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        help="The store: a file or postgresql://...; else MITAAN_DATABASE_URL, MITAAN_DATA or the user's data folder.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, on stdout.")]
CityName = Annotated[str, typer.Argument(metavar="CITY", help="A city of the scheme.")]
DateWord = Annotated[str, typer.Argument(metavar="DATE", help="2026-12-02, today, tomorrow, or +2: days of service.")]
First = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First date.")]
Last = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last date, included.")]
Services = Annotated[list[str], typer.Option("--service", metavar="S", help="A service; several: one option each.")]
At = Annotated[str | None, typer.Option("--at", metavar="LON,LAT", help="The point, longitude first.")]
InLocality = Annotated[str | None, typer.Option("--locality", metavar="NAME", help="A locality of the city.")]
Pin = Annotated[str | None, typer.Option("--pin", metavar="PINCODE", help="A PIN code of the city.")]
Caller = Annotated[str, typer.Option("--caller", envvar="MITAAN_CALLER", help="Who holds: the id of a system or desk.")]
Lang = Annotated[Language, typer.Option("--lang", help="Reasons in English or Hindi.")]
Force = Annotated[bool, typer.Option("--force", help="Do it all the same; promises that break are marked at risk.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Whose word it is: the id of a desk, no name.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write tables and a page there.")]
TimeLimit = Annotated[float, typer.Option("--time-limit", metavar="SECONDS", min=0.0, help="Stop after so long.")]
Iterations = Annotated[int | None, typer.Option(min=0, help="Stop after so many steps: repeatable.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=(1 << 31) - 1, help="Makes the search repeatable.")]
Threads = Annotated[int, typer.Option(min=1, help="With two, bound and roster get better side by side.")]
BookingName = Annotated[
    str, typer.Argument(metavar="BOOKING", help="Id of a booking, or its reference where only one booking has it.")
]
DEFAULT_CALLER = DESK
ID_RULE = "letters, digits and . _ : - only, no spaces: an id, never a name"
IN_MEMORY = ":memory:"
MOST_SPAN = 366
"""Days from the first to the last date of one command."""
MOST_LISTED = 1_000_000
WORTH_TELLING_S = 1.0
"""Seconds of compiling that who waits should know of."""


# ------------------------------------------------------------------------------------- the store


@lru_cache(maxsize=1)
def _catalogue() -> Catalogue:
    return load_catalogue()


def open_database(where: str | None, *, create: bool = False) -> Database:
    """The database at an address; with `create` its tables are made or brought up to this program."""
    return Database.create(where) if create else Database.open(where)


@contextmanager
def served(
    where: str | None, as_json: bool, *, create: bool = False, new: bool = False, writes: bool = True
) -> Iterator[Store]:
    """The store at an address. Bad input inside is told as faults, a store that fails in one line; exit code 2.

    A file that is missing is made only where `new` or `create` says so. Without `writes` nothing is changed inside.
    """
    compiled_s: list[float] = []
    with faults_told(as_json, writes=writes), store_told(as_json), _in_words():
        if where is None and not os.environ.get("MITAAN_DATABASE_URL"):
            where = address_in_file()
        expect_store(where, new or create)
        database = open_database(where, create=create)
        try:
            with seconds_compiling(compiled_s.append):
                yield Store(database, _catalogue())
        finally:
            database.close()
    if sum(compiled_s) > WORTH_TELLING_S:
        note(f"{sum(compiled_s):.0f} s of this were spent on compiling, once on every machine")


def store_in_reach(where: str | None) -> bool:
    """A store is named, by the option, the environment or the file of settings, or that of the user is there."""
    named = where is not None or bool(os.environ.get("MITAAN_DATABASE_URL")) or address_in_file() is not None
    return named or default_path().exists()


@contextmanager
def served_or_data(where: str | None, as_json: bool) -> Iterator[tuple[Store, bool]]:
    """The store in reach, and True; else a new one, which knows only the data and is thrown away, and False."""
    with faults_told(as_json):
        in_reach = store_in_reach(where)
    if in_reach:
        with served(where, as_json) as store:
            yield store, True
        return
    with TemporaryDirectory() as folder, served(str(Path(folder) / "data.db"), as_json, create=True) as store:
        yield store, False


def expect_store(where: str | None, new: bool) -> None:
    """Raises StoreError for a file that is not there, unless it may be made, and for what is gone with the process."""
    if (os.environ.get("MITAAN_DATABASE_URL") if where is None else where) == IN_MEMORY:
        raise StoreError("bad_url", IN_MEMORY, "use the path of a file or postgresql://...; nothing would be kept")
    database = Database(where)
    path = Path(database.url_for_people)
    missing = database.dialect == "sqlite" and not path.exists()
    database.close()
    if missing and not new:
        rule = "there is no store; `mitaan demo-store`, `mitaan roster import` or `mitaan db upgrade` makes one"
        raise StoreError("no_store", str(path), rule)


@contextmanager
def _in_words() -> Iterator[None]:
    """Faults inside whose rule was written for programs, in words for people."""
    try:
        yield
    except InvalidProblem as invalid:
        raise InvalidProblem(_worded(fault) for fault in invalid.faults) from None


def _worded(fault: Fault) -> Fault:
    if isinstance(fault, FileFault):
        return fault
    if fault.code == "bad_id":
        return replace(fault, rule=ID_RULE)
    if fault.code == "unknown_city" and "near:" not in fault.rule:
        cities = ", ".join(city.city_id for city in _catalogue().cities_in_scheme())
        return replace(fault, rule=f"{fault.rule}; in the scheme: {cities}")
    return fault


def again(store_at: str | None, caller: str | None = None) -> str:
    """The options that the next command needs to reach the same store, as the same caller."""
    words = [] if caller in {None, DEFAULT_CALLER} else ["--caller", str(caller)]
    words += [] if store_at is None else ["--store", store_at]
    return "".join(f" {shlex.quote(word)}" for word in words)


@contextmanager
def store_told(as_json: bool) -> Iterator[None]:
    """A store that cannot do what was asked inside is told in one line, with its code, and exit code 2."""
    try:
        yield
    except StoreError as error:
        if as_json:
            say_json({"errors": [{"pointer": "", "code": error.code, "value": error.subject, "rule": error.rule}]})
        else:
            note(f"mitaan: {error}")
        raise typer.Exit(BAD_INPUT) from None


def moment_of(store: Store) -> dt.datetime:
    """The moment by the clock of the store."""
    with store.database.read() as connection:
        return store.database.now(connection)


def today_of(store: Store) -> dt.date:
    """The date by the clock of the store."""
    return moment_of(store).astimezone(IST).date()


def views_of(store: Store, city: City, dates: Iterable[dt.date]) -> Mapping[dt.date, View]:
    """Days of a city as they are now."""
    with store.database.read() as connection:
        return store.views(connection, city, dates)


def horizon_of(store: Store, city: City) -> dt.date:
    """The last date that can be booked now."""
    return today_of(store) + dt.timedelta(days=store_rules(store, city).booking.horizon_days)


def expect_author(by: str) -> None:
    """Raises InvalidProblem for what is no id of somebody who decides."""
    raise_if_any(list(id_faults("by", by)))


def renamed(option: str, value: object, reading: Callable[[], T]) -> T:
    """What a reading gives; its fault is told of the option and of what was typed."""
    try:
        return reading()
    except InvalidProblem as invalid:
        raise InvalidProblem(Fault((option,), f.code, value, f.rule) for f in invalid.faults) from None


def within(value: int, option: str, least: int, most: int, what: str = "") -> int:
    """The number, when it is one from `least` to `most`."""
    if not least <= value <= most:
        raise faulty(option, "out_of_range", value, f"{least:,} to {most:,}{what}")
    return value


def faulty(option: str, code: str, value: object, rule: str) -> InvalidProblem:
    """One fault of one option."""
    return InvalidProblem([Fault((option,), code, value, rule)])


# --------------------------------------------------------------------------- dates, slots, hours

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AHEAD = re.compile(r"\+([0-9]{1,3})")
_DATE_RULE = (
    f"a date as 2026-12-01, from {FIRST_YEAR} to {LAST_YEAR}, or today, tomorrow, +N: the Nth day with service "
    "after today, N up to 999"
)
_SLOT = re.compile(r"([^T]+)T([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?(Z|[+-][0-9]{2}:[0-9]{2})?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_OFFSET = "+05:30"


def read_date(text: str, option: str, today: dt.date, rules: ServiceRules) -> dt.date:
    """A date: 2026-12-02, `today`, `tomorrow`, or `+2`: the second day with service after today."""
    if text in {"today", "tomorrow"}:
        return today + dt.timedelta(days=text == "tomorrow")
    ahead = _AHEAD.fullmatch(text)
    if ahead is not None:
        date, left = today, int(ahead[1])
        while left > 0:
            date += dt.timedelta(days=1)
            left -= closed_because(rules, date) is None
        return date
    try:
        if _DATE.fullmatch(text) and FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
            return dt.date.fromisoformat(text)
    except ValueError:  # a day that its month has not
        pass
    raise faulty(option, "bad_date", text, _DATE_RULE)


def read_span(
    first: str | None, last: str | None, days: int, today: dt.date, rules: ServiceRules, ahead: int = 0
) -> tuple[dt.date, dt.date]:
    """From the first to the last date, both included: `days` of them, and `ahead` of today, where not given."""
    begin = today + dt.timedelta(days=ahead)
    if first is not None:
        begin = read_date(first, "from", today, rules)
    end = begin + dt.timedelta(days=days - 1)
    if last is not None:
        end = read_date(last, "to", today, rules)
    if end < begin:
        raise faulty("to", "bad_range", end.isoformat(), f"not before {begin.isoformat()}")
    return begin, end


def read_dates(first: str, last: str | None, today: dt.date, rules: ServiceRules) -> list[dt.date]:
    """Every date from the first to the last, both included; one date where no last one is given."""
    begin, end = read_span(first, last, 1, today, rules)
    return dates_between(begin, end)


def dates_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every date from `first` to `last`, both included. Raises InvalidProblem for more than a year of them."""
    days = (last - first).days + 1
    if days > MOST_SPAN:
        raise faulty("to", "bad_range", last.isoformat(), f"at most {MOST_SPAN} days from {first.isoformat()}")
    return [first + dt.timedelta(days=day) for day in range(days)]


def read_ahead(
    first: str | None, last: str | None, until: dt.date, today: dt.date, rules: ServiceRules
) -> tuple[dt.date, dt.date]:
    """From the first to the last date, both included: from today to `until` where not given, never before today."""
    begin = today if first is None else read_date(first, "from", today, rules)
    if begin < today:
        raise faulty("from", "day_past", begin.isoformat(), f"not before {today.isoformat()}")
    end = max(begin, until) if last is None else read_date(last, "to", today, rules)
    if end < begin:
        raise faulty("to", "bad_range", end.isoformat(), f"not before {begin.isoformat()}")
    return begin, end


def read_slot(text: str, option: str, today: dt.date, rules: ServiceRules) -> tuple[dt.date, int]:
    """When a slot opens, as 2026-12-02T10:00 in local time, with or without +05:30: the date and the day second."""
    found = _SLOT.fullmatch(text)
    if found is None:
        raise faulty(option, "bad_time", text, "when the slot opens, as 2026-12-02T10:00 or tomorrowT10:00")
    hour, minute, second = (int(part or 0) for part in found.group(2, 3, 4))
    if hour > 23 or minute > 59 or second > 59:
        raise faulty(option, "bad_time", text, "a time from 00:00 to 23:59")
    if found[5] not in {None, _OFFSET}:
        raise faulty(option, "bad_offset", text, f"local time: no offset, or {_OFFSET}")
    return read_date(found[1], option, today, rules), hour * HOUR_S + minute * MINUTE_S + second


def read_clock(text: str, option: str) -> int:
    """A time of the day as 09:30, in day seconds; 24:00 is its end."""
    found = _CLOCK.fullmatch(text)
    second = -1 if found is None or int(found[2]) > 59 else int(found[1]) * HOUR_S + int(found[2]) * MINUTE_S
    if not 0 <= second <= DAY_S:
        raise faulty(option, "bad_time", text, "a time of the day as 09:30")
    return second


def one_of(text: str, option: str, words: Sequence[str], code: str) -> str:
    """The word, when it is one of these."""
    if text not in words:
        raise faulty(option, code, text, f"one of {', '.join(words)}")
    return text


# ------------------------------------------------------------------------------ places, services


def read_place(
    catalogue: Catalogue, city: str, at: str | None, locality: str | None, pincode: str | None
) -> Whereabouts:
    """Where the citizen is: at a point, in a locality or under a PIN code of the city."""
    given = [name for name, value in (("--at", at), ("--locality", locality), ("--pin", pincode)) if value is not None]
    if len(given) != 1:
        raise faulty("place", "one_place", given, "exactly one of --at, --locality and --pin")
    town, point = together(
        lambda: catalogue.city(city),
        lambda: None if at is None else read_point(at),
    )
    return whereabouts(catalogue, town, point=point, locality=locality, pincode=pincode)


def read_point(text: str) -> tuple[float, float]:
    """A point as LON,LAT in degrees."""
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        rule = "longitude and latitude in degrees, as 81.63,21.25"
        raise faulty("point", "bad_coordinate", text, rule) from None
    return lon, lat


def read_services(catalogue: Catalogue, names: Sequence[str]) -> list[Service]:
    """The services of these names; every unknown one is told with its position."""
    return list(together(*(partial(_service, catalogue, number, name) for number, name in enumerate(names))))


def _service(catalogue: Catalogue, number: int, name: str) -> Service:
    try:
        return catalogue.service(name)
    except InvalidProblem as invalid:
        raise InvalidProblem(Fault(("services", number), f.code, f.value, f.rule) for f in invalid.faults) from None


# -------------------------------------------------------------------------------------- bookings


def booking_named(store: Store, name: str) -> str:
    """The id of the one booking meant by its id or its reference; an unknown name is left for the verb to refuse."""
    if store.booking(name) is not None:
        return name
    meant = _meant(store.referred(name))
    if len(meant) > 1:
        ids = ", ".join(b.booking_id for b in meant)
        raise faulty("booking", "ambiguous_reference", name, f"the reference of one booking, not of {ids}")
    return meant[0].booking_id if meant else name


def holds_named(store: Store, names: Sequence[str]) -> list[str]:
    """Ids of holds; a reference stands for all that was held together under it."""
    ids: list[str] = []
    for name in names:
        if store.booking(name) is not None:
            ids.append(name)
            continue
        meant = _meant(store.referred(name))
        groups = sorted({b.group_id for b in meant})
        if len(groups) > 1:
            rule = f"the reference of what was held together, not of {', '.join(groups)}"
            raise faulty("id", "ambiguous_reference", name, rule)
        ids.append(groups[0] if groups else name)
    return list(dict.fromkeys(ids))


def _meant(found: Sequence[Booking]) -> list[Booking]:
    """Of the bookings of a reference those on their day; when all have left it, the last one."""
    on_day = [b for b in found if b.on_day]
    return on_day or [b for b in found if b.moved_to is None][-1:]
