"""What the records of booking say: the newest of each kind, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Record = Mapping[str, Any]

POLICY_COLUMNS = (
    ("accepted", "accepted a day"),
    ("half_interval", "+/- (95 %)"),
    ("less_exact", "beside exact"),
    ("first_choice_percent", "first choice %"),
    ("broken_least", "broken, least"),
    ("broken_most", "broken, most"),
    ("streams_with_broken", "days with broken"),
    ("undecided_percent", "left open %"),
    ("ask_p99_ms", "p99 ms"),
)


def read(path: Path) -> list[Record]:
    """The records of a file, in the order in which they were made."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def newest(records: Iterable[Record]) -> list[Record]:
    """Of records of the same command with the same settings the last one."""
    found: dict[tuple[Any, ...], Record] = {}
    for record in records:
        figures = record["figures"]
        names = ("city", "executives", "load_percent", "days", "bookings", "times", "steps", "cities")
        key = (record["command"], record["store"], *(str(figures.get(name)) for name in names))
        if record["command"] == "streams":
            key = (*key, *figures["policies"])
        found.pop(key, None)
        found[key] = record
    return list(found.values())


def show(records: Sequence[Record], console: Console) -> None:
    """Tables of the newest records, with the commit each was made of."""
    for record in newest(records):
        if record["command"] == "streams":
            console.print(_policies(record))
        else:
            console.print(_figures(record))


def _title(record: Record, words: str) -> str:
    return f"{words} ({record['at'][:16]}, commit {str(record['commit'])[:8]}, load {record['load']})"


def _policies(record: Record) -> Table:
    figures = record["figures"]
    words = (
        f"{figures['city']}, {figures['executives']} executives, {figures['calls']} callers a day "
        f"({figures['load_percent']} %), {figures['streams']} days"
    )
    drawn = Table(title=_title(record, words), title_justify="left")
    drawn.add_column("policy", no_wrap=True)
    for _, head in POLICY_COLUMNS:
        drawn.add_column(head, justify="right")
    for name, row in figures["policies"].items():
        drawn.add_row(name, *(str(row.get(key, "-")) for key, _ in POLICY_COLUMNS))
    return drawn


def _figures(record: Record) -> Table:
    store = f", {record['store']}" if record["store"] else ""
    drawn = Table(title=_title(record, f"{record['command']}{store}"), title_justify="left")
    drawn.add_column("figure")
    drawn.add_column("value", justify="right")
    for name, value in _flat(record["figures"], ""):
        drawn.add_row(name, value)
    return drawn


def _flat(figures: Mapping[str, Any], before: str) -> Iterable[tuple[str, str]]:
    for name, value in figures.items():
        words = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{words}: ")
        else:
            yield words, "none" if value == [] else str(value)
