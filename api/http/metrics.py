"""What the service counts, for Prometheus: requests by route and status, their seconds, problems by code, jobs.

With several workers each writes its numbers to a file in PROMETHEUS_MULTIPROC_DIR, and any of them answers for all.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24)


class Metrics:
    """The numbers of one worker process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "mitaan_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "mitaan_request_seconds", "From first byte to the end", ("route",), buckets=BUCKETS, registry=self.registry
        )
        self._problems = Counter("mitaan_problems", "Requests not done, by code", ("code",), registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has been answered; status 0: its client had gone."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, code: str) -> None:
        """A request was not done."""
        self._problems.labels(code).inc()

    def text(self, jobs: dict[str, int], last_event: int) -> bytes:
        """The numbers as Prometheus reads them, those of all workers; `jobs` and `last_event` are of the store."""
        registry = self.registry
        if os.environ.get(MULTIPROCESS):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        of_store = CollectorRegistry()
        gauge = Gauge("mitaan_jobs", "Plans by state", ("state",), registry=of_store)
        for state, count in jobs.items():
            gauge.labels(state).set(count)
        Gauge("mitaan_last_event", "Number of the newest event", registry=of_store).set(last_event)
        return bytes(generate_latest(registry)) + bytes(generate_latest(of_store))


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
