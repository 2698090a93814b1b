"""Precision and recall against scikit-learn and sets whose answer is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from edgegan.core.errors import UsageError
from edgegan.metrics.manifold import precision_recall


def share_inside(points, manifold, k):
    radii = NearestNeighbors(n_neighbors=k + 1).fit(manifold).kneighbors(manifold)[0][:, -1]
    return np.mean([(np.linalg.norm(manifold - p, axis=1) <= radii).any() for p in points])


@given(st.integers(0, 2**16), st.integers(5, 30), st.integers(5, 30), st.integers(1, 4), st.floats(0, 3))
def test_precision_and_recall_are_shares_inside_balls_of_nearest_neighbours(seed, n, m, k, shift):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(n, 3)), rng.normal(size=(m, 3)) * 0.7 + shift
    found = precision_recall(torch.from_numpy(real), torch.from_numpy(fake), k)
    assert found == pytest.approx((share_inside(fake, real, k), share_inside(real, fake, k)))


def test_a_generator_of_one_kind_keeps_precision_and_loses_recall():
    rng = np.random.default_rng(0)
    real = np.concatenate([rng.normal(-10, 1, (200, 4)), rng.normal(10, 1, (200, 4))])
    precision, recall = precision_recall(torch.from_numpy(real), torch.from_numpy(rng.normal(10, 1, (400, 4))))
    assert precision > 0.9 and 0.4 < recall < 0.52


def test_too_few_are_refused():
    with pytest.raises(UsageError, match="more than 3"):
        precision_recall(torch.zeros(3, 2), torch.zeros(9, 2))
