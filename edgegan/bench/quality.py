"""Quality figures of one artifact's pictures, each null with its reason where it was not measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgegan.metrics.pairwise import psnr_db, ssim


def paired(images: np.ndarray, reference: np.ndarray, original: np.ndarray, value_range: tuple[float, float]) -> dict[str, Any]:
    """PSNR and SSIM of float (N, C, H, W) ``images`` against the float network they were made from, and against the original."""
    figures: dict[str, Any] = {"psnr_db": psnr_db(reference, images, value_range), "psnr_original_db": psnr_db(original, images, value_range)}
    figures["ssim"] = ssim(reference, images, value_range)
    if figures["ssim"] is None:
        figures["ssim_reason"] = "pictures below 11 pixels a side have no SSIM window"
    return figures


def unmeasured(reason: str) -> dict[str, Any]:
    return {key: value for name in ("fd_lite0", "kid_lite0") for key, value in ((name, None), (f"{name}_reason", reason))}


class SetDistances:
    """``fd_lite0`` and ``kid_lite0`` of picture sets against one reference set, whose features are computed once."""

    def __init__(self, reference: np.ndarray) -> None:
        from edgegan.metrics.features import Lite0Features, extract

        self._network = Lite0Features()
        self._extract = extract
        self._reference = extract(reference, self._network)

    def against(self, images: np.ndarray) -> dict[str, Any]:
        """uint8 (N, H, W, C) -> the two figures and the counts they rest on."""
        from edgegan.metrics.distances import frechet_distance, kernel_distance

        features = self._extract(images, self._network)
        return {"fd_lite0": frechet_distance(self._reference, features), "kid_lite0": kernel_distance(self._reference, features), "pictures": [len(self._reference), len(features)]}
