"""Killed under load: callers, each in a process, are killed with SIGKILL at random moments, then the store is judged.

What must hold afterwards: no promise without a witness, and every booking that was confirmed to a caller is there,
unless that caller had asked for its end. Each caller writes down what the store answered before it goes on.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from api.store.checking import check_store
from api.store.database import Database
from api.store.store import Store
from benchmarks.booking.callers import Caller, world

PROCESSES, CALLERS = 2, 4


@dataclass(frozen=True, slots=True)
class Crash:
    """One killing: what had been confirmed, what was lost of it, and what is wrong with the store afterwards."""

    confirmed: int
    verbs: int
    lost: tuple[str, ...]
    findings: tuple[str, ...]


def call_forever(address: str, folder: str, seed: int, days: int) -> None:
    """A process of callers: verbs without an end; answers are written to a file of the folder, line by line."""
    with Path(folder, f"{seed}.log").open("a", encoding="utf-8") as log:

        def told(verb: str, booking_id: str) -> None:
            log.write(f"{verb} {booking_id}\n")
            log.flush()

        store = Store(Database.open(address))
        place = world(store, 0, days, rosters=False)
        callers = [Caller(place, seed * 100 + n, f"caller-{seed}-{n}", told) for n in range(CALLERS)]
        log_of_start = Path(folder, f"{seed}.ready")
        for caller in callers:
            caller.act()  # loads what is compiled
        log_of_start.touch()
        rng = random.Random(seed)
        while True:
            rng.choice(callers).act()
            told("verb", "-")


def crash_once(address: str, folder: Path, seed: int, *, days: int = 2, most_s: float = 1.5) -> Crash:
    """Start callers on a store, kill them at a random moment, and judge what is left."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "benchmarks.booking.crash", address, str(folder)]
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([*words, str(seed * 10 + n), str(days)], cwd=root) for n in range(PROCESSES)]
    try:
        _until_ready(folder, [seed * 10 + n for n in range(PROCESSES)], processes)
        time.sleep(random.Random(seed).uniform(0.05, most_s))
    finally:
        for process in processes:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
        for process in processes:
            process.wait()
    ended = [process.returncode for process in processes if process.returncode != -signal.SIGKILL]
    with Database.open(address) as database:
        store = Store(database)
        confirmed, verbs, lost = _answers(store, folder)
        findings = [f"{f.code}: {f.subject}: {f.text}" for f in check_store(store).findings]
    findings += [f"a process of callers ended by itself with {code}" for code in ended]
    return Crash(confirmed, verbs, tuple(lost), tuple(findings))


def _until_ready(folder: Path, seeds: Sequence[int], processes: Sequence[subprocess.Popen[bytes]]) -> None:
    until_s = time.monotonic() + 120
    for seed, process in zip(seeds, processes, strict=True):
        while not (folder / f"{seed}.ready").exists():
            if process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"callers {seed} did not begin")
            time.sleep(0.02)


def _answers(store: Store, folder: Path) -> tuple[int, int, list[str]]:
    """(bookings confirmed to callers, verbs answered, those of the first that are not there any more)."""
    confirmed: dict[str, None] = {}
    ending: set[str] = set()
    verbs = 0
    for log in sorted(folder.glob("*.log")):
        for line in log.read_text(encoding="utf-8").splitlines():
            verb, _, booking_id = line.partition(" ")
            verbs += verb == "verb"
            if verb == "confirmed":
                confirmed[booking_id] = None
            elif verb in {"cancelling", "moving"}:
                ending.add(booking_id)  # the answer may have been lost with the caller
    lost = []
    for booking_id in confirmed:
        booking = store.booking(booking_id)
        if booking is None or (not booking.on_day and booking_id not in ending):
            lost.append(booking_id)
    return len(confirmed), verbs, lost


if __name__ == "__main__":
    call_forever(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
