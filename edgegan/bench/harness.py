"""What timing itself costs: the clock's resolution, and the time of a call that does nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edgegan.bench.latency import repeat

if TYPE_CHECKING:
    from edgegan.core import schemas


def harness() -> schemas.Harness:
    """Measured now, in microseconds."""
    return {
        "clock": "time.perf_counter",
        "clock_resolution_us": time.get_clock_info("perf_counter").resolution * 1e6,
        "overhead_us": float(min(repeat(_nothing, 0.02))) * 1e3,
    }


def _nothing() -> None:
    """Called in a model's place."""
