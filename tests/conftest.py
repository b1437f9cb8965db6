"""How random tests run: repeatable in the quick suite, freshly random with `--hypothesis-profile=random`."""

from hypothesis import HealthCheck, settings

_SLOW_TO_DRAW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

settings.register_profile(
    "quick", max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=_SLOW_TO_DRAW
)
settings.register_profile(
    "random", max_examples=1_000, deadline=None, database=None, suppress_health_check=_SLOW_TO_DRAW
)
settings.load_profile("quick")
