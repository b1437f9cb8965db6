"""Every compiled loop of the exact engine run once, so that none is left to compile or to load."""

from __future__ import annotations

import numpy as np

from optimizer.arrays import day_arrays
from optimizer.domain import Problem
from optimizer.engines.columns.cuts import Cut, pairs_made, separate
from optimizer.engines.columns.generation import Relaxation, first_caps, generate
from optimizer.engines.columns.incumbent import Incumbent
from optimizer.engines.columns.listing import list_routes
from optimizer.engines.columns.pool import Pool, order_costs_s
from optimizer.engines.columns.pricing import Pricer, reduced_costs
from optimizer.engines.insertion import insertion
from optimizer.engines.routes import routes_of, rows_of
from optimizer.engines.ruin_pool import RouteCollector
from optimizer.stop import StopAt

ITERATIONS = 40


def run_every_loop(problem: Problem) -> None:
    """Run the loops on a small day of three visits or more; how often a search calls them depends on the day."""
    day = day_arrays(problem)
    built = insertion(problem, StopAt(iterations=2))
    if built is None or len(day.place) < 3:
        raise ValueError("a day of three visits or more is needed")
    routes = routes_of(problem, built.orders)
    RouteCollector(day).add(routes, 0, 0)
    pricer, visits = Pricer(day), len(day.place)
    incumbent = Incumbent(day, pricer.fleet, rows_of(routes))
    relaxation = Relaxation(Pool(incumbent.columns()), first_caps(pricer, incumbent.average_s()))
    generate(pricer, relaxation, StopAt(iterations=ITERATIONS))
    table = relaxation.pool.table()
    order_costs_s(day, pricer.fleet.who, table.at, table.visits, table.kind)
    separate(table, np.full(len(table.kind), 0.5), visits, 3, everywhere=False)
    pairs_made(table, Cut((0, 1, 2), frozenset(range(visits))), visits)
    if relaxation.duals is not None and relaxation.bound is not None and relaxation.bound_s is not None:
        reduced_costs(table, relaxation.duals)
        list_routes(pricer, relaxation.duals, relaxation.bound, relaxation.bound_s + 100, 100, 1_000_000, StopAt())
