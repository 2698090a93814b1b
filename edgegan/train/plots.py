"""Pictures of a training run: the loss curve and a sheet of samples."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from edgegan.core.files import write_bytes
from edgegan.core.images import grid, write_png


def loss_curve(history: list[dict[str, float]], path: Path) -> None:
    """Every loss term over steps, and below it how much samples differ (1: as much as the data), as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    steps = [row["step"] for row in history]
    for name in sorted(set().union(*history) - {"step", "diversity"}):
        above.plot(steps, [row.get(name, float("nan")) for row in history], label=name)
    above.set(ylabel="loss")
    above.legend()
    below.plot(steps, [row["diversity"] for row in history], color="black")
    below.set(xlabel="step", ylabel="diversity", ylim=(0, None))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    write_bytes(path, buffer.getvalue())


def sample_sheet(images: np.ndarray, path: Path, columns: int = 8) -> None:
    """uint8 (N, H, W, C) as a sheet."""
    write_png(path, grid(images, columns))


def side_by_side(columns: list[np.ndarray]) -> np.ndarray:
    """Sets of uint8 (N, h, w, C), brought to the largest one's size and channels, in turns: (N * sets, H, W, C)."""
    height, width = max(c.shape[1] for c in columns), max(c.shape[2] for c in columns)
    channels = max(c.shape[3] for c in columns)
    enlarged = [
        c.repeat(height // c.shape[1], 1).repeat(width // c.shape[2], 2).repeat(channels // c.shape[3], 3)
        for c in columns
    ]
    return np.stack(enlarged, 1).reshape(-1, height, width, channels)
