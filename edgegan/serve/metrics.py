"""What the service counts, in Prometheus' format."""

from __future__ import annotations

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
TOGETHER = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one service."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, wait_s: float, workers: int) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("edgegan_requests", "Requests by path and status.", ["path", "status"], **own)
        self.seconds = Histogram(
            "edgegan_request_seconds", "From a request's head to its answer.", ["path"], buckets=SECONDS, **own
        )
        self.together = Histogram(
            "edgegan_batch_pictures", "Pictures that were drawn at once.", buckets=TOGETHER, **own
        )
        self.drawing = Counter("edgegan_drawing_seconds", "Time in which sessions were drawing.", **own)
        self.waiting = Gauge("edgegan_waiting_pictures", "Pictures that wait or are being drawn.", **own)
        self.refused = Counter("edgegan_refused", "Requests refused because too many waited.", **own)
        Gauge("edgegan_batch_wait_seconds", "How long the first of a batch waits for others.", **own).set(wait_s)
        Gauge("edgegan_workers", "Sessions that draw.", **own).set(workers)

    def text(self) -> bytes:
        return generate_latest(self.registry)
