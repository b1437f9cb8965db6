"""Instances of the literature as days of ours: what is read, what is modelled, and that no overload is hidden."""

from __future__ import annotations

import math
from itertools import permutations
from pathlib import Path

import pytest

from benchmarks.literature import (
    Instance,
    by_class,
    judge,
    measured,
    ours,
    pyvrp_routes,
    read_directory,
    read_instance,
    split,
)
from optimizer.domain import Limits
from scenarios.files import InvalidInput
from tests.records import invoke

TINY = """R1tiny

VEHICLE
NUMBER     CAPACITY
  3          10

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      40         50          0          0        500          0
    1      43         54          6          0        400         10
    2      46         58          6          0        400         10
    3      40         40          4        100        200         10
    4      41         51          2          0        400         10
"""


def folder_of(tmp_path: Path, text: str = TINY, best: str | None = None) -> Path:
    """A folder with this instance, and best known values where given."""
    (tmp_path / "tiny.txt").write_text(text, encoding="utf-8")
    if best is not None:
        (tmp_path / "best_known.csv").write_text("instance,best_known_distance\n" + best, encoding="utf-8")
    return tmp_path


@pytest.fixture
def tiny(tmp_path: Path) -> Instance:
    return read_instance(folder_of(tmp_path) / "tiny.txt")


def test_an_instance_is_read_as_its_file_says(tiny: Instance) -> None:
    assert (tiny.name, tiny.kind, tiny.vehicles, tiny.capacity) == ("R1tiny", "R1, 4 customers", 3, 10)
    assert (tiny.x[3], tiny.y[3], tiny.demand[3], tiny.ready[3], tiny.due[3], tiny.service[3]) == (
        40,
        40,
        4,
        100,
        200,
        10,
    )
    assert tiny.distance(0, 1) == 5.0
    assert tiny.travel()[0].tolist() == [0, 50, 100, 100, 14]  # the last is 14.142 tenths, cut off


def test_routes_that_carry_too_much_are_counted_and_cut_where_it_costs_least(tiny: Instance) -> None:
    found = judge(tiny, [[4, 1, 2], [3]])
    assert (found.overloaded, found.vehicles, found.why) == (1, 3, None)
    alone = math.sqrt(2) + math.hypot(2, 3) + 5.0  # the depot, 4, 1, and back
    assert found.distance == pytest.approx(alone + 20.0 + 20.0)
    assert found.relaxed == pytest.approx(math.sqrt(2) + math.hypot(2, 3) + 5.0 + 10.0 + 20.0)
    assert split(tiny, tiny.travel(), [4, 1, 2]) == [[4, 1], [2]]


def test_what_is_left_out_late_or_needs_too_many_vehicles_is_infeasible(tiny: Instance) -> None:
    assert judge(tiny, [[1], [2]]).why == "not every customer is served just once"
    assert judge(tiny, [[1], [2], [3, 3, 4]]).why == "not every customer is served just once"
    assert judge(tiny, [[1], [2], [3], [4]]).why == "4 vehicles of 3 once no load is too large"
    late = Instance("x", 3, 10, tiny.x, tiny.y, tiny.demand, tiny.ready, (500, 400, 9, 200, 400), tiny.service)
    assert judge(late, [[1, 4], [2], [3]]).why == "a route cannot be run"


def test_our_engine_serves_every_customer_and_its_overload_is_cut(tiny: Instance) -> None:
    routes = ours(tiny, "insertion", Limits(None, iterations=5))
    assert sorted(n for route in routes for n in route) == [1, 2, 3, 4]
    found = judge(tiny, routes)
    assert found.overloaded == sum(sum(tiny.demand[n] for n in route) > 10 for route in routes) > 0


def test_pyvrp_gets_the_capacity_too(tiny: Instance) -> None:
    pytest.importorskip("pyvrp", reason="the peers are not installed")
    found = judge(tiny, pyvrp_routes(tiny, Limits(None, iterations=50)))
    assert (found.overloaded, found.why) == (0, None)
    every = [
        judge(tiny, [list(order[:a]), list(order[a:b]), list(order[b:])])
        for order in permutations(range(1, 5))
        for a in range(5)
        for b in range(a, 5)
    ]
    assert found.distance == pytest.approx(min(each.distance for each in every if each.distance is not None))


def test_classes_have_gaps_over_feasible_runs_and_count_the_others(tiny: Instance) -> None:
    known = {"r1tiny": 40.0}
    run = measured(tiny, "insertion", Limits(None, iterations=5), known)
    assert run.judged.distance is not None
    assert run.gap == pytest.approx(run.judged.distance / 40.0 - 1)
    (row,) = by_class([run])
    assert (row.kind, row.runs, row.feasible, row.gap_median, row.gap_worst) == (run.kind, 1, 1, run.gap, run.gap)
    assert measured(tiny, "insertion", Limits(None, iterations=5), {}).gap is None


def test_wrong_rows_are_told_by_file_and_line(tmp_path: Path) -> None:
    wrong = TINY.replace("    3      40         40          4        100        200", "    3  40  x  4  100  200")
    with pytest.raises(InvalidInput, match=r"tiny\.txt:13.*bad_row"):
        read_directory(folder_of(tmp_path, wrong))
    with pytest.raises(InvalidInput, match=r"tiny\.txt:12.*out_of_range"):
        read_directory(folder_of(tmp_path, TINY.replace("46         58          6", "46         58         60")))
    with pytest.raises(InvalidInput, match=r"tiny\.txt:1.*no_instance"):
        read_directory(folder_of(tmp_path, "nothing\n"))
    with pytest.raises(InvalidInput, match=r"best_known\.csv:2.*bad_best_known"):
        read_directory(folder_of(tmp_path, TINY, "R1tiny,much\n"))


def test_the_command_shows_every_run_and_class(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, TINY, "R1tiny,50.5\nR1other,\n")
    code, said = invoke("literature", folder, "--engines", "insertion", "--seeds", "1,2", "--iterations", "5")
    assert code == 0
    assert "R1, 4 customers" in said
    assert "know no capacity" in said
    (tmp_path / "empty").mkdir()
    assert invoke("literature", tmp_path / "empty", "--engines", "insertion")[0] == 2
    assert invoke("literature", folder, "--engines", "nobody")[0] == 2
