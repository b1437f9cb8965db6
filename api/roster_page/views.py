"""What the pictures show and nothing else: ids, dates, numbers; and how they are read off the nouns of the engine."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from optimizer.arrays import Int64Array
from optimizer.calendar import SUNDAY
from optimizer.capacity import Quotas
from optimizer.demand import ANYBODY, Need, need_name
from optimizer.domain import Fault, InvalidProblem, Slot, SlotGrid
from optimizer.domain.faults import raise_if_any
from optimizer.roster import CoverRow, Roster, RosterProblem, coverage, refused_requests
from optimizer.roster.nouns import QUARTERS
from optimizer.units import HOUR_S, MINUTE_S, hhmm

LocalityRow = tuple[str, float, float, int, int]
"""Locality, longitude and latitude in degrees, wishes asked, and refused of them."""

# -------------------------------------------------------------------------------------- the roster


@dataclass(frozen=True, slots=True)
class ShiftKind:
    """A shift of the roster and the letters it has in the grid. `worked_s`: without the break."""

    pattern_id: str
    letters: str
    open_s: int
    close_s: int
    worked_s: int
    closing: bool = False


@dataclass(frozen=True, slots=True)
class GridRow:
    """An executive: a pattern or None, a day off, for each date, and the dates of leave.

    `refused`: dates on which they would have liked something else, a pattern or a day off.
    """

    executive_id: str
    cells: tuple[str | None, ...]
    leave: frozenset[dt.date] = frozenset()
    refused: Mapping[dt.date, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """What an executive has on all dates together."""

    shifts: int
    worked_s: int
    closing: int
    sundays: int

    @property
    def hours(self) -> str:
        """Hours worked as they are written: `157.5`."""
        return f"{self.worked_s / HOUR_S:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class GridView:
    """A roster as a grid: executives by dates. `closed`: dates on which nobody works, with the reason."""

    dates: tuple[dt.date, ...]
    shifts: tuple[ShiftKind, ...]
    rows: tuple[GridRow, ...]
    closed: Mapping[dt.date, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = _date_faults(self.dates)
        for row in self.rows:
            at = ("rows", row.executive_id)
            if len(row.cells) != len(self.dates):
                faults.append(Fault(at, "bad_shape", len(row.cells), f"{len(self.dates)}: a cell for each date"))
            unknown = sorted({cell for cell in row.cells if cell is not None} - set(self.shift_by_id))
            faults.extend(Fault(at, "unknown_pattern", cell, "a shift of the grid") for cell in unknown)
        raise_if_any(faults)

    @cached_property
    def shift_by_id(self) -> Mapping[str, ShiftKind]:
        """Shifts by the id of their pattern."""
        return {shift.pattern_id: shift for shift in self.shifts}

    def totals(self, row: GridRow) -> Totals:
        """Shifts, hours, closing shifts and Sundays of an executive."""
        worked = [(date, self.shift_by_id[cell]) for date, cell in zip(self.dates, row.cells, strict=True) if cell]
        return Totals(
            len(worked),
            sum(shift.worked_s for _, shift in worked),
            sum(shift.closing for _, shift in worked),
            sum(date.weekday() == SUNDAY for date, _ in worked),
        )

    def on_shift(self, day: int) -> int:
        """Executives who work on a day, counted from 0."""
        return sum(row.cells[day] is not None for row in self.rows)


def grid_view(problem: RosterProblem, roster: Roster) -> GridView:
    """The grid of a roster of this problem. Raises InvalidProblem where it has patterns that the problem has not."""
    letters = _letters([(p.pattern_id, p.shift.open_s, p.shift.close_s) for p in problem.patterns])
    shifts = [
        ShiftKind(
            p.pattern_id,
            letters[p.pattern_id],
            p.shift.open_s,
            p.shift.close_s,
            p.worked_s,
            problem.rules.is_closing(p.shift),
        )
        for p in problem.patterns
    ]
    refused: dict[str, dict[dt.date, str | None]] = {}
    for executive_id, request in refused_requests(problem, roster):
        refused.setdefault(executive_id, {})[request.date] = request.pattern_id
    rows = tuple(
        GridRow(
            contract.executive_id,
            tuple(roster.on(contract.executive_id, date) for date in problem.dates),
            contract.leave.intersection(problem.dates),
            refused.get(contract.executive_id, {}),
        )
        for contract in problem.staff
    )
    return GridView(
        problem.dates,
        tuple(sorted(shifts, key=lambda s: (s.open_s, s.close_s, s.pattern_id))),
        rows,
        {date: problem.closed[date] for date in problem.dates if date in problem.closed},
    )


def _letters(shifts: Sequence[tuple[str, int, int]]) -> dict[str, str]:
    """The hour at which each shift begins, with the minute where there is one; `a`, `b`, ... where several do."""
    by_hour: dict[str, list[tuple[int, str]]] = {}
    for pattern_id, open_s, close_s in shifts:
        minutes = open_s % HOUR_S // MINUTE_S
        hour = f"{open_s // HOUR_S}:{minutes:02d}" if minutes else str(open_s // HOUR_S)
        by_hour.setdefault(hour, []).append((close_s, pattern_id))
    return {
        pattern_id: hour if len(same) == 1 else f"{hour}{chr(ord('a') + number)}"
        for hour, same in by_hour.items()
        for number, (_, pattern_id) in enumerate(sorted(same))
    }


# ---------------------------------------------------------------------------------------- coverage


@dataclass(frozen=True, slots=True)
class SlotCover:
    """Executives wanted and on shift in a slot, in quarters of an executive; or sums of them over several days."""

    wanted_quarters: int = 0
    on_shift_quarters: int = 0
    missing_quarters: int = 0

    @property
    def met_quarters(self) -> int:
        """Wanted and there."""
        return self.wanted_quarters - self.missing_quarters

    @property
    def spare_quarters(self) -> int:
        """There and not wanted."""
        return self.on_shift_quarters - self.met_quarters


@dataclass(frozen=True, slots=True)
class CoverDay:
    """A date and its slots; `closed`: why nobody works, None on an open day."""

    date: dt.date
    slots: tuple[SlotCover, ...]
    closed: str | None = None

    @property
    def missing_quarters(self) -> int:
        """Over all slots."""
        return sum(slot.missing_quarters for slot in self.slots)


@dataclass(frozen=True, slots=True)
class CoverPart:
    """The cover of some needs over the days: `name` is None for all executives, else what one must hold to count."""

    name: str | None
    days: tuple[CoverDay, ...]

    @property
    def open_days(self) -> int:
        """Days that are not closed."""
        return sum(day.closed is None for day in self.days)

    @property
    def missing_quarters(self) -> int:
        """Over all days."""
        return sum(day.missing_quarters for day in self.days)

    def summed(self, slot: int) -> SlotCover:
        """A slot over all open days."""
        found = [day.slots[slot] for day in self.days if day.closed is None]
        return SlotCover(
            sum(each.wanted_quarters for each in found),
            sum(each.on_shift_quarters for each in found),
            sum(each.missing_quarters for each in found),
        )


@dataclass(frozen=True, slots=True)
class CoverView:
    """Cover against demand: by date and slot, of all executives and of those who hold a kit."""

    slots: tuple[Slot, ...]
    parts: tuple[CoverPart, ...]

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        for number, part in enumerate(self.parts):
            faults.extend(fault.under("parts", number) for fault in _date_faults([day.date for day in part.days]))
            for day in part.days:
                if day.closed is None and len(day.slots) != len(self.slots):
                    at = ("parts", number, day.date.isoformat())
                    faults.append(Fault(at, "bad_shape", len(day.slots), f"{len(self.slots)} slots"))
        raise_if_any(faults)


def cover_view(problem: RosterProblem, roster: Roster) -> CoverView:
    """The cover of a roster, as `coverage` counts it.

    Of several kits together there is a part only where they lack somebody, or where one of them has no part of its own
    as the same executives hold all.
    """
    rows: dict[tuple[Need, ...], dict[tuple[dt.date, int], CoverRow]] = {}
    for row in coverage(problem, roster):
        rows.setdefault(row.needs, {})[row.date, row.slot] = row
    parts: list[CoverPart] = []
    single: set[Need] = set()
    for needs in sorted(
        problem.unions, key=lambda some: (ANYBODY not in some, len(some), [need_name(n) for n in some])
    ):
        part = CoverPart(
            None if ANYBODY in needs else " or ".join(need_name(need) for need in needs),
            tuple(_cover_day(problem, rows.get(needs, {}), date) for date in problem.dates),
        )
        if ANYBODY in needs or not single.issuperset(needs) or part.missing_quarters:
            parts.append(part)
        if ANYBODY not in needs:
            single.update(needs)
    return CoverView(problem.grid.slots(), tuple(parts))


def _cover_day(problem: RosterProblem, rows: Mapping[tuple[dt.date, int], CoverRow], date: dt.date) -> CoverDay:
    if date in problem.closed:
        return CoverDay(date, (), problem.closed[date])
    found = (rows[date, slot] for slot in range(len(problem.grid)))
    slots = (SlotCover(row.wanted_quarters, row.covered_quarters, row.missing_quarters) for row in found)
    return CoverDay(date, tuple(slots))


# ------------------------------------------------------------------------------------------ quotas


@dataclass(frozen=True, slots=True)
class QuotaCell:
    """Most promises of a slot (None: no quota is known), those made already, and why no more are, if so."""

    most: int | None
    promised: int = 0
    shut: str | None = None

    @property
    def is_full(self) -> bool:
        """Something is promised, and as much as may be."""
        return self.shut is None and self.most is not None and 0 < self.promised == self.most

    @property
    def is_over(self) -> bool:
        """More is promised than the quota allows."""
        return self.shut is None and self.most is not None and self.promised > self.most


@dataclass(frozen=True, slots=True)
class QuotaDay:
    """A date and its slots. `most`: most promises of the whole day; None: no limit but those of the slots."""

    date: dt.date
    cells: tuple[QuotaCell, ...]
    most: int | None = None


@dataclass(frozen=True, slots=True)
class QuotaPart:
    """The quotas of a kit, or of all promises where `name` is None."""

    name: str | None
    days: tuple[QuotaDay, ...]


@dataclass(frozen=True, slots=True)
class QuotaView:
    """Quotas by date and slot, of all promises and of those that need a kit."""

    slots: tuple[Slot, ...]
    parts: tuple[QuotaPart, ...]

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        for number, part in enumerate(self.parts):
            faults.extend(fault.under("parts", number) for fault in _date_faults([day.date for day in part.days]))
            for day in part.days:
                if len(day.cells) != len(self.slots):
                    at = ("parts", number, day.date.isoformat())
                    faults.append(Fault(at, "bad_shape", len(day.cells), f"{len(self.slots)} slots"))
        raise_if_any(faults)


def quota_view(
    quotas: Mapping[dt.date, Quotas],
    promised: Mapping[dt.date, Int64Array] | None = None,
    closed: Mapping[dt.date, str] | None = None,
    shut: Mapping[tuple[dt.date, int], str] | None = None,
) -> QuotaView:
    """The quotas of some dates, and of the dates between them that have none.

    `promised`: promises of a date by slot and need, as `Taken` counts them. `closed`: dates that are closed, `shut`:
    slots in which nothing is sold, each with the reason. Raises InvalidProblem where dates have other slots or needs
    than the first one, or nothing is given.
    """
    promised, closed, shut = promised or {}, closed or {}, shut or {}
    grid, needs = _same_for_all(quotas)
    given = [*quotas, *promised, *closed, *(date for date, _ in shut)]
    first = min(given)
    dates = [first + dt.timedelta(days=day) for day in range((max(given) - first).days + 1)]
    parts = []
    for need in (None, *(row for row, need in enumerate(needs) if need != ANYBODY)):
        days = []
        for date in dates:
            known, taken = quotas.get(date), promised.get(date)
            cells = tuple(
                QuotaCell(
                    _most(known, slot, need),
                    0 if taken is None else int(taken[slot].sum() if need is None else taken[slot, need]),
                    closed.get(date) or shut.get((date, slot)),
                )
                for slot in range(len(grid))
            )
            days.append(QuotaDay(date, cells, known.day_most if known is not None and need is None else None))
        parts.append(QuotaPart(None if need is None else need_name(needs[need]), tuple(days)))
    return QuotaView(grid.slots(), tuple(parts))


def _most(quotas: Quotas | None, slot: int, need: int | None) -> int | None:
    if quotas is None:
        return None
    return quotas.total(slot) if need is None else quotas.most(slot, need)


def _same_for_all(quotas: Mapping[dt.date, Quotas]) -> tuple[SlotGrid, tuple[Need, ...]]:
    """The slots and needs that the quotas of all dates have."""
    if not quotas:
        raise InvalidProblem([Fault(("quotas",), "no_quotas", 0, "the quotas of at least one date")])
    first = quotas[min(quotas)]
    faults = []
    for date, other in sorted(quotas.items()):
        if (other.grid, other.needs) != (first.grid, first.needs):
            names = [need_name(need) for need in other.needs]
            rule = f"slots and needs of {min(quotas).isoformat()}"
            faults.append(Fault(("quotas", date.isoformat()), "other_grid", f"{other.grid}, {names}", rule))
    raise_if_any(faults)
    return first.grid, first.needs


# ---------------------------------------------------------------------------------------- refusals


@dataclass(frozen=True, slots=True)
class LocalityRefusals:
    """A locality of the city: where it lies, in degrees, how many wishes came from there, how many were refused."""

    name: str
    lon: float
    lat: float
    asked: int
    refused: int

    def __post_init__(self) -> None:
        faults = []
        for axis, value, limit in (("lon", self.lon, 180.0), ("lat", self.lat, 90.0)):
            if not math.isfinite(value) or abs(value) > limit:
                faults.append(Fault((axis,), "bad_coordinate", str(value), f"degrees, at most {limit:g} either way"))
        if not 0 <= self.refused <= self.asked:
            rule = f"from 0 to the {self.asked} wishes asked"
            faults.append(Fault(("refused",), "out_of_range", self.refused, rule))
        raise_if_any([fault.under(self.name) for fault in faults])

    @property
    def share(self) -> float:
        """Refused of those asked; 0 where nobody asked."""
        return self.refused / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class RefusalView:
    """Localities with their refusals, the most refused first, whatever the order they were given in."""

    localities: tuple[LocalityRefusals, ...]

    def __post_init__(self) -> None:
        order = sorted(self.localities, key=lambda row: (-row.refused, -row.share, row.name, row.lon, row.lat))
        object.__setattr__(self, "localities", tuple(order))

    @property
    def asked(self) -> int:
        """Wishes of all localities."""
        return sum(row.asked for row in self.localities)

    @property
    def refused(self) -> int:
        """Refused of all localities."""
        return sum(row.refused for row in self.localities)


def refusal_view(rows: Iterable[LocalityRow]) -> RefusalView:
    """Refusals by locality; of localities from which nobody asked there is nothing to show."""
    return RefusalView(tuple(LocalityRefusals(*row) for row in rows if row[3]))


# ------------------------------------------------------------------------------------------- words


def executives_words(quarters: int) -> str:
    """Quarters of an executive as executives: `2.75`."""
    return f"{quarters / QUARTERS:g}"


def mean_words(quarters: int, days: int) -> str:
    """The mean number of executives a day, to a tenth, of quarters summed over days: `2.8`; `0` for none at all."""
    if not quarters or not days:
        return "0"
    mean = quarters / QUARTERS / days
    return f"{mean:.1f}" if mean >= 0.05 else "<0.1"


def reason_words(reason: str) -> str:
    """A coded reason as words: `closed_every_year` is `closed every year`."""
    return reason.replace("_", " ")


def span_words(slot: Slot) -> str:
    """A slot from opening to closing: `09:00\u201310:00`."""
    return f"{hhmm(slot.open_s)}\u2013{hhmm(slot.close_s)}"


def day_words(date: dt.date) -> str:
    """A date as people say it: `Mon 30 Nov 2026`."""
    return f"{DAYS[date.weekday()]} {date.day} {MONTHS[date.month - 1]} {date.year}"


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""The same on every machine, whatever language it speaks."""


def _date_faults(dates: Sequence[dt.date]) -> list[Fault]:
    """Dates follow each other without a gap."""
    if not dates:
        return [Fault(("dates",), "bad_range", 0, "at least one date")]
    return [
        Fault(("dates", number), "bad_range", date.isoformat(), "the day after the one before")
        for number, date in enumerate(dates)
        if date != dates[0] + dt.timedelta(days=number)
    ]
