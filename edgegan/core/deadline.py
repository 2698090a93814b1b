"""A moment after which no new work is begun; what was left then is told."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from edgegan.core.errors import UsageError

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|h)\s*$")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Deadline:
    """``seconds`` after its making; None: never."""

    seconds: float | None = None
    start: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> bool:
        return self.seconds is not None and time.monotonic() - self.start >= self.seconds

    def share(self, part: float) -> Deadline:
        """The moment when that part of the time is over."""
        return Deadline(None if self.seconds is None else part * self.seconds, self.start)


def parse_duration(text: str, option: str) -> float:
    """``90s``, ``5m`` or ``1.5h`` in seconds; UsageError otherwise."""
    match = _DURATION.match(text)
    if not match or float(match[1]) <= 0:
        raise UsageError(f"{option} {text!r} is no time above 0; write 90s, 5m or 1.5h")
    return float(match[1]) * _SECONDS[match[2]]
