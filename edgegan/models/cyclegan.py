"""CycleGAN's ResNet generator (Zhu et al. 2017, arXiv:1703.10593; Johnson et al. 2016, arXiv:1603.08155)."""

from __future__ import annotations

import torch
from torch import nn

from edgegan.models import patchgan
from edgegan.models.initialize import normal_weights

Discriminator = patchgan.Discriminator


class Block(nn.Module):
    """Two reflection-padded 3x3 convolutions with InstanceNorm, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.net(x)


class Generator(nn.Module):
    """Image (N, channels, H, W) in -1..1 -> the same shape and range; H and W multiples of 4."""

    def __init__(self, *, channels: int = 3, features: int = 64, blocks: int = 9) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, features, 7),
            nn.InstanceNorm2d(features),
            nn.ReLU(),
        ]
        for width in (features, 2 * features):
            layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU()]
        layers += [Block(4 * features) for _ in range(blocks)]
        for width in (4 * features, 2 * features):
            layers += [
                nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1),
                nn.InstanceNorm2d(width // 2),
                nn.ReLU(),
            ]
        self.net = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(features, channels, 7), nn.Tanh())
        normal_weights(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)
