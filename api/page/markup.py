"""Markup that cannot forget to escape: every child and attribute that is not already `Markup` is text.

The result is well-formed XML as well as HTML, so a page can be read by either parser.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from optimizer.units import HOUR_S, MINUTE_S, hhmm

SVG = "http://www.w3.org/2000/svg"
"""The name of the SVG vocabulary; it looks like an address but is never fetched."""

LEAVES = frozenset({"br", "circle", "line", "link", "meta", "path", "rect", "use"})
"""Elements written without a closing tag when they have no children."""

_CONTROLS = {code: " " for code in range(32) if code not in (9, 10, 13)}


class Markup(str):
    """Text that is already markup and goes into a page as it is."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Plain text made harmless, also inside quoted attributes; control characters become spaces."""
    return value if isinstance(value, Markup) else Markup(escape(value.translate(_CONTROLS), quote=True))


def number(value: float) -> str:
    """A coordinate for drawing: at most two decimals, no trailing zeros, no minus zero."""
    short = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element. Attribute names lose a trailing `_`, inner ones become `-`; None leaves an attribute out."""
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            shown = value if isinstance(value, str) else number(value)
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{text(shown)}"')
    opening = " ".join(parts)
    if name in LEAVES and not children:
        return Markup(f"<{opening}/>")
    return Markup(f"<{opening}>{''.join(text(child) for child in children)}</{name}>")


def join(pieces: Iterable[str], between: str = "") -> Markup:
    """Pieces one after the other, texts among them made harmless."""
    return Markup(text(between).join(text(piece) for piece in pieces))


def swatch() -> Markup:
    """A short piece of line in the colour and dashes of the executive around it."""
    line = tag("path", d="M0 6H30")
    return tag("svg", line, class_="swatch", width=30, height=12, aria_hidden="true", xmlns=SVG)


# ------------------------------------------------------------------------------ how values read


def whole(amount: int) -> str:
    """A whole number with thousands set apart: 31,204."""
    return f"{amount:,}"


def duration(seconds: int) -> str:
    """A duration in hours and minutes, rounded to the minute: `45 min`, `10 h 05 min`; `0 min` for nothing."""
    minutes = (seconds + MINUTE_S // 2) // MINUTE_S
    if minutes == 0 and seconds > 0:
        return "under 1 min"
    hours, rest = divmod(minutes, HOUR_S // MINUTE_S)
    return f"{hours} h {rest:02d} min" if hours else f"{rest} min"


def kilometres(metres: int) -> str:
    """A distance to a tenth of a kilometre: `12.4 km`."""
    return f"{metres / 1_000:,.1f} km"


def span(from_s: int, to_s: int) -> str:
    """A stretch of the day, its ends joined by an en dash."""
    return f"{hhmm(from_s)}\u2013{hhmm(to_s)}"


def count(amount: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 stop`, `8 stops`."""
    return f"{whole(amount)} {one if amount == 1 else many or one + 's'}"
