"""Calibration: the quotas of a city that accept most and keep their promises on 99 of 100 days."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.capacity.days import (
    DATE,
    HEAVY,
    Kept,
    Rule,
    draw_kept,
    judge,
    saturated,
    solved,
    travel_minutes,
)
from optimizer.capacity import wilson_lower
from optimizer.units import MINUTE_S
from scenarios.capacity import CityCapacity, capacity_of
from scenarios.streams import StreamDay, served_jointly

TRAINING, EVALUATION = 1_000, 2_000
FRESH = 1_000_000
"""Seeds of streams that calibration judges itself on begin here; those of training at 1."""

ALPHAS = ((1.0,), (1.0, 0.9), (0.9,), (0.9, 0.8), (0.8,), (0.8, 0.7), (0.7,), (0.6,), (0.5,))
REMOTE = (None, 1.0, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7)
"""Addresses are remote above this quantile of the minutes off; at 1 only those that not everybody can reach in time."""

NO_SO_FAR = 600.0
"""Minutes off that no address is."""

ASKED = 0.993
"""What calibration asks of the Wilson bound: more than the target, so that it does not hang on the luck of fresh
streams whether a city keeps it."""

ROUGH = 60
"""Streams on which candidates are put in order by what they accept."""

TRAVEL = 40
"""Streams whose plans tell the travel a visit."""

TRIES = 6
"""Candidates that may fail on fresh streams before a city is given up."""


def candidates(day: StreamDay, travel: float) -> Iterator[CityCapacity]:
    """Everything that is tried."""
    off = np.concatenate([draw_kept(day, seed).minutes_off for seed in range(1, ROUGH + 1)])
    for alpha in ALPHAS:
        for quantile in REMOTE:
            remote = None if quantile is None else round(float(np.quantile(off, quantile)), 1)
            remote = NO_SO_FAR if quantile == 1.0 else remote
            for apart in (False, True):
                yield CityCapacity(day.city.city_id, alpha, 1.0, travel, apart, remote)


def ranked(day: StreamDay, travel: float) -> Iterator[CityCapacity]:
    """Candidates by what they accept, most first: the one that leaves nothing out, then the others, each rule once."""
    first, *others = candidates(day, travel)
    yield first
    seen = {_rough(day, first)}
    order: list[tuple[int, int]] = []
    for number, candidate in enumerate(others):
        accepted = _rough(day, candidate)
        if accepted not in seen:
            seen.add(accepted)
            order.append((-sum(map(len, accepted)), number))
    for _, number in sorted(order):
        yield others[number]


def _rough(day: StreamDay, candidate: CityCapacity) -> tuple[tuple[int, ...], ...]:
    rule = rule_of(day, candidate)
    return tuple(tuple(rule.rows(day, seed)) for seed in range(1, ROUGH + 1))


def rule_of(day: StreamDay, capacity: CityCapacity) -> Rule:
    """How a city cuts the streams of a day."""
    return Rule(solved(day, capacity).quotas, capacity.remote_minutes)


def most_broken(trials: int, asked: float = ASKED) -> int:
    """Most streams not served at which the Wilson bound still reaches what is asked; -1 for too few streams."""
    broken = -1
    while wilson_lower(trials - broken - 1, trials) >= asked:
        broken += 1
    return broken


def prior_of(day: StreamDay) -> CityCapacity:
    """The prior of the city of a day."""
    services = [s.collect_s for pairs in day.mix for s, share in pairs for _ in range(share)]
    return capacity_of(day.catalogue, day.city, len(day.executives), statistics.fmean(services), day.grid.slot_s, {})


def measured_travel(day: StreamDay) -> float:
    """Minutes on the way to a visit, by plans of days as full as executives on shift and deliveries allow."""
    rule = rule_of(day, replace(prior_of(day), alpha=(1.0,), kit_alpha=1.0))
    found = []
    for seed in range(1, TRAVEL + 1):
        problem = draw_kept(day, seed).accepted(rule.rows(day, seed))
        judged = served_jointly(problem)
        if judged.orders is not None:
            found.append(travel_minutes(problem, judged))
    return round(statistics.fmean(found), 1) if found else round(prior_of(day).travel_minutes, 1)


def calibrate(
    city_id: str, training: int = TRAINING, evaluation: int = EVALUATION, percent: int = HEAVY
) -> tuple[CityCapacity, dict[str, object]]:
    """The capacity of a city, and how it was found.

    Candidates go from those that accept most: the first that reaches `ASKED` on the training streams is judged on
    fresh ones, and so on until one reaches it there, too; after `TRIES` in vain the best of them is taken.
    """
    day = saturated(city_id, percent)
    travel = measured_travel(day)
    judged = 0
    tries: list[dict[str, object]] = []
    best: tuple[float, CityCapacity, Kept] | None = None
    for candidate in ranked(day, travel):
        rule = rule_of(day, candidate)
        judged += 1
        trained = judge(day, rule, range(1, training + 1), most_broken(training))
        if trained.early:
            continue
        begin = FRESH + len(tries) * evaluation
        kept = judge(day, rule, range(begin + 1, begin + evaluation + 1))
        low = wilson_lower(kept.served, kept.streams)
        tries.append(
            {
                "accepted_training": round(trained.accepted / trained.streams, 2),
                "served": kept.served,
                "streams": kept.streams,
                "wilson_low": round(low, 4),
            }
        )
        if best is None or low > best[0]:
            best = (low, candidate, kept)
        if low >= ASKED or len(tries) == TRIES:
            break
    if best is None:
        raise RuntimeError(f"{city_id}: no candidate reaches {ASKED} on the training streams")
    low, candidate, kept = best
    found = replace(
        candidate,
        streams=kept.streams,
        served=kept.served,
        unknown=kept.unknown,
        wilson_low=round(low, 4),
        date=DATE,
        basis="measured by python -m benchmarks.capacity calibrate",
    )
    return found, {
        "judged": judged,
        "tries": tries,
        "accepted": round(kept.accepted / kept.streams, 2),
        "travel_prior_minutes": round(prior_of(day).travel_minutes, 1),
        "alpha_prior": round(prior_of(day).alpha[0], 3),
        "service_minutes_planned": [round(s / MINUTE_S, 1) for s in day.mean_service_s],
    }
