"""The full answer to an open question, outside of a call: a plan, or a proof that there is none. It takes seconds."""

from __future__ import annotations

from optimizer.domain import AskedService, Proof
from optimizer.engines import Orders
from optimizer.engines.columns import columns
from optimizer.slots.certificates import Certificates
from optimizer.slots.ladder import Answer, Effort, Ladder, NoRoom, Room
from optimizer.slots.newcomer import Newcomer
from optimizer.slots.nouns import Approach, SlotReasonCode
from optimizer.slots.witness import with_promises
from optimizer.stop import PartOf, Stop

ASKED = "asked-for"
"""The visit in question, while it has no id."""

PROVING_PART = 0.3
"""Part of the time that column generation for a proof may take before the whole day is planned."""


def settled(ladder: Ladder, service: int, slot: int, stop: Stop) -> Answer | None:
    """Yes with a plan, or a proved no; None when the question is still open at the end of `stop`.

    Column generation first, which proves; then a long annealing; then the exact engine on the day with the visit, which
    does both. A certificate found serves the next caller.
    """
    if ladder.prove(service, slot, PartOf(stop, PROVING_PART)):
        return NoRoom(SlotReasonCode.NOT_REACHABLE_IN_TIME, Proof.PROVED)
    thorough = Ladder(ladder.newcomer, ladder.certificates, Effort.thorough(), ladder.seed)
    answer = thorough.ask(service, slot)
    if isinstance(answer, Room) or answer.proof is Proof.PROVED:
        return answer
    return _planned(thorough, service, slot, stop)


def prove_slot(approach: Approach, service: AskedService, slot: int, certificates: Certificates, stop: Stop) -> bool:
    """Look for a proof that a slot of a day is impossible for a service; what is found is kept in `certificates`."""
    return Ladder(Newcomer(approach, [service]), certificates, Effort()).prove(0, slot, stop)


def _planned(ladder: Ladder, service: int, slot: int, stop: Stop) -> Answer | None:
    """The exact engine on the whole day: it keeps all promises and the new one, or proves that nobody can."""
    newcomer = ladder.newcomer
    problem = with_promises(newcomer.approach, [newcomer.visit(service, slot, ASKED)])
    found = columns(problem, stop, seed=ladder.seed, start=newcomer.promised.witness)
    if found is None:
        return None
    served = {visit_id for order in found.orders.values() for visit_id in order}
    if all(a.visit_id in served for a in problem.appointments):
        return _room(newcomer, found.orders, newcomer.row(service, slot))
    if found.broken_promises_bound > 0:
        return NoRoom(SlotReasonCode.NOT_REACHABLE_IN_TIME, Proof.PROVED)
    return None


def _room(newcomer: Newcomer, orders: Orders, row: int) -> Room:
    """A plan of the day with the visit as routes of rows."""
    rows = {**newcomer.promised.problem.visit_row, ASKED: row}
    changed, owner = {}, -1
    for e, executive in enumerate(newcomer.promised.problem.executives):
        order = tuple(rows[v] for v in orders.get(executive.executive_id, ()))
        if order != tuple(newcomer.routes.order[e, : newcomer.routes.length[e]].tolist()):
            changed[e] = order
        if row in order:
            owner = e
    return Room(changed, owner, 0, rearranged=True)
