"""How good a generator's pictures are: set figures over several seeds, with their spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgegan.bench.drawing import Drawer
from edgegan.core.errors import UsageError
from edgegan.core.progress import Progress
from edgegan.core.sampling import sample_inputs

NAMES = {
    "lite0": {
        "frechet": "fd_lite0",
        "kernel": "kid_lite0",
        "precision": "precision_lite0",
        "recall": "recall_lite0",
        "score": "is_lite0",
    },
    "inception": {
        "frechet": "fid",
        "kernel": "kid",
        "precision": "precision",
        "recall": "recall",
        "score": "inception_score",
    },
}
LEAST = 16


def evaluate(
    drawer: Drawer, real: np.ndarray, samples: int, seeds: list[int], network: Any, kind: str, progress: Progress
) -> dict[str, Any]:
    """Figures of ``samples`` pictures for each seed against ``real`` (uint8 NHWC), by the names of the feature
    network's ``kind``.

    Each figure: ``mean``, ``values`` by seed, and ``ci95``, the interval of Student's t over seeds (null with a reason
    for one seed). An image-to-image generator without noise draws its input pictures anew for each seed.
    """
    from edgegan.metrics.distances import frechet_distance, inception_score, kernel_distance
    from edgegan.metrics.features import batches
    from edgegan.metrics.manifold import precision_recall

    if len(real) < LEAST or samples < LEAST:
        raise UsageError(
            f"{len(real)} real pictures and {samples} samples: at least {LEAST} of each are needed for a distance "
            "between sets"
        )
    if real.shape[-1] not in (1, 3):
        raise UsageError(f"the feature network takes pictures of 1 or 3 channels, not {real.shape[-1]}")
    real = real[np.random.default_rng(0).permutation(len(real))[:samples]]
    import torch

    total, done = len(real) + samples * len(seeds), 0

    def features(images: np.ndarray) -> torch.Tensor:
        nonlocal done
        parts = []
        for batch in batches(images):
            parts.append(network(batch))
            done += len(batch)
            progress.step(done, total)
        return torch.cat(parts)

    progress.stage("evaluate")
    wanted = features(real)
    rows = []
    for seed in seeds:
        drawn = features(_draw(drawer, samples, seed))
        precision, recall = precision_recall(wanted, drawn)
        rows.append(
            {
                "frechet": frechet_distance(wanted, drawn),
                "kernel": kernel_distance(wanted, drawn),
                "precision": precision,
                "recall": recall,
                "score": inception_score(network.logits(drawn)),
            }
        )
    figures = {name: _summary([row[key] for row in rows]) for key, name in NAMES[kind].items()}
    return {
        "model": drawer.name,
        "features": kind,
        "real": len(real),
        "samples": samples,
        "seeds": seeds,
        "figures": figures,
    }


def _draw(drawer: Drawer, samples: int, seed: int) -> np.ndarray:
    images = drawer.images
    if images is not None:
        images = images[np.random.default_rng([seed, 3]).integers(0, len(images), samples)]
    return drawer.pictures(sample_inputs(drawer.spec.inputs, samples, seed, images))


def _summary(values: list[float]) -> dict[str, Any]:
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "values": values, "ci95": None, "ci95_reason": "one seed says nothing of the spread"}
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": mean, "values": values, "ci95": [mean - half, mean + half]}
