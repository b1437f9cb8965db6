"""How much days can carry: quotas computed anew, and a day looked into: what binds, what one more would be worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import dated, day_words
from api.bookings_cli.given import (
    CityName,
    DateWord,
    First,
    Json,
    Last,
    Out,
    StoreAt,
    again,
    dates_between,
    faulty,
    horizon_of,
    moment_of,
    read_ahead,
    read_date,
    served,
    today_of,
    views_of,
    within,
)
from api.bookings_cli.sold import DaySold, days_sold, heat_map
from api.console import counting, note, plain, say, say_json, table, working
from api.page.markup import count
from api.reading import together
from api.roster_page import refusal_view, roster_page
from api.rostering.publish import demand_on, refresh_capacity
from api.store.store import Store
from optimizer.capacity import CapacityResult, Quotas, Row, Worth, quotas_of, worth
from optimizer.demand import Demand
from optimizer.domain import Executive
from optimizer.units import HOUR_S, hhmm
from scenarios.capacity import CityCapacity, capacity_of
from scenarios.catalogue import City
from scenarios.files import check_writable, write_files
from scenarios.rostering import day_capacity
from scenarios.streams import Coverage, Stream, coverage, cut, draw, stream_day

STREAMS = 50
MOST_STREAMS = 10_000
FILES = ("capacity.csv", "worth.csv", "capacity.html")
CAPACITY_COLUMNS = (
    *("date", "slot", "kit", "executives", "capacity", "promised", "held", "free", "quota_by_hand"),
    *("slack", "bound_by"),
)
TIGHT = 1.0
"""A row with less left than one promise, or one visit, binds."""

capacity_app = typer.Typer(help="How many promises the slots of a day may carry.", no_args_is_help=True)


# ------------------------------------------------------------------------------------------- make


@capacity_app.command("make")
def capacity_make(
    city: CityName, first: First = None, last: Last = None, store_at: StoreAt = None, as_json: Json = False
) -> None:
    """Compute the quotas of days that have a roster anew, by the forecast of now: from today up to the horizon.

    What is set by hand goes on standing in their place. Promises made stay, whatever the quotas say.
    """
    with served(store_at, as_json) as store:
        rules, today = store.catalogue.rules, today_of(store)
        town, (begin, end) = together(
            lambda: store.catalogue.city(city),
            lambda: read_ahead(first, last, horizon_of(store, store.catalogue.city(city)), today, rules),
        )
        dates = dates_between(begin, end)
        before = _stored(store, town, dates)
        with working("computing quotas"):
            found = refresh_capacity(store, town, begin, end)
        days = days_sold(store, town, dates, moment_of(store))
    changed = [date for date, quotas in found.items() if before[date] != quotas]
    rows = [(day, found[day.date]) for day in days if day.date in found]
    without = [
        d.date for d in days if d.date not in found and not d.document["closed_because"] and not d.document["published"]
    ]
    if as_json:
        told = [
            {
                "date": day.date.isoformat(),
                "places": sum(quotas.total(slot) for slot in range(len(quotas.grid))),
                "promises": day.document["promises"],
                "changed": day.date in changed,
            }
            for day, quotas in rows
        ]
        say_json({"city": town.city_id, "days": told, "without_roster": [date.isoformat() for date in without]})
        return
    columns = ("day", "executives", "places", "promises", "quotas")
    table(
        f"{town.name_en}: quotas, {begin.isoformat()} to {end.isoformat()}",
        columns,
        (
            (
                day_words(day.date),
                max(slot["executives"] for slot in day.document["slots"]),
                sum(quotas.total(slot) for slot in range(len(quotas.grid))),
                day.document["promises"],
                "new" if day.date in changed else "as before",
            )
            for day, quotas in rows
        ),
        columns[1:4],
    )
    say("executives: most on shift in one slot; places: promises that all slots may carry together")
    if without:
        say(f"without a roster: {', '.join(map(day_words, without))}")


def _stored(store: Store, city: City, dates: Sequence[dt.date]) -> dict[dt.date, Quotas | None]:
    views = views_of(store, city, dates)
    return {date: views[date].book.day.sale.capacity for date in dates}


# ------------------------------------------------------------------------------------------- show


@dataclass(frozen=True, eq=False)
class _Looked:
    """A day looked into.

    `stored` are the quotas that booking keeps to, None where none were computed; `result` those of now.
    """

    city: City
    sold: DaySold
    team: tuple[Executive, ...]
    demand: Demand
    known: CityCapacity
    stored: Quotas | None
    result: CapacityResult
    worths: tuple[Worth, ...]

    @property
    def quotas(self) -> Quotas:
        """Those that booking keeps to, else those of now."""
        return self.result.quotas if self.stored is None else self.stored

    @property
    def stated(self) -> str:
        """How sure it is that all promises within the quotas can be kept together, and where that comes from."""
        known = self.known
        if known.streams is None or known.served is None:
            return "all promises kept together: by the prior; this city was never simulated"
        low = "" if known.wilson_low is None else f", at least {known.wilson_low:.2%} by the Wilson bound"
        share = known.served / known.streams
        return f"all promises kept together on {share:.2%} of {known.streams:,} simulated days{low}"

    def binding(self, slot: int) -> tuple[float, list[str]]:
        """What the row of everybody has left in a slot, and the rows that bind it."""
        rows = [row for row in self.result.rows if row.slot == slot]
        return rows[-1].slack, [_row_name(row) for row in rows if row.slack < TIGHT]


def _row_name(row: Row) -> str:
    return row.name.removeprefix("executives for ")


@capacity_app.command("show")
def capacity_show(
    city: CityName,
    date: DateWord,
    streams: Annotated[
        int, typer.Option("--streams", metavar="N", help="With --out: days of requests to be drawn for the map.")
    ] = STREAMS,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws other days of requests.")] = 1,
    out: Out = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """A day slot by slot: executives, quotas, promises, what binds, and what one more executive or kit would be worth.

    --out writes the tables and a page: quotas of the days up to the horizon, and on a map where requests of drawn
    days found no place. Ctrl-C ends the drawing; the page is written with what there is.
    """
    with served(store_at, as_json, writes=out is not None) as store:
        rules, today = store.catalogue.rules, today_of(store)
        town, day, _ = together(
            lambda: store.catalogue.city(city),
            lambda: read_date(date, "date", today, rules),
            lambda: within(streams, "streams", 1, MOST_STREAMS),
        )
        if out is not None:
            check_writable(out)
        looked = _look(store, town, day)
        refusals: list[Coverage] | None = None
        if out is not None:
            refusals, drawn = _refusals(store, looked, streams, seed, as_json)
            until = dates_between(min(today, day), max(horizon_of(store, town), day))
            shown = days_sold(store, town, until, moment_of(store))
            write_files(out, _texts(looked, shown, refusals, drawn))
    if as_json:
        say_json(_json(looked, refusals))
        return
    _tell(looked, store_at)
    if out is not None:
        say(f"written to {out}: {', '.join(FILES)}")


def _look(store: Store, city: City, date: dt.date) -> _Looked:
    day = views_of(store, city, [date])[date].book.day
    if store.facts.closed(city, date) is not None:
        raise faulty("date", "closed_day", date.isoformat(), f"a day with service ({store.facts.closed(city, date)})")
    team = day.problem.executives
    if not team:
        raise faulty("date", "no_roster", date.isoformat(), "a day that has a roster")
    demand = demand_on(store, city, date)
    problem = day_capacity(store.catalogue, city, demand, date, team)
    slot_s = problem.grid.slot_s
    known = capacity_of(store.catalogue, city, len(team), service_s=slot_s / 2, slot_s=slot_s)
    (sold,) = days_sold(store, city, [date], moment_of(store))
    return _Looked(city, sold, team, demand, known, day.sale.capacity, quotas_of(problem), worth(problem))


def _refusals(store: Store, looked: _Looked, streams: int, seed: int, quiet: bool) -> tuple[list[Coverage], int]:
    """Where requests of drawn days found no place, by locality; and how many days, fewer than asked after Ctrl-C."""
    day = stream_day(store.catalogue, looked.city, looked.demand, looked.sold.date, looked.team)
    quotas = looked.quotas if looked.quotas.needs == day.needs else looked.result.quotas
    if quotas.needs != day.needs:
        note("no map of refusals: the quotas are of other kits than what is expected")
        return [], 0
    drawn: list[tuple[Stream, list[int]]] = []
    try:
        with counting("drawing days of requests", quiet) as tell:
            for number in range(streams):
                made = draw(day, seed + number)
                drawn.append((made, cut(made, quotas, looked.known.remote_minutes)))
                tell(number + 1, streams)
    except KeyboardInterrupt:
        note(f"stopped; the map is of {len(drawn)} of {streams} days")
    return list(coverage(drawn)), len(drawn)


# ----------------------------------------------------------------------------------------- told


def _tell(looked: _Looked, store_at: str | None) -> None:
    document = looked.sold.document
    kits = sorted({kit["kit"] for slot in document["slots"] for kit in slot["kits"]})
    columns = ("slot", "on shift", "promised", *kits, "held", "free", "slack", "bound by")
    rows = []
    for number, slot in enumerate(document["slots"]):
        slack, names = looked.binding(number)
        by_kit = {kit["kit"]: kit for kit in slot["kits"]}
        rows.append(
            (
                slot["slot"]["open"][11:16],
                slot["executives"],
                _of(slot),
                *(_of(by_kit[kit]) for kit in kits),
                slot["held"] or None,
                slot["free"],
                f"{slack:g}",
                ", ".join(names) or None,
            )
        )
    title = f"{looked.city.name_en}, {dated(looked.sold.date)}: {len(looked.team)} executives"
    table(title, columns, rows, columns[1:-1])
    say("promised: promises and holds of the quota; slack: promises more that executives on shift would allow")
    say("bound by: those whose number limits the slot; any: without a kit; all: together")
    for row in looked.result.rows:
        if row.slot is None and row.unit == "seconds":
            say(f"{row.name}: {row.used / HOUR_S:.1f} of {row.limit / HOUR_S:.1f} hours, if every place is taken")
    say(looked.stated)
    if looked.known.streams is not None:
        say("simulated with the staff that the data assume, with rosters by shift pattern")
    at = again(store_at)
    if looked.stored is None:
        say(f"no quotas were computed for this day: mitaan capacity make {looked.city.city_id}{at}")
    elif looked.stored != looked.result.quotas:
        say(f"computed now the quotas would be others: mitaan capacity make {looked.city.city_id}{at}")
    _tell_worth(looked)


def _of(slot: Mapping[str, Any]) -> str:
    return f"{slot['promised'] + slot['held']}/{slot['capacity']}"


def _tell_worth(looked: _Looked) -> None:
    """What one more is worth, slot by slot; of each kit for whom it is worth most."""
    shown = [row for row in looked.worths if row.change.startswith(_ONE_MORE)]
    best: dict[str, Worth] = {}
    for row in looked.worths:
        kit = row.change.partition(" for ")[0]
        if row not in shown and (kit not in best or row.added > best[kit].added):
            best[kit] = row
    shown += best.values()
    columns = ("slot", *(row.change.removeprefix(_ONE_MORE) for row in shown))
    slots = looked.result.quotas.grid.slots()
    rows = [
        (hhmm(slot.open_s), *(f"{row.added_by_slot[number]:.2f}" for row in shown)) for number, slot in enumerate(slots)
    ]
    rows.append(("day", *(f"{row.added:.2f}" for row in shown)))
    if shown:
        title = f"promises more with one more of these; {looked.result.accepted:.1f} are expected"
        table(title, columns, rows, columns[1:])


_ONE_MORE = "one more executive "


def _json(looked: _Looked, refusals: Sequence[Coverage] | None) -> dict[str, Any]:
    known, result = looked.known, looked.result
    slots = []
    for number, slot in enumerate(looked.sold.json()["slots"]):
        slack, names = looked.binding(number)
        slots.append({**slot, "slack": slack, "bound_by": names})
    return {
        "city": looked.city.city_id,
        "date": looked.sold.date.isoformat(),
        "executives": len(looked.team),
        "demand": looked.demand.basis,
        "stated": {
            "streams": known.streams,
            "served": known.served,
            "wilson_low": known.wilson_low,
            "basis": known.basis,
            "alpha": list(known.alpha),
            "kit_alpha": known.kit_alpha,
        },
        "quotas_stored": looked.stored is not None,
        "quotas_as_of_now": looked.stored == result.quotas,
        "accepted": result.accepted,
        "ceiling": result.ceiling,
        "gap": result.gap,
        "slots": slots,
        "rows": [{**plain(row), "slack": row.slack} for row in result.rows],
        "worth": [plain(row) for row in looked.worths],
        "refusals": None if refusals is None else [plain(row) for row in refusals],
    }


# ---------------------------------------------------------------------------------------- files


def _texts(looked: _Looked, days: Sequence[DaySold], refusals: Sequence[Coverage], drawn: int) -> dict[str, str]:
    view, left_out = heat_map(days)
    if left_out:
        note(f"not on the page, their slots are others: {', '.join(date.isoformat() for date in left_out)}")
    places = [(row.locality, row.lon, row.lat, row.requests, row.unservable + row.refused) for row in refusals]
    title = f"{looked.city.name_en}: capacity; refusals of {count(drawn, 'day')} drawn as {dated(looked.sold.date)}"
    page = roster_page(title, quotas=view, refusals=refusal_view(places))
    return dict(zip(FILES, (_capacity_csv(looked), _worth_csv(looked), page), strict=True))


def _capacity_csv(looked: _Looked) -> str:
    lines = [",".join(CAPACITY_COLUMNS)]
    date = looked.sold.date.isoformat()
    for number, (slot, told) in enumerate(zip(looked.sold.slots, looked.sold.document["slots"], strict=True)):
        slack, names = looked.binding(number)
        for kit, row in [("", told), *((each["kit"], each) for each in told["kits"])]:
            numbers = [row[key] for key in ("executives", "capacity", "promised", "held", "free", "quota")]
            cells = [date, hhmm(slot.open_s), kit, *("" if n is None else str(n) for n in numbers)]
            cells += ["", ""] if kit else [f"{slack:g}", "; ".join(names)]
            lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def _worth_csv(looked: _Looked) -> str:
    slots = looked.result.quotas.grid.slots()
    lines = [",".join(("change", "day", "ceiling", *(hhmm(slot.open_s) for slot in slots)))]
    for row in looked.worths:
        numbers = (row.added, row.ceiling, *row.added_by_slot)
        lines.append(",".join((row.change.replace(",", ";"), *(f"{number:.4f}" for number in numbers))))
    return "\n".join(lines) + "\n"
