"""Noise that networks draw themselves, against the network with what was drawn put in."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.graph.capture import capture
from edgegan.graph.draws import draws_fixed
from edgegan.graph.graph import load, save
from edgegan.graph.rewrite import rewrite
from tests.conftest import LATENT, PHOTO


class NoisyBlock(nn.Module):
    """A styled layer as StyleGAN's public code has it: noise is drawn where none is given."""

    def __init__(self, width=8):
        super().__init__()
        self.first, self.last = nn.ConvTranspose2d(8, width, 4), nn.ConvTranspose2d(width, 3, 4, 2, 1)
        self.strength = nn.Parameter(torch.full((1, width, 1, 1), 0.7))

    def forward(self, z, noise=None):
        x = self.first(z)
        if noise is None:
            noise = x.new_empty(x.shape[0], 1, *x.shape[2:]).normal_()
        return torch.tanh(self.last(F.leaky_relu(x + self.strength * noise, 0.2)))


def test_noise_in_a_network_is_one_draw_for_good(tmp_path):
    torch.manual_seed(0)
    network = NoisyBlock().eval()
    graph = capture(network, LATENT)
    assert draws_fixed(graph.module) == 1
    (noise,) = (value for name, value in graph.module.named_buffers() if name.startswith("drawn"))
    assert noise.shape == (1, 1, 4, 4) and 0.3 < float(noise.std()) < 2.0
    z = np.random.default_rng(0).standard_normal((3, 8, 1, 1)).astype(np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(z), noise).numpy()
    np.testing.assert_allclose(graph.run({"z": z}), wanted, atol=1e-6)
    several = capture(network, LATENT, batch=3)
    np.testing.assert_allclose(several.run({"z": z}), wanted, atol=1e-6)
    assert capture(network, LATENT).fingerprint() == graph.fingerprint(), "every capture draws the same"
    rewritten = rewrite(graph, "phase")
    assert "undone" not in " ".join(rewritten.notes)
    np.testing.assert_allclose(rewritten.value.run({"z": z}), wanted, atol=1e-5)
    save(graph, tmp_path / "g.pt2")
    assert (load(tmp_path / "g.pt2", LATENT, 1).run({"z": z}) == graph.run({"z": z})).all()


class LeftOn(nn.Module):
    """Dropout as pix2pix's noise: functional, so that evaluation does not switch it off."""

    def __init__(self):
        super().__init__()
        self.head, self.tail = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, x):
        return self.tail(F.dropout(self.head(x).relu(), 0.5))


def test_dropout_that_is_left_on_is_one_mask():
    network = LeftOn().eval()
    graph = capture(network, PHOTO)
    (mask,) = (value for name, value in graph.module.named_buffers() if name.startswith("drawn"))
    assert set(mask.unique().tolist()) == {0.0, 2.0} and 0.4 < float((mask > 0).float().mean()) < 0.6
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        wanted = network.tail(network.head(x).relu() * mask).numpy()
    np.testing.assert_allclose(graph.run({"x": x.numpy()}), wanted, atol=1e-6)


class Calm(nn.Module):
    """What could draw and does not: dropout in evaluation, and attention with none."""

    def __init__(self):
        super().__init__()
        self.head, self.drop = nn.Conv2d(3, 8, 3, padding=1), nn.Dropout(0.5)

    def forward(self, x):
        rows = self.drop(self.head(x)).flatten(2).transpose(1, 2)
        return F.scaled_dot_product_attention(rows, rows, rows).transpose(1, 2)[:, :3].reshape(x.shape)


def test_what_does_not_draw_stays():
    network, x = Calm().eval(), torch.randn(1, 3, 16, 16)
    graph = capture(network, PHOTO)
    assert not draws_fixed(graph.module)
    with torch.no_grad():
        np.testing.assert_allclose(graph.run({"x": x.numpy()}), network(x).numpy(), atol=1e-6)


class Dithered(nn.Module):
    def forward(self, x):
        return torch.bernoulli(torch.sigmoid(x))


def test_a_draw_that_depends_on_what_is_computed_is_refused():
    with pytest.raises(ModelError, match=r"draws at random from what it computes \(aten\.bernoulli\.default\)"):
        capture(Dithered(), PHOTO)
