"""Real pictures beside generated ones in the plane: principal components and t-SNE of their features."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from edgegan.core.files import write_bytes


def plane_positions(real: np.ndarray, generated: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Features (N, D) and (M, D) -> positions (N + M, 2) by ``PCA`` and ``t-SNE``; the real ones come first.

    t-SNE (van der Maaten, Hinton 2008) starts from the principal components, as scikit-learn does by default.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    both = np.concatenate([real, generated])
    perplexity = min(30.0, (len(both) - 1) / 3)
    return {
        "PCA": PCA(2, random_state=seed).fit_transform(both),
        "t-SNE": TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(both),
    }


def draw_map(positions: dict[str, np.ndarray], real_count: int, path: Path) -> None:
    """Both planes side by side, real and generated in two colours, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    for axes, (name, places) in zip(figure.subplots(1, 2), positions.items(), strict=True):
        for label, part in (("real", places[:real_count]), ("generated", places[real_count:])):
            axes.scatter(part[:, 0], part[:, 1], s=6, alpha=0.6, label=f"{label} ({len(part)})")
        axes.set(title=name, xticks=[], yticks=[])
        axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    write_bytes(path, buffer.getvalue())
