"""The same inputs through the float and the compressed network, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgegan.core.images import grid, write_png
from edgegan.core.sampling import float_to_image

COLUMNS = 8
SMALLEST = 64


def sample_sheet(
    original: np.ndarray, compressed: np.ndarray | None, value_range: tuple[float, float], path: Path
) -> None:
    """Write ``path``: rows of eight, the original's pictures above the compressed network's (N, C, H, W floats
    each)."""
    count = min(2 * COLUMNS, len(original))
    rows = []
    for start in range(0, count, COLUMNS):
        for images in (original, compressed):
            if images is not None:
                rows.append(_row(float_to_image(images[start : start + COLUMNS], value_range)))
    write_png(path, np.concatenate(rows))


def _row(images: np.ndarray) -> np.ndarray:
    """One row of the sheet, small pictures enlarged by a whole factor, short rows filled with white."""
    factor = max(1, -(-SMALLEST // images.shape[1]))
    large = images.repeat(factor, axis=1).repeat(factor if images.shape[1] > 1 else 1, axis=2)
    if large.shape[-1] not in (1, 3):
        large = large[..., :1]
    if len(large) < COLUMNS:
        large = np.concatenate([large, np.full((COLUMNS - len(large), *large.shape[1:]), 255, np.uint8)])
    return grid(large, COLUMNS)
