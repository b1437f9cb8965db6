"""Reasons: the closed list of codes, what their amounts count, and what "proved" claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from optimizer.domain import Proof


class ReasonCode(StrEnum):
    """Why a visit is on no route, or not on the route of one executive. The comment says what the amount counts."""

    NO_EXECUTIVE = "no_executive"  # 0 executives work on this day
    SKILL_MISSING = "skill_missing"  # executives who lack a skill it needs
    PINNED_ELSEWHERE = "pinned_elsewhere"  # executives it is not pinned to
    ENVELOPE_ELSEWHERE = "envelope_elsewhere"  # executives who neither hold its envelope nor start where it lies
    OUTSIDE_SHIFT = "outside_shift"  # least seconds between its windows and a shift
    UNREACHABLE_IN_TIME = "unreachable_in_time"  # least seconds missing to get there and back with nothing else to do
    BREAK_IN_THE_WAY = "break_in_the_way"  # least seconds missing to do so with the break that is due
    SLOT_FULL = "slot_full"  # proved: appointments that need the same, fewer, executives; else: executives taken
    CHEAPER_LATER = "cheaper_later"  # cost seconds by which serving it is dearer than waiting for another day
    ROOM_LEFT = "room_left"  # cost seconds that serving it would add: a better plan exists
    NO_ROOM_IN_PLAN = "no_room_in_plan"  # executives who could serve it, but whose routes here leave no time for it
    FIXED_ELSEWHERE = "fixed_elsewhere"  # 1 route that must begin with it


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: the code, how far it reaches, an amount with its unit, and one plain English sentence.

    `executives` and `visits` are the ids it speaks of, sorted; either may be empty.
    """

    code: ReasonCode
    proof: Proof
    amount: int
    unit: str
    text: str
    executives: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()


def listed(ids: Sequence[str], most: int = 3) -> str:
    """Ids in words, those beyond `most` only counted."""
    if len(ids) > most + 1:
        return f"{', '.join(ids[:most])} and {len(ids) - most} more"
    return " and ".join([", ".join(ids[:-1]), ids[-1]] if len(ids) > 1 else ids)


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it must be."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lasting(seconds: int) -> str:
    """A stretch of time in words: seconds up to two minutes, then whole minutes, rounded up."""
    return counted(seconds, "second") if seconds < 120 else f"{-(-seconds // 60)} minutes"
