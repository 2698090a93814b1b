"""Observers against NumPy's percentiles and ONNX Runtime's own entropy calibrator."""

import numpy as np
import pytest

from edgegan.quantize.ranges import OBSERVERS, RangeObserver, entropy, percentile, squared_error


@pytest.fixture(scope="module")
def heavy():
    """A tensor with a heavy tail, as activations have."""
    return np.random.default_rng(0).standard_t(3, 1 << 15).astype(np.float32)


def test_percentile_is_numpys(heavy):
    low, high = percentile(heavy, heavy.min(), heavy.max())
    assert (low, high) == pytest.approx(tuple(np.percentile(heavy, [0.01, 99.99])))


def test_entropy_clips_about_where_onnx_runtime_does(heavy):
    from onnxruntime.quantization.calibrate import HistogramCollector

    collector = HistogramCollector(
        "entropy", symmetric=True, num_bins=2048, num_quantized_bins=128, percentile=99.99, scenario="same"
    )
    collector.collect({"x": [heavy]})
    wanted = collector.get_entropy_threshold(collector.histogram_dict["x"], 128)
    low, high = entropy(heavy, float(heavy.min()), float(heavy.max()))
    most = np.abs(heavy).max()
    assert max(-low, high) < 0.95 * most, "a heavy tail is clipped"
    assert max(-low, high) == pytest.approx(float(np.max(np.abs(wanted[:2]))), abs=0.25 * float(most))


def test_auto_is_the_best_of_them(heavy):
    errors = {}
    for method in ("auto", *OBSERVERS):
        observer = RangeObserver(method=method)
        for part in np.split(heavy, 64):
            observer.observe(part)
        errors[method] = squared_error(observer.sample, *observer.range())
    assert errors["auto"] == min(errors.values()) < errors["minmax"]


@pytest.mark.parametrize("method", [*OBSERVERS, "auto"])
def test_zero_stays_inside_and_nothing_unseen_is_claimed(method):
    for values in (np.linspace(2, 3, 500), -np.linspace(2, 3, 500), np.zeros(10)):
        observer = RangeObserver(method=method)
        observer.observe(values)
        low, high = observer.range()
        assert low <= 0 <= high and high > low and max(-low, high) <= max(3.0, 1.0)
