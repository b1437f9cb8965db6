"""Web pages: none may call the service unless its origin is set."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx

from api.settings import Settings
from tests.desks import rostered
from tests.served import Served, served, serving

__all__ = ["rostered", "served"]

ORIGIN = "https://desk.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,idempotency-key",
}


def test_by_default_no_page_of_another_origin_gets_anything(served: Served) -> None:
    asked = httpx.options(f"{served.url}/v1/holds", headers=PREFLIGHT, trust_env=False)
    assert asked.status_code == 401
    answer = served.client().get("/v1/cities", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_origin_that_is_set_may_call_and_no_other(rostered: Path, tmp_path: Path) -> None:
    path = shutil.copy(rostered, tmp_path / "store.db")
    with serving(str(path), Settings(cors_origins=[ORIGIN], a_minute=1_000_000)) as running:
        asked = httpx.options(f"{running.url}/v1/holds", headers=PREFLIGHT, trust_env=False)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == ORIGIN
        assert "idempotency-key" in asked.headers["access-control-allow-headers"].lower()
        other = httpx.options(
            f"{running.url}/v1/holds", headers={**PREFLIGHT, "Origin": "https://evil.example"}, trust_env=False
        )
        assert "access-control-allow-origin" not in other.headers
        answer = running.client().get("/v1/cities", headers={"Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "ETag" in answer.headers["access-control-expose-headers"]
        refused = httpx.get(f"{running.url}/v1/cities", headers={"Origin": ORIGIN}, trust_env=False)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)
