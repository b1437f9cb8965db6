"""Callers over HTTP: plain connections in threads, so that little of the machine goes to those who ask."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from benchmarks.booking.callers import World
from benchmarks.booking.load import quantiles_ms
from optimizer.units import IST
from scenarios.generate.dice import Dice

Figures = dict[str, Any]
PATIENCE_S = 60.0


@dataclass
class Wire:
    """One connection of one thread, kept open."""

    port: int
    key: str
    connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """One request: the status and the document. POSTs carry a new Idempotency-Key each."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        headers = {"Authorization": f"Bearer {self.key}"}
        data = None
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.getheader("Connection") == "close":
            self.connection = None
        return answer.status, json.loads(content) if content else None

    def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


@dataclass
class Tally:
    """What callers saw, by what they asked for."""

    took_s: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def saw(self, what: str, status: int, seconds: float) -> None:
        """An answer."""
        with self.lock:
            self.took_s.setdefault(what, []).append(seconds)
            self.statuses[f"{what} {status}"] += 1

    def failed(self, error: BaseException) -> None:
        """No answer."""
        with self.lock:
            self.errors.append(f"{type(error).__name__}: {error}")

    def figures(self) -> Figures:
        """For a record."""
        return {
            **{what: quantiles_ms(took) for what, took in self.took_s.items()},
            "statuses": dict(sorted(self.statuses.items())),
            "server_errors": sum(n for name, n in self.statuses.items() if name.split()[-1][0] == "5"),
            "errors": self.errors[:5],
        }


def slots_path(where: World, rng: random.Random, dice: Dice) -> str:
    """A request for the slots of an address on all days."""
    place = where.where(dice)
    service = rng.choice(where.services).service_id
    return (
        f"/v1/cities/{where.city.city_id}/slots?lon={place.lon}&lat={place.lat}&service={service}"
        f"&from={where.dates[0].isoformat()}&to={where.dates[-1].isoformat()}"
    )


def slots_at_most(where: World, port: int, key: str, callers: int, seconds: float, seed: int) -> Figures:
    """So many callers who ask again as soon as they are answered: what the service can do."""
    tally, until_s = Tally(), time.perf_counter() + seconds

    def call(number: int) -> None:
        wire, rng, dice = Wire(port, key), random.Random(seed * 1_009 + number), Dice(seed, "slots", str(number))
        while time.perf_counter() < until_s:
            path = slots_path(where, rng, dice)
            begin_s = time.perf_counter()
            status, _ = wire.ask("GET", path)
            tally.saw("slots", status, time.perf_counter() - begin_s)
        wire.close()

    begin_s = time.perf_counter()
    _all(callers, call)
    took_s = time.perf_counter() - begin_s
    count = sum(tally.statuses.values())
    return {"callers": callers, "a_second": round(count / took_s, 1), **tally.figures()}


def at_random(
    port: int, key: str, a_second: float, seconds: float, seed: int, one: Callable[[Wire, int, float, Tally], None]
) -> Figures:
    """Callers that arrive at random moments (Poisson); `one` is told when it was due, waiting counts."""
    rng = random.Random(seed)
    moments: list[float] = []
    at = 0.0
    while (at := at + rng.expovariate(a_second)) < seconds:
        moments.append(at)
    tally = Tally()
    local = threading.local()
    wires: list[Wire] = []

    def call(number: int, due_s: float) -> None:
        if not hasattr(local, "wire"):
            local.wire = Wire(port, key)
            wires.append(local.wire)
        try:
            one(local.wire, number, due_s, tally)
        except Exception as error:  # noqa: BLE001  counted: a load test must see every error and go on
            local.wire.close()
            tally.failed(error)

    with ThreadPoolExecutor(48) as pool:
        begin_s = time.perf_counter()
        for number, moment in enumerate(moments):
            wait_s = begin_s + moment - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
            pool.submit(call, number, begin_s + moment)
    for wire in wires:
        wire.close()
    return {"a_second": a_second, "seconds": seconds, **tally.figures()}


def slots_at_random(where: World, port: int, key: str, a_second: float, seconds: float, seed: int) -> Figures:
    """Requests for slots that arrive at random."""

    def one(wire: Wire, number: int, due_s: float, tally: Tally) -> None:
        path = slots_path(where, random.Random(seed * 7 + number), Dice(seed, "random", str(number)))
        status, _ = wire.ask("GET", path)
        tally.saw("slots", status, time.perf_counter() - due_s)

    return at_random(port, key, a_second, seconds, seed, one)


def hold_body(where: World, rng: random.Random, dice: Dice, reference: str | None = None) -> dict[str, Any]:
    """A hold of a slot of chance at an address of chance."""
    place = where.where(dice)
    opens = dt.datetime.combine(rng.choice(where.dates), dt.time(rng.randrange(9, 19)), IST)
    body: dict[str, Any] = {
        "city": where.city.city_id,
        "place": {"lon": place.lon, "lat": place.lat},
        "visits": [{"service": rng.choice(where.services).service_id, "slot": opens.isoformat()}],
    }
    return body if reference is None else {**body, "reference": reference}


def pairs_over_http(where: World, port: int, key: str, a_second: float, seconds: float, seed: int) -> Figures:
    """Pairs of hold and confirmation that arrive at random, as `benchmarks.booking` does them without HTTP."""

    def one(wire: Wire, number: int, due_s: float, tally: Tally) -> None:
        rng, dice = random.Random(seed * 1_000_003 + number), Dice(seed, "pair", str(number))
        status, held = wire.ask("POST", "/v1/holds", hold_body(where, rng, dice))
        now_s = time.perf_counter()
        tally.saw("hold", status, now_s - due_s)
        if status == 201:
            status, _ = wire.ask("POST", "/v1/bookings", {"hold": held["id"]})
            tally.saw("confirm", status, time.perf_counter() - now_s)

    return at_random(port, key, a_second, seconds, seed, one)


def crowd(where: World, port: int, key: str, callers: int, seconds: float, seed: int) -> Figures:
    """So many callers at once, each asking, holding, booking, moving, cancelling as soon as they are answered."""
    tally, until_s = Tally(), time.perf_counter() + seconds

    def call(number: int) -> None:
        wire, rng, dice = Wire(port, key), random.Random(seed * 1_009 + number), Dice(seed, "crowd", str(number))
        booked: list[str] = []

        def ask(what: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
            begin_s = time.perf_counter()
            status, document = wire.ask(method, path, body)
            tally.saw(what, status, time.perf_counter() - begin_s)
            return status, document

        while time.perf_counter() < until_s:
            try:
                kind = rng.random()
                if booked and kind < 0.25:
                    ask("cancel", "POST", f"/v1/bookings/{booked.pop()}/cancel")
                    continue
                if booked and kind < 0.45:
                    opens = dt.datetime.combine(rng.choice(where.dates), dt.time(rng.randrange(9, 19)), IST)
                    path = f"/v1/bookings/{booked[-1]}/reschedule"
                    status, moved = ask("move", "POST", path, {"slot": opens.isoformat()})
                    if status == 200:
                        booked[-1] = moved["booking"]["id"]
                    continue
                ask("slots", "GET", slots_path(where, rng, dice))
                status, held = ask("hold", "POST", "/v1/holds", hold_body(where, rng, dice))
                if status == 201:
                    status, made = ask("confirm", "POST", "/v1/bookings", {"hold": held["id"]})
                    if status == 201:
                        booked.append(made["bookings"][0]["id"])
            except Exception as error:  # noqa: BLE001  counted, see above
                wire.close()
                tally.failed(error)
        wire.close()

    begin_s = time.perf_counter()
    _all(callers, call)
    took_s = time.perf_counter() - begin_s
    count = sum(tally.statuses.values())
    return {"callers": callers, "seconds": seconds, "a_second": round(count / took_s, 1), **tally.figures()}


def _all(callers: int, call: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
