"""Close, open, sell, plan, publish, show: the commands on one day of a city."""

from __future__ import annotations

import datetime as dt
import errno
import json
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import dated
from api.bookings_cli.given import (
    CityName,
    DateWord,
    Force,
    Json,
    StoreAt,
    again,
    faulty,
    moment_of,
    read_clock,
    read_date,
    served,
    today_of,
)
from api.bookings_cli.planning import planned
from api.bookings_cli.refusals import tell_refusal
from api.console import (
    DONE,
    DONE_WITH_BROKEN_RULES,
    NOTHING,
    counting,
    note,
    say,
    say_json,
    table,
    tell_plan,
    working,
)
from api.glance import day_at_a_glance
from api.planning import CHANGED, GONE, MISSING, as_scenario, differences, document_of, rules_broken, written
from api.reading import together
from api.store.background import improve_day, recover_day
from api.store.desk import day_to_plan, publish_plan, set_closed, set_sale
from api.store.store import Store
from api.store.writing import View
from api.words import Language
from optimizer.bookings import Change, Refusal
from optimizer.domain import DayPlan, Fault, InvalidProblem, Limits, Problem, Slot
from optimizer.domain.faults import id_faults
from optimizer.slots import plan_of
from optimizer.units import hhmm
from scenarios.catalogue import City
from scenarios.files import check_writable, read_bytes
from scenarios.plans import parse_plan

_SINCE = {MISSING: "missing from the plan", GONE: "in the plan but cancelled or moved", CHANGED: "changed since"}
"""What can have happened to a booking since a plan was made, in words."""
FURTHEST_DAYS = 366
"""Days ahead of today that can be closed, and their sale set."""
MOST_QUOTA = 10_000

_QUOTA = re.compile(r"([^=]+)=([0-9]{1,5})")

day_app = typer.Typer(help="A day of a city: its sale, its plan.", no_args_is_help=True)

Seed = Annotated[int, typer.Option("--seed", min=0, help="Makes the search repeatable.")]


def _named(store: Store, city: str, date: str) -> tuple[City, dt.date]:
    return together(
        lambda: store.catalogue.city(city),
        lambda: read_date(date, "date", today_of(store), store.catalogue.rules),
    )


def _named_ahead(store: Store, city: str, date: str) -> tuple[City, dt.date]:
    """A city and a date that is still to come, and not beyond all planning."""
    town, day = _named(store, city, date)
    today = today_of(store)
    last = today + dt.timedelta(days=FURTHEST_DAYS)
    if not today <= day <= last:
        raise faulty("date", "bad_date", day.isoformat(), f"a date from {today.isoformat()} to {last.isoformat()}")
    return town, day


def _view(store: Store, city: City, date: dt.date) -> View:
    with store.database.read() as connection:
        return store.views(connection, city, [date])[date]


# ------------------------------------------------------------------------------------------- sale


@day_app.command("close")
def day_close(
    city: CityName,
    date: DateWord,
    because: Annotated[str, typer.Option("--because", metavar="WORD", help="The reason, one word: strike, flood.")],
    force: Force = False,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Close a day to booking and service. With promises on it only by force: they are at risk then."""
    with served(store_at, as_json) as store:
        (town, day), _ = together(lambda: _named_ahead(store, city, date), lambda: _word(because))
        verdict = set_closed(store, town, day, because, force=force)
        if isinstance(verdict, Refusal):
            tell_refusal(verdict, Language.EN, as_json)
    risky = [b.booking_id for b in verdict.bookings if b.at_risk]
    if as_json:
        say_json({"city": town.city_id, "date": day.isoformat(), "closed_because": because, "at_risk": risky})
        return
    say(f"{town.name_en}, {dated(day)}: closed ({because})")
    if risky:
        say(f"at risk: {', '.join(risky)}")


def _word(because: str) -> None:
    faults = list(id_faults("because", because))
    if faults:
        raise InvalidProblem(faults)


@day_app.command("open")
def day_open(city: CityName, date: DateWord, store_at: StoreAt = None, as_json: Json = False) -> None:
    """Open a closed day again; promises at risk are kept again as far as there is room."""
    with served(store_at, as_json) as store:
        town, day = _named(store, city, date)
        closed = store.facts.closed(town, day)
        if closed is not None:
            raise faulty("date", "closed_day", day.isoformat(), f"a day with service by the calendar ({closed})")
        verdict = set_closed(store, town, day, None)
        if isinstance(verdict, Refusal):
            tell_refusal(verdict, Language.EN, as_json)
        back = recover_day(store, town, day)
        risky = sorted(b.booking_id for b in _view(store, town, day).book.bookings.values() if b.at_risk)
    if as_json:
        say_json({"city": town.city_id, "date": day.isoformat(), "kept_again": back, "at_risk": risky})
        return
    say(f"{town.name_en}, {dated(day)}: open" + (f"; kept again: {back}" if back else ""))
    if risky:
        say(f"still at risk: {', '.join(risky)}")


@day_app.command("sell")
def day_sell(
    city: CityName,
    date: DateWord,
    stop: Annotated[
        list[str] | None, typer.Option("--stop", metavar="HH:MM", help="This slot is not given out.")
    ] = None,
    quota: Annotated[
        list[str] | None, typer.Option("--quota", metavar="HH:MM=N", help="At most so many promises in this slot.")
    ] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Set what of a day is for sale: what is not named here is given out without a limit. Promises made stay."""
    with served(store_at, as_json) as store:
        town, day = _named_ahead(store, city, date)
        slots = _view(store, town, day).book.day.slots

        def stops() -> set[int]:
            return set(together(*(partial(_slot_number, slots, text, "stop") for text in stop or [])))

        def quotas() -> dict[int, int]:
            pairs = together(*(partial(_quota, slots, text) for text in quota or []))
            twice = sorted({number for number, _ in pairs if [n for n, _ in pairs].count(number) > 1})
            rule = "a slot once, with one number"
            if twice:
                raise InvalidProblem(
                    Fault(("quota",), "repeated_slot", hhmm(slots[number].open_s), rule) for number in twice
                )
            return dict(pairs)

        stopped, most = together(stops, quotas)
        verdict = set_sale(store, town, day, stopped, most)
        if isinstance(verdict, Refusal):
            tell_refusal(verdict, Language.EN, as_json)
        view, now = _view(store, town, day), moment_of(store)
    _tell_day(town, view, now, None, as_json)


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


# ------------------------------------------------------------------------------------------- plan


@day_app.command("plan")
def day_plan(
    city: CityName,
    date: DateWord,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", min=0.0, help="Stop after so long.")
    ] = 30.0,
    seed: Seed = 1,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the day and its plan there.")] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Plan a day with all its promises and the deliveries that are ready. Ctrl-C keeps the best plan so far."""
    with served(store_at, as_json) as store:
        if out is not None:
            check_writable(out)
        town, day = _named(store, city, date)
        to_plan = day_to_plan(store, town, day)
        scenario, beside = as_scenario(to_plan, store.catalogue)
        problem = scenario.problem
        result, is_witness = planned(problem, to_plan.witness, Limits(time_limit, seed=seed), as_json)
        if result is None:
            note("stopped before there was a plan; nothing was written")
            raise typer.Exit(NOTHING)
        document = document_of(problem, result)
        files: list[str] = []
        if out is not None:
            try:
                files = written(out, scenario, beside, result, document, store.catalogue)
            except OSError as error:
                full = error.errno in {errno.ENOSPC, errno.EDQUOT}
                rule = f"a folder that takes the day and its plan ({error.strerror or error})"
                raise faulty("out", "disk_full" if full else "file", str(out), rule) from None
    if is_witness:
        note("the search found no plan that keeps what the witness of the day keeps: the witness is the plan")
    if to_plan.not_taken:
        note(f"not in the plan, the executive they need is not on duty: {', '.join(to_plan.not_taken)}")
    if as_json:
        say_json(document)
    else:
        tell_plan(problem, document)
        if out is not None:
            say(f"written to {out}: {', '.join(files)}")
            plan_file = shlex.quote(str(out / "plan.json"))
            say(f"next: mitaan day publish {town.city_id} {day.isoformat()} {plan_file}{again(store_at)}")
    raise typer.Exit(DONE_WITH_BROKEN_RULES if result.broken_promises else DONE)


@day_app.command("publish")
def day_publish(
    city: CityName,
    date: DateWord,
    plan_file: Annotated[Path, typer.Argument(metavar="plan.json", help="A plan of that day.")],
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Make a plan the one that is driven: booking closes, its bookings are planned. Refused if they have changed."""
    with served(store_at, as_json) as store:
        town, day = _named(store, city, date)
        problem = day_to_plan(store, town, day).problem
        data = read_bytes(plan_file)
        plan, _ = parse_plan(data, problem, plan_file.name)
        _refuse_wrong(problem, plan)
        orders = {route.executive_id: route.visit_ids for route in plan.routes}
        with working("checking the plan against the promises as they are now"):
            document = json.loads(data)
            verdict = publish_plan(store, town, day, problem, orders, document)
        if isinstance(verdict, Refusal):
            sorts = {_SINCE[key]: ids for key, ids in differences(store, verdict, document).items()}
            if sorts:
                told = f"the day has changed since this plan was made: `mitaan day plan {town.city_id} {day}` again"
                verdict = replace(verdict, text=told)
            tell_refusal(verdict, Language.EN, as_json, sorts=sorts)
    _tell_published(town, day, problem, plan, verdict, as_json)


def _refuse_wrong(problem: Problem, plan: DayPlan) -> None:
    """Raises InvalidProblem for a plan that breaks a rule of the day though it is of the same visits."""
    wrong = rules_broken(problem, plan)
    if wrong:
        rule = "a plan that can be driven; `mitaan check` tells what it breaks"
        raise InvalidProblem([Fault(("plan",), "plan_breaks_rules", v.text, rule) for v in wrong])


def _tell_published(city: City, date: dt.date, problem: Problem, plan: DayPlan, change: Change, as_json: bool) -> None:
    kinds = Counter(event.kind for event in change.events)
    delivered = {d.visit_id for d in problem.deliveries} & {stop.visit_id for _, stop in plan.stops()}
    told = {
        "city": city.city_id,
        "date": date.isoformat(),
        "assigned": kinds["appointment.assigned"],
        "reassigned": kinds["appointment.reassigned"],
        "deliveries": len(delivered),
    }
    if as_json:
        say_json(told)
        return
    say(
        f"{city.name_en}, {dated(date)}: published; {told['assigned']} appointments assigned, "
        f"{told['reassigned']} reassigned, {told['deliveries']} deliveries"
    )


# ------------------------------------------------------------------------------------------- show


@day_app.command("improve")
def day_improve(
    city: CityName,
    date: Annotated[str | None, typer.Argument(metavar="[DATE]", help="This day; without it all to come.")] = None,
    time_limit: Annotated[float, typer.Option("--time-limit", min=0.0, help="Seconds for each day.")] = 5.0,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Look for witnesses with less travel, and for room for promises at risk. No promise is changed or lost.

    A service does this between requests; here it is done once. Published days are left alone.
    """
    told: list[dict[str, Any]] = []
    with served(store_at, as_json) as store, counting("improving", as_json) as progress:
        town = store.catalogue.city(city)
        today = today_of(store)
        days = [read_date(date, "date", today, store.catalogue.rules)] if date else store.dates(town)
        days = [day for day in days if day > today]
        for number, day in enumerate(days):
            kept = recover_day(store, town, day)
            better = improve_day(store, town, day, time_limit)
            if kept or better is not None:
                before, after = (None, None) if better is None else (better.before_s, better.after_s)
                told.append({"date": day.isoformat(), "before_s": before, "after_s": after, "kept_again": kept})
            progress(number + 1, len(days))
    if as_json:
        say_json({"city": town.city_id, "days": told})
        return
    for one in told:
        if one["before_s"] is not None:
            saved = 1 - one["after_s"] / max(1, one["before_s"])
            say(f"{one['date']}: {saved:.0%} less travel ({one['before_s']} s before, {one['after_s']} s now)")
        if one["kept_again"]:
            say(f"{one['date']}: {one['kept_again']} promises are at risk no more")
    say(f"{len(told)} of {len(days)} days changed")


@day_app.command("show")
def day_show(city: CityName, date: DateWord, store_at: StoreAt = None, as_json: Json = False) -> None:
    """A day at a glance: who serves what when, promises and free executives by slot, what is at risk."""
    with served(store_at, as_json, writes=False) as store:
        town, day = _named(store, city, date)
        view, now = _view(store, town, day), moment_of(store)
    _tell_day(town, view, now, plan_of(view.book.day), as_json)


def _tell_day(city: City, view: View, now: dt.datetime, plan: DayPlan | None, as_json: bool) -> None:
    """The day, without the routes where there is no plan."""
    document = day_at_a_glance(city, view, now, plan)
    if as_json:
        say_json(document)
        return
    day = view.book.day
    state = f"closed ({day.sale.closed_because})" if day.sale.closed_because else "open"
    if document["published"]:
        state = f"plan {document['plan_number']} published"
    say(f"{city.name_en}, {dated(day.date)}: {state}, version {document['version']}")
    if plan is not None:
        columns = ("executive", "shift", "skills", "visits", "served in order")
        rows = (
            (
                e["id"],
                e["shift"],
                " ".join(e["skills"]) or None,
                len(e["visits"]),
                " ".join(f"{visit['start'][11:16]} {visit['id']}" for visit in e["visits"]) or None,
            )
            for e in document["executives"]
        )
        table(f"{len(document['executives'])} executives, routes of the witness", columns, rows, columns[3:4])
    columns = ("slot", "promises", "free executives", "quota", "given out")
    rows_of_slots = (
        (s["slot"]["open"][11:16], s["promises"], s["free_executives"], s["quota"], "yes" if _given_out(s) else "no")
        for s in document["slots"]
    )
    table("Slots", columns, rows_of_slots, columns[1:4])
    say("free executives: on shift for the whole slot, without a promise in it; not all can get to every address")
    say(f"{document['promises']} promises kept by the witness, {document['holds']} of them holds")
    if document["at_risk"]:
        say(f"at risk: {', '.join(document['at_risk'])}")


def _given_out(slot: dict[str, Any]) -> bool:
    """Neither stopped nor full by its quota; whether somebody can come is another question."""
    return not slot["stop_sale"] and (slot["quota"] is None or slot["promises"] < slot["quota"])
