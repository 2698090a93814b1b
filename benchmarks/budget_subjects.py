"""Whom ``benchmarks.budgets`` prunes: networks of the zoo, what they learn from, what their pictures are held against.

Training and judging never see the same pictures. Needs the Debian packages dataset-fashion-mnist and, for sr-compact,
lomiri-wallpapers-16.04 and lomiri-wallpapers-20.04.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import shared_inputs, subject
from benchmarks.photographs import LEARNT, pieces
from edgegan.core.images import read_idx, read_images, resized
from edgegan.core.sampling import float_to_image, pixels_to_float, sample_inputs
from edgegan.graph.graph import Graph
from edgegan.metrics.distances import frechet_distance
from edgegan.metrics.features import Lite0Features, extract
from edgegan.metrics.pairwise import psnr_db
from edgegan.prune.place import train_device
from edgegan.train.views import edges

FASHION = Path("/usr/share/datasets/fashion-mnist")
SANDALS, SNEAKERS = 5, 7
COUNT, PIECES, HELD_OUT = 2500, 2000, 60


@dataclass(frozen=True)
class Subject:
    """``images``: what an image input is drawn from in training. ``inputs``: of the judged pictures; ``judge``: floats
    (N, C, H, W) in -1..1 to the figure named ``figure``."""

    graph: Graph
    inputs: dict[str, np.ndarray]
    images: np.ndarray | None
    figure: str
    judge: Callable[[np.ndarray], float]


def fashion_dcgan() -> Subject:
    _, graph = subject("fashion-dcgan")
    return Subject(graph, shared_inputs(graph, COUNT), None, "fd_lite0", _distance(_fashion("t10k")[:COUNT]))


def fashion_cyclegan() -> Subject:
    """Sandals become sneakers: judged against the test images' thousand sneakers, on its thousand sandals."""
    _, graph = subject("fashion-cyclegan")
    inputs = sample_inputs(graph.spec.inputs, 1000, 42, _fashion("t10k", SANDALS))
    return Subject(graph, inputs, _fashion("train", SANDALS), "fd_lite0", _distance(_fashion("t10k", SNEAKERS)))


def fashion_pix2pix() -> Subject:
    """Edges become garments."""
    _, graph = subject("fashion-pix2pix")
    train, test = _fashion("train"), _fashion("t10k")[:COUNT]
    drawn = [np.stack([edges(picture) for picture in some]) for some in (train, test)]
    inputs = sample_inputs(graph.spec.inputs, COUNT, 42, drawn[1])
    return Subject(graph, inputs, drawn[0], "fd_lite0", _distance(test))


def sr_compact() -> Subject:
    """Photographs enlarged by two: PSNR to the photograph; those of one package are learnt, of the other judged."""
    _, graph = subject("sr-compact")
    large, learnt = pieces(128, HELD_OUT), pieces(128, PIECES, names=LEARNT)
    small, images = (np.stack([resized(picture, (64, 64)) for picture in some]) for some in (large, learnt))
    inputs = sample_inputs(graph.spec.inputs, HELD_OUT, 42, small)

    def judge(pictures: np.ndarray) -> float:
        return psnr_db(pixels_to_float(large, (-1, 1)), np.clip(pictures, -1, 1), (-1, 1))

    return Subject(graph, inputs, images, "psnr_db", judge)


SUBJECTS = {
    "fashion-dcgan": fashion_dcgan,
    "fashion-cyclegan": fashion_cyclegan,
    "fashion-pix2pix": fashion_pix2pix,
    "sr-compact": sr_compact,
}


def _fashion(part: str, only: int | None = None) -> np.ndarray:
    pictures = read_images(FASHION / f"{part}-images-idx3-ubyte.gz", size=(32, 32))
    if only is None:
        return pictures
    return pictures[read_idx(FASHION / f"{part}-labels-idx1-ubyte.gz") == only]


def _distance(real: np.ndarray) -> Callable[[np.ndarray], float]:
    network = Lite0Features().to(train_device())
    wanted = extract(real, network)
    return lambda pictures: float(frechet_distance(wanted, extract(float_to_image(pictures, (-1, 1)), network)))
