"""Day seconds and local time, both ways, at the edges of the day."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.units import DAY_S, IST, ceil_div, clock, day_second, hhmm, rfc3339, whole_up

DAY = dt.date(2026, 12, 1)


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (0, "2026-12-01T00:00:00+05:30"),
        (28_800, "2026-12-01T08:00:00+05:30"),
        (86_399, "2026-12-01T23:59:59+05:30"),
        (86_400, "2026-12-02T00:00:00+05:30"),
        (90_000, "2026-12-02T01:00:00+05:30"),
        (-1, "2026-11-30T23:59:59+05:30"),
    ],
)
def test_a_day_second_is_written_with_the_offset_of_india(second: int, text: str) -> None:
    assert rfc3339(DAY, second) == text
    assert day_second(DAY, dt.datetime.fromisoformat(text)) == second


@given(st.dates(dt.date(1950, 1, 1), dt.date(2200, 1, 1)), st.integers(-DAY_S, 3 * DAY_S))
def test_clock_and_day_second_undo_each_other(day: dt.date, second: int) -> None:
    assert day_second(day, clock(day, second)) == second


def test_the_offset_of_a_moment_is_heeded() -> None:
    assert day_second(DAY, dt.datetime(2026, 12, 1, 2, 30, tzinfo=dt.UTC)) == 28_800
    assert clock(DAY, 28_800) == dt.datetime(2026, 12, 1, 2, 30, tzinfo=dt.UTC)
    assert clock(DAY, 0).tzinfo is IST


def test_a_moment_without_an_offset_or_between_two_seconds_is_refused() -> None:
    with pytest.raises(ValueError, match="has no offset from UTC"):
        day_second(DAY, dt.datetime(2026, 12, 1, 8, 0))  # noqa: DTZ001
    with pytest.raises(ValueError, match="is not a whole second"):
        day_second(DAY, dt.datetime(2026, 12, 1, 8, 0, 0, 1, tzinfo=IST))


@pytest.mark.parametrize(
    ("second", "text"), [(0, "00:00"), (29_100, "08:05"), (29_159, "08:05"), (86_399, "23:59"), (86_400, "24:00")]
)
def test_hhmm_cuts_seconds_off_and_calls_midnight_at_the_end_24_00(second: int, text: str) -> None:
    assert hhmm(second) == text


@pytest.mark.parametrize(("amount", "divisor", "quotient"), [(0, 7, 0), (1, 7, 1), (7, 7, 1), (8, 7, 2)])
def test_a_quotient_is_rounded_up(amount: int, divisor: int, quotient: int) -> None:
    assert ceil_div(amount, divisor) == quotient


@pytest.mark.parametrize(("real", "whole"), [(0.0, 0), (0.001, 1), (1.0, 1), (59.000001, 60)])
def test_a_real_amount_is_rounded_up_to_a_whole_one(real: float, whole: int) -> None:
    assert whole_up(real) == whole
