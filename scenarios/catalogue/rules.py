"""Reading `rules.json`: the rules of the scheme in one place, each with its value, its basis and its source."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from optimizer.domain import Fault, InvalidProblem, ServiceRules
from optimizer.units import DAY_S, HOUR_S, MINUTE_S
from scenarios.catalogue.nouns import Basis, SchemeRules
from scenarios.catalogue.sheet import Folder

FILE = "rules.json"
SCHEMA_VERSION = 1
BASES = ("fact", "ASSUMPTION")

_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")

Reader = Callable[[Any], Any]
"""Turns the value in the file into the value of the rules; raises ValueError with the rule in words."""


def _clock_s(value: Any) -> int:
    """08:00 -> 28,800; 24:00 is the end of the day."""
    parts = re.fullmatch(r"(\d\d):(\d\d)", value) if isinstance(value, str) else None
    if parts is None or int(parts[2]) > 59 or int(parts[1]) * HOUR_S + int(parts[2]) * MINUTE_S > DAY_S:
        raise ValueError("a time of the day like 08:00")
    return int(parts[1]) * HOUR_S + int(parts[2]) * MINUTE_S


def _whole(low: int, high: int, scale: int = 1) -> Reader:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value * scale

    return read


def _listed(value: Any, what: str, read: Callable[[str], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"a list of {what}")
    try:
        return tuple(read(item) for item in value)
    except ValueError:
        raise ValueError(f"a list of {what}") from None


def _words(value: Any) -> tuple[str, ...]:
    def read(word: str) -> str:
        if not _WORD.fullmatch(word):
            raise ValueError
        return word

    return tuple(_listed(value, "words of letters, digits, - and _", read))


def _month_days(value: Any) -> tuple[tuple[int, int], ...]:
    def read(text: str) -> tuple[int, int]:
        date = dt.date.fromisoformat(f"2024-{text}")  # a leap year: 29 February may be a closed day
        return date.month, date.day

    return tuple(_listed(value, "month and day, like 01-26", read))


def _dates(value: Any) -> tuple[dt.date, ...]:
    return tuple(_listed(value, "dates like 2026-12-01", dt.date.fromisoformat))


_RULES: dict[str, Reader] = {
    "open": _clock_s,
    "close": _clock_s,
    "closed_every_year": _month_days,
    "closed_dates": _dates,
    "services_per_slot": _whole(1, 1),  # more than one is another problem; see the model of a day
    "slot_minutes": _whole(1, 1_440, MINUTE_S),
    "cutoff_hours": _whole(0, 10_000, HOUR_S),
    "application_fee_rs": _whole(0, 100_000),
    "payment_modes": _words,
    "due_days_default": _whole(1, 1_000),
    "travel_margin_percent": _whole(0, 1_000),
}
_ASSUMPTIONS: dict[str, Reader] = {
    "shift_minutes": _whole(1, 1_440, MINUTE_S),
    "overtime_minutes": _whole(0, 1_440, MINUTE_S),
    "break_minutes": _whole(0, 1_440, MINUTE_S),
    "break_earliest_after_minutes": _whole(0, 1_440, MINUTE_S),
    "break_latest_after_minutes": _whole(0, 1_440, MINUTE_S),
    "kits": _words,
    "kit_percent": _whole(0, 100),
    "home_start_percent": _whole(0, 100),
    "stops_per_executive": _whole(1, 100),
    "sunday_demand_percent": _whole(0, 1_000),
    "busy_percent": _whole(0, 1_000),
    "full_percent": _whole(0, 100),
}


def read_rules(folder: Folder) -> SchemeRules | None:
    """The rules of a folder, None with the faults noted in the folder when they cannot be used."""
    text = folder.content(FILE, required=True)
    if text is None:
        return None
    before = len(folder.faults)
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        folder.faults.append(Fault((FILE, error.lineno, error.colno), "bad_json", error.msg, "JSON"))
        return None
    values: dict[str, Any] = {}
    basis: dict[str, Basis] = {}
    folder.faults.extend(fault.under(FILE) for fault in _entry_faults(tree, values, basis))
    if len(folder.faults) > before:
        return None
    try:
        return _scheme(values, basis)
    except InvalidProblem as invalid:
        folder.faults.extend(fault.under(FILE, "rules") for fault in invalid.faults)
        return None


def _entry_faults(tree: Any, values: dict[str, Any], basis: dict[str, Basis]) -> Iterator[Fault]:
    """Reads every entry into `values` and `basis`; yields what is wrong."""
    if not isinstance(tree, dict):
        yield Fault((), "wrong_type", type(tree).__name__, "an object")
        return
    if tree.get("schema_version") != SCHEMA_VERSION:
        yield Fault(("schema_version",), "bad_version", tree.get("schema_version"), f"version {SCHEMA_VERSION}")
    for key in tree.keys() - {"schema_version", "rules", "assumptions"}:
        yield Fault((key,), "unknown_field", key, "one of schema_version, rules, assumptions")
    for section, readers in (("rules", _RULES), ("assumptions", _ASSUMPTIONS)):
        entries = tree.get(section)
        if not isinstance(entries, dict):
            yield Fault((section,), "missing_field", entries, "an object with an entry for each rule")
            continue
        for name in sorted(entries.keys() - readers.keys()):
            yield Fault((section, name), "unknown_field", name, f"one of {', '.join(readers)}")
        for name, read in readers.items():
            entry = entries.get(name)
            if not isinstance(entry, dict) or entry.keys() != {"value", "basis", "source"}:
                yield Fault((section, name), "missing_field", entry, "an object of value, basis and source")
                continue
            if entry["basis"] not in BASES:
                yield Fault((section, name, "basis"), "bad_choice", entry["basis"], f"one of {', '.join(BASES)}")
            basis[name] = Basis(str(entry["basis"]), str(entry["source"]))
            try:
                values[name] = read(entry["value"])
            except ValueError as error:
                yield Fault((section, name, "value"), "bad_value", entry["value"], str(error))


def _scheme(values: dict[str, Any], basis: dict[str, Basis]) -> SchemeRules:
    faults = []
    if values["break_earliest_after_minutes"] > values["break_latest_after_minutes"]:
        faults.append(
            Fault(("break_latest_after_minutes",), "bad_order", None, "not before break_earliest_after_minutes")
        )
    if faults:
        raise InvalidProblem(faults)
    return SchemeRules(
        service=ServiceRules(
            open_s=values["open"],
            close_s=values["close"],
            slot_s=values["slot_minutes"],
            closed_days=values["closed_every_year"],
            closed_dates=values["closed_dates"],
            cutoff_s=values["cutoff_hours"],
            due_days_default=values["due_days_default"],
        ),
        services_per_slot=values["services_per_slot"],
        application_fee_rs=values["application_fee_rs"],
        payment_modes=values["payment_modes"],
        travel_margin_percent=values["travel_margin_percent"],
        shift_s=values["shift_minutes"],
        overtime_s=values["overtime_minutes"],
        break_s=values["break_minutes"],
        break_earliest_after_s=values["break_earliest_after_minutes"],
        break_latest_after_s=values["break_latest_after_minutes"],
        kits=frozenset(values["kits"]),
        kit_percent=values["kit_percent"],
        home_start_percent=values["home_start_percent"],
        stops_per_executive=values["stops_per_executive"],
        sunday_demand_percent=values["sunday_demand_percent"],
        busy_percent=values["busy_percent"],
        full_percent=values["full_percent"],
        basis=basis,
    )
