import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegan.quantize.ranges import RangeObserver, least_error_range, squared_error
from edgegan.quantize.scheme import SATURATION


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 100), st.floats(-3, 3))
def test_never_worse_than_the_extremes_and_always_inside(seed, scale, shift):
    values = (np.random.default_rng(seed).standard_t(3, 2000) * scale + shift * scale).astype(np.float32)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    a, b = least_error_range(values, low, high)
    assert low <= a <= 0 <= b <= high
    assert squared_error(values, a, b) <= squared_error(values, low, high) * (1 + 1e-9)


def test_squared_error_is_that_of_torchs_fake_quantization():
    import torch

    values = np.random.default_rng(0).normal(0, 1, 5000).astype(np.float32)
    low, high = -2.0, 2.0
    scale = (high - low) / 255
    wanted = torch.fake_quantize_per_tensor_affine(torch.from_numpy(values), scale, round(-low / scale), 0, 255).numpy()
    assert squared_error(values, low, high) == pytest.approx(float(np.mean((wanted - values) ** 2)), rel=0.01)


def test_saturating_inputs_are_cut_where_the_output_no_longer_moves():
    bound = SATURATION["tanh"]
    assert least_error_range(np.linspace(-30, 2, 999), -30, 2, bound) == (-bound, 2)
    assert abs(np.tanh(bound) - 1) <= 1 / 256 + 1e-12
    assert abs(1 / (1 + np.exp(-SATURATION["sigmoid"])) - 1) <= 1 / 512 + 1e-12


def test_memory_does_not_grow_with_what_is_observed():
    observer = RangeObserver(capacity=1000)
    for seed in range(50):
        observer.observe(np.random.default_rng(seed).normal(0, 1, (64, 64)))
    assert len(observer.sample) == 1000 and observer.high > 3


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        RangeObserver().observe(np.array([1.0, np.nan]))
