"""Adam with a rate that changes from step to step, also inside a CUDA graph, where it has to be a tensor."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def adam(parameters: list[nn.Parameter], rate: float, device: str) -> torch.optim.Adam:
    """For networks on ``device``, as GANs are trained."""
    optimizer = torch.optim.Adam(parameters, rate, betas=(0.5, 0.99), fused=device == "cuda")
    at_home(optimizer, device)
    return optimizer


def at_home(optimizer: torch.optim.Optimizer, device: str) -> None:
    """Let an optimizer whose state came from any device go on on this one."""
    for group in optimizer.param_groups:
        rate = float(group["lr"])
        group["capturable"] = group["fused"] = device == "cuda"
        group["lr"] = torch.tensor(rate, device=device) if device == "cuda" else rate


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The rate of the next step, in place where it is a tensor."""
    for group in optimizer.param_groups:
        held: Any = group["lr"]
        if isinstance(held, torch.Tensor):
            held.fill_(rate)
        else:
            group["lr"] = rate
