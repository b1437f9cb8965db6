"""JSON bodies read strictly: what JSON forbids or leaves open is a fault with its place, and the type must be JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, get_origin

import anyio.to_thread
from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.http.edge import EDGE
from api.http.problems import Problem, error_of, invalid
from optimizer.domain import Fault
from scenarios.files import InvalidInput
from scenarios.files.text import parsed

SHORT_BYTES = 1 << 14
"""A longer body is read beside the loop that all requests of a worker share."""
MOST_LEVELS = 64
"""Objects and lists within each other: a whole day has ten, and no reading of it is to run out of stack."""


class Unread(HTTPException):
    """Carries a problem through the framework, which lets no other exception pass while a body is read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status)
        self.problem = problem


class StrictRequest(Request):
    """A request whose JSON is read by our reader; `state.tree` is what it said."""

    async def json(self) -> Any:
        """The object in the body."""
        data = await self.body()
        short = len(data) < SHORT_BYTES
        self.state.tree = _read(data) if short else await anyio.to_thread.run_sync(_read, data)
        return self.state.tree


def _read(data: bytes) -> dict[str, Any]:
    try:
        tree, faults = parsed(data, "body")
    except RecursionError:
        raise _too_deep() from None
    except InvalidInput as error:
        first = error.faults[0]
        status, code = (400, "bad_json") if first.code != "wrong_type" else (422, "invalid_input")
        problem = Problem(status, code, str(first.rule), errors=[error_of(f) for f in error.faults])
        raise Unread(problem) from None
    if faults:
        raise Unread(invalid(faults))
    if _deeper(tree, MOST_LEVELS):
        raise _too_deep()
    return tree


def _deeper(tree: Any, levels: int) -> bool:
    """More objects and lists lie within each other than that."""
    layer = [tree]
    for _ in range(levels):
        inside = (each.values() if isinstance(each, dict) else each for each in layer)
        layer = [child for children in inside for child in children if isinstance(child, dict | list)]
        if not layer:
            return False
    return True


def _too_deep() -> Unread:
    return Unread(Problem(400, "bad_json", f"at most {MOST_LEVELS} objects and lists within each other"))


class Route(APIRoute):
    """A route whose requests are strict, and known by its template to the log, the metrics and the audit."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As the framework does it, with our request."""
        handle = super().get_route_handler()
        template = self.path_format
        takes_body = self.body_field is not None
        may_repeat, closed = self._query()

        async def handler(request: Request) -> Response:
            trace = request.scope[EDGE]
            trace.route = template
            trace.query_errors = [error_of(f, "query") for f in _query_faults(request, may_repeat, closed)]
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if takes_body and kind not in {"application/json", ""}:
                raise Problem(415, "unsupported_media_type", f"not {kind[:100]}")
            if takes_body and request.headers.get("content-encoding", "identity").lower() != "identity":
                raise Problem(415, "unsupported_media_type", "a body as it is: no Content-Encoding")
            if takes_body and kind == "":
                raise Problem(415, "unsupported_media_type", "the header Content-Type: application/json")
            return await handle(StrictRequest(request.scope, request.receive))

        return handler

    def _query(self) -> tuple[dict[str, bool], bool]:
        """Names that a query may hold, and whether more than once; whether a model of it finds unknown ones itself."""
        may_repeat: dict[str, bool] = {}
        closed = False
        for parameter in self.dependant.query_params:
            model = parameter.field_info.annotation
            if isinstance(model, type) and issubclass(model, BaseModel):
                closed = True
                fields = model.model_fields.items()
                may_repeat |= {info.alias or name: get_origin(info.annotation) is list for name, info in fields}
            else:
                may_repeat[parameter.alias] = False
        return may_repeat, closed


def _query_faults(request: Request, may_repeat: Mapping[str, bool], closed: bool) -> Iterator[Fault]:
    given = request.query_params
    for name in given:
        if name not in may_repeat and not closed:
            yield Fault((name,), "unknown_field", given[name], "no such parameter is known here")
        elif not may_repeat.get(name, True) and len(given.getlist(name)) > 1:
            yield Fault((name,), "repeated_value", given.getlist(name), "a parameter stands once in a query")
