"""Programs in core ATen, as other tools leave them, have the layers that PyTorch's own have."""

import operator
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.operators import aten
from edgegan.models.loading import load_model

LAYERS = {
    "convolution": (nn.Conv2d(4, 6, 3, 2, 1, bias=False), aten.conv2d.default),
    "dilated, grouped": (nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2), aten.conv2d.default),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), aten.conv_transpose2d.input),
    "transposed, grouped": (nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2), aten.conv_transpose2d.input),
    "batch norm": (nn.BatchNorm2d(4), aten.batch_norm.default),
    "group norm": (nn.GroupNorm(2, 4), aten.group_norm.default),
    "instance norm": (nn.InstanceNorm2d(4, affine=True), aten.instance_norm.default),
    "layer norm": (nn.LayerNorm(8), aten.layer_norm.default),
    "pooling": (nn.MaxPool2d(3, 2, 1), aten.max_pool2d.default),
    "pixel shuffle": (nn.PixelShuffle(2), aten.pixel_shuffle.default),
    "softmax": (nn.Softmax(1), aten.softmax.int),
    "leaky ReLU": (nn.LeakyReLU(0.2), aten.leaky_relu.default),
    "PReLU": (nn.PReLU(4), aten.prelu.default),
    "PReLU of one slope": (nn.PReLU(), aten.prelu.default),
}


def captured(program, path):
    """As a user's file of it is."""
    torch.export.save(program, path)
    loaded = load_model(str(path), ["latent:4x8x8"], (-1, 1), None, None, 1)
    return capture(loaded.module, loaded.spec)


def calls(graph):
    return Counter(node.target for node in graph.module.graph.nodes if node.op == "call_function")


@pytest.mark.parametrize("layer,whole", LAYERS.values(), ids=LAYERS)
def test_each_is_whole_again(layer, whole, tmp_path):
    torch.manual_seed(0)
    layer, given = layer.eval(), torch.randn(1, 4, 8, 8)
    program = torch.export.export(layer, (given,)).run_decompositions()
    assert (whole not in {node.target for node in program.graph.nodes}) == (whole is not aten.leaky_relu.default)
    graph = captured(program, tmp_path / "g.pt2")
    assert calls(graph)[whole] == 1 and operator.getitem not in calls(graph)
    with torch.no_grad():
        wanted = layer(given).numpy()
    np.testing.assert_allclose(graph.run({graph.spec.inputs[0].name: given.numpy()}), wanted, atol=1e-6)


class ByHand(nn.Module):
    """A pixel shuffle as papers write it before they know PyTorch's; ``order``: how its axes are moved."""

    def __init__(self, order):
        super().__init__()
        self.order = order

    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c // 4, 2, 2, h, w).permute(*self.order).contiguous().view(n, c // 4, 2 * h, 2 * w)


@pytest.mark.parametrize("order,found", [((0, 1, 4, 2, 5, 3), 1), ((0, 1, 4, 3, 5, 2), 0)])
def test_a_pixel_shuffle_by_hand_is_one(order, found):
    given, module = torch.randn(1, 4, 8, 8), ByHand(order).eval()
    spec = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(4, 8, 8)),), output_range=(-1, 1))
    graph = capture(module, spec)
    assert calls(graph)[aten.pixel_shuffle.default] == found
    np.testing.assert_array_equal(graph.run({"x": given.numpy()}), module(given).numpy())


class TwoReadings(nn.Module):
    """What looks like a leaky ReLU and a linear layer, and is neither."""

    def __init__(self):
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(8, 8))

    def forward(self, x):
        bent = torch.where(x > 0, x, 0.2 * x.roll(1, 1))
        return (bent.reshape(32, 8) @ self.matrix).reshape(x.shape)


def test_what_only_looks_like_one_stays(tmp_path):
    given = torch.randn(1, 4, 8, 8)
    module = TwoReadings().eval()
    graph = captured(torch.export.export(module, (given,)).run_decompositions(), tmp_path / "g.pt2")
    assert aten.leaky_relu.default not in calls(graph) and aten.linear.default not in calls(graph)
    with torch.no_grad():
        np.testing.assert_allclose(
            graph.run({graph.spec.inputs[0].name: given.numpy()}), module(given).numpy(), atol=1e-5
        )
