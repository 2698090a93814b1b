"""What channels draw, on generators whose answer is known; figures against scikit-learn, SciPy and PyTorch itself."""

import colorsys
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import jaccard_score, mutual_info_score
from torch import nn
from typer.testing import CliRunner

from edgegan.cli.app import app
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.metrics.segments import HUES, segments
from edgegan.prune import dissection
from edgegan.prune.channels import prune, removed_channels
from tests.conftest import LATENT
from tests.subjects import TinyDcgan, randomized

SPEC = GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(6,)),))


class Corners(nn.Module):
    """Channel 0 brightens the top, 1 darkens the left, 2 does nothing at all: each as much as a latent says."""

    def __init__(self):
        super().__init__()
        self.grow, self.mix = nn.Linear(6, 3 * 12 * 12, bias=False), nn.Conv2d(3, 8, 1, bias=False)
        self.norm, self.draw = nn.BatchNorm2d(8), nn.Conv2d(8, 1, 1, bias=False)
        where = torch.zeros(3, 12, 12)
        where[0, :4], where[1, :, :4], where[2] = 1, 1, 1
        with torch.no_grad():
            self.grow.weight.zero_()
            for channel in range(3):
                self.grow.weight[channel * 144 : (channel + 1) * 144, channel] = where[channel].flatten()
            self.mix.weight.zero_()
            for channel in range(3):
                self.mix.weight[channel, channel] = 1
            self.draw.weight.zero_()
            self.draw.weight[0, 0], self.draw.weight[0, 1] = 2, -2

    def forward(self, z):
        maps = torch.relu(self.norm(self.mix(self.grow(z).view(-1, 3, 12, 12))))
        return torch.tanh(self.draw(maps))


@pytest.fixture
def corners():
    graph = capture(Corners().eval(), SPEC, 16)
    return dissection.dissect(graph, 0, None, 8, lambda done, total: None)


def test_channels_are_named_for_what_they_draw(corners):
    (layer,) = corners.ends
    top, left, idle, *_ = (u for u in corners.units if u.layer == layer)
    assert top.segment == "bright" and left.segment == "dark" and min(top.iou, left.iou) > 0.6
    assert top.segment_effect == 1.0 and left.segment_effect == 1.0, "what they draw is gone without them"
    assert idle.effect == 0 and idle.estimate == 0
    assert np.allclose(corners.map(top)[:, 4:], 0) and corners.map(top)[:, :4].max() > 0.5


def test_without_a_channel_the_picture_is_pytorchs_with_its_weights_at_zero(corners):
    module = Corners().eval()
    (z,) = (v for node, v in corners.values.items() if node.op == "placeholder")
    with torch.no_grad():
        assert np.allclose(module(z).numpy(), corners.pictures, atol=1e-6)
        module.draw.weight[0, 1] = 0
        wanted = module(z).numpy()
    assert np.allclose(corners.without(corners.units[1]), wanted, atol=1e-6)
    effect = np.sqrt(np.mean((wanted - corners.pictures) ** 2)) / 2
    assert corners.units[1].effect == pytest.approx(effect, rel=1e-5)
    assert corners.units[1].estimate == pytest.approx(effect, rel=0.7), "to first order of a tanh"


@given(st.integers(0, 2**16), st.integers(2, 5))
def test_agreement_is_scikit_learns(seed, count):
    rng = np.random.default_rng(seed)
    active = rng.normal(size=400).astype(np.float32)
    masks = (active + rng.normal(size=(count, 400)) > rng.normal(size=(count, 1))).astype(np.float32)
    best, iou, correlation = dissection._agreement(torch.from_numpy(active), torch.from_numpy(masks))
    cuts = np.quantile(active, dissection.QUANTILES)
    found = []
    for mask in masks:
        told = [
            mutual_info_score(active > c, mask) / mutual_info_score(joint, joint)
            for c in cuts
            for joint in [2 * (active > c) + mask]
        ]
        found.append(jaccard_score(mask, active > cuts[int(np.argmax(told))]))
    assert best == int(np.argmax(found)) and iou == pytest.approx(max(found), abs=1e-5)
    assert correlation == pytest.approx(pearsonr(active, masks[best])[0], abs=1e-4)


def test_segments_of_a_square_and_of_colours():
    picture = np.full((1, 3, 24, 24), -1.0, np.float32)
    picture[:, :, 8:16, 8:16] = 1.0
    found = segments(picture, (-1.0, 1.0))
    assert np.array_equal(found["object"], picture[:, 0] > 0) and np.array_equal(found["middle"], picture[:, 0] > 0)
    assert found["outline"].sum() == 28 and found["edges"][0, 7, 10] and not found["edges"][0, 11, 11]
    assert np.array_equal(found["bright"], ~found["dark"]) and found["top"].sum() == found["left"].sum() == 24 * 8
    for index, name in enumerate(HUES):
        colour = np.array(colorsys.hsv_to_rgb(index / 6, 1, 0.8), np.float32).reshape(1, 3, 1, 1)
        told = segments(np.broadcast_to(colour, (1, 3, 4, 4)), (0.0, 1.0))
        assert [hue for hue in HUES if told[hue].all()] == [name]
    assert "red" not in segments(picture[:, :1], (-1.0, 1.0))


def test_what_pruning_takes_is_what_it_takes():
    graph = capture(randomized(TinyDcgan()), LATENT)
    gone, (smaller, network) = removed_channels(graph, 0.5), prune(graph, 0.5).value
    assert gone
    whole = {name: module for name, module in dissection.layered(dissection.prepared(graph)).named_modules()}
    for layer, channels in gone.items():
        out = 1 if isinstance(whole[layer], nn.ConvTranspose2d) else 0
        kept = [c for c in range(whole[layer].weight.shape[out]) if c not in channels]
        assert network.get_submodule(layer).weight.shape[out] == len(kept)
    assert smaller.output_shape == graph.output_shape


@pytest.mark.slow
def test_show_dissects_and_tells_what_pruning_takes(tmp_path):
    command = ["show", "fashion-dcgan", "--dissect", "--units", "2", "--prune", "0.5", "--samples", "16"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "dissection.json").read_text())
    assert (tmp_path / "dissection.png").stat().st_size > 1000
    for layer in found["layers"]:
        own = [unit for unit in found["units"] if unit["layer"] == layer["layer"]]
        assert len(own) == layer["channels"] and sum(u["removed"] for u in own) == layer["removed"] > 0
        assert sum(u["effect"] is not None for u in own) == 2 and 0 < layer["removed_effect"] < 1
    assert "removed" in done.stdout


def test_dissecting_asks_for_what_it_needs(null_artifact, tmp_path):
    for arguments, told in (
        ([str(null_artifact), "--dissect"], "whose channels cannot be switched off"),
        (["fashion-dcgan", "--prune", "0.5"], "give both"),
        (["fashion-dcgan", "--dissect", "--criterion", "gama"], "did you mean gamma"),
    ):
        done = CliRunner().invoke(app, ["show", *arguments, "--samples", "16", "--out", str(tmp_path)])
        assert done.exit_code and told in str(done.exception), done.output
