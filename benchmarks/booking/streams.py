"""A day filled caller by caller under several policies: who gets a slot, and which promises cannot be kept.

Every caller takes the first of their `CHOICES` dearest slots that is offered, else leaves. All policies of a stream
meet the same callers. Policies that look at quotas only make promises blindly: how many of them no plan can keep is
proven afterwards by the exact engine (a range, where it was stopped).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from optimizer.domain import Appointment, Limits, Place, Problem, Proof, places_of
from optimizer.planner import plan_day
from optimizer.slots import Approach, Certificates, Effort, PromisedDay
from optimizer.slots.ladder import Answer, Ladder, NoRoom, Room
from optimizer.slots.newcomer import Newcomer
from optimizer.slots.settle import settled
from optimizer.slots.witness import promised_by
from optimizer.stop import StopAt
from scenarios.simulate import BookingDay, Caller
from scenarios.travel import Spots, formula_rows, formula_table_of_spots, spots

CHOICES, ALOUD = 3, 3
SCALED = (80, 60)
"""Quotas scaled down, in per cent."""

SETTLE_S, PROVE_S = 20.0, 2.0
JUDGE_S = 20.0
"""Seconds for the proof how many promises of a day of quotas are broken."""


@dataclass
class Tally:
    """What a policy did in one stream."""

    accepted: int = 0
    first_choice: int = 0
    broken: tuple[int, int] = (0, 0)
    """Promises that no plan keeps: at least, at most."""
    pairs: int = 0
    """Callers and slots asked about."""
    rearranged: int = 0
    proved: int = 0
    undecided: int = 0
    ask_s: list[float] = field(default_factory=list)


class Filling:
    """One day being filled."""

    def __init__(self, day: BookingDay) -> None:
        self.day = day
        places = places_of(day.office, (), day.executives)
        self.spots: Spots = spots(places)
        table = formula_table_of_spots(self.spots, day.travel)
        problem = Problem(day.city.city_id, day.date, day.grid, day.office, (), day.executives, table)
        self.promised = PromisedDay(problem, {})
        self.certificates = Certificates()

    def approach(self, place: Place) -> Approach:
        """The way to a place."""
        seconds, metres = formula_rows(self.spots, place, 0, self.day.travel)
        return Approach(self.promised, place, seconds, seconds, metres, metres)

    def take(self, promised: PromisedDay, place: Place) -> None:
        """The day with one more promise at this place."""
        self.promised = promised
        self.spots = self.spots.and_one(place, 0)


Asked = Callable[[Ladder, int], Answer]


def routed(day: BookingDay, ask: Asked, *, between: bool = False, popularity: Sequence[int] = ()) -> Tally:
    """Promises with a witness; `ask` is how far a question goes up the ladder.

    `between`: open questions are looked at again after the call, by column generation; certificates found serve the
    next callers, as in a running service. With `popularity` of the slots the caller first hears the three slots with
    most executives for their popularity and takes the first of them that is among their choices; the rest on request.
    """
    filling, tally = Filling(day), Tally()
    for number, caller in enumerate(day.callers):
        approach = filling.approach(caller.place)
        newcomer = Newcomer(approach, [caller.service])
        ladder = Ladder(newcomer, filling.certificates, Effort())
        begin_s = time.perf_counter()
        answers = [ask(ladder, slot) for slot in range(len(day.grid))]
        tally.ask_s.append(time.perf_counter() - begin_s)
        tally.pairs += len(answers)
        tally.rearranged += sum(isinstance(a, Room) and a.rearranged for a in answers)
        nos = [a for a in answers if isinstance(a, NoRoom)]
        tally.proved += sum(a.proof is Proof.PROVED for a in nos)
        open_slots = [s for s, a in enumerate(answers) if isinstance(a, NoRoom) and a.proof is Proof.HEURISTIC]
        tally.undecided += len(open_slots)
        for slot in open_slots if between else ():
            ladder.prove(0, slot, StopAt(time_limit_s=PROVE_S))
        wanted = caller.preference[:CHOICES]
        for slot in _heard(answers, wanted, popularity):
            answer = answers[slot]
            if isinstance(answer, Room):
                _accept(filling, newcomer, caller, slot, number, answer)
                tally.accepted += 1
                tally.first_choice += slot == wanted[0]
                break
    return tally


def _heard(answers: Sequence[Answer], wanted: Sequence[int], popularity: Sequence[int]) -> list[int]:
    """The wanted slots in the order in which the caller hears of them: three aloud first, the rest as they wish."""
    if not popularity:
        return list(wanted)
    offered = [s for s, answer in enumerate(answers) if isinstance(answer, Room)]
    spare = {
        s: answer.executives / max(popularity[s], 1) for s, answer in enumerate(answers) if isinstance(answer, Room)
    }
    aloud = sorted(offered, key=lambda s: (-spare[s], s))[:ALOUD]
    return [s for s in aloud if s in wanted] + [s for s in wanted if s not in aloud]


def _accept(filling: Filling, newcomer: Newcomer, caller: Caller, slot: int, number: int, room: Room) -> None:
    made = newcomer.visit(0, slot, f"b{number:05d}")
    row = newcomer.row(0, slot)
    filling.take(promised_by(newcomer.joined(room.changed), {row: made.visit_id}, [made]), caller.place)


def insertion_only(ladder: Ladder, slot: int) -> Answer:
    """The first step of the ladder."""
    return ladder.insert(0, slot)


def whole_ladder(ladder: Ladder, slot: int) -> Answer:
    """As offers are made while a citizen waits."""
    return ladder.ask(0, slot)


def exact(ladder: Ladder, slot: int) -> Answer:
    """Every question answered in full, as far as the time goes."""
    answer = ladder.ask(0, slot)
    if isinstance(answer, NoRoom) and answer.proof is Proof.HEURISTIC:
        return settled(ladder, 0, slot, StopAt(time_limit_s=SETTLE_S)) or answer
    return answer


def by_quota(day: BookingDay, percent: int, *, alone: bool) -> Tally:
    """At most so many per cent of the executives on shift in each slot, and of the kit holders among them.

    `alone`: who could not be served on an empty day is not promised anything.
    """
    empty, tally = Filling(day), Tally()
    on_shift = [
        sum(e.shift.open_s <= slot.open_s and slot.close_s <= e.shift.close_s for e in day.executives)
        for slot in day.grid.slots()
    ]
    kits = frozenset().union(*(caller.service.skills for caller in day.callers))
    holders = [
        sum(
            kits <= e.skills and e.shift.open_s <= slot.open_s and slot.close_s <= e.shift.close_s
            for e in day.executives
        )
        for slot in day.grid.slots()
    ]
    left = [count * percent // 100 for count in on_shift]
    left_kits = [count * percent // 100 for count in holders]
    promised: list[tuple[Caller, int, int]] = []
    for number, caller in enumerate(day.callers):
        newcomer = Newcomer(empty.approach(caller.place), [caller.service])
        for rank, slot in enumerate(caller.preference[:CHOICES]):
            kit = bool(caller.service.skills)
            if left[slot] > 0 and left_kits[slot] >= kit and (not alone or newcomer.room.best[slot] >= 0):
                left[slot] -= 1
                left_kits[slot] -= kit
                promised.append((caller, slot, number))
                tally.accepted += 1
                tally.first_choice += rank == 0
                break
    tally.broken = least_broken(day, promised)
    return tally


def least_broken(day: BookingDay, promised: Sequence[tuple[Caller, int, int]]) -> tuple[int, int]:
    """How many of these promises no plan keeps: proven at least, and broken by the best plan found."""
    visits = tuple(
        Appointment(f"b{n:05d}", c.place, day.grid.slot(s), c.service.service_s, skills=c.service.skills)
        for c, s, n in promised
    )
    places = places_of(day.office, visits, day.executives)
    table = formula_table_of_spots(spots(places), day.travel)
    problem = Problem(day.city.city_id, day.date, day.grid, day.office, visits, day.executives, table)
    result = plan_day(problem, Limits(JUDGE_S))
    if result is None:
        return 0, len(visits)
    return result.broken_promises_bound, len(result.broken_promises)


POLICIES: Mapping[str, Callable[[BookingDay], Tally]] = {
    "quota": lambda day: by_quota(day, 100, alone=False),
    "quota, alone": lambda day: by_quota(day, 100, alone=True),
    "quota 80 %, alone": lambda day: by_quota(day, SCALED[0], alone=True),
    "quota 60 %, alone": lambda day: by_quota(day, SCALED[1], alone=True),
    "insertion": lambda day: routed(day, insertion_only),
    "ladder": lambda day: routed(day, whole_ladder),
    "ladder, proofs between": lambda day: routed(day, whole_ladder, between=True),
    "ladder, three aloud": lambda day: routed(day, whole_ladder, between=True, popularity=day.popularity),
    "exact": lambda day: routed(day, exact),
}
"""The ways of booking that are compared."""


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half of its 95 % interval (normal), 0 for one value."""
    if len(values) < 2:
        return float(values[0]), 0.0
    return statistics.fmean(values), 1.96 * statistics.stdev(values) / len(values) ** 0.5


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """A percentile in milliseconds."""
    return float(np.percentile(np.array(seconds), percent)) * 1_000
