"""Least-cost assignment of rows to columns, compiled, for sweeps that solve many small ones.

Shortest augmenting paths with potentials (Jonker, Volgenant, "A shortest augmenting path algorithm for
dense and sparse linear assignment problems", Computing 38, 1987). OR-Tools' assignment is as good but
is called from Python only, a thousand times dearer than these small matrices.
"""

from __future__ import annotations

import numpy as np

from optimizer.arrays import NEVER, Int64Array, kernel


@kernel
def assign(cost: Int64Array) -> Int64Array:
    """Column of each row, each column used at most once, with the least total cost. Needs rows <= columns."""
    rows, columns = cost.shape
    row_price = np.zeros(rows + 1, dtype=np.int64)
    column_price = np.zeros(columns + 1, dtype=np.int64)
    row_of = np.zeros(columns + 1, dtype=np.int64)  # 0 is free; rows and columns count from 1
    came_from = np.zeros(columns + 1, dtype=np.int64)
    distance = np.empty(columns + 1, dtype=np.int64)
    reached = np.empty(columns + 1, dtype=np.bool_)
    for row in range(1, rows + 1):
        row_of[0] = row
        column = 0
        for other in range(columns + 1):
            distance[other] = NEVER * 4
            reached[other] = False
        while row_of[column] != 0:
            reached[column] = True
            here = row_of[column]
            step, nearest = NEVER * 4, 0
            for other in range(1, columns + 1):
                if reached[other]:
                    continue
                reduced = cost[here - 1, other - 1] - row_price[here] - column_price[other]
                if reduced < distance[other]:
                    distance[other] = reduced
                    came_from[other] = column
                if distance[other] < step:
                    step, nearest = distance[other], other
            for other in range(columns + 1):
                if reached[other]:
                    row_price[row_of[other]] += step
                    column_price[other] -= step
                else:
                    distance[other] -= step
            column = nearest
        while column != 0:
            row_of[column] = row_of[came_from[column]]
            column = came_from[column]
    chosen = np.empty(rows, dtype=np.int64)
    for column in range(1, columns + 1):
        if row_of[column] != 0:
            chosen[row_of[column] - 1] = column - 1
    return chosen
