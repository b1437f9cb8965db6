"""The processes of the service: workers that answer, one that makes plans, one that sends events and keeps house.

`serve` holds the socket, begins them all, begins each anew that dies, and ends them in order. They share nothing but
the store; whichever is killed, nothing is lost.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from api.http.logs import log_to_stderr
from api.settings import PREFIX, Settings

if TYPE_CHECKING:
    from api.store.background import Improver
    from api.store.store import Store

BACKLOG = 2_048
QUIET_S = 10.0
"""A process that lived longer than this is begun anew at once; others after a while that grows."""
MOST_WAIT_S = 30.0
SWEEP_S = 20.0
"""How often holds that have run out are written down as such."""
FORGET_S = 3_600.0
"""How often answers and audit lines that are too old are deleted."""
HOUSE_NICE = 10
"""By so much keeping house gives way to processes that answer."""
LOOK_S = 1.0
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
WORKER = "worker"
"""How the names of processes that answer begin."""

log = logging.getLogger("mitaan.serve")


class CannotListen(OSError):  # noqa: N818  (what happened, in two words)
    """The address is taken, or not ours."""


@dataclass(slots=True)
class _Child:
    """One process: what it runs, and how often it had to be begun."""

    name: str
    target: Callable[..., None]
    arguments: tuple[Any, ...]
    process: SpawnProcess | None = None
    begun_s: float = 0.0
    wait_s: float = 0.0
    due_s: float = field(default=0.0)


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a process of ours says them."""
    told = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        told[f"{PREFIX}{name.upper()}"] = text.replace("'", '"') if isinstance(value, list) else text
    return told


def serve(settings: Settings, on_ready: Callable[[str, int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `on_ready` is told the address once the socket listens.

    Raises CannotListen.
    """
    ended = threading.Event()

    def end(_signal: int, _frame: object) -> None:
        ended.set()

    with _listening(settings) as held, _metrics_folder(settings) as folder:
        log_to_stderr(settings.log_level)
        environment = environment_of(settings)
        if folder is not None:
            environment[METRICS_DIR] = folder
        children = _children(settings, environment, held)
        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            if on_ready is not None:
                on_ready(settings.host, held.getsockname()[1])
            _watch(children, ended)
        finally:
            _end(children, settings.stop_seconds)
            for number, handler in before.items():
                signal.signal(number, handler)


def work(settings: Settings) -> None:
    """Make plans, send events and keep house for a store, without answering requests; until SIGTERM or SIGINT."""
    log_to_stderr(settings.log_level)
    ended = threading.Event()
    children = [c for c in _children(settings, environment_of(settings), None) if not c.name.startswith(WORKER)]
    before = {n: signal.signal(n, lambda _s, _f: ended.set()) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        _watch(children, ended)
    finally:
        _end(children, settings.stop_seconds)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        held = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(error.errno, f"{settings.host}:{settings.port}: {error.strerror}") from None
    held.set_inheritable(True)
    # Connections inherit it. The loop sets it itself only where it knows the protocol, which such a socket does not
    # tell: without it head and body of an answer, sent apart, wait 40 ms for each other.
    held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with held:
        yield held


@contextlib.contextmanager
def _metrics_folder(settings: Settings) -> Iterator[str | None]:
    """Where several workers leave their numbers."""
    if settings.workers == 1:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="mitaan-metrics-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _children(settings: Settings, environment: Mapping[str, str], held: socket.socket | None) -> list[_Child]:
    told = dict(environment)
    children = [_Child(f"{WORKER}-{n + 1}", answer, (told, held)) for n in range(settings.workers)]
    if settings.job_places:
        children.append(_Child("plans", make_plans, (told,)))
    children.append(_Child("house", keep_house, (told,)))
    return children


# ------------------------------------------------------------------------------------- the watch


def _watch(children: list[_Child], ended: threading.Event) -> None:
    context = multiprocessing.get_context("spawn")
    while not ended.is_set():
        now_s = time.monotonic()
        for child in children:
            if child.process is not None and not child.process.is_alive():
                lived_s = now_s - child.begun_s
                child.wait_s = 0.0 if lived_s > QUIET_S else min(MOST_WAIT_S, 2 * child.wait_s or 1.0)
                child.due_s = now_s + child.wait_s
                log.error("died", extra={"told": {"process": child.name, "exit": child.process.exitcode}})
                child.process = None
            if child.process is None and now_s >= child.due_s:
                child.process = context.Process(target=child.target, args=child.arguments, name=child.name)
                child.process.start()
                child.begun_s = now_s
        sentinels = [c.process.sentinel for c in children if c.process is not None]
        wait(sentinels, timeout=0.2)


def _end(children: list[_Child], patience_s: float) -> None:
    """Workers first: who asks for a plan is told while plans are still made."""
    for workers in (True, False):
        running = (c.process for c in children if c.name.startswith(WORKER) is workers)
        _end_all([process for process in running if process is not None], patience_s)


def _end_all(running: list[SpawnProcess], patience_s: float) -> None:
    for process in running:
        process.terminate()
    until_s = time.monotonic() + patience_s + 5.0
    for process in running:
        process.join(max(0.1, until_s - time.monotonic()))
    for process in running:
        if process.is_alive():
            process.kill()
            process.join(5.0)


def _orphaned() -> Callable[[], bool]:
    """Whether the process that began this one has gone."""
    parent = os.getppid()
    return lambda: os.getppid() != parent


# ------------------------------------------------------------------------------------ the processes


def answer(environment: Mapping[str, str], held: socket.socket) -> None:
    """A worker: answers requests until told to end, then those it has begun."""
    os.environ.update(environment)
    import uvicorn  # noqa: PLC0415  the metrics look at the environment when they are loaded

    from api.http.app import from_environment  # noqa: PLC0415
    from api.http.protocol import PatientProtocol  # noqa: PLC0415
    from api.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    app = from_environment()
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(settings.stop_seconds),
    )
    server = uvicorn.Server(config)

    def end(_signal: int, _frame: object) -> None:
        server.should_exit = True

    # The server has handlers of its own while it runs, and afterwards raises the signal again for those before it: the
    # usual one would end the process there.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    app.state.stopping = lambda: server.should_exit
    orphaned = _orphaned()

    def look() -> None:
        while not server.should_exit:
            time.sleep(LOOK_S)
            if orphaned():
                server.should_exit = True

    threading.Thread(target=look, name="mitaan-parent", daemon=True).start()
    try:
        server.run(sockets=[held])
    finally:
        app.state.service.store.database.close()


def make_plans(environment: Mapping[str, str]) -> None:
    """Makes the plans that are asked for."""
    os.environ.update(environment)
    from api.jobs import work as make  # noqa: PLC0415  loads every engine
    from api.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    log_to_stderr(settings.log_level)
    make(settings.database_url, settings.job_places, until=_orphaned())


def keep_house(environment: Mapping[str, str]) -> None:
    """Sends events to webhooks, writes down holds that have run out, deletes what is too old, improves witnesses."""
    os.environ.update(environment)
    if hasattr(os, "nice"):
        os.nice(HOUSE_NICE)
    from api.settings import read_settings  # noqa: PLC0415
    from api.store import Database  # noqa: PLC0415
    from api.store.store import Store  # noqa: PLC0415

    settings = read_settings()
    log_to_stderr(settings.log_level)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _s, _f: ended.set())
    with Database.open(settings.database_url) as database:
        _keep(Store(database), settings, ended, _orphaned())


def _keep(store: Store, settings: Settings, ended: threading.Event, orphaned: Callable[[], bool]) -> None:
    """Keep house until it has ended. What nobody expected is raised, and no thread is left: the watch begins anew."""
    from api.http.once import forget  # noqa: PLC0415
    from api.store import StoreError  # noqa: PLC0415
    from api.store.background import Improver  # noqa: PLC0415
    from api.webhooks.sending import Sender  # noqa: PLC0415

    improver = Improver(store) if settings.background else None
    sending = None
    if settings.webhooks:
        sender = Sender(store, private=settings.webhooks_private, plain_http=settings.webhooks_plain_http)
        sending = threading.Thread(target=sender.run, args=(ended,), name="mitaan-webhooks")
        sending.start()
    sweep_s = forget_s = 0.0
    try:
        while not ended.wait(LOOK_S):
            if sending is not None and not sending.is_alive():
                raise RuntimeError("the thread that sends events to webhooks has died")
            now_s = time.monotonic()
            try:
                if now_s >= sweep_s:
                    sweep_s = now_s + SWEEP_S
                    store.sweep()
                if now_s >= forget_s:
                    forget_s = now_s + FORGET_S
                    forget(store, settings.answers_hours, settings.audit_days)
                if improver is not None and not ended.is_set():
                    _improve(improver)
            except StoreError as error:
                log.warning("house", extra={"told": {"code": error.code}})
            if orphaned():
                ended.set()
    finally:
        ended.set()
        if sending is not None:
            sending.join()


def _improve(improver: Improver) -> None:
    """Look after one day at most, so that who ends the process waits for seconds."""
    from api.store import StoreError  # noqa: PLC0415

    try:
        improver.once()
    except StoreError:
        raise
    except Exception:  # a defect that one day shows must not keep events from being sent
        log.exception("improve")
