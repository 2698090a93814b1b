"""Precision and recall of a generator: do its pictures look real, and does it make all kinds of them."""

from __future__ import annotations

import torch

from edgegan.core.errors import UsageError

CHUNK = 1024


def precision_recall(real: torch.Tensor, generated: torch.Tensor, neighbours: int = 3) -> tuple[float, float]:
    """Share of ``generated`` within the manifold of ``real``, and the reverse; features (N, D) and (M, D), each 0..1.

    A manifold is the union of balls around its members that reach to their ``neighbours``-th nearest: Kynkäänniemi et
    al. 2019, arXiv:1904.06991. Compare only figures of equal counts. Raises UsageError for too few features.
    """
    if min(len(real), len(generated)) <= neighbours:
        raise UsageError(
            f"precision and recall need more than {neighbours} pictures on both sides, found {len(real)} and "
            f"{len(generated)}"
        )
    return _share_inside(generated, real, neighbours), _share_inside(real, generated, neighbours)


def _share_inside(points: torch.Tensor, manifold: torch.Tensor, neighbours: int) -> float:
    points, manifold = points.double(), manifold.double()
    radii = torch.cat([torch.cdist(part, manifold).kthvalue(neighbours + 1).values for part in manifold.split(CHUNK)])
    inside = torch.cat([(torch.cdist(part, manifold) <= radii).any(1) for part in points.split(CHUNK)])
    return inside.double().mean().item()
