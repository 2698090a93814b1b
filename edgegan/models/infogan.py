"""InfoGAN (Chen et al. 2016, arXiv:1606.03657): a categorical and continuous codes beside the noise, found again by
Q."""

from __future__ import annotations

import torch
from torch import nn

from edgegan.models import dcgan
from edgegan.models.initialize import normal_weights


class Generator(nn.Module):
    """Noise (N, latent), one-hot category (N, classes) and codes (N, codes) -> image (N, channels, size, size) in
    -1..1."""

    def __init__(
        self,
        *,
        latent: int = 62,
        classes: int = 10,
        codes: int = 2,
        features: int = 64,
        channels: int = 1,
        size: int = 32,
    ) -> None:
        super().__init__()
        self.body = dcgan.Generator(latent=latent + classes + codes, features=features, channels=channels, size=size)

    def forward(self, z: torch.Tensor, category: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        return self.body(torch.cat([z, category, codes], 1)[:, :, None, None])


class Discriminator(nn.Module):
    """Image (N, channels, size, size) -> logit (N,), category logits (N, classes), mean of the codes (N, codes)."""

    def __init__(
        self, *, classes: int = 10, codes: int = 2, features: int = 64, channels: int = 1, size: int = 32
    ) -> None:
        super().__init__()
        self.body = dcgan.Discriminator(features=features, channels=channels, size=size).net[:-1]
        self.score = nn.Conv2d(features * size // 8, 1, 4)
        self.recognise = nn.Sequential(
            nn.Conv2d(features * size // 8, 128, 4), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, classes + codes)
        )
        self.classes = classes
        normal_weights(self)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        features = self.body(images)
        codes = self.recognise(features)
        return self.score(features).flatten(), codes[:, : self.classes], codes[:, self.classes :]
