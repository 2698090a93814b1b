"""Seeded weights of a trained network's magnitude, so that activations neither vanish nor grow with depth."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

LAYERS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)


@torch.no_grad()
def seeded(make: Callable[[], nn.Module], draw: Callable[[], torch.Tensor], gain: float = 1.6) -> nn.Module:
    """What ``make`` builds, weights drawn with variance ``gain`` over fan-in, BatchNorm's statistics taken from what
    ``draw`` gives, its scales and shifts away from 1 and 0."""
    torch.manual_seed(0)
    generator = make()
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in generator.modules():
        if isinstance(module, LAYERS):
            _set(module, torch.randn_like(module.weight) * (gain / _fan_in(module)) ** 0.5)
    for norm in norms:
        norm.momentum = None
        if norm.affine:
            norm.weight.uniform_(0.7, 1.3)
            norm.bias.normal_(0.0, 0.2)
    if norms:
        generator.train()
        for _ in range(4):
            generator(draw())
    return generator.eval()


def _set(module: nn.Module, weight: torch.Tensor) -> None:
    """Through weight norm and spectral norm, where the layer has one."""
    if nn.utils.parametrize.is_parametrized(module):
        module.weight = weight
    else:
        module.weight.copy_(weight)


def _fan_in(module: nn.Module) -> float:
    weight: torch.Tensor = module.weight
    if isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d):
        stride = 1
        for step in module.stride:
            stride *= step
        return weight[:, 0].numel() / stride
    return weight[0].numel()
