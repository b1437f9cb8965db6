"""Booking request -> slot offers: for every slot of every day an offer that can be kept, or coded reasons why not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from optimizer.domain import BookingRequest, Fault, InvalidProblem, Proof
from optimizer.engines.routes import Routes
from optimizer.slots.certificates import Certificates
from optimizer.slots.ladder import Effort, Ladder, NoRoom, Room
from optimizer.slots.newcomer import Newcomer
from optimizer.slots.nouns import (
    Approach,
    Combination,
    NoOffer,
    Offers,
    SlotOffer,
    SlotReason,
)
from optimizer.slots.policies import Policy, Said, ranked, score
from optimizer.slots.reasons import counted, sharpened
from optimizer.slots.sale import codes_of_slots, not_for_sale, not_on_sale
from optimizer.slots.settle import settled
from optimizer.slots.together import adjacent, one_executive, placed, slot_choices
from optimizer.stop import Stop

COMBINATIONS_A_DAY = 12
"""Combinations of slots given for one day when several services are asked for; the best ones."""


@dataclass(frozen=True)
class Asking:
    """How a request is answered.

    `certificates` by date are asked and added to; `said` as of `Policy`. `counts`: reasons with their counts and all
    rules in the way. `proof`: until this stops, slots that are left open are answered in full, which may take seconds
    for each; None leaves them open. The same seed and days give the same answer.
    """

    certificates: Mapping[dt.date, Certificates] = field(default_factory=dict)
    said: Collection[Said] = ()
    counts: bool = False
    proof: Stop | None = None
    seed: int = 1


def offer_slots(
    days: Sequence[Approach], request: BookingRequest, policy: Policy = ranked, asking: Asking | None = None
) -> Offers:
    """Every slot of every day: an offer, or why there is none. Days are those of the request, in any order.

    An offer is proven by a plan that keeps all promises of its day, as it was given, and this one; with several
    services asked for, each offer is of one of them `alone` and only combinations are proven together. Raises
    InvalidProblem for a day that was not asked for.
    """
    asking = Asking() if asking is None else asking
    outside = [a.day.date for a in days if not request.first <= a.day.date <= request.last]
    if outside:
        rule = f"a date from {request.first.isoformat()} to {request.last.isoformat()}"
        raise InvalidProblem([Fault(("days",), "not_asked_for", [d.isoformat() for d in outside], rule)])
    offers: list[SlotOffer] = []
    refused: list[NoOffer] = []
    combinations: list[Combination] = []
    effort = Effort()
    for approach in sorted(days, key=lambda a: a.day.date):
        day = approach.day
        whole = not_on_sale(day.rules, day, request.asked_at)
        if whole is not None:
            reason = (SlotReason(whole, Proof.PROVED),)
            refused.extend(NoOffer(day.date, None, service, reason) for service in range(len(request.services)))
            continue
        certificates = asking.certificates.get(day.date) or Certificates()
        view = _DayView(approach, request, Ladder(Newcomer(approach, request.services), certificates, effort), asking)
        view.fill(offers, refused)
        if len(request.services) > 1:
            combinations.extend(view.combinations())
    aloud, on_request = policy(offers, asking.said)
    wish = request.wishes.one_executive
    combinations.sort(key=lambda c: (wish and not (c.one_executive and c.adjacent), _rank(c)))
    return Offers(aloud, on_request, tuple(refused), tuple(combinations))


def _rank(combination: Combination) -> tuple[bool, bool, int, dt.date, int]:
    return (
        not (combination.adjacent and combination.one_executive),
        not combination.adjacent,
        combination.score,
        combination.date,
        combination.slots[0].open_s,
    )


class _DayView:
    """One day of a request."""

    def __init__(self, approach: Approach, request: BookingRequest, ladder: Ladder, asking: Asking) -> None:
        self.day = approach.day
        self.request = request
        self.ladder = ladder
        self.asking = asking
        ladder.seed = asking.seed
        self.barred = [codes_of_slots(self.day, request.asked_at, service.skills) for service in request.services]

    def fill(self, offers: list[SlotOffer], refused: list[NoOffer]) -> None:
        """An offer or a refusal for each slot and service."""
        for service in range(len(self.request.services)):
            for slot, code in enumerate(self.barred[service]):
                at = self.day.slots[slot]
                if code is not None:
                    reasons: tuple[SlotReason, ...] = (SlotReason(code, Proof.PROVED),)
                    refused.append(NoOffer(self.day.date, at, service, reasons))
                    continue
                answer = self.ladder.ask(service, slot)
                if isinstance(answer, NoRoom) and answer.proof is Proof.HEURISTIC and self.asking.proof is not None:
                    answer = settled(self.ladder, service, slot, self.asking.proof) or answer
                if isinstance(answer, Room):
                    offers.append(self._offer(answer, service, slot))
                else:
                    refused.append(NoOffer(self.day.date, at, service, self._reasons(answer, service, slot)))

    def _offer(self, room: Room, service: int, slot: int) -> SlotOffer:
        newcomer = self.ladder.newcomer
        wished = self.request.wishes.fits(self.day.slots[slot])
        at = newcomer.row(service, slot) - newcomer.first
        if room.rearranged:
            extra_s = cost_s = extra_travel_s(newcomer, room.changed)
        else:
            extra_s, cost_s = newcomer.room.travel_s[at], int(newcomer.room.cost_s[at, room.owner])
        return SlotOffer(
            date=self.day.date,
            slot=self.day.slots[slot],
            service=service,
            executive_id=self.day.problem.executives[room.owner].executive_id,
            extra_travel_s=extra_s,
            score=score(cost_s, room.executives, wished),
            executives=room.executives,
            adjacent=max(1, newcomer.room.adjacent[at]),
            rearranged=room.rearranged,
            wished=wished,
            alone=len(self.request.services) > 1,
        )

    def _reasons(self, no: NoRoom, service: int, slot: int) -> tuple[SlotReason, ...]:
        reason = SlotReason(no.code, no.proof)
        if not self.asking.counts:
            return (reason,)
        newcomer = self.ladder.newcomer
        row = newcomer.row(service, slot)
        return counted(newcomer, row, sharpened(newcomer, row, reason, self.asking.seed))

    def combinations(self) -> list[Combination]:
        """Slots for all the services together, the best ones."""
        newcomer, count = self.ladder.newcomer, len(self.request.services)
        found: list[Combination] = []
        for slots in slot_choices(newcomer, count):
            gaps = slots[1] - slots[0] > 1
            if gaps and len(found) >= COMBINATIONS_A_DAY:
                break
            if self._barred(slots):
                continue
            block = one_executive(newcomer, slots) if adjacent(slots) else None
            if block is not None:
                owners, extra_s = [block.owner] * count, block.extra_travel_s
            else:
                got = placed(self.ladder, slots, whole=False)
                if isinstance(got, NoRoom):
                    continue
                owners = got[1]
                extra_s = _all_travel_s(got[0].routes) - _all_travel_s(newcomer.routes) - self._service_s()
            wished = all(self.request.wishes.fits(self.day.slots[slot]) for slot in slots)
            executives = tuple(self.day.problem.executives[e].executive_id for e in owners)
            found.append(
                Combination(
                    self.day.date,
                    tuple(self.day.slots[slot] for slot in slots),
                    executives,
                    extra_s,
                    score(extra_s, 1, wished),
                    not gaps,
                    wished,
                )
            )
        return sorted(found, key=_rank)[:COMBINATIONS_A_DAY]

    def _barred(self, slots: Sequence[int]) -> bool:
        """One of these slots cannot be had for its service, alone or beside those before it."""
        if any(self.barred[service][slot] is not None for service, slot in enumerate(slots)):
            return True
        if self.day.sale.capacity is None:
            return False
        sold = [(slot, self.request.services[service].skills) for service, slot in enumerate(slots)]
        return any(
            not_for_sale(self.day, slot, self.request.asked_at, skills, sold[:number]) is not None
            for number, (slot, skills) in enumerate(sold)
        )

    def _service_s(self) -> int:
        return sum(service.service_s for service in self.request.services)


def _all_travel_s(routes: Routes) -> int:
    return int(routes.busy_s.sum())


def extra_travel_s(newcomer: Newcomer, changed: Mapping[int, Sequence[int]]) -> int:
    """Reference seconds of travel that these new routes have more than the old ones."""
    return sum(
        _travel_s(newcomer, e, order) - _travel_s(newcomer, e, _old(newcomer, e)) for e, order in changed.items()
    )


def _old(newcomer: Newcomer, e: int) -> Sequence[int]:
    order: list[int] = newcomer.routes.order[e, : newcomer.routes.length[e]].tolist()
    return order


def _travel_s(newcomer: Newcomer, e: int, order: Sequence[int]) -> int:
    if not len(order):
        return 0
    day = newcomer.day
    places = np.concatenate(([day.start_place[e]], day.place[np.array(order)], [day.end_place[e]]))
    return int(day.reference_s[places[:-1], places[1:]].sum())
