"""What the study command is given, and how it reads it: everything that is wrong is told at once."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from optimizer.domain import Fault, InvalidProblem
from scenarios.catalogue import Catalogue
from scenarios.files import check_writable
from scenarios.files.shape import FIRST_YEAR, LAST_YEAR
from scenarios.study import MOST_EXECUTIVES, MOST_SEED, StudySpec, date_faults, slot_faults

MOST_WORKERS = 256
MOST_SLOT_MINUTES = 1_440
OPTIONS = {"demand_percent": "demand", "time_limit_s": "time_limit"}
"""Options whose fields are called otherwise."""
NUMBERS_RULE = "numbers as 4..10 or 4,6,8"
_PART = re.compile(r"([0-9]{1,9})(?:\.\.([0-9]{1,9}))?", re.ASCII)

T = TypeVar("T")


def numbers(text: str, option: str, most: int) -> tuple[int, ...]:
    """The numbers that a text like `4..10`, `4,6,8` or `4..6,8` names, each once and in order; from 1 to `most`.

    Raises InvalidProblem with a fault for each part that is none.
    """
    faults: list[Fault] = []
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            faults.append(Fault((option,), "bad_numbers", part, NUMBERS_RULE))
            continue
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if not (1 <= first <= most and 1 <= last <= most):
            faults.append(Fault((option,), "out_of_range", part, f"1 to {most:,}"))
        elif last < first:
            faults.append(Fault((option,), "bad_range", part, "a range begins with its smaller end"))
        else:
            found.update(range(first, last + 1))
    if faults:
        raise InvalidProblem(faults)
    return tuple(sorted(found))


def seeds(text: str) -> tuple[int, ...]:
    """`10` are the seeds 1 to 10; `11..20` and `3,5` name them."""
    given = text.strip()
    return numbers(f"1..{given}" if re.fullmatch("[1-9][0-9]*", given) else text, "seeds", MOST_SEED)


def date(text: str) -> dt.date:
    """A date as 2026-12-01."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) or not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
            raise ValueError(text)
        return dt.date.fromisoformat(text)
    except ValueError:
        rule = f"a date as 2026-12-01, from {FIRST_YEAR} to {LAST_YEAR}"
        raise InvalidProblem([Fault(("date",), "bad_date", text, rule)]) from None


def read_spec(
    catalogue: Catalogue,
    city: str,
    executives: str,
    slot_minutes: str | None,
    seed_words: str,
    date_words: str,
    demand: int,
    time_limit: float,
    iterations: int | None,
    workers: int,
    out: Path | None,
) -> StudySpec:
    """The study that was asked for. Raises InvalidProblem with all faults of what was given."""
    faults: list[Fault] = []

    def read(reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except InvalidProblem as invalid:
            told = [replace(f, path=tuple(OPTIONS.get(str(part), part) for part in f.path)) for f in invalid.faults]
            faults.extend(fault for fault in told if fault not in faults)
            return None

    town, day = read(lambda: catalogue.city(city)), read(lambda: date(date_words))
    staff = read(lambda: numbers(executives, "executives", MOST_EXECUTIVES))
    given = str(catalogue.rules.slot_s // 60) if slot_minutes is None else slot_minutes
    minutes = read(lambda: numbers(given, "slot_minutes", MOST_SLOT_MINUTES))
    numbered = read(lambda: seeds(seed_words))
    if town is not None and day is not None:
        faults.extend(date_faults(catalogue, town, day))
    if minutes is not None:
        faults.extend(slot_faults(catalogue, day, town, minutes))
    if not 1 <= workers <= MOST_WORKERS:
        faults.append(Fault(("workers",), "out_of_range", workers, f"1 to {MOST_WORKERS}"))
    if out is not None:
        faults.extend(_folder_faults(out))
    spec = read(
        lambda: StudySpec(
            city if town is None else town.city_id,
            staff or (1,),
            minutes or (1,),
            numbered or (1,),
            day or dt.date(FIRST_YEAR, 1, 1),
            demand,
            time_limit,
            iterations,
        )
    )
    if faults or spec is None:
        raise InvalidProblem(faults)
    return spec


def _folder_faults(out: Path) -> list[Fault]:
    try:
        check_writable(out)
    except OSError as error:
        return [Fault(("out",), "file", str(error.filename), error.strerror or str(error))]
    return []
