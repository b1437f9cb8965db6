"""What the commands of rosters answer: a roster by weeks, what it lacks and why, what an alternative would change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NoReturn

import typer

from api.bookings_cli.answers import day_words, named
from api.console import REFUSED, say, say_json, short, table
from api.jobs import JobRefused
from api.page.markup import count
from api.roster_page import GridView
from api.shapes import refusal_json
from api.store.rosters import NotPublished, away_words
from api.words import Language
from optimizer.bookings import RefusalCode
from optimizer.roster.nouns import WEEK, RosterRule

Document = Mapping[str, Any]

WEEKS_BESIDE = 2
"""Weeks of a roster beside each other: a table of them has room in 100 columns."""
MOST_TOLD = 10
"""Slots, rules and reasons told one by one."""
MOST_SHIFTS = 2
"""Shifts of a day told one by one; more are counted."""
REFUSED_WORDS = {
    "day_published": "its plan is published; `mitaan day close --force` and `mitaan day open` withdraw it",
    "day_past": "it is over",
    "executive_away": "somebody is away then, or not of the staff any more; make another draft",
    "roster_outdated": "its roster has changed since the draft was made",
}
"""Why a day of a draft would not be published, and what can be done."""
REQUEST_WORDS = {
    "closed_day": "the day is closed",
    "on_leave": "it is a day of leave",
    "settled": "another shift or a day off is settled",
    "not_agreed": "it is no shift of theirs",
    "other_needs": "cover, labour rules or others came first",
}
"""Why a request is not granted."""
POINTS_NOTE = "uncovered is in points: an executive missing for one slot is 400"


# ------------------------------------------------------------------------------------- a roster


def tell_grid(title: str, view: GridView) -> None:
    """Who works when, two weeks beside each other, and what each has of all days together."""
    beside = WEEKS_BESIDE * WEEK
    blocks = [range(begin, min(begin + beside, len(view.dates))) for begin in range(0, len(view.dates), beside)]
    for block in blocks:
        weeks = [range(begin, min(begin + WEEK, block.stop)) for begin in range(block.start, block.stop, WEEK)]
        totals = ("shifts", "hours", "closing", "Sundays") if block is blocks[-1] else ()
        columns = ("executive", *(day_words(view.dates[week[0]]) for week in weeks), *totals)
        rows = []
        for row in view.rows:
            had = view.totals(row)
            numbers = (had.shifts, had.hours, had.closing, had.sundays) if totals else ()
            cells = (" ".join(_cell(view, row.cells[day], day, row.leave) for day in week) for week in weeks)
            rows.append((row.executive_id, *cells, *numbers))
        table(title if block is blocks[0] else "", columns, rows, totals)
    used = {cell for row in view.rows for cell in row.cells}
    shifts = [f"{s.letters} {_clock(s.open_s)}-{_clock(s.close_s)}" for s in view.shifts if s.pattern_id in used]
    say(f"shifts: {', '.join(shifts) or 'none'}")
    say("- a day off, L leave, x closed or without a roster")


def _cell(view: GridView, pattern_id: str | None, day: int, leave: frozenset[dt.date]) -> str:
    date = view.dates[day]
    if date in view.closed:
        text = "x"
    elif pattern_id is not None:
        text = view.shift_by_id[pattern_id].letters
    else:
        text = "L" if date in leave else "-"
    return text.rjust(2)


def _clock(second: int) -> str:
    return f"{second // 3_600:02d}:{second // 60 % 60:02d}"


def tell_missing(missing: Sequence[Document]) -> None:
    """The slots in which most executives are missing."""
    thin = sorted(missing, key=lambda row: (-row["missing"], row["date"], row["slot"]))
    columns = ("date", "slot", "for", "wanted", "missing")
    rows = (
        (
            row["date"],
            row["slot"],
            " or ".join("+".join(need) or "any" for need in row["needs"]),
            f"{row['wanted']:g}",
            f"{row['missing']:g}",
        )
        for row in thin[:MOST_TOLD]
    )
    if thin:
        table(f"where most executives are missing ({len(thin)} slots in all)", columns, rows, columns[-2:])


def tell_requests(alternative: Document) -> None:
    """How many requests are granted, and which are not."""
    asked, refused = alternative["requests"], alternative["requests_refused"]
    if asked:
        say(f"requests granted: {asked - len(refused)} of {asked}{'; not granted:' if refused else ''}")
    for request in refused[:MOST_TOLD]:
        wanted, works = (request[key] or "a day off" for key in ("wanted", "works"))
        reason, when = request["reason"], day_words(dt.date.fromisoformat(request["date"]))
        has = "" if reason in {"closed_day", "on_leave"} else f", has {works}"
        say(f"  {request['executive']} on {when}: wanted {wanted}{has}: {REQUEST_WORDS[reason]} [{reason}]")
    if len(refused) > MOST_TOLD:
        say(f"  and {len(refused) - MOST_TOLD} more")


# ------------------------------------------------------------------------------- why not more


def tell_why(why: Document) -> None:
    """Why minimum cover is not kept, or there is no roster: by counting, by what to give up, by rules that clash."""
    told = (
        ("too few can be there, whatever the roster is", list(_counted(why["counted"]))),
        ("cheapest to be given up, so that as few as possible are missing", list(map(_given_up, why["to_give_up"]))),
        ("these rules contradict each other", [_clashing(group) for group in why["clash"]]),
    )
    for title, lines in told:
        if lines:
            say(f"{title}:")
        for line in lines[:MOST_TOLD]:
            say(f"  {line}")
        if len(lines) > MOST_TOLD:
            say(f"  and {len(lines) - MOST_TOLD} more")
    if why["proven"] and not any(lines for _, lines in told):
        say("by the rules it can be kept: with more time, or more iterations, it is")
    if not why["proven"]:
        say("whether nothing else would do was not proven in time")


def _counted(found: Sequence[Document]) -> Iterator[str]:
    """Slots of a day that lack alike share a line."""

    def alike(short_of: Document) -> tuple[object, ...]:
        return tuple(short_of[key] for key in ("rule", "date", "need", "most", "least", "on_leave"))

    for _, group in groupby(found, key=alike):
        first, *others = group
        whom = "executives" if first["need"] == "any" else f"executives with {first['need']}"
        when = day_words(dt.date.fromisoformat(first["date"]))
        away = f" (on leave: {', '.join(first['on_leave'])})" if first["on_leave"] else ""
        if first["rule"] == RosterRule.MINIMUM_COVER:
            slots = f"{first['slot']} to {others[-1]['slot']}" if others else first["slot"]
            yield f"{when} {slots}: {first['most']} {whom} could be on shift, {first['least']} must be{away}"
            continue
        what = "closing shifts" if first["rule"] == RosterRule.MAX_CLOSING_SHIFTS else "shifts"
        yield f"week of {when}: {whom} can work {first['most']} {what}, {first['least']} are needed{away}"


def _given_up(item: Document) -> str:
    who, when = item["executive_id"], day_words(dt.date.fromisoformat(item["date"]))
    more = "1 shift" if item["amount"] == 1 else f"{item['amount']} shifts"
    told = {
        RosterRule.RESPECT_LEAVE: f"leave of {who} on {when}",
        RosterRule.FIXED_DAY: f"what is settled with {who} for {when}",
        RosterRule.MAX_CLOSING_SHIFTS: f"{who} closes {more} more than the limit in the week of {when}",
        RosterRule.WEEKLY_DAY_OFF: f"{who} works {more} more than a weekly day off allows in the week of {when}",
        RosterRule.MAX_RUN_OF_DAYS: f"{who} works {more} more in a row than the limit, from {when}",
        RosterRule.MAX_WEEK_HOURS: f"{who} works {more} more than the hours of a week allow, week of {when}",
        RosterRule.CONTRACT_HOURS: f"{who} works {more} more than contract hours allow, week of {when}",
    }
    return f"{told[RosterRule(item['rule'])]} [{item['rule']}]"


def _clashing(group: Document) -> str:
    return f"{group['rule'].replace('_', ' ')} of {group['subject']} [{group['rule']}]"


# --------------------------------------------------------------------------- alternatives, differences


def compared(draft: Document, differences: Mapping[str, Document]) -> list[dict[str, Any]]:
    """What there is to choose from: each alternative with what it changes, lacks and puts at risk."""
    away = {(key, date) for key, dates in draft["away"].items() for date in dates}
    told = []
    for alternative in draft["alternatives"]:
        changes = [c for c in alternative["changes"] if (c["executive"], c["date"]) not in away]
        days = differences[alternative["name"]]["days"]
        told.append(
            {
                "name": alternative["name"],
                "changes": len(changes),
                "people": len({c["executive"] for c in changes}),
                "uncovered": alternative["cost"]["level_1"],
                "at_risk": [{"date": day["date"], **risk} for day in days for risk in day["at_risk"]],
                "refused": [{"date": day["date"], "code": day["refused"]} for day in days if day["refused"]],
            }
        )
    return told


def tell_compared(title: str, alternatives: Sequence[Document]) -> None:
    """Alternatives side by side, and what would save the promises that each puts at risk."""
    columns = ("alternative", "changes", "people", "uncovered", "promises at risk", "could be saved", "refused days")
    rows = (
        (
            each["name"],
            each["changes"],
            each["people"],
            f"{each['uncovered']:,}",
            len(each["at_risk"]),
            sum(bool(risk["executives"] or risk["slots"]) for risk in each["at_risk"]),
            len(each["refused"]),
        )
        for each in alternatives
    )
    table(title, columns, rows, columns[1:])
    say(f"changes and people: those who are off aside; {POINTS_NOTE}")
    for date, code in sorted({(no["date"], no["code"]) for each in alternatives for no in each["refused"]}):
        say(f"refused: {day_words(dt.date.fromisoformat(date))}: {REFUSED_WORDS.get(code, code)} [{code}]")
    _tell_at_risk([(each["name"], risk) for each in alternatives for risk in each["at_risk"]])


def _tell_at_risk(risks: Sequence[tuple[str | None, Document]]) -> None:
    """Promises, each with the alternative where there are several, and what would save it."""
    of_several = ("alternative",) if any(name is not None for name, _ in risks) else ()
    columns = (*of_several, "booking", "slot", "who could come in", "other slots")
    rows = (
        (
            *((name,) if of_several else ()),
            risk["booking"],
            f"{day_words(dt.date.fromisoformat(risk['date']))} {risk['slot']}",
            " ".join(f"{each['executive']}:{each['pattern']}" for each in risk["executives"]) or None,
            " ".join(risk["slots"]) or None,
        )
        for name, risk in risks
    )
    if risks:
        table("promises at risk, and what would save each", columns, rows)


def tell_difference(title: str, told: Document) -> None:
    """What publishing would change, day by day; only days on which something does."""
    days = told["days"]
    if not days:
        say(f"{title}: nothing changes")
        return
    refused = ("refused",) if any(day["refused"] for day in days) else ()
    columns = ("day", "comes in", "goes", "changes", "promises", "at risk", *refused)
    rows = (
        (
            day_words(dt.date.fromisoformat(day["date"])),
            _some([f"{each['executive']} {each['shift']}" for each in day["added"]]),
            _some([each["executive"] for each in day["removed"]]),
            _some([_changed(each) for each in day["changed"]]),
            day["promises"],
            len(day["at_risk"]) or None,
            *((day["refused"],) if refused else ()),
        )
        for day in days
    )
    table(title, columns, rows, columns[4:6])
    for day in days:
        if day["away"]:
            when = day_words(dt.date.fromisoformat(day["date"]))
            say(f"{when}: {away_words(day['away'])}")
    _tell_at_risk([(None, {"date": day["date"], **risk}) for day in days for risk in day["at_risk"]])


def _changed(each: Document) -> str:
    other = each["after"] if each["after"] != each["before"] else "other break, place or skills"
    return f"{each['executive']} {other}"


def _some(told: Sequence[str]) -> str | None:
    if len(told) > MOST_SHIFTS:
        return f"{len(told)} executives"
    return ", ".join(told) or None


# ------------------------------------------------------------------------------------- refused


def tell_job_refused(refused: JobRefused, as_json: bool) -> NoReturn:
    """What was asked of a draft and cannot be done, with its code; exit code 1."""
    if as_json:
        told = {"code": refused.code, "subject": refused.subject, "text": refused.text, "job": refused.job_id}
        say_json({"refused": told})
    else:
        say(f"refused: {short(refused.subject)}: {refused.text} [{refused.code}]")
    raise typer.Exit(REFUSED)


def tell_not_published(outcome: NotPublished, as_json: bool) -> NoReturn:
    """A roster that was not published: why not, by date; exit code 1, nothing has changed."""
    refusals = sorted(outcome.refusals.items())
    if as_json:
        days = [{"date": date.isoformat(), **refusal_json(no, Language.EN)} for date, no in refusals]
        say_json({"refused": {**refusal_json(outcome.first, Language.EN), "days": days}})
    else:
        first = outcome.first
        say(f"refused by {count(len(refusals), 'day')}; nothing was published [{first.code.value}]")
        for line in _refusal_lines(refusals):
            say(f"  {line}")
        if all(no.code is RefusalCode.PROMISES_IN_THE_WAY for _, no in refusals):
            say("`mitaan roster diff` tells what would save them; with --force they are at risk")
    raise typer.Exit(REFUSED)


def _refusal_lines(refusals: Iterable[tuple[dt.date, Any]]) -> Iterator[str]:
    for date, no in refusals:
        inside = f": {named(no.bookings)}" if no.bookings else ""
        yield f"{date.isoformat()}: {no.text} [{no.code.value}]{inside}"
