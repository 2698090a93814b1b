"""Conditional GAN (Mirza, Osindero 2014, arXiv:1411.1784) on the DCGAN's layers: the class joins the latent, and the
image."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import one_hot

from edgegan.models import dcgan
from edgegan.models.initialize import normal_weights


class Generator(nn.Module):
    """Latent (N, latent) and the class -> image (N, channels, size, size) in -1..1.

    The class is a label (N,) int64, embedded (``embedding`` > 0), or a one-hot vector (N, classes) as it stands.
    """

    def __init__(
        self,
        *,
        latent: int = 100,
        classes: int = 10,
        embedding: int = 50,
        features: int = 64,
        channels: int = 1,
        size: int = 32,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, embedding) if embedding else nn.Identity()
        self.body = dcgan.Generator(
            latent=latent + (embedding or classes), features=features, channels=channels, size=size
        )

    def forward(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        joined = torch.cat([z, self.embed(label)], 1)
        return self.body(joined[:, :, None, None])


class Discriminator(nn.Module):
    """Image (N, channels, size, size) and label (N,) -> logit (N,); the label is a plane per class beside the image."""

    def __init__(self, *, classes: int = 10, features: int = 64, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        self.classes = classes
        self.body = dcgan.Discriminator(features=features, channels=channels + classes, size=size)
        normal_weights(self)

    def forward(self, images: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        planes = one_hot(label, self.classes).to(images.dtype)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        return self.body(torch.cat([images, planes], 1))
