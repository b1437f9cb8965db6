"""Reports of records: tables for all, losses beside wins, charts, and what became of the numbers to reach.

`report.md` has the tables; `report.html` the same and the charts, one file that opens without a network. The same
records give the same bytes, in whatever order their files are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.compare import contradictions
from benchmarks.record import Record
from benchmarks.report import sections
from benchmarks.report.document import Block, Heading, Paragraph, html, markdown
from benchmarks.report.groups import distinct, groups
from benchmarks.report.targets import Reached, Target, alone_by_limits, judged, read_targets

__all__ = ["TARGETS", "Reached", "Target", "alone_by_limits", "blocks_of", "judged", "read_targets", "write_report"]

TARGETS = Path(__file__).parents[1] / "targets.csv"
"""The numbers to reach of this project."""


def blocks_of(records: Iterable[Record], targets: Sequence[Target]) -> list[Block]:
    """The blocks of the report of records, at least one."""
    known = distinct(records)
    series = sorted({record.series for record in known})
    days = len({record.input_sha256 for record in known})
    blocks: list[Block] = [Heading(1, "Benchmark report")]
    blocks.append(
        Paragraph(
            f"{len(known)} runs in {len(series)} series, "
            f"{series[0]:%Y-%m-%d} to {series[-1]:%Y-%m-%d}, on {days} days. "
            "The protocol is `benchmarks/README.md`; the records show every figure here, and this report is written "
            "from them alone by `python -m benchmarks report`."
        )
    )
    blocks += sections.contradiction_blocks(contradictions(known))
    blocks += sections.target_blocks(judged(targets, known))
    for group in groups(known):
        blocks += sections.group_blocks(group)
    blocks += sections.peer_blocks()
    blocks += sections.reading_blocks()
    return blocks


def write_report(records: Iterable[Record], targets: Sequence[Target], folder: Path) -> tuple[Path, Path]:
    """Write `report.md` and `report.html` into a folder, made if need be; their paths."""
    blocks = blocks_of(records, targets)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "report.md", folder / "report.html"
    for path, text in zip(paths, (markdown(blocks), html(blocks)), strict=True):
        path.write_text(text, encoding="utf-8", newline="\n")
    return paths
