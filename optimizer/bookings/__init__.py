"""Hold, confirm, move, cancel, publish: pure verbs on a day and its bookings.

Each verb takes days as they are and answers with a `Change`, which has new days with new witnesses, new bookings and
the events to tell others, or with a `Refusal`, and then nothing has changed. A store writes changes and knows nothing
of their rules; the time is an argument. What holds in every state: the witness of a day serves every booking and live
hold that is not marked at risk, and the checker has judged it.
"""

from optimizer.bookings.nouns import (
    Change,
    DayBook,
    Event,
    Refusal,
    RefusalCode,
    Verdict,
    Wanted,
    Wanter,
    gone,
    told,
    unknown,
    with_bookings,
)
from optimizer.bookings.verbs import (
    cancel,
    confirm,
    expire,
    extend,
    give_up,
    hold,
    mark,
    may_move,
    move,
    recover,
    relocate,
)
from optimizer.bookings.whole_day import close, provide, publish, restaff, restrict

__all__ = [
    "Change",
    "DayBook",
    "Event",
    "Refusal",
    "RefusalCode",
    "Verdict",
    "Wanted",
    "Wanter",
    "cancel",
    "close",
    "confirm",
    "expire",
    "extend",
    "give_up",
    "gone",
    "hold",
    "mark",
    "may_move",
    "move",
    "provide",
    "publish",
    "recover",
    "relocate",
    "restaff",
    "restrict",
    "told",
    "unknown",
    "with_bookings",
]
