"""Adversarial losses as pure functions of logits."""

from __future__ import annotations

import torch
from torch.nn.functional import softplus


def non_saturating_generator(fake_logits: torch.Tensor) -> torch.Tensor:
    """mean(-log sigmoid(D(G(z)))), logits (N,) -> scalar. Goodfellow et al. 2014, arXiv:1406.2661, section 3."""
    return softplus(-fake_logits).mean()


def non_saturating_discriminator(real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
    """mean(-log sigmoid(D(x))) + mean(-log(1 - sigmoid(D(G(z))))), logits (N,) -> scalar. Same source."""
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()
