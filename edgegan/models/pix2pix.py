"""pix2pix's U-Net (Isola et al. 2017, arXiv:1611.07004)."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from edgegan.models import patchgan
from edgegan.models.initialize import normal_weights

Discriminator = patchgan.Discriminator


class Generator(nn.Module):
    """Image (N, channels, H, W) in -1..1 -> (N, outputs, H, W); H and W multiples of 2 ** depth."""

    def __init__(self, *, channels: int = 3, outputs: int = 3, features: int = 64, depth: int = 8) -> None:
        super().__init__()
        widths = [features * min(2**i, 8) for i in range(depth)]
        self.down, self.up = nn.ModuleList([nn.Conv2d(channels, features, 4, 2, 1)]), nn.ModuleList()
        for index, (a, b) in enumerate(itertools.pairwise(widths)):
            norm = [nn.BatchNorm2d(b)] if index < depth - 2 else []
            self.down.append(nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(a, b, 4, 2, 1, bias=not norm), *norm))
        inner = widths[-1]
        for index, width in enumerate(reversed(widths[:-1])):
            drop = [nn.Dropout(0.5)] if 0 < index < 4 and width == inner else []
            self.up.append(
                nn.Sequential(
                    nn.ReLU(),
                    nn.ConvTranspose2d(
                        inner if index == 0 else 2 * widths[depth - 1 - index], width, 4, 2, 1, bias=False
                    ),
                    nn.BatchNorm2d(width),
                    *drop,
                )
            )
        self.out = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * features, outputs, 4, 2, 1), nn.Tanh())
        normal_weights(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        skips.pop()
        for layer in self.up:
            x = torch.cat([layer(x), skips.pop()], 1)
        return self.out(x)
