"""Has the day room for this visit? Tests in the order of what they cost; each says yes with a plan, no with a proof, or
passes the question on.

1. insertion into the witness as it is;
2. a matching of the slot without regard to time: no augmenting path proves that its promises need more executives;
3. a matching of the slot with regard to time: all other slots stay as they are;
4. certificates kept from earlier proofs;
5. annealing on lateness, near the slot and over the day;
6. where that was asked for (`settle`): column generation, and at last the exact engine on the whole day.

After 5 an open question is answered "not now": true of what was tried, and no proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.arrays import Int64Array
from optimizer.domain import Proof
from optimizer.engines.columns.labels import GRID
from optimizer.slots.annealing import anneal, stream, table_of
from optimizer.slots.certificates import Certificate, Certificates, Prover
from optimizer.slots.newcomer import Newcomer, augment, could_swap
from optimizer.slots.nouns import SlotReasonCode
from optimizer.stop import Stop

NEAR_MOVES, DAY_MOVES = 4_000, 4_000
"""Moves of an annealing near the slot and over the day."""

MOVES_A_REQUEST = 48_000
"""Moves all annealings of one request may make together: about 30 ms."""

THOROUGH_MOVES = 100_000
"""Moves of each annealing where a full answer was asked for."""

Changed = Mapping[int, tuple[int, ...]]
"""New routes by row of the executive: rows of visits in order."""


@dataclass(frozen=True, slots=True)
class Room:
    """Yes: these routes change, `owner` (a row) takes the visit. `executives` could in the witness as it is."""

    changed: Changed
    owner: int
    executives: int
    rearranged: bool


@dataclass(frozen=True, slots=True)
class NoRoom:
    """No, or not now: one rule in the way of a service (counted from 0), and whether that is proved for every plan."""

    code: SlotReasonCode
    proof: Proof
    service: int = 0


Answer = Room | NoRoom


@dataclass
class Effort:
    """What one request may still spend on annealing."""

    moves: int = MOVES_A_REQUEST
    near: int = NEAR_MOVES
    over_day: int = DAY_MOVES

    @classmethod
    def thorough(cls) -> Effort:
        """For a full answer, outside of a call."""
        return cls(1 << 40, THOROUGH_MOVES, THOROUGH_MOVES)


class Ladder:
    """Asks about the slots of one newcomer on one day."""

    def __init__(self, newcomer: Newcomer, certificates: Certificates, effort: Effort, seed: int = 1) -> None:
        self.newcomer = newcomer
        self.certificates = certificates
        self.effort = effort
        self.seed = seed
        self._prover: Prover | None = None

    def ask(self, service: int, slot: int) -> Answer:
        """Steps 1 to 5."""
        newcomer = self.newcomer
        day, routes = newcomer.day, newcomer.routes
        row = newcomer.row(service, slot)
        first = self.insert(service, slot)
        if isinstance(first, Room):
            return first
        barred = self.barred(row)
        if barred is not None:
            return barred
        takes = np.empty(len(routes.length), dtype=np.int64)
        if not augment(day, routes, newcomer.able, row, False, takes):
            return NoRoom(self._too_few(row), Proof.PROVED)
        loose = takes.copy()
        if augment(day, routes, newcomer.able, row, True, takes):
            return self._swapped(row, takes)
        alone = Certificate({}, GRID)
        if any(self.prover.holds(c, row) for c in (alone, *self.certificates.of_slot(slot))):
            return NoRoom(SlotReasonCode.NOT_REACHABLE_IN_TIME, Proof.PROVED)
        repaired = self._repaired(row, loose)
        if repaired is not None:
            return repaired
        return NoRoom(self._in_the_way(row), Proof.HEURISTIC)

    def insert(self, service: int, slot: int) -> Answer:
        """Step 1 only; its no is that of the witness as it is."""
        newcomer = self.newcomer
        row, room, routes = newcomer.row(service, slot), newcomer.room, newcomer.routes
        at = row - newcomer.first
        best = room.best[at]
        if best < 0:
            return NoRoom(SlotReasonCode.NOT_REACHABLE_IN_TIME, Proof.HEURISTIC)
        order = routes.order[best, : routes.length[best]].tolist()
        order.insert(room.position[at], row)
        return Room({best: tuple(order)}, best, room.executives[at], rearranged=False)

    def on(self, newcomer: Newcomer) -> Ladder:
        """The same ladder, effort and certificates for the newcomer with some of its visits placed."""
        return Ladder(newcomer, self.certificates, self.effort, self.seed)

    @property
    def prover(self) -> Prover:
        """Certificates of this newcomer."""
        if self._prover is None:
            self._prover = Prover(self.newcomer)
        return self._prover

    def prove(self, service: int, slot: int, stop: Stop) -> bool:
        """Column generation for a proof that the slot is impossible; a certificate found is kept. True if proved."""
        row = self.newcomer.row(service, slot)
        certificate = self.prover.search(row, stop)
        if certificate is not None:
            self.certificates.keep(slot, certificate)
        return certificate is not None

    # ------------------------------------------------------------------------------- reasons

    def barred(self, row: int) -> NoRoom | None:
        """What is in the way whatever the promises of the day are, proved; None when somebody could come alone."""
        newcomer = self.newcomer
        at = row - newcomer.first
        if newcomer.services[at // newcomer.slots].service_s > newcomer.promised.problem.grid.slot_s:
            return NoRoom(SlotReasonCode.SERVICE_LONGER_THAN_SLOT, Proof.PROVED)
        if not newcomer.on_shift[:, at].any():
            return NoRoom(SlotReasonCode.NO_EXECUTIVE_WITH_SKILL, Proof.PROVED)
        if not newcomer.able[:, row].any():
            return NoRoom(SlotReasonCode.NOT_REACHABLE_IN_TIME, Proof.PROVED)
        return None

    def _too_few(self, row: int) -> SlotReasonCode:
        """Why the matching without regard to time failed: for want of executives, or because some cannot get there."""
        newcomer = self.newcomer
        able = newcomer.able.copy()
        able[:, row] = newcomer.on_shift[:, row - newcomer.first]
        takes = np.empty(len(newcomer.routes.length), dtype=np.int64)
        if augment(newcomer.day, newcomer.routes, able, row, False, takes):
            return SlotReasonCode.NOT_REACHABLE_IN_TIME
        return SlotReasonCode.ALL_EXECUTIVES_TAKEN

    def _in_the_way(self, row: int) -> SlotReasonCode:
        """What is in the way in the present witness, for most of those who could come otherwise."""
        newcomer = self.newcomer
        able = newcomer.on_shift[:, row - newcomer.first]
        slot = newcomer.day.slot[row]
        free = able & (newcomer.routes.in_slot[:, slot] == 0)
        if not free.any():
            return SlotReasonCode.ALL_EXECUTIVES_TAKEN
        day, routes = newcomer.without_breaks
        if any(could_swap(day, routes, int(e), row) >= 0 for e in np.flatnonzero(free)):
            return SlotReasonCode.BREAK_CANNOT_BE_KEPT
        return SlotReasonCode.NOT_REACHABLE_IN_TIME

    # -------------------------------------------------------------------------------- repair

    def _swapped(self, row: int, takes: Int64Array) -> Room:
        newcomer = self.newcomer
        day, routes = newcomer.day, newcomer.routes
        changed, owner = {}, -1
        for e in np.flatnonzero(takes >= 0).tolist():
            v = int(takes[e])
            position = int(could_swap(day, routes, e, v))
            order = [u for u in routes.order[e, : routes.length[e]].tolist() if day.slot[u] != day.slot[row]]
            order.insert(position, v)
            changed[e] = tuple(order)
            if v == row:
                owner = e
        return Room(changed, owner, 0, rearranged=True)

    def _repaired(self, row: int, loose: Int64Array) -> Room | None:
        """Anneal from the matching without regard to time; None when nothing was found within the effort."""
        newcomer, effort = self.newcomer, self.effort
        day, routes = newcomer.day, newcomer.routes
        slot, slots = int(day.slot[row]), newcomer.slots
        before = table_of(day, routes.order, routes.length, slots)
        begin = before.copy()
        for e in np.flatnonzero(loose >= 0):
            begin[e, slot] = loose[e]
        state = stream(self.seed * 1_000_003 + row)
        for first, last, moves in (
            (max(0, slot - 1), min(slots - 1, slot + 1), effort.near),
            (0, slots - 1, effort.over_day),
        ):
            table = begin.copy()
            late, made = anneal(day, newcomer.able, table, first, last, min(moves, effort.moves), state)
            effort.moves -= made
            if late == 0:
                return _room_of(before, table, slot, row)
        return None


def _room_of(before: Int64Array, after: Int64Array, slot: int, row: int) -> Room:
    """What has changed between two tables of executives and slots, as routes without empty stops."""
    rows = np.flatnonzero((before != after).any(axis=1))
    changed = {int(e): tuple(after[e][after[e] >= 0].tolist()) for e in rows}
    return Room(changed, int(np.flatnonzero(after[:, slot] == row)[0]), 0, rearranged=True)
