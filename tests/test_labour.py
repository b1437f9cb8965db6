"""Labour rules as data: what is committed equals the defaults, what is broken is told, shifts keep them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.calendar import slot_grid
from optimizer.domain import InvalidProblem
from optimizer.roster import LabourRules
from optimizer.units import HOUR_S, MINUTE_S
from scenarios import labour
from scenarios.catalogue import SchemeRules, load_catalogue
from scenarios.generate.staffing import hourly_patterns
from scenarios.labour import CONFIDENCES, FILE, default_patterns, labour_basis, labour_rules

COMMITTED = Path(labour.__file__).parent / "data" / FILE


@pytest.fixture
def tree() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    return made


@pytest.fixture(scope="module")
def scheme() -> SchemeRules:
    return load_catalogue().scheme


def file_of(tree: object, folder: Path) -> Path:
    path = folder / FILE
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


def told(path: Path) -> list[tuple[str, str]]:
    """Place and code of each fault of a file."""
    with pytest.raises(InvalidProblem) as caught:
        labour_rules(path)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_the_committed_rules_are_the_defaults() -> None:
    assert labour_rules() == LabourRules()
    assert labour_rules(COMMITTED) == LabourRules()


def test_every_number_says_what_it_rests_on_and_how_sure_that_is() -> None:
    basis = labour_basis()
    assert set(basis) == {field.name for field in dataclasses.fields(LabourRules)}
    for entry in basis.values():
        assert entry.basis in ("fact", "ASSUMPTION")
        assert entry.confidence in CONFIDENCES
        assert len(entry.source) > 10
        assert (entry.confidence == "none") == (entry.basis == "ASSUMPTION") == entry.source.startswith("house rule")


def test_null_switches_a_rule_off(tree: dict[str, Any], tmp_path: Path) -> None:
    tree["rules"]["min_rest_minutes"]["value"] = None
    assert labour_rules(file_of(tree, tmp_path)) == dataclasses.replace(LabourRules(), min_rest_s=None)


def test_all_faults_are_told_at_once_with_their_places(tree: dict[str, Any], tmp_path: Path) -> None:
    rules = tree["rules"]
    rules["max_day_minutes"]["value"] = 1_441
    rules["rest_minutes"]["value"] = None
    rules["free_days"]["basis"] = "guess"
    rules["max_closing"]["confidence"] = "very"
    rules["closing_from"]["value"] = "24:30"
    rules["max_run_days"]["value"] = True
    rules["stretch_minutes"]["source"] = " "
    del rules["max_spread_minutes"]
    del rules["max_week_minutes"]["confidence"]
    rules["lunch"] = {}
    assert told(file_of(tree | {"schema_version": 2, "more": 1}, tmp_path)) == [
        (f"/{FILE}/schema_version", "bad_version"),
        (f"/{FILE}/more", "unknown_field"),
        (f"/{FILE}/rules/lunch", "unknown_field"),
        (f"/{FILE}/rules/max_day_minutes/value", "bad_value"),
        (f"/{FILE}/rules/max_week_minutes", "missing_field"),
        (f"/{FILE}/rules/max_spread_minutes", "missing_field"),
        (f"/{FILE}/rules/stretch_minutes/source", "empty"),
        (f"/{FILE}/rules/rest_minutes/value", "bad_value"),
        (f"/{FILE}/rules/max_run_days/value", "bad_value"),
        (f"/{FILE}/rules/free_days/basis", "bad_choice"),
        (f"/{FILE}/rules/closing_from/value", "bad_value"),
        (f"/{FILE}/rules/max_closing/confidence", "bad_choice"),
    ]


def test_a_fault_names_the_value_and_the_rule(tree: dict[str, Any], tmp_path: Path) -> None:
    tree["rules"]["max_closing"]["value"] = 8
    with pytest.raises(InvalidProblem) as caught:
        labour_basis(file_of(tree, tmp_path))
    (fault,) = caught.value.faults
    assert (fault.value, fault.rule) == (8, "a whole number from 0 to 7, or null for no such rule")


@pytest.mark.parametrize(
    ("content", "place", "code"),
    [
        (None, f"/{FILE}", "missing_file"),
        (b"\xff\xfe", f"/{FILE}", "not_utf8"),
        (b'{"schema_version": 1,\n"rules": oops}', f"/{FILE}/2/10", "bad_json"),
        (b"[]", f"/{FILE}", "wrong_type"),
        (b'{"schema_version": 1, "rules": []}', f"/{FILE}/rules", "missing_field"),
    ],
)
def test_a_file_that_is_none_is_told(content: bytes | None, place: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / FILE
    if content is not None:
        path.write_bytes(content)
    assert told(path) == [(place, code)]


@pytest.mark.parametrize("name", [name for name in labour._RULES if name != "closing_from"])
def test_the_ranges_are_those_of_the_labour_rules(name: str) -> None:
    field, read = labour._RULES[name]
    scale = MINUTE_S if field.endswith("_s") else 1
    most = next(n for n in range(20_000, -1, -1) if not _refused(read, n))
    least = next(n for n in range(20_000) if not _refused(read, n))
    LabourRules(**{field: most * scale})
    LabourRules(**{field: least * scale})
    for beyond in (most + 1, least - 1):
        with pytest.raises(InvalidProblem):
            LabourRules(**{field: beyond * scale})


def _refused(read: labour.Reader, value: int) -> bool:
    try:
        read(value)
    except ValueError:
        return True
    return False


# ------------------------------------------------------------------------------------- shifts


def test_the_default_shifts_are_those_of_the_measured_instances(scheme: SchemeRules) -> None:
    patterns = default_patterns(scheme, LabourRules(), 60)
    assert patterns == hourly_patterns(slot_grid(scheme.service, 60))
    assert [pattern.pattern_id for pattern in patterns] == ["H08", "H09", "H10", "H11", "H12"]


def test_the_break_lies_in_the_hours_three_to_five(scheme: SchemeRules) -> None:
    for pattern in default_patterns(scheme, LabourRules(), 60):
        assert pattern.pause is not None
        assert pattern.pause.window.open_s == pattern.shift.open_s + 3 * HOUR_S
        assert pattern.pause.window.close_s + pattern.pause.duration_s == pattern.shift.open_s + 5 * HOUR_S


@pytest.mark.parametrize("stretch_s", [2 * HOUR_S, 10 * MINUTE_S])
def test_a_stretch_that_one_break_cannot_keep_is_told(scheme: SchemeRules, stretch_s: int) -> None:
    with pytest.raises(InvalidProblem) as caught:
        default_patterns(scheme, LabourRules(stretch_s=stretch_s))
    assert {(fault.code, fault.value) for fault in caught.value.faults} == {("pattern_breaks_rule", "rest_interval")}


@pytest.mark.parametrize(
    "rules",
    [
        LabourRules(),
        LabourRules(stretch_s=None),
        LabourRules(rest_s=HOUR_S),
    ],
)
@pytest.mark.parametrize("shift_h", [1, 4, 8, 9])
def test_default_shifts_keep_the_labour_rules_and_the_opening_hours(
    scheme: SchemeRules, rules: LabourRules, shift_h: int
) -> None:
    shorter = dataclasses.replace(scheme, shift_s=shift_h * HOUR_S)
    patterns = default_patterns(shorter, rules, 30)
    assert len(patterns) == 13 - shift_h
    for pattern in patterns:
        assert list(rules.against(pattern)) == []
        assert pattern.spread_s == shift_h * HOUR_S
        assert scheme.service.open_s <= pattern.shift.open_s
        assert pattern.shift.close_s <= scheme.service.close_s


@pytest.mark.parametrize("shift_h", [6, 8, 9])
def test_after_the_break_no_more_than_a_stretch_is_worked_either(scheme: SchemeRules, shift_h: int) -> None:
    rules = LabourRules()
    for pattern in default_patterns(dataclasses.replace(scheme, shift_s=shift_h * HOUR_S), rules):
        assert pattern.pause is not None
        assert rules.stretch_s is not None
        assert pattern.shift.close_s - pattern.pause.window.open_s - pattern.pause.duration_s <= rules.stretch_s


def test_shifts_begin_at_full_hours_also_where_the_service_does_not(scheme: SchemeRules) -> None:
    service = dataclasses.replace(
        scheme.service, open_s=8 * HOUR_S + 30 * MINUTE_S, close_s=18 * HOUR_S + 30 * MINUTE_S
    )
    patterns = default_patterns(dataclasses.replace(scheme, service=service), LabourRules())
    assert [pattern.pattern_id for pattern in patterns] == ["H09", "H10"]


def test_shifts_that_no_rule_allows_are_refused_by_rule(scheme: SchemeRules) -> None:
    with pytest.raises(InvalidProblem) as caught:
        default_patterns(scheme, LabourRules(max_day_s=7 * HOUR_S), 60)
    assert {(fault.code, fault.value) for fault in caught.value.faults} == {("pattern_breaks_rule", "max_day_hours")}
    assert "7.5 h worked, at most 7 h" in str(caught.value)


@pytest.mark.parametrize(("shift_s", "slot_minutes"), [(13 * HOUR_S, 60), (2 * HOUR_S, 360)])
def test_a_shift_that_does_not_fit_or_holds_no_slot_is_refused(
    scheme: SchemeRules, shift_s: int, slot_minutes: int
) -> None:
    with pytest.raises(InvalidProblem) as caught:
        default_patterns(dataclasses.replace(scheme, shift_s=shift_s), LabourRules(), slot_minutes)
    assert [fault.code for fault in caught.value.faults] == ["no_shift_fits"]
