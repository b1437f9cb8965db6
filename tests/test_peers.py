"""Peers: what they are asked, what they cannot be asked, and how their orders are judged.

Those that are not installed are tested with small fakes that look at the model they are given.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import planners
from benchmarks.incumbents import Incumbents
from benchmarks.judge import BrokenPlan, judged, run_late
from benchmarks.measure import Case, Place, measured
from benchmarks.peers import CannotModel, common_day
from benchmarks.planners import GROUPS, NAMES, OURS, PEERS, named, planner
from benchmarks.record import Outcome, Record, now, surroundings
from benchmarks.suites import SUITES, day_files, read_problems
from optimizer.check import violations
from optimizer.domain import InvalidProblem, Limits, Prices, Problem, Status
from optimizer.engines import Orders
from optimizer.planner import AUTO, ENGINES, plan_day
from optimizer.stop import StopAt
from scenarios.files import read_day
from tests import builders
from tests.builders import appointment, delivery, executive, problem
from tests.exact import best_plan
from tests.records import tiny_day_file

COMMON = GROUPS["peers"]


def installed(*names: str) -> list[Any]:
    """Names of peers as parameters; those whose package is missing are skipped, and say so."""
    return [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                find_spec(PEERS[name][1]) is None, reason=f"{name} is not installed: pip install '.[bench]'"
            ),
        )
        for name in names
    ]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    return read_day(tiny_day_file(tmp_path_factory.mktemp("day"))).problem


def small(**changes: Any) -> Problem:
    """Two executives, two appointments in one slot, one later, a delivery on the way and one far from everything."""
    fields: dict[str, Any] = {
        "visits": [
            appointment("a", "10:00", 300, 0),
            appointment("b", "10:00", 300, 30),
            appointment("c", "11:00", 600, 0, weight=2),
            delivery("near", 450, 0),
            delivery("far", 3_000, 3_000, price_s=1_500),
        ],
        "executives": [executive("e1"), executive("e2", "09:00", "17:00")],
        "prices": builders.FREE,
    } | changes
    return problem(fields.pop("visits"), fields.pop("executives"), **fields)


def run_of(name: str, day: Problem, limits: Limits) -> Record:
    day = day if day.input_sha256 else dataclasses.replace(day, input_sha256="0" * 64)
    return measured(Case("day", name, limits), day, planner(name), Place(now(), 1, surroundings()))


# --------------------------------------------------------------------------- what they are asked


def test_the_common_form_holds_the_whole_day() -> None:
    day = small()
    form = common_day(day, "somebody")
    rows = {v.visit_id: row for row, v in enumerate(day.visits)}
    assert form.slots == 12
    assert [form.amounts(rows[v]).index(1) for v in "abc"] == [2, 2, 3]
    assert [sum(form.amounts(rows[v])) for v in ("a", "near", "far")] == [1, 0, 0]
    assert [(form.weight[rows[v]], form.price_s[rows[v]]) for v in ("a", "c", "near", "far")] == [
        *((1, 0), (2, 0)),
        *((0, 3_600), (0, 1_500)),
    ]
    assert (form.open_s[rows["a"]], form.close_s[rows["a"]], form.service_s[rows["a"]]) == (36_000, 38_400, 1_200)
    assert form.shifts == ((28_800, 57_600), (32_400, 61_200))
    assert form.travel_s[form.office, form.place[rows["a"]]] == day.travel.cost_s("office", "a")
    assert form.promise_price_s == 1 + 2 * 28_800 + 3_600 + 1_500


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        (
            {"visits": [appointment("a", skills=["aadhaar"])], "executives": [executive("e", skills=["aadhaar"])]},
            "skills",
        ),
        ({"visits": [appointment("a", pinned_to="e1")]}, "pins"),
        ({"visits": [delivery("d", held_by="e1")]}, "envelopes held by an executive"),
        ({"visits": [delivery("d", windows=(("08:00", "09:00"), ("15:00", "16:00")))]}, "several windows for a visit"),
        ({"executives": [executive("e", rest=builders.pause(30, "12:00", "14:00"))]}, "breaks"),
        ({"executives": [executive("e", overtime_s=60)]}, "overtime"),
        ({"executives": [executive("e", start=builders.place("home", 9, 9))]}, "starts and ends away from the office"),
        ({"executives": [executive("e", end=builders.place("home", 9, 9))]}, "starts and ends away from the office"),
        ({"prices": Prices(fairness=(builders.fair("05:00", 500),))}, "fairness"),
        (
            {"executives": [executive("e", prefers=["a"])], "prices": Prices(fairness=(), continuity_s=1)},
            "continuity",
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_the_common_form_has_no_words_for_is_named(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(CannotModel, match=f"^somebody, in the common form, cannot model: {word}$"):
        common_day(small(**changes), "somebody")


@pytest.mark.parametrize("change", [{"margin_pct": 25}, {"pace": (900,) * 24}], ids=["margin", "pace"])
def test_the_common_form_has_no_clock_but_the_reference(change: dict[str, Any]) -> None:
    day = small()
    with pytest.raises(CannotModel, match="travel that depends on the hour or has a margin"):
        common_day(dataclasses.replace(day, travel=dataclasses.replace(day.travel, **change)), "somebody")


def test_every_day_of_the_common_suite_is_in_the_common_form_and_no_city_day_is() -> None:
    for day in read_problems(day_files(SUITES["common"].days)).values():
        assert len(common_day(day, "somebody").place) == len(day.visits)
    for day in read_problems(day_files(["cities"])).values():
        with pytest.raises(CannotModel, match="breaks"):
            common_day(day, "somebody")


def test_every_name_is_an_engine_or_a_peer_and_every_suite_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planners, "find_spec", lambda _: object())
    assert set(NAMES) == {*ENGINES, AUTO, *PEERS}
    assert named(["ours", "pyvrp", "peers"]) == [*OURS, "pyvrp", "ortools-plain", "vroom"]
    for suite in SUITES.values():
        assert set(named(suite.peers)) <= set(PEERS)
    for path, _ in PEERS.values():
        module, function = path.split(":")
        source = (Path(planners.__file__).parents[1] / module.replace(".", "/")).with_suffix(".py")
        assert f"def {function}(" in source.read_text(encoding="utf-8")


def test_a_peer_that_is_not_installed_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planners, "find_spec", lambda package: None if package == "vroom" else object())
    with pytest.raises(InvalidProblem) as refused:
        named(["pyvrp", "vroom", "chance"])
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/engines/1", "not_installed"),
        ("/engines/2", "unknown_engine"),
    ]


# ------------------------------------------------------------------------------ what they answer


@pytest.mark.parametrize("name", installed(*COMMON, "ortools-full", "vroom-own-time"))
def test_a_peer_keeps_all_promises_of_a_small_day_and_the_checker_agrees(name: str, tiny: Problem) -> None:
    record = run_of(name, tiny, Limits(0.5, iterations=300))
    assert (record.outcome, record.error, record.violations) == (Outcome.PLANNED, None, {})
    assert (record.engine_used, record.status, record.broken_promises) == (name, Status.FEASIBLE, 0)
    assert (record.lower_bound, record.gap, record.broken_promises_bound) == (None, None, 0)
    proven = plan_day(tiny, Limits(None, iterations=2), engine="insertion")
    assert proven is not None
    assert record.cost is not None
    assert (proven.lower_bound_s or 0) <= record.cost < 2 * proven.cost.second_level_s


@pytest.mark.parametrize("name", installed("ortools-plain", "ortools-full", "pyvrp"))
def test_a_peer_that_knows_prices_finds_the_best_plan_of_a_tiny_day_and_logs_what_it_costs(name: str) -> None:
    day = small()
    best, _ = best_plan(day)
    incumbents = Incumbents()
    limits = Limits(0.5, iterations=300)
    orders = planner(name)(day, limits, StopAt.within(limits), incumbents)
    assert isinstance(orders, Mapping)
    assert judged(day, orders, name, limits, 1.0).cost == best
    assert incumbents.costed(day)[-1][1:] == (0, best.second_level_s, None)
    assert "far" not in {visit_id for order in orders.values() for visit_id in order}


@pytest.mark.parametrize("name", installed("vroom"))
def test_vroom_serves_a_delivery_that_would_better_wait(name: str) -> None:
    record = run_of(name, small(), Limits(5.0))
    best, _ = best_plan(small())
    assert record.cost_terms is not None
    assert record.cost is not None
    assert (record.broken_promises, record.cost_terms["waiting_deliveries"]) == (0, 0)
    assert record.cost > best.second_level_s
    assert record.incumbents is not None
    assert [incumbent[1:] for incumbent in record.incumbents] == [(0, record.cost, None)]


@pytest.mark.parametrize("name", installed("pyvrp"))
def test_pyvrp_makes_the_same_plan_from_the_same_seed(name: str, tiny: Problem) -> None:
    first, again = (run_of(name, tiny, Limits(None, iterations=50, seed=4)) for _ in range(2))
    assert (first.cost, first.cost_terms) == (again.cost, again.cost_terms)


@pytest.mark.parametrize("name", installed(*COMMON))
def test_the_slot_rule_holds_where_time_windows_alone_would_let_two_short_visits_in(name: str) -> None:
    visits = [appointment(v, "10:00", 300, 0, service_s=300) for v in "ab"]
    record = run_of(name, small(visits=visits, executives=[executive("e1")]), Limits(0.5, iterations=300))
    promises = (record.broken_promises, record.violations)
    missing = (record.outcome, promises) == (Outcome.PLANNED, (1, {"promise_broken": 1}))
    impossible = record.outcome is Outcome.FAILED and "double_slot" in record.violations
    assert missing or (name == "pyvrp" and impossible)


def test_a_day_that_a_peer_cannot_model_is_recorded_as_such() -> None:
    record = run_of("ortools-plain", small(executives=[executive("e", overtime_s=60)]), Limits(0.5))
    assert (record.outcome, record.cost, record.incumbents) == (Outcome.CANNOT_MODEL, None, ())
    assert record.error == "OR-Tools, in the common form, cannot model: overtime"


def test_ortools_with_all_rules_plans_a_city_day() -> None:
    (day,) = read_problems(day_files(["chirmiri"])).values()
    record = run_of("ortools-full", day, Limits(60.0, iterations=3))
    assert record.outcome is Outcome.PLANNED
    assert record.violations == {}
    assert record.cost_terms is not None
    assert record.cost_terms["travel"] > 0
    assert record.incumbents is not None
    assert record.incumbents[-1][1:3] == (0, record.cost)


@pytest.mark.parametrize("name", installed(*COMMON, "ortools-full"))
@pytest.mark.parametrize("nothing", [{"visits": []}, {"executives": []}], ids=["no visits", "no executives"])
def test_a_day_with_nothing_to_plan_has_an_empty_plan(name: str, nothing: dict[str, Any]) -> None:
    limits = Limits(0.5, iterations=5)
    assert planner(name)(small(**nothing), limits, StopAt.within(limits), Incumbents()) == {}


# --------------------------------------------------------------------------------- the judgement


def judgement(day: Problem, orders: Orders) -> dict[str, int]:
    """Violations for which these orders are refused."""
    with pytest.raises(BrokenPlan) as broken:
        judged(day, orders, "peer", Limits(1.0), 1.0)
    return broken.value.found


def test_orders_are_timed_and_costed_by_the_optimizer() -> None:
    day = small()
    best, plan = best_plan(day)
    orders = {route.executive_id: route.visit_ids for route in plan.routes}
    result = judged(day, orders, "peer", Limits(1.0, seed=3), 1.5)
    assert (result.cost, result.plan, result.status) == (best, plan, Status.FEASIBLE)
    assert (result.engine, result.seed, result.runtime_s) == ("peer", 3, 1.5)


def test_a_broken_promise_is_no_failure_but_counts_by_weight() -> None:
    result = judged(small(), {"e1": ("a",), "e2": ()}, "peer", Limits(1.0), 1.0)
    assert (result.cost.broken_promises, result.broken_promises, result.status) == (3, ("b", "c"), Status.UNKNOWN)


def test_orders_that_break_a_rule_are_refused_with_what_they_break() -> None:
    day = small()
    assert judgement(day, {"e1": ("c", "a"), "e2": ("b",)}) == {"outside_slot": 1}
    assert judgement(day, {"e1": ("a", "b", "c")})["double_slot"] == 1
    assert judgement(day, {"e1": ("a",), "e2": ("a", "c")})["repeated_visit"] == 1
    late = small(visits=[delivery("d", 0, 20_000)])
    assert judgement(late, {"e1": ("d",)}) == {"overtime_exceeded": 1}


@pytest.mark.parametrize("rest", [builders.pause(30, "09:00", "10:20"), builders.pause(30, "12:00", "15:00")])
def test_a_route_run_late_breaks_nothing_but_what_its_order_must(rest: Any) -> None:
    day = small(executives=[executive("e1", rest=rest)], visits=[appointment("a", "10:00", 300), delivery("n", 400)])
    e1 = day.executive_by_id["e1"]
    for order in (("a", "n"), ("n", "a")):
        plan = builders.plan(day, e1=order)
        late = dataclasses.replace(plan, routes=(run_late(day, e1, order),))
        assert [v.code for v in violations(day, late)] == []


def test_a_refused_plan_is_a_failed_run_with_its_violations(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_day: Problem, _limits: Limits, _stop: StopAt, incumbents: Incumbents) -> Orders:
        incumbents.orders({"e1": ("c", "a")})
        incumbents.orders({"e1": ("a",)})
        return {"e1": ("c", "a"), "e2": ("b",)}

    day = dataclasses.replace(small(), input_sha256="0" * 64)
    record = measured(Case("day", "wrong", Limits(1.0)), day, wrong, Place(now(), 1, surroundings()))
    assert (record.outcome, record.violations, record.cost) == (Outcome.FAILED, {"outside_slot": 1}, None)
    assert record.error == "BrokenPlan: 1 of 2 routes cannot be run in their order; 1 x outside_slot"
    assert record.incumbents is not None
    assert [incumbent[1] for incumbent in record.incumbents] == [3]


# ----------------------------------------------------------------------- with fakes of the packages


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Puts a fake in the place of a package and gives the peer's function that uses it."""

    def put(peer: str, **modules: ModuleType) -> Any:
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name.replace("__", "."), module)
        path, function = PEERS[peer][0].split(":")
        monkeypatch.delitem(sys.modules, path, raising=False)
        return getattr(import_module(path), function)

    yield put
    for peer in ("pyvrp", "vroom"):
        sys.modules.pop(PEERS[peer][0].split(":")[0], None)


def kept(*names: str) -> Callable[..., SimpleNamespace]:
    """A class of the fake that keeps what it is given; `names` are its positional parameters."""
    return lambda *given, **more: SimpleNamespace(**dict(zip(names, given, strict=False)), **more)


def test_pyvrp_is_asked_by_the_common_form_and_its_routes_go_to_executives_of_their_shift(
    faked: Callable[..., Any],
) -> None:
    asked: dict[str, Any] = {}
    feasible = SimpleNamespace(is_feasible=lambda: True, distance_cost=lambda: 900, uncollected_prizes=lambda: 1_500)

    def solve(data: Any, stop: Callable[[int], bool], *, seed: int, collect_stats: bool, params: Any) -> Any:
        asked.update(data=data, seed=seed, stopped=[stop(0) for _ in range(4)])
        callbacks = params.ils.callbacks
        callbacks.on_start(SimpleNamespace(initial_solution=SimpleNamespace(is_feasible=lambda: False)))
        callbacks.on_best(feasible)

        def client(row: int) -> SimpleNamespace:
            return SimpleNamespace(idx=row, is_client=lambda: True)

        class Route(list[SimpleNamespace]):
            def vehicle_type(self) -> int:
                return 1

        depot = SimpleNamespace(idx=0, is_client=lambda: False)
        return SimpleNamespace(best=SimpleNamespace(routes=lambda: [Route([depot, client(0), client(2), depot])]))

    package = ModuleType("pyvrp")
    vars(package).update(
        solve=solve,
        SolveParams=kept(),
        Client=kept("location"),
        VehicleType=kept("num_available"),
        Location=kept("x", "y"),
        Depot=kept("location"),
        ProblemData=kept("locations", "clients", "depots", "vehicle_types", "distances", "durations"),
    )
    search = ModuleType("pyvrp.IteratedLocalSearch")
    vars(search).update(IteratedLocalSearchParams=kept())
    plan = faked("pyvrp", pyvrp=package, pyvrp__IteratedLocalSearch=search)
    day, limits, incumbents = small(), Limits(None, iterations=3, seed=8), Incumbents()
    assert plan(day, limits, StopAt.within(limits), incumbents) == {"e2": ("a", "c")}
    assert (asked["seed"], asked["stopped"]) == (8, [False, False, False, True])
    assert [incumbent[1:] for incumbent in incumbents.costed(day)] == [(0, 2_400, None)]
    data = asked["data"]
    by_id = dict(zip((v.visit_id for v in day.visits), data.clients, strict=True))
    assert [(c.required, c.prize) for c in (by_id["a"], by_id["near"], by_id["far"])] == [
        *((True, 0), (False, 3_600)),
        (False, 1_500),
    ]
    assert (by_id["a"].tw_early, by_id["a"].tw_late, by_id["a"].service_duration) == (36_000, 38_400, 1_200)
    assert by_id["a"].delivery == by_id["b"].delivery == [0, 0, 1, *[0] * 9]
    assert [(v.num_available, v.capacity, v.tw_early, v.tw_late) for v in data.vehicle_types] == [
        (1, [1] * 12, 28_800, 57_600),
        (1, [1] * 12, 32_400, 61_200),
    ]
    assert data.distances[0] is data.durations[0]
    np.testing.assert_array_equal(data.distances[0], day.travel.reference_s)
    assert data.depots[0].location == day.travel.index["office"]


@pytest.mark.parametrize(("peer", "limited"), [("vroom", True), ("vroom-own-time", False)])
def test_vroom_is_asked_by_the_common_form(faked: Callable[..., Any], peer: str, limited: bool) -> None:
    asked: dict[str, Any] = {}

    class Input:
        def set_durations_matrix(self, _profile: str, matrix: Any) -> None:
            asked["matrix"] = matrix

        def add_vehicle(self, vehicles: list[Any]) -> None:
            asked["vehicles"] = vehicles

        def add_job(self, jobs: list[Any]) -> None:
            asked["jobs"] = jobs

        def solve(self, *, exploration_level: int, nb_threads: int, timeout: Any) -> Any:
            asked.update(level=exploration_level, threads=nb_threads, timeout=timeout)
            steps = [(1, "start", None), (1, "job", 2), (1, "job", 0), (1, "end", None), (0, "job", 1)]
            return SimpleNamespace(routes=pd.DataFrame(steps, columns=["vehicle_id", "type", "id"]))

    package = ModuleType("vroom")
    vars(package).update(Input=Input, Vehicle=kept("id"), Job=kept("id"))
    plan = faked(peer, vroom=package)
    day, limits = small(), Limits(20.0)
    assert plan(day, limits, StopAt.within(limits), Incumbents()) == {"e1": ("b",), "e2": ("c", "a")}
    assert (asked["level"], asked["threads"]) == (5, 1)
    assert (asked["timeout"] is not None) == limited
    assert not limited or 15 < asked["timeout"].total_seconds() <= 20
    by_id = dict(zip((v.visit_id for v in day.visits), asked["jobs"], strict=True))
    assert [by_id[v].priority for v in ("a", "c", "near")] == [50, 100, 0]
    assert (by_id["a"].time_windows, by_id["a"].default_service) == ([(36_000, 38_400)], 1_200)
    assert by_id["c"].delivery == [0, 0, 0, 1, *[0] * 8]
    assert [(v.time_window, v.capacity) for v in asked["vehicles"]] == [
        ((28_800, 57_600), [1] * 12),
        ((32_400, 61_200), [1] * 12),
    ]
    np.testing.assert_array_equal(asked["matrix"], day.travel.reference_s)
