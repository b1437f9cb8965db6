"""`mitaan roster make`: who works when over the coming weeks, by labour rules and what is expected to be wanted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli.given import Json, faulty
from api.bookings_cli.planning import stopping
from api.console import DONE, NOTHING, counting, faults_told, note, plain, say, say_json, table
from api.reading import together
from optimizer.demand import need_name
from optimizer.roster import CoverRow, Roster, RosterProblem, RosterProgress, RosterResult, coverage, make_roster
from optimizer.roster.nouns import MOST_EXECUTIVES, MOST_WEEKS, QUARTERS, WEEK
from optimizer.stop import StopAt
from optimizer.units import IST, hhmm
from scenarios.catalogue import City, load_catalogue
from scenarios.files import check_writable, write_files
from scenarios.rostering import city_contracts, city_roster_problem, rosters_of
from scenarios.rosters import roster_csv

MOST_TOLD = 10
"""Slots where most is missing, told one by one."""
STEPS = ("greedy", "uncovered", "names", "bound", "improve", "whole")
"""What making a roster goes through, in order."""


def roster_make(
    city: Annotated[str, typer.Argument(metavar="CITY", help="Id or name of a city.")],
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day; the next Monday if not given.")
    ] = None,
    weeks: Annotated[int, typer.Option(metavar="N", help=f"Weeks, 1 to {MOST_WEEKS}.")] = 4,
    executives: Annotated[
        int | None, typer.Option(metavar="N", help="Executives; those of the city by the data if not given.")
    ] = None,
    time_limit: Annotated[float, typer.Option("--time-limit", metavar="SECONDS", min=0.0)] = 30.0,
    iterations: Annotated[int | None, typer.Option(min=0, help="Stop after so many steps: repeatable.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Makes the search repeatable.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="With two, bound and roster get better side by side.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write roster.csv and cover.csv there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a roster over weeks: labour rules kept, what stays uncovered proven minimal where there is time.

    Expected demand is that of the data. `mitaan roster import` takes the table of `--out`. Ctrl-C keeps the best.
    """
    with faults_told(as_json):
        catalogue = load_catalogue()
        town, begin, count, people = together(
            lambda: catalogue.city(city),
            lambda: _first(first),
            lambda: _within("weeks", weeks, MOST_WEEKS),
            lambda: None if executives is None else _within("executives", executives, MOST_EXECUTIVES),
        )
        if out is not None:
            check_writable(out)
        problem = city_roster_problem(
            catalogue, town, begin, WEEK * count, contracts=city_contracts(catalogue, town, people)
        )
        stop = StopAt(iterations, None if iterations is not None else time_limit)
        with stopping(stop), counting("making the roster", as_json) as tell:
            result = make_roster(problem, stop, seed, threads, _steps(tell))
        if result.roster is None:
            note("stopped before there was a roster; nothing was written")
            raise typer.Exit(NOTHING)
        rows = coverage(problem, result.roster)
        written = {} if out is None else _texts(town, problem, result.roster, rows)
        if out is not None:
            write_files(out, written)
    if as_json:
        say_json(_json(town, problem, result, rows))
    else:
        _tell(town, problem, result, rows)
        if out is not None:
            say(f"written to {out}: {', '.join(written)}")
            say(f"next: mitaan roster import {out / 'roster.csv'} --city {town.city_id}")
    raise typer.Exit(DONE)


def _first(text: str | None) -> dt.date:
    today = dt.datetime.now(IST).date()
    if text is None:
        return today + dt.timedelta(days=WEEK - today.weekday())
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        raise faulty("from", "bad_date", text, "a date as 2026-12-07") from None
    if date < today:
        raise faulty("from", "past", text, f"not before {today.isoformat()}: what was worked is not made again")
    return date


def _within(option: str, number: int, most: int) -> int:
    if not 1 <= number <= most:
        raise faulty(option, "out_of_range", number, f"1 to {most}")
    return number


def _steps(tell: Callable[[int, int], None]) -> Callable[[RosterProgress], None]:
    """Progress as steps done of all; a step of several parts counts as far as it is."""

    def on_progress(progress: RosterProgress) -> None:
        if progress.step in STEPS:
            part = min(progress.done, progress.of) * 100 // max(1, progress.of)
            tell(100 * STEPS.index(progress.step) + part, 100 * len(STEPS))

    return on_progress


def _texts(city: City, problem: RosterProblem, roster: Roster, rows: tuple[CoverRow, ...]) -> dict[str, str]:
    """The files: who works when, and what is covered."""
    worked = {date: team for date, team in rosters_of(problem, roster).items() if team}
    lines = ["date,slot,needs,wanted,covered,missing"]
    for row in rows:
        slot, needs = problem.grid.slot(row.slot), " or ".join(need_name(need) for need in row.needs)
        numbers = (n / QUARTERS for n in (row.wanted_quarters, row.covered_quarters, row.missing_quarters))
        lines.append(f"{row.date.isoformat()},{hhmm(slot.open_s)},{needs}," + ",".join(f"{n:g}" for n in numbers))
    return {"roster.csv": roster_csv(worked, city.office), "cover.csv": "\n".join(lines) + "\n"}


def _json(city: City, problem: RosterProblem, result: RosterResult, rows: tuple[CoverRow, ...]) -> dict[str, Any]:
    roster = result.roster
    assert roster is not None  # noqa: S101  (looked at before)
    return {
        "city": city.city_id,
        "first": problem.first.isoformat(),
        "days": problem.days,
        "closed": {date.isoformat(): reason for date, reason in sorted(problem.closed.items())},
        "rules": plain(problem.rules),
        "status": result.status.value,
        "cost": plain(result.cost),
        "bound_uncovered": result.bound_1,
        "bound": result.bound,
        "gap": result.gap,
        "seed": result.seed,
        "executives": {
            executive_id: dict(zip((date.isoformat() for date in problem.dates), row, strict=True))
            for executive_id, row in roster.rows.items()
        },
        "missing": [
            {
                "date": row.date.isoformat(),
                "slot": hhmm(problem.grid.slot(row.slot).open_s),
                "needs": [sorted(need) for need in row.needs],
                "executives": row.missing_quarters / QUARTERS,
            }
            for row in rows
            if row.missing_quarters
        ],
    }


def _tell(city: City, problem: RosterProblem, result: RosterResult, rows: tuple[CoverRow, ...]) -> None:
    roster, cost = result.roster, result.cost
    assert roster is not None and cost is not None  # noqa: S101, PT018  (looked at before)
    weeks = [range(begin, min(begin + WEEK, problem.days)) for begin in range(0, problem.days, WEEK)]
    columns = ("executive", *(problem.dates[week[0]].isoformat() for week in weeks), "shifts", "closing")
    table(
        f"{city.name_en}: roster, {problem.first.isoformat()} to {problem.last.isoformat()}",
        columns,
        [
            (
                executive_id,
                *(" ".join(_cell(problem, row[day], problem.dates[day]) for day in week) for week in weeks),
                sum(pattern is not None for pattern in row),
                sum(p is not None and problem.rules.is_closing(problem.pattern_by_id[p].shift) for p in row),
            )
            for executive_id, row in sorted(roster.rows.items())
        ],
        columns[-2:],
    )
    say("numbers are the hours at which shifts begin; - a day off, x closed")
    thin = sorted((r for r in rows if r.missing_quarters), key=lambda r: (-r.missing_quarters, r.date, r.slot))
    if thin:
        shown = ("date", "slot", "for", "wanted", "missing")
        table(
            f"where most executives are missing ({len(thin)} slots in all)",
            shown,
            [
                (
                    row.date.isoformat(),
                    hhmm(problem.grid.slot(row.slot).open_s),
                    " or ".join(need_name(need) for need in row.needs),
                    f"{row.wanted_quarters / QUARTERS:g}",
                    f"{row.missing_quarters / QUARTERS:g}",
                )
                for row in thin[:MOST_TOLD]
            ],
            shown[-2:],
        )
    proven = "proven minimal" if result.uncovered_proven else f"at least {result.bound_1:,} by proof"
    say(f"uncovered: {cost.level_1:,} points ({proven}); all others: {cost.level_2:,}; gap {result.gap or 0:.2%}")


def _cell(problem: RosterProblem, pattern_id: str | None, date: dt.date) -> str:
    if date in problem.closed:
        return " x"
    return " -" if pattern_id is None else hhmm(problem.pattern_by_id[pattern_id].shift.open_s)[:2]
