"""What a student's outputs are held against, paired with the teacher's: functions of tensors, each with its paper."""

from __future__ import annotations

import torch
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, l1_loss, mse_loss, normalize

SIZES, BANDS, PLACES = 3, 3, 4


def paired_loss(output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """L1 at full, half and quarter size, (N, C, H, W) -> scalar."""
    total = l1_loss(output, wanted)
    for _ in range(SIZES - 1):
        if output.ndim != 4 or min(output.shape[2:]) < 4:
            break
        output, wanted = avg_pool2d(output, 2), avg_pool2d(wanted, 2)
        total = total + l1_loss(output, wanted)
    return total


def wavelet_loss(output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """L1 of the high bands of three levels of a Haar transform, (N, C, H, W) -> scalar: a small generator loses detail,
    not the coarse picture; Zhang et al. 2022 (arXiv:2203.06321)."""
    total = output.new_zeros(())
    for _ in range(BANDS):
        if output.ndim != 4 or min(output.shape[2:]) < 2:
            break
        (output, made), (wanted, asked) = _haar(output), _haar(wanted)
        total = total + torch.stack([l1_loss(m, a) for m, a in zip(made, asked, strict=True)]).sum()
    return total


def _haar(image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The low band and the three high ones, orthonormal; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in image.shape[2:])
    a, b = image[:, :, 0:height:2, 0:width:2], image[:, :, 0:height:2, 1:width:2]
    c, d = image[:, :, 1:height:2, 0:width:2], image[:, :, 1:height:2, 1:width:2]
    return (a + b + c + d) / 2, [(a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2]


def relation_loss(made: list[torch.Tensor], asked: list[torch.Tensor]) -> torch.Tensor:
    """Squared difference of how alike all places of all samples are to each other, layer by layer, (N, C, H, W) of any
    two C -> scalar; after Tung, Mori 2019 (arXiv:1907.09682) and Liu et al. 2021 (arXiv:2108.06908)."""
    return torch.stack([mse_loss(_alike(m), _alike(a)) for m, a in zip(made, asked, strict=True)]).mean()


def _alike(features: torch.Tensor) -> torch.Tensor:
    rows = adaptive_avg_pool2d(features, PLACES).permute(0, 2, 3, 1).flatten(0, 2)
    rows = normalize(rows - rows.mean(0), dim=1)
    return rows @ rows.T


def layer_loss(made: list[torch.Tensor], asked: list[torch.Tensor], adapters: torch.nn.ModuleList) -> torch.Tensor:
    """Squared difference of intermediate features, in the teacher's variance, a learnt 1x1 convolution between; Li et
    al. 2020 (arXiv:2003.08936)."""
    return torch.stack(
        [mse_loss(adapter(m), a) / a.var().clamp_min(1e-6) for adapter, m, a in zip(adapters, made, asked, strict=True)]
    ).mean()
