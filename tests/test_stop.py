"""Stops: by iterations, by time, on request, at the first of several."""

from __future__ import annotations

import threading
import time

import pytest

import optimizer.stop
from optimizer.domain import InvalidProblem, Limits
from optimizer.stop import PartOf, StopAt, may_leave_solvers, solvers_left, unless_requested


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_iterations_are_used_up_one_a_call() -> None:
    stop = StopAt(iterations=2)
    assert [stop(), stop(), stop(), stop()] == [False, False, True, True]
    assert stop.left_iterations() == 0
    assert stop.left_s() is None


def test_no_iterations_stop_at_once() -> None:
    assert StopAt(iterations=0)()


def test_time_runs_from_the_making_of_the_stop(clock: Clock) -> None:
    stop = StopAt(time_limit_s=5.0)
    clock.now_s += 4.5
    assert not stop()
    assert (stop.elapsed_s(), stop.left_s()) == (4.5, 0.5)
    clock.now_s += 0.5
    assert stop()
    clock.now_s += 10
    assert stop.left_s() == 0.0
    assert stop.left_iterations() is None


def test_the_first_limit_ends_the_search(clock: Clock) -> None:
    stop = StopAt(iterations=1, time_limit_s=5.0)
    assert not stop()
    assert stop()
    late = StopAt(iterations=100, time_limit_s=5.0)
    clock.now_s += 6
    assert late()


def test_a_request_from_another_thread_ends_the_search() -> None:
    stop = StopAt(iterations=100)
    assert not stop()
    thread = threading.Thread(target=stop.request)
    thread.start()
    thread.join()
    assert stop()
    assert stop.requested
    assert stop.left_iterations() == 99


def test_a_stop_follows_its_limits(clock: Clock) -> None:
    stop = StopAt.within(Limits(time_limit_s=3.0, iterations=7))
    assert (stop.left_s(), stop.left_iterations()) == (3.0, 7)
    endless = StopAt.within(Limits(time_limit_s=None, iterations=1))
    clock.now_s += 1e9
    assert not endless()


def test_limits_say_everything_that_is_wrong_with_them() -> None:
    with pytest.raises(InvalidProblem) as refused:
        Limits(time_limit_s=float("nan"), iterations=-1, seed=-1, threads=0)
    assert {(f.pointer, f.code) for f in refused.value.faults} == {
        ("/time_limit_s", "bad_limit"),
        ("/iterations", "bad_limit"),
        ("/threads", "bad_limit"),
        ("/seed", "bad_seed"),
    }
    with pytest.raises(InvalidProblem) as refused:
        Limits(time_limit_s=None)
    assert [f.code for f in refused.value.faults] == ["no_limit"]


def test_a_part_of_a_stop_ends_after_its_part_of_the_time_and_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("optimizer.stop.time.monotonic", lambda: now[0])
    whole = StopAt(time_limit_s=10.0)
    now[0] = 2.0
    part = PartOf(whole, 0.25)
    assert (part.elapsed_s(), part.left_s(), part()) == (2.0, 2.0, False)
    now[0] = 4.0
    assert (part.left_s(), part(), whole()) == (0.0, True, False)
    late = PartOf(whole, 1.0)
    now[0] = 11.0
    assert (late.left_s(), late()) == (0.0, True)


def test_a_part_of_a_stop_uses_up_the_iterations_of_the_whole() -> None:
    whole = StopAt(iterations=2)
    part = PartOf(whole, 0.1)
    assert (part.left_s(), part.left_iterations()) == (None, 2)
    assert [part(), part(), part()] == [False, False, True]
    assert whole.left_iterations() == 0
    whole.request()
    assert part.requested


@pytest.fixture
def leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Solvers may be left, as in the process of a command."""
    monkeypatch.setattr("optimizer.stop._may_leave", threading.Event())
    monkeypatch.setattr("optimizer.stop._left", [])
    may_leave_solvers()


@pytest.mark.usefixtures("leaving")
def test_what_is_found_or_raised_before_the_end_is_asked_for_comes_back() -> None:
    assert unless_requested(lambda: 7, StopAt()) == 7
    assert unless_requested(lambda: 7, StopAt(iterations=0)) == 7  # at its end, which nobody asked for
    with pytest.raises(ZeroDivisionError):
        unless_requested(lambda: 1 // 0, StopAt())


@pytest.mark.usefixtures("leaving")
def test_who_asks_for_the_end_waits_for_no_solver() -> None:
    stop, began, goes_on, ended = StopAt(), threading.Event(), threading.Event(), threading.Event()

    def act() -> int:
        began.set()
        goes_on.wait()
        ended.set()
        return 7

    def ask() -> None:
        began.wait()
        stop.request()

    threading.Thread(target=ask).start()
    assert unless_requested(act, stop) is None
    assert began.is_set()
    assert not ended.is_set()
    assert solvers_left()
    goes_on.set()
    assert ended.wait(60)  # it is left to its end
    for thread in optimizer.stop._left:
        thread.join()
    assert not solvers_left()


def test_elsewhere_the_end_waits_for_a_solver_and_takes_what_it_found() -> None:
    stop = StopAt()

    def act() -> int:
        stop.request()
        return 7

    assert unless_requested(act, stop) == 7
    assert not solvers_left()


@pytest.mark.usefixtures("leaving")
def test_nothing_is_begun_once_the_end_was_asked_for() -> None:
    stop, calls = StopAt(), list[int]()
    stop.request()
    assert unless_requested(lambda: calls.append(1), stop) is None
    assert calls == []
