"""What of a day is for sale at a moment: rules that keep a day or a slot from everybody, whoever could come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from optimizer.domain import BookingRules
from optimizer.quotas import Taken
from optimizer.slots.nouns import PromisedDay, SlotReasonCode
from optimizer.units import DAY_S, IST, clock

Sold = tuple[int, frozenset[str]]
"""A promise: the number of its slot, and the skills it needs."""


def not_on_sale(rules: BookingRules, day: PromisedDay, asked_at: dt.datetime) -> SlotReasonCode | None:
    """Why nothing of a day can be booked at this moment; None when booking is open."""
    today = asked_at.astimezone(IST).date()
    if day.sale.closed_because is not None:
        return SlotReasonCode.CLOSED_DAY
    if day.date < today:
        return SlotReasonCode.PAST
    if day.date > today + dt.timedelta(days=rules.horizon_days):
        return SlotReasonCode.BEYOND_HORIZON
    if day.sale.published:
        return SlotReasonCode.DAY_PUBLISHED
    return None


def not_for_sale(
    day: PromisedDay,
    slot: int,
    asked_at: dt.datetime,
    skills: frozenset[str] = frozenset(),
    besides: Iterable[Sold] = (),
) -> SlotReasonCode | None:
    """Why a slot of a day on sale cannot be booked for a service that needs these skills; None when it can.

    `besides` are promises of the same request, in other slots, that the day does not have yet.
    """
    return _code(day, slot, (asked_at - clock(day.date, 0)).total_seconds(), skills, besides)


def codes_of_slots(
    day: PromisedDay, asked_at: dt.datetime, skills: frozenset[str] = frozenset()
) -> list[SlotReasonCode | None]:
    """`not_for_sale` of every slot."""
    asked_s = (asked_at - clock(day.date, 0)).total_seconds()
    return [_code(day, slot, asked_s, skills, ()) for slot in range(len(day.slots))]


def _code(
    day: PromisedDay, slot: int, asked_s: float, skills: frozenset[str], besides: Iterable[Sold]
) -> SlotReasonCode | None:
    """`asked_s`: of the day, negative before it."""
    sale = day.sale
    if day.slots[slot].open_s <= asked_s:
        return SlotReasonCode.PAST
    if asked_s >= day.rules.closes_s - DAY_S:
        return SlotReasonCode.INSIDE_LEAD_TIME
    if slot in sale.closed_slots:
        return SlotReasonCode.CLOSED_SLOT
    if slot in sale.stop_sales:
        return SlotReasonCode.STOP_SALE
    if _used_up(day, slot, skills, besides):
        return SlotReasonCode.QUOTA_USED_UP
    return None


def _used_up(day: PromisedDay, slot: int, skills: frozenset[str], besides: Iterable[Sold]) -> bool:
    """No more promises of this kind may be made in the slot.

    A quota set by hand stands in the place of what was computed for that slot, or for that kit in it.
    """
    sale = day.sale
    by_hand = sale.quotas.get(slot)
    if by_hand is not None and day.taken[slot] >= by_hand:
        return True
    kits = {kit: sale.kit_quotas[slot, kit] for kit in skills if (slot, kit) in sale.kit_quotas}
    if any(day.taken_by(slot, kit) >= quota for kit, quota in kits.items()):
        return True
    capacity = sale.capacity
    if capacity is None or by_hand is not None or kits:
        return False
    taken = day.taken_of_capacity
    more = tuple(besides)
    if more:
        taken = Taken(taken.promises.copy(), taken.remote)
        for other, needs in more:
            taken.add(other, capacity.column(needs))
    return not capacity.has_room(taken, slot, capacity.column(skills))
