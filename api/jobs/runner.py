"""The processes that make plans: a runner claims jobs and works on each in a process forked from itself.

A runner has every compiled loop loaded, so a fork begins to plan at once. It has no thread, and no connection to the
store is open while it forks. A job whose process has died is gone on with at once, one whose runner has died as soon
as its silence is noticed; each time from its best plan, for the time that is left.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection as pipes
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, case, delete, or_, select, update

from api.jobs.rosters import attempt_of
from api.jobs.table import DONE, FAILED, OPEN, PLAN, QUEUED, ROSTER, RUNNING, SOLVE
from api.jobs.working import BEAT_S
from api.planning import make_ready
from api.store import Database, StoreError
from api.store.schema import epoch_ms, jobs
from api.store.store import Store
from optimizer.stop import may_leave_solvers
from scenarios.catalogue import Catalogue, load_catalogue

log = logging.getLogger("mitaan.jobs")

POLL_S = 0.1
SILENCE_S = 5 * BEAT_S
"""A running job nobody has written to for so long has lost its runner."""
SHORT_SILENCE_S = 2.5 * BEAT_S
"""The same, where its runner was of this machine and there is no such process any more; beats may be late."""
LOOK_FOR_LOST_S = 1.0
MOST_ATTEMPTS = 3
"""A job that lost its process so often is not tried again."""
HAND_OVER_S = 5.0
"""Time to hand a job over before its process is killed."""
AFTER_FAULT_S = 1.0
"""Pause of a runner after the store could not be used."""
KEPT = {PLAN: dt.timedelta(days=14), SOLVE: dt.timedelta(days=1), ROSTER: dt.timedelta(days=30)}
"""By kind: jobs that ended longer ago are deleted, but for published ones."""
SWEEP_S = 3_600.0

_CLAIMED_AT_MOST = 5  # rows looked at in one try: others may be faster
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of Linux
_PROCESSES = Path("/proc/self/ns/pid")  # of Linux: the namespace in which process ids mean something


def work(address: str | Path | None = None, places: int = 1, *, until: Callable[[], bool] | None = None) -> None:
    """Work on jobs of the store there, so many at once, until `until` says so, SIGTERM or SIGINT; then hand them over.

    Needs a process of its own, and not a daemonic one of `multiprocessing`: those may have no children.
    """
    Runner(address, places=places).run(until)


# ------------------------------------------------------------------------------------------ rows


def claim(database: Database) -> tuple[str, str] | None:
    """The oldest queued job, plans before rosters before day files, now running and owned by the caller.

    Its id and the owner; None when none is queued.
    """
    with database.read() as connection:
        plans_first = case((jobs.c.kind == PLAN, 0), (jobs.c.kind == ROSTER, 1), else_=2)
        queued = select(jobs.c.job_id).where(jobs.c.state == QUEUED)
        queued = queued.order_by(plans_first, jobs.c.created_at, jobs.c.job_id)
        ids = connection.execute(queued.limit(_CLAIMED_AT_MOST)).scalars().all()
    for job_id in ids:
        owner = f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"
        with database.write() as connection:
            now_ms = epoch_ms(database.now(connection))
            values = {
                "state": RUNNING,
                "owner": owner,
                "beat_at": now_ms,
                "attempts": jobs.c.attempts + 1,
                "sequence": jobs.c.sequence + 1,
            }
            own = (jobs.c.job_id == job_id) & (jobs.c.state == QUEUED)
            if connection.execute(update(jobs).where(own).values(**values)).rowcount == 1:
                first = (jobs.c.job_id == job_id) & jobs.c.begun_at.is_(None)
                connection.execute(update(jobs).where(first).values(begun_at=now_ms))
                return job_id, owner
    return None


def give_back(database: Database, owner: str, *, counted: bool = True) -> None:
    """Queue the job of an owner who has left it, if any; `counted` False forgets the attempt. See `give_back_lost`."""
    _give_back(database, jobs.c.owner == owner, counted)


def give_back_lost(database: Database, silence_s: float = SILENCE_S) -> list[str]:
    """Queue jobs that nobody has written to for so long; their owners until now.

    After `MOST_ATTEMPTS` a job ends instead: with its best plan, or as `job_lost` without one.
    """
    short_s = min(silence_s, SHORT_SILENCE_S)
    with database.read() as connection:
        now_ms = epoch_ms(database.now(connection))
        silent = (jobs.c.state == RUNNING) & (jobs.c.beat_at < now_ms - round(short_s * 1_000))
        rows = connection.execute(select(jobs.c.owner, jobs.c.beat_at).where(silent)).all()
    lost = [row.owner for row in rows if row.beat_at < now_ms - round(silence_s * 1_000) or _has_gone(row.owner)]
    before_ms = now_ms - round(short_s * 1_000)
    which = jobs.c.owner.in_(lost) & (jobs.c.beat_at < before_ms)
    return _give_back(database, which, counted=True) if lost else []


def _machine() -> str:
    """Where a process id means this process: the host, and as far as told, its boot and its namespace of processes.

    Containers may have one hostname, and a machine has the same process ids again after each boot.
    """
    boot_id, processes = "", ""
    with contextlib.suppress(OSError):
        boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
    with contextlib.suppress(OSError):
        processes = str(_PROCESSES.stat().st_ino)
    return "/".join((socket.gethostname(), boot_id, processes))


def _has_gone(owner: str) -> bool:
    """The runner of an owner was a process of this machine, and is none any more."""
    machine, pid, _ = owner.rsplit(":", 2)
    if machine != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it is there, and somebody else's
        pass
    return False


def _give_back(database: Database, which: ColumnElement[bool], counted: bool) -> list[str]:
    owners = []
    with database.write() as connection:
        query = select(jobs.c.job_id, jobs.c.owner, jobs.c.attempts, jobs.c.document.is_not(None).label("has_plan"))
        for row in connection.execute(query.where((jobs.c.state == RUNNING) & which)).all():
            values: dict[str, Any] = {"state": QUEUED}
            if not counted:
                values["attempts"] = row.attempts - 1
            elif row.attempts >= MOST_ATTEMPTS:
                values = {"state": DONE} if row.has_plan else {"state": FAILED, "error": "job_lost"}
                values["ended_at"] = epoch_ms(database.now(connection))
            values |= {"owner": None, "beat_at": None, "sequence": jobs.c.sequence + 1}
            own = (jobs.c.job_id == row.job_id) & (jobs.c.state == RUNNING) & which
            if connection.execute(update(jobs).where(own).values(**values)).rowcount == 1:
                log.warning("job %s lost its process at attempt %d; now %s", row.job_id, row.attempts, values["state"])
                owners.append(row.owner)
    return owners


def delete_old(database: Database) -> int:
    """Delete jobs that ended longer ago than they are kept, but for published plans; how many."""
    with database.write() as connection:
        now = database.now(connection)
        ended = jobs.c.state.not_in(OPEN) & jobs.c.published_as.is_(None)
        old = [(jobs.c.kind == kind) & (jobs.c.ended_at < epoch_ms(now - kept)) for kind, kept in KEPT.items()]
        return connection.execute(delete(jobs).where(ended & or_(*old))).rowcount


# ---------------------------------------------------------------------------------------- runner


class Runner:
    """Works on jobs of the store at an address, at most `places` at once; see the head of the file."""

    def __init__(
        self,
        address: str | Path | None = None,
        *,
        places: int = 1,
        poll_s: float = POLL_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._address = address
        self._places = places
        self._poll_s = poll_s
        self._silence_s = silence_s
        self._ending = False
        self._children: dict[str, ForkProcess] = {}  # by owner
        self._next_look_s = self._next_sweep_s = 0.0

    def end(self) -> None:
        """Hand all jobs over and leave `run`, soon; safe from a signal handler."""
        self._ending = True

    def run(self, until: Callable[[], bool] | None = None) -> None:
        """Claim and work until `until` says so or a signal asks for the end; then hand the jobs over."""
        with self._until_signals(), Database.open(self._address) as database:
            catalogue = load_catalogue()
            make_ready()
            try:
                while not (self._ending or (until is not None and until())):
                    try:
                        self._turn(database, catalogue)
                    except StoreError as error:
                        log.warning("the store of the jobs: %s", error.code)
                        time.sleep(AFTER_FAULT_S)
            finally:
                self._hand_over(database)

    def _turn(self, database: Database, catalogue: Catalogue) -> None:
        """Give back what is lost, claim what there is room for, and wait a moment."""
        self._reap(database)
        now_s = time.monotonic()
        if now_s >= self._next_look_s:
            for owner in give_back_lost(database, self._silence_s):
                if owner in self._children:  # it lives and does nothing
                    self._children[owner].kill()
            self._next_look_s = now_s + LOOK_FOR_LOST_S
        if now_s >= self._next_sweep_s:
            delete_old(database)
            self._next_sweep_s = now_s + SWEEP_S
        while len(self._children) < self._places and not self._ending:
            claimed = claim(database)
            if claimed is None:
                break
            database.close()  # no connection is open while a process is forked
            self._start(catalogue, *claimed)
        if self._children:
            pipes.wait([child.sentinel for child in self._children.values()], self._poll_s)
        else:
            time.sleep(self._poll_s)

    def _start(self, catalogue: Catalogue, job_id: str, owner: str) -> None:
        given = (self._address, catalogue, job_id, owner, os.getpid())
        child = multiprocessing.get_context("fork").Process(target=_in_child, args=given, name=f"mitaan-job-{job_id}")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until the child has handlers of its own
        try:
            child.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._children[owner] = child

    def _reap(self, database: Database) -> None:
        """Give back the jobs of children that have died."""
        for owner, child in list(self._children.items()):
            if not child.is_alive():
                if child.exitcode:
                    give_back(database, owner)
                child.close()
                del self._children[owner]

    def _hand_over(self, database: Database) -> None:
        for child in self._children.values():
            child.terminate()
        until_s = time.monotonic() + HAND_OVER_S
        for owner, child in self._children.items():
            child.join(max(0.0, until_s - time.monotonic()))
            if child.is_alive():
                log.warning("a job was not handed over within %g s: its process is killed", HAND_OVER_S)
                child.kill()
                child.join()
            if child.exitcode:
                with contextlib.suppress(StoreError):  # its silence will tell
                    give_back(database, owner, counted=False)
            child.close()
        self._children.clear()

    @contextlib.contextmanager
    def _until_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the runner; in another thread than the main one nobody can listen to them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, lambda *_: self.end()) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _in_child(address: str | Path | None, catalogue: Catalogue, job_id: str, owner: str, parent: int) -> None:
    """Work on one job in a forked process. SIGTERM, or the death of the runner, hands it over.

    A job that is stopped waits for no solver: such a process ends by `os._exit`.
    """
    may_leave_solvers()
    try:
        with Database.open(address) as database:
            attempt = attempt_of(Store(database, catalogue), job_id, owner, lambda: os.getppid() != parent)
            signal.signal(signal.SIGTERM, lambda *_: attempt.hand_over())
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, meant for the runner
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            attempt.run()
    except StoreError as error:
        log.warning("job %s: its process ends, the runner takes it back: %s", job_id, error.code)
        sys.exit(1)
