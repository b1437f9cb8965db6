"""The forecast: its prior is what days are generated from, history moves it by what it shows, bad history is told."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.forecast import METHODS, WORLDS, deviance
from benchmarks.forecast import main as measure
from optimizer.demand import ANYBODY, Demand, FloatArray
from optimizer.domain import Executive, InvalidProblem, SlotGrid
from scenarios.catalogue import City, CityVolume, load_catalogue
from scenarios.forecast import MOST_WEEKS, TREND_WEEKS, History, PastDay, forecast, forecast_by_service, prior_demand
from scenarios.generate import city_day, generate_day
from scenarios.generate.city_day import SECOND_SERVICE_PERCENT, Reading, slot_weights
from scenarios.generate.diary import Wish
from scenarios.generate.dice import Dice
from scenarios.generate.wishes import (
    ServiceDemand,
    WishCounts,
    WishPattern,
    draw_history,
    drawn_pattern,
    expected_wishes,
    poisson,
    true_demand,
    true_wishes,
)

FACTS = load_catalogue()
RAIPUR = FACTS.city("raipur")
KIT = frozenset({"aadhaar_kit"})
MONDAY = dt.date(2026, 11, 30)
TUESDAY = dt.date(2026, 12, 1)
SUNDAY = dt.date(2026, 12, 6)
DAY = dt.timedelta(days=1)
WEEK = 7 * DAY
MONTH_END = MONDAY + 4 * WEEK - DAY


def wape(told: Demand, truth: Demand) -> float:
    return float(np.abs(told.expected - truth.expected).sum() / truth.expected.sum())


def drawn(pattern: WishPattern, weeks: int, city: City = RAIPUR, seed: int = 1) -> History:
    """What was counted in the weeks before MONDAY."""
    if not weeks:
        return History()
    return History.of(draw_history(FACTS, city, MONDAY - weeks * WEEK, MONDAY - DAY, pattern, seed))


# ------------------------------------------------------------------------------------------ the prior


class OpenDiary:
    """A diary in which every wish gets its slot."""

    wishes: list[Wish]

    def __init__(self, grid: SlotGrid, executives: tuple[Executive, ...], _travel: object) -> None:
        self.capacity, self.refused = [len(executives)] * len(grid), 0

    def book(self, wish: Wish) -> int:
        OpenDiary.wishes.append(wish)
        return wish.slot


@pytest.mark.parametrize(("date", "slot_minutes"), [(TUESDAY, 60), (SUNDAY, 30)])
def test_the_prior_is_the_mean_of_what_generated_days_wish_for(
    date: dt.date, slot_minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(city_day, "Diary", OpenDiary)
    OpenDiary.wishes = []
    days = 150
    for seed in range(days):
        generate_day(FACTS, RAIPUR, date, seed=seed, slot_minutes=slot_minutes)
    prior = expected_wishes(FACTS, RAIPUR, date, date, slot_minutes)
    wanted = round(prior.expected.sum())
    assert len(OpenDiary.wishes) == days * wanted
    by_slot = Counter(wish.slot for wish in OpenDiary.wishes)
    mean = prior.expected[0].sum(axis=1) * days * wanted / prior.expected.sum()
    assert np.abs(np.array([by_slot[slot] for slot in range(len(mean))]) - mean).max() < 4 * np.sqrt(mean.max())
    of_kit = prior.by_need().expected[0, :, 1].sum() * days * wanted / prior.expected.sum()
    assert abs(sum(wish.skills == KIT for wish in OpenDiary.wishes) - of_kit) < 4 * np.sqrt(of_kit)


def test_the_prior_has_second_services_a_slot_later_as_the_chain_of_wishes_of_a_day_has_them() -> None:
    grid = SlotGrid()
    second, weights = Fraction(SECOND_SERVICE_PERCENT, 100), slot_weights(FACTS, grid, TUESDAY)
    alone = [Fraction(weight, sum(weights)) for weight in weights]
    wish, chain = alone, [Fraction(0)] * len(grid)
    for _ in range(52):
        chain = [so_far + one for so_far, one in zip(chain, wish, strict=True)]
        after = [Fraction(0), *wish[:-2], wish[-2] + wish[-1]]
        wish = [(1 - second) * one + second * two for one, two in zip(alone, after, strict=True)]
    prior = prior_demand(FACTS, RAIPUR, TUESDAY, TUESDAY)
    assert prior.expected.sum() == pytest.approx(52)
    assert prior.expected[0].sum(axis=1) == pytest.approx([float(slot) for slot in chain], abs=0.01)


@pytest.mark.parametrize("reading", list(Reading))
def test_a_day_of_the_prior_is_the_volume_of_its_city(reading: Reading) -> None:
    for city in FACTS.cities_in_scheme():
        volume = FACTS.volume_of(city)
        assert volume is not None
        tenths = {
            Reading.AS_RUN: volume.collections_as_run_tenths,
            Reading.DEMAND_LED: volume.collections_demand_led_tenths,
        }[reading]
        prior = prior_demand(FACTS, city, TUESDAY, SUNDAY, reading=reading)
        assert prior.on(TUESDAY).sum() == pytest.approx(tenths / 10, abs=1e-5)
        assert prior.on(SUNDAY).sum() == pytest.approx(tenths / 10 * 0.6, abs=1e-5)


@pytest.mark.parametrize("reading", list(Reading))
def test_a_city_whose_volume_is_not_known_has_one_by_its_population(reading: Reading) -> None:
    volumes = tuple(volume for volume in FACTS.volumes if volume.city_id != "bilaspur")
    city = FACTS.city("bilaspur")
    told = prior_demand(dataclasses.replace(FACTS, volumes=volumes), city, TUESDAY, TUESDAY, reading=reading)
    assert told.expected.sum() == pytest.approx(
        prior_demand(FACTS, city, TUESDAY, TUESDAY, reading=reading).expected.sum(), abs=0.2
    )
    assert f"population to the power {0.3 if reading is Reading.AS_RUN else 1.0}" in told.basis


def test_services_are_wished_from_when_they_can_be_booked_and_where_they_fit_into_a_slot() -> None:
    column = [service.service_id for service in FACTS.services].index
    early = expected_wishes(FACTS, RAIPUR, dt.date(2022, 10, 31), dt.date(2022, 11, 1))
    assert early.expected[:, :, column("aadhaar_mobile_update")].any(axis=1).tolist() == [False, True]
    assert early.by_need().expected[0, :, 1].sum() == 0
    assert early.expected.sum(axis=(1, 2)) == pytest.approx([52, 52])
    short = expected_wishes(FACTS, RAIPUR, TUESDAY, TUESDAY, slot_minutes=30)
    assert short.expected[:, :, column("marriage_registration")].sum() == 0
    assert short.expected.shape[1] == 24
    assert short.expected.sum() == pytest.approx(52)


def test_needs_are_in_order_and_the_same_on_every_date() -> None:
    for first in (dt.date(2022, 6, 1), TUESDAY, dt.date(2027, 1, 26)):
        assert forecast(History(), FACTS, RAIPUR, first, first).needs == (ANYBODY, KIT)
    bare = dataclasses.replace(FACTS, services=())
    nothing = prior_demand(bare, RAIPUR, TUESDAY, TUESDAY)
    assert nothing.needs == (ANYBODY,)
    assert not nothing.expected.any()


def test_closed_days_and_days_before_a_city_joined_expect_nothing() -> None:
    history = drawn(WishPattern(MONDAY - 8 * WEEK), 8)
    told = forecast(history, FACTS, RAIPUR, dt.date(2027, 1, 25), dt.date(2027, 1, 27))
    assert (told.expected.sum(axis=(1, 2)) > 0).tolist() == [True, False, True]
    late = next(city for city in FACTS.cities if city.extension)
    told = prior_demand(FACTS, late, late.in_scheme_since - DAY, late.in_scheme_since)
    assert (told.expected.sum(axis=(1, 2)) > 0).tolist() == [False, True]


# ------------------------------------------------------------------------------------------ history


def test_without_history_the_forecast_is_the_prior() -> None:
    prior = prior_demand(FACTS, RAIPUR, MONDAY, MONTH_END)
    told = forecast(History.of({}), FACTS, RAIPUR, MONDAY, MONTH_END)
    assert (told.expected == prior.expected).all()
    assert told.basis == prior.basis
    assert told.basis == "city_volumes.csv, as run; demand_shape.csv; service_mix.csv"


def test_history_that_is_as_expected_moves_nothing() -> None:
    """Counts are whole, so the prior is made whole: a thousand appointments in every slot for every service."""
    services = tuple(dataclasses.replace(service, since=RAIPUR.in_scheme_since) for service in FACTS.services)
    flat = dataclasses.replace(
        FACTS,
        services=services,
        scheme=dataclasses.replace(FACTS.scheme, sunday_demand_percent=100),
        volumes=(CityVolume("raipur", 10 * 1_000 * 12 * len(services), 0, 1, 0, 0, 1),),
        hour_shape=(),
        service_share_tenths={},
    )
    slots = expected_wishes(flat, RAIPUR, TUESDAY, TUESDAY).expected[0, :, 0]
    per_slot = [round(count) for count in slots.tolist()]
    counts = {(slot, service.service_id): count for slot, count in enumerate(per_slot) for service in services}
    history = History.of({MONDAY - number * DAY: counts for number in range(1, 29)})
    told = forecast(history, flat, RAIPUR, MONDAY, MONTH_END)
    assert told.expected == pytest.approx(prior_demand(flat, RAIPUR, MONDAY, MONTH_END).expected, rel=1e-3)


def test_the_longer_the_history_of_another_city_the_nearer_the_forecast_comes_to_it() -> None:
    """With 52 weeks within 5 % in every slot and need, with one already nearer than half as far as the prior."""
    since = MONDAY - 52 * WEEK
    weekdays = (90, 105, 110, 100, 95, 115, 90)
    pattern = WishPattern(since, 180, weekday_percent=weekdays, evening_percent=30, service_percent={"income": 50})
    truth = true_demand(FACTS, RAIPUR, MONDAY, MONTH_END, pattern)
    errors = [
        wape(forecast(drawn(pattern, weeks), FACTS, RAIPUR, MONDAY, MONTH_END), truth) for weeks in (0, 1, 4, 13, 52)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[1] < errors[0] / 2
    assert errors[-1] < 0.05


def test_the_forecast_is_nearer_to_the_truth_than_the_prior_and_than_the_mean_of_weekdays() -> None:
    since = MONDAY - 8 * WEEK
    for seed, city in enumerate(FACTS.cities_in_scheme()[::5]):
        pattern = drawn_pattern(FACTS, since, Dice(seed, "pattern"))
        past = draw_history(FACTS, city, since, MONDAY - DAY, pattern, seed)
        truth = true_demand(FACTS, city, MONDAY, MONTH_END, pattern).expected
        errors = {name: np.abs(method(past, FACTS, city) - truth).sum() for name, method in METHODS.items()}
        assert errors["forecast"] < errors["prior only"]
        assert errors["forecast"] < errors["same-weekday mean"] / 2


def test_a_day_of_few_wishes_says_little_of_a_weekday_and_nothing_of_another() -> None:
    quiet = {MONDAY - WEEK: {(0, "income"): 1}}
    told = forecast(History.of(quiet), FACTS, RAIPUR, MONDAY, TUESDAY)
    prior = prior_demand(FACTS, RAIPUR, MONDAY, TUESDAY)
    monday, tuesday = (told.expected / prior.expected).max(axis=(1, 2)).tolist()
    assert monday < tuesday < 1
    assert tuesday > 0.15


def test_growth_goes_on_for_some_weeks_and_then_stays() -> None:
    pattern = WishPattern(MONDAY - 40 * WEEK, growth_permille=20)
    told = forecast(drawn(pattern, 40), FACTS, RAIPUR, MONDAY, MONDAY + 12 * WEEK - DAY)
    saturdays = np.array([told.on(MONDAY + week * WEEK + 5 * DAY).sum() for week in range(12)])
    growth = saturdays[1:] / saturdays[:-1]
    assert growth[: TREND_WEEKS - 1] == pytest.approx(np.full(TREND_WEEKS - 1, 1.02), abs=0.004)
    assert growth[TREND_WEEKS:] == pytest.approx(np.ones(len(growth) - TREND_WEEKS))


def test_refused_wishes_count_as_much_as_bookings() -> None:
    date, income, pan = MONDAY - DAY, (3, "income"), (4, "pan_new")
    both = History.of({date: {income: 2}}, {date: {income: 3, pan: 1}, date - DAY: {pan: 2}})
    booked = History.of({date: {income: 5, pan: 1}, date - DAY: {pan: 2}})
    one, other = (forecast(history, FACTS, RAIPUR, MONDAY, MONTH_END) for history in (both, booked))
    assert (one.expected == other.expected).all()
    assert one.basis == other.basis
    assert one.basis.startswith("2 past days with 8 appointments on city_volumes.csv")


def test_a_date_without_wishes_is_known_and_one_that_is_left_out_is_not() -> None:
    prior = prior_demand(FACTS, RAIPUR, MONDAY, MONDAY).expected.sum()
    known = History.of({MONDAY - DAY: {}})
    assert forecast(known, FACTS, RAIPUR, MONDAY, MONDAY).expected.sum() < 0.8 * prior
    unknown = History.of({MONDAY - (MOST_WEEKS * 7 + 1) * DAY: {(0, "income"): 90}})
    assert forecast(unknown, FACTS, RAIPUR, MONDAY, MONDAY).expected.sum() == prior


def test_the_order_of_days_and_counts_changes_nothing() -> None:
    days = drawn(WishPattern(MONDAY - 4 * WEEK, 130), 4).days
    turned = [
        PastDay(day.date, dict(reversed([*day.booked.items(), ((0, "income"), day.booked.get((0, "income"), 0))])))
        for day in reversed(days)
    ]
    one, other = (forecast(History(tuple(row)), FACTS, RAIPUR, MONDAY, MONTH_END) for row in (days, turned))
    assert (one.expected == other.expected).all()


def test_the_forecast_by_service_adds_up_to_the_one_by_need() -> None:
    history = drawn(WishPattern(MONDAY - 4 * WEEK, 130, service_percent={"income": 300}), 4)
    by_service = forecast_by_service(history, FACTS, RAIPUR, MONDAY, MONTH_END)
    by_need = forecast(history, FACTS, RAIPUR, MONDAY, MONTH_END)
    kit = [service.skills == KIT for service in FACTS.services]
    assert by_need.expected[:, :, 1] == pytest.approx(by_service.expected[:, :, kit].sum(axis=2))
    assert by_need.expected.sum() == pytest.approx(by_service.expected.sum())
    prior = expected_wishes(FACTS, RAIPUR, MONDAY, MONTH_END)
    income = [service.service_id for service in FACTS.services].index("income")
    grown = by_service.expected.sum(axis=(0, 1)) / prior.expected.sum(axis=(0, 1))
    assert grown.argmax() == income


@given(
    st.dictionaries(
        st.integers(1, 60).map(lambda days: MONDAY - days * DAY).filter(lambda date: (date.month, date.day) != (10, 2)),
        st.dictionaries(
            st.tuples(st.integers(0, 11), st.sampled_from([service.service_id for service in FACTS.services])),
            st.integers(0, 10_000),
            max_size=12,
        ),
        max_size=8,
    )
)
def test_a_forecast_is_finite_and_expects_something_wherever_the_prior_does(booked: dict[dt.date, WishCounts]) -> None:
    told = forecast(History.of(booked), FACTS, RAIPUR, MONDAY, MONDAY + WEEK).expected
    assert np.isfinite(told).all()
    assert ((told > 0) == (prior_demand(FACTS, RAIPUR, MONDAY, MONDAY + WEEK).expected > 0)).all()


# ---------------------------------------------------------------------------------------- bad input


def told_faults(
    history: History, first: dt.date, last: dt.date, slot_minutes: int | None = None
) -> list[tuple[str, str]]:
    with pytest.raises(InvalidProblem) as caught:
        forecast(history, FACTS, RAIPUR, first, last, slot_minutes)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_all_faults_of_history_and_range_are_told_at_once() -> None:
    bad: WishCounts = {(0, "income"): -1, (12, "income"): 1, (-1, "passport"): 1, (3, "pan_new"): 10_001}
    half: WishCounts = {(1, "income"): 1.5}  # type: ignore[dict-item]
    days = [
        PastDay(dt.date(2022, 4, 30), {}),
        PastDay(dt.date(2026, 8, 15), {}),
        PastDay(dt.date(2026, 11, 2), bad, half),
        PastDay(dt.date(2026, 11, 3), {}),
        PastDay(dt.date(2026, 11, 3), {}),
        PastDay(MONDAY, {}),
    ]
    assert told_faults(History(tuple(reversed(days))), MONDAY, MONDAY - DAY) == [
        ("/last", "bad_range"),
        ("/history/2022-04-30", "not_in_scheme"),
        ("/history/2026-08-15", "closed_day"),
        ("/history/2026-11-02/booked/0/income", "bad_count"),
        ("/history/2026-11-02/booked/12/income", "unknown_slot"),
        ("/history/2026-11-02/booked/-1/passport", "unknown_service"),
        ("/history/2026-11-02/booked/-1/passport", "unknown_slot"),
        ("/history/2026-11-02/booked/3/pan_new", "bad_count"),
        ("/history/2026-11-02/refused/1/income", "bad_count"),
        ("/history/2026-11-03", "duplicate_date"),
        ("/history/2026-11-30", "not_past"),
    ]


def test_what_the_data_do_not_expect_is_no_history() -> None:
    first = dt.date(2022, 12, 1)
    early = History.of({dt.date(2022, 10, 31): {(5, "aadhaar_mobile_update"): 1, (5, "income"): 1}})
    assert told_faults(early, first, first) == [("/history/2022-10-31/booked/5/aadhaar_mobile_update", "not_expected")]
    long = History.of({MONDAY - DAY: {(5, "marriage_registration"): 1, (23, "income"): 1}})
    assert told_faults(long, MONDAY, MONDAY, 30) == [
        (f"/history/{MONDAY - DAY}/booked/5/marriage_registration", "not_expected")
    ]


@pytest.mark.parametrize(
    ("last", "slot_minutes", "faults"),
    [
        (MONDAY + 366 * DAY, None, [("/last", "bad_range")]),
        (MONDAY - DAY, 7, [("/last", "bad_range"), ("/slot_s", "bad_slot_length")]),
    ],
)
def test_a_range_that_is_none_is_told(last: dt.date, slot_minutes: int | None, faults: list[tuple[str, str]]) -> None:
    assert told_faults(History(), MONDAY, last, slot_minutes) == faults


# ------------------------------------------------------------------------------------- a stated truth


def test_draws_lie_round_the_truth_with_its_growth_weekdays_and_services() -> None:
    since, until = MONDAY - 20 * WEEK, MONDAY - DAY
    pattern = WishPattern(since, 150, 30, (100, 100, 50, 100, 100, 100, 200), 40, {"income": 200})
    truth = true_wishes(FACTS, RAIPUR, since, until, pattern)
    counts = np.zeros_like(truth.expected)
    column = {service.service_id: number for number, service in enumerate(FACTS.services)}
    past = draw_history(FACTS, RAIPUR, since, until, pattern)
    for date, wishes in past.items():
        for (slot, service_id), count in wishes.items():
            counts[(date - since).days, slot, column[service_id]] = count
    assert sorted({*truth.dates} - {*past}) == [dt.date(2026, 8, 15), dt.date(2026, 10, 2)]
    for axes in ((0, 1, 2), (1, 2), (0, 2), (0, 1)):
        seen, mean = counts.sum(axis=axes), truth.expected.sum(axis=axes)
        assert np.abs(seen - mean).max() < 4.5 * np.sqrt(mean.max())
    tuesday, wednesday, sunday = (truth.expected[day].sum() for day in (1, 2, 6))
    assert tuesday == pytest.approx(52 * 1.5)
    assert (wednesday / tuesday, sunday / tuesday) == pytest.approx((0.5, 2 * 0.6), rel=1e-6)
    assert truth.expected[8].sum() / tuesday == pytest.approx(1.03)
    shares = truth.expected[1].sum(axis=0) / tuesday
    assert shares[column["income"]] / shares[column["domicile"]] == pytest.approx(2)


def test_the_truth_without_differences_is_what_the_data_expect() -> None:
    pattern = WishPattern(MONDAY, noise_permille=300)
    truth = true_demand(FACTS, RAIPUR, MONDAY, MONTH_END, pattern)
    assert (truth.expected == prior_demand(FACTS, RAIPUR, MONDAY, MONTH_END).expected).all()


def test_a_date_is_drawn_alike_in_every_range_and_otherwise_with_another_seed_or_city() -> None:
    pattern = WishPattern(MONDAY, noise_permille=100)
    month = draw_history(FACTS, RAIPUR, MONDAY, MONTH_END, pattern)
    assert draw_history(FACTS, RAIPUR, SUNDAY, SUNDAY, pattern) == {SUNDAY: month[SUNDAY]}
    assert draw_history(FACTS, RAIPUR, SUNDAY, SUNDAY, pattern, seed=2)[SUNDAY] != month[SUNDAY]
    assert draw_history(FACTS, FACTS.city("durg"), SUNDAY, SUNDAY, pattern)[SUNDAY] != month[SUNDAY]


def test_wishes_fall_the_same_way_on_every_machine() -> None:
    pattern = drawn_pattern(FACTS, MONDAY - 10 * WEEK, Dice(1, "pattern"))
    wishes = draw_history(FACTS, RAIPUR, TUESDAY, TUESDAY, pattern)[TUESDAY]
    by_slot = Counter(slot for (slot, _), count in wishes.items() for _ in range(count))
    assert [by_slot[slot] for slot in range(12)] == [2, 4, 6, 7, 6, 5, 2, 5, 7, 4, 6, 7]
    assert sum(count for (_, service_id), count in wishes.items() if service_id == "income") == 14


@pytest.mark.parametrize("mean", [0.3, 7.0, 21.5])
def test_a_poisson_number_has_mean_and_variance_of_its_distribution(mean: float) -> None:
    dice = Dice(1, "poisson", str(mean))
    drawn = np.array([poisson(dice, round(mean * 1_000_000)) for _ in range(4_000)])
    assert drawn.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 4_000))
    assert drawn.var() == pytest.approx(mean, rel=0.12)
    assert (drawn == 0).mean() == pytest.approx(np.exp(-mean), abs=0.03)
    assert poisson(dice, 0) == 0


def test_every_fault_of_a_pattern_is_told() -> None:
    with pytest.raises(InvalidProblem) as caught:
        WishPattern(MONDAY, -1, 501, (100,) * 6, 101, {"income": -1}, 1_001)
    assert [fault.pointer for fault in caught.value.faults] == [
        "/level_percent",
        "/growth_permille",
        "/evening_percent",
        "/noise_permille",
        "/weekday_percent",
        "/service_percent/income",
    ]


def test_a_service_demand_has_the_shape_of_its_grid_and_services() -> None:
    with pytest.raises(InvalidProblem, match="days x 12 slots x 22 services"):
        ServiceDemand(MONDAY, SlotGrid(), FACTS.services, np.ones((1, 12, 2)), "")


# ---------------------------------------------------------------------------------------- the benchmark


def test_a_deviance_is_least_at_what_was_counted() -> None:
    counts: FloatArray = np.array([0.0, 1.0, 4.0])
    assert deviance(counts, counts) == pytest.approx(2 * 0.001)
    assert deviance(counts, np.array([0.5, 1.0, 4.0])) == pytest.approx(1.0)
    assert deviance(counts, np.array([0.0, 1.0, 2.0])) == pytest.approx(2 * (4 * np.log(2) - 2) + 0.002)


def test_the_benchmark_appends_a_record_for_each_world_with_losses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "forecast.jsonl"
    measure(["--cities", "durg", "--seeds", "1", "--weeks", "2,0", "--out", str(out)])
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [record["world"] for record in records] == list(WORLDS)
    for record in records:
        assert list(record["weeks"]) == ["0", "2"]
        assert all(set(scored) == set(METHODS) for scored in record["weeks"].values())
        before = record["weeks"]["0"]
        assert before["forecast"]["error"] == before["prior only"]["error"]
        assert {"commit", "cpu", "scikit_learn", "cities", "seeds"} <= record.keys()
    nothing_to_learn = records[-1]["weeks"]["2"]
    assert nothing_to_learn["prior only"]["error"] == 0
    assert nothing_to_learn["forecast"]["won"] == 0
    assert nothing_to_learn["forecast"]["deviance_ratio"] > 1
    assert capsys.readouterr().out.count("mean error") == len(WORLDS)
    with pytest.raises(SystemExit):
        measure(["--seeds", "0", "--out", str(out)])
