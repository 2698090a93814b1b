"""Sounds of a report, read back by SciPy."""

import numpy as np
import scipy.io.wavfile

from edgegan.report.sound import PAUSE, RATE, sample_sound


def test_original_and_compressed_follow_each_other(tmp_path):
    time = np.arange(2000) / RATE
    original = np.sin(2 * np.pi * 440 * time)[None, None].repeat(6, 0)
    sample_sound(original, original * 0.5, (-1.0, 1.0), tmp_path / "s.wav")
    rate, samples = scipy.io.wavfile.read(tmp_path / "s.wav")
    step = 2000 + int(PAUSE * RATE)
    assert rate == RATE and samples.shape == (8 * step,)
    np.testing.assert_allclose(samples[:2000] / 32767, original[0, 0], atol=1e-4)
    np.testing.assert_allclose(samples[step : step + 2000] / 32767, original[0, 0] * 0.5, atol=1e-4)
    assert not samples[2000:step].any()
