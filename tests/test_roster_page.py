"""The page of rosters and its pictures: true to what they are made of, safe to open, readable without colour."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from api.roster_page import (
    CoverView,
    GridRow,
    GridView,
    LocalityRefusals,
    QuotaCell,
    QuotaView,
    RefusalView,
    ShiftKind,
    cover_svgs,
    cover_view,
    grid_svgs,
    grid_view,
    quota_svgs,
    quota_view,
    refusal_svg,
    refusal_view,
    roster_page,
)
from api.roster_page import cover as covers
from api.roster_page import grid as grids
from api.roster_page import quotas as heats
from api.roster_page import refusals as maps
from api.roster_page.drawing import blocks, shade, stretch_words
from api.roster_page.quotas import cell_title, day_most
from api.roster_page.refusals import colour, per_cent, radius
from api.roster_page.views import mean_words
from optimizer.capacity import Quotas, Union
from optimizer.demand import ANYBODY, Demand, Need, sorted_needs
from optimizer.domain import Break, InvalidProblem, Place, Shift, SlotGrid, TimeWindow
from optimizer.roster import (
    Contract,
    DayRequest,
    LabourRules,
    Roster,
    RosterProblem,
    ShiftPattern,
    coverage,
    greedy_roster,
)
from optimizer.units import HOUR_S, MINUTE_S
from scenarios.generate.staffing import staffing_problem

SVG = "{http://www.w3.org/2000/svg}"
FRIDAY = dt.date(2026, 12, 4)
KIT, CAMERA = frozenset({"aadhaar_kit"}), frozenset({"camera"})
OFFICE = Place("office", 81.63, 21.25)
EIGHT = ShiftPattern(
    "early", Shift(8 * HOUR_S, 16 * HOUR_S), Break(30 * MINUTE_S, TimeWindow(12 * HOUR_S, 12 * HOUR_S))
)
TWELVE = ShiftPattern(
    "late", Shift(12 * HOUR_S, 20 * HOUR_S), Break(30 * MINUTE_S, TimeWindow(16 * HOUR_S, 16 * HOUR_S))
)
INK = "#1c2126"


def date(day: int) -> dt.date:
    return FRIDAY + dt.timedelta(days=day)


def problem_of(wanted: Mapping[tuple[int, int, Need], float], skills: Sequence[Need] = (ANYBODY, KIT)) -> RosterProblem:
    """Five days from a Friday on, closed on the last one; A has no kit, B has one and is away on the Saturday."""
    grid = SlotGrid()
    needs = sorted_needs([ANYBODY, *(need for _, _, need in wanted)])
    expected = np.zeros((5, len(grid), len(needs)))
    for (day, slot, need), executives in wanted.items():
        expected[day, slot, needs.index(need)] = executives
    names = [chr(ord("A") + number) for number in range(len(skills))]
    staff = tuple(
        Contract(name, OFFICE, OFFICE, held, leave=frozenset({date(1)} if name == "B" else ()))
        for name, held in zip(names, skills, strict=True)
    )
    wishes = Demand(FRIDAY, grid, needs, expected)
    closed = {date(4): "closed_date"}
    return RosterProblem("korba", FRIDAY, 5, grid, (EIGHT, TWELVE), staff, wishes, LabourRules(), closed=closed)


PROBLEM = problem_of({(0, 0, ANYBODY): 3, (0, 9, KIT): 1.25, (1, 9, KIT): 0.5, (2, 0, ANYBODY): 1})
ROSTER = Roster(
    FRIDAY, {"A": ("early", "late", "early", None, None), "B": ("late", None, "late", "early", None)}
)  # E.g. the Friday: A from 8 to 16, B from 12 to 20


def quotas_of_two(places: Sequence[tuple[int, int]], grid: SlotGrid, day_most: int | None = None) -> Quotas:
    limits: dict[Union, tuple[int, ...]] = {
        (0,): tuple(a + b for a, b in places),
        (1,): tuple(b for _, b in places),
        (0, 1): tuple(a + b for a, b in places),
    }
    return Quotas(grid, (ANYBODY, KIT), tuple(places), limits, day_most=day_most)


THREE = SlotGrid(8 * HOUR_S, 11 * HOUR_S, HOUR_S)


def some_quotas() -> QuotaView:
    quotas = {date(0): quotas_of_two([(3, 1), (2, 1), (1, 0)], THREE), date(2): quotas_of_two([(4, 2)] * 3, THREE, 5)}
    taken = {date(0): np.array([[1, 1], [3, 0], [2, 0]])}
    return quota_view(quotas, taken, {date(3): "closed_date"}, {(date(2), 1): "stop_sale"})


def some_refusals() -> RefusalView:
    rows = [("Balco", 82.75, 22.40, 40, 4), ("Darri", 82.69, 22.41, 10, 8), ("Kusmunda", 82.65, 22.35, 20, 0)]
    return refusal_view(rows)


def tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  (our own drawing)


def titles(svg: str) -> list[str]:
    """What is told under the pointer, mark by mark."""
    return [
        found.findtext(f"{SVG}title") or ""
        for found in tree(svg).iter(f"{SVG}g")
        if found.find(f"{SVG}title") is not None
    ]


def mark(svg: str, title: str) -> ElementTree.Element:
    """The one mark with this title."""
    (found,) = (g for g in tree(svg).iter(f"{SVG}g") if g.findtext(f"{SVG}title") == title)
    return found


def words(element: ElementTree.Element) -> list[str]:
    """The texts that are drawn."""
    return [text.text or "" for text in element.iter(f"{SVG}text")]


def tables(page: str) -> dict[str, list[list[str]]]:
    """The cells of each table by its caption, heads first."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).removeprefix("<!DOCTYPE html>\n")
    found = {}
    for table in ElementTree.fromstring(body).iter("table"):  # noqa: S314  (our own page)
        rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
        found["".join(table.find("caption").itertext())] = rows  # type: ignore[union-attr]
    return found


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 counts it."""

    def light(hexes: str) -> float:
        parts = [int(hexes[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


# -------------------------------------------------------------------------------------- the roster


def test_the_grid_has_a_cell_for_each_executive_and_date_and_totals_of_all() -> None:
    view = grid_view(PROBLEM, ROSTER)
    assert [(s.pattern_id, s.letters, s.worked_s, s.closing) for s in view.shifts] == [
        ("early", "8", 7.5 * HOUR_S, False),
        ("late", "12", 7.5 * HOUR_S, True),
    ]
    assert [row.cells for row in view.rows] == [ROSTER.rows["A"], ROSTER.rows["B"]]
    assert [[grids.cell_words(view, row, day) for day in range(5)] for row in view.rows] == [
        ["8", "12", "8", "\u00b7", "\u2013"],
        ["12", "L", "12", "8", "\u2013"],
    ]
    assert [grids.total_words(view, row) for row in view.rows] == [("3", "22.5", "1", "1"), ("3", "22.5", "2", "1")]
    assert [view.on_shift(day) for day in range(5)] == [2, 1, 2, 1, 0]
    found = tables(roster_page("Korba", grid=view))
    assert found["Shifts, hours, closing shifts and Sundays by executive"][1:] == [
        ["A", "3", "22.5", "1", "1"],
        ["B", "3", "22.5", "2", "1"],
    ]
    assert found["Shift by executive and date"] == [
        ["executive", "4 Dec", "5 Dec", "6 Dec", "7 Dec", "8 Dec"],
        ["A", "8", "12", "8", "\u00b7", "\u2013"],
        ["B", "12", "L", "12", "8", "\u2013"],
    ]


def test_a_cell_of_the_drawing_says_who_when_and_what() -> None:
    (svg,) = grid_svgs(grid_view(PROBLEM, ROSTER))
    assert words(mark(svg, "A, Fri 4 Dec 2026: early, 08:00\u201316:00")) == ["8"]
    late = mark(svg, "B, Sun 6 Dec 2026: late, 12:00\u201320:00, closing shift")
    assert words(late) == ["12"]
    assert late.find(f"{SVG}path[@class='closing']") is not None
    assert words(mark(svg, "B, Sat 5 Dec 2026: leave")) == ["L"]
    assert words(mark(svg, "A, Mon 7 Dec 2026: day off")) == ["\u00b7"]
    assert len(titles(svg)) == 2 + 2 * 4 + 1  # names, cells of open days, the closed day


def test_what_executives_would_have_liked_is_marked_where_it_is_otherwise() -> None:
    asks = (
        DayRequest(date(0), None),  # A works early
        DayRequest(date(1), "late"),  # as A does
        DayRequest(date(3), "early"),  # A has a day off
        DayRequest(date(9), None),  # another roster
    )
    staff = (replace(PROBLEM.staff[0], requests=asks), PROBLEM.staff[1])
    view = grid_view(replace(PROBLEM, staff=staff), ROSTER)
    assert [row.refused for row in view.rows] == [{date(0): None, date(3): "early"}, {}]
    (svg,) = grid_svgs(view)
    for words_of in (
        "A, Fri 4 Dec 2026: early, 08:00\u201316:00; would have liked a day off",
        "A, Mon 7 Dec 2026: day off; would have liked early",
    ):
        assert mark(svg, words_of).find(f"{SVG}path[@class='refused-request']") is not None
    assert len(tree(svg).findall(f".//{SVG}path[@class='refused-request']")) == 2 + 1  # and the key
    assert "would have liked something else" in words(tree(svg))
    assert [grids.cell_words(view, view.rows[0], day) for day in range(4)] == ["8*", "12", "8", "\u00b7*"]
    assert 'class="refused-request"' not in grid_svgs(grid_view(PROBLEM, ROSTER))[0]


def test_a_closed_day_is_hatched_from_top_to_bottom_with_the_reason() -> None:
    (svg,) = grid_svgs(grid_view(PROBLEM, ROSTER))
    area = mark(svg, "Tue 8 Dec 2026: closed, closed date").find(f"{SVG}rect")
    assert area is not None
    assert area.get("fill") == "url(#grid-1-closed)"
    assert float(area.get("height", 0)) == 2 * grids.ROW
    assert tree(svg).find(f".//{SVG}pattern[@id='grid-1-closed']") is not None


def test_sundays_and_weeks_are_marked() -> None:
    (svg,) = grid_svgs(grid_view(PROBLEM, ROSTER))
    drawn = words(tree(svg))
    assert {"week 49", "week 50"} <= set(drawn)  # so few days have no room for the date
    assert [drawn.count(day) for day in ("Fr", "Sa", "Su", "Mo", "Tu")] == [1] * 5
    assert len(tree(svg).findall(f".//{SVG}rect[@class='sunday']")) == 1 + 1  # the column and the key


def test_shifts_are_told_apart_by_letters_when_they_begin_together() -> None:
    grid = SlotGrid()
    patterns = [("x", 8 * HOUR_S, 14 * HOUR_S), ("y", 8 * HOUR_S, 12 * HOUR_S), ("z", 9 * HOUR_S + 1_800, 13 * HOUR_S)]
    problem = RosterProblem(
        *("korba", FRIDAY, 1, grid),
        tuple(ShiftPattern(name, Shift(begin, end)) for name, begin, end in patterns),
        (Contract("A", OFFICE, OFFICE),),
        Demand(FRIDAY, grid, (ANYBODY,), np.zeros((1, 12, 1))),
        LabourRules(stretch_s=None),
    )
    view = grid_view(problem, Roster(FRIDAY, {"A": ("x",)}))
    assert {shift.pattern_id: shift.letters for shift in view.shifts} == {"x": "8b", "y": "8a", "z": "9:30"}


def test_who_works_on_a_day_of_leave_is_shown_at_work() -> None:
    roster = replace(ROSTER, rows={**ROSTER.rows, "B": ("late", "late", "late", "early", None)})
    (svg,) = grid_svgs(grid_view(PROBLEM, roster))
    assert words(mark(svg, "B, Sat 5 Dec 2026: late, 12:00\u201320:00, closing shift, on leave")) == ["12"]


def test_a_grid_with_a_shift_nobody_knows_or_a_missing_day_is_refused_with_all_faults() -> None:
    shift = ShiftKind("early", "8", 0, HOUR_S, HOUR_S)
    rows = (GridRow("A", ("early", "night")), GridRow("B", (None,)))
    with pytest.raises(InvalidProblem) as told:
        GridView((FRIDAY, date(2)), (shift,), rows)
    assert [fault.code for fault in told.value.faults] == ["bad_range", "unknown_pattern", "bad_shape"]
    with pytest.raises(InvalidProblem):
        grid_view(PROBLEM, replace(ROSTER, rows={"A": ("night", None, None, None, None)}))


@pytest.mark.parametrize(
    ("first", "days", "weeks", "lengths"),
    [
        (dt.date(2026, 11, 30), 7, 4, [7]),
        (dt.date(2026, 11, 30), 28, 4, [28]),
        (dt.date(2026, 12, 2), 28, 4, [28]),
        (dt.date(2026, 11, 30), 56, 4, [28, 28]),
        (dt.date(2026, 11, 30), 56, 2, [14] * 4),
        (dt.date(2026, 12, 2), 56, 4, [26, 30]),
        (dt.date(2026, 11, 30), 35, 4, [14, 21]),
    ],
)
def test_weeks_are_cut_on_mondays_into_blocks_alike(first: dt.date, days: int, weeks: int, lengths: list[int]) -> None:
    dates = [first + dt.timedelta(days=day) for day in range(days)]
    cut = blocks(dates, weeks)
    assert [len(block) for block in cut] == lengths
    assert [day for block in cut for day in block] == list(range(days))
    assert all(dates[block.start].weekday() == 0 for block in cut[1:])


@pytest.mark.parametrize(("executives", "weeks"), [(3, 1), (60, 8)])
def test_every_executive_and_date_is_in_one_block_and_totals_are_of_all_dates(executives: int, weeks: int) -> None:
    problem = staffing_problem(executives=executives, weeks=weeks, seed=1)
    view = grid_view(problem, greedy_roster(problem))
    drawn = grid_svgs(view)
    assert len(drawn) == -(-weeks // 4)
    cells = [title for svg in drawn for title in titles(svg) if ", " in title]
    assert len(cells) == len(set(cells)) == executives * 7 * weeks
    totals = grids.total_words(view, view.rows[0])
    for svg in drawn:
        assert sum(words(tree(svg)).count(total) for total in set(totals)) >= 4
        assert "all dates" in words(tree(svg)) or len(drawn) == 1


# ---------------------------------------------------------------------------------------- coverage


def test_cover_is_that_of_the_engine_by_date_slot_and_kit() -> None:
    view = cover_view(PROBLEM, ROSTER)
    assert [part.name for part in view.parts] == [None, "aadhaar_kit"]
    everybody, kit = view.parts
    by_key = {(row.date, row.slot, ANYBODY in row.needs): row for row in coverage(PROBLEM, ROSTER)}
    for part, of_all in ((everybody, True), (kit, False)):
        for day in part.days[:4]:
            for slot, cover in enumerate(day.slots):
                row = by_key[day.date, slot, of_all]
                assert (cover.wanted_quarters, cover.on_shift_quarters, cover.missing_quarters) == (
                    row.wanted_quarters,
                    row.covered_quarters,
                    row.missing_quarters,
                )
                assert cover.met_quarters + cover.spare_quarters == cover.on_shift_quarters
    assert everybody.days[4].closed == "closed_date"
    assert (everybody.open_days, everybody.missing_quarters, kit.missing_quarters) == (4, 8 + 1, 1 + 2)
    first = everybody.days[0].slots[0]
    assert (first.wanted_quarters, first.on_shift_quarters, first.missing_quarters) == (12, 4, 8)


def test_a_slot_of_the_small_charts_says_its_numbers_and_hatches_what_is_missing() -> None:
    svg = cover_svgs(cover_view(PROBLEM, ROSTER))[1]
    thin = mark(svg, "Fri 4 Dec 2026, 08:00\u201309:00: 1 on shift, 3 wanted, 2 missing")
    high = {rect.get("class"): float(rect.get("height", 0)) for rect in thin.iter(f"{SVG}rect")}
    assert high["lack"] == pytest.approx(2 * high["met"], abs=0.02)
    assert thin.find(f"{SVG}rect[@class='lack']").get("fill") == "url(#cover-1-1-missing)"  # type: ignore[union-attr]
    spare = mark(svg, "Fri 4 Dec 2026, 09:00\u201310:00: 1 on shift, 0 wanted")
    assert [rect.get("class") for rect in spare.iter(f"{SVG}rect")] == ["spare", "touch"]
    drawn = words(tree(svg))
    assert "2.25 missing" in drawn  # two at 8, a quarter at 17
    assert "closed date" in drawn
    closed = mark(svg, "Tue 8 Dec 2026: closed, closed date").find(f"{SVG}rect")
    assert closed is not None
    assert closed.get("fill") == "url(#cover-1-1-closed)"


def test_bars_and_line_have_one_scale_and_stay_in_their_frame() -> None:
    drawing = covers.cover_drawings(cover_view(PROBLEM, ROSTER), 0)[1]
    root = tree(drawing.alone())
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("class") in {"met", "lack", "spare"} and rect.get("x") != "0":
            assert float(rect.get("y", 0)) >= covers.TOP + 20 - 0.02
            assert float(rect.get("y", 0)) + float(rect.get("height", 0)) <= drawing.height
    assert len(root.findall(f".//{SVG}path[@class='wanted']")) == 4 + 1  # open days and the key


def test_the_mean_day_has_wanted_on_shift_and_missing_as_numbers() -> None:
    view = cover_view(PROBLEM, ROSTER)
    mean = cover_svgs(view)[0]
    assert titles(mean)[0] == "08:00\u201309:00, mean of a day: 0.8 on shift, 1.0 wanted, 0.5 missing"
    found = tables(roster_page("Korba", cover=view))
    table = found["Mean of the open days, executives, all executives"]
    assert table[:2] == [["slot", "wanted", "on shift", "missing", "not wanted"], ["08:00", "1.0", "0.8", "0.5", "0.2"]]
    assert len(table) == 1 + 12
    days = found["Executives on shift of those wanted, holders of aadhaar_kit"]
    assert days[1][0] == "Fri 4 Dec 2026"
    assert days[1][10] == "1 of 1.25"
    assert [row[-1] for row in days[1:]] == ["0.25", "0.5", "0", "0", "closed date"]
    assert (mean_words(1, 27), mean_words(0, 27), mean_words(11, 1), mean_words(4, 0)) == ("<0.1", "0", "2.8", "0")


def test_two_kits_together_are_shown_only_where_they_lack_somebody() -> None:
    wanted = {(0, 9, KIT): 1.0, (0, 9, CAMERA): 1.0}
    one_has_both = problem_of(wanted, skills=(KIT | CAMERA, KIT, CAMERA, ANYBODY))
    late = ("late", None, None, None, None)
    thin = cover_view(one_has_both, Roster(FRIDAY, {"A": late}))
    assert [part.name for part in thin.parts] == [None, "aadhaar_kit", "camera", "aadhaar_kit or camera"]
    assert [part.missing_quarters for part in thin.parts] == [4, 0, 0, 4]
    enough = cover_view(one_has_both, Roster(FRIDAY, {"A": late, "B": late, "C": late}))
    assert [part.name for part in enough.parts] == [None, "aadhaar_kit", "camera"]
    same = problem_of(wanted, skills=(ANYBODY, KIT | CAMERA))
    held_by_the_same = cover_view(same, Roster(FRIDAY, {"B": late}))
    assert [part.name for part in held_by_the_same.parts] == [None, "aadhaar_kit or camera"]


def test_a_roster_of_closed_days_only_has_no_mean_and_no_error() -> None:
    problem = replace(PROBLEM, days=1, closed={FRIDAY: "closed_date"})
    view = cover_view(problem, Roster(FRIDAY, {"A": (None,), "B": (None,)}))
    assert view.parts[0].open_days == 0
    assert "0 missing on 0 open days" in roster_page("Korba", cover=view)


# ------------------------------------------------------------------------------------------ quotas


def test_quotas_are_shown_by_date_and_slot_for_all_and_for_each_kit() -> None:
    view = some_quotas()
    everybody, kit = view.parts
    assert (everybody.name, kit.name) == (None, "aadhaar_kit")
    assert [day.date for day in everybody.days] == [date(0), date(1), date(2), date(3)]
    assert everybody.days[0].cells == (QuotaCell(4, 2), QuotaCell(3, 3), QuotaCell(1, 2))
    assert kit.days[0].cells == (QuotaCell(1, 1), QuotaCell(1, 0), QuotaCell(0, 0))
    assert everybody.days[1].cells == (QuotaCell(None),) * 3
    assert everybody.days[2].cells[1] == QuotaCell(6, 0, "stop_sale")
    assert {cell.shut for cell in everybody.days[3].cells} == {"closed_date"}
    assert [day.most for day in everybody.days] == [None, None, 5, None]
    assert [day_most(day.cells, day.most) for day in everybody.days] == [8, None, 5, None]


def test_a_cell_of_the_heat_map_has_two_numbers_and_a_frame_when_it_is_full() -> None:
    everybody, kit = quota_svgs(some_quotas())
    free = mark(everybody, "Fri 4 Dec 2026, 08:00\u201309:00: at most 4, 2 promised")
    assert words(free) == ["4", "2"]
    full = mark(everybody, "Fri 4 Dec 2026, 09:00\u201310:00: at most 3, 3 promised, full")
    assert full.find(f"{SVG}rect[@class='full']") is not None
    over = mark(everybody, "Fri 4 Dec 2026, 10:00\u201311:00: at most 1, 2 promised, more than the quota")
    assert over.find(f"{SVG}rect[@class='over']") is not None
    unknown = mark(everybody, "Sat 5 Dec 2026, 08:00\u201309:00: no quota known, 0 promised")
    assert words(unknown) == ["?"]
    none = mark(kit, "Fri 4 Dec 2026, 10:00\u201311:00: at most 0, 0 promised")
    assert words(none) == ["0"]
    assert none.find(f"{SVG}rect[@class='full']") is None
    fills = [cell.find(f"{SVG}rect").get("fill") for cell in (free, full)]  # type: ignore[union-attr]
    assert fills == [shade(heats.HEAT, 3 / 5), shade(heats.HEAT, 2 / 5)]


def test_slots_in_which_nothing_is_sold_are_hatched_with_the_reason() -> None:
    everybody, kit = quota_svgs(some_quotas())
    for svg, name in ((everybody, "quota-1-1"), (kit, "quota-2-1")):
        for title in (
            "Sun 6 Dec 2026, 09:00\u201310:00: nothing sold, stop sale, 0 promised",
            "Mon 7 Dec 2026, 08:00\u201309:00: nothing sold, closed date, 0 promised",
        ):
            area = mark(svg, title).find(f"{SVG}rect")
            assert area is not None
            assert area.get("fill") == f"url(#{name}-closed)"
            assert words(mark(svg, title)) == []
    assert cell_title(QuotaCell(4, 3, "stop_sale")) == "nothing sold, stop sale, 3 promised"


def test_the_table_of_quotas_has_every_number_and_reason() -> None:
    found = tables(roster_page("Korba", quotas=some_quotas()))
    assert found["Most promises (promised already), all promises"] == [
        ["date", "08:00", "09:00", "10:00", "day", "nothing sold"],
        ["Fri 4 Dec 2026", "4 (2)", "3 (3)", "1 (2)", "8 (7)", ""],
        ["Sat 5 Dec 2026", "? (0)", "? (0)", "? (0)", "? (0)", ""],
        ["Sun 6 Dec 2026", "6 (0)", "\u2013 (0)", "6 (0)", "5 (0)", "stop sale"],
        ["Mon 7 Dec 2026", "\u2013 (0)", "\u2013 (0)", "\u2013 (0)", "? (0)", "closed date"],
    ]
    assert found["Most promises (promised already), promises that need aadhaar_kit"][1][1:4] == [
        "1 (1)",
        "1 (0)",
        "0 (0)",
    ]


def test_quotas_of_different_slots_are_not_put_into_one_picture() -> None:
    one, other = quotas_of_two([(1, 1)] * 3, THREE), quotas_of_two([(1, 1)] * 2, SlotGrid(0, 2 * HOUR_S, HOUR_S))
    with pytest.raises(InvalidProblem, match=r"/quotas/2026-12-05: .* slots and needs of 2026-12-04"):
        quota_view({date(0): one, date(1): other})
    with pytest.raises(InvalidProblem, match="at least one date"):
        quota_view({})


# ---------------------------------------------------------------------------------------- refusals


def test_circles_have_areas_by_wishes_and_colours_by_the_share_refused() -> None:
    view = some_refusals()
    assert [row.name for row in view.localities] == ["Darri", "Balco", "Kusmunda"]  # most refused first
    svg = refusal_svg(view)
    drawn = {}
    for name, title in (
        ("Balco", "Balco: 4 of 40 refused, 10 %"),
        ("Darri", "Darri: 8 of 10 refused, 80 %"),
        ("Kusmunda", "Kusmunda: 0 of 20 refused, 0 %"),
    ):
        circles = mark(svg, title).findall(f"{SVG}circle")
        drawn[name] = [float(circle.get("r", 0)) for circle in circles]
        assert circles[0].get("fill") == colour(next(row.share for row in view.localities if row.name == name))
    assert drawn["Balco"][0] == maps.LARGEST
    assert drawn["Darri"][0] == pytest.approx(maps.LARGEST / 2, abs=0.01)
    assert drawn["Darri"][1] ** 2 / drawn["Darri"][0] ** 2 == pytest.approx(0.8, abs=0.01)
    assert len(drawn["Kusmunda"]) == 1
    assert radius(1, 100_000) == maps.SMALLEST


def test_places_lie_where_the_map_of_the_day_would_put_them() -> None:
    svg = refusal_svg(some_refusals())
    at = {
        name: mark(svg, title).find(f"{SVG}circle")
        for name, title in (
            ("Balco", "Balco: 4 of 40 refused, 10 %"),
            ("Darri", "Darri: 8 of 10 refused, 80 %"),
            ("Kusmunda", "Kusmunda: 0 of 20 refused, 0 %"),
        )
    }
    x = {name: float(circle.get("cx", 0)) for name, circle in at.items() if circle is not None}
    y = {name: float(circle.get("cy", 0)) for name, circle in at.items() if circle is not None}
    assert x["Kusmunda"] < x["Darri"] < x["Balco"]
    assert y["Darri"] < y["Balco"] < y["Kusmunda"]
    squeeze = math.cos(math.radians((22.35 + 22.41) / 2))
    assert (x["Balco"] - x["Darri"]) / (y["Balco"] - y["Darri"]) == pytest.approx(6 * squeeze, rel=0.01)


def test_the_worst_have_numbers_and_stand_in_a_table_beside_the_map() -> None:
    rows = [(f"L{n:02d}", 81.6 + 0.01 * n, 21.2 + 0.01 * (n % 3), 20, n) for n in range(13)]
    view = refusal_view([*rows, ("nobody", 80.0, 20.0, 0, 0)])
    assert len(view.localities) == 13
    found = tables(roster_page("Raipur", refusals=view))
    assert found["Most refusals"][0] == ["#", "locality", "refused", "asked", "share"]
    assert [row[1] for row in found["Most refusals"][1:]] == [f"L{n:02d}" for n in range(12, 2, -1)]
    assert found["Most refusals"][1] == ["1", "L12", "12", "20", "60 %"]
    assert len(found["Refusals by locality"]) == 1 + 13
    drawn = words(tree(refusal_svg(view)))
    assert {str(n) for n in range(1, 11)} <= set(drawn)
    assert {"L12", "L03"} <= set(drawn)
    assert "L02" not in drawn


def test_names_on_the_map_cover_neither_each_other_nor_the_circles_of_the_worst() -> None:
    rows = [(f"A locality of name {n}", 81.6 + 0.0004 * n, 21.2 + 0.0003 * (n * 7 % 5), 30, 20 - n) for n in range(10)]
    rows.append(("far", 81.7, 21.3, 1, 0))
    root = tree(refusal_svg(refusal_view(rows)))
    boxes = []
    for text in root.iter(f"{SVG}text"):
        if (text.text or "").startswith("A locality"):
            x, y = float(text.get("x", 0)), float(text.get("y", 0))
            boxes.append((x, y - 11, x + len(text.text or "") * 6.7, y + 3))
    for one, (a, b, c, d) in enumerate(boxes):
        for e, f, g, h in boxes[one + 1 :]:
            assert c <= e or g <= a or d <= f or h <= b


def test_shares_are_rounded_but_never_to_nothing() -> None:
    shown = [per_cent(LocalityRefusals("x", 0, 0, asked, refused)) for asked, refused in ((1_000, 1), (3, 1), (5, 0))]
    assert shown == ["under 1 %", "33 %", "0 %"]
    assert [colour(share) for share in (0, 0.01, 0.05, 0.2, 0.3, 0.5, 1)] == [
        *maps.HEAT[:5],
        maps.HEAT[5],
        maps.HEAT[5],
    ]


def test_a_locality_without_a_place_or_with_more_refused_than_asked_is_refused() -> None:
    with pytest.raises(InvalidProblem) as told:
        refusal_view([("Balco", math.nan, 22.4, 3, 4)])
    assert [fault.pointer for fault in told.value.faults] == ["/Balco/lon", "/Balco/refused"]


def test_where_nobody_asked_it_is_said() -> None:
    nothing = refusal_view([("Balco", 82.7, 22.4, 0, 0)])
    assert "Nobody asked." in words(tree(refusal_svg(nothing)))
    assert "Nobody asked." in roster_page("Korba", refusals=nothing)
    assert "Nothing was refused." in roster_page("Korba", refusals=refusal_view([("Balco", 82.7, 22.4, 9, 0)]))


# ------------------------------------------------------------------------------- page and drawings


def whole_page(title: str = "Korba, four weeks") -> str:
    return roster_page(
        title,
        grid=grid_view(PROBLEM, ROSTER),
        cover=cover_view(PROBLEM, ROSTER),
        quotas=some_quotas(),
        refusals=some_refusals(),
    )


def test_the_page_shows_what_is_given() -> None:
    assert re.findall(r"<h2>(.*?)</h2>", whole_page()) == ["Roster", "Cover against demand", "Quotas", "Refusals"]
    alone = roster_page("Korba", quotas=some_quotas())
    assert re.findall(r"<h2>(.*?)</h2>", alone) == ["Quotas"]
    assert "<nav" not in alone
    assert "There is nothing to show" in roster_page("Korba")


def test_the_same_input_gives_the_same_bytes() -> None:
    assert whole_page() == whole_page()
    turned = RefusalView(tuple(reversed(some_refusals().localities)))
    assert refusal_svg(turned) == refusal_svg(some_refusals())


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = whole_page()
    assert 'content="default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;; img-src data:"' in page
    assert "<script" not in page
    for text in (page, refusal_svg(some_refusals()), *quota_svgs(some_quotas())):
        for address in re.findall(r"(?:href|src)=\"(.*?)\"", text):
            assert address.startswith(("#", "data:"))
        assert set(re.findall(r"url\((.)", text)) <= {"#"}
        assert set(re.findall(r"https?://[^\"]*", text)) == {"http://www.w3.org/2000/svg"}
        assert "@import" not in text


def test_hatches_of_a_page_have_names_of_their_own_and_all_are_there() -> None:
    page = whole_page()
    ids = re.findall(r" id=\"(.*?)\"", page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#(.*?)\)", page)) <= set(ids)


def test_what_comes_from_outside_is_escaped() -> None:
    evil = "<script>alert('1')</script>&\""
    shift = ShiftKind(evil, "8", 8 * HOUR_S, 16 * HOUR_S, 8 * HOUR_S)
    grid = GridView((FRIDAY, date(1)), (shift,), (GridRow(evil, (evil, None)),), {date(1): evil})
    given = cover_view(PROBLEM, ROSTER)
    cover = CoverView(given.slots, (replace(given.parts[0], name=evil),))
    quotas = some_quotas()
    days = tuple(replace(day, cells=(QuotaCell(1, 0, evil),) * 3) for day in quotas.parts[0].days)
    heat = QuotaView(quotas.slots, (replace(quotas.parts[0], name=evil, days=days),))
    refusals = refusal_view([(evil, 81.6, 21.2, 3, 2)])
    page = roster_page(evil, grid=grid, cover=cover, quotas=heat, refusals=refusals)
    drawings = [*grid_svgs(grid), *cover_svgs(cover), *quota_svgs(heat), refusal_svg(refusals)]
    for text in (page, *drawings):
        assert "<script" not in text
        assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;" in text
    assert tables(page)
    assert all(tree(svg).tag == f"{SVG}svg" for svg in drawings)


def test_every_drawing_has_a_title_a_description_and_a_style_of_its_own() -> None:
    view = cover_view(PROBLEM, ROSTER)
    drawings = [
        *grid_svgs(grid_view(PROBLEM, ROSTER)),
        *cover_svgs(view),
        *quota_svgs(some_quotas()),
        refusal_svg(some_refusals()),
    ]
    assert len(drawings) == 1 + 4 + 2 + 1
    for svg in drawings:
        root = tree(svg)
        assert [child.tag.removeprefix(SVG) for child in root[:3]] == ["title", "desc", "style"]
        assert root.get("aria-label") == f"{root[0].text}. {root[1].text}"
        assert root.get("role") == "img"
        assert root[0].text in words(root)
    assert whole_page().count("<style>") == 1


def test_ink_can_be_read_on_every_shade() -> None:
    shades = [shade(colours, step / 20) for colours in (grids.HOURS, heats.HEAT) for step in range(21)]
    assert min(contrast(INK, each) for each in shades) >= 7
    assert min(contrast(INK, each) for each in (*maps.HEAT, "#8db8e2", "#e9ecef", "#f8dcdc")) >= 4.5
    assert contrast("#96330a", "#e9ecef") >= 4.5
    assert contrast("#3d454d", heats.HEAT[-1]) >= 4.5


def test_a_shade_is_on_the_way_between_its_colours() -> None:
    assert [shade(("#000000", "#ff0000"), share) for share in (-1, 0, 0.5, 1, 2)] == [
        "#000000",
        "#000000",
        "#800000",
        "#ff0000",
        "#ff0000",
    ]
    assert shade(("#000000", "#102030", "#ffffff"), 0.5) == "#102030"


def test_a_stretch_of_dates_names_the_year_once_where_it_can() -> None:
    assert stretch_words([FRIDAY]) == "4 Dec 2026"
    assert stretch_words([FRIDAY, date(1)]) == "4 Dec to 5 Dec 2026"
    assert stretch_words([FRIDAY, date(40)]) == "4 Dec 2026 to 13 Jan 2027"
