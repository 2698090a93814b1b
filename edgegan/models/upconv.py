"""The form of the Keras tutorials: a dense layer, then nearest upsampling and a convolution instead of transposed ones
(Odena et al. 2016, doi:10.23915/distill.00003)."""

from __future__ import annotations

import torch
from torch import nn

from edgegan.models import dcgan

Discriminator = dcgan.Discriminator


class Generator(nn.Module):
    """Latent (N, latent) -> image (N, channels, size, size) in -1..1; ``size`` a power of two from 8."""

    def __init__(self, *, latent: int = 100, features: int = 64, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        width = features * size // 8
        self.dense = nn.Linear(latent, width * 16)
        self.unflatten = nn.Unflatten(1, (width, 4, 4))
        layers: list[nn.Module] = []
        side = 4
        while side < size:
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(width, width // 2, 3, 1, 1),
                nn.BatchNorm2d(width // 2),
                nn.LeakyReLU(0.2),
            ]
            width, side = width // 2, 2 * side
        self.net = nn.Sequential(*layers, nn.Conv2d(width, channels, 3, 1, 1), nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.net(self.unflatten(self.dense(z)))
