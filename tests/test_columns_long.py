"""Thousands of small days: no bound exceeds the best plan, nearly all are proven; most run in the long tests."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.suites import committed_days
from optimizer.domain import Limits, Problem, Progress, Status
from optimizer.planner import plan_day
from optimizer.stop import StopAt
from optimizer.timing import runnable_prefixes
from scenarios.files import read_day
from scenarios.generate import BENCH_DAYS, VARIANT_DAYS
from tests.strategies import problems, tight_day
from tests.test_columns import ENOUGH, judged

LEAST_PROVEN = 0.95


@pytest.mark.parametrize(
    "seeds", [range(200), pytest.param(range(200, 2_700), marks=pytest.mark.long)], ids=["some", "many"]
)
def test_nearly_all_tight_days_are_proven(seeds: range) -> None:
    proven = sum(judged(tight_day(seed), ENOUGH) for seed in seeds)
    assert proven >= LEAST_PROVEN * len(seeds)


@pytest.mark.long
def test_nearly_all_days_with_all_features_are_proven() -> None:
    proven = []

    @settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(problems(max_visits=6, max_executives=3))
    def judge(day: Problem) -> None:
        if all(runnable_prefixes(day).values()):
            proven.append(judged(day, ENOUGH))

    judge()
    assert len(proven) > 1_000
    assert sum(proven) >= LEAST_PROVEN * len(proven)


def agreeing(name: str, seeds: Sequence[int], iterations: int) -> None:
    """Runs of a committed day that do not contradict each other: no plan is cheaper than the bound of any run."""
    day = read_day(committed_days()[name]).problem
    runs = [plan_day(day, Limits(None, iterations, seed), engine="columns") for seed in seeds]
    costs = [run.cost.second_level_s for run in runs if run is not None and run.cost.broken_promises == 0]
    bounds = [run.lower_bound_s for run in runs if run is not None and run.lower_bound_s is not None]
    assert costs
    assert bounds
    assert max(bounds) <= min(costs)


def test_a_proof_holds_against_the_plans_of_other_seeds() -> None:
    # Found on this day: of several orders of the same visits the list kept the one of least reduced cost, cuts
    # included, which need not be the one of least cost; seed 4 then proved one second too much.
    agreeing("ambikapur", (2, 4), 200)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("message", [1, 4, 9, 25, 60])
def test_interrupted_at_any_message_there_is_a_plan_and_a_valid_bound(message: int, threads: int) -> None:
    day = read_day(committed_days()["ambikapur"]).problem
    stop, heard = StopAt(), []

    def hear(progress: Progress) -> None:
        heard.append(progress)
        if len(heard) == message:
            stop.request()

    result = plan_day(day, Limits(None, 10_000, threads=threads), engine="columns", stop=stop, on_progress=hear)
    later = [progress.best for progress in heard if progress.best is not None]
    if result is None:
        assert message == 1
        assert later == []
        return
    assert result.cost.second_level_s >= 13_325
    assert (result.lower_bound_s or 0) <= 13_325
    assert (result.status is Status.OPTIMAL) == (result.cost.second_level_s == 13_325 == result.lower_bound_s)
    assert min(later) == result.cost


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in committed_days() if name not in (*BENCH_DAYS, *VARIANT_DAYS)])
def test_proofs_of_city_days_hold_against_the_plans_of_other_seeds(name: str) -> None:
    agreeing(name, range(1, 7), 300)
