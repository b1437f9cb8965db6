"""What tables make of records: ratios, wins and losses, two files against each other, what cannot be true."""

from __future__ import annotations

import datetime as dt
import math
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.anytime import Course, courses, rank_at
from benchmarks.compare import Pairing, Spread, Verdict, compared, contradictions, differences, standings, tallies
from benchmarks.record import Outcome, Record
from optimizer.domain import Status
from tests.records import NO_PLAN, WHEN, append_all, invoke, run_of

# ---------------------------------------------------------------------------------- the table


def test_the_table_has_medians_and_worsts_of_ratios_to_the_best_run_of_the_day() -> None:
    records = [
        run_of("a", 1_000, seed=1, gap=0.0, lower_bound=1_000, wall_s=1.0, cpu_s=1.0),
        run_of("a", 1_100, seed=2, gap=0.1, lower_bound=990, wall_s=2.0, cpu_s=1.5),
        run_of("a", 1_500, seed=3, gap=0.2, lower_bound=1_200, wall_s=9.0, cpu_s=5.0),
        run_of("b", 1_050, seed=1),
        run_of("b", 1_040, seed=2),
        run_of("b", 1_060, seed=3),
        run_of("a", 300, day="korba"),
    ]
    a, b, korba = standings(records)
    assert (a.day, a.engine, a.runs) == ("raipur", "a", 3)
    assert (a.ratio_median, a.ratio_worst) == (1.1, 1.5)
    assert (a.gap_median, a.gap_worst) == (0.1, 0.2)
    assert (a.wall_median_s, a.wall_worst_s, a.cpu_median_s) == (2.0, 9.0, 1.5)
    assert (b.ratio_median, b.ratio_worst) == (1.05, 1.06)
    assert (b.gap_median, b.gap_worst) == (math.inf, math.inf)
    assert (a.verdict, b.verdict, korba.verdict) == (Verdict.LOST, Verdict.WON, Verdict.ALONE)
    assert korba.ratio_median == 1.0


def test_a_run_that_breaks_more_promises_or_has_no_plan_is_worse_than_any_cost() -> None:
    records = [
        run_of("cheap", 10, broken_promises=1, violations={"promise_broken": 1}),
        run_of("kept", 1_000),
        run_of("none", **NO_PLAN),
    ]
    cheap, kept, none = standings(records)
    assert (cheap.ratio_median, kept.ratio_median, none.ratio_median) == (math.inf, 1.0, math.inf)
    assert (cheap.broken_worst, kept.broken_worst, none.broken_worst) == (1, 0, None)
    assert (cheap.faulty, none.without_plan) == (0, 1)
    assert [row.verdict for row in (cheap, kept, none)] == [Verdict.LOST, Verdict.WON, Verdict.LOST]


def test_one_failed_seed_of_three_does_not_move_the_median_to_infinity_but_is_the_worst() -> None:
    records = [run_of("a", 100, seed=1), run_of("a", 120, seed=2), run_of("a", seed=3, **NO_PLAN)]
    (row,) = standings(records)
    assert (row.ratio_median, row.ratio_worst, row.broken_worst) == (1.2, math.inf, None)


def test_a_day_that_costs_nothing_has_ratios_all_the_same() -> None:
    nothing, something = standings([run_of("a", 0), run_of("b", 5)])
    assert (nothing.ratio_median, something.ratio_median) == (1.0, math.inf)


def test_wins_ties_and_losses_are_counted_for_every_engine() -> None:
    records = [
        *(run_of("a", 100, day="one"), run_of("b", 101, day="one"), run_of("c", 110, day="one")),
        *(run_of("a", 200, day="two"), run_of("b", 200, day="two"), run_of("c", 300, day="two")),
        *(run_of("a", day="three", **NO_PLAN), run_of("b", day="three", **NO_PLAN)),
    ]
    a, b, c = tallies(standings(records))
    assert (a.engine, a.won, a.tied, a.lost) == ("a", 1, 1, 1)
    assert (b.engine, b.won, b.tied, b.lost) == ("b", 0, 1, 2)
    assert (c.engine, c.won, c.tied, c.lost) == ("c", 0, 0, 2)
    assert (a.ratio_median, a.ratio_worst) == (1.0, math.inf)
    assert (c.ratio_median, c.ratio_worst) == (1.3, 1.5)


def test_the_days_of_two_contents_under_one_name_are_two_days() -> None:
    records = [run_of("a", 100), run_of("b", 50, input_sha256="another")]
    assert [row.ratio_median for row in standings(records)] == [1.0, 1.0]


# ------------------------------------------------------------------------------- two files


def test_comparing_pairs_runs_by_day_engine_seed_and_limits() -> None:
    a = [
        run_of("x", 1_000, seed=1, wall_s=2.0),
        run_of("x", 2_000, seed=2, wall_s=2.0),
        run_of("x", 3_000, seed=3, wall_s=2.0),
        run_of("x", 500, day="korba", wall_s=4.0),
        run_of("x", 1, seed=9),
    ]
    b = [
        run_of("x", 900, seed=1, wall_s=1.0),
        run_of("x", 2_000, seed=2, wall_s=2.0),
        run_of("x", 3_300, seed=3, wall_s=3.0),
        run_of("x", 450, day="korba", wall_s=4.0),
        run_of("x", 1, seed=9, time_limit_s=30.0),
        run_of("y", 1),
    ]
    comparison = compared(a, b)
    assert comparison.pairings == (
        Pairing("x", "raipur", 3, Spread(1.0, 0.9, 1.1), Spread(1.0, 0.5, 1.5), better=1, equal=1, worse=1),
        Pairing("x", "korba", 1, Spread(0.9, 0.9, 0.9), Spread(1.0, 1.0, 1.0), better=1, equal=0, worse=0),
        Pairing("x", None, 4, Spread(0.95, 0.9, 1.1), Spread(1.0, 0.5, 1.5), better=2, equal=1, worse=1),
    )
    assert (comparison.only_in_a, comparison.only_in_b) == (1, 2)


def test_several_runs_of_a_kind_are_compared_by_their_median() -> None:
    a = [run_of("x", cost) for cost in (100, 900, 110)]
    b = [run_of("x", cost) for cost in (121, 99)]
    (on_the_day, _) = compared(a, b).pairings
    assert on_the_day.cost == Spread(0.9, 0.9, 0.9)
    assert (on_the_day.pairs, on_the_day.better) == (1, 1)


def test_pairs_with_different_promises_kept_count_but_have_no_ratio() -> None:
    broken: dict[str, Any] = {"broken_promises": 1, "violations": {"promise_broken": 1}}
    a = [run_of("x", 100, seed=1), run_of("x", 100, seed=2, **broken), run_of("x", seed=3, **NO_PLAN)]
    b = [run_of("x", 1, seed=1, **broken), run_of("x", 999, seed=2), run_of("x", seed=3, **NO_PLAN)]
    (_, total) = compared(a, b).pairings
    assert total.cost is None
    assert (total.better, total.equal, total.worse) == (1, 1, 1)


def test_other_machines_versions_and_code_are_named() -> None:
    assert differences([run_of()], [run_of()]) == []
    cpu, versions, code = differences(
        [run_of()], [run_of(cpu="Other", versions={"python": "3.12.1"}, commit="1" * 40, dirty=True)]
    )
    assert cpu == "CPU differ: A Some CPU x 2; B Other x 2"
    assert versions.endswith("; B python 3.12.1")
    assert code == "commit differ: A 000000000000; B 111111111111 with changes"


def test_a_plan_cheaper_than_a_bound_proven_elsewhere_is_a_contradiction() -> None:
    bound = run_of("exact", 1_000, lower_bound=995, gap=0.005, number=2)
    assert contradictions([bound, run_of("a", 995)]) == []
    assert contradictions([bound, run_of("a", 994, day="korba")]) == []
    assert contradictions([bound, run_of("a", 10, broken_promises=1, violations={"promise_broken": 1})]) == []
    (told,) = contradictions([bound, run_of("a", 994, seed=3)])
    assert told == (
        "raipur, a, seed 3 (run 1 of 2026-12-01 06:30:00) costs 994, "
        "below the bound 995 of raipur, exact, seed 1 (run 2 of 2026-12-01 06:30:00)"
    )


def test_a_bound_of_plans_that_break_no_more_than_they_must_holds_for_those_plans_only() -> None:
    proof = run_of(
        "exact", 50, broken_promises=2, broken_promises_bound=2, status=Status.INFEASIBLE, lower_bound=48, gap=0.04
    )
    assert contradictions([proof, run_of("a", 48, broken_promises=2)]) == []
    assert contradictions([proof, run_of("a", 40, broken_promises=3)]) == []
    (told,) = contradictions([proof, run_of("a", 47, broken_promises=2)])
    assert "costs 47, below the bound 48 of raipur, exact" in told


def test_keeping_more_promises_than_proven_possible_is_a_contradiction() -> None:
    proof = run_of("exact", 5, broken_promises=2, broken_promises_bound=2, status=Status.INFEASIBLE)
    assert contradictions([proof, run_of("a", 9, broken_promises=2)]) == []
    (told,) = contradictions([proof, run_of("a", 9, broken_promises=1)])
    assert "breaks promises of weight 1, fewer than the 2 proven by raipur, exact" in told


# ---------------------------------------------------------------------------- the command line


def test_the_table_of_a_file_shows_every_series_or_the_newest(tmp_path: Path) -> None:
    later = WHEN + dt.timedelta(days=1)
    path = append_all(
        tmp_path / "a.jsonl",
        run_of("auto", 1_000, series=later, gap=0.0123, lower_bound=988),
        run_of("insertion", 1_050, series=later, number=2, wall_s=0.25),
        run_of("auto", 2_000),
    )
    code, shown = invoke("table", path)
    assert code == 0
    assert shown.index("Series of 2026-12-01 06:30:00") < shown.index("Series of 2026-12-02 06:30:00")
    code, shown = invoke("table", path, "--last")
    assert "2026-12-01" not in shown
    rows = [re.findall(r"[^│\s]+", line) for line in shown.splitlines() if line.startswith("│ raipur")]
    assert rows == [
        ["raipur", "auto", "1", *("1.0000", "1.0000"), *("1.23", "1.23"), *("3.00", "3.00", "2.50"), *"00", "won"],
        ["raipur", "insertion", "1", *("1.0500", "1.0500"), *"--", *("0.25", "0.25", "2.50"), *"00", "lost"],
    ]
    assert "Some CPU, 2 of 4 CPUs, Linux x86_64; load 0.5 to 0.5" in shown
    assert "commit 000000000000; python 3.11.7, ortools 9.15, mitaan-optimizer -" in shown


@pytest.mark.parametrize(
    ("records", "told", "expected"),
    [
        ([run_of("a", **NO_PLAN)], "run 1, raipur, a, seed 1: stopped before there was a plan", 0),
        (
            [run_of("a", **NO_PLAN | {"outcome": Outcome.FAILED, "error": "Boom: x"})],
            "run 1, raipur, a, seed 1: Boom: x",
            1,
        ),
        ([run_of("a", broken_promises=1, violations={"promise_broken": 1})], "│      1 │     0 │ alone", 0),
        ([run_of("a", violations={"double_slot": 2})], "│      0 │     2 │ alone", 1),
        ([run_of("a", 5), run_of("b", 9, lower_bound=8, gap=0.1, number=2)], "CONTRADICTION: raipur, a, seed 1", 1),
    ],
    ids=["no plan", "failed", "promise broken", "violation", "contradiction"],
)
def test_the_table_tells_losses_and_its_exit_code_what_is_wrong(
    tmp_path: Path, records: list[Record], told: str, expected: int
) -> None:
    code, shown = invoke("table", append_all(tmp_path / "a.jsonl", *records))
    assert code == expected
    assert told in shown


def test_compare_shows_ratios_counts_and_what_has_no_partner(tmp_path: Path) -> None:
    a = append_all(
        tmp_path / "a.jsonl", run_of("auto", 1_000), run_of("auto", 1_000, seed=2), run_of("auto", 1, seed=3)
    )
    b = append_all(tmp_path / "b.jsonl", run_of("auto", 900), run_of("auto", 1_000, seed=2, cpu="Other"))
    code, shown = invoke("compare", a, b)
    assert code == 0
    assert re.search(
        r"auto +│ all days +│ +2 │ 0\.9500 \(0\.9000 to 1\.0000\) │ 1\.0000 \(1\.0000 to 1\.0000\) │ +1 │ +1 │ +0 │",
        shown,
    )
    assert "1 only in A, 0 only in B" in shown
    assert "CPU differ: A Some CPU x 2; B Other x 2 / Some CPU x 2" in shown


def test_files_without_a_common_run_cannot_be_compared(tmp_path: Path) -> None:
    a, b = (append_all(tmp_path / f"{name}.jsonl", run_of(name)) for name in "ab")
    code, shown = invoke("compare", a, b)
    assert code == 2
    assert "no run of A has a partner in B" in shown
    assert invoke("compare", a, tmp_path / "nowhere.jsonl")[0] == 2


# ------------------------------------------------------------------------------------ anytime


def test_the_plan_of_a_mark_is_the_best_found_by_then() -> None:
    record = run_of(cost=90, incumbents=((0.5, 1, 70, None), (1.04, 0, 120, None), (9.0, 0, 90, None)))
    assert [rank_at(record, mark_s) for mark_s in (0.1, 0.5, 1, 8, 10)] == [
        (math.inf, math.inf),
        (1, 70),
        (0, 120),
        (0, 120),
        (0, 90),
    ]


def test_courses_are_medians_over_seeds_and_then_over_days() -> None:
    long: dict[str, Any] = {"time_limit_s": 10.0}
    records = [
        run_of("a", 100, incumbents=((0.5, 0, 150, None), (2.0, 0, 100, None)), **long),
        run_of("a", 110, seed=2, incumbents=((0.5, 0, 140, None), (2.0, 0, 110, None)), **long),
        run_of("a", 120, seed=3, incumbents=((5.0, 0, 120, None),), **long),
        run_of("b", 130, time_limit_s=1.0, incumbents=((0.9, 0, 130, None),)),
        run_of("b", 105, time_limit_s=3.0, incumbents=((3.1, 0, 105, None),)),
        run_of("a", 50, day="korba", incumbents=((0.1, 1, 40, None), (2.5, 0, 50, None)), **long),
        run_of("a", 1, time_limit_s=None, iterations=5, incumbents=((0.1, 0, 1, None),)),
        run_of("old", 100),
    ]
    assert courses(records, (1, 3, 10)) == [
        Course("raipur", "a", (1.5, 1.1, 1.1)),
        Course("raipur", "b", (1.3, 1.05, None)),
        Course("korba", "a", (math.inf, 1.0, 1.0)),
        Course(None, "a", (math.inf, 1.05, 1.05)),
        Course(None, "b", (1.3, 1.05, None)),
    ]


def test_the_anytime_command_shows_the_courses(tmp_path: Path) -> None:
    path = append_all(tmp_path / "a.jsonl", run_of("auto", 100, incumbents=((0.5, 0, 150, None), (2.0, 0, 100, None))))
    code, shown = invoke("anytime", path)
    assert code == 0
    rows = [re.findall(r"[^│\s]+", line) for line in shown.splitlines() if "auto" in line]
    assert rows == [
        ["raipur", "auto", "1.5000", "1.0000", "-", "-", "-"],
        ["all", "days", "auto", "1.5000", "1.0000", "-", "-", "-"],
    ]
