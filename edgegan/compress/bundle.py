"""A candidate as the bundle that a device builds its engine from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgegan.compress.options import Options
from edgegan.compress.rows import Built
from edgegan.compress.subject import Subject
from edgegan.core.manifest import read_manifest
from edgegan.export.bundle import BUILD_COMMAND, write_bundle


def write_candidate_bundle(
    path: Path,
    onnx: Path,
    built: Built,
    subject: Subject,
    options: Options,
    inputs: Mapping[str, np.ndarray],
    images: np.ndarray,
) -> Path:
    """Write ``onnx``, which has its manifest beside it, with ``inputs`` by name and the float network's ``images``
    (N, C, H, W) for them."""
    description = {
        "target": options.target.to_json(),
        "precision": built.precision or "fp32",
        "model": subject.name,
        "command": BUILD_COMMAND,
        "parser": list(built.notes),
        "manifest": read_manifest(onnx).content,
    }
    return write_bundle(path, onnx, description, {f"input_{k}": v for k, v in inputs.items()} | {"image": images})
