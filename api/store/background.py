"""What is done between requests: witnesses made cheaper, open questions answered, promises at risk brought back.

One thread of a long-running process. Everything it writes goes through the same versions as all verbs: a witness is
swapped in only if its day has not changed meanwhile. It never touches a published day.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from api.store.states import Key
from api.store.store import ASKED, Store
from api.store.writing import View
from optimizer.bookings import Change, Event, Refusal, RefusalCode, Verdict, recover, relocate, told, with_bookings
from optimizer.domain import AskedService, Booking, Proof
from optimizer.objective import cost
from optimizer.slots import Approach, Offers, improve, prove_slot
from optimizer.stop import StopAt
from optimizer.timing import timed
from scenarios.catalogue import City
from scenarios.places import Whereabouts

IMPROVE_S = 5.0
"""Seconds for a better witness of one day."""

PROVE_S = 2.0
"""Seconds for the proof of one slot."""

MOST_QUESTIONS = 256
"""Open questions kept; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Question:
    """A slot that was left open for a service at a place."""

    city_id: str
    where: Whereabouts
    service: AskedService
    date: dt.date
    slot: int


@dataclass(frozen=True, slots=True)
class Improved:
    """What an improvement brought: travel of the witness before and after, in reference seconds."""

    before_s: int
    after_s: int


def improve_day(store: Store, city: City, date: dt.date, limit_s: float = IMPROVE_S) -> Improved | None:
    """A cheaper witness for a day if one is found in time and the day has not changed by then; None otherwise."""
    with store.database.read() as connection:
        view = store.views(connection, city, [date])[date]
    day = view.book.day
    if view.over is not None or not day.promises:
        return None
    better = improve(day, StopAt(time_limit_s=limit_s), store.seed)
    if better is None:
        return None
    before, after = (cost(d.problem, timed(d.problem, d.witness)).travel_s for d in (day, better))
    version = view.state.version

    def verb(views: Mapping[dt.date, View]) -> Verdict:
        now = views[date]
        if now.state.version != version or now.over is not None:
            return Refusal(RefusalCode.PLAN_OUTDATED, date.isoformat(), "the day has changed meanwhile")
        event = Event("witness.improved", date.isoformat(), date, {"before_s": before, "after_s": after})
        return Change((with_bookings(now.book, better, ()),), (), (event,))

    return Improved(before, after) if isinstance(store.run(city, [date], verb), Change) else None


def recover_day(store: Store, city: City, date: dt.date) -> int:
    """Bookings at risk brought back into the witness, as far as there is room; how many."""
    count = 0
    with store.database.read() as connection:
        risky = [b for b in store.views(connection, city, [date])[date].book.bookings.values() if b.at_risk]
    for booking in sorted(risky, key=lambda b: b.booking_id):

        def verb(views: Mapping[dt.date, View], booking_id: str = booking.booking_id) -> Verdict:
            view = views[date]
            now = view.book.bookings.get(booking_id)
            if now is None or not now.at_risk or view.book.day.sale.published:
                return Refusal(RefusalCode.UNKNOWN_BOOKING, booking_id, "not at risk any more")
            if now.place.place_id in view.book.day.problem.travel.index:
                return _together(store, city, view, now)
            approach = store.approach(view, view.book.day, now.place, now.spread_m)
            change = recover(view.book, booking_id, approach, store.cache.certificates((city.city_id, date)))
            if change is None:
                return Refusal(RefusalCode.SLOT_NOT_OFFERED, booking_id, "there is no room yet")
            return change

        count += isinstance(store.run(city, [date], verb), Change)
    return count


def _together(store: Store, city: City, view: View, booking: Booking) -> Verdict:
    """A booking at risk back in the witness where others held together with it are on the day: all are placed anew."""
    placed = relocate(
        view.book,
        booking.group_id,
        lambda day: store.approach(view, day, booking.place, booking.spread_m),
        booking.spread_m,
        view.now,
        store.cache.certificates((city.city_id, booking.date)),
    )
    if isinstance(placed, Refusal):
        return placed
    kept = [b for b in placed.bookings if view.book.bookings[b.booking_id].at_risk]
    return Change(placed.books, placed.bookings, tuple(told("booking.kept_again", b) for b in kept))


def answer(store: Store, question: Question, limit_s: float = PROVE_S) -> bool:
    """Look for a proof that a slot left open is impossible; a certificate found serves the next caller."""
    city = store.catalogue.city(question.city_id)
    with store.database.read() as connection:
        view = store.views(connection, city, [question.date])[question.date]
    approach: Approach = store.approach(view, view.book.day, question.where.place(ASKED), question.where.spread_m)
    certificates = store.cache.certificates((city.city_id, question.date))
    return prove_slot(approach, question.service, question.slot, certificates, StopAt(time_limit_s=limit_s))


class Background(threading.Thread):
    """The thread: questions first, then days that have changed since they were last improved.

    Tell it with `asked` and `changed`; `close` ends it after what it is doing.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(name="mitaan-background", daemon=True)
        self._store = store
        self._questions: deque[Question] = deque(maxlen=MOST_QUESTIONS)
        self._days: dict[Key, None] = {}
        self._wake = threading.Condition()
        self._ended = False
        self.proved = 0
        self.improved = 0
        self.failed: list[str] = []
        """What went wrong, newest last: a defect here must not end the service, and must not be hidden."""

    def asked(self, city: City, where: Whereabouts, offers: Offers, services: tuple[AskedService, ...]) -> None:
        """Take the open questions of an answer."""
        for no in offers.refused:
            if no.slot is not None and no.reasons[0].proof is Proof.HEURISTIC:
                number = (no.slot.open_s - self._store.catalogue.rules.open_s) // (no.slot.close_s - no.slot.open_s)
                with self._wake:
                    self._questions.append(Question(city.city_id, where, services[no.service], no.date, number))
                    self._wake.notify()

    def changed(self, city: City, date: dt.date) -> None:
        """A day has other promises than before."""
        with self._wake:
            self._days[city.city_id, date] = None
            self._wake.notify()

    def close(self) -> None:
        """End the thread and wait for it."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        self.join()

    def run(self) -> None:
        """Until closed."""
        while True:
            with self._wake:
                while not (self._ended or self._questions or self._days):
                    self._wake.wait()
                if self._ended:
                    return
                question = self._questions.popleft() if self._questions else None
                key = None if question is not None else next(iter(self._days))
                if key is not None:
                    del self._days[key]
            try:
                if question is not None:
                    self.proved += answer(self._store, question)
                elif key is not None:
                    city = self._store.catalogue.city(key[0])
                    recover_day(self._store, city, key[1])
                    self.improved += improve_day(self._store, city, key[1]) is not None
            except Exception as error:  # noqa: BLE001  kept for those who look, see `failed`
                self.failed.append(f"{type(error).__name__}: {error}")
