"""What keeps a discriminator smooth: gradient penalties as pure functions, and weight clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

Critic = Callable[[torch.Tensor], torch.Tensor]


def gradient_penalty(critic: Critic, real: torch.Tensor, fake: torch.Tensor, mix: torch.Tensor) -> torch.Tensor:
    """mean((||grad D(u)|| - 1)^2) at u = mix x + (1 - mix) G(z); Gulrajani et al. 2017, arXiv:1704.00028, equation 3.

    ``real`` and ``fake`` (N, ...), ``mix`` (N,) uniform in 0..1.
    """
    share = mix.view(-1, *[1] * (real.ndim - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_(True)
    return (_gradient(critic, between).flatten(1).norm(dim=1) - 1).square().mean()


def r1(critic: Critic, real: torch.Tensor) -> torch.Tensor:
    """mean(||grad D(x)||^2) / 2 on real pictures; Mescheder et al. 2018, arXiv:1801.04406, equation 9."""
    return _gradient(critic, real.detach().requires_grad_(True)).flatten(1).square().sum(1).mean() / 2


def _gradient(critic: Critic, at: torch.Tensor) -> torch.Tensor:
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient


@torch.no_grad()
def clip_weights(parameters: Iterable[torch.nn.Parameter], limit: float) -> None:
    """Every weight into -limit..limit, in place; Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1."""
    for parameter in parameters:
        parameter.clamp_(-limit, limit)
