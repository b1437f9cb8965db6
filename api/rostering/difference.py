"""What a draft would change: who works on each day, and what becomes of the promises.

Promises are judged by making new witnesses, which are thrown away. For each that could not be kept it is said what
would save it: somebody who could come in by the labour rules, or another slot of the day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.rostering.drafts import Document, alternative_of, away_now, problem_of_draft, teams_of
from api.rostering.publish import capacities
from api.store.background import load_loops
from api.store.desk import restaffed
from api.store.rosters import roster_key
from api.store.states import DayState, problem_with
from api.store.store import ASKED, Store
from api.store.writing import View, state_after
from optimizer.bookings import Change, DayBook, Refusal, RefusalCode, provide
from optimizer.domain import Booking, BookingRequest, Executive, Slot
from optimizer.roster import Roster, RosterProblem, roster_violations
from optimizer.slots import NoRoom, offer_slots, promise
from optimizer.stop import StopAt
from optimizer.units import hhmm
from scenarios.catalogue import City

TRIAL_S = 2.0
"""Seconds to look for a witness of one day."""
MOST_SAVERS = 3
"""Executives, and slots, named with a promise that is at risk."""


def difference(
    store: Store,
    city: City,
    document: Mapping[str, Any],
    name: str | None = None,
    on_day: Callable[[int, int], None] | None = None,
) -> Document:
    """What publishing an alternative of a draft would change: only days on which something does.

    `at_risk` are promises for which no witness was found with the new team. `refused`: why the day would not be
    published at all. Raises InvalidProblem for an alternative that the draft does not have.
    """
    alternative = alternative_of(document, name)
    teams = teams_of(store, city, document, alternative)
    with store.database.read() as connection:
        views = store.views(connection, city, teams) if teams else {}
        today = store.database.now(connection).date()
    load_loops(store.catalogue)  # no limit of time is spent on compiling
    away, _ = away_now(store, city, document, teams)
    trial = _Trial(store, city, document, str(alternative["name"]))
    days = []
    for number, date in enumerate(sorted(teams)):
        outdated = document["based_on"].get(date.isoformat()) != roster_key(views[date].book.day.problem.executives)
        gone = away.get(date, ())
        told = _day(trial, views[date], teams[date], outdated=outdated, past=date < today, away=gone)
        if told is not None:
            days.append(told)
        if on_day is not None:
            on_day(number + 1, len(teams))
    return {
        "city": city.city_id,
        "alternative": alternative["name"],
        "first": document["first"],
        "last": document["last"],
        "days": days,
        "at_risk": sorted(each["booking"] for day in days for each in day["at_risk"]),
    }


def _day(
    trial: _Trial, view: View, team: tuple[Executive, ...], *, outdated: bool, past: bool, away: Sequence[str]
) -> Document | None:
    before = {e.executive_id: e for e in view.book.day.problem.executives}
    after = {e.executive_id: e for e in team}
    if roster_key(before.values()) == roster_key(after.values()) and not (outdated or past):
        return None
    refused: str | None = "day_past" if past else "roster_outdated" if outdated else None
    at_risk: list[Document] = []
    if refused is None and away:
        refused = RefusalCode.EXECUTIVE_AWAY.value
    if refused is None:
        verdict = trial.restaffed(view, team)
        if isinstance(verdict, Refusal):
            refused = verdict.code.value
        else:
            at_risk = trial.at_risk(view, verdict.books[0], team)
    both = sorted(before.keys() & after.keys())
    return {
        "date": view.book.day.date.isoformat(),
        "added": [_who(after[key]) for key in sorted(after.keys() - before.keys())],
        "removed": [_who(before[key]) for key in sorted(before.keys() - after.keys())],
        "changed": [
            {"executive": key, "before": _hours(before[key]), "after": _hours(after[key])}
            for key in both
            if before[key] != after[key]
        ],
        "promises": len(view.book.day.promises),
        "at_risk": at_risk,
        "refused": refused,
        "away": list(away),
    }


def _who(executive: Executive) -> Document:
    return {"executive": executive.executive_id, "shift": _hours(executive)}


def _hours(executive: Executive) -> str:
    return f"{hhmm(executive.shift.open_s)}-{hhmm(executive.shift.close_s)}"


@dataclass(frozen=True, eq=False)
class _Trial:
    """Days with other teams, tried and thrown away."""

    store: Store
    city: City
    document: Mapping[str, Any]
    name: str

    def restaffed(self, view: View, team: Sequence[Executive]) -> Change | Refusal:
        """The day with this team, its promises at risk where they cannot be kept."""
        stop = StopAt(time_limit_s=TRIAL_S)
        return restaffed(self.store, self.city, view, team, stop, force=True)

    def at_risk(self, view: View, after: DayBook, team: tuple[Executive, ...]) -> list[Document]:
        """The promises that are kept now and would not be then, and what would save each."""
        lost = [
            b
            for key, b in sorted(after.bookings.items())
            if b.at_risk and b.live(view.now) and not view.book.bookings[key].at_risk
        ]
        if not lost:
            return []
        savers = list(_could_come(*problem_of_draft(self.store, self.city, self.document, self.name), view, team))
        date = after.day.date
        offered = provide(after, capacities(self.store, self.city, {date: team})[date].quotas if team else None)
        state = self._state(view, offered.books[0])
        at_risk = sum(b.at_risk for b in after.bookings.values())
        return [
            {
                "booking": booking.booking_id,
                "slot": hhmm(booking.slot.open_s),
                "service": booking.service.service_id,
                "executives": self._saved_by(view, team, booking, savers, at_risk),
                "slots": self._other_slots(state, view.now, booking),
            }
            for booking in lost
        ]

    def _saved_by(
        self,
        view: View,
        team: tuple[Executive, ...],
        booking: Booking,
        savers: Sequence[tuple[str, Executive]],
        at_risk: int,
    ) -> list[Document]:
        """Who could come in, or at other hours, so that this promise is kept and no other is lost for it.

        With the pattern they would work; tried one at a time.
        """
        found: list[Document] = []
        for pattern_id, executive in savers:
            shift, named = executive.shift, {each["executive"] for each in found}
            within = shift.open_s <= booking.slot.open_s and booking.slot.close_s <= shift.close_s
            if not within or executive.executive_id in named or not booking.service.skills <= executive.skills:
                continue
            others = (e for e in team if e.executive_id != executive.executive_id)
            verdict = self.restaffed(view, sorted((*others, executive), key=lambda e: e.executive_id))
            if isinstance(verdict, Refusal):
                continue
            after = verdict.books[0].bookings
            if not after[booking.booking_id].at_risk and sum(b.at_risk for b in after.values()) < at_risk:
                found.append({"executive": executive.executive_id, "pattern": pattern_id})
            if len(found) >= MOST_SAVERS:
                break
        return found

    def _state(self, view: View, after: DayBook) -> DayState:
        """The day as it would be in the store: with the places where its new team begins."""
        _, where = problem_with(
            self.store.facts,
            self.city,
            after.day.date,
            after.day.problem.executives,
            booked=[b for b in after.bookings.values() if not b.at_risk],
            slot_minutes=view.state.slot_minutes,
            travel=view.state.travel,
        )
        return state_after(view.state, after, view.now, where.only(after.day.problem.travel.place_ids))

    def _other_slots(self, state: DayState, now: dt.datetime, booking: Booking) -> list[str]:
        """Other slots of the day that could be had for this promise with the new team, nearest first."""
        day, place = state.book.day, replace(booking.place, place_id=ASKED)
        approach = state.approach(day, place, booking.spread_m, self.store.facts.spec_of(state.travel))
        request = BookingRequest(place, (booking.service,), day.date, day.date, now, spread_m=booking.spread_m)
        found: list[str] = []
        for offer in sorted(offer_slots([approach], request).offers, key=lambda o: _away_s(o.slot, booking.slot)):
            moved = replace(booking, slot=offer.slot, place=place)
            pinned = booking.pinned_to is not None and isinstance(promise(approach, [moved.appointment]), NoRoom)
            if offer.slot != booking.slot and not pinned and len(found) < MOST_SAVERS:
                found.append(hhmm(offer.slot.open_s))
        return found


def _away_s(slot: Slot, wanted: Slot) -> tuple[int, int]:
    return abs(slot.open_s - wanted.open_s), slot.open_s


def _could_come(
    problem: RosterProblem, roster: Roster, view: View, team: tuple[Executive, ...]
) -> Iterator[tuple[str, Executive]]:
    """Executives who could work a pattern on the day by every hard rule, with the pattern: first those who are off.

    Then those who are on duty, with patterns of other hours.
    """
    date = view.book.day.date
    on_duty, day = {e.executive_id: e for e in team}, (date - problem.first).days
    broken = len(roster_violations(problem, roster))
    for contract in sorted(problem.staff, key=lambda c: (c.executive_id in on_duty, c.executive_id)):
        if date in contract.leave:
            continue
        now = on_duty.get(contract.executive_id)
        for pattern in problem.patterns:
            if now is not None and pattern.shift == now.shift:
                continue
            if contract.patterns is not None and pattern.pattern_id not in contract.patterns:
                continue
            row = list(roster.rows[contract.executive_id])
            row[day] = pattern.pattern_id
            tried = Roster(roster.first, {**roster.rows, contract.executive_id: tuple(row)})
            if len(roster_violations(problem, tried)) <= broken:
                yield pattern.pattern_id, contract.on(pattern)
