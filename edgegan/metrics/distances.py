"""Distances between sets of pictures in feature space, computed by torchmetrics."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from edgegan.core.errors import UsageError


class _Given(nn.Module):
    """Features computed before: torchmetrics' feature network as the identity."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.num_features = dimensions

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def frechet_distance(real: torch.Tensor, generated: torch.Tensor) -> float:
    """Frechet distance of two Gaussians fitted to features (N, D) and (M, D); Heusel et al. 2017, arXiv:1706.08500.

    Biased upwards for few samples: compare only figures of equal counts. Raises UsageError below 2 samples.
    """
    _check(real, generated, 2)
    metric = FrechetInceptionDistance(feature=_Given(real.shape[1]), normalize=True)
    return _compute(metric, real, generated)[0]


def kernel_distance(real: torch.Tensor, generated: torch.Tensor, seed: int = 0) -> float:
    """Kernel distance (cubic polynomial MMD^2, unbiased), mean over 20 subsets; Binkowski et al. 2018,
    arXiv:1801.01401."""
    _check(real, generated, 4)
    metric = KernelInceptionDistance(
        feature=_Given(real.shape[1]), subsets=20, subset_size=min(len(real), len(generated)) // 2, normalize=True
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _compute(metric, real, generated)[0]


def inception_score(logits: torch.Tensor, splits: int = 10) -> float:
    """exp of the mean KL divergence of p(y|x) from p(y), over class logits (N, K), mean of ``splits``; 1 at least.

    Salimans et al. 2016, arXiv:1606.03498. Only with Inception's own logits is it the published score.
    """
    if len(logits) < splits:
        raise UsageError(f"an Inception Score of {splits} splits needs as many pictures, found {len(logits)}")
    metric = InceptionScore(feature=_Given(logits.shape[1]), splits=splits, normalize=False)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        metric.update(logits)
        return float(metric.compute()[0])


def _compute(metric: Any, real: torch.Tensor, generated: torch.Tensor) -> tuple[float, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric.set_dtype(torch.float64)
        metric.update(real, real=True)
        metric.update(generated, real=False)
        result = metric.compute()
    return tuple(float(r) for r in result) if isinstance(result, tuple) else (float(result),)


def _check(real: torch.Tensor, generated: torch.Tensor, least: int) -> None:
    if min(len(real), len(generated)) < least:
        raise UsageError(
            f"a distance between sets needs at least {least} pictures on both sides, found {len(real)} and "
            f"{len(generated)}"
        )
