"""The roster problem of a city: what is wanted of whom, and rosters as files have them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from optimizer.demand import ANYBODY
from optimizer.roster import greedy_roster, make_roster, roster_violations
from optimizer.stop import StopAt
from scenarios.capacity import CityCapacity
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.forecast import prior_demand
from scenarios.generate.city_day import Reading, weekday_volume
from scenarios.rostering import city_contracts, city_roster_problem, executives_wanted, rosters_of
from scenarios.rosters import pattern_roster

MONDAY = dt.date(2026, 12, 7)
SUNDAY = dt.date(2026, 12, 13)
KIT = frozenset({"aadhaar_kit"})


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_the_people_of_a_city_are_those_of_its_pattern_roster(catalogue: Catalogue) -> None:
    for city in catalogue.cities_in_scheme():
        contracts = {c.executive_id: c for c in city_contracts(catalogue, city)}
        team = pattern_roster(catalogue, city, MONDAY, MONDAY)[MONDAY]
        assert {e.executive_id: (e.start, e.end, e.skills) for e in team} == {
            key: (c.start, c.end, c.skills) for key, c in contracts.items()
        }
        assert {c.week_s for c in contracts.values()} == {45 * 3600}


def test_appointments_and_deliveries_become_executives(catalogue: Catalogue) -> None:
    korba = catalogue.city("korba")
    demand = prior_demand(catalogue, korba, MONDAY, SUNDAY)
    capacity = CityCapacity("korba", (0.5,), 0.25, 14.0)
    wanted = executives_wanted(catalogue, korba, demand, capacity)
    deliveries = weekday_volume(catalogue, korba, [], Reading.AS_RUN)[1] / 10
    each = deliveries * 20 * 60 / (12 * 3600)  # 6 min at the door and 14 on the way, over twelve hours
    anybody, kit = wanted.needs.index(ANYBODY), wanted.needs.index(KIT)
    for date, percent in ((MONDAY, 1.0), (SUNDAY, 0.6)):
        asked = demand.on(date)
        assert np.allclose(wanted.on(date)[:, anybody], asked[:, demand.needs.index(ANYBODY)] / 0.5 + percent * each)
        assert np.allclose(wanted.on(date)[:, kit], asked[:, demand.needs.index(KIT)] / 0.25)


def test_closed_days_want_nobody_and_have_no_roster(catalogue: Catalogue) -> None:
    republic_day = dt.date(2027, 1, 26)
    problem = city_roster_problem(catalogue, catalogue.city("durg"), republic_day, 2)
    assert problem.closed == {republic_day: "closed_every_year"}
    assert not problem.wanted.on(republic_day).any()
    roster = greedy_roster(problem)
    assert set(rosters_of(problem, roster)) == {republic_day + dt.timedelta(days=1)}


def test_a_city_gets_a_legal_roster_with_somebody_in_every_slot(catalogue: Catalogue) -> None:
    problem = city_roster_problem(catalogue, catalogue.city("dhamtari"), MONDAY, 7)
    result = make_roster(problem, StopAt(iterations=60))
    assert result.roster is not None
    assert result.cost is not None
    assert roster_violations(problem, result.roster) == []
    assert result.cost.missing == 0
    assert result.uncovered_proven
    by_date = rosters_of(problem, result.roster)
    assert set(by_date) == set(problem.dates)
    for team in by_date.values():
        for slot in problem.grid.slots():
            assert any(e.shift.open_s <= slot.open_s and slot.close_s <= e.shift.close_s for e in team)
