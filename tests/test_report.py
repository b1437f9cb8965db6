"""The report: figures by hand, each reason by hand, and every proved reason held against all plans of small days."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.arrays import day_arrays
from optimizer.domain import Appointment, DayPlan, Delivery, Executive, Problem, Status
from optimizer.objective import cost
from optimizer.report import (
    Alone,
    Alternative,
    DeliveryLeft,
    Proof,
    Reason,
    ReasonCode,
    explain_visit,
    kpis,
    reasons,
)
from optimizer.report.alone import shortest_s
from optimizer.report.nouns import lasting, listed
from optimizer.timing import earliest_end_s, timed, timed_route
from tests.builders import FREE, appointment, delivery, executive, pause, place, plan, problem, s
from tests.strategies import Orders, days_with_orders, fits, problems, tight_day, tight_days

# --------------------------------------------------------------------------- all plans of a small day

Visits = frozenset[str]


def all_orders(day: Problem, who: Executive) -> list[tuple[str, ...]]:
    """Every order of visits the executive could run without breaking a rule, the empty one where it is allowed."""
    free = [v.visit_id for v in day.visits if v.visit_id not in who.fixed_prefix and day.obstacle(who, v) is None]
    found: list[tuple[str, ...]] = [] if who.fixed_prefix else [()]
    for size in range(len(free) + 1):
        for tail in permutations(free, size):
            order = (*who.fixed_prefix, *tail)
            if order and keeps_slots(day, who, order) and runs(day, who, order):
                found.append(order)
    return found


def keeps_slots(day: Problem, who: Executive, order: tuple[str, ...]) -> bool:
    return all(fits(day, who, order[:position], visit_id) for position, visit_id in enumerate(order))


def runs(day: Problem, who: Executive, order: tuple[str, ...]) -> bool:
    rows = np.array([day.visit_row[v] for v in order], dtype=np.int64)
    end_s = earliest_end_s(day_arrays(day), day.executive_row[who.executive_id], rows)
    return bool(end_s <= who.shift.latest_end_s)


def all_served(day: Problem) -> set[Visits]:
    """The sets of visits that the plans of a day serve, over all plans without violations but broken promises."""
    served: set[Visits] = {frozenset()}
    for who in day.executives:
        own = {frozenset(order) for order in all_orders(day, who)}
        served = {before | new for before in served for new in own if not before & new}
    return served


def order_cost_s(day: Problem, executive_id: str, order: tuple[str, ...]) -> int:
    route = timed_route(day, executive_id, order) if order else None
    return cost(day, DayPlan((route,), ())).second_level_s if route is not None else 0


def best_plans(day: Problem) -> dict[Visits, tuple[int, Orders]]:
    """For each set of visits that can be served together the least cost of its routes, and the orders."""
    best: dict[Visits, tuple[int, Orders]] = {frozenset(): (0, {})}
    for who in day.executives:
        own: dict[Visits, tuple[int, tuple[str, ...]]] = {}
        for order in all_orders(day, who):
            offer = order_cost_s(day, who.executive_id, order), order
            own[frozenset(order)] = min(own.get(frozenset(order), offer), offer)
        joined: dict[Visits, tuple[int, Orders]] = {}
        for before, (cost_s, orders) in best.items():
            for new, (more_s, order) in own.items():
                if not before & new:
                    both = cost_s + more_s, {**orders, who.executive_id: order}
                    joined[before | new] = min(joined.get(before | new, both), both, key=lambda offer: offer[0])
        best = joined
    return best


# ---------------------------------------------------------------------------------------- figures


def test_the_figures_of_a_plan_are_these() -> None:
    day = problem(
        [
            appointment("A1", "09:00", 600, 0),
            appointment("A2", "11:00", 600, 300, weight=3),
            appointment("A3", "11:00", skills=["kit"]),
            delivery("D1", price_s=700),
            delivery("D2", 0, 300),
        ],
        [
            executive("E1", rest=pause(30, "10:00", "10:30")),
            executive("E2", "12:00", "13:00", overtime_s=3_600),
            executive("E3", "08:00", "16:00", start=place("home", 0, 60)),
        ],
        margin_pct=100,
    )
    made = plan(day, E1="A1 A2", E2="D2")
    figures = kpis(day, made)
    assert (figures.appointments, figures.served_appointments) == (3, 2)
    assert (figures.broken_promises, figures.broken_promises_weight) == (1, 1)
    assert (figures.deliveries, figures.served_deliveries) == (2, 1)
    assert figures.left_deliveries == (DeliveryLeft("D1", 700, None),)
    assert figures.left_price_s == 700
    assert (figures.executives, figures.idle_executives) == (3, 1)
    # E1: 600 + 300 + hypot(600, 300) = 671, E2: 300 there and back; clocks take twice as long.
    assert figures.travel_s == 600 + 300 + 671 + 600
    assert figures.drive_s == 2 * figures.travel_s
    assert figures.distance_m == 7 * figures.travel_s
    assert figures.service_s == 1_200 + 1_200 + 300
    assert figures.break_s == 1_800
    # From 09:20 to 11:00 less 30 minutes of break and 10 of travel.
    assert figures.waiting_s == 60 * 60
    assert (figures.busy_min_s, figures.busy_max_s) == (900, 3_971)
    assert (figures.busy_mean_s, figures.busy_spread_s) == ((900 + 3_971) // 2, 3_971 - 900)
    assert (figures.overtime_s, figures.overtime_executives) == (0, 0)
    used = {use.slot.open_s: use for use in figures.slots}
    assert len(used) == 12
    nine, eleven, noon = used[s("09:00")], used[s("11:00")], used[s("12:00")]
    assert (nine.appointments, nine.served, nine.executives, nine.utilisation) == (1, 1, 2, 0.5)
    assert (eleven.appointments, eleven.served, eleven.executives, eleven.utilisation) == (2, 1, 2, 1.0)
    assert (noon.appointments, noon.served, noon.executives, noon.utilisation) == (0, 0, 3, 0.0)
    assert used[s("19:00")].utilisation is None


def test_a_break_before_departure_or_after_return_is_no_waiting() -> None:
    day = problem(
        [appointment("A1", "09:00", 600, 0)],
        [executive("E1", rest=pause(30, "08:00", "08:05"))],
    )
    figures = kpis(day, plan(day, E1="A1"))
    assert (figures.break_s, figures.waiting_s) == (1_800, 0)


def test_overtime_is_summed_and_counted() -> None:
    day = problem([delivery("D1", 600, 0, windows=[("15:55", "16:00")])], [executive("E1", overtime_s=3_600)])
    figures = kpis(day, plan(day, E1="D1"))
    assert (figures.overtime_s, figures.overtime_executives) == (600, 1)


def test_a_day_without_anything_has_figures() -> None:
    figures = kpis(problem(), DayPlan((), ()))
    assert (figures.busy_min_s, figures.busy_mean_s, figures.busy_spread_s, figures.waiting_s) == (0, 0, 0, 0)
    assert all(use.utilisation is None for use in figures.slots)


@given(days_with_orders(problems(min_executives=1)))
def test_no_figure_is_negative_and_the_sums_agree_with_the_cost(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    made = timed(day, orders)
    figures, total = kpis(day, made), cost(day, made)
    for name in ("waiting_s", "drive_s", "break_s", "service_s", "busy_min_s", "busy_spread_s", "idle_executives"):
        assert getattr(figures, name) >= 0, name
    assert figures.travel_s == total.travel_s
    assert figures.left_price_s == total.waiting_deliveries_s
    assert figures.broken_promises_weight == total.broken_promises
    assert sum(use.appointments for use in figures.slots) == figures.appointments
    assert sum(use.served for use in figures.slots) == figures.served_appointments
    assert figures.served_deliveries + len(figures.left_deliveries) == figures.deliveries


# --------------------------------------------------------------------------- reasons, one by one


def only_reason(day: Problem, made: DayPlan, visit_id: str, status: Status = Status.FEASIBLE) -> Reason:
    (reason,) = reasons(day, made, status)[visit_id]
    return reason


NOBODY = DayPlan((), ())


def left_out(day: Problem) -> DayPlan:
    return DayPlan((), tuple(v.visit_id for v in day.visits))


def test_without_executives_every_visit_has_that_reason() -> None:
    day = problem([appointment("A1"), delivery("D1")])
    found = reasons(day, left_out(day), Status.INFEASIBLE)
    assert {(v, r.code, r.proof) for v, rs in found.items() for r in rs} == {
        ("A1", ReasonCode.NO_EXECUTIVE, Proof.PROVED),
        ("D1", ReasonCode.NO_EXECUTIVE, Proof.PROVED),
    }


def test_a_skill_nobody_has_is_named() -> None:
    day = problem([appointment("A1", skills=["kit"])], [executive("E1"), executive("E2", skills=["notary"])])
    assert only_reason(day, left_out(day), "A1") == Reason(
        ReasonCode.SKILL_MISSING,
        Proof.PROVED,
        2,
        "executives",
        "no executive has what A1 needs (kit)",
        ("E1", "E2"),
    )


def test_a_pin_to_an_executive_off_shift_gives_both_reasons_the_nearer_one_first() -> None:
    day = problem([appointment("A1", "10:00", pinned_to="E2")], [executive("E1"), executive("E2", "12:00", "18:00")])
    first, second = reasons(day, left_out(day), Status.UNKNOWN)["A1"]
    assert (first.code, first.amount, first.unit, first.executives) == ("outside_shift", 4_800, "s", ("E2",))
    assert first.text == "A1 lies outside the shift of E2, by 80 minutes at least"
    assert (second.code, second.executives, second.proof) == ("pinned_elsewhere", ("E1",), "proved")


def test_an_envelope_at_the_office_is_out_of_reach_for_who_starts_at_home() -> None:
    day = problem([delivery("D1")], [executive("E1", start=place("home"))])
    reason = only_reason(day, left_out(day), "D1")
    assert (reason.code, reason.proof) == ("envelope_elsewhere", "proved")
    assert reason.text == "the envelope of D1 lies at the office, where E1 would not start"


def test_an_envelope_in_other_hands_is_named_with_its_holder() -> None:
    day = problem([delivery("D1", held_by="E2", skills=["kit"])], [executive("E1", skills=["kit"]), executive("E2")])
    first, second = reasons(day, left_out(day), Status.FEASIBLE)["D1"]
    assert (first.code, first.text) == ("envelope_elsewhere", "the envelope of D1 is with E2, not with E1")
    assert (second.code, second.text) == ("skill_missing", "E2 lacks what D1 needs (kit)")


@pytest.mark.parametrize(
    ("opens", "closes", "code", "short_s"),
    [
        ("08:00", "10:50", "unreachable_in_time", 0),
        ("08:00", "10:20", "unreachable_in_time", 4_800),
        ("08:00", "10:19:59", "outside_shift", 1),
        ("10:35", "16:00", "unreachable_in_time", 4_500),
        ("10:40:01", "16:00", "outside_shift", 1),
    ],
)
def test_off_shift_and_out_of_reach_are_told_apart_with_the_seconds_missing(
    opens: str, closes: str, code: str, short_s: int
) -> None:
    """A1 takes 20 minutes in 10:00-11:00, 80 minutes of travel (with the margin) from the office."""
    day = problem([appointment("A1", "10:00", 2_400, 0)], [executive("E1", opens, closes)], margin_pct=100)
    reason = only_reason(day, left_out(day), "A1")
    expected = short_s or s("11:40") - s("10:50")
    assert (reason.code, reason.amount, reason.unit, reason.proof) == (code, expected, "s", "proved")


def test_a_break_can_be_what_is_in_the_way() -> None:
    """Half an hour that must begin between 10:00 and 10:30, with a service of an hour from 10:00 on."""
    day = problem(
        [appointment("A1", "10:00", 60, 0, service_s=3_600)], [executive("E1", rest=pause(30, "09:45", "10:30"))]
    )
    reason = only_reason(day, left_out(day), "A1")
    # The break could be over at 10:15; service would have to begin at 10:00.
    assert (reason.code, reason.amount, reason.proof) == ("break_in_the_way", 900, "proved")
    assert reason.text == "E1 could reach A1 in time, but not with the break that is due: 15 minutes short"


def test_a_break_on_the_way_at_another_visit_is_no_barrier() -> None:
    """Alone the break fits nowhere, but D1 halfway makes room for it: nothing may be called proved."""
    day = problem(
        [appointment("A1", "10:00", 7_200, 0, service_s=60), delivery("D1", 3_600, 0, service_s=0)],
        [executive("E1", "07:30", "16:00", rest=pause(15, "08:15", "09:00"))],
    )
    assert timed_route(day, "E1", ["A1"]) is not None  # at the start place, until 08:30
    late = replace(day, executives=(executive("E1", "08:00", "16:00", rest=pause(15, "08:30", "09:10")),))
    assert timed_route(late, "E1", ["A1"]) is not None
    tight = replace(day, visits=(appointment("A1", "10:00", 7_200, 0, service_s=3_000), day.visits[1]))
    tight = replace(tight, executives=(executive("E1", "07:50", "16:00", rest=pause(15, "08:30", "09:10")),))
    assert timed_route(tight, "E1", ["A1"]) is None
    assert timed_route(tight, "E1", ["D1", "A1"]) is not None
    assert only_reason(tight, DayPlan((), ("A1", "D1")), "A1").proof is Proof.HEURISTIC


def test_a_detour_may_be_quicker_and_is_no_barrier() -> None:
    """Straight to A1 takes a day, over D1 ten minutes."""
    legs = {("office", "A1"): 80_000, ("A1", "office"): 80_000}
    day = problem([appointment("A1", "10:00", 600, 0), delivery("D1", 300, 0)], [executive("E1")], legs=legs)
    assert timed_route(day, "E1", ["A1"]) is None
    reason = only_reason(day, left_out(day), "A1")
    assert (reason.code, reason.proof) == ("no_room_in_plan", "heuristic")


def test_more_appointments_than_executives_who_could_serve_them_are_proved_too_many() -> None:
    day = problem(
        [
            appointment("A1", "10:00", skills=["kit"]),
            appointment("A2", "10:00", skills=["kit"]),
            appointment("A3", "10:00"),
            appointment("A4", "11:00", skills=["kit"]),
        ],
        [executive("E1", skills=["kit"]), executive("E2"), executive("E3")],
    )
    made = plan(day, E1="A1 A4", E2="A3")
    reason = only_reason(day, made, "A2")
    assert (reason.code, reason.proof, reason.amount, reason.unit) == ("slot_full", "proved", 2, "appointments")
    assert (reason.visits, reason.executives) == (("A1", "A2"), ("E1",))
    assert reason.text == (
        "slot 10:00-11:00 is full, at one service for each executive: 2 appointments (A1 and A2), "
        "but only E1 could serve any of them"
    )


def test_a_slot_is_not_proved_full_while_an_exchange_could_make_room() -> None:
    """E2 could serve A1, so that E1 would be free for A2."""
    day = problem(
        [appointment("A1", "10:00"), appointment("A2", "10:00", skills=["kit"])],
        [executive("E1", skills=["kit"]), executive("E2")],
    )
    reason = only_reason(day, plan(day, E1="A1"), "A2")
    assert (reason.code, reason.proof, reason.executives) == ("slot_full", "heuristic", ("E1",))
    assert reason.text == "slot 10:00-11:00 is full in this plan: E1, who could serve A2, has another appointment in it"


def test_a_slot_fixed_by_prefixes_is_proved_full() -> None:
    day = problem(
        [appointment("A1", "10:00"), appointment("A2", "10:00"), appointment("A3", "10:00")],
        [executive("E1", prefix=["A1"]), executive("E2", prefix=["A3"])],
    )
    reason = only_reason(day, plan(day, E1="A1", E2="A3"), "A2")
    assert (reason.code, reason.proof, reason.visits, reason.executives) == ("slot_full", "proved", ("A2",), ())


def test_a_delivery_that_costs_more_than_waiting_is_cheaper_later_and_says_by_how_much() -> None:
    day = problem([delivery("D1", 1_000, 0, price_s=1_500)], [executive("E1")], prices=FREE)
    reason = only_reason(day, left_out(day), "D1")
    assert (reason.code, reason.proof, reason.amount, reason.unit) == (
        "cheaper_later",
        "heuristic",
        500,
        "cost seconds",
    )
    assert reason.text == (
        "cheaper later: the cheapest place for D1, with E1, costs 2000 cost seconds, "
        "500 more than waiting for another day (1500)"
    )
    assert only_reason(day, left_out(day), "D1", Status.OPTIMAL).proof is Proof.PROVED


@pytest.mark.parametrize("price_s", [2_001, 5_000])
def test_a_plan_that_leaves_out_what_would_pay_is_told_so(price_s: int) -> None:
    day = problem([delivery("D1", 1_000, 0, price_s=price_s), appointment("A1")], [executive("E1")], prices=FREE)
    found = reasons(day, left_out(day), Status.UNKNOWN)
    assert [(r.code, r.amount, r.executives) for r in found["D1"]] == [("room_left", 2_000, ("E1",))]
    assert [(r.code, r.amount) for r in found["A1"]] == [("room_left", 0)]


def test_a_route_without_time_for_a_visit_is_no_proof() -> None:
    day = problem(
        [appointment("A1", "10:00", service_s=3_600), delivery("D1", windows=[("10:01", "10:59")])],
        [executive("E1")],
    )
    reason = only_reason(day, plan(day, E1="A1"), "D1")
    assert (reason.code, reason.proof, reason.executives) == ("no_room_in_plan", "heuristic", ("E1",))


# ------------------------------------------------------------------ proved reasons against all plans


SMALL = st.one_of(tight_days(), problems(min_visits=1, max_visits=4, min_executives=1, max_executives=3))
TIGHT_DAYS = 2_000


@given(days_with_orders(SMALL))
def test_what_is_proved_holds_in_every_plan_of_the_day(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    served = all_served(day)
    everybody = tuple(e.executive_id for e in day.executives)
    made = timed(day, orders)
    assert frozenset(v for order in orders.values() for v in order) in served
    for visit_id, found in reasons(day, made, Status.UNKNOWN).items():
        assert found
        for reason in found:
            if reason.proof is Proof.PROVED and reason.code is ReasonCode.SLOT_FULL:
                assert visit_id in reason.visits
                assert not any(set(reason.visits) <= plan_serves for plan_serves in served)
            elif reason.proof is Proof.PROVED:
                assert not any(visit_id in plan_serves for plan_serves in served)
        barred = [r for r in found if r.proof is Proof.PROVED and r.code is not ReasonCode.SLOT_FULL]
        if barred:
            assert barred == list(found)
            assert sorted(e for r in barred for e in r.executives) == sorted(everybody)
            assert all(r.amount > 0 for r in barred)


def test_on_thousands_of_tight_days_nothing_proved_is_false() -> None:
    """Days at the edge, plans dealt at random, every third day with all its appointments in one slot."""
    proved = Counter[ReasonCode]()
    for seed in range(TIGHT_DAYS):
        day = tight_day(seed)
        if seed % 3 == 0 and day.appointments:
            slot = day.appointments[0].slot
            day = replace(
                day, visits=tuple(replace(v, slot=slot) if isinstance(v, Appointment) else v for v in day.visits)
            )
        served = all_served(day)
        for visit_id, found in reasons(day, dealt_at_random(day, seed), Status.UNKNOWN).items():
            for reason in found:
                if reason.proof is Proof.PROVED:
                    proved[reason.code] += 1
                    names = reason.visits if reason.code is ReasonCode.SLOT_FULL else {visit_id}
                    assert not any(plan_serves.issuperset(names) for plan_serves in served), (seed, reason)
    assert min(proved[code] for code in PROVABLE) >= 50


PROVABLE = (
    ReasonCode.OUTSIDE_SHIFT,
    ReasonCode.UNREACHABLE_IN_TIME,
    ReasonCode.BREAK_IN_THE_WAY,
    ReasonCode.ENVELOPE_ELSEWHERE,
    ReasonCode.PINNED_ELSEWHERE,
    ReasonCode.SLOT_FULL,
)


def dealt_at_random(day: Problem, seed: int) -> DayPlan:
    """Seven of ten visits, each into the first route, at a random place, where it can be run."""
    rng = np.random.default_rng(seed)
    orders: dict[str, tuple[str, ...]] = {}
    for row in rng.permutation(len(day.visits)):
        visit_id = day.visits[row].visit_id
        if rng.random() < 0.3:
            continue
        for who in (day.executives[e] for e in rng.permutation(len(day.executives))):
            before = orders.get(who.executive_id, ())
            position = int(rng.integers(0, len(before) + 1))
            longer = (*before[:position], visit_id, *before[position:])
            if fits(day, who, before, visit_id) and runs(day, who, longer):
                orders[who.executive_id] = longer
                break
    return timed(day, orders)


@given(problems(min_visits=3, max_visits=4, min_executives=1, max_executives=2, deliveries=False, prefixes=False))
def test_crowded_slots_proved_full_are_full_in_every_plan(day: Problem) -> None:
    """All appointments in one slot, and a plan that serves as many as can be."""
    slot = day.appointments[0].slot
    crowded = replace(day, visits=tuple(replace(a, slot=slot) for a in day.appointments))
    plans = best_plans(crowded)
    served = all_served(crowded)
    assert set(plans) == served
    _, orders = plans[max(served, key=len)]
    for visit_id, (first, *_) in reasons(crowded, timed(crowded, orders), Status.INFEASIBLE).items():
        if first.code is ReasonCode.SLOT_FULL and first.proof is Proof.PROVED:
            assert visit_id in first.visits
            assert not any(set(first.visits) <= plan_serves for plan_serves in served)
            assert len(first.executives) < len(first.visits)


@given(days_with_orders(SMALL))
def test_amounts_of_insertion_are_exact(drawn: tuple[Problem, Orders]) -> None:
    """Cheaper later, room left and no room are what trying every place of every route gives."""
    day, orders = drawn
    for visit_id, found in reasons(day, timed(day, orders), Status.UNKNOWN).items():
        visit = day.visit_by_id[visit_id]
        extras = [
            order_cost_s(day, who.executive_id, longer) - order_cost_s(day, who.executive_id, order)
            for who in day.executives
            for order in [orders.get(who.executive_id, ())]
            for position in range(len(who.fixed_prefix), len(order) + 1)
            for longer in [(*order[:position], visit_id, *order[position:])]
            if keeps_slots(day, who, longer) and runs(day, who, longer)
        ]
        (first, *_) = found
        if first.code is ReasonCode.ROOM_LEFT:
            assert first.amount == min(extras)
            assert isinstance(visit, Appointment) or first.amount < day.waiting_price_s(visit)
        elif first.code is ReasonCode.CHEAPER_LATER:
            assert isinstance(visit, Delivery)
            assert first.amount == min(extras) - day.waiting_price_s(visit) >= 0
        else:
            assert not extras


@given(problems(min_visits=2, max_visits=4, min_executives=1, max_executives=2, prefixes=False))
def test_in_an_optimal_plan_cheaper_later_holds_for_every_plan_that_keeps_all_promises(day: Problem) -> None:
    promised = {a.visit_id for a in day.appointments}
    kept = {
        served: (cost_s + sum(day.waiting_price_s(d) for d in day.deliveries if d.visit_id not in served), orders)
        for served, (cost_s, orders) in best_plans(day).items()
        if promised <= served
    }
    if not kept:
        return
    best_s, orders = min(kept.values(), key=lambda offer: offer[0])
    made = timed(day, orders)
    assert cost(day, made).second_level_s == best_s
    for visit_id, found in reasons(day, made, Status.OPTIMAL).items():
        codes = {r.code for r in found}
        assert ReasonCode.ROOM_LEFT not in codes
        if ReasonCode.CHEAPER_LATER in codes:
            assert {r.proof for r in found} == {Proof.PROVED}
            assert all(cost_s >= best_s for served, (cost_s, _) in kept.items() if visit_id in served)


@given(problems(min_visits=1, min_executives=1, breaks=False, prefixes=False, triangle=True))
def test_where_no_detour_is_quicker_barriers_are_exact(day: Problem) -> None:
    """Without breaks there is no barrier exactly where the executive could serve the visit with nothing else to do."""
    alone = Alone(day)
    for who in day.executives:
        for visit in day.visits:
            could = day.obstacle(who, visit) is None and timed_route(day, who.executive_id, [visit.visit_id])
            assert (alone.barrier(who, visit) is None) == bool(could)


@given(st.integers(0, 10_000), st.integers(1, 9))
def testshortest_seconds_are_those_of_all_paths(seed: int, size: int) -> None:
    seconds = np.random.default_rng(seed).integers(0, 50, (size, size), dtype=np.int32)
    np.fill_diagonal(seconds, 0)
    expected = seconds.astype(np.int64)
    for over in range(size):
        expected = np.minimum(expected, expected[:, [over]] + expected[[over], :])
    for source in range(size):
        assert shortest_s(seconds, source).tolist() == expected[source].tolist()


# --------------------------------------------------------------------------- explaining a served visit


@cache
def explained_day() -> tuple[Problem, DayPlan]:
    day = problem(
        [
            appointment("A1", "09:00", 600, 0, skills=["kit"]),
            appointment("A2", "10:00", 600, 0, skills=["kit"]),
            appointment("A3", "10:00", 0, 600),
            appointment("A4", "11:00", pinned_to="E1"),
        ],
        [
            executive("E1", skills=["kit"]),
            executive("E2", skills=["kit"]),
            executive("E3", "13:00", "18:00", skills=["kit"]),
            executive("E4"),
            executive("E5", skills=["kit"]),
        ],
        prices=FREE,
    )
    return day, plan(day, E1="A1 A2 A4", E2="A3")


def test_a_served_visit_is_explained_by_what_it_adds_and_who_else_could_take_it() -> None:
    day, made = explained_day()
    told = explain_visit(day, made, "A1")
    assert told is not None
    assert (told.executive_id, told.sequence, told.stops, told.adds_s, told.fixed) == ("E1", 1, 3, 0, False)
    assert told.others[:2] == (Alternative("E5", 1_200), Alternative("E2", 600 + 849 - 600))[::-1]
    assert [(other.executive_id, other.code, other.proof) for other in told.others[2:]] == [
        ("E3", "outside_shift", "proved"),
        ("E4", "skill_missing", "proved"),
    ]
    assert told.text == (
        "A1 is stop 1 of 3 of E1; it adds 0 cost seconds; as this plan is, 2 others could take it: E2 and E5"
    )
    assert [other.text for other in told.others] == [
        "E2 could take it for 849 cost seconds",
        "E5 could take it for 1200 cost seconds",
        "E3: not on shift then (200 minutes short)",
        "E4: lacks kit",
    ]


def test_an_executive_with_another_appointment_in_the_slot_is_named_with_it() -> None:
    day, made = explained_day()
    told = explain_visit(day, made, "A2")
    assert told is not None
    (second,) = [other for other in told.others if other.executive_id == "E2"]
    assert (second.code, second.proof, second.about) == ("slot_full", "heuristic", "A3")
    assert second.text == "E2: has A3 in this slot"


def test_a_pinned_visit_could_be_taken_by_nobody_else() -> None:
    day, made = explained_day()
    told = explain_visit(day, made, "A4")
    assert told is not None
    assert {other.code for other in told.others} == {ReasonCode.PINNED_ELSEWHERE}
    assert told.text.endswith("as this plan is, nobody else could take it")


def test_a_fixed_visit_is_called_fixed() -> None:
    day = problem([appointment("A1")], [executive("E1", prefix=["A1"]), executive("E2")])
    told = explain_visit(day, plan(day, E1="A1"), "A1")
    assert told is not None
    assert told.fixed
    assert told.others == (Alternative("E2", None, ReasonCode.FIXED_ELSEWHERE, Proof.PROVED, 0, "E1"),)
    assert told.others[0].text == "E2: the visit is fixed on the route of E1"


def test_a_visit_without_which_the_route_could_not_be_run_adds_no_number() -> None:
    legs = {("office", "A1"): 80_000, ("A1", "office"): 80_000}
    day = problem([appointment("A1", "10:00", 600, 0), delivery("D1", 300, 0)], [executive("E1")], legs=legs)
    day = replace(day, visits=(*day.visits, delivery("D2", 300, 0, at=place("D1", 300, 0))))
    told = explain_visit(day, plan(day, E1="D1 A1 D2"), "D1")
    assert told is not None
    assert told.adds_s is None
    assert "the route could not be run without it" in told.text


def test_a_visit_on_no_route_has_no_explanation_but_reasons() -> None:
    day, _ = explained_day()
    assert explain_visit(day, left_out(day), "A1") is None
    with pytest.raises(KeyError):
        explain_visit(day, left_out(day), "ghost")


@given(days_with_orders(SMALL))
def test_explanations_are_exact(drawn: tuple[Problem, Orders]) -> None:
    day, orders = drawn
    made = timed(day, orders)
    for route in made.routes:
        for position, visit_id in enumerate(route.visit_ids):
            told = explain_visit(day, made, visit_id)
            assert told is not None
            assert (told.executive_id, told.sequence, told.stops) == (
                route.executive_id,
                position + 1,
                len(route.stops),
            )
            without = route.visit_ids[:position] + route.visit_ids[position + 1 :]
            if told.adds_s is not None:
                assert told.adds_s == order_cost_s(day, route.executive_id, route.visit_ids) - order_cost_s(
                    day, route.executive_id, without
                )
            assert {other.executive_id for other in told.others} == {
                e.executive_id for e in day.executives if e.executive_id != route.executive_id
            }
            for other in told.others:
                assert (other.extra_s is None) == (other.code is not None)
                assert other.text
                if other.proof is Proof.PROVED:
                    who = day.executive_by_id[other.executive_id]
                    fixed = other.code is ReasonCode.FIXED_ELSEWHERE
                    assert fixed or not any(visit_id in order for order in all_orders(day, who))


# ---------------------------------------------------------------------------------------- in words


def test_ids_and_times_in_words() -> None:
    assert [listed(["a", "b", "c", "d", "e"][:n]) for n in range(6)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
        "a, b, c and d",
        "a, b, c and 2 more",
    ]
    assert [lasting(seconds) for seconds in (1, 119, 120, 121, 3_600)] == [
        "1 second",
        "119 seconds",
        "2 minutes",
        "3 minutes",
        "60 minutes",
    ]
