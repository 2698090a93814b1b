"""PatchGAN (Isola et al. 2017, arXiv:1611.07004): a discriminator that scores overlapping patches."""

from __future__ import annotations

import torch
from torch import nn

from edgegan.models.initialize import normal_weights


class Discriminator(nn.Module):
    """Image (N, channels, H, W) -> logits (N, 1, h, w); three strided layers see 70x70 pixels each.

    A conditional one (pix2pix) is given input and output stacked: ``channels`` is their sum.
    """

    def __init__(
        self, *, channels: int = 3, features: int = 64, layers: int = 3, norm: type[nn.Module] = nn.InstanceNorm2d
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(channels, features, 4, 2, 1), nn.LeakyReLU(0.2)]
        width = features
        for index in range(1, layers + 1):
            after = features * min(2**index, 8)
            parts += [nn.Conv2d(width, after, 4, 2 if index < layers else 1, 1), norm(after), nn.LeakyReLU(0.2)]
            width = after
        self.net = nn.Sequential(*parts, nn.Conv2d(width, 1, 4, 1, 1))
        normal_weights(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images)
