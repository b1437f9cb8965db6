"""A service for measurements: `mitaan serve` on a store, in processes of its own, on the first core where asked."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BEGIN_S = 90.0
END_S = 40.0
COMMAND = [sys.executable, "-c", "from api.start import main; main()"]
A_MINUTE = 1_000_000
"""Requests of a measuring key: it is the service that is measured, not the limit."""


@dataclass
class Running:
    """A service that was begun; its address stays the same when it is begun again."""

    address: str
    workers: int
    environment: Mapping[str, str]
    cores: frozenset[int] | None
    log: Path
    port: int = 0
    begun: subprocess.Popen[str] | None = None
    told: list[str] = field(default_factory=list)
    """What it said on stdout before it listened."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> subprocess.Popen[str]:
        """Its first process."""
        if self.begun is None:
            raise RuntimeError("the service has not begun")
        return self.begun

    def begin(self) -> None:
        """Begin the service and wait until it listens and its workers answer."""
        cores = self.cores
        environment = {**os.environ, "MITAAN_DATABASE_URL": self.address, **self.environment}
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, mine if cores is None else cores)  # what is begun now stays there
        try:
            with self.log.open("a", encoding="utf-8") as log:
                self.begun = subprocess.Popen(
                    [*COMMAND, "serve", "--port", str(self.port), "--workers", str(self.workers)],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    env=environment,
                )
        finally:
            os.sched_setaffinity(0, mine)
        out = self.process.stdout or ()
        for line in out:
            if line.startswith("listening on"):
                self.port = int(line.split(":")[2].split(" ")[0])
                break
            self.told.append(line)
        else:
            raise RuntimeError(f"the service did not begin; see {self.log}")

    def kill(self) -> None:
        """End all its processes at once, as when the power goes."""
        for pid in [*_children(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(END_S)
        self._hang_up()

    def end(self) -> None:
        """Ask it to end, in order."""
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._hang_up()

    def _hang_up(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="utf-8").split():
            found.extend([int(child), *_children(int(child))])
    return found


def memory_mib(pid: int) -> int:
    """MiB that a process and those it began hold, shared pages counted each time."""
    total = 0
    for each in [pid, *_children(pid)]:
        status = Path(f"/proc/{each}/status")
        if status.exists():
            kib = [line.split()[1] for line in status.read_text(encoding="utf-8").splitlines() if line[:5] == "VmRSS"]
            total += int(kib[0]) if kib else 0
    return total // 1_024


@contextmanager
def running(
    address: str,
    log: Path,
    *,
    workers: int = 1,
    cores: frozenset[int] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A service on the store at an address, until the block ends."""
    service = Running(address, workers, environment or {}, cores, log)
    service.begin()
    answers(service)
    try:
        yield service
    finally:
        service.end()


def answers(service: Running) -> None:
    """Wait until its workers answer."""
    until_s = time.monotonic() + BEGIN_S
    while time.monotonic() < until_s:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
        try:
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"the service does not answer; see {service.log}")
