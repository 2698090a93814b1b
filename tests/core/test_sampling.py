import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgegan.core.sampling import float_to_image, image_to_float, sample_inputs
from edgegan.core.spec import TensorSpec

SPECS = (
    TensorSpec(name="z", kind="latent", shape=(8, 1, 1)),
    TensorSpec(name="y", kind="label", shape=(), classes=5),
    TensorSpec(name="o", kind="onehot", shape=(4,), classes=4),
    TensorSpec(name="x", kind="image", shape=(3, 12, 20), range=(0.0, 1.0)),
)


def test_a_seed_means_the_same_numbers_for_any_count():
    few, many = sample_inputs(SPECS[:3], 3, 7), sample_inputs(SPECS[:3], 50, 7)
    for name in few:
        assert (few[name] == many[name][:3]).all()
    assert (sample_inputs(SPECS, 3, 8)["z"] != few["z"]).any()


@pytest.mark.parametrize("limit", [0.2, 0.99, 1.5, 3.0])
def test_a_truncated_latent_is_scipys_truncated_normal_for_any_count(limit):
    spec = (TensorSpec(name="z", kind="latent", shape=(8,), truncation=limit),)
    many = sample_inputs(spec, 500, 3)["z"]
    assert np.array_equal(sample_inputs(spec, 7, 3)["z"], many[:7]) and np.abs(many).max() <= limit
    assert stats.kstest(many.ravel(), stats.truncnorm(-limit, limit).cdf).pvalue > 1e-4


def test_each_kind_is_what_it_says():
    values = sample_inputs(SPECS, 4000, 0)
    assert stats.kstest(values["z"].ravel(), "norm").pvalue > 1e-4
    assert values["y"].dtype == np.int64 and set(values["y"]) == set(range(5))
    assert (values["o"].sum(1) == 1).all() and values["o"].shape == (4000, 4)
    small = sample_inputs(SPECS[3:], 4, 0)["x"]
    assert small.shape == (4, 3, 12, 20) and small.min() >= 0 and small.max() <= 1


@given(st.tuples(st.floats(-4, 4), st.floats(0.1, 8)), st.integers(0, 2**32 - 1))
def test_pictures_survive_the_way_to_floats_and_back(ends, seed):
    low, width = ends
    spec = TensorSpec(name="x", kind="image", shape=(3, 4, 5), range=(low, low + width))
    images = np.random.default_rng(seed).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    assert (float_to_image(image_to_float(images, spec), spec.range) == images).all()
