"""The faults of one JSON file while it is being read, and how they are noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter

from optimizer.domain import Fault, InvalidProblem, Place
from scenarios.files.faults import FileFault, in_json
from scenarios.files.shape import Fitted, StandIns, fitted

T = TypeVar("T")
KeyPath = tuple[str | int, ...]
Document = dict[str, Any]
NO_STAND_INS: StandIns = {}


class Notes:
    """A document of plain JSON values, the file it came from, and every fault found so far."""

    def __init__(self, document: Document, file: str, faults: list[Fault]) -> None:
        self.document, self.file, self.faults = document, file, faults
        self.in_text = tuple(fault.path for fault in faults)
        self.outside: list[FileFault] = []  # faults of other files that this one names

    def all_faults(self) -> list[FileFault]:
        """Each fault once, with the value that stands in the file."""
        once: dict[object, Fault] = {}
        for fault in self.faults:
            once.setdefault((fault.path, fault.code, str(fault.value)), fault)
        shown = []
        for fault in once.values():
            found, value = self.raw(fault.path)
            shown.append(Fault(fault.path, fault.code, value if found else fault.value, fault.rule))
        return [*in_json(self.file, shown), *self.outside]

    def raw(self, path: KeyPath) -> tuple[bool, Any]:
        """Whether there is such a place in the file, and the value there."""
        value: Any = self.document
        for part in path:
            if isinstance(value, dict) and part in value:
                value = value[str(part)]
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return False, None
        return True, value

    def note(self, path: KeyPath, code: str, value: object, rule: str) -> None:
        """Note a broken rule."""
        self.faults.append(Fault(path, code, value, rule))

    def fitted(
        self, adapter: TypeAdapter[T], value: object, path: KeyPath, stand_ins: StandIns = NO_STAND_INS
    ) -> Fitted[T]:
        """As `shape.fitted`; what is wrong with the text already is not told again as a wrong type."""
        found: list[Fault] = []
        fit = fitted(adapter, value, path, found, stand_ins)
        self.faults.extend(f for f in found if not any(known[: len(f.path)] == f.path for known in self.in_text))
        return fit

    def piece(self, key: str, adapter: TypeAdapter[T]) -> T | None:
        """The value of a key at the top in its shape; None where it is missing or does not fit."""
        return self.fitted(adapter, self.document[key], (key,)).shape if key in self.document else None

    def built(
        self,
        build: Callable[[], T],
        path: KeyPath,
        keys: Mapping[str, KeyPath],
        replaced: frozenset[str] = frozenset(),
    ) -> T | None:
        """What `build` makes; None, with its faults noted under the keys of the file, when it breaks rules.

        `keys` says what the file calls a value of the noun, where it has another name. Of a key that was
        `replaced` everything has been said.
        """
        try:
            return build()
        except InvalidProblem as error:
            for fault in error.faults:
                first = keys.get(str(fault.path[0]), fault.path[:1]) if fault.path else keys.get("", ())
                if not first or first[0] not in replaced:
                    self.note((*path, *first, *fault.path[1:]), fault.code, fault.value, fault.rule)
            return None

    def check_id(self, text: str, path: KeyPath) -> None:
        """Note a text that is no id."""
        self.built(lambda: Place(text, 0.0, 0.0), path, {"place_id": ()})  # a place knows what an id may look like
