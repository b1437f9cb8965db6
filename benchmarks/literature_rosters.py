"""Employee shift scheduling of the literature by CP-SAT: a sanity test of the kind of model our rosters are made with.

Instances are text files of the form of T. Curtois and R. Qu, "Computational results on new staff scheduling benchmark
instances", 2014; none is part of this repository. They have rules that are none of ours (fewest shifts in a row, fewest
days off in a row, weekends, cover above what is wanted), so the model is one of its own, on the same Booleans:
x[e, d, s] is 1 where an employee works a shift on a day, w[e, d] is their sum over shifts.

Hard: one shift a day, shifts that cannot follow, days off, most shifts of a kind, minutes of the whole horizon, most
and fewest shifts in a row, fewest days off in a row, most weekends of which Saturday or Sunday is worked. Day 0 is a
Monday. Before and after the horizon lies as much work, or as many days off, as is needed: a run that touches an end is
never too short, and most in a row counts days of the horizon only. Cost: weights of requests that are not met, of each
employee missing, of each one too many.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

from ortools.sat.python import cp_model

from scenarios.files import FileFault, InvalidInput, read_bytes

LISTED = (607, 828, 1001, 1716, 1143, 1950, 1056, 1300, 439, 4631)
"""Costs listed for Instance1 to Instance10, as we know them; the first is optimal."""
SECTIONS = (
    *("HORIZON", "SHIFTS", "STAFF", "DAYS_OFF"),
    *("SHIFT_ON_REQUESTS", "SHIFT_OFF_REQUESTS", "COVER"),
)
WEEK, SATURDAY = 7, 5
MOST_DAYS = 400
EPSILON = 1e-6
"""Costs are whole; the bound of the solver is a double."""
_NUMBER = re.compile(r"[0-9]{1,7}")

Rows = Mapping[str, Sequence[str | None]]
"""By employee the shift of each day, None for a day off."""


@dataclass(frozen=True, slots=True)
class Employee:
    """A row of SECTION_STAFF, and the days off. `most` is the most shifts of each kind."""

    name: str
    days_off: frozenset[int]
    most: Mapping[str, int]
    most_minutes: int
    least_minutes: int
    most_in_a_row: int
    least_in_a_row: int
    least_off_in_a_row: int
    most_weekends: int


@dataclass(frozen=True, slots=True)
class Request:
    """An employee wants this shift on a day, or (`on` false) does not; `weight` is paid if it is not so."""

    employee: str
    day: int
    shift: str
    weight: int
    on: bool


@dataclass(frozen=True, slots=True)
class Cover:
    """So many employees are wanted in a shift of a day; each one missing, each one too many has its weight."""

    day: int
    shift: str
    wanted: int
    under: int
    over: int


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as its file says it. `minutes` of each shift; `never_next`: those that cannot follow it."""

    name: str
    days: int
    minutes: Mapping[str, int]
    never_next: Mapping[str, frozenset[str]]
    staff: tuple[Employee, ...]
    requests: tuple[Request, ...]
    cover: tuple[Cover, ...]

    @property
    def listed(self) -> int | None:
        """The cost listed for the instance of this name, None where none is known."""
        found = re.fullmatch(r"Instance([0-9]+)", self.name)
        return LISTED[int(found[1]) - 1] if found and 1 <= int(found[1]) <= len(LISTED) else None


# ------------------------------------------------------------------------------------ reading


@dataclass(slots=True)
class _Line:
    """A line of a section, its cells by comma: gives them one by one, and notes what is wrong."""

    file: str
    number: int
    cells: list[str]
    faults: list[FileFault]

    def fault(self, code: str, value: object, rule: str) -> None:
        self.faults.append(FileFault((), code, value, rule, self.file, self.number))

    def has(self, least: int, most: int | None = None) -> bool:
        """The line has as many cells as it should."""
        fits = least <= len(self.cells) and (most is None or len(self.cells) <= most)
        if not fits:
            words = f"{least} cells" if most == least else f"at least {least} cells"
            self.fault("bad_row", ",".join(self.cells), f"{words} by comma")
        return fits

    def whole(self, row: int, most: int = 9_999_999) -> int:
        """A cell as a number."""
        text = self.cells[row]
        if not _NUMBER.fullmatch(text) or int(text) > most:
            self.fault("bad_number", text, f"a whole number from 0 to {most:,}")
            return 0
        return int(text)

    def known(self, word: str, names: Iterable[str], noun: str) -> str:
        """A word that an earlier section has."""
        if word not in names:
            self.fault(f"unknown_{noun}", word, f"a {noun} of this instance")
        return word


def read_instance(path: Path) -> Instance:
    """The instance in a file. Raises InvalidInput with every line that is wrong."""
    faults: list[FileFault] = []
    lines = _sections(path, faults)
    horizon = lines["HORIZON"]
    days = horizon[0].whole(0, MOST_DAYS) if horizon else 0
    if not faults and days < 1:
        faults.append(FileFault((), "bad_horizon", days, f"1 to {MOST_DAYS} days", str(path), 1))
    minutes, never = _shifts(lines["SHIFTS"])
    most_day = max(days - 1, 0)
    off: dict[str, set[int]] = {}
    for line in lines["DAYS_OFF"]:
        off.setdefault(line.cells[0], set()).update(line.whole(n, most_day) for n in range(1, len(line.cells)))
    staff = tuple(_employees(lines["STAFF"], minutes, off))
    names = {employee.name for employee in staff}
    for line in lines["DAYS_OFF"]:
        line.known(line.cells[0], names, "employee")
    requests = []
    for section, on in (("SHIFT_ON_REQUESTS", True), ("SHIFT_OFF_REQUESTS", False)):
        for line in lines[section]:
            if line.has(4, 4):
                who, shift = line.known(line.cells[0], names, "employee"), line.known(line.cells[2], minutes, "shift")
                requests.append(Request(who, line.whole(1, most_day), shift, line.whole(3), on))
    cover = [
        Cover(line.whole(0, most_day), line.known(line.cells[1], minutes, "shift"), *(line.whole(n) for n in (2, 3, 4)))
        for line in lines["COVER"]
        if line.has(5, 5)
    ]
    if faults:
        raise InvalidInput(faults)
    return Instance(path.stem, days, minutes, never, staff, tuple(requests), tuple(cover))


def read_directory(folder: Path) -> list[Instance]:
    """The instances of a folder by number, then by name. Raises InvalidInput with the faults of all files."""
    instances: list[Instance] = []
    faults: list[FileFault] = []
    paths = sorted(folder.glob("*.txt"), key=lambda path: (int("0" + re.sub(r"[^0-9]", "", path.stem)), path.stem))
    for path in paths:
        try:
            instances.append(read_instance(path))
        except InvalidInput as invalid:
            faults.extend(invalid.faults)
    if not paths:
        faults.append(FileFault((), "no_instances", str(folder), "a folder with instances as *.txt", str(folder)))
    if faults:
        raise InvalidInput(faults)
    return instances


def _sections(path: Path, faults: list[FileFault]) -> dict[str, list[_Line]]:
    """The lines of each section without comments and empty ones."""
    found: dict[str, list[_Line]] = {name: [] for name in SECTIONS}
    seen: set[str] = set()
    section = None
    for number, text in enumerate(read_bytes(path).decode("utf-8", errors="replace").splitlines(), start=1):
        words = text.strip()
        if not words or words.startswith("#"):
            continue
        line = _Line(str(path), number, [cell.strip() for cell in words.split(",")], faults)
        if words.startswith("SECTION_"):
            section = words.removeprefix("SECTION_")
            if section not in SECTIONS:
                line.fault("unknown_section", words, f"one of {', '.join(SECTIONS)}")
            seen.add(section)
        elif section is None:
            line.fault("no_section", words, "a line belongs to a section")
        elif section in found:
            found[section].append(line)
    for name in (*SECTIONS[:3], SECTIONS[-1]):
        if not found[name]:
            rule = "a section with at least one line" if name in seen else "the file has this section"
            faults.append(FileFault((), "missing_section", f"SECTION_{name}", rule, str(path), 1))
    return found


def _shifts(lines: Iterable[_Line]) -> tuple[dict[str, int], dict[str, frozenset[str]]]:
    minutes: dict[str, int] = {}
    never: dict[str, tuple[_Line, list[str]]] = {}
    for line in lines:
        if line.has(2, 3):
            minutes[line.cells[0]] = line.whole(1)
            words = line.cells[2].split("|") if len(line.cells) > 2 else []
            never[line.cells[0]] = line, [word for word in words if word]
    return minutes, {
        shift: frozenset(line.known(word, minutes, "shift") for word in words) for shift, (line, words) in never.items()
    }


def _employees(lines: Iterable[_Line], minutes: Mapping[str, int], off: Mapping[str, set[int]]) -> Iterator[Employee]:
    for line in lines:
        if not line.has(8, 8):
            continue
        most: dict[str, int] = {}
        for word in line.cells[1].split("|"):
            shift, equals, number = word.partition("=")
            if not equals or not _NUMBER.fullmatch(number):
                line.fault("bad_most", word, "a shift and its most, such as D=14")
                continue
            most[line.known(shift, minutes, "shift")] = int(number)
        name = line.cells[0]
        limits = (line.whole(n) for n in range(2, 8))
        yield Employee(name, frozenset(off.get(name, ())), most, *limits)


# ------------------------------------------------------------------------------------- judging


def cost_of(instance: Instance, rows: Rows) -> int:
    """What a roster costs: requests not met, employees missing, employees too many."""
    cost = 0
    for request in instance.requests:
        if (rows[request.employee][request.day] == request.shift) != request.on:
            cost += request.weight
    for cover in instance.cover:
        there = sum(row[cover.day] == cover.shift for row in rows.values())
        cost += cover.under * max(0, cover.wanted - there) + cover.over * max(0, there - cover.wanted)
    return cost


def broken(instance: Instance, rows: Rows) -> list[str]:
    """The hard rules that a roster breaks, each with who: written without the model, from runs of days."""
    found: list[str] = []
    for employee in instance.staff:
        row = rows[employee.name]
        worked = [shift for shift in row if shift is not None]
        total = sum(instance.minutes[shift] for shift in worked)
        runs = [(works, list(days)) for works, days in groupby(range(len(row)), key=lambda day: row[day] is not None)]
        inner = [(works, len(days)) for works, days in runs if days[0] > 0 and days[-1] < len(row) - 1]
        weekends = {day // WEEK for day, shift in enumerate(row) if shift is not None and day % WEEK >= SATURDAY}
        pairs = [(a, b) for a, b in pairwise(row) if a is not None and b is not None]
        rules = {
            "days_off": any(row[day] is not None for day in employee.days_off),
            "cannot_follow": any(b in instance.never_next[a] for a, b in pairs),
            "most_shifts": any(worked.count(shift) > most for shift, most in employee.most.items()),
            "minutes": not employee.least_minutes <= total <= employee.most_minutes,
            "most_in_a_row": any(works and len(days) > employee.most_in_a_row for works, days in runs),
            "least_in_a_row": any(works and length < employee.least_in_a_row for works, length in inner),
            "least_off_in_a_row": any(not works and length < employee.least_off_in_a_row for works, length in inner),
            "most_weekends": len(weekends) > employee.most_weekends,
        }
        found.extend(f"{rule}: {employee.name}" for rule, breaks in rules.items() if breaks)
    return found


# ------------------------------------------------------------------------------------- solving


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an instance; cost and rows are None where no roster was found."""

    instance: Instance
    status: str
    cost: int | None
    bound: int
    rows: Rows | None
    seconds: float
    broken: tuple[str, ...] = ()

    @property
    def gap(self) -> float | None:
        """(cost - bound) / cost, a fraction."""
        if self.cost is None:
            return None
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


@dataclass(slots=True)
class _Model:
    """The Booleans of an instance, and what they cost."""

    instance: Instance
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    x: dict[tuple[str, int, str], cp_model.IntVar] = field(default_factory=dict)
    w: dict[tuple[str, int], cp_model.IntVar] = field(default_factory=dict)
    terms: list[cp_model.LinearExprT] = field(default_factory=list)

    def build(self) -> None:
        for employee in self.instance.staff:
            self._assign(employee)
            self._limit_totals(employee)
            self._limit_runs(employee)
            self._limit_weekends(employee)
        self._price()

    def _assign(self, employee: Employee) -> None:
        for day in range(self.instance.days):
            today = []
            for shift in self.instance.minutes:
                self.x[employee.name, day, shift] = self.model.new_bool_var(f"x {employee.name} {day} {shift}")
                today.append(self.x[employee.name, day, shift])
            w = self.w[employee.name, day] = self.model.new_bool_var(f"w {employee.name} {day}")
            self.model.add(sum(today) == w)
            if day in employee.days_off:
                self.model.add(w == 0)
        for day in range(1, self.instance.days):
            for before, never in self.instance.never_next.items():
                for after in sorted(never):
                    self.model.add_bool_or(~self.x[employee.name, day - 1, before], ~self.x[employee.name, day, after])

    def _limit_totals(self, employee: Employee) -> None:
        days = range(self.instance.days)
        for shift, most in employee.most.items():
            self.model.add(sum(self.x[employee.name, day, shift] for day in days) <= most)
        worked = sum(
            minutes * self.x[employee.name, day, shift]
            for day in days
            for shift, minutes in self.instance.minutes.items()
        )
        self.model.add_linear_constraint(worked, employee.least_minutes, employee.most_minutes)

    def _limit_runs(self, employee: Employee) -> None:
        days, w = self.instance.days, [self.w[employee.name, day] for day in range(self.instance.days)]
        for day in range(days - employee.most_in_a_row):
            self.model.add_bool_or(~w[at] for at in range(day, day + employee.most_in_a_row + 1))
        # A run of `length` between two days of the other kind is forbidden.
        for length in range(1, employee.least_in_a_row):
            for day in range(1, days - length):
                inside = [~w[at] for at in range(day, day + length)]
                self.model.add_bool_or(w[day - 1], w[day + length], *inside)
        for length in range(1, employee.least_off_in_a_row):
            for day in range(1, days - length):
                inside = [w[at] for at in range(day, day + length)]
                self.model.add_bool_or(~w[day - 1], ~w[day + length], *inside)

    def _limit_weekends(self, employee: Employee) -> None:
        weekends = []
        for saturday in range(SATURDAY, self.instance.days, WEEK):
            weekend = self.model.new_bool_var(f"weekend {employee.name} {saturday}")
            for day in range(saturday, min(saturday + 2, self.instance.days)):
                self.model.add_implication(self.w[employee.name, day], weekend)
            weekends.append(weekend)
        self.model.add(sum(weekends) <= employee.most_weekends)

    def _price(self) -> None:
        for request in self.instance.requests:
            x = self.x[request.employee, request.day, request.shift]
            self.terms.append(request.weight * (1 - x) if request.on else request.weight * x)
        everybody = len(self.instance.staff)
        for cover in self.instance.cover:
            there = sum(self.x[employee.name, cover.day, cover.shift] for employee in self.instance.staff)
            under = self.model.new_int_var(0, cover.wanted, f"under {cover.day} {cover.shift}")
            over = self.model.new_int_var(0, everybody, f"over {cover.day} {cover.shift}")
            self.model.add(there + under - over == cover.wanted)
            self.terms.append(cover.under * under + cover.over * over)
        self.model.minimize(sum(self.terms))


def solved(instance: Instance, limit_s: float, threads: int = 1, seed: int = 1) -> Answer:
    """The cheapest roster found within the limit, and what is proven; judged without the model."""
    made = _Model(instance)
    made.build()
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = limit_s
    solver.parameters.num_workers = threads
    solver.parameters.random_seed = seed
    status = solver.solve(made.model)
    name = solver.status_name(status).lower()
    bound = max(0, math.ceil(solver.best_objective_bound - EPSILON)) if status != cp_model.INFEASIBLE else 0
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(instance, name, None, bound, None, solver.wall_time)
    days, shifts = range(instance.days), list(instance.minutes)
    rows = {
        employee.name: tuple(
            next((shift for shift in shifts if solver.boolean_value(made.x[employee.name, day, shift])), None)
            for day in days
        )
        for employee in instance.staff
    }
    cost = cost_of(instance, rows)
    return Answer(instance, name, cost, bound, rows, solver.wall_time, tuple(broken(instance, rows)))
