"""Uploaded travel matrices: what is read, what is filled, and every fault with its line and column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain import Fault, InvalidProblem, Place
from scenarios.travel.formula import FormulaSpec, formula_table
from scenarios.travel.matrix import (
    MAX_FAULTS,
    Grid,
    MatrixSpec,
    matrix_csv,
    matrix_table,
    read_grid,
    unknown_places,
)

PLACES = [Place("office", 81.64, 21.24), Place("A", 81.65, 21.25), Place("B", 81.60, 21.20)]
SPEC = MatrixSpec("travel.csv", "ab" * 32)
GOOD = "from/to,office,A,B\noffice,0,300,600\nA,310,0,500\nB,620,510,0\n"


def faults_of(text: str | bytes) -> list[tuple[tuple[str | int, ...], str]]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InvalidProblem) as caught:
        read_grid(data)
    return [(fault.path, fault.code) for fault in caught.value.faults]


def test_a_full_matrix_is_taken_as_it_is_from_row_to_column() -> None:
    table = matrix_table(PLACES, read_grid(GOOD.encode()), None, SPEC)
    assert table.reference_s.tolist() == [[0, 300, 600], [310, 0, 500], [620, 510, 0]]
    assert table.cost_s("office", "A") == 300
    assert table.filled == ()
    assert table.margin_pct == 25
    assert table.origin.startswith("matrix travel.csv (sha256 abababababab), metres estimated")


def test_metres_are_the_road_estimate_unless_a_second_file_gives_them() -> None:
    seconds = read_grid(GOOD.encode())
    assert (matrix_table(PLACES, seconds, None, SPEC).metres == formula_table(PLACES).metres).all()
    metres = read_grid(b"m,office,A,B\noffice,0,1500,\nA,1600.2,0,2500\nB,3100,2600,0\n")
    given_m = matrix_table(PLACES, seconds, metres, MatrixSpec("travel.csv", "ab" * 32, "metres.csv", "cd" * 32))
    assert given_m.distance_m("A", "office") == 1_601
    assert given_m.distance_m("office", "B") == formula_table(PLACES).distance_m("office", "B")
    assert given_m.filled == ()
    assert "metres from metres.csv" in given_m.origin


def test_rows_and_columns_may_come_in_any_order() -> None:
    shuffled = "x,B,office,A\nA,500,310,0\noffice,600,0,300\nB,0,620,510\n"
    ordered = matrix_table(PLACES, read_grid(GOOD.encode()), None, SPEC)
    assert (matrix_table(PLACES, read_grid(shuffled.encode()), None, SPEC).reference_s == ordered.reference_s).all()


def test_fractions_of_a_second_are_rounded_up() -> None:
    table = matrix_table(PLACES[:2], read_grid(b",office,A\noffice,0,59.01\nA,1e2,0\n"), None, SPEC)
    assert table.reference_s.tolist() == [[0, 60], [100, 0]]


def test_an_empty_cell_is_filled_by_the_formula_and_flagged() -> None:
    table = matrix_table(PLACES, read_grid(GOOD.replace("310,0,500", "310,,").encode()), None, SPEC)
    assert table.filled == (("A", "B"),)
    assert table.cost_s("A", "B") == formula_table(PLACES).cost_s("A", "B")
    assert "1 of 6 pairs missing in it and filled by 60 x (1.3" in table.origin


def test_a_place_the_matrix_does_not_name_is_filled_by_the_formula_and_flagged() -> None:
    table = matrix_table(PLACES, read_grid(b",office,A\noffice,0,300\nA,310,0\n"), None, SPEC)
    assert table.filled == (("office", "B"), ("A", "B"), ("B", "office"), ("B", "A"))
    assert table.cost_s("B", "A") == formula_table(PLACES).cost_s("B", "A")
    assert table.cost_s("office", "A") == 300


def test_the_speeds_and_the_margin_of_a_matrix_are_those_of_its_spec() -> None:
    spec = MatrixSpec("m.csv", "0" * 64, formula=FormulaSpec(margin_pct=10, speed_kmh_by_hour=(48.0,) * 24))
    table = matrix_table(PLACES, read_grid(GOOD.encode()), None, spec)
    assert table.pace == (2_000,) * 24
    assert table.margin_pct == 10
    assert "margin 10 %" in table.origin


def test_a_byte_order_mark_windows_line_ends_quotes_and_blank_lines_are_no_fault() -> None:
    text = "\ufeff" + GOOD.replace("\n", "\r\n").replace("office", '"office"') + "\r\n,,,\r\n"
    assert read_grid(text.encode()).cells.tolist() == read_grid(GOOD.encode()).cells.tolist()


def test_all_faults_of_cells_are_found_at_once_with_line_and_column() -> None:
    bad = "from/to,office,A,B\noffice,7,-3,NaN\nA,310,0,inf\n\nB,soon,99999999999,0\n"
    assert faults_of(bad) == [
        ((2, 3), "negative"),
        ((2, 4), "not_finite"),
        ((2, 2), "bad_diagonal"),
        ((3, 4), "not_finite"),
        ((5, 2), "not_a_number"),
        ((5, 3), "out_of_range"),
    ]


def test_a_row_of_another_length_is_a_fault_of_its_line() -> None:
    assert faults_of(GOOD.replace("310,0,500", "310,0")) == [((3, 3), "bad_shape")]
    assert faults_of(GOOD.replace("310,0,500", "310,0,500,1")) == [((3, 5), "bad_shape")]


def test_rows_and_columns_of_different_places_are_faults() -> None:
    assert faults_of(GOOD.replace("B,620,510,0\n", "")) == [((1, 4), "bad_shape")]
    assert faults_of(GOOD.replace("\nB,", "\nC,")) == [((1, 4), "bad_shape"), ((4, 1), "bad_shape")]


def test_ids_that_are_repeated_or_no_ids_are_faults() -> None:
    assert ((1, 4), "duplicate_id") in faults_of(GOOD.replace("A,B\n", "A,A\n"))
    assert faults_of(GOOD.replace("A", "घर")) == [((1, 3), "bad_id"), ((3, 1), "bad_id")]


def test_a_place_the_day_does_not_have_is_named_with_its_line() -> None:
    grid = read_grid(GOOD.encode())
    assert unknown_places(grid, {"office", "A", "B"}) == []
    assert unknown_places(grid, {"office", "A"}) == [
        Fault((4, 1), "unknown_place", "B", "a place of this day: the office, a visit, a home")
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\n \n", "empty_file"),
        (GOOD.replace(",", ";").encode(), "not_comma_separated"),
        (GOOD.replace(",", "\t").encode(), "not_comma_separated"),
        (GOOD.encode("utf-16"), "not_utf8"),
        (b'x,"A\n', "bad_csv"),
    ],
)
def test_what_is_no_table_of_commas_is_said_so(data: bytes, code: str) -> None:
    assert [found for _, found in faults_of(data)] == [code]


def test_a_file_full_of_faults_names_the_first_and_counts_the_rest() -> None:
    names = [f"p{i}" for i in range(60)]
    bad = ",".join(("x", *names)) + "\n" + "".join(",".join((n, *["?"] * 60)) + "\n" for n in names)
    found = faults_of(bad)
    assert len(found) == MAX_FAULTS + 1
    assert found[-1][1] == "more_faults"


def test_a_matrix_that_lacks_nearly_everything_is_refused() -> None:
    crowd = [Place(f"p{i}", 81.6, 21.2) for i in range(520)]
    with pytest.raises(InvalidProblem, match="too_many_missing"):
        matrix_table(crowd, read_grid(b"x,p0\np0,0\n"), None, SPEC)


@given(st.integers(0, 6), st.integers(0, 2**32))
def test_a_written_matrix_reads_back_the_same(size: int, seed: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 100_000, (size, size)).astype(np.int32)
    np.fill_diagonal(cells, 0)
    names = [f"p{i}" for i in range(size)]
    grid = read_grid(matrix_csv(names, cells).encode())
    assert grid.place_ids == tuple(names)
    assert (grid.cells == cells).all()


def test_the_template_is_a_matrix_with_every_pair_to_fill_in() -> None:
    template = matrix_csv([p.place_id for p in PLACES])
    assert template == "from/to,office,A,B\noffice,0,,\nA,,0,\nB,,,0\n"
    grid: Grid = read_grid(template.encode())
    assert len(matrix_table(PLACES, grid, None, SPEC).filled) == 6
