"""What the records of capacity say: the newest of each command, city and load, as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Record = Mapping[str, Any]


def read(path: Path) -> list[Record]:
    """The records of a file, in the order in which they were made; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def newest(records: Sequence[Record], command: str) -> list[Record]:
    """Of records of one command the last of each city and load, by city."""
    found = {(r["city"], r["load_percent"]): r for r in records if r["command"] == command}
    return [found[key] for key in sorted(found)]


def show(records: Sequence[Record], console: Console) -> None:
    """All tables for which there are records."""
    for command, table in (
        ("calibrate", _calibrated),
        ("evaluate", _evaluated),
        ("rivals", _rivals),
        ("worth", _worth),
    ):
        own = newest(records, command)
        if own:
            console.print(table(own))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _calibrated(records: Sequence[Record]) -> Table:
    table = _table(
        "Calibrated",
        "city",
        "alpha",
        "prior",
        "kits apart",
        "remote min",
        "travel min",
        "prior",
        "served",
        "Wilson low",
    )
    for r in records:
        c, f = r["figures"]["capacity"], r["figures"]
        alpha = " ".join(f"{a:g}" for a in c["alpha"])
        apart = "yes" if c["kit_apart"] else "no"
        remote = "-" if c["remote_minutes"] is None else f"{c['remote_minutes']:g}"
        prior = f"{f['alpha_prior']:g}", f"{f['travel_prior_minutes']:g}"
        served = f"{c['served']}/{c['streams']}"
        table.add_row(
            *(r["city"], alpha, prior[0], apart, remote, f"{c['travel_minutes']:g}", prior[1], served),
            f"{c['wilson_low']:.4f}",
        )
    return table


def _evaluated(records: Sequence[Record]) -> Table:
    table = _table(
        "On fresh streams",
        *("city", "load %", "kept", "unknown", "Wilson low", "requests", "unservable", "accepted", "kits"),
        *("begun late %", "ended late %", "late min", "deliveries made %"),
    )
    for r in records:
        f = r["figures"]
        made = 100 * f["deliveries_made"] / max(1, f["deliveries"])
        table.add_row(
            *(r["city"], str(r["load_percent"]), f"{f['kept']:.4f}", str(f["unknown"]), f"{f['wilson_low']:.4f}"),
            *(f"{f[name]:g}" for name in ("requests", "unservable", "accepted", "accepted_kits")),
            *(f"{f[name]:g}" for name in ("begun_late_percent", "ended_late_percent", "late_minutes_each")),
            f"{made:.0f}",
        )
    return table


def _rivals(records: Sequence[Record]) -> Table:
    table = _table(
        "Beside rivals", "city", "rule", "setting", "kept", "Wilson low", "accepted", "ours more", "+/- (95 %)"
    )
    for r in records:
        for name, f in r["figures"].items():
            setting = "" if f["setting"] is None else " ".join(str(part) for part in f["setting"])
            below = "" if f["keeps_target"] else " below target"
            table.add_row(
                *(r["city"] if name == "ours" else "", name, setting, f"{f['kept']:.4f}"),
                *(f"{f['wilson_low']:.4f}{below}", f"{f['accepted']:g}", f"{f['ours_more']:g}"),
                f"{f['half_interval']:g}",
            )
    return table


def _worth(records: Sequence[Record]) -> Table:
    table = _table("What one more is worth", "city", "change", "more accepted a day", "by slot")
    for r in records:
        for number, row in enumerate(r["figures"]["rows"]):
            by_slot = " ".join(f"{added:.2f}" if added else "." for added in row["by_slot"])
            table.add_row(r["city"] if number == 0 else "", row["change"], f"{row['added']:g}", by_slot)
    return table
