"""Equalization, bias correction and adaptive rounding against PyTorch's own operators and fake quantization."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.editing import weight
from edgegan.graph.rewrite import rewrite
from edgegan.quantize import pt2e
from edgegan.quantize.adaround import round_adaptively
from edgegan.quantize.bias_correction import correct_biases
from edgegan.quantize.equalize import equalize
from edgegan.quantize.local import round_weight
from edgegan.quantize.scheme import ONNXRUNTIME
from edgegan.quantize.sensitivity import Simulation


class Lopsided(nn.Module):
    """Layers whose channels differ a hundredfold, with every operator between them that equalization passes through."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dense, self.up, self.conv, self.out = (
            nn.Linear(6, 4 * 9),
            nn.ConvTranspose2d(4, 8, 4, 2, 1),
            nn.Conv2d(8, 6, 3),
            nn.Conv2d(6, 1, 3, padding=1),
        )
        with torch.no_grad():
            for layer, reader, repeat in ((self.dense, self.up, 9), (self.up, self.conv, 1), (self.conv, self.out, 1)):
                scale = torch.logspace(-1, 1, len(layer.bias) // repeat)
                layer.bias *= scale.repeat_interleave(repeat)
                layer.weight *= (
                    scale.view(1, -1, 1, 1)
                    if layer is self.up
                    else scale.repeat_interleave(repeat).view(-1, *[1] * (layer.weight.ndim - 1))
                )
                reader.weight /= scale.view(-1, 1, 1, 1) if reader is self.up else scale.view(1, -1, 1, 1)

    def forward(self, z):
        x = torch.relu(self.dense(z)).view(-1, 4, 3, 3)
        x = nn.functional.leaky_relu(self.up(x), 0.2)
        x = self.conv(nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"))
        return self.out(nn.functional.interpolate(torch.relu(x), scale_factor=2.0))


@pytest.fixture(scope="module")
def graph():
    return rewrite(
        capture(
            Lopsided().eval(),
            GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(6,)),), output_range=(-20.0, 20.0)),
        ),
        "native",
    ).value


@pytest.fixture(scope="module")
def batches():
    return list(torch.randn(48, 1, 6, generator=torch.Generator().manual_seed(1)).unbind(0))


def pairs(batches):
    return [(b,) for b in batches]


def rounded_error(graph, batches):
    inputs = {"z": torch.randn(32, 6, generator=torch.Generator().manual_seed(2)).numpy()}
    found = Simulation(graph, replace(ONNXRUNTIME, transposed=True), pairs(batches))
    return float(np.mean((found.run(inputs, found.layers) - graph.run(inputs)) ** 2))


def test_equalization_keeps_the_function_and_helps_lopsided_channels(graph, batches):
    made = equalize(graph, ONNXRUNTIME, pairs(batches))
    inputs = {"z": torch.randn(8, 6).numpy()}
    np.testing.assert_allclose(made.value.run(inputs), graph.run(inputs), rtol=1e-4, atol=1e-4)
    assert "3 pairs" in made.notes[0] and made.value is not graph
    assert rounded_error(made.value, batches) < 0.7 * rounded_error(graph, batches)


def test_corrected_biases_take_back_the_mean_shift(graph, batches):
    made = correct_biases(graph, ONNXRUNTIME, pairs(batches))
    source = next(n for n in graph.module.graph.nodes if "conv2d" in str(n.target))
    again = next(n for n in made.value.module.graph.nodes if n.name == source.name)
    runs = [torch.fx.Interpreter(graph.module, garbage_collect_values=False) for _ in range(32)]
    for run, batch in zip(runs, batches, strict=False):
        run.run(batch)
    inputs = torch.cat([run.env[source.args[0]] for run in runs])
    kernel, bias, corrected = (
        weight(graph.module, source.args[1]),
        weight(graph.module, source.args[2]),
        weight(made.value.module, again.args[2]),
    )
    low, high = min(0.0, inputs.min().item()), inputs.max().item()
    rounded = torch.fake_quantize_per_tensor_affine(
        inputs, (high - low) / 255, round(-low / ((high - low) / 255)), 0, 255
    )
    shift = (nn.functional.conv2d(inputs, kernel) - nn.functional.conv2d(rounded, round_weight(kernel, 0))).mean(
        (0, 2, 3)
    )
    assert (
        torch.linalg.vector_norm(corrected - bias - shift)
        < 0.5 * torch.linalg.vector_norm(shift) + 1e-3 * bias.abs().max()
    )


@pytest.mark.parametrize("bits", [4, 8])
def test_adaptive_rounding_stays_on_the_grid_and_beats_the_nearest(graph, batches, bits):
    made = round_adaptively(graph, replace(ONNXRUNTIME, weight_bits=bits), pairs(batches), steps=150)
    layers = [
        n
        for n in graph.module.graph.nodes
        if n.op == "call_function" and len(n.args) > 1 and weight(graph.module, n.args[1]) is not None
    ]
    moved = 0
    for node in layers:
        twin = next(n for n in made.value.module.graph.nodes if n.name == node.name)
        kernel, rounded = weight(graph.module, node.args[1]), weight(made.value.module, twin.args[1])
        axis = 1 if "transpose" in str(node.target) else 0
        most = 127 if node in (layers[0], layers[-1]) else 2 ** (bits - 1) - 1
        scale = kernel.abs().amax([d for d in range(kernel.ndim) if d != axis], keepdim=True) / most
        steps = rounded / scale
        assert (steps - steps.round()).abs().max() < 1e-3 and ((rounded - kernel).abs() <= 1.001 * scale).all()
        moved += int((steps.round() != (kernel / scale).round()).sum())
    assert moved > 0 and not made.notes[0].startswith("adaptive rounding: better than to the nearest in 0 ")


def test_the_exporters_find_the_integers_that_were_chosen(graph, batches):
    rewritten = rewrite(graph, "phase").value
    made = round_adaptively(rewritten, ONNXRUNTIME, pairs(batches), steps=100).value
    quantized = pt2e.quantize(made, ONNXRUNTIME, pairs(batches)).value
    stored = [v for v in quantized.module.state_dict().values() if v.dtype == torch.int8]
    kernels = [
        weight(made.module, n.args[1])
        for n in made.module.graph.nodes
        if n.op == "call_function" and len(n.args) > 1 and weight(made.module, n.args[1]) is not None
    ]
    assert len(stored) == len(kernels) == 4
    for kernel in kernels:
        wanted = torch.round(kernel / (kernel.abs().amax([*range(1, kernel.ndim)], keepdim=True) / 127))
        assert any(s.shape == wanted.shape and torch.equal(s.float(), wanted) for s in stored)
