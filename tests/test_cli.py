"""The command line as people and scripts use it: answers, files, exit codes, faults, and no traceback."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from api.cli import app
from api.console import cost_words, run
from api.start import ended_by_ctrl_c
from scenarios.files import read_day

ROOT = Path(__file__).parent.parent
DAYS = ROOT / "scenarios" / "data" / "days"
SCHEMA = ROOT / "scenarios" / "schema"
RAIPUR = str(DAYS / "raipur.json")
MITAAN = [sys.executable, "-c", "from api.start import main; main()"]


def mitaan(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def answered(*words: str, code: int = 0) -> Any:
    result = mitaan(*words)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def bare_day(**changes: Any) -> dict[str, Any]:
    day = json.loads((DAYS / "dhamtari.json").read_text(encoding="utf-8"))
    return {**day, **changes}


def written(folder: Path, day: dict[str, Any]) -> str:
    path = folder / "day.json"
    path.write_text(json.dumps(day), encoding="utf-8")
    return str(path)


# ------------------------------------------------------------------------------------ plan


def test_a_plan_in_json_has_the_names_scripts_rely_on_and_fits_its_schema(tmp_path: Path) -> None:
    answer = answered("plan", RAIPUR, "--engine", "insertion", "--iterations", "9", "--json", "--out", str(tmp_path))
    names = {
        *("status", "cost", "cost_terms", "lower_bound", "gap", "broken_promises", "unassigned"),
        *("engine", "seed", "runtime_s", "travel_origin", "input_sha256"),
    }
    assert names <= answer.keys()
    assert answer["status"] == "feasible"
    assert answer["broken_promises"] == []
    assert answer["cost"] == sum(answer["cost_terms"].values())
    Draft202012Validator(json.loads((SCHEMA / "plan.json").read_text(encoding="utf-8"))).validate(answer)
    on_disk = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert on_disk == answer
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.html", "plan.json", "roster.csv", "routes.geojson"]
    with (tmp_path / "roster.csv").open(encoding="utf-8-sig", newline="") as file:
        stops = [row for row in csv.DictReader(file) if row["visit"]]
    assert len(stops) == sum(len(route["stops"]) for route in answer["routes"])
    assert answered("check", RAIPUR, str(tmp_path / "plan.json"), "--json") == {"violations": [], "same_input": True}
    assert answered("scenario", "hash", RAIPUR, "--json")["input_sha256"] == answer["input_sha256"]


def test_the_table_names_every_executive_with_a_route_and_the_figures() -> None:
    result = mitaan("plan", RAIPUR, "--engine", "insertion", "--iterations", "9")
    assert result.exit_code == 0
    assert all(f"E{number:02d}" in result.stdout for number in range(1, 12))
    assert "served 52 of 52 appointments" in result.stdout
    assert "cost by term" in result.stdout


def test_broken_promises_end_with_one_and_their_reasons(tmp_path: Path) -> None:
    nobody = [{**visit, "held_by": None} if "held_by" in visit else visit for visit in bare_day()["visits"]]
    path = written(tmp_path, bare_day(executives=[], visits=nobody))
    answer = answered("plan", path, "--iterations", "3", "--json", code=1)
    assert answer["status"] == "infeasible"
    assert len(answer["broken_promises"]) == 26
    assert {visit["reason"]["code"] for visit in answer["broken_promises"]} == {"no_executive"}
    assert answer["gap"] is None


def test_a_day_without_visits_is_optimal(tmp_path: Path) -> None:
    staff = [{**e, "preferred_visits": []} for e in bare_day()["executives"]]
    answer = answered("plan", written(tmp_path, bare_day(visits=[], executives=staff)), "--json")
    assert (answer["status"], answer["cost"], answer["gap"], answer["routes"]) == ("optimal", 0, 0, [])


def test_stopping_before_there_is_a_plan_ends_with_three_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = mitaan("plan", RAIPUR, "--time-limit", "0", "--out", str(out))
    assert result.exit_code == 3
    assert not out.exists()


def test_bad_input_ends_with_two_tells_every_fault_and_writes_nothing(tmp_path: Path) -> None:
    day = bare_day(slot_minutes=60)
    day["visits"][0]["service_s"] = -5
    day["visits"][1]["colour"] = "red"
    day["executives"][0]["shift"]["open"] = "2026-12-01T08:00:00+00:00"
    path, out = written(tmp_path, day), tmp_path / "out"
    result = mitaan("plan", path, "--out", str(out))
    assert result.exit_code == 2
    assert "/visits/0/service_s" in result.stderr
    assert "/visits/1/colour" in result.stderr
    assert "/executives/0/shift/open" in result.stderr
    assert "Traceback" not in result.output
    assert not out.exists()
    faults = answered("plan", path, "--json", code=2)["errors"]
    assert {"/visits/0/service_s", "/visits/1/colour", "/executives/0/shift/open"} <= {f["pointer"] for f in faults}
    assert all({"code", "value", "rule"} <= fault.keys() for fault in faults)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "no-such-file.json"), "no_such_file"),
        (("plan", RAIPUR, "--engine", "magic"), "unknown_engine"),
        (("services", "--city", "raipurr"), "raipur"),
        (("services", "--on", "tomorrow"), "bad_date"),
        (("calendar", "show", "raipur", "--from", "2026-12-02", "--to", "2026-12-01"), "bad_range"),
        (("calendar", "show", "raipur", "--slot-minutes", "7"), "bad_slot_length"),
        (("scenario", "new", "--date", "2027-01-26"), "closed"),
        (("scenario", "new", "--preset", "bank"), "unknown_preset"),
        (("scenario", "new", "--visits", "10"), "not_used"),
        (("plan", RAIPUR, "--out", "pyproject.toml/out"), "Not a directory"),
        (("explain", RAIPUR, RAIPUR), "error"),
        (("plan", RAIPUR, "--threads", "0"), "threads"),
    ],
)
def test_every_wrong_word_is_told_without_a_traceback(words: tuple[str, ...], said: str) -> None:
    result = mitaan(*words)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_too_many_visits_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITAAN_MAX_VISITS", "10")
    assert "too_many_visits" in mitaan("plan", RAIPUR).output
    monkeypatch.setenv("MITAAN_MAX_VISITS", "many")
    assert mitaan("plan", RAIPUR).exit_code == 2


def test_a_defect_is_one_line_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def broken() -> None:
        raise ZeroDivisionError("in a test")

    with pytest.raises(SystemExit) as left:
        run(broken)  # type: ignore[arg-type]
    assert left.value.code == 70
    assert "defect: ZeroDivisionError: in a test" in capsys.readouterr().err


# ----------------------------------------------------------------------------- check, explain


def test_check_finds_what_was_changed_by_hand(tmp_path: Path) -> None:
    mitaan("plan", RAIPUR, "--engine", "insertion", "--iterations", "9", "--out", str(tmp_path))
    path = tmp_path / "plan.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    plan["cost_terms"]["travel"] -= 1
    plan["cost"] -= 1
    path.write_text(json.dumps(plan), encoding="utf-8")
    found = answered("check", RAIPUR, str(path), "--json", code=1)["violations"]
    assert {violation["code"] for violation in found} == {"cost_misreported"}
    result = mitaan("check", RAIPUR, str(path))
    assert result.exit_code == 1
    assert "cost_misreported" in result.stdout


def test_terms_that_do_not_add_up_are_a_violation_and_another_day_is_said(tmp_path: Path) -> None:
    mitaan("plan", RAIPUR, "--engine", "insertion", "--iterations", "9", "--out", str(tmp_path))
    path = tmp_path / "plan.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**plan, "cost_terms": {**plan["cost_terms"], "travel": 0}}), encoding="utf-8")
    found = answered("check", RAIPUR, str(path), "--json", code=1)["violations"]
    assert {violation["code"] for violation in found} == {"cost_misreported"}
    path.write_text(json.dumps({**plan, "input_sha256": "0" * 64}), encoding="utf-8")
    assert answered("check", RAIPUR, str(path), "--json") == {"violations": [], "same_input": False}


def test_a_file_that_cannot_be_replaced_leaves_all_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "plan.html").mkdir()
    result = mitaan("plan", RAIPUR, "--engine", "insertion", "--iterations", "2", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "plan.html" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["plan.html"]


def test_a_prefix_that_cannot_be_run_is_told_by_its_place_in_the_file(tmp_path: Path) -> None:
    day = bare_day()
    late = max((v for v in day["visits"] if v["kind"] == "appointment"), key=lambda v: v["slot"])
    early = min((v for v in day["visits"] if v["kind"] == "appointment"), key=lambda v: v["slot"])
    for visit in (late, early):
        visit["skills"] = []
    day["executives"][0]["fixed_prefix"] = [late["id"], early["id"]]
    (fault,) = answered("plan", written(tmp_path, day), "--json", code=2)["errors"]
    assert (fault["pointer"], fault["code"]) == ("/executives/0/fixed_prefix", "prefix_cannot_be_run")


def test_explain_tells_of_visits_planned_and_not_planned(tmp_path: Path) -> None:
    mitaan("plan", RAIPUR, "--engine", "insertion", "--iterations", "9", "--out", str(tmp_path))
    plan = str(tmp_path / "plan.json")
    left = answered("explain", RAIPUR, plan, "--json")["visits"]
    assert [visit["reasons"][0]["code"] for visit in left] == ["cheaper_later"] * len(left)
    (one,) = answered("explain", RAIPUR, plan, "A001", "--json")["visits"]
    assert one["planned"]
    assert len(one["explanation"]["others"]) == 10
    assert mitaan("explain", RAIPUR, plan, "A001").stdout.startswith("A001 is stop")
    assert mitaan("explain", RAIPUR, plan, "nobody").exit_code == 2


# -------------------------------------------------------------------------------------- facts


def test_fourteen_cities_and_with_all_forty_four_more() -> None:
    launch = answered("cities", "--json")["cities"]
    assert len(launch) == 14
    assert {city["name_hi"] for city in launch} >= {"रायपुर", "कोरबा"}
    assert len(answered("cities", "--all", "--json")["cities"]) == 58
    assert "रायपुर" in mitaan("cities").stdout


def test_services_by_date_and_their_fees() -> None:
    early = {s["id"] for s in answered("services", "--on", "2022-05-01", "--city", "raipur", "--json")["services"]}
    assert "birth_certificate" in early
    assert "aadhaar_child_enrolment" not in early
    everything = {s["id"]: s for s in answered("services", "--json")["services"]}
    assert everything["birth_certificate"]["total_fee_rs"] == 50
    assert everything["income"]["total_fee_rs"] is None
    assert "जन्म प्रमाण पत्र" in mitaan("services").stdout


def test_the_calendar_knows_closures_and_slots_on_the_hour() -> None:
    days = answered("calendar", "show", "raipur", "--from", "2026-08-14", "--to", "2026-08-15", "--json")["days"]
    assert [day["open"] for day in days] == [True, False]
    assert days[1]["closed_because"] == "closed_every_year"
    assert [slot["open"] for slot in days[0]["slots"]][:2] == ["2026-08-14T08:00:00+05:30", "2026-08-14T09:00:00+05:30"]
    assert len(days[0]["slots"]) == 12
    half = answered(
        "calendar", "show", "raipur", "--from", "2026-08-14", "--to", "2026-08-14", "--slot-minutes", "30", "--json"
    )
    assert len(half["days"][0]["slots"]) == 24
    before = answered("calendar", "show", "raipur", "--from", "2022-04-30", "--to", "2022-05-01", "--json")["days"]
    assert [day["closed_because"] for day in before] == ["not_in_scheme_yet", None]


# ---------------------------------------------------------------------------------- scenarios


def test_a_drawn_day_is_the_same_again_and_names_its_hash(tmp_path: Path) -> None:
    words = ("scenario", "new", "--city", "korba", "--date", "2026-12-02", "--load", "busy", "--seed", "7")
    first = mitaan(*words, "--out", str(tmp_path / "a.json"))
    second = mitaan(*words)
    assert first.exit_code == second.exit_code == 0
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert second.stdout == text
    digest = answered("scenario", "hash", str(tmp_path / "a.json"), "--json")["input_sha256"]
    assert f"sha256 {digest}" in first.stderr


def test_a_day_survives_the_way_over_two_tables(tmp_path: Path) -> None:
    made = mitaan(
        "scenario", "new", "--preset", "bench", "--visits", "9", "--executives", "3", "--out", str(tmp_path / "d.json")
    )
    assert made.exit_code == 0
    assert mitaan("scenario", "export", str(tmp_path / "d.json"), "--out", str(tmp_path)).exit_code == 0
    tables = [str(tmp_path / "visits.csv"), str(tmp_path / "executives.csv")]
    words = ("--city", "raipur", "--date", "2026-12-01", "--out", str(tmp_path / "e.json"))
    assert mitaan("scenario", "import", *tables, *words).exit_code == 0
    before, after = (json.loads((tmp_path / name).read_text(encoding="utf-8")) for name in ("d.json", "e.json"))
    assert before["visits"] == after["visits"]
    assert before["executives"] == after["executives"]


def test_the_presets_draw_plain_days_and_days_with_all_rules_with_slots_as_asked(tmp_path: Path) -> None:
    days = {}
    for preset in ("bench", "field"):
        path = tmp_path / f"{preset}.json"
        sizes = ("--visits", "8", "--deliveries", "4", "--executives", "5", "--slot-minutes", "30")
        assert mitaan("scenario", "new", "--preset", preset, *sizes, "--out", str(path)).exit_code == 0
        days[preset] = read_day(path).problem
    assert {day.grid.slot_s for day in days.values()} == {1_800}
    assert [any(e.pause for e in day.executives) for day in days.values()] == [False, True]


def test_travel_times_can_be_written_corrected_and_used(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    mitaan("scenario", "new", "--preset", "bench", "--visits", "6", "--executives", "2", "--out", str(path))
    assert mitaan("travel", "table", str(path), "--out", str(tmp_path / "matrix.csv")).exit_code == 0
    day = json.loads(path.read_text(encoding="utf-8"))
    by_formula = answered("plan", str(path), "--engine", "insertion", "--iterations", "9", "--json")
    day["travel"] = {"source": "matrix", "file": "matrix.csv", "margin_pct": 0}
    by_matrix = answered("plan", written(tmp_path, day), "--engine", "insertion", "--iterations", "9", "--json")
    assert by_matrix["cost"] == by_formula["cost"]
    assert by_matrix["input_sha256"] != by_formula["input_sha256"]
    assert by_matrix["travel_origin"] != by_formula["travel_origin"]


# ------------------------------------------------------------------------- the program itself


def test_the_version_is_told() -> None:
    assert mitaan("--version").stdout.strip() == "0.1.0"


def test_demo_plans_raipur_and_says_what_to_look_at(tmp_path: Path) -> None:
    result = mitaan("demo", "--out", str(tmp_path / "out"), "--time-limit", "1")
    assert result.exit_code == 0, result.output
    assert "plan.html" in result.stdout.splitlines()[-3]
    assert (tmp_path / "out" / "plan.html").stat().st_size > 50_000


def test_ctrl_c_while_loading_ends_in_one_line_whatever_is_loaded() -> None:
    swallowing = """
import os, signal
from api.start import ended_by_ctrl_c
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background ignores Ctrl-C
with ended_by_ctrl_c("gone", 7):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(10**6))
    except BaseException:
        print("swallowed")
print("went on")
"""
    done = subprocess.run([sys.executable, "-c", swallowing], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "gone\n")


def test_after_loading_ctrl_c_is_what_it_was() -> None:
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ended_by_ctrl_c("gone", 7):
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, found)


def test_a_verdict_says_how_many_broken_promises_cannot_be_avoided() -> None:
    document = {"cost": 1_000, "gap": None, "broken_promises_weight": 5, "broken_promises_bound": 3}
    assert cost_words(document) == "cost 1,000 cost seconds (no bound), promises of weight 5 broken (proven least 3)"
    kept = {"cost": 1_000, "gap": 0.0, "broken_promises_weight": 0, "broken_promises_bound": 0}
    assert cost_words(kept) == "cost 1,000 cost seconds (proven optimal)"


def test_ctrl_c_keeps_the_best_plan(tmp_path: Path) -> None:
    words = [*MITAAN, "plan", RAIPUR, "--time-limit", "120", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("insertion"):  # there is a plan now
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))["runtime_s"] < 60


def test_a_terminal_without_hindi_shows_something_else_and_goes_on() -> None:
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*MITAAN, "cities"], cwd=ROOT, capture_output=True, text=True, check=True, env=narrow)
    assert "Raipur" in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have a file that is always full")
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_an_answer_that_cannot_be_written_is_not_blamed_on_the_input(as_json: tuple[str, ...]) -> None:
    words = [*MITAAN, "plan", RAIPUR, "--engine", "insertion", "--iterations", "2", *as_json]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 70
    assert "could not be written to stdout" in done.stderr
    assert "nothing was written" not in done.stderr


def test_output_that_nobody_reads_is_no_error() -> None:
    begin = f'{sys.executable} -c "from api.start import main; main()"'
    script = f"{begin} plan {RAIPUR} --engine insertion --iterations 3 | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.splitlines()[-1] == "0"
    assert "Traceback" not in done.stderr
