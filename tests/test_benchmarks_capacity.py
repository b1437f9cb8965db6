"""What measures capacity: the days, the rules compared, the table written, and what is shown of the records."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.capacity.__main__ import CAPACITY_RECORDS, main, write_capacity
from benchmarks.capacity.calibrate import ASKED, most_broken, prior_of
from benchmarks.capacity.days import Rule, draw_kept, judge, saturated, solved
from benchmarks.capacity.evaluate import evaluate, worths
from benchmarks.capacity.rivals import by_hand, compare, equal
from benchmarks.capacity.show import newest, read, show
from optimizer.capacity import wilson_lower
from scenarios.capacity import CityCapacity, load_capacity

DHAMTARI = CityCapacity("dhamtari", (1.0,), 1.0, 6.2)


def test_a_saturated_day_expects_its_share_of_all_slots_of_executives() -> None:
    day = saturated("dhamtari", 150)
    assert len(day.executives) == 5
    assert day.expected.sum() == pytest.approx(1.5 * 40)


def test_most_broken_is_the_last_number_that_the_bound_allows() -> None:
    for trials in (600, 1_000, 2_000):
        broken = most_broken(trials)
        assert wilson_lower(trials - broken, trials) >= ASKED > wilson_lower(trials - broken - 1, trials)
    assert most_broken(100) == -1
    assert most_broken(1_000, 0.99) == 3


def test_rivals_give_each_slot_the_same_or_a_share_of_its_executives() -> None:
    day = saturated("dhamtari", 150)
    same = equal(day, 2, 1)
    assert {same.total(slot) for slot in range(12)} == {2}
    hand = by_hand(day)
    assert [hand.total(slot) for slot in (0, 4, 8)] == [2, 4, 1]
    assert [hand.most(slot, 1) for slot in (0, 4, 8)] == [1, 1, 0]


def test_judging_ends_early_once_too_many_are_broken() -> None:
    day = saturated("korba", 150)
    rule = Rule(equal(day, 8, 2), None, dealt=False)
    kept = judge(day, rule, range(1, 50), 1)
    assert kept.early
    assert kept.streams - kept.served == 2


def test_figures_of_a_city_add_up() -> None:
    told = evaluate(DHAMTARI, 4, 150)
    assert told["streams"] == 4
    assert sum(told["steps"].values()) == 4  # type: ignore[attr-defined]
    assert told["accepted"] <= told["requests"]  # type: ignore[operator]
    day = saturated("dhamtari", 150)
    accepted = [len(Rule(solved(day, DHAMTARI).quotas).rows(day, seed)) for seed in range(2_000_001, 2_000_005)]
    assert told["accepted"] == pytest.approx(sum(accepted) / 4)
    assert draw_kept(day, 1) is draw_kept(day, 1)


def test_rules_are_compared_on_the_same_streams() -> None:
    told = compare(DHAMTARI, 3, training=2)  # too few to tune the equal quotas
    assert list(told) == ["ours", "0.8 x executives", "0.8 x executives, dealt out", "all executives"]
    assert told["ours"]["ours_more"] == 0
    assert told["0.8 x executives"]["ours_more"] > 0  # type: ignore[operator]


def test_worth_is_told_by_change_and_slot() -> None:
    rows = worths(DHAMTARI, 100)["rows"]
    assert [row["change"] for row in rows][:2] == [  # type: ignore[attr-defined]
        "one more executive 08:00-16:00",
        "one more executive 12:00-20:00",
    ]
    assert all(len(row["by_slot"]) == 12 for row in rows)  # type: ignore[attr-defined]


def test_a_row_that_is_written_is_read_again(tmp_path: Path) -> None:
    measured = replace(
        DHAMTARI, alpha=(1.0, 0.9), remote_minutes=21.5, kit_apart=True, streams=2_000, served=1_999, unknown=0
    )
    measured = replace(measured, wilson_low=0.9972, date=dt.date(2026, 12, 1), basis="measured")
    write_capacity(tmp_path, measured)
    write_capacity(tmp_path, replace(measured, city_id="korba", remote_minutes=None))
    assert load_capacity(tmp_path)["dhamtari"] == measured
    assert list(load_capacity(tmp_path)) == ["dhamtari", "korba"]
    assert prior_of(saturated("dhamtari", 150)).basis == "prior"


def test_committed_records_are_shown_as_tables(capsys: pytest.CaptureFixture[str]) -> None:
    records = read(CAPACITY_RECORDS)
    assert {record["command"] for record in records} == {"calibrate", "evaluate", "rivals", "worth"}
    assert len(newest(records, "calibrate")) == 14
    console = Console(width=190, record=True)
    show(records, console)
    assert "Beside rivals" in console.export_text()
    assert main(["show"]) == 0
    assert "Calibrated" in capsys.readouterr().out
    assert read(Path("nowhere")) == []
    assert all(json.dumps(record) for record in records)


def test_the_table_of_capacities_is_that_of_the_newest_records() -> None:
    table = load_capacity()
    for record in newest(read(CAPACITY_RECORDS), "calibrate"):
        told = record["figures"]["capacity"]
        row = table[record["city"]]
        assert list(row.alpha) == told["alpha"]
        assert (row.served, row.streams, row.remote_minutes) == (
            told["served"],
            told["streams"],
            told["remote_minutes"],
        )
