"""Streams of requests: the same for the same seed, cut by quotas, judged, and run with drawn times."""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache

import numpy as np
import pytest

from optimizer.capacity import Quotas, unions_of
from optimizer.check import violations
from optimizer.demand import ANYBODY, Demand
from optimizer.domain import SlotGrid
from optimizer.timing import timed
from optimizer.units import MINUTE_S
from scenarios.catalogue import load_catalogue
from scenarios.rosters import pattern_roster
from scenarios.streams import (
    SERVICE_CV,
    SERVICE_SIGMA,
    TRAVEL_SIGMA,
    Served,
    StreamDay,
    coverage,
    cut,
    draw,
    executed,
    planned_service_s,
    quantile_factor,
    served_jointly,
    stream_day,
)

DATE = dt.date(2026, 12, 1)
GRID = SlotGrid()
KIT = frozenset({"aadhaar_kit"})
NEEDS = (ANYBODY, KIT)


@lru_cache(maxsize=8)
def day(city_id: str = "dhamtari", ordinary: float = 4.0, kits: float = 0.5) -> StreamDay:
    catalogue = load_catalogue()
    city = catalogue.city(city_id)
    demand = Demand(DATE, GRID, NEEDS, np.array([[[ordinary, kits]] * 12]))
    return stream_day(catalogue, city, demand, DATE, pattern_roster(catalogue, city, DATE, DATE)[DATE])


def quotas(total: int, kits: int) -> Quotas:
    rows = {union: ((kits if union == (1,) else total),) * 12 for union in unions_of(NEEDS)}
    return Quotas(GRID, NEEDS, ((total, 0),) * 12, rows)


def test_a_stream_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    first, again, other = draw(day(), 1), draw(day(), 1), draw(day(), 2)
    assert first.requests == again.requests
    assert first.requests != other.requests
    assert (first.able == again.able).all()


def test_requests_come_as_often_as_expected_from_the_services_of_their_need() -> None:
    streams = [draw(day(), seed) for seed in range(1, 61)]
    for need, mean in ((0, 48.0), (1, 6.0)):
        counts = [sum(request.need == need for request in made.requests) for made in streams]
        assert np.mean(counts) == pytest.approx(mean, abs=4 * math.sqrt(mean / 60))
        assert np.var(counts) == pytest.approx(mean, rel=0.8)
    assert all(r.service.skills == NEEDS[r.need] for made in streams for r in made.requests)
    slots = [request.slot for request in streams[0].requests]
    assert slots != sorted(slots)  # in order of arrival, not of the clock


def test_plans_take_service_and_travel_at_their_quantile() -> None:
    assert quantile_factor(SERVICE_SIGMA) == pytest.approx(1.256, abs=1e-3)
    assert quantile_factor(TRAVEL_SIGMA) == pytest.approx(1.182, abs=1e-3)
    assert math.exp(SERVICE_SIGMA**2) - 1 == pytest.approx(SERVICE_CV**2)
    assert planned_service_s(30 * MINUTE_S, 3_600) == 2_263
    assert planned_service_s(55 * MINUTE_S, 3_600) == 3_600
    assert draw(day(), 1).problem.travel.margin_pct == 19


def test_quotas_cut_in_order_of_arrival() -> None:
    made = draw(day(), 3)
    rows = cut(made, quotas(2, 1))
    assert rows == sorted(rows)
    for slot in range(12):
        wished = [r for r, request in enumerate(made.requests) if request.slot == slot and made.servable[r]]
        taken = [row for row in rows if made.requests[row].slot == slot]
        assert len(taken) <= 2
        assert sum(made.requests[row].need for row in taken) <= 1
        if all(made.requests[row].need == 0 for row in wished):
            assert taken == wished[:2]
    assert cut(made, quotas(0, 0)) == []


def test_wishes_that_nobody_could_serve_alone_are_put_aside_and_counted_by_locality() -> None:
    made = draw(day(kits=2.0), 1)  # kits are held on the early shift only
    late = [r for r, request in enumerate(made.requests) if request.need == 1 and request.slot >= 8]
    assert late
    assert not made.servable[late].any()
    rows = cut(made, quotas(9, 9))
    assert not set(rows) & set(late)
    spots = coverage([(made, rows)])
    assert sum(spot.requests for spot in spots) == len(made.requests)
    assert sum(spot.unservable for spot in spots) == int((~made.servable).sum())
    assert sum(spot.refused for spot in spots) == len(made.requests) - len(rows) - int((~made.servable).sum())
    assert coverage([]) == ()


def test_promises_of_a_slot_are_dealt_out_to_different_executives() -> None:
    made = draw(day(ordinary=9.0), 1)
    rows, blind = cut(made, quotas(9, 9)), cut(made, quotas(9, 9), dealt=False)
    assert len(rows) < len(blind)
    for slot in range(12):
        mine = [row for row in rows if made.requests[row].slot == slot]
        assert len(mine) <= sum(bool(made.able[e, mine].any()) for e in range(len(made.able)))
    assert served_jointly(made.accepted(blind)).served is Served.NO


def test_addresses_that_are_remote_leave_room_beside_them() -> None:
    made = draw(day(), 1)
    near, all_remote = cut(made, quotas(3, 1)), cut(made, quotas(3, 1), 0.0)
    assert len(all_remote) < len(near)
    assert cut(made, quotas(3, 1), 1e6) == near
    taken = {made.requests[row].slot for row in all_remote}
    assert max(sum(made.requests[row].slot in (s - 1, s, s + 1) for row in all_remote) for s in taken) <= 3


def test_a_yes_has_a_plan_that_the_checker_accepts() -> None:
    made = draw(day(), 1)
    problem = made.accepted(cut(made, quotas(2, 1)))
    judged = served_jointly(problem)
    assert judged.served is Served.YES
    assert judged.orders is not None
    plan = timed(problem, judged.orders)
    assert not violations(problem, plan)
    assert plan.unassigned == ()
    assert served_jointly(made.accepted([])).served is Served.YES


def test_what_cannot_be_served_is_proved() -> None:
    """Korba is wide: days that are full in every slot fail for travel alone."""
    wide = day("korba", 8.0, 0.1)
    steps = set()
    for seed in range(1, 13):
        made = draw(wide, seed)
        judged = served_jointly(made.accepted(cut(made, quotas(8, 2))))
        steps.add((judged.served, judged.step))
        assert (judged.orders is None) == (judged.served is not Served.YES)
    assert (Served.NO, "columns") in steps
    assert all(served is not Served.UNKNOWN for served, _ in steps)


def test_a_plan_is_run_with_drawn_times_alike_for_a_seed() -> None:
    made = draw(day("korba"), 1)
    problem = made.accepted(cut(made, quotas(2, 1)))
    judged = served_jointly(problem)
    assert judged.orders is not None
    plan = timed(problem, judged.orders)
    runs = [executed(made, plan, seed) for seed in range(1, 61)]
    assert runs == [executed(made, plan, seed) for seed in range(1, 61)]
    assert all(run.visits == len(problem.visits) for run in runs)
    assert all(run.begun_late <= run.ended_late <= run.visits for run in runs)
    assert all((run.late_s > 0) == (run.ended_late > 0) for run in runs)
    assert 0 < sum(run.ended_late for run in runs) / sum(run.visits for run in runs) < 0.1
