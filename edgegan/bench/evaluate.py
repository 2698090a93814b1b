"""How good a generator's pictures are: set figures over several seeds, with their spread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from edgegan.bench.drawing import Drawer
from edgegan.bench.known_features import known
from edgegan.bench.real_pictures import RealPictures
from edgegan.core.errors import UsageError
from edgegan.core.progress import Progress
from edgegan.core.sampling import image_to_float, sample_inputs

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
LATENTS, PIECE = 1000, 32
"""Inputs that are drawn at once, and pictures that are."""


def evaluate(
    drawer: Drawer, real: RealPictures, samples: int, seeds: list[int], network: Any, kind: str, progress: Progress
) -> dict[str, Any]:
    """Figures of ``samples`` pictures for each seed against ``real``, by the names of the feature network's ``kind``.

    Each figure: ``mean``, ``values`` by seed, and ``ci95``, the interval of Student's t over seeds (null with a reason
    for one seed). An image-to-image generator without noise draws its input pictures anew for each seed. Pictures are
    drawn, looked at and forgotten: memory does not grow with their number.
    """
    from edgegan.metrics.collected import KEPT, Collected, Scores
    from edgegan.metrics.distances import frechet_distance_of, kernel_distance
    from edgegan.metrics.features import batches
    from edgegan.metrics.manifold import precision_recall

    if real.count < LEAST or samples < LEAST:
        raise UsageError(
            f"{real.count} real pictures and {samples} samples: at least {LEAST} of each are needed for a distance "
            "between sets"
        )
    places = [int(place) for place in np.random.default_rng(0).permutation(real.count)[:samples]]
    steps = _Steps(progress, len(places) + samples * len(seeds))

    def collect(parts: Iterable[np.ndarray], scores: Scores | None = None) -> Collected:
        found = Collected(network.num_features)
        for part in parts:
            if part.shape[-1] not in (1, 3):
                raise UsageError(f"the feature network takes pictures of 1 or 3 channels, not {part.shape[-1]}")
            for batch in batches(part):
                features = network(batch)
                found.add(features)
                if scores is not None:
                    scores.add(network.logits(features))
                steps.add(len(batch))
        return found

    progress.stage("evaluate")
    wanted = known(real.digest(places), network.digest, lambda: collect(real.batches(places, PIECE)))
    steps.done = len(places)
    rows = []
    for seed in seeds:
        scores = Scores(samples)
        drawn = collect(_draw(drawer, samples, seed), scores)
        precision, recall = precision_recall(wanted.kept, drawn.kept)
        rows.append(
            {
                "frechet": frechet_distance_of(wanted, drawn),
                "kernel": kernel_distance(wanted.kept, drawn.kept),
                "precision": precision,
                "recall": recall,
                "score": scores.value(),
            }
        )
    fewer, names = min(wanted.count, samples), NAMES[kind]
    return {
        "model": drawer.name,
        "features": kind,
        "real": wanted.count,
        "samples": samples,
        "neighbours_among": min(KEPT, fewer),
        "seeds": seeds,
        "figures": {name: _summary([row[key] for row in rows]) for key, name in names.items()},
        "warnings": [
            f"{names['frechet']} from {fewer} pictures: its covariance has {network.num_features} dimensions and needs "
            "more pictures than that; compare it only with figures of as many"
        ]
        if fewer <= network.num_features
        else [],
    }


class _Steps:
    """How many pictures were looked at."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self.done = progress, total, 0

    def add(self, count: int) -> None:
        self.done += count
        self._progress.step(self.done, self._total)


def _draw(drawer: Drawer, samples: int, seed: int) -> Iterator[np.ndarray]:
    """uint8 (at most PIECE, H, W, C) each."""
    chosen = None
    if drawer.images is not None:
        chosen = np.random.default_rng([seed, 3]).integers(0, len(drawer.images), samples)
    for start in range(0, samples, LATENTS):
        count = min(LATENTS, samples - start)
        own_seed = seed if not start else int(np.random.SeedSequence([seed, start]).generate_state(1)[0])
        values = sample_inputs([i for i in drawer.spec.inputs if chosen is None or i.kind != "image"], count, own_seed)
        for first in range(0, count, PIECE):
            part = {name: array[first : first + PIECE] for name, array in values.items()}
            if chosen is not None and drawer.images is not None:
                images = drawer.images[chosen[start + first : start + min(first + PIECE, count)]]
                part |= {i.name: image_to_float(images, i) for i in drawer.spec.inputs if i.kind == "image"}
            yield drawer.pictures(part)


def _summary(values: list[float]) -> dict[str, Any]:
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "values": values, "ci95": None, "ci95_reason": "one seed says nothing of the spread"}
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": mean, "values": values, "ci95": [mean - half, mean + half]}
