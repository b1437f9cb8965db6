"""Slots: booking request + witness -> slot offers; offer -> promise + new witness.

What "offered" means is one sentence: there is a complete plan of the day (the *witness*) that keeps every promise and
this one. `offers` answers requests, `ladder` asks whether there is room by tests in the order of what they cost,
`witness` takes promises and gives them back, `reasons` says why not.
"""

from optimizer.slots.certificates import Certificate, Certificates
from optimizer.slots.ladder import Effort, NoRoom
from optimizer.slots.nouns import (
    Approach,
    Combination,
    NoOffer,
    Offers,
    PromisedDay,
    Sale,
    SlotOffer,
    SlotReason,
    SlotReasonCode,
)
from optimizer.slots.offers import Asking, offer_slots
from optimizer.slots.policies import CallCentre, Policy, all_feasible, ranked
from optimizer.slots.reasons import reason_text
from optimizer.slots.sale import not_for_sale, not_on_sale
from optimizer.slots.settle import prove_slot
from optimizer.slots.witness import (
    Rewitnessed,
    WitnessBroken,
    emptied,
    improve,
    plan_of,
    promise,
    release,
    rewitness,
    verified,
)

__all__ = [
    "Approach",
    "Asking",
    "CallCentre",
    "Certificate",
    "Certificates",
    "Combination",
    "Effort",
    "NoOffer",
    "NoRoom",
    "Offers",
    "Policy",
    "PromisedDay",
    "Rewitnessed",
    "Sale",
    "SlotOffer",
    "SlotReason",
    "SlotReasonCode",
    "WitnessBroken",
    "all_feasible",
    "emptied",
    "improve",
    "not_for_sale",
    "not_on_sale",
    "offer_slots",
    "plan_of",
    "promise",
    "prove_slot",
    "ranked",
    "reason_text",
    "release",
    "rewitness",
    "verified",
]
