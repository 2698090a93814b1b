"""Distances between sets of pictures in feature space."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn
from torchmetrics.image.kid import KernelInceptionDistance

from edgegan.core.errors import UsageError
from edgegan.metrics.collected import Collected

SUBSETS, MOST_IN_SUBSET = 100, 1000
"""Of a kernel distance, as it is published; small sets are halved instead, 20 times."""


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
    sets = []
    for features in (real, generated):
        sets.append(Collected(features.shape[1]))
        sets[-1].add(features)
    return frechet_distance_of(*sets)


def frechet_distance_of(real: Collected, generated: Collected) -> float:
    """As ``frechet_distance``, of features that came one by one: the squared distance of the means, and the trace of
    S + T - 2 (S T)^(1/2) of the covariances; S T has the eigenvalues of S^(1/2) T S^(1/2), which is symmetric."""
    (mean, covariance), (other_mean, other_covariance) = real.gaussian(), generated.gaussian()
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    mixed = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp(min=0).sqrt().sum()
    apart = (mean - other_mean).square().sum()
    return float(apart + covariance.trace() + other_covariance.trace() - 2 * mixed)


def kernel_distance(real: torch.Tensor, generated: torch.Tensor, seed: int = 0) -> float:
    """Kernel distance (cubic polynomial MMD^2, unbiased), mean over 100 subsets of 1,000, or 20 of half the smaller set
    where there are fewer; Binkowski et al. 2018, arXiv:1801.01401."""
    _check(real, generated, 4)
    half = min(len(real), len(generated)) // 2
    metric = KernelInceptionDistance(
        feature=_Given(real.shape[1]),
        subsets=20 if half < MOST_IN_SUBSET else SUBSETS,
        subset_size=min(half, MOST_IN_SUBSET),
        normalize=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _compute(metric, real, generated)[0]


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
