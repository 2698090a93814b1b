"""Choosing the range that 8 bits span: the end points with the least squared error, saturating functions considered."""

from __future__ import annotations

import numpy as np

SHRINK = np.linspace(0.4, 1.0, 31).tolist()


def squared_error(values: np.ndarray, low: float, high: float, levels: int = 255) -> float:
    """Mean squared error of rounding ``values`` to ``levels + 1`` steps between ``low`` and ``high``, clipped."""
    step = (high - low) / levels
    zero = round(-low / step)
    rounded = np.clip(np.rint(values / step), -zero, levels - zero) * step
    return float(np.mean((rounded - values) ** 2))


def least_error_range(values: np.ndarray, low: float, high: float, saturation: float | None = None) -> tuple[float, float]:
    """The sub-range of [low, high], with 0 inside, whose 8-bit rounding of ``values`` has the least squared error.

    ``values`` is a sample of the tensor, ``low``/``high`` its true extremes. With ``saturation`` the tensor feeds a
    function that is flat beyond +-saturation: the range is cut there and not searched.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if saturation is not None:
        low, high = max(low, -saturation), min(high, saturation)
        return (low, high) if high > low else (-saturation, saturation)
    if high - low <= 1e-12:
        return 0.0, 1.0
    candidates = [(low * f, high * f) for f in SHRINK] + [(low, high * f) for f in SHRINK] + [(low * f, high) for f in SHRINK]
    return min(candidates, key=lambda ends: squared_error(values, *ends))


class RangeObserver:
    """Collects what ``least_error_range`` needs in constant memory: the extremes, and a bounded sample of values."""

    def __init__(self, capacity: int = 1 << 15, seed: int = 0) -> None:
        self.capacity, self.seen = capacity, 0
        self.low, self.high = np.inf, -np.inf
        self.sample = np.empty(0, np.float32)
        self._rng = np.random.default_rng(seed)

    def observe(self, values: np.ndarray) -> None:
        """Take in float values of any shape. Raises ValueError on NaN or infinity."""
        flat = np.asarray(values, np.float32).ravel()
        low, high = float(flat.min()), float(flat.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("NaN or infinite activation")
        self.low, self.high = min(self.low, low), max(self.high, high)
        share = flat if flat.size <= 2048 else self._rng.choice(flat, 2048)
        self.seen += share.size
        if len(self.sample) < self.capacity:
            self.sample = np.concatenate([self.sample, share])[: self.capacity]
        else:
            keep = share[self._rng.random(share.size) < self.capacity / self.seen]
            self.sample[self._rng.integers(0, self.capacity, keep.size)] = keep

    def range(self, saturation: float | None = None) -> tuple[float, float]:
        return least_error_range(self.sample, self.low, self.high, saturation)
