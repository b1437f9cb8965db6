"""Open days, slots, closures, the cut-off for moving a booking, due dates in working days."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from optimizer.calendar import (
    closed_because,
    due_date,
    is_working_day,
    may_still_move,
    service_days,
    service_longer_than_slot,
    slot_grid,
)
from optimizer.domain import InvalidProblem, ServiceRules, Slot, SlotGrid
from optimizer.units import HOUR_S, IST, clock

RULES = ServiceRules()


@pytest.mark.parametrize(("month", "day"), [(1, 26), (8, 15), (10, 2)])
@pytest.mark.parametrize("year", [2026, 2027, 2032])
def test_the_service_is_closed_on_three_days_of_every_year(year: int, month: int, day: int) -> None:
    assert closed_because(RULES, dt.date(year, month, day)) == "closed_every_year"
    assert closed_because(RULES, dt.date(year, month, day) + dt.timedelta(days=1)) is None


def test_the_service_is_open_on_sundays() -> None:
    sunday = dt.date(2026, 12, 6)
    assert sunday.weekday() == 6
    (day,) = service_days(RULES, sunday, sunday)
    assert day.is_open
    assert len(day.slots) == 12


def test_an_extra_closed_date_closes_that_year_only() -> None:
    rules = ServiceRules(closed_dates=(dt.date(2026, 11, 8),))
    assert closed_because(rules, dt.date(2026, 11, 8)) == "closed_date"
    assert closed_because(rules, dt.date(2027, 11, 8)) is None


def test_days_are_listed_with_both_ends_and_closed_ones_have_no_slots() -> None:
    days = service_days(RULES, dt.date(2027, 1, 25), dt.date(2027, 1, 27))
    assert [(day.date.day, len(day.slots), day.closed_because) for day in days] == [
        (25, 12, None),
        (26, 0, "closed_every_year"),
        (27, 12, None),
    ]


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidProblem) as refused:
        service_days(RULES, dt.date(2027, 1, 2), dt.date(2027, 1, 1))
    assert [(f.pointer, f.code, f.value) for f in refused.value.faults] == [("/to", "bad_range", "2027-01-01")]


@pytest.mark.parametrize(("minutes", "count"), [(30, 24), (60, 12), (120, 6), (720, 1)])
def test_slots_fill_the_opening_hours_without_gaps(minutes: int, count: int) -> None:
    slots = slot_grid(RULES, minutes).slots()
    assert len(slots) == count
    assert (slots[0].open_s, slots[-1].close_s) == (8 * HOUR_S, 20 * HOUR_S)
    assert all(a.close_s == b.open_s for a, b in pairwise(slots))


def test_sixty_minute_slots_start_on_the_full_hour_of_the_local_clock() -> None:
    for slot in slot_grid(RULES).slots():
        moment = clock(dt.date(2026, 12, 1), slot.open_s)
        assert (moment.minute, moment.second, moment.utcoffset()) == (0, 0, IST.utcoffset(None))


@pytest.mark.parametrize("minutes", [0, -60, 50, 1_440])
def test_a_slot_length_that_does_not_divide_the_hours_is_refused(minutes: int) -> None:
    with pytest.raises(InvalidProblem) as refused:
        slot_grid(RULES, minutes)
    assert [f.code for f in refused.value.faults] == ["bad_slot_length"]


def test_a_grid_finds_its_own_slots_and_no_others() -> None:
    grid = SlotGrid()
    assert [grid.index_of(slot) for slot in grid.slots()] == list(range(12))
    for other in (Slot(7 * HOUR_S, 8 * HOUR_S), Slot(20 * HOUR_S, 21 * HOUR_S), Slot(30_000, 33_600)):
        assert grid.index_of(other) is None
    assert grid.index_of(Slot(8 * HOUR_S, 10 * HOUR_S)) is None
    with pytest.raises(IndexError):
        grid.slot(12)
    with pytest.raises(IndexError):
        grid.slot(-1)


@pytest.mark.parametrize(("second", "may"), [(10 * HOUR_S, True), (10 * HOUR_S + 1, False)])
def test_a_booking_may_be_moved_until_exactly_the_cut_off_before_its_slot(second: int, may: bool) -> None:
    tomorrow = dt.date(2026, 12, 2)
    now = clock(dt.date(2026, 12, 1), second)
    assert may_still_move(RULES, now, tomorrow, Slot(10 * HOUR_S, 11 * HOUR_S)) == may


def test_the_cut_off_can_be_shorter_than_a_day() -> None:
    day, slot = dt.date(2026, 12, 2), Slot(10 * HOUR_S, 11 * HOUR_S)
    rules = ServiceRules(cutoff_s=2 * HOUR_S)
    assert may_still_move(rules, clock(day, 8 * HOUR_S), day, slot)
    assert not may_still_move(rules, clock(day, 8 * HOUR_S + 1), day, slot)


@pytest.mark.parametrize(
    ("applied", "limit_days", "due"),
    [
        (dt.date(2026, 12, 1), 0, dt.date(2026, 12, 1)),
        (dt.date(2026, 12, 1), 1, dt.date(2026, 12, 2)),
        # Tuesday + 7 working days skips Sunday the 6th
        (dt.date(2026, 12, 1), 7, dt.date(2026, 12, 9)),
        # Saturday: Sunday does not count
        (dt.date(2026, 12, 5), 1, dt.date(2026, 12, 7)),
        # Monday 25 January: the 26th is closed
        (dt.date(2027, 1, 25), 1, dt.date(2027, 1, 27)),
        # an unknown limit is 30 working days, over five Sundays
        (dt.date(2026, 12, 1), None, dt.date(2027, 1, 5)),
    ],
)
def test_due_dates_count_working_days(applied: dt.date, limit_days: int | None, due: dt.date) -> None:
    assert due_date(RULES, applied, limit_days) == due


def test_due_dates_fall_on_working_days() -> None:
    for offset in range(60):
        for limit_days in (1, 15, 30):
            due = due_date(RULES, dt.date(2026, 7, 20) + dt.timedelta(days=offset), limit_days)
            assert is_working_day(RULES, due)


def test_a_service_is_offered_when_it_just_fills_its_slot() -> None:
    assert not service_longer_than_slot(1_800, slot_grid(RULES, 30))
    assert service_longer_than_slot(1_801, slot_grid(RULES, 30))


def test_all_faults_of_a_set_of_rules_are_told_at_once() -> None:
    with pytest.raises(InvalidProblem) as refused:
        ServiceRules(open_s=9, close_s=9, closed_days=((2, 30),), cutoff_s=-1, due_days_default=0)
    assert {(f.pointer, f.code) for f in refused.value.faults} == {
        ("/close_s", "bad_hours"),
        ("/closed_days", "bad_date"),
        ("/cutoff_s", "negative"),
        ("/due_days_default", "too_small"),
    }
