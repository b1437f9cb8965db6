"""What a plan says about itself: its figures, why visits are on no route, what else could be done with one that is.

Returns data only. Every "no" carries a code, the subject, an amount with its unit, and whether it is
proved for every plan of the day or only true of this one.
"""

from optimizer.domain import Proof
from optimizer.report.alone import Alone, Barrier
from optimizer.report.choices import Alternative, Explanation, explain_visit
from optimizer.report.figures import DeliveryLeft, Kpis, SlotUse, kpis
from optimizer.report.nouns import Reason, ReasonCode
from optimizer.report.unassigned import reasons

__all__ = [
    "Alone",
    "Alternative",
    "Barrier",
    "DeliveryLeft",
    "Explanation",
    "Kpis",
    "Proof",
    "Reason",
    "ReasonCode",
    "SlotUse",
    "explain_visit",
    "kpis",
    "reasons",
]
