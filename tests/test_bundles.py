"""Named tuples passed to kernels by address: they read as in Python, and are compiled for once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from optimizer.arrays import Int32Array, Int64Array, inner_kernel, kernel, lean_kernel
from optimizer.bundles import bundle


@bundle
class Shelf(NamedTuple):
    weight: Int64Array
    room: Int32Array
    factor: int
    share: float
    open_rows: Any


def shelf() -> Shelf:
    return Shelf(
        weight=np.array([3, 1, 4], dtype=np.int64),
        room=np.arange(12, dtype=np.int32).reshape(3, 4),
        factor=7,
        share=0.25,
        open_rows=np.array([True, False]),
    )


@inner_kernel
def _at(shelf: Shelf, row: int, column: int) -> int:
    return int(shelf.room[row, column])


@lean_kernel
def _read(shelf: Shelf) -> tuple[int, int, int, float, int]:
    rows, columns = shelf.room.shape
    total = 0
    for row in range(rows):
        for column in range(columns):
            total += _at(shelf, row, column) * (row + 1)
    return total, len(shelf.weight), shelf.factor, shelf.share, shelf.room[-1, -1]


@lean_kernel
def _write(shelf: Shelf, row: int, weight: int) -> None:
    shelf.weight[row] = weight
    shelf.open_rows[row] = not shelf.open_rows[row]


@kernel
def _copied(shelf: Shelf) -> Int64Array:
    doubled = shelf.weight.copy()
    for row in range(len(doubled)):
        doubled[row] *= 2
    return doubled


@kernel
def _taken(shelf: Shelf) -> Int64Array:
    return shelf.weight[1:] + 0


@lean_kernel
def _write_twice(shelf: Shelf) -> None:
    _write(shelf, 0, 5)
    _write(shelf, 1, 6)


def signatures(function: object) -> list[object]:
    return list(function.signatures)  # type: ignore[attr-defined]


def test_a_kernel_reads_what_python_reads() -> None:
    rows = shelf().room.sum(axis=1)
    assert _read(shelf()) == (rows[0] + 2 * rows[1] + 3 * rows[2], 3, 7, 0.25, 11)


def test_a_kernel_writes_into_the_arrays_themselves() -> None:
    one = shelf()
    _write(one, 1, 9)
    assert one.weight.tolist() == [3, 9, 4]
    assert one.open_rows.tolist() == [True, True]


def test_arrays_made_of_fields_are_new_ones_and_the_fields_stay() -> None:
    one = shelf()
    assert _copied(one).tolist() == [6, 2, 8]
    assert _taken(one).tolist() == [1, 4]
    assert one.weight.tolist() == [3, 1, 4]


def test_empty_arrays_are_read_as_empty() -> None:
    empty = shelf()._replace(weight=np.zeros(0, dtype=np.int64))
    assert _read(empty)[1] == 0
    assert _copied(empty).tolist() == []


def test_a_kernel_is_compiled_once_whether_arrays_are_read_only_or_arguments_constant() -> None:
    locked = shelf()
    locked.room.setflags(write=False)
    assert _read(locked) == _read(shelf())
    one = shelf()
    _write_twice(one)
    _write(one, 2, int(one.weight[0]))
    assert one.weight.tolist() == [5, 6, 5]
    assert len(signatures(_read)) == len(signatures(_write)) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"room": np.arange(12, dtype=np.int32).reshape(4, 3).T}, "room: an array of a bundle is C-contiguous"),
        ({"weight": np.arange(6, dtype=np.int64)[::2]}, "weight: an array of a bundle is C-contiguous"),
        ({"factor": "seven"}, "factor: a field of a bundle is an array, an int or a float"),
    ],
)
def test_what_a_table_cannot_hold_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        _read(shelf()._replace(**change))
