"""Photographs for the benchmarks, cut from Debian's package ``lomiri-wallpapers-20.04`` (CC-BY-SA-3.0)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.images import image_files, read_picture, resized

FOLDER = Path("/usr/share/backgrounds")
SCALE = 3
"""Photographs are taken at a third of their size, where a pixel is sharp."""


def pieces(size: int, count: int, seed: int = 0) -> np.ndarray:
    """``count`` square pieces, the photographs in turn: uint8 (count, size, size, 3). Raises UsageError where the
    package is not installed."""
    if not FOLDER.is_dir():
        raise UsageError("there are no photographs here: apt-get install lomiri-wallpapers-20.04")
    rng = np.random.default_rng(seed)
    wholes = [_smaller(read_picture(file)) for file in image_files(FOLDER)]
    cut = []
    for index in range(count):
        whole = wholes[index % len(wholes)]
        top, left = (int(rng.integers(0, side - size + 1)) for side in whole.shape[:2])
        cut.append(whole[top : top + size, left : left + size])
    return np.stack(cut)


def _smaller(picture: np.ndarray) -> np.ndarray:
    return resized(picture, (picture.shape[0] // SCALE, picture.shape[1] // SCALE))
