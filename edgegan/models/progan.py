"""Progressive growing (Karras et al. 2018, arXiv:1710.10196): equalized learning rate, pixel norm, fade-in."""

from __future__ import annotations

import itertools
from math import sqrt

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, linear


class EqualizedConv(nn.Module):
    """A convolution with weights from N(0, 1), scaled to He's deviation at run time; ``side`` preserved."""

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float = sqrt(2)) -> None:
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(torch.randn(outputs, inputs, kernel, kernel)),
            nn.Parameter(torch.zeros(outputs)),
        )
        self.scale, self.padding = gain / sqrt(inputs * kernel * kernel), kernel // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class EqualizedLinear(nn.Module):
    """A linear layer with weights from N(0, 1), scaled to He's deviation at run time."""

    def __init__(self, inputs: int, outputs: int, gain: float = sqrt(2)) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(outputs, inputs)), nn.Parameter(torch.zeros(outputs))
        self.scale = gain / sqrt(inputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return linear(x, self.weight * self.scale, self.bias)


def pixel_norm(x: torch.Tensor) -> torch.Tensor:
    """Every pixel's (or latent's) channels scaled to mean square 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class UpBlock(nn.Module):
    """Nearest upsampling and two convolutions, each with LeakyReLU and pixel norm: twice the side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = EqualizedConv(inputs, outputs, 3), EqualizedConv(outputs, outputs, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = pixel_norm(leaky_relu(self.first(interpolate(x, scale_factor=2)), 0.2))
        return pixel_norm(leaky_relu(self.second(x), 0.2))


class DownBlock(nn.Module):
    """Two convolutions with LeakyReLU, then the average of each 2x2: half the side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = EqualizedConv(inputs, inputs, 3), EqualizedConv(inputs, outputs, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return avg_pool2d(leaky_relu(self.second(leaky_relu(self.first(x), 0.2)), 0.2), 2)


class Generator(nn.Module):
    """Latent (N, latent) -> image (N, channels, size, size), about -1..1; ``size`` a power of two from 8.

    ``fade`` (a buffer, 0..1) blends the last block in: below 1 its image is mixed with the upsampled one before it.
    """

    fade: torch.Tensor

    def __init__(self, *, latent: int = 128, features: int = 32, channels: int = 3, size: int = 64) -> None:
        super().__init__()
        blocks = size.bit_length() - 3
        widths = [features * min(2 ** (blocks - i), 8) for i in range(blocks + 1)]
        self.dense, self.width = EqualizedLinear(latent, widths[0] * 16, gain=sqrt(2) / 4), widths[0]
        self.first = EqualizedConv(widths[0], widths[0], 3)
        self.blocks = nn.ModuleList(UpBlock(a, b) for a, b in itertools.pairwise(widths))
        self.to_image = nn.ModuleList(EqualizedConv(w, channels, 1, gain=1.0) for w in widths[-2:])
        self.register_buffer("fade", torch.ones(()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = pixel_norm(leaky_relu(self.dense(pixel_norm(z)), 0.2).unflatten(1, (self.width, 4, 4)))
        x = pixel_norm(leaky_relu(self.first(x), 0.2))
        before = x
        for block in self.blocks:
            before, x = x, block(x)
        image = self.to_image[1](x)
        if not self.training:
            return image
        return torch.lerp(interpolate(self.to_image[0](before), scale_factor=2), image, self.fade)


class Discriminator(nn.Module):
    """Image (N, channels, size, size) -> logit (N,), with the batch's deviation as one more channel before the end."""

    fade: torch.Tensor

    def __init__(self, *, features: int = 32, channels: int = 3, size: int = 64) -> None:
        super().__init__()
        blocks = size.bit_length() - 3
        widths = [features * min(2**i, 8) for i in range(blocks + 1)]
        self.from_image = nn.ModuleList(EqualizedConv(channels, w, 1) for w in widths[:2])
        self.blocks = nn.ModuleList(DownBlock(a, b) for a, b in itertools.pairwise(widths))
        self.last = EqualizedConv(widths[-1] + 1, widths[-1], 3)
        self.score = nn.Sequential(
            nn.Flatten(),
            EqualizedLinear(widths[-1] * 16, widths[-1]),
            nn.LeakyReLU(0.2),
            EqualizedLinear(widths[-1], 1, gain=1.0),
        )
        self.register_buffer("fade", torch.ones(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = leaky_relu(self.from_image[0](images), 0.2)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index == 0:
                x = torch.lerp(leaky_relu(self.from_image[1](avg_pool2d(images, 2)), 0.2), x, self.fade)
        deviation = (x.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(len(x), 1, *x.shape[2:])
        return self.score(leaky_relu(self.last(torch.cat([x, deviation], 1)), 0.2)).flatten()
