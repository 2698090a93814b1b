"""DCGAN (Radford, Metz, Chintala 2016, arXiv:1511.06434): transposed convolutions, BatchNorm, ReLU, tanh."""

from __future__ import annotations

import torch
from torch import nn

from edgegan.models.initialize import normal_weights


class Generator(nn.Module):
    """Latent (N, latent, 1, 1) -> image (N, channels, size, size) in -1..1; ``size`` a power of two from 8."""

    def __init__(self, *, latent: int = 100, features: int = 64, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        width = features * size // 8
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent, width, 4, 1, 0, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        while width > features:
            layers += [
                nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(width // 2),
                nn.ReLU(),
            ]
            width //= 2
        layers += [nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.net = nn.Sequential(*layers)
        normal_weights(self)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.net(z)


class Discriminator(nn.Module):
    """Image (N, channels, size, size) -> logit (N,): strided convolutions, BatchNorm, LeakyReLU 0.2."""

    def __init__(self, *, features: int = 64, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, features, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        width, side = features, size // 2
        while side > 4:
            layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
            width, side = 2 * width, side // 2
        layers += [nn.Conv2d(width, 1, 4, 1, 0, bias=False)]
        self.net = nn.Sequential(*layers)
        normal_weights(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images).flatten()
