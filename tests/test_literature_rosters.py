"""Employee shift scheduling of the literature: an instance of our own, its optimum by looking at every roster."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.literature_rosters import Instance, broken, cost_of, read_directory, read_instance, solved
from benchmarks.rosters import app
from scenarios.files import InvalidInput

TEXT = """# Two employees, nine days from a Monday, early and late; after a late shift comes no early one.
SECTION_HORIZON
# days
9

SECTION_SHIFTS
E,480,
L,600,E

SECTION_STAFF
# ID, MaxShifts, MaxTotalMinutes, MinTotalMinutes, MaxConsecutive, MinConsecutive, MinDaysOff, MaxWeekends
A,E=9|L=2,3000,1500,4,2,2,0
B,E=3|L=4,3200,1000,3,2,3,1

SECTION_DAYS_OFF
A,2
B,0,8

SECTION_SHIFT_ON_REQUESTS
A,0,L,7
B,6,E,4

SECTION_SHIFT_OFF_REQUESTS
A,4,E,3
B,2,E,9
B,3,L,2

SECTION_COVER
0,E,1,10,5
1,E,1,10,1
1,L,1,8,2
2,L,1,12,4
3,E,2,6,3
4,L,0,0,6
5,E,1,11,2
6,L,1,9,9
7,E,1,10,1
8,L,1,5,5
"""
ILLEGAL = {
    "A": (
        ("days_off", r"^..[^-]"),
        ("cannot_follow", "LE"),
        ("most_shifts", "L.*L.*L"),
        ("most_in_a_row", r"[EL]{5}"),
        ("least_in_a_row", r"-[EL]-"),
        ("least_off_in_a_row", r"[EL]-[EL]"),
        ("most_weekends", r"^.{5}([EL].|.[EL])"),
    ),
    "B": (
        ("days_off", r"^([^-]|.{8}[^-])"),
        ("cannot_follow", "LE"),
        ("most_shifts", "E.*E.*E.*E|L.*L.*L.*L.*L"),
        ("most_in_a_row", r"[EL]{4}"),
        ("least_in_a_row", r"-[EL]-"),
        ("least_off_in_a_row", r"[EL]--?[EL]"),
    ),
}
"""What no row of an employee may look like, by rule: `-` is a day off."""
MINUTES = {"A": (1_500, 3_000), "B": (1_000, 3_200)}


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    path = tmp_path / "Tiny.txt"
    path.write_text(TEXT, encoding="utf-8")
    return read_instance(path)


def row_of(text: str) -> tuple[str | None, ...]:
    return tuple(None if shift == "-" else shift for shift in text)


def illegal(employee: str, text: str) -> set[str]:
    least, most = MINUTES[employee]
    minutes = 480 * text.count("E") + 600 * text.count("L")
    rules = {rule for rule, pattern in ILLEGAL[employee] if re.search(pattern, text)}
    return rules | ({"minutes"} if not least <= minutes <= most else set())


def brute_cost(a: str, b: str) -> int:
    requests = 7 * (a[0] != "L") + 4 * (b[6] != "E") + 3 * (a[4] == "E") + 9 * (b[2] == "E") + 2 * (b[3] == "L")
    cover = TEXT.split("SECTION_COVER\n")[1].split()
    for line in cover:
        day, shift, wanted, under, over = line.split(",")
        there = (a[int(day)] == shift) + (b[int(day)] == shift)
        missing = int(wanted) - there
        requests += int(under) * missing if missing > 0 else -int(over) * missing
    return requests


def test_the_optimum_is_that_of_all_rosters_and_the_judge_agrees_on_every_row(instance: Instance) -> None:
    texts = ["".join(shifts) for shifts in product("-EL", repeat=9)]
    legal = {name: [text for text in texts if not illegal(name, text)] for name in ("A", "B")}
    a_rest, b_rest = legal["A"][0], legal["B"][0]
    for text in texts[::7]:
        for name, rows in (("A", {"A": text, "B": b_rest}), ("B", {"A": a_rest, "B": text})):
            found = broken(instance, {who: row_of(row) for who, row in rows.items()})
            assert found == [f"{rule}: {name}" for rule in _in_order(illegal(name, text))]
    assert min(map(len, legal.values())) > 20
    best, *_ = sorted((brute_cost(a, b), a, b) for a in legal["A"] for b in legal["B"])
    answer = solved(instance, 30.0)
    assert (answer.status, answer.cost, answer.bound, answer.broken) == ("optimal", best[0], best[0], ())
    assert cost_of(instance, {"A": row_of(best[1]), "B": row_of(best[2])}) == best[0]
    assert (answer.gap, answer.instance.listed) == (0.0, None)


def _in_order(rules: set[str]) -> list[str]:
    order = ("days_off", "cannot_follow", "most_shifts", "minutes", "most_in_a_row", "least_in_a_row")
    return [rule for rule in (*order, "least_off_in_a_row", "most_weekends") if rule in rules]


def test_rows_that_nobody_may_work_are_infeasible(instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "Tiny.txt"
    path.write_text(TEXT.replace("3000,1500", "3000,2990"), encoding="utf-8")
    answer = solved(read_instance(path), 30.0)
    assert (answer.status, answer.cost, answer.gap) == ("infeasible", None, None)


def test_all_lines_that_are_wrong_are_told(tmp_path: Path) -> None:
    spoilt = TEXT.replace("L,600,E", "L,many,N").replace("A,E=9|L=2,3000", "A,E9,3000").replace("B,2,E,9", "C,9,E,9")
    (tmp_path / "Bad.txt").write_text(spoilt.replace("8,L,1,5,5", "8,L,1,5"), encoding="utf-8")
    (tmp_path / "Short.txt").write_text("5\nSECTION_LUNCH\nSECTION_SHIFTS\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_directory(tmp_path)
    told = {(Path(fault.file or "").stem, fault.line, fault.code, fault.value) for fault in caught.value.faults}
    assert told == {
        ("Bad", 8, "bad_number", "many"),
        ("Bad", 8, "unknown_shift", "N"),
        ("Bad", 12, "bad_most", "E9"),
        ("Bad", 25, "unknown_employee", "C"),
        ("Bad", 25, "bad_number", "9"),
        ("Bad", 38, "bad_row", "8,L,1,5"),
        ("Short", 1, "no_section", "5"),
        ("Short", 2, "unknown_section", "SECTION_LUNCH"),
        *(("Short", 1, "missing_section", f"SECTION_{name}") for name in ("HORIZON", "SHIFTS", "STAFF", "COVER")),
    }


def test_the_command_shows_cost_and_proof_and_the_listed_cost(tmp_path: Path) -> None:
    (tmp_path / "Instance10.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "Instance2.txt").write_text(TEXT, encoding="utf-8")
    assert [each.name for each in read_directory(tmp_path)] == ["Instance2", "Instance10"]
    done = CliRunner().invoke(app, ["literature", str(tmp_path), "--only", "Instance2", "--threads", "1"])
    assert done.exit_code == 0, done.output
    assert "optimal" in done.output
    assert "828" in done.output
    assert CliRunner().invoke(app, ["literature", str(tmp_path), "--only", "none"]).exit_code == 2
