"""What `python -m benchmarks` does: run series, show records. README.md is the protocol."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.console import BAD_INPUT, DONE, DONE_WITH_BROKEN_RULES, faults_told, note, run, say
from benchmarks import literature
from benchmarks.apart import measured_apart, warm_up_apart
from benchmarks.compare import by_series, compared
from benchmarks.literature_show import show_literature
from benchmarks.measure import Case, Place
from benchmarks.planners import GROUPS, NAMES, OURS, PEERS, named
from benchmarks.record import (
    RECORDS,
    ROOT,
    Outcome,
    Record,
    append,
    can_be_added_to,
    read_records,
    surroundings,
)
from benchmarks.report import TARGETS, Target, alone_by_limits, read_targets, write_report
from benchmarks.run import Interrupt, beginning, cases, run_series
from benchmarks.show import show_comparison, show_contradictions, show_courses, show_series
from benchmarks.suites import SMOKE_DAYS, SUITES, Suite, day_files, read_problems
from optimizer.domain import Fault, InvalidProblem, Limits
from optimizer.planner import AUTO

INTERRUPTED = 4
"""Exit code of a series ended by Ctrl-C: what it has recorded stays. The 130 of shells means that nothing does."""
MOST_SEEDS = 1_000
_SEEDS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")

app = typer.Typer(
    help="Measure engines by the protocol of benchmarks/README.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SMOKE_FILE, BENCH_FILE, RUNS_FILE, TARGETS_FILE = (
    RECORDS / f"{name}.jsonl" for name in ("smoke", "bench", "runs", "targets")
)
BENCH_SUITES = ("common", "full")


# ------------------------------------------------------------------------------ small pieces


@contextmanager
def _gathered(faults: list[Fault]) -> Iterator[None]:
    """Faults raised inside join the list, so that all bad input is told at once."""
    try:
        yield
    except InvalidProblem as invalid:
        faults.extend(invalid.faults)


def _shown(path: Path) -> str:
    """A path as it is told: from the root of the checkout where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _words(option: str, text: str) -> list[str]:
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise InvalidProblem([Fault((option,), "nothing_named", text, "at least one, several by comma")])
    return words


def _seeds(words: Sequence[str]) -> list[int]:
    """`1`, `4`, `7-9` as numbers. Raises InvalidProblem with every word that says none."""
    seeds: list[int] = []
    faults = []
    for row, word in enumerate(words):
        found = _SEEDS.fullmatch(word)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if not 0 <= last - first < MOST_SEEDS:
            faults.append(Fault(("seeds", row), "bad_seed", word, f"a number, or two as 1-5, at most {MOST_SEEDS}"))
        else:
            seeds.extend(range(first, last + 1))
    if faults:
        raise InvalidProblem(faults)
    return list(dict.fromkeys(seeds))


def _suite(name: str | None) -> Suite:
    """The suite of this name; without one, nothing but our engines. Raises InvalidProblem for a name of none."""
    if name is None:
        return Suite((), (), "1-3", 30.0)
    if name not in SUITES:
        raise InvalidProblem([Fault(("suite",), "unknown_suite", name, f"one of {', '.join(SUITES)}")])
    return SUITES[name]


def _earlier(out: Path) -> list[Record]:
    """What a record file holds already; one that cannot be read or added to is refused before an hour of runs."""
    held = read_records([out]) if out.exists() else []
    try:
        can_be_added_to(out)
    except OSError as error:
        rule = f"a file that records can be added to ({error.strerror})"
        raise InvalidProblem([Fault(("out",), "cannot_write", str(out), rule)]) from None
    return held


def _exit_code(records: Sequence[Record], contradicted: bool) -> int:
    """1 where something is wrong: an engine of ours failed or broke a rule, or a record contradicts a proof.

    To lose is not wrong, and how a peer fails is a finding.
    """
    ours = [record for record in records if record.engine not in PEERS]
    wrong = contradicted or any(record.outcome is Outcome.FAILED or record.faulty for record in ours)
    return DONE_WITH_BROKEN_RULES if wrong else DONE


def _series(order: Sequence[Case], files: Mapping[str, Path], out: Path, again: bool) -> int:
    """Run what is left of a series, add its records to a file, show its table; the exit code."""
    engines = list(dict.fromkeys(case.engine for case in order))
    problems, where = read_problems(files), surroundings()
    start = beginning(order, problems, [] if again else _earlier(out), where)
    records = list(start.done)
    if records:
        note(f"{len(records)} of {len(order)} runs are recorded already, and are not made again without --again")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # One refresh a second: the bar shares the CPU with what is measured.
    with Interrupt() as interrupt, Progress(*columns, console=Console(stderr=True), refresh_per_second=1) as bar:
        task = bar.add_task("warming up", total=len(order), completed=len(records))

        def measure(number: int, case: Case) -> Record | None:
            place = Place(start.series, number, where)
            return measured_apart(case, files[case.day], problems[case.day], place, interrupt)

        def tell(case: Case) -> None:
            bar.update(task, description=f"{case.day}, {case.engine}, seed {case.limits.seed}")

        if start.left:
            warm_up_apart(engines, interrupt)
        for record in run_series(start, measure, interrupt, tell):
            append(out, record)
            records.append(record)
            bar.advance(task)
    show_series(records)
    contradicted = show_contradictions(read_records([out])) if records else False
    added = len(records) - len(start.done)
    if added:
        say(f"{added} record{'s' if added > 1 else ''} added to {_shown(out)}")
    if interrupt():
        note(f"stopped after {len(records)} of {len(order)} runs; the same command goes on from there")
        return INTERRUPTED
    return _exit_code(records, contradicted)


# ---------------------------------------------------------------------------------- commands


@app.command()
def smoke(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Add the records to this file.", show_default=_shown(SMOKE_FILE))
    ] = SMOKE_FILE,
) -> None:
    """A small series, a few minutes: 4 days, our engines, 2 seeds, 3 seconds each at most."""
    with faults_told():
        _earlier(out)
        files = day_files(SMOKE_DAYS)
    raise typer.Exit(_series(cases(list(files), OURS, (1, 2), Limits(3.0)), files, out, again=True))


@app.command()
def bench(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Add the records to this file.", show_default=_shown(BENCH_FILE))
    ] = BENCH_FILE,
    time_limit: Annotated[float, typer.Option(metavar="SECONDS", help="Of a run.")] = 10.0,
) -> None:
    """Our `auto` against the peers, both suites, one seed: about 12 minutes. The same command goes on after Ctrl-C."""
    with faults_told():
        _earlier(out)
        limits = Limits(time_limit)
        engines = {name: named((AUTO, *SUITES[name].peers)) for name in BENCH_SUITES}
    codes = [DONE]
    for name in BENCH_SUITES:
        files = day_files(SUITES[name].days)
        codes.append(_series(cases(list(files), engines[name], (1,), limits, name), files, out, again=False))
        if codes[-1] == INTERRUPTED:
            break
    raise typer.Exit(max(codes))


@app.command("targets")
def targets_command(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Add the records to this file.", show_default=_shown(TARGETS_FILE))
    ] = TARGETS_FILE,
    seeds: Annotated[str, typer.Option(help="Seeds of committed days; a drawn day is run once.")] = "1-5",
    targets: Annotated[
        Path, typer.Option(metavar="CSV", help="The numbers to reach.", show_default=_shown(TARGETS))
    ] = TARGETS,
) -> None:
    """All runs that the numbers to reach ask for, those with peers aside: an hour or more. Goes on after Ctrl-C."""
    with faults_told():
        faults: list[Fault] = []
        wanted: list[Target] = []
        wanted_seeds: list[int] = []
        with _gathered(faults):
            _earlier(out)
        with _gathered(faults):
            wanted = read_targets(targets)
        with _gathered(faults):
            wanted_seeds = _seeds(_words("seeds", seeds))
        if faults:
            raise InvalidProblem(faults)
        files = day_files([day for target in wanted for day in target.days])
    codes = [DONE]
    for limits, planned in alone_by_limits(wanted):
        order = [
            case
            for planner, days in planned.items()
            for drawn in (False, True)
            for case in cases(
                [day for day in days if ("@" in day) == drawn], [planner], (1,) if drawn else wanted_seeds, limits
            )
        ]
        codes.append(_series(order, {case.day: files[case.day] for case in order}, out, again=False))
        if codes[-1] == INTERRUPTED:
            break
    raise typer.Exit(max(codes))


@app.command("run")
def run_command(
    suite: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(SUITES)}: its days, engines, seeds and time limit.")
    ] = None,
    days: Annotated[
        str | None,
        typer.Option(
            help="Names of committed days, bench-100-18@1-20 (drawn), cities, bench, variants, all, or files; by comma."
        ),
    ] = None,
    engines: Annotated[
        str | None, typer.Option(help=f"Some of {', '.join((*GROUPS, *NAMES))}; by comma [ours without a suite].")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds as 1,2 or 1-5 [1-3 without a suite].")] = None,
    time_limit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Of a run [30 without a suite and iterations].")
    ] = None,
    iterations: Annotated[int | None, typer.Option(help="Of a run: repeatable on every machine.")] = None,
    threads: Annotated[int, typer.Option(help="Of a run, at most.")] = 1,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Add the records to this file.", show_default=_shown(RUNS_FILE))
    ] = RUNS_FILE,
    again: Annotated[bool, typer.Option("--again", help="Also make the runs that the file has already.")] = False,
) -> None:
    """A series of your own. Ctrl-C keeps what is recorded; the same command goes on from there."""
    with faults_told():
        faults: list[Fault] = []
        files: Mapping[str, Path] = {}
        chosen = _suite(None)
        with _gathered(faults):
            _earlier(out)
        with _gathered(faults):
            chosen = _suite(suite)
        with _gathered(faults):
            files = day_files(_words("days", ",".join(chosen.days) if days is None else days))
            read_problems(files)
        with _gathered(faults):
            wanted_engines = named(_words("engines", ",".join(("ours", *chosen.peers)) if engines is None else engines))
        with _gathered(faults):
            wanted_seeds = _seeds(_words("seeds", chosen.seeds if seeds is None else seeds))
        with _gathered(faults):
            limit = chosen.time_limit_s if time_limit is None and iterations is None else time_limit
            limits = Limits(limit, iterations, threads=threads)
        if faults:
            raise InvalidProblem(faults)
    raise typer.Exit(_series(cases(list(files), wanted_engines, wanted_seeds, limits, suite), files, out, again))


@app.command("table")
def table_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Record files.")],
    last: Annotated[bool, typer.Option("--last", help="Only the newest series.")] = False,
) -> None:
    """Show the table of every series in the files."""
    with faults_told():
        records = read_records(files)
    series = list(by_series(records).values())
    shown = [record for runs in (series[-1:] if last else series) for record in runs]
    show_series(shown)
    contradicted = show_contradictions(records)
    raise typer.Exit(_exit_code(shown, contradicted))


@app.command("anytime")
def anytime_command(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Record files.")]) -> None:
    """Show how good plans are by when, from the incumbents of all the runs in the files."""
    with faults_told():
        records = read_records(files)
    show_courses(records)
    raise typer.Exit(DONE_WITH_BROKEN_RULES if show_contradictions(records) else DONE)


@app.command("report")
def report_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Record files.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Write report.md and report.html into this folder.")],
    targets: Annotated[
        Path, typer.Option(metavar="CSV", help="The numbers to reach.", show_default=_shown(TARGETS))
    ] = TARGETS,
) -> None:
    """Write the report of records: tables, charts, losses, and what became of the numbers to reach."""
    with faults_told():
        faults: list[Fault] = []
        records, wanted = [], []
        with _gathered(faults):
            records = read_records(files)
        with _gathered(faults):
            wanted = read_targets(targets)
        if not records and not faults:
            names = ", ".join(str(file) for file in files)
            faults.append(Fault(("files",), "no_records", names, "at least one record to report of"))
        if faults:
            raise InvalidProblem(faults)
        written = write_report(records, wanted, out)
    say(f"{len(records)} records: {_shown(written[0])}, {_shown(written[1])}")
    raise typer.Exit(DONE_WITH_BROKEN_RULES if show_contradictions(records) else DONE)


@app.command("literature")
def literature_command(
    folder: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Instances of Solomon's form, as *.txt.")],
    engines: Annotated[str, typer.Option(help=f"Some of {', '.join(literature.PLANNERS)}; by comma.")] = "auto,pyvrp",
    seeds: Annotated[str, typer.Option(help="Seeds as 1,2 or 1-5.")] = "1",
    time_limit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Of a run [10 without iterations].")
    ] = None,
    iterations: Annotated[int | None, typer.Option(help="Of a run: repeatable on every machine.")] = None,
    only: Annotated[str, typer.Option(help="Only instances whose names begin so, such as R1.")] = "",
) -> None:
    """Our engines and PyVRP on vehicle routing with time windows, as in the literature; nothing is recorded."""
    with faults_told():
        wanted_seeds = _seeds(_words("seeds", seeds))
        planners = named(_words("engines", engines))
        strangers = [name for name in planners if name not in literature.PLANNERS]
        if strangers:
            rule = f"one of {', '.join(literature.PLANNERS)}"
            raise InvalidProblem([Fault(("engines",), "unknown_engine", name, rule) for name in strangers])
        instances, best_known = literature.read_directory(folder)
        instances = [each for each in instances if each.name.lower().startswith(only.lower())]
        if not instances:
            raise InvalidProblem([Fault(("only",), "no_instances", only, "the beginning of an instance's name")])
        limits = Limits(10.0 if time_limit is None and iterations is None else time_limit, iterations)
    runs = []
    for planner in planners:  # compiled kernels are loaded before the clock runs
        literature.measured(instances[0], planner, Limits(None, iterations=2), best_known)
    for seed in wanted_seeds:
        for instance in instances:
            for planner in planners:
                note(f"{instance.name}, {planner}, seed {seed}")
                runs.append(literature.measured(instance, planner, replace(limits, seed=seed), best_known))
    show_literature(runs)


@app.command("compare")
def compare_command(
    a: Annotated[Path, typer.Argument(metavar="A", help="A record file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another, compared with it.")],
) -> None:
    """Pair the runs of two files by day, engine, seed and limits: how B did against A."""
    with faults_told():
        ours, theirs = read_records([a]), read_records([b])
    comparison = compared(ours, theirs)
    show_comparison(ours, theirs, comparison)
    contradicted = show_contradictions([*ours, *theirs])
    if not comparison.pairings:
        note("nothing to compare: no run of A has a partner in B")
        raise typer.Exit(BAD_INPUT)
    raise typer.Exit(DONE_WITH_BROKEN_RULES if contradicted else DONE)


def main() -> None:
    """Run the command line."""
    run(app)
