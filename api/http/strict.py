"""JSON bodies read strictly: what JSON forbids or leaves open is a fault with its place, and the type must be JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.http.edge import EDGE
from api.http.problems import Problem, error_of
from scenarios.files import InvalidInput
from scenarios.files.text import parsed


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
        try:
            tree, faults = parsed(data, "body")
        except InvalidInput as invalid:
            first = invalid.faults[0]
            status, code = (400, "bad_json") if first.code != "wrong_type" else (422, "invalid_input")
            problem = Problem(status, code, str(first.rule), errors=[error_of(f) for f in invalid.faults])
            raise Unread(problem) from None
        if faults:
            raise Unread(Problem(422, "invalid_input", errors=[error_of(f) for f in faults]))
        self.state.tree = tree
        return tree


class Route(APIRoute):
    """A route whose requests are strict, and known by its template to the log, the metrics and the audit."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As the framework does it, with our request."""
        handle = super().get_route_handler()
        template = self.path_format
        takes_body = self.body_field is not None

        async def handler(request: Request) -> Response:
            request.scope[EDGE].route = template
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if takes_body and kind not in {"application/json", ""}:
                raise Problem(415, "unsupported_media_type", f"not {kind[:100]}")
            if takes_body and kind == "":
                raise Problem(415, "unsupported_media_type", "the header Content-Type: application/json")
            return await handle(StrictRequest(request.scope, request.receive))

        return handler
