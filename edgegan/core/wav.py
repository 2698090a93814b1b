"""WAV files of 16 bits, written with the standard library alone."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np

from edgegan.core.files import write_bytes

RATE = 22_050
"""Samples a second where nothing says how many: networks do not."""


def write_wav(path: Path, sound: np.ndarray, value_range: tuple[float, float], rate: int = RATE) -> None:
    """Floats (C, T) in ``value_range``; of more than two channels the first."""
    sound = sound[: 2 if len(sound) == 2 else 1]
    low, high = value_range
    centred = (sound - (low + high) / 2) * (2 / (high - low))
    samples = np.rint(np.clip(centred, -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples.T).tobytes())
    write_bytes(path, buffer.getvalue())
