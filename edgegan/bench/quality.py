"""Quality figures of one artifact's pictures, each null with its reason where it was not measured."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

import numpy as np

from edgegan.core.errors import MissingPackageError
from edgegan.metrics.pairwise import psnr_by_picture_db, psnr_db, psnr_interval_db, snr_db, ssim
from edgegan.metrics.spectral import is_sound, log_spectral_distance_db

SSIM_PICTURES = 16
"""Of many pictures so many have their SSIM taken: no gate rests on it, and it takes longer than making them."""
WORST_SHARE = 0.05
"""Of the pictures, the mean of whose PSNR stands beside that of all."""


def paired(
    images: np.ndarray, reference: np.ndarray, original: np.ndarray, value_range: tuple[float, float]
) -> dict[str, Any]:
    """PSNR and SNR of float (N, C, H, W) ``images`` against the float network they were made from, and PSNR against the
    original; of sounds (N, C, T) the distance of log spectra too."""
    by_picture = np.sort(psnr_by_picture_db(reference, images, value_range))
    worst = max(1, round(WORST_SHARE * len(by_picture)))
    interval = psnr_interval_db(reference, images, value_range)
    figures: dict[str, Any] = {
        "psnr_db": psnr_db(reference, images, value_range),
        "psnr_interval_db": None if interval is None else list(interval),
        "psnr_mean_db": float(by_picture.mean()),
        "psnr_worst_db": float(by_picture[:worst].mean()),
        "snr_db": snr_db(reference, images),
        "compared_pictures": len(images),
        "psnr_original_db": psnr_db(original, images, value_range),
    }
    if interval is None:
        figures["psnr_interval_db_reason"] = "one picture says nothing of others"
    if figures["snr_db"] is None:
        figures["snr_db_reason"] = "the network's own pictures are all one value"
    if is_sound(images.shape):
        figures["log_spectral_distance_db"] = log_spectral_distance_db(reference, images)
    return figures


def structural(reference: np.ndarray, images: np.ndarray, value_range: tuple[float, float]) -> dict[str, Any]:
    """SSIM and LPIPS of float (N, C, H, W) ``images``; null with the reason for small pictures, and where what they
    need is not installed."""
    return _ssim(reference, images, value_range) | _lpips(reference, images, value_range)


def _lpips(reference: np.ndarray, images: np.ndarray, value_range: tuple[float, float]) -> dict[str, Any]:
    try:
        from edgegan.metrics.lpips import lpips

        distance = lpips(reference[:SSIM_PICTURES], images[:SSIM_PICTURES], value_range)
    except ModuleNotFoundError as exc:
        return {"lpips": None, "lpips_reason": f"LPIPS needs {exc.name} (pip install 'edgegan[compress]')"}
    except MissingPackageError as exc:
        return {"lpips": None, "lpips_reason": " ".join(str(exc).split())}
    if distance is None:
        return {
            "lpips": None,
            "lpips_reason": "LPIPS is of pictures with 1 or 3 channels and at least 32 pixels a side",
        }
    return {"lpips": distance}


def _ssim(reference: np.ndarray, images: np.ndarray, value_range: tuple[float, float]) -> dict[str, Any]:
    try:
        similarity = ssim(reference[:SSIM_PICTURES], images[:SSIM_PICTURES], value_range)
    except MissingPackageError as exc:
        return {"ssim": None, "ssim_reason": " ".join(str(exc).split())}
    if similarity is None:
        return {"ssim": None, "ssim_reason": "pictures below 11 pixels a side have no SSIM window"}
    return {"ssim": similarity}


def unmeasured(reason: str) -> dict[str, Any]:
    return {
        key: value for name in ("fd_lite0", "kid_lite0") for key, value in ((name, None), (f"{name}_reason", reason))
    }


_KNOWN: OrderedDict[str, Any] = OrderedDict()
_MOST = 8
"""How many sets' features a process remembers: several runs in one process share real pictures, and originals."""


def _features(images: np.ndarray) -> Any:
    """Lite0 features (N, 1280) of uint8 (N, H, W, C), remembered by content."""
    from edgegan.metrics.features import extract

    key = hashlib.sha256(str(images.shape).encode() + np.ascontiguousarray(images).tobytes()).hexdigest()
    if key not in _KNOWN:
        _KNOWN[key] = extract(images)
        while len(_KNOWN) > _MOST:
            _KNOWN.popitem(last=False)
    return _KNOWN[key]


class SetDistances:
    """``fd_lite0`` and ``kid_lite0`` of picture sets against one reference set, whose features are computed once."""

    def __init__(self, reference: np.ndarray) -> None:
        self._reference = _features(reference)

    def against(self, images: np.ndarray) -> dict[str, Any]:
        """uint8 (N, H, W, C) -> the two figures and the counts they rest on."""
        from edgegan.metrics.distances import frechet_distance, kernel_distance

        features = _features(images)
        return {
            "fd_lite0": frechet_distance(self._reference, features),
            "kid_lite0": kernel_distance(self._reference, features),
            "pictures": [len(self._reference), len(features)],
        }
