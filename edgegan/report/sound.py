"""The same inputs through the float and the compressed network, to be heard one after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgegan.core.wav import RATE, write_wav

PAUSE, HEARD = 0.3, 4
"""Seconds between two sounds; how many inputs."""


def sample_sound(
    original: np.ndarray, compressed: np.ndarray | None, value_range: tuple[float, float], path: Path
) -> None:
    """Write ``path``, a WAV: for each of the first inputs the original, then the compressed network's (N, C, T)
    floats."""
    silence = np.full((original.shape[1], int(PAUSE * RATE)), sum(value_range) / 2)
    parts = []
    for index in range(min(HEARD, len(original))):
        for sounds in (original, compressed):
            if sounds is not None:
                parts += [sounds[index], silence]
    write_wav(path, np.concatenate(parts, 1), value_range)
