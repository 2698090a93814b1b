"""Outputs that are no numbers: named, so that no mean or comparison hides them (NaN is below no gate)."""

from __future__ import annotations

import numpy as np


def why_not_finite(images: np.ndarray) -> str | None:
    """What is wrong with pictures (N, ...) of which some hold NaN or infinity; None where none does."""
    wrong = ~np.isfinite(images.reshape(len(images), -1))
    if not wrong.any():
        return None
    return (
        f"{np.count_nonzero(wrong.any(1))} of {len(images)} pictures hold NaN or infinity, "
        f"{np.count_nonzero(wrong)} of {wrong.size} values: an activation left the range of its precision, or the "
        "artifact computes something else than the network"
    )
