"""Rosters over weeks: made as drafts, compared, published, shown; and what to do when somebody is off.

With a store in reach a roster is made of what it knows, and kept there as a draft; else of the data alone.
"""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bookings_cli.answers import dated, named
from api.bookings_cli.given import (
    By,
    CityName,
    Force,
    Iterations,
    Json,
    Seed,
    StoreAt,
    Threads,
    TimeLimit,
    again,
    expect_author,
    faulty,
    read_date,
    read_dates,
    served,
    served_or_data,
    today_of,
    views_of,
    within,
)
from api.bookings_cli.planning import stopping
from api.bookings_cli.rosters_told import (
    compared,
    tell_compared,
    tell_difference,
    tell_grid,
    tell_job_refused,
    tell_missing,
    tell_not_published,
    tell_requests,
    tell_why,
)
from api.console import (
    DONE,
    DONE_WITH_BROKEN_RULES,
    NOTHING,
    REFUSED,
    counting,
    note,
    plain,
    say,
    say_json,
    working,
)
from api.jobs import Job, JobRefused, find_draft, keep_draft, publish_roster_job
from api.reading import together
from api.roster_page import cover_view, grid_view, roster_page
from api.rostering.difference import difference
from api.rostering.drafts import Document, alternative_of, away_draft, expect_away, make_draft
from api.rostering.problem import store_problem
from api.rostering.publish import recover_days
from api.store.desk import DESK
from api.store.rosters import NotPublished
from api.store.store import Store
from optimizer.demand import need_name
from optimizer.domain import Fault, InvalidProblem, Limits
from optimizer.roster import (
    CoverRow,
    Roster,
    RosterCost,
    RosterProblem,
    RosterProgress,
    coverage,
)
from optimizer.roster.nouns import MOST_EXECUTIVES, MOST_WEEKS, QUARTERS, WEEK
from optimizer.stop import StopAt
from optimizer.units import hhmm
from scenarios.catalogue import Catalogue, City
from scenarios.files import check_writable, write_files
from scenarios.rostering import city_contracts, rosters_of
from scenarios.rosters import roster_csv
from scenarios.staff import Staff, read_staff

MOST_LISTED = 1_000
STEPS = ("greedy", "uncovered", "names", "bound", "improve", "whole")
"""What making a roster goes through, in order."""

DraftName = Annotated[str, typer.Argument(metavar="DRAFT", help="Id of a draft, as `roster make` told it.")]
AlternativeName = Annotated[
    str | None, typer.Option("--alternative", metavar="NAME", help="Which, where the draft has several.")
]


@contextmanager
def _jobs_told(as_json: bool) -> Iterator[None]:
    """What cannot be done with a job inside is told with its code; exit code 1."""
    try:
        yield
    except JobRefused as refused:
        tell_job_refused(refused, as_json)


# ------------------------------------------------------------------------------------------- make


def roster_make(
    city: CityName,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day; the next Monday if not given.")
    ] = None,
    weeks: Annotated[int, typer.Option(metavar="N", help=f"Weeks, 1 to {MOST_WEEKS}.")] = 4,
    executives: Annotated[
        int | None, typer.Option(metavar="N", help="A trial: so many executives, as the data assume them.")
    ] = None,
    staff_file: Annotated[
        Path | None, typer.Option("--staff", metavar="FILE", help="A trial: the staff of this file (.csv or .json).")
    ] = None,
    days_file: Annotated[
        Path | None, typer.Option("--days", metavar="FILE", help="Its leave, settled days and requests (.csv).")
    ] = None,
    time_limit: TimeLimit = 30.0,
    iterations: Iterations = None,
    seed: Seed = 1,
    threads: Threads = 1,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write roster.csv, cover.csv and roster.html there.")
    ] = None,
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Make a roster over weeks: labour rules kept, what stays uncovered proven minimal where there is time.

    With a store in reach it is made of its staff, past bookings, closed days and rosters, and kept as a draft to be
    compared and published. Without one, staff and demand are those of the data. A trial is never kept. Ctrl-C keeps
    the best roster so far.
    """
    with served_or_data(store_at, as_json) as (store, in_reach), _jobs_told(as_json):
        catalogue, today = store.catalogue, today_of(store)
        (town, begin), (count, people), _ = together(
            lambda: together(lambda: catalogue.city(city), lambda: _first(first, today, catalogue)),
            lambda: together(
                lambda: within(weeks, "weeks", 1, MOST_WEEKS),
                lambda: _trial(catalogue, city, executives, staff_file, days_file),
            ),
            lambda: expect_author(by),
        )
        if out is not None:
            check_writable(out)
        limits = _limits(time_limit, iterations, seed, threads)
        stop = StopAt.within(limits)
        with stopping(stop), counting("making the roster", as_json) as tell:
            draft = make_draft(
                store,
                town,
                begin,
                WEEK * count,
                stop,
                seed=seed,
                threads=threads,
                staff=people,
                on_progress=_steps(tell),
            )
        problem = store_problem(store, town, begin, WEEK * count, people).problem
        roster = _roster_of(draft)
        files = {} if roster is None or out is None else _texts(town, problem, roster)
        if out is not None and files:
            write_files(out, files)
        kept = roster is not None and people is None and in_reach
        job = keep_draft(store, town, draft, limits, by) if kept else None
    made = _Made(town, problem, draft, roster, job, in_reach=in_reach, trial=people is not None)
    if as_json:
        say_json(_json(made))
    elif roster is not None:
        _tell(made)
        if out is not None:
            say(f"written to {out}: {', '.join(files)}")
        _tell_next(made, out, store_at)
    elif draft["status"] == "infeasible":
        say(f"refused: {town.name_en}: no roster keeps the labour rules, leave and settled days [no_roster_made]")
        tell_why(draft["why"])
    if roster is None:
        note("nothing was kept" if draft["status"] == "infeasible" else "stopped before there was a roster")
        raise typer.Exit(REFUSED if draft["status"] == "infeasible" else NOTHING)
    raise typer.Exit(DONE_WITH_BROKEN_RULES if _cost(draft)["missing"] else DONE)


def _first(text: str | None, today: dt.date, catalogue: Catalogue) -> dt.date:
    if text is None:
        return today + dt.timedelta(days=WEEK - today.weekday())
    date = read_date(text, "from", today, catalogue.rules)
    if date < today:
        raise faulty("from", "past", text, f"not before {today.isoformat()}: what was worked is not made again")
    return date


def _trial(
    catalogue: Catalogue, city: str, executives: int | None, staff_file: Path | None, days_file: Path | None
) -> Staff | None:
    """Another staff than that which is known; None where none is given."""
    if executives is not None and staff_file is not None:
        raise faulty("staff", "one_staff", str(staff_file), "one of --staff and --executives")
    if days_file is not None and staff_file is None:
        raise faulty("days", "not_used", str(days_file), "only with --staff, whose days they are")
    if executives is not None:
        count, town = together(
            lambda: within(executives, "executives", 1, MOST_EXECUTIVES), lambda: catalogue.city(city)
        )
        return Staff(town.city_id, city_contracts(catalogue, town, count))
    return None if staff_file is None else read_staff(staff_file, days_file, catalogue, catalogue.city(city))


def _limits(time_limit: float, iterations: int | None, seed: int, threads: int) -> Limits:
    return Limits(None if iterations is not None else time_limit, iterations, seed, threads)


def _steps(tell: Callable[[int, int], None]) -> Callable[[RosterProgress], None]:
    """Progress as steps done of all; a step of several parts counts as far as it is."""

    def on_progress(progress: RosterProgress) -> None:
        if progress.step in STEPS:
            part = min(progress.done, progress.of) * 100 // max(1, progress.of)
            tell(100 * STEPS.index(progress.step) + part, 100 * len(STEPS))

    return on_progress


@dataclass(frozen=True, eq=False)
class _Made:
    """What was made: the problem, the draft, its roster if there is one, and the job that keeps it."""

    city: City
    problem: RosterProblem
    draft: Document
    roster: Roster | None
    job: Job | None
    in_reach: bool
    trial: bool

    @property
    def basis(self) -> str:
        """Of what it was made, in words."""
        of_store = "past bookings, closed days and rosters of the store"
        known = of_store if self.in_reach else "demand of the data: no store is in reach"
        if self.trial:
            return f"a trial, not kept: {known}"
        version = self.draft["staff_version"]
        staff = f"staff at version {version}" if version else "staff as the data assume it (ASSUMPTION)"
        return f"{staff}, {known}"


def _roster_of(draft: Document) -> Roster | None:
    if not draft["alternatives"]:
        return None
    rows = {key: tuple(row) for key, row in draft["alternatives"][0]["executives"].items()}
    return Roster(dt.date.fromisoformat(draft["first"]), rows)


def _cost(draft: Document) -> dict[str, int]:
    cost = draft["alternatives"][0]["cost"]
    return {field.name: cost[field.name] for field in fields(RosterCost)}


def _json(made: _Made) -> dict[str, Any]:
    draft, found = made.draft, made.draft["alternatives"][0] if made.roster is not None else None
    dates = [date.isoformat() for date in made.problem.dates]
    told: dict[str, Any] = {
        "city": made.city.city_id,
        "first": draft["first"],
        "days": made.problem.days,
        "made_of": "store" if made.in_reach else "data",
        "trial": made.trial,
        "staff_version": draft["staff_version"],
        "demand": draft["demand"],
        "draft": None if made.job is None else made.job.job_id,
        "closed": draft["closed"],
        "rules": plain(made.problem.rules),
        "status": draft["status"],
        "seed": draft["seed"],
        "why": draft["why"],
    }
    if found is None:
        return {**told, "executives": {}, "missing": []}
    return {
        **told,
        "cost": _cost(draft),
        "bound_uncovered": found["uncovered_bound"],
        "bound": found["bound"],
        "gap": found["gap"],
        "executives": {key: dict(zip(dates, row, strict=True)) for key, row in found["executives"].items()},
        "missing": [
            {"date": row["date"], "slot": row["slot"], "needs": row["needs"], "executives": row["missing"]}
            for row in found["missing"]
        ],
        "requests": found["requests"],
        "requests_refused": found["requests_refused"],
    }


def _tell(made: _Made) -> None:
    found, problem = made.draft["alternatives"][0], made.problem
    assert made.roster is not None  # noqa: S101  (looked at before)
    title = f"{made.city.name_en}: roster, {problem.first.isoformat()} to {problem.last.isoformat()}"
    tell_grid(title, grid_view(problem, made.roster))
    tell_missing(found["missing"])
    tell_requests(found)
    cost, bound, gap = found["cost"], found["uncovered_bound"], found["gap"] or 0
    proven = "proven minimal" if found["uncovered_proven"] else f"at least {bound:,} by proof"
    say(f"uncovered: {cost['level_1']:,} points ({proven}); all others: {cost['level_2']:,}; gap {gap:.2%}")
    say(f"made of: {made.basis}")
    if cost["missing"]:
        say("minimum cover is not kept:")
        tell_why(made.draft["why"])


def _tell_next(made: _Made, out: Path | None, store_at: str | None) -> None:
    at = again(store_at)
    if made.job is not None:
        say(f"kept as draft {made.job.job_id}; next:")
        say(f"  mitaan roster diff {made.job.job_id}{at}")
        say(f"  mitaan roster publish {made.job.job_id}{at}")
    elif out is not None:
        table_file = shlex.quote(str(out / "roster.csv"))
        say(f"next: mitaan roster import {table_file} --city {made.city.city_id}{at}")


def _texts(city: City, problem: RosterProblem, roster: Roster) -> dict[str, str]:
    """The files: who works when, what is covered, and both as a page."""
    rows = coverage(problem, roster)
    worked = {date: team for date, team in rosters_of(problem, roster).items() if team}
    lines = ["date,slot,needs,wanted,covered,missing", *(_cover_line(problem, row) for row in rows)]
    title = f"{city.name_en}: roster from {dated(problem.first)} to {dated(problem.last)}"
    page = roster_page(title, grid=grid_view(problem, roster), cover=cover_view(problem, roster))
    texts = {"cover.csv": "\n".join(lines) + "\n", "roster.html": page}
    return {"roster.csv": roster_csv(worked, city.office), **texts} if worked else texts


def _cover_line(problem: RosterProblem, row: CoverRow) -> str:
    slot, needs = problem.grid.slot(row.slot), " or ".join(need_name(need) for need in row.needs)
    numbers = (n / QUARTERS for n in (row.wanted_quarters, row.covered_quarters, row.missing_quarters))
    return f"{row.date.isoformat()},{hhmm(slot.open_s)},{needs}," + ",".join(f"{n:g}" for n in numbers)


# -------------------------------------------------------------------------------------------- off


def roster_off(
    city: CityName,
    executive: Annotated[str, typer.Argument(metavar="EXECUTIVE", help="Who is off.")],
    first: Annotated[str, typer.Argument(metavar="FROM", help="First date.")],
    last: Annotated[str | None, typer.Argument(metavar="[TO]", help="Last date, included; the first if not given.")] = (
        None
    ),
    time_limit: TimeLimit = 30.0,
    iterations: Iterations = None,
    seed: Seed = 1,
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """What to do when somebody is off on days that have a roster: alternatives side by side, kept as a draft.

    The gaps left open, few changes, very few changes; for each what becomes of the promises, and what would save
    those at risk. Nothing changes before one of them is published.
    """
    with served(store_at, as_json) as store, _jobs_told(as_json):
        catalogue, today = store.catalogue, today_of(store)
        town, dates, _ = together(
            lambda: catalogue.city(city),
            lambda: read_dates(first, last, today, catalogue.rules),
            lambda: expect_author(by),
        )
        with _off_told():
            expect_away(store, town, {executive: dates})
        off = _with_roster(store, town, dates) or dates
        without = [date for date in dates if date not in off and store.facts.closed(town, date) is None]
        limits = _limits(time_limit, iterations, seed, 1)
        stop = StopAt.within(limits)
        with _off_told(), stopping(stop), working("looking for other rosters"):
            draft = away_draft(store, town, {executive: off}, stop, seed=seed)
        job = keep_draft(store, town, draft, limits, by)
        alternatives = compared(draft, _differences(store, town, job, draft, as_json, store_at))
    if as_json:
        told = {
            "draft": job.job_id,
            "city": town.city_id,
            "executive": executive,
            "dates": [date.isoformat() for date in off],
            "without_roster": [date.isoformat() for date in without],
            "alternatives": alternatives,
        }
        say_json(told)
        return
    tell_compared(f"{town.name_en}: {executive} is off, {_span_words(off)}", alternatives)
    at = again(store_at)
    if not draft["alternatives"][0]["changes"]:
        say(f"{executive} is not on shift then: what is published is the leave")
    if without:
        say(f"no roster yet: {_span_words(without)}; so that the next one knows of it:")
        span = f"{without[0].isoformat()} {without[-1].isoformat()}"
        say(f"  mitaan staff leave {town.city_id} {shlex.quote(executive)} {span}{at}")
    say(f"kept as draft {job.job_id}; next, with the name of an alternative:")
    name = min(reversed(alternatives), key=lambda each: (len(each["refused"]), len(each["at_risk"])))["name"]
    say(f"  mitaan roster diff {job.job_id} --alternative {name}{at}")
    say(f"  mitaan roster publish {job.job_id} --alternative {name}{at}")


@contextmanager
def _off_told() -> Iterator[None]:
    """Faults inside, told of the arguments they come from, with what to do about them."""
    try:
        yield
    except InvalidProblem as invalid:
        told = [("executive" if f.code == "unknown_executive" else "from", f) for f in invalid.faults]
        rules = (Fault((name,), f.code, f.value, f.rule + _WHAT_TO_DO.get(f.code, "")) for name, f in told)
        raise InvalidProblem(rules) from None


_WHAT_TO_DO: Mapping[str, str] = {
    "no_roster": "; `mitaan staff leave` is for days that have none yet",
}


def _with_roster(store: Store, city: City, dates: Sequence[dt.date]) -> list[dt.date]:
    views = views_of(store, city, dates)
    return [date for date in dates if views[date].book.day.problem.executives]


def _differences(
    store: Store, city: City, job: Job, draft: Document, as_json: bool, store_at: str | None
) -> dict[str, Document]:
    """What each alternative would change. Ctrl-C ends the command; the draft is kept."""
    names = [alternative["name"] for alternative in draft["alternatives"]]
    found: dict[str, Document] = {}
    try:
        with counting("judging promises", as_json) as tell:
            for number, name in enumerate(names):
                on_day = partial(_tell_day, tell, number, len(names))
                found[name] = difference(store, city, draft, name, on_day)
    except KeyboardInterrupt:
        note(f"stopped; the draft is kept: mitaan roster diff {job.job_id}{again(store_at)}")
        raise typer.Exit(NOTHING) from None
    return found


def _tell_day(tell: Callable[[int, int], None], number: int, of: int, done: int, days: int) -> None:
    tell(number * days + done, of * days)


def _span_words(dates: Sequence[dt.date]) -> str:
    whole = (dates[-1] - dates[0]).days + 1 == len(dates)
    if len(dates) == 1 or not whole:
        return ", ".join(dated(date) for date in dates)
    return f"{dated(dates[0])} to {dated(dates[-1])}"


# ------------------------------------------------------------------------------- diff and publish


def _draft(store: Store, job_id: str) -> tuple[Job, Document]:
    """A draft that can still be published. Raises JobRefused for what is none."""
    job, document = find_draft(store, job_id)
    if not job.ended:
        raise JobRefused("still_running", job_id, "the roster is being made", job_id)
    if document is None or not document["alternatives"]:
        raise JobRefused("no_roster_made", job_id, "it ended without a roster", job_id)
    if job.published_as is not None:
        raise JobRefused("already_published", job_id, f"it is roster {job.published_as} of {job.city_id}", job_id)
    return job, document


def roster_diff(
    draft: DraftName, alternative: AlternativeName = None, store_at: StoreAt = None, as_json: Json = False
) -> None:
    """What publishing a draft would change: who works when, which promises could not be kept, what would save them.

    Of a draft with several alternatives they are told side by side, unless one is named.
    """
    with served(store_at, as_json, writes=False) as store, _jobs_told(as_json):
        job, document = _draft(store, draft)
        town = store.catalogue.city(job.city_id)
        several = alternative is None and len(document["alternatives"]) > 1
        if several:
            told: Any = compared(document, _differences(store, town, job, document, as_json, store_at))
        else:
            name = alternative_of(document, alternative)["name"]
            with counting("judging promises", as_json) as tell:
                told = difference(store, town, document, name, tell)
    title = f"{town.name_en}: draft {job.job_id}, {document['first']} to {document['last']}"
    if as_json:
        say_json({"draft": job.job_id, **({"alternatives": told} if several else told)})
    elif several:
        tell_compared(title, told)
    else:
        tell_difference(title, told)
        option = "" if told["alternative"] == "made" else f" --alternative {told['alternative']}"
        say(f"next: mitaan roster publish {job.job_id}{option}{again(store_at)}")


def roster_publish(
    draft: DraftName,
    alternative: AlternativeName = None,
    force: Force = False,
    by: By = DESK,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Make a draft the roster of its days, with what each can carry: all of them or none. Booking sells from it then.

    Refused by days whose roster has changed since, whose plan is published, or whose promises could not be kept.
    """
    with served(store_at, as_json) as store, _jobs_told(as_json):
        expect_author(by)
        job, _ = _draft(store, draft)
        town = store.catalogue.city(job.city_id)
        with working("publishing: a witness is made for every day with promises"):
            outcome = publish_roster_job(store, draft, author=by, alternative=alternative, force=force)
        if isinstance(outcome, NotPublished):
            tell_not_published(outcome, as_json)
        back = 0
        try:
            back = recover_days(store, town, outcome.change)
        except KeyboardInterrupt:
            note(f"stopped; the roster is published, and `mitaan day improve {town.city_id}` brings promises back")
        dates = sorted(book.day.date for book in outcome.change.books)
        views = views_of(store, town, dates) if dates else {}
        risky = sorted(b.booking_id for view in views.values() for b in view.book.bookings.values() if b.at_risk)
        staffed = [date for date in dates if views[date].book.day.problem.executives]
    told = {
        "city": town.city_id,
        "number": outcome.number,
        "first": outcome.first.isoformat(),
        "last": outcome.last.isoformat(),
        "days": [date.isoformat() for date in staffed],
        "kept_again": back,
        "at_risk": risky,
    }
    if as_json:
        say_json(told)
        return
    more = f"; kept again: {back}" if back else ""
    span = f"{outcome.first.isoformat()} to {outcome.last.isoformat()}"
    say(f"{town.name_en}: roster {outcome.number} published, {span}{more}")
    if risky:
        say(f"at risk: {named(risky)}")
    at = again(store_at)
    say("next:")
    if staffed:
        say(f"  mitaan capacity show {town.city_id} {staffed[0].isoformat()}{at}")
    say(f"  mitaan calendar show {town.city_id}{at}")
