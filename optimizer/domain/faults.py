"""The error tree, and how a broken rule of an input is told: where, a code, the value, the rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ID_PATTERN = r"[A-Za-z0-9._:-]{1,64}"
_ID = re.compile(ID_PATTERN)


class MitaanError(Exception):
    """Top of the error tree: whatever this engine raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule of an input: where (path of keys and positions), a code, the value, the rule in words."""

    path: tuple[str | int, ...]
    code: str
    value: object
    rule: str

    def under(self, *prefix: str | int) -> Fault:
        """The same fault, seen from further up."""
        return Fault((*prefix, *self.path), self.code, self.value, self.rule)

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901)."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.value!r}: {self.rule} [{self.code}]"


class InvalidProblem(MitaanError):  # noqa: N818  (the name says what it is; "error" would add nothing)
    """Input that breaks rules; `faults` holds all that were found, never empty."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


def raise_if_any(faults: list[Fault]) -> None:
    """Raise InvalidProblem with these faults when there are any."""
    if faults:
        raise InvalidProblem(faults)


def id_faults(name: str, value: object) -> Iterator[Fault]:
    """The fault of an id that is none, at the path `name`."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        yield Fault((name,), "bad_id", value, f"an id matches {ID_PATTERN}")
