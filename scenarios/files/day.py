"""A day in memory together with what its file says beyond the problem, and its one canonical text.

The canonical text of a day has one line per executive and visit, both sorted by id, every key written,
numbers by `repr`, times with +05:30. It is what `write_day` writes, what `read_day` reads back without a
change, and what `input_sha256` is the SHA-256 of; a matrix enters by the SHA-256 of its file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optimizer.domain import Appointment, Delivery, Executive, Fault, InvalidProblem, Place, Prices, Problem, Visit
from optimizer.units import MINUTE_S, rfc3339
from scenarios.files.shape import SCHEMA_VERSION
from scenarios.travel.formula import FormulaSpec
from scenarios.travel.matrix import MatrixSpec

TravelSpec = FormulaSpec | MatrixSpec


@dataclass(frozen=True, eq=False)
class ScenarioDay:
    """A problem with what its file says beyond it: a name, where travel times come from, skills known to exist.

    `problem.input_sha256` is the hash of the canonical text. Make one with `scenario_day`.
    """

    problem: Problem
    travel: TravelSpec
    name: str | None = None
    skills: frozenset[str] = frozenset()


def scenario_day(
    problem: Problem, travel: TravelSpec, name: str | None = None, skills: frozenset[str] = frozenset()
) -> ScenarioDay:
    """The day of a problem whose travel table was made by `travel`; the problem gets its input hash.

    Raises InvalidProblem for what the file format cannot say, such as a break of half a minute.
    """
    day = ScenarioDay(problem, travel, name, skills)
    return replace(day, problem=replace(problem, input_sha256=input_sha256(day)))


def input_sha256(day: ScenarioDay) -> str:
    """SHA-256 of the canonical text, in hexadecimal: `sha256sum` of a file that `write_day` wrote."""
    return hashlib.sha256(canonical_bytes(day)).hexdigest()


def canonical_bytes(day: ScenarioDay) -> bytes:
    """The canonical text in UTF-8."""
    return write_day(day).encode()


def write_day(day: ScenarioDay) -> str:
    """The canonical text of a day. A matrix file is not part of it; it has to lie beside, under its name."""
    problem = day.problem
    slot_minutes = _minutes(problem.grid.slot_s, ("slot_minutes",))
    head: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": day.name,
        "city": problem.city,
        "date": problem.date.isoformat(),
        "slot_minutes": slot_minutes,
        "office": _place(problem.office),
        "travel": _travel(day.travel),
        "prices": _prices(problem.prices),
        "skills": sorted(day.skills),
    }
    parts = [f"  {_text(key)}: {_text(value)}" for key, value in head.items()]
    executives = [_executive(problem, executive) for executive in problem.executives]
    parts.append(_listed("executives", executives))
    parts.append(_listed("visits", [_visit(problem, visit) for visit in problem.visits]))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _listed(key: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return f"  {_text(key)}: []"
    return f"  {_text(key)}: [\n    " + ",\n    ".join(_text(row) for row in rows) + "\n  ]"


def _minutes(seconds: int, path: tuple[str | int, ...]) -> int:
    minutes, rest = divmod(seconds, MINUTE_S)
    if rest:
        raise InvalidProblem([Fault(path, "not_whole_minutes", seconds, "the day file has whole minutes here")])
    return minutes


def point(place: Place) -> dict[str, Any]:
    """A place as a GeoJSON point, longitude first."""
    return {"type": "Point", "coordinates": [float(place.lon), float(place.lat)]}


def _place(place: Place) -> dict[str, Any]:
    return {"place": place.place_id, "location": point(place)}


def _travel(spec: TravelSpec) -> dict[str, Any]:
    formula = spec.formula if isinstance(spec, MatrixSpec) else spec
    files: Mapping[str, Any] = {}
    if isinstance(spec, MatrixSpec):
        files = {
            "file": spec.file,
            "sha256": spec.sha256,
            "metres_file": spec.metres_file,
            "metres_sha256": spec.metres_sha256,
        }
    speeds = formula.speed_kmh_by_hour
    return {
        "source": "matrix" if isinstance(spec, MatrixSpec) else "formula",
        **files,
        "margin_pct": formula.margin_pct,
        "fixed_minutes": float(formula.fixed_minutes),
        "minutes_per_km": float(formula.minutes_per_km),
        "speed_kmh_by_hour": None if speeds is None else [float(speed) for speed in speeds],
    }


def _prices(prices: Prices) -> dict[str, Any]:
    curve = prices.waiting
    return {
        "overtime_permille": prices.overtime_permille,
        "fairness": [{"above_s": p.above_s, "price_permille": p.price_permille} for p in sorted(prices.fairness)],
        "continuity_s": prices.continuity_s,
        "waiting": {
            "far_s": curve.far_s,
            "due_s": curve.due_s,
            "horizon_days": curve.horizon_days,
            "overdue_s_per_day": curve.overdue_s_per_day,
            "cap_s": curve.cap_s,
        },
    }


def _executive(problem: Problem, executive: Executive) -> dict[str, Any]:
    date, shift, pause = problem.date, executive.shift, executive.pause
    at = ("executives", executive.executive_id)
    rest = None
    if pause is not None:
        rest = {
            "minutes": _minutes(pause.duration_s, (*at, "break", "minutes")),
            "earliest": rfc3339(date, pause.window.open_s),
            "latest": rfc3339(date, pause.window.close_s),
        }
    return {
        "id": executive.executive_id,
        "start": _place(executive.start),
        "end": _place(executive.end),
        "shift": {
            "open": rfc3339(date, shift.open_s),
            "close": rfc3339(date, shift.close_s),
            "overtime_minutes": _minutes(shift.overtime_s, (*at, "shift", "overtime_minutes")),
        },
        "skills": sorted(executive.skills),
        "break": rest,
        "preferred_visits": sorted(executive.preferred_visits),
        "fixed_prefix": list(executive.fixed_prefix),
    }


def _visit(problem: Problem, visit: Visit) -> dict[str, Any]:
    date = problem.date
    before = {
        "id": visit.visit_id,
        "kind": "appointment" if isinstance(visit, Appointment) else "delivery",
        **_place(visit.place),
        "service": visit.service_id,
        "service_s": visit.service_s,
    }
    own: dict[str, Any]
    if isinstance(visit, Delivery):
        own = {
            "windows": [{"open": rfc3339(date, w.open_s), "close": rfc3339(date, w.close_s)} for w in visit.windows],
            "due": None if visit.due is None else visit.due.isoformat(),
            "waiting_price_s": visit.waiting_price_s,
            "held_by": visit.held_by,
        }
    else:
        own = {"slot": rfc3339(date, visit.slot.open_s), "weight": visit.weight}
    return {**before, **own, "skills": sorted(visit.skills), "pinned_to": visit.pinned_to}
