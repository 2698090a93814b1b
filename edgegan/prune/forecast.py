"""How long a training will take, told as soon as some steps were timed."""

from __future__ import annotations

import time
from collections.abc import Callable

NOT_TIMED, TIMED, LONG_SECONDS = 2, 3, 120.0
"""Steps that warm up, steps that are timed, and what is told of before it has passed."""


class Forecast:
    """Counts steps of ``batch`` samples on ``device`` and speaks once."""

    def __init__(self, batch: int, device: str, told: Callable[[str], object] | None) -> None:
        self._batch, self._device, self._told, self._timed = batch, device, told, 0
        self._began = 0.0

    def step(self, done: int, steps: int) -> None:
        """One step is over; the first ones are not counted."""
        if self._told is None:
            return
        self._timed += 1
        if self._timed == NOT_TIMED:
            self._began = time.monotonic()
        elif self._timed == NOT_TIMED + TIMED:
            left = (time.monotonic() - self._began) / TIMED * (steps - done)
            if left > LONG_SECONDS:
                self._told(
                    f"{steps} steps of {self._batch} samples on {self._device} take about {_duration(left)} more; "
                    "fewer steps (--distill-steps, --qat-steps)"
                    + ("" if self._device != "cpu" else ", or a GPU (--train-device cuda),")
                    + " make it shorter; a stopped run goes on where it was"
                )


def _duration(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"
