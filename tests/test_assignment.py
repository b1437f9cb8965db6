"""The compiled assignment against every permutation."""

from itertools import permutations

import numpy as np
import pytest

from optimizer.engines.assignment import assign


@pytest.mark.parametrize("seed", range(60))
def test_an_assignment_is_the_cheapest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(0, 6))
    columns = rows + int(rng.integers(0, 3))
    cost = rng.integers(-50, 1 << (40 if seed % 3 == 0 else 10), (rows, columns)).astype(np.int64)
    chosen = assign(cost)
    assert len(set(chosen.tolist())) == rows
    total = sum(int(cost[row, column]) for row, column in enumerate(chosen))
    assert total == min(sum(int(cost[r, c]) for r, c in enumerate(p)) for p in permutations(range(columns), rows))
