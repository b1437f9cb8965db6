"""How random tests run: repeatable in the quick suite, freshly random with `--hypothesis-profile=random`.

And the fixtures that several test files share.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.stores import database, dialect, empty_address, postgresql, store_address

__all__ = ["database", "dialect", "empty_address", "postgresql", "store_address"]


@pytest.fixture(autouse=True)
def no_store_of_the_user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands without a store do not find that of whoever runs the tests; the folder where they look for one."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("MITAAN_DATA", str(folder))
    monkeypatch.delenv("MITAAN_DATABASE_URL", raising=False)
    return folder


_SLOW_TO_DRAW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

settings.register_profile(
    "quick", max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=_SLOW_TO_DRAW
)
settings.register_profile(
    "random", max_examples=1_000, deadline=None, database=None, suppress_health_check=_SLOW_TO_DRAW
)
settings.load_profile("quick")
