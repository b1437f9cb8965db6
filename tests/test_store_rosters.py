"""Staff and rosters of several days, on SQLite and on PostgreSQL: all of them or none, with quotas and versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import select

from api.store.background import recover_day
from api.store.checking import check_store
from api.store.desk import publish_plan, set_closed, set_roster, set_sale
from api.store.rosters import (
    NewRoster,
    NotPublished,
    RosterPublished,
    StoredStaff,
    Teams,
    publish_roster,
    roster_key,
    roster_versions,
    set_capacity,
    set_staff,
    stored_staff,
)
from api.store.schema import days, rosters
from api.store.store import Store
from api.store.writing import write_day
from optimizer.bookings import Refusal, RefusalCode
from optimizer.domain import BookingStatus, Executive, InvalidProblem, SlotGrid
from optimizer.quotas import Quotas
from optimizer.slots import SlotReasonCode
from tests.store_days import (
    CATALOGUE,
    DAY,
    INCOME,
    NEXT,
    RAIPUR,
    Clock,
    at,
    at_once,
    booked,
    clock,
    done,
    executives,
    held,
    kinds,
    planned,
    refused,
    sound,
    staffed,
    status,
    store,
    want,
    while_another_waits,
)

__all__ = ["clock", "store"]

THIRD = NEXT + dt.timedelta(days=1)
STAFF = {"executives": ["E01"]}


def carries(most: int) -> Quotas:
    """So many promises in each slot, whatever they need."""
    needs = (frozenset[str](),)
    return Quotas(SlotGrid(), needs, ((most,),) * 12, {(0,): (most,) * 12})


def roster(teams: Teams, **values: Any) -> NewRoster:
    capacities = {date: carries(len(team)) for date, team in teams.items() if team}
    usual: dict[str, Any] = {"capacities": capacities, "document": {"gap": 0.5}, "author": "lead-1"}
    return NewRoster(teams, **(usual | values))


def teams(*counts: int) -> dict[dt.date, tuple[Executive, ...]]:
    """So many executives on the first day, the next, and so on."""
    return {DAY + dt.timedelta(days=day): executives(count) for day, count in enumerate(counts)}


def published(store: Store, new: NewRoster, *, force: bool = False) -> RosterPublished:
    outcome = publish_roster(store, RAIPUR, new, force=force)
    assert isinstance(outcome, RosterPublished), outcome
    return outcome


def not_published(store: Store, new: NewRoster) -> Mapping[dt.date, Refusal]:
    """Why a roster is refused, by date; nothing of it is stored."""
    before = everything(store)
    outcome = publish_roster(store, RAIPUR, new)
    assert isinstance(outcome, NotPublished), outcome
    assert everything(store) == before
    assert outcome.first is outcome.refusals[min(outcome.refusals)]
    return outcome.refusals


def everything(store: Store) -> list[object]:
    """All that publishing could change: days at their versions, rosters, staff, events."""
    with store.database.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(days).order_by(days.c.date))]
    return [rows, roster_versions(store, RAIPUR), stored_staff(store, RAIPUR), store.list_events()]


def at_risk(store: Store, booking_id: str) -> bool:
    booking = store.booking(booking_id)
    assert booking is not None
    return booking.at_risk


def day_rows(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    with store.database.read() as connection:
        query = select(*(days.c[name] for name in columns)).order_by(days.c.date)
        return [tuple(row) for row in connection.execute(query)]


def why_not(store: Store, hour: int, date: dt.date = DAY) -> SlotReasonCode | None:
    """Why the slot that opens at this hour is not offered, cold and in memory; None when it is."""
    told = [
        next((r.reasons[0].code for r in offers.refused if r.slot is None or r.slot.open_s == hour * 3_600), None)
        for each in (store, Store(store.database, CATALOGUE))
        for offers in [each.offers(RAIPUR, at(7), [INCOME], date, date)]
    ]
    assert told[0] == told[1]
    return told[0]


# ------------------------------------------------------------------------------------------ staff


def test_the_staff_of_a_city_has_versions_authors_and_times(store: Store, clock: Clock) -> None:
    assert stored_staff(store, RAIPUR) is None
    first = set_staff(store, RAIPUR, STAFF, "lead-1", version=0)
    assert first == StoredStaff(1, STAFF, clock.now, "lead-1")
    clock.on(60)
    second = set_staff(store, RAIPUR, {"executives": []}, "lead-2", version=1)
    assert second == stored_staff(store, RAIPUR) == StoredStaff(2, {"executives": []}, clock.now, "lead-2")
    assert stored_staff(store, CATALOGUE.city("dhamtari")) is None


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_staff_made_of_another_version_is_refused(store: Store, version: int) -> None:
    for _ in range(2):
        set_staff(store, RAIPUR, STAFF, "lead-1")
    before = stored_staff(store, RAIPUR)
    outcome = set_staff(store, RAIPUR, {}, "lead-2", version=version)
    assert isinstance(outcome, Refusal)
    assert outcome.code is RefusalCode.CHANGED_MEANWHILE
    assert stored_staff(store, RAIPUR) == before


def test_of_several_who_tell_the_first_staff_at_once_one_does(store: Store) -> None:
    def tell(author: str) -> Callable[[], StoredStaff | Refusal]:
        return lambda: set_staff(Store(store.database, CATALOGUE), RAIPUR, STAFF, author, version=0)

    outcomes = at_once([tell(f"lead-{number}") for number in range(4)])
    (won,) = (each for each in outcomes if isinstance(each, StoredStaff))
    assert stored_staff(store, RAIPUR) == won
    assert {each.code for each in outcomes if isinstance(each, Refusal)} == {RefusalCode.CHANGED_MEANWHILE}


def test_a_staff_is_signed_as_it_is_stored_or_it_is_not(store: Store) -> None:
    signed: list[object] = []
    made = set_staff(store.with_receipt(lambda _, __, told: signed.append(told)), RAIPUR, STAFF, "lead-1")
    assert signed == [made]
    with pytest.raises(RuntimeError):
        set_staff(store.with_receipt(no_receipt), RAIPUR, {}, "lead-2")
    assert stored_staff(store, RAIPUR) == made


def no_receipt(*_: object) -> None:
    raise RuntimeError("no receipt")


# -------------------------------------------------------------------------------------- published


def test_a_roster_is_published_with_its_quotas_and_numbered(store: Store, clock: Clock) -> None:
    outcome = published(store, roster(teams(2, 1), job_id="J1"))
    assert (outcome.number, outcome.at_risk) == (1, ())
    (version,) = roster_versions(store, RAIPUR)
    assert (version.number, version.first, version.last, version.job_id) == (1, DAY, NEXT, "J1")
    assert (version.published_by, version.published_at, version.document) == ("lead-1", clock.now, {"gap": 0.5})
    assert day_rows(store, "date", "version", "roster_number") == [(DAY.isoformat(), 1, 1), (NEXT.isoformat(), 1, 1)]
    (told, *others) = store.list_events()
    assert (told.event.kind, told.event.subject, told.event.date) == ("roster.published", "raipur:1", DAY)
    assert told.event.data == {"to": NEXT.isoformat(), "number": 1}
    assert [each.event.kind for each in others] == ["day.changed"] * 2
    again = published(store, roster(teams(3)))
    assert (again.number, [each.number for each in roster_versions(store, RAIPUR)]) == (2, [2, 1])
    assert day_rows(store, "version", "roster_number") == [(2, 2), (1, 1)]
    for each in (store, Store(store.database, CATALOGUE)):
        with each.database.read() as connection:
            views = each.views(connection, RAIPUR, [DAY, NEXT])
        assert [view.book.day.problem.executives for view in views.values()] == [executives(3), executives(1)]
        assert [view.book.day.sale.capacity for view in views.values()] == [carries(3), carries(1)]
        assert [view.state.roster_number for view in views.values()] == [2, 1]
    sound(store)


def test_numbers_of_rosters_are_of_their_city(store: Store) -> None:
    published(store, roster(teams(1)))
    other = publish_roster(store, CATALOGUE.city("dhamtari"), roster({DAY: ()}))
    assert isinstance(other, RosterPublished)
    assert other.number == 1
    assert [each.number for each in roster_versions(store, RAIPUR)] == [1]


def test_computed_quotas_limit_offers_and_one_by_hand_stands_in_their_place(store: Store) -> None:
    published(store, roster(teams(3), capacities={DAY: carries(1)}))
    booked(store, 10, 1)
    assert (why_not(store, 10), why_not(store, 11)) == (SlotReasonCode.QUOTA_USED_UP, None)
    no = refused(store.hold(RAIPUR, at(2), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.QUOTA_USED_UP
    done(set_sale(store, RAIPUR, DAY, (), {2: 2}))
    assert why_not(store, 10) is None
    booked(store, 10, 2)
    assert why_not(store, 10) is SlotReasonCode.QUOTA_USED_UP
    done(set_sale(store, RAIPUR, DAY, (), {}))
    assert why_not(store, 10) is SlotReasonCode.QUOTA_USED_UP
    sound(store)


def test_a_roster_set_by_hand_has_no_number_and_no_quotas_of_other_executives(store: Store) -> None:
    published(store, roster(teams(1)))
    done(set_roster(store, RAIPUR, DAY, executives(1)))
    assert day_rows(store, "roster_number") == [(None,)]
    booked(store, 10, 1)
    assert why_not(store, 10) is SlotReasonCode.QUOTA_USED_UP
    done(set_roster(store, RAIPUR, DAY, executives(2)))
    assert day_rows(store, "roster_number", "capacity") == [(None, None)]
    assert why_not(store, 10) is None


def test_a_day_that_stays_as_it_is_gets_the_number_and_changes_nothing_else(store: Store) -> None:
    staffed(store, 2, [DAY])
    booking_id = booked(store, 10, 1)
    events = len(kinds(store))
    outcome = published(store, roster(teams(2, 2), capacities={NEXT: carries(2)}))
    assert [book.day.date for book in outcome.change.books] == [DAY, NEXT]
    assert kinds(store)[events:] == ["roster.published", "day.changed"]
    assert day_rows(store, "roster_number") == [(1,), (1,)]
    assert not at_risk(store, booking_id)
    sound(store)


def test_a_day_of_nobody_is_published_without_quotas(store: Store) -> None:
    published(store, roster(teams(2)))
    published(store, roster(teams(0)))
    assert day_rows(store, "roster", "capacity", "roster_number") == [("[]", None, 2)]
    assert why_not(store, 10) is SlotReasonCode.NO_EXECUTIVE_WITH_SKILL


def test_a_roster_without_days_is_none(store: Store) -> None:
    with pytest.raises(InvalidProblem) as error:
        publish_roster(store, RAIPUR, roster({}))
    assert [fault.code for fault in error.value.faults] == ["no_open_day"]
    assert roster_versions(store, RAIPUR) == []


def test_a_day_closed_by_hand_stays_closed_under_a_new_roster(store: Store) -> None:
    done(set_closed(store, RAIPUR, DAY, "flood"))
    published(store, roster(teams(2, 2)))
    assert (why_not(store, 10), why_not(store, 10, NEXT)) == (SlotReasonCode.CLOSED_DAY, None)
    assert day_rows(store, "closed_because", "roster_number") == [("flood", 1), (None, 1)]
    done(set_closed(store, RAIPUR, DAY, None))
    assert why_not(store, 10) is None
    sound(store)


def test_what_is_restricted_by_hand_stays_under_a_new_roster(store: Store) -> None:
    done(set_sale(store, RAIPUR, DAY, {2}, {3: 0}))
    published(store, roster(teams(2)))
    assert [why_not(store, hour) for hour in (10, 11, 12)] == [
        SlotReasonCode.STOP_SALE,
        SlotReasonCode.QUOTA_USED_UP,
        None,
    ]


def test_a_hold_that_ran_out_is_nobodys_promise_when_a_roster_is_published(store: Store, clock: Clock) -> None:
    staffed(store, 2, [DAY])
    over = [held(store, 10, number=number) for number in (1, 2)]
    clock.on(300)
    outcome = published(store, roster(teams(1)))
    assert outcome.at_risk == ()
    assert kinds(store)[-3:] == ["hold.expired", "hold.expired", "day.changed"]
    assert [status(store, key) for key in over] == [BookingStatus.EXPIRED] * 2
    sound(store)


# ---------------------------------------------------------------------------------------- refused


def test_promises_in_the_way_refuse_a_roster_and_forced_they_are_at_risk(store: Store) -> None:
    staffed(store, 2, [DAY])
    ids = {booked(store, 10, 1), booked(store, 10, 2)}
    no = not_published(store, roster(teams(1, 2)))
    assert {date: refusal.code for date, refusal in no.items()} == {DAY: RefusalCode.PROMISES_IN_THE_WAY}
    assert set(no[DAY].bookings) < ids
    outcome = published(store, roster(teams(1, 2)), force=True)
    assert (len(outcome.at_risk), set(outcome.at_risk) < ids) == (1, True)
    assert kinds(store)[-4:] == ["roster.published", "day.changed", "booking.at_risk", "day.changed"]
    checked = check_store(store)
    assert (checked.promises, checked.at_risk, checked.findings) == (1, 1, ())
    assert published(store, roster(teams(2))).at_risk == ()
    assert recover_day(store, RAIPUR, DAY) == 1
    sound(store)


def test_a_day_that_is_over_refuses_the_whole_roster(store: Store, clock: Clock) -> None:
    clock.now += dt.timedelta(days=3)
    no = not_published(store, roster(teams(2, 2)))
    assert {date: refusal.code for date, refusal in no.items()} == {DAY: RefusalCode.DAY_PAST}
    assert published(store, roster({NEXT: executives(2)})).number == 1  # today


def test_a_day_whose_plan_is_published_refuses_another_team_and_takes_the_same(store: Store) -> None:
    staffed(store, 2, [DAY])
    booked(store, 10, 1)
    day, orders = planned(store)
    done(publish_plan(store, RAIPUR, DAY, day.problem, orders, {}))
    no = not_published(store, roster(teams(1, 2)))
    assert {date: refusal.code for date, refusal in no.items()} == {DAY: RefusalCode.DAY_PUBLISHED}
    published(store, roster(teams(2, 2)))
    assert day_rows(store, "roster_number", "plan_number") == [(1, 1), (1, None)]
    assert why_not(store, 12) is SlotReasonCode.DAY_PUBLISHED
    sound(store)


def test_a_day_that_has_another_roster_than_the_draft_was_made_from_refuses_it(store: Store) -> None:
    based_on = {date: roster_key(()) for date in (DAY, NEXT)}
    staffed(store, 1, [NEXT])
    no = not_published(store, roster(teams(2, 2), based_on=based_on))
    assert {date: refusal.code for date, refusal in no.items()} == {NEXT: RefusalCode.ROSTER_OUTDATED}
    no = not_published(store, roster(teams(2, 2, 2), based_on=based_on))
    assert {date: refusal.code for date, refusal in no.items()} == {
        NEXT: RefusalCode.ROSTER_OUTDATED,
        THIRD: RefusalCode.ROSTER_OUTDATED,  # it says nothing of this one
    }
    published(store, roster(teams(2, 2), based_on=based_on | {NEXT: roster_key(executives(1))}))


def test_every_refused_day_is_told_and_none_is_changed(store: Store, clock: Clock) -> None:
    staffed(store, 2, [NEXT])
    booked(store, 10, 1, NEXT)
    booked(store, 10, 2, NEXT)
    clock.now += dt.timedelta(days=3)
    clock.now = clock.now.replace(hour=7)
    no = not_published(store, roster(teams(1, 1, 1)))
    assert {date: refusal.code for date, refusal in no.items()} == {
        DAY: RefusalCode.DAY_PAST,
        NEXT: RefusalCode.PROMISES_IN_THE_WAY,
    }


def test_keys_tell_rosters_apart_and_not_in_which_order_they_were_given(store: Store) -> None:
    assert roster_key(executives(2)) == roster_key(reversed(executives(2)))
    keys = {roster_key(executives(n)) for n in range(3)} | {roster_key(executives(2, skills=frozenset({"kit"})))}
    assert len(keys) == 4


# ------------------------------------------------------------------------------------ all in one step


def test_a_roster_is_signed_in_its_transaction_or_nothing_of_it_is_stored(store: Store) -> None:
    signed: list[object] = []

    def sign(connection: Any, _: dt.datetime, told: object) -> None:
        signed.extend([told, connection.execute(select(rosters.c.number)).scalar()])

    outcome = published(store.with_receipt(sign), roster(teams(1)))
    assert signed == [outcome, 1]
    before = everything(store)
    with pytest.raises(RuntimeError, match="no receipt"):
        publish_roster(store.with_receipt(no_receipt), RAIPUR, roster(teams(2, 2), staff=STAFF))
    assert everything(store) == before
    assert why_not(store, 10) is None


def test_days_are_written_before_events_are_ordered_so_that_nobody_waits_in_a_circle(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    staffed(store, 2, [NEXT])
    steps: list[str] = []

    def told(step: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def tell(*given: Any) -> Any:
            steps.append(step)
            return act(*given)

        return tell

    monkeypatch.setattr("api.store.rosters.write_day", told("same team", write_day))
    monkeypatch.setattr("api.store.desk.write_day", told("other team", write_day))
    monkeypatch.setattr(store.database, "order_events", told("events", store.database.order_events))
    published(store, roster(teams(1, 2)))
    assert steps == ["other team", "same team", "events"]


def test_a_staff_goes_into_the_store_with_its_roster(store: Store, clock: Clock) -> None:
    published(store, roster(teams(1), staff=STAFF, staff_version=0))
    assert stored_staff(store, RAIPUR) == StoredStaff(1, STAFF, clock.now, "lead-1")
    published(store, roster(teams(2), staff={"executives": []}, staff_version=1))
    assert stored_staff(store, RAIPUR) == StoredStaff(2, {"executives": []}, clock.now, "lead-1")


def test_a_staff_that_was_changed_meanwhile_refuses_the_roster_that_goes_with_another(store: Store) -> None:
    set_staff(store, RAIPUR, STAFF, "lead-2")
    no = not_published(store, roster(teams(2, 2), staff={}, staff_version=0))
    assert {date: refusal.code for date, refusal in no.items()} == {DAY: RefusalCode.CHANGED_MEANWHILE}
    no = not_published(
        store, roster(teams(2, 2), staff_version=0)
    )  # it was held against one that is not there any more
    assert {date: refusal.code for date, refusal in no.items()} == {DAY: RefusalCode.CHANGED_MEANWHILE}
    published(store, roster(teams(2, 2), staff_version=1))


def test_a_day_of_which_somebody_is_away_is_refused_unless_it_is_so_already(store: Store) -> None:
    no = not_published(store, roster(teams(2, 2), away={NEXT: ("E02",)}))
    assert {date: (refusal.code, refusal.text.endswith(": E02")) for date, refusal in no.items()} == {
        NEXT: (RefusalCode.EXECUTIVE_AWAY, True)
    }
    published(store, roster(teams(2, 2)))
    published(store, roster(teams(2, 2), away={NEXT: ("E02",)}))


def test_of_two_who_publish_from_the_same_draft_one_wins_and_nothing_of_the_other_is_stored(store: Store) -> None:
    based_on = {date: roster_key(()) for date in (DAY, NEXT, THIRD)}

    def publish(count: int) -> Callable[[], RosterPublished | NotPublished]:
        new = roster(teams(count, count, count), based_on=based_on, author=f"lead-{count}")
        return lambda: publish_roster(Store(store.database, CATALOGUE), RAIPUR, new)

    outcomes = at_once([publish(1), publish(2)])
    (won,) = (each for each in outcomes if isinstance(each, RosterPublished))
    (lost,) = (each for each in outcomes if isinstance(each, NotPublished))
    assert {refusal.code for refusal in lost.refusals.values()} == {RefusalCode.ROSTER_OUTDATED}
    (version,) = roster_versions(store, RAIPUR)
    count = len(won.change.books[0].day.problem.executives)
    assert (won.number, version.number, version.published_by) == (1, 1, f"lead-{count}")
    assert day_rows(store, "version", "roster_number") == [(1, 1)] * 3
    assert kinds(store) == ["roster.published", *["day.changed"] * 3]
    sound(store)


@pytest.mark.parametrize("unlocked", [True, False], ids=["first", "later"])
def test_who_publishes_while_another_does_is_outdated(
    store: Store, store_address: str, clock: Clock, *, unlocked: bool
) -> None:
    if not unlocked:
        staffed(store, 3, [DAY, NEXT])
    key = roster_key(() if unlocked else executives(3))

    def publish(count: int) -> Callable[[Store], RosterPublished | NotPublished]:
        new = roster(teams(count, count), based_on={DAY: key, NEXT: key})
        return lambda own: publish_roster(own, RAIPUR, new)

    one, other = while_another_waits(store, store_address, clock, publish(1), publish(2), unlocked=unlocked)
    assert isinstance(one, RosterPublished)
    assert isinstance(other, NotPublished)
    assert {refusal.code for refusal in other.refusals.values()} == {RefusalCode.ROSTER_OUTDATED}
    assert day_rows(store, "roster_number") == [(1,), (1,)]
    sound(store)


def test_a_promise_made_while_a_roster_is_published_is_kept_or_not_made(
    store: Store, store_address: str, clock: Clock
) -> None:
    staffed(store, 2, [DAY])

    def book(own: Store) -> str:
        return booked(own, 10, 1)

    def publish(own: Store) -> RosterPublished | NotPublished:
        return publish_roster(own, RAIPUR, roster({DAY: executives(2)[1:]}))

    booking_id, outcome = while_another_waits(store, store_address, clock, book, publish)
    assert isinstance(outcome, RosterPublished)
    assert not at_risk(store, booking_id)
    assert check_store(store).promises == 1
    sound(store)


# --------------------------------------------------------------------------------- quotas alone


def test_quotas_computed_anew_are_stored_once_and_only_for_the_team_they_are_for(store: Store) -> None:
    published(store, roster(teams(2, 2, 0)))
    before, events = day_rows(store, "version"), len(kinds(store))
    wanted = {DAY: carries(1), NEXT: carries(1), THIRD: carries(1)}
    others = {DAY: executives(2), NEXT: executives(1), THIRD: executives(1)}
    change = set_capacity(store, RAIPUR, wanted, teams=others)
    assert [book.day.date for book in change.books] == [DAY]
    assert day_rows(store, "version") == [(before[0][0] + 1,), *before[1:]]
    assert kinds(store)[events:] == ["day.changed"]
    assert set_capacity(store, RAIPUR, wanted, teams=others).books == ()
    assert kinds(store)[events:] == ["day.changed"]
    booked(store, 10, 1)
    assert why_not(store, 10) is SlotReasonCode.QUOTA_USED_UP
    assert day_rows(store, "roster_number") == [(1,)] * 3


def test_quotas_below_what_is_promised_leave_the_promises(store: Store) -> None:
    published(store, roster(teams(2)))
    ids = [booked(store, 10, number) for number in (1, 2)]
    set_capacity(store, RAIPUR, {DAY: carries(0)}, teams=teams(2))
    assert not any(at_risk(store, key) for key in ids)
    assert why_not(store, 12) is SlotReasonCode.QUOTA_USED_UP
    sound(store)
