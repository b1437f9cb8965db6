"""The benchmarks of booking, each run small, and what their records say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.booking.__main__ import RECORD_VERSION, main
from benchmarks.booking.show import newest
from benchmarks.booking.streams import POLICIES, interval, least_broken
from benchmarks.record import RECORDS
from scenarios.catalogue import load_catalogue
from scenarios.simulate import BookingDay, booking_day
from tests.builders import DATE

CATALOGUE = load_catalogue()


def day(calls: int = 30, seed: int = 1, executives: int = 3) -> BookingDay:
    return booking_day(CATALOGUE, CATALOGUE.city("raipur"), DATE, executives, calls, seed)


def record(path: Path, *words: str) -> dict[str, object]:
    assert main(["--out", str(path), *words]) == 0
    written = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    assert written["record_version"] == RECORD_VERSION
    figures = written["figures"]
    assert isinstance(figures, dict)
    return figures


def test_the_same_arguments_draw_the_same_callers_and_other_seeds_others() -> None:
    one, again, other = day(), day(), day(seed=2)
    assert one.callers == again.callers
    assert one.callers != other.callers
    assert day(calls=60).callers[:30] == one.callers
    assert all(sorted(caller.preference) == list(range(12)) for caller in one.callers)


def test_a_promise_by_witness_is_never_broken_and_quotas_are_judged() -> None:
    small = day()
    by_witness = [POLICIES[name](small) for name in ("insertion", "ladder", "exact")]
    assert all(tally.broken == (0, 0) for tally in by_witness)
    assert by_witness[1].accepted >= by_witness[0].accepted - 1
    assert by_witness[1].pairs == 30 * 12
    assert by_witness[2].undecided == 0
    quota = POLICIES["quota"](small)
    assert 0 <= quota.broken[0] <= quota.broken[1] <= quota.accepted


def test_promises_that_nobody_can_keep_are_counted() -> None:
    small = day()
    five_in_one_slot = [(caller, 5, number) for number, caller in enumerate(small.callers[:5])]
    least, most = least_broken(small, five_in_one_slot)
    assert least == most
    assert least >= 2


def test_an_interval_has_a_mean_and_a_half_width() -> None:
    assert interval([3.0]) == (3.0, 0.0)
    mean, half = interval([1.0, 2.0, 3.0])
    assert (mean, round(half, 3)) == (2.0, 1.132)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_speed_and_load_are_recorded(kind: str, tmp_path: Path) -> None:
    size = ("--store", kind, "--executives", "3", "--days", "2", "--bookings", "10")
    speed = record(tmp_path / "r.jsonl", "speed", *size, "--requests", "8")
    assert speed["offers"]["runs"] == 8  # type: ignore[index]
    assert speed["offers"]["slots"] == 8 * 24  # type: ignore[index]
    load = record(tmp_path / "r.jsonl", "load", *size, "--rate", "20", "--seconds", "0.5", "--callers", "4")
    assert load["at_once"]["hold"]["runs"] == 4  # type: ignore[index]
    assert load["findings"] == []
    assert len((tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_streams_walks_and_improvements_are_recorded(tmp_path: Path) -> None:
    few = ("streams", "--executives", "2", "--streams", "2", "--policy", "ladder", "--policy", "exact")
    ladder = record(tmp_path / "r.jsonl", *few)["policies"]["ladder"]  # type: ignore[index]
    assert ladder["less_exact"] == 0.0
    walk = record(tmp_path / "r.jsonl", "walk", "--executives", "2", "--steps", "20")
    assert (walk["steps"], walk["findings"]) == (20, [])
    improve = record(
        tmp_path / "r.jsonl",
        "improve",
        "--cities",
        "durg",
        "--days",
        "1",
        "--executives",
        "3",
        "--bookings",
        "15",
        "--limit",
        "2",
    )
    assert improve["after_s"] <= improve["before_s"]  # type: ignore[operator]


def test_the_newest_records_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show"]) == 0
    said = capsys.readouterr().out
    for words in ("speed, sqlite", "load, postgresql", "raipur, 12 executives", "ladder, proofs", "confirmed"):
        assert words in said
    twice = [{"command": "crash", "store": "sqlite", "figures": {"times": 5, "verbs": n}} for n in (1, 2)]
    assert [record["figures"]["verbs"] for record in newest(twice)] == [2]


def test_committed_records_of_booking_lost_nothing_and_found_nothing() -> None:
    lines = (RECORDS / "booking.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert {"speed", "load", "streams", "crash", "memory", "improve"} <= {record["command"] for record in records}
    for each in records:
        assert each["dirty"] is False
        assert not each["figures"].get("findings")
        assert not each["figures"].get("lost")
        for policy, figures in each["figures"].get("policies", {}).items():
            if not policy.startswith("quota"):
                assert figures["broken_most"] == 0
