"""What tells a student's pictures from the original's: a small critic, trained beside the student and thrown away."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import l1_loss, relu

from edgegan.prune.place import channels_last
from edgegan.prune.rates import adam

SMALLEST_SIDE, WIDEST = 4, 256


class Critic(nn.Module):
    """Strided 4x4 convolutions down to 4 pixels or six layers, then a score per patch (Isola et al. 2017,
    arXiv:1611.07004).

    (N, channels, H, W) -> features of every layer, the scores last.
    """

    def __init__(self, channels: int, side: int, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        while side > SMALLEST_SIDE and len(layers) < 6:
            layers.append(nn.Sequential(nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2)))
            inputs, width, side = width, min(2 * width, WIDEST), side // 2
        self.layers = nn.ModuleList([*layers, nn.Conv2d(inputs, 1, 3, 1, 1)])

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        features = []
        for layer in self.layers:
            images = layer(images)
            features.append(images)
        return features


class Pupil:
    """A critic that is learning, of pictures of ``shape`` (N, C, H, W), from weights drawn by ``seed``."""

    def __init__(self, shape: tuple[int, ...], seed: int, rate: float, device: str) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.critic = Critic(shape[1], min(shape[2:]))
        channels_last(self.critic.to(device))
        self.optimizer = adam(list(self.critic.parameters()), rate, device)

    def learn(self, original: torch.Tensor, student: torch.Tensor) -> None:
        """One step of telling them apart."""
        loss = critic_loss(self.critic(original), self.critic(student.detach()))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def judged(self, student: torch.Tensor) -> list[torch.Tensor]:
        """Features of pictures that learn from them; the critic does not."""
        self.critic.requires_grad_(False)
        features: list[torch.Tensor] = self.critic(student)
        self.critic.requires_grad_(True)
        return features


def critic_loss(original: list[torch.Tensor], student: list[torch.Tensor]) -> torch.Tensor:
    """Hinge loss of the scores, features -> scalar; Lim, Ye 2017 (arXiv:1705.02894)."""
    return relu(1 - original[-1]).mean() + relu(1 + student[-1]).mean()


def feature_loss(original: list[torch.Tensor], student: list[torch.Tensor]) -> torch.Tensor:
    """Sum over layers of the mean absolute difference of paired features; Wang et al. 2018 (arXiv:1711.11585)."""
    return torch.stack([l1_loss(s, o) for s, o in zip(student[:-1], original[:-1], strict=True)]).sum()
