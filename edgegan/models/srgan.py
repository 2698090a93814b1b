"""Super-resolution: a compact network of convolutions, PReLU and PixelShuffle beside a nearest-neighbour skip, trained
as in SRGAN (Ledig et al. 2017, arXiv:1609.04802; Shi et al. 2016, arXiv:1609.05158)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import interpolate

from edgegan.models import patchgan

Discriminator = patchgan.Discriminator


class Generator(nn.Module):
    """Image (N, channels, H, W) -> (N, channels, scale * H, scale * W), in the input's range."""

    def __init__(self, *, channels: int = 3, features: int = 32, depth: int = 6, scale: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, features, 3, 1, 1), nn.PReLU(features)]
        for _ in range(depth):
            layers += [nn.Conv2d(features, features, 3, 1, 1), nn.PReLU(features)]
        self.body = nn.Sequential(
            *layers, nn.Conv2d(features, channels * scale * scale, 3, 1, 1), nn.PixelShuffle(scale)
        )
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x) + interpolate(x, scale_factor=self.scale, mode="nearest")
