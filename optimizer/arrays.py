"""A problem as plain arrays, so that compiled loops can read it, and the one way to compile a loop.

Row v of a visit array is `problem.visits[v]`, row e of an executive array is `problem.executives[e]`.
Places are rows of the travel table. All times are day seconds, all costs cost seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.core.event import install_timer

from optimizer.bundles import bundle
from optimizer.domain import Appointment, Delivery, Problem, Visit

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NEVER = 1 << 40
"""A time after every day, and its negative before every day: 'cannot be'."""
NO_SLOT = -1

F = TypeVar("F", bound=Callable[..., Any])


_NJIT: Any = numba.njit


def _compiled(function: F, **options: bool) -> F:
    """Compiled for numbers and arrays and cached on disk; it releases the interpreter lock.

    Division by zero is not looked for. A constant argument is a number like any other: numba would compile the
    function again for each constant it is called with.
    """
    dispatcher = _NJIT(cache=True, nogil=True, error_model="numpy", **options)(function)
    template_for = dispatcher.get_call_template

    def template_for_numbers(args: Iterable[types.Type], kws: Mapping[str, types.Type]) -> Any:
        return template_for(tuple(map(types.unliteral, args)), {name: types.unliteral(kws[name]) for name in kws})

    dispatcher.get_call_template = template_for_numbers
    return cast(F, dispatcher)


def seconds_compiling(tell: Callable[[float], None]) -> AbstractContextManager[None]:
    """In here kernels may be compiled; at the end `tell` is called with the seconds that took, if any did."""
    timer: AbstractContextManager[None] = install_timer("numba:compile", tell)
    return timer


def kernel(function: F) -> F:
    """Compile a function of numbers and arrays; it releases the interpreter lock and is cached on disk."""
    return _compiled(function)


def lean_kernel(function: F) -> F:
    """Like `kernel`, for functions that make no array: compiled without reference counts."""
    return _compiled(function, _nrt=False)


def inner_kernel(function: F) -> F:
    """Like `lean_kernel`, and always compiled into its callers: for the few lines of an inner loop."""
    return _compiled(function, _nrt=False, forceinline=True)


@bundle
class DayArrays(NamedTuple):
    """A problem as arrays. `window_*[window_at[v]:window_at[v + 1]]` are the windows of visit v, in order.

    `slot` is the number of an appointment's slot, -1 for deliveries. `unserved_price` is the waiting
    price of a delivery and 0 for an appointment, whose loss is counted by `weight` on the first level.
    `may_serve[e, v]` is False where skills, a pin or an envelope stand in the way. `continuity[e, v]` is
    the price of e serving v. `prefix[prefix_at[e]:prefix_at[e + 1]]` begins the route of e.
    A break of 0 s is none.
    """

    reference_s: Int32Array
    pace: Int64Array
    cumulative_pace: Int64Array
    work_per_s: int
    place: Int64Array
    service_s: Int64Array
    window_at: Int64Array
    window_open_s: Int64Array
    window_close_s: Int64Array
    slot: Int64Array
    weight: Int64Array
    unserved_price: Int64Array
    start_place: Int64Array
    end_place: Int64Array
    shift_open_s: Int64Array
    shift_close_s: Int64Array
    latest_end_s: Int64Array
    break_s: Int64Array
    break_open_s: Int64Array
    break_close_s: Int64Array
    may_serve: BoolArray
    continuity: Int64Array
    prefix_at: Int64Array
    prefix: Int64Array
    overtime_permille: int
    fairness_above_s: Int64Array
    fairness_permille: Int64Array


def _ints(values: Iterable[int]) -> Int64Array:
    return np.fromiter(values, dtype=np.int64)


def _masks(sets: list[frozenset[str]], names: dict[str, int]) -> npt.NDArray[np.object_]:
    """Sets of names as bit masks; Python integers, so any number of names fits."""
    masks = np.zeros(len(sets), dtype=object)
    for row, members in enumerate(sets):
        masks[row] = sum(1 << names[name] for name in members)
    return masks


def _may_serve(problem: Problem) -> BoolArray:
    """`Problem.obstacle` is None, for every executive and visit at once."""
    visits, executives = problem.visits, problem.executives
    names = {s: i for i, s in enumerate(sorted({s for x in (*visits, *executives) for s in x.skills}))}
    needs = _masks([v.skills for v in visits], names)
    has = _masks([e.skills for e in executives], names)
    number = problem.executive_row
    rows = np.arange(len(executives))[:, None]
    pin = _ints(-1 if v.pinned_to is None else number[v.pinned_to] for v in visits)[None, :]
    at_office = np.fromiter((problem.starts_at_office(e) for e in executives), dtype=np.bool_)[:, None]
    # Who may bring an envelope: -2 anyone (no envelope), -1 those who start at the office, else one executive.
    holder = _ints(
        -2 if isinstance(v, Appointment) else -1 if v.held_by is None else number[v.held_by] for v in visits
    )[None, :]
    skilled = (needs[None, :] & ~has[:, None]) == 0
    carried = (holder == -2) | ((holder == -1) & at_office) | (holder == rows)
    return np.ascontiguousarray(skilled.astype(np.bool_) & ((pin == -1) | (pin == rows)) & carried)


def _windows(visit: Visit) -> tuple[tuple[int, int], ...]:
    """`visit.windows` as pairs: no object is made for each."""
    if isinstance(visit, Appointment):
        return ((visit.slot.open_s, visit.slot.close_s - visit.service_s),)
    return tuple((window.open_s, window.close_s) for window in visit.windows)


@lru_cache(maxsize=8)
def day_arrays(problem: Problem) -> DayArrays:
    """The arrays of a problem; the same object for the same problem while it is among the last eight used."""
    visits, executives, travel, prices = problem.visits, problem.executives, problem.travel, problem.prices
    windows = [_windows(v) for v in visits]
    prefixes = [e.fixed_prefix for e in executives]
    number = {slot: index for index, slot in enumerate(problem.grid.slots())}
    row_of = problem.visit_row
    continuity = np.zeros((len(executives), len(visits)), dtype=np.int64)
    for visit_id in problem.preferred:
        continuity[:, row_of[visit_id]] = prices.continuity_s
    for row, executive in enumerate(executives):
        for visit_id in executive.preferred_visits:
            continuity[row, row_of[visit_id]] = 0
    pieces = sorted(prices.fairness)
    return DayArrays(
        reference_s=travel.reference_s,
        pace=_ints(travel.pace),
        cumulative_pace=travel.cumulative_pace,
        work_per_s=travel.work(1),
        place=_ints(travel.index[v.place.place_id] for v in visits),
        service_s=_ints(v.service_s for v in visits),
        window_at=np.concatenate((_ints([0]), np.cumsum(_ints(len(w) for w in windows)))),
        window_open_s=_ints(w[0] for ws in windows for w in ws),
        window_close_s=_ints(w[1] for ws in windows for w in ws),
        slot=_ints(number[v.slot] if isinstance(v, Appointment) else NO_SLOT for v in visits),
        weight=_ints(v.weight if isinstance(v, Appointment) else 0 for v in visits),
        unserved_price=_ints(problem.waiting_price_s(v) if isinstance(v, Delivery) else 0 for v in visits),
        start_place=_ints(travel.index[e.start.place_id] for e in executives),
        end_place=_ints(travel.index[e.end.place_id] for e in executives),
        shift_open_s=_ints(e.shift.open_s for e in executives),
        shift_close_s=_ints(e.shift.close_s for e in executives),
        latest_end_s=_ints(e.shift.latest_end_s for e in executives),
        break_s=_ints(e.pause.duration_s if e.pause else 0 for e in executives),
        break_open_s=_ints(e.pause.window.open_s if e.pause else 0 for e in executives),
        break_close_s=_ints(e.pause.window.close_s if e.pause else 0 for e in executives),
        may_serve=_may_serve(problem),
        continuity=continuity,
        prefix_at=np.concatenate((_ints([0]), np.cumsum(_ints(len(p) for p in prefixes)))),
        prefix=_ints(row_of[visit_id] for p in prefixes for visit_id in p),
        overtime_permille=prices.overtime_permille,
        fairness_above_s=_ints(piece.above_s for piece in pieces),
        fairness_permille=_ints(piece.price_permille for piece in pieces),
    )
