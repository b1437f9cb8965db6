"""Rosters, deliveries, rules: what the dispatch desk keeps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import day_words, named
from api.bookings_cli.given import (
    At,
    CityName,
    First,
    Force,
    InLocality,
    Json,
    Last,
    Pin,
    StoreAt,
    faulty,
    one_of,
    read_clock,
    read_date,
    read_place,
    read_services,
    read_span,
    renamed,
    served,
    today_of,
    within,
)
from api.bookings_cli.refusals import tell_refusal
from api.console import DONE, NOTHING, REFUSED, counting, faults_told, note, say, say_json, table
from api.reading import together
from api.shapes import delivery_json, refusal_json
from api.store.background import recover_day
from api.store.desk import (
    DeliveryStatus,
    NewDelivery,
    add_delivery,
    deliveries_of,
    end_delivery,
    find_delivery,
    list_deliveries,
    set_roster,
    set_rules,
    store_rules,
)
from api.store.rosters import stored_staff
from api.store.rows import CityRules
from api.store.store import Store
from api.words import Language
from optimizer.bookings import Refusal, RefusalCode, Verdict
from optimizer.domain import Executive
from optimizer.units import DAY_S, HOUR_S, IST, MINUTE_S, hhmm
from scenarios.catalogue import City, load_catalogue
from scenarios.files import write_files
from scenarios.generate.city_day import staff
from scenarios.rosters import ROSTER_COLUMNS, Rosters, pattern_roster, read_roster, roster_csv

PATTERN_DAYS = 14
MOST_DAYS = 366
"""Days of a rule that counts days ahead, and of rosters made at once."""
EXAMPLES = 2
"""Executives in a roster template: one early, one late."""
DELIVERY_STATUSES = (
    DeliveryStatus.WAITING,
    DeliveryStatus.PLANNED,
    DeliveryStatus.DELIVERED,
    DeliveryStatus.CANCELLED,
)

DeliveryName = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="Id of a delivery, or its reference where only one delivery has it.")
]

roster_app = typer.Typer(help="Who works when: made, published, read, made of patterns, shown.", no_args_is_help=True)
deliveries_app = typer.Typer(help="Certificates to be handed over.", no_args_is_help=True)


# ---------------------------------------------------------------------------------------- rosters


@roster_app.command("import")
def roster_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table (.csv) or JSON (.json).")],
    city: Annotated[str, typer.Option(help="City of the rosters.")],
    force: Force = False,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Take rosters from a file, day by day. A day whose promises could not be kept is refused, with those promises."""
    with served(store_at, as_json, new=True) as store:
        town = store.catalogue.city(city)
        _set_rosters(store, town, read_roster(file, store.catalogue, town), force, as_json)


@roster_app.command("pattern")
def roster_from_pattern(
    city: CityName,
    first: First = None,
    last: Last = None,
    force: Force = False,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Make rosters by the shift patterns of the scheme: from tomorrow, two weeks."""
    with served(store_at, as_json, new=True) as store:
        catalogue, today = store.catalogue, today_of(store)
        town, days = together(
            lambda: catalogue.city(city),
            lambda: read_span(first, last, PATTERN_DAYS, today, catalogue.rules, ahead=1),
        )
        if stored_staff(store, town) is not None:
            note(f"{town.city_id} has a staff of its own (mitaan staff show): patterns put assumed executives on duty")
        _set_rosters(store, town, pattern_roster(catalogue, town, *days), force, as_json)


def _set_rosters(store: Store, city: City, rosters: Rosters, force: bool, as_json: bool) -> None:
    """Each day is a step of its own: what is done stays done when a later day is refused."""
    done: list[tuple[dt.date, int, Verdict, int]] = []
    stopped = False
    with counting("setting rosters", as_json) as tell:
        for number, (date, executives) in enumerate(rosters.items()):
            try:
                verdict = set_roster(store, city, date, executives, force=force)
                back = 0 if isinstance(verdict, Refusal) else recover_day(store, city, date)
            except KeyboardInterrupt:
                stopped = True
                break
            done.append((date, len(executives), verdict, back))
            tell(number + 1, len(rosters))
    _tell_rosters(city, done, as_json)
    if stopped:
        note(f"stopped; {len(done)} of {len(rosters)} days were done")
        raise typer.Exit(NOTHING)
    raise typer.Exit(REFUSED if any(isinstance(verdict, Refusal) for _, _, verdict, _ in done) else DONE)


def _tell_rosters(city: City, done: list[tuple[dt.date, int, Verdict, int]], as_json: bool) -> None:
    if as_json:
        days = [
            {
                "date": date.isoformat(),
                "executives": count,
                "refused": refusal_json(verdict, Language.EN) if isinstance(verdict, Refusal) else None,
                "at_risk": [] if isinstance(verdict, Refusal) else _at_risk(verdict),
                "kept_again": back,
            }
            for date, count, verdict, back in done
        ]
        say_json({"city": city.city_id, "days": days})
        return
    rows = []
    for date, count, verdict, back in done:
        if isinstance(verdict, Refusal):
            told = f"refused: {verdict.text} [{verdict.code.value}]"
            told += f": {', '.join(verdict.bookings)}" if verdict.bookings else ""
        else:
            risky = _at_risk(verdict)
            told = f"done; at risk: {', '.join(risky)}" if risky else "done"
            told += f"; kept again: {back}" if back else ""
        rows.append((date, day_words(date), count, told))
    columns = ("date", "day", "executives", "")
    table(f"{city.name_en}: rosters", columns, rows, columns[2:3])


def _at_risk(verdict: Verdict) -> list[str]:
    return [] if isinstance(verdict, Refusal) else [b.booking_id for b in verdict.bookings if b.at_risk and b.on_day]


def roster_rows(executives: Iterable[Executive]) -> Iterator[tuple[object, ...]]:
    """Executives of a day: shift, overtime, break, where they start and end, what they hold."""
    return map(_executive_row, executives)


def _executive_row(executive: Executive) -> tuple[object, ...]:
    shift, pause = executive.shift, executive.pause
    rest = None
    if pause is not None:
        window = f"{hhmm(pause.window.open_s)}-{hhmm(pause.window.close_s)}"
        rest = f"{pause.duration_s // MINUTE_S} min, begun {window}"
    return (
        executive.executive_id,
        f"{hhmm(shift.open_s)}-{hhmm(shift.close_s)}",
        shift.overtime_s // MINUTE_S,
        rest,
        executive.start.place_id,
        executive.end.place_id,
        " ".join(sorted(executive.skills)) or None,
    )


@roster_app.command("template")
def roster_template(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the table there.")],
) -> None:
    """Write a table with two example rows, to be filled in as a spreadsheet; tells what the columns mean."""
    with faults_told():
        if out.suffix.lower() != ".csv":
            raise faulty("out", "unknown_format", str(out), "a name that ends in .csv")
        catalogue = load_catalogue()
        city = catalogue.cities_in_scheme()[0]
        date = read_date("+1", "date", dt.datetime.now(IST).date(), catalogue.rules)
        text = roster_csv({date: staff(catalogue.scheme, city.office, EXAMPLES, [])}, city.office)
        write_files(out.parent, {out.name: text})
    say(f"written: {out}; one row for each executive and date, columns in any order, * must be there:")
    for name, column in ROSTER_COLUMNS.items():
        say(f"  {name}{'*' if column.required else ''}: {column.meaning}")


# ------------------------------------------------------------------------------------- deliveries


@deliveries_app.command("add")
def deliveries_add(
    city: CityName,
    service: Annotated[str, typer.Option("--service", metavar="S", help="What the certificate is.")],
    reference: Annotated[str, typer.Option(metavar="REF", help="The application: an id, no names.")],
    at: At = None,
    locality: InLocality = None,
    pin: Pin = None,
    ready: Annotated[str | None, typer.Option(metavar="DATE", help="Can be handed over from then; today.")] = None,
    due: Annotated[str | None, typer.Option(metavar="DATE", help="By then; else by the limit of the service.")] = None,
    applied: Annotated[str | None, typer.Option(metavar="DATE", help="The limit counts from then; else ready.")] = None,
    collected_by: Annotated[str | None, typer.Option(metavar="EXECUTIVE", help="Who collected the papers.")] = None,
    held_by: Annotated[
        str | None, typer.Option(metavar="EXECUTIVE", help="Who has the envelope; else it lies at the office.")
    ] = None,
    booking: Annotated[str | None, typer.Option(metavar="BOOKING", help="The booking it comes from, served.")] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """A certificate is ready to be handed over."""
    with served(store_at, as_json) as store:
        catalogue, today = store.catalogue, today_of(store)

        def day(text: str | None, option: str) -> dt.date | None:
            return None if text is None else read_date(text, option, today, catalogue.rules)

        town, (found,), where, (ready_from, until, since) = together(
            lambda: catalogue.city(city),
            lambda: read_services(catalogue, [service]),
            lambda: read_place(catalogue, city, at, locality, pin),
            lambda: together(
                lambda: day(ready, "ready") or today, lambda: day(due, "due"), lambda: day(applied, "applied")
            ),
        )
        new = NewDelivery(found, where, reference, ready_from, until, since, collected_by, held_by, booking_id=booking)
        made = add_delivery(store, town, new)
        if isinstance(made, Refusal):
            tell_refusal(made, Language.EN, as_json)
        rows = [row for row in [find_delivery(store, made)] if row is not None]
    if as_json:
        say_json({"deliveries": [delivery_json(row) for row in rows]})
    else:
        _tell_deliveries(f"{town.name_en}: added", rows)


@deliveries_app.command("list")
def deliveries_list(
    city: CityName,
    status: Annotated[str | None, typer.Option(metavar="S", help=f"{', '.join(DELIVERY_STATUSES)}.")] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Deliveries of a city, by due date."""
    with served(store_at, as_json, writes=False) as store:
        town, wanted = together(
            lambda: store.catalogue.city(city),
            lambda: None if status is None else one_of(status, "status", DELIVERY_STATUSES, "unknown_status"),
        )
        rows = list_deliveries(store, town, wanted)
    if as_json:
        say_json({"deliveries": [delivery_json(row) for row in rows]})
    else:
        _tell_deliveries(f"{town.name_en}: {len(rows)} deliveries", rows)


def _tell_deliveries(title: str, rows: list[Any]) -> None:
    columns = ("delivery", "reference", "service", "ready from", "due", "status", "planned for", "executive", "held by")
    table(
        title,
        columns,
        (
            (
                row.delivery_id,
                row.reference,
                row.service_id,
                row.ready_from,
                row.due,
                row.status,
                row.planned_for,
                row.executive_id,
                row.held_by,
            )
            for row in rows
        ),
    )


@deliveries_app.command("done")
def deliveries_done(delivery: DeliveryName, store_at: StoreAt = None, as_json: Json = False) -> None:
    """The certificate has been handed over."""
    _end(delivery, DeliveryStatus.DELIVERED, store_at, as_json)


@deliveries_app.command("cancel")
def deliveries_cancel(delivery: DeliveryName, store_at: StoreAt = None, as_json: Json = False) -> None:
    """The certificate need not be brought any more."""
    _end(delivery, DeliveryStatus.CANCELLED, store_at, as_json)


def _end(name: str, status: str, store_at: str | None, as_json: bool) -> None:
    with served(store_at, as_json) as store:
        delivery = _delivery_named(store, name)
        refusal = end_delivery(store, delivery, status)
        if refusal is not None:
            if refusal.code is RefusalCode.UNKNOWN_BOOKING:
                refusal = replace(refusal, text="no such delivery, by its id or its reference")
            tell_refusal(refusal, Language.EN, as_json)
    if as_json:
        say_json({"delivery": delivery, "status": status})
    else:
        say(f"{delivery}: {status}")


def _delivery_named(store: Store, name: str) -> str:
    """The id of the one delivery meant by its id or its reference; an unknown name is left for the verb to refuse."""
    if find_delivery(store, name) is not None:
        return name
    ids = [row.delivery_id for row in deliveries_of(store, name)]
    if len(ids) > 1:
        raise faulty("delivery", "ambiguous_reference", name, f"the reference of one delivery, not of {named(ids)}")
    return ids[0] if ids else name


# ------------------------------------------------------------------------------------------ rules


def rules(
    city: CityName,
    horizon_days: Annotated[int | None, typer.Option(metavar="N", help="Days ahead that can be booked.")] = None,
    closes: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="When booking for a day closes, on the day before.")
    ] = None,
    hold_minutes: Annotated[int | None, typer.Option(metavar="N", help="How long a hold lives.")] = None,
    cutoff_hours: Annotated[
        int | None, typer.Option(metavar="N", help="A booking may be moved until so long before its slot opens.")
    ] = None,
    slot_minutes: Annotated[
        int | None, typer.Option(metavar="N", help="Length of a slot, on days that have no roster yet.")
    ] = None,
    margin: Annotated[
        int | None, typer.Option(metavar="PCT", help="Margin of travel times, on days that have no roster yet.")
    ] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """The booking rules of a city; with options they are set, the others stay as they are."""
    with served(store_at, as_json, new=True) as store:
        town, wanted, _, _ = together(
            lambda: store.catalogue.city(city),
            lambda: _booking_rules(horizon_days, closes, hold_minutes, cutoff_hours),
            lambda: None if slot_minutes is None else _slot_length(store, slot_minutes),
            lambda: None if margin is None else renamed("margin", margin, partial(store.facts.travel, margin)),
        )
        now = store_rules(store, town)
        if wanted or slot_minutes is not None or margin is not None:
            booking = replace(now.booking, **wanted)
            now = CityRules(booking, slot_minutes or now.slot_minutes, now.margin_pct if margin is None else margin)
            set_rules(store, town, now)
    told = _rules_json(now)
    if as_json:
        say_json({"city": town.city_id, "rules": told})
        return
    table(f"{town.name_en}: rules", ("rule", "value"), ((name.replace("_", " "), v) for name, v in told.items()))


def _booking_rules(
    horizon_days: int | None, closes: str | None, hold_minutes: int | None, cutoff_hours: int | None
) -> dict[str, int]:
    """Those rules that are given, in the units of the rules; every one that is wrong is told by its option."""

    def scaled(value: int | None, option: str, least: int, most: int, what: str, unit_s: int) -> int | None:
        return None if value is None else within(value, option, least, most, what) * unit_s

    days, closes_s, hold_s, cutoff_s = together(
        lambda: scaled(horizon_days, "horizon-days", 1, MOST_DAYS, " days", 1),
        lambda: None if closes is None else read_clock(closes, "closes"),
        lambda: scaled(hold_minutes, "hold-minutes", 1, DAY_S // MINUTE_S, " minutes", MINUTE_S),
        lambda: scaled(cutoff_hours, "cutoff-hours", 0, MOST_DAYS * DAY_S // HOUR_S, " hours", HOUR_S),
    )
    given = {"horizon_days": days, "closes_s": closes_s, "hold_s": hold_s, "move_cutoff_s": cutoff_s}
    return {name: value for name, value in given.items() if value is not None}


def _slot_length(store: Store, minutes: int) -> None:
    """Raises InvalidProblem for a length that does not divide the opening hours."""
    if minutes < 1:
        raise faulty("slot-minutes", "bad_slot_length", minutes, "at least a minute")
    renamed("slot-minutes", minutes, partial(store.facts.grid, minutes))


def _rules_json(now: CityRules) -> Mapping[str, Any]:
    return {
        "horizon_days": now.booking.horizon_days,
        "closes": hhmm(now.booking.closes_s),
        "hold_minutes": now.booking.hold_s // MINUTE_S,
        "cutoff_hours": now.booking.move_cutoff_s // HOUR_S,
        "slot_minutes": now.slot_minutes,
        "margin_pct": now.margin_pct,
    }
