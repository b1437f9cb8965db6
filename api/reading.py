"""Input of several parts is read part by part, and everything that is wrong with it is told at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, overload

from optimizer.domain import Fault, InvalidProblem

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T = TypeVar("T")


@overload
def together(a: Callable[[], A], b: Callable[[], B], /) -> tuple[A, B]: ...
@overload
def together(a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], /) -> tuple[A, B, C]: ...
@overload
def together(
    a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], d: Callable[[], D], /
) -> tuple[A, B, C, D]: ...
@overload
def together(*readings: Callable[[], T]) -> tuple[T, ...]: ...
def together(*readings: Callable[[], object]) -> tuple[object, ...]:
    """What all these readings give. Raises InvalidProblem with the faults of all of them, each fault once."""
    read: list[object] = []
    faults: dict[str, Fault] = {}
    for reading in readings:
        try:
            read.append(reading())
        except InvalidProblem as invalid:
            faults.update((str(fault), fault) for fault in invalid.faults)
    if faults:
        raise InvalidProblem(faults.values())
    return tuple(read)
