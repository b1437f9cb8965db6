"""The nouns of a day file, each built on its own: places, executives, visits."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import TypeAdapter

from optimizer.domain import (
    Appointment,
    Break,
    Delivery,
    Executive,
    Fault,
    Place,
    Shift,
    Slot,
    SlotGrid,
    TimeWindow,
    Visit,
)
from optimizer.units import DAY_S, MINUTE_S, day_second, hhmm
from scenarios.files.notes import Document, KeyPath, Notes
from scenarios.files.shape import (
    AppointmentShape,
    BreakShape,
    DeliveryShape,
    ExecutiveShape,
    PlaceShape,
    ShiftShape,
    VisitShape,
)

_EXECUTIVE = TypeAdapter(ExecutiveShape)
_APPOINTMENT = TypeAdapter(AppointmentShape)
_DELIVERY = TypeAdapter(DeliveryShape)

_SOMEWHERE = {"type": "Point", "coordinates": [0.0, 0.0]}
_SOMETIME = "2000-01-01T08:00:00+05:30"
_VISIT_STAND_INS = {"id": "stand-in", "location": _SOMEWHERE, "service_s": 0, "slot": _SOMETIME}
_EXECUTIVE_STAND_INS = {
    "id": "stand-in",
    "start": {"place": "stand-in", "location": _SOMEWHERE},
    "end": {"place": "stand-in", "location": _SOMEWHERE},
    "shift": {"open": _SOMETIME, "close": _SOMETIME},
}

# What a noun calls a value, where the file calls it otherwise.
_SHIFT_KEYS: dict[str, KeyPath] = {"close_s": ("close",), "overtime_s": ("overtime_minutes",)}
_LOCATION_KEYS: dict[str, KeyPath] = {"lon": ("location", "coordinates", 0), "lat": ("location", "coordinates", 1)}


NOWHERE = Place("nowhere", 0.0, 0.0)
"""Stands in for a place that could not be built while the rest of its object is looked at."""


class Nouns(Notes):
    """Builds nouns; `date` and `grid` are those of the day once they are known, None where they are faulty."""

    def __init__(self, document: Document, file: str, faults: list[Fault]) -> None:
        super().__init__(document, file, faults)
        self.date: dt.date | None = None
        self.grid: SlotGrid | None = None
        self._guessed_date: dt.date | None = None
        self.spots: list[tuple[KeyPath, Place]] = []  # places that could be built, with the path of their object

    def raw_rows(self, key: str) -> list[dict[str, Any]]:
        """The objects in a list at the top, as they stand in the file."""
        rows = self.document.get(key)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    # ----------------------------------------------------------------------- places and times

    def place(self, shape: PlaceShape, path: KeyPath, id_key: str = "place") -> Place | None:
        """A place; None, with faults, when it cannot be. `id_key` is where its id stands."""
        lon, lat = shape.location.coordinates
        place = self.built(lambda: Place(shape.place, lon, lat), path, {**_LOCATION_KEYS, "place_id": (id_key,)})
        if place is not None:
            self.spots.append((path, place))
        return place

    def _second(self, moment: dt.datetime, path: KeyPath) -> int | None:
        """The day second of a moment of this day, its end at midnight included; None, with a fault, otherwise.

        When the date of the day is not known, the first moment of the file says it, and nothing is faulted.
        """
        if self._guessed_date is None:
            self._guessed_date = self.date or moment.date()
        second = day_second(self._guessed_date, moment)
        if 0 <= second <= DAY_S:
            return second
        if self.date is not None:
            self.note(path, "other_day", moment.isoformat(), f"a time of {self.date}, the date of the day")
        return None

    def _window(
        self, opens: dt.datetime, closes: dt.datetime, path: KeyPath, keys: tuple[str, str] = ("open", "close")
    ) -> TimeWindow | None:
        open_s, close_s = self._second(opens, (*path, keys[0])), self._second(closes, (*path, keys[1]))
        if closes < opens:
            rule = f"not before {keys[0]}, {opens:%H:%M}: a window opens before it closes"
            self.note((*path, keys[1]), "bad_window", closes.isoformat(), rule)
            return None
        return None if open_s is None or close_s is None else TimeWindow(open_s, close_s)

    # ------------------------------------------------------------------- executives and visits

    def executive(self, raw: Any, path: KeyPath) -> Executive | None:
        """An executive; None, with faults, when they cannot be."""
        before = len(self.faults)
        fit = self.fitted(_EXECUTIVE, raw, path, _EXECUTIVE_STAND_INS)
        if fit.shape is None:
            return None
        shape, replaced = fit.shape, fit.replaced
        start = None if "start" in replaced else self.place(shape.start, (*path, "start"))
        end = None if "end" in replaced else self.place(shape.end, (*path, "end"))
        shift = None if "shift" in replaced else self._shift(shape.shift, (*path, "shift"))
        pause = None if shape.pause is None else self._break(shape.pause, (*path, "break"))
        executive = self.built(
            lambda: Executive(
                shape.id,
                start or NOWHERE,
                end or NOWHERE,
                shift or Shift(0, DAY_S),
                frozenset(shape.skills),
                pause,
                frozenset(shape.preferred_visits),
                tuple(shape.fixed_prefix),
            ),
            path,
            {"executive_id": ("id",)},
            replaced,
        )
        return executive if len(self.faults) == before and start and end and shift else None

    def _shift(self, shape: ShiftShape, path: KeyPath) -> Shift | None:
        open_s, close_s = self._second(shape.open, (*path, "open")), self._second(shape.close, (*path, "close"))
        if open_s is None or close_s is None:
            open_s, close_s = 0, 0  # the overtime can be judged all the same
        return self.built(lambda: Shift(open_s, close_s, shape.overtime_minutes * MINUTE_S), path, _SHIFT_KEYS)

    def _break(self, shape: BreakShape, path: KeyPath) -> Break | None:
        window = self._window(shape.earliest, shape.latest, path, ("earliest", "latest"))
        stand_in = window or TimeWindow(0, DAY_S)
        return self.built(lambda: Break(shape.minutes * MINUTE_S, stand_in), path, {"duration_s": ("minutes",)})

    def visit(self, raw: Any, path: KeyPath) -> Visit | None:
        """An appointment or a delivery; None, with faults, when it cannot be."""
        if not isinstance(raw, dict):
            self.note(path, "wrong_type", raw, "an object")
            return None
        kind = raw.get("kind")
        before = len(self.faults)
        visit: Visit | None = None
        if kind == "appointment":
            appointment = self.fitted(_APPOINTMENT, raw, path, _VISIT_STAND_INS)
            if appointment.shape is not None:
                visit = self._appointment(appointment.shape, path, appointment.replaced)
        elif kind == "delivery":
            delivery = self.fitted(_DELIVERY, raw, path, _VISIT_STAND_INS)
            if delivery.shape is not None:
                visit = self._delivery(delivery.shape, path, delivery.replaced)
        else:
            code = "unknown_value" if "kind" in raw else "missing_field"
            self.note((*path, "kind"), code, kind, "'appointment' or 'delivery'")
        return visit if len(self.faults) == before else None

    def _spot(self, shape: VisitShape, path: KeyPath, replaced: frozenset[str]) -> Place:
        """Where a visit is; somewhere, with a fault noted, when that cannot be."""
        if shape.service is not None:
            self.check_id(shape.service, (*path, "service"))
        if replaced & {"location", "place", "id"}:
            return NOWHERE
        spot = PlaceShape.model_construct(place=shape.place or shape.id, location=shape.location)
        return self.place(spot, path, "id" if shape.place is None else "place") or NOWHERE

    def _appointment(self, shape: AppointmentShape, path: KeyPath, replaced: frozenset[str]) -> Appointment | None:
        place = self._spot(shape, path, replaced)
        slot = None if "slot" in replaced else self._slot(shape.slot, (*path, "slot"))
        stand_in = slot or (self.grid.slot(0) if self.grid else Slot(0, DAY_S))
        visit = self.built(
            lambda: Appointment(
                shape.id,
                place,
                stand_in,
                shape.service_s,
                shape.service,
                frozenset(shape.skills),
                shape.weight,
                shape.pinned_to,
            ),
            path,
            {"visit_id": ("id",)},
            replaced,
        )
        return None if slot is None else visit

    def _slot(self, opens: dt.datetime, path: KeyPath) -> Slot | None:
        """The slot of the day that opens then; None, with a fault, when there is none."""
        open_s = self._second(opens, path)
        if open_s is None or self.grid is None:
            return None
        grid, shown = self.grid, opens.isoformat()
        if not grid.open_s <= open_s < grid.close_s:
            hours = f"{hhmm(grid.open_s)} to {hhmm(grid.close_s)}"
            self.note(path, "outside_hours", shown, f"a slot inside the opening hours, {hours}")
            return None
        if (open_s - grid.open_s) % grid.slot_s:
            minutes = grid.slot_s // MINUTE_S
            self.note(path, "not_a_slot", shown, f"slots of {minutes} minutes open from {hhmm(grid.open_s)} on")
            return None
        return Slot(open_s, open_s + grid.slot_s)

    def _delivery(self, shape: DeliveryShape, path: KeyPath, replaced: frozenset[str]) -> Delivery | None:
        place, windows = self._spot(shape, path, replaced), self._windows(shape, path)
        visit = self.built(
            lambda: Delivery(
                shape.id,
                place,
                windows or (TimeWindow(0, DAY_S),),
                shape.service_s,
                shape.due,
                shape.waiting_price_s,
                shape.held_by,
                shape.service,
                frozenset(shape.skills),
                shape.pinned_to,
            ),
            path,
            {"visit_id": ("id",)},
            replaced,
        )
        return visit if windows else None

    def _windows(self, shape: DeliveryShape, path: KeyPath) -> tuple[TimeWindow, ...]:
        """The windows of a delivery in the order of the file; empty, with faults, when one of them cannot be."""
        grid = self.grid
        if shape.windows is None:
            if grid is None or not 0 <= shape.service_s <= grid.close_s - grid.open_s:
                if grid is not None and shape.service_s > 0:
                    rule = "the service fits between opening and closing time, as no windows are given"
                    self.note((*path, "service_s"), "bad_service", shape.service_s, rule)
                return ()
            return (TimeWindow(grid.open_s, grid.close_s - shape.service_s),)
        windows = []
        for number, each in enumerate(shape.windows):
            at = (*path, "windows", number)
            window = self._window(each.open, each.close, at)
            if window is not None and grid is not None:
                for key, second, moment in (("open", window.open_s, each.open), ("close", window.close_s, each.close)):
                    if not grid.open_s <= second <= grid.close_s:
                        hours = f"{hhmm(grid.open_s)} to {hhmm(grid.close_s)}"
                        self.note((*at, key), "outside_hours", moment.isoformat(), f"inside the opening hours, {hours}")
            windows.append(window)
        return tuple(w for w in windows if w is not None) if None not in windows else ()
