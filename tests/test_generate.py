"""Made-up days: what a load holds, that slots are never overbooked, and that the committed days are what they claim."""

from __future__ import annotations

import dataclasses
import datetime as dt
import statistics
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from optimizer.check import violations
from optimizer.domain import Appointment, Executive, InvalidProblem, Place, Problem, Shift, SlotGrid
from optimizer.engines.insertion import insertion
from optimizer.stop import StopAt
from optimizer.timing import timed
from scenarios import generate
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.files import canonical_bytes, read_day
from scenarios.generate import BENCH_DAYS, VARIANT_DAYS, GeneratedDay, Load, bench_day, committed_days, generate_day
from scenarios.generate.addresses import AddressBook, Point
from scenarios.generate.diary import Diary, Wish
from scenarios.generate.dice import Dice
from scenarios.travel.formula import FormulaSpec

DAYS = Path(generate.__file__).parents[1] / "data" / "days"
TUESDAY = dt.date(2026, 12, 1)
SUNDAY = dt.date(2026, 12, 6)
LAUNCH = tuple(city.city_id for city in load_catalogue().cities_in_scheme())


@pytest.fixture(scope="module")
def facts() -> Catalogue:
    return load_catalogue()


@cache
def committed() -> dict[str, GeneratedDay]:
    return dict(committed_days(load_catalogue()))


@cache
def committed_problem(name: str) -> Problem:
    return read_day(DAYS / name).problem


def city_problem(city_id: str) -> Problem:
    return committed_problem(f"{city_id}.json")


def loads(problem: Problem) -> list[int]:
    """Appointments by slot."""
    counts = Counter(problem.grid.index_of(visit.slot) for visit in problem.appointments)
    return [counts[slot] for slot in range(len(problem.grid))]


def staffed(problem: Problem) -> list[int]:
    """Executives whose shift covers the slot, by slot."""
    return [
        sum(e.shift.open_s <= slot.open_s and slot.close_s <= e.shift.close_s for e in problem.executives)
        for slot in problem.grid.slots()
    ]


def matched(appointments: Iterable[Appointment], able: dict[str, list[str]]) -> bool:
    """True when all appointments of one slot can be given to different executives (Kuhn's matching)."""
    taken: dict[str, str] = {}

    def give(visit_id: str, asked: set[str]) -> bool:
        for executive_id in able[visit_id]:
            if executive_id not in asked:
                asked.add(executive_id)
                if executive_id not in taken or give(taken[executive_id], asked):
                    taken[executive_id] = visit_id
                    return True
        return False

    return all(give(visit.visit_id, set()) for visit in appointments)


def could_serve_alone(problem: Problem, executive: Executive, visit: Appointment) -> bool:
    """True when the executive could make this visit on a day without any other, overtime used."""
    if problem.obstacle(executive, visit) is not None:
        return False
    there = problem.travel.arrival_s(executive.start.place_id, visit.place.place_id, executive.shift.open_s)
    begin = max(there, visit.slot.open_s)
    if begin > visit.windows[0].close_s:
        return False
    home = problem.travel.arrival_s(visit.place.place_id, executive.end.place_id, begin + visit.service_s)
    return home <= executive.shift.latest_end_s


def could_keep_all_promises(problem: Problem, executives: Iterable[Executive]) -> bool:
    """False proves a broken promise: in some slot the executives cannot be matched with the appointments.

    Everything between the slots (travel from one to the next, breaks) is left out, so True proves nothing.
    """
    team = list(executives)
    for slot in problem.grid.slots():
        visits = [visit for visit in problem.appointments if visit.slot == slot]
        able = {v.visit_id: [e.executive_id for e in team if could_serve_alone(problem, e, v)] for v in visits}
        if not matched(visits, able):
            return False
    return True


# ---------------------------------------------------------------------------------- committed days


def test_the_committed_files_are_exactly_the_days_of_the_generator() -> None:
    assert {path.name for path in DAYS.iterdir()} == committed().keys()
    assert len(committed()) == len(LAUNCH) + len(BENCH_DAYS) + len(VARIANT_DAYS) == 23


@pytest.mark.skipif(
    all(row.kind != "school_locality" for row in load_catalogue().localities),
    reason="the school-based localities were removed, so addresses fall elsewhere",
)
@pytest.mark.parametrize("name", [*(f"{day}.json" for day in (*LAUNCH, *BENCH_DAYS, *VARIANT_DAYS))])
def test_generating_a_committed_day_again_gives_the_same_bytes(name: str) -> None:
    assert canonical_bytes(committed()[name].day) == (DAYS / name).read_bytes()
    assert committed()[name].refused == 0


@pytest.mark.parametrize("city_id", LAUNCH)
def test_a_committed_city_day_has_what_a_real_one_has(facts: Catalogue, city_id: str) -> None:
    problem = city_problem(city_id)
    volume = facts.volume_of(facts.city(city_id))
    assert volume is not None
    assert problem.date == TUESDAY
    assert len(problem.appointments) == round(volume.collections_as_run_tenths / 10)
    assert len(problem.deliveries) == round(volume.deliveries_as_run_tenths / 10)
    assert len(problem.executives) == volume.executives_as_run
    assert max(load / staff for load, staff in zip(loads(problem), staffed(problem), strict=True)) >= 0.75
    assert all(e.pause is not None and e.pause.duration_s == 1800 for e in problem.executives)
    homes = [e for e in problem.executives if not problem.starts_at_office(e)]
    assert 1 <= len(homes) < len(problem.executives) / 2
    kits = sum("aadhaar_kit" in e.skills for e in problem.executives)
    assert 0.2 <= kits / len(problem.executives) <= 0.34
    assert {e.executive_id for e in homes} >= {d.held_by for d in problem.deliveries if d.held_by is not None}
    days_left = [(d.due - problem.date).days for d in problem.deliveries if d.due is not None]
    assert len(days_left) == len(problem.deliveries)
    assert min(days_left) < 0
    assert max(days_left) > 10
    assert 0 in days_left
    assert problem.preferred
    assert problem.travel.margin_pct == 25
    assert len(set(problem.travel.pace)) > 1


def test_some_deliveries_are_held_by_executives_who_start_at_home_and_some_have_narrow_windows() -> None:
    deliveries = [d for city in LAUNCH for d in city_problem(city).deliveries]
    assert 0.1 < sum(d.held_by is not None for d in deliveries) / len(deliveries) < 0.25
    assert {len(d.windows) for d in deliveries} == {1, 2}


def test_in_no_city_can_anybody_be_spared() -> None:
    spare = {
        city: [
            gone.executive_id
            for gone in problem.executives
            if could_keep_all_promises(problem, (e for e in problem.executives if e is not gone))
        ]
        for city in LAUNCH
        for problem in [city_problem(city)]
    }
    assert all(could_keep_all_promises(city_problem(city), city_problem(city).executives) for city in LAUNCH)
    assert spare == {city: [] for city in LAUNCH}, "one executive fewer, whoever it is, would break a promise"


@pytest.mark.parametrize(
    "name",
    [
        *(f"{city}.json" for city in LAUNCH),
        *("bench-100-18.json", "bench-200-36.json", "bench-110-90-22.json", "bench-330-270-60.json"),
        *("bench-600-105.json", pytest.param("bench-1500-260.json", marks=pytest.mark.long)),
    ],
)
def test_a_committed_day_can_keep_all_its_promises(name: str) -> None:
    problem = committed_problem(name)
    found = insertion(problem, StopAt(iterations=1_000))
    assert found is not None
    plan = timed(problem, found.orders)
    assert violations(problem, plan) == ()
    assert not {visit.visit_id for visit in problem.appointments} & set(plan.unassigned)


@pytest.mark.parametrize("name", BENCH_DAYS)
def test_a_bench_day_is_plain_and_well_filled(name: str) -> None:
    visits, deliveries, executives = BENCH_DAYS[name]
    problem = committed_problem(f"{name}.json")
    assert committed()[f"{name}.json"].refused == 0
    assert (len(problem.appointments), len(problem.deliveries)) == (visits, deliveries)
    assert len(problem.executives) == executives
    shifts = Counter((e.shift.open_s, e.shift.close_s, e.shift.overtime_s) for e in problem.executives)
    assert shifts == {(28800, 57600, 0): (executives + 1) // 2, (43200, 72000, 0): executives // 2}
    assert all(e.start == e.end == problem.office and e.pause is None and not e.skills for e in problem.executives)
    assert not problem.preferred
    assert (problem.prices.fairness, problem.prices.continuity_s) == ((), 0)
    assert problem.travel.margin_pct == 0
    assert set(problem.travel.pace) == {1000}
    assert {v.service_s for v in problem.appointments} == {900, 1200, 1500, 1800}
    assert all(1200 <= problem.waiting_price_s(d) <= 7200 for d in problem.deliveries)
    fill = [load / staff for load, staff in zip(loads(problem), staffed(problem), strict=True)]
    assert max(fill) <= 0.8
    assert max(fill) >= (0.75 if not deliveries or visits > 110 else 0.7)  # 11 on shift: 8 are 73 %, 9 are 82 %
    assert 0.6 <= visits / sum(staffed(problem)) <= 0.8


def test_the_field_day_has_what_a_city_has_and_as_much_of_it_as_a_bench_day(facts: Catalogue) -> None:
    problem = committed_problem("field-110-90-22.json")
    assert (len(problem.appointments), len(problem.deliveries), len(problem.executives)) == (110, 90, 22)
    assert all(e.pause is not None and e.shift.overtime_s > 0 for e in problem.executives)
    at_home = {e.executive_id for e in problem.executives if e.start != problem.office}
    assert len(at_home) == 4  # a fifth
    assert {d.held_by for d in problem.deliveries} == {None, *at_home}
    assert sum(bool(e.skills) for e in problem.executives) == 6  # 28 %
    assert 0.1 <= sum(bool(a.skills) for a in problem.appointments) / 110 <= 0.2
    assert problem.travel.margin_pct == 25
    assert len(set(problem.travel.pace)) > 1
    assert problem.prices.fairness


@pytest.mark.parametrize(
    ("name", "slot_s", "longest_s"), [("slots-30-100-40-18", 1800, 1200), ("slots-120-50-60-18", 7200, 1800)]
)
def test_days_of_short_and_long_slots_are_bench_days_otherwise(name: str, slot_s: int, longest_s: int) -> None:
    problem = committed_problem(f"{name}.json")
    assert problem.grid.slot_s == slot_s
    assert {a.slot.close_s - a.slot.open_s for a in problem.appointments} == {slot_s}
    assert max(a.service_s for a in problem.appointments) == longest_s
    assert all(e.pause is None and not e.skills for e in problem.executives)


def test_slots_too_short_for_any_service_of_a_bench_day_are_refused(facts: Catalogue) -> None:
    with pytest.raises(InvalidProblem) as caught:
        bench_day(facts, facts.city("raipur"), TUESDAY, 5, 2, 3, slot_minutes=20)
    assert [fault.code for fault in caught.value.faults] == ["too_short"]


# -------------------------------------------------------------------------------------- loads


def test_the_same_seed_makes_the_same_day_and_another_seed_another(facts: Catalogue) -> None:
    city = facts.city("durg")
    first = generate_day(facts, city, TUESDAY, Load.AS_RUN, seed=3)
    again = generate_day(facts, city, TUESDAY, Load.AS_RUN, seed=3)
    other = generate_day(facts, city, TUESDAY, Load.AS_RUN, seed=4)
    assert canonical_bytes(first.day) == canonical_bytes(again.day)
    assert first.day.problem.input_sha256 != other.day.problem.input_sha256


def test_a_busy_day_has_half_as_many_visits_again_for_the_same_staff(facts: Catalogue) -> None:
    city = facts.city("raipur")
    calm = generate_day(facts, city, TUESDAY, Load.AS_RUN, 7)
    busy = generate_day(facts, city, TUESDAY, Load.BUSY, 7)
    assert len(busy.day.problem.appointments) + busy.refused == 78 == len(calm.day.problem.appointments) * 3 // 2
    assert len(busy.day.problem.deliveries) == 66
    assert [(e.executive_id, e.shift, e.start, e.skills) for e in busy.day.problem.executives] == [
        (e.executive_id, e.shift, e.start, e.skills) for e in calm.day.problem.executives
    ]


@pytest.mark.parametrize("city_id", ["raipur", "korba", "chirmiri"])
def test_a_full_day_takes_95_percent_of_the_slots_of_the_executives(facts: Catalogue, city_id: str) -> None:
    problem = generate_day(facts, facts.city(city_id), TUESDAY, Load.FULL, 7).day.problem
    assert len(problem.appointments) == sum(staffed(problem)) * 95 // 100
    assert len(problem.deliveries) == len(city_problem(city_id).deliveries)


def test_a_sunday_is_quieter(facts: Catalogue) -> None:
    problem = generate_day(facts, facts.city("raipur"), SUNDAY, Load.AS_RUN, 7).day.problem
    assert (len(problem.appointments), len(problem.deliveries)) == (31, 26)


@pytest.mark.parametrize("load", Load)
@pytest.mark.parametrize("slot_minutes", [30, 60, 120])
@pytest.mark.parametrize("city_id", ["birgaon", "bilaspur"])
def test_no_slot_holds_more_than_the_executives_on_shift_could_take(
    facts: Catalogue, city_id: str, slot_minutes: int, load: Load
) -> None:
    problem = generate_day(facts, facts.city(city_id), TUESDAY, load, 5, slot_minutes).day.problem
    assert problem.grid.slot_s == slot_minutes * 60
    assert all(load <= staff for load, staff in zip(loads(problem), staffed(problem), strict=True))
    assert could_keep_all_promises(problem, problem.executives)
    for slot in problem.grid.slots():
        kits = sum(
            e.shift.open_s <= slot.open_s and slot.close_s <= e.shift.close_s and "aadhaar_kit" in e.skills
            for e in problem.executives
        )
        assert sum(v.slot == slot and "aadhaar_kit" in v.skills for v in problem.appointments) <= kits


def test_a_service_longer_than_the_slot_is_not_booked(facts: Catalogue) -> None:
    generated = generate_day(facts, facts.city("raipur"), TUESDAY, Load.FULL, 1, slot_minutes=30)
    assert "marriage_registration" not in {v.service_id for v in generated.day.problem.appointments}
    assert "1 services take longer than a slot of 30 minutes; not booked" in generated.notes


@pytest.mark.parametrize(
    ("city_id", "date", "code"),
    [
        ("raipur", dt.date(2026, 8, 15), "closed_day"),
        ("raipur", dt.date(2027, 1, 26), "closed_day"),
        ("raipur", dt.date(2022, 4, 30), "not_in_scheme"),
        ("kanker", dt.date(2023, 6, 30), "not_in_scheme"),
    ],
)
def test_a_day_without_service_is_refused(facts: Catalogue, city_id: str, date: dt.date, code: str) -> None:
    with pytest.raises(InvalidProblem) as caught:
        generate_day(facts, facts.city(city_id), date)
    assert [fault.code for fault in caught.value.faults] == [code]


def test_bench_sizes_beyond_reason_are_all_named(facts: Catalogue) -> None:
    with pytest.raises(InvalidProblem) as caught:
        bench_day(facts, facts.city("raipur"), TUESDAY, -1, 10_001, 3)
    assert [fault.path for fault in caught.value.faults] == [("visits",), ("deliveries",)]


def test_a_bench_day_without_executives_refuses_every_appointment(facts: Catalogue) -> None:
    generated = bench_day(facts, facts.city("raipur"), TUESDAY, 5, 2, 0)
    assert (generated.refused, len(generated.day.problem.visits)) == (5, 2)


# ------------------------------------------------------------------------- facts that are missing


def without_schools(facts: Catalogue) -> Catalogue:
    return dataclasses.replace(
        facts, localities=tuple(row for row in facts.localities if row.kind != "school_locality")
    )


@pytest.mark.parametrize("city_id", LAUNCH)
def test_every_city_has_a_day_without_the_school_based_localities(facts: Catalogue, city_id: str) -> None:
    thin = without_schools(facts)
    city = thin.city(city_id)
    generated = generate_day(thin, city, TUESDAY, Load.AS_RUN, 7)
    assert any("few localities" in note for note in generated.notes)
    visits, planned = generated.day.problem.visits, city_problem(city_id).visits
    assert len(visits) + generated.refused == len(planned)
    assert len({visit.place.lon for visit in visits}) > len(visits) * 0.7
    assert all(abs(v.place.lon - city.centre.lon) < 0.2 and abs(v.place.lat - city.centre.lat) < 0.2 for v in visits)


def test_every_town_of_the_extension_has_a_day_and_says_what_was_assumed(facts: Catalogue) -> None:
    towns = [city for city in facts.cities if city.extension]
    assert len(towns) == 44
    for town in towns:
        generated = generate_day(facts, town, TUESDAY, Load.AS_RUN, 7)
        problem = generated.day.problem
        assert 5 <= len(problem.appointments) <= 30
        assert len(problem.executives) >= 2
        assert any("reach not known" in note for note in generated.notes)
        assert any("visits not known" in note for note in generated.notes)
    dipka = generate_day(facts, facts.city("dipka"), TUESDAY)
    assert any("population not known" in note for note in dipka.notes)


def test_addresses_lie_50_to_150_metres_from_a_locality_of_one_point(facts: Catalogue) -> None:
    city = facts.city("raipur")
    row = next(row for row in facts.localities_of(city) if row.kind == "post_office")
    alone = dataclasses.replace(facts, localities=(dataclasses.replace(row, weight=1000),))
    book, dice = AddressBook(alone, city), Dice(1, "jitter")
    origin = Point.at(row.lon, row.lat)
    for _ in range(300):
        point = book.draw(dice)
        north = (point.lat_parts - origin.lat_parts) * 1.11195
        east = (point.lon_parts - origin.lon_parts) * 1.11195 * 0.932
        assert 48 <= (north * north + east * east) ** 0.5 <= 152


# ------------------------------------------------------------------------------ diary and dice

HERE = Place("office", 81.64, 21.24)
NEAR = Place("near", 81.645, 21.245)


def diary_of(*executives: Executive, most_percent: int = 100) -> Diary:
    return Diary(SlotGrid(), executives, FormulaSpec(margin_pct=0), most_percent)


def early(executive_id: str, *skills: str) -> Executive:
    return Executive(executive_id, HERE, HERE, Shift(28800, 57600), frozenset(skills))


def test_a_wish_for_a_full_slot_goes_to_the_nearest_with_room_and_the_last_is_refused() -> None:
    diary = diary_of(early("E01"))
    wish = Wish(NEAR, 1200, frozenset(), 3)
    assert [diary.book(wish) for _ in range(9)] == [3, 4, 2, 5, 1, 6, 0, 7, None]
    assert diary.refused == 1
    assert diary.load == [1] * 8 + [0] * 4


def test_a_kit_is_counted_as_well_as_the_executives() -> None:
    diary = diary_of(early("E01", "aadhaar_kit"), early("E02"))
    plain, kit = Wish(NEAR, 1200, frozenset(), 3), Wish(NEAR, 1200, frozenset({"aadhaar_kit"}), 3)
    # The plain wish comes first and would be given to E01; the kit wish makes it move on to E02.
    assert [diary.book(plain), diary.book(kit), diary.book(kit)] == [3, 3, 4]
    assert diary.load[3] == 2


def test_a_wish_nobody_reaches_in_time_goes_to_a_later_slot() -> None:
    far = Place("far", 81.74, 21.24)  # 10 km: half an hour from where the shift starts at 08:00
    diary = diary_of(early("E01"), early("E02"))
    assert diary.book(Wish(far, 2400, frozenset(), 0)) == 1
    assert diary.book(Wish(far, 2400, frozenset(), 7)) == 6  # and nobody would be back at 16:00


def test_a_diary_fills_slots_up_to_its_limit() -> None:
    diary = diary_of(*(early(f"E{number}") for number in range(5)), most_percent=80)
    wish = Wish(NEAR, 1200, frozenset(), 2)
    assert [diary.book(wish) for _ in range(5)] == [2, 2, 2, 2, 3]


def test_dice_fall_the_same_way_on_every_machine() -> None:
    dice = Dice(7, "raipur", "2026-12-01")
    assert [dice.below(1000) for _ in range(6)] == [177, 163, 50, 610, 950, 562]
    assert Dice(7, "raipur").below(1 << 60) != Dice(7, "raipu", "r").below(1 << 60)


def test_dice_are_fair_and_normal_where_they_should_be() -> None:
    dice = Dice(1, "fair")
    counts = Counter(dice.pick([1, 0, 3]) for _ in range(4000))
    assert counts.keys() == {0, 2}
    assert 900 < counts[0] < 1100
    assert sorted(dice.shuffled(range(50))) == list(range(50))
    drawn = [dice.normal(3150) for _ in range(4000)]
    assert abs(statistics.fmean(drawn)) < 150
    assert 3000 < statistics.stdev(drawn) < 3300
    assert all(50 * 50 <= x * x + y * y <= 150 * 150 for x, y in (dice.in_ring(50, 150) for _ in range(500)))
    with pytest.raises(ValueError, match="add up to nothing"):
        dice.pick([0, 0])
