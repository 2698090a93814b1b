"""The same inputs through the float and the compressed network, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgegan.core.images import grid, write_png
from edgegan.core.sampling import float_to_image

COLUMNS = 8
SMALLEST = 64


Rows = list[np.ndarray]
"""uint8 (H, W, C) each, of eight pictures."""


@dataclass(frozen=True)
class Sheet:
    """The original's pictures in rows, and the compressed network's at the same places where there are any."""

    before: Rows
    after: Rows | None

    @classmethod
    def of(cls, original: np.ndarray, compressed: np.ndarray | None, value_range: tuple[float, float]) -> Sheet:
        """Of the first pictures (N, C, H, W floats each)."""

        def rows(images: np.ndarray) -> Rows:
            pixels = float_to_image(images[: min(2 * COLUMNS, len(original))], value_range)
            return [_row(pixels[start : start + COLUMNS]) for start in range(0, len(pixels), COLUMNS)]

        return cls(rows(original), None if compressed is None else rows(compressed))

    def write(self, path: Path) -> None:
        """One PNG: each row of the original's above that of the compressed network's."""
        pairs = zip(self.before, self.after or self.before, strict=True)
        write_png(path, np.concatenate([row for pair in pairs for row in (pair if self.after else pair[:1])]))


def _row(images: np.ndarray) -> np.ndarray:
    """One row of the sheet, small pictures enlarged by a whole factor, short rows filled with white."""
    factor = max(1, -(-SMALLEST // images.shape[1]))
    large = images.repeat(factor, axis=1).repeat(factor if images.shape[1] > 1 else 1, axis=2)
    if large.shape[-1] not in (1, 3):
        large = large[..., :1]
    if len(large) < COLUMNS:
        large = np.concatenate([large, np.full((COLUMNS - len(large), *large.shape[1:]), 255, np.uint8)])
    return grid(large, COLUMNS)
