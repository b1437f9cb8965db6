"""In which format something is answered: as the query says, else as the Accept header would rather have it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from fastapi import Request
from starlette.responses import Response

from api.http.answers import MEDIA
from api.http.problems import Problem


def chosen(request: Request, wanted: str | None, offered: Sequence[str]) -> str:
    """The format; the first one offered where nothing is said. Raises Problem where none of those asked for is."""
    if wanted is not None:
        return wanted
    accepted = request.headers.get("accept", "*/*")
    best, quality = None, 0.0
    for part in accepted.split(",")[:50]:
        name, _, parameters = part.strip().partition(";")
        name = name.strip().lower()
        weight = _weight(parameters)
        for each in offered:
            media = MEDIA[each]
            if name in {media, "*/*", f"{media.partition('/')[0]}/*"} and weight > quality:
                best, quality = each, weight
    if best is None:
        raise Problem(406, "not_acceptable", f"one of {', '.join(MEDIA[each] for each in offered)}")
    return best


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def sent(content: bytes | str, name: str, file: str, tag: str | None = None) -> Response:
    """A text in a format, with the name it is to be saved under."""
    ending = {"geojson": "geojson", "csv": "csv", "ics": "ics"}[name]
    data = content.encode() if isinstance(content, str) else content
    headers = {
        "Content-Disposition": f'inline; filename="{file}.{ending}"',
        "Cache-Control": "private, no-cache",
        "ETag": tag or f'"{hashlib.sha256(data).hexdigest()[:32]}"',
    }
    kind = MEDIA[name] + ("" if name == "geojson" else "; charset=utf-8")
    return Response(data, 200, headers, kind)
