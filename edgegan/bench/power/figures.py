"""``power`` of a loaded artifact, or null with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgegan.bench.power.contract import Unreadable
from edgegan.bench.power.find import opened
from edgegan.bench.power.meter import SECONDS, metered
from edgegan.runtime import Generator


def power_of(
    generator: Generator, inputs: Mapping[str, np.ndarray], seconds: float = SECONDS, command: str | None = None
) -> dict[str, Any]:
    """``{"power": schemas.Power}`` of ``generator`` run on ``inputs``, one batch, for ``seconds``; else ``power`` null
    and ``power_reason``. ``command``: a meter of the user's. Raises DeviceError where that prints no watts."""
    manifest = generator.manifest
    try:
        source = opened(str(manifest.content["target"]), manifest.backend, command)
    except Unreadable as exc:
        return {"power": None, "power_reason": str(exc)}
    try:
        return {"power": metered(source, lambda: generator.run(inputs), generator.batch, seconds)}
    except Unreadable as exc:
        return {"power": None, "power_reason": str(exc)}
    finally:
        source.close()
