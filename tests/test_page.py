"""The plan page: complete, true to the plan document, safe to open, readable without network or script."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import math
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.page import Landmark, plan_page
from api.page.city_map import FARTHEST_RADII, projection, spread
from api.page.markup import duration, tag
from api.page.sections import per_cent_up, status_words
from api.page.view import Doing, read_view, stretches
from optimizer import objective
from optimizer.domain import Appointment, Place, Problem, Result, SlotGrid, Status
from optimizer.report import kpis
from optimizer.timing import timed
from optimizer.units import hhmm
from scenarios.plans import plan_document
from tests import builders as build
from tests.strategies import problems, runnable_orders

SVG = "{http://www.w3.org/2000/svg}"
REASONS = {
    "A9": {"code": "slot_full", "proof": "proved", "text": "All executives serve another appointment in this slot."},
    "D9": {"code": "cheaper_later", "proof": "heuristic", "text": "Waiting costs 20 minutes, going there 31."},
}


def document(problem: Problem, orders: Mapping[str, Sequence[str]], **changes: Any) -> dict[str, Any]:
    """The plan.json document of these orders, with figures, and reasons for A9 and D9."""
    plan = timed(problem, orders)
    broken = objective.broken_promises(problem, plan)
    result = Result(
        status=Status.UNKNOWN if broken else Status.FEASIBLE,
        plan=plan,
        cost=objective.cost(problem, plan),
        lower_bound_s=None,
        broken_promises_bound=0,
        gap=None,
        broken_promises=broken,
        engine="insertion",
        seed=7,
        threads=1,
        runtime_s=4.81,
        travel_origin="toy map",
        input_sha256="3f0a" * 16,
    )
    reasons = {visit_id: [reason] for visit_id, reason in REASONS.items()}
    return plan_document(problem, result, kpis(problem, plan), reasons) | changes


def a_day() -> tuple[Problem, dict[str, Any]]:
    """Two routes with appointments, deliveries, a break and a home; one executive without visits; two visits left."""
    problem = build.problem(
        [
            build.appointment("A1", "09:00", 600, 0),
            build.appointment("A2", "10:00", 600, 900),
            build.appointment("A3", "14:00", -900, 300),
            build.appointment("A9", "10:00", 0, 2_000),
            build.delivery("D1", 300, 1_200),
            build.delivery("D2", -900, 300, due=dt.date(2026, 12, 5)),
            build.delivery("D9", 5_000, 5_000, windows=[("08:00", "09:00"), ("17:00", "18:00")]),
        ],
        [
            build.executive("E1", rest=build.pause(30, "09:30", "10:30"), skills=["aadhaar_kit"]),
            build.executive("E2", "12:00", "20:00", start=build.place("H2", -600, -600)),
            build.executive("E3", "09:00", "15:00"),
        ],
    )
    return problem, document(problem, {"E1": ["A1", "A2", "D1"], "E2": ["A3"], "E3": ["D2"]} | {"E3": []})


def tree(page: str) -> ElementTree.Element:
    """The page read as XML, but for script and style; fails where a tag is not closed or text not escaped."""
    bare = re.sub(r"(<(style|script)>).*?(</\2>)", r"\1\3", page, flags=re.DOTALL)
    return ElementTree.fromstring(bare.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314  (our own page)


def words(element: ElementTree.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def having(root: ElementTree.Element, **attributes: str) -> list[ElementTree.Element]:
    """All elements with these attributes; `_` stands for `-`, `class_` asks for one of the classes."""

    def fits(element: ElementTree.Element) -> bool:
        for key, value in attributes.items():
            found = element.get(key.rstrip("_").replace("_", "-"), "")
            if not (value in found.split() if key == "class_" else found == value):
                return False
        return True

    return [element for element in root.iter() if fits(element)]


class Tags(HTMLParser):
    """Counts elements the way a browser meets them and checks that they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.seen[name] += 1
        self.open.append(name)

    def handle_startendtag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.seen[name] += 1

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


# ------------------------------------------------------------------------------- what is on it


def test_every_stop_stands_once_on_the_map_the_timeline_and_in_its_roster_with_its_number_and_times() -> None:
    problem, plan = a_day()
    root = tree(plan_page(problem, plan))
    city_map, rows = having(root, id="map")[0], having(root, id="rows")[0]
    stops = [(route["executive"], stop) for route in plan["routes"] for stop in route["stops"]]
    assert len(stops) == 4
    for executive, stop in stops:
        (mark,) = having(city_map, class_="mark", data_v=stop["visit"], data_e=executive)
        assert [t.text for t in mark.iter(f"{SVG}text")] == [str(stop["sequence"])]
        assert stop["kind"] in mark.get("class", "").split()
        told = words(mark)
        (row,) = having(rows, class_="row", data_e=executive)
        (bar,) = [e for e in having(row, data_v=stop["visit"]) if e.tag == f"{SVG}g"]
        title = mark.find(f".//{SVG}title")
        assert words(bar).endswith(words(mark if title is None else title)) or words(bar) in told
        (roster,) = having(root, id=f"roster-{executive}")
        (line,) = having(roster, data_v=stop["visit"])
        cells = [words(cell) for cell in line]
        assert cells[:2] == [str(stop["sequence"]), stop["visit"]]
        assert cells[4:7] == [stop[key][11:16] for key in ("arrival", "start", "end")]
        for part in (stop["visit"], f"arrival {cells[4]}, start {cells[5]}, end {cells[6]}", stop["kind"]):
            assert part in told


def test_every_executive_stands_once_in_legend_and_timeline_also_without_visits() -> None:
    problem, plan = a_day()
    root = tree(plan_page(problem, plan))
    (legend,) = having(root, class_="legend")
    assert [b.get("data-e") for b in legend.iter("button")] == ["E1", "E2", "E3"]
    assert [r.get("data-e") for r in having(root, class_="row") if r.get("data-e")] == ["E1", "E2", "E3"]
    assert [r.get("data-e") for r in having(root, class_="roster")] == ["E1", "E2"]
    assert words(having(root, id="idle")[0]) == "Without visits: E3."
    links = [link.get("href", "") for link in having(root, class_="who") if link.get("href")]
    assert all(having(root, id=link.removeprefix("#")) for link in links)
    assert len(links) == 3


def test_an_executive_has_one_colour_on_map_legend_timeline_and_roster() -> None:
    problem = build.problem([], [build.executive(f"E{n:02d}") for n in range(64)])
    root = tree(plan_page(problem, document(problem, {})))
    (legend,) = having(root, class_="legend")
    styles = [" ".join(item.get("class", "").split()[:2]) for item in legend]
    assert len(set(styles)) == 64
    rows = [row.get("class", "") for row in having(root, class_="row") if row.get("data-e")]
    assert rows == [f"row {style}" for style in styles]


def test_ids_on_the_page_are_unique() -> None:
    problem, plan = a_day()
    ids = [e.get("id") for e in tree(plan_page(problem, plan)).iter() if e.get("id")]
    assert len(ids) == len(set(ids))


def test_the_roster_tells_departure_break_and_return() -> None:
    problem, plan = a_day()
    root = tree(plan_page(problem, plan))
    (roster,) = having(root, id="roster-E1")
    asides = [words(row) for row in having(roster, class_="aside")]
    route = plan["routes"][0]
    assert asides[0] == f"Leaves office {route['depart'][11:16]}"
    assert asides[-1] == f"Back at office {route['return'][11:16]}"
    assert (
        f"Break at {route['break']['place']} {route['break']['start'][11:16]} {route['break']['end'][11:16]}" in asides
    )
    assert "shift 08:00\u201316:00, break of 30 min begins 09:30\u201310:30" in words(roster)
    assert "skills aadhaar_kit" in words(roster)
    (home,) = having(root, id="roster-E2")
    assert "Leaves home" in words(home)


def test_unassigned_visits_are_listed_with_reason_and_proof_and_marked_on_the_map() -> None:
    problem, plan = a_day()
    root = tree(plan_page(problem, plan))
    (part,) = having(root, id="unassigned")
    for visit_id, reason in REASONS.items():
        (row,) = having(part, data_v=visit_id)
        assert reason["text"] in words(row)
        assert reason["code"] in words(row)
        assert words(row).endswith(reason["proof"])
        (mark,) = having(having(root, id="map")[0], class_="mark", data_v=visit_id)
        assert reason["text"] in words(mark)
    assert "broken" in having(root, class_="mark", data_v="A9")[0].get("class", "")
    assert "left" in having(root, class_="mark", data_v="D9")[0].get("class", "")
    (d9,) = having(part, data_v="D9")
    assert "08:00\u201309:00, 17:00\u201318:00" in words(d9)
    assert "Broken: A9." in words(root)


def test_a_visit_without_a_reason_says_so() -> None:
    problem, plan = a_day()
    bare = {"code": "slot_full", "proof": "", "text": ""}
    plan["unassigned"] = [{"id": "A9", "reasons": []}, {"id": "D2"}, {"id": "D9", "reasons": [bare]}]
    (part,) = having(tree(plan_page(problem, plan)), id="unassigned")
    assert "no reason given" in words(having(part, data_v="A9")[0])
    assert "no reason given" in words(having(part, data_v="D2")[0])
    assert "slot full" in words(having(part, data_v="D9")[0])


def test_all_reasons_of_a_visit_are_shown_in_their_order() -> None:
    problem, plan = a_day()
    plan["unassigned"] = [{"id": "A9", "reasons": [REASONS["D9"], REASONS["A9"]]}]
    (part,) = having(tree(plan_page(problem, plan)), id="unassigned")
    told = [words(why) for why in having(part, class_="why")]
    assert [line.startswith(REASONS[v]["text"]) for line, v in zip(told, ("D9", "A9"), strict=True)] == [True, True]


def test_key_figures_agree_with_the_report() -> None:
    problem, plan = a_day()
    (tiles,) = having(tree(plan_page(problem, plan)), class_="tiles")
    shown = {words(tile[0]): (words(tile[1]), words(tile[2])) for tile in tiles}
    told = plan["kpis"]
    assert shown["Appointments kept"] == ("3 of 4", "1 broken")
    assert shown["Deliveries made"] == ("1 of 3", "2 left for another day")
    assert shown["Travel"][0] == duration(told["travel_s"])
    assert shown["Travel"][1] == f"{told['distance_m'] / 1000:.1f} km; {duration(told['drive_s'])} on the clock"
    assert shown["Waiting"][0] == duration(told["waiting_s"])
    assert shown["Overtime"] == (duration(told["overtime_s"]), "0 executives")
    assert shown["Executives out"] == ("2 of 3", "1 to 3 stops each")
    busy = f"{duration(told['busy_min_s'])} to {duration(told['busy_max_s'])}"
    assert shown["Busy time spread"] == (duration(told["busy_spread_s"]), busy)


def test_slots_tell_appointments_kept_and_broken_and_executives_who_could_take_one() -> None:
    problem, plan = a_day()
    uses = plan["kpis"]["slots"]
    (part,) = having(tree(plan_page(problem, plan)), id="slots")
    shown = [(words(row[0]), words(row[2])) for row in part.findall(".//tbody/tr")]
    assert shown == [
        (
            f"{hhmm(use['slot']['open_s'])}\u2013{hhmm(use['slot']['close_s'])}",
            f"{use['served']} of {use['executives']}"
            + (f", {use['appointments'] - use['served']} broken" if use["appointments"] > use["served"] else ""),
        )
        for use in uses
    ]
    assert ("10:00\u201311:00", "1 of 2, 1 broken") in shown


def test_without_the_report_slots_count_executives_on_shift() -> None:
    problem, plan = a_day()
    del plan["kpis"]
    (part,) = having(tree(plan_page(problem, plan)), id="slots")
    shown = {words(row[0]): words(row[2]) for row in part.findall(".//tbody/tr")}
    assert shown["08:00\u201309:00"] == "0 of 1"
    assert shown["14:00\u201315:00"] == "1 of 3"
    assert shown["15:00\u201316:00"] == "0 of 2"


def test_how_the_plan_was_made_can_be_read() -> None:
    problem, plan = a_day()
    (part,) = having(tree(plan_page(problem, plan)), id="made")
    for fact in ("insertion", "Seed 7", "4.81 s", "toy map", "3f0a" * 16, f"sum {plan['cost']:,}", "none proven"):
        assert fact in words(part)


def test_figures_of_the_report_are_shown_when_there_and_not_missed_when_absent() -> None:
    problem, plan = a_day()
    figures = {"travel_s": 3_725, "distance_m": 12_340, "served": 3, "share": 0.5, "late": False, "slots": []}
    (shown,) = having(tree(plan_page(problem, plan | {"kpis": figures})), class_="kpis")
    rows = [words(row) for row in shown.findall("./dl/div")]
    assert rows == ["travel 3,725 s (1 h 02 min)", "distance 12,340 m (12.3 km)", "served 3", "share 0.5", "late no"]
    del plan["kpis"]
    assert not having(tree(plan_page(problem, plan)), class_="kpis")


# ---------------------------------------------------------------------------- status in plain words


@pytest.mark.parametrize(
    ("promises", "broken", "changes", "said"),
    [
        (
            52,
            0,
            {"status": "feasible", "gap": 0.0117, "cost": 31_204},
            "All 52 promises kept; cost 31,204 cost seconds, proven within 1.17 % of the least possible.",
        ),
        (
            52,
            0,
            {"status": "optimal", "gap": 0.0, "cost": 9},
            "All 52 promises kept; cost 9 cost seconds, proven the least possible.",
        ),
        (
            1,
            0,
            {"status": "feasible", "gap": None, "cost": 9},
            "The one promise is kept; cost 9 cost seconds, no lower bound is proven, so a cheaper plan may exist.",
        ),
        (
            5,
            2,
            {"status": "unknown", "gap": None, "cost": 9},
            "2 of 5 promises broken; whether another plan could keep them is not proven; cost 9 cost seconds.",
        ),
        (
            5,
            2,
            {"status": "infeasible", "gap": None, "cost": 9, "broken_promises_bound": 2},
            "2 of 5 promises broken; it is proven that no plan keeps them all (a weight of 2 breaks at least); "
            "cost 9 cost seconds.",
        ),
        (
            5,
            1,
            {"status": "infeasible", "gap": 0.012, "cost": 9, "broken_promises_bound": 1},
            "1 of 5 promises broken; it is proven that no plan keeps them all; "
            "cost 9 cost seconds, proven within 1.2 % of the least where no more are broken.",
        ),
        (
            5,
            1,
            {"status": "infeasible", "gap": 0.0, "cost": 9, "broken_promises_bound": 1},
            "1 of 5 promises broken; it is proven that no plan keeps them all; "
            "cost 9 cost seconds, proven the least possible where no more are broken.",
        ),
        (
            0,
            0,
            {"status": "optimal", "gap": 0.0, "cost": 0},
            "No appointments are promised on this day; cost 0 cost seconds, proven the least possible.",
        ),
    ],
)
def test_the_status_is_said_in_plain_words(promises: int, broken: int, changes: dict[str, Any], said: str) -> None:
    assert status_words(promises, broken, {"broken_promises_bound": 0} | changes) == said


@pytest.mark.parametrize(("gap", "said"), [(0.012, "1.2 %"), (0.01201, "1.21 %"), (0.000_001, "0.01 %"), (0.0, "0 %")])
def test_a_gap_is_rounded_up_so_that_it_stays_true(gap: float, said: str) -> None:
    assert per_cent_up(gap) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 min"), (20, "under 1 min"), (95, "2 min"), (3_569, "59 min"), (36_300, "10 h 05 min")]
)
def test_durations_read_in_hours_and_minutes(seconds: int, said: str) -> None:
    assert duration(seconds) == said


# ------------------------------------------------------------------------------------- days at the edge


def test_a_day_without_visits_has_its_shifts_and_its_office() -> None:
    problem = build.problem([], [build.executive("E1")])
    root = tree(plan_page(problem, document(problem, {}, status="optimal", gap=0.0, lower_bound=0)))
    assert "No appointments are promised on this day" in words(root)
    assert "Every visit of the day is on a route." in words(root)
    assert len(having(root, class_="office")) == 2  # on the map and in its key
    assert [r.get("data-e") for r in having(root, class_="row") if r.get("data-e")] == ["E1"]


def test_a_day_without_executives_breaks_every_promise_in_sight() -> None:
    problem = build.problem([build.appointment("A9"), build.delivery("D9", 900)], [])
    root = tree(plan_page(problem, document(problem, {}, status="infeasible", broken_promises_bound=1)))
    assert "1 of 1 promise broken; it is proven that no plan keeps them all" in words(root)
    assert words(root).count("No executive works on this day.") == 3
    assert len(having(having(root, id="map")[0], class_="mark")) == 3


@pytest.mark.parametrize("minutes", [30, 60, 120])
def test_the_slot_grid_of_the_day_is_drawn(minutes: int) -> None:
    grid = SlotGrid(slot_s=minutes * 60)
    problem = build.problem([], [build.executive("E1")], grid=grid)
    root = tree(plan_page(problem, document(problem, {})))
    assert len([e for e in root.iter(f"{SVG}line") if e.get("class") == "slot"]) == len(grid) + 1
    assert len([e for e in root.iter(f"{SVG}line") if e.get("class") == "hour"]) == (6 if minutes == 120 else 0)


def test_a_day_of_a_hundred_stops_stays_under_400_kilobytes() -> None:
    visits = [
        build.appointment(f"A{e}-{h}", f"{h:02d}:00", 100 * e, 40 * h, service_s=900)
        for e in range(20)
        for h in range(9, 14)
    ]
    problem = build.problem(visits, [build.executive(f"E{e:02d}", "08:00", "18:00") for e in range(20)])
    orders = {f"E{e:02d}": [f"A{e}-{h}" for h in range(9, 14)] for e in range(20)}
    assert len(plan_page(problem, document(problem, orders)).encode()) < 400_000


# ------------------------------------------------------------------------------- safe and the same


def test_the_page_closes_every_tag_for_a_browser_too() -> None:
    tags = Tags()
    tags.feed(plan_page(*a_day()))
    tags.close()
    assert tags.open == []
    assert tags.seen["html"] == tags.seen["main"] == tags.seen["script"] == 1


def test_nothing_is_fetched_from_anywhere() -> None:
    page = plan_page(*a_day(), landmarks=[Landmark("Pandri", 81.64, 21.25)])
    assert set(re.findall(r"https?://[^\"'\s)]*", page)) == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"xmlns=\"[^\"]*\"", page)) == {'xmlns="http://www.w3.org/2000/svg"'}
    assert set(re.findall(r"url\(([^)]*)\)", page)) == {"#stripes"}
    assert not re.search(r"@import|\bsrc=|\bsrcset=|<iframe|<img|<object|fetch\(|XMLHttp|EventSource|WebSocket", page)
    root = tree(page)
    assert [link.get("href") for link in root.iter("link")] == ["data:,"]
    assert {link.get("href", "")[:1] for link in root.iter("a")} == {"#", "g"}  # parts of the page, and geo: places


def test_the_policy_of_the_page_allows_its_own_script_and_no_other() -> None:
    page = plan_page(*a_day())
    script = page[page.index("<script>") + len("<script>") : page.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [m.get("content", "") for m in tree(page).iter("meta") if m.get("http-equiv")]
    assert policy.startswith("default-src 'none';")
    assert policy.endswith(f"script-src 'sha256-{digest}'")


def test_names_from_outside_are_text_and_never_markup() -> None:
    evil = "</title><script>alert('x')</script><b a=\"&amp;\x00"
    problem, plan = a_day()
    a1 = problem.visit_by_id["A1"]
    assert isinstance(a1, Appointment)
    named = Appointment("A1", a1.place, a1.slot, a1.service_s, service_id=evil)
    problem = build.problem([named, *problem.visits[1:]], problem.executives)
    plan |= {"travel_origin": evil, "engine": evil, "kpis": {evil: evil}, "status": "unknown"}
    for left in plan["unassigned"]:
        left["reasons"] = [{"code": evil, "proof": evil, "text": evil}]
    page = plan_page(
        problem,
        plan,
        city_name=evil,
        day_name=evil,
        service_names={"x": evil},
        landmarks=[Landmark(evil, build.WEST_LON - 0.05, build.SOUTH_LAT + 0.09)],
    )
    assert page.count("<script") == page.count("</script>") == 1
    tags = Tags()
    tags.feed(page)
    assert tags.seen["script"] == 1
    root = tree(page)
    assert words(root).count("alert('x')") > 20
    assert root.find(".//b[@a]") is None
    assert "alert('x')" in words(having(root, class_="landmarks")[0])


def test_hindi_names_go_through_unchanged() -> None:
    problem, plan = a_day()
    root = tree(plan_page(problem, plan, city_name="रायपुर", landmarks=[Landmark("पंडरी", 81.55, 21.3)]))
    assert words(root.findall(".//h1")[0]) == "रायपुर Tuesday, 1 December 2026"
    assert "पंडरी" in words(having(root, class_="landmarks")[0])


def test_the_page_says_its_language_and_names_its_drawings() -> None:
    root = tree(plan_page(*a_day()))
    assert root.get("lang") == "en"
    assert words(root.findall(".//head/title")[0]) == "Raipur, Tuesday, 1 December 2026: day plan"
    for drawing in root.iter(f"{SVG}svg"):
        assert (
            drawing.get("aria-label")
            or drawing.get("aria-hidden") == "true"
            or "axis" in drawing.get("class", "")
            or (drawing.get("class") == "lane")
        )
    assert having(root, id="map")[0].get("aria-label") == "Map of Raipur: 2 routes, 7 visits"
    (row,) = [e for e in having(root, class_="lane") if e.get("aria-label", "").startswith("E2")]
    assert row.get("aria-label", "").startswith("E2: 1 stop, out 13:")


def test_the_same_plan_gives_the_same_page_whatever_the_order_of_its_routes() -> None:
    problem, plan = a_day()
    again = plan | {"routes": plan["routes"][::-1]}
    assert plan_page(problem, plan) == plan_page(*a_day()) == plan_page(problem, again)


def test_the_plan_of_another_day_is_refused() -> None:
    problem, plan = a_day()
    with pytest.raises(ValueError, match="2026-12-02"):
        plan_page(problem, plan | {"date": "2026-12-02"})
    with pytest.raises(ValueError, match="names X1, unknown"):
        plan_page(problem, plan | {"unassigned": [{"id": "X1"}]})


def test_text_attributes_and_markup_keep_apart() -> None:
    inner = tag("b", "1 < 2 & 3")
    assert tag("p", inner, '"', class_='a"b', data_v=None) == '<p class="a&quot;b"><b>1 &lt; 2 &amp; 3</b>&quot;</p>'
    assert tag("line", x1=1.0, y1=-0.001) == '<line x1="1" y1="0"/>'


# --------------------------------------------------------------------------------- times and places


def test_the_stretches_of_a_route_follow_each_other_without_gaps_and_add_up() -> None:
    problem, plan = a_day()
    view = read_view(problem, plan, "Raipur", None, {}, ())
    route = view.working[0].route
    assert route is not None
    parts = stretches(route)
    assert parts[0].start_s == route.depart_s
    assert parts[-1].end_s == route.end_s
    assert all(a.end_s == b.start_s for a, b in pairwise(parts))
    total = Counter({doing: sum(p.end_s - p.start_s for p in parts if p.doing == doing) for doing in Doing})
    assert total[Doing.SERVICE] == 1_200 + 1_200 + 300
    assert total[Doing.BREAK] == 1_800
    assert total[Doing.TRAVEL] == route.drive_s == route.travel_s  # no margin, one speed all day
    assert total[Doing.WAIT] >= route.wait_s


@given(st.data())
def test_the_page_of_any_plan_is_whole_and_its_times_agree_with_the_report(data: st.DataObject) -> None:
    problem = data.draw(problems(max_visits=6))
    orders = data.draw(runnable_orders(problem))
    plan = document(problem, orders)
    view = read_view(problem, plan, "Raipur", None, {}, ())
    for route in view.routes:
        parts = stretches(route)
        assert all(a.end_s <= b.start_s for a, b in pairwise(parts))
        assert sum(p.end_s - p.start_s for p in parts if p.doing == Doing.TRAVEL) == route.drive_s
        inside = [p for p in parts if p.doing == Doing.WAIT and p.start_s < route.return_s]
        assert sum(p.end_s - p.start_s for p in inside) == route.wait_s
    assert sum(route.wait_s for route in view.routes) == plan["kpis"]["waiting_s"]
    assert sum(route.drive_s for route in view.routes) == plan["kpis"]["drive_s"]
    root = tree(plan_page(problem, plan))
    shown = Counter(mark.get("data-v") for mark in having(root, class_="mark") if mark.get("data-v"))
    assert shown == Counter(visit.visit_id for visit in problem.visits)


def test_waiting_for_a_last_visit_that_takes_no_time_where_the_route_ends_is_seen() -> None:
    quick = [build.appointment(name, opens, service_s=0) for name, opens in (("A1", "08:00"), ("A2", "10:00"))]
    problem = build.problem(quick, [build.executive("E1")])
    view = read_view(problem, document(problem, {"E1": ["A1", "A2"]}), "Raipur", None, {}, ())
    (route,) = view.routes
    assert route.wait_s > 0
    assert [(s.doing, s.end_s - s.start_s) for s in stretches(route)] == [(Doing.WAIT, route.wait_s)]


def test_a_break_at_a_door_is_not_counted_as_waiting() -> None:
    problem = build.problem(
        [build.appointment("A1", "10:00", 600), build.appointment("A2", "12:00", 600, 300)],
        [build.executive("E1", rest=build.pause(30, "11:00", "12:00"))],
    )
    view = read_view(problem, document(problem, {"E1": ["A1", "A2"]}), "Raipur", None, {}, ())
    route = view.working[0].route
    assert route is not None
    first, second = route.stops
    assert second.start_s - first.end_s == 6_000  # 10:20 to 12:00, of it 300 travel, 1,800 break, the rest waiting
    assert sum(s.end_s - s.start_s for s in stretches(route) if s.doing == Doing.WAIT) == 6_000 - 300 - 1_800
    assert first.wait_s + second.wait_s <= 6_000 - 300 - 1_800


def test_a_break_before_departure_is_drawn_before_it() -> None:
    problem = build.problem(
        [build.appointment("A1", "12:00", 600)], [build.executive("E1", rest=build.pause(30, "08:00", "08:30"))]
    )
    plan = document(problem, {"E1": ["A1"]})
    view = read_view(problem, plan, "Raipur", None, {}, ())
    route = view.working[0].route
    assert route is not None
    assert route.pause is not None
    assert route.pause.end_s <= route.depart_s
    assert [p.doing for p in stretches(route)] == [Doing.BREAK, Doing.TRAVEL, Doing.SERVICE, Doing.TRAVEL]
    asides = [words(row) for row in having(tree(plan_page(problem, plan)), class_="aside")]
    assert [a.split()[0] for a in asides] == ["Break", "Leaves", "Back"]


def test_a_kilometre_is_as_long_east_as_north_and_everything_lies_on_the_map() -> None:
    places = [Place("a", 81.55, 21.15), Place("b", 81.75, 21.35), Place("c", 81.6, 21.3)]
    flat = projection(places)
    x0, y0 = flat.at(81.65, 21.25)
    x1, _ = flat.at(81.65 + 1 / (111.195 * math.cos(math.radians(21.25))), 21.25)
    _, y1 = flat.at(81.65, 21.25 + 1 / 111.195)
    assert x1 - x0 == pytest.approx(flat.per_km, rel=0.001)
    assert y0 - y1 == pytest.approx(flat.per_km, rel=0.001)
    for place in places:
        x, y = flat.at(place.lon, place.lat)
        assert 39 <= x <= 961
        assert 39 <= y <= flat.height - 39


def test_marks_on_one_spot_are_moved_apart_but_not_far_and_the_office_stays() -> None:
    points = [(500.0, 500.0)] * 5 + [(505.0, 500.0), (800.0, 100.0)]
    offsets = spread(points, 10, fixed=1)
    moved = [(x + dx, y + dy) for (x, y), (dx, dy) in zip(points, offsets, strict=True)]
    assert math.hypot(*offsets[0]) == 0
    assert math.hypot(*offsets[-1]) < 0.1
    assert all(math.hypot(*o) <= FARTHEST_RADII * 10 + 1e-6 for o in offsets)
    assert min(math.dist(a, b) for i, a in enumerate(moved) for b in moved[:i]) > 17
    assert offsets == spread(points, 10, fixed=1)


def test_landmarks_cover_neither_marks_nor_each_other() -> None:
    problem, plan = a_day()
    office = Landmark("Under the office", build.WEST_LON, build.SOUTH_LAT)
    free = Landmark("Free", build.WEST_LON - 0.05, build.SOUTH_LAT + 0.09)
    twin = Landmark("Twin", free.lon, free.lat)
    far = Landmark("Elsewhere", 90.0, 10.0)
    (shown,) = having(tree(plan_page(problem, plan, landmarks=[office, free, twin, far])), class_="landmarks")
    assert [(words(g), g.get("class")) for g in shown] == [("Free", "z1")]


# --------------------------------------------------------------------------------- in a real browser


@pytest.mark.long
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_the_script_runs_in_a_browser_under_the_policy_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "plan.html").write_text(plan_page(*a_day()), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    done = subprocess.run(
        ["chromium", *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path}/plan.html"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert '<html lang="en" class="script">' in done.stdout
    assert 'data-tip="E1, stop 1: A1' in done.stdout
