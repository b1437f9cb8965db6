"""The shape of a day file, version 1: keys, types, and what may be left out. Rules about values are in `reading`.

These classes are the published JSON Schema (`day_schema`); everything is strict: no text for a number, no
truth value for a whole number, no field that is not named here.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from optimizer.domain import ID_PATTERN, Fault
from optimizer.travel import HOURS
from optimizer.units import DAY_S, IST
from scenarios.travel.formula import DEFAULT_MARGIN_PCT

T = TypeVar("T")
StandIns = Mapping[str, object]
"""Values for keys that must be there, of the right shape: they let the rest of a faulty object be looked at."""

SCHEMA_VERSION = 1
DEFAULT_SPEEDS = "default"
MOST = 1_000_000_000
"""Of a price or a target: beyond every use, and small enough that sums over a day are exact."""
MOST_WEIGHT = 1_000_000
FIRST_YEAR, LAST_YEAR = 2000, 2199
DRAFT = "https://json-schema.org/draft/2020-12/schema"

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?P<offset>Z|[+-]\d{2}:\d{2})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

# ----------------------------------------------------------------------------- single values


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value  # the type is judged next
    match = _MOMENT.fullmatch(value)
    if match is None:
        raise PydanticCustomError("bad_time", "a time in whole seconds like 2026-12-01T08:00:00+05:30")
    if match["offset"] != "+05:30":
        raise PydanticCustomError("wrong_offset", "times carry the offset of India, +05:30")
    try:
        return dt.datetime.fromisoformat(value).astimezone(IST)
    except (ValueError, OverflowError):
        raise PydanticCustomError("bad_time", "a time that exists, like 2026-12-01T08:00:00+05:30") from None


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        date = dt.date.fromisoformat(value) if _DATE.fullmatch(value) else None
    except ValueError:
        date = None  # 2026-02-30: of the right form, but no date
    if date is None or not FIRST_YEAR <= date.year <= LAST_YEAR:
        raise PydanticCustomError("bad_date", f"a date like 2026-12-01, from {FIRST_YEAR} to {LAST_YEAR}")
    return date


def _one(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("wrong_type", "a whole number")
    return value


def _speeds(value: object) -> object:
    if value is None or value == DEFAULT_SPEEDS:
        return value
    numbers = isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    if not isinstance(value, list) or not numbers or len(value) != HOURS:
        raise PydanticCustomError("bad_speeds", "24 speeds in km/h, one per hour, or 'default', or null")
    return [float(v) for v in value]


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("repeated_value", "every entry once")
    return values


def _plain_text(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("bad_text", "text without control characters")
    return value


Id = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^{ID_PATTERN}$"})]
DistinctIds = Annotated[list[Id], AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True})]
Moment = Annotated[
    dt.datetime,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+05:30$",
            "examples": ["2026-12-01T08:00:00+05:30"],
        }
    ),
]
Date = Annotated[
    dt.date,
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
]


def _whole(low: int, high: int | None = None) -> WithJsonSchema:
    limits = {"minimum": low} if high is None else {"minimum": low, "maximum": high}
    return WithJsonSchema({"type": "integer", **limits})


def _at_most(most: int) -> AfterValidator:
    def check(value: int) -> int:
        if value > most:
            raise PydanticCustomError("too_large", f"at most {most:,}")
        return value

    return AfterValidator(check)


NotNegative = Annotated[int, _whole(0)]
Price = Annotated[int, _at_most(MOST), _whole(0, MOST)]
DaySeconds = Annotated[int, _whole(0, DAY_S)]
Minutes = Annotated[int, _whole(0, DAY_S // 60)]
Sha256 = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})]
FileName = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})]
Version = Annotated[Literal[1], BeforeValidator(_one)]
Speeds = Annotated[
    list[float] | Literal["default"] | None,
    BeforeValidator(_speeds),
    WithJsonSchema(
        {
            "oneOf": [
                {
                    "type": "array",
                    "items": {"type": "number", "minimum": 1, "maximum": 150},
                    "minItems": HOURS,
                    "maxItems": HOURS,
                },
                {"const": DEFAULT_SPEEDS},
                {"type": "null"},
            ]
        }
    ),
]

# ------------------------------------------------------------------------------- the objects


class Shape(BaseModel):
    """Strict, and closed: a field that is not named is a fault."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True, frozen=True)


class PointShape(Shape):
    """A GeoJSON point (RFC 7946): longitude first."""

    type: Literal["Point"]
    coordinates: Annotated[list[float], Field(min_length=2, max_length=2)]
    """Degrees east, degrees north; WGS 84."""


class PlaceShape(Shape):
    """A point with the id that a travel matrix calls it by."""

    place: Id
    location: PointShape


class TravelShape(Shape):
    """What every source of travel times has: the formula (a matrix lacks pairs) and how clocks differ from it."""

    margin_pct: NotNegative = DEFAULT_MARGIN_PCT
    """Lengthens clocks, never the cost."""
    fixed_minutes: Annotated[float, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 60})] = 1.3
    minutes_per_km: Annotated[float, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 30})] = 3.0
    speed_kmh_by_hour: Speeds = None
    """24 speeds; "default" takes those of the catalogue, null is 24 km/h all day."""


class FormulaShape(TravelShape):
    """Travel by the formula of the straight line."""

    source: Literal["formula"]


class MatrixShape(TravelShape):
    """Travel from a matrix in a file beside the day file; pairs missing in it follow the formula."""

    source: Literal["matrix"]
    file: FileName
    """CSV in the folder of the day file, or below it."""
    sha256: Sha256 | None = None
    """Of the bytes of the file; given, it must agree."""
    metres_file: FileName | None = None
    metres_sha256: Sha256 | None = None


class FairnessShape(Shape):
    """Above `above_s` of busy time each further 1,000 s cost `price_permille` cost seconds more than below."""

    above_s: Price
    price_permille: Price


class WaitingShape(Shape):
    """What leaving a delivery for later costs, by days to its due date."""

    far_s: Price = 1_200
    due_s: Price = 7_200
    horizon_days: Annotated[int, _at_most(MOST), _whole(1, MOST)] = 10
    overdue_s_per_day: Price = 3_600
    cap_s: Price = 21_600


class PricesShape(Shape):
    """Prices of the second cost level, in cost seconds."""

    overtime_permille: Price = 2_000
    fairness: list[FairnessShape] = [FairnessShape(above_s=18_000, price_permille=500)]
    continuity_s: Price = 600
    waiting: WaitingShape = WaitingShape()


class ShiftShape(Shape):
    """From departure to return; the route may end up to `overtime_minutes` later."""

    open: Moment
    close: Moment
    overtime_minutes: Minutes = 0


class BreakShape(Shape):
    """A break that begins from `earliest` to `latest`, both included."""

    minutes: Annotated[int, _whole(1, DAY_S // 60)]
    earliest: Moment
    latest: Moment


class ExecutiveShape(Shape):
    """Who drives and serves on this day."""

    id: Id
    start: PlaceShape
    end: PlaceShape
    shift: ShiftShape
    skills: DistinctIds = []
    pause: Annotated[BreakShape | None, Field(alias="break")] = None
    preferred_visits: DistinctIds = []
    """Visits this executive should serve (continuity)."""
    fixed_prefix: DistinctIds = []
    """Visits the route begins with, in this order."""


class WindowShape(Shape):
    """When service may begin, both ends included."""

    open: Moment
    close: Moment


class VisitShape(Shape):
    """What appointments and deliveries have in common."""

    id: Id
    place: Id | None = None
    """What a travel matrix calls the place; the id of the visit when it is left out."""
    location: PointShape
    service: Id | None = None
    """Id of the service, as in the catalogue or any other."""
    service_s: DaySeconds
    """Seconds at the door."""
    skills: DistinctIds = []
    pinned_to: Id | None = None
    """The only executive who may serve it."""


class AppointmentShape(VisitShape):
    """A promised visit in one slot."""

    kind: Literal["appointment"]
    slot: Moment
    """When its slot opens."""
    weight: Annotated[int, _at_most(MOST_WEIGHT), _whole(1, MOST_WEIGHT)] = 1
    """What breaking the promise counts."""


class DeliveryShape(VisitShape):
    """Handing over a certificate; it may wait for another day at a price."""

    kind: Literal["delivery"]
    windows: Annotated[list[WindowShape], Field(min_length=1)] | None = None
    """One after the other; from opening time to closing time less the service when left out."""
    due: Date | None = None
    """The last good day. A due date or a waiting price must be given."""
    waiting_price_s: Price | None = None
    """Cost seconds of leaving it for another day; by the curve of the prices when left out."""
    held_by: Id | None = None
    """Who carries the envelope; null when it lies at the office."""


Text = Annotated[str, Field(max_length=200), AfterValidator(_plain_text)]
Travel = Annotated[FormulaShape | MatrixShape, Field(discriminator="source")]


class DayShape(Shape):
    """A day of one city: who works, whom they visit, how long the ways are and what things cost."""

    schema_version: Version
    name: Text | None = None
    """Free text."""
    city: Id
    date: Date
    slot_minutes: Annotated[int, _whole(1, DAY_S // 60)] = 60
    """Divides the opening hours exactly."""
    office: PlaceShape
    """Where envelopes lie. An executive whose start has the same place id starts at the office."""
    travel: Travel = FormulaShape(source="formula")
    prices: PricesShape = PricesShape()
    skills: DistinctIds = []
    """Skills that exist though the catalogue does not know them and perhaps nobody has them on this day."""
    executives: list[ExecutiveShape]
    visits: list[Annotated[AppointmentShape | DeliveryShape, Field(discriminator="kind")]]


def schema_text(model: type[BaseModel], title: str) -> str:
    """The JSON Schema (draft 2020-12) of a model, as it is published."""
    schema = {"$schema": DRAFT, "title": title, **model.model_json_schema(by_alias=True)}
    schema["title"] = title
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def day_schema() -> str:
    """The published schema of a day file: `scenarios/schema/day.json`."""
    return schema_text(DayShape, "A day of the Mitaan doorstep service")


# ------------------------------------------------------------------------- what does not fit

_RULES = {
    "missing": ("missing_field", "this field is required"),
    "extra_forbidden": ("unknown_field", "a name that is known here"),
    "int_type": ("wrong_type", "a whole number"),
    "float_type": ("wrong_type", "a number"),
    "string_type": ("wrong_type", "text"),
    "string_unicode": ("bad_text", "text without broken characters"),
    "list_type": ("wrong_type", "a list"),
    "model_type": ("wrong_type", "an object"),
    "datetime_type": ("wrong_type", "a time as text"),
    "date_type": ("wrong_type", "a date as text"),
    "finite_number": ("not_finite", "a finite number"),
    "bool_type": ("wrong_type", "true or false"),
    "dict_type": ("wrong_type", "an object"),
    "model_attributes_type": ("wrong_type", "an object"),
    "int_parsing": ("wrong_type", "a whole number"),
    "int_from_float": ("wrong_type", "a whole number"),
    "float_parsing": ("wrong_type", "a number"),
    "bool_parsing": ("wrong_type", "true or false"),
}
_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def shape_faults(errors: Iterable[Mapping[str, Any]]) -> Iterator[Fault]:
    """What pydantic found (`ValidationError.errors()`), in the words of this engine."""
    for found in errors:
        kind, context = found["type"], found.get("ctx", {})
        code, rule = _RULES.get(kind, (kind, found["msg"]))
        value = None if kind == "missing" else found["input"]
        if kind == "literal_error":
            code, rule = "unknown_value", f"one of {context['expected']}"
        elif kind in ("too_short", "too_long"):
            code, value = "wrong_length", context["actual_length"]
            rule = (
                f"at least {context['min_length']} entries"
                if kind == "too_short"
                else f"at most {context['max_length']} entries"
            )
        elif kind in _LIMITS:
            name, words = _LIMITS[kind]
            code, rule = "out_of_range", f"{words} {context[name]:,}"
        elif kind == "string_pattern_mismatch":
            code, rule = "bad_text", f"text that matches {context['pattern']}"
        elif kind == "string_too_short":
            code, rule = "too_short", f"at least {context['min_length']} characters"
        elif kind == "string_too_long":
            code, rule = "too_long", f"at most {context['max_length']} characters"
        yield Fault(tuple(found["loc"]), code, value, rule)


class Fitted(NamedTuple, Generic[T]):
    """A value in its shape, None where it cannot be brought into it, and the keys that had to be replaced."""

    shape: T | None
    replaced: frozenset[str] = frozenset()


def fitted(
    adapter: TypeAdapter[T], value: object, path: tuple[str | int, ...], faults: list[Fault], stand_ins: StandIns
) -> Fitted[T]:
    """The value in the shape of the adapter, with its faults noted under `path`.

    So that the rest of a faulty object can still be looked at, unknown fields are left out, and a key whose
    value does not fit takes its default or the value of `stand_ins`.
    """
    try:
        return Fitted(adapter.validate_python(value, strict=True))
    except ValidationError as error:
        found = list(shape_faults(error.errors(include_url=False)))
    faults.extend(fault.under(*path) for fault in found)
    if not isinstance(value, dict):
        return Fitted(None)
    mended = copy.deepcopy(value)
    for fault in found:
        if fault.path:
            _leave_out(mended, fault.path)
    bad = {str(fault.path[0]) for fault in found if len(fault.path) == 1 and fault.code != "unknown_field"}
    for _ in range(2):  # below a key something may have been needed: then the whole key is replaced
        for key in bad:
            mended.pop(key, None)
        mended |= {key: stand_ins[key] for key in bad if key in stand_ins}
        try:
            return Fitted(adapter.validate_python(mended, strict=True), frozenset(bad))
        except ValidationError as error:
            bad |= {str(each["loc"][0]) for each in error.errors() if each["loc"]}
    return Fitted(None)


def _leave_out(tree: Any, path: tuple[str | int, ...]) -> None:
    """Remove a key; an entry of a list is left, so that the others keep their places."""
    for part in path[:-1]:
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            return  # it went with something above it
    if isinstance(tree, dict):
        tree.pop(path[-1], None)
