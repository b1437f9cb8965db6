"""The one reader and the one writer of the day file, and how faults of files are told.

`read_day` gives a `ScenarioDay` or raises `InvalidInput` with every fault of the file; `write_day` gives the
canonical text, which reads back as the same day. `scenarios/schema/day.json` is the published schema.
"""

from scenarios.files.day import ScenarioDay, TravelSpec, canonical_bytes, input_sha256, scenario_day, write_day
from scenarios.files.faults import FileFault, InvalidInput, check_writable, in_json, in_table, read_bytes, write_files
from scenarios.files.reading import Attachments, ReadLimits, day_of, parse_day, read_day
from scenarios.files.shape import day_schema

__all__ = [
    "Attachments",
    "FileFault",
    "InvalidInput",
    "ReadLimits",
    "ScenarioDay",
    "TravelSpec",
    "canonical_bytes",
    "check_writable",
    "day_of",
    "day_schema",
    "in_json",
    "in_table",
    "input_sha256",
    "parse_day",
    "read_bytes",
    "read_day",
    "scenario_day",
    "write_day",
    "write_files",
]
