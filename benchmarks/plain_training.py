"""GAN training as a tutorial writes it: PyTorch alone, one file, nothing but the two updates."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce


class PlainTraining:
    """DCGAN's published settings: Adam 2e-4, beta1 0.5, cross-entropy, batches drawn anew each epoch."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        images: np.ndarray,
        batch: int,
        latent: tuple[int, ...],
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.generator, self.discriminator, self.batch, self.latent = (
            generator.train(),
            discriminator.train(),
            batch,
            latent,
        )
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        self.optimizer_g = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
        self.optimizer_d = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
        self.order, self.step_count = torch.randperm(len(images)), 0

    def step(self) -> None:
        """One update of each network."""
        start = self.step_count * self.batch % (len(self.images) - self.batch)
        if start < self.batch:
            self.order = torch.randperm(len(self.images))
        real = self.images[self.order[start : start + self.batch]]
        fake = self.generator(torch.randn(self.batch, *self.latent))
        self.optimizer_d.zero_grad()
        on_real, on_fake = self.discriminator(real), self.discriminator(fake.detach())
        (bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake))).backward()
        self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        judged = self.discriminator(fake)
        bce(judged, torch.ones_like(judged)).backward()
        self.optimizer_g.step()
        self.step_count += 1
