"""What is wrong with a file, said so that a person or a program finds the place, and files written whole."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.domain import Fault, InvalidProblem

_SHOWN, _KEPT = 80, 500


@dataclass(frozen=True, slots=True)
class FileFault(Fault):
    """A fault with the file it is in: by JSON Pointer (`path`), or by line and column where those are known.

    Lines count from 1. `column` is a position counted from 1, or the name of a column of a table.
    """

    file: str = ""
    line: int | None = None
    column: str | int | None = None

    @property
    def place(self) -> str:
        """File and place in it: `day.json:/visits/3/service_s`, `visits.csv:5:service_minutes`."""
        if self.line is None:
            return f"{self.file}:{self.pointer or '/'}"
        return f"{self.file}:{self.line}" + ("" if self.column is None else f":{self.column}")

    def __str__(self) -> str:
        shown = json.dumps(self.value, ensure_ascii=False, default=str)
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
        return _one_line(f"{self.place}: {shown}: {self.rule} [{self.code}]")

    def as_json(self) -> dict[str, Any]:
        """The fault as plain JSON values; `pointer` is null for a place given by line and column.

        A value that is long as JSON is cut off, and text.
        """
        value = _as_json(self.value)
        return {
            "file": _encodable(self.file),
            "pointer": _encodable(self.pointer) if self.line is None else None,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "value": json.loads(value) if len(value) <= _KEPT else value[:_KEPT] + "...",
            "rule": _encodable(self.rule),
        }


class InvalidInput(InvalidProblem):
    """Files that break rules: every fault found in them, each a `FileFault`; never empty."""

    faults: tuple[FileFault, ...]

    def __init__(self, faults: Iterable[FileFault]) -> None:
        super().__init__(faults)

    def lines(self) -> list[str]:
        """One line per fault: place, value, rule and code."""
        return [str(fault) for fault in self.faults]

    def as_json(self) -> list[dict[str, Any]]:
        """The faults as plain JSON values."""
        return [fault.as_json() for fault in self.faults]


def _one_line(text: str) -> str:
    """Text with line ends, control and broken characters spelled out: a file must not steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _encodable(text: str) -> str:
    """Text with a question mark for each half of a character that JSON can say and no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _as_json(value: object) -> str:
    try:
        return _encodable(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str))
    except ValueError:  # NaN and infinity are no JSON
        return json.dumps(str(value))


def in_json(file: str, faults: Iterable[Fault]) -> list[FileFault]:
    """Faults whose paths are places of a JSON file."""
    return [FileFault(f.path, f.code, f.value, f.rule, file) for f in faults]


def in_table(file: str, faults: Iterable[Fault]) -> list[FileFault]:
    """Faults whose paths are (line, column) of a table or a text."""
    found = []
    for fault in faults:
        line, column = (*fault.path, None, None)[:2]
        found.append(FileFault((), fault.code, fault.value, fault.rule, file, int(line or 1), column))
    return found


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file. Raises InvalidInput when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        code = "no_such_file" if isinstance(error, FileNotFoundError) else "unreadable"
        rule = f"a file that can be read ({error.strerror or type(error).__name__})"
        raise InvalidInput([FileFault((), code, str(path), rule, Path(path).name)]) from None


def check_writable(folder: str | Path) -> None:
    """Raise OSError when no files could be written into this folder, made or to be made; nothing is made yet."""
    place = Path(folder)
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))


def write_files(folder: str | Path, contents: Mapping[str, str]) -> None:
    """Write texts (UTF-8) by name into a folder, made if need be: each of them whole, and none if one cannot be.

    Everything is written beside its place first and moved there at the end, so whoever reads meanwhile sees
    an old file or a new one, never half of one.
    """
    target = Path(folder)
    check_writable(target)
    for name in contents:
        if (target / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target / name))
    target.mkdir(parents=True, exist_ok=True)
    ready: list[tuple[str, Path]] = []
    try:
        for name, text in contents.items():
            handle, beside = tempfile.mkstemp(prefix=f".{name}.", dir=target)
            ready.append((beside, target / name))
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, 0o666 & ~_umask())
        for beside, place in ready:
            os.replace(beside, place)
    finally:
        for beside, _ in ready:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)


def _umask() -> int:
    """The permissions that new files of this process do not get; temporary files are made without any for others."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
