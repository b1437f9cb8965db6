"""Rosters that are there: drafts and published versions listed, the days of a city shown and drawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import dated
from api.bookings_cli.desk import roster_rows
from api.bookings_cli.given import (
    CityName,
    First,
    Json,
    Last,
    StoreAt,
    dates_between,
    faulty,
    read_date,
    read_span,
    served,
    today_of,
    views_of,
    within,
)
from api.bookings_cli.rosters_told import tell_grid
from api.console import say, say_json, table
from api.jobs import Job, RosterAsked, find_draft, list_jobs
from api.jobs.table import ROSTER
from api.page.markup import count
from api.reading import together
from api.roster_page import cover_view, grid_view, roster_page
from api.rostering.drafts import NO_ROSTER, Document
from api.rostering.problem import staff_of, store_problem
from api.shapes import executive_json
from api.store.rosters import roster_versions
from api.store.store import Store
from api.store.writing import View
from optimizer.domain import Executive, ServiceRules
from optimizer.roster import Contract, LabourRules, Roster, RosterProblem, ShiftPattern
from optimizer.roster.nouns import WEEK
from optimizer.units import hhmm
from scenarios.catalogue import City
from scenarios.files import check_writable, write_files
from scenarios.rosters import ROSTER_VERSION, roster_csv

MOST_LISTED = 1_000
DAYS_SHOWN = 14
"""Days of rosters that are shown where no end is named."""

NO_RULES = LabourRules(None, None, None, None, 0, None, 0, None, max_closing=None)
"""What people work already is shown whatever the labour rules say."""


# ------------------------------------------------------------------------------------------- list


def roster_list(
    city: CityName,
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many of each.")] = 20,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Drafts of a city, and rosters that were published, the newest first."""
    with served(store_at, as_json, writes=False) as store:
        town, most = together(lambda: store.catalogue.city(city), lambda: within(limit, "limit", 1, MOST_LISTED))
        jobs = list_jobs(store, city_ids=[town.city_id], kind=ROSTER, most=most)
        drafts = [_draft_row(job, find_draft(store, job.job_id)[1]) for job in jobs]
        versions = [
            {
                "number": version.number,
                "first": version.first.isoformat(),
                "last": version.last.isoformat(),
                "draft": version.job_id,
                "published_at": version.published_at.isoformat(),
                "published_by": version.published_by,
            }
            for version in roster_versions(store, town, most=most)
        ]
    if as_json:
        say_json({"city": town.city_id, "drafts": drafts, "published": versions})
        return
    columns = ("draft", "made", "from", "to", "for", "state", "published as")
    rows = (
        (d["draft"], d["made_at"][:16].replace("T", " "), d["first"], d["last"], _for(d), _state(d), d["published_as"])
        for d in drafts
    )
    if not drafts and not versions:
        say(f"{town.name_en}: no roster was made or published yet")
        return
    table(f"{town.name_en}: {count(len(drafts), 'draft')}", columns, rows, columns[-1:])
    heads = ("number", "from", "to", "published", "by", "draft")
    rows_of_versions = (
        (
            v["number"],
            v["first"],
            v["last"],
            str(v["published_at"])[:16].replace("T", " "),
            v["published_by"],
            v["draft"],
        )
        for v in versions
    )
    table(f"{len(versions)} published", heads, rows_of_versions, heads[:1])


def _draft_row(job: Job, document: Document | None) -> dict[str, Any]:
    asked = RosterAsked.of_job(job)
    last = asked.first + dt.timedelta(days=asked.weeks * WEEK - 1)
    return {
        "draft": job.job_id,
        "made_at": (job.ended_at or job.created_at).isoformat(),
        "asked_by": job.asked_by,
        "first": asked.first.isoformat() if document is None else document["first"],
        "last": last.isoformat() if document is None else document["last"],
        "away": {key: [date.isoformat() for date in dates] for key, dates in asked.away.items()},
        "alternatives": [] if document is None else [each["name"] for each in document["alternatives"]],
        "state": job.state,
        "error": job.error,
        "published_as": job.published_as,
    }


def _for(draft: Mapping[str, Any]) -> str:
    return f"{', '.join(draft['away'])} off" if draft["away"] else "weeks"


def _state(draft: Mapping[str, Any]) -> str:
    if draft["state"] == "done" and draft["alternatives"]:
        return "draft" if draft["published_as"] is None else "published"
    return "without a roster" if draft["state"] == "done" else str(draft["state"])


# ------------------------------------------------------------------------------------------- show


def roster_show(
    city: CityName,
    date: Annotated[str | None, typer.Argument(metavar="[DATE]", help="Only this date, with homes and breaks.")] = None,
    first: First = None,
    last: Last = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write roster.csv and roster.html there.")
    ] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """The rosters of a city: of one day, or a table of days, from today two weeks.

    --json as `roster import` reads it.
    """
    with served(store_at, as_json, writes=False) as store:
        catalogue, today = store.catalogue, today_of(store)
        if date is not None and (first is not None or last is not None):
            raise faulty("date", "one_span", date, "a date, or --from and --to")
        town, (begin, end) = together(
            lambda: catalogue.city(city),
            lambda: _shown_span(date, first, last, today, catalogue.rules),
        )
        if out is not None:
            check_writable(out)
        dates = dates_between(begin, end)
        views = views_of(store, town, dates)
        teams = {day: views[day].book.day.problem.executives for day in dates}
        problem, roster = _as_roster(store, town, begin, views)
        if out is not None:
            files = _shown_files(town, problem, roster, teams)
            write_files(out, files)
    if as_json:
        shown = [day for day in dates if teams[day] or date is not None]
        rosters = [
            {"date": day.isoformat(), "executives": [executive_json(e, day) for e in teams[day]]} for day in shown
        ]
        say_json({"schema_version": ROSTER_VERSION, "city": town.city_id, "rosters": rosters})
        return
    if date is not None:
        columns = ("executive", "shift", "overtime min", "break", "starts at", "ends at", "skills")
        title = f"{town.name_en}, {dated(begin)}: {len(teams[begin])} executives"
        table(title, columns, roster_rows(teams[begin]), columns[2:3])
    else:
        tell_grid(f"{town.name_en}: rosters, {begin.isoformat()} to {end.isoformat()}", grid_view(problem, roster))
    if out is not None:
        say(f"written to {out}: {', '.join(files)}")


def _shown_span(
    date: str | None, first: str | None, last: str | None, today: dt.date, rules: ServiceRules
) -> tuple[dt.date, dt.date]:
    if date is not None:
        day = read_date(date, "date", today, rules)
        return day, day
    return read_span(first, last, DAYS_SHOWN, today, rules)


def _as_roster(store: Store, city: City, first: dt.date, views: Mapping[dt.date, View]) -> tuple[RosterProblem, Roster]:
    """The rosters that days have as one roster of a problem that has just their shifts and people, and no rules.

    Who has other skills on some days has here those of all their days.
    """
    wanted = store_problem(store, city, first, len(views)).problem
    patterns: dict[str, ShiftPattern] = {}
    people: dict[str, Contract] = {}
    rows: dict[str, dict[dt.date, str]] = {}
    staff = {contract.executive_id: contract for contract in staff_of(store, city)[0].contracts}
    for date, view in views.items():
        for executive in view.book.day.problem.executives:
            key = executive.executive_id
            pattern = _pattern(executive, wanted.patterns, patterns)
            rows.setdefault(key, {})[date] = pattern.pattern_id
            leave = staff[key].leave if key in staff else frozenset()
            known = people.get(key) or Contract(key, executive.start, executive.end, executive.skills, leave=leave)
            people[key] = replace(known, skills=known.skills & executive.skills)
    told = {p.pattern_id for p in patterns.values()} | {None}
    worked = {date for date, view in views.items() if view.book.day.problem.executives}
    for key in people.keys() & staff.keys():
        asked = tuple(r for r in staff[key].requests if r.pattern_id in told and r.date in worked)
        people[key] = replace(people[key], requests=asked)
    closed = {date: NO_ROSTER for date in views if date not in worked}
    problem = replace(
        wanted,
        patterns=tuple(patterns.values()) or wanted.patterns,
        staff=tuple(people.values()) or tuple(replace(c, fixed={}) for c in wanted.staff),
        rules=replace(NO_RULES, closing_s=wanted.rules.closing_s),
        minimum=(),
        closed={**closed, **wanted.closed},
        published={},
    )
    found = {c.executive_id: rows.get(c.executive_id, {}) for c in problem.staff}
    return problem, Roster(first, {key: tuple(row.get(date) for date in problem.dates) for key, row in found.items()})


def _pattern(executive: Executive, known: Iterable[ShiftPattern], found: dict[str, ShiftPattern]) -> ShiftPattern:
    """The pattern of these hours, wherever its break is; one of its own where there is none."""
    shift = executive.shift
    hours = (shift.open_s, shift.close_s)
    pattern = next((p for p in known if (p.shift.open_s, p.shift.close_s) == hours), None)
    if pattern is None:
        pattern = ShiftPattern(f"{hhmm(shift.open_s)}-{hhmm(shift.close_s)}", shift, executive.pause)
    return found.setdefault(pattern.pattern_id, pattern)


def _shown_files(
    city: City, problem: RosterProblem, roster: Roster, teams: Mapping[dt.date, Sequence[Executive]]
) -> dict[str, str]:
    worked = {date: team for date, team in teams.items() if team}
    title = f"{city.name_en}: rosters from {dated(problem.first)} to {dated(problem.last)}"
    page = roster_page(title, grid=grid_view(problem, roster), cover=cover_view(problem, roster))
    return {"roster.csv": roster_csv(worked, city.office), "roster.html": page} if worked else {"roster.html": page}
