import numpy as np
import pytest
import torch
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.core.spec import GeneratorSpec, TensorSpec, parse_input
from edgegan.graph.capture import capture
from edgegan.graph.graph import load, save
from tests.conftest import LATENT, PHOTO
from tests.subjects import TinyDcgan, randomized


def test_the_graph_computes_what_the_module_does(dcgan, dcgan_graph):
    z = np.random.default_rng(0).standard_normal((5, 8, 1, 1)).astype(np.float32)
    with torch.no_grad():
        wanted = dcgan(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(dcgan_graph.run({"z": z}), wanted, rtol=1e-5, atol=1e-6)


def test_a_saved_graph_is_read_back(dcgan_graph, tmp_path):
    save(dcgan_graph, tmp_path / "g.pt2")
    back = load(tmp_path / "g.pt2", LATENT, 1)
    z = {"z": np.ones((1, 8, 1, 1), np.float32)}
    assert (back.run(z) == dcgan_graph.run(z)).all()


def test_batches_that_do_not_divide_are_padded(dcgan):
    graph = capture(dcgan, LATENT, batch=4)
    z = np.random.default_rng(0).standard_normal((6, 8, 1, 1)).astype(np.float32)
    np.testing.assert_allclose(graph.run({"z": z}), capture(dcgan, LATENT).run({"z": z}), atol=1e-6)


def test_the_fingerprint_follows_the_weights(dcgan_graph):
    other = capture(randomized(TinyDcgan(), seed=1), LATENT)
    assert dcgan_graph.fingerprint() == capture(randomized(TinyDcgan()), LATENT).fingerprint() != other.fingerprint()


class Branches(nn.Module):
    def forward(self, z):
        if z.sum().item() > 0:
            return z.expand(-1, 3, 4, 4)[:, :3] if z.shape[1] == 1 else z[:, :3].expand(-1, 3, 4, 4)
        return z[:, :3].expand(-1, 3, 4, 4) * 2


class Several(nn.Module):
    def forward(self, z):
        return {"image": z[:, :3].expand(-1, 3, 4, 4), "aux": z}


def test_code_that_cannot_be_captured_names_the_users_line():
    with pytest.raises(ModelError, match=r"test_capture\.py:\d+.*item") as caught:
        capture(Branches(), LATENT)
    assert ".item()" in str(caught.value)


def test_the_first_of_several_outputs_is_the_image():
    assert capture(Several(), LATENT).output_shape == (1, 3, 4, 4)


class Vocoder(nn.Module):
    """A sound without channels, as Vocos and HiFi-GAN's wrappers give it."""

    def __init__(self, hop):
        super().__init__()
        self.up = nn.ConvTranspose1d(8, 1, hop, hop)

    def forward(self, z):
        return self.up(z.flatten(2)).squeeze(1)


def test_a_sound_without_channels_is_given_one():
    vocoder, latent = Vocoder(2048), LATENT
    z = np.random.default_rng(0).standard_normal((3, 8, 1, 1)).astype(np.float32)
    with torch.no_grad():
        wanted = vocoder(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(capture(vocoder, latent).run({"z": z}), wanted[:, None], atol=1e-6)


def test_a_row_of_few_values_is_no_sound():
    with pytest.raises(ModelError, match=r"of shape \(1, 64\); expected float \(batch=1, C, H, W\), or"):
        capture(Vocoder(64), LATENT)


def test_inputs_that_do_not_fit_are_told_with_their_shapes(dcgan):
    with pytest.raises(ModelError, match=r"\(1, 9, 1, 1\)"):
        capture(dcgan, GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(9, 1, 1)),)))


def test_weights_that_give_nan_are_refused(dcgan):
    with torch.no_grad():
        dcgan.net[0].weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="NaN"):
        capture(dcgan, LATENT)


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: torch.Tensor, strength: float = 2.0) -> torch.Tensor:
        for _ in range(2):
            x = x * torch.sigmoid(self.conv(x) * strength)
        return x


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("made", ["scripted", "traced", "whole"])
def test_scripted_modules_are_entered(made):
    torch.manual_seed(0)
    picture = torch.randn(1, 3, 16, 16)
    gate = torch.jit.trace(Gate().eval(), picture) if made == "traced" else torch.jit.script(Gate().eval())
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(gate), nn.Tanh()).eval()
    if made == "whole":
        module = torch.jit.script(module)
    with torch.no_grad():
        wanted = module(picture).numpy()
    graph = capture(module, PHOTO)
    np.testing.assert_allclose(graph.run({"x": picture.numpy()}), wanted, atol=1e-6)
    if made != "whole":
        assert module[1][0] is gate
    assert sum(n.target is torch.ops.aten.conv2d.default for n in graph.module.graph.nodes) == 3


class InATuple(nn.Module):
    """As SFTGAN takes its picture and its condition."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(x[0]) * x[1].mean((2, 3), keepdim=True)


def test_inputs_that_are_taken_as_one_tuple():
    spec = GeneratorSpec(inputs=(parse_input("image:3x8x8", "a"), parse_input("image:3x16x16", "b")))
    network, pair = InATuple(), (torch.randn(1, 3, 8, 8), torch.randn(1, 3, 16, 16))
    torch.testing.assert_close(capture(network, spec).module(*pair), network(pair))
    with pytest.raises(ModelError, match="as one tuple, since forward\\(\\) has one argument"):
        capture(nn.Conv2d(3, 3, 1), spec)
