"""ESRGAN's RRDB generator (Wang et al. 2018, arXiv:1809.00219): dense blocks, LeakyReLU 0.2, nearest upsampling."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu

from edgegan.models import patchgan

Discriminator = patchgan.Discriminator


class DenseBlock(nn.Module):
    """Five convolutions, each seeing all before it; a fifth of the result is added to the input."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width + i * growth, growth if i < 4 else width, 3, 1, 1) for i in range(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x]
        for conv in self.convs[:-1]:
            maps.append(leaky_relu(conv(torch.cat(maps, 1)), 0.2))
        return x + 0.2 * self.convs[-1](torch.cat(maps, 1))


class ResidualDense(nn.Module):
    """Three dense blocks, a fifth of their result added to the input."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.net = nn.Sequential(*(DenseBlock(width, growth) for _ in range(3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.2 * self.net(x)


class Generator(nn.Module):
    """Image (N, channels, H, W) -> (N, channels, 4 H, 4 W), in the input's range."""

    def __init__(self, *, channels: int = 3, features: int = 64, growth: int = 32, blocks: int = 23) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, features, 3, 1, 1)
        self.body = nn.Sequential(
            *(ResidualDense(features, growth) for _ in range(blocks)), nn.Conv2d(features, features, 3, 1, 1)
        )
        self.up1, self.up2, self.fine = (nn.Conv2d(features, features, 3, 1, 1) for _ in range(3))
        self.last = nn.Conv2d(features, channels, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.first(x)
        features = features + self.body(features)
        features = leaky_relu(self.up1(interpolate(features, scale_factor=2, mode="nearest")), 0.2)
        features = leaky_relu(self.up2(interpolate(features, scale_factor=2, mode="nearest")), 0.2)
        return self.last(leaky_relu(self.fine(features), 0.2))
