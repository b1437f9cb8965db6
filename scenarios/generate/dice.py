"""Chance that falls the same way on every machine: whole numbers from a counted stream of bits.

Only the raw 64-bit stream of PCG64 is used, which NumPy promises never to change; what is made of it
here is integer arithmetic. The methods of `numpy.random.Generator` make no such promise between versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_BITS = 64
_STANDARD = NormalDist()


class Dice:
    """One stream of chance, named by a seed and words; other words give a stream that has nothing to do with it."""

    def __init__(self, seed: int, *words: str) -> None:
        digest = hashlib.sha256("\n".join((str(seed), *words)).encode()).digest()
        entropy = [int.from_bytes(digest[at : at + 4], "big") for at in range(0, len(digest), 4)]
        self._stream = np.random.PCG64(np.random.SeedSequence(entropy))

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1, all equally likely (to 1 in 2^40 for any limit met here)."""
        return int(self._stream.random_raw()) * limit >> _BITS

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 cases."""
        return self.below(100) < percent

    def pick(self, weights: Sequence[int]) -> int:
        """A position, each as likely as its weight; the weights are not all 0."""
        left = self.below(sum(weights))
        for position, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return position
        raise ValueError(f"weights add up to nothing: {list(weights)}")

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in any order, all orders equally likely (Fisher and Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order

    def in_ring(self, inner: int, outer: int) -> tuple[int, int]:
        """A point (east, north) in whole units between two circles round the origin, both included."""
        while True:
            east, north = self.between(-outer, outer), self.between(-outer, outer)
            if inner * inner <= east * east + north * north <= outer * outer:
                return east, north

    def normal(self, deviation: int) -> int:
        """A whole number, normally distributed round 0 with this standard deviation."""
        middle_of_cell = (2 * self.below(1 << 48) + 1) / (1 << 49)
        return round(deviation * _STANDARD.inv_cdf(middle_of_cell))
