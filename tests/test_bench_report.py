"""Reports of records: the figures in them, both forms, and what is never left out."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.planners import NAMES, PEERS
from benchmarks.record import RECORDS, Outcome, Record, read_records
from benchmarks.report import TARGETS, alone_by_limits, blocks_of, read_targets, write_report
from benchmarks.report.charts import style_of
from benchmarks.report.curves import Curve, day_curves, profile, share_at
from benchmarks.report.document import Block, Charts, Heading, Paragraph, Table, html, markdown
from benchmarks.report.groups import endings, groups, rows
from benchmarks.report.targets import Reached, Target, Verdict, What, judged
from optimizer.domain import Status
from scenarios.files import InvalidInput
from tests.records import NO_PLAN, append_all, invoke, run_of

OPTIMAL: dict[str, Any] = {"status": Status.OPTIMAL, "gap": 0.0}


def peer_and_ours() -> list[Record]:
    """Two planners of ours and a peer on two days; a failed run, a broken promise, a day that cannot be modelled."""
    log = ((0.1, 1, 900, None), (0.5, 0, 1_200, 1_000), (2.0, 0, 1_050, 1_000))
    return [
        run_of("auto", 1_050, suite="common", incumbents=log, lower_bound=1_000, gap=0.047619, number=1),
        run_of("pyvrp", 1_040, suite="common", incumbents=((0.2, 0, 1_300, None), (2.5, 0, 1_040, None)), number=2),
        run_of("auto", 2_000, day="korba", suite="common", incumbents=((0.1, 0, 2_000, None),), number=3),
        run_of(
            "pyvrp", day="korba", suite="common", number=4, **(NO_PLAN | {"outcome": Outcome.FAILED, "error": "late"})
        ),
        run_of(
            "insertion",
            700,
            suite="common",
            broken_promises=2,
            violations={"promise_broken": 2},
            status=Status.UNKNOWN,
            incumbents=((0.1, 2, 700, None),),
            number=5,
        ),
        run_of(
            "vroom", suite="common", number=6, **(NO_PLAN | {"outcome": Outcome.CANNOT_MODEL, "error": "no breaks"})
        ),
    ]


def test_the_runs_that_targets_ask_for_are_those_without_peers_by_limits() -> None:
    asked = alone_by_limits(read_targets(TARGETS))
    assert [(limits.time_limit_s, limits.threads) for limits, _ in asked] == [
        (5.0, 1),
        (30.0, 1),
        (45.0, 1),
        (120.0, 1),
        (180.0, 1),
        (180.0, 2),
    ]
    assert all(list(planned) == ["auto"] for _, planned in asked)
    half_a_minute = asked[1][1]["auto"]
    assert len(half_a_minute) == len(set(half_a_minute)) == 14 + 20 + 20 + 1
    assert asked[-1][1] == {"auto": ["bench-330-270-60"]}


def table(blocks: list[Block], caption: str) -> Table:
    """The only table whose caption begins so."""
    (found,) = [block for block in blocks if isinstance(block, Table) and block.caption.startswith(caption)]
    return found


def row(blocks: list[Block], caption: str, *first: str) -> dict[str, str]:
    """The only row of a table that begins with these cells, by column."""
    chosen = table(blocks, caption)
    (found,) = [cells for cells in chosen.rows if cells[: len(first)] == first]
    return dict(zip(chosen.columns, found, strict=True))


# ----------------------------------------------------------------------------------- results


def test_a_row_has_medians_worsts_bounds_endings_and_memory() -> None:
    a, b = rows(
        [
            run_of("auto", 1_000, seed=1, lower_bound=990, gap=0.01, memory_peak_kib=2_048),
            run_of("auto", 1_100, seed=2, lower_bound=1_000, gap=0.1, memory_peak_kib=4_096),
            run_of("auto", 1_010, seed=3, lower_bound=800, gap=0.2),
            run_of("pyvrp", 1_050, seed=1),
            run_of("pyvrp", seed=2, **NO_PLAN),
            run_of("pyvrp", 1_200, seed=3, broken_promises=3, status=Status.UNKNOWN),
        ]
    )
    assert (a.cost_median, a.cost_worst, a.bound, a.broken, a.memory_mib) == (1_010, 1_100, 1_000, 0, 4.0)
    assert a.above_bound == pytest.approx(0.01)
    assert (a.standing.gap_median, a.standing.gap_worst) == (0.1, 0.2)
    assert (b.cost_median, b.cost_worst, b.bound, b.broken, b.above_bound) == (1_200, math.inf, None, 3, None)
    assert b.ended == {"feasible": 1, "unknown": 1, "no_plan": 1}


def test_endings_are_counted_in_the_order_of_statuses_and_outcomes() -> None:
    runs = [run_of(seed=1, **NO_PLAN), run_of(seed=2, **OPTIMAL), run_of(seed=3), run_of(seed=4)]
    assert list(endings(runs).items()) == [("optimal", 1), ("feasible", 2), ("no_plan", 1)]


def test_only_runs_of_one_suite_code_and_machine_stand_in_a_group() -> None:
    records = [
        run_of(suite="full"),
        run_of(suite="common"),
        run_of(suite="common", seed=2),
        run_of(suite="common", commit="1" * 40),
        run_of(suite="common", cpu="Another"),
        run_of(),
    ]
    found = groups(records)
    assert [(group.suite, len(group.records)) for group in found[:1] + found[-2:]] == [
        (found[0].suite, len(found[0].records)),
        ("full", 1),
        (None, 1),
    ]
    assert sorted(len(group.records) for group in found if group.suite == "common") == [1, 1, 2]


def test_losses_stand_beside_wins() -> None:
    blocks = blocks_of(peer_and_ours(), [])
    assert row(blocks, "Days won, tied and lost", "pyvrp") == {
        "planner": "pyvrp",
        "won": "1",
        "tied": "0",
        "lost": "1",
        "ratio, median of days": "inf",
        "ratio, worst day": "inf",
    }
    assert row(blocks, "Ours against each peer", "auto") == {"ours": "auto", "pyvrp": "1-0-1", "vroom": "1-0-0"}
    lost = table(blocks, "Days that an engine of ours lost to a peer").rows
    assert ("raipur", "auto", "pyvrp", "0.96") in lost
    assert ("raipur", "insertion", "pyvrp", "no plan, or more broken") in lost


def test_what_failed_what_broke_and_what_cannot_be_modelled_is_never_left_out() -> None:
    blocks = blocks_of(peer_and_ours(), [])
    failures = table(blocks, "Runs that failed").rows
    assert failures == (
        ("korba", "pyvrp", "1", "failed", "late", "-"),
        ("raipur", "insertion", "1", "planned", "promises of weight 2 broken", "2 x promise_broken"),
    )
    assert table(blocks, "Days that a peer cannot model").rows == (("vroom", "raipur", "no breaks"),)
    assert table(blocks, "Runs that overran").rows == ()
    late = blocks_of([run_of(wall_s=3.2)], [])
    assert table(late, "Runs that overran").rows == (("raipur", "insertion", "1", "3.20"),)
    assert row(blocks, "Every day and planner", "korba", "pyvrp")["ended"] == "1 failed"


def test_contradicting_records_head_the_report_and_change_the_exit_code(tmp_path: Path) -> None:
    path = append_all(tmp_path / "r.jsonl", run_of(cost=900), run_of("auto", 1_000, lower_bound=950, gap=0.05))
    code, said = invoke("report", path, "--out", tmp_path / "out")
    assert code == 1
    assert "CONTRADICTION" in said
    assert "CONTRADICTION" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8").partition("## ")[0]


# ------------------------------------------------------------------------------ over the time


def test_costs_at_marks_tell_who_is_below_every_peer_and_who_is_not() -> None:
    records = [record for record in peer_and_ours() if record.day == "raipur"]
    blocks = blocks_of(records, [])
    assert row(blocks, "Cost at marks", "raipur", "auto")["1 s"] == "1,200 (1.1538)"
    assert row(blocks, "Cost at marks", "raipur", "pyvrp")["3 s"] == "1,040 (1.0000)"
    auto = row(blocks, "At or below every peer", "auto")
    assert (auto["1 s"], auto["3 s"]) == ("yes", "no: pyvrp 0.95 % lower")
    assert row(blocks, "At or below every peer", "insertion")["1 s"] == "no: it has no plan, or more broken"
    words = [block.words for block in blocks if isinstance(block, Paragraph)]
    assert "`auto` is at or below every peer that ran at 1 of 2 marks (day and time)." in words


def test_a_planner_that_tells_only_its_answer_is_not_judged_before_it_without_a_run_of_that_limit() -> None:
    answer = run_of("vroom", 990, time_limit_s=10.0, incumbents=((8.0, 0, 990, None),), number=2)
    ours = run_of("auto", 1_000, time_limit_s=10.0, incumbents=((0.5, 0, 1_000, None), (9.0, 0, 995, None)))
    blocks = blocks_of([ours, answer], [])
    assert [row(blocks, "Cost at marks", "raipur", "vroom")[mark] for mark in ("1 s", "10 s")] == [
        "not run",
        "990 (1.0000)",
    ]
    assert row(blocks, "At or below every peer", "auto")["1 s"] == "not run"
    own = run_of("vroom", time_limit_s=1.0, incumbents=(), number=3, **NO_PLAN)
    assert row(blocks_of([ours, answer, own], []), "At or below every peer", "auto")["1 s"] == "yes"


def test_curves_are_medians_over_seeds_above_the_best_bound() -> None:
    records = [
        run_of(seed=1, cost=110, incumbents=((1.0, 0, 120, None), (2.0, 0, 110, 100)), lower_bound=100, gap=0.09),
        run_of(seed=2, cost=130, incumbents=((1.5, 0, 130, None),)),
        run_of(seed=3, cost=150, incumbents=((0.5, 1, 90, None), (2.5, 0, 150, None))),
    ]
    (day,) = day_curves(records)
    assert (day.reference, day.reference_s) == ("the best proven lower bound", 100)
    (curve,) = day.curves
    assert curve.points == ((1.5, 130 / 100 - 1),)
    assert curve.until == 3.0
    assert share_at(curve, 1.0) == 0.0
    assert share_at(curve, 9.0) == pytest.approx(0.3)
    assert day.proven == ()


def test_without_a_bound_curves_are_above_the_best_plan_and_days_without_a_plan_have_none() -> None:
    (day,) = day_curves([run_of(cost=200, incumbents=((0.1, 0, 220, None), (1.0, 0, 200, None)))])
    assert (day.reference, day.curves[0].points) == ("the best plan known", ((0.1, 220 / 200 - 1), (1.0, 0.0)))
    assert day_curves([run_of(incumbents=(), **NO_PLAN), run_of(cost=5)]) == []


def test_runs_with_several_limits_and_one_answer_each_are_dots() -> None:
    records = [
        run_of("vroom", 120, time_limit_s=1.0, incumbents=((0.9, 0, 120, None),)),
        run_of("vroom", 100, time_limit_s=3.0, incumbents=((2.8, 0, 100, None),)),
    ]
    (day,) = day_curves(records)
    assert day.curves == (Curve("vroom", ((0.9, 120 / 100 - 1), (2.8, 0.0)), 2.8, steps=False),)


def test_a_profile_counts_the_cases_that_all_planners_ran() -> None:
    records = [
        *(run_of("auto", 100, seed=1), run_of("pyvrp", 110, seed=1)),
        *(run_of("auto", 105, seed=2), run_of("pyvrp", 100, seed=2)),
        *(run_of("auto", 100, seed=3), run_of("pyvrp", seed=3, **NO_PLAN)),
        run_of("auto", 100, seed=4),
    ]
    found = profile(records)
    auto, pyvrp = found.curves
    assert (found.cases, found.left_out) == (3, 1)
    assert [share_at(auto, mark) for mark in (0.0, 0.04, 0.06)] == pytest.approx([2 / 3, 2 / 3, 1.0])
    assert [share_at(pyvrp, mark) for mark in (0.0, 0.09, 0.11, 9.0)] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])


# ----------------------------------------------------------------------------------- targets


def reached(what: What, needed: float, records: list[Record], *days: str) -> Reached:
    """What records reached of one target for `auto` within 3 s."""
    (found,) = judged([Target("a case", days or ("raipur",), "auto", 3.0, 1, what, needed)], records)
    return found


@pytest.mark.parametrize(
    ("what", "needed", "value", "verdict"),
    [
        (What.GAP_PERCENT, 2.0, 2.0, Verdict.MET),
        (What.GAP_PERCENT, 1.9, 2.0, Verdict.MISSED),
        (What.OPTIMAL_PERCENT, 50, 50.0, Verdict.MET),
        (What.OPTIMAL_PERCENT, 51, 50.0, Verdict.MISSED),
        (What.OPTIMAL_MEDIAN_S, 3.0, math.inf, Verdict.MISSED),
        (What.BROKEN_PROMISES, 0, 0.0, Verdict.MET),
        (What.PEER_RATIO, 1.0, 1_005 / 1_008, Verdict.MET),
        (What.PEER_RATIO, 0.99, 1_005 / 1_008, Verdict.MISSED),
    ],
)
def test_a_target_is_met_or_missed(what: What, needed: float, value: float, verdict: Verdict) -> None:
    records = [
        run_of("auto", 1_000, seed=1, lower_bound=1_000, **OPTIMAL),
        run_of("auto", 1_010, seed=2, lower_bound=990, gap=0.02),
        run_of("pyvrp", 1_008),
        run_of("routing", 500, time_limit_s=30.0),
    ]
    found = reached(what, needed, records)
    assert found.reached == pytest.approx(value)
    assert (found.verdict, found.runs) == (verdict, 2)


def test_a_target_needs_all_its_days_but_is_missed_by_one() -> None:
    good = run_of("auto", gap=0.0, lower_bound=1_000)
    assert reached(What.GAP_PERCENT, 1, [good], "raipur", "korba").verdict is Verdict.NOT_MEASURED
    bad = run_of("auto", day="korba")
    assert reached(What.GAP_PERCENT, 1, [good, bad], "raipur", "korba", "durg").verdict is Verdict.MISSED
    assert reached(What.GAP_PERCENT, 1, [], "raipur").verdict is Verdict.NOT_MEASURED
    assert reached(What.PEER_RATIO, 1, [good], "raipur").verdict is Verdict.NOT_MEASURED


def test_a_target_is_judged_by_the_newest_code_that_ran_it() -> None:
    old = run_of("auto", gap=0.5, lower_bound=500)
    new = dataclasses.replace(old, number=9, commit="1" * 40, gap=0.0, lower_bound=1_000)
    assert reached(What.GAP_PERCENT, 1, [new, old]).verdict is Verdict.MET
    assert reached(What.GAP_PERCENT, 1, [new, old]).commit == "1" * 40


def test_missed_and_unmeasured_targets_are_in_the_report() -> None:
    targets = [
        Target("gap", ("raipur",), "auto", 3.0, 1, What.GAP_PERCENT, 1),
        Target("peers", ("raipur",), "auto", 3.0, 1, What.PEER_RATIO, 1),
        Target("later", ("raipur",), "auto", 9.0, 1, What.GAP_PERCENT, 1),
    ]
    blocks = blocks_of(peer_and_ours(), targets)
    verdicts = {cells[0]: (cells[4], cells[-1]) for cells in table(blocks, "Targets").rows}
    assert verdicts == {
        "gap": ("worst proven gap 4.76 %", "missed"),
        "peers": ("on the worst day 1.0096 of the best peer's cost", "missed"),
        "later": ("no such runs", "not measured"),
    }
    assert any("0 met, 2 missed, 1 not measured" in block.words for block in blocks if isinstance(block, Paragraph))


def test_the_committed_targets_can_be_read() -> None:
    targets = read_targets(TARGETS)
    assert {target.what for target in targets} == set(What)
    assert next(target.days for target in targets if target.case.startswith("every bench day")) == (
        *("bench-100-18", "bench-110-90-22", "bench-1500-260", "bench-200-36", "bench-330-270-60", "bench-600-105"),
    )


def test_a_broken_table_of_targets_is_told_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "targets.csv"
    head = "case,days,planner,time_limit_s,threads,what,needed\n"
    path.write_text(head + "a,nowhere,nobody,0,1.5,speed,nan\n,,auto,1,1,gap_percent,1\nb,raipur\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as told:
        read_targets(path)
    places = {(fault.line, fault.column) for fault in told.value.faults if fault.line is not None}
    assert places >= {(2, c) for c in ("days", "planner", "time_limit_s", "threads", "what", "needed")}
    assert places >= {(3, "days"), (3, "case"), (4, "case"), (4, "planner")}
    path.write_text("days,case\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="wrong_columns"):
        read_targets(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="not_utf8"):
        read_targets(path)


# ------------------------------------------------------------------------------------- files


def test_the_same_records_give_the_same_bytes_in_whatever_order(tmp_path: Path) -> None:
    records, targets = peer_and_ours(), read_targets(TARGETS)
    first = [path.read_bytes() for path in write_report(records, targets, tmp_path / "a")]
    second = [path.read_bytes() for path in write_report([*reversed(records), records[0]], targets, tmp_path / "b")]
    assert first == second


def test_the_page_is_one_well_formed_file_that_fetches_nothing(tmp_path: Path) -> None:
    _, page = write_report(peer_and_ours(), read_targets(TARGETS), tmp_path)
    text = page.read_text(encoding="utf-8")
    tree = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  (our own page)
    svg = "{http://www.w3.org/2000/svg}svg"
    drawings = list(tree.iter(svg))
    assert len(drawings) == 4  # a profile, both days above a reference, and the gap proven for one of them
    assert all(drawing.get("aria-label") and drawing.get("role") == "img" for drawing in drawings)
    fetched = [e.get(name) for e in tree.iter() for name in ("src", "href") if e.get(name)]
    assert all(address is not None and address.startswith(("#", "data:")) for address in fetched)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "<script" not in text


def test_all_that_is_in_the_page_in_words_is_in_the_markdown() -> None:
    blocks: list[Block] = [
        Heading(1, "A"),
        Paragraph("Words with `code`."),
        Table("T", ("a", "b"), (("x|y", "<1>"),), frozenset("b")),
        Table("Empty.", ("a",), (), empty="None."),
        Charts((), "See the page."),
    ]
    assert markdown(blocks) == (
        "# A\n\nWords with `code`.\n\n**T**\n\n| a | b |\n| --- | ---: |\n| x\\|y | &lt;1> |\n\n"
        "**Empty.** None.\n\n*See the page.*\n"
    )
    page = html(blocks)
    assert "Words with <code>code</code>." in page
    assert '<td class="number">&lt;1&gt;</td>' in page


def test_every_planner_has_a_look_of_its_own() -> None:
    looks = {name: style_of(name) for name in NAMES}
    assert len({look for look, _ in looks.values()}) == len(NAMES)
    assert all(("d0" in look) == (name not in PEERS) for name, (look, _) in looks.items())
    assert style_of("of the future") == style_of("of the future")


def test_the_limits_of_every_peer_are_in_the_report() -> None:
    blocks = blocks_of([run_of()], [])
    heads = [block.words for block in blocks if isinstance(block, Heading) and block.level == 3]
    assert [name for head in heads for name in head.split(", ") if name in PEERS] == list(PEERS)
    words = " ".join(block.words for block in blocks if isinstance(block, Paragraph))
    assert "It cannot price what is left out" in words


def test_committed_records_have_a_report(tmp_path: Path) -> None:
    records = read_records([RECORDS / "smoke.jsonl"])
    text = write_report(records, [], tmp_path)[0].read_text(encoding="utf-8")
    assert f"{len(records)} runs in" in text


def test_bad_input_is_named_without_a_traceback(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"record_version": 1}\nno json\n', encoding="utf-8")
    code, said = invoke("report", empty, "--out", tmp_path / "out")
    assert (code, "no_records" in said) == (2, True)
    code, said = invoke("report", broken, tmp_path / "absent.jsonl", "--out", tmp_path / "out")
    assert (code, "Traceback" in said) == (2, False)
    assert not (tmp_path / "out").exists()
    code, said = invoke("report", broken, "--out", tmp_path / "out")
    assert code == 2
    assert "broken.jsonl:2: null" in said
    assert "[not_json]" in said
    good = append_all(tmp_path / "good.jsonl", run_of())
    assert invoke("report", good, "--out", empty)[0] == 2  # a file where the folder should be
    assert invoke("report", good, "--out", tmp_path / "out")[0] == 0
