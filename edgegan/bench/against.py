"""Quality of one artifact's pictures against another artifact's, and against real images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.images import read_images
from edgegan.core.sampling import float_to_image, sample_inputs
from edgegan.runtime import Generator, load

QUALITY_SEED = 3_000_003


def quality(
    artifact: Path, reference: Path | None, data: Path | None, samples: int, threads: int | None = None
) -> dict[str, Any]:
    """``{"quality": {...}}`` against another artifact's pictures and against real images; null with the reason for
    neither.

    Raises UsageError where the two artifacts do not take the same inputs.
    """
    if reference is None and data is None:
        return {
            "quality": None,
            "quality_reason": "give --reference (an artifact of the float network) or --data (real images)",
        }
    figures: dict[str, Any] = {}
    with load(artifact, threads=threads) as generator:
        image = next((i for i in generator.inputs if i.kind == "image"), None)
        channels, height, width = image.shape if image is not None else generator.manifest.output_shape
        real = None if data is None else read_images(data, size=(height, width), channels=channels)[:samples]
        inputs = sample_inputs(generator.inputs, samples, QUALITY_SEED, real if image is not None else None)
        pictures = generator.images(inputs)
        if reference is not None:
            figures |= _against(reference, generator, inputs, pictures, threads)
        if real is not None:
            from edgegan.bench.quality import SetDistances

            figures |= SetDistances(real).against(float_to_image(pictures, generator.output_range))
    return {"quality": figures}


def _against(
    reference: Path, generator: Generator, inputs: dict[str, np.ndarray], pictures: np.ndarray, threads: int | None
) -> dict[str, Any]:
    from edgegan.bench.quality import structural
    from edgegan.metrics.pairwise import psnr_db

    with load(reference, threads=threads) as other:
        if [(i.kind, i.shape) for i in other.inputs] != [
            (i.kind, i.shape) for i in generator.inputs
        ] or other.manifest.output_shape != generator.manifest.output_shape:
            raise UsageError(f"--reference {reference} takes other inputs or gives other pictures than the engine")
        renamed = {theirs.name: inputs[ours.name] for theirs, ours in zip(other.inputs, generator.inputs, strict=True)}
        wanted = other.images(renamed)
    figures = {"psnr_db": psnr_db(wanted, pictures, generator.output_range)}
    return figures | structural(wanted, pictures, generator.output_range)
