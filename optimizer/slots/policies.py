"""In which order offers are told, and which of them aloud: the policy of a city, behind one small interface.

Hiding scarce slots loses callers; reading out first the slots with most spare executives, by how much each slot is
asked for, and the rest on request, wins some. All policies order the same offers: none hides one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from optimizer.domain import Slot
from optimizer.slots.nouns import SlotOffer

Said = tuple[dt.date, Slot]
Told = tuple[tuple[SlotOffer, ...], tuple[SlotOffer, ...]]
"""Offers to tell aloud, and those to tell on request."""

SCARCE_S = 900
"""Cost seconds of taking the only executive of a slot; of taking one of n, so much / n."""

UNWISHED_S = 10_800
"""Cost seconds of a slot that does not fit the wish: it comes after all that do, unless they cost hours."""


class Policy(Protocol):
    """Orders offers; `said` are slots told before in the same conversation, in order: those still free stay first."""

    def __call__(self, offers: Sequence[SlotOffer], said: Collection[Said], /) -> Told:
        """Each offer stands in one of the two lists."""
        ...


def score(extra_s: int, executives: int, wished: bool) -> int:
    """Cost seconds a slot is thought to be worth avoiding: lower is better. Nobody idle counts as half an executive.

    `extra_s`: what it adds to the cost of the day: travel, and overtime and fairness where they are known.
    """
    scarce_s = 2 * SCARCE_S if executives == 0 else SCARCE_S // executives
    return extra_s + scarce_s + (0 if wished else UNWISHED_S)


def _by_time(offer: SlotOffer) -> tuple[dt.date, int, int]:
    return offer.date, offer.slot.open_s, offer.service


def all_feasible(offers: Sequence[SlotOffer], said: Collection[Said], /) -> Told:  # noqa: ARG001  (order of time is stable)
    """Everything, in order of time."""
    return tuple(sorted(offers, key=_by_time)), ()


def ranked(offers: Sequence[SlotOffer], said: Collection[Said], /) -> Told:  # noqa: ARG001  (nothing is left out)
    """Everything, the lowest score first."""
    return tuple(sorted(offers, key=lambda offer: (offer.score, *_by_time(offer)))), ()


@dataclass(frozen=True)
class CallCentre:
    """First the `aloud` slots with most executives who could come per forecast popularity, the rest on request.

    `popularity` is how much slots are asked for, by the second of the day at which they open, in any unit; slots that
    are not in it count as the least popular one that is. Slots told before stay aloud, in their order, while they are
    free. Where several services are asked for, all offers of a slot are told together.
    """

    popularity: Mapping[int, float] = field(default_factory=dict)
    aloud: int = 3

    def __call__(self, offers: Sequence[SlotOffer], said: Collection[Said], /) -> Told:
        """Wished slots come before others; ties go to the lower score."""
        least = min((value for value in self.popularity.values() if value > 0), default=1.0)
        before = {slot: number for number, slot in enumerate(said)}

        def rank(offer: SlotOffer) -> tuple[int, bool, float, int, tuple[dt.date, int, int]]:
            wanted = max(self.popularity.get(offer.slot.open_s, least), least)
            told = before.get((offer.date, offer.slot), len(before))
            return told, not offer.wished, -offer.executives / wanted, offer.score, _by_time(offer)

        order = sorted(offers, key=rank)
        slots = list(dict.fromkeys((offer.date, offer.slot) for offer in order))
        aloud = set(slots[: max(self.aloud, sum(slot in before for slot in slots))])
        first = tuple(offer for offer in order if (offer.date, offer.slot) in aloud)
        rest = [offer for offer in order if (offer.date, offer.slot) not in aloud]
        return first, tuple(sorted(rest, key=_by_time))
