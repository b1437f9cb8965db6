"""Plan, publish, improve, show: the commands on one day of a city; what of it is for sale is in `restrictions`."""

from __future__ import annotations

import datetime as dt
import errno
import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import dated
from api.bookings_cli.given import (
    CityName,
    DateWord,
    Json,
    Seed,
    StoreAt,
    TimeLimit,
    again,
    faulty,
    moment_of,
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
from api.store.desk import day_to_plan, publish_plan
from api.store.restrictions import list_restrictions
from api.store.store import Store
from api.store.writing import View
from api.words import Language
from optimizer.bookings import Change, Refusal
from optimizer.domain import DayPlan, Fault, InvalidProblem, Limits, Problem
from optimizer.slots import plan_of
from optimizer.units import hhmm
from scenarios.catalogue import City
from scenarios.files import check_writable, read_bytes
from scenarios.plans import parse_plan

_SINCE = {MISSING: "missing from the plan", GONE: "in the plan but cancelled or moved", CHANGED: "changed since"}
"""What can have happened to a booking since a plan was made, in words."""
FURTHEST_DAYS = 366
"""Days ahead of today that can be closed, and their sale set."""

day_app = typer.Typer(help="A day of a city: its sale, its plan.", no_args_is_help=True)


def named_day(store: Store, city: str, date: str) -> tuple[City, dt.date]:
    """A city and a date."""
    return together(
        lambda: store.catalogue.city(city),
        lambda: read_date(date, "date", today_of(store), store.catalogue.rules),
    )


def named_ahead(store: Store, city: str, date: str) -> tuple[City, dt.date]:
    """A city and a date that is still to come, and not beyond all planning."""
    town, day = named_day(store, city, date)
    today = today_of(store)
    last = today + dt.timedelta(days=FURTHEST_DAYS)
    if not today <= day <= last:
        raise faulty("date", "bad_date", day.isoformat(), f"a date from {today.isoformat()} to {last.isoformat()}")
    return town, day


def view_of_day(store: Store, city: City, date: dt.date) -> View:
    """The day as it is now."""
    with store.database.read() as connection:
        return store.views(connection, city, [date])[date]


# ------------------------------------------------------------------------------------------- plan


@day_app.command("plan")
def day_plan(
    city: CityName,
    date: DateWord,
    time_limit: TimeLimit = 30.0,
    seed: Seed = 1,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the day and its plan there.")] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Plan a day with all its promises and the deliveries that are ready. Ctrl-C keeps the best plan so far."""
    with served(store_at, as_json) as store:
        if out is not None:
            check_writable(out)
        town, day = named_day(store, city, date)
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
        town, day = named_day(store, city, date)
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
        town, day = named_day(store, city, date)
        tell_day(store, town, day, as_json, routes=True)


def tell_day(
    store: Store, city: City, date: dt.date, as_json: bool, *, routes: bool, more: Mapping[str, Any] | None = None
) -> None:
    """The day as it is now; `more` is said beside it in JSON."""
    view, now = view_of_day(store, city, date), moment_of(store)
    plan = plan_of(view.book.day) if routes else None
    restrictions = list_restrictions(store, city, date, date)
    document = day_at_a_glance(city, view, now, plan, restrictions)
    if as_json:
        say_json({**document, **(more or {})})
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
    columns, computed = ("slot", "promises", "free executives", "quota", "given out"), day.sale.capacity is not None
    rows_of_slots = (
        (s["slot"]["open"][11:16], s["promises"], s["free_executives"], _quota(s, computed), _given_out(s))
        for s in document["slots"]
    )
    table("Slots", columns, rows_of_slots, columns[1:4])
    for number, why in sorted(day.sale.closed_slots.items()):
        say(f"closed: {hhmm(day.slots[number].open_s)}-{hhmm(day.slots[number].close_s)} ({why})")
    say("free executives: on shift for the whole slot, without a promise in it; not all can get to every address")
    say(f"{document['promises']} promises kept by the witness, {document['holds']} of them holds")
    if document["at_risk"]:
        say(f"at risk: {', '.join(document['at_risk'])}")


def _quota(slot: Mapping[str, Any], computed: bool) -> int | None:
    """Most promises of a slot, by hand or computed; None where there is no quota."""
    most: int | None = slot["quota"]
    return slot["capacity"] if most is None and computed else most


def _given_out(slot: Mapping[str, Any]) -> str:
    """Neither closed, stopped nor full by its quota; whether somebody can come is another question."""
    return "yes" if not slot["stop_sale"] and slot["promises"] < slot["capacity"] else "no"
