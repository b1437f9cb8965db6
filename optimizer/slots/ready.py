"""Every compiled loop of booking run once, so that the first caller of a process does not wait for the compiler."""

from __future__ import annotations

import numpy as np

from optimizer.domain import AskedService, Place, Problem
from optimizer.engines.columns.labels import GRID
from optimizer.engines.insertion import insertion
from optimizer.slots.annealing import anneal, stream, table_of
from optimizer.slots.certificates import Certificate, Prover
from optimizer.slots.newcomer import Newcomer, augment, best_block
from optimizer.slots.nouns import Approach, PromisedDay
from optimizer.slots.witness import part_of_problem
from optimizer.stop import StopAt


def run_every_slot_loop(problem: Problem) -> None:
    """Ask everything that booking can ask about a newcomer at the office, on the appointments of this day."""
    own = {a.visit_id for a in problem.appointments}
    problem = part_of_problem(problem, {e.executive_id for e in problem.executives}, own)
    found = insertion(problem, StopAt(iterations=1))
    if found is None or not problem.executives:
        return
    served = {v for order in found.orders.values() for v in order}
    problem = part_of_problem(problem, {e.executive_id for e in problem.executives}, served)
    day = PromisedDay(problem, {e: tuple(order) for e, order in found.orders.items()})
    at = problem.travel.index[problem.office.place_id]
    seconds, metres = problem.travel.reference_s, problem.travel.metres
    place = Place("warm-up", problem.office.lon, problem.office.lat)
    approach = Approach(day, place, seconds[at].copy(), seconds[:, at].copy(), metres[at].copy(), metres[:, at].copy())
    newcomer = Newcomer(approach, [AskedService("warm-up", 600), AskedService("warm-up", 600)])
    row = newcomer.first
    arrays, routes = newcomer.day, newcomer.routes
    takes = np.empty(len(routes.length), dtype=np.int64)
    for timed in (True, False):
        augment(arrays, routes, newcomer.able, row, timed, takes)
    table = table_of(arrays, routes.order, routes.length, newcomer.slots)
    anneal(arrays, newcomer.able, table, 0, newcomer.slots - 1, 10, stream(1))
    best_block(arrays, routes, np.array([newcomer.row(0, 0), newcomer.row(1, 1)], dtype=np.int64))
    _ = newcomer.room, newcomer.in_the_way, day.shortest_s
    Prover(newcomer).holds(Certificate({}, GRID), row)
    newcomer.joined({})
