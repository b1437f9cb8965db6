"""A verb that was refused, in the words of who asked: the code, one sentence, the reasons, the nearest slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import typer

from api.bookings_cli.answers import named, slot_words
from api.bookings_cli.given import Language
from api.console import REFUSED, marked, say, say_json, short
from api.shapes import refusal_json
from optimizer.bookings import Refusal, RefusalCode
from optimizer.slots import SlotOffer, reason_text
from optimizer.units import hhmm

IN_HINDI: Mapping[RefusalCode, str] = {
    RefusalCode.UNKNOWN_BOOKING: "ऐसी कोई बुकिंग, रोक या डिलीवरी नहीं है",
    RefusalCode.UNKNOWN_SLOT: "इस समय कोई स्लॉट शुरू नहीं होता",
    RefusalCode.SLOT_NOT_OFFERED: "यह स्लॉट नहीं दिया जा सकता",
    RefusalCode.SAME_SLOT: "बुकिंग पहले से इसी स्लॉट में है",
    RefusalCode.SLOT_TAKEN_TWICE: "दो सेवाओं के लिए दो अलग स्लॉट चाहिए",
    RefusalCode.HOLD_EXPIRED: "रोकने का समय खत्म हो गया है",
    RefusalCode.HOLD_AT_RISK: "दिन बदल गया है, अब यह स्लॉट नहीं निभाया जा सकता",
    RefusalCode.HOLD_OF_ANOTHER_CALLER: "यह स्लॉट किसी और ने रोका है; वही इसे पक्का कर या छोड़ सकते हैं",
    RefusalCode.NOT_A_HOLD: "यह रोका हुआ स्लॉट नहीं है",
    RefusalCode.ALREADY_CONFIRMED: "यह पहले ही पक्की बुकिंग है",
    RefusalCode.ALREADY_EXTENDED: "रोकने का समय केवल एक बार बढ़ सकता है",
    RefusalCode.ALREADY_CANCELLED: "यह बुकिंग पहले ही रद्द हो चुकी है",
    RefusalCode.ALREADY_MOVED: "यह बुकिंग पहले ही दूसरे स्लॉट में जा चुकी है",
    RefusalCode.ILLEGAL_TRANSITION: "बुकिंग की अभी की स्थिति में यह नहीं हो सकता",
    RefusalCode.CODE_NEEDED: "सेवा न हो पाने का कारण, और केवल तभी, बताना होता है",
    RefusalCode.TOO_EARLY: "अभी बहुत जल्दी है: बुकिंग का दिन शुरू नहीं हुआ है",
    RefusalCode.TOO_LATE_TO_MOVE: "स्लॉट बदलने का समय निकल चुका है",
    RefusalCode.TOO_LATE_TO_CANCEL: "रद्द करने का समय निकल चुका है",
    RefusalCode.PLAN_OUTDATED: "योजना बनने के बाद दिन बदल गया है",
    RefusalCode.PLAN_BREAKS_RULES: "यह योजना नियम तोड़ती है",
    RefusalCode.DAY_PUBLISHED: "दिन की योजना जारी हो चुकी है",
    RefusalCode.DAY_CLOSED: "यह दिन बंद है",
    RefusalCode.DAY_BEGUN: "इस दिन की सेवा शुरू हो चुकी है",
    RefusalCode.CHANGED_MEANWHILE: "यह अब वैसा नहीं है जैसा पढ़ा गया था",
    RefusalCode.PROMISES_IN_THE_WAY: "इस दिन के कुछ वादे तब नहीं निभाए जा सकेंगे",
}
"""Each refusal in one sentence; the sentence of the refusal itself is English, with its amounts."""

_SAID: Mapping[str, tuple[str, str]] = {
    "refused": ("refused", "मना"),
    "because": ("because", "क्योंकि"),
    "nearest": ("nearest", "सबसे नज़दीकी"),
    "bookings": ("bookings", "बुकिंग"),
    "not offered": ("this slot is not offered", IN_HINDI[RefusalCode.SLOT_NOT_OFFERED]),
}


def _words(key: str, language: Language) -> str:
    return _SAID[key][language is Language.HI]


def refusal_text(refusal: Refusal, language: Language) -> str:
    """The sentence of a refusal; a slot that is not offered says why in its reasons."""
    if [reason.code.value for reason in refusal.reasons] == [refusal.text]:
        return _words("not offered", language)
    if language is not Language.HI:
        return refusal.text
    exact = f" ({refusal.text})" if refusal.code is RefusalCode.UNKNOWN_SLOT else ""
    return IN_HINDI[refusal.code] + exact


def tell_refusal(
    refusal: Refusal,
    language: Language,
    as_json: bool,
    service_id: str | None = None,
    sorts: Mapping[str, Sequence[str]] | None = None,
) -> NoReturn:
    """A refused verb: the code, the sentence, the reasons, the nearest slots; exit code 1, nothing has changed.

    `sorts` are its bookings by what is to be said of them.
    """
    if as_json:
        more = {name.replace(" ", "_"): list(ids) for name, ids in (sorts or {}).items()}
        text = refusal.text if language is Language.EN else refusal_text(refusal, language)
        say_json({"refused": {**refusal_json(refusal, language, service_id), "text": text, **more}})
        raise typer.Exit(REFUSED)
    text = refusal_text(refusal, language)
    say(f"{_words('refused', language)}: {short(refusal.subject)}: {text} [{refusal.code.value}]")
    for reason in refusal.reasons:
        told = marked(reason_text(reason, language), reason.code.value, reason.proof.value)
        say(f"  {_words('because', language)} {told}")
    for name, ids in (sorts or {_words("bookings", language): refusal.bookings}).items():
        if ids:
            say(f"  {name}: {named(ids)}")
    if refusal.nearest:
        say(f"  {_words('nearest', language)}: " + "; ".join(_near(offer, language) for offer in refusal.nearest))
    raise typer.Exit(REFUSED)


def _near(offer: SlotOffer, language: Language) -> str:
    return f"{slot_words(offer.date, offer.slot, language)} ({offer.date.isoformat()}T{hhmm(offer.slot.open_s)})"
