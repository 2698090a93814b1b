"""Features of a set of pictures as they come, in memory that does not grow with their number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from edgegan.core.errors import UsageError
from edgegan.core.files import atomic_path

KEPT = 5_000
"""Features that are kept for figures over neighbours and subsets, the first that come: pictures come in random
order."""
GATHERED = 512
"""Features whose products are taken at once."""


class Collected:
    """Sums for the mean and the covariance of all features (float64), and the first KEPT of them (float32)."""

    def __init__(self, dimensions: int) -> None:
        self.count = 0
        self.sum = torch.zeros(dimensions, dtype=torch.float64)
        self.products = torch.zeros(dimensions, dimensions, dtype=torch.float64)
        self._kept: list[torch.Tensor] = []
        self._waiting: list[torch.Tensor] = []

    def add(self, features: torch.Tensor) -> None:
        """Features (N, D) of further pictures."""
        have = sum(map(len, self._kept))
        if have < KEPT:
            self._kept.append(features[: KEPT - have].float())
        self._waiting.append(features)
        self.count += len(features)
        if sum(map(len, self._waiting)) >= GATHERED:
            self._gather()

    def _gather(self) -> None:
        if not self._waiting:
            return
        values = torch.cat(self._waiting).double()
        self._waiting = []
        self.sum += values.sum(0)
        self.products += values.T @ values

    @property
    def kept(self) -> torch.Tensor:
        """Float32 (at most KEPT, D)."""
        if len(self._kept) > 1:
            self._kept = [torch.cat(self._kept)]
        return self._kept[0]

    def gaussian(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (D) and covariance (D, D) of all that came, float64."""
        self._gather()
        mean = self.sum / self.count
        return mean, (self.products - self.count * torch.outer(mean, mean)) / (self.count - 1)

    def save(self, path: Path) -> None:
        self._gather()
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                count=np.int64(self.count),
                sum=self.sum.numpy(),
                products=self.products.numpy(),
                kept=self.kept.numpy(),
            )

    @classmethod
    def read(cls, path: Path) -> Collected:
        """What ``save`` wrote. Raises OSError, ValueError or KeyError where it is damaged."""
        with np.load(path, allow_pickle=False) as held:
            found = cls(len(held["sum"]))
            found.count, found.sum = int(held["count"]), torch.from_numpy(held["sum"])
            found.products, found._kept = torch.from_numpy(held["products"]), [torch.from_numpy(held["kept"])]
        return found


class Scores:
    """The Inception Score of class logits as they come, in ``splits`` consecutive parts of ``total`` pictures: exp of
    the mean KL divergence of p(y|x) from p(y) (Salimans et al. 2016, arXiv:1606.03498).

    Only with Inception's own logits is it the published score.
    """

    def __init__(self, total: int, splits: int = 10) -> None:
        if total < splits:
            raise UsageError(f"an Inception Score of {splits} splits needs as many pictures, found {total}")
        self._total, self._splits, self._done = total, splits, 0
        self._mean = self._entropy = torch.zeros(0)
        self._count = torch.zeros(splits, dtype=torch.float64)

    def add(self, logits: torch.Tensor) -> None:
        """Logits (N, K) of the next pictures."""
        chances = logits.double().softmax(1)
        if not len(self._mean):
            self._mean = torch.zeros(self._splits, chances.shape[1], dtype=torch.float64)
            self._entropy = torch.zeros(self._splits, dtype=torch.float64)
        part = torch.arange(self._done, self._done + len(chances)) * self._splits // self._total
        self._mean.index_add_(0, part, chances)
        self._entropy.index_add_(0, part, torch.xlogy(chances, chances).sum(1))
        self._count.index_add_(0, part, torch.ones(len(chances), dtype=torch.float64))
        self._done += len(chances)

    def value(self) -> float:
        """The mean over the parts; 1 at least."""
        marginal = self._mean / self._count[:, None]
        divergence = self._entropy / self._count - torch.xlogy(marginal, marginal).sum(1)
        return float(divergence.exp().mean())
