"""Thousands of small days: no bound exceeds the best plan, nearly all are proven; most run in the long tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer.domain import Problem
from optimizer.timing import runnable_prefixes
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
