"""What the command line says, and how: tables and figures to stdout, progress and faults to stderr.

Machines read stdout with `--json`; nothing else is ever printed there then.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any, NoReturn

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from optimizer.domain import Fault, InvalidProblem, MitaanError, Problem, Progress
from optimizer.units import MINUTE_S
from scenarios.files import FileFault

DONE, DONE_WITH_BROKEN_RULES, BAD_INPUT, NOTHING, DEFECT = 0, 1, 2, 3, 70
"""Exit codes: 0 done; 1 done but with broken promises or violations; 2 bad input; 3 stopped with nothing.
70: an error of the program itself, or stdout took no more."""
INTERRUPTED = 130  # how the command-line library leaves after Ctrl-C
REFUSED = DONE_WITH_BROKEN_RULES
"""A verb on bookings or days that was refused: an answer, with its reasons; nothing has changed."""

LOG_EVERY_S = 5.0
PAGE_COLUMNS = 160
"""Columns of a table that is written where no terminal is."""
BETWEEN = 3
"""Columns that a table puts between two cells."""
MOST_SHOWN = 200
"""Characters shown of one value."""

_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF)
_CONTROLS = {code: chr(code).encode("unicode_escape").decode() for code in (*range(32), *range(127, 160), *_TURNING)}


class OutputLost(MitaanError):  # noqa: N818  (what happened, in two words)
    """Standard output took no more."""


class _Console(Console):
    """A console that leaves it to us what happens when nobody reads any more; the library would end with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


out = _Console(soft_wrap=True)
err = _Console(stderr=True, soft_wrap=True)


@contextmanager
def _unread() -> Iterator[None]:
    """When the reader of our stdout has gone, as `| head` does, the rest is said to nobody and all goes on."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk, say: not the fault of the input
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputLost(f"the answer could not be written to stdout: {error.strerror}") from None


def seen(text: str) -> str:
    """One line of text as a terminal may get it: what would steer it, or turn lines round, is spelled out."""
    return text.translate(_CONTROLS)


def short(value: object) -> str:
    """A value as a line of text, its end cut off when it is long."""
    text = str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}... ({len(text):,} characters)"


def say(text: str) -> None:
    """A line of plain text on stdout; nothing in it is read as markup."""
    with _unread():
        out.print(Text(seen(text)))


def note(text: str) -> None:
    """A line of plain text on stderr."""
    err.print(Text(seen(text)))


def say_json(document: object) -> None:
    """A JSON document on stdout, in UTF-8 whatever the locale."""
    say_text(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def say_text(text: str) -> None:
    """A text as it is on stdout, in UTF-8 whatever the locale."""
    with _unread():
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


def plain(value: object) -> Any:
    """Nouns as plain JSON values: dataclasses as objects by field name, sequences as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Sequence | frozenset) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value if isinstance(value, int | float | bool | None) else str(value)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Something that takes a while: a live line on a terminal, a plain one elsewhere."""
    if err.is_terminal:
        with err.status(what):
            yield
    else:
        note(what)
        yield


@contextmanager
def counting(what: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Something done piece by piece, told by pieces done and pieces in all: a bar on a terminal, lines elsewhere."""
    if quiet:
        yield lambda done, total: None  # noqa: ARG005  (nothing is shown)
    elif err.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Bar(*columns, console=err, transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        told_at_s = time.monotonic()
        note(what)

        def tell(done: int, total: int) -> None:
            nonlocal told_at_s
            if time.monotonic() - told_at_s >= LOG_EVERY_S:
                told_at_s = time.monotonic()
                note(f"{what}: {done} of {total}")

        yield tell


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Sequence[str] = (),
    *,
    fold: bool = False,
) -> None:
    """A table on stdout. `right` names the columns of numbers; None is shown as a dash.

    No word is ever broken: not an id, not a time. On a terminal too narrow for that a table to `fold` comes in parts,
    each with the first column, and every other one row by row, a line for each cell.
    """
    cells = [tuple("-" if cell is None else seen(str(cell)) for cell in row) for row in rows]
    room = _Console().width if out.is_terminal else PAGE_COLUMNS
    least = [_longest_word(column) for column in zip(columns, *cells, strict=True)]
    if out.is_terminal and _width(least) > room:
        if fold and _width([least[0], max(least[1:], default=0)]) <= room:
            _folded(title, columns, cells, right, least, room)
        else:
            _row_by_row(title, columns, cells)
        return
    most = [max(cell_len(cell) for cell in column) for column in zip(columns, *cells, strict=True)]
    room = max(room, _width(least))
    while _width(most) > room:  # what has most to spare gives way first
        widest = max(range(len(most)), key=lambda n: (most[n] > least[n], most[n]))
        most[widest] -= 1
    drawn = Table(title=Text(seen(title), style="table.title"), title_justify="left", header_style="bold")
    for column, width in zip(columns, most, strict=True):
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold", width=width)
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    with _unread():
        _Console(width=room).print(drawn)


def _longest_word(texts: Iterable[str]) -> int:
    return max((cell_len(word) for text in texts for word in text.split()), default=0)


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * len(widths) + 1


def _folded(
    title: str,
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    right: Sequence[str],
    least: Sequence[int],
    room: int,
) -> None:
    """The table in as few parts as have room, about equally wide."""
    others, parts = len(columns) - 1, 2
    while _width([least[0], *sorted(least[1:])[-math.ceil(others / parts) :]]) > room:
        parts += 1
    each = math.ceil(others / parts)
    for begin in range(1, len(columns), each):
        part = slice(begin, begin + each)
        table(title, (columns[0], *columns[part]), ((row[0], *row[part]) for row in cells), right)
        title = ""


def _row_by_row(title: str, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    say(title)
    for row in cells:
        say("")
        for column, cell in zip(columns, row, strict=True):
            if cell != "-":
                say(f"{column}: {cell}" if column else cell)


# ------------------------------------------------------------------------------------- faults


def fault_json(fault: Fault) -> dict[str, Any]:
    """A fault as plain JSON values, with the file it is in where that is known."""
    if isinstance(fault, FileFault):
        return fault.as_json()
    value = fault.value if isinstance(fault.value, str | int | float | bool | None) else str(fault.value)
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)  # NaN and infinity are no JSON
    return {"pointer": fault.pointer, "code": fault.code, "value": value, "rule": fault.rule}


def fault_line(fault: Fault) -> str:
    """A fault for people; what was not given at all has no value to show."""
    if isinstance(fault, FileFault):
        return str(fault)
    if fault.value is None:
        return f"{fault.pointer or '/'}: {fault.rule} [{fault.code}]"
    return str(fault if len(str(fault.value)) <= MOST_SHOWN else replace(fault, value=short(fault.value)))


def refuse(faults: Sequence[Fault], as_json: bool, *, writes: bool = True) -> NoReturn:
    """Tell every fault and end with exit code 2; who would have written hears that nothing was."""
    if as_json:
        say_json({"errors": [fault_json(fault) for fault in faults]})
    else:
        for fault in faults:
            note(fault_line(fault))
        count = f"{len(faults)} error{'s' if len(faults) > 1 else ''}"
        note(f"{count}; nothing was written." if writes else f"{count}.")
    raise typer.Exit(BAD_INPUT)


@contextmanager
def faults_told(as_json: bool = False, *, writes: bool = True) -> Iterator[None]:
    """Bad input inside becomes its list of faults and exit code 2."""
    try:
        yield
    except InvalidProblem as invalid:
        refuse(invalid.faults, as_json, writes=writes)
    except OSError as error:
        refuse([Fault((), "file", error.filename, error.strerror or str(error))], as_json, writes=writes)


def run(app: typer.Typer) -> NoReturn:
    """Run the application and leave with its exit code; no traceback reaches the user unless asked for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Hindi shows question marks, and no more
    try:
        app()
    except SystemExit as left:
        if left.code == INTERRUPTED:
            note("mitaan: stopped; nothing was written")
            sys.exit(NOTHING)
        raise
    except MitaanError as error:
        note(f"mitaan: {error}")
        sys.exit(DEFECT)
    except KeyboardInterrupt:
        note("mitaan: stopped; nothing was written")
        sys.exit(NOTHING)
    except Exception as error:  # the last line of defence: told in one line, in full when asked for
        if os.environ.get("MITAAN_TRACEBACK"):
            raise
        note(f"mitaan: defect: {type(error).__name__}: {error} (MITAAN_TRACEBACK=1 shows where)")
        sys.exit(DEFECT)
    sys.exit(DONE)


# ----------------------------------------------------------------------------------- progress


def cost_words(document: Mapping[str, Any]) -> str:
    """Cost and gap of a plan document in words."""
    gap = document["gap"]
    proven = "no bound" if gap is None else "proven optimal" if gap == 0 else f"within {gap:.1%} of the bound"
    if gap is not None and document["broken_promises_weight"]:
        proven += " of plans that break no more promises"
    words = f"cost {document['cost']:,} cost seconds ({proven})"
    if document["broken_promises_weight"] or document["broken_promises_bound"]:
        least = document["broken_promises_bound"]
        words += f", promises of weight {document['broken_promises_weight']} broken (proven least {least})"
    return words


def _minutes(seconds: float) -> str:
    return f"{seconds / MINUTE_S:.0f}"


def tell_plan(problem: Problem, document: dict[str, Any]) -> None:
    """The roster and the figures, for people."""
    figures = document["kpis"]
    columns = (
        "executive",
        "departs",
        "returns",
        "visits",
        "stops in order",
        "travel min",
        "km",
        "wait min",
        "overtime",
    )
    rows = []
    for route in document["routes"]:
        stops = route["stops"]
        rows.append(
            (
                route["executive"],
                route["depart"][11:16],
                route["return"][11:16],
                len(stops),
                " ".join(stop["visit"] for stop in stops),
                _minutes(route["travel_s"]),
                f"{route['distance_m'] / 1000:.1f}",
                _minutes(sum(stop["wait_s"] for stop in stops)),
                _minutes(route["overtime_s"]),
            )
        )
    table(f"{problem.city}, {problem.date}: roster", columns, rows, columns[3:4] + columns[5:])
    say(f"{document['status']}: {cost_words(document)}, engine {document['engine']}, {document['runtime_s']:.1f} s")
    terms = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in document["cost_terms"].items())
    say(f"cost by term (cost seconds): {terms}")
    say(
        f"served {figures['served_appointments']} of {len(problem.appointments)} appointments and "
        f"{figures['served_deliveries']} of {len(problem.deliveries)} deliveries"
    )
    for visit in document["unassigned"]:
        say(
            f"not planned: {visit['kind']} {visit['id']}: "
            + "; ".join(marked(r["text"], r["code"], r["proof"]) for r in visit["reasons"])
        )


def marked(text: str, code: str, proof: str) -> str:
    """A reason with its code, and whether it is proved."""
    return f"{text} [{code}, {proof}]"


class _Running:
    """A line that ends with a running clock."""

    def __init__(self, line: str, elapsed_s: float) -> None:
        self._line = line
        self._begin_s = time.monotonic() - elapsed_s

    def __rich__(self) -> Text:
        return Text(f"{self._line}, {time.monotonic() - self._begin_s:.1f} s")


class ProgressLine:
    """One live line on a terminal: phase, best cost, bound, gap, time. Elsewhere a line when there is news."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._status = err.status("starting") if err.is_terminal and not quiet else None
        self._told_at_s = -LOG_EVERY_S
        self._phase = ""

    def __enter__(self) -> ProgressLine:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one message of the planner."""
        if self._quiet:
            return
        best = "-" if progress.best is None else f"{progress.best.second_level_s:,}"
        broken = 0 if progress.best is None else progress.best.broken_promises
        bound = "-" if progress.lower_bound_s is None else f"{progress.lower_bound_s:,}"
        gap = "-" if progress.gap is None else f"{progress.gap:.2%}"
        kept = f", broken {broken} (at least {progress.broken_promises_bound})" if broken else ""
        known = "" if progress.columns is None else f", {progress.columns:,} columns"
        line = f"{progress.phase}: best {best}{kept}, bound {bound}, gap {gap}{known}"
        if self._status is not None:
            self._status.update(_Running(line, progress.elapsed_s))
        elif progress.phase != self._phase or progress.elapsed_s - self._told_at_s >= LOG_EVERY_S:
            self._phase, self._told_at_s = progress.phase, progress.elapsed_s
            note(f"{line}, {progress.elapsed_s:.1f} s")
