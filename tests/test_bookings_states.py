"""Every state that callers can bring a small day into, one by one; and long random walks over larger ones."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from optimizer.bookings import (
    Change,
    DayBook,
    Refusal,
    RefusalCode,
    Verdict,
    Wanted,
    Wanter,
    cancel,
    close,
    confirm,
    expire,
    extend,
    give_up,
    hold,
    mark,
    move,
    publish,
    recover,
    restaff,
    with_bookings,
)
from optimizer.check import violations
from optimizer.domain import Booking, BookingRules, BookingStatus, Executive, Problem
from optimizer.slots import Approach, Certificates, PromisedDay, improve, plan_of
from optimizer.stop import StopAt
from optimizer.units import clock
from tests.builders import DATE, approach, asked, executive, pause, problem, promised, slot
from tests.exact_slots import Exact, asked_day, named
from tests.strategies import strange_approach

S, CODE = BookingStatus, RefusalCode
DAY = dt.timedelta(days=1)
NOW = clock(DATE - 5 * DAY, 10 * 3_600)
SERVICE = asked(1_800)


def sound(book: DayBook) -> None:
    """The witness keeps exactly the promises and every rule; no slot has more of them than there are executives."""
    assert book.unkept() == ()
    assert violations(book.day.problem, plan_of(book.day)) == ()
    slots = Counter(b.slot for b in book.bookings.values() if b.on_day and not b.at_risk)
    assert max(slots.values(), default=0) <= len(book.day.problem.executives)
    for booking in book.bookings.values():
        assert booking.on_day
        assert (booking.expires_at is not None) == (booking.status is S.HELD)
        if not booking.at_risk:
            assert book.day.problem.visit_by_id[booking.booking_id] == booking.appointment


# ------------------------------------------------------------------------ every state, one by one

CALLERS = {"C1": 300, "C2": 1_500, "C3": -1_500}
"""Callers, and how far east they live. From C2 to C3 is too far for one executive within two slots."""

SLOTS = ("10:00", "11:00")
TICK_S, TICKS = 100, 2
"""A hold lives for so many ticks of the clock."""

RULES = BookingRules(hold_s=TICK_S * TICKS)


@dataclass(frozen=True)
class Step:
    """What somebody does: a verb, by whom, and the slot it is about."""

    verb: str
    caller: str = ""
    slot: str = ""


def steps(*, thorough: bool) -> list[Step]:
    """Everything that can be done, whatever the state."""
    verbs = ["hold", "move", *(["book"] if thorough else [])]
    single = ["confirm", "cancel", "give_up", *(["extend"] if thorough else [])]
    return [
        *(Step(verb, caller, at) for verb in verbs for caller in CALLERS for at in SLOTS),
        *(Step(verb, caller) for verb in single for caller in CALLERS),
        Step("tick"),
    ]


def own(book: DayBook, caller: str) -> Booking | None:
    found = [b for b in book.bookings.values() if b.caller == caller]
    assert len(found) <= 1, "nobody has two places from one request"
    return found[0] if found else None


def taken_step(book: DayBook, step: Step) -> Verdict:
    """The verdict on a step. Time stands still: instead of the clock going on, holds are made to end sooner."""
    if step.verb == "tick":
        older = [
            replace(b, expires_at=b.expires_at - dt.timedelta(seconds=TICK_S))
            for b in book.bookings.values()
            if b.expires_at is not None
        ]
        aged = with_bookings(book, book.day, older)
        stale = [b for b in aged.bookings.values() if not b.live(NOW)]
        for booking in stale:  # nobody gets a hold back that has run out
            verdict = confirm(aged, [booking.booking_id], booking.caller, NOW)
            assert isinstance(verdict, Refusal)
            assert verdict.code is CODE.HOLD_EXPIRED
        return expire(aged, NOW) or Change((aged,), (), ())
    mine = own(book, step.caller)
    # Two names for what a caller has are enough: after a move the old one is free again.
    name = f"{step.caller}-{'b' if mine is not None and mine.booking_id.endswith('a') else 'a'}"
    want = Wanted(name, DATE, slot(step.slot or SLOTS[0]), SERVICE)
    if step.verb in {"hold", "book"}:
        if mine is not None:
            return Refusal(CODE.SLOT_TAKEN_TWICE, step.caller, "one request a caller")
        seen = approach(book.day, CALLERS[step.caller], place_id=f"G-{name}")
        wanter = Wanter("raipur", f"G-{name}", step.caller)
        return hold({DATE: (book, seen)}, [want], wanter, NOW, at_once=step.verb == "book")
    if mine is None:
        return cancel(book, name, NOW)
    if step.verb == "move":
        at = CALLERS[step.caller]
        return move(
            book, mine.booking_id, None, lambda day: approach(day, at, place_id=f"G-{name}"), want, f"G-{name}", NOW
        )
    if step.verb == "cancel":
        return cancel(book, mine.booking_id, NOW)
    verb = {"confirm": confirm, "give_up": give_up, "extend": extend}[step.verb]
    others = next(c for c in CALLERS if c != step.caller)
    verdict = verb(book, [mine.booking_id], others, NOW)
    assert isinstance(verdict, Refusal)
    assert verdict.code is CODE.HOLD_OF_ANOTHER_CALLER
    return verb(book, [mine.booking_id], step.caller, NOW)


def state_of(book: DayBook) -> Hashable:
    """What tells two states of a day apart: who has what, until when, and the witness."""
    return (
        tuple(sorted((b.booking_id, b.status, b.slot, b.expires_at, b.extended) for b in book.bookings.values())),
        tuple(sorted(book.day.witness.items())),
        tuple(sorted(book.day.empty_stops)),
    )


def expected(book: DayBook, step: Step, verdict: Verdict) -> None:
    """What the step led to is what the rules of holds and bookings say."""
    mine = own(book, step.caller) if step.caller else None
    if isinstance(verdict, Refusal):
        if step.verb in {"hold", "book", "move"} and verdict.code is CODE.SLOT_NOT_OFFERED:
            assert not room(book, step, mine)
        elif step.verb == "move" and mine is not None:
            held = mine.status is S.HELD
            assert verdict.code is (CODE.ILLEGAL_TRANSITION if held else CODE.SAME_SLOT)
        return
    after = {b.caller: b for b in verdict.books[0].bookings.values()}.get(step.caller)
    if step.verb == "confirm":
        assert (mine and mine.status) is S.HELD
        assert (after and after.status) is S.BOOKED
    elif step.verb == "cancel":
        assert (mine and mine.status) is S.BOOKED
        assert after is None
    elif step.verb == "move":
        assert mine is not None
        assert after is not None
        assert (after.status, after.moved_from, after.slot) == (S.BOOKED, mine.booking_id, slot(step.slot))
    for caller in CALLERS:  # nobody else's place is touched
        if step.verb != "tick" and caller != step.caller:
            assert own(verdict.books[0], caller) == own(book, caller)


def room(book: DayBook, step: Step, mine: Booking | None) -> bool:
    """Exact search: some plan keeps all promises, without what the caller has, and the wanted slot."""
    seen = approach(book.day, CALLERS[step.caller], place_id="anew")
    number = book.day.slots.index(slot(step.slot))
    others = [a.visit_id for a in book.day.promises if mine is None or a.visit_id != mine.booking_id]
    return Exact(asked_day(seen, [SERVICE])).plan_exists([*others, named(0, number)])


def explored(staff: Sequence[Executive], *, thorough: bool) -> tuple[int, int, Counter[str]]:
    """(states, steps, refusals by code) of a breadth-first search from the empty day, equal states merged."""
    begin = DayBook(promised(problem([], staff), {}, rules=RULES), {})
    seen = {state_of(begin)}
    waiting = deque([begin])
    count, refusals = 0, Counter[str]()
    possible = steps(thorough=thorough)
    while waiting:
        book = waiting.popleft()
        for step in possible:
            count += 1
            verdict = taken_step(book, step)
            expected(book, step, verdict)
            if isinstance(verdict, Refusal):
                refusals[verdict.code.value] += 1
                continue
            (after,) = verdict.books
            key = state_of(after)
            if key not in seen:
                sound(after)
                seen.add(key)
                waiting.append(after)
    return len(seen), count, refusals


ONE = (executive("E1", "08:00", "16:00"),)
TWO = (*ONE, executive("E2", "08:00", "16:00", rest=pause(30, "10:30", "11:00")))


def test_every_state_of_three_callers_and_one_executive_keeps_all_promises() -> None:
    states, _, refusals = explored(ONE, thorough=True)
    assert states > 100
    assert {"slot_not_offered", "illegal_transition", "same_slot"} <= refusals.keys()


def test_every_state_of_three_callers_and_two_executives_keeps_all_promises() -> None:
    states, _, refusals = explored(TWO, thorough=False)
    assert states > 200
    assert {"slot_not_offered", "illegal_transition", "same_slot"} <= refusals.keys()


@pytest.mark.long
def test_every_state_with_every_verb_keeps_all_promises() -> None:
    states, _, _ = explored(TWO, thorough=True)
    assert states > 1_000


# ------------------------------------------------------------------------------------ random walks

STEPS = int(os.environ.get("MITAAN_WALK_STEPS", "1000000"))
"""Steps of the long walk: a quarter of an hour."""

EPISODE = 250
"""Steps after which a walk begins anew on empty days."""

DATES = (DATE, DATE + DAY)
VERBS = {
    "hold": 30,
    "book": 6,
    "confirm": 18,
    "extend": 3,
    "give_up": 4,
    "cancel": 8,
    "move": 12,
    "wait": 8,
    "improve": 2,
    "staff": 2,
    "close": 1,
    "recover": 3,
    "publish": 1,
    "mark": 2,
}


class Walk:
    """Random verbs on two days, as a store would run them: holds that have run out leave the day first."""

    def __init__(self, seed: int, *, crooked: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.crooked = crooked
        self.now = clock(DATE - 8 * DAY, 0)
        self.names = 0
        kit = frozenset(["kit"])
        self.staff = (
            executive("E1", "08:00", "16:00", rest=pause(30, "11:00", "14:00"), skills=kit),
            executive("E2", "12:00", "20:00", rest=pause(30, "15:00", "18:00")),
            executive("E3", "08:00", "16:00", overtime_s=1_800),
        )
        rules = BookingRules(hold_s=300)
        self.books = {d: DayBook(promised(problem([], self.staff, date=d), {}, rules=rules), {}) for d in DATES}
        self.certificates = {date: Certificates() for date in DATES}
        self.outcomes: Counter[str] = Counter()

    def step(self) -> None:
        """One verb; what it changes is checked."""
        names = list(VERBS)
        weights = np.array(list(VERBS.values()), dtype=float)
        verb = str(self.rng.choice(names, p=weights / weights.sum()))
        self.now += dt.timedelta(seconds=int(self.rng.integers(0, 60)))
        for book in list(self.books.values()):
            self.take("expire", expire(book, self.now))
        self.take(verb, getattr(self, f"_{verb}")())

    def take(self, verb: str, verdict: Verdict | None) -> None:
        """Take over a change, once it is seen that it is sound."""
        if isinstance(verdict, Change):
            for book in verdict.books:
                sound(book)
                assert all(b.live(self.now) for b in book.bookings.values())
                self.books[book.day.date] = book
            assert len({b.booking_id for b in self.all()}) == len(self.all())
            self.outcomes[verb] += 1
        elif isinstance(verdict, Refusal):
            self.outcomes[f"{verb}: {verdict.code.value}"] += 1

    def all(self) -> list[Booking]:
        return [b for book in self.books.values() for b in book.bookings.values()]

    def some(self) -> Booking | None:
        """Any booking, seldom of a caller's own choosing."""
        among = sorted(self.all(), key=lambda b: b.booking_id)
        return among[int(self.rng.integers(len(among)))] if among else None

    def name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def approach(self, day: PromisedDay, place_id: str, east_s: int, seed: int) -> Approach:
        if self.crooked and len(day.problem.travel.place_ids) > 1:
            return strange_approach(day, seed, place_id)
        return approach(day, east_s, place_id=place_id)

    def address(self) -> tuple[int, int]:
        return int(self.rng.integers(-1_800, 1_800)), int(self.rng.integers(1 << 31))

    def _hold(self, *, at_once: bool = False) -> Verdict:
        count = int(self.rng.choice([1, 1, 1, 2, 3]))
        wanted = []
        for _ in range(count):
            service = asked(60 * int(self.rng.integers(15, 41)), ["kit"] if self.rng.random() < 0.2 else [])
            opens = f"{int(self.rng.integers(8, 20)):02d}:00"
            date = DATES[int(self.rng.integers(2))]
            wanted.append(Wanted(self.name("B"), date, slot(opens), service))
        group, (east_s, seed) = self.name("G"), self.address()
        books = {
            d: (self.books[d], self.approach(self.books[d].day, group, east_s, seed)) for d in {w.date for w in wanted}
        }
        wanter = Wanter("raipur", group, f"C{int(self.rng.integers(3))}")
        return hold(books, wanted, wanter, self.now, at_once=at_once, certificates=self.certificates, seed=seed)

    def _book(self) -> Verdict:
        return self._hold(at_once=True)

    def _on_own(self, verb: Callable[[DayBook, list[str], str, dt.datetime], Verdict]) -> Verdict | None:
        booking = self.some()
        if booking is None:
            return None
        caller = booking.caller if self.rng.random() < 0.9 else "C9"
        return verb(self.books[booking.date], [booking.booking_id], caller, self.now)

    def _confirm(self) -> Verdict | None:
        return self._on_own(confirm)

    def _extend(self) -> Verdict | None:
        return self._on_own(extend)

    def _give_up(self) -> Verdict | None:
        return self._on_own(give_up)

    def _cancel(self) -> Verdict | None:
        booking = self.some()
        return None if booking is None else cancel(self.books[booking.date], booking.booking_id, self.now)

    def _move(self) -> Verdict | None:
        booking = self.some()
        if booking is None:
            return None
        date = DATES[int(self.rng.integers(2))]
        target = None if date == booking.date else self.books[date]
        group, (east_s, seed) = self.name("G"), self.address()
        want = Wanted(self.name("B"), date, slot(f"{int(self.rng.integers(8, 20)):02d}:00"), booking.service)
        before = dict(self.books)
        verdict = move(
            self.books[booking.date],
            booking.booking_id,
            target,
            lambda day: self.approach(day, group, east_s, seed),
            want,
            group,
            self.now,
            certificates=self.certificates[date],
        )
        assert isinstance(verdict, Change) or self.books == before
        return verdict

    def _wait(self) -> None:
        self.now += dt.timedelta(seconds=int(self.rng.integers(0, 400)))

    def _improve(self) -> Verdict | None:
        book = self.books[DATES[int(self.rng.integers(2))]]
        better = improve(book.day, StopAt(iterations=2))
        return None if better is None else Change((with_bookings(book, better, ()),), (), ())

    def _staff(self) -> Verdict:
        book = self.books[DATES[int(self.rng.integers(2))]]
        keep = [e for e in self.staff if self.rng.random() < 0.8]
        visits = tuple(a for a in book.day.promises if a.pinned_to is None)
        changed: Problem = replace(book.day.problem, visits=visits, executives=tuple(keep))
        return restaff(book, changed, StopAt(iterations=3), force=bool(self.rng.random() < 0.5))

    def _close(self) -> Verdict:
        book = self.books[DATES[int(self.rng.integers(2))]]
        because = None if book.day.sale.closed_because else "strike"
        return close(book, because, force=bool(self.rng.random() < 0.3))

    def _recover(self) -> Verdict | None:
        booking = next((b for b in self.all() if b.at_risk), None)
        if booking is None:
            return None
        book = self.books[booking.date]
        if booking.place.place_id in book.day.problem.travel.index:
            return None
        east_s, seed = self.address()
        seen = self.approach(book.day, booking.place.place_id, east_s, seed)
        return recover(book, booking.booking_id, replace(seen, place=booking.place))

    def _publish(self) -> Verdict | None:
        book = self.books[DATES[int(self.rng.integers(2))]]
        if book.day.empty_stops or self.rng.random() < 0.7:
            return None
        return publish(book, book.day.problem, book.day.witness, self.now)

    def _mark(self) -> Verdict | None:
        booking = self.some()
        if booking is None:
            return None
        status = list(BookingStatus)[int(self.rng.integers(len(BookingStatus)))]
        return mark(self.books[booking.date], booking.booking_id, status)


def walked(steps: int, first_seed: int) -> Counter[str]:
    """What happened in a walk of so many steps, in episodes."""
    outcomes: Counter[str] = Counter()
    for seed, begin in enumerate(range(0, steps, EPISODE), first_seed):
        walk = Walk(seed, crooked=seed % 2 == 1)
        for _ in range(min(EPISODE, steps - begin)):
            walk.step()
        outcomes += walk.outcomes
    return outcomes


def test_a_random_walk_keeps_every_promise_after_every_step() -> None:
    outcomes = walked(1_000, 1)
    assert {"hold", "book", "confirm", "cancel", "move", "expire", "give_up", "extend"} <= outcomes.keys()


@pytest.mark.long
def test_a_long_random_walk_keeps_every_promise_after_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    begin_s = time.monotonic()
    outcomes = walked(STEPS, 1_000)
    with capsys.disabled():
        spent_s = time.monotonic() - begin_s
        print(f"\n{STEPS} steps, {STEPS / spent_s:.0f} a second", dict(outcomes.most_common(12)))  # noqa: T201
    assert {"improve", "staff", "close", "recover", "publish"} <= outcomes.keys()
