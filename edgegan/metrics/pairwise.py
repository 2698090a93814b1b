"""Paired figures: the compressed picture against the float one, for the same input."""

from __future__ import annotations

import numpy as np

from edgegan.core.errors import MissingPackageError

IDENTICAL_DB = 200.0
"""What ``psnr_db`` gives for identical arrays, where the ratio is infinite and JSON has no number for it."""
RESAMPLES, TINY = 2000, 1e-30


def psnr_db(reference: np.ndarray, candidate: np.ndarray, value_range: tuple[float, float]) -> float:
    """10 log10(R^2 / MSE) over all values, R the width of ``value_range``; arrays of one shape, any rank."""
    return float(decibels(np.mean(_squared_errors(reference, candidate)), value_range))


def psnr_by_picture_db(reference: np.ndarray, candidate: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """PSNR of each picture of (N, ...), (N,): what the literature averages, which flatters where pictures differ."""
    return decibels(_errors_by_picture(reference, candidate), value_range)


def psnr_interval_db(
    reference: np.ndarray, candidate: np.ndarray, value_range: tuple[float, float]
) -> tuple[float, float] | None:
    """Between what the PSNR over as many other pictures of that kind lies, at 95 %. None for a single picture, which
    says nothing of others.

    Percentiles of the bootstrap over pictures (Efron 1979), seeded, of the ratio of two sets' errors: the pictures at
    hand are one draw, the others will be another. Widened by sqrt((n - 1) / (n - 3)), the deviation of Student's t, for
    few pictures show less than their spread.
    """
    errors = _errors_by_picture(reference, candidate)
    count = len(errors)
    if count < 2:
        return None
    if not errors.any():
        return IDENTICAL_DB, IDENTICAL_DB
    draws = np.random.default_rng(0).choice(errors, (2, RESAMPLES, count)).mean(2)
    ratios = 10.0 * np.log10(np.maximum(draws[0], TINY) / np.maximum(draws[1], TINY))
    below, above = np.percentile(ratios, [2.5, 97.5]) * np.sqrt((count - 1) / max(count - 3, 0.5))
    whole = psnr_db(reference, candidate, value_range)
    return whole + float(below), min(IDENTICAL_DB, whole + float(above))


def snr_db(reference: np.ndarray, candidate: np.ndarray) -> float | None:
    """10 log10(V / MSE), V the variance of all values of ``reference``: 0 is what one flat picture in their mean
    reaches, whatever range the values nominally have. None where the reference is flat itself."""
    variance = float(np.var(np.asarray(reference, np.float64)))
    error = float(np.mean(_squared_errors(reference, candidate)))
    if variance == 0.0:
        return None
    return IDENTICAL_DB if error == 0.0 else min(IDENTICAL_DB, 10.0 * float(np.log10(variance / error)))


def _squared_errors(reference: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    errors: np.ndarray = (np.asarray(reference, np.float64) - np.asarray(candidate, np.float64)) ** 2
    return errors


def _errors_by_picture(reference: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    return _squared_errors(reference, candidate).reshape(len(reference), -1).mean(1)


def decibels(errors: np.ndarray | np.floating, value_range: tuple[float, float]) -> np.ndarray:
    """10 log10(R^2 / error) of mean squared ``errors``, R the width of ``value_range``."""
    width = value_range[1] - value_range[0]
    with np.errstate(divide="ignore"):
        return np.minimum(IDENTICAL_DB, 10.0 * np.log10(width * width / np.asarray(errors)))


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
