"""Pictures of a training run: the loss curve and a sheet of samples."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from edgegan.core.files import write_bytes
from edgegan.core.images import grid, write_png


def loss_curve(history: list[dict[str, float]], path: Path) -> None:
    """Generator and discriminator loss over steps, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("generator", "discriminator"):
        axes.plot([row["step"] for row in history], [row[name] for row in history], label=name)
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    write_bytes(path, buffer.getvalue())


def sample_sheet(images: np.ndarray, path: Path) -> None:
    """uint8 (N, H, W, C) as an eight-column sheet."""
    write_png(path, grid(images, columns=8))
