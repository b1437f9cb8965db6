"""What the commands of the booking service answer: slots as a table with its legend, bookings, changes, refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from api.console import marked, note, say, say_json, table
from api.shapes import booking_json
from api.words import Language
from optimizer.bookings import Change
from optimizer.domain import Booking, BookingStatus, Proof, Slot
from optimizer.slots import NoOffer, Offers, SlotReason, SlotReasonCode, reason_text
from optimizer.units import MINUTE_S, hhmm

ALOUD = 3
"""Slots, or combinations of slots, to read aloud first."""

MOST_COMBINATIONS = 12
"""Combinations shown in a table; JSON has all."""

MOST_NAMED = 20
"""Bookings named one by one."""

OPEN_QUESTION = "?"
"""Behind the mark of a reason that is not proved."""

MARKS: Mapping[SlotReasonCode, str] = {
    SlotReasonCode.CLOSED_DAY: "c",
    SlotReasonCode.PAST: "p",
    SlotReasonCode.BEYOND_HORIZON: "h",
    SlotReasonCode.INSIDE_LEAD_TIME: "l",
    SlotReasonCode.DAY_PUBLISHED: "d",
    SlotReasonCode.CLOSED_SLOT: "x",
    SlotReasonCode.STOP_SALE: "s",
    SlotReasonCode.QUOTA_USED_UP: "q",
    SlotReasonCode.SERVICE_LONGER_THAN_SLOT: "g",
    SlotReasonCode.NO_EXECUTIVE_WITH_SKILL: "n",
    SlotReasonCode.ALL_EXECUTIVES_TAKEN: "t",
    SlotReasonCode.NOT_REACHABLE_IN_TIME: "r",
    SlotReasonCode.BREAK_CANNOT_BE_KEPT: "b",
}
"""How a reason stands in a table of slots."""

_WEEKDAYS = {
    Language.EN: ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    Language.HI: ("सोम", "मंगल", "बुध", "गुरु", "शुक्र", "शनि", "रवि"),
}
_MONTHS = {
    Language.EN: ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    Language.HI: ("जन", "फर", "मार्च", "अप्रै", "मई", "जून", "जुल", "अग", "सित", "अक्टू", "नव", "दिस"),
}
_SAID: Mapping[str, tuple[str, str]] = {
    "day": ("day", "दिन"),
    "who could come": ("executives who could come", "कितने मितान आ सकते हैं"),
    "numbers": (
        "a number: executives who could come as the day is planned now; *: with appointments rearranged, all kept",
        "अंक: आज की योजना में कितने मितान आ सकते हैं; *: अपॉइंटमेंट आगे-पीछे करके, सब निभाते हुए",
    ),
    "aloud": ("Read aloud first", "पहले ये बताएँ"),
    "on request": ("on request: {count} more", "पूछने पर: {count} और"),
    "nothing": ("No slot can be offered on these days.", "इन दिनों में कोई स्लॉट नहीं दिया जा सकता।"),
    "no combination": (
        "No day has slots for all these services together.",
        "किसी एक दिन इन सभी सेवाओं के स्लॉट एक साथ नहीं मिल सकते।",
    ),
    "alone": (
        "Slots in the tables are each alone: what is proven for all services together is only a combination.",
        "ऊपर का हर स्लॉट अकेला है: सभी सेवाएँ एक साथ केवल नीचे के संयोजन में पक्की हैं।",
    ),
    "combinations": ("slots for all services together", "सभी सेवाओं के स्लॉट एक साथ"),
    "one executive": ("one executive", "एक ही मितान"),
    "executives": ("executives", "मितान"),
    "travel": ("extra travel min", "अतिरिक्त यात्रा मिनट"),
    "wished": ("as wished", "इच्छा अनुसार"),
    "yes": ("yes", "हाँ"),
    "no": ("no", "नहीं"),
    "counts": (
        "Executives whom a rule keeps away, alone and together with others",
        "हर नियम कितने मितानों को रोकता है: अकेले, और दूसरे नियमों के साथ",
    ),
    "slot": ("slot", "स्लॉट"),
    "service": ("service", "सेवा"),
    "why not": ("why not", "क्यों नहीं"),
    "by itself": ("alone", "अकेले"),
    "with others": ("with others", "दूसरों के साथ"),
    "away": (
        "{name}: the point may lie {spread_m} m away; that is in all travel times",
        "{name}: घर {spread_m} मी तक दूर हो सकता है; यह हर यात्रा समय में गिना गया है",
    ),
    "away from pin": (
        "PIN {name}: only the PIN area is known: the point may lie {spread_m} m away; that is in all travel times",
        "पिन {name}: केवल पिन का क्षेत्र मालूम है: घर {spread_m} मी तक दूर हो सकता है; यह हर यात्रा समय में गिना गया है",
    ),
    "approximate": (
        "approximate: only {what} is known; `mitaan locate BOOKING --at LON,LAT` gives the point",
        "अनुमानित: केवल {what} मालूम है; `mitaan locate BOOKING --at LON,LAT` सही बिंदु देता है",
    ),
    "locality": ("the locality", "मोहल्ला"),
    "pincode": ("the PIN area", "पिन का क्षेत्र"),
    "point": ("the locality or PIN area", "मोहल्ला या पिन का क्षेत्र"),
    "next": (
        "next, until {until}: mitaan book --hold {group}{options}",
        "आगे, {until} तक: mitaan book --hold {group}{options}",
    ),
    "still held": (
        "{count} of the {all} held together are still held, until {until}: mitaan book --hold {group}{options}",
        "साथ रोके गए {all} में से {count} अभी भी रुके हैं, {until} तक: mitaan book --hold {group}{options}",
    ),
}


def words(key: str, language: Language) -> str:
    """What is said to people, in their language."""
    return _SAID[key][language is Language.HI]


def day_words(date: dt.date, language: Language = Language.EN) -> str:
    """A date for people: Wed 2 Dec."""
    return f"{_WEEKDAYS[language][date.weekday()]} {date.day} {_MONTHS[language][date.month - 1]}"


def dated(date: dt.date) -> str:
    """A date for people, with its year: Wed 2 Dec 2026."""
    return f"{day_words(date)} {date.year}"


def slot_words(date: dt.date, slot: Slot, language: Language = Language.EN) -> str:
    """A slot for people: Wed 2 Dec 10:00-11:00."""
    return f"{day_words(date, language)} {hhmm(slot.open_s)}-{hhmm(slot.close_s)}"


# ------------------------------------------------------------------------------------------ slots


def tell_offers(offers: Offers, service_ids: Sequence[str], names: Sequence[str], language: Language) -> None:
    """Slots by day for each service, a legend of the reasons, the combinations, and what to read aloud first."""
    for number, name in enumerate(names):
        _slot_table(offers, number, name, language)
    _legend(offers, language)
    if len(service_ids) > 1:
        say(words("alone", language))
        _combination_table(offers, names, language)
        _read_combinations(offers, language)
    else:
        _read_aloud(offers, language)


def _slot_table(offers: Offers, service: int, name: str, language: Language) -> None:
    offered = {(o.date, o.slot.open_s): o for o in offers.offers if o.service == service}
    refused = {(n.date, None if n.slot is None else n.slot.open_s): n for n in offers.refused if n.service == service}
    opens = sorted({open_s for _, open_s in (*offered, *refused) if open_s is not None})
    dates = sorted({date for date, _ in (*offered, *refused)})
    columns = (words("day", language), *(hhmm(open_s) for open_s in opens or [0]))

    def cell(date: dt.date, open_s: int) -> str:
        offer = offered.get((date, open_s))
        if offer is not None:
            return "*" if offer.rearranged else str(offer.executives)
        no = refused.get((date, open_s)) or refused.get((date, None))
        return "" if no is None else mark_of(no.reasons[0])

    rows = ((day_words(date, language), *(cell(date, open_s) for open_s in opens or [0])) for date in dates)
    table(f"{name}: {words('who could come', language)}", columns, rows, fold=True)


def mark_of(reason: SlotReason) -> str:
    """How a reason stands in a table of slots; a question mark where it is not proved."""
    return MARKS[reason.code] + ("" if reason.proof is Proof.PROVED else OPEN_QUESTION)


def _legend(offers: Offers, language: Language) -> None:
    say(words("numbers", language))
    seen = {(no.reasons[0].code, no.reasons[0].proof) for no in offers.refused}
    for code in SlotReasonCode:
        for proof in Proof:
            if (code, proof) in seen:
                reason = SlotReason(code, proof)
                text = marked(reason_text(reason, language), code.value, proof.value)
                say(f"{mark_of(reason):<2} {text}")


def _read_aloud(offers: Offers, language: Language) -> None:
    if not offers.offers:
        say(words("nothing", language))
        return
    first = [slot_words(o.date, o.slot, language) for o in offers.aloud[:ALOUD]]
    more = words("on request", language).format(count=len(offers.offers) - len(first))
    say(f"{words('aloud', language)}: {'; '.join(first)} ({more})")


def _combination_table(offers: Offers, names: Sequence[str], language: Language) -> None:
    columns = (
        words("day", language),
        *names,
        words("executives", language),
        words("one executive", language),
        words("travel", language),
        words("wished", language),
    )
    rows = (
        (
            day_words(c.date, language),
            *(f"{hhmm(slot.open_s)}-{hhmm(slot.close_s)}" for slot in c.slots),
            " ".join(c.executives),
            words("yes" if c.one_executive else "no", language),
            f"{c.extra_travel_s / MINUTE_S:.0f}",
            words("yes" if c.wished else "no", language),
        )
        for c in offers.combinations[:MOST_COMBINATIONS]
    )
    if offers.combinations:
        table(words("combinations", language), columns, rows, columns[-2:-1])


def _read_combinations(offers: Offers, language: Language) -> None:
    if not offers.combinations:
        say(words("no combination", language))
        return
    first = [
        f"{day_words(c.date, language)} " + " + ".join(hhmm(slot.open_s) for slot in c.slots)
        for c in offers.combinations[:ALOUD]
    ]
    more = words("on request", language).format(count=len(offers.combinations) - len(first))
    say(f"{words('aloud', language)}: {'; '.join(first)} ({more})")


def tell_counts(refused: Iterable[NoOffer], service_ids: Sequence[str], language: Language) -> None:
    """Executives whom each rule keeps away from a slot, alone and together with others; rules about days have none."""
    rows = []
    for no in refused:
        slot = day_words(no.date, language) if no.slot is None else slot_words(no.date, no.slot, language)
        for reason in no.reasons:
            if reason.alone is not None:
                text = marked(reason_text(reason, language), reason.code.value, reason.proof.value)
                rows.append((slot, service_ids[no.service], text, reason.alone, reason.with_others))
    columns = [words(key, language) for key in ("slot", "service", "why not", "by itself", "with others")]
    table(words("counts", language), columns, rows, columns[3:])


# ----------------------------------------------------------------------- bookings and verdicts


def tell_bookings(title: str, found: Sequence[Booking], now: dt.datetime, language: Language = Language.EN) -> None:
    """Bookings as a table."""
    columns = ("booking", "slot", "service", "status", "executive", "reference", "remarks")
    rows = (
        (
            b.booking_id,
            slot_words(b.date, b.slot, language),
            b.service.service_id,
            _status(b, now),
            b.executive_id,
            b.reference,
            "; ".join(_remarks(b)) or None,
        )
        for b in found
    )
    table(title, columns, rows)


def _status(booking: Booking, now: dt.datetime) -> str:
    if booking.status is BookingStatus.HELD and booking.expires_at is not None:
        until = f"{booking.expires_at:%H:%M:%S}"
        return f"held until {until}" if booking.live(now) else f"held, ran out at {until}"
    code = f": {booking.not_served.value}" if booking.not_served else ""
    return booking.status.value.replace("_", " ") + code


def _remarks(booking: Booking) -> Iterable[str]:
    if booking.at_risk and booking.on_day:
        yield "at risk"
    if booking.approximate:
        yield f"approximate ({booking.spread_m} m)"
    if booking.pinned_to:
        yield f"only {booking.pinned_to}"
    if booking.moved_from:
        yield f"moved from {booking.moved_from}"
    if booking.moved_to:
        yield f"moved to {booking.moved_to}"


def tell_change(
    change: Change, title: str, now: dt.datetime, language: Language, as_json: bool, basis: str = "point"
) -> None:
    """What a verb did to bookings; `basis` is what is known of their place, where the command said it."""
    if as_json:
        say_json({"bookings": [booking_json(b, now) for b in change.bookings]})
        return
    tell_bookings(title, change.bookings, now, language)
    if any(b.approximate and b.on_day for b in change.bookings):
        say(words("approximate", language).format(what=words(basis, language)))


def tell_next(held: Sequence[Booking], options: str, language: Language) -> None:
    """The command that confirms what is held now."""
    until = min((b.expires_at for b in held if b.expires_at is not None), default=None)
    if until is not None:
        say(words("next", language).format(until=f"{until:%H:%M:%S}", group=held[0].group_id, options=options))


def warn_of_rest(left: Sequence[Booking], confirmed: int, options: str, language: Language) -> None:
    """That of what was held together some is not confirmed, and until when it can be."""
    until = min((b.expires_at for b in left if b.expires_at is not None), default=None)
    if until is not None:
        text = words("still held", language)
        given = {"count": len(left), "all": len(left) + confirmed, "group": left[0].group_id, "options": options}
        note(text.format(until=f"{until:%H:%M:%S}", **given))


def named(ids: Sequence[str]) -> str:
    """Ids for people, not more than can be read."""
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return f"{', '.join(ids[:MOST_NAMED])}{more}"
