"""Rosters, calendar, deliveries: what the dispatch desk keeps."""

from __future__ import annotations

import datetime as dt
import json
import logging
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import Connection, select
from starlette.responses import Response

from api.glance import day_at_a_glance
from api.http import answers as out
from api.http.asked import BOOKERS, PLANNERS, READERS, Asked, asking, etag
from api.http.bodies import DeliveriesQuery, DeliveryIn, DeliveryStatusIn, RosterIn, SpanQuery
from api.http.documents import delivery_document, page_document
from api.http.once import Answer
from api.http.problems import Problem, error_of
from api.http.reading import cursor_from, cursor_to, moment_of, place_of, services_of, span_of, today_of, under
from api.http.routes_booking import CityName
from api.http.strict import Route
from api.reading import together
from api.shapes import executive_json
from api.store import StoreError
from api.store.background import recover_day
from api.store.desk import NewDelivery, add_delivery, end_delivery, find_delivery, list_deliveries, set_roster
from api.store.restrictions import restrictions_in
from api.store.schema import deliveries
from api.store.store import Store
from api.store.writing import View
from optimizer.bookings import Change, Verdict
from optimizer.domain import Executive, Fault, InvalidProblem
from scenarios.capacity import load_capacity
from scenarios.catalogue import City
from scenarios.files.shape import Date
from scenarios.rosters import ROSTER_VERSION, parse_roster

MOST_CALENDAR_DAYS = 62

log = logging.getLogger("mitaan.http")

router = APIRouter(prefix="/v1", route_class=Route)

Reader = Annotated[Asked, Depends(asking(*READERS))]
Planner = Annotated[Asked, Depends(asking(*PLANNERS))]
Booker = Annotated[Asked, Depends(asking(*BOOKERS))]
PlannerChanges = Annotated[Asked, Depends(asking(*PLANNERS, changes=True))]
DayOfPath = Annotated[Date, Path(description="A date, as 2026-12-03.")]
DeliveryId = Annotated[str, Path(pattern=out.ID, description="The id of a delivery.")]

# ------------------------------------------------------------------------------------------- days


@router.get("/cities/{city}/calendar", tags=["days"], **out.answered(out.CalendarOut, 404))
def get_calendar(city: CityName, asked: Reader, query: Annotated[SpanQuery, Query()]) -> Response:
    """Days of a city by slot: open or closed with the reason, executives, capacity, promised, held, free, by kit.

    From today, 14 days.
    """
    town = asked.city(city, "path")
    now = moment_of(asked.store)
    first, last = span_of(query.first, query.last, now.date(), days=14)
    if (last - first).days >= MOST_CALENDAR_DAYS:
        rule = f"at most {MOST_CALENDAR_DAYS} days, from {first.isoformat()} on"
        raise InvalidProblem([Fault(("to",), "bad_range", last.isoformat(), rule)])
    dates = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    with asked.store.database.read() as connection:
        views = asked.store.views(connection, town, dates)
        rows = restrictions_in(connection, town, first, last)
    days = [
        day_at_a_glance(town, views[date], now, restrictions=[row for row in rows if row.date == date])
        for date in dates
    ]
    return asked.tagged({"city": town.city_id, "kept": _kept(town), "days": days})


def _kept(city: City) -> dict[str, Any]:
    known = load_capacity().get(city.city_id)
    if known is None:
        return {"basis": "prior", "days": None, "served": None, "at_least": None}
    return {"basis": known.basis, "days": known.streams, "served": known.served, "at_least": known.wilson_low}


def _view(store: Store, city: City, date: dt.date) -> View:
    with store.database.read() as connection:
        return store.views(connection, city, [date])[date]


def _staff(view: View) -> list[dict[str, Any]]:
    return [executive_json(e, view.book.day.date) for e in view.book.day.problem.executives]


def roster_tag(view: View) -> str:
    """The ETag of a roster: it changes with who works, and not with what is booked."""
    return etag(_staff(view))


@router.get("/cities/{city}/rosters/{date}", tags=["days"], **out.answered(out.RosterOut, 404))
def get_roster(city: CityName, date: DayOfPath, asked: Reader) -> Response:
    """Who works on a day; nobody where there is no roster."""
    view = _view(asked.store, asked.city(city, "path"), date)
    return asked.tagged(_roster(city, date, _staff(view), _at_risk(view)), tag=roster_tag(view))


def _at_risk(view: View) -> list[str]:
    return sorted(b.booking_id for b in view.book.bookings.values() if b.at_risk and b.live(view.now))


def _roster(city_id: str, date: dt.date, staff: list[dict[str, Any]], risky: list[str]) -> dict[str, Any]:
    return {"city": city_id, "date": date.isoformat(), "executives": staff, "at_risk": risky}


@router.put("/cities/{city}/rosters/{date}", tags=["days"], **out.answered(out.RosterOut, 404, 409, 412))
def put_roster(city: CityName, date: DayOfPath, body: RosterIn, asked: Planner) -> Response:
    """Who works on a day. Promises that could not be kept refuse it, or are at risk where it is forced."""
    store, town = asked.store, asked.city(city, "path")
    today = today_of(store)
    if date < today:
        raise Problem(409, "day_past", f"{date.isoformat()} is before {today.isoformat()}")
    staff = _executives(asked, town, date, body)

    def act(own: Store) -> Verdict:
        return set_roster(own, town, date, staff, force=body.force, only_if=asked.only_if(roster_tag))

    def answer(change: Change, now: dt.datetime, _: Connection) -> Answer:
        (book,) = change.books
        risky = sorted(b.booking_id for b in book.bookings.values() if b.at_risk and b.live(now))
        people = [executive_json(e, date) for e in book.day.problem.executives]
        document = _roster(town.city_id, date, people, risky)
        return Answer(200, document, {"ETag": etag(people)}, [date.isoformat(), *risky])

    try:
        response = asked.once(act, answer)
    except InvalidProblem as error:
        raise _of_roster(error) from None
    if recovered(store, town, date) and asked.idempotency_key is None:  # else it is the answer that was stored
        view = _view(store, town, date)
        if roster_tag(view) == response.headers["etag"]:  # fewer are at risk than the answer says
            document = _roster(town.city_id, date, _staff(view), _at_risk(view))
            return Answer(200, document, {"ETag": roster_tag(view)}).response()
    return response


def recovered(store: Store, city: City, date: dt.date) -> int:
    """Promises at risk kept again; how many. What made room is stored: a store that fails now changes no answer."""
    try:
        return recover_day(store, city, date)
    except StoreError as error:  # the house does it when the day has been quiet for a while
        log.warning("promises at risk were not looked at", extra={"told": {"code": error.code}})
        return 0


def _executives(asked: Asked, city: City, date: dt.date, body: RosterIn) -> tuple[Executive, ...]:
    document = {
        "schema_version": ROSTER_VERSION,
        "city": city.city_id,
        "rosters": [{"date": date.isoformat(), "executives": body.executives}],
    }
    try:
        found = parse_roster(json.dumps(document).encode(), "body.json", asked.catalogue, city)
    except InvalidProblem as invalid:
        faults = [
            Fault(f.path[2:] if f.path[:1] == ("rosters",) else f.path, f.code, f.value, f.rule) for f in invalid.faults
        ]
        raise _of_roster(InvalidProblem(faults)) from None
    return found[date]


def _of_roster(error: InvalidProblem) -> Problem:
    """What is wrong with a roster: its date is in the path."""
    errors = [error_of(fault, "path" if fault.path == ("date",) else "body") for fault in error.faults]
    return Problem(422, "invalid_input", errors=errors)


# ------------------------------------------------------------------------------------- deliveries


@router.post("/deliveries", status_code=201, tags=["deliveries"], **out.answered(out.DeliveryOut, 404, 409, status=201))
def make_delivery(body: DeliveryIn, asked: PlannerChanges) -> Response:
    """A certificate is ready to be handed over; the booking it comes from has its certificate due then."""
    town = asked.city(body.city)
    (service,), where = together(
        lambda: services_of(asked.catalogue, [body.service], [("service",)]),
        lambda: under(("place",), partial(place_of, asked.catalogue, town, body.place)),
    )
    if body.booking is not None:
        booking = asked.store.booking(body.booking)
        if booking is None or booking.city != town.city_id:
            raise InvalidProblem([Fault(("booking",), "unknown_booking", body.booking, f"a booking of {town.city_id}")])
    new = NewDelivery(
        service,
        where,
        body.reference,
        body.ready_from or today_of(asked.store),
        body.due,
        body.applied,
        body.collected_by,
        body.held_by,
        body.booking,
    )

    def answer(delivery_id: str, _: dt.datetime, connection: Connection) -> Answer:
        row = connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).one()
        return Answer(201, delivery_document(row), {"Location": f"/v1/deliveries/{delivery_id}"}, [delivery_id])

    return asked.once(lambda store: add_delivery(store, town, new), answer)


@router.get("/deliveries", tags=["deliveries"], **out.answered(out.DeliveryPageOut, 404))
def get_deliveries(asked: Booker, query: Annotated[DeliveriesQuery, Query()]) -> Response:
    """Deliveries of a city, by due date and id."""
    city = asked.city(query.city)
    key = ["deliveries", query.city, query.status]
    after = cursor_from(key, query.cursor, (str, str))
    rows = list_deliveries(
        asked.store, city, query.status, after=None if after is None else (after[0], after[1]), most=query.limit + 1
    )
    page = rows[: query.limit]
    end = page[-1] if len(rows) > query.limit else None
    following = None if end is None else cursor_to(key, (end.due or "", end.delivery_id))
    return asked.tagged(page_document("deliveries", [delivery_document(row) for row in page], following))


@router.get("/deliveries/{delivery_id}", tags=["deliveries"], **out.answered(out.DeliveryOut, 404))
def get_delivery(delivery_id: DeliveryId, asked: Booker) -> Response:
    """A delivery."""
    return asked.tagged(delivery_document(_delivery(asked, delivery_id)))


def _delivery(asked: Asked, delivery_id: str) -> Any:
    row = find_delivery(asked.store, delivery_id)
    if row is None or not asked.sees(row.city_id):
        raise Problem(404, "unknown_delivery")
    return row


@router.post("/deliveries/{delivery_id}/status", tags=["deliveries"], **out.answered(out.DeliveryOut, 404, 409))
def set_delivery_status(delivery_id: DeliveryId, body: DeliveryStatusIn, asked: PlannerChanges) -> Response:
    """The certificate has been handed over, or need not be any more."""
    _delivery(asked, delivery_id)

    def answer(_: object, __: dt.datetime, connection: Connection) -> Answer:
        row = connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).one()
        return Answer(200, delivery_document(row), {}, [delivery_id])

    return asked.once(lambda store: end_delivery(store, delivery_id, body.status), answer)
