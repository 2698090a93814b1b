"""Seeded inputs: the same numbers in calibration, benchmark and on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgegan.core.spec import TensorSpec


def draw(spec: TensorSpec, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` values of one input, (count, *shape) in the spec's dtype.

    A latent is standard normal, within its truncation. A label is uniform over its classes. An image without data is
    smooth random texture: a coarse uniform grid, enlarged, in the spec's range.
    """
    if spec.kind == "latent":
        shape = (count, *spec.shape)
        values = (
            rng.standard_normal(shape) if spec.truncation is None else _truncated_normal(shape, spec.truncation, rng)
        )
        return values.astype(np.float32)
    if spec.kind in ("label", "onehot"):
        assert spec.classes is not None
        index = rng.integers(0, spec.classes, count)
        return index.astype(np.int64) if spec.kind == "label" else np.eye(spec.classes, dtype=np.float32)[index]
    assert spec.range is not None
    channels, height, width = spec.shape
    coarse = rng.random((count, channels, -(-height // 8), -(-width // 8)), dtype=np.float32)
    fine = coarse.repeat(8, axis=2).repeat(8, axis=3)[:, :, :height, :width]
    low, high = spec.range
    texture = 0.8 * fine + 0.2 * rng.random(fine.shape, dtype=np.float32)
    return (low + (high - low) * texture).astype(np.float32)


def _truncated_normal(shape: tuple[int, ...], limit: float, rng: np.random.Generator) -> np.ndarray:
    """Normal values within +-``limit`` by rejection: of normal proposals, or where few of those would do, of uniform
    ones.

    Every round draws the whole array from streams of its own, so that sample i is the same for any count.
    """
    values, missing = np.empty(shape), np.ones(shape, bool)
    while missing.any():
        proposals, chances = rng.spawn(2)
        if limit < 1:
            proposed = proposals.uniform(-limit, limit, shape)
            accepted = chances.random(shape) < np.exp(-(proposed**2) / 2)
        else:
            proposed = proposals.standard_normal(shape)
            accepted = np.abs(proposed) <= limit
        values[missing & accepted] = proposed[missing & accepted]
        missing &= ~accepted
    return values


def sample_inputs(
    specs: Sequence[TensorSpec], count: int, seed: int, images: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Named inputs for ``count`` samples. Each input has a stream of its own, so sample i is the same for any count.

    ``images``: uint8 (N, H, W, C) used in turn for every image input, instead of random texture.
    """
    values = {}
    for index, spec in enumerate(specs):
        if spec.kind == "image" and images is not None:
            values[spec.name] = image_to_float(images[np.arange(count) % len(images)], spec)
        else:
            values[spec.name] = draw(spec, count, np.random.default_rng([seed, index]))
    return values


def image_to_float(images: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """uint8 (N, H, W, C) in 0..255 -> float32 (N, C, H, W) in the spec's range."""
    assert spec.range is not None
    return pixels_to_float(images, spec.range)


def pixels_to_float(images: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """uint8 (N, H, W, C) in 0..255 -> float32 (N, C, H, W) in ``value_range``."""
    low, high = value_range
    scaled = images.astype(np.float32).transpose(0, 3, 1, 2) * np.float32((high - low) / 255.0) + np.float32(low)
    return np.ascontiguousarray(scaled)


def float_to_image(values: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """float (N, C, H, W) in ``value_range`` -> uint8 (N, H, W, C), rounded and clipped; (N, C, T) is one row of
    pixels."""
    low, high = value_range
    values = values[:, :, None] if values.ndim == 3 else values
    scaled = (np.asarray(values, np.float32) - low) * np.float32(255.0 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
