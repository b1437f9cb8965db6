"""Every operation of the OpenAPI document, asked with data that fits it and with data that does not: no finding."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.http.app import described, make_app
from api.settings import Settings
from api.store import Database
from api.store.store import Store
from tests.desks import FACTS, rostered
from tests.served import Served, serving

__all__ = ["rostered"]

EXAMPLES = 15
"""For each operation and kind of data."""
ENDLESS = frozenset({"GET /v1/plans/{plan_id}/events"})
"""Answers as long as a plan is made; tested on its own."""
OPEN = frozenset({"GET /health", "GET /ready"})
"""Ask for nothing: there is no data that does not fit."""


@cache
def document() -> dict[str, Any]:
    with Database(":memory:") as database:
        return described(make_app(Store(database, FACTS), Settings()))


def operations(of: dict[str, Any]) -> list[Any]:
    found = schemathesis.openapi.from_dict(of).get_all_operations()
    return [each.ok() for each in found if isinstance(each, Ok)]


@pytest.fixture(scope="module")
def running(rostered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = shutil.copy(rostered, tmp_path_factory.mktemp("contract") / "store.db")
    with serving(str(path), Settings(solve_wait_s=0.0, a_minute=1_000_000, day_bytes=1 << 20)) as served:
        yield served


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", operations(document()), ids=lambda operation: operation.label)
def test_an_operation_keeps_to_the_document(operation: Any, mode: GenerationMode, running: Served) -> None:
    """Data that fits may still be refused for rules that no schema can say: a slot that is past."""
    if operation.label in (ENDLESS if mode is GenerationMode.POSITIVE else OPEN):
        return
    headers = {"Authorization": f"Bearer {running.texts['admin']}"}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def asked(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        case.call_and_validate(
            base_url=running.url, headers=headers, excluded_checks=[positive_data_acceptance], timeout=20
        )

    asked()


def test_an_answer_that_does_not_keep_to_the_document_is_found(running: Served) -> None:
    wrong = copy.deepcopy(document())
    wrong["components"]["schemas"]["CodesOut"]["properties"]["problems"]["maxItems"] = 1
    (operation,) = (each for each in operations(wrong) if each.label == "GET /v1/problems")
    with pytest.raises(FailureGroup):
        operation.Case().call_and_validate(
            base_url=running.url, headers={"Authorization": f"Bearer {running.texts['admin']}"}
        )
