"""The examples of a page, done as a reader would do them: commands, requests and Python, in order, in one folder.

A ```console block has lines that begin with `$ `: `mitaan`, `curl`, `jq`, `printf` and assignments, as a shell has
them, with `|`, `>` and variables; lines indented by four go on with the one above. They are read here, so that neither
a shell nor curl or jq need be installed. `mitaan serve` and `mitaan work` run as real processes beside the page, until
it ends. ```python blocks run in order, in one namespace. A ```json block is the answer to the line above.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.client import Client
from api.demo_store import fill_store
from api.store import Database
from api.store.store import Store
from optimizer.units import IST
from scenarios.catalogue import load_catalogue

MITAAN = [sys.executable, "-c", "from api.start import main; main()"]
ADDRESS = "127.0.0.1:8080"
"""Where pages say that the service is; it takes a free port here."""
BEGIN_S, END_S, ALIVE_S = 90.0, 60.0, 2.0
SMALL_DAYS = 6
QUIET = {"MITAAN_LOG_LEVEL": "error", "PYTHONUNBUFFERED": "1"}
BY_CHANCE = {"request_id"}
"""What is another each time."""
RUNS_ON = ("serve", "work")
"""Commands that do not end by themselves."""


def examples(text: str) -> list[tuple[str, str]]:
    """The examples of a page in their order: ("console", a line without its prompt), ("python", a block) or ("json",
    what the line above says)."""
    found = []
    for language, block in re.findall(r"^```(console|python|json)\n(.*?)^```", text, re.S | re.M):
        if language != "console":
            found.append((language, block))
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((language, line[2:]))
            elif line.startswith("    "):  # goes on with the line above
                found[-1] = (language, f"{found[-1][1]}\n{line}".replace("\\\n", " "))
    return found


# ---------------------------------------------------------------------------------------- the shell


@dataclass
class Word:
    """A word of a line; `quoted` words are never operators."""

    text: str
    quoted: bool = False


def words(line: str, variables: dict[str, str]) -> list[Word]:
    """The words of a line: quotes taken off, variables and $(uuidgen) put in, `|` and `>` as words of their own."""
    found: list[Word] = []
    now: Word | None = None
    at, inside = 0, ""
    while at < len(line):
        letter = line[at]
        if inside and letter == inside:
            inside = ""
        elif not inside and letter in "\"'":
            inside, now = letter, now or Word("")
            now.quoted = True
        elif not inside and letter == "\n":
            raise AssertionError(f"a shell would end the command here: {line[:at]}")
        elif letter == "$" and inside != "'":
            match = re.compile(r"\$(?:(\w+)|\{(\w+)\}|\((uuidgen)\))").match(line, at)
            assert match, f"only variables and $(uuidgen): {line[at:]}"
            name = match[1] or match[2]
            assert name is None or name in variables, f"{name} is not set: {line}"
            now = now or Word("")
            now.text += str(uuid.uuid4()) if name is None else variables[name]
            at = match.end() - 1
        elif not inside and letter.isspace():
            found += [now] if now else []
            now = None
        elif not inside and letter in "|>":
            found += [now, Word(letter)] if now else [Word(letter)]
            now = None
        elif not inside and letter == "#" and now is None:
            break
        else:
            now = now or Word("")
            now.text += letter
        at += 1
    assert not inside, f"a quote is not closed: {line}"
    return found + ([now] if now else [])


def parted(all_words: list[Word], sign: str) -> list[list[Word]]:
    """The words between operators."""
    parts: list[list[Word]] = [[]]
    for word in all_words:
        if word.text == sign and not word.quoted:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


# --------------------------------------------------------------------------------------- curl and jq


def curl(arguments: list[str], folder: Path) -> str:
    """What curl does with these arguments (-s -N -i -X -H -d -D -o), and says."""
    method, url, body, head, out = None, None, None, None, None
    headers: list[tuple[str, str]] = []
    show_head = False
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in {"-s", "-N", "-sN"}:
            continue
        if word in {"-i", "-si"}:
            show_head = True
        elif word == "-X":
            method = rest.pop(0)
        elif word == "-H":
            given = rest.pop(0)
            lines = (folder / given[1:]).read_text("utf-8").splitlines() if given.startswith("@") else [given]
            headers += [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        elif word == "-d":
            given = rest.pop(0)
            body = (folder / given[1:]).read_bytes() if given.startswith("@") else given.encode()
        elif word == "-D":
            head = rest.pop(0)
        elif word == "-o":
            out = rest.pop(0)
        else:
            assert not word.startswith("-"), f"curl {word} is not known to the examples"
            assert url is None, f"two addresses: {url} and {word}"
            url = word
    assert url is not None, arguments
    if body is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    answer = httpx.request(
        method or ("GET" if body is None else "POST"),
        url,
        headers=[*headers, ("Accept", "*/*")],
        content=body,
        trust_env=False,
        timeout=120.0,
    )
    told = f"HTTP/1.1 {answer.status_code}\n" + "".join(f"{k}: {v}\n" for k, v in answer.headers.items()) + "\n"
    if head is not None:
        (folder / head).write_text(told, encoding="utf-8")
    if out is not None:
        (folder / out).write_bytes(answer.content)
        return ""
    return told + answer.text if show_head else answer.text


_TOKEN = re.compile(r'\s*(\.[A-Za-z_]\w*|\.?\[-?\d+\]|\.|[][{}:,]|"[^"]*"|-?\d+(?:\.\d+)?|[A-Za-z_]\w*)')


def jq(program: str, document: Any) -> Any:
    """What jq makes of a document: paths as `.a[0].b`, objects as `{a, b: .c[0], d: {e: 1}}`, arrays as `[.a, 1]`."""
    tokens = _TOKEN.findall(program)
    assert "".join(tokens) == re.sub(r"\s", "", program), f"jq: {program} is not known to the examples"
    value, rest = _jq(tokens, document)
    assert not rest, f"jq: {program}"
    return value


def _jq(tokens: list[str], document: Any) -> tuple[Any, list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first == "{":
        made = {}
        while rest[0] != "}":
            name, rest = rest[0].strip('"'), rest[1:]
            if rest[0] == ":":
                made[name], rest = _jq(rest[1:], document)
            else:
                made[name] = document[name]
            rest = rest[1:] if rest[0] == "," else rest
        return made, rest[1:]
    if first == "[":
        entries = []
        while rest[0] != "]":
            value, rest = _jq(rest, document)
            entries.append(value)
            rest = rest[1:] if rest[0] == "," else rest
        return entries, rest[1:]
    if not first.startswith("."):
        return json.loads(first), rest
    value, rest = document, tokens
    while rest and re.match(r"\.|\.?\[", rest[0]):
        step, rest = rest[0].lstrip("."), rest[1:]
        if step:
            value = value[int(step[1:-1])] if step.startswith("[") else value[step]
    return value, rest


def _told_by_jq(value: Any, raw: bool) -> str:
    if raw and isinstance(value, str):
        return f"{value}\n"
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def date_told(arguments: list[str]) -> str:
    """What `date -d 'next monday + N weeks' +%F` says."""
    weeks = re.fullmatch(r"next monday \+ (\d+) weeks", arguments[1])
    assert arguments[0] == "-d" and weeks and arguments[2:] == ["+%F"], f"date {arguments} is not known to the examples"  # noqa: PT018
    today = dt.datetime.now(IST).date()
    return f"{today + dt.timedelta(days=7 - today.weekday(), weeks=int(weeks[1]))}\n"


# ---------------------------------------------------------------------------------------- the service


def make_small(path: Path) -> None:
    """A store as `mitaan serve --demo` fills it, with two cities and some days: enough for a page."""
    with Database.create(path) as database:
        store = Store(database, load_catalogue())
        first, *others = store.catalogue.cities_in_scheme()  # by the first a demo store is known to be filled
        fill_store(store, [first, *(city for city in others if city.city_id == "raipur")], SMALL_DAYS)


@dataclass
class Background:
    """A `mitaan serve` or `mitaan work` beside the page, and what it has said."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, command: list[str], environment: dict[str, str]) -> Background:
        """Begin it, and read what it says."""
        process = subprocess.Popen(
            [*MITAAN, *command], stdout=subprocess.PIPE, text=True, env={**os.environ, **QUIET, **environment}
        )
        begun = cls(process)
        threading.Thread(target=begun._read, daemon=True).start()
        return begun

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def address(self) -> str:
        """Where it listens, once it does and answers."""
        until_s = time.monotonic() + BEGIN_S
        while time.monotonic() < until_s:
            assert self.process.poll() is None, self.lines
            for line in list(self.lines):
                match = re.match(r"listening on http://(\S+)", line)
                if match:
                    with contextlib.suppress(httpx.TransportError):
                        if httpx.get(f"http://{match[1]}/ready", trust_env=False, timeout=BEGIN_S).is_success:
                            return match[1]
            time.sleep(0.05)
        raise AssertionError(f"it does not listen: {self.lines}")

    def end(self) -> None:
        """End it as Ctrl-C does."""
        self.process.terminate()
        try:
            code = self.process.wait(END_S)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()
        assert code == 0, self.lines


class Reader:
    """One who follows a page, in a folder, with variables of a shell that are the environment, too."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, small: Path) -> None:
        self.folder, self.patch, self.small = folder, patch, small
        self.variables: dict[str, str] = {}
        self.namespace: dict[str, Any] = {"__name__": "examples"}
        self.begun: list[Background] = []
        self.address = ADDRESS
        self.said = ""

    def follow(self, language: str, example: str) -> None:
        """Do one example."""
        here = example.replace(ADDRESS, self.address)
        if language == "python":
            exec(compile(here, "<example>", "exec"), self.namespace)  # noqa: S102  our own pages
        elif language == "json":
            shown, told = json.loads(example), json.loads(self.said)
            assert {**told, **{name: shown[name] for name in BY_CHANCE & shown.keys()}} == shown, self.said
        else:
            self.line(here)

    def close(self) -> None:
        """Hang up, and end what was begun."""
        for thing in self.namespace.values():
            if isinstance(thing, Client):
                thing.close()
        for begun in reversed(self.begun):
            begun.end()

    # ------------------------------------------------------------------------------------ a line

    def line(self, line: str) -> None:
        """Do one line of the shell; those that measure for minutes are left out."""
        if "python -m benchmarks" in line:
            return
        taken = re.fullmatch(r"(\w+)=\$\(((?!uuidgen\)).*)\)", line.strip(), re.S)
        if taken:
            self.variables[taken[1]] = self.piped(taken[2]).rstrip("\n")
            return
        told = words(line, self.variables)
        names = [re.fullmatch(r"(\w+)=(.*)", word.text, re.S) for word in told]
        if told[0].text == "export" or all(names):
            for match in names[told[0].text == "export" :]:
                assert match, line
                self.set(match[1], match[2])
            return
        self.said = self.piped(line)

    def set(self, name: str, value: str) -> None:
        """Set a variable, for commands and for Python, too."""
        self.variables[name] = value
        self.patch.setenv(name, value)

    def piped(self, line: str) -> str:
        """What the last of several commands says; nothing where it goes to a file."""
        commands, *into = parted(words(line, self.variables), ">")
        said = ""
        for command in parted(commands, "|"):
            said = self.command([word.text for word in command], said)
        if not into:
            return said
        ((file,),) = into
        (self.folder / file.text).write_text(said, encoding="utf-8")
        return ""

    def command(self, given: list[str], said: str) -> str:
        """What one command says, with what was said before on its stdin."""
        environment = {}
        while given and re.fullmatch(r"[A-Z_]+=.*", given[0]):
            name, _, environment[name] = given.pop(0).partition("=")
        name, *arguments = given
        if name == "curl":
            return curl(arguments, self.folder)
        if name == "jq":
            raw = arguments[0] == "-r"
            program, *files = arguments[raw:]
            text = (self.folder / files[0]).read_text(encoding="utf-8") if files else said
            try:
                return _told_by_jq(jq(program, json.loads(text)), raw)
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise AssertionError(f"jq {program}: {error!r} in {text[:1_000]}") from None
        if name == "printf":
            form, *values = arguments
            return form.replace("\\n", "\n") % tuple(values)
        if name == "date":
            return date_told(arguments)
        assert name == "mitaan", f"{name} is not known to the examples"
        if arguments[0] in RUNS_ON:
            self.run_on(arguments, environment)
            return ""
        assert not environment, given
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, f"{shlex.join(given)}\n{result.output}"
        return result.stdout

    def run_on(self, arguments: list[str], environment: dict[str, str]) -> None:
        """Begin a command that runs on; a demo has a smaller store here, and every service a free port."""
        if "--demo" in arguments:
            store = self.folder / f"small-{len(self.begun)}.db"
            shutil.copy(self.small, store)
            arguments = [*arguments, "--store", str(store)]
        begun = Background.begin([*arguments, *(["--port", "0"] if arguments[0] == "serve" else [])], environment)
        self.begun.append(begun)
        if arguments[0] == "work":
            time.sleep(ALIVE_S)
            assert begun.process.poll() is None, begun.lines
            return
        self.address = begun.address()
        for line in begun.lines:
            match = re.fullmatch(r"\s*export (\w+)=(\S+)", line)
            if match:
                self.set(match[1], match[2])


@contextlib.contextmanager
def reader(folder: Path, patch: pytest.MonkeyPatch, small: Path) -> Iterator[Reader]:
    """One who follows a page; `small` is a store by `make_small`. What they have begun ends with the page."""
    patch.chdir(folder)
    made = Reader(folder, patch, small)
    try:
        yield made
    finally:
        made.close()
