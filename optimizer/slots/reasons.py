"""Why a slot is not offered: how many executives each rule keeps away, what is truly in the way, and the words.

Counts are of the witness as it is: of each executive it is asked which rules keep them from taking the visit. Reasons
of a slot that is proved impossible are sharpened: where a plan is found with all breaks left out, the break is in the
way, otherwise the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optimizer.domain import Proof
from optimizer.slots.annealing import anneal, stream, table_of
from optimizer.slots.newcomer import REST, TAKEN, TOO_FAR, UNABLE, Newcomer, augment
from optimizer.slots.nouns import SlotReason, SlotReasonCode

RULE_BITS: Mapping[SlotReasonCode, int] = {
    SlotReasonCode.NO_EXECUTIVE_WITH_SKILL: UNABLE,
    SlotReasonCode.ALL_EXECUTIVES_TAKEN: TAKEN,
    SlotReasonCode.NOT_REACHABLE_IN_TIME: TOO_FAR,
    SlotReasonCode.BREAK_CANNOT_BE_KEPT: REST,
}
"""The rules about executives, in the order in which they are told."""

BREAK_MOVES = 4_000

WORDS: Mapping[SlotReasonCode, tuple[str, str]] = {
    SlotReasonCode.CLOSED_DAY: ("the service is closed on this day", "इस दिन सेवा बंद रहती है"),
    SlotReasonCode.PAST: ("this time is over", "यह समय बीत चुका है"),
    SlotReasonCode.BEYOND_HORIZON: (
        "booking for this day has not opened yet",
        "इस दिन की बुकिंग अभी शुरू नहीं हुई है",
    ),
    SlotReasonCode.INSIDE_LEAD_TIME: ("booking for this day is closed", "इस दिन की बुकिंग बंद हो चुकी है"),
    SlotReasonCode.DAY_PUBLISHED: ("the plan of this day is made already", "इस दिन की योजना बन चुकी है"),
    SlotReasonCode.CLOSED_SLOT: ("the service is closed at this time", "इस समय सेवा बंद रहती है"),
    SlotReasonCode.STOP_SALE: ("this slot is not given out", "यह स्लॉट नहीं दिया जा रहा है"),
    SlotReasonCode.QUOTA_USED_UP: (
        "this slot has all the visits of this kind it may have",
        "इस स्लॉट में इस तरह की सेवाओं की निर्धारित सीमा पूरी हो चुकी है",
    ),
    SlotReasonCode.SERVICE_LONGER_THAN_SLOT: (
        "this service takes longer than the slot",
        "यह सेवा स्लॉट की अवधि से अधिक समय लेती है",
    ),
    SlotReasonCode.NO_EXECUTIVE_WITH_SKILL: (
        "no executive who can give this service is on duty then",
        "उस समय यह सेवा दे सकने वाला कोई मितान ड्यूटी पर नहीं है",
    ),
    SlotReasonCode.ALL_EXECUTIVES_TAKEN: (
        "all executives who could come are taken then",
        "उस समय आ सकने वाले सभी मितान व्यस्त हैं",
    ),
    SlotReasonCode.NOT_REACHABLE_IN_TIME: (
        "nobody can get there in time and keep all appointments",
        "बाकी सभी अपॉइंटमेंट निभाते हुए कोई मितान समय पर नहीं पहुँच सकता",
    ),
    SlotReasonCode.BREAK_CANNOT_BE_KEPT: (
        "whoever could come would miss the break that is due",
        "जो मितान आ सकते हैं उनका विश्राम का समय नहीं बचेगा",
    ),
}
"""What is said to people, in English and Hindi."""

NOT_NOW = (
    "not now: no way was found to keep all appointments",
    "अभी नहीं: सभी अपॉइंटमेंट निभाने का कोई रास्ता नहीं मिला",
)
"""Put before a reason that is not proved."""


def reason_text(reason: SlotReason, language: str = "en") -> str:
    """The reason in one plain sentence without a full stop, in English ("en") or Hindi ("hi").

    A heuristic reason never says that the slot is impossible.
    """
    column = 1 if language == "hi" else 0
    words = WORDS[reason.code][column]
    return words if reason.proof is Proof.PROVED else f"{NOT_NOW[column]} ({words})"


def sharpened(newcomer: Newcomer, row: int, reason: SlotReason, seed: int = 1) -> SlotReason:
    """A proved "not in time" becomes "the break is in the way" where a plan is found with all breaks left out."""
    if reason.proof is not Proof.PROVED or reason.code is not SlotReasonCode.NOT_REACHABLE_IN_TIME:
        return reason
    if not (newcomer.day.break_s > 0).any():
        return reason
    day, routes = newcomer.without_breaks
    takes = np.empty(len(routes.length), dtype=np.int64)
    found = augment(day, routes, newcomer.able, row, True, takes)
    if not found and augment(day, routes, newcomer.able, row, False, takes):
        table = table_of(day, routes.order, routes.length, newcomer.slots)
        for e in np.flatnonzero(takes >= 0):
            table[e, day.slot[row]] = takes[e]
        found = anneal(day, newcomer.able, table, 0, newcomer.slots - 1, BREAK_MOVES, stream(seed))[0] == 0
    return replace(reason, code=SlotReasonCode.BREAK_CANNOT_BE_KEPT) if found else reason


def counted(newcomer: Newcomer, row: int, first: SlotReason) -> tuple[SlotReason, ...]:
    """The reason to tell with its counts, and the other rules that keep executives away, with theirs, heuristic."""
    bits = newcomer.in_the_way[row - newcomer.first]
    reasons: list[SlotReason] = []
    for code, bit in RULE_BITS.items():
        alone = int((bits == bit).sum())
        others = int(((bits & bit) > 0).sum()) - alone
        if code is first.code:
            reasons.insert(0, replace(first, alone=alone, with_others=others))
        elif alone or others:
            reasons.append(SlotReason(code, Proof.HEURISTIC, alone, others))
    return tuple(reasons) if reasons and reasons[0].code is first.code else (first, *reasons)
