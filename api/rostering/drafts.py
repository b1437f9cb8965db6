"""Drafts: rosters that are made and not yet published, as one document with all that is needed to publish them.

A draft has one or more alternatives. It says what the rosters of its days were when it was made (`based_on`), who the
staff was, and why something is missing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from api.rostering.problem import StoreProblem, read_document, staff_document, staff_of, store_problem
from api.store.rosters import Teams, roster_key
from api.store.store import Store
from optimizer.demand import need_name
from optimizer.domain import Break, Executive, Fault, InvalidProblem, Shift, TimeWindow
from optimizer.roster import (
    Contract,
    DayRequest,
    Roster,
    RosterCost,
    RosterProblem,
    RosterProgress,
    RosterResult,
    ShiftPattern,
    ahead_after,
    coverage,
    make_roster,
    refused_requests,
    requests_of,
    reroster,
)
from optimizer.roster.explain import GivenUp, Shortfall, cheapest_relaxation, clash, static_findings
from optimizer.roster.nouns import QUARTERS, WEEK
from optimizer.stop import Stop, StopAt
from optimizer.units import hhmm
from scenarios.catalogue import City
from scenarios.staff import Staff

MADE = "made"
"""The alternative of a draft that has one only."""
EXPLAIN_S = 5.0
"""Seconds to find out why minimum cover is not kept, for each of two ways to tell it."""
MOST_FINDINGS = 20
NO_ROSTER = "no_roster"
"""Why nobody works on a day for which nothing was published yet."""

Document = dict[str, Any]
OnProgress = Callable[[RosterProgress], None]


# ------------------------------------------------------------------------------------------- made


def make_draft(
    store: Store,
    city: City,
    first: dt.date,
    days: int,
    stop: Stop,
    *,
    seed: int = 1,
    threads: int = 1,
    staff: Staff | None = None,
    on_progress: OnProgress | None = None,
) -> Document:
    """A roster from `first` on for so many days, of the staff that is stored or another one, as a draft.

    It has no alternative where the hard rules contradict, or the stop came first; `why` then says what is in the way.
    """
    given = store_problem(store, city, first, days, staff)
    problem = given.problem
    result = make_roster(problem, stop, seed, threads, on_progress)
    made = () if result.roster is None else (_alternative(problem, MADE, result.roster, _proof(result)),)
    why = _NOTHING
    if result.cost is None or result.cost.missing > 0:
        asked = not stop.requested  # who has stopped it waits for nothing more
        why = _why(problem, contradicts=result.roster is None, seed=seed) if asked else {**_NOTHING, "proven": False}
    return {
        **_head(given, given.staff, seed),
        "status": result.status.value,
        "away": {},
        "alternatives": list(made),
        "why": why,
    }


def away_draft(
    store: Store,
    city: City,
    away: Mapping[str, Iterable[dt.date]],
    stop: Stop,
    *,
    seed: int = 1,
) -> Document:
    """What to do when executives are away on dates that have a roster: the gaps left, few changes, very few changes.

    Only the calendar weeks of these dates are made again, and of them only days that have a roster. Raises
    InvalidProblem for an executive whom the city lacks, and for dates that have no roster.
    """
    wanted = {executive_id: frozenset(dates) for executive_id, dates in away.items()}
    _, today = expect_away(store, city, wanted)
    dates = sorted({date for some in wanted.values() for date in some})
    begin = max(today, dates[0] - dt.timedelta(days=dates[0].weekday()))
    end = dates[-1] + dt.timedelta(days=WEEK - 1 - dates[-1].weekday())
    given = store_problem(store, city, begin, (end - begin).days + 1)
    published = _as_published(given, wanted)
    problem = _only_rostered(given)
    given = replace(given, problem=problem)
    alternatives = reroster(problem, published, wanted, stop, seed)
    return {
        **_head(given, with_leave(given.staff, wanted), seed),
        "status": "feasible",
        "away": {executive_id: [date.isoformat() for date in sorted(some)] for executive_id, some in wanted.items()},
        "alternatives": [
            _alternative(problem, each.name, each.roster, _plain_proof(each.cost), before=published)
            for each in alternatives
        ],
        "why": _NOTHING,
    }


def expect_away(store: Store, city: City, away: Mapping[str, Iterable[dt.date]]) -> tuple[Staff, dt.date]:
    """The staff of the city, and today. Raises InvalidProblem for executives whom it lacks, past dates, or nobody."""
    staff, _ = staff_of(store, city)
    with store.database.read() as connection:
        today = store.database.now(connection).date()
    ids = {contract.executive_id for contract in staff.contracts}
    rule = f"an executive of {staff.city}"
    faults = [Fault(("away", key), "unknown_executive", key, rule) for key in sorted(away.keys() - ids)]
    faults += [
        Fault(("away", key), "day_past", min(dates).isoformat(), f"not before {today.isoformat()}")
        for key, dates in sorted((key, tuple(dates)) for key, dates in away.items())
        if dates and min(dates) < today
    ]
    if not any(tuple(dates) for dates in away.values()):
        faults.append(Fault(("away",), "nobody", None, "at least one executive and date"))
    if faults:
        raise InvalidProblem(faults)
    return staff, today


def _only_rostered(given: StoreProblem) -> RosterProblem:
    """The problem with days that have no roster closed: what is settled there is for the roster that they will get."""
    bare = {date: NO_ROSTER for date, view in given.views.items() if not view.book.day.problem.executives}
    staff = tuple(
        replace(c, fixed={date: pattern for date, pattern in c.fixed.items() if date not in bare})
        for c in given.problem.staff
    )
    return replace(given.problem, staff=staff, published={}, closed={**bare, **given.problem.closed})


def _as_published(given: StoreProblem, away: Mapping[str, frozenset[dt.date]]) -> Roster:
    """The rosters of the days as one. A shift that is no pattern counts as the one whose hours are nearest to it.

    Who is not of the staff is left out: whatever is published, they work as they do. Raises InvalidProblem for a date
    without a roster.
    """
    problem, faults = given.problem, []
    told = dict(problem.published)
    for date, view in given.views.items():
        if date in problem.closed:
            continue
        team = view.book.day.problem.executives
        if not team and any(date in dates for dates in away.values()):
            faults.append(Fault(("away",), "no_roster", date.isoformat(), "a date that has a roster"))
        for e in team:
            if e.executive_id in problem.contract_of and (e.executive_id, date) not in told:
                told[e.executive_id, date] = _nearest(problem.patterns, e)
    if faults:
        raise InvalidProblem(faults)
    rows = {
        contract.executive_id: tuple(told.get((contract.executive_id, date)) for date in problem.dates)
        for contract in problem.staff
    }
    return Roster(problem.first, rows)


def _nearest(patterns: Iterable[ShiftPattern], executive: Executive) -> str:
    """The pattern whose hours are nearest to those that an executive works."""
    open_s, close_s = executive.shift.open_s, executive.shift.close_s

    def apart(pattern: ShiftPattern) -> tuple[int, str]:
        return abs(pattern.shift.open_s - open_s) + abs(pattern.shift.close_s - close_s), pattern.pattern_id

    return min(patterns, key=apart).pattern_id


def with_leave(staff: Staff, away: Mapping[str, frozenset[dt.date]]) -> Staff:
    """The staff with these days as leave; what was settled or asked for them is not any more."""

    def one(contract: Contract) -> Contract:
        gone = away.get(contract.executive_id, frozenset())
        return replace(
            contract,
            leave=contract.leave | gone,
            fixed={date: pattern for date, pattern in contract.fixed.items() if date not in gone},
            requests=tuple(request for request in contract.requests if request.date not in gone),
        )

    return replace(staff, contracts=tuple(map(one, staff.contracts)))


# ------------------------------------------------------------------------------------- as a document


_NOTHING: Document = {"counted": [], "to_give_up": [], "clash": [], "proven": True}


def _head(given: StoreProblem, staff: Staff, seed: int) -> Document:
    problem = given.problem
    return {
        "city": problem.city,
        "first": problem.first.isoformat(),
        "last": problem.last.isoformat(),
        "slot_minutes": problem.grid.slot_s // 60,
        "demand": problem.wanted.basis,
        "staff_version": given.staff_version,
        "seed": seed,
        "closed": {date.isoformat(): reason for date, reason in sorted(problem.closed.items())},
        "patterns": [_pattern_json(pattern) for pattern in problem.patterns],
        "staff": staff_document(staff),
        "based_on": {
            date.isoformat(): roster_key(view.book.day.problem.executives) for date, view in given.views.items()
        },
    }


def _pattern_json(pattern: ShiftPattern) -> Document:
    shift, pause = pattern.shift, pattern.pause
    return {
        "id": pattern.pattern_id,
        "shift": [shift.open_s, shift.close_s, shift.overtime_s],
        "break": None if pause is None else [pause.duration_s, pause.window.open_s, pause.window.close_s],
    }


def _pattern_of(entry: Mapping[str, Any]) -> ShiftPattern:
    pause = entry["break"]
    rest = None if pause is None else Break(pause[0], TimeWindow(pause[1], pause[2]))
    return ShiftPattern(entry["id"], Shift(*entry["shift"]), rest)


def _proof(result: RosterResult) -> Document:
    return {
        **_plain_proof(result.cost),
        "uncovered_bound": result.bound_1,
        "bound": result.bound,
        "gap": result.gap,
        "uncovered_proven": result.uncovered_proven,
    }


def _plain_proof(cost: RosterCost | None) -> Document:
    if cost is None:
        raise ValueError("an alternative has a cost")
    return {
        "cost": {**dataclasses.asdict(cost), "level_1": cost.level_1, "level_2": cost.level_2},
        "uncovered_bound": None,
        "bound": None,
        "gap": None,
        "uncovered_proven": None,
    }


def _alternative(
    problem: RosterProblem, name: str, roster: Roster, proof: Document, before: Roster | None = None
) -> Document:
    rows = coverage(problem, roster)
    changes = [] if before is None else list(_changes(problem, before, roster))
    return {
        "name": name,
        **proof,
        "executives": {executive_id: list(row) for executive_id, row in sorted(roster.rows.items())},
        "missing": [
            {
                "date": row.date.isoformat(),
                "slot": hhmm(problem.grid.slot(row.slot).open_s),
                "needs": [sorted(need) for need in row.needs],
                "wanted": row.wanted_quarters / QUARTERS,
                "missing": row.missing_quarters / QUARTERS,
            }
            for row in rows
            if row.missing_quarters
        ],
        "changes": changes,
        "requests": len(requests_of(problem)),
        "requests_refused": [
            {
                "executive": executive_id,
                "date": request.date.isoformat(),
                "wanted": request.pattern_id,
                "works": roster.on(executive_id, request.date),
                "reason": _why_refused(problem, problem.contract_of[executive_id], request),
            }
            for executive_id, request in refused_requests(problem, roster)
        ],
        "ahead": {key: dataclasses.asdict(owed) for key, owed in sorted(ahead_after(problem, roster).items())},
    }


def _why_refused(problem: RosterProblem, contract: Contract, request: DayRequest) -> str:
    """Why a request is not granted: what rules it out, or that others came first."""
    date, pattern_id = request.date, request.pattern_id
    if date in problem.closed:
        return "closed_day"
    if date in contract.leave:
        return "on_leave"
    if date in contract.fixed:
        return "settled"
    if pattern_id is not None and contract.patterns is not None and pattern_id not in contract.patterns:
        return "not_agreed"
    return "other_needs"


def _changes(problem: RosterProblem, before: Roster, after: Roster) -> Iterator[Document]:
    for contract in problem.staff:
        for date in problem.dates:
            was, becomes = before.on(contract.executive_id, date), after.on(contract.executive_id, date)
            if was != becomes:
                at = {"executive": contract.executive_id, "date": date.isoformat()}
                yield {**at, "before": was, "after": becomes}


# -------------------------------------------------------------------------------------- why not more


def _why(problem: RosterProblem, *, contradicts: bool, seed: int) -> Document:
    """Why minimum cover is not kept: what counting says, what would have to be given up, which rules clash."""
    counted = static_findings(problem)
    cheapest = cheapest_relaxation(problem, StopAt(time_limit_s=EXPLAIN_S))
    clashing = clash(problem, EXPLAIN_S, seed) if contradicts or not counted else None
    return {
        "counted": [_short_json(problem, short) for short in counted[:MOST_FINDINGS]],
        "to_give_up": [] if cheapest is None else [_given_up_json(item) for item in cheapest.given_up],
        "clash": []
        if clashing is None or clashing.feasible
        else [{"rule": group.rule.value, "subject": group.subject} for group in clashing.groups],
        "proven": (cheapest is not None and cheapest.proven) and (clashing is None or clashing.proven),
    }


def _short_json(problem: RosterProblem, short: Shortfall) -> Document:
    return {
        "rule": short.rule.value,
        "date": short.date.isoformat(),
        "slot": None if short.slot is None else hhmm(problem.grid.slot(short.slot).open_s),
        "need": need_name(short.need),
        "most": short.most,
        "least": short.least,
        "on_leave": list(short.on_leave),
    }


def _given_up_json(item: GivenUp) -> Document:
    return {
        key: value.isoformat() if isinstance(value, dt.date) else value
        for key, value in dataclasses.asdict(item).items()
    }


# ------------------------------------------------------------------------------------------- read


def alternative_of(document: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """The alternative of this name, or the only one. Raises InvalidProblem where there is none, or more than one."""
    names = [each["name"] for each in document["alternatives"]]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        rule = f"one of {', '.join(names)}" if names else "this draft has no roster"
        raise InvalidProblem([Fault(("alternative",), "unknown_alternative", name, rule)])
    found: Mapping[str, Any] = document["alternatives"][names.index(name)]
    return found


def teams_of(store: Store, city: City, document: Mapping[str, Any], alternative: Mapping[str, Any]) -> Teams:
    """Who works on each date of an alternative; nobody on closed days.

    Of a draft for executives who are off only what it changes is another: all others work as the store has it now, be
    it by a pattern or not.
    """
    patterns = {entry["id"]: _pattern_of(entry) for entry in document["patterns"]}
    contracts = {c.executive_id: c for c in read_document(store, city, document["staff"]).contracts}
    first = dt.date.fromisoformat(document["first"])
    days = (dt.date.fromisoformat(document["last"]) - first).days + 1
    dates = [first + dt.timedelta(days=day) for day in range(days)]
    closed = {dt.date.fromisoformat(date) for date in document["closed"]}
    if document["away"]:
        with store.database.read() as connection:
            views = store.views(connection, city, dates)
        now = {date: {e.executive_id: e for e in views[date].book.day.problem.executives} for date in dates}
        for change in alternative["changes"]:
            executive_id, pattern_id = change["executive"], change["after"]
            team = now[dt.date.fromisoformat(change["date"])]
            team.pop(executive_id, None)
            if pattern_id is not None:
                team[executive_id] = contracts[executive_id].on(patterns[pattern_id])
        return {date: tuple(now[date][key] for key in sorted(now[date])) for date in dates if date not in closed}
    teams: dict[dt.date, list[Executive]] = {date: [] for date in dates}
    for executive_id, row in sorted(alternative["executives"].items()):
        for date, pattern_id in zip(teams, row, strict=True):
            if pattern_id is not None:
                teams[date].append(contracts[executive_id].on(patterns[pattern_id]))
    return {date: tuple(team) for date, team in teams.items() if date not in closed}


def away_now(
    store: Store, city: City, document: Mapping[str, Any], teams: Teams
) -> tuple[dict[dt.date, tuple[str, ...]], int | None]:
    """Who of each team of a draft is away by the staff of now, or not of it; and the version of that staff.

    Away is who has leave or a settled day off.
    A draft for executives who are off is held against the staff it was made from as a whole, and nobody is named.
    """
    if document["away"]:
        return {}, document["staff_version"]
    staff, version = staff_of(store, city)
    off = {
        c.executive_id: c.leave | {date for date, pattern in c.fixed.items() if pattern is None}
        for c in staff.contracts
    }
    found = {
        date: tuple(e.executive_id for e in team if e.executive_id not in off or date in off[e.executive_id])
        for date, team in teams.items()
    }
    return {date: names for date, names in found.items() if names}, version


def problem_of_draft(store: Store, city: City, document: Mapping[str, Any], name: str) -> tuple[RosterProblem, Roster]:
    """The problem and the roster of an alternative, as drawings want them: of the days as the store has them now."""
    first, last = (dt.date.fromisoformat(document[key]) for key in ("first", "last"))
    people = read_document(store, city, document["staff"])
    given = store_problem(store, city, first, (last - first).days + 1, people)
    rows = {key: tuple(row) for key, row in alternative_of(document, name)["executives"].items()}
    return given.problem, Roster(first, rows)
