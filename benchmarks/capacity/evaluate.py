"""What the quotas of a city keep, accept and refuse on fresh streams, and how late plans run with drawn times."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from benchmarks.capacity.calibrate import rule_of
from benchmarks.capacity.days import HEAVY, TARGET, Kept, draw_kept, problem_of, saturated, solved
from optimizer.capacity import wilson_lower, worth
from optimizer.domain import Appointment, Problem, places_of
from optimizer.engines.insertion import insertion
from optimizer.stop import StopAt
from optimizer.timing import timed
from optimizer.units import MINUTE_S
from scenarios.capacity import CityCapacity
from scenarios.generate import generate_day
from scenarios.streams import Served, coverage, executed, served_jointly
from scenarios.travel.formula import formula_table

FRESH = 2_000_000
"""Seeds of the streams that evaluation draws begin here."""

WITH_DELIVERIES = 40
"""Streams to which the deliveries of an ordinary day are added."""

PLACES_SHOWN = 5


def evaluate(capacity: CityCapacity, streams: int, percent: int) -> dict[str, object]:
    """Figures of a city at one load."""
    day = saturated(capacity.city_id, percent)
    rule, result = rule_of(day, capacity), solved(day, capacity)
    kept, steps = Kept(), Counter[str]()
    sums: Counter[str] = Counter()
    judged_streams = []
    for number, seed in enumerate(range(FRESH + 1, FRESH + streams + 1)):
        made = draw_kept(day, seed)
        rows = rule.rows(day, seed)
        problem = made.accepted(rows)
        judged = served_jointly(problem)
        kept.add(judged, len(rows))
        steps[f"{judged.served.value}: {judged.step}"] += 1
        sums["requests"] += len(made.requests)
        sums["unservable"] += int((~made.servable).sum())
        sums["kits"] += sum(bool(day.needs[made.requests[row].need]) for row in rows)
        judged_streams.append((made, rows))
        if judged.served is Served.YES and judged.orders is not None:
            run = executed(made, timed(problem, judged.orders), seed)
            for name in ("visits", "begun_late", "ended_late", "late_s"):
                sums[name] += getattr(run, name)
            if number < WITH_DELIVERIES:
                sums["deliveries"] += (pair := _with_deliveries(capacity.city_id, seed, problem))[0]
                sums["deliveries_made"] += pair[1]
                sums["promises_broken_for_deliveries"] += pair[2]
    low = wilson_lower(kept.served, kept.streams)
    visits = max(1, sums["visits"])
    return {
        "load_percent": percent,
        "streams": streams,
        "served": kept.served,
        "unknown": kept.unknown,
        "kept": round(kept.served / streams, 4),
        "wilson_low": round(low, 4),
        "keeps_target": low >= TARGET,
        "steps": dict(sorted(steps.items())),
        "requests": round(sums["requests"] / streams, 2),
        "unservable": round(sums["unservable"] / streams, 2),
        "accepted": round(kept.accepted / streams, 2),
        "accepted_kits": round(sums["kits"] / streams, 2),
        "model_accepted": round(result.accepted, 2),
        "model_ceiling": round(result.ceiling, 2),
        "model_gap": result.gap,
        "totals": [result.quotas.total(slot) for slot in range(len(day.grid))],
        "begun_late_percent": round(100 * sums["begun_late"] / visits, 3),
        "ended_late_percent": round(100 * sums["ended_late"] / visits, 2),
        "late_minutes_each": round(sums["late_s"] / max(1, sums["ended_late"]) / MINUTE_S, 1),
        "deliveries": sums["deliveries"],
        "deliveries_made": sums["deliveries_made"],
        "promises_broken_for_deliveries": sums["promises_broken_for_deliveries"],
        "where": [
            {
                "locality": spot.locality,
                "lon": spot.lon,
                "lat": spot.lat,
                "requests": spot.requests,
                "unservable": spot.unservable,
                "refused": spot.refused,
            }
            for spot in coverage(judged_streams)[:PLACES_SHOWN]
        ],
    }


def _with_deliveries(city_id: str, seed: int, problem: Problem) -> tuple[int, int, int]:
    """Deliveries of an ordinary day added to a day of promises: how many, how many made, promises broken."""
    day = saturated(city_id, HEAVY)
    made = generate_day(day.catalogue, day.city, day.date, seed=seed % 1_000 + 1).day.problem
    visits = (*problem.visits, *made.deliveries)
    table = formula_table(places_of(problem.office, visits, problem.executives), day.planned)
    both = replace(problem, visits=visits, travel=table)
    found = insertion(both, StopAt(iterations=200))
    done = set() if found is None else {v for order in found.orders.values() for v in order}
    broken = sum(v.visit_id not in done for v in both.visits if isinstance(v, Appointment))
    return len(made.deliveries), sum(d.visit_id in done for d in made.deliveries), broken


def worths(capacity: CityCapacity, percent: int) -> dict[str, object]:
    """What one more executive or kit is worth on the day of a city."""
    day = saturated(capacity.city_id, percent)
    problem = problem_of(day, capacity)
    result = solved(day, capacity)
    return {
        "load_percent": percent,
        "accepted": round(result.accepted, 2),
        "rows": [
            {"change": row.change, "added": round(row.added, 2), "by_slot": [round(a, 2) for a in row.added_by_slot]}
            for row in worth(problem)
        ],
    }
