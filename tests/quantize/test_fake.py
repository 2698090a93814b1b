"""Simulated rounding against PyTorch's own fake quantization, and its way in and out of a network."""

import pytest
import torch
from torch import nn

from edgegan.core.sampling import sample_inputs
from edgegan.graph.check import compare
from edgegan.graph.rewrite import rewrite
from edgegan.prune.channels import recapture
from edgegan.prune.layers import layered
from edgegan.quantize.fake import RoundedActivation, RoundedWeight, fake_quantize, unfake
from edgegan.quantize.scheme import ONNXRUNTIME, TENSORRT


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 5, 3), nn.ConvTranspose2d(5, 3, 4), nn.Linear(6, 4)])
@pytest.mark.parametrize("bits", [8, 4])
def test_weights_are_rounded_as_pytorch_does(layer, bits):
    axis, most = (1 if isinstance(layer, nn.ConvTranspose2d) else 0), 2 ** (bits - 1) - 1
    weight = layer.weight.detach().clone().requires_grad_(True)
    others = [d for d in range(weight.ndim) if d != axis]
    rounding = RoundedWeight(layer, bits)
    ratio = rounding.ratio.amax(others) if bits == 4 else 1.0
    scale, zeros = weight.detach().abs().amax(others) / most, torch.zeros(weight.shape[axis], dtype=torch.int32)
    wanted = torch.fake_quantize_per_channel_affine(weight, ratio * scale, zeros, axis, -most, most)
    got = rounding(weight)
    assert torch.allclose(got, wanted, atol=1e-7)
    unclipped = torch.fake_quantize_per_channel_affine(weight, scale, zeros, axis, -most, most)
    assert ((got - weight) ** 2).sum() <= ((unclipped - weight) ** 2).sum() + 1e-12
    again = torch.fake_quantize_per_channel_affine(
        rounding.clipped(weight), rounding.clipped(weight).detach().abs().amax(others) / most, zeros, axis, -most, most
    )
    assert torch.allclose(got, again, atol=1e-6), "exporting finds the same scale in the clipped weights"
    got.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))


def test_each_phase_of_a_transposed_convolution_has_scales_of_its_own():
    layer = nn.ConvTranspose2d(5, 3, 4, 2, 1)
    got = RoundedWeight(layer, 8, (2, 2))(layer.weight).detach()
    for row in range(2):
        for column in range(2):
            phase = layer.weight.detach()[:, :, row::2, column::2]
            wanted = torch.fake_quantize_per_channel_affine(
                phase, phase.abs().amax((0, 2, 3)) / 127, torch.zeros(3, dtype=torch.int32), 1, -127, 127
            )
            assert torch.allclose(got[:, :, row::2, column::2], wanted, atol=1e-7)


@pytest.mark.parametrize("scheme", [ONNXRUNTIME, TENSORRT])
def test_activations_are_rounded_as_pytorch_does(scheme):
    values = torch.randn(4, 50, generator=torch.Generator().manual_seed(0)) * 2 + 0.5
    rounded = RoundedActivation(scheme, None)
    assert torch.equal(rounded(values), values)
    rounded.freeze()
    scale = float(rounded.high - rounded.low) / 255
    zero = round(float(-rounded.low) / scale)
    wanted = torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, 255)
    assert (rounded(values) - wanted).abs().max() < scale * 0.51 + 1e-6
    inside = values.clone().requires_grad_(True)
    rounded(inside).sum().backward()
    clipped = (values < rounded.low) | (values > rounded.high)
    assert torch.equal(inside.grad, (~clipped).float())


def test_rounding_comes_out_again(dcgan_graph):
    graph = rewrite(dcgan_graph, "native").value
    batches = [
        tuple(torch.from_numpy(v[i : i + 1]) for v in sample_inputs(graph.spec.inputs, 8, 1).values()) for i in range(8)
    ]
    network = fake_quantize(layered(graph), ONNXRUNTIME, batches)
    with torch.no_grad():
        apart = (network(*batches[0]) - graph.module(*batches[0])).abs().mean()
    assert 0 < apart < 0.05
    assert compare(graph, recapture(unfake(network), graph)).relative < 1e-6
