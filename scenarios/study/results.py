"""What came of one simulated day, and how it is kept as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from optimizer.domain import Fault, InvalidProblem
from scenarios.study.spec import Cell, Setting


@dataclass(frozen=True, slots=True)
class CellResult:
    """What came of one day, in counts, seconds and cost seconds: the same on every machine where no clock ended it.

    `too_long`: wishes for a service that takes longer than a slot. `not_proved`: wishes that were refused though for
    some slot it is not proved that there was no way. `travel_s` are reference seconds. `bound_s` is the proven lower
    bound of `cost_s`, None where there is none.
    """

    executives: int
    slot_minutes: int
    seed: int
    wishes: int
    accepted: int
    first_choice: int
    too_long: int
    not_proved: int
    deliveries: int
    delivered: int
    service_s: int
    travel_s: int
    overtime_s: int
    cost_s: int
    bound_s: int | None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if type(value) is not int and not (name == "bound_s" and value is None):
                raise InvalidProblem([Fault((name,), "wrong_type", value, "a whole number")])
        if not (
            0 <= self.first_choice <= self.accepted <= self.wishes - self.too_long
            and self.too_long >= 0
            and 0 <= self.delivered <= self.deliveries
            and min(self.executives, self.slot_minutes, self.seed) >= 1
            and min(self.service_s, self.travel_s, self.overtime_s, self.not_proved) >= 0
            and (self.bound_s or 0) <= self.cost_s
        ):
            raise InvalidProblem([Fault((), "bad_result", str(self), "counts and seconds that can be")])

    @property
    def cell(self) -> Cell:
        """Of which cell it is."""
        return Cell(Setting(self.executives, self.slot_minutes), self.seed)


def result_line(conditions: str, result: CellResult) -> str:
    """A result as a line of JSON, with the conditions it was got under."""
    return json.dumps({"conditions": conditions, **asdict(result)}) + "\n"


def result_of(line: str, conditions: str) -> CellResult | None:
    """The result that a line holds, None for one got under other conditions. ValueError for any other line."""
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict) or not isinstance(fields.get("conditions"), str):
            raise ValueError("an object with its conditions")
        if fields.pop("conditions") != conditions:
            return None
        return CellResult(**fields)
    except (ValueError, TypeError, InvalidProblem, RecursionError) as error:
        raise ValueError(f"no result: {error}") from None


def cells_csv(results: Sequence[CellResult]) -> str:
    """One row for each cell, as counted."""
    names = CellResult.__slots__
    rows = [",".join("" if (v := getattr(result, name)) is None else str(v) for name in names) for result in results]
    return "\n".join([",".join(names), *rows]) + "\n"
