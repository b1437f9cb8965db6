"""The restricted master problem: which mix of known routes serves the day cheapest, and at what duals.

    min  sum c_r x_r + sum d_v y_v     x_r: share of route r driven, y_v: share of visit v left out
    s.t. sum_r a_vr x_r + y_v - s_v = 1    for every visit v     (dual pi_v, between 0 and d_v)
         sum_r b_cr x_r + t_c       = K_c  for every class c     (dual -mu_c, at most 0)

It is solved by a primal-dual interior point method (Mehrotra, "On the implementation of a primal-dual interior
point method", SIAM Journal on Optimization 2(4), 1992) that is stopped early: the duals then lie in the middle of
the optimal face and hardly swing from round to round, so that column generation needs few rounds (Gondzio,
Gonzalez-Brevis, Munari, "New developments in the primal-dual column generation technique", EJOR 224, 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from optimizer.arrays import Int64Array, kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]

STEPS = 60
STEP_TO_BORDER = 0.995
SMALLEST = 1e-12
LEAST = 1e-2
"""How far inside its bounds everything begins at least."""

REGULAR = 1e-12
"""Added to the diagonal of the normal matrix, relative to its largest entry, so that it stays positive definite."""


@dataclass(frozen=True, slots=True)
class MasterSolution:
    """`value` is the primal cost of the mix `x` and the visits left out `left_out`; `pi` and `mu` the duals."""

    value: float
    dual_value: float
    pi: FloatArray
    mu: FloatArray
    x: FloatArray
    left_out: FloatArray
    steps: int


class Restricted(NamedTuple):
    """A restricted master problem: column r has a one at each of `rows[at[r]:at[r + 1]]`, first visits, then classes.

    `cost` of the columns, `drop` the price d of each visit left out, `capacity` of the classes and of cuts after them.
    """

    at: Int64Array
    rows: Int64Array
    cost: FloatArray
    drop: FloatArray
    capacity: FloatArray


@kernel
def _in_order(at: Int64Array, rows: Int64Array) -> Int64Array:
    """The rows of each column in rising order."""
    result = rows.copy()
    for r in range(len(at) - 1):
        for i in range(at[r] + 1, at[r + 1]):
            row = result[i]
            j = i
            while j > at[r] and result[j - 1] > row:
                result[j] = result[j - 1]
                j -= 1
            result[j] = row
    return result


@kernel
def _normal_matrix(at: Int64Array, rows: Int64Array, weight: FloatArray, diagonal: FloatArray) -> FloatArray:
    """Lower triangle of sum_r weight_r a_r a_r' + diag(diagonal); a_r has a one at each of its rows, in rising order.

    A row that stands in a column twice counts as a two there.
    """
    size = len(diagonal)
    matrix = np.zeros((size, size))
    for r in range(len(at) - 1):
        by = weight[r]
        for i in range(at[r], at[r + 1]):
            row = rows[i]
            for j in range(at[r], i):
                matrix[row, rows[j]] += 2.0 * by if rows[j] == row else by
            matrix[row, row] += by
    for k in range(size):
        matrix[k, k] += diagonal[k]
    return matrix


@lean_kernel
def _spread(at: Int64Array, rows: Int64Array, share: FloatArray, total: FloatArray) -> None:
    """Add the share of each column to all its rows."""
    for r in range(len(at) - 1):
        for i in range(at[r], at[r + 1]):
            total[rows[i]] += share[r]


@lean_kernel
def _gather(at: Int64Array, rows: Int64Array, p: FloatArray, covered: FloatArray) -> None:
    """For each column the sum of `p` over its rows."""
    for r in range(len(at) - 1):
        total = 0.0
        for i in range(at[r], at[r + 1]):
            total += p[rows[i]]
        covered[r] = total


def solve_master(problem: Restricted, tolerance: float) -> MasterSolution:
    """Solve to a relative gap of `tolerance`."""
    at, _, cost, drop, capacity = problem
    visits, classes, columns = len(drop), len(capacity), len(cost)
    size = visits + classes
    b = np.concatenate((np.ones(visits), capacity))
    c = np.concatenate((cost, drop, np.zeros(visits + classes)))
    rows = _in_order(at, problem.rows)
    cut_y, cut_s, cut_t = columns, columns + visits, columns + 2 * visits

    def forward(z: FloatArray) -> FloatArray:
        total = np.zeros(size)
        _spread(at, rows, z[:columns], total)
        total[:visits] += z[cut_y:cut_s] - z[cut_s:cut_t]
        total[visits:] += z[cut_t:]
        return total

    def backward(p: FloatArray) -> FloatArray:
        result = np.empty(len(c))
        _gather(at, rows, p, result[:columns])
        result[cut_y:cut_s] = p[:visits]
        np.negative(p[:visits], out=result[cut_s:cut_t])
        result[cut_t:] = p[visits:]
        return result

    def factor(weight: FloatArray) -> tuple[FloatArray, bool]:
        diagonal = np.concatenate((weight[cut_y:cut_s] + weight[cut_s:cut_t], weight[cut_t:]))
        matrix = _normal_matrix(at, rows, weight[:columns], diagonal)
        matrix.flat[:: size + 1] += REGULAR * (1 + matrix.diagonal().max())
        answer: tuple[FloatArray, bool] = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        return answer

    def direction(
        target: FloatArray,
        weight: FloatArray,
        primal_left: FloatArray,
        dual_left: FloatArray,
        w: FloatArray,
        cho: tuple[FloatArray, bool],
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Steps (dz, dp, dw) of Newton's method towards z * w = z * w + target."""
        right = primal_left + forward(weight * dual_left - target / w)
        dp = cho_solve(cho, right, check_finite=False)
        dw = dual_left - backward(dp)
        return target / w - weight * dw, dp, dw

    # Mehrotra's starting point
    cho = factor(np.ones(len(c)))
    z = backward(cho_solve(cho, b, check_finite=False))
    p = cho_solve(cho, forward(c), check_finite=False)
    w = c - backward(p)
    z += max(-1.5 * z.min(), 0.0)
    w += max(-1.5 * w.min(), 0.0)
    product = float(z @ w)
    z += max(0.5 * product / max(w.sum(), LEAST), LEAST)
    w += max(0.5 * product / max(z.sum(), LEAST), LEAST)
    norm_b, norm_c = 1 + np.abs(b).max(), 1 + np.abs(c).max()
    steps = 0
    while steps < STEPS:
        steps += 1
        primal_left = b - forward(z)
        dual_left = c - backward(p) - w
        value, dual_value = float(c @ z), float(b @ p)
        done = abs(value - dual_value) <= tolerance * (1 + abs(value))
        if done and np.abs(primal_left).max() <= 1e-6 * norm_b and np.abs(dual_left).max() <= 1e-6 * norm_c:
            break
        centre = float(z @ w) / len(c)
        if centre < SMALLEST:
            break
        weight = z / w
        try:
            cho = factor(weight)
        except LinAlgError:
            break  # as near to the optimum as whole numbers of this size allow; the duals so far are good ones

        dz, dp, dw = direction(-z * w, weight, primal_left, dual_left, w, cho)
        go_z, go_w = _to_border(z, dz), _to_border(w, dw)
        after = float((z + go_z * dz) @ (w + go_w * dw)) / len(c)
        sigma = (after / centre) ** 3
        dz, dp, dw = direction(sigma * centre - z * w - dz * dw, weight, primal_left, dual_left, w, cho)
        if not (np.isfinite(dz).all() and np.isfinite(dp).all() and np.isfinite(dw).all()):
            break
        go_z = min(1.0, STEP_TO_BORDER * _to_border(z, dz))
        go_w = min(1.0, STEP_TO_BORDER * _to_border(w, dw))
        z += go_z * dz
        p += go_w * dp
        w += go_w * dw
    return MasterSolution(
        value=float(c @ z),
        dual_value=float(b @ p),
        pi=p[:visits],
        mu=-p[visits:],
        x=z[:columns],
        left_out=z[cut_y:cut_s],
        steps=steps,
    )


def _to_border(z: FloatArray, dz: FloatArray) -> float:
    """The longest step along dz that keeps z positive, at most 1 / STEP_TO_BORDER."""
    falling = dz < 0
    if not falling.any():
        return 1 / STEP_TO_BORDER
    return min(1 / STEP_TO_BORDER, float((-z[falling] / dz[falling]).min()))


Master = Callable[[Restricted, float], MasterSolution]
"""Solves a restricted master problem to a relative gap of about so much."""
