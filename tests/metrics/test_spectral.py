"""The distance of log spectra, against SciPy's short-time Fourier transform."""

import numpy as np
import pytest
import scipy.signal

from edgegan.metrics.spectral import FLOOR, STEP, WINDOW, is_sound, log_spectral_distance_db


def test_it_is_the_formula_over_scipys_spectra():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 1, 4096))
    b = a + 0.1 * rng.normal(size=a.shape)
    transform = scipy.signal.ShortTimeFFT(scipy.signal.get_window("hann", WINDOW), STEP, fs=1.0)
    whole_windows = {"p0": transform.lower_border_end[1], "p1": transform.upper_border_begin(4096)[1]}
    spectra = []
    for sound in (a, b):
        whole = np.abs(transform.stft(sound, **whole_windows))
        loud = np.maximum(whole / (transform.win.sum() / 2), FLOOR * np.abs(a).max())
        spectra.append(20 * np.log10(loud))
    wanted = np.sqrt(np.mean((spectra[0] - spectra[1]) ** 2, axis=-2)).mean()
    assert log_spectral_distance_db(a, b) == pytest.approx(wanted, rel=0.02)


def test_a_change_in_loudness_is_that_many_decibels():
    sound = np.random.default_rng(0).normal(size=(1, 1, 8192))
    assert log_spectral_distance_db(sound, sound) == 0.0
    assert log_spectral_distance_db(sound, sound * 0.5) == pytest.approx(20 * np.log10(2), rel=1e-3)
    assert is_sound((1, 1, 8192)) and not is_sound((1, 1, 64)) and not is_sound((1, 3, 64, 64))
