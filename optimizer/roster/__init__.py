"""Rosters: who works which shift over the coming weeks, by labour rules and what is expected to be wanted.

`make_roster` makes one, `roster_violations` and `roster_cost` judge any, `reroster` changes a published one as little
as possible, `explain` says why one cannot be had or is thin, `greedy_roster` is the floor.
"""

from optimizer.roster.again import Alternative, CellChange, reroster
from optimizer.roster.check import CoverRow, RosterViolation, coverage, history_breaks, roster_cost, roster_violations
from optimizer.roster.greedy import greedy_roster
from optimizer.roster.made import (
    Roster,
    RosterCost,
    RosterProgress,
    RosterResult,
    RosterStatus,
    executives_on,
    refused_requests,
    requests_of,
)
from optimizer.roster.make import make_roster
from optimizer.roster.nouns import (
    Ahead,
    Contract,
    DayRequest,
    LabourRules,
    MinimumCover,
    RosterPrices,
    RosterProblem,
    RosterRule,
    ShiftPattern,
    Wanted,
    WorkedDay,
    worked_s,
)
from optimizer.roster.targets import Target, ahead_after, fair_targets

__all__ = [
    "Ahead",
    "Alternative",
    "CellChange",
    "Contract",
    "CoverRow",
    "DayRequest",
    "LabourRules",
    "MinimumCover",
    "Roster",
    "RosterCost",
    "RosterPrices",
    "RosterProblem",
    "RosterProgress",
    "RosterResult",
    "RosterRule",
    "RosterStatus",
    "RosterViolation",
    "ShiftPattern",
    "Target",
    "Wanted",
    "WorkedDay",
    "ahead_after",
    "coverage",
    "executives_on",
    "fair_targets",
    "greedy_roster",
    "history_breaks",
    "make_roster",
    "refused_requests",
    "requests_of",
    "reroster",
    "roster_cost",
    "roster_violations",
    "worked_s",
]
