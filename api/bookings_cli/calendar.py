"""The slot calendar: built for every city up to its horizon, and shown; without a store that of the scheme."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import dated
from api.bookings_cli.given import (
    By,
    CityName,
    First,
    Iterations,
    Json,
    Last,
    Out,
    Seed,
    StoreAt,
    Threads,
    again,
    dates_between,
    expect_author,
    faulty,
    horizon_of,
    moment_of,
    read_date,
    read_span,
    served,
    store_in_reach,
    today_of,
    within,
)
from api.bookings_cli.planning import stopping
from api.bookings_cli.sold import DaySold, calendar_csv, days_sold, heat_map, tell_days
from api.console import DONE, NOTHING, REFUSED, counting, faults_told, note, plain, say, say_json, table
from api.page.markup import count
from api.reading import together
from api.roster_page import roster_page
from api.rostering.calendar import BUILD_S, BUILDER, CityBuilt, build_calendar
from api.rostering.drafts import NO_ROSTER
from api.shapes import day_json
from api.store.store import Store
from optimizer.calendar import ServiceDay, service_days
from optimizer.roster import RosterProgress
from optimizer.roster.nouns import MOST_WEEKS
from optimizer.stop import StopAt
from optimizer.units import IST, hhmm
from scenarios.catalogue import Catalogue, City, load_catalogue
from scenarios.files import check_writable, write_files

SCHEME_DAYS = 14
"""Days of the calendar of the scheme that are shown where no end is named."""
FILES = ("calendar.csv", "calendar.html")

calendar_app = typer.Typer(
    help="Service days, slots, closures; rosters and quotas up to the horizon.", no_args_is_help=True
)


# ------------------------------------------------------------------------------------------ build


@calendar_app.command("build")
def calendar_build(
    cities: Annotated[
        list[str] | None, typer.Argument(metavar="[CITY]...", help="These cities; all of the scheme if none is named.")
    ] = None,
    weeks: Annotated[int, typer.Option(metavar="N", help=f"Weeks of a new roster, 1 to {MOST_WEEKS}.")] = 4,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", min=0.0, help="For the roster of each city.")
    ] = BUILD_S,
    iterations: Iterations = None,
    seed: Seed = 1,
    threads: Threads = 1,
    by: By = BUILDER,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """City by city a roster for days up to the horizon that have none, then the quotas of all. For every night.

    A second time it changes nothing. What was set by hand stays. Ctrl-C gives up the city that is being built; those
    that are done stay done. Exit code 1 when a city was refused, the others are done.
    """
    done: list[CityBuilt] = []
    stop = StopAt()

    def on_progress(_city: City, _progress: RosterProgress) -> None:
        if stop.requested:  # raised here: a solver would swallow it
            raise KeyboardInterrupt

    with served(store_at, as_json) as store:
        catalogue = store.catalogue
        named, _, _ = together(
            lambda: together(*(partial(catalogue.city, name) for name in cities or ())),
            lambda: within(weeks, "weeks", 1, MOST_WEEKS),
            lambda: expect_author(by),
        )
        towns = tuple({city.city_id: city for city in named or catalogue.cities_in_scheme()}.values())
        built = build_calendar(
            store,
            towns,
            weeks=weeks,
            limit_s=time_limit,
            iterations=iterations,
            seed=seed,
            threads=threads,
            author=by,
            on_progress=on_progress,
            stop=lambda: stop.requested,
        )
        with stopping(stop), counting("building the calendar", as_json) as tell, suppress(KeyboardInterrupt):
            for each in built:
                done.append(each)
                tell(len(done), len(towns))
    stopped = len(done) < len(towns)
    if as_json:
        say_json({"cities": [_built_json(each) for each in done], "stopped": stopped})
    else:
        _tell_built(done)
    if stopped:
        note(f"stopped; {len(done)} of {count(len(towns), 'city', 'cities')} are done")
        raise typer.Exit(NOTHING)
    raise typer.Exit(REFUSED if any(each.refused for each in done) else DONE)


def _built_json(built: CityBuilt) -> dict[str, Any]:
    entry: dict[str, Any] = plain(built)
    return entry


def _tell_built(done: Sequence[CityBuilt]) -> None:
    columns = ("city", "until", "roster made", "number", "gap", "days", "places", "at risk", "refused")
    rows = (
        (
            each.city_id,
            each.until,
            None if each.first is None or each.last is None else f"{each.first:%d.%m.} to {each.last:%d.%m.}",
            each.number,
            None if each.gap is None else f"{each.gap:.2%}",
            each.days,
            each.promises,
            len(each.at_risk) or None,
            each.refused,
        )
        for each in done
    )
    table(count(len(done), "city", "cities"), columns, rows, columns[3:8])
    say("days, places: days up to the horizon that have quotas, and what they may carry together")
    assumed = [each.city_id for each in done if each.assumed]
    if assumed:
        say(f"staff as the data assume it (ASSUMPTION; mitaan staff import tells yours): {', '.join(assumed)}")
    for each in done:
        if each.below:
            missing = count(each.below, "executive and slot", "executives and slots")
            say(f"below minimum cover: {each.city_id}: {missing}")
        if each.empty:
            say(f"open days without anybody: {each.city_id}: {', '.join(map(str, each.empty))}")
        if each.at_risk:
            say(f"at risk, in no plan: {each.city_id}: {', '.join(each.at_risk)}")
        if each.refused:
            say(f"refused: {each.city_id}: {each.why} [{each.refused}]")


# ------------------------------------------------------------------------------------------- show


@calendar_app.command("show")
def calendar_show(
    city: CityName,
    first: First = None,
    last: Last = None,
    slot_minutes: Annotated[
        int | None, typer.Option(help="The calendar of the scheme with slots of this length, whatever is booked.")
    ] = None,
    out: Out = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Days by slots: open or closed with the reason, what may be promised, is promised, held and free.

    From today to the last day that can be booked. Without a store in reach: service days, slots and closures of the
    scheme, for two weeks.
    """
    with faults_told(as_json, writes=out is not None):
        of_scheme = slot_minutes is not None or not store_in_reach(store_at)
        if of_scheme:
            if store_at is not None:
                raise faulty(
                    "slot-minutes", "not_used", slot_minutes, "only without --store: its days have their slots"
                )
            if out is not None:
                raise faulty("out", "not_used", str(out), "only with a store")
            _show_scheme(load_catalogue(), city, first, last, slot_minutes, as_json)
            return
    with served(store_at, as_json, writes=out is not None) as store:
        town, days = _days(store, city, first, last, out)
        today = today_of(store)
        files = {} if out is None else _texts(town, days)
        if out is not None:
            write_files(out, files)
    if as_json:
        say_json({"city": town.city_id, "days": [day.json() for day in days]})
        return
    tell_days(f"{town.name_en}: calendar, {days[0].date.isoformat()} to {days[-1].date.isoformat()}", days)
    risky = [booking for day in days for booking in day.document["at_risk"]]
    if risky:
        say(f"at risk, in no plan and not counted above: {', '.join(risky)}")
    if any(NO_ROSTER in day.reasons and day.date > today for day in days):
        say(f"days without a roster: mitaan calendar build {town.city_id}{again(store_at)}")
    if out is not None:
        say(f"written to {out}: {', '.join(files)}")


def _days(store: Store, city: str, first: str | None, last: str | None, out: Any) -> tuple[City, list[DaySold]]:
    today = today_of(store)

    def span() -> list[dt.date]:
        days = (horizon_of(store, store.catalogue.city(city)) - today).days + 1
        return dates_between(*read_span(first, last, days, today, store.catalogue.rules))

    town, dates = together(lambda: store.catalogue.city(city), span)
    if out is not None:
        check_writable(out)
    return town, days_sold(store, town, dates, moment_of(store))


def _texts(city: City, days: Sequence[DaySold]) -> dict[str, str]:
    view, left_out = heat_map(days)
    if left_out:
        note(f"not on the page, their slots are others: {', '.join(date.isoformat() for date in left_out)}")
    title = f"{city.name_en}: calendar from {dated(days[0].date)} to {dated(days[-1].date)}"
    return dict(zip(FILES, (calendar_csv(days), roster_page(title, quotas=view)), strict=True))


def _show_scheme(
    catalogue: Catalogue, city: str, first: str | None, last: str | None, slot_minutes: int | None, as_json: bool
) -> None:
    today = dt.datetime.now(IST).date()

    def day(text: str | None, option: str, otherwise: dt.date) -> dt.date:
        return otherwise if text is None else read_date(text, option, today, catalogue.rules)

    town, begin = together(lambda: catalogue.city(city), lambda: day(first, "from", today))
    end = day(last, "to", begin + dt.timedelta(days=SCHEME_DAYS - 1))
    days = service_days(catalogue.rules, begin, end, slot_minutes, open_since=town.in_scheme_since)
    if as_json:
        say_json({"city": town.city_id, "days": [day_json(each) for each in days]})
        return
    columns = ("date", "day", "service", "slots", "slots open at")
    table(f"{town.name_en}: calendar of the scheme", columns, map(_scheme_row, days), ("slots",))


def _scheme_row(day: ServiceDay) -> tuple[object, ...]:
    return (
        day.date,
        day.date.strftime("%a"),
        "open" if day.is_open else str(day.closed_because).replace("_", " "),
        len(day.slots),
        " ".join(hhmm(slot.open_s) for slot in day.slots) or None,
    )
