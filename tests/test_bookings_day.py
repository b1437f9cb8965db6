"""Verbs on a whole day: publish, restaff, close, restrict, a better known place, and bookings at risk brought back."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from optimizer.bookings import (
    Change,
    DayBook,
    RefusalCode,
    cancel,
    close,
    confirm,
    expire,
    give_up,
    hold,
    mark,
    publish,
    recover,
    relocate,
    restaff,
    restrict,
)
from optimizer.bookings.nouns import Wanted, Wanter
from optimizer.domain import BookingStatus, Delivery, Executive, Problem, Visit
from optimizer.slots import Sale
from optimizer.stop import StopAt
from tests.builders import DATE, approach, delivery, executive, place, problem, promised, slot, toy_table
from tests.test_bookings import DAY, NOW, SERVICE, Desk, a_day, kinds, refused, sound

S, CODE = BookingStatus, RefusalCode


def with_visits(book: DayBook, *more: Visit) -> Problem:
    """The problem of a day as it is, with more visits, for a plan."""
    day = book.day.problem
    visits = (*day.visits, *more)
    places = {day.office, *(v.place for v in visits)}
    return replace(day, visits=visits, travel=toy_table(places))


# ------------------------------------------------------------------------------------ publish


def test_a_published_plan_is_the_witness_deliveries_included() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.held("B2", "11:00")
    envelope = delivery("D1", 300)
    problem_with = with_visits(desk.books[DATE], envelope)
    change = desk.took(publish(desk.books[DATE], problem_with, {"E1": ("D1", "B1", "B2")}, NOW))
    day = desk.books[DATE].day
    assert day.sale.published
    assert dict(day.witness) == {"E1": ("D1", "B1", "B2")}
    assert (desk.bookings["B1"].status, desk.bookings["B1"].executive_id) == (S.PLANNED, "E1")
    assert (desk.bookings["B2"].status, desk.bookings["B2"].executive_id) == (S.HELD, None)
    assert kinds(change.events) == ["plan.published", "appointment.assigned"]
    assert (change.events[1].subject, change.events[1].data["executive"]) == ("B1", "E1")
    # A delivery that the plan leaves for another day is not on the day.
    other = desk.took(publish(desk.books[DATE], problem_with, {"E1": ("B1", "B2")}, NOW))
    assert other.books[0].day.problem.deliveries == ()


def test_a_plan_published_again_tells_who_comes_now() -> None:
    desk = Desk()
    desk.booked("B1", "13:00")
    desk.booked("B2", "14:00")
    both = desk.books[DATE].day.problem
    desk.took(publish(desk.books[DATE], both, {"E1": ("B1", "B2")}, NOW))
    same = desk.took(publish(desk.books[DATE], both, {"E1": ("B1", "B2")}, NOW))
    assert kinds(same.events) == ["plan.published"]
    assert same.bookings == ()
    other = desk.took(publish(desk.books[DATE], both, {"E1": ("B1",), "E2": ("B2",)}, NOW))
    assert [(e.kind, e.subject, e.data.get("executive"), e.data.get("before")) for e in other.events[1:]] == [
        ("appointment.reassigned", "B2", "E2", "E1")
    ]
    assert desk.bookings["B2"].executive_id == "E2"
    desk.took(mark(desk.books[DATE], "B2", S.ON_THE_WAY))
    again = desk.took(publish(desk.books[DATE], both, {"E1": ("B1", "B2")}, NOW))
    assert [b.status for b in again.bookings] == [S.ON_THE_WAY]


def test_a_plan_without_a_promise_is_outdated_and_names_it() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    before = desk.books[DATE].day.problem
    plan = dict(desk.books[DATE].day.witness)
    desk.booked("B2", "11:00")
    late = desk.books[DATE]
    assert refused(publish(late, before, plan, NOW), CODE.PLAN_OUTDATED, DATE.isoformat()).bookings == ("B2",)
    # Held counts as well, and no more when it has run out.
    desk.took(cancel(late, "B2", NOW))
    desk.held("B3", "11:00")
    assert refused(publish(desk.books[DATE], before, plan, NOW), CODE.PLAN_OUTDATED).bookings == ("B3",)
    later = NOW + dt.timedelta(seconds=300)
    change = publish(desk.books[DATE], before, plan, later)
    assert isinstance(change, Change)
    left = expire(change.books[0], later)
    assert left is not None
    sound(left.books[0])


def test_a_plan_with_a_booking_that_is_gone_is_outdated() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.booked("B2", "11:00")
    book = desk.books[DATE]
    whole, plan = book.day.problem, dict(book.day.witness)
    desk.took(cancel(book, "B1", NOW))
    assert refused(publish(desk.books[DATE], whole, plan, NOW), CODE.PLAN_OUTDATED).bookings == ("B1",)
    strange = with_visits(desk.books[DATE])
    assert refused(publish(desk.books[DATE], strange, {"E1": ("B2", "B7")}, NOW), CODE.PLAN_OUTDATED).bookings == (
        "B7",
    )


def test_a_plan_of_other_bookings_than_those_made_is_outdated() -> None:
    desk = Desk()
    made = desk.booked("B1", "13:00", pin="E1")
    book = desk.books[DATE]
    visit = made.appointment
    others = (
        replace(visit, slot=slot("14:00")),
        replace(visit, service_s=900),
        replace(visit, skills=frozenset(["kit"])),
        replace(visit, place=place("G-B1", 601)),
        replace(visit, pinned_to=None),
        replace(visit, pinned_to="E2"),
    )
    for other in others:
        changed = replace(book.day.problem, visits=(other,))
        verdict = publish(book, changed, {"E1" if other.pinned_to != "E2" else "E2": ("B1",)}, NOW)
        assert refused(verdict, CODE.PLAN_OUTDATED).bookings == ("B1",)
    # The same point may have another name, and a promise another weight.
    renamed = replace(visit, place=replace(visit.place, place_id="elsewhere"), weight=5)
    table = toy_table([book.day.problem.office, renamed.place])
    good = replace(book.day.problem, visits=(renamed,), travel=table)
    assert isinstance(publish(book, good, {"E1": ("B1",)}, NOW), Change)


def test_a_plan_for_another_roster_is_outdated() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    book = desk.books[DATE]
    staff = (*book.day.problem.executives, executive("E3"))
    more = replace(book.day.problem, executives=staff)
    assert "roster" in refused(publish(book, more, {"E3": ("B1",)}, NOW), CODE.PLAN_OUTDATED).text
    assert "roster" in refused(publish(book, book.day.problem, {"E3": ("B1",)}, NOW), CODE.PLAN_OUTDATED).text


@pytest.mark.parametrize(
    "orders",
    [
        {"E1": ("B2", "B1")},  # against the clock
        {"E2": ("B1", "B2")},  # before the shift
        {"E1": ("B1", "B1", "B2")},
        {"E1": ("B1", "B2"), "E2": ("B2",)},
    ],
)
def test_a_plan_that_breaks_rules_is_refused(orders: dict[str, tuple[str, ...]]) -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.booked("B2", "13:00")
    book = desk.books[DATE]
    assert refused(publish(book, book.day.problem, orders, NOW), CODE.PLAN_BREAKS_RULES).text
    assert not book.day.sale.published


def test_a_plan_serves_bookings_at_risk_as_far_as_it_can() -> None:
    desk = Desk()
    for number, opens in enumerate(("10:00", "11:00", "13:00"), 1):
        desk.booked(f"B{number}", opens)
    desk.held("B4", "14:00")
    whole = desk.books[DATE].day.problem
    closed = close(desk.books[DATE], "strike", force=True)
    book = desk.took(close(desk.took(closed).books[0], None)).books[0]
    assert {b.booking_id for b in book.bookings.values() if b.at_risk} == {"B1", "B2", "B3", "B4"}
    change = desk.took(publish(book, whole, {"E1": ("B1", "B3", "B4")}, NOW))
    now = desk.books[DATE].bookings
    assert [(now[b].status, now[b].at_risk, now[b].executive_id) for b in ("B1", "B2", "B3", "B4")] == [
        (S.PLANNED, False, "E1"),
        (S.BOOKED, True, None),
        (S.PLANNED, False, "E1"),
        (S.HELD, False, None),
    ]
    assert [(e.kind, e.subject) for e in change.events[1:]] == [
        ("appointment.assigned", "B1"),
        ("appointment.assigned", "B3"),
        ("booking.kept_again", "B4"),
    ]
    desk.took(confirm(desk.books[DATE], ["B4"], "C1", NOW))


def test_after_publishing_places_are_given_back_but_not_given_out() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.booked("B2", "11:00")
    envelope = delivery("D1", 300)
    book = desk.books[DATE]
    desk.took(publish(book, with_visits(book, envelope), {"E1": ("D1", "B1", "B2")}, NOW))
    assert refused(desk.ask(("B3", "09:00"), group="G3"), CODE.SLOT_NOT_OFFERED).text == "day_published"
    desk.took(cancel(desk.books[DATE], "B1", NOW))
    day = desk.books[DATE].day
    assert dict(day.witness) == {"E1": ("D1", "B2")}
    assert [d.visit_id for d in day.problem.deliveries] == ["D1"]
    desk.took(desk.move("B2", "10:00", DATE + DAY))
    assert dict(desk.books[DATE].day.witness) == {"E1": ("D1",)}


# --------------------------------------------------------------------- restaff, close, restrict


def staffed(book: DayBook, *staff: Executive) -> Problem:
    return replace(book.day.problem, executives=staff)


def test_a_roster_that_keeps_all_promises_is_taken() -> None:
    desk = Desk()
    desk.booked("B1", "13:00", pin="E1")
    desk.booked("B2", "14:00")
    book = desk.books[DATE]
    e1, _ = book.day.problem.executives
    change = desk.took(restaff(book, staffed(book, e1, executive("E3")), StopAt(iterations=200)))
    assert kinds(change.events) == ["day.changed"]
    assert change.bookings == ()
    assert {e.executive_id for e in desk.books[DATE].day.problem.executives} == {"E1", "E3"}


def test_a_roster_that_breaks_promises_is_refused_with_them_or_forced() -> None:
    desk = Desk()
    desk.booked("B1", "13:00")
    desk.booked("B2", "13:00")
    desk.held("B3", "10:00")
    book = desk.books[DATE]
    _, e2 = book.day.problem.executives
    verdict = refused(restaff(book, staffed(book, e2), StopAt(iterations=300)), CODE.PROMISES_IN_THE_WAY)
    assert len(verdict.bookings) == 2
    assert "B3" in verdict.bookings
    assert "no plan keeps more" in verdict.text
    change = desk.took(restaff(book, staffed(book, e2), StopAt(iterations=300), force=True))
    assert kinds(change.events) == ["day.changed", "booking.at_risk", "booking.at_risk"]
    assert change.events[0].data["at_risk"] == 2
    assert {b.booking_id for b in desk.books[DATE].bookings.values() if b.at_risk} == set(verdict.bookings)
    # At risk they can still be given back.
    desk.took(give_up(desk.books[DATE], ["B3"], "C1", NOW))
    (booking,) = (b for b in desk.books[DATE].bookings.values() if b.at_risk)
    desk.took(cancel(desk.books[DATE], booking.booking_id, NOW))


def test_promises_of_an_executive_who_is_not_in_the_roster_are_in_the_way() -> None:
    desk = Desk()
    desk.booked("B1", "13:00", pin="E2")
    desk.booked("B2", "14:00")
    book = desk.books[DATE]
    e1, _ = book.day.problem.executives
    left = replace(
        book.day.problem, executives=(e1,), visits=tuple(v for v in book.day.problem.visits if v.visit_id == "B2")
    )
    assert refused(restaff(book, left, StopAt(iterations=100)), CODE.PROMISES_IN_THE_WAY).bookings == ("B1",)
    desk.took(restaff(book, left, StopAt(iterations=100), force=True))
    assert desk.books[DATE].bookings["B1"].at_risk


def test_slower_travel_is_accepted_only_with_a_new_witness() -> None:
    desk = Desk()
    desk.booked("B1", "10:00", east_s=1_700)
    book = desk.books[DATE]
    slow = replace(book.day.problem, travel=replace(book.day.problem.travel, margin_pct=400))
    assert isinstance(
        restaff(book, replace(slow, travel=replace(slow.travel, margin_pct=100)), StopAt(iterations=50)), Change
    )
    slowest = replace(slow, travel=replace(slow.travel, margin_pct=1_000))
    assert refused(restaff(book, slowest, StopAt(iterations=50)), CODE.PROMISES_IN_THE_WAY).bookings == ("B1",)


def test_a_published_day_is_not_restaffed() -> None:
    desk = Desk()
    desk.booked("B1")
    desk.publish()
    book = desk.books[DATE]
    refused(restaff(book, book.day.problem, StopAt(iterations=10)), CODE.DAY_PUBLISHED)


def test_a_day_with_promises_is_closed_by_force_only() -> None:
    desk = Desk()
    desk.booked("B1")
    desk.held("B2", "11:00")
    book = desk.books[DATE]
    assert refused(close(book, "strike"), CODE.PROMISES_IN_THE_WAY).bookings == ("B1", "B2")
    change = desk.took(close(book, "strike", force=True))
    assert kinds(change.events) == ["day.changed", "booking.at_risk", "booking.at_risk"]
    assert desk.books[DATE].day.witness == {}
    assert refused(desk.ask(("B3", "10:00"), group="G3"), CODE.SLOT_NOT_OFFERED).text == "closed_day"
    desk.took(close(desk.books[DATE], None))
    desk.took(desk.ask(("B3", "09:00"), group="G3"))
    empty = Desk()
    assert isinstance(close(empty.books[DATE], "strike"), Change)


def test_closing_a_published_day_takes_its_plan_back() -> None:
    desk = Desk()
    desk.booked("B1")
    desk.held("B2", "11:00")
    desk.publish()
    book = desk.books[DATE]
    refused(close(book, "strike"), CODE.PROMISES_IN_THE_WAY)
    change = desk.took(close(book, "strike", force=True))
    assert kinds(change.events) == ["plan.withdrawn", "day.changed", "booking.at_risk", "booking.at_risk"]
    now = desk.books[DATE].bookings
    assert [(now[b].status, now[b].at_risk, now[b].executive_id) for b in ("B1", "B2")] == [
        (S.BOOKED, True, None),
        (S.HELD, True, None),
    ]
    closed = desk.books[DATE]
    refused(publish(closed, closed.day.problem, {}, NOW), CODE.DAY_CLOSED)
    desk.took(close(closed, None))
    desk.took(desk.ask(("B3", "09:00"), group="G3", at_once=True))
    desk.publish()
    assert desk.bookings["B3"].executive_id == "E1"


def test_stop_sales_and_quotas_leave_promises_made_before() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.took(restrict(desk.books[DATE], Sale(stop_sales=frozenset({2}), quotas={3: 0})))
    assert set(desk.books[DATE].bookings) == {"B1"}
    assert refused(desk.ask(("B2", "10:00"), group="G2"), CODE.SLOT_NOT_OFFERED).text == "stop_sale"
    assert refused(desk.ask(("B2", "11:00"), group="G2"), CODE.SLOT_NOT_OFFERED).text == "quota_used_up"
    desk.took(restrict(desk.books[DATE], Sale()))
    desk.took(desk.ask(("B2", "11:00"), group="G2"))


def test_a_slot_is_closed_with_its_promises_by_force_only_and_these_are_at_risk() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.took(desk.ask(("B2", "11:00"), group="G2", at_once=True))
    closed = Sale(closed_slots={2: "power cut"})
    no = refused(restrict(desk.books[DATE], closed), CODE.PROMISES_IN_THE_WAY)
    assert no.bookings == ("B1",)
    change = desk.took(restrict(desk.books[DATE], closed, force=True))
    assert kinds(change.events) == ["day.changed", "booking.at_risk"]
    assert {key: b.at_risk for key, b in desk.books[DATE].bookings.items()} == {"B1": True, "B2": False}
    assert refused(desk.ask(("B3", "10:00"), group="G3"), CODE.SLOT_NOT_OFFERED).text == "closed_slot"
    desk.took(restrict(desk.books[DATE], Sale(), force=True))
    desk.took(desk.ask(("B3", "10:00"), group="G3"))


def test_a_slot_of_a_published_day_is_closed_where_nobody_is_promised_there() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    desk.publish()
    no = refused(restrict(desk.books[DATE], Sale(closed_slots={2: "fair"}), force=True), CODE.DAY_PUBLISHED)
    assert no.bookings == ("B1",)
    desk.took(restrict(desk.books[DATE], Sale(closed_slots={3: "fair"})))
    assert desk.books[DATE].day.sale.published
    assert desk.books[DATE].day.sale.closed_slots == {3: "fair"}


def test_a_quota_below_what_is_promised_is_refused_and_forced_leaves_the_promises() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    no = refused(restrict(desk.books[DATE], Sale(quotas={2: 0})), CODE.QUOTA_BELOW_PROMISED)
    assert no.bookings == ("B1",)
    change = desk.took(restrict(desk.books[DATE], Sale(quotas={2: 0}), force=True))
    assert change.bookings == ()
    assert not desk.books[DATE].bookings["B1"].at_risk
    desk.took(restrict(desk.books[DATE], Sale(quotas={2: 0}, stop_sales=frozenset({5}))))  # it is not asked about again


# --------------------------------------------------------------------- at risk, and brought back


def risky(desk: Desk) -> DayBook:
    """The day after a strike that was called off: open again, all its bookings at risk."""
    return desk.took(close(desk.took(close(desk.books[DATE], "strike", force=True)).books[0], None)).books[0]


def test_a_booking_at_risk_is_brought_back_where_there_is_room() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    book = risky(desk)
    change = recover(book, "B1", approach(book.day, 600, place_id="G-B1"))
    assert change is not None
    desk.took(change)
    assert not desk.books[DATE].bookings["B1"].at_risk
    assert kinds(change.events) == ["booking.kept_again"]
    other = Desk()
    other.booked("B1", "10:00")
    risky(other)
    other.booked("B2", "10:00")
    book = other.books[DATE]
    assert recover(book, "B1", approach(book.day, 600, place_id="G-B1")) is None


def test_nothing_is_brought_back_to_a_closed_or_a_published_day() -> None:
    desk = Desk()
    desk.booked("B1", "10:00")
    closed = desk.took(close(desk.books[DATE], "strike", force=True)).books[0]
    assert recover(closed, "B1", approach(closed.day, 600, place_id="G-B1")) is None
    opened = desk.took(close(closed, None)).books[0]
    published = desk.took(publish(opened, opened.day.problem, {}, NOW)).books[0]
    assert recover(published, "B1", approach(published.day, 600, place_id="G-B1")) is None


# -------------------------------------------------------------------------------- a better point


def test_a_group_gets_its_exact_point_in_the_same_slots() -> None:
    desk = Desk()
    desk.took(desk.ask(("B1", "10:00"), ("B2", "11:00")))
    desk.booked("B3", "13:00")
    book = desk.books[DATE]
    change = desk.took(relocate(book, "G1", lambda day: approach(day, 700, place_id="G1"), 0, NOW))
    assert kinds(change.events) == ["booking.located", "booking.located"]
    now = desk.books[DATE].bookings
    assert {now[b].place for b in ("B1", "B2")} == {place("G1", 700)}
    assert [now[b].slot for b in ("B1", "B2")] == [slot("10:00"), slot("11:00")]
    assert now["B3"].place.place_id == "G-B3"
    assert not now["B1"].approximate
    assert now["B1"].status is S.HELD


def test_a_point_from_which_promises_could_not_be_kept_is_refused() -> None:
    desk = Desk()
    desk.booked("B1", "08:00", east_s=1_800)
    book = desk.books[DATE]
    verdict = relocate(book, "G-B1", lambda day: approach(day, 3_000, place_id="G-B1"), 0, NOW)
    assert refused(verdict, CODE.SLOT_NOT_OFFERED, "G-B1").reasons[0].code.value == "not_reachable_in_time"
    refused(relocate(book, "G2", lambda day: approach(day, place_id="G2"), 0, NOW), CODE.UNKNOWN_BOOKING)
    desk.publish()
    verdict = relocate(desk.books[DATE], "G-B1", lambda day: approach(day, 1_700, place_id="G-B1"), 0, NOW)
    refused(verdict, CODE.DAY_PUBLISHED)


def test_a_point_is_not_changed_while_its_old_place_is_needed_on_the_way() -> None:
    # From the office in time to B2 leads only over the place of B1: given back, it stays as an empty stop.
    desk = Desk(DayBook(promised(problem([], [executive("E1")]), {}), {}))
    desk.booked("B1", "08:00", east_s=500)
    book = desk.books[DATE]
    far = approach(book.day, 1_000, place_id="G-B2", legs={"office": 9_000, "G-B1": 600})
    seen = replace(far, to_s=far.to_s * 0 + 600)
    wanted = [Wanted("B2", DATE, slot("09:00"), SERVICE)]
    desk.took(hold({DATE: (book, seen)}, wanted, Wanter("raipur", "G-B2", "C1"), NOW))
    book = desk.books[DATE]
    assert dict(book.day.witness) == {"E1": ("B1", "B2")}
    verdict = relocate(book, "G-B1", lambda day: approach(day, 450, place_id="G-B1"), 0, NOW)
    assert "on the way to others" in refused(verdict, CODE.SLOT_NOT_OFFERED, "G-B1").text
    # Nothing else stands in the way of giving it back, and of a move.
    desk.took(cancel(book, "B1", NOW))
    assert dict(desk.books[DATE].day.witness) == {"E1": ("stop-B1", "B2")}
    desk.took(give_up(desk.books[DATE], ["B2"], "C1", NOW))
    assert desk.books[DATE].day.problem.visits == ()


def test_a_delivery_is_no_promise() -> None:
    desk = Desk(a_day())
    desk.booked("B1")
    book = desk.books[DATE]
    desk.took(publish(book, with_visits(book, delivery("D1", 100)), {"E1": ("D1", "B1")}, NOW))
    day = desk.books[DATE].day
    assert [a.visit_id for a in day.promises] == ["B1"]
    assert isinstance(day.problem.visit_by_id["D1"], Delivery)
