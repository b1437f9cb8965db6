"""`mitaan study`: what it writes and says, how it goes on, what it refuses, what a bad day or a dead process costs."""

import csv
import datetime as dt
import errno
import json
import os
import re
import signal
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.study_cli import command
from api.study_cli.given import numbers, seeds
from api.study_cli.kept import Kept
from api.study_cli.page import study_page
from api.study_cli.spread import KILLED, Done, Failed, here, spread
from api.study_cli.told import command_line, give_or_take, interval_words
from optimizer.domain import InvalidProblem
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.study import Cell, CellResult, Findings, Interval, Setting, StudySpec, run_cell

TINY = ("--city", "dhamtari", "--executives", "2..3", "--slot-minutes", "60", "--demand", "20", "--iterations", "1")
DATE = dt.date(2026, 12, 1)
FILES = ("study.csv", "differences.csv", "cells.csv", "study.html")


def study(folder: Path, *words: str, workers: int = 1) -> Result:
    return CliRunner().invoke(app, ["study", *TINY, "--workers", str(workers), "--out", str(folder), *words])


def done(folder: Path, *words: str, workers: int = 1) -> Result:
    result = study(folder, *words, workers=workers)
    assert result.exit_code == 0, result.output
    return result


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def faults(*words: str) -> list[tuple[str, object]]:
    result = CliRunner().invoke(app, ["study", *words, "--json"])
    assert result.exit_code == 2, result.output
    return [(fault["pointer"], fault["value"]) for fault in json.loads(result.stdout)["errors"]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that nobody has interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    done(folder, "--seeds", "2")
    return folder


# ----------------------------------------------------------------------------------------- answers


def test_a_study_writes_its_tables_and_its_page(whole: Path) -> None:
    assert sorted(p.name for p in whole.iterdir()) == sorted([*FILES, "cells.jsonl"])
    rows = list(csv.DictReader(StringIO((whole / "study.csv").read_text("utf-8"))))
    assert [(row["executives"], row["slot_minutes"], row["seeds"]) for row in rows] == [
        ("2", "60", "2"),
        ("3", "60", "2"),
    ]
    assert all(0 < float(row["served_percent_mean"]) <= 100 for row in rows)
    assert len((whole / "cells.csv").read_text("utf-8").splitlines()) == 5
    assert len((whole / "cells.jsonl").read_text("utf-8").splitlines()) == 4


def test_the_terminal_shows_settings_and_differences(whole: Path) -> None:
    told = done(whole, "--seeds", "2").stdout
    assert "Dhamtari, Tue 2026-12-01: 5 wishes and 4 deliveries a day (20 % of the ordinary demand)" in told
    assert "More executives: what changes" in told
    assert "2 to 3" in told
    assert "Longer slots" not in told, "there is only one length"


def test_json_has_what_the_tables_have(whole: Path) -> None:
    answer = json.loads(done(whole, "--seeds", "2", "--json").stdout)
    assert answer["study"]["executives"] == [2, 3]
    assert answer["study"]["iterations"] == 1
    rows = list(csv.DictReader(StringIO((whole / "study.csv").read_text("utf-8"))))
    for told, row in zip(answer["rows"], rows, strict=True):
        assert told["served_percent"]["mean"] == pytest.approx(float(row["served_percent_mean"]), abs=1e-4)
        assert told["served_percent"]["values"] == 2
    (difference,) = answer["more_executives"]
    assert difference["from"] == {"executives": 2, "slot_minutes": 60}
    assert difference["to"] == {"executives": 3, "slot_minutes": 60}
    assert set(difference["served_wishes"]) == {"mean", "low", "high", "values"}
    assert answer["failed"] == []
    assert [Path(name).name for name in answer["files"]] == list(FILES)


def test_the_page_is_well_formed_opens_offline_and_has_a_chart_for_each_measure_drawn(whole: Path) -> None:
    text = (whole / "study.html").read_text("utf-8")
    page = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  our own page
    assert "default-src &#x27;none&#x27;" in text
    assert not re.search(r"<script|src=|@import|url\((?!#)", text)
    assert set(re.findall(r"https?://[^\"'\s]+", text)) == {"http://www.w3.org/2000/svg"}
    svg = "{http://www.w3.org/2000/svg}"
    charts = page.findall(f".//{svg}svg")
    assert len(charts) == 3
    for chart in charts:
        assert chart.get("role") == "img"
        assert chart.get("aria-label")
        words = [node.text for node in chart.iter(f"{svg}text")]
        assert "executives on the roster" in words
        points = [node for node in chart.iter(f"{svg}path") if node.get("class") == "point"]
        assert len(points) == 2 + 1, "two settings, and one in the key"
    captions = [node.text for node in page.iter("caption")]
    assert captions == ["Results by setting", "What more executives change"]


def test_a_page_can_be_drawn_of_one_setting_of_many_and_of_no_values() -> None:
    catalogue = load_catalogue()
    spec = StudySpec("korba", (4,), (60,), (1,), DATE)
    one = CellResult(4, 60, 1, 40, 30, 20, 3, 2, 20, 10, 36_000, 24_000, 0, 50_000, None)
    none = CellResult(4, 60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None)
    many = [
        CellResult(e, m, s, 40, min(40, 20 + e // 8 + s), 9, 0, 0, 20, 10, 36_000, 24_000, e, 50_000, 49_000)
        for e in range(1, 101, 9)
        for m in (15, 20, 30, 40, 45, 60, 90, 120)
        for s in (1, 2)
    ]
    for results in ([one], [none], many):
        text = study_page(catalogue, spec, Findings(results), failed=3)
        ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  our own page
        assert not re.search(r"\b(nan|inf)\b", text)
        assert "3 days could not be simulated" in text
    assert "3 of 40 wishes were for a service that takes longer than a slot" in study_page(
        catalogue, spec, Findings([one]), 0
    )


def test_intervals_in_words() -> None:
    assert interval_words(Interval(96.44, 94.9, 97.98, 10)) == "96.4 [94.9, 98.0]"
    assert interval_words(Interval(-0.001, -0.5, 12.0, 3), signed=True) == "0.00 [-0.50, +12.0]"
    assert interval_words(Interval(3.14159, None, None, 1)) == "3.14"
    assert interval_words(None) is None
    assert give_or_take(Interval(96.44, 94.9, 97.98, 10)) == "96.4 \u00b1 1.54"


def test_the_command_that_is_told_makes_the_same_study() -> None:
    spec = StudySpec("korba", (4, 5, 6, 9), (60,), (7,), DATE, 150, 2.5)
    words = command_line(spec, Path("my out"))
    assert words == (
        "mitaan study --city korba --executives 4..6,9 --slot-minutes 60 --seeds 7..7 --date 2026-12-01 "
        "--demand 150 --time-limit 2.5 --out 'my out'"
    )
    assert numbers("4..6,9", "executives", 500) == spec.executives
    assert seeds("7..7") == spec.seeds


# ------------------------------------------------------------------------------------------ going on


def test_an_interrupted_study_goes_on_and_ends_with_the_same_bytes(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [2]

    def interrupted(catalogue: Catalogue, spec: StudySpec, cell: Cell) -> CellResult:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return run_cell(catalogue, spec, cell)

    monkeypatch.setattr(command, "run_cell", interrupted)
    stopped = study(tmp_path, "--seeds", "2")
    assert stopped.exit_code == 3
    assert "2 of 4 days are kept" in stopped.stderr
    assert "the same command goes on from there: mitaan study --city dhamtari" in stopped.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["cells.jsonl"]
    left[0] = 2
    gone_on = done(tmp_path, "--seeds", "2")
    assert "2 of 4 days are simulated already" in gone_on.stderr
    assert contents(tmp_path) == contents(whole)


def test_a_line_that_was_cut_off_is_done_again(whole: Path, tmp_path: Path) -> None:
    kept = (whole / "cells.jsonl").read_bytes()
    (tmp_path / "cells.jsonl").write_bytes(kept[: kept.index(b"\n") + 40])
    gone_on = done(tmp_path, "--seeds", "2")
    assert "1 line cannot be read" in gone_on.stderr
    assert contents(tmp_path) == contents(whole)
    assert len((tmp_path / "cells.jsonl").read_bytes().splitlines()) == 5


def test_a_study_that_is_done_simulates_nothing_again(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cells.jsonl").write_bytes((whole / "cells.jsonl").read_bytes())
    monkeypatch.setattr(command, "run_cell", lambda *_: pytest.fail("this day is done"))
    done(tmp_path, "--seeds", "2")
    assert contents(tmp_path) == contents(whole)


def test_more_seeds_go_on_where_fewer_ended(tmp_path: Path, whole: Path) -> None:
    done(tmp_path, "--seeds", "1")
    assert "2 of 4 days are simulated already" in done(tmp_path, "--seeds", "2").stderr
    assert contents(tmp_path) == contents(whole)


def test_a_changed_study_is_not_mixed_with_the_days_of_another(tmp_path: Path) -> None:
    done(tmp_path, "--seeds", "1")
    before = contents(tmp_path)
    changed = done(tmp_path, "--seeds", "1", "--demand", "40")
    assert "2 days of another study" in changed.stderr
    assert "already" not in changed.stderr
    wishes = {row["wishes"] for row in csv.DictReader(StringIO((tmp_path / "cells.csv").read_text("utf-8")))}
    assert wishes == {"10"}
    again = done(tmp_path, "--seeds", "1")
    assert "2 of 2 days are simulated already" in again.stderr
    assert contents(tmp_path) == before


def test_several_processes_give_the_same_bytes_as_one(whole: Path, tmp_path: Path) -> None:
    done(tmp_path, "--seeds", "2", workers=2)
    assert contents(tmp_path) == contents(whole)


# ------------------------------------------------------------------------------------------- refused


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    words = ("--city", "korbu", "--executives", "4..x,0,10..4", "--slot-minutes", "50,5", "--seeds", "0")
    more = ("--demand", "0", "--time-limit", "0", "--iterations", "0", "--workers", "0", "--date", "2026-13-01")
    found = faults(*words, *more, "--out", str(blocked / "out"))
    assert sorted(pointer for pointer, _ in found) == sorted(
        [
            *("/city", "/executives", "/executives", "/executives", "/slot_minutes", "/slot_minutes", "/seeds"),
            *("/demand", "/time_limit", "/iterations", "/workers", "/date", "/out"),
        ]
    )
    assert {("/executives", "4..x"), ("/executives", "0"), ("/executives", "10..4"), ("/seeds", "0")} <= set(found)
    assert list(tmp_path.iterdir()) == [blocked]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--executives", ""), ("/executives", "")),
        (("--executives", "-4"), ("/executives", "-4")),
        (("--executives", "\u0664"), ("/executives", "\u0664")),
        (("--executives", "1..999999999"), ("/executives", "1..999999999")),
        (("--executives", "501"), ("/executives", "501")),
        (("--seeds", "2.5"), ("/seeds", "2.5")),
        (("--seeds", "9" * 30), ("/seeds", f"1..{'9' * 30}")),
        (("--slot-minutes", "7"), ("/slot_minutes", 7)),
        (("--slot-minutes", "10"), ("/slot_minutes", 10)),
        (("--date", "2026-08-15"), ("/date", "2026-08-15")),
        (("--date", "2021-01-04"), ("/date", "2021-01-04")),
        (("--date", "9999-12-31"), ("/date", "9999-12-31")),
        (("--date", "20261201"), ("/date", "20261201")),
        (("--time-limit", "nan"), ("/time_limit", "nan")),
        (("--executives", "1..51", "--seeds", "100"), ("", 5_100)),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_value(words: tuple[str, ...], expected: tuple[str, object]) -> None:
    assert expected in faults(*words)


def test_numbers_are_read_in_order_and_once() -> None:
    assert numbers("8, 4..6,5", "executives", 500) == (4, 5, 6, 8)
    assert seeds("3") == (1, 2, 3)
    assert seeds("3..3") == (3,)
    assert seeds("3,9") == (3, 9)
    with pytest.raises(InvalidProblem):
        numbers("4,,5", "executives", 500)


# ------------------------------------------------------------------------------------- what goes wrong


def test_a_day_that_fails_does_not_lose_the_others(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Cell(Setting(3, 60), 1)

    def failing(catalogue: Catalogue, spec: StudySpec, cell: Cell) -> CellResult:
        if cell == bad:
            raise ValueError("no road there")
        return run_cell(catalogue, spec, cell)

    with monkeypatch.context() as patched:
        patched.setattr(command, "run_cell", failing)
        result = study(tmp_path, "--seeds", "2")
        answer = json.loads(study(tmp_path, "--seeds", "2", "--json").stdout)
    assert result.exit_code == 1
    assert "not simulated: 3 executives, 60-minute slots, seed 1: ValueError: no road there" in result.stderr
    assert answer["failed"] == [{"executives": 3, "slot_minutes": 60, "seed": 1, "reason": "ValueError: no road there"}]
    assert [row["seeds"] for row in answer["rows"]] == [2, 1]
    done(tmp_path, "--seeds", "2")
    assert contents(tmp_path) == contents(whole), "the same command tries the day again"


def test_when_every_day_fails_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> CellResult:
        raise ValueError("no road anywhere")

    monkeypatch.setattr(command, "run_cell", failing)
    result = study(tmp_path / "out", "--seeds", "9")
    assert result.exit_code == 1
    assert result.stderr.count("no road anywhere") == command.MOST_TOLD
    assert "18 days could not be simulated" in result.stderr
    assert not (tmp_path / "out").exists()
    answer = json.loads(study(tmp_path / "out", "--seeds", "1", "--json").stdout)
    assert (answer["rows"], answer["files"], len(answer["failed"])) == ([], [], 2)


def test_a_full_disk_is_told_and_what_is_kept_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Kept.keep

    def full(self: Kept, result: CellResult) -> None:
        if self.results:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        keep(self, result)

    monkeypatch.setattr(Kept, "keep", full)
    result = study(tmp_path, "--seeds", "1")
    assert result.exit_code == 2
    assert "1 day is kept" in result.stderr.replace("\n", " ")
    assert "No space left on device" in result.stderr
    assert "nothing was written" not in result.stderr


def test_a_folder_that_takes_no_tables_is_told(tmp_path: Path) -> None:
    (tmp_path / "study.csv").mkdir()
    result = study(tmp_path, "--seeds", "1")
    assert result.exit_code == 2
    assert "Is a directory" in result.stderr
    assert "2 days are kept" in result.stderr.replace("\n", " ")


def _piece(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def _nothing() -> None:
    pass


def test_a_process_that_is_killed_takes_no_other_piece_with_it() -> None:
    outcomes = dict(spread(_piece, range(8), 2, _nothing))
    assert outcomes.pop(5) == Failed(KILLED)
    assert outcomes.pop(3) == Failed("ValueError: three")
    assert outcomes == {number: Done(number * number) for number in (0, 1, 2, 4, 6, 7)}


def test_work_that_fails_here_is_told_too() -> None:
    assert dict(here(_piece, [2, 3])) == {2: Done(4), 3: Failed("ValueError: three")}


def test_an_interrupt_is_no_reason_but_the_end() -> None:
    def interrupted(_: int) -> int:
        raise KeyboardInterrupt

    work: Callable[[int], int] = interrupted
    with pytest.raises(KeyboardInterrupt):
        list(here(work, [1]))
