"""Initial weights as the DCGAN paper has them, shared by the families that follow it."""

from __future__ import annotations

from torch import nn

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def normal_weights(network: nn.Module) -> nn.Module:
    """Weights from N(0, 0.02), BatchNorm scales from N(1, 0.02), biases zero; Radford et al. 2016, arXiv:1511.06434."""
    for module in network.modules():
        if isinstance(module, LAYERS):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
    return network
