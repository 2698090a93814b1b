"""LPIPS, how different two pictures look: distance between the features of a network that was trained to see, weighted
by people's judgement (Zhang et al. 2018, arXiv:1801.03924; version 0.1, AlexNet)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import max_pool2d

from edgegan.core.errors import ArtifactError, MissingPackageError
from edgegan.core.files import sha256

WEIGHTS = Path(__file__).parent / "weights" / "lpips-alex.safetensors"
SHA256 = "d26f76e14d96737df2f15908956f3a931daea24dfb6a529abf185168d5ba4ec1"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""By which its authors normalise channels of -1..1."""
SHAPES = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
"""Channels in and out, kernel, stride and padding of AlexNet's convolutions; the second and third read pooled ones."""
LEAST_SIDE, BATCH, TINY = 32, 8, 1e-10


class Lpips(nn.Module):
    """Two float (N, 1 or 3, H, W) in -1..1, of LEAST_SIDE pixels a side at least -> (N,): 0 for the same pictures."""

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, kernel, stride, pad) for i, o, kernel, stride, pad in SHAPES)
        self.heads = nn.ParameterList(nn.Parameter(torch.zeros(shape[1])) for shape in SHAPES)
        for name, values in (("shift", SHIFT), ("scale", SCALE)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        total = first.new_zeros(len(first))
        pair = (self.features((images - self.shift) / self.scale) for images in (first, second))
        for head, a, b in zip(self.heads, *pair, strict=True):
            difference = (_normalized(a) - _normalized(b)) ** 2
            total = total + (difference * head.view(1, -1, 1, 1)).sum(1).mean((1, 2))
        return total

    def features(self, value: torch.Tensor) -> list[torch.Tensor]:
        """What each convolution gives, rectified, for pictures that are normalised."""
        found = []
        for index, convolution in enumerate(self.convolutions):
            value = convolution(max_pool2d(value, 3, 2) if index in (1, 2) else value).relu()
            found.append(value)
        return found


@torch.no_grad()
def lpips(reference: np.ndarray, candidate: np.ndarray, value_range: tuple[float, float]) -> float | None:
    """Mean over the pictures, float (N, 1 or 3, H, W) in ``value_range``; None for pictures with other channels or less
    than 32 pixels a side. Raises MissingPackageError without safetensors."""
    if reference.ndim != 4 or reference.shape[1] not in (1, 3) or min(reference.shape[2:]) < LEAST_SIDE:
        return None
    network, found = lpips_network(), []
    for start in range(0, len(reference), BATCH):
        pair = (_prepared(images[start : start + BATCH], value_range) for images in (reference, candidate))
        found.append(network(*pair))
    return float(torch.cat(found).mean())


def _prepared(images: np.ndarray, value_range: tuple[float, float]) -> torch.Tensor:
    low, high = value_range
    return centred(torch.from_numpy(np.ascontiguousarray(images, np.float32)).clamp(low, high), value_range)


def centred(images: torch.Tensor, value_range: tuple[float, float]) -> torch.Tensor:
    """Images in ``value_range`` as the network takes them, in -1..1."""
    low, high = value_range
    return (images - low) * (2.0 / (high - low)) - 1.0


def _normalized(features: torch.Tensor) -> torch.Tensor:
    """Each place's features with length 1."""
    return features / (torch.linalg.vector_norm(features, dim=1, keepdim=True) + TINY)


@cache
def lpips_network() -> Lpips:
    """With its authors' weights, in evaluation; one for all who ask. Raises MissingPackageError, ArtifactError."""
    try:
        from safetensors.torch import load_file
    except ImportError as exc:
        raise MissingPackageError("safetensors", "compress", "LPIPS") from exc
    if sha256(WEIGHTS) != SHA256:
        raise ArtifactError(f"{WEIGHTS} is damaged: its SHA-256 is not the one that shipped")
    network = Lpips()
    network.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return network.eval()
