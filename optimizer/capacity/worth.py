"""What one more executive, or one more kit, is worth: by solving the day again with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from optimizer.capacity.model import quotas_of
from optimizer.capacity.nouns import CapacityProblem
from optimizer.domain import Executive
from optimizer.units import hhmm


@dataclass(frozen=True, slots=True)
class Worth:
    """What a change adds to the promises expected to be accepted, on the day and by slot.

    `ceiling`: no quotas within the executives of the slots would add more to what was accepted before.
    """

    change: str
    added: float
    ceiling: float
    added_by_slot: tuple[float, ...]


def shift_patterns(executives: Sequence[Executive]) -> tuple[Executive, ...]:
    """One executive of each pattern of shift and break, without skills: whom `worth` adds by default."""
    found: dict[tuple[object, object], Executive] = {}
    for executive in executives:
        plain = replace(executive, skills=frozenset(), preferred_visits=frozenset(), fixed_prefix=())
        found.setdefault((executive.shift, executive.pause), plain)
    return tuple(found[key] for key in sorted(found, key=str))


def worth(problem: CapacityProblem, more: Iterable[Executive] | None = None, seed: int = 1) -> tuple[Worth, ...]:
    """One row for each executive in `more` (default: one of each shift pattern), and for each kit somebody lacks.

    Skills count as kits where a need asks for them; each is given to each executive without it, one at a time.
    """
    before = quotas_of(problem, seed)
    asked = sorted(frozenset().union(*problem.needs))

    def row(change: str, executives: tuple[Executive, ...]) -> Worth:
        after = quotas_of(replace(problem, executives=executives), seed)
        by_slot = (b - a for a, b in zip(before.accepted_by_slot, after.accepted_by_slot, strict=True))
        return Worth(change, after.accepted - before.accepted, after.ceiling - before.accepted, tuple(by_slot))

    rows = []
    for executive in shift_patterns(problem.executives) if more is None else more:
        name = f"one more executive {hhmm(executive.shift.open_s)}-{hhmm(executive.shift.close_s)}"
        if executive.skills:
            name += f" with {', '.join(sorted(executive.skills))}"
        rows.append(row(name, (*problem.executives, executive)))
    for kit in asked:
        for at, executive in enumerate(problem.executives):
            if kit not in executive.skills:
                equipped = replace(executive, skills=executive.skills | {kit})
                changed = (*problem.executives[:at], equipped, *problem.executives[at + 1 :])
                rows.append(row(f"{kit} for {executive.executive_id}", changed))
    return tuple(rows)
