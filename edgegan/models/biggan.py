"""SNGAN and BigGAN: residual blocks, spectral norm, class-conditional BatchNorm over a shared embedding, self-attention
(Miyato et al. 2018, arXiv:1802.05957; Zhang et al. 2019, arXiv:1805.08318; Brock et al. 2019, arXiv:1809.11096)."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, relu, softmax
from torch.nn.utils.parametrizations import spectral_norm


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Module:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.orthogonal_(layer.weight)
    return spectral_norm(layer)


def _linear(inputs: int, outputs: int) -> nn.Module:
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight)
    return spectral_norm(layer)


class ConditionalNorm(nn.Module):
    """BatchNorm whose gain and offset are linear in the condition (N, conditions): (N, C, H, W) -> the same."""

    def __init__(self, channels: int, conditions: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = spectral_norm(nn.Linear(conditions, channels, bias=False))
        self.offset = spectral_norm(nn.Linear(conditions, channels, bias=False))

    def forward(self, values: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return (
            self.norm(values) * (1 + self.gain(condition))[:, :, None, None] + self.offset(condition)[:, :, None, None]
        )


class Attention(nn.Module):
    """Self-attention over positions, (N, C, H, W) -> the same; keys and values at half resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key = _conv(channels, channels // 8, 1), _conv(channels, channels // 8, 1)
        self.value, self.out = _conv(channels, channels // 2, 1), _conv(channels // 2, channels, 1)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query = self.query(x).flatten(2)
        key, value = max_pool2d(self.key(x), 2).flatten(2), max_pool2d(self.value(x), 2).flatten(2)
        weights = softmax(query.transpose(1, 2) @ key, -1)
        attended = (value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gain * self.out(attended)


class UpBlock(nn.Module):
    """Norm, ReLU, nearest upsampling, 3x3, norm, ReLU, 3x3, beside an upsampled 1x1: twice the side."""

    def __init__(self, inputs: int, outputs: int, conditions: int) -> None:
        super().__init__()
        self.first, self.second = ConditionalNorm(inputs, conditions), ConditionalNorm(outputs, conditions)
        self.conv1, self.conv2, self.skip = (
            _conv(inputs, outputs, 3),
            _conv(outputs, outputs, 3),
            _conv(inputs, outputs, 1),
        )

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        main = self.conv1(interpolate(relu(self.first(x, condition)), scale_factor=2))
        main = self.conv2(relu(self.second(main, condition)))
        return main + self.skip(interpolate(x, scale_factor=2))


class Generator(nn.Module):
    """Latent (N, latent) and label (N,) int64 -> image (N, channels, size, size) in -1..1; ``size`` a power of two from
    8.

    ``latent`` is cut into equal pieces, one for the first layer and one for each block. ``attention`` is the side at
    which self-attention acts, 0 for none. Truncation is the caller's: draw z from a narrower distribution.
    """

    def __init__(
        self,
        *,
        latent: int = 80,
        classes: int = 10,
        embedding: int = 32,
        features: int = 32,
        channels: int = 1,
        size: int = 32,
        attention: int = 16,
    ) -> None:
        super().__init__()
        blocks = size.bit_length() - 3
        self.piece = latent // (blocks + 1)
        widths = [features * min(2 ** (blocks - i), 4) for i in range(blocks + 1)]
        self.embed = nn.Embedding(classes, embedding)
        self.dense, self.width = _linear(self.piece, widths[0] * 16), widths[0]
        self.blocks = nn.ModuleList(UpBlock(a, b, embedding + self.piece) for a, b in itertools.pairwise(widths))
        self.attention = nn.ModuleList(
            Attention(b) if 8 * 2**i == attention else nn.Identity() for i, b in enumerate(widths[1:])
        )
        self.out = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(), _conv(widths[-1], channels, 3), nn.Tanh())

    def forward(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        shared, pieces = self.embed(label), torch.split(z, self.piece, 1)
        x = self.dense(pieces[0]).unflatten(1, (self.width, 4, 4))
        for block, attention, piece in zip(self.blocks, self.attention, pieces[1:], strict=False):
            x = attention(block(x, torch.cat([shared, piece], 1)))
        return self.out(x)


class DownBlock(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, average pooling, beside a pooled 1x1; ``first`` leaves the leading ReLU out."""

    def __init__(self, inputs: int, outputs: int, first: bool = False, shrink: bool = True) -> None:
        super().__init__()
        self.conv1, self.conv2, self.skip = (
            _conv(inputs, outputs, 3),
            _conv(outputs, outputs, 3),
            _conv(inputs, outputs, 1),
        )
        self.first, self.shrink = first, shrink

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        main = self.conv2(relu(self.conv1(x if self.first else relu(x))))
        total = main + self.skip(x)
        return avg_pool2d(total, 2) if self.shrink else total


class Discriminator(nn.Module):
    """Image (N, channels, size, size) and label (N,) -> logit (N,): projection (Miyato, Koyama 2018,
    arXiv:1802.05637)."""

    def __init__(self, *, classes: int = 10, features: int = 32, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        widths = [channels, 2 * features, 4 * features, 4 * features]
        self.blocks = nn.Sequential(
            *(DownBlock(a, b, first=i == 0) for i, (a, b) in enumerate(itertools.pairwise(widths))),
            DownBlock(widths[-1], widths[-1], shrink=False),
        )
        self.score = _linear(widths[-1], 1)
        self.embed = spectral_norm(nn.Embedding(classes, widths[-1]))

    def forward(self, images: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        features = relu(self.blocks(images)).sum((2, 3))
        return self.score(features).flatten() + (features * self.embed(label)).sum(1)
