"""A report as blocks, and the two forms it is written in: Markdown, and one HTML file that opens offline.

Both are written from the same blocks, so neither can say what the other does not. A chart is in the HTML only; the
table next to it has its figures and is in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from api.page.markup import Markup, join, tag

_CODE = re.compile(r"`([^`]+)`")
_MARKDOWN = str.maketrans({"|": "\\|", "<": "&lt;", "\n": " ", "\r": " "})
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title of the report."""

    level: int
    words: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words; what stands between backticks is code. A warning is set apart."""

    words: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under columns. `right` names the columns of numbers; an empty table says `empty` instead."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()
    empty: str = "Nothing."


@dataclass(frozen=True, slots=True)
class Charts:
    """Drawings side by side, in the HTML only; `instead` says in the Markdown where to find their figures."""

    drawings: tuple[Markup, ...]
    instead: str


Block = Heading | Paragraph | Table | Charts


# ------------------------------------------------------------------------------------ markdown


def markdown(blocks: Iterable[Block]) -> str:
    """The blocks as Markdown with pipe tables."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_cell(block.words)}"
    if isinstance(block, Paragraph):
        return f"**Note:** {block.words}" if block.warning else block.words
    if isinstance(block, Charts):
        return f"*{block.instead}*"
    if not block.rows:
        return f"**{block.caption}** {block.empty}"
    marks = ("---:" if column in block.right else "---" for column in block.columns)
    lines = [_line(block.columns), "| " + " | ".join(marks) + " |", *(_line(row) for row in block.rows)]
    return f"**{block.caption}**\n\n" + "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(words: str) -> str:
    return words.translate(_MARKDOWN)


# ---------------------------------------------------------------------------------------- html


def html(blocks: Sequence[Block]) -> str:
    """The blocks as one HTML file: nothing is fetched, there is no script, light and dark as the reader has it."""
    title = next((block.words for block in blocks if isinstance(block, Heading)), "Report")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(_css())),
    )
    anchors = {id(block): f"part-{place}" for place, block in enumerate(_parts(blocks), start=1)}
    links = (tag("a", _short(block.words), href=f"#{anchors[id(block)]}") for block in _parts(blocks))
    body = join(_html(block, anchors.get(id(block))) for block in blocks)
    page = tag("body", tag("nav", *links, aria_label="Parts"), tag("main", body))
    return "<!DOCTYPE html>\n" + tag("html", head, page, lang="en") + "\n"


def _parts(blocks: Iterable[Block]) -> list[Heading]:
    return [block for block in blocks if isinstance(block, Heading) and block.level == 2]


def _short(words: str) -> str:
    return words.partition(":")[0]


def _html(block: Block, anchor: str | None) -> Markup:
    if isinstance(block, Heading):
        return tag(f"h{block.level}", *_coded(block.words), id=anchor)
    if isinstance(block, Paragraph):
        return tag("p", *_coded(block.words), class_="warning" if block.warning else None)
    if isinstance(block, Charts):
        return tag("div", *block.drawings, class_="charts")
    return _table(block)


def _table(table: Table) -> Markup:
    if not table.rows:
        return tag("p", tag("strong", *_coded(table.caption)), " ", *_coded(table.empty))
    kinds = ["number" if column in table.right else None for column in table.columns]
    head = tag("tr", *(tag("th", c, scope="col", class_=kind) for c, kind in zip(table.columns, kinds, strict=True)))
    rows = []
    above = None
    for row in table.rows:
        first, *others = row
        cells = [tag("th", "" if first == above else first, scope="row", aria_label=first)]
        cells += [tag("td", *_coded(c), class_=_kind(c, kind)) for c, kind in zip(others, kinds[1:], strict=True)]
        rows.append(tag("tr", *cells, class_=None if first == above else "new"))
        above = first
    whole = tag("table", tag("thead", head), tag("tbody", *rows), aria_label=table.caption)
    title = tag("p", *_coded(table.caption), class_="caption")
    return join((title, tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=table.caption)))


_VERDICTS = {"won": "good", "met": "good", "yes": "good", "lost": "bad", "missed": "bad", "no": "bad"}
_LONG = 60
"""Cells with more letters than this are broken into lines."""


def _kind(cell: str, kind: str | None) -> str | None:
    """The class of a cell: of a number, of a verdict, or of a long text."""
    verdict = _VERDICTS.get(re.split("[:;]", cell, maxsplit=1)[0])
    return kind or verdict or ("long" if len(cell) > _LONG else None)


def _coded(words: str) -> list[Markup | str]:
    return [tag("code", piece) if place % 2 else piece for place, piece in enumerate(_CODE.split(words))]


@lru_cache(maxsize=1)
def _css() -> str:
    return (files("benchmarks.report") / "report.css").read_text(encoding="utf-8").strip()
