"""The OR-Tools routing engine: one test per rule, and every rule on random days."""

from hypothesis import given, settings

from optimizer.check import ViolationCode, violations
from optimizer.domain import Prices, Problem, Visit
from optimizer.engines.routing import routing
from optimizer.objective import broken_promises, cost
from optimizer.stop import StopAt
from optimizer.timing import timed
from tests.builders import FREE, appointment, delivery, executive, fair, pause, place, problem
from tests.exact import best_plan
from tests.strategies import problems

ONE = 12  # a first plan, then a few rounds


def planned(day: Problem, iterations: int = ONE, seed: int = 1) -> dict[str, tuple[str, ...]]:
    result = routing(day, StopAt(iterations), seed=seed)
    assert result is not None
    return dict(result.orders)


def test_two_short_appointments_of_one_slot_need_two_executives() -> None:
    day = problem([appointment("A1"), appointment("A2")], [executive("E1")])
    assert len(broken_promises(day, timed(day, planned(day)))) == 1
    both = problem([appointment("A1"), appointment("A2")], [executive("E1"), executive("E2")])
    assert broken_promises(both, timed(both, planned(both))) == ()


def test_a_delivery_between_two_appointments_does_not_hide_that_they_share_a_slot() -> None:
    visits: list[Visit] = [
        appointment("A1", service_s=60),
        appointment("A2", service_s=60),
        delivery("D1", service_s=60),
    ]
    day = problem(visits, [executive("E1")], prices=FREE)
    assert len(planned(day)["E1"]) == 2


def test_skills_pins_and_envelopes_say_who_may_come() -> None:
    visits: list[Visit] = [
        appointment("A1", "09:00", skills=["kit"]),
        appointment("A2", "10:00", pinned_to="E2"),
        delivery("D1", 100, price_s=9_000, held_by="E1"),
        delivery("D2", 100, price_s=9_000),
    ]
    home = place("home", 50)
    staff = [executive("E1", start=home, skills=["kit"]), executive("E2", closes="17:00")]
    orders = planned(problem(visits, staff, prices=FREE))
    assert set(orders["E1"]) == {"A1", "D1"}
    assert set(orders["E2"]) == {"A2", "D2"}


def test_a_delivery_waits_where_that_is_cheaper() -> None:
    staff = [executive("E1")]
    assert planned(problem([delivery("D1", 1_000, price_s=1_999)], staff, prices=FREE)) == {}
    assert planned(problem([delivery("D1", 1_000, price_s=2_001)], staff, prices=FREE)) == {"E1": ("D1",)}


def test_one_of_several_windows_is_enough_and_the_gap_between_them_is_kept() -> None:
    first = appointment("A1", "10:00", service_s=3_600)
    split = delivery(
        "D1", windows=[("09:50", "09:55"), ("10:30", "10:40"), ("12:00", "12:30")], price_s=9_000, service_s=900
    )
    day = problem([first, split], [executive("E1")], prices=FREE)
    plan = timed(day, planned(day))
    (route,) = plan.routes
    assert route.visit_ids == ("A1", "D1")


def test_breaks_are_kept_between_appointments() -> None:
    visits = [appointment(f"A{n}", f"{9 + n:02d}:00", service_s=2_400) for n in range(6)]
    day = problem(visits, [executive("E1", rest=pause(20, "12:00", "14:00"))], prices=FREE)
    plan = timed(day, planned(day))
    assert broken_promises(day, plan) == ()
    assert plan.routes[0].pause is not None


def test_an_executive_whose_break_has_no_place_stays_at_the_office() -> None:
    day = problem([appointment("A1")], [executive("E1", rest=pause(30, "16:30", "17:00"))])
    assert planned(day) == {}


def test_overtime_is_used_only_when_it_is_worth_it() -> None:
    staff = [executive("E1", overtime_s=3_600)]
    assert planned(problem([appointment("A1", "15:00", 1_500, service_s=3_000)], staff)) == {"E1": ("A1",)}
    late = [("15:50", "15:55")]
    assert planned(problem([delivery("D1", 600, windows=late, price_s=1_801)], staff)) == {"E1": ("D1",)}
    assert planned(problem([delivery("D1", 600, windows=late, price_s=1_799)], staff)) == {}


def test_work_is_spread_where_fairness_is_priced() -> None:
    visits = [appointment(f"A{n}", f"{8 + n:02d}:00", service_s=3_000) for n in range(6)]
    day = problem(visits, [executive("E1"), executive("E2")], prices=Prices(fairness=(fair("02:30", 1_000),)))
    assert cost(day, timed(day, planned(day))).fairness_s == 0


def test_continuity_brings_the_preferred_executive() -> None:
    visits = [appointment("A1", "09:00", 300), appointment("A2", "11:00", 300)]
    staff = [executive("E1"), executive("E2", prefers=["A2"])]
    alone = planned(problem(visits, staff, prices=FREE))
    assert sorted(len(order) for order in alone.values()) == [2]
    assert "A2" in planned(problem(visits, staff, prices=Prices(fairness=(), continuity_s=700)))["E2"]


def test_a_route_begins_with_its_prefix() -> None:
    visits: list[Visit] = [
        delivery("D1", 900, price_s=9_000),
        delivery("D2", 100, price_s=9_000),
        appointment("A1", "09:00"),
    ]
    orders = planned(problem(visits, [executive("E1", prefix=["D1", "D2"])], prices=FREE))
    assert orders["E1"][:2] == ("D1", "D2")


def test_slow_hours_are_not_driven_fast() -> None:
    slow_at_nine = tuple(500 if hour == 9 else 1_000 for hour in range(24))
    visits = [appointment("A1", "09:00", service_s=2_400), appointment("A2", "10:00", 1_500, service_s=3_000)]
    fast = problem(visits, [executive("E1")], prices=FREE)
    assert broken_promises(fast, timed(fast, planned(fast))) == ()
    slow = problem(visits, [executive("E1")], prices=FREE, pace=slow_at_nine)
    assert len(broken_promises(slow, timed(slow, planned(slow)))) == 1


def test_days_with_nothing_to_do_or_nobody_to_do_it_are_planned() -> None:
    assert planned(problem([], [executive("E1")])) == {}
    assert planned(problem([appointment("A1")], [])) == {}
    assert planned(problem([appointment("A1", skills=["kit"])], [executive("E1")])) == {}


def test_a_start_is_never_made_worse() -> None:
    visits = [appointment(f"A{n}", f"{8 + n:02d}:00", n * 100) for n in range(4)]
    day = problem(visits, [executive("E1"), executive("E2")], prices=FREE)
    start = {"E1": ("A0", "A2"), "E2": ("A1", "A3")}
    better = routing(day, StopAt(ONE), start=start)
    assert better is not None
    assert cost(day, timed(day, better.orders)) < cost(day, timed(day, start))
    _, best = best_plan(day)
    perfect = {route.executive_id: route.visit_ids for route in best.routes}
    kept = routing(day, StopAt(ONE), start=perfect)
    assert kept is not None
    assert cost(day, timed(day, kept.orders)) == cost(day, best)


def test_a_stop_before_the_first_step_leaves_nothing_or_the_start() -> None:
    day = problem([appointment("A1")], [executive("E1")])
    assert routing(day, StopAt(0)) is None
    kept = routing(day, StopAt(0), start={"E1": ("A1",)})
    assert kept is not None
    assert kept.orders == {"E1": ("A1",)}


def test_a_request_ends_the_iterated_search_and_keeps_its_best() -> None:
    visits = [appointment(f"A{n}", f"{8 + n % 7:02d}:00", 70 * n, 30 * (n % 5)) for n in range(20)]
    day = problem(visits, [executive(f"E{n}") for n in range(5)], prices=FREE)
    stop = StopAt(time_limit_s=120.0)
    told: list[str] = []

    def ask(phase: str, *_: object) -> None:
        told.append(phase)
        stop.request()

    result = routing(day, stop, on_progress=ask)
    assert result is not None
    assert told
    assert stop.elapsed_s() < 100.0
    assert broken_promises(day, timed(day, result.orders)) == ()


def test_the_same_seed_and_iterations_give_the_same_plan() -> None:
    visits = [appointment(f"A{n:02d}", f"{8 + n % 7:02d}:00", 97 * n % 800, 61 * n % 700) for n in range(25)]
    day = problem(visits, [executive(f"E{n}", rest=pause(30, "11:00", "14:00")) for n in range(6)])
    assert planned(day, 4, seed=5) == planned(day, 4, seed=5)


@settings(max_examples=40)
@given(problems(max_visits=7, max_executives=3))
def test_every_plan_breaks_nothing_but_the_promises_it_reports(day: Problem) -> None:
    plan = timed(day, planned(day))
    found = violations(day, plan, cost(day, plan))
    assert {v.code for v in found} <= {ViolationCode.PROMISE_BROKEN}
    assert {v.visit_id for v in found} == set(broken_promises(day, plan))
