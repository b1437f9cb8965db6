"""Slots, holds, bookings: what a booking service does with a citizen on the line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from api.http import answers as out
from api.http.asked import BOOKERS, READERS, Asked, asking, etag
from api.http.bodies import (
    BookingIn,
    BookingsQuery,
    HoldIn,
    PlaceIn,
    RescheduleIn,
    SearchIn,
    SlotsQuery,
    StatusIn,
    VisitIn,
    WishesIn,
)
from api.http.documents import (
    booking_document,
    booking_tag,
    bookings_document,
    hold_document,
    page_document,
    where_document,
)
from api.http.formats import chosen, sent
from api.http.once import Answer
from api.http.problems import Problem, json_bytes
from api.http.reading import (
    cursor_from,
    cursor_to,
    moment_of,
    place_of,
    policy_of,
    renamed,
    second_of,
    services_of,
    span_of,
    today_of,
    under,
    wanted_of,
    wishes_of,
)
from api.http.strict import Route
from api.ical import booking_ics
from api.reading import together
from api.shapes import offers_json
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict
from optimizer.domain import Booking, BookingStatus, Fault, InvalidProblem, NotServed
from scenarios.catalogue import City
from scenarios.places import Whereabouts

router = APIRouter(prefix="/v1", route_class=Route)

Reader = Annotated[Asked, Depends(asking(*READERS))]
Booker = Annotated[Asked, Depends(asking(*BOOKERS))]
Changer = Annotated[Asked, Depends(asking(*BOOKERS, changes=True))]
BookingId = Annotated[str, Path(pattern=out.ID, description="The id of a booking.")]
HoldId = Annotated[str, Path(pattern=out.ID, description="The id of a hold.")]
CityName = Annotated[str, Path(pattern=out.CITY, description="The id of a city.")]

# ------------------------------------------------------------------------------------------ slots


@router.get("/cities/{city}/slots", tags=["slots"], **out.answered(out.SlotsOut, 404))
def find_slots(city: CityName, asked: Reader, query: Annotated[SlotsQuery, Query()]) -> Response:
    """Slots that an address can have for a service: from tomorrow, seven days, where no dates are given."""
    place = PlaceIn(lon=query.lon, lat=query.lat, locality=query.locality, pincode=query.pincode)
    town = asked.city(city, "path")
    return _slots(
        asked,
        town,
        [query.service],
        partial(place_of, asked.catalogue, town, place),
        (query.first, query.last),
        WishesIn(),
        query.policy,
        query.reasons,
        [("service",)],
    )


@router.post("/slot-searches", tags=["slots"], **out.answered(out.SlotsOut))
def search_slots(body: SearchIn, asked: Reader) -> Response:
    """Slots for one or several services, in combinations that are proven together; wishes come first."""
    town = under((), partial(asked.city, body.city))
    return _slots(
        asked,
        town,
        body.services,
        partial(under, ("place",), partial(place_of, asked.catalogue, town, body.place)),
        (body.first, body.last),
        body.wishes,
        body.policy,
        body.reasons,
        [("services", number) for number in range(len(body.services))],
    )


def _slots(
    asked: Asked,
    city: City,
    names: Sequence[str],
    place: Callable[[], Whereabouts],
    dates: tuple[dt.date | None, dt.date | None],
    wishes: WishesIn,
    policy: str,
    reasons: str,
    lies: Sequence[tuple[str | int, ...]],
) -> Response:
    store = asked.store
    # Where both dates are given nobody needs to know what today is.
    today = today_of(store) if None in dates else dt.date.min
    services, where, (first, last), would_like = together(
        lambda: services_of(asked.catalogue, names, lies),
        place,
        lambda: span_of(*dates, today, ahead=1),
        lambda: wishes_of(wishes),
    )
    offers = renamed(
        {("services", number): lie for number, lie in enumerate(lies)},
        lambda: store.offers(
            city,
            where,
            services,
            first,
            last,
            wishes=would_like,
            policy=policy_of(asked.catalogue, policy),
            counts=reasons == "counts",
        ),
    )
    ids = [s.service_id for s in services]
    told = offers_json(offers, ids, asked.language.value, refused=reasons != "none")
    head = {
        "city": city.city_id,
        "services": ids,
        "place": where_document(where),
        "from": first.isoformat(),
        "to": last.isoformat(),
        "policy": policy,
    }
    return Response(json_bytes({**head, **told}), 200, {"Content-Language": asked.language.value}, "application/json")


# ------------------------------------------------------------------------------------------ holds


@router.post("/holds", status_code=201, tags=["holds"], **out.answered(out.HoldOut, 409, status=201))
def make_hold(body: HoldIn, asked: Changer) -> Response:
    """Keep slots for some minutes, all or none. A lost race is answered with the nearest slots that are left."""
    return _take(asked, body.city, body.place, body.visits, body.reference, at_once=False)


def _take(
    asked: Asked, city: str, place: PlaceIn, visits: Sequence[VisitIn], reference: str | None, *, at_once: bool
) -> Response:
    town = asked.city(city)
    where, wanted = together(
        lambda: under(("place",), partial(place_of, asked.catalogue, town, place)),
        lambda: wanted_of(asked.catalogue, visits),
    )

    def act(store: Store) -> Verdict:
        def take() -> Verdict:
            return store.hold(town, where, wanted, asked.key.name, reference=reference, at_once=at_once)

        return renamed({("services",): ("visits",)}, take)

    def answer(change: Change, now: dt.datetime, _: Connection) -> Answer:
        own = _in_order(change.bookings)
        headers = {"Location": f"/v1/holds/{own[0].group_id}"}
        if at_once:
            return _booked(own, now)
        return Answer(201, hold_document(own, now), headers, [b.booking_id for b in own])

    only = ", ".join(sorted({w.pinned_to for w in wanted if w.pinned_to is not None}))
    return asked.once(act, answer, service_id=_first(wanted), only=only or None)


def _first(wanted: Sequence[WantedSlot]) -> str:
    return wanted[0].service.service_id


def _in_order(found: Sequence[Booking]) -> list[Booking]:
    return sorted(found, key=lambda b: (b.date, b.slot.open_s, b.booking_id))


def _booked(own: Sequence[Booking], now: dt.datetime) -> Answer:
    where = f"/v1/bookings/{own[0].booking_id}"
    headers = {"Location": where}
    if len(own) == 1:
        headers["ETag"] = booking_tag(own[0])
    return Answer(201, bookings_document(own, now), headers, [b.booking_id for b in own])


@router.get("/holds/{hold_id}", tags=["holds"], **out.answered(out.HoldOut, 404, 410))
def get_hold(hold_id: HoldId, asked: Booker) -> Response:
    """What is held; 410 once it has run out or was given up."""
    found, now = _held(asked, hold_id)
    return asked.tagged(hold_document(found, now))


def _held(asked: Asked, hold_id: str) -> tuple[list[Booking], dt.datetime]:
    """What was held under this id: still, or confirmed, whatever became of it then.

    Raises Problem for what ran out or was given up, and for what is not there.
    """
    found = asked.store.grouped(hold_id)
    if not found or not asked.sees(found[0].city):
        raise Problem(404, "unknown_hold")
    now = moment_of(asked.store)
    live = [b for b in found if b.live(now)]
    if live:
        return live, now
    last = found[-1]
    if last.status in {BookingStatus.HELD, BookingStatus.EXPIRED}:
        raise Problem(410, "hold_expired")
    if last.status is BookingStatus.RELEASED:
        raise Problem(410, "hold_released")
    return found, now


@router.post("/holds/{hold_id}/extend", tags=["holds"], **out.answered(out.HoldOut, 403, 404, 409, 410))
def extend_hold(hold_id: HoldId, asked: Changer) -> Response:
    """The hold lives as long again, once."""
    _held(asked, hold_id)

    def answer(change: Change, now: dt.datetime, _: Connection) -> Answer:
        own = _in_order(change.bookings)
        return Answer(200, hold_document(own, now), {}, [b.booking_id for b in own])

    return asked.once(lambda store: _of_hold(asked, store.extend([hold_id], asked.key.name)), answer)


@router.delete("/holds/{hold_id}", status_code=204, tags=["holds"], **out.done(403, 404, 409, 410))
def delete_hold(hold_id: HoldId, asked: Booker) -> Response:
    """Give the hold up: its slots are free again."""
    _held(asked, hold_id)

    def answer(change: Change, _: dt.datetime, __: Connection) -> Answer:
        return Answer(204, None, {}, [b.booking_id for b in change.bookings])

    return asked.once(lambda store: _of_hold(asked, store.give_up([hold_id], asked.key.name)), answer)


def _of_hold(asked: Asked, verdict: Verdict) -> Verdict:
    """A hold that was given up meanwhile is gone, in the words of a hold."""
    if isinstance(verdict, Refusal) and verdict.code is RefusalCode.ILLEGAL_TRANSITION:
        booking = asked.store.booking(verdict.subject)
        if booking is not None and booking.status is BookingStatus.RELEASED:
            raise Problem(410, "hold_released", more={"subject": booking.group_id})
    return verdict


# --------------------------------------------------------------------------------------- bookings


@router.post(
    "/bookings", status_code=201, tags=["bookings"], **out.answered(out.BookingsOut, 403, 404, 409, 410, status=201)
)
def make_booking(body: BookingIn, asked: Changer) -> Response:
    """Confirm a hold, or book slots in one step: all or none."""
    given = [name for name in ("city", "place", "visits", "reference") if getattr(body, name) is not None]
    if body.hold is None:
        missing = [name for name in ("city", "place", "visits") if getattr(body, name) is None]
        rule = "a hold; or city, place and visits, to book in one step"
        if body.city is None or body.place is None or body.visits is None:
            raise InvalidProblem(Fault((name,), "missing_field", None, rule) for name in missing)
        return _take(asked, body.city, body.place, body.visits, body.reference, at_once=True)
    if given:
        rule = "nothing beside a hold: it has city, place, slots and reference already"
        raise InvalidProblem(Fault((name,), "not_used", "given", rule) for name in given)
    hold_id = body.hold
    _held(asked, hold_id)

    def answer(change: Change, now: dt.datetime, _: Connection) -> Answer:
        return _booked(_in_order(change.bookings), now)

    return asked.once(lambda store: _of_hold(asked, store.confirm([hold_id], asked.key.name)), answer)


@router.get("/bookings", tags=["bookings"], **out.answered(out.BookingPageOut, 404))
def list_bookings(asked: Reader, query: Annotated[BookingsQuery, Query()]) -> Response:
    """Bookings of a city, by date, slot and id: from today, 31 days, where no dates are given."""
    store = asked.store
    city = asked.city(query.city)
    now = moment_of(store)
    key = ["bookings", query.city, str(query.first), str(query.last), sorted(query.status), query.reference]
    after = cursor_from(key, query.cursor, (str, str, str, int, str))
    if after is None:
        first, last = span_of(query.first, query.last, now.date(), days=31)
    else:  # the dates of the first page, should it be another day by now
        first, last = _date_of_cursor(after[0]), _date_of_cursor(after[1])
    found = store.list_bookings(
        city,
        first,
        last,
        statuses=[BookingStatus(s) for s in query.status],
        reference=query.reference,
        after=None if after is None else (_date_of_cursor(after[2]), after[3], after[4]),
        most=query.limit + 1,
    )
    page = found[: query.limit]
    following = None
    if len(found) > query.limit:
        end = page[-1]
        span = first.isoformat(), last.isoformat()
        following = cursor_to(key, (*span, end.date.isoformat(), end.slot.open_s, end.booking_id))
    return asked.tagged(page_document("bookings", [booking_document(b, now) for b in page], following))


def _date_of_cursor(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Problem(422, "bad_cursor") from None


def _booking(asked: Asked, booking_id: str) -> Booking:
    booking = asked.store.booking(booking_id)
    if booking is None or not asked.sees(booking.city):
        raise Problem(404, "unknown_booking")
    return booking


@router.get("/bookings/{booking_id}", tags=["bookings"], **out.answered(out.BookingOut, 404, 406, ics=True))
def get_booking(
    booking_id: BookingId,
    asked: Reader,
    format: Annotated[out.JsonOrIcs | None, Query()] = None,
) -> Response:
    """A booking, as JSON or as a calendar entry (RFC 5545)."""
    wanted = chosen(asked.request, format, ("json", "ics"))
    booking = _booking(asked, booking_id)
    if wanted == "ics":
        changed = asked.store.changed_at(booking_id) or moment_of(asked.store)
        text = booking_ics(booking, asked.catalogue, asked.language.value, changed)
        return sent(text, "ics", booking_id, etag(["ics", asked.language.value, booking_tag(booking)]))
    document = booking_document(booking, moment_of(asked.store))
    if booking.status is BookingStatus.HELD:  # it runs out without being changed: never 304
        return Response(json_bytes(document), 200, {"ETag": booking_tag(booking)}, "application/json")
    return asked.tagged(document, tag=booking_tag(booking))


@router.post("/bookings/{booking_id}/reschedule", tags=["bookings"], **out.answered(out.MovedOut, 404, 409, 412))
def reschedule_booking(booking_id: BookingId, body: RescheduleIn, asked: Changer) -> Response:
    """Move a booking to another slot; the old one is given up only when the new one is won."""
    booking = _booking(asked, booking_id)
    date, open_s = body.slot.date(), second_of(body.slot)

    def answer(change: Change, now: dt.datetime, _: Connection) -> Answer:
        new = next(b for b in change.bookings if b.moved_from == booking_id)
        old = next(b for b in change.bookings if b.booking_id == booking_id)
        document = {"booking": booking_document(new, now), "before": booking_document(old, now)}
        headers = {"Location": f"/v1/bookings/{new.booking_id}", "ETag": booking_tag(new)}
        return Answer(200, document, headers, [old.booking_id, new.booking_id])

    return asked.once(
        lambda store: store.move(booking_id, date, open_s, only_if=asked.only_if(booking_tag)),
        answer,
        service_id=booking.service.service_id,
    )


@router.post("/bookings/{booking_id}/cancel", tags=["bookings"], **out.answered(out.BookingOut, 404, 409, 412))
def cancel_booking(booking_id: BookingId, asked: Changer) -> Response:
    """Give a booking back."""
    _booking(asked, booking_id)
    return asked.once(
        lambda store: store.cancel(booking_id, only_if=asked.only_if(booking_tag)), partial(_one, booking_id)
    )


@router.post("/bookings/{booking_id}/status", tags=["bookings"], **out.answered(out.BookingOut, 404, 409, 412))
def set_status(booking_id: BookingId, body: StatusIn, asked: Changer) -> Response:
    """What has happened on the day: on the way, served or not, with a code, and so on; in this order only."""
    _booking(asked, booking_id)
    code = None if body.code is None else NotServed(body.code)
    return asked.once(
        lambda store: store.mark(booking_id, BookingStatus(body.status), code, only_if=asked.only_if(booking_tag)),
        partial(_one, booking_id),
    )


@router.put("/bookings/{booking_id}/place", tags=["bookings"], **out.answered(out.BookingsOut, 404, 409, 412))
def set_place(booking_id: BookingId, body: PlaceIn, asked: Booker) -> Response:
    """The exact place of a booking that was made by locality or PIN code; all that was held together moves with it."""
    booking = _booking(asked, booking_id)
    town = asked.catalogue.city(booking.city)
    where = place_of(asked.catalogue, town, body)

    def answer(change: Change, now: dt.datetime, _: Connection) -> Answer:
        own = _in_order(change.bookings)
        return Answer(200, bookings_document(own, now), {}, [b.booking_id for b in own])

    return asked.once(lambda store: store.locate(booking_id, where, only_if=asked.only_if(booking_tag)), answer)


def _one(booking_id: str, change: Change, now: dt.datetime, _: Connection) -> Answer:
    booking = next(b for b in change.bookings if b.booking_id == booking_id)
    return Answer(200, booking_document(booking, now), {"ETag": booking_tag(booking)}, [booking_id])
