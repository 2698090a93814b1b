"""What was done to a sound: the distance of log spectra, beside the paired figures of its samples."""

from __future__ import annotations

import numpy as np

WINDOW, STEP = 1024, 256
FLOOR = 1e-5
"""Of the loudest magnitude: what is quieter is not heard beside it (-100 dB)."""


def is_sound(shape: tuple[int, ...]) -> bool:
    """Whether a network's output (N, C, T) is long enough for a spectrum."""
    return len(shape) == 3 and shape[-1] >= WINDOW


def log_spectral_distance_db(reference: np.ndarray, candidate: np.ndarray) -> float:
    """Mean over windows of the root mean square, over frequencies, of the difference between log power spectra (Gray,
    Markel 1976), in dB; arrays (N, C, T) of one shape, T at least WINDOW."""
    loudest = float(np.abs(reference).max())
    ours, wanted = (_log_power(np.asarray(sound, np.float64), loudest) for sound in (candidate, reference))
    return float(np.sqrt(np.mean((ours - wanted) ** 2, -1)).mean())


def _log_power(sound: np.ndarray, loudest: float) -> np.ndarray:
    """(N, C, windows, frequencies) in dB, Hann windows."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW, -1)[..., ::STEP, :]
    window = np.hanning(WINDOW + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(windows * window)) / (window.sum() / 2)
    decibels: np.ndarray = 20.0 * np.log10(np.maximum(magnitude, FLOOR * max(loudest, 1e-12)))
    return decibels
