"""Events, the database, a store to try: what keeps a booking service running."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.bookings_cli.answers import named
from api.bookings_cli.given import MOST_LISTED, Json, StoreAt, again, served, within
from api.console import DONE, DONE_WITH_BROKEN_RULES, NOTHING, counting, note, say, say_json, table, working
from api.demo_store import DAYS, fill_store
from api.reading import together
from api.store.backup import backup, restore
from api.store.checking import check_store
from api.store.faults import StoreError
from api.store.store import Store

db_app = typer.Typer(help="The database: check, back up, restore, upgrade.", no_args_is_help=True)

EVENTS_SHOWN = 100
MOST_EVENTS = 1_000_000
MOST_DAYS = 366
"""Days of a demo store."""
PLACES = 4
"""Decimals of the degrees of a point that is shown to be tried: about ten metres."""


def events(
    city: Annotated[str | None, typer.Option(help="Only of this city.")] = None,
    after: Annotated[int, typer.Option(metavar="ID", help="Only after this number.")] = 0,
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many.")] = EVENTS_SHOWN,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """What has happened, oldest first. Go on with --after and the last number."""
    with served(store_at, as_json, writes=False) as store:
        town, _, _ = together(
            lambda: None if city is None else store.catalogue.city(city),
            lambda: within(after, "after", 0, 2**62),
            lambda: within(limit, "limit", 1, MOST_EVENTS),
        )
        found = store.list_events(town, after=after, most=limit)
    if as_json:
        told = [
            {
                "id": each.event_id,
                "at": each.at.isoformat(),
                "city": each.city,
                "date": each.event.date.isoformat(),
                "kind": each.event.kind,
                "subject": each.event.subject,
                "data": dict(each.event.data),
            }
            for each in found
        ]
        say_json({"events": told})
        return
    columns = ("number", "at", "city", "of", "what", "subject")
    rows = (
        (each.event_id, f"{each.at:%Y-%m-%d %H:%M:%S}", each.city, each.event.date, each.event.kind, each.event.subject)
        for each in found
    )
    table(f"{len(found)} events", columns, rows, columns[:1])


# ------------------------------------------------------------------------------------ the database


@db_app.command("check")
def db_check(store_at: StoreAt = None, as_json: Json = False) -> None:
    """Judge the whole store anew: does a witness keep every promise? Exit code 1 with what is wrong."""
    with served(store_at, as_json, writes=False) as store, counting("checking days", as_json) as tell:
        checked = check_store(store, tell)
        risky = _at_risk(store) if checked.at_risk else []
    if as_json:
        found = [{"code": f.code.value, "subject": f.subject, "text": f.text} for f in checked.findings]
        counts = {"days": checked.days, "bookings": checked.bookings, "promises": checked.promises}
        say_json({**counts, "at_risk": checked.at_risk, "at_risk_bookings": risky, "findings": found})
    else:
        for finding in checked.findings:
            say(f"{finding.code.value}: {finding.subject}: {finding.text}")
        verdict = "every promise is kept by a witness"
        if checked.at_risk:
            verdict = f"{checked.at_risk} promises are at risk (in no plan)"
        if checked.findings:
            verdict = f"{len(checked.findings)} findings"
        say(
            f"{verdict}: {checked.days} days, {checked.bookings} bookings, {checked.promises} promises, "
            f"{checked.at_risk} at risk"
        )
        if risky:
            say(f"at risk: {named(risky)}")
    raise typer.Exit(DONE_WITH_BROKEN_RULES if checked.findings else DONE)


def _at_risk(store: Store) -> list[str]:
    """Bookings at risk in the whole store, by city and date."""
    found: list[str] = []
    for city in store.catalogue.cities:
        dates = store.dates(city)
        if dates:
            booked = store.list_bookings(city, dates[0], dates[-1], most=MOST_LISTED)
            found.extend(b.booking_id for b in booked if b.at_risk and b.on_day)
    return found


@db_app.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file if it is there.")] = False,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Write the whole store, as it is at one moment, to a file; others go on working meanwhile."""
    with served(store_at, as_json) as store, working("writing the backup"):
        rows = backup(store.database, file, replace=replace)
    _tell_rows(f"written to {file}", rows, as_json)


@db_app.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Fill an empty store from a backup, all of it or nothing."""
    with served(store_at, as_json, create=True) as store, working("reading the backup"):
        try:
            rows = restore(file, store.database)
        except StoreError:
            if store.database.made_now:
                store.database.remove()
            raise
    _tell_rows(f"restored from {file}", rows, as_json)


def _tell_rows(what: str, rows: dict[str, int], as_json: bool) -> None:
    if as_json:
        say_json({"rows": rows})
    else:
        say(f"{what}: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(rows.items())))


@db_app.command("upgrade")
def db_upgrade(store_at: StoreAt = None, as_json: Json = False) -> None:
    """Make the tables, or bring them up to this program."""
    with served(store_at, as_json, create=True) as store:
        revision = store.database.revision()
    if as_json:
        say_json({"revision": revision})
    else:
        say(f"the tables are of revision {revision}, as this program needs them")


@db_app.command("sweep")
def db_sweep(store_at: StoreAt = None, as_json: Json = False) -> None:
    """Write down that holds have run out. Nobody needs that to book: a hold that has run out is in nobody's way."""
    with served(store_at, as_json) as store, working("looking for holds that have run out"):
        swept = store.sweep()
    if as_json:
        say_json({"days": swept})
    else:
        say(f"days with holds that had run out: {swept}")


# ------------------------------------------------------------------------------------ the demo store


def demo_store(
    days: Annotated[int, typer.Option(metavar="N", help="Days of rosters, from tomorrow.")] = DAYS,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws other bookings.")] = 1,
    city: Annotated[list[str] | None, typer.Option("--city", help="Only these cities; one option each.")] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Fill an empty store with the cities of the scheme, rosters from tomorrow on, and some bookings and deliveries."""
    with served(store_at, as_json, new=True) as store:
        towns, _ = together(
            lambda: together(*(partial(store.catalogue.city, name) for name in city or ())),
            lambda: within(days, "days", 1, MOST_DAYS),
        )
        towns = towns or store.catalogue.cities_in_scheme()
        stopped = False
        with counting("filling days", as_json) as tell:
            try:
                made = fill_store(store, towns, days, seed, tell)
            except KeyboardInterrupt:
                stopped = True
        if stopped:
            note("stopped; the store is filled in part: remove it before you begin again")
            raise typer.Exit(NOTHING)
    if as_json:
        say_json(
            {
                "cities": made.cities,
                "days": made.days,
                "executives": made.executives,
                "bookings": made.bookings,
                "refused": made.refused,
                "deliveries": made.deliveries,
            }
        )
        return
    say(
        f"{made.cities} cities, {made.days} days with a roster, {made.bookings} bookings "
        f"({made.refused} wishes had no slot), {made.deliveries} deliveries. Try:"
    )
    at = again(store_at)
    town = max(towns, key=lambda each: each.population or 0)
    lon, lat = round(town.centre.lon, PLACES), round(town.centre.lat, PLACES)
    say(f"  mitaan slots {town.city_id} --service income --at {lon},{lat}{at}")
    say(f"  mitaan day show {town.city_id} +1{at}")
    say(f"  mitaan bookings {town.city_id}{at}")
