"""Simple segmentations of pictures, found without a network: places, brightness, colours, edges, what stands out from
the border."""

from __future__ import annotations

import numpy as np

DARK, BRIGHT, EDGE, APART, COLOURFUL = 0.25, 0.75, 0.15, 0.2, 0.25
HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
"""Sixths of the circle of hues, red from -30 to 30 degrees."""


def segments(pictures: np.ndarray, span: tuple[float, float]) -> dict[str, np.ndarray]:
    """``pictures`` (N, C, H, W) in ``span`` -> bool (N, H, W) by name; brightness, colour differences and gradients as
    shares of the span. Colours are told of pictures of three channels alone."""
    from scipy import ndimage

    unit = np.clip((pictures.astype(np.float32) - span[0]) / (span[1] - span[0]), 0, 1)
    grey = unit.mean(1)
    apart = np.abs(unit - _border(unit)[:, :, None, None]).max(1) > APART
    inner = ndimage.binary_erosion(apart, np.ones((1, 3, 3), bool))
    gradient = np.hypot(ndimage.sobel(grey, 1), ndimage.sobel(grey, 2)) / 8
    found = {
        "dark": grey < DARK,
        "bright": grey > BRIGHT,
        "edges": gradient > EDGE,
        "object": apart,
        "outline": apart & ~inner,
        **_places(grey.shape),
    }
    return found | (_colours(unit) if pictures.shape[1] == 3 else {})


def _border(unit: np.ndarray) -> np.ndarray:
    """The median colour (N, C) of the outermost pixels."""
    sides = (unit[:, :, 0], unit[:, :, -1], unit[:, :, :, 0], unit[:, :, :, -1])
    return np.asarray(np.median(np.concatenate(sides, -1), -1))


def _places(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Thirds of the picture, and its middle."""
    height, width = shape[1:]
    row = np.arange(height)[:, None] * np.ones((1, width)) / height
    column = np.ones((height, 1)) * np.arange(width) / width
    middle = (row >= 1 / 3) & (row < 2 / 3) & (column >= 1 / 3) & (column < 2 / 3)
    places = {
        "top": row < 1 / 3,
        "bottom": row >= 2 / 3,
        "left": column < 1 / 3,
        "right": column >= 2 / 3,
        "middle": middle,
    }
    return {name: np.broadcast_to(where, shape) for name, where in places.items()}


def _colours(unit: np.ndarray) -> dict[str, np.ndarray]:
    """By hue, where the largest channel exceeds the smallest by enough."""
    red, green, blue = unit[:, 0], unit[:, 1], unit[:, 2]
    hue = np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)) % 360
    colourful = unit.max(1) - unit.min(1) > COLOURFUL
    sixth = ((hue + 30) // 60).astype(int) % 6
    return {name: colourful & (sixth == index) for index, name in enumerate(HUES)}
