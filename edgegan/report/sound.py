"""The same inputs through the float and the compressed network, to be heard one after the other."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np

from edgegan.core.files import write_bytes

RATE, PAUSE, HEARD = 22_050, 0.3, 4
"""Samples a second, for the network does not say; seconds between two sounds; how many inputs."""


def sample_sound(
    original: np.ndarray, compressed: np.ndarray | None, value_range: tuple[float, float], path: Path
) -> None:
    """Write ``path``, a WAV of 16 bits: for each of the first inputs the original, then the compressed network's
    (N, C, T) floats; one or two channels, the first of more."""
    channels = original.shape[1] if original.shape[1] <= 2 else 1
    silence = np.zeros((channels, int(PAUSE * RATE)))
    parts = []
    for index in range(min(HEARD, len(original))):
        for sounds in (original, compressed):
            if sounds is not None:
                parts += [_centred(sounds[index, :channels], value_range), silence]
    samples = np.rint(np.clip(np.concatenate(parts, 1), -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.ascontiguousarray(samples.T).tobytes())
    write_bytes(path, buffer.getvalue())


def _centred(sound: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    low, high = value_range
    return (sound - (low + high) / 2) * (2 / (high - low))
