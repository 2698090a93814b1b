"""The averaged generator: what is deployed is smoother than the last step's weights."""

from __future__ import annotations

import torch


@torch.no_grad()
def average_into(average: torch.nn.Module, current: torch.nn.Module, decay: float) -> None:
    """average <- decay average + (1 - decay) current, weights and norm statistics alike.

    Counters and the singular vectors of spectral norm are taken as they are: an average of unit vectors is none.
    """
    for weight, new in zip(average.parameters(), current.parameters(), strict=True):
        weight.lerp_(new.to(weight.dtype), 1 - decay)
    for (name, kept), buffer in zip(average.named_buffers(), current.buffers(), strict=True):
        if kept.dtype.is_floating_point and "parametrizations" not in name:
            kept.lerp_(buffer.to(kept.dtype), 1 - decay)
        else:
            kept.copy_(buffer)
