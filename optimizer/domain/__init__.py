"""The nouns, in the order of the straight line from a visit to a day plan. Frozen; checked when built.

Times are day seconds (see `units`), money does not occur, costs are whole *cost seconds*: one
cost second is worth one second of reference travel.

A noun that breaks its own rules cannot be built: it raises `InvalidProblem` carrying every fault
found in it at once, each with the path to the value, the value and the rule.
"""

from optimizer.domain.booking import (
    BEGUN,
    FOLLOWS,
    MOST_SERVICES,
    OFF_DAY,
    AskedService,
    Booking,
    BookingRequest,
    BookingRules,
    BookingStatus,
    NotServed,
    Wishes,
)
from optimizer.domain.executives import Break, Executive, Shift
from optimizer.domain.faults import ID_PATTERN, Fault, InvalidProblem, MitaanError
from optimizer.domain.plan import Cost, DayPlan, Limits, PlannedBreak, Progress, Proof, Result, Route, Status, Stop
from optimizer.domain.prices import FairnessPiece, Prices, WaitingCurve
from optimizer.domain.problem import Problem, places_of
from optimizer.domain.service import Place, ServiceRules, Slot, SlotGrid, TimeWindow
from optimizer.domain.visits import Appointment, Delivery, Visit

__all__ = [
    "BEGUN",
    "FOLLOWS",
    "ID_PATTERN",
    "MOST_SERVICES",
    "OFF_DAY",
    "Appointment",
    "AskedService",
    "Booking",
    "BookingRequest",
    "BookingRules",
    "BookingStatus",
    "Break",
    "Cost",
    "DayPlan",
    "Delivery",
    "Executive",
    "FairnessPiece",
    "Fault",
    "InvalidProblem",
    "Limits",
    "MitaanError",
    "NotServed",
    "Place",
    "PlannedBreak",
    "Prices",
    "Problem",
    "Progress",
    "Proof",
    "Result",
    "Route",
    "ServiceRules",
    "Shift",
    "Slot",
    "SlotGrid",
    "Status",
    "Stop",
    "TimeWindow",
    "Visit",
    "WaitingCurve",
    "Wishes",
    "places_of",
]
