"""LPIPS against torchmetrics' own arithmetic and its own copy of the linear heads."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegan.metrics import lpips as ours
from edgegan.metrics.lpips import WEIGHTS, lpips

theirs = pytest.importorskip("torchmetrics.functional.image.lpips")
HEADS = Path(theirs.__file__).parent / "lpips_models" / "alex.pth"
FLOAT16 = 2e-3
"""Relative: weights are stored in float16."""


class TheirLpips(theirs._LPIPS):
    """Their class, given features instead of torchvision's network, which is not installed."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.scaling_layer, self.resize, self.spatial, self.L = theirs.ScalingLayer(), None, False, 5
        self.net = SimpleNamespace(forward=ours.lpips_network().features)
        widths = [shape[1] for shape in ours.SHAPES]
        for index, width in enumerate(widths):
            setattr(self, f"lin{index}", theirs.NetLinLayer(width, use_dropout=True))
        self.lins = [getattr(self, f"lin{index}") for index in range(5)]
        self.load_state_dict(torch.load(HEADS, weights_only=True, map_location="cpu"), strict=False)
        self.eval()


def test_heads_are_those_that_were_published():
    published = torch.load(HEADS, weights_only=True, map_location="cpu")
    for index, head in enumerate(ours.lpips_network().heads):
        torch.testing.assert_close(head, published[f"lin{index}.model.1.weight"].flatten(), rtol=FLOAT16, atol=1e-4)


@settings(max_examples=10)
@given(st.integers(0, 1000), st.sampled_from([32, 48, 64]))
def test_the_distance_is_torchmetrics(seed, side):
    rng = np.random.default_rng(seed)
    first = rng.uniform(-1, 1, (2, 3, side, side)).astype(np.float32)
    second = np.clip(first + rng.normal(0, 0.3, first.shape), -1, 1).astype(np.float32)
    with torch.no_grad():
        wanted = TheirLpips()(torch.from_numpy(first), torch.from_numpy(second)).mean().item()
    assert lpips(first, second, (-1.0, 1.0)) == pytest.approx(wanted, rel=5e-3)


def test_the_same_pictures_are_0_apart_and_noise_goes_further():
    rng = np.random.default_rng(0)
    picture = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (1, 3, 64, 1))
    assert lpips(picture, picture, (0.0, 1.0)) == 0.0
    near, far = (
        lpips(picture, np.clip(picture + rng.normal(0, spread, picture.shape), 0, 1), (0.0, 1.0))
        for spread in (0.02, 0.2)
    )
    assert 0 < near < far
    grey = picture[:, :1]
    assert lpips(grey, 1 - grey, (0.0, 1.0)) == pytest.approx(lpips(picture, 1 - picture, (0.0, 1.0)), rel=1e-5)


def test_what_is_no_picture_or_too_small_has_none():
    assert lpips(np.zeros((1, 3, 16, 64)), np.zeros((1, 3, 16, 64)), (0, 1)) is None
    assert lpips(np.zeros((1, 2, 64, 64)), np.zeros((1, 2, 64, 64)), (0, 1)) is None
    assert lpips(np.zeros((1, 1, 4096)), np.zeros((1, 1, 4096)), (0, 1)) is None


def test_the_weights_have_their_card():
    card = json.loads(WEIGHTS.with_suffix(".json").read_text())
    data = WEIGHTS.read_bytes()
    assert card["sha256"] == ours.SHA256 == hashlib.sha256(data).hexdigest() and card["bytes"] == len(data)
    assert {"origin", "licence", "command"} <= card.keys()
