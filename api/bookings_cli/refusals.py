"""A verb that was refused, in the words of who asked: the code, one sentence, the reasons, the nearest slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import typer

from api.bookings_cli.answers import named, slot_words
from api.console import REFUSED, marked, say, say_json, short
from api.shapes import refusal_json
from api.words import IN_HINDI, Language
from optimizer.bookings import Refusal, RefusalCode
from optimizer.slots import SlotOffer, reason_text
from optimizer.units import hhmm

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
