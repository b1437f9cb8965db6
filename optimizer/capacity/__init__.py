"""Capacity: how many promises each slot of a day may carry, by what they need, so that all of them can be kept.

The witness decides each booking. Quotas are for what no witness can know: days without one, room to be left for
deliveries, kits and peak slots to be held back, and what a shift is worth. `model` finds the quotas, `cover` counts
executives and has the measured prior, `worth` tells what one more executive or kit adds.
"""

from optimizer.capacity.cover import cover, limits, prior_alpha, travel_per_visit, wilson_lower, working_s, zones
from optimizer.capacity.model import accepted_nested, expected_accepted, quotas_of
from optimizer.capacity.nouns import CapacityProblem, CapacityResult, Row
from optimizer.capacity.worth import Worth, shift_patterns, worth
from optimizer.quotas import Quotas, Taken, Union, union_name, unions_of

__all__ = [
    "CapacityProblem",
    "CapacityResult",
    "Quotas",
    "Row",
    "Taken",
    "Union",
    "Worth",
    "accepted_nested",
    "cover",
    "expected_accepted",
    "limits",
    "prior_alpha",
    "quotas_of",
    "shift_patterns",
    "travel_per_visit",
    "union_name",
    "unions_of",
    "wilson_lower",
    "working_s",
    "worth",
    "zones",
]
