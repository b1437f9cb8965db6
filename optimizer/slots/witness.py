"""Offer -> promise + new witness, and everything else that changes a promised day: each answer comes with a witness.

A promise is taken only together with a complete plan that keeps all promises of the day and the new one, judged by
the checker, which shares no code with what found it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from optimizer.bounds import broken_promises_bound
from optimizer.check import violations
from optimizer.domain import (
    Appointment,
    AskedService,
    DayPlan,
    Delivery,
    Executive,
    MitaanError,
    Problem,
    TimeWindow,
    Visit,
)
from optimizer.engines import Orders
from optimizer.engines.columns import columns
from optimizer.engines.insertion import insertion
from optimizer.engines.ruin import ruin
from optimizer.objective import cost
from optimizer.slots.certificates import Certificates
from optimizer.slots.ladder import Effort, Ladder, NoRoom
from optimizer.slots.newcomer import Newcomer
from optimizer.slots.nouns import Approach, PromisedDay
from optimizer.slots.together import placed
from optimizer.stop import PartOf, Stop
from optimizer.timing import timed, timed_route

STOP_PREFIX = "stop-"
"""An empty stop is a delivery of no duration at the place of a promise given back, and of this name and its id."""

FIRST_PART = 0.3
"""Part of the time that ruin and recreate may take before the exact engine, where the day has changed."""


class WitnessBroken(MitaanError):  # noqa: N818  (a defect of the engine, never of the caller)
    """The checker found a violation in a witness that was about to be promised; nothing was."""


def verified(day: PromisedDay, executives: Collection[str] | None = None) -> PromisedDay:
    """The same day, its witness judged by the checker: the routes of these executives, all where None.

    Raises WitnessBroken.
    """
    problem, own = day.problem, day.witness
    if executives is not None:
        own = {e: order for e, order in own.items() if e in executives}
        problem = part_of_problem(problem, executives, {v for order in own.values() for v in order})
    try:
        plan = timed(problem, own)
    except ValueError as error:
        raise WitnessBroken(f"{problem.city} {problem.date}: {error}") from error
    found = violations(problem, plan)
    if found:
        raise WitnessBroken(f"{problem.city} {problem.date}: " + "; ".join(v.text for v in found[:3]))
    return day


def part_of_problem(problem: Problem, executives: Collection[str], visits: Collection[str]) -> Problem:
    """The day of these executives and visits only; the travel table stays whole."""
    own = tuple(v for v in problem.visits if v.visit_id in visits)
    staff = tuple(e for e in problem.executives if e.executive_id in executives)
    return replace(problem, visits=own, executives=_preferring(staff, own), input_sha256=None)


def _preferring(executives: Sequence[Executive], visits: Sequence[Visit]) -> tuple[Executive, ...]:
    """The executives, their preferences only for visits that are there."""
    ids = {v.visit_id for v in visits}
    return tuple(
        e if e.preferred_visits <= ids else replace(e, preferred_visits=e.preferred_visits & ids) for e in executives
    )


def plan_of(day: PromisedDay) -> DayPlan:
    """The witness with its times."""
    return timed(day.problem, day.witness)


# ---------------------------------------------------------------------------------- more promises


def with_promises(approach: Approach, appointments: Iterable[Appointment]) -> Problem:
    """The day's problem with more appointments at the place of the approach."""
    problem = approach.day.problem
    travel = problem.travel.grown(approach.place, approach.to_s, approach.from_s, approach.to_m, approach.from_m)
    return replace(problem, visits=(*problem.visits, *appointments), travel=travel, input_sha256=None)


def promise(
    approach: Approach,
    appointments: Sequence[Appointment],
    certificates: Certificates | None = None,
    effort: Effort | None = None,
    seed: int = 1,
) -> PromisedDay | NoRoom:
    """The day with these appointments promised as well, all or none; or what is in the way of the first without room.

    All are at the place of the approach, each in a slot of its own. Raises WitnessBroken for a defect of the engine.
    """
    day = approach.day
    services = [AskedService(a.service_id or a.visit_id, a.service_s, a.skills) for a in appointments]
    newcomer = Newcomer(approach, services, [a.pinned_to for a in appointments])
    slots = [_slot_number(day, a) for a in appointments]
    ladder = Ladder(newcomer, certificates or Certificates(), effort or Effort(), seed)
    got = placed(ladder, slots)
    if isinstance(got, NoRoom):
        return got
    ids = {newcomer.row(i, slot): a.visit_id for i, (slot, a) in enumerate(zip(slots, appointments, strict=True))}
    return promised_by(got[0], ids, appointments)


def promised_by(newcomer: Newcomer, ids: Mapping[int, str], appointments: Iterable[Appointment]) -> PromisedDay:
    """The day with the witness that a newcomer's routes are; `ids` names the newcomer's visits on them."""
    day = newcomer.promised
    names = [v.visit_id for v in day.problem.visits]
    witness = {
        executive.executive_id: tuple(
            names[v] if v < newcomer.first else ids[v]
            for v in newcomer.routes.order[e, : newcomer.routes.length[e]].tolist()
        )
        for e, executive in enumerate(day.problem.executives)
        if newcomer.routes.length[e]
    }
    return promised_day(day, with_promises(newcomer.approach, appointments), witness)


def promised_day(day: PromisedDay, problem: Problem, witness: Orders) -> PromisedDay:
    """The day on another problem with another witness, in which empty stops may be left out; judged by the checker."""
    served = {v for order in witness.values() for v in order}
    stops = frozenset(v for v in day.empty_stops if v in served)
    gone = day.empty_stops - stops
    if gone:
        problem = _only(problem, [v for v in problem.visits if v.visit_id not in gone])
    changed = {
        e.executive_id
        for e in problem.executives
        if witness.get(e.executive_id, ()) != day.witness.get(e.executive_id, ())
    }
    made = replace(day, problem=problem, witness=witness, empty_stops=stops)
    return verified(made, changed)


def _slot_number(day: PromisedDay, appointment: Appointment) -> int:
    number = day.problem.grid.index_of(appointment.slot)
    if number is None:
        raise ValueError(f"{appointment.visit_id}: {appointment.slot} is no slot of the day")
    return number


# --------------------------------------------------------------------------------- fewer promises


def release(day: PromisedDay, visit_ids: Collection[str]) -> PromisedDay:
    """The day without these promises; always possible.

    Where a route is not runnable without the place of a promise (a way over it may be quicker than past it), the place
    stays on it as an empty stop, until a repair leaves it out. Ids that are not on the day are passed over.
    """
    gone = set(visit_ids) & set(day.problem.visit_by_id)
    if not gone:
        return day
    witness: dict[str, tuple[str, ...]] = {}
    stops: list[Delivery] = []
    names = set(day.problem.visit_by_id)
    changed = set()
    for executive_id, order in day.witness.items():
        left = tuple(v for v in order if v not in gone)
        if left != order:
            changed.add(executive_id)
            if day.empty_stops.issuperset(left):  # nobody is visited: who has no route can always be at home
                gone.update(left)
                left = ()
            elif timed_route(day.problem, executive_id, left) is None:
                made = {v: _empty_stop(day, v, executive_id, names) for v in order if v in gone}
                stops.extend(made.values())
                left = tuple(made[v].visit_id if v in made else v for v in order)
        if left:
            witness[executive_id] = left
    kept = [v for v in day.problem.visits if v.visit_id not in gone]
    problem = _only(day.problem, [*kept, *stops])
    empty = (day.empty_stops - gone) | {stop.visit_id for stop in stops}
    return verified(replace(day, problem=problem, witness=witness, empty_stops=empty), changed)


def emptied(day: PromisedDay) -> PromisedDay:
    """The day without any visit: nobody goes anywhere."""
    return replace(day, problem=_only(day.problem, ()), witness={}, empty_stops=frozenset())


def _empty_stop(day: PromisedDay, visit_id: str, executive_id: str, names: set[str]) -> Delivery:
    """The place of a promise given back, as a visit of no duration that only this executive makes; its name is new."""
    grid = day.problem.grid
    name = f"{STOP_PREFIX}{visit_id}"[:64]
    number = 0
    while name in names:
        number += 1
        name = f"{STOP_PREFIX}{number}"
    names.add(name)
    return Delivery(
        name,
        day.problem.visit_by_id[visit_id].place,
        (TimeWindow(grid.open_s, grid.close_s),),
        service_s=0,
        waiting_price_s=0,
        held_by=executive_id,
        pinned_to=executive_id,
    )


def _only(problem: Problem, visits: Sequence[Visit]) -> Problem:
    """The problem with these visits, and no more places than it needs."""
    places = {problem.office.place_id, *(v.place.place_id for v in visits)}
    for executive in problem.executives:
        places.update((executive.start.place_id, executive.end.place_id))
    travel = problem.travel.only(p for p in problem.travel.place_ids if p in places)
    staff = _preferring(problem.executives, visits)
    return replace(problem, visits=tuple(visits), executives=staff, travel=travel, input_sha256=None)


# -------------------------------------------------------------------------- another day altogether


@dataclass(frozen=True, slots=True)
class Rewitnessed:
    """A changed day with as many of its promises kept as was found; `broken` are the others, by id.

    `proved`: no plan of the changed day breaks fewer.
    """

    day: PromisedDay
    broken: tuple[str, ...]
    proved: bool


def rewitness(day: PromisedDay, problem: Problem, stop: Stop, seed: int = 1) -> Rewitnessed:
    """A witness for the promises of `problem`: the day after a change of staff, services or travel.

    The old routes are kept as far as they can be run and what they leave out is inserted; where that is not enough, the
    exact engine looks for a plan that keeps all promises, or for the proven least that every plan breaks.
    """
    start = _still_runnable(problem, day.witness)
    first = insertion(problem, stop, seed=seed, start=start)
    orders = start if first is None else first.orders
    proved = _weight(problem, orders) == broken_promises_bound(problem)
    if not proved:
        better = ruin(problem, PartOf(stop, FIRST_PART), seed=seed, start=orders)
        orders = orders if better is None else better.orders
        proved = _weight(problem, orders) == 0
    if not proved:
        found = columns(problem, stop, seed=seed, start=orders)
        if found is not None:
            orders = found.orders
            proved = _weight(problem, orders) == found.broken_promises_bound
    broken = _broken(problem, orders)
    served = {v for order in orders.values() for v in order}
    kept = _only(problem, [v for v in problem.visits if v.visit_id in served])
    made = replace(day, problem=kept, witness=dict(orders), empty_stops=day.empty_stops & served)
    return Rewitnessed(verified(made), broken, proved or not broken)


def _weight(problem: Problem, orders: Orders) -> int:
    """Weight of the promises that these orders break."""
    left_out = set(_broken(problem, orders))
    return sum(a.weight for a in problem.appointments if a.visit_id in left_out)


def _broken(problem: Problem, orders: Orders) -> tuple[str, ...]:
    served = {v for order in orders.values() for v in order}
    return tuple(a.visit_id for a in problem.appointments if a.visit_id not in served)


def _still_runnable(problem: Problem, witness: Orders) -> dict[str, tuple[str, ...]]:
    """Of each route the visits that are still of the day, one by one as long as the route can be run with them."""
    orders: dict[str, tuple[str, ...]] = {}
    for executive_id, order in witness.items():
        executive = problem.executive_by_id.get(executive_id)
        if executive is None:
            continue
        made: tuple[str, ...] = ()
        for visit_id in order:
            visit = problem.visit_by_id.get(visit_id)
            if visit is None or problem.obstacle(executive, visit) is not None:
                continue
            if timed_route(problem, executive_id, (*made, visit_id)) is not None:
                made = (*made, visit_id)
        if made:
            orders[executive_id] = made
    return orders


def improve(day: PromisedDay, stop: Stop, seed: int = 1) -> PromisedDay | None:
    """The same promises with a cheaper witness, or None when none was found. Never of a published or closed day.

    Empty stops that a better witness does without are left out.
    """
    if day.sale.published or day.sale.closed_because is not None or not day.promises:
        return None
    bare = _only(day.problem, day.promises)
    now = cost(day.problem, timed(day.problem, day.witness))
    start = _still_runnable(bare, day.witness)
    if _broken(bare, start):
        start = {}
    first = insertion(bare, stop, seed=seed, start=start or None)
    if first is None:
        return None
    found = columns(bare, stop, seed=seed, start=first.orders)
    orders = first.orders if found is None else found.orders
    if _broken(bare, orders) or cost(bare, timed(bare, orders)).second_level_s >= now.second_level_s:
        return None
    return verified(replace(day, problem=bare, witness=dict(orders), empty_stops=frozenset()))
