"""Reading `labour_rules.json`: what may be asked of an executive, each number with its basis, source and confidence.

Facts of the press and of drafts, and house rules, marked as such: parameters, not legal advice. Reading tells all
faults at once, each with its place in the file, the value and the rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from optimizer.calendar import slot_grid
from optimizer.domain import Break, Fault, InvalidProblem, Shift, TimeWindow
from optimizer.roster import LabourRules, ShiftPattern
from optimizer.units import DAY_S, HOUR_S, MINUTE_S
from scenarios.catalogue import Basis, SchemeRules

FILE = "labour_rules.json"
SCHEMA_VERSION = 1
BASES = ("fact", "ASSUMPTION")
CONFIDENCES = ("high", "medium-high", "medium", "low", "none")
"""How sure it is that the law says so; none: no law was found to say it."""
_ENTRY = {"value", "basis", "source", "confidence"}
_DAY_MINUTES = DAY_S // MINUTE_S

Reader = Callable[[Any], Any]
"""Turns the value in the file into the value of the rules; raises ValueError with the rule in words."""


@dataclass(frozen=True, slots=True)
class LabourBasis(Basis):
    """What a labour rule rests on, and how sure that is: one of `CONFIDENCES`."""

    confidence: str


def labour_rules(path: str | Path | None = None) -> LabourRules:
    """The labour rules of a file, or those that come with the package. Raises InvalidProblem with every fault."""
    return LabourRules(**_read(path)[0])


def labour_basis(path: str | Path | None = None) -> Mapping[str, LabourBasis]:
    """What each number of `labour_rules` rests on, by its name there. Raises as it does."""
    return _read(path)[1]


def default_patterns(
    scheme: SchemeRules, rules: LabourRules, slot_minutes: int | None = None
) -> tuple[ShiftPattern, ...]:
    """A shift of the scheme's length from each full hour at which it fits into the opening hours: H08, H09, ...

    The break begins no earlier than the scheme says, and as late as it and the labour rules let it, but is over when
    their stretch of work is, and no more than a stretch is left after it: by the committed rules it begins 3 h to 4.5 h
    after the shift, 3.5 h to 4.5 h on a shift of 9 h. It is as long as the scheme or the labour rules want, whichever
    is longer. Overtime is that of the scheme, up to midnight. Shifts that hold no whole slot (of the scheme, or of
    `slot_minutes`) are left out.

    Raises InvalidProblem when no shift fits, or when none of this length keeps the labour rules.
    """
    grid, shift_s = slot_grid(scheme.service, slot_minutes), scheme.shift_s
    patterns: list[ShiftPattern] = []
    faults: list[Fault] = []
    first_s = -(-grid.open_s // HOUR_S) * HOUR_S
    for open_s in range(first_s, grid.close_s - shift_s + 1, HOUR_S):
        shift = Shift(open_s, open_s + shift_s, min(scheme.overtime_s, DAY_S - open_s - shift_s))
        pattern = ShiftPattern(f"H{open_s // HOUR_S:02d}", shift, _pause(scheme, rules, shift))
        faults.extend(
            Fault((pattern.pattern_id,), "pattern_breaks_rule", rule.value, text)
            for rule, text in rules.against(pattern)
        )
        if any(pattern.quarters(grid)):
            patterns.append(pattern)
    if faults:
        raise InvalidProblem(faults)
    if not patterns:
        rule = "a shift from a full hour on that fits into the opening hours and holds a whole slot"
        raise InvalidProblem([Fault(("shift_minutes",), "no_shift_fits", shift_s // MINUTE_S, rule)])
    return tuple(patterns)


def _pause(scheme: SchemeRules, rules: LabourRules, shift: Shift) -> Break | None:
    """The break of a shift, None where neither the scheme nor the labour rules want one that fits into it."""
    length_s = shift.close_s - shift.open_s
    needed = rules.stretch_s is not None and length_s > rules.stretch_s
    pause_s = max(scheme.break_s, rules.rest_s if needed else 0)
    earliest_s, latest_s = scheme.break_earliest_after_s, min(scheme.break_latest_after_s, length_s - pause_s)
    if needed and rules.stretch_s is not None:
        earliest_s = max(earliest_s, length_s - pause_s - rules.stretch_s)  # what is left after it is no longer either
        latest_s = min(latest_s, max(0, rules.stretch_s - pause_s))
    if pause_s == 0 or latest_s < 0:
        return None
    earliest_s = min(earliest_s, latest_s)
    return Break(pause_s, TimeWindow(shift.open_s + earliest_s, shift.open_s + latest_s))


# ------------------------------------------------------------------------------------ reading


def _whole(low: int, high: int, scale: int = 1, *, optional: bool = False) -> Reader:
    def read(value: Any) -> int | None:
        if value is None and optional:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            off = ", or null for no such rule" if optional else ""
            raise ValueError(f"a whole number from {low:,} to {high:,}{off}")
        return value * scale

    return read


def _clock_s(value: Any) -> int:
    """20:00 -> 72,000; 24:00 is the end of the day."""
    parts = re.fullmatch(r"([0-9]{2}):([0-5][0-9])", value) if isinstance(value, str) else None
    if parts is None or int(parts[1]) * HOUR_S + int(parts[2]) * MINUTE_S > DAY_S:
        raise ValueError("a time of the day like 20:00")
    return int(parts[1]) * HOUR_S + int(parts[2]) * MINUTE_S


_RULES: dict[str, tuple[str, Reader]] = {
    "max_day_minutes": ("max_day_s", _whole(0, _DAY_MINUTES, MINUTE_S, optional=True)),
    "max_week_minutes": ("max_week_s", _whole(0, 7 * _DAY_MINUTES, MINUTE_S, optional=True)),
    "max_spread_minutes": ("max_spread_s", _whole(0, _DAY_MINUTES, MINUTE_S, optional=True)),
    "stretch_minutes": ("stretch_s", _whole(0, _DAY_MINUTES, MINUTE_S, optional=True)),
    "rest_minutes": ("rest_s", _whole(0, _DAY_MINUTES, MINUTE_S)),
    "max_run_days": ("max_run_days", _whole(1, 366, optional=True)),
    "free_days": ("free_days", _whole(0, 7)),
    "min_rest_minutes": ("min_rest_s", _whole(0, _DAY_MINUTES, MINUTE_S, optional=True)),
    "closing_from": ("closing_s", _clock_s),
    "max_closing": ("max_closing", _whole(0, 7, optional=True)),
}
"""Names in the file: the field of `LabourRules`, and how its value is read. Ranges are those of `LabourRules`."""


def _read(path: str | Path | None) -> tuple[dict[str, Any], dict[str, LabourBasis]]:
    source: Traversable = files("scenarios") / "data" / FILE if path is None else Path(path)
    if not source.is_file():
        raise InvalidProblem([Fault((source.name,), "missing_file", str(source), "the labour rules are there")])
    try:
        tree = json.loads(source.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        rule = f"UTF-8 text; byte {error.start} is not"
        raise InvalidProblem([Fault((source.name,), "not_utf8", error.reason, rule)]) from None
    except json.JSONDecodeError as error:
        raise InvalidProblem([Fault((source.name, error.lineno, error.colno), "bad_json", error.msg, "JSON")]) from None
    values: dict[str, Any] = {}
    basis: dict[str, LabourBasis] = {}
    faults = [fault.under(source.name) for fault in _faults(tree, values, basis)]
    if faults:
        raise InvalidProblem(faults)
    return values, basis


def _faults(tree: Any, values: dict[str, Any], basis: dict[str, LabourBasis]) -> Iterator[Fault]:
    """Reads every entry into `values` and `basis`; yields what is wrong."""
    if not isinstance(tree, dict):
        yield Fault((), "wrong_type", type(tree).__name__, "an object")
        return
    if tree.get("schema_version") != SCHEMA_VERSION:
        yield Fault(("schema_version",), "bad_version", tree.get("schema_version"), f"version {SCHEMA_VERSION}")
    for key in sorted(tree.keys() - {"schema_version", "rules"}):
        yield Fault((key,), "unknown_field", key, "one of schema_version, rules")
    entries = tree.get("rules")
    if not isinstance(entries, dict):
        yield Fault(("rules",), "missing_field", entries, "an object with an entry for each rule")
        return
    for name in sorted(entries.keys() - _RULES.keys()):
        yield Fault(("rules", name), "unknown_field", name, f"one of {', '.join(_RULES)}")
    for name, (field, read) in _RULES.items():
        entry = entries.get(name)
        if not isinstance(entry, dict) or entry.keys() != _ENTRY:
            yield Fault(("rules", name), "missing_field", entry, "an object of value, basis, source and confidence")
            continue
        for key, choices in (("basis", BASES), ("confidence", CONFIDENCES)):
            if entry[key] not in choices:
                yield Fault(("rules", name, key), "bad_choice", entry[key], f"one of {', '.join(choices)}")
        if not isinstance(entry["source"], str) or not entry["source"].strip():
            yield Fault(("rules", name, "source"), "empty", entry["source"], "says where the value comes from")
        basis[field] = LabourBasis(str(entry["basis"]), str(entry["source"]), str(entry["confidence"]))
        try:
            values[field] = read(entry["value"])
        except ValueError as error:
            yield Fault(("rules", name, "value"), "bad_value", entry["value"], str(error))
