"""The staff of a city: who works there, what is agreed with them, and what is asked about single days.

Two tables, staff.csv with a row for each executive and staff_days.csv with a row for each span of days, or one JSON
document. Both are judged by the same code, executives by the rules of the day file as somebody who works on a day. As
in rosters, executives are named by their ids only, whoever has no start starts at the office, and a `note` is not read.

What is known from the store, days worked around a roster and what earlier rosters owe, is not part of a staff.
"""

from scenarios.staff.document import STAFF_VERSION, staff_json, staff_schema
from scenarios.staff.nouns import Staff
from scenarios.staff.reading import parse_staff, read_staff
from scenarios.staff.tables import STAFF_COLUMNS, STAFF_DAY_COLUMNS, staff_csv, staff_days_csv

__all__ = [
    "STAFF_COLUMNS",
    "STAFF_DAY_COLUMNS",
    "STAFF_VERSION",
    "Staff",
    "parse_staff",
    "read_staff",
    "staff_csv",
    "staff_days_csv",
    "staff_json",
    "staff_schema",
]
