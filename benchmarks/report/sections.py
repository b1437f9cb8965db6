"""The parts of a report as blocks: results, losses, failures, profiles, quality over time, targets, limits of peers."""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path

from benchmarks.anytime import LATE_SHARE, MARKS_S, Course, courses
from benchmarks.compare import tallies
from benchmarks.planners import PEERS
from benchmarks.record import Outcome, Record
from benchmarks.report.charts import over_time, profile_chart
from benchmarks.report.curves import Curve, DayCurves, day_curves, profile, share_at
from benchmarks.report.document import Block, Charts, Heading, Paragraph, Table
from benchmarks.report.groups import Group, Limit, Row, in_order, limit_words, overran, rows
from benchmarks.report.targets import Reached, What

PROFILE_MARKS = (0.0, 0.0001, 0.001, 0.01, 0.02, 0.05, 0.1)
"""Distances to the best run at which the table of a profile reads it."""
_NOTHING = "no plan, or more broken"
_SERIES = "%Y-%m-%d %H:%M:%S"


# ---------------------------------------------------------------------------------- one group


def group_blocks(group: Group) -> Iterator[Block]:
    """All that is said of one suite by one code on one machine."""
    yield Heading(2, f"{_suite_words(group)}: {_code(group.first)}")
    yield Paragraph(_conditions(group))
    if group.first.dirty:
        words = "These runs were made on code that differs from its commit: they are for looking, not for publishing."
        yield Paragraph(words, warning=True)
    for limit, runs in group.by_limit.items():
        yield from _limit_blocks(group, limit, runs)
    yield from _anytime_blocks(group)


def _suite_words(group: Group) -> str:
    return "Runs of no suite" if group.suite is None else f"Suite {group.suite}"


def _code(record: Record) -> str:
    commit = "unknown code" if record.commit is None else f"commit {record.commit[:12]}"
    return commit + (" with changes" if record.dirty else "")


def _conditions(group: Group) -> str:
    first, last = group.first, group.records[-1]
    loads = [record.load_average[0] for record in group.records if record.load_average is not None]
    load = f"load {min(loads):.1f} to {max(loads):.1f} before a run" if loads else "load unknown"
    versions = ", ".join(f"{name} {number or 'not installed'}" for name, number in sorted(first.versions.items()))
    threads = f"{first.threads} thread{'s' if first.threads > 1 else ''}"
    return (
        f"{len(group.records)} runs from {first.series:{_SERIES}} to {last.at:{_SERIES}} UTC, {threads} each, on "
        f"{first.cpu}, {first.cpus_usable} of {first.cpus} CPUs, {first.system}; {load}. Versions: {versions}."
    )


def _limit_blocks(group: Group, limit: Limit, runs: Sequence[Record]) -> Iterator[Block]:
    words = limit_words(limit)
    yield Heading(3, f"{_suite_words(group)}, {words} a run")
    table = rows(runs)
    yield _results(table, f"Every day and planner, {words} a run")
    engines = in_order({record.engine for record in runs})
    if len(engines) > 1:
        yield _over_days(table, engines, f"Days won, tied and lost, {words} a run")
        yield from _against_peers(table, engines, words)
    yield from _failures(runs, words)
    if len(engines) > 1:
        yield from _profile_blocks(runs, f"{_suite_words(group)}, {words}")


_RESULTS = (
    *(
        "day",
        "planner",
        "runs",
        "broken promises",
        "cost, median",
        "cost, worst",
        "ratio",
        "worst ratio",
        "proven bound",
    ),
    *("gap %", "worst gap %", "above best bound %", "wall s", "worst wall s", "memory MiB", "ended", "result"),
)


def _results(table: Sequence[Row], caption: str) -> Table:
    cells = tuple(
        (
            row.standing.day,
            row.standing.engine,
            str(row.standing.runs),
            _dash(row.broken),
            _cost(row.cost_median),
            _cost(row.cost_worst),
            _ratio(row.standing.ratio_median),
            _ratio(row.standing.ratio_worst),
            "-" if row.bound is None else f"{row.bound:,}",
            _percent(row.standing.gap_median),
            _percent(row.standing.gap_worst),
            "-" if row.above_bound is None else _percent(row.above_bound),
            f"{row.standing.wall_median_s:.2f}",
            f"{row.standing.wall_worst_s:.2f}",
            "-" if row.memory_mib is None else f"{row.memory_mib:.0f}",
            ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in row.ended.items()),
            row.standing.verdict.value,
        )
        for row in table
    )
    return Table(caption, _RESULTS, cells, frozenset(_RESULTS) - {"day", "planner", "ended", "result"})


def _over_days(table: Sequence[Row], engines: Sequence[str], caption: str) -> Table:
    by_name = {tally.engine: tally for tally in tallies([row.standing for row in table])}
    columns = ("planner", "won", "tied", "lost", "ratio, median of days", "ratio, worst day")
    cells = tuple(
        (
            name,
            str(by_name[name].won),
            str(by_name[name].tied),
            str(by_name[name].lost),
            _ratio(by_name[name].ratio_median),
            _ratio(by_name[name].ratio_worst),
        )
        for name in engines
    )
    return Table(caption, columns, cells, frozenset(columns[1:]))


def _against_peers(table: Sequence[Row], engines: Sequence[str], words: str) -> Iterator[Block]:
    """Each engine of ours against each peer by median ratios, and every day that one of ours lost to a peer."""
    ours, peers = _sides(engines)
    if not ours or not peers:
        return
    medians = {(row.standing.day, row.standing.engine): row.standing.ratio_median for row in table}
    days = list(dict.fromkeys(row.standing.day for row in table))
    score: dict[tuple[str, str], list[int]] = {pair: [0, 0, 0] for pair in product(ours, peers)}
    losses = []
    for day, mine, peer in product(days, ours, peers):
        if (day, mine) in medians and (day, peer) in medians:
            a, b = medians[day, mine], medians[day, peer]
            place = 1 if a == b else 0 if a < b else 2
            score[mine, peer][place] += 1
            if place == 2:
                losses.append((a / b if math.isfinite(a) else math.inf, day, mine, peer))
    cells = tuple((mine, *("-".join(map(str, score[mine, peer])) for peer in peers)) for mine in ours)
    caption = f"Ours against each peer, {words} a run: days won-tied-lost by the median over seeds"
    yield Table(caption, ("ours", *peers), cells, frozenset(peers))
    losses.sort(key=lambda loss: (-loss[0], *loss[1:]))
    yield Table(
        f"Days that an engine of ours lost to a peer, {words} a run.",
        ("day", "ours", "peer", "dearer by %"),
        tuple((day, mine, peer, _percent(times - 1, lost=_NOTHING)) for times, day, mine, peer in losses),
        frozenset(("dearer by %",)),
        "None.",
    )


def _sides(engines: Iterable[str]) -> tuple[list[str], list[str]]:
    ordered = in_order(engines)
    return [name for name in ordered if name not in PEERS], [name for name in ordered if name in PEERS]


def _failures(runs: Sequence[Record], words: str) -> Iterator[Block]:
    by_day = sorted(runs, key=lambda record: record.day)
    yield Table(
        f"Runs that failed, found no plan, or broke promises, {words} a run.",
        ("day", "planner", "seed", "ended", "why", "violations"),
        tuple(
            (
                record.day,
                record.engine,
                str(record.seed),
                str(record.outcome).replace("_", " "),
                record.error or _promises(record),
                ", ".join(f"{count} x {code}" for code, count in sorted(record.violations.items())) or "-",
            )
            for record in by_day
            if record.outcome in (Outcome.FAILED, Outcome.NO_PLAN) or record.broken_promises or record.violations
        ),
        frozenset(("seed",)),
        "None.",
    )
    lacking: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in by_day:
        if record.outcome is Outcome.CANNOT_MODEL:
            lacking[record.engine, record.error or ""].add(record.day)
    yield Table(
        f"Days that a peer cannot model, {words} a run.",
        ("planner", "days", "why"),
        tuple((engine, ", ".join(sorted(days)), why) for (engine, why), days in sorted(lacking.items())),
        frozenset(),
        "None.",
    )
    late = [record for record in by_day if overran(record)]
    yield Table(
        f"Runs that overran the limit of {words} by more than 5 %.",
        ("day", "planner", "seed", "wall s"),
        tuple((record.day, record.engine, str(record.seed), f"{record.wall_s:.2f}") for record in late),
        frozenset(("seed", "wall s")),
        "None.",
    )


def _promises(record: Record) -> str:
    if record.broken_promises:
        return f"promises of weight {record.broken_promises} broken"
    return "stopped before there was a plan" if record.outcome is Outcome.NO_PLAN else "-"


def _profile_blocks(runs: Sequence[Record], where: str) -> Iterator[Block]:
    found = profile(runs)
    if not found.cases:
        yield Paragraph("No performance profile: there is no day and seed of which every planner has a run.")
        return
    left = f" {found.left_out} cases were left out: not every planner has a run of them." if found.left_out else ""
    yield Charts((profile_chart(found, f"Performance profile: {where}"),), "Chart in the HTML report; its figures:")
    columns = ("planner", *(f"at most {100 * mark:g} % above" if mark else "the best" for mark in PROFILE_MARKS))
    yield Table(
        f"Performance profile: share of {found.cases} cases (day and seed) in which a planner is the best, "
        f"or at most so far above it, per cent.{left}",
        columns,
        tuple(
            (curve.engine, *(f"{100 * share_at(curve, mark):.0f}" for mark in PROFILE_MARKS)) for curve in found.curves
        ),
        frozenset(columns[1:]),
    )


# ---------------------------------------------------------------------------- quality over time


def _anytime_blocks(group: Group) -> Iterator[Block]:
    runs = [record for record in group.records if record.incumbents is not None and record.time_limit_s is not None]
    if not runs:
        return
    marks = [mark for mark in MARKS_S if mark <= max(record.time_limit_s or 0.0 for record in runs)]
    if not marks:
        return
    table = _fair_courses(runs, marks)
    best: dict[str, int] = {}
    for record in runs:
        if record.cost is not None:
            least = min(run.rank for run in runs if run.day == record.day)
            best[record.day] = int(least[1])
    yield Heading(3, f"{_suite_words(group)}, how good by when")
    yield Paragraph(
        "At a mark counts, of the runs with the smallest limit that reaches it, the best plan found by then: the "
        "median over seeds, in cost seconds, and as a ratio to the best plan of the day in this part. A planner that "
        "tells nothing before its answer is `not run` at a mark before it, unless it ran with just that limit."
    )
    yield _at_marks(table, marks, best)
    yield from _at_or_below(table, marks)
    drawn = day_curves(runs)
    if drawn:
        charts = [over_time(day, "above " + day.reference, day.curves, "distance") for day in drawn]
        charts += [over_time(day, "proven gap", day.proven, "gap") for day in drawn if day.proven]
        yield Charts(tuple(charts), "Charts in the HTML report; their figures at whole decades:")
        yield _curve_table(drawn)


def _fair_courses(runs: Sequence[Record], marks: Sequence[float]) -> list[Course]:
    """The courses of runs, without marks at which a planner that tells only its answer had another limit.

    Before its answer such a planner may have had a plan, and nobody knows which.
    """
    telling = {record.engine for record in runs if len(record.incumbents or ()) > 1}
    unknown: dict[str, set[float]] = defaultdict(set)
    found = []
    for course in courses(runs, marks):
        mine = [r for r in runs if r.engine == course.engine and r.day == course.day]
        answers_s = [at for record in mine for at, *_ in record.incumbents or ()]
        if course.day is not None and course.engine not in telling:
            limits, first_s = {record.time_limit_s for record in mine}, min(answers_s, default=math.inf)
            unknown[course.engine] |= {m for m in marks if m not in limits and m * (1 + LATE_SHARE) < first_s}
        hidden = unknown[course.engine]
        pairs = zip(marks, course.ratios, strict=True)
        ratios = tuple(
            None if value is not None and math.isinf(value) and mark in hidden else value for mark, value in pairs
        )
        found.append(Course(course.day, course.engine, ratios))
    return sorted(found, key=lambda course: (course.day is None, course.day or ""))


def _at_marks(table: Sequence[Course], marks: Sequence[float], best: Mapping[str, int]) -> Table:
    names = [f"{mark:g} s" for mark in marks]
    ordered = [(course.day or "all days", course) for course in table]
    places = {name: place for place, name in enumerate(in_order({course.engine for course in table}))}
    days = list(dict.fromkeys(day for day, _ in ordered))
    ordered.sort(key=lambda entry: (days.index(entry[0]), places[entry[1].engine]))
    cells = tuple(
        (day, course.engine, *(_mark_words(value, best.get(day)) for value in course.ratios)) for day, course in ordered
    )
    return Table(
        "Cost at marks of time, and its ratio to the best", ("day", "planner", *names), cells, frozenset(names)
    )


def _mark_words(value: float | None, best: int | None) -> str:
    if value is None:
        return "not run"
    if math.isinf(value):
        return _NOTHING
    return f"{value:.4f}" if best is None else f"{value * best:,.0f} ({value:.4f})"


def _at_or_below(table: Sequence[Course], marks: Sequence[float]) -> Iterator[Block]:
    """For each of ours, day and mark: is its plan at most as dear as that of every peer?"""
    of_days = [course for course in table if course.day is not None]
    ours, peers = _sides({course.engine for course in of_days})
    if not ours or not peers:
        yield Paragraph("No peer has runs here to be compared with." if ours else "None of our engines ran here.")
        return
    found = {(course.day, course.engine): course.ratios for course in of_days}
    days = list(dict.fromkeys(course.day for course in of_days))
    names = [f"{mark:g} s" for mark in marks]
    cells = []
    for mine in ours:
        yes = total = 0
        for day in (day for day in days if (day, mine) in found):
            answers = []
            for place in range(len(marks)):
                rivals = {peer: found[day, peer][place] for peer in peers if (day, peer) in found}
                answer = _below_all(found[day, mine][place], rivals)
                total += answer != "not run"
                yes += answer.startswith("yes")
                answers.append(answer)
            cells.append((mine, day or "", *answers))
        yield Paragraph(f"`{mine}` is at or below every peer that ran at {yes} of {total} marks (day and time).")
    yield Table("At or below every peer, or by which peer it is beaten", ("ours", "day", *names), tuple(cells))


def _below_all(mine: float | None, rivals: Mapping[str, float | None]) -> str:
    known = {peer: value for peer, value in rivals.items() if value is not None}
    if mine is None or not known:
        return "not run"
    if math.isinf(mine):
        return "no: it has no plan, or more broken"
    better = sorted((value, peer) for peer, value in known.items() if value < mine)
    if not better:
        unknown = ", ".join(peer for peer in rivals if peer not in known)
        return "yes" + (f"; {unknown} not run" if unknown else "")
    return "no: " + ", ".join(f"{peer} {_percent(1 - value / mine)} % lower" for value, peer in better)


def _curve_table(days: Sequence[DayCurves]) -> Table:
    last_s = max(curve.until for day in days for curve in day.curves)
    marks = [m for m in (0.01, 0.1, *MARKS_S) if m <= max(last_s, 0.01)]
    names = [f"{mark:g} s" for mark in marks]
    cells = []
    for day in days:
        for kind, curves in ((f"above {day.reference} ({day.reference_s:,})", day.curves), ("proven gap", day.proven)):
            cells += [(day.day, kind, curve.engine, *(_read(curve, mark) for mark in marks)) for curve in curves]
    return Table(
        "The curves of the charts, per cent: medians over the seeds of each planner's runs with its longest limit",
        ("day", "what", "planner", *names),
        tuple(cells),
        frozenset(names),
    )


def _read(curve: Curve, mark: float) -> str:
    late = mark * (1 + LATE_SHARE)
    if not any(at <= late for at, _ in curve.points) or (curve.steps and mark > curve.until):
        return "-"
    return _percent(share_at(curve, late))


# ------------------------------------------------------------------------- targets and the rest


_UNITS: Mapping[What, Callable[[float], str]] = {
    What.GAP_PERCENT: lambda value: f"worst proven gap {value:.2f} %",
    What.OPTIMAL_PERCENT: lambda value: f"{value:.1f} % of runs proven optimal",
    What.OPTIMAL_MEDIAN_S: lambda value: f"median {value:.2f} s to the proof",
    What.PEER_RATIO: lambda value: f"on the worst day {value:.4f} of the best peer's cost",
    What.BROKEN_PROMISES: lambda value: f"broken promises of weight {value:g} at worst",
}
_LACKING: Mapping[What, str] = {
    What.GAP_PERCENT: "a run without a proven gap",
    What.OPTIMAL_MEDIAN_S: "the median run proves nothing optimal",
    What.PEER_RATIO: "a day on which a peer has a plan that ours lacks",
    What.BROKEN_PROMISES: "a run without a plan",
}


def target_blocks(reached: Sequence[Reached]) -> Iterator[Block]:
    """What the records reached of the numbers to reach."""
    yield Heading(2, "Numbers to reach")
    verdicts = [each.verdict.value for each in reached]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in ("met", "missed", "not measured"))
    yield Paragraph(
        f"{counts}. Only runs with the time limit and threads of the target count, of the newest code that has "
        "some; a target is met when all its days were run and reached it. Slot offers, bookings and the memory of a "
        "service are not measured by planning days, so targets for them are not among these."
    )
    columns = ("target", "planner", "limit", "needed", "reached", "days", "runs", "code", "verdict")
    yield Table("Targets, and what the records reached", columns, tuple(_target(each) for each in reached))


def _target(each: Reached) -> tuple[str, ...]:
    target = each.target
    threads = f"{target.threads} thread{'s' if target.threads > 1 else ''}"
    if each.reached is None:
        got = "no such runs" if not each.runs else "no peer ran"
    elif math.isinf(each.reached):
        got = _LACKING[target.what]
    else:
        got = _UNITS[target.what](each.reached)
    return (
        target.case,
        target.planner,
        f"{target.time_limit_s:g} s, {threads}",
        f"{'at least' if target.what is What.OPTIMAL_PERCENT else 'at most'} {_UNITS_NEEDED[target.what]}".format(
            f"{target.needed:g}"
        ),
        got,
        f"{each.days} of {len(target.days)}",
        str(each.runs),
        "-" if each.commit is None else each.commit[:12] + (" with changes" if each.dirty else ""),
        each.verdict.value,
    )


_UNITS_NEEDED: Mapping[What, str] = {
    What.GAP_PERCENT: "{} % gap",
    What.OPTIMAL_PERCENT: "{} % optimal",
    What.OPTIMAL_MEDIAN_S: "{} s to the proof",
    What.PEER_RATIO: "{} of the best peer",
    What.BROKEN_PROMISES: "{} broken",
}


def contradiction_blocks(found: Sequence[str]) -> Iterator[Block]:
    """Records that cannot all be true; nothing when there are none."""
    for words in found:
        yield Paragraph(f"CONTRADICTION: {words}", warning=True)


def peer_blocks() -> Iterator[Block]:
    """What each peer can model and what not, in the words of its module."""
    yield Heading(2, "The peers and their limits")
    modules: dict[str, list[str]] = defaultdict(list)
    for name, (function, _) in PEERS.items():
        modules[function.partition(":")[0]].append(name)
    for module, names in modules.items():
        yield Heading(3, ", ".join(names))
        for paragraph in _docstring(module).split("\n\n"):
            yield Paragraph(" ".join(paragraph.split()))


def _docstring(module: str) -> str:
    """The docstring of a module that is not imported: the package it needs may be missing."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module} is named as a peer, and is not there")
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""


def reading_blocks() -> Iterator[Block]:
    """How the tables are read."""
    yield Heading(2, "How to read this")
    for words in (
        "`ratio`: cost over that of the best run of the day within the same limit; 1.0000 is the best. A run without "
        "a plan, or with more broken promises than the best, has none (`inf`). Ratios and gaps are medians over seeds.",
        "`gap %`: what a planner itself has proven, (cost - lower bound) / cost; `-` where the median run proved "
        "nothing. `above best bound %`: how far the median cost is above the greatest bound that any planner proved "
        "for the day, as in the charts, in per cent of that bound.",
        "`broken promises` are those of the worst run, by weight; `memory` is the most that a process of any run held.",
        "`result`: `won` for the lowest median ratio of the day, `tied` where several share it, `lost` else, `alone` "
        "where nobody else ran. Costs are cost seconds, times seconds.",
    ):
        yield Paragraph(words)


# ------------------------------------------------------------------------------- how values read


def _ratio(value: float) -> str:
    return "inf" if math.isinf(value) else f"{value:.4f}"


def _percent(fraction: float, lost: str = "-") -> str:
    return lost if math.isinf(fraction) else f"{100 * fraction:.2f}"


def _cost(value: float) -> str:
    return "-" if math.isinf(value) else f"{value:,.0f}"


def _dash(value: int | None) -> str:
    return "-" if value is None else str(value)
