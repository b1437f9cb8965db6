"""The application: all endpoints on one store, and what is answered when something goes wrong."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import anyio
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from api.http import routes_booking, routes_desk, routes_house, routes_plans, routes_rosters
from api.http.asked import Buckets, Replayed, Service
from api.http.edge import Edge, error_log, trace_of
from api.http.logs import log_to_stderr
from api.http.metrics import Metrics
from api.http.problems import Problem, error_of, invalid, of_store
from api.http.strict import Unread
from api.settings import Settings, read_settings
from api.store import Database, StoreError
from api.store.store import Store
from optimizer.domain import Fault, InvalidProblem
from scenarios.catalogue import Catalogue, load_catalogue
from scenarios.files.shape import shape_faults

THREADS = 40
"""Requests of one worker that are worked on at the same time."""
ROUTERS = (
    routes_booking.router,
    routes_desk.router,
    routes_rosters.router,
    routes_plans.router,
    routes_house.router,
    routes_house.open_router,
)
UNCHANGING = frozenset({"/v1/slot-searches", "/v1/plans/analyze", "/v1/solve"})
"""What is asked by POST though it changes nothing of the store."""
ABOUT = """Slots, holds, bookings and plans of a doorstep service.

Every request but `/health` and `/ready` carries `Authorization: Bearer KEY`. Every POST that changes something carries
an `Idempotency-Key`: sent again with the same body it gets the same answer, and is done once. What is not done is told
as a problem (RFC 9457) with a `code`; `/v1/problems` lists all of them. Times are RFC 3339 with their offset.
"""


def make_app(store: Store, settings: Settings | None = None) -> FastAPI:
    """The application on a store. It closes nothing of the store."""
    chosen = settings or read_settings()
    metrics = Metrics()
    service = Service(store, chosen, metrics, buckets=Buckets(chosen.workers))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield

    app = FastAPI(
        title="Mitaan slots, bookings and plans",
        version=version("mitaan-optimizer"),
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    _told_as_problems(app, metrics)
    app.add_middleware(Edge, settings=chosen, metrics=metrics, admit=service.admit)
    if chosen.cors_origins:  # outside of the edge: a browser asks without a key first
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Prefer"],
            expose_headers=["ETag", "Location", "Retry-After", "X-Request-Id", "Idempotency-Replayed"],
        )
    _ready(app)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]  # as the framework documents it
    return app


def _ready(app: FastAPI) -> None:
    """Have all routes built now: the framework would do it with the first requests, not safely in several threads."""
    nothing = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nothing)


def _told_as_problems(app: FastAPI, metrics: Metrics) -> None:
    def told(request: Request, problem: Problem) -> Response:
        trace = trace_of(request.scope)
        trace.code = problem.code
        metrics.refused(problem.code)
        return problem.response(trace.language, trace.request_id)

    @app.exception_handler(Problem)
    async def problem_told(request: Request, problem: Problem) -> Response:
        return told(request, problem)

    @app.exception_handler(Replayed)
    async def replayed(_: Request, error: Replayed) -> Response:
        return error.response

    @app.exception_handler(InvalidProblem)
    async def invalid_told(request: Request, error: InvalidProblem) -> Response:
        within = "body" if request.method in {"POST", "PUT"} else "query"
        return told(request, invalid(error.faults, within))

    @app.exception_handler(StoreError)
    async def store_told(request: Request, error: StoreError) -> Response:
        rule = error.rule.partition(" DETAIL:")[0]  # after it PostgreSQL tells what stands in the row
        trace = trace_of(request.scope)
        error_log.error("store", extra={"told": {"request_id": trace.request_id, "code": error.code, "rule": rule}})
        return told(request, of_store(error))

    @app.exception_handler(RequestValidationError)
    async def shape_told(request: Request, error: RequestValidationError) -> Response:
        return told(request, _of_shape(error))

    @app.exception_handler(HTTPException)
    async def other_told(request: Request, error: HTTPException) -> Response:
        if isinstance(error, Unread):
            return told(request, error.problem)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_json")
        status = error.status_code if code != "bad_json" else 400
        headers = {"Allow": ", ".join(_methods(request))} if status == 405 else dict(error.headers or {})
        return told(request, Problem(status, code, headers=headers))


def _methods(request: Request) -> list[str]:
    """What can be done at the path of a request; the framework tells only what its first endpoint does."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    path = request.scope["path"]
    return sorted({method for route in routes if route.path_regex.match(path) for method in route.methods or ()})


def _of_shape(error: RequestValidationError) -> Problem:
    """What does not fit the shape of a request: all of it, each with its place."""
    errors = []
    for found in error.errors():
        within, *path = found["loc"]
        (fault,) = shape_faults([{**found, "loc": tuple(path)}])
        errors.append(error_of(Fault(fault.path, fault.code, fault.value, fault.rule), str(within)))
    return Problem(422, "invalid_input", errors=errors)


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document (3.1): problems have their own media type, and everything but health needs a key."""
    if app.openapi_schema is None:
        whole = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        whole["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        whole["security"] = [{"key": []}]
        for path, methods in whole["paths"].items():
            for method, operation in methods.items():
                if path in {"/health", "/ready"}:
                    operation["security"] = []
                _describe(path, method, operation)
        app.openapi_schema = whole
    return app.openapi_schema


def _describe(path: str, method: str, operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if status.isdecimal() and int(status) >= 400 and "application/json" in content:
            content["application/problem+json"] = content.pop("application/json")
    if method == "post" and path not in UNCHANGING:
        parameters = operation.setdefault("parameters", [])
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "pattern": "^[!-~]{8,128}$"},
                "description": "Made anew by chance for each request, as a random UUID.",
            }
        )


def from_environment() -> FastAPI:
    """The application as a worker process makes it."""
    settings = read_settings()
    log_to_stderr(settings.log_level)
    return make_app(Store(Database.open(settings.database_url), _catalogue()), settings)


def _catalogue() -> Catalogue:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return load_catalogue()
