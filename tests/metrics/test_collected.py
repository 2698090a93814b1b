"""Figures of features that come one by one, against torchmetrics and SciPy over all of them at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore

from edgegan.bench.known_features import MOST, known
from edgegan.core.errors import UsageError
from edgegan.metrics import collected
from edgegan.metrics.collected import Collected, Scores
from edgegan.metrics.distances import frechet_distance, frechet_distance_of


class Given(torch.nn.Module):
    """Features computed before, as torchmetrics' feature network."""

    num_features = 6

    def forward(self, features):
        return features


def collect(features: np.ndarray, pieces: int = 1) -> Collected:
    found = Collected(features.shape[1])
    for part in np.array_split(features.astype(np.float32), pieces):
        found.add(torch.from_numpy(part))
    return found


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**16), st.integers(1, 9), st.sampled_from([20, 700]))
def test_frechet_distance_of_pieces_is_torchmetrics_of_all(seed, pieces, count):
    rng = np.random.default_rng(seed)
    real, drawn = rng.normal(1, 1, (count, 6)), rng.normal(0, 2, (count + 5, 6)) + 1
    metric = FrechetInceptionDistance(feature=Given(), normalize=True).set_dtype(torch.float64)
    metric.update(torch.from_numpy(real).float(), real=True)
    metric.update(torch.from_numpy(drawn).float(), real=False)
    wanted = float(metric.compute())
    assert frechet_distance_of(collect(real, pieces), collect(drawn, pieces)) == pytest.approx(wanted, rel=1e-6)
    assert frechet_distance(torch.from_numpy(real).float(), torch.from_numpy(drawn).float()) == pytest.approx(wanted)


@given(st.integers(0, 2**16), st.integers(1, 7))
def test_inception_score_is_the_mean_divergence_from_the_marginal(seed, pieces):
    logits = np.random.default_rng(seed).normal(size=(50, 7)) * 2
    p = softmax(logits, 1)
    wanted = np.exp(entropy(p, p.mean(0, keepdims=True), axis=1).mean())
    scores = Scores(50, splits=1)
    for part in np.array_split(logits, pieces):
        scores.add(torch.from_numpy(part))
    assert scores.value() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_its_parts_are_torchmetrics_own_but_for_their_order(monkeypatch):
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(83, 12)) * 3)
    monkeypatch.setattr(torch, "randperm", lambda count, **_: torch.arange(count))
    wanted = InceptionScore(feature=torch.nn.Identity(), splits=83)
    wanted.update(logits)
    scores = Scores(83, splits=83)
    scores.add(logits)
    assert scores.value() == pytest.approx(float(wanted.compute()[0]), rel=1e-6)
    with pytest.raises(UsageError, match="as many pictures"):
        Scores(4)


def test_as_many_are_kept_as_are_needed_and_no_more(monkeypatch):
    monkeypatch.setattr(collected, "KEPT", 50)
    features = np.random.default_rng(0).normal(size=(130, 3))
    found = collect(features, 11)
    assert found.count == 130 and np.array_equal(found.kept.numpy(), features[:50].astype(np.float32))


def test_features_of_the_same_pictures_are_not_computed_again(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEGAN_CACHE", str(tmp_path))
    features, computed = np.random.default_rng(0).normal(size=(40, 3)), []

    def compute():
        computed.append(1)
        return collect(features)

    first, again = (known("pictures", "network", compute) for _ in range(2))
    assert len(computed) == 1 and again.count == 40 and torch.equal(again.kept, first.kept)
    assert frechet_distance_of(first, again) == pytest.approx(0, abs=1e-6)
    known("pictures", "another network", compute)
    assert len(computed) == 2
    for file in (tmp_path / "features").iterdir():
        file.write_bytes(b"PK damaged")
    known("pictures", "network", compute)
    assert len(computed) == 3
    for index in range(MOST + 2):
        known(f"pictures {index}", "network", compute)
    assert len(list((tmp_path / "features").glob("*.npz"))) == MOST
