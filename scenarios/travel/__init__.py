"""Where travel times come from. Each source fills the plain arrays of a `TravelTable`."""

from scenarios.travel.formula import (
    FormulaSpec,
    Spots,
    formula_between,
    formula_rows,
    formula_table,
    formula_table_of_spots,
    spots,
    straight_line_m,
)
from scenarios.travel.matrix import MatrixSpec, matrix_csv, matrix_table, read_grid

__all__ = [
    "FormulaSpec",
    "MatrixSpec",
    "Spots",
    "formula_between",
    "formula_rows",
    "formula_table",
    "formula_table_of_spots",
    "matrix_csv",
    "matrix_table",
    "read_grid",
    "spots",
    "straight_line_m",
]
