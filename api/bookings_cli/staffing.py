"""The staff of a city: read from tables or JSON, shown, written, and leave added."""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import dated, day_words
from api.bookings_cli.given import (
    By,
    CityName,
    Json,
    StoreAt,
    again,
    dates_between,
    expect_author,
    faulty,
    horizon_of,
    read_dates,
    served,
    today_of,
    views_of,
)
from api.bookings_cli.refusals import tell_refusal
from api.console import say, say_json, table
from api.page.markup import count
from api.reading import together
from api.rostering.drafts import with_leave
from api.rostering.problem import leave_on_shift, staff_document, staff_of
from api.store.desk import DESK
from api.store.rosters import set_staff
from api.store.store import Store
from api.words import Language
from optimizer.bookings import Refusal
from optimizer.roster import Contract
from optimizer.units import HOUR_S
from scenarios.catalogue import City
from scenarios.files import check_writable, write_files
from scenarios.staff import Staff, read_staff, staff_csv, staff_days_csv
from scenarios.staff.document import day_rows

ASSUMED = "as the data assume it (ASSUMPTION); nobody has told the staff of this city yet"

staff_app = typer.Typer(help="Who works in a city, leave, settled days, requests.", no_args_is_help=True)


@staff_app.command("import")
def staff_import(
    staff_file: Annotated[Path, typer.Argument(metavar="STAFF", help="A table (.csv) or JSON (.json).")],
    city: Annotated[str, typer.Option(help="City of the staff.")],
    days_file: Annotated[
        Path | None, typer.Option("--days", metavar="DAYS", help="Leave, settled days and requests (.csv).")
    ] = None,
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Take the staff of a city from files, all of it or nothing. Rosters that are published stay as they are."""
    with served(store_at, as_json, new=True) as store:
        town, staff, _ = together(
            lambda: store.catalogue.city(city),
            lambda: read_staff(staff_file, days_file, store.catalogue, store.catalogue.city(city)),
            lambda: expect_author(by),
        )
        before, _ = staff_of(store, town)
        stored = set_staff(store, town, staff_document(staff), by)
        if isinstance(stored, Refusal):
            tell_refusal(stored, Language.EN, as_json)
        strangers = _strangers(store, town, staff)
        on_shift = leave_on_shift(store, town, staff)
    counts = _counts(staff)
    gone = _days(before) if not _days(staff) else 0
    told = {
        "city": town.city_id,
        "version": stored.version,
        **counts,
        "on_rosters_only": strangers,
        "on_shift": {who: [date.isoformat() for date in dates] for who, dates in on_shift.items()},
        "days_gone": gone,
    }
    if as_json:
        say_json(told)
        return
    say(
        f"{town.name_en}: staff at version {stored.version}: {count(len(staff.contracts), 'executive')}, "
        f"{count(counts['leave_days'], 'day')} of leave, {count(counts['settled_days'], 'settled day')}, "
        f"{count(counts['requests'], 'request')}"
    )
    if gone:
        say(f"gone: {count(gone, 'day')} of leave, settled or asked for; these files have none (--days)")
    if strangers:
        say(f"on published rosters and not of this staff: {', '.join(strangers)}")
    if not on_shift:
        say(f"next: mitaan roster make {town.city_id}{again(store_at)}")
    for who, dates in on_shift.items():
        _tell_on_shift(town, who, dates, again(store_at))


def _tell_on_shift(city: City, who: str, dates: Sequence[dt.date], at: str) -> None:
    """That somebody on leave is on published rosters, and the command that mends it."""
    say(f"published rosters have not changed: {who} is on shift on {', '.join(map(day_words, dates))}")
    say(f"next: mitaan roster off {city.city_id} {shlex.quote(who)} {dates[0].isoformat()} {dates[-1].isoformat()}{at}")


def _days(staff: Staff) -> int:
    """Days of leave, settled days and requests together."""
    counts = _counts(staff)
    return counts["leave_days"] + counts["settled_days"] + counts["requests"]


def _counts(staff: Staff) -> dict[str, int]:
    return {
        "executives": len(staff.contracts),
        "leave_days": sum(len(c.leave) for c in staff.contracts),
        "settled_days": sum(len(c.fixed) for c in staff.contracts),
        "requests": sum(len(c.requests) for c in staff.contracts),
    }


def _strangers(store: Store, city: City, staff: Staff) -> list[str]:
    """Who is on a roster from today to the last day that can be booked, and not of the staff."""
    dates = dates_between(today_of(store), horizon_of(store, city))
    views = views_of(store, city, dates)
    there = {e.executive_id for view in views.values() for e in view.book.day.problem.executives}
    return sorted(there - {contract.executive_id for contract in staff.contracts})


# ------------------------------------------------------------------------------------------- show


@staff_app.command("show")
def staff_show(
    city: CityName,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write staff.csv and staff_days.csv there.")
    ] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """The staff of a city, and from today on its leave, settled days and requests."""
    with served(store_at, as_json, writes=False) as store:
        town, today = store.catalogue.city(city), today_of(store)
        if out is not None:
            check_writable(out)
        staff, version = staff_of(store, town)
        if out is not None:
            files = {"staff.csv": staff_csv(staff, town.office), "staff_days.csv": staff_days_csv(staff)}
            write_files(out, files)
    if as_json:
        say_json({"version": version, "assumed": not version, "staff": staff_document(staff)})
        return
    columns = ("executive", "starts at", "skills", "week hours", "only shifts", "leave, settled days, requests")
    rows = (
        (
            contract.executive_id,
            "office" if contract.start == town.office else contract.start.place_id,
            " ".join(sorted(contract.skills)) or None,
            None if contract.week_s is None else f"{contract.week_s / HOUR_S:g}",
            " ".join(sorted(contract.patterns or ())) or None,
            "; ".join(_span_words(row) for row in day_rows(contract) if _last_of(row) >= today) or None,
        )
        for contract in staff.contracts
    )
    known = f"version {version}" if version else ASSUMED
    table(f"{town.name_en}: staff, {known}", columns, rows, columns[3:4])
    if out is not None:
        say(f"written to {out}: staff.csv, staff_days.csv")


def _last_of(row: dict[str, Any]) -> dt.date:
    return dt.date.fromisoformat(row["to"])


def _span_words(row: dict[str, Any]) -> str:
    first, last = dt.date.fromisoformat(row["from"]), _last_of(row)
    span = day_words(first) if first == last else f"{day_words(first)} to {day_words(last)}"
    what = row["kind"] if row["kind"] == "leave" else f"{row['kind']} {row['pattern'] or 'off'}"
    return f"{what} {span}"


# ------------------------------------------------------------------------------------------ leave


@staff_app.command("leave")
def staff_leave(
    city: CityName,
    executive: Annotated[str, typer.Argument(metavar="EXECUTIVE", help="Who is away.")],
    first: Annotated[str, typer.Argument(metavar="FROM", help="First date.")],
    last: Annotated[str | None, typer.Argument(metavar="[TO]", help="Last date, included; the first if not given.")] = (
        None
    ),
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Add leave to the staff: the next roster knows of it. What was settled or wished for these days is dropped.

    Rosters that are published do not change; where somebody is on one of them, the next command is told.
    """
    with served(store_at, as_json) as store:
        catalogue, today = store.catalogue, today_of(store)
        town, dates, _ = together(
            lambda: catalogue.city(city),
            lambda: read_dates(first, last, today, catalogue.rules),
            lambda: expect_author(by),
        )
        staff, version = staff_of(store, town)
        before = next((c for c in staff.contracts if c.executive_id == executive), None)
        if before is None:
            ids = ", ".join(c.executive_id for c in staff.contracts)
            raise faulty("executive", "unknown_executive", executive, f"one of the staff: {ids}")
        after = with_leave(staff, {executive: frozenset(dates)})
        stored = set_staff(store, town, staff_document(after), by, version=version)
        if isinstance(stored, Refusal):
            tell_refusal(stored, Language.EN, as_json)
        on_shift = [d for d in leave_on_shift(store, town, after).get(executive, ()) if d in dates]
    dropped = sorted(_settled(before) & set(dates))
    told = {
        "city": town.city_id,
        "executive": executive,
        "leave": [date.isoformat() for date in dates],
        "version": stored.version,
        "dropped": [date.isoformat() for date in dropped],
        "on_shift": [date.isoformat() for date in on_shift],
    }
    if as_json:
        say_json(told)
        return
    span = dated(dates[0]) if len(dates) == 1 else f"{dated(dates[0])} to {dated(dates[-1])}"
    say(f"{town.name_en}: {executive} has leave, {span}; staff at version {stored.version}")
    if not version:
        say(f"before that the staff was {ASSUMED.partition(';')[0]}")
    if dropped:
        say(f"settled or wished before, dropped: {', '.join(map(day_words, dropped))}")
    if on_shift:
        _tell_on_shift(town, executive, on_shift, again(store_at))
    else:
        say(f"next: mitaan roster make {town.city_id}{again(store_at)}")


def _settled(contract: Contract) -> set[dt.date]:
    return {*contract.fixed, *(request.date for request in contract.requests)}
