"""Units: day seconds and local time, and the only rounding of real numbers into solver integers.

Inside the engine a time is a whole number of seconds since local midnight of the service day
("day seconds"; 08:00 = 28,800). Outside it is RFC 3339 with the offset of Asia/Kolkata, +05:30.
India has kept one offset without daylight saving since 1945, so a fixed offset says the same as
the zone and needs no time-zone database on the machine.
"""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache

DAY_S = 86_400
HOUR_S = 3_600
MINUTE_S = 60

IST = dt.timezone(dt.timedelta(hours=5, minutes=30), "IST")


def clock(day: dt.date, second: int) -> dt.datetime:
    """Local time of a day second; 86,400 is midnight of the next day. Past the day it goes on counting."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=IST) + dt.timedelta(seconds=second)


@lru_cache(maxsize=1 << 14)  # slots are told again and again
def rfc3339(day: dt.date, second: int) -> str:
    """A day second as text, for example `2026-12-01T08:00:00+05:30`."""
    return clock(day, second).isoformat()


def day_second(day: dt.date, moment: dt.datetime) -> int:
    """Day second of a moment that has an offset; may be negative or past the day.

    Raises ValueError when the moment has no offset or is not a whole second.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset from UTC")
    if moment.microsecond:
        raise ValueError(f"{moment.isoformat()} is not a whole second")
    return int((moment - clock(day, 0)).total_seconds())


def hhmm(second: int) -> str:
    """A day second as `08:05`, seconds cut off; 86,400 is `24:00`."""
    return f"{second // HOUR_S:02d}:{second % HOUR_S // MINUTE_S:02d}"


def ceil_div(amount: int, divisor: int) -> int:
    """Integer quotient rounded up, for amount >= 0 and divisor > 0."""
    return -(-amount // divisor)


def whole_up(real: float) -> int:
    """A real amount rounded up to a whole one: seconds of travel, metres, cost seconds."""
    return math.ceil(real)
