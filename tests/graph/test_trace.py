"""What networks are traced to, exported and run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm

from edgegan.core.spec import GeneratorSpec, parse_input
from edgegan.export.onnx import export_onnx
from edgegan.graph.capture import capture


class AdaptiveNorm(nn.Module):
    """As MUNIT's public code has it: the samples' maps as channels of one, normalised as if it trained."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.affine = nn.Linear(5, 2 * channels)
        self.register_buffer("mean", torch.randn(channels))
        self.register_buffer("variance", torch.rand(channels) + 0.5)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        gain, offset = (part.reshape(-1) for part in self.affine(style).chunk(2, dim=1))
        maps = x.reshape(1, batch * channels, height, width)
        held = self.mean.repeat(batch), self.variance.repeat(batch)
        return batch_norm(maps, *held, gain, offset, training=True).view_as(x)


class OverSamples(nn.Module):
    """By the statistics of the whole batch, without gains."""

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        return batch_norm(x, None, None, training=True) * style.mean(1)[:, None, None, None]


@pytest.mark.parametrize("generator", [AdaptiveNorm(3), OverSamples()], ids=["per sample", "over samples"])
@pytest.mark.parametrize("batch", [1, 2])
def test_statistics_of_what_is_given(generator: nn.Module, batch: int, tmp_path: Path) -> None:
    inputs = parse_input("image:3x8x8", "x"), parse_input("latent:5", "style")
    graph = capture(generator, GeneratorSpec(inputs=inputs, output_range=(-1.0, 1.0)), batch)
    given = graph.example_inputs(1)
    with torch.no_grad():
        wanted = generator(*given)
    torch.testing.assert_close(graph.module(*given), wanted, rtol=1e-5, atol=1e-5)
    session = onnxruntime.InferenceSession(str(export_onnx(graph, tmp_path / "g.onnx")))
    (drawn,) = session.run(None, {"x": given[0].numpy(), "style": given[1].numpy()})
    np.testing.assert_allclose(drawn, wanted.numpy(), rtol=1e-5, atol=1e-5)


class Assigned(nn.Module):
    """Values written into a matrix, as StyleGAN3's input has them."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        matrix = torch.eye(3).unsqueeze(0).repeat(len(z), 1, 1)
        matrix[:, 0, 0] = z[:, 0]
        matrix[:, 1] = z[:, 1:2]
        return (matrix @ matrix)[:, None] * z.mean()


def test_what_is_assigned_can_be_differentiated() -> None:
    generator = Assigned()
    graph = capture(generator, GeneratorSpec(inputs=(parse_input("latent:4", "z"),), output_range=(-1.0, 1.0)))
    (own,), (given,) = graph.example_inputs(1), graph.example_inputs(1)
    own.requires_grad_(), given.requires_grad_()
    ours, theirs = graph.module(own), generator(given)
    torch.testing.assert_close(ours, theirs)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    torch.testing.assert_close(own.grad, given.grad)
