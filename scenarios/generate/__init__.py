"""Made-up days, drawn from the facts of the catalogue: the same for the same seed, on every machine.

`generate_day` makes a day of a city as the scheme ran, busier, or full; `bench_day` one for measuring
engines. The days committed under `scenarios/data/days` are made here too: `python -m scenarios.generate`.
"""

from scenarios.generate.bench_day import bench_day
from scenarios.generate.city_day import Load, generate_day
from scenarios.generate.committed import BENCH_CITY, BENCH_DAYS, DATE, VARIANT_DAYS, committed_days, write_committed
from scenarios.generate.parts import GeneratedDay

__all__ = [
    "BENCH_CITY",
    "BENCH_DAYS",
    "DATE",
    "VARIANT_DAYS",
    "GeneratedDay",
    "Load",
    "bench_day",
    "committed_days",
    "generate_day",
    "write_committed",
]
