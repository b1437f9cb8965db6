"""How fast offers, holds and confirmations are, alone and with many callers; on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import resource
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from api.store.checking import check_store
from api.store.store import WantedSlot
from benchmarks.booking.callers import Caller, World
from optimizer.bookings import Change
from optimizer.domain import Proof
from scenarios.generate.dice import Dice

Figures = dict[str, Any]


def quantiles_ms(seconds: Sequence[float]) -> Figures:
    """Median, 99th percentile and maximum in milliseconds, and how many."""
    ms = np.array(seconds) * 1_000
    if not len(ms):
        return {"runs": 0}
    return {
        "runs": len(ms),
        "p50_ms": round(float(np.percentile(ms, 50)), 2),
        "p99_ms": round(float(np.percentile(ms, 99)), 2),
        "max_ms": round(float(ms.max()), 2),
    }


def offers_alone(where: World, requests: int, seed: int, *, counts: bool = False, book_every: int = 0) -> Figures:
    """Requests for all days one after the other in one process; with `book_every` one in so many books a slot."""
    dice, rng = Dice(seed, "requests"), random.Random(seed)
    took: list[float] = []
    offered = slots = undecided = 0
    for number in range(requests):
        address, service = where.where(dice), rng.choice(where.services)
        begin_s = time.perf_counter()
        got = where.store.offers(where.city, address, [service], where.dates[0], where.dates[-1], counts=counts)
        took.append(time.perf_counter() - begin_s)
        offered += len(got.offers)
        slots += len(got.offers) + len(got.refused)
        undecided += sum(no.reasons[0].proof is Proof.HEURISTIC for no in got.refused)
        if book_every and number % book_every == 0 and got.offers:
            best = got.offers[0]
            wanted = [WantedSlot(service, best.date, best.slot.open_s)]
            where.store.hold(where.city, address, wanted, "between", at_once=True)
    return {
        **quantiles_ms(took),
        "a_second": round(requests / sum(took), 1),
        "slots": slots,
        "offered": offered,
        "undecided": undecided,
    }


@dataclass
class Pairs:
    """Holds and their confirmations, in seconds from when they were due."""

    hold_s: list[float] = field(default_factory=list)
    confirm_s: list[float] = field(default_factory=list)
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def figures(self) -> Figures:
        """For a record."""
        return {
            "hold": quantiles_ms(self.hold_s),
            "confirm": quantiles_ms(self.confirm_s),
            "both": quantiles_ms([*self.hold_s, *self.confirm_s]),
            "refused": self.refused,
            "errors": self.errors[:5],
        }


def _pair(where: World, number: int, seed: int, due_s: float, pairs: Pairs) -> None:
    """One caller: holds a slot that is offered, then confirms it."""
    rng, dice = random.Random(seed * 1_000_003 + number), Dice(seed, "pair", str(number))
    store, name = where.store, f"caller-{number}"
    try:
        service, date = rng.choice(where.services), rng.choice(where.dates)
        wanted = [WantedSlot(service, date, 3_600 * rng.randrange(9, 19))]
        held = store.hold(where.city, where.where(dice), wanted, name)
        held_s = time.perf_counter()
        with pairs.lock:
            pairs.hold_s.append(held_s - due_s)
        if not isinstance(held, Change):
            with pairs.lock:
                pairs.refused += 1
            return
        begin_s = time.perf_counter()
        ids = [b.booking_id for b in held.bookings if b.caller == name]
        confirmed = store.confirm(ids, name)
        with pairs.lock:
            pairs.confirm_s.append(time.perf_counter() - begin_s)
            if not isinstance(confirmed, Change):
                pairs.errors.append(f"{confirmed.code}: {confirmed.text}")
    except Exception as error:  # noqa: BLE001  counted: a load test must see every error and go on
        with pairs.lock:
            pairs.errors.append(f"{type(error).__name__}: {error}")


def pairs_at_random(where: World, a_second: float, seconds: float, seed: int) -> Figures:
    """Pairs of hold and confirm that arrive at random moments (Poisson), so many a second on average."""
    rng = random.Random(seed)
    moments: list[float] = []
    at = 0.0
    while (at := at + rng.expovariate(a_second)) < seconds:
        moments.append(at)
    pairs = Pairs()
    with ThreadPoolExecutor(32) as pool:
        begin_s = time.perf_counter()
        for number, moment in enumerate(moments):
            wait_s = begin_s + moment - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
            pool.submit(_pair, where, number, seed, begin_s + moment, pairs)
    return pairs.figures()


def all_at_once(where: World, callers: int, seed: int) -> Figures:
    """So many callers in the same moment, each a pair of hold and confirm."""
    pairs = Pairs()
    barrier = threading.Barrier(callers)

    def call(number: int) -> None:
        barrier.wait()
        _pair(where, number, seed, time.perf_counter(), pairs)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return pairs.figures()


def walk(where: World, steps: int, callers: int, seed: int, on_step: Callable[[int], None] | None = None) -> Figures:
    """A random walk of verbs by several callers in turn; the store is judged at the end."""
    rng = random.Random(seed)
    people = [Caller(where, seed * 1_000 + n, f"walker-{n}") for n in range(callers)]
    begin_s = time.perf_counter()
    for step in range(steps):
        rng.choice(people).act()
        if on_step is not None:
            on_step(step + 1)
    took_s = time.perf_counter() - begin_s
    checked = check_store(where.store)
    return {
        "steps": steps,
        "steps_a_second": round(steps / took_s, 1),
        "refused": sum(caller.refused for caller in people),
        "promises": checked.promises,
        "findings": [f"{f.code}: {f.subject}: {f.text}" for f in checked.findings[:5]],
    }


def memory_mib() -> float:
    """Most memory this process has held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
