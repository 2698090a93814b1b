"""Networks that compute with complex numbers: captured, none is left, and what is drawn is the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.core.spec import GeneratorSpec, parse_input
from edgegan.graph.capture import capture
from edgegan.graph.real_arithmetic import has_complex_values


class OfOne(nn.Module):
    """What a function draws of a layer's output; a weight that is complex, as in global filter networks."""

    def __init__(self, draw: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.draw = nn.Conv2d(3, 4, 3, padding=1), draw
        self.weight = nn.Parameter(torch.randn(4, 12, 7, dtype=torch.complex64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.draw(self.layer(x), self.weight)


def fourier_unit(x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    spectrum = torch.fft.rfftn(x, dim=(-2, -1), norm="ortho")
    parts = torch.stack((spectrum.real, spectrum.imag), dim=-1).permute(0, 1, 4, 2, 3).flatten(1, 2)
    parts = torch.relu(parts).unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2).contiguous()
    return torch.fft.irfftn(torch.view_as_complex(parts), s=x.shape[-2:], dim=(-2, -1), norm="ortho")


def filtered(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.fft.irfft2(torch.fft.rfft2(x) * weight, s=(12, 12))


def phases_swapped(x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    one = torch.fft.fft2(x)
    other = torch.fft.fft2(x.flip(-1))
    return torch.fft.ifft2(torch.polar(one.abs(), other.angle())).real


def algebra(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    z = torch.fft.fftshift(torch.fft.fft(x, dim=-1), dim=-1)[..., :7]
    z = (z.conj() - 2j * z) / (1 + weight) + 1.5
    z = torch.cat([z**2, z.sum(1, keepdim=True).exp() * 1e-9], dim=1)
    return (z.transpose(2, 3) @ z).abs() / 100


def steps(x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    rows = x.flatten(1)
    spectrum = torch.stft(rows, 16, 4, window=torch.hann_window(16), return_complex=True)
    return torch.istft(spectrum * spectrum.abs(), 16, 4, window=torch.hann_window(16))[:, None, None]


@pytest.mark.parametrize("draw", [fourier_unit, filtered, phases_swapped, algebra, steps], ids=lambda f: f.__name__)
def test_the_same_without_complex_numbers(draw: Callable[..., torch.Tensor]) -> None:
    generator = OfOne(draw)
    spec = GeneratorSpec(inputs=(parse_input("image:3x12x12", "x"),), output_range=(-1.0, 1.0))
    graph = capture(generator, spec)
    assert not has_complex_values(graph.module)
    assert not any("fft" in str(n.target) or "complex" in str(n.target) for n in graph.module.graph.nodes)
    for seed in range(2):
        inputs = graph.example_inputs(seed)
        with torch.no_grad():
            # Sums of a hundred values of float32.
            torch.testing.assert_close(graph.module(*inputs), generator(*inputs), rtol=1e-4, atol=1e-4)
    assert "generator.layer.weight" in dict(graph.module.named_parameters())


def test_an_operator_without_a_rule_is_named() -> None:
    generator = OfOne(lambda x, _: torch.fft.rfft2(x).cumsum(-1).abs())
    spec = GeneratorSpec(inputs=(parse_input("image:3x12x12", "x"),), output_range=(-1.0, 1.0))
    with pytest.raises(ModelError, match=r"aten\.cumsum\.default has no rule for complex numbers"):
        capture(generator, spec)
