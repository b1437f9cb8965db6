"""`mitaan study`: read, simulate what is not done yet, put together, tell."""

from __future__ import annotations

import os
from contextlib import closing
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from api.console import (
    DONE,
    DONE_WITH_BROKEN_RULES,
    NOTHING,
    counting,
    faults_told,
    note,
    refuse,
    say,
    say_json,
    working,
)
from api.planning import make_ready
from api.study_cli.given import read_spec
from api.study_cli.kept import Kept
from api.study_cli.page import study_page
from api.study_cli.spread import Done, here, spread
from api.study_cli.told import command_line, day_words, days, study_json, tell_study
from optimizer.domain import Fault
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.files import write_files
from scenarios.study import (
    Cell,
    CellResult,
    Findings,
    StudySpec,
    cells_csv,
    differences_csv,
    run_cell,
    study_csv,
)

MOST_TOLD = 10
"""Days that failed of which the reason is told one by one."""


def study(
    city: Annotated[str, typer.Option(help="The city.")] = "raipur",
    executives: Annotated[str, typer.Option(metavar="NUMBERS", help="As 4..10 or 4,6,8.")] = "4..10",
    slot_minutes: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Lengths of slots; the scheme's if not given.")
    ] = None,
    seeds: Annotated[
        str, typer.Option(metavar="N|NUMBERS", help="Days of chance: 10 are the seeds 1 to 10; or as 11..20.")
    ] = "10",
    date: Annotated[str, typer.Option(metavar="DATE", help="Date of the day.")] = "2026-12-01",
    demand: Annotated[int, typer.Option(metavar="PERCENT", help="Of the wishes and deliveries of the city.")] = 100,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For the plan of each day.")
    ] = 5.0,
    iterations: Annotated[
        int | None, typer.Option(help="End each plan after so many steps instead: repeatable.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one for each core if not given.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results; out/study-CITY if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, on stdout.")] = False,
) -> None:
    """How many executives does a city need? Simulates days and compares. The same command goes on where it was."""
    with faults_told(as_json):
        catalogue = load_catalogue()
        count = _cores() if workers is None else workers
        spec = read_spec(
            catalogue, city, executives, slot_minutes, seeds, date, demand, time_limit, iterations, count, out
        )
        folder = Path("out") / f"study-{spec.city}" if out is None else out
        kept = Kept(folder, spec.conditions(version("mitaan-optimizer")))
    _tell_begin(spec, kept)
    failed = _simulated(catalogue, spec, kept, count, as_json)
    results = [kept.results[cell] for cell in spec.cells() if cell in kept.results]
    if results:
        findings = Findings(results)
        texts = {
            "study.csv": study_csv(findings.rows),
            "differences.csv": differences_csv((*findings.more_executives, *findings.longer_slots)),
            "cells.csv": cells_csv(findings.results),
            "study.html": study_page(catalogue, spec, findings, len(failed)),
        }
        try:
            write_files(folder, texts)
        except OSError as error:
            _cannot_write(error, kept, as_json)
        if as_json:
            say_json(study_json(spec, findings, failed, [str(folder / name) for name in texts]))
        else:
            tell_study(catalogue, spec, findings)
            say(f"written to {folder}: {', '.join(texts)} (open it in a browser)")
    elif as_json:
        say_json(study_json(spec, Findings([]), failed, []))
    if failed and not as_json:
        _tell_failed(failed)
    raise typer.Exit(DONE_WITH_BROKEN_RULES if failed else DONE)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tell_begin(spec: StudySpec, kept: Kept) -> None:
    there = sum(cell in kept.results for cell in spec.cells())
    if there:
        note(f"{there} of {days(len(spec.cells()))} are simulated already, in {kept.path}")
    if kept.others:
        note(f"{kept.path}: {days(kept.others)} of another study, date, limit or version stay as they are")
    if kept.broken:
        lines = "1 line" if kept.broken == 1 else f"{kept.broken} lines"
        note(f"{kept.path}: {lines} cannot be read and will not be used")


# ------------------------------------------------------------------------------------- simulating


def _simulated(catalogue: Catalogue, spec: StudySpec, kept: Kept, workers: int, quiet: bool) -> dict[Cell, str]:
    """Simulate the days that are not kept yet, and keep each as soon as it is done; why the others failed."""
    cells = spec.cells()
    left = [cell for cell in cells if cell not in kept.results]
    failed: dict[Cell, str] = {}
    workers = min(workers, len(left))
    if not left:
        return failed
    try:
        with working("making ready; the first time on a machine this compiles for about half a minute"):
            make_ready()
        outcomes = (
            here(partial(run_cell, catalogue, spec), left)
            if workers == 1
            else spread(partial(_one, spec), left, workers, make_ready)
        )
        with closing(outcomes), counting("days simulated", quiet) as tell:
            tell(len(cells) - len(left), len(cells))
            for done, (cell, outcome) in enumerate(outcomes, len(cells) - len(left) + 1):
                if isinstance(outcome, Done):
                    kept.keep(outcome.result)
                else:
                    failed[cell] = outcome.reason
                tell(done, len(cells))
    except KeyboardInterrupt:
        _stopped(spec, kept)
    except OSError as error:
        _cannot_write(error, kept, quiet)
    return failed


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def _one(spec: StudySpec, cell: Cell) -> CellResult:
    """One day, in a process of its own."""
    return run_cell(_catalogue(), spec, cell)


def _stopped(spec: StudySpec, kept: Kept) -> None:
    there = sum(cell in kept.results for cell in spec.cells())
    note(f"mitaan: stopped; {there} of {days(len(spec.cells()))} are kept in {kept.path}")
    note(f"the same command goes on from there: {command_line(spec, kept.path.parent)}")
    raise typer.Exit(NOTHING)


def _cannot_write(error: OSError, kept: Kept, as_json: bool) -> None:
    if kept.results:
        are = "is" if len(kept.results) == 1 else "are"
        note(f"{days(len(kept.results))} {are} kept in {kept.path}; the same command goes on from there")
    where = str(error.filename or kept.path)
    refuse([Fault(("out",), "file", where, error.strerror or str(error))], as_json, writes=False)


def _tell_failed(failed: dict[Cell, str]) -> None:
    for cell, reason in list(failed.items())[:MOST_TOLD]:
        note(f"not simulated: {day_words(cell)}: {reason}")
    more = f", of {MOST_TOLD} of which the reason stands above" if len(failed) > MOST_TOLD else ""
    note(f"{days(len(failed))} could not be simulated{more}; the same command tries them again")
