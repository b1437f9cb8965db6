"""Rosters from what a store has, on SQLite and PostgreSQL: history, drafts, difference, publishing, the calendar."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from api.rostering.calendar import BUILDER, CityBuilt, build_calendar, missing_span
from api.rostering.difference import difference
from api.rostering.drafts import Document, alternative_of, away_draft, make_draft, teams_of
from api.rostering.history import history_of
from api.rostering.problem import demand_of, staff_document, staff_of, store_problem
from api.rostering.publish import capacities, publish_draft, recover_days, refresh_capacity
from api.store.desk import publish_plan, set_closed, set_roster, set_rules, set_sale, store_rules
from api.store.faults import StoreError
from api.store.restrictions import CLOSURE, NewRestriction, Restricted, add_restriction
from api.store.rosters import (
    NewRoster,
    NotPublished,
    RosterPublished,
    publish_roster,
    roster_versions,
    set_staff,
    stored_staff,
)
from api.store.schema import days
from api.store.store import Store, WantedSlot
from api.store.writing import View
from optimizer.bookings import RefusalCode
from optimizer.domain import BookingRules, Executive, InvalidProblem, Shift, SlotGrid
from optimizer.quotas import Quotas
from optimizer.roster import Ahead, DayRequest
from optimizer.slots import SlotReasonCode
from optimizer.stop import StopAt
from scenarios.catalogue import City
from scenarios.places import Whereabouts
from scenarios.rostering import city_contracts
from scenarios.staff import Staff
from tests.store_days import (
    CATALOGUE,
    INCOME,
    Clock,
    H,
    clock,
    done,
    kinds,
    planned,
    refused,
    sound,
    store,
)

__all__ = ["clock", "store"]

DHAMTARI, RISALI = CATALOGUE.city("dhamtari"), CATALOGUE.city("risali")
PEOPLE = {c.executive_id: c for c in city_contracts(CATALOGUE, DHAMTARI)}
MONDAY = dt.date(2026, 12, 7)
TUESDAY = MONDAY + dt.timedelta(days=1)
MORNING, LATE = "H08", "H12"
STEPS = 10
REPUBLIC_DAY = dt.date(2027, 1, 26)


def after(days: int) -> dt.date:
    return MONDAY + dt.timedelta(days=days)


def staff(**agreed: Mapping[str, Any]) -> Staff:
    """The staff of the data, with other contracts for some."""
    return Staff("dhamtari", tuple(replace(c, **agreed.get(key, {})) for key, c in PEOPLE.items()))


def known_staff(store: Store, people: Staff) -> None:
    set_staff(store, DHAMTARI, staff_document(people), "lead-1")


def draft(store: Store, days: int = 1, first: dt.date = MONDAY, people: Staff | None = None) -> Document:
    """A roster, as a job keeps it: text in between."""
    made = make_draft(store, DHAMTARI, first, days, StopAt(iterations=STEPS), staff=people)
    read = json.loads(json.dumps(made))
    assert read == made
    return made


def given(store: Store, rows: Mapping[str, Iterable[str | None]], first: dt.date = MONDAY) -> Document:
    """A draft in which people work these patterns, whoever is not named is off."""
    named = {key: list(row) for key, row in rows.items()}
    days = max(len(row) for row in named.values())
    made = draft(store, days, first)
    made["alternatives"][0]["executives"] = {key: named.get(key, [None] * days) for key in PEOPLE}
    return made


def without(store: Store, dates: Mapping[str, Iterable[dt.date]]) -> Document:
    made = away_draft(store, DHAMTARI, dates, StopAt(iterations=STEPS))
    assert json.loads(json.dumps(made)) == made
    return made


def published(store: Store, document: Document, name: str | None = None, *, force: bool = False) -> RosterPublished:
    outcome = publish_draft(store, DHAMTARI, document, author="lead-1", name=name, force=force)
    assert isinstance(outcome, RosterPublished), outcome
    return outcome


def not_published(store: Store, document: Document, name: str | None = None) -> dict[dt.date, RefusalCode]:
    before = roster_versions(store, DHAMTARI), stored_staff(store, DHAMTARI), kinds(store)
    outcome = publish_draft(store, DHAMTARI, document, author="lead-1", name=name)
    assert isinstance(outcome, NotPublished), outcome
    assert (roster_versions(store, DHAMTARI), stored_staff(store, DHAMTARI), kinds(store)) == before
    return {date: refusal.code for date, refusal in outcome.refusals.items()}


def view(store: Store, date: dt.date = MONDAY, city: City = DHAMTARI) -> View:
    with store.database.read() as connection:
        return store.views(connection, city, [date])[date]


def team(store: Store, date: dt.date = MONDAY) -> dict[str, Executive]:
    return {e.executive_id: e for e in view(store, date).book.day.problem.executives}


def versions(store: Store) -> dict[tuple[str, str], tuple[int, int | None]]:
    with store.database.read() as connection:
        rows = connection.execute(select(days.c.city_id, days.c.date, days.c.version, days.c.roster_number))
        return {(row.city_id, row.date): (row.version, row.roster_number) for row in rows}


def at(number: int) -> Whereabouts:
    return Whereabouts(DHAMTARI.office.lon + 0.002 * number, DHAMTARI.office.lat, 0, "point")


def booked(store: Store, hour: int, number: int, date: dt.date = MONDAY, service: str = "income") -> str:
    want = WantedSlot(CATALOGUE.service(service), date, hour * H)
    return done(store.hold(DHAMTARI, at(number), [want], "a", at_once=True)).bookings[-1].booking_id


def at_risk(store: Store, booking_id: str) -> bool:
    booking = store.booking(booking_id)
    assert booking is not None
    return booking.at_risk


def codes(error: InvalidProblem) -> list[str]:
    return [fault.code for fault in error.faults]


def closed(store: Store, date: dt.date) -> None:
    done(set_closed(store, DHAMTARI, date, "flood", force=True))


# ---------------------------------------------------------------------------------------- history


def test_what_was_booked_counts_once_where_it_was_wished_and_what_was_held_does_not(store: Store, clock: Clock) -> None:
    published(store, draft(store, 2))
    set_rules(store, DHAMTARI, replace(store_rules(store, DHAMTARI), booking=BookingRules(move_cutoff_s=0)))
    booked(store, 9, 1)
    moved = booked(store, 10, 2, service="birth_certificate")
    done(store.move(moved, TUESDAY, 11 * H))
    done(store.cancel(booked(store, 12, 3)))
    for hour in (13, 14, 15):
        want = [WantedSlot(INCOME, MONDAY, hour * H)]
        hold = done(store.hold(DHAMTARI, at(hour), want, "a")).bookings[0].booking_id
        if hour == 13:
            done(store.give_up([hold], "a"))
    clock.on(400)
    store.sweep()
    history = history_of(store, DHAMTARI, MONDAY + dt.timedelta(days=2), 60)
    assert {day.date: dict(day.booked) for day in history.days} == {
        MONDAY: {(1, "income"): 1, (2, "birth_certificate"): 1, (4, "income"): 1},
        TUESDAY: {},
    }
    assert [day.date for day in history_of(store, DHAMTARI, TUESDAY, 60).days] == [MONDAY]
    assert history_of(store, DHAMTARI, TUESDAY, 30).days == ()


def test_days_that_were_closed_or_had_no_roster_say_nothing_of_demand(store: Store) -> None:
    published(store, draft(store, 3))
    closed(store, TUESDAY)
    done(set_sale(store, DHAMTARI, after(3), {1}, {}))  # a day without a roster
    published(store, given(store, {"E01": [None]}, after(4)))  # and one with nobody on duty
    assert [day.date for day in history_of(store, DHAMTARI, after(7), 60).days] == [MONDAY, after(2)]
    assert history_of(store, RISALI, after(7), 60).days == ()


def test_demand_is_by_the_data_until_there_is_a_past(store: Store, clock: Clock) -> None:
    published(store, draft(store, 2))
    booked(store, 9, 1)
    before = demand_of(store, DHAMTARI, after(7), after(7), clock.now.date())
    assert "past days" not in before.basis
    clock.now += dt.timedelta(days=8)
    now = demand_of(store, DHAMTARI, after(7), after(7), clock.now.date())
    assert now.basis.startswith("2 past days with 1 appointments")
    assert now.expected.sum() < before.expected.sum()


# ---------------------------------------------------------------------------------------- problem


def test_what_people_work_around_a_roster_counts_and_closed_days_do_not(store: Store) -> None:
    published(store, given(store, {"E01": [MORNING, MORNING], "E02": [LATE, None]}))
    published(store, given(store, {"E01": [LATE]}, after(4)))
    closed(store, TUESDAY)
    problem = store_problem(store, DHAMTARI, after(2), 2).problem
    around = {c.executive_id: {date: day.shift.open_s for date, day in c.around.items()} for c in problem.staff}
    assert around["E01"] == {MONDAY: 8 * H, after(4): 12 * H}
    assert around["E02"] == {MONDAY: 12 * H}
    assert around["E03"] == {}


def test_rosters_that_days_have_are_published_already_but_not_on_closed_days(store: Store) -> None:
    published(store, given(store, {"E01": [MORNING, MORNING], "E02": [LATE, LATE]}))
    done(set_roster(store, DHAMTARI, after(2), [replace(team(store)["E01"], shift=Shift(8 * H, 11 * H), pause=None)]))
    closed(store, TUESDAY)
    made = store_problem(store, DHAMTARI, MONDAY, 4)
    told = {key: pattern for key, pattern in made.problem.published.items() if key[0] in {"E01", "E03"}}
    assert told == {("E01", MONDAY): MORNING, ("E03", MONDAY): None, ("E03", after(2)): None}
    assert made.problem.closed == {TUESDAY: "flood"}
    assert (made.staff_version, made.staff) == (0, staff())


def test_what_is_owed_is_of_the_roster_that_ended_last_before(store: Store) -> None:
    published(store, draft(store, 14))
    weeks_two = roster_versions(store, DHAMTARI)[0].document["ahead"]
    published(store, without(store, {"E01": [MONDAY]}), "very_few_changes")  # of the first week, and newer
    week_one = roster_versions(store, DHAMTARI)[0].document["ahead"]
    assert week_one != weeks_two
    assert owed(store, after(14)) == weeks_two
    assert owed(store, after(7)) == week_one
    assert all(each == dataclasses.asdict(Ahead()) for each in owed(store, after(6)).values())


def owed(store: Store, first: dt.date) -> dict[str, dict[str, int]]:
    """What earlier rosters owe each executive, in a roster that begins then."""
    staff_then = store_problem(store, DHAMTARI, first, 1).problem.staff
    return {contract.executive_id: dataclasses.asdict(contract.ahead) for contract in staff_then}


# ----------------------------------------------------------------------------------------- drafts


def test_the_same_store_gives_the_same_draft(store: Store) -> None:
    known_staff(store, staff(E02={"leave": frozenset({MONDAY})}))
    one = draft(store, 3)
    assert one == draft(store, 3)
    assert (one["staff_version"], one["staff"]) == (1, staff_document(staff_of(store, DHAMTARI)[0]))
    assert (one["first"], one["last"], one["away"]) == ("2026-12-07", "2026-12-09", {})
    made = alternative_of(one, None)
    assert made["executives"]["E02"][0] is None
    assert set(teams_of(store, DHAMTARI, one, made)) == {MONDAY, TUESDAY, after(2)}
    assert kinds(store) == []


def test_a_draft_is_of_the_staff_it_was_made_of_though_another_is_told_meanwhile(store: Store) -> None:
    def tell_another(_: object) -> None:
        if stored_staff(store, DHAMTARI) is None:
            known_staff(store, Staff("dhamtari", (PEOPLE["E01"],)))

    stop = StopAt(iterations=STEPS)
    made = make_draft(store, DHAMTARI, MONDAY, 1, stop, on_progress=tell_another)
    assert stored_staff(store, DHAMTARI) is not None
    assert (made["staff_version"], made["staff"]) == (0, staff_document(staff()))
    assert not_published(store, made) == {MONDAY: RefusalCode.EXECUTIVE_AWAY}
    known_staff(store, staff())
    assert len(published(store, made).change.books) == 1


def test_leave_that_is_told_after_a_draft_was_made_refuses_its_days(store: Store) -> None:
    made = draft(store, 2)
    only = alternative_of(made, None)
    works = {key for key, row in only["executives"].items() if row[0] is not None}
    who = min(works)
    known_staff(store, staff(**{who: {"leave": frozenset({MONDAY})}}))
    told = difference(store, DHAMTARI, made)
    assert [(day["date"], day["refused"], day["away"]) for day in told["days"]] == [
        (MONDAY.isoformat(), "executive_away", [who]),
        (TUESDAY.isoformat(), None, []),
    ]
    assert not_published(store, made) == {MONDAY: RefusalCode.EXECUTIVE_AWAY}
    known_staff(store, staff(**{who: {"fixed": {MONDAY: None}}}))
    assert not_published(store, made) == {MONDAY: RefusalCode.EXECUTIVE_AWAY}
    assert team(store, TUESDAY) == {}
    published(store, draft(store, 2))
    assert who not in team(store)


def test_it_is_said_why_a_request_is_not_granted(store: Store) -> None:
    asks = {date: DayRequest(date, MORNING) for date in map(after, range(4))}
    known_staff(
        store,
        staff(
            E01={"requests": (asks[after(0)],), "leave": frozenset({after(0)})},
            E02={"requests": (asks[after(1)],), "fixed": {after(1): None}},
            E03={"requests": (asks[after(2)],), "patterns": frozenset({LATE})},
            E04={"requests": (DayRequest(after(3), MORNING), DayRequest(after(0), None)), "fixed": {after(0): None}},
        ),
    )
    add_restriction(store, DHAMTARI, NewRestriction(CLOSURE, after(3), after(3), "an election", "ops"))
    only = alternative_of(draft(store, 4), None)
    assert only["requests"] == 5
    assert [(r["executive"], r["date"], r["wanted"], r["works"], r["reason"]) for r in only["requests_refused"]] == [
        ("E01", after(0).isoformat(), MORNING, None, "on_leave"),
        ("E02", after(1).isoformat(), MORNING, None, "settled"),
        ("E03", after(2).isoformat(), MORNING, only["executives"]["E03"][2], "not_agreed"),
        ("E04", after(3).isoformat(), MORNING, None, "closed_day"),
    ]


def test_minimum_cover_that_cannot_be_kept_is_explained_by_who_is_on_leave(store: Store) -> None:
    known_staff(store, staff(**{key: {"leave": frozenset({MONDAY})} for key in PEOPLE}))
    made = draft(store, 2)
    assert set(teams_of(store, DHAMTARI, made, alternative_of(made, None))[MONDAY]) == set()
    (short, *_) = made["why"]["counted"]
    assert (short["rule"], short["date"], short["most"], short["least"]) == ("minimum_cover", "2026-12-07", 0, 1)
    assert short["on_leave"] == sorted(PEOPLE)
    assert {item["rule"] for item in made["why"]["to_give_up"]} == {"respect_leave"}
    assert {item["date"] for item in made["why"]["to_give_up"]} == {"2026-12-07"}
    missing = {entry["slot"] for entry in alternative_of(made, None)["missing"] if entry["date"] == "2026-12-07"}
    assert len(missing) == 12
    published(store, made)
    assert (team(store), team(store, TUESDAY) == {}) == ({}, False)


def test_hard_rules_that_contradict_are_named_and_there_is_nothing_to_publish(store: Store) -> None:
    week = {after(day): MORNING for day in range(7)}
    made = draft(store, 7, people=staff(E01={"fixed": week}))
    assert (made["status"], made["alternatives"]) == ("infeasible", [])
    named = {(group["rule"], group["subject"]) for group in made["why"]["clash"]}
    assert {("fixed_day", f"E01 {date.isoformat()}") for date in week} < named
    assert {item["executive_id"] for item in made["why"]["to_give_up"]} == {"E01"}
    with pytest.raises(InvalidProblem) as error:
        publish_draft(store, DHAMTARI, made, author="lead-1")
    assert codes(error.value) == ["unknown_alternative"]


def test_a_settled_shift_on_a_day_that_the_calendar_closes_is_a_fault(store: Store) -> None:
    with pytest.raises(InvalidProblem) as error:
        draft(store, 1, REPUBLIC_DAY, staff(E02={"fixed": {REPUBLIC_DAY: MORNING}}))
    assert codes(error.value) == ["closed_day"]
    assert error.value.faults[0].path == ("executives", 1, "fixed", REPUBLIC_DAY.isoformat())


def test_a_settled_shift_on_a_day_that_the_desk_has_closed_does_not_count(store: Store) -> None:
    closed(store, MONDAY)
    made = draft(store, 2, people=staff(E02={"fixed": {MONDAY: MORNING, TUESDAY: MORNING}}))
    assert made["alternatives"][0]["executives"]["E02"] == [None, MORNING]


@pytest.mark.parametrize("days", [-1, 0, 57])
def test_a_draft_is_of_one_day_to_eight_weeks(store: Store, days: int) -> None:
    with pytest.raises(InvalidProblem) as error:
        draft(store, days)
    assert codes(error.value) == ["bad_horizon"]


def test_a_draft_of_closed_days_only_has_nothing_to_publish(store: Store) -> None:
    closed(store, MONDAY)
    made = draft(store)
    assert made["closed"] == {"2026-12-07": "flood"}
    assert difference(store, DHAMTARI, made)["days"] == []
    with pytest.raises(InvalidProblem) as error:
        publish_draft(store, DHAMTARI, made, author="lead-1")
    assert codes(error.value) == ["no_open_day"]


# ------------------------------------------------------------------------------------ who is off


def test_who_is_off_is_replaced_in_the_weeks_of_these_days_and_leave_is_in_the_staff_afterwards(
    store: Store,
) -> None:
    published(store, draft(store, 14))
    before = {after(day): team(store, after(day)) for day in range(14)}
    off = next(key for key in before[TUESDAY])
    made = without(store, {off: [TUESDAY]})
    assert [each["name"] for each in made["alternatives"]] == ["gaps_left", "few_changes", "very_few_changes"]
    assert (made["first"], made["last"], made["away"]) == ("2026-12-07", "2026-12-13", {off: ["2026-12-08"]})
    assert stored_staff(store, DHAMTARI) is None
    outcome = published(store, made, "gaps_left")
    assert (outcome.number, outcome.at_risk) == (2, ())
    now = {after(day): team(store, after(day)) for day in range(14)}
    assert now == before | {TUESDAY: {key: e for key, e in before[TUESDAY].items() if key != off}}
    people, version = staff_of(store, DHAMTARI)
    assert version == 1
    assert {c.executive_id: c.leave for c in people.contracts if c.leave} == {off: frozenset({TUESDAY})}
    assert roster_versions(store, DHAMTARI)[0].document["away"] == {off: ["2026-12-08"]}
    assert not_published(store, made, "few_changes") == {TUESDAY: RefusalCode.ROSTER_OUTDATED}


def test_a_staff_that_was_changed_since_refuses_the_draft_of_an_absence(store: Store) -> None:
    published(store, draft(store, 1))
    off = min(team(store))
    made = without(store, {off: [MONDAY]})
    known_staff(store, staff(E05={"leave": frozenset({after(20)})}))
    assert not_published(store, made, "gaps_left") == {MONDAY: RefusalCode.CHANGED_MEANWHILE}
    published(store, without(store, {off: [MONDAY]}), "gaps_left")
    leave = {c.executive_id: c.leave for c in staff_of(store, DHAMTARI)[0].contracts if c.leave}
    assert leave == {off: frozenset({MONDAY}), "E05": frozenset({after(20)})}


def test_who_is_off_is_not_settled_for_these_days_any_more(store: Store) -> None:
    known_staff(store, staff(E01={"fixed": {MONDAY: MORNING, TUESDAY: MORNING}}))
    published(store, draft(store, 2))
    published(store, without(store, {"E01": [MONDAY]}), "gaps_left")
    (contract,) = (c for c in staff_of(store, DHAMTARI)[0].contracts if c.executive_id == "E01")
    assert (contract.leave, contract.fixed) == (frozenset({MONDAY}), {TUESDAY: MORNING})
    assert ("E01" in team(store), "E01" in team(store, TUESDAY)) == (False, True)


def test_what_is_settled_for_days_that_have_no_roster_yet_is_in_nobodys_way(store: Store) -> None:
    known_staff(store, staff(E02={"fixed": {after(4): MORNING}}))
    published(store, draft(store, 2))
    made = without(store, {"E01": [MONDAY]})
    assert made["closed"] == {after(day).isoformat(): "no_roster" for day in range(2, 7)}
    published(store, made, "gaps_left")
    assert set(versions(store)) == {("dhamtari", "2026-12-07"), ("dhamtari", "2026-12-08")}
    (contract,) = (c for c in staff_of(store, DHAMTARI)[0].contracts if c.executive_id == "E02")
    assert contract.fixed == {after(4): MORNING}


def test_absences_that_make_no_sense_are_told_by_their_codes(store: Store, clock: Clock) -> None:
    def faults(away: Mapping[str, Iterable[dt.date]]) -> list[str]:
        with pytest.raises(InvalidProblem) as error:
            without(store, away)
        return codes(error.value)

    yesterday = clock.now.date() - dt.timedelta(days=1)
    assert faults({"E99": [MONDAY], "E01": [yesterday]}) == ["unknown_executive", "day_past"]
    assert faults({}) == ["nobody"]
    assert faults({"E01": []}) == ["nobody"]
    assert faults({"E01": [MONDAY, TUESDAY]}) == ["no_roster", "no_roster"]


def test_who_is_not_concerned_works_as_before_be_it_by_a_pattern_or_not(store: Store) -> None:
    published(store, given(store, {"E01": [MORNING]}))
    usual = team(store)["E01"]
    other = replace(usual, shift=Shift(9 * H, 12 * H), pause=None, skills=frozenset({"lent_kit"}))
    stranger = replace(usual, executive_id="E99")
    done(set_roster(store, DHAMTARI, TUESDAY, [other, stranger]))
    made = without(store, {"E01": [MONDAY]})
    assert [each["name"] for each in made["alternatives"]] == ["gaps_left", "few_changes", "very_few_changes"]
    (day,) = difference(store, DHAMTARI, made, "gaps_left")["days"]
    assert (day["date"], [each["executive"] for each in day["removed"]], day["changed"]) == ("2026-12-07", ["E01"], [])
    published(store, made, "gaps_left")
    assert team(store) == {}
    assert team(store, TUESDAY) == {"E01": other, "E99": stranger}


def test_what_is_promised_is_wanted_whatever_is_expected(store: Store) -> None:
    published(store, given(store, {key: [MORNING] for key in ("E01", "E02", "E03", "E04")}))
    before = store_problem(store, DHAMTARI, MONDAY, 1).problem.wanted.on(MONDAY)[0].sum()
    for number in range(1, 5):
        booked(store, 8, number)
    problem = store_problem(store, DHAMTARI, MONDAY, 1).problem
    assert before < 4 <= problem.wanted.on(MONDAY)[0].sum()
    assert "promises at least" in problem.wanted.basis


# ------------------------------------------------------------------------------------- difference


def tight(store: Store) -> tuple[Document, list[str]]:
    """Two promises at ten with two who can come; and a draft in which only E03, from home, and nobody else is there."""
    published(store, given(store, {"E01": [MORNING, MORNING], "E02": [MORNING, MORNING]}))
    set_capacity_aside(store)
    ids = [booked(store, 10, number) for number in (1, 2)]
    return given(store, {"E02": [LATE, MORNING], "E03": [MORNING, None], "E01": [None, MORNING]}), ids


def set_capacity_aside(store: Store) -> None:
    """Quotas by hand in every slot of the two days: what was computed does not hold then."""
    for date in (MONDAY, TUESDAY):
        done(set_sale(store, DHAMTARI, date, (), dict.fromkeys(range(12), 9)))


def test_the_difference_names_who_comes_and_goes_and_the_promises_that_would_be_at_risk(store: Store) -> None:
    made, ids = tight(store)
    seen: list[tuple[int, int]] = []
    told = difference(store, DHAMTARI, made, on_day=lambda *each: seen.append(each))
    (day,) = told["days"]  # Tuesday stays as it is
    assert (day["date"], day["promises"], day["refused"]) == ("2026-12-07", 2, None)
    assert day["added"] == [{"executive": "E03", "shift": "08:00-16:00"}]
    assert day["removed"] == [{"executive": "E01", "shift": "08:00-16:00"}]
    assert day["changed"] == [{"executive": "E02", "before": "08:00-16:00", "after": "12:00-20:00"}]
    (risk,) = day["at_risk"]
    assert (risk["booking"] in ids, risk["slot"], risk["service"]) == (True, "10:00", "income")
    assert told["at_risk"] == [risk["booking"]]
    assert seen == [(1, 2), (2, 2)]
    assert not any(at_risk(store, key) for key in ids)


def test_who_could_come_in_for_a_promise_at_risk_would_keep_it(store: Store) -> None:
    known_staff(store, staff(E05={"leave": frozenset({MONDAY})}))
    made, _ = tight(store)
    (risk,) = difference(store, DHAMTARI, made)["days"][0]["at_risk"]
    named = [each["executive"] for each in risk["executives"]]
    assert set(named) == {"E01", "E02", "E04"}  # E05 is on leave; E02 is on duty, and could be at other hours
    for each in risk["executives"]:
        other = json.loads(json.dumps(made))
        other["alternatives"][0]["executives"][each["executive"]][0] = each["pattern"]
        assert difference(store, DHAMTARI, other)["at_risk"] == []
    last = json.loads(json.dumps(made))
    last["alternatives"][0]["executives"]["E04"][0] = MORNING
    assert published(store, last).at_risk == ()
    sound(store)


def test_who_would_break_a_rule_or_was_settled_to_be_off_is_not_named(store: Store) -> None:
    week = [MORNING] * 6
    published(store, given(store, {"E01": [MORNING], "E02": [MORNING]}, after(6)))
    set_capacity_aside(store)
    done(set_sale(store, DHAMTARI, after(6), (), dict.fromkeys(range(12), 9)))
    for number in (1, 2):
        booked(store, 10, number, after(6))
    known_staff(store, staff(E05={"fixed": {after(6): None}}))
    made = given(store, {"E01": [*week, None], "E04": [*week, None], "E02": [*[None] * 6, MORNING]})
    days = difference(store, DHAMTARI, made)["days"]
    (risk,) = next(day["at_risk"] for day in days if day["date"] == after(6).isoformat())
    assert [each["executive"] for each in risk["executives"]] == ["E03"]


def test_other_slots_named_for_a_promise_at_risk_can_be_had_after_publishing(store: Store) -> None:
    set_rules(store, DHAMTARI, replace(store_rules(store, DHAMTARI), booking=BookingRules(move_cutoff_s=0)))
    made, _ = tight(store)
    (risk,) = difference(store, DHAMTARI, made)["days"][0]["at_risk"]
    assert len(risk["slots"]) == 3
    assert set(risk["slots"][:2]) == {"09:00", "11:00"}
    assert published(store, made, force=True).at_risk == (risk["booking"],)
    done(store.move(risk["booking"], MONDAY, int(risk["slots"][0][:2]) * H))
    sound(store)


def test_slots_that_the_new_quotas_do_not_give_out_are_not_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = tight(store)
    done(set_sale(store, DHAMTARI, MONDAY, (), {2: 9}))
    most = tuple(0 if slot in {1, 3} else 9 for slot in range(12))
    quotas = Quotas(SlotGrid(), (frozenset(),), tuple((places,) for places in most), {(0,): most})
    then = {MONDAY: SimpleNamespace(quotas=quotas)}
    monkeypatch.setattr("api.rostering.difference.capacities", lambda *_: then)
    (risk,) = difference(store, DHAMTARI, made)["days"][0]["at_risk"]
    assert risk["slots"] == ["08:00", "12:00", "13:00"]
    most = (9,) * 12
    then[MONDAY] = SimpleNamespace(quotas=replace(quotas, places=((9,),) * 12, limits={(0,): most}))
    (risk,) = difference(store, DHAMTARI, made)["days"][0]["at_risk"]
    assert risk["slots"] == ["09:00", "11:00", "08:00"]


def test_the_difference_of_days_that_would_refuse_says_why(store: Store, clock: Clock) -> None:
    made = given(store, {"E01": [MORNING] * 3, "E02": [LATE] * 3})
    done(set_roster(store, DHAMTARI, TUESDAY, team_of(store, made)[MONDAY][:1]))
    told = {day["date"]: day["refused"] for day in difference(store, DHAMTARI, made)["days"]}
    assert told == {"2026-12-07": None, "2026-12-08": "roster_outdated", "2026-12-09": None}
    assert not_published(store, made) == {TUESDAY: RefusalCode.ROSTER_OUTDATED}
    clock.now = dt.datetime(2026, 12, 8, 7, 0, tzinfo=clock.now.tzinfo)
    told = {day["date"]: day["refused"] for day in difference(store, DHAMTARI, made)["days"]}
    assert told == {"2026-12-07": "day_past", "2026-12-08": "roster_outdated", "2026-12-09": None}
    assert not_published(store, made) == {
        MONDAY: RefusalCode.DAY_PAST,
        TUESDAY: RefusalCode.ROSTER_OUTDATED,
    }


def team_of(store: Store, document: Document) -> Mapping[dt.date, tuple[Executive, ...]]:
    return teams_of(store, DHAMTARI, document, alternative_of(document, None))


def test_the_difference_of_a_day_whose_plan_is_published_says_so(store: Store) -> None:
    published(store, given(store, {"E01": [MORNING], "E02": [LATE]}))
    booked(store, 10, 1)
    day, orders = planned(store, DHAMTARI, MONDAY)
    done(publish_plan(store, DHAMTARI, MONDAY, day.problem, orders, {}))
    made = given(store, {"E02": [MORNING]})
    assert [day["refused"] for day in difference(store, DHAMTARI, made)["days"]] == ["day_published"]
    assert not_published(store, made) == {MONDAY: RefusalCode.DAY_PUBLISHED}


def test_a_day_closed_since_a_draft_was_made_does_not_spoil_the_rest_of_its_difference(store: Store) -> None:
    made, ids = tight(store)
    made["staff"] = staff_document(staff(E04={"fixed": {TUESDAY: MORNING}}))
    closed(store, TUESDAY)
    told = difference(store, DHAMTARI, made)
    assert (len(told["at_risk"]), told["at_risk"][0] in ids) == (1, True)


def test_a_draft_that_was_published_differs_in_nothing(store: Store) -> None:
    made = draft(store, 2)
    assert len(difference(store, DHAMTARI, made)["days"]) == 2
    published(store, made)
    assert difference(store, DHAMTARI, draft(store, 2))["days"] == []
    assert [day["refused"] for day in difference(store, DHAMTARI, made)["days"]] == ["roster_outdated"] * 2


def test_an_alternative_that_a_draft_lacks_is_a_fault(store: Store) -> None:
    published(store, draft(store))
    several = without(store, {min(team(store)): [MONDAY]})
    for document, name in ((draft(store), "few_changes"), (several, None), (several, "made")):
        for act in (lambda d, n: difference(store, DHAMTARI, d, n), lambda d, n: published(store, d, n)):
            with pytest.raises(InvalidProblem) as error:
                act(document, name)
            assert codes(error.value) == ["unknown_alternative"]


# ------------------------------------------------------------------------------------- publishing


def test_a_published_draft_is_the_roster_of_its_days_with_quotas_and_all_that_others_read(store: Store) -> None:
    made = draft(store, 2)
    outcome = publish_draft(store, DHAMTARI, made, author="lead-1", job_id="J1")
    assert isinstance(outcome, RosterPublished)
    (version,) = roster_versions(store, DHAMTARI)
    assert (version.number, version.first, version.last, version.job_id) == (1, MONDAY, TUESDAY, "J1")
    alternative = made["alternatives"][0]
    assert version.document == {
        "name": "made",
        **{key: alternative[key] for key in ("executives", "ahead", "cost", "gap")},
        **{key: made[key] for key in ("first", "last", "demand", "status", "away", "seed")},
    }
    for date, team_then in team_of(store, made).items():
        day = view(store, date)
        assert day.book.day.problem.executives == team_then
        assert day.book.day.sale.capacity == capacities(store, DHAMTARI, {date: team_then})[date].quotas
        assert day.state.roster_number == 1
    assert kinds(store) == ["roster.published", "day.changed", "day.changed"]
    assert stored_staff(store, DHAMTARI) is None
    sound(store)


def test_quotas_of_a_published_draft_limit_what_is_sold(store: Store) -> None:
    published(store, draft(store))
    quotas = view(store).book.day.sale.capacity
    assert quotas is not None
    most = quotas.total(4)
    for number in range(most):
        booked(store, 12, number)
    want = [WantedSlot(INCOME, MONDAY, 12 * H)]
    no = refused(store.hold(DHAMTARI, at(9), want, "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.QUOTA_USED_UP
    assert len(team(store)) >= most > 0
    sound(store)


def test_promises_in_the_way_of_a_draft_are_listed_and_forced_they_come_back_where_there_is_room(
    store: Store,
) -> None:
    made, ids = tight(store)
    outcome = publish_draft(store, DHAMTARI, made, author="lead-1")
    assert isinstance(outcome, NotPublished)
    assert outcome.first.code is RefusalCode.PROMISES_IN_THE_WAY
    (lost,) = outcome.first.bookings
    forced = published(store, made, force=True)
    assert forced.at_risk == tuple(key for key in sorted(ids) if at_risk(store, key))
    assert (lost in ids, len(forced.at_risk)) == (True, 1)
    assert recover_days(store, DHAMTARI, forced.change) == 0
    again = published(store, given(store, {"E01": [MORNING, MORNING], "E02": [MORNING, MORNING]}))
    assert recover_days(store, DHAMTARI, again.change) == 1
    assert not any(at_risk(store, key) for key in ids)
    sound(store)


def test_a_day_closed_after_a_draft_was_made_stays_closed_under_its_roster(store: Store) -> None:
    made = draft(store, 2)
    closed(store, MONDAY)
    published(store, made)
    day = view(store).book.day
    assert (day.sale.closed_because, len(day.problem.executives) > 0) == ("flood", True)


def test_quotas_are_computed_for_the_slots_that_a_day_has(store: Store) -> None:
    done(set_sale(store, DHAMTARI, MONDAY, {0}, {}))  # from now on its slots are as long as they are now
    rules = store_rules(store, DHAMTARI)
    set_rules(store, DHAMTARI, replace(rules, slot_minutes=120))
    made = draft(store, 2)
    assert made["slot_minutes"] == 120
    published(store, made)
    for date, slots in ((MONDAY, 12), (TUESDAY, 6)):
        day = view(store, date).book.day
        assert day.sale.capacity is not None
        assert (len(day.slots), len(day.sale.capacity.places)) == (slots, slots)
        assert day.sale.capacity.grid == day.problem.grid
    assert store.offers(DHAMTARI, at(1), [INCOME], MONDAY, TUESDAY).offers
    assert refresh_capacity(store, DHAMTARI, MONDAY, TUESDAY).keys() == {MONDAY, TUESDAY}


def test_refreshed_quotas_are_of_open_days_with_somebody_on_duty(store: Store) -> None:
    published(store, draft(store, 3))
    closed(store, TUESDAY)
    before = versions(store)
    assert refresh_capacity(store, DHAMTARI, MONDAY, after(5)).keys() == {MONDAY, after(2)}
    assert versions(store) == before
    done(set_roster(store, DHAMTARI, MONDAY, list(team(store, after(2)).values())))
    assert view(store).book.day.sale.capacity is None
    found = refresh_capacity(store, DHAMTARI, MONDAY, after(5))
    assert view(store).book.day.sale.capacity == found[MONDAY]
    day, orders = planned(store, DHAMTARI, MONDAY)
    done(publish_plan(store, DHAMTARI, MONDAY, day.problem, orders, {}))
    assert refresh_capacity(store, DHAMTARI, MONDAY, after(5)).keys() == {after(2)}


# --------------------------------------------------------------------------------------- calendar


def built(store: Store, *cities: City, **how: Any) -> list[CityBuilt]:
    return list(build_calendar(store, cities or (DHAMTARI,), **({"weeks": 1, "iterations": 2} | how)))


def test_the_calendar_is_filled_up_to_the_horizon_and_a_second_time_nothing_changes(store: Store) -> None:
    (one,) = built(store)
    until = dt.date(2026, 12, 16)  # what can be booked tomorrow: 14 days and one
    assert (one.city_id, one.until, one.refused, one.at_risk) == ("dhamtari", until, None, ())
    assert (one.first, one.last, one.number, one.days) == (dt.date(2026, 12, 2), dt.date(2026, 12, 22), 3, 15)
    before, events = versions(store), kinds(store)
    assert len(before) == 21
    assert [version.published_by for version in roster_versions(store, DHAMTARI)] == [BUILDER] * 3
    (two,) = built(store)
    assert (versions(store), kinds(store)) == (before, events)
    assert two == CityBuilt("dhamtari", until, assumed=True, days=15, promises=one.promises)
    capacity = [view(store, until - dt.timedelta(days=day)).book.day.sale.capacity for day in range(15)]
    assert one.promises == sum(q.total(slot) for q in capacity if q is not None for slot in range(12))
    sound(store)


def test_every_day_of_the_calendar_can_be_sold(store: Store) -> None:
    built(store)
    tomorrow, until = dt.date(2026, 12, 2), dt.date(2026, 12, 15)
    offers = store.offers(DHAMTARI, at(1), [INCOME], tomorrow, until).offers
    assert {offer.date for offer in offers} == {tomorrow + dt.timedelta(days=day) for day in range(14)}
    for day in range(14):
        booked(store, 11, day, tomorrow + dt.timedelta(days=day))
    sound(store)


def test_the_calendar_fills_all_gaps_and_leaves_what_was_set_by_hand(store: Store) -> None:
    set_rules(store, DHAMTARI, replace(store_rules(store, DHAMTARI), booking=BookingRules(horizon_days=8)))
    by_hand = [
        replace(PEOPLE["E01"].on(pattern), shift=Shift(9 * H, 13 * H), pause=None) for pattern in patterns(store)
    ]
    for date in (dt.date(2026, 12, 4), dt.date(2026, 12, 7)):
        done(set_roster(store, DHAMTARI, date, by_hand))
    closed(store, dt.date(2026, 12, 5))
    done(set_sale(store, DHAMTARI, dt.date(2026, 12, 6), {3}, {5: 1}))
    (one,) = built(store)
    assert (one.first, one.last, one.number) == (dt.date(2026, 12, 2), dt.date(2026, 12, 14), 3)
    numbers = {date: number for (_, date), (_, number) in versions(store).items()}
    assert numbers == {
        "2026-12-02": 1,
        "2026-12-03": 1,
        "2026-12-04": None,
        "2026-12-05": None,
        "2026-12-06": 2,
        "2026-12-07": None,
        **{f"2026-12-{day:02}": 3 for day in range(8, 15)},
    }
    assert team(store, dt.date(2026, 12, 4)) == {"E01": by_hand[0]}
    assert view(store, dt.date(2026, 12, 5)).book.day.sale.closed_because == "flood"
    sale = view(store, dt.date(2026, 12, 6)).book.day.sale
    assert (set(sale.stop_sales), dict(sale.quotas)) == ({3}, {5: 1})
    before = versions(store)
    built(store)
    assert versions(store) == before


def patterns(store: Store) -> tuple[Any, ...]:
    return store_problem(store, DHAMTARI, MONDAY, 1).problem.patterns[:1]


def test_a_day_published_with_nobody_on_duty_is_no_gap(store: Store) -> None:
    known_staff(store, staff(**{key: {"leave": frozenset({dt.date(2026, 12, 3)})} for key in PEOPLE}))
    built(store)
    assert team(store, dt.date(2026, 12, 3)) == {}
    before = versions(store)
    built(store)
    assert versions(store) == before


def test_a_gap_is_found_from_the_first_open_day_without_a_roster_to_the_next_that_has_one(store: Store) -> None:
    first, until = dt.date(2026, 12, 2), dt.date(2026, 12, 9)
    assert missing_span(store, DHAMTARI, first, until, 1) == (first, dt.date(2026, 12, 8))
    assert missing_span(store, DHAMTARI, first, until, 2) == (first, dt.date(2026, 12, 15))
    closed(store, first)
    published(store, given(store, {"E01": [MORNING, None]}, dt.date(2026, 12, 5)))  # of two days
    assert missing_span(store, DHAMTARI, first, until, 1) == (dt.date(2026, 12, 3), dt.date(2026, 12, 4))
    rest = dt.date(2026, 12, 5)
    assert missing_span(store, DHAMTARI, rest, until, 1) == (dt.date(2026, 12, 7), dt.date(2026, 12, 13))
    assert missing_span(store, DHAMTARI, rest, dt.date(2026, 12, 6), 1) is None
    assert missing_span(store, DHAMTARI, rest, first, 1) is None


def test_the_next_night_the_calendar_grows_by_what_is_missing_then(store: Store, clock: Clock) -> None:
    built(store)
    clock.now += dt.timedelta(days=7)
    (one,) = built(store)
    assert (one.first, one.last, one.number) == (dt.date(2026, 12, 23), dt.date(2026, 12, 29), 4)
    assert one.days == 15


def test_quotas_are_computed_anew_where_demand_is_other_than_before(store: Store) -> None:
    built(store)
    done(set_roster(store, DHAMTARI, MONDAY, list(team(store, TUESDAY).values())))
    before = versions(store)
    (one,) = built(store)
    assert (one.first, one.days) == (None, 15)
    changed = {date for (_, date), each in versions(store).items() if each != before["dhamtari", date]}
    assert changed == {"2026-12-07"}
    assert view(store).book.day.sale.capacity is not None


def test_a_city_that_fails_is_told_and_does_not_stop_the_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    week = {dt.date(2026, 12, 2) + dt.timedelta(days=day): MORNING for day in range(14)}
    known_staff(store, staff(E01={"fixed": week}))
    published(store, given(store, {"E02": [MORNING]}, dt.date(2026, 12, 10)))
    one, other = built(store, DHAMTARI, RISALI, weeks=2)
    assert (one.city_id, one.refused, one.number, one.days) == ("dhamtari", "infeasible", None, 1)
    assert (other.city_id, other.refused, other.days) == ("risali", None, 15)

    def locked(*_: object, **__: object) -> None:
        raise StoreError("database_locked", "the store", "others held it too long")

    with monkeypatch.context() as busy:
        busy.setattr("api.rostering.calendar.publish_draft", locked)
        known_staff(store, staff())
        (one,) = built(store)
    assert (one.refused, one.why, one.days) == ("database_locked", "others held it too long", 1)
    (one,) = built(store)
    assert one.refused is None


def test_the_calendar_brings_promises_back_where_its_rosters_have_room(store: Store) -> None:
    published(store, given(store, {"E01": [MORNING], "E02": [MORNING]}))
    ids = [booked(store, hour, number) for hour in (9, 13) for number in (1, 2)]
    nobody = NewRoster({MONDAY: ()}, {}, {}, "lead-1")
    assert isinstance(publish_roster(store, DHAMTARI, nobody, force=True), RosterPublished)
    done(set_roster(store, DHAMTARI, MONDAY, ()))  # by hand, and nobody: it is a gap again
    assert all(at_risk(store, key) for key in ids)
    (one,) = built(store)
    early = len([e for e in team(store).values() if e.shift.open_s <= 9 * H])
    assert early > 0
    assert [at_risk(store, key) for key in ids[2:]] == [False, False]
    assert one.at_risk == tuple(key for key in sorted(ids[:2]) if at_risk(store, key))
    assert len(one.at_risk) == max(0, 2 - early)
    sound(store)


def test_building_ends_between_cities_when_told_to(store: Store) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 1

    assert [each.city_id for each in built(store, DHAMTARI, RISALI, stop=stop)] == ["dhamtari"]
    seen: list[str] = []
    assert [each.city_id for each in built(store, RISALI, on_progress=lambda city, _: seen.append(city.city_id))] == [
        "risali"
    ]
    assert set(seen) == {"risali"}


def test_a_stretch_closed_by_hand_is_not_sold_under_a_built_calendar(store: Store) -> None:
    new = NewRestriction(CLOSURE, MONDAY, MONDAY, "fair", "lead-1", 10 * H, 12 * H)
    assert isinstance(add_restriction(store, DHAMTARI, new), Restricted)
    built(store)
    offered = {o.slot.open_s // H for o in store.offers(DHAMTARI, at(1), [INCOME], MONDAY, MONDAY).offers}
    assert offered == {8, 9, *range(12, 20)}
