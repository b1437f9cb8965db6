"""JSON text -> plain values, strictly: what JSON forbids or leaves open is a fault with its place.

Python's reader takes NaN, lets the last of two equal keys win and stops at nothing a number can say. Here
each of these is found, all of them at once, and named by JSON Pointer; broken JSON is named by line and column.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from optimizer.domain import Fault, InvalidProblem
from scenarios.files.faults import FileFault, InvalidInput, in_table
from scenarios.travel.matrix import decoded

_DIGITS = 18


_JSON_NAMES = {type(None): "null", bool: "true or false", str: "text", list: "a list"}


class _Refused:
    """Stands in the tree for a number that is none, until the walk finds it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _Doubled(dict[str, Any]):
    """An object in which these keys stood twice."""

    doubled: tuple[str, ...]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) == len(pairs):
        return tree
    names = [name for name, _ in pairs]
    marked = _Doubled(tree)
    marked.doubled = tuple(name for name in tree if names.count(name) > 1)
    return marked


def _real(text: str) -> float | _Refused:
    value = float(text)
    return value if math.isfinite(value) else _Refused(text)


def _whole(text: str) -> int | _Refused:
    return int(text) if len(text) <= _DIGITS else _Refused(text[:40])


def _refused(tree: Any, path: tuple[str | int, ...]) -> Iterator[Fault]:
    if isinstance(tree, _Refused):
        yield Fault(path, "not_finite", tree.text, "a finite number of ordinary size")
    elif isinstance(tree, dict):
        if isinstance(tree, _Doubled):
            for name in tree.doubled:
                yield Fault((*path, name), "duplicate_key", name, "a key stands once in an object")
        for name, value in tree.items():
            yield from _refused(value, (*path, name))
    elif isinstance(tree, list):
        for position, value in enumerate(tree):
            yield from _refused(value, (*path, position))


def parsed(data: bytes, file: str) -> tuple[dict[str, Any], list[Fault]]:
    """The object a JSON text (UTF-8, byte order mark or not) holds, and the faults of its numbers and keys.

    Raises InvalidInput where there is no object to go on with: not UTF-8, broken JSON, something else than an object.
    """
    try:
        text = decoded(data)
    except InvalidProblem as error:
        raise InvalidInput(in_table(file, error.faults)) from None
    try:
        tree = json.loads(text, object_pairs_hook=_pairs, parse_float=_real, parse_int=_whole, parse_constant=_Refused)
    except json.JSONDecodeError as error:
        lines = text.splitlines() or [""]
        near = lines[min(error.lineno, len(lines)) - 1][max(0, error.colno - 1) :][:20]
        rule = f"JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise InvalidInput([FileFault((), "bad_json", near, rule, file, error.lineno, error.colno)]) from None
    except RecursionError:
        raise InvalidInput([FileFault((), "bad_json", "[[[...", "JSON nested less deeply", file, 1, 1)]) from None
    if not isinstance(tree, dict):
        raise InvalidInput([FileFault((), "wrong_type", _JSON_NAMES.get(type(tree), "number"), "an object", file)])
    return tree, list(_refused(tree, ()))
