"""Other ways to set quotas, on the same streams: the same number in every slot, tuned; 0.8 times the executives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from benchmarks.booking.streams import interval
from benchmarks.capacity.calibrate import TRAINING, most_broken, rule_of
from benchmarks.capacity.days import HEAVY, TARGET, Kept, Rule, draw_kept, judge, saturated
from optimizer.capacity import Quotas, unions_of, wilson_lower
from optimizer.capacity.cover import cover
from optimizer.quotas import is_rare
from scenarios.capacity import CityCapacity
from scenarios.streams import Judged, StreamDay, served_jointly

FRESH = 3_000_000
"""Seeds of the streams that rules are compared on begin here."""

HAND_SET = 0.8


def flat(day: StreamDay, totals: list[int], kits: list[int]) -> Quotas:
    """So many promises in each slot, so many of them of a kit, nothing kept for anybody."""
    needs = len(day.needs)
    unions = unions_of(day.needs)
    return Quotas(
        day.grid,
        day.needs,
        tuple((total, *(0,) * (needs - 1)) for total in totals),
        {union: tuple(kits if is_rare(union, day.needs) else totals) for union in unions},
    )


def equal(day: StreamDay, total: int, kits: int) -> Quotas:
    """The same in every slot."""
    return flat(day, [total] * len(day.grid), [min(total, kits)] * len(day.grid))


def by_hand(day: StreamDay) -> Quotas:
    """0.8 times the executives on shift, rounded down; kits as many as are held there."""
    unions = [tuple(range(len(day.needs))), tuple(n for n, need in enumerate(day.needs) if need)]
    able = cover(day.executives, day.grid, day.needs, unions)
    totals = [math.floor(HAND_SET * count + 1e-9) for count in able[:, 0].tolist()]
    return flat(day, totals, [min(a, int(b)) for a, b in zip(totals, able[:, 1].tolist(), strict=True)])


def tuned(day: StreamDay, *, dealt: bool, training: int = TRAINING) -> tuple[Rule, tuple[int, int]] | None:
    """The equal quotas that accept most of those whose Wilson bound on the training streams reaches the target, and
    which: an easier bar than that of calibration, so that no rival is held back by our caution."""
    on_shift = cover(day.executives, day.grid, day.needs, unions_of(day.needs))
    most, kits = int(on_shift.max()), int(on_shift[:, 1].max()) if len(day.needs) > 1 else 0
    rules = {(c, k): Rule(equal(day, c, k), None, dealt) for c in range(1, most + 1) for k in range(min(c, kits) + 1)}
    accepted = {pair: sum(len(rule.rows(day, seed)) for seed in range(1, 101)) for pair, rule in rules.items()}
    for pair in sorted(rules, key=lambda pair: (-accepted[pair], pair)):
        if not judge(day, rules[pair], range(1, training + 1), most_broken(training, TARGET)).early:
            return rules[pair], pair
    return None


def compare(
    capacity: CityCapacity, streams: int, training: int = TRAINING, percent: int = HEAVY
) -> dict[str, dict[str, object]]:
    """Each rule on the same fresh streams: what it keeps and accepts, and ours less it with the interval of that."""
    day = saturated(capacity.city_id, percent)
    rules: dict[str, Rule] = {"ours": rule_of(day, capacity)}
    notes: dict[str, object] = {}
    for name, dealt in (("equal, tuned", False), ("equal, tuned, dealt out", True)):
        found = tuned(day, dealt=dealt, training=training)
        if found is not None:
            rules[name], notes[name] = found
    rules["0.8 x executives"] = Rule(by_hand(day), None, dealt=False)
    rules["0.8 x executives, dealt out"] = Rule(by_hand(day))
    everybody = CityCapacity(capacity.city_id, (1.0,), 1.0, capacity.travel_minutes)
    rules["all executives"] = rule_of(day, everybody)
    counts: Mapping[str, list[int]] = {name: [] for name in rules}
    kept = {name: Kept() for name in rules}
    for seed in range(FRESH + 1, FRESH + streams + 1):
        made = draw_kept(day, seed)
        same: dict[tuple[int, ...], Judged] = {}
        for name, rule in rules.items():
            rows = tuple(rule.rows(day, seed))
            if rows not in same:
                same[rows] = served_jointly(made.accepted(rows))
            kept[name].add(same[rows], len(rows))
            counts[name].append(len(rows))
    told: dict[str, dict[str, object]] = {}
    for name in rules:
        low = wilson_lower(kept[name].served, kept[name].streams)
        mean, half = interval(np.subtract(counts["ours"], counts[name]).tolist())
        told[name] = {
            "setting": notes.get(name),
            "streams": kept[name].streams,
            "served": kept[name].served,
            "unknown": kept[name].unknown,
            "kept": round(kept[name].served / kept[name].streams, 4),
            "wilson_low": round(low, 4),
            "keeps_target": low >= TARGET,
            "accepted": round(float(np.mean(counts[name])), 2),
            "ours_more": round(mean, 2),
            "half_interval": round(half, 2),
        }
    return told
