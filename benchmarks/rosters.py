"""`python -m benchmarks.rosters run|show|literature`: how good rosters are, in what time, and how much of it is proven.

Staffing problems made up by seed (`scenarios.generate.staffing`), each by the greedy roster, which is the floor, and by
`make_roster` within a time limit. A process for each run, so that its peak of memory is its own. The checker says what
a roster costs and whether it breaks a rule, whoever made it. Each run appends one record to records/rosters.jsonl.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.console import DONE, DONE_WITH_BROKEN_RULES, faults_told, note, run, say, table
from benchmarks import literature_rosters
from benchmarks.record import RECORDS, ROOT, Surroundings, load_average, surroundings
from optimizer.domain import Fault, InvalidProblem
from optimizer.roster import Roster, RosterProblem, RosterProgress, RosterResult, RosterStatus
from optimizer.roster.check import roster_cost, roster_violations
from optimizer.roster.greedy import greedy_roster
from optimizer.roster.make import make_roster
from optimizer.stop import StopAt
from scenarios.files import FileFault, InvalidInput
from scenarios.generate.staffing import staffing_problem

RECORD_VERSION = 1
ROSTERS_FILE = RECORDS / "rosters.jsonl"
SIZES: Mapping[str, float] = {"10x1": 10, "10x4": 10, "40x1": 60, "40x4": 60, "100x4": 300, "100x8": 300}
"""Executives x weeks, and the time limit of a run in seconds."""
GREEDY, MAKE = "greedy", "make"
METHODS = (GREEDY, MAKE)
THREADS = 2
INTERRUPTED = 4
"""Exit code after Ctrl-C, as of the other series: what is recorded stays."""
MOST_EXECUTIVES, MOST_WEEKS, MOST_SEEDS = 500, 8, 1_000

Record = dict[str, Any]
"""One run as its line has it; benchmarks/README.md says what each field means."""

app = typer.Typer(
    help="Measure rosters by the protocol of benchmarks/README.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# ------------------------------------------------------------------------------------ one run


@dataclass(frozen=True, slots=True)
class Case:
    """One run to be made: the seed is that of the instance and of the search."""

    size: str
    seed: int
    method: str
    limit_s: float
    threads: int = THREADS

    def words(self) -> list[str]:
        """As the command `once` takes it."""
        return [self.size, str(self.seed), self.method, f"{self.limit_s:g}", str(self.threads)]

    def command(self) -> str:
        """The command line that makes this run again."""
        options = f"--sizes {self.size} --seeds {self.seed} --methods {self.method}"
        return f"python -m benchmarks.rosters run {options} --limit {self.limit_s:g} --threads {self.threads} --again"


def measured(case: Case) -> Record:
    """Make one run in this process: its figures, without code and machine."""
    executives, weeks = (int(word) for word in case.size.split("x"))
    problem = staffing_problem(executives, weeks, case.seed)
    before_mib = memory_peak_mib()
    first_s: float | None = None

    def hear(progress: RosterProgress) -> None:
        nonlocal first_s
        if first_s is None and progress.cost is not None:
            first_s = stop.elapsed_s()

    result: RosterResult | None = None
    error: str | None = None
    roster: Roster | None = None
    stop, cpu_s = StopAt(time_limit_s=case.limit_s), time.process_time()
    try:
        if case.method == GREEDY:
            roster = greedy_roster(problem)
        else:
            result = make_roster(problem, stop, seed=case.seed, threads=case.threads, on_progress=hear)
            roster = result.roster
    except Exception as raised:  # noqa: BLE001  whatever a method raises is how its run ended, and is recorded
        error = f"{type(raised).__name__}: {raised}"
    seconds, cpu_s, peak_mib = stop.elapsed_s(), time.process_time() - cpu_s, memory_peak_mib()
    return {
        **figures(problem, roster, result),
        "error": error,
        "seconds": round(seconds, 4),
        "cpu_s": round(cpu_s, 4),
        "first_s": _rounded(seconds if case.method == GREEDY and roster is not None else first_s),
        "memory_before_mib": before_mib,
        "memory_peak_mib": peak_mib,
    }


def figures(problem: RosterProblem, roster: Roster | None, result: RosterResult | None) -> Record:
    """What the checker says of a roster, and what was proven about it: nothing where there is only a roster."""
    broken: Counter[str] = Counter()
    if roster is not None:
        broken.update(violation.rule.value for violation in roster_violations(problem, roster))
    cost = None if roster is None else roster_cost(problem, roster)
    if result is not None and result.cost != cost:
        broken["cost_differs"] += 1  # the method says another cost than the checker
    if result is not None:
        status: str | None = result.status.value
    elif roster is not None:
        status = (RosterStatus.UNKNOWN if broken else RosterStatus.FEASIBLE).value
    else:
        status = None
    gap = gap_2 = None
    if result is not None and cost is not None:
        gap = round((cost.total - result.bound) / cost.total, 6) if cost.total else 0.0
        if cost.level_1 == result.bound_1:
            gap_2 = round((cost.total - result.bound) / cost.level_2, 6) if cost.level_2 else 0.0
    return {
        "status": status,
        "engine": GREEDY if result is None else result.engine,
        "cost": None if cost is None else cost.total,
        "cost_terms": None if cost is None else asdict(cost),
        "level_1": None if cost is None else cost.level_1,
        "level_1_bound": None if result is None else result.bound_1,
        "uncovered_proven": result is not None and cost is not None and cost.level_1 == result.bound_1,
        "bound": None if result is None else result.bound,
        "gap": gap,
        "level_2_gap": gap_2,
        "violations": dict(sorted(broken.items())),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def memory_peak_mib() -> int:
    """Most memory this process has held. On Linux VmHWM: `ru_maxrss` begins with what the parent held."""
    told = Path("/proc/self/status")
    if told.exists():
        for line in told.read_text(encoding="ascii", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key == "VmHWM":
                return round(int(value.split()[0]) / 1_024)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def measured_apart(case: Case) -> Record:
    """Make one run in a process of its own. Ctrl-C is ours: it ends that process, and is raised again."""
    words = [sys.executable, "-m", "benchmarks.rosters", "once", *case.words()]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        answer, _ = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode == 0:
        made: Record = json.loads(answer.splitlines()[-1])
        return made
    no_figures = dict.fromkeys(("first_s", "memory_before_mib", "memory_peak_mib", "cpu_s", "seconds"))
    return {
        **dict.fromkeys(OF_A_ROSTER),
        **no_figures,
        "uncovered_proven": False,
        "violations": {},
        "error": f"the process of the run ended with exit code {process.returncode}",
    }


OF_A_ROSTER = ("status", "engine", "cost", "cost_terms", "level_1", "level_1_bound", "bound", "gap", "level_2_gap")
"""What a record has of a roster, and null without one."""


# -------------------------------------------------------------------------------- the series


def cases(sizes: Mapping[str, float], seeds: Sequence[int], methods: Sequence[str], threads: int) -> list[Case]:
    """Every run once: seed by seed, size by size, the methods in turn."""
    return [
        Case(size, seed, method, limit_s, threads)
        for seed in seeds
        for size, limit_s in sizes.items()
        for method in methods
    ]


def record_of(case: Case, made: Mapping[str, Any], where: Surroundings, at: dt.datetime, load: object) -> Record:
    """The record of a run: the case, its figures, code and machine."""
    executives, weeks = (int(word) for word in case.size.split("x"))
    return {
        "record_version": RECORD_VERSION,
        "at": at.isoformat(timespec="seconds"),
        "reproduce": case.command(),
        "size": case.size,
        "executives": executives,
        "weeks": weeks,
        "seed": case.seed,
        "method": case.method,
        "limit_s": case.limit_s,
        "threads": case.threads,
        **made,
        "load": load,
        **asdict(where),
    }


def key_of(record: Mapping[str, Any]) -> tuple[object, ...]:
    """What makes two records of the same code on the same machine records of the same run."""
    return tuple(record[name] for name in ("size", "seed", "method", "limit_s", "threads"))


def place_of(record: Mapping[str, Any]) -> tuple[object, ...]:
    """The code and the machine of a record."""
    versions = tuple(sorted(record["versions"].items()))
    return tuple(record[name] for name in ("commit", "dirty", "cpu", "cpus", "cpus_usable", "system")) + versions


def left_of(order: Iterable[Case], records: Iterable[Record], where: Surroundings) -> list[Case]:
    """The runs that the same code has not recorded on the same machine; code that differs from its commit is new."""
    if where.commit is None or where.dirty is not False:
        return list(order)
    here = place_of(asdict(where))
    done = {key_of(record) for record in records if place_of(record) == here}
    return [case for case in order if key_of(asdict(case)) not in done]


def read_records(path: Path) -> list[Record]:
    """The records of a file, none where there is no file. Raises InvalidInput with every line that is no record."""
    if not path.exists():
        return []
    records: list[Record] = []
    faults = []
    for line, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        record: object = None
        with contextlib.suppress(json.JSONDecodeError):
            record = json.loads(text)
        if isinstance(record, dict) and record.keys() >= _NEEDED and record["record_version"] == RECORD_VERSION:
            records.append(record)
        else:
            rule = f"a record of a roster, version {RECORD_VERSION}, with {', '.join(sorted(_NEEDED))}"
            faults.append(FileFault((), "no_record", text[:60], rule, str(path), line))
    if faults:
        raise InvalidInput(faults)
    return records


_NEEDED = frozenset(
    {
        *("record_version", "at", "size", "executives", "weeks", "seed", "method", "limit_s", "threads"),
        *("error", "violations", "uncovered_proven", "first_s", "seconds", "memory_peak_mib"),
        *("commit", "dirty", "versions", "cpu", "cpus", "cpus_usable", "system"),
        *OF_A_ROSTER,
    }
)


def append(path: Path, record: Record) -> None:
    """Add a record to the end of a file in one write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, allow_nan=False) + "\n")


def contradictions(records: Sequence[Record]) -> list[str]:
    """Where a roster of the same code is better than what was proven of its instance: one of them is wrong."""
    by_instance: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        if record["cost"] is not None and not record["violations"]:
            by_instance.setdefault((record["commit"], record["size"], record["seed"]), []).append(record)
    found = []
    for (_, size, seed), runs in by_instance.items():
        for one in runs:
            for other in (each for each in runs if each["level_1_bound"] is not None):
                if one["level_1"] < other["level_1_bound"]:
                    text = f"{one['level_1']} uncovered by {one['method']}, {other['level_1_bound']} proven to be least"
                    found.append(f"{size}, seed {seed}: {text}")
                elif one["level_1"] == other["level_1_bound"] and one["cost"] < other["bound"]:
                    text = f"{one['cost']} in all by {one['method']}, {other['bound']} proven to be least"
                    found.append(f"{size}, seed {seed}: {text}")
    return list(dict.fromkeys(found))


def wrong(record: Record) -> bool:
    """The run failed, or its roster breaks a rule."""
    return bool(record["violations"] or record["error"])


# ------------------------------------------------------------------------------------ showing


def newest(records: Sequence[Record]) -> list[Record]:
    """Of the code and machine of the last record, the last record of each run."""
    if not records:
        return []
    here = place_of(records[-1])
    found: dict[tuple[object, ...], Record] = {}
    for record in records:
        if place_of(record) == here:
            found[key_of(record)] = record
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of a method on a size: medians and worst over the seeds. A run without a figure counts as worst.

    `gap` is that of the whole cost; `level_2_gap` that of level 2 alone, where level 1 is proven.
    """

    size: str
    limit_s: float
    method: str
    runs: int
    cost: float
    level_1: float
    worst_level_1: float
    proven: int
    gap: float
    worst_gap: float
    level_2_gap: float
    worst_level_2_gap: float
    first_s: float
    worst_first_s: float
    seconds: float
    worst_seconds: float
    worst_mib: float
    wrong: int
    greedy_ratio: float | None
    least_greedy_ratio: float | None


def rows_of(records: Iterable[Record]) -> Iterator[Row]:
    """A row for each size, limit and method. `greedy_ratio`: cost of greedy by that of the method, seed by seed."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        order = (record["executives"] * record["weeks"], record["executives"], record["limit_s"], record["threads"])
        groups.setdefault((*order, record["method"]), []).append(record)
    for key in sorted(groups):
        runs, method = groups[key], key[-1]
        floor = groups.get((*key[:-1], GREEDY), [])
        greedy = {each["seed"]: each["cost"] for each in floor if each["cost"] is not None}
        ratios = [greedy[r["seed"]] / r["cost"] for r in runs if r["cost"] and r["seed"] in greedy]
        names = ("level_1", "gap", "level_2_gap", "first_s", "seconds", "memory_peak_mib")
        level_1, gap, gap_2, first_s, seconds, mib = (_spread(runs, name) for name in names)
        yield Row(
            size=runs[0]["size"],
            limit_s=runs[0]["limit_s"],
            method=method,
            runs=len(runs),
            cost=_spread(runs, "cost")[0],
            level_1=level_1[0],
            worst_level_1=level_1[1],
            proven=sum(bool(each["uncovered_proven"]) for each in runs),
            gap=gap[0],
            worst_gap=gap[1],
            level_2_gap=gap_2[0],
            worst_level_2_gap=gap_2[1],
            first_s=first_s[0],
            worst_first_s=first_s[1],
            seconds=seconds[0],
            worst_seconds=seconds[1],
            worst_mib=mib[1],
            wrong=sum(map(wrong, runs)),
            greedy_ratio=statistics.median(ratios) if ratios and method != GREEDY else None,
            least_greedy_ratio=min(ratios) if ratios and method != GREEDY else None,
        )


def _spread(runs: Iterable[Record], name: str) -> tuple[float, float]:
    """Median and worst of a figure; without it a run is worse than all others."""
    values = [math.inf if each[name] is None else float(each[name]) for each in runs]
    return statistics.median(values), max(values)


def show_records(records: Sequence[Record]) -> None:
    """The table of the newest code in the records, and what is wrong in them."""
    shown = newest(records)
    if not shown:
        note("no records yet")
        return
    last = shown[-1]
    commit = f"commit {str(last['commit'])[:8]}{', changed code' if last['dirty'] else ''}"
    numbers = (
        *("cost", "uncovered", "worst", "proven", "gap %", "worst gap", "level 2 %", "worst level 2"),
        *("greedy / it", "least", "first s", "s", "worst s", "MiB", "wrong"),
    )
    table(
        f"Rosters, {commit}, {last['cpu']}: medians and worst over seeds; costs in points",
        ("size", "limit s", "method", *numbers),
        (
            (
                *(row.size, f"{row.limit_s:g}", row.method),
                *(_told(row.cost, "{:.0f}"), _told(row.level_1, "{:.0f}"), _told(row.worst_level_1, "{:.0f}")),
                *(f"{row.proven} of {row.runs}", _told(100 * row.gap, "{:.2f}"), _told(100 * row.worst_gap, "{:.2f}")),
                *(_told(100 * row.level_2_gap, "{:.2f}"), _told(100 * row.worst_level_2_gap, "{:.2f}")),
                *(_told(row.greedy_ratio, "{:.3f}"), _told(row.least_greedy_ratio, "{:.3f}")),
                *(_told(row.first_s, "{:.2f}"), _told(row.seconds, "{:.2f}"), _told(row.worst_seconds, "{:.2f}")),
                *(_told(row.worst_mib, "{:.0f}"), row.wrong),
            )
            for row in rows_of(shown)
        ),
        ("limit s", *numbers),
    )
    for record in shown:
        if wrong(record):
            broken = ", ".join(f"{rule} {count}" for rule, count in record["violations"].items())
            note(f"wrong: {record['size']}, seed {record['seed']}, {record['method']}: {record['error'] or broken}")
    for text in contradictions(shown):
        note(f"contradiction: {text}")


def _told(value: float | None, form: str) -> str:
    return "-" if value is None or math.isinf(value) else form.format(value)


# ----------------------------------------------------------------------------------- commands


def sizes_of(text: str, limit_s: float | None) -> dict[str, float]:
    """Sizes by comma with their limits. Raises InvalidProblem with every word that is no size."""
    sizes: dict[str, float] = {}
    faults = []
    for row, word in enumerate(_words(text)):
        found = re.fullmatch(r"([0-9]{1,3})x([0-9])", word)
        if not found or not 1 <= int(found[1]) <= MOST_EXECUTIVES or not 1 <= int(found[2]) <= MOST_WEEKS:
            rule = f"executives x weeks as 40x4, up to {MOST_EXECUTIVES}x{MOST_WEEKS}"
            faults.append(Fault(("sizes", row), "bad_size", word, rule))
        elif limit_s is None and word not in SIZES:
            faults.append(Fault(("sizes", row), "no_limit", word, f"one of {', '.join(SIZES)}, or a --limit"))
        else:
            sizes[word] = SIZES[word] if limit_s is None else limit_s
    if limit_s is not None and not 0 < limit_s < math.inf:
        faults.append(Fault(("limit",), "bad_limit", str(limit_s), "more than 0 s"))
    if not sizes and not faults:
        faults.append(Fault(("sizes",), "nothing_named", text, "at least one, several by comma"))
    if faults:
        raise InvalidProblem(faults)
    return sizes


def seeds_of(text: str) -> list[int]:
    """`1`, `4`, `7-9` by comma as numbers. Raises InvalidProblem with every word that says none."""
    seeds: list[int] = []
    faults = []
    for row, word in enumerate(_words(text)):
        found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", word)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if not 0 <= last - first < MOST_SEEDS:
            faults.append(Fault(("seeds", row), "bad_seed", word, f"a number, or two as 1-5, at most {MOST_SEEDS}"))
        seeds.extend(range(first, last + 1))
    if not seeds and not faults:
        faults.append(Fault(("seeds",), "nothing_named", text, "at least one, several by comma"))
    if faults:
        raise InvalidProblem(faults)
    return list(dict.fromkeys(seeds))


def methods_of(text: str) -> list[str]:
    """Methods by comma. Raises InvalidProblem with every word that is none."""
    words = _words(text)
    faults = [
        Fault(("methods", row), "unknown_method", word, f"one of {', '.join(METHODS)}")
        for row, word in enumerate(words)
        if word not in METHODS
    ]
    if not words:
        faults.append(Fault(("methods",), "nothing_named", text, "at least one, several by comma"))
    if faults:
        raise InvalidProblem(faults)
    return words


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _series(order: Sequence[Case], out: Path, again: bool) -> int:
    """Run what is left, add the records to a file, show the table; the exit code."""
    earlier, where = read_records(out), surroundings()
    left = list(order) if again else left_of(order, earlier, where)
    if len(left) < len(order):
        note(f"{len(order) - len(left)} of {len(order)} runs are recorded already, and are not made without --again")
    added: list[Record] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    interrupted = False
    # One refresh a second: the bar shares the CPU with what is measured.
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=1) as bar:
        task = bar.add_task("", total=len(order), completed=len(order) - len(left))
        for case in left:
            bar.update(task, description=f"{case.size}, seed {case.seed}, {case.method}")
            at, load = dt.datetime.now(dt.UTC), load_average()
            try:
                record = record_of(case, measured_apart(case), where, at, load)
            except KeyboardInterrupt:
                interrupted = True
                break
            append(out, record)
            added.append(record)
            bar.advance(task)
    records = [*earlier, *added]
    show_records(records)
    say(f"{len(added)} record{'' if len(added) == 1 else 's'} added to {out}")
    if interrupted:
        note(f"stopped with {len(left) - len(added)} runs left; the same command goes on from there")
        return INTERRUPTED
    return DONE_WITH_BROKEN_RULES if any(map(wrong, added)) or contradictions(newest(records)) else DONE


@app.command("run")
def run_command(
    sizes: Annotated[str, typer.Option(help="Executives x weeks, by comma.")] = ",".join(SIZES),
    seeds: Annotated[str, typer.Option(help="Seeds as 1,2 or 1-5.")] = "1-5",
    limit: Annotated[float | None, typer.Option(metavar="SECONDS", help="Of a run [10 to 300 by size].")] = None,
    methods: Annotated[str, typer.Option(help=f"Some of {', '.join(METHODS)}; by comma.")] = ",".join(METHODS),
    threads: Annotated[int, typer.Option(min=1, max=64, help="Of make, at most.")] = THREADS,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Add the records to this file.")] = ROSTERS_FILE,
    again: Annotated[bool, typer.Option("--again", help="Also make the runs that the file has already.")] = False,
) -> None:
    """Greedy and make on all sizes and seeds: an hour at most. Ctrl-C keeps what is recorded; the same goes on."""
    with faults_told():
        faults: list[Fault] = []
        order: list[Case] = []
        try:
            wanted_sizes = sizes_of(sizes, limit)
        except InvalidProblem as invalid:
            faults.extend(invalid.faults)
        try:
            wanted_seeds = seeds_of(seeds)
        except InvalidProblem as invalid:
            faults.extend(invalid.faults)
        try:
            wanted_methods = methods_of(methods)
        except InvalidProblem as invalid:
            faults.extend(invalid.faults)
        if faults:
            raise InvalidProblem(faults)
        order = cases(wanted_sizes, wanted_seeds, wanted_methods, threads)
        code = _series(order, out, again)
    raise typer.Exit(code)


@app.command("show")
def show_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A record file.")] = ROSTERS_FILE,
) -> None:
    """Show the newest code's records as a table."""
    with faults_told():
        records = read_records(file)
    show_records(records)
    shown = newest(records)
    raise typer.Exit(DONE_WITH_BROKEN_RULES if any(map(wrong, shown)) or contradictions(shown) else DONE)


@app.command("once", hidden=True)
def once_command(size: str, seed: int, method: str, limit: float, threads: int) -> None:
    """One run in this process: its figures as a line of JSON."""
    print(json.dumps(measured(Case(size, seed, method, limit, threads)), allow_nan=False))


@app.command("literature")
def literature_command(
    folder: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Instances of SECTION_ form, as *.txt.")],
    limit: Annotated[float, typer.Option(metavar="SECONDS", min=0.01, help="Of an instance.")] = 10.0,
    only: Annotated[str, typer.Option(help="Only this instance, by the name of its file without .txt.")] = "",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Of the solver.")] = THREADS,
) -> None:
    """Employee shift scheduling of the literature by CP-SAT, on a model of its own; nothing is recorded."""
    with faults_told():
        instances = [each for each in literature_rosters.read_directory(folder) if only in ("", each.name)]
        if not instances:
            raise InvalidProblem([Fault(("only",), "no_instances", only, "the name of an instance")])
    answers = []
    for instance in instances:
        note(f"{instance.name}: {len(instance.staff)} employees, {instance.days} days")
        answers.append(literature_rosters.solved(instance, limit, threads))
    numbers = ("employees", "days", "cost", "bound", "gap %", "listed", "s", "broken")
    table(
        "Employee shift scheduling: cost, what is proven, and the cost listed",
        ("instance", "status", *numbers),
        (
            (
                *(answer.instance.name, answer.status, len(answer.instance.staff), answer.instance.days),
                *(answer.cost, answer.bound, _told(None if answer.gap is None else 100 * answer.gap, "{:.2f}")),
                *(answer.instance.listed, f"{answer.seconds:.2f}", len(answer.broken)),
            )
            for answer in answers
        ),
        numbers,
    )
    raise typer.Exit(DONE_WITH_BROKEN_RULES if any(answer.broken for answer in answers) else DONE)


def main() -> None:
    """Run the command line."""
    run(app)


if __name__ == "__main__":
    main()
