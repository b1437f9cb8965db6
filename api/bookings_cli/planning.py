"""The plan of a day of the store: never worse than its witness, written with its day as `mitaan plan` writes it."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.console import ProgressLine
from api.page import Landmark, plan_page
from api.store.desk import DayToPlan
from optimizer.check import ViolationCode, violations
from optimizer.domain import Limits, Problem, Result, Status
from optimizer.engines import Orders
from optimizer.engines.insertion import insertion
from optimizer.objective import broken_promises, cost
from optimizer.planner import gap, plan_day
from optimizer.report import kpis, reasons
from optimizer.stop import StopAt
from optimizer.timing import timed
from scenarios.catalogue import Catalogue
from scenarios.files import ScenarioDay, TravelSpec, scenario_day, write_day, write_files
from scenarios.plans import plan_document, plan_text, roster_csv, routes_geojson
from scenarios.travel import MatrixSpec, matrix_csv

SECONDS_FILE, METRES_FILE = "travel_s.csv", "travel_m.csv"
WITNESS = "witness"
FILLING_S = 2.0
"""Seconds in which deliveries and promises at risk are put into the witness."""
LANDMARKS = 80


@contextmanager
def stopping(stop: StopAt) -> Iterator[None]:
    """Ctrl-C asks the search to end with its best plan; a second Ctrl-C ends the program."""

    def ask(_signal: int, _frame: object) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.request()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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


def planned(problem: Problem, witness: Orders, limits: Limits, quiet: bool) -> tuple[Result | None, bool]:
    """The best plan found, and whether it is the witness: it is where the search ended with promises broken that the
    witness keeps, or without a plan. Ctrl-C ends the search with its best plan.
    """
    stop = StopAt.within(limits)
    with stopping(stop), ProgressLine(quiet) as line:
        result = plan_day(problem, limits, stop=stop, on_progress=line)
    kept = {visit_id for order in witness.values() for visit_id in order}
    if result is not None and not kept.intersection(result.broken_promises):
        return result, False
    instead = _of_witness(problem, witness, limits, stop, result)
    return (result, False) if instead is None else (instead, True)


def _of_witness(
    problem: Problem, witness: Orders, limits: Limits, stop: StopAt, result: Result | None
) -> Result | None:
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
