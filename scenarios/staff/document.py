"""The staff as a JSON document: its shape, how it is judged, how it is written. Tables are judged as documents, too."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from optimizer.calendar import closed_because
from optimizer.domain import Executive, Place
from optimizer.roster import Contract, DayRequest
from optimizer.roster.nouns import MOST_EXECUTIVES, MOST_PRICE, WEEK, YEARS
from optimizer.units import DAY_S, HOUR_S, MINUTE_S, rfc3339
from scenarios.catalogue import Catalogue, City
from scenarios.files import InvalidInput, day_of
from scenarios.files.day import point
from scenarios.files.notes import KeyPath, Notes
from scenarios.files.shape import Date, DistinctIds, Id, PlaceShape, Shape, Version, schema_text
from scenarios.rosters import check_head
from scenarios.staff.nouns import MOST_DAYS, Staff, is_agreed, one_of
from scenarios.tables import EXECUTIVES

T = TypeVar("T")
Kind = Literal["leave", "fixed", "request"]
_ONCE = {"leave": "settled day or leave", "fixed": "settled day or leave", "request": "request"}

STAFF_VERSION = 1
MOST_ROW_DAYS = 366
"""Of one row: a year of leave."""
MOST_WEEK_HOURS = WEEK * DAY_S // HOUR_S
DAYS = "days"


# --------------------------------------------------------------------------------------- shape


def _of_a_week(hours: float) -> float:
    if not 0 <= hours <= MOST_WEEK_HOURS:
        raise PydanticCustomError("out_of_range", f"0 to {MOST_WEEK_HOURS} hours")
    seconds = hours * HOUR_S
    if abs(seconds - round(seconds)) > 0.01:
        raise PydanticCustomError("not_whole", "hours that are whole seconds, like 48 or 44.5")
    return hours


WeekHours = Annotated[
    float,
    AfterValidator(_of_a_week),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MOST_WEEK_HOURS}),
]


class StaffExecutiveShape(Shape):
    """An executive, and what is agreed with them."""

    id: Id
    start: PlaceShape
    end: PlaceShape
    skills: DistinctIds = Field(default_factory=list)
    week_hours: WeekHours | None = None
    """Most hours worked in a calendar week; null for what the labour rules allow."""
    patterns: Annotated[DistinctIds, Field(min_length=1)] | None = None
    """The only shifts they work, by the ids of shift patterns; null for all."""


class StaffDayShape(Shape):
    """What is said of an executive and some days, one after the other."""

    executive: Id
    """One of the executives of the document."""
    first: Annotated[Date, Field(alias="from")]
    """Past days are fine."""
    last: Annotated[Date | None, Field(alias="to")] = None
    """Included, at most 366 days from the first; null for the first."""
    kind: Kind
    """Away, settled, or wished."""
    pattern: Id | None = None
    """Of settled days and requests: the shift, by the id of its pattern; null for a day off."""
    price: Annotated[int, Field(ge=0, le=MOST_PRICE)] | None = None
    """Of a request: the points it costs if it is not so; null for the usual price."""


class StaffShape(Shape):
    """Who works in one city."""

    schema_version: Version
    city: Id
    executives: list[StaffExecutiveShape]
    """At least one, each with another id."""
    days: list[StaffDayShape]
    """For an executive and a date one settled day or leave, and one request."""


def staff_schema() -> str:
    """The JSON Schema of a staff document."""
    return schema_text(StaffShape, "Staff of the Mitaan doorstep service")


# ---------------------------------------------------------------------------------------- judged

_EXECUTIVE, _DAY = TypeAdapter(StaffExecutiveShape), TypeAdapter(StaffDayShape)
_ROWS = TypeAdapter(list[Any])
_SOMEWHERE = {"place": "stand-in", "location": {"type": "Point", "coordinates": [0.0, 0.0]}}
_EXECUTIVE_STAND_INS = {"id": "stand-in", "start": _SOMEWHERE, "end": _SOMEWHERE}
_DAY_STAND_INS = {"executive": "stand-in", "from": "2000-01-01", "kind": "leave"}
_OF_A_DAY = ("id", "start", "end", "skills")
"""Keys of an executive that the day file has, too."""


@dataclass(frozen=True, slots=True)
class _Span:
    """What a row says of an executive and its days."""

    executive_id: str
    first: dt.date
    days: int
    kind: Kind
    pattern: str | None
    price: int | None

    def dates(self) -> Iterator[dt.date]:
        """Each of its dates."""
        return _dates(self.first, self.days)


def _dates(first: dt.date, days: int) -> Iterator[dt.date]:
    return (first + dt.timedelta(days=day) for day in range(days))


@dataclass(slots=True)
class _Said:
    """What has been said of the days of one executive so far."""

    leave: set[dt.date] = field(default_factory=set)
    fixed: dict[dt.date, str | None] = field(default_factory=dict)
    requests: dict[dt.date, DayRequest] = field(default_factory=dict)

    def clash(self, span: _Span) -> dt.date | None:
        """The first date of which something has been said that does not go with it; leave goes with leave."""
        others: dict[Kind, tuple[Container[dt.date], ...]] = {
            "leave": (self.fixed,),
            "fixed": (self.fixed, self.leave),
            "request": (self.requests,),
        }
        return next((date for date in span.dates() if any(date in other for other in others[span.kind])), None)

    def take(self, span: _Span) -> None:
        """Say it of each of its dates."""
        if span.kind == "leave":
            self.leave.update(span.dates())
        elif span.kind == "fixed":
            self.fixed.update(dict.fromkeys(span.dates(), span.pattern))
        else:
            price = {} if span.price is None else {"price": span.price}
            self.requests.update({date: DayRequest(date, span.pattern, **price) for date in span.dates()})


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges a document of plain JSON values, of a file or made of tables."""

    catalogue: Catalogue
    city: City
    patterns: frozenset[str]

    def staff(self, notes: Notes) -> Staff:
        """The staff a document says. Raises InvalidInput with all faults, by JSON Pointer."""
        check_head(notes, StaffShape, self.city, "staff")
        rows, days = notes.piece(EXECUTIVES, _ROWS), notes.piece(DAYS, _ROWS) or []
        if rows == []:
            notes.note((EXECUTIVES,), "empty_file", rows, "at least one executive")
        too_many = len(rows or []) > MOST_EXECUTIVES
        if too_many:
            notes.note((EXECUTIVES,), "too_many_executives", rows, f"at most {MOST_EXECUTIVES} executives")
        if len(days) > MOST_DAYS:
            notes.note((DAYS,), "too_many_days", days, f"at most {MOST_DAYS:,} days of all executives")
        if too_many or len(days) > MOST_DAYS:
            raise InvalidInput(notes.all_faults())
        agreed = self._agreements(notes, rows or [])
        executives = self._executives(notes, rows or [])
        said = self._days(notes, days, agreed)
        if notes.faults:
            raise InvalidInput(notes.all_faults())
        contracts = (_contract(each, agreed[each.executive_id], said[each.executive_id]) for each in executives)
        return Staff(self.city.city_id, tuple(contracts))

    def _agreements(self, notes: Notes, rows: list[Any]) -> dict[str, StaffExecutiveShape | None]:
        """What is agreed, by id; None with those of whom it cannot be told."""
        agreed: dict[str, StaffExecutiveShape | None] = {}
        for number, row in enumerate(rows):
            at = (EXECUTIVES, number)
            shape = notes.fitted(_EXECUTIVE, row, at, _EXECUTIVE_STAND_INS).shape
            for position, pattern in enumerate((shape and shape.patterns) or []):
                self._check_pattern(notes, pattern, (*at, "patterns", position))
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                agreed[row["id"]] = shape
        return agreed

    def _executives(self, notes: Notes, rows: list[Any]) -> tuple[Executive, ...]:
        """The rows as executives of a day on which nobody is visited; none, with faults, where that cannot be."""
        date = next(filter(self._is_open, _dates(dt.date(YEARS[0], 1, 1), 366)))
        shift = {"open": rfc3339(date, 0), "close": rfc3339(date, DAY_S)}
        day = {
            "schema_version": 1,
            "city": self.city.city_id,
            "date": date.isoformat(),
            "slot_minutes": self.catalogue.rules.slot_s // MINUTE_S,
            "office": _place(self.city.office),
            "executives": [
                {**{key: row[key] for key in _OF_A_DAY if key in row}, "shift": shift} if isinstance(row, dict) else row
                for row in rows
            ],
            "visits": [],
        }
        known = [fault for fault in notes.faults if fault.path[:1] == (EXECUTIVES,)]
        told = {(fault.path, fault.code) for fault in known}
        try:
            return day_of(day, "", known, catalogue=self.catalogue).problem.executives
        except InvalidInput as error:
            notes.faults.extend(fault for fault in error.faults if (fault.path, fault.code) not in told)
            return ()

    def _is_open(self, date: dt.date) -> bool:
        return closed_because(self.catalogue.rules, date) is None

    def _check_pattern(self, notes: Notes, pattern: str, path: KeyPath) -> bool:
        """There is such a shift; if not, that is noted."""
        if pattern in self.patterns:
            return True
        notes.note(path, "unknown_pattern", pattern, one_of(self.patterns))
        return False

    def _days(
        self, notes: Notes, rows: list[Any], agreed: Mapping[str, StaffExecutiveShape | None]
    ) -> defaultdict[str, _Said]:
        """What is said of days, by id; what is wrong with it is noted."""
        spans = {(DAYS, number): self._span(notes, row, (DAYS, number), agreed) for number, row in enumerate(rows)}
        said: defaultdict[str, _Said] = defaultdict(_Said)
        total = sum(span.days for span in spans.values() if span is not None)
        if total > MOST_DAYS:
            notes.note((DAYS,), "too_many_days", rows, f"at most {MOST_DAYS:,} days of all executives; here {total:,}")
            return said
        for at, span in spans.items():
            if span is None:
                continue
            own = said[span.executive_id]
            clash = own.clash(span)
            if clash is not None:
                rule = f"one {_ONCE[span.kind]} of {span.executive_id} on {clash.isoformat()}"
                notes.note((*at, "from"), "duplicate_day", span.first.isoformat(), rule)
            own.take(span)
        return said

    def _span(
        self, notes: Notes, row: Any, at: KeyPath, agreed: Mapping[str, StaffExecutiveShape | None]
    ) -> _Span | None:
        """What a row of days says; None, with faults, where that cannot be."""
        before = len(notes.faults)
        fit = notes.fitted(_DAY, row, at, _DAY_STAND_INS)
        shape, bad = fit.shape, fit.replaced
        if shape is None:
            return None
        if agreed and "executive" not in bad and shape.executive not in agreed:  # without any, that is said already
            notes.note((*at, "executive"), "unknown_executive", shape.executive, "an executive of this staff")
        if shape.kind == "leave" and "kind" not in bad and shape.pattern is not None:
            notes.note((*at, "pattern"), "not_of_this_kind", shape.pattern, "empty for leave")
        elif shape.pattern is not None and self._check_pattern(notes, shape.pattern, (*at, "pattern")):
            executive = agreed.get(shape.executive)
            patterns = executive.patterns if executive is not None and shape.kind == "fixed" else None
            if not is_agreed(shape.pattern, patterns):
                notes.note((*at, "pattern"), "pattern_not_agreed", shape.pattern, one_of(patterns or ()))
        if shape.kind != "request" and "kind" not in bad and shape.price is not None:
            notes.note((*at, "price"), "not_of_this_kind", shape.price, f"empty for {shape.kind}: a request has one")
        days = 1
        if shape.last is not None and "from" not in bad:
            days += (shape.last - shape.first).days
            if days < 1:
                rule = f"not before from, {shape.first.isoformat()}"
                notes.note((*at, "to"), "bad_range", shape.last.isoformat(), rule)
            elif days > MOST_ROW_DAYS:
                rule = f"at most {MOST_ROW_DAYS} days of one row; here {days:,}"
                notes.note((*at, "to"), "too_many_days", shape.last.isoformat(), rule)
        if bad or len(notes.faults) > before:
            return None
        return _Span(shape.executive, shape.first, days, shape.kind, shape.pattern, shape.price)


def _contract(executive: Executive, agreed: StaffExecutiveShape | None, said: _Said) -> Contract:
    hours, patterns = (agreed.week_hours, agreed.patterns) if agreed else (None, None)
    return Contract(
        executive.executive_id,
        executive.start,
        executive.end,
        executive.skills,
        week_s=None if hours is None else round(hours * HOUR_S),
        patterns=None if patterns is None else frozenset(patterns),
        leave=frozenset(said.leave),
        fixed=said.fixed,
        requests=tuple(said.requests.values()),
    )


# ------------------------------------------------------------------------------------- written


def staff_json(staff: Staff) -> dict[str, Any]:
    """The staff as plain JSON values, which `parse_staff` reads back unchanged.

    Equal days that follow each other share a row.
    """
    return {
        "schema_version": STAFF_VERSION,
        "city": staff.city,
        EXECUTIVES: [
            {
                "id": contract.executive_id,
                "start": _place(contract.start),
                "end": _place(contract.end),
                "skills": sorted(contract.skills),
                "week_hours": week_hours(contract),
                "patterns": None if contract.patterns is None else sorted(contract.patterns),
            }
            for contract in staff.contracts
        ],
        DAYS: [row for contract in staff.contracts for row in day_rows(contract)],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"place": place.place_id, "location": point(place)}


def week_hours(contract: Contract) -> float | None:
    """Hours of a week with as many decimals as say the second, whole ones without any."""
    if contract.week_s is None:
        return None
    return contract.week_s // HOUR_S if contract.week_s % HOUR_S == 0 else contract.week_s / HOUR_S


def day_rows(contract: Contract) -> list[dict[str, Any]]:
    """What is said of the days of an executive, by the first of them; as a row of the document and of the table."""
    said: tuple[tuple[Kind, Mapping[dt.date, tuple[str | None, int | None]]], ...] = (
        ("leave", dict.fromkeys(contract.leave, (None, None))),
        ("fixed", {date: (pattern, None) for date, pattern in contract.fixed.items()}),
        ("request", {request.date: (request.pattern_id, request.price) for request in contract.requests}),
    )
    rows = [
        {
            "executive": contract.executive_id,
            "from": first.isoformat(),
            "to": last.isoformat(),
            "kind": kind,
            "pattern": pattern,
            "price": price,
        }
        for kind, by_date in said
        for first, last, (pattern, price) in _spans(by_date)
    ]
    return sorted(rows, key=lambda row: str(row["from"]))


def _spans(said: Mapping[dt.date, T]) -> Iterator[tuple[dt.date, dt.date, T]]:
    """First date, last date, what is said: of dates that follow each other with the same, as many as a row may have."""
    runs: list[list[dt.date]] = []
    for date in sorted(said):
        run = runs[-1] if runs else []
        if run and (date - run[-1]).days == 1 and said[date] == said[run[0]] and len(run) < MOST_ROW_DAYS:
            run.append(date)
        else:
            runs.append([date])
    return ((run[0], run[-1], said[run[0]]) for run in runs)
