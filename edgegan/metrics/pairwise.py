"""Paired figures: the compressed picture against the float one, for the same input."""

from __future__ import annotations

import numpy as np

from edgegan.core.errors import MissingPackageError

IDENTICAL_DB = 200.0
"""What ``psnr_db`` gives for identical arrays, where the ratio is infinite and JSON has no number for it."""


def psnr_db(reference: np.ndarray, candidate: np.ndarray, value_range: tuple[float, float]) -> float:
    """10 log10(R^2 / MSE) over all values, R the width of ``value_range``; arrays of one shape, any rank."""
    error = float(np.mean((np.asarray(reference, np.float64) - np.asarray(candidate, np.float64)) ** 2))
    width = value_range[1] - value_range[0]
    if error == 0.0:
        return IDENTICAL_DB
    return min(IDENTICAL_DB, 10.0 * float(np.log10(width * width / error)))


def ssim(reference: np.ndarray, candidate: np.ndarray, value_range: tuple[float, float]) -> float | None:
    """Mean SSIM of (N, C, H, W) pictures, Gaussian window 11, sigma 1.5 (Wang et al. 2004); None below 11 pixels a
    side."""
    if reference.ndim != 4 or min(reference.shape[2:]) < 11:
        return None
    try:
        import torch
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ImportError as exc:
        raise MissingPackageError("torchmetrics", "quality", "SSIM") from exc
    ours, wanted = (torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in (candidate, reference))
    similarity = structural_similarity_index_measure(ours, wanted, data_range=value_range[1] - value_range[0])
    assert isinstance(similarity, torch.Tensor)
    return float(similarity)
