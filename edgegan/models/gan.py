"""The first GAN (Goodfellow et al. 2014, arXiv:1406.2661): fully connected layers throughout."""

from __future__ import annotations

import itertools
from math import prod

import torch
from torch import nn


class Generator(nn.Module):
    """Latent (N, latent) -> image (N, channels, size, size) in -1..1."""

    def __init__(self, *, latent: int = 100, features: int = 256, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        self.shape = (channels, size, size)
        widths = [latent, features, 2 * features, 4 * features]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Linear(widths[-1], prod(self.shape)), nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.net(z).unflatten(1, self.shape)


class Discriminator(nn.Module):
    """Image (N, channels, size, size) -> logit (N,)."""

    def __init__(self, *, features: int = 256, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        before = channels * size * size
        for after in (4 * features, 2 * features, features):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2), nn.Dropout(0.3)]
            before = after
        self.net = nn.Sequential(*layers, nn.Linear(before, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images).flatten()
