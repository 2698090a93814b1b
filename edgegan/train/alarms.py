"""What goes wrong in training and does not announce itself: losses that are no numbers, samples that are all alike."""

from __future__ import annotations

import numpy as np

from edgegan.core.errors import ModelError


def require_finite(row: dict[str, float], step: int) -> None:
    """ModelError naming the losses that are NaN or infinite."""
    bad = [name for name, value in row.items() if not np.isfinite(value)]
    if bad:
        raise ModelError(
            f"training diverged at step {step}: {', '.join(bad)} is no number any more (losses {row}); lower the "
            "learning rates in the recipe, or raise its penalty"
        )


def mean_distance(images: np.ndarray) -> float:
    """Mean Euclidean distance between the pictures of a set, uint8 (N, H, W, C), N at least 2, in grey levels per
    pixel."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    squares = (flat**2).sum(1)
    between = np.sqrt(np.maximum(squares[:, None] + squares - 2 * flat @ flat.T, 0))
    return float(between.sum() / (len(flat) * (len(flat) - 1)) / np.sqrt(flat.shape[1]))
