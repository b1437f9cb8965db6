"""One method for each thing a booking service or a dispatch room asks the service for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, overload

import httpx

from api.client import answers as out
from api.client.asking import new_key
from api.client.given import (
    Day,
    Moment,
    PlaceIn,
    Visit,
    address_of,
    date_of,
    given,
    limits_of,
    moment_of,
    place_of,
    wanted_of,
    without_none,
)
from api.client.rosters import LONGEST_CHANGE_S, RosterCalls
from api.client.wire import Wire, path
from optimizer.domain import Fault, InvalidProblem

URL_VARIABLE, KEY_VARIABLE = "MITAAN_URL", "MITAAN_KEY"
"""Where address and key are taken from when they are not given."""
LONGEST_WAIT_S = 60.0
"""The service waits for a small day no longer before it answers."""
MOST_EVENTS = 1_000
"""Events that are fetched at once by those who follow them."""
ENDED = ("done", "failed")
"""States of a plan on which nothing more is done."""

Language = Literal["en", "hi"]
Policy = Literal["ranked", "all", "call-centre"]
Reasons = Literal["none", "codes", "counts"]
Engine = Literal["auto", "insertion", "routing", "ruin", "columns"]
PlanFormat = Literal["geojson", "csv"]
DayFormat = Literal["geojson", "csv", "ics"]
NewStatus = Literal["on_the_way", "served", "not_served", "certificate_due", "delivered"]


class Client(RosterCalls):
    """Calls the service at an address with a key; address and key are in MITAAN_URL and MITAAN_KEY where not given.

    What is not done raises `ApiError`; in `language` people are told why. Each call is tried `tries` times while the
    service cannot be reached or asks for patience, and done once all the same: see `wire`. `timeout_s` bounds each try:
    to connect, to send, and between two parts of an answer. `pause` is how it waits. One client serves many threads.

    Iterators ask while they are iterated over; what is wrong with their arguments is raised then, too.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        language: Language = "en",
        timeout_s: float = 10.0,
        tries: int = 5,
        transport: httpx.BaseTransport | None = None,
        proxies_from_environment: bool = False,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if tries < 1:
            raise InvalidProblem([Fault(("tries",), "out_of_range", tries, "one at least")])
        text = given("key", key, KEY_VARIABLE)
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise InvalidProblem([Fault(("key",), "bad_key", "(not shown)", "visible ASCII characters")])
        self.url = address_of(given("url", url, URL_VARIABLE))
        http = httpx.Client(
            base_url=self.url,
            headers={
                "Authorization": f"Bearer {text}",
                "Accept": "application/json",
                "Accept-Language": language,
                "User-Agent": "mitaan-client",
            },
            timeout=timeout_s,
            transport=transport,
            trust_env=proxies_from_environment,
            follow_redirects=False,
        )
        self._wire = Wire(http, timeout_s, tries, pause)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def close(self) -> None:
        """Hang up."""
        self._wire.http.close()

    # ---------------------------------------------------------------------------------- catalogue

    def cities(self) -> list[out.City]:
        """The cities that the key may see."""
        return self._get(out.Cities, path("cities"))["cities"]

    def services(self, city: str | None = None, on: Day | None = None) -> list[out.Service]:
        """All services; those of a city, today or on a date, where these are given."""
        return self._get(out.Services, path("services"), city=city, on=date_of(on))["services"]

    def localities(self, city: str) -> list[out.Locality]:
        """Localities of a city and their PIN codes."""
        return self._get(out.Localities, path("cities", city, "localities"))["localities"]

    def rules(self, city: str) -> out.Rules:
        """The booking rules of a city."""
        return self._get(out.Rules, path("cities", city, "rules"))

    def problems(self) -> list[out.Code]:
        """All codes of problems, in English and Hindi."""
        return self._get(out.Codes, path("problems"))["problems"]

    # -------------------------------------------------------------------------------------- slots

    def slots(
        self,
        city: str,
        service: str,
        place: PlaceIn,
        *,
        first: Day | None = None,
        last: Day | None = None,
        policy: Policy = "ranked",
        reasons: Reasons = "none",
    ) -> out.Slots:
        """Slots that an address can have for a service: seven days from tomorrow on, where no dates are given.

        `reasons`: whether slots that are not offered are told, with the codes, and with counts of executives.
        """
        query = {"service": service, "from": date_of(first), "to": date_of(last), "policy": policy, "reasons": reasons}
        return self._get(out.Slots, path("cities", city, "slots"), **place_of(place), **query)

    def search(
        self,
        city: str,
        services: Sequence[str],
        place: PlaceIn,
        *,
        first: Day | None = None,
        last: Day | None = None,
        after: str | None = None,
        by: str | None = None,
        one_executive: bool = False,
        policy: Policy = "ranked",
        reasons: Reasons = "codes",
    ) -> out.Slots:
        """Slots for one or several services, in combinations that are proven together; wishes come first.

        Wished: a slot that opens from `after` on, as 09:30, and by `by`; one executive for all services.
        """
        body = {
            "city": city,
            "services": list(services),
            "place": place_of(place),
            "from": date_of(first),
            "to": date_of(last),
            "wishes": {"after": after, "by": by, "one_executive": one_executive},
            "policy": policy,
            "reasons": reasons,
        }
        return self._wire.json(out.Slots, "POST", path("slot-searches"), body=body)

    # -------------------------------------------------------------------------------------- holds

    def hold(
        self,
        city: str,
        place: PlaceIn,
        visits: Sequence[Visit],
        *,
        reference: str | None = None,
        idempotency_key: str | None = None,
    ) -> out.Hold:
        """Keep slots for some minutes, all or none. Raises SlotLost, with the nearest slots that are left.

        `reference` is what you call the request of your citizen: an id, no name, no telephone number.
        """
        return self._post(out.Hold, path("holds"), wanted_of(city, place, visits, reference), idempotency_key)

    def get_hold(self, hold_id: str) -> out.Hold:
        """What is held. Raises ApiError with status 410 once it has run out or was given up."""
        return self._get(out.Hold, path("holds", hold_id))

    def extend(self, hold_id: str, *, idempotency_key: str | None = None) -> out.Hold:
        """The hold lives as long again, once."""
        return self._post(out.Hold, path("holds", hold_id, "extend"), None, idempotency_key)

    def release(self, hold_id: str) -> None:
        """Give the hold up: its slots are free again."""
        self._delete(path("holds", hold_id), gone="hold_released")

    # ----------------------------------------------------------------------------------- bookings

    @overload
    def book(self, *, hold: str, idempotency_key: str | None = None) -> out.Bookings: ...

    @overload
    def book(
        self,
        city: str,
        place: PlaceIn,
        visits: Sequence[Visit],
        *,
        reference: str | None = None,
        idempotency_key: str | None = None,
    ) -> out.Bookings: ...

    def book(
        self,
        city: str | None = None,
        place: PlaceIn | None = None,
        visits: Sequence[Visit] | None = None,
        *,
        hold: str | None = None,
        reference: str | None = None,
        idempotency_key: str | None = None,
    ) -> out.Bookings:
        """Confirm a hold by its id, or book slots in one step: all or none. Raises SlotLost as `hold` does."""
        body = wanted_of(city, place, visits, reference) | {"hold": hold}
        return self._post(out.Bookings, path("bookings"), without_none(body), idempotency_key)

    def booking(self, booking_id: str) -> out.Booking:
        """A booking."""
        return self._get(out.Booking, path("bookings", booking_id))

    def tagged_booking(self, booking_id: str) -> tuple[out.Booking, str]:
        """A booking, and the tag for `only_if`: what is asked is done only while the booking is as it was read."""
        return self._tagged(out.Booking, path("bookings", booking_id))

    def booking_ics(self, booking_id: str) -> str:
        """A booking as an entry of a calendar (RFC 5545)."""
        return self._file(path("bookings", booking_id), "ics")

    def bookings(
        self,
        city: str,
        *,
        first: Day | None = None,
        last: Day | None = None,
        status: Sequence[out.BookingStatus] = (),
        reference: str | None = None,
        page: int = 100,
    ) -> Iterator[out.Booking]:
        """Bookings of a city by date, slot and id: 31 days from today on, where no dates are given."""
        query = {"from": date_of(first), "to": date_of(last), "status": list(status), "reference": reference}
        return self._pages(out.BookingPage, path("bookings"), "bookings", page, city=city, **query)

    def reschedule(
        self, booking_id: str, slot: Moment, *, only_if: str | None = None, idempotency_key: str | None = None
    ) -> out.Moved:
        """Move a booking to the slot that opens then; the old one is given up only when the new one is won."""
        where = path("bookings", booking_id, "reschedule")
        return self._post(out.Moved, where, {"slot": moment_of(slot)}, idempotency_key, only_if)

    def cancel(self, booking_id: str, *, only_if: str | None = None, idempotency_key: str | None = None) -> out.Booking:
        """Give a booking back."""
        return self._post(out.Booking, path("bookings", booking_id, "cancel"), None, idempotency_key, only_if)

    def set_status(
        self,
        booking_id: str,
        status: NewStatus,
        code: out.NotServed | None = None,
        *,
        only_if: str | None = None,
        idempotency_key: str | None = None,
    ) -> out.Booking:
        """What has happened on the day; `code` says why it was not served, and then it must."""
        body = {"status": status, "code": code}
        return self._post(out.Booking, path("bookings", booking_id, "status"), body, idempotency_key, only_if)

    def set_place(self, booking_id: str, place: PlaceIn, *, only_if: str | None = None) -> out.Bookings:
        """The exact place of a booking made by locality or PIN code; all that was held together moves with it."""
        return self._put(out.Bookings, path("bookings", booking_id, "place"), place_of(place), only_if)

    # --------------------------------------------------------------------------------- deliveries

    def add_delivery(
        self,
        city: str,
        service: str,
        reference: str,
        place: PlaceIn,
        *,
        ready_from: Day | None = None,
        due: Day | None = None,
        applied: Day | None = None,
        collected_by: str | None = None,
        held_by: str | None = None,
        booking: str | None = None,
        idempotency_key: str | None = None,
    ) -> out.Delivery:
        """A certificate is ready to be handed over: from today on and by its statutory limit, where nothing is said.

        `applied`: the limit counts from then. `held_by` has the envelope, else the office. `booking`: it comes from it.
        """
        body = {
            "city": city,
            "service": service,
            "reference": reference,
            "place": place_of(place),
            "ready_from": date_of(ready_from),
            "due": date_of(due),
            "applied": date_of(applied),
            "collected_by": collected_by,
            "held_by": held_by,
            "booking": booking,
        }
        return self._post(out.Delivery, path("deliveries"), body, idempotency_key)

    def delivery(self, delivery_id: str) -> out.Delivery:
        """A delivery."""
        return self._get(out.Delivery, path("deliveries", delivery_id))

    def deliveries(
        self, city: str, *, status: out.DeliveryStatus | None = None, page: int = 100
    ) -> Iterator[out.Delivery]:
        """Deliveries of a city by due date and id."""
        return self._pages(out.DeliveryPage, path("deliveries"), "deliveries", page, city=city, status=status)

    def set_delivery_status(
        self, delivery_id: str, status: Literal["delivered", "cancelled"], *, idempotency_key: str | None = None
    ) -> out.Delivery:
        """The certificate has been handed over, or need not be any more."""
        return self._post(out.Delivery, path("deliveries", delivery_id, "status"), {"status": status}, idempotency_key)

    # --------------------------------------------------------------------------------------- days

    def calendar(self, city: str, *, first: Day | None = None, last: Day | None = None) -> list[out.Glance]:
        """Days of a city, open or closed, with promises and free executives by slot: 14 from today on by default."""
        span = {"from": date_of(first), "to": date_of(last)}
        return self._get(out.Calendar, path("cities", city, "calendar"), **span)["days"]

    def roster(self, city: str, date: Day) -> out.Roster:
        """Who works on a day; nobody where there is no roster."""
        return self._get(out.Roster, path("cities", city, "rosters", date_of(date)))

    def tagged_roster(self, city: str, date: Day) -> tuple[out.Roster, str]:
        """Who works on a day, and the tag for `only_if` of `set_roster`."""
        return self._tagged(out.Roster, path("cities", city, "rosters", date_of(date)))

    def set_roster(
        self,
        city: str,
        date: Day,
        executives: Sequence[Mapping[str, Any]],
        *,
        force: bool = False,
        only_if: str | None = None,
    ) -> out.Roster:
        """Who works on a day, as `roster` tells them. Promises in the way refuse it, or are at risk where forced.

        With `only_if` it is done while the roster is as it was read. When the answer of a first try is lost, a second
        may find the roster changed by the first: 412, with `unanswered_before`. Then read the roster again.
        """
        body = {"executives": [dict(executive) for executive in executives], "force": force}
        where = path("cities", city, "rosters", date_of(date))
        return self._put(out.Roster, where, body, only_if, longer_s=LONGEST_CHANGE_S)

    # ------------------------------------------------------------------------------------- events

    def events(self, after: int = 0, *, city: str | None = None, limit: int = 100) -> out.Events:
        """What has happened, in order; go on with `after` and the number in `last`."""
        return self._get(out.Events, path("events"), after=after, city=city, limit=limit)

    def follow_events(
        self,
        after: int = 0,
        *,
        city: str | None = None,
        every_s: float = 1.0,
        until: Callable[[], bool] | None = None,
    ) -> Iterator[out.Event]:
        """What has happened, and what happens from now on, without an end; `until` is asked whenever all is told."""
        while True:
            page = self.events(after, city=city, limit=MOST_EVENTS)
            yield from page["events"]
            after = page["last"]
            if not page["events"]:
                if until is not None and until():
                    return
                self._wire.pause(every_s)

    def webhooks(self) -> list[out.Webhook]:
        """Where events are sent, as far as the key may see it."""
        return self._get(out.Webhooks, path("webhooks"))["webhooks"]

    def webhook(self, webhook_id: str) -> out.Webhook:
        """A webhook: how far it has been sent, and what its receiver answered last."""
        return self._get(out.Webhook, path("webhooks", webhook_id))

    def add_webhook(
        self,
        url: str,
        *,
        cities: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> out.Webhook:
        """Have events sent there, all that the key may see or some. The secret that signs them is told this once.

        `secret` is null when the first answer was lost: remove the webhook and make another.
        """
        body = {
            "url": url,
            "cities": None if cities is None else list(cities),
            "kinds": None if kinds is None else list(kinds),
        }
        return self._post(out.Webhook, path("webhooks"), body, idempotency_key)

    def enable_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> out.Webhook:
        """Send there again, from where it stopped."""
        return self._post(out.Webhook, path("webhooks", webhook_id, "enable"), None, idempotency_key)

    def remove_webhook(self, webhook_id: str) -> None:
        """Send nothing more there."""
        self._delete(path("webhooks", webhook_id), gone="unknown_webhook")

    # -------------------------------------------------------------------------------------- plans

    def plan(
        self,
        city: str,
        date: Day,
        *,
        time_limit_s: float | None = 30.0,
        iterations: int | None = None,
        seed: int = 1,
        threads: int = 1,
        engine: Engine = "auto",
        idempotency_key: str | None = None,
    ) -> out.PlanJob:
        """Have a day planned; one plan at a time for each city and day. See `watch_plan` and `get_plan`."""
        limits = limits_of(time_limit_s, iterations, seed, threads)
        body = {"city": city, "date": date_of(date), "limits": limits, "engine": engine}
        return self._post(out.PlanJob, path("plans"), body, idempotency_key)

    def plans(self, *, city: str | None = None, date: Day | None = None, page: int = 100) -> Iterator[out.PlanJob]:
        """Plans that were asked for, the newest first, without the plans themselves."""
        return self._pages(out.PlanPage, path("plans"), "plans", page, city=city, date=date_of(date))

    def get_plan(self, plan_id: str) -> out.PlanJob:
        """The best plan so far, then the final one."""
        return self._get(out.PlanJob, path("plans", plan_id))

    def plan_file(self, plan_id: str, format: PlanFormat) -> str:
        """The best plan so far as GeoJSON, or as a table."""
        return self._file(path("plans", plan_id), format)

    def watch_plan(self, plan_id: str) -> Iterator[out.PlanJob]:
        """How the search goes, whenever there is something new, until it has ended; see `get_plan` for the plan."""
        for told in self._wire.watched(path("plans", plan_id, "events")):
            if told.kind == "progress":
                yield told.json()

    def stop_plan(self, plan_id: str) -> out.PlanJob:
        """End the search; the best plan so far is kept."""
        return self._wire.json(out.PlanJob, "DELETE", path("plans", plan_id))

    def publish_plan(self, plan_id: str, *, idempotency_key: str | None = None) -> out.Published:
        """Make a plan the one that is driven. Refused, with the difference in `problem`, when bookings have changed."""
        where = path("plans", plan_id, "publish")
        return self._post(out.Published, where, None, idempotency_key, longer_s=LONGEST_CHANGE_S)

    def published_plan(self, city: str, date: Day) -> out.PublishedPlan:
        """The published plan of a day."""
        return self._get(out.PublishedPlan, path("cities", city, "plans", date_of(date)))

    def published_plan_file(self, city: str, date: Day, format: PlanFormat) -> str:
        """The published plan of a day as GeoJSON, or as a table."""
        return self._file(path("cities", city, "plans", date_of(date)), format)

    def executive_day(self, city: str, date: Day, executive: str) -> out.PublishedPlan:
        """The day of one executive on the published plan."""
        return self._get(out.PublishedPlan, path("cities", city, "plans", date_of(date), "executives", executive))

    def executive_day_file(self, city: str, date: Day, executive: str, format: DayFormat) -> str:
        """The day of one executive as GeoJSON, as a table, or as a calendar (RFC 5545)."""
        return self._file(path("cities", city, "plans", date_of(date), "executives", executive), format)

    def analyze(
        self,
        plan: Mapping[str, Any],
        *,
        day: Mapping[str, Any] | None = None,
        city: str | None = None,
        date: Day | None = None,
    ) -> out.Analysis:
        """Judge a plan: of a day that is handed in, or of a city and a date of the service."""
        body = without_none({"plan": plan, "day": day, "city": city, "date": date_of(date)})
        return self._wire.json(out.Analysis, "POST", path("plans", "analyze"), body=body)

    def solve(
        self,
        day: Mapping[str, Any],
        *,
        time_limit_s: float | None = 30.0,
        iterations: int | None = None,
        seed: int = 1,
        threads: int = 1,
        engine: Engine = "auto",
        wait: bool = True,
        idempotency_key: str | None = None,
    ) -> out.PlanJob:
        """Plan a day that is handed in, once; no day of the service changes.

        With `wait` until it has ended: a small day by the answer itself, what is not done by then, and what was asked
        before with the same key, by watching it. Else see `watch_plan` and `get_plan`.
        """
        body = {"day": day, "limits": limits_of(time_limit_s, iterations, seed, threads), "engine": engine}
        headers = {"Idempotency-Key": idempotency_key or new_key(), "Prefer": None if wait else "respond-async"}
        longer_s = LONGEST_WAIT_S if wait else 0.0
        job = self._wire.json(out.PlanJob, "POST", path("solve"), body=body, headers=headers, longer_s=longer_s)
        if not wait or job["state"] in ENDED:
            return job
        for _ in self.watch_plan(job["id"]):
            pass
        return self.get_plan(job["id"])

    # ---------------------------------------------------------------------------------- the house

    def keys(self) -> list[out.Key]:
        """All keys, the revoked ones too, without their texts."""
        return self._get(out.Keys, path("keys"))["keys"]

    def add_key(
        self,
        name: str,
        role: out.Role,
        *,
        cities: Sequence[str] | None = None,
        a_minute: int | None = None,
        idempotency_key: str | None = None,
    ) -> out.Key:
        """A new key, for all cities or some. Its text is told this once.

        `key` is null when the first answer was lost: revoke the key and make another.
        """
        body = {"name": name, "role": role, "cities": None if cities is None else list(cities), "a_minute": a_minute}
        return self._post(out.Key, path("keys"), body, idempotency_key)

    def revoke_key(self, key_id: str) -> out.Key:
        """End a key."""
        return self._wire.json(out.Key, "DELETE", path("keys", key_id))

    def audit(self, *, key: str | None = None, page: int = 100) -> Iterator[out.AuditLine]:
        """Who did what, or was not allowed to, the newest first; of one key by its id, where it is given."""
        return self._pages(out.Audit, path("audit"), "audit", page, key=key)

    def metrics(self) -> str:
        """What the service counts, as Prometheus reads it."""
        return self._wire.send("GET", path("metrics"), headers={"Accept": "text/plain"}).text
