"""Random interleavings of verbs on real stores: in turn, in parallel processes, and killed in the middle."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from api.store import Database
from api.store.checking import check_store
from api.store.store import Store
from benchmarks.booking.callers import Caller, World, world
from benchmarks.booking.crash import crash_once
from benchmarks.booking.load import all_at_once, walk
from optimizer.domain import BookingStatus

ROOT = Path(__file__).parents[1]
KILLINGS = 5


def small_world(database: Database) -> World:
    return world(Store(database), 3, 2)


def test_after_every_step_of_a_random_walk_every_promise_has_a_witness(database: Database) -> None:
    place = small_world(database)
    rng = random.Random(7)
    people = [Caller(place, n, f"walker-{n}") for n in range(4)]
    for _ in range(120):
        rng.choice(people).act()
        assert check_store(place.store).findings == ()
    assert sum(caller.refused for caller in people) > 5
    held_and_booked = [key for caller in people for key in (*caller.held, *caller.booked)]
    assert len(held_and_booked) > 5
    for booking_id in held_and_booked:
        booking = place.store.booking(booking_id)
        assert booking is not None
        assert booking.status in {BookingStatus.HELD, BookingStatus.BOOKED}


@pytest.mark.long
def test_a_hundred_thousand_steps_break_no_promise(database: Database) -> None:
    figures = walk(small_world(database), 100_000, 6, 11)
    assert figures["findings"] == []


def test_many_callers_at_once_all_get_an_answer(database: Database) -> None:
    place = small_world(database)
    figures = all_at_once(place, 40, 3)
    assert figures["errors"] == []
    assert figures["hold"]["runs"] == 40
    assert figures["confirm"]["runs"] == 40 - figures["refused"]
    assert check_store(place.store).findings == ()


PARALLEL = """
import sys
from api.store import Database
from api.store.store import Store
from benchmarks.booking.callers import Caller, world
import random, threading
with Database.open(sys.argv[1], busy_timeout_s=300) as database:  # callers by the hundred wait for their turn
    store = Store(database)
    place = world(store, 3, 2, rosters=False)
    def call(number):
        caller = Caller(place, number, f"p-{number}")
        for _ in range(int(sys.argv[3])):
            caller.act()
    first = int(sys.argv[2])
    errors = []
    threading.excepthook = lambda args: errors.append(str(args.exc_value))
    threads = [threading.Thread(target=call, args=(first + n,)) for n in range(int(sys.argv[4]))]
    [t.start() for t in threads]
    [t.join() for t in threads]
    sys.exit("; ".join(errors) or 0)
"""


def in_parallel(address: str, processes: int, callers: int, verbs: int) -> None:
    """Callers in several processes on one store; each ends well."""
    with Database.open(address) as database:
        small_world(database)
    words = [sys.executable, "-c", PARALLEL, address]
    running = [
        subprocess.Popen([*words, str(1_000 * n), str(verbs), str(callers)], cwd=ROOT, stderr=subprocess.PIPE)
        for n in range(processes)
    ]
    told = [process.communicate(timeout=900)[1].decode() for process in running]
    assert told == [""] * processes
    assert [process.returncode for process in running] == [0] * processes
    with Database.open(address) as database:
        assert check_store(Store(database)).findings == ()


def test_callers_in_several_processes_break_no_promise(store_address: str) -> None:
    in_parallel(store_address, 2, 8, 6)


@pytest.mark.long
def test_hundreds_of_callers_in_several_processes_break_no_promise(store_address: str) -> None:
    in_parallel(store_address, 4, 75, 20)


def test_killed_at_random_moments_no_confirmed_booking_is_lost(store_address: str, tmp_path: Path) -> None:
    with Database.open(store_address) as database:
        world(Store(database), 6, 2)
    verbs = 0
    for number in range(KILLINGS):
        after = crash_once(store_address, tmp_path / str(number), number + 1)
        assert after.lost == ()
        assert after.findings == ()
        verbs += after.verbs
    assert verbs > 20
