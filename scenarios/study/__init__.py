"""How many executives a city needs, by simulation: days filled wish by wish, planned, and compared over seeds.

A *cell* is one number of executives, one length of slots and one seed: one day. The wishes of a seed are the same in
all its cells (common random numbers): the same addresses, services and moments of the day, whoever works and however
long slots are. So differences between settings are taken seed by seed, and need far fewer days than two independent
samples would. `spec` says what is compared, `day` simulates a cell, `results` keeps it, `findings` puts results
together.
"""

from scenarios.study.day import NoPlan, TimedWish, run_cell, timed_wishes
from scenarios.study.findings import (
    MEASURES,
    SERVED_WISHES,
    Difference,
    Findings,
    Interval,
    Measure,
    Row,
    differences_csv,
    interval,
    study_csv,
)
from scenarios.study.results import CellResult, cells_csv, result_line, result_of
from scenarios.study.spec import (
    MOST_CELLS,
    MOST_EXECUTIVES,
    MOST_SEED,
    Cell,
    Setting,
    StudySpec,
    check_study,
    date_faults,
    slot_faults,
)

__all__ = [
    "MEASURES",
    "MOST_CELLS",
    "MOST_EXECUTIVES",
    "MOST_SEED",
    "SERVED_WISHES",
    "Cell",
    "CellResult",
    "Difference",
    "Findings",
    "Interval",
    "Measure",
    "NoPlan",
    "Row",
    "Setting",
    "StudySpec",
    "TimedWish",
    "cells_csv",
    "check_study",
    "date_faults",
    "differences_csv",
    "interval",
    "result_line",
    "result_of",
    "run_cell",
    "slot_faults",
    "study_csv",
    "timed_wishes",
]
