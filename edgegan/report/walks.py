"""Walks through latent space: pictures between samples, and along chosen directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgegan.bench.drawing import Drawer
from edgegan.core.files import atomic_path
from edgegan.core.images import enlarged
from edgegan.core.sampling import sample_inputs

FRAME_MS = 60


def slerp(start: np.ndarray, end: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Spherical interpolation of two vectors of one shape at ``shares`` (K,) in 0..1: (K, *shape).

    Shoemake 1985, doi:10.1145/325334.325242; White 2016, arXiv:1609.04468. Straight where the two are parallel.
    """
    a, b = start.ravel().astype(np.float64), end.ravel().astype(np.float64)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b)) or 1.0
    angle = float(np.arccos(np.clip(a @ b / lengths, -1.0, 1.0)))
    if np.sin(angle) < 1e-6:
        left, right = 1 - shares, shares
    else:
        left, right = np.sin((1 - shares) * angle) / np.sin(angle), np.sin(shares * angle) / np.sin(angle)
    return (left[:, None] * a + right[:, None] * b).reshape(len(shares), *start.shape).astype(np.float32)


def interpolation(drawer: Drawer, stops: int, between: int, seed: int) -> np.ndarray:
    """A round walk over ``stops`` seeded samples, ``between`` pictures from each to the next: uint8 (stops * between,
    H, W, C).

    Latents are turned spherically; classes and pictures that go in stay those of the first sample.
    """
    values = sample_inputs(drawer.spec.inputs, stops, seed, drawer.images)
    shares = np.arange(between) / between
    walked = {}
    for spec in drawer.spec.inputs:
        given = values[spec.name]
        if spec.kind == "latent":
            walked[spec.name] = np.concatenate([slerp(given[i], given[(i + 1) % stops], shares) for i in range(stops)])
        else:
            walked[spec.name] = np.repeat(given[:1], stops * between, 0)
    return drawer.pictures(walked)


def classes(drawer: Drawer, columns: int, seed: int) -> np.ndarray | None:
    """A row per class, the same latents in every row: uint8 (classes * columns, H, W, C); None without a class
    input."""
    spec = next((i for i in drawer.spec.inputs if i.classes), None)
    if spec is None:
        return None
    assert spec.classes is not None
    index = np.repeat(np.arange(spec.classes), columns)
    values = {
        name: np.tile(v, (spec.classes, *[1] * (v.ndim - 1)))
        for name, v in sample_inputs(drawer.spec.inputs, columns, seed).items()
    }
    values[spec.name] = (
        index.astype(np.int64) if spec.kind == "label" else np.eye(spec.classes, dtype=np.float32)[index]
    )
    return drawer.pictures(values)


def write_gif(frames: np.ndarray, path: Path, least_side: int = 128) -> None:
    """uint8 (N, H, W, C) as an endless GIF, small pictures enlarged by whole numbers."""
    from PIL import Image

    shown = [Image.fromarray(f[..., 0] if f.shape[-1] == 1 else f) for f in enlarged(frames, least_side)]
    with atomic_path(path) as temporary:
        shown[0].save(temporary, save_all=True, append_images=shown[1:], duration=FRAME_MS, loop=0)
