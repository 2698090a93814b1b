"""How different two pictures look, as a loss."""

from __future__ import annotations

import copy

import torch
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.metrics.lpips import LEAST_SIDE, Lpips, centred, lpips_network


class LookingLoss(nn.Module):
    """LPIPS of a student's pictures and the teacher's, (N, 1 or 3, H, W) in ``value_range`` -> scalar, 0 for the same.

    Raises ModelError for pictures of other ``shape`` (N, C, H, W), or of fewer than 32 pixels a side.
    """

    def __init__(self, shape: tuple[int, ...], value_range: tuple[float, float]) -> None:
        super().__init__()
        if len(shape) != 4 or shape[1] not in (1, 3) or min(shape[2:]) < LEAST_SIDE:
            raise ModelError(
                f"--loss lpips looks at pictures of 1 or 3 channels and {LEAST_SIDE} pixels a side at least; these are "
                f"{'x'.join(map(str, shape[1:]))}"
            )
        self.value_range = value_range
        self.network: Lpips = copy.deepcopy(lpips_network()).requires_grad_(False)

    def forward(self, output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        distances: torch.Tensor = self.network(*(centred(image, self.value_range) for image in (output, wanted)))
        return distances.mean()
