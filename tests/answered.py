"""Every answer held against what its endpoint declares: the status, the model, and the headers all answers have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

from api.http.answers import ProblemOut

PROBLEM = "application/problem+json"
OF_NO_ROUTE = frozenset({401, 404, 405, 408, 413})
"""Answered where there is no endpoint; with a body too long and too slow nobody looks for one."""
ANYWHERE = frozenset({500})
"""A defect, which no endpoint declares."""


def routes_of(app: FastAPI) -> list[APIRoute]:
    """All endpoints of an application, in the order in which they are asked."""

    def walk(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
        for route in routes:
            if isinstance(route, APIRoute):
                yield route
            elif (router := getattr(route, "original_router", None)) is not None:
                yield from walk(router.routes)

    return list(walk(app.routes))


def route_of(routes: Iterable[APIRoute], method: str, path: str) -> APIRoute | None:
    """The endpoint that answers a request; None where there is none."""
    fitting = (r for r in routes if method in (r.methods or ()) and r.path_regex.match(path))
    return next(fitting, None)


def _model(route: APIRoute | None, status: int) -> type[BaseModel] | None:
    """What is declared for a status; None where nothing is said but that it may be answered."""
    if route is None or status in ANYWHERE:
        assert status in OF_NO_ROUTE | ANYWHERE, f"{status} where there is no endpoint"
        return ProblemOut
    if status == 304 or not route.include_in_schema:
        return None
    declared = route.responses.get(status)
    assert declared is not None, f"{route.methods} {route.path_format} does not declare {status}"
    model = declared.get("model")
    assert model is None or issubclass(model, BaseModel)
    return model


def hold_against(routes: Iterable[APIRoute], response: httpx.Response) -> None:
    """Fail where an answer is not as it is declared."""
    request, headers = response.request, response.headers
    route = route_of(routes, request.method, request.url.path)
    model = _model(route, response.status_code)
    assert headers["X-Request-Id"], "an answer without its id"
    assert "total;dur=" in headers["Server-Timing"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Cache-Control" in headers
    kind = headers.get("Content-Type", "").partition(";")[0]
    if response.status_code in {204, 304} or request.method == "HEAD":
        assert response.content == b""
        return
    if response.status_code >= 400:
        assert kind == PROBLEM
        assert headers["Content-Language"] in {"en", "hi"}
        told = ProblemOut.model_validate_json(response.content)
        assert told.status == response.status_code
        assert told.type == f"/v1/problems#{told.code}"
        return
    if kind == "application/json":
        if model is not None:
            model.model_validate_json(response.content)
    else:
        assert route is not None
        assert kind in route.responses[response.status_code]["content"], kind


# ---------------------------------------------------------------------------------- short words


def told(answer: httpx.Response, status: int = 200) -> Any:
    """The document of an answer of this status."""
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str) -> Any:
    """A problem with this status and code."""
    problem = told(answer, status)
    assert problem["code"] == code, problem
    return problem


def faults(answer: httpx.Response) -> set[tuple[str, str, str]]:
    """What is wrong with a request: where it is, and the code."""
    return {(e["in"], e["pointer"], e["code"]) for e in refused(answer, 422, "invalid_input")["errors"]}
