"""What a vendor's profiler tells, in one form; a backend's row names the function that asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgegan.bench.latency import repeat
from edgegan.core.manifest import Manifest

if TYPE_CHECKING:
    from edgegan.core import schemas

WARMUP = 5
"""Calls before any is counted."""
LEAST, MOST = 10, 2000
"""Calls that are counted: so many at least, however long one takes, and no more, since each leaves its events."""


@dataclass(frozen=True)
class Layer:
    """One step of the vendor's own plan, which may hold several operators of the graph, and its mean milliseconds a
    call."""

    name: str
    operator: str
    ms: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """``source``: the profiler; ``layers`` in the order of execution; ``whole_ms``: mean milliseconds of the same calls
    as a whole, with the profiler at work; ``calls``: how many."""

    source: str
    layers: tuple[Layer, ...]
    whole_ms: float
    calls: int

    def to_json(self) -> schemas.Profile:
        total = sum(layer.ms for layer in self.layers)
        return {
            "source": self.source,
            "calls": self.calls,
            "whole_ms": self.whole_ms,
            "sum_ms": total,
            "layers": [
                {"name": row.name, "operator": row.operator, "ms": row.ms, "share": row.ms / total if total else 0.0}
                for row in self.layers
            ],
        }


Profiler = Callable[[Manifest, Mapping[str, np.ndarray], int, float], Profile]
"""Of an artifact, for inputs of its own batch, on so many threads, in about so many seconds. Raises GeneratorError."""


def repeated(call: Callable[[], object], seconds: float) -> tuple[float, int]:
    """Mean milliseconds of ``call`` and how often it was made: for ``seconds``, within LEAST and MOST."""
    times = repeat(call, seconds, LEAST, most=MOST)
    return float(times.mean()), len(times)
