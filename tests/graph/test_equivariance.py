"""Networks whose receptive field, stride and scale are known by arithmetic."""

from fractions import Fraction

import pytest
import torch
from torch import nn

from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.equivariance import tiling

SIDE = 64


class Placed(nn.Module):
    """Adds a ramp: knows its place."""

    def __init__(self):
        super().__init__()
        self.register_buffer("ramp", torch.linspace(-1, 1, SIDE))

    def forward(self, x):
        return x + self.ramp


class Excited(nn.Module):
    """Squeeze and excitation: scales by a mean over the whole picture."""

    def forward(self, x):
        return x * torch.sigmoid(4 * x.mean((2, 3), keepdim=True))


def measured(*layers):
    torch.manual_seed(1)
    spec = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, SIDE, SIDE), range=(-1.0, 1.0)),))
    graph = capture(nn.Sequential(*layers).eval(), spec)
    return tiling(graph, sample_inputs(spec.inputs, 1, 0))


@pytest.mark.parametrize(
    "layers,stride,scale,reach",
    [
        ((nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 3, 3, 1, 1)), 1, 1, 2),
        ((nn.Conv2d(3, 8, 5, 1, 2), nn.Tanh(), nn.Conv2d(8, 48, 3, 1, 1), nn.PixelShuffle(4)), 1, 4, 3),
        ((nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1)), 2, 1, 4),
        ((nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 3, 3, 1, 1)), 2, Fraction(1, 2), 5),
        ((nn.Conv2d(3, 8, 3, 1, 1, padding_mode="reflect"),), 1, 1, 1),
    ],
)
def test_what_is_found_is_what_arithmetic_says(layers, stride, scale, reach):
    found, sentence = measured(*layers)
    assert found is not None, sentence
    assert (found.stride, found.scale) == (stride, Fraction(scale))
    assert 0 < found.margin <= reach
    assert found.receptive_field is not None and found.receptive_field <= 2 * reach + 1


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(3, 8, 3, 1, 1), nn.InstanceNorm2d(8), nn.Conv2d(8, 3, 3, 1, 1)),
        (Placed(),),
        (Excited(),),
    ],
)
def test_what_depends_on_the_whole_or_the_place_is_not_cut(layers):
    found, sentence = measured(*layers)
    assert found is None and "depends on nearly the whole picture" in sentence


def test_what_sees_nearly_the_whole_picture_is_not_cut():
    torch.manual_seed(0)
    wide = nn.Conv2d(3, 3, 51, 1, 25)
    assert measured(wide)[0] is None


def test_without_a_picture_there_is_nothing_to_cut(dcgan_graph):
    found, sentence = tiling(dcgan_graph, sample_inputs(dcgan_graph.spec.inputs, 1, 0))
    assert found is None and "no picture" in sentence
