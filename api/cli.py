"""The command line: `mitaan VERB` for the day's work, `mitaan NOUN VERB` for what is kept and made.

Every command parses, makes one call, and answers: a table for people, `--json` for machines.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli import register as register_bookings
from api.bookings_cli.planning import stopping
from api.console import (
    DONE,
    DONE_WITH_BROKEN_RULES,
    NOTHING,
    ProgressLine,
    faults_told,
    marked,
    note,
    plain,
    refuse,
    run,
    say,
    say_json,
    say_text,
    table,
    tell_plan,
    working,
)
from api.planning import document_of, make_ready, page_of
from api.serving_cli import register as register_serving
from api.shapes import city_json, service_json, violation_json
from api.study_cli import register as register_study
from optimizer.arrays import seconds_compiling
from optimizer.check import ViolationCode, violations
from optimizer.domain import DayPlan, Fault, InvalidProblem, Limits, Problem, Result, Status
from optimizer.planner import AUTO, ENGINES, UnknownEngine, plan_day
from optimizer.report import explain_visit, reasons
from optimizer.stop import StopAt
from scenarios.catalogue import load_catalogue
from scenarios.files import ReadLimits, ScenarioDay, check_writable, read_day, write_day, write_files
from scenarios.generate import GeneratedDay, Load, bench_day, generate_day
from scenarios.plans import plan_text, read_plan, roster_csv, routes_geojson
from scenarios.tables import read_tables, write_tables, write_template
from scenarios.travel import matrix_csv

app = typer.Typer(
    help="Route and slot engine for doorstep services: plan a day, check it, explain it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
scenario_app = typer.Typer(help="Day files: make, convert, name.", no_args_is_help=True)
travel_app = typer.Typer(help="Travel times of a day.", no_args_is_help=True)
app.add_typer(scenario_app, name="scenario")
app.add_typer(travel_app, name="travel")

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, on stdout.")]
DayFile = Annotated[Path, typer.Argument(metavar="DAY.json", help="A day file.")]
PlanFile = Annotated[Path, typer.Argument(metavar="plan.json", help="A plan of that day.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Makes the search repeatable.")]
TimeLimit = Annotated[float, typer.Option("--time-limit", metavar="SECONDS", min=0.0, help="Stop after so long.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the files there.")]
DEMO_DAY = "raipur.json"
WORTH_TELLING_S = 1.0
"""Seconds of compiling within a plan that its reader should know of."""


# -------------------------------------------------------------------------------- small pieces


def _date(text: str, option: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidProblem([Fault((option,), "bad_date", text, "a date as 2026-12-01")]) from None


def _read_limits() -> ReadLimits:
    """Limits of input, where wanted from the environment: MITAAN_MAX_VISITS, MITAAN_MAX_KM."""
    limits = ReadLimits()
    try:
        return ReadLimits(
            int(os.environ.get("MITAAN_MAX_VISITS", limits.max_visits)),
            float(os.environ.get("MITAAN_MAX_KM", limits.max_km)),
        )
    except ValueError as error:
        raise InvalidProblem([Fault(("MITAAN_MAX_VISITS",), "bad_setting", str(error), "a number")]) from None


def _day(path: Path) -> ScenarioDay:
    return read_day(path, limits=_read_limits())


def _solve(problem: Problem, limits: Limits, engine: str, quiet: bool) -> Result | None:
    stop = StopAt.within(limits)
    compiled_s: list[float] = []
    with stopping(stop), ProgressLine(quiet) as line, seconds_compiling(compiled_s.append):
        result = plan_day(problem, limits, engine=engine, stop=stop, on_progress=line)
    if sum(compiled_s) > WORTH_TELLING_S:
        took = f"{sum(compiled_s):.0f} s of this were spent on compiling, once on every machine"
        note(f"{took}; `mitaan warm-up` does it beforehand")
    return result


# ---------------------------------------------------------------------------------- planning


def _write(folder: Path, scenario: ScenarioDay, result: Result, document: dict[str, Any]) -> None:
    problem = scenario.problem
    contents = {
        "plan.json": plan_text(document),
        "roster.csv": roster_csv(problem, result.plan),
        "routes.geojson": routes_geojson(problem, result.plan),
        "plan.html": page_of(scenario, document, load_catalogue()),
    }
    write_files(folder, contents)


@app.command()
def plan(
    day: DayFile,
    engine: Annotated[str, typer.Option(help=f"One of {', '.join((AUTO, *ENGINES))}.")] = AUTO,
    time_limit: TimeLimit = 30.0,
    iterations: Annotated[int | None, typer.Option(min=0, help="Stop after so many steps: repeatable.")] = None,
    seed: Seed = 1,
    threads: Annotated[int, typer.Option(min=1, help="At most so many threads.")] = 1,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Plan a day: who visits whom and when. Ctrl-C keeps the best plan so far."""
    with faults_told(as_json):
        if out is not None:
            check_writable(out)
        scenario = _day(day)
        limits = Limits(time_limit if iterations is None else None, iterations, seed, threads)
        try:
            result = _solve(scenario.problem, limits, engine, as_json)
        except UnknownEngine:
            refuse([Fault(("engine",), "unknown_engine", engine, f"one of {', '.join((AUTO, *ENGINES))}")], as_json)
        _answer(scenario, result, out, as_json)


def _answer(scenario: ScenarioDay, result: Result | None, out: Path | None, as_json: bool) -> None:
    if result is None:
        note("stopped before there was a plan; nothing was written")
        raise typer.Exit(NOTHING)
    problem = scenario.problem
    document = document_of(problem, result)
    if out is not None:
        _write(out, scenario, result, document)
    if as_json:
        say_json(document)
    else:
        tell_plan(problem, document)
        if out is not None:
            say(f"written to {out}: plan.json, roster.csv, routes.geojson, plan.html (open it in a browser)")
    raise typer.Exit(DONE_WITH_BROKEN_RULES if result.broken_promises else DONE)


@app.command()
def check(day: DayFile, plan_file: PlanFile, as_json: Json = False) -> None:
    """Judge a plan by the independent checker: every broken rule, and the cost recomputed."""
    with faults_told(as_json, writes=False):
        problem = _day(day).problem
        day_plan, claimed = read_plan(plan_file, problem)
        found = violations(problem, day_plan, claimed)
        same = json.loads(plan_file.read_bytes())["input_sha256"] == problem.input_sha256
    if as_json:
        say_json({"violations": [violation_json(violation) for violation in found], "same_input": same})
    else:
        for violation in found:
            say(f"{violation.code.value}: {violation.text}")
        say(
            f"{len(found)} violation{'s' if len(found) > 1 else ''}"
            if found
            else "no violations; the cost and its terms are as reported"
        )
        say("judged: stops, times, breaks, costs. Not judged: bounds, status, figures, reasons.")
    if not same:
        note("the plan was made for another version of this day (input_sha256 differs)")
    raise typer.Exit(DONE_WITH_BROKEN_RULES if found else DONE)


@app.command()
def explain(
    day: DayFile,
    plan_file: PlanFile,
    visit: Annotated[str | None, typer.Argument(metavar="[VISIT]", help="Only this visit.")] = None,
    as_json: Json = False,
) -> None:
    """Why a visit is not planned, or what it costs where it is; without VISIT, all that are not planned."""
    with faults_told(as_json, writes=False):
        problem = _day(day).problem
        day_plan, _ = read_plan(plan_file, problem)
        if visit is not None and visit not in problem.visit_by_id:
            refuse([Fault(("visit",), "unknown_visit", visit, "a visit of the day")], as_json)
        wrong = {v.code for v in violations(problem, day_plan)} - {ViolationCode.PROMISE_BROKEN}
        if wrong:
            rule = "a plan that breaks no rule but promises; `mitaan check` tells what it breaks"
            refuse([Fault(("plan",), "plan_breaks_rules", sorted(code.value for code in wrong), rule)], as_json)
        told = _explained(problem, day_plan, day_plan.unassigned if visit is None else (visit,))
    if as_json:
        say_json({"visits": told})
        return
    for one in told:
        first, *others = one["texts"]
        say(first if one["planned"] else f"{one['visit']}: {first}")
        for other in others:
            say(f"  {other}")
    if not told:
        say("every visit is planned")


def _explained(problem: Problem, day_plan: DayPlan, visit_ids: Sequence[str]) -> list[dict[str, Any]]:
    """For each visit what is to be said of it. Nothing proven about the plan as a whole is taken from its file."""
    why = reasons(problem, day_plan, Status.UNKNOWN)
    told: list[dict[str, Any]] = []
    for visit_id in visit_ids:
        served = explain_visit(problem, day_plan, visit_id)
        if served is None:
            found = why[visit_id]
            texts = [marked(reason.text, reason.code, reason.proof) for reason in found]
            told.append(
                {
                    "visit": visit_id,
                    "planned": False,
                    "reasons": plain(found),
                    "texts": texts,
                }
            )
        else:
            texts = [served.text, *(other.text for other in served.others)]
            told.append({"visit": visit_id, "planned": True, "explanation": plain(served), "texts": texts})
    return told


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Write the files there.")] = Path("out"),
    time_limit: TimeLimit = 5.0,
    seed: Seed = 1,
) -> None:
    """Plan the committed day of Raipur and write table, files and picture."""
    with faults_told(), as_file(files("scenarios") / "data" / "days" / DEMO_DAY) as path:
        check_writable(out)
        _compile()
        scenario = _day(path)
        result = _solve(scenario.problem, Limits(time_limit, seed=seed), AUTO, quiet=False)
        try:
            _answer(scenario, result, out, as_json=False)
        except typer.Exit as done:
            if done.exit_code == NOTHING:
                raise
            say("")
            say(f"look at {out / 'plan.html'} in a browser; then try")
            say("  mitaan scenario new --city korba --date 2026-12-02 --load busy --seed 7 --out korba.json")
            say("  mitaan plan korba.json --time-limit 10 --out out/korba")
            raise


@app.command("warm-up")
def warm_up() -> None:
    """Compile the engine's inner loops once, so that the first plan is as fast as the next."""
    with faults_told():
        _compile()
    say("ready")


def _compile() -> None:
    with working("making ready; the first time on a machine this compiles for about half a minute"):
        make_ready()


# ------------------------------------------------------------------------------------- facts


@app.command()
def cities(
    everything: Annotated[bool, typer.Option("--all", help="Also the municipalities that joined in 2023.")] = False,
    as_json: Json = False,
) -> None:
    """The cities of the scheme."""
    with faults_told(as_json, writes=False):
        found = load_catalogue().cities_in_scheme(include_extension=everything)
    if as_json:
        say_json({"cities": [city_json(city) for city in found]})
        return
    columns = ("city", "name", "नाम", "district", "population", "office lon", "office lat", "office is", "since")
    rows = (
        (
            city.city_id,
            city.name_en,
            city.name_hi,
            city.district,
            city.population,
            f"{city.office.lon:.5f}",
            f"{city.office.lat:.5f}",
            "proxy" if city.office_is_proxy else "known",
            city.in_scheme_since,
        )
        for city in found
    )
    table("Cities of the scheme", columns, rows, ("population", "office lon", "office lat"))


@app.command()
def services(
    city: Annotated[str | None, typer.Option(help="Only those of this city.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="Only those bookable on this date.")] = None,
    as_json: Json = False,
) -> None:
    """The services, what they cost and need."""
    with faults_told(as_json, writes=False):
        catalogue = load_catalogue()
        town = None if city is None else catalogue.city(city)
        if on is not None:
            found = catalogue.services_on(_date(on, "on"), town)
        else:
            found = tuple(s for s in catalogue.services if town is None or not s.cities or town.city_id in s.cities)
    if as_json:
        say_json({"services": [service_json(catalogue, service) for service in found]})
        return
    columns = ("service", "name", "नाम", "department", "fee Rs", "days", "visits", "skills", "door min", "since")
    rows = (
        (
            service.service_id,
            service.name_en,
            service.name_hi,
            service.department,
            catalogue.total_fee_rs(service),
            service.statutory_days,
            2 if service.needs_delivery else 1,
            " ".join(sorted(service.skills)) or None,
            f"{service.collect_minutes}+{service.deliver_minutes}",
            service.since,
        )
        for service in found
    )
    table("Services" + (f" on {on}" if on else ""), columns, rows, ("fee Rs", "days", "visits"))
    say("fee: application fee and departmental fee together, - where the latter is not known.")
    say("door min: minutes at the door to apply + to deliver, assumptions.")


# ---------------------------------------------------------------------------------- scenarios


@scenario_app.command("new")
def scenario_new(
    city: Annotated[str, typer.Option(help="City of the day.")] = "raipur",
    date: Annotated[str, typer.Option(metavar="DATE", help="Date of the day.")] = "2026-12-01",
    load: Annotated[Load, typer.Option(help="How much is asked of the staff.")] = Load.AS_RUN,
    preset: Annotated[
        str | None,
        typer.Option(help="`bench` or `field`: a synthetic day of the sizes below, plain or with all rules."),
    ] = None,
    visits: Annotated[int | None, typer.Option(min=0, help="preset: appointments, 100 if not given.")] = None,
    deliveries: Annotated[int | None, typer.Option(min=0, help="preset: deliveries, 0 if not given.")] = None,
    executives: Annotated[int | None, typer.Option(min=0, help="preset: executives, 18 if not given.")] = None,
    slot_minutes: Annotated[int | None, typer.Option(help="Length of a slot.")] = None,
    seed: Seed = 1,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the day there, else to stdout.")] = None,
) -> None:
    """Draw a day from the gazetteer, the same for the same seed; tells the hash of its content."""
    with faults_told():
        catalogue = load_catalogue()
        town, day = catalogue.city(city), _date(date, "date")
        if preset not in {None, "bench", "field"}:
            refuse([Fault(("preset",), "unknown_preset", preset, "`bench` or `field`")], as_json=False)
        sizes = {"visits": visits, "deliveries": deliveries, "executives": executives}
        if preset is None:
            rule = "only with --preset; a city's day has the sizes of the city"
            idle = [Fault((name,), "not_used", size, rule) for name, size in sizes.items() if size is not None]
            if idle:
                refuse(idle, as_json=False)
        if preset is not None:
            asked = {"visits": 100, "deliveries": 0, "executives": 18}
            asked |= {name: size for name, size in sizes.items() if size is not None}
            made = bench_day(
                catalogue, town, day, **asked, seed=seed, slot_minutes=slot_minutes, field=preset == "field"
            )
        else:
            made = generate_day(catalogue, town, day, load, seed, slot_minutes)
        _write_day(made.day, out)
    _tell_made(made)


def _write_day(day: ScenarioDay, out: Path | None) -> None:
    if out is None:
        say_text(write_day(day))
    else:
        write_files(out.parent, {out.name: write_day(day)})


def _tell_made(made: GeneratedDay) -> None:
    problem = made.day.problem
    note(
        f"{made.day.name}: {len(problem.appointments)} appointments, {len(problem.deliveries)} deliveries, "
        f"{len(problem.executives)} executives; {made.refused} requests refused for want of a slot"
    )
    for line in made.notes:
        note(line)
    note(f"sha256 {problem.input_sha256}")


@scenario_app.command("template")
def scenario_template(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for visits.csv and executives.csv.")] = Path(),
) -> None:
    """Write two empty tables with an example row each, to be filled in as a spreadsheet."""
    with faults_told():
        written = write_template(out)
    say("written: " + ", ".join(str(path) for path in written))


@scenario_app.command("import")
def scenario_import(
    visits: Annotated[Path, typer.Argument(metavar="visits.csv")],
    executives: Annotated[Path, typer.Argument(metavar="executives.csv")],
    city: Annotated[str, typer.Option(help="City of the day.")],
    date: Annotated[str, typer.Option(metavar="DATE", help="Date of the day.")],
    slot_minutes: Annotated[int | None, typer.Option(help="Length of a slot.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the day there, else to stdout.")] = None,
    as_json: Json = False,
) -> None:
    """Make a day file from two tables."""
    with faults_told(as_json):
        day = read_tables(visits, executives, city=city, date=_date(date, "date"), slot_minutes=slot_minutes)
        _write_day(day, out)
    note(f"sha256 {day.problem.input_sha256}")


@scenario_app.command("export")
def scenario_export(
    day: DayFile, out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the two tables.")] = Path()
) -> None:
    """Write a day as two tables, visits.csv and executives.csv."""
    with faults_told():
        written = write_tables(_day(day), out)
    say("written: " + ", ".join(str(path) for path in written))


@scenario_app.command("hash")
def scenario_hash(day: DayFile, as_json: Json = False) -> None:
    """The hash of the canonical content of a day: what a result calls its input."""
    with faults_told(as_json, writes=False):
        digest = _day(day).problem.input_sha256
    if as_json:
        say_json({"input_sha256": digest})
    else:
        say(str(digest))


@travel_app.command("table")
def travel_table(
    day: DayFile, out: Annotated[Path | None, typer.Option(metavar="FILE", help="Else to stdout.")] = None
) -> None:
    """Write the travel times of a day as a matrix, to be corrected and named in the day file."""
    with faults_told():
        travel = _day(day).problem.travel
        text = matrix_csv(travel.place_ids, travel.reference_s)
        if out is None:
            say_text(text)
        else:
            write_files(out.parent, {out.name: text})


@app.callback(invoke_without_command=True)
def _top(
    show_version: Annotated[bool, typer.Option("--version", help="Tell the version and end.")] = False,
) -> None:
    if show_version:
        say(version("mitaan-optimizer"))
        raise typer.Exit


register_bookings(app)
register_serving(app)
register_study(app)


def main() -> None:
    """Entry point of the `mitaan` command."""
    run(app)
