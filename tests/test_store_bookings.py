"""Holds and bookings in a store, on SQLite and on PostgreSQL: verbs, moves, several stores on one database."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from api.store import Database, StoreError
from api.store.desk import set_roster
from api.store.store import FREE_TRIES, Store, WantedSlot
from api.store.writing import VersionChanged, View
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict, confirm
from optimizer.domain import BookingStatus, InvalidProblem, Proof
from optimizer.slots import SlotReasonCode
from optimizer.units import IST
from scenarios.places import whereabouts
from tests.store_days import (
    AADHAAR,
    CATALOGUE,
    DAY,
    INCOME,
    NEXT,
    RAIPUR,
    Clock,
    H,
    at,
    booked,
    clock,
    done,
    executives,
    held,
    kinds,
    refused,
    slot_at,
    sound,
    staffed,
    status,
    store,
    want,
)

__all__ = ["clock", "store"]


# ------------------------------------------------------------------------------- holds and bookings


def test_an_offered_slot_can_be_held_and_then_booked(store: Store) -> None:
    staffed(store)
    offers = store.offers(RAIPUR, at(), [INCOME], DAY, DAY)
    assert len(offers.offers) == 12
    booking_id = held(store, 10)
    assert status(store, booking_id) is BookingStatus.HELD
    done(store.confirm([booking_id], "a"))
    assert status(store, booking_id) is BookingStatus.BOOKED
    assert kinds(store)[-2:] == ["hold.made", "booking.made"]
    sound(store)


def test_a_hold_counts_as_taken_and_the_loser_hears_of_the_nearest_slots(store: Store) -> None:
    staffed(store)
    held(store, 10)
    lost = refused(store.hold(RAIPUR, at(1), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert lost.reasons[0].code is SlotReasonCode.ALL_EXECUTIVES_TAKEN
    assert lost.reasons[0].proof is Proof.PROVED
    assert [(o.date, o.slot.open_s) for o in lost.nearest] == [(DAY, 9 * H), (DAY, 11 * H), (DAY, 8 * H)]


def test_a_hold_runs_out_by_the_clock_of_the_database(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    clock.on(299.999)
    refused(store.hold(RAIPUR, at(1), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    clock.on(0.001)
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    done(store.hold(RAIPUR, at(1), [want(10)], "b"))
    assert status(store, booking_id) is BookingStatus.EXPIRED
    assert "hold.expired" in kinds(store)
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    sound(store)


def test_a_clock_that_goes_backwards_brings_no_hold_back_to_life(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    clock.on(400)
    held(store, 11, "b", 1)  # the day was judged at this moment
    clock.on(-390)
    refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    sound(store)


def test_a_hold_is_extended_once_and_only_by_its_caller(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = held(store, 10)
    clock.on(200)
    refused(store.extend([booking_id], "b"), RefusalCode.HOLD_OF_ANOTHER_CALLER)
    done(store.extend([booking_id], "a"))
    refused(store.extend([booking_id], "a"), RefusalCode.ALREADY_EXTENDED)
    clock.on(299)
    done(store.confirm([booking_id], "a"))
    refused(store.confirm([booking_id], "a"), RefusalCode.ALREADY_CONFIRMED)


def test_a_hold_given_up_is_free_again(store: Store) -> None:
    staffed(store)
    booking_id = held(store, 10)
    refused(store.give_up([booking_id], "b"), RefusalCode.HOLD_OF_ANOTHER_CALLER)
    done(store.give_up([booking_id], "a"))
    assert status(store, booking_id) is BookingStatus.RELEASED
    refused(store.give_up([booking_id], "a"), RefusalCode.ILLEGAL_TRANSITION)
    held(store, 10, "b", 1)


def test_several_services_are_held_together_or_not_at_all(store: Store) -> None:
    staffed(store)
    held(store, 11)
    refused(store.hold(RAIPUR, at(1), [want(10), want(11), want(12)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert len(store.list_bookings(RAIPUR, DAY, DAY)) == 1
    group = done(store.hold(RAIPUR, at(1), [want(9), want(10), want(14, NEXT)], "b")).bookings[0].group_id
    done(store.confirm([group], "b"))
    made = [b for b in store.list_bookings(RAIPUR, DAY, NEXT) if b.group_id == group]
    assert [(b.date, b.slot.open_s, b.status) for b in made] == [
        (DAY, 9 * H, BookingStatus.BOOKED),
        (DAY, 10 * H, BookingStatus.BOOKED),
        (NEXT, 14 * H, BookingStatus.BOOKED),
    ]
    sound(store)


def test_one_service_takes_one_slot(store: Store) -> None:
    staffed(store, 3)
    refused(store.hold(RAIPUR, at(), [want(10), want(10)], "a"), RefusalCode.SLOT_TAKEN_TWICE)


@pytest.mark.parametrize(
    ("caller", "reference", "path"), [("call centre", None, "/caller"), ("a", "Mr Ram Kumar", "/reference")]
)
def test_free_text_is_refused(store: Store, caller: str, reference: str | None, path: str) -> None:
    staffed(store)
    with pytest.raises(InvalidProblem) as error:
        store.hold(RAIPUR, at(), [want(10)], caller, reference=reference)
    assert [(f.pointer, f.code) for f in error.value.faults] == [(path, "bad_id")]
    assert store.list_bookings(RAIPUR, DAY, DAY) == []


@pytest.mark.parametrize("number", ["9876543210", "123412341234"])
def test_what_looks_like_a_telephone_or_aadhaar_number_is_no_reference(store: Store, number: str) -> None:
    staffed(store)
    with pytest.raises(InvalidProblem) as error:
        store.hold(RAIPUR, at(), [want(10)], "a", reference=number)
    assert [(f.code, number in str(f)) for f in error.value.faults] == [("looks_personal", False)]


def test_all_faults_of_a_hold_are_told_at_once(store: Store) -> None:
    staffed(store)
    seven = [WantedSlot(INCOME, DAY, 10 * H, pinned_to="nobody at all")] * 7
    with pytest.raises(InvalidProblem) as error:
        store.hold(RAIPUR, at(), seven, "x y")
    assert {f.code for f in error.value.faults} == {"bad_id", "bad_number"}
    assert len(error.value.faults) == 9


def test_slots_that_do_not_exist_are_named(store: Store) -> None:
    staffed(store)
    half_past = WantedSlot(INCOME, DAY, 10 * H + 1_800)
    refused(store.hold(RAIPUR, at(), [half_past], "a"), RefusalCode.UNKNOWN_SLOT)
    refused(store.hold(RAIPUR, at(), [want(22)], "a"), RefusalCode.UNKNOWN_SLOT)


def test_unknown_bookings_are_told_as_such(store: Store) -> None:
    for verdict in (
        store.confirm(["B0"], "a"),
        store.cancel("B0"),
        store.move("B0", DAY, 9 * H),
        store.mark("B0", BookingStatus.SERVED),
        store.locate("B0", at()),
    ):
        refused(verdict, RefusalCode.UNKNOWN_BOOKING)


# ----------------------------------------------------------------------------- cancel, move, locate


def test_a_cancelled_booking_leaves_its_slot_and_cannot_be_cancelled_again(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    done(store.cancel(booking_id))
    refused(store.cancel(booking_id), RefusalCode.ALREADY_CANCELLED)
    held(store, 10, "b", 1)
    sound(store)


def test_a_booking_moves_to_another_day_and_both_ends_say_so(store: Store) -> None:
    staffed(store)
    old = booked(store, 10)
    change = done(store.move(old, NEXT, 15 * H))
    new = next(b for b in change.bookings if b.moved_from == old)
    left = store.booking(old)
    assert left is not None
    assert (left.status, left.moved_to) == (BookingStatus.MOVED, new.booking_id)
    assert (new.date, new.slot.open_s, new.status) == (NEXT, 15 * H, BookingStatus.BOOKED)
    refused(store.move(old, NEXT, 16 * H), RefusalCode.ALREADY_MOVED)
    refused(store.cancel(old), RefusalCode.ALREADY_MOVED)
    held(store, 10, "b", 1)
    sound(store)


def test_a_move_that_is_not_won_gives_nothing_up(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    booked(store, 15, 1, NEXT)
    lost = refused(store.move(booking_id, NEXT, 15 * H), RefusalCode.SLOT_NOT_OFFERED)
    assert lost.nearest[0].slot.open_s in {14 * H, 16 * H}
    assert status(store, booking_id) is BookingStatus.BOOKED
    refused(store.hold(RAIPUR, at(2), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    sound(store)


def test_a_move_to_the_same_slot_is_refused(store: Store) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    refused(store.move(booking_id, DAY, 10 * H), RefusalCode.SAME_SLOT)


def test_a_booking_may_be_moved_until_24_hours_before_and_not_a_second_later(store: Store, clock: Clock) -> None:
    staffed(store)
    booking_id = booked(store, 10)
    clock.now = dt.datetime(2026, 12, 2, 10, 0, 1, tzinfo=IST)
    refused(store.move(booking_id, NEXT, 15 * H), RefusalCode.TOO_LATE_TO_MOVE)
    clock.on(-1)
    done(store.move(booking_id, NEXT, 15 * H))


def test_a_booking_moves_within_its_day_on_a_day_that_is_full_but_for_that(store: Store) -> None:
    staffed(store)
    for hour in (9, 10, 11):
        booked(store, hour, hour)
    booking_id = booked(store, 12, 12)
    done(store.move(booking_id, DAY, 13 * H))
    assert store.offers(RAIPUR, at(1), [INCOME], DAY, DAY).offer(DAY, slot_at(12)) is not None
    sound(store)


def test_a_pinned_booking_keeps_its_executive_when_it_moves(store: Store) -> None:
    staffed(store, 2)
    pinned = WantedSlot(INCOME, DAY, 10 * H, pinned_to="E02")
    old = done(store.hold(RAIPUR, at(), [pinned], "a", at_once=True)).bookings[0].booking_id
    new = next(b for b in done(store.move(old, NEXT, 15 * H)).bookings if b.moved_from == old)
    assert new.pinned_to == "E02"
    with store.database.read() as connection:
        assert store.views(connection, RAIPUR, [NEXT])[NEXT].book.day.witness == {"E02": (new.booking_id,)}


def test_an_approximate_booking_becomes_exact_when_its_point_is_given(store: Store) -> None:
    staffed(store)
    pin = whereabouts(CATALOGUE, RAIPUR, pincode="492001")
    made = done(store.hold(RAIPUR, pin, [want(10)], "a", at_once=True)).bookings[0]
    assert made.approximate
    done(store.locate(made.booking_id, at(2)))
    exact = store.booking(made.booking_id)
    assert exact is not None
    assert (exact.approximate, exact.place.lon) == (False, at(2).lon)
    again = Store(store.database, CATALOGUE)
    assert again.offers(RAIPUR, at(3), [INCOME], DAY, DAY) == store.offers(RAIPUR, at(3), [INCOME], DAY, DAY)
    sound(store)


# ------------------------------------------------------------------------------ what the day allows


def test_booking_for_a_date_closes_at_eight_in_the_evening_before(store: Store, clock: Clock) -> None:
    staffed(store)
    clock.now = dt.datetime(2026, 12, 2, 19, 59, 59, tzinfo=IST)
    held(store, 10)
    clock.on(1)
    late = refused(store.hold(RAIPUR, at(1), [want(11)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    assert late.reasons[0].code is SlotReasonCode.INSIDE_LEAD_TIME
    assert {o.date for o in late.nearest} == {NEXT}


def test_a_day_nobody_works_on_has_no_executive_with_the_skill(store: Store) -> None:
    offers = store.offers(RAIPUR, at(), [INCOME], DAY, DAY)
    assert offers.offers == ()
    assert {no.reasons[0].code for no in offers.refused} == {SlotReasonCode.NO_EXECUTIVE_WITH_SKILL}


def test_a_service_that_needs_a_kit_needs_an_executive_with_it(store: Store) -> None:
    staffed(store)
    assert AADHAAR.skills
    no = refused(store.hold(RAIPUR, at(), [want(10, DAY, AADHAAR)], "a"), RefusalCode.SLOT_NOT_OFFERED)
    assert no.reasons[0].code is SlotReasonCode.NO_EXECUTIVE_WITH_SKILL
    done(set_roster(store, RAIPUR, DAY, executives(1, skills=AADHAAR.skills)))
    done(store.hold(RAIPUR, at(), [want(10, DAY, AADHAAR)], "a"))


# ----------------------------------------------------------------------------------- several stores


def test_two_stores_on_one_database_see_each_others_promises(store: Store) -> None:
    staffed(store)
    other = Store(store.database, CATALOGUE)
    assert other.offers(RAIPUR, at(), [INCOME], DAY, DAY).offer(DAY, slot_at(10)) is not None
    held(store, 10)
    assert other.offers(RAIPUR, at(1), [INCOME], DAY, DAY).offer(DAY, slot_at(10)) is None
    refused(other.hold(RAIPUR, at(1), [want(10)], "b"), RefusalCode.SLOT_NOT_OFFERED)
    held(other, 11, "b", 1)
    assert len(store.list_bookings(RAIPUR, DAY, DAY)) == 2
    sound(store)


def test_callers_at_once_share_what_there_is_and_no_more(store_address: str) -> None:
    with Database.open(store_address, clock=Clock()) as database:
        store = Store(database, CATALOGUE)
        staffed(store, 2, [DAY])
        outcomes: list[Verdict] = []
        barrier = threading.Barrier(12)

        def call(number: int) -> None:
            own = Store(database, CATALOGUE)
            barrier.wait()
            outcomes.extend(own.hold(RAIPUR, at(number), [want(h)], f"c{number}", at_once=True) for h in (10, 11))

        threads = [threading.Thread(target=call, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(isinstance(verdict, Change) for verdict in outcomes) == 4
        assert {v.code for v in outcomes if isinstance(v, Refusal)} == {RefusalCode.SLOT_NOT_OFFERED}
        sound(store)


class Overtaken:
    """Confirms, and before each change is written something happens: what is listed, in turn."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        self.tries = 0
        self._meanwhile = meanwhile

    def __call__(self, *given: Any) -> Verdict:
        verdict = confirm(*given)
        self.tries += 1
        if self.tries <= len(self._meanwhile):
            self._meanwhile[self.tries - 1]()
        return verdict


def test_a_hold_that_runs_out_while_its_day_is_locked_is_refused(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three times somebody was first; then under the lock the clock is."""
    staffed(store)
    booking_id, other = held(store, 10), Store(store.database, CATALOGUE)
    quicker = [partial(booked, other, 12 + n, n + 1) for n in range(FREE_TRIES)]
    confirming = Overtaken(*quicker, lambda: clock.on(300))
    monkeypatch.setattr("api.store.store.confirm", confirming)
    no = refused(store.confirm([booking_id], "a"), RefusalCode.HOLD_EXPIRED)
    assert (no.subject, confirming.tries) == (booking_id, FREE_TRIES + 2)
    assert store.sweep() == 1
    assert status(store, booking_id) is BookingStatus.EXPIRED
    sound(store)


def test_a_hold_of_another_that_runs_out_while_its_day_is_locked_stops_nobody(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    staffed(store, 2)
    held(store, 10, "b", 1)
    clock.on(200)
    booking_id, other = held(store, 10), Store(store.database, CATALOGUE)
    quicker = [partial(booked, other, 12 + n, n + 1) for n in range(FREE_TRIES)]
    confirming = Overtaken(*quicker, lambda: clock.on(100))
    monkeypatch.setattr("api.store.store.confirm", confirming)
    done(store.confirm([booking_id], "a"))
    assert confirming.tries == FREE_TRIES + 1
    assert status(store, booking_id) is BookingStatus.BOOKED
    sound(store)


def test_a_day_that_changes_although_it_is_locked_is_told_as_one_that_others_hold(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise VersionChanged

    staffed(store)
    monkeypatch.setattr("api.store.store.write_change", never)
    with pytest.raises(StoreError) as error:
        held(store, 10)
    assert error.value.code == "database_locked"


def test_a_change_of_nothing_is_not_written_and_has_no_receipt(store: Store) -> None:
    staffed(store)
    receipts: list[object] = []
    signed = store.with_receipt(lambda *given: receipts.append(given))

    def nothing(_: Mapping[dt.date, View]) -> Verdict:
        return Change((), (), ())

    def orders_no_events(_: object) -> None:
        raise AssertionError

    with patch.object(store.database, "order_events", orders_no_events):
        assert done(signed.run(RAIPUR, [DAY, NEXT], nothing)).books == ()
    assert receipts == []


# ----------------------------------------------------------------------------------- page by page


def pages(store: Store, most: int, **chosen: Any) -> list[list[str]]:
    """The ids of all bookings of both days, page by page."""
    found, after = [], None
    while page := store.list_bookings(RAIPUR, DAY, NEXT, after=after, most=most, **chosen):
        found.append([b.booking_id for b in page])
        assert len(page) <= most
        assert found.count(found[-1]) == 1, "the same page again"
        after = (page[-1].date, page[-1].slot.open_s, page[-1].booking_id)
    return found


def crowded(store: Store) -> list[str]:
    """Ids in the order in which they are listed, of bookings on two days, several to a slot."""
    staffed(store, 2)
    made = [(date, hour, booked(store, hour, hour, date)) for date in (NEXT, DAY) for hour in (12, 9, 10)]
    made += [(date, hour, booked(store, hour, -hour, date)) for date in (DAY, NEXT) for hour in (10, 9)]
    return [booking_id for *_, booking_id in sorted(made)]


@pytest.mark.parametrize("most", [1, 3, 4, 10, 11])
def test_bookings_are_listed_page_by_page_each_once_and_in_order(store: Store, most: int) -> None:
    whole = crowded(store)
    assert pages(store, most) == [whole[n : n + most] for n in range(0, len(whole), most)]
    assert [b.booking_id for b in store.list_bookings(RAIPUR, DAY, NEXT)] == whole


def test_a_page_goes_on_after_a_booking_that_is_not_listed_any_more(store: Store) -> None:
    whole = crowded(store)
    last = store.booking(whole[3])
    assert last is not None
    done(store.cancel(last.booking_id))
    after = (last.date, last.slot.open_s, last.booking_id)
    only = [BookingStatus.BOOKED]
    rest = store.list_bookings(RAIPUR, DAY, NEXT, statuses=only, after=after)
    assert [b.booking_id for b in rest] == whole[4:]
    assert pages(store, 4, statuses=only) == [[*whole[:3], whole[4]], whole[5:9], whole[9:]]


def test_a_page_is_read_from_the_days_it_is_of(store: Store) -> None:
    whole = crowded(store)
    before, within, behind = (DAY - dt.timedelta(days=1), 0, ""), (NEXT, 9 * H, ""), (NEXT, 86_400, "")
    listed = [[b.booking_id for b in store.list_bookings(RAIPUR, DAY, NEXT, after=a)] for a in (before, within, behind)]
    assert listed == [whole, whole[5:], []]
    assert [b.booking_id for b in store.list_bookings(RAIPUR, NEXT, NEXT, after=(DAY, 0, ""))] == whole[5:]
    assert store.list_bookings(RAIPUR, DAY, DAY, after=within) == []
    assert store.list_bookings(RAIPUR, DAY, NEXT, most=0) == []
