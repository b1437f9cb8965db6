"""In which order offers are told, and which of them aloud: no policy hides one."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain import Slot
from optimizer.slots import CallCentre, Policy, SlotOffer, all_feasible, ranked
from optimizer.slots.policies import SCARCE_S, UNWISHED_S, score
from tests.builders import DATE, slot

HOURS = range(8, 20)


def offer(
    hour: int, *, executives: int = 1, score: int = 1_000, wished: bool = True, day: int = 0, service: int = 0
) -> SlotOffer:
    at = slot(f"{hour:02d}:00")
    date = DATE + dt.timedelta(days=day)
    return SlotOffer(date, at, service, "E1", 600, score, executives, 1, executives == 0, wished, service > 0)


def hours(offers: tuple[SlotOffer, ...]) -> list[int]:
    return [o.slot.open_s // 3_600 for o in offers]


def said(*at: int) -> list[tuple[dt.date, Slot]]:
    return [(DATE, slot(f"{hour:02d}:00")) for hour in at]


@st.composite
def some_offers(draw: st.DrawFn) -> list[SlotOffer]:
    keys = draw(st.sets(st.tuples(st.integers(0, 2), st.sampled_from(HOURS), st.integers(0, 1)), max_size=12))
    return [
        offer(
            hour,
            executives=draw(st.integers(0, 4)),
            score=draw(st.integers(-600, 12_000)),
            wished=draw(st.booleans()),
            day=day,
            service=service,
        )
        for day, hour, service in draw(st.permutations(sorted(keys)))
    ]


POLICIES: list[Policy] = [all_feasible, ranked, CallCentre(), CallCentre({8 * 3_600: 2.0, 9 * 3_600: 0.5}, aloud=2)]


@given(some_offers(), st.sampled_from(POLICIES), st.sets(st.sampled_from(HOURS), max_size=5))
def test_no_policy_loses_or_doubles_an_offer(offers: list[SlotOffer], policy: Policy, before: set[int]) -> None:
    aloud, on_request = policy(offers, said(*sorted(before)))
    assert sorted(map(repr, aloud + on_request)) == sorted(map(repr, offers))


@given(some_offers(), st.sampled_from(POLICIES), st.randoms())
def test_the_order_in_which_offers_are_given_changes_nothing(
    offers: list[SlotOffer], policy: Policy, chance: st.DataObject
) -> None:
    mixed = sorted(offers, key=repr)
    assert policy(mixed, ()) == policy(offers, ())


def test_all_feasible_tells_everything_in_order_of_time() -> None:
    offers = [offer(9, day=1), offer(10, score=1), offer(8, score=9_000, wished=False)]
    assert all_feasible(offers, ()) == ((offers[2], offers[1], offers[0]), ())


def test_ranked_tells_the_lowest_score_first_and_then_the_earliest() -> None:
    offers = [offer(12, score=500), offer(9, score=700), offer(8, score=500), offer(10, score=100, day=1)]
    aloud, on_request = ranked(offers, ())
    assert hours(aloud) == [10, 8, 12, 9]
    assert on_request == ()


def test_a_score_counts_travel_scarcity_and_the_wish() -> None:
    assert score(600, 1, True) == 600 + SCARCE_S
    assert score(600, 4, True) == 600 + SCARCE_S // 4
    assert score(600, 0, True) == 600 + 2 * SCARCE_S
    assert score(-600, 1, False) == -600 + SCARCE_S + UNWISHED_S


def test_the_call_centre_tells_three_aloud_those_with_most_executives_for_their_popularity() -> None:
    popularity = {hour * 3_600: 4.0 if hour in (9, 10) else 1.0 for hour in HOURS}
    offers = [
        offer(9, executives=6),
        offer(10, executives=4),
        offer(13, executives=2),
        offer(14, executives=3),
        offer(15),
    ]
    aloud, on_request = CallCentre(popularity)(offers, ())
    assert hours(aloud) == [14, 13, 9]
    assert hours(on_request) == [10, 15]
    assert hours(CallCentre(popularity, aloud=1)(offers, ())[0]) == [14]
    assert hours(CallCentre()(offers, ())[0]) == [9, 10, 14]


def test_a_slot_without_a_forecast_counts_as_the_least_popular_one() -> None:
    popularity = {9 * 3_600: 2.0, 10 * 3_600: 0.0, 11 * 3_600: 0.5}
    offers = [offer(9, executives=4), offer(10, executives=1), offer(11, executives=1), offer(12, executives=2)]
    assert hours(CallCentre(popularity, aloud=4)(offers, ())[0]) == [12, 9, 10, 11]


def test_wished_slots_are_told_before_others_and_ties_go_to_the_lower_score() -> None:
    offers = [offer(9, executives=9, wished=False), offer(10, score=800), offer(11, score=300), offer(12, score=300)]
    assert hours(CallCentre()(offers, ())[0]) == [11, 12, 10]


def test_slots_told_before_stay_aloud_in_their_order_while_they_are_free() -> None:
    first = [offer(9, executives=5), offer(10, executives=4), offer(11, executives=3), offer(12, executives=2)]
    told = hours(CallCentre()(first, ())[0])
    assert told == [9, 10, 11]
    # Others booked meanwhile: 9:00 has one executive left, 12:00 got some.
    later = [offer(9, executives=1), offer(10, executives=2), offer(11, executives=3), offer(12, executives=9)]
    aloud, on_request = CallCentre()(later, said(*told))
    assert hours(aloud) == told
    assert hours(on_request) == [12]
    # 10:00 is gone: the next best takes the place left over.
    aloud, _ = CallCentre()([later[0], later[2], later[3]], said(*told))
    assert hours(aloud) == [9, 11, 12]


def test_more_slots_told_before_than_are_told_aloud_all_stay() -> None:
    offers = [offer(hour) for hour in range(8, 14)]
    aloud, on_request = CallCentre()(offers, said(12, 9, 10, 11))
    assert hours(aloud) == [12, 9, 10, 11]
    assert hours(on_request) == [8, 13]


def test_three_aloud_are_three_slots_whatever_number_of_services_is_asked_for() -> None:
    offers = [offer(hour, executives=20 - hour, service=service) for hour in range(8, 13) for service in range(2)]
    aloud, on_request = CallCentre()(offers, ())
    assert sorted(set(hours(aloud))) == [8, 9, 10]
    assert len(aloud) == 6
    assert hours(on_request) == [11, 11, 12, 12]
