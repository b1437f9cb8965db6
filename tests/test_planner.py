"""The planner: status, bounds and gap against the exact answer of tiny days, stopping, and honest refusals."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.check import ViolationCode, violations
from optimizer.domain import Executive, InvalidProblem, Limits, Problem, Progress, Result, Status
from optimizer.engines import EngineResult, OnProgress, Orders
from optimizer.objective import cost
from optimizer.planner import ENGINES, EngineDefect, UnknownEngine, gap, plan_day
from optimizer.stop import Stop, StopAt
from optimizer.timing import timed
from tests.builders import FREE, appointment, delivery, executive, problem
from tests.exact import best_plan
from tests.strategies import problems

FEW = Limits(None, iterations=3)


def planned(day: Problem, engine: str = "insertion", limits: Limits = FEW) -> Result:
    result = plan_day(day, limits, engine=engine)
    assert result is not None
    return result


def test_a_day_without_visits_is_optimal_and_free() -> None:
    result = planned(problem([], [executive("E1")]), "auto")
    assert (result.status, result.cost.second_level_s, result.lower_bound_s, result.gap) == (Status.OPTIMAL, 0, 0, 0.0)
    assert result.plan.routes == ()


def test_a_day_without_executives_breaks_every_promise_and_proves_it() -> None:
    result = planned(problem([appointment("A1"), appointment("A2", weight=4), delivery("D1")], []), "auto")
    assert result.status is Status.INFEASIBLE
    assert result.broken_promises == ("A1", "A2")
    assert result.cost.broken_promises == result.broken_promises_bound == 5
    assert result.gap is None
    assert result.plan.unassigned == ("A1", "A2", "D1")


def test_a_plan_at_its_bound_is_optimal() -> None:
    visits = [appointment(f"A{n}", f"{8 + n:02d}:00", 100 * n, service_s=600) for n in range(1, 5)]
    result = planned(problem(visits, [executive("E1")], prices=FREE), "auto")
    assert (result.status, result.cost.second_level_s, result.lower_bound_s, result.gap) == (
        Status.OPTIMAL,
        800,
        800,
        0.0,
    )


def test_a_day_with_deliveries_has_no_bound_and_is_feasible() -> None:
    result = planned(problem([appointment("A1", east_s=100), delivery("D1", 50)], [executive("E1")]))
    assert (result.status, result.lower_bound_s, result.gap) == (Status.FEASIBLE, None, None)


def test_too_many_promises_in_a_slot_are_proven_infeasible_and_the_rest_is_planned() -> None:
    day = problem([appointment("A1"), appointment("A2"), appointment("A3", "11:00")], [executive("E1")])
    result = planned(day, "auto")
    assert result.status is Status.INFEASIBLE
    assert (len(result.broken_promises), result.broken_promises_bound) == (1, 1)
    assert len(result.plan.unassigned) == 1


def test_where_a_promise_has_to_be_broken_the_cost_of_the_others_is_proven_too() -> None:
    visits = [appointment("A1", east_s=900), appointment("A2", east_s=300), appointment("A3", "11:00", 100)]
    day = problem([*visits, delivery("D1", 200, price_s=5_000)], [executive("E1")], prices=FREE)
    heard: list[Progress] = []
    result = plan_day(day, Limits(None, iterations=100), on_progress=heard.append)
    assert result is not None
    bounds = [message.lower_bound_s for message in heard if message.lower_bound_s is not None]
    assert bounds == sorted(bounds)
    assert (bounds[-1], heard[-1].gap, heard[-1].broken_promises_bound) == (600, 0.0, 1)
    assert (result.status, result.broken_promises, result.broken_promises_bound) == (Status.INFEASIBLE, ("A1",), 1)
    assert (result.cost.second_level_s, result.lower_bound_s, result.gap) == (600, 600, 0.0)
    assert gap(result.cost, 300, 1) == 0.5
    assert gap(result.cost, 300) is None


def test_the_gap_is_a_fraction_of_the_second_level() -> None:
    kept = planned(problem([appointment("A1", east_s=500)], [executive("E1")])).cost
    assert kept.second_level_s == 1_000
    assert gap(kept, 900) == 0.1
    assert gap(kept, None) is None
    assert gap(replace(kept, broken_promises=1), 900) is None


@pytest.mark.parametrize("engine", [*sorted(ENGINES), "auto"])
def test_an_engine_stopped_before_it_began_gives_nothing(engine: str) -> None:
    day = problem([appointment("A1")], [executive("E1")])
    assert plan_day(day, Limits(None, iterations=0), engine=engine) is None
    stop = StopAt()
    stop.request()
    assert plan_day(day, FEW, engine=engine, stop=stop) is None


def test_a_request_to_stop_keeps_the_best_plan_so_far() -> None:
    day = problem([appointment("A1"), delivery("D1", 500)], [executive("E1"), executive("E2")])
    stop = StopAt()

    def ask(progress: Progress) -> None:
        if progress.best is not None:
            stop.request()

    result = plan_day(day, Limits(60.0), stop=stop, on_progress=ask)
    assert result is not None
    assert result.broken_promises == ()
    assert result.engine == "insertion"


def test_each_better_plan_is_shown_before_the_message_that_tells_its_cost() -> None:
    visits = [appointment(f"A{n}", f"{9 + n % 4:02d}:00", 90 * n, 40 * n) for n in range(8)]
    day = problem(visits, [executive(f"E{n}") for n in range(3)])
    shown: list[Orders] = []
    told: list[tuple[int, Progress]] = []
    result = plan_day(day, FEW, on_better=shown.append, on_progress=lambda m: told.append((len(shown), m)))
    assert result is not None
    costs = [cost(day, timed(day, orders)) for orders in shown]
    assert costs
    assert all(later < earlier for earlier, later in itertools.pairwise(costs))
    assert all(message.best == (costs[count - 1] if count else None) for count, message in told)
    alone: list[Orders] = []
    plan_day(day, FEW, on_better=alone.append)
    assert alone == shown


@pytest.mark.parametrize("engine", [*sorted(ENGINES), "auto"])
def test_from_a_start_no_engine_ends_worse_not_even_stopped_at_once(engine: str) -> None:
    visits = [appointment(f"A{n}", f"{9 + n % 4:02d}:00", 90 * n, 40 * n) for n in range(8)]
    day = problem([*visits, delivery("D1", 300)], [executive(f"E{n}") for n in range(3)])
    best = planned(day, "ruin", Limits(None, iterations=10))
    start = {route.executive_id: route.visit_ids for route in best.plan.routes}
    shown: list[Orders] = []
    again = plan_day(day, FEW, engine=engine, start=start, on_better=shown.append)
    assert again is not None
    assert again.cost <= best.cost
    assert shown[0] == start
    stop = StopAt()
    stop.request()
    stopped = plan_day(day, FEW, engine=engine, stop=stop, start=start)
    assert stopped is not None
    assert (stopped.plan, stopped.cost) == (best.plan, best.cost)


def test_progress_tells_phases_and_never_a_worse_best() -> None:
    told: list[Progress] = []
    visits = [appointment(f"A{n}", f"{9 + n % 4:02d}:00", 90 * n, 40 * n) for n in range(8)]
    result = plan_day(problem(visits, [executive(f"E{n}") for n in range(3)]), FEW, on_progress=told.append)
    assert result is not None
    assert told[0].phase == "bound"
    costs = [progress.best for progress in told if progress.best is not None]
    assert costs
    assert all(later <= earlier for earlier, later in itertools.pairwise(costs))
    assert result.cost <= costs[-1]


def test_the_exact_engine_tells_how_many_columns_it_knows() -> None:
    told: list[Progress] = []
    visits = [appointment(f"A{n}", f"{9 + n % 4:02d}:00", 90 * n, 40 * n) for n in range(8)]
    day = problem(visits, [executive(f"E{n}") for n in range(3)])
    result = plan_day(day, Limits(None, iterations=60), engine="columns", on_progress=told.append)
    assert result is not None
    assert result.status is Status.OPTIMAL
    known = [progress.columns for progress in told if progress.columns is not None]
    assert known
    assert known[-1] >= len(result.plan.routes)
    bounds = [progress.lower_bound_s for progress in told if progress.lower_bound_s is not None]
    assert all(earlier <= later for earlier, later in itertools.pairwise(bounds))


def test_a_prefix_that_cannot_be_run_is_refused() -> None:
    visits = [appointment("A1", "10:00"), appointment("A2", "09:00")]
    with pytest.raises(InvalidProblem) as refused:
        planned(problem(visits, [executive("E1", prefix=["A1", "A2"])]))
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.code) == ("/executives/E1/fixed_prefix", "prefix_cannot_be_run")


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownEngine, match="auto, insertion, routing"):
        planned(problem(), "magic")


def test_a_plan_that_breaks_a_rule_never_leaves_the_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(
        problem: Problem,
        stop: Stop,
        *,
        seed: int = 1,
        threads: int = 1,
        start: Orders | None = None,
        on_progress: OnProgress | None = None,
    ) -> EngineResult:
        return EngineResult({"E1": ("A1",)})

    monkeypatch.setattr("optimizer.planner.ENGINES", {**ENGINES, "careless": careless})
    with pytest.raises(EngineDefect, match="skill_missing"):
        planned(problem([appointment("A1", skills=["kit"])], [executive("E1")]), "careless")


@settings(max_examples=40)
@given(problems(max_visits=4, max_executives=2))
def test_bounds_and_status_are_true_of_the_best_plan_there_is(day: Problem) -> None:
    best, _ = best_plan(day)
    result = planned(day)
    assert result.cost >= best
    assert result.broken_promises_bound <= best.broken_promises
    if result.lower_bound_s is not None and best.broken_promises == 0:
        assert result.lower_bound_s <= best.second_level_s
    if result.status is Status.OPTIMAL:
        assert result.cost == best
    if result.status is Status.INFEASIBLE:
        assert best.broken_promises > 0


@settings(max_examples=25)
@given(problems(max_visits=4, max_executives=2), st.booleans())
def test_one_more_executive_never_makes_the_best_plan_worse(day: Problem, skilled: bool) -> None:
    best, _ = best_plan(day)
    more = Executive(
        "E9", day.office, day.office, executive("E9").shift, skills=frozenset({"notary"}) if skilled else frozenset()
    )
    helped, _ = best_plan(replace(day, executives=(*day.executives, more)))
    assert helped <= best


@settings(max_examples=30)
@given(problems(max_visits=6), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(day: Problem, shuffle: object) -> None:
    visits, executives = list(day.visits), list(day.executives)
    shuffle.shuffle(visits)  # type: ignore[attr-defined]
    shuffle.shuffle(executives)  # type: ignore[attr-defined]
    again = replace(day, visits=tuple(visits), executives=tuple(executives))
    assert planned(again).plan == planned(day).plan


@settings(max_examples=10)
@given(problems(max_visits=5, max_executives=2))
@pytest.mark.parametrize("engine", [*sorted(ENGINES), "auto"])
def test_every_engine_keeps_every_rule_and_repeats_itself(engine: str, day: Problem) -> None:
    result = planned(day, engine)
    assert result.cost == cost(day, result.plan)
    found = violations(day, result.plan, result.cost)
    assert {v.code for v in found} <= {ViolationCode.PROMISE_BROKEN}
    assert {v.visit_id for v in found} == set(result.broken_promises)
    assert planned(day, engine).plan == result.plan
