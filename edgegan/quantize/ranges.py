"""Choosing the range that 8 bits span: observers by extremes, percentile, entropy and squared error, and the best of
them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

SHRINK = np.linspace(0.4, 1.0, 31).tolist()


def squared_error(values: np.ndarray, low: float, high: float, levels: int = 255) -> float:
    """Mean squared error of rounding ``values`` to ``levels + 1`` steps between ``low`` and ``high``, clipped."""
    step = (high - low) / levels
    zero = round(-low / step)
    rounded = np.clip(np.rint(values / step), -zero, levels - zero) * step
    return float(np.mean((rounded - values) ** 2))


def least_error_range(
    values: np.ndarray, low: float, high: float, saturation: float | None = None
) -> tuple[float, float]:
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
    candidates = (
        [(low * f, high * f) for f in SHRINK] + [(low, high * f) for f in SHRINK] + [(low * f, high) for f in SHRINK]
    )
    return min(candidates, key=lambda ends: squared_error(values, *ends))


def extremes(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """All that was seen."""
    return low, high


def percentile(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """All but PERCENTILE percent of the values on either side."""
    if not values.size:
        return low, high
    below, above = np.percentile(values, [PERCENTILE, 100 - PERCENTILE])
    return max(low, min(float(below), 0.0)), min(high, max(float(above), 0.0))


def entropy(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The symmetric threshold at which 8 bits keep most of the distribution's information: least Kullback-Leibler
    divergence between the clipped histogram of magnitudes and its 128 steps (Migacz 2017, "8-bit inference with
    TensorRT")."""
    most = max(-low, high)
    if not values.size or most <= 1e-12:
        return low, high
    counts, edges = np.histogram(np.abs(values), bins=BINS, range=(0.0, most))
    counts[0] = 0
    best, threshold = np.inf, most
    for bins in range(LEVELS, BINS + 1, 8):
        divergence = _divergence(counts.astype(np.float64), bins)
        if divergence < best:
            best, threshold = divergence, float(edges[bins])
    return max(low, -threshold), min(high, threshold)


def _divergence(counts: np.ndarray, bins: int) -> float:
    """Kullback-Leibler divergence of the first ``bins`` of a histogram, what lies beyond clipped to the last, from the
    same in LEVELS steps."""
    clipped = counts[:bins].copy()
    clipped[-1] += counts[bins:].sum()
    if not clipped.any():
        return float(np.inf)
    step = np.minimum(np.arange(bins) * LEVELS // bins, LEVELS - 1)
    filled = counts[:bins] > 0
    each = np.bincount(step, counts[:bins], LEVELS) / np.maximum(np.bincount(step, filled, LEVELS), 1)
    spread = np.where(filled, each[step], 0.0)
    held = clipped > 0
    if not spread.any() or (spread[held] == 0).any():
        spread = spread + 1e-6 * clipped.sum() / bins
    wanted, given = clipped / clipped.sum(), spread / spread.sum()
    return float(np.sum(wanted[held] * np.log(wanted[held] / given[held])))


PERCENTILE, BINS, LEVELS = 0.01, 512, 128
OBSERVERS: dict[str, Callable[[np.ndarray, float, float], tuple[float, float]]] = {
    "minmax": extremes,
    "percentile": percentile,
    "entropy": entropy,
    "mse": least_error_range,
}
"""What is made of a sample of a tensor and its true extremes; ``auto`` takes for every tensor the one of least squared
error on the sample."""
METHODS = ("auto", *OBSERVERS)


class RangeObserver:
    """Collects what an observer needs in constant memory: the extremes, and a bounded sample of values."""

    def __init__(self, capacity: int = 1 << 15, seed: int = 0, method: str = "auto") -> None:
        self.capacity, self.seen, self.method = capacity, 0, method
        self.low, self.high = np.inf, -np.inf
        self.sample = np.empty(0, np.float32)
        self._rng = np.random.default_rng(seed)
        self._found: dict[float | None, tuple[float, float]] = {}

    def observe(self, values: np.ndarray) -> None:
        """Take in float values of any shape. Raises ValueError on NaN or infinity."""
        flat = np.asarray(values, np.float32).ravel()
        low, high = float(flat.min()), float(flat.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("NaN or infinite activation")
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._found.clear()
        share = flat if flat.size <= 2048 else self._rng.choice(flat, 2048)
        self.seen += share.size
        if len(self.sample) < self.capacity:
            self.sample = np.concatenate([self.sample, share])[: self.capacity]
        else:
            keep = share[self._rng.random(share.size) < self.capacity / self.seen]
            self.sample[self._rng.integers(0, self.capacity, keep.size)] = keep

    def look(self, value: torch.Tensor) -> None:
        """Take in a tensor."""
        self.observe(value.float().numpy())

    def range(self, saturation: float | None = None) -> tuple[float, float]:
        """Low and high, 0 among them; with ``saturation`` as ``least_error_range`` has it."""
        if saturation not in self._found:
            self._found[saturation] = self._range(saturation)
        return self._found[saturation]

    def _range(self, saturation: float | None) -> tuple[float, float]:
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        if saturation is not None or high - low <= 1e-12:
            return least_error_range(self.sample, low, high, saturation)
        if self.method != "auto":
            return OBSERVERS[self.method](self.sample, low, high)
        proposals = [observer(self.sample, low, high) for observer in OBSERVERS.values()]
        return min(proposals, key=lambda ends: squared_error(self.sample, *ends))


def joined(observers: Sequence[RangeObserver]) -> RangeObserver:
    """One observer of several tensors that share a scale, an equal share of each in its sample."""
    if len(observers) == 1:
        return observers[0]
    whole = RangeObserver(capacity=observers[0].capacity, method=observers[0].method)
    whole.low, whole.high = min(o.low for o in observers), max(o.high for o in observers)
    share = whole.capacity // len(observers)
    whole.sample = np.concatenate([o.sample[:share] for o in observers])
    whole.seen = len(whole.sample)
    return whole
