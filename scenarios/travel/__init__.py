"""Where travel times come from. Each source fills the plain arrays of a `TravelTable`."""

from scenarios.travel.formula import FormulaSpec, formula_between, formula_table, straight_line_m
from scenarios.travel.matrix import MatrixSpec, matrix_csv, matrix_table, read_grid

__all__ = [
    "FormulaSpec",
    "MatrixSpec",
    "formula_between",
    "formula_table",
    "matrix_csv",
    "matrix_table",
    "read_grid",
    "straight_line_m",
]
