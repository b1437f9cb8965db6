"""The plan of a day of the store: the day as a file says it, never worse than its witness, and its publishing."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from api.page import Landmark, plan_page
from api.store.desk import DayToPlan
from api.store.store import Store
from optimizer.bookings import Refusal, RefusalCode
from optimizer.check import Violation, ViolationCode, violations
from optimizer.domain import DayPlan, Limits, Problem, Result, Status
from optimizer.engines import Orders
from optimizer.engines.columns.ready import run_every_loop
from optimizer.engines.insertion import insertion
from optimizer.objective import broken_promises, cost
from optimizer.planner import AUTO, ENGINES, gap, plan_day
from optimizer.report import kpis, reasons
from optimizer.slots.ready import run_every_slot_loop
from optimizer.stop import StopAt
from optimizer.timing import timed
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.files import ScenarioDay, TravelSpec, scenario_day, write_day, write_files
from scenarios.generate import Load, bench_day, generate_day
from scenarios.plans import plan_document, plan_text, roster_csv, routes_geojson
from scenarios.travel import MatrixSpec, matrix_csv

SECONDS_FILE, METRES_FILE = "travel_s.csv", "travel_m.csv"
WITNESS = "witness"
FILLING_S = 2.0
"""Seconds in which deliveries and promises at risk are put into the witness."""
LANDMARKS = 80
COMPILING_ITERATIONS = 4
"""Enough for every engine to get beyond its first plan."""

NOT_ABOUT_ORDERS = frozenset({ViolationCode.PROMISE_BROKEN, ViolationCode.MISSING_VISIT, ViolationCode.UNKNOWN_VISIT})
"""What a plan may look like on a day that has changed since: publishing tells that in its own words."""

MISSING, GONE, CHANGED = "missing", "gone", "changed"
"""What can have happened to a booking since a plan was made: it is not in the plan; it is there but was cancelled or
moved; it is there but not as it is now."""


# ------------------------------------------------------------------------------------- the day


def as_scenario(day: DayToPlan, catalogue: Catalogue) -> tuple[ScenarioDay, dict[str, str]]:
    """The day of the store as a day file says it, and the files that lie beside it.

    Where places are not exactly known, the formula alone does not give their travel times: then these are files, too.
    """
    problem = day.problem
    name = f"{problem.city}, {problem.date.isoformat()}, version {day.version} of the store"
    skills = frozenset(skill for service in catalogue.services for skill in service.skills)
    spec: TravelSpec = day.travel
    beside: dict[str, str] = {}
    if day.spots.spreads_dm.any():
        travel = problem.travel
        beside = {
            SECONDS_FILE: matrix_csv(travel.place_ids, travel.reference_s),
            METRES_FILE: matrix_csv(travel.place_ids, travel.metres),
        }
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in beside.values()]
        spec = MatrixSpec(SECONDS_FILE, digests[0], METRES_FILE, digests[1], day.travel)
    return scenario_day(problem, spec, name, skills), beside


# ------------------------------------------------------------------------------------- the plan


@cache
def make_ready() -> None:
    """Every compiled loop is compiled and loaded: two small days planned by every engine, one of them with everything.

    The first time on a machine this takes about half a minute, then seconds, and in one process only the first time.
    """
    catalogue = load_catalogue()
    city, date = catalogue.cities_in_scheme()[0], dt.date(2026, 12, 1)
    for made in (bench_day(catalogue, city, date, 6, 0, 2), generate_day(catalogue, city, date, Load.AS_RUN, seed=1)):
        problem = made.day.problem
        for engine in (AUTO, *ENGINES):
            result = plan_day(problem, Limits(None, iterations=COMPILING_ITERATIONS), engine=engine)
            if result is not None:
                document_of(problem, result)
        run_every_loop(problem)
        run_every_slot_loop(problem)


def or_witness(
    problem: Problem, witness: Orders, limits: Limits, stop: StopAt, result: Result | None
) -> tuple[Result | None, bool]:
    """The result of a search, or the witness where the search ended with promises broken that the witness keeps, or
    without a plan; and whether it is the witness."""
    kept = {visit_id for order in witness.values() for visit_id in order}
    if result is not None and not kept.intersection(result.broken_promises):
        return result, False
    instead = of_witness(problem, witness, limits, stop, result)
    return (result, False) if instead is None else (instead, True)


def of_witness(problem: Problem, witness: Orders, limits: Limits, stop: StopAt, result: Result | None) -> Result | None:
    """The witness, with what else there is room for, as a result; None when it breaks a rule of this day."""
    filled = insertion(problem, StopAt(time_limit_s=FILLING_S), seed=limits.seed, start=witness)
    orders = witness if filled is None else filled.orders
    plan = timed(problem, orders)
    total = cost(problem, plan)
    if any(v.code is not ViolationCode.PROMISE_BROKEN for v in violations(problem, plan, total)):
        return None
    bound_s = None if result is None else result.lower_bound_s
    least_broken = 0 if result is None else result.broken_promises_bound
    status = Status.FEASIBLE if total.broken_promises == 0 else Status.UNKNOWN
    return Result(
        status=Status.INFEASIBLE if least_broken > 0 else status,
        plan=plan,
        cost=total,
        lower_bound_s=bound_s,
        broken_promises_bound=least_broken,
        gap=gap(total, bound_s, least_broken),
        broken_promises=broken_promises(problem, plan),
        engine=WITNESS,
        seed=limits.seed,
        threads=limits.threads,
        runtime_s=stop.elapsed_s(),
        travel_origin=problem.travel.origin,
        input_sha256=problem.input_sha256,
    )


def document_of(problem: Problem, result: Result) -> dict[str, Any]:
    """The plan as plan.json says it."""
    return plan_document(problem, result, kpis(problem, result.plan), reasons(problem, result.plan, result.status))


def written(
    folder: Path,
    scenario: ScenarioDay,
    beside: Mapping[str, str],
    result: Result,
    document: dict[str, Any],
    catalogue: Catalogue,
) -> list[str]:
    """Write the day, its plan and all that shows it into a folder; the names of the files."""
    problem = scenario.problem
    contents = {
        "day.json": write_day(scenario),
        **beside,
        "plan.json": plan_text(document),
        "roster.csv": roster_csv(problem, result.plan),
        "routes.geojson": routes_geojson(problem, result.plan),
        "plan.html": page_of(scenario, document, catalogue),
    }
    write_files(folder, contents)
    return list(contents)


def page_of(scenario: ScenarioDay, document: dict[str, Any], catalogue: Catalogue) -> str:
    """The page of a plan, with the names of the catalogue."""
    city = catalogue.city(scenario.problem.city)
    localities = sorted(catalogue.localities_of(city), key=lambda locality: (-locality.weight, locality.name))
    return plan_page(
        scenario.problem,
        document,
        city_name=f"{city.name_en} ({city.name_hi})",
        day_name=scenario.name,
        service_names={s.service_id: f"{s.name_en} ({s.name_hi})" for s in catalogue.services},
        landmarks=[Landmark(spot.name, spot.lon, spot.lat) for spot in localities[:LANDMARKS]],
    )


# ----------------------------------------------------------------------------------- publishing


def rules_broken(problem: Problem, plan: DayPlan) -> list[Violation]:
    """The rules of the day that a plan breaks though it is of the same visits; none where visits have changed since,
    which publishing tells in its own words."""
    served = {stop.visit_id for _, stop in plan.stops()}
    others = served - problem.visit_by_id.keys()
    missing = {a.visit_id for a in problem.appointments} - served - set(plan.unassigned)
    wrong = [v for v in violations(problem, plan) if v.code not in NOT_ABOUT_ORDERS]
    return [] if others or missing else wrong


def differences(store: Store, refusal: Refusal, document: Mapping[str, Any]) -> dict[str, list[str]]:
    """The bookings for which publishing this plan was refused, by what has happened to them since it was made.

    Keys are `missing`, `gone` and `changed`; empty for a refusal that is not about bookings that have changed.
    """
    if refusal.code is not RefusalCode.PLAN_OUTDATED or not refusal.bookings:
        return {}
    planned = {stop["visit"] for route in document["routes"] for stop in route["stops"]}
    with store.database.read() as connection:
        now = store.database.now(connection)
    sorts: dict[str, list[str]] = {MISSING: [], GONE: [], CHANGED: []}
    for booking_id in refusal.bookings:
        booking = store.booking(booking_id)
        live = booking is not None and booking.live(now)
        sorts[(CHANGED if booking_id in planned else MISSING) if live else GONE].append(booking_id)
    return sorts
