"""What days sell, slot by slot, as the calendar and the capacity of a city show it: terminal, table, heat map."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.bookings_cli.answers import MARKS, day_words
from api.console import out, say, table
from api.glance import day_at_a_glance
from api.roster_page import QuotaCell, QuotaDay, QuotaPart, QuotaView
from api.rostering.drafts import NO_ROSTER
from api.store.restrictions import CLOSURE, restrictions_in
from api.store.store import Store
from api.words import Language
from optimizer.domain import Proof, Slot
from optimizer.slots import SlotReason, SlotReasonCode, not_on_sale, reason_text
from optimizer.slots.sale import codes_of_slots
from optimizer.units import HOUR_S, hhmm
from scenarios.catalogue import City

MOST_COLUMNS = 100
"""Columns of a table of days, where no terminal says how many there are."""
BESIDE = 28
"""Columns for the day and the numbers beside its slots."""
NOBODY = "."
"""How a slot stands in the table in which nobody is on shift."""
CALENDAR_COLUMNS = (
    *("date", "slot", "open", "reason", "kit", "executives"),
    *("capacity", "promised", "held", "free", "quota_by_hand"),
)


@dataclass(frozen=True, eq=False)
class DaySold:
    """A day: as JSON says it, its slots, and by slot why nothing of it can be booked at the moment, None where it can.

    The reason is a code, that of the day where all of it is not on sale, `no_roster` where nobody works on it. A slot
    that is full is told as such, `quota_used_up`.
    """

    date: dt.date
    document: dict[str, Any]
    slots: tuple[Slot, ...]
    reasons: tuple[str | None, ...]

    def json(self) -> dict[str, Any]:
        """The day with the reason of each slot."""
        slots = [{**slot, "reason": why} for slot, why in zip(self.document["slots"], self.reasons, strict=True)]
        return {**self.document, "slots": slots}


def days_sold(store: Store, city: City, dates: Sequence[dt.date], now: dt.datetime) -> list[DaySold]:
    """These days as they are now."""
    with store.database.read() as connection:
        views = store.views(connection, city, dates)
        rows = restrictions_in(connection, city, min(dates), max(dates))
    found = []
    for date in dates:
        day = views[date].book.day
        whole: SlotReasonCode | None = not_on_sale(day.rules, day, now)
        codes = codes_of_slots(day, now) if whole is None else [whole] * len(day.slots)
        reasons = tuple(None if code is None else code.value for code in codes)
        if whole is None and not day.problem.executives:
            reasons = (NO_ROSTER,) * len(reasons)
        own = [row for row in rows if row.date == date]
        document = day_at_a_glance(city, views[date], now, restrictions=own)
        found.append(DaySold(date, document, tuple(day.slots), reasons))
    return found


# --------------------------------------------------------------------------------------- told


def tell_days(title: str, days: Sequence[DaySold]) -> None:
    """Days by slots: promised and held of what may be, and why nothing more is sold; a legend of the reasons."""
    opens = sorted({slot.open_s for day in days for slot in day.slots})
    on_the_hour = all(open_s % HOUR_S == 0 for open_s in opens)
    heads = [hhmm(open_s)[: 2 if on_the_hour else 5] for open_s in opens]
    found = [_cells(day, opens) for day in days]
    sums = [[sum(slot[key] for slot in day.document["slots"]) or None for key in ("held", "free")] for day in days]
    widths = [max(map(len, column)) for column in zip(heads, *found, strict=True)]
    close = [" ".join(map(str.ljust, row, widths)) for row in (heads, *found)]
    if len(close[0]) + BESIDE <= (out.width if out.is_terminal else MOST_COLUMNS):
        heads, found = close[:1], [[row] for row in close[1:]]
    columns = ("day", *heads, "held", "free")
    rows = [(day_words(d.date), *cells, *numbers) for d, cells, numbers in zip(days, found, sums, strict=True)]
    table(title, columns, rows, columns[-2:], fold=True)
    _legend(days)


def _legend(days: Sequence[DaySold]) -> None:
    seen = {why for day in days for why in day.reasons}
    letters = [code for code in SlotReasonCode if code.value in seen and code is not SlotReasonCode.QUOTA_USED_UP]
    because = "; a letter: nothing more is sold, because" if letters else ""
    say(f"2/4: two promised or held of four that the slot may carry{because}")
    for code in letters:
        say(f"{MARKS[code]}  {reason_text(SlotReason(code, Proof.PROVED), Language.EN)} [{code.value}]")
    if NO_ROSTER in seen:
        say(f"{NOBODY}  nobody works on this day yet [{NO_ROSTER}]")
    for day in days:
        if day.document["closed_because"]:
            say(f"{day_words(day.date)}: closed ({day.document['closed_because']})")
        parts = [row for row in day.document["restrictions"] if row["kind"] == CLOSURE and row["open"] is not None]
        for told in dict.fromkeys(f"{r['open'][11:16]}-{r['close'][11:16]}: closed ({r['reason']})" for r in parts):
            say(f"{day_words(day.date)} {told}")


def _cells(day: DaySold, opens: Sequence[int]) -> list[str]:
    rows = zip(day.slots, day.document["slots"], day.reasons, strict=True)
    told = {slot.open_s: _cell(row, why) for slot, row, why in rows}
    return [told.get(open_s, "") for open_s in opens]


def _cell(slot: Mapping[str, Any], why: str | None) -> str:
    full = SlotReasonCode.QUOTA_USED_UP.value
    mark = NOBODY if why == NO_ROSTER else "" if why in {None, full} else MARKS[SlotReasonCode(why)]
    if mark and not slot["promises"] and not slot["capacity"]:
        return mark
    return f"{slot['promises']}/{slot['capacity']}{mark}"


def calendar_csv(days: Sequence[DaySold]) -> str:
    """A row for each slot, all promises first, and then for each kit in it."""
    lines = [",".join(CALENDAR_COLUMNS)]
    for day in days:
        for slot, told, why in zip(day.slots, day.document["slots"], day.reasons, strict=True):
            head = (day.date.isoformat(), hhmm(slot.open_s), "yes" if told["open"] else "no", why or "")
            for kit, row in [("", told), *((each["kit"], each) for each in told["kits"])]:
                numbers = (row[key] for key in ("executives", "capacity", "promised", "held", "free", "quota"))
                lines.append(",".join((*head, kit, *("" if n is None else str(n) for n in numbers))))
    return "\n".join(lines) + "\n"


def heat_map(days: Sequence[DaySold]) -> tuple[QuotaView, list[dt.date]]:
    """The days as a picture; and the dates that are left out, because they have other slots than most."""
    (slots, _), *_ = Counter(day.slots for day in days).most_common(1)
    shown = [day for day in days if day.slots == slots]
    kits = sorted({kit["kit"] for day in shown for slot in day.document["slots"] for kit in slot["kits"]})
    first, last = shown[0].date, shown[-1].date
    by_date = {day.date: day for day in shown}
    dates = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    parts = [
        QuotaPart(kit, tuple(_quota_day(date, by_date.get(date), len(slots), kit) for date in dates))
        for kit in (None, *kits)
    ]
    return QuotaView(slots, tuple(parts)), [day.date for day in days if day.slots != slots]


def _quota_day(date: dt.date, day: DaySold | None, slots: int, kit: str | None) -> QuotaDay:
    if day is None:
        return QuotaDay(date, (QuotaCell(None),) * slots)
    cells = []
    for told, why in zip(day.document["slots"], day.reasons, strict=True):
        row = told if kit is None else next((each for each in told["kits"] if each["kit"] == kit), None)
        shut = None if why == SlotReasonCode.QUOTA_USED_UP.value else told["closed_because"] or why
        taken = 0 if row is None else row["promised"] + row["held"]
        cells.append(QuotaCell(0 if row is None else row["capacity"], taken, shut))
    return QuotaDay(date, tuple(cells))
