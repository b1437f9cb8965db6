"""The days that are committed under `scenarios/data/days`, each the outcome of one call.

`python -m scenarios.generate` writes them again, byte for byte.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from scenarios.catalogue import Catalogue
from scenarios.files import canonical_bytes
from scenarios.generate.bench_day import bench_day
from scenarios.generate.city_day import Load, generate_day
from scenarios.generate.parts import GeneratedDay

DATE = dt.date(2026, 12, 1)
"""A Tuesday."""
CITY_SEED = 2
"""The first seed with which every city needs all its executives: without any one of them some slot is not served."""
BENCH_SEED = 1
BENCH_CITY = "raipur"
BENCH_DAYS = {
    "bench-100-18": (100, 0, 18),
    "bench-200-36": (200, 0, 36),
    "bench-600-105": (600, 0, 105),
    "bench-1500-260": (1500, 0, 260),
    "bench-110-90-22": (110, 90, 22),
    "bench-330-270-60": (330, 270, 60),
}
"""By file name: appointments, deliveries, executives."""
VARIANT_DAYS: dict[str, tuple[tuple[int, int, int], int | None, bool]] = {
    "field-110-90-22": ((110, 90, 22), None, True),
    "slots-30-100-40-18": ((100, 40, 18), 30, False),
    "slots-120-50-60-18": ((50, 60, 18), 120, False),
}
"""By file name: sizes as above, minutes of a slot (None: those of the scheme), and whether all rules hold."""


def committed_days(catalogue: Catalogue) -> Iterator[tuple[str, GeneratedDay]]:
    """Every committed day with the name of its file: one for each launch city, the bench days and their variants."""
    for city in catalogue.cities_in_scheme():
        yield f"{city.city_id}.json", generate_day(catalogue, city, DATE, Load.AS_RUN, CITY_SEED)
    for name, (visits, deliveries, executives) in BENCH_DAYS.items():
        city = catalogue.city(BENCH_CITY)
        yield f"{name}.json", bench_day(catalogue, city, DATE, visits, deliveries, executives, BENCH_SEED)
    for name, (sizes, slot_minutes, field) in VARIANT_DAYS.items():
        city = catalogue.city(BENCH_CITY)
        yield (
            f"{name}.json",
            bench_day(catalogue, city, DATE, *sizes, BENCH_SEED, slot_minutes=slot_minutes, field=field),
        )


def write_committed(catalogue: Catalogue, folder: Path) -> Iterator[tuple[Path, GeneratedDay]]:
    """Write the committed days into a folder, one at each step."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, generated in committed_days(catalogue):
        path = folder / name
        path.write_bytes(canonical_bytes(generated.day))
        yield path, generated
