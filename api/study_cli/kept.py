"""The days that a study has simulated, kept line by line in one file, so that it can go on where it was."""

from __future__ import annotations

import os
from pathlib import Path

from scenarios.study import Cell, CellResult, result_line, result_of

CELLS_FILE = "cells.jsonl"


class Kept:
    """The file of a folder, as a study under certain conditions sees it; it is made when the first day is kept.

    `others` lines are of other conditions and stay as they are; `broken` ones cannot be read: a write was cut off.
    """

    def __init__(self, folder: Path, conditions: str) -> None:
        self.path = folder / CELLS_FILE
        self.results: dict[Cell, CellResult] = {}
        self.others = self.broken = 0
        self._conditions = conditions
        self._cut_off = False
        self._read()

    def _read(self) -> None:
        try:
            text = self.path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return
        self._cut_off = bool(text) and not text.endswith("\n")
        for line in text.split("\n"):
            if not line:
                continue
            try:
                result = result_of(line, self._conditions)
            except ValueError:
                self.broken += 1
                continue
            if result is None:
                self.others += 1
            else:
                self.results.setdefault(result.cell, result)

    def keep(self, result: CellResult) -> None:
        """Write a result at the end of the file. Raises OSError; then it is not kept."""
        line = ("\n" if self._cut_off else "") + result_line(self._conditions, result)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:
            rest = memoryview(line.encode())
            while rest:
                self._cut_off = True  # until all of it is there
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        self._cut_off = False
        self.results[result.cell] = result
